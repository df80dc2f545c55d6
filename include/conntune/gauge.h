/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limit, buckets, entries and memory from files that stay open: cheap enough to be read all the time, and word when
 * somebody writes one of them. */
#ifndef CONNTUNE_GAUGE_H
#define CONNTUNE_GAUGE_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_reading - what the files say now
 * @present:  connection tracking is there: its limit can be read
 * @reopened: the files had to be opened anew: it is there for the first time, or again after it was gone
 * @limit, @buckets, @entries: of this network namespace; 0 or less is a limit of 0: none
 */
struct ct_reading {
	bool present, reopened;
	struct ct_u64 limit, buckets, entries;
};

struct ct_gauge;

/**
 * ct_gauge_new - nothing is opened yet
 * @fs: must live as long as the gauge
 * Returns: 0; -ENOMEM. Without inotify(7) everything works but ct_gauge_fd().
 */
int ct_gauge_new(struct ct_gauge **ret, struct ct_fs *fs, struct ct_err *err);
struct ct_gauge *ct_gauge_free(struct ct_gauge *gauge);

/**
 * ct_gauge_read - three pread(2) while all is well; allocates nothing
 * A file of a module that was unloaded can't be read any more, not even when the module comes back: then all are opened
 * again. In a captured tree they are opened each time, because files there are replaced.
 * Returns: 0, also if there is no connection tracking; -EBADMSG if a file holds anything but a number;
 *          -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int ct_gauge_read(struct ct_gauge *gauge, struct ct_reading *ret, struct ct_err *err);

/**
 * ct_gauge_memory - MemTotal, MemAvailable, SUnreclaim; allocates nothing
 * @available: on 32 bits with high memory no more than low memory has left, for the table can't be anywhere else
 * @slab: what the kernel has in use of its own and can't give back, connections of all namespaces among it
 * All in bytes; unknown where proc/meminfo doesn't tell
 * Returns: 0; -EBADMSG.
 */
int ct_gauge_memory(struct ct_gauge *gauge, struct ct_u64 *total, struct ct_u64 *available, struct ct_u64 *slab,
		    struct ct_err *err);

/**
 * ct_gauge_fd - readable after somebody, we too, wrote to a file of limit or buckets
 * -1: can't be told. Until ct_gauge_drain() it stays readable. Seen are writes by the names that there are: both
 * sysctls of the limit, sysctl and module parameter of buckets (only root may watch the latter).
 * Measured on Linux 6.18: the kernel tells of writes below /proc/sys like of any other file's, as long as the name is
 * held by an open descriptor or in use otherwise.
 */
int ct_gauge_fd(const struct ct_gauge *gauge);

/** ct_gauge_drain - returns whether anything was written: files that we close or open are told of too */
bool ct_gauge_drain(struct ct_gauge *gauge);

#ifdef __cplusplus
}
#endif
#endif
