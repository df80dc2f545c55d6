/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share: exit codes, "did you mean", both writers. */
#include "config.h"
#include "check.h"
#include "util.h"
#include "../../src/cli/cli.h"
#include "../../src/cli/out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	enum cli_exit exit;
} codes[] = {
	{ 0, CLI_EXIT_OK },
	{ -EINVAL, CLI_EXIT_USAGE },
	{ -ERANGE, CLI_EXIT_USAGE },
	{ -EPERM, CLI_EXIT_NOT_PERMITTED },
	{ -EACCES, CLI_EXIT_NOT_PERMITTED },
	{ -EROFS, CLI_EXIT_NOT_PERMITTED },
	{ -EOPNOTSUPP, CLI_EXIT_NOT_SUPPORTED },
	{ -ENOSYS, CLI_EXIT_NOT_SUPPORTED },
	{ -ENODATA, CLI_EXIT_NOT_SUPPORTED },
	{ -ENOMEM, CLI_EXIT_SYSTEM },
	{ -EBADMSG, CLI_EXIT_SYSTEM },
	{ -ENOSPC, CLI_EXIT_SYSTEM },
	{ -EIO, CLI_EXIT_SYSTEM },
	{ -ENOENT, CLI_EXIT_SYSTEM },
};

START_TEST(each_errno_has_its_exit_code)
{
	ck_assert_int_eq(cli_exit_code(codes[_i].code), codes[_i].exit);
}
END_TEST

static const char *const words[] = { "advise", "apply", "status" };

static const struct {
	const char *word, *near;
} typos[] = {
	{ "advice", "advise" },	    { "ad", "advise" },	  { "aply", "apply" }, { "stauts", "status" },
	{ "statuses", "status" },   { "x", NULL },	  { "", NULL },	       { "advise-me-please", NULL },
	{ "0123456789012345678901234567890123456789012345", NULL },
};

START_TEST(nearest_name_is_suggested_and_no_far_one)
{
	ck_assert_pstr_eq(cli_nearest(typos[_i].word, words, ct_array_size(words)), typos[_i].near);
}
END_TEST

static const struct {
	enum out_unit unit;
	double v;
	const char *text;
} humans[] = {
	{ OUT_PLAIN, 65536, "65536" },
	{ OUT_BYTES, 0, "0 B" },
	{ OUT_BYTES, 1023, "1023 B" },
	{ OUT_BYTES, 1024, "1.0 KiB" },
	{ OUT_BYTES, 25276510208.0, "23.5 GiB" },
	{ OUT_BYTES, 536870912, "512 MiB" },
	{ OUT_BYTES, 0x1p63, "8192 PiB" },
	{ OUT_SECONDS, 30, "30 s" },
	{ OUT_SECONDS, 119, "119 s" },
	{ OUT_SECONDS, 120, "120 s = 2 min" },
	{ OUT_SECONDS, 432000, "432000 s = 5 days" },
	{ OUT_SECONDS, 432001, "432001 s" },
	{ OUT_RATIO, 0, "0.0" },
	{ OUT_RATIO, 1e-5, "< 0.1" },
	{ OUT_RATIO, 1.96, "2.0" },
	{ OUT_SHARE, 0, "0 %" },
	{ OUT_SHARE, 1e-60, "< 1e-12" },
	{ OUT_SHARE, 2e-10, "2e-10" },
	{ OUT_SHARE, 5e-6, "0.0005 %" },
	{ OUT_SHARE, 5e-5, "0.005 %" },
	{ OUT_SHARE, 5e-4, "0.05 %" },
	{ OUT_SHARE, 0.058, "5.8 %" },
	{ OUT_SHARE, 0.5, "50 %" },
	{ OUT_SHARE, 1, "100 %" },
};

START_TEST(numbers_are_readable)
{
	char text[32];

	out_human(text, sizeof(text), humans[_i].unit, humans[_i].v);
	ck_assert_str_eq(text, humans[_i].text);
}
END_TEST

/* One of everything, names that no terminal and no JSON reader should see among them. */
static void walk(struct out *out)
{
	out_line(out, "summary");
	out_begin(out, OUT_OBJECT, NULL, "Heading");
	out_u64(out, "number", "number", OUT_BYTES, 2048);
	out_note(out, "from %s", "somewhere");
	out_text(out, "name", "a name", "\033[2J\377");
	out_known(out, "absent", "absent", OUT_PLAIN, (struct ct_u64){ .known = false, .v = 7 });
	out_end(out);
	out_begin(out, OUT_TABLE, "rows", "Rows");
	for (int i = 0; i < 2; i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_u64(out, "i", "i", OUT_PLAIN, (uint64_t)i * 10);
		if (i == 0)
			out_bool(out, "first", "first", true);
		out_end(out);
	}
	out_end(out);
	out_begin(out, OUT_LIST, "empty", "Not shown");
	out_end(out);
	out_begin(out, OUT_PROSE, "prose", "Words");
	out_text(out, NULL, NULL,
		 "long enough to need a second line of text, which the writer makes between words of it");
	out_end(out);
}

static void written(bool json, char **ret)
{
	struct ct_err err;
	struct out *out = NULL;
	size_t n;
	FILE *f = open_memstream(ret, &n);

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(out_new(&out, json, f, &err), 0);
	walk(out);
	ck_assert_int_eq(out_finish(out, &err), 0);
	out_freep(&out);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(text_has_headings_columns_and_printable_characters_only)
{
	char *text = NULL;

	written(false, &text);
	ck_assert_str_eq(text, "summary\n"
			       "\n"
			       "Heading\n"
			       "  number  2.0 KiB  from somewhere\n"
			       "  a name  ?[2J?\n"
			       "\n"
			       "Rows\n"
			       "   i  first\n"
			       "   0  yes\n"
			       "  10  -\n"
			       "\n"
			       "Words\n"
			       "  long enough to need a second line of text, which the writer makes between\n"
			       "    words of it\n");
	free(text);
}
END_TEST

START_TEST(json_has_plain_numbers_and_no_headings)
{
	char *text = NULL;

	written(true, &text);
	ck_assert_str_eq(text, "{\n"
			       "  \"number\": 2048,\n"
			       "  \"name\": \"\\u001B[2J?\",\n"
			       "  \"rows\": [\n"
			       "    {\n"
			       "      \"i\": 0,\n"
			       "      \"first\": true\n"
			       "    },\n"
			       "    {\n"
			       "      \"i\": 10\n"
			       "    }\n"
			       "  ],\n"
			       "  \"empty\": [],\n"
			       "  \"prose\": [\n"
			       "    \"long enough to need a second line of text, which the writer makes between words "
			       "of it\"\n"
			       "  ]\n"
			       "}\n");
	free(text);
}
END_TEST

START_TEST(writing_to_a_full_disk_fails)
{
	struct ct_err err = { 0 };
	struct out *out = NULL;
	FILE *f = fopen("/dev/full", "w");

	if (!f)
		return;
	setbuf(f, NULL);
	ck_assert_int_eq(out_new(&out, _i, f, &err), 0);
	walk(out);
	ck_assert_failed(out_finish(out, &err), err, -ENOSPC, "can't be written");
	out_freep(&out);
	(void)fclose(f);
}
END_TEST

START_TEST(nesting_beyond_the_writers_depth_is_an_error_not_a_crash)
{
	struct ct_err err = { 0 };
	struct out *out = NULL;

	ck_assert_int_eq(out_new(&out, _i, stdout, &err), 0);
	for (int i = 0; i < 20; i++)
		out_begin(out, OUT_OBJECT, "x", "x");
	ck_assert_int_eq(out_finish(out, &err), -EOVERFLOW);
	out_freep(&out);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("cli");
	TCase *tc = tcase_create("cli");

	tcase_add_loop_test(tc, each_errno_has_its_exit_code, 0, ct_array_size(codes));
	tcase_add_loop_test(tc, nearest_name_is_suggested_and_no_far_one, 0, ct_array_size(typos));
	tcase_add_loop_test(tc, numbers_are_readable, 0, ct_array_size(humans));
	tcase_add_test(tc, text_has_headings_columns_and_printable_characters_only);
	tcase_add_test(tc, json_has_plain_numbers_and_no_headings);
	tcase_add_loop_test(tc, writing_to_a_full_disk_fails, 0, 2);
	tcase_add_loop_test(tc, nesting_beyond_the_writers_depth_is_an_error_not_a_crash, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}
