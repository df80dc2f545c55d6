/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the kernel: where the table of buckets is, and how long its chains are. Only reads. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "chains_shared.h"

/* CO-RE views: only what is read; the loader puts in this kernel's offsets. */
struct hlist_nulls_node {
	struct hlist_nulls_node *next, **pprev;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple_hash {
	struct hlist_nulls_node hnnode;
} __attribute__((preserve_access_index));

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
} __attribute__((preserve_access_index));

/* Any type of the kernel's that begins with a 64-bit number: reading through it gives a number, not a pointer. */
struct timespec64 {
	__s64 tv_sec;
} __attribute__((preserve_access_index));

/* The first 12 bytes, which every version accepts. */
struct bpf_ct_opts___local {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_bytes,
					 struct bpf_ct_opts___local *opts, __u32 opts_bytes) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

/* bpf_rdonly_cast() is there (6.2): a plain load instead of a call, which is also what lets loads overlap */
const volatile bool use_cast;

struct chains_ask ask;
struct chains_told told;
struct chains_place place;

/* at_least[n]: buckets of n nodes and more, since the walk began */
__u64 at_least[CHAINS_LEVELS];

/* The block that is being walked: what to read next, and the marker that its chain must end with. */
static __u64 node[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 marker[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 level[CHAINS_LEVELS];

/* A chain that ends at once: what padding points to. */
static __u64 stop = 1;

struct walk {
	__u64 start_ns;
	__u32 count;                    /* chains of the block that haven't ended */
	__u32 kept;
	__u32 depth;
	__u32 late;
	__u64 deepest;                  /* marker of a chain that has come this far */
	__u64 misplaced;
};

/* 0 if the address isn't mapped. */
static __always_inline __u64 read_call(__u64 address)
{
	__u64 v = 0;

	(void)bpf_probe_read_kernel(&v, sizeof(v), (const void *)address);
	return v;
}

static __always_inline __u64 read_cast(__u64 address)
{
	struct timespec64 *p = bpf_rdonly_cast((const void *)address, bpf_core_type_id_kernel(struct timespec64));

	return (__u64)p->tv_sec;
}

static __always_inline __u64 read_u64(__u64 address)
{
	return use_cast ? read_cast(address) : read_call(address);
}

/*
 * The next node of CHAINS_LANES chains. The loads don't depend on each other and there is no branch on what they bring,
 * so the processor has all of them under way at once. Chains that go on are moved to the front of the list.
 */
static __always_inline void step_lanes(__u64 from, struct walk *w, bool cast)
{
	__u64 v[CHAINS_LANES];
	__u64 kept = w->kept, wrong = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		v[i] = cast ? read_cast(node[from + i]) : read_call(node[from + i]);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		__u64 want = marker[from + i], other = v[i] ^ want, goes_on;

		/* even and not 0 (unmapped): a node; else the end of the chain */
		goes_on = ~(v[i] | (~v[i] & (v[i] - 1)) >> 63) & 1;
		/* hidden from the compiler, which would make a branch of it, half of them mispredicted */
		asm volatile("" : "+r"(other));
		kept &= CHAINS_BLOCK_MAX - 1;
		node[kept] = v[i];
		marker[kept] = want;
		kept += goes_on;
		wrong += (goes_on ^ 1) & (other | -other) >> 63;
	}
	w->kept = (__u32)kept;
	w->misplaced += wrong * w->depth;
}

static long step(__u64 group, struct walk *w)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (use_cast)
		step_lanes(from, w, true);
	else
		step_lanes(from, w, false);
	if ((group & 15) == 15 && bpf_ktime_get_ns() - w->start_ns > ask.limit_ns) {
		w->late = 1;
		return 1;
	}
	return 0;
}

static __always_inline void pad(__u64 count)
{
	if (count > CHAINS_BLOCK_MAX)
		return;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		node[count + i] = (__u64)&stop;
		marker[count + i] = 1;
	}
}

/* All chains of the block, one node further. */
static long descend(__u64 depth, struct walk *w)
{
	if (w->count == 0 || depth >= CHAINS_LEVELS)
		return 1;
	level[depth] = w->count;
	w->deepest = marker[0];
	/* chains keep their order when they are moved to the front */
	if (depth == 1 && told.first == CHAINS_NONE)
		told.first = (__u32)(marker[0] >> 1);
	w->depth = (__u32)depth;
	w->kept = 0;
	pad(w->count);
	bpf_loop((w->count + CHAINS_LANES - 1) / CHAINS_LANES, step, w, 0);
	w->count = w->kept;
	if (w->count && bpf_ktime_get_ns() - w->start_ns > ask.limit_ns)
		w->late = 1;
	return w->late != 0;
}

static long fill(__u64 i, struct walk *w)
{
	__u64 bucket = told.next + i;

	i &= CHAINS_BLOCK_MAX - 1; /* known to the verifier now */
	node[i] = ask.base + 8 * bucket;
	marker[i] = 2 * bucket + 1;
	return 0;
}

static long commit(__u64 i, struct walk *w)
{
	if (i >= CHAINS_LEVELS)
		return 1;
	at_least[i] += level[i];
	return 0;
}

static long walk_block(__u64 i, struct walk *w)
{
	__u32 count = ask.end - told.next;

	if (told.next >= ask.end || (i && bpf_ktime_get_ns() - w->start_ns > ask.budget_ns))
		return 1;
	if (count > ask.block)
		count = ask.block;
	w->count = count;
	w->misplaced = 0;
	bpf_loop(count, fill, w, 0);
	bpf_loop(CHAINS_LEVELS, descend, w, 0);
	if (w->late || w->count)
		told.status = CHAINS_LONG;
	else if (w->misplaced && !ask.accept)
		told.status = CHAINS_MISPLACED;
	if (told.status != CHAINS_RUNNING)
		return 1;
	bpf_loop(w->depth + 1, commit, w, 0);
	if (w->depth > told.longest || told.longest_bucket == CHAINS_NONE) {
		told.longest = w->depth;
		told.longest_bucket = (__u32)(w->deepest >> 1);
	}
	told.misplaced += w->misplaced;
	told.next += count;
	return 0;
}

/*
 * Blocks from ask.next on until the slice's time is over. A raw tracepoint's test run, because it holds
 * rcu_read_lock(), and nothing else, around the program: entries aren't given back while we stand on them.
 */
SEC("raw_tp")
int walk(void *ctx)
{
	struct walk w = { .start_ns = bpf_ktime_get_ns() };

	told.next = ask.next;
	told.status = CHAINS_RUNNING;
	if (ask.block > 0 && ask.block <= CHAINS_BLOCK_MAX)
		bpf_loop(1 << 20, walk_block, &w, 0);
	/* a resize takes the nodes out of the old buckets in order: if any was emptied so, then this one before it */
	if (ask.guard && told.first != CHAINS_NONE && (read_u64(ask.base + 8 * (__u64)told.first) & 1))
		told.status = CHAINS_EMPTIED;
	told.ns = bpf_ktime_get_ns() - w.start_ns;
	return 0;
}

static long follow(__u64 i, struct walk *w)
{
	__u64 v = read_u64(told.cursor);

	if (v == 0 || v & 1) {
		told.done = v == 2 * (__u64)ask.next + 1;
		if (!told.done)
			told.status = CHAINS_MISPLACED;
		return 1;
	}
	told.cursor = v;
	told.length++;
	return (i & 15) == 15 && bpf_ktime_get_ns() - w->start_ns > ask.budget_ns;
}

/*
 * One chain that is longer than a slice: from ask.cursor on. Between two slices the node there may have gone, and its
 * memory may be anything; it is still in a chain if the place that pprev points to points back.
 */
SEC("raw_tp")
int walk_long(void *ctx)
{
	struct walk w = { .start_ns = bpf_ktime_get_ns() };

	told.status = CHAINS_RUNNING;
	told.done = 0;
	told.cursor = ask.cursor;
	told.length = ask.length;
	if (ask.cursor == 0) {
		told.cursor = ask.base + 8 * (__u64)ask.next;
		told.length = 0;
	} else if (read_u64(read_u64(ask.cursor + 8)) != ask.cursor) {
		told.status = CHAINS_MOVED;
	}
	if (told.status == CHAINS_RUNNING)
		bpf_loop(1 << 20, follow, &w, 0);
	told.ns = bpf_ktime_get_ns() - w.start_ns;
	return 0;
}

SEC("raw_tp")
int peek(void *ctx)
{
	told.value = read_u64(ask.address);
	return 0;
}

struct place_walk {
	__u64 at;
};

static long forward(__u64 i, struct place_walk *w)
{
	w->at = read_call(w->at);
	return w->at == 0 || w->at & 1;
}

/* at: a pprev. Either it points into the array, or to a node's next, whose own pprev is 8 bytes further. */
static long back(__u64 i, struct place_walk *w)
{
	__u64 base = w->at - 8 * place.bucket;

	if (w->at == 0)
		return 1;
	if ((base & (place.page - 1)) == 0) {
		if (place.candidates >= CHAINS_CANDIDATES)
			return 1;
		place.candidate[place.candidates & (CHAINS_CANDIDATES - 1)] = base;
		place.candidates++;
	}
	w->at = read_call(w->at + 8);
	return 0;
}

static __always_inline int search(struct nf_conn *ct)
{
	struct place_walk w = { 0 };
	__u64 pprev = 0;

	(void)bpf_probe_read_kernel(&w.at, sizeof(w.at), &ct->tuplehash[0].hnnode.next);
	(void)bpf_probe_read_kernel(&pprev, sizeof(pprev), &ct->tuplehash[0].hnnode.pprev);
	if (w.at && !(w.at & 1))
		bpf_loop(CHAINS_BACK_MAX, forward, &w, 0);
	if (!(w.at & 1))
		return -1;
	place.bucket = w.at >> 1;
	w.at = pprev;
	bpf_loop(CHAINS_BACK_MAX, back, &w, 0);
	return 0;
}

/* Runs in the network namespace of whoever asks for the test run: that is where it looks for the entry. */
SEC("xdp")
int locate(struct xdp_md *ctx)
{
	struct bpf_ct_opts___local opts = { .netns_id = -1, .l4proto = (__u8)place.protocol };
	union {
		struct bpf_sock_tuple tuple;
		__u8 bytes[36];
	} key;
	struct nf_conn *ct;

	place.candidates = 0;
	place.error = 0;
	__builtin_memcpy(key.bytes, place.tuple, sizeof(key.bytes));
	if (place.tuple_bytes == sizeof(key.tuple.ipv4))
		ct = bpf_xdp_ct_lookup(ctx, &key.tuple, sizeof(key.tuple.ipv4), &opts, sizeof(opts));
	else
		ct = bpf_xdp_ct_lookup(ctx, &key.tuple, sizeof(key.tuple.ipv6), &opts, sizeof(opts));
	if (!ct) {
		place.error = opts.error ? opts.error : -1;
		return XDP_DROP;
	}
	place.error = search(ct);
	bpf_ct_release(ct);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
