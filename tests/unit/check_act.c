/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts become values of a captured machine, under the lock, recorded first; or nothing at all. */
#include "config.h"
#include "act.h"
#include "check.h"
#include "util.h"

#include <conntune/apply.h>
#include <conntune/record.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NF "proc/sys/net/netfilter/nf_conntrack_"
#define TIMEOUTS "var/lib/conntune/timeouts.json"

static const char *root;
static struct ct_fs *fs;
static struct journal journal;
static struct act doing;
static struct ct_facts facts;
static struct decide_outcome outcome;
static struct ct_err err;

static void look(void)
{
	ck_assert_msg(ct_facts_collect(fs, NULL, &facts, &err) == 0, "%s", err.msg);
}

static void setup(void)
{
	int null = open("/dev/null", O_WRONLY);

	root = sysroot_copy("6.1-module");
	put_file(root, NF "max", "65536\n");
	put_file(root, "proc/sys/net/nf_conntrack_max", "65536\n");
	put_file(root, NF "buckets", "65536\n");
	put_file(root, NF "count", "100\n");
	put_file(root, NF "udp_timeout", "30\n");
	put_file(root, NF "tcp_timeout_syn_sent", "120\n");
	fs = open_fs(root);
	journal_init(&journal, false);
	journal.now_usec = 1;
	act_init(&doing, fs, &journal, TIMEOUTS);
	look();
	act_found(&doing, &facts);
	/* lines are not what is tested here */
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	(void)close(null);
}

static void teardown(void)
{
	fs = ct_fs_free(fs);
}

static void do_it(const struct decide_verdict *verdict)
{
	look();
	act(&doing, &facts, verdict, &outcome);
}

static void ck_values(const char *limit, const char *buckets)
{
	ck_assert_str_eq(get_file(root, NF "max"), limit);
	ck_assert_str_eq(get_file(root, NF "buckets"), buckets);
}

static const struct decide_verdict bigger = { .action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 100000,
					      .buckets = 131072 };

START_TEST(a_verdict_becomes_values)
{
	struct ct_record record;

	do_it(&bigger);
	ck_assert_int_eq(outcome.done, 0);
	ck_values("100000\n", "131072\n");
	ck_assert_uint_eq(outcome.limit.v, 100000);
	ck_assert_uint_eq(outcome.buckets.v, 131072);
	ck_assert_uint_eq(outcome.nodes, 200);
	ck_assert_int_eq(ct_record_load(fs, &record, &err), 0);
	ck_assert_uint_eq(record.limit.v, 65536);
	ck_assert_uint_eq(record.buckets.v, 65536);
}
END_TEST

START_TEST(zero_leaves_a_value_as_it_is)
{
	do_it(&(struct decide_verdict){ .action = DECIDE_SET, .limit = 70000 });
	ck_assert_int_eq(outcome.done, 0);
	ck_values("70000\n", "65536\n");
	ck_assert_uint_eq(outcome.buckets.v, 65536);
}
END_TEST

START_TEST(nothing_is_nothing)
{
	do_it(&(struct decide_verdict){ .action = DECIDE_NOTHING, .limit = 70000 });
	ck_values("65536\n", "65536\n");
	ck_assert_ptr_null(get_file(root, "var/lib/conntune/first.json"));
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
	doing.dry = true;
	do_it(&bigger);
	ck_assert_int_eq(outcome.done, 0);
	ck_assert_uint_eq(outcome.limit.v, 65536);
	ck_assert_uint_eq(outcome.buckets.v, 65536);
	do_it(&(struct decide_verdict){ .action = DECIDE_TIMEOUTS, .scale = 0.5 });
	act_stop(&doing, &facts, true);
	ck_values("65536\n", "65536\n");
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), "30\n");
	ck_assert_ptr_null(get_file(root, "var/lib/conntune/first.json"));
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
	ck_assert_ptr_null(get_file(root, "run/conntune/lock"));
}
END_TEST

START_TEST(the_command_line_at_work_is_waited_for)
{
	int lock = -1;

	ck_assert_int_eq(ct_lock_take(fs, &lock, &err), 0);
	do_it(&bigger);
	ck_assert_int_eq(outcome.done, -EBUSY);
	ck_assert_uint_eq(outcome.limit.v, 65536);
	ck_values("65536\n", "65536\n");
	ct_lock_drop(lock);
	do_it(&bigger);
	ck_assert_int_eq(outcome.done, 0);
}
END_TEST

START_TEST(a_value_that_changed_meanwhile_is_left_alone)
{
	put_file(root, NF "max", "80000\n");
	act(&doing, &facts, &bigger, &outcome);
	ck_assert_int_eq(outcome.done, -ESTALE);
	ck_values("80000\n", "65536\n");
	/* the buckets that were set before that was seen are taken back */
	ck_assert_uint_eq(outcome.buckets.v, 65536);
}
END_TEST

/* Lines from here on, in get_file(root, "log"). */
static void keep_lines(void)
{
	char path[512];
	int fd;

	put_file(root, "log", "");
	(void)snprintf(path, sizeof(path), "%s/log", root);
	fd = open(path, O_WRONLY | O_APPEND);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	(void)close(fd);
}

START_TEST(what_is_taken_back_is_told_with_both_values)
{
	keep_lines();
	put_file(root, NF "max", "80000\n");
	act(&doing, &facts, &bigger, &outcome);
	ck_assert_ptr_nonnull(strstr(get_file(root, "log"), "buckets set from 65536 to 131072"));
	ck_assert_ptr_nonnull(strstr(get_file(root, "log"), "buckets went back from 131072 to 65536"));
	ck_assert_ptr_nonnull(strstr(get_file(root, "log"), "A step failed"));
}
END_TEST

START_TEST(a_limit_below_what_is_in_use_needs_to_be_meant)
{
	put_file(root, NF "count", "60000\n");
	do_it(&(struct decide_verdict){ .action = DECIDE_SET, .limit = 50000 });
	ck_assert_int_eq(outcome.done, -EBUSY);
	ck_values("65536\n", "65536\n");
	do_it(&(struct decide_verdict){ .action = DECIDE_SET, .limit = 50000, .allow_shrink = true });
	ck_assert_int_eq(outcome.done, 0);
	ck_values("50000\n", "65536\n");
}
END_TEST

START_TEST(a_module_is_never_loaded)
{
	facts.presence = CT_PRESENCE_ABSENT;
	act(&doing, &facts, &bigger, &outcome);
	ck_assert_int_eq(outcome.done, -ENOENT);
}
END_TEST

/* A file where the record's directory should be: what can't be recorded isn't changed. */
START_TEST(without_a_record_nothing_is_written)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/var/lib/conntune", root);
	(void)rmdir(path);
	put_file(root, "var/lib/conntune", "in the way");
	do_it(&bigger);
	ck_assert_int_lt(outcome.done, 0);
	ck_values("65536\n", "65536\n");
}
END_TEST

START_TEST(time_outs_shrink_and_a_stop_brings_them_back)
{
	do_it(&(struct decide_verdict){ .action = DECIDE_TIMEOUTS, .scale = 0.5 });
	ck_assert_int_eq(outcome.done, 0);
	ck_assert_uint_eq(outcome.limit.v, 65536);
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), "15\n");
	ck_assert_ptr_nonnull(get_file(root, TIMEOUTS));
	act_stop(&doing, &facts, false);
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), "30\n");
	ck_assert_str_eq(get_file(root, NF "tcp_timeout_syn_sent"), "120\n");
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
}
END_TEST

static const struct decide_verdict half = { .action = DECIDE_TIMEOUTS, .reason = DECIDE_PRESSURE, .scale = 0.5 };

static void ck_timeouts(const char *udp, const char *syn_sent)
{
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), udp);
	ck_assert_str_eq(get_file(root, NF "tcp_timeout_syn_sent"), syn_sent);
}

/* A conntune that is at work until @wait gives it a byte. */
static pid_t fork_busy(int wait[2])
{
	int ready[2], lock = -1;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(wait), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(wait[1]);
		if (ct_lock_take(fs, &lock, NULL) < 0 || write(ready[1], "", 1) != 1 || read(wait[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	return pid;
}

/* It ends its work when it hears that somebody waits. */
START_TEST(a_stop_waits_for_the_command_line)
{
	int wait[2], status = -1;
	pid_t pid;

	do_it(&half);
	do_it(&bigger);
	look();
	pid = fork_busy(wait);
	ck_assert_int_ge(dup2(wait[1], STDERR_FILENO), 0);
	act_stop(&doing, &facts, true);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_timeouts("30\n", "120\n");
	ck_values("65536\n", "65536\n");
}
END_TEST

/* Another act, as after kill -9. */
START_TEST(the_next_start_brings_time_outs_back)
{
	struct act next;

	do_it(&(struct decide_verdict){ .action = DECIDE_TIMEOUTS, .scale = 0.25 });
	act_init(&next, fs, &journal, TIMEOUTS);
	act_recover(&next);
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), "30\n");
	ck_assert_str_eq(get_file(root, NF "tcp_timeout_syn_sent"), "120\n");
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
}
END_TEST

/* Advice may last for ever, and a dry run is over soon. */
START_TEST(after_a_crash_advice_brings_time_outs_back_and_a_dry_run_leaves_them)
{
	struct act next;

	do_it(&half);
	act_init(&next, fs, &journal, NULL);
	act_set_dry(&next, true);
	act_recover(&next);
	act_reloaded(&next);
	ck_timeouts("15\n", "60\n");
	ck_assert_ptr_nonnull(get_file(root, TIMEOUTS));
	act_init(&next, fs, &journal, TIMEOUTS);
	act_set_dry(&next, true);
	act_recover(&next);
	ck_timeouts("30\n", "120\n");
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
}
END_TEST

/* The module's own time-outs are no foreign writes, and ours are gone with it. */
START_TEST(after_a_reload_time_outs_begin_anew)
{
	do_it(&(struct decide_verdict){ .action = DECIDE_TIMEOUTS, .scale = 0.5 });
	put_file(root, NF "udp_timeout", "30\n");
	put_file(root, NF "tcp_timeout_syn_sent", "120\n");
	act_reloaded(&doing);
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
	do_it(&(struct decide_verdict){ .action = DECIDE_TIMEOUTS, .scale = 0.5 });
	ck_assert_int_eq(outcome.done, 0);
	ck_assert_str_eq(get_file(root, NF "udp_timeout"), "15\n");
}
END_TEST

/* The command line holds the lock at the moment when mere advice begins. */
static void advise_in_vain(void)
{
	int lock = -1;

	do_it(&half);
	ck_assert_int_eq(ct_lock_take(fs, &lock, &err), 0);
	act_set_dry(&doing, true);
	ck_timeouts("15\n", "60\n");
	ct_lock_drop(lock);
}

START_TEST(time_outs_that_could_not_go_back_for_advice_go_at_the_stop)
{
	advise_in_vain();
	act_stop(&doing, &facts, false);
	ck_timeouts("30\n", "120\n");
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
}
END_TEST

START_TEST(time_outs_that_could_not_go_back_for_advice_go_later)
{
	advise_in_vain();
	do_it(&half);
	act_recover(&doing);
	ck_timeouts("30\n", "120\n");
	do_it(&half);
	ck_timeouts("30\n", "120\n");
}
END_TEST

/* Decisions count on originals from then on, and don't ask for them. */
START_TEST(a_short_spell_of_advice_forgets_no_time_outs)
{
	advise_in_vain();
	act_set_dry(&doing, false);
	ck_timeouts("30\n", "120\n");
	advise_in_vain();
	doing.dry = false;
	do_it(&half);
	act_recover(&doing);
	ck_timeouts("15\n", "60\n");
}
END_TEST

START_TEST(a_time_out_that_fails_leaves_no_other_short)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/" NF "udp_timeout", root);
	ck_assert_int_eq(chmod(path, 0444), 0);
	do_it(&half);
	ck_assert_int_eq(outcome.done, 0);
	ck_assert_str_ne(journal_last_failure(&journal), "");
	ck_timeouts("30\n", "60\n");
	act_stop(&doing, &facts, false);
	ck_timeouts("30\n", "120\n");
	ck_assert_ptr_null(get_file(root, TIMEOUTS));
}
END_TEST

START_TEST(where_no_time_out_can_be_written_none_is_shorter)
{
	char path[512];

	for (size_t i = 0; ct_timeout_at(i); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, ct_param_get(ct_timeout_at(i)->param)->paths[0].path);
		(void)chmod(path, 0444);
	}
	do_it(&half);
	ck_assert_int_eq(outcome.done, -EROFS);
	ck_timeouts("30\n", "120\n");
}
END_TEST

START_TEST(a_stop_restores_values_only_when_asked)
{
	do_it(&bigger);
	look();
	act_stop(&doing, &facts, false);
	ck_values("100000\n", "131072\n");
	ck_assert_ptr_nonnull(get_file(root, "var/lib/conntune/first.json"));
	act_stop(&doing, &facts, true);
	ck_values("65536\n", "65536\n");
	ck_assert_ptr_null(get_file(root, "var/lib/conntune/first.json"));
}
END_TEST

START_TEST(what_somebody_else_has_set_is_not_restored)
{
	do_it(&bigger);
	put_file(root, NF "max", "300000\n");
	look();
	act_stop(&doing, &facts, true);
	ck_values("300000\n", "65536\n");
	ck_assert_ptr_nonnull(get_file(root, "var/lib/conntune/first.json"));
	do_it(&bigger);
	put_file(root, NF "buckets", "262144\n");
	look();
	act_stop(&doing, &facts, true);
	ck_values("65536\n", "262144\n");
}
END_TEST

/* He set the limit while we were at it: buckets were taken back, and are no less ours than before. */
START_TEST(what_was_taken_back_is_still_restored)
{
	do_it(&bigger);
	look();
	put_file(root, NF "max", "300000\n");
	act(&doing, &facts, &(struct decide_verdict){ .action = DECIDE_SET, .limit = 400000, .buckets = 262144 },
	    &outcome);
	ck_assert_int_eq(outcome.done, -ESTALE);
	ck_values("300000\n", "131072\n");
	look();
	act_stop(&doing, &facts, true);
	ck_values("300000\n", "65536\n");
}
END_TEST

START_TEST(what_was_never_ours_is_not_restored)
{
	do_it(&(struct decide_verdict){ .action = DECIDE_SET, .limit = 70000 });
	put_file(root, NF "buckets", "131072\n");
	look();
	act_stop(&doing, &facts, true);
	ck_values("65536\n", "131072\n");
}
END_TEST

/* first.json of an earlier apply is that one's to revert. */
START_TEST(a_record_of_others_outlives_us)
{
	ck_assert_int_eq(ct_record_first(fs, &facts, &err), 0);
	do_it(&bigger);
	look();
	act_stop(&doing, &facts, true);
	ck_values("65536\n", "65536\n");
	ck_assert_ptr_nonnull(get_file(root, "var/lib/conntune/first.json"));
}
END_TEST

START_TEST(restoring_refuses_nobody)
{
	do_it(&bigger);
	put_file(root, NF "count", "90000\n");
	look();
	act_stop(&doing, &facts, true);
	ck_assert_str_eq(get_file(root, NF "max"), "100000\n");
	ck_assert_ptr_nonnull(get_file(root, "var/lib/conntune/first.json"));
}
END_TEST

START_TEST(an_apply_whose_guard_is_dead_is_taken_back)
{
	const struct ct_pending pending = {
		.old_limit = { true, 65536 }, .new_limit = { true, 90000 }, .deadline_usec = 1, .first = true,
	};

	ck_assert_int_eq(ct_record_first(fs, &facts, &err), 0);
	put_file(root, NF "max", "90000\n");
	ck_assert_int_eq(ct_pending_save(fs, &pending, &err), 0);
	act_settle(&doing);
	ck_values("65536\n", "65536\n");
	ck_assert_ptr_null(get_file(root, "run/conntune/pending.json"));
	ck_assert_ptr_null(get_file(root, "var/lib/conntune/first.json"));
	act_settle(&doing);
}
END_TEST

/* Its file is root's and may stay: taken back once more, it must not take the way back from what came after it. */
START_TEST(an_apply_taken_back_before_leaves_the_record)
{
	const struct ct_pending pending = {
		.old_limit = { true, 65536 }, .new_limit = { true, 90000 }, .deadline_usec = 1, .first = true,
	};

	ck_assert_int_eq(ct_record_first(fs, &facts, &err), 0);
	put_file(root, NF "max", "70000\n");
	ck_assert_int_eq(ct_pending_save(fs, &pending, &err), 0);
	act_settle(&doing);
	ck_assert_str_eq(get_file(root, NF "max"), "70000\n");
	ck_assert_ptr_nonnull(get_file(root, "var/lib/conntune/first.json"));
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("act");
	TCase *tc = tcase_create("act");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_verdict_becomes_values);
	tcase_add_test(tc, zero_leaves_a_value_as_it_is);
	tcase_add_test(tc, nothing_is_nothing);
	tcase_add_test(tc, a_dry_run_writes_nothing);
	tcase_add_test(tc, the_command_line_at_work_is_waited_for);
	tcase_add_test(tc, a_value_that_changed_meanwhile_is_left_alone);
	tcase_add_test(tc, what_is_taken_back_is_told_with_both_values);
	tcase_add_test(tc, a_limit_below_what_is_in_use_needs_to_be_meant);
	tcase_add_test(tc, a_module_is_never_loaded);
	tcase_add_test(tc, without_a_record_nothing_is_written);
	tcase_add_test(tc, time_outs_shrink_and_a_stop_brings_them_back);
	tcase_add_test(tc, a_stop_waits_for_the_command_line);
	tcase_add_test(tc, the_next_start_brings_time_outs_back);
	tcase_add_test(tc, after_a_crash_advice_brings_time_outs_back_and_a_dry_run_leaves_them);
	tcase_add_test(tc, after_a_reload_time_outs_begin_anew);
	tcase_add_test(tc, time_outs_that_could_not_go_back_for_advice_go_at_the_stop);
	tcase_add_test(tc, time_outs_that_could_not_go_back_for_advice_go_later);
	tcase_add_test(tc, a_short_spell_of_advice_forgets_no_time_outs);
	tcase_add_test(tc, a_time_out_that_fails_leaves_no_other_short);
	tcase_add_test(tc, where_no_time_out_can_be_written_none_is_shorter);
	tcase_add_test(tc, a_stop_restores_values_only_when_asked);
	tcase_add_test(tc, what_somebody_else_has_set_is_not_restored);
	tcase_add_test(tc, what_was_taken_back_is_still_restored);
	tcase_add_test(tc, what_was_never_ours_is_not_restored);
	tcase_add_test(tc, a_record_of_others_outlives_us);
	tcase_add_test(tc, restoring_refuses_nobody);
	tcase_add_test(tc, an_apply_whose_guard_is_dead_is_taken_back);
	tcase_add_test(tc, an_apply_taken_back_before_leaves_the_record);
	suite_add_tcase(suite, tc);
	return suite;
}
