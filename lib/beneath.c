/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening a file below a directory so that no link leads out of it. */
#include "config.h"
#include "beneath.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* As the kernel has it. */
#define LINKS_MAX 40

/* Directories open at a time; the trees that we read are no more than ten deep. */
#define DEPTH_MAX 64

/*
 * Where a walk stands. No part is ever opened through a link and ".." only goes back in @dirs, so whatever is
 * renamed meanwhile, every descriptor belongs to a directory that was below the root when it was opened.
 */
struct walk {
	int dirs[DEPTH_MAX];            /* dirs[0] is the root, and not ours to close */
	size_t depth;
	unsigned links;
	char todo[PATH_MAX];            /* what is left of the path */
	char part[NAME_MAX + 1];
};

static void walk_up(struct walk *w, size_t depth)
{
	while (w->depth > depth)
		(void)close(w->dirs[w->depth--]);
}

static void walk_done(struct walk *w)
{
	walk_up(w, 0);
}

/* Puts @text before what is left. */
static int walk_insert(struct walk *w, const char *text)
{
	char all[PATH_MAX];
	int n = snprintf(all, sizeof(all), "%s%s%s", text, *w->todo ? "/" : "", w->todo);

	if (n < 0 || (size_t)n >= sizeof(all))
		return -ENAMETOOLONG;
	memcpy(w->todo, all, (size_t)n + 1);
	return 0;
}

/* Moves the next part from todo to part; "" when only slashes are left. */
static int walk_next(struct walk *w)
{
	size_t slashes = strspn(w->todo, "/");
	size_t n = strcspn(w->todo + slashes, "/");

	if (n >= sizeof(w->part))
		return -ENAMETOOLONG;
	memcpy(w->part, w->todo + slashes, n);
	w->part[n] = '\0';
	memmove(w->todo, w->todo + slashes + n, strlen(w->todo + slashes + n) + 1);
	return 0;
}

static int walk_link(struct walk *w, int fd)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	text[n] = '\0';
	if (text[0] == '/')
		walk_up(w, 0);
	return walk_insert(w, text);
}

/* One part on: into a directory, or a link's text instead of it. */
static int walk_step(struct walk *w)
{
	struct stat st;
	int fd, r;

	if (strcmp(w->part, "..") == 0) {
		walk_up(w, w->depth ? w->depth - 1 : 0);
		return 0;
	}
	if (strcmp(w->part, ".") == 0 || w->part[0] == '\0')
		return 0;
	fd = openat(w->dirs[w->depth], w->part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && S_ISLNK(st.st_mode)) {
		r = walk_link(w, fd);
	} else if (r == 0 && !S_ISDIR(st.st_mode)) {
		r = -ENOTDIR;
	} else if (r == 0 && w->depth + 1 == DEPTH_MAX) {
		r = -ENAMETOOLONG;
	} else if (r == 0) {
		w->dirs[++w->depth] = fd;
		return 0;
	}
	(void)close(fd);
	return r;
}

static bool is_link(const struct walk *w)
{
	struct stat st;

	return fstatat(w->dirs[w->depth], w->part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

int ct_beneath_walk(int root, const char *path, int flags, mode_t mode)
{
	ct_cleanup(walk_done) struct walk w = { .dirs = { root } };
	bool last, directory;
	int fd, r;

	if (*path == '\0')
		return -ENOENT;
	r = walk_insert(&w, path);
	while (r == 0) {
		r = walk_next(&w);
		if (r < 0)
			break;
		last = w.todo[strspn(w.todo, "/")] == '\0';
		directory = last && w.todo[0] == '/';
		if (!last || (is_link(&w) && (directory || !(flags & O_NOFOLLOW)))) {
			r = walk_step(&w);
			continue;
		}
		/* the end: there is no link left to follow */
		if (strcmp(w.part, "..") == 0)
			r = walk_step(&w);
		if (strcmp(w.part, "..") == 0 || w.part[0] == '\0')
			strcpy(w.part, ".");
		fd = openat(w.dirs[w.depth], w.part, flags | O_NOFOLLOW | O_CLOEXEC | (directory ? O_DIRECTORY : 0),
			    mode);
		return fd < 0 ? -errno : fd;
	}
	return r;
}

int ct_beneath_open(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	/* something was renamed while ".." was followed, and the kernel wasn't sure */
	if (fd < 0 && errno == EAGAIN)
		return ct_beneath_walk(root, path, flags, mode);
	return fd < 0 ? -errno : fd;
}
