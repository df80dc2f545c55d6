/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The week of an office: days and nights, noise, a flood, a reload, a foreign write. */
#ifndef CONNTUNE_TEST_OFFICE_H
#define CONNTUNE_TEST_OFFICE_H

#include "sim.h"

#define OFFICE_HOUR_USEC (3600 * SIM_SECOND)
#define OFFICE_DAYS 7
#define OFFICE_HOURS (OFFICE_DAYS * 24)

/* The machine on Monday at midnight, with conntuned about to start. */
void office_init(struct sim *sim);

/* What begins with this hour of the week, 0 .. OFFICE_HOURS - 1. */
void office_hour(struct sim *sim, unsigned hour);

/* After all hours: what a week may cost at most, and lose. Says what was exceeded, and returns how much was. */
unsigned office_judge(const struct sim *sim, double lost, FILE *log);

#endif
