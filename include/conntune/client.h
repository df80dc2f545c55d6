/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talk to a running conntuned: ask how it is, hold, resume, confirm. Blocks, but never for longer than it was told. */
#ifndef CONNTUNE_CLIENT_H
#define CONNTUNE_CLIENT_H

#include <stdint.h>
#include <conntune/err.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* jansson's: include jansson.h to look into one */
struct json_t;

/* Where it listens, below the root. */
#define CT_CLIENT_SOCKET "run/conntuned/org.conntune"

struct ct_client;

/**
 * ct_client_new - connect
 * @fs:           must stay. A captured tree has no daemon, whatever runs here.
 * @timeout_usec: for this, and for each call as a whole
 * Returns: 0; -ENOENT or -ECONNREFUSED if none runs; -EACCES; -ETIMEDOUT if it takes no connection; -ENOMEM.
 */
int ct_client_new(struct ct_client **ret, struct ct_fs *fs, uint64_t timeout_usec, struct ct_err *err);
struct ct_client *ct_client_free(struct ct_client *client);

/**
 * ct_client_call - one question, one answer
 * @method:     "org.conntune.Status"
 * @parameters: an object, or NULL; stays the caller's
 * @ret:        a new reference to the object that came back, maybe an empty one; may be NULL
 * Returns: 0; as ct_client_new(), since a connection that was closed meanwhile is made anew; -EPERM if this user may not;
 * -ESTALE if nothing waits to be confirmed; -EINVAL for a parameter that it doesn't take; -EOPNOTSUPP for a method that it
 * doesn't have; what it says that failed; -EBADMSG and -EMSGSIZE for an answer that isn't one; -ECONNRESET if it
 * went away; -ETIMEDOUT. After the last four it isn't known whether it was done.
 */
int ct_client_call(struct ct_client *client, const char *method, struct json_t *parameters, struct json_t **ret,
		   struct ct_err *err);

/**
 * ct_client_call_more - one question, an answer after the other
 * @fn: called for each; anything but 0 ends it and is returned
 */
typedef int (*ct_client_fn)(struct json_t *parameters, void *userdata);
int ct_client_call_more(struct ct_client *client, const char *method, struct json_t *parameters, ct_client_fn fn,
			void *userdata, struct ct_err *err);

/* What org.conntune.varlink describes as the reply of Status. */
int ct_client_status(struct ct_client *client, struct json_t **ret, struct ct_err *err);

/* Change nothing for so many seconds; 0: until ct_client_resume(). */
int ct_client_hold(struct ct_client *client, uint64_t seconds, struct ct_err *err);

/* Go on, and take back what was left to others. */
int ct_client_resume(struct ct_client *client, struct ct_err *err);

/* Keep the change that waits. */
int ct_client_confirm(struct ct_client *client, struct ct_err *err);

/**
 * ct_client_history - how many entries there were
 * @span:  "minute", "hour" or "day"
 * @since: seconds since 1970; 0: all
 * @ret:   an array of HistoryRow as in org.conntune.varlink, oldest first
 */
int ct_client_history(struct ct_client *client, const char *span, int64_t since, struct json_t **ret,
		      struct ct_err *err);

#ifdef __cplusplus
}
#endif
#endif
