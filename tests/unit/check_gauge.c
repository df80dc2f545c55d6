/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values from files: in captured trees as they change, on this machine in a namespace of the test's own. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <conntune/gauge.h>
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NF "proc/sys/net/netfilter/nf_conntrack_"

static const char *root;
static struct ct_fs *fs;
static struct ct_gauge *gauge;
static struct ct_reading now;
static struct ct_err err;

static void setup(void)
{
	root = scratch_dir();
	fs = open_fs(root);
	ck_assert_int_eq(ct_gauge_new(&gauge, fs, &err), 0);
}

static void teardown(void)
{
	gauge = ct_gauge_free(gauge);
	ck_assert_ptr_null(gauge);
	fs = ct_fs_free(fs);
}

static void put_machine(const char *limit, const char *buckets, const char *entries)
{
	put_file(root, NF "max", limit);
	put_file(root, NF "buckets", buckets);
	put_file(root, NF "count", entries);
}

static void take(void)
{
	ck_assert_msg(ct_gauge_read(gauge, &now, &err) == 0, "%s", err.msg);
}

START_TEST(all_three_are_read_each_time)
{
	put_machine("65536\n", "16384\n", "12\n");
	take();
	ck_assert(now.present && now.limit.known && now.buckets.known && now.entries.known);
	ck_assert_uint_eq(now.limit.v, 65536);
	ck_assert_uint_eq(now.buckets.v, 16384);
	ck_assert_uint_eq(now.entries.v, 12);
	put_machine("70000\n", "16384\n", "13\n");
	take();
	ck_assert_uint_eq(now.limit.v, 70000);
	ck_assert_uint_eq(now.entries.v, 13);
}
END_TEST

START_TEST(without_a_limit_there_is_no_connection_tracking)
{
	put_file(root, "proc/sys/net/netfilter/nf_conntrack_frag6_timeout", "60\n");
	take();
	ck_assert(!now.present && !now.limit.known && !now.entries.known);
	put_machine("65536\n", "16384\n", "12\n");
	take();
	ck_assert(now.present);
	ck_assert_uint_eq(now.limit.v, 65536);
}
END_TEST

START_TEST(a_limit_below_zero_is_none)
{
	put_machine("-1\n", "16384\n", "12\n");
	take();
	ck_assert(now.present && now.limit.known);
	ck_assert_uint_eq(now.limit.v, 0);
}
END_TEST

START_TEST(a_file_that_is_missing_leaves_its_value_unknown)
{
	put_file(root, NF "max", "65536\n");
	take();
	ck_assert(now.present && now.limit.known && !now.buckets.known && !now.entries.known);
}
END_TEST

START_TEST(anything_but_a_number_is_an_error)
{
	put_machine("many\n", "16384\n", "12\n");
	ck_assert_failed(ct_gauge_read(gauge, &now, &err), err, -EBADMSG, "many");
	put_machine("65536\n", "16384\n", "12\n");
	take();
	ck_assert_uint_eq(now.limit.v, 65536);
}
END_TEST

START_TEST(old_names_are_known)
{
	put_file(root, "proc/sys/net/ipv4/netfilter/ip_conntrack_max", "4096\n");
	take();
	ck_assert(now.present);
	ck_assert_uint_eq(now.limit.v, 4096);
}
END_TEST

START_TEST(memory_is_read)
{
	struct ct_u64 total, available, slab;

	put_file(root, "proc/meminfo", "MemTotal: 2048 kB\nMemFree: 100 kB\nMemAvailable: 1024 kB\nSUnreclaim: 7 kB\n");
	ck_assert_int_eq(ct_gauge_memory(gauge, &total, &available, &slab, &err), 0);
	ck_assert(total.known && available.known);
	ck_assert_uint_eq(total.v, 2048 * 1024);
	ck_assert_uint_eq(available.v, 1024 * 1024);
	ck_assert(slab.known && slab.v == 7 * 1024);
	put_file(root, "proc/meminfo", "MemTotal: few kB\n");
	ck_assert_failed(ct_gauge_memory(gauge, &total, &available, &slab, &err), err, -EBADMSG, "few");
	put_file(root, "proc/meminfo", "MemTotal: 2048 kB\nMemFree: 100 kB\nBuffers: 1 kB\nCached: 2 kB\n");
	ck_assert_int_eq(ct_gauge_memory(gauge, &total, &available, &slab, &err), 0);
	ck_assert_uint_eq(available.v, 103 * 1024);
	ck_assert(!slab.known);
}
END_TEST

static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* Descriptors that are left open would add up: 100,000 looks a day. */
START_TEST(nothing_stays_open_that_is_not_needed)
{
	struct ct_u64 total, available, slab;
	size_t before;

	put_machine("65536\n", "16384\n", "12\n");
	put_file(root, "proc/meminfo", "MemTotal: 2048 kB\n");
	take();
	ck_assert_int_eq(ct_gauge_memory(gauge, &total, &available, &slab, &err), 0);
	before = open_files();
	for (int i = 0; i < 100; i++) {
		take();
		ck_assert_int_eq(ct_gauge_memory(gauge, &total, &available, &slab, &err), 0);
	}
	ck_assert_uint_eq(open_files(), before);
}
END_TEST

/* The real kernel: read through descriptors that stay open, and a write by anybody wakes us. */
START_TEST(on_a_real_kernel_the_files_stay_open)
{
	ct_cleanup(close_fs) struct ct_fs *live = open_fs("/");
	struct ct_gauge *g = NULL;

	ck_assert_int_eq(ct_gauge_new(&g, live, &err), 0);
	ck_assert_int_eq(ct_gauge_read(g, &now, &err), 0);
	if (now.present) {
		ck_assert(now.reopened);
		ck_assert_int_eq(ct_gauge_read(g, &now, &err), 0);
		ck_assert(now.present && !now.reopened);
		ck_assert_int_ge(ct_gauge_fd(g), 0);
		ck_assert_int_eq(poll(&(struct pollfd){ .fd = ct_gauge_fd(g), .events = POLLIN }, 1, 0), 0);
	}
	g = ct_gauge_free(g);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("gauge");
	TCase *tc = tcase_create("gauge");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_three_are_read_each_time);
	tcase_add_test(tc, without_a_limit_there_is_no_connection_tracking);
	tcase_add_test(tc, a_limit_below_zero_is_none);
	tcase_add_test(tc, a_file_that_is_missing_leaves_its_value_unknown);
	tcase_add_test(tc, anything_but_a_number_is_an_error);
	tcase_add_test(tc, old_names_are_known);
	tcase_add_test(tc, memory_is_read);
	tcase_add_test(tc, nothing_stays_open_that_is_not_needed);
	tcase_add_test(tc, on_a_real_kernel_the_files_stay_open);
	suite_add_tcase(suite, tc);
	return suite;
}
