/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes while one looks: counters, their rates, namespaces, and the cause that they tell of. */
#ifndef CONNTUNE_LIVE_H
#define CONNTUNE_LIVE_H

#include <stdbool.h>
#include <conntune/cause.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include <conntune/netns.h>
#include <conntune/stats.h>
#include "out.h"

/**
 * struct live - begins as all zero, ends with live_done()
 * @stats:    NULL: no counters can be read here
 * @now, @before: samples; has_rates: both are there
 * @at:       of @now, seconds of the monotonic clock
 * @seconds:  between the two
 * @entries_before: for the rate of entries
 * @tracking: symptoms, cause and netns mean something
 */
struct live {
	struct ct_stats *stats;
	struct ct_sample now, before;
	bool has_now, has_rates;
	double at, seconds;
	struct ct_u64 entries_before;
	bool tracking;
	struct ct_netns_list *netns;
	struct ct_symptoms symptoms;
	struct ct_cause cause;
};

/* Look again. Where there is no connection tracking, nothing is asked: that would load the module. */
int live_update(struct live *live, struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err);
void live_done(struct live *live);

void live_show_cause(const struct live *live, struct out *out);
void live_show_counters(const struct live *live, struct out *out);
void live_show_namespaces(const struct live *live, struct out *out);

/* All of it in one line of words and numbers, without a newline. */
void live_line(const struct live *live, FILE *f);

#endif
