/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune chains: how long bucket chains should be, and how long they are. */
#include "config.h"
#include "bars.h"
#include "cli.h"
#include "options.h"
#include "out.h"
#include "../bpf/chains.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <conntune/chain.h>
#include <conntune/facts.h>
#include <conntune/netns.h>

/* Rows of the picture; more lengths than that are shown in groups. */
#define ROWS_MAX 24

/* Namespaces shown to people; JSON has them all. */
#define NAMESPACES_SHOWN 10

/**
 * struct view - what is shown
 * @exact:    NULL if there isn't any; then @why says why
 * @nodes:    counted in the table, or else twice the entries of this network namespace
 * @netns:    names of namespaces, if nodes were counted by them
 * @lengths:  numbers in @expected: lengths 0 .. lengths - 1, the last one with all that is longer
 */
struct view {
	struct ct_u64 entries;
	uint64_t buckets, nodes;
	double load;
	unsigned longest;
	struct chains *exact;
	struct ct_netns_list *netns;
	struct ct_err why;
	struct ct_chain_fit fit;
	double *expected;
	size_t lengths;
};

static void view_free(struct view *v)
{
	chains_free(v->exact);
	(void)ct_netns_free(v->netns);
	free(v->expected);
}

/* The model for what was found. */
static int expect(struct view *v, struct ct_err *err)
{
	v->load = v->buckets ? (double)v->nodes / (double)v->buckets : 0;
	v->longest = ct_chain_longest(v->load, v->buckets);
	v->lengths = v->longest + 2;
	if (v->exact && v->exact->longest + 2 > v->lengths)
		v->lengths = v->exact->longest + 2;
	v->expected = calloc(v->lengths, sizeof(*v->expected));
	if (!v->expected)
		return cli_fail(err, -ENOMEM, "out of memory");
	ct_chain_histogram(v->load, v->buckets, v->expected, v->lengths);
	if (v->exact)
		ct_chain_fit(v->exact->histogram, v->exact->longest + 1, &v->fit);
	return 0;
}

static int collect(struct ct_fs *fs, struct view *v, bool by_namespace, struct ct_err *err)
{
	struct ct_facts facts;
	struct ct_u64 buckets;
	int r = ct_facts_collect(fs, NULL, &facts, err);

	if (r < 0)
		return r;
	v->entries = ct_facts_entries(&facts);
	buckets = ct_facts_buckets(&facts);
	if (!buckets.known || buckets.v == 0)
		return cli_fail(err, -ENODATA, "the number of buckets isn't known: connection tracking is %s",
				ct_presence_name(facts.presence));
	v->buckets = buckets.v;
	v->nodes = v->entries.known ? 2 * v->entries.v : 0;
	if (ct_fs_is_live(fs))
		r = chains_walk(&v->exact, by_namespace, &v->why);
	else
		r = cli_fail(&v->why, -EOPNOTSUPP, "a captured machine's table isn't there to be walked");
	/* after this the reason stays in v->why */
	if (r == 0) {
		v->buckets = v->exact->buckets;
		v->nodes = v->exact->nodes;
		if (by_namespace)
			r = ct_netns_collect(fs, &v->netns, err);
		if (r < 0)
			return r;
	} else if (!v->entries.known) {
		return cli_fail(err, r, "the number of entries isn't known, and %s", v->why.msg);
	}
	return expect(v, err);
}

static void show_table(struct out *out, const struct view *v)
{
	out_begin(out, OUT_OBJECT, NULL, "Table");
	out_u64(out, "buckets", "buckets", OUT_PLAIN, v->buckets);
	out_known(out, "entries", "entries", OUT_PLAIN, v->entries);
	out_note(out, "of this network namespace");
	out_u64(out, "nodes", "nodes", OUT_PLAIN, v->nodes);
	out_note(out, v->exact ? "counted, of all network namespaces" : "twice these entries; those of other network "
									"namespaces aren't known");
	out_text(out, "nodes_source", NULL, v->exact ? "exact" : "entries");
	out_end(out);
}

/* A list of numbers in JSON. */
static void show_expected(struct out *out, const struct view *v, bool json)
{
	out_begin(out, OUT_OBJECT, "expected", "Expected");
	out_real(out, "mean", "mean chain", OUT_RATIO, v->load);
	out_u64(out, "longest", "longest chain", OUT_PLAIN, v->longest);
	if (json) {
		out_begin(out, OUT_LIST, "histogram", NULL);
		for (size_t i = 0; i < v->lengths; i++)
			out_real(out, NULL, NULL, OUT_PLAIN, v->expected[i]);
		out_end(out);
	}
	out_end(out);
}

static void show_walk(struct out *out, const struct chains *c)
{
	out_u64(out, "misplaced", c->misplaced ? "misplaced" : NULL, OUT_PLAIN, c->misplaced);
	if (c->misplaced)
		out_note(out, "in chains that end in another bucket's marker");
	out_real(out, "seconds", NULL, OUT_SECONDS, c->seconds);
	out_u64(out, "slices", NULL, OUT_PLAIN, c->slices);
	out_real(out, "slice_max_seconds", NULL, OUT_SECONDS, c->slice_max_usec / 1e6);
	out_u64(out, "retried", NULL, OUT_PLAIN, c->retried);
	out_u64(out, "restarts", NULL, OUT_PLAIN, c->restarts);
	out_bool(out, "changed", NULL, c->changed);
}

static void show_exact(struct out *out, const struct view *v, bool json)
{
	const struct chains *c = v->exact;

	if (!c)
		return;
	out_begin(out, OUT_OBJECT, "exact", "Exact");
	out_real(out, "mean", "mean chain", OUT_RATIO, v->load);
	out_u64(out, "longest", "longest chain", OUT_PLAIN, c->longest);
	if (c->longest)
		out_note(out, "bucket %" PRIu64, c->longest_bucket);
	out_u64(out, "longest_bucket", NULL, OUT_PLAIN, c->longest_bucket);
	show_walk(out, c);
	if (json) {
		out_begin(out, OUT_LIST, "histogram", NULL);
		for (uint64_t i = 0; i <= c->longest; i++)
			out_u64(out, NULL, NULL, OUT_PLAIN, c->histogram[i]);
		out_end(out);
	}
	out_end(out);
}

static void show_fit(struct out *out, const struct view *v)
{
	const struct ct_chain_fit *f = &v->fit;

	if (!v->exact || v->nodes == 0)
		return;
	out_begin(out, OUT_OBJECT, "fit", NULL);
	out_real(out, "distance", NULL, OUT_SHARE, f->distance);
	out_real(out, "distance_by_chance", NULL, OUT_SHARE, f->by_chance);
	out_real(out, "chi_square", NULL, OUT_RATIO, f->chi_square);
	out_u64(out, "degrees", NULL, OUT_PLAIN, f->degrees);
	out_real(out, "p", NULL, OUT_SHARE, f->p);
	out_end(out);
	out_line(out, "Distance: %.2g %% of the buckets have another length than expected; chance alone makes about "
		 "%.2g %%.", 100 * f->distance, 100 * f->by_chance);
	if (f->p < 0.001)
		out_line(out, "That is no chance (p = %.0e): addresses are chosen so that they meet in few buckets, or the "
			 "table changed while it was read.", f->p);
}

/* What it is called, if it is called anything. */
static const char *name_of(const struct view *v, uint64_t inode, bool *own)
{
	const struct ct_netns *netns;

	*own = false;
	for (size_t i = 0; (netns = ct_netns_at(v->netns, i)); i++)
		if (netns->inode == inode) {
			*own = netns->own;
			return netns->name;
		}
	return "";
}

static void show_owner_rows(struct out *out, const struct view *v)
{
	const struct chains *c = v->exact;
	uint64_t rest = c->others;

	out_begin(out, OUT_TABLE, NULL, "Network namespaces");
	for (size_t i = 0; i < c->owners; i++) {
		bool own;
		const char *name = name_of(v, c->owner[i].inode, &own);

		if (i >= NAMESPACES_SHOWN) {
			rest += c->owner[i].nodes;
			continue;
		}
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, NULL, "name", name[0] ? name : own ? "(this one)" : "");
		out_u64(out, NULL, "inode", OUT_PLAIN, c->owner[i].inode);
		out_u64(out, NULL, "nodes", OUT_PLAIN, c->owner[i].nodes);
		out_real(out, NULL, "share", OUT_SHARE, (double)c->owner[i].nodes / (double)v->nodes);
		out_end(out);
	}
	if (rest)
		out_line(out, "... and others with %" PRIu64 " nodes.", rest);
	out_end(out);
}

static void show_owners(struct out *out, const struct view *v)
{
	const struct chains *c = v->exact;

	if (!v->netns)
		return;
	out_begin(out, OUT_LIST, "namespaces", NULL);
	for (size_t i = 0; i < c->owners; i++) {
		bool own;

		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, "name", NULL, name_of(v, c->owner[i].inode, &own));
		out_u64(out, "inode", NULL, OUT_PLAIN, c->owner[i].inode);
		out_u64(out, "nodes", NULL, OUT_PLAIN, c->owner[i].nodes);
		out_end(out);
	}
	out_end(out);
	out_u64(out, "other_nodes", NULL, OUT_PLAIN, c->others);
	if (c->owners)
		show_owner_rows(out, v);
}

/* The numbers of lengths @from .. @to - 1 together. */
static double sum_expected(const struct view *v, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; i < to && i < v->lengths; i++)
		sum += v->expected[i];
	return sum;
}

static double sum_exact(const struct view *v, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; v->exact && i < to && i <= v->exact->longest; i++)
		sum += (double)v->exact->histogram[i];
	return sum;
}

/* Is there anything to see at this length? */
static bool is_shown(const struct view *v, size_t length)
{
	return v->expected[length] >= 0.5 || sum_exact(v, length, length + 1) > 0;
}

/* Which lengths are drawn, @group to a row, and how. */
struct picture {
	struct bars_style style;
	size_t first, last, group;
	size_t series, cells;
	double scale;                   /* buckets of the longest bar */
};

static void picture_plan(const struct view *v, bool plain, struct picture *ret)
{
	struct picture p = { .first = 0, .last = v->lengths - 1, .series = v->exact ? 2 : 1 };

	while (p.first < p.last && !is_shown(v, p.first))
		p.first++;
	while (p.last > p.first && !is_shown(v, p.last))
		p.last--;
	p.group = (p.last - p.first) / ROWS_MAX + 1;
	bars_style(&p.style, plain);
	/* what isn't bar: indent, label, number, and blanks; gap, number and a blank of the second series */
	p.cells = (p.style.width - (p.series == 2 ? 34 : 22)) / p.series;
	for (size_t i = p.first; i <= p.last; i += p.group)
		p.scale = fmax(p.scale, fmax(sum_expected(v, i, i + p.group), sum_exact(v, i, i + p.group)));
	*ret = p;
}

/* One line: lengths, how many are expected and a bar, how many there are and a bar. */
static int draw_row(struct out *out, const struct view *v, const struct picture *p, size_t from, struct ct_err *err)
{
	double expected = sum_expected(v, from, from + p->group), exact = sum_exact(v, from, from + p->group);
	size_t bytes = 3 * p->cells + 16;
	cli_cleanup(cli_freep) char *left = malloc(bytes), *right = malloc(bytes), *line = NULL;
	char label[48];

	if (!left || !right)
		return cli_fail(err, -ENOMEM, "out of memory");
	(void)snprintf(label, sizeof(label), p->group > 1 ? "%zu-%zu" : "%zu", from, from + p->group - 1);
	bars_draw(left, bytes, &p->style, BARS_EXPECTED, expected / p->scale, p->cells, p->series == 2);
	bars_draw(right, bytes, &p->style, BARS_FOUND, exact / p->scale, p->cells, false);
	if (p->series == 2 ? asprintf(&line, "%9s %9.0f %s  %9.0f %s", label, expected, left, exact, right) < 0
			   : asprintf(&line, "%9s %9.0f %s", label, expected, left) < 0) {
		line = NULL;
		return cli_fail(err, -ENOMEM, "out of memory");
	}
	out_drawn(out, line);
	return 0;
}

static int draw(struct out *out, const struct view *v, bool plain, struct ct_err *err)
{
	struct picture p;
	char heading[128];
	int r = 0;

	if (v->nodes == 0)
		return 0;
	picture_plan(v, plain, &p);
	out_begin(out, OUT_LIST, NULL, "Buckets by chain length");
	(void)snprintf(heading, sizeof(heading), p.series == 2 ? "%9s %9s %*s  %9s" : "%9s %9s", "nodes", "expected",
		       (int)p.cells, "", "exact");
	out_drawn(out, heading);
	for (size_t i = p.first; r == 0 && i <= p.last; i += p.group)
		r = draw_row(out, v, &p, i, err);
	out_end(out);
	return r;
}

static void show_remarks(struct out *out, const struct view *v)
{
	const struct chains *c = v->exact;

	if (!c) {
		out_line(out, "Not counted: %s.", v->why.msg);
		out_text(out, "exact_missing", NULL, v->why.msg);
		return;
	}
	if (v->nodes == 0)
		out_line(out, "The table is empty: all %" PRIu64 " chains are.", v->buckets);
	if (c->restarts)
		out_line(out, "The table was resized while it was walked; this is the walk after the last resize.");
	if (c->changed)
		out_line(out, "The table changed during the walk of %.0f ms: it is not a picture of one moment.",
			 ceil(c->seconds * 1000));
}

static int show(struct out *out, const struct view *v, const struct cli_options *opt, struct ct_err *err)
{
	int r = 0;

	show_table(out, v);
	show_expected(out, v, opt->json);
	show_exact(out, v, opt->json);
	if (!opt->json)
		r = draw(out, v, opt->no_color, err);
	show_fit(out, v);
	show_owners(out, v);
	show_remarks(out, v);
	return r;
}

int cmd_chains(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(view_free) struct view v = { .buckets = 0 };
	int r = cli_open_root(&fs, opt, err);

	if (r == 0 && opt->exact && !ct_fs_is_live(fs))
		return cli_usage(err, "--exact counts in the table of this machine, --root describes another one");
	if (r == 0)
		r = collect(fs, &v, opt->by_namespace, err);
	if (r == 0)
		r = show(out, &v, opt, err);
	if (r < 0 || v.exact || !opt->exact)
		return r;
	/* shown all the same, so it is not an error that ends the output */
	*err = v.why;
	return (int)cli_exit_code(v.why.code);
}
