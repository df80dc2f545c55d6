/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune census: who fills the table. */
#include "config.h"
#include "bars.h"
#include "cli.h"
#include "options.h"
#include "out.h"
#include "../bpf/chains.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <conntune/conntune.h>

#define TOP_DEFAULT 20
#define BAR_MIN 8               /* a shorter bar tells nothing: none then */
#define CELL_MAX 64
#define COLUMNS_MAX (CT_CENSUS_KEY__COUNT + 5)
#define LINE_MAX 2048

/**
 * struct report - what is shown
 * @top:    groups shown
 * @shown:  entries in them
 * @errors: at least one of them isn't exact
 * @in_kernel: counted there, not from a dump
 * @why_dump: else why not, unless a dump was asked for
 * @everybody: in the kernel: of all network namespaces
 * @changed: then: the table changed meanwhile
 * @slices, @slice_max_usec: then: runs of the program, and the longest one
 */
struct report {
	struct ct_facts facts;
	struct ct_census *census;
	const struct ct_census_result *result;
	uint64_t top, shown;
	bool errors;
	bool in_kernel, everybody, changed;
	struct ct_err why_dump;
	uint64_t slices;
	double slice_max_usec;
};

/* A table of text whose last column is a bar; the writer's own tables know no bars. */
struct columns {
	const char *label[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	unsigned keys, count;
};

typedef char cells[COLUMNS_MAX][CELL_MAX];

static void census_freep(struct ct_census **census)
{
	(void)ct_census_free(*census);
}

static void report_freep(struct report **report)
{
	free(*report);
}

static double share(const struct report *r, uint64_t entries)
{
	return r->result->total ? (double)entries / (double)r->result->total : 0;
}

static struct ct_census_group group_at(const struct report *r, uint64_t rank)
{
	struct ct_census_group g = { .values = 0 };

	(void)ct_census_group(r->census, rank, &g);
	return g;
}

/* ---- text */

static void add_column(struct columns *c, const char *label)
{
	c->label[c->count] = label;
	c->width[c->count++] = strlen(label);
}

static void fill_cells(const struct report *r, const struct ct_census_group *g, cells cell)
{
	unsigned n = g->values;

	for (unsigned i = 0; i < n; i++)
		(void)snprintf(cell[i], CELL_MAX, "%s", g->value[i].text);
	(void)snprintf(cell[n++], CELL_MAX, "%" PRIu64, g->entries);
	if (r->errors)
		(void)snprintf(cell[n++], CELL_MAX, "+%" PRIu64, g->error);
	if (r->result->bytes.known) {
		(void)snprintf(cell[n++], CELL_MAX, "%" PRIu64, g->packets);
		out_human(cell[n++], CELL_MAX, OUT_BYTES, (double)g->bytes);
	}
	out_human(cell[n], CELL_MAX, OUT_SHARE, share(r, g->entries));
}

static void measure(const struct report *r, struct columns *c)
{
	for (unsigned i = 0; ct_census_by(r->census, i) != CT_CENSUS_KEY__COUNT; i++)
		add_column(c, ct_census_key_name(ct_census_by(r->census, i)));
	c->keys = c->count;
	add_column(c, "entries");
	if (r->errors)
		add_column(c, "error");
	if (r->result->bytes.known) {
		add_column(c, "packets");
		add_column(c, "bytes");
	}
	add_column(c, "share");
	for (uint64_t rank = 0; rank < r->top; rank++) {
		struct ct_census_group g = group_at(r, rank);
		cells cell;

		fill_cells(r, &g, cell);
		for (unsigned i = 0; i < c->count; i++)
			if (strlen(cell[i]) > c->width[i])
				c->width[i] = strlen(cell[i]);
	}
}

/* Keys to the left, numbers to the right. Returns the columns of the screen that are taken. */
static size_t format(const struct columns *c, const char *const *text, char *line)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->count; i++)
		n += (size_t)snprintf(line + n, LINE_MAX - n, "%s%*s", i ? "  " : "",
				      i < c->keys ? -(int)c->width[i] : (int)c->width[i], text[i]);
	return n;
}

static void draw_row(struct out *out, const struct report *r, const struct columns *c, const struct bars_style *style,
		     uint64_t rank)
{
	struct ct_census_group g = group_at(r, rank);
	const char *text[COLUMNS_MAX];
	char line[LINE_MAX];
	size_t used, room;
	cells cell;

	fill_cells(r, &g, cell);
	for (unsigned i = 0; i < c->count; i++)
		text[i] = cell[i];
	used = format(c, text, line);
	/* the writer indents by 2, and 2 more are between number and bar */
	room = style->width > used + 4 ? style->width - used - 4 : 0;
	if (room >= BAR_MIN) {
		(void)strcpy(line + used, "  ");
		bars_draw(line + used + 2, LINE_MAX - used - 2, style, BARS_FOUND, share(r, g.entries), room, false);
	}
	out_drawn(out, line);
}

static void draw_groups(struct out *out, const struct report *r, bool plain)
{
	struct columns c = { .count = 0 };
	struct bars_style style;
	char line[LINE_MAX];

	if (r->top == 0)
		return;
	bars_style(&style, plain);
	measure(r, &c);
	out_begin(out, OUT_OBJECT, NULL, "Groups");
	(void)format(&c, c.label, line);
	out_drawn(out, line);
	for (uint64_t rank = 0; rank < r->top; rank++)
		draw_row(out, r, &c, &style, rank);
	out_end(out);
}

/* ---- JSON */

static void show_key(struct out *out, const struct ct_census_value *v)
{
	const char *name = ct_census_key_name(v->key);

	if (v->known && v->is_number)
		out_u64(out, name, NULL, OUT_PLAIN, v->number);
	else if (v->known)
		out_text(out, name, NULL, v->text);
}

static void show_groups(struct out *out, const struct report *r)
{
	out_begin(out, OUT_TABLE, "by", NULL);
	for (unsigned i = 0; ct_census_by(r->census, i) != CT_CENSUS_KEY__COUNT; i++)
		out_text(out, NULL, NULL, ct_census_key_name(ct_census_by(r->census, i)));
	out_end(out);
	out_begin(out, OUT_TABLE, "groups", NULL);
	for (uint64_t rank = 0; rank < r->top; rank++) {
		struct ct_census_group g = group_at(r, rank);

		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_begin(out, OUT_OBJECT, "key", NULL);
		for (unsigned i = 0; i < g.values; i++)
			show_key(out, &g.value[i]);
		out_end(out);
		out_u64(out, "entries", NULL, OUT_PLAIN, g.entries);
		out_u64(out, "error", NULL, OUT_PLAIN, g.error);
		if (r->result->bytes.known) {
			out_u64(out, "packets", NULL, OUT_PLAIN, g.packets);
			out_u64(out, "bytes", NULL, OUT_BYTES, g.bytes);
		}
		out_end(out);
	}
	out_end(out);
}

/* ---- both */

static void show_head(struct out *out, const struct report *r)
{
	const struct ct_census_result *t = r->result;
	char memory[32];

	out_human(memory, sizeof(memory), OUT_BYTES, (double)t->total * (double)r->facts.entry_bytes);
	out_line(out, "%" PRIu64 " entries of %s%s, %s; counted in %.2f s %s.", t->total,
		 r->everybody ? "all network namespaces" : "this network namespace",
		 t->total == t->received ? "" : " pass the filter", memory, t->seconds,
		 r->in_kernel ? "inside the kernel" : "from a dump");
	out_text(out, "source", NULL, r->in_kernel ? "kernel" : "dump");
	if (r->why_dump.code)
		out_text(out, "dump_reason", NULL, r->why_dump.msg);
	out_bool(out, "all_namespaces", NULL, r->everybody);
	out_u64(out, "total", NULL, OUT_PLAIN, t->total);
	out_u64(out, "received", NULL, OUT_PLAIN, t->received);
	out_u64(out, "groups_found", NULL, OUT_PLAIN, t->groups);
	out_bool(out, "exact", NULL, t->exact);
	out_u64(out, "bound", NULL, OUT_PLAIN, t->bound);
	out_bool(out, "filtered_by_kernel", NULL, t->filtered);
	out_bool(out, "resized", NULL, t->resized);
	out_u64(out, "dumps", NULL, OUT_PLAIN, t->attempts);
	out_real(out, "seconds", NULL, OUT_PLAIN, t->seconds);
	out_real(out, "cpu_seconds", NULL, OUT_PLAIN, t->cpu_seconds);
	out_known(out, "packets", NULL, OUT_PLAIN, t->packets);
	out_known(out, "bytes", NULL, OUT_BYTES, t->bytes);
	if (t->bytes.known)
		out_u64(out, "uncounted", NULL, OUT_PLAIN, t->uncounted);
}

/* What the table above leaves out or can't vouch for. */
static void show_remarks(struct out *out, const struct report *r)
{
	const struct ct_census_result *t = r->result;

	if (t->groups > r->top)
		out_line(out, "%" PRIu64 " %s groups with %" PRIu64 " entries aren't shown (--top).", t->groups - r->top,
			 t->exact ? "more" : "or more further", t->total - r->shown);
	if (!t->exact)
		out_line(out, "More different keys than the %" PRIu64 " that are kept: a group has as many entries as shown, "
			 "or up to its error more; one that isn't kept has %" PRIu64 " at most.", t->capacity, t->bound);
	if (t->bytes.known && t->uncounted)
		out_line(out, "%" PRIu64 " entries have no packet and byte counters: they are older than nf_conntrack_acct.",
			 t->uncounted);
	if (t->resized)
		out_line(out, "The number of buckets changed meanwhile: entries may be missing or counted twice.");
	if (r->changed)
		out_line(out, "The table changed meanwhile: entries may be missing or counted twice.");
	if (t->attempts > 1 && r->in_kernel)
		out_line(out, "The table was resized meanwhile, %u walks were given up.", t->attempts - 1);
	else if (t->attempts > 1)
		out_line(out, "The kernel broke off %u dumps before this one.", t->attempts - 1);
}

static void show_idle(struct out *out, const struct report *r)
{
	static const char *const names[CT_CENSUS_IDLE__COUNT] = { "1 min", "10 min", "1 h", "1 day" };
	const struct ct_census_result *t = r->result;

	out_begin(out, OUT_TABLE, "idle", "Idle, as far as the time-outs tell");
	for (unsigned i = 0; i < CT_CENSUS_IDLE__COUNT; i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, NULL, "longer than", names[i]);
		out_u64(out, "over_seconds", NULL, OUT_PLAIN, ct_census_idle_seconds((enum ct_census_idle)i));
		out_u64(out, "entries", "entries", OUT_PLAIN, t->idle[i]);
		out_real(out, NULL, "share", OUT_SHARE, share(r, t->idle[i]));
		out_u64(out, "memory_bytes", "memory", OUT_BYTES, t->idle[i] * r->facts.entry_bytes);
		out_end(out);
	}
	out_end(out);
	out_u64(out, "idle_unknown", NULL, OUT_PLAIN, t->idle_unknown);
	if (t->idle_unknown)
		out_line(out, "Of %" PRIu64 " entries it can't be told: their time-out isn't the one that is set now%s.",
			 t->idle_unknown, r->everybody ? ", or is set in another network namespace" : "");
}

static void show_walk(struct out *out, const struct report *r)
{
	if (!r->in_kernel)
		return;
	out_bool(out, "changed", NULL, r->changed);
	out_u64(out, "slices", NULL, OUT_PLAIN, r->slices);
	out_real(out, "slice_max_seconds", NULL, OUT_SECONDS, r->slice_max_usec / 1e6);
}

static void sum_up(struct report *r, const struct cli_options *opt)
{
	uint64_t top = opt->top ? opt->top : TOP_DEFAULT;

	r->result = ct_census_result(r->census);
	r->top = top < r->result->groups ? top : r->result->groups;
	for (uint64_t rank = 0; rank < r->top; rank++) {
		struct ct_census_group g = group_at(r, rank);

		r->shown += g.entries;
		r->errors |= g.error > 0;
	}
}

static double seconds_on(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Everything is paid for by this thread: loading, and the walk, which is done in its system calls. */
static int count_in_kernel(struct report *r, const struct cli_options *opt, struct ct_err *err)
{
	const struct chains_census wanted = {
		.facts = &r->facts,
		.everybody = opt->all_namespaces,
		.max_cpu_percent = (unsigned)opt->max_cpu,
	};
	const double began = seconds_on(CLOCK_MONOTONIC), cpu_began = seconds_on(CLOCK_THREAD_CPUTIME_ID);
	struct chains *chains = NULL;
	int ret;

	if (r->facts.presence == CT_PRESENCE_ABSENT)
		return cli_fail(err, -ENODATA, "connection tracking isn't loaded, so there is nothing to count");
	ret = chains_census(&chains, &wanted, err);
	if (ret < 0)
		return ret;
	ret = ct_census_take_counts(r->census, chains->counts, chains->kinds, chains->restarts + 1,
				    seconds_on(CLOCK_MONOTONIC) - began,
				    seconds_on(CLOCK_THREAD_CPUTIME_ID) - cpu_began, err);
	r->in_kernel = true;
	r->everybody = opt->all_namespaces;
	r->changed = chains->changed;
	r->slices = chains->slices;
	r->slice_max_usec = chains->slice_max_usec;
	chains_free(chains);
	return ret;
}

/* Counts of kinds can't answer everything that entries can. */
static int prefer_dump(const struct report *r, const struct ct_fs *fs, struct ct_err *err)
{
	const struct ct_value *acct = &r->facts.value[CT_PARAM_ACCT];

	if (!ct_fs_is_live(fs))
		return cli_fail(err, -EOPNOTSUPP, "this machine's kernel doesn't count for another one");
	if (acct->known && acct->v)
		return cli_fail(err, -EOPNOTSUPP, "packets and bytes, which nf_conntrack_acct has the kernel count, are "
				"in each entry");
	return ct_census_takes_counts(r->census, err);
}

/* Inside the kernel where that tells what is asked for, and is allowed; else by a dump. */
static int count(struct report *r, struct ct_fs *fs, const struct cli_options *opt, struct ct_err *err)
{
	int ret;

	if (opt->in_kernel || opt->all_namespaces)
		return count_in_kernel(r, opt, err);
	if (!opt->dump) {
		ret = prefer_dump(r, fs, &r->why_dump);
		if (ret == 0)
			ret = count_in_kernel(r, opt, &r->why_dump);
		if (ret == 0)
			return 0;
		if (ret == -ENOMEM)
			return cli_fail(err, ret, "%s", r->why_dump.msg);
	}
	return ct_census_run(r->census, fs, &r->facts, err);
}

int cmd_census(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	const struct ct_census_options options = {
		.by = opt->by,
		.prefix = opt->prefix,
		.filter = opt->filter,
		.max_cpu_percent = (unsigned)opt->max_cpu,
	};
	cli_cleanup(census_freep) struct ct_census *census = NULL;
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(report_freep) struct report *report = calloc(1, sizeof(*report));
	int r = report ? ct_census_new(&census, &options, err) : cli_fail(err, -ENOMEM, "out of memory");

	if (r == 0 && (opt->in_kernel || opt->all_namespaces))
		r = ct_census_takes_counts(census, err);
	if (r == 0)
		r = cli_open_root(&fs, opt, err);
	if (r == 0)
		r = ct_facts_collect(fs, NULL, &report->facts, err);
	if (r < 0)
		return r;
	report->census = census;
	r = count(report, fs, opt, err);
	if (r < 0)
		return r;
	sum_up(report, opt);
	show_head(out, report);
	draw_groups(out, report, opt->no_color);
	show_groups(out, report);
	show_remarks(out, report);
	show_idle(out, report);
	show_walk(out, report);
	return CLI_EXIT_OK;
}
