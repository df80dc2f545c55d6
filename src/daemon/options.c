/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table for parsing and for --help. */
#include "config.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define STATE "var/lib/conntune"
#define SOCKET "run/conntuned/org.conntune"

/* 30 years, once a second. */
#define CYCLES_MAX 1000000000

enum {
	ROOT = 256,
	STATE_DIR,
	SOCKET_PATH,
	SANDBOX,
	HTTP,
	HTTP_PROGRAM,
	CYCLES,
	DRY_RUN,
	RESTORE,
	CHECK_CONFIG,
	PRINT_CONFIG,
	FOREGROUND,
	SHOW_HELP,
	SHOW_VERSION
};

static const struct row {
	const char *name, *argument, *help;
	int id;
} rows[] = {
	{ "dry-run", NULL, "decide and say what would be done, write nothing", DRY_RUN },
	{ "restore-at-exit", NULL, "on a clean stop put limit and buckets back as found", RESTORE },
	{ "check-config", NULL, "check the configuration, then end: 0 fine, 1 something is wrong", CHECK_CONFIG },
	{ "print-config", NULL, "show all settings in force, then end", PRINT_CONFIG },
	{ "root", "DIR", "work on a captured machine, not on this one", ROOT },
	{ "state", "DIR", "history and time-outs are kept here [/" STATE "]", STATE_DIR },
	{ "socket", "PATH", "the local API listens here [/" SOCKET "]", SOCKET_PATH },
	{ "sandbox", "MODE", "system calls that aren't needed: refuse, kill, or off [refuse]", SANDBOX },
	{ "http", "ADDRESS", "start conntuned-http, and have it listen there, as 127.0.0.1:9877", HTTP },
	{ "http-program", "PATH", "that one instead of " SBINDIR "/conntuned-http", HTTP_PROGRAM },
	{ "cycles", "N", "end after so many looks", CYCLES },
	{ "foreground", NULL, "stay in the foreground; conntuned always does", FOREGROUND },
	{ "help", NULL, "show this, then end", SHOW_HELP },
	{ "version", NULL, "show the version, then end", SHOW_VERSION },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int refuse(struct ct_err *err, const char *what, const char *which)
{
	err->code = -EINVAL;
	(void)snprintf(err->msg, sizeof(err->msg), "%s '%.100s'; see conntuned --help", what, which);
	return -EINVAL;
}

static const char *below(const char *path)
{
	return path + strspn(path, "/");
}

/* 0, and so refused by check(), for all that isn't a number of looks. */
static uint32_t looks(const char *text)
{
	unsigned long n = strspn(text, "0123456789") == strlen(text) ? strtoul(text, NULL, 10) : 0;

	return n <= CYCLES_MAX ? (uint32_t)n : 0;
}

static int take(struct daemon_options *o, int id, const char *argument)
{
	switch (id) {
	case CYCLES:
		o->cycles_text = argument;
		o->cycles = looks(argument);
		break;
	case ROOT:
		o->root = argument;
		break;
	case STATE_DIR:
		o->state = below(argument);
		break;
	case SOCKET_PATH:
		o->socket = below(argument);
		break;
	case SANDBOX:
		return sandbox_mode_by_name(argument, &o->sandbox.mode);
	case HTTP:
		if (o->http_addresses < DAEMON_HTTP_MAX)
			o->http_address[o->http_addresses] = argument;
		o->http_addresses++;
		break;
	case HTTP_PROGRAM:
		o->http_program = argument;
		break;
	case DRY_RUN:
		o->dry_run = true;
		break;
	case RESTORE:
		o->restore = true;
		break;
	case CHECK_CONFIG:
		o->check_config = true;
		break;
	case PRINT_CONFIG:
		o->print_config = true;
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

/* Relative paths would mean another file after a change of directory, and ".." one outside the root. */
static int check(const struct daemon_options *o, struct ct_err *err)
{
	if (!*o->state || strstr(o->state, ".."))
		return refuse(err, "--state needs a directory without '..', not", o->state);
	if (!*o->socket || strstr(o->socket, ".."))
		return refuse(err, "--socket needs a path without '..', not", o->socket);
	if (o->cycles_text && o->cycles == 0)
		return refuse(err, "--cycles needs a number from 1 to 1000000000, not", o->cycles_text);
	if (o->http_addresses > DAEMON_HTTP_MAX)
		return refuse(err, "--http may be given 4 times, not", "more often");
	if (o->dry_run && o->http_addresses)
		return refuse(err, "a dry run publishes nothing, so it has no use for --http", o->http_address[0]);
	return 0;
}

int daemon_options_parse(int argc, char **argv, struct daemon_options *ret, struct ct_err *err)
{
	struct daemon_options o = { .root = "/", .state = STATE, .socket = SOCKET, .http_program = SBINDIR "/conntuned-http" };
	struct option known[ROWS + 1] = { 0 };
	int id, r;

	for (size_t i = 0; i < ROWS; i++)
		known[i] = (struct option){ .name = rows[i].name, .has_arg = rows[i].argument ? 1 : 0, .val = rows[i].id };
	opterr = 0;
	optind = 0;
	while ((id = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (id == '?')
			return refuse(err, "unknown option", argv[optind - 1]);
		if (id == ':')
			return refuse(err, "an argument is missing for", argv[optind - 1]);
		if (take(&o, id, optarg) < 0)
			return refuse(err, "--sandbox is refuse, kill or off, not", optarg);
	}
	if (optind < argc)
		return refuse(err, "conntuned takes no arguments, not even", argv[optind]);
	r = check(&o, err);
	if (r == 0)
		*ret = o;
	return r;
}

void daemon_options_help(FILE *f)
{
	(void)fprintf(f, "Usage: conntuned [OPTION]...\n"
			 "Keeps the Linux connection tracking table right: limit and buckets follow the load.\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char text[40];

		(void)snprintf(text, sizeof(text), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
			       rows[i].argument ? rows[i].argument : "");
		(void)fprintf(f, "  %-19s  %s\n", text, rows[i].help);
	}
	(void)fprintf(f, "\nExit codes: 0 fine, 1 another one runs or the configuration is wrong, 2 usage,\n"
			 "3 not permitted, 4 not supported here, 5 system error. Manual: conntuned(8).\n");
}

enum daemon_exit daemon_exit_code(int code)
{
	switch (-code) {
	case 0:
		return DAEMON_EXIT_OK;
	case EBUSY:
	case EEXIST:
	case ESTALE:
		return DAEMON_EXIT_CHECK;
	case EINVAL:
	case ERANGE:
		return DAEMON_EXIT_USAGE;
	case EPERM:
	case EACCES:
	case EROFS:
		return DAEMON_EXIT_NOT_PERMITTED;
	case EOPNOTSUPP:
	case ENOSYS:
	case ENODATA:
		return DAEMON_EXIT_NOT_SUPPORTED;
	default:
		return DAEMON_EXIT_SYSTEM;
	}
}
