/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The census: what is asked for, one pass over the dump, and what came out. */
#include "config.h"
#include "census_internal.h"
#include "fs.h"
#include "util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

/* Linux 5.8: the kernel has filtered. */
#ifndef NLM_F_DUMP_FILTERED
#define NLM_F_DUMP_FILTERED 0x20
#endif

#define ATTEMPTS_MAX 4
#define ADDRESS_BYTES 17                /* family and 16 */
#define PORT_BYTES 3                    /* is there one, and 2 */

struct key {
	const char *name;
	size_t bytes;
};

static const struct key keys[CT_CENSUS_KEY__COUNT] = {
	[CT_CENSUS_PROTO] = { "proto", 1 },
	[CT_CENSUS_STATE] = { "state", 1 },
	[CT_CENSUS_ASSURED] = { "assured", 1 },
	[CT_CENSUS_SRC] = { "src", ADDRESS_BYTES },
	[CT_CENSUS_DST] = { "dst", ADDRESS_BYTES },
	[CT_CENSUS_DPORT] = { "dport", PORT_BYTES },
	[CT_CENSUS_ZONE] = { "zone", sizeof(uint16_t) },
	[CT_CENSUS_MARK] = { "mark", sizeof(uint32_t) },
	[CT_CENSUS_PREFIX] = { "prefix", ADDRESS_BYTES },
	[CT_CENSUS_AGE] = { "age", 1 },
	[CT_CENSUS_TIMEOUT] = { "timeout", 1 },
};

#define KEY_WORDS_MAX 9                 /* all of the above */

union packed {
	uint64_t word[KEY_WORDS_MAX];
	uint8_t byte[KEY_WORDS_MAX * sizeof(uint64_t)];
};

/* What has a network, and how long it is. */
struct lengths {
	uint8_t ipv4, ipv6;
};

struct ct_census {
	enum ct_census_key by[CT_CENSUS_KEY__COUNT];
	unsigned keys;
	struct lengths address, prefix;
	struct ct_filter filter;
	unsigned max_cpu_percent;
	unsigned want;
	struct ct_tallies tallies;
	uint32_t *order;
	struct ct_census_result result;

	/* of the run */
	struct ct_kver kernel;
	struct ct_idle_table idle;
	struct timespec began, cpu_began;
	uint64_t wall_nsec;             /* since 1970, when it began */
	bool push;                      /* let the kernel filter */
	bool pushed;
	ct_census_connect_fn connect;
	void *connect_data;
};

const char *ct_census_key_name(enum ct_census_key key)
{
	return (unsigned)key < CT_CENSUS_KEY__COUNT ? keys[key].name : NULL;
}

uint32_t ct_census_idle_seconds(enum ct_census_idle idle)
{
	static const uint32_t seconds[CT_CENSUS_IDLE__COUNT] = { 60, 600, 3600, 86400 };

	return (unsigned)idle < CT_CENSUS_IDLE__COUNT ? seconds[idle] : 0;
}

/* ---- what is asked for */

static int add_key(struct ct_census *c, const char *name, size_t n, struct ct_err *err)
{
	unsigned key = 0;

	while (key < CT_CENSUS_KEY__COUNT && (strlen(keys[key].name) != n || memcmp(keys[key].name, name, n) != 0))
		key++;
	if (key == CT_CENSUS_KEY__COUNT)
		return ct_err_set(err, -EINVAL, "census by '%.*s': no such key, there are proto, state, assured, src, "
				  "dst, dport, zone, mark, prefix, age and timeout", (int)(n < 40 ? n : 40), name);
	for (unsigned i = 0; i < c->keys; i++)
		if (c->by[i] == key)
			return ct_err_set(err, -EINVAL, "census by '%s' twice", keys[key].name);
	c->by[c->keys++] = (enum ct_census_key)key;
	return 0;
}

static int parse_by(struct ct_census *c, const char *text, struct ct_err *err)
{
	for (;;) {
		size_t n = strcspn(text, ",");
		int r = add_key(c, text, n, err);

		if (r < 0)
			return r;
		if (text[n] == '\0')
			return 0;
		text += n + 1;
	}
}

static int parse_length(const char *text, size_t n, unsigned max, uint8_t *ret)
{
	char copy[8] = "";
	uint64_t v;

	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	if (strspn(copy, "0123456789") != n || ct_parse_u64(copy, &v) < 0 || v > max)
		return -EINVAL;
	*ret = (uint8_t)v;
	return 0;
}

static int parse_prefix(struct ct_census *c, const char *text, struct ct_err *err)
{
	size_t n = strcspn(text, "/");
	uint8_t v;

	if (parse_length(text, n, 32, &v) < 0)
		goto wrong;
	c->address.ipv4 = c->prefix.ipv4 = v;
	if (text[n] == '\0')
		return 0;
	if (parse_length(text + n + 1, strlen(text + n + 1), 128, &v) < 0)
		goto wrong;
	c->address.ipv6 = c->prefix.ipv6 = v;
	return 0;
wrong:
	return ct_err_set(err, -EINVAL, "prefix '%.40s': must be a length of 0 to 32, or that and one of 0 to 128 such as "
			  "24/64", text);
}

static int parse_options(struct ct_census *c, const struct ct_census_options *o, struct ct_err *err)
{
	int r = parse_by(c, o->by ? o->by : "proto,state", err);

	if (r == 0 && o->prefix)
		r = parse_prefix(c, o->prefix, err);
	if (r == 0 && o->filter)
		r = ct_filter_parse(o->filter, &c->filter, err);
	if (r == 0 && o->max_cpu_percent > 100)
		r = ct_err_set(err, -EINVAL, "CPU share of %u %%: must be 1 to 100", o->max_cpu_percent);
	c->max_cpu_percent = o->max_cpu_percent ? o->max_cpu_percent : 100;
	return r;
}

static int connect_kernel(struct ct_nl *nl, void *data, struct ct_err *err)
{
	(void)data;
	return ct_nl_open(nl, err);
}

void ct_census_set_connect(struct ct_census *census, ct_census_connect_fn connect, void *data)
{
	census->connect = connect;
	census->connect_data = data;
}

static void freep(struct ct_census **c)
{
	(void)ct_census_free(*c);
}

int ct_census_new(struct ct_census **ret, const struct ct_census_options *options, struct ct_err *err)
{
	ct_cleanup(freep) struct ct_census *c = calloc(1, sizeof(*c));
	size_t bytes = 0, words;
	int r;

	if (!c)
		return ct_err_set(err, -ENOMEM, "out of memory");
	c->address = (struct lengths){ .ipv4 = 32, .ipv6 = 128 };
	c->prefix = (struct lengths){ .ipv4 = 24, .ipv6 = 64 };
	r = parse_options(c, options, err);
	if (r < 0)
		return r;
	c->want = CT_ENTRY_WANT_COUNTERS;
	for (unsigned i = 0; i < c->keys; i++) {
		bytes += keys[c->by[i]].bytes;
		if (c->by[i] == CT_CENSUS_AGE)
			c->want |= CT_ENTRY_WANT_START;
	}
	words = (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	ct_census_set_connect(c, connect_kernel, NULL);
	r = ct_tallies_init(&c->tallies, words, ct_tallies_capacity(words));
	if (r < 0)
		return ct_err_set(err, r, "out of memory");
	*ret = ct_take(c);
	return 0;
}

struct ct_census *ct_census_free(struct ct_census *census)
{
	if (census) {
		ct_tallies_done(&census->tallies);
		free(census->order);
		free(census);
	}
	return NULL;
}

/* ---- keys to bytes and back */

/* Family and the first bits of the address, the rest 0. */
static uint8_t *pack_address(uint8_t *at, const struct ct_entry *e, const uint8_t *address, const struct lengths *lengths)
{
	const unsigned bits = e->family == AF_INET ? lengths->ipv4 : lengths->ipv6;
	const unsigned whole = bits / 8, rest = bits % 8;

	if (address) {
		at[0] = e->family;
		memcpy(at + 1, address, whole);
		if (rest)
			at[1 + whole] = (uint8_t)(address[whole] & 0xff00 >> rest);
	}
	return at + ADDRESS_BYTES;
}

static uint8_t age_class(const struct ct_census *c, const struct ct_entry *e)
{
	if (e->start_nsec == 0)
		return CT_CLASS_UNKNOWN;
	return ct_class_of(c->wall_nsec > e->start_nsec ? (c->wall_nsec - e->start_nsec) / 1000000000 : 0);
}

static uint8_t *pack_port(uint8_t *at, const struct ct_entry *e)
{
	at[0] = e->has_ports;
	memcpy(at + 1, &e->dport, sizeof(e->dport));
	return at + PORT_BYTES;
}

/* @at is zero beforehand; returns what is behind. */
static inline uint8_t *pack_one(const struct ct_census *c, enum ct_census_key key, const struct ct_entry *e, uint8_t *at)
{
	switch (key) {
	case CT_CENSUS_PROTO:
		at[0] = e->proto;
		return at + 1;
	case CT_CENSUS_STATE:
		at[0] = (uint8_t)ct_entry_state_id(e);
		return at + 1;
	case CT_CENSUS_ASSURED:
		at[0] = (uint8_t)ct_entry_assured(e);
		return at + 1;
	case CT_CENSUS_SRC:
		return pack_address(at, e, e->src, &c->address);
	case CT_CENSUS_DST:
		return pack_address(at, e, e->dst, &c->address);
	case CT_CENSUS_PREFIX:
		return pack_address(at, e, e->src, &c->prefix);
	case CT_CENSUS_DPORT:
		return pack_port(at, e);
	case CT_CENSUS_ZONE:
		memcpy(at, &e->zone, sizeof(e->zone));
		return at + sizeof(e->zone);
	case CT_CENSUS_MARK:
		memcpy(at, &e->mark, sizeof(e->mark));
		return at + sizeof(e->mark);
	case CT_CENSUS_AGE:
		at[0] = age_class(c, e);
		return at + 1;
	case CT_CENSUS_TIMEOUT:
		at[0] = e->has_timeout ? ct_class_of(e->timeout) : CT_CLASS_UNKNOWN;
		return at + 1;
	case CT_CENSUS_KEY__COUNT:
		break;
	}
	return at;
}

static void set_number(struct ct_census_value *v, uint64_t number)
{
	v->known = v->is_number = true;
	v->number = number;
	(void)snprintf(v->text, sizeof(v->text), "%" PRIu64, number);
}

static void set_text(struct ct_census_value *v, const char *text)
{
	v->known = text;
	(void)snprintf(v->text, sizeof(v->text), "%s", text ? text : "-");
}

static void set_proto(struct ct_census_value *v, uint8_t proto)
{
	char number[4];

	(void)snprintf(number, sizeof(number), "%u", proto);
	set_text(v, ct_proto_name(proto) ? ct_proto_name(proto) : number);
}

/* An address, with its length unless that is all of it. */
static void set_address(struct ct_census_value *v, const uint8_t *at, const struct lengths *lengths)
{
	const bool ipv4 = at[0] == AF_INET;
	const unsigned bits = ipv4 ? lengths->ipv4 : lengths->ipv6;
	char address[INET6_ADDRSTRLEN];

	if (!inet_ntop(at[0], at + 1, address, sizeof(address))) {
		set_text(v, NULL);
		return;
	}
	set_text(v, address);
	if (bits != (ipv4 ? 32 : 128))
		(void)snprintf(v->text, sizeof(v->text), "%s/%u", address, bits);
}

static void unpack_one(const struct ct_census *c, enum ct_census_key key, const uint8_t *at, struct ct_census_value *v)
{
	uint16_t u16;
	uint32_t u32;

	*v = (struct ct_census_value){ .key = key };
	switch (key) {
	case CT_CENSUS_PROTO:
		set_proto(v, at[0]);
		break;
	case CT_CENSUS_STATE:
		set_text(v, ct_state_id_name(at[0]));
		break;
	case CT_CENSUS_ASSURED:
		set_text(v, ct_assured_name((enum ct_assured)at[0]));
		break;
	case CT_CENSUS_SRC:
	case CT_CENSUS_DST:
		set_address(v, at, &c->address);
		break;
	case CT_CENSUS_PREFIX:
		set_address(v, at, &c->prefix);
		break;
	case CT_CENSUS_DPORT:
		memcpy(&u16, at + 1, sizeof(u16));
		set_text(v, NULL);
		if (at[0])
			set_number(v, u16);
		break;
	case CT_CENSUS_ZONE:
		memcpy(&u16, at, sizeof(u16));
		set_number(v, u16);
		break;
	case CT_CENSUS_MARK:
		memcpy(&u32, at, sizeof(u32));
		set_number(v, u32);
		break;
	case CT_CENSUS_AGE:
	case CT_CENSUS_TIMEOUT:
		set_text(v, ct_class_name(at[0]));
		break;
	case CT_CENSUS_KEY__COUNT:
		break;
	}
}

/* ---- counting */

static inline void count_idle(struct ct_census *c, const struct ct_entry *e)
{
	struct ct_census_result *r = &c->result;
	uint32_t seconds;

	if (!ct_entry_idle(&c->idle, e, &seconds)) {
		r->idle_unknown++;
		return;
	}
	for (unsigned i = 0; i < CT_CENSUS_IDLE__COUNT && seconds > ct_census_idle_seconds((enum ct_census_idle)i); i++)
		r->idle[i]++;
}

static inline void count_traffic(struct ct_census *c, const struct ct_entry *e, struct ct_tally *tally)
{
	struct ct_census_result *r = &c->result;

	if (!e->has_counters) {
		r->uncounted++;
		return;
	}
	r->packets.known = r->bytes.known = true;
	r->packets.v += e->packets;
	r->bytes.v += e->bytes;
	tally->packets += e->packets;
	tally->bytes += e->bytes;
}

int ct_census_count(struct ct_census *census, const struct nlmsghdr *h)
{
	union packed key;
	struct ct_entry e;
	uint8_t *at = key.byte;
	int r = ct_entry_parse(h, census->want, &e);

	if (r < 0)
		return r;
	census->result.received++;
	if (h->nlmsg_flags & NLM_F_DUMP_FILTERED)
		census->result.filtered = true;
	if (census->filter.count && !ct_filter_match(&census->filter, &e))
		return 0;
	memset(key.word, 0, census->tallies.words * sizeof(uint64_t));
	for (unsigned i = 0; i < census->keys; i++)
		at = pack_one(census, census->by[i], &e, at);
	count_traffic(census, &e, ct_tallies_add(&census->tallies, key.word));
	count_idle(census, &e);
	census->result.total++;
	return 0;
}

static int on_message(const struct nlmsghdr *h, void *data)
{
	int r;

	/* a test's peer, or a future kernel: what isn't an entry isn't counted */
	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return MNL_CB_OK;
	r = ct_census_count(data, h);
	if (r == 0)
		return MNL_CB_OK;
	errno = -r;
	return MNL_CB_ERROR;
}

/* ---- the dump */

static void put_filter(struct nlmsghdr *h, void *data)
{
	struct ct_census *c = data;

	if (c->push)
		c->pushed = ct_filter_put(&c->filter, &c->kernel, h);
}

static double seconds_since(const struct timespec *then, clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* The kernel's part of a dump is done in our system calls, so our CPU time is all of it. */
static void pause_for_others(void *data)
{
	const struct ct_census *c = data;
	double used, wanted, passed;

	if (c->max_cpu_percent == 100)
		return;
	used = seconds_since(&c->cpu_began, CLOCK_THREAD_CPUTIME_ID);
	wanted = used * 100 / c->max_cpu_percent;
	passed = seconds_since(&c->began, CLOCK_MONOTONIC);
	if (wanted > passed + 0.001) {
		double sleep = wanted - passed;
		struct timespec t = { .tv_sec = (time_t)sleep, .tv_nsec = (long)((sleep - (double)(time_t)sleep) * 1e9) };

		(void)nanosleep(&t, NULL);
	}
}

static void begin(struct ct_census *c)
{
	ct_tallies_clear(&c->tallies);
	c->pushed = false;
	c->result = (struct ct_census_result){ .capacity = c->tallies.capacity, .attempts = c->result.attempts + 1 };
}

static int dump(struct ct_census *c, struct ct_err *err)
{
	static const struct ct_nl_request request = {
		.type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
		.flags = NLM_F_DUMP,
		.put = put_filter,
		.pause = pause_for_others,
	};
	struct ct_nl nl = CT_NL_CLOSED;
	int r;

	begin(c);
	r = c->connect(&nl, c->connect_data, err);
	if (r < 0)
		return r;
	r = ct_nl_request(&nl, &request, on_message, c, err);
	ct_nl_close(&nl);
	return r;
}

/* Another try: the table was busy, answers were lost, or the kernel doesn't like our filter. */
static bool may_try_again(struct ct_census *c, int r)
{
	switch (-r) {
	case EBUSY:
	case EINTR:
	case ENOBUFS:
		return true;
	case EINVAL:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
		if (!c->pushed)
			return false;
		c->push = false;
		return true;
	}
	return false;
}

static int dump_whole(struct ct_census *c, struct ct_err *err)
{
	int r;

	c->result.attempts = 0;
	c->push = true;
	do {
		r = dump(c, err);
	} while (r < 0 && c->result.attempts < ATTEMPTS_MAX && may_try_again(c, r));
	return r;
}

/* ---- what came out */

static int by_entries(const void *a, const void *b, void *data)
{
	const struct ct_census *c = data;
	const struct ct_tally *x = ct_tallies_at(&c->tallies, *(const uint32_t *)a);
	const struct ct_tally *y = ct_tallies_at(&c->tallies, *(const uint32_t *)b);

	if (x->entries != y->entries)
		return x->entries < y->entries ? 1 : -1;
	/* any order, but the same each time */
	return memcmp(x->key, y->key, c->tallies.words * sizeof(uint64_t));
}

static int finish(struct ct_census *c, struct ct_err *err)
{
	struct ct_census_result *r = &c->result;

	free(c->order);
	c->order = calloc(c->tallies.used + 1, sizeof(*c->order));
	if (!c->order) {
		*r = (struct ct_census_result){ .total = 0 };
		return ct_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < c->tallies.used; i++)
		c->order[i] = (uint32_t)i;
	qsort_r(c->order, c->tallies.used, sizeof(*c->order), by_entries, c);
	r->groups = c->tallies.used;
	r->bound = c->tallies.offset;
	r->exact = c->tallies.offset == 0;
	return 0;
}

/* 0 if it can't be read: then a resize isn't seen. */
static int64_t buckets_now(struct ct_fs *fs, const struct ct_facts *facts)
{
	const char *path = facts->value[CT_PARAM_BUCKETS].path;
	int64_t v;

	return path && ct_fs_read_i64(fs, path, &v, NULL) == 0 ? v : 0;
}

int ct_census_run(struct ct_census *census, struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err)
{
	struct timespec wall;
	int64_t before;
	int r;

	if (!ct_fs_is_live(fs))
		return ct_err_set(err, -EOPNOTSUPP, "%s: a captured machine has no entries to count", ct_fs_root(fs));
	if (facts->presence == CT_PRESENCE_ABSENT)
		return ct_err_set(err, -ENODATA, "connection tracking isn't loaded, so there is nothing to count");
	census->kernel = facts->kernel;
	ct_idle_table_fill(&census->idle, facts);
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	census->wall_nsec = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec;
	(void)clock_gettime(CLOCK_MONOTONIC, &census->began);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &census->cpu_began);
	before = buckets_now(fs, facts);
	r = dump_whole(census, err);
	if (r < 0) {
		census->result = (struct ct_census_result){ .total = 0 };
		census->tallies.used = 0;
		return r;
	}
	census->result.resized = buckets_now(fs, facts) != before;
	census->result.seconds = seconds_since(&census->began, CLOCK_MONOTONIC);
	census->result.cpu_seconds = seconds_since(&census->cpu_began, CLOCK_THREAD_CPUTIME_ID);
	return finish(census, err);
}

/* ---- counts in place of a dump */

void ct_census_timeout(const struct ct_facts *facts, const struct ct_census_count *kind, struct ct_census_timeout *ret)
{
	const struct ct_entry e = {
		.proto = kind->proto,
		.state = kind->has_state ? kind->state : 0,
		.status = kind->assured ? IPS_ASSURED : 0U,
	};
	struct ct_idle_table table;

	ct_idle_table_fill(&table, facts);
	ct_entry_timeout(&table, &e, ret);
}

int ct_census_takes_counts(const struct ct_census *census, struct ct_err *err)
{
	for (unsigned i = 0; i < census->keys; i++)
		if (census->by[i] > CT_CENSUS_ASSURED)
			return ct_err_set(err, -EINVAL, "census by '%s': inside the kernel entries are counted by proto, "
					  "state and assured only", keys[census->by[i]].name);
	for (unsigned i = 0; i < census->filter.count; i++) {
		enum ct_filter_field field = census->filter.term[i].field;

		if (field != CT_FILTER_PROTO && field != CT_FILTER_STATE && field != CT_FILTER_ASSURED)
			return ct_err_set(err, -EINVAL, "filter: condition %u isn't about proto, state or assured, by "
					  "which entries are counted inside the kernel", i + 1);
	}
	return 0;
}

static void take_count(struct ct_census *c, const struct ct_census_count *count)
{
	const struct ct_entry e = {
		.proto = count->proto,
		.has_state = count->has_state,
		.state = count->state,
		.status = (count->replied ? IPS_SEEN_REPLY : 0U) | (count->assured ? IPS_ASSURED : 0U),
	};
	union packed key = { .word = { 0 } };
	uint8_t *at = key.byte;

	c->result.received += count->entries;
	if (count->entries == 0 || !ct_filter_match(&c->filter, &e))
		return;
	for (unsigned i = 0; i < c->keys; i++)
		at = pack_one(c, c->by[i], &e, at);
	ct_tallies_add(&c->tallies, key.word)->entries += count->entries - 1;
	c->result.total += count->entries;
	c->result.idle_unknown += count->idle_unknown;
	for (unsigned i = 0; i < CT_CENSUS_IDLE__COUNT; i++)
		c->result.idle[i] += count->idle[i];
}

int ct_census_take_counts(struct ct_census *census, const struct ct_census_count *counts, size_t n, unsigned attempts,
			  double seconds, double cpu_seconds, struct ct_err *err)
{
	int r = ct_census_takes_counts(census, err);

	if (r < 0)
		return r;
	begin(census);
	for (size_t i = 0; i < n; i++)
		take_count(census, &counts[i]);
	census->result.attempts = attempts;
	census->result.seconds = seconds;
	census->result.cpu_seconds = cpu_seconds;
	return finish(census, err);
}

const struct ct_census_result *ct_census_result(const struct ct_census *census)
{
	return &census->result;
}

enum ct_census_key ct_census_by(const struct ct_census *census, unsigned i)
{
	return i < census->keys ? census->by[i] : CT_CENSUS_KEY__COUNT;
}

int ct_census_group(const struct ct_census *census, uint64_t rank, struct ct_census_group *ret)
{
	const struct ct_tally *tally;
	const uint8_t *at;

	if (rank >= census->result.groups)
		return -ERANGE;
	tally = ct_tallies_at(&census->tallies, census->order[rank]);
	*ret = (struct ct_census_group){
		.values = census->keys,
		.entries = tally->entries,
		.error = tally->error,
		.packets = tally->packets,
		.bytes = tally->bytes,
	};
	at = (const uint8_t *)tally->key;
	for (unsigned i = 0; i < census->keys; i++) {
		unpack_one(census, census->by[i], at, &ret->value[i]);
		at += keys[census->by[i]].bytes;
	}
	return 0;
}
