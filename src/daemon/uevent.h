/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's word that the connection tracking module came or went. */
#ifndef CONNTUNED_UEVENT_H
#define CONNTUNED_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <conntune/err.h>

enum uevent {
	UEVENT_OTHER,                   /* nothing of ours */
	UEVENT_ADDED,                   /* nf_conntrack; from 5.11 after its start, until 5.10 before: files come soon */
	UEVENT_REMOVED,
	UEVENT_NETLINK,                 /* nf_conntrack_netlink came or went: counters may be asked another way */
	UEVENT_LOST,                    /* the socket ran over: anything may have happened */
};

/*
 * A socket that is readable only for those: a filter in the kernel keeps all other devices from waking us. No privilege
 * is needed. Returns the descriptor, or a negative errno.
 */
int uevent_open(struct ct_err *err);

/* Lets through what begins with "add@/module/nf_c" or "remove@.../nf_"; the rest is for uevent_parse(). 0 or -errno. */
int uevent_filter(int fd);

/* The next one that waits. Returns: 1; 0: none waits; -errno. */
int uevent_read(int fd, enum uevent *ret);

/* Pure: what the first line ("add@/module/nf_conntrack") says. @n: bytes, which need not end in NUL. */
enum uevent uevent_parse(const char *text, size_t n);

#endif
