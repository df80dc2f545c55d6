/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local API's frames (https://varlink.org) to and from bytes. Pure: no I/O, no clock; everything is bounded. */
#ifndef CONNTUNE_VARLINK_H
#define CONNTUNE_VARLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <conntune/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of one message, the NUL that ends it included; objects and arrays in one another. */
#define CT_VARLINK_MESSAGE_MAX 65536
#define CT_VARLINK_DEPTH_MAX 16

/* jansson's: include jansson.h to look into one */
struct json_t;

/**
 * struct ct_varlink_reader - bytes as they come, messages as they are complete
 * Holds at most CT_VARLINK_MESSAGE_MAX bytes, and memory only while a message is incomplete or waits.
 */
struct ct_varlink_reader;
int ct_varlink_reader_new(struct ct_varlink_reader **ret, struct ct_err *err);
struct ct_varlink_reader *ct_varlink_reader_free(struct ct_varlink_reader *reader);

/**
 * ct_varlink_reader_space - where the next bytes go
 * @ret, @n: so much may be written there before ct_varlink_reader_filled() tells how much it was
 * Returns: 0; -EMSGSIZE if a message is too long; -ENOBUFS if complete messages fill it: take them first; -ENOMEM.
 */
int ct_varlink_reader_space(struct ct_varlink_reader *reader, void **ret, size_t *n, struct ct_err *err);
void ct_varlink_reader_filled(struct ct_varlink_reader *reader, size_t n);

/**
 * ct_varlink_reader_next - the oldest complete message
 * @ret: a new reference to an object
 * Returns: 1; 0 if none is complete; -EBADMSG if it isn't an object of JSON or too deep; -ENOMEM. After a failure the
 * message is gone, and what comes behind it can be read.
 */
int ct_varlink_reader_next(struct ct_varlink_reader *reader, struct json_t **ret, struct ct_err *err);

/* Is a message complete? Is the beginning of one there? */
bool ct_varlink_reader_ready(const struct ct_varlink_reader *reader);
bool ct_varlink_reader_begun(const struct ct_varlink_reader *reader);

/**
 * struct ct_varlink_call - what a client sends
 * @method:     "org.conntune.Status"
 * @parameters: an object, or NULL
 * @more:       several replies are welcome; @oneway: none is; @upgrade: the connection is to speak something else
 */
struct ct_varlink_call {
	const char *method;
	struct json_t *parameters;
	bool more, oneway, upgrade;
};

/**
 * struct ct_varlink_reply - what comes back
 * @error:      "org.conntune.PermissionDenied"; NULL: none
 * @parameters: an object, or NULL
 * @continues:  another reply follows
 */
struct ct_varlink_reply {
	const char *error;
	struct json_t *parameters;
	bool continues;
};

/*
 * From a message: @ret points into it. Members that Varlink doesn't know are passed over.
 * Returns: 0; -EBADMSG if a member is missing, or of a wrong type, or a name isn't one.
 */
int ct_varlink_call_parse(const struct json_t *message, struct ct_varlink_call *ret, struct ct_err *err);
int ct_varlink_reply_parse(const struct json_t *message, struct ct_varlink_reply *ret, struct ct_err *err);

/*
 * To bytes. @ret: to be freed; @n counts the NUL at its end too.
 * Returns: 0; -EINVAL if it isn't one that the other side would take; -EMSGSIZE if it would be too long; -ENOMEM.
 */
int ct_varlink_call_bytes(const struct ct_varlink_call *call, char **ret, size_t *n, struct ct_err *err);
int ct_varlink_reply_bytes(const struct ct_varlink_reply *reply, char **ret, size_t *n, struct ct_err *err);

/* "interface.Name" as Varlink spells names of methods and errors. @dot: where the last dot is; may be NULL. */
bool ct_varlink_is_name(const char *text, size_t *dot);

#ifdef __cplusplus
}
#endif
#endif
