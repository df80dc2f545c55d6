/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the census: one entry from a message, the filter, the bounded table, values as text. */
#ifndef CONNTUNE_CENSUS_INTERNAL_H
#define CONNTUNE_CENSUS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <conntune/census.h>
#include <conntune/kernel.h>
#include "nl.h"

/* ---- one entry */

/* Nested attributes that cost time and aren't always needed. */
#define CT_ENTRY_WANT_COUNTERS 1U
#define CT_ENTRY_WANT_START 2U

/**
 * struct ct_entry - what a census looks at; host byte order
 * @src, @dst: into the message: 4 bytes (AF_INET) or 16 (AF_INET6); NULL if there are none
 * @state:     as the protocol numbers it
 * @packets, @bytes: both directions together
 * @start_nsec: since 1970; 0: not known
 */
struct ct_entry {
	const uint8_t *src, *dst;
	uint8_t family, proto, state;
	bool has_state, has_ports, has_counters, has_timeout;
	uint16_t sport, dport, zone;
	uint32_t status, mark, timeout;
	uint64_t packets, bytes, start_nsec;
};

/**
 * ct_entry_parse - read an IPCTNL_MSG_CT_NEW message where it lies
 * @h:    a whole message: nlmsg_len bytes can be read
 * Returns: 0; -EBADMSG if lengths don't fit together. Unknown attributes are skipped.
 */
int ct_entry_parse(const struct nlmsghdr *h, unsigned want, struct ct_entry *ret);

/* ---- names */

/* Names of states, all protocols together: TCP's and SCTP's "established" are the same. 0: none. */
#define CT_STATE_NAMES 24
unsigned ct_entry_state_id(const struct ct_entry *entry);
const char *ct_state_id_name(unsigned id);                      /* NULL: no such */

/* "tcp"; NULL if the number has no name here. */
const char *ct_proto_name(uint8_t proto);
int ct_proto_by_name(const char *name, uint8_t *ret);           /* 0; -EINVAL. Numbers too. */

/* What conntrack(8) shows as [ASSURED], nothing, [UNREPLIED]. */
enum ct_assured {
	CT_UNREPLIED,
	CT_REPLIED,
	CT_ASSURED,
};
enum ct_assured ct_entry_assured(const struct ct_entry *entry);
const char *ct_assured_name(enum ct_assured assured);

/* Classes of seconds, for age and time left. */
#define CT_CLASS_UNKNOWN 255
uint8_t ct_class_of(uint64_t seconds);
const char *ct_class_name(uint8_t class_number);                /* NULL: no such */

/* ---- filter */

#define CT_FILTER_TERMS 32

enum ct_filter_field {
	CT_FILTER_FAMILY,
	CT_FILTER_PROTO,
	CT_FILTER_STATE,
	CT_FILTER_ASSURED,
	CT_FILTER_SRC,
	CT_FILTER_DST,
	CT_FILTER_SPORT,
	CT_FILTER_DPORT,
	CT_FILTER_ZONE,
	CT_FILTER_MARK,
	CT_FILTER_FIELD__COUNT
};

/**
 * struct ct_filter_term - one condition
 * @low, @high: both included; AF_, protocol, state id, bits 1 << enum ct_assured (@low only), port, zone
 * @low, @high: mark: value and mask
 * @address, @family, @bits: src and dst
 */
struct ct_filter_term {
	enum ct_filter_field field;
	bool negated;
	uint32_t low, high;
	uint8_t family, bits;
	uint8_t address[16];
};

struct ct_filter {
	struct ct_filter_term term[CT_FILTER_TERMS];
	unsigned count;
};

int ct_filter_parse(const char *text, struct ct_filter *ret, struct ct_err *err);
bool ct_filter_match(const struct ct_filter *filter, const struct ct_entry *entry);

/**
 * ct_filter_put - let the kernel do what it does right
 * @kernel: attributes that it doesn't know are left out, as it would send everything
 * Sets the request's family and appends attributes; ct_filter_match() is needed all the same.
 * Returns: something was put, so that the kernel may refuse.
 */
bool ct_filter_put(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h);

/* ---- bounded table of groups */

/* Bytes for groups and their index: with the program, its libraries and the receive buffer far below 8 MiB. */
#define CT_TALLIES_BYTES ((size_t)2 << 20)

struct ct_tally {
	uint64_t entries, error, packets, bytes;
	uint64_t key[];
};

/**
 * struct ct_tallies - groups, exact while they fit
 * Then those with the fewest entries make room, a quarter at a time. @offset is the most that any group which went
 * may have had; a group that comes (again) starts with it as its error.
 * @index: open addressing, number of the tally + 1, 0 is free; twice as many as tallies at least
 */
struct ct_tallies {
	size_t words, stride, capacity, used;
	uint32_t *index, index_mask;
	char *slots;
	uint64_t offset;
	uint64_t seed[2];
};

/* @words: 64-bit words of a key, 1 or more. Returns: 0; -ENOMEM. */
int ct_tallies_init(struct ct_tallies *t, size_t words, size_t capacity);
void ct_tallies_done(struct ct_tallies *t);
void ct_tallies_clear(struct ct_tallies *t);

/* Tallies that CT_TALLIES_BYTES have room for. */
size_t ct_tallies_capacity(size_t words);

/* Counts one; never fails. */
struct ct_tally *ct_tallies_add(struct ct_tallies *t, const uint64_t *key);

static inline struct ct_tally *ct_tallies_at(const struct ct_tallies *t, size_t i)
{
	return (struct ct_tally *)(void *)(t->slots + i * t->stride);
}

/* ---- idle time */

/* Seconds by protocol and state; 0 where not known. */
struct ct_idle_table {
	uint32_t tcp[16], sctp[16], dccp[16];
	uint32_t udp[2], udplite[2], gre[2];                    /* [assured] */
	uint32_t icmp, icmpv6, generic;
	uint32_t tcp_ceiling[2];                                /* the lower first */
};

void ct_idle_table_fill(struct ct_idle_table *ret, const struct ct_facts *facts);

/* What is left of the entry's time doesn't matter. */
void ct_entry_timeout(const struct ct_idle_table *table, const struct ct_entry *entry, struct ct_census_timeout *ret);

/* Seconds without a packet, at least. Returns: it can be told. */
bool ct_entry_idle(const struct ct_idle_table *table, const struct ct_entry *entry, uint32_t *ret);

/* ---- the census itself, for its tests */

/* How ct_census_run() gets at its peer: a socket pair in tests. */
typedef int (*ct_census_connect_fn)(struct ct_nl *nl, void *data, struct ct_err *err);
void ct_census_set_connect(struct ct_census *census, ct_census_connect_fn connect, void *data);

/* One message of a dump. Returns: 0; -EBADMSG. */
int ct_census_count(struct ct_census *census, const struct nlmsghdr *h);

#endif
