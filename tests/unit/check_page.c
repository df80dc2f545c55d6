/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page: what it says in each situation, numbers, what isn't known, and that nothing from outside gets into its
 * markup. */
#include "config.h"
#include "check.h"
#include "util.h"
#include "../http/situations.h"
#include "../../src/http/people.h"
#include "../../src/http/svg.h"
#include "../../src/http/view.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BOOT_USEC UINT64_C(100000000000)
#define UNIX_USEC INT64_C(1795676000000000)
#define PAGE_MAX 61440

static struct ct_snapshot snapshot;
static struct ct_recent recent;
static struct view view;

static void set(const char *situation)
{
	ck_assert(situation_fill(&snapshot, situation, BOOT_USEC, UNIX_USEC));
	situation_fill_recent(&recent, &snapshot);
	view = (struct view){ .snapshot = &snapshot, .recent = &recent, .unix_seconds = UNIX_USEC / 1e6 };
	view.age_seconds = ct_snapshot_age(&snapshot, BOOT_USEC);
	view.old = ct_snapshot_is_old(&snapshot, BOOT_USEC);
}

/* The page as it would be sent; lives until the next one. */
static const char *page(void)
{
	static struct text text;

	text_free(&text);
	page_write(&text, &view);
	ck_assert(!text.failed);
	ck_assert_uint_le(text.n, PAGE_MAX);
	return text.bytes;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

#define ck_assert_says(text, what) ck_assert_msg(strstr((text), (what)) != NULL, "nothing says '%s'", (what))
#define ck_assert_silent(text, what) ck_assert_msg(strstr((text), (what)) == NULL, "something says '%s'", (what))

static const struct {
	const char *situation, *sign, *words;
} verdicts[] = {
	{ "healthy", "verdict ok", ">Healthy</h2>" },
	{ "filling", "verdict warn", ">Nearly full, full in 40.2 s</h2>" },
	{ "full", "verdict bad", ">Full, and memory allows no more</h2>" },
	{ "chain-limit", "verdict bad", ">New connections are refused: chains are too long</h2>" },
	{ "stale", "verdict stale", ">Stale: these numbers are 2 min 5 s old</h2>" },
	{ "advise", "verdict ok", "<b>Advice only.</b>" },
	{ "empty", "verdict none", ">There is no connection tracking</h2>" },
};

/* A router without a clock of its own boots in 1970; its week begins before that. */
START_TEST(clock_that_is_not_set_makes_a_page)
{
	struct text out = { 0 };

	set("healthy");
	recent.hours = 2;
	recent.hour[0].begin = 3600;
	recent.hour[1].begin = 7200;
	recent.minutes = 1;
	recent.minute[0].begin = 7200;
	view.unix_seconds = 7300;
	page_write(&out, &view);
	ck_assert(!out.failed);
	ck_assert_ptr_nonnull(strstr(out.bytes, ">Wed</text>"));
	text_free(&out);
}
END_TEST

START_TEST(the_verdict_is_in_words)
{
	set(verdicts[_i].situation);
	ck_assert_says(page(), verdicts[_i].sign);
	ck_assert_says(page(), verdicts[_i].words);
}
END_TEST

START_TEST(without_a_snapshot_the_page_says_why)
{
	view = (struct view){ .old = true, .trouble = "no <snapshot> here" };
	ck_assert_says(page(), "verdict none");
	ck_assert_says(page(), "no &lt;snapshot&gt; here");
	ck_assert_silent(page(), "id=\"now\"");
}
END_TEST

/* What conntuned can't do is told, even if nothing is wrong with the table yet. */
static const struct {
	const char *state, *words;
	double full_in;
} troubles[] = {
	{ .state = "blind", .words = ">conntuned can&#39;t read or write" },
	{ .state = "flood", .words = ">Connections that nobody answers grow</h2>" },
	{ .state = "memory", .words = ">The machine has no memory to spare</h2>" },
	{ .state = "growth", .words = ">Filling up, full in 1 min 30 s</h2>", .full_in = 90 },
	{ .state = "growth", .words = ">Healthy</h2>", .full_in = 3600 },
	{ .state = "growth", .words = ">Healthy</h2>", .full_in = NAN },
};

START_TEST(a_state_that_matters_is_in_the_verdict)
{
	set("healthy");
	snapshot.state = 0;
	while (strcmp(snapshot.state_name[snapshot.state], troubles[_i].state) != 0)
		snapshot.state++;
	snapshot.full_in_seconds = (struct ct_real){ .known = troubles[_i].full_in != 0, .v = troubles[_i].full_in };
	ck_assert_says(page(), troubles[_i].words);
}
END_TEST

/* Every tag is closed by its own, attributes are quoted, and there is nothing within tags but what we write. */
static void ck_assert_well_formed(const char *text)
{
	static const char *const empty[] = { "meta", "link", "!DOCTYPE" };
	char open[64][16];
	size_t depth = 0;

	for (const char *p = strchr(text, '<'); p; p = strchr(p, '<')) {
		bool closes = *++p == '/', alone = false;
		size_t n = strcspn(p += closes, " />\n"), quotes = 0;
		const char *end = p;

		ck_assert_uint_lt(n, sizeof(open[0]));
		for (; *end && (*end != '>' || quotes % 2); end++) {
			ck_assert_msg(*end != '<', "a tag within a tag: %.40s", p);
			quotes += *end == '"';
		}
		ck_assert_msg(*end == '>', "a tag without an end: %.40s", p);
		alone = end[-1] == '/';
		for (size_t i = 0; i < ct_array_size(empty); i++)
			alone |= n == strlen(empty[i]) && strncmp(p, empty[i], n) == 0;
		if (closes) {
			ck_assert_msg(depth && strlen(open[depth - 1]) == n && strncmp(open[depth - 1], p, n) == 0,
				      "</%.*s> closes <%s>", (int)n, p, depth ? open[depth - 1] : "");
			depth--;
		} else if (!alone) {
			ck_assert_uint_lt(depth, ct_array_size(open));
			memcpy(open[depth], p, n);
			open[depth++][n] = '\0';
		}
		p = end;
	}
	ck_assert_uint_eq(depth, 0);
}

START_TEST(the_page_is_well_formed)
{
	if (!situation_name((size_t)_i))
		return;
	set(situation_name((size_t)_i));
	ck_assert_well_formed(page());
	ck_assert_uint_eq(count(page(), "<script"), 1);
	ck_assert_silent(page(), " style=");
	ck_assert_silent(page(), "http://");
}
END_TEST

START_TEST(nothing_from_outside_is_markup)
{
	static const char *const marks[] = { "<script>alert", "<img", "<svg onload", "<b>\"", "<i>",
					     "\033",          "\x01", "nan",         "inf<" };

	set("hostile");
	for (size_t i = 0; i < ct_array_size(marks); i++)
		ck_assert_silent(page(), marks[i]);
	ck_assert_says(page(), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	ck_assert_says(page(), "&lt;/script&gt;&lt;img src=x&gt;");
}
END_TEST

/* Every text at once, as long as it may be. */
START_TEST(the_longest_words_fit)
{
	set("hostile");
#define FILL(text) ((void)memset((text), '<', sizeof(text) - 1), (text)[sizeof(text) - 1] = '\0')
	FILL(snapshot.cause.text);
	FILL(snapshot.cause.remedy);
	FILL(snapshot.evidence);
	FILL(snapshot.reason_text);
	FILL(snapshot.kernel);
	FILL(snapshot.mode);
	FILL(view.trouble);
	snapshot.actions = CT_SNAPSHOT_ACTIONS;
	for (size_t i = 0; i < CT_SNAPSHOT_ACTIONS; i++) {
		snapshot.action[i] = snapshot.action[0];
		FILL(snapshot.action[i].reason);
		FILL(snapshot.action[i].evidence);
	}
	ck_assert_well_formed(page());
}
END_TEST

static const struct {
	size_t at;
	const char *path;
	uint64_t v;
} numbers[] = {
#define NUMBER(member, path)                                                                                           \
	{                                                                                                              \
		offsetof(struct ct_snapshot, member), path, 0                                                          \
	}
	NUMBER(entries, "entries"),
	NUMBER(limit, "limit"),
	NUMBER(buckets, "buckets"),
	NUMBER(peak, "peak"),
	NUMBER(all_entries, "all_entries"),
	NUMBER(target_limit, "target_limit"),
	NUMBER(target_buckets, "target_buckets"),
	NUMBER(ceiling, "ceiling"),
	NUMBER(available_bytes, "memory.available_bytes"),
	NUMBER(floor_bytes, "memory.floor_bytes"),
	NUMBER(budget_bytes, "memory.budget_bytes"),
	NUMBER(table_bytes, "memory.bytes"),
	NUMBER(full_bytes, "memory.full_bytes"),
	NUMBER(entry_bytes, "memory.entry_bytes"),
	NUMBER(expect_entries, "expectations.entries"),
	NUMBER(own_counter[CT_COUNTER_DROP], "counters.own.drop"),
	NUMBER(own_counter[CT_COUNTER_EARLY_DROP], "counters.own.early_drop"),
	NUMBER(watched_counter[CT_COUNTER_INVALID], "counters.watched.invalid"),
	NUMBER(resident_bytes, "daemon.resident_bytes"),
};

START_TEST(a_number_is_exact_or_absent)
{
	struct ct_u64 *number;
	char want[96];

	set("healthy");
	number = (struct ct_u64 *)(void *)((char *)&snapshot + numbers[_i].at);
	*number = (struct ct_u64){ .known = true, .v = 1234567 + (unsigned)_i };
	(void)snprintf(want, sizeof(want), "value=\"%d\" data-api=\"%s\"", 1234567 + _i, numbers[_i].path);
	ck_assert_says(page(), want);
	number->known = false;
	(void)snprintf(want, sizeof(want), "data-api=\"%s\"", numbers[_i].path);
	ck_assert_silent(page(), want);
	ck_assert_well_formed(page());
}
END_TEST

START_TEST(parts_that_arent_known_are_left_out)
{
	set("healthy");
	ck_assert_says(page(), "id=\"history-week\"");
	ck_assert_says(page(), "id=\"namespaces\"");
	ck_assert_silent(page(), "id=\"census\"");
	view.recent = NULL;
	snapshot.namespaces = 0;
	snapshot.actions = 0;
	snapshot.source[0] = '\0';
	ck_assert_silent(page(), "id=\"history-week\"");
	ck_assert_says(page(), "No history yet");
	ck_assert_silent(page(), "id=\"namespaces\"");
	ck_assert_says(page(), "has changed nothing");
	ck_assert_silent(page(), "counters.own");
}
END_TEST

START_TEST(what_waits_is_told)
{
	set("healthy");
	ck_assert_silent(page(), "Held.");
	snapshot.hold = true;
	ck_assert_says(page(), "until <code>conntune resume</code>");
	snapshot.hold_seconds = snapshot.confirm_seconds = (struct ct_real){ true, 75 };
	ck_assert_says(page(), "data-api=\"hold.seconds_left\">1 min 15 s</data>");
	ck_assert_says(page(), "data-api=\"confirm.seconds_left\">1 min 15 s</data>");
}
END_TEST

START_TEST(without_memory_nothing_is_written)
{
	struct text text = { .failed = true };

	set("full");
	page_write(&text, &view);
	ck_assert_uint_eq(text.n, 0);
	text_free(&text);
}
END_TEST

/* Words for people, by the function that makes them. */
static void digits(struct text *out, double v)
{
	people_digits(out, (uint64_t)v);
}

static void size(struct text *out, double v)
{
	people_size(out, (uint64_t)v);
}

static void date(struct text *out, double v)
{
	people_date(out, (int64_t)v);
}

static const struct {
	void (*make)(struct text *out, double v);
	double v;
	const char *want;
} words[] = {
	{ digits, 0, "0" },
	{ digits, 999, "999" },
	{ digits, 1000, "1\u202f000" },
	{ digits, 1002003, "1\u202f002\u202f003" },
	{ people_short, 0, "0" },
	{ people_short, 65536, "65.5k" },
	{ people_short, 999999, "1M" },
	{ people_span, 0, "0 s" },
	{ people_span, 0.0028, "2.8 ms" },
	{ people_span, 0.00000042, "0.42 \u00b5s" },
	{ people_span, 59.4, "59.4 s" },
	{ people_span, 60, "1 min" },
	{ people_span, 125, "2 min 5 s" },
	{ people_span, 432000, "5 d" },
	{ people_span, 90061, "1 d 1 h" },
	{ people_span, -1, "0 s" },
	{ people_span, NAN, "0 s" },
	{ size, 384, "384 bytes" },
	{ size, 1048576, "1 MiB" },
	{ size, 1717986918, "1.6 GiB" },
	{ date, 0, "1 Jan 00:00" },
	{ date, 1795676000, "26 Nov 06:53" },
	{ date, -5, "1 Jan 00:00" },
	{ people_odds, 0, "fewer than one in a million million" },
	{ people_odds, 0.36, "36 of 100" },
	{ people_odds, 1 / 2412.0, "one in 2\u202f400" },
	{ people_odds, NAN, "fewer than one in a million million" },
};

START_TEST(people_read_it_so)
{
	struct text text = { 0 };

	words[_i].make(&text, words[_i].v);
	ck_assert_str_eq(text.bytes, words[_i].want);
	text_free(&text);
}
END_TEST

/* Two hours, one of them missing in between, and a drop at the end. */
static void draw(struct text *out, struct ct_recent_row *row, uint64_t limit)
{
	const struct svg_history h = {
		.words = { "x", "title", "description" },
		.row = row,
		.rows = 60,
		.begin = 0,
		.end = 7200,
		.seconds = 60,
		.tick_seconds = 3600,
		.height = 100,
		.level = { { "limit", "level-limit", { true, limit } } },
	};

	svg_history(out, &h);
}

START_TEST(a_picture_shows_gaps_and_losses)
{
	struct ct_recent_row row[60] = { 0 };
	struct text text = { 0 };
	const char *peak;

	for (int i = 0; i < 60; i++)
		row[i] = (struct ct_recent_row){
			.begin = 60 * (i < 30 ? i : i + 60), .peak = 500, .mean = 400, .limit = 1000
		};
	draw(&text, row, 1000);
	ck_assert_well_formed(text.bytes);
	peak = strstr(text.bytes, "class=\"peak\"");
	ck_assert_ptr_nonnull(peak);
	/* half of 1080, which is what the scale ends with */
	ck_assert_says(peak, "d=\"M0 1000V537h30V1000zM90 1000V537h30V1000z\"");
	ck_assert_silent(text.bytes, "dropped");
	text_free(&text);
	row[59].drops = 1;
	draw(&text, row, 1000);
	ck_assert_says(text.bytes, "dropped");
	ck_assert_says(text.bytes, "class=\"lost\" vector-effect=\"non-scaling-stroke\" d=\"M119 1h1\"");
	text_free(&text);
}
END_TEST

START_TEST(few_entries_are_seen_below_a_high_limit)
{
	struct ct_recent_row row = { .peak = 100, .mean = 90 };
	struct svg_history h = {
		.row = &row, .rows = 1, .end = 60, .seconds = 60, .level = { { .v = { true, 1000000 } } }
	};

	ck_assert(svg_history_is_log(&h));
	h.level[0].v.v = 1000;
	ck_assert(!svg_history_is_log(&h));
	/* a ceiling that is far away changes nothing */
	h.level[2].v = (struct ct_u64){ true, 1000000000 };
	ck_assert(!svg_history_is_log(&h));
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("page");
	TCase *tc = tcase_create("page");

	tcase_add_test(tc, clock_that_is_not_set_makes_a_page);
	tcase_add_loop_test(tc, the_verdict_is_in_words, 0, ct_array_size(verdicts));
	tcase_add_test(tc, without_a_snapshot_the_page_says_why);
	tcase_add_loop_test(tc, a_state_that_matters_is_in_the_verdict, 0, ct_array_size(troubles));
	tcase_add_loop_test(tc, the_page_is_well_formed, 0, 16);
	tcase_add_test(tc, nothing_from_outside_is_markup);
	tcase_add_test(tc, the_longest_words_fit);
	tcase_add_loop_test(tc, a_number_is_exact_or_absent, 0, ct_array_size(numbers));
	tcase_add_test(tc, parts_that_arent_known_are_left_out);
	tcase_add_test(tc, what_waits_is_told);
	tcase_add_test(tc, without_memory_nothing_is_written);
	tcase_add_loop_test(tc, people_read_it_so, 0, ct_array_size(words));
	tcase_add_test(tc, a_picture_shows_gaps_and_losses);
	tcase_add_test(tc, few_entries_are_seen_below_a_high_limit);
	suite_add_tcase(s, tc);
	return s;
}
