/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizing: facts and a policy in, limit and buckets out, with what bound them. Pure. */
#ifndef CONNTUNE_SIZE_H
#define CONNTUNE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * From a policy to a result, in this order:
 *   1. the policy's formula, its cap or step, its floor (128; dedicated and fixed: 1);
 *   2. balanced and demand: not below the present limit (keep_limit);
 *   3. what the kernel takes: limit INT_MAX, buckets max_buckets;
 *   4. the memory budget: all namespaces full, and the bucket array. It beats the present limit too;
 *   5. MemAvailable less ct_memory_floor(): room for the connections still to come and for a new bucket array, since
 *      the old one exists until the resize is over. This stops growth only: it doesn't go below the entries
 *      that exist, nor below keep_limit. Without room for a new array the present one stays;
 *   6. buckets from the limit that came out, as the kernel will hold them; balanced and demand: not below the present
 *      ones (keep_buckets), as far as the budget has room for them beside the limit.
 * Each step that changes the limit leaves its name in bound_by. Policy kernel says what the kernel does, so it ends
 * after 1: the budget is only computed beside it. A policy fixed with a bound other than formula was cut:
 * the administrator's numbers don't fit, and the caller should say so instead of setting others.
 */
enum ct_policy {
	CT_POLICY_BALANCED,             /* default: the documented formula without its 1 GiB step and cap */
	CT_POLICY_DOCUMENTED,
	CT_POLICY_KERNEL,               /* what this kernel chooses by itself */
	CT_POLICY_DEDICATED,            /* a machine that does nothing else */
	CT_POLICY_DEMAND,               /* observed peak x head room x fail-over */
	CT_POLICY_FIXED,                /* the administrator's numbers */
	CT_POLICY__COUNT
};

/* What decided the limit in the end. */
enum ct_bound {
	CT_BOUND_FORMULA,               /* nothing cut or lifted it */
	CT_BOUND_FLOOR,                 /* lifted to the policy's minimum */
	CT_BOUND_CAP,                   /* cut to the policy's maximum (65536 above 1 GiB) */
	CT_BOUND_STEP,                  /* the kernel's own step above 1 or 4 GiB */
	CT_BOUND_POWER_OF_TWO,          /* cut to a power of two (dedicated) */
	CT_BOUND_PRESENT,               /* lifted to the present limit, see ct_size_request.keep_limit */
	CT_BOUND_BUDGET,                /* cut to the memory budget */
	CT_BOUND_AVAILABLE,             /* cut to what MemAvailable leaves above the floor */
	CT_BOUND_KERNEL_MAX,            /* cut to what the kernel accepts: INT_MAX, or max_buckets */
};

#define CT_SIZE_RESERVE_DEFAULT (UINT64_C(128) << 20)
#define CT_SIZE_LOAD_DEFAULT 2.0

/**
 * struct ct_size_request - everything sizing looks at
 * @kernel, @page_bytes, @pointer_bits: ct_kernel_describe() and its arguments
 * @ram_bytes:     MemTotal; 1 .. 2^52
 * @mem_available: MemAvailable; unknown: that rule is not applied
 * @low_bytes, @low_available: 32 bits: of RAM and of mem_available what the kernel reaches without mapping it; unknown:
 *                 CT_LOW_MEMORY_BYTES, and mem_available up to that
 * @kernel_assumed: the version is an assumption (CT_PATCH_ASSUMED); only said, changes nothing
 * @entry_bytes:   one entry, slab and extension; 1 .. 65536
 * @entries:       entries that exist now; already paid for, so the rule on mem_available adds them back
 * @buckets_now:   present buckets: old and new array exist together during a resize; 0: none
 * @reserve_bytes: dedicated: kept for everything else; default CT_SIZE_RESERVE_DEFAULT
 * @budget_bytes:  most that a full table may take, up to ram_bytes; 0: CT_BUDGET_DEFAULT_PERCENT of RAM, for
 *                 dedicated RAM - reserve
 * @namespaces:    network namespaces that may be full at the same time, 1 .. 65536: the limit holds for each
 * @target_load:   mean chain length of a full table, balanced and demand; 0.001 .. 1e6
 * @peak_entries:  demand: most entries seen; 0: that policy isn't offered
 * @headroom:      demand: factor in thousandths, 1 .. 1000 (default 2)
 * @failover:      demand: machines whose load this one may have to carry, itself included, 1 .. 1000 (default 1)
 * @fixed_limit, @fixed_buckets: fixed: 0 = not given; limit alone: buckets as balanced; buckets alone: limit = buckets
 *                 as the kernel holds them
 * @keep_limit:    balanced and demand don't go below this (the present limit) unless lowering was asked for; 0: none
 * @keep_buckets:  likewise the present buckets (then buckets_bound_by is CT_BOUND_PRESENT)
 */
struct ct_size_request {
	struct ct_kernel kernel;
	uint32_t page_bytes;
	unsigned pointer_bits;
	uint64_t ram_bytes;
	struct ct_u64 mem_available;
	struct ct_u64 low_bytes, low_available;
	bool kernel_assumed;
	uint64_t entry_bytes;
	uint64_t entries;
	uint64_t buckets_now;
	uint64_t reserve_bytes;
	uint64_t budget_bytes;
	uint32_t namespaces;
	double target_load;
	uint64_t peak_entries;
	double headroom;
	uint32_t failover;
	uint64_t fixed_limit, fixed_buckets;
	uint64_t keep_limit, keep_buckets;
};

/**
 * struct ct_size - one policy's answer
 * @limit, @buckets:     to be set; buckets as the kernel will hold them
 * @unrounded_limit, @unrounded_buckets: what the formula gave before floors, caps, rounding and memory
 *                       (balanced, demand: fewest buckets for the target load)
 * @bound_by:            what decided the limit; @buckets_bound_by likewise, mostly by way of the limit
 * @budget_bytes:        the budget that was applied (kernel: that was not)
 * @memory_bytes:        full table of one namespace and its buckets
 * @worst_case_bytes:    the same with @namespaces full (2.6.28 .. 4.6: each with a bucket array of its own)
 * @load:                mean chain length when full: 2 x limit / buckets, x @namespaces where they share the buckets;
 *                       unit: nodes
 * @longest_expected:    of a full table; unit: nodes
 * @p_refused:           for a new connection on a full table; 0 .. 1
 */
struct ct_size {
	enum ct_policy policy;
	uint64_t limit, buckets;
	uint64_t unrounded_limit, unrounded_buckets;
	enum ct_bound bound_by, buckets_bound_by;
	uint64_t budget_bytes;
	uint64_t memory_bytes, worst_case_bytes;
	double load;
	unsigned longest_expected;
	double p_refused;
};

/**
 * ct_size_request_init - defaults, and what the facts say
 * Fills everything but fixed_*, peak_entries and keep_* (0). namespaces is 1.
 * Returns: 0; -ENODATA if RAM isn't known; -EINVAL from ct_kernel_describe().
 */
int ct_size_request_init(struct ct_size_request *ret, const struct ct_facts *facts, struct ct_err *err);

/**
 * ct_size_compute - apply one policy
 * Returns: 0; -ENODATA if the policy lacks its input (demand without peak, fixed without numbers, dedicated with
 *          reserve >= RAM); -EINVAL if the request is out of range; -ENOSPC if not even the policy's
 *          minimum fits the budget, or MemAvailable where no table exists yet; -EOVERFLOW (demand).
 */
int ct_size_compute(const struct ct_size_request *req, enum ct_policy policy, struct ct_size *ret,
		    struct ct_err *err);

/**
 * ct_size_buckets - buckets the kernel will really hold after a request
 * @want: unit: buckets; 1 .. kernel->max_buckets
 * @ret:  a multiple of kernel->bucket_step; before 2.4.21 the largest prime not above @want; set on success only
 * Returns: 0; -ERANGE.
 * Source: nf_ct_alloc_hashtable(), net/netfilter/nf_conntrack_core.c
 */
int ct_size_buckets(const struct ct_kernel *kernel, uint64_t want, uint64_t *ret, struct ct_err *err);

/**
 * ct_size_hashsize_trap - limit that the kernel itself sets when the module loads with hashsize=@buckets
 * 8 x buckets in every era, also today; from the rounded number in 2.6.23 .. 2.6.27 and from 4.7.
 */
uint64_t ct_size_hashsize_trap(const struct ct_kver *v, const struct ct_kernel *kernel, uint64_t buckets);

/**
 * ct_size_explain - the arithmetic written out, one step a line
 * "25276510208 bytes of RAM / 16384 / 2 (64-bit pointers) = 771377 connections", ..., with the reason for each number.
 * @req, @size: what was given to ct_size_compute(), and what came back
 * @text: at most @n bytes with the final NUL, 2048 are enough; lines end in '\n'
 * Returns: 0; -ENOSPC if it was cut; errors of ct_size_compute() if @req isn't what @size came from.
 */
int ct_size_explain(const struct ct_size_request *req, const struct ct_size *size, char *text, size_t n);

/* "balanced", ...; by name: 0 or -ENOENT with the known names in the message. */
const char *ct_policy_name(enum ct_policy policy);
int ct_policy_by_name(const char *name, enum ct_policy *ret, struct ct_err *err);
const char *ct_bound_name(enum ct_bound bound);                 /* "formula", "floor", "cap", ..., "kernel-max" */
const char *ct_bound_text(enum ct_bound bound);                 /* half a sentence for people */

#ifdef __cplusplus
}
#endif
#endif
