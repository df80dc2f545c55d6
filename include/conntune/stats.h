/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's counters of one network namespace: over ctnetlink, or from /proc/net/stat where that isn't allowed. */
#ifndef CONNTUNE_STATS_H
#define CONNTUNE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include <conntune/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Names and meanings: section 5 of the kernel reference. A counter that the running kernel keeps but no longer counts
 * (new, delete, searched from 4.9; ignore from 5.10) is unknown, not 0.
 */
enum ct_counter {
	CT_COUNTER_DROP,                /* packets dropped: table full, and other reasons that no size cures */
	CT_COUNTER_EARLY_DROP,          /* entries evicted to make room */
	CT_COUNTER_INSERT_FAILED,       /* new entries that couldn't be inserted: clash, dying, chain too long */
	CT_COUNTER_CHAIN_TOO_LONG,      /* 5.15: refused because a chain was too long */
	CT_COUNTER_CLASH_RESOLVE,       /* 5.10: two packets of one flow raced, both went through */
	CT_COUNTER_SEARCH_RESTART,      /* 2.6.35: look-up repeated because a node moved */
	CT_COUNTER_INVALID,             /* packets that fit no connection, or are malformed */
	CT_COUNTER_ERROR,               /* unusable packets; ICMP errors only from 5.10 */
	CT_COUNTER_FOUND,               /* until 4.8 look-ups that hit; from 4.9 "NAT wanted a tuple already taken" */
	CT_COUNTER_INSERT,              /* until 4.8 all insertions; from 4.9 only those through ctnetlink or BPF */
	CT_COUNTER_SEARCHED,            /* until 4.8 */
	CT_COUNTER_NEW,                 /* until 4.8 */
	CT_COUNTER_IGNORE,              /* until 5.9 */
	CT_COUNTER_DELETE,              /* until 4.8 */
	CT_COUNTER_DELETE_LIST,         /* until 4.8 */
	CT_COUNTER_EXPECT_NEW,
	CT_COUNTER_EXPECT_CREATE,
	CT_COUNTER_EXPECT_DELETE,
	CT_COUNTER__COUNT
};

/* "drop", "early_drop", ...: the words used in JSON and metrics. NULL beyond the end. */
const char *ct_counter_name(enum ct_counter counter);

enum ct_stats_source {
	CT_STATS_NETLINK,
	CT_STATS_PROC,
	CT_STATS_COUNT,                 /* no counters, only the number of entries */
};

/**
 * struct ct_sample - one reading
 * @source:   where it comes from
 * @entries:  of this namespace
 * @limit:    as the kernel told with it (netlink, 4.18), else not known
 * @counter:  sums over all CPUs, widened to 64 bits: they only grow while the handle lives
 * @cpus:     possible CPUs that were reported
 * @restarted: counters began again at 0 since the sample before (module reloaded): sums go on, what happened
 *            in between is lost
 */
struct ct_sample {
	enum ct_stats_source source;
	struct ct_u64 entries, limit;
	struct ct_u64 counter[CT_COUNTER__COUNT];
	uint32_t cpus;
	bool restarted;
};

/* "netlink", "proc", "count": the words used in JSON. */
const char *ct_stats_source_name(enum ct_stats_source source);

/**
 * ct_stats_rate - how often something was counted, per second, between two samples of one handle
 * Unknown if either sample lacks the counter, if no time went by, or if counters began anew in between.
 * @seconds: between the two
 */
struct ct_rate {
	bool known;
	double v;
};
struct ct_rate ct_stats_rate(const struct ct_sample *before, const struct ct_sample *after, enum ct_counter counter,
			     double seconds);

struct ct_stats;

/**
 * ct_stats_new - get ready to read counters of the network namespace that the caller is in
 * @fs:     must live as long as the handle
 * @kernel: the running kernel; decides which counters are alive
 * @cpus:   possible CPUs (ct_facts.cpus); those beyond are not counted
 * Nothing is loaded by this: netlink is only asked if nf_conntrack_netlink is there already, on a live root, and by
 * those who have CAP_NET_ADMIN. Else proc/net/stat/nf_conntrack (ip_conntrack before 2.6.22) is read; without that
 * either only the number of entries is known.
 * Returns: 0; -ENOMEM; -ENOENT if there is no connection tracking to be seen.
 */
int ct_stats_new(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, uint32_t cpus,
		 struct ct_err *err);
struct ct_stats *ct_stats_free(struct ct_stats *stats);

/**
 * ct_stats_new_netns - the same for the network namespace that a process is in, without going there
 * @pid: needed now only: later the namespace is found again without it
 * Read from proc/PID/net/stat/nf_conntrack, which everybody may. Doesn't keep the namespace alive: ct_stats_sample()
 * says -ENOENT once it is gone.
 * Returns: 0; -ENOENT if there is no such process or file; -EINVAL, -EACCES likewise; -EBADMSG; -ENOMEM, -EMFILE, -ENFILE.
 */
int ct_stats_new_netns(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, uint32_t cpus, int32_t pid,
		       struct ct_err *err);

/**
 * ct_stats_sample - read all counters once
 * Allocates nothing. A counter that goes backwards has wrapped if that is the shorter way around its 32 bits; else
 * all began anew.
 * Returns: 0; -ENOENT if a module was unloaded since (it isn't loaded again by this);
 *          -EBADMSG if the kernel's answer makes no sense; -ETIMEDOUT if none comes within a second;
 *          -ENOBUFS, -EBUSY, -EINTR if it kept failing so after several tries.
 */
int ct_stats_sample(struct ct_stats *stats, struct ct_sample *ret, struct ct_err *err);

/* One CPU's share since ct_stats_new(): its kernel counter at the last sample, widened. Unknown beyond the last CPU. */
struct ct_u64 ct_stats_cpu(const struct ct_stats *stats, uint32_t cpu, enum ct_counter counter);

#ifdef __cplusplus
}
#endif
#endif
