/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Causes: each is found where it is, and nowhere else; a healthy busy table is called healthy. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <conntune/cause.h>
#include <conntune/facts.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KNOWN(n) { .known = true, .v = (n) }
#define COUNTED(name, n) .counted[CT_COUNTER_##name] = KNOWN(n)
#define USUAL .entries = KNOWN(1000), .limit = KNOWN(65536), .buckets = KNOWN(65536)
#define SPARSE .entries = KNOWN(2000), .limit = KNOWN(2000), .buckets = KNOWN(65536), .all_entries = KNOWN(2000)
#define FULL .entries = KNOWN(65536), .limit = KNOWN(65536), .buckets = KNOWN(65536), .all_entries = KNOWN(65536)

static struct ct_err err;

static const struct {
	const char *cause, *evidence;
	bool healthy;
	struct ct_symptoms s;
} rows[] = {
	{ "healthy", "1000 of 65536 entries (2 %)", true, { USUAL } },
	{ "healthy", "drop 0.0/s", true, { USUAL, .seconds = 10, COUNTED(DROP, 0), COUNTED(INVALID, 10000) } },
	{ "healthy", "drop 0.9/s", true, { USUAL, .seconds = 10, COUNTED(DROP, 9) } },
	{ "healthy", "drop 5000000 since the counters began", true,
	  { USUAL, COUNTED(DROP, 5000000), COUNTED(EARLY_DROP, 6000000), COUNTED(INSERT_FAILED, 77777),
	    COUNTED(CHAIN_TOO_LONG, 1000) } },
	{ "healthy", "62259 of 65536", true, { .entries = KNOWN(62259), .limit = KNOWN(65536) } },
	{ "unknown", "", false, { .limit = KNOWN(65536) } },
	{ "unknown", "", false, { .entries = KNOWN(5) } },
	{ "no-limit", "5 entries", false, { .entries = KNOWN(5), .limit = KNOWN(0) } },
	{ "chain-limit", "chain_too_long 0.5/s, mean chain 40.0 in 512 buckets, 10240 of 65536 entries (16 %)", false,
	  { .entries = KNOWN(10240), .limit = KNOWN(65536), .buckets = KNOWN(512), .all_entries = KNOWN(10240),
	    .seconds = 10, COUNTED(CHAIN_TOO_LONG, 5), COUNTED(INSERT_FAILED, 5000) } },
	{ "chain-limit", "chain_too_long 5 since the counters began", false,
	  { USUAL, .p_refused = 1e-3, COUNTED(CHAIN_TOO_LONG, 5) } },
	{ "chain-limit", "mean chain 10.0 in 512 buckets", false,
	  { .entries = KNOWN(2560), .limit = KNOWN(65536), .buckets = KNOWN(512), .all_entries = KNOWN(2560),
	    .p_refused = 1e-3 } },
	{ "healthy", "1000 of", true, { USUAL, .p_refused = 0.5, COUNTED(CHAIN_TOO_LONG, 0) } },
	{ "healthy", "1000 of", true, { USUAL, .p_refused = 0.9e-3, COUNTED(CHAIN_TOO_LONG, 5) } },
	{ "expectations", "64 of 64 expectations", false,
	  { USUAL, .expect_entries = KNOWN(64), .expect_limit = KNOWN(64), .seconds = 1, COUNTED(DROP, 2) } },
	{ "healthy", "", true, { USUAL, .expect_entries = KNOWN(63), .expect_limit = KNOWN(64) } },
	{ "healthy", "", true, { USUAL, .expect_entries = KNOWN(63) } },
	{ "flood", "65536 of 65536 entries (100 %), drop 1.0/s, early_drop 2744.0/s", false,
	  { FULL, .ceiling = KNOWN(65536), .seconds = 1, COUNTED(DROP, 1), COUNTED(EARLY_DROP, 2744) } },
	{ "flood", "early_drop 1.0/s", false, { USUAL, .seconds = 1, COUNTED(EARLY_DROP, 1) } },
	{ "flood", "early_drop 500 since", false, { FULL, COUNTED(DROP, 500), COUNTED(EARLY_DROP, 500) } },
	/* many buckets, few of them used: nothing to evict in most of those that are looked into; measured */
	{ "flood", "drop 6026.0/s, early_drop 1944.0/s", false,
	  { SPARSE, .seconds = 1, COUNTED(DROP, 6026), COUNTED(EARLY_DROP, 1944) } },
	{ "assured", "drop 6026.0/s, early_drop 1400.0/s", false,
	  { SPARSE, .seconds = 1, COUNTED(DROP, 6026), COUNTED(EARLY_DROP, 1400) } },
	/* without buckets nothing is expected to be empty */
	{ "assured", "", false,
	  { .entries = KNOWN(2000), .limit = KNOWN(2000), .seconds = 1, COUNTED(DROP, 6026), COUNTED(EARLY_DROP, 1944) } },
	/* room again when we looked, but nothing is evicted from a table with room */
	{ "assured", "1000 of 65536 entries (2 %), drop 9.0/s", false,
	  { USUAL, .seconds = 1, COUNTED(DROP, 9), COUNTED(EARLY_DROP, 1) } },
	/* clashes are drops, too, but the table has nothing to do with them */
	{ "flood", "drop 3000.0/s, early_drop 1.0/s", false,
	  { FULL, .seconds = 1, COUNTED(DROP, 3000), COUNTED(INSERT_FAILED, 2999), COUNTED(EARLY_DROP, 1) } },
	{ "filling", "drop 5.0/s", false, { FULL, .seconds = 1, COUNTED(DROP, 5), COUNTED(INSERT_FAILED, 5) } },
	{ "assured", "drop 6.0/s", false, { FULL, .seconds = 1, COUNTED(DROP, 6), COUNTED(INSERT_FAILED, 5) } },
	{ "ceiling", "early_drop 0.0/s, memory allows 70000", false,
	  { FULL, .ceiling = KNOWN(70000), .seconds = 1, COUNTED(DROP, 9), COUNTED(EARLY_DROP, 0) } },
	{ "assured", "drop 9.0/s", false,
	  { FULL, .ceiling = KNOWN(80000), .seconds = 1, COUNTED(DROP, 9), COUNTED(EARLY_DROP, 8) } },
	{ "assured", "drop 9 since", false, { FULL, COUNTED(DROP, 9) } },
	{ "filling", "65536 of 65536 entries (100 %)", false, { FULL } },
	{ "filling", "drop 0.0/s", false, { FULL, .seconds = 1, COUNTED(DROP, 0) } },
	{ "filling", "62260 of 65536 entries (95 %)", false, { .entries = KNOWN(62260), .limit = KNOWN(65536) } },
	{ "namespace-hog", "namespace blue has 60000 of all 61000 entries, mean chain 1.9", false,
	  { USUAL, .all_entries = KNOWN(61000), .other_entries = KNOWN(60000), .other_name = "blue" } },
	{ "namespace-hog", "namespace 4026532000 has 8000 of all 9000 entries, mean chain 35.2", false,
	  { .entries = KNOWN(1000), .limit = KNOWN(65536), .buckets = KNOWN(512), .all_entries = KNOWN(9000),
	    .other_entries = KNOWN(8000), .other_inode = 4026532000 } },
	{ "namespace-hog", "has 60000 of all 61000 entries", false,
	  { .entries = KNOWN(1000), .limit = KNOWN(65536), .all_entries = KNOWN(61000), .other_entries = KNOWN(60000) } },
	{ "healthy", "", true, { USUAL, .all_entries = KNOWN(9000), .other_entries = KNOWN(8000) } },
	{ "healthy", "", true, { USUAL, .all_entries = KNOWN(130000), .other_entries = KNOWN(60000) } },
	{ "healthy", "", true, { USUAL, .other_entries = KNOWN(60000), .all_entries = { .known = false } } },
	{ "clashes", "insert_failed without chains 1.0/s, clash_resolve 3.0/s", false,
	  { USUAL, .seconds = 2, COUNTED(INSERT_FAILED, 2), COUNTED(CLASH_RESOLVE, 6), COUNTED(DROP, 2) } },
	{ "clashes", "insert_failed without chains 1000.0/s", false,
	  { USUAL, .seconds = 1, COUNTED(INSERT_FAILED, 1000), COUNTED(FOUND, 999), COUNTED(DROP, 1000) } },
	{ "nat-ports", "insert_failed without chains 1000.0/s, ports found taken (found) 2000.0/s", false,
	  { USUAL, .seconds = 1, COUNTED(INSERT_FAILED, 1000), COUNTED(FOUND, 2000), COUNTED(DROP, 1000) } },
	{ "nat-ports", "insert_failed without chains 1.0/s", false,
	  { USUAL, .seconds = 10, COUNTED(INSERT_FAILED, 10), COUNTED(CHAIN_TOO_LONG, 0), COUNTED(FOUND, 10) } },
	/* ports that are taken and others that are free are everyday */
	{ "healthy", "", true, { USUAL, .seconds = 1, COUNTED(INSERT_FAILED, 0), COUNTED(FOUND, 5000) } },
	/* before 4.9 found counts every packet */
	{ "clashes", "insert_failed without chains 1000.0/s", false,
	  { USUAL, .seconds = 1, COUNTED(INSERT_FAILED, 1000), COUNTED(FOUND, 2000), COUNTED(SEARCHED, 1) } },
	{ "clashes", "clash_resolve 10.0/s", true,
	  { USUAL, .seconds = 2, COUNTED(INSERT_FAILED, 1), COUNTED(CLASH_RESOLVE, 20) } },
	{ "healthy", "", true, { USUAL, .seconds = 2, COUNTED(CLASH_RESOLVE, 19) } },
	{ "dropping", "1000 of 65536 entries (2 %), drop 1.0/s", false, { USUAL, .seconds = 10, COUNTED(DROP, 10) } },
	{ "healthy", "drop 1.0/s", true, { USUAL, .seconds = 10, COUNTED(DROP, 10), COUNTED(INSERT_FAILED, 5) } },
};

START_TEST(cause_is_found_with_its_evidence)
{
	struct ct_cause cause;

	ct_cause_find(&rows[_i].s, &cause);
	ck_assert_str_eq(cause.name, rows[_i].cause);
	ck_assert_int_eq(cause.healthy, rows[_i].healthy);
	ck_assert_msg(strstr(cause.evidence, rows[_i].evidence), "'%s' lacks '%s'", cause.evidence, rows[_i].evidence);
	ck_assert(cause.text[0] && cause.remedy);
	/* whoever is told that something is wrong is told what to do */
	if (!cause.healthy && strcmp(cause.name, "unknown") != 0)
		ck_assert(cause.remedy[0]);
}
END_TEST

static struct ct_facts machine(void)
{
	struct ct_facts f = {
		.ram_bytes = KNOWN(UINT64_C(1) << 30), .page_bytes = 4096, .pointer_bits = 64,
		.kernel = { 6, 18, 0 }, .entry_bytes = 256,
	};

	f.value[CT_PARAM_LIMIT] = (struct ct_value){ .known = true, .v = 65536 };
	f.value[CT_PARAM_BUCKETS] = (struct ct_value){ .known = true, .v = 512 };
	f.value[CT_PARAM_COUNT] = (struct ct_value){ .known = true, .v = 1000 };
	f.value[CT_PARAM_EXPECT_MAX] = (struct ct_value){ .known = true, .v = 64 };
	f.expect_entries = (struct ct_u64)KNOWN(3);
	return f;
}

START_TEST(facts_alone_are_symptoms)
{
	struct ct_facts f = machine();
	struct ct_symptoms s;

	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 5, NULL, &err), 0);
	ck_assert_uint_eq(s.entries.v, 1000);
	ck_assert_uint_eq(s.all_entries.v, 1000);
	ck_assert_uint_eq(s.limit.v, 65536);
	ck_assert_uint_eq(s.buckets.v, 512);
	ck_assert_uint_eq(s.expect_limit.v, 64);
	ck_assert_double_eq(s.seconds, 0);
	ck_assert(!s.counted[CT_COUNTER_DROP].known && !s.other_entries.known);
	/* a quarter of 1 GiB, entries of 256 bytes and a bucket each */
	ck_assert(s.ceiling.known && s.ceiling.v > 900000 && s.ceiling.v < 1048576);
}
END_TEST

START_TEST(two_samples_are_what_was_counted_between_them)
{
	struct ct_sample before = { 0 }, after = { .entries = KNOWN(20000) };
	struct ct_facts f = machine();
	struct ct_symptoms s;

	before.counter[CT_COUNTER_DROP] = (struct ct_u64)KNOWN(10);
	after.counter[CT_COUNTER_DROP] = (struct ct_u64)KNOWN(15);
	after.counter[CT_COUNTER_ERROR] = (struct ct_u64)KNOWN(7);
	ck_assert_int_eq(ct_symptoms_init(&s, &f, &before, &after, 2, NULL, &err), 0);
	ck_assert_double_eq(s.seconds, 2);
	ck_assert_uint_eq(s.entries.v, 20000);
	ck_assert_uint_eq(s.counted[CT_COUNTER_DROP].v, 5);
	ck_assert(!s.counted[CT_COUNTER_ERROR].known);
	ck_assert_double_gt(s.p_refused, 1e-3);
	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, &after, 2, NULL, &err), 0);
	ck_assert_double_eq(s.seconds, 0);
	ck_assert_uint_eq(s.counted[CT_COUNTER_DROP].v, 15);
	ck_assert(s.counted[CT_COUNTER_ERROR].known);
	ck_assert_int_eq(ct_symptoms_init(&s, &f, &before, &after, 0, NULL, &err), 0);
	ck_assert_double_eq(s.seconds, 0);
}
END_TEST

/* A captured machine with its own namespace, and two that can't be looked into. */
static struct ct_netns_list *namespaces(bool own)
{
	const char *root = scratch_dir();
	struct ct_netns_list *list;
	struct ct_fs *fs;
	char path[256];

	put_file(root, "proc/sys/net/netfilter/nf_conntrack_count", "30000\n");
	put_file(root, "proc/7/ns/x", "");
	put_file(root, "proc/self/ns/x", "");
	(void)snprintf(path, sizeof(path), "%s/proc/7/ns/net", root);
	ck_assert_int_eq(symlink("net:[8]", path), 0);
	(void)snprintf(path, sizeof(path), "%s/proc/self/ns/net", root);
	if (own)
		ck_assert_int_eq(symlink("net:[7]", path), 0);
	ck_assert_int_eq(ct_fs_new(&fs, root, &err), 0);
	ck_assert_int_eq(ct_netns_collect(fs, &list, &err), 0);
	(void)ct_fs_free(fs);
	return list;
}

START_TEST(all_namespaces_count_where_they_share_buckets)
{
	struct ct_netns_list *list = namespaces(true);
	struct ct_facts f = machine();
	struct ct_symptoms s;

	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 0, list, &err), 0);
	ck_assert_uint_eq(s.all_entries.v, 30000);
	ck_assert_uint_eq(s.entries.v, 1000);
	ck_assert_uint_eq(s.other_inode, 8);
	ck_assert(!s.other_entries.known);
	f.kernel = (struct ct_kver){ 4, 4, 0 };
	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 0, list, &err), 0);
	ck_assert_uint_eq(s.all_entries.v, 1000);
	ck_assert_uint_eq(s.other_inode, 0);
	(void)ct_netns_free(list);
}
END_TEST

START_TEST(entries_that_nobody_may_see_leave_our_own)
{
	struct ct_netns_list *list = namespaces(false);
	struct ct_facts f = machine();
	struct ct_symptoms s;

	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 0, list, &err), 0);
	ck_assert_uint_eq(s.all_entries.v, 1000);
	(void)ct_netns_free(list);
}
END_TEST

START_TEST(facts_that_are_not_known_stay_so)
{
	struct ct_facts f = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 1, 0 } };
	struct ct_symptoms s;

	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 0, NULL, &err), 0);
	ck_assert(!s.entries.known && !s.limit.known && !s.buckets.known && !s.ceiling.known && !s.expect_limit.known);
	/* memory is known, but not what an entry takes */
	f.ram_bytes = (struct ct_u64)KNOWN(UINT64_C(1) << 30);
	ck_assert_int_eq(ct_symptoms_init(&s, &f, NULL, NULL, 0, NULL, &err), 0);
	ck_assert(!s.ceiling.known);
	f.page_bytes = 5;
	ck_assert_failed(ct_symptoms_init(&s, &f, NULL, NULL, 0, NULL, &err), err, -EINVAL, "5");
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("cause");
	TCase *tc = tcase_create("cause");

	tcase_add_loop_test(tc, cause_is_found_with_its_evidence, 0, (int)ct_array_size(rows));
	tcase_add_test(tc, facts_alone_are_symptoms);
	tcase_add_test(tc, two_samples_are_what_was_counted_between_them);
	tcase_add_test(tc, all_namespaces_count_where_they_share_buckets);
	tcase_add_test(tc, entries_that_nobody_may_see_leave_our_own);
	tcase_add_test(tc, facts_that_are_not_known_stay_so);
	suite_add_tcase(suite, tc);
	return suite;
}
