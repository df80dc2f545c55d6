/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of tunables. Options, range checks, conntune-params(7) and the output of "params" are made from it. */
#include "config.h"
#include "util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <conntune/param.h>

#define SYSCTL "proc/sys/"
#define NF SYSCTL "net/netfilter/nf_conntrack_"
#define IP SYSCTL "net/ipv4/netfilter/ip_conntrack_"
#define MODULE "sys/module/nf_conntrack/parameters/"

#define STANDALONE_C "net/netfilter/nf_conntrack_standalone.c"
#define CORE_C "net/netfilter/nf_conntrack_core.c"
#define TCP_C "net/netfilter/nf_conntrack_proto_tcp.c"
#define UDP_C "net/netfilter/nf_conntrack_proto_udp.c"
#define SCTP_C "net/netfilter/nf_conntrack_proto_sctp.c"
#define DCCP_C "net/netfilter/nf_conntrack_proto_dccp.c (gone after 6.14)"
#define GRE_C "net/netfilter/nf_conntrack_proto_gre.c"
#define FRAG6_C "net/ipv6/netfilter/nf_conntrack_reasm.c"
#define FLOWTABLE_C "net/netfilter/nf_flow_table_core.c"

/* A file of the names since 2.6.15. */
#define NF_PATH(file, ...) { .path = NF file, .since = { __VA_ARGS__ }, .writable = true }
/* A file of the names before; CONFIG_NF_CONNTRACK_PROC_COMPAT kept them until 4.8. */
#define IP_PATH(file, ...) { .path = IP file, .since = { __VA_ARGS__ }, .until = { 4, 8, 0 }, .writable = true }
/* Both. The arguments are the first kernel known to have the older one; trees read: 2.4.32, 2.6.9, 2.6.11, 2.6.18. */
#define NF_AND_IP(file, ...) { NF_PATH(file, 2, 6, 15), IP_PATH(file, __VA_ARGS__) }

#define DEFAULT(v) .defaults = { { .value = (v) } }, .default_count = 1
#define DEFAULT_CHANGED(old, new, ...) \
	.defaults = { { .value = (old) }, { .since = { __VA_ARGS__ }, .value = (new) } }, .default_count = 2

/* Stable updates of series before @since took the new one over. */
#define DEFAULT_BACKPORTED(old, new, ...) \
	.defaults = { { .value = (old) }, { .since = { __VA_ARGS__ }, .value = (new), .backported = true } }, \
	.default_count = 2

#define AT_ONCE "at once"
#define NEW_ONLY "new connections only"
#define NEXT_PACKET "next packet of each entry"
#define AT_LOAD "module load"

/*
 * The kernel takes up to INT_MAX / HZ seconds, so this is what every HZ (1000 at most) takes. It also takes 0 and
 * negative numbers, which make entries vanish at once: not here.
 */
#define TIMEOUT \
	.unit = CT_UNIT_SECONDS, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE, \
	.min = 1, .max = INT_MAX / 1000, .takes_effect = NEXT_PACKET
/* Any integer until 5.0, 0 and 1 only from 5.2. */
#define SWITCH \
	.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE, .min = 0, .max = 1

static const struct ct_param params[CT_PARAM__COUNT] = {
	[CT_PARAM_LIMIT] = {
		.name = "nf_conntrack_max",
		.alias = "limit",
		.paths = {
			NF_PATH("max", 2, 6, 15),
			/* registered in the first network namespace only */
			{ .path = SYSCTL "net/nf_conntrack_max", .since = { 2, 6, 15 }, .writable = true },
			IP_PATH("max", 2, 4, 23),
			{ .path = SYSCTL "net/ipv4/ip_conntrack_max", .since = { 2, 4, 0 }, .until = { 2, 6, 21 },
			  .writable = true },
		},
		.unit = CT_UNIT_ENTRIES, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE,
		/* never 0: that means "no limit" up to 6.18 and EINVAL from 6.19; some kernels take -1 as well */
		.min = 1, .max = INT_MAX,
		.default_text = "buckets from 5.15, 4 x buckets from 2.6.23, 8 x buckets before; 8 x buckets on every "
				"kernel when hashsize= is given at module load",
		.since = { 2, 4, 0 },
		.up = "more connections fit; a full table takes more memory, 256 to 384 bytes each on 64-bit kernels "
		      "of today",
		.down = "the table costs less at worst; below the present count nothing is removed, but each new "
			"connection must evict another or is dropped",
		.takes_effect = AT_ONCE,
		.help = "most connections that each network namespace may track; beyond it packets of new ones are "
			"dropped and the kernel logs \"table full\"",
		.source = CORE_C ", nf_conntrack_init_start and __nf_conntrack_alloc",
	},
	[CT_PARAM_BUCKETS] = {
		.name = "nf_conntrack_buckets",
		.alias = "hashsize",
		.paths = {
			NF_PATH("buckets", 4, 8, 0),
			{ .path = NF "buckets", .since = { 2, 6, 15 }, .until = { 4, 7, 0 } },
			{ .path = IP "buckets", .since = { 2, 4, 24 }, .until = { 4, 8, 0 } },
			{ .path = MODULE "hashsize", .since = { 2, 6, 15 }, .writable = true },
			{ .path = "sys/module/ip_conntrack/parameters/hashsize", .since = { 2, 6, 15 },
			  .until = { 2, 6, 21 }, .writable = true },
			{ .path = "sys/module/ip_conntrack/parameters/hashsize", .since = { 2, 6, 0 },
			  .until = { 2, 6, 14 } },
		},
		.unit = CT_UNIT_BUCKETS, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE,
		/* 64-bit kernels: the table may take INT_MAX bytes (checked by the kernel from 6.13) */
		.min = 1, .max = INT_MAX / 8,
		.default_text = "RAM / 16384 / bytes of a bucket, with steps above 1 and 4 GiB of RAM that differ by "
				"kernel",
		.since = { 2, 4, 0 },
		.up = "shorter chains and faster look-ups; one pointer of memory per bucket, and slower walks over "
		      "the whole table",
		.down = "less memory, longer chains; from 5.15 to 6.2 a new connection is refused by a chain of more "
			"than 8 to 31",
		.takes_effect = "at once; no packet is tracked while the entries move",
		.help = "lists in the hash table, which all network namespaces share; the kernel rounds it up to "
			"whole pages",
		.source = CORE_C ", nf_conntrack_hash_resize",
	},
	[CT_PARAM_COUNT] = {
		.name = "nf_conntrack_count",
		.alias = "entries",
		.paths = {
			{ .path = NF "count", .since = { 2, 6, 15 } },
			{ .path = IP "count", .since = { 2, 6, 9 }, .until = { 4, 8, 0 } },
		},
		.unit = CT_UNIT_ENTRIES, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_READ,
		.min = 0, .max = INT_MAX,
		.since = { 2, 6, 9 },
		.takes_effect = "a reading, never set",
		.help = "connections tracked in this network namespace now; from 4.9 expired ones count until they "
			"are collected",
		.source = STANDALONE_C,
	},
	[CT_PARAM_EXPECT_MAX] = {
		.name = "nf_conntrack_expect_max",
		.paths = { NF_PATH("expect_max", 2, 6, 23) },
		.unit = CT_UNIT_ENTRIES, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE,
		.min = 1, .max = INT_MAX,
		.default_text = "4 x (buckets / 256, at least 1) when the module loads; a later resize doesn't change "
				"it",
		.since = { 2, 6, 23 },
		.up = "more connections may be announced at once by helpers (FTP data, SIP media)",
		.down = "less memory; announced connections beyond it are not recognised, so transfers and calls hang",
		.takes_effect = AT_ONCE,
		.help = "most expectations: connections that a helper has seen announced and that have not come yet",
		.source = "net/netfilter/nf_conntrack_expect.c",
	},
	[CT_PARAM_ACCT] = {
		.name = "nf_conntrack_acct",
		.paths = { NF_PATH("acct", 2, 6, 27) },
		SWITCH,
		DEFAULT(0),
		.since = { 2, 6, 27 },
		.up = "packets and bytes are counted in both directions; 128 bytes more per entry unless it has an "
		      "extension already",
		.down = "no counters in listings and events, and rules that match on them fail; less memory",
		.takes_effect = NEW_ONLY,
		.help = "count packets and bytes of each connection",
		.source = "net/netfilter/nf_conntrack_acct.c",
	},
	[CT_PARAM_TIMESTAMP] = {
		.name = "nf_conntrack_timestamp",
		.paths = { NF_PATH("timestamp", 2, 6, 39) },
		SWITCH,
		DEFAULT(0),
		.since = { 2, 6, 39 },
		.up = "start and end are kept, for logs of address translation; 128 bytes more per entry unless it "
		      "has an extension already",
		.down = "no times in listings and events; less memory",
		.takes_effect = NEW_ONLY,
		.help = "keep the time at which each connection began and ended",
		.source = "net/netfilter/nf_conntrack_timestamp.c",
	},
	[CT_PARAM_EVENTS] = {
		.name = "nf_conntrack_events",
		.paths = { NF_PATH("events", 2, 6, 31) },
		.unit = CT_UNIT_NUMBER, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		.min = 0, .max = 2,
		DEFAULT_CHANGED(1, 2, 5, 19, 0),
		.since = { 2, 6, 31 },
		.up = "1: every connection can report events and carries 128 bytes more; 2: only those made while "
		      "somebody listens",
		.down = "0: conntrackd, conntrack -E and all other listeners see nothing; less memory",
		.takes_effect = NEW_ONLY,
		.help = "events over netlink when connections come, change and go: 0 never, 1 always, 2 while "
			"somebody listens",
		.source = "net/netfilter/nf_conntrack_ecache.c",
	},
	[CT_PARAM_EVENTS_RETRY_TIMEOUT] = {
		.name = "nf_conntrack_events_retry_timeout",
		.paths = {
			{ .path = NF "events_retry_timeout", .since = { 2, 6, 31 }, .until = { 3, 16, 0 },
			  .writable = true },
		},
		.unit = CT_UNIT_SECONDS, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		.min = 1, .max = INT_MAX / 1000,
		DEFAULT(15),
		.since = { 2, 6, 31 }, .until = { 3, 16, 0 },
		.up = "undelivered events wait longer and their entries stay in memory",
		.down = "events that a busy listener missed are sent again sooner, at the price of CPU time",
		.takes_effect = AT_ONCE,
		.help = "longest wait before an event that could not be delivered reliably is sent again",
		.source = "net/netfilter/nf_conntrack_ecache.c",
	},
	[CT_PARAM_CHECKSUM] = {
		.name = "nf_conntrack_checksum",
		.paths = { NF_PATH("checksum", 2, 6, 18), IP_PATH("checksum", 2, 6, 18) },
		SWITCH,
		DEFAULT(1),
		.since = { 2, 6, 18 },
		.up = "packets with a wrong checksum are INVALID and get no entry",
		.down = "they are tracked like all others: less CPU time, but forged packets can move a connection's "
			"state",
		.takes_effect = AT_ONCE,
		.help = "verify TCP, UDP and ICMP checksums of incoming packets before tracking them",
		.source = STANDALONE_C,
	},
	[CT_PARAM_LOG_INVALID] = {
		.name = "nf_conntrack_log_invalid",
		.paths = NF_AND_IP("log_invalid", 2, 6, 9),
		.unit = CT_UNIT_NUMBER, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		.min = 0, .max = 255,
		DEFAULT(0),
		.since = { 2, 6, 9 },
		.up = "invalid packets of that IP protocol (6 TCP, 17 UDP, 255 all) are logged with the reason; a "
		      "flood fills the log",
		.down = "0: nothing is logged",
		.takes_effect = AT_ONCE,
		.help = "number of the IP protocol whose invalid packets are logged",
		.source = STANDALONE_C,
	},
	[CT_PARAM_HELPER] = {
		.name = "nf_conntrack_helper",
		.paths = {
			{ .path = NF "helper", .since = { 3, 5, 0 }, .until = { 6, 0, 0 }, .writable = true },
		},
		SWITCH,
		DEFAULT_CHANGED(1, 0, 4, 7, 0),
		.since = { 3, 5, 0 }, .until = { 6, 0, 0 },
		.up = "helpers attach to any connection on their port, so outsiders may open holes through the "
		      "firewall",
		.down = "helpers work only where a rule assigns them (CT target, ct helper)",
		.takes_effect = NEW_ONLY,
		.help = "attach protocol helpers (FTP, SIP, ...) by port number, without a rule",
		.source = "net/netfilter/nf_conntrack_helper.c",
	},
	[CT_PARAM_DEFAULT_ON] = {
		.name = "nf_conntrack_default_on",
		.paths = {
			{ .path = NF "default_on", .since = { 4, 11, 0 }, .until = { 4, 13, 0 }, .writable = true },
		},
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE, .min = 0, .max = 1,
		DEFAULT(1),
		.since = { 4, 11, 0 }, .until = { 4, 13, 0 },
		.up = "new network namespaces track connections from their start",
		.down = "they track only once a rule needs it, which spares entries and time",
		.takes_effect = "namespaces made later",
		.help = "register connection tracking in new network namespaces",
		.source = STANDALONE_C " (gone in 4.14)",
	},
	[CT_PARAM_GENERIC_TIMEOUT] = {
		.name = "nf_conntrack_generic_timeout",
		.paths = NF_AND_IP("generic_timeout", 2, 4, 32),
		TIMEOUT,
		DEFAULT(600),
		.since = { 2, 4, 32 },
		.up = "flows of protocols without a tracker (ESP, OSPF, ...) survive longer silence",
		.down = "they are forgotten sooner, and a quiet tunnel must be opened again from inside",
		.help = "life of an entry of a protocol without a tracker of its own, after its last packet",
		.source = "net/netfilter/nf_conntrack_proto_generic.c",
	},
	[CT_PARAM_ICMP_TIMEOUT] = {
		.name = "nf_conntrack_icmp_timeout",
		.paths = NF_AND_IP("icmp_timeout", 2, 4, 32),
		TIMEOUT,
		DEFAULT(30),
		.since = { 2, 4, 32 },
		.up = "late echo replies still come through; RFC 5508 asks address translators for 60 seconds",
		.down = "ping sweeps leave the table sooner; slow replies become INVALID",
		.help = "life of an ICMP query (echo, timestamp) after its last packet",
		.source = "net/netfilter/nf_conntrack_proto_icmp.c",
	},
	[CT_PARAM_ICMPV6_TIMEOUT] = {
		.name = "nf_conntrack_icmpv6_timeout",
		.paths = { NF_PATH("icmpv6_timeout", 2, 6, 15) },
		TIMEOUT,
		DEFAULT(30),
		.since = { 2, 6, 15 },
		.up = "late echo replies still come through",
		.down = "ping sweeps leave the table sooner; slow replies become INVALID",
		.help = "life of an ICMPv6 query (echo) after its last packet",
		.source = "net/netfilter/nf_conntrack_proto_icmpv6.c",
	},
	[CT_PARAM_UDP_TIMEOUT] = {
		.name = "nf_conntrack_udp_timeout",
		.paths = NF_AND_IP("udp_timeout", 2, 4, 32),
		TIMEOUT,
		DEFAULT(30),
		.since = { 2, 4, 32 },
		.up = "slow first answers still come through; scans and one-way floods keep more entries",
		.down = "one-way floods and DNS queries leave the table sooner; slow first answers are dropped",
		.help = "life of a UDP flow that has seen no answer, or only a short exchange",
		.source = UDP_C,
	},
	[CT_PARAM_UDP_TIMEOUT_STREAM] = {
		.name = "nf_conntrack_udp_timeout_stream",
		.paths = NF_AND_IP("udp_timeout_stream", 2, 4, 32),
		TIMEOUT,
		DEFAULT_CHANGED(180, 120, 5, 0, 0),
		.since = { 2, 4, 32 },
		.up = "quiet two-way flows (tunnels, calls, games) stay open longer",
		.down = "ended flows leave the table sooner; below 120 seconds (RFC 4787) or an application's "
			"keep-alive interval, flows behind address translation break",
		.help = "life of a UDP flow with traffic both ways over more than 2 seconds, after its last packet",
		.source = UDP_C,
	},
	[CT_PARAM_UDPLITE_TIMEOUT] = {
		.name = "nf_conntrack_udplite_timeout",
		.paths = {
			{ .path = NF "udplite_timeout", .since = { 2, 6, 24 }, .until = { 4, 9, 0 },
			  .writable = true },
		},
		TIMEOUT,
		DEFAULT(30),
		.since = { 2, 6, 24 }, .until = { 4, 9, 0 },
		.up = "slow first answers still come through; one-way floods keep more entries",
		.down = "one-way floods leave the table sooner; slow first answers are dropped",
		.help = "life of a UDP-Lite flow that has seen no answer; later kernels use the UDP time-outs",
		.source = "net/netfilter/nf_conntrack_proto_udplite.c",
	},
	[CT_PARAM_UDPLITE_TIMEOUT_STREAM] = {
		.name = "nf_conntrack_udplite_timeout_stream",
		.paths = {
			{ .path = NF "udplite_timeout_stream", .since = { 2, 6, 24 }, .until = { 4, 9, 0 },
			  .writable = true },
		},
		TIMEOUT,
		DEFAULT(180),
		.since = { 2, 6, 24 }, .until = { 4, 9, 0 },
		.up = "quiet two-way flows stay open longer",
		.down = "ended flows leave the table sooner; below the application's keep-alive interval they break",
		.help = "life of a UDP-Lite flow with traffic both ways; later kernels use the UDP time-outs",
		.source = "net/netfilter/nf_conntrack_proto_udplite.c",
	},
	[CT_PARAM_TCP_TIMEOUT_SYN_SENT] = {
		.name = "nf_conntrack_tcp_timeout_syn_sent",
		.paths = NF_AND_IP("tcp_timeout_syn_sent", 2, 4, 32),
		TIMEOUT,
		DEFAULT(120),
		.since = { 2, 4, 32 },
		.up = "connections over very slow paths can still be set up; a SYN flood or scan keeps more entries",
		.down = "SYN floods and scans leave the table sooner; below the gap between two SYN of a client "
			"(Linux: up to 32 seconds) slow set-ups fail",
		.help = "life of a connection whose first SYN has not been answered",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_SYN_RECV] = {
		.name = "nf_conntrack_tcp_timeout_syn_recv",
		.paths = NF_AND_IP("tcp_timeout_syn_recv", 2, 4, 32),
		TIMEOUT,
		DEFAULT(60),
		.since = { 2, 4, 32 },
		.up = "slow handshakes are completed; a flood of spoofed SYN to an open port keeps more entries",
		.down = "such a flood leaves the table sooner; handshakes with lost packets may fail",
		.help = "life of a connection whose SYN was answered, while the last part of the handshake is missing",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_ESTABLISHED] = {
		.name = "nf_conntrack_tcp_timeout_established",
		.paths = NF_AND_IP("tcp_timeout_established", 2, 4, 32),
		TIMEOUT,
		DEFAULT(432000),
		.since = { 2, 4, 32 },
		.up = "idle connections survive longer; so do dead ones, which are the usual reason for a full table",
		.down = "dead connections leave sooner; below 7440 seconds (RFC 5382) idle ones are cut before the "
			"usual keep-alive of two hours",
		.help = "life of an open connection after its last packet; 432000 is 5 days",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_FIN_WAIT] = {
		.name = "nf_conntrack_tcp_timeout_fin_wait",
		.paths = NF_AND_IP("tcp_timeout_fin_wait", 2, 4, 32),
		TIMEOUT,
		DEFAULT(120),
		.since = { 2, 4, 32 },
		.up = "the other side may go on sending with longer pauses after one side has closed",
		.down = "half-closed connections leave the table sooner; a slow answer after the FIN is cut off",
		.help = "life of a connection that one side has closed (FIN seen)",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT] = {
		.name = "nf_conntrack_tcp_timeout_close_wait",
		.paths = NF_AND_IP("tcp_timeout_close_wait", 2, 4, 32),
		TIMEOUT,
		DEFAULT(60),
		.since = { 2, 4, 32 },
		.up = "an application that closes late can still send its last data; servers that never close keep "
		      "more entries",
		.down = "such servers' connections leave the table sooner; late last data is cut off",
		.help = "life of a connection whose FIN was acknowledged, until the other side closes too",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_LAST_ACK] = {
		.name = "nf_conntrack_tcp_timeout_last_ack",
		.paths = NF_AND_IP("tcp_timeout_last_ack", 2, 4, 32),
		TIMEOUT,
		DEFAULT(30),
		.since = { 2, 4, 32 },
		.up = "a lost last acknowledgement may be repeated for longer",
		.down = "closed connections leave the table sooner; repeated FIN become INVALID",
		.help = "life of a connection that both sides have closed, until the last acknowledgement",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_TIME_WAIT] = {
		.name = "nf_conntrack_tcp_timeout_time_wait",
		.paths = NF_AND_IP("tcp_timeout_time_wait", 2, 4, 32),
		TIMEOUT,
		DEFAULT(120),
		.since = { 2, 4, 32 },
		.up = "late packets still belong to it; with many short connections these entries are most of the "
		      "table",
		.down = "short connections leave the table sooner and address translation gets its ports back; late "
			"packets become INVALID",
		.help = "life of a connection after both sides have closed it properly",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_CLOSE] = {
		.name = "nf_conntrack_tcp_timeout_close",
		.paths = NF_AND_IP("tcp_timeout_close", 2, 4, 32),
		TIMEOUT,
		DEFAULT(10),
		.since = { 2, 4, 32 },
		.up = "packets that cross a reset still belong to it",
		.down = "reset connections leave the table sooner",
		.help = "life of a connection after a reset (RST)",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_MAX_RETRANS] = {
		.name = "nf_conntrack_tcp_timeout_max_retrans",
		.paths = NF_AND_IP("tcp_timeout_max_retrans", 2, 6, 9),
		TIMEOUT,
		DEFAULT(300),
		.since = { 2, 6, 9 },
		.up = "connections survive longer outages of a path",
		.down = "connections to vanished hosts leave the table sooner; so do those that would have recovered",
		.help = "longest life of a connection once nf_conntrack_tcp_max_retrans packets were repeated without "
			"an answer",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED] = {
		.name = "nf_conntrack_tcp_timeout_unacknowledged",
		.paths = { NF_PATH("tcp_timeout_unacknowledged", 2, 6, 27) },
		TIMEOUT,
		DEFAULT(300),
		.since = { 2, 6, 27 },
		.up = "connections survive longer silence of a receiver that owes an acknowledgement",
		.down = "connections to vanished hosts leave the table sooner; so do those that would have recovered",
		.help = "longest life of a connection while data is not acknowledged",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_MAX_RETRANS] = {
		.name = "nf_conntrack_tcp_max_retrans",
		.paths = NF_AND_IP("tcp_max_retrans", 2, 6, 9),
		.unit = CT_UNIT_NUMBER, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		.min = 0, .max = 255,
		DEFAULT(3),
		.since = { 2, 6, 9 },
		.up = "more repetitions pass before the shorter life begins",
		.down = "the shorter life begins sooner, on lossy paths too; 0: with every packet",
		.takes_effect = NEXT_PACKET,
		.help = "packets repeated without an answer after which nf_conntrack_tcp_timeout_max_retrans bounds "
			"the life",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_LOOSE] = {
		.name = "nf_conntrack_tcp_loose",
		.paths = NF_AND_IP("tcp_loose", 2, 6, 9),
		SWITCH,
		DEFAULT_CHANGED(3, 1, 2, 6, 24),
		.default_text = "before 2.6.24 a number of packets, 3",
		.since = { 2, 6, 9 },
		.up = "connections that were open before tracking began are adopted from the middle",
		.down = "they are INVALID: after a restart or fail-over without state synchronisation all open "
			"connections die; needed by SYN proxies",
		.takes_effect = NEW_ONLY,
		.help = "adopt TCP connections whose beginning was not seen",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_BE_LIBERAL] = {
		.name = "nf_conntrack_tcp_be_liberal",
		.paths = NF_AND_IP("tcp_be_liberal", 2, 6, 9),
		SWITCH,
		DEFAULT(0),
		.since = { 2, 6, 9 },
		.up = "of packets outside the window only RST are INVALID; needed with asymmetric paths",
		.down = "all packets outside the window are INVALID, which stops blind injection",
		.takes_effect = NEXT_PACKET,
		.help = "tolerate packets outside the TCP window",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_IGNORE_INVALID_RST] = {
		.name = "nf_conntrack_tcp_ignore_invalid_rst",
		.paths = { NF_PATH("tcp_ignore_invalid_rst", 5, 14, 0) },
		SWITCH,
		DEFAULT(0),
		.since = { 5, 14, 0 },
		.up = "RST outside the window pass without changing the connection's state",
		.down = "RST outside the window are INVALID",
		.takes_effect = NEXT_PACKET,
		.help = "tolerate RST outside the TCP window",
		.source = TCP_C,
	},
	[CT_PARAM_TCP_NO_WINDOW_CHECK] = {
		.name = "nf_conntrack_tcp_no_window_check",
		.paths = { NF_PATH("tcp_no_window_check", 0) },
		SWITCH,
		DEFAULT(0),
		.default_text = "never in mainline kernels; a patch of router distributions, some of which preset 1",
		.up = "TCP windows are not checked at all: less CPU time, no protection against blind injection",
		.down = "TCP windows are checked",
		.takes_effect = NEXT_PACKET,
		.help = "skip the check of TCP windows",
		.source = TCP_C " with a vendor's patch",
	},
	[CT_PARAM_SCTP_TIMEOUT_CLOSED] = {
		.name = "nf_conntrack_sctp_timeout_closed",
		.paths = NF_AND_IP("sctp_timeout_closed", 2, 6, 9),
		TIMEOUT,
		DEFAULT(10),
		.since = { 2, 6, 9 },
		.up = "late packets of an ended association still belong to it",
		.down = "ended associations leave the table sooner",
		.help = "life of an SCTP association after its end",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_COOKIE_WAIT] = {
		.name = "nf_conntrack_sctp_timeout_cookie_wait",
		.paths = NF_AND_IP("sctp_timeout_cookie_wait", 2, 6, 9),
		TIMEOUT,
		DEFAULT(3),
		.since = { 2, 6, 9 },
		.up = "slow set-ups succeed; floods of INIT keep more entries",
		.down = "floods of INIT leave the table sooner; below the round trip time set-ups fail",
		.help = "life of an SCTP association whose INIT has not been answered",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_COOKIE_ECHOED] = {
		.name = "nf_conntrack_sctp_timeout_cookie_echoed",
		.paths = NF_AND_IP("sctp_timeout_cookie_echoed", 2, 6, 9),
		TIMEOUT,
		DEFAULT(3),
		.since = { 2, 6, 9 },
		.up = "slow set-ups succeed",
		.down = "unfinished set-ups leave the table sooner; below the round trip time set-ups fail",
		.help = "life of an SCTP association between COOKIE ECHO and its acknowledgement",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_ESTABLISHED] = {
		.name = "nf_conntrack_sctp_timeout_established",
		.paths = NF_AND_IP("sctp_timeout_established", 2, 6, 9),
		TIMEOUT,
		/* a44b7651489f of 6.2-rc6; the announcement of 6.1.9 names it, and the review of 5.15.91 */
		DEFAULT_BACKPORTED(432000, 210, 6, 1, 9),
		.default_text = "the change of 6.1.9 is in later stable kernels of older series too",
		.since = { 2, 6, 9 },
		.up = "idle associations without heartbeats survive longer; so do dead ones",
		.down = "dead associations leave sooner; below the heartbeat interval (30 seconds and more) live ones "
			"are cut",
		.help = "life of an open SCTP association after its last packet; 210 is one heartbeat and all its "
			"repetitions",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT] = {
		.name = "nf_conntrack_sctp_timeout_shutdown_sent",
		.paths = NF_AND_IP("sctp_timeout_shutdown_sent", 2, 6, 9),
		TIMEOUT,
		/* 9bfab6d23a28, August 2023; the announcement of 4.14.324 names it, and the review of 4.19.293 */
		DEFAULT_BACKPORTED(0, 3, 6, 5, 0),
		.default_text = "0 stands for 0.3 seconds; the change of 6.5 is in later stable kernels of older "
				"series too",
		.since = { 2, 6, 9 },
		.up = "slow closing exchanges are completed",
		.down = "closing associations leave the table sooner; below the round trip time the last packets are "
			"dropped",
		.help = "life of an SCTP association after a SHUTDOWN from the side that opened it",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD] = {
		.name = "nf_conntrack_sctp_timeout_shutdown_recd",
		.paths = NF_AND_IP("sctp_timeout_shutdown_recd", 2, 6, 9),
		TIMEOUT,
		DEFAULT_BACKPORTED(0, 3, 6, 5, 0),
		.default_text = "0 stands for 0.3 seconds; the change of 6.5 is in later stable kernels of older "
				"series too",
		.since = { 2, 6, 9 },
		.up = "slow closing exchanges are completed",
		.down = "closing associations leave the table sooner; below the round trip time the last packets are "
			"dropped",
		.help = "life of an SCTP association after a SHUTDOWN from the side that was called",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_ACK_SENT] = {
		.name = "nf_conntrack_sctp_timeout_shutdown_ack_sent",
		.paths = NF_AND_IP("sctp_timeout_shutdown_ack_sent", 2, 6, 9),
		TIMEOUT,
		DEFAULT(3),
		.since = { 2, 6, 9 },
		.up = "slow closing exchanges are completed",
		.down = "closing associations leave the table sooner; below the round trip time the last packets are "
			"dropped",
		.help = "life of an SCTP association between SHUTDOWN ACK and SHUTDOWN COMPLETE",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_SENT] = {
		.name = "nf_conntrack_sctp_timeout_heartbeat_sent",
		.paths = { NF_PATH("sctp_timeout_heartbeat_sent", 4, 3, 0) },
		TIMEOUT,
		DEFAULT(30),
		.since = { 4, 3, 0 },
		.up = "slow secondary paths are accepted",
		.down = "probes of paths that don't answer leave the table sooner",
		.help = "life of a secondary path of an SCTP association whose HEARTBEAT has not been answered",
		.source = SCTP_C,
	},
	[CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_ACKED] = {
		.name = "nf_conntrack_sctp_timeout_heartbeat_acked",
		.paths = {
			{ .path = NF "sctp_timeout_heartbeat_acked", .since = { 4, 3, 0 }, .until = { 6, 1, 8 },
			  .writable = true },
		},
		TIMEOUT,
		DEFAULT(210),
		.default_text = "gone from later stable kernels of older series too",
		.since = { 4, 3, 0 }, .until = { 6, 1, 8 },
		.up = "idle secondary paths stay usable longer",
		.down = "dead secondary paths leave sooner; below the heartbeat interval (30 seconds and more) live "
			"ones are cut",
		.help = "life of a secondary path of an SCTP association that answers HEARTBEAT",
		.source = SCTP_C,
	},
#define DCCP_PATH(file) \
	{ { .path = NF "dccp_" file, .since = { 2, 6, 26 }, .until = { 6, 14, 0 }, .writable = true } }
	[CT_PARAM_DCCP_TIMEOUT_REQUEST] = {
		.name = "nf_conntrack_dccp_timeout_request",
		.paths = DCCP_PATH("timeout_request"),
		TIMEOUT,
		DEFAULT(240),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "slow set-ups succeed; floods of requests keep more entries",
		.down = "floods of requests leave the table sooner; slow set-ups fail",
		.help = "life of a DCCP connection whose REQUEST has not been answered",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_RESPOND] = {
		.name = "nf_conntrack_dccp_timeout_respond",
		.paths = DCCP_PATH("timeout_respond"),
		TIMEOUT,
		DEFAULT(480),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "slow set-ups succeed",
		.down = "unfinished set-ups leave the table sooner; slow ones fail",
		.help = "life of a DCCP connection after RESPONSE, until its acknowledgement",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_PARTOPEN] = {
		.name = "nf_conntrack_dccp_timeout_partopen",
		.paths = DCCP_PATH("timeout_partopen"),
		TIMEOUT,
		DEFAULT(480),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "slow set-ups succeed",
		.down = "unfinished set-ups leave the table sooner; slow ones fail",
		.help = "life of a DCCP connection whose client has acknowledged, until the server sends",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_OPEN] = {
		.name = "nf_conntrack_dccp_timeout_open",
		.paths = DCCP_PATH("timeout_open"),
		TIMEOUT,
		DEFAULT(43200),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "idle connections survive longer; so do dead ones",
		.down = "dead connections leave the table sooner; idle ones may be cut",
		.help = "life of an open DCCP connection after its last packet; 43200 is 12 hours",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_CLOSEREQ] = {
		.name = "nf_conntrack_dccp_timeout_closereq",
		.paths = DCCP_PATH("timeout_closereq"),
		TIMEOUT,
		DEFAULT(64),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "slow closing exchanges are completed",
		.down = "closing connections leave the table sooner",
		.help = "life of a DCCP connection after the server's CLOSEREQ",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_CLOSING] = {
		.name = "nf_conntrack_dccp_timeout_closing",
		.paths = DCCP_PATH("timeout_closing"),
		TIMEOUT,
		DEFAULT(64),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "slow closing exchanges are completed",
		.down = "closing connections leave the table sooner",
		.help = "life of a DCCP connection after CLOSE",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_TIMEOUT_TIMEWAIT] = {
		.name = "nf_conntrack_dccp_timeout_timewait",
		.paths = DCCP_PATH("timeout_timewait"),
		TIMEOUT,
		DEFAULT(240),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "late packets still belong to the connection",
		.down = "closed connections leave the table sooner; late packets become INVALID",
		.help = "life of a DCCP connection after its end",
		.source = DCCP_C,
	},
	[CT_PARAM_DCCP_LOOSE] = {
		.name = "nf_conntrack_dccp_loose",
		.paths = DCCP_PATH("loose"),
		SWITCH,
		DEFAULT(1),
		.since = { 2, 6, 26 }, .until = { 6, 14, 0 },
		.up = "connections that were open before tracking began are adopted from the middle",
		.down = "they are INVALID: after a restart or fail-over all open connections die",
		.takes_effect = NEW_ONLY,
		.help = "adopt DCCP connections whose beginning was not seen",
		.source = DCCP_C,
	},
#undef DCCP_PATH
	[CT_PARAM_GRE_TIMEOUT] = {
		.name = "nf_conntrack_gre_timeout",
		.paths = { NF_PATH("gre_timeout", 5, 0, 0) },
		TIMEOUT,
		DEFAULT(30),
		.default_text = "fixed at 30 before 5.0",
		.since = { 5, 0, 0 },
		.up = "slow first answers still come through",
		.down = "unanswered tunnels leave the table sooner",
		.help = "life of a GRE flow (PPTP and other tunnels) that has seen no answer",
		.source = GRE_C,
	},
	[CT_PARAM_GRE_TIMEOUT_STREAM] = {
		.name = "nf_conntrack_gre_timeout_stream",
		.paths = { NF_PATH("gre_timeout_stream", 5, 0, 0) },
		TIMEOUT,
		DEFAULT(180),
		.default_text = "fixed at 180 before 5.0",
		.since = { 5, 0, 0 },
		.up = "quiet tunnels stay open longer",
		.down = "ended tunnels leave the table sooner; below their keep-alive interval live ones are cut",
		.help = "life of a GRE flow with traffic both ways, after its last packet",
		.source = GRE_C,
	},
	[CT_PARAM_FRAG6_TIMEOUT] = {
		.name = "nf_conntrack_frag6_timeout",
		.paths = { NF_PATH("frag6_timeout", 2, 6, 15) },
		.unit = CT_UNIT_SECONDS, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		.min = 1, .max = INT_MAX / 1000,
		DEFAULT(60),
		.since = { 2, 6, 15 },
		.up = "fragments over slow paths are still put together; lost ones hold memory longer",
		.down = "memory is free sooner; packets whose fragments come late are lost",
		.takes_effect = "packets whose first fragment comes later",
		.help = "longest wait for the missing fragments of an IPv6 packet, before tracking; of module "
			"nf_defrag_ipv6",
		.source = FRAG6_C,
	},
	[CT_PARAM_FRAG6_LOW_THRESH] = {
		.name = "nf_conntrack_frag6_low_thresh",
		.paths = { NF_PATH("frag6_low_thresh", 2, 6, 15) },
		.unit = CT_UNIT_BYTES, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		/* the kernel keeps it at or below high_thresh */
		.min = 0, .max = INT_MAX,
		/* 192 and 256 KiB read in 3.6, 3 and 4 MiB today; the change, 3.9, was not read */
		DEFAULT_CHANGED(196608, 3145728, 3, 9, 0),
		.since = { 2, 6, 15 },
		.up = "fewer waiting fragments are thrown away once the upper threshold was reached",
		.down = "more of them are",
		.takes_effect = AT_ONCE,
		.help = "memory down to which waiting IPv6 fragments are thrown away; without effect since 4.17",
		.source = FRAG6_C,
	},
	[CT_PARAM_FRAG6_HIGH_THRESH] = {
		.name = "nf_conntrack_frag6_high_thresh",
		.paths = { NF_PATH("frag6_high_thresh", 2, 6, 15) },
		.unit = CT_UNIT_BYTES, .scope = CT_SCOPE_NETNS, .access = CT_ACCESS_WRITE,
		/* one packet of 65535 bytes must fit, with what the buffers around it take */
		.min = 131072, .max = INT_MAX,
		DEFAULT_CHANGED(262144, 4194304, 3, 9, 0),
		.since = { 2, 6, 15 },
		.up = "more fragmented IPv6 packets can wait at once; a flood of fragments takes more memory",
		.down = "less memory; beyond it fragments are dropped",
		.takes_effect = AT_ONCE,
		.help = "most memory for IPv6 fragments that wait to be put together before tracking",
		.source = FRAG6_C,
	},
	[CT_PARAM_FLOWTABLE_TCP_TIMEOUT] = {
		.name = "nf_flowtable_tcp_timeout",
		.paths = {
			{ .path = SYSCTL "net/netfilter/nf_flowtable_tcp_timeout", .since = { 5, 14, 0 },
			  .writable = true },
		},
		TIMEOUT,
		DEFAULT(30),
		.default_text = "only with CONFIG_NF_FLOW_TABLE",
		.since = { 5, 14, 0 },
		.up = "quiet TCP connections stay on the fast path longer",
		.down = "they return to normal forwarding sooner, where all rules see them",
		.help = "silence after which a TCP connection leaves the flow table and returns to connection tracking",
		.source = FLOWTABLE_C,
	},
	[CT_PARAM_FLOWTABLE_UDP_TIMEOUT] = {
		.name = "nf_flowtable_udp_timeout",
		.paths = {
			{ .path = SYSCTL "net/netfilter/nf_flowtable_udp_timeout", .since = { 5, 14, 0 },
			  .writable = true },
		},
		TIMEOUT,
		DEFAULT(30),
		.default_text = "only with CONFIG_NF_FLOW_TABLE",
		.since = { 5, 14, 0 },
		.up = "quiet UDP flows stay on the fast path longer",
		.down = "they return to normal forwarding sooner, where all rules see them",
		.help = "silence after which a UDP flow leaves the flow table and returns to connection tracking",
		.source = FLOWTABLE_C,
	},
	[CT_PARAM_HOOKS_LWTUNNEL] = {
		.name = "nf_hooks_lwtunnel",
		.paths = {
			{ .path = SYSCTL "net/netfilter/nf_hooks_lwtunnel", .since = { 5, 15, 0 }, .writable = true },
		},
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE, .min = 0, .max = 1,
		DEFAULT(0),
		.since = { 5, 15, 0 },
		.up = "inner packets of light-weight tunnels (SRv6) pass the netfilter hooks and are tracked too",
		.down = "not possible: once on, it stays on until the next boot",
		.takes_effect = AT_ONCE,
		.help = "netfilter hooks for light-weight tunnels; not conntrack itself, but in the same directory",
		.source = "net/netfilter/nf_hooks_lwtunnel.c",
	},
	[CT_PARAM_MODULE_EXPECT_HASHSIZE] = {
		.name = "nf_conntrack.expect_hashsize",
		.paths = { { .path = MODULE "expect_hashsize", .since = { 2, 6, 23 } } },
		.unit = CT_UNIT_BUCKETS, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_LOAD,
		.min = 1, .max = INT_MAX / 8,
		.default_text = "buckets / 256, at least 1, rounded up to a whole page",
		.since = { 2, 6, 23 },
		.up = "shorter chains of expectations; nf_conntrack_expect_max becomes 4 times the number given",
		.down = "less memory, fewer expectations",
		.takes_effect = AT_LOAD,
		.help = "lists in the hash table of expectations",
		.source = "net/netfilter/nf_conntrack_expect.c",
	},
	[CT_PARAM_MODULE_ACCT] = {
		.name = "nf_conntrack.acct",
		.paths = { { .path = MODULE "acct", .since = { 2, 6, 27 }, .writable = true } },
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE, .min = 0, .max = 1,
		DEFAULT(0),
		.since = { 2, 6, 27 },
		.up = "namespaces made later start with nf_conntrack_acct = 1",
		.down = "they start with 0",
		.takes_effect = "namespaces made later",
		.help = "first value of nf_conntrack_acct in a network namespace; reads as Y or N",
		.source = "net/netfilter/nf_conntrack_acct.c",
	},
	[CT_PARAM_MODULE_TSTAMP] = {
		.name = "nf_conntrack.tstamp",
		.paths = { { .path = MODULE "tstamp", .since = { 2, 6, 39 }, .writable = true } },
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE, .min = 0, .max = 1,
		DEFAULT(0),
		.since = { 2, 6, 39 },
		.up = "namespaces made later start with nf_conntrack_timestamp = 1",
		.down = "they start with 0",
		.takes_effect = "namespaces made later",
		.help = "first value of nf_conntrack_timestamp in a network namespace; reads as Y or N",
		.source = "net/netfilter/nf_conntrack_timestamp.c",
	},
	[CT_PARAM_MODULE_ENABLE_HOOKS] = {
		.name = "nf_conntrack.enable_hooks",
		/* mode 0000: no file */
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_LOAD, .min = 0, .max = 1,
		DEFAULT(0),
		.since = { 5, 2, 0 },
		.up = "every network namespace tracks connections from its start, rules or not",
		.down = "a namespace tracks once a rule needs it",
		.takes_effect = AT_LOAD,
		.help = "track connections without any rule that asks for it; given when the module loads, not "
			"readable",
		.source = STANDALONE_C,
	},
	[CT_PARAM_MODULE_NF_CONNTRACK_HELPER] = {
		.name = "nf_conntrack.nf_conntrack_helper",
		.paths = {
			{ .path = MODULE "nf_conntrack_helper", .since = { 3, 5, 0 }, .until = { 6, 0, 0 },
			  .writable = true },
		},
		.unit = CT_UNIT_BOOLEAN, .scope = CT_SCOPE_HOST, .access = CT_ACCESS_WRITE, .min = 0, .max = 1,
		DEFAULT_CHANGED(1, 0, 4, 7, 0),
		.since = { 3, 5, 0 }, .until = { 6, 0, 0 },
		.up = "namespaces made later start with nf_conntrack_helper = 1",
		.down = "they start with 0",
		.takes_effect = "namespaces made later",
		.help = "first value of nf_conntrack_helper in a network namespace; reads as Y or N",
		.source = "net/netfilter/nf_conntrack_helper.c",
	},
};

const struct ct_param *ct_param_get(enum ct_param_id id)
{
	return (unsigned)id < CT_PARAM__COUNT ? &params[id] : NULL;
}

static bool same(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

static const char *without(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) ? name : name + n;
}

/* "tcp_loose", "flowtable_tcp_timeout", "enable_hooks". */
static const char *short_name(const char *name)
{
	const char *s = without(without(name, "nf_conntrack_"), "nf_conntrack.");

	return s == name ? without(name, "nf_") : s;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_named(const struct ct_param *p, const char *key)
{
	return same(key, p->name) || same(key, short_name(p->name)) || same(key, without(p->name, "nf_")) ||
	       (p->alias && same(key, p->alias));
}

/* @key "nf_conntrack/hashsize" and @path "sys/module/nf_conntrack/parameters/hashsize". */
static bool is_parameter(const char *key, const char *path)
{
	const char *module = without(path, "sys/module/");
	size_t n = strcspn(module, "/");

	return module != path && strncasecmp(key, module, n) == 0 && key[n] == '/' &&
	       same(key + n + 1, last_part(path));
}

static bool is_at(const struct ct_param *p, const char *key)
{
	for (const struct ct_param_path *at = p->paths; at->path; at++)
		if (same(key, at->path) || same(key, without(at->path, SYSCTL)) || same(key, last_part(at->path)) ||
		    is_parameter(key, at->path))
			return true;
	return false;
}

/* Longest text that is compared; no name or path of the table comes near. */
#define KEY_MAX 96

/* "/proc/sys/net.netfilter.nf_conntrack_max" -> "proc/sys/net/netfilter/nf_conntrack_max" */
static void slashes_only(const char *text, char key[KEY_MAX])
{
	size_t n;

	text += *text == '/';
	n = strnlen(text, KEY_MAX - 1);
	for (size_t i = 0; i < n; i++)
		key[i] = text[i] == '.' ? '/' : text[i];
	key[n] = '\0';
}

/* Insertions, deletions and exchanges that lead from @a to @b (Levenshtein); @b is shorter than KEY_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[KEY_MAX];
	size_t n = strlen(b);

	for (size_t i = 0; i <= n; i++)
		row[i] = (unsigned)i;
	for (; *a; a++) {
		unsigned diagonal = row[0]++;

		for (size_t i = 1; i <= n; i++) {
			unsigned best = diagonal + (*a != b[i - 1]);

			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			diagonal = row[i];
			row[i] = best;
		}
	}
	return row[n];
}

/* A part of a name that somebody remembers ("established") is as near as a name with one wrong letter. */
static unsigned how_far(const struct ct_param *p, const char *key)
{
	unsigned full = distance(p->name, key), brief = distance(short_name(p->name), key);

	if (strlen(key) >= 3 && strstr(p->name, key))
		return 1;
	return full < brief ? full : brief;
}

static const struct ct_param *nearest(const char *key)
{
	const struct ct_param *best = &params[0];
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < CT_PARAM__COUNT; i++) {
		unsigned far = how_far(&params[i], key);

		if (far < least) {
			least = far;
			best = &params[i];
		}
	}
	return best;
}

int ct_param_by_name(const char *name, enum ct_param_id *ret, struct ct_err *err)
{
	char key[KEY_MAX];

	slashes_only(name, key);
	for (size_t i = 0; i < CT_PARAM__COUNT; i++) {
		if (is_named(&params[i], name) || is_at(&params[i], key)) {
			*ret = (enum ct_param_id)i;
			return 0;
		}
	}
	return ct_err_set(err, -ENOENT, "no tunable is called '%.96s'; the nearest is %s", name,
			  nearest(last_part(key))->name);
}

bool ct_param_exists(const struct ct_param *p, const struct ct_kver *v)
{
	return ct_kver_within(v, &p->since, &p->until);
}

int ct_param_default(const struct ct_param *p, const struct ct_kver *v, int64_t *ret)
{
	static const struct ct_kver no_end;

	if (!ct_param_exists(p, v))
		return -ENODATA;
	for (size_t i = p->default_count; i-- > 0;) {
		if (ct_kver_within(v, &p->defaults[i].since, &no_end)) {
			*ret = p->defaults[i].value;
			return 0;
		}
	}
	return -ENODATA;
}

bool ct_param_is_default(const struct ct_param *p, const struct ct_kver *v, int64_t value)
{
	int64_t standard;

	if (ct_param_default(p, v, &standard) < 0)
		return false;
	for (size_t i = 0; i < p->default_count; i++)
		if (p->defaults[i].backported && value == p->defaults[i].value)
			return true;
	return value == standard;
}

/* nf_conntrack_events got its 2 with 5.19; before, the kernel refuses it or takes it for a 1. */
static int64_t largest(const struct ct_param *p, const struct ct_kver *v)
{
	static const struct ct_kver since = { 5, 19, 0 }, no_end;

	return p == &params[CT_PARAM_EVENTS] && !ct_kver_within(v, &since, &no_end) ? 1 : p->max;
}

int ct_param_check(const struct ct_param *p, const struct ct_kver *v, int64_t value, struct ct_err *err)
{
	int64_t max = largest(p, v);
	const char *unit = ct_unit_name(p->unit);

	if (!ct_param_exists(p, v))
		return ct_err_set(err, -EOPNOTSUPP, "%s: Linux %u.%u.%u doesn't have it", p->name, v->major, v->minor,
				  v->patch);
	if (p->access == CT_ACCESS_READ)
		return ct_err_set(err, -EROFS, "%s: %lld can't be written, it is a reading", p->name, (long long)value);
	if (value < p->min || value > max)
		return ct_err_set(err, -ERANGE, "%s: %lld is outside %lld .. %lld%s%s", p->name, (long long)value,
				  (long long)p->min, (long long)max, *unit ? " " : "", unit);
	return 0;
}

const char *ct_unit_name(enum ct_unit unit)
{
	switch (unit) {
	case CT_UNIT_NUMBER:
	case CT_UNIT_BOOLEAN:
		break;
	case CT_UNIT_ENTRIES:
		return "entries";
	case CT_UNIT_BUCKETS:
		return "buckets";
	case CT_UNIT_SECONDS:
		return "seconds";
	case CT_UNIT_BYTES:
		return "bytes";
	}
	return "";
}
