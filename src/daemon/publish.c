/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two files of the snapshot: when they are written, and what is counted for them. */
#include "config.h"
#include "publish.h"
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <conntune/self.h>

/* How long a look takes, and for how long a resize stalls everybody; seconds. */
static const double look_bounds[] = { 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 100e-3, 1 };
static const double stall_bounds[] = { 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3, 200e-3, 500e-3, 1, 2, 5 };

static int fail(struct ct_err *err, const char *path, const char *what)
{
	err->code = -errno;
	(void)snprintf(err->msg, sizeof(err->msg), "%.120s: %s: %s", path, what, strerror(-err->code));
	return err->code;
}

static void set_bounds(struct ct_snapshot_histogram *h, const double *bounds, size_t n)
{
	h->n = (uint32_t)n;
	(void)memcpy(h->bound, bounds, n * sizeof(*bounds));
}

/* Anybody may read it, whatever the umask says. */
static int make_file(const char *path, int *fd, struct ct_err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(err, path, "can't be replaced");
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0 || fchmod(*fd, 0644) < 0)
		return fail(err, path, "can't be made");
	return 0;
}

/* All of them from the start: who watches a counter sees the first event only if it was 0 before. */
static void name_reasons(struct ct_snapshot *s)
{
	for (unsigned i = DECIDE_NO_REASON + 1; i < DECIDE_REASON__COUNT && s->reasons < CT_SNAPSHOT_REASONS; i++)
		(void)snprintf(s->reason_count[s->reasons++].name, sizeof(s->reason_count[0].name), "%s",
			       decide_reason_name((enum decide_reason)i));
}

int publish_open(struct publish *p, const char *root, struct ct_err *err)
{
	int r;

	*p = (struct publish){ .fd = -1, .recent_fd = -1, .snapshot = calloc(1, sizeof(*p->snapshot)) };
	if (!p->snapshot) {
		*err = (struct ct_err){ .code = -ENOMEM, .msg = "out of memory" };
		return -ENOMEM;
	}
	set_bounds(&p->snapshot->look_seconds, look_bounds, sizeof(look_bounds) / sizeof(look_bounds[0]));
	set_bounds(&p->snapshot->stall_seconds, stall_bounds, sizeof(stall_bounds) / sizeof(stall_bounds[0]));
	name_reasons(p->snapshot);
	for (size_t i = 0; i < CT_SNAPSHOT_PEAKS; i++)
		p->snapshot->second_peak[i] = UINT32_MAX;
	(void)snprintf(p->path, sizeof(p->path), "%s/%s", root, CT_SNAPSHOT_PATH);
	(void)snprintf(p->recent_path, sizeof(p->recent_path), "%s/%s", root, CT_RECENT_PATH);
	r = make_file(p->path, &p->fd, err);
	if (r == 0)
		r = make_file(p->recent_path, &p->recent_fd, err);
	if (r < 0)
		publish_close(p);
	return r;
}

static void end_file(int *fd, const char *path)
{
	if (*fd < 0)
		return;
	(void)unlink(path);
	(void)close(*fd);
	*fd = -1;
}

void publish_close(struct publish *p)
{
	if (!p->snapshot)
		return;
	end_file(&p->fd, p->path);
	end_file(&p->recent_fd, p->recent_path);
	free(p->snapshot);
	p->snapshot = NULL;
}

static struct ct_snapshot_reason *find_reason(struct ct_snapshot *s, const char *name)
{
	uint32_t i = 0;

	while (i < s->reasons && strcmp(s->reason_count[i].name, name) != 0)
		i++;
	return i < s->reasons ? &s->reason_count[i] : NULL;
}

void publish_action(struct publish *p, const struct decide_verdict *verdict, const struct decide_outcome *outcome,
		    bool dry)
{
	struct ct_snapshot_reason *reason =
		p->snapshot ? find_reason(p->snapshot, decide_reason_name(verdict->reason)) : NULL;

	if (!reason)
		return;
	if (outcome->done < 0)
		reason->failed++;
	else if (dry)
		reason->advised++;
	else
		reason->done++;
	if (outcome->stall_usec)
		ct_snapshot_count(&p->snapshot->stall_seconds, (double)outcome->stall_usec / 1e6);
}

/* The peak of each second is kept whether it is published at once or not. */
static void count_look(struct ct_snapshot *s, const struct daemon *d, int result, double seconds)
{
	uint64_t second = d->looked_usec / 1000000;
	const struct ct_u64 *entries = &d->look.entries;
	uint32_t *peak = &s->second_peak[second % CT_SNAPSHOT_PEAKS];
	uint64_t v = entries->v < UINT32_MAX ? entries->v : UINT32_MAX - 1;

	s->looks++;
	s->failed_looks += result < 0;
	ct_snapshot_count(&s->look_seconds, seconds);
	for (uint64_t i = s->peak_second + 1; i <= second && i <= s->peak_second + CT_SNAPSHOT_PEAKS; i++)
		s->second_peak[i % CT_SNAPSHOT_PEAKS] = UINT32_MAX;
	if (second > s->peak_second)
		s->peak_second = second;
	if (result < 0 || !entries->known)
		return;
	if (*peak == UINT32_MAX || v > *peak)
		*peak = (uint32_t)v;
	if (!s->peak.known || v > s->peak.v)
		s->peak = (struct ct_u64){ .known = true, .v = v };
}

static void fill_self(struct ct_snapshot *s, bool slow)
{
	struct ct_self self;

	s->cpu_usec = ct_self_cpu().v;
	if (!slow)
		return;
	ct_self_read(&self);
	s->resident_bytes = self.resident_bytes;
	s->descriptors = self.descriptors;
}

static int write_file(int fd, const char *path, const void *bytes, size_t n, struct ct_err *err)
{
	ssize_t written = pwrite(fd, bytes, n, 0);

	if (written < 0)
		return fail(err, path, "can't be written");
	if ((size_t)written == n)
		return 0;
	errno = ENOSPC;
	return fail(err, path, "can't be written whole");
}

static int write_recent(const struct publish *p, const struct daemon *d, struct ct_err *err)
{
	struct ct_recent *recent = calloc(1, sizeof(*recent));
	int r;

	if (!recent) {
		errno = ENOMEM;
		return fail(err, p->recent_path, "can't be made");
	}
	publish_fill_recent(recent, d);
	ct_recent_seal(recent);
	r = write_file(p->recent_fd, p->recent_path, recent, sizeof(*recent), err);
	free(recent);
	return r;
}

int publish_look(struct publish *p, const struct daemon *d, int result, double seconds, struct ct_err *err)
{
	uint64_t now = d->looked_usec;
	bool slow = !p->slow_usec || now - p->slow_usec >= PUBLISH_SLOW_USEC;
	int r;

	if (!p->snapshot)
		return 0;
	count_look(p->snapshot, d, result, seconds);
	/* a look that failed says nothing new: who reads the one before sees it grow old */
	if (result < 0 || (p->written_usec && now - p->written_usec < PUBLISH_USEC && p->actions == d->action_count))
		return 0;
	publish_fill(p->snapshot, d);
	fill_self(p->snapshot, slow);
	p->actions = d->action_count;
	p->written_usec = now;
	ct_snapshot_seal(p->snapshot);
	r = write_file(p->fd, p->path, p->snapshot, sizeof(*p->snapshot), err);
	if (r < 0 || !slow)
		return r;
	p->slow_usec = now;
	return write_recent(p, d, err);
}
