/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of a verdict: whose the values are now, what waits for consent, when to try again. Pure. */
#include "config.h"
#include "decide.h"
#include "view.h"

#include <errno.h>

#define SECOND VIEW_SECOND

/* What the kernel needs to make a bucket of a new array. */
#define USEC_PER_BUCKET 0.02

#define BACKOFF_LEAST_USEC (SECOND / 20)
#define BACKOFF_MOST_USEC (300 * SECOND)

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void back_off(struct decide_backoff *b, uint64_t now)
{
	uint64_t wait = BACKOFF_LEAST_USEC;

	for (uint32_t i = 0; i < b->failures && wait < BACKOFF_MOST_USEC; i++)
		wait *= 2;
	b->failures++;
	b->until_usec = now + min_u64(wait, BACKOFF_MOST_USEC);
}

/* Buckets are the harder part: a plan is done whole or not at all, so next time the limit goes alone. */
static void note_failure(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	if (verdict->action == DECIDE_TIMEOUTS) {
		back_off(&d->timeouts_backoff, d->now_usec);
		return;
	}
	if (verdict->buckets == 0 || verdict->action == DECIDE_PUT_BACK) {
		back_off(&d->limit_backoff, d->now_usec);
		return;
	}
	back_off(&d->buckets_backoff, d->now_usec);
	if (outcome->done == -ENOMEM || outcome->done == -ENOSPC)
		d->most_buckets = verdict->buckets / 2;
}

/*
 * The write makes the new array before it moves anybody: 0.6 s for 2^25 buckets of an empty table, while packets went on. A
 * few nodes tell more about the clock than about nodes.
 */
static void note_stall(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	double moved = (double)outcome->stall_usec - USEC_PER_BUCKET * (double)verdict->buckets;

	if (moved <= 0 || outcome->nodes < 1000)
		return;
	d->stall_usec_per_node = moved / (double)outcome->nodes;
}

/* The first change that waits says what to go back to, and when. What was ours before a reload needs no new consent. */
static void note_change(struct decide *d, const struct decide_verdict *verdict, uint64_t *before, uint64_t was)
{
	if (d->confirm_usec == 0 || verdict->reason == DECIDE_RELOAD)
		return;
	if (d->confirm_by_usec == 0) {
		d->confirm_by_usec = d->now_usec + d->confirm_usec;
		d->before_limit = d->before_buckets = 0;
	}
	if (*before == 0)
		*before = was;
}

static void note_limit(struct decide *d, const struct decide_verdict *verdict, uint64_t got)
{
	if (verdict->limit == 0)
		return;
	if (got != verdict->limit) {
		d->advised_limit = verdict->limit;
		return;
	}
	note_change(d, verdict, &d->before_limit, d->last_limit);
	d->set_limit = d->last_limit = got;
	/* whoever writes now writes over ours, whatever they wrote before */
	d->foreign_limit = 0;
	d->limit_at_usec = d->now_usec;
}

/* The kernel rounds up to whole pages; buckets that are unchanged were advice. */
static void note_buckets(struct decide *d, const struct decide_verdict *verdict, uint64_t got)
{
	if (verdict->buckets == 0)
		return;
	if (got == d->last_buckets) {
		d->advised_buckets = verdict->buckets;
		return;
	}
	note_change(d, verdict, &d->before_buckets, d->last_buckets);
	d->set_buckets = d->last_buckets = got;
	d->foreign_buckets = 0;
	d->buckets_at_usec = d->now_usec;
}

static void note_values(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	d->limit_backoff.failures = 0;
	if (verdict->buckets)
		d->buckets_backoff.failures = 0;
	note_limit(d, verdict, outcome->limit.known ? outcome->limit.v : verdict->limit);
	note_buckets(d, verdict, outcome->buckets.known ? outcome->buckets.v : verdict->buckets);
	if (verdict->reason == DECIDE_START)
		d->started = true;
	if (verdict->reason == DECIDE_FOREIGN_WRITE) {
		d->enforced++;
		d->enforced_at_usec = d->now_usec;
	}
}

/* What is in force is somebody's decision again, and stays it until `conntune resume`. */
static void note_put_back(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	if (verdict->buckets)
		d->buckets_at_usec = d->now_usec;
	d->confirm_by_usec = 0;
	d->set_limit = d->set_buckets = 0;
	d->hold = true;
	if (outcome->limit.known)
		d->last_limit = outcome->limit.v;
	if (outcome->buckets.known)
		d->last_buckets = outcome->buckets.v;
}

static void note_timeouts(struct decide *d, const struct decide_verdict *verdict)
{
	d->scale = verdict->scale;
	d->scale_at_usec = d->now_usec;
	d->timeouts_backoff.failures = 0;
}

bool decide_put_back(const struct decide *d, struct decide_verdict *ret)
{
	*ret = (struct decide_verdict){ .state = d->state, .action = DECIDE_PUT_BACK, .reason = DECIDE_UNCONFIRMED };
	if (d->confirm_by_usec == 0)
		return false;
	if (d->last_limit == d->set_limit)
		ret->limit = d->before_limit;
	if (d->last_buckets == d->set_buckets)
		ret->buckets = d->before_buckets;
	return ret->limit || ret->buckets;
}

void decide_done(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	note_stall(d, verdict, outcome);
	if (outcome->done < 0)
		note_failure(d, verdict, outcome);
	else if (verdict->action == DECIDE_TIMEOUTS)
		note_timeouts(d, verdict);
	else if (verdict->action == DECIDE_PUT_BACK)
		note_put_back(d, verdict, outcome);
	else
		note_values(d, verdict, outcome);
}
