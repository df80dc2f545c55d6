/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places: who gets one, who goes for it, who has been too long. */
#include "config.h"
#include "check.h"
#include "places.h"
#include "util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static struct places places;
static struct place *left;
static unsigned leaving;

static void note(struct place *place, void *userdata)
{
	(void)userdata;
	left = place;
	leaving++;
}

static void setup(void)
{
	memset(&places, 0, sizeof(places));
	left = NULL;
	leaving = 0;
}

static struct place *take(uint64_t peer, bool near, uint64_t now)
{
	const struct place guest = { .fd = 7, .near = near, .peer = peer };

	left = NULL;
	return places_take(&places, &guest, now, note, NULL);
}

static struct place *take_tls(uint64_t peer, bool near, uint64_t now)
{
	const struct place guest = { .fd = 7, .near = near, .tls = true, .peer = peer };

	left = NULL;
	return places_take(&places, &guest, now, note, NULL);
}

static union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
} address(const char *text)
{
	union address a = { .in.sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &a.in.sin_addr) != 1) {
		a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		ck_assert_int_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	}
	return a;
}

static const struct {
	const char *a, *b;
	bool same, near;
} peers[] = {
	{ "127.0.0.1", "127.0.0.1", true, true },
	{ "127.0.0.1", "127.0.0.2", false, true },
	{ "127.0.0.1", "::ffff:127.0.0.1", true, true },
	{ "10.0.0.1", "10.0.0.2", false, false },
	{ "10.0.0.1", "::ffff:10.0.0.1", true, false },
	{ "::1", "::1", true, true },
	{ "::2", "::2", true, false },
	{ "2001:db8::1", "2001:db8::ffff:1", true, false },
	{ "2001:db8::1", "2001:db8:0:1::1", false, false },
	{ "0.0.0.0", "::", false, false },
	{ "fe80::1", "::1", false, false },
};

START_TEST(addresses_are_told_apart)
{
	union address a = address(peers[_i].a), b = address(peers[_i].b);

	ck_assert_int_eq(place_peer(&a.any, 0) == place_peer(&b.any, 0), peers[_i].same);
	ck_assert_int_eq(place_is_near(&a.any), peers[_i].near);
}
END_TEST

START_TEST(local_users_are_told_apart)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };
	union address other = address("127.0.0.1");

	ck_assert(place_is_near(&local));
	ck_assert_uint_eq(place_peer(&local, 5), place_peer(&local, 5));
	ck_assert_uint_ne(place_peer(&local, 5), place_peer(&local, 6));
	ck_assert_uint_ne(place_peer(&local, 5), place_peer(&other.any, 5));
}
END_TEST

START_TEST(one_address_has_its_share_and_replaces_its_own)
{
	struct place *first = take(1, true, 1);

	for (unsigned i = 1; i < PLACES_PEER; i++)
		ck_assert_ptr_nonnull(take(1, true, 1 + i));
	ck_assert_uint_eq(leaving, 0);
	ck_assert_ptr_nonnull(take(1, true, 1000));
	ck_assert_ptr_eq(left, first);
	ck_assert_uint_eq(places.taken, PLACES_PEER + 1);
	places_free(&places, first);
	ck_assert_uint_eq(places.taken, PLACES_PEER);
	ck_assert_ptr_nonnull(take(2, true, 1001));
	ck_assert_ptr_null(left);
}
END_TEST

/* A scraper's answer, even if it's large, takes less than that. */
START_TEST(who_is_answered_stays_for_a_while)
{
	struct place *p = NULL;

	for (unsigned i = 0; i < PLACES_PEER; i++) {
		p = take(1, true, 1 + i);
		place_answer(p, 1 + i);
	}
	ck_assert_ptr_null(take(1, true, 1000));
	ck_assert_uint_eq(leaving, 0);
	/* until it was answered: then it is the only one that can go */
	place_rest(p, 1001);
	ck_assert_ptr_nonnull(take(1, true, 1002));
	ck_assert_ptr_eq(left, p);
	for (size_t i = 0; i < PLACES_ROOM; i++)
		place_answer(&places.place[i], 1002);
	ck_assert_ptr_null(take(1, true, PLACES_CHECK_USEC));
	ck_assert_uint_eq(leaving, 1);
	ck_assert_ptr_nonnull(take(1, true, 1 + PLACES_CHECK_USEC));
	ck_assert_uint_eq(leaving, 2);
}
END_TEST

/* Those that ask and don't read what they get, or ask without an end, from one address or two. */
static const struct {
	bool tls, near;
	unsigned addresses;
} crowds[] = {
	{ false, false, 1 }, { false, false, 2 }, { false, false, 20 }, { false, true, 2 }, { false, true, 20 },
	{ true, false, 1 },  { true, false, 2 },  { true, false, 20 },  { true, true, 2 },  { true, true, 20 },
};

START_TEST(a_crowd_that_does_not_read_keeps_nobody_out)
{
	bool tls = crowds[_i].tls, near = crowds[_i].near;

	for (unsigned i = 0; i < 4 * PLACES_ALL; i++) {
		uint64_t peer = 1 + i % crowds[_i].addresses;
		struct place *p = tls ? take_tls(peer, near, 1000 + i) : take(peer, near, 1000 + i);

		if (p)
			place_answer(p, 1000 + i);
		if (left)
			places_free(&places, left);
	}
	ck_assert_uint_ge(places.taken, tls ? PLACES_TLS_PEER : PLACES_PEER);
	ck_assert_ptr_nonnull(tls ? take_tls(100, near, 2000 + PLACES_CHECK_USEC)
				  : take(100, near, 2000 + PLACES_CHECK_USEC));
	ck_assert_ptr_nonnull(tls ? take_tls(101, true, 2000 + PLACES_CHECK_USEC)
				  : take(101, true, 2000 + PLACES_CHECK_USEC));
}
END_TEST

/* An address that has many loses one even while it's answered, to one that has none or few; not to itself. */
START_TEST(a_crowd_that_asks_without_an_end_keeps_nobody_out)
{
	for (unsigned i = 0; places.taken < PLACES_REMOTE; i++)
		place_answer(take(1 + i % 2, false, SECOND), SECOND);
	ck_assert_ptr_null(take(1, false, SECOND));
	for (unsigned i = 0; i < PLACES_REMOTE / 6; i++) {
		struct place *p = take(3, false, SECOND);

		ck_assert_ptr_nonnull(p);
		ck_assert_ptr_nonnull(left);
		ck_assert_uint_ne(left->peer, 3);
		place_answer(p, SECOND);
	}
	ck_assert_uint_eq(leaving, PLACES_REMOTE / 6);
}
END_TEST

START_TEST(a_crowd_takes_no_place_of_others)
{
	struct place *scraper = take(99, false, 1), *idle = take(98, false, 1);

	place_answer(idle, 1);
	place_rest(idle, 2);
	for (unsigned i = 0; i < 4 * PLACES_REMOTE; i++) {
		struct place *p = take(1 + i % 2, false, SECOND);

		if (p)
			place_answer(p, SECOND);
	}
	ck_assert_uint_eq(places.taken, PLACES_REMOTE);
	ck_assert_int_eq(scraper->state, PLACE_WAITING);
	ck_assert_int_eq(idle->state, PLACE_IDLE);
}
END_TEST

/* Its own address has a place to give, but then there is still none among those from elsewhere. */
START_TEST(nobody_goes_in_vain)
{
	for (unsigned i = 0; i < PLACES_TLS_REMOTE - 8; i++)
		place_answer(take_tls(10 + i, false, SECOND), SECOND);
	for (unsigned i = 0; i < 8; i++)
		place_answer(take_tls(1, false, SECOND), SECOND);
	for (unsigned i = 8; i < PLACES_PEER; i++)
		ck_assert_ptr_nonnull(take(1, false, SECOND));
	ck_assert_uint_eq(places.taken, PLACES_REMOTE);
	ck_assert_ptr_null(take_tls(1, false, SECOND));
	ck_assert_uint_eq(leaving, 0);
	for (size_t i = 0; i < PLACES_ROOM; i++)
		ck_assert_int_ne(places.place[i].state, PLACE_LEAVING);
	/* when there is a place in all of them, no more go than have to */
	ck_assert_ptr_nonnull(take_tls(1, false, SECOND + PLACES_CHECK_USEC));
	ck_assert_uint_le(leaving, 2);
	ck_assert_uint_eq(left->peer, 1);
}
END_TEST

START_TEST(the_idle_go_first)
{
	struct place *waits = take(1, true, 1), *idle = take(1, true, 2);

	place_answer(idle, 3);
	place_rest(idle, 900);
	for (unsigned i = 2; i < PLACES_PEER; i++)
		ck_assert_ptr_nonnull(take(1, true, 10 + i));
	ck_assert_ptr_nonnull(take(1, true, 1000));
	ck_assert_ptr_eq(left, idle);
	ck_assert_ptr_nonnull(take(1, true, 1001));
	ck_assert_ptr_eq(left, waits);
}
END_TEST

/* Whoever has most loses one; a scraper with its one connection doesn't. */
START_TEST(the_crowd_makes_room)
{
	struct place *scraper = take(99, false, 1);

	for (unsigned i = 0; i < 40; i++)
		ck_assert_ptr_nonnull(take(1, false, 2));
	for (unsigned i = 1; places.taken < PLACES_REMOTE; i++)
		ck_assert_ptr_nonnull(take(2, false, 2));
	ck_assert_uint_eq(leaving, 0);
	ck_assert_ptr_nonnull(take(98, false, 3));
	ck_assert_uint_eq(left->peer, 2);
	ck_assert_int_eq(scraper->state, PLACE_WAITING);
}
END_TEST

START_TEST(loopback_has_places_of_its_own)
{
	for (unsigned i = 0; i < PLACES_REMOTE; i++)
		place_answer(take(1000 + i, false, 1), 1);
	ck_assert_ptr_null(take(1, false, 2));
	for (unsigned i = PLACES_REMOTE; i < PLACES_ALL; i++)
		ck_assert_ptr_nonnull(take(5, true, 2));
	ck_assert_uint_eq(leaving, 0);
	ck_assert_ptr_nonnull(take(6, true, 3));
	ck_assert_uint_eq(left->peer, 5);
}
END_TEST

START_TEST(tls_has_fewer)
{
	for (unsigned i = 0; i < PLACES_TLS; i++)
		ck_assert_ptr_nonnull(take_tls(i, true, i + 1));
	ck_assert_ptr_nonnull(take(100, true, 50));
	ck_assert_uint_eq(leaving, 0);
	ck_assert_ptr_nonnull(take_tls(101, true, 51));
	ck_assert_uint_eq(left->peer, 0);
}
END_TEST

START_TEST(one_address_has_a_share_of_tls)
{
	for (unsigned i = 0; i < PLACES_TLS_PEER; i++)
		place_answer(take_tls(1, true, 1), 1);
	ck_assert_ptr_null(take_tls(1, true, 2));
	ck_assert_ptr_nonnull(take(1, true, 2));
	ck_assert_ptr_nonnull(take_tls(2, true, 2));
	ck_assert_uint_eq(leaving, 0);
}
END_TEST

START_TEST(loopback_has_places_of_its_own_with_tls)
{
	for (unsigned i = 0; i < PLACES_TLS_REMOTE; i++)
		place_answer(take_tls(1000 + i, false, 1), 1);
	ck_assert_ptr_null(take_tls(1, false, 2));
	for (unsigned i = PLACES_TLS_REMOTE; i < PLACES_TLS; i++)
		ck_assert_ptr_nonnull(take_tls(5, true, 2));
	ck_assert_uint_eq(leaving, 0);
}
END_TEST

/* However they come and go: numbers agree, bounds hold. */
START_TEST(any_order_keeps_the_bounds)
{
	srand(1);
	for (unsigned step = 0; step < 5000; step++) {
		struct place *p = &places.place[(unsigned)rand() % PLACES_ROOM];
		unsigned here = 0, taken = 0, crowd = 0;

		switch (rand() % 6) {
		case 0:
			place_answer(p, step);
			break;
		case 1:
			place_rest(p, step);
			break;
		case 2:
			if (p->state == PLACE_LEAVING || rand() % 8 == 0)
				places_free(&places, p);
			break;
		default:
			(void)take((unsigned)rand() % 7, rand() % 3 == 0, step);
			break;
		}
		for (size_t i = 0; i < PLACES_ROOM; i++) {
			const struct place *q = &places.place[i];

			taken += q->state != PLACE_FREE;
			here += q->state != PLACE_FREE && q->state != PLACE_LEAVING;
			crowd += q->state != PLACE_FREE && q->state != PLACE_LEAVING && q->peer == 3;
		}
		ck_assert_uint_eq(taken, places.taken);
		ck_assert_uint_le(here, PLACES_ALL);
		ck_assert_uint_le(crowd, PLACES_PEER);
		for (size_t i = 0; i < PLACES_ROOM; i++)
			if (places.place[i].state > PLACE_FREE && places.place[i].state < PLACE_LEAVING &&
			    places.place[i].peer == 3)
				ck_assert_uint_eq(places.place[i].crowd, crowd);
	}
}
END_TEST

START_TEST(the_deadline_counts_from_the_first_byte_to_the_answer_taken)
{
	struct place *p = take(1, true, SECOND);

	ck_assert(!place_is_late(p, SECOND + PLACES_DEADLINE_USEC - 1));
	ck_assert(place_is_late(p, SECOND + PLACES_DEADLINE_USEC));
	place_answer(p, 5 * SECOND);
	ck_assert(place_is_late(p, SECOND + PLACES_DEADLINE_USEC));
	place_rest(p, 6 * SECOND);
	ck_assert(!place_is_late(p, 6 * SECOND + PLACES_IDLE_USEC - 1));
	ck_assert(place_is_late(p, 6 * SECOND + PLACES_IDLE_USEC));
}
END_TEST

START_TEST(a_drip_after_a_good_request_is_seen)
{
	struct place *p = take(1, true, SECOND);

	place_answer(p, SECOND);
	place_rest(p, SECOND);
	place_heard(p, 100, 2 * SECOND);
	place_heard(p, 100, 60 * SECOND);
	ck_assert_int_eq(p->state, PLACE_IDLE);
	place_heard(p, 101, 61 * SECOND);
	ck_assert_int_eq(p->state, PLACE_WAITING);
	ck_assert(!place_is_late(p, 69 * SECOND));
	ck_assert(place_is_late(p, 70 * SECOND));
}
END_TEST

START_TEST(a_unix_socket_idles_shortly)
{
	const struct place guest = { .fd = 7, .local = true, .near = true, .peer = 1 };
	struct place *p = places_take(&places, &guest, SECOND, note, NULL);

	place_answer(p, SECOND);
	place_rest(p, SECOND);
	ck_assert(place_is_late(p, SECOND + PLACES_DEADLINE_USEC));
	ck_assert_uint_eq(places_next_usec(&places, SECOND), SECOND + PLACES_DEADLINE_USEC);
}
END_TEST

/* At rest nothing wakes up. */
START_TEST(checks_end_with_the_connections)
{
	struct place *p;

	ck_assert_uint_eq(places_next_usec(&places, SECOND), UINT64_MAX);
	p = take(1, true, SECOND);
	ck_assert_uint_eq(places_next_usec(&places, SECOND), 2 * SECOND);
	place_answer(p, SECOND);
	place_rest(p, SECOND);
	ck_assert_uint_eq(places_next_usec(&places, SECOND), 2 * SECOND);
	place_heard(p, 100, 2 * SECOND);
	ck_assert_uint_eq(places_next_usec(&places, 2 * SECOND), SECOND + PLACES_IDLE_USEC);
	places_leave(&places, p);
	ck_assert_uint_eq(places_next_usec(&places, 2 * SECOND), UINT64_MAX);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("places");
	TCase *tc = tcase_create("places");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, addresses_are_told_apart, 0, ct_array_size(peers));
	tcase_add_test(tc, local_users_are_told_apart);
	tcase_add_test(tc, one_address_has_its_share_and_replaces_its_own);
	tcase_add_test(tc, who_is_answered_stays_for_a_while);
	tcase_add_loop_test(tc, a_crowd_that_does_not_read_keeps_nobody_out, 0, ct_array_size(crowds));
	tcase_add_test(tc, a_crowd_that_asks_without_an_end_keeps_nobody_out);
	tcase_add_test(tc, a_crowd_takes_no_place_of_others);
	tcase_add_test(tc, nobody_goes_in_vain);
	tcase_add_test(tc, the_idle_go_first);
	tcase_add_test(tc, the_crowd_makes_room);
	tcase_add_test(tc, loopback_has_places_of_its_own);
	tcase_add_test(tc, tls_has_fewer);
	tcase_add_test(tc, one_address_has_a_share_of_tls);
	tcase_add_test(tc, loopback_has_places_of_its_own_with_tls);
	tcase_add_test(tc, any_order_keeps_the_bounds);
	tcase_add_test(tc, the_deadline_counts_from_the_first_byte_to_the_answer_taken);
	tcase_add_test(tc, a_drip_after_a_good_request_is_seen);
	tcase_add_test(tc, a_unix_socket_idles_shortly);
	tcase_add_test(tc, checks_end_with_the_connections);
	suite_add_tcase(s, tc);
	return s;
}
