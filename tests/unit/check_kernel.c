/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel versions, and both sides of every threshold at which connection tracking changed. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <conntune/kernel.h>

static const struct {
	const char *text;
	struct ct_kver got;
	int rc;
	const char *word;
} versions[] = {
	{ .text = "6.1.0-13-amd64", .got = { 6, 1, 0 } },
	{ .text = "2.6.18-8.el5", .got = { 2, 6, 18 } },
	{ .text = "2.6.32.27-stable", .got = { 2, 6, 32 } },
	{ .text = "2.4.21", .got = { 2, 4, 21 } },
	{ .text = "2.4", .got = { 2, 4, 0 } },
	{ .text = "7.1", .got = { 7, 1, 0 } },
	{ .text = "6.19-rc3", .got = { 6, 19, 0 } },
	{ .text = "6.18.44-fc-v657", .got = { 6, 18, 44 } },
	{ .text = "5.15.0+", .got = { 5, 15, 0 } },
	{ .text = "4.9.337_custom", .got = { 4, 9, 337 } },
	{ .text = "3.10.0 (gcc)", .got = { 3, 10, 0 } },
	{ .text = "4.19rc1", .got = { 4, 19, 0 } },
	{ .text = "6.1.", .got = { 6, 1, 0 } },
	{ .text = "6.1.x", .got = { 6, 1, 0 } },
	{ .text = "65535.65535.65535", .got = { 65535, 65535, 65535 } },
	{ .text = "", .rc = -EINVAL, .word = "MAJOR.MINOR" },
	{ .text = "6", .rc = -EINVAL, .word = "'6'" },
	{ .text = "6.", .rc = -EINVAL, .word = "'6.'" },
	{ .text = "6.x", .rc = -EINVAL, .word = "'6.x'" },
	{ .text = "6-1", .rc = -EINVAL, .word = "'6-1'" },
	{ .text = "linux 6.1", .rc = -EINVAL, .word = "linux" },
	{ .text = " 6.1", .rc = -EINVAL, .word = "' 6.1'" },
	{ .text = "-6.1", .rc = -EINVAL, .word = "-6.1" },
	{ .text = "6.1/3", .rc = -EINVAL, .word = "6.1/3" },
	{ .text = "6.1\n", .rc = -EINVAL, .word = "6.1?" },
	{ .text = "65536.1", .rc = -EINVAL, .word = "65535" },
	{ .text = "6.65536", .rc = -EINVAL, .word = "65535" },
	{ .text = "6.1.65536", .rc = -EINVAL, .word = "65535" },
	{ .text = "6.1.99999999999999999999", .rc = -EINVAL, .word = "65535" },
	{ .text = "2.3.99", .rc = -EINVAL, .word = "older than 2.4" },
	{ .text = "0.0.0", .rc = -EINVAL, .word = "older than 2.4" },
};

START_TEST(kver_parse_reads_releases_as_uname_gives_them)
{
	struct ct_kver got = { 47, 11, 0 };
	struct ct_err err = { 0 };
	int r = ct_kver_parse(versions[_i].text, &got, &err);

	if (versions[_i].rc) {
		ck_assert_failed(r, err, versions[_i].rc, versions[_i].word);
		ck_assert_uint_eq(got.major, 47);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(got.major, versions[_i].got.major);
	ck_assert_uint_eq(got.minor, versions[_i].got.minor);
	ck_assert_uint_eq(got.patch, versions[_i].got.patch);
}
END_TEST

static const struct {
	const char *text;
	struct ct_kver v;
	bool signature;
	int patch;                      /* -1: not told */
} updates[] = {
	/* builds */
	{ .text = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2025-12-30)", .v = { 6, 1, 0 }, .patch = 159 },
	{ .text = "Linux version 4.9.0-12-amd64 (debian-kernel@lists.debian.org) (gcc version 6.3.0 20170516 (Debian "
		  "6.3.0-18+deb9u1) ) #1 SMP Debian 4.9.210-1 (2020-01-20)", .v = { 4, 9, 0 }, .patch = 210 },
	{ .text = "#1 SMP Debian 3.2.68-1+deb7u1", .v = { 3, 2, 0 }, .patch = 68 },
	{ .text = "#1 SMP Debian 3.16.7-ckt11-1+deb8u2 (2015-07-17)", .v = { 3, 16, 0 }, .patch = 7 },
	{ .text = "#1 SMP PREEMPT_DYNAMIC Debian 6.0.7-1kali1 (2022-11-07)", .v = { 6, 0, 0 }, .patch = 7 },
	{ .text = "#1 SMP PREEMPT Debian 1:6.1.63-1+rpt1 (2023-11-24)", .v = { 6, 1, 0 }, .patch = 63 },
	{ .text = "#1 SMP Uos 4.19.67-11eagle (2020-03-21)", .v = { 4, 19, 0 }, .patch = 67 },
	{ .text = "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-5 (2024-12-03T10:26Z)", .v = { 6, 8, 0 }, .patch = 12 },
	{ .text = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.0-1", .v = { 6, 1, 0 }, .patch = 0 },
	/* the compiler has versions too, and one may be that of the series */
	{ .text = "Linux version 4.9.0-0.bpo.12-amd64 (x) (gcc version 4.9.2 (Debian 4.9.2-10+deb8u2) ) #1 SMP", .v = { 4, 9, 0 },
	  .patch = -1 },
	{ .text = "Linux version 6.1.5-1", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "Linux version 6.1.0 (a#1 6.1.5-1) #2 SMP", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023", .v = { 5, 15, 0 }, .patch = -1 },
	{ .text = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.74-2 (2026-03-08)", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#1 SMP PREEMPT_DYNAMIC Debian 5.1.74-2 (2026-03-08)", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#1 SMP Debian 6.1~rc3-1~exp1", .v = { 6, 1, 0 }, .patch = -1 },
	/* cut after 64 bytes: it may have been 6.1.159 */
	{ .text = "#1 SMP Debian 6.1.15", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#1 SMP Debian 6.1.99999-1", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#1 SMP Debian 6.x 6- 6.1.x-1 : #x", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "#", .v = { 6, 1, 0 }, .patch = -1 },
	{ .text = "", .v = { 6, 1, 0 }, .patch = -1 },
	/* a release that tells it knows better; a third part before 3.0 is something else */
	{ .text = "#1 SMP Debian 6.12.75-2", .v = { 6, 12, 74 }, .patch = -1 },
	{ .text = "#1 SMP Debian 2.6.32-48squeeze1", .v = { 2, 6, 0 }, .patch = -1 },
	/* signatures */
	{ .text = "Ubuntu 5.15.0-119.129-generic 5.15.160", .v = { 5, 15, 0 }, .signature = true, .patch = 160 },
	{ .text = "Ubuntu 6.8.0-31.31-generic 6.8.1", .v = { 6, 8, 0 }, .signature = true, .patch = 1 },
	{ .text = "Ubuntu 6.8.0-31.31-generic 6.8.1", .v = { 6, 1, 0 }, .signature = true, .patch = -1 },
	{ .text = "Ubuntu 6.8.0-31.31-generic", .v = { 6, 8, 0 }, .signature = true, .patch = -1 },
	{ .text = "Ubuntu 6.8.0-31.31-generic 6.8.1x", .v = { 6, 8, 0 }, .signature = true, .patch = -1 },
	{ .text = "6.8.1", .v = { 6, 8, 0 }, .signature = true, .patch = -1 },
	{ .text = "", .v = { 6, 8, 0 }, .signature = true, .patch = -1 },
};

START_TEST(stable_update_is_read_from_what_vendors_write)
{
	struct ct_kver v = updates[_i].v;
	bool told = updates[_i].signature ? ct_kver_from_signature(&v, updates[_i].text)
					  : ct_kver_from_build(&v, updates[_i].text);

	ck_assert_int_eq(told, updates[_i].patch >= 0);
	ck_assert_uint_eq(v.patch, told ? updates[_i].patch : updates[_i].v.patch);
	ck_assert(v.major == updates[_i].v.major && v.minor == updates[_i].v.minor);
}
END_TEST

static const struct {
	struct ct_kver a, b;
	int sign;
} pairs[] = {
	{ { 2, 6, 18 }, { 2, 6, 18 }, 0 },
	{ { 2, 6, 9 }, { 2, 6, 18 }, -1 },
	{ { 2, 6, 39 }, { 3, 0, 0 }, -1 },
	{ { 3, 19, 8 }, { 4, 0, 0 }, -1 },
	{ { 4, 9, 0 }, { 4, 10, 0 }, -1 },
	{ { 6, 1, 52 }, { 6, 1, 53 }, -1 },
	{ { 6, 1, 53 }, { 6, 2, 0 }, -1 },
};

static int sign_of(int v)
{
	return (v > 0) - (v < 0);
}

START_TEST(kver_cmp_and_at_least_order_versions_by_number)
{
	const struct ct_kver *a = &pairs[_i].a, *b = &pairs[_i].b;

	ck_assert_int_eq(sign_of(ct_kver_cmp(a, b)), pairs[_i].sign);
	ck_assert_int_eq(sign_of(ct_kver_cmp(b, a)), -pairs[_i].sign);
	ck_assert_int_eq(ct_kver_at_least(a, b->major, b->minor, b->patch), pairs[_i].sign >= 0);
	ck_assert_int_eq(ct_kver_at_least(b, a->major, a->minor, a->patch), pairs[_i].sign <= 0);
}
END_TEST

static const struct {
	struct ct_kver v, since, until;
	bool within;
} ranges[] = {
	{ .v = { 2, 6, 8 }, .since = { 2, 6, 9 }, .until = { 4, 8, 0 }, .within = false },
	{ .v = { 2, 6, 9 }, .since = { 2, 6, 9 }, .until = { 4, 8, 0 }, .within = true },
	{ .v = { 4, 8, 0 }, .since = { 2, 6, 9 }, .until = { 4, 8, 0 }, .within = true },
	{ .v = { 4, 8, 15 }, .since = { 2, 6, 9 }, .until = { 4, 8, 0 }, .within = true },
	{ .v = { 4, 9, 0 }, .since = { 2, 6, 9 }, .until = { 4, 8, 0 }, .within = false },
	{ .v = { 2, 6, 21 }, .since = { 2, 4, 0 }, .until = { 2, 6, 21 }, .within = true },
	{ .v = { 2, 6, 22 }, .since = { 2, 4, 0 }, .until = { 2, 6, 21 }, .within = false },
	{ .v = { 6, 1, 53 }, .since = { 5, 15, 0 }, .until = { 6, 1, 52 }, .within = false },
	{ .v = { 9, 9, 9 }, .since = { 5, 15, 0 }, .within = true },
	{ .v = { 2, 4, 0 }, .until = { 3, 0, 0 }, .within = true },
	{ .since = { 5, 15, 0 }, .until = { 6, 1, 0 }, .within = true },
};

START_TEST(kver_within_includes_both_ends_and_whole_stable_series)
{
	ck_assert_int_eq(ct_kver_within(&ranges[_i].v, &ranges[_i].since, &ranges[_i].until), ranges[_i].within);
}
END_TEST

/* Each version with what changed there; the row before it is the last kernel without that change. */
static const struct {
	struct ct_kver v;
	enum ct_era era;
	unsigned pointers_per_bucket;
	uint32_t chain_min, chain_max, slab32, slab64;
	bool prime, zero, sysctl, sysfs, ip;
} kernels[] = {
	{ .v = { 2, 4, 0 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .prime = true, .zero = true, .ip = true },
	{ .v = { 2, 4, 20 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .prime = true, .zero = true, .ip = true },
	{ .v = { 2, 4, 21 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .zero = true, .ip = true },
	{ .v = { 2, 6, 5 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .zero = true, .ip = true },
	{ .v = { 2, 6, 14 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .zero = true, .ip = true },
	{ .v = { 2, 6, 15 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .zero = true, .ip = true, .sysfs = true },
	{ .v = { 2, 6, 21 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 300, .slab64 = 384,
	  .zero = true, .ip = true, .sysfs = true },
	{ .v = { 2, 6, 22 }, .era = CT_ERA_LIST_HEADS, .pointers_per_bucket = 2, .slab32 = 304, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 2, 6, 23 }, .era = CT_ERA_HLIST, .pointers_per_bucket = 1, .slab32 = 304, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 3, 19, 8 }, .era = CT_ERA_HLIST, .pointers_per_bucket = 1, .slab32 = 304, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 4, 0, 0 }, .era = CT_ERA_STEP_4G, .pointers_per_bucket = 1, .slab32 = 304, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 4, 6, 2 }, .era = CT_ERA_STEP_4G, .pointers_per_bucket = 1, .slab32 = 304, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 4, 7, 0 }, .era = CT_ERA_STEP_4G, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .zero = true, .sysfs = true },
	{ .v = { 4, 8, 0 }, .era = CT_ERA_STEP_4G, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 14, 21 }, .era = CT_ERA_STEP_4G, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 15, 0 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 15, 102 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 15, 103 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 16, 20 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 18, 19 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 320,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 5, 19, 0 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 0, 53 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 1, 19 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 1, 20 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 1, 192 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 2, 6 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 8, .chain_max = 31, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 2, 7 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 3, 0 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 18, 44 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .zero = true, .sysfs = true, .sysctl = true },
	{ .v = { 6, 19, 0 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .sysfs = true, .sysctl = true },
	{ .v = { 7, 1, 5 }, .era = CT_ERA_ONE_TO_ONE, .pointers_per_bucket = 1, .slab32 = 256, .slab64 = 256,
	  .chain_min = 50, .chain_max = 79, .sysfs = true, .sysctl = true },
};

static void check_switches(const struct ct_kernel *k, int i)
{
	ck_assert_int_eq(k->era, kernels[i].era);
	ck_assert_uint_eq(k->chain_limit_min, kernels[i].chain_min);
	ck_assert_uint_eq(k->chain_limit_max, kernels[i].chain_max);
	ck_assert_int_eq(k->prime_buckets, kernels[i].prime);
	ck_assert_int_eq(k->zero_limit_allowed, kernels[i].zero);
	ck_assert_int_eq(k->buckets_sysctl_writable, kernels[i].sysctl);
	ck_assert_int_eq(k->hashsize_writable, kernels[i].sysfs);
	ck_assert_int_eq(k->ip_conntrack, kernels[i].ip);
	ck_assert_uint_eq(k->hashsize_factor, 8);
}

START_TEST(describe_knows_both_sides_of_every_change_on_64_bits)
{
	unsigned n = kernels[_i].pointers_per_bucket;
	struct ct_kernel k;

	ck_assert_int_eq(ct_kernel_describe(&kernels[_i].v, 4096, 64, &k, NULL), 0);
	check_switches(&k, _i);
	ck_assert_uint_eq(k.bucket_bytes, 8 * n);
	ck_assert_uint_eq(k.bucket_step, n == 2 ? 1 : 512);
	ck_assert_uint_eq(k.slab_entry_bytes, kernels[_i].slab64);
	ck_assert_uint_eq(k.max_buckets, 268435455);
}
END_TEST

START_TEST(describe_knows_both_sides_of_every_change_on_32_bits)
{
	unsigned n = kernels[_i].pointers_per_bucket;
	struct ct_kernel k;

	ck_assert_int_eq(ct_kernel_describe(&kernels[_i].v, 4096, 32, &k, NULL), 0);
	check_switches(&k, _i);
	ck_assert_uint_eq(k.bucket_bytes, 4 * n);
	ck_assert_uint_eq(k.bucket_step, n == 2 ? 1 : 1024);
	ck_assert_uint_eq(k.slab_entry_bytes, kernels[_i].slab32);
	ck_assert_uint_eq(k.max_buckets, 536870911);
}
END_TEST

static const struct {
	uint32_t page_bytes;
	unsigned pointer_bits;
	uint32_t step;
	int rc;
	const char *word;
} geometries[] = {
	{ .page_bytes = 4096, .pointer_bits = 64, .step = 512 },
	{ .page_bytes = 65536, .pointer_bits = 64, .step = 8192 },
	{ .page_bytes = 1U << 20, .pointer_bits = 32, .step = 262144 },
	{ .page_bytes = 0, .pointer_bits = 64, .rc = -EINVAL, .word = "page size 0" },
	{ .page_bytes = 2048, .pointer_bits = 64, .rc = -EINVAL, .word = "page size 2048" },
	{ .page_bytes = 4097, .pointer_bits = 64, .rc = -EINVAL, .word = "page size 4097" },
	{ .page_bytes = 1U << 21, .pointer_bits = 64, .rc = -EINVAL, .word = "page size 2097152" },
	{ .page_bytes = 4096, .pointer_bits = 0, .rc = -EINVAL, .word = "pointer size 0" },
	{ .page_bytes = 4096, .pointer_bits = 16, .rc = -EINVAL, .word = "pointer size 16" },
	{ .page_bytes = 4096, .pointer_bits = 128, .rc = -EINVAL, .word = "pointer size 128" },
};

START_TEST(describe_takes_page_and_pointer_sizes_that_exist)
{
	const struct ct_kver v = { 6, 18, 0 };
	struct ct_kernel k = { .bucket_step = 4711 };
	struct ct_err err = { 0 };
	int r = ct_kernel_describe(&v, geometries[_i].page_bytes, geometries[_i].pointer_bits, &k, &err);

	if (geometries[_i].rc) {
		ck_assert_failed(r, err, geometries[_i].rc, geometries[_i].word);
		ck_assert_uint_eq(k.bucket_step, 4711);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(k.bucket_step, geometries[_i].step);
}
END_TEST

static const struct {
	struct ct_kver v;
	bool own_table;
} namespaces[] = {
	{ .v = { 2, 6, 27 }, .own_table = false },
	{ .v = { 2, 6, 28 }, .own_table = true },
	{ .v = { 4, 6, 7 }, .own_table = true },
	{ .v = { 4, 7, 0 }, .own_table = false },
};

START_TEST(describe_tells_which_kernels_have_a_table_for_each_namespace)
{
	struct ct_kernel k;

	ck_assert_int_eq(ct_kernel_describe(&namespaces[_i].v, 4096, 64, &k, NULL), 0);
	ck_assert_int_eq(k.table_per_netns, namespaces[_i].own_table);
	ck_assert_int_eq(ct_kver_cmp(&k.version, &namespaces[_i].v), 0);
}
END_TEST

START_TEST(describe_refuses_kernels_before_2_4)
{
	const struct ct_kver v = { 2, 3, 99 };
	struct ct_kernel k;
	struct ct_err err = { 0 };

	ck_assert_failed(ct_kernel_describe(&v, 4096, 64, &k, &err), err, -EINVAL, "2.3.99");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("kernel");
	TCase *tc = tcase_create("kernel");

	tcase_add_loop_test(tc, kver_parse_reads_releases_as_uname_gives_them, 0, ct_array_size(versions));
	tcase_add_loop_test(tc, stable_update_is_read_from_what_vendors_write, 0, ct_array_size(updates));
	tcase_add_loop_test(tc, kver_cmp_and_at_least_order_versions_by_number, 0, ct_array_size(pairs));
	tcase_add_loop_test(tc, kver_within_includes_both_ends_and_whole_stable_series, 0, ct_array_size(ranges));
	tcase_add_loop_test(tc, describe_knows_both_sides_of_every_change_on_64_bits, 0, ct_array_size(kernels));
	tcase_add_loop_test(tc, describe_knows_both_sides_of_every_change_on_32_bits, 0, ct_array_size(kernels));
	tcase_add_loop_test(tc, describe_takes_page_and_pointer_sizes_that_exist, 0, ct_array_size(geometries));
	tcase_add_loop_test(tc, describe_tells_which_kernels_have_a_table_for_each_namespace, 0,
			    ct_array_size(namespaces));
	tcase_add_test(tc, describe_refuses_kernels_before_2_4);
	suite_add_tcase(s, tc);
	return s;
}
