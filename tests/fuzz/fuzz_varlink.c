/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of the local API from a peer that sends anything: cut in any way, they are the same. */
#include "config.h"
#include "fuzz.h"
#include "util.h"

#include <errno.h>
#include <jansson.h>
#include <conntune/varlink.h>

/* What came out, in order, as a number. */
struct outcome {
	uint64_t hash;
	unsigned messages, refused;
	int end;
};

static void mix(struct outcome *o, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		o->hash = (o->hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
}

/* What was understood can be said again, and is understood as the same. */
static void require_again(const struct ct_varlink_call *call)
{
	char *bytes = NULL;
	size_t n = 0;
	struct ct_err err = { 0 };
	int r = ct_varlink_call_bytes(call, &bytes, &n, &err);

	/* escapes make some messages longer */
	fuzz_require(r == 0 || r == -EMSGSIZE);
	if (r == 0)
		fuzz_require(n <= CT_VARLINK_MESSAGE_MAX && bytes[n - 1] == '\0' && strlen(bytes) == n - 1);
	free(bytes);
}

static void look(const json_t *message)
{
	struct ct_varlink_call call;
	struct ct_varlink_reply reply;
	struct ct_err err = { 0 };
	int r = ct_varlink_call_parse(message, &call, &err);

	fuzz_require(r == 0 || (r == -EBADMSG && err.code == r && err.msg[0]));
	if (r == 0) {
		fuzz_require(ct_varlink_is_name(call.method, NULL));
		fuzz_require(!call.parameters || json_is_object(call.parameters));
		require_again(&call);
	}
	r = ct_varlink_reply_parse(message, &reply, &err);
	fuzz_require(r == 0 || r == -EBADMSG);
	fuzz_require(r < 0 || !reply.error || ct_varlink_is_name(reply.error, NULL));
}

static void take_all(struct ct_varlink_reader *reader, struct outcome *o)
{
	struct ct_err err = { 0 };
	json_t *message = NULL;
	int r;

	while ((r = ct_varlink_reader_next(reader, &message, &err))) {
		fuzz_require(r == 1 || (r == -EBADMSG && err.msg[0] && !strchr(err.msg, '\n')));
		o->messages++;
		if (r < 0) {
			o->refused++;
			continue;
		}
		ct_cleanup(ct_freep) char *text = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);

		fuzz_require(text);
		mix(o, text, strlen(text));
		look(message);
		json_decref(message);
	}
}

static struct outcome run(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = { .hash = 0 };
	struct ct_varlink_reader *reader = NULL;
	struct ct_err err = { 0 };

	fuzz_require(ct_varlink_reader_new(&reader, &err) == 0);
	for (size_t i = 0; i < size && o.end == 0;) {
		void *space = NULL;
		size_t n = 0;

		o.end = ct_varlink_reader_space(reader, &space, &n, &err);
		/* all that was complete has been taken */
		fuzz_require(o.end == 0 || o.end == -EMSGSIZE);
		if (o.end < 0)
			break;
		n = n < step ? n : step;
		n = n < size - i ? n : size - i;
		memcpy(space, data + i, n);
		ct_varlink_reader_filled(reader, n);
		i += n;
		take_all(reader, &o);
		fuzz_require(!ct_varlink_reader_ready(reader));
	}
	(void)ct_varlink_reader_free(reader);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = run(data, size, size), bytes = run(data, size, 1), some = run(data, size, 7);

	fuzz_require(whole.hash == bytes.hash && whole.messages == bytes.messages && whole.refused == bytes.refused);
	fuzz_require(whole.hash == some.hash && whole.messages == some.messages && whole.end == bytes.end);
	return 0;
}
