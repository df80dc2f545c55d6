/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel events of module nf_conntrack, and of no other device. */
#include "config.h"
#include "uevent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Group of the kernel itself; udev's own is another one, and comes later or never. */
#define KERNEL_GROUP 1

#define MODULE "/module/nf_conntrack"

enum uevent uevent_parse(const char *text, size_t n)
{
	static const char add[] = "add@" MODULE, remove[] = "remove@" MODULE;
	size_t length = strnlen(text, n);
	const char *rest;
	bool added = length >= sizeof(add) - 1 && memcmp(text, add, sizeof(add) - 1) == 0;
	bool removed = length >= sizeof(remove) - 1 && memcmp(text, remove, sizeof(remove) - 1) == 0;

	if (!added && !removed)
		return UEVENT_OTHER;
	rest = text + (added ? sizeof(add) : sizeof(remove)) - 1;
	length -= (size_t)(rest - text);
	if (length == 0)
		return added ? UEVENT_ADDED : UEVENT_REMOVED;
	return length == strlen("_netlink") && memcmp(rest, "_netlink", length) == 0 ? UEVENT_NETLINK : UEVENT_OTHER;
}

static uint32_t word(const char *four)
{
	uint32_t v;

	memcpy(&v, four, sizeof(v));
	return ntohl(v);
}

/* Loads are of four bytes in network order, beyond the end they end with 0; jumps count what is left out. */
int uevent_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("add@"), 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("/mod"), 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("ule/"), 0, 8),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("nf_c"), 5, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("remo"), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("ve@/"), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 14),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word("/nf_"), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int fail(int fd, struct ct_err *err)
{
	int code = -errno;

	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "cannot listen to kernel events: %s", strerror(errno));
	}
	if (fd >= 0)
		(void)close(fd);
	return code;
}

int uevent_open(struct ct_err *err)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	/* without the filter it works too, with more wake-ups */
	if (fd < 0 || ((void)uevent_filter(fd), bind(fd, (const void *)&address, sizeof(address)) < 0))
		return fail(fd, err);
	return fd;
}

int uevent_read(int fd, enum uevent *ret)
{
	struct sockaddr_nl from = { 0 };
	char text[2048];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, 0);

	*ret = UEVENT_OTHER;
	if (n < 0 && errno == ENOBUFS)
		*ret = UEVENT_LOST;
	else if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	else if (from.nl_pid == 0)
		*ret = uevent_parse(text, (size_t)n);
	return 1;
}
