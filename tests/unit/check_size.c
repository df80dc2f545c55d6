/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizing: every worked example of the documents and of the kernel reference, every bound, and random requests. */
#include "config.h"
#include "check.h"
#include "util.h"
#include <conntune/chain.h>
#include <conntune/memory.h>
#include <conntune/size.h>

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define PAGE 4096

/* A machine that is known by version, pointer size and RAM alone; entries of 256 bytes. */
static struct ct_size_request machine_with_pages(const char *version, unsigned bits, uint64_t ram, uint32_t page_bytes)
{
	struct ct_facts facts = {
		.ram_bytes = { .known = true, .v = ram },
		.page_bytes = page_bytes,
		.pointer_bits = bits,
		.entry_bytes = 256,
	};
	struct ct_size_request req;
	struct ct_err err = { 0 };

	ck_assert_int_eq(ct_kver_parse(version, &facts.kernel, &err), 0);
	ck_assert_msg(ct_size_request_init(&req, &facts, &err) == 0, "%s", err.msg);
	return req;
}

static struct ct_size_request machine(const char *version, unsigned bits, uint64_t ram)
{
	return machine_with_pages(version, bits, ram, PAGE);
}

static struct ct_size answer(const struct ct_size_request *req, enum ct_policy policy)
{
	struct ct_size size;
	struct ct_err err = { 0 };
	int r = ct_size_compute(req, policy, &size, &err);

	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert_int_eq(size.policy, policy);
	return size;
}

static void assert_bound(enum ct_bound got, enum ct_bound want)
{
	ck_assert_str_eq(ct_bound_name(got), ct_bound_name(want));
}

/* The reference's table of worked examples, section 1: eras A to D, 32 and 64 bits each. */
struct pair {
	uint32_t buckets, limit;
};

static const struct {
	const char *version;
	unsigned bits;
} columns[] = {
	{ "2.6.18", 32 }, { "2.6.18", 64 }, { "2.6.32", 32 }, { "2.6.32", 64 },
	{ "4.19", 32 },   { "4.19", 64 },   { "6.18", 32 },   { "6.18", 64 },
};

static const struct {
	uint64_t ram;
	struct pair cell[ct_array_size(columns)];
} examples[] = {
	{ MIB(64), { { 512, 4096 }, { 256, 2048 }, { 1024, 4096 }, { 512, 2048 },
		     { 1024, 4096 }, { 512, 2048 }, { 1024, 1024 }, { 1024, 1024 } } },
	{ MIB(128), { { 1024, 8192 }, { 512, 4096 }, { 2048, 8192 }, { 1024, 4096 },
		      { 2048, 8192 }, { 1024, 4096 }, { 2048, 2048 }, { 1024, 1024 } } },
	{ MIB(512), { { 4096, 32768 }, { 2048, 16384 }, { 8192, 32768 }, { 4096, 16384 },
		      { 8192, 32768 }, { 4096, 16384 }, { 8192, 8192 }, { 4096, 4096 } } },
	{ GIB(1), { { 8192, 65536 }, { 4096, 32768 }, { 16384, 65536 }, { 8192, 32768 },
		    { 16384, 65536 }, { 8192, 32768 }, { 16384, 16384 }, { 8192, 8192 } } },
	{ GIB(1) + PAGE, { { 8192, 65536 }, { 8192, 65536 }, { 16384, 65536 }, { 16384, 65536 },
			   { 16384, 65536 }, { 16384, 65536 }, { 65536, 65536 }, { 65536, 65536 } } },
	{ GIB(2), { { 8192, 65536 }, { 8192, 65536 }, { 16384, 65536 }, { 16384, 65536 },
		    { 16384, 65536 }, { 16384, 65536 }, { 65536, 65536 }, { 65536, 65536 } } },
	{ GIB(4), { { 8192, 65536 }, { 8192, 65536 }, { 16384, 65536 }, { 16384, 65536 },
		    { 16384, 65536 }, { 16384, 65536 }, { 65536, 65536 }, { 65536, 65536 } } },
	{ GIB(4) + PAGE, { { 8192, 65536 }, { 8192, 65536 }, { 16384, 65536 }, { 16384, 65536 },
			   { 65536, 262144 }, { 65536, 262144 }, { 65536, 65536 }, { 262144, 262144 } } },
	{ GIB(24), { { 8192, 65536 }, { 8192, 65536 }, { 16384, 65536 }, { 16384, 65536 },
		     { 65536, 262144 }, { 65536, 262144 }, { 65536, 65536 }, { 262144, 262144 } } },
};

START_TEST(kernel_chooses_as_in_the_worked_examples)
{
	size_t row = (size_t)_i / ct_array_size(columns), column = (size_t)_i % ct_array_size(columns);
	struct ct_size_request req = machine(columns[column].version, columns[column].bits, examples[row].ram);
	struct ct_size size = answer(&req, CT_POLICY_KERNEL);

	ck_assert_uint_eq(size.buckets, examples[row].cell[column].buckets);
	ck_assert_uint_eq(size.limit, examples[row].cell[column].limit);
	if (examples[row].ram > GIB(1))
		assert_bound(size.bound_by, CT_BOUND_STEP);
}
END_TEST

/* MemTotal of real machines with what their kernels chose; then steps, floors and the order of rounding. */
static const struct {
	const char *version;
	unsigned bits;
	uint64_t ram;
	uint32_t page_bytes;
	uint64_t buckets, limit, unrounded;
	enum ct_bound bound;
} chosen[] = {
	{ "6.1.192", 64, KIB(61020), PAGE, 1024, 1024, 476, CT_BOUND_FLOOR },
	{ "6.1.192", 64, KIB(93788), PAGE, 1024, 1024, 732, CT_BOUND_FLOOR },
	{ "6.1.192", 64, KIB(222620), PAGE, 2048, 2048, 1739, CT_BOUND_FORMULA },
	{ "6.1.192", 64, KIB(480284), PAGE, 4096, 4096, 3752, CT_BOUND_FORMULA },
	{ "6.1.192", 64, KIB(995612), PAGE, 8192, 8192, 7778, CT_BOUND_FORMULA },
	{ "6.1.192", 64, KIB(1069852), PAGE, 65536, 65536, 8358, CT_BOUND_STEP },
	{ "6.1.192", 64, KIB(2026268), PAGE, 65536, 65536, 15830, CT_BOUND_STEP },
	{ "6.1.192", 64, KIB(4021268), PAGE, 65536, 65536, 31416, CT_BOUND_STEP },
	{ "6.1.192", 64, KIB(4320284), PAGE, 262144, 262144, 33752, CT_BOUND_STEP },
	{ "6.18.44", 64, KIB(24684096), PAGE, 262144, 262144, 192844, CT_BOUND_STEP },
	/* a boot log: "ip_conntrack version 2.4 (8189 buckets, 65512 max)"; no prime, no page */
	{ "2.4.18", 32, UINT64_C(8189) * 131072 + 4096, PAGE, 8189, 65512, 8189, CT_BOUND_FORMULA },
	/* limit from rounded buckets in 2.6.23 .. 2.6.27 and from 4.7, from unrounded ones between */
	{ "2.6.22", 64, KIB(480284), PAGE, 1876, 15008, 1876, CT_BOUND_FORMULA },
	{ "2.6.23", 64, KIB(480284), PAGE, 4096, 16384, 3752, CT_BOUND_FORMULA },
	{ "2.6.27", 64, KIB(480284), PAGE, 4096, 16384, 3752, CT_BOUND_FORMULA },
	{ "2.6.28", 64, KIB(480284), PAGE, 4096, 15008, 3752, CT_BOUND_FORMULA },
	{ "3.10", 32, KIB(480284), PAGE, 8192, 30016, 7504, CT_BOUND_FORMULA },
	{ "4.6.7", 64, KIB(480284), PAGE, 4096, 15008, 3752, CT_BOUND_FORMULA },
	{ "4.7", 64, KIB(480284), PAGE, 4096, 16384, 3752, CT_BOUND_FORMULA },
	{ "5.14", 64, KIB(480284), PAGE, 4096, 16384, 3752, CT_BOUND_FORMULA },
	{ "5.15", 64, KIB(480284), PAGE, 4096, 4096, 3752, CT_BOUND_FORMULA },
	/* floors: 16, 32 and 1024, the second rounded before or after the limit was made */
	{ "2.6.18", 32, MIB(1), PAGE, 16, 128, 8, CT_BOUND_FLOOR },
	{ "2.6.18", 32, MIB(2), PAGE, 16, 128, 16, CT_BOUND_FORMULA },
	{ "2.6.24", 64, MIB(1), PAGE, 512, 2048, 8, CT_BOUND_FLOOR },
	{ "2.6.32", 64, MIB(1), PAGE, 512, 128, 8, CT_BOUND_FLOOR },
	{ "6.18", 64, MIB(128) - 1, PAGE, 1024, 1024, 1023, CT_BOUND_FLOOR },
	/* eras change between these */
	{ "3.19.8", 64, GIB(8), PAGE, 16384, 65536, 65536, CT_BOUND_STEP },
	{ "4.0", 64, GIB(8), PAGE, 65536, 262144, 65536, CT_BOUND_STEP },
	/* 64 KiB pages hold 8192 buckets, and only a whole page more passes a step */
	{ "6.18", 64, MIB(512), 65536, 8192, 8192, 4096, CT_BOUND_FORMULA },
	{ "6.18", 64, GIB(1) + PAGE, 65536, 8192, 8192, 8192, CT_BOUND_FORMULA },
	{ "6.18", 64, GIB(1) + 65536, 65536, 65536, 65536, 8192, CT_BOUND_STEP },
	{ "4.19", 64, MIB(64), 65536, 8192, 32768, 512, CT_BOUND_FORMULA },
};

START_TEST(kernel_chooses_as_measured_and_as_its_version_says)
{
	struct ct_size_request req =
		machine_with_pages(chosen[_i].version, chosen[_i].bits, chosen[_i].ram, chosen[_i].page_bytes);
	struct ct_size size = answer(&req, CT_POLICY_KERNEL);

	ck_assert_uint_eq(size.buckets, chosen[_i].buckets);
	ck_assert_uint_eq(size.limit, chosen[_i].limit);
	ck_assert_uint_eq(size.unrounded_buckets, chosen[_i].unrounded);
	assert_bound(size.bound_by, chosen[_i].bound);
	assert_bound(size.buckets_bound_by, chosen[_i].bound);
}
END_TEST

START_TEST(kernel_asks_neither_budget_nor_present_limit)
{
	struct ct_size_request req = machine("6.18", 64, GIB(24));
	struct ct_size size;

	req.budget_bytes = 4096;
	req.keep_limit = 1000000;
	req.mem_available = (struct ct_u64){ .known = true, .v = 0 };
	size = answer(&req, CT_POLICY_KERNEL);
	ck_assert_uint_eq(size.limit, 262144);
	ck_assert_uint_eq(size.budget_bytes, 4096);
	ck_assert_uint_eq(size.memory_bytes, MIB(66));
}
END_TEST

/* "Writing the number of buckets", section 2, and what older kernels do. */
static const struct {
	const char *version;
	unsigned bits;
	uint32_t page_bytes;
	uint64_t want, got;
} roundings[] = {
	{ "6.12", 64, PAGE, 1, 512 },
	{ "6.12", 64, PAGE, 511, 512 },
	{ "6.12", 64, PAGE, 512, 512 },
	{ "6.12", 64, PAGE, 513, 1024 },
	{ "6.12", 64, PAGE, 1000, 1024 },
	{ "6.12", 64, PAGE, 4097, 4608 },
	{ "6.12", 64, PAGE, 70000, 70144 },
	{ "6.12", 64, PAGE, 300000, 300032 },
	{ "6.12", 64, PAGE, 0x1000, 4096 },
	{ "6.12", 64, PAGE, 10000, 10240 },
	{ "6.12", 64, PAGE, 268434944, 268434944 },
	{ "6.12", 64, PAGE, 268434945, 0 },
	{ "6.12", 64, PAGE, 268435455, 0 },
	{ "6.12", 64, PAGE, 268435456, 0 },
	{ "6.12", 64, PAGE, UINT64_MAX, 0 },
	{ "6.12", 64, PAGE, 0, 0 },
	{ "6.12", 32, PAGE, 1, 1024 },
	{ "6.12", 32, PAGE, 536869888, 536869888 },
	{ "6.12", 32, PAGE, 536869889, 0 },
	{ "6.12", 64, 65536, 8193, 16384 },
	{ "2.6.18", 32, PAGE, 1, 1 },
	{ "2.6.18", 32, PAGE, 4097, 4097 },
	{ "2.6.18", 64, PAGE, 268435455, 268435455 },
	{ "2.4.21", 32, PAGE, 4096, 4096 },
	{ "2.4.20", 32, PAGE, 4096, 4093 },
	{ "2.4.20", 32, PAGE, 8192, 8191 },
	{ "2.4.20", 32, PAGE, 8191, 8191 },
	{ "2.4.20", 32, PAGE, 25, 23 },
	{ "2.4.20", 32, PAGE, 9, 7 },
	{ "2.4.20", 32, PAGE, 4, 3 },
	{ "2.4.20", 32, PAGE, 1, 1 },
	{ "2.4.20", 32, PAGE, 0, 0 },
};

START_TEST(buckets_come_in_whole_pages_or_primes)
{
	struct ct_size_request req =
		machine_with_pages(roundings[_i].version, roundings[_i].bits, MIB(512), roundings[_i].page_bytes);
	struct ct_err err = { 0 };
	uint64_t got = 4711;
	int r = ct_size_buckets(&req.kernel, roundings[_i].want, &got, &err);

	if (roundings[_i].got == 0) {
		ck_assert_failed(r, err, -ERANGE, "buckets: the kernel takes 1 to ");
		ck_assert_uint_eq(got, 4711);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(got, roundings[_i].got);
}
END_TEST

/* Seen: hashsize=10000 made 10240 buckets and a limit of 81920, 20000 made 20480 and 163840. */
static const struct {
	const char *version;
	uint64_t buckets, limit;
} traps[] = {
	{ "6.12", 10000, 81920 },
	{ "6.12", 20000, 163840 },
	{ "4.7", 10000, 81920 },
	{ "4.6.7", 10000, 80000 },
	{ "2.6.28", 10000, 80000 },
	{ "2.6.27", 10000, 81920 },
	{ "2.6.23", 10000, 81920 },
	{ "2.6.22", 10000, 80000 },
	{ "2.4.20", 8191, 65528 },
};

START_TEST(a_given_hashsize_makes_the_limit_8_times_as_large)
{
	struct ct_size_request req = machine(traps[_i].version, 64, GIB(1));

	ck_assert_uint_eq(ct_size_hashsize_trap(&req.kernel.version, &req.kernel, traps[_i].buckets), traps[_i].limit);
}
END_TEST

/* Policies by RAM alone. 0 as unrounded: the same as the result. */
static const struct {
	enum ct_policy policy;
	const char *version;
	unsigned bits;
	uint64_t ram, limit, buckets, unrounded_limit, unrounded_buckets;
	enum ct_bound bound;
} by_ram[] = {
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, MIB(512), 32768, 4096, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 64, MIB(512), 16384, 2048, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, MIB(1), 128, 16, 64, 8, CT_BOUND_FLOOR },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, MIB(2), 128, 16, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, GIB(1), 65536, 8192, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, GIB(1) + 1, 65536, 8192, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, GIB(1) + 16384, 65536, 8192, 65537, 8192, CT_BOUND_CAP },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, GIB(3), 65536, 8192, 196608, 24576, CT_BOUND_CAP },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, GIB(2), 65536, 8192, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, GIB(1) + PAGE, 32768, 4096, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, GIB(24), 65536, 8192, 786432, 98304, CT_BOUND_CAP },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, MIB(2), 128, 512, 64, 8, CT_BOUND_FLOOR },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, KIB(480284), 15008, 2048, 15008, 1876, CT_BOUND_FORMULA },
	{ CT_POLICY_DOCUMENTED, "2.4.20", 32, MIB(512), 32768, 4093, 32768, 4096, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "6.18", 64, UINT64_C(25276510208), 771377, 1048576, 771377, 771377, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "6.18", 64, GIB(2), 65536, 65536, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "6.18", 32, GIB(2), 131072, 131072, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "6.18", 64, MIB(2), 128, 512, 64, 64, CT_BOUND_FLOOR },
	{ CT_POLICY_BALANCED, "2.6.5", 32, MIB(512), 32768, 32768, 0, 0, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "2.4.20", 32, MIB(512), 32768, 65521, 32768, 32768, CT_BOUND_FORMULA },
	{ CT_POLICY_BALANCED, "6.18", 64, UINT64_C(1) << 47, INT_MAX, 268434944, UINT64_C(1) << 32, UINT64_C(1) << 32,
	  CT_BOUND_KERNEL_MAX },
};

START_TEST(policies_follow_ram)
{
	struct ct_size_request req = machine(by_ram[_i].version, by_ram[_i].bits, by_ram[_i].ram);
	struct ct_size size = answer(&req, by_ram[_i].policy);
	uint64_t limit = by_ram[_i].unrounded_limit, buckets = by_ram[_i].unrounded_buckets;

	ck_assert_uint_eq(size.limit, by_ram[_i].limit);
	ck_assert_uint_eq(size.buckets, by_ram[_i].buckets);
	ck_assert_uint_eq(size.unrounded_limit, limit ? limit : size.limit);
	ck_assert_uint_eq(size.unrounded_buckets, buckets ? buckets : size.buckets);
	assert_bound(size.bound_by, by_ram[_i].bound);
	assert_bound(size.buckets_bound_by, by_ram[_i].bound);
}
END_TEST

START_TEST(dedicated_gives_all_but_the_reserve)
{
	struct ct_size_request req = machine("2.6.5", 32, MIB(512));
	struct ct_size size;

	req.entry_bytes = 300;
	ck_assert_uint_eq(req.reserve_bytes, MIB(128));
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.unrounded_limit, 1307315);
	ck_assert_uint_eq(size.unrounded_buckets, 1307315);
	ck_assert_uint_eq(size.limit, 1048576);
	ck_assert_uint_eq(size.buckets, 1048576);
	ck_assert_uint_eq(size.budget_bytes, MIB(384));
	ck_assert_uint_eq(size.memory_bytes, 1048576 * 308);
	ck_assert_double_eq(size.load, 2);
	assert_bound(size.bound_by, CT_BOUND_POWER_OF_TWO);
}
END_TEST

START_TEST(dedicated_takes_a_power_of_two_as_it_is)
{
	struct ct_size_request req = machine("6.18", 64, MIB(264));
	struct ct_size size;

	req.entry_bytes = 264;
	req.reserve_bytes = MIB(128);
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.unrounded_limit, 524288);
	ck_assert_uint_eq(size.limit, 524288);
	assert_bound(size.bound_by, CT_BOUND_FORMULA);
}
END_TEST

START_TEST(dedicated_stays_a_power_of_two_when_cut)
{
	struct ct_size_request req = machine("2.6.5", 32, MIB(512));
	struct ct_size size;

	req.entry_bytes = 300;
	req.budget_bytes = MIB(200);
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.limit, 524288);
	ck_assert_uint_eq(size.buckets, 524288);
	assert_bound(size.bound_by, CT_BOUND_BUDGET);
}
END_TEST

START_TEST(dedicated_holds_no_more_buckets_than_the_kernel_takes)
{
	struct ct_size_request req = machine("6.18", 64, GIB(128));
	struct ct_size size = answer(&req, CT_POLICY_DEDICATED);

	ck_assert_uint_eq(size.limit, 268435456);
	ck_assert_uint_eq(size.buckets, 268434944);
	assert_bound(size.bound_by, CT_BOUND_POWER_OF_TWO);
	assert_bound(size.buckets_bound_by, CT_BOUND_KERNEL_MAX);
}
END_TEST

static const struct {
	uint64_t peak;
	double headroom;
	uint32_t failover;
	uint64_t limit, buckets;
	enum ct_bound bound;
} demands[] = {
	{ .peak = 29390, .headroom = 2, .failover = 1, .limit = 58780, .buckets = 65536 },
	{ .peak = 29390, .headroom = 2, .failover = 2, .limit = 117560, .buckets = 131072 },
	{ .peak = 1000, .headroom = 1.1, .failover = 1, .limit = 1100, .buckets = 2048 },
	{ .peak = 1001, .headroom = 1.5, .failover = 1, .limit = 1502, .buckets = 2048 },
	{ .peak = 10, .headroom = 2, .failover = 1, .limit = 128, .buckets = 512, .bound = CT_BOUND_FLOOR },
	{ .peak = 1000000, .headroom = 1, .failover = 1, .limit = 1000000, .buckets = 1048576 },
};

START_TEST(demand_is_peak_with_head_room_and_fail_over)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;

	req.peak_entries = demands[_i].peak;
	req.headroom = demands[_i].headroom;
	req.failover = demands[_i].failover;
	size = answer(&req, CT_POLICY_DEMAND);
	ck_assert_uint_eq(size.limit, demands[_i].limit);
	ck_assert_uint_eq(size.buckets, demands[_i].buckets);
	assert_bound(size.bound_by, demands[_i].bound);
}
END_TEST

/* 2 GiB: a budget of 512 MiB. 2^31 - 1 entries would take 512 GiB. */
static const struct {
	uint64_t fixed_limit, fixed_buckets, ram, limit, buckets, unrounded_limit, unrounded_buckets;
	enum ct_bound bound, buckets_bound;
} fixed[] = {
	{ 100000, 25000, GIB(2), 100000, 25088, 100000, 25000, CT_BOUND_FORMULA, CT_BOUND_FORMULA },
	{ 100000, 0, GIB(2), 100000, 131072, 100000, 100000, CT_BOUND_FORMULA, CT_BOUND_FORMULA },
	{ 0, 100000, GIB(2), 100352, 100352, 100000, 100000, CT_BOUND_FORMULA, CT_BOUND_FORMULA },
	{ 1, 1, GIB(2), 1, 512, 1, 1, CT_BOUND_FORMULA, CT_BOUND_FORMULA },
	{ 100, 512, GIB(2), 100, 512, 100, 512, CT_BOUND_FORMULA, CT_BOUND_FORMULA },
	{ 3000000, 1024, GIB(2), 2097120, 1024, 3000000, 1024, CT_BOUND_BUDGET, CT_BOUND_FORMULA },
	{ 3000000, 0, GIB(2), 2031616, 2097152, 3000000, 3000000, CT_BOUND_BUDGET, CT_BOUND_BUDGET },
	{ 0, 3000000, GIB(2), 2033600, 2033664, 3000000, 3000000, CT_BOUND_BUDGET, CT_BOUND_BUDGET },
	{ UINT64_MAX, 65536, GIB(4096), INT_MAX, 65536, UINT64_MAX, 65536, CT_BOUND_KERNEL_MAX, CT_BOUND_FORMULA },
	{ UINT64_MAX, 0, GIB(4096), INT_MAX, 268434944, UINT64_MAX, UINT64_C(1) << 53, CT_BOUND_KERNEL_MAX,
	  CT_BOUND_KERNEL_MAX },
	{ 65536, UINT64_MAX, GIB(4096), 65536, 268434944, 65536, UINT64_MAX, CT_BOUND_FORMULA, CT_BOUND_KERNEL_MAX },
	{ 0, UINT64_MAX, GIB(4096), 268434944, 268434944, UINT64_MAX, UINT64_MAX, CT_BOUND_KERNEL_MAX,
	  CT_BOUND_KERNEL_MAX },
};

START_TEST(fixed_takes_the_given_numbers_and_says_what_cut_them)
{
	struct ct_size_request req = machine("6.18", 64, fixed[_i].ram);
	struct ct_size size;

	req.fixed_limit = fixed[_i].fixed_limit;
	req.fixed_buckets = fixed[_i].fixed_buckets;
	size = answer(&req, CT_POLICY_FIXED);
	ck_assert_uint_eq(size.limit, fixed[_i].limit);
	ck_assert_uint_eq(size.buckets, fixed[_i].buckets);
	ck_assert_uint_eq(size.unrounded_limit, fixed[_i].unrounded_limit);
	ck_assert_uint_eq(size.unrounded_buckets, fixed[_i].unrounded_buckets);
	assert_bound(size.bound_by, fixed[_i].bound);
	assert_bound(size.buckets_bound_by, fixed[_i].buckets_bound);
}
END_TEST

/* Balanced on 2 GiB (65536 by formula, budget 512 MiB) with what the machine has already. */
static const struct {
	const char *what;
	uint64_t keep, keep_buckets, budget, available, entries, buckets_now;
	uint64_t limit, buckets;
	enum ct_bound bound, buckets_bound;
} circumstances[] = {
	{ .what = "a higher present limit stays", .keep = 200000, .limit = 200000, .buckets = 262144,
	  .bound = CT_BOUND_PRESENT, .buckets_bound = CT_BOUND_FORMULA },
	{ .what = "the same present limit does nothing", .keep = 65536, .limit = 65536, .buckets = 65536 },
	{ .what = "a lower present limit does nothing", .keep = 1000, .limit = 65536, .buckets = 65536 },
	{ .what = "more present buckets stay", .keep_buckets = 131072, .limit = 65536, .buckets = 131072,
	  .buckets_bound = CT_BOUND_PRESENT },
	{ .what = "present buckets are not rounded", .keep_buckets = 65537, .limit = 65536, .buckets = 65537,
	  .buckets_bound = CT_BOUND_PRESENT },
	{ .what = "fewer present buckets do nothing", .keep_buckets = 1024, .limit = 65536, .buckets = 65536 },
	{ .what = "as many present buckets do nothing", .keep_buckets = 65536, .limit = 65536, .buckets = 65536 },
	{ .what = "present buckets just within the budget", .keep_buckets = 131072, .budget = 65536 * 272,
	  .limit = 65536, .buckets = 131072, .buckets_bound = CT_BOUND_PRESENT },
	{ .what = "present buckets never beat the budget", .keep_buckets = 131072, .budget = 65536 * 272 - 1,
	  .limit = 65536, .buckets = 65536 },
	{ .what = "no more than the kernel can hold stay", .keep_buckets = UINT64_MAX, .limit = 65536, .buckets = 65536 },
	{ .what = "the budget beats a present limit", .keep = 1 << 24, .limit = 2031616, .buckets = 2097152,
	  .bound = CT_BOUND_BUDGET, .buckets_bound = CT_BOUND_BUDGET },
	{ .what = "the budget beats the formula", .budget = MIB(8), .limit = 31744, .buckets = 32768,
	  .bound = CT_BOUND_BUDGET, .buckets_bound = CT_BOUND_BUDGET },
	{ .what = "a budget that just fits", .budget = 65536 * 264, .limit = 65536, .buckets = 65536 },
	{ .what = "a budget one byte short: fewer buckets, nearly as many connections", .budget = 65536 * 264 - 1,
	  .limit = 65535, .buckets = 65536, .bound = CT_BOUND_BUDGET, .buckets_bound = CT_BOUND_BUDGET },
	{ .what = "enough memory available", .available = GIB(1), .limit = 65536, .buckets = 65536 },
	/* 5 % of 2 GiB stay free: 107374180 bytes; 8 MiB above them */
	{ .what = "little memory available", .available = 107374180 + MIB(8), .limit = 31744, .buckets = 32768,
	  .bound = CT_BOUND_AVAILABLE, .buckets_bound = CT_BOUND_AVAILABLE },
	{ .what = "existing entries are paid for", .available = 107374180 + MIB(8), .entries = 10000, .limit = 42768,
	  .buckets = 65536, .bound = CT_BOUND_AVAILABLE, .buckets_bound = CT_BOUND_AVAILABLE, .buckets_now = 65536 },
	{ .what = "an array that is there costs nothing", .available = 107374180 + MIB(8), .buckets_now = 65536,
	  .limit = 32768, .buckets = 65536, .bound = CT_BOUND_AVAILABLE, .buckets_bound = CT_BOUND_AVAILABLE },
	{ .what = "no memory: the present limit and buckets stay", .available = 1, .keep = 200000, .entries = 50000,
	  .buckets_now = 65536, .limit = 200000, .buckets = 65536, .bound = CT_BOUND_PRESENT,
	  .buckets_bound = CT_BOUND_AVAILABLE },
	{ .what = "no memory: nothing below the present entries", .available = 1, .entries = 50000,
	  .buckets_now = 8192, .limit = 50000, .buckets = 8192, .bound = CT_BOUND_AVAILABLE,
	  .buckets_bound = CT_BOUND_AVAILABLE },
	{ .what = "no memory even for a smaller array", .available = 1, .entries = 70000, .buckets_now = 1048576,
	  .limit = 65536, .buckets = 1048576, .bound = CT_BOUND_FORMULA, .buckets_bound = CT_BOUND_AVAILABLE },
	{ .what = "no memory, nothing to change", .available = 1, .entries = 65536, .buckets_now = 65536,
	  .limit = 65536, .buckets = 65536 },
};

START_TEST(balanced_heeds_what_is_there)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;

	req.keep_limit = circumstances[_i].keep;
	req.keep_buckets = circumstances[_i].keep_buckets;
	req.budget_bytes = circumstances[_i].budget;
	req.mem_available = (struct ct_u64){ .known = circumstances[_i].available, .v = circumstances[_i].available };
	req.entries = circumstances[_i].entries;
	req.buckets_now = circumstances[_i].buckets_now;
	size = answer(&req, CT_POLICY_BALANCED);
	ck_assert_msg(size.limit == circumstances[_i].limit && size.buckets == circumstances[_i].buckets,
		      "%s: limit %" PRIu64 ", buckets %" PRIu64, circumstances[_i].what, size.limit, size.buckets);
	assert_bound(size.bound_by, circumstances[_i].bound);
	assert_bound(size.buckets_bound_by, circumstances[_i].buckets_bound);
}
END_TEST

START_TEST(only_balanced_and_demand_keep_the_present_limit)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));

	req.keep_limit = 1000000;
	req.keep_buckets = 1 << 21;
	req.peak_entries = 1000;
	req.fixed_limit = 1000;
	ck_assert_uint_eq(answer(&req, CT_POLICY_BALANCED).limit, 1000000);
	ck_assert_uint_eq(answer(&req, CT_POLICY_DEMAND).limit, 1000000);
	ck_assert_uint_eq(answer(&req, CT_POLICY_DOCUMENTED).limit, 65536);
	ck_assert_uint_eq(answer(&req, CT_POLICY_KERNEL).limit, 65536);
	ck_assert_uint_eq(answer(&req, CT_POLICY_FIXED).limit, 1000);
	ck_assert_uint_eq(answer(&req, CT_POLICY_BALANCED).buckets, 1 << 21);
	ck_assert_uint_eq(answer(&req, CT_POLICY_DEMAND).buckets, 1 << 21);
	ck_assert_uint_eq(answer(&req, CT_POLICY_DOCUMENTED).buckets, 8192);
	ck_assert_uint_eq(answer(&req, CT_POLICY_KERNEL).buckets, 65536);
	ck_assert_uint_eq(answer(&req, CT_POLICY_FIXED).buckets, 1024);
}
END_TEST

START_TEST(dedicated_cut_by_available_memory_stays_above_the_entries)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;

	req.entries = 300000;
	req.buckets_now = 1 << 20;
	req.mem_available = (struct ct_u64){ .known = true, .v = 107374180 + MIB(16) };
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.limit, 300000 + MIB(16) / 256);
	req.entries = 200000;
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.limit, 262144);
	assert_bound(size.bound_by, CT_BOUND_AVAILABLE);
}
END_TEST

/* Four namespaces: their entries share the buckets, except where each has a table of its own. */
static const struct {
	const char *version;
	uint64_t buckets, worst;
	double load;
} shared[] = {
	{ "6.18", 262144, UINT64_C(4) * 65536 * 256 + 262144 * 8, 2 },
	{ "4.7", 262144, UINT64_C(4) * 65536 * 256 + 262144 * 8, 2 },
	{ "4.6.7", 65536, UINT64_C(4) * 65536 * 264, 2 },
	{ "2.6.28", 65536, UINT64_C(4) * 65536 * 264, 2 },
};

START_TEST(namespaces_count_for_memory_and_load)
{
	struct ct_size_request req = machine(shared[_i].version, 64, GIB(2));
	struct ct_size size;

	req.namespaces = 4;
	size = answer(&req, CT_POLICY_BALANCED);
	ck_assert_uint_eq(size.limit, 65536);
	ck_assert_uint_eq(size.buckets, shared[_i].buckets);
	ck_assert_uint_eq(size.worst_case_bytes, shared[_i].worst);
	ck_assert_uint_eq(size.memory_bytes, 65536 * 256 + shared[_i].buckets * 8);
	ck_assert_double_eq(size.load, shared[_i].load);
	req.budget_bytes = shared[_i].worst - 1;
	ck_assert_uint_lt(answer(&req, CT_POLICY_BALANCED).limit, 65536);
}
END_TEST

START_TEST(beside_the_numbers_stands_what_they_buy)
{
	struct ct_size_request req = machine("5.15", 64, GIB(2));
	struct ct_size size = answer(&req, CT_POLICY_DOCUMENTED);

	ck_assert_uint_eq(size.memory_bytes, 65536 * 256 + 8192 * 8);
	ck_assert_uint_eq(size.worst_case_bytes, size.memory_bytes);
	ck_assert_uint_eq(size.budget_bytes, MIB(512));
	ck_assert_double_eq(size.load, 16);
	ck_assert_uint_eq(size.longest_expected, ct_chain_longest(16, 8192));
	ck_assert_double_eq(size.p_refused, ct_chain_p_refused(16, &req.kernel));
	ck_assert_double_gt(size.p_refused, 0.38);
}
END_TEST

static const struct {
	double load;
	uint64_t buckets;
} targets[] = {
	{ .load = 2, .buckets = 65536 },
	{ .load = 1, .buckets = 131072 },
	{ .load = 1.99, .buckets = 131072 },
	{ .load = 4, .buckets = 32768 },
	{ .load = 1e6, .buckets = 512 },
	{ .load = 0.002, .buckets = 67108864 },
};

START_TEST(target_load_chooses_the_buckets)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;

	req.target_load = targets[_i].load;
	req.budget_bytes = GIB(2);
	size = answer(&req, CT_POLICY_BALANCED);
	ck_assert_uint_eq(size.limit, 65536);
	ck_assert_uint_eq(size.buckets, targets[_i].buckets);
	ck_assert_double_le(size.load, targets[_i].load);
}
END_TEST

/* A request that can't be answered: one value is changed in a fine one. */
enum changed {
	KERNEL, PAGES, BITS, RAM, ENTRY, NAMESPACES, TARGET, HEADROOM, FAILOVER, BUDGET, PEAK, RESERVE, AVAILABLE,
	BUCKETS, ERA,
};

static const struct {
	enum ct_policy policy;
	enum changed what;
	double v;
	int rc;
	const char *word;
} refusals[] = {
	{ CT_POLICY__COUNT, RAM, 0x1p31, -EINVAL, "policy: 6" },
	{ CT_POLICY_BALANCED, ERA, 4, -EINVAL, "era: 4" },
	{ CT_POLICY_BALANCED, KERNEL, 0, -EINVAL, "buckets per page: 0" },
	{ CT_POLICY_BALANCED, PAGES, 0, -EINVAL, "bytes per page: 0" },
	{ CT_POLICY_BALANCED, BITS, 16, -EINVAL, "bits per pointer: 16" },
	{ CT_POLICY_BALANCED, RAM, 0, -EINVAL, "bytes of RAM: 0" },
	{ CT_POLICY_BALANCED, RAM, 0x1p53, -EINVAL, "bytes of RAM: 9007199254740992" },
	{ CT_POLICY_BALANCED, ENTRY, 0, -EINVAL, "bytes per entry: 0" },
	{ CT_POLICY_BALANCED, ENTRY, 65537, -EINVAL, "bytes per entry: 65537 is not within 1 to 65536" },
	{ CT_POLICY_BALANCED, NAMESPACES, 0, -EINVAL, "namespaces: 0" },
	{ CT_POLICY_BALANCED, NAMESPACES, 65537, -EINVAL, "namespaces: 65537" },
	{ CT_POLICY_BALANCED, TARGET, 0, -EINVAL, "target load: 0" },
	{ CT_POLICY_BALANCED, TARGET, NAN, -EINVAL, "target load: nan" },
	{ CT_POLICY_BALANCED, TARGET, INFINITY, -EINVAL, "target load: inf" },
	{ CT_POLICY_BALANCED, HEADROOM, 0.9, -EINVAL, "head room: 0.9" },
	{ CT_POLICY_BALANCED, FAILOVER, 0, -EINVAL, "fail-over machines: 0" },
	{ CT_POLICY_BALANCED, BUDGET, 0x1p32, -EINVAL, "budget bytes: 4294967296 is not within 0 to 2147483648" },
	{ CT_POLICY_BALANCED, BUDGET, 36863, -ENOSPC,
	  "128 connections and 512 buckets take 36864 bytes, the budget is 36863" },
	{ CT_POLICY_DOCUMENTED, BUDGET, 1, -ENOSPC, "policy documented" },
	{ CT_POLICY_DEMAND, BUDGET, 1, -ENODATA, "policy demand: the peak" },
	{ CT_POLICY_DEMAND, PEAK, 0x1p63, -EOVERFLOW, "9223372036854775808 entries x 2 x 1" },
	{ CT_POLICY_FIXED, BUDGET, 1, -ENODATA, "policy fixed: neither" },
	{ CT_POLICY_FIXED, BUCKETS, 268435455, -ENOSPC, "1 connections and 268434944 buckets take" },
	{ CT_POLICY_DEDICATED, RESERVE, 0x1p31, -ENODATA, "policy dedicated: a reserve of 2147483648 bytes" },
	{ CT_POLICY_DEDICATED, RESERVE, 0x1p31 - 100, -ENOSPC, "policy dedicated: 1 connections" },
	{ CT_POLICY_BALANCED, AVAILABLE, 107374180 + 36863, -ENOSPC, "MemAvailable of 107411043 bytes less 107374180" },
	{ CT_POLICY_FIXED, AVAILABLE, 107374180 + 2000, -ENOSPC, "MemAvailable" },
};

static void change(struct ct_size_request *req, enum changed what, double v)
{
	switch (what) {
	case KERNEL: req->kernel = (struct ct_kernel){ 0 }; break;
	case ERA: req->kernel.era = (enum ct_era)v; break;
	case PAGES: req->page_bytes = (uint32_t)v; break;
	case BITS: req->pointer_bits = (unsigned)v; break;
	case RAM: req->ram_bytes = (uint64_t)v; break;
	case ENTRY: req->entry_bytes = (uint64_t)v; break;
	case NAMESPACES: req->namespaces = (uint32_t)v; break;
	case TARGET: req->target_load = v; break;
	case HEADROOM: req->headroom = v; break;
	case FAILOVER: req->failover = (uint32_t)v; break;
	case BUDGET: req->budget_bytes = (uint64_t)v; break;
	case PEAK: req->peak_entries = (uint64_t)v; break;
	case RESERVE: req->reserve_bytes = (uint64_t)v; break;
	case BUCKETS:
		req->fixed_limit = 1000;
		req->fixed_buckets = (uint64_t)v;
		break;
	case AVAILABLE:
		req->fixed_limit = 1000;
		req->fixed_buckets = 1000;
		req->mem_available = (struct ct_u64){ .known = true, .v = (uint64_t)v };
		break;
	}
}

START_TEST(a_request_that_can_not_be_met_says_why)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size = { .limit = 4711 };
	struct ct_err err = { 0 };
	char text[64];
	int r;

	change(&req, refusals[_i].what, refusals[_i].v);
	r = ct_size_compute(&req, refusals[_i].policy, &size, &err);
	ck_assert_failed(r, err, refusals[_i].rc, refusals[_i].word);
	ck_assert_uint_eq(size.limit, 4711);
	size.policy = refusals[_i].policy;
	ck_assert_int_eq(ct_size_explain(&req, &size, text, sizeof(text)), refusals[_i].rc);
}
END_TEST

START_TEST(a_first_table_needs_room_for_its_buckets)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;
	struct ct_err err = { 0 };

	req.entries = 100;
	req.fixed_limit = 100;
	req.fixed_buckets = 1000;
	req.mem_available = (struct ct_u64){ .known = true, .v = 107374180 + 8191 };
	ck_assert_failed(ct_size_compute(&req, CT_POLICY_FIXED, &size, &err), err, -ENOSPC, "room for 100 connections");
	req.mem_available.v++;
	ck_assert_uint_eq(answer(&req, CT_POLICY_FIXED).buckets, 1024);
}
END_TEST

START_TEST(a_present_array_above_the_budget_that_can_not_be_replaced_is_an_error)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size;
	struct ct_err err = { 0 };

	req.entries = 100000;
	req.buckets_now = 1 << 25;
	req.budget_bytes = MIB(100);
	req.mem_available = (struct ct_u64){ .known = true, .v = 0 };
	ck_assert_failed(ct_size_compute(&req, CT_POLICY_BALANCED, &size, &err), err, -ENOSPC, "MemAvailable of 0 bytes");
}
END_TEST

static struct ct_facts facts_of_2_gib(void)
{
	return (struct ct_facts){
		.ram_bytes = { .known = true, .v = GIB(2) },
		.mem_available_bytes = { .known = true, .v = GIB(1) },
		.page_bytes = PAGE,
		.pointer_bits = 64,
		.kernel = { 6, 18, 44 },
		.entry_bytes = 384,
	};
}

START_TEST(request_init_takes_facts_and_defaults)
{
	struct ct_facts facts = facts_of_2_gib();
	struct ct_size_request req;

	facts.value[CT_PARAM_COUNT] = (struct ct_value){ .known = true, .v = 1234 };
	facts.value[CT_PARAM_BUCKETS] = (struct ct_value){ .known = true, .v = 16384 };
	facts.log_buckets = (struct ct_u64){ .known = true, .v = 8189 };
	facts.low_bytes = (struct ct_u64){ .known = true, .v = MIB(700) };
	facts.low_available_bytes = (struct ct_u64){ .known = true, .v = MIB(500) };
	facts.patch_source = CT_PATCH_ASSUMED;
	ck_assert_int_eq(ct_size_request_init(&req, &facts, NULL), 0);
	ck_assert_uint_eq(req.low_bytes.v, MIB(700));
	ck_assert_uint_eq(req.low_available.v, MIB(500));
	ck_assert(req.kernel_assumed);
	ck_assert_uint_eq(req.ram_bytes, GIB(2));
	ck_assert_uint_eq(req.mem_available.v, GIB(1));
	ck_assert_uint_eq(req.entry_bytes, 384);
	ck_assert_uint_eq(req.entries, 1234);
	ck_assert_uint_eq(req.buckets_now, 16384);
	ck_assert_uint_eq(req.reserve_bytes, MIB(128));
	ck_assert_uint_eq(req.namespaces, 1);
	ck_assert_uint_eq(req.kernel.bucket_step, 512);
	ck_assert_uint_eq(req.keep_limit + req.keep_buckets + req.peak_entries + req.fixed_limit + req.fixed_buckets, 0);
	ck_assert_double_eq(req.target_load, 2);
	facts.value[CT_PARAM_BUCKETS].known = false;
	ck_assert_int_eq(ct_size_request_init(&req, &facts, NULL), 0);
	ck_assert_uint_eq(req.buckets_now, 8189);
}
END_TEST

START_TEST(request_init_needs_ram_and_a_kernel)
{
	struct ct_facts facts = facts_of_2_gib();
	struct ct_size_request req = { .ram_bytes = 4711 };
	struct ct_err err = { 0 };

	facts.ram_bytes.known = false;
	ck_assert_failed(ct_size_request_init(&req, &facts, &err), err, -ENODATA, "RAM");
	facts.pointer_bits = 16;
	ck_assert_failed(ct_size_request_init(&req, &facts, &err), err, -EINVAL, "16 bits");
	ck_assert_uint_eq(req.ram_bytes, 4711);
}
END_TEST

START_TEST(names_lead_to_policies_and_back)
{
	static const char *const names[] = { "balanced", "documented", "kernel", "dedicated", "demand", "fixed" };
	enum ct_policy policy = CT_POLICY_FIXED;
	struct ct_err err = { 0 };

	for (unsigned i = 0; i < CT_POLICY__COUNT; i++) {
		ck_assert_int_eq(ct_policy_by_name(names[i], &policy, NULL), 0);
		ck_assert_uint_eq(policy, i);
		ck_assert_str_eq(ct_policy_name(policy), names[i]);
	}
	ck_assert_failed(ct_policy_by_name("Balanced", &policy, &err), err, -ENOENT,
			 "'Balanced'; known: balanced, documented, kernel, dedicated, demand, fixed");
	ck_assert_str_eq(ct_policy_name((enum ct_policy)99), "unknown");
}
END_TEST

START_TEST(every_bound_has_a_name_and_a_text)
{
	static const char *const names[] = { "formula", "floor",  "cap",       "step",      "power-of-two",
					     "present", "budget", "available", "kernel-max" };

	for (unsigned i = 0; i < ct_array_size(names); i++) {
		ck_assert_str_eq(ct_bound_name((enum ct_bound)i), names[i]);
		ck_assert_uint_gt(strlen(ct_bound_text((enum ct_bound)i)), 10);
	}
	ck_assert_str_eq(ct_bound_name((enum ct_bound)99), "unknown");
	ck_assert_str_eq(ct_bound_text((enum ct_bound)99), "unknown");
}
END_TEST

static const char *explanation(const struct ct_size_request *req, enum ct_policy policy)
{
	static char text[2048];
	struct ct_size size = answer(req, policy);

	ck_assert_int_eq(ct_size_explain(req, &size, text, sizeof(text)), 0);
	return text;
}

static void assert_says(const char *text, const char *line)
{
	ck_assert_msg(strstr(text, line) != NULL, "'%s' is missing in:\n%s", line, text);
}

/* Entries can't be in high memory: what 32 bits don't reach is no budget, however much RAM there is. */
START_TEST(a_32_bit_kernel_has_low_memory_only)
{
	struct ct_size_request req = machine("6.1.60", 32, GIB(64));
	struct ct_size size = answer(&req, CT_POLICY_DEDICATED);

	ck_assert_uint_eq(size.budget_bytes, CT_LOW_MEMORY_BYTES - CT_SIZE_RESERVE_DEFAULT);
	assert_bound(size.bound_by, CT_BOUND_BUDGET);
	req.budget_bytes = GIB(2);
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.budget_bytes, CT_LOW_MEMORY_BYTES);
	assert_says(explanation(&req, CT_POLICY_DEDICATED), "(880.0 MiB), all that a 32-bit kernel can use\n");
	assert_says(explanation(&req, CT_POLICY_BALANCED), "in low memory: 880.0 MiB of the RAM count\n");
	req.mem_available = (struct ct_u64){ .known = true, .v = GIB(60) };
	size = answer(&req, CT_POLICY_BALANCED);
	ck_assert_uint_le(size.memory_bytes, CT_LOW_MEMORY_BYTES - ct_memory_floor(CT_LOW_MEMORY_BYTES));
}
END_TEST

/* LowTotal and LowFree of a kernel that tells them, instead of the constant; 64-bit kernels have no such thing. */
START_TEST(low_memory_is_as_much_as_the_kernel_tells)
{
	struct ct_size_request req = machine("4.9.88", 32, GIB(8));
	struct ct_size size;

	req.low_bytes = (struct ct_u64){ .known = true, .v = MIB(720) };
	req.budget_bytes = GIB(2);
	size = answer(&req, CT_POLICY_DEDICATED);
	ck_assert_uint_eq(size.budget_bytes, MIB(720));
	assert_says(explanation(&req, CT_POLICY_DEDICATED), "in low memory: 720.0 MiB of the RAM count\n");
	req.mem_available = (struct ct_u64){ .known = true, .v = GIB(7) };
	size = answer(&req, CT_POLICY_DEDICATED);
	assert_bound(size.bound_by, CT_BOUND_BUDGET);
	req.low_available = (struct ct_u64){ .known = true, .v = MIB(100) };
	size = answer(&req, CT_POLICY_DEDICATED);
	assert_bound(size.bound_by, CT_BOUND_AVAILABLE);
	ck_assert_uint_le(size.memory_bytes, MIB(100) - ct_memory_floor(MIB(720)));
	assert_says(explanation(&req, CT_POLICY_DEDICATED), "low memory available of 104857600 bytes less ");
	req = machine("4.9.88", 64, GIB(8));
	size = answer(&req, CT_POLICY_BALANCED);
	req.low_bytes = req.low_available = (struct ct_u64){ .known = true, .v = MIB(1) };
	req.mem_available = (struct ct_u64){ .known = true, .v = GIB(7) };
	ck_assert_uint_eq(answer(&req, CT_POLICY_BALANCED).limit, size.limit);
}
END_TEST

/* Red Hat's 5.14.0 may have rules of any later kernel. */
START_TEST(explain_says_what_is_assumed)
{
	struct ct_size_request req = machine("5.14.0", 64, GIB(8));

	ck_assert(!strstr(explanation(&req, CT_POLICY_BALANCED), "isn't told"));
	req.kernel_assumed = true;
	assert_says(explanation(&req, CT_POLICY_BALANCED),
		    "\nchains and defaults are those of Linux 5.14.0: what the vendor of this kernel added isn't told\n");
}
END_TEST

START_TEST(explain_writes_all_of_balanced)
{
	struct ct_size_request req = machine("6.18.44", 64, UINT64_C(25276510208));

	ck_assert_str_eq(
		explanation(&req, CT_POLICY_BALANCED),
		"25276510208 bytes of RAM / 16384 / 2 (64-bit pointers) = 771377 connections, without a cap above 1 GiB\n"
		"buckets: smallest power of two for a mean chain (2 x 771377 connections / buckets) of at most 2 = 1048576\n"
		"full table: 771377 connections x 256 bytes + 1048576 buckets x 8 bytes = 205861120 bytes (196.3 MiB)\n"
		"memory budget: 6319127552 bytes (5.9 GiB), a quarter of RAM\n"
		"chains when full: 1.47 nodes on average, the longest about 10\n"
		"new connections refused when full, because a chain passes the kernel's limit of 50 to 79 nodes: "
		"practically none\n"
		"limit 771377: as the policy says\n"
		"buckets 1048576: as the policy says\n");
}
END_TEST

START_TEST(explain_writes_all_of_kernel)
{
	struct ct_size_request req = machine("3.10", 64, KIB(480284));

	ck_assert_str_eq(explanation(&req, CT_POLICY_KERNEL),
			 "Linux 3.10.0 by itself, without hashsize=:\n"
			 "491810816 bytes of RAM / 16384 / 8 bytes per bucket = 3752 buckets\n"
			 "buckets fill whole pages, 512 in each: 4096\n"
			 "limit: 4 x 3752 buckets (before they were rounded) = 15008\n"
			 "full table: 15008 connections x 256 bytes + 4096 buckets x 8 bytes = 3874816 bytes (3.7 MiB)\n"
			 "memory budget: 122952704 bytes (117.3 MiB), the kernel doesn't know of it\n"
			 "chains when full: 7.33 nodes on average, the longest about 19\n"
			 "this kernel refuses no connection because of a long chain\n"
			 "limit 15008: as the policy says\n"
			 "buckets 4096: as the policy says\n");
}
END_TEST

/* What a policy says beyond that, by RAM and kernel alone. */
static const struct {
	enum ct_policy policy;
	const char *version;
	unsigned bits;
	uint64_t ram;
	const char *line;
} lines[] = {
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, MIB(512),
	  "536870912 bytes of RAM / 16384 / 1 (32-bit pointers) = 32768 connections\n" },
	{ CT_POLICY_DOCUMENTED, "2.6.5", 32, MIB(512), "buckets: limit / 8 = 4096\nfull table" },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, GIB(24),
	  "above 1 GiB of RAM the documents stop at 65536 connections and 8192 buckets\n" },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, GIB(24), "limit 65536: cut to the documents' maximum above 1 GiB of RAM\n" },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, MIB(2), "but at least 128 connections\n" },
	{ CT_POLICY_DOCUMENTED, "6.18", 64, MIB(2), "the kernel rounds up to whole pages of 512 buckets: 512\n" },
	{ CT_POLICY_DOCUMENTED, "2.4.20", 32, MIB(512),
	  "before 2.4.21 the hash spreads well only over a prime number: 4093\n" },
	{ CT_POLICY_DOCUMENTED, "5.15", 64, GIB(24), "because a chain passes the kernel's limit of 8 to 31 nodes: 38.5 %\n" },
	{ CT_POLICY_BALANCED, "5.15", 64, GIB(2), "limit of 8 to 31 nodes: 1 in " },
	/* fewer than a page holds: still the number that the formula gives, then the kernel's */
	{ CT_POLICY_BALANCED, "6.18", 64, MIB(4),
	  "(2 x 128 connections / buckets) of at most 2 = 128\nthe kernel rounds up to whole pages of 512 buckets: 512\n" },
	{ CT_POLICY_BALANCED, "6.18", 64, MIB(16), "of at most 2 = 512\nfull table" },
	{ CT_POLICY_DEDICATED, "6.18", 64, MIB(512), "memory budget: 402653184 bytes (384.0 MiB), RAM - reserve\n" },
	{ CT_POLICY_KERNEL, "6.18", 64, GIB(24), "but more than 4 GiB of RAM: 262144 buckets\n" },
	{ CT_POLICY_KERNEL, "6.18", 32, GIB(24), "but more than 1 GiB of RAM: 65536 buckets\n" },
	{ CT_POLICY_KERNEL, "6.18", 32, GIB(24), "limit 65536: the kernel's fixed number above 1 or 4 GiB of RAM\n" },
	{ CT_POLICY_KERNEL, "6.18", 64, MIB(64), "but never fewer than 1024 buckets\nlimit: 1 x 1024 buckets = 1024\n" },
	{ CT_POLICY_DEDICATED, "6.18", 64, MIB(512),
	  "(536870912 bytes of RAM - 134217728 reserved) / (256 bytes per connection + 8 per bucket) = 1525201 "
	  "connections\n"
	  "down to a power of two: 1048576\nbuckets: as many as connections = 1048576\n" },
	{ CT_POLICY_DEDICATED, "6.18", 64, MIB(512), "limit 1048576: rounded down to a power of two\n" },
	{ CT_POLICY_BALANCED, "6.18", 64, GIB(4096) * 32, "the kernel takes at most 2147483647 connections\n" },
	{ CT_POLICY_BALANCED, "6.18", 64, GIB(4096) * 32, "the kernel holds at most 268434944 buckets\n" },
	{ CT_POLICY_BALANCED, "6.18", 64, GIB(4096) * 32, "limit 2147483647: cut to the most the kernel takes\n" },
};

START_TEST(explain_says_what_each_policy_does)
{
	struct ct_size_request req = machine(lines[_i].version, lines[_i].bits, lines[_i].ram);

	assert_says(explanation(&req, lines[_i].policy), lines[_i].line);
}
END_TEST

START_TEST(explain_says_what_demand_is_made_of)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));

	req.peak_entries = 29390;
	req.headroom = 1.5;
	req.failover = 2;
	assert_says(explanation(&req, CT_POLICY_DEMAND),
		    "peak of 29390 entries x 1.5 head room x 2 (machines whose load may come here) = 88170 connections\n");
}
END_TEST

START_TEST(explain_says_what_was_given)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));

	req.fixed_limit = 5000;
	assert_says(explanation(&req, CT_POLICY_FIXED), "limit: 5000 connections as given\nbuckets: smallest power");
	req.fixed_buckets = 1000;
	assert_says(explanation(&req, CT_POLICY_FIXED),
		    "limit: 5000 connections as given\nbuckets: 1000 as given\nthe kernel rounds up");
	req.fixed_limit = 0;
	assert_says(explanation(&req, CT_POLICY_FIXED),
		    "limit: one connection for each of 1000 buckets, of which the kernel holds 1024\n"
		    "buckets: as many as connections = 1024\n");
}
END_TEST

START_TEST(present_buckets_given_with_a_limit_stay_as_they_are)
{
	struct ct_size_request req = machine("2.4.20", 32, MIB(512));
	struct ct_size size;

	req.fixed_limit = 40000;
	req.fixed_buckets = 4026;
	ck_assert_int_eq(ct_size_compute(&req, CT_POLICY_FIXED, &size, NULL), 0);
	ck_assert_uint_eq(size.buckets, 4021);
	req.buckets_now = 4026;
	ck_assert_int_eq(ct_size_compute(&req, CT_POLICY_FIXED, &size, NULL), 0);
	ck_assert_uint_eq(size.buckets, 4026);
}
END_TEST

START_TEST(explain_says_what_the_machine_has_already)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	const char *text;

	req.keep_limit = 200000;
	text = explanation(&req, CT_POLICY_BALANCED);
	assert_says(text, "the present limit of 200000 is higher and stays, unless lowering is asked for\n");
	assert_says(text, "limit 200000: kept as it is now\n");
	req.keep_limit = 0;
	req.keep_buckets = 1 << 20;
	text = explanation(&req, CT_POLICY_BALANCED);
	assert_says(text, "the present 1048576 buckets are more and stay, unless lowering is asked for\n");
	assert_says(text, "buckets 1048576: kept as it is now\n");
	req.budget_bytes = MIB(8);
	assert_says(explanation(&req, CT_POLICY_BALANCED),
		    "the present 1048576 buckets would leave too little of the budget\n");
	req.keep_buckets = 0;
	text = explanation(&req, CT_POLICY_BALANCED);
	assert_says(text, "memory budget: 8388608 bytes (8.0 MiB), as given\n");
	assert_says(text, "memory budget of 8388608 bytes: 65536 connections are too many, 31744 fit\n");
	assert_says(text, "limit 31744: cut to the memory budget\n");
	req.budget_bytes = 0;
	req.mem_available = (struct ct_u64){ .known = true, .v = MIB(110) };
	text = explanation(&req, CT_POLICY_BALANCED);
	assert_says(text, "MemAvailable of 115343360 bytes less 107374180 to stay free: 65536 connections are too many, ");
	assert_says(text, "held back by the memory available now\n");
	req.mem_available.v = GIB(1);
	assert_says(explanation(&req, CT_POLICY_BALANCED), "leaves 966367644 bytes: enough to fill the table\n");
	req.entries = 65536;
	req.buckets_now = 16384;
	req.mem_available.v = 0;
	assert_says(explanation(&req, CT_POLICY_BALANCED),
		    "no room for a new bucket array beside the present one: buckets stay at 16384\n");
}
END_TEST

START_TEST(explain_counts_namespaces)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	const char *text;

	req.namespaces = 4;
	text = explanation(&req, CT_POLICY_BALANCED);
	assert_says(text, "(2 x 65536 connections x 4 namespaces / buckets) of at most 2 = 262144\n");
	assert_says(text, "full in 4 namespaces at once: 69206016 bytes (66.0 MiB)\n");
}
END_TEST

START_TEST(explain_cuts_where_there_is_no_room)
{
	struct ct_size_request req = machine("6.18", 64, GIB(2));
	struct ct_size size = answer(&req, CT_POLICY_BALANCED);
	const char *whole = explanation(&req, CT_POLICY_BALANCED);
	size_t need = strlen(whole) + 1;
	char text[2048];

	memset(text, '#', sizeof(text));
	ck_assert_int_eq(ct_size_explain(&req, &size, text, 0), -ENOSPC);
	ck_assert_int_eq(text[0], '#');
	for (size_t n = 1; n < need; n++) {
		memset(text, '#', sizeof(text));
		ck_assert_int_eq(ct_size_explain(&req, &size, text, n), -ENOSPC);
		ck_assert_uint_eq(strlen(text), n - 1);
		ck_assert_mem_eq(text, whole, n - 1);
		ck_assert_int_eq(text[n], '#');
	}
	ck_assert_int_eq(ct_size_explain(&req, &size, text, need), 0);
}
END_TEST

/* CONNTUNE_SEED in the environment repeats a run. */
static uint64_t seed;

static void seed_choose(const char *test)
{
	const char *given = getenv("CONNTUNE_SEED");

	seed = given ? strtoull(given, NULL, 10) | 1 : 2654435761u;
	printf("%s: seed %" PRIu64 "\n", test, seed);
}

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* As likely small as large: 1 .. 2^bits. */
static uint64_t of_any_size(unsigned bits)
{
	return 1 + below(UINT64_C(1) << (1 + below(bits)));
}

static struct ct_size_request random_machine(void)
{
	static const char *const versions[] = { "2.4.18", "2.6.18", "2.6.24", "2.6.32", "4.6", "4.19", "6.1", "6.18" };
	struct ct_size_request req =
		machine_with_pages(versions[below(ct_array_size(versions))], below(2) ? 64 : 32,
				   MIB(1) + of_any_size(45), below(4) ? PAGE : 65536);

	req.entry_bytes = 16 + below(1000);
	req.namespaces = (uint32_t)(below(2) ? 1 : of_any_size(16));
	req.target_load = pow(2, (double)below(1000) / 100 - 4);
	req.reserve_bytes = of_any_size(40);
	req.budget_bytes = below(2) ? 0 : 1 + below(req.ram_bytes);
	req.peak_entries = of_any_size(33);
	req.headroom = 1 + (double)below(3000) / 1000;
	req.failover = 1 + (uint32_t)below(4);
	req.fixed_limit = below(2) ? of_any_size(33) : 0;
	req.fixed_buckets = below(2) || req.fixed_limit == 0 ? of_any_size(30) : 0;
	req.keep_limit = below(2) ? of_any_size(33) : 0;
	req.keep_buckets = below(2) ? of_any_size(25) : 0;
	return req;
}

static void add_circumstances(struct ct_size_request *req)
{
	req->entries = of_any_size(24);
	req->buckets_now = of_any_size(24);
	req->mem_available = (struct ct_u64){ .known = true, .v = below(req->ram_bytes) };
	if (below(2))
		req->low_bytes = (struct ct_u64){ .known = true, .v = 1 + below(req->ram_bytes) };
	if (below(2))
		req->low_available = (struct ct_u64){ .known = true, .v = of_any_size(31) };
}

static void check_result(const struct ct_size_request *req, const struct ct_size *size)
{
	uint64_t tables = req->kernel.table_per_netns ? req->namespaces : 1, table;

	ck_assert_uint_ge(size->limit, 1);
	ck_assert_uint_le(size->limit, INT_MAX);
	ck_assert_uint_ge(size->buckets, 1);
	ck_assert_uint_le(size->buckets, req->kernel.max_buckets);
	ck_assert_int_eq(ct_memory_table(&req->kernel, req->page_bytes, size->buckets, &table, NULL), 0);
	ck_assert_uint_eq(size->memory_bytes, size->limit * req->entry_bytes + table);
	ck_assert_uint_eq(size->worst_case_bytes, req->namespaces * size->limit * req->entry_bytes + tables * table);
	ck_assert_double_ge(size->p_refused, 0);
	ck_assert_double_le(size->p_refused, 1);
	/* present buckets are what the kernel holds already, whatever their number */
	if (size->buckets != req->buckets_now && size->buckets_bound_by != CT_BOUND_PRESENT)
		ck_assert_uint_eq(size->buckets % req->kernel.bucket_step, 0);
	if (size->policy == CT_POLICY_KERNEL)
		return;
	ck_assert_uint_le(size->worst_case_bytes, size->budget_bytes);
	if (size->policy != CT_POLICY_BALANCED && size->policy != CT_POLICY_DEMAND)
		return;
	ck_assert_uint_ge(size->limit, 128);
	if (size->buckets_bound_by != CT_BOUND_AVAILABLE && size->buckets_bound_by != CT_BOUND_KERNEL_MAX)
		ck_assert_double_le(size->load, req->target_load);
}

/* One connection more, with the buckets that go with it, would be too much. */
static void check_cut_is_tight(const struct ct_size_request *req, const struct ct_size *size)
{
	struct ct_size_request more = *req;
	struct ct_size again;

	if (size->bound_by != CT_BOUND_BUDGET || (size->policy != CT_POLICY_BALANCED && size->policy != CT_POLICY_DEMAND))
		return;
	more.budget_bytes = size->budget_bytes;
	more.fixed_limit = size->limit + 1;
	more.fixed_buckets = 0;
	again = answer(&more, CT_POLICY_FIXED);
	ck_assert_uint_eq(again.limit, size->limit);
	assert_bound(again.bound_by, CT_BOUND_BUDGET);
}

static void check_available(const struct ct_size_request *req, const struct ct_size *size)
{
	uint64_t low = req->low_bytes.known ? req->low_bytes.v : 0;
	uint64_t usable = ct_memory_usable_here(req->ram_bytes, req->pointer_bits, low);
	uint64_t floor = ct_memory_floor(usable), nodes = req->namespaces * size->limit, need = 0;
	bool low_known = req->pointer_bits == 32 && req->low_available.known;
	uint64_t available = low_known && req->low_available.v < req->mem_available.v ? req->low_available.v
										      : req->mem_available.v;
	bool keeps = size->policy == CT_POLICY_BALANCED || size->policy == CT_POLICY_DEMAND;

	if (size->policy == CT_POLICY_KERNEL)
		return;
	if (size->limit <= req->entries || (keeps && size->limit <= req->keep_limit))
		return;
	if (size->buckets != req->buckets_now)
		(void)ct_memory_table(&req->kernel, req->page_bytes, size->buckets, &need, NULL);
	need += (nodes - req->entries) * req->entry_bytes;
	ck_assert_uint_le(need, available > floor ? available - floor : 0);
}

/* Twice the RAM never gives less. The budget has to be its default share, and MemAvailable not known. */
static void check_monotone(const struct ct_size_request *req, const struct ct_size *size)
{
	struct ct_size_request larger = *req;
	struct ct_size again;

	larger.ram_bytes *= 2;
	if (req->budget_bytes)
		larger.budget_bytes *= 2;
	again = answer(&larger, size->policy);
	ck_assert_uint_ge(again.limit, size->limit);
}

START_TEST(random_requests_keep_all_promises)
{
	unsigned answered = 0;

	seed_choose("size");
	for (int i = 0; i < 5000; i++) {
		struct ct_size_request req = random_machine();
		enum ct_policy policy = (enum ct_policy)below(CT_POLICY__COUNT);
		bool busy = below(2);
		char text[2048];
		struct ct_size size;
		struct ct_err err = { 0 };
		int r;

		if (busy)
			add_circumstances(&req);
		r = ct_size_compute(&req, policy, &size, &err);
		ck_assert_msg(r == 0 || r == -ENOSPC || (r == -ENODATA && policy == CT_POLICY_DEDICATED), "%s", err.msg);
		if (r < 0)
			continue;
		answered++;
		ck_assert_int_eq(ct_size_explain(&req, &size, text, sizeof(text)), 0);
		check_result(&req, &size);
		if (busy) {
			check_available(&req, &size);
		} else {
			check_cut_is_tight(&req, &size);
			check_monotone(&req, &size);
		}
	}
	ck_assert_uint_gt(answered, 1000);
}
END_TEST

static TCase *numbers(void)
{
	TCase *tc = tcase_create("numbers");

	tcase_add_loop_test(tc, kernel_chooses_as_in_the_worked_examples, 0,
			    ct_array_size(examples) * ct_array_size(columns));
	tcase_add_loop_test(tc, kernel_chooses_as_measured_and_as_its_version_says, 0, ct_array_size(chosen));
	tcase_add_test(tc, kernel_asks_neither_budget_nor_present_limit);
	tcase_add_loop_test(tc, buckets_come_in_whole_pages_or_primes, 0, ct_array_size(roundings));
	tcase_add_loop_test(tc, a_given_hashsize_makes_the_limit_8_times_as_large, 0, ct_array_size(traps));
	tcase_add_loop_test(tc, policies_follow_ram, 0, ct_array_size(by_ram));
	tcase_add_test(tc, dedicated_gives_all_but_the_reserve);
	tcase_add_test(tc, dedicated_takes_a_power_of_two_as_it_is);
	tcase_add_test(tc, dedicated_stays_a_power_of_two_when_cut);
	tcase_add_test(tc, dedicated_holds_no_more_buckets_than_the_kernel_takes);
	tcase_add_loop_test(tc, demand_is_peak_with_head_room_and_fail_over, 0, ct_array_size(demands));
	tcase_add_loop_test(tc, fixed_takes_the_given_numbers_and_says_what_cut_them, 0, ct_array_size(fixed));
	tcase_add_loop_test(tc, balanced_heeds_what_is_there, 0, ct_array_size(circumstances));
	tcase_add_test(tc, only_balanced_and_demand_keep_the_present_limit);
	tcase_add_test(tc, dedicated_cut_by_available_memory_stays_above_the_entries);
	tcase_add_loop_test(tc, namespaces_count_for_memory_and_load, 0, ct_array_size(shared));
	tcase_add_test(tc, beside_the_numbers_stands_what_they_buy);
	tcase_add_loop_test(tc, target_load_chooses_the_buckets, 0, ct_array_size(targets));
	tcase_add_loop_test(tc, a_request_that_can_not_be_met_says_why, 0, ct_array_size(refusals));
	tcase_add_test(tc, a_first_table_needs_room_for_its_buckets);
	tcase_add_test(tc, a_present_array_above_the_budget_that_can_not_be_replaced_is_an_error);
	tcase_add_test(tc, random_requests_keep_all_promises);
	return tc;
}

static TCase *words(void)
{
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, request_init_takes_facts_and_defaults);
	tcase_add_test(tc, request_init_needs_ram_and_a_kernel);
	tcase_add_test(tc, names_lead_to_policies_and_back);
	tcase_add_test(tc, every_bound_has_a_name_and_a_text);
	tcase_add_test(tc, a_32_bit_kernel_has_low_memory_only);
	tcase_add_test(tc, low_memory_is_as_much_as_the_kernel_tells);
	tcase_add_test(tc, explain_says_what_is_assumed);
	tcase_add_test(tc, explain_writes_all_of_balanced);
	tcase_add_test(tc, explain_writes_all_of_kernel);
	tcase_add_loop_test(tc, explain_says_what_each_policy_does, 0, ct_array_size(lines));
	tcase_add_test(tc, explain_says_what_demand_is_made_of);
	tcase_add_test(tc, explain_says_what_was_given);
	tcase_add_test(tc, present_buckets_given_with_a_limit_stay_as_they_are);
	tcase_add_test(tc, explain_says_what_the_machine_has_already);
	tcase_add_test(tc, explain_counts_namespaces);
	tcase_add_test(tc, explain_cuts_where_there_is_no_room);
	return tc;
}

Suite *module_suite(void)
{
	Suite *s = suite_create("size");

	suite_add_tcase(s, numbers());
	suite_add_tcase(s, words());
	return s;
}
