/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who fills the table: one pass over the kernel's dump, counted by what the caller asks for, in bounded memory. */
#ifndef CONNTUNE_CENSUS_H
#define CONNTUNE_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What entries are grouped by. All of the original direction. */
enum ct_census_key {
	CT_CENSUS_PROTO,                /* "tcp", "udp", ..., or the number */
	CT_CENSUS_STATE,                /* of TCP, SCTP and DCCP: "established", ...; other protocols have none */
	CT_CENSUS_ASSURED,              /* "assured", "replied" (answered, not assured yet) or "unreplied" */
	CT_CENSUS_SRC,                  /* source address, or its network if a prefix is given */
	CT_CENSUS_DST,                  /* destination, likewise */
	CT_CENSUS_DPORT,                /* destination port; protocols without ports have none */
	CT_CENSUS_ZONE,
	CT_CENSUS_MARK,
	CT_CENSUS_PREFIX,               /* network of the source address: /24 and /64 unless a prefix is given */
	CT_CENSUS_AGE,                  /* class of seconds since it began; known if nf_conntrack_timestamp was on */
	CT_CENSUS_TIMEOUT,              /* class of seconds left */
	CT_CENSUS_KEY__COUNT
};

/* "proto", "state", ...: the words used in options and JSON. NULL beyond the end. */
const char *ct_census_key_name(enum ct_census_key key);

/**
 * struct ct_census_options - what to count
 * @by:      names of keys, comma separated, each once; NULL: "proto,state"
 * @prefix:  "LEN" or "LEN/LEN6", 0 .. 32 and 0 .. 128: src, dst and prefix are networks of that length; without
 *           LEN6 IPv6 keeps its default; NULL: whole addresses, and /24 and /64 for prefix
 * @filter:  conditions that must all hold, blanks or commas between them; NULL or "": everything. FIELD=VALUE or
 *           FIELD!=VALUE:
 *             family=ipv4|ipv6  proto=NAME|NUMBER  state=NAME  assured=assured|replied|unreplied|yes|no
 *             src=ADDRESS[/LEN]  dst=ADDRESS[/LEN]  sport=N[-N]  dport=N[-N]  zone=N[-N]  mark=N[/MASK]
 *           An entry that has no such thing (a port, a state) is not equal to any value.
 * @max_cpu_percent: 1 .. 100 of one CPU, by sleeping between two receives; 0 is 100
 */
struct ct_census_options {
	const char *by;
	const char *prefix;
	const char *filter;
	unsigned max_cpu_percent;
};

/* Idle for longer than that; each class holds those after it too. */
enum ct_census_idle {
	CT_CENSUS_IDLE_MINUTE,
	CT_CENSUS_IDLE_10_MINUTES,
	CT_CENSUS_IDLE_HOUR,
	CT_CENSUS_IDLE_DAY,
	CT_CENSUS_IDLE__COUNT
};

/* Unit: seconds. */
uint32_t ct_census_idle_seconds(enum ct_census_idle idle);

/**
 * struct ct_census_result - what holds for all groups together
 * @total:    entries counted: those that pass the filter
 * @received: entries that the kernel sent; more than @total if the filter is checked here
 * @groups:   different keys, as far as they are kept
 * @exact:    all keys are kept and each group's error is 0
 * @bound:    most entries that a group which isn't kept may have; 0 if @exact. At most 4/3 x @total / @capacity
 * @capacity: most groups that are kept
 * @idle:     entries idle for longer than ct_census_idle_seconds(), at least: the time-out configured now for
 *            protocol and state, less what is left of it. TCP with data unacknowledged or retransmitted has shorter
 *            time-outs; where that explains what is left, it is taken for the reason.
 * @idle_unknown: entries for which that can't be told: offloaded, of fixed or longer time-out, without a known setting
 * @packets, @bytes: sums over both directions; known if at least one entry had counters (nf_conntrack_acct)
 * @uncounted: entries without counters: made before accounting was on
 * @filtered: the kernel said that it has filtered
 * @resized:  the number of buckets changed meanwhile: entries may be missing or counted twice
 * @attempts: dumps begun; more than one if the kernel broke off
 * A dump is never a snapshot: entries that come and go meanwhile may be missed.
 */
struct ct_census_result {
	uint64_t total, received, groups;
	bool exact;
	uint64_t bound, capacity;
	uint64_t idle[CT_CENSUS_IDLE__COUNT];
	uint64_t idle_unknown;
	struct ct_u64 packets, bytes;
	uint64_t uncounted;
	bool filtered, resized;
	unsigned attempts;
	double seconds, cpu_seconds;
};

/* @known: this group has such a thing; @is_number: @number is it; @text in any case. */
struct ct_census_value {
	enum ct_census_key key;
	bool known, is_number;
	uint64_t number;
	char text[56];
};

/**
 * struct ct_census_group - entries with the same key
 * @value:   @values of them, in the order asked for
 * @entries: counted; there are between @entries and @entries + @error
 * @packets, @bytes: of the entries counted
 */
struct ct_census_group {
	struct ct_census_value value[CT_CENSUS_KEY__COUNT];
	unsigned values;
	uint64_t entries, error;
	uint64_t packets, bytes;
};

struct ct_census;

/**
 * ct_census_new - check what is asked for, and get ready
 * Returns: 0; -EINVAL naming the word that isn't understood; -ENOMEM. Some 2 MiB at most, touched as needed.
 */
int ct_census_new(struct ct_census **ret, const struct ct_census_options *options, struct ct_err *err);
struct ct_census *ct_census_free(struct ct_census *census);

/**
 * ct_census_run - one pass over the table of the network namespace that the caller is in
 * @facts: of this machine: presence (asking would load the module), kernel, time-outs
 * May be called again: it begins anew. Needs CAP_NET_ADMIN.
 * Returns: 0; -ENODATA if there is no connection tracking; -EOPNOTSUPP if @fs isn't this machine; -EPERM;
 *          -EBADMSG if an entry makes no sense; -ENOBUFS, -EBUSY, -EINTR if dumps kept breaking off; -ETIMEDOUT; -ENOMEM.
 */
int ct_census_run(struct ct_census *census, struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err);

/**
 * struct ct_census_count - entries of one kind, counted by somebody else
 * @state: as the protocol numbers it, if @has_state
 * @idle, @idle_unknown: as in the result
 */
struct ct_census_count {
	uint8_t proto, state;
	bool has_state, replied, assured;
	uint64_t entries;
	uint64_t idle[CT_CENSUS_IDLE__COUNT];
	uint64_t idle_unknown;
};

/**
 * struct ct_census_timeout - how long an entry lives after its last packet; unit: seconds
 * @seconds: 0: not known
 * @ceiling: if @has_ceiling, the lower first: shorter time-outs that may be in force instead. The first one that isn't
 *           below what is left of an entry's time, and is below @seconds, stands for @seconds.
 * An entry has been idle for that less what is left; if more is left, it can't be told.
 */
struct ct_census_timeout {
	uint32_t seconds;
	bool has_ceiling;
	uint32_t ceiling[2];
};

/* Of entries of this kind, as it is set now in the network namespace that @facts are of. */
void ct_census_timeout(const struct ct_facts *facts, const struct ct_census_count *kind, struct ct_census_timeout *ret);

/**
 * ct_census_takes_counts - is what was asked for told by protocol, state and being assured alone?
 * Returns: 0; -EINVAL naming the key or the condition that needs more.
 */
int ct_census_takes_counts(const struct ct_census *census, struct ct_err *err);

/**
 * ct_census_take_counts - groups from @n kinds of entries, in place of ct_census_run()
 * @attempts, @seconds, @cpu_seconds: of whoever has counted, for the result
 * Such a result has no counters of packets.
 * Returns: 0; -EINVAL as ct_census_takes_counts(); -ENOMEM.
 */
int ct_census_take_counts(struct ct_census *census, const struct ct_census_count *counts, size_t n, unsigned attempts,
			  double seconds, double cpu_seconds, struct ct_err *err);

/* Of the last run that succeeded; all zero before. */
const struct ct_census_result *ct_census_result(const struct ct_census *census);

/* The keys asked for, in that order. CT_CENSUS_KEY__COUNT beyond the end. */
enum ct_census_key ct_census_by(const struct ct_census *census, unsigned i);

/* Group number @rank of result.groups, most entries first. Returns: 0; -ERANGE. */
int ct_census_group(const struct ct_census *census, uint64_t rank, struct ct_census_group *ret);

#ifdef __cplusplus
}
#endif
#endif
