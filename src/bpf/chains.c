/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the bucket array, and walks it slice by slice. */
#include "config.h"
#include "chains.h"
#include "find.h"
#include "load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>

/*
 * No run may keep a CPU for more than 250 us. A block begins only within the budget and should take a quarter of it;
 * one that doesn't end in time is given up at the limit and tried again with fewer chains.
 */
#ifndef BUDGET_NS
#define BUDGET_NS 120000
#define LIMIT_NS 200000
#define MAY_CAST true
#endif
#define BLOCK_NS (BUDGET_NS / 4)

#define RESTARTS_MAX 5
/* Between two attempts to find the table while it is resized: a million entries take about half a second. */
#define RESIZE_USEC 200000
/* A chain that ends in another bucket's marker is walked so often before that counts: a node may have moved meanwhile. */
#define RETRIES_MAX 8
#define LONGEST_MAX (1U << 24)

/**
 * struct walker - one call of chains_walk() or chains_census()
 * @base, @buckets: the table, once found
 * @pointer:        address of the variable nf_conntrack_hash, 0 if no symbol tells
 * @generation:     that of nf_conntrack_generation: odd while the table is resized, another number after it
 * @sequence:       its value when the table was located
 * @told, @at_least, @counts, @owners: as they were before a slice that may have to be forgotten
 * @hz:             jiffies of a second
 * @began_ns, @cpu_began_ns: of this call
 * @block:          chains at a time, follows what they cost
 * @retries:        attempts at the present block
 * @entries:        of the network namespace through which the table was found
 * @long_chain:     lengths of chains that were counted alone
 */
struct walker {
	struct programs *programs;
	struct shared shared;
	const struct chains_census *census;
	bool by_owner;
	uint64_t hz;
	uint64_t began_ns, cpu_began_ns;
	struct chains *result;
	uint64_t base, buckets, pointer, generation;
	uint32_t sequence;
	struct chains_told told;
	uint64_t at_least[CHAINS_LEVELS];
	uint32_t counts[CHAINS_COUNTS];
	struct chains_owner owners[CHAINS_OWNERS + 1];
	uint32_t block;
	unsigned retries;
	uint64_t *long_chain;
	size_t long_chains;
	uint64_t entries;
};

static uint64_t ns_on(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
	return ns_on(CLOCK_MONOTONIC);
}

static int check_kernel(struct walker *w, struct ct_err *err)
{
	if (sizeof(void *) != 8)
		return find_fail(err, -EOPNOTSUPP, "chains are walked in 64-bit kernels only");
	if (find_sysctl("nf_conntrack_buckets", &w->buckets) < 0 || w->buckets == 0 || w->buckets > UINT_MAX / 2)
		return find_fail(err, -EOPNOTSUPP, "connection tracking isn't there: no "
				 "/proc/sys/net/netfilter/nf_conntrack_buckets");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return find_fail(err, -EOPNOTSUPP, "this kernel brings no type information "
				 "(/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)");
	return 0;
}

/* Symbols tell where the table is, and of a resize under way; else an entry must lead there. */
static int load(struct walker *w, struct ct_err *err)
{
	const struct chains_told *told;
	int r = programs_load(&w->programs, &w->shared, w->census != NULL, w->by_owner, MAY_CAST, err);

	if (r < 0)
		return r;
	told = w->shared.told;
	r = programs_run(w->programs, PROGRAM_SYMBOLS, err);
	if (r < 0)
		return r;
	if (told->pointer && told->generation) {
		w->pointer = told->pointer;
		w->generation = told->generation;
		return 0;
	}
	return programs_load_locate(w->programs, &w->shared, err);
}

static void ask_census(struct walker *w)
{
	struct chains_ask *ask = w->shared.ask;

	if (!w->census)
		return;
	ask->everybody = w->census->everybody;
	ask->hz = w->hz;
	for (unsigned i = 0; i < CHAINS_IDLE; i++)
		ask->idle[i] = w->hz * ct_census_idle_seconds((enum ct_census_idle)i);
}

/* One slice of ordinary walking: @block chains at a time from @next to @end. */
static int slice(struct walker *w, uint32_t next, uint32_t end, uint32_t block, bool accept, struct ct_err *err)
{
	*w->shared.ask = (struct chains_ask){
		.base = w->base,
		.next = next,
		.end = end,
		.block = block,
		.accept = accept,
		.guard = !w->pointer,
		.budget_ns = BUDGET_NS,
		.limit_ns = LIMIT_NS,
	};
	ask_census(w);
	return programs_run(w->programs, PROGRAM_WALK, err);
}

static void forget(struct walker *w)
{
	memset(w->shared.at_least, 0, sizeof(w->at_least));
	memset(w->shared.counts, 0, sizeof(w->counts));
	memset(w->shared.owners, 0, sizeof(w->owners));
	*w->shared.told = (struct chains_told){ .longest_bucket = CHAINS_NONE, .first = CHAINS_NONE };
	w->long_chains = 0;
	w->retries = 0;
}

static void save_counts(struct walker *w)
{
	if (w->census)
		memcpy(w->counts, w->shared.counts, sizeof(w->counts));
	if (w->by_owner)
		memcpy(w->owners, w->shared.owners, sizeof(w->owners));
}

static void restore_counts(struct walker *w)
{
	if (w->census)
		memcpy(w->shared.counts, w->counts, sizeof(w->counts));
	if (w->by_owner)
		memcpy(w->shared.owners, w->owners, sizeof(w->owners));
}

static void save(struct walker *w)
{
	save_counts(w);
	memcpy(w->at_least, w->shared.at_least, sizeof(w->at_least));
	w->told = *w->shared.told;
}

static void restore(struct walker *w)
{
	restore_counts(w);
	memcpy(w->shared.at_least, w->at_least, sizeof(w->at_least));
	*w->shared.told = w->told;
}

/* Do buckets all over the array know their numbers? Nothing else in memory looks like that. 1: yes. */
static int prove(struct walker *w, uint64_t base, struct ct_err *err)
{
	const struct chains_told *told = w->shared.told;

	forget(w);
	w->base = base;
	for (uint64_t i = 0; i < 32; i++) {
		uint32_t first = (uint32_t)(i * (w->buckets - 1) / 31);
		int tries = 0, r;

		do {
			r = slice(w, first, first + 1, 1, false, err);
			if (r < 0)
				return r;
		} while (told->status == CHAINS_MISPLACED && ++tries < RETRIES_MAX);
		if (told->status == CHAINS_MISPLACED)
			return 0;
	}
	return 1;
}

static int locate_tuple(struct walker *w, const struct find_tuple *tuple, struct ct_err *err)
{
	struct chains_place *place = w->shared.place;
	int r;

	memcpy(place->tuple, tuple->bytes, sizeof(place->tuple));
	place->tuple_bytes = tuple->length;
	place->protocol = tuple->protocol;
	place->page = (uint32_t)sysconf(_SC_PAGESIZE);
	r = programs_run(w->programs, PROGRAM_LOCATE, err);
	if (r < 0 || place->error || place->bucket >= w->buckets)
		return r;
	for (uint32_t i = 0; i < place->candidates && i < CHAINS_CANDIDATES; i++) {
		r = prove(w, place->candidate[i], err);
		if (r)
			return r;
	}
	return 0;
}

/* For each network namespace, until it returns 1. */
static int locate_here(void *data, struct ct_err *err)
{
	struct walker *w = data;
	struct find_tuple tuples[FIND_TUPLES_MAX];
	int n = find_tuples(tuples, err), r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = locate_tuple(w, &tuples[i], err);
	(void)find_sysctl("nf_conntrack_count", &w->entries);
	return n < 0 ? n : r;
}

static int peek(struct walker *w, uint64_t address, uint64_t *ret, struct ct_err *err)
{
	int r;

	w->shared.ask->address = address;
	r = programs_run(w->programs, PROGRAM_PEEK, err);
	*ret = w->shared.told->value;
	return r;
}

static int locate_by_symbol(struct walker *w, struct ct_err *err)
{
	uint64_t value = 0;
	int r = peek(w, w->generation, &value, err);

	(void)find_sysctl("nf_conntrack_count", &w->entries);
	/* the counter is a 32-bit number */
	memcpy(&w->sequence, &value, sizeof(w->sequence));
	if (r == 0)
		r = peek(w, w->pointer, &value, err);
	if (r == 0)
		r = prove(w, value, err);
	if (r < 0)
		return r;
	if (w->sequence % 2) {
		(void)usleep(RESIZE_USEC);
		return find_fail(err, -ENODATA, "the table is being resized");
	}
	if (r == 0)
		return find_fail(err, -ENODATA, "nf_conntrack_hash points to no table of %llu buckets",
				 (unsigned long long)w->buckets);
	return 1;
}

static int locate_by_entry(struct walker *w, struct ct_err *err)
{
	uint64_t entries;
	int r = find_in_namespaces(locate_here, w, &entries, err);

	if (r == 0 && entries)
		return find_fail(err, -ENODATA, "none of the %llu entries leads to the table: TCP or UDP is needed, outside "
				 "of zones", (unsigned long long)entries);
	return r;
}

/*
 * 1: found, 0: there is no entry anywhere. A resize between the two readings, how many buckets and where, looks as if
 * there were no such table, hence some more attempts.
 */
static int locate(struct walker *w, struct ct_err *err)
{
	int r = -ENODATA;

	for (int i = 0; r == -ENODATA && i <= RESTARTS_MAX; i++) {
		if (find_sysctl("nf_conntrack_buckets", &w->buckets) < 0)
			return find_fail(err, -EOPNOTSUPP, "connection tracking is gone");
		r = w->pointer ? locate_by_symbol(w, err) : locate_by_entry(w, err);
	}
	return r;
}

/* A chain that takes more than one slice. Its length, or 0 if it is of ordinary length by now. */
static int walk_long(struct walker *w, uint64_t *ret, struct ct_err *err)
{
	struct chains_told *told = w->shared.told;
	struct chains_ask *ask = w->shared.ask;
	uint32_t bucket = told->next;

	*ask = (struct chains_ask){
		.base = w->base,
		.next = bucket,
		.budget_ns = BUDGET_NS,
	};
	ask_census(w);
	do {
		int r = programs_run(w->programs, PROGRAM_WALK_LONG, err);

		if (r < 0)
			return r;
		w->result->slices++;
		if (told->status != CHAINS_RUNNING) {
			*ret = 0;
			return 0;
		}
		ask->cursor = told->cursor;
		ask->length = told->length;
	} while (!told->done && told->length < LONGEST_MAX);
	if (!told->done)
		return find_fail(err, -EOVERFLOW, "the chain of bucket %u has more than %u nodes", bucket, LONGEST_MAX);
	*ret = told->length;
	return 0;
}

static int add_long(struct walker *w, struct ct_err *err)
{
	struct chains_told *told = w->shared.told;
	uint64_t length = 0, *grown;
	int r;

	save_counts(w);
	r = walk_long(w, &length, err);
	if (r < 0)
		return r;
	if (length == 0) {
		restore_counts(w);
		w->retries++;
		return 0;
	}
	grown = realloc(w->long_chain, (w->long_chains + 1) * sizeof(*grown));
	if (!grown)
		return find_fail(err, -ENOMEM, "out of memory");
	grown[w->long_chains++] = length;
	w->long_chain = grown;
	if (length > told->longest) {
		told->longest = length;
		told->longest_bucket = told->next;
	}
	told->next++;
	return 0;
}

/* So many chains that a block takes BLOCK_NS. */
static void adapt(struct walker *w, uint32_t walked)
{
	uint64_t fits = walked ? BLOCK_NS * (uint64_t)walked / (w->shared.told->ns + 1) : 1;

	w->block = (uint32_t)(fits < 1 ? 1 : fits > CHAINS_BLOCK_MAX ? CHAINS_BLOCK_MAX : fits);
}

/* Was it the table to the end? An old one, emptied by a resize, looks just like an empty one. 1: yes. */
static int still_there(struct walker *w, struct ct_err *err)
{
	uint64_t base = w->base, buckets = w->buckets, entries = w->entries;
	uint32_t sequence = w->sequence;
	int r = locate(w, err);

	if (r < 0)
		return r;
	w->result->changed |= w->entries != entries || w->result->retried || w->result->restarts;
	return (r == 1 ? w->base : 0) == base && w->buckets == buckets && w->sequence == sequence;
}

/* The first node that was found is gone. 1: it ended as connections do, so the slice is forgotten and begun again. */
static int look_again(struct walker *w, struct ct_err *err)
{
	int r = still_there(w, err);

	restore(w);
	w->shared.told->first = CHAINS_NONE;
	w->result->changed = true;
	return r;
}

/* The kernel's part of a slice is done in our system call, so our CPU time is all of it. */
static void pause_for_others(const struct walker *w)
{
	const uint64_t percent = w->census ? w->census->max_cpu_percent : 0, soon = 1000000;
	uint64_t wanted, passed;

	if (percent == 0 || percent == 100)
		return;
	wanted = (ns_on(CLOCK_THREAD_CPUTIME_ID) - w->cpu_began_ns) * 100 / percent;
	passed = now_ns() - w->began_ns;
	if (wanted > passed + soon)
		(void)usleep((useconds_t)((wanted - passed) / 1000));
}

/*
 * One slice and what it brought; @w->retries counts attempts at the same block. 1: go on, 0: the table was replaced.
 */
static int walk_on(struct walker *w, struct ct_err *err)
{
	struct chains_told *told = w->shared.told;
	bool accept = w->retries >= RETRIES_MAX;
	uint32_t from = told->next, end = (uint32_t)w->buckets;
	int r;

	/* only the one block that has been tried so often */
	if (accept && from + w->block < end)
		end = from + w->block;
	pause_for_others(w);
	save(w);
	r = slice(w, from, end, w->block, accept, err);
	if (r < 0)
		return r;
	w->result->slices++;
	if (told->status == CHAINS_EMPTIED)
		return look_again(w, err);
	if ((double)told->ns / 1000 > w->result->slice_max_usec)
		w->result->slice_max_usec = (double)told->ns / 1000;
	if (told->next != from)
		w->retries = 0;
	if (told->status == CHAINS_MISPLACED) {
		w->retries++;
		w->result->retried++;
	} else if (told->status == CHAINS_LONG && w->block == 1) {
		r = add_long(w, err);
		return r < 0 ? r : 1;
	} else if (told->status == CHAINS_LONG) {
		w->block /= 2;
	} else {
		adapt(w, told->next - from);
	}
	return 1;
}

/* Whole table. 1: done, 0: the table was replaced meanwhile. */
static int walk_table(struct walker *w, struct ct_err *err)
{
	uint64_t start = now_ns();
	const struct chains_told *told = w->shared.told;
	int r = 1;

	forget(w);
	w->block = 32;
	w->result->retried = 0;
	/* many parts that don't fit: not single nodes that moved, but all of them */
	while (r == 1 && told->next < w->buckets && w->result->retried <= 1000)
		r = walk_on(w, err);
	w->result->seconds = (double)(now_ns() - start) / 1e9;
	return r < 0 ? r : r && told->next == w->buckets;
}

/* No entry anywhere, so nothing leads to the table, and there is nothing to see in it. */
static int walk_nothing(struct walker *w)
{
	forget(w);
	w->base = 0;
	w->shared.at_least[0] = w->buckets;
	w->shared.told->longest_bucket = 0;
	return 1;
}

/* What kind number @i is, in words that don't depend on how the program numbers them. */
static struct ct_census_count kind_of(unsigned i)
{
	static const uint8_t stateful[] = { IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_DCCP };
	struct ct_census_count c = { .replied = i & 1, .assured = i & 2 };
	unsigned n = i - CHAINS_KINDS_STATEFUL;

	c.has_state = i >= CHAINS_KINDS_STATEFUL;
	c.proto = c.has_state ? stateful[n / CHAINS_KINDS_EACH] : (uint8_t)(i / 4);
	c.state = c.has_state ? (uint8_t)(n % CHAINS_KINDS_EACH / 4) : 0;
	return c;
}

/* All entries of a kind, by how long they have been idle: each class holds those after it too. */
static void add_classes(const uint32_t *class, struct ct_census_count *c)
{
	c->idle_unknown = class[CHAINS_CLASSES - 1];
	c->entries = c->idle_unknown + class[0];
	for (unsigned n = 1; n <= CHAINS_IDLE; n++) {
		c->entries += class[n];
		for (unsigned i = 0; i < n; i++)
			c->idle[i] += class[n];
	}
}

static int collect_kinds(struct walker *w, struct ct_err *err)
{
	struct chains *result = w->result;

	free(result->counts);
	result->kinds = 0;
	result->counts = calloc(CHAINS_KINDS, sizeof(*result->counts));
	if (!result->counts)
		return find_fail(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < CHAINS_KINDS; i++) {
		struct ct_census_count c = kind_of(i);

		add_classes(w->shared.counts + i * CHAINS_CLASSES, &c);
		if (c.entries)
			result->counts[result->kinds++] = c;
	}
	return 0;
}

/* How long each kind lives without a packet. The kernel counts in jiffies: ticks of its coarse clock. */
static void prepare_census(struct walker *w)
{
	struct timespec tick;

	(void)clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	w->hz = (1000000000 + (uint64_t)tick.tv_nsec / 2) / (uint64_t)(tick.tv_nsec ? tick.tv_nsec : 1000000000);
	for (unsigned i = 0; i < CHAINS_KINDS; i++) {
		struct ct_census_count kind = kind_of(i);
		struct ct_census_timeout t;

		ct_census_timeout(w->census->facts, &kind, &t);
		w->shared.timeouts[i].full = w->hz * t.seconds;
		for (unsigned n = 0; n < 2; n++)
			w->shared.timeouts[i].ceiling[n] = t.has_ceiling ? w->hz * t.ceiling[n] : CHAINS_NO_CEILING;
	}
}

static int by_nodes(const void *a, const void *b)
{
	const struct chains_owner_nodes *x = a, *y = b;

	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int collect_owners(struct walker *w, struct ct_err *err)
{
	struct chains *result = w->result;

	free(result->owner);
	result->owners = 0;
	result->others = w->shared.owners[CHAINS_OWNERS].nodes;
	result->owner = calloc(CHAINS_OWNERS, sizeof(*result->owner));
	if (!result->owner)
		return find_fail(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < CHAINS_OWNERS; i++) {
		const struct chains_owner *o = &w->shared.owners[i];

		/* seen in a part that was walked again, and gone by then */
		if (o->nodes)
			result->owner[result->owners++] = (struct chains_owner_nodes){ .inode = o->inode, .nodes = o->nodes };
	}
	qsort(result->owner, result->owners, sizeof(*result->owner), by_nodes);
	return 0;
}

/* What the programs left behind, as a histogram. */
static int collect(struct walker *w, struct ct_err *err)
{
	const struct chains_told *told = w->shared.told;
	const uint64_t *at_least = w->shared.at_least;
	uint64_t longest = told->longest, *histogram = calloc(longest + 1, sizeof(*histogram));

	if (!histogram)
		return find_fail(err, -ENOMEM, "out of memory");
	for (uint64_t n = 0; n <= longest && n < CHAINS_LEVELS; n++)
		histogram[n] = at_least[n] - (n + 1 < CHAINS_LEVELS ? at_least[n + 1] : 0);
	for (size_t i = 0; i < w->long_chains; i++)
		histogram[w->long_chain[i]]++;
	free(w->result->histogram);
	w->result->histogram = histogram;
	w->result->nodes = 0;
	for (uint64_t n = 0; n <= longest; n++)
		w->result->nodes += n * histogram[n];
	w->result->buckets = w->buckets;
	w->result->longest = longest;
	w->result->longest_bucket = told->longest_bucket;
	w->result->misplaced = told->misplaced;
	if (w->by_owner)
		return collect_owners(w, err);
	return w->census ? collect_kinds(w, err) : 0;
}

/* Walk, and walk again if the table was replaced meanwhile. */
static int walk(struct walker *w, struct ct_err *err)
{
	int r;

	for (; w->result->restarts <= RESTARTS_MAX; w->result->restarts++) {
		r = locate(w, err);
		if (r == 1)
			r = walk_table(w, err);
		else if (r == 0)
			r = walk_nothing(w);
		if (r == 1)
			r = collect(w, err);
		else if (r == 0)
			continue;
		if (r == 0)
			r = still_there(w, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return find_fail(err, -EAGAIN, "the table was resized again and again while it was walked");
}

static int walk_new(struct chains **ret, const struct chains_census *census, bool by_owner, struct ct_err *err)
{
	struct chains *result = calloc(1, sizeof(*result));
	struct walker w = {
		.result = result,
		.census = census,
		.by_owner = by_owner,
		.began_ns = now_ns(),
		.cpu_began_ns = ns_on(CLOCK_THREAD_CPUTIME_ID),
	};
	int r;

	if (!result)
		return find_fail(err, -ENOMEM, "out of memory");
	r = check_kernel(&w, err);
	if (r == 0)
		r = load(&w, err);
	if (r == 0 && census)
		prepare_census(&w);
	if (r == 0)
		r = walk(&w, err);
	programs_free(w.programs);
	free(w.long_chain);
	if (r < 0)
		chains_free(result);
	else
		*ret = result;
	return r;
}

int chains_walk(struct chains **ret, bool by_owner, struct ct_err *err)
{
	return walk_new(ret, NULL, by_owner, err);
}

int chains_census(struct chains **ret, const struct chains_census *census, struct ct_err *err)
{
	return walk_new(ret, census, false, err);
}

void chains_free(struct chains *chains)
{
	if (chains) {
		free(chains->histogram);
		free(chains->counts);
		free(chains->owner);
	}
	free(chains);
}
