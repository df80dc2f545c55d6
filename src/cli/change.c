/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands that change something have in common. */
#include "config.h"
#include "change.h"
#include "cli.h"
#include "guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int change_open(struct change *c, const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	int r;

	*c = (struct change){ .opt = opt, .out = out, .lock = -1 };
	r = cli_open_root(&c->fs, opt, err);
	if (r < 0 || opt->dry_run)
		return r;
	return ct_lock_take(c->fs, &c->lock, err);
}

void change_close(struct change *c)
{
	ct_lock_drop(c->lock);
	c->lock = -1;
	c->fs = ct_fs_free(c->fs);
}

static void on_settle(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct change *c = userdata;

	if (result == CT_STEP_UNDONE)
		out_line(c->out, "%s is %" PRIu64 " again.", ct_param_get(step->param)->name, got);
}

int change_settle(struct change *c, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_settle, .userdata = c };
	struct ct_pending pending;
	bool undone = false;
	int r;

	if (c->opt->dry_run) {
		if (ct_pending_load(c->fs, &pending, NULL) != -ENOENT)
			out_line(c->out,
				 "An apply waits for `conntune confirm`; until then nothing else can be applied.");
		return 0;
	}
	out_begin(c->out, OUT_PROSE, NULL, "Undone: an earlier apply that was not confirmed in time");
	r = guard_settle(c->fs, &options, &undone, err);
	out_end(c->out);
	if (undone)
		out_bool(c->out, "overdue_undone", NULL, true);
	return r;
}

static void show_step(struct out *out, size_t number, const struct ct_step *step)
{
	char from[32] = "";

	if (step->old.known)
		(void)snprintf(from, sizeof(from), "%" PRIu64 " to ", step->old.v);
	out_line(out, "%zu. %s %s%" PRIu64 ": %s.", number, ct_step_kind_name(step->kind), from, step->value,
		 step->reason);
}

void change_show_plan(struct change *c)
{
	out_begin(c->out, OUT_PROSE, NULL, "Plan");
	for (size_t i = 0; i < c->plan.step_count; i++)
		show_step(c->out, i + 1, &c->plan.step[i]);
	out_end(c->out);
	out_begin(c->out, OUT_PROSE, "notes", "Notes");
	for (size_t i = 0; i < c->plan.note_count; i++)
		out_text(c->out, NULL, NULL, c->plan.note[i]);
	out_end(c->out);
}

static void on_step(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct change *c = userdata;
	const char *name = ct_step_kind_name(step->kind);

	c->outcome[step - c->plan.step] = (struct change_outcome){ .told = true, .result = result, .got = got };
	switch (result) {
	case CT_STEP_DONE:
		if (step->path)
			out_line(c->out, "%s: /%s reads %" PRIu64 " now.", name, step->path, got);
		else
			out_line(c->out, "%s: done, with %" PRIu64 " buckets.", name, got);
		break;
	case CT_STEP_UNDONE:
		out_line(c->out, "%s: taken back, /%s reads %" PRIu64 " again.", name, step->path, got);
		break;
	case CT_STEP_FAILED:
		out_line(c->out, "%s: failed.", name);
		break;
	case CT_STEP_WOULD:
		break;
	}
}

void change_block(sigset_t *before)
{
	sigset_t polite;

	(void)sigemptyset(&polite);
	(void)sigaddset(&polite, SIGHUP);
	(void)sigaddset(&polite, SIGINT);
	(void)sigaddset(&polite, SIGQUIT);
	(void)sigaddset(&polite, SIGTERM);
	(void)sigaddset(&polite, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &polite, before);
}

void change_unblock(const sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}

int change_run(struct change *c, struct ct_err *err)
{
	const struct ct_apply_options options = { .dry_run = c->opt->dry_run, .on_step = on_step, .userdata = c };
	sigset_t before;
	int r;

	out_begin(c->out, OUT_PROSE, NULL, "Steps");
	change_block(&before);
	r = ct_apply_plan(c->fs, &c->plan, &options, err);
	change_unblock(&before);
	out_end(c->out);
	return r;
}

/* ct_apply_undo() has steps of its own; what became of a value is told with the step that set it. */
static void on_taken_back(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct change *c = userdata;

	for (size_t i = 0; i < c->plan.step_count; i++)
		if (c->plan.step[i].path && c->plan.step[i].param == step->param)
			on_step(&c->plan.step[i], result, got, c);
}

int change_take_back(struct change *c, const struct ct_pending *pending, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_taken_back, .userdata = c };
	sigset_t before;
	int r;

	out_begin(c->out, OUT_PROSE, NULL, "Taken back");
	change_block(&before);
	r = ct_apply_undo(c->fs, pending, &options, err);
	change_unblock(&before);
	out_end(c->out);
	return r;
}

void change_show_steps(struct change *c)
{
	out_begin(c->out, OUT_TABLE, "steps", NULL);
	for (size_t i = 0; i < c->plan.step_count; i++) {
		const struct ct_step *step = &c->plan.step[i];
		const struct change_outcome *outcome = &c->outcome[i];

		out_begin(c->out, OUT_OBJECT, NULL, NULL);
		out_text(c->out, "kind", NULL, ct_step_kind_name(step->kind));
		out_text(c->out, "sets", NULL, step->param == CT_PARAM_LIMIT ? "limit" : "buckets");
		if (step->path)
			out_text(c->out, "path", NULL, step->path);
		out_known(c->out, "old", NULL, OUT_PLAIN, step->old);
		out_u64(c->out, "value", NULL, OUT_PLAIN, step->value);
		out_text(c->out, "reason", NULL, step->reason);
		out_text(c->out, "command", NULL, step->command);
		if (outcome->told) {
			out_text(c->out, "result", NULL, ct_step_result_name(outcome->result));
			/* a step that was never taken has nothing behind it to read, nor has one whose file can't be read */
			if (outcome->result != CT_STEP_WOULD && (outcome->result != CT_STEP_FAILED || outcome->got))
				out_u64(c->out, "read_back", NULL, OUT_PLAIN, outcome->got);
		}
		out_end(c->out);
	}
	out_end(c->out);
}

static const char *file_change(enum ct_boot_change change)
{
	switch (change) {
	case CT_BOOT_SAME:
		return "same";
	case CT_BOOT_CREATE:
		return "create";
	case CT_BOOT_REPLACE:
		return "replace";
	case CT_BOOT_REMOVE:
		return "remove";
	case CT_BOOT_FOREIGN:
		return "foreign";
	}
	return "unknown";
}

void change_show_files(struct change *c, const struct ct_boot_files *files,
		       const enum ct_boot_change change[CT_BOOT_FILES_MAX])
{
	char path[sizeof(files->file[0].path) + 1];

	out_begin(c->out, OUT_TABLE, "files", "Boot files");
	for (size_t i = 0; i < files->count; i++) {
		/* not wanted and not there */
		if (files->file[i].absent && change[i] == CT_BOOT_SAME)
			continue;
		(void)snprintf(path, sizeof(path), "/%s", files->file[i].path);
		out_begin(c->out, OUT_OBJECT, NULL, NULL);
		out_text(c->out, "path", "file", path);
		out_text(c->out, "change", "change", file_change(change[i]));
		out_end(c->out);
	}
	out_end(c->out);
}

static void warn_line(struct change *c, const struct ct_owner *owner, const char *what)
{
	char text[320], where[sizeof(owner->path) + 16], value[32] = "something else";

	if (owner->known)
		(void)snprintf(value, sizeof(value), "%" PRId64, owner->value);
	(void)snprintf(where, sizeof(where), "%s", owner->path);
	if (owner->line)
		(void)snprintf(where, sizeof(where), "%s:%u", owner->path, owner->line);
	if (owner->kind == CT_OWNER_PROGRAM)
		(void)snprintf(text, sizeof(text), "%s runs here and may set the %s at any time", where, what);
	else
		(void)snprintf(text, sizeof(text), "%s sets the %s to %s and wins at the next boot", where, what,
			       value);
	out_text(c->out, NULL, NULL, text);
}

/* A winner that says the same as we does no harm. */
static bool harms(const struct ct_owner *owner, uint64_t value)
{
	if (owner->kind == CT_OWNER_PROGRAM)
		return true;
	return owner->wins && !owner->ours && owner->kind != CT_OWNER_MODULES_LOAD &&
	       (!owner->known || owner->value < 0 || (uint64_t)owner->value != value);
}

int change_warn(struct change *c, uint64_t limit, uint64_t buckets, struct ct_err *err)
{
	cli_cleanup(cli_owners_freep) struct ct_owners *owners = NULL;
	int r = ct_owners_collect(c->fs, &owners, err);

	if (r < 0)
		return r;
	out_begin(c->out, OUT_PROSE, "warnings", "Warnings");
	for (size_t i = 0; i < ct_owners_count(owners); i++) {
		const struct ct_owner *owner = ct_owners_at(owners, i);
		bool of_limit = owner->param == CT_PARAM_LIMIT;

		if (harms(owner, of_limit ? limit : buckets))
			warn_line(c, owner, of_limit ? "limit" : "number of buckets");
	}
	out_end(c->out);
	return 0;
}

int change_plan_failed(int r)
{
	return r == -ENOSPC ? -EBUSY : r;
}

int change_step_exit(int r)
{
	return r == -EINVAL || r == -ERANGE ? CLI_EXIT_SYSTEM : cli_exit_code(r);
}
