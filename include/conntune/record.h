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
 * @deadline_usec:           CLOCK_BOOTTIME
 * @guard_pid:               process that undoes it
 */
struct ct_pending {
	struct ct_u64 old_limit, old_buckets;
	struct ct_u64 new_limit, new_buckets;
	bool persist;
	uint64_t deadline_usec;
	int32_t guard_pid;
};

int ct_pending_save(struct ct_fs *fs, const struct ct_pending *pending, struct ct_err *err);

/* Returns: 0; -ENOENT if nothing waits; -EBADMSG if the file is damaged. */
int ct_pending_load(struct ct_fs *fs, struct ct_pending *ret, struct ct_err *err);

/**
 * ct_pending_claim - take it, for confirming or for undoing: exactly one caller gets it
 * The file is renamed away first, then read. Returns: 0; -ENOENT if nothing waits, or another one was faster; -EBADMSG.
 */
int ct_pending_claim(struct ct_fs *fs, struct ct_pending *ret, struct ct_err *err);

#ifdef __cplusplus
}
#endif
#endif
