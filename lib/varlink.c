/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink frames: JSON objects that end in a NUL. Whoever sends them may be hostile: length and depth are bounded. */
#include "config.h"
#include "json.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <jansson.h>
#include <conntune/varlink.h>

#define ROOM_MIN 1024
#define NAME_BYTES_MAX 255

/**
 * struct ct_varlink_reader - bytes from @begin to @end wait; up to @seen there is no NUL
 * @ready: a NUL is at @seen
 */
struct ct_varlink_reader {
	char *bytes;
	size_t room, begin, seen, end;
	bool ready;
};

static void json_done(json_t **o)
{
	json_decref(*o);
}

int ct_varlink_reader_new(struct ct_varlink_reader **ret, struct ct_err *err)
{
	struct ct_varlink_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return ct_err_set(err, -ENOMEM, "out of memory");
	*ret = reader;
	return 0;
}

struct ct_varlink_reader *ct_varlink_reader_free(struct ct_varlink_reader *reader)
{
	if (reader)
		free(reader->bytes);
	free(reader);
	return NULL;
}

static void move_to_front(struct ct_varlink_reader *reader)
{
	if (reader->begin == 0)
		return;
	memmove(reader->bytes, reader->bytes + reader->begin, reader->end - reader->begin);
	reader->seen -= reader->begin;
	reader->end -= reader->begin;
	reader->begin = 0;
}

/* Twice as much each time: a message that comes byte by byte isn't copied for each of them. */
static int grow(struct ct_varlink_reader *reader, struct ct_err *err)
{
	size_t room = reader->room ? 2 * reader->room : ROOM_MIN;
	char *bytes = realloc(reader->bytes, room);

	if (!bytes)
		return ct_err_set(err, -ENOMEM, "out of memory");
	reader->bytes = bytes;
	reader->room = room;
	return 0;
}

int ct_varlink_reader_space(struct ct_varlink_reader *reader, void **ret, size_t *n, struct ct_err *err)
{
	int r;

	move_to_front(reader);
	if (reader->end == CT_VARLINK_MESSAGE_MAX && reader->ready)
		return ct_err_set(err, -ENOBUFS, "messages wait to be taken");
	if (reader->end == CT_VARLINK_MESSAGE_MAX)
		return ct_err_set(err, -EMSGSIZE, "a message is longer than %d bytes", CT_VARLINK_MESSAGE_MAX);
	if (reader->end == reader->room) {
		r = grow(reader, err);
		if (r < 0)
			return r;
	}
	*ret = reader->bytes + reader->end;
	*n = reader->room - reader->end;
	return 0;
}

static void look_for_end(struct ct_varlink_reader *reader)
{
	const char *nul = NULL;

	if (reader->end > reader->seen)
		nul = memchr(reader->bytes + reader->seen, '\0', reader->end - reader->seen);
	reader->ready = nul != NULL;
	reader->seen = nul ? (size_t)(nul - reader->bytes) : reader->end;
}

void ct_varlink_reader_filled(struct ct_varlink_reader *reader, size_t n)
{
	reader->end += n;
	if (!reader->ready)
		look_for_end(reader);
}

bool ct_varlink_reader_ready(const struct ct_varlink_reader *reader)
{
	return reader->ready;
}

bool ct_varlink_reader_begun(const struct ct_varlink_reader *reader)
{
	return reader->end > reader->begin;
}

/* Before jansson, which descends 2048 levels, has seen it. What isn't JSON is found there. */
static bool is_deep(const char *text, size_t n)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!in_string && (text[i] == '}' || text[i] == ']'))
			depth--;
		if (depth > CT_VARLINK_DEPTH_MAX)
			return true;
	}
	return false;
}

static int parse(const char *text, size_t n, json_t **ret, struct ct_err *err)
{
	json_t *o = NULL;
	json_error_t e;
	int r;

	if (is_deep(text, n))
		return ct_err_set(err, -EBADMSG, "a message has objects more than %d deep", CT_VARLINK_DEPTH_MAX);
	r = ct_json_load(text, n, &o, &e);
	if (r == -ENOMEM)
		return ct_err_set(err, r, "out of memory");
	if (r < 0)
		return ct_err_set(err, r, "a message isn't JSON: byte %d: %.80s", e.position, e.text);
	if (!json_is_object(o)) {
		json_decref(o);
		return ct_err_set(err, -EBADMSG, "a message isn't an object");
	}
	*ret = o;
	return 1;
}

int ct_varlink_reader_next(struct ct_varlink_reader *reader, struct json_t **ret, struct ct_err *err)
{
	int r;

	if (!reader->ready)
		return 0;
	r = parse(reader->bytes + reader->begin, reader->seen - reader->begin, ret, err);
	reader->begin = ++reader->seen;
	look_for_end(reader);
	if (reader->begin < reader->end)
		return r;
	/* a connection that waits for its next question keeps nothing */
	free(reader->bytes);
	*reader = (struct ct_varlink_reader){ .bytes = NULL };
	return r;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Parts of letters and digits with dots between them; '-' inside of a part only. */
static bool is_interface(const char *text, size_t n)
{
	bool dots = false;

	if (n == 0 || !is_alnum(text[0]) || (text[0] >= '0' && text[0] <= '9') || !is_alnum(text[n - 1]))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!is_alnum(text[i]) && text[i] != '-' && text[i] != '.')
			return false;
		if (text[i] == '.' && (!is_alnum(text[i - 1]) || !is_alnum(text[i + 1])))
			return false;
		dots = dots || text[i] == '.';
	}
	return dots;
}

bool ct_varlink_is_name(const char *text, size_t *dot)
{
	const char *last = strrchr(text, '.');

	if (!last || strlen(text) > NAME_BYTES_MAX || !is_interface(text, (size_t)(last - text)))
		return false;
	if (last[1] < 'A' || last[1] > 'Z')
		return false;
	for (const char *p = last + 1; *p; p++)
		if (!is_alnum(*p))
			return false;
	if (dot)
		*dot = (size_t)(last - text);
	return true;
}

/* null is the same as nothing: some libraries write each member always. */
static json_t *member(const json_t *message, const char *key)
{
	json_t *v = json_object_get(message, key);

	return json_is_null(v) ? NULL : v;
}

static int get_flag(const json_t *message, const char *key, bool *ret, struct ct_err *err)
{
	const json_t *v = member(message, key);

	if (v && !json_is_boolean(v))
		return ct_err_set(err, -EBADMSG, "%s is neither true nor false", key);
	*ret = json_is_true(v);
	return 0;
}

static int get_name(const json_t *message, const char *key, const char **ret, struct ct_err *err)
{
	const json_t *v = member(message, key);
	const char *name = json_string_value(v);

	if (v && !name)
		return ct_err_set(err, -EBADMSG, "%s isn't a string", key);
	if (name && !ct_varlink_is_name(name, NULL))
		return ct_err_set(err, -EBADMSG, "%s '%.80s': not a name such as org.example.Name", key, name);
	*ret = name;
	return 0;
}

static int get_parameters(const json_t *message, json_t **ret, struct ct_err *err)
{
	json_t *v = member(message, "parameters");

	if (v && !json_is_object(v))
		return ct_err_set(err, -EBADMSG, "parameters aren't an object");
	*ret = v;
	return 0;
}

int ct_varlink_call_parse(const struct json_t *message, struct ct_varlink_call *ret, struct ct_err *err)
{
	struct ct_varlink_call call = { .method = NULL };
	int r = get_name(message, "method", &call.method, err);

	if (r == 0 && !call.method)
		return ct_err_set(err, -EBADMSG, "a call without a method");
	if (r == 0)
		r = get_parameters(message, &call.parameters, err);
	if (r == 0)
		r = get_flag(message, "more", &call.more, err);
	if (r == 0)
		r = get_flag(message, "oneway", &call.oneway, err);
	if (r == 0)
		r = get_flag(message, "upgrade", &call.upgrade, err);
	if (r == 0)
		*ret = call;
	return r;
}

int ct_varlink_reply_parse(const struct json_t *message, struct ct_varlink_reply *ret, struct ct_err *err)
{
	struct ct_varlink_reply reply = { .error = NULL };
	int r = get_name(message, "error", &reply.error, err);

	if (r == 0)
		r = get_parameters(message, &reply.parameters, err);
	if (r == 0)
		r = get_flag(message, "continues", &reply.continues, err);
	if (r == 0)
		*ret = reply;
	return r;
}

/* Twice over it, once to know how long it is: jansson's own buffer would be its allocator's to free. */
static int to_bytes(const json_t *message, char **ret, size_t *n, struct ct_err *err)
{
	size_t length = json_dumpb(message, NULL, 0, JSON_COMPACT);
	char *bytes;

	if (length == 0)
		return ct_err_set(err, -ENOMEM, "out of memory, or a value that JSON can't hold");
	if (length >= CT_VARLINK_MESSAGE_MAX)
		return ct_err_set(err, -EMSGSIZE, "a message of %zu bytes would be longer than %d", length + 1,
				  CT_VARLINK_MESSAGE_MAX);
	bytes = malloc(length + 1);
	if (!bytes || json_dumpb(message, bytes, length, JSON_COMPACT) != length) {
		free(bytes);
		return ct_err_set(err, -ENOMEM, "out of memory");
	}
	bytes[length] = '\0';
	if (is_deep(bytes, length)) {
		free(bytes);
		return ct_err_set(err, -EINVAL, "objects more than %d deep", CT_VARLINK_DEPTH_MAX);
	}
	*ret = bytes;
	*n = length + 1;
	return 0;
}

static bool set_flag(json_t *message, const char *key, bool v)
{
	return !v || json_object_set_new(message, key, json_true()) == 0;
}

/* @parameters may be NULL */
static json_t *new_message(const char *key, const char *name, json_t *parameters)
{
	json_t *o = json_object();

	if (o && (!name || json_object_set_new(o, key, json_string(name)) == 0) &&
	    (!parameters || json_object_set(o, "parameters", parameters) == 0))
		return o;
	json_decref(o);
	return NULL;
}

int ct_varlink_call_bytes(const struct ct_varlink_call *call, char **ret, size_t *n, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;

	if (!ct_varlink_is_name(call->method, NULL) || (call->parameters && !json_is_object(call->parameters)))
		return ct_err_set(err, -EINVAL, "method '%.80s': not a name, or its parameters aren't an object",
				  call->method);
	o = new_message("method", call->method, call->parameters);
	if (!o || !set_flag(o, "more", call->more) || !set_flag(o, "oneway", call->oneway) ||
	    !set_flag(o, "upgrade", call->upgrade))
		return ct_err_set(err, -ENOMEM, "out of memory");
	return to_bytes(o, ret, n, err);
}

int ct_varlink_reply_bytes(const struct ct_varlink_reply *reply, char **ret, size_t *n, struct ct_err *err)
{
	ct_cleanup(json_done) json_t *o = NULL;

	if ((reply->error && !ct_varlink_is_name(reply->error, NULL)) ||
	    (reply->parameters && !json_is_object(reply->parameters)))
		return ct_err_set(err, -EINVAL, "error '%.80s': not a name, or its parameters aren't an object",
				  reply->error ? reply->error : "");
	o = new_message("error", reply->error, reply->parameters);
	if (!o || !set_flag(o, "continues", reply->continues))
		return ct_err_set(err, -ENOMEM, "out of memory");
	return to_bytes(o, ret, n, err);
}
