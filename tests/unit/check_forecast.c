/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forecast: what the samples say at any distance, with noise, cliffs, gaps, and clocks that stand still. */
#include "config.h"
#include "check.h"
#include "util.h"
#include <conntune/forecast.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000)
#define START (1000 * SECOND)

/* @n samples, one each @interval, that grow by @rate a second from @from. Returns the time of the last one. */
static uint64_t grow(struct ct_forecast *f, uint64_t begin, uint64_t interval, unsigned n, double from, double rate)
{
	uint64_t now = begin;

	for (unsigned i = 0; i < n; i++) {
		now = begin + i * interval;
		ct_forecast_add(f, now, (uint64_t)llround(from + rate * (double)(i * interval) / (double)SECOND));
	}
	return now;
}

static const struct {
	uint64_t interval;
	unsigned n;
	double rate;
} steady[] = {
	{ SECOND, 2, 100 },	 { SECOND, 3, 100 },	   { SECOND, 40, 100 },	     { SECOND, 100, 50000 },
	{ 2000, 40, 50000 },	 { 2000, 2, 100000 },	   { 60 * SECOND, 10, 1000 }, { SECOND / 10, 7, 3000 },
	{ SECOND, 40, -1000 },	 { 600 * SECOND, 40, 0.5 }, { SECOND, 12, 0 },
};

START_TEST(steady_growth_is_its_rate_at_any_interval)
{
	double rate = steady[_i].rate, near = fmax(1, fabs(rate) * 0.02);
	struct ct_forecast f;

	ct_forecast_init(&f);
	(void)grow(&f, START, steady[_i].interval, steady[_i].n, 1e6, rate);
	ck_assert_double_eq_tol(f.rate, rate, near);
	ck_assert_double_eq_tol(f.rate_high, rate, near);
	ck_assert_uint_ge(f.samples, steady[_i].n < CT_FORECAST_SAMPLES ? steady[_i].n : CT_FORECAST_SAMPLES);
}
END_TEST

START_TEST(nothing_is_known_before_there_are_samples)
{
	struct ct_forecast f;

	ct_forecast_init(&f);
	ck_assert_uint_eq(f.samples, 0);
	ck_assert_uint_eq(ct_forecast_usec(&f, 100), UINT64_MAX);
	ck_assert_uint_eq(ct_forecast_entries(&f, SECOND), 0);
	ct_forecast_add(&f, START, 70);
	ck_assert_uint_eq(f.samples, 1);
	ck_assert_uint_eq(ct_forecast_usec(&f, 100), UINT64_MAX);
	ck_assert_uint_eq(ct_forecast_usec(&f, 70), 0);
	ck_assert_uint_eq(ct_forecast_entries(&f, 3600 * SECOND), 70);
}
END_TEST

START_TEST(time_to_full_and_entries_ahead_agree)
{
	struct ct_forecast f;
	uint64_t usec;

	ct_forecast_init(&f);
	(void)grow(&f, START, SECOND, 10, 1000, 100);
	usec = ct_forecast_usec(&f, 11900);
	ck_assert_uint_eq(usec, 100 * SECOND);
	ck_assert_uint_eq(ct_forecast_entries(&f, usec), 11900);
	ck_assert_uint_eq(ct_forecast_usec(&f, 1900), 0);
	ck_assert_uint_eq(ct_forecast_usec(&f, 5), 0);
}
END_TEST

START_TEST(an_emptying_table_is_never_full_and_never_below_nothing)
{
	struct ct_forecast f;

	ct_forecast_init(&f);
	(void)grow(&f, START, SECOND, 10, 10000, -100);
	ck_assert_uint_eq(ct_forecast_usec(&f, 20000), UINT64_MAX);
	ck_assert_uint_eq(ct_forecast_entries(&f, 3600 * SECOND), 0);
	ck_assert_uint_eq(ct_forecast_usec(&f, 9000), 0);
}
END_TEST

/* The collector reaps in batches: between cliffs the table grows, and that is what fills it. */
START_TEST(cliffs_of_the_collector_dont_hide_the_growth_between_them)
{
	struct ct_forecast f;
	uint64_t entries = 100000;

	ct_forecast_init(&f);
	for (unsigned i = 0; i < 60; i++) {
		entries = i % 7 == 3 ? entries - 6000 : entries + 1000;
		ct_forecast_add(&f, START + i * SECOND, entries);
	}
	ck_assert_double_ge(f.rate_high, 900);
	ck_assert_double_le(f.rate_high, 1100);
	ck_assert_double_le(fabs(f.rate), 1000);
}
END_TEST

START_TEST(one_wild_sample_moves_the_rate_little)
{
	struct ct_forecast f;

	for (unsigned wild = 1; wild < 11; wild++) {
		ct_forecast_init(&f);
		for (unsigned i = 0; i < 12; i++)
			ct_forecast_add(&f, START + i * SECOND, i == wild ? 0 : 50000 + 100 * i);
		ck_assert_double_eq_tol(f.rate, 100, 70);
		ck_assert_double_le(f.rate_high, 200);
	}
}
END_TEST

START_TEST(a_surge_is_seen_by_the_next_sample)
{
	struct ct_forecast f;
	uint64_t now;

	ct_forecast_init(&f);
	now = grow(&f, START, SECOND, 30, 10000, 10);
	ct_forecast_add(&f, now + SECOND, 60000);
	ck_assert_double_ge(f.rate_high, 49000);
	ck_assert_uint_le(ct_forecast_usec(&f, 160000), 3 * SECOND);
}
END_TEST

START_TEST(a_surge_that_ended_is_forgotten_within_the_window)
{
	struct ct_forecast f;
	uint64_t now;

	ct_forecast_init(&f);
	now = grow(&f, START, SECOND, 10, 1000, 50000);
	(void)grow(&f, now + SECOND, SECOND, 15, 451000, 0);
	ck_assert_double_le(f.rate_high, 1);
	ct_forecast_init(&f);
	now = grow(&f, START, 2000, 40, 1000, 50000);
	(void)grow(&f, now + 2000, 2000, 40, 4900, 0);
	ck_assert_double_le(f.rate_high, 1);
}
END_TEST

/* A few connections more within 2 ms are thousands a second: short spans alone say nothing. */
START_TEST(chance_between_two_fast_looks_is_no_surge)
{
	struct ct_forecast f;

	ct_forecast_init(&f);
	for (unsigned i = 0; i < 64; i++)
		ct_forecast_add(&f, START + i * 2000, 50000 + i % 2 * 5);
	ck_assert_double_le(f.rate_high, 5 / 0.008 + 1);
	ck_assert_double_le(fabs(f.rate), 100);
}
END_TEST

START_TEST(a_clock_that_stands_still_or_goes_back_adds_nothing)
{
	struct ct_forecast f, before;

	ct_forecast_init(&f);
	(void)grow(&f, START, SECOND, 10, 1000, 100);
	before = f;
	ct_forecast_add(&f, START + 9 * SECOND, 999999);
	ct_forecast_add(&f, START, 999999);
	ct_forecast_add(&f, 0, 999999);
	ck_assert_mem_eq(&f, &before, sizeof(f));
}
END_TEST

START_TEST(a_gap_begins_anew)
{
	struct ct_forecast f;
	uint64_t now;

	ct_forecast_init(&f);
	now = grow(&f, START, SECOND, 20, 1000, 100);
	ct_forecast_add(&f, now + 3600 * SECOND, 500000);
	ck_assert_uint_eq(f.samples, 1);
	ck_assert_double_eq(f.rate, 0);
	ck_assert_double_eq(f.rate_high, 0);
	ck_assert_uint_eq(ct_forecast_usec(&f, 600000), UINT64_MAX);
}
END_TEST

START_TEST(slower_looks_are_no_gap)
{
	struct ct_forecast f;
	uint64_t now;

	ct_forecast_init(&f);
	now = grow(&f, START, 2000, 20, 1000, 100);
	ct_forecast_add(&f, now + SECOND, 1102);
	ck_assert_uint_eq(f.samples, 21);
	ct_forecast_init(&f);
	now = grow(&f, START, 60 * SECOND, 5, 1000, 100);
	ct_forecast_add(&f, now + 120 * SECOND, 37000);
	ck_assert_uint_eq(f.samples, 6);
}
END_TEST

START_TEST(huge_numbers_stay_numbers)
{
	struct ct_forecast f;

	ct_forecast_init(&f);
	ct_forecast_add(&f, 1, 0);
	ct_forecast_add(&f, 2, UINT64_MAX);
	ct_forecast_add(&f, UINT64_MAX - 1, 0);
	ct_forecast_add(&f, UINT64_MAX, UINT64_MAX);
	ck_assert(isfinite(f.rate) && isfinite(f.rate_high));
	ck_assert_uint_eq(ct_forecast_entries(&f, UINT64_MAX), UINT64_MAX);
	ct_forecast_init(&f);
	(void)grow(&f, START, SECOND, 5, 0, 0.00001);
	ck_assert_uint_eq(ct_forecast_usec(&f, UINT64_MAX), UINT64_MAX);
}
END_TEST

/* Whatever comes: finite numbers, the high rate never below the other, time to full 0 exactly when it is full. */
START_TEST(whatever_the_samples_the_answers_make_sense)
{
	unsigned seed = 4711 + (unsigned)_i;
	struct ct_forecast f;
	uint64_t now = START;

	(void)printf("seed %u\n", seed);
	srand(seed);
	ct_forecast_init(&f);
	for (int i = 0; i < 2000; i++) {
		uint64_t entries = (uint64_t)(pow(10, rand() % 8) * (rand() % 10)), bound = (uint64_t)rand();

		now += (uint64_t)pow(10, rand() % 9) * (uint64_t)(rand() % 10);
		ct_forecast_add(&f, now, entries);
		ck_assert(isfinite(f.rate) && isfinite(f.rate_high));
		ck_assert_double_ge(f.rate_high, f.rate);
		ck_assert_uint_le(f.samples, CT_FORECAST_SAMPLES);
		ck_assert_uint_ge(f.samples, 1);
		if (f.sample[(f.next + CT_FORECAST_SAMPLES - 1) % CT_FORECAST_SAMPLES].usec == now) {
			uint64_t last = f.sample[(f.next + CT_FORECAST_SAMPLES - 1) % CT_FORECAST_SAMPLES].entries;

			ck_assert(ct_forecast_usec(&f, bound) != 0 || last >= bound || f.rate_high > 1e6);
			ck_assert_uint_eq(ct_forecast_entries(&f, 0), last);
		}
	}
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("forecast");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, steady_growth_is_its_rate_at_any_interval, 0, (int)ct_array_size(steady));
	tcase_add_test(tc, nothing_is_known_before_there_are_samples);
	tcase_add_test(tc, time_to_full_and_entries_ahead_agree);
	tcase_add_test(tc, an_emptying_table_is_never_full_and_never_below_nothing);
	tcase_add_test(tc, cliffs_of_the_collector_dont_hide_the_growth_between_them);
	tcase_add_test(tc, one_wild_sample_moves_the_rate_little);
	tcase_add_test(tc, a_surge_is_seen_by_the_next_sample);
	tcase_add_test(tc, a_surge_that_ended_is_forgotten_within_the_window);
	tcase_add_test(tc, chance_between_two_fast_looks_is_no_surge);
	tcase_add_test(tc, a_clock_that_stands_still_or_goes_back_adds_nothing);
	tcase_add_test(tc, a_gap_begins_anew);
	tcase_add_test(tc, slower_looks_are_no_gap);
	tcase_add_test(tc, huge_numbers_stay_numbers);
	tcase_add_loop_test(tc, whatever_the_samples_the_answers_make_sense, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
