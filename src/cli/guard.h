/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that takes an apply back unless it is confirmed in time, and what to do when that process died. */
#ifndef CONNTUNE_GUARD_H
#define CONNTUNE_GUARD_H

#include <stdint.h>
#include <sys/types.h>
#include <conntune/apply.h>
#include <conntune/record.h>
#include "cli.h"
#include "options.h"

/**
 * struct guard - one guard process, seen from the apply that started it
 * @pid:  goes into ct_pending.guard_pid
 * @life: pipe; the guard takes its end for the end of this process. -1: none
 */
struct guard {
	pid_t pid;
	int life;
};

#define GUARD_NONE { .life = -1 }

/* Longest time to confirm in: a day. */
#define GUARD_SECONDS_MAX 86400

/* Now on the clock of ct_pending.deadline_usec; it goes on while the machine sleeps. */
uint64_t guard_now_usec(void);

/**
 * guard_start - a process of its own session that outlives this one
 * It does nothing until guard_arm(), or until this process dies after saving a pending apply with its pid. Then it
 * waits for @deadline_usec (or SIGTERM), claims the pending apply, if it still waits, and undoes it.
 * If this process still holds the lock a second later, it is killed.
 */
int guard_start(const struct cli_options *opt, uint64_t deadline_usec, struct guard *ret, struct ct_err *err);

/* The pending apply is saved: from now on it will be undone. */
int guard_arm(struct guard *guard, struct ct_err *err);

/* This process is through with writing; the guard goes on. */
void guard_leave(struct guard *guard);

/**
 * guard_undo - take the pending apply back
 * @fd: the claim; it ends here. If a value can't be put back, the file goes on waiting.
 */
int guard_undo(struct ct_fs *fs, const struct ct_pending *pending, int fd, const struct ct_apply_options *options,
	       struct ct_err *err);

/**
 * guard_settle - before anything else is changed: does an apply still wait?
 * One that is overdue has lost its guard, and is undone here. The caller holds the lock.
 * @undone: set if there was one
 * Returns: 0 if nothing waits any more; -EBUSY if one does, with what to do; errors from undoing.
 */
int guard_settle(struct ct_fs *fs, const struct ct_apply_options *options, bool *undone, struct ct_err *err);

#endif
