/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune status: one screen on how full the table is. */
#include "config.h"
#include "cli.h"
#include "daemon.h"
#include "live.h"
#include "options.h"
#include "out.h"
#include "show.h"
#include "verdict.h"
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <conntune/conntune.h>

/* Chains and memory of a table with so many entries. */
struct level {
	double load;
	unsigned longest;
	double p_refused;
	struct ct_u64 memory;
};

/* @shared: entries that share the buckets, those of other namespaces among them */
struct status {
	struct ct_facts facts;
	struct ct_kernel kernel;
	struct ct_u64 entries, limit, buckets, shared;
	struct level now, full;
	bool now_known, full_known;
	bool complete;                  /* nobody else is known to be in the buckets */
	const struct cli_verdict *verdict;
};

static void level_of(const struct status *s, uint64_t entries, struct level *ret)
{
	uint64_t memory;

	ret->load = ct_chain_load(entries, s->buckets.v);
	ret->longest = ct_chain_longest(ret->load, s->buckets.v);
	ret->p_refused = ct_chain_p_refused(ret->load, &s->kernel);
	if (ct_memory_full(&s->kernel, s->facts.page_bytes, s->facts.entry_bytes, entries, s->buckets.v, &memory,
			   NULL) == 0)
		ret->memory = (struct ct_u64){ .known = true, .v = memory };
}

static int collect(struct ct_fs *fs, struct live *live, struct status *s, struct ct_err *err)
{
	struct ct_facts *f = &s->facts;
	int r = ct_facts_collect(fs, NULL, f, err);

	if (r == 0)
		r = ct_kernel_describe(&f->kernel, f->page_bytes, f->pointer_bits, &s->kernel, err);
	if (r == 0)
		r = live_update(live, fs, f, err);
	if (r < 0)
		return r;
	s->entries = ct_facts_entries(f);
	s->shared = live->tracking ? live->symptoms.all_entries : s->entries;
	s->limit = ct_facts_limit(f);
	s->buckets = ct_facts_buckets(f);
	s->complete = !live->netns || s->kernel.table_per_netns;
	if (!s->complete)
		(void)ct_netns_entries(live->netns, &s->complete);
	s->now_known = s->shared.known && s->buckets.known && s->buckets.v;
	s->full_known = s->limit.known && s->limit.v && s->buckets.known && s->buckets.v;
	if (s->now_known)
		level_of(s, s->shared.v, &s->now);
	if (s->full_known)
		level_of(s, s->limit.v, &s->full);
	s->verdict = cli_verdict(&(struct cli_health){
		.presence = f->presence,
		.entries = s->entries,
		.limit = s->limit,
		.buckets = s->buckets,
		.load_full = s->full.load,
		.p_refused = s->now.p_refused,
		.p_refused_full = s->full.p_refused,
	});
	return 0;
}

static void show_entries(struct out *out, const struct status *s)
{
	out_known(out, "entries", "entries", OUT_PLAIN, s->entries);
	if (s->entries.known && s->limit.known && s->limit.v) {
		double fill = (double)s->entries.v / (double)s->limit.v;
		char text[32];

		out_human(text, sizeof(text), OUT_SHARE, fill);
		out_note(out, "%s of the limit", text);
		out_real(out, "fill", NULL, OUT_SHARE, fill);
	}
	out_known(out, "peak_entries", "peak", OUT_PLAIN, s->facts.slab_peak_entries);
	out_known(out, "limit", "limit", OUT_PLAIN, s->limit);
	if (s->limit.known && s->limit.v == 0)
		out_note(out, "no limit");
	out_known(out, "buckets", "buckets", OUT_PLAIN, s->buckets);
	out_known(out, "expect_entries", "expectations", OUT_PLAIN, s->facts.expect_entries);
}

/* Side by side in text, plain fields in JSON. */
static void show_levels(struct out *out, const struct status *s)
{
	static const struct {
		const char *title, *load, *longest, *p_refused, *memory;
	} keys[] = {
		{ "now", "load", "longest_expected", "p_refused", "memory_bytes" },
		{ "when full", "load_full", "longest_expected_full", "p_refused_full", "memory_full_bytes" },
	};
	const struct level *level[] = { s->now_known ? &s->now : NULL, s->full_known ? &s->full : NULL };

	out_begin(out, OUT_TABLE, NULL, "Expected");
	for (size_t i = 0; i < cli_array_size(level); i++) {
		if (!level[i])
			continue;
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, NULL, "table", keys[i].title);
		out_real(out, keys[i].load, "mean chain", OUT_RATIO, level[i]->load);
		out_u64(out, keys[i].longest, "longest chain", OUT_PLAIN, level[i]->longest);
		out_real(out, keys[i].p_refused, "P(refused)", OUT_SHARE, level[i]->p_refused);
		out_known(out, keys[i].memory, "memory", OUT_BYTES, level[i]->memory);
		out_end(out);
	}
	if (s->now_known && s->entries.known && s->shared.v != s->entries.v)
		out_line(out, "Chains hold the entries of all network namespaces: %" PRIu64 ".", s->shared.v);
	if (!s->complete)
		out_line(out, "There are network namespaces whose entries can't be read from here; they make chains "
			 "longer than shown.");
	out_end(out);
}

static void show_place(struct out *out, const struct status *s)
{
	const struct ct_facts *f = &s->facts;

	out_text(out, "presence", "conntrack", ct_presence_name(f->presence));
	out_text(out, "kernel", "kernel", f->release);
	if (f->netns_inode.known)
		out_u64(out, "namespace", "namespace", OUT_PLAIN, f->netns_inode.v);
	if (f->netns_inode.known && f->netns_initial_known)
		out_note(out, f->netns_initial ? "the first one" : "not the first one: limit and buckets are "
								   "set there");
	if (f->netns_initial_known)
		out_bool(out, "namespace_initial", NULL, f->netns_initial);
	out_u64(out, "entry_bytes", "one entry", OUT_BYTES, f->entry_bytes);
	show_entry_note(out, f);
	out_text(out, "entry_source", NULL, ct_entry_source_name(f->entry_source));
}

static void show_files(struct out *out, struct ct_fs *fs)
{
	const char *path[CT_BOOT_FILES_MAX];
	size_t n = ct_boot_files_present(fs, path);
	char text[sizeof(((struct ct_boot_file *)NULL)->path) + 1];

	out_begin(out, OUT_TABLE, "files", "Boot files of conntune");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "/%s", path[i]);
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, "path", "file", text);
		out_end(out);
	}
	out_end(out);
}

/* What `apply --confirm` left, if it still waits. A damaged file is worth a word, but no reason to show nothing. */
static void show_pending(struct out *out, struct ct_fs *fs)
{
	struct ct_pending pending;
	struct ct_err err;
	struct timespec now;
	int64_t left;
	int r = ct_pending_load(fs, &pending, &err);

	if (r == -ENOENT)
		return;
	if (r == -EACCES) {
		out_line(out, "Waiting for confirmation: an apply; root may see which.");
		return;
	}
	if (r < 0) {
		out_line(out, "Waiting for confirmation, perhaps: %s.", err.msg);
		return;
	}
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	left = (int64_t)(pending.deadline_usec / 1000000) - now.tv_sec;
	out_begin(out, OUT_OBJECT, "pending", "Waiting for `conntune confirm`");
	out_i64(out, "seconds_left", "undone in", OUT_SECONDS, left > 0 ? left : 0);
	if (left < 0)
		out_note(out, "overdue, its guard is gone: the next apply, confirm or revert undoes it");
	out_known(out, "old_limit", "limit before", OUT_PLAIN, pending.old_limit);
	out_known(out, "old_buckets", "buckets before", OUT_PLAIN, pending.old_buckets);
	out_end(out);
}

static int show(struct out *out, struct ct_fs *fs, const struct live *live, const struct status *s, struct ct_err *err)
{
	int r;

	out_line(out, "%s", s->verdict->text);
	out_text(out, "verdict", NULL, s->verdict->name);
	out_text(out, "verdict_text", NULL, s->verdict->text);
	live_show_cause(live, out);
	out_begin(out, OUT_OBJECT, NULL, "Table");
	show_entries(out, s);
	show_place(out, s);
	out_end(out);
	show_levels(out, s);
	live_show_counters(live, out);
	live_show_namespaces(live, out);
	show_files(out, fs);
	show_pending(out, fs);
	r = daemon_show(out, fs, err);
	return r < 0 ? r : show_owners(out, fs, err);
}

static int check(const struct cli_options *opt, const struct live *live, const struct status *s)
{
	bool healthy = s->verdict->healthy && (!live->tracking || live->cause.healthy);

	return opt->check && !healthy ? CLI_EXIT_CHECK : CLI_EXIT_OK;
}

/* A whole output of its own to @f. */
static int show_once(FILE *f, bool json, struct ct_fs *fs, const struct live *live, const struct status *s,
		     struct ct_err *err)
{
	cli_cleanup(out_freep) struct out *out = NULL;
	int r = out_new(&out, json, f, err);

	if (r == 0)
		r = show(out, fs, live, s, err);
	return r < 0 ? r : out_finish(out, err);
}

static void free_text(char **text)
{
	free(*text);
}

static int draw(struct watch *watch, struct ct_fs *fs, const struct live *live, const struct status *s,
		struct ct_err *err)
{
	cli_cleanup(free_text) char *text = NULL;
	char spark[3 * WATCH_HISTORY + 1];
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int r;

	if (!f)
		return cli_fail(err, -ENOMEM, "out of memory");
	if (s->entries.known)
		watch_add(watch, s->entries.v);
	watch_spark(watch, spark, 60);
	fprintf(f, "%s entries, every %" PRIu64 " s; Ctrl-C ends\n\n", spark, watch->seconds);
	r = show_once(f, false, fs, live, s, err);
	if (fclose(f) != 0 && r == 0)
		r = cli_fail(err, -ENOMEM, "out of memory");
	return r < 0 ? r : watch_draw(text, stdout, err);
}

/* A screen, an object, or a line. */
static int emit(const struct cli_options *opt, struct watch *watch, struct ct_fs *fs, const struct live *live,
		const struct status *s, struct ct_err *err)
{
	if (watch->screen)
		return draw(watch, fs, live, s, err);
	if (opt->json) {
		int r = show_once(stdout, true, fs, live, s, err);

		if (r < 0)
			return r;
	} else {
		live_line(live, stdout);
		(void)putchar('\n');
	}
	errno = 0;
	if (fflush(stdout) == 0)
		return 0;
	return cli_fail(err, errno ? -errno : -EIO, "output can't be written: %s", strerror(errno ? errno : EIO));
}

/* Rates need two looks: the first one is only shown where somebody would look at an empty screen meanwhile. */
static int watch_status(const struct cli_options *opt, struct ct_fs *fs, struct live *live, struct ct_err *err)
{
	cli_cleanup(watch_end) struct watch watch;
	struct status s;
	int r;

	watch_begin(&watch, opt->watch_seconds, !opt->json && isatty(STDOUT_FILENO));
	for (uint64_t looks = 0;; looks++) {
		s = (struct status){ .now_known = false };
		r = collect(fs, live, &s, err);
		if (r == 0 && (looks > 0 || watch.screen))
			r = emit(opt, &watch, fs, live, &s, err);
		if (r < 0)
			return r;
		if ((opt->count && looks == opt->count) || !watch_wait(&watch))
			return check(opt, live, &s);
	}
}

int cmd_status(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(live_done) struct live live = { .tracking = false };
	struct status s = { .now_known = false };
	int r = cli_open_root(&fs, opt, err);

	if (r < 0)
		return r;
	if (opt->watch_seconds) {
		out_cancel(out);
		return watch_status(opt, fs, &live, err);
	}
	r = collect(fs, &live, &s, err);
	if (r == 0)
		r = show(out, fs, &live, &s, err);
	return r < 0 ? r : check(opt, &live, &s);
}
