/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the local API from plain structs: what isn't known is left out. */
#include "config.h"
#include "status.h"

#include <stdio.h>
#include <conntune/conntune.h>

#define TEXT_MAX 256

/* One failure is enough; whoever builds looks once, in the end. */
struct builder {
	bool failed;
};

/* @value: a new reference; NULL: there was no memory for it */
static void put(struct builder *b, json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		b->failed = true;
}

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static void put_u64(struct builder *b, json_t *o, const char *key, struct ct_u64 v)
{
	if (v.known)
		put(b, o, key, number(v.v));
}

static void put_real(struct builder *b, json_t *o, const char *key, struct status_real v)
{
	if (v.known)
		put(b, o, key, json_real(v.v));
}

/* Names from outside may be anything, and end up on a terminal. */
static void put_text(struct builder *b, json_t *o, const char *key, const char *text)
{
	char printable[TEXT_MAX];
	size_t n = 0;

	if (!text || !*text)
		return;
	for (; n < sizeof(printable) - 1 && text[n]; n++)
		printable[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	printable[n] = '\0';
	put(b, o, key, json_string(printable));
}

/* For members that are always there. */
static void put_word(struct builder *b, json_t *o, const char *key, const char *text)
{
	if (text && *text)
		put_text(b, o, key, text);
	else
		put(b, o, key, json_string(""));
}

const char *status_result_name(enum status_result result)
{
	switch (result) {
	case STATUS_DONE:
		return "done";
	case STATUS_ADVISED:
		return "advised";
	case STATUS_FAILED:
		return "failed";
	}
	return "failed";
}

static json_t *action_json(struct builder *b, const struct status_action *a)
{
	json_t *o = json_object();

	put(b, o, "time", json_real((double)a->unix_usec / 1e6));
	put_word(b, o, "action", a->action);
	put_word(b, o, "reason", a->reason);
	put_text(b, o, "text", a->text);
	put_text(b, o, "evidence", a->evidence);
	put_u64(b, o, "old_limit", a->old_limit);
	put_u64(b, o, "new_limit", a->new_limit);
	put_u64(b, o, "old_buckets", a->old_buckets);
	put_u64(b, o, "new_buckets", a->new_buckets);
	put_real(b, o, "scale", a->scale);
	put_word(b, o, "result", status_result_name(a->result));
	put_text(b, o, "error", a->error);
	put_real(b, o, "stall_seconds", a->stall_seconds);
	return o;
}

static void append(struct builder *b, json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		b->failed = true;
}

static json_t *actions_json(struct builder *b, const struct status *s)
{
	size_t first = s->action_count > STATUS_ACTIONS_MAX ? s->action_count - STATUS_ACTIONS_MAX : 0;
	json_t *list = json_array();

	for (size_t i = first; i < s->action_count; i++)
		append(b, list, action_json(b, &s->actions[i]));
	return list;
}

static json_t *settings_json(struct builder *b, const struct status *s)
{
	json_t *o = json_object();
	char key[80];

	for (size_t i = 0; i < s->setting_count && i < STATUS_SETTINGS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "%s.%s", s->settings[i].section, s->settings[i].key);
		put_word(b, o, key, s->settings[i].value);
	}
	return o;
}

static json_t *foreign_json(struct builder *b, const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->foreign_count && i < STATUS_FOREIGN_MAX; i++) {
		json_t *o = json_object();

		put_word(b, o, "name", s->foreign[i].name);
		put(b, o, "value", number(s->foreign[i].value));
		append(b, list, o);
	}
	return list;
}

static json_t *namespaces_json(struct builder *b, const struct status *s)
{
	json_t *o = json_object(), *worst;

	put(b, o, "count", number(s->namespace_count));
	put_u64(b, o, "entries", s->namespace_entries);
	if (!s->worst_known)
		return o;
	worst = json_object();
	put_text(b, worst, "name", s->worst.name);
	put_u64(b, worst, "inode", s->worst.inode);
	put(b, worst, "entries", number(s->worst.entries));
	put_real(b, worst, "fill", s->worst.fill);
	put(b, o, "worst", worst);
	return o;
}

static json_t *memory_json(struct builder *b, const struct status *s)
{
	json_t *o = json_object();

	put_u64(b, o, "available_bytes", s->mem_available_bytes);
	put_u64(b, o, "floor_bytes", s->mem_floor_bytes);
	put_u64(b, o, "budget_bytes", s->budget_bytes);
	put_u64(b, o, "bytes", s->memory_bytes);
	put_u64(b, o, "full_bytes", s->memory_full_bytes);
	return o;
}

static json_t *cause_json(struct builder *b, const struct ct_cause *cause)
{
	json_t *o = json_object();

	put_word(b, o, "name", cause->name);
	put_word(b, o, "text", cause->text);
	put_text(b, o, "evidence", cause->evidence);
	put_text(b, o, "remedy", cause->remedy);
	return o;
}

static void put_table(struct builder *b, json_t *o, const struct status *s)
{
	put_u64(b, o, "entries", s->entries);
	put_u64(b, o, "limit", s->limit);
	put_u64(b, o, "buckets", s->buckets);
	put_u64(b, o, "all_entries", s->all_entries);
	put_real(b, o, "unreplied", s->unreplied);
	put_u64(b, o, "target_limit", s->target_limit);
	put_u64(b, o, "target_buckets", s->target_buckets);
	put_u64(b, o, "ceiling", s->ceiling);
	put_real(b, o, "full_in_seconds", s->full_in_seconds);
	put_real(b, o, "timeouts_scale", s->timeouts_scale);
}

static void put_waiting(struct builder *b, json_t *o, const struct status *s)
{
	json_t *hold = s->hold ? json_object() : NULL, *change = s->confirm_seconds.known ? json_object() : NULL;

	if (s->hold) {
		put_real(b, hold, "seconds_left", s->hold_seconds);
		put(b, o, "hold", hold);
	}
	if (s->confirm_seconds.known) {
		put_real(b, change, "seconds_left", s->confirm_seconds);
		put(b, o, "confirm", change);
	}
}

json_t *status_json(const struct status *s)
{
	struct builder b = { .failed = false };
	json_t *o = json_object();

	put_word(&b, o, "state", s->state);
	put(&b, o, "state_seconds", json_real(s->state_seconds));
	put_word(&b, o, "reason", s->reason);
	put_word(&b, o, "reason_text", s->reason_text);
	put_word(&b, o, "mode", s->mode);
	put_table(&b, o, s);
	put_waiting(&b, o, s);
	put(&b, o, "actions", actions_json(&b, s));
	put(&b, o, "settings", settings_json(&b, s));
	put(&b, o, "foreign", foreign_json(&b, s));
	if (s->namespaces_known)
		put(&b, o, "namespaces", namespaces_json(&b, s));
	if (s->mem_available_bytes.known || s->budget_bytes.known || s->memory_bytes.known)
		put(&b, o, "memory", memory_json(&b, s));
	if (s->cause && s->cause->name && *s->cause->name)
		put(&b, o, "cause", cause_json(&b, s->cause));
	put_word(&b, o, "version", PACKAGE_VERSION);
	put_word(&b, o, "kernel", s->kernel);
	put(&b, o, "started", json_real(s->started));
	if (!b.failed)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *row_json(struct builder *b, const struct history_row *row, uint64_t seconds)
{
	json_t *o = json_object();

	put(b, o, "begin", json_integer(row->begin));
	put(b, o, "seconds", number(seconds));
	put(b, o, "samples", number(row->samples));
	put(b, o, "peak", number(row->peak));
	put(b, o, "mean", number(row->mean));
	put(b, o, "p50", number(row->p50));
	put(b, o, "p95", number(row->p95));
	put(b, o, "p99", number(row->p99));
	put_u64(b, o, "limit", (struct ct_u64){ .known = row->limit != 0, .v = row->limit });
	put(b, o, "drops", number(row->drops));
	put(b, o, "early_drops", number(row->early_drops));
	put(b, o, "refused", number(row->refused));
	return o;
}

json_t *status_history_json(const struct history_row *rows, size_t n, uint64_t seconds)
{
	struct builder b = { .failed = false };
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		append(&b, list, row_json(&b, &rows[i], seconds));
	if (list && !b.failed)
		return list;
	json_decref(list);
	return NULL;
}
