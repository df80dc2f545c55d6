/* SPDX-License-Identifier: GPL-2.0-or-later */
/* History: what rows say, what survives a restart, and files that are damaged, foreign, read-only or have no room. */
#include "config.h"
#include "check.h"
#include "history_internal.h"
#include "util.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

#define DAY 86400
/* a Monday at midnight: begin of a minute, an hour and a day */
#define MONDAY INT64_C(1767571200)
#define ROOM (8 << 20)

static void close_history(struct history **h)
{
	(void)history_close(*h);
}

static struct history *open_history(const char *path, uint64_t bytes)
{
	struct ct_err err = { 0 };
	struct history *h = NULL;
	char note[300];

	ck_assert_msg(history_open(&h, path, bytes, note, sizeof(note), &err) == 0, "%s", err.msg);
	ck_assert_str_eq(note, "");
	return h;
}

static void add(struct history *h, int64_t msec, uint64_t entries)
{
	struct history_sample sample = { .unix_usec = msec * 1000, .entries = entries, .limit = 65536 };
	struct ct_err err = { 0 };

	ck_assert_msg(history_add(h, &sample, &err) == 0, "%s", err.msg);
}

/* The one row there is. */
static struct history_row only_row(struct history *h, enum history_span span)
{
	struct history_row row[2];

	ck_assert_int_eq(history_rows(h, span, 0, row, 2, NULL), 1);
	return row[0];
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

struct weighted {
	uint64_t value, weight;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = ((const struct weighted *)a)->value, y = ((const struct weighted *)b)->value;

	return (x > y) - (x < y);
}

/* The exact answer, by sorting. */
static uint64_t quantile(struct weighted *w, size_t n, unsigned percent)
{
	uint64_t all = 0, below = 0;

	qsort(w, n, sizeof(*w), by_value);
	for (size_t i = 0; i < n; i++)
		all += w[i].weight;
	for (size_t i = 0; i < n; i++) {
		below += w[i].weight;
		if (below * 100 >= all * percent)
			return w[i].value;
	}
	return w[n - 1].value;
}

static void assert_near(uint64_t got, uint64_t exact)
{
	uint64_t off = got > exact ? got - exact : exact - got;

	ck_assert_msg(off * 64 <= exact, "%" PRIu64 " is more than 1/64 off %" PRIu64, got, exact);
}

#define SAMPLES 1500

/* An hour with looks at random distances, of values as wide as 2^(0 .. 30). */
START_TEST(percentiles_are_within_their_error)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	uint64_t seed = 4711 + (uint64_t)_i, state = seed, sum = 0, all = 0, peak = 0;
	static struct weighted exact[SAMPLES];
	int64_t msec = MONDAY * 1000;
	struct history_row row;

	printf("seed %" PRIu64 "\n", seed);
	for (size_t i = 0; i < SAMPLES; i++) {
		uint64_t step = i ? 1 + next_random(&state) % 1100 : 1000;

		msec += i ? (int64_t)step : 0;
		exact[i] = (struct weighted){ .value = next_random(&state) % ((UINT64_C(1) << _i % 31) + 1),
					      .weight = step };
		add(h, msec, exact[i].value);
		sum += exact[i].value * step;
		all += step;
		peak = exact[i].value > peak ? exact[i].value : peak;
	}
	row = only_row(h, HISTORY_HOUR);
	ck_assert_uint_eq(row.samples, SAMPLES);
	ck_assert_uint_eq(row.peak, peak);
	ck_assert_uint_eq(row.mean, (sum + all / 2) / all);
	assert_near(row.p50, quantile(exact, SAMPLES, 50));
	assert_near(row.p95, quantile(exact, SAMPLES, 95));
	assert_near(row.p99, quantile(exact, SAMPLES, 99));
}
END_TEST

START_TEST(every_bin_is_near_all_of_its_values)
{
	for (uint64_t value = 0; value <= SKETCH_VALUE_MAX; value += value / 1000 + 1) {
		struct sketch s = { 0 };
		uint64_t got;

		sketch_add(&s, value, 1);
		got = sketch_quantile(&s, 100);
		if (value < SKETCH_EXACT)
			ck_assert_uint_eq(got, value);
		assert_near(got, value);
	}
}
END_TEST

START_TEST(sketch_survives_packing)
{
	struct sketch s = { 0 }, back;
	uint8_t bytes[SKETCH_PACKED_MAX];
	uint64_t state = 1;
	size_t n;

	for (int i = 0; i < 300; i++)
		sketch_add(&s, next_random(&state) >> i % 31, (uint32_t)next_random(&state));
	sketch_add(&s, UINT64_MAX, UINT32_MAX);
	sketch_add(&s, INT32_MAX, UINT32_MAX);
	n = sketch_pack(&s, bytes);
	ck_assert(sketch_unpack(bytes, n, &back));
	ck_assert_int_eq(memcmp(&s, &back, sizeof(s)), 0);
	ck_assert(!sketch_unpack(bytes, n - 1, &back));
	/* a bin twice; one that doesn't exist */
	memcpy(bytes + 6, bytes, 6);
	ck_assert(!sketch_unpack(bytes, 12, &back));
	memset(bytes, 0xff, 6);
	ck_assert(!sketch_unpack(bytes, 6, &back));
	ck_assert_uint_eq(sketch_weight(&back), 0);
}
END_TEST

/* A second of surge looked at every 2 ms is a second; 59 quiet ones outweigh it. */
START_TEST(time_counts_not_how_often_it_was_looked)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	struct history_row row;

	for (int i = 0; i <= 58; i++)
		add(h, (MONDAY + i) * 1000, 60);
	for (int i = 1; i <= 500; i++)
		add(h, (MONDAY + 58) * 1000 + 2 * i, 6000);
	row = only_row(h, HISTORY_MINUTE);
	ck_assert_uint_eq(row.samples, 559);
	ck_assert_uint_eq(row.peak, 6000);
	ck_assert_uint_eq(row.p50, 60);
	ck_assert_uint_eq(row.p95, 60);
	assert_near(row.p99, 6000);
	assert_near(row.mean, (59 * 60 + 6000) / 60);
}
END_TEST

START_TEST(counters_are_differences)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	/* found at start; counted; not known for once; as before; begun anew with a reload; counted */
	static const uint64_t drops[] = { 1000, 1007, 0, 1007, 3, 5 };
	struct history_sample sample = { .unix_usec = MONDAY * 1000000, .entries = 1, .limit = 100 };
	struct history_row row;

	for (size_t i = 0; i < ct_array_size(drops); i++) {
		sample.unix_usec += 1000000;
		sample.drops = drops[i];
		sample.early_drops = 2 * drops[i];
		sample.refused = 3 * drops[i];
		sample.limit += 100;
		ck_assert_int_eq(history_add(h, &sample, NULL), 0);
	}
	row = only_row(h, HISTORY_DAY);
	ck_assert_uint_eq(row.drops, 7 + 3 + 2);
	ck_assert_uint_eq(row.early_drops, 2 * 12);
	ck_assert_uint_eq(row.refused, 3 * 12);
	ck_assert_uint_eq(row.limit, 700);
}
END_TEST

START_TEST(minutes_hours_and_days_are_rows)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	struct history_row row[100];

	/* two days and a bit, every ten seconds; hour number N has N entries */
	for (int64_t s = 0; s < 2 * DAY + 90; s += 10)
		add(h, (MONDAY + s) * 1000, (uint64_t)s / 3600);
	ck_assert_int_eq(history_rows(h, HISTORY_DAY, 0, row, 100, NULL), 3);
	ck_assert_int_eq(row[1].begin, MONDAY + DAY);
	ck_assert_uint_eq(row[1].samples, 8640);
	ck_assert_uint_eq(row[1].peak, 47);
	ck_assert_uint_eq(row[1].p50, 35);
	ck_assert_int_eq(history_rows(h, HISTORY_HOUR, MONDAY + 3600, row, 100, NULL), 48);
	ck_assert_int_eq(row[0].begin, MONDAY + 3600);
	ck_assert_uint_eq(row[0].mean, 1);
	ck_assert_int_eq(row[47].begin, MONDAY + 2 * DAY);
	/* the oldest that fit, and of minutes only the last day is there */
	ck_assert_int_eq(history_rows(h, HISTORY_MINUTE, 0, row, 7, NULL), 7);
	ck_assert_int_eq(row[0].begin, MONDAY + DAY + 120);
	ck_assert_int_eq(row[6].begin, MONDAY + DAY + 480);
	ck_assert_int_eq(history_rows(h, HISTORY_MINUTE, MONDAY + 2 * DAY + 60, row, 100, NULL), 1);
	ck_assert_uint_eq(row[0].samples, 3);
	ck_assert_int_eq(history_rows(h, HISTORY_MINUTE, MONDAY + 9 * DAY, row, 100, NULL), 0);
	ck_assert_int_eq(history_rows(h, HISTORY_SPAN__COUNT, 0, row, 100, NULL), -EINVAL);
}
END_TEST

static void add_span(struct history *h, int64_t from, int64_t seconds, int64_t step, uint64_t entries)
{
	for (int64_t s = 0; s < seconds; s += step)
		add(h, (from + s) * 1000, entries);
}

START_TEST(peak_is_of_the_time_asked_for)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	int64_t now = MONDAY + 40 * DAY;

	ck_assert_uint_eq(history_peak(h, MONDAY, 3600), 0);
	add(h, (MONDAY + 2 * DAY) * 1000, 9000);
	add(h, (now - 3 * DAY) * 1000, 8000);
	add(h, (now - 7200) * 1000, 7000);
	add(h, (now - 600) * 1000, 6000);
	add(h, now * 1000, 100);
	ck_assert_uint_eq(history_peak(h, now, 60), 100);
	ck_assert_uint_eq(history_peak(h, now, 900), 6000);
	ck_assert_uint_eq(history_peak(h, now, 10800), 7000);
	ck_assert_uint_eq(history_peak(h, now, 4 * DAY), 8000);
	ck_assert_uint_eq(history_peak(h, now, 39 * DAY), 9000);
	ck_assert_uint_eq(history_peak(h, now, UINT64_MAX), 9000);
	/* of the running minute too, at once */
	ck_assert_uint_eq(history_peak(h, now, 60), 100);
	add(h, now * 1000 + 10, 5000);
	add(h, now * 1000 + 20, 50);
	ck_assert_uint_eq(history_peak(h, now, 60), 5000);
	add(h, (now + 180) * 1000, 50);
	ck_assert_uint_eq(history_peak(h, now + 180, 60), 50);
}
END_TEST

START_TEST(clock_may_jump)
{
	ct_cleanup(close_history) struct history *h = open_history(NULL, ROOM);
	struct history_row row[20];

	add_span(h, MONDAY, 180, 1, 100);
	/* back by two minutes: the same minutes again, in one row each */
	add_span(h, MONDAY + 60, 60, 1, 300);
	/* ten years ahead, before 1970, and right again */
	add_span(h, MONDAY + 3650 * (int64_t)DAY, 120, 1, 900);
	add(h, INT64_C(-5) * 1000, 70);
	add(h, INT64_MAX / 1000, 80);
	add_span(h, MONDAY + 180, 60, 1, 200);
	ck_assert_int_eq(history_rows(h, HISTORY_MINUTE, 0, row, 20, NULL), 8);
	for (int i = 1; i < 8; i++)
		ck_assert_int_lt(row[i - 1].begin, row[i].begin);
	ck_assert_int_eq(row[0].begin, 0);
	ck_assert_int_eq(row[1].begin, MONDAY);
	ck_assert_uint_eq(row[2].samples, 120);
	ck_assert_uint_eq(row[2].peak, 300);
	assert_near(row[2].mean, 200);
	ck_assert_uint_ge(row[2].p99, 295);
	ck_assert_int_eq(row[4].begin, MONDAY + 180);
	ck_assert_uint_eq(row[4].p50, 200);
	ck_assert_uint_eq(row[4].peak, 200);
	/* what was seen under a wrong clock was seen all the same */
	ck_assert_uint_eq(history_peak(h, MONDAY + 240, 3600), 900);
	/* but a day that seems to be in 2036 doesn't count for ten years: its minutes and hours have gone */
	for (int64_t hour = 1; hour < 2000; hour++)
		add(h, (MONDAY + hour * 3600) * 1000, 7);
	ck_assert_uint_eq(history_peak(h, MONDAY + 2000 * 3600, 300 * DAY), 300);
	ck_assert_uint_eq(history_peak(h, MONDAY + 2000 * 3600, 50 * DAY), 7);
}
END_TEST

#ifdef HAVE_SQLITE
static const char *in_scratch(const char *name)
{
	static char path[4][256];
	static unsigned n;
	char *p = path[n++ % ct_array_size(path)];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", scratch_dir(), name);
	return p;
}

/* One number from a file, asked as anybody else would. */
static int64_t ask_file(const char *path, const char *query)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t v;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, query, -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	v = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return v;
}

static void change_file(const char *path, const char *statements)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, statements, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	(void)sqlite3_close(db);
}

static void assert_whole(const char *path)
{
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

static bool is_there(const char *path, const char *suffix)
{
	char text[300];
	struct stat st;

	(void)snprintf(text, sizeof(text), "%s%s", path, suffix);
	return lstat(text, &st) == 0;
}

/* Three minutes are on disk, the last of them begun. */
static void fill(const char *path)
{
	struct history *h = open_history(path, ROOM);

	add_span(h, MONDAY, 150, 1, 1000);
	(void)history_close(h);
}

static void assert_filled(struct history *h)
{
	struct history_row row[4];

	ck_assert_int_eq(history_rows(h, HISTORY_MINUTE, 0, row, 4, NULL), 3);
	ck_assert_int_eq(row[2].begin, MONDAY + 120);
	ck_assert_uint_eq(row[2].samples, 30);
	ck_assert_uint_eq(row[1].peak, 1000);
	ck_assert_uint_eq(history_peak(h, MONDAY + 150, 3600), 1000);
}

/* With and without restarts in between the rows are the same, running hour and day included. */
START_TEST(restart_loses_nothing)
{
	ct_cleanup(close_history) struct history *through = open_history(NULL, ROOM);
	const char *path = in_scratch("new/history.db");
	struct history *h = open_history(path, ROOM);
	struct history_row want[200], got[200];
	uint64_t state = 5;

	for (int64_t s = 0; s < 3 * 3600; s++) {
		uint64_t entries = next_random(&state) % 100000;

		add(through, (MONDAY + s) * 1000, entries);
		add(h, (MONDAY + s) * 1000, entries);
		if (s % 2000 == 0) {
			(void)history_close(h);
			h = open_history(path, ROOM);
		}
	}
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++) {
		int n = history_rows(through, span, 0, want, 200, NULL);

		ck_assert_int_eq(history_rows(h, span, 0, got, 200, NULL), n);
		for (int i = 0; i < n; i++) {
			ck_assert_int_eq(got[i].begin, want[i].begin);
			ck_assert_uint_eq(got[i].samples, want[i].samples);
			ck_assert_uint_eq(got[i].peak, want[i].peak);
			ck_assert_uint_eq(got[i].limit, want[i].limit);
			ck_assert_uint_eq(got[i].p50, want[i].p50);
			ck_assert_uint_eq(got[i].p95, want[i].p95);
			ck_assert_uint_eq(got[i].p99, want[i].p99);
			ck_assert_int_le(labs((long)got[i].mean - (long)want[i].mean), 1);
		}
	}
	(void)history_close(h);
	assert_whole(path);
	ck_assert(!is_there(path, "-journal"));
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 180);
	ck_assert_int_eq(ask_file(path, "SELECT min(begin) FROM hour"), MONDAY);
}
END_TEST

START_TEST(a_minute_is_on_disk_when_it_is_over)
{
	const char *path = in_scratch("history.db");
	ct_cleanup(close_history) struct history *h = open_history(path, ROOM);

	add_span(h, MONDAY, 60, 1, 42);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 0);
	add(h, (MONDAY + 60) * 1000, 43);
	ck_assert_int_eq(history_file_done(h, 60000, NULL), 0);
	ck_assert_int_eq(h->writer, 0);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 1);
	ck_assert_int_eq(ask_file(path, "SELECT samples FROM minute"), 60);
	ck_assert_int_eq(ask_file(path, "SELECT peak FROM day"), 42);
}
END_TEST

static void put_bytes(const char *path, off_t at, size_t n, uint64_t seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	uint8_t bytes[4096];

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)next_random(&seed);
	for (size_t done = 0; done < n; done += sizeof(bytes))
		ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), at + (off_t)done), sizeof(bytes));
	(void)close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st = { 0 };

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static void all_random(const char *path)
{
	put_bytes(path, 0, (size_t)size_of(path), 7);
}

static void middle_random(const char *path)
{
	put_bytes(path, 4096 * 2, 4096 * 2, 8);
}

static void cut(const char *path)
{
	ck_assert_int_eq(truncate(path, size_of(path) / 2 + 100), 0);
}

static void no_table(const char *path)
{
	change_file(path, "DROP TABLE hour");
}

static void (*const damage[])(const char *path) = { all_random, middle_random, cut, no_table };

START_TEST(damaged_file_is_moved_aside)
{
	const char *path = in_scratch("history.db");
	struct ct_err err = { 0 };
	struct history *h = NULL;
	char note[300] = "";

	fill(path);
	damage[_i](path);
	ck_assert_int_eq(history_open(&h, path, ROOM, note, sizeof(note), &err), 0);
	ck_assert_msg(strstr(note, "moved aside") != NULL, "note: '%s'", note);
	ck_assert(is_there(path, ".corrupt"));
	ck_assert_uint_eq(history_peak(h, MONDAY + 150, 3600), 0);
	add_span(h, MONDAY, 150, 1, 1000);
	(void)history_close(h);
	h = open_history(path, ROOM);
	assert_filled(h);
	(void)history_close(h);
	assert_whole(path);
}
END_TEST

/* What is in memory is written again, all of it. */
START_TEST(damage_while_running_costs_nothing)
{
	const char *path = in_scratch("history.db");
	struct history *h = open_history(path, ROOM);
	struct history_sample next = { .unix_usec = (MONDAY + 120) * 1000000, .entries = 1000 };
	struct ct_err err = { 0 };

	add_span(h, MONDAY, 120, 1, 1000);
	ck_assert_int_eq(history_file_done(h, 60000, NULL), 0);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 1);
	damage[_i](path);
	ck_assert_int_eq(history_add(h, &next, NULL), 0);
	ck_assert_failed(history_file_done(h, 60000, &err), err, -EBADMSG, "moved aside");
	add_span(h, MONDAY + 121, 29, 1, 1000);
	(void)history_close(h);
	ck_assert(is_there(path, ".corrupt"));
	h = open_history(path, ROOM);
	assert_filled(h);
	(void)history_close(h);
}
END_TEST

static void make_nothing(const char *path)
{
	put_file("/", path + 1, "");
}

static void remove_it(const char *path)
{
	(void)unlink(path);
}

/* Nothing to say about: a file that is empty is what a start leaves that was killed at once. */
static void (*const harmless[])(const char *path) = { make_nothing, remove_it };

START_TEST(empty_or_missing_file_is_begun)
{
	const char *path = in_scratch("history.db");
	struct history *h;

	fill(path);
	harmless[_i](path);
	h = open_history(path, ROOM);
	add_span(h, MONDAY, 90, 1, 1000);
	harmless[_i](path);
	add_span(h, MONDAY + 90, 60, 1, 1000);
	(void)history_close(h);
	h = open_history(path, ROOM);
	assert_filled(h);
	(void)history_close(h);
	assert_whole(path);
}
END_TEST

static void make_directory(const char *path)
{
	(void)unlink(path);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_fifo(const char *path)
{
	(void)unlink(path);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void make_link(const char *path)
{
	(void)unlink(path);
	ck_assert_int_eq(symlink("/etc/hostname", path), 0);
}

static void newer_format(const char *path)
{
	change_file(path, "PRAGMA user_version=2");
}

static void foreign_program(const char *path)
{
	(void)unlink(path);
	change_file(path, "CREATE TABLE minute(begin, peak); INSERT INTO minute VALUES(1, 2)");
}

static const struct {
	void (*make)(const char *path);
	const char *word;
} foreign[] = {
	{ make_directory, "not a file" },
	{ make_fifo, "not a file" },
	{ make_link, "not a file" },
	{ newer_format, "format 2" },
	{ foreign_program, "another program's" },
};

/* One note, then memory does. */
static void assert_memory_only(const char *path, const char *word)
{
	struct ct_err err = { 0 };
	struct history *h = NULL;
	char note[300] = "";

	ck_assert_int_eq(history_open(&h, path, ROOM, note, sizeof(note), &err), 0);
	ck_assert_msg(strstr(note, word) && strstr(note, "memory only"), "note: '%s'", note);
	add_span(h, MONDAY + DAY, 150, 1, 2000);
	ck_assert_uint_eq(history_peak(h, MONDAY + DAY + 150, 3600), 2000);
	(void)history_close(h);
}

START_TEST(what_isnt_ours_is_left_alone)
{
	const char *path = in_scratch("history.db");
	struct stat before, after;

	fill(path);
	foreign[_i].make(path);
	ck_assert_int_eq(lstat(path, &before), 0);
	assert_memory_only(path, foreign[_i].word);
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_ino, after.st_ino);
	ck_assert(!is_there(path, ".corrupt"));
}
END_TEST

/* What it holds is still of use. */
START_TEST(read_only_file_is_read)
{
	const char *dir = scratch_dir();
	struct history *h = NULL;
	char path[300], note[300];

	(void)snprintf(path, sizeof(path), "%s/history.db", dir);
	fill(path);
	if (!own_mounts())
		return;
	ck_assert_int_eq(mount(dir, dir, "none", MS_BIND, NULL), 0);
	ck_assert_int_eq(mount(NULL, dir, "none", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(history_open(&h, path, ROOM, note, sizeof(note), NULL), 0);
	ck_assert_msg(strstr(note, "memory only") != NULL, "note: '%s'", note);
	assert_filled(h);
	(void)history_close(h);
	(void)snprintf(path, sizeof(path), "%s/other.db", dir);
	assert_memory_only(path, "can't open");
}
END_TEST

/* No room from the start; none any more later, then again: nothing is lost, and it is said once. */
START_TEST(full_disk_is_survived)
{
	ct_cleanup(close_history) struct history *h = NULL;
	const char *dir = scratch_dir();
	struct ct_err err = { 0 };
	char path[300], blob[300];
	int64_t s;
	int told = 0;

	(void)snprintf(path, sizeof(path), "%s/history.db", dir);
	(void)snprintf(blob, sizeof(blob), "%s/blob", dir);
	if (!own_mounts())
		return;
	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, "size=12k"), 0);
	assert_memory_only(path, "full");
	ck_assert_int_eq(umount2(dir, MNT_DETACH), 0);

	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	h = open_history(path, ROOM);
	for (s = 0; s < 900; s++) {
		struct history_sample sample = { .unix_usec = (MONDAY + s * 60) * 1000000, .entries = (uint64_t)s };

		told += history_add(h, &sample, &err) < 0;
		told += history_file_done(h, 60000, &err) < 0;
	}
	ck_assert_int_eq(told, 1);
	ck_assert_int_eq(err.code, -ENOSPC);
	assert_whole(path);
	ck_assert_int_eq(mount(NULL, dir, "none", MS_REMOUNT, "size=1m"), 0);
	add(h, (MONDAY + s * 60) * 1000, 5);
	ck_assert_int_eq(history_file_done(h, 60000, &err), 0);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute WHERE peak = seq - 1"), 900);
	assert_whole(path);
}
END_TEST

/* Six years, looked at once an hour and for some days each minute: the file's size and the rows that are left. */
static const struct {
	uint64_t bytes;
	uint32_t rows[HISTORY_SPAN__COUNT];
} sizes[] = {
	{ 0, { 60, 48, 184 } },
	{ 256 << 10, { 60, 48, 1647 } },
	{ 400 << 10, { 402, 840, 1830 } },
	{ ROOM, { 1440, 840, 1830 } },
};

START_TEST(size_is_bounded)
{
	const char *path = in_scratch("history.db");
	struct history *h = open_history(path, sizes[_i].bytes);
	int64_t hour, last = 6 * 365 * 24;
	char text[100];

	for (hour = 0; hour < last; hour++)
		add(h, (MONDAY + hour * 3600) * 1000, INT32_MAX - (uint64_t)hour % 1000);
	for (int64_t minute = 0; minute < 2000; minute++)
		add(h, (MONDAY + hour * 3600 + minute * 60) * 1000, INT32_MAX);
	(void)history_close(h);
	assert_whole(path);
	ck_assert_int_le(size_of(path), (off_t)(sizes[_i].bytes > 96 << 10 ? sizes[_i].bytes : 96 << 10));
	printf("%lld bytes of at most %llu\n", (long long)size_of(path), (unsigned long long)sizes[_i].bytes);
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++) {
		(void)snprintf(text, sizeof(text), "SELECT count(*) FROM %s", history_span_name(span));
		ck_assert_int_eq(ask_file(path, text), sizes[_i].rows[span]);
		(void)snprintf(text, sizeof(text), "SELECT max(seq) - min(seq) + 1 FROM %s", history_span_name(span));
		ck_assert_int_eq(ask_file(path, text), sizes[_i].rows[span]);
	}
}
END_TEST

/* Configured smaller: the rows go, and so does the room that they took. */
START_TEST(size_follows_a_smaller_limit)
{
	const char *path = in_scratch("history.db");
	struct history *h = open_history(path, ROOM);

	for (int64_t minute = 0; minute < 3000; minute++)
		add(h, (MONDAY + minute * 60) * 1000, 100000);
	(void)history_close(h);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 1440);
	h = open_history(path, 0);
	add(h, (MONDAY + 3001 * 60) * 1000, 100000);
	(void)history_close(h);
	assert_whole(path);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM minute"), 60);
	ck_assert_int_le(size_of(path), 96 << 10);
}
END_TEST

/* Rows that no conntuned has written are left out, the others hold. */
START_TEST(rows_that_cant_be_are_left_out)
{
	const char *path = in_scratch("history.db");
	struct history *h;

	fill(path);
	change_file(
		path,
		"INSERT INTO minute SELECT 50, begin, -1, peak, mean, p50, p95, p99, entries_limit, drops, "
		"early_drops, refused FROM minute WHERE seq = 1;"
		"INSERT INTO minute SELECT 51, begin + 1, samples, peak, mean, p50, p95, p99, entries_limit, drops, "
		"early_drops, refused FROM minute WHERE seq = 1;"
		"INSERT INTO minute(seq, begin, peak) VALUES(52, 'x', 'y'), (-4, 60, 99999);"
		"DELETE FROM minute WHERE seq = 52;"
		"UPDATE running SET sketch = x'010203'");
	h = open_history(path, ROOM);
	assert_filled(h);
	add(h, (MONDAY + 151) * 1000, 1000);
	ck_assert_uint_ge(only_row(h, HISTORY_HOUR).p95, 984);
	(void)history_close(h);
	assert_whole(path);
}
END_TEST
#endif

Suite *module_suite(void)
{
	Suite *s = suite_create("history");
	TCase *memory = tcase_create("memory"), *file = tcase_create("file"), *heavy = tcase_create("heavy");

	tcase_add_loop_test(memory, percentiles_are_within_their_error, 0, 62);
	tcase_add_test(memory, every_bin_is_near_all_of_its_values);
	tcase_add_test(memory, sketch_survives_packing);
	tcase_add_test(memory, time_counts_not_how_often_it_was_looked);
	tcase_add_test(memory, counters_are_differences);
	tcase_add_test(memory, minutes_hours_and_days_are_rows);
	tcase_add_test(memory, peak_is_of_the_time_asked_for);
	tcase_add_test(memory, clock_may_jump);
	suite_add_tcase(s, memory);
#ifdef HAVE_SQLITE
	tcase_add_test(file, restart_loses_nothing);
	tcase_add_test(file, a_minute_is_on_disk_when_it_is_over);
	tcase_add_loop_test(file, damaged_file_is_moved_aside, 0, ct_array_size(damage));
	tcase_add_loop_test(file, damage_while_running_costs_nothing, 0, ct_array_size(damage));
	tcase_add_loop_test(file, empty_or_missing_file_is_begun, 0, ct_array_size(harmless));
	tcase_add_loop_test(file, what_isnt_ours_is_left_alone, 0, ct_array_size(foreign));
	tcase_add_test(file, read_only_file_is_read);
	tcase_add_test(heavy, full_disk_is_survived);
	tcase_add_loop_test(heavy, size_is_bounded, 0, ct_array_size(sizes));
	tcase_add_test(file, size_follows_a_smaller_limit);
	tcase_add_test(file, rows_that_cant_be_are_left_out);
#endif
	tcase_set_tags(heavy, "long");
	suite_add_tcase(s, file);
	suite_add_tcase(s, heavy);
	return s;
}
