/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading the connection tracking module with libkmod. */
#ifndef CONNTUNE_MODULE_H
#define CONNTUNE_MODULE_H

#include <stdint.h>
#include <conntune/fs.h>

/**
 * ct_module_load - modprobe nf_conntrack hashsize=@hashsize
 * modprobe.d and the kernel command line are honoured; the last hashsize wins, so the caller reads back.
 * Returns: 0 (also if it was loaded already, then hashsize was not used); -EOPNOTSUPP below a root that isn't "/", or
 *          without libkmod; -ENOENT if there is no such module; -EPERM; -EEXIST never; others as the kernel says.
 */
int ct_module_load(struct ct_fs *fs, uint64_t hashsize, struct ct_err *err);

/* The same for any module; @dir: where modules are, NULL for those of the running kernel. Tests use both. */
int ct_module_probe(const char *dir, const char *name, uint64_t hashsize, struct ct_err *err);

#endif
