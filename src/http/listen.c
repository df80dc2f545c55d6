/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses are numbers: names would ask a resolver, and might mean something else tomorrow. */
#include "config.h"
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Those that the kernel has let in and we haven't yet: a flood of them shall not have a scraper's first packet dropped.
 */
#define BACKLOG 1024

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static int fail(struct ct_err *err, int code, const char *what, const char *address, const char *why)
{
	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "%s '%.120s': %s", what, address,
			       why ? why : strerror(-code));
	}
	return code;
}

/* 0 is one that the kernel chooses. */
static bool read_port(const char *text, in_port_t *ret)
{
	size_t n = strlen(text);
	unsigned long port;

	if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
		return false;
	port = strtoul(text, NULL, 10);
	if (port > UINT16_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

static bool read_unix(const char *text, union address *ret, socklen_t *n)
{
	if (text[0] != '/' || strlen(text) >= sizeof(ret->un.sun_path))
		return false;
	ret->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->un.sun_path, sizeof(ret->un.sun_path), "%s", text);
	*n = sizeof(ret->un);
	return true;
}

/* Between two characters, in a buffer of its own. */
static bool cut(char *buffer, size_t size, const char *begin, const char *end)
{
	if (end < begin || (size_t)(end - begin) >= size)
		return false;
	memcpy(buffer, begin, (size_t)(end - begin));
	buffer[end - begin] = '\0';
	return true;
}

static bool read_ip(const char *text, union address *ret, socklen_t *n)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	in_port_t port;

	if (!read_port(colon ? colon + 1 : text, &port))
		return false;
	if (colon && text[0] == '[') {
		ret->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
		*n = sizeof(ret->in6);
		return colon[-1] == ']' && cut(host, sizeof(host), text + 1, colon - 1) &&
		       inet_pton(AF_INET6, host, &ret->in6.sin6_addr) == 1;
	}
	if (colon && !cut(host, sizeof(host), text, colon))
		return false;
	ret->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
	*n = sizeof(ret->in);
	return inet_pton(AF_INET, host, &ret->in.sin_addr) == 1;
}

/* One that a process before us has left, or that nobody listens on any more. */
static void remove_stale(const union address *address, socklen_t n)
{
	struct stat st;
	int fd;

	if (address->any.sa_family != AF_UNIX || lstat(address->un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &address->any, n) < 0 && errno == ECONNREFUSED)
		(void)unlink(address->un.sun_path);
	(void)close(fd);
}

/* Everybody on this machine may ask, whatever the umask is, as with a socket unit without SocketMode=. */
static int bind_to(int fd, const union address *address, socklen_t n)
{
	mode_t before = umask(0111);
	int r = bind(fd, &address->any, n);

	(void)umask(before);
	return r;
}

static int open_socket(const union address *address, socklen_t n)
{
	const int yes = 1, no = 0;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	if (address->any.sa_family != AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	/* [::] is every address there is, whatever this machine's preset is */
	if (address->any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	if (bind_to(fd, address, n) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static bool is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->in.sin_addr.s_addr) >> 24 == 127;
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

static void write_name(char *name, size_t size, const union address *address)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		(void)snprintf(name, size, "%s:%u", host, ntohs(address->in.sin_port));
	} else if (address->any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		(void)snprintf(name, size, "[%s]:%u", host, ntohs(address->in6.sin6_port));
	} else {
		/* an abstract one begins with a zero byte, and then has no name that one could use */
		(void)snprintf(name, size, "%s", address->un.sun_path[0] ? address->un.sun_path : "unix socket");
	}
}

/* A socket that listens into the next row. */
static int take(struct listen_set *set, int fd)
{
	union address address = { .any.sa_family = AF_UNSPEC };
	socklen_t n = sizeof(address);
	struct listen_socket *s = &set->socket[set->n];

	if (getsockname(fd, &address.any, &n) < 0)
		return -errno;
	if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6 && address.any.sa_family != AF_UNIX)
		return -EBADF;
	*s = (struct listen_socket){ .fd = fd,
				     .local = address.any.sa_family == AF_UNIX,
				     .loopback = is_loopback(&address) };
	write_name(s->name, sizeof(s->name), &address);
	set->n++;
	return 0;
}

int listen_add(struct listen_set *set, const char *address, struct ct_err *err)
{
	union address a;
	socklen_t n;
	int fd, r;

	if (set->n == LISTEN_MAX)
		return fail(err, -E2BIG, "can't listen on", address, "there are too many addresses");
	if (!read_unix(address, &a, &n) && !read_ip(address, &a, &n))
		return fail(err, -EINVAL, "can't listen on", address,
			    "not ADDRESS:PORT, [ADDRESS]:PORT, PORT or /PATH, in numbers");
	remove_stale(&a, n);
	fd = open_socket(&a, n);
	if (fd < 0)
		return fail(err, fd, "can't listen on", address, NULL);
	r = take(set, fd);
	if (r < 0) {
		(void)close(fd);
		return fail(err, r, "can't listen on", address, NULL);
	}
	if (a.any.sa_family == AF_UNIX)
		(void)snprintf(set->socket[set->n - 1].path, sizeof(set->socket[0].path), "%s", a.un.sun_path);
	return 0;
}

static bool is_stream_that_listens(int fd)
{
	int type = 0, listens = 0;
	socklen_t n = sizeof(type), m = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &m) == 0 && listens;
}

int listen_inherit(struct listen_set *set, int first, int n, struct ct_err *err)
{
	for (int fd = first; fd < first + n; fd++) {
		char name[24];
		int flags = fcntl(fd, F_GETFL);

		(void)snprintf(name, sizeof(name), "%d", fd);
		if (set->n == LISTEN_MAX)
			return fail(err, -E2BIG, "inherited descriptor", name, "there are too many sockets");
		if (flags < 0 || !is_stream_that_listens(fd) || take(set, fd) < 0)
			return fail(err, -EBADF, "inherited descriptor", name, "not a stream socket that listens");
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

void listen_close(struct listen_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->socket[i].path[0])
			(void)unlink(set->socket[i].path);
		(void)close(set->socket[i].fd);
	}
	set->n = 0;
}
