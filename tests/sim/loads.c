/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random machines, loads and accidents: whatever comes, what must always hold holds (sim.c). loads [SEED [ROUNDS]] */
#include "config.h"
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 100
#define EVENTS 60

static uint64_t below(struct sim *s, uint64_t n)
{
	return sim_random(s) % n;
}

static bool chance(struct sim *s, unsigned percent)
{
	return below(s, 100) < percent;
}

/* Even over the magnitudes. */
static double between(struct sim *s, double low, double high)
{
	double u = (double)(sim_random(s) >> 11) / 0x1p53;

	return low * pow(high / low, u);
}

static void random_machine(struct sim *s)
{
	static const struct ct_kver kernels[] = {
		{ 2, 4, 18 }, { 2, 4, 32 }, { 2, 6, 18 }, { 2, 6, 32 }, { 3, 10, 0 },  { 4, 4, 0 },   { 4, 9, 0 },
		{ 5, 10, 0 }, { 5, 15, 0 }, { 6, 1, 0 },  { 6, 6, 0 },	{ 6, 12, 0 }, { 6, 18, 0 }, { 6, 19, 0 },
	};

	s->facts.ram_bytes.v = (uint64_t)between(s, 0x1p26, 0x1p40);
	s->facts.pointer_bits = chance(s, 20) ? 32 : 64;
	s->facts.page_bytes = chance(s, 10) ? 65536 : 4096;
	s->facts.entry_bytes = (uint64_t)between(s, 200, 500);
	s->facts.kernel = kernels[below(s, sizeof(kernels) / sizeof(kernels[0]))];
	s->available = between(s, 0.05, 1) * (double)s->facts.ram_bytes.v;
	s->true_cost = between(s, 0.05, 5);
	s->noise = chance(s, 50) ? between(s, 0.001, 0.05) : 0;
	s->can_set_limit = !chance(s, 5);
	s->can_set_buckets = !chance(s, 10);
}

static void random_settings(struct sim *s)
{
	static const enum ct_policy policies[] = { CT_POLICY_BALANCED, CT_POLICY_DOCUMENTED, CT_POLICY_DEDICATED,
						   CT_POLICY_DEMAND, CT_POLICY_FIXED };
	struct ct_settings *set = &s->settings;

	set->mode = chance(s, 10) ? CT_MODE_ADVISE : CT_MODE_TUNE;
	set->policy = policies[below(s, 5)];
	set->fixed_limit = (uint64_t)between(s, 100, 1e8);
	set->fixed_buckets = chance(s, 50) ? (uint64_t)between(s, 100, 1e7) : 0;
	set->budget_percent = 1 + (uint32_t)below(s, 80);
	set->namespaces = chance(s, 20) ? 1 + (uint32_t)below(s, 20) : 1;
	set->foreign = (enum ct_foreign)below(s, 3);
	set->shrink = chance(s, 20);
	set->fill_percent = 30 + (uint32_t)below(s, 66);
	set->cooldown_usec = (uint64_t)between(s, 1e6, 600e6);
	set->stall_usec = (uint64_t)between(s, 1e3, 1e6);
	set->confirm_usec = chance(s, 15) ? (uint64_t)between(s, 1e6, 100e6) : 0;
	set->flood_percent = 1 + (uint32_t)below(s, 100);
	set->unreplied_percent = 20 + (uint32_t)below(s, 80);
	set->adaptive = chance(s, 30);
	set->adaptive_start_percent = 10 + (uint32_t)below(s, 80);
	set->adaptive_end_percent = set->adaptive_start_percent + 1 + (uint32_t)below(s, 100);
	set->interval_max_usec = (uint64_t)between(s, 50e3, 10e6);
	set->interval_min_usec = (uint64_t)between(s, 1e3, 50e3);
}

static void random_load(struct sim *s)
{
	enum sim_class class = chance(s, 50) ? SIM_ANSWERED : SIM_UNANSWERED;

	s->load[class].rate = chance(s, 20) ? 0 : between(s, 1, 300e3);
	s->load[class].life = between(s, 1, 600);
}

static void random_write(struct sim *s)
{
	if (!s->present)
		return;
	if (chance(s, 60))
		s->limit = chance(s, 10) ? 0 : (uint64_t)between(s, 1, 1e8);
	else
		(void)ct_size_buckets(&s->config.request.kernel, (uint64_t)between(s, 100, 1e7), &s->buckets, NULL);
	sim_wake(s);
}

static void random_trouble(struct sim *s)
{
	static const int codes[] = { -ENOMEM, -EACCES, -EBUSY, -EIO, -ESTALE, -EROFS, -ENOSPC };
	enum sim_part part = (enum sim_part)below(s, 3);

	s->fail_code[part] = codes[below(s, 7)];
	s->fail_times[part] = 1 + below(s, 20);
	part = (enum sim_part)below(s, SIM_PART__COUNT);
	s->unknown[part] = !s->unknown[part];
}

static void random_module(struct sim *s)
{
	if (s->present)
		sim_unload(s);
	if (chance(s, 70) && !s->present)
		sim_load_module(s);
}

static void random_person(struct sim *s)
{
	switch (below(s, 3)) {
	case 0:
		s->hold_until = chance(s, 20) ? UINT64_MAX : s->now + (uint64_t)between(s, 1e5, 60e6);
		break;
	case 1:
		s->resumed = true;
		s->hold_until = 0;
		break;
	default:
		s->confirmed = true;
	}
	sim_wake(s);
}

static void random_clock(struct sim *s)
{
	switch (below(s, 3)) {
	case 0:
		sim_suspend(s, (uint64_t)between(s, 1e6, 1e11));
		break;
	case 1:
		s->clock_stuck = !s->clock_stuck;
		break;
	default:
		if (s->now > 20 * SIM_SECOND)
			s->now -= below(s, s->now - 10 * SIM_SECOND);
		s->bucket_write_usec = 0;
		sim_wake(s);
	}
}

static void random_memory(struct sim *s)
{
	switch (below(s, 4)) {
	case 0:
		s->available = between(s, 0.02, 1) * (double)s->facts.ram_bytes.v;
		break;
	case 1:
		s->facts.ram_bytes.v = (uint64_t)between(s, 0x1p26, 0x1p40);
		(void)sim_configure(s, NULL);
		break;
	case 2:
		s->others = chance(s, 50) ? 0 : between(s, 1e3, 1e7);
		break;
	default:
		s->peak_entries = (uint64_t)between(s, 1e2, 1e7);
	}
}

static void random_reload(struct sim *s)
{
	random_settings(s);
	(void)sim_configure(s, NULL);
}

/* Loads are what mostly happens. */
static void random_event(struct sim *s)
{
	static void (*const events[])(struct sim *s) = {
		random_load,  random_load,   random_load,   random_load,  random_load,   random_write,
		random_write, random_module, random_person, random_clock, random_memory, random_trouble,
		random_reload,
	};

	events[below(s, sizeof(events) / sizeof(events[0]))](s);
}

/* Calmer states come after ten calm seconds, so states can't change more often than that but by events. */
static const char *flaps(const struct sim *s, double seconds)
{
	return (double)s->tally.state_changes > 8 + 4 * seconds / 10 ? "states flap" : NULL;
}

static int run_round(uint64_t seed, FILE *log)
{
	struct sim s = { .log = log };

	sim_init(&s);
	s.seed = seed;
	random_machine(&s);
	random_settings(&s);
	if (sim_configure(&s, NULL) < 0 || sim_kernel_sizes(&s, NULL) < 0)
		return 0;
	for (int i = 0; i < EVENTS && s.wrong[0] == '\0'; i++) {
		double seconds = between(&s, 0.01, 100);

		random_event(&s);
		sim_chapter(&s);
		sim_run(&s, (uint64_t)(seconds * 1e6));
		if (s.wrong[0] == '\0' && flaps(&s, seconds))
			(void)snprintf(s.wrong, sizeof(s.wrong), "%" PRIu64 " state changes in %.3f s",
				       s.tally.state_changes, seconds);
	}
	if (s.wrong[0])
		(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, s.wrong);
	return s.wrong[0] ? -1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 4711;
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : argc > 1 ? 1 : ROUNDS;

	(void)printf("seed %" PRIu64 ", %" PRIu64 " rounds\n", seed, rounds);
	for (uint64_t i = 0; i < rounds; i++)
		if (run_round(seed + i, NULL) < 0) {
			(void)fprintf(stderr, "again, with all verdicts:\n");
			(void)run_round(seed + i, stderr);
			return EXIT_FAILURE;
		}
	return EXIT_SUCCESS;
}
