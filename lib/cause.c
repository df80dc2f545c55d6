/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of causes, worst first, and the thresholds that tell them. Pure. */
#include "config.h"
#include "util.h"

#include <conntune/cause.h>
#include <conntune/chain.h>
#include <conntune/size.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* From 95 % of the limit on the kernel's own collector reaps what isn't assured (4.12): it takes it for full, too. */
#define FULL 0.95

/* A limit within a tenth of what memory allows: raising it further isn't worth a plan. */
#define CEILING 0.9

/* Another namespace that holds half of all entries decides how long everybody's chains are ... */
#define HOG_SHARE 0.5

/* ... and matters once it is nearly full itself (where `status` says "filling"), or chains are long because of it. */
#define HOG_FILL 0.8
#define HOG_LOAD 8

/* One new connection in a thousand: what users begin to notice; the same as the verdict's. */
#define REFUSED 1e-3

/*
 * To make room the kernel looks into so many buckets for an entry that isn't assured (4.19 on; before into fewer).
 * Source: NF_CT_EVICTION_RANGE, net/netfilter/nf_conntrack_core.c
 */
#define EVICTION_BUCKETS 8

/*
 * Lost once a second: a person with a time-out that doesn't go away. Below, a retransmission hides it, and a
 * busy firewall always has some (an NAT port taken twice, a packet that a tracker won't have).
 */
#define LOST_PER_SECOND 1

/* Both packets of a clash that was resolved went through; ten a second are a resolver that does it all the time. */
#define RESOLVED_PER_SECOND 10

static bool has_rates(const struct ct_symptoms *s)
{
	return s->seconds > 0;
}

static uint64_t counted(const struct ct_symptoms *s, enum ct_counter counter)
{
	return s->counted[counter].known ? s->counted[counter].v : 0;
}

static bool counts_at(const struct ct_symptoms *s, uint64_t n, double per_second)
{
	return has_rates(s) && (double)n >= per_second * s->seconds;
}

static bool is_unknown(const struct ct_symptoms *s)
{
	return !s->entries.known || !s->limit.known;
}

static bool is_unlimited(const struct ct_symptoms *s)
{
	return s->limit.v == 0;
}

static bool is_full(const struct ct_symptoms *s)
{
	return (double)s->entries.v >= FULL * (double)s->limit.v;
}

/*
 * A refusal is a connection lost although there is room; on a table of the right size there is none in years. Where
 * nobody tells the count, the length of the chains must do.
 */
static bool refuses(const struct ct_symptoms *s)
{
	if (!s->counted[CT_COUNTER_CHAIN_TOO_LONG].known)
		return s->p_refused >= REFUSED;
	return s->counted[CT_COUNTER_CHAIN_TOO_LONG].v > 0 && (has_rates(s) || s->p_refused >= REFUSED);
}

static bool has_full_expectations(const struct ct_symptoms *s)
{
	return s->expect_entries.known && s->expect_limit.known && s->expect_limit.v &&
	       s->expect_entries.v >= s->expect_limit.v;
}

/* insert_failed counts refusals by the chain limit as well */
static uint64_t clashes(const struct ct_symptoms *s)
{
	uint64_t failed = counted(s, CT_COUNTER_INSERT_FAILED), refused = counted(s, CT_COUNTER_CHAIN_TOO_LONG);

	return failed > refused ? failed - refused : 0;
}

/* drop counts the clashes that weren't resolved as well: the others */
static uint64_t other_drops(const struct ct_symptoms *s)
{
	uint64_t dropped = counted(s, CT_COUNTER_DROP);

	return dropped > clashes(s) ? dropped - clashes(s) : 0;
}

static double load_of(const struct ct_symptoms *s, struct ct_u64 entries)
{
	return entries.known && s->buckets.known && s->buckets.v ? ct_chain_load(entries.v, s->buckets.v) : 0;
}

/*
 * The share of new connections that find one to evict when the table is full and nothing in it is assured: nearly all
 * where chains have some length, but where a table has many more buckets than it may have entries, those few that are
 * looked into are mostly empty. Measured on 6.1 with a limit of 2000: 0.40 in 65536 buckets (this says 0.39), 0.97 in
 * 8192 (0.98).
 */
static double evictable(const struct ct_symptoms *s)
{
	double load = load_of(s, s->limit);

	return load > 0 ? -expm1(-EVICTION_BUCKETS * load) : 1;
}

/* The only proof that it was full meanwhile, where it isn't now. */
static bool was_full(const struct ct_symptoms *s)
{
	return is_full(s) || (has_rates(s) && counted(s, CT_COUNTER_EARLY_DROP) > 0);
}

/*
 * Evicted are only entries that nobody answered. While that works at least half as often as it does in a table that has
 * nothing else, the table is full of them; when it fails, all around is assured.
 */
static bool evicts(const struct ct_symptoms *s)
{
	double evicted = (double)counted(s, CT_COUNTER_EARLY_DROP), tried = evicted + (double)other_drops(s);

	return evicted > 0 && evicted >= tried * evictable(s) / 2 && was_full(s);
}

static bool is_at_ceiling(const struct ct_symptoms *s)
{
	return is_full(s) && s->ceiling.known && (double)s->limit.v >= CEILING * (double)s->ceiling.v;
}

static bool drops_full(const struct ct_symptoms *s)
{
	return was_full(s) && other_drops(s) > 0;
}

static bool has_hog(const struct ct_symptoms *s)
{
	return s->other_entries.known && s->all_entries.known &&
	       (double)s->other_entries.v >= HOG_SHARE * (double)s->all_entries.v &&
	       ((double)s->other_entries.v >= HOG_FILL * (double)s->limit.v || load_of(s, s->all_entries) > HOG_LOAD);
}

static bool loses_clashes(const struct ct_symptoms *s)
{
	return counts_at(s, clashes(s), LOST_PER_SECOND);
}

/*
 * "found" counts how often source NAT wanted a port that was taken, where "searched" is gone (4.9); before, look-ups
 * that hit. At least once for each connection that then clashes, because two that take a port at the same moment are
 * rarer than one that comes later; clashes without NAT have none.
 */
static bool lacks_ports(const struct ct_symptoms *s)
{
	return loses_clashes(s) && !s->counted[CT_COUNTER_SEARCHED].known &&
	       counted(s, CT_COUNTER_FOUND) >= clashes(s);
}

static bool resolves_clashes(const struct ct_symptoms *s)
{
	return counts_at(s, counted(s, CT_COUNTER_CLASH_RESOLVE), RESOLVED_PER_SECOND);
}

static bool drops(const struct ct_symptoms *s)
{
	return counts_at(s, other_drops(s), LOST_PER_SECOND);
}

static bool always(const struct ct_symptoms *s)
{
	(void)s;
	return true;
}

/* Evidence: text that grows, and is cut where the room ends. */
struct words {
	char *text;
	size_t n;
};

__attribute__((format(printf, 2, 3)))
static void say(struct words *w, const char *format, ...)
{
	size_t used = strlen(w->text);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(w->text + used, w->n - used, format, ap);
	va_end(ap);
}

static void say_entries(struct words *w, const struct ct_symptoms *s)
{
	say(w, "%s%" PRIu64 " of %" PRIu64 " entries (%.0f %%)", *w->text ? ", " : "", s->entries.v, s->limit.v,
	    100 * (double)s->entries.v / (double)s->limit.v);
}

static void say_number(struct words *w, const struct ct_symptoms *s, const char *name, uint64_t n)
{
	if (has_rates(s))
		say(w, "%s%s %.1f/s", *w->text ? ", " : "", name, (double)n / s->seconds);
	else
		say(w, "%s%s %" PRIu64 " since the counters began", *w->text ? ", " : "", name, n);
}

static void say_counter(struct words *w, const struct ct_symptoms *s, enum ct_counter counter)
{
	if (s->counted[counter].known)
		say_number(w, s, ct_counter_name(counter), s->counted[counter].v);
}

static void show_nothing(struct words *w, const struct ct_symptoms *s)
{
	(void)w, (void)s;
}

static void show_entries(struct words *w, const struct ct_symptoms *s)
{
	say(w, "%" PRIu64 " entries", s->entries.v);
}

static void show_drops(struct words *w, const struct ct_symptoms *s)
{
	say_entries(w, s);
	say_counter(w, s, CT_COUNTER_DROP);
	say_counter(w, s, CT_COUNTER_EARLY_DROP);
}

static void show_chains(struct words *w, const struct ct_symptoms *s)
{
	say_counter(w, s, CT_COUNTER_CHAIN_TOO_LONG);
	say(w, "%smean chain %.1f in %" PRIu64 " buckets", *w->text ? ", " : "", load_of(s, s->all_entries), s->buckets.v);
	say_entries(w, s);
}

static void show_expectations(struct words *w, const struct ct_symptoms *s)
{
	say(w, "%" PRIu64 " of %" PRIu64 " expectations", s->expect_entries.v, s->expect_limit.v);
}

static void show_ceiling(struct words *w, const struct ct_symptoms *s)
{
	show_drops(w, s);
	say(w, ", memory allows %" PRIu64, s->ceiling.v);
}

static void show_hog(struct words *w, const struct ct_symptoms *s)
{
	if (s->other_name[0])
		say(w, "namespace %s", s->other_name);
	else
		say(w, "namespace %" PRIu64, s->other_inode);
	say(w, " has %" PRIu64 " of all %" PRIu64 " entries", s->other_entries.v, s->all_entries.v);
	if (s->buckets.known)
		say(w, ", mean chain %.1f", load_of(s, s->all_entries));
}

static void show_ports(struct words *w, const struct ct_symptoms *s)
{
	say_number(w, s, "insert_failed without chains", clashes(s));
	say(w, ", ports found taken (found) %.1f/s", (double)counted(s, CT_COUNTER_FOUND) / s->seconds);
}

static void show_clashes(struct words *w, const struct ct_symptoms *s)
{
	say_number(w, s, "insert_failed without chains", clashes(s));
	say_counter(w, s, CT_COUNTER_CLASH_RESOLVE);
}

static const struct row {
	bool (*holds)(const struct ct_symptoms *s);
	void (*show)(struct words *w, const struct ct_symptoms *s);
	bool healthy;
	const char *name, *text, *remedy;
} rows[] = {
	{ .holds = is_unknown, .show = show_nothing, .name = "unknown", .remedy = "",
	  .text = "Limit or number of entries can't be read, so nothing can be said." },
	{ .holds = is_unlimited, .show = show_entries, .name = "no-limit",
	  .text = "No limit is set: the table may grow until memory is used up.",
	  .remedy = "Set a limit: `conntune apply`." },
	{ .holds = refuses, .show = show_chains, .name = "chain-limit",
	  .text = "Chain limit: the kernel refuses new connections because chains are too long, not because the table "
		  "is full.",
	  .remedy = "More buckets; a higher limit would make it worse: `conntune apply`." },
	{ .holds = has_full_expectations, .show = show_expectations, .name = "expectations",
	  .text = "The expectation table is full: packets that announce a connection to a helper (FTP, SIP, TFTP) are "
		  "dropped, which no counter tells.",
	  .remedy = "Raise net.netfilter.nf_conntrack_expect_max." },
	{ .holds = evicts, .show = show_drops, .name = "flood",
	  .text = "Scan or SYN flood: the table is full of connections that nobody answered, which push each other out.",
	  .remedy = "Find the source (`conntrack -L --status UNREPLIED`) and drop it before tracking (raw table); a "
		    "larger table only fills later." },
	{ .holds = is_at_ceiling, .show = show_ceiling, .name = "ceiling",
	  .text = "Ceiling reached: the table is full, and its limit is what this machine's memory allows.",
	  .remedy = "Let idle connections go earlier: lower net.netfilter.nf_conntrack_tcp_timeout_established." },
	{ .holds = drops_full, .show = show_drops, .name = "assured",
	  .text = "The table is full of assured connections, which can't be pushed out: new ones are dropped.",
	  .remedy = "Raise the limit: `conntune apply`." },
	{ .holds = is_full, .show = show_drops, .name = "filling",
	  .text = "The table is about to be full; nothing is lost yet.",
	  .remedy = "Raise the limit: `conntune apply`." },
	{ .holds = has_hog, .show = show_hog, .name = "namespace-hog",
	  .text = "Another network namespace has most of the entries; the buckets, and so the length of chains, are "
		  "shared.",
	  .remedy = "Look into that namespace (`ip netns exec NAME conntune status`): its connections are not ours." },
	{ .holds = lacks_ports, .show = show_ports, .name = "nat-ports",
	  .text = "NAT runs out of ports: connections to one place that get the same address and port are dropped.",
	  .remedy = "Give source NAT more addresses or ports, and let it choose at random (nft fully-random, iptables "
		    "--random-fully)." },
	{ .holds = loses_clashes, .show = show_clashes, .name = "clashes",
	  .text = "Clashes: packets of one flow race each other and lose; mostly DNS queries for A and AAAA at once.",
	  .remedy = "Take DNS out of tracking (notrack, UDP port 53), or let resolvers ask one by one "
		    "(options single-request)." },
	{ .holds = drops, .show = show_drops, .name = "dropping",
	  .text = "Packets are dropped although there is room: no memory for an entry, a table that was full between two "
		  "looks, or a packet that NAT of a helper can't adjust.",
	  .remedy = "See which in the kernel's log: `dmesg | grep -E 'allocation failure|table full'`; neither means NAT." },
	{ .holds = resolves_clashes, .show = show_clashes, .name = "clashes", .healthy = true,
	  .text = "Clashes: packets of one flow race each other, and all went through; mostly DNS queries for A and "
		  "AAAA at once.",
	  .remedy = "" },
	{ .holds = always, .show = show_drops, .name = "healthy", .healthy = true, .remedy = "",
	  .text = "Nothing is lost, and there is room." },
};

void ct_cause_find(const struct ct_symptoms *symptoms, struct ct_cause *ret)
{
	struct words words = { .text = ret->evidence, .n = sizeof(ret->evidence) };
	const struct row *row = rows;

	while (!row->holds(symptoms))
		row++;
	*ret = (struct ct_cause){ .name = row->name, .healthy = row->healthy, .text = row->text, .remedy = row->remedy };
	row->show(&words, symptoms);
}

/* What happened between two samples, or all that was ever counted. */
static void set_counted(struct ct_symptoms *s, const struct ct_sample *before, const struct ct_sample *after,
			double seconds)
{
	s->seconds = before && seconds > 0 ? seconds : 0;
	for (int i = 0; i < CT_COUNTER__COUNT; i++) {
		struct ct_u64 *n = &s->counted[i];

		*n = after->counter[i];
		if (has_rates(s)) {
			n->known = n->known && before->counter[i].known;
			n->v -= before->counter[i].v;
		}
	}
}

/* The fullest that isn't ours comes first: they are sorted. */
static void set_others(struct ct_symptoms *s, const struct ct_netns_list *list)
{
	for (size_t i = 0; i < ct_netns_count(list); i++) {
		const struct ct_netns *netns = ct_netns_at(list, i);

		if (netns->own)
			continue;
		s->other_entries = netns->entries;
		(void)snprintf(s->other_name, sizeof(s->other_name), "%.63s", netns->name);
		s->other_inode = netns->inode;
		return;
	}
}

/* An endless limit, cut by what sizing cuts with: budget and available memory. */
static struct ct_u64 ceiling_of(const struct ct_facts *facts)
{
	struct ct_size_request request;
	struct ct_size size;

	if (ct_size_request_init(&request, facts, NULL) < 0)
		return (struct ct_u64){ .known = false };
	request.fixed_limit = INT_MAX;
	if (ct_size_compute(&request, CT_POLICY_FIXED, &size, NULL) < 0)
		return (struct ct_u64){ .known = false };
	return (struct ct_u64){ .known = true, .v = size.limit };
}

int ct_symptoms_init(struct ct_symptoms *ret, const struct ct_facts *facts, const struct ct_sample *before,
		     const struct ct_sample *after, double seconds, const struct ct_netns_list *netns,
		     struct ct_err *err)
{
	const struct ct_value *expect = &facts->value[CT_PARAM_EXPECT_MAX];
	struct ct_symptoms s = { .entries = ct_facts_entries(facts), .limit = ct_facts_limit(facts) };
	struct ct_kernel kernel;
	int r = ct_kernel_describe(&facts->kernel, facts->page_bytes, facts->pointer_bits, &kernel, err);

	if (r < 0)
		return r;
	s.buckets = ct_facts_buckets(facts);
	s.expect_entries = facts->expect_entries;
	s.expect_limit = (struct ct_u64){ .known = expect->known && expect->v > 0, .v = (uint64_t)expect->v };
	s.ceiling = ceiling_of(facts);
	if (after)
		set_counted(&s, before, after, seconds);
	if (after && after->entries.known)
		s.entries = after->entries;
	s.all_entries = s.entries;
	/* before 4.7 each namespace has buckets of its own: others don't make our chains longer */
	if (netns && !kernel.table_per_netns) {
		if (ct_netns_entries(netns, NULL).known)
			s.all_entries = ct_netns_entries(netns, NULL);
		set_others(&s, netns);
	}
	if (s.buckets.known && s.buckets.v)
		s.p_refused = ct_chain_p_refused(load_of(&s, s.all_entries), &kernel);
	*ret = s;
	return 0;
}
