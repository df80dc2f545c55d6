/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening, connections and their bounds, requests (libmicrohttpd): who may ask, how long, how much. */
#ifndef CONNTUNED_HTTP_SERVE_H
#define CONNTUNED_HTTP_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <conntune/err.h>
#include "auth.h"
#include "listen.h"
#include "view.h"

struct serve;

/* An answer that may be given many times. */
struct serve_response;

/* Name and value of a header; a NULL name ends a list. */
struct serve_header {
	const char *name, *value;
};

/**
 * serve_response_new - an answer
 * @bytes:   from malloc(), the response's from now on, also on failure; @n of them
 * @headers: besides those that every answer has (nosniff, no-store, ...); looked at during the call
 * Returns: 0; -ENOMEM.
 */
int serve_response_new(struct serve_response **ret, unsigned status, char *bytes, size_t n,
		       const struct serve_header *headers);
struct serve_response *serve_response_free(struct serve_response *response);    /* those being sent are kept until they are */
unsigned serve_response_status(const struct serve_response *response);

/**
 * struct serve_request - what is asked for; GET and HEAD only get here
 * @path:   as asked for, without query
 * @accept, @accept_encoding: headers; "" where there is none
 * @peer:   tells addresses apart (not ports): the same for all connections of one
 */
struct serve_request {
	const char *path, *accept, *accept_encoding;
	uint64_t peer;
};

/* The answer to a request, which stays the handler's; NULL: there is no memory for one. */
typedef struct serve_response *(*serve_handler)(const struct serve_request *request, void *userdata);

/**
 * struct serve_options
 * @tls_certificate, @tls_key: PEM texts; NULL: no TLS. Unix sockets never have it.
 * @auth:   NULL: no password is asked for. Unix sockets never ask.
 */
struct serve_options {
	const char *tls_certificate, *tls_key;
	struct auth *auth;
};

/**
 * serve_new - serve on sockets that listen
 * @self:   connections and failed authentications are counted there
 * Bounds: see serve.c, all in one place at its top.
 * Returns: 0; -EINVAL with what GnuTLS says of the certificate; -ENOMEM, ...
 */
int serve_new(struct serve **ret, sd_event *event, const struct listen_set *listeners,
	      const struct serve_options *options, struct view_self *self, serve_handler handler, void *userdata,
	      struct ct_err *err);
struct serve *serve_free(struct serve *serve);

#endif
