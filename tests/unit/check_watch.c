/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --watch draws, and when it ends. */
#include "config.h"
#include "check.h"
#include "cli.h"
#include "watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct watch watch;
static struct ct_err err;

static void setup(void)
{
	watch = (struct watch){ .fine = false };
}

START_TEST(spark_goes_from_nothing_to_the_highest)
{
	char text[3 * WATCH_HISTORY + 1];

	watch_spark(&watch, text, 10);
	ck_assert_str_eq(text, "");
	for (uint64_t v = 0; v <= 7; v++)
		watch_add(&watch, 100 * v);
	watch_spark(&watch, text, 10);
	ck_assert_str_eq(text, "_.-:=+*#");
	watch_spark(&watch, text, 3);
	ck_assert_str_eq(text, "+*#");
	watch.fine = true;
	watch_spark(&watch, text, 2);
	ck_assert_str_eq(text, "\u2587\u2588");
}
END_TEST

START_TEST(spark_of_nothing_is_flat)
{
	char text[3 * WATCH_HISTORY + 1];

	watch_add(&watch, 0);
	watch_add(&watch, 0);
	watch_spark(&watch, text, 10);
	ck_assert_str_eq(text, "__");
	watch_add(&watch, UINT64_MAX);
	watch_spark(&watch, text, 10);
	ck_assert_str_eq(text, "__#");
}
END_TEST

START_TEST(history_keeps_the_last)
{
	for (uint64_t v = 0; v < 3 * WATCH_HISTORY; v++)
		watch_add(&watch, v);
	ck_assert_uint_eq(watch.count, WATCH_HISTORY);
	ck_assert_uint_eq(watch.history[0], 2 * WATCH_HISTORY);
	ck_assert_uint_eq(watch.history[WATCH_HISTORY - 1], 3 * WATCH_HISTORY - 1);
}
END_TEST

static const struct {
	const char *text;
	size_t columns, bytes;
} cuts[] = {
	{ "", 10, 0 }, { "\n", 10, 0 }, { "abc", 10, 3 }, { "abc\ndef", 10, 3 }, { "abc", 3, 3 }, { "abcd", 3, 3 },
	{ "abc", 0, 0 }, { "\u2581\u2582\u2583x", 3, 9 }, { "\u2581\u2582", 1, 3 },
};

START_TEST(line_is_cut_between_characters)
{
	ck_assert_uint_eq(watch_cut(cuts[_i].text, cuts[_i].columns), cuts[_i].bytes);
}
END_TEST

START_TEST(screen_is_drawn_over_without_clearing_it_first)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	/* no terminal: 24 rows of 80 columns are assumed */
	ck_assert_int_eq(watch_draw("one\n\ntwo", f, &err), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_str_eq(text, "\033[Hone\033[K\n\033[K\ntwo\033[K\n\033[J");
	free(text);
}
END_TEST

START_TEST(screen_holds_one_row_less_than_it_has)
{
	char many[100], *text = NULL, *p;
	size_t n, rows = 0;
	FILE *f = open_memstream(&text, &n);

	memset(many, '\n', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	ck_assert_int_eq(watch_draw(many, f, &err), 0);
	ck_assert_int_eq(fclose(f), 0);
	for (p = text; (p = strchr(p, '\n')); p++)
		rows++;
	ck_assert_uint_eq(rows, 23);
	free(text);
}
END_TEST

START_TEST(screen_that_is_gone_is_an_error)
{
	FILE *f = fopen("/dev/full", "we");

	if (!f)
		return;
	ck_assert_failed(watch_draw("x", f, &err), err, -ENOSPC, "can't be written");
	(void)fclose(f);
}
END_TEST

START_TEST(signal_ends_it_and_time_does_not)
{
	sigset_t before, after;

	(void)sigprocmask(SIG_BLOCK, NULL, &before);
	watch_begin(&watch, 1, false);
	ck_assert(watch_wait(&watch));
	ck_assert_int_eq(raise(SIGINT), 0);
	ck_assert(!watch_wait(&watch));
	ck_assert(watch.stopped);
	watch_end(&watch);
	(void)sigprocmask(SIG_BLOCK, NULL, &after);
	ck_assert_int_eq(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
}
END_TEST

START_TEST(looks_that_were_missed_are_not_made_up_for)
{
	struct timespec now;

	watch_begin(&watch, 1, false);
	watch.next.tv_sec -= 1000;
	ck_assert(watch_wait(&watch));
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ck_assert_int_le(now.tv_sec - watch.next.tv_sec, 10);
	watch_end(&watch);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, spark_goes_from_nothing_to_the_highest);
	tcase_add_test(tc, spark_of_nothing_is_flat);
	tcase_add_test(tc, history_keeps_the_last);
	tcase_add_loop_test(tc, line_is_cut_between_characters, 0, (int)cli_array_size(cuts));
	tcase_add_test(tc, screen_is_drawn_over_without_clearing_it_first);
	tcase_add_test(tc, screen_holds_one_row_less_than_it_has);
	tcase_add_test(tc, screen_that_is_gone_is_an_error);
	tcase_add_test(tc, signal_ends_it_and_time_does_not);
	tcase_add_test(tc, looks_that_were_missed_are_not_made_up_for);
	suite_add_tcase(suite, tc);
	return suite;
}
