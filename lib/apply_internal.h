/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of applying that only a real kernel reaches otherwise. */
#ifndef CONNTUNE_APPLY_INTERNAL_H
#define CONNTUNE_APPLY_INTERNAL_H

#include <stdint.h>
#include <conntune/fs.h>

/**
 * ct_apply_loaded - after the module was loaded: has it the buckets that were asked for?
 * A line below modprobe.d or on the kernel command line may have won; then they are set at run time.
 * @got: buckets in force
 * Returns: 0; -ENOENT if nothing tells the number; -EIO if it stays another one; errors from writing.
 */
int ct_apply_loaded(struct ct_fs *fs, uint64_t buckets, uint64_t *got, struct ct_err *err);

#endif
