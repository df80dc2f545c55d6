/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers from text, and messages. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <string.h>

static const struct {
	const char *text;
	int rc;
	uint64_t got;
} numbers[] = {
	{ .text = "0", .got = 0 },
	{ .text = "65536\n", .got = 65536 },
	{ .text = " 7 ", .got = 7 },
	{ .text = "0x10", .got = 16 },
	{ .text = "010", .got = 10 },
	{ .text = "2147483648", .got = UINT64_C(1) << 31 },
	{ .text = "4294967296", .got = UINT64_C(1) << 32 },
	{ .text = "18446744073709551615", .got = UINT64_MAX },
	{ .text = "18446744073709551616", .rc = -ERANGE },
	{ .text = "99999999999999999999999999999999999999", .rc = -ERANGE },
	{ .text = "", .rc = -EINVAL },
	{ .text = "  ", .rc = -EINVAL },
	{ .text = "-1", .rc = -EINVAL },
	{ .text = "+1", .rc = -EINVAL },
	{ .text = "12k", .rc = -EINVAL },
	{ .text = "1 2", .rc = -EINVAL },
	{ .text = "0x", .rc = -EINVAL },
	{ .text = "x1", .rc = -EINVAL },
	{ .text = "1x1", .rc = -EINVAL },
};

START_TEST(parse_u64_takes_a_whole_number_and_nothing_else)
{
	uint64_t got = 4711;

	ck_assert_int_eq(ct_parse_u64(numbers[_i].text, &got), numbers[_i].rc);
	ck_assert_uint_eq(got, numbers[_i].rc ? 4711 : numbers[_i].got);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	int64_t got;
} signed_numbers[] = {
	{ .text = "-1\n", .got = -1 },
	{ .text = "-5", .got = -5 },
	{ .text = "432000", .got = 432000 },
	{ .text = "9223372036854775807", .got = INT64_MAX },
	{ .text = "9223372036854775808", .rc = -ERANGE },
	{ .text = "-9223372036854775808", .got = INT64_MIN },
	{ .text = "-9223372036854775809", .rc = -ERANGE },
	{ .text = "-18446744073709551616", .rc = -ERANGE },
	{ .text = "-0", .got = 0 },
	{ .text = "-0x10", .got = -16 },
	{ .text = "--1", .rc = -EINVAL },
	{ .text = "-", .rc = -EINVAL },
	{ .text = "five", .rc = -EINVAL },
};

START_TEST(parse_i64_takes_negative_numbers_too)
{
	int64_t got = 4711;

	ck_assert_int_eq(ct_parse_i64(signed_numbers[_i].text, &got), signed_numbers[_i].rc);
	ck_assert_int_eq(got, signed_numbers[_i].rc ? 4711 : signed_numbers[_i].got);
}
END_TEST

START_TEST(err_set_returns_the_code_and_keeps_one_printable_line)
{
	struct ct_err err = { 0 };

	ck_assert_int_eq(ct_err_set(&err, -EINVAL, "value '%s'", "a\nb\033[2J"), -EINVAL);
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_str_eq(err.msg, "value 'a?b?[2J'");
}
END_TEST

START_TEST(err_set_cuts_a_long_message)
{
	struct ct_err err;

	(void)ct_err_set(&err, -EIO, "%0400d", 1);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
}
END_TEST

START_TEST(err_set_takes_null)
{
	ck_assert_int_eq(ct_err_set(NULL, -EIO, "nobody asks"), -EIO);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("util");
	TCase *tc = tcase_create("util");

	tcase_add_loop_test(tc, parse_u64_takes_a_whole_number_and_nothing_else, 0, ct_array_size(numbers));
	tcase_add_loop_test(tc, parse_i64_takes_negative_numbers_too, 0, ct_array_size(signed_numbers));
	tcase_add_test(tc, err_set_returns_the_code_and_keeps_one_printable_line);
	tcase_add_test(tc, err_set_cuts_a_long_message);
	tcase_add_test(tc, err_set_takes_null);
	suite_add_tcase(s, tc);
	return s;
}
