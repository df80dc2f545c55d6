/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From present to wanted values: ordered steps, each with its reason. Pure. */
#ifndef CONNTUNE_PLAN_H
#define CONNTUNE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/param.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ct_step_kind {
	CT_STEP_LOAD_MODULE,            /* with hashsize=value; the limit follows at once as a step of its own */
	CT_STEP_SET_BUCKETS,
	CT_STEP_SET_LIMIT,
};

/**
 * struct ct_step - one change
 * @param:      CT_PARAM_LIMIT or CT_PARAM_BUCKETS
 * @path:       file to write, below the root; NULL for CT_STEP_LOAD_MODULE
 * @old:        value that must be there before the write; not known: nothing there yet
 * @value:      what to write
 * @reason:     why this step, and why here: one sentence
 * @command:    how an administrator would do the same by hand
 */
struct ct_step {
	enum ct_step_kind kind;
	enum ct_param_id param;
	const char *path;
	struct ct_u64 old;
	uint64_t value;
	char reason[200];
	char command[160];
};

#define CT_PLAN_STEPS_MAX 4

/**
 * struct ct_plan - steps in the order in which they must happen; step_count 0: nothing to do
 * @notes: what was left alone and why ("buckets stay at 65536: ..."), note_count of them
 */
struct ct_plan {
	struct ct_step step[CT_PLAN_STEPS_MAX];
	size_t step_count;
	char note[4][200];
	size_t note_count;
};

/**
 * struct ct_wanted - what should be
 * @limit, @buckets: 0: leave as it is
 * @no_limit:        put a limit of 0 ("no limit") back that was found earlier; @limit is 0 then. For revert alone:
 *                   conntune never chooses it
 * @allow_shrink:    the limit may go below the entries in use
 */
struct ct_wanted {
	uint64_t limit, buckets;
	bool no_limit;
	bool allow_shrink;
};

/**
 * ct_plan_make - order the steps
 * Growing: buckets first, then limit; shrinking: limit first, then buckets. Equal values need no step. A present
 * limit of 0 (none) is above every other. @wanted buckets are rounded as the kernel does, unless they are the present ones;
 * the step has the rounded number.
 * Module absent: load it with hashsize, then set the limit (the kernel would make it 8 x hashsize).
 * Each value is checked with ct_param_check(), against what the kernel can hold, and bucket arrays against
 * MemAvailable less ct_memory_floor(), old and new together (MemAvailable has the old one paid for already).
 * Returns: 0;
 *   -EBUSY       the limit would go below the entries in use and allow_shrink is not set;
 *   -ENOSPC      the new bucket array doesn't fit into memory;
 *   -EOPNOTSUPP  this kernel can't change buckets at run time, or the namespace isn't the first one;
 *   -EROFS       proc/sys is read-only;
 *   -ERANGE      a value that the kernel or ct_param_check() refuses;
 *   -ENODATA     facts that are needed are unknown;
 *   -EINVAL      @wanted contradicts itself.
 */
int ct_plan_make(const struct ct_facts *facts, const struct ct_wanted *wanted, struct ct_plan *ret,
		 struct ct_err *err);

/* "load-module", "set-buckets", "set-limit". */
const char *ct_step_kind_name(enum ct_step_kind kind);

#ifdef __cplusplus
}
#endif
#endif
