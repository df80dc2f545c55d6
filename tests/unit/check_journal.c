/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Never a flood, never silent for good, and one failure said once; which kernel events are ours. */
#include "config.h"
#include "check.h"
#include "journal.h"
#include "uevent.h"
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

static struct journal journal;
static int said[2], kept;

/* Standard error of this test's process is a pipe from here on. */
static void setup(void)
{
	ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
	journal_init(&journal, true);
	journal.now_usec = 1000 * SECOND;
	ck_assert_int_eq(pipe(said), 0);
	kept = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(said[1], STDERR_FILENO), 0);
}

static void teardown(void)
{
	ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
	(void)close(kept);
	(void)close(said[0]);
	(void)close(said[1]);
}

static const char *text(void)
{
	static char all[65536];
	ssize_t n;

	(void)dprintf(said[1], "\n");
	n = read(said[0], all, sizeof(all) - 1);
	all[n > 0 ? n - 1 : 0] = '\0';
	return all;
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *p = text(); (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

START_TEST(a_line_goes_to_standard_error_when_no_journal_is_there)
{
	journal_say(&journal, LOG_INFO, "limit %d", 7);
	ck_assert_str_eq(text(), "conntuned: limit 7\n");
}
END_TEST

START_TEST(a_line_is_one_line_whatever_is_in_it)
{
	journal_say(&journal, LOG_INFO, "%s", "a\nb\033[2Jc");
	ck_assert_str_eq(text(), "conntuned: a?b?[2Jc\n");
}
END_TEST

START_TEST(a_storm_is_cut_and_counted)
{
	for (int i = 0; i < 1000; i++)
		journal_say(&journal, LOG_INFO, "storm");
	ck_assert_uint_eq(lines(), JOURNAL_BURST);
	journal.now_usec += JOURNAL_REFILL_USEC;
	journal_say(&journal, LOG_INFO, "after it");
	ck_assert_str_eq(text(), "conntuned: after it (970 lines before this one were suppressed)\n");
	journal.now_usec += JOURNAL_REFILL_USEC;
	journal_say(&journal, LOG_INFO, "later");
	ck_assert_str_eq(text(), "conntuned: later\n");
}
END_TEST

START_TEST(the_limit_fills_up_again_and_no_further)
{
	struct journal_limit limit = { .started = false };
	uint64_t now = SECOND, suppressed;
	unsigned passed = 0;

	for (int i = 0; i < 100; i++)
		passed += journal_allow(&limit, now, &suppressed);
	ck_assert_uint_eq(passed, JOURNAL_BURST);
	now += 3 * JOURNAL_REFILL_USEC + 1;
	for (int i = 0; i < 100; i++)
		passed += journal_allow(&limit, now, &suppressed);
	ck_assert_uint_eq(passed, JOURNAL_BURST + 3);
	now += 1000000 * SECOND;
	for (int i = 0; i < 100; i++)
		passed += journal_allow(&limit, now, &suppressed);
	ck_assert_uint_eq(passed, 2 * JOURNAL_BURST + 3);
	/* a clock that goes backwards gives nothing, and takes nothing away */
	ck_assert(!journal_allow(&limit, 0, &suppressed));
}
END_TEST

START_TEST(the_same_failure_is_said_once_an_hour)
{
	for (int i = 0; i < 100; i++, journal.now_usec += SECOND)
		journal_fail(&journal, "no way");
	ck_assert_uint_eq(lines(), 1);
	journal_fail(&journal, "another one");
	ck_assert_uint_eq(lines(), 1);
	journal_fail(&journal, "no way");
	for (int i = 0; i < 4000; i++, journal.now_usec += SECOND)
		journal_fail(&journal, "no way");
	ck_assert_ptr_nonnull(strstr(text(), "no way (3600 times more in the last hour)"));
}
END_TEST

START_TEST(failures_that_take_turns_are_said_once_each)
{
	char message[32];

	for (int i = 0; i < 100; i++, journal.now_usec += SECOND) {
		(void)snprintf(message, sizeof(message), "fault %d", i % JOURNAL_FAILURES);
		journal_fail(&journal, message);
		ck_assert_str_eq(journal_last_failure(&journal), message);
	}
	ck_assert_uint_eq(lines(), JOURNAL_FAILURES);
	/* one more than is remembered, and the one said longest ago is forgotten */
	journal_fail(&journal, "another one");
	journal_fail(&journal, "fault 1");
	ck_assert_uint_eq(lines(), 1);
}
END_TEST

START_TEST(a_failure_that_was_over_is_said_again)
{
	journal_fail(&journal, "no way");
	journal_fine(&journal);
	journal_fail(&journal, "no way");
	ck_assert_uint_eq(lines(), 2);
}
END_TEST

static const struct { const char *text; size_t n; enum uevent want; bool passes; } events[] = {
	{ "add@/module/nf_conntrack", 25, UEVENT_ADDED, true },
	{ "add@/module/nf_conntrack\0ACTION=add\0DEVPATH=/module/nf_conntrack", 64, UEVENT_ADDED, true },
	{ "remove@/module/nf_conntrack\0ACTION=remove", 41, UEVENT_REMOVED, true },
	{ "add@/module/nf_conntrack_netlink", 33, UEVENT_NETLINK, true },
	{ "remove@/module/nf_conntrack_netlink", 36, UEVENT_NETLINK, true },
	{ "add@/module/nf_conntrack_ftp", 29, UEVENT_OTHER, true },
	{ "add@/module/nf_conn", 20, UEVENT_OTHER, true },
	{ "add@/module/nf_tables", 22, UEVENT_OTHER, false },
	{ "remove@/module/veth", 20, UEVENT_OTHER, false },
	{ "add@/devices/virtual/net/veth0", 31, UEVENT_OTHER, false },
	{ "change@/devices/nf_conntrack", 29, UEVENT_OTHER, false },
	{ "add@/module/", 12, UEVENT_OTHER, false },
	{ "add@", 4, UEVENT_OTHER, false },
	{ "libudev\0", 8, UEVENT_OTHER, false },
	{ "a", 1, UEVENT_OTHER, false },
};

START_TEST(only_the_module_is_ours)
{
	ck_assert_int_eq(uevent_parse(events[_i].text, events[_i].n), events[_i].want);
}
END_TEST

/* The filter as the kernel runs it, on another kind of socket. */
START_TEST(other_devices_wake_nobody)
{
	char got[128];
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
	ck_assert_int_eq(uevent_filter(fd[0]), 0);
	(void)send(fd[1], events[_i].text, events[_i].n, 0);
	ck_assert_int_eq(recv(fd[0], got, sizeof(got), 0) > 0, events[_i].passes);
	(void)close(fd[0]);
	(void)close(fd[1]);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("journal");
	TCase *tc = tcase_create("journal"), *kernel = tcase_create("uevent");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_line_goes_to_standard_error_when_no_journal_is_there);
	tcase_add_test(tc, a_line_is_one_line_whatever_is_in_it);
	tcase_add_test(tc, a_storm_is_cut_and_counted);
	tcase_add_test(tc, the_limit_fills_up_again_and_no_further);
	tcase_add_test(tc, the_same_failure_is_said_once_an_hour);
	tcase_add_test(tc, failures_that_take_turns_are_said_once_each);
	tcase_add_test(tc, a_failure_that_was_over_is_said_again);
	tcase_add_loop_test(kernel, only_the_module_is_ours, 0, (int)ct_array_size(events));
	tcase_add_loop_test(kernel, other_devices_wake_nobody, 0, (int)ct_array_size(events));
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, kernel);
	return suite;
}
