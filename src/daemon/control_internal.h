/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the local API share: peers, answers, the socket. */
#ifndef CONNTUNED_CONTROL_INTERNAL_H
#define CONNTUNED_CONTROL_INTERNAL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <conntune/varlink.h>
#include "control.h"

#define CONTROL_PEERS_MAX 16
#define CONTROL_PEERS_OF_USER_MAX 4
#define CONTROL_OUT_MAX ((size_t)1 << 20)
#define CONTROL_MESSAGE_USEC UINT64_C(10000000)
#define CONTROL_IDLE_USEC UINT64_C(60000000)

/**
 * struct control_socket - where it listens
 * @fd:    -1: nowhere
 * @path:  to be removed in the end, if it is still @dev, @ino; NULL: given to us
 */
struct control_socket {
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
};

/* See control_new(). */
int control_socket_open(struct control_socket *ret, int fd, const char *path, struct ct_err *err);
void control_socket_close(struct control_socket *socket);

/**
 * struct peer - one connection
 * @out:      answers, @out_sent bytes of them are gone
 * @since_usec: when the message that isn't complete, the answers that aren't taken, or the wait for a message began
 * @waits:    which of the three
 * @ended:    it will send nothing more: gone once all is answered
 */
struct peer {
	struct control *control;
	int fd;
	struct ucred who;
	sd_event_source *io, *timer, *again;
	struct ct_varlink_reader *reader;
	char *out;
	size_t out_bytes, out_sent;
	uint64_t since_usec;
	enum peer_waits { PEER_IDLE, PEER_MESSAGE, PEER_ANSWERS } waits;
	bool ended;
};

struct control {
	sd_event *event;
	sd_event_source *listen;
	struct control_socket socket;
	gid_t group;
	const struct control_ops *ops;
	void *userdata;
	uint64_t message_usec, idle_usec;       /* CONTROL_MESSAGE_USEC, CONTROL_IDLE_USEC; tests have less time */
	struct peer *peers[CONTROL_PEERS_MAX];
};

/* May this peer change anything? */
bool control_may_change(const struct control *control, const struct peer *peer);

/* One more answer; @parameters may be NULL. Returns 0; -ENOMEM, -ENOBUFS, -EMSGSIZE: the peer has to go. */
int control_answer(struct peer *peer, const struct ct_varlink_reply *reply);

/* Do what the call says, and answer. Returns 0, also if the answer is an error; as control_answer(). */
int control_call(struct peer *peer, const struct ct_varlink_call *call);

#endif
