/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that look for owners share. */
#ifndef CONNTUNE_OWNERS_PARTS_H
#define CONNTUNE_OWNERS_PARTS_H

#include <stdbool.h>
#include <conntune/fs.h>
#include <conntune/kernel.h>
#include "boot_lines.h"

/* What tuned sets of ours: limit and buckets, where sets[] says so. */
struct ct_tuned {
	bool sets[2];
	struct ct_boot_line line[2];
};

/**
 * ct_tuned_read - the active profile of tuned, with those it includes
 * Sections of type sysctl only. A profile sets after those it includes, the last of several active ones wins.
 * Returns: 0, also if no profile is active or one can't be read; -ENOMEM.
 */
int ct_tuned_read(struct ct_fs *fs, const struct ct_kver *v, struct ct_tuned *ret) __attribute__((nonnull));

#endif
