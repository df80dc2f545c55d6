/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the BPF programs, finds the bucket array, and walks it slice by slice. */
#include "config.h"
#include "chains.h"
#include "find.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "chains_shared.h"
#include <chains.skel.h>

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
 * @told, @at_least, @kinds: as they were before a slice that may have to be forgotten
 * @block:          chains at a time, follows what they cost
 * @retries:        attempts at the present block
 * @entries:        of the network namespace through which the table was found
 * @long_chain:     lengths of chains that were counted alone
 */
struct walker {
	struct chains_bpf *skel;
	bool census, everybody;
	struct chains *result;
	uint64_t base, buckets, pointer, generation;
	uint32_t sequence;
	struct chains_told told;
	uint64_t at_least[CHAINS_LEVELS];
	uint64_t kinds[CHAINS_KINDS];
	uint32_t block;
	unsigned retries;
	uint64_t *long_chain;
	size_t long_chains;
	uint64_t entries;
};

/* libbpf's own words go nowhere; what failed is said in ours. */
static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int run(struct bpf_program *program, struct ct_err *err)
{
	static const uint8_t packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_program__type(program) == BPF_PROG_TYPE_XDP) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts) < 0)
		return find_fail(err, -errno, "BPF program %s can't be run: %s", bpf_program__name(program),
				 strerror(errno));
	return 0;
}

/* Is the function there for BPF programs: in the kernel's type information, or in that of the module? */
static bool has_kfunc(struct btf *kernel, const char *name)
{
	struct btf *module;
	bool found;

	if (!kernel)
		return false;
	found = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
	module = found ? NULL : btf__load_module_btf("nf_conntrack", kernel);
	if (module)
		found = btf__find_by_name_kind(module, name, BTF_KIND_FUNC) > 0;
	btf__free(module);
	return found;
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

static int load(struct walker *w, struct ct_err *err)
{
	static const char *const symbols[] = { "nf_conntrack_hash", "nf_conntrack_generation" };
	struct btf *kernel = btf__load_vmlinux_btf();
	uint64_t address[2];
	bool lookup, may_cast;
	int r;

	find_symbols(symbols, address, 2);
	w->pointer = address[0];
	w->generation = address[1];
	/* the pointer alone doesn't tell of a resize under way */
	if (!w->generation)
		w->pointer = 0;
	lookup = !w->pointer && has_kfunc(kernel, "bpf_xdp_ct_lookup");
	may_cast = MAY_CAST && has_kfunc(kernel, "bpf_rdonly_cast");
	btf__free(kernel);
	w->skel = chains_bpf__open();
	if (!w->skel)
		return find_fail(err, -errno, "BPF programs can't be opened: %s", strerror(errno));
	w->skel->rodata->census = w->census;
	w->skel->rodata->use_cast = may_cast;
	(void)bpf_program__set_autoload(w->skel->progs.locate, lookup);
	r = chains_bpf__load(w->skel);
	if (r == -EPERM)
		return find_fail(err, -EPERM, "the kernel doesn't let us load BPF programs: walking the table needs "
				 "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	if (r < 0)
		return find_fail(err, -EOPNOTSUPP, "the kernel (5.17 or later is needed) refuses the BPF programs: %s",
				 strerror(-r));
	if (!w->pointer && !lookup)
		return find_fail(err, -EOPNOTSUPP, "this kernel shows no way to the table: neither symbols "
				 "nf_conntrack_hash and _generation (/proc/kallsyms) nor bpf_xdp_ct_lookup() (5.18)");
	return 0;
}

/* One slice of ordinary walking: @block chains at a time from @next to @end. */
static int slice(struct walker *w, uint32_t next, uint32_t end, uint32_t block, bool accept, struct ct_err *err)
{
	w->skel->bss->ask = (struct chains_ask){
		.base = w->base,
		.next = next,
		.end = end,
		.block = block,
		.accept = accept,
		.everybody = w->everybody,
		.guard = !w->pointer,
		.budget_ns = BUDGET_NS,
		.limit_ns = LIMIT_NS,
	};
	return run(w->skel->progs.walk, err);
}

static void forget(struct walker *w)
{
	memset(w->skel->bss->at_least, 0, sizeof(w->skel->bss->at_least));
	memset(w->skel->bss->kinds, 0, sizeof(w->skel->bss->kinds));
	w->skel->bss->told = (struct chains_told){ .longest_bucket = CHAINS_NONE, .first = CHAINS_NONE };
	w->long_chains = 0;
	w->retries = 0;
}

static void save_kinds(struct walker *w)
{
	if (w->census)
		memcpy(w->kinds, w->skel->bss->kinds, sizeof(w->kinds));
}

static void restore_kinds(struct walker *w)
{
	if (w->census)
		memcpy(w->skel->bss->kinds, w->kinds, sizeof(w->kinds));
}

static void save(struct walker *w)
{
	save_kinds(w);
	memcpy(w->at_least, w->skel->bss->at_least, sizeof(w->at_least));
	w->told = w->skel->bss->told;
}

static void restore(struct walker *w)
{
	restore_kinds(w);
	memcpy(w->skel->bss->at_least, w->at_least, sizeof(w->at_least));
	w->skel->bss->told = w->told;
}

/* Do buckets all over the array know their numbers? Nothing else in memory looks like that. 1: yes. */
static int prove(struct walker *w, uint64_t base, struct ct_err *err)
{
	const struct chains_told *told = &w->skel->bss->told;

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
	struct chains_place *place = &w->skel->bss->place;
	int r;

	memcpy(place->tuple, tuple->bytes, sizeof(place->tuple));
	place->tuple_bytes = tuple->length;
	place->protocol = tuple->protocol;
	place->page = (uint32_t)sysconf(_SC_PAGESIZE);
	r = run(w->skel->progs.locate, err);
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

	w->skel->bss->ask.address = address;
	r = run(w->skel->progs.peek, err);
	*ret = w->skel->bss->told.value;
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
	struct chains_told *told = &w->skel->bss->told;
	struct chains_ask *ask = &w->skel->bss->ask;
	uint32_t bucket = told->next;

	*ask = (struct chains_ask){
		.base = w->base,
		.next = bucket,
		.everybody = w->everybody,
		.budget_ns = BUDGET_NS,
	};
	do {
		int r = run(w->skel->progs.walk_long, err);

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
	struct chains_told *told = &w->skel->bss->told;
	uint64_t length = 0, *grown;
	int r;

	save_kinds(w);
	r = walk_long(w, &length, err);
	if (r < 0)
		return r;
	if (length == 0) {
		restore_kinds(w);
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
	uint64_t fits = walked ? BLOCK_NS * (uint64_t)walked / (w->skel->bss->told.ns + 1) : 1;

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
	w->skel->bss->told.first = CHAINS_NONE;
	w->result->changed = true;
	return r;
}

/*
 * One slice and what it brought; @w->retries counts attempts at the same block. 1: go on, 0: the table was replaced.
 */
static int walk_on(struct walker *w, struct ct_err *err)
{
	struct chains_told *told = &w->skel->bss->told;
	bool accept = w->retries >= RETRIES_MAX;
	uint32_t from = told->next, end = (uint32_t)w->buckets;
	int r;

	/* only the one block that has been tried so often */
	if (accept && from + w->block < end)
		end = from + w->block;
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
	const struct chains_told *told = &w->skel->bss->told;
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
	w->skel->bss->at_least[0] = w->buckets;
	w->skel->bss->told.longest_bucket = 0;
	return 1;
}

/* Kinds that there are, in words that don't depend on how the program numbers them. */
static int collect_kinds(struct walker *w, struct ct_err *err)
{
	static const uint8_t stateful[] = { IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_DCCP };
	struct chains *result = w->result;

	free(result->counts);
	result->kinds = 0;
	result->counts = calloc(CHAINS_KINDS, sizeof(*result->counts));
	if (!result->counts)
		return find_fail(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < CHAINS_KINDS; i++) {
		struct ct_census_count c = { .entries = w->skel->bss->kinds[i], .replied = i & 1, .assured = i & 2 };
		unsigned n = i - CHAINS_KINDS_STATEFUL;

		c.has_state = i >= CHAINS_KINDS_STATEFUL;
		c.proto = c.has_state ? stateful[n / CHAINS_KINDS_EACH] : (uint8_t)(i / 4);
		c.state = c.has_state ? (uint8_t)(n % CHAINS_KINDS_EACH / 4) : 0;
		if (c.entries)
			result->counts[result->kinds++] = c;
	}
	return 0;
}

/* What the programs left behind, as a histogram. */
static int collect(struct walker *w, struct ct_err *err)
{
	const struct chains_told *told = &w->skel->bss->told;
	const uint64_t *at_least = (const uint64_t *)w->skel->bss->at_least;
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

static int walk_new(struct chains **ret, bool census, bool everybody, struct ct_err *err)
{
	struct chains *result = calloc(1, sizeof(*result));
	struct walker w = { .result = result, .census = census, .everybody = everybody };
	int r;

	if (!result)
		return find_fail(err, -ENOMEM, "out of memory");
	(void)libbpf_set_print(quiet);
	r = check_kernel(&w, err);
	if (r == 0)
		r = load(&w, err);
	if (r == 0)
		r = walk(&w, err);
	chains_bpf__destroy(w.skel);
	free(w.long_chain);
	if (r < 0)
		chains_free(result);
	else
		*ret = result;
	return r;
}

int chains_walk(struct chains **ret, struct ct_err *err)
{
	return walk_new(ret, false, false, err);
}

int chains_census(struct chains **ret, bool everybody, struct ct_err *err)
{
	return walk_new(ret, true, everybody, err);
}

void chains_free(struct chains *chains)
{
	if (chains) {
		free(chains->histogram);
		free(chains->counts);
	}
	free(chains);
}
