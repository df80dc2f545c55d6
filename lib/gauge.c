/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limit, buckets, entries and memory from files that stay open. */
#include "config.h"
#include "facts_parts.h"
#include "fs.h"
#include "util.h"

#include <conntune/gauge.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

static const enum ct_param_id ids[] = { CT_PARAM_LIMIT, CT_PARAM_BUCKETS, CT_PARAM_COUNT };
enum { LIMIT, BUCKETS, ENTRIES, FILES };

/* Names of limit and buckets that there are at most. */
#define WATCHED_MAX (2 * CT_PARAM_PATHS_MAX)

/**
 * struct ct_gauge
 * @path:    of each open file, for messages
 * @held:    names that are watched; an open descriptor each, because the kernel may forget the inode of a name below
 *           /proc/sys that nobody holds, and a later writer would get another one
 * @changed: the inotify descriptor, -1 if there is none
 */
struct ct_gauge {
	struct ct_fs *fs;
	int fd[FILES], meminfo, changed;
	const char *path[FILES];
	struct { int fd, watch; } held[WATCHED_MAX];
	size_t held_count;
	char text[8192];
};

static void close_one(int *fd)
{
	ct_closep(fd);
	*fd = -1;
}

static void close_files(struct ct_gauge *g)
{
	for (size_t i = 0; i < FILES; i++)
		close_one(&g->fd[i]);
	/* a watch would keep the inode of an unloaded module's file for ever */
	while (g->held_count > 0) {
		g->held_count--;
		(void)inotify_rm_watch(g->changed, g->held[g->held_count].watch);
		(void)close(g->held[g->held_count].fd);
	}
}

struct ct_gauge *ct_gauge_free(struct ct_gauge *g)
{
	if (g) {
		close_files(g);
		close_one(&g->meminfo);
		close_one(&g->changed);
	}
	free(g);
	return NULL;
}

int ct_gauge_new(struct ct_gauge **ret, struct ct_fs *fs, struct ct_err *err)
{
	struct ct_gauge *g = calloc(1, sizeof(*g));

	if (!g)
		return ct_err_set(err, -ENOMEM, "out of memory");
	g->fs = fs;
	for (size_t i = 0; i < FILES; i++)
		g->fd[i] = -1;
	g->meminfo = -1;
	g->changed = ct_fs_is_live(fs) ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	*ret = g;
	return 0;
}

/* inotify takes a path, and the descriptor is one. */
static void hold(struct ct_gauge *g, const char *path)
{
	int fd = ct_fs_open(g->fs, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	char self[32];
	int watch;

	if (fd < 0)
		return;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	watch = inotify_add_watch(g->changed, self, IN_MODIFY);
	if (watch < 0) {
		(void)close(fd);
		return;
	}
	g->held[g->held_count].fd = fd;
	g->held[g->held_count++].watch = watch;
}

static void hold_all(struct ct_gauge *g)
{
	if (g->changed < 0)
		return;
	for (size_t i = LIMIT; i <= BUCKETS; i++)
		for (const struct ct_param_path *p = ct_param_get(ids[i])->paths; p->path; p++)
			hold(g, p->path);
}

/* A file that isn't there, or is forbidden, leaves its value unknown; all else is trouble. */
static int open_one(struct ct_gauge *g, size_t i, struct ct_err *err)
{
	for (const struct ct_param_path *p = ct_param_get(ids[i])->paths; p->path; p++) {
		struct ct_err why = { 0 };

		g->fd[i] = ct_fs_open_regular(g->fs, p->path, O_RDONLY, &why);
		g->path[i] = p->path;
		if (g->fd[i] >= 0)
			return 0;
		if (g->fd[i] == -EMFILE || g->fd[i] == -ENFILE || g->fd[i] == -ENOMEM || g->fd[i] == -EIO)
			return ct_err_set(err, g->fd[i], "%s", why.msg);
		g->fd[i] = -1;
	}
	return 0;
}

static int open_files(struct ct_gauge *g, struct ct_err *err)
{
	int r = 0;

	for (size_t i = 0; i < FILES && r == 0; i++)
		r = open_one(g, i, err);
	if (r == 0 && g->fd[LIMIT] >= 0)
		hold_all(g);
	if (r < 0)
		close_files(g);
	return r;
}

/* Returns: 0; -ENODATA if it can't be read (any more); -EBADMSG. */
static int read_one(struct ct_gauge *g, size_t i, struct ct_u64 *ret, struct ct_err *err)
{
	char text[64];
	int64_t v;
	ssize_t n;

	ret->known = false;
	if (g->fd[i] < 0)
		return -ENODATA;
	n = pread(g->fd[i], text, sizeof(text) - 1, 0);
	if (n <= 0)
		return -ENODATA;
	text[n] = '\0';
	if (strlen(text) != (size_t)n || ct_parse_i64(text, &v) < 0)
		return ct_err_set(err, -EBADMSG, "%s below %s holds '%.40s', not a whole number", g->path[i],
				  ct_fs_root(g->fs), text);
	*ret = (struct ct_u64){ .known = true, .v = v < 0 ? 0 : (uint64_t)v };
	return 0;
}

static int read_all(struct ct_gauge *g, struct ct_reading *now, struct ct_err *err)
{
	int r = read_one(g, LIMIT, &now->limit, err);

	now->present = r == 0;
	if (r == 0)
		r = read_one(g, BUCKETS, &now->buckets, err);
	if (r == 0 || r == -ENODATA)
		r = read_one(g, ENTRIES, &now->entries, err);
	return r == -ENODATA ? 0 : r;
}

int ct_gauge_read(struct ct_gauge *g, struct ct_reading *ret, struct ct_err *err)
{
	struct ct_reading now = { .present = false };
	int r = 0;

	if (!ct_fs_is_live(g->fs))
		close_files(g);
	else if (g->fd[LIMIT] >= 0)
		r = read_all(g, &now, err);
	if (r == 0 && !now.present) {
		close_files(g);
		r = open_files(g, err);
		if (r == 0)
			r = read_all(g, &now, err);
		now.reopened = now.present && ct_fs_is_live(g->fs);
	}
	if (r < 0)
		close_files(g);
	else
		*ret = now;
	return r;
}

int ct_gauge_memory(struct ct_gauge *g, struct ct_u64 *total, struct ct_u64 *available, struct ct_u64 *slab,
		    struct ct_err *err)
{
	struct ct_facts_memory memory;
	const char *bad;
	ssize_t n;

	*total = *available = *slab = (struct ct_u64){ .known = false };
	if (!ct_fs_is_live(g->fs))
		close_one(&g->meminfo);
	if (g->meminfo < 0)
		g->meminfo = ct_fs_open_regular(g->fs, "proc/meminfo", O_RDONLY, NULL);
	if (g->meminfo < 0)
		return 0;
	n = pread(g->meminfo, g->text, sizeof(g->text) - 1, 0);
	if (n < 0)
		return ct_err_set(err, -errno, "cannot read proc/meminfo below %s: %m", ct_fs_root(g->fs));
	g->text[n] = '\0';
	bad = ct_facts_meminfo(g->text, &memory);
	if (bad)
		return ct_err_set(err, -EBADMSG, "proc/meminfo below %s is malformed: '%.60s'", ct_fs_root(g->fs), bad);
	*total = memory.total;
	*slab = memory.unreclaimable;
	*available = memory.available;
	/* with high memory the table can only grow in the rest */
	if (memory.low_available.known && (!available->known || memory.low_available.v < available->v))
		*available = memory.low_available;
	return 0;
}

int ct_gauge_fd(const struct ct_gauge *g)
{
	return g->changed;
}

bool ct_gauge_drain(struct ct_gauge *g)
{
	char events[1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *e;
	bool written = false;
	ssize_t n;

	while (g->changed >= 0 && (n = read(g->changed, events, sizeof(events))) > 0)
		for (const char *at = events; at < events + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(const void *)at;
			/* events that were lost may have been writes */
			written |= (e->mask & (IN_MODIFY | IN_Q_OVERFLOW)) != 0;
		}
	return written;
}
