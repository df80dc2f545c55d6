/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink frames: whatever way bytes come, the same messages come out, and nothing beyond the bounds is kept. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <jansson.h>
#include <conntune/varlink.h>

static struct ct_varlink_reader *reader;
static struct ct_err err;

static void setup(void)
{
	ck_assert_int_eq(ct_varlink_reader_new(&reader, &err), 0);
}

static void teardown(void)
{
	reader = ct_varlink_reader_free(reader);
	ck_assert_ptr_null(reader);
}

/* Returns how many bytes were taken; fewer than @n: the reader is full. @r: of the last call. */
static size_t feed(const char *bytes, size_t n, int *r)
{
	size_t done = 0, room = 0;
	void *space = NULL;

	*r = 0;
	while (done < n) {
		*r = ct_varlink_reader_space(reader, &space, &room, &err);
		if (*r < 0)
			return done;
		ck_assert_uint_gt(room, 0);
		room = room < n - done ? room : n - done;
		memcpy(space, bytes + done, room);
		ct_varlink_reader_filled(reader, room);
		done += room;
	}
	return done;
}

static void expect(const char *text)
{
	json_t *message = NULL;
	char *got;

	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 1);
	got = json_dumps(message, JSON_COMPACT);
	ck_assert_str_eq(got, text);
	free(got);
	json_decref(message);
}

static void expect_nothing(void)
{
	json_t *message = NULL;

	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 0);
	ck_assert(!ct_varlink_reader_ready(reader));
}

static const char three[] = "{\"a\":1}\0{}\0 {\"b\":\"\\u00e9\"} ";

START_TEST(messages_are_the_same_however_they_are_cut)
{
	size_t size = sizeof(three), step = (size_t)_i + 1;
	int r;

	for (size_t i = 0; i < size; i += step) {
		size_t n = step < size - i ? step : size - i;

		ck_assert_uint_eq(feed(three + i, n, &r), n);
	}
	ck_assert(ct_varlink_reader_ready(reader));
	expect("{\"a\":1}");
	expect("{}");
	ck_assert(ct_varlink_reader_ready(reader));
	expect("{\"b\":\"\xc3\xa9\"}");
	expect_nothing();
	ck_assert(!ct_varlink_reader_begun(reader));
}
END_TEST

START_TEST(beginning_is_told_from_a_message)
{
	int r;

	ck_assert(!ct_varlink_reader_begun(reader));
	feed("{}", 2, &r);
	ck_assert(ct_varlink_reader_begun(reader));
	expect_nothing();
	feed("\0{", 2, &r);
	ck_assert(ct_varlink_reader_ready(reader));
	expect("{}");
	expect_nothing();
	ck_assert(ct_varlink_reader_begun(reader));
}
END_TEST

START_TEST(longest_message_is_read_and_one_byte_more_is_not)
{
	static char bytes[CT_VARLINK_MESSAGE_MAX + 1];
	json_t *message = NULL;
	int r;

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "{\"a\":\"", 6);
	memcpy(bytes + CT_VARLINK_MESSAGE_MAX - 3, "\"}", 3);
	ck_assert_uint_eq(feed(bytes, CT_VARLINK_MESSAGE_MAX, &r), CT_VARLINK_MESSAGE_MAX);
	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 1);
	ck_assert_uint_eq(json_string_length(json_object_get(message, "a")), CT_VARLINK_MESSAGE_MAX - 9);
	json_decref(message);

	memset(bytes, 'x', sizeof(bytes));
	ck_assert_uint_eq(feed(bytes, sizeof(bytes), &r), CT_VARLINK_MESSAGE_MAX);
	ck_assert_failed(r, err, -EMSGSIZE, "65536 bytes");
	expect_nothing();
}
END_TEST

START_TEST(messages_that_nobody_takes_are_not_piled_up)
{
	int r;

	for (size_t i = 0; i < CT_VARLINK_MESSAGE_MAX; i += 4)
		ck_assert_uint_eq(feed("{ }", 4, &r), 4);
	ck_assert_uint_eq(feed("{ }", 4, &r), 0);
	ck_assert_failed(r, err, -ENOBUFS, "wait");
	expect("{}");
	ck_assert_uint_eq(feed("{ }", 4, &r), 4);
	for (size_t i = 0; i < CT_VARLINK_MESSAGE_MAX; i += 4)
		expect("{}");
	expect_nothing();
}
END_TEST

/* @text: without its NUL; @word: of the message */
static const struct {
	const char *text, *word;
} bad[] = {
	{ "", "JSON" },
	{ " ", "JSON" },
	{ "null", "JSON" },
	{ "1", "JSON" },
	{ "[]", "object" },
	{ "\"{}\"", "JSON" },
	{ "{", "JSON" },
	{ "{}}", "JSON" },
	{ "{} {}", "JSON" },
	{ "{'a':1}", "JSON" },
	{ "{\"a\":1,\"a\":2}", "JSON" },
	{ "{\"a\":\"\\u0000\"}", "JSON" },
	{ "{\"a\":\"\xff\"}", "JSON" },
	{ "{\"a\":\"\\ud800\"}", "JSON" },
	{ "{\"a\":1e999}", "JSON" },
	{ "{\"a\":99999999999999999999}", "JSON" },
	{ "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "16 deep" },
	{ "[[[[[[[[[[[[[[[[[", "16 deep" },
};

START_TEST(what_is_no_object_is_an_error_and_the_next_one_is_read)
{
	json_t *message = NULL;
	int r;

	feed(bad[_i].text, strlen(bad[_i].text) + 1, &r);
	feed("{\"next\":1}", 11, &r);
	ck_assert_failed(ct_varlink_reader_next(reader, &message, &err), err, -EBADMSG, bad[_i].word);
	expect("{\"next\":1}");
}
END_TEST

START_TEST(depth_counts_outside_of_strings_only)
{
	static const char text[] = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\\\\\",\"b\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}";
	json_t *message = NULL;
	int r;

	feed(text, sizeof(text), &r);
	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 1);
	json_decref(message);
}
END_TEST

/* @bad: "" for a call that is one */
static const struct {
	const char *text, *bad;
} calls[] = {
	{ "{\"method\":\"a.b.C\"}", "" },
	{ "{\"method\":\"a.b.C\",\"parameters\":{},\"more\":true,\"oneway\":false,\"upgrade\":false,\"x\":[1]}", "" },
	{ "{\"method\":\"a.b.C\",\"parameters\":null,\"more\":null}", "" },
	{ "{}", "without a method" },
	{ "{\"method\":null}", "without a method" },
	{ "{\"method\":1}", "method isn't a string" },
	{ "{\"method\":\"\"}", "not a name" },
	{ "{\"method\":\"a.b.C\",\"parameters\":[]}", "parameters" },
	{ "{\"method\":\"a.b.C\",\"parameters\":\"\"}", "parameters" },
	{ "{\"method\":\"a.b.C\",\"more\":1}", "more" },
	{ "{\"method\":\"a.b.C\",\"oneway\":\"true\"}", "oneway" },
	{ "{\"method\":\"a.b.C\",\"upgrade\":{}}", "upgrade" },
};

START_TEST(calls_have_the_right_types_or_are_refused)
{
	json_t *message = json_loads(calls[_i].text, 0, NULL);
	struct ct_varlink_call call = { .method = "untouched" };
	int r = ct_varlink_call_parse(message, &call, &err);

	if (*calls[_i].bad) {
		ck_assert_failed(r, err, -EBADMSG, calls[_i].bad);
		ck_assert_str_eq(call.method, "untouched");
	} else {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(call.method, "a.b.C");
	}
	json_decref(message);
}
END_TEST

static const struct {
	const char *text, *bad;
} replies[] = {
	{ "{}", "" },
	{ "{\"parameters\":{\"a\":1},\"continues\":true}", "" },
	{ "{\"error\":\"a.b.C\",\"parameters\":{}}", "" },
	{ "{\"error\":\"C\"}", "error" },
	{ "{\"error\":{}}", "error" },
	{ "{\"parameters\":1}", "parameters" },
	{ "{\"continues\":0}", "continues" },
};

START_TEST(replies_have_the_right_types_or_are_refused)
{
	json_t *message = json_loads(replies[_i].text, 0, NULL);
	struct ct_varlink_reply reply;
	int r = ct_varlink_reply_parse(message, &reply, &err);

	if (*replies[_i].bad)
		ck_assert_failed(r, err, -EBADMSG, replies[_i].bad);
	else
		ck_assert_int_eq(r, 0);
	json_decref(message);
}
END_TEST

/* what https://varlink.org/Interface-Definition says of interface names, and a method behind it */
static const struct {
	const char *text;
	bool is;
} names[] = {
	{ "org.conntune.Status", true }, { "a.b.C", true },	   { "org.example-1.x9.DoIt2", true },
	{ "A.b.C", true },		 { "a.1.C", true },	   { "a--b.c.D", true },
	{ "Status", false },		 { "conntune.Status", false }, { "org.conntune.status", false },
	{ "org.conntune.", false },	 { "org..Status", false }, { ".org.conntune.Status", false },
	{ "org.-a.Status", false },	 { "org.a-.Status", false }, { "org.conntune.Sta-tus", false },
	{ "1.a.B", false },		 { "-a.b.C", false },	   { "org.conn tune.Status", false },
	{ "org.conntune.Status ", false }, { "org.conntune.Stat\xc3\xa9", false }, { "", false }, { ".", false },
	{ "..A", false },
};

START_TEST(names_are_those_of_varlink)
{
	size_t dot = 0;

	ck_assert_msg(ct_varlink_is_name(names[_i].text, &dot) == names[_i].is, "%s", names[_i].text);
	if (names[_i].is)
		ck_assert_str_eq(names[_i].text + dot, strrchr(names[_i].text, '.'));
}
END_TEST

START_TEST(name_of_any_length_is_looked_at_within_bounds)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	memcpy(name, "a.", 2);
	memcpy(name + 253, ".C", 3);
	ck_assert(ct_varlink_is_name(name, NULL));
	memset(name + 253, 'a', 3);
	memcpy(name + 254, ".C", 3);
	ck_assert(!ct_varlink_is_name(name, NULL));
}
END_TEST

START_TEST(call_goes_there_and_back)
{
	struct ct_varlink_call call = { .method = "org.conntune.Hold", .more = true }, got;
	json_t *message = NULL;
	char *bytes = NULL;
	size_t n = 0;
	int r;

	call.parameters = json_pack("{s:i}", "seconds", 90);
	ck_assert_int_eq(ct_varlink_call_bytes(&call, &bytes, &n, &err), 0);
	ck_assert_uint_eq(n, strlen(bytes) + 1);
	ck_assert_uint_eq(feed(bytes, n, &r), n);
	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 1);
	ck_assert_int_eq(ct_varlink_call_parse(message, &got, &err), 0);
	ck_assert_str_eq(got.method, call.method);
	ck_assert(json_equal(got.parameters, call.parameters));
	ck_assert(got.more && !got.oneway && !got.upgrade);
	json_decref(message);
	json_decref(call.parameters);
	free(bytes);
}
END_TEST

START_TEST(reply_goes_there_and_back)
{
	struct ct_varlink_reply reply = { .error = "org.conntune.Failed" }, got;
	json_t *message = NULL;
	char *bytes = NULL;
	size_t n = 0;
	int r;

	reply.parameters = json_pack("{s:s}", "message", "\x01 \xc3\xa9");
	ck_assert_int_eq(ct_varlink_reply_bytes(&reply, &bytes, &n, &err), 0);
	ck_assert_uint_eq(feed(bytes, n, &r), n);
	ck_assert_int_eq(ct_varlink_reader_next(reader, &message, &err), 1);
	ck_assert_int_eq(ct_varlink_reply_parse(message, &got, &err), 0);
	ck_assert_str_eq(got.error, reply.error);
	ck_assert(json_equal(got.parameters, reply.parameters));
	ck_assert(!got.continues);
	json_decref(message);
	json_decref(reply.parameters);
	free(bytes);
}
END_TEST

START_TEST(nothing_is_sent_that_the_other_side_would_refuse)
{
	struct ct_varlink_call call = { .method = "hold" };
	struct ct_varlink_reply reply = { .error = "nonsense" };
	static char text[CT_VARLINK_MESSAGE_MAX];
	char *bytes = NULL;
	json_t *deep = json_object();
	size_t n = 0;

	ck_assert_failed(ct_varlink_call_bytes(&call, &bytes, &n, &err), err, -EINVAL, "hold");
	ck_assert_failed(ct_varlink_reply_bytes(&reply, &bytes, &n, &err), err, -EINVAL, "nonsense");
	memset(text, 'x', sizeof(text) - 1);
	reply = (struct ct_varlink_reply){ .parameters = json_pack("{s:s}", "text", text) };
	ck_assert_failed(ct_varlink_reply_bytes(&reply, &bytes, &n, &err), err, -EMSGSIZE, "65536");
	json_decref(reply.parameters);
	for (int i = 0; i < CT_VARLINK_DEPTH_MAX; i++)
		deep = json_pack("{s:o}", "a", deep);
	reply.parameters = deep;
	ck_assert_failed(ct_varlink_reply_bytes(&reply, &bytes, &n, &err), err, -EINVAL, "deep");
	json_decref(deep);
	ck_assert_ptr_null(bytes);
}
END_TEST


Suite *module_suite(void)
{
	Suite *suite = suite_create("varlink");
	TCase *tc = tcase_create("varlink");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, messages_are_the_same_however_they_are_cut, 0, (int)sizeof(three));
	tcase_add_test(tc, beginning_is_told_from_a_message);
	tcase_add_test(tc, longest_message_is_read_and_one_byte_more_is_not);
	tcase_add_test(tc, messages_that_nobody_takes_are_not_piled_up);
	tcase_add_loop_test(tc, what_is_no_object_is_an_error_and_the_next_one_is_read, 0, (int)ct_array_size(bad));
	tcase_add_test(tc, depth_counts_outside_of_strings_only);
	tcase_add_loop_test(tc, calls_have_the_right_types_or_are_refused, 0, (int)ct_array_size(calls));
	tcase_add_loop_test(tc, replies_have_the_right_types_or_are_refused, 0, (int)ct_array_size(replies));
	tcase_add_loop_test(tc, names_are_those_of_varlink, 0, (int)ct_array_size(names));
	tcase_add_test(tc, name_of_any_length_is_looked_at_within_bounds);
	tcase_add_test(tc, call_goes_there_and_back);
	tcase_add_test(tc, reply_goes_there_and_back);
	tcase_add_test(tc, nothing_is_sent_that_the_other_side_would_refuse);
	suite_add_tcase(suite, tc);
	return suite;
}
