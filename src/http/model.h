/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from a snapshot by calculation: chain lengths that are to be expected, refusals, fill. */
#ifndef CONNTUNED_HTTP_MODEL_H
#define CONNTUNED_HTTP_MODEL_H

#include "view.h"

/**
 * struct model_chains - chains as they are to be expected at this load
 * @known:    entries of all namespaces and buckets are
 * @load:     nodes per bucket
 * @refused:  P(a newcomer is refused by the chain limit); 0 where there is no such rule
 * @longest:  median of the longest chain
 * @lengths:  numbers in @histogram: buckets of exactly so many nodes, the last one of that and more
 */
struct model_chains {
	bool known;
	double load, refused;
	unsigned longest;
	uint32_t lengths;
	double histogram[VIEW_CHAINS];
};

void model_chains(struct model_chains *ret, const struct ct_snapshot *snapshot);

/* Shortest chain that may refuse a newcomer, and the one that always does; 0: this kernel has no such rule. */
uint32_t model_refusing(const struct ct_snapshot *snapshot, uint32_t *always);

/* Share of the limit that @entries take; unknown without a limit. */
struct ct_real model_fill(const struct ct_snapshot *snapshot, struct ct_u64 entries);

/* Known, and a number: what comes from a damaged calculation isn't told. */
bool model_known(struct ct_real v);

#endif
