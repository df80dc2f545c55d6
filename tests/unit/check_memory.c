/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tables cost, and what must stay free. */
#include "config.h"
#include "check.h"
#include "util.h"
#include <conntune/memory.h>

#include <string.h>

#define MIB(n) ((uint64_t)(n) << 20)

static const struct ct_kernel list_heads_32 = { .bucket_bytes = 8, .bucket_step = 1 };
static const struct ct_kernel hlist_64 = { .bucket_bytes = 8, .bucket_step = 512 };
static const struct ct_kernel hlist_32 = { .bucket_bytes = 4, .bucket_step = 1024 };

static const struct {
	const struct ct_kernel *kernel;
	uint32_t page_bytes;
	uint64_t buckets, bytes;
} tables[] = {
	{ .kernel = &hlist_64, .page_bytes = 4096, .buckets = 262144, .bytes = MIB(2) },
	{ .kernel = &hlist_64, .page_bytes = 4096, .buckets = 1, .bytes = 4096 },
	{ .kernel = &hlist_64, .page_bytes = 4096, .buckets = 513, .bytes = 8192 },
	{ .kernel = &hlist_64, .page_bytes = 65536, .buckets = 512, .bytes = 65536 },
	{ .kernel = &hlist_32, .page_bytes = 4096, .buckets = 65536, .bytes = 262144 },
	{ .kernel = &list_heads_32, .page_bytes = 4096, .buckets = 4096, .bytes = 32768 },
	{ .kernel = &list_heads_32, .page_bytes = 4096, .buckets = 8191, .bytes = 65536 },
	{ .kernel = &hlist_64, .page_bytes = 4096, .buckets = 0, .bytes = 0 },
};

START_TEST(a_table_takes_whole_pages)
{
	uint64_t got;

	ck_assert_int_eq(ct_memory_table(tables[_i].kernel, tables[_i].page_bytes, tables[_i].buckets, &got, NULL), 0);
	ck_assert_uint_eq(got, tables[_i].bytes);
}
END_TEST

static const struct {
	const struct ct_kernel *kernel;
	uint64_t entry_bytes, entries, buckets, bytes;
} full[] = {
	/* the document's dedicated machine: 2^20 connections of 300 bytes, as many buckets of 8 */
	{ .kernel = &list_heads_32, .entry_bytes = 300, .entries = 1048576, .buckets = 1048576, .bytes = 322961408 },
	{ .kernel = &list_heads_32, .entry_bytes = 300, .entries = 32768, .buckets = 4096, .bytes = 9863168 },
	{ .kernel = &hlist_64, .entry_bytes = 256, .entries = 262144, .buckets = 262144, .bytes = MIB(66) },
	{ .kernel = &hlist_64, .entry_bytes = 384, .entries = 0, .buckets = 512, .bytes = 4096 },
};

START_TEST(a_full_table_is_entries_and_buckets)
{
	uint64_t got;

	ck_assert_int_eq(ct_memory_full(full[_i].kernel, 4096, full[_i].entry_bytes, full[_i].entries, full[_i].buckets,
					&got, NULL),
			 0);
	ck_assert_uint_eq(got, full[_i].bytes);
}
END_TEST

static const struct {
	uint64_t entry_bytes, entries, buckets;
	const char *word;
} too_much[] = {
	{ .buckets = UINT64_MAX / 8 + 1, .word = "2305843009213693952 buckets" },
	{ .buckets = UINT64_MAX / 8, .word = "buckets" },
	{ .entry_bytes = 2, .entries = UINT64_MAX, .word = "18446744073709551615 entries of 2 bytes" },
	{ .entry_bytes = 1, .entries = UINT64_MAX, .buckets = 1, .word = "entries" },
};

START_TEST(more_than_64_bits_is_an_error)
{
	struct ct_err err = { 0 };
	uint64_t got = 4711;
	int r = ct_memory_full(&hlist_64, 4096, too_much[_i].entry_bytes, too_much[_i].entries, too_much[_i].buckets,
			       &got, &err);

	ck_assert_failed(r, err, -EOVERFLOW, too_much[_i].word);
	ck_assert_uint_eq(got, 4711);
}
END_TEST

static const struct {
	uint64_t ram, floor;
} floors[] = {
	{ .ram = 0, .floor = 0 },
	{ .ram = MIB(64), .floor = MIB(16) },
	{ .ram = MIB(100), .floor = MIB(25) },
	{ .ram = MIB(128), .floor = MIB(32) },
	{ .ram = MIB(512), .floor = MIB(32) },
	{ .ram = MIB(640), .floor = MIB(32) },
	{ .ram = MIB(2000), .floor = MIB(100) },
	{ .ram = UINT64_MAX, .floor = UINT64_MAX / 100 * 5 },
};

START_TEST(the_floor_is_a_share_of_ram_but_32_mib_and_a_quarter_bound_it)
{
	ck_assert_uint_eq(ct_memory_floor(floors[_i].ram), floors[_i].floor);
}
END_TEST

START_TEST(usable_is_low_memory_on_32_bits_and_all_of_it_on_64)
{
	ck_assert_uint_eq(ct_memory_usable(CT_LOW_MEMORY_BYTES, 32), CT_LOW_MEMORY_BYTES);
	ck_assert_uint_eq(ct_memory_usable(CT_LOW_MEMORY_BYTES + 1, 32), CT_LOW_MEMORY_BYTES);
	ck_assert_uint_eq(ct_memory_usable(UINT64_C(64) << 30, 32), CT_LOW_MEMORY_BYTES);
	ck_assert_uint_eq(ct_memory_usable(UINT64_C(512) << 20, 32), UINT64_C(512) << 20);
	ck_assert_uint_eq(ct_memory_usable(UINT64_C(64) << 30, 64), UINT64_C(64) << 30);
	ck_assert_uint_eq(ct_memory_usable_here(UINT64_C(4) << 30, 32, 0), CT_LOW_MEMORY_BYTES);
	ck_assert_uint_eq(ct_memory_usable_here(UINT64_C(4) << 30, 32, UINT64_C(1900) << 20), UINT64_C(1900) << 20);
	ck_assert_uint_eq(ct_memory_usable_here(UINT64_C(4) << 30, 32, UINT64_C(700) << 20), UINT64_C(700) << 20);
	ck_assert_uint_eq(ct_memory_usable_here(UINT64_C(1) << 30, 32, UINT64_C(2) << 30), UINT64_C(1) << 30);
	ck_assert_uint_eq(ct_memory_usable_here(UINT64_C(64) << 30, 64, UINT64_C(700) << 20), UINT64_C(64) << 30);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("memory");
	TCase *tc = tcase_create("memory");

	tcase_add_loop_test(tc, a_table_takes_whole_pages, 0, ct_array_size(tables));
	tcase_add_loop_test(tc, a_full_table_is_entries_and_buckets, 0, ct_array_size(full));
	tcase_add_loop_test(tc, more_than_64_bits_is_an_error, 0, ct_array_size(too_much));
	tcase_add_loop_test(tc, the_floor_is_a_share_of_ram_but_32_mib_and_a_quarter_bound_it, 0,
			    ct_array_size(floors));
	tcase_add_test(tc, usable_is_low_memory_on_32_bits_and_all_of_it_on_64);
	suite_add_tcase(s, tc);
	return s;
}
