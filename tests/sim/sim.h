/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A simulated machine for the decisions of conntuned: a table under load, a kernel that rounds and evicts, and people. */
#ifndef CONNTUNE_TEST_SIM_H
#define CONNTUNE_TEST_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <decide.h>

#define SIM_SECOND UINT64_C(1000000)

enum sim_class {
	SIM_ANSWERED,                   /* assured: never evicted */
	SIM_UNANSWERED,
	SIM_CLASS__COUNT
};

/* Arrivals a second, and how long one lives on average. */
struct sim_load {
	double rate, life;
};

/* What can be made to fail, or not be readable. */
enum sim_part {
	SIM_LIMIT,
	SIM_BUCKETS,
	SIM_TIMEOUTS,
	SIM_ENTRIES,
	SIM_MEMORY,
	SIM_MIX,
	SIM_COUNTERS,
	SIM_PART__COUNT
};

/**
 * struct sim_tally - counted since the chapter began
 * @lost:     answered connections that found no place; @refused: by long chains, of both kinds
 * @advice:   verdicts with an action that was only said
 * @stall:    longest, unit: seconds
 * @reasons, @states: bits, seen so far
 * @texts:    all evidence of urgent verdicts and of actions, one a line, cut at the end
 */
struct sim_tally {
	uint64_t looks, limit_writes, bucket_writes, timeout_writes, failed, mixes;
	uint64_t state_changes, urgent, advice, lowered;
	double lost, refused, evicted, peak, unanswered_peak, stall, shortest_interval, least_scale, least_limit;
	unsigned reasons, states;
	char texts[8192];
	char causes[512];
};

struct sim {
	/* the machine */
	struct ct_facts facts;
	struct ct_settings settings;
	struct decide_config config;
	bool can_set_limit, can_set_buckets;
	double available;               /* MemAvailable with an empty table and no buckets; below 0: not known */
	double true_cost;               /* usec of stall per node, really */
	uint64_t now, next;             /* clock, and when the next look is due */
	bool clock_stuck;
	double noise;                   /* share of the entries by which a reading is off */
	uint64_t seed;

	/* the table */
	bool present, reloaded;
	uint64_t limit, buckets;
	double entries[SIM_CLASS__COUNT];
	double others;                  /* entries of other namespaces */
	struct sim_load load[SIM_CLASS__COUNT];
	double counter[CT_COUNTER__COUNT];
	double scale;
	uint64_t hold_until, peak_entries;
	bool confirmed, resumed;
	int fail_code[SIM_PART__COUNT];
	uint64_t fail_times[SIM_PART__COUNT];
	bool unknown[SIM_PART__COUNT];

	/* the daemon */
	struct decide decide;
	struct decide_verdict verdict;
	uint64_t bucket_write_usec;     /* by the daemon's clock, which may stand still; 0: none */
	uint64_t found_limit;           /* in force before any write of ours */

	struct sim_tally tally;
	char wrong[512];                /* first invariant that was broken, "" if none */
	FILE *log;                      /* verdicts worth a line; may be NULL */
};

/* A machine of 24 GiB with Linux 6.18, as the kernel sizes it, at rest. */
void sim_init(struct sim *sim);

/* After a change of facts or settings: sizes, MemAvailable, what the kernel chooses. */
int sim_configure(struct sim *sim, struct ct_err *err);
int sim_kernel_sizes(struct sim *sim, struct ct_err *err);

/* Time passes; the daemon looks whenever it wanted to. */
void sim_run(struct sim *sim, uint64_t usec);

/* Something happened that wakes the daemon. */
void sim_wake(struct sim *sim);

/* The machine sleeps: clock and time-outs go on, nothing else does. */
void sim_suspend(struct sim *sim, uint64_t usec);

/* Module gone and back: an empty table with the kernel's sizes. */
void sim_unload(struct sim *sim);
void sim_load_module(struct sim *sim);

/* What the daemon would see now. Noise is drawn at each look, so that two who look equally often see the same. */
void sim_see(struct sim *sim, struct decide_look *ret);

void sim_chapter(struct sim *sim);

double sim_entries(const struct sim *sim);
double sim_available(const struct sim *sim);            /* bytes */
uint64_t sim_random(struct sim *sim);

#endif
