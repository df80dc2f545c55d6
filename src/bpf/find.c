/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries that lead to the bucket array, and the network namespaces where entries may be. */
#include "config.h"
#include "find.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

int find_fail(struct ct_err *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
	va_end(ap);
	return code;
}

int find_sysctl(const char *name, uint64_t *ret)
{
	char path[96], text[32];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	*ret = strtoull(text, NULL, 10);
	return 0;
}

struct tuples {
	struct find_tuple *tuple;
	int n;
};

/* Attributes by type, up to @max. */
struct attributes {
	const struct nlattr *type[CTA_MAX + 1];
	uint16_t max;
};

static int store(const struct nlattr *a, void *data)
{
	struct attributes *attributes = data;

	if (mnl_attr_get_type(a) <= attributes->max)
		attributes->type[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static struct attributes children(const struct nlattr *nest, uint16_t max)
{
	struct attributes a = { .max = max };

	if (nest)
		(void)mnl_attr_parse_nested(nest, store, &a);
	return a;
}

static bool copy(struct find_tuple *t, const struct nlattr *a, size_t bytes)
{
	if (!a || mnl_attr_get_payload_len(a) != bytes)
		return false;
	memcpy(t->bytes + t->length, mnl_attr_get_payload(a), bytes);
	t->length += (uint32_t)bytes;
	return true;
}

/* False for what the kernel's look-up doesn't take: other protocols. */
static bool parse_tuple(const struct nlattr *nest, struct find_tuple *t)
{
	const struct attributes part = children(nest, CTA_TUPLE_MAX);
	const struct attributes ip = children(part.type[CTA_TUPLE_IP], CTA_IP_MAX);
	const struct attributes proto = children(part.type[CTA_TUPLE_PROTO], CTA_PROTO_MAX);
	const struct nlattr *number = proto.type[CTA_PROTO_NUM];

	if (part.type[CTA_TUPLE_ZONE] || !number || mnl_attr_get_payload_len(number) != 1)
		return false;
	*t = (struct find_tuple){ .protocol = mnl_attr_get_u8(number) };
	if (t->protocol != IPPROTO_TCP && t->protocol != IPPROTO_UDP)
		return false;
	if (!(copy(t, ip.type[CTA_IP_V4_SRC], 4) && copy(t, ip.type[CTA_IP_V4_DST], 4)) &&
	    !(copy(t, ip.type[CTA_IP_V6_SRC], 16) && copy(t, ip.type[CTA_IP_V6_DST], 16)))
		return false;
	return copy(t, proto.type[CTA_PROTO_SRC_PORT], 2) && copy(t, proto.type[CTA_PROTO_DST_PORT], 2);
}

static int on_entry(const struct nlmsghdr *nlh, void *data)
{
	struct attributes a = { .max = CTA_MAX };
	struct tuples *tuples = data;

	(void)mnl_attr_parse(nlh, sizeof(struct nfgenmsg), store, &a);
	/* the look-up of older kernels knows the default zone only */
	if (a.type[CTA_TUPLE_ORIG] && !a.type[CTA_ZONE] && parse_tuple(a.type[CTA_TUPLE_ORIG], &tuples->tuple[tuples->n]))
		tuples->n++;
	return tuples->n < FIND_TUPLES_MAX ? MNL_CB_OK : MNL_CB_STOP;
}

static int dump(struct mnl_socket *nl, struct tuples *tuples)
{
	char buffer[32768];
	const struct timeval patience = { .tv_sec = 5 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg;
	unsigned seq = (unsigned)time(NULL), port;
	ssize_t n;
	int r;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	(void)setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	port = mnl_socket_get_portid(nl);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)n, seq, port, on_entry, tuples);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

/* The dump isn't read to its end: closing the socket ends it. */
int find_tuples(struct find_tuple *tuple, struct ct_err *err)
{
	struct tuples tuples = { .tuple = tuple };
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	int r;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	else
		r = dump(nl, &tuples);
	if (nl)
		(void)mnl_socket_close(nl);
	if (r == -EPERM)
		return find_fail(err, r, "entries can't be asked for: no CAP_NET_ADMIN in this network namespace");
	if (r < 0)
		return find_fail(err, r, "entries can't be asked for over netlink: %s", strerror(-r));
	return tuples.n;
}

/* Network namespaces by inode, so that each is entered once. */
struct seen {
	ino_t *inode;
	size_t n;
};

/* False if it was there already, or there is no memory to tell. */
static bool seen_add(struct seen *seen, ino_t inode)
{
	ino_t *grown;

	for (size_t i = 0; i < seen->n; i++)
		if (seen->inode[i] == inode)
			return false;
	grown = realloc(seen->inode, (seen->n + 1) * sizeof(*grown));
	if (!grown)
		return false;
	grown[seen->n++] = inode;
	seen->inode = grown;
	return true;
}

static int visit_here(int (*visit)(void *data, struct ct_err *err), void *data, uint64_t *entries, struct ct_err *err)
{
	uint64_t count = 0;

	if (find_sysctl("nf_conntrack_count", &count) < 0 || count == 0)
		return 0;
	*entries += count;
	return visit(data, err);
}

static int visit_all(int home, struct seen *seen, const glob_t *paths, int (*visit)(void *data, struct ct_err *err),
		     void *data, uint64_t *entries, struct ct_err *err)
{
	int r = visit_here(visit, data, entries, err);

	for (size_t i = 0; r == 0 && i < paths->gl_pathc; i++) {
		int fd = open(paths->gl_pathv[i], O_RDONLY | O_CLOEXEC);
		struct stat st;

		if (fd < 0)
			continue;
		/* one that may not be entered is as good as none */
		if (fstat(fd, &st) == 0 && seen_add(seen, st.st_ino) && setns(fd, CLONE_NEWNET) == 0) {
			r = visit_here(visit, data, entries, err);
			if (setns(home, CLONE_NEWNET) < 0)
				r = find_fail(err, -errno, "no way back to the network namespace: %s", strerror(errno));
		}
		(void)close(fd);
	}
	return r;
}

int find_in_namespaces(int (*visit)(void *data, struct ct_err *err), void *data, uint64_t *entries, struct ct_err *err)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), r;
	struct seen seen = { 0 };
	glob_t paths = { 0 };
	struct stat st;

	*entries = 0;
	if (home < 0 || fstat(home, &st) < 0)
		return visit_here(visit, data, entries, err);
	(void)seen_add(&seen, st.st_ino);
	(void)glob("/run/netns/*", GLOB_NOSORT, NULL, &paths);
	(void)glob("/proc/[0-9]*/ns/net", GLOB_NOSORT | GLOB_APPEND, NULL, &paths);
	r = visit_all(home, &seen, &paths, visit, data, entries, err);
	globfree(&paths);
	free(seen.inode);
	(void)close(home);
	return r;
}
