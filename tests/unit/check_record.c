/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was kept comes back, damage is named and never overwritten, and one process at a time has the pending apply. */
#include "config.h"
#include "check.h"
#include "fs.h"
#include "record_internal.h"
#include "util.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KNOWN(n) { .known = true, .v = (n) }

static struct ct_facts facts_of(uint64_t limit, uint64_t buckets)
{
	struct ct_facts f = { .presence = CT_PRESENCE_MODULE };

	f.value[CT_PARAM_LIMIT] = (struct ct_value){ .known = true, .v = (int64_t)limit };
	f.value[CT_PARAM_BUCKETS] = (struct ct_value){ .known = true, .v = (int64_t)buckets };
	return f;
}

static void assert_number(struct ct_u64 got, struct ct_u64 want)
{
	ck_assert_int_eq(got.known, want.known);
	if (want.known)
		ck_assert_uint_eq(got.v, want.v);
}

START_TEST(nothing_kept_is_not_found)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_pending pending;
	struct ct_err err = { 0 };
	struct ct_record rec;
	int fd;

	ck_assert_failed(ct_record_load(fs, &rec, &err), err, -ENOENT, "first.json");
	ck_assert_failed(ct_pending_load(fs, &pending, &err), err, -ENOENT, "pending.json");
	ck_assert_failed(ct_pending_claim(fs, &pending, &fd, &err), err, -ENOENT, "nothing waits");
	ck_assert_int_eq(ct_record_forget(fs, &err), 0);
}
END_TEST

START_TEST(the_first_values_stay_however_often_they_are_offered)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	struct ct_facts found = facts_of(65536, 16384), later = facts_of(262144, 262144);
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };
	struct ct_record rec;

	fs = open_fs(dir);
	ck_assert_msg(ct_record_first(fs, &found, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ct_record_first(fs, &later, &err), 0);
	ck_assert_int_eq(ct_record_load(fs, &rec, &err), 0);
	assert_number(rec.limit, (struct ct_u64)KNOWN(65536));
	assert_number(rec.buckets, (struct ct_u64)KNOWN(16384));
	ck_assert(rec.module_loaded);
	ck_assert_int_eq(ct_record_forget(fs, &err), 0);
	ck_assert_ptr_null(get_file(dir, CT_RECORD_PATH));
	ck_assert_int_eq(ct_record_first(fs, &later, &err), 0);
	ck_assert_int_eq(ct_record_load(fs, &rec, &err), 0);
	assert_number(rec.limit, (struct ct_u64)KNOWN(262144));
}
END_TEST

START_TEST(no_module_is_kept_as_unknown_values)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	const struct ct_facts absent = { .presence = CT_PRESENCE_ABSENT };
	struct ct_err err = { 0 };
	struct ct_record rec;

	ck_assert_msg(ct_record_first(fs, &absent, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ct_record_load(fs, &rec, &err), 0);
	ck_assert(!rec.limit.known);
	ck_assert(!rec.buckets.known);
	ck_assert(!rec.module_loaded);
}
END_TEST

START_TEST(a_record_is_its_owners_to_write)
{
	struct ct_facts found = facts_of(0, 512);
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	char path[256];
	struct stat st;

	fs = open_fs(dir);
	ck_assert_int_eq(ct_record_first(fs, &found, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_RECORD_PATH);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
}
END_TEST

/* Each of these stays exactly as it is, and says what to do. */
static const char *const damaged[] = {
	"", "{", "[]", "null", "\"format\"", "not JSON", "{}\n{}",
	"{\"format\": \"conntune first 1\"}",
	"{\"format\": \"conntune first 2\", \"module_loaded\": true}",
	"{\"format\": 1, \"module_loaded\": true}",
	"{\"format\": \"conntune pending 1\", \"module_loaded\": true}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": 1}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": -1}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": 2147483648}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": 65536.0}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": \"65536\"}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": null}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": 99999999999999999999}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"limit\": 1, \"limit\": 2}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"buckets\": 0}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"colour\": 1}",
	"{\"format\": \"conntune first 1\", \"module_loaded\": true, \"\\u001b[2J\": 1}",
};

START_TEST(a_damaged_record_is_named_and_left_alone)
{
	struct ct_facts found = facts_of(65536, 16384);
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };
	struct ct_record rec = { .module_loaded = true, .limit = KNOWN(7) };

	put_file(dir, CT_RECORD_PATH, damaged[_i]);
	fs = open_fs(dir);
	ck_assert_failed(ct_record_load(fs, &rec, &err), err, -EBADMSG, "first.json");
	ck_assert_ptr_nonnull(strstr(err.msg, "move it away"));
	ck_assert_uint_eq(rec.limit.v, 7);
	ck_assert_failed(ct_record_first(fs, &found, &err), err, -EBADMSG, "damaged");
	ck_assert_str_eq(get_file(dir, CT_RECORD_PATH), damaged[_i]);
}
END_TEST

START_TEST(a_record_larger_than_ours_is_damaged)
{
	static char text[8192];
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };
	struct ct_record rec;

	(void)snprintf(text, sizeof(text), "{\"format\": \"conntune first 1\", \"module_loaded\": true %*s}", 8000, "");
	put_file(dir, CT_RECORD_PATH, text);
	fs = open_fs(dir);
	ck_assert_failed(ct_record_load(fs, &rec, &err), err, -EBADMSG, "first.json");
}
END_TEST

START_TEST(a_record_that_can_not_be_written_is_an_error)
{
	struct ct_facts found = facts_of(65536, 16384);
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };

	put_file(dir, "var/lib", "a file where a directory should be");
	fs = open_fs(dir);
	ck_assert_failed(ct_record_first(fs, &found, &err), err, -ENOTDIR, "var/lib/conntune/first.json");
	ck_assert_failed(ct_record_forget(fs, &err), err, -ENOTDIR, "first.json");
}
END_TEST

START_TEST(values_that_loading_would_refuse_are_not_kept)
{
	struct ct_facts found = facts_of((uint64_t)1 << 31, 16384);
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };

	fs = open_fs(dir);
	ck_assert_failed(ct_record_first(fs, &found, &err), err, -ERANGE, "limit");
	ck_assert_ptr_null(get_file(dir, CT_RECORD_PATH));
}
END_TEST

static const struct ct_pending pendings[] = {
	{ .old_limit = KNOWN(65536), .old_buckets = KNOWN(8192), .new_limit = KNOWN(262144),
	  .new_buckets = KNOWN(262144),
	  .persist = true, .first = true, .deadline_usec = 1, .guard_pid = 4711 },
	{ .old_limit = KNOWN(0), .new_limit = KNOWN(65536), .deadline_usec = (uint64_t)1 << 53 },
	{ .new_limit = KNOWN(2147483647), .new_buckets = KNOWN(1), .first = true, .deadline_usec = 86400000000,
	  .guard_pid = 1 },
};

static void assert_pending(const struct ct_pending *got, const struct ct_pending *want)
{
	assert_number(got->old_limit, want->old_limit);
	assert_number(got->old_buckets, want->old_buckets);
	assert_number(got->new_limit, want->new_limit);
	assert_number(got->new_buckets, want->new_buckets);
	ck_assert_int_eq(got->persist, want->persist);
	ck_assert_int_eq(got->first, want->first);
	ck_assert_uint_eq(got->deadline_usec, want->deadline_usec);
	ck_assert_int_eq(got->guard_pid, want->guard_pid);
}

START_TEST(a_pending_apply_comes_back_as_it_was_saved)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_err err = { 0 };
	struct ct_pending got;

	ck_assert_msg(ct_pending_save(fs, &pendings[_i], &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ct_pending_load(fs, &got, &err), 0);
	assert_pending(&got, &pendings[_i]);
}
END_TEST

static const struct {
	struct ct_pending pending;
	const char *word;
} unsavable[] = {
	{ { .deadline_usec = 0 }, "deadline_usec" },
	{ { .deadline_usec = UINT64_MAX }, "deadline_usec" },
	{ { .deadline_usec = 1, .guard_pid = -1 }, "guard_pid" },
	{ { .deadline_usec = 1, .old_limit = KNOWN((uint64_t)1 << 31) }, "old_limit" },
	{ { .deadline_usec = 1, .new_buckets = KNOWN(0) }, "new_buckets" },
};

START_TEST(numbers_that_loading_would_refuse_are_not_saved)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };

	fs = open_fs(dir);
	ck_assert_failed(ct_pending_save(fs, &unsavable[_i].pending, &err), err, -ERANGE, unsavable[_i].word);
	ck_assert_ptr_null(get_file(dir, CT_PENDING_PATH));
}
END_TEST

#define PENDING(rest) "{\"format\": \"conntune pending 1\", " rest "}"

static const struct {
	const char *text, *word;
} bad_pendings[] = {
	{ PENDING("\"persist\": true, \"first\": true, \"guard_pid\": 1"), "deadline_usec is missing" },
	{ PENDING("\"persist\": true, \"first\": true, \"deadline_usec\": 1"), "guard_pid is missing" },
	{ PENDING("\"persist\": true, \"deadline_usec\": 1, \"guard_pid\": 1"), "first is neither" },
	{ PENDING("\"first\": true, \"deadline_usec\": 1, \"guard_pid\": 1"), "persist is neither" },
	{ PENDING("\"persist\": true, \"first\": true, \"deadline_usec\": 0, \"guard_pid\": 1"),
	  "deadline_usec isn't" },
	{ PENDING("\"persist\": true, \"first\": true, \"deadline_usec\": 1, \"guard_pid\": 2147483648"),
	  "guard_pid isn't" },
	{ PENDING("\"old_limit\": true"), "old_limit isn't" },
	{ PENDING("\"old_buckets\": []"), "old_buckets isn't" },
	{ PENDING("\"new_limit\": 1e3"), "new_limit isn't" },
	{ PENDING("\"new_buckets\": -1"), "new_buckets isn't" },
	{ PENDING("\"limit\": 1"), "unknown key 'limit'" },
	{ "{\"format\": \"conntune first 1\"}", "format" },
	{ "", "line 1" },
};

START_TEST(a_damaged_pending_apply_is_named_and_left_alone)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_pending pending;
	struct ct_err err = { 0 };
	int fd = -7;

	put_file(dir, CT_PENDING_PATH, bad_pendings[_i].text);
	fs = open_fs(dir);
	ck_assert_failed(ct_pending_load(fs, &pending, &err), err, -EBADMSG, bad_pendings[_i].word);
	ck_assert_failed(ct_pending_claim(fs, &pending, &fd, &err), err, -EBADMSG, "pending.json");
	ck_assert_int_eq(fd, -7);
	ck_assert_str_eq(get_file(dir, CT_PENDING_PATH), bad_pendings[_i].text);
}
END_TEST

START_TEST(a_claim_excludes_others_until_it_is_given_back_or_done)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_pending got;
	struct ct_err err = { 0 };
	int fd, other;

	ck_assert_int_eq(ct_pending_save(fs, &pendings[0], &err), 0);
	ck_assert_msg(ct_pending_claim(fs, &got, &fd, &err) == 0, "%s", err.msg);
	assert_pending(&got, &pendings[0]);
	ck_assert_failed(ct_pending_claim(fs, &got, &other, &err), err, -EBUSY, "another process");
	ck_assert_int_eq(ct_pending_load(fs, &got, &err), 0);
	ct_pending_release(fd);
	ck_assert_int_eq(ct_pending_claim(fs, &got, &fd, &err), 0);
	ck_assert_int_eq(ct_pending_done(fs, fd, &err), 0);
	ck_assert_failed(ct_pending_claim(fs, &got, &other, &err), err, -ENOENT, "nothing waits");
}
END_TEST

START_TEST(a_claimer_who_is_killed_leaves_it_waiting)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_err err = { 0 };
	struct ct_pending got;
	int status, fd, ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(ct_pending_save(fs, &pendings[0], &err), 0);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		c = ct_pending_claim(fs, &got, &fd, NULL) == 0 ? 'y' : 'n';
		(void)!write(ready[1], &c, 1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	ck_assert_int_eq(ct_pending_claim(fs, &got, &fd, &err), -EBUSY);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(ct_pending_claim(fs, &got, &fd, &err) == 0, "%s", err.msg);
	assert_pending(&got, &pendings[0]);
	ct_pending_release(fd);
	(void)close(ready[0]), (void)close(ready[1]);
}
END_TEST

/* 'y' if this process got it, and dealt with it; 'n' if it was gone before; else '?'. */
static char race_once(struct ct_fs *fs, int start)
{
	struct ct_pending got;
	int fd, r;
	char c;

	(void)!read(start, &c, 1);
	do {
		r = ct_pending_claim(fs, &got, &fd, NULL);
	} while (r == -EBUSY);
	if (r == 0)
		return ct_pending_done(fs, fd, NULL) == 0 ? 'y' : '?';
	return r == -ENOENT ? 'n' : '?';
}

/* Killed, because at the end of a process a memory checker would have its say, and its own exit status. */
static void race(struct ct_fs *fs, int start, int result)
{
	char c = race_once(fs, start);

	(void)!write(result, &c, 1);
	(void)raise(SIGKILL);
}

START_TEST(of_many_who_want_it_exactly_one_gets_it)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	int start[2], result[2], got = 0, lost = 0;
	char c;

	ck_assert_int_eq(ct_pending_save(fs, &pendings[0], NULL), 0);
	ck_assert_int_eq(pipe(start), 0);
	ck_assert_int_eq(pipe(result), 0);
	for (int i = 0; i < 12; i++) {
		if (fork() == 0) {
			(void)close(start[1]);
			race(fs, start[0], result[1]);
		}
	}
	(void)close(start[0]), (void)close(start[1]), (void)close(result[1]);
	while (read(result[0], &c, 1) == 1) {
		got += c == 'y';
		lost += c == 'n';
	}
	(void)close(result[0]);
	while (wait(NULL) > 0)
		;
	ck_assert_int_eq(got, 1);
	ck_assert_int_eq(lost, 11);
}
END_TEST

START_TEST(a_link_in_its_place_is_not_followed)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_pending got;
	struct ct_err err = { 0 };
	char path[256];
	int fd;

	put_file(dir, "run/conntune/other", "{}");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_PENDING_PATH);
	ck_assert_int_eq(symlink("other", path), 0);
	fs = open_fs(dir);
	ck_assert_failed(ct_pending_claim(fs, &got, &fd, &err), err, -ELOOP, "pending.json");
}
END_TEST

START_TEST(a_directory_in_its_place_is_an_error)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_pending got;
	struct ct_err err = { 0 };
	int fd;

	put_file(dir, CT_PENDING_PATH "/file", "");
	fs = open_fs(dir);
	ck_assert_failed(ct_pending_claim(fs, &got, &fd, &err), err, -EISDIR, "pending.json");
	ck_assert_failed(ct_pending_save(fs, &pendings[0], &err), err, -EISDIR, "pending.json");
}
END_TEST

START_TEST(a_pipe_in_place_of_either_file_is_an_error)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_pending got;
	struct ct_record rec;
	struct ct_err err = { 0 };
	char path[256];
	int fd;

	put_file(dir, "run/conntune/other", "");
	put_file(dir, "var/lib/conntune/other", "");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_PENDING_PATH);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_RECORD_PATH);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fs = open_fs(dir);
	ck_assert_failed(ct_pending_claim(fs, &got, &fd, &err), err, -EBADMSG, "pending.json");
	ck_assert_failed(ct_pending_load(fs, &got, &err), err, -EBADMSG, "pending.json");
	ck_assert_failed(ct_record_load(fs, &rec, &err), err, -EBADMSG, "first.json");
}
END_TEST

static bool is_readable(int fd, int timeout_msec)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_msec) == 1;
}

START_TEST(watching_shows_it_come_and_go)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_pending got;
	struct ct_err err = { 0 };
	char events[4096];
	int watch, fd;

	ck_assert_msg(ct_pending_watch(fs, &watch, &err) == 0, "%s", err.msg);
	ck_assert(!is_readable(watch, 0));
	ck_assert_int_eq(ct_pending_save(fs, &pendings[0], &err), 0);
	ck_assert(is_readable(watch, 10000));
	ck_assert_int_gt(read(watch, events, sizeof(events)), 0);
	ck_assert_int_eq(ct_pending_claim(fs, &got, &fd, &err), 0);
	ck_assert(!is_readable(watch, 0));
	ck_assert_int_eq(ct_pending_done(fs, fd, &err), 0);
	ck_assert(is_readable(watch, 10000));
	(void)close(watch);
}
END_TEST

START_TEST(what_is_no_directory_can_not_be_watched)
{
	ct_cleanup(close_fs) struct ct_fs *fs = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };
	int watch;

	put_file(dir, "run", "");
	fs = open_fs(dir);
	ck_assert_failed(ct_pending_watch(fs, &watch, &err), err, -ENOTDIR, "run/conntune");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	tcase_add_test(t, nothing_kept_is_not_found);
	tcase_add_test(t, the_first_values_stay_however_often_they_are_offered);
	tcase_add_test(t, no_module_is_kept_as_unknown_values);
	tcase_add_test(t, a_record_is_its_owners_to_write);
	tcase_add_loop_test(t, a_damaged_record_is_named_and_left_alone, 0, (int)ct_array_size(damaged));
	tcase_add_test(t, a_record_larger_than_ours_is_damaged);
	tcase_add_test(t, a_record_that_can_not_be_written_is_an_error);
	tcase_add_test(t, values_that_loading_would_refuse_are_not_kept);
	suite_add_tcase(s, t);

	t = tcase_create("pending");
	tcase_add_loop_test(t, a_pending_apply_comes_back_as_it_was_saved, 0, (int)ct_array_size(pendings));
	tcase_add_loop_test(t, numbers_that_loading_would_refuse_are_not_saved, 0, (int)ct_array_size(unsavable));
	tcase_add_loop_test(t, a_damaged_pending_apply_is_named_and_left_alone, 0, (int)ct_array_size(bad_pendings));
	tcase_add_test(t, a_claim_excludes_others_until_it_is_given_back_or_done);
	tcase_add_test(t, a_claimer_who_is_killed_leaves_it_waiting);
	tcase_add_loop_test(t, of_many_who_want_it_exactly_one_gets_it, 0, 10);
	tcase_add_test(t, a_link_in_its_place_is_not_followed);
	tcase_add_test(t, a_directory_in_its_place_is_an_error);
	tcase_add_test(t, a_pipe_in_place_of_either_file_is_an_error);
	tcase_add_test(t, watching_shows_it_come_and_go);
	tcase_add_test(t, what_is_no_directory_can_not_be_watched);
	suite_add_tcase(s, t);
	return s;
}
