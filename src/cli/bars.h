/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bars of text, as long as a share says, for terminals of any width and for files. */
#ifndef CONNTUNE_BARS_H
#define CONNTUNE_BARS_H

#include <stdbool.h>
#include <stddef.h>

/* Colours tell series apart; without them their place does. */
enum bars_series {
	BARS_EXPECTED,
	BARS_FOUND,
};

/**
 * struct bars_style - how bars look
 * @width:  columns of a line
 * @fine:   eighths of a block (UTF-8); else '#'
 * @color:  with escape sequences
 */
struct bars_style {
	size_t width;
	bool fine, color;
};

/* Standard output's: 80 columns, '#' and no colour unless it is a terminal; @plain and NO_COLOR ask for that too. */
void bars_style(struct bars_style *ret, bool plain);

/**
 * bars_draw - one bar
 * @text:  of @n bytes; 3 x @cells + 16 are enough for any
 * @share: 0 .. 1 of @cells; anything above 0 shows
 * @pad:   blanks behind it up to @cells
 */
void bars_draw(char *text, size_t n, const struct bars_style *style, enum bars_series series, double share,
	       size_t cells, bool pad);

#endif
