/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics of made-up snapshots: what is there, what isn't, how it is written. tests/integration/http-formats.sh has
 * real parsers read it. */
#include "config.h"
#include "check.h"
#include "situations.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <conntune/chain.h>

#define BOOT UINT64_C(90000000000)
#define UNIX INT64_C(1700000000000000)

/* One view, filled by each test as it likes; the text lives until the next call of made(). */
struct scene {
	struct ct_snapshot snapshot;
	struct view_observed observed;
	struct view_self self;
	struct view view;
	struct text text;
};

static struct scene scene;

static void set_up(void)
{
	(void)memset(&scene, 0, sizeof(scene));
	ck_assert(situation_fill(&scene.snapshot, "healthy", BOOT, UNIX));
	scene.self.requests[0].path = "/metrics";
	scene.self.scrape_seconds.n = 6;
	for (int i = 0; i < 6; i++)
		scene.self.scrape_seconds.bound[i] = i + 1;
	scene.view = (struct view){ .snapshot = &scene.snapshot, .self = &scene.self, .observed = &scene.observed };
}

static void tear_down(void)
{
	text_free(&scene.text);
}

static const char *made(enum metrics_format format)
{
	text_free(&scene.text);
	metrics_write(&scene.text, &scene.view, format);
	ck_assert(!scene.text.failed);
	return scene.text.bytes;
}

static size_t series(const char *text)
{
	size_t n = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		n += *line != '#';
	return n;
}

/* One line as a whole. */
static bool has(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

#define assert_has(text, line) ck_assert_msg(has((text), (line)), "lacks '%s'", (line))
#define assert_lacks(text, words) ck_assert_msg(!strstr((text), (words)), "has '%s'", (words))

START_TEST(every_situation_has_fewer_than_200_series)
{
	const char *name = situation_name((size_t)_i);

	ck_assert(situation_fill(&scene.snapshot, name, BOOT, UNIX));
	ck_assert_msg(series(made(METRICS_TEXT)) < 200, "%s: %zu", name, series(made(METRICS_TEXT)));
	ck_assert_uint_eq(series(made(METRICS_TEXT)), series(made(METRICS_OPEN)));
}
END_TEST

/* All that there is room for in the structs. */
static void fill_up(void)
{
	struct ct_snapshot *s = &scene.snapshot;

	for (size_t i = 0; i < CT_COUNTER__COUNT; i++)
		s->own_counter[i] = s->watched_counter[i] = (struct ct_u64){ true, i };
	for (size_t i = 0; i < CT_PARAM__COUNT; i++)
		s->value[i].known = true;
	s->reasons = CT_SNAPSHOT_REASONS;
	for (unsigned i = 0; i < CT_SNAPSHOT_REASONS; i++) {
		(void)snprintf(s->reason_count[i].name, sizeof(s->reason_count[i].name), "reason-%u", i);
		s->reason_count[i].done = s->reason_count[i].advised = s->reason_count[i].failed = 1;
	}
	s->states = CT_SNAPSHOT_STATES;
	s->tops = CT_NETNS_TOP;
	s->look_seconds.n = s->stall_seconds.n = scene.self.scrape_seconds.n = CT_SNAPSHOT_BOUNDS;
	s->timeouts_scale = s->confirm_seconds = s->full_in_seconds = (struct ct_real){ true, 1 };
	s->cause.healthy = false;
	for (int i = 0; i < VIEW_PATHS; i++)
		scene.self.requests[i].path = "/x",
		scene.self.requests[i].ok = scene.self.requests[i].client = scene.self.requests[i].server = 1;
	scene.observed.chains_known = scene.observed.census_known = true;
	scene.observed.lengths = VIEW_CHAINS;
	scene.observed.groups = VIEW_GROUPS;
	scene.view.scrape_peak = (struct ct_u64){ true, 1 };
	scene.view.node_names = true;
}

/* metrics.c is built here with the bound that says how many (Makemodule.am): fewer than all of these would be. */
START_TEST(never_more_than_the_bound_and_no_half_family)
{
	const char *text;

	fill_up();
	text = made(METRICS_OPEN);
	ck_assert_uint_le(series(text), SERIES_MAX);
	ck_assert_uint_gt(series(text), SERIES_MAX - 50);
	assert_lacks(text, "node_nf_conntrack_stat_search_restart");
	ck_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
	for (const char *at = strstr(text, "# TYPE "); at; at = strstr(at + 1, "# TYPE "))
		ck_assert_msg(strchr(strchr(at, '\n') + 1, '\n')[1] != '\0', "a head without samples");
}
END_TEST

START_TEST(what_is_not_known_is_absent)
{
	struct ct_snapshot *s = &scene.snapshot;
	const char *text;

	s->limit.known = s->all_entries.known = s->unreplied.known = false;
	s->own_counter[CT_COUNTER_DROP].known = false;
	text = made(METRICS_TEXT);
	assert_lacks(text, "conntune_limit");
	assert_lacks(text, "conntune_all_entries");
	assert_lacks(text, "conntune_load");
	assert_lacks(text, "conntune_refused_ratio");
	assert_lacks(text, "conntune_expected_chain_length");
	assert_lacks(text, "conntune_unreplied_ratio");
	assert_lacks(text, "conntune_drop_total");
	assert_lacks(text, "conntune_entries_scrape_peak");
	assert_lacks(text, "conntune_exact_chain_length");
	assert_lacks(text, "conntune_census");
	assert_lacks(text, "conntune_cause_info");
	assert_lacks(text, "node_nf_conntrack");
	assert_has(text, "conntune_entries 24000");
}
END_TEST

START_TEST(no_limit_is_an_absent_limit)
{
	scene.snapshot.limit.v = 0;
	assert_lacks(made(METRICS_TEXT), "conntune_limit");
}
END_TEST

START_TEST(old_numbers_are_not_told_as_new_ones)
{
	const char *text;

	scene.view.old = true;
	scene.view.age_seconds = 12.5;
	text = made(METRICS_TEXT);
	assert_lacks(text, "conntune_");
	assert_lacks(text, "conntuned_mode");
	assert_has(text, "conntuned_up 0");
	assert_has(text, "conntuned_snapshot_age_seconds 12.5");
	assert_has(text, "process_cpu_seconds_total 0");
	scene.view.snapshot = NULL;
	text = made(METRICS_OPEN);
	assert_has(text, "conntuned_up 0");
	assert_lacks(text, "snapshot_age");
}
END_TEST

static const struct {
	double v;
	const char *text;
} numbers[] = {
	{ 0, "0" },
	{ 0.1, "0.1" },
	{ 1, "1" },
	{ -3.5, "-3.5" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 1e-5, "1e-05" },
	{ 1e300, "1e+300" },
	{ 123456789012345.0, "123456789012345" },
	{ NAN, NULL },
	{ INFINITY, NULL },
	{ -INFINITY, NULL },
};

START_TEST(reals_are_short_and_exact)
{
	char line[80];

	scene.snapshot.rate.v = numbers[_i].v;
	if (!numbers[_i].text) {
		assert_lacks(made(METRICS_TEXT), "conntune_entries_growth_per_second");
		return;
	}
	(void)snprintf(line, sizeof(line), "conntune_entries_growth_per_second %s", numbers[_i].text);
	assert_has(made(METRICS_TEXT), line);
	ck_assert_double_eq(strtod(numbers[_i].text, NULL), numbers[_i].v);
}
END_TEST

START_TEST(whole_numbers_stay_whole)
{
	scene.snapshot.own_counter[CT_COUNTER_DROP].v = UINT64_MAX;
	scene.snapshot.entries.v = (UINT64_C(1) << 53) + 1;
	assert_has(made(METRICS_TEXT), "conntune_drop_total{netns=\"own\"} 18446744073709551615");
	assert_has(made(METRICS_TEXT), "conntune_entries 9007199254740993");
}
END_TEST

static const struct {
	const char *name, *label;
} labels[] = {
	{ "plain", "plain" },          { "a\"b", "a\\\"b" },
	{ "a\\b", "a\\\\b" },          { "\n\r\t\x7f", "????" },
	{ "\033[31mred", "?[31mred" }, { "\xff\xc3\xa9", "???" },
	{ "} 1\n# EOF", "} 1?# EOF" }, { "", "" },
};

START_TEST(labels_are_escaped_and_printable)
{
	char line[200];

	scene.snapshot.tops = 1;
	(void)snprintf(scene.snapshot.top[0].name, sizeof(scene.snapshot.top[0].name), "%s", labels[_i].name);
	(void)snprintf(line, sizeof(line), "conntune_namespace_entries{inode=\"4026531840\",name=\"%s\"} 24000",
		       labels[_i].label);
	assert_has(made(METRICS_TEXT), line);
	assert_has(made(METRICS_OPEN), line);
}
END_TEST

/* Of all tunables of all kernels, so that no two can ever be the same series. */
START_TEST(timeouts_have_names_of_their_own)
{
	const char *text, *end, *next;

	for (size_t i = 0; i < CT_PARAM__COUNT; i++)
		scene.snapshot.value[i].known = true;
	text = made(METRICS_TEXT);
	for (const char *at = strstr(text, "\nconntune_timeout_seconds{"); at; at = next) {
		end = strchr(at, '}');
		next = strstr(at + 1, "\nconntune_timeout_seconds{");
		for (const char *other = next; other; other = strstr(other + 1, "\nconntune_timeout_seconds{"))
			ck_assert_msg(strncmp(at, other, (size_t)(end - at) + 1) != 0, "twice: %.60s", at);
	}
	ck_assert_ptr_nonnull(strstr(text, "{timeout=\"tcp_established\"} 432000\n"));
	ck_assert_ptr_nonnull(strstr(text, "{timeout=\"udp_stream\"} 120\n"));
	ck_assert_ptr_nonnull(strstr(text, "{timeout=\"generic\"} 600\n"));
	ck_assert_ptr_nonnull(strstr(text, "{timeout=\"flowtable_tcp\"}"));
	assert_lacks(text, "timeout=\"tcp_loose");
}
END_TEST

START_TEST(every_counter_has_a_help_of_its_own)
{
	const char *text;

	fill_up();
	scene.view.node_names = false;
	scene.observed.census_known = false;
	scene.snapshot.reasons = 0;
	text = made(METRICS_OPEN);
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++) {
		char line[80];
		const char *at;

		(void)snprintf(line, sizeof(line), "# HELP conntune_%s ", ct_counter_name(i));
		at = strstr(text, line);
		ck_assert_msg(at && at[strlen(line)] != '(' && at[strlen(line)] != '\n', "%s", line);
		(void)snprintf(line, sizeof(line), "conntune_%s_total{netns=\"watched\"} %u", ct_counter_name(i),
			       i);
		assert_has(text, line);
	}
}
END_TEST

static uint64_t value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	ck_assert_msg(at, "lacks '%s'", name);
	return strtoull(at + strlen(name), NULL, 10);
}

START_TEST(expected_chains_are_those_of_the_model)
{
	struct ct_snapshot *s = &scene.snapshot;
	double counts[53], sum = 0;
	const char *text;

	s->all_entries.v = 400000;
	s->buckets.v = 65536;
	ct_chain_histogram(ct_chain_load(400000, 65536), 65536, counts, 53);
	text = made(METRICS_OPEN);
	for (unsigned i = 0; i <= 51; i++) {
		char name[80];

		sum += counts[i];
		(void)snprintf(name, sizeof(name), "conntune_expected_chain_length_bucket{le=\"%u.0\"} ", i);
		if (strstr(text, name))
			ck_assert_double_le(fabs((double)value_of(text, name) - sum), 1);
	}
	assert_has(text, "conntune_expected_chain_length_bucket{le=\"+Inf\"} 65536");
	assert_has(text, "conntune_expected_chain_length_gcount 65536");
	assert_has(text, "conntune_expected_chain_length_gsum 800000");
	assert_has(text, "# TYPE conntune_expected_chain_length gaugehistogram");
	text = made(METRICS_TEXT);
	assert_has(text, "# TYPE conntune_expected_chain_length histogram");
	assert_has(text, "# TYPE conntune_expected_chain_length_gcount gauge");
	assert_has(text, "conntune_expected_chain_length_gcount 65536");
}
END_TEST

/* Lengths 0, 1, 2, ... with 1, 2, 3, ... buckets; a table of few lengths, and one of all that are told apart. */
static const struct {
	uint32_t lengths;
	unsigned bound;
	uint64_t upto;
} exact[] = {
	{ 1, 0, 1 }, { 1, 51, 1 }, { 3, 0, 1 },   { 3, 1, 3 },      { 3, 2, 6 },
	{ 3, 4, 6 }, { 3, 51, 6 }, { 64, 4, 15 }, { 64, 51, 1378 }, { 64, 16, 153 },
};

START_TEST(exact_chains_add_up)
{
	char line[100];

	scene.observed.chains_known = true;
	scene.observed.lengths = exact[_i].lengths;
	scene.observed.chains_nodes = 77;
	for (uint32_t i = 0; i < exact[_i].lengths; i++)
		scene.observed.buckets_of[i] = i + 1;
	(void)snprintf(line, sizeof(line), "conntune_exact_chain_length_bucket{le=\"%u.0\"} %" PRIu64, exact[_i].bound,
		       exact[_i].upto);
	assert_has(made(METRICS_TEXT), line);
	(void)snprintf(line, sizeof(line), "conntune_exact_chain_length_bucket{le=\"+Inf\"} %" PRIu32,
		       exact[_i].lengths * (exact[_i].lengths + 1) / 2);
	assert_has(made(METRICS_TEXT), line);
	assert_has(made(METRICS_TEXT), "conntune_exact_chain_length_gsum 77");
}
END_TEST

START_TEST(refused_is_what_the_chain_limit_refuses)
{
	const struct ct_kernel kernel = { .chain_limit_min = 8, .chain_limit_max = 31 };
	const char *text;
	double p;

	scene.snapshot.all_entries.v = 8 * scene.snapshot.buckets.v;
	scene.snapshot.chain_limit_min = 8;
	scene.snapshot.chain_limit_max = 31;
	text = made(METRICS_TEXT);
	p = strtod(strstr(text, "\nconntune_refused_ratio ") + strlen("\nconntune_refused_ratio "), NULL);
	ck_assert_double_eq(p, ct_chain_p_refused(16, &kernel));
	ck_assert_double_gt(p, 0.1);
	scene.snapshot.chain_limit_min = scene.snapshot.chain_limit_max = 0;
	assert_has(made(METRICS_TEXT), "conntune_refused_ratio 0");
}
END_TEST

START_TEST(histograms_are_cumulative)
{
	struct ct_snapshot_histogram *h = &scene.snapshot.stall_seconds;
	const char *text;

	(void)memset(h, 0, sizeof(*h));
	h->n = 2;
	h->bound[0] = 0.05;
	h->bound[1] = 1;
	ct_snapshot_count(h, 0.05);
	ct_snapshot_count(h, 0.25);
	ct_snapshot_count(h, 0.5);
	ct_snapshot_count(h, 7);
	text = made(METRICS_TEXT);
	assert_has(text, "conntuned_stall_seconds_bucket{le=\"0.05\"} 1");
	assert_has(text, "conntuned_stall_seconds_bucket{le=\"1.0\"} 3");
	assert_has(text, "conntuned_stall_seconds_bucket{le=\"+Inf\"} 4");
	assert_has(text, "conntuned_stall_seconds_sum 7.8");
	assert_has(text, "conntuned_stall_seconds_count 4");
}
END_TEST

START_TEST(one_state_of_all_holds)
{
	const char *text;

	scene.snapshot.state = 4;
	text = made(METRICS_OPEN);
	assert_has(text, "# TYPE conntuned_state stateset");
	assert_has(text, "conntuned_state{conntuned_state=\"growth\"} 1");
	assert_has(text, "conntuned_state{conntuned_state=\"rest\"} 0");
	assert_has(made(METRICS_TEXT), "# TYPE conntuned_state gauge");
}
END_TEST

/* Names of families and units differ between the formats, samples never. */
static const struct {
	enum metrics_format format;
	const char *line;
} heads[] = {
	{ METRICS_TEXT, "# TYPE conntune_drop_total counter" },
	{ METRICS_OPEN, "# TYPE conntune_drop counter" },
	{ METRICS_TEXT, "# TYPE conntuned_build_info gauge" },
	{ METRICS_OPEN, "# TYPE conntuned_build info" },
	{ METRICS_OPEN, "# UNIT conntune_ram_bytes bytes" },
	{ METRICS_OPEN, "# UNIT conntuned_cpu_seconds seconds" },
	{ METRICS_TEXT, "conntuned_build_info{version=\"1.0\",kernel=\"6.1.0-42-amd64\"} 1" },
	{ METRICS_OPEN, "conntuned_build_info{version=\"1.0\",kernel=\"6.1.0-42-amd64\"} 1" },
	{ METRICS_OPEN, "conntuned_actions_total{reason=\"start\",result=\"done\"} 1" },
	{ METRICS_TEXT, "conntuned_actions_total{reason=\"chains\",result=\"failed\"} 0" },
	{ METRICS_TEXT, "conntuned_foreign_writes_total{parameter=\"buckets\"} 0" },
	{ METRICS_TEXT, "conntuned_yielded{parameter=\"limit\"} 0" },
};

START_TEST(heads_are_of_their_format)
{
	assert_has(made(heads[_i].format), heads[_i].line);
	assert_lacks(made(METRICS_TEXT), "# UNIT");
	assert_lacks(made(METRICS_TEXT), "# EOF");
}
END_TEST

START_TEST(node_exporters_names_are_all_ten)
{
	const char *text;
	size_t n = 0;

	scene.view.node_names = true;
	text = made(METRICS_TEXT);
	for (const char *at = strstr(text, "\nnode_nf_conntrack_"); at; at = strstr(at + 1, "\nnode_nf_conntrack_"))
		n++;
	ck_assert_uint_eq(n, 10);
	assert_has(text, "node_nf_conntrack_entries 24000");
	assert_has(text, "node_nf_conntrack_stat_ignore 0");
	assert_has(text, "node_nf_conntrack_stat_insert_failed 17");
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");
	size_t situations = 0;

	while (situation_name(situations))
		situations++;
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, every_situation_has_fewer_than_200_series, 0, (int)situations);
	tcase_add_test(tcase, never_more_than_the_bound_and_no_half_family);
	tcase_add_test(tcase, what_is_not_known_is_absent);
	tcase_add_test(tcase, no_limit_is_an_absent_limit);
	tcase_add_test(tcase, old_numbers_are_not_told_as_new_ones);
	tcase_add_loop_test(tcase, reals_are_short_and_exact, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tcase, whole_numbers_stay_whole);
	tcase_add_loop_test(tcase, labels_are_escaped_and_printable, 0, sizeof(labels) / sizeof(labels[0]));
	tcase_add_test(tcase, timeouts_have_names_of_their_own);
	tcase_add_test(tcase, every_counter_has_a_help_of_its_own);
	tcase_add_test(tcase, expected_chains_are_those_of_the_model);
	tcase_add_loop_test(tcase, exact_chains_add_up, 0, sizeof(exact) / sizeof(exact[0]));
	tcase_add_test(tcase, refused_is_what_the_chain_limit_refuses);
	tcase_add_test(tcase, histograms_are_cumulative);
	tcase_add_test(tcase, one_state_of_all_holds);
	tcase_add_loop_test(tcase, heads_are_of_their_format, 0, sizeof(heads) / sizeof(heads[0]));
	tcase_add_test(tcase, node_exporters_names_are_all_ten);
	suite_add_tcase(suite, tcase);
	return suite;
}
