/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From options and facts to sizes: the same for advise, apply, explain. */
#ifndef CONNTUNE_SIZING_H
#define CONNTUNE_SIZING_H

#include <stddef.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include <conntune/plan.h>
#include <conntune/size.h>
#include "options.h"

/* A policy that gives no numbers here, and why: its input is missing, or its least doesn't fit into memory. */
struct cli_left_out {
	enum ct_policy policy;
	char why[sizeof(((struct ct_err *)NULL)->msg)];
};

/**
 * struct cli_sizing - what the library made of the command line
 * @facts:         as found, with the options' numbers in their place
 * @other_machine: --ram, --pointer-bits or --kernel: there is no present state to compare with
 * @size:          @count policies, the recommended one first
 * @left_out:      the other @left_out_count
 */
struct cli_sizing {
	struct ct_facts facts;
	bool other_machine;
	struct ct_size_request request;
	struct ct_size size[CT_POLICY__COUNT];
	size_t count;
	struct cli_left_out left_out[CT_POLICY__COUNT];
	size_t left_out_count;
};

/**
 * cli_sizing_make - collect facts, size by every policy
 * Nothing present is lowered unless --policy asked for a policy.
 * Returns: 0, or what ct_facts_collect() and, for the recommended policy, ct_size_compute() return; -EINVAL also for
 *          an option that this machine contradicts, such as --reserve beyond its memory or --budget below any use;
 *          -EOPNOTSUPP if this machine has no room for the least that the policy asks for.
 */
int cli_sizing_make(const struct cli_options *opt, struct ct_fs *fs, struct cli_sizing *ret, struct ct_err *err);

/* What ct_plan_make() shall reach: the recommended policy's limit and buckets. */
struct ct_wanted cli_sizing_wanted(const struct cli_options *opt, const struct cli_sizing *sizing);

#endif
