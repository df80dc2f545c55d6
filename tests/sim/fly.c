/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: time flies. Clocks stand still while conntuned works, and when it waits for a timer they are at once
 * where the timer ends; meanwhile a simulated week passes below its --root (fly_world.c). After it comes SIGTERM.
 * FLY_ROOT: that directory. FLY_SAID, FLY_MODEL, FLY_DAYS: numbers of open descriptors for what was done, what should
 * have been, and a line for each day. FLY_PHASE: microseconds that the machine had been up before.
 */
#define _GNU_SOURCE
#include "config.h"
#include "fly.h"

#include <conntune/mix.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Monday, 5 January 2026, 0:00 UTC. */
#define MONDAY_USEC (UINT64_C(1767571200) * SIM_SECOND)

/* Who asks for the time so often without waiting waits for time to pass. */
#define READS_MAX 1000
#define READ_USEC 1000

/*
 * Each save of the history takes milliseconds of a process of its own, and a week has 10,080 minutes. As long as the
 * one before it hasn't ended there is no other one, so they end after this, as on a slow disk.
 */
#define DISK_USEC (600 * SIM_SECOND)

#define TIMERS 8
#define NEVER UINT64_MAX

struct timer {
	int fd;
	clockid_t clock;
	uint64_t at;                    /* by the week's own time */
	bool fired;
};

static struct {
	bool on, over;
	uint64_t now, reads, phase;
	struct timer timer[TIMERS];
	unsigned timers;
	pid_t child;
	uint64_t child_since;
} fly;

/* What the C library has. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* What a clock shows beyond the week's own time. */
static uint64_t offset(clockid_t clock)
{
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM;

	return wall ? MONDAY_USEC - FLY_BEGIN_USEC : fly.phase;
}

/* Those that measure work go on measuring it. */
static bool is_ours(clockid_t clock)
{
	return fly.on && clock >= 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID;
}

static uint64_t read_clock(clockid_t clock)
{
	if (++fly.reads > READS_MAX)
		fly.now += READ_USEC;
	return fly.now + offset(clock);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t usec;

	if (!is_ours(clock))
		return (int)syscall(SYS_clock_gettime, clock, ret);
	usec = read_clock(clock);
	ret->tv_sec = (time_t)(usec / SIM_SECOND);
	ret->tv_nsec = (long)(usec % SIM_SECOND * 1000);
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

/* ---- timers ---- */

/* A timer that has ended is a number to be read, like an event of one's own; and the kernel has no timer to set. */
int timerfd_create(clockid_t clock, int flags)
{
	int fd = eventfd(0, (flags & TFD_CLOEXEC ? EFD_CLOEXEC : 0) | EFD_NONBLOCK);

	if (fly.timers == TIMERS)
		fly_fail("more timers than there is room for");
	if (fd >= 0)
		fly.timer[fly.timers++] = (struct timer){ .fd = fd, .clock = clock, .at = NEVER };
	return fd;
}

static struct timer *find_timer(int fd)
{
	for (unsigned i = 0; i < fly.timers; i++)
		if (fly.timer[i].fd == fd)
			return &fly.timer[i];
	return NULL;
}

static uint64_t end_of(const struct timer *t, int flags, const struct timespec *set)
{
	uint64_t usec = (uint64_t)set->tv_sec * SIM_SECOND + (uint64_t)(set->tv_nsec + 999) / 1000;

	if (usec == 0)
		return NEVER;
	if (!(flags & TFD_TIMER_ABSTIME))
		return fly.now + usec;
	return usec > offset(t->clock) ? usec - offset(t->clock) : 0;
}

/* An end that nobody has read is forgotten, as the kernel does it. */
int timerfd_settime(int fd, int flags, const struct itimerspec *set, struct itimerspec *old)
{
	struct timer *t = find_timer(fd);
	eventfd_t ends;

	if (!t)
		return REAL(timerfd_settime)(fd, flags, set, old);
	t->at = end_of(t, flags, &set->it_value);
	if (t->fired)
		(void)eventfd_read(fd, &ends);
	t->fired = false;
	if (old)
		*old = (struct itimerspec){ .it_value = { .tv_sec = 0 } };
	return 0;
}

static uint64_t first_end(void)
{
	uint64_t first = NEVER;

	for (unsigned i = 0; i < fly.timers; i++)
		if (fly.timer[i].at < first)
			first = fly.timer[i].at;
	return first;
}

/* Those whose end has come. Returns whether the one that conntuned looks by is among them. */
static bool fire(void)
{
	bool looks = false;

	for (unsigned i = 0; i < fly.timers; i++) {
		struct timer *t = &fly.timer[i];

		if (t->at > fly.now)
			continue;
		if (eventfd_write(t->fd, 1) < 0)
			fly_fail("a timer can't end");
		t->at = NEVER;
		t->fired = true;
		looks |= t->clock == CLOCK_BOOTTIME;
	}
	return looks;
}

/* To the first timer, or to the end of the week. */
static void jump(void)
{
	uint64_t to = first_end();

	if (to == NEVER)
		fly_fail("conntuned sleeps for ever");
	/* one that is due already must not keep time from going on */
	fly.now = to > fly.now ? to : fly.now + 1;
	world_arrive(fly.now, fire());
	if (!world_is_over())
		return;
	fly.over = true;
	(void)kill(getpid(), SIGTERM);
}

/* What is there without waiting goes first. sd-event waits for good, or not at all. */
int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	__typeof__(&epoll_wait) real = REAL(epoll_wait);
	int n;

	if (!fly.on || fly.over || timeout == 0)
		return real(epoll, events, max, timeout);
	fly.reads = 0;
	world_settle();
	n = real(epoll, events, max, 0);
	if (n != 0) {
		world_wake(fly.now);
		return n;
	}
	jump();
	return real(epoll, events, max, -1);
}

pid_t waitpid(pid_t pid, int *status, int flags)
{
	/* at start and at the end it is waited for in earnest */
	if (!fly.on || fly.over || fly.now <= FLY_BEGIN_USEC || !(flags & WNOHANG))
		return REAL(waitpid)(pid, status, flags);
	if (fly.child != pid) {
		fly.child = pid;
		fly.child_since = fly.now;
	}
	return fly.now - fly.child_since < DISK_USEC ? 0 : REAL(waitpid)(pid, status, flags & ~WNOHANG);
}

/* A tree has no entries to be looked at. So finely that the size of a sample doesn't matter. */
int ct_mix_sample(struct ct_fs *fs, uint32_t most, struct ct_mix *ret, struct ct_err *err)
{
	(void)fs, (void)most, (void)err;
	ret->seen = 1000000000;
	ret->unreplied = (uint32_t)(world_unreplied() * ret->seen + 0.5);
	ret->assured = ret->seen - ret->unreplied;
	return 0;
}

/*
 * sd-event lets wake-ups fall together at moments of a minute that it takes from the boot's id (initialize_perturb()). By
 * clocks that begin there, each boot looks at the same moments.
 */
static uint64_t phase_of_boot(void)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	unsigned char bytes[16] = { 0 };
	uint64_t words[2];
	size_t n = 0;

	while (f && n < sizeof(bytes) && fscanf(f, "%2hhx%*[-]", &bytes[n]) == 1)
		n++;
	if (f)
		(void)fclose(f);
	memcpy(words, bytes, sizeof(words));
	return (words[0] ^ words[1]) % (60 * SIM_SECOND);
}

__attribute__((constructor)) static void begin(void)
{
	const char *phase = getenv("FLY_PHASE");

	if (!getenv("FLY_ROOT"))
		return;
	fly.now = FLY_BEGIN_USEC;
	fly.phase = phase ? strtoull(phase, NULL, 10) : phase_of_boot();
	world_begin();
	fly.on = true;
}
