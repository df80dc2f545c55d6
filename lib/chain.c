/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chain lengths as a Poisson model, accurate far into the tail; pure. */
#include "config.h"
#include <conntune/chain.h>

#include <math.h>

/* Beyond any table that could exist; keeps lengths within unsigned. */
#define LOAD_MAX 1e9

static double usable_load(double load)
{
	return load > 0 ? fmin(load, LOAD_MAX) : 0;
}

double ct_chain_load(uint64_t entries, uint64_t buckets)
{
	return buckets ? 2.0 * (double)entries / (double)buckets : 0;
}

/*
 * k ln(k / load) + load - k, which is 0 at k = load and grows to both sides. Near there the plain formula is the
 * difference of large equal numbers, so a series in d = (k - load) / load stands in: d^2/2 - d^3/6 + d^4/12 ...
 */
static double deviance(double load, double k)
{
	double d = (k - load) / load, power = d, sum = 0;

	if (fabs(d) >= 0.1)
		return k * log(k / load) + load - k;
	for (int n = 2; n < 18; n++) {
		power *= n == 2 ? d : -d;
		sum += power / (n * (n - 1));
	}
	return load * sum;
}

/*
 * ln P(X = k) for load > 0. Straight from the definition, k ln(load) - load - ln(k!) loses all its digits where the
 * terms are large; there ln(k!) is written as Stirling's formula, whose large terms go into deviance().
 */
static double log_p(double load, double k)
{
	int sign;

	if (k < 16)
		return k * log(load) - load - lgamma_r(k + 1, &sign);
	return -deviance(load, k) - 0.5 * log(2 * M_PI * k) -
	       (1 / 12.0 - (1 / 360.0 - (1 / 1260.0 - 1 / (1680 * k * k)) / (k * k)) / (k * k)) / k;
}

double ct_chain_p(double load, unsigned length)
{
	load = usable_load(load);
	if (load == 0)
		return length == 0;
	return exp(log_p(load, length));
}

/* Sums outwards from @k, where terms only get smaller, relative to the first one: nothing under- or overflows. */
static double p_at_least(double load, double k)
{
	double term = 1, sum = 1;

	if (k <= 0)
		return 1;
	if (load == 0)
		return 0;
	if (k > load) {
		for (double i = k + 1; term > sum * 1e-17; i++) {
			term *= load / i;
			sum += term;
		}
		return fmin(exp(log_p(load, k) + log(sum)), 1);
	}
	for (double i = k - 1; term > sum * 1e-17; i--) {
		term *= i / load;
		sum += term;
	}
	return fmax(1 - exp(log_p(load, k - 1) + log(sum)), 0);
}

double ct_chain_p_at_least(double load, unsigned length)
{
	return p_at_least(usable_load(load), length);
}

/* Largest length with P(at least that) > @p; 0 if there is none. */
static unsigned longest_above(double load, double p)
{
	double low = 0, high = floor(load) + 1, step = 1;

	while (p_at_least(load, high) > p) {
		low = high;
		high += step;
		step *= 2;
	}
	while (high - low > 1) {
		double middle = floor((low + high) / 2);

		if (p_at_least(load, middle) > p)
			low = middle;
		else
			high = middle;
	}
	return (unsigned)low;
}

unsigned ct_chain_quantile(double load, double q)
{
	return longest_above(usable_load(load), fmax(1 - q, 0));
}

/* P(longest >= n) = 1 - (1 - P(one >= n))^buckets, taken at one half. */
unsigned ct_chain_longest(double load, uint64_t buckets)
{
	if (buckets == 0)
		return 0;
	return longest_above(usable_load(load), -expm1(-M_LN2 / (double)buckets));
}

/*
 * The kernel draws one limit for both walks (max_chainlen in __nf_conntrack_confirm()), so it is the refusal that is
 * averaged over limits. Averaging q first and then combining the two chains would give up to a third too much.
 */
double ct_chain_p_refused(double load, const struct ct_kernel *kernel)
{
	double sum = 0;

	if (kernel->chain_limit_max == 0)
		return 0;
	for (uint32_t limit = kernel->chain_limit_min; limit <= kernel->chain_limit_max; limit++) {
		double q = p_at_least(usable_load(load), limit + 2.0);

		sum += q * (2 - q); /* 1 - (1 - q)^2 without cancellation */
	}
	return sum / (kernel->chain_limit_max - kernel->chain_limit_min + 1);
}

void ct_chain_histogram(double load, uint64_t buckets, double *counts, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		counts[i] = (double)buckets * ct_chain_p(load, (unsigned)i);
	if (n > 0)
		counts[n - 1] = (double)buckets * p_at_least(usable_load(load), (double)(n - 1));
}

/* P(a chi-square variable of @degrees >= @x): the series that ends, or Wilson and Hilferty's cube root for many. */
static double chi_square_p(double x, unsigned degrees)
{
	double h = x / 2, sum, term, spread = 2.0 / (9.0 * degrees);

	if (degrees > 1000)
		return erfc((cbrt(x / degrees) - (1 - spread)) / sqrt(spread) * M_SQRT1_2) / 2;
	sum = degrees % 2 ? erfc(sqrt(h)) : 0;
	term = exp(-h) * (degrees % 2 ? 2 * sqrt(h / M_PI) : 1);
	for (unsigned i = degrees % 2; i < degrees; i += 2) {
		sum += term;
		term *= h / (i / 2.0 + 1);
	}
	return fmin(sum, 1);
}

/* One bin of the test, which is what E and O are usually called. */
struct bin {
	double expected, found;
};

/* Ends a bin: its part of the statistic. */
static double bin_close(struct bin *bin, struct ct_chain_fit *fit)
{
	double off = bin->found - bin->expected, part = off * off / bin->expected;

	*bin = (struct bin){ 0 };
	fit->degrees++;
	return part;
}

void ct_chain_fit(const uint64_t *histogram, size_t n, struct ct_chain_fit *ret)
{
	double buckets = 0, nodes = 0, load, rest = 0;
	struct ct_chain_fit fit = { .p = 1 };
	struct bin bin = { 0 };

	for (size_t i = 0; i < n; i++) {
		buckets += (double)histogram[i];
		nodes += (double)i * (double)histogram[i];
	}
	load = buckets > 0 ? nodes / buckets : 0;
	for (size_t i = 0; i < n && load > 0; i++) {
		double p = ct_chain_p(load, (unsigned)i), expected = buckets * p;

		rest = buckets * p_at_least(load, (double)i + 1);
		fit.distance += fabs((double)histogram[i] - expected);
		fit.by_chance += sqrt(expected * (1 - p));
		bin.expected += expected;
		bin.found += (double)histogram[i];
		if (bin.expected >= 5 && rest >= 5)
			fit.chi_square += bin_close(&bin, &fit);
	}
	if (load > 0) {
		bin.expected += rest;
		fit.chi_square += bin_close(&bin, &fit);
		/* each bucket that is off counts twice: missing here, too many there; E|x| of a normal x is s sqrt(2/pi) */
		fit.distance = (fit.distance + rest) / 2 / buckets;
		fit.by_chance *= sqrt(2 / M_PI) / 2 / buckets;
	}
	/* the sum of all bins and their mean were taken from the table itself */
	fit.degrees = fit.degrees > 2 ? fit.degrees - 2 : 0;
	if (fit.degrees)
		fit.p = chi_square_p(fit.chi_square, fit.degrees);
	*ret = fit;
}
