/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what conntuned and conntune-observe.service publish; a file that can't be read leaves what was known before. */
#include "config.h"
#include "observed.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of an observed file: a census has so many bytes only if it was asked for far more groups than are told. */
#define OBSERVED_BYTES ((size_t)64 << 10)

/* Clocks of two processes are the same, but a look may be stamped while we ask. */
#define AHEAD_USEC UINT64_C(5000000)

/* A file that is read again only if it is another one. */
struct watched {
	const char *path;
	bool (*take)(struct view_observed *ret, const char *text, size_t n);
	struct timespec changed;
	off_t bytes;
	ino_t inode;
};

/**
 * struct source
 * @snapshot, @recent: the last good ones; there is one if its seal says so
 * @spare:      what is being read goes here first
 * @wrong:      why the last reading of the snapshot failed; code 0: it didn't
 * @read_usec, @recent_usec: when; 0: never
 * @number:     see source_look()
 */
struct source {
	struct ct_fs *fs;
	struct ct_snapshot *snapshot, *spare;
	struct ct_recent *recent;
	bool snapshot_known, recent_known;
	struct view_observed observed, shown;
	struct watched chains, census;
	struct ct_err wrong;
	uint64_t read_usec, recent_usec, number;
};

int source_new(struct source **ret, struct ct_fs *fs, struct ct_err *err)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s)
		s->snapshot = calloc(1, sizeof(*s->snapshot));
	if (s)
		s->spare = calloc(1, sizeof(*s->spare));
	if (!s || !s->snapshot || !s->spare) {
		source_free(s);
		*err = (struct ct_err){ .code = -ENOMEM, .msg = "out of memory" };
		return -ENOMEM;
	}
	s->fs = fs;
	s->chains = (struct watched){ .path = SOURCE_CHAINS_PATH, .take = observed_chains };
	s->census = (struct watched){ .path = SOURCE_CENSUS_PATH, .take = observed_census };
	*ret = s;
	return 0;
}

struct source *source_free(struct source *s)
{
	if (!s)
		return NULL;
	free(s->snapshot);
	free(s->spare);
	free(s->recent);
	free(s);
	return NULL;
}

static void read_snapshot(struct source *s)
{
	struct ct_err wrong = { .code = 0 };
	struct ct_snapshot *read = s->spare;

	if (ct_snapshot_read(s->fs, read, &wrong) < 0) {
		s->number += wrong.code != s->wrong.code;
		s->wrong = wrong;
		return;
	}
	s->number += s->wrong.code != 0 || !s->snapshot_known || read->seal.check != s->snapshot->seal.check;
	s->wrong.code = 0;
	s->spare = s->snapshot;
	s->snapshot = read;
	s->snapshot_known = true;
}

/* Its room is taken when the history is asked for, which scrapers never do. */
static void read_recent(struct source *s)
{
	struct ct_recent *read = calloc(1, sizeof(*read));
	struct ct_err wrong;

	if (!read || ct_recent_read(s->fs, read, &wrong) < 0) {
		free(read);
		return;
	}
	s->number += !s->recent_known || read->seal.check != s->recent->seal.check;
	free(s->recent);
	s->recent = read;
	s->recent_known = true;
}

/* The whole file, if it isn't the one that was read before. 0: nothing new; else it has to be freed. */
static char *read_changed(struct watched *w, int fd, size_t *n)
{
	struct stat st;
	char *text;
	ssize_t got;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (st.st_ino == w->inode && st.st_size == w->bytes && st.st_mtim.tv_sec == w->changed.tv_sec &&
	    st.st_mtim.tv_nsec == w->changed.tv_nsec)
		return NULL;
	text = st.st_size <= (off_t)OBSERVED_BYTES ? malloc((size_t)st.st_size + 1) : malloc(1);
	if (!text)
		return NULL;
	w->inode = st.st_ino;
	w->bytes = st.st_size;
	w->changed = st.st_mtim;
	got = st.st_size <= (off_t)OBSERVED_BYTES ? read(fd, text, (size_t)st.st_size) : 0;
	*n = got > 0 ? (size_t)got : 0;
	return text;
}

/* Returns whether something else is known now. @unix_time: of the file */
static bool read_observed(struct source *s, struct watched *w, bool *known, double *unix_time)
{
	char path[512], *text;
	bool was = *known;
	size_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", ct_fs_root(s->fs), w->path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		*known = false;
		w->inode = 0;
		return was;
	}
	text = read_changed(w, fd, &n);
	(void)close(fd);
	if (!text)
		return false;
	*known = w->take(&s->observed, text, n);
	/* For want of memory, maybe: it isn't done with. */
	if (!*known)
		w->inode = 0;
	*unix_time = (double)w->changed.tv_sec + (double)w->changed.tv_nsec / 1e9;
	free(text);
	return was || *known;
}

static void read_all(struct source *s, uint64_t boot_usec, bool recent)
{
	struct view_observed *o = &s->observed;

	if (s->read_usec == 0 || boot_usec - s->read_usec >= SOURCE_USEC) {
		s->read_usec = boot_usec;
		read_snapshot(s);
		s->number += read_observed(s, &s->chains, &o->chains_known, &o->chains_unix);
		s->number += read_observed(s, &s->census, &o->census_known, &o->census_unix);
	}
	if (recent && (s->recent_usec == 0 || boot_usec - s->recent_usec >= SOURCE_RECENT_USEC)) {
		s->recent_usec = boot_usec;
		read_recent(s);
	}
}

/* In words for whoever wonders why there are no numbers. */
static void say_trouble(const struct source *s, struct view *view)
{
	const struct ct_err *wrong = &s->wrong;
	char *text = view->trouble;
	const size_t n = sizeof(view->trouble);

	text[0] = '\0';
	if (wrong->code == -ENOENT)
		(void)snprintf(text, n, "no snapshot: conntuned doesn't run");
	else if (wrong->code == -EPROTO)
		(void)snprintf(text, n, "conntuned is of another version: %.180s", wrong->msg);
	else if (wrong->code)
		(void)snprintf(text, n, "the snapshot can't be read: %.200s", wrong->msg);
	else if (view->old && view->age_seconds > 0)
		(void)snprintf(text, n,
			       "the last snapshot is %.0f s old: conntuned hangs, or the machine has no time for it",
			       view->age_seconds);
	else if (view->old)
		(void)snprintf(text, n, "the snapshot is of a time that is yet to come");
}

/* A timer that was stopped leaves its files; what they tell isn't now. */
static void show_observed(struct source *s, struct view *view)
{
	struct view_observed *o = &s->shown;

	*o = s->observed;
	o->chains_known = o->chains_known && view->unix_seconds - o->chains_unix < SOURCE_OBSERVED_SECONDS;
	o->census_known = o->census_known && view->unix_seconds - o->census_unix < SOURCE_OBSERVED_SECONDS;
	view->observed = o->chains_known || o->census_known ? o : NULL;
}

uint64_t source_look(struct source *s, uint64_t boot_usec, bool recent, struct view *view)
{
	read_all(s, boot_usec, recent);
	view->snapshot = s->snapshot_known ? s->snapshot : NULL;
	view->recent = s->recent_known ? s->recent : NULL;
	show_observed(s, view);
	view->age_seconds = view->snapshot ? ct_snapshot_age(view->snapshot, boot_usec) : 0;
	view->old = !view->snapshot || s->wrong.code == -ENOENT || ct_snapshot_is_old(view->snapshot, boot_usec) ||
		    view->snapshot->boot_usec > boot_usec + AHEAD_USEC;
	say_trouble(s, view);
	return s->number;
}
