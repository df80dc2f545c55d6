/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A week in a second: days and nights, noise, a flood, a reload, a foreign write. Flat, few writes, the same again. */
#include "config.h"
#include "office.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void run_week(struct sim *s)
{
	office_init(s);
	for (unsigned hour = 0; hour < OFFICE_HOURS; hour++) {
		office_hour(s, hour);
		sim_run(s, OFFICE_HOUR_USEC);
	}
}

int main(void)
{
	static struct sim first, again;
	const struct sim_tally *t = &first.tally;
	unsigned failures;

	first.log = getenv("LOG") ? stderr : NULL;
	run_week(&first);
	failures = office_judge(&first, 1, stderr);
	run_week(&again);
	if (memcmp(&first.tally, &again.tally, sizeof(first.tally)) != 0) {
		(void)fprintf(stderr, "the same week decides otherwise\n");
		failures++;
	}
	(void)printf("%d days: %" PRIu64 " looks, %" PRIu64 " limit writes, %" PRIu64 " state changes\n", OFFICE_DAYS,
		     t->looks, t->limit_writes, t->state_changes);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
