/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long bucket chains are expected to be, and what the kernel's chain limit then refuses. Pure. */
#ifndef CONNTUNE_CHAIN_H
#define CONNTUNE_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <conntune/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Each confirmed connection is in the table twice (original and reply direction), and the hash
 * spreads nodes evenly, so the length of one chain follows a Poisson distribution whose mean is
 * the load: nodes / buckets = 2 x entries of all namespaces / buckets. Loads above 1e9 count as 1e9, and what isn't
 * above 0 as 0, in all calls below.
 */

/* Mean chain length. @entries of all namespaces. Returns 0 if @buckets is 0. Unit: nodes per bucket. */
double ct_chain_load(uint64_t entries, uint64_t buckets);

/* P(a chain has exactly @length nodes) at @load. Range 0 .. 1. */
double ct_chain_p(double load, unsigned length);

/* P(a chain has at least @length nodes). Range 0 .. 1; accurate to 1e-9 relative down to 1e-300. */
double ct_chain_p_at_least(double load, unsigned length);

/* Smallest length that at most (1 - q) of all chains exceed. @q 0 .. 1, ends excluded. Unit: nodes. */
unsigned ct_chain_quantile(double load, double q);

/**
 * ct_chain_longest - the longest chain to expect among @buckets
 * Median of the maximum: half of all such tables have a chain at least this long. Unit: nodes.
 */
unsigned ct_chain_longest(double load, uint64_t buckets);

/**
 * ct_chain_p_refused - P(the kernel refuses a new connection because a chain is too long)
 * Both chains of the new entry are walked with one limit drawn evenly from
 * chain_limit_min .. chain_limit_max; one of at least limit + 2 nodes refuses. 0 where there is no such rule.
 * Source: __nf_conntrack_confirm(), net/netfilter/nf_conntrack_core.c, 5.15 and later
 */
double ct_chain_p_refused(double load, const struct ct_kernel *kernel);

/**
 * ct_chain_histogram - expected number of buckets by chain length
 * @counts: @n numbers; counts[i] buckets of exactly i nodes, the last one of n - 1 and more
 */
void ct_chain_histogram(double load, uint64_t buckets, double *counts, size_t n);

/**
 * struct ct_chain_fit - how far a table's real chains are from the model
 * @distance:   share of the buckets that would need another length to be just as expected (total variation); 0 .. 1
 * @by_chance:  about how much of that a perfect hash shows
 * @chi_square, @degrees: Pearson's statistic, over lengths put together until at least 5 buckets are expected of each
 * @p:          probability that a perfect hash is at least as far away; 0 .. 1. Below 0.001: hardly chance.
 *              1 if there are too few buckets to tell.
 */
struct ct_chain_fit {
	double distance, by_chance;
	double chi_square;
	unsigned degrees;
	double p;
};

/**
 * ct_chain_fit - compare real chains with the Poisson distribution of the same mean
 * @histogram: @n numbers, histogram[i] buckets of exactly i nodes; none of n nodes and more
 */
void ct_chain_fit(const uint64_t *histogram, size_t n, struct ct_chain_fit *ret);

#ifdef __cplusplus
}
#endif
#endif
