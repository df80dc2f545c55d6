/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes what conntuned would publish, of a situation that is made up: see --help. */
#include "config.h"
#include "situations.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/**
 * struct options
 * @fresh, @age: seconds; negative: as the situation has it
 * @counters:    "NAME=NUMBER", one after the other as they were given
 */
struct options {
	const char *root, *situation;
	double fresh, age;
	uint64_t entries;
	bool entries_known, observed;
	const char *counter[32];
	size_t counters;
};

static void usage(FILE *f)
{
	(void)fprintf(f, "Usage: make-snapshot [OPTION]... SITUATION\n"
			 "Write run/conntuned/snapshot and run/conntuned/recent below a root, as conntuned would.\n"
			 "Files are replaced whole; run it again for the next snapshot.\n\n"
			 "  --root DIR           below this directory; default .\n"
			 "  --fresh SECONDS      old after so long; default 3600, so that a test has time\n"
			 "  --age SECONDS        its look was so long ago; default 0 (stale: 125, and fresh for 10)\n"
			 "  --entries N          of our own namespace, and so of the fullest; peaks go with it\n"
			 "  --counter NAME=N     of our own namespace: drop, early_drop, ... (see ct_counter_name())\n"
			 "  --observed           run/conntune-observed/chains.json and census.json as well\n"
			 "  --help\n\n"
			 "Situations:\n");
	for (size_t i = 0; situation_name(i); i++)
		(void)fprintf(f, "  %-12s %s\n", situation_name(i), situation_text(i));
}

static void die(const char *what, const char *value)
{
	(void)fprintf(stderr, "make-snapshot: %s: %s\n", value, what);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end)
		die("not a number", text);
	return v;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },    { "fresh", required_argument, NULL, 'f' },
		{ "age", required_argument, NULL, 'a' },     { "entries", required_argument, NULL, 'e' },
		{ "counter", required_argument, NULL, 'c' }, { "observed", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			o->root = optarg;
		else if (c == 'f')
			o->fresh = number(optarg);
		else if (c == 'a')
			o->age = number(optarg);
		else if (c == 'e')
			o->entries = (uint64_t)number(optarg), o->entries_known = true;
		else if (c == 'c' && o->counters < sizeof(o->counter) / sizeof(o->counter[0]))
			o->counter[o->counters++] = optarg;
		else if (c == 'o')
			o->observed = true;
		else if (c == 'h') {
			usage(stdout);
			exit(0);
		} else
			exit(2);
	}
	if (optind + 1 != argc) {
		usage(stderr);
		exit(2);
	}
	o->situation = argv[optind];
}

static int64_t clock_usec(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void set_counter(struct ct_snapshot *s, const char *text)
{
	const char *equals = strchr(text, '=');

	for (unsigned i = 0; equals && i < CT_COUNTER__COUNT; i++) {
		const char *name = ct_counter_name(i);

		if (strlen(name) == (size_t)(equals - text) && strncmp(name, text, (size_t)(equals - text)) == 0) {
			s->own_counter[i] = (struct ct_u64){ .known = true, .v = (uint64_t)number(equals + 1) };
			return;
		}
	}
	die("not NAME=NUMBER of a counter", text);
}

static void set_entries(struct ct_snapshot *s, uint64_t entries)
{
	uint64_t others = s->all_entries.v - s->own_entries.v;

	s->entries = s->own_entries = (struct ct_u64){ .known = true, .v = entries };
	s->all_entries = (struct ct_u64){ .known = true, .v = entries + others };
	s->second_peak[s->peak_second % CT_SNAPSHOT_PEAKS] = (uint32_t)entries;
	if (s->peak.v < entries)
		s->peak.v = entries;
	if (s->tops)
		s->top[0].entries = entries;
}

static void adjust(struct ct_snapshot *s, const struct options *o)
{
	uint64_t age = o->age > 0 ? (uint64_t)(o->age * 1e6) : 0;

	if (o->fresh >= 0 && strcmp(o->situation, "stale") != 0)
		s->fresh_usec = (uint64_t)(o->fresh * 1e6);
	s->boot_usec = s->boot_usec > age ? s->boot_usec - age : 0;
	s->unix_usec -= (int64_t)age;
	if (o->entries_known)
		set_entries(s, o->entries);
	for (size_t i = 0; i < o->counters; i++)
		set_counter(s, o->counter[i]);
}

static void make_directory(const char *root, const char *path)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		die(strerror(errno), full);
}

static void put(const char *root, const char *path, const void *bytes, size_t n)
{
	char full[4096], whole[4112];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	(void)snprintf(whole, sizeof(whole), "%s.tmp", full);
	f = fopen(whole, "we");
	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0 || rename(whole, full) < 0)
		die(strerror(errno), full);
}

static void put_text(const char *root, const char *path, char *text)
{
	if (!text)
		die("out of memory", path);
	put(root, path, text, strlen(text));
	free(text);
}

int main(int argc, char **argv)
{
	static struct ct_snapshot snapshot;
	static struct ct_recent recent;
	struct options o = { .root = ".", .fresh = 3600, .age = -1 };

	parse(&o, argc, argv);
	if (!situation_fill(&snapshot, o.situation, (uint64_t)clock_usec(CLOCK_BOOTTIME), clock_usec(CLOCK_REALTIME)))
		die("no such situation, see --help", o.situation);
	adjust(&snapshot, &o);
	situation_fill_recent(&recent, &snapshot);
	ct_snapshot_seal(&snapshot);
	ct_recent_seal(&recent);
	make_directory(o.root, "run");
	make_directory(o.root, "run/conntuned");
	put(o.root, CT_RECENT_PATH, &recent, sizeof(recent));
	put(o.root, CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	if (!o.observed)
		return 0;
	make_directory(o.root, "run/conntune-observed");
	put_text(o.root, "run/conntune-observed/chains.json", situation_chains(&snapshot));
	put_text(o.root, "run/conntune-observed/census.json", situation_census(&snapshot));
	return 0;
}
