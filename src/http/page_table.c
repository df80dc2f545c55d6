/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table is like: over time, its chains, what was lost, memory, namespaces, kinds of entries. Pure. */
#include "config.h"
#include "page_internal.h"
#include "svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* What happened in a part of the time. */
struct sum {
	uint64_t peak, drops, early_drops, refused;
	int64_t peak_begin;
	double mean;
	uint32_t limit, rows;
};

static void sum_rows(const struct ct_recent_row *row, uint32_t n, int64_t begin, int64_t end, struct sum *ret)
{
	struct sum sum = { .peak = 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (row[i].begin < begin || row[i].begin >= end)
			continue;
		if (row[i].peak >= sum.peak) {
			sum.peak = row[i].peak;
			sum.peak_begin = row[i].begin;
		}
		sum.mean += row[i].mean;
		sum.limit = row[i].limit;
		sum.drops += row[i].drops;
		sum.early_drops += row[i].early_drops;
		sum.refused += row[i].refused;
		sum.rows++;
	}
	if (sum.rows)
		sum.mean /= sum.rows;
	*ret = sum;
}

static void write_sum_row(struct text *out, const struct sum *sum, int64_t begin, bool days)
{
	text_add(out, "<tr><th scope=\"row\">");
	if (days)
		people_date(out, begin);
	else
		people_clock(out, begin);
	text_add(out, "</th><td>");
	people_digits(out, sum->peak);
	text_add(out, "</td><td>");
	people_digits(out, (uint64_t)llround(sum->mean));
	text_add(out, "</td><td>");
	if (sum->limit)
		people_digits(out, sum->limit);
	else
		text_add(out, "none");
	text_add(out, "</td><td>");
	people_digits(out, sum->drops);
	text_add(out, "</td><td>");
	people_digits(out, sum->early_drops);
	text_add(out, "</td><td>");
	people_digits(out, sum->refused);
	text_add(out, "</td></tr>\n");
}

/* The picture's data, for those who don't see it. */
static void write_sums(struct text *out, const struct svg_history *h, int64_t part, const char *what)
{
	text_format(out,
		    "<details id=\"%s-data\"><summary>As a table</summary><div "
		    "class=\"scroll\"><table><caption>Entries %s</caption>"
		    "<thead><tr><th scope=\"col\">From (UTC)</th><th scope=\"col\">Peak</th><th scope=\"col\">Mean</th>"
		    "<th scope=\"col\">Limit</th><th scope=\"col\">Dropped</th><th scope=\"col\">Evicted</th>"
		    "<th scope=\"col\">Refused</th></tr></thead><tbody>\n",
		    h->words.id, what);
	for (int64_t t = h->begin / part * part; t < h->end; t += part) {
		struct sum sum;

		sum_rows(h->row, h->rows, t, t + part, &sum);
		if (sum.rows)
			write_sum_row(out, &sum, t, part == DAY);
	}
	text_add(out, "</tbody></table></div></details>\n");
}

static void add_lost(struct text *out, uint64_t n, const char *what, const char *before)
{
	if (n == 0)
		return;
	text_add(out, before);
	text_add(out, " ");
	people_digits(out, n);
	text_add(out, what);
}

/* One sentence that says what is to be seen. */
static void describe(struct text *out, const struct svg_history *h)
{
	struct sum sum;

	sum_rows(h->row, h->rows, h->begin, h->end, &sum);
	text_add(out, "Highest ");
	people_digits(out, sum.peak);
	text_add(out, " entries at ");
	people_date(out, sum.peak_begin);
	text_add(out, " UTC, mean ");
	people_digits(out, (uint64_t)llround(sum.mean));
	text_add(out, ". ");
	if (sum.drops + sum.early_drops + sum.refused == 0) {
		text_add(out, "Nothing was lost.");
		return;
	}
	text_add(out, "Lost:");
	add_lost(out, sum.drops, " packets dropped", "");
	add_lost(out, sum.early_drops, " entries evicted early", sum.drops ? "," : "");
	add_lost(out, sum.refused, " connections refused by the chain limit", sum.drops + sum.early_drops ? "," : "");
	text_add(out, ".");
}

static void write_legend(const struct page *p)
{
	static const char *const keys[][2] = {
		{ "key-peak", "highest" },
		{ "key-mean", "mean" },
		{ "key-limit", "limit" },
		{ "key-target", "recommended" },
		{ "key-ceiling", "ceiling: what memory allows" },
	};

	text_add(p->out, "<ul class=\"legend\" aria-hidden=\"true\">");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		text_format(p->out, "<li><svg width=\"22\" height=\"10\"><path class=\"%s\" d=\"%s\"/></svg>%s</li>",
			    keys[i][0], i == 0 ? "M0 0h22v10h-22z" : "M0 5h22", keys[i][1]);
	text_add(p->out, "</ul>\n");
}

static void draw(const struct page *p, struct svg_history *h, int64_t part, const char *what)
{
	struct text words = { 0 };

	describe(&words, h);
	h->words.description = words.bytes ? words.bytes : "";
	svg_history(p->out, h);
	if (h->seconds == 60)
		write_legend(p);
	text_add(p->out, "<p>");
	text_add(p->out, h->words.description);
	if (svg_history_is_log(h))
		text_add(p->out, " <span class=\"quiet\">The scale is logarithmic.</span>");
	text_add(p->out, "</p>\n");
	if (words.failed)
		p->out->failed = true;
	text_free(&words);
	write_sums(p->out, h, part, what);
}

static void set_levels(const struct ct_snapshot *s, struct svg_history *h)
{
	h->level[0] = (struct svg_level){ "limit", "level-limit", s->limit };
	h->level[1] = (struct svg_level){ "recommended", "level-target", s->target_limit };
	h->level[2] = (struct svg_level){ "ceiling", "level-ceiling", s->ceiling };
	if (s->limit.known && s->target_limit.known && s->limit.v == s->target_limit.v) {
		h->level[0].name = "limit, as recommended,";
		h->level[1].v.known = false;
	}
}

static int64_t end_of(const struct ct_recent_row *row, uint32_t n, int64_t seconds)
{
	return (row[n - 1].begin / seconds + 1) * seconds;
}

static void write_hours(const struct page *p, const struct ct_recent *r)
{
	struct svg_history h = {
		.words = { .id = "hours", .title = "Entries in the last six hours, by the minute" },
		.row = r->minute,
		.rows = r->minutes,
		.seconds = 60,
		.tick_seconds = HOUR,
		.height = 230,
	};

	h.end = end_of(r->minute, r->minutes, 60);
	h.begin = h.end - CT_RECENT_MINUTES * h.seconds;
	set_levels(p->s, &h);
	draw(p, &h, HOUR / 2, "by half hours");
}

static void write_week(const struct page *p, const struct ct_recent *r)
{
	struct svg_history h = {
		.words = { .id = "week", .title = "Entries in the last week, by the hour" },
		.row = r->hour,
		.rows = r->hours,
		.seconds = HOUR,
		.tick_seconds = DAY,
		.height = 110,
	};

	h.end = end_of(r->hour, r->hours, HOUR);
	h.begin = h.end - CT_RECENT_HOURS * h.seconds;
	set_levels(p->s, &h);
	draw(p, &h, DAY, "by days");
}

void page_history(const struct page *p)
{
	const struct ct_recent *r = p->view->recent;

	page_begin(p, "history", "wide", "Last six hours");
	if (r && r->minutes)
		write_hours(p, r);
	else
		text_add(p->out, "<p class=\"unknown\">No history yet: conntuned keeps a row each minute.</p>\n");
	page_end(p);
	if (!r || !r->hours)
		return;
	page_begin(p, "history-week", "wide", "Last week");
	write_week(p, r);
	page_end(p);
}

/* The kernel's rule, and how likely it strikes at this load. */
static void write_refusals(const struct page *p)
{
	uint32_t always, refusing = model_refusing(p->s, &always);

	if (!refusing) {
		text_add(p->out, "<p>This kernel has no chain limit: nobody is refused for a long chain, it is only "
				 "slow.</p>\n");
		return;
	}
	text_add(p->out, "<p>A newcomer is refused by a chain of ");
	text_format(p->out, refusing == always ? "%" PRIu32 : "%" PRIu32 " to %" PRIu32, refusing, always);
	text_format(p->out, " nodes or more%s. At this load that is <b>",
		    refusing == always ? "" : " (the kernel draws the limit anew for each)");
	text_format(p->out, "<data value=\"%.12g\" data-api=\"expected.refused\">", p->chains.refused);
	people_odds(p->out, p->chains.refused);
	text_add(p->out, "</data></b> new connections.</p>\n");
}

static const uint64_t *exact_of(const struct page *p, uint32_t *lengths)
{
	const struct view_observed *o = p->view->observed;

	if (!o || !o->chains_known || o->lengths == 0)
		return NULL;
	*lengths = o->lengths < VIEW_CHAINS ? o->lengths : VIEW_CHAINS;
	return o->buckets_of;
}

/* One length; beyond those that were counted nobody found a chain. */
static void write_chain_row(struct text *out, const struct svg_chains *c, uint32_t i, uint32_t counted)
{
	char api[64];

	text_format(out, "<tr><th scope=\"row\">%" PRIu32 "%s</th><td>", i, i + 1 == c->lengths ? " and more" : "");
	if (c->expected[i] > 0 && c->expected[i] < 0.5)
		text_add(out, "less than 1");
	else
		people_digits(out, (uint64_t)llround(c->expected[i]));
	if (c->has_exact) {
		text_add(out, "</td><td>");
		(void)snprintf(api, sizeof(api), "exact.histogram.%" PRIu32, i);
		people_u64(out, i < counted ? api : NULL, c->exact[i]);
	}
	text_add(out, "</td></tr>\n");
}

static void write_chain_rows(const struct page *p, const struct svg_chains *c, uint32_t counted)
{
	text_add(p->out, "<details id=\"chains-data\"><summary>As a table</summary><div class=\"scroll\"><table>"
			 "<caption>Buckets by chain length</caption><thead><tr><th scope=\"col\">Nodes</th>"
			 "<th scope=\"col\">Expected</th>");
	text_add(p->out,
		 c->has_exact ? "<th scope=\"col\">Exact</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n");
	for (uint32_t i = 0; i < c->lengths; i++)
		if (c->expected[i] >= 0.01 || c->exact[i])
			write_chain_row(p->out, c, i, counted);
	text_add(p->out, "</tbody></table></div></details>\n");
}

static void write_chain_legend(const struct page *p, bool exact)
{
	text_add(p->out, "<ul class=\"legend\" aria-hidden=\"true\"><li><svg width=\"22\" height=\"12\"><rect "
			 "class=\"expected\" "
			 "x=\"1\" y=\"1\" width=\"20\" height=\"10\"/></svg>expected</li>");
	if (exact)
		text_add(p->out, "<li><svg width=\"22\" height=\"12\"><rect class=\"exact\" x=\"6\" width=\"10\" "
				 "height=\"12\"/></svg>exact, observed</li>");
	text_add(p->out, "</ul>\n");
}

/* Expected of so many lengths as are known of either. */
static void draw_chains(const struct page *p, const uint64_t *exact, uint32_t lengths)
{
	double expected[VIEW_CHAINS] = { 0 };
	uint64_t found[VIEW_CHAINS] = { 0 };
	struct svg_chains c = {
		.words = { "chainbars", "Buckets by chain length, logarithmic scale",
			   exact ? "Wide bars: as expected of an even hash. Narrow bars: as counted in the kernel."
				 : "Bars: as expected of an even hash." },
		.expected = expected,
		.exact = found,
		.has_exact = exact,
		.lengths = p->chains.lengths,
	};

	(void)memcpy(expected, p->chains.histogram, sizeof(expected));
	if (exact)
		(void)memcpy(found, exact, lengths * sizeof(found[0]));
	if (exact && lengths > c.lengths)
		c.lengths = lengths;
	c.refusing = model_refusing(p->s, &c.always);
	svg_chains(p->out, &c);
	write_chain_legend(p, exact);
	write_chain_rows(p, &c, lengths);
}

void page_chains(const struct page *p)
{
	uint32_t lengths = 0;
	const uint64_t *exact = exact_of(p, &lengths);

	page_begin(p, "chains", "half", "Chains");
	if (!p->chains.known) {
		text_add(p->out, "<p class=\"unknown\">Entries of all network namespaces, or buckets, "
				 "aren\xe2\x80\x99t known.</p>\n");
		page_end(p);
		return;
	}
	text_add(p->out, "<p>");
	people_real(p->out, "expected.load", p->chains.load);
	text_add(p->out, " nodes in a bucket on average, the longest chain to be expected has ");
	people_u64(p->out, "expected.longest", p->chains.longest);
	text_add(p->out, ".</p>\n");
	write_refusals(p);
	draw_chains(p, exact, lengths);
	if (exact) {
		text_add(p->out, "<p class=\"quiet\">Counted exactly at ");
		people_time(p->out, "exact.time", p->view->observed->chains_unix);
		text_add(p->out, ".</p>\n");
	}
	page_end(p);
}

/* What the kernel means by each; those that lose something stand first. */
static const struct {
	enum ct_counter counter;
	const char *meaning;
} meanings[] = {
	{ CT_COUNTER_DROP,
	  "packets dropped: the table was full and nothing could go, or there was no memory; clashes count too" },
	{ CT_COUNTER_EARLY_DROP,
	  "entries evicted to make room: connections that weren\xe2\x80\x99t assured, most of them without an answer" },
	{ CT_COUNTER_INSERT_FAILED, "new entries that couldn\xe2\x80\x99t be inserted: clash, or a chain too long" },
	{ CT_COUNTER_CHAIN_TOO_LONG, "newcomers refused by a chain that was too long, although there was room" },
	{ CT_COUNTER_CLASH_RESOLVE, "two packets of one flow raced each other, and both went through" },
	{ CT_COUNTER_INVALID, "packets that fit no connection, or are malformed" },
	{ CT_COUNTER_ERROR, "packets that can\xe2\x80\x99t be tracked, ICMP errors among them" },
	{ CT_COUNTER_SEARCH_RESTART, "look-ups repeated because a node moved meanwhile" },
	{ CT_COUNTER_FOUND, "NAT wanted an address and port that were taken; until Linux 4.8: look-ups that hit" },
	{ CT_COUNTER_INSERT, "entries made by programs; until Linux 4.8: all entries" },
	{ CT_COUNTER_SEARCHED, "nodes that look-ups passed without a match" },
	{ CT_COUNTER_NEW, "entries made" },
	{ CT_COUNTER_IGNORE, "packets that were tracked already, or not to be tracked" },
	{ CT_COUNTER_DELETE, "entries removed" },
	{ CT_COUNTER_DELETE_LIST, "entries put on the list of the dying" },
	{ CT_COUNTER_EXPECT_NEW, "connections that a helper saw announced" },
	{ CT_COUNTER_EXPECT_CREATE, "expectations made" },
	{ CT_COUNTER_EXPECT_DELETE, "expectations removed" },
};

#define LOSSES 4

static bool has_watched(const struct page *p)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (p->s->watched_counter[i].known)
			return true;
	return false;
}

static void write_counter(const struct page *p, size_t i)
{
	enum ct_counter counter = meanings[i].counter;
	struct ct_u64 own = p->s->own_counter[counter], watched = p->s->watched_counter[counter];
	bool lost = i < LOSSES && ((own.known && own.v) || (watched.known && watched.v));
	char api[64];

	text_format(p->out, "<tr%s><th scope=\"row\">%s<small>%s</small></th><td>", lost ? " class=\"has-lost\"" : "",
		    ct_counter_name(counter), meanings[i].meaning);
	(void)snprintf(api, sizeof(api), "counters.own.%s", ct_counter_name(counter));
	people_known(p->out, api, own);
	if (has_watched(p)) {
		text_add(p->out, "</td><td>");
		(void)snprintf(api, sizeof(api), "counters.watched.%s", ct_counter_name(counter));
		people_known(p->out, api, watched);
	}
	text_add(p->out, "</td></tr>\n");
}

static void write_counters(const struct page *p, size_t from, size_t to, const char *caption)
{
	text_format(p->out,
		    "<div class=\"scroll\"><table class=\"counters\"><caption>%s</caption><thead><tr><th "
		    "scope=\"col\">Counter</th>"
		    "<th scope=\"col\">Ours</th>%s</tr></thead><tbody>\n",
		    caption, has_watched(p) ? "<th scope=\"col\">Others</th>" : "");
	for (size_t i = from; i < to; i++)
		if (p->s->own_counter[meanings[i].counter].known || p->s->watched_counter[meanings[i].counter].known)
			write_counter(p, i);
	text_add(p->out, "</tbody></table></div>\n");
}

void page_counters(const struct page *p)
{
	page_begin(p, "counters", "half", "Lost, by cause");
	if (!p->s->source[0] || strcmp(p->s->source, "count") == 0) {
		text_add(p->out,
			 "<p class=\"unknown\">The kernel\xe2\x80\x99s counters can\xe2\x80\x99t be read here.</p>\n");
		page_end(p);
		return;
	}
	write_counters(p, 0, LOSSES,
		       has_watched(p) ? "Totals since the counters began: this network namespace, and the "
					"fullest others while conntuned watched them"
				      : "Totals of this network namespace since its counters began");
	text_add(p->out, "<details id=\"counters-more\"><summary>Other counters</summary>");
	write_counters(p, LOSSES, sizeof(meanings) / sizeof(meanings[0]), "What the kernel counts besides");
	text_add(p->out, "</details>\n<p class=\"quiet\">Read from ");
	people_text(p->out, "counters.source", p->s->source);
	text_add(p->out, ".</p>\n");
	page_end(p);
}

static void write_bytes(const struct page *p, const char *key, const char *words, const char *api, struct ct_u64 bytes)
{
	if (!bytes.known)
		return;
	text_add(p->out, "<div><dt>");
	if (key)
		text_format(p->out,
			    "<svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"%s\" x=\"%d\" "
			    "width=\"%d\" height=\"14\"/></svg>",
			    key, strncmp(key, "mark", 4) == 0 ? 5 : 0, strncmp(key, "mark", 4) == 0 ? 3 : 14);
	text_add(p->out, words);
	text_add(p->out, "</dt><dd>");
	people_bytes(p->out, api, bytes.v);
	page_term_end(p);
}

static double share_of(struct ct_u64 v, double whole)
{
	return v.known && whole > 0 ? (double)v.v / whole : 0;
}

static double value_of(struct ct_u64 v)
{
	return v.known ? (double)v.v : 0;
}

/* The table against its budget. */
static void write_table_memory(const struct page *p)
{
	const struct ct_snapshot *s = p->s;
	double whole = fmax(fmax(value_of(s->budget_bytes), value_of(s->full_bytes)), value_of(s->table_bytes)) * 1.02;
	struct svg_bar bar = {
		.words = { "membar", "Memory of the table", "What it takes now, and full, against the budget." },
		.parts = s->budget_bytes.known ? 3 : 2,
		.part = { { "full-size", share_of(s->full_bytes, whole) },
			  { "now", share_of(s->table_bytes, whole) },
			  { "mark-budget", share_of(s->budget_bytes, whole) } },
	};

	if (whole <= 0)
		return;
	svg_bar(p->out, &bar);
	text_add(p->out, "<dl class=\"rows\">\n");
	write_bytes(p, "now", "Table now", "memory.bytes", s->table_bytes);
	write_bytes(p, "full-size", "Table when full", "memory.full_bytes", s->full_bytes);
	write_bytes(p, "mark-budget", "Budget: most that it may take", "memory.budget_bytes", s->budget_bytes);
	write_bytes(p, NULL, "Each entry", "memory.entry_bytes", s->entry_bytes);
	text_add(p->out, "</dl>\n");
}

/* The machine against the floor. */
static void write_machine_memory(const struct page *p)
{
	const struct ct_snapshot *s = p->s;
	double whole = value_of(s->ram_bytes);
	struct svg_bar bar = {
		.words = { "rambar", "Memory of the machine",
			   "What is available, against the floor below which nothing may grow." },
		.parts = s->floor_bytes.known ? 2 : 1,
		.part = { { "available", share_of(s->available_bytes, whole) },
			  { "mark-floor", share_of(s->floor_bytes, whole) } },
	};

	if (whole <= 0)
		return;
	text_add(p->out, "<h3>The machine</h3>\n");
	svg_bar(p->out, &bar);
	text_add(p->out, "<dl class=\"rows\">\n");
	write_bytes(p, "available", "Available", "memory.available_bytes", s->available_bytes);
	write_bytes(p, "mark-floor", "Floor: below it nothing may grow", "memory.floor_bytes", s->floor_bytes);
	write_bytes(p, NULL, "All of it", "memory.ram_bytes", s->ram_bytes);
	text_add(p->out, "</dl>\n");
}

void page_memory(const struct page *p)
{
	page_begin(p, "memory", "half", "Memory");
	write_table_memory(p);
	write_machine_memory(p);
	page_end(p);
}

static void write_namespace(const struct page *p, uint32_t i)
{
	const struct ct_netns_top *top = &p->s->top[i];
	struct ct_real fill = model_fill(p->s, (struct ct_u64){ true, top->entries });
	char api[64];

	text_add(p->out, "<tr><th scope=\"row\">");
	(void)snprintf(api, sizeof(api), "namespaces.top.%" PRIu32 ".name", i);
	if (top->name[0])
		people_text(p->out, api, top->name);
	else
		text_add(p->out, top->own ? "conntuned\xe2\x80\x99s own" : "without a name");
	if (top->own && top->name[0])
		text_add(p->out, " <small>conntuned\xe2\x80\x99s own</small>");
	text_add(p->out, "</th><td>");
	(void)snprintf(api, sizeof(api), "namespaces.top.%" PRIu32 ".inode", i);
	people_id(p->out, api, top->inode);
	text_add(p->out, "</td><td>");
	(void)snprintf(api, sizeof(api), "namespaces.top.%" PRIu32 ".entries", i);
	people_u64(p->out, api, top->entries);
	text_add(p->out, "</td><td>");
	(void)snprintf(api, sizeof(api), "namespaces.top.%" PRIu32 ".fill", i);
	if (fill.known)
		people_share(p->out, api, fill.v);
	text_add(p->out, "</td></tr>\n");
}

void page_namespaces(const struct page *p)
{
	const struct ct_snapshot *s = p->s;

	if (s->namespaces == 0)
		return;
	page_begin(p, "namespaces", "half", "Network namespaces");
	text_add(p->out, "<p>");
	people_u64(p->out, "namespaces.count", s->namespaces);
	text_add(p->out, s->namespaces == 1 ? " is seen" : " are seen");
	if (s->all_entries.known) {
		text_add(p->out, ", with ");
		people_u64(p->out, "all_entries", s->all_entries.v);
		text_add(p->out, s->namespaces == 1 ? " entries" : " entries together");
	}
	text_add(p->out,
		 ". They share the buckets; the limit is for each by itself.</p>\n"
		 "<div class=\"scroll\"><table><caption>The fullest, named after a process in them</caption><thead><tr>"
		 "<th scope=\"col\">Name</th><th scope=\"col\">Inode</th><th scope=\"col\">Entries</th>"
		 "<th scope=\"col\">Of the limit</th></tr></thead><tbody>\n");
	for (uint32_t i = 0; i < s->tops && i < CT_NETNS_TOP; i++)
		write_namespace(p, i);
	text_add(p->out, "</tbody></table></div>\n");
	page_end(p);
}

void page_census(const struct page *p)
{
	const struct view_observed *o = p->view->observed;
	char api[64];

	if (!o || !o->census_known || o->groups == 0)
		return;
	page_begin(p, "census", "half", "Kinds of entries");
	text_add(p->out, "<div class=\"scroll\"><table><caption>Counted at ");
	people_time(p->out, "census.time", o->census_unix);
	text_add(p->out, "</caption><thead><tr><th scope=\"col\">Protocol and state</th><th "
			 "scope=\"col\">Entries</th></tr></thead>"
			 "<tbody>\n");
	for (uint32_t i = 0; i < o->groups && i < VIEW_GROUPS; i++) {
		text_add(p->out, "<tr><th scope=\"row\">");
		text_html(p->out, o->group[i].protocol);
		text_add(p->out, " ");
		text_html(p->out, o->group[i].state);
		text_add(p->out, "</th><td>");
		(void)snprintf(api, sizeof(api), "census.groups.%" PRIu32 ".entries", i);
		people_u64(p->out, api, o->group[i].entries);
		text_add(p->out, "</td></tr>\n");
	}
	text_add(p->out, "</tbody></table></div>\n");
	page_end(p);
}
