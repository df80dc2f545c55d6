/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink peer that isn't the kernel: what it will answer is queued on a socket pair before the question is asked. */
#ifndef CONNTUNE_TEST_PEER_H
#define CONNTUNE_TEST_PEER_H

#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include "nl.h"

#define PEER_PORT 4711

struct peer {
	struct ct_nl nl;                /* the end that is tested */
	int fd;                         /* ours */
	char text[2 * CT_NL_BUFFER];    /* the datagram that is being made */
	size_t length;
	struct nlmsghdr *last;
};

static inline void peer_open(struct peer *p)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(ct_nl_attach(&p->nl, fd[0], PEER_PORT, NULL), 0);
	p->fd = fd[1];
	p->length = 0;
}

static inline void peer_close(struct peer *p)
{
	ct_nl_close(&p->nl);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}

/* A message behind those that are there: header only. */
static inline struct nlmsghdr *peer_put(struct peer *p, uint16_t type, uint16_t flags, uint32_t seq)
{
	p->last = mnl_nlmsg_put_header(p->text + p->length);
	p->last->nlmsg_type = type;
	p->last->nlmsg_flags = flags;
	p->last->nlmsg_seq = seq;
	p->last->nlmsg_pid = PEER_PORT;
	p->length += p->last->nlmsg_len;
	return p->last;
}

/* @n bytes at its end. */
static inline void *peer_extend(struct peer *p, size_t n)
{
	void *room = mnl_nlmsg_put_extra_header(p->last, n);

	p->length += MNL_ALIGN(n);
	return room;
}

/* An answer as ctnetlink has them: @cpu in its header. */
static inline void peer_answer(struct peer *p, uint16_t type, uint16_t flags, uint32_t seq, uint16_t cpu)
{
	struct nfgenmsg *g;

	(void)peer_put(p, type, flags, seq);
	g = peer_extend(p, sizeof(*g));
	g->version = NFNETLINK_V0;
	g->res_id = htons(cpu);
}

static inline void peer_u32(struct peer *p, uint16_t type, uint32_t v)
{
	size_t before = p->last->nlmsg_len;

	mnl_attr_put_u32(p->last, type, htonl(v));
	p->length += p->last->nlmsg_len - before;
}

/* NLMSG_ERROR; 0 is an acknowledgement. */
static inline void peer_error(struct peer *p, int code, uint32_t seq)
{
	struct nlmsgerr *e;

	(void)peer_put(p, NLMSG_ERROR, 0, seq);
	e = peer_extend(p, sizeof(*e));
	e->error = code;
}

static inline void peer_done(struct peer *p, int code, uint32_t seq)
{
	(void)peer_put(p, NLMSG_DONE, NLM_F_MULTI, seq);
	memcpy(peer_extend(p, sizeof(code)), &code, sizeof(code));
}

/* Queue what was put together. */
static inline void peer_send(struct peer *p)
{
	ck_assert_int_eq(send(p->fd, p->text, p->length, 0), (ssize_t)p->length);
	p->length = 0;
}

/* The next request that was sent to us; false: there is none. */
static inline bool peer_asked(struct peer *p, struct nlmsghdr *ret)
{
	char text[256];
	ssize_t n = recv(p->fd, text, sizeof(text), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(*ret))
		return false;
	memcpy(ret, text, sizeof(*ret));
	ck_assert_uint_eq(ret->nlmsg_len, (size_t)n);
	return true;
}

#endif
