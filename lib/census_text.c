/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of protocols, states and classes of time, and how long an entry has been idle. */
#include "config.h"
#include "census_internal.h"
#include "util.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <linux/netfilter/nf_conntrack_common.h>

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP }, { "dccp", IPPROTO_DCCP }, { "gre", IPPROTO_GRE }, { "udplite", IPPROTO_UDPLITE },
	{ "esp", IPPROTO_ESP }, { "ah", IPPROTO_AH }, { "igmp", IPPROTO_IGMP }, { "ipip", IPPROTO_IPIP },
	{ "ospf", 89 }, { "vrrp", 112 },
};

const char *ct_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ct_array_size(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return NULL;
}

int ct_proto_by_name(const char *name, uint8_t *ret)
{
	uint64_t v;

	for (size_t i = 0; i < ct_array_size(protos); i++)
		if (strcasecmp(protos[i].name, name) == 0) {
			*ret = protos[i].proto;
			return 0;
		}
	if (ct_parse_u64(name, &v) < 0 || v > UINT8_MAX)
		return -EINVAL;
	*ret = (uint8_t)v;
	return 0;
}

enum state_name {
	NO_STATE, NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2,
	CLOSED, COOKIE_WAIT, COOKIE_ECHOED, SHUTDOWN_SENT, SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, HEARTBEAT_SENT,
	HEARTBEAT_ACKED, REQUEST, RESPOND, PARTOPEN, OPEN, CLOSEREQ, CLOSING, OTHER, STATE_NAME__COUNT
};

static const char *const state_names[STATE_NAME__COUNT] = {
	[NONE] = "none", [SYN_SENT] = "syn_sent", [SYN_RECV] = "syn_recv", [ESTABLISHED] = "established",
	[FIN_WAIT] = "fin_wait", [CLOSE_WAIT] = "close_wait", [LAST_ACK] = "last_ack", [TIME_WAIT] = "time_wait",
	[CLOSE] = "close", [SYN_SENT2] = "syn_sent2", [CLOSED] = "closed", [COOKIE_WAIT] = "cookie_wait",
	[COOKIE_ECHOED] = "cookie_echoed", [SHUTDOWN_SENT] = "shutdown_sent", [SHUTDOWN_RECD] = "shutdown_recd",
	[SHUTDOWN_ACK_SENT] = "shutdown_ack_sent", [HEARTBEAT_SENT] = "heartbeat_sent",
	[HEARTBEAT_ACKED] = "heartbeat_acked", [REQUEST] = "request", [RESPOND] = "respond", [PARTOPEN] = "partopen",
	[OPEN] = "open", [CLOSEREQ] = "closereq", [CLOSING] = "closing", [OTHER] = "other",
};

/* As the kernel numbers them; Linux 6.14 for DCCP, which is gone in 6.17. */
static const uint8_t tcp_states[] = { NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT,
				      CLOSE, SYN_SENT2 };
static const uint8_t sctp_states[] = { NONE, CLOSED, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_SENT,
				       SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, HEARTBEAT_SENT, HEARTBEAT_ACKED };
static const uint8_t dccp_states[] = { NONE, REQUEST, RESPOND, PARTOPEN, OPEN, CLOSEREQ, CLOSING, TIME_WAIT };

unsigned ct_entry_state_id(const struct ct_entry *entry)
{
	const uint8_t state = entry->state;

	if (!entry->has_state)
		return NO_STATE;
	switch (entry->proto) {
	case IPPROTO_TCP:
		return state < sizeof(tcp_states) ? tcp_states[state] : OTHER;
	case IPPROTO_SCTP:
		return state < sizeof(sctp_states) ? sctp_states[state] : OTHER;
	case IPPROTO_DCCP:
		return state < sizeof(dccp_states) ? dccp_states[state] : OTHER;
	}
	return OTHER;
}

const char *ct_state_id_name(unsigned id)
{
	return id < STATE_NAME__COUNT ? state_names[id] : NULL;
}

enum ct_assured ct_entry_assured(const struct ct_entry *entry)
{
	if (entry->status & IPS_ASSURED)
		return CT_ASSURED;
	return entry->status & IPS_SEEN_REPLY ? CT_REPLIED : CT_UNREPLIED;
}

const char *ct_assured_name(enum ct_assured assured)
{
	switch (assured) {
	case CT_UNREPLIED:
		return "unreplied";
	case CT_REPLIED:
		return "replied";
	case CT_ASSURED:
		return "assured";
	}
	return NULL;
}

/* @below: seconds at which the next class begins. */
static const struct {
	uint64_t below;
	const char *name;
} classes[] = {
	{ 10, "below 10 s" }, { 60, "10 s to 1 min" }, { 600, "1 to 10 min" }, { 3600, "10 min to 1 h" },
	{ 6 * 3600, "1 to 6 h" }, { 86400, "6 h to 1 day" }, { 5 * 86400, "1 to 5 days" },
	{ UINT64_MAX, "5 days or more" },
};

uint8_t ct_class_of(uint64_t seconds)
{
	uint8_t i = 0;

	while (i + 1U < ct_array_size(classes) && seconds >= classes[i].below)
		i++;
	return i;
}

const char *ct_class_name(uint8_t class_number)
{
	return class_number < ct_array_size(classes) ? classes[class_number].name : NULL;
}

/* 0 where not known or senseless: the kernel takes negative ones. */
static uint32_t setting(const struct ct_facts *facts, enum ct_param_id id)
{
	const struct ct_value *v = &facts->value[id];

	return v->known && v->v > 0 && v->v <= UINT32_MAX ? (uint32_t)v->v : 0;
}

/* States that no setting belongs to stay 0. */
static void fill_states(const struct ct_facts *facts, const int *ids, size_t n, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i + 1] = setting(facts, (enum ct_param_id)ids[i]);
}

void ct_idle_table_fill(struct ct_idle_table *ret, const struct ct_facts *facts)
{
	static const int tcp[] = {
		CT_PARAM_TCP_TIMEOUT_SYN_SENT, CT_PARAM_TCP_TIMEOUT_SYN_RECV, CT_PARAM_TCP_TIMEOUT_ESTABLISHED,
		CT_PARAM_TCP_TIMEOUT_FIN_WAIT, CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT, CT_PARAM_TCP_TIMEOUT_LAST_ACK,
		CT_PARAM_TCP_TIMEOUT_TIME_WAIT, CT_PARAM_TCP_TIMEOUT_CLOSE, CT_PARAM_TCP_TIMEOUT_SYN_SENT,
	};
	static const int sctp[] = {
		CT_PARAM_SCTP_TIMEOUT_CLOSED, CT_PARAM_SCTP_TIMEOUT_COOKIE_WAIT, CT_PARAM_SCTP_TIMEOUT_COOKIE_ECHOED,
		CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_SENT,
		CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_RECD, CT_PARAM_SCTP_TIMEOUT_SHUTDOWN_ACK_SENT,
		CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_SENT, CT_PARAM_SCTP_TIMEOUT_HEARTBEAT_ACKED,
	};
	static const int dccp[] = {
		CT_PARAM_DCCP_TIMEOUT_REQUEST, CT_PARAM_DCCP_TIMEOUT_RESPOND, CT_PARAM_DCCP_TIMEOUT_PARTOPEN,
		CT_PARAM_DCCP_TIMEOUT_OPEN, CT_PARAM_DCCP_TIMEOUT_CLOSEREQ, CT_PARAM_DCCP_TIMEOUT_CLOSING,
		CT_PARAM_DCCP_TIMEOUT_TIMEWAIT,
	};
	uint32_t retrans = setting(facts, CT_PARAM_TCP_TIMEOUT_MAX_RETRANS);
	uint32_t unacknowledged = setting(facts, CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED);

	*ret = (struct ct_idle_table){
		.udp = { setting(facts, CT_PARAM_UDP_TIMEOUT), setting(facts, CT_PARAM_UDP_TIMEOUT_STREAM) },
		.udplite = { setting(facts, CT_PARAM_UDPLITE_TIMEOUT), setting(facts, CT_PARAM_UDPLITE_TIMEOUT_STREAM) },
		.gre = { setting(facts, CT_PARAM_GRE_TIMEOUT), setting(facts, CT_PARAM_GRE_TIMEOUT_STREAM) },
		.icmp = setting(facts, CT_PARAM_ICMP_TIMEOUT),
		.icmpv6 = setting(facts, CT_PARAM_ICMPV6_TIMEOUT),
		.generic = setting(facts, CT_PARAM_GENERIC_TIMEOUT),
		.tcp_ceiling = { retrans < unacknowledged ? retrans : unacknowledged,
				 retrans < unacknowledged ? unacknowledged : retrans },
	};
	fill_states(facts, tcp, ct_array_size(tcp), ret->tcp);
	fill_states(facts, sctp, ct_array_size(sctp), ret->sctp);
	fill_states(facts, dccp, ct_array_size(dccp), ret->dccp);
}

static uint32_t timeout_of(const struct ct_idle_table *t, const struct ct_entry *e)
{
	const unsigned state = e->state < ct_array_size(t->tcp) ? e->state : 0, assured = ct_entry_assured(e) == CT_ASSURED;

	switch (e->proto) {
	case IPPROTO_TCP:
		return t->tcp[state];
	case IPPROTO_UDP:
		return t->udp[assured];
	case IPPROTO_UDPLITE:
		return t->udplite[assured] ? t->udplite[assured] : t->udp[assured];
	case IPPROTO_ICMP:
		return t->icmp;
	case IPPROTO_ICMPV6:
		return t->icmpv6;
	case IPPROTO_GRE:
		return t->gre[assured];
	case IPPROTO_SCTP:
		return t->sctp[state];
	case IPPROTO_DCCP:
		return t->dccp[state];
	}
	return t->generic;
}

void ct_entry_timeout(const struct ct_idle_table *table, const struct ct_entry *entry, struct ct_census_timeout *ret)
{
	*ret = (struct ct_census_timeout){
		.seconds = timeout_of(table, entry),
		.has_ceiling = entry->proto == IPPROTO_TCP,
		.ceiling = { table->tcp_ceiling[0], table->tcp_ceiling[1] },
	};
}

/* TCP that waits for an acknowledgement: the lowest time-out that explains what is left. */
static uint32_t in_force(const struct ct_census_timeout *t, uint32_t left)
{
	for (size_t i = 0; t->has_ceiling && i < ct_array_size(t->ceiling); i++)
		if (left <= t->ceiling[i] && t->ceiling[i] < t->seconds)
			return t->ceiling[i];
	return t->seconds;
}

bool ct_entry_idle(const struct ct_idle_table *table, const struct ct_entry *entry, uint32_t *ret)
{
	/* offloaded entries are kept alive by their flow table, those of fixed time-out don't start anew with a packet */
	const uint32_t other_rules = IPS_OFFLOAD | IPS_HW_OFFLOAD | IPS_FIXED_TIMEOUT;
	struct ct_census_timeout kind;
	uint32_t timeout;

	if (!entry->has_timeout || entry->status & other_rules)
		return false;
	ct_entry_timeout(table, entry, &kind);
	timeout = in_force(&kind, entry->timeout);
	if (timeout == 0 || entry->timeout > timeout)
		return false;
	*ret = timeout - entry->timeout;
	return true;
}
