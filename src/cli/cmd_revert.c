/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune revert: back to what was there before the first apply, files included. */
#include "config.h"
#include "change.h"
#include "cli.h"
#include "guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* @found: there is a record; @undone: an apply that waited was taken back first */
struct revert {
	struct change c;
	struct ct_record record;
	bool found, undone;
	const char *file[CT_BOOT_FILES_MAX];
	size_t file_count;
};

static void on_undo(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct revert *v = userdata;

	if (result == CT_STEP_UNDONE)
		out_line(v->c.out, "%s is %" PRIu64 " again.", ct_param_get(step->param)->name, got);
}

/* What waits is newer than the record: it goes first, and its guard with it. */
static int undo_pending(struct revert *v, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_undo, .userdata = v };
	struct ct_pending pending;
	int fd, r;

	if (v->c.opt->dry_run)
		return change_settle(&v->c, err);
	r = ct_pending_claim(v->c.fs, &pending, &fd, err);
	if (r == -ENOENT) {
		*err = (struct ct_err){ .code = 0 };
		return 0;
	}
	if (r < 0)
		return r;
	v->undone = true;
	out_begin(v->c.out, OUT_PROSE, NULL, "Undone: an apply that waited for confirmation");
	r = guard_undo(v->c.fs, &pending, fd, &options, err);
	out_end(v->c.out);
	return r;
}

static int load_record(struct revert *v, struct ct_err *err)
{
	int r = ct_record_load(v->c.fs, &v->record, err);

	v->found = r == 0;
	if (r != -ENOENT)
		return r;
	*err = (struct ct_err){ .code = 0 };
	return 0;
}

/* Without the module there is nothing to set, and it won't be loaded for this. */
static int make_plan(struct revert *v, struct ct_err *err)
{
	const struct ct_record *rec = &v->record;
	struct ct_wanted wanted = { .allow_shrink = v->c.opt->allow_shrink };
	struct ct_facts facts;
	int r = ct_facts_collect(v->c.fs, NULL, &facts, err);

	if (r < 0)
		return r;
	if (facts.presence == CT_PRESENCE_ABSENT) {
		out_line(v->c.out, "Connection tracking isn't loaded: there are no values to put back.");
		return 0;
	}
	if (!rec->module_loaded)
		out_line(v->c.out,
			 "Connection tracking wasn't loaded before the first apply: it stays loaded, with its present "
			 "values, until the next boot.");
	wanted.limit = rec->limit.known ? rec->limit.v : 0;
	wanted.no_limit = rec->limit.known && rec->limit.v == 0;
	wanted.buckets = rec->buckets.known ? rec->buckets.v : 0;
	return ct_plan_make(&facts, &wanted, &v->c.plan, err);
}

static void show_files(struct revert *v)
{
	char path[sizeof(((struct ct_boot_file *)NULL)->path) + 1];

	out_begin(v->c.out, OUT_LIST, "files_removed",
		  v->c.opt->dry_run ? "Boot files to be removed" : "Boot files removed");
	for (size_t i = 0; i < v->file_count; i++) {
		(void)snprintf(path, sizeof(path), "/%s", v->file[i]);
		out_text(v->c.out, NULL, NULL, path);
	}
	out_end(v->c.out);
}

static void show_end(struct revert *v)
{
	bool nothing = !v->found && !v->undone && !v->file_count;

	out_bool(v->c.out, "dry_run", NULL, v->c.opt->dry_run);
	out_bool(v->c.out, "recorded", NULL, v->found);
	out_bool(v->c.out, "pending_undone", NULL, v->undone);
	if (v->c.opt->dry_run)
		out_line(v->c.out, "Nothing was changed (--dry-run).");
	else if (nothing)
		out_line(v->c.out, "Nothing to revert: no apply is on record here.");
	else if (v->found && !v->record.module_loaded)
		out_line(v->c.out, "The next boot comes up as before the first apply.");
	else
		out_line(v->c.out, "Everything is as it was before the first apply.");
}

/* The record goes last: killed before that, the next revert does the rest. */
static int clean_up(struct revert *v, struct ct_err *err)
{
	int r;

	if (v->c.opt->dry_run)
		return 0;
	r = ct_boot_files_remove(v->c.fs, err);
	return r < 0 ? r : ct_record_forget(v->c.fs, err);
}

static int revert(struct revert *v, struct ct_err *err)
{
	int r = undo_pending(v, err);

	if (r < 0)
		return change_step_exit(r);
	r = load_record(v, err);
	if (r == 0 && v->found)
		r = make_plan(v, err);
	if (r < 0)
		return change_plan_failed(r);
	change_show_plan(&v->c);
	(void)fflush(stdout);
	r = change_run(&v->c, err);
	change_show_steps(&v->c);
	if (r < 0)
		return change_step_exit(r);
	v->file_count = ct_boot_files_present(v->c.fs, v->file);
	r = clean_up(v, err);
	if (r < 0)
		return r;
	show_files(v);
	show_end(v);
	return 0;
}

int cmd_revert(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	struct revert v = { .found = false };
	int r = change_open(&v.c, opt, out, err);

	if (r == 0)
		r = revert(&v, err);
	change_close(&v.c);
	return r;
}
