/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table's chains, walked by a BPF program: their lengths, and their entries. All that src/cli sees of src/bpf. */
#ifndef CONNTUNE_CHAINS_H
#define CONNTUNE_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/census.h>
#include <conntune/err.h>

/**
 * struct chains_owner_nodes - of one network namespace
 * @inode: its number
 */
struct chains_owner_nodes {
	uint64_t inode, nodes;
};

/**
 * struct chains - the table as it was found; all network namespaces together
 * @buckets:        of the table
 * @nodes:          in all chains; each connection is two
 * @longest, @longest_bucket: unit: nodes; the number of a bucket that has so many
 * @misplaced:      nodes of chains that end in another bucket's marker, also after repeated attempts
 * @histogram:      longest + 1 numbers: histogram[n] buckets of exactly n nodes
 * @seconds:        from the first slice to the last
 * @slices:         runs of the program in the kernel
 * @slice_max_usec: the longest of them
 * @retried:        parts walked again, because a node moved to another chain meanwhile
 * @restarts:       walks given up, because the table was resized meanwhile
 * @owner, @owners: by_owner: nodes of each network namespace, @owners of them, most first
 * @others:         nodes of further ones than are told apart
 * @counts, @kinds: chains_census(): entries of each kind, @kinds of them
 * @changed:        the walk isn't a picture of one moment: entries came or went, or parts were walked again
 */
struct chains {
	uint64_t buckets, nodes;
	uint64_t longest, longest_bucket;
	uint64_t misplaced;
	uint64_t *histogram;
	double seconds;
	uint64_t slices;
	double slice_max_usec;
	unsigned retried, restarts;
	bool changed;
	struct chains_owner_nodes *owner;
	size_t owners;
	uint64_t others;
	struct ct_census_count *counts;
	size_t kinds;
};

/**
 * chains_walk - count every chain of this machine's table, once
 * @by_owner: count the nodes of each network namespace too, which takes about twice as long
 * Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; CAP_SYS_ADMIN too where the table can only be found through an entry of
 * another network namespace. Loads no module but nf_conntrack_netlink. Nothing in the table is changed.
 * Returns: 0; -EPERM; -EOPNOTSUPP if this build or this kernel can't do it; -ENODATA if no entry leads to the table;
 *          -EAGAIN if the table was resized again and again; -ENOMEM; any errno of bpf(2). @err says what is missing.
 */
int chains_walk(struct chains **ret, bool by_owner, struct ct_err *err);

/**
 * struct chains_census - what chains_census() counts
 * @facts:     of this network namespace: its time-outs, from which idle times are told
 * @everybody: of all network namespaces; of entries of others idle times can't be told
 * @max_cpu_percent: 1 .. 100 of one CPU, by pauses between slices; 0 is 100
 */
struct chains_census {
	const struct ct_facts *facts;
	bool everybody;
	unsigned max_cpu_percent;
};

/**
 * chains_census - the same walk, which also counts the entries of the caller's network namespace, or of all
 * Those that a dump would show: once, and none whose time is over. Entries aren't copied out, only their numbers.
 * Returns: as chains_walk().
 */
int chains_census(struct chains **ret, const struct chains_census *census, struct ct_err *err);

/* Takes NULL. */
void chains_free(struct chains *chains);

#endif
