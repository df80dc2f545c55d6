/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters: what kernels send and print, overflow and new beginnings, and which source is taken. */
#include "config.h"
#include "check.h"
#include "peer.h"
#include "stats_internal.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define CPU_ANSWER 0x0104
#define GLOBAL_ANSWER 0x0105
#define EXPECT_ANSWER 0x0103            /* subsystem 1, as kernels have it wrong */

static const struct ct_kver v6_18 = { 6, 18, 0 };
static struct peer peer;
static struct ct_err err;
static const char *root;
static struct ct_fs *fs;
static struct ct_stats *stats;

static void setup(void)
{
	root = scratch_dir();
	put_file(root, "proc/sys/net/netfilter/nf_conntrack_count", "42\n");
	ck_assert_int_eq(ct_fs_new(&fs, root, &err), 0);
}

static void teardown(void)
{
	stats = ct_stats_free(stats);
	ck_assert_ptr_null(stats);
	fs = ct_fs_free(fs);
}

static void setup_peer(void)
{
	setup();
	peer_open(&peer);
	ck_assert_int_eq(ct_stats_new_with(&stats, fs, &v6_18, &peer.nl, 2, &err), 0);
	ck_assert_int_eq(peer.nl.fd, -1);
}

static void teardown_peer(void)
{
	teardown();
	peer_close(&peer);
}

START_TEST(each_counter_has_a_name_of_its_own)
{
	for (int i = 0; i < CT_COUNTER__COUNT; i++) {
		ck_assert_ptr_nonnull(ct_counter_name((enum ct_counter)i));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(ct_counter_name((enum ct_counter)i), ct_counter_name((enum ct_counter)j));
	}
	ck_assert_str_eq(ct_counter_name(CT_COUNTER_CHAIN_TOO_LONG), "chain_too_long");
	ck_assert_ptr_null(ct_counter_name(CT_COUNTER__COUNT));
}
END_TEST

START_TEST(each_source_has_a_name)
{
	ck_assert_str_eq(ct_stats_source_name(CT_STATS_NETLINK), "netlink");
	ck_assert_str_eq(ct_stats_source_name(CT_STATS_PROC), "proc");
	ck_assert_str_eq(ct_stats_source_name(CT_STATS_COUNT), "count");
	ck_assert_ptr_null(ct_stats_source_name((enum ct_stats_source)3));
}
END_TEST

static const struct {
	struct ct_kver v;
	bool searched, created, ignore;
} lives[] = {
	{ .v = { 2, 6, 18 }, .searched = true, .created = true, .ignore = true },
	{ .v = { 4, 8, 17 }, .searched = true, .created = true, .ignore = true },
	{ .v = { 4, 9, 0 }, .ignore = true },
	{ .v = { 5, 9, 16 }, .ignore = true },
	{ .v = { 5, 10, 0 } },
	{ .v = { 6, 18, 44 } },
	{ .v = { 0 }, .searched = true, .created = true, .ignore = true },
};

START_TEST(counters_that_a_kernel_no_longer_counts_are_dead)
{
	uint32_t alive = ct_stats_alive(&lives[_i].v);

	ck_assert_int_eq(alive >> CT_COUNTER_SEARCHED & 1, lives[_i].searched);
	ck_assert_int_eq(alive >> CT_COUNTER_NEW & 1, lives[_i].created);
	ck_assert_int_eq(alive >> CT_COUNTER_IGNORE & 1, lives[_i].ignore);
	ck_assert_int_eq(alive >> CT_COUNTER_DROP & 1, 1);
}
END_TEST

static const struct {
	uint32_t before, now, step;
	bool restarted;
} steps[] = {
	{ .before = 0, .now = 0, .step = 0 },
	{ .before = 5, .now = 5, .step = 0 },
	{ .before = 5, .now = 12, .step = 7 },
	{ .before = 0, .now = UINT32_MAX, .step = UINT32_MAX },
	{ .before = UINT32_MAX, .now = 0, .step = 1 },
	{ .before = UINT32_MAX - 9, .now = 10, .step = 20 },
	{ .before = UINT32_C(1) << 31, .now = 0, .step = 0, .restarted = true },
	{ .before = (UINT32_C(1) << 31) + 1, .now = 0, .step = INT32_MAX },
	{ .before = 100, .now = 99, .step = 99, .restarted = true },
	{ .before = 100, .now = 0, .step = 0, .restarted = true },
};

START_TEST(step_back_is_an_overflow_if_that_is_shorter)
{
	struct ct_widened w = { .sum[CT_COUNTER_DROP] = 1000 };
	struct ct_raw now = { .present = 1 << CT_COUNTER_DROP, .v[CT_COUNTER_DROP] = steps[_i].now };

	w.last.v[CT_COUNTER_DROP] = steps[_i].before;
	ck_assert_int_eq(ct_stats_restarted(&w, &now), steps[_i].restarted);
	ct_stats_widen(&w, &now, steps[_i].restarted);
	ck_assert_uint_eq(w.sum[CT_COUNTER_DROP], 1000 + (uint64_t)steps[_i].step);
	ck_assert_uint_eq(w.last.v[CT_COUNTER_DROP], steps[_i].now);
}
END_TEST

START_TEST(counter_that_is_absent_once_keeps_its_sum)
{
	struct ct_widened w = { .last.v[CT_COUNTER_DROP] = 7, .sum[CT_COUNTER_DROP] = 7 };
	const struct ct_raw without = { 0 };
	const struct ct_raw with = { .present = 1 << CT_COUNTER_DROP, .v[CT_COUNTER_DROP] = 9 };

	ck_assert(!ct_stats_restarted(&w, &without));
	ct_stats_widen(&w, &without, false);
	ck_assert_uint_eq(w.sum[CT_COUNTER_DROP], 7);
	ct_stats_widen(&w, &with, false);
	ck_assert_uint_eq(w.sum[CT_COUNTER_DROP], 9);
}
END_TEST

START_TEST(rate_is_per_second_of_what_both_samples_know)
{
	struct ct_sample a = { 0 }, b = { 0 };

	ck_assert(!ct_stats_rate(&a, &b, CT_COUNTER_DROP, 2).known);
	b.counter[CT_COUNTER_DROP] = (struct ct_u64){ .known = true, .v = 30 };
	ck_assert(!ct_stats_rate(&a, &b, CT_COUNTER_DROP, 2).known);
	a.counter[CT_COUNTER_DROP] = (struct ct_u64){ .known = true, .v = 10 };
	ck_assert(ct_stats_rate(&a, &b, CT_COUNTER_DROP, 2).known);
	ck_assert_double_eq(ct_stats_rate(&a, &b, CT_COUNTER_DROP, 2).v, 10);
	ck_assert(!ct_stats_rate(&a, &b, CT_COUNTER_DROP, 0).known);
	b.restarted = true;
	ck_assert(!ct_stats_rate(&a, &b, CT_COUNTER_DROP, 2).known);
}
END_TEST

START_TEST(attributes_of_one_cpu_are_read)
{
	struct ct_raw raw = { 0 };
	uint32_t cpu = 0;

	peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI, 1, 258);
	peer_u32(&peer, CTA_STATS_DROP, 0x01020304);
	peer_u32(&peer, CTA_STATS_CHAIN_TOOLONG, 5);
	peer_u32(&peer, 99, 6);
	mnl_attr_put_u16(peer.last, CTA_STATS_ERROR, 7);
	mnl_attr_put_u64(peer.last, CTA_STATS_INVALID, 8);
	peer_u32(&peer, NLA_F_NESTED | CTA_STATS_EARLY_DROP, 9);
	ck_assert_int_eq(ct_stats_parse_cpu(peer.last, false, &cpu, &raw), 0);
	ck_assert_uint_eq(cpu, 258);
	ck_assert_uint_eq(raw.present, 1 << CT_COUNTER_DROP | 1 << CT_COUNTER_CHAIN_TOO_LONG |
				       1 << CT_COUNTER_EARLY_DROP);
	ck_assert_uint_eq(raw.v[CT_COUNTER_DROP], 0x01020304);
	ck_assert_uint_eq(raw.v[CT_COUNTER_CHAIN_TOO_LONG], 5);
}
END_TEST

START_TEST(attributes_of_the_expectation_table_are_others)
{
	struct ct_raw raw = { 0 };
	uint32_t cpu;

	peer_answer(&peer, EXPECT_ANSWER, NLM_F_MULTI, 1, 0);
	peer_u32(&peer, CTA_STATS_EXP_NEW, 1);
	peer_u32(&peer, CTA_STATS_EXP_CREATE, 2);
	peer_u32(&peer, CTA_STATS_EXP_DELETE, 3);
	ck_assert_int_eq(ct_stats_parse_cpu(peer.last, true, &cpu, &raw), 0);
	ck_assert_uint_eq(raw.present, 7 << CT_COUNTER_EXPECT_NEW);
	ck_assert_uint_eq(raw.v[CT_COUNTER_EXPECT_DELETE], 3);
}
END_TEST

START_TEST(attribute_that_claims_too_much_ends_the_list)
{
	struct ct_raw raw = { 0 };
	struct nlattr *a;
	uint32_t cpu;

	peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI, 1, 0);
	peer_u32(&peer, CTA_STATS_DROP, 1);
	a = mnl_nlmsg_get_payload_tail(peer.last);
	peer_u32(&peer, CTA_STATS_ERROR, 2);
	a->nla_len = 4096;
	ck_assert_int_eq(ct_stats_parse_cpu(peer.last, false, &cpu, &raw), 0);
	ck_assert_uint_eq(raw.present, 1 << CT_COUNTER_DROP);
}
END_TEST

START_TEST(answer_without_its_header_is_refused)
{
	struct ct_u64 entries, limit;
	struct ct_raw raw = { 0 };
	uint32_t cpu;

	(void)peer_put(&peer, CPU_ANSWER, 0, 1);
	ck_assert_int_eq(ct_stats_parse_cpu(peer.last, false, &cpu, &raw), -EBADMSG);
	ck_assert_int_eq(ct_stats_parse_global(peer.last, &entries, &limit), -EBADMSG);
}
END_TEST

/* Columns: entries first; headers as kernels print them. */
#define HEAD_16 "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop " \
	"icmp_error  expect_new expect_create expect_delete"
#define HEAD_17 HEAD_16 " search_restart\n"
#define HEAD_5_10 "entries  clashres found new invalid ignore delete delete_list insert insert_failed drop " \
	"early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
#define HEAD_5_15 "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop " \
	"early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
#define LINE_16 "00000011  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a " \
	"0000000b 0000000c  0000000d 0000000e 0000000f"
#define LINE_17 LINE_16 " 00000010 \n"

static const struct {
	const char *name, *text;
	int cpus;
	enum ct_counter second, eighth;
	bool search_restart;
} texts[] = {
	{ .name = "2.6.32", .text = HEAD_16 "\n" LINE_16 " \n", .cpus = 1,
	  .second = CT_COUNTER_SEARCHED, .eighth = CT_COUNTER_DELETE_LIST },
	{ .name = "3.10", .text = HEAD_17 LINE_17 LINE_17, .cpus = 2,
	  .second = CT_COUNTER_SEARCHED, .eighth = CT_COUNTER_DELETE_LIST, .search_restart = true },
	{ .name = "5.10", .text = HEAD_5_10 LINE_17, .cpus = 1,
	  .second = CT_COUNTER_CLASH_RESOLVE, .eighth = CT_COUNTER_DELETE_LIST, .search_restart = true },
	{ .name = "5.15", .text = HEAD_5_15 LINE_17 LINE_17 LINE_17, .cpus = 3,
	  .second = CT_COUNTER_CLASH_RESOLVE, .eighth = CT_COUNTER_CHAIN_TOO_LONG, .search_restart = true },
	{ .name = "one to come", .text = HEAD_16 " search_restart brand_new\n" LINE_16 " 00000010 00000011\n", .cpus = 1,
	  .second = CT_COUNTER_SEARCHED, .eighth = CT_COUNTER_DELETE_LIST, .search_restart = true },
};

START_TEST(columns_are_told_by_their_header)
{
	struct ct_raw raw[4] = { 0 };
	uint64_t entries = 0;

	ck_assert_int_eq(ct_stats_parse_proc(texts[_i].text, raw, 4, &entries), texts[_i].cpus);
	ck_assert_uint_eq(entries, 17);
	for (int cpu = 0; cpu < texts[_i].cpus; cpu++) {
		ck_assert_uint_eq(raw[cpu].v[texts[_i].second], 1);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_FOUND], 2);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_INVALID], 4);
		ck_assert_uint_eq(raw[cpu].v[texts[_i].eighth], 7);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_INSERT_FAILED], 9);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_DROP], 10);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_EARLY_DROP], 11);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_ERROR], 12);
		ck_assert_uint_eq(raw[cpu].v[CT_COUNTER_EXPECT_DELETE], 15);
		ck_assert_int_eq(raw[cpu].present >> CT_COUNTER_SEARCH_RESTART & 1, texts[_i].search_restart);
		ck_assert_uint_eq(raw[cpu].present & (1 << texts[_i].second | 1 << texts[_i].eighth),
				  1 << texts[_i].second | 1 << texts[_i].eighth);
	}
}
END_TEST

START_TEST(lines_beyond_the_last_cpu_are_left_out)
{
	struct ct_raw raw[2] = { 0 };
	uint64_t entries;

	ck_assert_int_eq(ct_stats_parse_proc(texts[3].text, raw, 2, &entries), 2);
}
END_TEST

#define MANY "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x "

static const char *const no_tables[] = {
	"", "\n", "entries", "entries drop", "entries drop\n", "drop entries\n1 2\n", "entries drop\n1\n",
	"entries drop\n1 2", "entries drop\n1 2 3\n", "entries drop\n1 g\n", "entries drop\n1 FF\n",
	"entries drop\n1 -1\n", "entries drop\n1 0x2\n", "entries drop\n1 123456789\n", "entries drop\n\n1 2\n",
	"entries drop\n1 2\n3\n", ("entries " MANY "\n1 2\n"), "\x7f\x45LF", "entrie drop\n1 2\n",
};

START_TEST(text_that_is_no_table_is_refused)
{
	struct ct_raw raw[2];
	uint64_t entries;

	ck_assert_int_eq(ct_stats_parse_proc(no_tables[_i], raw, 2, &entries), -EBADMSG);
}
END_TEST

/* All that a sample asks, as questions @seq and the two after it; each CPU has counted @drop, once less per CPU. */
static void queue_sample(uint32_t seq, uint32_t drop)
{
	for (uint16_t cpu = 0; cpu < 2; cpu++) {
		peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI, seq, cpu);
		peer_u32(&peer, CTA_STATS_DROP, drop - cpu);
		peer_u32(&peer, CTA_STATS_EARLY_DROP, 5);
	}
	peer_send(&peer);
	peer_done(&peer, 0, seq);
	peer_send(&peer);
	peer_answer(&peer, GLOBAL_ANSWER, NLM_F_MULTI, seq + 1, 0);
	peer_u32(&peer, CTA_STATS_GLOBAL_ENTRIES, 1234);
	peer_u32(&peer, CTA_STATS_GLOBAL_MAX_ENTRIES, 65536);
	peer_u32(&peer, 17, 1);
	peer_send(&peer);
	peer_error(&peer, 0, seq + 1);
	peer_send(&peer);
	peer_answer(&peer, EXPECT_ANSWER, NLM_F_MULTI, seq + 2, 1);
	peer_u32(&peer, CTA_STATS_EXP_NEW, 3);
	peer_send(&peer);
	peer_done(&peer, 0, seq + 2);
	peer_send(&peer);
}

static void sample(struct ct_sample *s)
{
	ck_assert_msg(ct_stats_sample(stats, s, &err) == 0, "%s", err.msg);
}

START_TEST(sample_adds_cpus_up)
{
	struct ct_sample s;

	queue_sample(1, 100);
	sample(&s);
	ck_assert_int_eq(s.source, CT_STATS_NETLINK);
	ck_assert_uint_eq(s.cpus, 2);
	ck_assert_uint_eq(s.entries.v, 1234);
	ck_assert(s.limit.known && s.limit.v == 65536);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
	ck_assert_uint_eq(s.counter[CT_COUNTER_EARLY_DROP].v, 10);
	ck_assert_uint_eq(s.counter[CT_COUNTER_EXPECT_NEW].v, 3);
	ck_assert(!s.restarted);
	ck_assert_uint_eq(ct_stats_cpu(stats, 1, CT_COUNTER_DROP).v, 99);
	ck_assert(!ct_stats_cpu(stats, 0, CT_COUNTER_EXPECT_NEW).known);
	ck_assert(!ct_stats_cpu(stats, 2, CT_COUNTER_DROP).known);
	ck_assert(!ct_stats_cpu(stats, 0, CT_COUNTER__COUNT).known);
}
END_TEST

START_TEST(counter_that_was_not_sent_is_unknown)
{
	struct ct_sample s;

	queue_sample(1, 100);
	sample(&s);
	ck_assert(!s.counter[CT_COUNTER_CHAIN_TOO_LONG].known);
	ck_assert(!s.counter[CT_COUNTER_NEW].known);
}
END_TEST

START_TEST(questions_are_the_three_of_ctnetlink)
{
	static const uint16_t types[] = { 0x0104, 0x0105, 0x0203 };
	struct ct_sample s;
	struct nlmsghdr h;

	queue_sample(1, 0);
	sample(&s);
	for (size_t i = 0; i < ct_array_size(types); i++) {
		ck_assert(peer_asked(&peer, &h));
		ck_assert_uint_eq(h.nlmsg_type, types[i]);
	}
	ck_assert(!peer_asked(&peer, &h));
}
END_TEST

START_TEST(sums_go_on_across_an_overflow)
{
	struct ct_sample s;

	queue_sample(1, UINT32_MAX);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 2 * (uint64_t)UINT32_MAX - 1);
	queue_sample(4, 9);
	sample(&s);
	ck_assert(!s.restarted);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 2 * (uint64_t)UINT32_MAX - 1 + 20);
}
END_TEST

START_TEST(sums_go_on_when_counters_begin_anew)
{
	struct ct_sample s;

	queue_sample(1, 1000);
	sample(&s);
	queue_sample(4, 10);
	sample(&s);
	ck_assert(s.restarted);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 1999 + 19);
	/* one that didn't go backwards began anew with the others */
	ck_assert_uint_eq(s.counter[CT_COUNTER_EARLY_DROP].v, 20);
	queue_sample(7, 11);
	sample(&s);
	ck_assert(!s.restarted);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 1999 + 21);
}
END_TEST

START_TEST(cpu_beyond_the_last_is_left_out)
{
	struct ct_sample s;

	peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI, 1, 2);
	peer_u32(&peer, CTA_STATS_DROP, 77);
	peer_send(&peer);
	queue_sample(1, 100);
	sample(&s);
	ck_assert_uint_eq(s.cpus, 2);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
}
END_TEST

START_TEST(answer_of_another_kind_is_skipped)
{
	struct ct_sample s;

	peer_answer(&peer, GLOBAL_ANSWER, NLM_F_MULTI, 1, 0);
	peer_u32(&peer, CTA_STATS_CHAIN_TOOLONG, 77);
	peer_send(&peer);
	queue_sample(1, 100);
	sample(&s);
	ck_assert(!s.counter[CT_COUNTER_CHAIN_TOO_LONG].known);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
}
END_TEST

static const int passing[] = { EBUSY, ENOBUFS, EINTR };

START_TEST(question_that_failed_for_a_moment_is_asked_again)
{
	struct ct_sample s;

	for (uint32_t seq = 1; seq <= 4; seq++) {
		peer_error(&peer, -passing[_i], seq);
		peer_send(&peer);
	}
	queue_sample(5, 100);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
}
END_TEST

START_TEST(question_that_keeps_failing_is_given_up)
{
	struct ct_sample s = { .cpus = 9 };

	for (uint32_t seq = 1; seq <= 5; seq++) {
		peer_error(&peer, -passing[_i], seq);
		peer_send(&peer);
	}
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -passing[_i], "0x0104");
	ck_assert_uint_eq(s.cpus, 9);
}
END_TEST

START_TEST(interrupted_dump_is_asked_again)
{
	struct ct_sample s;

	peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI | NLM_F_DUMP_INTR, 1, 0);
	peer_u32(&peer, CTA_STATS_DROP, 1);
	peer_send(&peer);
	/* the rest of it still comes, and is nobody's */
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	queue_sample(2, 100);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
}
END_TEST

START_TEST(sample_that_failed_half_way_leaves_nothing_behind)
{
	struct ct_sample s;

	peer_answer(&peer, CPU_ANSWER, NLM_F_MULTI, 1, 0);
	peer_u32(&peer, CTA_STATS_DROP, 5000);
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	(void)peer_put(&peer, GLOBAL_ANSWER, 0, 2);
	peer_send(&peer);
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -EBADMSG, "0x0105");
	queue_sample(3, 100);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
	ck_assert(!s.restarted);
}
END_TEST

START_TEST(answer_of_a_cpu_without_its_header_fails)
{
	struct ct_sample s;

	(void)peer_put(&peer, CPU_ANSWER, 0, 1);
	peer_send(&peer);
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -EBADMSG, "0x0104");
}
END_TEST

START_TEST(module_that_was_unloaded_is_not_asked)
{
	char path[256];
	struct ct_sample s;
	struct nlmsghdr h;

	(void)snprintf(path, sizeof(path), "%s/proc/sys/net/netfilter/nf_conntrack_count", root);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -ENOENT, "nf_conntrack_count");
	ck_assert(!peer_asked(&peer, &h));
}
END_TEST

START_TEST(netlink_module_that_was_unloaded_is_not_asked)
{
	struct ct_sample s;
	struct nlmsghdr h;

	stats = ct_stats_free(stats);
	peer_close(&peer);
	peer_open(&peer);
	put_file(root, "sys/module/nf_conntrack/initstate", "live\n");
	ck_assert_int_eq(ct_stats_new_with(&stats, fs, &v6_18, &peer.nl, 2, &err), 0);
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -ENOENT, "nf_conntrack_netlink");
	ck_assert(!peer_asked(&peer, &h));
	put_file(root, "sys/module/nf_conntrack_netlink/initstate", "live\n");
	queue_sample(1, 100);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 199);
}
END_TEST

static void put_table(const char *text)
{
	put_file(root, "proc/net/stat/nf_conntrack", text);
}

static int start(uint32_t cpus)
{
	return ct_stats_new(&stats, fs, &v6_18, cpus, &err);
}

START_TEST(captured_machine_is_read_from_proc)
{
	struct ct_sample s;

	put_table(HEAD_5_15 LINE_17 LINE_17);
	ck_assert_int_eq(start(2), 0);
	sample(&s);
	ck_assert_int_eq(s.source, CT_STATS_PROC);
	ck_assert_uint_eq(s.entries.v, 17);
	ck_assert(!s.limit.known);
	ck_assert_uint_eq(s.counter[CT_COUNTER_CHAIN_TOO_LONG].v, 14);
	ck_assert(!s.counter[CT_COUNTER_NEW].known);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 20);
	put_table(HEAD_5_15 LINE_17);
	sample(&s);
	ck_assert_uint_eq(s.cpus, 1);
	put_table("something else\n");
	ck_assert_failed(ct_stats_sample(stats, &s, &err), err, -EBADMSG, "isn't a table of counters");
}
END_TEST

/* 0 is taken for 1, and more than can be is no reason to ask for terabytes */
static const uint32_t cpu_counts[] = { 0, 1, UINT32_MAX };

START_TEST(any_number_of_cpus_will_do)
{
	struct ct_sample s;

	put_table(HEAD_5_15 LINE_17);
	ck_assert_int_eq(start(cpu_counts[_i]), 0);
	sample(&s);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 10);
}
END_TEST

START_TEST(without_counters_entries_are_left)
{
	struct ct_sample s;

	if (_i == 1)
		put_table("entries\nbroken");
	ck_assert_int_eq(start(2), 0);
	sample(&s);
	ck_assert_int_eq(s.source, CT_STATS_COUNT);
	ck_assert_uint_eq(s.entries.v, 42);
	for (int i = 0; i < CT_COUNTER__COUNT; i++)
		ck_assert(!s.counter[i].known);
}
END_TEST

#define HEAD_IP \
	"entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  " \
	"expect_new expect_create expect_delete\n"
#define LINE_IP \
	"000004d2  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a 0000000b " \
	"0000000c  0000000d 0000000e 0000000f\n"

/* Before 2.6.22 all of it has other names, but where nf_conntrack is there its own count. */
START_TEST(ip_conntrack_is_read_by_its_old_names)
{
	const struct ct_kver v2_6_18 = { 2, 6, 18 };
	struct ct_sample s;
	char path[256];

	put_file(root, "proc/net/stat/ip_conntrack", HEAD_IP LINE_IP LINE_IP);
	put_file(root, "proc/sys/net/ipv4/netfilter/ip_conntrack_count", "1234\n");
	ck_assert_int_eq(ct_stats_new(&stats, fs, &v2_6_18, 2, &err), 0);
	sample(&s);
	ck_assert_uint_eq(s.entries.v, 42);
	stats = ct_stats_free(stats);
	(void)snprintf(path, sizeof(path), "%s/proc/sys/net/netfilter/nf_conntrack_count", root);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(ct_stats_new(&stats, fs, &v2_6_18, 2, &err), 0);
	sample(&s);
	ck_assert_int_eq(s.source, CT_STATS_PROC);
	ck_assert_uint_eq(s.entries.v, 1234);
	ck_assert_uint_eq(s.counter[CT_COUNTER_DROP].v, 20);
	ck_assert_uint_eq(s.counter[CT_COUNTER_NEW].v, 6);
	ck_assert(!s.counter[CT_COUNTER_SEARCH_RESTART].known);
	stats = ct_stats_free(stats);
	put_file(root, "proc/net/stat/ip_conntrack", "broken\n");
	ck_assert_int_eq(ct_stats_new(&stats, fs, &v2_6_18, 2, &err), 0);
	sample(&s);
	ck_assert_int_eq(s.source, CT_STATS_COUNT);
	ck_assert_uint_eq(s.entries.v, 1234);
}
END_TEST

START_TEST(without_connection_tracking_there_is_nothing)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/proc/sys/net/netfilter/nf_conntrack_count", root);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_failed(start(2), err, -ENOENT, "nf_conntrack_count");
	ck_assert_ptr_null(stats);
}
END_TEST

static void add_parsers(Suite *suite)
{
	TCase *tc = tcase_create("words and numbers");

	tcase_add_test(tc, each_counter_has_a_name_of_its_own);
	tcase_add_test(tc, each_source_has_a_name);
	tcase_add_loop_test(tc, counters_that_a_kernel_no_longer_counts_are_dead, 0, (int)ct_array_size(lives));
	tcase_add_loop_test(tc, step_back_is_an_overflow_if_that_is_shorter, 0, (int)ct_array_size(steps));
	tcase_add_test(tc, counter_that_is_absent_once_keeps_its_sum);
	tcase_add_test(tc, rate_is_per_second_of_what_both_samples_know);
	tcase_add_loop_test(tc, columns_are_told_by_their_header, 0, (int)ct_array_size(texts));
	tcase_add_test(tc, lines_beyond_the_last_cpu_are_left_out);
	tcase_add_loop_test(tc, text_that_is_no_table_is_refused, 0, (int)ct_array_size(no_tables));
	suite_add_tcase(suite, tc);
}

static void add_netlink(Suite *suite)
{
	TCase *tc = tcase_create("netlink");

	tcase_add_checked_fixture(tc, setup_peer, teardown_peer);
	tcase_add_test(tc, attributes_of_one_cpu_are_read);
	tcase_add_test(tc, attributes_of_the_expectation_table_are_others);
	tcase_add_test(tc, attribute_that_claims_too_much_ends_the_list);
	tcase_add_test(tc, answer_without_its_header_is_refused);
	tcase_add_test(tc, sample_adds_cpus_up);
	tcase_add_test(tc, counter_that_was_not_sent_is_unknown);
	tcase_add_test(tc, questions_are_the_three_of_ctnetlink);
	tcase_add_test(tc, sums_go_on_across_an_overflow);
	tcase_add_test(tc, sums_go_on_when_counters_begin_anew);
	tcase_add_test(tc, cpu_beyond_the_last_is_left_out);
	tcase_add_test(tc, answer_of_another_kind_is_skipped);
	tcase_add_loop_test(tc, question_that_failed_for_a_moment_is_asked_again, 0, (int)ct_array_size(passing));
	tcase_add_loop_test(tc, question_that_keeps_failing_is_given_up, 0, (int)ct_array_size(passing));
	tcase_add_test(tc, interrupted_dump_is_asked_again);
	tcase_add_test(tc, sample_that_failed_half_way_leaves_nothing_behind);
	tcase_add_test(tc, answer_of_a_cpu_without_its_header_fails);
	tcase_add_test(tc, module_that_was_unloaded_is_not_asked);
	tcase_add_test(tc, netlink_module_that_was_unloaded_is_not_asked);
	suite_add_tcase(suite, tc);
}

Suite *module_suite(void)
{
	Suite *suite = suite_create("stats");
	TCase *tc = tcase_create("sources");

	add_parsers(suite);
	add_netlink(suite);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, captured_machine_is_read_from_proc);
	tcase_add_loop_test(tc, any_number_of_cpus_will_do, 0, (int)ct_array_size(cpu_counts));
	tcase_add_loop_test(tc, without_counters_entries_are_left, 0, 2);
	tcase_add_test(tc, ip_conntrack_is_read_by_its_old_names);
	tcase_add_test(tc, without_connection_tracking_there_is_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
