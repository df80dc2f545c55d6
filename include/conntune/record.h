/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was there before conntune first wrote (for revert), and what waits to be confirmed. */
#ifndef CONNTUNE_RECORD_H
#define CONNTUNE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_record - values found before the first apply; var/lib/conntune/first.json
 * @limit, @buckets: not known if the module wasn't there
 * @module_loaded:   connection tracking was there (loaded or built in)
 */
struct ct_record {
	struct ct_u64 limit, buckets;
	bool module_loaded;
};

/**
 * ct_record_first - keep what is there now, unless something is kept already
 * Written atomically and on disk before this returns. Returns: 0; -EBADMSG if a record is there but unreadable
 * (nothing is overwritten); errors from writing.
 */
int ct_record_first(struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err);

/* Returns: 0; -ENOENT if nothing was ever applied; -EBADMSG if the file is damaged. */
int ct_record_load(struct ct_fs *fs, struct ct_record *ret, struct ct_err *err);

/* After a complete revert. Returns 0 also if there was none. */
int ct_record_forget(struct ct_fs *fs, struct ct_err *err);

/**
 * struct ct_pending - an apply that waits for `conntune confirm`; run/conntune/pending.json
 * @old_limit, @old_buckets: to go back to; not known: leave
 * @new_limit, @new_buckets: what was set: undone only while they are still in force
 * @persist:                 write boot files when confirmed
 * @first:                   the record (ct_record_first) was made by this apply: undoing it forgets the record
 * @deadline_usec:           CLOCK_BOOTTIME
 * @guard_pid:               process that undoes it
 */
struct ct_pending {
	struct ct_u64 old_limit, old_buckets;
	struct ct_u64 new_limit, new_buckets;
	bool persist, first;
	uint64_t deadline_usec;
	int32_t guard_pid;
};

/* Written atomically and on disk before this returns. Returns: 0; -ERANGE for numbers that loading would refuse. */
int ct_pending_save(struct ct_fs *fs, const struct ct_pending *pending, struct ct_err *err);

/* Returns: 0; -ENOENT if nothing waits; -EBADMSG if the file is damaged. */
int ct_pending_load(struct ct_fs *fs, struct ct_pending *ret, struct ct_err *err);

/**
 * ct_pending_claim - take it, for confirming or for undoing: one process at a time has it
 * The claim is a lock on the file and ends with ct_pending_done(), ct_pending_release() or the process: if that is
 * killed before its work is done, the file still waits and the next one can claim it.
 * @fd: descriptor that holds the claim
 * Returns: 0; -ENOENT if nothing waits; -EBUSY if another process has it; -EBADMSG.
 */
int ct_pending_claim(struct ct_fs *fs, struct ct_pending *ret, int *fd, struct ct_err *err);

/* Confirmed or undone: remove the file, then end the claim (also on failure). */
int ct_pending_done(struct ct_fs *fs, int fd, struct ct_err *err);

/* End the claim and leave the file waiting. */
void ct_pending_release(int fd);

/**
 * ct_pending_watch - learn of changes without polling
 * @fd: inotify(7) descriptor, non-blocking: readable when the pending file was made, replaced or removed
 */
int ct_pending_watch(struct ct_fs *fs, int *fd, struct ct_err *err);

#ifdef __cplusplus
}
#endif
#endif
