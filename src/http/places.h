/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds a place among the connections, who has to go for a newcomer, who has been too long at it. Pure. */
#ifndef CONNTUNED_HTTP_PLACES_H
#define CONNTUNED_HTTP_PLACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Bounds. A connection takes 12 KiB at most while it is there (its pool, see serve.c), so all of them take 1.5 MiB; one
 * with TLS some 40 KiB more.
 */
#define PLACES_ALL 128
#define PLACES_TLS 32
#define PLACES_TLS_PEER 20
#define PLACES_TLS_REMOTE 24

/* Of one address, or of one /64 of IPv6, or of one local user: more than the 64 that load generators like to open. */
#define PLACES_PEER 80

/* Of all that come from elsewhere, so that whoever sits at the machine has 32 places that nobody else can take; with
 * TLS 8 of them. */
#define PLACES_REMOTE 96

/* Those that were told to go stay for a moment, until libmicrohttpd has seen it. */
#define PLACES_LEAVING 32
#define PLACES_ROOM (PLACES_ALL + PLACES_LEAVING)

/* From accept(2), or from the first byte of a later request, until the answer was taken: slow links manage, drips
 * don't. */
#define PLACES_DEADLINE_USEC UINT64_C(10000000)

/* Between requests; scrapers come every 15 to 60 seconds and like to find their connection again. */
#define PLACES_IDLE_USEC UINT64_C(90000000)

/* Deadlines are looked at so often while a request is under way; who is being answered can't lose its place so long. */
#define PLACES_CHECK_USEC UINT64_C(1000000)

enum place_state {
	PLACE_FREE,
	PLACE_WAITING, /* for the rest of a request */
	PLACE_ANSWERING,
	PLACE_IDLE,    /* between requests */
	PLACE_LEAVING, /* was told to go */
};

/**
 * struct place
 * @local: a unix socket; @near: that or loopback; @tls: with TLS
 * @told:  whether @bytes, received so far, was looked at since the last request ended
 * @crowd: how many there are of @peer
 * @since_usec: the present state's begin, but PLACE_ANSWERING goes on counting from PLACE_WAITING
 * @answer_usec: when PLACE_ANSWERING began
 */
struct place {
	enum place_state state;
	bool local, near, tls, told;
	int fd;
	unsigned crowd;
	uint64_t peer, since_usec, answer_usec, bytes;
};

struct places {
	unsigned taken; /* all that aren't free */
	struct place place[PLACES_ROOM];
};

/* One number for each address: IPv4 as it is, IPv6 by /64, unix sockets by user. */
uint64_t place_peer(const struct sockaddr *address, unsigned uid);

/* 127.0.0.0/8, ::1, the same as a mapped address, or a unix socket. */
bool place_is_near(const struct sockaddr *address);

/**
 * places_take - a place for a newcomer
 * @guest: fd, local, near, tls, peer
 * @leave: called for each that has to go for it: those of the address with most connections go first, idle ones before
 *         others, then who has been at its request longest. Who began to be answered less than a check ago stays, but
 * for a guest whose address has less than half as many: neither clients that don't read nor those that ask without an
 *         end keep others out. Nobody goes for a guest whose address has more.
 * Returns: its place, PLACE_WAITING; NULL: there is none, and nobody had to go.
 */
struct place *places_take(struct places *places, const struct place *guest, uint64_t now_usec,
			  void (*leave)(struct place *place, void *userdata), void *userdata);

/* It was told to go, and counts no more. */
void places_leave(struct places *places, struct place *place);

/* It is gone. */
void places_free(struct places *places, struct place *place);

/* A request has begun, is whole, was answered. */
void place_begin(struct place *place, uint64_t now_usec);
void place_answer(struct place *place, uint64_t now_usec);
void place_rest(struct place *place, uint64_t now_usec);

/**
 * place_heard - bytes received so far on a connection that is between requests
 * More than there were when it was looked at before: a request has begun, at most one check ago.
 */
void place_heard(struct place *place, uint64_t bytes, uint64_t now_usec);

bool place_is_late(const struct place *place, uint64_t now_usec);

/* When to look again; UINT64_MAX: there is nobody to look after. */
uint64_t places_next_usec(const struct places *places, uint64_t now_usec);

#endif
