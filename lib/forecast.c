/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth of the table from samples at any distance: a resistant line for people, its steep side for decisions. Pure. */
#include "config.h"
#include <conntune/forecast.h>

#include <math.h>
#include <string.h>

#include "util.h"

#define SECOND UINT64_C(1000000)

/* Older samples say little about now: a surge that ended ten seconds ago has ended. */
#define WINDOW_USEC (10 * SECOND)

/* A gap that is both: the machine slept, or we did. What was before says nothing about what is. */
#define GAP_USEC (5 * SECOND)
#define GAP_FACTOR 8

/*
 * The shortest time over which a slope counts. Over 2 ms a handful of connections more or less would be thousands a
 * second; four intervals, or a tenth of a second, tell growth from chance.
 */
#define SPAN_INTERVALS 4
#define SPAN_USEC (SECOND / 10)

void ct_forecast_init(struct ct_forecast *ret)
{
	memset(ret, 0, sizeof(*ret));
}

/* Index of the sample @back before the last one. */
static uint32_t place(const struct ct_forecast *f, uint32_t back)
{
	return (f->next + CT_FORECAST_SAMPLES - 1 - back) % CT_FORECAST_SAMPLES;
}

static uint64_t usec_at(const struct ct_forecast *f, uint32_t back)
{
	return f->sample[place(f, back)].usec;
}

static double entries_at(const struct ct_forecast *f, uint32_t back)
{
	return (double)f->sample[place(f, back)].entries;
}

static double seconds_between(uint64_t early, uint64_t late)
{
	return (double)(late - early) / (double)SECOND;
}

/* Samples of the window; at least three, or who looks once a minute would never know anything. */
static uint32_t in_window(const struct ct_forecast *f)
{
	uint32_t n = f->samples < 3 ? f->samples : 3;

	while (n < f->samples && usec_at(f, 0) - usec_at(f, n) <= WINDOW_USEC)
		n++;
	return n;
}

static double median(double *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t j = i; j > 0 && v[j] < v[j - 1]; j--) {
			double t = v[j];

			v[j] = v[j - 1];
			v[j - 1] = t;
		}
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Medians of time and entries of @n samples, the first one @back before the last. */
static void middle(const struct ct_forecast *f, uint32_t back, uint32_t n, double *seconds, double *entries)
{
	double t[CT_FORECAST_SAMPLES], e[CT_FORECAST_SAMPLES];

	for (uint32_t i = 0; i < n; i++) {
		t[i] = -seconds_between(usec_at(f, back + i), usec_at(f, 0));
		e[i] = entries_at(f, back + i);
	}
	*seconds = median(t, n);
	*entries = median(e, n);
}

/* Tukey's resistant line: from the middle of the oldest third to that of the newest. One wild sample moves nothing. */
static double resistant_slope(const struct ct_forecast *f, uint32_t n)
{
	uint32_t third = n / 3 ? n / 3 : 1;
	double new_t, new_e, old_t, old_e;

	middle(f, 0, third, &new_t, &new_e);
	middle(f, n - third, third, &old_t, &old_e);
	return (new_e - old_e) / (new_t - old_t);
}

/* A sample among its neighbours: one that is far below both would make a slope that nobody climbed. */
static double smoothed(const struct ct_forecast *f, uint32_t back)
{
	double v[3] = { entries_at(f, back - 1), entries_at(f, back), entries_at(f, back + 1) };

	return median(v, 3);
}

/* The steepest way to the sample @to before the last, from any of the @n before it that is far enough away. */
static double steepest_slope(const struct ct_forecast *f, uint32_t to, uint32_t n)
{
	uint64_t end = usec_at(f, to), span = SPAN_INTERVALS * (end - usec_at(f, to + 1));
	double steepest = -INFINITY;

	if (span > SPAN_USEC)
		span = SPAN_USEC;
	/* the oldest has no neighbour to be judged by */
	for (uint32_t back = to + 1; back + 1 < to + n; back++) {
		double slope = (entries_at(f, to) - smoothed(f, back)) / seconds_between(usec_at(f, back), end);

		if (end - usec_at(f, back) >= span || back + 2 == to + n)
			steepest = fmax(steepest, slope);
	}
	return steepest;
}

/*
 * The kernel's collector reaps in batches, so that a table which fills steadily has cliffs in it: between cliffs it goes
 * up, and that is what fills it. Right after a cliff the way up to its edge counts.
 */
static double steep_side(const struct ct_forecast *f, uint32_t n)
{
	double slope = steepest_slope(f, 0, n);

	if (n > 3 && entries_at(f, 0) < entries_at(f, 1))
		slope = fmax(slope, steepest_slope(f, 1, n - 1));
	return slope;
}

static void estimate(struct ct_forecast *f)
{
	uint32_t n = in_window(f);

	if (n < 2) {
		f->rate = f->rate_high = 0;
		return;
	}
	f->rate = resistant_slope(f, n);
	f->rate_high = fmax(f->rate, steep_side(f, n));
}

static uint64_t longest_interval(const struct ct_forecast *f)
{
	uint64_t longest = 0;

	for (uint32_t back = 0; back + 1 < f->samples; back++)
		if (usec_at(f, back) - usec_at(f, back + 1) > longest)
			longest = usec_at(f, back) - usec_at(f, back + 1);
	return longest;
}

/* With one sample there is no interval yet that a gap could be compared with. */
static bool is_gap(const struct ct_forecast *f, uint64_t now_usec)
{
	uint64_t gap = now_usec - usec_at(f, 0);

	return f->samples > 1 && gap > GAP_USEC && gap / GAP_FACTOR > longest_interval(f);
}

void ct_forecast_add(struct ct_forecast *forecast, uint64_t now_usec, uint64_t entries)
{
	struct ct_forecast *f = forecast;

	if (f->samples && now_usec <= usec_at(f, 0))
		return;
	if (f->samples && is_gap(f, now_usec))
		ct_forecast_init(f);
	f->sample[f->next].usec = now_usec;
	f->sample[f->next].entries = entries;
	f->next = (f->next + 1) % CT_FORECAST_SAMPLES;
	if (f->samples < CT_FORECAST_SAMPLES)
		f->samples++;
	estimate(f);
}

uint64_t ct_forecast_usec(const struct ct_forecast *forecast, uint64_t entries)
{
	double usec;

	if (forecast->samples == 0)
		return UINT64_MAX;
	if (forecast->sample[place(forecast, 0)].entries >= entries)
		return 0;
	if (forecast->rate_high <= 0)
		return UINT64_MAX;
	usec = ((double)entries - entries_at(forecast, 0)) / forecast->rate_high * (double)SECOND;
	return usec < 0x1p63 ? (uint64_t)usec : UINT64_MAX;
}

uint64_t ct_forecast_entries(const struct ct_forecast *forecast, uint64_t after_usec)
{
	double entries;

	if (forecast->samples == 0)
		return 0;
	entries = entries_at(forecast, 0) + forecast->rate_high * ((double)after_usec / (double)SECOND);
	return entries < 0x1p63 ? (uint64_t)fmax(entries, 0) : UINT64_MAX;
}
