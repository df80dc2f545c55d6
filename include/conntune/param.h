/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of tunables: every conntrack sysctl and module parameter, 2.4 to today. Pure. */
#ifndef CONNTUNE_PARAM_H
#define CONNTUNE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ct_param_id {
	CT_PARAM_LIMIT,                 /* nf_conntrack_max */
	CT_PARAM_BUCKETS,               /* nf_conntrack_buckets, module parameter hashsize */
	CT_PARAM_COUNT,                 /* nf_conntrack_count */
	CT_PARAM_EXPECT_MAX,
	CT_PARAM_ACCT,
	CT_PARAM_TIMESTAMP,
	CT_PARAM_EVENTS,
	CT_PARAM_EVENTS_RETRY_TIMEOUT,
	CT_PARAM_CHECKSUM,
	CT_PARAM_LOG_INVALID,
	CT_PARAM_HELPER,
	CT_PARAM_DEFAULT_ON,
	CT_PARAM_GENERIC_TIMEOUT,
	CT_PARAM_ICMP_TIMEOUT,
	CT_PARAM_ICMPV6_TIMEOUT,
	CT_PARAM_UDP_TIMEOUT,
	CT_PARAM_UDP_TIMEOUT_STREAM,
	CT_PARAM_UDPLITE_TIMEOUT,
	CT_PARAM_UDPLITE_TIMEOUT_STREAM,
	CT_PARAM_TCP_TIMEOUT_SYN_SENT,
	CT_PARAM_TCP_TIMEOUT_SYN_RECV,
	CT_PARAM_TCP_TIMEOUT_ESTABLISHED,
	CT_PARAM_TCP_TIMEOUT_FIN_WAIT,
	CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT,
	CT_PARAM_TCP_TIMEOUT_LAST_ACK,
	CT_PARAM_TCP_TIMEOUT_TIME_WAIT,
	CT_PARAM_TCP_TIMEOUT_CLOSE,
	CT_PARAM_TCP_TIMEOUT_MAX_RETRANS,
	CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED,
	CT_PARAM_TCP_MAX_RETRANS,
	CT_PARAM_TCP_LOOSE,
	CT_PARAM_TCP_BE_LIBERAL,
	CT_PARAM_TCP_IGNORE_INVALID_RST,
	CT_PARAM_TCP_NO_WINDOW_CHECK,
	CT_PARAM_SCTP_TIMEOUT_CLOSED,
	CT_PARAM_SCTP_TIMEOUT_COOKIE_WAIT,
	CT_PARAM_SCTP_TIMEOUT_COOKIE_ECHOED,
	CT_PARAM_SCTP_TIMEOUT_ESTABLISHED,
	CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT,
	CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD,
	CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_ACK_SENT,
	CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_SENT,
	CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_ACKED,
	CT_PARAM_DCCP_TIMEOUT_REQUEST,
	CT_PARAM_DCCP_TIMEOUT_RESPOND,
	CT_PARAM_DCCP_TIMEOUT_PARTOPEN,
	CT_PARAM_DCCP_TIMEOUT_OPEN,
	CT_PARAM_DCCP_TIMEOUT_CLOSEREQ,
	CT_PARAM_DCCP_TIMEOUT_CLOSING,
	CT_PARAM_DCCP_TIMEOUT_TIMEWAIT,
	CT_PARAM_DCCP_LOOSE,
	CT_PARAM_GRE_TIMEOUT,
	CT_PARAM_GRE_TIMEOUT_STREAM,
	CT_PARAM_FRAG6_TIMEOUT,
	CT_PARAM_FRAG6_LOW_THRESH,
	CT_PARAM_FRAG6_HIGH_THRESH,
	CT_PARAM_FLOWTABLE_TCP_TIMEOUT,
	CT_PARAM_FLOWTABLE_UDP_TIMEOUT,
	CT_PARAM_HOOKS_LWTUNNEL,
	/* module parameters without a sysctl twin */
	CT_PARAM_MODULE_EXPECT_HASHSIZE,
	CT_PARAM_MODULE_ACCT,
	CT_PARAM_MODULE_TSTAMP,
	CT_PARAM_MODULE_ENABLE_HOOKS,
	CT_PARAM_MODULE_NF_CONNTRACK_HELPER,
	CT_PARAM__COUNT
};

enum ct_unit {
	CT_UNIT_NUMBER,
	CT_UNIT_ENTRIES,
	CT_UNIT_BUCKETS,
	CT_UNIT_SECONDS,
	CT_UNIT_BYTES,
	CT_UNIT_BOOLEAN,                /* 0 or 1 */
};

enum ct_scope {
	CT_SCOPE_HOST,                  /* one value for all network namespaces */
	CT_SCOPE_NETNS,                 /* one per network namespace */
};

enum ct_access {
	CT_ACCESS_READ,                 /* a reading, never set */
	CT_ACCESS_WRITE,
	CT_ACCESS_LOAD,                 /* module parameter: only when the module loads */
};

#define CT_PARAM_PATHS_MAX 8
#define CT_PARAM_DEFAULTS_MAX 4

/*
 * Where a value is, relative to the root directory, in kernels since .. until: ct_kver_within(). The same file may have
 * two rows, one for the kernels where it is read-only. Boolean module parameters read as Y or N, all else as numbers.
 */
struct ct_param_path {
	const char *path;
	struct ct_kver since, until;
	bool writable;
};

/* A default in force from kernel @since on; all zero: ever since. @backported: by stable updates in older series too. */
struct ct_param_default {
	struct ct_kver since;
	int64_t value;
	bool backported;
};

/**
 * struct ct_param - one tunable
 * @name:     as the kernel calls it, without prefix: "nf_conntrack_tcp_loose"; module parameters
 *            as "nf_conntrack.hashsize"
 * @alias:    another name people know it by ("hashsize", "limit"), or NULL; names in @paths are known anyway
 * @paths:    in order of preference; ends with a NULL path; none: a module parameter without a file
 * @min,@max: what conntune accepts, tighter than some kernels; an old default may be outside (tcp_loose 3, SCTP 0.3 s)
 * @defaults: by kernel, oldest first; @default_count 0: chosen from RAM or other values
 * @default_text: how the default comes about when it isn't a constant, or what to know of it; or NULL
 * @since,@until: kernels that have it: ct_kver_within(); @since all zero: in vendor kernels only
 * @up,@down: what raising and lowering (or 1 and 0) does, half a sentence each
 * @takes_effect: when a change works: "at once", "new connections only", "next packet of each entry", "module load"
 * @help:     what it is, one sentence
 * @source:   where in the kernel this is decided
 */
struct ct_param {
	const char *name;
	const char *alias;
	struct ct_param_path paths[CT_PARAM_PATHS_MAX];
	enum ct_unit unit;
	enum ct_scope scope;
	enum ct_access access;
	int64_t min, max;
	struct ct_param_default defaults[CT_PARAM_DEFAULTS_MAX];
	size_t default_count;
	const char *default_text;
	struct ct_kver since, until;
	const char *up, *down;
	const char *takes_effect;
	const char *help;
	const char *source;
};

/* The row of @id; NULL if @id is not below CT_PARAM__COUNT. Rows never change. */
const struct ct_param *ct_param_get(enum ct_param_id id);

/**
 * ct_param_by_name - find a tunable
 * @name: its name, alias, last part of the name without "nf_conntrack_" ("tcp_loose"), sysctl
 *        key with dots or slashes ("net.netfilter.nf_conntrack_max", "net/nf_conntrack_max"),
 *        a name or path of any era ("ip_conntrack_max", "/proc/sys/net/ipv4/ip_conntrack_max"),
 *        or module parameter ("nf_conntrack.hashsize"); upper and lower case are the same
 * Returns: 0; -ENOENT with a message that names the nearest match.
 */
int ct_param_by_name(const char *name, enum ct_param_id *ret, struct ct_err *err);

/* Does kernel @v have it? True also when @v is all zero (not known). */
bool ct_param_exists(const struct ct_param *p, const struct ct_kver *v);

/* 0 and the default in kernel @v (all zero: today), or -ENODATA when it isn't a constant there, or isn't there. */
int ct_param_default(const struct ct_param *p, const struct ct_kver *v, int64_t *ret);

/* Is @value what kernel @v starts with: its default, or one that came to its series with a stable update? */
bool ct_param_is_default(const struct ct_param *p, const struct ct_kver *v, int64_t value);

/**
 * ct_param_check - may this value be written?
 * Returns: 0; -ERANGE outside min .. max (limit 0, negative time-outs and the like included);
 *          -EROFS if it is never written; -EOPNOTSUPP if kernel @v doesn't have it.
 * nf_conntrack_events = 2 is -ERANGE before 5.19. CT_ACCESS_LOAD passes: it can be given when the module loads.
 */
int ct_param_check(const struct ct_param *p, const struct ct_kver *v, int64_t value, struct ct_err *err);

/* "seconds", "entries", ...; for CT_UNIT_NUMBER and CT_UNIT_BOOLEAN "" . */
const char *ct_unit_name(enum ct_unit unit);

#ifdef __cplusplus
}
#endif
#endif
