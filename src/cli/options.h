/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one table of options, from which parsing and --help are made. */
#ifndef CONNTUNE_OPTIONS_H
#define CONNTUNE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <conntune/err.h>
#include <conntune/kernel.h>
#include <conntune/size.h>

enum cli_command {
	CLI_ADVISE,
	CLI_APPLY,
	CLI_CENSUS,
	CLI_CHAINS,
	CLI_CONFIRM,
	CLI_EXPLAIN,
	CLI_HISTORY,
	CLI_HOLD,
	CLI_PARAMS,
	CLI_RESUME,
	CLI_REVERT,
	CLI_STATUS,
	CLI_COMMAND__COUNT
};

/* In the order in which --help shows them. */
enum cli_option {
	CLI_OPT_POLICY,
	CLI_OPT_LIMIT,
	CLI_OPT_BUCKETS,
	CLI_OPT_PEAK,
	CLI_OPT_HEADROOM,
	CLI_OPT_FAILOVER,
	CLI_OPT_RESERVE,
	CLI_OPT_LOAD,
	CLI_OPT_BUDGET,
	CLI_OPT_NAMESPACES,
	CLI_OPT_ENTRY_BYTES,
	CLI_OPT_RAM,
	CLI_OPT_POINTER_BITS,
	CLI_OPT_KERNEL,
	CLI_OPT_CHECK,
	CLI_OPT_DRY_RUN,
	CLI_OPT_ALLOW_SHRINK,
	CLI_OPT_PERSIST,
	CLI_OPT_CONFIRM,
	CLI_OPT_EXACT,
	CLI_OPT_BY,
	CLI_OPT_TOP,
	CLI_OPT_PREFIX,
	CLI_OPT_FILTER,
	CLI_OPT_MAX_CPU,
	CLI_OPT_IN_KERNEL,
	CLI_OPT_ALL_NAMESPACES,
	CLI_OPT_SPAN,
	CLI_OPT_NO_COLOR,
	CLI_OPT_SETTINGS,
	CLI_OPT_WATCH,
	CLI_OPT_COUNT,
	CLI_OPT_JSON,
	CLI_OPT_ROOT,
	CLI_OPT_HELP,
	CLI_OPT_VERSION,
	CLI_OPT__COUNT
};

/**
 * struct cli_options - the command line, checked
 * @command:   valid unless help or version were asked for without one (has_command)
 * @name:      NAME, TOPIC or TIME, or NULL
 * @given:     bit 1 << enum cli_option for each option that was there; ask with cli_given()
 * @budget_bytes, @budget_percent: at most one of them isn't 0
 * @confirm_seconds: 0: no confirmation wanted
 * @watch_seconds: 0: look once; @count: looks, 0: until stopped
 * Numbers that weren't given are 0.
 */
struct cli_options {
	enum cli_command command;
	bool has_command;
	const char *name;
	uint64_t given;
	enum ct_policy policy;
	uint64_t limit, buckets;
	uint64_t peak, failover;
	double headroom, load;
	uint64_t reserve_bytes;
	uint64_t budget_bytes, budget_percent;
	uint64_t namespaces;
	uint64_t entry_bytes, ram_bytes, pointer_bits;
	struct ct_kver kernel;
	bool check, dry_run, allow_shrink, persist;
	uint64_t confirm_seconds;
	uint64_t watch_seconds, count;
	bool exact, in_kernel, all_namespaces, no_color;
	const char *by, *prefix, *filter, *span;
	uint64_t top, max_cpu;
	bool settings;
	bool json;
	const char *root;
	bool help, version;
};

static inline bool cli_given(const struct cli_options *opt, enum cli_option id)
{
	return opt->given >> id & 1;
}

/* One command; the table is in main.c. */
struct cli_command_row {
	const char *name;
	const char *argument;           /* "[NAME]", or NULL: takes none */
	const char *help;               /* one line */
	int (*run)(const struct cli_options *opt, struct out *out, struct ct_err *err);
};

/**
 * cli_options_parse - read and check argv
 * @commands: CLI_COMMAND__COUNT rows; one without run isn't there
 * Returns: 0; -EINVAL with the line to print, which names the option and its value.
 */
int cli_options_parse(int argc, char **argv, const struct cli_command_row *commands, struct cli_options *ret,
		      struct ct_err *err);

/* The options of one command (or those that all take: CLI_COMMAND__COUNT), as --help shows them. */
void cli_options_help(FILE *f, enum cli_command command);

#endif
