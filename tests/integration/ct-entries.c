/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ct-entries N [FIRST [USEC]]: N UDP entries in this network namespace, through ctnetlink, USEC between two hundreds;
 * says how many were refused because their chain is too long. */
#include "config.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define BATCH 100
#define MESSAGE_MAX 256
#define TIMEOUT_SECONDS 3600

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, uint32_t from, uint32_t to, uint16_t sport, uint16_t dport)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(from));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, htonl(to));
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(sport));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(dport));
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

/* Entry number @i: 10.x.x.x asks 192.0.2.53, each from its own address and port. */
static size_t put_entry(char *buffer, uint32_t i, bool ack)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	uint32_t from = (10U << 24) + i / 1000, to = 0xc0000235;
	uint16_t sport = (uint16_t)(1024 + i % 1000);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0));
	nlh->nlmsg_seq = i + 1;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	put_tuple(nlh, CTA_TUPLE_ORIG, from, to, sport, 53);
	put_tuple(nlh, CTA_TUPLE_REPLY, to, from, 53, sport);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(TIMEOUT_SECONDS));
	return nlh->nlmsg_len;
}

/* Answers in @buffer: refusals (the chain is too long) are counted. 1: the last message is answered, 0: not yet, or -1. */
static int count_refused(const char *buffer, size_t length, uint32_t last, uint32_t *refused)
{
	const struct nlmsghdr *nlh = (const void *)buffer;
	int left = (int)length;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		if (e->error && e->error != -ENOSPC) {
			errno = -e->error;
			return -1;
		}
		*refused += e->error != 0;
		if (nlh->nlmsg_seq == last)
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

static int make(struct mnl_socket *nl, uint32_t first, uint32_t count, unsigned pause_usec)
{
	static char batch[BATCH * MESSAGE_MAX];
	uint32_t refused = 0;
	size_t length = 0;

	for (uint32_t i = 0; i < count; i++) {
		bool last = i % BATCH == BATCH - 1 || i == count - 1;

		length += put_entry(batch + length, first + i, last);
		if (!last)
			continue;
		if (flush(nl, batch, length, first + i + 1, &refused) < 0)
			return -1;
		length = 0;
		if (pause_usec)
			(void)usleep(pause_usec);
	}
	if (refused)
		printf("%u refused\n", refused);
	return 0;
}

int main(int argc, char **argv)
{
	long number[3] = { 0 }, count, first;
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	int r = -1;

	for (int i = 1; i < argc && i < 4; i++)
		number[i - 1] = strtol(argv[i], NULL, 10);
	count = number[0];
	first = number[1];
	if (count > 0 && first >= 0 && count + first <= 16000000 && nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0)
		r = make(nl, (uint32_t)first, (uint32_t)count, (unsigned)number[2]);
	if (r < 0)
		fprintf(stderr, "ct-entries: %s\n", strerror(errno));
	if (nl)
		(void)mnl_socket_close(nl);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
