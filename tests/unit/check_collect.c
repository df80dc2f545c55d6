/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at captured machines as they change: what is read when, and what a reload looks like. */
#include "config.h"
#include "check.h"
#include "collect.h"
#include "sizing.h"
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NF "proc/sys/net/netfilter/nf_conntrack_"
#define STAT "proc/net/stat/nf_conntrack"
#define SECOND UINT64_C(1000000)

static const char *root;
static struct ct_fs *fs;
static struct collect collect;
static struct decide_look look;
static struct ct_err err;
static uint64_t now;

static void setup(void)
{
	root = sysroot_copy("6.1-module");
	fs = open_fs(root);
	ck_assert_int_eq(collect_init(&collect, fs, &err), 0);
	now = 100 * SECOND;
}

static void teardown(void)
{
	collect_done(&collect);
	fs = ct_fs_free(fs);
}

static void take(uint64_t later)
{
	now += later;
	ck_assert_msg(collect_look(&collect, now, false, false, &look, &err) == 0, "%s", err.msg);
}

static void take_away(void)
{
	char command[512];

	(void)snprintf(command, sizeof(command), "cd '%s' && rm -rf " NF "* proc/sys/net/nf_conntrack_max " STAT " sys/module/nf_conntrack",
		       root);
	ck_assert_int_eq(system(command), 0);
}

static void put_counters(unsigned entries, unsigned drop)
{
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop "
		       "icmp_error  expect_new expect_create expect_delete search_restart\n"
		       "%08x  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 %08x 00000000 "
		       "00000000  00000000 00000000 00000000 00000000\n",
		       entries, drop);
	put_file(root, STAT, text);
}

START_TEST(the_first_look_knows_everything)
{
	take(0);
	ck_assert(look.present && !look.reloaded && collect.fresh);
	ck_assert(look.entries.known && look.limit.known && look.buckets.known && look.mem_available.known);
	ck_assert_uint_eq(look.now_usec, now);
	ck_assert(!look.unreplied.known);
	ck_assert(look.all_entries.known);
}
END_TEST

START_TEST(the_whole_picture_is_taken_once_a_minute)
{
	unsigned fresh = 0;

	take(0);
	for (int i = 0; i < 120; i++) {
		take(SECOND);
		fresh += collect.fresh;
	}
	ck_assert_uint_eq(fresh, 2);
	collect_again(&collect);
	take(SECOND);
	ck_assert(collect.fresh);
}
END_TEST

START_TEST(facts_that_plans_rest_on_are_those_of_the_look)
{
	take(0);
	put_file(root, NF "max", "123456\n");
	put_file(root, NF "count", "99\n");
	take(SECOND);
	ck_assert(!collect.fresh);
	ck_assert_uint_eq(look.limit.v, 123456);
	ck_assert_uint_eq(ct_facts_limit(&collect.facts).v, 123456);
	ck_assert_uint_eq(ct_facts_entries(&collect.facts).v, 99);
}
END_TEST

START_TEST(a_module_that_comes_back_is_a_reload)
{
	take(0);
	take_away();
	take(SECOND);
	ck_assert(!look.present && !look.reloaded && !look.limit.known && !look.entries.known);
	ck_assert_int_eq(collect.facts.presence, CT_PRESENCE_ABSENT);
	put_file(root, NF "max", "1024\n");
	put_file(root, NF "buckets", "1024\n");
	put_file(root, NF "count", "0\n");
	put_file(root, "sys/module/nf_conntrack/initstate", "live\n");
	take(SECOND);
	ck_assert(look.present && look.reloaded && collect.fresh);
	ck_assert_uint_eq(look.limit.v, 1024);
	ck_assert_int_eq(collect.facts.presence, CT_PRESENCE_MODULE);
	ck_assert_uint_eq(ct_facts_limit(&collect.facts).v, 1024);
	put_file(root, NF "udp_timeout", "77\n");
	take(SECOND);
	ck_assert(look.present && !look.reloaded && collect.fresh);
	ck_assert_int_eq(collect.facts.value[CT_PARAM_UDP_TIMEOUT].v, 77);
}
END_TEST

/* History adds up differences: a total that fell would count as a flood. */
START_TEST(totals_only_grow)
{
	put_counters(10, 5);
	take(0);
	put_counters(10, 7);
	take(SECOND);
	ck_assert(look.counter[CT_COUNTER_DROP].known);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 7);
	take_away();
	take(SECOND);
	put_file(root, NF "max", "1024\n");
	put_counters(1, 2);
	take(SECOND);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 9);
	put_counters(1, 3);
	take(SECOND);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 10);
}
END_TEST

START_TEST(memory_that_comes_or_goes_makes_sizing_anew)
{
	put_file(root, "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n");
	take(0);
	put_file(root, "proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable: 800000 kB\n");
	take(COLLECT_MEMORY_USEC / 2);
	ck_assert_uint_eq(look.mem_available.v, UINT64_C(900000) * 1024);
	take(COLLECT_MEMORY_USEC / 2);
	ck_assert_uint_eq(look.mem_available.v, UINT64_C(800000) * 1024);
	ck_assert(collect.fresh);
	ck_assert_uint_eq(collect.facts.ram_bytes.v, UINT64_C(2000000) * 1024);
}
END_TEST

START_TEST(a_broken_file_is_an_error_and_then_over)
{
	take(0);
	put_file(root, NF "max", "lots\n");
	ck_assert_failed(collect_look(&collect, now + SECOND, false, false, &look, &err), err, -EBADMSG, "lots");
	put_file(root, NF "max", "2048\n");
	take(2 * SECOND);
	ck_assert_uint_eq(look.limit.v, 2048);
}
END_TEST

/* Processes in three network namespaces: one inode each, however many processes. */
START_TEST(entries_of_other_namespaces_are_counted_without_going_there)
{
	static const char head[] = "entries  clashres\n";
	char from[512], to[512], text[64];

	for (int i = 0; i < 3; i++) {
		(void)snprintf(from, sizeof(from), "proc/%d/net/stat/nf_conntrack", 1000 + 10 * i);
		(void)snprintf(text, sizeof(text), "%s%08x  00000000\n%08x  00000000\n", head, 16 << i, 16 << i);
		put_file(root, from, text);
		(void)snprintf(to, sizeof(to), "proc/%d/net/stat/keep", 1001 + 10 * i);
		put_file(root, to, "");
		(void)snprintf(from, sizeof(from), "%s/proc/%d/net/stat/nf_conntrack", root, 1000 + 10 * i);
		(void)snprintf(to, sizeof(to), "%s/proc/%d/net/stat/nf_conntrack", root, 1001 + 10 * i);
		ck_assert_int_eq(link(from, to), 0);
	}
	(void)snprintf(from, sizeof(from), "%s/proc/1000/net/stat/nf_conntrack", root);
	put_file(root, "proc/self/net/stat/keep", "");
	(void)snprintf(to, sizeof(to), "%s/proc/self/net/stat/nf_conntrack", root);
	ck_assert_int_eq(link(from, to), 0);
	put_file(root, "proc/1020/comm", "evil\nname\n");
	put_file(root, "proc/1021/comm", "evil\nname\n");
	put_file(root, NF "count", "20\n");
	take(0);
	ck_assert_uint_eq(collect.neighbours.survey.namespaces, 3);
	ck_assert_uint_eq(collect.neighbours.survey.all_entries.v, 16 + 32 + 64);
	ck_assert_uint_eq(collect.neighbours.survey.own_entries, 16);
	ck_assert_uint_eq(collect.neighbours.survey.worst_entries.v, 64);
	ck_assert(collect.neighbours.survey.worst_pid == 1020 || collect.neighbours.survey.worst_pid == 1021);
	ck_assert_str_eq(collect.neighbours.survey.worst_name, "evil");
	ck_assert(collect.neighbours.survey.complete);
	/* ours as of now, theirs as of the survey */
	ck_assert_uint_eq(look.all_entries.v, 20 + 32 + 64);
}
END_TEST

/* Hundreds of threads of the kernel come before the first container. */
START_TEST(own_processes_do_not_hide_others)
{
	static const char table[] = "entries  clashres\n00000007  00000000\n";
	struct ct_netns_survey survey;
	char own[300], to[300], path[64];

	put_file(root, "proc/self/net/stat/nf_conntrack", table);
	(void)snprintf(own, sizeof(own), "%s/proc/self/net/stat/nf_conntrack", root);
	put_file(root, "proc/3000/net/stat/nf_conntrack", table);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(path, sizeof(path), "proc/%d/net/stat/nf_conntrack", 2000 + i);
		put_file(root, path, table);
		(void)snprintf(to, sizeof(to), "%s/%s", root, path);
		ck_assert_int_eq(unlink(to), 0);
		ck_assert_int_eq(link(own, to), 0);
	}
	ck_assert_int_eq(ct_netns_survey(fs, 10, &survey, &err), 0);
	ck_assert_uint_eq(survey.worst_entries.v, 7);
	ck_assert_int_eq(survey.worst_pid, 3000);
	ck_assert(survey.complete);
}
END_TEST

/* Whoever removes nf_conntrack_netlink, or the one failure of a read, takes the handle: the kernel counts on. */
START_TEST(counters_seen_through_another_handle_are_not_counted_twice)
{
	char path[300];

	put_counters(20, 1000);
	take(0);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 1000);
	(void)snprintf(path, sizeof(path), "%s/" STAT, root);
	ck_assert_int_eq(unlink(path), 0);
	take(SECOND);
	ck_assert(!look.counter[CT_COUNTER_DROP].known);
	put_counters(20, 1003);
	take(SECOND);
	ck_assert(!look.reloaded);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 1000);
	put_counters(20, 1005);
	take(SECOND);
	ck_assert_uint_eq(look.counter[CT_COUNTER_DROP].v, 1002);
}
END_TEST

START_TEST(a_survey_has_bounds)
{
	struct ct_netns_survey survey;
	char path[64];

	for (int i = 0; i < 50; i++) {
		(void)snprintf(path, sizeof(path), "proc/%d/net/stat/nf_conntrack", 2000 + i);
		put_file(root, path, "entries  clashres\n00000001  00000000\n");
	}
	ck_assert_int_eq(ct_netns_survey(fs, 10, &survey, &err), 0);
	ck_assert(!survey.complete);
	ck_assert_uint_le(survey.namespaces, 11);
}
END_TEST

START_TEST(settings_go_into_the_sizing)
{
	struct ct_settings settings;
	struct decide_config config;

	take(0);
	ct_settings_init(&settings);
	settings.budget_percent = 10;
	settings.namespaces = 3;
	settings.entry_bytes = 1000;
	settings.reserve_bytes = 1 << 20;
	settings.target_load = 1.5;
	settings.fixed_limit = 777;
	ck_assert_int_eq(sizing_make(&settings, &collect.facts, &config, &err), 0);
	ck_assert_uint_eq(config.request.budget_bytes, collect.facts.ram_bytes.v / 100 * 10);
	ck_assert_uint_eq(config.request.namespaces, 3);
	ck_assert_uint_eq(config.request.entry_bytes, 1000);
	ck_assert_uint_eq(config.request.reserve_bytes, 1 << 20);
	ck_assert_uint_eq(config.request.fixed_limit, 777);
	ck_assert_double_eq(config.request.target_load, 1.5);
	ck_assert(config.can_set_limit && config.can_set_buckets);
	settings.budget_percent = 0;
	settings.budget_bytes = UINT64_MAX;
	ck_assert_int_eq(sizing_make(&settings, &collect.facts, &config, &err), 0);
	ck_assert_uint_eq(config.request.budget_bytes, collect.facts.ram_bytes.v);
}
END_TEST

static const struct { const char *tree; bool limit, buckets; } trees[] = {
	{ "6.1-module", true, true },
	{ "6.18-builtin", true, true },
	{ "6.18-container", false, false },
	{ "6.18-child-netns", false, false },
	{ "6.1-no-module", false, false },
};

START_TEST(what_may_be_set_here)
{
	ct_cleanup(close_fs) struct ct_fs *other = open_fs(sysroot_copy(trees[_i].tree));
	struct ct_settings settings;
	struct decide_config config;
	struct ct_facts facts;

	ct_settings_init(&settings);
	ck_assert_int_eq(ct_facts_collect(other, NULL, &facts, &err), 0);
	ck_assert_int_eq(sizing_make(&settings, &facts, &config, &err), 0);
	ck_assert_int_eq(config.can_set_limit, trees[_i].limit);
	ck_assert_int_eq(config.can_set_buckets, trees[_i].buckets);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("collect");
	TCase *tc = tcase_create("collect");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_look_knows_everything);
	tcase_add_test(tc, the_whole_picture_is_taken_once_a_minute);
	tcase_add_test(tc, facts_that_plans_rest_on_are_those_of_the_look);
	tcase_add_test(tc, a_module_that_comes_back_is_a_reload);
	tcase_add_test(tc, totals_only_grow);
	tcase_add_test(tc, memory_that_comes_or_goes_makes_sizing_anew);
	tcase_add_test(tc, a_broken_file_is_an_error_and_then_over);
	tcase_add_test(tc, entries_of_other_namespaces_are_counted_without_going_there);
	tcase_add_test(tc, a_survey_has_bounds);
	tcase_add_test(tc, own_processes_do_not_hide_others);
	tcase_add_test(tc, counters_seen_through_another_handle_are_not_counted_twice);
	tcase_add_test(tc, settings_go_into_the_sizing);
	tcase_add_loop_test(tc, what_may_be_set_here, 0, (int)ct_array_size(trees));
	suite_add_tcase(suite, tc);
	return suite;
}
