/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions one by one, where a story would hide the detail: names, evidence, single looks, outcomes. */
#include "config.h"
#include <conntune/chain.h>
#include "check.h"
#include "sim.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND SIM_SECOND

/* A machine that was started and is at rest. */
static void at_rest(struct sim *s)
{
	*s = (struct sim){ .log = NULL };
	sim_init(s);
	s->load[SIM_ANSWERED].rate = 1000;
	sim_run(s, 60 * SECOND);
	ck_assert_str_eq(s->wrong, "");
	ck_assert_int_eq(s->decide.state, DECIDE_REST);
}

/* A look as the simulated machine would give it now. */
static struct decide_look look_at(const struct sim *s)
{
	return (struct decide_look){
		.now_usec = s->now + SECOND,
		.present = true,
		.entries = { .known = true, .v = (uint64_t)sim_entries(s) },
		.limit = { .known = true, .v = s->limit },
		.buckets = { .known = true, .v = s->buckets },
	};
}

static struct decide_verdict verdict_on(struct sim *s, const struct decide_look *look)
{
	struct decide_verdict v;

	decide(&s->decide, &s->config, look, &v);
	return v;
}

START_TEST(every_state_action_and_reason_has_its_words)
{
	for (int i = 0; i < DECIDE_STATE__COUNT; i++) {
		ck_assert_ptr_nonnull(decide_state_name((enum decide_state)i));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(decide_state_name((enum decide_state)i),
					 decide_state_name((enum decide_state)j));
	}
	for (int i = DECIDE_NOTHING; i <= DECIDE_PUT_BACK; i++)
		ck_assert_ptr_nonnull(decide_action_name((enum decide_action)i));
	for (int i = 0; i < DECIDE_REASON__COUNT; i++) {
		const char *text = decide_reason_text((enum decide_reason)i);

		ck_assert_int_eq(text[strlen(text) - 1], '.');
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(decide_reason_name((enum decide_reason)i),
					 decide_reason_name((enum decide_reason)j));
	}
	ck_assert_str_eq(decide_state_name(DECIDE_CEILING), "ceiling");
	ck_assert_str_eq(decide_action_name(DECIDE_PUT_BACK), "put-back");
	ck_assert_str_eq(decide_reason_name(DECIDE_FOREIGN_WRITE), "foreign-write");
}
END_TEST

/* Limits of 8 to 31 would refuse one in twenty at a load of 8: there the target load holds at the ceiling too. */
START_TEST(buckets_for_the_ceiling_mind_the_chain_limit)
{
	const struct ct_kver v515 = { 5, 15, 16 };
	struct sim s = { .log = NULL };
	struct decide_look look;
	struct decide_verdict v;

	sim_init(&s);
	ck_assert_int_eq(ct_kernel_describe(&v515, s.config.request.page_bytes, 64, &s.config.request.kernel, NULL), 0);
	look = look_at(&s);
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.reason, DECIDE_START);
	ck_assert(ct_chain_p_refused(ct_chain_load(v.ceiling, v.buckets), &s.config.request.kernel) < 1e-5);
	ck_assert(ct_chain_load(v.ceiling, v.buckets) <= s.config.request.target_load);
}
END_TEST

START_TEST(the_first_look_sets_buckets_for_the_ceiling_and_the_limit_by_policy)
{
	struct sim s = { .log = NULL };
	struct decide_look look;
	struct decide_verdict v;
	struct ct_size size;

	sim_init(&s);
	look = look_at(&s);
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.action, DECIDE_SET);
	ck_assert_int_eq(v.reason, DECIDE_START);
	ck_assert_int_eq(ct_size_compute(&s.config.request, CT_POLICY_BALANCED, &size, NULL), 0);
	ck_assert_uint_eq(v.limit, size.limit);
	ck_assert_uint_eq(v.target_limit, size.limit);
	ck_assert(!v.allow_shrink);
	ck_assert(v.urgent);
	/* chains of 8 at the ceiling: this kernel's limit of 50 to 79 refuses nobody then */
	s.config.request.fixed_limit = 2147483647;
	s.config.request.target_load = 8;
	ck_assert_int_eq(ct_size_compute(&s.config.request, CT_POLICY_FIXED, &size, NULL), 0);
	ck_assert_uint_eq(v.buckets, size.buckets);
	ck_assert_uint_eq(v.ceiling, size.limit);
	ck_assert_str_eq(v.cause.name, "healthy");
}
END_TEST

START_TEST(evidence_has_the_numbers)
{
	struct decide_verdict v;
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	look.entries.v += 60000;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_REST);
	ck_assert_ptr_nonnull(strstr(v.evidence, " of 786432 entries, up to +"));
	ck_assert_ptr_nonnull(strstr(v.evidence, ", full in "));
	ck_assert_uint_lt(v.full_in_usec, 60 * SECOND);
}
END_TEST

START_TEST(unknown_numbers_say_so_and_change_nothing)
{
	struct decide_verdict v;
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	look.entries.known = false;
	look.entries.v = UINT64_MAX;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_REST);
	ck_assert_int_eq(v.action, DECIDE_NOTHING);
	ck_assert_str_eq(v.evidence, "limit or entries can't be read");
	ck_assert_str_eq(v.cause.name, "");
	ck_assert_uint_eq(v.full_in_usec, UINT64_MAX);
	look.present = false;
	look.now_usec++;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_ABSENT);
	ck_assert_str_eq(v.evidence, "no connection tracking");
	ck_assert_uint_eq(v.next_usec, s.settings.interval_max_usec);
}
END_TEST

START_TEST(nonsense_in_a_look_does_no_harm)
{
	static const double shares[] = { NAN, -1, 2, INFINITY };
	struct decide_look look;
	struct sim s;

	for (size_t i = 0; i < ct_array_size(shares); i++) {
		at_rest(&s);
		look = look_at(&s);
		look.entries.v = UINT64_MAX - 1;
		look.all_entries = (struct ct_u64){ .known = true, .v = 1 };
		look.unreplied.known = true;
		look.unreplied.v = shares[i];
		for (int j = 0; j < 20; j++) {
			struct decide_verdict v = verdict_on(&s, &look);

			ck_assert_uint_ge(v.next_usec, s.settings.interval_min_usec);
			ck_assert_uint_eq(v.limit, 0);
			look.now_usec += v.next_usec;
		}
	}
}
END_TEST

/* A stall that was measured, but for the time to make the new array, replaces what was assumed; one of a few nodes doesn't. */
START_TEST(a_measured_stall_is_believed)
{
	struct decide_verdict v = { .action = DECIDE_SET, .reason = DECIDE_CHAINS, .buckets = 1 << 20 };
	struct decide_outcome outcome = {
		.buckets = { .known = true, .v = 1 << 20 }, .stall_usec = 22971, .nodes = 10,
	};
	struct sim s;

	at_rest(&s);
	s.decide.stall_usec_per_node = 0;
	decide_done(&s.decide, &v, &outcome);
	ck_assert_double_eq(s.decide.stall_usec_per_node, 0);
	outcome.nodes = 4000;
	decide_done(&s.decide, &v, &outcome);
	ck_assert_double_eq_tol(s.decide.stall_usec_per_node, 0.5, 0.001);
	outcome.stall_usec = 2000;
	decide_done(&s.decide, &v, &outcome);
	ck_assert_double_eq_tol(s.decide.stall_usec_per_node, 0.5, 0.001);
}
END_TEST

START_TEST(an_outcome_without_values_read_back_counts_as_what_was_written)
{
	struct decide_verdict v = {
		.action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 900000, .buckets = 1 << 20,
	};
	struct decide_outcome outcome = { .done = 0 };
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	decide_done(&s.decide, &v, &outcome);
	s.limit = 900000;
	s.buckets = 1 << 20;
	look = look_at(&s);
	v = verdict_on(&s, &look);
	ck_assert_int_ne(v.reason, DECIDE_FOREIGN_WRITE);
}
END_TEST

START_TEST(buckets_that_the_kernel_rounded_are_ours)
{
	struct decide_verdict v = { .action = DECIDE_SET, .reason = DECIDE_CHAINS, .buckets = 1000000 };
	struct decide_outcome outcome = { .buckets = { .known = true, .v = 1000448 } };
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	decide_done(&s.decide, &v, &outcome);
	s.buckets = 1000448;
	look = look_at(&s);
	v = verdict_on(&s, &look);
	ck_assert_int_ne(v.reason, DECIDE_FOREIGN_WRITE);
}
END_TEST

/* Waits double from 50 ms to five minutes, and a success ends the row. */
START_TEST(failures_wait_twice_as_long_each_time)
{
	struct decide_verdict v = { .action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 900000 };
	struct decide_outcome failed = { .done = -16 }, done = { .limit = { .known = true, .v = 900000 } };
	struct sim s;
	uint64_t wait = SECOND / 20;

	at_rest(&s);
	for (int i = 0; i < 20; i++) {
		decide_done(&s.decide, &v, &failed);
		ck_assert_uint_eq(s.decide.limit_backoff.until_usec, s.decide.now_usec + wait);
		wait = wait * 2 > 300 * SECOND ? 300 * SECOND : wait * 2;
	}
	decide_done(&s.decide, &v, &done);
	ck_assert_uint_eq(s.decide.limit_backoff.failures, 0);
}
END_TEST

START_TEST(a_look_after_a_failure_comes_when_it_may_be_tried_again)
{
	struct decide_verdict v = { .action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 900000 };
	struct decide_outcome failed = { .done = -16 };
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	(void)verdict_on(&s, &look);
	decide_done(&s.decide, &v, &failed);
	look.now_usec += 1000;
	v = verdict_on(&s, &look);
	ck_assert_uint_eq(v.next_usec, SECOND / 20 - 1000);
}
END_TEST

START_TEST(the_mix_is_asked_for_when_growth_begins_and_not_before)
{
	struct decide_verdict v;
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	v = verdict_on(&s, &look);
	ck_assert(!v.want_mix);
	look.now_usec += SECOND;
	look.entries.v += 300000;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_GROWTH);
	ck_assert(v.want_mix);
}
END_TEST

/* While it decides something it is asked at each look, three times; then nobody is believed to know. */
START_TEST(the_mix_that_nobody_tells_is_asked_for_three_times_in_a_row)
{
	struct decide_verdict v;
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	look.entries.v += 500000;
	for (int i = 0; i < 4; i++) {
		v = verdict_on(&s, &look);
		ck_assert_int_eq(v.want_mix, i < 3);
		look.now_usec += 5000;
		look.entries.v += 500;
	}
}
END_TEST

START_TEST(a_change_that_nobody_confirms_is_put_back_on_time)
{
	struct decide_verdict v = { .action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 900000 };
	struct decide_outcome done = { .limit = { .known = true, .v = 900000 } };
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	s.config.settings.confirm_usec = 60 * SECOND + 300000;
	look = look_at(&s);
	(void)verdict_on(&s, &look);
	decide_done(&s.decide, &v, &done);
	s.limit = 900000;
	look = look_at(&s);
	look.now_usec += 60 * SECOND;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.action, DECIDE_NOTHING);
	ck_assert_uint_eq(v.next_usec, 300000);
	look.now_usec += 300000;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.action, DECIDE_PUT_BACK);
	ck_assert_uint_eq(v.limit, 786432);
}
END_TEST

START_TEST(a_hold_that_ends_soon_is_met_on_time)
{
	struct decide_verdict v;
	struct decide_look look;
	struct sim s;

	at_rest(&s);
	look = look_at(&s);
	look.hold_until_usec = look.now_usec + 300000;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_HELD);
	ck_assert_uint_eq(v.next_usec, 300000);
}
END_TEST

START_TEST(a_copy_decides_as_the_original_does)
{
	struct decide_verdict a = { .limit = 0 }, b = { .limit = 0 };
	struct decide_look look;
	struct sim s, copy;

	at_rest(&s);
	copy = s;
	look = look_at(&s);
	look.entries.v += 400000;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	decide(&s.decide, &s.config, &look, &a);
	decide(&copy.decide, &copy.config, &look, &b);
	ck_assert_uint_eq(a.limit, b.limit);
	ck_assert_uint_eq(a.next_usec, b.next_usec);
	ck_assert_str_eq(a.evidence, b.evidence);
}
END_TEST

/* Values of an apply that may still be undone are nobody's yet. */
START_TEST(an_apply_that_waits_is_not_judged)
{
	struct sim s;
	struct decide_look look;
	struct decide_verdict v;

	at_rest(&s);
	look = look_at(&s);
	look.limit.v = 140000;
	look.waits = true;
	look.hold_until_usec = UINT64_MAX;
	v = verdict_on(&s, &look);
	ck_assert_int_eq(v.state, DECIDE_HELD);
	ck_assert(!s.decide.limit_yielded);
	/* confirmed: theirs */
	look.waits = false;
	look.hold_until_usec = 0;
	look.now_usec += SECOND;
	(void)verdict_on(&s, &look);
	ck_assert(s.decide.limit_yielded);
}
END_TEST

START_TEST(what_nobody_can_confirm_any_more_goes_back)
{
	struct decide_outcome outcome = { .done = 0 };
	struct decide_verdict v;
	struct sim s;
	uint64_t limit, buckets;

	at_rest(&s);
	ck_assert(!decide_put_back(&s.decide, &v) && v.limit == 0 && v.buckets == 0);
	limit = s.decide.last_limit;
	buckets = s.decide.last_buckets;
	s.decide.confirm_usec = 60 * SECOND;
	v = (struct decide_verdict){ .action = DECIDE_SET, .reason = DECIDE_FORECAST, .limit = 900000, .buckets = buckets * 2 };
	decide_done(&s.decide, &v, &outcome);
	ck_assert(decide_put_back(&s.decide, &v));
	ck_assert_int_eq(v.action, DECIDE_PUT_BACK);
	ck_assert_uint_eq(v.limit, limit);
	ck_assert_uint_eq(v.buckets, buckets);
	/* somebody else's by now */
	s.decide.last_limit = 800000;
	ck_assert(decide_put_back(&s.decide, &v) && v.limit == 0 && v.buckets == buckets);
	s.decide.last_buckets = 4;
	ck_assert(!decide_put_back(&s.decide, &v));
}
END_TEST

/* The fullest namespace is another one now: its entries were there before, unless it is found by what they grew. */
START_TEST(entries_of_another_namespace_are_no_growth_unless_they_are_new)
{
	struct sim known, found;
	struct decide_look look;
	struct decide_verdict v;

	at_rest(&known);
	found = known;
	look = look_at(&known);
	look.entries.v = look.all_entries.v = look.limit.v / 2;
	look.all_entries.known = true;
	look.moved = true;
	(void)snprintf(look.where, sizeof(look.where), "router");
	v = verdict_on(&known, &look);
	ck_assert_int_eq(v.action, DECIDE_NOTHING);
	look.sudden = true;
	v = verdict_on(&found, &look);
	ck_assert_int_eq(v.action, DECIDE_SET);
	ck_assert_int_eq(v.reason, DECIDE_FORECAST);
	ck_assert_ptr_nonnull(strstr(v.evidence, "in the namespace of router"));
}
END_TEST

/* Who came to one namespace says nothing of who comes to another. */
START_TEST(a_share_of_another_namespace_is_asked_for_anew)
{
	struct sim s;
	struct decide_look look;

	at_rest(&s);
	look = look_at(&s);
	look.unreplied.known = true;
	look.unreplied.v = 0.9;
	(void)verdict_on(&s, &look);
	ck_assert_uint_ne(s.decide.unreplied_usec, 0);
	look.unreplied.known = false;
	look.moved = true;
	look.now_usec += SECOND / 100;
	(void)verdict_on(&s, &look);
	ck_assert_uint_eq(s.decide.unreplied_usec, 0);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("decide");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, every_state_action_and_reason_has_its_words);
	tcase_add_test(tc, buckets_for_the_ceiling_mind_the_chain_limit);
	tcase_add_test(tc, the_first_look_sets_buckets_for_the_ceiling_and_the_limit_by_policy);
	tcase_add_test(tc, evidence_has_the_numbers);
	tcase_add_test(tc, unknown_numbers_say_so_and_change_nothing);
	tcase_add_test(tc, nonsense_in_a_look_does_no_harm);
	tcase_add_test(tc, a_measured_stall_is_believed);
	tcase_add_test(tc, an_outcome_without_values_read_back_counts_as_what_was_written);
	tcase_add_test(tc, buckets_that_the_kernel_rounded_are_ours);
	tcase_add_test(tc, failures_wait_twice_as_long_each_time);
	tcase_add_test(tc, a_look_after_a_failure_comes_when_it_may_be_tried_again);
	tcase_add_test(tc, the_mix_is_asked_for_when_growth_begins_and_not_before);
	tcase_add_test(tc, the_mix_that_nobody_tells_is_asked_for_three_times_in_a_row);
	tcase_add_test(tc, a_change_that_nobody_confirms_is_put_back_on_time);
	tcase_add_test(tc, a_hold_that_ends_soon_is_met_on_time);
	tcase_add_test(tc, an_apply_that_waits_is_not_judged);
	tcase_add_test(tc, what_nobody_can_confirm_any_more_goes_back);
	tcase_add_test(tc, entries_of_another_namespace_are_no_growth_unless_they_are_new);
	tcase_add_test(tc, a_share_of_another_namespace_is_asked_for_anew);
	tcase_add_test(tc, a_copy_decides_as_the_original_does);
	suite_add_tcase(suite, tc);
	return suite;
}
