/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the kernel: where the table of buckets is, how long its chains are, and what entries are in them. Only reads. */
#include <stdbool.h>
#include <linux/netfilter/nf_conntrack_common.h>
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

/* Count the nodes of each network namespace too. */
const volatile bool by_owner;

struct chains_ask ask;
struct chains_told told;

/* at_least[n]: buckets of n nodes and more, since the walk began */
__u64 at_least[CHAINS_LEVELS];

/* by_owner: since the walk began, number CHAINS_OWNERS for all without a place; and what the block has of each */
struct chains_owner owners[CHAINS_OWNERS_ROOM];
static __u64 owned[CHAINS_OWNERS_ROOM];

/* The block that is being walked: what to read next, and the marker that its chain must end with. */
static __u64 node[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 marker[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u64 level[CHAINS_LEVELS];

/* census: entries of each kind and class, since the walk began */
__u32 counts[CHAINS_COUNTS_ROOM];

/* census: of each kind */
struct chains_timeout timeouts[CHAINS_TIMEOUTS_ROOM];

/* census: entries among the nodes of this depth, and the kinds of all that the block has */
static __u64 entry[CHAINS_BLOCK_MAX + CHAINS_LANES];
static __u16 kind[CHAINS_LOG_MAX];
/*
 * What is known of the walk. Not on the stack: the verifier would go through all values in turn. Not static: clang
 * would make several variables of it, which its own type information doesn't fit.
 */
struct {
	__u64 start_ns;
	__u32 count;                    /* chains of the block that haven't ended */
	__u32 kept;
	__u32 depth;
	__u32 late;
	__u64 deepest;                  /* marker of a chain that has come this far */
	__u64 misplaced;
	/* census */
	__u32 entries, kinds;
	__u32 now;                      /* unit: jiffies */
	__u32 last_owner;               /* by_owner: the place of last_net */
	__u64 last_net;
	__u64 everybody;                /* all bits or none */
} w;

/* A chain that ends at once: what padding points to. */
static __u64 stop = 1;

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
static __always_inline void step_lanes(__u64 from, bool cast)
{
	__u64 v[CHAINS_LANES];
	__u64 kept = w.kept, wrong = 0;

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
	w.kept = (__u32)kept;
	w.misplaced += wrong * w.depth;
}

static long step(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (use_cast)
		step_lanes(from, true);
	else
		step_lanes(from, false);
	if ((group & 15) == 15 && bpf_ktime_get_ns() - w.start_ns > ask.limit_ns) {
		w.late = 1;
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

static __always_inline void claim(__u64 slot, __u64 net)
{
	const struct net *n = (const struct net *)net;

	owners[slot].net = net;
	if (bpf_core_field_exists(n->ns.inum))
		owners[slot].inode = BPF_CORE_READ(n, ns.inum);
}

/* The place of a network namespace; a new one gets one if there is any left. Not static: so it is verified once. */
__attribute__((noinline)) int owner_of(__u64 net)
{
	__u64 slot, first = net * 0x9e3779b97f4a7c15ULL >> 32;

	for (__u32 i = 0; i < CHAINS_OWNER_TRIES; i++) {
		slot = (first + i) & (CHAINS_OWNERS - 1);
		if (owners[slot].net == 0)
			claim(slot, net);
		if (owners[slot].net == net)
			return (int)slot;
	}
	return CHAINS_OWNERS;
}

/* The network namespace of the node's entry. */
static __always_inline __u64 owner_at(__u64 node_at, __u64 reply, bool cast)
{
	const __u64 into = OFFSET(tuplehash[0].hnnode), other = OFFSET(tuplehash[1].hnnode) - into;

	return HAS(ct_net.net) ? field_u64(node_at - into - (other & reply), OFFSET(ct_net.net), cast) : 0;
}

/* All bits if the node is that of the reply direction, the second one of its entry. */
static __always_inline __u64 is_reply(__u64 node_at, bool cast)
{
	const __u64 into = OFFSET(tuplehash[0].hnnode);

	return ~equal(field(node_at - into, OFFSET(tuplehash[0].tuple.dst.dir), 1, cast), 0);
}

/* Mostly many nodes of one namespace follow each other. */
static __always_inline void own_one(__u64 net)
{
	if (net != w.last_net) {
		w.last_net = net;
		w.last_owner = (__u32)owner_of(net);
	}
	owned[w.last_owner & (CHAINS_OWNERS_ROOM - 1)]++;
}

static __always_inline void own_lanes(__u64 from, bool cast)
{
	__u64 v[CHAINS_LANES];

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		v[i] = is_reply(node[from + i], cast);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		v[i] = owner_at(node[from + i], v[i], cast);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		/* beyond count there is padding */
		if (from + i < w.count)
			own_one(v[i]);
}

static long own(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (use_cast)
		own_lanes(from, true);
	else
		own_lanes(from, false);
	if ((group & 15) == 15 && bpf_ktime_get_ns() - w.start_ns > ask.limit_ns) {
		w.late = 1;
		return 1;
	}
	return 0;
}

static long commit_owner(__u64 i, void *unused)
{
	if (i > CHAINS_OWNERS)
		return 1;
	owners[i].nodes += owned[i];
	return 0;
}

/* Entries among the nodes: those of the original direction, so that each is seen once. */
static __always_inline void pick_lanes(__u64 from, bool cast)
{
	const __u64 dir = OFFSET(tuplehash[0].tuple.dst.dir) - OFFSET(tuplehash[0].hnnode);
	const __u64 into = OFFSET(tuplehash[0].hnnode);
	__u64 v[CHAINS_LANES], kept = w.entries;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		v[i] = field(node[from + i] - into, into + dir, 1, cast);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		kept &= CHAINS_BLOCK_MAX - 1;
		entry[kept] = node[from + i] - into;
		/* beyond count there is padding */
		kept += equal(v[i], 0) & all_if_top(from + i - w.count) & 1;
	}
	w.entries = (__u32)kept;
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

static __always_inline __u64 less(__u64 a, __u64 b)
{
	return all_if_top(a - b);
}

/* Which of the kinds; state: as the protocol numbers it, and as a dump none of entries that a flow table took over. */
static __always_inline __u64 kind_of(__u64 ct, __u64 status, bool cast)
{
	__u64 protocol = field(ct, OFFSET(tuplehash[0].tuple.dst.protonum), 1, cast);
	__u64 offloaded = all_if_top(status << (63 - IPS_OFFLOAD_BIT));
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
	tcp = (tcp | sctp | dccp) & ~offloaded;
	return (tcp & first) + (~tcp & 4 * protocol) + status;
}

/* @b if all bits of @which are set, @a if none is. */
static __always_inline __u64 choose(__u64 a, __u64 b, __u64 which)
{
	return (b & which) | (a & ~which);
}

/*
 * 0 .. CHAINS_IDLE: how many of the times it has been idle for longer; as ct_entry_idle(), which has whole seconds: so
 * many are left that @left is below the next one.
 */
static __always_inline __u64 class_of(__u64 kind, __u64 left, __u64 unknown)
{
	const struct chains_timeout *t;
	__u64 full, longer = 0, low, high, take_low;

	/* the compiler knows that the mask changes nothing, and would leave it out; the verifier of 6.1 doesn't */
	asm volatile("" : "+r"(kind));
	t = &timeouts[kind & (CHAINS_TIMEOUTS_ROOM - 1)];
	full = t->full;
	low = t->ceiling[0];
	high = t->ceiling[1];
	take_low = less(left, low + ask.hz) & less(low, full);
	full = choose(full, high, less(left, high + ask.hz) & less(high, full));
	full = choose(full, low, take_low);
	unknown |= equal(full, 0) | ~less(left, full + ask.hz);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_IDLE; i++)
		longer += less(left + ask.idle[i], full) & 1;
	return choose(longer, CHAINS_IDLE + 1, unknown);
}

struct seen {
	__u64 index;                    /* of counts */
	__u64 counts;                   /* all bits if a dump would show it: of the namespace, and not past its time */
};

/*
 * Offloaded entries are kept alive by their flow table, and those of fixed time-out don't start anew with a packet.
 * What other network namespaces have set isn't known.
 */
static __always_inline struct seen see(__u64 ct, bool cast)
{
	const __u64 other_rules = 1 << IPS_OFFLOAD_BIT | 1 << IPS_HW_OFFLOAD_BIT | 1 << IPS_FIXED_TIMEOUT_BIT;
	__u64 left = (field(ct, OFFSET(timeout), 4, cast) - w.now) & 0xffffffff, mine = ~0ULL, kind;
	__u64 status = field_u64(ct, OFFSET(status), cast);

	if (HAS(ct_net.net))
		mine = equal(field_u64(ct, OFFSET(ct_net.net), cast), told.net);
	kind = kind_of(ct, status, cast);
	return (struct seen){
		.index = kind * CHAINS_CLASSES + class_of(kind, left, ~equal(status & other_rules, 0) | ~mine),
		/* as the kernel: 1 .. INT_MAX */
		.counts = (mine | w.everybody) & ~equal(left, 0) & ~all_if_top(left << 32),
	};
}

static __always_inline void sort_lanes(__u64 from, bool cast)
{
	__u64 n = w.kinds;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++) {
		struct seen seen = see(entry[from + i], cast);

		n &= CHAINS_LOG_MAX - 1;
		kind[n] = (__u16)seen.index;
		n += seen.counts & all_if_top(from + i - w.entries) & 1;
	}
	w.kinds = (__u32)n;
}

static long sort(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_BLOCK_MAX - 1);

	if (w.kinds >= CHAINS_LOG_MAX - CHAINS_LANES) {
		w.late = 1;
		return 1;
	}
	if (use_cast)
		sort_lanes(from, true);
	else
		sort_lanes(from, false);
	if ((group & 15) == 15 && bpf_ktime_get_ns() - w.start_ns > ask.limit_ns) {
		w.late = 1;
		return 1;
	}
	return 0;
}

/* Nodes of this depth, before the walk goes on to the next. Not static: so it is verified once, by itself. */
__attribute__((noinline)) int look(void)
{
	w.entries = 0;
	bpf_loop((w.count + CHAINS_LANES - 1) / CHAINS_LANES, pick, NULL, 0);
	bpf_loop((w.entries + CHAINS_LANES - 1) / CHAINS_LANES, sort, NULL, 0);
	return 0;
}

static long commit_kinds(__u64 group, void *unused)
{
	__u64 from = group * CHAINS_LANES & (CHAINS_LOG_MAX - 1);

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CHAINS_LANES; i++)
		if (from + i < w.kinds)
			counts[kind[from + i] & (CHAINS_COUNTS_ROOM - 1)]++;
	return 0;
}

__attribute__((noinline)) int note(void)
{
	bpf_loop((w.kinds + CHAINS_LANES - 1) / CHAINS_LANES, commit_kinds, NULL, 0);
	return 0;
}

/* All chains of the block, one node further. */
static long descend(__u64 depth, void *unused)
{
	if (w.count == 0 || depth >= CHAINS_LEVELS)
		return 1;
	level[depth] = w.count;
	w.deepest = marker[0];
	/* chains keep their order when they are moved to the front */
	if (depth == 1 && told.first == CHAINS_NONE)
		told.first = (__u32)(marker[0] >> 1);
	w.depth = (__u32)depth;
	w.kept = 0;
	pad(w.count);
	/* at depth 0 they are buckets */
	if (by_owner && depth)
		bpf_loop((w.count + CHAINS_LANES - 1) / CHAINS_LANES, own, NULL, 0);
	if (census && depth)
		look();
	bpf_loop((w.count + CHAINS_LANES - 1) / CHAINS_LANES, step, NULL, 0);
	w.count = w.kept;
	if (w.count && bpf_ktime_get_ns() - w.start_ns > ask.limit_ns)
		w.late = 1;
	return w.late != 0;
}

static long fill(__u64 i, void *unused)
{
	__u64 bucket = told.next + i;

	i &= CHAINS_BLOCK_MAX - 1; /* known to the verifier now */
	node[i] = ask.base + 8 * bucket;
	marker[i] = 2 * bucket + 1;
	return 0;
}

static long commit(__u64 i, void *unused)
{
	if (i >= CHAINS_LEVELS)
		return 1;
	at_least[i] += level[i];
	return 0;
}

static long walk_block(__u64 i, void *unused)
{
	__u32 count = ask.end - told.next;

	if (told.next >= ask.end || (i && bpf_ktime_get_ns() - w.start_ns > ask.budget_ns))
		return 1;
	if (count > ask.block)
		count = ask.block;
	w.count = count;
	w.misplaced = 0;
	w.kinds = 0;
	w.late = 0;
	if (by_owner)
		__builtin_memset(owned, 0, sizeof(owned));
	bpf_loop(count, fill, NULL, 0);
	bpf_loop(CHAINS_LEVELS, descend, NULL, 0);
	if (w.late || w.count)
		told.status = CHAINS_LONG;
	else if (w.misplaced && !ask.accept)
		told.status = CHAINS_MISPLACED;
	if (told.status != CHAINS_RUNNING)
		return 1;
	bpf_loop(w.depth + 1, commit, NULL, 0);
	if (census)
		note();
	if (by_owner)
		bpf_loop(CHAINS_OWNERS + 1, commit_owner, NULL, 0);
	if (w.depth > told.longest || told.longest_bucket == CHAINS_NONE) {
		told.longest = w.depth;
		told.longest_bucket = (__u32)(w.deepest >> 1);
	}
	told.misplaced += w.misplaced;
	told.next += count;
	return 0;
}

/* A test run is done by the task that asks for it: its network namespace is the one that is meant. */
static __always_inline void begin_census(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	told.net = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
	w.everybody = ask.everybody ? ~0ULL : 0;
	w.now = (__u32)bpf_jiffies64();
}

/*
 * Blocks from ask.next on until the slice's time is over. A raw tracepoint's test run, because it holds
 * rcu_read_lock(), and nothing else, around the program: entries aren't given back while we stand on them.
 */
SEC("raw_tp/sys_enter")
int walk(void *ctx)
{
	w.start_ns = bpf_ktime_get_ns();
	w.last_net = ~0ULL;
	told.next = ask.next;
	told.status = CHAINS_RUNNING;
	if (census)
		begin_census();
	if (ask.block > 0 && ask.block <= CHAINS_BLOCK_MAX)
		bpf_loop(1 << 20, walk_block, NULL, 0);
	/* a resize takes the nodes out of the old buckets in order: if any was emptied so, then this one before it */
	if (ask.guard && told.first != CHAINS_NONE && (read_u64(ask.base + 8 * (__u64)told.first) & 1))
		told.status = CHAINS_EMPTIED;
	told.ns = bpf_ktime_get_ns() - w.start_ns;
	return 0;
}

static __always_inline void look_at(__u64 address)
{
	__u64 ct = address - OFFSET(tuplehash[0].hnnode);

	struct seen seen = see(ct, false);

	if (field(ct, OFFSET(tuplehash[0].tuple.dst.dir), 1, false) == 0 && seen.counts)
		counts[seen.index & (CHAINS_COUNTS_ROOM - 1)]++;
}

static long follow(__u64 i, void *unused)
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
	if (by_owner)
		owners[owner_of(owner_at(v, is_reply(v, false), false)) & (CHAINS_OWNERS_ROOM - 1)].nodes++;
	return (i & 15) == 15 && bpf_ktime_get_ns() - w.start_ns > ask.budget_ns;
}

/*
 * One chain that is longer than a slice: from ask.cursor on. Between two slices the node there may have gone, and its
 * memory may be anything; it is still in a chain if the place that pprev points to points back.
 */
SEC("raw_tp/sys_enter")
int walk_long(void *ctx)
{
	w.start_ns = bpf_ktime_get_ns();
	told.status = CHAINS_RUNNING;
	told.done = 0;
	told.cursor = ask.cursor;
	told.length = ask.length;
	if (census)
		begin_census();
	if (ask.cursor == 0) {
		told.cursor = ask.base + 8 * (__u64)ask.next;
		told.length = 0;
	} else if (read_u64(read_u64(ask.cursor + 8)) != ask.cursor) {
		told.status = CHAINS_MOVED;
	}
	if (told.status == CHAINS_RUNNING)
		bpf_loop(1 << 20, follow, NULL, 0);
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
