/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many entries there were: peak, mean and percentiles per minute, hour and day, in one SQLite file of bounded size. */
#ifndef CONNTUNED_HISTORY_H
#define CONNTUNED_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>

struct history;

enum history_span {
	HISTORY_MINUTE,                 /* kept for a day */
	HISTORY_HOUR,                   /* kept for 35 days */
	HISTORY_DAY,                    /* kept for 5 years */
	HISTORY_SPAN__COUNT
};

/**
 * struct history_row - one span of time
 * @begin:   seconds since 1970, a multiple of the span (UTC)
 * @samples: looks in it
 * @peak:    exact
 * @mean:    over time, not over samples: they come faster when there is danger
 * @p50, @p95, @p99: not exceeded for that share of the time; within 1/64 of the exact value. But where the clock was set
 *           back into a span that was over, they may be too high, up to @peak
 * @limit:   at its end
 * @drops, @early_drops, @refused: counted in it
 */
struct history_row {
	int64_t begin;
	uint64_t samples;
	uint64_t peak, mean, p50, p95, p99;
	uint64_t limit;
	uint64_t drops, early_drops, refused;
};

/* One look, as it comes; what isn't known is 0 for the counters. Counters are totals that only grow while the daemon runs. */
struct history_sample {
	int64_t unix_usec;              /* CLOCK_REALTIME; may jump either way */
	uint64_t entries, limit;
	uint64_t drops, early_drops, refused;
};

/**
 * history_open - open or make it
 * @path: the file; its directory is made if that alone is missing; NULL: in memory only
 * @max_bytes: oldest minutes go first, then hours; less than 96 KiB counts as that, and 640 KiB hold everything
 * A file that is corrupt is moved aside (PATH.corrupt, an older one of that name is replaced) and said in @note; one
 * that can't be written, or isn't ours, is left alone and the history kept in memory only, said likewise.
 * All use of SQLite is a child's (fork): the caller must not have SIGCHLD ignored, nor reap children it doesn't know.
 * Waits for the disk, 10 s at most; afterwards only history_close() does.
 * @note: may be NULL; "" if all went well
 * Returns: 0; -ENOMEM.
 */
int history_open(struct history **ret, const char *path, uint64_t max_bytes, char *note, size_t note_bytes,
		 struct ct_err *err);
struct history *history_close(struct history *history);         /* writes what is pending; takes NULL, returns NULL */

/*
 * Cheap: memory only. When a minute is complete a child is started that writes it; how that ended is seen at a later
 * call. Returns: 0; the error of a write, once, although it is tried again every minute, until it is another one.
 */
int history_add(struct history *history, const struct history_sample *sample, struct ct_err *err);

/*
 * Highest number of entries in the last @seconds, the running minute included; 0 if nothing is known. What is older than
 * the minutes kept is known to the hour, then to the day. @now: seconds since 1970. Cheap enough for every look.
 */
uint64_t history_peak(struct history *history, int64_t now, uint64_t seconds);

/* Up to @n rows of @span that begin at or after @since, oldest first. Returns their number or a negative errno. */
int history_rows(struct history *history, enum history_span span, int64_t since, struct history_row *ret, size_t n,
		 struct ct_err *err);

/* "minute", "hour", "day". */
const char *history_span_name(enum history_span span);

#endif
