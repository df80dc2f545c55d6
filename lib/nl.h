/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to ctnetlink and all that comes back: sequence numbers, errors, time-outs. libmnl stays behind this. */
#ifndef CONNTUNE_NL_H
#define CONNTUNE_NL_H

#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <conntune/err.h>

/* Receive buffer: what the kernel puts into one read of a dump at most. */
#define CT_NL_BUFFER 65536

/**
 * struct ct_nl - a netlink socket, or a test's end of a socket pair
 * @fd:      read and written; -1: closed
 * @mnl:     owner of @fd, NULL in tests
 * @portid:  our address; answers to others are skipped
 * @seq:     of the last request; older answers are skipped
 * @buf:     CT_NL_BUFFER bytes
 */
struct ct_nl {
	int fd;
	struct mnl_socket *mnl;
	uint32_t portid, seq;
	char *buf;
};

#define CT_NL_CLOSED { .fd = -1 }

/* A socket in the caller's network namespace. Returns: 0; -EPERM, -EPROTONOSUPPORT ... from socket(2); -ENOMEM. */
int ct_nl_open(struct ct_nl *nl, struct ct_err *err);

/* Take over @fd, which is closed by ct_nl_close(). Returns: 0; -ENOMEM. */
int ct_nl_attach(struct ct_nl *nl, int fd, uint32_t portid, struct ct_err *err);
void ct_nl_close(struct ct_nl *nl);

/**
 * ct_nl_ask - send a request without attributes, hand each answer to @cb
 * @type:  subsystem << 8 | message
 * @flags: NLM_F_DUMP, or 0; NLM_F_REQUEST is added, and NLM_F_ACK without NLM_F_DUMP, because the answer to
 *         IPCTNL_MSG_CT_GET_STATS is marked as part of several and no NLMSG_DONE follows
 * @cb:    returns MNL_CB_OK to go on, or MNL_CB_ERROR with errno set
 * Returns: 0 at the end of the answers; -EPERM and whatever else the kernel says; -EBADMSG for an answer that
 *          isn't one; -ENOBUFS if answers were lost; -ETIMEDOUT after a second of silence, or if only others' answers come.
 */
int ct_nl_ask(struct ct_nl *nl, uint16_t type, uint16_t flags, mnl_cb_t cb, void *data, struct ct_err *err);

/* Bytes of a request with its attributes, at most. */
#define CT_NL_REQUEST_MAX 512

/**
 * struct ct_nl_request - a question with more to it
 * @put:   may set the family and append attributes, CT_NL_REQUEST_MAX bytes in all; may be NULL
 * @pause: called between two reads of the answers; may sleep: a dump goes on where it was; may be NULL
 * Both get what the answers' callback gets.
 */
struct ct_nl_request {
	uint16_t type, flags;
	void (*put)(struct nlmsghdr *h, void *data);
	void (*pause)(void *data);
};

/* As ct_nl_ask(). */
int ct_nl_request(struct ct_nl *nl, const struct ct_nl_request *request, mnl_cb_t cb, void *data, struct ct_err *err);

#endif
