/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntuned does about the table: plan, actions, time-outs; and how the programs themselves are. Pure. */
#include "config.h"
#include "page_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The newest of those that are kept: more is the journal's. */
#define ACTIONS_SHOWN 8

static void write_difference(const struct page *p, struct ct_u64 now, struct ct_u64 target)
{
	if (!now.known || !target.known)
		return;
	if (now.v == target.v)
		text_add(p->out, "as it should be");
	else if (now.v == 0 || now.v < target.v)
		text_add(p->out, "\xe2\x86\x91 raise");
	else
		text_add(p->out, "enough; not lowered");
}

static void write_plan_row(const struct page *p, const char *name, const char *api, struct ct_u64 now,
			   const char *target_api, struct ct_u64 target)
{
	text_format(p->out, "<tr><th scope=\"row\">%s</th><td>", name);
	people_known(p->out, api, now);
	text_add(p->out, "</td><td>");
	people_known(p->out, target_api, target);
	text_add(p->out, "</td><td>");
	write_difference(p, now, target);
	text_add(p->out, "</td></tr>\n");
}

static void write_foreign(const struct page *p)
{
	const struct ct_snapshot *s = p->s;
	char api[64];

	for (uint32_t i = 0; i < s->foreigns && i < CT_SNAPSHOT_FOREIGN; i++) {
		text_add(p->out, "<p class=\"notice\"><b>Left to others:</b> ");
		(void)snprintf(api, sizeof(api), "foreign.%" PRIu32 ".name", i);
		people_text(p->out, api, s->foreign[i].name);
		text_add(p->out, " was set to ");
		(void)snprintf(api, sizeof(api), "foreign.%" PRIu32 ".value", i);
		people_u64(p->out, api, s->foreign[i].value);
		text_add(p->out, " by somebody else, and is theirs until <code>conntune resume</code>.</p>\n");
	}
	if (s->limit_foreign_writes + s->buckets_foreign_writes == 0)
		return;
	text_add(p->out, "<p>Somebody else overwrote our limit ");
	people_u64(p->out, "foreign_writes.limit", s->limit_foreign_writes);
	text_add(p->out, " times, our buckets ");
	people_u64(p->out, "foreign_writes.buckets", s->buckets_foreign_writes);
	text_add(p->out, " times.</p>\n");
}

void page_plan(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	page_begin(p, "plan", "half", "Plan");
	text_add(p->out, "<div class=\"scroll\"><table><caption>What is, and what would be right</caption><thead><tr>"
			 "<th scope=\"col\">Value</th><th scope=\"col\">Now</th><th scope=\"col\">Recommended</th>"
			 "<th scope=\"col\">Difference</th></tr></thead><tbody>\n");
	write_plan_row(p, "Limit", "limit", s->limit, "target_limit", s->target_limit);
	write_plan_row(p, "Buckets", "buckets", s->buckets, "target_buckets", s->target_buckets);
	text_add(p->out, "</tbody></table></div>\n");
	if (s->ceiling.known) {
		text_add(p->out, "<p>The ceiling is ");
		people_u64(p->out, "ceiling", s->ceiling.v);
		text_add(p->out, " entries: the highest limit that the memory budget allows.</p>\n");
	}
	if (strcmp(s->mode, "advise") == 0 && s->target_limit.known)
		text_add(p->out, "<p>To follow it: <code>conntune apply</code>.</p>\n");
	write_foreign(p);
	page_end(p);
}

/* The member of an action, in the answer of the API. */
struct member {
	char path[64];
};

static const char *member(struct member *m, uint32_t i, const char *name)
{
	(void)snprintf(m->path, sizeof(m->path), "actions.%" PRIu32 ".%s", i, name);
	return m->path;
}

static void write_change(const struct page *p, uint32_t i, const char *what, struct ct_u64 from, struct ct_u64 to)
{
	struct member m;
	char name[32];

	if (!to.known)
		return;
	text_format(p->out, " <span class=\"change\">%s ", what);
	(void)snprintf(name, sizeof(name), "old_%s", what);
	if (from.known) {
		people_u64(p->out, member(&m, i, name), from.v);
		text_add(p->out, " \xe2\x86\x92 ");
	}
	(void)snprintf(name, sizeof(name), "new_%s", what);
	people_u64(p->out, member(&m, i, name), to.v);
	text_add(p->out, "</span>");
}

static void write_result(const struct page *p, uint32_t i, const struct ct_snapshot_action *a)
{
	struct member m;

	text_format(p->out, "<span class=\"result%s\" data-api=\"%s\">", strcmp(a->result, "failed") == 0 ? " bad" : "",
		    member(&m, i, "result"));
	text_html(p->out, a->result);
	text_add(p->out, "</span>");
}

static void write_words(const struct page *p, const char *before, const char *api, const char *words, const char *after)
{
	if (!words[0])
		return;
	text_add(p->out, before);
	people_text(p->out, api, words);
	text_add(p->out, after);
}

static void write_action(const struct page *p, uint32_t i)
{
	const struct ct_snapshot_action *a = &p->s->action[i];
	struct member m;

	text_add(p->out, "<li><p>");
	people_time(p->out, member(&m, i, "time"), (double)a->unix_usec / 1e6);
	text_add(p->out, " ");
	write_result(p, i, a);
	write_words(p, " <b>", member(&m, i, "action"), a->action, "</b>");
	write_change(p, i, "limit", a->old_limit, a->new_limit);
	write_change(p, i, "buckets", a->old_buckets, a->new_buckets);
	if (model_known(a->scale)) {
		text_add(p->out, " <span class=\"change\">to ");
		people_share(p->out, member(&m, i, "scale"), a->scale.v);
		text_add(p->out, " of their length</span>");
	}
	text_add(p->out, "</p><p>");
	write_words(p, "", member(&m, i, "text"), a->text, " ");
	write_words(p, "<small>reason ", member(&m, i, "reason"), a->reason, "</small>");
	text_add(p->out, "</p>");
	write_words(p, "<p class=\"quiet\">", member(&m, i, "evidence"), a->evidence, "</p>");
	write_words(p, "<p class=\"error\"><b>It failed:</b> ", member(&m, i, "error"), a->error, "</p>");
	if (model_known(a->stall_seconds)) {
		text_add(p->out, "<p class=\"quiet\">Tracking stood still for ");
		people_seconds(p->out, member(&m, i, "stall_seconds"), a->stall_seconds.v);
		text_add(p->out, " at most.</p>");
	}
	text_add(p->out, "</li>\n");
}

void page_actions(const struct page *p)
{
	uint32_t n = p->s->actions < CT_SNAPSHOT_ACTIONS ? p->s->actions : CT_SNAPSHOT_ACTIONS;

	page_begin(p, "actions", "half", "Last actions");
	if (n == 0)
		text_add(p->out, "<p class=\"unknown\">conntuned has changed nothing since it started.</p>\n");
	else
		text_add(p->out, "<ol class=\"actions\" reversed>\n");
	for (uint32_t i = 0; i < n && i < ACTIONS_SHOWN; i++)
		write_action(p, n - 1 - i);
	if (n)
		text_add(p->out, "</ol>\n");
	if (n > ACTIONS_SHOWN)
		text_format(p->out, "<p class=\"quiet\">%u older ones are in the status as JSON.</p>\n",
			    n - ACTIONS_SHOWN);
	page_end(p);
}

static const char *timeout_name(enum ct_param_id id)
{
	static const char prefix[] = "nf_conntrack_";
	const char *name = ct_param_get(id)->name;

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : name;
}

static void write_timeout(const struct page *p, enum ct_param_id id)
{
	char api[96];

	(void)snprintf(api, sizeof(api), "timeouts.%s", ct_param_get(id)->name);
	text_format(p->out, "<div><dt>%s</dt><dd>", timeout_name(id));
	people_seconds(p->out, api, (double)p->s->value[id].v);
	page_term_end(p);
}

void page_timeouts(const struct page *p)
{
	const struct ct_snapshot *s = p->s;
	bool any = false;

	for (enum ct_param_id id = 0; id < CT_PARAM__COUNT; id++) {
		if (ct_param_get(id)->unit != CT_UNIT_SECONDS || !s->value[id].known)
			continue;
		if (!any) {
			page_begin(p, "timeouts", "wide", "Time-outs");
			if (model_known(s->timeouts_scale)) {
				text_add(p->out, "<p class=\"notice\"><b>Shortened.</b> Unassured connections get ");
				people_share(p->out, "timeouts_scale", s->timeouts_scale.v);
				text_add(p->out, " of their usual length, until there is room again.</p>\n");
			}
			text_add(p->out, "<dl class=\"timeouts\">\n");
		}
		any = true;
		write_timeout(p, id);
	}
	if (any) {
		text_add(p->out, "</dl>\n");
		page_end(p);
	}
}

static void term_u64(const struct page *p, const char *words, const char *api, struct ct_u64 v)
{
	if (!v.known)
		return;
	page_term(p, words);
	people_u64(p->out, api, v.v);
	page_term_end(p);
}

static void term_bytes(const struct page *p, const char *words, const char *api, struct ct_u64 v)
{
	if (!v.known)
		return;
	page_term(p, words);
	people_bytes(p->out, api, v.v);
	page_term_end(p);
}

static void term_text(const struct page *p, const char *words, const char *api, const char *text)
{
	page_term(p, words);
	people_text(p->out, api, text);
	page_term_end(p);
}

static struct ct_u64 known(uint64_t v)
{
	return (struct ct_u64){ .known = true, .v = v };
}

static void write_daemon(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	text_add(p->out, "<div><h3>conntuned</h3>\n<dl class=\"rows\">\n");
	term_text(p, "Version", "version", s->version);
	term_text(p, "Kernel", "kernel", s->kernel);
	term_text(p, "Mode", "mode", s->mode);
	page_term(p, "Started");
	people_time(p->out, "started", (double)s->started_unix_usec / 1e6);
	page_term_end(p);
	term_u64(p, "Looks", "daemon.looks", known(s->looks));
	term_u64(p, "Looks that failed", "daemon.failed_looks", known(s->failed_looks));
	page_term(p, "Processor time");
	people_seconds(p->out, "daemon.cpu_seconds", (double)s->cpu_usec / 1e6);
	page_term_end(p);
	term_bytes(p, "Memory", "daemon.resident_bytes", s->resident_bytes);
	term_u64(p, "Descriptors", "daemon.descriptors", s->descriptors);
	text_add(p->out, "</dl></div>\n");
}

/* What changes with each question isn't in it: the answer is kept for a second. */
static void write_self(const struct page *p)
{
	const struct view_self *self = p->view->self;

	if (!self)
		return;
	text_add(p->out, "<div><h3>conntuned-http</h3>\n<dl class=\"rows\">\n");
	page_term(p, "Started");
	people_time(p->out, NULL, self->started_unix);
	page_term_end(p);
	term_u64(p, "Connections now", NULL, known(self->open));
	term_u64(p, "Connections accepted", NULL, known(self->accepted));
	term_u64(p, "Turned away, or too slow", NULL, known(self->refused + self->evicted + self->late));
	term_bytes(p, "Memory", NULL, self->resident_bytes);
	text_add(p->out, "</dl></div>\n");
}

void page_programs(const struct page *p)
{
	page_begin(p, "programs", "wide", "The programs");
	text_add(p->out, "<div class=\"pair\">");
	write_daemon(p);
	write_self(p);
	text_add(p->out, "</div>\n");
	page_end(p);
}
