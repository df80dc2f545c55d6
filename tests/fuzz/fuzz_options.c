/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, one word a line: refused with one line, or every number is within what later code takes for granted. */
#include "config.h"
#include "cli.h"
#include "fuzz.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>

#define WORDS_MAX 64

static int run(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	(void)opt, (void)out, (void)err;
	return 0;
}

static const struct cli_command_row commands[CLI_COMMAND__COUNT] = {
	[CLI_ADVISE] = { .name = "advise", .run = run },
	[CLI_APPLY] = { .name = "apply", .run = run },
	[CLI_CONFIRM] = { .name = "confirm", .run = run },
	[CLI_EXPLAIN] = { .name = "explain", .argument = "[TOPIC]", .run = run },
	[CLI_PARAMS] = { .name = "params", .argument = "[NAME]", .run = run },
	[CLI_REVERT] = { .name = "revert", .run = run },
	[CLI_STATUS] = { .name = "status", .run = run },
};

static void require_ranges(const struct cli_options *o)
{
	fuzz_require(o->root && (unsigned)o->policy < CT_POLICY__COUNT && (unsigned)o->command < CLI_COMMAND__COUNT);
	fuzz_require(o->limit <= INT_MAX && o->buckets <= INT_MAX && o->peak <= INT_MAX);
	fuzz_require(o->ram_bytes <= UINT64_C(1) << 52 && o->namespaces <= 65536 && o->entry_bytes <= 65536);
	fuzz_require(o->pointer_bits == 0 || o->pointer_bits == 32 || o->pointer_bits == 64);
	fuzz_require(!cli_given(o, CLI_OPT_HEADROOM) || (o->headroom > 0 && o->headroom <= 1000));
	fuzz_require(!cli_given(o, CLI_OPT_LOAD) || (o->load > 0 && o->load <= 1e6));
	fuzz_require(o->budget_bytes == 0 || o->budget_percent == 0);
	fuzz_require(!cli_given(o, CLI_OPT_CONFIRM) || (o->confirm_seconds > 0 && o->confirm_seconds <= INT_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), name[] = "conntune";
	char *argv[WORDS_MAX + 1] = { name }, *rest = text, *word;
	struct cli_options opt;
	struct ct_err err = { 0 };
	int argc = 1, r;

	while (argc < WORDS_MAX && (word = strsep(&rest, "\n")))
		argv[argc++] = word;
	optind = 0;                     /* getopt begins anew */
	r = cli_options_parse(argc, argv, commands, &opt, &err);
	fuzz_require(r == 0 || (r == -EINVAL && err.code == r && err.msg[0]));
	if (r == 0)
		require_ranges(&opt);
	free(text);
	return 0;
}
