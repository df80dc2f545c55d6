/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands that change something have in common: the lock, the plan, its steps, boot files. */
#ifndef CONNTUNE_CHANGE_H
#define CONNTUNE_CHANGE_H

#include <signal.h>
#include <conntune/conntune.h>
#include "cli.h"
#include "options.h"
#include "out.h"

/* What became of one step of the plan; told: it was reached. */
struct change_outcome {
	bool told;
	enum ct_step_result result;
	uint64_t got;
};

/**
 * struct change - one such command at work
 * @lock:   -1 in a dry run
 * @outcome: of each step of @plan
 */
struct change {
	const struct cli_options *opt;
	struct out *out;
	struct ct_fs *fs;
	int lock;
	struct ct_plan plan;
	struct change_outcome outcome[CT_PLAN_STEPS_MAX];
};

/* Open the root and take the lock, in a dry run without. Ends with change_close(), also after a failure. */
int change_open(struct change *c, const struct cli_options *opt, struct out *out, struct ct_err *err);
void change_close(struct change *c);

/* Undo an overdue apply first; -EBUSY if one still waits. A dry run only says so. */
int change_settle(struct change *c, struct ct_err *err);

/* Heading "Plan": each step with its reason; then notes. */
void change_show_plan(struct change *c);

/* Run the plan, or rehearse it. Each step is shown as it happens; polite signals wait until all are done, or undone. */
int change_run(struct change *c, struct ct_err *err);

/* What the plan set goes back to what was there before it; values that somebody else changed meanwhile stay. */
int change_take_back(struct change *c, const struct ct_pending *pending, struct ct_err *err);

/* Array "steps" of the JSON output: the plan, and what became of it. */
void change_show_steps(struct change *c);

/* Table "files": what will be done, or was done, with each boot file. */
void change_show_files(struct change *c, const struct ct_boot_files *files,
		       const enum ct_boot_change change[CT_BOOT_FILES_MAX]);

/* Array "warnings": lines and programs of others that win over our boot files for @limit and @buckets. */
int change_warn(struct change *c, uint64_t limit, uint64_t buckets, struct ct_err *err);

/* Signals that end a program politely wait from here to change_unblock(). */
void change_block(sigset_t *before);
void change_unblock(const sigset_t *before);

/* What doesn't fit into memory is refused (-EBUSY); -ENOSPC is left to disks. Others stay as they are. */
int change_plan_failed(int r);

/* Exit code for a step that failed: what the kernel calls invalid was not the fault of the command line. */
int change_step_exit(int r);

#endif
