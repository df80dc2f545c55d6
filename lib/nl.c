/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to ctnetlink and all that comes back. */
#include "config.h"
#include "nl.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

/* Answers to others, or to questions we gave up on, that are skipped before silence is assumed. */
#define STRANGERS_MAX 1024

/* Above it no kernel has an error code. */
#define ERRNO_MAX 4095

int ct_nl_attach(struct ct_nl *nl, int fd, uint32_t portid, struct ct_err *err)
{
	const struct timeval second = { .tv_sec = 1 };
	char *buf = malloc(CT_NL_BUFFER);

	if (!buf)
		return ct_err_set(err, -ENOMEM, "out of memory");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	*nl = (struct ct_nl){ .fd = fd, .portid = portid, .buf = buf };
	return 0;
}

int ct_nl_open(struct ct_nl *nl, struct ct_err *err)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct mnl_socket *mnl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r;

	if (!mnl)
		return ct_err_set(err, -errno, "cannot open a netlink socket: %m");
	/* connected: takes messages from the kernel only, whoever else may send */
	if (mnl_socket_bind(mnl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    connect(mnl_socket_get_fd(mnl), (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		r = ct_err_set(err, -errno, "cannot bind or connect a netlink socket: %m");
	else
		r = ct_nl_attach(nl, mnl_socket_get_fd(mnl), mnl_socket_get_portid(mnl), err);
	if (r < 0)
		(void)mnl_socket_close(mnl);
	else
		nl->mnl = mnl;
	return r;
}

void ct_nl_close(struct ct_nl *nl)
{
	if (nl->mnl)
		(void)mnl_socket_close(nl->mnl);
	else
		ct_closep(&nl->fd);
	free(nl->buf);
	*nl = (struct ct_nl)CT_NL_CLOSED;
}

static int send_request(struct ct_nl *nl, const struct ct_nl_request *request, void *data)
{
	uint32_t text[CT_NL_REQUEST_MAX / sizeof(uint32_t)] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(text);
	struct nfgenmsg *g;

	h->nlmsg_type = request->type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | request->flags | (request->flags & NLM_F_DUMP ? 0 : NLM_F_ACK));
	/* 0 would match any answer */
	nl->seq = nl->seq == UINT32_MAX ? 1 : nl->seq + 1;
	h->nlmsg_seq = nl->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->version = NFNETLINK_V0;
	if (request->put)
		request->put(h, data);
	return send(nl->fd, h, h->nlmsg_len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One datagram; its length, or a negative errno. MSG_TRUNC: longer than a kernel's answer can be. */
static ssize_t receive(struct ct_nl *nl)
{
	ssize_t n;

	do {
		n = recv(nl->fd, nl->buf, CT_NL_BUFFER, MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0 || n > CT_NL_BUFFER)
		return -EBADMSG;
	return n;
}

/* The error that NLMSG_DONE carries where a dump ended early; older kernels send nothing with it. */
static int done_error(const struct nlmsghdr *h)
{
	const int32_t *code = mnl_nlmsg_get_payload(h);

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*code) || *code >= 0)
		return 0;
	return *code < -ERRNO_MAX ? -EBADMSG : *code;
}

/* mnl_nlmsg_ok() takes lengths above INT_MAX for negative ones, and them for fine. */
static bool is_whole(const struct nlmsghdr *h, int left)
{
	return mnl_nlmsg_ok(h, left) && h->nlmsg_len <= (uint32_t)left;
}

/* What mnl_cb_run() doesn't look at: messages that claim more than there is, losses, and how a dump ended. */
static int check(const struct ct_nl *nl, ssize_t n)
{
	const struct nlmsghdr *h = (const void *)nl->buf;
	int left = (int)n, r = 0;

	for (; r == 0 && is_whole(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_type == NLMSG_OVERRUN)
			r = -ENOBUFS;
		else if (h->nlmsg_type == NLMSG_DONE && h->nlmsg_seq == nl->seq)
			r = done_error(h);
	}
	return r == 0 && left > 0 ? -EBADMSG : r;
}

/* An answer to somebody else, or to a question that we gave up on. */
static bool is_stranger(const struct ct_nl *nl)
{
	const struct nlmsghdr *h = (const void *)nl->buf;

	return !mnl_nlmsg_portid_ok(h, nl->portid) || !mnl_nlmsg_seq_ok(h, nl->seq);
}

static int receive_all(struct ct_nl *nl, const struct ct_nl_request *request, mnl_cb_t cb, void *data)
{
	unsigned strangers = 0;
	int r = MNL_CB_OK;

	while (r > MNL_CB_STOP) {
		ssize_t n = receive(nl);

		r = n < 0 ? (int)n : check(nl, n);
		if (r < 0)
			return r;
		r = MNL_CB_OK;
		if (!is_stranger(nl))
			r = mnl_cb_run(nl->buf, (size_t)n, nl->seq, nl->portid, cb, data);
		else if (++strangers > STRANGERS_MAX)
			return -ETIMEDOUT;
		if (request->pause && r > MNL_CB_STOP)
			request->pause(data);
	}
	if (r >= 0)
		return 0;
	return errno > 0 && errno <= ERRNO_MAX ? -errno : -EBADMSG;
}

int ct_nl_request(struct ct_nl *nl, const struct ct_nl_request *request, mnl_cb_t cb, void *data, struct ct_err *err)
{
	int r = send_request(nl, request, data);

	if (r == 0)
		r = receive_all(nl, request, cb, data);
	if (r == 0)
		return 0;
	errno = -r;
	return ct_err_set(err, r, "ctnetlink request 0x%04x failed: %m", request->type);
}

int ct_nl_ask(struct ct_nl *nl, uint16_t type, uint16_t flags, mnl_cb_t cb, void *data, struct ct_err *err)
{
	const struct ct_nl_request request = { .type = type, .flags = flags };

	return ct_nl_request(nl, &request, cb, data, err);
}
