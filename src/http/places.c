/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An array that is walked whenever somebody comes or goes: it is short. */
#include "config.h"
#include "places.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* No address on a wire has these as its first 64 bits: reserved ones, and multicast. */
#define PEER_IPV4 (UINT64_C(0xffff) << 32)
#define PEER_UNIX (UINT64_C(0xff) << 56)

static bool is_mapped(const struct sockaddr *address, uint32_t *ipv4)
{
	struct sockaddr_in6 in6;

	memcpy(&in6, address, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return false;
	memcpy(ipv4, &in6.sin6_addr.s6_addr[12], sizeof(*ipv4));
	*ipv4 = ntohl(*ipv4);
	return true;
}

static uint32_t ipv4_of(const struct sockaddr *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

uint64_t place_peer(const struct sockaddr *address, unsigned uid)
{
	struct sockaddr_in6 in6;
	uint64_t peer = 0;
	uint32_t ipv4;

	if (address->sa_family == AF_INET)
		return PEER_IPV4 | ipv4_of(address);
	if (address->sa_family != AF_INET6)
		return PEER_UNIX | uid;
	if (is_mapped(address, &ipv4))
		return PEER_IPV4 | ipv4;
	memcpy(&in6, address, sizeof(in6));
	for (size_t i = 0; i < 8; i++)
		peer = peer << 8 | in6.sin6_addr.s6_addr[i];
	return peer;
}

bool place_is_near(const struct sockaddr *address)
{
	struct sockaddr_in6 in6;
	uint32_t ipv4;

	if (address->sa_family == AF_INET)
		return ipv4_of(address) >> 24 == 127;
	if (address->sa_family != AF_INET6)
		return true;
	if (is_mapped(address, &ipv4))
		return ipv4 >> 24 == 127;
	memcpy(&in6, address, sizeof(in6));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static bool is_here(const struct place *p)
{
	return p->state != PLACE_FREE && p->state != PLACE_LEAVING;
}

static bool is_same_peer(const struct place *p, const struct place *guest)
{
	return p->peer == guest->peer;
}

static bool is_same_tls_peer(const struct place *p, const struct place *guest)
{
	return p->tls && guest->tls && p->peer == guest->peer;
}

static bool is_also_remote_tls(const struct place *p, const struct place *guest)
{
	return p->tls && guest->tls && !p->near && !guest->near;
}

static bool is_also_tls(const struct place *p, const struct place *guest)
{
	return p->tls && guest->tls;
}

static bool is_also_remote(const struct place *p, const struct place *guest)
{
	return !p->near && !guest->near;
}

static bool is_any(const struct place *p, const struct place *guest)
{
	(void)p, (void)guest;
	return true;
}

/* Narrow ones first: who goes for one of them makes room within the wider ones, too. */
static const struct bound {
	unsigned most;
	bool (*counts)(const struct place *p, const struct place *guest);
} bounds[] = {
	{ PLACES_TLS_PEER, is_same_tls_peer },     { PLACES_PEER, is_same_peer },
	{ PLACES_TLS_REMOTE, is_also_remote_tls }, { PLACES_TLS, is_also_tls },
	{ PLACES_REMOTE, is_also_remote },         { PLACES_ALL, is_any },
};

static bool goes_before(const struct place *a, const struct place *b)
{
	if (a->crowd != b->crowd)
		return a->crowd > b->crowd;
	if ((a->state == PLACE_IDLE) != (b->state == PLACE_IDLE))
		return a->state == PLACE_IDLE;
	return a->since_usec < b->since_usec;
}

#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

/**
 * struct visit - a guest that needs room
 * @crowd: how many there are of its address
 * @goer:  those that would have to go for it
 */
struct visit {
	const struct place *guest;
	unsigned crowd;
	uint64_t now_usec;
	size_t goers;
	struct place *goer[BOUNDS];
};

static bool goes_already(const struct visit *visit, const struct place *p)
{
	for (size_t i = 0; i < visit->goers; i++)
		if (visit->goer[i] == p)
			return true;
	return false;
}

static bool may_go(const struct visit *visit, const struct place *p)
{
	if (p->crowd < visit->crowd)
		return false;
	return p->state != PLACE_ANSWERING || visit->now_usec >= p->answer_usec + PLACES_CHECK_USEC ||
	       p->crowd > 2 * (visit->crowd + 1);
}

/* Returns whether there is room for the guest within this bound, after one more left if need be. */
static bool find_room(struct places *places, const struct bound *bound, struct visit *visit)
{
	struct place *first = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < PLACES_ROOM; i++) {
		struct place *p = &places->place[i];

		if (!is_here(p) || !bound->counts(p, visit->guest) || goes_already(visit, p))
			continue;
		n++;
		if (may_go(visit, p) && (!first || goes_before(p, first)))
			first = p;
	}
	if (n < bound->most)
		return true;
	if (!first)
		return false;
	visit->goer[visit->goers++] = first;
	return true;
}

/* How many there are of an address, after this many came (or went). */
static unsigned count_crowd(struct places *places, uint64_t peer, int more)
{
	unsigned crowd = 0;

	for (size_t i = 0; i < PLACES_ROOM; i++) {
		struct place *p = &places->place[i];

		if (is_here(p) && p->peer == peer)
			crowd = p->crowd += (unsigned)more;
	}
	return crowd;
}

struct place *places_take(struct places *places, const struct place *guest, uint64_t now_usec,
			  void (*leave)(struct place *place, void *userdata), void *userdata)
{
	struct visit visit = { .guest = guest, .now_usec = now_usec };
	struct place *p = places->place;

	if (places->taken == PLACES_ROOM)
		return NULL;
	visit.crowd = count_crowd(places, guest->peer, 0);
	for (size_t i = 0; i < BOUNDS; i++)
		if (!find_room(places, &bounds[i], &visit))
			return NULL;
	for (size_t i = 0; i < visit.goers; i++) {
		places_leave(places, visit.goer[i]);
		leave(visit.goer[i], userdata);
	}
	while (p->state != PLACE_FREE)
		p++;
	visit.crowd = count_crowd(places, guest->peer, 1);
	*p = *guest;
	p->state = PLACE_WAITING;
	p->crowd = visit.crowd ? visit.crowd : 1;
	p->since_usec = now_usec;
	places->taken++;
	return p;
}

void places_leave(struct places *places, struct place *place)
{
	if (!is_here(place))
		return;
	place->state = PLACE_LEAVING;
	(void)count_crowd(places, place->peer, -1);
}

void places_free(struct places *places, struct place *place)
{
	if (place->state == PLACE_FREE)
		return;
	places_leave(places, place);
	place->state = PLACE_FREE;
	places->taken--;
}

void place_begin(struct place *place, uint64_t now_usec)
{
	if (place->state != PLACE_IDLE)
		return;
	place->state = PLACE_WAITING;
	place->since_usec = now_usec;
}

void place_answer(struct place *place, uint64_t now_usec)
{
	place_begin(place, now_usec);
	if (place->state != PLACE_WAITING)
		return;
	place->state = PLACE_ANSWERING;
	place->answer_usec = now_usec;
}

void place_rest(struct place *place, uint64_t now_usec)
{
	if (!is_here(place))
		return;
	place->state = PLACE_IDLE;
	place->told = false;
	place->since_usec = now_usec;
}

void place_heard(struct place *place, uint64_t bytes, uint64_t now_usec)
{
	if (place->state != PLACE_IDLE)
		return;
	if (place->told && bytes != place->bytes)
		place_begin(place, now_usec > PLACES_CHECK_USEC ? now_usec - PLACES_CHECK_USEC : 0);
	place->told = true;
	place->bytes = bytes;
}

/* Nobody tells how much came on a unix socket; it is cheap to connect again. */
static uint64_t patience(const struct place *p)
{
	return p->state == PLACE_IDLE && !p->local ? PLACES_IDLE_USEC : PLACES_DEADLINE_USEC;
}

bool place_is_late(const struct place *place, uint64_t now_usec)
{
	return is_here(place) && now_usec >= place->since_usec + patience(place);
}

uint64_t places_next_usec(const struct places *places, uint64_t now_usec)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < PLACES_ROOM; i++) {
		const struct place *p = &places->place[i];
		uint64_t at = p->since_usec + patience(p);

		if (!is_here(p))
			continue;
		/* how much has come is to be known before more of it does */
		if (p->state == PLACE_WAITING || p->state == PLACE_ANSWERING || (!p->local && !p->told))
			at = now_usec + PLACES_CHECK_USEC;
		next = at < next ? at : next;
	}
	return next;
}
