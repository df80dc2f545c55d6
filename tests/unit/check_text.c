/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows, and what HTML may not have. */
#include "config.h"
#include "check.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

START_TEST(text_is_what_was_added)
{
	struct text text = { 0 };

	text_add(&text, "a");
	text_add_bytes(&text, "bcd", 2);
	text_format(&text, "%d%s", 12, "x");
	text_add(&text, "");
	ck_assert_str_eq(text.bytes, "abc12x");
	ck_assert_uint_eq(text.n, 6);
	text_free(&text);
	ck_assert_ptr_null(text.bytes);
}
END_TEST

/* Every length around the places where it grows. */
START_TEST(text_grows_over_any_length)
{
	for (size_t n = 0; n < 5000; n += n < 1010 || (n > 1030 && n < 4080) ? 97 : 1) {
		struct text text = { 0 };
		char *words = malloc(n + 1);

		(void)memset(words, 'w', n);
		words[n] = '\0';
		text_add(&text, "<");
		text_format(&text, "%s", words);
		text_add(&text, words);
		text_add(&text, ">");
		ck_assert(!text.failed);
		ck_assert_uint_eq(text.n, 2 * n + 2);
		ck_assert_uint_eq(strlen(text.bytes), text.n);
		ck_assert_int_eq(text.bytes[text.n - 1], '>');
		ck_assert_uint_lt(text.n, text.room);
		text_free(&text);
		free(words);
	}
}
END_TEST

static const struct {
	const char *words, *html;
} escapes[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;" },
	{ "a<", "a&lt;" },
	{ "\n\t\033[31m", "???[31m" },
	{ "caf\xc3\xa9\x7f", "caf???" },
	{ "x & y & z", "x &amp; y &amp; z" },
};

START_TEST(html_has_nothing_that_acts)
{
	struct text text = { 0 };

	text_html(&text, escapes[_i].words);
	ck_assert_str_eq(text.bytes, escapes[_i].html);
	text_free(&text);
}
END_TEST

START_TEST(text_that_is_cut_goes_on_from_there)
{
	struct text text = { 0 };

	text_add(&text, "kept, not kept");
	text_cut(&text, 4);
	text_cut(&text, 9);
	ck_assert_str_eq(text.bytes, "kept");
	text_add(&text, "!");
	ck_assert_str_eq(text.bytes, "kept!");
	text_free(&text);
}
END_TEST

START_TEST(text_has_the_room_that_was_expected)
{
	struct text text = { 0 };
	const char *bytes;

	text_expect(&text, 20000);
	ck_assert_str_eq(text.bytes, "");
	bytes = text.bytes;
	for (int i = 0; i < 2000; i++)
		text_add(&text, "0123456789");
	ck_assert_ptr_eq(text.bytes, bytes);
	ck_assert_uint_eq(text.n, 20000);
	text_free(&text);
}
END_TEST

/* More than there can be: it is remembered, and all that comes after it does nothing. */
START_TEST(failure_is_remembered)
{
	struct text text = { 0 };

	text_add(&text, "before");
	text_add_bytes(&text, "x", SIZE_MAX - 3);
	ck_assert(text.failed);
	text_add(&text, "after");
	text_format(&text, "%d", 1);
	text_html(&text, "<");
	text_expect(&text, 100000);
	ck_assert_str_eq(text.bytes, "before");
	ck_assert(text.failed);
	text_free(&text);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	tcase_add_test(tcase, text_is_what_was_added);
	tcase_add_test(tcase, text_grows_over_any_length);
	tcase_add_loop_test(tcase, html_has_nothing_that_acts, 0, sizeof(escapes) / sizeof(escapes[0]));
	tcase_add_test(tcase, text_that_is_cut_goes_on_from_there);
	tcase_add_test(tcase, text_has_the_room_that_was_expected);
	tcase_add_test(tcase, failure_is_remembered);
	suite_add_tcase(suite, tcase);
	return suite;
}
