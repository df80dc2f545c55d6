/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a captured machine: what the kernel would say there, and what conntuned wrote. */
#define _GNU_SOURCE
#include "config.h"
#include "fly.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define NF "proc/sys/net/netfilter/nf_conntrack_"

/* The one that time-outs are judged by: 600 s as found, far from its floor, and a multiple of all steps. */
#define TIMEOUT NF "generic_timeout"
#define TIMEOUT_SECONDS 600

enum { COUNT, STAT, MEMINFO };

/* nftw() has no argument of ours. */
static int watch_fd;

/* The state directory and run/ are conntuned's own. */
static int watch_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *name = path + where->base;

	(void)st;
	if (type == FTW_D && where->level == 1 && (strcmp(name, "var") == 0 || strcmp(name, "run") == 0))
		return FTW_SKIP_SUBTREE;
	if (type == FTW_D &&
	    inotify_add_watch(watch_fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE) < 0)
		fly_fail(path);
	return FTW_CONTINUE;
}

static int open_file(const struct tree *t, const char *path, int flags)
{
	int fd = openat(t->root, path, flags | O_CLOEXEC);

	if (fd < 0)
		fly_fail(path);
	return fd;
}

void tree_open(struct tree *t, const char *path)
{
	t->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t->watch = watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (t->root < 0 || t->watch < 0)
		fly_fail(path);
	t->count = open_file(t, NF "count", O_WRONLY | O_TRUNC);
	/* one that nobody may write */
	(void)fchmod(t->count, 0444);
	t->stat = open_file(t, "proc/net/stat/nf_conntrack", O_WRONLY | O_TRUNC);
	t->meminfo = open_file(t, "proc/meminfo", O_WRONLY | O_TRUNC);
	if (nftw(path, watch_one, 16, FTW_PHYS | FTW_ACTIONRETVAL) != 0)
		fly_fail(path);
	t->scale = 1;
}

static void put_text(struct tree *t, int which, int fd, const char *text)
{
	size_t n = strlen(text);

	if (pwrite(fd, text, n, 0) != (ssize_t)n || (n < t->bytes[which] && ftruncate(fd, (off_t)n) < 0))
		fly_fail("can't write the kernel's numbers");
	t->bytes[which] = n;
}

/* The kernel shows 32 bits of each counter. One of them, of invalid packets, goes all the time. */
static void tell_counters(struct tree *t, const struct sim *s, const struct decide_look *l)
{
	char text[640];

	(void)snprintf(
		text, sizeof(text),
		"entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop "
		"icmp_error  expect_new expect_create expect_delete search_restart\n"
		"%08" PRIx64 "  00000000 00000000 00000000 %08" PRIx64 " 00000000 00000000 %08" PRIx64
		" 00000000 %08" PRIx64 " %08" PRIx64 " %08" PRIx64 " 00000000  00000000 00000000 00000000 00000000\n",
		l->entries.v, (uint64_t)s->counter[CT_COUNTER_INVALID], l->counter[CT_COUNTER_CHAIN_TOO_LONG].v,
		l->counter[CT_COUNTER_INSERT_FAILED].v, l->counter[CT_COUNTER_DROP].v,
		l->counter[CT_COUNTER_EARLY_DROP].v);
	put_text(t, STAT, t->stat, text);
}

static void tell_memory(struct tree *t, const struct sim *s, const struct decide_look *l)
{
	uint64_t slab = (UINT64_C(500) << 20) + (uint64_t)(sim_entries(s) * (double)s->facts.entry_bytes);
	char text[200];

	(void)snprintf(text, sizeof(text),
		       "MemTotal: %15" PRIu64 " kB\nMemAvailable: %11" PRIu64 " kB\nSUnreclaim: %13" PRIu64 " kB\n",
		       s->facts.ram_bytes.v >> 10, l->mem_available.v >> 10, slab >> 10);
	put_text(t, MEMINFO, t->meminfo, text);
}

void tree_tell(struct tree *t, const struct sim *s, const struct decide_look *l)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64 "\n", l->entries.v);
	put_text(t, COUNT, t->count, text);
	tell_counters(t, s, l);
	tell_memory(t, s, l);
}

static void write_number(const struct tree *t, const char *path, uint64_t v)
{
	int fd = open_file(t, path, O_WRONLY | O_TRUNC);

	fly_line(fd, "%" PRIu64, v);
	(void)close(fd);
}

static uint64_t read_number(const struct tree *t, const char *path)
{
	int fd = open_file(t, path, O_RDONLY);
	char text[24] = "";

	if (read(fd, text, sizeof(text) - 1) <= 0)
		fly_fail(path);
	(void)close(fd);
	return strtoull(text, NULL, 10);
}

/* What was seen of inotify until now was ours. */
static void forget_events(const struct tree *t)
{
	char events[4096];

	while (read(t->watch, events, sizeof(events)) > 0)
		;
}

void tree_write(struct tree *t, uint64_t limit, uint64_t buckets, double scale)
{
	if (limit == t->limit && buckets == t->buckets && scale == t->scale)
		return;
	if (limit != t->limit)
		write_number(t, NF "max", limit);
	if (buckets != t->buckets)
		write_number(t, NF "buckets", buckets);
	/* a module that came anew would have its own; the office's comes when they are as found */
	if (scale != t->scale)
		fly_fail("a reload while time-outs are short");
	t->limit = limit;
	t->buckets = buckets;
	forget_events(t);
}

struct written {
	bool limit, buckets, timeouts;
};

/* What isn't a value that may be set is said at once; a temporary file only if it doesn't become one. */
static unsigned note_written(const struct inotify_event *e, struct written *w, int log)
{
	static const char timeout[] = "_timeout";
	const char *name = e->len ? e->name : "?";
	bool is_value = e->mask & (IN_MOVED_TO | IN_CLOSE_WRITE);

	if (strstr(name, "conntune-tmp") && !(e->mask & IN_DELETE))
		return 0;
	if (is_value && strcmp(name, "nf_conntrack_max") == 0)
		w->limit = true;
	else if (is_value && strcmp(name, "nf_conntrack_buckets") == 0)
		w->buckets = true;
	else if (is_value && strstr(name, timeout))
		w->timeouts = true;
	else {
		fly_line(log, "event %x of %s", e->mask, name);
		return 1;
	}
	return 0;
}

static unsigned read_events(const struct tree *t, struct written *w, int log)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned lines = 0;
	ssize_t n;

	while ((n = read(t->watch, events, sizeof(events))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			lines += note_written(e, w, log);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	return lines;
}

unsigned tree_follow(struct tree *t, int log)
{
	struct written w = { .limit = false };
	unsigned lines = read_events(t, &w, log);

	if (w.buckets) {
		t->buckets = read_number(t, NF "buckets");
		fly_line(log, "written: buckets %" PRIu64, t->buckets);
	}
	if (w.limit) {
		t->limit = read_number(t, NF "max");
		fly_line(log, "written: limit %" PRIu64, t->limit);
	}
	if (w.timeouts) {
		t->scale = (double)read_number(t, TIMEOUT) / TIMEOUT_SECONDS;
		fly_line(log, "written: time-outs, %g of what was found", t->scale);
	}
	return lines + w.buckets + w.limit + w.timeouts;
}
