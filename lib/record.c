/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two small JSON files: the values found before the first apply, and an apply that waits to be confirmed. */
#include "config.h"
#include "fs.h"
#include "json.h"
#include "record_internal.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <jansson.h>

#define RECORD_FORMAT "conntune first 1"
#define PENDING_FORMAT "conntune pending 1"

/* 2^53: what any JSON reader holds exactly; in microseconds 285 years */
#define DEADLINE_MAX (INT64_C(1) << 53)

/* A number in a file; a key that isn't there leaves it unknown. */
struct number {
	const char *key;
	int64_t min, max;
};

static const struct number limit_old = { "old_limit", 0, INT_MAX }, buckets_old = { "old_buckets", 1, INT_MAX };
static const struct number limit_new = { "new_limit", 0, INT_MAX }, buckets_new = { "new_buckets", 1, INT_MAX };
static const struct number limit_first = { "limit", 0, INT_MAX }, buckets_first = { "buckets", 1, INT_MAX };
static const struct number deadline = { "deadline_usec", 1, DEADLINE_MAX }, guard = { "guard_pid", 0, INT_MAX };

static const char *const record_keys[] = { "format", "limit", "buckets", "module_loaded", NULL };
static const char *const pending_keys[] = { "format",  "old_limit", "old_buckets",   "new_limit", "new_buckets",
					    "persist", "first",     "deadline_usec", "guard_pid", NULL };

static void json_done(json_t **o)
{
	json_decref(*o);
}

static bool is_listed(const char *key, const char *const *keys)
{
	while (*keys && strcmp(*keys, key) != 0)
		keys++;
	return *keys != NULL;
}

/* An object of the right format and with keys that we know; all else was not written by us. */
static int parse_object(const char *text, size_t len, const char *format, const char *const *keys, json_t **ret,
			struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;
	const char *found, *key;
	json_error_t e;
	json_t *value;
	int r;

	r = ct_json_load(text, len, &o, &e);
	if (r == -ENOMEM)
		return ct_err_set(err, r, "out of memory");
	if (r < 0)
		return ct_err_set(err, r, "line %d: %.80s", e.line, e.text);
	found = json_string_value(json_object_get(o, "format"));
	if (!found || strcmp(found, format) != 0)
		return ct_err_set(err, -EBADMSG, "its format isn't '%s'", format);
	json_object_foreach(o, key, value) if (!is_listed(key, keys)) return ct_err_set(err, -EBADMSG,
											"unknown key '%.40s'", key);
	*ret = ct_take(o);
	return 0;
}

static int get_number(const json_t *o, const struct number *n, struct ct_u64 *ret, struct ct_err *err)
{
	const json_t *value = json_object_get(o, n->key);
	json_int_t v = json_integer_value(value);

	ret->known = value != NULL;
	if (!value)
		return 0;
	if (!json_is_integer(value) || v < n->min || v > n->max)
		return ct_err_set(err, -EBADMSG, "%s isn't a number of %lld to %lld", n->key, (long long)n->min,
				  (long long)n->max);
	ret->v = (uint64_t)v;
	return 0;
}

static int need_number(const json_t *o, const struct number *n, uint64_t *ret, struct ct_err *err)
{
	struct ct_u64 v = { 0 };
	int r = get_number(o, n, &v, err);

	if (r == 0 && !v.known)
		return ct_err_set(err, -EBADMSG, "%s is missing", n->key);
	*ret = v.v;
	return r;
}

static int need_flag(const json_t *o, const char *key, bool *ret, struct ct_err *err)
{
	const json_t *value = json_object_get(o, key);

	if (!json_is_boolean(value))
		return ct_err_set(err, -EBADMSG, "%s is neither true nor false", key);
	*ret = json_is_true(value);
	return 0;
}

int ct_record_parse(const char *text, size_t len, struct ct_record *ret, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;
	struct ct_record rec = { 0 };
	int r;

	r = parse_object(text, len, RECORD_FORMAT, record_keys, &o, err);
	if (r == 0)
		r = get_number(o, &limit_first, &rec.limit, err);
	if (r == 0)
		r = get_number(o, &buckets_first, &rec.buckets, err);
	if (r == 0)
		r = need_flag(o, "module_loaded", &rec.module_loaded, err);
	if (r == 0)
		*ret = rec;
	return r;
}

static int parse_values(const json_t *o, struct ct_pending *p, struct ct_err *err)
{
	int r = get_number(o, &limit_old, &p->old_limit, err);

	if (r == 0)
		r = get_number(o, &buckets_old, &p->old_buckets, err);
	if (r == 0)
		r = get_number(o, &limit_new, &p->new_limit, err);
	if (r == 0)
		r = get_number(o, &buckets_new, &p->new_buckets, err);
	return r;
}

int ct_pending_parse(const char *text, size_t len, struct ct_pending *ret, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;
	struct ct_pending p = { 0 };
	uint64_t pid = 0;
	int r;

	r = parse_object(text, len, PENDING_FORMAT, pending_keys, &o, err);
	if (r == 0)
		r = parse_values(o, &p, err);
	if (r == 0)
		r = need_flag(o, "persist", &p.persist, err);
	if (r == 0)
		r = need_flag(o, "first", &p.first, err);
	if (r == 0)
		r = need_number(o, &deadline, &p.deadline_usec, err);
	if (r == 0)
		r = need_number(o, &guard, &pid, err);
	if (r < 0)
		return r;
	p.guard_pid = (int32_t)pid;
	*ret = p;
	return 0;
}

static bool put(json_t *o, const char *key, json_t *value)
{
	return json_object_set_new(o, key, value) == 0;
}

static bool put_number(json_t *o, const struct number *n, const struct ct_u64 *v)
{
	return !v->known || put(o, n->key, json_integer((json_int_t)v->v));
}

/* Text to be written; ends with a newline for those who look at it. */
static int make_text(const json_t *o, bool complete, char text[CT_RECORD_BYTES_MAX], size_t *len, struct ct_err *err)
{
	size_t n = complete ? json_dumpb(o, text, CT_RECORD_BYTES_MAX - 2, JSON_INDENT(2)) : 0;

	if (n == 0)
		return ct_err_set(err, -ENOMEM, "out of memory");
	text[n++] = '\n';
	text[n] = '\0';
	*len = n;
	return 0;
}

/* What our own parser would refuse later must not be written now. */
static int refuse(const char *path, const struct ct_err *why, struct ct_err *err)
{
	return ct_err_set(err, why->code == -ENOMEM ? -ENOMEM : -ERANGE, "cannot write %s: %.200s", path, why->msg);
}

static int damaged(struct ct_fs *fs, const char *path, const char *remedy, const struct ct_err *why, struct ct_err *err)
{
	if (why->code != -EBADMSG)
		return ct_err_set(err, why->code, "%s", why->msg);
	return ct_err_set(err, -EBADMSG, "%s below %.40s is damaged (%.80s): %s", path, ct_fs_root(fs), why->msg,
			  remedy);
}

static int record_text(const struct ct_record *rec, char text[CT_RECORD_BYTES_MAX], struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = json_object();
	struct ct_record again;
	struct ct_err why = { 0 };
	size_t len = 0;
	bool complete;
	int r;

	complete = put(o, "format", json_string(RECORD_FORMAT)) && put_number(o, &limit_first, &rec->limit) &&
		   put_number(o, &buckets_first, &rec->buckets) &&
		   put(o, "module_loaded", json_boolean(rec->module_loaded));
	r = make_text(o, complete, text, &len, err);
	if (r == 0 && ct_record_parse(text, len, &again, &why) < 0)
		r = refuse(CT_RECORD_PATH, &why, err);
	return r;
}

int ct_record_load(struct ct_fs *fs, struct ct_record *ret, struct ct_err *err)
{
	char text[CT_RECORD_BYTES_MAX];
	struct ct_err why = { 0 };
	size_t len;
	int r;

	r = ct_fs_read_start(fs, CT_RECORD_PATH, text, sizeof(text), &len, err);
	if (r == 0 && ct_record_parse(text, len, ret, &why) < 0)
		r = damaged(fs, CT_RECORD_PATH, "move it away, then the values in force now count as the first ones",
			    &why, err);
	return r;
}

int ct_record_first(struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err)
{
	struct ct_record rec = {
		.limit = ct_facts_limit(facts),
		.buckets = ct_facts_buckets(facts),
		.module_loaded = facts->presence != CT_PRESENCE_ABSENT,
	};
	char text[CT_RECORD_BYTES_MAX];
	struct ct_err why = { 0 };
	struct ct_record kept;
	int r;

	r = ct_record_load(fs, &kept, &why);
	if (r != -ENOENT)
		return r < 0 ? ct_err_set(err, r, "%s", why.msg) : 0;
	/* no secret, and conntuned, which isn't root, has to read what root's conntune wrote */
	r = record_text(&rec, text, err);
	return r < 0 ? r : ct_fs_replace(fs, CT_RECORD_PATH, text, 0644, err);
}

int ct_record_forget(struct ct_fs *fs, struct ct_err *err)
{
	return ct_fs_remove(fs, CT_RECORD_PATH, err);
}

static int pending_text(const struct ct_pending *p, char text[CT_RECORD_BYTES_MAX], struct ct_err *err)
{
	const struct ct_u64 until = { true, p->deadline_usec }, pid = { true, (uint64_t)(int64_t)p->guard_pid };
	ct_cleanup(json_done) json_t *o = json_object();
	struct ct_err why = { 0 };
	struct ct_pending again;
	size_t len = 0;
	bool complete;
	int r;

	complete = put(o, "format", json_string(PENDING_FORMAT)) && put_number(o, &limit_old, &p->old_limit) &&
		   put_number(o, &buckets_old, &p->old_buckets) && put_number(o, &limit_new, &p->new_limit) &&
		   put_number(o, &buckets_new, &p->new_buckets) && put(o, "persist", json_boolean(p->persist)) &&
		   put(o, "first", json_boolean(p->first)) && put_number(o, &deadline, &until) &&
		   put_number(o, &guard, &pid);
	r = make_text(o, complete, text, &len, err);
	if (r == 0 && ct_pending_parse(text, len, &again, &why) < 0)
		r = refuse(CT_PENDING_PATH, &why, err);
	return r;
}

int ct_pending_save(struct ct_fs *fs, const struct ct_pending *pending, struct ct_err *err)
{
	char text[CT_RECORD_BYTES_MAX];
	int r = pending_text(pending, text, err);

	/* conntuned, by its group, takes it back when the guard is dead; who else could open it might hold a lock on it for ever */
	return r < 0 ? r : ct_fs_replace(fs, CT_PENDING_PATH, text, 0640, err);
}

static int pending_parsed(struct ct_fs *fs, const char *text, size_t len, struct ct_pending *ret, struct ct_err *err)
{
	struct ct_err why = { 0 };

	if (ct_pending_parse(text, len, ret, &why) < 0)
		return damaged(fs, CT_PENDING_PATH, "look at limit and buckets, then remove it", &why, err);
	return 0;
}

int ct_pending_load(struct ct_fs *fs, struct ct_pending *ret, struct ct_err *err)
{
	char text[CT_RECORD_BYTES_MAX];
	size_t len;
	int r = ct_fs_read_start(fs, CT_PENDING_PATH, text, sizeof(text), &len, err);

	return r < 0 ? r : pending_parsed(fs, text, len, ret, err);
}

static int none_waits(struct ct_fs *fs, struct ct_err *err)
{
	return ct_err_set(err, -ENOENT, "nothing waits to be confirmed: there is no %s below %s", CT_PENDING_PATH,
			  ct_fs_root(fs));
}

/* The lock may be on a file that its last owner has just removed: then nothing waits any more. */
static int lock_pending(struct ct_fs *fs, int *ret, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = -1;
	struct stat st;

	fd = ct_fs_open_regular(fs, CT_PENDING_PATH, O_RDONLY | O_NOFOLLOW, err);
	if (fd == -ENOENT)
		return none_waits(fs, err);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return ct_err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
				  "%s below %s is being dealt with by another process", CT_PENDING_PATH,
				  ct_fs_root(fs));
	if (fstat(fd, &st) < 0)
		return ct_err_set(err, -errno, "cannot look at %s below %s: %m", CT_PENDING_PATH, ct_fs_root(fs));
	if (st.st_nlink == 0)
		return none_waits(fs, err);
	*ret = fd;
	fd = -1;
	return 0;
}

int ct_pending_claim(struct ct_fs *fs, struct ct_pending *ret, int *fd, struct ct_err *err)
{
	ct_cleanup(ct_closep) int locked = -1;
	char text[CT_RECORD_BYTES_MAX];
	ssize_t n;
	int r;

	r = lock_pending(fs, &locked, err);
	if (r < 0)
		return r;
	n = pread(locked, text, sizeof(text) - 1, 0);
	if (n < 0)
		return ct_err_set(err, -errno, "cannot read %s below %s: %m", CT_PENDING_PATH, ct_fs_root(fs));
	r = pending_parsed(fs, text, (size_t)n, ret, err);
	if (r < 0)
		return r;
	*fd = locked;
	locked = -1;
	return 0;
}

int ct_pending_done(struct ct_fs *fs, int fd, struct ct_err *err)
{
	int r = ct_fs_remove(fs, CT_PENDING_PATH, err);

	(void)close(fd);
	return r;
}

void ct_pending_release(int fd)
{
	(void)close(fd);
}

/* inotify takes a path, and only the descriptor is sure to be the directory below the root. */
int ct_pending_watch(struct ct_fs *fs, int *fd, struct ct_err *err)
{
	const uint32_t events = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR;
	ct_cleanup(ct_closep) int watch = -1, dir = -1;
	char self[32];
	int r;

	r = ct_fs_make_parents(fs, CT_PENDING_PATH, err);
	if (r < 0)
		return r;
	dir = ct_fs_open(fs, "run/conntune", O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", dir);
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, self, events) < 0)
		return ct_err_set(err, -errno, "cannot watch run/conntune below %s: %m", ct_fs_root(fs));
	*fd = watch;
	watch = -1;
	return 0;
}
