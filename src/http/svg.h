/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures within a page: attributes and classes only, colours are page.css's. Shapes stretch with the page, letters
 * don't: places are shares of the width, and shapes have an svg of their own without a fixed ratio.
 */
#ifndef CONNTUNED_HTTP_SVG_H
#define CONNTUNED_HTTP_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/snapshot.h>
#include "text.h"

/* A picture's own words, for those who hear it; @id is its alone in the page, and ours. */
struct svg_words {
	const char *id, *title, *description;
};

/* A value that is drawn as a line from side to side, with its name on it. */
struct svg_level {
	const char *name, *style;
	struct ct_u64 v;
};

#define SVG_LEVELS 3

/**
 * struct svg_history - entries over time
 * @row:     @rows of them, oldest first, each of @seconds
 * @begin, @end: what the picture spans; seconds since 1970, multiples of @seconds
 * @tick_seconds: between the times written below; as days where it is a day
 * @height:  of the plot, in pixels; low ones have no names at their lines
 * @level:   the limit, what is recommended, the ceiling: those with a known value above 0, where they are anywhere near
 */
struct svg_history {
	struct svg_words words;
	const struct ct_recent_row *row;
	uint32_t rows;
	int64_t begin, end, seconds, tick_seconds;
	unsigned height;
	struct svg_level level[SVG_LEVELS];
};

void svg_history(struct text *out, const struct svg_history *h);

/* Is the scale of that picture a logarithmic one? For words beside it. */
bool svg_history_is_log(const struct svg_history *h);

/**
 * struct svg_chains - buckets by chain length
 * @expected, @exact: by length; @lengths of them, the last one with all that are longer
 * @has_exact: else only what is expected is drawn
 * @refusing, @always: lengths from which a newcomer may be, and always is refused; 0: no such rule
 */
struct svg_chains {
	struct svg_words words;
	const double *expected;
	const uint64_t *exact;
	uint32_t lengths;
	bool has_exact;
	uint32_t refusing, always;
};

void svg_chains(struct text *out, const struct svg_chains *c);

/**
 * struct svg_bar - shares of a whole, one above the other: each part from the left, later ones before earlier ones
 * @share:  0 .. 1
 * @style:  class; "mark-...": a line at that place instead
 */
struct svg_bar {
	struct svg_words words;
	size_t parts;
	struct {
		const char *style;
		double share;
	} part[4];
};

void svg_bar(struct text *out, const struct svg_bar *bar);

/* A sign of 28 x 28: "ok", "warn", "bad", "stale", "none". Says nothing itself: words beside it do. */
void svg_sign(struct text *out, const char *name);

#endif
