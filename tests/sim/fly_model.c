/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntuned should say and do: the simulation's decisions, in the daemon's words. */
#include "config.h"
#include "fly.h"
#include "office.h"

#include <inttypes.h>

/* The daemon's timer may be late by an eighth (ACCURACY, daemon.c). */
#define LATE 8

void model_begin(struct model *m)
{
	office_init(&m->sim);
	m->next = m->sim.now;
}

/* As daemon_say_state() does it, without the cause. */
static unsigned tell_state(const struct decide_verdict *v, enum decide_state before, bool first, int log)
{
	bool was = !first && before != v->state;

	if (!first && before == v->state && !v->urgent)
		return 0;
	fly_line(log, "conntuned: state %s%s%s%s%s", decide_state_name(v->state), was ? ", was " : "",
		 was ? decide_state_name(before) : "", v->evidence[0] ? ": " : "", v->evidence);
	return 1;
}

static void tell_step(const struct decide_verdict *v, const char *what, uint64_t from, uint64_t to, int log)
{
	fly_line(log, "conntuned: %s set from %" PRIu64 " to %" PRIu64 " (%s)%s%s. %s", what, from, to,
		 decide_reason_name(v->reason), v->evidence[0] ? ": " : "", v->evidence, decide_reason_text(v->reason));
}

static void tell_timeouts(const struct decide_verdict *v, double from, int log)
{
	if (v->scale >= 1)
		fly_line(log, "conntuned: time-outs are as they were found again (%s): %s. %s",
			 decide_reason_name(v->reason), v->evidence, decide_reason_text(v->reason));
	else
		fly_line(log, "conntuned: time-outs set, from %.0f %% to %.0f %% of what was found (%s): %s. %s",
			 from * 100, v->scale * 100, decide_reason_name(v->reason), v->evidence,
			 decide_reason_text(v->reason));
	fly_line(log, "written: time-outs, %g of what was found", v->scale);
}

/* Buckets before the limit, where both grow (ct_plan_make). */
static unsigned tell_deed(const struct sim *before, const struct sim *now, int log)
{
	const struct decide_verdict *v = &now->verdict;

	if (v->action == DECIDE_NOTHING)
		return 0;
	if (v->action == DECIDE_TIMEOUTS) {
		tell_timeouts(v, before->scale, log);
		return 1;
	}
	if (now->buckets != before->buckets)
		tell_step(v, "buckets", before->buckets, now->buckets, log);
	if (now->limit != before->limit)
		tell_step(v, "limit", before->limit, now->limit, log);
	if (now->buckets != before->buckets)
		fly_line(log, "written: buckets %" PRIu64, now->buckets);
	if (now->limit != before->limit)
		fly_line(log, "written: limit %" PRIu64, now->limit);
	return 1;
}

static void judge_moment(struct model *m, uint64_t now)
{
	uint64_t latest = m->next + m->sim.verdict.next_usec / LATE;

	m->early += now < m->next;
	m->late += now > latest;
}

unsigned model_look(struct model *m, uint64_t now, int log)
{
	static struct sim before;
	unsigned lines;

	world_pass(&m->sim, &m->hour, now);
	judge_moment(m, now);
	before = m->sim;
	m->sim.next = now;
	sim_run(&m->sim, 0);
	m->next = m->sim.next;
	lines = tell_state(&m->sim.verdict, before.decide.state, m->sim.tally.looks == 1, log);
	return lines + tell_deed(&before, &m->sim, log);
}
