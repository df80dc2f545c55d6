/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may ask, by name and password (HTTP basic authentication): lines of "name:hash", hashes as crypt(5) has them. */
#ifndef CONNTUNED_HTTP_AUTH_H
#define CONNTUNED_HTTP_AUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>

struct auth;

enum auth_verdict {
	AUTH_FINE,
	AUTH_WRONG, /* or none given */
	AUTH_LATER, /* too many tries at once: checking costs time that others wait for */
};

/**
 * auth_new - from the text of a file
 * Only hashes that are slow to guess are taken: $2b$ (bcrypt), $y$ (yescrypt), $6$, $5$; but none that take more than
 * some tenths of a second or 16 MiB: yescrypt up to its default (j9T), bcrypt up to cost 12, the others up to 500000
 * rounds. Returns: 0; -EINVAL with the number of the line that is wrong; -ENOMEM.
 */
int auth_new(struct auth **ret, const char *text, struct ct_err *err);
struct auth *auth_free(struct auth *auth);

/* Wrong passwords take this part of the time at most, however slow the hashes are, after a few at once. */
#define AUTH_SHARE 8

/* @header: of Authorization; NULL: none. @peer: see struct serve_request. @now_usec: any monotonic clock. */
enum auth_verdict auth_check(struct auth *auth, const char *header, uint64_t peer, uint64_t now_usec);

#endif
