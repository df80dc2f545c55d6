/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first thing to be seen: healthy or not, why, and what to do; below it the numbers that matter most. Pure. */
#include "config.h"
#include "page_internal.h"
#include "svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A table that is full sooner than a person can come is worth being seen, whatever conntuned does about it. */
#define SOON_SECONDS 600

/* Words for a cause, and how bad it is; names that aren't here are shown as they are. */
static const struct kind {
	const char *name, *headline, *sign;
} kinds[] = {
	{ "healthy", "Healthy", "ok" },
	{ "clashes", "Connections lost to clashes", "bad" },
	{ "assured", "Full: new connections are dropped", "bad" },
	{ "flood", "Full of connections that nobody answered", "bad" },
	{ "chain-limit", "New connections are refused: chains are too long", "bad" },
	{ "nat-ports", "NAT runs out of ports", "bad" },
	{ "namespace-hog", "Another network namespace takes the table", "warn" },
	{ "expectations", "The expectation table is full", "bad" },
	{ "ceiling", "Full, and memory allows no more", "bad" },
	{ "filling", "Nearly full", "warn" },
	{ "dropping", "Packets are dropped", "bad" },
	{ "no-limit", "No limit is set", "warn" },
	{ "unknown", "Not known", "none" },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* States in which conntuned itself can't do what it should. */
static const struct kind states[] = {
	{ "absent", "There is no connection tracking", "none" },
	{ "blind", "conntuned can't read or write the table's values", "warn" },
	{ "flood", "Connections that nobody answers grow", "warn" },
	{ "ceiling", "The memory budget is used up", "warn" },
	{ "memory", "The machine has no memory to spare", "warn" },
};

static const char *state_name(const struct ct_snapshot *s)
{
	return s->state < CT_SNAPSHOT_STATES ? s->state_name[s->state] : "";
}

static bool is_full_soon(const struct ct_snapshot *s)
{
	return model_known(s->full_in_seconds) && s->full_in_seconds.v > 0 && s->full_in_seconds.v < SOON_SECONDS;
}

/* What is wrong goes before what is near, and that before what is well. */
static void judge(const struct ct_snapshot *s, struct kind *ret)
{
	const struct kind *kind = kind_of(s->cause.name);

	*ret = (struct kind){ .name = s->cause.name, .headline = s->cause.name, .sign = "bad" };
	if (kind)
		*ret = *kind;
	if (s->cause.name[0] && !s->cause.healthy)
		return;
	*ret = s->cause.name[0] ? kinds[0] : (struct kind){ .headline = "Nothing can be said yet", .sign = "none" };
	if (is_full_soon(s))
		*ret = (struct kind){ .headline = "Filling up", .sign = "warn" };
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].name, state_name(s)) == 0 && !(is_full_soon(s) && i > 1))
			*ret = states[i];
}

void page_headline(const struct page *p)
{
	struct kind kind = { .headline = "Not known" };

	if (p->s)
		judge(p->s, &kind);
	text_html(p->out, p->s && p->view->old ? "Stale" : kind.headline);
}

static void begin(const struct page *p, const char *sign, const char *headline)
{
	text_format(p->out, "<section class=\"verdict %s\" aria-labelledby=\"verdict\">", sign);
	svg_sign(p->out, sign);
	text_add(p->out, "<div><h2 id=\"verdict\">");
	text_html(p->out, headline);
}

static void write_cause(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	if (!s->cause.name[0])
		return;
	text_add(p->out, "<p class=\"why\">");
	people_text(p->out, "cause.text", s->cause.text);
	text_add(p->out, "</p>\n");
	if (s->cause.evidence[0]) {
		text_add(p->out, "<p><b>Evidence:</b> ");
		people_text(p->out, "cause.evidence", s->cause.evidence);
		text_add(p->out, "</p>\n");
	}
	if (s->cause.remedy[0]) {
		text_add(p->out, "<p class=\"remedy\"><b>What to do:</b> ");
		people_text(p->out, "cause.remedy", s->cause.remedy);
		text_add(p->out, "</p>\n");
	}
}

/* What conntuned makes of it; a state of its own beside the cause. */
static void write_state(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	text_add(p->out, "<p><b>conntuned:</b> state <b>");
	people_text(p->out, "state", state_name(s));
	text_add(p->out, "</b> for ");
	people_seconds(p->out, "state_seconds", s->state_seconds);
	if (s->reason_text[0]) {
		text_add(p->out, ". ");
		people_text(p->out, "reason_text", s->reason_text);
	}
	if (s->evidence[0]) {
		text_add(p->out, " <span class=\"quiet\">(");
		people_text(p->out, "evidence", s->evidence);
		text_add(p->out, ")</span>");
	}
	text_add(p->out, "</p>\n");
}

static void write_mode(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	if (strcmp(s->mode, "advise") == 0)
		text_add(p->out, "<p class=\"notice\"><b>Advice only.</b> Mode <span data-api=\"mode\">advise</span>: "
				 "conntuned says "
				 "what it would do and writes nothing. The plan below is yours to carry out.</p>\n");
	if (s->hold) {
		text_add(p->out, "<p class=\"notice\"><b>Held,</b> by <code>conntune hold</code> or because a change "
				 "wasn\xe2\x80\x99t "
				 "confirmed: nothing is changed ");
		if (model_known(s->hold_seconds)) {
			text_add(p->out, "for another ");
			people_seconds(p->out, "hold.seconds_left", s->hold_seconds.v);
		} else {
			text_add(p->out, "until <code>conntune resume</code>");
		}
		text_add(p->out, ".</p>\n");
	}
	if (model_known(s->confirm_seconds)) {
		text_add(p->out, "<p class=\"notice\"><b>Waits to be confirmed.</b> The last change is taken back in ");
		people_seconds(p->out, "confirm.seconds_left", s->confirm_seconds.v);
		text_add(p->out, ", unless <code>conntune confirm</code> comes.</p>\n");
	}
}

static void write_age(const struct page *p)
{
	text_add(p->out, "<p class=\"quiet\">Looked at ");
	people_time(p->out, "time", (double)p->s->unix_usec / 1e6);
	text_format(p->out, ", <data value=\"%.12g\" data-api=\"age_seconds\">", p->view->age_seconds);
	people_span(p->out, floor(p->view->age_seconds));
	text_add(p->out, "</data> ago.</p>\n");
}

static void write_trouble(const struct page *p)
{
	if (p->view->trouble[0]) {
		text_add(p->out, "<p><b>Evidence:</b> ");
		people_text(p->out, "trouble", p->view->trouble);
		text_add(p->out, "</p>\n");
	}
	text_add(p->out, "<p class=\"remedy\"><b>What to do:</b> see whether conntuned runs: "
			 "<code>systemctl status conntuned</code>, <code>journalctl -u conntuned</code>.</p>\n");
}

static void write_stale(const struct page *p)
{
	struct kind kind;

	judge(p->s, &kind);
	begin(p, "stale", "Stale: these numbers are ");
	people_span(p->out, p->view->age_seconds);
	text_add(p->out,
		 " old</h2>\n<p class=\"why\">conntuned has told nothing since; what is now isn\xe2\x80\x99t known. "
		 "Everything below is how it was then.</p>\n");
	write_trouble(p);
	text_add(p->out, "<p><b>The last verdict:</b> ");
	text_html(p->out, kind.headline);
	text_add(p->out, ". ");
	people_text(p->out, p->s->cause.name[0] ? "cause.text" : NULL, p->s->cause.text);
	text_add(p->out, "</p>\n");
}

void page_verdict(const struct page *p)
{
	struct kind kind;

	if (!p->s) {
		begin(p, "none", "Not known");
		text_add(p->out,
			 "</h2>\n<p class=\"why\">conntuned has told nothing yet, so there is nothing to show.</p>\n");
		write_trouble(p);
	} else if (p->view->old) {
		write_stale(p);
		write_mode(p);
		write_age(p);
	} else {
		judge(p->s, &kind);
		begin(p, kind.sign, kind.headline);
		if (is_full_soon(p->s) && strcmp(kind.sign, "warn") == 0) {
			text_add(p->out, ", full in ");
			people_span(p->out, p->s->full_in_seconds.v);
		}
		text_add(p->out, "</h2>\n");
		write_cause(p);
		write_state(p);
		write_mode(p);
		write_age(p);
	}
	text_add(p->out, "</div></section>\n");
}

/* One of the big numbers, with a line below that says what it is beside. */
static void figure(const struct page *p, const char *words)
{
	page_term(p, words);
}

static void write_fill(const struct page *p)
{
	const struct ct_snapshot *s = p->s;
	struct ct_real fill = model_fill(s, s->entries), peak = model_fill(s, s->peak);
	struct svg_bar bar = {
		.words = { "fillbar", "Fill",
			   "Entries as a share of the limit; the mark is the highest since conntuned started." },
		.parts = peak.known ? 2 : 1,
		.part = { { fill.v >= 0.95 ? "now full" : "now", fill.v }, { "mark-peak", peak.v } },
	};

	if (!fill.known)
		return;
	text_add(p->out, "<div class=\"fill\"><p>");
	people_share(p->out, "fill", fill.v);
	text_add(p->out, " of the limit is used");
	if (peak.known) {
		text_add(p->out, "; the mark is the peak, ");
		people_u64(p->out, "peak", s->peak.v);
	}
	text_add(p->out, "</p>");
	svg_bar(p->out, &bar);
	text_add(p->out, "</div>\n");
}

static void write_growth(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	if (model_known(s->rate)) {
		figure(p, "Growth");
		people_rate(p->out, "growth_per_second", s->rate.v);
		text_add(p->out, "<small>/s</small>");
		page_term_end(p);
	}
	figure(p, "Full in");
	if (s->full_in_seconds.known && s->full_in_seconds.v == 0)
		text_add(p->out, "<data value=\"0\" data-api=\"full_in_seconds\">it is full</data>");
	else if (model_known(s->full_in_seconds))
		people_seconds(p->out, "full_in_seconds", s->full_in_seconds.v);
	else
		text_add(p->out, "<span class=\"unknown\">not in sight</span>");
	page_term_end(p);
}

static void write_unreplied(const struct page *p)
{
	if (!model_known(p->s->unreplied))
		return;
	figure(p, "Nobody answered");
	people_share(p->out, "unreplied", p->s->unreplied.v);
	text_add(p->out, " <small>of them</small>");
	page_term_end(p);
}

void page_figures(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	text_add(p->out, "<section class=\"card wide figures\" aria-labelledby=\"now\"><h2 id=\"now\">Now</h2>\n");
	if (!s->present)
		text_add(p->out, "<p>The kernel has no connection tracking loaded.</p>\n");
	write_fill(p);
	text_add(p->out, "<dl>\n");
	figure(p, "Entries");
	people_known(p->out, "entries", s->entries);
	page_term_end(p);
	figure(p, "Limit");
	if (s->limit.known && s->limit.v == 0)
		text_add(p->out, "<data value=\"0\" data-api=\"limit\">none</data>");
	else
		people_known(p->out, "limit", s->limit);
	page_term_end(p);
	figure(p, "Buckets");
	people_known(p->out, "buckets", s->buckets);
	page_term_end(p);
	write_growth(p);
	write_unreplied(p);
	if (s->expect_entries.known) {
		figure(p, "Expectations");
		people_u64(p->out, "expectations.entries", s->expect_entries.v);
		if (s->value[CT_PARAM_EXPECT_MAX].known && s->value[CT_PARAM_EXPECT_MAX].v >= 0) {
			text_add(p->out, " <small>of ");
			people_u64(p->out, "expectations.limit", (uint64_t)s->value[CT_PARAM_EXPECT_MAX].v);
			text_add(p->out, "</small>");
		}
		page_term_end(p);
	}
	text_add(p->out, "</dl>\n");
	page_end(p);
}
