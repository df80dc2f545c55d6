/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chain model against exact numbers, against the reference's table and measurements, and against itself. */
#include "config.h"
#include "check.h"
#include "util.h"
#include <conntune/chain.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define assert_close(got, want, relative)                                                                              \
	ck_assert_msg(fabs((got) - (want)) <= fabs(want) * (relative), "%.17e is not %.17e", (double)(got),            \
		      (double)(want))

START_TEST(load_counts_each_entry_twice)
{
	ck_assert_double_eq(ct_chain_load(65536, 65536), 2);
	ck_assert_double_eq(ct_chain_load(65536, 8192), 16);
	ck_assert_double_eq(ct_chain_load(1, 0), 0);
	ck_assert_double_eq(ct_chain_load(0, 512), 0);
}
END_TEST

/* Computed with 60 decimal digits. */
static const struct {
	double load;
	unsigned k;
	double p, tail;
} exact[] = {
	{ .load = 0.001, .k = 1, .p = 9.99000499833375098e-04, .tail = 9.99500166625008233e-04 },
	{ .load = 0.001, .k = 2, .p = 4.99500249916687533e-07, .tail = 4.99666791633340279e-07 },
	{ .load = 0.001, .k = 5, .p = 8.32500416527812435e-18, .tail = 8.32639186421150183e-18 },
	{ .load = 0.001, .k = 50, .p = 3.28466311064337848e-215, .tail = 3.28472751704099477e-215 },
	{ .load = 0.001, .k = 80, .p = 0, .tail = 0 },
	{ .load = 0.5, .k = 0, .p = 6.06530659712633424e-01, .tail = 1.00000000000000000e+00 },
	{ .load = 0.5, .k = 1, .p = 3.03265329856316712e-01, .tail = 3.93469340287366576e-01 },
	{ .load = 0.5, .k = 3, .p = 1.26360554106798636e-02, .tail = 1.43876779669706873e-02 },
	{ .load = 0.5, .k = 16, .p = 4.42336965865249353e-19, .tail = 4.55718016751240307e-19 },
	{ .load = 0.5, .k = 17, .p = 1.30099107607426283e-20, .tail = 1.33810508859910017e-20 },
	{ .load = 0.5, .k = 100, .p = 5.12683733063829932e-189, .tail = 5.15234273397175209e-189 },
	{ .load = 2, .k = 1, .p = 2.70670566473225405e-01, .tail = 8.64664716763387298e-01 },
	{ .load = 2, .k = 2, .p = 2.70670566473225405e-01, .tail = 5.93994150290161893e-01 },
	{ .load = 2, .k = 3, .p = 1.80447044315483585e-01, .tail = 3.23323583816936544e-01 },
	{ .load = 2, .k = 10, .p = 3.81898506487795953e-05, .tail = 4.64980750172638049e-05 },
	{ .load = 2, .k = 15, .p = 3.39126212887375711e-09, .tail = 3.87123040460029240e-09 },
	{ .load = 2, .k = 16, .p = 4.23907766109219638e-10, .tail = 4.79968275726535806e-10 },
	{ .load = 2, .k = 17, .p = 4.98715018952023096e-11, .tail = 5.60605096173161682e-11 },
	{ .load = 2, .k = 25, .p = 2.92762366435499141e-19, .tail = 3.17078667580250535e-19 },
	{ .load = 2, .k = 150, .p = 3.38078050090162157e-219, .tail = 3.42615604520594096e-219 },
	{ .load = 16, .k = 1, .p = 1.80056279550814586e-06, .tail = 9.99999887464825266e-01 },
	{ .load = 16, .k = 10, .p = 3.40976998284912777e-02, .tail = 9.56701684058134161e-01 },
	{ .load = 16, .k = 15, .p = 9.92175316221558246e-02, .tail = 6.32472640234435057e-01 },
	{ .load = 16, .k = 16, .p = 9.92175316221558246e-02, .tail = 5.33255108612279205e-01 },
	{ .load = 16, .k = 17, .p = 9.33812062326172393e-02, .tail = 4.34037576990123408e-01 },
	{ .load = 16, .k = 18, .p = 8.30055166512153331e-02, .tail = 3.40656370757506211e-01 },
	{ .load = 16, .k = 40, .p = 2.01577719508835052e-07, .tail = 3.27613060125221846e-07 },
	{ .load = 16, .k = 150, .p = 8.17320283572882677e-90, .tail = 9.14103674157015348e-90 },
	{ .load = 48, .k = 30, .p = 1.47042173968565558e-03, .tail = 9.97821794819129582e-01 },
	{ .load = 48, .k = 48, .p = 5.74824770456686465e-02, .tail = 5.19196237319656473e-01 },
	{ .load = 48, .k = 49, .p = 5.63093652692264329e-02, .tail = 4.61713760273987861e-01 },
	{ .load = 48, .k = 52, .p = 4.69635393955828775e-02, .tail = 3.00470236667755963e-01 },
	{ .load = 48, .k = 81, .p = 3.72556679928197209e-06, .tail = 8.79403054477254470e-06 },
	{ .load = 48, .k = 300, .p = 1.09757204616307088e-131, .tail = 1.30565186479405881e-131 },
	{ .load = 1000, .k = 900, .p = 7.51695435212595189e-05, .tail = 9.99377402215724908e-01 },
	{ .load = 1000, .k = 1000, .p = 1.26146113487214991e-02, .tail = 5.04205244180215506e-01 },
	{ .load = 1000, .k = 1001, .p = 1.26020093393821170e-02, .tail = 4.91590632831494012e-01 },
	{ .load = 1000, .k = 1100, .p = 9.49894424229950711e-05, .tail = 9.62630405866557177e-04 },
	{ .load = 1000, .k = 2200, .p = 5.66451524437651263e-235, .tail = 1.03777537836496585e-234 },
	{ .load = 1000000, .k = 999000, .p = 2.42051415050649005e-04, .tail = 8.41465751603325041e-01 },
	{ .load = 1000000, .k = 1000000, .p = 3.98942247156244042e-04, .tail = 5.00132980760872536e-01 },
	{ .load = 1000000, .k = 1000001, .p = 3.98941848214395790e-04, .tail = 4.99734038513716339e-01 },
	{ .load = 1000000, .k = 1010000, .p = 9.03749159942156607e-26, .tail = 9.03920639809965835e-24 },
	{ .load = 1000000, .k = 1030000, .p = 1.22321328310150983e-197, .tail = 4.19504822901787214e-196 },
	{ .load = 1000000000, .k = 999900000, .p = 8.49937490063997601e-08, .tail = 9.99217468868413672e-01 },
	{ .load = 1000000000, .k = 1000000000, .p = 1.26156626090494942e-05, .tail = 5.00004205220870079e-01 },
	{ .load = 1000000000, .k = 1000000001, .p = 1.26156625964338329e-05, .tail = 4.99991589558261007e-01 },
	{ .load = 1000000000, .k = 1000200000, .p = 2.60349054032826878e-14, .tail = 1.27163561488301838e-10 },
	{ .load = 1000000000, .k = 1001000000, .p = 1.06120263471778430e-222, .tail = 1.06120474553499925e-219 },
};

START_TEST(probabilities_equal_the_exact_ones)
{
	assert_close(ct_chain_p(exact[_i].load, exact[_i].k), exact[_i].p, 1e-10);
	assert_close(ct_chain_p_at_least(exact[_i].load, exact[_i].k), exact[_i].tail, 1e-10);
}
END_TEST

START_TEST(an_empty_table_has_only_empty_chains)
{
	static const double loads[] = { 0, -1, NAN };

	ck_assert_double_eq(ct_chain_p(loads[_i], 0), 1);
	ck_assert_double_eq(ct_chain_p(loads[_i], 1), 0);
	ck_assert_double_eq(ct_chain_p_at_least(loads[_i], 0), 1);
	ck_assert_double_eq(ct_chain_p_at_least(loads[_i], 1), 0);
	ck_assert_uint_eq(ct_chain_longest(loads[_i], 65536), 0);
	ck_assert_uint_eq(ct_chain_quantile(loads[_i], 0.999), 0);
}
END_TEST

START_TEST(loads_above_1e9_count_as_1e9)
{
	ck_assert_uint_eq(ct_chain_quantile(1e30, 0.5), 1000000000);
	ck_assert_double_eq(ct_chain_p(INFINITY, 1000000000), ct_chain_p(1e9, 1000000000));
}
END_TEST

/* At most 1 - q of all chains are longer than n. With load 2: P(> 4) = 5.3 %, P(> 5) = 1.7 %, P(> 9) = 4.6e-5. */
static const struct {
	double load, q;
	unsigned n;
} quantiles[] = {
	{ .load = 2, .q = 0.5, .n = 2 },
	{ .load = 2, .q = 0.1, .n = 0 },
	{ .load = 2, .q = 0.2, .n = 1 },
	{ .load = 2, .q = 0.94, .n = 4 },
	{ .load = 2, .q = 0.95, .n = 5 },
	{ .load = 2, .q = 0.99995, .n = 9 },
	{ .load = 16, .q = 0.5, .n = 16 },
	{ .load = 1e9, .q = 0.5, .n = 1000000000 },
	{ .load = 2, .q = -1, .n = 0 },
};

START_TEST(quantile_is_the_shortest_length_that_few_exceed)
{
	double load = quantiles[_i].load, q = quantiles[_i].q;
	unsigned n = ct_chain_quantile(load, q);

	ck_assert_uint_eq(n, quantiles[_i].n);
	ck_assert_double_le(ct_chain_p_at_least(load, n + 1), 1 - q);
	if (n > 0)
		ck_assert_double_gt(ct_chain_p_at_least(load, n), 1 - q);
}
END_TEST

START_TEST(quantile_ends_where_the_tail_can_not_be_told_from_nothing)
{
	unsigned n = ct_chain_quantile(2, 1);

	ck_assert_double_gt(ct_chain_p_at_least(2, n), 0);
	ck_assert_double_eq(ct_chain_p_at_least(2, n + 1), 0);
	ck_assert_uint_eq(ct_chain_quantile(2, 2), n);
}
END_TEST

/* The first row was counted on a live table: 262,144 buckets and 200,000 entries had a longest chain of 10. */
static const struct {
	uint64_t entries, buckets;
	unsigned longest;
} maxima[] = {
	{ .entries = 200000, .buckets = 262144, .longest = 10 },
	{ .entries = 65536, .buckets = 65536, .longest = 10 },
	{ .entries = 65536, .buckets = 8192, .longest = 33 },
	{ .entries = 1, .buckets = 1, .longest = 2 },
	{ .entries = 1, .buckets = 0, .longest = 0 },
	{ .entries = 1, .buckets = 1 << 30, .longest = 1 },
};

START_TEST(longest_is_the_median_of_the_maximum)
{
	uint64_t buckets = maxima[_i].buckets;
	double load = ct_chain_load(maxima[_i].entries, buckets);
	unsigned n = ct_chain_longest(load, buckets);

	ck_assert_uint_eq(n, maxima[_i].longest);
	if (buckets == 0)
		return;
	ck_assert_double_ge(1 - pow(1 - ct_chain_p_at_least(load, n), (double)buckets), 0.5);
	ck_assert_double_lt(1 - pow(1 - ct_chain_p_at_least(load, n + 1), (double)buckets), 0.5);
}
END_TEST

static const struct ct_kernel no_limit, limit_8 = { .chain_limit_min = 8, .chain_limit_max = 31 },
					limit_50 = { .chain_limit_min = 50, .chain_limit_max = 79 };

/*
 * Rows of the reference's table, section 4, as limit / buckets. Its numbers come from 1 - (1 - mean of q)^2, as if
 * each of the two chains had a limit of its own; the kernel draws one for both, which refuses less where q varies
 * with the limit. So that formula meets the table within its rounding, and ours stays below it, at "exact".
 */
static const struct {
	const struct ct_kernel *kernel;
	double ratio, table, tolerance, exact;
} refused[] = {
	{ .kernel = &limit_8, .ratio = 0.5, .table = 1e-8, .tolerance = 0.05, .exact = 1.01978e-08 },
	{ .kernel = &limit_8, .ratio = 1, .table = 5e-6, .tolerance = 0.1, .exact = 4.70091e-06 },
	{ .kernel = &limit_8, .ratio = 2, .table = 1e-3, .tolerance = 0.05, .exact = 0.00101883 },
	{ .kernel = &limit_8, .ratio = 3, .table = 0.013, .tolerance = 0.05, .exact = 0.0130484 },
	{ .kernel = &limit_8, .ratio = 4, .table = 0.058, .tolerance = 0.01, .exact = 0.0535888 },
	{ .kernel = &limit_8, .ratio = 8, .table = 0.50, .tolerance = 0.01, .exact = 0.385345 },
	{ .kernel = &limit_8, .ratio = 12, .table = 0.86, .tolerance = 0.01, .exact = 0.732834 },
	{ .kernel = &limit_8, .ratio = 16, .table = 0.99, .tolerance = 0.01, .exact = 0.959006 },
	{ .kernel = &limit_8, .ratio = 20, .table = 1, .tolerance = 0.001, .exact = 0.998843 },
	{ .kernel = &limit_8, .ratio = 24, .table = 1, .tolerance = 0.001, .exact = 0.999994 },
	{ .kernel = &limit_50, .ratio = 0.5, .table = 0, .exact = 0 },
	{ .kernel = &limit_50, .ratio = 1, .table = 0, .exact = 0 },
	{ .kernel = &limit_50, .ratio = 2, .table = 0, .exact = 0 },
	{ .kernel = &limit_50, .ratio = 3, .table = 0, .exact = 0 },
	{ .kernel = &limit_50, .ratio = 4, .table = 0, .exact = 0 },
	{ .kernel = &limit_50, .ratio = 8, .table = 1e-13, .tolerance = 0.25, .exact = 7.77406e-14 },
	{ .kernel = &limit_50, .ratio = 12, .table = 6e-8, .tolerance = 0.05, .exact = 5.94456e-08 },
	{ .kernel = &limit_50, .ratio = 16, .table = 1e-4, .tolerance = 0.15, .exact = 0.00011144 },
	{ .kernel = &limit_50, .ratio = 20, .table = 0.009, .tolerance = 0.05, .exact = 0.00852298 },
	{ .kernel = &limit_50, .ratio = 24, .table = 0.10, .tolerance = 0.02, .exact = 0.0933868 },
};

static double refused_with_two_draws(double load, const struct ct_kernel *kernel)
{
	double mean = 0;

	for (uint32_t limit = kernel->chain_limit_min; limit <= kernel->chain_limit_max; limit++)
		mean += ct_chain_p_at_least(load, limit + 2);
	mean /= kernel->chain_limit_max - kernel->chain_limit_min + 1;
	return mean * (2 - mean);
}

START_TEST(refusals_follow_the_reference_table)
{
	double load = 2 * refused[_i].ratio, p = ct_chain_p_refused(load, refused[_i].kernel);
	double draws = refused_with_two_draws(load, refused[_i].kernel);

	ck_assert_double_le(p, draws);
	if (refused[_i].table == 0) {
		ck_assert_double_le(draws, 1e-14); /* the table's 0: far below its next number */
		return;
	}
	assert_close(p, refused[_i].exact, 1e-5);
	assert_close(draws, refused[_i].table, refused[_i].tolerance);
}
END_TEST

/*
 * A table of 512 buckets (6.12, limit 50..79) filled until its mean chain had the given length: a refused connection
 * adds nothing, so each step takes 1 / (1 - P) attempts. Counted on a live kernel; three standard deviations allowed.
 */
static const struct {
	unsigned from, to;
	double measured, predicted;
} fills[] = {
	{ .from = 32, .to = 40, .measured = 1, .predicted = 4.7 },
	{ .from = 40, .to = 48, .measured = 75, .predicted = 86 },
	{ .from = 48, .to = 54, .measured = 322, .predicted = 310 },
};

START_TEST(refusals_agree_with_those_counted_on_a_live_kernel)
{
	double sum = 0;

	for (unsigned entries = fills[_i].from * 256; entries < fills[_i].to * 256; entries++) {
		double p = ct_chain_p_refused(ct_chain_load(entries, 512), &limit_50);

		sum += p / (1 - p);
	}
	assert_close(sum, fills[_i].predicted, 0.02);
	ck_assert_double_le(fabs(sum - fills[_i].measured), 3 * sqrt(sum));
}
END_TEST

START_TEST(kernels_without_a_chain_limit_refuse_nothing)
{
	ck_assert_double_eq(ct_chain_p_refused(1000, &no_limit), 0);
}
END_TEST

START_TEST(histogram_puts_all_longer_chains_into_its_last_place)
{
	double counts[3] = { -1, -1, -1 };

	ct_chain_histogram(2, 1000, counts, 0);
	ck_assert_double_eq(counts[0], -1);
	ct_chain_histogram(2, 1000, counts, 1);
	ck_assert_double_eq(counts[0], 1000);
	ct_chain_histogram(2, 1000, counts, 3);
	assert_close(counts[0], 135.335283236613, 1e-12);
	assert_close(counts[1], 270.670566473225, 1e-12);
	assert_close(counts[2], 593.994150290162, 1e-12);
}
END_TEST

/* CONNTUNE_SEED in the environment repeats a run. */
static uint64_t seed;

static void seed_choose(const char *test)
{
	const char *given = getenv("CONNTUNE_SEED");

	seed = given ? strtoull(given, NULL, 10) | 1 : 2654435761u;
	printf("%s: seed %" PRIu64 "\n", test, seed);
}

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

static void probabilities_are_ordered(double load, unsigned k)
{
	static const double none = 1e-12; /* rounding */
	double here = ct_chain_p_at_least(load, k), next = ct_chain_p_at_least(load, k + 1);
	double more = ct_chain_p_at_least(load * 1.5, k);

	ck_assert_double_ge(next, 0);
	ck_assert_double_le(next, here * (1 + none) + none);
	ck_assert_double_le(here, 1);
	ck_assert_double_le(here, more + none);
	ck_assert_double_le(fabs(here - next - ct_chain_p(load, k)), none * 100);
	ck_assert_double_le(ct_chain_p_refused(load, &limit_8), ct_chain_p_refused(load * 1.5, &limit_8) + none);
	ck_assert_double_le(ct_chain_p_refused(load, &limit_50), ct_chain_p_refused(load, &limit_8) + none);
	ck_assert_double_le(ct_chain_p_refused(load, &limit_8), 1);
}

static void histogram_sums_to_buckets(double load, uint64_t buckets, size_t n)
{
	double counts[64], sum = 0;

	ct_chain_histogram(load, buckets, counts, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_double_ge(counts[i], 0);
		sum += counts[i];
	}
	assert_close(sum, (double)buckets, 1e-11);
}

START_TEST(random_loads_give_ordered_probabilities)
{
	seed_choose("chain");
	for (int i = 0; i < 2000; i++) {
		double load = pow(10, uniform() * 7 - 3);
		uint64_t buckets = 1 + (uint64_t)pow(2, uniform() * 31);
		double q = uniform();

		probabilities_are_ordered(load, (unsigned)(load * 2 * uniform() + 10 * uniform()));
		histogram_sums_to_buckets(load, buckets, 1 + (size_t)(uniform() * 63));
		ck_assert_uint_le(ct_chain_longest(load, buckets), ct_chain_longest(load * 1.5, buckets));
		ck_assert_uint_le(ct_chain_longest(load, buckets), ct_chain_longest(load, buckets * 2));
		ck_assert_uint_le(ct_chain_quantile(load, q * 0.9), ct_chain_quantile(load, q));
	}
}
END_TEST

/* Throws @nodes into @buckets; a histogram of @n. */
static void throw_nodes(size_t buckets, size_t nodes, uint64_t *histogram, size_t n)
{
	unsigned *chain = calloc(buckets, sizeof(*chain));

	ck_assert_ptr_nonnull(chain);
	for (size_t i = 0; i < nodes; i++)
		chain[(size_t)(uniform() * (double)buckets)]++;
	memset(histogram, 0, n * sizeof(*histogram));
	for (size_t i = 0; i < buckets; i++)
		histogram[chain[i] < n ? chain[i] : n - 1]++;
	free(chain);
}

static const struct {
	size_t buckets, nodes;
} tables[] = { { 512, 512 }, { 4096, 8192 }, { 65536, 100000 }, { 512, 20480 }, { 20000, 100 } };

START_TEST(fair_tables_fit)
{
	uint64_t histogram[2000];
	struct ct_chain_fit fit;
	double sum = 0;

	seed_choose("chain");
	for (int i = 0; i < 20; i++) {
		throw_nodes(tables[_i].buckets, tables[_i].nodes, histogram, ct_array_size(histogram));
		ct_chain_fit(histogram, ct_array_size(histogram), &fit);
		ck_assert_double_gt(fit.p, 1e-7);
		ck_assert_double_le(fit.p, 1);
		ck_assert_double_lt(fit.distance, 3 * fit.by_chance + 0.01);
		sum += fit.p;
	}
	/* p of fair tables is spread evenly over 0 .. 1: the mean of 20 is 0.5 +- 0.065 */
	ck_assert_msg(fit.degrees == 0 || (sum > 2 && sum < 18), "sum of p: %g", sum);
}
END_TEST

START_TEST(a_table_with_two_kinds_of_buckets_does_not_fit)
{
	/* half of the buckets get three times as many nodes as the others */
	uint64_t histogram[12];
	double one[12], three[12];
	struct ct_chain_fit fit;

	ct_chain_histogram(1, 32768, one, 12);
	ct_chain_histogram(3, 32768, three, 12);
	for (size_t i = 0; i < 12; i++)
		histogram[i] = (uint64_t)(one[i] + three[i]);
	ct_chain_fit(histogram, 12, &fit);
	ck_assert_double_lt(fit.p, 1e-12);
	ck_assert_double_gt(fit.distance, 10 * fit.by_chance);
}
END_TEST

/* Two bins are as good as any fit; then the statistic of tables that can be checked by hand. */
static const struct {
	uint64_t histogram[4];
	size_t n;
	double distance, chi_square;
	unsigned degrees;
	double p;
} fits[] = {
	{ .n = 0, .p = 1 },
	{ .histogram = { 0 }, .n = 4, .p = 1 },
	{ .histogram = { 1024 }, .n = 1, .p = 1 },
	{ .histogram = { 0, 1000 }, .n = 2, .distance = 0.632120558828558, .chi_square = 1718.28182845905, .degrees = 1,
	  .p = 0 },
};

START_TEST(fit_of_small_tables_is_as_computed_by_hand)
{
	struct ct_chain_fit fit;

	ct_chain_fit(fits[_i].histogram, fits[_i].n, &fit);
	assert_close(fit.distance, fits[_i].distance, 1e-12);
	assert_close(fit.p, fits[_i].p, 1e-12);
	if (fits[_i].degrees) {
		ck_assert_uint_eq(fit.degrees, fits[_i].degrees);
		assert_close(fit.chi_square, fits[_i].chi_square, 1e-12);
	}
}
END_TEST

START_TEST(fit_of_very_many_lengths_uses_the_approximation)
{
	/* mean 40000: more than 1000 lengths of 5 buckets each, filled just as expected */
	size_t n = 41500;
	double *expected = calloc(n, sizeof(*expected));
	uint64_t *histogram = calloc(n, sizeof(*histogram));
	struct ct_chain_fit fit;

	ck_assert(expected && histogram);
	ct_chain_histogram(40000, 1 << 22, expected, n);
	for (size_t i = 0; i < n; i++)
		histogram[i] = (uint64_t)(expected[i] + 0.5);
	ct_chain_fit(histogram, n, &fit);
	ck_assert_uint_gt(fit.degrees, 1000);
	ck_assert_double_gt(fit.p, 0.99999);
	/* and nothing of it is left when each other length is moved to its neighbour */
	for (size_t i = 0; i + 1 < n; i += 2) {
		histogram[i] += histogram[i + 1];
		histogram[i + 1] = 0;
	}
	ct_chain_fit(histogram, n, &fit);
	ck_assert_double_lt(fit.p, 1e-12);
	free(histogram);
	free(expected);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("chain");
	TCase *tc = tcase_create("chain");

	tcase_add_test(tc, load_counts_each_entry_twice);
	tcase_add_loop_test(tc, probabilities_equal_the_exact_ones, 0, ct_array_size(exact));
	tcase_add_loop_test(tc, an_empty_table_has_only_empty_chains, 0, 3);
	tcase_add_test(tc, loads_above_1e9_count_as_1e9);
	tcase_add_loop_test(tc, quantile_is_the_shortest_length_that_few_exceed, 0, ct_array_size(quantiles));
	tcase_add_test(tc, quantile_ends_where_the_tail_can_not_be_told_from_nothing);
	tcase_add_loop_test(tc, longest_is_the_median_of_the_maximum, 0, ct_array_size(maxima));
	tcase_add_loop_test(tc, refusals_follow_the_reference_table, 0, ct_array_size(refused));
	tcase_add_loop_test(tc, refusals_agree_with_those_counted_on_a_live_kernel, 0, ct_array_size(fills));
	tcase_add_test(tc, kernels_without_a_chain_limit_refuse_nothing);
	tcase_add_test(tc, histogram_puts_all_longer_chains_into_its_last_place);
	tcase_add_test(tc, random_loads_give_ordered_probabilities);
	tcase_add_loop_test(tc, fair_tables_fit, 0, ct_array_size(tables));
	tcase_add_test(tc, a_table_with_two_kinds_of_buckets_does_not_fit);
	tcase_add_loop_test(tc, fit_of_small_tables_is_as_computed_by_hand, 0, ct_array_size(fits));
	tcase_add_test(tc, fit_of_very_many_lengths_uses_the_approximation);
	suite_add_tcase(s, tc);
	return s;
}
