/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the kernel: where the table of buckets is, how long its chains are, and what entries are in them. Only reads. */
#include <stdbool.h>
#include "chains_shared.h"
#include "views.h"

/* Any type of the kernel's that begins with a 64-bit number: reading through it gives a number, not a pointer. */
struct timespec64 {
	__s64 tv_sec;
} __attribute__((preserve_access_index));

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

/* bpf_rdonly_cast() is there (6.2): a plain load instead of a call, which is also what lets loads overlap */
const volatile bool use_cast;

/* Count entries by their kind too. What isn't wanted isn't even looked at by the verifier. */
const volatile bool census;

struct chains_ask ask;
struct chains_told told;

/* at_least[n]: buckets of n nodes and more, since the walk began */
__u64 at_least[CHAINS_LEVELS];

/* The block that is being walked: what to read next, and the marker that its chain must end with. */
static __u64 node[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 marker[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 level[CHAINS_LEVELS];

/* census: entries of each kind, since the walk began */
__u64 kinds[CHAINS_KINDS_ROOM];

/* census: entries among the nodes of this depth, and the kinds of all that the block has */
static __u64 entry[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u16 kind[CHAINS_LOG_MAX];
/*
 * How many those are, and what struct walk says. Not in there: the verifier would go through all values in turn. Not
 * static: clang would make six variables of it, which its own type information doesn't fit.
 */
struct {
	__u64 start_ns;
	__u32 count, entries, kinds;
	__u32 now;                      /* unit: jiffies */
	__u32 late;
	__u64 everybody;                /* all bits or none */
} looked;

/* A chain that ends at once: what padding points to. */
static __u64 stop = 1;

struct walk {
	__u64 start_ns;
	__u32 count;                    /* chains of the block that haven't ended */
	__u32 kept;
	__u32 depth;
	__u64 deepest;                  /* marker of a chain that has come this far */
	__u64 misplaced;
};

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
		looked.late = 1;
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

#define OFFSET(member) __builtin_preserve_field_info(((struct nf_conn *)0)->member, BPF_FIELD_BYTE_OFFSET)
#define HAS(member) __builtin_preserve_field_info(((struct nf_conn *)0)->member, BPF_FIELD_EXISTS)

/* The one place with a choice of how to read; @cast is known when it is compiled. */
static __always_inline __u64 field_u64(__u64 object, __u64 offset, bool cast)
{
	return cast ? read_cast(object + offset) : read_call(object + offset);
}

/* Through whole words, because only they can be read; a number of @bytes never crosses from one into the next. */
static __always_inline __u64 field(__u64 object, __u64 offset, __u32 bytes, bool cast)
{
	__u64 v = field_u64(object, offset & ~7ULL, cast), at = offset & 7;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	at = 8 - bytes - at;
#endif
	return v >> 8 * at & ((1ULL << 8 * bytes) - 1);
}

/*
 * All bits if the top one is set, else none. Hidden from the compiler: a branch would wait for memory, and double what
 * the verifier has to go through.
 */
static __always_inline __u64 all_if_top(__u64 v)
{
	asm volatile("" : "+r"(v));
	v >>= 63;
	asm volatile("" : "+r"(v));
	return -v;
}

static __always_inline __u64 equal(__u64 a, __u64 b)
{
	__u64 other = a ^ b;

	return ~all_if_top(other | -other);
}

/* Entries among the nodes: those of the original direction, so that each is seen once. */
static __always_inline void pick_lanes(__u64 from, bool cast)
{
	const __u64 dir = OFFSET(tuplehash[0].tuple.dst.dir) - OFFSET(tuplehash[0].hnnode);
	const __u64 into = OFFSET(tuplehash[0].hnnode);
	__u64 v[CHAINS_LANES], kept = looked.entries;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		v[i] = field(node[from + i] - into, into + dir, 1, cast);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		kept &= CHAINS_BLOCK_MAX - 1;
		entry[kept] = node[from + i] - into;
		/* beyond count there is padding */
		kept += equal(v[i], 0) & all_if_top(from + i - looked.count) & 1;
	}
	looked.entries = (__u32)kept;
}

static long pick(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (use_cast)
		pick_lanes(from, true);
	else
		pick_lanes(from, false);
	return 0;
}

/* Which of the kinds; state: as the protocol numbers it. */
static __always_inline __u64 kind_of(__u64 ct, bool cast)
{
	__u64 protocol = field(ct, OFFSET(tuplehash[0].tuple.dst.protonum), 1, cast);
	__u64 status = field_u64(ct, OFFSET(status), cast);
	__u64 tcp = equal(protocol, 6), sctp = equal(protocol, 132), dccp = 0, state, first;

	/* IPS_SEEN_REPLY and IPS_ASSURED */
	status = status >> 1 & 3;
	state = tcp & field(ct, OFFSET(proto.tcp.state), 1, cast);
	state |= sctp & field(ct, OFFSET(proto.sctp.state), 4, cast);
	if (HAS(proto.dccp)) {
		dccp = equal(protocol, 33);
		state |= dccp & field(ct, OFFSET(proto.dccp.state), 1, cast);
	}
	first = (sctp & CHAINS_KINDS_EACH) + (dccp & 2 * CHAINS_KINDS_EACH) + CHAINS_KINDS_STATEFUL + 4 * (state & 15);
	tcp |= sctp | dccp;
	return (tcp & first) + (~tcp & 4 * protocol) + status;
}

/* All bits if a dump would show it: of the namespace, and not past its time. */
static __always_inline __u64 counts(__u64 ct, __u32 now, bool cast)
{
	__u64 left = field(ct, OFFSET(timeout), 4, cast) - now, mine = ~0ULL;

	if (HAS(ct_net.net))
		mine = equal(field_u64(ct, OFFSET(ct_net.net), cast), told.net) | looked.everybody;
	/* as the kernel: 1 .. INT_MAX */
	return mine & ~equal(left & 0xffffffff, 0) & ~all_if_top(left << 32);
}

static __always_inline void sort_lanes(__u64 from, bool cast)
{
	__u64 n = looked.kinds;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		__u64 ct = entry[from + i];

		n &= CHAINS_LOG_MAX - 1;
		kind[n] = (__u16)kind_of(ct, cast);
		n += counts(ct, looked.now, cast) & all_if_top(from + i - looked.entries) & 1;
	}
	looked.kinds = (__u32)n;
}

static long sort(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (looked.kinds >= CHAINS_LOG_MAX - CHAINS_LANES) {
		looked.late = 1;
		return 1;
	}
	if (use_cast)
		sort_lanes(from, true);
	else
		sort_lanes(from, false);
	if ((group & 15) == 15 && bpf_ktime_get_ns() - looked.start_ns > ask.limit_ns) {
		looked.late = 1;
		return 1;
	}
	return 0;
}

/* Nodes of this depth, before the walk goes on to the next. Not static: so it is verified once, by itself. */
__attribute__((noinline)) int look(void)
{
	looked.entries = 0;
	bpf_loop((looked.count + CHAINS_LANES - 1) / CHAINS_LANES, pick, NULL, 0);
	bpf_loop((looked.entries + CHAINS_LANES - 1) / CHAINS_LANES, sort, NULL, 0);
	return 0;
}

static long commit_kinds(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_LOG_MAX - 1);

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		if (from + i < looked.kinds)
			kinds[kind[from + i] & (CHAINS_KINDS_ROOM - 1)]++;
	return 0;
}

__attribute__((noinline)) int note(void)
{
	bpf_loop((looked.kinds + CHAINS_LANES - 1) / CHAINS_LANES, commit_kinds, NULL, 0);
	return 0;
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
	/* at depth 0 they are buckets */
	if (census && depth) {
		looked.count = w->count;
		look();
	}
	bpf_loop((w->count + CHAINS_LANES - 1) / CHAINS_LANES, step, w, 0);
	w->count = w->kept;
	if (w->count && bpf_ktime_get_ns() - w->start_ns > ask.limit_ns)
		looked.late = 1;
	return looked.late != 0;
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
	looked.kinds = 0;
	looked.late = 0;
	bpf_loop(count, fill, w, 0);
	bpf_loop(CHAINS_LEVELS, descend, w, 0);
	if (looked.late || w->count)
		told.status = CHAINS_LONG;
	else if (w->misplaced && !ask.accept)
		told.status = CHAINS_MISPLACED;
	if (told.status != CHAINS_RUNNING)
		return 1;
	bpf_loop(w->depth + 1, commit, w, 0);
	if (census)
		note();
	if (w->depth > told.longest || told.longest_bucket == CHAINS_NONE) {
		told.longest = w->depth;
		told.longest_bucket = (__u32)(w->deepest >> 1);
	}
	told.misplaced += w->misplaced;
	told.next += count;
	return 0;
}

/* A test run is done by the task that asks for it: its network namespace is the one that is meant. */
static __always_inline void begin_census(struct walk *w)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	told.net = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
	looked.start_ns = w->start_ns;
	looked.everybody = ask.everybody ? ~0ULL : 0;
	looked.now = (__u32)bpf_jiffies64();
}

/*
 * Blocks from ask.next on until the slice's time is over. A raw tracepoint's test run, because it holds
 * rcu_read_lock(), and nothing else, around the program: entries aren't given back while we stand on them.
 */
SEC("raw_tp/sys_enter")
int walk(void *ctx)
{
	struct walk w = { .start_ns = bpf_ktime_get_ns() };

	told.next = ask.next;
	told.status = CHAINS_RUNNING;
	if (census)
		begin_census(&w);
	if (ask.block > 0 && ask.block <= CHAINS_BLOCK_MAX)
		bpf_loop(1 << 20, walk_block, &w, 0);
	/* a resize takes the nodes out of the old buckets in order: if any was emptied so, then this one before it */
	if (ask.guard && told.first != CHAINS_NONE && (read_u64(ask.base + 8 * (__u64)told.first) & 1))
		told.status = CHAINS_EMPTIED;
	told.ns = bpf_ktime_get_ns() - w.start_ns;
	return 0;
}

static __always_inline void look_at(__u64 address)
{
	__u64 ct = address - OFFSET(tuplehash[0].hnnode);

	if (field(ct, OFFSET(tuplehash[0].tuple.dst.dir), 1, false) == 0 && counts(ct, looked.now, false))
		kinds[kind_of(ct, false) & (CHAINS_KINDS_ROOM - 1)]++;
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
	if (census)
		look_at(v);
	return (i & 15) == 15 && bpf_ktime_get_ns() - w->start_ns > ask.budget_ns;
}

/*
 * One chain that is longer than a slice: from ask.cursor on. Between two slices the node there may have gone, and its
 * memory may be anything; it is still in a chain if the place that pprev points to points back.
 */
SEC("raw_tp/sys_enter")
int walk_long(void *ctx)
{
	struct walk w = { .start_ns = bpf_ktime_get_ns() };

	told.status = CHAINS_RUNNING;
	told.done = 0;
	told.cursor = ask.cursor;
	told.length = ask.length;
	if (census)
		begin_census(&w);
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

SEC("raw_tp/sys_enter")
int peek(void *ctx)
{
	told.value = read_u64(ask.address);
	return 0;
}

static const char pointer_name[] = "nf_conntrack_hash", generation_name[] = "nf_conntrack_generation";

/* Refused where symbols are hidden from whoever asks (kptr_restrict); of a kernel's own data only with KALLSYMS_ALL. */
SEC("syscall")
int symbols(void *ctx)
{
	__u64 address;

	told.pointer = told.generation = 0;
	if (bpf_kallsyms_lookup_name(pointer_name, sizeof(pointer_name), 0, &address) == 0)
		told.pointer = address;
	if (bpf_kallsyms_lookup_name(generation_name, sizeof(generation_name), 0, &address) == 0)
		told.generation = address;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
