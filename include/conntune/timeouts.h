/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time-outs that shrink while the table is short of room: those of entries that nobody would miss, with floors, and the
 * originals on disk before the first change. */
#ifndef CONNTUNE_TIMEOUTS_H
#define CONNTUNE_TIMEOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_timeout - a row of the table
 * Unassured is what the kernel may evict: entries without IPS_ASSURED (TCP before the handshake is over, UDP without
 * an answer or younger than 2 s, ICMP, GRE without an answer, protocols without a tracker, SCTP before its handshake is
 * over), and TCP connections on their way out, which tcp_can_early_drop() gives away as well. The two ceilings of TCP
 * (max_retrans, unacknowledged) hold for connections whose other end is silent.
 * Never in it: established connections, and streams of UDP and GRE.
 * @floor: unit: seconds; never below it
 * @why:   where the floor comes from
 */
struct ct_timeout {
	enum ct_param_id param;
	uint32_t floor;
	const char *why;
};

#define CT_TIMEOUTS_MAX 24

/* Row number @i; NULL beyond the end. */
const struct ct_timeout *ct_timeout_at(size_t i);

/* Row number of @param, or -ENOENT: the fixed vocabulary of what may be shortened. */
int ct_timeout_row(enum ct_param_id param);

/**
 * ct_timeout_scaled - @original x @scale, whole seconds, not below the row's floor
 * One that is below its floor already, or isn't positive, stays as it is. @scale of 1 or more: @original.
 */
int64_t ct_timeout_scaled(const struct ct_timeout *row, int64_t original, double scale);

/**
 * struct ct_timeouts - what was found, and what was written since; var/lib/conntune/timeouts.json
 * @original: before the first change; not known: this kernel doesn't have it, or it was yielded
 * @set:      last value written, or about to be written; @before: the one before that. Whatever else is found there
 *            was written by somebody else, and stays
 */
struct ct_timeouts {
	struct {
		bool known;
		int64_t original, set, before;
	} row[CT_TIMEOUTS_MAX];
};

/**
 * ct_timeouts_scale - shorten all, or make them longer again
 * Originals and the values to come are on disk in @path before the first of them is written. A value that was changed
 * by somebody else meanwhile is his from then on. With a scale of 1 or more all originals come back and the file goes.
 * @timeouts: all zero before the first call
 * @changed:  how many were written
 * Returns: 0; the first error, after trying all; -EROFS and the like from writing @path, then nothing was changed.
 */
int ct_timeouts_scale(struct ct_fs *fs, const char *path, double scale, struct ct_timeouts *timeouts, size_t *changed,
		      struct ct_err *err);

/**
 * ct_timeouts_recover - after a crash: originals come back where what was set is still in force
 * Returns: how many came back; 0 also if there is no file; -EBADMSG if it is damaged (it is left where it is, nothing is
 *          changed); the first error from writing, after trying all: then the file stays too.
 */
int ct_timeouts_recover(struct ct_fs *fs, const char *path, struct ct_err *err);

#ifdef __cplusplus
}
#endif
#endif
