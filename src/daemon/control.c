/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers of the local API: who they are, what they sent so far, what they haven't taken yet. None may hold up another. */
#include "config.h"
#include "control_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Dispatches of one source in a second: what one peer can make of work. The rest waits for the next second. */
#define EVENTS_PER_SECOND 100

/* Many, because nobody's connections may keep out another's; but where no descriptor is left, the event stays. */
#define ACCEPTS_PER_SECOND 1000
#define ACCEPTS_AT_ONCE 16

static int fail(struct ct_err *err, int code, const char *message)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "local API: %s: %s", message, strerror(-code));
	return code;
}

static void peer_free(struct peer *peer)
{
	struct control *control = peer->control;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		if (control->peers[i] == peer)
			control->peers[i] = NULL;
	(void)sd_event_source_disable_unref(peer->io);
	(void)sd_event_source_disable_unref(peer->timer);
	(void)sd_event_source_disable_unref(peer->again);
	(void)ct_varlink_reader_free(peer->reader);
	free(peer->out);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	free(peer);
}

static uint64_t now_usec(const struct control *control)
{
	uint64_t now = 0;

	(void)sd_event_now(control->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* --- who may change what */

static bool is_member(const struct peer *peer, gid_t group)
{
	socklen_t n = 0;
	gid_t *groups;
	bool found = peer->who.gid == group;

	/* with no room it says how much it needs; none of them: 0 */
	if (found || getsockopt(peer->fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) == 0 || errno != ERANGE)
		return found;
	groups = malloc(n);
	if (!groups || getsockopt(peer->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n / sizeof(*groups); i++)
		found = found || groups[i] == group;
	free(groups);
	return found;
}

bool control_may_change(const struct control *control, const struct peer *peer)
{
	if (peer->who.uid == 0 || peer->who.uid == geteuid())
		return true;
	return control->group != (gid_t)-1 && is_member(peer, control->group);
}

/* --- answers */

int control_answer(struct peer *peer, const struct ct_varlink_reply *reply)
{
	struct ct_err err;
	char *bytes = NULL, *out;
	size_t n = 0;
	int r = ct_varlink_reply_bytes(reply, &bytes, &n, &err);

	if (r < 0)
		return r;
	if (peer->out_bytes + n > CONTROL_OUT_MAX)
		r = -ENOBUFS;
	out = r == 0 ? realloc(peer->out, peer->out_bytes + n) : NULL;
	if (out) {
		memcpy(out + peer->out_bytes, bytes, n);
		peer->out = out;
		peer->out_bytes += n;
	} else if (r == 0) {
		r = -ENOMEM;
	}
	free(bytes);
	return r;
}

static int send_answers(struct peer *peer)
{
	while (peer->out_sent < peer->out_bytes) {
		ssize_t n = send(peer->fd, peer->out + peer->out_sent, peer->out_bytes - peer->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		peer->out_sent += (size_t)n;
	}
	free(peer->out);
	peer->out = NULL;
	peer->out_bytes = peer->out_sent = 0;
	return 0;
}

/* --- one step at a time */

/* One message only: another peer, and what the daemon is for, may be more urgent than the next. */
static int serve(struct peer *peer)
{
	struct ct_varlink_call call;
	json_t *message = NULL;
	struct ct_err err;
	int r = ct_varlink_reader_next(peer->reader, &message, &err);

	if (r <= 0)
		return r;
	r = ct_varlink_call_parse(message, &call, &err);
	if (r == 0)
		r = control_call(peer, &call);
	json_decref(message);
	return r < 0 ? r : send_answers(peer);
}

static int receive(struct peer *peer)
{
	struct ct_err err;
	void *space = NULL;
	size_t n = 0;
	ssize_t got;
	int r = ct_varlink_reader_space(peer->reader, &space, &n, &err);

	if (r < 0)
		return r;
	got = recv(peer->fd, space, n, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	peer->ended = got == 0;
	ct_varlink_reader_filled(peer->reader, (size_t)got);
	return 0;
}

/* What it waits for now, and until when at the latest. More of the same doesn't put the end off. */
static int wait_on(struct peer *peer, bool progressed)
{
	bool answers = peer->out_bytes > 0, ready = ct_varlink_reader_ready(peer->reader);
	enum peer_waits waits = answers					? PEER_ANSWERS
				: ct_varlink_reader_begun(peer->reader) ? PEER_MESSAGE
									: PEER_IDLE;
	int r;

	if (peer->ended && !answers && !ready)
		return -ECONNRESET;
	if (waits != peer->waits || progressed) {
		const struct control *control = peer->control;

		peer->waits = waits;
		peer->since_usec = now_usec(control);
		r = sd_event_source_set_time(peer->timer, peer->since_usec + (waits == PEER_IDLE ? control->idle_usec
												  : control->message_usec));
		if (r < 0)
			return r;
	}
	r = sd_event_source_set_io_events(peer->io, answers ? EPOLLOUT : EPOLLIN);
	if (r >= 0)
		/* with a message at hand the socket has to wait; with answers it says when they can go on */
		r = sd_event_source_set_enabled(peer->io, answers || !ready ? SD_EVENT_ON : SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_enabled(peer->again, ready && !answers ? SD_EVENT_ON : SD_EVENT_OFF);
	return r;
}

static int step(struct peer *peer)
{
	bool progressed = false;
	int r = 0;

	if (peer->out_bytes) {
		r = send_answers(peer);
	} else {
		if (!ct_varlink_reader_ready(peer->reader))
			r = receive(peer);
		progressed = ct_varlink_reader_ready(peer->reader);
		if (r == 0 && progressed)
			r = serve(peer);
	}
	if (r == 0)
		r = wait_on(peer, progressed);
	if (r < 0)
		peer_free(peer);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source, (void)fd, (void)events;
	return step(userdata);
}

static int on_again(sd_event_source *source, void *userdata)
{
	(void)source;
	return step(userdata);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	peer_free(userdata);
	return 0;
}

/* --- connections */

static int set_up_source(sd_event_source *source, const char *description, unsigned per_second)
{
	int r = sd_event_source_set_priority(source, CONTROL_PRIORITY);

	if (r >= 0 && per_second)
		r = sd_event_source_set_ratelimit(source, 1000000, per_second);
	if (r >= 0)
		r = sd_event_source_set_description(source, description);
	return r;
}

static int watch_peer(struct peer *peer)
{
	sd_event *event = peer->control->event;
	int r = sd_event_add_io(event, &peer->io, peer->fd, EPOLLIN, on_io, peer);

	if (r >= 0)
		r = set_up_source(peer->io, "local API: a peer", EVENTS_PER_SECOND);
	if (r >= 0)
		r = sd_event_add_defer(event, &peer->again, on_again, peer);
	if (r >= 0)
		r = sd_event_source_set_enabled(peer->again, SD_EVENT_OFF);
	if (r >= 0)
		r = set_up_source(peer->again, "local API: the next message of a peer", EVENTS_PER_SECOND);
	if (r >= 0)
		r = sd_event_add_time(event, &peer->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_late, peer);
	if (r >= 0)
		r = set_up_source(peer->timer, "local API: a peer is late", 0);
	return r < 0 ? r : wait_on(peer, true);
}

static size_t count_of(const struct control *control, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		n += control->peers[i] && control->peers[i]->who.uid == uid;
	return n;
}

/*
 * All places are taken: whoever may change something gets that of one who may not; anybody else that of a user who has
 * more of them. The one that has been waited for longest goes. NULL: nobody has to.
 */
static struct peer *find_victim(const struct control *control, const struct peer *newcomer)
{
	bool preferred = control_may_change(control, newcomer);
	size_t of_newcomer = count_of(control, newcomer->who.uid);
	struct peer *victim = NULL;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct peer *p = control->peers[i];
		bool may_go = !control_may_change(control, p) &&
			      (preferred || count_of(control, p->who.uid) > of_newcomer + 1);

		if (may_go && (!victim || p->since_usec < victim->since_usec))
			victim = p;
	}
	return victim;
}

static int find_place(struct control *control, const struct peer *newcomer, size_t *place)
{
	struct peer *victim;

	if (count_of(control, newcomer->who.uid) >= CONTROL_PEERS_OF_USER_MAX)
		return -EUSERS;
	for (*place = 0; *place < CONTROL_PEERS_MAX; (*place)++)
		if (!control->peers[*place])
			return 0;
	victim = find_victim(control, newcomer);
	if (!victim)
		return -EUSERS;
	for (*place = 0; control->peers[*place] != victim;)
		(*place)++;
	peer_free(victim);
	return 0;
}

/* @fd is the peer's in any case */
static int add_peer(struct control *control, int fd)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	socklen_t n = sizeof(peer->who);
	struct ct_err err;
	size_t place = 0;
	int r;

	if (!peer) {
		(void)close(fd);
		return -ENOMEM;
	}
	peer->control = control;
	peer->fd = fd;
	r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->who, &n) < 0 ? -errno : 0;
	if (r == 0)
		r = find_place(control, peer, &place);
	if (r == 0)
		r = ct_varlink_reader_new(&peer->reader, &err);
	if (r == 0)
		r = watch_peer(peer);
	if (r >= 0)
		control->peers[place] = peer;
	else
		peer_free(peer);
	return r < 0 ? r : 0;
}

/* Those that get no place are closed at once, so that they don't stand in the way of the others. */
static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control *control = userdata;

	(void)source, (void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (peer < 0)
			break;
		(void)add_peer(control, peer);
	}
	return 0;
}

int control_new(struct control **ret, sd_event *event, int fd, const char *path, unsigned group,
		const struct control_ops *ops, void *userdata, struct ct_err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return fail(err, -ENOMEM, "no memory");
	*control = (struct control){
		.event = sd_event_ref(event), .socket.fd = -1, .group = group, .ops = ops, .userdata = userdata,
		.message_usec = CONTROL_MESSAGE_USEC, .idle_usec = CONTROL_IDLE_USEC,
	};
	r = control_socket_open(&control->socket, fd, path, err);
	if (r < 0) {
		(void)control_free(control);
		return r;
	}
	/* now, not when the first object is made: that may be behind a system call filter */
	json_object_seed(0);
	r = sd_event_add_io(event, &control->listen, control->socket.fd, EPOLLIN, on_connection, control);
	if (r >= 0)
		r = set_up_source(control->listen, "local API", ACCEPTS_PER_SECOND);
	if (r < 0) {
		if (fd >= 0)
			control->socket.fd = -1;
		(void)control_free(control);
		return fail(err, r, "no event source can be added");
	}
	*ret = control;
	return 0;
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		if (control->peers[i])
			peer_free(control->peers[i]);
	(void)sd_event_source_disable_unref(control->listen);
	control_socket_close(&control->socket);
	(void)sd_event_unref(control->event);
	free(control);
	return NULL;
}
