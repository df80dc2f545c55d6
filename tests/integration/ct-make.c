/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ct-make SPEC...: makes entries in this network namespace, through ctnetlink: no packet, no rule, all known.
 * SPEC: words NAME=VALUE, blanks between them:
 *   n=COUNT first=N proto=NUMBER src=ADDRESS dst=ADDRESS ports=P dport=PORT state=NUMBER status=BITS zone=Z mark=M
 *   timeout=SECONDS adjust=BYTES pause=USEC
 * Entry i (from N on, 0 unless given) is from address src + i / ports, port 1024 + i % ports (P is 60000 unless given);
 * adjust: what NAT of a helper adds to the sequence numbers; pause: between two hundreds.
 * Says how many the kernel refused because their chain is too long.
 *
 * ct-entries N [FIRST [USEC]]: the same program; UDP, 10.x.x.x asks 192.0.2.53, a thousand ports each.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define BATCH 100
#define MESSAGE_MAX 512

struct spec {
	uint32_t n, first, proto, ports, dport, state, status, zone, mark, timeout, adjust, pause;
	uint8_t family, src[16], dst[16];
};

static void die(const char *what, const char *value)
{
	fprintf(stderr, "ct-make: %s '%s': %s\n", what, value, strerror(errno));
	exit(EXIT_FAILURE);
}

static void set_address(struct spec *s, uint8_t *address, const char *text)
{
	s->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	errno = EINVAL;
	if (inet_pton(s->family, text, address) != 1)
		die("address", text);
}

static void set(struct spec *s, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint32_t *into;
	} numbers[] = {
		{ "n", &s->n }, { "proto", &s->proto }, { "ports", &s->ports }, { "dport", &s->dport },
		{ "state", &s->state }, { "status", &s->status }, { "zone", &s->zone }, { "mark", &s->mark },
		{ "timeout", &s->timeout }, { "first", &s->first }, { "adjust", &s->adjust }, { "pause", &s->pause },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].name, name) == 0) {
			*numbers[i].into = (uint32_t)strtoul(value, NULL, 0);
			return;
		}
	set_address(s, strcmp(name, "src") == 0 ? s->src : s->dst, value);
}

static struct spec parse(char *text)
{
	struct spec s = { .n = 1, .proto = IPPROTO_UDP, .ports = 60000, .dport = 53, .timeout = 3600, .state = UINT32_MAX };
	char *rest, *word = strtok_r(text, " ", &rest);

	for (; word; word = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(word, '=');

		errno = EINVAL;
		if (!value)
			die("no value for", word);
		*value++ = '\0';
		set(&s, word, value);
	}
	return s;
}

/* @address + @i, by its last 32 bits. */
static void put_address(struct nlmsghdr *h, const struct spec *s, bool is_src, const uint8_t *address, uint32_t i)
{
	const size_t n = s->family == AF_INET ? 4 : 16;
	uint8_t copy[16];
	uint32_t last;
	uint16_t type = s->family == AF_INET ? is_src ? CTA_IP_V4_SRC : CTA_IP_V4_DST : is_src ? CTA_IP_V6_SRC : CTA_IP_V6_DST;

	memcpy(copy, address, n);
	memcpy(&last, copy + n - 4, 4);
	last = htonl(ntohl(last) + i);
	memcpy(copy + n - 4, &last, 4);
	mnl_attr_put(h, type, n, copy);
}

static bool is_icmp(const struct spec *s)
{
	return s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6;
}

/* Echo and its reply; the identifier stands for the port. */
static void put_icmp(struct nlmsghdr *h, const struct spec *s, bool reply, uint16_t id)
{
	const bool ipv4 = s->proto == IPPROTO_ICMP;

	mnl_attr_put_u16(h, ipv4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, htons(id));
	mnl_attr_put_u8(h, ipv4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, ipv4 ? reply ? 0 : 8 : reply ? 129 : 128);
	mnl_attr_put_u8(h, ipv4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, 0);
}

static void put_tuple(struct nlmsghdr *h, const struct spec *s, uint32_t i, bool reply)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	uint16_t sport = (uint16_t)(1024 + i % s->ports), dport = (uint16_t)s->dport;

	put_address(h, s, !reply, s->src, i / s->ports);
	put_address(h, s, reply, s->dst, 0);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, (uint8_t)s->proto);
	if (is_icmp(s)) {
		put_icmp(h, s, reply, sport);
	} else {
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(reply ? dport : sport));
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(reply ? sport : dport));
	}
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

static void put_state(struct nlmsghdr *h, const struct spec *s)
{
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO), *part;

	if (s->proto == IPPROTO_SCTP) {
		part = mnl_attr_nest_start(h, CTA_PROTOINFO_SCTP);
		mnl_attr_put_u8(h, CTA_PROTOINFO_SCTP_STATE, (uint8_t)s->state);
		mnl_attr_put_u32(h, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, htonl(1));
		mnl_attr_put_u32(h, CTA_PROTOINFO_SCTP_VTAG_REPLY, htonl(1));
	} else {
		part = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, (uint8_t)s->state);
	}
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, info);
}

static void put_adjustment(struct nlmsghdr *h, uint32_t bytes)
{
	struct nlattr *part = mnl_attr_nest_start(h, CTA_SEQ_ADJ_ORIG);

	mnl_attr_put_u32(h, CTA_SEQADJ_CORRECTION_POS, htonl(1));
	mnl_attr_put_u32(h, CTA_SEQADJ_OFFSET_BEFORE, htonl(0));
	mnl_attr_put_u32(h, CTA_SEQADJ_OFFSET_AFTER, htonl(bytes));
	mnl_attr_nest_end(h, part);
}

static size_t put_entry(char *buffer, const struct spec *s, uint32_t i, bool ack)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0));
	h->nlmsg_seq = i + 1;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = s->family;
	g->version = NFNETLINK_V0;
	put_tuple(h, s, i, false);
	put_tuple(h, s, i, true);
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(s->timeout));
	if (s->status)
		mnl_attr_put_u32(h, CTA_STATUS, htonl(s->status | IPS_CONFIRMED));
	if (s->mark)
		mnl_attr_put_u32(h, CTA_MARK, htonl(s->mark));
	if (s->zone)
		mnl_attr_put_u16(h, CTA_ZONE, htons((uint16_t)s->zone));
	if (s->state != UINT32_MAX)
		put_state(h, s);
	if (s->adjust)
		put_adjustment(h, s->adjust);
	return h->nlmsg_len;
}

/* Answers in @buffer: refusals (the chain is too long) are counted. 1: the last message is answered, 0: not yet, or -1. */
static int count_refused(const char *buffer, size_t length, uint32_t last, uint32_t *refused)
{
	const struct nlmsghdr *h = (const void *)buffer;
	int left = (int)length;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_type != NLMSG_ERROR)
			continue;
		if (e->error && e->error != -ENOSPC) {
			errno = -e->error;
			return -1;
		}
		*refused += e->error != 0;
		if (h->nlmsg_seq == last)
			return 1;
	}
	return 0;
}

/* Sends a batch; only the last message is answered, and those that are refused. */
static int flush(struct mnl_socket *nl, const char *batch, size_t length, uint32_t last, uint32_t *refused)
{
	char answer[8192];
	ssize_t n;
	int r = 0;

	if (mnl_socket_sendto(nl, batch, length) < 0)
		return -1;
	while (r == 0) {
		n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
		r = n < 0 ? -1 : count_refused(answer, (size_t)n, last, refused);
	}
	return r;
}

static int make(struct mnl_socket *nl, const struct spec *s)
{
	static char batch[BATCH * MESSAGE_MAX];
	uint32_t refused = 0;
	size_t length = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		bool last = i % BATCH == BATCH - 1 || i == s->n - 1;

		length += put_entry(batch + length, s, s->first + i, last);
		if (!last)
			continue;
		if (flush(nl, batch, length, s->first + i + 1, &refused) < 0)
			return -1;
		length = 0;
		if (s->pause)
			(void)usleep(s->pause);
	}
	if (refused)
		printf("%u refused\n", refused);
	return 0;
}

static void make_all(struct mnl_socket *nl, const char *text)
{
	char *copy = strdup(text);
	struct spec s = parse(copy);

	if (make(nl, &s) < 0)
		die("entries", text);
	free(copy);
}

/* The words of ct-entries as a SPEC. */
static const char *spec_of(int argc, char **argv)
{
	static char text[200];

	(void)snprintf(text, sizeof(text), "n=%s first=%s pause=%s src=10.0.0.0 dst=192.0.2.53 ports=1000",
		       argv[1], argc > 2 ? argv[2] : "0", argc > 3 ? argv[3] : "0");
	return text;
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink socket", "");
	if (argc > 1 && !strchr(argv[1], '='))
		make_all(nl, spec_of(argc, argv));
	else
		for (int i = 1; i < argc; i++)
			make_all(nl, argv[i]);
	(void)mnl_socket_close(nl);
	return EXIT_SUCCESS;
}
