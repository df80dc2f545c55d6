/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune advise: what limit and buckets should be, why, and how to get there. */
#include "config.h"
#include "cli.h"
#include "options.h"
#include "out.h"
#include "show.h"
#include "sizing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <conntune/conntune.h>

/* The way from the present state to the advice. @refused: why there is none; @lowers: apply goes it only if asked to. */
struct way {
	struct ct_plan plan;
	struct ct_err refused;
	bool differs, lowers;
};

/* For people only where it isn't what the release says. */
static void show_version(struct out *out, const struct ct_facts *f)
{
	static const char *const notes[] = {
		[CT_PATCH_BUILD] = "/proc/version names it",
		[CT_PATCH_SIGNATURE] = "/proc/version_signature",
		[CT_PATCH_ASSUMED] = "assumed: what its vendor added isn't told",
	};
	bool hidden = f->patch_source < cli_array_size(notes) && notes[f->patch_source];
	char version[24];

	(void)snprintf(version, sizeof(version), "%u.%u.%u", f->kernel.major, f->kernel.minor, f->kernel.patch);
	out_text(out, "kernel_version", hidden ? "which is" : NULL, version);
	if (hidden)
		out_note(out, "%s", notes[f->patch_source]);
	out_text(out, "kernel_version_source", NULL, ct_patch_source_name(f->patch_source));
}

static void show_facts(struct out *out, const struct cli_options *opt, const struct cli_sizing *s)
{
	const struct ct_facts *f = &s->facts;
	uint64_t ram = f->ram_bytes.v;

	out_begin(out, OUT_OBJECT, "facts", s->other_machine ? "Facts of the other machine" : "Facts");
	out_u64(out, "ram_bytes", "RAM", OUT_BYTES, ram);
	out_note(out, "%s", cli_given(opt, CLI_OPT_RAM) ? "--ram" : "MemTotal in /proc/meminfo");
	if (f->mem_available_bytes.known) {
		out_u64(out, "mem_available_bytes", "available", OUT_BYTES, f->mem_available_bytes.v);
		out_note(out, "MemAvailable");
	}
	if (f->low_bytes.known) {
		out_u64(out, "low_bytes", "low memory", OUT_BYTES, f->low_bytes.v);
		out_note(out, "LowTotal; the table can't be anywhere else");
	}
	if (f->low_available_bytes.known)
		out_u64(out, "low_available_bytes", NULL, OUT_BYTES, f->low_available_bytes.v);
	out_text(out, "kernel", "kernel", f->release);
	out_note(out, "%u-bit pointers, pages of %u KiB%s%s", f->pointer_bits, f->page_bytes / 1024,
		 f->machine[0] ? ", " : "", f->machine);
	show_version(out, f);
	out_u64(out, "page_bytes", NULL, OUT_BYTES, f->page_bytes);
	out_u64(out, "pointer_bits", NULL, OUT_PLAIN, f->pointer_bits);
	if (f->machine[0])
		out_text(out, "machine", NULL, f->machine);
	out_u64(out, "bucket_bytes", "one bucket", OUT_BYTES, s->request.kernel.bucket_bytes);
	out_u64(out, "entry_bytes", "one entry", OUT_BYTES, f->entry_bytes);
	show_entry_note(out, f);
	out_text(out, "entry_source", NULL, ct_entry_source_name(f->entry_source));
	if (!s->other_machine) {
		out_u64(out, "namespaces", "namespaces", OUT_PLAIN, f->netns_count);
		out_note(out, "found here; the limit holds for each");
	}
	out_end(out);
}

static void show_present(struct out *out, const struct cli_sizing *s)
{
	const struct ct_facts *f = &s->facts;
	struct ct_u64 limit = ct_facts_limit(f), buckets = ct_facts_buckets(f), entries = ct_facts_entries(f);

	out_begin(out, OUT_OBJECT, "present", "Present");
	out_text(out, "presence", "conntrack", ct_presence_name(f->presence));
	out_known(out, "limit", "limit", OUT_PLAIN, limit);
	if (limit.known && limit.v == 0)
		out_note(out, "no limit");
	out_known(out, "buckets", "buckets", OUT_PLAIN, buckets);
	out_known(out, "entries", "entries", OUT_PLAIN, entries);
	if (entries.known && buckets.known)
		out_real(out, "load", NULL, OUT_RATIO, ct_chain_load(entries.v, buckets.v));
	out_end(out);
}

/* Bytes with every namespace full: those found on this machine, or more if more were asked for. */
static uint64_t worst_case(const struct cli_sizing *s, const struct ct_size *size, uint32_t *namespaces)
{
	uint64_t full, entries;

	*namespaces = s->request.namespaces;
	if (s->other_machine || s->facts.netns_count <= *namespaces)
		return size->worst_case_bytes;
	*namespaces = s->facts.netns_count;
	if (__builtin_mul_overflow(size->limit, (uint64_t)*namespaces, &entries) ||
	    ct_memory_full(&s->request.kernel, s->request.page_bytes, s->request.entry_bytes, entries, size->buckets,
			   &full, NULL) < 0)
		return UINT64_MAX;
	return full;
}

static void show_policy(struct out *out, const struct cli_sizing *s, const struct ct_size *size)
{
	uint32_t namespaces;

	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, "name", "policy", ct_policy_name(size->policy));
	out_u64(out, "limit", "limit", OUT_PLAIN, size->limit);
	out_u64(out, "buckets", "buckets", OUT_PLAIN, size->buckets);
	out_u64(out, "unrounded_limit", NULL, OUT_PLAIN, size->unrounded_limit);
	out_u64(out, "unrounded_buckets", NULL, OUT_PLAIN, size->unrounded_buckets);
	out_u64(out, "memory_bytes", "memory", OUT_BYTES, size->memory_bytes);
	out_u64(out, "worst_case_bytes", NULL, OUT_BYTES, worst_case(s, size, &namespaces));
	out_u64(out, "budget_bytes", NULL, OUT_BYTES, size->budget_bytes);
	out_real(out, "load", "mean", OUT_RATIO, size->load);
	out_u64(out, "longest_expected", "longest", OUT_PLAIN, size->longest_expected);
	out_real(out, "p_refused", "refused", OUT_SHARE, size->p_refused);
	out_text(out, "bound_by", "bound by", ct_bound_name(size->bound_by));
	out_text(out, "buckets_bound_by", NULL, ct_bound_name(size->buckets_bound_by));
	out_end(out);
}

static void show_policies(struct out *out, const struct cli_sizing *s)
{
	out_begin(out, OUT_TABLE, "policies", "Policies, recommended one first; memory and chains (mean, longest) when full");
	for (size_t i = 0; i < s->count; i++)
		show_policy(out, s, &s->size[i]);
	out_end(out);
}

static void show_left_out(struct out *out, const struct cli_sizing *s)
{
	out_begin(out, OUT_LIST, "left_out", NULL);
	for (size_t i = 0; i < s->left_out_count; i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, "name", NULL, ct_policy_name(s->left_out[i].policy));
		out_text(out, "reason", NULL, s->left_out[i].why);
		out_end(out);
	}
	out_end(out);
	/* sentences, which a column would make too wide */
	out_begin(out, OUT_OBJECT, NULL, "Policies not shown");
	for (size_t i = 0; i < s->left_out_count; i++)
		out_line(out, "%s: %s", ct_policy_name(s->left_out[i].policy), s->left_out[i].why);
	out_end(out);
}

static void show_why(struct out *out, const struct cli_sizing *s)
{
	const struct ct_size *size = &s->size[0];
	char title[64], text[4096], memory[32], *line = text, *rest;
	uint32_t namespaces;
	uint64_t worst = worst_case(s, size, &namespaces);

	(void)snprintf(title, sizeof(title), "Why %s", ct_policy_name(size->policy));
	/* cut is better than nothing */
	(void)ct_size_explain(&s->request, size, text, sizeof(text));
	out_begin(out, OUT_PROSE, "arithmetic", title);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		out_text(out, NULL, NULL, line);
	out_human(memory, sizeof(memory), OUT_BYTES, (double)worst);
	/* the library's own lines speak of as many as were asked for */
	if (namespaces > s->request.namespaces)
		out_line(out, "full in all %u network namespaces found here: %s", namespaces, memory);
	out_end(out);
}

static void find_way(const struct cli_options *opt, const struct cli_sizing *s, struct way *way)
{
	struct ct_wanted wanted = cli_sizing_wanted(opt, s);
	struct ct_u64 limit = ct_facts_limit(&s->facts), buckets = ct_facts_buckets(&s->facts);

	if (ct_plan_make(&s->facts, &wanted, &way->plan, &way->refused) < 0)
		way->plan.step_count = 0;
	way->differs = way->plan.step_count > 0 || !limit.known || limit.v != wanted.limit || !buckets.known ||
		       buckets.v != wanted.buckets;
	/* memory may cut a present value, which apply leaves alone unless lowering was asked for */
	way->lowers = !cli_given(opt, CLI_OPT_POLICY) && (limit.v > wanted.limit || buckets.v > wanted.buckets);
}

/* For people: both side by side. */
static void show_difference(struct out *out, const struct cli_sizing *s)
{
	const struct {
		const char *name;
		struct ct_u64 present;
		uint64_t advised;
	} rows[] = {
		{ "limit", ct_facts_limit(&s->facts), s->size[0].limit },
		{ "buckets", ct_facts_buckets(&s->facts), s->size[0].buckets },
	};

	for (size_t i = 0; i < cli_array_size(rows); i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, NULL, " ", rows[i].name);
		out_known(out, NULL, "present", OUT_PLAIN, rows[i].present);
		out_u64(out, NULL, "advised", OUT_PLAIN, rows[i].advised);
		out_end(out);
	}
}

static void show_way(struct out *out, const struct cli_sizing *s, const struct way *way)
{
	out_bool(out, "differs", NULL, way->differs);
	out_begin(out, OUT_TABLE, NULL, way->differs ? "This machine differs" : "This machine agrees");
	show_difference(out, s);
	out_end(out);
	out_begin(out, OUT_LIST, "commands", way->lowers
		  ? "By hand, in this order (or: conntune apply --allow-shrink, same options)"
		  : "By hand, in this order (or: conntune apply, same options)");
	for (size_t i = 0; i < way->plan.step_count; i++)
		out_text(out, NULL, NULL, way->plan.step[i].command);
	out_end(out);
	out_begin(out, OUT_PROSE, "notes", "Left alone");
	for (size_t i = 0; i < way->plan.note_count; i++)
		out_text(out, NULL, NULL, way->plan.note[i]);
	out_end(out);
	if (way->refused.code) {
		out_begin(out, OUT_OBJECT, NULL, "It can't be done here");
		out_text(out, "plan_refused", NULL, way->refused.msg);
		out_line(out, "%s", way->refused.msg);
		out_end(out);
	}
}

static void show_summary(struct out *out, const struct cli_sizing *s, const struct way *way)
{
	const struct ct_size *size = &s->size[0];
	const char *verb = s->other_machine ? "That machine should have" : way->differs ? "Advice:" : "Fine as it is:";

	out_line(out, "%s limit %llu, buckets %llu (policy %s).", verb, (unsigned long long)size->limit,
		 (unsigned long long)size->buckets, ct_policy_name(size->policy));
}

int cmd_advise(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	struct cli_sizing s;
	struct way way = { .differs = false };
	int r = cli_open_root(&fs, opt, err);

	if (r == 0)
		r = cli_sizing_make(opt, fs, &s, err);
	if (r < 0)
		return r;
	if (!s.other_machine)
		find_way(opt, &s, &way);
	show_summary(out, &s, &way);
	show_facts(out, opt, &s);
	if (!s.other_machine)
		show_present(out, &s);
	show_policies(out, &s);
	show_left_out(out, &s);
	out_text(out, "recommended", NULL, ct_policy_name(s.size[0].policy));
	show_why(out, &s);
	if (s.other_machine)
		return 0;
	r = show_owners(out, fs, err);
	if (r < 0)
		return r;
	show_way(out, &s, &way);
	return opt->check && way.differs ? CLI_EXIT_CHECK : CLI_EXIT_OK;
}
