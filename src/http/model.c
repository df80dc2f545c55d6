/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains, refusals and fill of a snapshot. Pure. */
#include "config.h"
#include "model.h"

#include <math.h>
#include <string.h>
#include <conntune/chain.h>

/* The kernel refuses where a chain has this many nodes more than its limit; see ct_chain_p_refused(). */
#define BEYOND_LIMIT 2

void model_chains(struct model_chains *ret, const struct ct_snapshot *snapshot)
{
	const struct ct_kernel kernel = { .chain_limit_min = snapshot->chain_limit_min,
					  .chain_limit_max = snapshot->chain_limit_max };
	uint64_t buckets = snapshot->buckets.v;

	(void)memset(ret, 0, sizeof(*ret));
	if (!snapshot->all_entries.known || !snapshot->buckets.known || buckets == 0)
		return;
	ret->known = true;
	ret->load = ct_chain_load(snapshot->all_entries.v, buckets);
	ret->refused = ct_chain_p_refused(ret->load, &kernel);
	ret->longest = ct_chain_longest(ret->load, buckets);
	ret->lengths = ret->longest < VIEW_CHAINS - 2 ? ret->longest + 2 : VIEW_CHAINS;
	ct_chain_histogram(ret->load, buckets, ret->histogram, ret->lengths);
}

uint32_t model_refusing(const struct ct_snapshot *snapshot, uint32_t *always)
{
	if (snapshot->chain_limit_max == 0)
		return *always = 0;
	*always = snapshot->chain_limit_max + BEYOND_LIMIT;
	return snapshot->chain_limit_min + BEYOND_LIMIT;
}

bool model_known(struct ct_real v)
{
	return v.known && isfinite(v.v);
}

struct ct_real model_fill(const struct ct_snapshot *snapshot, struct ct_u64 entries)
{
	if (!entries.known || !snapshot->limit.known || snapshot->limit.v == 0)
		return (struct ct_real){ .known = false };
	return (struct ct_real){ .known = true, .v = (double)entries.v / (double)snapshot->limit.v };
}
