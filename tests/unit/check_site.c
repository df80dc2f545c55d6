/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is where, what is kept, who sees which peak; with files below a scratch directory, and answers that only
 * remember. */
#include "config.h"
#include "check.h"
#include "gzip.h"
#include "site.h"
#include "situations.h"

#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <time.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* ---- what serve.c and page.c have in the program */

struct serve_response {
	unsigned status;
	char *bytes;
	size_t n;
	char headers[1024];
};

static unsigned made, freed;

int serve_response_new(struct serve_response **ret, unsigned status, char *bytes, size_t n,
		       const struct serve_header *headers)
{
	struct serve_response *r = calloc(1, sizeof(*r));

	r->status = status;
	r->bytes = bytes;
	r->n = n;
	for (; headers->name; headers++)
		(void)snprintf(r->headers + strlen(r->headers), sizeof(r->headers) - strlen(r->headers), "%s: %s\n",
			       headers->name, headers->value);
	made++;
	*ret = r;
	return 0;
}

struct serve_response *serve_response_free(struct serve_response *r)
{
	if (!r)
		return NULL;
	freed++;
	free(r->bytes);
	free(r);
	return NULL;
}

unsigned serve_response_status(const struct serve_response *response)
{
	return response->status;
}

void page_write(struct text *out, const struct view *view)
{
	text_format(out, "page, %s history", view->recent ? "with" : "without");
}

void api_write(struct text *out, const struct view *view)
{
	text_format(out, "{\"old\":%s}", view->old ? "true" : "false");
}

/* ---- the site, over files */

static struct ct_fs *fs;
static struct source *source;
static struct site *site;
static struct view_self self;
static struct ct_snapshot snapshot;
static const char *dir;

/* CLOCK_BOOTTIME, as the site is told. */
static uint64_t now;

static void write_file(const char *path, const void *bytes, size_t n)
{
	char full[4096];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "we");
	ck_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

/* What was looked at so long ago; the files are read again from the next request on. */
static void publish(const char *situation, uint64_t age_usec)
{
	static struct ct_recent recent;

	ck_assert(situation_fill(&snapshot, situation, now - age_usec, 1700000000000000));
	situation_fill_recent(&recent, &snapshot);
	ct_snapshot_seal(&snapshot);
	ct_recent_seal(&recent);
	put_file(dir, CT_SNAPSHOT_PATH, "");
	write_file(CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	write_file(CT_RECENT_PATH, &recent, sizeof(recent));
}

static void set_up(void)
{
	struct ct_err err;

	dir = scratch_dir();
	fs = open_fs(dir);
	(void)memset(&self, 0, sizeof(self));
	made = freed = 0;
	now = UINT64_C(90000000000);
	ck_assert_int_eq(source_new(&source, fs, &err), 0);
	ck_assert_int_eq(site_new(&site, source, &self, false, &err), 0);
}

static void tear_down(void)
{
	site_free(site);
	source_free(source);
	ck_assert_uint_eq(made, freed);
	close_fs(&fs);
}

static const struct serve_response *ask_as(uint64_t peer, const char *path, const char *accept, const char *encoding)
{
	const struct serve_request request = {
		.path = path, .accept = accept, .accept_encoding = encoding, .peer = peer
	};

	return site_answer_at(site, &request, now);
}

static const struct serve_response *ask(const char *path)
{
	return ask_as(1, path, "", "");
}

/* Long enough for files to be read again. */
static void await_reading(void)
{
	now += SOURCE_USEC;
}

static void await_next_second(void)
{
	now += 1000000;
}

#define OPEN "application/openmetrics-text"
#define POLICY                                                                                                         \
	"Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "     \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\n"

/* Of a snapshot that is fresh, and (then) of none. */
static const struct {
	const char *path, *accept;
	unsigned status, status_without;
	const char *headers, *begin;
} paths[] = {
	{ "/metrics", "", 200, 200,
	  "Content-Type: text/plain; version=0.0.4; charset=utf-8\nVary: Accept, Accept-Encoding\n",
	  "# HELP conntune" },
	{ "/metrics", OPEN, 200, 200,
	  "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\nVary: Accept, Accept-Encoding\n",
	  "# HELP conntune" },
	{ "/", "", 200, 200,
	  "Content-Type: text/html; charset=utf-8\nVary: Accept-Encoding\n" POLICY "Referrer-Policy: no-referrer\n",
	  "page, with" },
	{ "/api/v1/status", "", 200, 200, "Content-Type: application/json\nVary: Accept-Encoding\n", "{\"old\":" },
	{ "/style.css", "", 200, 200, "Content-Type: text/css; charset=utf-8\nVary: Accept-Encoding\n", NULL },
	{ "/page.js", "", 200, 200, "Content-Type: text/javascript; charset=utf-8\nVary: Accept-Encoding\n", NULL },
	{ "/healthz", "", 200, 200, "Content-Type: text/plain; charset=utf-8\n", "ok\n" },
	{ "/readyz", "", 200, 503, "Content-Type: text/plain; charset=utf-8\n", NULL },
	{ "/nothing", "", 404, 404, "Content-Type: text/plain; charset=utf-8\n", "There is nothing here." },
	{ "/metrics/", "", 404, 404, "Content-Type: text/plain; charset=utf-8\n", "There is nothing here." },
	{ "/%2e%2e/<script>", "", 404, 404, "Content-Type: text/plain; charset=utf-8\n", "There is nothing here." },
	{ "", "", 404, 404, "Content-Type: text/plain; charset=utf-8\n", "There is nothing here." },
};

START_TEST(every_path_has_its_answer)
{
	const struct serve_response *r;

	r = ask_as(1, paths[_i].path, paths[_i].accept, "");
	ck_assert_uint_eq(r->status, paths[_i].status_without);
	publish("healthy", 0);
	await_reading();
	r = ask_as(1, paths[_i].path, paths[_i].accept, "deflate");
	ck_assert_uint_eq(r->status, paths[_i].status);
	ck_assert_str_eq(r->headers, paths[_i].headers);
	if (paths[_i].begin)
		ck_assert_int_eq(strncmp(r->bytes, paths[_i].begin, strlen(paths[_i].begin)), 0);
	if (paths[_i].path[0] && paths[_i].path[1])
		ck_assert_msg(paths[_i].status == 200 || !strstr(r->bytes, paths[_i].path),
			      "the path is in the answer");
}
END_TEST

static const struct {
	const char *situation;
	uint64_t age_usec;
	unsigned status;
	const char *words;
} readiness[] = {
	{ "healthy", 0, 200, "ok\n" },
	{ "empty", 0, 200, "ok\n" },
	{ "healthy", 9000000, 200, "ok\n" },
	{ "healthy", 11000000, 503,
	  "the last snapshot is 11 s old: conntuned hangs, or the machine has no time for it\n" },
	{ NULL, 0, 503, "no snapshot: conntuned doesn't run\n" },
};

START_TEST(ready_is_who_has_a_fresh_snapshot)
{
	const struct serve_response *r;

	if (readiness[_i].situation)
		publish(readiness[_i].situation, readiness[_i].age_usec);
	r = ask("/readyz");
	ck_assert_uint_eq(r->status, readiness[_i].status);
	ck_assert_str_eq(r->bytes, readiness[_i].words);
}
END_TEST

/* A snapshot that was good is kept while the next can't be read; one that is gone means that conntuned is. */
START_TEST(what_cannot_be_read_changes_nothing_yet)
{
	publish("healthy", 0);
	ck_assert_uint_eq(ask("/readyz")->status, 200);
	write_file(CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot) / 2);
	await_reading();
	ck_assert_uint_eq(ask("/readyz")->status, 200);
	snapshot.seal.version++;
	write_file(CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	await_reading();
	ck_assert_uint_eq(ask("/readyz")->status, 200);
	ck_assert_ptr_nonnull(strstr(ask("/metrics")->bytes, "\nconntune_entries 24000\n"));
	{
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, CT_SNAPSHOT_PATH);
		ck_assert_int_eq(unlink(path), 0);
	}
	await_reading();
	ck_assert_uint_eq(ask("/readyz")->status, 503);
	ck_assert_ptr_nonnull(strstr(ask("/metrics")->bytes, "\nconntuned_up 0\n"));
}
END_TEST

START_TEST(another_version_is_named)
{
	publish("healthy", 0);
	snapshot.seal.version = 77;
	write_file(CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
	ck_assert_ptr_nonnull(strstr(ask("/readyz")->bytes, "conntuned is of another version: "));
	ck_assert_ptr_nonnull(strstr(ask("/readyz")->bytes, "version 77 "));
}
END_TEST

START_TEST(answers_of_one_second_are_made_once)
{
	const struct serve_response *first;
	uint64_t scrapes = 0;

	publish("healthy", 0);
	first = ask("/metrics");
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(ask_as((uint64_t)i, "/metrics", "*/*", ""), first);
	ck_assert_uint_eq(made, 1);
	ck_assert_ptr_ne(ask_as(1, "/metrics", OPEN, ""), first);
	ck_assert_ptr_ne(ask_as(1, "/metrics", OPEN, "gzip"), first);
	ck_assert_uint_eq(made, 3);
	ck_assert_uint_eq(freed, 0);
	ck_assert_uint_eq(self.requests[0].ok, 1003);
	for (uint32_t i = 0; i <= self.scrape_seconds.n; i++)
		scrapes += self.scrape_seconds.count[i];
	ck_assert_uint_eq(scrapes, 1003);
}
END_TEST

/* Whatever was kept of other seconds is dropped, so that memory doesn't grow with what was once asked for. */
START_TEST(only_one_second_is_kept)
{
	publish("healthy", 0);
	(void)ask("/");
	(void)ask("/api/v1/status");
	(void)ask_as(1, "/metrics", "", "gzip");
	ck_assert_uint_eq(freed, 0);
	await_next_second();
	(void)ask("/healthz");
	ck_assert_uint_eq(freed, 3);
}
END_TEST

START_TEST(gzip_is_the_same_answer)
{
	static char plain[100000];
	const struct serve_response *r;
	z_stream z = { .next_out = (Bytef *)plain, .avail_out = sizeof(plain) };

	publish("healthy", 0);
	r = ask_as(1, "/metrics", OPEN, "gzip, deflate");
	ck_assert_ptr_nonnull(strstr(r->headers, "Content-Encoding: gzip\n"));
	z.next_in = (Bytef *)r->bytes;
	z.avail_in = (uInt)r->n;
	ck_assert_int_eq(inflateInit2(&z, 16 + 15), Z_OK);
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	(void)inflateEnd(&z);
	ck_assert_uint_lt(3 * r->n, z.total_out);
	ck_assert_str_eq(plain + z.total_out - 6, "# EOF\n");
	ck_assert_ptr_null(strstr(ask_as(1, "/healthz", "", "gzip")->headers, "gzip"));
}
END_TEST

/* The peak that this scraper is told; 0: none */
static uint64_t peak_for(uint64_t peer)
{
	const char *name = "\nconntune_entries_scrape_peak ";
	const char *at = strstr(ask_as(peer, "/metrics", "", "")->bytes, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* A look of another second, with so many entries. */
static void look(uint32_t entries)
{
	await_next_second();
	snapshot.boot_usec = now;
	snapshot.peak_second = snapshot.boot_usec / 1000000;
	snapshot.second_peak[snapshot.peak_second % CT_SNAPSHOT_PEAKS] = entries;
	snapshot.entries.v = entries;
	ct_snapshot_seal(&snapshot);
	write_file(CT_SNAPSHOT_PATH, &snapshot, sizeof(snapshot));
}

START_TEST(scrapers_do_not_take_each_others_peaks)
{
	publish("healthy", 0);
	look(1000);
	ck_assert_uint_eq(peak_for(1), 0);
	ck_assert_uint_eq(peak_for(2), 0);
	look(5000);
	ck_assert_uint_eq(peak_for(1), 5000);
	ck_assert_uint_eq(peak_for(1), 5000);
	look(2000);
	ck_assert_uint_eq(peak_for(1), 2000);
	ck_assert_uint_eq(peak_for(2), 5000);
	ck_assert_uint_eq(peak_for(3), 0);
	ck_assert_uint_eq(peak_for(1), 2000);
}
END_TEST

/* However many scrapers with peaks of their own there are: only so many answers are made in a second. */
START_TEST(many_scrapers_cost_few_answers)
{
	unsigned before;

	publish("healthy", 0);
	for (uint64_t peer = 1; peer <= 6; peer++) {
		look((uint32_t)(7000 - 1000 * peer));
		(void)peak_for(peer);
	}
	look(1);
	before = made;
	for (uint64_t i = 0; i < 60; i++)
		(void)peak_for(1 + i % 6);
	ck_assert_uint_le(made - before, 4);
}
END_TEST

START_TEST(scrapers_beyond_the_last_place_forget_the_oldest)
{
	publish("healthy", 0);
	look(10);
	(void)peak_for(100);
	look(20);
	for (uint64_t peer = 1; peer <= 16; peer++)
		ck_assert_uint_eq(peak_for(peer), 0);
	look(30);
	ck_assert_uint_eq(peak_for(16), 30);
	ck_assert_uint_eq(peak_for(100), 0);
}
END_TEST

START_TEST(a_scraper_that_comes_back_is_not_forgotten_for_a_crowd)
{
	publish("healthy", 0);
	look(10);
	(void)peak_for(1);
	look(20);
	(void)peak_for(1);
	look(90);
	for (uint64_t peer = 1000; peer < 1100; peer++)
		(void)peak_for(peer);
	look(30);
	ck_assert_uint_eq(peak_for(1), 90);
}
END_TEST

START_TEST(observed_files_are_read_when_they_change)
{
	char *chains;

	publish("healthy", 0);
	chains = situation_chains(&snapshot);
	ck_assert_ptr_null(strstr(ask("/metrics")->bytes, "exact_chain"));
	put_file(dir, SOURCE_CHAINS_PATH, chains);
	await_reading();
	ck_assert_ptr_nonnull(strstr(ask("/metrics")->bytes, "\nconntune_exact_chain_length_gsum 61000\n"));
	put_file(dir, SOURCE_CHAINS_PATH, "[");
	await_reading();
	ck_assert_ptr_null(strstr(ask("/metrics")->bytes, "exact_chain"));
	free(chains);
}
END_TEST

START_TEST(observed_files_that_are_old_tell_nothing)
{
	const struct timespec long_ago[2] = { { .tv_sec = time(NULL) - 3601 }, { .tv_sec = time(NULL) - 3601 } };
	char *chains, path[512];

	publish("healthy", 0);
	chains = situation_chains(&snapshot);
	put_file(dir, SOURCE_CHAINS_PATH, chains);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, SOURCE_CHAINS_PATH);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	await_reading();
	ck_assert_ptr_null(strstr(ask("/metrics")->bytes, "exact_chain"));
	free(chains);
}
END_TEST

START_TEST(requests_are_counted_by_path_and_class)
{
	(void)ask("/metrics");
	(void)ask("/readyz");
	(void)ask("/x");
	(void)ask("/y");
	for (size_t i = 0; i < VIEW_PATHS && self.requests[i].path; i++) {
		if (strcmp(self.requests[i].path, "/metrics") == 0)
			ck_assert_uint_eq(self.requests[i].ok, 1);
		else if (strcmp(self.requests[i].path, "/readyz") == 0)
			ck_assert_uint_eq(self.requests[i].server, 1);
		else if (strcmp(self.requests[i].path, "other") == 0)
			ck_assert_uint_eq(self.requests[i].client, 2);
		else
			ck_assert_uint_eq(self.requests[i].ok + self.requests[i].client + self.requests[i].server, 0);
	}
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("site");
	TCase *tcase = tcase_create("site");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, every_path_has_its_answer, 0, sizeof(paths) / sizeof(paths[0]));
	tcase_add_loop_test(tcase, ready_is_who_has_a_fresh_snapshot, 0, sizeof(readiness) / sizeof(readiness[0]));
	tcase_add_test(tcase, what_cannot_be_read_changes_nothing_yet);
	tcase_add_test(tcase, another_version_is_named);
	tcase_add_test(tcase, answers_of_one_second_are_made_once);
	tcase_add_test(tcase, only_one_second_is_kept);
	tcase_add_test(tcase, gzip_is_the_same_answer);
	tcase_add_test(tcase, scrapers_do_not_take_each_others_peaks);
	tcase_add_test(tcase, many_scrapers_cost_few_answers);
	tcase_add_test(tcase, scrapers_beyond_the_last_place_forget_the_oldest);
	tcase_add_test(tcase, a_scraper_that_comes_back_is_not_forgotten_for_a_crowd);
	tcase_add_test(tcase, observed_files_are_read_when_they_change);
	tcase_add_test(tcase, observed_files_that_are_old_tell_nothing);
	tcase_add_test(tcase, requests_are_counted_by_path_and_class);
	suite_add_tcase(suite, tcase);
	return suite;
}
