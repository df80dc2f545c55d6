/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of conntuned-http. */
#ifndef CONNTUNED_HTTP_OPTIONS_H
#define CONNTUNED_HTTP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <conntune/err.h>
#include "listen.h"
#include "sandbox.h"

/* Exit codes are those of conntune(1). */
enum http_exit {
	HTTP_EXIT_OK,
	HTTP_EXIT_CHECK,
	HTTP_EXIT_USAGE,
	HTTP_EXIT_NOT_PERMITTED,
	HTTP_EXIT_NOT_SUPPORTED,
	HTTP_EXIT_SYSTEM,
};

/**
 * struct http_options
 * @root:   "/" or a captured tree, below which conntuned publishes
 * @listen: addresses, @addresses of them
 * @certificate, @key: files of PEM texts, @users: of names and hashes; NULL: none
 * @node_names: node_exporter's names as well
 * @user:   to become, started as root; NULL: nobody in particular
 * @end_with_stdin: end when whoever started us does
 */
struct http_options {
	const char *root;
	const char *listen[LISTEN_MAX];
	size_t addresses;
	const char *certificate, *key, *users, *user;
	enum sandbox_mode sandbox;
	bool allow_remote, node_names, end_with_stdin, help, version;
};

/* Returns: 0; -EINVAL with what is wrong. */
int http_options_parse(int argc, char **argv, struct http_options *ret, struct ct_err *err);
void http_options_help(FILE *f);

/* The only place of the program that knows which errno means which exit code. */
enum http_exit http_exit_code(int code);

#endif
