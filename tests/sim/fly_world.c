/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The week of office.c, twice: on the machine that conntuned runs on, where its own writes count, and in the
 * simulation, which looks at the same moments and decides for itself. Both draw the same noise; if ever they do
 * something different, what is written down differs from there on.
 */
#include "config.h"
#include "fly.h"
#include "office.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On Friday somebody sets a limit below what is in use; until the next look all newcomers are lost. */
#define LOST_MAX (4830 * 1.125)

static struct {
	struct tree tree;
	struct sim sim;                 /* decides nothing */
	unsigned hour;
	struct model model;
	double unreplied;
	uint64_t now, midnight;
	unsigned day;
	int said, expected, days;
	off_t said_bytes;               /* so much was there when last looked at */
	uint64_t wakes, rest_wakes, rest_usec;
} world;

_Noreturn void fly_fail(const char *what)
{
	(void)dprintf(STDERR_FILENO, "fly: %s\n", what);
	_exit(99);
}

void fly_line(int fd, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vdprintf(fd, format, ap);
	va_end(ap);
	if (n < 0 || write(fd, "\n", 1) != 1)
		fly_fail("can't write a line");
}

static void mark(int fd, uint64_t now)
{
	fly_line(fd, "@ %" PRIu64 ".%06" PRIu64, now / SIM_SECOND, now % SIM_SECOND);
}

static int descriptor(const char *name)
{
	const char *text = getenv(name);
	int fd = text ? atoi(text) : -1;

	if (fd < 0 || fcntl(fd, F_GETFD) < 0)
		fly_fail(name);
	return fd;
}

/* Up to the next look nothing is decided, but hours begin. */
void world_pass(struct sim *s, unsigned *hour, uint64_t now)
{
	for (;;) {
		uint64_t begins = FLY_BEGIN_USEC + *hour * OFFICE_HOUR_USEC;

		s->next = UINT64_MAX;
		if (begins > now || *hour >= OFFICE_HOURS)
			break;
		sim_run(s, begins - s->now);
		office_hour(s, (*hour)++);
	}
	sim_run(s, now - s->now);
}

/* The kernel, and others than conntuned, have done what they do until now. */
static void pass(uint64_t now)
{
	struct sim *s = &world.sim;

	s->limit = world.tree.limit;
	s->buckets = world.tree.buckets;
	s->scale = world.tree.scale;
	world_pass(s, &world.hour, now);
	s->counter[CT_COUNTER_INVALID] += (double)(now - world.now) / (double)SIM_SECOND;
	tree_write(&world.tree, s->limit, s->buckets, s->scale);
	world.now = now;
}

static void show(void)
{
	struct decide_look look;

	world.sim.verdict.want_mix = true;
	sim_see(&world.sim, &look);
	world.unreplied = look.unreplied.v;
	tree_tell(&world.tree, &world.sim, &look);
}

static void look(uint64_t now)
{
	if (model_look(&world.model, now, world.expected) > 0)
		mark(world.expected, now);
	show();
}

void world_begin(void)
{
	world.said = descriptor("FLY_SAID");
	world.expected = descriptor("FLY_MODEL");
	world.days = descriptor("FLY_DAYS");
	tree_open(&world.tree, getenv("FLY_ROOT"));
	office_init(&world.sim);
	model_begin(&world.model);
	tree_write(&world.tree, world.sim.limit, world.sim.buckets, 1);
	world.now = FLY_BEGIN_USEC;
	world.midnight = FLY_BEGIN_USEC + 24 * OFFICE_HOUR_USEC;
	pass(FLY_BEGIN_USEC);
	look(FLY_BEGIN_USEC);
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

struct memory {
	unsigned long anonymous_kb, pss_kb;
};

static unsigned long kb_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoul(line + strlen(name), NULL, 10) : 0;
}

/* PSS wavers: others come and go that have the same libraries, or, for some milliseconds, the same memory. */
static struct memory measure(void)
{
	char text[2048];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		fly_fail("can't read /proc/self/smaps_rollup");
	(void)close(fd);
	text[n] = '\0';
	return (struct memory){ .anonymous_kb = kb_of(text, "\nAnonymous:"), .pss_kb = kb_of(text, "\nPss:") };
}

static void end_week(void)
{
	FILE *log = fdopen(dup(world.days), "a");
	unsigned exceeded = log ? office_judge(&world.model.sim, LOST_MAX, log) : 1;

	if (log)
		(void)fclose(log);
	fly_line(world.days, "early %u late %u exceeded %u", world.model.early, world.model.late, exceeded);
}

static void end_day(void)
{
	struct memory m = measure();

	fly_line(world.days,
		 "day %u looks %" PRIu64 " wakes %" PRIu64 " rest-wakes %" PRIu64 " rest-seconds %" PRIu64
		 " anonymous-kb %lu pss-kb %lu descriptors %u",
		 ++world.day, world.model.sim.tally.looks, world.wakes, world.rest_wakes, world.rest_usec / SIM_SECOND,
		 m.anonymous_kb, m.pss_kb, count_descriptors());
	world.midnight += 24 * OFFICE_HOUR_USEC;
	if (world.day == OFFICE_DAYS)
		end_week();
}

/* At rest: nothing happens that would let it look more often. */
void world_wake(uint64_t now)
{
	const struct sim *s = &world.model.sim;
	bool rest = s->verdict.state == DECIDE_REST && s->verdict.next_usec == s->settings.interval_max_usec;

	world.wakes++;
	world.rest_wakes += rest;
	world.rest_usec += rest ? now - world.now : 0;
}

void world_arrive(uint64_t now, bool looks)
{
	world_wake(now);
	pass(now);
	if (now >= world.midnight)
		end_day();
	if (looks && !world_is_over())
		look(now);
}

/* Lines of conntuned have no time of their own; what it said and wrote at once is followed by a mark. */
void world_settle(void)
{
	unsigned lines = tree_follow(&world.tree, world.said);
	off_t bytes = lseek(world.said, 0, SEEK_CUR);

	if (lines > 0 || bytes != world.said_bytes) {
		mark(world.said, world.now);
		world.said_bytes = lseek(world.said, 0, SEEK_CUR);
	}
}

bool world_is_over(void)
{
	return world.day >= OFFICE_DAYS;
}

double world_unreplied(void)
{
	return world.unreplied;
}
