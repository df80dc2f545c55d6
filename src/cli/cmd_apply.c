/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune apply: from the present values to those of a policy, all steps or none, and back unless confirmed. */
#include "config.h"
#include "change.h"
#include "cli.h"
#include "guard.h"
#include "sizing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/**
 * struct apply - what one apply is about
 * @limit, @buckets: in force afterwards
 * @files: boot files that make it so at the next boot; only with --persist
 * @guard: only with --confirm
 * @first: the record of the first values was made here
 */
struct apply {
	struct change c;
	struct cli_sizing sizing;
	struct ct_wanted wanted;
	uint64_t limit, buckets;
	struct ct_boot_files files;
	enum ct_boot_change file_change[CT_BOOT_FILES_MAX];
	struct guard guard;
	bool first;
};

static void human(char text[32], uint64_t bytes)
{
	out_human(text, 32, OUT_BYTES, (double)bytes);
}

/* The administrator's own numbers are taken as they are, or not at all. */
static int check_fixed(const struct apply *a, struct ct_err *err)
{
	const struct cli_options *opt = a->c.opt;
	const struct ct_size_request *req = &a->sizing.request;
	const struct ct_size *size = &a->sizing.size[0];
	uint64_t limit = opt->limit ? opt->limit : size->limit, buckets = opt->buckets ? opt->buckets : size->buckets,
		 full;
	char need[32] = "more than 2^64 bytes", have[32], entry[32];

	if (opt->policy != CT_POLICY_FIXED || (limit == size->limit && buckets <= size->buckets))
		return 0;
	human(have, size->budget_bytes);
	human(entry, req->entry_bytes);
	if (ct_memory_full(&req->kernel, req->page_bytes, req->entry_bytes, limit, buckets, &full, NULL) == 0)
		human(need, full);
	return cli_fail(err, -EBUSY,
			"refused: %" PRIu64 " entries of %s and %" PRIu64
			" buckets take %s of a budget of %s; bound by "
			"%s, %" PRIu64 " and %" PRIu64 " would fit (see --budget)",
			limit, entry, buckets, need, have,
			ct_bound_name(size->bound_by == CT_BOUND_FORMULA ? size->buckets_bound_by : size->bound_by),
			size->limit, size->buckets);
}

/* Memory may have cut a value below the present one. Nobody asked for that. */
static void keep_present(struct apply *a)
{
	struct ct_u64 limit = ct_facts_limit(&a->sizing.facts), buckets = ct_facts_buckets(&a->sizing.facts);

	if (cli_given(a->c.opt, CLI_OPT_POLICY) || a->c.opt->allow_shrink)
		return;
	if (limit.known && limit.v > a->wanted.limit) {
		out_line(a->c.out,
			 "The limit stays at %" PRIu64 ": %" PRIu64 " is advised, but lowering wasn't asked for "
			 "(--policy or --allow-shrink).",
			 limit.v, a->wanted.limit);
		a->wanted.limit = limit.v;
	}
	if (buckets.known && buckets.v > a->wanted.buckets) {
		out_line(a->c.out,
			 "Buckets stay at %" PRIu64 ": %" PRIu64 " are advised, but lowering wasn't asked for "
			 "(--policy or --allow-shrink).",
			 buckets.v, a->wanted.buckets);
		a->wanted.buckets = buckets.v;
	}
}

/* Values after the plan: those of its steps, else as they are. */
static void find_result(struct apply *a)
{
	a->limit = ct_facts_limit(&a->sizing.facts).v;
	a->buckets = ct_facts_buckets(&a->sizing.facts).v;
	for (size_t i = 0; i < a->c.plan.step_count; i++) {
		const struct ct_step *step = &a->c.plan.step[i];

		*(step->param == CT_PARAM_LIMIT ? &a->limit : &a->buckets) = step->value;
	}
}

/* Before anything is changed: can the boot files be written at all? */
static int prepare_files(struct apply *a, struct ct_err *err)
{
	int r;

	if (!a->c.opt->persist)
		return 0;
	r = ct_boot_files_make(&a->sizing.facts, a->limit, a->buckets, &a->files, err);
	if (r == 0)
		r = ct_boot_files_compare(a->c.fs, &a->files, a->file_change, err);
	for (size_t i = 0; i < a->files.count && r == 0; i++)
		if (a->file_change[i] == CT_BOOT_FOREIGN)
			r = cli_fail(err, -EEXIST,
				     "/%s is there, but was not written by conntune: move it away, or go without "
				     "--persist",
				     a->files.file[i].path);
	return r;
}

static int check_undoable(const struct apply *a, struct ct_err *err)
{
	if (a->c.opt->confirm_seconds && a->c.plan.step_count && a->c.plan.step[0].kind == CT_STEP_LOAD_MODULE)
		return cli_fail(err, -EOPNOTSUPP,
				"--confirm: connection tracking isn't loaded yet, and loading it can't be undone; "
				"apply without --confirm");
	return 0;
}

/* A damaged record is an error before anything is planned, not after. */
static int look_at_record(struct apply *a, struct ct_err *err)
{
	struct ct_err why = { 0 };
	struct ct_record rec;
	int r = ct_record_load(a->c.fs, &rec, &why);

	a->first = r == -ENOENT;
	return r < 0 && !a->first ? cli_fail(err, r, "%s", why.msg) : 0;
}

static int make_plan(struct apply *a, struct ct_err *err)
{
	int r = look_at_record(a, err);

	if (r == 0)
		r = cli_sizing_make(a->c.opt, a->c.fs, &a->sizing, err);
	if (r == 0)
		r = check_fixed(a, err);
	if (r < 0)
		return r;
	a->wanted = cli_sizing_wanted(a->c.opt, &a->sizing);
	keep_present(a);
	r = ct_plan_make(&a->sizing.facts, &a->wanted, &a->c.plan, err);
	if (r < 0)
		return change_plan_failed(r);
	find_result(a);
	r = check_undoable(a, err);
	return r < 0 ? r : prepare_files(a, err);
}

static void set_known(struct ct_u64 *v, uint64_t to)
{
	*v = (struct ct_u64){ .known = true, .v = to };
}

/* What the steps change, as the undo wants to know it. */
static struct ct_pending as_pending(const struct apply *a)
{
	struct ct_pending pending = { .persist = a->c.opt->persist, .first = a->first };

	for (size_t i = 0; i < a->c.plan.step_count; i++) {
		const struct ct_step *step = &a->c.plan.step[i];
		bool limit = step->param == CT_PARAM_LIMIT;

		*(limit ? &pending.old_limit : &pending.old_buckets) = step->old;
		set_known(limit ? &pending.new_limit : &pending.new_buckets, step->value);
	}
	return pending;
}

static int save_pending(const struct apply *a, uint64_t deadline_usec, struct ct_err *err)
{
	struct ct_pending pending = as_pending(a);

	pending.deadline_usec = deadline_usec;
	pending.guard_pid = a->guard.pid;
	return ct_pending_save(a->c.fs, &pending, err);
}

/* From here on the old values come back by themselves. */
static int post_guard(struct apply *a, struct ct_err *err)
{
	uint64_t deadline_usec = guard_now_usec() + a->c.opt->confirm_seconds * 1000000;
	int r;

	if (!a->c.opt->confirm_seconds)
		return 0;
	r = guard_start(a->c.opt, deadline_usec, &a->guard, err);
	if (r == 0)
		r = save_pending(a, deadline_usec, err);
	return r < 0 ? r : guard_arm(&a->guard, err);
}

/* A value that we wrote is still in force, or can't be told. */
static bool is_left(const struct ct_step *step, const struct change_outcome *outcome, const struct ct_facts *now)
{
	struct ct_u64 v = step->param == CT_PARAM_LIMIT ? ct_facts_limit(now) : ct_facts_buckets(now);

	if (now->presence == CT_PRESENCE_ABSENT || (step->old.known && v.known && v.v == step->old.v))
		return false;
	return !v.known || v.v == step->value || v.v == outcome->got;
}

static bool is_anything_left(const struct apply *a)
{
	struct ct_facts now;

	if (ct_facts_collect(a->c.fs, NULL, &now, NULL) < 0)
		return true;
	for (size_t i = 0; i < a->c.plan.step_count; i++)
		if (is_left(&a->c.plan.step[i], &a->c.outcome[i], &now))
			return true;
	return false;
}

/*
 * Once everything is undone, neither guard nor record have anything to remember. If undoing failed, they are what
 * brings the old values back. The first error is the one to show.
 */
static void withdraw(struct apply *a)
{
	struct ct_pending pending;
	int fd;

	if (is_anything_left(a))
		return;
	if (a->c.opt->confirm_seconds && ct_pending_claim(a->c.fs, &pending, &fd, NULL) == 0)
		(void)ct_pending_done(a->c.fs, fd, NULL);
	if (a->first)
		(void)ct_record_forget(a->c.fs, NULL);
}

/* Record and guard come before the first write, whatever kills us then. */
static int take_steps(struct apply *a, struct ct_err *err)
{
	int r = ct_record_first(a->c.fs, &a->sizing.facts, err);

	if (r < 0)
		return r;
	(void)fflush(stdout);
	r = post_guard(a, err);
	if (r == 0)
		r = change_run(&a->c, err);
	if (r < 0)
		withdraw(a);
	guard_leave(&a->guard);
	return r;
}

/* Half of what was asked for is worse than nothing. A module that was loaded stays loaded, with its values. */
static int give_up_files(struct apply *a, const struct ct_err *why, struct ct_err *err)
{
	const struct ct_pending pending = as_pending(a);
	bool loaded = a->c.plan.step_count && a->c.plan.step[0].kind == CT_STEP_LOAD_MODULE;

	if (loaded || change_take_back(&a->c, &pending, NULL) < 0)
		return cli_fail(err, why->code, "limit and buckets are set, but not for the next boot: %.180s", why->msg);
	if (a->first)
		(void)ct_record_forget(a->c.fs, NULL);
	return cli_fail(err, why->code, "limit and buckets are as before, because boot files can't be written: %.170s",
			why->msg);
}

static int write_files(struct apply *a, struct ct_err *err)
{
	struct ct_err why = { 0 };
	sigset_t before;
	int r;

	change_block(&before);
	r = ct_boot_files_write(a->c.fs, &a->files, &why);
	change_unblock(&before);
	return r < 0 ? give_up_files(a, &why, err) : 0;
}

static void show_end(struct apply *a, bool waits)
{
	const struct cli_options *opt = a->c.opt;
	char seconds[32];

	if (opt->dry_run) {
		out_line(a->c.out, "Nothing was changed (--dry-run).");
	} else if (waits) {
		out_human(seconds, sizeof(seconds), OUT_SECONDS, (double)opt->confirm_seconds);
		out_line(a->c.out, "All of this is undone in %s, unless `conntune confirm` comes before%s.", seconds,
			 opt->persist ? ", which also writes the boot files" : "");
	} else if (a->c.plan.step_count && !opt->persist) {
		out_line(a->c.out, "In force until the next boot; with --persist it stays.");
	}
}

static void show_result(struct apply *a, bool waits)
{
	struct out *out = a->c.out;

	out_bool(out, "dry_run", NULL, a->c.opt->dry_run);
	out_u64(out, "limit", NULL, OUT_PLAIN, a->limit);
	out_u64(out, "buckets", NULL, OUT_PLAIN, a->buckets);
	change_show_steps(&a->c);
	if (waits) {
		out_begin(out, OUT_OBJECT, "pending", NULL);
		out_u64(out, "seconds_left", NULL, OUT_SECONDS, a->c.opt->confirm_seconds);
		out_end(out);
	}
}

static int run_plan(struct apply *a, struct ct_err *err)
{
	if (a->c.opt->dry_run)
		return change_run(&a->c, err);
	return a->c.plan.step_count ? take_steps(a, err) : 0;
}

/* Steps that failed are shown, so these failures are exit codes and the output is finished. */
static int apply(struct apply *a, struct ct_err *err)
{
	const struct cli_options *opt = a->c.opt;
	bool waits = opt->confirm_seconds && a->c.plan.step_count, files = opt->persist && !waits;
	int r = run_plan(a, err);

	if (r < 0) {
		change_show_steps(&a->c);
		return change_step_exit(r);
	}
	if (files && !opt->dry_run)
		r = write_files(a, err);
	if (r < 0) {
		change_show_steps(&a->c);
		return (int)cli_exit_code(r);
	}
	show_result(a, waits);
	if (opt->persist)
		change_show_files(&a->c, &a->files, a->file_change);
	if (opt->persist)
		r = change_warn(&a->c, a->limit, a->buckets, err);
	show_end(a, waits);
	return r;
}

int cmd_apply(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	struct apply a = { .guard = GUARD_NONE };
	int r = change_open(&a.c, opt, out, err);

	if (r == 0)
		r = change_settle(&a.c, err);
	if (r == 0)
		r = make_plan(&a, err);
	if (r == 0) {
		change_show_plan(&a.c);
		if (a.c.plan.step_count == 0)
			out_line(out, "Nothing to do: limit %" PRIu64 " and %" PRIu64 " buckets are in force.", a.limit,
				 a.buckets);
		r = apply(&a, err);
	}
	change_close(&a.c);
	return r;
}
