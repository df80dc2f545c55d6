/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the number of entries is going: growth and time to full, from samples. Pure; time is data. */
#ifndef CONNTUNE_FORECAST_H
#define CONNTUNE_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CT_FORECAST_SAMPLES 32

/**
 * struct ct_forecast - the last samples, and what they say
 * @rate:    entries a second now; negative while the table empties
 * @rate_high: the upper end of what the samples allow: what a careful decision looks at
 * @samples: how many the estimate rests on; 0: nothing known yet
 */
struct ct_forecast {
	struct { uint64_t usec, entries; } sample[CT_FORECAST_SAMPLES];
	uint32_t next, samples;
	double rate, rate_high;
};

/** ct_forecast_init - nothing is known yet */
void ct_forecast_init(struct ct_forecast *ret);

/**
 * ct_forecast_add - one more sample
 * @now_usec: any monotonic clock. Not later than the last sample: ignored. A gap much longer than the samples before (a
 *            suspended machine, a stopped process) begins anew.
 */
void ct_forecast_add(struct ct_forecast *forecast, uint64_t now_usec, uint64_t entries);

/**
 * ct_forecast_usec - time until so many entries are there, if it goes on like this (rate_high)
 * Unit: microseconds; UINT64_MAX: never, or nothing known; 0: they are there.
 */
uint64_t ct_forecast_usec(const struct ct_forecast *forecast, uint64_t entries);

/* Entries after so many microseconds, by rate_high; never below 0. The last sample's if nothing is known. */
uint64_t ct_forecast_entries(const struct ct_forecast *forecast, uint64_t after_usec);

#ifdef __cplusplus
}
#endif
#endif
