/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes, the error line, and "did you mean". */
#include "config.h"
#include "cli.h"
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum cli_exit cli_exit_code(int code)
{
	switch (-code) {
	case 0:
		return CLI_EXIT_OK;
	/* refused: nothing is wrong with the command line or the machine */
	case EBUSY:
	case EEXIST:
	case ESTALE:
		return CLI_EXIT_CHECK;
	case EINVAL:
	case ERANGE:
		return CLI_EXIT_USAGE;
	case EPERM:
	case EACCES:
	case EROFS:
		return CLI_EXIT_NOT_PERMITTED;
	case EOPNOTSUPP:
	case ENOSYS:
	case ENODATA:
		return CLI_EXIT_NOT_SUPPORTED;
	default:
		return CLI_EXIT_SYSTEM;
	}
}

int cli_fail(struct ct_err *err, int code, const char *format, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
	va_end(ap);
	return code;
}

void cli_print_error(const char *message)
{
	char line[sizeof(((struct ct_err *)NULL)->msg)];
	size_t i;

	/* an argument may hold escape sequences, a terminal must not see them */
	for (i = 0; i < sizeof(line) - 1 && message[i]; i++)
		line[i] = message[i] < ' ' || message[i] > '~' ? '?' : message[i];
	line[i] = '\0';
	fprintf(stderr, "conntune: %s\n", line);
}

/* Levenshtein distance, words beyond 40 characters count as far away from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[41];

	if (la > 40 || lb > 40)
		return 40;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *word, const char *const names[], size_t n)
{
	size_t length = strlen(word), best = length / 3 + 1;
	const char *found = NULL;

	if (length == 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (strncmp(names[i], word, length) == 0)
			d = 0;
		if (d < best || (d == best && !found)) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

int cli_open_root(struct ct_fs **ret, const struct cli_options *opt, struct ct_err *err)
{
	int r = ct_fs_new(ret, opt->root, err);

	return r == -ENOENT || r == -ENOTDIR ? -EINVAL : r;
}
