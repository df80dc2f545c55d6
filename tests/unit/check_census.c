/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The census: dumps made here, counted twice; the sketch's bound; messages and expressions that make no sense. */
#include "config.h"
#include "census_internal.h"
#include "check.h"
#include "util.h"

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define CT_NEW (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)
#define FILTERED 0x20

/* ---- messages */

/* Entries that differ in the last bits of their source; NULL for no state. */
struct spec {
	unsigned n;
	uint8_t proto;
	const char *src, *dst;
	uint16_t dport;
	int state;                      /* -1: none */
	uint32_t status, timeout, mark;
	uint16_t zone;
	uint64_t packets, bytes;        /* in each direction */
	unsigned age;                   /* seconds */
	bool zone_in_tuple;
};

static void put_address(struct nlmsghdr *h, const char *text, unsigned i, bool is_src)
{
	const bool ipv4 = !strchr(text, ':');
	uint8_t address[16];
	uint32_t last;
	size_t n = ipv4 ? 4 : 16;

	ck_assert_int_eq(inet_pton(ipv4 ? AF_INET : AF_INET6, text, address), 1);
	memcpy(&last, address + n - 4, 4);
	last = htonl(ntohl(last) + i);
	memcpy(address + n - 4, &last, 4);
	mnl_attr_put(h, (uint16_t)((ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC) + !is_src), n, address);
}

static void put_counters(struct nlmsghdr *h, const struct spec *s, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	mnl_attr_put_u64(h, CTA_COUNTERS_PACKETS, htobe64(s->packets));
	mnl_attr_put_u64(h, CTA_COUNTERS_BYTES, htobe64(s->bytes));
	mnl_attr_nest_end(h, nest);
}

static void put_state(struct nlmsghdr *h, const struct spec *s)
{
	struct nlattr *nest = mnl_attr_nest_start(h, CTA_PROTOINFO), *part;

	part = mnl_attr_nest_start(h, s->proto == IPPROTO_TCP ? CTA_PROTOINFO_TCP : s->proto == IPPROTO_SCTP ?
				   CTA_PROTOINFO_SCTP : CTA_PROTOINFO_DCCP);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, (uint8_t)s->state);
	mnl_attr_put_u8(h, 9, 0);
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, nest);
}

static void put_tuple(struct nlmsghdr *h, const struct spec *s, unsigned i)
{
	struct nlattr *nest = mnl_attr_nest_start(h, CTA_TUPLE_ORIG), *part = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	put_address(h, s->src, i, true);
	put_address(h, s->dst, 0, false);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, s->proto);
	if (s->dport) {
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(1024));
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(s->dport));
	}
	mnl_attr_nest_end(h, part);
	if (s->zone && s->zone_in_tuple)
		mnl_attr_put_u16(h, CTA_TUPLE_ZONE, htons(s->zone));
	mnl_attr_nest_end(h, nest);
}

static struct nlmsghdr *put_entry(void *buffer, const struct spec *s, unsigned i, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = CT_NEW;
	h->nlmsg_flags = NLM_F_MULTI | flags;
	h->nlmsg_seq = 1;
	g->nfgen_family = strchr(s->src, ':') ? AF_INET6 : AF_INET;
	put_tuple(h, s, i);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(s->status));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(s->timeout));
	mnl_attr_put_u32(h, CTA_MARK, htonl(s->mark));
	if (s->zone && !s->zone_in_tuple)
		mnl_attr_put_u16(h, CTA_ZONE, htons(s->zone));
	if (s->state >= 0)
		put_state(h, s);
	if (s->packets) {
		put_counters(h, s, CTA_COUNTERS_ORIG);
		put_counters(h, s, CTA_COUNTERS_REPLY);
	}
	if (s->age) {
		struct nlattr *nest = mnl_attr_nest_start(h, CTA_TIMESTAMP);

		mnl_attr_put_u64(h, CTA_TIMESTAMP_START, htobe64((uint64_t)(time(NULL) - s->age) * 1000000000));
		mnl_attr_nest_end(h, nest);
	}
	return h;
}

/* ---- a peer */

enum trick {
	PLAIN,
	FAIL,                           /* the kernel refuses, with .code */
	FAIL_ONCE,
	FAIL_FILTERED,                  /* only if the request is longer than one without attributes */
	BREAK_OFF,                      /* half of it, then .code */
	SILENT,
	TOO_LONG,                       /* a datagram larger than any buffer */
	CUT,                            /* the last message claims more than there is */
	HOSTILE,                        /* an attribute that claims more than there is */
	RESIZE,
};

struct peer {
	const struct spec *spec;
	unsigned specs;
	enum trick trick;
	int code;
	uint16_t flags;
	const char *file;               /* RESIZE */
	unsigned dumps;
	int fd;
	size_t request;                 /* bytes of the last one */
};

static void send_all(int fd, const void *data, size_t n)
{
	ck_assert_int_eq(send(fd, data, n, 0), (ssize_t)n);
}

static void send_end(int fd, uint16_t type, int code)
{
	char buffer[64] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	int32_t *r = mnl_nlmsg_put_extra_header(h, type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(*r));

	h->nlmsg_type = type;
	h->nlmsg_seq = 1;
	*r = -code;
	send_all(fd, h, h->nlmsg_len);
}

static void send_dump(const struct peer *p)
{
	static char buffer[32768];
	size_t used = 0;

	for (unsigned k = 0; k < p->specs; k++)
		for (unsigned i = 0; i < p->spec[k].n; i++) {
			if (used > sizeof(buffer) - 512) {
				send_all(p->fd, buffer, used);
				used = 0;
			}
			used += put_entry(buffer + used, &p->spec[k], i, p->flags)->nlmsg_len;
		}
	if (p->trick == CUT)
		used -= 8;
	if (p->trick == HOSTILE)
		((struct nlattr *)(void *)(buffer + sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg)))->nla_len = 60000;
	if (used)
		send_all(p->fd, buffer, used);
}

static void answer(struct peer *p)
{
	static char longer[CT_NL_BUFFER + 4096];

	if (p->trick == FAIL || p->trick == FAIL_FILTERED || (p->trick == FAIL_ONCE && p->dumps == 1)) {
		send_end(p->fd, NLMSG_ERROR, p->code);
		return;
	}
	if (p->trick == TOO_LONG)
		send_all(p->fd, longer, sizeof(longer));
	if (p->trick == TOO_LONG || p->trick == SILENT)
		return;
	if (p->trick == RESIZE)
		put_file("", p->file + 1, "1024\n");
	send_dump(p);
	send_end(p->fd, NLMSG_DONE, p->trick == BREAK_OFF ? p->code : 0);
}

/* All answers are there before the question comes: its sequence number is 1. */
static int connect_peer(struct ct_nl *nl, void *data, struct ct_err *err)
{
	struct peer *p = data;
	int pair[2];

	if (p->fd > 0) {
		char buffer[1024];
		ssize_t n = recv(p->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		p->request = n < 0 ? 0 : (size_t)n;
		ct_closep(&p->fd);
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	p->fd = pair[1];
	p->dumps++;
	if (p->trick == FAIL_FILTERED && p->dumps > 1)
		p->trick = PLAIN;
	answer(p);
	return ct_nl_attach(nl, pair[0], 0, err);
}

static void hang_up(struct peer *p)
{
	char buffer[1024];
	ssize_t n = recv(p->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	p->request = n < 0 ? 0 : (size_t)n;
	ct_closep(&p->fd);
	p->fd = 0;
}

/* ---- a machine */

static struct ct_facts machine(void)
{
	static const struct {
		enum ct_param_id id;
		int64_t v;
	} values[] = {
		{ CT_PARAM_TCP_TIMEOUT_SYN_SENT, 120 }, { CT_PARAM_TCP_TIMEOUT_SYN_RECV, 60 },
		{ CT_PARAM_TCP_TIMEOUT_ESTABLISHED, 432000 }, { CT_PARAM_TCP_TIMEOUT_FIN_WAIT, 120 },
		{ CT_PARAM_TCP_TIMEOUT_CLOSE_WAIT, 60 }, { CT_PARAM_TCP_TIMEOUT_LAST_ACK, 30 },
		{ CT_PARAM_TCP_TIMEOUT_TIME_WAIT, 120 }, { CT_PARAM_TCP_TIMEOUT_CLOSE, 10 },
		{ CT_PARAM_TCP_TIMEOUT_MAX_RETRANS, 300 }, { CT_PARAM_TCP_TIMEOUT_UNACKNOWLEDGED, 200 },
		{ CT_PARAM_UDP_TIMEOUT, 30 }, { CT_PARAM_UDP_TIMEOUT_STREAM, 120 }, { CT_PARAM_ICMP_TIMEOUT, 30 },
		{ CT_PARAM_ICMPV6_TIMEOUT, 31 }, { CT_PARAM_GENERIC_TIMEOUT, 600 }, { CT_PARAM_GRE_TIMEOUT, 30 },
		{ CT_PARAM_GRE_TIMEOUT_STREAM, 180 }, { CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, 210 },
		{ CT_PARAM_DCCP_TIMEOUT_TIMEWAIT, 240 }, { CT_PARAM_UDPLITE_TIMEOUT, -5 },
		{ CT_PARAM_UDPLITE_TIMEOUT_STREAM, 180 },
	};
	struct ct_facts f = { .presence = CT_PRESENCE_MODULE, .kernel = { 6, 12, 0 } };

	for (size_t i = 0; i < ct_array_size(values); i++)
		f.value[values[i].id] = (struct ct_value){ .known = true, .v = values[i].v };
	return f;
}

static struct ct_census *made(const struct ct_census_options *o)
{
	struct ct_census *c = NULL;
	struct ct_err err = { 0 };

	ck_assert_msg(ct_census_new(&c, o, &err) == 0, "%s", err.msg);
	return c;
}

static int run_on(struct ct_census *c, struct peer *p, const struct ct_facts *facts, struct ct_err *err)
{
	struct ct_fs *fs = NULL;
	int r;

	ck_assert_int_eq(ct_fs_new(&fs, "/", NULL), 0);
	ct_census_set_connect(c, connect_peer, p);
	r = ct_census_run(c, fs, facts, err);
	hang_up(p);
	(void)ct_fs_free(fs);
	return r;
}

/* "KEYS=COUNT" of all groups, largest first, blanks between them. */
static const char *groups_text(const struct ct_census *c)
{
	static char text[4096];
	struct ct_census_group g;
	size_t n = 0;

	text[0] = '\0';
	for (uint64_t rank = 0; ct_census_group(c, rank, &g) == 0; rank++) {
		for (unsigned i = 0; i < g.values; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "," : rank ? " | " : "",
					      g.value[i].text);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "=%" PRIu64, g.entries);
		ck_assert_uint_eq(g.error, 0);
	}
	return text;
}

/* ---- mixes */

#define TCP(N, SRC, STATE, STATUS, ...) \
	{ .n = (N), .proto = 6, .src = (SRC), .dst = "192.0.2.1", .dport = 80, .state = (STATE), .status = (STATUS), \
	  __VA_ARGS__ }
#define UDP(N, SRC, DST, DPORT, ...) \
	{ .n = (N), .proto = 17, .src = (SRC), .dst = (DST), .dport = (DPORT), .state = -1, __VA_ARGS__ }

#define ASSURED (IPS_ASSURED | IPS_SEEN_REPLY)

static const struct {
	struct ct_census_options options;
	struct spec spec[6];
	const char *groups;
	uint64_t total;
} mixes[] = {
	{ { 0 }, { TCP(100, "10.0.0.1", 3, ASSURED), TCP(30, "10.0.1.1", 1, 0), UDP(50, "10.1.0.0", "192.0.2.53", 53) },
	  "tcp,established=100 | udp,-=50 | tcp,syn_sent=30", 180 },
	{ { .by = "state" }, { TCP(10, "10.0.0.1", 3, ASSURED), { .n = 7, .proto = 132, .src = "10.0.0.9", .dst = "10.0.0.8",
	  .dport = 5, .state = 4 }, { .n = 3, .proto = 33, .src = "10.0.0.9", .dst = "10.0.0.8", .dport = 5, .state = 7 },
	  TCP(2, "10.0.0.1", 7, 0), TCP(1, "10.0.0.1", 77, 0), UDP(4, "10.0.0.1", "10.0.0.2", 1) },
	  "established=17 | time_wait=5 | -=4 | other=1", 27 },
	{ { .by = "proto,assured" }, { TCP(10, "10.0.0.1", 3, ASSURED), TCP(9, "10.0.0.1", 2, IPS_SEEN_REPLY),
	  TCP(8, "10.0.0.1", 1, 0), { .n = 6, .proto = 1, .src = "10.0.0.1", .dst = "10.0.0.2", .state = -1 } },
	  "tcp,assured=10 | tcp,replied=9 | tcp,unreplied=8 | icmp,unreplied=6", 33 },
	{ { .by = "src" }, { UDP(1, "10.0.0.1", "10.0.0.2", 53), UDP(1, "10.0.0.1", "10.0.0.3", 53),
	  UDP(1, "2001:db8::1", "2001:db8::2", 53) }, "10.0.0.1=2 | 2001:db8::1=1", 3 },
	{ { .by = "src", .prefix = "23/48" }, { UDP(300, "10.0.0.0", "10.9.0.2", 53), UDP(400, "10.0.2.0", "10.9.0.3", 53),
	  UDP(5, "2001:db8:1:1::1", "2001:db8::2", 53), UDP(6, "2001:db8:1:2::1", "2001:db8::2", 53) },
	  "10.0.2.0/23=400 | 10.0.0.0/23=300 | 2001:db8:1::/48=11", 711 },
	{ { .by = "dst,dport" }, { UDP(5, "10.0.0.1", "192.0.2.53", 53), UDP(7, "2001:db8::1", "2001:db8::53", 853),
	  { .n = 2, .proto = 47, .src = "10.0.0.1", .dst = "192.0.2.1", .state = -1 } },
	  "2001:db8::53,853=7 | 192.0.2.53,53=5 | 192.0.2.1,-=2", 14 },
	{ { .by = "zone" }, { UDP(5, "10.0.0.1", "10.0.0.2", 53), UDP(6, "10.0.0.1", "10.0.0.2", 53, .zone = 7),
	  UDP(2, "10.0.0.1", "10.0.0.2", 53, .zone = 65535, .zone_in_tuple = true) }, "7=6 | 0=5 | 65535=2", 13 },
	{ { .by = "mark" }, { UDP(5, "10.0.0.1", "10.0.0.2", 53, .mark = UINT32_MAX), UDP(6, "10.0.0.1", "10.0.0.2", 53) },
	  "0=6 | 4294967295=5", 11 },
	{ { .by = "prefix" }, { UDP(256, "10.0.0.0", "10.9.0.2", 53), UDP(100, "10.0.1.0", "10.9.0.2", 53),
	  UDP(9, "2001:db8::f", "2001:db8::", 53) }, "10.0.0.0/24=256 | 10.0.1.0/24=100 | 2001:db8::/64=9", 365 },
	{ { .by = "timeout,age" }, { TCP(5, "10.0.0.1", 3, 0, .timeout = 100, .age = 7200), TCP(4, "10.0.0.1", 3, 0),
	  UDP(3, "10.0.0.1", "10.0.0.2", 53, .timeout = 500000, .age = 20) },
	  "1 to 10 min,1 to 6 h=5 | below 10 s,-=4 | 5 days or more,10 s to 1 min=3", 12 },
	{ { .by = "proto,dport,zone,mark", .filter = "zone=7" }, { UDP(5, "10.0.0.1", "10.0.0.2", 53),
	  UDP(6, "::1", "::2", 53, .zone = 7, .mark = 1), TCP(2, "10.0.0.1", 3, 0, .zone = 7) },
	  "udp,53,7,1=6 | tcp,80,7,0=2", 8 },
	{ { .by = "proto,state,assured,src,dst,dport,zone,mark,prefix,age,timeout", .prefix = "0/0" },
	  { UDP(40, "10.0.0.1", "10.0.0.2", 53, .timeout = 20), UDP(50, "ff::", "::2", 53, .timeout = 59),
	    UDP(1, "1.0.0.1", "1.0.0.2", 99, .timeout = 10) },
	  "udp,-,unreplied,::/0,::/0,53,0,0,::/0,-,10 s to 1 min=50 | "
	  "udp,-,unreplied,0.0.0.0/0,0.0.0.0/0,53,0,0,0.0.0.0/0,-,10 s to 1 min=40 | "
	  "udp,-,unreplied,0.0.0.0/0,0.0.0.0/0,99,0,0,0.0.0.0/0,-,10 s to 1 min=1", 91 },
	{ { .by = "proto" }, { { .n = 3, .proto = 253, .src = "10.0.0.1", .dst = "10.0.0.2", .state = -1 } }, "253=3", 3 },
	{ { .by = "proto" }, { { .n = 0 } }, "", 0 },
};

START_TEST(mixes_are_counted_as_they_were_made)
{
	struct ct_census *c = made(&mixes[_i].options);
	struct peer p = { .spec = mixes[_i].spec, .specs = 6 };
	struct ct_facts facts = machine();
	struct ct_err err = { 0 };

	ck_assert_msg(run_on(c, &p, &facts, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(groups_text(c), mixes[_i].groups);
	ck_assert_uint_eq(ct_census_result(c)->total, mixes[_i].total);
	ck_assert(ct_census_result(c)->exact);
	ck_assert_uint_eq(ct_census_result(c)->bound, 0);
	(void)ct_census_free(c);
}
END_TEST

START_TEST(each_run_begins_anew)
{
	static const struct spec spec[] = { UDP(10, "10.0.0.1", "10.0.0.2", 53, .packets = 3, .bytes = 100),
					    UDP(5, "10.0.0.1", "10.0.0.2", 54) };
	struct ct_census *c = made(&(struct ct_census_options){ .by = "dport" });
	struct ct_facts facts = machine();
	struct ct_census_group g;

	ck_assert_uint_eq(ct_census_result(c)->total, 0);
	ck_assert_int_eq(ct_census_group(c, 0, &g), -ERANGE);
	for (int i = 0; i < 3; i++) {
		struct peer p = { .spec = spec, .specs = 2 };

		ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
		ck_assert_str_eq(groups_text(c), "53=10 | 54=5");
		ck_assert_uint_eq(ct_census_result(c)->packets.v, 60);
		ck_assert_uint_eq(ct_census_result(c)->bytes.v, 2000);
		ck_assert_uint_eq(ct_census_result(c)->uncounted, 5);
		ck_assert_uint_eq(ct_census_result(c)->attempts, 1);
		ck_assert_int_eq(ct_census_group(c, 0, &g), 0);
		ck_assert_uint_eq(g.packets, 60);
		ck_assert_uint_eq(g.bytes, 2000);
		ck_assert(g.value[0].is_number && g.value[0].number == 53);
		ck_assert_int_eq(ct_census_group(c, 2, &g), -ERANGE);
	}
	ck_assert_int_eq(ct_census_by(c, 0), CT_CENSUS_DPORT);
	ck_assert_int_eq(ct_census_by(c, 1), CT_CENSUS_KEY__COUNT);
	(void)ct_census_free(c);
}
END_TEST

/* ---- what goes wrong */

static const struct spec some[] = { UDP(300, "10.0.0.1", "10.0.0.2", 53), TCP(20, "10.0.0.1", 3, ASSURED) };

static const struct {
	enum trick trick;
	int code, rc;
	unsigned dumps;
	const char *filter, *word;
} troubles[] = {
	{ FAIL, EPERM, -EPERM, 1, NULL, "Operation not permitted" },
	{ FAIL, EBUSY, -EBUSY, 4, NULL, "busy" },
	{ FAIL, EINVAL, -EINVAL, 1, NULL, "Invalid argument" },
	{ FAIL, EINVAL, -EINVAL, 2, "mark=1", "Invalid argument" },
	{ FAIL_ONCE, EBUSY, 0, 2, NULL, NULL },
	{ FAIL_ONCE, EINTR, 0, 2, NULL, NULL },
	{ FAIL_ONCE, ENOBUFS, 0, 2, NULL, NULL },
	{ FAIL_FILTERED, EOPNOTSUPP, 0, 2, "mark=0", NULL },
	{ BREAK_OFF, ENOBUFS, -ENOBUFS, 4, NULL, "No buffer space" },
	{ BREAK_OFF, EINTR, -EINTR, 4, NULL, "Interrupted" },
	{ SILENT, 0, -ETIMEDOUT, 1, NULL, "timed out" },
	{ TOO_LONG, 0, -EBADMSG, 1, NULL, "Bad message" },
	{ CUT, 0, -EBADMSG, 1, NULL, "Bad message" },
	{ HOSTILE, 0, -EBADMSG, 1, NULL, "Bad message" },
};

START_TEST(broken_dumps_are_repeated_or_said_to_be_broken)
{
	struct ct_census *c = made(&(struct ct_census_options){ .filter = troubles[_i].filter });
	struct peer p = { .spec = some, .specs = 2, .trick = troubles[_i].trick, .code = troubles[_i].code };
	struct ct_facts facts = machine();
	struct ct_census_group g;
	struct ct_err err = { 0 };
	int r = run_on(c, &p, &facts, &err);

	ck_assert_uint_eq(p.dumps, troubles[_i].dumps);
	if (troubles[_i].rc == 0) {
		ck_assert_int_eq(r, 0);
		ck_assert_uint_eq(ct_census_result(c)->attempts, 2);
		ck_assert_str_eq(groups_text(c), "udp,-=300 | tcp,established=20");
	} else {
		ck_assert_failed(r, err, troubles[_i].rc, troubles[_i].word);
		ck_assert_uint_eq(ct_census_result(c)->total, 0);
		ck_assert_int_eq(ct_census_group(c, 0, &g), -ERANGE);
	}
	(void)ct_census_free(c);
}
END_TEST

START_TEST(a_filter_that_the_kernel_refuses_is_not_sent_again)
{
	struct ct_census *c = made(&(struct ct_census_options){ .filter = "mark=0 family=ipv4" });
	struct peer p = { .spec = some, .specs = 2, .trick = FAIL_FILTERED, .code = EINVAL, .flags = FILTERED };
	struct ct_facts facts = machine();

	ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
	ck_assert_uint_eq(p.request, NLMSG_HDRLEN + sizeof(struct nfgenmsg));
	ck_assert(ct_census_result(c)->filtered);
	ck_assert_uint_eq(ct_census_result(c)->total, 320);
	(void)ct_census_free(c);
}
END_TEST

START_TEST(a_resize_meanwhile_is_told)
{
	struct ct_census *c = made(&(struct ct_census_options){ 0 });
	const char *dir = scratch_dir();
	char path[256];
	struct peer p = { .spec = some, .specs = 2 };
	struct ct_facts facts = machine();

	(void)snprintf(path, sizeof(path), "%s/buckets", dir);
	put_file(dir, "buckets", "512\n");
	facts.value[CT_PARAM_BUCKETS].path = path + 1;
	ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
	ck_assert(!ct_census_result(c)->resized);
	p.trick = RESIZE;
	p.file = path;
	ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
	ck_assert(ct_census_result(c)->resized);
	(void)ct_census_free(c);
}
END_TEST

START_TEST(nothing_is_asked_where_there_is_nothing)
{
	struct ct_census *c = made(&(struct ct_census_options){ 0 });
	struct peer p = { .spec = some, .specs = 2 };
	struct ct_facts facts = machine();
	struct ct_fs *fs = NULL;
	struct ct_err err = { 0 };

	facts.presence = CT_PRESENCE_ABSENT;
	ck_assert_failed(run_on(c, &p, &facts, &err), err, -ENODATA, "isn't loaded");
	ck_assert_uint_eq(p.dumps, 0);
	facts.presence = CT_PRESENCE_BUILTIN;
	ck_assert_int_eq(ct_fs_new(&fs, scratch_dir(), NULL), 0);
	ct_census_set_connect(c, connect_peer, &p);
	ck_assert_failed(ct_census_run(c, fs, &facts, &err), err, -EOPNOTSUPP, "captured machine");
	ck_assert_uint_eq(p.dumps, 0);
	(void)ct_fs_free(fs);
	(void)ct_census_free(c);
	ck_assert_ptr_null(ct_census_free(NULL));
}
END_TEST

START_TEST(a_paced_census_sleeps)
{
	struct ct_census *c = made(&(struct ct_census_options){ .max_cpu_percent = 1 });
	struct peer p = { .spec = (const struct spec[]){ UDP(1100, "10.0.0.1", "10.0.0.2", 53) }, .specs = 1 };
	struct ct_facts facts = machine();
	const struct ct_census_result *r = ct_census_result(c);

	ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
	ck_assert_uint_eq(r->total, 1100);
	/* what comes after the last pause isn't paced */
	ck_assert_double_ge(r->seconds, 10 * r->cpu_seconds);
	(void)ct_census_free(c);
}
END_TEST

/* ---- counts in place of a dump */

static const struct ct_census_count taken[] = {
	{ .proto = 6, .has_state = true, .state = 3, .replied = true, .assured = true, .entries = 1000000000000,
	  .idle = { 800000000000, 400, 200, 100 }, .idle_unknown = 3 },
	{ .proto = 6, .has_state = true, .state = 3, .replied = true, .entries = 7,
	  .idle = { 4, 3, 2, 1 }, .idle_unknown = 3 },
	{ .proto = 6, .has_state = true, .state = 1, .entries = 30 },
	{ .proto = 17, .entries = 20 },
	{ .proto = 17, .replied = true, .assured = true, .entries = 0 },
	{ .proto = 132, .has_state = true, .state = 4, .replied = true, .assured = true, .entries = 9 },
};

static const struct {
	struct ct_census_options options;
	const char *groups;
	uint64_t total, idle[CT_CENSUS_IDLE__COUNT], idle_unknown;
} takings[] = {
	{ { 0 }, "tcp,established=1000000000007 | tcp,syn_sent=30 | udp,-=20 | sctp,established=9", 1000000000066,
	  { 800000000004, 403, 202, 101 }, 6 },
	{ { .by = "assured" }, "assured=1000000000009 | unreplied=50 | replied=7", 1000000000066,
	  { 800000000004, 403, 202, 101 }, 6 },
	{ { .by = "proto", .filter = "state!=established assured=no" }, "tcp=30 | udp=20", 50, { 0 }, 0 },
	{ { .by = "assured,proto", .filter = "proto=sctp" }, "assured,sctp=9", 9, { 0 }, 0 },
	{ { .by = "proto", .filter = "assured=replied" }, "tcp=7", 7, { 4, 3, 2, 1 }, 3 },
};

START_TEST(counts_are_taken_for_a_dump)
{
	struct ct_census *c = made(&takings[_i].options);
	const struct ct_census_result *r = ct_census_result(c);

	/* each time anew */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(ct_census_take_counts(c, taken, ct_array_size(taken), 2, 0.5, 0.25, NULL), 0);
		ck_assert_str_eq(groups_text(c), takings[_i].groups);
		ck_assert_uint_eq(r->total, takings[_i].total);
		ck_assert_uint_eq(r->received, 1000000000066);
		ck_assert_mem_eq(r->idle, takings[_i].idle, sizeof(r->idle));
		ck_assert_uint_eq(r->idle_unknown, takings[_i].idle_unknown);
		ck_assert(r->exact && !r->packets.known && !r->filtered && !r->resized);
		ck_assert_uint_eq(r->attempts, 2);
		ck_assert(r->seconds == 0.5 && r->cpu_seconds == 0.25);
	}
	(void)ct_census_free(c);
}
END_TEST

static const struct {
	struct ct_census_options options;
	const char *word;
} not_taken[] = {
	{ { .by = "proto,src" }, "by 'src'" },
	{ { .by = "zone" }, "by 'zone'" },
	{ { .by = "timeout" }, "proto, state and assured only" },
	{ { .filter = "proto=tcp dport=1" }, "condition 2" },
	{ { .filter = "family=ipv4" }, "condition 1" },
};

START_TEST(counts_that_dont_tell_what_is_asked_for_are_refused)
{
	struct ct_census *c = made(&not_taken[_i].options);
	struct ct_err err = { 0 };

	ck_assert_failed(ct_census_take_counts(c, taken, 1, 1, 0, 0, &err), err, -EINVAL, not_taken[_i].word);
	ck_assert_uint_eq(ct_census_result(c)->total, 0);
	(void)ct_census_free(c);
}
END_TEST

/* ---- options */

static const struct {
	struct ct_census_options options;
	const char *word;
} wrong_options[] = {
	{ { .by = "" }, "by '': no such key" },
	{ { .by = "proto," }, "by '': no such key" },
	{ { .by = "proto,,state" }, "by '': no such key" },
	{ { .by = "proto state" }, "by 'proto state'" },
	{ { .by = "Proto" }, "by 'Proto'" },
	{ { .by = "sport" }, "by 'sport': no such key, there are proto, state" },
	{ { .by = "src,dst,src" }, "by 'src' twice" },
	{ { .by = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }, "no such key" },
	{ { .prefix = "" }, "prefix ''" },
	{ { .prefix = "33" }, "prefix '33'" },
	{ { .prefix = "24/" }, "prefix '24/'" },
	{ { .prefix = "/64" }, "prefix '/64'" },
	{ { .prefix = "24/129" }, "prefix '24/129'" },
	{ { .prefix = "24/64/1" }, "prefix '24/64/1'" },
	{ { .prefix = "-1" }, "prefix '-1'" },
	{ { .prefix = " 24" }, "prefix ' 24'" },
	{ { .prefix = "0x10" }, "prefix '0x10'" },
	{ { .prefix = "00000000000024" }, "prefix '00000000000024'" },
	{ { .filter = "proto" }, "filter 'proto': not FIELD=VALUE" },
	{ { .max_cpu_percent = 101 }, "CPU share of 101" },
};

START_TEST(wrong_options_are_named)
{
	struct ct_census *c = NULL;
	struct ct_err err = { 0 };

	ck_assert_failed(ct_census_new(&c, &wrong_options[_i].options, &err), err, -EINVAL, wrong_options[_i].word);
	ck_assert_ptr_null(c);
}
END_TEST

START_TEST(names_end_where_they_end)
{
	ck_assert_str_eq(ct_census_key_name(CT_CENSUS_PROTO), "proto");
	ck_assert_str_eq(ct_census_key_name(CT_CENSUS_TIMEOUT), "timeout");
	ck_assert_ptr_null(ct_census_key_name(CT_CENSUS_KEY__COUNT));
	ck_assert_uint_eq(ct_census_idle_seconds(CT_CENSUS_IDLE_HOUR), 3600);
	ck_assert_uint_eq(ct_census_idle_seconds(CT_CENSUS_IDLE__COUNT), 0);
	ck_assert_ptr_null(ct_class_name(CT_CLASS_UNKNOWN));
	ck_assert_ptr_null(ct_state_id_name(0));
	ck_assert_ptr_null(ct_state_id_name(10000));
	ck_assert_ptr_null(ct_assured_name((enum ct_assured)3));
	ck_assert_str_eq(ct_class_name(ct_class_of(UINT64_MAX)), "5 days or more");
}
END_TEST

/* ---- filters */

static const struct {
	const char *filter;
	const char *matches;            /* numbers of the entries below */
} filters[] = {
	{ "", "0123" }, { " , \t\n", "0123" }, { "proto=tcp", "0" }, { "proto=TCP,", "0" }, { "proto=6", "0" },
	{ "proto=0x11", "12" }, { "proto!=udp", "03" }, { "family=ipv4", "013" }, { "family=IPv6", "2" },
	{ "family!=ipv6", "013" }, { "state=established", "0" }, { "state=ESTABLISHED", "0" }, { "state!=established", "123" },
	{ "state=close", "" }, { "assured=yes", "0" }, { "assured=no", "123" }, { "assured=assured", "0" },
	{ "assured=replied", "1" }, { "assured=unreplied", "23" }, { "src=10.0.0.0/8", "01" }, { "src=10.0.0.1", "0" },
	{ "src=10.0.0.1/8", "01" }, { "src=10.128.0.0/9", "1" }, { "src=0.0.0.0/0", "013" }, { "src=::/0", "2" },
	{ "src=2001:db8::/32", "2" }, { "src=2001:db8::/33", "2" }, { "src=2001:db8:8000::/33", "" },
	{ "src!=10.0.0.0/8", "23" }, { "dst=192.0.2.0/25", "01" }, { "dst=2001:DB8::2", "2" }, { "sport=1024", "012" },
	{ "dport=53", "12" }, { "dport=53-80", "012" }, { "dport=0-65535", "012" }, { "dport!=53", "03" },
	{ "dport=81-65535", "" }, { "zone=0", "013" }, { "zone=1-9", "2" }, { "mark=0", "12" }, { "mark=0x30", "0" },
	{ "mark=0x10/0x10", "03" }, { "mark=0/0", "0123" }, { "mark!=0x10/0x10", "12" },
	{ "proto=udp dport=53 src=10.0.0.0/8", "1" }, { "proto=udp,dport=53,zone=5,family=ipv6", "2" },
	{ "proto=udp proto=tcp", "" }, { "proto!=udp proto!=tcp", "3" },
};

static const struct spec filtered[] = {
	{ .proto = 6, .src = "10.0.0.1", .dst = "192.0.2.1", .dport = 80, .state = 3, .status = ASSURED, .mark = 0x30 },
	{ .proto = 17, .src = "10.200.0.1", .dst = "192.0.2.100", .dport = 53, .state = -1, .status = IPS_SEEN_REPLY },
	{ .proto = 17, .src = "2001:db8::1", .dst = "2001:db8::2", .dport = 53, .state = -1, .zone = 5 },
	{ .proto = 47, .src = "11.0.0.1", .dst = "192.0.3.1", .state = -1, .mark = 0x12 },
};

START_TEST(filters_match)
{
	struct ct_filter f;
	struct ct_err err = { 0 };
	char matches[8] = "", buffer[512];
	size_t n = 0;

	ck_assert_msg(ct_filter_parse(filters[_i].filter, &f, &err) == 0, "%s", err.msg);
	for (unsigned i = 0; i < ct_array_size(filtered); i++) {
		struct ct_entry e;

		ck_assert_int_eq(ct_entry_parse(put_entry(buffer, &filtered[i], 0, 0), 0, &e), 0);
		if (ct_filter_match(&f, &e))
			matches[n++] = (char)('0' + i);
	}
	ck_assert_str_eq(matches, filters[_i].matches);
}
END_TEST

START_TEST(an_entry_without_addresses_matches_none)
{
	char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct ct_entry e;
	struct ct_filter f;

	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	ck_assert_int_eq(ct_entry_parse(h, ~0U, &e), 0);
	ck_assert_int_eq(ct_filter_parse("src=0.0.0.0/0", &f, NULL), 0);
	ck_assert(!ct_filter_match(&f, &e));
}
END_TEST

static const struct {
	const char *filter, *word;
} wrong_filters[] = {
	{ "proto", "'proto': not FIELD=VALUE" }, { "=tcp", "no field ''" }, { "!=tcp", "no field ''" },
	{ "Proto=tcp", "no field 'Proto'" }, { "bytes=1", "no field 'bytes', there are family" },
	{ "proto=", "proto must be a protocol" }, { "proto=nonsense", "'proto=nonsense': proto must be" },
	{ "proto=256", "proto must be" }, { "proto=-1", "proto must be" }, { "proto==tcp", "proto must be" },
	{ "proto!!=tcp", "no field 'proto!'" }, { "family=4", "family must be ipv4 or ipv6" },
	{ "state=none2", "state must be" }, { "state=", "state must be" }, { "assured=maybe", "assured must be" },
	{ "src=10.0.0", "src must be an address" }, { "src=10.0.0.0/33", "src must be" }, { "src=10.0.0.0/", "src must be" },
	{ "src=10.0.0.0/8/8", "src must be" }, { "src=::/129", "src must be" }, { "src=:::", "src must be" },
	{ "dst=example.com", "dst must be" }, { "dport=65536", "dport must be" }, { "dport=80-", "dport must be" },
	{ "dport=-80", "dport must be" }, { "dport=80-70", "dport must be" }, { "dport=80\v", "dport must be" },
	{ "sport=1-2-3", "sport must be" }, { "zone=65536", "zone must be" }, { "mark=4294967296", "mark must be" },
	{ "mark=1/2", "no bit of the value outside the mask" }, { "mark=1/", "mark must be" }, { "mark=x", "mark must be" },
	{ "proto=tcp state", "'state': not" },
	{ "src=1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	  "111111111111111111111111111111", "a condition has less than 128 characters" },
	{ "zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 "
	  "zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 zone=1 "
	  "zone=1", "more than 32 conditions" },
};

START_TEST(wrong_filters_are_named)
{
	struct ct_filter f = { .count = 77 };
	struct ct_err err = { 0 };

	ck_assert_failed(ct_filter_parse(wrong_filters[_i].filter, &f, &err), err, -EINVAL, wrong_filters[_i].word);
	ck_assert_uint_eq(f.count, 77);
}
END_TEST

/* Types of attributes, nested ones in brackets; flags and values behind '='. */
static void attributes_text(const struct nlattr *a, const struct nlattr *end, char *text, size_t size, int depth)
{
	for (; (const char *)a < (const char *)end; a = mnl_attr_next(a)) {
		uint16_t type = mnl_attr_get_type(a), n = mnl_attr_get_payload_len(a);
		bool nest = a->nla_type & NLA_F_NESTED;
		uint32_t v = n == 1 ? mnl_attr_get_u8(a) : n == 2 ? ntohs(mnl_attr_get_u16(a)) : 0;

		if (n == 4 && !nest)
			v = depth == 1 && type == 1 ? mnl_attr_get_u32(a) : ntohl(mnl_attr_get_u32(a));
		(void)snprintf(text + strlen(text), size - strlen(text), nest ? " %u(" : " %u=%x", type, v);
		if (!nest)
			continue;
		attributes_text(mnl_attr_get_payload(a), mnl_attr_next(a), text, size, depth + 1);
		(void)snprintf(text + strlen(text), size - strlen(text), " )");
	}
}

#define K(major, minor) { major, minor, 0 }

static const struct {
	const char *filter;
	struct ct_kver kernel;
	uint8_t family;
	const char *attributes;
} pushed[] = {
	{ "mark=5", K(6, 12), 0, " 8=5 21=ffffffff" },
	{ "mark=5/7", K(3, 5), 0, " 8=5 21=7" },
	{ "mark=5", K(3, 4), 0, "" },
	{ "mark!=5", K(6, 12), 0, "" },
	{ "assured=yes", K(5, 15), 0, " 3=4 26=4" },
	{ "assured=no", K(5, 15), 0, " 3=0 26=4" },
	{ "assured=replied", K(5, 15), 0, " 3=2 26=6" },
	{ "assured=unreplied", K(5, 15), 0, " 3=0 26=6" },
	{ "assured=yes", K(5, 14), 0, "" },
	{ "zone=7", K(6, 8), 0, " 18=7" },
	{ "zone=7", K(6, 7), 0, "" },
	{ "zone=0", K(6, 12), 0, "" },
	{ "zone=7-8", K(6, 12), 0, "" },
	{ "family=ipv6", K(2, 6), AF_INET6, "" },
	{ "proto=tcp", K(6, 12), 0, "" },
	{ "proto=tcp family=ipv4", K(5, 8), AF_INET, " 1( 2( 1=6 ) ) 25( 1=8 )" },
	{ "proto=tcp family=ipv4", K(5, 7), AF_INET, "" },
	{ "proto=tcp family=ipv6 dport=80", K(6, 12), AF_INET6, " 1( 2( 1=6 3=50 ) ) 25( 1=28 )" },
	{ "dport=80 family=ipv4", K(6, 12), AF_INET, "" },
	{ "proto=sctp dport=80 family=ipv4", K(6, 12), AF_INET, " 1( 2( 1=84 ) ) 25( 1=8 )" },
	{ "proto=udp sport=1 dport=2-3 src=10.0.0.1 dst=10.0.0.0/8", K(6, 12), AF_INET,
	  " 1( 1( 1=a000001 ) 2( 1=11 2=1 ) ) 25( 1=19 )" },
	{ "src=10.0.0.1 dst=10.0.0.2", K(6, 12), AF_INET, " 1( 1( 1=a000001 2=a000002 ) ) 25( 1=3 )" },
	{ "src=10.0.0.0/8", K(6, 12), AF_INET, "" },
	{ "src=2001:db8::1", K(6, 12), AF_INET6, "" },
	{ "dst=2001:db8::1 proto=udp", K(6, 12), AF_INET6, " 1( 2( 1=11 ) ) 25( 1=8 )" },
	{ "family=ipv6 src=10.0.0.1", K(6, 12), AF_INET6, "" },
	{ "family=ipv4 src=2001:db8::1", K(6, 12), AF_INET, "" },
	{ "state=established sport=5", K(6, 12), 0, "" },
};

START_TEST(the_kernel_gets_what_it_does_right)
{
	uint32_t buffer[CT_NL_REQUEST_MAX / 4] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	struct ct_filter f;
	char text[256] = "";
	bool put;

	ck_assert_int_eq(ct_filter_parse(pushed[_i].filter, &f, NULL), 0);
	put = ct_filter_put(&f, &pushed[_i].kernel, h);
	attributes_text(mnl_nlmsg_get_payload_offset(h, sizeof(*g)), mnl_nlmsg_get_payload_tail(h), text, sizeof(text), 0);
	ck_assert_str_eq(text, pushed[_i].attributes);
	ck_assert_uint_eq(g->nfgen_family, pushed[_i].family);
	ck_assert_int_eq(put, text[0] != '\0');
}
END_TEST

/* ---- idle time */

static const struct {
	uint8_t proto;
	int state;
	uint32_t status, left;
	int64_t idle;                   /* -1: can't be told */
} idle[] = {
	{ 6, 3, ASSURED, 432000, 0 }, { 6, 3, ASSURED, 431000, 1000 }, { 6, 3, ASSURED, 432001, -1 },
	{ 6, 3, ASSURED, 301, 431699 }, { 6, 3, ASSURED, 300, 0 }, { 6, 3, ASSURED, 201, 99 }, { 6, 3, ASSURED, 200, 0 },
	{ 6, 3, ASSURED, 50, 150 }, { 6, 1, 0, 100, 20 }, { 6, 9, 0, 100, 20 }, { 6, 0, 0, 5, -1 }, { 6, 200, 0, 5, -1 },
	{ 6, -1, 0, 5, -1 }, { 6, 3, ASSURED | IPS_OFFLOAD, 86400, -1 }, { 6, 3, IPS_FIXED_TIMEOUT, 50, -1 },
	{ 17, -1, 0, 10, 20 }, { 17, -1, IPS_SEEN_REPLY, 10, 20 }, { 17, -1, ASSURED, 10, 110 }, { 17, -1, 0, 120, -1 },
	{ 1, -1, 0, 30, 0 }, { 58, -1, 0, 30, 1 }, { 47, -1, 0, 10, 20 }, { 47, -1, ASSURED, 10, 170 },
	{ 132, 4, ASSURED, 200, 10 }, { 132, 3, 0, 1, -1 }, { 33, 7, 0, 200, 40 }, { 50, -1, 0, 100, 500 },
	{ 136, -1, 0, 10, 20 }, { 136, -1, ASSURED, 10, 170 },
};

START_TEST(idle_time_is_what_is_gone_of_the_time_out)
{
	struct ct_facts facts = machine();
	struct ct_idle_table table;
	struct ct_entry e = {
		.proto = idle[_i].proto, .state = (uint8_t)(idle[_i].state < 0 ? 0 : idle[_i].state),
		.has_state = idle[_i].state >= 0, .status = idle[_i].status, .timeout = idle[_i].left, .has_timeout = true,
	};
	uint32_t seconds = 0;

	ct_idle_table_fill(&table, &facts);
	ck_assert_int_eq(ct_entry_idle(&table, &e, &seconds), idle[_i].idle >= 0);
	if (idle[_i].idle >= 0)
		ck_assert_uint_eq(seconds, idle[_i].idle);
	e.has_timeout = false;
	ck_assert(!ct_entry_idle(&table, &e, &seconds));
}
END_TEST

/* As the interface says it, in other words than the census. */
static int64_t idle_by_timeout(const struct ct_census_timeout *t, uint32_t left)
{
	uint32_t seconds = t->seconds;

	for (int i = 1; t->has_ceiling && i >= 0; i--)
		if (t->ceiling[i] >= left && t->ceiling[i] < t->seconds)
			seconds = t->ceiling[i];
	return seconds && left <= seconds ? (int64_t)seconds - left : -1;
}

START_TEST(a_kinds_time_out_tells_the_same)
{
	const bool other_rules = idle[_i].status & (IPS_OFFLOAD | IPS_FIXED_TIMEOUT);
	const struct ct_facts facts = machine();
	const struct ct_census_count kind = {
		.proto = idle[_i].proto, .state = (uint8_t)(idle[_i].state < 0 ? 77 : idle[_i].state),
		.has_state = idle[_i].state >= 0, .assured = idle[_i].status & IPS_ASSURED,
	};
	struct ct_census_timeout t;

	ct_census_timeout(&facts, &kind, &t);
	ck_assert_int_eq(other_rules ? -1 : idle_by_timeout(&t, idle[_i].left), idle[_i].idle);
}
END_TEST

START_TEST(idle_classes_hold_those_after_them)
{
	static const struct spec spec[] = {
		TCP(1, "10.0.0.1", 3, ASSURED, .timeout = 432000 - 60), TCP(2, "10.0.0.1", 3, ASSURED, .timeout = 432000 - 61),
		TCP(4, "10.0.0.1", 3, ASSURED, .timeout = 432000 - 601), TCP(8, "10.0.0.1", 3, ASSURED, .timeout = 432000 - 3601),
		TCP(16, "10.0.0.1", 3, ASSURED, .timeout = 1000), TCP(32, "10.0.0.1", 3, ASSURED, .timeout = 500000),
	};
	struct ct_census *c = made(&(struct ct_census_options){ 0 });
	struct peer p = { .spec = spec, .specs = 6 };
	struct ct_facts facts = machine();
	const struct ct_census_result *r = ct_census_result(c);

	ck_assert_int_eq(run_on(c, &p, &facts, NULL), 0);
	ck_assert_uint_eq(r->idle[CT_CENSUS_IDLE_MINUTE], 30);
	ck_assert_uint_eq(r->idle[CT_CENSUS_IDLE_10_MINUTES], 28);
	ck_assert_uint_eq(r->idle[CT_CENSUS_IDLE_HOUR], 24);
	ck_assert_uint_eq(r->idle[CT_CENSUS_IDLE_DAY], 16);
	ck_assert_uint_eq(r->idle_unknown, 32);
	(void)ct_census_free(c);
}
END_TEST

/* ---- the sketch */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void seed(void)
{
	const char *given = getenv("CENSUS_SEED");

	random_state = given ? strtoull(given, NULL, 0) : 4711;
	printf("CENSUS_SEED=%" PRIu64 "\n", random_state);
}

#define STREAM_KEYS 20000

enum stream {
	UNIFORM,
	SKEWED,                         /* key k about 1/k as often as the first */
	VERY_SKEWED,
	SORTED,                         /* all of one key, then all of the next */
	GROWING,                        /* the largest come last */
	ROUND,                          /* each key in turn: the hardest for a sketch */
	STREAM__COUNT
};

static uint64_t stream_key(enum stream kind, uint64_t i, uint64_t n)
{
	const double u = (double)(random_next() >> 11) / 0x1p53;

	switch (kind) {
	case UNIFORM:
		return random_next() % STREAM_KEYS;
	case SKEWED:
		return (uint64_t)__builtin_exp(u * 9.9);
	case VERY_SKEWED:
		return (uint64_t)(STREAM_KEYS * u * u * u * u * u * u);
	case SORTED:
		return i * STREAM_KEYS / n;
	case GROWING:
		return (uint64_t)(STREAM_KEYS * __builtin_sqrt((double)i / (double)n) * u);
	case ROUND:
	case STREAM__COUNT:
		break;
	}
	return i % STREAM_KEYS;
}

static const size_t capacities[] = { 1, 2, 3, 100, 1000, STREAM_KEYS - 1, STREAM_KEYS };

/* Every group within its bounds, every missing one below the common one, and that one where the theory says. */
static void check_bounds(const struct ct_tallies *t, const uint64_t *truth, uint64_t n)
{
	static uint8_t kept[STREAM_KEYS];
	uint64_t different = 0;

	memset(kept, 0, sizeof(kept));
	for (size_t i = 0; i < t->used; i++) {
		const struct ct_tally *tally = ct_tallies_at(t, i);
		uint64_t real = truth[tally->key[0]];

		ck_assert_uint_le(tally->entries, real);
		ck_assert_uint_ge(tally->entries + tally->error, real);
		ck_assert_uint_le(tally->error, t->offset);
		ck_assert_uint_eq(kept[tally->key[0]]++, 0);
		ck_assert_uint_eq(tally->key[1], ~tally->key[0]);
	}
	for (size_t key = 0; key < STREAM_KEYS; key++) {
		different += truth[key] > 0;
		if (!kept[key])
			ck_assert_uint_le(truth[key], t->offset);
	}
	ck_assert_double_le((double)t->offset, 4.0 / 3 * (double)n / (double)t->capacity);
	if (different <= t->capacity)
		ck_assert_uint_eq(t->offset, 0);
}

START_TEST(sketch_errors_are_within_their_bounds)
{
	static uint64_t truth[STREAM_KEYS];
	const enum stream kind = (enum stream)(_i % STREAM__COUNT);
	const size_t capacity = capacities[(size_t)_i / STREAM__COUNT];
	const uint64_t n = capacity < 100 ? 20000 : 300000;
	struct ct_tallies t;

	seed();
	memset(truth, 0, sizeof(truth));
	ck_assert_int_eq(ct_tallies_init(&t, 2, capacity), 0);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t key = stream_key(kind, i, n);

		truth[key]++;
		(void)ct_tallies_add(&t, (const uint64_t[]){ key, ~key });
	}
	check_bounds(&t, truth, n);
	ct_tallies_done(&t);
}
END_TEST

START_TEST(all_that_is_kept_fits_the_memory)
{
	for (size_t words = 1; words <= 9; words++) {
		size_t n = ct_tallies_capacity(words);
		struct ct_tallies t;

		ck_assert_int_eq(ct_tallies_init(&t, words, n), 0);
		ck_assert_uint_le(n * t.stride + ((size_t)t.index_mask + 1) * sizeof(*t.index), CT_TALLIES_BYTES);
		ck_assert_uint_ge(n, 16384);
		ct_tallies_done(&t);
	}
}
END_TEST

/* ---- hostile messages */

static const struct spec full = {
	.n = 1, .proto = 6, .src = "2001:db8::1", .dst = "2001:db8::2", .dport = 80, .state = 3, .status = ASSURED,
	.timeout = 100, .mark = 3, .zone = 4, .packets = 5, .bytes = 6, .age = 7,
};

/* In memory of its own, so that a step beyond the end is seen by whoever watches. */
static int parse_copy(const void *message, size_t n)
{
	struct nlmsghdr *copy = malloc(n);
	struct ct_entry e;
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, message, n);
	copy->nlmsg_len = (uint32_t)n;
	r = ct_entry_parse(copy, ~0U, &e);
	free(copy);
	ck_assert(r == 0 || r == -EBADMSG);
	return r;
}

START_TEST(a_cut_message_is_refused)
{
	char buffer[512] = { 0 };       /* blanks between attributes are bytes of the message, too */
	const struct nlmsghdr *h = put_entry(buffer, &full, 0, 0);
	unsigned fine = 0;

	for (size_t n = sizeof(*h); n < h->nlmsg_len; n++)
		fine += parse_copy(h, n) == 0;
	/* between two attributes it may end, also before the blanks that fill up the last one */
	ck_assert_uint_le(fine, 12);
	ck_assert_int_eq(parse_copy(h, h->nlmsg_len), 0);
	ck_assert_int_eq(parse_copy(h, sizeof(*h) + 3), -EBADMSG);
}
END_TEST

START_TEST(no_byte_of_a_message_can_do_harm)
{
	static const uint8_t values[] = { 0, 1, 3, 4, 5, 0x7f, 0x80, 0xff };
	char buffer[512] = { 0 };       /* blanks between attributes are bytes of the message, too */
	const struct nlmsghdr *h = put_entry(buffer, &full, 0, 0);

	for (size_t i = sizeof(*h); i < h->nlmsg_len; i++)
		for (size_t k = 0; k < sizeof(values); k++) {
			char was = buffer[i];

			buffer[i] = (char)values[k];
			(void)parse_copy(h, h->nlmsg_len);
			buffer[i] = was;
		}
}
END_TEST

/* Each attribute that is read, empty. */
static const struct {
	int path[3];
	size_t length;
} too_short[] = {
	{ { CTA_STATUS }, 3 }, { { CTA_TIMEOUT }, 0 }, { { CTA_MARK }, 2 }, { { CTA_ZONE }, 1 },
	{ { CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_SRC }, 3 }, { { CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_DST }, 5 },
	{ { CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V6_SRC }, 16 }, { { CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V6_DST }, 15 },
	{ { CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_NUM }, 0 }, { { CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_SRC_PORT }, 1 },
	{ { CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT }, 1 }, { { CTA_TUPLE_ORIG, CTA_TUPLE_ZONE }, 1 },
	{ { CTA_PROTOINFO, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE }, 0 }, { { CTA_PROTOINFO }, 2 },
	{ { CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS }, 7 }, { { CTA_COUNTERS_REPLY, CTA_COUNTERS_BYTES }, 4 },
	{ { CTA_COUNTERS_ORIG, CTA_COUNTERS32_PACKETS }, 3 }, { { CTA_COUNTERS_REPLY, CTA_COUNTERS32_BYTES }, 2 },
	{ { CTA_TIMESTAMP, CTA_TIMESTAMP_START }, 7 },
};

START_TEST(attributes_too_short_are_refused)
{
	char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	const int *path = too_short[_i].path;
	struct nlattr *nest[2] = { NULL, NULL };
	static const char zeros[16];
	int depth = 0;

	g->nfgen_family = AF_INET;
	while (depth < 2 && path[depth + 1]) {
		nest[depth] = mnl_attr_nest_start(h, (uint16_t)path[depth]);
		depth++;
	}
	mnl_attr_put(h, (uint16_t)path[depth], too_short[_i].length, zeros);
	while (depth--)
		mnl_attr_nest_end(h, nest[depth]);
	ck_assert_int_eq(parse_copy(h, h->nlmsg_len), -EBADMSG);
}
END_TEST

START_TEST(old_counters_of_32_bits_are_read)
{
	char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nlattr *nest;
	struct ct_entry e;

	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	nest = mnl_attr_nest_start(h, CTA_COUNTERS_ORIG);
	mnl_attr_put_u32(h, CTA_COUNTERS32_PACKETS, htonl(7));
	mnl_attr_put_u32(h, CTA_COUNTERS32_BYTES, htonl(700));
	mnl_attr_nest_end(h, nest);
	mnl_attr_put_u32(h, 999, 0);
	ck_assert_int_eq(ct_entry_parse(h, CT_ENTRY_WANT_COUNTERS, &e), 0);
	ck_assert_uint_eq(e.packets, 7);
	ck_assert_uint_eq(e.bytes, 700);
	ck_assert_int_eq(ct_entry_parse(h, 0, &e), 0);
	ck_assert(!e.has_counters);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("census");
	TCase *dump = tcase_create("dump"), *ask = tcase_create("options and filters");
	TCase *count = tcase_create("idle and sketch"), *hostile = tcase_create("hostile");

	tcase_add_loop_test(dump, mixes_are_counted_as_they_were_made, 0, ct_array_size(mixes));
	tcase_add_test(dump, each_run_begins_anew);
	tcase_add_loop_test(dump, broken_dumps_are_repeated_or_said_to_be_broken, 0, ct_array_size(troubles));
	tcase_add_test(dump, a_filter_that_the_kernel_refuses_is_not_sent_again);
	tcase_add_test(dump, a_resize_meanwhile_is_told);
	tcase_add_test(dump, nothing_is_asked_where_there_is_nothing);
	tcase_add_test(dump, a_paced_census_sleeps);
	tcase_add_loop_test(dump, counts_are_taken_for_a_dump, 0, ct_array_size(takings));
	tcase_add_loop_test(dump, counts_that_dont_tell_what_is_asked_for_are_refused, 0, ct_array_size(not_taken));
	suite_add_tcase(s, dump);
	tcase_add_loop_test(ask, wrong_options_are_named, 0, ct_array_size(wrong_options));
	tcase_add_test(ask, names_end_where_they_end);
	tcase_add_loop_test(ask, filters_match, 0, ct_array_size(filters));
	tcase_add_test(ask, an_entry_without_addresses_matches_none);
	tcase_add_loop_test(ask, wrong_filters_are_named, 0, ct_array_size(wrong_filters));
	tcase_add_loop_test(ask, the_kernel_gets_what_it_does_right, 0, ct_array_size(pushed));
	suite_add_tcase(s, ask);
	tcase_add_loop_test(count, idle_time_is_what_is_gone_of_the_time_out, 0, ct_array_size(idle));
	tcase_add_loop_test(count, a_kinds_time_out_tells_the_same, 0, ct_array_size(idle));
	tcase_add_test(count, idle_classes_hold_those_after_them);
	tcase_add_loop_test(count, sketch_errors_are_within_their_bounds, 0,
			    STREAM__COUNT * (int)ct_array_size(capacities));
	tcase_add_test(count, all_that_is_kept_fits_the_memory);
	suite_add_tcase(s, count);
	tcase_add_test(hostile, a_cut_message_is_refused);
	tcase_add_test(hostile, no_byte_of_a_message_can_do_harm);
	tcase_add_loop_test(hostile, attributes_too_short_are_refused, 0, ct_array_size(too_short));
	tcase_add_test(hostile, old_counters_of_32_bits_are_read);
	suite_add_tcase(s, hostile);
	return s;
}
