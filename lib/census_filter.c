/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filter expressions: read strictly, checked on each entry, and handed to the kernel where it does them right. */
#include "config.h"
#include "census_internal.h"
#include "util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define BLANKS " \t\n,"
#define TERM_MAX 128

/* CTA_FILTER and its parts came with Linux 5.8, CTA_STATUS_MASK with 5.15; older headers lack them. */
#define FILTER_NEST 25
#define FILTER_ORIG_FLAGS 1
#define FILTER_STATUS_MASK 26
#define FLAG_SRC (1U << 0)
#define FLAG_DST (1U << 1)
#define FLAG_PROTO (1U << 3)
#define FLAG_SPORT (1U << 4)
#define FLAG_DPORT (1U << 5)

static const char *const fields[CT_FILTER_FIELD__COUNT] = {
	[CT_FILTER_FAMILY] = "family", [CT_FILTER_PROTO] = "proto", [CT_FILTER_STATE] = "state",
	[CT_FILTER_ASSURED] = "assured", [CT_FILTER_SRC] = "src", [CT_FILTER_DST] = "dst",
	[CT_FILTER_SPORT] = "sport", [CT_FILTER_DPORT] = "dport", [CT_FILTER_ZONE] = "zone",
	[CT_FILTER_MARK] = "mark",
};

/* ---- reading */

static int parse_family(const char *text, struct ct_filter_term *t)
{
	if (strcasecmp(text, "ipv4") == 0)
		t->low = AF_INET;
	else if (strcasecmp(text, "ipv6") == 0)
		t->low = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

static int parse_proto(const char *text, struct ct_filter_term *t)
{
	uint8_t proto = 0;
	int r = ct_proto_by_name(text, &proto);

	t->low = proto;
	return r;
}

static int parse_state(const char *text, struct ct_filter_term *t)
{
	const char *name;

	for (t->low = 1; (name = ct_state_id_name(t->low)); t->low++)
		if (strcasecmp(name, text) == 0)
			return 0;
	return -EINVAL;
}

static int parse_assured(const char *text, struct ct_filter_term *t)
{
	t->low = 0;
	if (strcasecmp(text, "yes") == 0)
		t->low = 1U << CT_ASSURED;
	else if (strcasecmp(text, "no") == 0)
		t->low = 1U << CT_REPLIED | 1U << CT_UNREPLIED;
	for (unsigned i = CT_UNREPLIED; i <= CT_ASSURED; i++)
		if (strcasecmp(text, ct_assured_name((enum ct_assured)i)) == 0)
			t->low = 1U << i;
	return t->low ? 0 : -EINVAL;
}

/* Cuts @text at @separator; what is behind it, or NULL. */
static char *cut(char *text, char separator)
{
	char *at = strchr(text, separator);

	if (at)
		*at++ = '\0';
	return at;
}

static int parse_address(char *text, struct ct_filter_term *t)
{
	char *length = cut(text, '/');
	uint64_t bits;

	t->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	t->bits = t->family == AF_INET ? 32 : 128;
	if (inet_pton(t->family, text, t->address) != 1)
		return -EINVAL;
	if (!length)
		return 0;
	if (ct_parse_u64(length, &bits) < 0 || bits > t->bits)
		return -EINVAL;
	t->bits = (uint8_t)bits;
	return 0;
}

static int parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
	uint64_t v;

	if (ct_parse_u64(text, &v) < 0 || v > max)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

static int parse_range(char *text, struct ct_filter_term *t)
{
	const char *high = cut(text, '-');
	int r = parse_u32(text, UINT16_MAX, &t->low);

	t->high = t->low;
	if (r == 0 && high)
		r = parse_u32(high, UINT16_MAX, &t->high);
	return r == 0 && t->low > t->high ? -EINVAL : r;
}

static int parse_mark(char *text, struct ct_filter_term *t)
{
	const char *mask = cut(text, '/');
	int r = parse_u32(text, UINT32_MAX, &t->low);

	t->high = UINT32_MAX;
	if (r == 0 && mask)
		r = parse_u32(mask, UINT32_MAX, &t->high);
	/* value bits outside the mask could never match */
	return r == 0 && t->low & ~t->high ? -EINVAL : r;
}

static int parse_value(char *text, struct ct_filter_term *t)
{
	switch (t->field) {
	case CT_FILTER_FAMILY:
		return parse_family(text, t);
	case CT_FILTER_PROTO:
		return parse_proto(text, t);
	case CT_FILTER_STATE:
		return parse_state(text, t);
	case CT_FILTER_ASSURED:
		return parse_assured(text, t);
	case CT_FILTER_SRC:
	case CT_FILTER_DST:
		return parse_address(text, t);
	case CT_FILTER_SPORT:
	case CT_FILTER_DPORT:
	case CT_FILTER_ZONE:
		return parse_range(text, t);
	case CT_FILTER_MARK:
		return parse_mark(text, t);
	case CT_FILTER_FIELD__COUNT:
		break;
	}
	return -EINVAL;
}

static const char *const wanted[CT_FILTER_FIELD__COUNT] = {
	[CT_FILTER_FAMILY] = "ipv4 or ipv6",
	[CT_FILTER_PROTO] = "a protocol such as tcp, or 0 to 255",
	[CT_FILTER_STATE] = "a state such as established or syn_sent",
	[CT_FILTER_ASSURED] = "assured, replied, unreplied, yes or no",
	[CT_FILTER_SRC] = "an address, or ADDRESS/LENGTH",
	[CT_FILTER_DST] = "an address, or ADDRESS/LENGTH",
	[CT_FILTER_SPORT] = "0 to 65535, or LOW-HIGH",
	[CT_FILTER_DPORT] = "0 to 65535, or LOW-HIGH",
	[CT_FILTER_ZONE] = "0 to 65535, or LOW-HIGH",
	[CT_FILTER_MARK] = "0 to 4294967295, or VALUE/MASK with no bit of the value outside the mask",
};

/* Up to and without the operator; the value behind it, NULL if there is no operator. */
static char *split(char *text, struct ct_filter_term *t)
{
	char *value = cut(text, '=');
	size_t n = strlen(text);

	if (value && n && text[n - 1] == '!') {
		t->negated = true;
		text[n - 1] = '\0';
	}
	return value;
}

static int parse_term(const char *text, struct ct_filter_term *ret, struct ct_err *err)
{
	struct ct_filter_term t = { .negated = false };
	char copy[TERM_MAX], *value;

	(void)strcpy(copy, text);
	value = split(copy, &t);
	if (!value)
		return ct_err_set(err, -EINVAL, "filter '%s': not FIELD=VALUE or FIELD!=VALUE", text);
	while (t.field < CT_FILTER_FIELD__COUNT && strcmp(fields[t.field], copy) != 0)
		t.field++;
	if (t.field == CT_FILTER_FIELD__COUNT)
		return ct_err_set(err, -EINVAL, "filter '%s': no field '%s', there are family, proto, state, assured, "
				  "src, dst, sport, dport, zone and mark", text, copy);
	/* ct_parse_u64() skips blanks, but there are none left but these */
	if (strpbrk(value, "\v\f\r") || parse_value(value, &t) < 0)
		return ct_err_set(err, -EINVAL, "filter '%s': %s must be %s", text, fields[t.field], wanted[t.field]);
	*ret = t;
	return 0;
}

int ct_filter_parse(const char *text, struct ct_filter *ret, struct ct_err *err)
{
	struct ct_filter filter = { .count = 0 };

	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t n = strcspn(text, BLANKS);
		char term[TERM_MAX];
		int r;

		if (filter.count == CT_FILTER_TERMS)
			return ct_err_set(err, -EINVAL, "filter has more than %d conditions", CT_FILTER_TERMS);
		if (n >= sizeof(term))
			return ct_err_set(err, -EINVAL, "filter '%.40s...': a condition has less than %d characters", text,
					  TERM_MAX);
		memcpy(term, text, n);
		term[n] = '\0';
		r = parse_term(term, &filter.term[filter.count++], err);
		if (r < 0)
			return r;
		text += n;
	}
	*ret = filter;
	return 0;
}

/* ---- checking */

static bool match_address(const struct ct_filter_term *t, const struct ct_entry *e, const uint8_t *address)
{
	const unsigned whole = t->bits / 8U, rest = t->bits % 8U;

	if (!address || e->family != t->family || memcmp(address, t->address, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ t->address[whole]) >> (8 - rest) == 0;
}

static bool within(const struct ct_filter_term *t, uint32_t v)
{
	return v >= t->low && v <= t->high;
}

static bool match_term(const struct ct_filter_term *t, const struct ct_entry *e)
{
	switch (t->field) {
	case CT_FILTER_FAMILY:
		return e->family == t->low;
	case CT_FILTER_PROTO:
		return e->proto == t->low;
	case CT_FILTER_STATE:
		return ct_entry_state_id(e) == t->low;
	case CT_FILTER_ASSURED:
		return t->low >> ct_entry_assured(e) & 1;
	case CT_FILTER_SRC:
		return match_address(t, e, e->src);
	case CT_FILTER_DST:
		return match_address(t, e, e->dst);
	case CT_FILTER_SPORT:
		return e->has_ports && within(t, e->sport);
	case CT_FILTER_DPORT:
		return e->has_ports && within(t, e->dport);
	case CT_FILTER_ZONE:
		return within(t, e->zone);
	case CT_FILTER_MARK:
		return (e->mark & t->high) == t->low;
	case CT_FILTER_FIELD__COUNT:
		break;
	}
	return false;
}

bool ct_filter_match(const struct ct_filter *filter, const struct ct_entry *entry)
{
	for (unsigned i = 0; i < filter->count; i++)
		if (match_term(&filter->term[i], entry) == filter->term[i].negated)
			return false;
	return true;
}

/* ---- handing to the kernel */

/* The first condition on @field that asks for something rather than forbids it. */
static const struct ct_filter_term *find(const struct ct_filter *filter, enum ct_filter_field field)
{
	for (unsigned i = 0; i < filter->count; i++)
		if (filter->term[i].field == field && !filter->term[i].negated)
			return &filter->term[i];
	return NULL;
}

/* Likewise, if it is one value, not a range or a network; IPv6 addresses never: the kernel's comparison is inverted. */
static const struct ct_filter_term *find_single(const struct ct_filter *filter, enum ct_filter_field field)
{
	const struct ct_filter_term *t = find(filter, field);

	if (!t)
		return NULL;
	if (field == CT_FILTER_SRC || field == CT_FILTER_DST)
		return t->family == AF_INET && t->bits == 32 ? t : NULL;
	return field == CT_FILTER_PROTO || t->low == t->high ? t : NULL;
}

static uint8_t family_of(const struct ct_filter *filter)
{
	static const enum ct_filter_field addresses[] = { CT_FILTER_SRC, CT_FILTER_DST };
	const struct ct_filter_term *t = find(filter, CT_FILTER_FAMILY);

	if (t)
		return (uint8_t)t->low;
	for (size_t i = 0; i < ct_array_size(addresses); i++) {
		t = find(filter, addresses[i]);
		if (t)
			return t->family;
	}
	return AF_UNSPEC;
}

static bool put_mark(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h)
{
	const struct ct_filter_term *t = find(filter, CT_FILTER_MARK);

	if (!t || !ct_kver_at_least(kernel, 3, 5, 0))
		return false;
	mnl_attr_put_u32(h, CTA_MARK, htonl(t->low));
	mnl_attr_put_u32(h, CTA_MARK_MASK, htonl(t->high));
	return true;
}

static bool put_status(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h)
{
	/* those not assured differ in one bit, those replied are told from the rest by two */
	static const struct {
		uint32_t wanted, value, mask;
	} bits[] = {
		{ 1U << CT_ASSURED, IPS_ASSURED, IPS_ASSURED },
		{ 1U << CT_REPLIED | 1U << CT_UNREPLIED, 0, IPS_ASSURED },
		{ 1U << CT_REPLIED, IPS_SEEN_REPLY, IPS_ASSURED | IPS_SEEN_REPLY },
		{ 1U << CT_UNREPLIED, 0, IPS_ASSURED | IPS_SEEN_REPLY },
	};
	const struct ct_filter_term *t = find(filter, CT_FILTER_ASSURED);

	if (!t || !ct_kver_at_least(kernel, 5, 15, 0))
		return false;
	for (size_t i = 0; i < ct_array_size(bits); i++)
		if (bits[i].wanted == t->low) {
			mnl_attr_put_u32(h, CTA_STATUS, htonl(bits[i].value));
			mnl_attr_put_u32(h, FILTER_STATUS_MASK, htonl(bits[i].mask));
		}
	return true;
}

static bool put_zone(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h)
{
	const struct ct_filter_term *t = find_single(filter, CT_FILTER_ZONE);

	/* zone 0 is the kernel's word for "any" */
	if (!t || t->low == 0 || !ct_kver_at_least(kernel, 6, 8, 0))
		return false;
	mnl_attr_put_u16(h, CTA_ZONE, htons((uint16_t)t->low));
	return true;
}

static void put_tuple_address(struct nlmsghdr *h, uint16_t type, const struct ct_filter_term *t)
{
	uint32_t address;

	if (!t)
		return;
	memcpy(&address, t->address, sizeof(address));
	mnl_attr_put_u32(h, type, address);
}

static void put_tuple_protocol(struct nlmsghdr *h, const struct ct_filter_term *proto,
			       const struct ct_filter_term *sport, const struct ct_filter_term *dport)
{
	struct nlattr *nest = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(h, CTA_PROTO_NUM, (uint8_t)proto->low);
	if (sport)
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons((uint16_t)sport->low));
	if (dport)
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons((uint16_t)dport->low));
	mnl_attr_nest_end(h, nest);
}

/* Only protocols whose ports the kernel's parser knows; ports need their protocol. */
static bool has_ports(const struct ct_filter_term *proto)
{
	return proto && (proto->low == IPPROTO_TCP || proto->low == IPPROTO_UDP);
}

static bool put_tuple(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h)
{
	const bool ipv4 = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(h))->nfgen_family == AF_INET;
	const struct ct_filter_term *src = ipv4 ? find_single(filter, CT_FILTER_SRC) : NULL;
	const struct ct_filter_term *dst = ipv4 ? find_single(filter, CT_FILTER_DST) : NULL;
	const struct ct_filter_term *proto = find_single(filter, CT_FILTER_PROTO);
	const struct ct_filter_term *sport = has_ports(proto) ? find_single(filter, CT_FILTER_SPORT) : NULL;
	const struct ct_filter_term *dport = has_ports(proto) ? find_single(filter, CT_FILTER_DPORT) : NULL;
	uint32_t flags = (src ? FLAG_SRC : 0) | (dst ? FLAG_DST : 0) | (proto ? FLAG_PROTO : 0) |
			 (sport ? FLAG_SPORT : 0) | (dport ? FLAG_DPORT : 0);
	struct nlattr *nest, *part;

	if (!flags || !ct_kver_at_least(kernel, 5, 8, 0))
		return false;
	nest = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
	if (src || dst) {
		part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
		put_tuple_address(h, CTA_IP_V4_SRC, src);
		put_tuple_address(h, CTA_IP_V4_DST, dst);
		mnl_attr_nest_end(h, part);
	}
	if (proto)
		put_tuple_protocol(h, proto, sport, dport);
	mnl_attr_nest_end(h, nest);
	nest = mnl_attr_nest_start(h, FILTER_NEST);
	mnl_attr_put_u32(h, FILTER_ORIG_FLAGS, flags);          /* host order, unlike all the rest */
	mnl_attr_nest_end(h, nest);
	return true;
}

bool ct_filter_put(const struct ct_filter *filter, const struct ct_kver *kernel, struct nlmsghdr *h)
{
	struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	bool put;

	g->nfgen_family = family_of(filter);
	put = put_mark(filter, kernel, h);
	put |= put_status(filter, kernel, h);
	put |= put_zone(filter, kernel, h);
	/* the kernel wants to know the family before it compares tuples */
	if (g->nfgen_family != AF_UNSPEC)
		put |= put_tuple(filter, kernel, h);
	return put;
}
