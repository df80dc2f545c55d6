/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of entries from the beginning of a dump; on this machine from a namespace of the test's own, where it may. */
#include "config.h"
#include "check.h"
#include "mix_internal.h"
#include "peer.h"
#include "util.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define ENTRY 0x0100

static struct peer peer;
static struct ct_err err;
static struct ct_mix mix;

static void setup(void)
{
	peer_open(&peer);
}

static void teardown(void)
{
	peer_close(&peer);
}

static void put_entry(uint32_t status)
{
	peer_answer(&peer, ENTRY, NLM_F_MULTI, 1, 0);
	peer_u32(&peer, CTA_STATUS, status);
}

START_TEST(each_entry_is_of_one_kind)
{
	put_entry(IPS_CONFIRMED);
	put_entry(IPS_CONFIRMED | IPS_SEEN_REPLY);
	put_entry(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
	put_entry(IPS_CONFIRMED);
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_msg(ct_mix_sample_with(&peer.nl, 100, &mix, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(mix.seen, 4);
	ck_assert_uint_eq(mix.unreplied, 2);
	ck_assert_uint_eq(mix.assured, 1);
}
END_TEST

/* The peer never ends its dump: whoever waited for that would wait for ever. */
START_TEST(no_more_are_looked_at_than_asked_for)
{
	for (int i = 0; i < 20; i++)
		put_entry(i < 5 ? IPS_CONFIRMED : IPS_CONFIRMED | IPS_SEEN_REPLY);
	peer_send(&peer);
	ck_assert_int_eq(ct_mix_sample_with(&peer.nl, 7, &mix, &err), 0);
	ck_assert_uint_eq(mix.seen, 7);
	ck_assert_uint_eq(mix.unreplied, 5);
}
END_TEST

START_TEST(an_empty_table_is_nothing_seen)
{
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_int_eq(ct_mix_sample_with(&peer.nl, 7, &mix, &err), 0);
	ck_assert_uint_eq(mix.seen, 0);
}
END_TEST

START_TEST(a_refusal_is_passed_on)
{
	peer_error(&peer, -EPERM, 1);
	peer_send(&peer);
	ck_assert_failed(ct_mix_sample_with(&peer.nl, 7, &mix, &err), err, -EPERM, "0x0101");
}
END_TEST

START_TEST(nonsense_is_not_an_entry)
{
	struct nlattr *attr;

	put_entry(IPS_CONFIRMED);
	attr = (void *)((char *)peer.last + peer.last->nlmsg_len - MNL_ALIGN(sizeof(uint32_t)) - MNL_ATTR_HDRLEN);
	attr->nla_len = 4000;
	peer_send(&peer);
	ck_assert_int_eq(ct_mix_sample_with(&peer.nl, 7, &mix, &err), -EBADMSG);
}
END_TEST

/* Looking at a captured machine must never become looking at this one. */
START_TEST(a_captured_tree_has_no_netlink)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(scratch_dir());

	ck_assert_failed(ct_mix_sample(fs, 7, &mix, &err), err, -EOPNOTSUPP, "nf_conntrack_netlink");
}
END_TEST

static const struct { uint64_t entries, buckets; uint32_t most; bool cheap; } walks[] = {
	{ .entries = 0, .buckets = 65536, .most = 1000, .cheap = true },
	{ .entries = 0, .buckets = 1 << 25, .most = 1000, .cheap = false },
	{ .entries = 1000, .buckets = 1 << 25, .most = 128, .cheap = false },
	{ .entries = 100000, .buckets = 1 << 25, .most = 1000, .cheap = false },
	{ .entries = 100000, .buckets = 1 << 25, .most = 128, .cheap = true },
	{ .entries = 1000000, .buckets = 1 << 25, .most = 1000, .cheap = true },
	{ .entries = 100000, .buckets = 1 << 25, .most = 1, .cheap = true },
	{ .entries = UINT64_MAX, .buckets = UINT64_MAX, .most = UINT32_MAX, .cheap = false },
};

/* A walk over 2^25 empty buckets holds the daemon up for a second. */
START_TEST(far_walks_are_known_beforehand)
{
	ck_assert_int_eq(ct_mix_is_cheap(walks[_i].entries, walks[_i].buckets, walks[_i].most), walks[_i].cheap);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("mix");
	TCase *tc = tcase_create("mix");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_entry_is_of_one_kind);
	tcase_add_test(tc, no_more_are_looked_at_than_asked_for);
	tcase_add_test(tc, an_empty_table_is_nothing_seen);
	tcase_add_test(tc, a_refusal_is_passed_on);
	tcase_add_test(tc, nonsense_is_not_an_entry);
	tcase_add_test(tc, a_captured_tree_has_no_netlink);
	tcase_add_loop_test(tc, far_walks_are_known_beforehand, 0, (int)ct_array_size(walks));
	suite_add_tcase(suite, tc);
	return suite;
}
