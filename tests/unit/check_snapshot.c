/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots: what was sealed comes back; torn, cut, foreign and hostile ones are refused, whoever wrote them. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <conntune/snapshot.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ct_snapshot snapshot, back;
static struct ct_recent recent;
static struct ct_err err;

static void setup(void)
{
	memset(&snapshot, 0, sizeof(snapshot));
	memset(&recent, 0, sizeof(recent));
	snapshot.states = 2;
	strcpy(snapshot.state_name[0], "rest");
	strcpy(snapshot.state_name[1], "flood");
	snapshot.entries = (struct ct_u64){ .known = true, .v = 4711 };
	ct_snapshot_seal(&snapshot);
	ct_recent_seal(&recent);
}

static void put(const char *dir, const char *path, const void *bytes, size_t n)
{
	char full[512];
	int fd;

	put_file(dir, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	(void)close(fd);
}

START_TEST(sealed_one_is_read_back)
{
	const char *dir = scratch_dir();
	struct ct_recent past;
	struct ct_fs *fs = open_fs(dir);

	ck_assert_failed(ct_snapshot_read(fs, &back, &err), err, -ENOENT, CT_SNAPSHOT_PATH);
	put(dir, CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	put(dir, CT_RECENT_PATH, &recent, sizeof(recent));
	ck_assert_int_eq(ct_snapshot_read(fs, &back, &err), 0);
	ck_assert_mem_eq(&back, &snapshot, sizeof(back));
	ck_assert_int_eq(ct_recent_read(fs, &past, &err), 0);
	/* one is not the other */
	put(dir, CT_RECENT_PATH, &snapshot, sizeof(snapshot));
	ck_assert_failed(ct_recent_read(fs, &past, &err), err, -EINVAL, "something else");
	close_fs(&fs);
}
END_TEST

START_TEST(one_of_any_other_length_is_refused)
{
	char *longer = calloc(1, sizeof(snapshot) + 1);

	memcpy(longer, &snapshot, sizeof(snapshot));
	for (size_t n = 0; n < sizeof(snapshot); n += n < 64 ? 1 : 999)
		ck_assert_int_eq(ct_snapshot_check(&snapshot, n, &err), -EBADMSG);
	ck_assert_int_eq(ct_snapshot_check(longer, sizeof(snapshot) + 1, &err), -EBADMSG);
	ck_assert_int_eq(ct_recent_check(&recent, sizeof(recent) - 1, &err), -EBADMSG);
	free(longer);
}
END_TEST

START_TEST(each_changed_byte_is_noticed)
{
	unsigned char *bytes = (unsigned char *)&snapshot;

	for (size_t i = 0; i < sizeof(snapshot); i += 3) {
		bytes[i] ^= 0x10;
		ck_assert_int_lt(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), 0);
		bytes[i] ^= 0x10;
	}
	ck_assert_int_eq(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), 0);
}
END_TEST

START_TEST(another_version_is_told_as_such)
{
	snapshot.seal.version++;
	ck_assert_failed(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), err, -EPROTO, "version 2");
	setup();
	snapshot.seal.bytes -= 8;
	ck_assert_failed(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), err, -EPROTO, "version 1");
}
END_TEST

/* Sealed well, and wrong all the same: a reader would run past an end. */
static const struct {
	const char *what;
	size_t offset;
	uint32_t value;
} wrong[] = {
	{ "state", offsetof(struct ct_snapshot, state), 2 },
	{ "states", offsetof(struct ct_snapshot, states), CT_SNAPSHOT_STATES + 1 },
	{ "foreigns", offsetof(struct ct_snapshot, foreigns), CT_SNAPSHOT_FOREIGN + 1 },
	{ "tops", offsetof(struct ct_snapshot, tops), CT_NETNS_TOP + 1 },
	{ "actions", offsetof(struct ct_snapshot, actions), CT_SNAPSHOT_ACTIONS + 1 },
	{ "reasons", offsetof(struct ct_snapshot, reasons), UINT32_MAX },
	{ "chain limit", offsetof(struct ct_snapshot, chain_limit_max), 256 },
	{ "bounds", offsetof(struct ct_snapshot, look_seconds.n), CT_SNAPSHOT_BOUNDS + 1 },
	{ "bounds", offsetof(struct ct_snapshot, stall_seconds.n), CT_SNAPSHOT_BOUNDS + 1 },
};

START_TEST(number_out_of_bounds_is_refused)
{
	memcpy((char *)&snapshot + wrong[_i].offset, &wrong[_i].value, sizeof(wrong[_i].value));
	ct_snapshot_seal(&snapshot);
	ck_assert_failed(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), err, -EBADMSG, "bounds");
}
END_TEST

START_TEST(text_without_end_is_refused)
{
	memset(snapshot.action[CT_SNAPSHOT_ACTIONS - 1].error, 'x', sizeof(snapshot.action[0].error));
	ct_snapshot_seal(&snapshot);
	ck_assert_failed(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), err, -EBADMSG, "without an end");
	setup();
	memset(snapshot.state_name[CT_SNAPSHOT_STATES - 1], 'x', sizeof(snapshot.state_name[0]));
	ct_snapshot_seal(&snapshot);
	ck_assert_int_eq(ct_snapshot_check(&snapshot, sizeof(snapshot), &err), -EBADMSG);
	setup();
	recent.minutes = CT_RECENT_MINUTES + 1;
	ct_recent_seal(&recent);
	ck_assert_failed(ct_recent_check(&recent, sizeof(recent), &err), err, -EBADMSG, "rows");
}
END_TEST

/* Two snapshots in turns, as fast as they can be written; what differs between them is in the first and the last bytes.
 */
static void write_for_ever(const char *dir)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_SNAPSHOT_PATH);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (uint64_t i = 0;; i++) {
		snapshot.boot_usec = i;
		snapshot.looks = i;
		ct_snapshot_seal(&snapshot);
		if (pwrite(fd, &snapshot, sizeof(snapshot), 0) < 0)
			_exit(1);
	}
}

START_TEST(reader_never_gets_half_of_one)
{
	const char *dir = scratch_dir();
	struct ct_fs *fs = open_fs(dir);
	unsigned good = 0;
	pid_t writer;

	put(dir, CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	writer = fork();
	if (writer == 0)
		write_for_ever(dir);
	for (int i = 0; i < 2000; i++) {
		int r = ct_snapshot_read(fs, &back, &err);

		ck_assert_msg(r == 0 || r == -EBADMSG, "%s", err.msg);
		good += r == 0;
		if (r == 0)
			ck_assert_uint_eq(back.boot_usec, back.looks);
	}
	(void)kill(writer, SIGKILL);
	(void)waitpid(writer, NULL, 0);
	/* there is one each second in earnest */
	ck_assert_uint_gt(good, 0);
	close_fs(&fs);
}
END_TEST

START_TEST(age_is_told_by_the_clock_that_goes_on_in_sleep)
{
	snapshot.boot_usec = 10000000;
	snapshot.fresh_usec = 5000000;
	ck_assert(ct_snapshot_age(&snapshot, 9000000) == 0);
	ck_assert(ct_snapshot_age(&snapshot, 12500000) == 2.5);
	ck_assert(!ct_snapshot_is_old(&snapshot, 15000000));
	ck_assert(ct_snapshot_is_old(&snapshot, 15000001));
	ck_assert(!ct_snapshot_is_old(&snapshot, 1));
}
END_TEST

START_TEST(peak_is_that_of_the_seconds_asked_for)
{
	for (unsigned i = 0; i < CT_SNAPSHOT_PEAKS; i++)
		snapshot.second_peak[i] = UINT32_MAX;
	ck_assert(!ct_snapshot_peak_since(&snapshot, 0).known);
	snapshot.peak_second = 5000;
	snapshot.second_peak[5000 % CT_SNAPSHOT_PEAKS] = 7;
	snapshot.second_peak[4990 % CT_SNAPSHOT_PEAKS] = 99;
	snapshot.second_peak[(5000 - CT_SNAPSHOT_PEAKS + 1) % CT_SNAPSHOT_PEAKS] = 1000;
	ck_assert_uint_eq(ct_snapshot_peak_since(&snapshot, 0).v, 1000);
	ck_assert_uint_eq(ct_snapshot_peak_since(&snapshot, 4989).v, 99);
	ck_assert_uint_eq(ct_snapshot_peak_since(&snapshot, 4990).v, 7);
	ck_assert(!ct_snapshot_peak_since(&snapshot, 5000).known);
	ck_assert(!ct_snapshot_peak_since(&snapshot, UINT64_MAX).known);
}
END_TEST

START_TEST(value_is_counted_where_it_belongs)
{
	struct ct_snapshot_histogram h = { .n = 2, .bound = { 0.001, 0.1 } };

	ct_snapshot_count(&h, 0.001);
	ct_snapshot_count(&h, 0.0011);
	ct_snapshot_count(&h, 0.1);
	ct_snapshot_count(&h, 9);
	ck_assert(h.count[0] == 1 && h.count[1] == 2 && h.count[2] == 1);
	ck_assert_double_eq_tol(h.sum, 9.1021, 1e-9);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("snapshot");
	TCase *tc = tcase_create("snapshot");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, sealed_one_is_read_back);
	tcase_add_test(tc, one_of_any_other_length_is_refused);
	tcase_add_test(tc, each_changed_byte_is_noticed);
	tcase_add_test(tc, another_version_is_told_as_such);
	tcase_add_loop_test(tc, number_out_of_bounds_is_refused, 0, ct_array_size(wrong));
	tcase_add_test(tc, text_without_end_is_refused);
	tcase_add_test(tc, reader_never_gets_half_of_one);
	tcase_add_test(tc, age_is_told_by_the_clock_that_goes_on_in_sleep);
	tcase_add_test(tc, peak_is_that_of_the_seconds_asked_for);
	tcase_add_test(tc, value_is_counted_where_it_belongs);
	suite_add_tcase(s, tc);
	return s;
}
