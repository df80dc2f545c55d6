/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory below which kernel files are read and written: "/" or a captured machine. */
#ifndef CONNTUNE_FS_H
#define CONNTUNE_FS_H

#include <stdbool.h>
#include <conntune/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ct_fs;

/**
 * ct_fs_new - open a root directory
 * @ret:  set on success; end it with ct_fs_free()
 * @root: "/" for this machine, else the top of a captured tree; links inside it can't leave it
 * Returns: 0; -ENOENT, -ENOTDIR, -EACCES as open(2) says; -ENOMEM.
 */
int ct_fs_new(struct ct_fs **ret, const char *root, struct ct_err *err);

/* Takes NULL, returns NULL. */
struct ct_fs *ct_fs_free(struct ct_fs *fs);

/* The path given to ct_fs_new(), for messages. */
const char *ct_fs_root(const struct ct_fs *fs);

/* True if the root is this machine's own "/": only then may system calls stand in for files. */
bool ct_fs_is_live(const struct ct_fs *fs);

#ifdef __cplusplus
}
#endif
#endif
