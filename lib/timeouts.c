/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which time-outs may shrink under pressure, how far, and how the originals survive a crash. */
#include "config.h"
#include "fs.h"
#include "json.h"
#include "timeouts_internal.h"
#include "util.h"

#include <conntune/apply.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#define FORMAT "conntune timeouts 1"

/* Longest original that is believed: the longest that may be written, see lib/param.c. */
#define SECONDS_MAX (INT_MAX / 1000)

/* Each retransmission begins the time-out anew, so a floor has to outlast the pause between two of them. */
#define RETRANSMISSIONS "RFC 6298: pauses of 1, 2, 4 and 8 s between the first repetitions"
#define R2 "RFC 1122, 4.2.3.5: a connection is given up after 100 s at least"

static const struct ct_timeout rows[] = {
	{ .param = CT_PARAM_TCP_TIMEOUT_SYN_SENT, .floor = 10, .why = RETRANSMISSIONS },
	{ .param = CT_PARAM_TCP_TIMEOUT_SYN_RECV, .floor = 10, .why = RETRANSMISSIONS },
	{ .param = CT_PARAM_TCP_TIMEOUT_FIN_WAIT, .floor = 20,
	  .why = "half closed, the other side may still send; twice the longest pause of RFC 6298 above" },
	{ .param = CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT, .floor = 20,
	  .why = "half closed, the other side may still send; twice the longest pause of RFC 6298 above" },
	{ .param = CT_PARAM_TCP_TIMEOUT_LAST_ACK, .floor = 10, .why = RETRANSMISSIONS },
	{ .param = CT_PARAM_TCP_TIMEOUT_TIME_WAIT, .floor = 10,
	  .why = "late packets and the last FIN repeated; RFC 9293 would like 240 s, the kernel's own 120 are below" },
	{ .param = CT_PARAM_TCP_TIMEOUT_CLOSE, .floor = 3, .why = "packets that were on their way when the RST came" },
	{ .param = CT_PARAM_TCP_TIMEOUT_MAX_RETRANS, .floor = 100, .why = R2 },
	{ .param = CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED, .floor = 100, .why = R2 },
	{ .param = CT_PARAM_UDP_TIMEOUT, .floor = 10,
	  .why = "an answer after one repetition 5 s later, as resolvers do it; RFC 4787 asks 120 s of NAT, the kernel's "
		 "own 30 are below" },
	{ .param = CT_PARAM_UDPLITE_TIMEOUT, .floor = 10, .why = "as UDP" },
	{ .param = CT_PARAM_ICMP_TIMEOUT, .floor = 10,
	  .why = "an answer to an echo; RFC 5508 asks 60 s of NAT, the kernel's own 30 are below" },
	{ .param = CT_PARAM_ICMPV6_TIMEOUT, .floor = 10, .why = "as ICMP" },
	{ .param = CT_PARAM_GENERIC_TIMEOUT, .floor = 60, .why = "tunnels keep alive every 20 to 30 s, one may be lost" },
	{ .param = CT_PARAM_SCTP_TIMEOUT_CLOSED, .floor = 3, .why = "RFC 9260: first repetition after 1 to 3 s" },
	{ .param = CT_PARAM_SCTP_TIMEOUT_COOKIE_WAIT, .floor = 3, .why = "RFC 9260: first repetition after 1 to 3 s" },
	{ .param = CT_PARAM_SCTP_TIMEOUT_COOKIE_ECHOED, .floor = 3, .why = "RFC 9260: first repetition after 1 to 3 s" },
	{ .param = CT_PARAM_GRE_TIMEOUT, .floor = 10, .why = "as UDP" },
};

_Static_assert(ct_array_size(rows) <= CT_TIMEOUTS_MAX, "struct ct_timeouts has room for all");

const struct ct_timeout *ct_timeout_at(size_t i)
{
	return i < ct_array_size(rows) ? &rows[i] : NULL;
}

int ct_timeout_row(enum ct_param_id param)
{
	for (size_t i = 0; i < ct_array_size(rows); i++)
		if (rows[i].param == param)
			return (int)i;
	return -ENOENT;
}

int64_t ct_timeout_scaled(const struct ct_timeout *row, int64_t original, double scale)
{
	double seconds = (double)original * (scale > 0 ? scale : 0);

	if (scale >= 1 || original <= (int64_t)row->floor)
		return original;
	return seconds > row->floor ? (int64_t)seconds : (int64_t)row->floor;
}

static const char *name_of(size_t i)
{
	return ct_param_get(rows[i].param)->name;
}

static void json_done(json_t **o)
{
	json_decref(*o);
}

static bool get_seconds(const json_t *o, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	*ret = json_integer_value(v);
	return json_is_integer(v) && *ret >= 1 && *ret <= SECONDS_MAX;
}

static int get_rows(const json_t *timeouts, struct ct_timeouts *t, struct ct_err *err)
{
	for (size_t i = 0; i < ct_array_size(rows); i++) {
		const json_t *o = json_object_get(timeouts, name_of(i));

		if (!o)
			continue;
		if (!get_seconds(o, "original", &t->row[i].original) || !get_seconds(o, "set", &t->row[i].set) ||
		    !get_seconds(o, "before", &t->row[i].before))
			return ct_err_set(err, -EBADMSG, "%s lacks seconds of 1 to %d", name_of(i), SECONDS_MAX);
		t->row[i].known = true;
	}
	return 0;
}

int ct_timeouts_parse(const char *text, size_t len, struct ct_timeouts *ret, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;
	struct ct_timeouts t = { 0 };
	const char *format;
	json_error_t e;
	int r;

	r = ct_json_load(text, len, &o, &e);
	if (r == -ENOMEM)
		return ct_err_set(err, r, "out of memory");
	if (r < 0)
		return ct_err_set(err, r, "line %d: %.80s", e.line, e.text);
	format = json_string_value(json_object_get(o, "format"));
	if (!format || strcmp(format, FORMAT) != 0 || !json_is_object(json_object_get(o, "timeouts")))
		return ct_err_set(err, -EBADMSG, "its format isn't '" FORMAT "'");
	r = get_rows(json_object_get(o, "timeouts"), &t, err);
	if (r == 0)
		*ret = t;
	return r;
}

static json_t *row_text(const struct ct_timeouts *t, size_t i)
{
	return json_pack("{s:I, s:I, s:I}", "original", (json_int_t)t->row[i].original, "set",
			 (json_int_t)t->row[i].set, "before", (json_int_t)t->row[i].before);
}

static int save(struct ct_fs *fs, const char *path, const struct ct_timeouts *t, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = json_pack("{s:s, s:{}}", "format", FORMAT, "timeouts");
	json_t *timeouts = json_object_get(o, "timeouts");
	char text[CT_TIMEOUTS_BYTES_MAX];
	bool complete = timeouts != NULL;
	size_t n;

	for (size_t i = 0; i < ct_array_size(rows) && complete; i++)
		if (t->row[i].known)
			complete = json_object_set_new(timeouts, name_of(i), row_text(t, i)) == 0;
	n = complete ? json_dumpb(o, text, sizeof(text) - 2, JSON_INDENT(2)) : 0;
	if (n == 0 || n > sizeof(text) - 2)
		return ct_err_set(err, -ENOMEM, "out of memory");
	text[n++] = '\n';
	text[n] = '\0';
	/* no secret, and the next conntuned may be another user */
	return ct_fs_replace(fs, path, text, 0644, err);
}

/* What this kernel has, and what makes sense: 0 and negative ones were written by somebody who knows why. */
static void find_originals(struct ct_fs *fs, struct ct_timeouts *t)
{
	for (size_t i = 0; i < ct_array_size(rows); i++) {
		const struct ct_param *p = ct_param_get(rows[i].param);
		int64_t now = 0;
		int r = -ENOENT;

		for (const struct ct_param_path *at = p->paths; at->path && r < 0; at++)
			r = ct_fs_read_i64(fs, at->path, &now, NULL);
		if (r < 0 || now < 1 || now > SECONDS_MAX)
			continue;
		t->row[i].known = true;
		t->row[i].original = t->row[i].set = t->row[i].before = now;
	}
}

static bool is_begun(const struct ct_timeouts *t)
{
	for (size_t i = 0; i < ct_array_size(rows); i++)
		if (t->row[i].known)
			return true;
	return false;
}

/* Where each should go; true if any has to. */
static bool aim(struct ct_timeouts *t, double scale)
{
	bool any = false;

	for (size_t i = 0; i < ct_array_size(rows); i++) {
		if (!t->row[i].known)
			continue;
		t->row[i].before = t->row[i].set;
		t->row[i].set = ct_timeout_scaled(&rows[i], t->row[i].original, scale);
		any |= t->row[i].set != t->row[i].before;
	}
	return any;
}

static void aim_back(struct ct_timeouts *t)
{
	for (size_t i = 0; i < ct_array_size(rows); i++)
		t->row[i].set = t->row[i].before;
}

/*
 * One that failed may have been written all the same. It goes back to where it was, or else any of the two may be there:
 * set and before, as they are on disk.
 */
static void settle_row(struct ct_fs *fs, struct ct_timeouts *t, size_t i)
{
	int64_t before = t->row[i].before, got = 0;

	(void)ct_apply_timeout(fs, rows[i].param, t->row[i].set, before, &got, NULL);
	if (got == before)
		t->row[i].set = before;
}

/* Returns: 0, also where it is somebody else's now; errors. */
static int write_row(struct ct_fs *fs, struct ct_timeouts *t, size_t i, size_t *changed, struct ct_err *err)
{
	int64_t from = t->row[i].before, to = t->row[i].set, got;
	int r;

	if (!t->row[i].known || from == to)
		return 0;
	r = ct_apply_timeout(fs, rows[i].param, from, to, &got, err);
	if (r == 0)
		(*changed)++;
	else if (r == -ESTALE || r == -ENOENT)
		t->row[i].known = false;
	else
		settle_row(fs, t, i);
	return r == -ESTALE || r == -ENOENT ? 0 : r;
}

/* Returns: 1 if it came back; 0 if it needn't, or is somebody else's now; errors. */
static int put_back_row(struct ct_fs *fs, struct ct_timeouts *t, size_t i, struct ct_err *err)
{
	int64_t original = t->row[i].original, got = 0;
	bool shorter = original != t->row[i].set || original != t->row[i].before;
	int r;

	if (!t->row[i].known || !shorter)
		return 0;
	r = ct_apply_timeout(fs, rows[i].param, t->row[i].set, original, &got, err);
	if (r == -ESTALE)
		r = ct_apply_timeout(fs, rows[i].param, t->row[i].before, original, &got, err);
	if (r == -ESTALE || r == -ENOENT)
		t->row[i].known = false;
	else if (r == 0 || got == original)
		t->row[i].set = t->row[i].before = original;
	else
		return r;
	return t->row[i].known;
}

/* All that can; the file goes if all could. */
static int put_back(struct ct_fs *fs, const char *path, struct ct_timeouts *t, size_t *back, struct ct_err *err)
{
	struct ct_err why = { 0 };
	int r, first = 0;

	for (size_t i = 0; i < ct_array_size(rows); i++) {
		r = put_back_row(fs, t, i, &why);
		*back += r > 0;
		if (r < 0 && first == 0)
			first = ct_err_set(err, r, "%s", why.msg);
	}
	return first < 0 ? first : ct_fs_remove(fs, path, err);
}

static int shorten(struct ct_fs *fs, const char *path, double scale, struct ct_timeouts *t, size_t *changed,
		   struct ct_err *err)
{
	struct ct_err why = { 0 };
	int r, first = 0;

	if (!is_begun(t))
		find_originals(fs, t);
	if (aim(t, scale)) {
		r = save(fs, path, t, err);
		if (r < 0) {
			aim_back(t);
			return r;
		}
	}
	for (size_t i = 0; i < ct_array_size(rows); i++) {
		r = write_row(fs, t, i, changed, &why);
		if (r < 0 && first == 0)
			first = ct_err_set(err, r, "%s", why.msg);
	}
	return first;
}

int ct_timeouts_scale(struct ct_fs *fs, const char *path, double scale, struct ct_timeouts *t, size_t *changed,
		      struct ct_err *err)
{
	int r;

	*changed = 0;
	if (scale < 1)
		return shorten(fs, path, scale, t, changed, err);
	r = put_back(fs, path, t, changed, err);
	if (r == 0)
		*t = (struct ct_timeouts){ 0 };
	return r;
}

int ct_timeouts_recover(struct ct_fs *fs, const char *path, struct ct_err *err)
{
	char text[CT_TIMEOUTS_BYTES_MAX];
	struct ct_timeouts t = { 0 };
	struct ct_err why = { 0 };
	size_t len, back = 0;
	int r;

	r = ct_fs_read_start(fs, path, text, sizeof(text), &len, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return ct_err_set(err, r, "%s", why.msg);
	r = ct_timeouts_parse(text, len, &t, &why);
	if (r < 0)
		return ct_err_set(err, r, "%s below %.40s is damaged (%.80s): look at the time-outs, then remove it", path,
				  ct_fs_root(fs), why.msg);
	r = put_back(fs, path, &t, &back, err);
	return r < 0 ? r : (int)back;
}
