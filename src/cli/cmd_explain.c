/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune explain: the formulas, with this machine's numbers put in. */
#include "config.h"
#include "cli.h"
#include "options.h"
#include "out.h"
#include "sizing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <conntune/conntune.h>

/* What a topic writes about. */
struct talk {
	struct out *out;
	const struct cli_sizing *sizing;
	const struct ct_facts *facts;
	const struct ct_size_request *request;
	const struct ct_size *size;     /* of the recommended policy */
};

/* One paragraph. */
static void say(const struct talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct talk *t, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	out_text(t->out, NULL, NULL, text);
}

struct human {
	char text[32];
};

static struct human human(enum out_unit unit, double v)
{
	struct human h;

	out_human(h.text, sizeof(h.text), unit, v);
	return h;
}

#define BYTES(v) human(OUT_BYTES, (double)(v)).text
#define SHARE(v) human(OUT_SHARE, (v)).text
#define RATIO(v) human(OUT_RATIO, (v)).text

/* The library's own arithmetic, a paragraph per line. */
static void say_arithmetic(const struct talk *t, const struct ct_size *size)
{
	char text[4096], *rest;

	(void)ct_size_explain(t->request, size, text, sizeof(text));
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		say(t, "%s", line);
}

static void say_policy(const struct talk *t, enum ct_policy policy, const char *missing)
{
	for (size_t i = 0; i < t->sizing->count; i++)
		if (t->sizing->size[i].policy == policy) {
			say_arithmetic(t, &t->sizing->size[i]);
			return;
		}
	say(t, "Not computed here: %s", missing);
}

static void explain_limit(const struct talk *t)
{
	struct ct_u64 limit = ct_facts_limit(t->facts);

	say(t, "The limit (nf_conntrack_max, CONNTRACK_MAX in old documents) is the most entries that one "
	       "network namespace may have. A new connection beyond it pushes out one that was never answered, "
	       "or is dropped.");
	if (limit.known)
		say(t, "Present limit: %" PRIu64 "%s.", limit.v, limit.v ? "" : ", which means none");
	say(t, "Policy %s gives %" PRIu64 ":", ct_policy_name(t->size->policy), t->size->limit);
	say_arithmetic(t, t->size);
}

static void explain_buckets(const struct talk *t)
{
	const struct ct_kernel *k = &t->request->kernel;
	struct ct_u64 buckets = ct_facts_buckets(t->facts);

	say(t, "Buckets (nf_conntrack_buckets, hashsize, HASHSIZE in old documents) are the lists of the hash "
	       "table. More of them make the lists shorter, so that each packet finds its entry faster; each "
	       "costs %u bytes all the time.",
	    k->bucket_bytes);
	if (k->bucket_step > 1)
		say(t, "This kernel rounds the number up to whole pages: %u bytes / %u bytes = a multiple of %u.",
		    t->facts->page_bytes, k->bucket_bytes, k->bucket_step);
	if (buckets.known)
		say(t, "Present buckets: %" PRIu64 ", %s.", buckets.v, BYTES(buckets.v * k->bucket_bytes));
	say(t, "Policy %s gives %" PRIu64 " buckets for a limit of %" PRIu64 ".", ct_policy_name(t->size->policy),
	    t->size->buckets, t->size->limit);
	say(t, "Changing it makes the kernel move every entry while no packet is tracked, about half a second "
	       "per million entries on a small machine: best done early, while the table is small.");
}

static void explain_load(const struct talk *t)
{
	struct ct_u64 entries = ct_facts_entries(t->facts), buckets = ct_facts_buckets(t->facts);

	say(t, "load = nodes / buckets = 2 x entries of all namespaces / buckets: each connection is in the "
	       "table twice, once for each direction. It is the mean length of the chains.");
	if (entries.known && buckets.known && buckets.v)
		say(t, "Now: 2 x %" PRIu64 " / %" PRIu64 " = %s.", entries.v, buckets.v,
		    RATIO(ct_chain_load(entries.v, buckets.v)));
	say(t, "Full, as policy %s has it: 2 x %" PRIu64 " / %" PRIu64 " = %s.", ct_policy_name(t->size->policy),
	    t->size->limit, t->size->buckets, RATIO(t->size->load));
}

static void explain_longest(const struct talk *t)
{
	double load = t->size->load;

	say(t, "The hash spreads nodes evenly, so chain lengths follow a Poisson distribution: P(length = k) = "
	       "load^k x e^-load / k!. The longest chain to expect is the length that half of all such tables "
	       "reach.");
	say(t, "A full table of %" PRIu64 " buckets at load %s: %.0f %% of the chains are empty, 99 %% have at "
	       "most %u nodes, the longest has about %u.", t->size->buckets, RATIO(load), 100 * ct_chain_p(load, 0),
	    ct_chain_quantile(load, 0.99), t->size->longest_expected);
}

static void explain_refused(const struct talk *t)
{
	const struct ct_kernel *k = &t->request->kernel;

	say(t, "From 5.15 on the kernel refuses a new connection when one of its two chains is too long, "
	       "without a log line and however empty the table is; only the counters chaintoolong and "
	       "insert_failed tell.");
	if (!k->chain_limit_max) {
		say(t, "This kernel (%s) has no such rule: P(refused) is 0.", t->facts->release);
		return;
	}
	say(t, "This kernel (%s) draws a limit from %u .. %u for each new connection, and a chain of at least "
	       "limit + 2 nodes refuses. P(refused) when limit = buckets (load 2): %s; limit = 4 x buckets "
	       "(load 8): %s; limit = 8 x buckets (load 16): %s; limit = 20 x buckets (load 40): %s.",
	    t->facts->release, k->chain_limit_min, k->chain_limit_max, SHARE(ct_chain_p_refused(2, k)),
	    SHARE(ct_chain_p_refused(8, k)), SHARE(ct_chain_p_refused(16, k)), SHARE(ct_chain_p_refused(40, k)));
	say(t, "Policy %s, full: load %s, P(refused): %s.", ct_policy_name(t->size->policy), RATIO(t->size->load),
	    SHARE(t->size->p_refused));
}

static void explain_memory(const struct talk *t)
{
	const struct ct_kernel *k = &t->request->kernel;

	say(t, "memory = entries x bytes of one entry + buckets x bytes of one bucket, the buckets in whole "
	       "pages. Kernel memory is never swapped out, and entries don't count towards a container's "
	       "limits.");
	say(t, "Policy %s, full: %" PRIu64 " x %" PRIu64 " + %" PRIu64 " x %u = %s.", ct_policy_name(t->size->policy),
	    t->size->limit, t->request->entry_bytes, t->size->buckets, k->bucket_bytes, BYTES(t->size->memory_bytes));
	say(t, "Buckets take theirs at once, entries only while they exist.");
}

static void explain_entry_bytes(const struct talk *t)
{
	const struct ct_facts *f = t->facts;

	say(t, "One connection takes an object of a slab, and an extension of 128 bytes or more if anything is "
	       "attached: accounting, timestamps, NAT, helpers, labels, or a listener to connection events in "
	       "any namespace.");
	if (f->entry_slab_bytes.known)
		say(t, "Here: slab %" PRIu64 " (source: %s) + extension %u = %" PRIu64 " bytes.", f->entry_slab_bytes.v,
		    ct_entry_source_name(f->entry_source), f->entry_extension_bytes, f->entry_bytes);
	else
		say(t, "Here: %" PRIu64 " bytes (source: %s).", f->entry_bytes, ct_entry_source_name(f->entry_source));
	say(t, "The slab's true size is readable by root only (/sys/kernel/slab, /proc/slabinfo); without it "
	       "the size that is typical of this kernel is used. --entry-bytes overrides it.");
}

static void explain_budget(const struct talk *t)
{
	const struct ct_size_request *req = t->request;

	say(t, "A full table, all namespaces together, may take the budget: %d %% of RAM unless --budget says "
	       "otherwise; policy dedicated takes RAM less the reserve. Here: %s.",
	    CT_BUDGET_DEFAULT_PERCENT, BYTES(t->size->budget_bytes));
	say(t, "And what must stay available is never touched: %d %% of RAM, at least %s, at most a quarter of "
	       "RAM: here %s. Old and new buckets exist together while they are changed, so both are counted.",
	    CT_AVAILABLE_FLOOR_PERCENT, BYTES(CT_AVAILABLE_FLOOR_BYTES), BYTES(ct_memory_floor(req->ram_bytes)));
	if (req->mem_available.known)
		say(t, "Available now: %s.", BYTES(req->mem_available.v));
	say(t, "What bound policy %s: %s.", ct_policy_name(t->size->policy), ct_bound_text(t->size->bound_by));
}

static void explain_balanced(const struct talk *t)
{
	say(t, "balanced, the default: limit = RAM bytes / 16384 / (pointer bits / 32), without the documents' "
	       "step and cap at 1 GiB; buckets: the smallest power of two that keeps the load of a full table "
	       "within the target (2: buckets = limit).");
	say_policy(t, CT_POLICY_BALANCED, "it doesn't fit into the budget.");
}

static void explain_documented(const struct talk *t)
{
	say(t, "documented, the rule of 2004: limit = RAM bytes / 16384 / (pointer bits / 32), at least 128, "
	       "at most 65536 above 1 GiB; buckets = limit / 8, at least 16, at most 8192 above 1 GiB.");
	say_policy(t, CT_POLICY_DOCUMENTED, "it doesn't fit into the budget.");
}

static void explain_kernel(const struct talk *t)
{
	say(t, "kernel: what this kernel's version chooses by itself when the module is loaded without "
	       "hashsize: RAM / 16384 / size of one bucket, with the steps and the limit per bucket of its era.");
	say_policy(t, CT_POLICY_KERNEL, "it doesn't fit into the budget.");
}

static void explain_dedicated(const struct talk *t)
{
	say(t, "dedicated: a machine that does nothing else. limit = (RAM - reserve) / (bytes of one entry + "
	       "bytes of one bucket), cut to a power of two; buckets = limit. The reserve is 128 MiB unless "
	       "--reserve says otherwise.");
	say_policy(t, CT_POLICY_DEDICATED, "the reserve leaves nothing of this machine's memory.");
}

static void explain_demand(const struct talk *t)
{
	say(t, "demand: limit = most entries ever seen x head room x machines whose load this one may have to "
	       "carry; buckets as in balanced. --peak, --headroom and --failover give the numbers.");
	say_policy(t, CT_POLICY_DEMAND, "the peak isn't known; see --policy demand --peak N.");
}

static void explain_fixed(const struct talk *t)
{
	say(t, "fixed: the administrator's numbers, --limit and --buckets, checked like all others. Without "
	       "--buckets they follow the target load; without --limit it equals the buckets.");
	say_policy(t, CT_POLICY_FIXED, "no numbers were given; see --policy fixed --limit N --buckets N.");
}

static void explain_hashsize_trap(const struct talk *t)
{
	uint64_t limit = ct_size_hashsize_trap(&t->facts->kernel, &t->request->kernel, t->size->buckets);

	say(t, "Whoever loads the module with hashsize=N gets a limit of %u x N, in every kernel; without "
	       "hashsize it is 1 to 8 times the buckets, depending on the kernel. The module has no parameter "
	       "for the limit.",
	    t->request->kernel.hashsize_factor);
	say(t, "Here hashsize=%" PRIu64 " would make the limit %" PRIu64 " instead of %" PRIu64 ": a full "
	       "table would take %s and have chains of %s on average, P(refused) would be %s.",
	    t->size->buckets, limit, t->size->limit, BYTES((double)limit * (double)t->request->entry_bytes),
	    RATIO(ct_chain_load(limit, t->size->buckets)),
	    SHARE(ct_chain_p_refused(ct_chain_load(limit, t->size->buckets), &t->request->kernel)));
	say(t, "So the limit must be set right after the module was loaded, at boot through sysctl.d: conntune "
	       "apply --persist does both.");
}

static void explain_namespaces(const struct talk *t)
{
	say(t, "The limit is one number for the host, compared with the entries of each network namespace; the "
	       "buckets are one table for all (from 4.7 on). So the worst case is namespaces x limit entries "
	       "in the same buckets.");
	say(t, "Found here: %u. Worst case with policy %s and --namespaces %u: %s.", t->facts->netns_count,
	    ct_policy_name(t->size->policy), t->request->namespaces, BYTES(t->size->worst_case_bytes));
	say(t, "Limit and buckets can be set in the first network namespace only; containers see them "
	       "read-only (from 5.12 on).");
}

static void explain_full(const struct talk *t)
{
	struct ct_u64 limit = ct_facts_limit(t->facts);

	say(t, "When the entries reach the limit, the kernel looks for a connection that was never answered in "
	       "a few chains and pushes it out (counter early_drop); if there is none, the new connection's "
	       "packet is dropped (counter drop, log line \"table full, dropping packet\").");
	if (limit.known && limit.v)
		say(t, "From 95 %% on (here %" PRIu64 " entries) the garbage collector of 4.12 and later also "
		       "removes unanswered and closing connections.", limit.v / 100 * 95);
	say(t, "A full table is more often too long a time-out than too small a limit: see conntune params "
	       "tcp_timeout_established.");
}

static void explain_boot(const struct talk *t)
{
	say(t, "Settings in sysctl.d are lost when the module isn't loaded yet: the files of "
	       "net.netfilter.nf_conntrack_* appear with it, and it is mostly loaded later, by the first "
	       "firewall rule, with the kernel's defaults.");
	say(t, "What holds: modules-load.d loads it early, modprobe.d gives hashsize, sysctl.d then sets the "
	       "limit (see hashsize-trap). conntune apply --persist writes these files; conntune status shows "
	       "which line decides.");
	say(t, "A bad word in an options line of modprobe.d keeps the module, and with it the firewall, from "
	       "loading at all.");
}

static const struct topic {
	const char *name, *about;
	void (*explain)(const struct talk *t);
} topics[] = {
	{ .name = "limit", .about = "the most entries of one namespace", .explain = explain_limit },
	{ .name = "buckets", .about = "the lists of the hash table", .explain = explain_buckets },
	{ .name = "load", .about = "mean chain length", .explain = explain_load },
	{ .name = "longest", .about = "the longest chain to expect", .explain = explain_longest },
	{ .name = "refused", .about = "the kernel's chain limit, P(refused)", .explain = explain_refused },
	{ .name = "memory", .about = "what a table takes", .explain = explain_memory },
	{ .name = "entry-bytes", .about = "what one entry takes", .explain = explain_entry_bytes },
	{ .name = "budget", .about = "how much memory the table may take", .explain = explain_budget },
	{ .name = "full", .about = "what happens when the table is full", .explain = explain_full },
	{ .name = "hashsize-trap", .about = "why hashsize= changes the limit", .explain = explain_hashsize_trap },
	{ .name = "namespaces", .about = "what containers share", .explain = explain_namespaces },
	{ .name = "boot", .about = "why settings get lost at boot", .explain = explain_boot },
	{ .name = "balanced", .about = "policy: the default", .explain = explain_balanced },
	{ .name = "documented", .about = "policy: the rule of 2004", .explain = explain_documented },
	{ .name = "kernel", .about = "policy: what the kernel does by itself", .explain = explain_kernel },
	{ .name = "dedicated", .about = "policy: a machine that does nothing else", .explain = explain_dedicated },
	{ .name = "demand", .about = "policy: from the observed peak", .explain = explain_demand },
	{ .name = "fixed", .about = "policy: given numbers", .explain = explain_fixed },
};

static const struct topic *find_topic(const char *name, struct ct_err *err)
{
	const char *names[cli_array_size(topics)], *near;

	for (size_t i = 0; i < cli_array_size(topics); i++) {
		if (strcmp(topics[i].name, name) == 0)
			return &topics[i];
		names[i] = topics[i].name;
	}
	near = cli_nearest(name, names, cli_array_size(names));
	if (near)
		(void)cli_usage(err, "no topic '%s', did you mean '%s'?", name, near);
	else
		(void)cli_usage(err, "no topic '%s', see conntune explain", name);
	return NULL;
}

static void show_topics(struct out *out)
{
	out_begin(out, OUT_TABLE, "topics", "conntune explain TOPIC");
	for (size_t i = 0; i < cli_array_size(topics); i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, "name", "topic", topics[i].name);
		out_text(out, "about", "about", topics[i].about);
		out_end(out);
	}
	out_end(out);
}

int cmd_explain(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	const struct topic *topic;
	struct cli_sizing s;
	char title[80];
	int r;

	if (!opt->name) {
		show_topics(out);
		return 0;
	}
	topic = find_topic(opt->name, err);
	if (!topic)
		return -EINVAL;
	r = cli_open_root(&fs, opt, err);
	if (r == 0)
		r = cli_sizing_make(opt, fs, &s, err);
	if (r < 0)
		return r;
	out_text(out, "topic", NULL, topic->name);
	(void)snprintf(title, sizeof(title), "%s: %s", topic->name, topic->about);
	out_begin(out, OUT_PROSE, "text", title);
	topic->explain(&(struct talk){
		.out = out, .sizing = &s, .facts = &s.facts, .request = &s.request, .size = &s.size[0] });
	out_end(out);
	return 0;
}
