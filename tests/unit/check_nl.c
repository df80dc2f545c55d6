/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question over netlink, and every answer that a kernel, or something worse, may give. */
#include "config.h"
#include "check.h"
#include "nl.h"
#include "peer.h"
#include "util.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#define ASK 0x0104

static struct peer peer;
static struct ct_err err;
static int calls, callback_result;

static void setup(void)
{
	peer_open(&peer);
	calls = 0;
	callback_result = MNL_CB_OK;
}

static void teardown(void)
{
	peer_close(&peer);
}

static int on_answer(const struct nlmsghdr *h, void *data)
{
	ck_assert_ptr_eq(data, &calls);
	ck_assert_uint_ge(h->nlmsg_type, NLMSG_MIN_TYPE);
	calls++;
	if (callback_result < 0)
		errno = -callback_result;
	return callback_result < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int ask(uint16_t flags)
{
	return ct_nl_ask(&peer.nl, ASK, flags, on_answer, &calls, &err);
}

static void put_answer(uint32_t seq)
{
	peer_answer(&peer, ASK, NLM_F_MULTI, seq, 0);
}

static const struct {
	uint16_t flags, sent;
} requests[] = {
	{ .flags = NLM_F_DUMP, .sent = NLM_F_REQUEST | NLM_F_DUMP },
	{ .flags = 0, .sent = NLM_F_REQUEST | NLM_F_ACK },
};

START_TEST(request_is_numbered_and_asks_for_an_end)
{
	struct nlmsghdr h;

	for (uint32_t seq = 1; seq <= 2; seq++) {
		peer_error(&peer, 0, seq);
		peer_send(&peer);
		ck_assert_int_eq(ask(requests[_i].flags), 0);
		ck_assert(peer_asked(&peer, &h));
		ck_assert_uint_eq(h.nlmsg_type, ASK);
		ck_assert_uint_eq(h.nlmsg_flags, requests[_i].sent);
		ck_assert_uint_eq(h.nlmsg_seq, seq);
		ck_assert_uint_eq(h.nlmsg_len, sizeof(h) + sizeof(struct nfgenmsg));
	}
}
END_TEST

START_TEST(sequence_number_is_never_0)
{
	peer.nl.seq = UINT32_MAX;
	peer_error(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_int_eq(ask(0), 0);
	ck_assert_uint_eq(peer.nl.seq, 1);
}
END_TEST

START_TEST(dump_goes_on_until_done)
{
	put_answer(1);
	put_answer(1);
	peer_send(&peer);
	put_answer(1);
	peer_send(&peer);
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_int_eq(ask(NLM_F_DUMP), 0);
	ck_assert_int_eq(calls, 3);
}
END_TEST

START_TEST(done_of_old_kernels_carries_nothing)
{
	put_answer(1);
	(void)peer_put(&peer, NLMSG_DONE, NLM_F_MULTI, 1);
	peer_send(&peer);
	ck_assert_int_eq(ask(NLM_F_DUMP), 0);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(answer_without_done_ends_with_the_acknowledgement)
{
	put_answer(1);
	peer_send(&peer);
	peer_error(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_int_eq(ask(0), 0);
	ck_assert_int_eq(calls, 1);
}
END_TEST

/* ESRCH and EPROTO are what libmnl uses for its own purposes */
static const int kernel_errors[] = { EPERM, EBUSY, EINVAL, EOPNOTSUPP, ESRCH, EPROTO };

START_TEST(error_of_the_kernel_is_passed_on)
{
	peer_error(&peer, -kernel_errors[_i], 1);
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -kernel_errors[_i], strerror(kernel_errors[_i]));
	ck_assert_ptr_nonnull(strstr(err.msg, "0x0104"));
}
END_TEST

START_TEST(dump_that_ended_early_fails)
{
	put_answer(1);
	peer_done(&peer, -ENOMEM, 1);
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -ENOMEM, "Cannot allocate");
}
END_TEST

START_TEST(interrupted_dump_fails)
{
	put_answer(1);
	put_answer(1);
	peer.last->nlmsg_flags |= NLM_F_DUMP_INTR;
	peer_done(&peer, 0, 1);
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -EINTR, "0x0104");
}
END_TEST

START_TEST(overrun_is_a_loss)
{
	put_answer(1);
	(void)peer_put(&peer, NLMSG_OVERRUN, 0, 1);
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -ENOBUFS, "0x0104");
}
END_TEST

static void make_empty(void)
{
}

static void make_one_byte(void)
{
	peer.length = 1;
}

static void make_half_a_header(void)
{
	put_answer(1);
	peer.length = 15;
}

static void make_longer_than_it_is(void)
{
	put_answer(1);
	peer.last->nlmsg_len += 4;
}

static void make_huge_length(void)
{
	put_answer(1);
	peer.last->nlmsg_len = UINT32_MAX;
}

static void make_shorter_than_a_header(void)
{
	put_answer(1);
	peer.last->nlmsg_len = 12;
}

static void make_second_truncated(void)
{
	put_answer(1);
	put_answer(1);
	peer.length -= 4;
}

static void make_garbage_behind(void)
{
	put_answer(1);
	memset(peer_extend(&peer, 8), 0xff, 8);
	peer.last->nlmsg_len -= 8;
}

static void make_oversized(void)
{
	put_answer(1);
	(void)peer_extend(&peer, CT_NL_BUFFER);
}

static void make_error_without_code(void)
{
	(void)peer_put(&peer, NLMSG_ERROR, 0, 1);
}

static void make_error_unheard_of(void)
{
	peer_error(&peer, INT32_MIN, 1);
}

static void make_end_unheard_of(void)
{
	peer_done(&peer, -4096, 1);
}

static void (*const bad[])(void) = {
	make_empty, make_one_byte, make_half_a_header, make_longer_than_it_is, make_huge_length,
	make_shorter_than_a_header, make_second_truncated, make_garbage_behind, make_oversized,
	make_error_without_code, make_error_unheard_of, make_end_unheard_of,
};

START_TEST(datagram_that_is_no_answer_is_refused)
{
	bad[_i]();
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -EBADMSG, "0x0104");
}
END_TEST

static void put_own(void)
{
	put_answer(1);
	peer_done(&peer, 0, 1);
	peer_send(&peer);
}

START_TEST(answers_to_old_questions_are_skipped)
{
	peer.nl.seq = 0;
	put_answer(7);
	peer_done(&peer, -EIO, 7);
	peer_send(&peer);
	peer_error(&peer, -EPERM, 7);
	peer_send(&peer);
	put_own();
	ck_assert_int_eq(ask(NLM_F_DUMP), 0);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(answers_to_others_are_skipped)
{
	put_answer(1);
	peer.last->nlmsg_pid = PEER_PORT + 1;
	peer_send(&peer);
	peer_error(&peer, -EPERM, 1);
	peer.last->nlmsg_pid = PEER_PORT + 1;
	peer_send(&peer);
	put_own();
	ck_assert_int_eq(ask(NLM_F_DUMP), 0);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(nothing_but_strangers_is_silence)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(peer.nl.fd);
		do {
			peer.length = 0;
			put_answer(7);
		} while (send(peer.fd, peer.text, peer.length, MSG_NOSIGNAL) > 0);
		_exit(0);
	}
	(void)close(peer.fd);
	peer.fd = -1;
	ck_assert_failed(ask(NLM_F_DUMP), err, -ETIMEDOUT, "0x0104");
	ct_nl_close(&peer.nl);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static void on_alarm(int signal)
{
	(void)signal;
}

START_TEST(silence_ends_after_a_second_whatever_signals_come)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 50000 } };
	const struct sigaction action = { .sa_handler = on_alarm };
	struct timeval before, after;
	struct sigaction old;

	ck_assert_int_eq(sigaction(SIGALRM, &action, &old), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	(void)gettimeofday(&before, NULL);
	ck_assert_failed(ask(NLM_F_DUMP), err, -ETIMEDOUT, "timed out");
	(void)gettimeofday(&after, NULL);
	ck_assert_int_le(after.tv_sec - before.tv_sec, 10);
	(void)sigaction(SIGALRM, &old, NULL);
}
END_TEST

START_TEST(half_an_answer_is_silence_too)
{
	put_answer(1);
	peer_send(&peer);
	ck_assert_failed(ask(NLM_F_DUMP), err, -ETIMEDOUT, "timed out");
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(error_of_the_caller_ends_it)
{
	callback_result = -EBADMSG;
	put_answer(1);
	put_own();
	ck_assert_failed(ask(NLM_F_DUMP), err, -EBADMSG, "0x0104");
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(peer_that_is_gone_is_an_error)
{
	(void)close(peer.fd);
	peer.fd = -1;
	ck_assert_failed(ask(NLM_F_DUMP), err, -EPIPE, "0x0104");
}
END_TEST

START_TEST(socket_opens_without_privilege)
{
	struct ct_nl nl = CT_NL_CLOSED;
	int r = ct_nl_open(&nl, &err);

	/* a kernel without netfilter is no failure of ours */
	if (r < 0)
		ck_assert_failed(r, err, -EPROTONOSUPPORT, "netlink");
	else
		ck_assert_uint_ne(nl.portid, 0);
	ct_nl_close(&nl);
	ck_assert_int_eq(nl.fd, -1);
	ct_nl_close(&nl);
}
END_TEST

START_TEST(no_descriptor_left_is_said)
{
	struct rlimit old, none;
	struct ct_nl nl = CT_NL_CLOSED;
	int r;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = ct_nl_open(&nl, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_failed(r, err, -EMFILE, "open a netlink socket");
	ck_assert_int_eq(nl.fd, -1);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("nl");
	TCase *tc = tcase_create("ask");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, request_is_numbered_and_asks_for_an_end, 0, (int)ct_array_size(requests));
	tcase_add_test(tc, sequence_number_is_never_0);
	tcase_add_test(tc, dump_goes_on_until_done);
	tcase_add_test(tc, done_of_old_kernels_carries_nothing);
	tcase_add_test(tc, answer_without_done_ends_with_the_acknowledgement);
	tcase_add_loop_test(tc, error_of_the_kernel_is_passed_on, 0, (int)ct_array_size(kernel_errors));
	tcase_add_test(tc, dump_that_ended_early_fails);
	tcase_add_test(tc, interrupted_dump_fails);
	tcase_add_test(tc, overrun_is_a_loss);
	tcase_add_loop_test(tc, datagram_that_is_no_answer_is_refused, 0, (int)ct_array_size(bad));
	tcase_add_test(tc, answers_to_old_questions_are_skipped);
	tcase_add_test(tc, answers_to_others_are_skipped);
	tcase_add_test(tc, nothing_but_strangers_is_silence);
	tcase_add_test(tc, silence_ends_after_a_second_whatever_signals_come);
	tcase_add_test(tc, half_an_answer_is_silence_too);
	tcase_add_test(tc, error_of_the_caller_ends_it);
	tcase_add_test(tc, peer_that_is_gone_is_an_error);
	suite_add_tcase(suite, tc);
	tc = tcase_create("socket");
	tcase_add_test(tc, socket_opens_without_privilege);
	tcase_add_test(tc, no_descriptor_left_is_said);
	suite_add_tcase(suite, tc);
	return suite;
}
