/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of tunables: against kernels as they were read or captured, its structure, its calls, its manual page. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <conntune/param.h>

#define NF "proc/sys/net/netfilter/"
#define IP "proc/sys/net/ipv4/netfilter/"
#define MODULE "sys/module/nf_conntrack/parameters/"

/* The smallest and largest version there is, for "nothing before" and "nothing after". */
#define OLDEST { 2, 4, 0 }
#define NEWEST { 65535, 65535, 65535 }

/* Kernels before, first, last, after. */
#define TO_TODAY NEWEST, { 0 }
#define FROM_2_6_15 { 2, 6, 14 }, { 2, 6, 15 }, TO_TODAY
#define FROM_2_6_9_TO_4_8 { 2, 6, 8 }, { 2, 6, 9 }, { 4, 8, 17 }, { 4, 9, 0 }
#define FROM_2_4_TO_4_8 { 2, 4, 22 }, { 2, 4, 32 }, { 4, 8, 17 }, { 4, 9, 0 }

/*
 * One row per file, as kernel sources have it: the first and the last kernel with it, the ones before and after
 * these, and the default at both ends (-1: not a constant).
 */
static const struct {
	const char *path;
	enum ct_param_id id;
	struct ct_kver before, first, last, after;
	int64_t default_first, default_last;
} files[] = {
	{ NF "nf_conntrack_max", CT_PARAM_LIMIT, FROM_2_6_15, -1, -1 },
	{ "proc/sys/net/nf_conntrack_max", CT_PARAM_LIMIT, FROM_2_6_15, -1, -1 },
	{ IP "ip_conntrack_max", CT_PARAM_LIMIT, FROM_2_4_TO_4_8, -1, -1 },
	{ "proc/sys/net/ipv4/ip_conntrack_max", CT_PARAM_LIMIT, { 0 }, OLDEST, { 2, 6, 21 }, { 2, 6, 22 }, -1, -1 },
	{ NF "nf_conntrack_buckets", CT_PARAM_BUCKETS, FROM_2_6_15, -1, -1 },
	{ IP "ip_conntrack_buckets", CT_PARAM_BUCKETS, FROM_2_4_TO_4_8, -1, -1 },
	{ MODULE "hashsize", CT_PARAM_BUCKETS, FROM_2_6_15, -1, -1 },
	{ "sys/module/ip_conntrack/parameters/hashsize", CT_PARAM_BUCKETS,
	  { 2, 4, 32 }, { 2, 6, 0 }, { 2, 6, 21 }, { 2, 6, 22 }, -1, -1 },
	{ NF "nf_conntrack_count", CT_PARAM_COUNT, FROM_2_6_15, -1, -1 },
	{ IP "ip_conntrack_count", CT_PARAM_COUNT, FROM_2_6_9_TO_4_8, -1, -1 },
	{ NF "nf_conntrack_expect_max", CT_PARAM_EXPECT_MAX, { 2, 6, 22 }, { 2, 6, 23 }, TO_TODAY, -1, -1 },
	{ NF "nf_conntrack_acct", CT_PARAM_ACCT, { 2, 6, 26 }, { 2, 6, 27 }, TO_TODAY, 0, 0 },
	{ NF "nf_conntrack_timestamp", CT_PARAM_TIMESTAMP, { 2, 6, 38 }, { 2, 6, 39 }, TO_TODAY, 0, 0 },
	{ NF "nf_conntrack_events", CT_PARAM_EVENTS, { 2, 6, 30 }, { 2, 6, 31 }, TO_TODAY, 1, 2 },
	{ NF "nf_conntrack_events_retry_timeout", CT_PARAM_EVENTS_RETRY_TIMEOUT,
	  { 2, 6, 30 }, { 2, 6, 31 }, { 3, 16, 85 }, { 3, 17, 0 }, 15, 15 },
	{ NF "nf_conntrack_checksum", CT_PARAM_CHECKSUM, { 2, 6, 17 }, { 2, 6, 18 }, TO_TODAY, 1, 1 },
	{ IP "ip_conntrack_checksum", CT_PARAM_CHECKSUM, { 2, 6, 17 }, { 2, 6, 18 }, { 4, 8, 17 }, { 4, 9, 0 }, 1, 1 },
	{ NF "nf_conntrack_log_invalid", CT_PARAM_LOG_INVALID, FROM_2_6_15, 0, 0 },
	{ IP "ip_conntrack_log_invalid", CT_PARAM_LOG_INVALID, FROM_2_6_9_TO_4_8, 0, 0 },
	{ NF "nf_conntrack_helper", CT_PARAM_HELPER, { 3, 4, 113 }, { 3, 5, 0 }, { 6, 0, 19 }, { 6, 1, 0 }, 1, 0 },
	{ NF "nf_conntrack_default_on", CT_PARAM_DEFAULT_ON,
	  { 4, 10, 17 }, { 4, 11, 0 }, { 4, 13, 16 }, { 4, 14, 0 }, 1, 1 },
	{ NF "nf_conntrack_generic_timeout", CT_PARAM_GENERIC_TIMEOUT, FROM_2_6_15, 600, 600 },
	{ IP "ip_conntrack_generic_timeout", CT_PARAM_GENERIC_TIMEOUT, FROM_2_4_TO_4_8, 600, 600 },
	{ NF "nf_conntrack_icmp_timeout", CT_PARAM_ICMP_TIMEOUT, FROM_2_6_15, 30, 30 },
	{ IP "ip_conntrack_icmp_timeout", CT_PARAM_ICMP_TIMEOUT, FROM_2_4_TO_4_8, 30, 30 },
	{ NF "nf_conntrack_icmpv6_timeout", CT_PARAM_ICMPV6_TIMEOUT, FROM_2_6_15, 30, 30 },
	{ NF "nf_conntrack_udp_timeout", CT_PARAM_UDP_TIMEOUT, FROM_2_6_15, 30, 30 },
	{ IP "ip_conntrack_udp_timeout", CT_PARAM_UDP_TIMEOUT, FROM_2_4_TO_4_8, 30, 30 },
	{ NF "nf_conntrack_udp_timeout_stream", CT_PARAM_UDP_TIMEOUT_STREAM, FROM_2_6_15, 180, 120 },
	{ IP "ip_conntrack_udp_timeout_stream", CT_PARAM_UDP_TIMEOUT_STREAM, FROM_2_4_TO_4_8, 180, 180 },
	{ NF "nf_conntrack_udplite_timeout", CT_PARAM_UDPLITE_TIMEOUT,
	  { 2, 6, 23 }, { 2, 6, 24 }, { 4, 9, 337 }, { 4, 10, 0 }, 30, 30 },
	{ NF "nf_conntrack_udplite_timeout_stream", CT_PARAM_UDPLITE_TIMEOUT_STREAM,
	  { 2, 6, 23 }, { 2, 6, 24 }, { 4, 9, 337 }, { 4, 10, 0 }, 180, 180 },
#define TCP(state, id, seconds) \
	{ NF "nf_conntrack_tcp_timeout_" state, id, FROM_2_6_15, seconds, seconds }, \
	{ IP "ip_conntrack_tcp_timeout_" state, id, FROM_2_4_TO_4_8, seconds, seconds }
	TCP("syn_sent", CT_PARAM_TCP_TIMEOUT_SYN_SENT, 120),
	TCP("syn_recv", CT_PARAM_TCP_TIMEOUT_SYN_RECV, 60),
	TCP("established", CT_PARAM_TCP_TIMEOUT_ESTABLISHED, 432000),
	TCP("fin_wait", CT_PARAM_TCP_TIMEOUT_FIN_WAIT, 120),
	TCP("close_wait", CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT, 60),
	TCP("last_ack", CT_PARAM_TCP_TIMEOUT_LAST_ACK, 30),
	TCP("time_wait", CT_PARAM_TCP_TIMEOUT_TIME_WAIT, 120),
	TCP("close", CT_PARAM_TCP_TIMEOUT_CLOSE, 10),
	{ NF "nf_conntrack_tcp_timeout_max_retrans", CT_PARAM_TCP_TIMEOUT_MAX_RETRANS, FROM_2_6_15, 300, 300 },
	{ IP "ip_conntrack_tcp_timeout_max_retrans", CT_PARAM_TCP_TIMEOUT_MAX_RETRANS, FROM_2_6_9_TO_4_8, 300, 300 },
	{ NF "nf_conntrack_tcp_timeout_unacknowledged", CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED,
	  { 2, 6, 26 }, { 2, 6, 27 }, TO_TODAY, 300, 300 },
	{ NF "nf_conntrack_tcp_max_retrans", CT_PARAM_TCP_MAX_RETRANS, FROM_2_6_15, 3, 3 },
	{ IP "ip_conntrack_tcp_max_retrans", CT_PARAM_TCP_MAX_RETRANS, FROM_2_6_9_TO_4_8, 3, 3 },
	{ NF "nf_conntrack_tcp_loose", CT_PARAM_TCP_LOOSE, FROM_2_6_15, 3, 1 },
	{ IP "ip_conntrack_tcp_loose", CT_PARAM_TCP_LOOSE, FROM_2_6_9_TO_4_8, 3, 1 },
	{ NF "nf_conntrack_tcp_be_liberal", CT_PARAM_TCP_BE_LIBERAL, FROM_2_6_15, 0, 0 },
	{ IP "ip_conntrack_tcp_be_liberal", CT_PARAM_TCP_BE_LIBERAL, FROM_2_6_9_TO_4_8, 0, 0 },
	{ NF "nf_conntrack_tcp_ignore_invalid_rst", CT_PARAM_TCP_IGNORE_INVALID_RST,
	  { 5, 13, 19 }, { 5, 14, 0 }, TO_TODAY, 0, 0 },
	{ NF "nf_conntrack_tcp_no_window_check", CT_PARAM_TCP_NO_WINDOW_CHECK, { 0 }, OLDEST, TO_TODAY, 0, 0 },
#define SCTP(state, id, first, last) \
	{ NF "nf_conntrack_sctp_timeout_" state, id, FROM_2_6_15, first, last }, \
	{ IP "ip_conntrack_sctp_timeout_" state, id, FROM_2_6_9_TO_4_8, first, first }
	SCTP("closed", CT_PARAM_SCTP_TIMEOUT_CLOSED, 10, 10),
	SCTP("cookie_wait", CT_PARAM_SCTP_TIMEOUT_COOKIE_WAIT, 3, 3),
	SCTP("cookie_echoed", CT_PARAM_SCTP_TIMEOUT_COOKIE_ECHOED, 3, 3),
	SCTP("established", CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, 432000, 210),
	SCTP("shutdown_sent", CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT, 0, 3),
	SCTP("shutdown_recd", CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD, 0, 3),
	SCTP("shutdown_ack_sent", CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_ACK_SENT, 3, 3),
	{ NF "nf_conntrack_sctp_timeout_heartbeat_sent", CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_SENT,
	  { 4, 2, 8 }, { 4, 3, 0 }, TO_TODAY, 30, 30 },
	{ NF "nf_conntrack_sctp_timeout_heartbeat_acked", CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_ACKED,
	  { 4, 2, 8 }, { 4, 3, 0 }, { 6, 1, 0 }, { 6, 2, 0 }, 210, 210 },
#define DCCP(name, id, v) \
	{ NF "nf_conntrack_dccp_" name, id, { 2, 6, 25 }, { 2, 6, 26 }, { 6, 14, 11 }, { 6, 17, 0 }, v, v }
	DCCP("timeout_request", CT_PARAM_DCCP_TIMEOUT_REQUEST, 240),
	DCCP("timeout_respond", CT_PARAM_DCCP_TIMEOUT_RESPOND, 480),
	DCCP("timeout_partopen", CT_PARAM_DCCP_TIMEOUT_PARTOPEN, 480),
	DCCP("timeout_open", CT_PARAM_DCCP_TIMEOUT_OPEN, 43200),
	DCCP("timeout_closereq", CT_PARAM_DCCP_TIMEOUT_CLOSEREQ, 64),
	DCCP("timeout_closing", CT_PARAM_DCCP_TIMEOUT_CLOSING, 64),
	DCCP("timeout_timewait", CT_PARAM_DCCP_TIMEOUT_TIMEWAIT, 240),
	DCCP("loose", CT_PARAM_DCCP_LOOSE, 1),
	{ NF "nf_conntrack_gre_timeout", CT_PARAM_GRE_TIMEOUT, { 4, 20, 17 }, { 5, 0, 0 }, TO_TODAY, 30, 30 },
	{ NF "nf_conntrack_gre_timeout_stream", CT_PARAM_GRE_TIMEOUT_STREAM,
	  { 4, 20, 17 }, { 5, 0, 0 }, TO_TODAY, 180, 180 },
	{ NF "nf_conntrack_frag6_timeout", CT_PARAM_FRAG6_TIMEOUT, FROM_2_6_15, 60, 60 },
	{ NF "nf_conntrack_frag6_low_thresh", CT_PARAM_FRAG6_LOW_THRESH, FROM_2_6_15, 196608, 3145728 },
	{ NF "nf_conntrack_frag6_high_thresh", CT_PARAM_FRAG6_HIGH_THRESH, FROM_2_6_15, 262144, 4194304 },
	{ NF "nf_flowtable_tcp_timeout", CT_PARAM_FLOWTABLE_TCP_TIMEOUT,
	  { 5, 13, 19 }, { 5, 14, 0 }, TO_TODAY, 30, 30 },
	{ NF "nf_flowtable_udp_timeout", CT_PARAM_FLOWTABLE_UDP_TIMEOUT,
	  { 5, 13, 19 }, { 5, 14, 0 }, TO_TODAY, 30, 30 },
	{ NF "nf_hooks_lwtunnel", CT_PARAM_HOOKS_LWTUNNEL, { 5, 14, 21 }, { 5, 15, 0 }, TO_TODAY, 0, 0 },
	{ MODULE "expect_hashsize", CT_PARAM_MODULE_EXPECT_HASHSIZE, { 2, 6, 22 }, { 2, 6, 23 }, TO_TODAY, -1, -1 },
	{ MODULE "acct", CT_PARAM_MODULE_ACCT, { 2, 6, 26 }, { 2, 6, 27 }, TO_TODAY, 0, 0 },
	{ MODULE "tstamp", CT_PARAM_MODULE_TSTAMP, { 2, 6, 38 }, { 2, 6, 39 }, TO_TODAY, 0, 0 },
	{ MODULE "nf_conntrack_helper", CT_PARAM_MODULE_NF_CONNTRACK_HELPER,
	  { 3, 4, 113 }, { 3, 5, 0 }, { 6, 0, 19 }, { 6, 1, 0 }, 1, 0 },
};

static bool has_file(const struct ct_param *p, const char *path, const struct ct_kver *v)
{
	for (const struct ct_param_path *at = p->paths; at->path; at++)
		if (strcmp(at->path, path) == 0 && ct_kver_within(v, &at->since, &at->until))
			return true;
	return false;
}

static void check_default(const struct ct_param *p, const struct ct_kver *v, int64_t want)
{
	int64_t got = -1;

	ck_assert_int_eq(ct_param_default(p, v, &got), want < 0 ? -ENODATA : 0);
	ck_assert_int_eq(got, want);
}

START_TEST(file_is_there_from_first_to_last_kernel_with_its_default)
{
	const struct ct_param *p = ct_param_get(files[_i].id);
	const char *path = files[_i].path;

	if (files[_i].before.major)
		ck_assert(!has_file(p, path, &files[_i].before));
	ck_assert(has_file(p, path, &files[_i].first));
	ck_assert(has_file(p, path, &files[_i].last));
	if (files[_i].after.major)
		ck_assert(!has_file(p, path, &files[_i].after));
	ck_assert(ct_param_exists(p, &files[_i].first));
	ck_assert(ct_param_exists(p, &files[_i].last));
	check_default(p, &files[_i].first, files[_i].default_first);
	check_default(p, &files[_i].last, files[_i].default_last);
}
END_TEST

/* Defaults that changed: the last kernel with the old one, the first with the new. */
static const struct {
	enum ct_param_id id;
	struct ct_kver old_kernel, new_kernel;
	int64_t old, new;
} changes[] = {
	{ CT_PARAM_EVENTS, { 5, 18, 19 }, { 5, 19, 0 }, 1, 2 },
	{ CT_PARAM_HELPER, { 4, 6, 7 }, { 4, 7, 0 }, 1, 0 },
	{ CT_PARAM_MODULE_NF_CONNTRACK_HELPER, { 4, 6, 7 }, { 4, 7, 0 }, 1, 0 },
	{ CT_PARAM_UDP_TIMEOUT_STREAM, { 4, 20, 17 }, { 5, 0, 0 }, 180, 120 },
	{ CT_PARAM_TCP_LOOSE, { 2, 6, 23 }, { 2, 6, 24 }, 3, 1 },
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 6, 1, 8 }, { 6, 1, 9 }, 432000, 210 },
	{ CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT, { 6, 4, 0 }, { 6, 8, 0 }, 0, 3 },
	{ CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD, { 6, 4, 0 }, { 6, 8, 0 }, 0, 3 },
	{ CT_PARAM_FRAG6_LOW_THRESH, { 3, 8, 13 }, { 3, 9, 0 }, 196608, 3145728 },
	{ CT_PARAM_FRAG6_HIGH_THRESH, { 3, 8, 13 }, { 3, 9, 0 }, 262144, 4194304 },
};

static const struct {
	enum ct_param_id id;
	struct ct_kver v;
	int64_t value;
	bool is_default;
} standards[] = {
	/* brought to older series by stable updates */
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 6, 1, 0 }, 210, true },
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 6, 1, 0 }, 432000, true },
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 5, 15, 91 }, 210, true },
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 5, 15, 91 }, 211, false },
	{ CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, { 6, 1, 9 }, 432000, false },
	{ CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT, { 6, 1, 159 }, 3, true },
	{ CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD, { 4, 14, 324 }, 3, true },
	{ CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD, { 6, 8, 0 }, 0, false },
	/* not brought */
	{ CT_PARAM_UDP_TIMEOUT_STREAM, { 4, 19, 316 }, 120, false },
	{ CT_PARAM_UDP_TIMEOUT_STREAM, { 4, 19, 316 }, 180, true },
	{ CT_PARAM_EVENTS, { 0, 0, 0 }, 2, true },
	/* no constant, or not there */
	{ CT_PARAM_LIMIT, { 6, 1, 0 }, 65536, false },
	{ CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_ACKED, { 6, 1, 9 }, 210, false },
};

START_TEST(default_is_also_what_a_stable_update_brought)
{
	ck_assert_int_eq(ct_param_is_default(ct_param_get(standards[_i].id), &standards[_i].v, standards[_i].value),
			 standards[_i].is_default);
}
END_TEST

START_TEST(default_changes_with_its_kernel)
{
	const struct ct_param *p = ct_param_get(changes[_i].id);
	const struct ct_kver unknown = { 0 };

	check_default(p, &changes[_i].old_kernel, changes[_i].old);
	check_default(p, &changes[_i].new_kernel, changes[_i].new);
	if (p->until.major == 0)
		check_default(p, &unknown, changes[_i].new);
}
END_TEST

/* Kernels in which one and the same number is read-only or writable. */
static const struct {
	const char *path;
	struct ct_kver v;
	bool writable;
} modes[] = {
	{ NF "nf_conntrack_buckets", { 4, 7, 10 }, false },
	{ NF "nf_conntrack_buckets", { 4, 8, 0 }, true },
	{ IP "ip_conntrack_buckets", { 4, 8, 0 }, false },
	{ "sys/module/ip_conntrack/parameters/hashsize", { 2, 6, 14 }, false },
	{ "sys/module/ip_conntrack/parameters/hashsize", { 2, 6, 15 }, true },
	{ "sys/module/nf_conntrack/parameters/hashsize", { 2, 6, 15 }, true },
	{ NF "nf_conntrack_max", { 6, 18, 0 }, true },
	{ NF "nf_conntrack_count", { 6, 18, 0 }, false },
};

START_TEST(file_is_writable_in_its_kernels_only)
{
	enum ct_param_id id;
	int seen = 0;

	ck_assert_int_eq(ct_param_by_name(modes[_i].path, &id, NULL), 0);
	for (const struct ct_param_path *at = ct_param_get(id)->paths; at->path; at++) {
		if (strcmp(at->path, modes[_i].path) || !ct_kver_within(&modes[_i].v, &at->since, &at->until))
			continue;
		ck_assert_int_eq(at->writable, modes[_i].writable);
		seen++;
	}
	ck_assert_int_eq(seen, 1);
}
END_TEST

static bool historic_default(enum ct_param_id id, const struct ct_param_default *d)
{
	if (id == CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT || id == CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD)
		return d->value == 0;
	return id == CT_PARAM_TCP_LOOSE && d->value == 3;
}

static void check_words(const struct ct_param *p)
{
	ck_assert_msg(p->help && strlen(p->help) > 20, "%s: no help", p->name);
	ck_assert_msg(p->source && strncmp(p->source, "net/", 4) == 0, "%s: no source", p->name);
	ck_assert_msg(p->takes_effect != NULL, "%s: takes_effect", p->name);
	if (p->access == CT_ACCESS_READ) {
		ck_assert_ptr_null(p->up);
		ck_assert_ptr_null(p->down);
		return;
	}
	ck_assert_msg(p->default_count > 0 || p->default_text, "%s: no default", p->name);
	ck_assert_msg(p->up && *p->up, "%s: what does raising do?", p->name);
	ck_assert_msg(p->down && *p->down, "%s: what does lowering do?", p->name);
}

static void check_numbers(enum ct_param_id id, const struct ct_param *p)
{
	ck_assert_int_le(p->min, p->max);
	ck_assert_int_ge(p->min, 0);
	ck_assert_int_le(p->max, INT_MAX);
	if (p->unit == CT_UNIT_BOOLEAN)
		ck_assert(p->min == 0 && p->max == 1);
	if (p->unit == CT_UNIT_SECONDS)
		ck_assert(p->min == 1 && p->max == 2147483);
	ck_assert_uint_le(p->default_count, CT_PARAM_DEFAULTS_MAX);
	for (size_t i = 0; i < p->default_count; i++) {
		const struct ct_param_default *d = &p->defaults[i];

		ck_assert_msg((d->value >= p->min && d->value <= p->max) || historic_default(id, d),
			      "%s: default %lld", p->name, (long long)d->value);
		if (i > 0)
			ck_assert_int_gt(ct_kver_cmp(&d->since, &p->defaults[i - 1].since), 0);
	}
}

static void check_range(const struct ct_kver *since, const struct ct_kver *until, const char *what)
{
	if (until->major)
		ck_assert_msg(ct_kver_cmp(since, until) <= 0, "%s: ends before it begins", what);
}

static void check_paths(const struct ct_param *p)
{
	bool writable = false;
	size_t n = 0;

	for (; p->paths[n].path; n++) {
		const struct ct_param_path *at = &p->paths[n];

		ck_assert_msg(strncmp(at->path, "proc/sys/net/", 13) == 0 || strncmp(at->path, "sys/module/", 11) == 0,
			      "%s", at->path);
		check_range(&at->since, &at->until, at->path);
		ck_assert_msg(ct_kver_cmp(&at->since, &p->since) >= 0, "%s is older than %s", at->path, p->name);
		writable = writable || at->writable;
	}
	ck_assert_uint_lt(n, CT_PARAM_PATHS_MAX);
	ck_assert_msg(writable == (p->access == CT_ACCESS_WRITE), "%s: who can write it?", p->name);
	if (n > 0 && strncmp(p->paths[0].path, NF, sizeof(NF) - 1) == 0)
		ck_assert_str_eq(p->paths[0].path + sizeof(NF) - 1, p->name);
}

START_TEST(row_is_complete_and_consistent)
{
	const struct ct_param *p = ct_param_get((enum ct_param_id)_i);

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(p->name);
	check_words(p);
	check_numbers((enum ct_param_id)_i, p);
	check_range(&p->since, &p->until, p->name);
	check_paths(p);
}
END_TEST

START_TEST(each_name_alias_and_path_leads_to_its_own_row)
{
	const struct ct_param *p = ct_param_get((enum ct_param_id)_i);
	enum ct_param_id id = CT_PARAM__COUNT;

	ck_assert_int_eq(ct_param_by_name(p->name, &id, NULL), 0);
	ck_assert_int_eq(id, _i);
	if (p->alias) {
		ck_assert_int_eq(ct_param_by_name(p->alias, &id, NULL), 0);
		ck_assert_int_eq(id, _i);
	}
	for (const struct ct_param_path *at = p->paths; at->path; at++) {
		ck_assert_int_eq(ct_param_by_name(at->path, &id, NULL), 0);
		ck_assert_int_eq(id, _i);
	}
}
END_TEST

START_TEST(get_gives_null_beyond_the_table)
{
	ck_assert_ptr_null(ct_param_get(CT_PARAM__COUNT));
	ck_assert_ptr_null(ct_param_get((enum ct_param_id)-1));
}
END_TEST

static const struct {
	const char *name;
	enum ct_param_id id;
} names[] = {
	{ "nf_conntrack_max", CT_PARAM_LIMIT },
	{ "max", CT_PARAM_LIMIT },
	{ "limit", CT_PARAM_LIMIT },
	{ "CONNTRACK_MAX", CT_PARAM_LIMIT },
	{ "ip_conntrack_max", CT_PARAM_LIMIT },
	{ "net.netfilter.nf_conntrack_max", CT_PARAM_LIMIT },
	{ "net/netfilter/nf_conntrack_max", CT_PARAM_LIMIT },
	{ "net/nf_conntrack_max", CT_PARAM_LIMIT },
	{ "net.ipv4.ip_conntrack_max", CT_PARAM_LIMIT },
	{ "/proc/sys/net/ipv4/netfilter/ip_conntrack_max", CT_PARAM_LIMIT },
	{ "HASHSIZE", CT_PARAM_BUCKETS },
	{ "buckets", CT_PARAM_BUCKETS },
	{ "nf_conntrack.hashsize", CT_PARAM_BUCKETS },
	{ "ip_conntrack.hashsize", CT_PARAM_BUCKETS },
	{ "/sys/module/nf_conntrack/parameters/hashsize", CT_PARAM_BUCKETS },
	{ "entries", CT_PARAM_COUNT },
	{ "tcp_loose", CT_PARAM_TCP_LOOSE },
	{ "ip_conntrack_tcp_timeout_established", CT_PARAM_TCP_TIMEOUT_ESTABLISHED },
	{ "acct", CT_PARAM_ACCT },
	{ "nf_conntrack.acct", CT_PARAM_MODULE_ACCT },
	{ "tstamp", CT_PARAM_MODULE_TSTAMP },
	{ "enable_hooks", CT_PARAM_MODULE_ENABLE_HOOKS },
	{ "nf_conntrack_helper", CT_PARAM_HELPER },
	{ "nf_conntrack.nf_conntrack_helper", CT_PARAM_MODULE_NF_CONNTRACK_HELPER },
	{ "flowtable_tcp_timeout", CT_PARAM_FLOWTABLE_TCP_TIMEOUT },
	{ "net.netfilter.nf_hooks_lwtunnel", CT_PARAM_HOOKS_LWTUNNEL },
};

START_TEST(by_name_knows_every_way_to_say_it)
{
	enum ct_param_id id = CT_PARAM__COUNT;
	struct ct_err err = { 0 };

	ck_assert_msg(ct_param_by_name(names[_i].name, &id, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(id, names[_i].id);
}
END_TEST

static const struct {
	const char *name, *nearest;
} typos[] = {
	{ "nf_conntrack_mx", "nf_conntrack_max" },
	{ "nf_conntrak_buckets", "nf_conntrack_buckets" },
	{ "net.netfilter.nf_conntrack_tcp_losse", "nf_conntrack_tcp_loose" },
	{ "established", "nf_conntrack_tcp_timeout_established" },
	{ "lwtunnel", "nf_hooks_lwtunnel" },
	{ "bucket", "nf_conntrack_buckets" },
	{ "udp_timeout_streams", "nf_conntrack_udp_timeout_stream" },
	{ "hashsize.nf_conntrack", "nf_conntrack_" },
	{ "nf_conntrack.max", "nf_conntrack_max" },
	{ "net/netfilter/", "nf_" },
	{ "", "nf_" },
	{ "/", "nf_" },
	{ "zz", "nf_" },
	{ "01234567890123456789012345678901234567890123456789012345678901234567890123456789nf_conntrack_max_and_more",
	  "nf_" },
};

START_TEST(by_name_points_to_the_nearest_match)
{
	enum ct_param_id id = CT_PARAM__COUNT;
	struct ct_err err = { 0 };
	char want[96];
	int r = ct_param_by_name(typos[_i].name, &id, &err);

	(void)snprintf(want, sizeof(want), "the nearest is %s", typos[_i].nearest);
	ck_assert_failed(r, err, -ENOENT, want);
	ck_assert_int_eq(id, CT_PARAM__COUNT);
}
END_TEST

#define NOW { 6, 18, 44 }

static const struct {
	enum ct_param_id id;
	struct ct_kver v;
	int64_t value;
	int rc;
	const char *word;
} checks[] = {
	{ CT_PARAM_LIMIT, NOW, 1, 0, NULL },
	{ CT_PARAM_LIMIT, NOW, INT_MAX, 0, NULL },
	{ CT_PARAM_LIMIT, NOW, 0, -ERANGE, "nf_conntrack_max: 0 is outside 1 .. 2147483647 entries" },
	{ CT_PARAM_LIMIT, { 2, 6, 18 }, 0, -ERANGE, "outside" },
	{ CT_PARAM_LIMIT, NOW, -1, -ERANGE, "-1" },
	{ CT_PARAM_LIMIT, NOW, INT64_C(1) << 31, -ERANGE, "2147483648" },
	{ CT_PARAM_LIMIT, { 0 }, 65536, 0, NULL },
	{ CT_PARAM_BUCKETS, NOW, 1, 0, NULL },
	{ CT_PARAM_BUCKETS, NOW, 0, -ERANGE, "buckets" },
	{ CT_PARAM_BUCKETS, NOW, 268435455, 0, NULL },
	{ CT_PARAM_BUCKETS, NOW, 268435456, -ERANGE, "268435455" },
	{ CT_PARAM_COUNT, NOW, 5, -EROFS, "nf_conntrack_count: 5 can't be written" },
	{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, NOW, 7440, 0, NULL },
	{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, NOW, 0, -ERANGE, "1 .. 2147483 seconds" },
	{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, NOW, -5, -ERANGE, "-5" },
	{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, NOW, 2147483, 0, NULL },
	{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, NOW, 2147484, -ERANGE, "2147484" },
	{ CT_PARAM_TCP_LOOSE, NOW, 1, 0, NULL },
	{ CT_PARAM_TCP_LOOSE, NOW, 2, -ERANGE, "nf_conntrack_tcp_loose: 2 is outside 0 .. 1" },
	{ CT_PARAM_EVENTS, { 5, 18, 0 }, 2, -ERANGE, "0 .. 1" },
	{ CT_PARAM_EVENTS, { 5, 18, 0 }, 1, 0, NULL },
	{ CT_PARAM_EVENTS, { 5, 19, 0 }, 2, 0, NULL },
	{ CT_PARAM_EVENTS, { 0 }, 2, 0, NULL },
	{ CT_PARAM_EVENTS, NOW, 3, -ERANGE, "0 .. 2" },
	{ CT_PARAM_LOG_INVALID, NOW, 255, 0, NULL },
	{ CT_PARAM_LOG_INVALID, NOW, 256, -ERANGE, "255" },
	{ CT_PARAM_FRAG6_HIGH_THRESH, NOW, 0, -ERANGE, "bytes" },
	{ CT_PARAM_DCCP_LOOSE, { 6, 17, 3 }, 1, -EOPNOTSUPP, "nf_conntrack_dccp_loose: Linux 6.17.3 doesn't have it" },
	{ CT_PARAM_DCCP_LOOSE, { 6, 14, 3 }, 1, 0, NULL },
	{ CT_PARAM_ACCT, { 2, 6, 26 }, 1, -EOPNOTSUPP, "2.6.26" },
	{ CT_PARAM_MODULE_ENABLE_HOOKS, NOW, 1, 0, NULL },
};

START_TEST(check_accepts_what_is_safe_to_write)
{
	const struct ct_param *p = ct_param_get(checks[_i].id);
	struct ct_err err = { 0 };
	int r = ct_param_check(p, &checks[_i].v, checks[_i].value, &err);

	if (checks[_i].rc)
		ck_assert_failed(r, err, checks[_i].rc, checks[_i].word);
	else
		ck_assert_msg(r == 0, "%s", err.msg);
}
END_TEST

START_TEST(default_is_not_known_where_the_kernel_lacks_the_tunable)
{
	const struct ct_kver before = { 3, 4, 0 }, after = { 6, 1, 0 };

	check_default(ct_param_get(CT_PARAM_HELPER), &before, -1);
	check_default(ct_param_get(CT_PARAM_HELPER), &after, -1);
}
END_TEST

START_TEST(unit_names_are_words_for_people)
{
	ck_assert_str_eq(ct_unit_name(CT_UNIT_NUMBER), "");
	ck_assert_str_eq(ct_unit_name(CT_UNIT_BOOLEAN), "");
	ck_assert_str_eq(ct_unit_name(CT_UNIT_ENTRIES), "entries");
	ck_assert_str_eq(ct_unit_name(CT_UNIT_BUCKETS), "buckets");
	ck_assert_str_eq(ct_unit_name(CT_UNIT_SECONDS), "seconds");
	ck_assert_str_eq(ct_unit_name(CT_UNIT_BYTES), "bytes");
}
END_TEST

/* proc/sys/net/netfilter of an untouched x86_64 6.18.44 with 24 GiB; -1: depends on the machine. */
static const struct {
	const char *name;
	int64_t value;
} captured_6_18[] = {
	{ "nf_conntrack_acct", 0 },
	{ "nf_conntrack_buckets", -1 },
	{ "nf_conntrack_checksum", 1 },
	{ "nf_conntrack_count", -1 },
	{ "nf_conntrack_events", 2 },
	{ "nf_conntrack_expect_max", -1 },
	{ "nf_conntrack_frag6_high_thresh", 4194304 },
	{ "nf_conntrack_frag6_low_thresh", 3145728 },
	{ "nf_conntrack_frag6_timeout", 60 },
	{ "nf_conntrack_generic_timeout", 600 },
	{ "nf_conntrack_gre_timeout", 30 },
	{ "nf_conntrack_gre_timeout_stream", 180 },
	{ "nf_conntrack_icmp_timeout", 30 },
	{ "nf_conntrack_icmpv6_timeout", 30 },
	{ "nf_conntrack_log_invalid", 0 },
	{ "nf_conntrack_max", -1 },
	{ "nf_conntrack_sctp_timeout_closed", 10 },
	{ "nf_conntrack_sctp_timeout_cookie_echoed", 3 },
	{ "nf_conntrack_sctp_timeout_cookie_wait", 3 },
	{ "nf_conntrack_sctp_timeout_established", 210 },
	{ "nf_conntrack_sctp_timeout_heartbeat_sent", 30 },
	{ "nf_conntrack_sctp_timeout_shutdown_ack_sent", 3 },
	{ "nf_conntrack_sctp_timeout_shutdown_recd", 3 },
	{ "nf_conntrack_sctp_timeout_shutdown_sent", 3 },
	{ "nf_conntrack_tcp_be_liberal", 0 },
	{ "nf_conntrack_tcp_ignore_invalid_rst", 0 },
	{ "nf_conntrack_tcp_loose", 1 },
	{ "nf_conntrack_tcp_max_retrans", 3 },
	{ "nf_conntrack_tcp_timeout_close", 10 },
	{ "nf_conntrack_tcp_timeout_close_wait", 60 },
	{ "nf_conntrack_tcp_timeout_established", 432000 },
	{ "nf_conntrack_tcp_timeout_fin_wait", 120 },
	{ "nf_conntrack_tcp_timeout_last_ack", 30 },
	{ "nf_conntrack_tcp_timeout_max_retrans", 300 },
	{ "nf_conntrack_tcp_timeout_syn_recv", 60 },
	{ "nf_conntrack_tcp_timeout_syn_sent", 120 },
	{ "nf_conntrack_tcp_timeout_time_wait", 120 },
	{ "nf_conntrack_tcp_timeout_unacknowledged", 300 },
	{ "nf_conntrack_timestamp", 0 },
	{ "nf_conntrack_udp_timeout", 30 },
	{ "nf_conntrack_udp_timeout_stream", 120 },
	{ "nf_hooks_lwtunnel", 0 },
};

START_TEST(captured_file_of_6_18_has_a_row_and_its_default)
{
	const struct ct_kver v = NOW;
	enum ct_param_id id;
	char path[128];

	(void)snprintf(path, sizeof(path), NF "%s", captured_6_18[_i].name);
	ck_assert_int_eq(ct_param_by_name(captured_6_18[_i].name, &id, NULL), 0);
	ck_assert(has_file(ct_param_get(id), path, &v));
	check_default(ct_param_get(id), &v, captured_6_18[_i].value);
}
END_TEST

static bool captured(const char *path)
{
	for (size_t i = 0; i < ct_array_size(captured_6_18); i++)
		if (strcmp(path + sizeof(NF) - 1, captured_6_18[i].name) == 0)
			return true;
	/* a vendor's patch, and CONFIG_NF_FLOW_TABLE, which that kernel was built without */
	return strstr(path, "no_window_check") || strstr(path, "nf_flowtable_");
}

/* The other way round: nothing in the table that such a kernel doesn't have. */
START_TEST(row_that_6_18_should_have_was_captured_there)
{
	const struct ct_param *p = ct_param_get((enum ct_param_id)_i);
	const struct ct_kver v = NOW;

	for (const struct ct_param_path *at = p->paths; at->path; at++)
		if (strncmp(at->path, NF, sizeof(NF) - 1) == 0 && ct_kver_within(&v, &at->since, &at->until))
			ck_assert_msg(captured(at->path), "%s", at->path);
}
END_TEST

/* Reads names only. A machine without the directory has nothing to compare; the captured one above always has. */
START_TEST(every_conntrack_file_of_this_machine_has_a_row)
{
	DIR *dir = opendir("/" NF);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		enum ct_param_id id;
		struct ct_err err = { 0 };

		if (strncmp(entry->d_name, "nf_conntrack_", 13) == 0)
			ck_assert_msg(ct_param_by_name(entry->d_name, &id, &err) == 0, "%s", err.msg);
	}
	if (dir)
		(void)closedir(dir);
}
END_TEST

/* The page without what mdoc needs: "\-" back to "-", "\(dq" to a quote, "\&", "\:" and "\%" away, line ends to blanks. */
static const char *page_text(void)
{
	static char text[262144];
	FILE *f = fopen(PARAMS_PAGE, "re");
	size_t n = 0;
	int c;

	ck_assert_msg(f != NULL, "%s: %s", PARAMS_PAGE, strerror(errno));
	while ((c = getc(f)) != EOF && n < sizeof(text) - 1) {
		if (c == '\\') {
			c = getc(f);
			if (strchr("&:%", c))
				continue;
			if (c == '(') {
				ck_assert_int_eq(getc(f), 'd');
				ck_assert_int_eq(getc(f), 'q');
				c = '"';
			}
		}
		text[n++] = (char)(c == '\n' ? ' ' : c);
	}
	text[n] = '\0';
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

static const char *entry_of(const char *page, const char *name)
{
	char item[96];
	const char *start;

	(void)snprintf(item, sizeof(item), ".It Va %s ", name);
	start = strstr(page, item);
	ck_assert_msg(start != NULL, "%s is not in the page", name);
	ck_assert_msg(strstr(start + 1, item) == NULL, "%s is in the page twice", name);
	return start;
}

static void check_in_entry(const char *start, const char *text)
{
	const char *end = strstr(start + 1, ".It Va "), *at = text ? strstr(start, text) : start;

	ck_assert_msg(at != NULL && (end == NULL || at < end), "'%s' is not in: %.60s", text, start);
}

START_TEST(manual_page_says_all_of_every_row)
{
	const struct ct_param *p = ct_param_get((enum ct_param_id)_i);
	const char *start = entry_of(page_text(), p->name);
	char number[32];

	check_in_entry(start, p->help + 1);     /* there a sentence, with a capital */
	check_in_entry(start, p->up);
	check_in_entry(start, p->down);
	check_in_entry(start, p->default_text);
	check_in_entry(start, p->source);
	check_in_entry(start, ct_unit_name(p->unit));
	for (const struct ct_param_path *at = p->paths; at->path; at++)
		check_in_entry(start, at->path);
	for (size_t i = 0; i < p->default_count; i++) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)p->defaults[i].value);
		check_in_entry(start, number);
	}
}
END_TEST

static void add_table_tests(TCase *tc)
{
	tcase_add_loop_test(tc, file_is_there_from_first_to_last_kernel_with_its_default, 0, ct_array_size(files));
	tcase_add_loop_test(tc, default_changes_with_its_kernel, 0, ct_array_size(changes));
	tcase_add_loop_test(tc, default_is_also_what_a_stable_update_brought, 0, ct_array_size(standards));
	tcase_add_loop_test(tc, file_is_writable_in_its_kernels_only, 0, ct_array_size(modes));
	tcase_add_loop_test(tc, row_is_complete_and_consistent, 0, CT_PARAM__COUNT);
	tcase_add_loop_test(tc, captured_file_of_6_18_has_a_row_and_its_default, 0, ct_array_size(captured_6_18));
	tcase_add_loop_test(tc, row_that_6_18_should_have_was_captured_there, 0, CT_PARAM__COUNT);
	tcase_add_test(tc, every_conntrack_file_of_this_machine_has_a_row);
	tcase_add_loop_test(tc, manual_page_says_all_of_every_row, 0, CT_PARAM__COUNT);
}

static void add_call_tests(TCase *tc)
{
	tcase_add_loop_test(tc, each_name_alias_and_path_leads_to_its_own_row, 0, CT_PARAM__COUNT);
	tcase_add_test(tc, get_gives_null_beyond_the_table);
	tcase_add_loop_test(tc, by_name_knows_every_way_to_say_it, 0, ct_array_size(names));
	tcase_add_loop_test(tc, by_name_points_to_the_nearest_match, 0, ct_array_size(typos));
	tcase_add_loop_test(tc, check_accepts_what_is_safe_to_write, 0, ct_array_size(checks));
	tcase_add_test(tc, default_is_not_known_where_the_kernel_lacks_the_tunable);
	tcase_add_test(tc, unit_names_are_words_for_people);
}

Suite *module_suite(void)
{
	Suite *s = suite_create("param");
	TCase *table = tcase_create("table"), *calls = tcase_create("calls");

	add_table_tests(table);
	add_call_tests(calls);
	suite_add_tcase(s, table);
	suite_add_tcase(s, calls);
	return s;
}
