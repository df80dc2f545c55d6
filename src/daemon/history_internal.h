/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between history.c, which remembers, and history_file.c, which keeps it on disk. */
#ifndef CONNTUNED_HISTORY_INTERNAL_H
#define CONNTUNED_HISTORY_INTERNAL_H

#include "history.h"
#include "sketch.h"

#include <sys/types.h>

/**
 * struct history_slot - a row as it is kept: 64 bytes, thousands of them
 * @seq:     counts the rows of a span as they are made. Age is told by it, not by @begin: a clock that was wrong for a
 *           while must not make old rows look new, or new ones old
 * @begin:   in spans since 1970
 * @changed: history.generation when it was changed last
 */
struct history_slot {
	uint32_t seq, begin, changed;
	uint32_t samples;
	uint32_t peak, mean, p50, p95, p99, limit;
	uint64_t drops, early_drops, refused;
};

/* The newest @capacity rows of one span. */
struct history_ring {
	struct history_slot *slot;
	uint32_t capacity, oldest, n, next_seq;
};

/* A span that is running: what its row is made from. Time is the weight: how often it is looked changes with danger. */
struct history_run {
	struct history_slot *slot; /* in the ring; NULL: none yet */
	uint64_t weight, sum;      /* ms; entries x ms */
	struct sketch sketch;
};

/* What a process that was sent to the file has to say; in memory shared with it. */
struct history_report {
	int code; /* 0, or a negative errno */
	bool moved_aside;
	char msg[sizeof(((struct ct_err *)NULL)->msg)];
};

/**
 * struct history
 * @generation, @saved: rows changed after @saved are not on disk yet
 * @any, @last, @msec: whether there was a look, the last one, and the time it spoke for
 * @asked:    the last answer of history_peak()
 * @path:     NULL: in memory only
 * @rewrite:  everything has to be written, not only what has changed
 * @writer:   process that writes; 0: none
 * @last_code: how the write before ended, so that an error is told once
 */
struct history {
	struct history_ring ring[HISTORY_SPAN__COUNT];
	struct history_run run[HISTORY_SPAN__COUNT];
	bool any;
	struct history_sample last;
	uint32_t msec;
	struct {
		int64_t minute;
		uint64_t seconds, peak;
	} asked;

	uint32_t generation, saved;
	char *path;
	uint64_t max_bytes;
	bool rewrite;
	pid_t writer;
	uint32_t writing;
	struct history_report *report;
	int last_code;
};

/* Bytes of one row on disk, at most: 12 numbers, the widest 8 bytes, their header; a page is filled by rows of one
 * size. */
#define HISTORY_ROW_BYTES 112
/* Everything else: schema, free pages, one page begun for each span, three sketches with every bin used. */
#define HISTORY_FIXED_BYTES (64 << 10)
#define HISTORY_LEAST_BYTES (96 << 10)

static inline struct history_slot *history_slot_at(const struct history_ring *ring, uint32_t i)
{
	return &ring->slot[(ring->oldest + i) % ring->capacity];
}

uint32_t history_span_seconds(enum history_span span);

/* The row that follows the newest, instead of the oldest if there is no room. */
struct history_slot *history_slot_new(struct history_ring *ring);

/* A span that was begun before goes on. @sketch: NULL if it is lost: then it is made up from the row. */
void history_run_resume(struct history_run *run, struct history_slot *slot, const struct sketch *sketch);

/**
 * history_file_load - read what there is, or make the file
 * Fills the rings and the runs. Returns: 0; a negative errno and a reason in @err: then nothing may be written, though
 * all that could be read is there. -EBADMSG: what was there is moved aside, and it may be written.
 */
int history_file_load(struct history *h, struct ct_err *err);

/* Start writing what has changed, unless the last one is still at it. Returns: 0; a negative errno. */
int history_file_write(struct history *h, struct ct_err *err);

/* See whether the writer is through, or wait for it so long. Returns: 0; a negative errno if it failed. */
int history_file_done(struct history *h, int wait_msec, struct ct_err *err);

/* Give up what the file needed in memory; a writer that is still at it goes on by itself. */
void history_file_close(struct history *h);

#endif
