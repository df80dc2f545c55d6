/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a plan: check, write, read back, undo. The only writer of kernel values. */
#ifndef CONNTUNE_APPLY_H
#define CONNTUNE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/plan.h>
#include <conntune/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of one step. */
enum ct_step_result {
	CT_STEP_DONE,                   /* written, and read back as planned */
	CT_STEP_WOULD,                  /* dry run: checked, not written */
	CT_STEP_FAILED,
	CT_STEP_UNDONE,                 /* taken back because a later one failed */
};

/**
 * struct ct_apply_options
 * @dry_run: go through everything but the writes themselves
 * @on_step: called after each step; may be NULL. @got is the value read back.
 */
struct ct_apply_options {
	bool dry_run;
	void (*on_step)(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata);
	void *userdata;
};

/**
 * ct_apply_plan - all steps, or none
 * Before each write the present value is compared with step->old. After it the value is read back: buckets may come
 * back rounded up by the kernel to whole pages, nothing else may differ. On any failure the steps done so far are
 * undone in reverse order; a loaded module stays loaded, and a value that somebody else changed meanwhile is left to
 * him. The caller holds the lock (ct_lock_take) and has recorded what was there before (ct_record_first).
 * Returns: 0; -ESTALE if somebody else changed the value since the plan was made; -EIO if the value read back is
 *          another one; -ENOENT if the file vanished (module unloaded); -EACCES, -EPERM, -EROFS, -EOPNOTSUPP, -ENOMEM,
 *          -EINVAL as the kernel says.
 */
int ct_apply_plan(struct ct_fs *fs, const struct ct_plan *plan, const struct ct_apply_options *options,
		  struct ct_err *err);

/**
 * ct_apply_undo - put back what an unconfirmed apply set
 * Each value by itself, and only where what was set is still in force; no check against memory or entries, because
 * the old values were in force before. The caller has claimed @pending (ct_pending_claim).
 * @on_step: called with CT_STEP_UNDONE or CT_STEP_FAILED, or with CT_STEP_DONE where another value was left alone
 * Returns: 0; the first error, after trying both.
 */
int ct_apply_undo(struct ct_fs *fs, const struct ct_pending *pending, const struct ct_apply_options *options,
		  struct ct_err *err);

/**
 * ct_apply_timeout - one time-out, compared before, written once, read back
 * @param: one that ct_timeout_row() knows; nothing else is written this way
 * @old:   seconds that must be there
 * @value: seconds; bounded by ct_param_check(), and not below the row's floor unless that much was there before
 *         (putting a smaller original back)
 * @got:   seconds in force afterwards
 * Returns: 0, also if @value is there already; -EINVAL if @param isn't one of them; -ERANGE; -ESTALE if another value
 *          than @old is there, which stays; -ENOENT if this kernel has no such file; -EROFS, -EACCES, -EIO ...
 */
int ct_apply_timeout(struct ct_fs *fs, enum ct_param_id param, int64_t old, int64_t value, int64_t *got,
		     struct ct_err *err);

/**
 * ct_lock_take - one writer at a time
 * Takes run/conntune/lock below the root. The lock ends with ct_lock_drop() or with the process.
 * Returns: 0 and an open descriptor in @fd; -EBUSY if another process has it; -EACCES, -EROFS ... from the files.
 */
int ct_lock_take(struct ct_fs *fs, int *fd, struct ct_err *err);

/* The same for the daemon itself, run/conntuned/lock: one of them on a machine. */
int ct_lock_daemon(struct ct_fs *fs, int *fd, struct ct_err *err);
void ct_lock_drop(int fd);

const char *ct_step_result_name(enum ct_step_result result);    /* "done", "would", "failed", "undone" */

#ifdef __cplusplus
}
#endif
#endif
