/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A week in a second: days and nights, noise, a flood, a reload, a foreign write. Flat, few writes, the same again. */
#include "config.h"
#include "sim.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * SIM_SECOND)
#define DAYS 7

/* Connections a second by the hour, as an office has them. */
static double demand(unsigned hour)
{
	return 300 + 9000 * fmax(0, sin((hour - 7) * M_PI / 12));
}

static unsigned failures;

static void expect(bool holds, const char *what, double got, double bound)
{
	if (holds)
		return;
	failures++;
	(void)fprintf(stderr, "%s: %.10g, bound %.10g\n", what, got, bound);
}

static void at_most(const char *what, double got, double bound)
{
	expect(got <= bound, what, got, bound);
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

static void run_week(struct sim *s)
{
	sim_init(s);
	s->seed = 4711;
	s->noise = 0.002;
	s->settings.foreign = CT_FOREIGN_ENFORCE;
	s->settings.adaptive = true;
	s->settings.shrink = true;
	(void)sim_configure(s, NULL);
	for (unsigned day = 0; day < DAYS; day++)
		for (unsigned hour = 0; hour < 24; hour++) {
			s->load[SIM_ANSWERED] = (struct sim_load){ .rate = demand(hour), .life = 90 };
			incidents(s, day, hour);
			sim_run(s, HOUR);
		}
}

int main(void)
{
	static struct sim first, again;
	const struct sim_tally *t = &first.tally;

	first.log = getenv("LOG") ? stderr : NULL;
	run_week(&first);
	if (first.wrong[0]) {
		(void)fprintf(stderr, "%s\n", first.wrong);
		return EXIT_FAILURE;
	}
	/* one look a second, and a few more in the hour of the flood */
	at_most("looks", (double)t->looks, DAYS * 86400 * 1.03);
	at_most("limit writes", (double)t->limit_writes, 20);
	at_most("bucket writes: at start, after the reload", (double)t->bucket_writes, 2);
	at_most("time-out writes", (double)t->timeout_writes, 60);
	at_most("state changes", (double)t->state_changes, 40);
	at_most("urgent lines", (double)t->urgent, 40);
	at_most("answered connections lost", t->lost, 1);
	at_most("longest stall of ours, s", t->stall, 0.02);
	at_most("times that somebody was asked who fills the table", (double)t->mixes, 5000);
	run_week(&again);
	expect(memcmp(&first.tally, &again.tally, sizeof(first.tally)) == 0, "the same week decides otherwise", 0, 0);
	(void)printf("%d days: %" PRIu64 " looks, %" PRIu64 " limit writes, %" PRIu64 " state changes\n", DAYS, t->looks,
		     t->limit_writes, t->state_changes);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
