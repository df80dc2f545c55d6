/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything for a scraper: a table of families, walked once against a writer for one of the two formats. What isn't
 * known has no sample, and a family without samples isn't there at all. Pure.
 */
#include "config.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <conntune/chain.h>
#include <conntune/kernel.h>
#include <conntune/param.h>

/* Samples of one scrape; a family that would pass this is left out. A test has a lower one, which is easier to pass. */
#ifndef SERIES_MAX
#define SERIES_MAX 400
#endif

#define LABEL_BYTES 128

/* Of an answer, most of the time. */
#define USUAL_BYTES ((size_t)28 << 10)

enum type {
	GAUGE,
	COUNTER,
	INFO,
	STATE_SET,
	HISTOGRAM,
	GAUGE_HISTOGRAM,
};

/* When a family tells something: what is old may not tell what is now. */
enum needs {
	FRESH,
	ANY_SNAPSHOT,
	NOTHING,
};

struct writer;

/**
 * struct family
 * @name:    as OpenMetrics has it, without "_total" and "_info"
 * @unit:    "seconds", "bytes", "ratio", or NULL; the name ends in it
 * @u64, @real: of one sample, where in struct ct_snapshot it is; 0: not there
 * @value:   or how to get it
 * @samples: or how to write them all
 */
struct family {
	const char *name;
	enum type type;
	const char *unit, *help;
	enum needs needs;
	size_t u64, real;
	struct ct_real (*value)(const struct view *view);
	void (*samples)(struct writer *w, const struct view *view);
};

/**
 * struct writer - samples of one family after the other
 * @begun:  where the family begins in @out
 * @series, @series_before: samples so far, and before the family
 */
struct writer {
	struct text *out;
	enum metrics_format format;
	const struct family *family;
	size_t begun, series, series_before;
};

/* A list of these ends with a NULL name. */
struct label {
	const char *name, *value;
};

#define LABELS(...) ((const struct label[]){ __VA_ARGS__, { NULL, NULL } })

/* ---- the writer */

static const char *type_name(enum type type, enum metrics_format format)
{
	bool open = format == METRICS_OPEN;

	switch (type) {
	case GAUGE:
		return "gauge";
	case COUNTER:
		return "counter";
	case INFO:
		return open ? "info" : "gauge";
	case STATE_SET:
		return open ? "stateset" : "gauge";
	case HISTOGRAM:
		return "histogram";
	case GAUGE_HISTOGRAM:
		return open ? "gaugehistogram" : "histogram";
	}
	return "unknown";
}

/* What all samples of a family have behind its name. */
static const char *suffix_of(const struct family *f)
{
	return f->type == COUNTER ? "_total" : f->type == INFO ? "_info" : "";
}

/* In text 0.0.4 a family is named as its samples are. */
static void write_head(struct writer *w, const char *suffix, const char *type)
{
	const struct family *f = w->family;

	if (w->format == METRICS_OPEN)
		suffix = "";
	text_format(w->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name, suffix, f->help, f->name, suffix, type);
	if (w->format == METRICS_OPEN && f->unit)
		text_format(w->out, "# UNIT %s %s\n", f->name, f->unit);
}

static void write_label(struct writer *w, const struct label *label, char before)
{
	char value[2 * LABEL_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < LABEL_BYTES - 1 && label->value[i]; i++) {
		char c = label->value[i];

		if (c == '"' || c == '\\')
			value[n++] = '\\';
		value[n++] = c < ' ' || c > '~' ? '?' : c;
	}
	value[n] = '\0';
	text_format(w->out, "%c%s=\"%s\"", before, label->name, value);
}

/* Up to the blank before the value. */
static void write_name(struct writer *w, const char *suffix, const struct label *labels)
{
	char before = '{';

	if (w->out->n == w->begun)
		write_head(w, suffix_of(w->family), type_name(w->family->type, w->format));
	w->series++;
	text_add(w->out, w->family->name);
	text_add(w->out, suffix);
	for (; labels && labels->name; labels++) {
		write_label(w, labels, before);
		before = ',';
	}
	text_add(w->out, before == '{' ? " " : "} ");
}

/* The shortest of the usual lengths that reads back as the same number. */
static void format_real(char *ret, size_t n, double v)
{
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(ret, n, "%.*g", digits, v);
		if (strtod(ret, NULL) == v)
			break;
	}
}

static void write_real(struct writer *w, const char *suffix, const struct label *labels, double v)
{
	char number[32];

	if (!isfinite(v))
		return;
	write_name(w, suffix, labels);
	format_real(number, sizeof(number), v);
	text_format(w->out, "%s\n", number);
}

static void write_whole(struct writer *w, const char *suffix, const struct label *labels, uint64_t v)
{
	write_name(w, suffix, labels);
	text_format(w->out, "%" PRIu64 "\n", v);
}

static void add_real(struct writer *w, const struct label *labels, struct ct_real v)
{
	if (v.known)
		write_real(w, suffix_of(w->family), labels, v.v);
}

static void add_whole(struct writer *w, const struct label *labels, uint64_t v)
{
	write_whole(w, suffix_of(w->family), labels, v);
}

static void add_u64(struct writer *w, const struct label *labels, struct ct_u64 v)
{
	if (v.known)
		add_whole(w, labels, v.v);
}

/* ---- histograms */

/*
 * Bounds are written with a point in both formats, as OpenMetrics wants it: else Prometheus has one series for each
 * format.
 */
static void write_bucket(struct writer *w, double bound, uint64_t cumulative)
{
	char le[40] = "+Inf";

	if (isfinite(bound)) {
		format_real(le, sizeof(le) - 2, bound);
		if (!strpbrk(le, ".e"))
			(void)strcat(le, ".0");
	}
	write_whole(w, "_bucket", LABELS({ "le", le }), cumulative);
}

static void write_histogram(struct writer *w, const struct ct_snapshot_histogram *h)
{
	uint64_t cumulative = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		cumulative += h->count[i];
		write_bucket(w, h->bound[i], cumulative);
	}
	cumulative += h->count[h->n];
	write_bucket(w, INFINITY, cumulative);
	write_real(w, "_sum", NULL, h->sum);
	write_whole(w, "_count", NULL, cumulative);
}

/*
 * Text 0.0.4 has no gauge histogram. As in Prometheus' own client for Python the buckets are a histogram there and sum
 * and count are gauges of the same names as in OpenMetrics, so that one query serves both; "_count" would promise that
 * it only grows.
 */
static void write_gauge_total(struct writer *w, const char *suffix, uint64_t v)
{
	const struct family *f = w->family;

	if (w->format == METRICS_TEXT)
		text_format(w->out, "# HELP %s%s %s\n# TYPE %s%s gauge\n", f->name, suffix, f->help, f->name, suffix);
	write_whole(w, suffix, NULL, v);
}

/* Where chains get long; 51: the longest that a kernel with limits from 50 on never refuses. */
static const unsigned chain_bounds[] = { 0, 1, 2, 4, 6, 8, 12, 16, 32, 51 };

#define CHAIN_BOUNDS (sizeof(chain_bounds) / sizeof(chain_bounds[0]))

/* @upto: for each bound, buckets of at most so many nodes */
static void write_chains(struct writer *w, const uint64_t *upto, uint64_t buckets, uint64_t nodes)
{
	for (size_t i = 0; i < CHAIN_BOUNDS; i++)
		write_bucket(w, chain_bounds[i], upto[i]);
	write_bucket(w, INFINITY, buckets);
	write_gauge_total(w, "_gcount", buckets);
	write_gauge_total(w, "_gsum", nodes);
}

/* ---- values of one sample */

static const struct ct_real unknown = { .known = false };

static struct ct_real real(double v)
{
	return (struct ct_real){ .known = true, .v = v };
}

static struct ct_real load(const struct view *view)
{
	const struct ct_snapshot *s = view->snapshot;

	if (!s->all_entries.known || !s->buckets.known || s->buckets.v == 0)
		return unknown;
	return real(ct_chain_load(s->all_entries.v, s->buckets.v));
}

/* The kernel's are below 256, and each of them is tried. */
static struct ct_real refused(const struct view *view)
{
	const struct ct_kernel kernel = { .chain_limit_min = view->snapshot->chain_limit_min,
					  .chain_limit_max = view->snapshot->chain_limit_max };
	struct ct_real nodes = load(view);

	if (!nodes.known || kernel.chain_limit_max > UINT8_MAX)
		return unknown;
	return real(ct_chain_p_refused(nodes.v, &kernel));
}

static struct ct_real healthy(const struct view *view)
{
	return view->snapshot->cause.name[0] ? real(view->snapshot->cause.healthy) : unknown;
}

static struct ct_real chains_time(const struct view *view)
{
	return view->observed && view->observed->chains_known ? real(view->observed->chains_unix) : unknown;
}

static struct ct_real census_time(const struct view *view)
{
	return view->observed && view->observed->census_known ? real(view->observed->census_unix) : unknown;
}

static struct ct_real up(const struct view *view)
{
	return real(view->old ? 0 : 1);
}

static struct ct_real age(const struct view *view)
{
	return real(view->age_seconds);
}

static struct ct_real held(const struct view *view)
{
	return real(view->snapshot->hold);
}

static struct ct_real cpu(const struct view *view)
{
	return real((double)view->snapshot->cpu_usec / 1e6);
}

static struct ct_real started(const struct view *view)
{
	return real((double)view->snapshot->started_unix_usec / 1e6);
}

static struct ct_real own_cpu(const struct view *view)
{
	return real(view->self->cpu_seconds);
}

static struct ct_real own_start(const struct view *view)
{
	return real(view->self->started_unix);
}

/* ---- families of whole numbers, of several samples */

static void write_limit(struct writer *w, const struct view *view)
{
	/* 0: none, and then there is nothing to compare with */
	if (view->snapshot->limit.v)
		add_u64(w, NULL, view->snapshot->limit);
}

static void write_value(struct writer *w, const struct ct_snapshot *s, enum ct_param_id id)
{
	if (s->value[id].known && s->value[id].v >= 0)
		add_whole(w, NULL, (uint64_t)s->value[id].v);
}

static void write_expectations_limit(struct writer *w, const struct view *view)
{
	write_value(w, view->snapshot, CT_PARAM_EXPECT_MAX);
}

static void write_scrape_peak(struct writer *w, const struct view *view)
{
	add_u64(w, NULL, view->scrape_peak);
}

static void write_namespaces(struct writer *w, const struct view *view)
{
	if (view->snapshot->namespaces)
		add_whole(w, NULL, view->snapshot->namespaces);
}

static void write_namespace_entries(struct writer *w, const struct view *view)
{
	for (uint32_t i = 0; i < view->snapshot->tops; i++) {
		const struct ct_netns_top *top = &view->snapshot->top[i];
		char inode[24];

		(void)snprintf(inode, sizeof(inode), "%" PRIu64, top->inode);
		add_whole(w, LABELS({ "inode", inode }, { "name", top->name }), top->entries);
	}
}

/* "nf_conntrack_tcp_timeout_established": tcp_established */
static void name_timeout(char *ret, size_t n, const char *name)
{
	const char *timeout;

	if (strncmp(name, "nf_conntrack_", 13) == 0)
		name += 13;
	else if (strncmp(name, "nf_", 3) == 0)
		name += 3;
	timeout = strstr(name, "_timeout");
	if (timeout)
		(void)snprintf(ret, n, "%.*s%s", (int)(timeout - name), name, timeout + 8);
	else
		(void)snprintf(ret, n, "%s", name);
}

static void write_timeouts(struct writer *w, const struct view *view)
{
	for (unsigned i = 0; i < CT_PARAM__COUNT; i++) {
		const struct ct_param *p = ct_param_get(i);
		char name[64];

		if (!view->snapshot->value[i].known || view->snapshot->value[i].v < 0 || p->unit != CT_UNIT_SECONDS ||
		    p->access == CT_ACCESS_READ)
			continue;
		name_timeout(name, sizeof(name), p->name);
		add_whole(w, LABELS({ "timeout", name }), (uint64_t)view->snapshot->value[i].v);
	}
}

static void write_expected_chains(struct writer *w, const struct view *view)
{
	const struct ct_snapshot *s = view->snapshot;
	struct ct_real nodes = load(view);
	uint64_t upto[CHAIN_BOUNDS];

	if (!nodes.known)
		return;
	for (size_t i = 0; i < CHAIN_BOUNDS; i++)
		upto[i] = (uint64_t)llround((double)s->buckets.v *
					    (1 - ct_chain_p_at_least(nodes.v, chain_bounds[i] + 1)));
	write_chains(w, upto, s->buckets.v, 2 * s->all_entries.v);
}

static void write_exact_chains(struct writer *w, const struct view *view)
{
	const struct view_observed *o = view->observed;
	uint64_t upto[CHAIN_BOUNDS], buckets = 0;
	size_t at = 0;

	if (!o || !o->chains_known)
		return;
	for (uint32_t i = 0; i < o->lengths; i++) {
		for (; at < CHAIN_BOUNDS && chain_bounds[at] < i; at++)
			upto[at] = buckets;
		buckets += o->buckets_of[i];
	}
	for (; at < CHAIN_BOUNDS; at++)
		upto[at] = buckets;
	write_chains(w, upto, buckets, o->chains_nodes);
}

static void write_census(struct writer *w, const struct view *view)
{
	const struct view_observed *o = view->observed;

	for (uint32_t i = 0; o && o->census_known && i < o->groups; i++)
		add_whole(w, LABELS({ "protocol", o->group[i].protocol }, { "state", o->group[i].state }),
			  o->group[i].entries);
}

static void write_cause(struct writer *w, const struct view *view)
{
	if (view->snapshot->cause.name[0] && !view->snapshot->cause.healthy)
		add_whole(w, LABELS({ "cause", view->snapshot->cause.name }), 1);
}

static void write_build(struct writer *w, const struct view *view)
{
	add_whole(w, LABELS({ "version", view->snapshot->version }, { "kernel", view->snapshot->kernel }), 1);
}

static void write_mode(struct writer *w, const struct view *view)
{
	add_whole(w, LABELS({ "mode", view->snapshot->mode }), 1);
}

static void write_state(struct writer *w, const struct view *view)
{
	const struct ct_snapshot *s = view->snapshot;

	for (uint32_t i = 0; i < s->states; i++)
		add_whole(w, LABELS({ "conntuned_state", s->state_name[i] }), i == s->state);
}

static void write_result(struct writer *w, const char *reason, const char *result, uint64_t v, bool expected)
{
	if (v || expected)
		add_whole(w, LABELS({ "reason", reason }, { "result", result }), v);
}

/* What can happen is there from the start, so that its first time shows as a rise; in mode advise nothing is done. */
static void write_actions(struct writer *w, const struct view *view)
{
	const struct ct_snapshot *s = view->snapshot;
	bool advises = strcmp(s->mode, "advise") == 0;

	for (uint32_t i = 0; i < s->reasons; i++) {
		const struct ct_snapshot_reason *r = &s->reason_count[i];

		write_result(w, r->name, "done", r->done, !advises);
		write_result(w, r->name, "advised", r->advised, advises);
		write_result(w, r->name, "failed", r->failed, !advises);
	}
}

static void write_foreign(struct writer *w, const struct view *view)
{
	add_whole(w, LABELS({ "parameter", "limit" }), view->snapshot->limit_foreign_writes);
	add_whole(w, LABELS({ "parameter", "buckets" }), view->snapshot->buckets_foreign_writes);
}

static bool is_yielded(const struct ct_snapshot *s, enum ct_param_id id)
{
	for (uint32_t i = 0; i < s->foreigns; i++)
		if (strcmp(s->foreign[i].name, ct_param_get(id)->name) == 0)
			return true;
	return false;
}

static void write_yielded(struct writer *w, const struct view *view)
{
	add_whole(w, LABELS({ "parameter", "limit" }), is_yielded(view->snapshot, CT_PARAM_LIMIT));
	add_whole(w, LABELS({ "parameter", "buckets" }), is_yielded(view->snapshot, CT_PARAM_BUCKETS));
}

static void write_looks(struct writer *w, const struct view *view)
{
	add_whole(w, NULL, view->snapshot->looks);
}

static void write_failed_looks(struct writer *w, const struct view *view)
{
	add_whole(w, NULL, view->snapshot->failed_looks);
}

static void write_look_time(struct writer *w, const struct view *view)
{
	write_histogram(w, &view->snapshot->look_seconds);
}

static void write_stalls(struct writer *w, const struct view *view)
{
	write_histogram(w, &view->snapshot->stall_seconds);
}

/* ---- conntuned-http about itself */

/* Answers of a class that never was given are left out, but for those that tell that all is well. */
static void write_requests(struct writer *w, const struct view *view)
{
	for (size_t i = 0; i < VIEW_PATHS && view->self->requests[i].path; i++) {
		const char *path = view->self->requests[i].path;
		const uint64_t ok = view->self->requests[i].ok, client = view->self->requests[i].client,
			       server = view->self->requests[i].server;

		if (ok || path[0] == '/')
			add_whole(w, LABELS({ "path", path }, { "code", "2xx" }), ok);
		if (client || path[0] != '/')
			add_whole(w, LABELS({ "path", path }, { "code", "4xx" }), client);
		if (server)
			add_whole(w, LABELS({ "path", path }, { "code", "5xx" }), server);
	}
}

static void write_scrape_time(struct writer *w, const struct view *view)
{
	write_histogram(w, &view->self->scrape_seconds);
}

static void write_open(struct writer *w, const struct view *view)
{
	add_whole(w, NULL, view->self->open);
}

static void write_connections(struct writer *w, const struct view *view)
{
	add_whole(w, LABELS({ "result", "accepted" }), view->self->accepted);
	add_whole(w, LABELS({ "result", "refused" }), view->self->refused);
	add_whole(w, LABELS({ "result", "evicted" }), view->self->evicted);
	add_whole(w, LABELS({ "result", "late" }), view->self->late);
}

static void write_auth_failures(struct writer *w, const struct view *view)
{
	add_whole(w, NULL, view->self->auth_failures);
}

static void write_own_build(struct writer *w, const struct view *view)
{
	(void)view;
	add_whole(w, LABELS({ "version", PACKAGE_VERSION }), 1);
}

static void write_resident(struct writer *w, const struct view *view)
{
	add_u64(w, NULL, view->self->resident_bytes);
}

static void write_descriptors(struct writer *w, const struct view *view)
{
	add_u64(w, NULL, view->self->descriptors);
}

/* ---- tables */

#define AT(member) offsetof(struct ct_snapshot, member)

/* Everything but counters of the kernel and node_exporter's names; the table first, then conntuned, then ourselves. */
static const struct family families[] = {
	{ .name = "conntune_entries",
	  .u64 = AT(entries),
	  .help = "Connections now in the fullest network namespace that is seen: what the limit is compared with." },
	{ .name = "conntune_own_entries",
	  .u64 = AT(own_entries),
	  .help = "Connections now in the network namespace of conntuned." },
	{ .name = "conntune_all_entries",
	  .u64 = AT(all_entries),
	  .help = "Connections now in all network namespaces that are seen; they share the buckets." },
	{ .name = "conntune_entries_peak",
	  .u64 = AT(peak),
	  .help = "Highest conntune_entries since conntuned started." },
	{ .name = "conntune_entries_scrape_peak",
	  .samples = write_scrape_peak,
	  .help = "Highest conntune_entries since the last scrape from this address (of the last 15 minutes), as "
		  "often as conntuned looks." },
	{ .name = "conntune_limit",
	  .samples = write_limit,
	  .help = "Connections that each network namespace may have (nf_conntrack_max); absent: no limit." },
	{ .name = "conntune_buckets",
	  .u64 = AT(buckets),
	  .help = "Buckets of the hash table, shared by all namespaces." },
	{ .name = "conntune_load",
	  .value = load,
	  .help = "Mean chain length in nodes per bucket; each connection is two nodes." },
	{ .name = "conntune_unreplied_ratio",
	  .unit = "ratio",
	  .real = AT(unreplied),
	  .help = "Share of the connections that nobody has answered yet." },
	{ .name = "conntune_entries_growth_per_second",
	  .real = AT(rate),
	  .help = "Connections more (or less) in a second, by the forecast." },
	{ .name = "conntune_full_in_seconds",
	  .unit = "seconds",
	  .real = AT(full_in_seconds),
	  .help = "Time until the table is full, by the forecast; absent: not in sight." },
	{ .name = "conntune_refused_ratio",
	  .unit = "ratio",
	  .value = refused,
	  .help = "Probability that the kernel refuses a new connection because a chain is too long, at this load." },
	{ .name = "conntune_expectations", .u64 = AT(expect_entries), .help = "Entries of the expectation table." },
	{ .name = "conntune_expectations_limit",
	  .samples = write_expectations_limit,
	  .help = "Entries that the expectation table may have; nothing counts what is dropped beyond." },
	{ .name = "conntune_recommended_limit", .u64 = AT(target_limit), .help = "The limit that would be right now." },
	{ .name = "conntune_recommended_buckets",
	  .u64 = AT(target_buckets),
	  .help = "The buckets that would be right now." },
	{ .name = "conntune_ceiling", .u64 = AT(ceiling), .help = "The highest limit that the memory budget allows." },
	{ .name = "conntune_ram_bytes", .unit = "bytes", .u64 = AT(ram_bytes), .help = "Memory of the machine." },
	{ .name = "conntune_available_memory_bytes",
	  .unit = "bytes",
	  .u64 = AT(available_bytes),
	  .help = "Memory that could be used without swapping (MemAvailable)." },
	{ .name = "conntune_memory_floor_bytes",
	  .unit = "bytes",
	  .u64 = AT(floor_bytes),
	  .help = "Available memory below which conntuned lets the table grow no more." },
	{ .name = "conntune_memory_budget_bytes",
	  .unit = "bytes",
	  .u64 = AT(budget_bytes),
	  .help = "Memory that a full table may take." },
	{ .name = "conntune_table_memory_bytes",
	  .unit = "bytes",
	  .u64 = AT(table_bytes),
	  .help = "Memory that buckets and connections take now." },
	{ .name = "conntune_full_table_memory_bytes",
	  .unit = "bytes",
	  .u64 = AT(full_bytes),
	  .help = "Memory that the table takes once it is full." },
	{ .name = "conntune_entry_bytes",
	  .unit = "bytes",
	  .u64 = AT(entry_bytes),
	  .help = "Memory of one connection." },
	{ .name = "conntune_timeout_seconds",
	  .unit = "seconds",
	  .samples = write_timeouts,
	  .help = "Values of nf_conntrack_*_timeout_*: after so long without a packet a connection in this state is "
		  "forgotten; frag6: an IPv6 packet that isn't complete." },
	{ .name = "conntune_timeouts_scale_ratio",
	  .unit = "ratio",
	  .real = AT(timeouts_scale),
	  .help = "Time-outs of unassured connections as a share of what they should be; absent: not shortened." },
	{ .name = "conntune_expected_chain_length",
	  .type = GAUGE_HISTOGRAM,
	  .samples = write_expected_chains,
	  .help = "Buckets by number of nodes, as a perfect hash would spread them; gsum: nodes." },
	{ .name = "conntune_exact_chain_length",
	  .type = GAUGE_HISTOGRAM,
	  .samples = write_exact_chains,
	  .help = "Buckets by number of nodes, counted in the kernel; gsum: nodes." },
	{ .name = "conntune_exact_chain_length_timestamp_seconds",
	  .unit = "seconds",
	  .value = chains_time,
	  .help = "When chains were counted, since 1970." },
	{ .name = "conntune_namespaces", .samples = write_namespaces, .help = "Network namespaces that are seen." },
	{ .name = "conntune_namespace_entries",
	  .samples = write_namespace_entries,
	  .help = "Connections of the fullest network namespaces; name: of a process in it." },
	{ .name = "conntune_census_entries",
	  .samples = write_census,
	  .help = "Connections by protocol and state, the largest groups, as last counted." },
	{ .name = "conntune_census_timestamp_seconds",
	  .unit = "seconds",
	  .value = census_time,
	  .help = "When connections were counted by protocol and state, since 1970." },
	{ .name = "conntune_healthy", .value = healthy, .help = "1 while nothing is lost and nothing is about to be." },
	{ .name = "conntune_cause",
	  .type = INFO,
	  .samples = write_cause,
	  .help = "Why the table isn't healthy, as conntune explain has it; absent while it is." },

	{ .name = "conntuned_up",
	  .needs = NOTHING,
	  .value = up,
	  .help = "1 while conntuned publishes what it sees, 0 when it doesn't run or hangs." },
	{ .name = "conntuned_snapshot_age_seconds",
	  .unit = "seconds",
	  .needs = ANY_SNAPSHOT,
	  .value = age,
	  .help = "Time since the look that these numbers are of." },
	{ .name = "conntuned_build",
	  .type = INFO,
	  .samples = write_build,
	  .help = "Version of conntuned, and the kernel it runs on." },
	{ .name = "conntuned_mode",
	  .type = INFO,
	  .samples = write_mode,
	  .help = "What conntuned does: tune or advise." },
	{ .name = "conntuned_state",
	  .type = STATE_SET,
	  .samples = write_state,
	  .help = "What conntuned makes of the table." },
	{ .name = "conntuned_held",
	  .value = held,
	  .help = "1 while conntuned changes nothing: it was told so, or a change of its wasn't confirmed." },
	{ .name = "conntuned_confirm_seconds",
	  .unit = "seconds",
	  .real = AT(confirm_seconds),
	  .help = "Time until the last change is taken back, if nobody confirms it; absent: none waits for that." },
	{ .name = "conntuned_actions",
	  .type = COUNTER,
	  .samples = write_actions,
	  .help = "Times that conntuned had this reason to act, by what came of it." },
	{ .name = "conntuned_foreign_writes",
	  .type = COUNTER,
	  .samples = write_foreign,
	  .help = "Times that somebody else overwrote a value that conntuned had set." },
	{ .name = "conntuned_yielded",
	  .samples = write_yielded,
	  .help = "1 while a value is left to somebody else who keeps writing it." },
	{ .name = "conntuned_looks", .type = COUNTER, .samples = write_looks, .help = "Looks at the table." },
	{ .name = "conntuned_failed_looks",
	  .type = COUNTER,
	  .samples = write_failed_looks,
	  .help = "Looks at the table that failed." },
	{ .name = "conntuned_look_duration_seconds",
	  .type = HISTOGRAM,
	  .unit = "seconds",
	  .samples = write_look_time,
	  .help = "How long looks took, acting included." },
	{ .name = "conntuned_stall_seconds",
	  .type = HISTOGRAM,
	  .unit = "seconds",
	  .samples = write_stalls,
	  .help = "How long tracking stood still at most, each time that conntuned changed the buckets." },
	{ .name = "conntuned_cpu_seconds",
	  .type = COUNTER,
	  .unit = "seconds",
	  .value = cpu,
	  .help = "Processor time that conntuned has used." },
	{ .name = "conntuned_resident_memory_bytes",
	  .unit = "bytes",
	  .u64 = AT(resident_bytes),
	  .help = "Memory that conntuned uses." },
	{ .name = "conntuned_open_fds", .u64 = AT(descriptors), .help = "Files that conntuned has open." },
	{ .name = "conntuned_start_time_seconds",
	  .unit = "seconds",
	  .value = started,
	  .help = "When conntuned started, since 1970." },

	{ .name = "conntuned_http_requests",
	  .type = COUNTER,
	  .needs = NOTHING,
	  .samples = write_requests,
	  .help = "Requests that were answered, by path and class of the status code; other: also those refused "
		  "for their method or password." },
	{ .name = "conntuned_http_scrape_duration_seconds",
	  .type = HISTOGRAM,
	  .unit = "seconds",
	  .needs = NOTHING,
	  .samples = write_scrape_time,
	  .help = "How long it took to have an answer for /metrics ready." },
	{ .name = "conntuned_http_open_connections",
	  .needs = NOTHING,
	  .samples = write_open,
	  .help = "Connections to us now." },
	{ .name = "conntuned_http_connections",
	  .type = COUNTER,
	  .needs = NOTHING,
	  .samples = write_connections,
	  .help = "Connections to us: accepted, or refused for want of a place; of those accepted evicted for "
		  "another, ended at their deadline." },
	{ .name = "conntuned_http_auth_failures",
	  .type = COUNTER,
	  .needs = NOTHING,
	  .samples = write_auth_failures,
	  .help = "Requests without the right name and password." },
	{ .name = "conntuned_http_build",
	  .type = INFO,
	  .needs = NOTHING,
	  .samples = write_own_build,
	  .help = "Version of conntuned-http." },
	{ .name = "process_cpu_seconds",
	  .type = COUNTER,
	  .unit = "seconds",
	  .needs = NOTHING,
	  .value = own_cpu,
	  .help = "Processor time that conntuned-http has used." },
	{ .name = "process_resident_memory_bytes",
	  .unit = "bytes",
	  .needs = NOTHING,
	  .samples = write_resident,
	  .help = "Memory that conntuned-http uses." },
	{ .name = "process_open_fds",
	  .needs = NOTHING,
	  .samples = write_descriptors,
	  .help = "Files that conntuned-http has open." },
	{ .name = "process_start_time_seconds",
	  .unit = "seconds",
	  .needs = NOTHING,
	  .value = own_start,
	  .help = "When conntuned-http started, since 1970." },
};

/* By enum ct_counter: conntune_NAME_total. */
static const char *const counter_help[CT_COUNTER__COUNT] = {
	[CT_COUNTER_DROP] = "Packets dropped: the table was full, or for reasons that no size cures.",
	[CT_COUNTER_EARLY_DROP] =
		"Connections that weren't assured, most of them without an answer, pushed out to make room.",
	[CT_COUNTER_INSERT_FAILED] = "New connections that couldn't be inserted: lost clash, dying, chain too long.",
	[CT_COUNTER_CHAIN_TOO_LONG] = "New connections refused because a chain was too long.",
	[CT_COUNTER_CLASH_RESOLVE] = "Races between two packets of one flow that both went through.",
	[CT_COUNTER_SEARCH_RESTART] = "Look-ups repeated because a node moved to another chain meanwhile.",
	[CT_COUNTER_INVALID] = "Packets that fit no connection, or are malformed.",
	[CT_COUNTER_ERROR] = "Packets that couldn't be used; from Linux 5.10 on ICMP errors only.",
	[CT_COUNTER_FOUND] =
		"Times that NAT wanted an address and port already taken; until Linux 4.8 look-ups that hit.",
	[CT_COUNTER_INSERT] = "Connections inserted through ctnetlink or BPF; until Linux 4.8 all.",
	[CT_COUNTER_SEARCHED] = "Nodes that look-ups passed without a match.",
	[CT_COUNTER_NEW] = "Connections made.",
	[CT_COUNTER_IGNORE] = "Packets that were tracked already, or not to be tracked.",
	[CT_COUNTER_DELETE] = "Connections removed.",
	[CT_COUNTER_DELETE_LIST] = "Connections removed and put on the list of the dying.",
	[CT_COUNTER_EXPECT_NEW] = "Expected connections that came.",
	[CT_COUNTER_EXPECT_CREATE] = "Expectations made.",
	[CT_COUNTER_EXPECT_DELETE] = "Expectations removed.",
};

/* As node_exporter 1.5 has them: its names and types, of our own namespace. */
static const struct {
	const char *name, *help;
	enum ct_counter counter;
} node_counters[] = {
	{ "node_nf_conntrack_stat_drop", "See conntune_drop_total.", CT_COUNTER_DROP },
	{ "node_nf_conntrack_stat_early_drop", "See conntune_early_drop_total.", CT_COUNTER_EARLY_DROP },
	{ "node_nf_conntrack_stat_found", "See conntune_found_total.", CT_COUNTER_FOUND },
	{ "node_nf_conntrack_stat_ignore", "See conntune_ignore_total.", CT_COUNTER_IGNORE },
	{ "node_nf_conntrack_stat_insert", "See conntune_insert_total.", CT_COUNTER_INSERT },
	{ "node_nf_conntrack_stat_insert_failed", "See conntune_insert_failed_total.", CT_COUNTER_INSERT_FAILED },
	{ "node_nf_conntrack_stat_invalid", "See conntune_invalid_total.", CT_COUNTER_INVALID },
	{ "node_nf_conntrack_stat_search_restart", "See conntune_search_restart_total.", CT_COUNTER_SEARCH_RESTART },
};

static bool applies(const struct family *f, const struct view *view)
{
	switch (f->needs) {
	case FRESH:
		return !view->old && view->snapshot;
	case ANY_SNAPSHOT:
		return view->snapshot;
	case NOTHING:
		return true;
	}
	return false;
}

static void begin_family(struct writer *w, const struct family *f)
{
	w->family = f;
	w->begun = w->out->n;
	w->series_before = w->series;
}

/* A family as a whole or not at all: half a histogram is worse than none. */
static void end_family(struct writer *w)
{
	if (w->series <= SERIES_MAX)
		return;
	text_cut(w->out, w->begun);
	w->series = w->series_before;
}

static void write_family(struct writer *w, const struct family *f, const struct view *view)
{
	const char *snapshot = (const char *)view->snapshot;

	begin_family(w, f);
	if (f->u64)
		add_u64(w, NULL, *(const struct ct_u64 *)(const void *)(snapshot + f->u64));
	else if (f->real)
		add_real(w, NULL, *(const struct ct_real *)(const void *)(snapshot + f->real));
	else if (f->value)
		add_real(w, NULL, f->value(view));
	else
		f->samples(w, view);
	end_family(w);
}

static void write_counters(struct writer *w, const struct ct_snapshot *s)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++) {
		char name[48];
		const struct family f = { .name = name, .type = COUNTER, .help = counter_help[i] };

		(void)snprintf(name, sizeof(name), "conntune_%s", ct_counter_name(i));
		begin_family(w, &f);
		add_u64(w, LABELS({ "netns", "own" }), s->own_counter[i]);
		add_u64(w, LABELS({ "netns", "watched" }), s->watched_counter[i]);
		end_family(w);
	}
}

static void write_node_name(struct writer *w, const char *name, const char *help, struct ct_u64 v)
{
	const struct family f = { .name = name, .type = GAUGE, .help = help };

	begin_family(w, &f);
	add_u64(w, NULL, v);
	end_family(w);
}

/* Columns that the kernel still has but no longer counts are 0 there, and node_exporter passes them on. */
static void write_node_names(struct writer *w, const struct ct_snapshot *s)
{
	write_node_name(w, "node_nf_conntrack_entries", "See conntune_own_entries.", s->own_entries);
	write_node_name(w, "node_nf_conntrack_entries_limit", "See conntune_limit.", s->limit);
	for (size_t i = 0; i < sizeof(node_counters) / sizeof(node_counters[0]); i++) {
		struct ct_u64 v = s->own_counter[node_counters[i].counter];

		if (!v.known && s->own_counter[CT_COUNTER_DROP].known)
			v = (struct ct_u64){ .known = true, .v = 0 };
		write_node_name(w, node_counters[i].name, node_counters[i].help, v);
	}
}

void metrics_write(struct text *out, const struct view *view, enum metrics_format format)
{
	struct writer w = { .out = out, .format = format };
	bool fresh = view->snapshot && !view->old;

	text_expect(out, USUAL_BYTES);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (applies(&families[i], view))
			write_family(&w, &families[i], view);
	if (fresh)
		write_counters(&w, view->snapshot);
	if (fresh && view->node_names)
		write_node_names(&w, view->snapshot);
	if (format == METRICS_OPEN)
		text_add(out, "# EOF\n");
}

const char *metrics_type(enum metrics_format format)
{
	return format == METRICS_OPEN ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				      : "text/plain; version=0.0.4; charset=utf-8";
}
