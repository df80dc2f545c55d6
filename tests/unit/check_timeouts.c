/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time-outs under pressure: floors, originals on disk first, what others wrote, and the way back after a crash. */
#include "config.h"
#include "check.h"
#include "fs.h"
#include "timeouts_internal.h"
#include "util.h"

#include <conntune/apply.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NF "proc/sys/net/netfilter/nf_conntrack_"
#define SYN_SENT NF "tcp_timeout_syn_sent"
#define UDP NF "udp_timeout"
#define STREAM NF "udp_timeout_stream"
#define ESTABLISHED NF "tcp_timeout_established"
#define RETRANS NF "tcp_timeout_max_retrans"
#define PATH "var/lib/conntune/timeouts.json"

static const char *root;
static struct ct_fs *fs;
static struct ct_timeouts timeouts;
static struct ct_err err;
static size_t changed;

static void setup(void)
{
	root = scratch_dir();
	put_file(root, SYN_SENT, "120\n");
	put_file(root, UDP, "30\n");
	put_file(root, STREAM, "120\n");
	put_file(root, ESTABLISHED, "432000\n");
	put_file(root, RETRANS, "300\n");
	fs = open_fs(root);
	timeouts = (struct ct_timeouts){ 0 };
}

static void teardown(void)
{
	fs = ct_fs_free(fs);
}

static int scale(double to)
{
	return ct_timeouts_scale(fs, PATH, to, &timeouts, &changed, &err);
}

static void ck_file(const char *path, const char *text)
{
	const char *is = get_file(root, path);

	ck_assert_ptr_nonnull(is);
	ck_assert_msg(strcmp(is, text) == 0, "%s is %s instead of %s", path, is, text);
}

START_TEST(no_time_out_of_an_answered_connection_is_in_the_table)
{
	static const enum ct_param_id never[] = { CT_PARAM_TCP_TIMEOUT_ESTABLISHED, CT_PARAM_UDP_TIMEOUT_STREAM,
						  CT_PARAM_UDPLITE_TIMEOUT_STREAM, CT_PARAM_GRE_TIMEOUT_STREAM,
						  CT_PARAM_SCTP_TIMEOUT_ESTABLISHED, CT_PARAM_LIMIT, CT_PARAM_BUCKETS };

	for (size_t i = 0; i < ct_array_size(never); i++)
		ck_assert_int_eq(ct_timeout_row(never[i]), -ENOENT);
}
END_TEST

START_TEST(each_row_is_a_time_out_with_a_floor_and_its_reason)
{
	size_t i = 0;

	for (; ct_timeout_at(i); i++) {
		const struct ct_timeout *row = ct_timeout_at(i);
		int64_t preset = 0;

		ck_assert_int_eq(ct_param_get(row->param)->unit, CT_UNIT_SECONDS);
		ck_assert_int_eq(ct_timeout_row(row->param), (int)i);
		ck_assert(row->floor > 0 && row->why && *row->why);
		/* a floor above the default would never let it shrink */
		ck_assert_int_eq(ct_param_default(ct_param_get(row->param), &(struct ct_kver){ 0 }, &preset), 0);
		ck_assert_msg(row->floor <= preset, "%s", ct_param_get(row->param)->name);
	}
	ck_assert_uint_gt(i, 12);
	ck_assert_uint_le(i, CT_TIMEOUTS_MAX);
}
END_TEST

static const struct { int64_t original; double scale; int64_t want; } scaled[] = {
	{ .original = 120, .scale = 1.0, .want = 120 },
	{ .original = 120, .scale = 2.0, .want = 120 },
	{ .original = 120, .scale = 0.5, .want = 60 },
	{ .original = 120, .scale = 0.33, .want = 39 },
	{ .original = 120, .scale = 0.0, .want = 10 },
	{ .original = 120, .scale = -1.0, .want = 10 },
	{ .original = 10, .scale = 0.5, .want = 10 },
	{ .original = 5, .scale = 0.5, .want = 5 },
	{ .original = 0, .scale = 0.5, .want = 0 },
	{ .original = -3, .scale = 0.5, .want = -3 },
	{ .original = 2147483, .scale = 0.5, .want = 1073741 },
};

START_TEST(scaling_ends_at_the_floor_and_never_lengthens)
{
	const struct ct_timeout *syn = ct_timeout_at((size_t)ct_timeout_row(CT_PARAM_TCP_TIMEOUT_SYN_SENT));

	ck_assert_uint_eq(syn->floor, 10);
	ck_assert_int_eq(ct_timeout_scaled(syn, scaled[_i].original, scaled[_i].scale), scaled[_i].want);
}
END_TEST

START_TEST(all_shrink_and_come_back)
{
	ck_assert_msg(scale(0.5) == 0, "%s", err.msg);
	ck_assert_uint_eq(changed, 3);
	ck_file(SYN_SENT, "60\n");
	ck_file(UDP, "15\n");
	ck_file(RETRANS, "150\n");
	ck_file(STREAM, "120\n");
	ck_file(ESTABLISHED, "432000\n");
	ck_assert_ptr_nonnull(get_file(root, PATH));
	ck_assert_int_eq(scale(0), 0);
	ck_file(SYN_SENT, "10\n");
	ck_file(RETRANS, "100\n");
	ck_assert_int_eq(scale(0.75), 0);
	ck_file(SYN_SENT, "90\n");
	ck_assert_int_eq(scale(1), 0);
	ck_assert_uint_eq(changed, 3);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
	ck_file(RETRANS, "300\n");
	ck_assert_ptr_null(get_file(root, PATH));
}
END_TEST

START_TEST(the_same_scale_again_writes_nothing)
{
	ck_assert_int_eq(scale(1), 0);
	ck_assert_uint_eq(changed, 0);
	ck_assert_ptr_null(get_file(root, PATH));
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_uint_eq(changed, 0);
}
END_TEST

/* A directory in the way of the file: nothing may change whose original isn't on disk. */
START_TEST(without_originals_on_disk_nothing_changes)
{
	put_file(root, PATH "/in-the-way", "");
	ck_assert_int_lt(scale(0.5), 0);
	ck_assert_uint_eq(changed, 0);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
}
END_TEST

START_TEST(what_somebody_else_wrote_is_his)
{
	ck_assert_int_eq(scale(0.5), 0);
	put_file(root, SYN_SENT, "77\n");
	ck_assert_int_eq(scale(0.25), 0);
	ck_file(SYN_SENT, "77\n");
	ck_file(RETRANS, "100\n");
	ck_assert_int_eq(scale(1), 0);
	ck_file(SYN_SENT, "77\n");
	ck_file(RETRANS, "300\n");
}
END_TEST

START_TEST(zero_and_negative_ones_are_left_alone)
{
	put_file(root, SYN_SENT, "0\n");
	put_file(root, UDP, "-5\n");
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_uint_eq(changed, 1);
	ck_file(SYN_SENT, "0\n");
	ck_file(UDP, "-5\n");
}
END_TEST

/* Another process, as after a crash: all it has is the file. */
START_TEST(after_a_crash_originals_come_back)
{
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_int_eq(scale(0.25), 0);
	put_file(root, UDP, "11\n");
	ck_assert_int_eq(ct_timeouts_recover(fs, PATH, &err), 2);
	ck_file(SYN_SENT, "120\n");
	ck_file(RETRANS, "300\n");
	ck_file(UDP, "11\n");
	ck_assert_ptr_null(get_file(root, PATH));
	ck_assert_int_eq(ct_timeouts_recover(fs, PATH, &err), 0);
}
END_TEST

/* Killed between two writes: some have the new value, some the one before, some the original. */
START_TEST(after_a_crash_in_the_middle_all_come_back)
{
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_int_eq(scale(0.25), 0);
	put_file(root, SYN_SENT, "60\n");
	put_file(root, UDP, "30\n");
	ck_assert_int_ge(ct_timeouts_recover(fs, PATH, &err), 2);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
	ck_file(RETRANS, "300\n");
}
END_TEST

/* A write that failed may have been done, or not: either value is ours. */
START_TEST(the_value_before_the_last_one_comes_back_too)
{
	ck_assert_int_eq(scale(0.5), 0);
	ck_assert_int_eq(scale(0.25), 0);
	put_file(root, SYN_SENT, "60\n");
	ck_assert_int_eq(scale(1), 0);
	ck_assert_uint_eq(changed, 3);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
	ck_assert_ptr_null(get_file(root, PATH));
}
END_TEST

static void protect(const char *path)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	ck_assert_int_eq(chmod(full, 0444), 0);
}

START_TEST(one_that_can_not_be_written_keeps_no_other_short)
{
	protect(UDP);
	ck_assert_failed(scale(0.5), err, -EROFS, "udp_timeout");
	ck_assert_uint_eq(changed, 2);
	ck_file(SYN_SENT, "60\n");
	ck_assert_msg(scale(1) == 0, "%s", err.msg);
	ck_assert_uint_eq(changed, 2);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
	ck_assert_ptr_null(get_file(root, PATH));
}
END_TEST

/* Killed after that: what is as it was found needs no write. */
START_TEST(after_a_crash_one_that_can_not_be_written_stays_as_found)
{
	protect(UDP);
	ck_assert_int_eq(scale(0.5), -EROFS);
	ck_assert_int_gt(ct_timeouts_recover(fs, PATH, &err), 0);
	ck_file(SYN_SENT, "120\n");
	ck_file(UDP, "30\n");
	ck_assert_ptr_null(get_file(root, PATH));
}
END_TEST

static const char *const damaged[] = {
	"", "{}", "[]", "{\"format\":\"conntune timeouts 1\"}",
	"{\"format\":\"conntune timeouts 2\",\"timeouts\":{}}",
	"{\"format\":\"conntune timeouts 1\",\"timeouts\":{\"nf_conntrack_udp_timeout\":7}}",
	"{\"format\":\"conntune timeouts 1\",\"timeouts\":{\"nf_conntrack_udp_timeout\":{\"original\":0,\"set\":10,\"before\":30}}}",
	"{\"format\":\"conntune timeouts 1\",\"timeouts\":{\"nf_conntrack_udp_timeout\":{\"original\":30,\"set\":10}}}",
	"{\"format\":\"conntune timeouts 1\",\"timeouts\":{\"nf_conntrack_udp_timeout\":{\"original\":9999999,\"set\":10,\"before\":30}}}",
};

START_TEST(a_damaged_file_is_said_and_stays)
{
	put_file(root, PATH, damaged[_i]);
	ck_assert_failed(ct_timeouts_recover(fs, PATH, &err), err, -EBADMSG, "timeouts.json");
	ck_file(UDP, "30\n");
	ck_assert_ptr_nonnull(get_file(root, PATH));
}
END_TEST

/* Whoever can write the file can't make us write anything else with it. */
START_TEST(names_outside_the_vocabulary_are_not_written)
{
	put_file(root, PATH, "{\"format\":\"conntune timeouts 1\",\"timeouts\":{\"nf_conntrack_tcp_timeout_established\":"
			     "{\"original\":1,\"set\":432000,\"before\":432000}}}");
	ck_assert_int_eq(ct_timeouts_recover(fs, PATH, &err), 0);
	ck_file(ESTABLISHED, "432000\n");
}
END_TEST

START_TEST(one_time_out_is_compared_bounded_and_read_back)
{
	int64_t got = 0;

	ck_assert_int_eq(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 30, 20, &got, &err), 0);
	ck_assert_int_eq(got, 20);
	ck_file(UDP, "20\n");
	ck_assert_failed(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 30, 15, &got, &err), err, -ESTALE, "20");
	ck_assert_int_eq(got, 20);
	ck_assert_failed(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 20, 9, &got, &err), err, -ERANGE, "floor");
	ck_assert_failed(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 20, 0, &got, &err), err, -ERANGE, "0");
	ck_assert_int_eq(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 20, INT64_MAX, &got, &err), -ERANGE);
	ck_assert_int_eq(ct_apply_timeout(fs, CT_PARAM_LIMIT, 20, 30, &got, &err), -EINVAL);
	ck_assert_int_eq(ct_apply_timeout(fs, CT_PARAM_TCP_TIMEOUT_ESTABLISHED, 432000, 7440, &got, &err), -EINVAL);
	ck_assert_int_eq(ct_apply_timeout(fs, CT_PARAM_ICMP_TIMEOUT, 30, 20, &got, &err), -ENOENT);
	ck_file(UDP, "20\n");
}
END_TEST

START_TEST(a_read_only_time_out_is_named)
{
	char path[512];
	int64_t got;

	(void)snprintf(path, sizeof(path), "%s/" UDP, root);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_failed(ct_apply_timeout(fs, CT_PARAM_UDP_TIMEOUT, 30, 20, &got, &err), err, -EROFS, "udp_timeout");
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("timeouts");
	TCase *tc = tcase_create("timeouts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_time_out_of_an_answered_connection_is_in_the_table);
	tcase_add_test(tc, each_row_is_a_time_out_with_a_floor_and_its_reason);
	tcase_add_loop_test(tc, scaling_ends_at_the_floor_and_never_lengthens, 0, (int)ct_array_size(scaled));
	tcase_add_test(tc, all_shrink_and_come_back);
	tcase_add_test(tc, the_same_scale_again_writes_nothing);
	tcase_add_test(tc, without_originals_on_disk_nothing_changes);
	tcase_add_test(tc, what_somebody_else_wrote_is_his);
	tcase_add_test(tc, zero_and_negative_ones_are_left_alone);
	tcase_add_test(tc, after_a_crash_originals_come_back);
	tcase_add_test(tc, after_a_crash_in_the_middle_all_come_back);
	tcase_add_test(tc, the_value_before_the_last_one_comes_back_too);
	tcase_add_test(tc, one_that_can_not_be_written_keeps_no_other_short);
	tcase_add_test(tc, after_a_crash_one_that_can_not_be_written_stays_as_found);
	tcase_add_loop_test(tc, a_damaged_file_is_said_and_stays, 0, (int)ct_array_size(damaged));
	tcase_add_test(tc, names_outside_the_vocabulary_are_not_written);
	tcase_add_test(tc, one_time_out_is_compared_bounded_and_read_back);
	tcase_add_test(tc, a_read_only_time_out_is_named);
	suite_add_tcase(suite, tc);
	return suite;
}
