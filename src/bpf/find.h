/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries by which the kernel finds the bucket array, and through which network namespaces. */
#ifndef CONNTUNE_FIND_H
#define CONNTUNE_FIND_H

#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>

#define FIND_TUPLES_MAX 32

/* One TCP or UDP connection; addresses and ports of the original direction, as struct bpf_sock_tuple has them. */
struct find_tuple {
	uint8_t bytes[36];
	uint32_t length;                /* 12: IPv4, 36: IPv6 */
	uint8_t protocol;
};

/* Fill @err (may be NULL) and hand @code back. */
int find_fail(struct ct_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A number from a file below /proc/sys/net/netfilter, of the calling thread's network namespace. 0 or a negative errno. */
int find_sysctl(const char *name, uint64_t *ret);

/* The first few connections of this network namespace, FIND_TUPLES_MAX at most. Returns their number, or a negative errno. */
int find_tuples(struct find_tuple *tuples, struct ct_err *err);

/**
 * find_in_namespaces - call @visit in this network namespace, then in each other one that has entries
 * Named ones (/run/netns) and those of processes, each once, as far as they may be entered. Ends in the namespace it began in.
 * @visit: returns 0 to go on, anything else to end; a negative errno is an error, with @err set
 * @entries: sum of the entries of all namespaces seen
 * Returns: what @visit said last, or a negative errno.
 */
int find_in_namespaces(int (*visit)(void *data, struct ct_err *err), void *data, uint64_t *entries, struct ct_err *err);

#endif
