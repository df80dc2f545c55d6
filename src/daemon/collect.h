/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Observing: cheap looks all the time, the whole picture once a minute. Judges nothing. */
#ifndef CONNTUNED_COLLECT_H
#define CONNTUNED_COLLECT_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/facts.h>
#include <conntune/gauge.h>
#include <conntune/stats.h>
#include "decide.h"
#include "neighbours.h"

/* The whole picture is taken so often; memory in between. */
#define COLLECT_FACTS_USEC UINT64_C(60000000)
#define COLLECT_MEMORY_USEC UINT64_C(1000000)
#define COLLECT_MEMORY_BUSY_USEC UINT64_C(500000)

/* Entries that are looked at when their kind is asked for, and not more often than: */
#define COLLECT_MIX_ENTRIES 1000
#define COLLECT_MIX_FEW 128             /* where they are far apart; still 4 % of standard error */
#define COLLECT_MIX_USEC UINT64_C(100000)

/**
 * struct collect - what is known
 * @facts:    as of @facts_usec; those that change are kept up to date by each look
 * @loaded:   the last ones with connection tracking, once @was_loaded: they hold for the first look after a reload
 * @fresh:    facts were collected anew by the last look: sizing has to be made again
 * @stats:    NULL while there are no counters to be read
 * @base:     counted by handles that have ended, so that totals only grow; modulo 2^64
 * @rebase:   counters, as bits, that the next handle may begin to tell with what those before have told
 * @neighbours: other network namespaces
 * @where:    number of the one that entries are of, as the last look told; 0: ours
 * @sample:   the last one
 * @was_present: at the look before
 * @reloaded: a reload that was seen, perhaps by a look that failed later, and that nobody has been told
 */
struct collect {
	struct ct_fs *fs;
	struct ct_gauge *gauge;
	struct ct_facts facts;
	struct ct_facts loaded;
	bool begun, fresh, stale, was_present, was_loaded, reloaded;
	uint64_t facts_usec;
	struct ct_stats *stats;
	struct ct_sample sample;
	uint64_t base[CT_COUNTER__COUNT];
	uint32_t rebase;
	struct neighbours neighbours;
	uint64_t where;
	struct ct_u64 ram, mem_available, slab;
	uint64_t memory_usec;
	struct { bool known; double v; } unreplied;
	uint64_t mix_usec;
};

int collect_init(struct collect *collect, struct ct_fs *fs, struct ct_err *err);
void collect_done(struct collect *collect);

/**
 * collect_look - one observation
 * @now_usec: CLOCK_BOOTTIME
 * @busy:     memory is read more often
 * @want_mix: ret->unreplied, if it can be told: of another namespace only if they are many
 * Fills everything in *@ret but what the daemon knows by itself: peak_entries, hold_until_usec, confirmed, resumed.
 * Returns: 0; errors of ct_facts_collect() and ct_gauge_read(): nothing can be said this time.
 */
int collect_look(struct collect *collect, uint64_t now_usec, bool busy, bool want_mix, struct decide_look *ret,
		 struct ct_err *err);

/* What an action left in force: facts are true again at once, also if the next look fails. */
void collect_acted(struct collect *collect, const struct decide_outcome *outcome);

/* Something changed beside the values that looks see: the next look takes the whole picture. */
void collect_again(struct collect *collect);

#endif
