/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where data comes from: snapshots of conntuned and what conntune-observe.service left; read when somebody asks, not
 * more often than needed. */
#ifndef CONNTUNED_HTTP_SOURCE_H
#define CONNTUNED_HTTP_SOURCE_H

#include <conntune/fs.h>
#include "view.h"

struct source;

/* @fs: has to live as long. */
int source_new(struct source **ret, struct ct_fs *fs, struct ct_err *err);
struct source *source_free(struct source *source);

/**
 * source_look - fill view.snapshot, old, age_seconds, trouble, recent, observed
 * Files are read again if the last time is SOURCE_USEC ago; what was good stays while nothing better can be read.
 * view.unix_seconds: now, by which observed files are too old
 * @boot_usec: CLOCK_BOOTTIME
 * @recent:    the history is wanted as well; else view.recent is what was read before, if anything was
 * Returns: number of the data: another one than before if anything was read that is new.
 */
uint64_t source_look(struct source *source, uint64_t boot_usec, bool recent, struct view *view);

#define SOURCE_USEC UINT64_C(200000)

/* What conntune-observe.service has left is told for so long. */
#define SOURCE_OBSERVED_SECONDS 3600.0

/* The history changes once a minute. */
#define SOURCE_RECENT_USEC UINT64_C(5000000)

/* Below the root; outputs of "conntune chains --exact --json" and "conntune census --json". */
#define SOURCE_CHAINS_PATH "run/conntune-observed/chains.json"
#define SOURCE_CENSUS_PATH "run/conntune-observed/census.json"

#endif
