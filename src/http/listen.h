/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets to listen on: inherited from the service manager or from conntuned, or made from addresses. */
#ifndef CONNTUNED_HTTP_LISTEN_H
#define CONNTUNED_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <conntune/err.h>

#define LISTEN_MAX 16
#define LISTEN_PORT 9877

/**
 * struct listen_socket
 * @local:  a unix socket; @loopback: 127.0.0.0/8 or ::1 only
 * @path:   of a unix socket that we made, to be removed in the end; "": none
 * @name:   as one would write it, "127.0.0.1:9877"
 */
struct listen_socket {
	int fd;
	bool local, loopback;
	char path[108], name[128];
};

struct listen_set {
	size_t n;
	struct listen_socket socket[LISTEN_MAX];
};

/**
 * listen_add - make one
 * @address: "127.0.0.1:9877", "[::1]:9877", "9877" (127.0.0.1), "[::]:9877", "/run/x.sock"; no host names.
 * A unix socket has mode 0666.
 * Returns: 0; -EINVAL; errors of socket(2), bind(2), listen(2); -E2BIG: there are LISTEN_MAX.
 */
int listen_add(struct listen_set *set, const char *address, struct ct_err *err);

/* Those that were inherited: @n descriptors from @first on. Returns 0; -EBADF: one isn't a stream socket that listens.
 */
int listen_inherit(struct listen_set *set, int first, int n, struct ct_err *err);

void listen_close(struct listen_set *set);

#endif
