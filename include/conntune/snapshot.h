/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What conntuned publishes: the last look and all that it knows, as one plain struct in a file of /run, so that who wants
 * to know costs it nothing. conntuned-http reads nothing else.
 */
#ifndef CONNTUNE_SNAPSHOT_H
#define CONNTUNE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include <conntune/netns.h>
#include <conntune/param.h>
#include <conntune/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Below the root. */
#define CT_SNAPSHOT_PATH "run/conntuned/snapshot"
#define CT_RECENT_PATH "run/conntuned/recent"

/* Changes whenever one of these structs does: writer and reader have to be of the same. */
#define CT_SNAPSHOT_VERSION 1

#define CT_SNAPSHOT_PEAKS 900
#define CT_SNAPSHOT_STATES 8
#define CT_SNAPSHOT_REASONS 16
#define CT_SNAPSHOT_ACTIONS 16
#define CT_SNAPSHOT_FOREIGN 4
#define CT_SNAPSHOT_BOUNDS 12
#define CT_RECENT_MINUTES 360
#define CT_RECENT_HOURS 168

/* A number that may not be known. */
struct ct_real {
	bool known;
	double v;
};

/**
 * struct ct_snapshot_seal - stands first in what is published
 * @magic, @version, @bytes: of which kind and version, and how long
 * @check: over all that follows the seal: one that was read while it was written doesn't fit
 */
struct ct_snapshot_seal {
	char magic[8];
	uint32_t version, bytes;
	uint64_t check;
};

/**
 * struct ct_snapshot_histogram - @n upper bounds, rising, and how often: count[i] above bound[i - 1] and up to bound[i],
 * the last one above all bounds; @sum of all values. Unit: seconds.
 */
struct ct_snapshot_histogram {
	uint32_t n;
	double bound[CT_SNAPSHOT_BOUNDS];
	uint64_t count[CT_SNAPSHOT_BOUNDS + 1];
	double sum;
};

/* Members as in type Action of org.conntune.varlink; texts are "" where there is nothing to say. */
struct ct_snapshot_action {
	int64_t unix_usec;
	char action[16], reason[24], text[160], evidence[200], error[256], result[12];
	struct ct_u64 old_limit, new_limit, old_buckets, new_buckets;
	struct ct_real scale, stall_seconds;
};

/* How often there was this reason to act, by what came of it. */
struct ct_snapshot_reason {
	char name[24];
	uint64_t done, advised, failed;
};

/**
 * struct ct_snapshot
 * @version, @kernel: of the daemon; uname -r
 * @boot_usec, @unix_usec: of the look, CLOCK_BOOTTIME and CLOCK_REALTIME
 * @fresh_usec:  it is old once so much time has passed since @boot_usec
 * @started_unix_usec, @pid: of the daemon
 * @mode:        ct_mode_name()
 * @state, @states, @state_name: the state is state_name[state]; all that there are
 * @present:     connection tracking is there
 * @entries:     of the fullest network namespace that is seen; @own_entries: of the daemon's; @all_entries: of all
 * @peak:        highest entries since the daemon's start
 * @peak_second, @second_peak: of each second of CLOCK_BOOTTIME up to @peak_second and at most CT_SNAPSHOT_PEAKS long:
 *               second_peak[second % CT_SNAPSHOT_PEAKS]; UINT32_MAX: not looked at
 * @unreplied:   share of the entries that nobody has answered
 * @rate:        entries a second by the forecast; @full_in_seconds: unknown: not in sight
 * @target_limit, @target_buckets: what would be right; @ceiling: the highest limit that the budget allows
 * @chain_limit_min, @chain_limit_max: of this kernel, for ct_chain_p_refused(); 0: no such rule
 * @own_counter, @watched_counter: totals of our namespace as the kernel tells them, widened to 64 bits; of the fullest
 *               others, while they were watched. By enum ct_counter
 * @source:      ct_stats_source_name(); "": none
 * @value:       present value of every tunable, by enum ct_param_id; not older than a minute
 * @timeouts_scale: known while unassured time-outs are shortened
 * @foreign, @foreigns: values that are left to others
 * @limit_foreign_writes, @buckets_foreign_writes: values of ours that somebody else overwrote, so often
 * @namespaces:  network namespaces that are seen; 0: not known
 * @top:         the fullest of them, fullest first; the daemon's own may be one of them
 * @cause:       name "": nothing can be said
 * @action:      the last ones, oldest first
 * @looks, @failed_looks: since the start; @look_seconds: how long they took, acting included
 * @stall_seconds: how long tracking stood still at most, each time that buckets were resized
 * @cpu_usec, @resident_bytes, @descriptors: of the daemon
 */
struct ct_snapshot {
	struct ct_snapshot_seal seal;
	char version[32], kernel[96];
	uint64_t boot_usec;
	int64_t unix_usec;
	uint64_t fresh_usec;
	int64_t started_unix_usec;
	int32_t pid;
	char mode[12];

	uint32_t state, states;
	char state_name[CT_SNAPSHOT_STATES][16];
	double state_seconds;
	char reason[24], reason_text[160], evidence[200];

	bool present;
	struct ct_u64 entries, own_entries, all_entries, limit, buckets;
	struct ct_u64 peak;
	uint64_t peak_second;
	uint32_t second_peak[CT_SNAPSHOT_PEAKS];
	struct ct_u64 expect_entries;
	struct ct_real unreplied, rate, full_in_seconds;
	struct ct_u64 target_limit, target_buckets, ceiling;
	uint32_t chain_limit_min, chain_limit_max;
	struct ct_u64 ram_bytes, available_bytes, floor_bytes, budget_bytes, table_bytes, full_bytes, entry_bytes;

	struct ct_u64 own_counter[CT_COUNTER__COUNT], watched_counter[CT_COUNTER__COUNT];
	char source[12];
	struct {
		bool known;
		int64_t v;
	} value[CT_PARAM__COUNT];
	struct ct_real timeouts_scale;

	bool hold;
	struct ct_real hold_seconds, confirm_seconds;
	uint32_t foreigns;
	struct {
		char name[40];
		uint64_t value;
	} foreign[CT_SNAPSHOT_FOREIGN];
	uint64_t limit_foreign_writes, buckets_foreign_writes;

	uint32_t namespaces, tops;
	struct ct_netns_top top[CT_NETNS_TOP];

	struct {
		bool healthy;
		char name[24], text[200], evidence[200], remedy[300];
	} cause;

	uint32_t actions, reasons;
	struct ct_snapshot_action action[CT_SNAPSHOT_ACTIONS];
	struct ct_snapshot_reason reason_count[CT_SNAPSHOT_REASONS];

	uint64_t looks, failed_looks;
	struct ct_snapshot_histogram look_seconds, stall_seconds;
	uint64_t cpu_usec;
	struct ct_u64 resident_bytes, descriptors;
};

/* A row of the history; see org.conntune.varlink. @limit 0: none. */
struct ct_recent_row {
	int64_t begin;
	uint32_t peak, mean, p95, limit;
	uint64_t drops, early_drops, refused;
};

/* The last hours by the minute, the last week by the hour; oldest first. */
struct ct_recent {
	struct ct_snapshot_seal seal;
	int64_t unix_usec;
	uint32_t minutes, hours;
	struct ct_recent_row minute[CT_RECENT_MINUTES], hour[CT_RECENT_HOURS];
};

/* Make ready to be written: magic, version, length, check. Bytes between members have to be 0: begin with memset(). */
void ct_snapshot_seal(struct ct_snapshot *snapshot);
void ct_recent_seal(struct ct_recent *recent);

/**
 * ct_snapshot_check - are these bytes a snapshot that can be used?
 * Every text ends within its room and every number of something is within bounds afterwards. Pure.
 * Returns: 0; -EBADMSG: truncated, torn or damaged; -EPROTO: of another version; -EINVAL: not a snapshot at all.
 */
int ct_snapshot_check(const void *bytes, size_t n, struct ct_err *err);
int ct_recent_check(const void *bytes, size_t n, struct ct_err *err);

/**
 * ct_snapshot_read - the last one
 * One that is being written is read again, a few times.
 * Returns: 0; -ENOENT: conntuned doesn't run, or ran before it published any; as ct_snapshot_check(); -EACCES, ...
 */
int ct_snapshot_read(struct ct_fs *fs, struct ct_snapshot *ret, struct ct_err *err);
int ct_recent_read(struct ct_fs *fs, struct ct_recent *ret, struct ct_err *err);

/* Seconds since its look; 0 if the clock says that it is yet to come. @boot_usec: CLOCK_BOOTTIME now. */
double ct_snapshot_age(const struct ct_snapshot *snapshot, uint64_t boot_usec);
bool ct_snapshot_is_old(const struct ct_snapshot *snapshot, uint64_t boot_usec);

/* Highest entries of the seconds after @since up to the last; unknown if none of them was looked at. Unit: as peak_second. */
struct ct_u64 ct_snapshot_peak_since(const struct ct_snapshot *snapshot, uint64_t since);

/* Put one value into a histogram. */
void ct_snapshot_count(struct ct_snapshot_histogram *histogram, double seconds);

#ifdef __cplusplus
}
#endif
#endif
