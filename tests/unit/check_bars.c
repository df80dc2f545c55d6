/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bars of text are as long as they should be, in cells and in bytes. */
#include "config.h"
#include "check.h"
#include "util.h"
#include "../../src/cli/bars.h"

#include <string.h>

static const struct {
	struct bars_style style;
	double share;
	size_t cells;
	bool pad;
	const char *want;
} bars[] = {
	{ .share = 1, .cells = 4, .want = "####" },
	{ .share = 0.5, .cells = 4, .want = "##" },
	{ .share = 0.5, .cells = 4, .pad = true, .want = "##  " },
	{ .share = 0, .cells = 4, .want = "" },
	{ .share = 0, .cells = 4, .pad = true, .want = "    " },
	{ .share = 1e-9, .cells = 4, .want = "#" },
	{ .share = 7, .cells = 4, .want = "####" },
	{ .share = -1, .cells = 4, .want = "" },
	{ .style = { .fine = true }, .share = 1, .cells = 2, .want = "██" },
	{ .style = { .fine = true }, .share = 0.75, .cells = 2, .pad = true, .want = "█▌" },
	{ .style = { .fine = true }, .share = 0.5625, .cells = 2, .want = "█▏" },
	{ .style = { .fine = true }, .share = 1e-9, .cells = 2, .pad = true, .want = "▏ " },
	{ .style = { .fine = true, .color = true }, .share = 0.5, .cells = 2, .pad = true, .want = "\033[32m█\033[m " },
	{ .style = { .color = true }, .share = 0, .cells = 2, .pad = true, .want = "  " },
};

START_TEST(a_bar_is_as_long_as_its_share)
{
	char text[128];

	bars_draw(text, 3 * bars[_i].cells + 16, &bars[_i].style, BARS_FOUND, bars[_i].share, bars[_i].cells, bars[_i].pad);
	ck_assert_str_eq(text, bars[_i].want);
}
END_TEST

START_TEST(no_bar_leaves_its_buffer)
{
	for (size_t cells = 0; cells < 40; cells++)
		for (unsigned style = 0; style < 4; style++)
			for (int eighth = 0; eighth <= 320; eighth++) {
				const struct bars_style s = { .fine = style & 1, .color = style & 2 };
				size_t n = 3 * cells + 16;
				char text[160];

				memset(text, 'x', sizeof(text));
				bars_draw(text, n, &s, BARS_EXPECTED, eighth / 320.0, cells, true);
				ck_assert_ptr_nonnull(memchr(text, '\0', n));
				ck_assert_int_eq(text[n], 'x');
			}
}
END_TEST

START_TEST(files_get_plain_bars)
{
	struct bars_style style;

	/* the output of a test goes to a log */
	bars_style(&style, false);
	ck_assert(!style.color && !style.fine);
	ck_assert_uint_eq(style.width, 80);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("bars");
	TCase *tc = tcase_create("bars");

	tcase_add_loop_test(tc, a_bar_is_as_long_as_its_share, 0, ct_array_size(bars));
	tcase_add_test(tc, no_bar_leaves_its_buffer);
	tcase_add_test(tc, files_get_plain_bars);
	suite_add_tcase(s, tc);
	return s;
}
