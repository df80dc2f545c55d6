/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only writer of kernel values: each is compared before, written once, read back, and put back if a later one
 * fails. */
#include "config.h"
#include "apply_internal.h"
#include "fs.h"
#include "module.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <conntune/apply.h>
#include <conntune/timeouts.h>

#define LOCK_PATH "run/conntune/lock"
#define DAEMON_LOCK_PATH "run/conntuned/lock"

/* More than the kernel ever rounds up by: buckets of 4 bytes in a page of 1 MiB. */
#define ROUNDING_MAX 262144

/* What became of one step, for taking it back. */
struct done {
	uint64_t before, got;
	bool tried;
};

struct run {
	struct ct_fs *fs;
	const struct ct_plan *plan;
	const struct ct_apply_options *options;
	struct done done[CT_PLAN_STEPS_MAX];
};

static void tell(const struct ct_apply_options *options, const struct ct_step *step, enum ct_step_result result,
		 uint64_t got)
{
	if (options->on_step)
		options->on_step(step, result, got, options->userdata);
}

/* A limit that some kernels let fall below 0 means the same as 0: none. */
static int read_value(struct ct_fs *fs, const char *path, uint64_t *ret, struct ct_err *err)
{
	int64_t v;
	int r = ct_fs_read_i64(fs, path, &v, err);

	if (r == 0)
		*ret = v < 0 ? 0 : (uint64_t)v;
	return r;
}

/* Buckets may come back rounded up to whole pages, nothing else may differ. */
static bool is_accepted(enum ct_param_id id, uint64_t wanted, uint64_t got)
{
	return got == wanted || (id == CT_PARAM_BUCKETS && got > wanted && got - wanted < ROUNDING_MAX);
}

static int write_value(struct ct_fs *fs, enum ct_param_id id, const char *path, uint64_t value, uint64_t *got,
		       struct ct_err *err)
{
	int r = ct_fs_write_u64(fs, path, value, err);

	if (r == 0)
		r = read_value(fs, path, got, err);
	if (r == 0 && !is_accepted(id, value, *got))
		r = ct_err_set(err, -EIO, "%s was written as %" PRIu64 " but reads %" PRIu64, path, value, *got);
	return r;
}

/* One of several names of a value that there is, and that can be written. */
static bool is_writable(struct ct_fs *fs, const struct ct_param_path *p)
{
	struct ct_fs_info info;

	return p->writable && ct_fs_info(fs, p->path, &info, NULL) == 0 && info.writable;
}

static int read_any(struct ct_fs *fs, enum ct_param_id id, uint64_t *ret, struct ct_err *err)
{
	int r = -ENOENT;

	for (const struct ct_param_path *p = ct_param_get(id)->paths; p->path && r < 0; p++)
		r = read_value(fs, p->path, ret, NULL);
	return r < 0 ? ct_err_set(err, r, "no file below %s tells %s", ct_fs_root(fs), ct_param_get(id)->name) : 0;
}

int ct_apply_loaded(struct ct_fs *fs, uint64_t buckets, uint64_t *got, struct ct_err *err)
{
	uint64_t now;
	int r = read_any(fs, CT_PARAM_BUCKETS, &now, err);

	if (r < 0)
		return r;
	*got = now;
	if (is_accepted(CT_PARAM_BUCKETS, buckets, now))
		return 0;
	for (const struct ct_param_path *p = ct_param_get(CT_PARAM_BUCKETS)->paths; p->path; p++)
		if (is_writable(fs, p))
			return write_value(fs, CT_PARAM_BUCKETS, p->path, buckets, got, err);
	return ct_err_set(err, -EIO,
			  "the module came up with %" PRIu64 " buckets instead of %" PRIu64 ": a line below modprobe.d "
			  "or on the kernel command line won, and they can't be changed any more",
			  now, buckets);
}

static int load_module(struct run *run, const struct ct_step *step, struct done *done, struct ct_err *err)
{
	int r;

	if (run->options->dry_run)
		return 0;
	r = ct_module_load(run->fs, step->value, err);
	return r < 0 ? r : ct_apply_loaded(run->fs, step->value, &done->got, err);
}

/* Nothing to compare with while there is no module, and nothing to see for those who may not read. */
static int rehearse(struct run *run, const struct ct_step *step, struct done *done, struct ct_err *err)
{
	int r;

	if (!step->old.known)
		return 0;
	done->got = step->old.v;
	r = read_value(run->fs, step->path, &done->got, err);
	return r == -EACCES ? 0 : r;
}

static int set_value(struct run *run, const struct ct_step *step, struct done *done, struct ct_err *err)
{
	int r;

	if (run->options->dry_run)
		r = rehearse(run, step, done, err);
	else
		r = read_value(run->fs, step->path, &done->got, err);
	if (r < 0)
		return r;
	done->before = done->got;
	if (step->old.known && done->before != step->old.v)
		return ct_err_set(err, -ESTALE,
				  "%s holds %" PRIu64 " and no longer %" PRIu64 ": somebody else changed it, nothing "
				  "of ours is left",
				  step->path, done->before, step->old.v);
	if (run->options->dry_run || done->before == step->value)
		return 0;
	done->tried = true;
	return write_value(run->fs, step->param, step->path, step->value, &done->got, err);
}

/* A step that was done belongs to whoever wrote after us; one that failed halfway is ours. */
static int undo_step(struct run *run, const struct ct_step *step, const struct done *done, bool failed,
		     struct ct_err *err)
{
	uint64_t now;
	int r;

	if (!done->tried)
		return 0;
	r = read_value(run->fs, step->path, &now, err);
	if (r == 0 && (now == done->before || (!failed && now != done->got)))
		return 0;
	/* what can't be read, half a number on a full disk for one, is as far from the old value as can be */
	r = write_value(run->fs, step->param, step->path, done->before, &now, err);
	if (r == 0)
		tell(run->options, step, CT_STEP_UNDONE, now);
	return r;
}

static void undo(struct run *run, size_t failed, struct ct_err *err)
{
	struct ct_err first = *err, why = { 0 };

	for (size_t i = failed + 1; i-- > 0;) {
		const struct ct_step *step = &run->plan->step[i];

		if (undo_step(run, step, &run->done[i], i == failed, &why) < 0)
			(void)ct_err_set(err, first.code, "%.120s; and undoing failed: %.110s", first.msg, why.msg);
	}
}

int ct_apply_plan(struct ct_fs *fs, const struct ct_plan *plan, const struct ct_apply_options *options,
		  struct ct_err *err)
{
	struct run run = { .fs = fs, .plan = plan, .options = options };
	struct ct_err mine = { 0 };
	int r;

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct ct_step *step = &plan->step[i];
		struct done *done = &run.done[i];

		if (step->kind == CT_STEP_LOAD_MODULE)
			r = load_module(&run, step, done, &mine);
		else
			r = set_value(&run, step, done, &mine);
		tell(options, step,
		     r < 0              ? CT_STEP_FAILED
		     : options->dry_run ? CT_STEP_WOULD
					: CT_STEP_DONE,
		     done->got);
		if (r < 0) {
			undo(&run, i, &mine);
			return ct_err_set(err, r, "%s", mine.msg);
		}
	}
	return 0;
}

/* Names of one value are one value in a kernel; in a captured tree only the file that was written holds @from. */
static int undo_value(struct ct_fs *fs, enum ct_param_id id, struct ct_u64 from, struct ct_u64 to,
		      const struct ct_apply_options *options, struct ct_err *err)
{
	struct ct_step step = {
		.kind = id == CT_PARAM_LIMIT ? CT_STEP_SET_LIMIT : CT_STEP_SET_BUCKETS,
		.param = id,
		.old = from,
		.value = to.v,
		.reason = "not confirmed: the old value comes back",
	};
	uint64_t now = 0;
	int r;

	if (!from.known || !to.known)
		return 0;
	for (const struct ct_param_path *p = ct_param_get(id)->paths; p->path; p++) {
		if (read_value(fs, p->path, &now, NULL) < 0 || !is_accepted(id, from.v, now) || !is_writable(fs, p))
			continue;
		step.path = p->path;
		r = write_value(fs, id, p->path, to.v, &now, err);
		tell(options, &step, r < 0 ? CT_STEP_FAILED : CT_STEP_UNDONE, now);
		return r;
	}
	r = read_any(fs, id, &now, err);
	if (r == 0 && is_accepted(id, from.v, now))
		r = ct_err_set(err, -EROFS, "%s can't be put back to %" PRIu64 ": no file of it is writable",
			       ct_param_get(id)->name, to.v);
	tell(options, &step, r < 0 ? CT_STEP_FAILED : CT_STEP_DONE, now);
	return r;
}

/* The order of a plan, backwards: what grew shrinks, limit first. */
int ct_apply_undo(struct ct_fs *fs, const struct ct_pending *p, const struct ct_apply_options *options,
		  struct ct_err *err)
{
	bool limit_last = p->old_limit.v == 0 || p->old_limit.v > p->new_limit.v;
	struct ct_err why = { 0 };
	int a = 0, b, c = 0;

	if (!limit_last)
		a = undo_value(fs, CT_PARAM_LIMIT, p->new_limit, p->old_limit, options, err);
	b = undo_value(fs, CT_PARAM_BUCKETS, p->new_buckets, p->old_buckets, options, a < 0 ? &why : err);
	if (limit_last)
		c = undo_value(fs, CT_PARAM_LIMIT, p->new_limit, p->old_limit, options, b < 0 ? &why : err);
	return a < 0 ? a : b < 0 ? b : c;
}

/* The file that holds @id here, readable and writable both. -ENOENT: this kernel has none, and no other trouble. */
static const char *timeout_path(struct ct_fs *fs, enum ct_param_id id, int64_t *now, struct ct_err *err)
{
	const char *readable = NULL;
	struct ct_err why = { 0 };
	int64_t v;

	for (const struct ct_param_path *p = ct_param_get(id)->paths; p->path; p++) {
		if (ct_fs_read_i64(fs, p->path, &v, why.code && why.code != -ENOENT ? NULL : &why) < 0)
			continue;
		*now = v;
		if (is_writable(fs, p))
			return p->path;
		readable = p->path;
	}
	if (readable)
		(void)ct_err_set(err, -EROFS, "%s below %s can't be written", readable, ct_fs_root(fs));
	else if (why.code != -ENOENT)
		*err = why;
	else
		(void)ct_err_set(err, -ENOENT, "no file below %s tells %s", ct_fs_root(fs), ct_param_get(id)->name);
	return NULL;
}

/* Shorter than the floor is only what was found so. */
static int check_timeout(enum ct_param_id id, int64_t old, int64_t value, struct ct_err *err)
{
	static const struct ct_kver any;
	int row = ct_timeout_row(id);

	if (row < 0)
		return ct_err_set(err, -EINVAL, "parameter %d isn't a time-out that may be changed", (int)id);
	if (value < old && value < (int64_t)ct_timeout_at((size_t)row)->floor)
		return ct_err_set(err, -ERANGE, "%s: %" PRId64 " s is below the floor of %" PRIu32 " s",
				  ct_param_get(id)->name, value, ct_timeout_at((size_t)row)->floor);
	return ct_param_check(ct_param_get(id), &any, value, err);
}

int ct_apply_timeout(struct ct_fs *fs, enum ct_param_id id, int64_t old, int64_t value, int64_t *got, struct ct_err *err)
{
	struct ct_err why = { 0 };
	const char *path;
	int64_t now = 0;
	int r = check_timeout(id, old, value, err);

	if (r < 0)
		return r;
	path = timeout_path(fs, id, &now, &why);
	*got = now;
	if (path && now == value)
		return 0;
	if (!path)
		return ct_err_set(err, why.code, "%s", why.msg);
	if (now != old)
		return ct_err_set(err, -ESTALE, "%s holds %" PRId64 " and no longer %" PRId64 ": somebody else changed it",
				  path, now, old);
	r = ct_fs_write_u64(fs, path, (uint64_t)value, err);
	if (r == 0)
		r = ct_fs_read_i64(fs, path, got, err);
	if (r == 0 && *got != value)
		r = ct_err_set(err, -EIO, "%s was written as %" PRId64 " but reads %" PRId64, path, value, *got);
	return r;
}

/*
 * conntuned isn't root: a lock that root's conntune made is one that its group may read, and flock(2) needs no more.
 * Everybody may not, or anybody could keep us from writing.
 */
static int take_lock(struct ct_fs *fs, const char *path, const char *who, int *fd, struct ct_err *err)
{
	ct_cleanup(ct_closep) int lock = -1;
	int r;

	r = ct_fs_make_parents(fs, path, err);
	if (r < 0)
		return r;
	lock = ct_fs_open(fs, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0640, err);
	if (lock == -EACCES)
		lock = ct_fs_open(fs, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
	if (lock < 0)
		return lock;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return ct_err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
				  "another %s is at work: it holds %s below %s", who, path, ct_fs_root(fs));
	*fd = lock;
	lock = -1;
	return 0;
}

int ct_lock_take(struct ct_fs *fs, int *fd, struct ct_err *err)
{
	return take_lock(fs, LOCK_PATH, "conntune", fd, err);
}

int ct_lock_daemon(struct ct_fs *fs, int *fd, struct ct_err *err)
{
	return take_lock(fs, DAEMON_LOCK_PATH, "conntuned", fd, err);
}

void ct_lock_drop(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

const char *ct_step_result_name(enum ct_step_result result)
{
	switch (result) {
	case CT_STEP_DONE:
		return "done";
	case CT_STEP_WOULD:
		return "would";
	case CT_STEP_FAILED:
		return "failed";
	case CT_STEP_UNDONE:
		return "undone";
	}
	return "unknown";
}
