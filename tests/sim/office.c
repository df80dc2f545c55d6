/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A week of an office, for the simulation alone (week.c) and for the daemon in flying time (fly.c); its price. */
#include "config.h"
#include "office.h"

#include <inttypes.h>
#include <math.h>

/* Connections a second by the hour of the day. */
static double demand(unsigned hour)
{
	return 300 + 9000 * fmax(0, sin(((int)hour - 7) * M_PI / 12));
}

/* What happens once: a flood on Wednesday night, a reload on Thursday at noon, kube-proxy on Friday. */
static void incidents(struct sim *s, unsigned day, unsigned hour)
{
	s->load[SIM_UNANSWERED].rate = day == 2 && hour == 3 ? 50e3 : 30;
	s->load[SIM_UNANSWERED].life = 30;
	if (day == 3 && hour == 12) {
		sim_unload(s);
		sim_load_module(s);
	}
	if (day == 4 && hour == 9) {
		s->limit = 131072;
		sim_wake(s);
	}
}

void office_init(struct sim *s)
{
	sim_init(s);
	s->seed = 4711;
	s->noise = 0.002;
	s->settings.foreign = CT_FOREIGN_ENFORCE;
	s->settings.adaptive = true;
	s->settings.shrink = true;
	(void)sim_configure(s, NULL);
}

void office_hour(struct sim *s, unsigned hour)
{
	s->load[SIM_ANSWERED] = (struct sim_load){ .rate = demand(hour % 24), .life = 90 };
	incidents(s, hour / 24, hour % 24);
}

static unsigned at_most(FILE *log, const char *what, double got, double bound)
{
	if (got <= bound)
		return 0;
	(void)fprintf(log, "%s: %.10g, bound %.10g\n", what, got, bound);
	return 1;
}

unsigned office_judge(const struct sim *s, double lost, FILE *log)
{
	const struct sim_tally *t = &s->tally;
	unsigned wrong = 0;

	if (s->wrong[0]) {
		(void)fprintf(log, "%s\n", s->wrong);
		return 1;
	}
	/* one look a second, and a few more in the hour of the flood */
	wrong += at_most(log, "looks", (double)t->looks, OFFICE_DAYS * 86400 * 1.03);
	wrong += at_most(log, "limit writes", (double)t->limit_writes, 20);
	wrong += at_most(log, "bucket writes: at start, after the reload", (double)t->bucket_writes, 2);
	wrong += at_most(log, "time-out writes", (double)t->timeout_writes, 60);
	wrong += at_most(log, "state changes", (double)t->state_changes, 40);
	wrong += at_most(log, "urgent lines", (double)t->urgent, 40);
	wrong += at_most(log, "answered connections lost", t->lost, lost);
	wrong += at_most(log, "longest stall of ours, s", t->stall, 0.02);
	wrong += at_most(log, "times that somebody was asked who fills the table", (double)t->mixes, 5000);
	return wrong;
}
