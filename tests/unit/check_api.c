/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer of /api/v1/status: numbers as in the snapshot, what isn't known is left out, and it is JSON whatever comes
 * in. */
#include "config.h"
#include "check.h"
#include "util.h"
#include "../http/situations.h"
#include "../../src/http/view.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#define BOOT_USEC UINT64_C(100000000000)
#define UNIX_USEC INT64_C(1795676000000000)

static struct ct_snapshot snapshot;
static struct view_observed observed;
static struct view view;

static void set(const char *situation)
{
	ck_assert(situation_fill(&snapshot, situation, BOOT_USEC, UNIX_USEC));
	view = (struct view){ .snapshot = &snapshot, .age_seconds = ct_snapshot_age(&snapshot, BOOT_USEC) };
	view.old = ct_snapshot_is_old(&snapshot, BOOT_USEC);
}

/* A new reference. */
static json_t *answer(void)
{
	struct text text = { 0 };
	json_t *o;

	api_write(&text, &view);
	ck_assert(!text.failed);
	for (size_t i = 0; i < text.n; i++)
		ck_assert_msg(text.bytes[i] == '\n' || (text.bytes[i] >= ' ' && text.bytes[i] <= '~'), "byte %d",
			      text.bytes[i]);
	o = json_loads(text.bytes, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(o);
	text_free(&text);
	return o;
}

/* "memory.bytes"; "actions.0.time" */
static const json_t *at(const json_t *o, const char *path)
{
	char name[64];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(name)) : json_object_get(o, name);
		path += n + (path[n] == '.');
	}
	return o;
}

START_TEST(every_situation_is_json)
{
	json_t *o;

	if (!situation_name((size_t)_i))
		return;
	set(situation_name((size_t)_i));
	o = answer();
	ck_assert_str_eq(json_string_value(at(o, "state")), snapshot.state_name[snapshot.state]);
	ck_assert_int_eq(json_is_true(at(o, "old")), view.old);
	json_decref(o);
}
END_TEST

START_TEST(without_a_snapshot_it_says_why)
{
	json_t *o;

	view = (struct view){ .old = true, .trouble = "no snapshot" };
	o = answer();
	ck_assert_uint_eq(json_object_size(o), 2);
	ck_assert_str_eq(json_string_value(at(o, "trouble")), "no snapshot");
	json_decref(o);
}
END_TEST

static const struct {
	size_t at;
	const char *path;
} numbers[] = {
#define NUMBER(member, path)                                                                                           \
	{                                                                                                              \
		offsetof(struct ct_snapshot, member), path                                                             \
	}
	NUMBER(entries, "entries"),
	NUMBER(own_entries, "own_entries"),
	NUMBER(all_entries, "all_entries"),
	NUMBER(peak, "peak"),
	NUMBER(limit, "limit"),
	NUMBER(buckets, "buckets"),
	NUMBER(target_limit, "target_limit"),
	NUMBER(target_buckets, "target_buckets"),
	NUMBER(ceiling, "ceiling"),
	NUMBER(ram_bytes, "memory.ram_bytes"),
	NUMBER(available_bytes, "memory.available_bytes"),
	NUMBER(floor_bytes, "memory.floor_bytes"),
	NUMBER(budget_bytes, "memory.budget_bytes"),
	NUMBER(table_bytes, "memory.bytes"),
	NUMBER(full_bytes, "memory.full_bytes"),
	NUMBER(entry_bytes, "memory.entry_bytes"),
	NUMBER(expect_entries, "expectations.entries"),
	NUMBER(own_counter[CT_COUNTER_CHAIN_TOO_LONG], "counters.own.chain_too_long"),
	NUMBER(watched_counter[CT_COUNTER_DROP], "counters.watched.drop"),
	NUMBER(resident_bytes, "daemon.resident_bytes"),
	NUMBER(descriptors, "daemon.descriptors"),
	NUMBER(action[0].old_limit, "actions.0.old_limit"),
	NUMBER(action[0].new_buckets, "actions.0.new_buckets"),
};

START_TEST(a_number_is_told_or_absent)
{
	struct ct_u64 *number;
	json_t *o;

	set("healthy");
	number = (struct ct_u64 *)(void *)((char *)&snapshot + numbers[_i].at);
	*number = (struct ct_u64){ .known = true, .v = 7654321 };
	o = answer();
	ck_assert_int_eq(json_integer_value(at(o, numbers[_i].path)), 7654321);
	json_decref(o);
	number->known = false;
	o = answer();
	ck_assert_ptr_null(at(o, numbers[_i].path));
	json_decref(o);
}
END_TEST

static const struct {
	size_t at;
	const char *path;
} reals[] = {
	NUMBER(unreplied, "unreplied"),
	NUMBER(rate, "growth_per_second"),
	NUMBER(full_in_seconds, "full_in_seconds"),
	NUMBER(timeouts_scale, "timeouts_scale"),
	NUMBER(confirm_seconds, "confirm.seconds_left"),
	NUMBER(action[0].stall_seconds, "actions.0.stall_seconds"),
};

START_TEST(what_is_no_number_is_not_known)
{
	static const double none[] = { NAN, INFINITY, -INFINITY };
	struct ct_real *number;
	json_t *o;

	set("healthy");
	number = (struct ct_real *)(void *)((char *)&snapshot + reals[_i].at);
	*number = (struct ct_real){ .known = true, .v = 0.375 };
	o = answer();
	ck_assert_double_eq(json_real_value(at(o, reals[_i].path)), 0.375);
	json_decref(o);
	for (size_t i = 0; i <= ct_array_size(none); i++) {
		*number = (struct ct_real){ .known = i < ct_array_size(none),
					    .v = i < ct_array_size(none) ? none[i] : 1 };
		o = answer();
		ck_assert_ptr_null(at(o, reals[_i].path));
		json_decref(o);
	}
}
END_TEST

START_TEST(expected_chains_are_those_of_the_load)
{
	double sum = 0;
	json_t *o;

	set("chain-limit");
	o = answer();
	ck_assert_double_eq_tol(json_real_value(at(o, "expected.load")), 2 * 506500.0 / 65536, 1e-9);
	ck_assert_int_eq(json_integer_value(at(o, "expected.refusing_lengths.min")), 10);
	ck_assert_int_eq(json_integer_value(at(o, "expected.refusing_lengths.max")), 33);
	ck_assert_double_gt(json_real_value(at(o, "expected.refused")), 0.3);
	for (size_t i = 0; i < json_array_size(at(o, "expected.histogram")); i++)
		sum += json_real_value(json_array_get(at(o, "expected.histogram"), i));
	ck_assert_double_eq_tol(sum, 65536, 1e-6);
	json_decref(o);
	snapshot.chain_limit_max = snapshot.chain_limit_min = 0;
	o = answer();
	ck_assert_ptr_null(at(o, "expected.refusing_lengths"));
	json_decref(o);
	snapshot.all_entries.known = false;
	o = answer();
	ck_assert_ptr_null(at(o, "expected"));
	json_decref(o);
}
END_TEST

START_TEST(what_was_observed_is_told)
{
	json_t *o;

	set("healthy");
	observed = (struct view_observed){ .chains_known = true,
					   .lengths = 3,
					   .buckets_of = { 5, 4, 3 },
					   .chains_nodes = 10,
					   .chains_unix = 17.5,
					   .census_known = true,
					   .groups = 1,
					   .group = { { "tcp", "SYN_SENT", 77 } } };
	view.observed = &observed;
	o = answer();
	ck_assert_uint_eq(json_array_size(at(o, "exact.histogram")), 3);
	ck_assert_int_eq(json_integer_value(at(o, "exact.histogram.2")), 3);
	ck_assert_double_eq(json_real_value(at(o, "exact.time")), 17.5);
	ck_assert_int_eq(json_integer_value(at(o, "census.groups.0.entries")), 77);
	json_decref(o);
	observed.chains_known = observed.census_known = false;
	o = answer();
	ck_assert_ptr_null(at(o, "exact"));
	ck_assert_ptr_null(at(o, "census"));
	json_decref(o);
}
END_TEST

START_TEST(foreign_words_are_printable)
{
	json_t *o;

	set("hostile");
	o = answer();
	ck_assert_str_eq(json_string_value(at(o, "namespaces.top.2.name")), "new?line");
	ck_assert_str_eq(json_string_value(at(o, "namespaces.top.3.name")), "???");
	ck_assert_int_eq(json_integer_value(at(o, "entries")), INT64_MAX);
	json_decref(o);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("api");
	TCase *tc = tcase_create("api");

	tcase_add_loop_test(tc, every_situation_is_json, 0, 16);
	tcase_add_test(tc, without_a_snapshot_it_says_why);
	tcase_add_loop_test(tc, a_number_is_told_or_absent, 0, ct_array_size(numbers));
	tcase_add_loop_test(tc, what_is_no_number_is_not_known, 0, ct_array_size(reals));
	tcase_add_test(tc, expected_chains_are_those_of_the_load);
	tcase_add_test(tc, what_was_observed_is_told);
	tcase_add_test(tc, foreign_words_are_printable);
	suite_add_tcase(s, tc);
	return s;
}
