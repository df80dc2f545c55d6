/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of the local API. What comes back is not trusted either: time, length and type are bounded. */
#include "config.h"
#include "fs.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <jansson.h>
#include <conntune/client.h>
#include <conntune/varlink.h>

/* More than a daemon keeps: 1440 minutes, 840 hours, 1826 days. */
#define HISTORY_ROWS_MAX 65536

/**
 * struct ct_client - a connection, or the way to one
 * @fd:       -1: closed
 * @end_usec: CLOCK_MONOTONIC; of the call that goes on
 */
struct ct_client {
	struct ct_fs *fs;
	uint64_t timeout_usec, end_usec;
	int fd;
	struct ct_varlink_reader *reader;
};

static void json_done(json_t **o)
{
	json_decref(*o);
}

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void begin(struct ct_client *client)
{
	if (!ct_add_u64(now_usec(), client->timeout_usec, &client->end_usec))
		client->end_usec = UINT64_MAX;
}

static uint64_t left_usec(const struct ct_client *client)
{
	uint64_t now = now_usec();

	return now < client->end_usec ? client->end_usec - now : 0;
}

static int fail_late(const struct ct_client *client, struct ct_err *err)
{
	return ct_err_set(err, -ETIMEDOUT, "conntuned didn't answer within %.3g s", (double)client->timeout_usec / 1e6);
}

static void hang_up(struct ct_client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
	client->reader = ct_varlink_reader_free(client->reader);
}

/* --- connecting */

static int fail_connect(const struct ct_client *client, int r, struct ct_err *err)
{
	const char *root = ct_fs_root(client->fs), *slash = strcmp(root, "/") == 0 ? "" : "/";

	if (r == -ENOENT || r == -ENOTDIR)
		return ct_err_set(err, -ENOENT, "conntuned isn't running: there is no %.150s%s" CT_CLIENT_SOCKET, root,
				  slash);
	if (r == -ECONNREFUSED)
		return ct_err_set(err, r, "conntuned isn't running: nobody listens on %.150s%s" CT_CLIENT_SOCKET, root,
				  slash);
	/* what connect(2) says when the time of SO_SNDTIMEO is over */
	if (r == -EAGAIN)
		return fail_late(client, err);
	return ct_err_set(err, r, "conntuned can't be asked on %.150s%s" CT_CLIENT_SOCKET ": %s", root, slash,
			  strerror(-r));
}

/*
 * Through the descriptor of the socket's file: found below the root like every file, and of any length. A queue that is
 * full makes connect(2) wait, and poll(2) can't be asked about that; so it is given its time.
 */
static int connect_fd(const struct ct_client *client, int file, int fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	uint64_t left = left_usec(client);
	const struct timeval limit = {
		.tv_sec = (time_t)(left / 1000000 < INT_MAX ? left / 1000000 : INT_MAX),
		.tv_usec = (suseconds_t)(left % 1000000 ? left % 1000000 : 1),
	};

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", file);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

static int dial(struct ct_client *client, struct ct_err *err)
{
	ct_cleanup(ct_closep) int file = -1, fd = -1;
	int r;

	file = ct_fs_open(client->fs, CT_CLIENT_SOCKET, O_PATH, 0, err);
	if (file < 0)
		return fail_connect(client, file, err);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_connect(client, -errno, err);
	do {
		r = connect_fd(client, file, fd);
	} while (r == -EINTR && left_usec(client) > 0);
	if (r < 0)
		return fail_connect(client, r == -EINTR ? -EAGAIN : r, err);
	r = ct_varlink_reader_new(&client->reader, err);
	if (r < 0)
		return r;
	client->fd = fd;
	fd = -1;
	return 0;
}

/* The daemon closes connections that ask nothing. */
static bool is_closed(const struct ct_client *client)
{
	char c;
	ssize_t n = recv(client->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	/* whatever is there now answers nothing that was asked */
	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

static int ensure(struct ct_client *client, struct ct_err *err)
{
	if (client->fd >= 0 && is_closed(client))
		hang_up(client);
	return client->fd >= 0 ? 0 : dial(client, err);
}

int ct_client_new(struct ct_client **ret, struct ct_fs *fs, uint64_t timeout_usec, struct ct_err *err)
{
	struct ct_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return ct_err_set(err, -ENOMEM, "out of memory");
	*client = (struct ct_client){ .fs = fs, .timeout_usec = timeout_usec, .fd = -1 };
	begin(client);
	r = dial(client, err);
	if (r < 0)
		(void)ct_client_free(client);
	else
		*ret = client;
	return r;
}

struct ct_client *ct_client_free(struct ct_client *client)
{
	if (client)
		hang_up(client);
	free(client);
	return NULL;
}

/* --- talking */

static int wait_for(const struct ct_client *client, short events, struct ct_err *err)
{
	struct pollfd p = { .fd = client->fd, .events = events };

	for (;;) {
		uint64_t ms = (left_usec(client) + 999) / 1000;
		int n = ms ? poll(&p, 1, ms < INT_MAX ? (int)ms : INT_MAX) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return fail_late(client, err);
		if (errno != EINTR)
			return ct_err_set(err, -errno, "conntuned can't be waited for: %s", strerror(errno));
	}
}

static int fail_gone(int r, struct ct_err *err)
{
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		return ct_err_set(err, -ECONNRESET, "conntuned closed the connection without an answer");
	return ct_err_set(err, r, "the connection to conntuned failed: %s", strerror(-r));
}

static int send_all(const struct ct_client *client, const char *bytes, size_t n, struct ct_err *err)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = send(client->fd, bytes + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r >= 0) {
			done += (size_t)r;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fail_gone(-errno, err);
		r = wait_for(client, POLLOUT, err);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

static int receive(const struct ct_client *client, struct ct_err *err)
{
	void *space = NULL;
	size_t n = 0;
	ssize_t got;
	int r = ct_varlink_reader_space(client->reader, &space, &n, err);

	if (r == 0)
		r = wait_for(client, POLLIN, err);
	if (r < 0)
		return r;
	got = recv(client->fd, space, n, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return fail_gone(got < 0 ? -errno : 0, err);
	ct_varlink_reader_filled(client->reader, (size_t)got);
	return 0;
}

/* What isn't a reply is told as it is, but as the daemon's. */
static int fail_garbage(int r, struct ct_err *err)
{
	struct ct_err reason = { 0 };

	if (err && (r == -EBADMSG || r == -EMSGSIZE)) {
		reason = *err;
		return ct_err_set(err, r, "what answers isn't conntuned: %s", reason.msg);
	}
	return r;
}

static int hear(const struct ct_client *client, json_t **ret, struct ct_err *err)
{
	int r;

	while ((r = ct_varlink_reader_next(client->reader, ret, err)) == 0) {
		r = receive(client, err);
		if (r < 0)
			break;
	}
	return r < 0 ? fail_garbage(r, err) : 0;
}

static int say(const struct ct_client *client, const struct ct_varlink_call *call, struct ct_err *err)
{
	ct_cleanup(ct_freep) char *bytes = NULL;
	size_t n = 0;
	int r = ct_varlink_call_bytes(call, &bytes, &n, err);

	return r < 0 ? r : send_all(client, bytes, n, err);
}

/* --- errors of the other side */

static const char *text_of(const json_t *parameters, const char *key)
{
	const char *text = json_string_value(json_object_get(parameters, key));

	return text ? text : "";
}

static int fail_failed(const json_t *parameters, struct ct_err *err)
{
	json_int_t code = json_integer_value(json_object_get(parameters, "code"));

	/* an errno; anything else isn't one of ours */
	if (code < 1 || code > 4095)
		code = EREMOTEIO;
	return ct_err_set(err, -(int)code, "conntuned: %.200s", text_of(parameters, "message"));
}

static int fail_as_told(const struct ct_varlink_reply *reply, struct ct_err *err)
{
	static const struct {
		const char *error, *key, *format;
		int code;
	} rows[] = {
		{ "org.conntune.PermissionDenied", "message", "conntuned refuses", -EPERM },
		{ "org.conntune.NothingWaits", "message", "conntuned", -ESTALE },
		{ "org.varlink.service.InvalidParameter", "parameter", "conntuned doesn't take this parameter", -EINVAL },
		{ "org.varlink.service.MethodNotFound", "method", "conntuned has no method", -EOPNOTSUPP },
		{ "org.varlink.service.MethodNotImplemented", "method", "conntuned has no method", -EOPNOTSUPP },
		{ "org.varlink.service.InterfaceNotFound", "interface", "conntuned has no interface", -EOPNOTSUPP },
	};

	if (strcmp(reply->error, "org.conntune.Failed") == 0)
		return fail_failed(reply->parameters, err);
	for (size_t i = 0; i < ct_array_size(rows); i++)
		if (strcmp(rows[i].error, reply->error) == 0)
			return ct_err_set(err, rows[i].code, "%s: %.150s", rows[i].format,
					  text_of(reply->parameters, rows[i].key));
	return ct_err_set(err, -EREMOTEIO, "conntuned: error %.150s", reply->error);
}

/* --- calls */

struct pending {
	const struct ct_varlink_call *call;
	ct_client_fn fn;
	void *userdata;
	bool told;                      /* the daemon's own error, or the caller's: the connection is fine */
};

/* One reply. Returns 1 if another follows. */
static int take_reply(struct pending *p, json_t *message, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *empty = NULL;
	struct ct_varlink_reply reply;
	int r = ct_varlink_reply_parse(message, &reply, err);

	if (r < 0)
		return fail_garbage(r, err);
	if (reply.error) {
		p->told = !reply.continues;
		return fail_as_told(&reply, err);
	}
	if (reply.continues && !p->call->more)
		return ct_err_set(err, -EBADMSG, "what answers isn't conntuned: it goes on where one answer is due");
	if (!reply.parameters)
		reply.parameters = empty = json_object();
	if (!reply.parameters)
		return ct_err_set(err, -ENOMEM, "out of memory");
	r = p->fn ? p->fn(reply.parameters, p->userdata) : 0;
	p->told = r != 0 && !reply.continues;
	return r != 0 ? r : reply.continues;
}

static int take_replies(struct ct_client *client, struct pending *p, struct ct_err *err)
{
	int r;

	do {
		ct_cleanup(json_done) json_t *message = NULL;

		r = hear(client, &message, err);
		if (r == 0)
			r = take_reply(p, message, err);
	} while (r == 1);
	return r;
}

static int call(struct ct_client *client, struct pending *p, struct ct_err *err)
{
	int r;

	begin(client);
	r = ensure(client, err);
	if (r < 0)
		return r;
	r = say(client, p->call, err);
	if (r == 0)
		r = take_replies(client, p, err);
	/* an answer that comes later must not be taken for that of the next question */
	if (r != 0 && !p->told)
		hang_up(client);
	return r;
}

static int keep(struct json_t *parameters, void *userdata)
{
	json_t **ret = userdata;

	*ret = json_incref(parameters);
	return 0;
}

int ct_client_call(struct ct_client *client, const char *method, struct json_t *parameters, struct json_t **ret,
		   struct ct_err *err)
{
	const struct ct_varlink_call c = { .method = method, .parameters = parameters };
	struct pending p = { .call = &c, .fn = ret ? keep : NULL, .userdata = ret };

	return call(client, &p, err);
}

int ct_client_call_more(struct ct_client *client, const char *method, struct json_t *parameters, ct_client_fn fn,
			void *userdata, struct ct_err *err)
{
	const struct ct_varlink_call c = { .method = method, .parameters = parameters, .more = true };
	struct pending p = { .call = &c, .fn = fn, .userdata = userdata };

	return call(client, &p, err);
}

int ct_client_status(struct ct_client *client, struct json_t **ret, struct ct_err *err)
{
	return ct_client_call(client, "org.conntune.Status", NULL, ret, err);
}

int ct_client_hold(struct ct_client *client, uint64_t seconds, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *parameters = NULL;

	parameters = seconds ? json_pack("{s:I}", "seconds", (json_int_t)(seconds < INT64_MAX ? seconds : INT64_MAX))
			     : json_object();
	if (!parameters)
		return ct_err_set(err, -ENOMEM, "out of memory");
	return ct_client_call(client, "org.conntune.Hold", parameters, NULL, err);
}

int ct_client_resume(struct ct_client *client, struct ct_err *err)
{
	return ct_client_call(client, "org.conntune.Resume", NULL, NULL, err);
}

int ct_client_confirm(struct ct_client *client, struct ct_err *err)
{
	return ct_client_call(client, "org.conntune.Confirm", NULL, NULL, err);
}

static int add_rows(struct json_t *parameters, void *userdata)
{
	json_t *all = userdata, *rows = json_object_get(parameters, "rows");

	if (!json_is_array(rows))
		return -EBADMSG;
	if (json_array_size(all) + json_array_size(rows) > HISTORY_ROWS_MAX)
		return -EMSGSIZE;
	return json_array_extend(all, rows) < 0 ? -ENOMEM : 0;
}

int ct_client_history(struct ct_client *client, const char *span, int64_t since, struct json_t **ret,
		      struct ct_err *err)
{
	ct_cleanup(json_done) json_t *parameters = NULL, *all = NULL;
	struct ct_err call_err = { 0 };
	int r;

	parameters = json_pack("{s:s,s:I}", "span", span, "since", (json_int_t)since);
	all = json_array();
	if (!parameters || !all)
		return ct_err_set(err, -ENOMEM, "out of memory");
	r = ct_client_call_more(client, "org.conntune.History", parameters, add_rows, all, &call_err);
	if (r == 0)
		*ret = ct_take(all);
	else if (call_err.msg[0])
		return ct_err_set(err, r, "%s", call_err.msg);
	else
		return ct_err_set(err, r, "conntuned: its history is no list of rows, or too long a one");
	return 0;
}
