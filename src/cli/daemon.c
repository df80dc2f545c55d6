/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running conntuned says of itself: all of it in JSON, the gist on the screen. */
#include "config.h"
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <jansson.h>

/* Objects in one another; the writer has room for a few more. */
#define DEPTH_MAX 4
#define ACTIONS_SHOWN 5

static void json_done(json_t **o)
{
	json_decref(*o);
}

/* --- JSON: as it came */

static void copy_members(struct out *out, json_t *o, int depth);

/* Whole seconds since 1970 and the like have more digits than the writer gives to fractions. */
static void copy_real(struct out *out, const char *key, double v)
{
	if (fabs(v) >= 1e6 && fabs(v) < 0x1p53)
		out_i64(out, key, NULL, OUT_PLAIN, llround(v));
	else
		out_real(out, key, NULL, OUT_PLAIN, v);
}

static void copy_objects(struct out *out, const char *key, const json_t *list, int depth)
{
	size_t i;
	json_t *v;

	out_begin(out, OUT_TABLE, key, NULL);
	json_array_foreach(list, i, v) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		copy_members(out, v, depth + 1);
		out_end(out);
	}
	out_end(out);
}

static void copy(struct out *out, const char *key, json_t *v, int depth)
{
	if (json_is_object(v) && depth < DEPTH_MAX) {
		out_begin(out, OUT_OBJECT, key, NULL);
		copy_members(out, v, depth + 1);
		out_end(out);
	} else if (json_is_array(v) && depth < DEPTH_MAX) {
		copy_objects(out, key, v, depth);
	} else if (json_is_integer(v)) {
		out_i64(out, key, NULL, OUT_PLAIN, json_integer_value(v));
	} else if (json_is_real(v)) {
		copy_real(out, key, json_real_value(v));
	} else if (json_is_string(v)) {
		out_text(out, key, NULL, json_string_value(v));
	} else if (json_is_boolean(v)) {
		out_bool(out, key, NULL, json_is_true(v));
	}
}

/* @o: anything; what isn't an object has no members */
static void copy_members(struct out *out, json_t *o, int depth)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
		copy(out, key, v, depth);
}

/* --- text */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static struct ct_u64 number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return (struct ct_u64){ .known = json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) < 0x1p63,
				.v = json_is_number(v) ? (uint64_t)fmin(fmax(json_number_value(v), 0), 0x1p63) : 0 };
}

static void show_real(struct out *out, const json_t *o, const char *key, const char *label, enum out_unit unit)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_number(v))
		out_real(out, NULL, label, unit, json_number_value(v));
}

static void show_state(struct out *out, const json_t *o)
{
	out_text(out, NULL, "state", text_of(o, "state"));
	if (*text_of(o, "reason_text"))
		out_note(out, "%s", text_of(o, "reason_text"));
	out_known(out, NULL, "for", OUT_SECONDS, number_of(o, "state_seconds"));
	if (strcmp(text_of(o, "mode"), "advise") == 0) {
		out_text(out, NULL, "mode", "advise");
		out_note(out, "nothing is written");
	}
}

static void show_hold(struct out *out, const json_t *o)
{
	const json_t *hold = json_object_get(o, "hold"), *change = json_object_get(o, "confirm");
	struct ct_u64 left = number_of(hold, "seconds_left");

	if (hold && left.known)
		out_u64(out, NULL, "held for", OUT_SECONDS, left.v);
	else if (hold)
		out_text(out, NULL, "held until", "`conntune resume`");
	if (change) {
		out_known(out, NULL, "taken back in", OUT_SECONDS, number_of(change, "seconds_left"));
		out_note(out, "unless `conntune confirm`");
	}
}

static void show_aim(struct out *out, const json_t *o)
{
	struct ct_u64 target = number_of(o, "target_limit"), ceiling = number_of(o, "ceiling");

	out_known(out, NULL, "limit aimed at", OUT_PLAIN, target);
	if (target.known && ceiling.known)
		out_note(out, "memory allows %" PRIu64, ceiling.v);
	out_known(out, NULL, "buckets aimed at", OUT_PLAIN, number_of(o, "target_buckets"));
	show_real(out, o, "full_in_seconds", "full in", OUT_SECONDS);
	show_real(out, o, "timeouts_scale", "time-outs", OUT_SHARE);
}

static void show_foreign(struct out *out, const json_t *o)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(o, "foreign"), i, v) {
		struct ct_u64 value = number_of(v, "value");

		if (!value.known)
			continue;
		out_u64(out, NULL, text_of(v, "name"), OUT_PLAIN, value.v);
		out_note(out, "somebody else's until `conntune resume`");
	}
}

/* What was set, not what was before: that is in the line above. */
static void show_action(struct out *out, const json_t *action)
{
	time_t at = (time_t)number_of(action, "time").v;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		(void)strftime(when, sizeof(when), "%m-%d %H:%M:%S", &tm);
	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, NULL, "when", when);
	out_text(out, NULL, "what", text_of(action, "action"));
	out_text(out, NULL, "why", text_of(action, "reason"));
	out_known(out, NULL, "limit", OUT_PLAIN, number_of(action, "new_limit"));
	out_known(out, NULL, "buckets", OUT_PLAIN, number_of(action, "new_buckets"));
	out_text(out, NULL, "result", text_of(action, "result"));
	out_end(out);
}

static void show_actions(struct out *out, const json_t *o)
{
	const json_t *list = json_object_get(o, "actions");
	size_t n = json_array_size(list);

	out_begin(out, OUT_TABLE, NULL, "Last actions of conntuned");
	for (size_t i = n > ACTIONS_SHOWN ? n - ACTIONS_SHOWN : 0; i < n; i++)
		show_action(out, json_array_get(list, i));
	out_end(out);
}

static void show(struct out *out, json_t *o)
{
	out_begin(out, OUT_OBJECT, "daemon", "conntuned");
	show_state(out, o);
	show_hold(out, o);
	show_aim(out, o);
	show_foreign(out, o);
	copy_members(out, o, 1);
	out_end(out);
	show_actions(out, o);
}

/* --- asking */

/* Failures of this machine that say nothing of the daemon: they would make it look as if there were none. */
static bool is_trouble(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EIO;
}

int daemon_show(struct out *out, struct ct_fs *fs, struct ct_err *err)
{
	cli_cleanup(daemon_freep) struct ct_client *client = NULL;
	cli_cleanup(json_done) json_t *o = NULL;
	struct ct_err why = { 0 };
	int r = ct_client_new(&client, fs, DAEMON_GLANCE_USEC, &why);

	if (daemon_is_absent(r))
		return 0;
	if (r == 0)
		r = ct_client_status(client, &o, &why);
	if (is_trouble(r))
		return cli_fail(err, r, "%s", why.msg);
	if (r == 0) {
		show(out, o);
		return 0;
	}
	out_line(out, "%s.", why.msg);
	out_text(out, "daemon_error", NULL, why.msg);
	return 0;
}
