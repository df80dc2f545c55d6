/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table for parsing and for --help. */
#include "config.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

enum { LISTEN = 256, ROOT, ALLOW_REMOTE, CERTIFICATE, KEY, USERS, NODE_NAMES, USER, END_WITH_STDIN, SANDBOX, SHOW_HELP, SHOW_VERSION };

static const struct row {
	const char *name, *argument, *help;
	int id;
} rows[] = {
	{ "listen", "ADDRESS", "answer here too: ADDRESS:PORT, [ADDRESS]:PORT, PORT or /PATH", LISTEN },
	{ "root", "DIR", "read what conntuned publishes below this directory", ROOT },
	{ "allow-remote", NULL, "beyond this machine, even without TLS and password", ALLOW_REMOTE },
	{ "certificate", "FILE", "with TLS; PEM", CERTIFICATE },
	{ "key", "FILE", "of the certificate; PEM", KEY },
	{ "users", "FILE", "lines of name:hash; whoever asks has to be one of them", USERS },
	{ "node-names", NULL, "the ten names of node_exporter as well", NODE_NAMES },
	{ "user", "NAME", "started as root, become this one [conntuned-http, or else nobody]", USER },
	{ "end-with-stdin", NULL, "end when standard input does", END_WITH_STDIN },
	{ "sandbox", "MODE", "system calls that aren't needed: refuse, kill, or off [refuse]", SANDBOX },
	{ "help", NULL, "show this, then end", SHOW_HELP },
	{ "version", NULL, "show the version, then end", SHOW_VERSION },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int refuse(struct ct_err *err, const char *what, const char *which)
{
	err->code = -EINVAL;
	(void)snprintf(err->msg, sizeof(err->msg), "%s '%.100s'; see conntuned-http --help", what, which);
	return -EINVAL;
}

static int take(struct http_options *o, int id, const char *argument, struct ct_err *err)
{
	switch (id) {
	case LISTEN:
		if (o->addresses == LISTEN_MAX)
			return refuse(err, "there are too many addresses, the last one is", argument);
		o->listen[o->addresses++] = argument;
		break;
	case ROOT:
		o->root = argument;
		break;
	case ALLOW_REMOTE:
		o->allow_remote = true;
		break;
	case CERTIFICATE:
		o->certificate = argument;
		break;
	case KEY:
		o->key = argument;
		break;
	case USERS:
		o->users = argument;
		break;
	case NODE_NAMES:
		o->node_names = true;
		break;
	case USER:
		o->user = argument;
		break;
	case END_WITH_STDIN:
		o->end_with_stdin = true;
		break;
	case SANDBOX:
		if (sandbox_mode_by_name(argument, &o->sandbox) < 0)
			return refuse(err, "--sandbox is refuse, kill or off, not", argument);
		break;
	case SHOW_HELP:
		o->help = true;
		break;
	case SHOW_VERSION:
		o->version = true;
		break;
	default:
		break;
	}
	return 0;
}

int http_options_parse(int argc, char **argv, struct http_options *ret, struct ct_err *err)
{
	struct http_options o = { .root = "/" };
	struct option known[ROWS + 1] = { 0 };
	int id, r = 0;

	for (size_t i = 0; i < ROWS; i++)
		known[i] =
			(struct option){ .name = rows[i].name, .has_arg = rows[i].argument ? 1 : 0, .val = rows[i].id };
	opterr = 0;
	optind = 0;
	while (r == 0 && (id = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (id == '?')
			return refuse(err, "unknown option", argv[optind - 1]);
		if (id == ':')
			return refuse(err, "an argument is missing for", argv[optind - 1]);
		r = take(&o, id, optarg, err);
	}
	if (r == 0 && optind < argc)
		return refuse(err, "conntuned-http takes no arguments, not even", argv[optind]);
	if (r == 0 && !o.certificate != !o.key)
		return refuse(err, "a certificate needs its key and a key its certificate, not only",
			      o.key ? o.key : o.certificate);
	if (r == 0)
		*ret = o;
	return r;
}

void http_options_help(FILE *f)
{
	(void)fprintf(f, "Usage: conntuned-http [OPTION]...\n"
			 "What conntuned knows, over HTTP: metrics for Prometheus, a page to look at.\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char text[40];

		(void)snprintf(text, sizeof(text), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
			       rows[i].argument ? rows[i].argument : "");
		(void)fprintf(f, "  %-18s  %s\n", text, rows[i].help);
	}
	(void)fprintf(f,
		      "\nSockets of the service manager come first; without any and without --listen: 127.0.0.1:%d.\n"
		      "Exit codes: 0 fine, 1 the configuration is wrong, 2 usage, 3 not permitted,\n"
		      "4 not supported here, 5 system error. Manual: conntuned-http(8).\n",
		      LISTEN_PORT);
}

enum http_exit http_exit_code(int code)
{
	switch (-code) {
	case 0:
		return HTTP_EXIT_OK;
	case EBADMSG:
		return HTTP_EXIT_CHECK;
	case EINVAL:
	case E2BIG:
	case ENOENT:
	case ENOTDIR:
	case EBADF:
		return HTTP_EXIT_USAGE;
	case EPERM:
	case EACCES:
		return HTTP_EXIT_NOT_PERMITTED;
	case EOPNOTSUPP:
	case ENOSYS:
		return HTTP_EXIT_NOT_SUPPORTED;
	default:
		return HTTP_EXIT_SYSTEM;
	}
}
