/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the BPF programs of chains.bpf.c and their loader tell each other. Sizes and order are fixed. */
#ifndef CONNTUNE_CHAINS_SHARED_H
#define CONNTUNE_CHAINS_SHARED_H

#include <linux/types.h>

/* Chains that are followed at the same time; more of them overlap more cache misses, until the work list leaves L1. */
#define CHAINS_BLOCK_MAX 512

/* Chains followed in one unrolled step; a block ends with so many entries of padding. */
#define CHAINS_LANES 8

/* A block holds chains of fewer nodes than this; longer ones are counted alone (CHAINS_LONG). */
#define CHAINS_LEVELS 1024

/* Places that may be the bucket array, found going back along one chain. */
#define CHAINS_CANDIDATES 16

/* Nodes of one chain that are followed to find the array: no limit of the kernel's comes near. */
#define CHAINS_BACK_MAX 1000000

/* Entries of a block that are counted by kind; a block with more is taken for too long. */
#define CHAINS_LOG_MAX 4096

/*
 * Kinds of entries. Each protocol has 4, by two bits of the status: 1 has seen a reply, 2 assured. Behind them those
 * with states: TCP, SCTP and DCCP have 16 x 4 each.
 */
#define CHAINS_KINDS_STATEFUL (256 * 4)
#define CHAINS_KINDS_EACH (16 * 4)
#define CHAINS_KINDS (CHAINS_KINDS_STATEFUL + 3 * CHAINS_KINDS_EACH)
#define CHAINS_TIMEOUTS_ROOM 2048

/*
 * Each kind is counted by how many of the CHAINS_IDLE times its entries have been idle for longer: CHAINS_CLASSES
 * numbers, of which the last one is of those for which it can't be told.
 */
#define CHAINS_IDLE 4
#define CHAINS_CLASSES (CHAINS_IDLE + 2)
#define CHAINS_COUNTS (CHAINS_KINDS * CHAINS_CLASSES)
#define CHAINS_COUNTS_ROOM 8192

/* Network namespaces that are told apart; what further ones have is summed up in one more. */
#define CHAINS_OWNERS 64
#define CHAINS_OWNERS_ROOM 128

/* Places in which one is looked for, before it counts as a further one. */
#define CHAINS_OWNER_TRIES 8

/* No bucket. */
#define CHAINS_NONE 0xffffffffU

enum chains_status {
	CHAINS_RUNNING,                 /* the slice's time is over, or all is done: go on at `next` */
	CHAINS_LONG,                    /* the block at `next` takes more than a slice, or has too long a chain */
	CHAINS_MISPLACED,               /* the block at `next` has chains that end in another bucket's marker */
	CHAINS_EMPTIED,                 /* the bucket `first` has no nodes any more: perhaps this isn't the table any more */
	CHAINS_MOVED,                   /* long: the node at `cursor` left its chain between two slices */
};

/**
 * struct chains_ask - one run
 * @base:      address of the bucket array
 * @next, @end: first bucket to walk, and the one after the last
 * @block:     chains at a time, 1 .. CHAINS_BLOCK_MAX
 * @accept:    count misplaced nodes instead of stopping at them
 * @everybody: census: the entries of all network namespaces
 * @guard:     look at the bucket `first` when the slice is over
 * @start_ns:  no new block is begun after budget_ns; a block that runs past limit_ns is given up
 * @cursor, @length: long: the last node seen and how many there were, 0 at the start of a chain
 * @address:   peek: what to read
 * @hz:        census: jiffies of a second
 * @idle:      census: longer than that; unit: jiffies
 */
struct chains_ask {
	__u64 base;
	__u32 next, end;
	__u32 block;
	__u32 accept;
	__u32 everybody;
	__u32 guard;
	__u64 budget_ns, limit_ns;
	__u64 cursor, length;
	__u64 address;
	__u64 hz;
	__u64 idle[CHAINS_IDLE];
};

/**
 * struct chains_timeout - census: how long entries of one kind live without a packet; unit: jiffies
 * @full:    0: not known
 * @ceiling: the lower first: if what is left isn't more, and it is shorter than @full, it stands for @full
 */
struct chains_timeout {
	__u64 full;
	__u64 ceiling[2];
	__u64 unused;                   /* a power of two in size */
};

/* Never shorter than @full. */
#define CHAINS_NO_CEILING (1ULL << 62)

/**
 * struct chains_owner - nodes of one network namespace
 * @net:   address of the kernel's struct net; 0: nobody's, or the sum of the others
 * @inode: its number
 */
struct chains_owner {
	__u64 net;
	__u64 nodes;
	__u64 inode;
};

/**
 * struct chains_told - the answer
 * @next:      the first bucket that is not counted yet
 * @status:    enum chains_status
 * @longest, @longest_bucket: since the walk began; kept from run to run
 * @misplaced: nodes; kept from run to run
 * @first:     the first bucket that isn't empty, CHAINS_NONE until there is one; kept from run to run
 * @ns:        how long the run took
 * @done:      long: the chain ended, and with the right marker
 * @value:     peek
 * @pointer, @generation: symbols: addresses of the variables nf_conntrack_hash and nf_conntrack_generation, or 0
 * @net:       census: the network namespace whose entries are counted, 0 if it isn't known
 */
struct chains_told {
	__u32 next;
	__u32 status;
	__u64 longest;
	__u32 longest_bucket;
	__u32 first;
	__u32 done;
	__u64 misplaced;
	__u64 ns;
	__u64 cursor, length;
	__u64 value;
	__u64 pointer, generation;
	__u64 net;
};

/**
 * struct chains_place - one entry looked up, and what its chain says
 * @tuple:      in: addresses and ports as in struct bpf_sock_tuple, network order
 * @tuple_bytes: in: 12 or 36, for IPv4 and IPv6
 * @protocol:   in: IPPROTO_TCP or IPPROTO_UDP
 * @page:       in: bytes
 * @error:      out: of the look-up; 0: found
 * @bucket:     out: of the entry's original direction
 * @candidate:  out: where the array may begin, nearest to the entry first
 */
struct chains_place {
	__u8 tuple[36];
	__u32 tuple_bytes;
	__u32 protocol;
	__u32 page;
	__s32 error;
	__u32 candidates;
	__u64 bucket;
	__u64 candidate[CHAINS_CANDIDATES];
};

#endif
