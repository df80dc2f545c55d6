/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF programs in the kernel, and the memory that they share with us. */
#ifndef CONNTUNE_LOAD_H
#define CONNTUNE_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>
#include <conntune/err.h>
#include "chains_shared.h"

struct programs;

enum program {
	PROGRAM_WALK,
	PROGRAM_WALK_LONG,
	PROGRAM_PEEK,
	PROGRAM_SYMBOLS,
	PROGRAM_LOCATE,
};

/**
 * struct shared - what programs and loader tell each other, mapped
 * @place: NULL unless programs_load_locate() has succeeded
 */
struct shared {
	struct chains_ask *ask;
	struct chains_told *told;
	uint64_t *at_least;             /* CHAINS_LEVELS */
	uint32_t *counts;               /* CHAINS_COUNTS */
	struct chains_timeout *timeouts; /* CHAINS_KINDS */
	struct chains_owner *owners;    /* CHAINS_OWNERS + 1 */
	struct chains_place *place;
};

/**
 * programs_load - all but the one that looks up entries
 * The kernel itself fits them to its types, by a loader program: its type information, 5 MB and more, isn't read here.
 * @census, @by_owner: what to count
 * Returns: 0; -EPERM; -EOPNOTSUPP; -ENOMEM.
 */
int programs_load(struct programs **ret, struct shared *shared, bool census, bool by_owner, bool may_cast,
		  struct ct_err *err);

/* The one that looks up entries. Returns: 0; -EOPNOTSUPP if this kernel can't (before 5.18); -ENOMEM. */
int programs_load_locate(struct programs *programs, struct shared *shared, struct ct_err *err);

/* One test run, by this thread, in its network namespace. Returns: 0; the errno of bpf(2). */
int programs_run(const struct programs *programs, enum program which, struct ct_err *err);

/* Takes NULL. */
void programs_free(struct programs *programs);

#endif
