/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune status: one screen on how full the table is. */
#include "config.h"
#include "cli.h"
#include "options.h"
#include "out.h"
#include "show.h"
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <conntune/conntune.h>

/* Chains and memory of a table with so many entries. */
struct level {
	double load;
	unsigned longest;
	double p_refused;
	struct ct_u64 memory;
};

struct status {
	struct ct_facts facts;
	struct ct_kernel kernel;
	struct ct_u64 entries, limit, buckets;
	struct level now, full;
	bool now_known, full_known;
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

static int collect(struct ct_fs *fs, struct status *s, struct ct_err *err)
{
	struct ct_facts *f = &s->facts;
	int r = ct_facts_collect(fs, NULL, f, err);

	if (r == 0)
		r = ct_kernel_describe(&f->kernel, f->page_bytes, f->pointer_bits, &s->kernel, err);
	if (r < 0)
		return r;
	s->entries = ct_facts_entries(f);
	s->limit = ct_facts_limit(f);
	s->buckets = ct_facts_buckets(f);
	s->now_known = s->entries.known && s->buckets.known && s->buckets.v;
	s->full_known = s->limit.known && s->limit.v && s->buckets.known && s->buckets.v;
	if (s->now_known)
		level_of(s, s->entries.v, &s->now);
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
	if (s->facts.netns_count > 1)
		out_line(out, "Entries are those of this network namespace; the buckets are shared with %u "
			 "more, whose entries make chains longer.", s->facts.netns_count - 1);
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
	out_u64(out, "namespaces", NULL, OUT_PLAIN, f->netns_count);
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

int cmd_status(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	struct status s = { .now_known = false };
	int r = cli_open_root(&fs, opt, err);

	if (r == 0)
		r = collect(fs, &s, err);
	if (r < 0)
		return r;
	out_line(out, "%s", s.verdict->text);
	out_text(out, "verdict", NULL, s.verdict->name);
	out_text(out, "verdict_text", NULL, s.verdict->text);
	out_begin(out, OUT_OBJECT, NULL, "Table");
	show_entries(out, &s);
	show_place(out, &s);
	out_end(out);
	show_levels(out, &s);
	show_files(out, fs);
	show_pending(out, fs);
	r = show_owners(out, fs, err);
	if (r < 0)
		return r;
	return opt->check && !s.verdict->healthy ? CLI_EXIT_CHECK : CLI_EXIT_OK;
}
