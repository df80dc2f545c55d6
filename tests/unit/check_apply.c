/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All steps or none, read back; what others wrote stays theirs; one writer at a time. */
#include "config.h"
#include "apply_internal.h"
#include "check.h"
#include "fs.h"
#include "module.h"
#include "util.h"
#include <conntune/apply.h>

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT "proc/sys/net/netfilter/nf_conntrack_max"
#define BUCKETS "proc/sys/net/netfilter/nf_conntrack_buckets"
#define HASHSIZE "sys/module/nf_conntrack/parameters/hashsize"

#define KNOWN(n) { .known = true, .v = (n) }
#define SET_BUCKETS(from, to) { .kind = CT_STEP_SET_BUCKETS, .param = CT_PARAM_BUCKETS, .path = BUCKETS, \
		.old = KNOWN(from), .value = (to) }
#define SET_LIMIT(from, to) { .kind = CT_STEP_SET_LIMIT, .param = CT_PARAM_LIMIT, .path = LIMIT, \
		.old = KNOWN(from), .value = (to) }

static const char *new_tree(const char *limit, const char *buckets)
{
	const char *dir = scratch_dir();

	put_file(dir, LIMIT, limit);
	put_file(dir, BUCKETS, buckets);
	return dir;
}

/* What was told of each step, and something to do when one was told. */
struct story {
	char text[512];
	const char *dir;
	void (*meanwhile)(struct story *story, enum ct_step_result result);
};

static void on_step(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct story *story = userdata;
	size_t n = strlen(story->text);

	(void)snprintf(story->text + n, sizeof(story->text) - n, "%s%s %s %" PRIu64, n ? ", " : "",
		       ct_step_kind_name(step->kind), ct_step_result_name(result), got);
	if (story->meanwhile)
		story->meanwhile(story, result);
}

static int run(struct ct_fs *fs, const struct ct_plan *plan, struct story *story, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_step, .userdata = story };

	return ct_apply_plan(fs, plan, &options, err);
}

static void assert_values(const char *dir, const char *limit, const char *buckets)
{
	ck_assert_str_eq(get_file(dir, LIMIT), limit);
	ck_assert_str_eq(get_file(dir, BUCKETS), buckets);
}

static const struct ct_plan growing = {
	.step = { SET_BUCKETS(65536, 262144), SET_LIMIT(65536, 262144) },
	.step_count = 2,
};

START_TEST(each_step_is_written_and_read_back)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };

	ck_assert_msg(run(fs, &growing, &story, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(story.text, "set-buckets done 262144, set-limit done 262144");
	assert_values(dir, "262144\n", "262144\n");
}
END_TEST

START_TEST(nobody_has_to_listen)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	const struct ct_apply_options options = { .dry_run = false };

	ck_assert_int_eq(ct_apply_plan(fs, &growing, &options, NULL), 0);
	assert_values(dir, "262144\n", "262144\n");
}
END_TEST

START_TEST(an_empty_plan_does_nothing)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	const struct ct_plan plan = { .step_count = 0 };
	struct story story = { .text = "" };

	ck_assert_int_eq(run(fs, &plan, &story, NULL), 0);
	ck_assert_str_eq(story.text, "");
}
END_TEST

START_TEST(a_dry_run_checks_and_writes_nothing)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	const struct ct_apply_options options = { .dry_run = true, .on_step = on_step, .userdata = &story };
	struct ct_err err = { 0 };

	ck_assert_msg(ct_apply_plan(fs, &growing, &options, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(story.text, "set-buckets would 65536, set-limit would 65536");
	assert_values(dir, "65536\n", "65536\n");
	put_file(dir, LIMIT, "70000\n");
	ck_assert_failed(ct_apply_plan(fs, &growing, &options, &err), err, -ESTALE, "70000");
}
END_TEST

START_TEST(a_dry_run_of_loading_has_nothing_to_look_at)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct story story = { .text = "" };
	const struct ct_apply_options options = { .dry_run = true, .on_step = on_step, .userdata = &story };
	const struct ct_plan plan = {
		.step = { { .kind = CT_STEP_LOAD_MODULE, .param = CT_PARAM_BUCKETS, .value = 65536 },
			  { .kind = CT_STEP_SET_LIMIT, .param = CT_PARAM_LIMIT, .path = LIMIT, .value = 65536 } },
		.step_count = 2,
	};

	ck_assert_int_eq(ct_apply_plan(fs, &plan, &options, NULL), 0);
	ck_assert_str_eq(story.text, "load-module would 0, set-limit would 0");
}
END_TEST

/* The second of two steps meets something; the first must be gone again. */
static const struct {
	const char *limit;
	int rc;
	const char *word;
} second_steps[] = {
	{ "70000\n", -ESTALE, "holds 70000 and no longer 65536" },
	{ "", -EBADMSG, LIMIT },
	{ "many\n", -EBADMSG, "many" },
	{ NULL, -ENOENT, LIMIT },
};

START_TEST(when_a_later_step_fails_earlier_ones_are_undone)
{
	const char *dir = scratch_dir();
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };

	put_file(dir, BUCKETS, "65536\n");
	if (second_steps[_i].limit)
		put_file(dir, LIMIT, second_steps[_i].limit);
	ck_assert_failed(run(fs, &growing, &story, &err), err, second_steps[_i].rc, second_steps[_i].word);
	ck_assert_msg(strstr(story.text, "set-buckets done 262144, set-limit failed ") != NULL, "%s", story.text);
	ck_assert_msg(strstr(story.text, ", set-buckets undone 65536") != NULL, "%s", story.text);
	ck_assert_str_eq(get_file(dir, BUCKETS), "65536\n");
	if (second_steps[_i].limit)
		ck_assert_str_eq(get_file(dir, LIMIT), second_steps[_i].limit);
}
END_TEST

START_TEST(a_first_step_that_fails_touches_nothing)
{
	const char *dir = new_tree("65536\n", "32768\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };

	ck_assert_failed(run(fs, &growing, &story, &err), err, -ESTALE, "32768");
	ck_assert_str_eq(story.text, "set-buckets failed 32768");
	assert_values(dir, "65536\n", "32768\n");
}
END_TEST

/* After the first step somebody else changes both values. */
static void foreign_writes(struct story *story, enum ct_step_result result)
{
	if (result != CT_STEP_DONE)
		return;
	put_file(story->dir, BUCKETS, "131072\n");
	put_file(story->dir, LIMIT, "131072\n");
}

START_TEST(what_others_wrote_meanwhile_is_not_undone)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir, .meanwhile = foreign_writes };
	struct ct_err err = { 0 };

	ck_assert_failed(run(fs, &growing, &story, &err), err, -ESTALE, "131072");
	ck_assert_str_eq(story.text, "set-buckets done 262144, set-limit failed 131072");
	assert_values(dir, "131072\n", "131072\n");
}
END_TEST

/* The module is unloaded under us: files go away. */
static void files_vanish(struct story *story, enum ct_step_result result)
{
	char path[256];

	(void)result;
	(void)snprintf(path, sizeof(path), "%s/%s", story->dir, BUCKETS);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/%s", story->dir, LIMIT);
	(void)unlink(path);
}

START_TEST(an_undo_that_fails_is_said_too)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir, .meanwhile = files_vanish };
	struct ct_err err = { 0 };

	ck_assert_failed(run(fs, &growing, &story, &err), err, -ENOENT, "and undoing failed");
	ck_assert_ptr_nonnull(strstr(err.msg, "nf_conntrack_max"));
	ck_assert_ptr_nonnull(strstr(err.msg, "nf_conntrack_buckets"));
}
END_TEST

static void space_again(struct story *story, enum ct_step_result result)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	(void)story, (void)result;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that is full after so many bytes. */
static const struct {
	rlim_t bytes;
	int rc;
	const char *story;
} full_disks[] = {
	{ 0, -EFBIG, "set-buckets failed 65536" },
	{ 3, -EFBIG, "set-buckets failed 65536" },
};

START_TEST(a_write_that_fails_leaves_the_old_value)
{
	const char *dir = new_tree("65536\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir, .meanwhile = space_again };
	struct ct_err err = { 0 };
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full_disks[_i].bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_failed(run(fs, &growing, &story, &err), err, full_disks[_i].rc, "262144");
	ck_assert_str_eq(story.text, full_disks[_i].story);
	assert_values(dir, "65536\n", "65536\n");
}
END_TEST

/* A limit below 0, as some kernels let it be, is no limit; it is put back as the 0 that all of them take. */
START_TEST(a_negative_limit_is_no_limit)
{
	const char *dir = new_tree("-1\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	const struct ct_plan plan = { .step = { SET_LIMIT(0, 65536), SET_BUCKETS(1024, 2048) }, .step_count = 2 };
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };

	ck_assert_failed(run(fs, &plan, &story, &err), err, -ESTALE, "65536 and no longer 1024");
	ck_assert_str_eq(story.text, "set-limit done 65536, set-buckets failed 65536, set-limit undone 0");
	assert_values(dir, "0\n", "65536\n");
}
END_TEST

START_TEST(after_a_load_any_old_limit_will_do)
{
	const char *dir = new_tree("524288\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct ct_plan plan = { .step = { SET_LIMIT(0, 65536) }, .step_count = 1 };
	struct story story = { .dir = dir };

	plan.step[0].old.known = false;
	ck_assert_int_eq(run(fs, &plan, &story, NULL), 0);
	ck_assert_int_eq(run(fs, &plan, &story, NULL), 0);
	ck_assert_str_eq(story.text, "set-limit done 65536, set-limit done 65536");
	assert_values(dir, "65536\n", "65536\n");
}
END_TEST

/* A file of this process that doesn't keep what is written, like a kernel that rounds: from 0 it makes its default. */
#define SLACK "proc/self/timerslack_ns"

/* The default; after that 1 ns more is set. */
static uint64_t set_slack(void)
{
	int slack;

	ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, 0), 0);
	slack = prctl(PR_GET_TIMERSLACK);
	ck_assert_int_gt(slack, 0);
	ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, slack + 1), 0);
	return (uint64_t)slack;
}

START_TEST(buckets_may_come_back_rounded_up)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs("/");
	struct ct_plan plan = { .step = { SET_BUCKETS(set_slack() + 1, 0) }, .step_count = 1 };
	struct story story = { .text = "" };
	struct ct_err err = { 0 };
	char want[64];

	plan.step[0].path = SLACK;
	ck_assert_msg(run(fs, &plan, &story, &err) == 0, "%s", err.msg);
	(void)snprintf(want, sizeof(want), "set-buckets done %" PRIu64, plan.step[0].old.v - 1);
	ck_assert_str_eq(story.text, want);
}
END_TEST

START_TEST(a_limit_must_come_back_as_it_was_written)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs("/");
	struct ct_plan plan = { .step = { SET_LIMIT(set_slack() + 1, 0) }, .step_count = 1 };
	struct story story = { .text = "" };
	struct ct_err err = { 0 };
	char want[96];
	uint64_t old = plan.step[0].old.v;

	plan.step[0].path = SLACK;
	ck_assert_failed(run(fs, &plan, &story, &err), err, -EIO, "was written as 0 but reads");
	(void)snprintf(want, sizeof(want), "set-limit failed %" PRIu64 ", set-limit undone %" PRIu64, old - 1, old);
	ck_assert_str_eq(story.text, want);
	ck_assert_int_eq(prctl(PR_GET_TIMERSLACK), (int)old);
}
END_TEST

START_TEST(what_the_kernel_refuses_changes_nothing)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs("/");
	struct ct_plan plan = { .step = { SET_LIMIT(0, 5000) }, .step_count = 1 };
	struct story story = { .text = "" };
	struct ct_err err = { 0 };

	plan.step[0].old.known = false;
	plan.step[0].path = "proc/self/oom_score_adj";
	ck_assert_failed(run(fs, &plan, &story, &err), err, -EINVAL, "write 5000 to");
	ck_assert_ptr_null(strstr(story.text, "undone"));
}
END_TEST

START_TEST(below_a_tree_no_module_is_loaded)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	const struct ct_plan plan = {
		.step = { { .kind = CT_STEP_LOAD_MODULE, .param = CT_PARAM_BUCKETS, .value = 65536 } },
		.step_count = 1,
	};
	struct story story = { .text = "" };
	struct ct_err err = { 0 };

	ck_assert_failed(run(fs, &plan, &story, &err), err, -EOPNOTSUPP, "isn't this machine");
	ck_assert_str_eq(story.text, "load-module failed 0");
}
END_TEST

START_TEST(a_module_that_is_not_there_is_an_error)
{
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };

#ifdef HAVE_KMOD
	ck_assert_failed(ct_module_probe(dir, "conntune_no_such_module", 512, &err), err, -ENOENT, "hashsize=512");
#else
	ck_assert_failed(ct_module_probe(dir, "conntune_no_such_module", 512, &err), err, -EOPNOTSUPP, "hashsize=512");
#endif
}
END_TEST

START_TEST(a_loaded_module_with_the_right_buckets_is_left_alone)
{
	const char *dir = new_tree("524288\n", "65536\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	uint64_t got = 0;

	ck_assert_int_eq(ct_apply_loaded(fs, 65536, &got, NULL), 0);
	ck_assert_uint_eq(got, 65536);
	ck_assert_int_eq(ct_apply_loaded(fs, 65530, &got, NULL), 0);
	assert_values(dir, "524288\n", "65536\n");
}
END_TEST

static const char *const won_elsewhere[] = { "1024\n", "65535\n", "327680\n", "1048576\n" };

START_TEST(buckets_that_a_line_elsewhere_won_are_set_after_loading)
{
	const char *dir = new_tree("8192\n", won_elsewhere[_i]);
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	uint64_t got = 0;

	ck_assert_int_eq(ct_apply_loaded(fs, 65536, &got, NULL), 0);
	ck_assert_uint_eq(got, 65536);
	assert_values(dir, "8192\n", "65536\n");
}
END_TEST

START_TEST(before_4_8_they_are_set_by_the_module_parameter)
{
	const char *dir = new_tree("8192\n", "1024\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	char path[256];
	uint64_t got = 0;

	put_file(dir, HASHSIZE, "1024\n");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, BUCKETS);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(ct_apply_loaded(fs, 65536, &got, NULL), 0);
	ck_assert_str_eq(get_file(dir, HASHSIZE), "65536\n");
	assert_values(dir, "8192\n", "1024\n");
}
END_TEST

START_TEST(buckets_that_stay_wrong_after_loading_are_an_error)
{
	const char *dir = new_tree("8192\n", "1024\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct ct_err err = { 0 };
	uint64_t got = 0;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, BUCKETS);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_failed(ct_apply_loaded(fs, 65536, &got, &err), err, -EIO, "1024 buckets instead of 65536");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_failed(ct_apply_loaded(fs, 65536, &got, &err), err, -ENOENT, "nf_conntrack_buckets");
}
END_TEST

static int undo(struct ct_fs *fs, const struct ct_pending *pending, struct story *story, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_step, .userdata = story };

	return ct_apply_undo(fs, pending, &options, err);
}

static const struct {
	struct ct_pending pending;
	const char *limit, *buckets;
	const char *limit_after, *buckets_after;
	const char *story;
} undos[] = {
	/* what grew shrinks: limit first */
	{ { .old_limit = KNOWN(65536), .old_buckets = KNOWN(16384), .new_limit = KNOWN(262144),
	  .new_buckets = KNOWN(262144) },
	  "262144\n", "262144\n", "65536\n", "16384\n", "set-limit undone 65536, set-buckets undone 16384" },
	/* what shrank grows: buckets first */
	{ { .old_limit = KNOWN(262144), .old_buckets = KNOWN(262144), .new_limit = KNOWN(65536),
	  .new_buckets = KNOWN(16384) },
	  "65536\n", "16384\n", "262144\n", "262144\n", "set-buckets undone 262144, set-limit undone 262144" },
	{ { .old_limit = KNOWN(0), .old_buckets = KNOWN(16384), .new_limit = KNOWN(65536),
	  .new_buckets = KNOWN(65536) },
	  "65536\n", "65536\n", "0\n", "16384\n", "set-buckets undone 16384, set-limit undone 0" },
	/* killed between the two steps */
	{ { .old_limit = KNOWN(65536), .old_buckets = KNOWN(16384), .new_limit = KNOWN(262144),
	  .new_buckets = KNOWN(262144) },
	  "65536\n", "262144\n", "65536\n", "16384\n", "set-limit done 65536, set-buckets undone 16384" },
	/* somebody else set the limit since */
	{ { .old_limit = KNOWN(65536), .old_buckets = KNOWN(16384), .new_limit = KNOWN(262144),
	  .new_buckets = KNOWN(262144) },
	  "99999\n", "262144\n", "99999\n", "16384\n", "set-limit done 99999, set-buckets undone 16384" },
	/* one value only */
	{ { .old_limit = KNOWN(65536), .new_limit = KNOWN(262144) },
	  "262144\n", "262144\n", "65536\n", "262144\n", "set-limit undone 65536" },
	/* the module was loaded: there is nothing to go back to */
	{ { .new_limit = KNOWN(262144), .new_buckets = KNOWN(262144) }, "262144\n", "262144\n", "262144\n",
	  "262144\n", "" },
	/* the kernel rounded */
	{ { .old_buckets = KNOWN(16384), .new_buckets = KNOWN(70000) },
	  "262144\n", "70144\n", "262144\n", "16384\n", "set-buckets undone 16384" },
};

START_TEST(undoing_puts_back_what_is_still_ours)
{
	const char *dir = new_tree(undos[_i].limit, undos[_i].buckets);
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };

	ck_assert_msg(undo(fs, &undos[_i].pending, &story, &err) == 0, "%s", err.msg);
	assert_values(dir, undos[_i].limit_after, undos[_i].buckets_after);
	ck_assert_str_eq(story.text, undos[_i].story);
}
END_TEST

START_TEST(undoing_finds_the_file_that_was_written)
{
	const char *dir = new_tree("65536\n", "16384\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	const struct ct_pending pending = { .old_buckets = KNOWN(16384), .new_buckets = KNOWN(65536) };
	struct story story = { .dir = dir };

	put_file(dir, HASHSIZE, "65536\n");
	ck_assert_int_eq(undo(fs, &pending, &story, NULL), 0);
	ck_assert_str_eq(get_file(dir, HASHSIZE), "16384\n");
}
END_TEST

START_TEST(undoing_one_value_does_not_need_the_other)
{
	const char *dir = new_tree("", "262144\n");
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct story story = { .dir = dir };
	struct ct_err err = { 0 };
	char path[256];

	ck_assert_failed(undo(fs, &undos[0].pending, &story, &err), err, -ENOENT, "nf_conntrack_max");
	ck_assert_str_eq(story.text, "set-limit failed 0, set-buckets undone 16384");
	assert_values(dir, "", "16384\n");

	put_file(dir, LIMIT, "262144\n");
	put_file(dir, BUCKETS, "262144\n");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, BUCKETS);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_failed(undo(fs, &undos[0].pending, &story, &err), err, -EROFS,
			"nf_conntrack_buckets can't be put back to 16384");
	assert_values(dir, "65536\n", "262144\n");
	/* with both in the way the first one is told */
	put_file(dir, LIMIT, "262144\n");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, LIMIT);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_failed(undo(fs, &undos[0].pending, &story, &err), err, -EROFS, "nf_conntrack_max");
	ck_assert_failed(undo(fs, &(struct ct_pending){ .old_limit = KNOWN(0), .old_buckets = KNOWN(1),
			.new_limit = KNOWN(262144), .new_buckets = KNOWN(262144) }, &story, &err), err, -EROFS,
			"nf_conntrack_buckets");
}
END_TEST

START_TEST(two_writers_exclude_each_other)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_err err = { 0 };
	int one, two;

	ck_assert_msg(ct_lock_take(fs, &one, &err) == 0, "%s", err.msg);
	ck_assert_failed(ct_lock_take(fs, &two, &err), err, -EBUSY, "run/conntune/lock");
	ct_lock_drop(one);
	ck_assert_int_eq(ct_lock_take(fs, &two, &err), 0);
	ct_lock_drop(two);
	ct_lock_drop(-1);
}
END_TEST

START_TEST(the_lock_ends_with_its_process)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());
	struct ct_err err = { 0 };
	int status, fd, ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		c = ct_lock_take(fs, &fd, NULL) == 0 ? 'y' : 'n';
		(void)!write(ready[1], &c, 1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	ck_assert_int_eq(ct_lock_take(fs, &fd, &err), -EBUSY);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(ct_lock_take(fs, &fd, &err) == 0, "%s", err.msg);
	ct_lock_drop(fd);
	(void)close(ready[0]), (void)close(ready[1]);
}
END_TEST

START_TEST(a_lock_that_can_not_be_made_is_an_error)
{
	const char *in_file = scratch_dir(), *in_dir = scratch_dir();
	ct_cleanup(close_fs) struct ct_fs *a = open_fs(in_file), *b = open_fs(in_dir);
	struct ct_err err = { 0 };
	int fd;

	put_file(in_file, "run/conntune", "");
	put_file(in_dir, "run/conntune/lock/file", "");
	ck_assert_failed(ct_lock_take(a, &fd, &err), err, -ENOTDIR, "run/conntune/lock");
	ck_assert_failed(ct_lock_take(b, &fd, &err), err, -EISDIR, "run/conntune/lock");
}
END_TEST

START_TEST(results_have_names)
{
	ck_assert_str_eq(ct_step_result_name(CT_STEP_DONE), "done");
	ck_assert_str_eq(ct_step_result_name(CT_STEP_WOULD), "would");
	ck_assert_str_eq(ct_step_result_name(CT_STEP_FAILED), "failed");
	ck_assert_str_eq(ct_step_result_name(CT_STEP_UNDONE), "undone");
	ck_assert_str_eq(ct_step_result_name((enum ct_step_result)99), "unknown");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("apply");
	TCase *t = tcase_create("plan");

	tcase_add_test(t, each_step_is_written_and_read_back);
	tcase_add_test(t, nobody_has_to_listen);
	tcase_add_test(t, an_empty_plan_does_nothing);
	tcase_add_test(t, a_dry_run_checks_and_writes_nothing);
	tcase_add_test(t, a_dry_run_of_loading_has_nothing_to_look_at);
	tcase_add_loop_test(t, when_a_later_step_fails_earlier_ones_are_undone, 0, (int)ct_array_size(second_steps));
	tcase_add_test(t, a_first_step_that_fails_touches_nothing);
	tcase_add_test(t, what_others_wrote_meanwhile_is_not_undone);
	tcase_add_test(t, an_undo_that_fails_is_said_too);
	tcase_add_loop_test(t, a_write_that_fails_leaves_the_old_value, 0, (int)ct_array_size(full_disks));
	tcase_add_test(t, a_negative_limit_is_no_limit);
	tcase_add_test(t, buckets_may_come_back_rounded_up);
	tcase_add_test(t, a_limit_must_come_back_as_it_was_written);
	tcase_add_test(t, what_the_kernel_refuses_changes_nothing);
	tcase_add_test(t, results_have_names);
	suite_add_tcase(s, t);

	t = tcase_create("module");
	tcase_add_test(t, after_a_load_any_old_limit_will_do);
	tcase_add_test(t, below_a_tree_no_module_is_loaded);
	tcase_add_test(t, a_module_that_is_not_there_is_an_error);
	tcase_add_test(t, a_loaded_module_with_the_right_buckets_is_left_alone);
	tcase_add_loop_test(t, buckets_that_a_line_elsewhere_won_are_set_after_loading, 0,
			    (int)ct_array_size(won_elsewhere));
	tcase_add_test(t, before_4_8_they_are_set_by_the_module_parameter);
	tcase_add_test(t, buckets_that_stay_wrong_after_loading_are_an_error);
	suite_add_tcase(s, t);

	t = tcase_create("undo");
	tcase_add_loop_test(t, undoing_puts_back_what_is_still_ours, 0, (int)ct_array_size(undos));
	tcase_add_test(t, undoing_finds_the_file_that_was_written);
	tcase_add_test(t, undoing_one_value_does_not_need_the_other);
	suite_add_tcase(s, t);

	t = tcase_create("lock");
	tcase_add_test(t, two_writers_exclude_each_other);
	tcase_add_test(t, the_lock_ends_with_its_process);
	tcase_add_test(t, a_lock_that_can_not_be_made_is_an_error);
	suite_add_tcase(s, t);
	return s;
}
