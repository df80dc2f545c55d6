/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands of conntune share: exit codes, failures, cleanup. */
#ifndef CONNTUNE_CLI_H
#define CONNTUNE_CLI_H

#include <stdlib.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/owners.h>

/* Exit codes; an interface, documented in conntune(1). */
enum cli_exit {
	CLI_EXIT_OK,
	CLI_EXIT_CHECK,                 /* advice differs, a check failed, or a change is refused */
	CLI_EXIT_USAGE,
	CLI_EXIT_NOT_PERMITTED,
	CLI_EXIT_NOT_SUPPORTED,         /* this kernel or namespace can't do it, or doesn't tell what is needed */
	CLI_EXIT_SYSTEM,
};

struct cli_options;
struct out;

/*
 * A command. Returns an enum cli_exit, or a negative errno with a message in @err: main() prints
 * the message as the one error line and maps the errno with cli_exit_code(). A command that wants
 * another exit code for a failure sets @err and returns that code: main() prints any message that is there.
 */
typedef int (*cli_command_fn)(const struct cli_options *opt, struct out *out, struct ct_err *err);

int cmd_advise(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_apply(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_census(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_chains(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_confirm(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_explain(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_history(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_hold(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_params(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_resume(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_revert(const struct cli_options *opt, struct out *out, struct ct_err *err);
int cmd_status(const struct cli_options *opt, struct out *out, struct ct_err *err);

/* The only place that knows which errno means which exit code. */
enum cli_exit cli_exit_code(int code);

/* Fill @err and hand @code back. Unprintable bytes are dealt with when it is printed. */
int cli_fail(struct ct_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* cli_fail() with -EINVAL: the command line is wrong, exit code 2. */
#define cli_usage(err, ...) cli_fail(err, -EINVAL, __VA_ARGS__)

/* The only function that prints an error: "conntune: MESSAGE" on standard error. */
void cli_print_error(const char *message);

/* The nearest of @n names to @word, or NULL if none is near. */
const char *cli_nearest(const char *word, const char *const names[], size_t n);

/* ct_fs_new(), with a root that isn't there taken for a wrong option. */
int cli_open_root(struct ct_fs **ret, const struct cli_options *opt, struct ct_err *err);

#define cli_array_size(a) (sizeof(a) / sizeof((a)[0]))
#define cli_cleanup(fn) __attribute__((cleanup(fn)))

static inline void cli_freep(void *p)
{
	free(*(void **)p);
}

static inline void cli_fs_freep(struct ct_fs **fs)
{
	(void)ct_fs_free(*fs);
}

static inline void cli_owners_freep(struct ct_owners **owners)
{
	(void)ct_owners_free(*owners);
}

#endif
