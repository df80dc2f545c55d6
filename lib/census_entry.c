/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry of a dump, read where it lies in the receive buffer. Written out rather than through libmnl's callbacks:
 * a census may cost 15 % of what the kernel needs for the dump, some 100 ns an entry.
 */
#include "config.h"
#include "census_internal.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* Attributes from @at up to @end. */
struct attrs {
	const char *at, *end;
};

static inline size_t payload_length(const struct nlattr *a)
{
	return a->nla_len - sizeof(*a);
}

static inline const char *payload(const struct nlattr *a)
{
	return (const char *)a + sizeof(*a);
}

/* The next one; NULL at the end, or where lengths are wrong: then @at isn't @end. */
static inline const struct nlattr *next(struct attrs *s)
{
	const struct nlattr *a = (const void *)s->at;
	size_t left = (size_t)(s->end - s->at), step;

	if (left < sizeof(*a) || a->nla_len < sizeof(*a) || a->nla_len > left)
		return NULL;
	step = NLA_ALIGN(a->nla_len);
	s->at += step < left ? step : left;
	return a;
}

static inline struct attrs inside(const struct nlattr *a)
{
	return (struct attrs){ .at = payload(a), .end = payload(a) + payload_length(a) };
}

static inline unsigned type_of(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline int ended(const struct attrs *s)
{
	return s->at == s->end ? 0 : -EBADMSG;
}

static inline int get_u8(const struct nlattr *a, uint8_t *ret)
{
	if (payload_length(a) < sizeof(*ret))
		return -EBADMSG;
	*ret = (uint8_t)*payload(a);
	return 0;
}

static inline int get_be16(const struct nlattr *a, uint16_t *ret)
{
	uint16_t v;

	if (payload_length(a) < sizeof(v))
		return -EBADMSG;
	memcpy(&v, payload(a), sizeof(v));
	*ret = be16toh(v);
	return 0;
}

static inline int get_be32(const struct nlattr *a, uint32_t *ret)
{
	uint32_t v;

	if (payload_length(a) < sizeof(v))
		return -EBADMSG;
	memcpy(&v, payload(a), sizeof(v));
	*ret = be32toh(v);
	return 0;
}

static inline int get_be64(const struct nlattr *a, uint64_t *ret)
{
	uint64_t v;

	if (payload_length(a) < sizeof(v))
		return -EBADMSG;
	memcpy(&v, payload(a), sizeof(v));
	*ret = be64toh(v);
	return 0;
}

/* Both addresses must be of the family that the message says. */
static inline int get_address(const struct nlattr *a, const struct ct_entry *e, uint8_t family, const uint8_t **ret)
{
	if (payload_length(a) != (family == AF_INET ? 4 : 16) || e->family != family)
		return -EBADMSG;
	*ret = (const uint8_t *)payload(a);
	return 0;
}

static inline int parse_addresses(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest);
	const struct nlattr *a;
	int r = 0;

	while (r == 0 && (a = next(&s)))
		switch (type_of(a)) {
		case CTA_IP_V4_SRC:
			r = get_address(a, e, AF_INET, &e->src);
			break;
		case CTA_IP_V4_DST:
			r = get_address(a, e, AF_INET, &e->dst);
			break;
		case CTA_IP_V6_SRC:
			r = get_address(a, e, AF_INET6, &e->src);
			break;
		case CTA_IP_V6_DST:
			r = get_address(a, e, AF_INET6, &e->dst);
			break;
		}
	return r ? r : ended(&s);
}

static inline int parse_protocol(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest);
	const struct nlattr *a;
	int r = 0;

	while (r == 0 && (a = next(&s)))
		switch (type_of(a)) {
		case CTA_PROTO_NUM:
			r = get_u8(a, &e->proto);
			break;
		case CTA_PROTO_SRC_PORT:
			r = get_be16(a, &e->sport);
			break;
		case CTA_PROTO_DST_PORT:
			r = get_be16(a, &e->dport);
			e->has_ports = true;
			break;
		}
	return r ? r : ended(&s);
}

static inline int parse_tuple(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest);
	const struct nlattr *a;
	int r = 0;

	while (r == 0 && (a = next(&s)))
		switch (type_of(a)) {
		case CTA_TUPLE_IP:
			r = parse_addresses(a, e);
			break;
		case CTA_TUPLE_PROTO:
			r = parse_protocol(a, e);
			break;
		case CTA_TUPLE_ZONE:                    /* a zone of one direction only */
			r = get_be16(a, &e->zone);
			break;
		}
	return r ? r : ended(&s);
}

/* TCP, DCCP and SCTP each have a nest of their own, and the state is attribute 1 in all of them. */
static inline int parse_state(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest), in;
	const struct nlattr *a = next(&s);
	int r = 0;

	if (!a)
		return ended(&s);
	for (in = inside(a); r == 0 && (a = next(&in));)
		if (type_of(a) == CTA_PROTOINFO_TCP_STATE) {
			r = get_u8(a, &e->state);
			e->has_state = true;
		}
	return r ? r : ended(&in);
}

static int parse_counters(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest);
	const struct nlattr *a;
	uint64_t packets = 0, bytes = 0;
	uint32_t v;
	int r = 0;

	while (r == 0 && (a = next(&s)))
		switch (type_of(a)) {
		case CTA_COUNTERS_PACKETS:
			r = get_be64(a, &packets);
			break;
		case CTA_COUNTERS_BYTES:
			r = get_be64(a, &bytes);
			break;
		case CTA_COUNTERS32_PACKETS:            /* before 2.6.28 or so */
			r = get_be32(a, &v);
			packets = r ? 0 : v;
			break;
		case CTA_COUNTERS32_BYTES:
			r = get_be32(a, &v);
			bytes = r ? 0 : v;
			break;
		}
	e->packets += packets;
	e->bytes += bytes;
	e->has_counters = true;
	return r ? r : ended(&s);
}

static int parse_timestamp(const struct nlattr *nest, struct ct_entry *e)
{
	struct attrs s = inside(nest);
	const struct nlattr *a;
	int r = 0;

	while (r == 0 && (a = next(&s)))
		if (type_of(a) == CTA_TIMESTAMP_START)
			r = get_be64(a, &e->start_nsec);
	return r ? r : ended(&s);
}

static inline int parse_one(const struct nlattr *a, unsigned want, struct ct_entry *e)
{
	switch (type_of(a)) {
	case CTA_TUPLE_ORIG:
		return parse_tuple(a, e);
	case CTA_STATUS:
		return get_be32(a, &e->status);
	case CTA_PROTOINFO:
		return parse_state(a, e);
	case CTA_TIMEOUT:
		e->has_timeout = true;
		return get_be32(a, &e->timeout);
	case CTA_MARK:
		return get_be32(a, &e->mark);
	case CTA_ZONE:
		return get_be16(a, &e->zone);
	case CTA_COUNTERS_ORIG:
	case CTA_COUNTERS_REPLY:
		return want & CT_ENTRY_WANT_COUNTERS ? parse_counters(a, e) : 0;
	case CTA_TIMESTAMP:
		return want & CT_ENTRY_WANT_START ? parse_timestamp(a, e) : 0;
	}
	return 0;
}

int ct_entry_parse(const struct nlmsghdr *h, unsigned want, struct ct_entry *ret)
{
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct attrs s = { .at = (const char *)h + head, .end = (const char *)h + h->nlmsg_len };
	struct ct_entry e = { 0 };
	const struct nlattr *a;

	if (h->nlmsg_len < head)
		return -EBADMSG;
	e.family = ((const struct nfgenmsg *)(const void *)((const char *)h + NLMSG_HDRLEN))->nfgen_family;
	while ((a = next(&s))) {
		int r = parse_one(a, want, &e);

		if (r < 0)
			return r;
	}
	if (ended(&s) < 0)
		return -EBADMSG;
	*ret = e;
	return 0;
}
