/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening a file below a directory so that no link leads out of it. */
#ifndef CONNTUNE_BENEATH_H
#define CONNTUNE_BENEATH_H

#include <sys/types.h>

/**
 * ct_beneath_open - openat(2), with @root as the top for absolute links and for ".."
 * By openat2(2) and RESOLVE_IN_ROOT.
 * Returns: a descriptor (O_CLOEXEC) or a negative errno: -ENOSYS before 5.6 and in tools that don't know openat2
 * (valgrind 3.19), -EPERM below some syscall filters; then use ct_beneath_walk().
 */
int ct_beneath_open(int root, const char *path, int flags, mode_t mode) __attribute__((nonnull, warn_unused_result));

/**
 * ct_beneath_walk - the same, part by part, on any kernel
 * Returns also -ELOOP after more than 40 links, -ENAMETOOLONG beyond 64 directories or PATH_MAX bytes.
 */
int ct_beneath_walk(int root, const char *path, int flags, mode_t mode) __attribute__((nonnull, warn_unused_result));

#endif
