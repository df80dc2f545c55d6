/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of conntuned. */
#ifndef CONNTUNED_OPTIONS_H
#define CONNTUNED_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <conntune/err.h>
#include "sandbox.h"

/* Exit codes are those of conntune(1). */
enum daemon_exit {
	DAEMON_EXIT_OK,
	DAEMON_EXIT_CHECK,
	DAEMON_EXIT_USAGE,
	DAEMON_EXIT_NOT_PERMITTED,
	DAEMON_EXIT_NOT_SUPPORTED,
	DAEMON_EXIT_SYSTEM,
};

/* Addresses of conntuned-http that may be given. */
#define DAEMON_HTTP_MAX 4

/**
 * struct daemon_options
 * @root:  "/" or a captured tree
 * @state: directory of history and time-outs, below the root, without a slash in front
 * @socket: of the local API, below the root likewise
 * @sandbox: what becomes of system calls that aren't needed
 * @http_address: what conntuned-http is to listen on, @http_addresses of them; none: it isn't started
 * @http_program: its path
 * @cycles: end after so many looks, as at SIGTERM; 0: never. @cycles_text: as it was given; NULL: it wasn't
 */
struct daemon_options {
	const char *root, *state, *socket, *cycles_text;
	uint32_t cycles;
	const char *http_address[DAEMON_HTTP_MAX], *http_program;
	uint32_t http_addresses;
	struct sandbox_options sandbox;
	bool dry_run, restore, check_config, print_config, help, version;
};

/* Returns: 0; -EINVAL with what is wrong. */
int daemon_options_parse(int argc, char **argv, struct daemon_options *ret, struct ct_err *err);
void daemon_options_help(FILE *f);

/* The only place of the daemon that knows which errno means which exit code. */
enum daemon_exit daemon_exit_code(int code);

#endif
