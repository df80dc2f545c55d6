/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From present to wanted values: what to write, where, in which order, and why. Pure. */
#include "config.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <conntune/kernel.h>
#include <conntune/memory.h>
#include <conntune/plan.h>
#include <conntune/size.h>

/* Entries that a resize moves in one second on a small machine; all tracking stands still meanwhile. */
#define MOVED_PER_SECOND 2000000
/* Below this many the stall isn't worth a word: 10 ms. */
#define STALL_WORTH_A_NOTE 20000

/* Everything the functions below look at; limit_now and limit are 0 where there is none. */
struct draft {
	const struct ct_facts *facts;
	const struct ct_wanted *wanted;
	struct ct_kernel kernel;
	uint64_t limit, buckets;
	struct ct_u64 limit_now, buckets_now;
	bool old_names; /* ip_conntrack, before 2.6.22 */
	bool set_limit, set_buckets;
	const char *limit_path, *buckets_path;
	struct ct_plan plan;
};

static const char *module_name(const struct draft *d)
{
	return d->old_names ? "ip_conntrack" : "nf_conntrack";
}

/* 0 means "none", so it is the highest of all. */
static bool limit_below(uint64_t a, uint64_t b)
{
	return a != 0 && (b == 0 || a < b);
}

/* Mean chain length of a full table; unit: nodes. */
static double load(uint64_t limit, uint64_t buckets)
{
	return 2.0 * (double)limit / (double)buckets;
}

__attribute__((format(printf, 2, 3)))
static void add_note(struct draft *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(d->plan.note[d->plan.note_count++], sizeof(d->plan.note[0]), format, args);
	va_end(args);
}

/* "proc/sys/net/a/b" is key net.a.b; all else is a file to write. */
static void put_command(struct ct_step *step)
{
	static const char sysctl[] = "proc/sys/";
	size_t n = sizeof(step->command);
	char *key;
	int at;

	if (strncmp(step->path, sysctl, strlen(sysctl)) != 0) {
		(void)snprintf(step->command, n, "echo %" PRIu64 " > /%s", step->value, step->path);
		return;
	}
	at = snprintf(step->command, n, "sysctl -w ");
	key = step->command + at;
	(void)snprintf(key, n - (size_t)at, "%s=%" PRIu64, step->path + strlen(sysctl), step->value);
	for (char *p = key; (p = strchr(p, '/'));)
		*p = '.';
}

static struct ct_step *add_step(struct draft *d, enum ct_step_kind kind, const char *path, struct ct_u64 old,
				uint64_t value)
{
	struct ct_step *step = &d->plan.step[d->plan.step_count++];

	step->kind = kind;
	step->param = kind == CT_STEP_SET_LIMIT ? CT_PARAM_LIMIT : CT_PARAM_BUCKETS;
	step->path = path;
	step->old = old;
	step->value = value;
	if (path)
		put_command(step);
	return step;
}

/*
 * Where @id is written: the file it was read from, else the module parameter behind it. The write bit of a file
 * proves little in a captured tree, so the table has to agree.
 */
static const char *writable_path(const struct draft *d, enum ct_param_id id)
{
	const struct ct_value *value = &d->facts->value[id];
	const struct ct_param_path *p;
	const char *other = NULL;

	for (p = ct_param_get(id)->paths; p->path; p++) {
		if (!p->writable || !ct_kver_within(&d->facts->kernel, &p->since, &p->until))
			continue;
		if (value->path && value->writable && strcmp(p->path, value->path) == 0)
			return p->path;
		if (!other && (!value->path || strncmp(p->path, "sys/", strlen("sys/")) == 0) &&
		    (strstr(p->path, "ip_conntrack") != NULL) == d->old_names)
			other = p->path;
	}
	return other;
}

static int check_limit(struct draft *d, struct ct_err *err)
{
	const struct ct_wanted *w = d->wanted;

	if (w->no_limit && w->limit)
		return ct_err_set(err, -EINVAL, "both a limit of %" PRIu64 " and no limit are wanted", w->limit);
	if (w->no_limit && !d->kernel.zero_limit_allowed)
		return ct_err_set(err, -ERANGE, "no limit (0) can't be put back: kernel %s doesn't take it",
				  d->facts->release);
	if (w->limit > INT64_MAX)
		return ct_err_set(err, -ERANGE, "limit %" PRIu64 " is more than any kernel takes", w->limit);
	d->limit = w->limit;
	if (w->limit == 0)
		return 0;
	return ct_param_check(ct_param_get(CT_PARAM_LIMIT), &d->facts->kernel, (int64_t)w->limit, err);
}

static int check_buckets(struct draft *d, struct ct_err *err)
{
	int r;

	if (d->wanted->buckets == 0)
		return 0;
	/* what is there is held, whether we would round it or not: a number that isn't prime, before 2.4.21 */
	if (d->buckets_now.known && d->wanted->buckets == d->buckets_now.v) {
		d->buckets = d->buckets_now.v;
		return 0;
	}
	r = ct_size_buckets(&d->kernel, d->wanted->buckets, &d->buckets, err);
	if (r < 0)
		return r;
	if (d->buckets != d->wanted->buckets)
		add_note(d, "buckets %" PRIu64 " become %" PRIu64 ": %s", d->wanted->buckets, d->buckets,
			 d->kernel.prime_buckets ? "before 2.4.21 their number should be prime"
						 : "the kernel allocates whole pages");
	return ct_param_check(ct_param_get(CT_PARAM_BUCKETS), &d->facts->kernel, (int64_t)d->buckets, err);
}

/* Old and new array exist together during a resize; MemAvailable has the old one paid for already. */
static int check_memory(const struct draft *d, struct ct_err *err)
{
	const struct ct_facts *f = d->facts;
	uint64_t low = f->low_bytes.known ? f->low_bytes.v : 0;
	uint64_t usable = f->ram_bytes.known ? ct_memory_usable_here(f->ram_bytes.v, f->pointer_bits, low) : UINT64_MAX;
	uint64_t floor = f->ram_bytes.known ? ct_memory_floor(usable) : 0;
	uint64_t available = f->mem_available_bytes.v < usable ? f->mem_available_bytes.v : usable;
	uint64_t bytes, left;
	int r;

	if (f->low_available_bytes.known && f->low_available_bytes.v < available)
		available = f->low_available_bytes.v;

	r = ct_memory_table(&d->kernel, f->page_bytes, d->buckets, &bytes, err);
	if (r < 0 || !f->mem_available_bytes.known)
		return r;
	left = available > floor ? available - floor : 0;
	if (bytes <= left)
		return 0;
	return ct_err_set(err, -ENOSPC,
			  "%" PRIu64 " buckets need %" PRIu64 " KiB more until the move is done, but only %" PRIu64
			  " of the %" PRIu64 " KiB available may be used: %" PRIu64 " KiB must stay free",
			  d->buckets, bytes >> 10, left >> 10, available >> 10, floor >> 10);
}

/* Limit and buckets are one value for all namespaces: set from the first one, though before 5.12 others could too. */
static int check_place(const struct draft *d, struct ct_err *err)
{
	if (d->facts->netns_initial_known && !d->facts->netns_initial)
		return ct_err_set(err, -EOPNOTSUPP,
				  "limit and buckets belong to the whole machine and can't be set from this "
				  "network namespace: run conntune in the first one");
	if (d->facts->sysctl_read_only)
		return ct_err_set(err, -EROFS,
				  "/proc/sys is mounted read-only here, as in most containers: run conntune on "
				  "the host");
	return 0;
}

/* How buckets are set where a running kernel can't change them. */
static int no_buckets(const struct draft *d, struct ct_err *err)
{
	const char *name = module_name(d);
	char also[80] = "";

	if (d->set_limit)
		(void)snprintf(also, sizeof(also), "; to set the limit alone, ask for the present %" PRIu64 " buckets",
			       d->buckets_now.v);
	if (d->facts->presence != CT_PRESENCE_BUILTIN)
		return ct_err_set(err, -EOPNOTSUPP,
				  "kernel %.40s can't change buckets at run time: unload the module and "
				  "'modprobe %s hashsize=%" PRIu64 "'%s",
				  d->facts->release, name, d->buckets, also);
	if (ct_kver_at_least(&d->facts->kernel, 2, 6, 0))
		return ct_err_set(err, -EOPNOTSUPP,
				  "kernel %.40s can't change buckets at run time: boot with %s.hashsize=%" PRIu64 "%s",
				  d->facts->release, name, d->buckets, also);
	return ct_err_set(err, -EOPNOTSUPP,
			  "kernel %.40s has connection tracking built in: only a rebuild changes its "
			  "buckets to %" PRIu64 "%s",
			  d->facts->release, d->buckets, also);
}

static int find_paths(struct draft *d, struct ct_err *err)
{
	if (d->set_buckets) {
		d->buckets_path = writable_path(d, CT_PARAM_BUCKETS);
		if (!d->buckets_path)
			return no_buckets(d, err);
	}
	if (d->set_limit) {
		d->limit_path = writable_path(d, CT_PARAM_LIMIT);
		if (!d->limit_path)
			return ct_err_set(err, -EROFS,
					  "the limit can't be written: its file is read-only, as root sees it too");
	}
	return 0;
}

/* Nothing is removed by a lower limit, but no new connection gets in until enough have gone. */
static int check_shrink(const struct draft *d, struct ct_err *err)
{
	struct ct_u64 entries = ct_facts_entries(d->facts);

	if (d->wanted->allow_shrink || !limit_below(d->limit, d->limit_now.v))
		return 0;
	if (!entries.known)
		return ct_err_set(err, -ENODATA,
				  "limit %" PRIu64 " may be below the connections in use, whose number isn't "
				  "known; lower it with --allow-shrink",
				  d->limit);
	if (d->limit < entries.v)
		return ct_err_set(err, -EBUSY,
				  "limit %" PRIu64 " is below the %" PRIu64 " connections in use: new ones would be "
				  "refused; force it with --allow-shrink",
				  d->limit, entries.v);
	return 0;
}

static void note_resize(struct draft *d)
{
	struct ct_u64 entries = ct_facts_entries(d->facts);

	if (entries.known && entries.v >= STALL_WORTH_A_NOTE)
		add_note(d, "moving %" PRIu64 " entries to new buckets stops all tracking for about %" PRIu64 " ms",
			 entries.v, entries.v / (MOVED_PER_SECOND / 1000));
	if (d->kernel.table_per_netns)
		add_note(d,
			 "kernel %.40s resizes the first network namespace only: others keep the buckets they began "
			 "with",
			 d->facts->release);
}

static const char *buckets_why(const struct draft *d)
{
	if (d->buckets < d->buckets_now.v)
		return d->plan.step_count > 0 ? "buckets last when shrinking" : "fewer buckets, less memory";
	if (d->set_limit && limit_below(d->limit_now.v, d->limit))
		return "buckets first when growing";
	return "more buckets, shorter chains";
}

static void add_buckets(struct draft *d)
{
	uint64_t limit = d->set_limit ? d->limit : d->limit_now.v;
	const char *why = buckets_why(d);
	struct ct_step *step = add_step(d, CT_STEP_SET_BUCKETS, d->buckets_path, d->buckets_now, d->buckets);

	if (limit)
		(void)snprintf(step->reason, sizeof(step->reason),
			       "%s: with %" PRIu64 " connections the average chain has %.1f entries, not %.1f", why,
			       limit, load(limit, d->buckets), load(limit, d->buckets_now.v));
	else
		(void)snprintf(step->reason, sizeof(step->reason), "%s: %" PRIu64 " instead of %" PRIu64, why,
			       d->buckets, d->buckets_now.v);
	note_resize(d);
}

static void limit_grows(const struct draft *d, struct ct_step *step)
{
	const char *when = d->plan.step_count > 1 ? ", now that buckets are there" : "";
	uint64_t more;

	if (d->limit == 0)
		(void)snprintf(step->reason, sizeof(step->reason), "no limit, as it was found before conntune set one");
	else if (!ct_mul_u64(d->limit - d->limit_now.v, d->facts->entry_bytes, &more))
		(void)snprintf(step->reason, sizeof(step->reason),
			       "room for %" PRIu64 " connections instead of %" PRIu64 "%s", d->limit, d->limit_now.v,
			       when);
	else
		(void)snprintf(step->reason, sizeof(step->reason),
			       "room for %" PRIu64 " connections instead of %" PRIu64 "%s; when full they take %.1f"
			       " MiB more",
			       d->limit, d->limit_now.v, when, (double)more / 0x1p20);
}

static void limit_shrinks(struct draft *d, struct ct_step *step)
{
	const char *when = d->set_buckets ? "limit first when shrinking: " : "";
	struct ct_u64 entries = ct_facts_entries(d->facts);
	char now[32] = "no limit";

	if (d->limit_now.v)
		(void)snprintf(now, sizeof(now), "%" PRIu64, d->limit_now.v);
	(void)snprintf(step->reason, sizeof(step->reason), "%sat most %" PRIu64 " connections instead of %s", when,
		       d->limit, now);
	if (entries.known && entries.v > d->limit)
		add_note(d,
			 "%" PRIu64 " connections are in use: no new one gets in until %" PRIu64 " of them have gone",
			 entries.v, entries.v - d->limit + 1);
}

static void add_limit(struct draft *d)
{
	struct ct_step *step = add_step(d, CT_STEP_SET_LIMIT, d->limit_path, d->limit_now, d->limit);

	if (limit_below(d->limit, d->limit_now.v))
		limit_shrinks(d, step);
	else
		limit_grows(d, step);
}

/*
 * The limit goes first only when it goes down. Else buckets do: they are what may fail, for want of memory, and
 * then nothing has happened yet.
 */
static void order_steps(struct draft *d)
{
	bool limit_first = d->set_limit && limit_below(d->limit, d->limit_now.v);

	if (limit_first)
		add_limit(d);
	if (d->set_buckets)
		add_buckets(d);
	if (d->set_limit && !limit_first)
		add_limit(d);
}

static void note_equal(struct draft *d)
{
	if (d->limit && !d->set_limit)
		add_note(d, "the limit stays at %" PRIu64 ", as wanted", d->limit);
	if (d->buckets && !d->set_buckets)
		add_note(d, "buckets stay at %" PRIu64 ", as wanted", d->buckets);
}

static int compare(struct draft *d, struct ct_err *err)
{
	bool limit_wanted = d->limit || d->wanted->no_limit;

	if (limit_wanted && !d->limit_now.known)
		return ct_err_set(err, -ENODATA, "the present limit is unknown: it can't be changed safely");
	if (d->buckets && (!d->buckets_now.known || d->buckets_now.v == 0))
		return ct_err_set(err, -ENODATA,
				  "the present number of buckets is unknown: it can't be changed safely");
	d->set_limit = limit_wanted && d->limit != d->limit_now.v;
	d->set_buckets = d->buckets && d->buckets != d->buckets_now.v;
	note_equal(d);
	return 0;
}

static int plan_change(struct draft *d, struct ct_err *err)
{
	int r = compare(d, err);

	if (r < 0 || (!d->set_limit && !d->set_buckets))
		return r;
	r = check_place(d, err);
	if (r == 0)
		r = find_paths(d, err);
	if (r == 0 && d->set_limit)
		r = check_shrink(d, err);
	if (r == 0 && d->set_buckets)
		r = check_memory(d, err);
	if (r == 0)
		order_steps(d);
	return r;
}

static void add_load(struct draft *d)
{
	const struct ct_u64 unknown = { .known = false };
	uint64_t trap = ct_size_hashsize_trap(&d->facts->kernel, &d->kernel, d->buckets);
	struct ct_step *step;

	step = add_step(d, CT_STEP_LOAD_MODULE, NULL, unknown, d->buckets);
	(void)snprintf(
		step->reason, sizeof(step->reason),
		"connection tracking isn't loaded: with hashsize it has its buckets from the start, no resize later");
	(void)snprintf(step->command, sizeof(step->command), "modprobe %s hashsize=%" PRIu64, module_name(d),
		       d->buckets);
	if (d->limit == 0) {
		add_note(d, "the kernel will set the limit to %" PRIu64 ", its %u x buckets for a given hashsize", trap,
			 d->kernel.hashsize_factor);
		return;
	}
	step = add_step(d, CT_STEP_SET_LIMIT, d->limit_path, unknown, d->limit);
	(void)snprintf(step->reason, sizeof(step->reason),
		       "a given hashsize makes the kernel set the limit to %u x buckets = %" PRIu64,
		       d->kernel.hashsize_factor, trap);
}

/* No module: there is nothing to compare with, and no file to look at. */
static int plan_load(struct draft *d, struct ct_err *err)
{
	int r = 0;

	if (d->buckets == 0 && d->limit == 0)
		return 0;
	if (d->buckets == 0)
		return ct_err_set(err, -ENODATA,
				  "connection tracking isn't loaded, and without a number of buckets it can't be "
				  "loaded for a limit of %" PRIu64,
				  d->limit);
	r = check_place(d, err);
	if (r == 0)
		r = check_memory(d, err);
	if (r < 0)
		return r;
	d->limit_path = writable_path(d, CT_PARAM_LIMIT);
	add_load(d);
	return 0;
}

int ct_plan_make(const struct ct_facts *facts, const struct ct_wanted *wanted, struct ct_plan *ret, struct ct_err *err)
{
	struct draft d = {
		.facts = facts,
		.wanted = wanted,
		.limit_now = ct_facts_limit(facts),
		.buckets_now = ct_facts_buckets(facts),
	};
	int r;

	r = ct_kernel_describe(&facts->kernel, facts->page_bytes, facts->pointer_bits, &d.kernel, err);
	if (r < 0)
		return r;
	d.old_names = facts->presence == CT_PRESENCE_ABSENT ? d.kernel.ip_conntrack : facts->ip_conntrack;
	r = check_limit(&d, err);
	if (r == 0)
		r = check_buckets(&d, err);
	if (r == 0)
		r = facts->presence == CT_PRESENCE_ABSENT ? plan_load(&d, err) : plan_change(&d, err);
	if (r == 0)
		*ret = d.plan;
	return r;
}

const char *ct_step_kind_name(enum ct_step_kind kind)
{
	switch (kind) {
	case CT_STEP_LOAD_MODULE:
		return "load-module";
	case CT_STEP_SET_BUCKETS:
		return "set-buckets";
	case CT_STEP_SET_LIMIT:
		return "set-limit";
	}
	return "unknown";
}
