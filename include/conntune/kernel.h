/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs from kernel to kernel in connection tracking, by version. Pure. */
#ifndef CONNTUNE_KERNEL_H
#define CONNTUNE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero means "not known" or, as a bound, "no bound". */
struct ct_kver {
	uint16_t major, minor, patch;
};

/**
 * ct_kver_parse - read "6.1.0-13-amd64", "2.6.18-8.el5", "7.1" and the like
 * Returns: 0; -EINVAL if @text doesn't start with MAJOR.MINOR, or a part exceeds 65535, or
 *          MAJOR.MINOR is below 2.4. Anything after the digits must start with '-', '.', '+',
 *          '_', a space or a letter.
 */
int ct_kver_parse(const char *text, struct ct_kver *ret, struct ct_err *err);

/**
 * ct_kver_from_build - the stable update, where a release such as "6.1.0-42-amd64" doesn't tell it
 * @v:    as the release says; its patch is replaced. Only if that is 0, from 3.0 on
 * @text: proc/sys/kernel/version, or proc/version, which ends in the same words. Debian, what is made from it, and
 *        Proxmox put the source's version there: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2025-12-30)". What stands
 *        before '#' doesn't count: it has versions too, those of compilers
 * Returns: is there a version of the same MAJOR.MINOR? Others are left out.
 */
bool ct_kver_from_build(struct ct_kver *v, const char *text);

/* The same from Ubuntu's proc/version_signature, "Ubuntu 6.8.0-31.31-generic 6.8.1": its last word. */
bool ct_kver_from_signature(struct ct_kver *v, const char *text);

/* Negative, 0 or positive as @a is older than, the same as or newer than @b. */
int ct_kver_cmp(const struct ct_kver *a, const struct ct_kver *b);

/* True if @v is at least @major.@minor.@patch. */
bool ct_kver_at_least(const struct ct_kver *v, unsigned major, unsigned minor, unsigned patch);

/**
 * ct_kver_within - is @v one of @since .. @until, both included?
 * @until: from 3.0 on, a patch of 0 stands for the whole stable series: 4.8.15 is within "until 4.8"
 * All zero bounds nothing; an unknown @v (all zero) is within everything.
 */
bool ct_kver_within(const struct ct_kver *v, const struct ct_kver *since, const struct ct_kver *until);

/* Eras of default sizes; section 1 of the reference, here by what each changed. */
enum ct_era {
	CT_ERA_LIST_HEADS,      /* 2.4 .. 2.6.22: a bucket is two pointers, limit = 8 x buckets */
	CT_ERA_HLIST,           /* 2.6.23 .. 3.19: one pointer, whole pages, limit = 4 x buckets */
	CT_ERA_STEP_4G,         /* 4.0 .. 5.14: second step at 4 GiB of RAM */
	CT_ERA_ONE_TO_ONE,      /* 5.15 ..: limit = buckets */
	CT_ERA__COUNT
};

/**
 * struct ct_kernel - what one kernel version does
 * @version:              the version described
 * @era:                  which default sizes it chooses
 * @bucket_bytes:         bytes of one bucket: one pointer, two before 2.6.23
 * @bucket_step:          buckets come in multiples of this: page bytes / bucket bytes, 1 before 2.6.23
 * @prime_buckets:        before 2.4.21 the hash wants a prime number of buckets
 * @hashsize_factor:      limit = this x buckets when hashsize= is given at module load: 8, always
 * @table_per_netns:      each network namespace has a hash table of its own (2.6.28 .. 4.6); else one for all
 * @chain_limit_min, _max: a new connection is refused by a chain of L nodes when L >= limit + 2,
 *                        with limit drawn from this range per insertion; both 0: no such rule (before 5.15)
 * @zero_limit_allowed:   nf_conntrack_max = 0 means "no limit" (until 6.18), else EINVAL
 * @buckets_sysctl_writable: nf_conntrack_buckets can be written (4.8)
 * @hashsize_writable:    the module parameter hashsize can be written at run time (2.6.15)
 * @ip_conntrack:         the module and its names are ip_conntrack (until 2.6.21; from 2.6.15
 *                        nf_conntrack may be there instead: facts decide, this is the assumption)
 * @max_buckets:          largest number of buckets the kernel can be asked for: INT_MAX / pointer bytes
 * @slab_entry_bytes:     what one entry's slab object takes, if nothing better is known; a model
 */
struct ct_kernel {
	struct ct_kver version;
	enum ct_era era;
	uint32_t bucket_bytes;
	uint32_t bucket_step;
	bool prime_buckets;
	uint32_t hashsize_factor;
	bool table_per_netns;
	uint32_t chain_limit_min, chain_limit_max;
	bool zero_limit_allowed;
	bool buckets_sysctl_writable;
	bool hashsize_writable;
	bool ip_conntrack;
	uint64_t max_buckets;
	uint32_t slab_entry_bytes;
};

/**
 * ct_kernel_describe - everything above for one version
 * @page_bytes:   a power of two, 4096 .. 1 MiB
 * @pointer_bits: 32 or 64
 * Returns: 0; -EINVAL if a value is outside its range or the version is older than 2.4.
 */
int ct_kernel_describe(const struct ct_kver *v, uint32_t page_bytes, unsigned pointer_bits,
		       struct ct_kernel *ret, struct ct_err *err);

#ifdef __cplusplus
}
#endif
#endif
