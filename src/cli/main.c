/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune: the table of commands; every way in and out of the program. */
#include "config.h"
#include "cli.h"
#include "options.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command_row commands[CLI_COMMAND__COUNT] = {
	[CLI_ADVISE] = { .name = "advise", .run = cmd_advise,
			 .help = "say what limit and buckets should be here, and why" },
	[CLI_APPLY] = { .name = "apply", .run = cmd_apply,
			.help = "make it so, step by step, each value read back" },
	[CLI_CENSUS] = { .name = "census", .run = cmd_census,
			 .help = "who fills the table: entries by protocol, state, address and more" },
	[CLI_CHAINS] = { .name = "chains", .run = cmd_chains,
			 .help = "how long bucket chains are, and how long they should be" },
	[CLI_CONFIRM] = { .name = "confirm", .run = cmd_confirm,
			  .help = "keep what `apply --confirm` or conntuned set" },
	[CLI_EXPLAIN] = { .name = "explain", .argument = "[TOPIC]", .run = cmd_explain,
			  .help = "the formula behind a number, with this machine's values" },
	[CLI_HISTORY] = { .name = "history", .run = cmd_history,
			  .help = "how many entries there were, as conntuned noted it" },
	[CLI_HOLD] = { .name = "hold", .argument = "[TIME]", .run = cmd_hold,
		       .help = "conntuned changes nothing for a while" },
	[CLI_PARAMS] = { .name = "params", .argument = "[NAME]", .run = cmd_params,
			 .help = "all tunables: present value, default, range, effect" },
	[CLI_RESUME] = { .name = "resume", .run = cmd_resume,
			 .help = "conntuned goes on, with values it had left to others" },
	[CLI_REVERT] = { .name = "revert", .run = cmd_revert,
			 .help = "put back what was there before the first apply" },
	[CLI_STATUS] = { .name = "status", .run = cmd_status,
			 .help = "how full the table is, and whether that is fine" },
};

static void help_program(FILE *f)
{
	fprintf(f, "Usage: conntune COMMAND [OPTION]...\n"
		   "Sizes the Linux connection tracking table.\n\n");
	for (int i = 0; i < CLI_COMMAND__COUNT; i++)
		if (commands[i].run)
			fprintf(f, "  %-20s  %s\n", commands[i].name, commands[i].help);
	fprintf(f, "\n");
	cli_options_help(f, CLI_COMMAND__COUNT);
	fprintf(f, "\nExit codes: 0 fine, 1 advice differs or a check failed, 2 usage,\n"
		   "3 not permitted, 4 not supported here, 5 system error. Manual: conntune(1).\n");
}

static void help_command(FILE *f, enum cli_command command)
{
	const struct cli_command_row *row = &commands[command];

	fprintf(f, "Usage: conntune %s%s%s [OPTION]...\n%s: %s.\n\n", row->name, row->argument ? " " : "",
		row->argument ? row->argument : "", row->name, row->help);
	cli_options_help(f, command);
}

/*
 * Programs may be started with 0, 1 or 2 closed; the next file opened would get that number and our text.
 * Read-only, so that writing to a missing standard output still fails and is seen.
 */
static int guard_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

/* Did all output arrive? A full disk shows at the last moment, in fclose(). */
static int close_output(struct ct_err *err)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return 0;
	return cli_fail(err, -EIO, "standard output can't be written: %s", strerror(errno ? errno : EIO));
}

static int run(const struct cli_options *opt, struct ct_err *err)
{
	cli_cleanup(out_freep) struct out *out = NULL;
	int r;

	if (opt->version) {
		printf("conntune %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (opt->help && opt->has_command) {
		help_command(stdout, opt->command);
		return 0;
	}
	if (opt->help || !opt->has_command) {
		help_program(opt->help ? stdout : stderr);
		return opt->help ? CLI_EXIT_OK : CLI_EXIT_USAGE;
	}
	r = out_new(&out, opt->json, stdout, err);
	if (r == 0)
		r = commands[opt->command].run(opt, out, err);
	if (r >= 0) {
		int failed = out_finish(out, err);

		if (failed < 0)
			return failed;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct cli_options opt;
	struct ct_err err = { 0 };
	struct ct_err close_err = { 0 };
	int r = guard_standard_files();

	/* both are errors of a write, and are seen there */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (r == 0)
		r = cli_options_parse(argc, argv, commands, &opt, &err);
	if (r == 0)
		r = run(&opt, &err);
	if (r < 0 || err.msg[0])
		cli_print_error(err.msg[0] ? err.msg : strerror(-r));
	if (close_output(&close_err) < 0) {
		/* one line is enough: a failed command and lost output are mostly the same mishap */
		if (!err.msg[0])
			cli_print_error(close_err.msg);
		return CLI_EXIT_SYSTEM;
	}
	return r < 0 ? (int)cli_exit_code(r) : r;
}
