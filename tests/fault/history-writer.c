/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history-writer FILE MINUTE N [open|write]
 *                                N minutes from number MINUTE on in flying time, each written before the next one
 * begins; prints "written MINUTE" then, and goes without a word to the file; before it opens the file, or before it
 * writes, it says "ready" and waits for a line history-writer FILE            what another program finds: damage, then
 * minutes as "MINUTE PEAK SAMPLES", then what the history itself says of the file In minute M there are M * 10 .. M *
 * 10 + 59 entries.
 */
#include "config.h"
#include "history_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sqlite3.h>

#define BYTES (8 << 20)

static struct history *open_it(const char *path)
{
	struct ct_err err = { 0 };
	struct history *h = NULL;
	char note[300];

	if (history_open(&h, path, BYTES, note, sizeof(note), &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	if (note[0])
		printf("note: %s\n", note);
	(void)fflush(stdout);
	return h;
}

static int add(struct history *h, int64_t minute, int64_t second, struct ct_err *err)
{
	struct history_sample sample = { .unix_usec = (minute * 60 + second) * 1000000,
					 .entries = (uint64_t)(minute * 10 + second),
					 .limit = 65536 };

	return history_add(h, &sample, err);
}

static void wait_for_line(void)
{
	char text[8];

	printf("ready\n");
	(void)fflush(stdout);
	if (!fgets(text, sizeof(text), stdin)) {
		fprintf(stderr, "no line\n");
		exit(1);
	}
}

static int write_minutes(const char *path, int64_t minute, int64_t n, const char *wait)
{
	struct ct_err err = { 0 };
	struct history *h;
	int r;

	if (strcmp(wait, "open") == 0)
		wait_for_line();
	h = open_it(path);
	r = h->path ? 0 : 1;
	if (strcmp(wait, "write") == 0)
		wait_for_line();

	for (int64_t first = minute; minute < first + n; minute++) {
		/* second 0 is what ended the one before */
		for (int64_t second = minute > first; second < 60; second++)
			r = add(h, minute, second, &err) < 0 ? 1 : r;
		if (add(h, minute + 1, 0, &err) < 0 || history_file_done(h, 60000, &err) < 0)
			r = 1;
		if (r == 0)
			printf("written %" PRId64 "\n", minute);
		(void)fflush(stdout);
	}
	if (err.code)
		fprintf(stderr, "%s\n", err.msg);
	/* a clean end would write it once more */
	_exit(r);
}

static int show_minute(void *none, int n, char **column, char **name)
{
	(void)none, (void)n, (void)name;
	printf("%s %s %s\n", column[0], column[1], column[2]);
	return 0;
}

static int show_text(void *none, int n, char **column, char **name)
{
	(void)none, (void)n, (void)name;
	if (strcmp(column[0], "ok") != 0)
		printf("damaged: %s\n", column[0]);
	return 0;
}

static int look(const char *path)
{
	char *msg = NULL;
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA integrity_check", show_text, NULL, &msg) != SQLITE_OK)
		printf("damaged: %s\n", msg ? msg : "can't be opened");
	/* a file that was never finished has no table */
	(void)sqlite3_exec(db, "SELECT begin / 60, peak, samples FROM minute ORDER BY begin", show_minute, NULL, NULL);
	(void)sqlite3_close(db);
	(void)history_close(open_it(path));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return look(argv[1]);
	return argc >= 4 ? write_minutes(argv[1], atoll(argv[2]), atoll(argv[3]), argc > 4 ? argv[4] : "") : 2;
}
