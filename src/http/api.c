/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer of /api/v1/status: names as in org.conntune.varlink where the same is meant; what isn't known is left out.
 * Pure. */
#include "config.h"
#include "model.h"
#include "view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

/* Longest text in a snapshot, and the NUL behind it. */
#define WORDS_MAX 400

/* One failure is enough; it is looked at once, in the end. */
struct builder {
	bool failed;
};

/* @value: a new reference; NULL: there was no memory for it */
static void put(struct builder *b, json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		b->failed = true;
}

static void append(struct builder *b, json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		b->failed = true;
}

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static void put_number(struct builder *b, json_t *o, const char *key, uint64_t v)
{
	put(b, o, key, number(v));
}

static void put_u64(struct builder *b, json_t *o, const char *key, struct ct_u64 v)
{
	if (v.known)
		put(b, o, key, number(v.v));
}

/* JSON has no word for what isn't a number. */
static void put_double(struct builder *b, json_t *o, const char *key, double v)
{
	if (isfinite(v))
		put(b, o, key, json_real(v));
}

static void put_real(struct builder *b, json_t *o, const char *key, struct ct_real v)
{
	if (model_known(v))
		put_double(b, o, key, v.v);
}

/* Names from outside may be anything; a member that is always there may be "". */
static void put_word(struct builder *b, json_t *o, const char *key, const char *words)
{
	char printable[WORDS_MAX];
	size_t n = 0;

	for (; n < sizeof(printable) - 1 && words[n]; n++)
		printable[n] = words[n] < ' ' || words[n] > '~' ? '?' : words[n];
	printable[n] = '\0';
	put(b, o, key, json_string(printable));
}

static void put_text(struct builder *b, json_t *o, const char *key, const char *words)
{
	if (words[0])
		put_word(b, o, key, words);
}

static void put_state(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	put_word(b, o, "state", s->state < CT_SNAPSHOT_STATES ? s->state_name[s->state] : "");
	put_double(b, o, "state_seconds", s->state_seconds);
	put_word(b, o, "reason", s->reason);
	put_word(b, o, "reason_text", s->reason_text);
	put_text(b, o, "evidence", s->evidence);
	put_word(b, o, "mode", s->mode);
	put_word(b, o, "version", s->version);
	put_word(b, o, "kernel", s->kernel);
	put_double(b, o, "started", (double)s->started_unix_usec / 1e6);
}

static void put_table(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	put(b, o, "present", json_boolean(s->present));
	put_u64(b, o, "entries", s->entries);
	put_u64(b, o, "own_entries", s->own_entries);
	put_u64(b, o, "all_entries", s->all_entries);
	put_u64(b, o, "peak", s->peak);
	put_u64(b, o, "limit", s->limit);
	put_real(b, o, "fill", model_fill(s, s->entries));
	put_u64(b, o, "buckets", s->buckets);
	put_real(b, o, "unreplied", s->unreplied);
	put_real(b, o, "growth_per_second", s->rate);
	put_real(b, o, "full_in_seconds", s->full_in_seconds);
	put_u64(b, o, "target_limit", s->target_limit);
	put_u64(b, o, "target_buckets", s->target_buckets);
	put_u64(b, o, "ceiling", s->ceiling);
	put_real(b, o, "timeouts_scale", s->timeouts_scale);
}

static void put_expectations(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *e;
	int64_t limit = s->value[CT_PARAM_EXPECT_MAX].v;

	if (!s->expect_entries.known)
		return;
	e = json_object();
	put_u64(b, e, "entries", s->expect_entries);
	put_u64(b, e, "limit", (struct ct_u64){ s->value[CT_PARAM_EXPECT_MAX].known && limit >= 0, (uint64_t)limit });
	put(b, o, "expectations", e);
}

static void put_waiting(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *change;

	if (s->hold) {
		change = json_object();
		put_real(b, change, "seconds_left", s->hold_seconds);
		put(b, o, "hold", change);
	}
	if (model_known(s->confirm_seconds)) {
		change = json_object();
		put_real(b, change, "seconds_left", s->confirm_seconds);
		put(b, o, "confirm", change);
	}
}

static json_t *action_json(struct builder *b, const struct ct_snapshot_action *a)
{
	json_t *o = json_object();

	put_double(b, o, "time", (double)a->unix_usec / 1e6);
	put_word(b, o, "action", a->action);
	put_word(b, o, "reason", a->reason);
	put_text(b, o, "text", a->text);
	put_text(b, o, "evidence", a->evidence);
	put_u64(b, o, "old_limit", a->old_limit);
	put_u64(b, o, "new_limit", a->new_limit);
	put_u64(b, o, "old_buckets", a->old_buckets);
	put_u64(b, o, "new_buckets", a->new_buckets);
	put_real(b, o, "scale", a->scale);
	put_word(b, o, "result", a->result);
	put_text(b, o, "error", a->error);
	put_real(b, o, "stall_seconds", a->stall_seconds);
	return o;
}

static json_t *reason_json(struct builder *b, const struct ct_snapshot_reason *r)
{
	json_t *o = json_object();

	put_word(b, o, "reason", r->name);
	put_number(b, o, "done", r->done);
	put_number(b, o, "advised", r->advised);
	put_number(b, o, "failed", r->failed);
	return o;
}

static void put_actions(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->actions && i < CT_SNAPSHOT_ACTIONS; i++)
		append(b, list, action_json(b, &s->action[i]));
	put(b, o, "actions", list);
	list = json_array();
	for (uint32_t i = 0; i < s->reasons && i < CT_SNAPSHOT_REASONS; i++)
		append(b, list, reason_json(b, &s->reason_count[i]));
	put(b, o, "action_counts", list);
}

static void put_foreign(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *list = json_array(), *writes = json_object();

	for (uint32_t i = 0; i < s->foreigns && i < CT_SNAPSHOT_FOREIGN; i++) {
		json_t *one = json_object();

		put_word(b, one, "name", s->foreign[i].name);
		put_number(b, one, "value", s->foreign[i].value);
		append(b, list, one);
	}
	put(b, o, "foreign", list);
	put_number(b, writes, "limit", s->limit_foreign_writes);
	put_number(b, writes, "buckets", s->buckets_foreign_writes);
	put(b, o, "foreign_writes", writes);
}

static json_t *namespace_json(struct builder *b, const struct ct_snapshot *s, const struct ct_netns_top *top)
{
	json_t *o = json_object();

	put_text(b, o, "name", top->name);
	put_number(b, o, "inode", top->inode);
	put_number(b, o, "entries", top->entries);
	put_real(b, o, "fill", model_fill(s, (struct ct_u64){ .known = true, .v = top->entries }));
	put(b, o, "own", json_boolean(top->own));
	return o;
}

static void put_namespaces(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *all, *list;

	if (s->namespaces == 0)
		return;
	all = json_object();
	list = json_array();
	put_number(b, all, "count", s->namespaces);
	put_u64(b, all, "entries", s->all_entries);
	for (uint32_t i = 0; i < s->tops && i < CT_NETNS_TOP; i++)
		append(b, list, namespace_json(b, s, &s->top[i]));
	put(b, all, "top", list);
	put(b, o, "namespaces", all);
}

static void put_memory(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *memory = json_object();

	put_u64(b, memory, "ram_bytes", s->ram_bytes);
	put_u64(b, memory, "available_bytes", s->available_bytes);
	put_u64(b, memory, "floor_bytes", s->floor_bytes);
	put_u64(b, memory, "budget_bytes", s->budget_bytes);
	put_u64(b, memory, "bytes", s->table_bytes);
	put_u64(b, memory, "full_bytes", s->full_bytes);
	put_u64(b, memory, "entry_bytes", s->entry_bytes);
	put(b, o, "memory", memory);
}

static void put_cause(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *cause;

	if (!s->cause.name[0])
		return;
	cause = json_object();
	put_word(b, cause, "name", s->cause.name);
	put(b, cause, "healthy", json_boolean(s->cause.healthy));
	put_word(b, cause, "text", s->cause.text);
	put_text(b, cause, "evidence", s->cause.evidence);
	put_text(b, cause, "remedy", s->cause.remedy);
	put(b, o, "cause", cause);
}

static json_t *counters_json(struct builder *b, const struct ct_u64 *counter)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		put_u64(b, o, ct_counter_name(i), counter[i]);
	return o;
}

static void put_counters(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *counters;

	if (!s->source[0])
		return;
	counters = json_object();
	put_word(b, counters, "source", s->source);
	put(b, counters, "own", counters_json(b, s->own_counter));
	put(b, counters, "watched", counters_json(b, s->watched_counter));
	put(b, o, "counters", counters);
}

static void put_expected(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	struct model_chains chains;
	json_t *expected, *list, *limit;
	uint32_t always, refusing = model_refusing(s, &always);

	model_chains(&chains, s);
	if (!chains.known)
		return;
	expected = json_object();
	list = json_array();
	put_double(b, expected, "load", chains.load);
	put_number(b, expected, "longest", chains.longest);
	put_double(b, expected, "refused", chains.refused);
	for (uint32_t i = 0; i < chains.lengths; i++)
		append(b, list, json_real(chains.histogram[i]));
	put(b, expected, "histogram", list);
	if (refusing) {
		limit = json_object();
		put_number(b, limit, "min", refusing);
		put_number(b, limit, "max", always);
		put(b, expected, "refusing_lengths", limit);
	}
	put(b, o, "expected", expected);
}

static void put_timeouts(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *timeouts = json_object();

	for (unsigned id = 0; id < CT_PARAM__COUNT; id++)
		if (ct_param_get(id)->unit == CT_UNIT_SECONDS && s->value[id].known)
			put(b, timeouts, ct_param_get(id)->name, json_integer(s->value[id].v));
	put(b, o, "timeouts", timeouts);
}

static json_t *histogram_json(struct builder *b, const struct ct_snapshot_histogram *h)
{
	json_t *o = json_object(), *bounds = json_array(), *counts = json_array();
	uint32_t n = h->n < CT_SNAPSHOT_BOUNDS ? h->n : CT_SNAPSHOT_BOUNDS;

	for (uint32_t i = 0; i < n; i++)
		append(b, bounds, json_real(isfinite(h->bound[i]) ? h->bound[i] : 0));
	for (uint32_t i = 0; i <= n; i++)
		append(b, counts, number(h->count[i]));
	put(b, o, "bounds", bounds);
	put(b, o, "counts", counts);
	put_double(b, o, "sum", h->sum);
	return o;
}

static void put_daemon(struct builder *b, json_t *o, const struct ct_snapshot *s)
{
	json_t *daemon = json_object();

	put(b, daemon, "pid", json_integer(s->pid));
	put_number(b, daemon, "looks", s->looks);
	put_number(b, daemon, "failed_looks", s->failed_looks);
	put(b, daemon, "look_seconds", histogram_json(b, &s->look_seconds));
	put(b, daemon, "stall_seconds", histogram_json(b, &s->stall_seconds));
	put_double(b, daemon, "cpu_seconds", (double)s->cpu_usec / 1e6);
	put_u64(b, daemon, "resident_bytes", s->resident_bytes);
	put_u64(b, daemon, "descriptors", s->descriptors);
	put(b, o, "daemon", daemon);
}

static void put_exact(struct builder *b, json_t *o, const struct view_observed *observed)
{
	json_t *exact = json_object(), *list = json_array();

	put_double(b, exact, "time", observed->chains_unix);
	put_number(b, exact, "nodes", observed->chains_nodes);
	for (uint32_t i = 0; i < observed->lengths && i < VIEW_CHAINS; i++)
		append(b, list, number(observed->buckets_of[i]));
	put(b, exact, "histogram", list);
	put(b, o, "exact", exact);
}

static void put_census(struct builder *b, json_t *o, const struct view_observed *observed)
{
	json_t *census = json_object(), *list = json_array();

	put_double(b, census, "time", observed->census_unix);
	for (uint32_t i = 0; i < observed->groups && i < VIEW_GROUPS; i++) {
		json_t *group = json_object();

		put_word(b, group, "protocol", observed->group[i].protocol);
		put_text(b, group, "state", observed->group[i].state);
		put_number(b, group, "entries", observed->group[i].entries);
		append(b, list, group);
	}
	put(b, census, "groups", list);
	put(b, o, "census", census);
}

static void put_snapshot(struct builder *b, json_t *o, const struct view *view)
{
	const struct ct_snapshot *s = view->snapshot;

	put_double(b, o, "time", (double)s->unix_usec / 1e6);
	put_double(b, o, "age_seconds", view->age_seconds);
	put_state(b, o, s);
	put_table(b, o, s);
	put_expectations(b, o, s);
	put_waiting(b, o, s);
	put_cause(b, o, s);
	put_expected(b, o, s);
	put_counters(b, o, s);
	put_memory(b, o, s);
	put_actions(b, o, s);
	put_foreign(b, o, s);
	put_namespaces(b, o, s);
	put_timeouts(b, o, s);
	put_daemon(b, o, s);
}

void api_write(struct text *out, const struct view *view)
{
	struct builder b = { .failed = false };
	json_t *o = json_object();
	char *words;

	put(&b, o, "old", json_boolean(view->old));
	put_text(&b, o, "trouble", view->trouble);
	if (view->snapshot)
		put_snapshot(&b, o, view);
	if (view->observed && view->observed->chains_known)
		put_exact(&b, o, view->observed);
	if (view->observed && view->observed->census_known)
		put_census(&b, o, view->observed);
	words = b.failed ? NULL : json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	json_decref(o);
	if (words) {
		text_add(out, words);
		text_add(out, "\n");
	} else {
		out->failed = true;
	}
	free(words);
}
