/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What entries and buckets cost, and how much they may cost. Pure; all arithmetic is checked. */
#ifndef CONNTUNE_MEMORY_H
#define CONNTUNE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ct_memory_table - bytes of the bucket array
 * @kernel, @page_bytes: whole pages, from 2.6.23 by the kernel's own rounding of @buckets
 * Returns: 0; -EOVERFLOW.
 */
int ct_memory_table(const struct ct_kernel *kernel, uint32_t page_bytes, uint64_t buckets,
		    uint64_t *ret, struct ct_err *err);

/**
 * ct_memory_full - bytes of a table with @entries in it: entries x entry_bytes + bucket array
 * Returns: 0; -EOVERFLOW.
 * Source: "Memory = CONNTRACK_MAX x sizeof(conntrack) + HASHSIZE x sizeof(list head)"
 */
int ct_memory_full(const struct ct_kernel *kernel, uint32_t page_bytes, uint64_t entry_bytes,
		   uint64_t entries, uint64_t buckets, uint64_t *ret, struct ct_err *err);

/* Shares and floors used when the caller gives none. */
#define CT_BUDGET_DEFAULT_PERCENT 25                            /* of RAM, for all policies but dedicated */
#define CT_AVAILABLE_FLOOR_PERCENT 5                            /* of RAM, must stay available, and at least: */
#define CT_AVAILABLE_FLOOR_BYTES (UINT64_C(32) << 20)           /* ... but never more than a quarter of RAM */

/*
 * What a 32-bit kernel reaches without mapping it first, with the usual split of 3 GiB to 1: entries and buckets can't
 * be anywhere else. 896 MiB less what the kernel itself takes of it.
 */
#define CT_LOW_MEMORY_BYTES (UINT64_C(880) << 20)

/* The part of RAM that entries and buckets may be in: all of it, on 32 bits at most CT_LOW_MEMORY_BYTES. */
uint64_t ct_memory_usable(uint64_t ram_bytes, unsigned pointer_bits);

/**
 * ct_memory_usable_here - the same, of one machine
 * @low_bytes: LowTotal, which the kernels with high memory tell, instead of the constant; 0: not known
 * At most @ram_bytes. Ignored on 64 bits.
 */
uint64_t ct_memory_usable_here(uint64_t ram_bytes, unsigned pointer_bits, uint64_t low_bytes);

/* What must stay available: CT_AVAILABLE_FLOOR_PERCENT of RAM, at least CT_AVAILABLE_FLOOR_BYTES, at most RAM / 4. */
uint64_t ct_memory_floor(uint64_t ram_bytes);

#ifdef __cplusplus
}
#endif
#endif
