/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntune-observe.service has left: as conntune writes it, and damaged in every way. */
#include "config.h"
#include "check.h"
#include "observed.h"

#include <stdio.h>
#include <string.h>

static struct view_observed observed;

static void set_up(void)
{
	(void)memset(&observed, 0, sizeof(observed));
}

START_TEST(chains_are_read)
{
	const char *text =
		"{\"buckets\":10,\"nodes\":12,\"exact\":{\"longest\":2,\"histogram\":[3,2,5]},\"fit\":{\"p\":1}}";

	ck_assert(observed_chains(&observed, text, strlen(text)));
	ck_assert(observed.chains_known);
	ck_assert_uint_eq(observed.lengths, 3);
	ck_assert_uint_eq(observed.chains_nodes, 12);
	ck_assert_uint_eq(observed.buckets_of[0], 3);
	ck_assert_uint_eq(observed.buckets_of[2], 5);
	ck_assert_uint_eq(observed.buckets_of[3], 0);
}
END_TEST

START_TEST(long_chains_are_counted_with_the_last)
{
	char text[2000] = "{\"nodes\":1,\"exact\":{\"histogram\":[1";

	for (int i = 1; i < 300; i++)
		(void)strcat(text, ",1");
	(void)strcat(text, "]}}");
	ck_assert(observed_chains(&observed, text, strlen(text)));
	ck_assert_uint_eq(observed.lengths, VIEW_CHAINS);
	ck_assert_uint_eq(observed.buckets_of[VIEW_CHAINS - 2], 1);
	ck_assert_uint_eq(observed.buckets_of[VIEW_CHAINS - 1], 300 - VIEW_CHAINS + 1);
}
END_TEST

static const char *const not_chains[] = {
	"",
	"{}",
	"[]",
	"null",
	"{\"nodes\":1,\"exact\":{\"histogram\":[1,2}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":[]}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":[1,-2]}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":[1,2.5]}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":[1,\"2\"]}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":[99999999999999999999]}}",
	"{\"nodes\":1,\"exact\":{\"histogram\":{\"0\":1}}}",
	"{\"nodes\":1,\"exact\":[1]}",
	"{\"nodes\":\"1\",\"exact\":{\"histogram\":[1]}}",
	"{\"exact\":{\"histogram\":[1]}}",
	"{\"nodes\":1,\"expected\":{\"histogram\":[1]}}",
};

START_TEST(damaged_chains_are_not_known)
{
	observed.chains_known = true;
	ck_assert(!observed_chains(&observed, not_chains[_i], strlen(not_chains[_i])));
	ck_assert(!observed.chains_known);
}
END_TEST

START_TEST(groups_of_the_same_names_are_put_together)
{
	const char *text =
		"{\"groups\":["
		"{\"key\":{\"protocol\":\"tcp\",\"state\":\"ESTABLISHED\",\"saddr\":\"10.0.0.1\"},\"entries\":5},"
		"{\"key\":{\"protocol\":\"udp\"},\"entries\":4},"
		"{\"key\":{\"protocol\":\"a\\n\"},\"entries\":1},"
		"{\"key\":{\"protocol\":\"a\\t\"},\"entries\":1},"
		"{\"key\":{\"state\":\"ESTABLISHED\",\"protocol\":\"tcp\"},\"entries\":2}]}";

	ck_assert(observed_census(&observed, text, strlen(text)));
	ck_assert_uint_eq(observed.groups, 3);
	ck_assert_str_eq(observed.group[0].protocol, "tcp");
	ck_assert_str_eq(observed.group[0].state, "ESTABLISHED");
	ck_assert_uint_eq(observed.group[0].entries, 7);
	ck_assert_str_eq(observed.group[1].state, "");
	ck_assert_str_eq(observed.group[2].protocol, "a?");
	ck_assert_uint_eq(observed.group[2].entries, 2);
}
END_TEST

START_TEST(a_census_of_many_groups_is_cut)
{
	static char text[100000];
	char *at = text + sprintf(text, "{\"groups\":[");

	for (int i = 0; i < 1000; i++)
		at += sprintf(
			at,
			"%s{\"key\":{\"protocol\":\"p%d\",\"state\":\"a-very-long-name-of-a-state\"},\"entries\":1}",
			i ? "," : "", i);
	(void)strcat(at, "]}");
	ck_assert(observed_census(&observed, text, strlen(text)));
	ck_assert_uint_eq(observed.groups, VIEW_GROUPS);
	ck_assert_str_eq(observed.group[31].protocol, "p31");
	ck_assert_str_eq(observed.group[31].state, "a-very-long-name-of-a-s");
}
END_TEST

static const char *const not_census[] = {
	"",
	"{}",
	"{\"groups\":{}}",
	"{\"groups\":[1]}",
	"{\"groups\":[{\"entries\":1}]}",
	"{\"groups\":[{\"key\":\"tcp\",\"entries\":1}]}",
	"{\"groups\":[{\"key\":{},\"entries\":-1}]}",
	"{\"groups\":[{\"key\":{}}]}",
	"{\"groups\":[",
};

START_TEST(a_damaged_census_is_not_known)
{
	observed.census_known = true;
	ck_assert(!observed_census(&observed, not_census[_i], strlen(not_census[_i])));
	ck_assert(!observed.census_known);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("observed");
	TCase *tcase = tcase_create("observed");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, chains_are_read);
	tcase_add_test(tcase, long_chains_are_counted_with_the_last);
	tcase_add_loop_test(tcase, damaged_chains_are_not_known, 0, sizeof(not_chains) / sizeof(not_chains[0]));
	tcase_add_test(tcase, groups_of_the_same_names_are_put_together);
	tcase_add_test(tcase, a_census_of_many_groups_is_cut);
	tcase_add_loop_test(tcase, a_damaged_census_is_not_known, 0, sizeof(not_census) / sizeof(not_census[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
