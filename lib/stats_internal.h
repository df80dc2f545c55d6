/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of stats.c that take bytes or numbers: for tests and fuzzers. */
#ifndef CONNTUNE_STATS_INTERNAL_H
#define CONNTUNE_STATS_INTERNAL_H

#include <libmnl/libmnl.h>
#include <conntune/stats.h>
#include "nl.h"

/* One CPU's counters as the kernel has them: 32 bits, those that were there as bits 1 << enum ct_counter. */
struct ct_raw {
	uint32_t present;
	uint32_t v[CT_COUNTER__COUNT];
};

/* The same over time. */
struct ct_widened {
	struct ct_raw last;
	uint64_t sum[CT_COUNTER__COUNT];
};

/* Counters that kernel @v counts, as bits; all of them if @v is all zero. */
uint32_t ct_stats_alive(const struct ct_kver *v);

/*
 * Did the counters begin anew since the last call? One that went backwards by the longer way around says so for
 * all: module or namespace began again, and another counter's step back may look like an overflow then.
 */
bool ct_stats_restarted(const struct ct_widened *w, const struct ct_raw *now);

/* Add what was counted since the last call, or, if they @restarted, since 0. */
void ct_stats_widen(struct ct_widened *w, const struct ct_raw *now, bool restarted);

/*
 * Attributes of one answer to IPCTNL_MSG_CT_GET_STATS_CPU or (@expect) IPCTNL_MSG_EXP_GET_STATS_CPU, added to @raw.
 * Returns: 0; -EBADMSG if it is too short for its header.
 */
int ct_stats_parse_cpu(const struct nlmsghdr *h, bool expect, uint32_t *cpu, struct ct_raw *raw);

/* The same of the answer to IPCTNL_MSG_CT_GET_STATS. */
int ct_stats_parse_global(const struct nlmsghdr *h, struct ct_u64 *entries, struct ct_u64 *limit);

/**
 * ct_stats_parse_proc - text of proc/net/stat/nf_conntrack, or ip_conntrack
 * @raw:     room for @max CPUs; further lines are left out
 * @entries: the same in every line
 * Returns: number of CPUs, at least 1; -EBADMSG if header or a line isn't as the kernel writes them.
 */
int ct_stats_parse_proc(const char *text, struct ct_raw *raw, uint32_t max, uint64_t *entries);

/* ct_stats_new() with a socket of the caller's, which may be the end of a pair, or closed. Nothing is asked yet. */
int ct_stats_new_with(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, struct ct_nl *nl,
		      uint32_t cpus, struct ct_err *err);

#endif
