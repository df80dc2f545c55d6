/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmicrohttpd parses and sends; who may be connected, and for how long, is decided here and in places.c. */
#include "config.h"
#include "places.h"
#include "serve.h"

#include <errno.h>
#include <malloc.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <conntune/self.h>

/* Bounds of connections and their times are in places.h. */

/*
 * Of a connection. Request line and headers of a browser fit, with a cookie of the 4 KiB that browsers allow; cookies
 * are there twice while libmicrohttpd parses them. What is longer is refused (414, 431), but some few lengths of
 * cookies of which the copy alone doesn't fit: then it hangs up.
 */
#define POOL_BYTES 12288

/* Later ones let connections in at MHD_run() only, and then tell nobody of one that they couldn't, unless they are told
 * that there is one thread.
 */
#if MHD_VERSION >= 0x00097707
#define ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define ONE_THREAD 0
#endif

/* What the kernel keeps of answers that a client doesn't read; it would be 4 MiB for each. It doubles what it is told.
 */
#define SEND_BYTES 131072

/* Newcomers let in at a time; then those that are in have their turn. */
#define ACCEPT_BATCH 16

/* Turns of libmicrohttpd in one go while it says that it has more to do. */
#define RUN_TURNS 4

/* Deadlines may be looked at that much later, together with what else wakes the machine. */
#define CHECK_ACCURACY_USEC UINT64_C(250000)

/* What a load of so many requests has brought into memory is given back once there are fewer in a second than that. */
#define LOAD_REQUESTS 1000
#define QUIET_REQUESTS 100
#define FIRST_REQUESTS 4

/* tcpi_state, once the other side has said that it sends no more; the number is the kernel's interface since ever. */
#define CLOSE_WAIT 8

/* TLS 1.2 is needed for scrapers of old; what is older is broken. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct serve_response {
	unsigned status;
	struct MHD_Response *mhd;
};

/* One of libmicrohttpd: plain or with TLS. Its sockets are all behind one descriptor. */
struct engine {
	struct MHD_Daemon *daemon;
	sd_event_source *ready, *more;
};

struct door {
	struct serve *serve;
	sd_event_source *source;
	bool local;
};

enum engines { PLAIN, TLS, ENGINES };

struct serve {
	sd_event *event;
	struct engine engine[ENGINES];
	size_t doors;
	struct door door[LISTEN_MAX];
	sd_event_source *check;
	uint64_t check_usec; /* UINT64_MAX: nothing to look at */
	bool full;           /* of descriptors or memory: doors are shut until the next check */
	bool tls;
	struct places places;
	uint64_t requests, recent; /* since memory was given back; since the last check */
	struct auth *auth;
	struct view_self *self;
	serve_handler handler;
	void *userdata;
	struct serve_response *bad_method, *bad_password, *too_many_tries, *no_memory;
	struct ct_err *err; /* only while starting */
};

static int fail(struct ct_err *err, int code, const char *what)
{
	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(-code));
	}
	return code;
}

/* The loop's, so that a request costs no system call for it. */
static uint64_t now_usec(const struct serve *serve)
{
	uint64_t now = 0;

	(void)sd_event_now(serve->event, CLOCK_MONOTONIC, &now);
	return now;
}

int serve_response_new(struct serve_response **ret, unsigned status, char *bytes, size_t n,
		       const struct serve_header *headers)
{
	static const struct serve_header always[] = {
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ NULL, NULL },
	};
	struct serve_response *r = malloc(sizeof(*r));
	bool fine;

	if (!r) {
		free(bytes);
		return -ENOMEM;
	}
	r->status = status;
	r->mhd = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
	if (!r->mhd) {
		free(bytes);
		free(r);
		return -ENOMEM;
	}
	fine = true;
	for (const struct serve_header *h = always; fine && h->name; h++)
		fine = MHD_add_response_header(r->mhd, h->name, h->value) == MHD_YES;
	for (const struct serve_header *h = headers; fine && h && h->name; h++)
		fine = MHD_add_response_header(r->mhd, h->name, h->value) == MHD_YES;
	if (!fine) {
		(void)serve_response_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

struct serve_response *serve_response_free(struct serve_response *response)
{
	if (response) {
		MHD_destroy_response(response->mhd);
		free(response);
	}
	return NULL;
}

unsigned serve_response_status(const struct serve_response *response)
{
	return response->status;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

/* NULL: go on. */
static struct serve_response *refuse_password(struct serve *serve, struct MHD_Connection *connection,
					      const struct place *place)
{
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

	if (!serve->auth || place->local)
		return NULL;
	switch (auth_check(serve->auth, given, place->peer, now_usec(serve))) {
	case AUTH_FINE:
		return NULL;
	case AUTH_LATER:
		serve->self->auth_failures++;
		return serve->too_many_tries;
	case AUTH_WRONG:
		break;
	}
	/* a client that asks what it has to give hasn't failed yet */
	serve->self->auth_failures += given != NULL;
	return serve->bad_password;
}

static struct serve_response *choose(struct serve *serve, struct MHD_Connection *connection, const char *url,
				     const struct place *place)
{
	const struct serve_request request = {
		.path = url,
		.accept = header(connection, MHD_HTTP_HEADER_ACCEPT),
		.accept_encoding = header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING),
		.peer = place->peer,
	};
	struct serve_response *response = refuse_password(serve, connection, place);

	if (response) {
		serve->self->requests[VIEW_PATHS - 1].client++;
		return response;
	}
	response = serve->handler(&request, serve->userdata);
	return response ? response : serve->no_memory;
}

static enum MHD_Result send_response(struct MHD_Connection *connection, const struct serve_response *response)
{
	return MHD_queue_response(connection, response->status, response->mhd);
}

/*
 * Called once when the headers are there, for each piece of a body, and once more in the end; an answer that is given
 * before the end ends the connection.
 */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *body, size_t *body_bytes, void **context)
{
	struct serve *serve = cls;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct place *place = info->socket_context;

	(void)version, (void)body;
	if (!*context) {
		*context = place;
		place_begin(place, now_usec(serve));
		serve->requests++;
		serve->recent++;
		if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
			return MHD_YES;
		serve->self->requests[VIEW_PATHS - 1].client++;
		place_answer(place, now_usec(serve));
		return send_response(connection, serve->bad_method);
	}
	if (*body_bytes > 0) {
		*body_bytes = 0;
		return MHD_YES;
	}
	place_answer(place, now_usec(serve));
	return send_response(connection, choose(serve, connection, url, place));
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct serve *serve = cls;

	(void)connection, (void)code;
	if (*context)
		place_rest(*context, now_usec(serve));
}

/* A descriptor is closed after its place was freed only, so that no two places have the same. */
static struct place *find_place(struct serve *serve, int fd)
{
	for (size_t i = 0; i < PLACES_ROOM; i++)
		if (serve->places.place[i].state != PLACE_FREE && serve->places.place[i].fd == fd)
			return &serve->places.place[i];
	return NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct serve *serve = cls;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = find_place(serve, info->connect_fd);
		return;
	}
	places_free(&serve->places, *context);
	serve->self->open = serve->places.taken;
}

/* libmicrohttpd finds it ended at its next turn. */
static void hang_up(struct place *place)
{
	(void)shutdown(place->fd, SHUT_RDWR);
}

static void on_evicted(struct place *place, void *userdata)
{
	struct serve *serve = userdata;

	serve->self->evicted++;
	hang_up(place);
}

static void set_check(struct serve *serve, uint64_t at)
{
	if (at == serve->check_usec)
		return;
	serve->check_usec = at;
	if (at == UINT64_MAX) {
		(void)sd_event_source_set_enabled(serve->check, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(serve->check, at);
	(void)sd_event_source_set_enabled(serve->check, SD_EVENT_ONESHOT);
}

/* Something happened to some connection: which deadlines there are now is seen within a second. */
static void check_soon(struct serve *serve)
{
	uint64_t soon = now_usec(serve) + PLACES_CHECK_USEC;

	if (serve->check_usec > soon)
		set_check(serve, soon);
}

static void give_back(struct serve *serve)
{
	if (serve->requests >= LOAD_REQUESTS && (serve->recent < QUIET_REQUESTS || serve->places.taken == 0)) {
		serve->requests = 0;
		ct_self_trim();
	}
	serve->recent = 0;
}

/* Until it has nothing to do without the kernel's telling, or others have waited long enough. */
static void run(struct serve *serve, struct engine *engine)
{
	MHD_UNSIGNED_LONG_LONG wait;
	unsigned turns = 0;
	bool more;

	do {
		(void)MHD_run(engine->daemon);
		more = MHD_get_timeout(engine->daemon, &wait) == MHD_YES && wait == 0;
	} while (more && ++turns < RUN_TURNS);
	(void)sd_event_source_set_enabled(engine->more, more ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (serve->places.taken == 0)
		give_back(serve);
	check_soon(serve);
}

static struct engine *engine_of(struct serve *serve, sd_event_source *source)
{
	struct engine *tls = &serve->engine[TLS];

	return source == tls->ready || source == tls->more ? tls : &serve->engine[PLAIN];
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct serve *serve = userdata;

	(void)fd, (void)events;
	run(serve, engine_of(serve, source));
	return 0;
}

static int on_more(sd_event_source *source, void *userdata)
{
	struct serve *serve = userdata;

	run(serve, engine_of(serve, source));
	return 0;
}

static void open_doors(struct serve *serve, bool open)
{
	serve->full = !open;
	for (size_t i = 0; i < serve->doors; i++)
		(void)sd_event_source_set_enabled(serve->door[i].source, open ? SD_EVENT_ON : SD_EVENT_OFF);
	if (!open)
		check_soon(serve);
}

/*
 * What the kernel knows of a connection that nothing is done for. A request that came together with the end of its
 * connection is one event, and libmicrohttpd has seen the request only.
 */
static bool has_ended(struct place *place, uint64_t now)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	if (place->local || (place->state != PLACE_IDLE && place->state != PLACE_WAITING) ||
	    getsockopt(place->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return false;
	if (n >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		place_heard(place, info.tcpi_bytes_received, now);
	return info.tcpi_state == CLOSE_WAIT && now >= place->since_usec + PLACES_CHECK_USEC;
}

static void look_after(struct serve *serve, struct place *place, uint64_t now)
{
	bool ended = has_ended(place, now);

	if (!ended && !place_is_late(place, now))
		return;
	serve->self->late += !ended && place->state != PLACE_IDLE;
	places_leave(&serve->places, place);
	hang_up(place);
}

static int on_check(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct serve *serve = userdata;
	uint64_t now = now_usec(serve), next;

	(void)source, (void)usec;
	serve->check_usec = UINT64_MAX;
	for (size_t i = 0; i < PLACES_ROOM && serve->places.taken > 0; i++)
		look_after(serve, &serve->places.place[i], now);
	if (serve->full)
		open_doors(serve, true);
	give_back(serve);
	next = places_next_usec(&serve->places, now);
	if (serve->requests >= LOAD_REQUESTS && next > now + PLACES_CHECK_USEC)
		next = now + PLACES_CHECK_USEC;
	set_check(serve, next);
	return 0;
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static void let_in(struct serve *serve, const struct door *door, int fd, const union address *address, socklen_t n)
{
	struct ucred peer = { .uid = 0 };
	socklen_t peer_n = sizeof(peer);
	struct engine *engine = &serve->engine[serve->tls && !door->local];
	struct place guest = { .fd = fd, .local = door->local, .tls = serve->tls && !door->local }, *place;

	if (door->local)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_n);
	guest.near = place_is_near(&address->any);
	guest.peer = place_peer(&address->any, peer.uid);
	place = places_take(&serve->places, &guest, now_usec(serve), on_evicted, serve);
	if (!place) {
		serve->self->refused++;
		(void)close(fd);
		return;
	}
	serve->self->accepted++;
	/* whatever it says, the descriptor is its own from now on */
	if (MHD_add_connection(engine->daemon, fd, &address->any, n) != MHD_YES)
		places_free(&serve->places, place);
	serve->self->open = serve->places.taken;
}

static int on_knock(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
	struct door *door = userdata;
	struct serve *serve = door->serve;

	(void)source, (void)events;
	for (unsigned i = 0; i < ACCEPT_BATCH && serve->places.taken < PLACES_ROOM; i++) {
		union address address = { .any.sa_family = AF_UNIX };
		socklen_t n = sizeof(address);
		int fd = accept4(listener, &address.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				open_doors(serve, false);
			break;
		}
		let_in(serve, door, fd, &address, n);
	}
	for (size_t i = 0; i < ENGINES; i++)
		if (serve->engine[i].daemon)
			run(serve, &serve->engine[i]);
	return 0;
}

/* What it says while it starts is why it doesn't; later it only tells of clients that misbehave. */
__attribute__((format(printf, 2, 0))) static void on_message(void *cls, const char *format, va_list arguments)
{
	struct serve *serve = cls;
	char *end;

	if (!serve->err)
		return;
	serve->err->code = -EINVAL;
	(void)vsnprintf(serve->err->msg, sizeof(serve->err->msg), format, arguments);
	end = strchr(serve->err->msg, '\n');
	if (end)
		*end = '\0';
}

static int start_engine(struct serve *serve, struct engine *engine, const struct MHD_OptionItem *tls,
			struct ct_err *err)
{
	const unsigned flags =
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO | MHD_USE_ERROR_LOG | ONE_THREAD;
	const union MHD_DaemonInfo *info;
	struct ct_err why = { .code = 0 };
	int r;

	serve->err = &why;
	engine->daemon = MHD_start_daemon(
		flags | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, serve, MHD_OPTION_EXTERNAL_LOGGER,
		on_message, serve, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)PLACES_ROOM, MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, serve, MHD_OPTION_NOTIFY_CONNECTION, on_connection, serve,
		tls ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
	serve->err = NULL;
	if (!engine->daemon) {
		if (why.code == 0)
			return fail(err, -ENOMEM, "can't start the HTTP server");
		*err = why;
		return why.code;
	}
	info = MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return fail(err, -EOPNOTSUPP, "libmicrohttpd has no epoll");
	r = sd_event_add_io(serve->event, &engine->ready, info->epoll_fd, EPOLLIN, on_ready, serve);
	if (r >= 0)
		r = sd_event_add_defer(serve->event, &engine->more, on_more, serve);
	if (r >= 0)
		r = sd_event_source_set_enabled(engine->more, SD_EVENT_OFF);
	return r < 0 ? fail(err, r, "can't wait for requests") : 0;
}

static int start_tls(struct serve *serve, const struct serve_options *options, struct ct_err *err)
{
	/* the library takes texts without const, and leaves them alone */
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (!options->tls_certificate || !options->tls_key)
		return 0;
	serve->tls = true;
	return start_engine(serve, &serve->engine[TLS], tls, err);
}

static int open_door(struct serve *serve, const struct listen_socket *socket, struct ct_err *err)
{
	struct door *door = &serve->door[serve->doors];
	const int send_bytes = SEND_BYTES;
	int r;

	/* whoever is let in has it from the listener */
	(void)setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	door->serve = serve;
	door->local = socket->local;
	r = sd_event_add_io(serve->event, &door->source, socket->fd, EPOLLIN, on_knock, door);
	if (r < 0)
		return fail(err, r, socket->name);
	serve->doors++;
	return 0;
}

static int make_words(struct serve_response **ret, unsigned status, const char *words, const char *name,
		      const char *value)
{
	const struct serve_header headers[] = {
		{ MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8" },
		{ name, value },
		{ NULL, NULL },
	};
	char *text = strdup(words);

	return text ? serve_response_new(ret, status, text, strlen(text), headers) : -ENOMEM;
}

static int make_refusals(struct serve *serve)
{
	int r = make_words(&serve->bad_method, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n",
			   MHD_HTTP_HEADER_ALLOW, "GET, HEAD");

	if (r == 0)
		r = make_words(&serve->bad_password, MHD_HTTP_UNAUTHORIZED, "a name and its password are needed\n",
			       MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"conntuned\", charset=\"UTF-8\"");
	if (r == 0)
		r = make_words(&serve->too_many_tries, MHD_HTTP_TOO_MANY_REQUESTS, "too many wrong passwords\n",
			       MHD_HTTP_HEADER_RETRY_AFTER, "10");
	if (r == 0)
		r = make_words(&serve->no_memory, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n",
			       MHD_HTTP_HEADER_RETRY_AFTER, "10");
	return r;
}

static int start(struct serve *serve, const struct listen_set *listeners, const struct serve_options *options,
		 struct ct_err *err)
{
	int r = make_refusals(serve);

	if (r == 0)
		r = sd_event_add_time(serve->event, &serve->check, CLOCK_MONOTONIC, 0, CHECK_ACCURACY_USEC, on_check,
				      serve);
	if (r >= 0)
		r = sd_event_source_set_enabled(serve->check, SD_EVENT_OFF);
	if (r < 0)
		return fail(err, r, "can't start the HTTP server");
	r = start_engine(serve, &serve->engine[PLAIN], NULL, err);
	if (r == 0)
		r = start_tls(serve, options, err);
	for (size_t i = 0; r == 0 && i < listeners->n; i++)
		r = open_door(serve, &listeners->socket[i], err);
	return r;
}

int serve_new(struct serve **ret, sd_event *event, const struct listen_set *listeners,
	      const struct serve_options *options, struct view_self *self, serve_handler handler, void *userdata,
	      struct ct_err *err)
{
	struct serve *serve = calloc(1, sizeof(*serve));
	struct ct_err why = { .code = 0 };
	int r;

	if (!serve)
		return fail(err, -ENOMEM, "can't start the HTTP server");
	serve->event = sd_event_ref(event);
	serve->check_usec = UINT64_MAX;
	/* the first ones are a load, too: the linker looks for symbols in all libraries when they are used first */
	serve->requests = LOAD_REQUESTS - FIRST_REQUESTS;
	serve->auth = options->auth;
	serve->self = self;
	serve->handler = handler;
	serve->userdata = userdata;
	r = start(serve, listeners, options, &why);
	if (r < 0) {
		if (err)
			*err = why;
		(void)serve_free(serve);
		return r;
	}
	*ret = serve;
	return 0;
}

struct serve *serve_free(struct serve *serve)
{
	if (!serve)
		return NULL;
	for (size_t i = 0; i < serve->doors; i++)
		(void)sd_event_source_disable_unref(serve->door[i].source);
	for (size_t i = 0; i < ENGINES; i++) {
		(void)sd_event_source_disable_unref(serve->engine[i].ready);
		(void)sd_event_source_disable_unref(serve->engine[i].more);
		if (serve->engine[i].daemon)
			MHD_stop_daemon(serve->engine[i].daemon);
	}
	(void)sd_event_source_disable_unref(serve->check);
	(void)serve_response_free(serve->bad_method);
	(void)serve_response_free(serve->bad_password);
	(void)serve_response_free(serve->too_many_tries);
	(void)serve_response_free(serve->no_memory);
	(void)sd_event_unref(serve->event);
	free(serve);
	return NULL;
}
