/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures within a page. Pure. */
#include "config.h"
#include "people.h"
#include "svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Room above the plot, below it for times, and of a lane of marks; pixels. */
#define ABOVE 14
#define BELOW 20
#define LANE 26

/* Heights within the plot, from the top. */
#define TALL 1000

/* Entries of a twentieth of the limit can still be seen; below, a linear scale shows a flat line. */
#define LINEAR_SHARE 0.05

/* A level so many times as high as all else would press the rest down: it is told in words. The one that is wished for
 * matters more. */
static const double far[SVG_LEVELS] = { INFINITY, 4, 2.5 };

/* In a lower picture there is no room for names: lines are as in the one above it. */
#define NAMES_HEIGHT 160

/* Pixels between names that would stand on each other. */
#define NAME_HEIGHT 15
#define NAME_FIRST 10

/* Most lengths of chains that have a bar of their own. */
#define BARS 32

static void begin(struct text *out, const struct svg_words *words, unsigned height, const char *style)
{
	text_format(out,
		    "<svg class=\"%s\" width=\"100%%\" height=\"%u\" role=\"img\" aria-labelledby=\"%s-t %s-d\">"
		    "<title id=\"%s-t\">",
		    style, height, words->id, words->id, words->id);
	text_add(out, words->title);
	text_format(out, "</title><desc id=\"%s-d\">", words->id);
	text_add(out, words->description);
	text_add(out, "</desc>");
}

/* From values to heights. */
struct scale {
	bool log;
	double low, top;
};

static int height_of(const struct scale *s, double v)
{
	double share = s->log ? log(fmax(v, s->low) / s->low) / log(s->top / s->low) : v / s->top;

	return (int)lround(TALL * (1 - fmin(fmax(share, 0), 1)));
}

static double highest_peak(const struct svg_history *h)
{
	double peak = 0;

	for (uint32_t i = 0; i < h->rows; i++)
		peak = fmax(peak, h->row[i].peak);
	return peak;
}

/* A power of ten below all that is to be seen. */
static double lowest(const struct svg_history *h)
{
	double low = INFINITY;

	for (uint32_t i = 0; i < h->rows; i++)
		if (h->row[i].mean)
			low = fmin(low, h->row[i].mean);
	return isfinite(low) ? fmax(1, pow(10, floor(log10(low)) - 1)) : 1;
}

static double highest_limit(const struct svg_history *h)
{
	double limit = 0;

	for (uint32_t i = 0; i < h->rows; i++)
		limit = fmax(limit, h->row[i].limit);
	return limit;
}

static bool is_drawn(const struct svg_history *h, size_t level, double rest)
{
	return h->level[level].v.known && h->level[level].v.v && (double)h->level[level].v.v <= far[level] * rest;
}

/* The first level, and the limits that were, are always in it; the others where they don't press it down. */
static void scale_of(const struct svg_history *h, struct scale *ret)
{
	double peak = highest_peak(h), top = fmax(fmax(peak, highest_limit(h)), 10), rest;

	if (h->level[0].v.known)
		top = fmax(top, (double)h->level[0].v.v);
	rest = top;
	for (size_t i = 1; i < SVG_LEVELS; i++)
		if (is_drawn(h, i, rest))
			top = fmax(top, (double)h->level[i].v.v);
	ret->top = top * 1.08;
	ret->low = lowest(h);
	ret->log = peak < LINEAR_SHARE * top;
}

bool svg_history_is_log(const struct svg_history *h)
{
	struct scale scale;

	scale_of(h, &scale);
	return scale.log;
}

static double plot_y(const struct svg_history *h, int height)
{
	return ABOVE + (double)height * h->height / TALL;
}

static void draw_tick(struct text *out, const struct svg_history *h, const struct scale *s, double v)
{
	double y = plot_y(h, height_of(s, v));

	text_format(out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", y, y);
	text_format(out, "<text class=\"axis\" x=\"0\" y=\"%.1f\">", y - 3);
	people_short(out, v);
	text_add(out, "</text>");
}

/* Four or five round numbers, or powers of ten. */
static void draw_scale(struct text *out, const struct svg_history *h, const struct scale *s)
{
	double raw = s->top / 4, unit = pow(10, floor(log10(raw))), step = raw / unit;
	double factor = s->top / s->low > 1e5 ? 100 : 10;

	step = (step <= 1 ? 1 : step <= 2 ? 2 : step <= 5 ? 5 : 10) * unit;
	if (s->log)
		for (double v = s->low; v < s->top; v *= factor)
			draw_tick(out, h, s, v);
	else
		for (double v = 0; v < s->top; v += step)
			draw_tick(out, h, s, v);
}

static void draw_times(struct text *out, const struct svg_history *h, unsigned y)
{
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	int64_t first = (h->begin / h->tick_seconds + 1) * h->tick_seconds;

	for (int64_t t = first; t < h->end; t += h->tick_seconds) {
		double x = 100.0 * (double)(t - h->begin) / (double)(h->end - h->begin);

		text_format(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%u\"/>", x, x, ABOVE,
			    y - 14);
		if (x < 5 || x > 95)
			continue;
		text_format(out, "<text class=\"axis middle\" x=\"%.2f%%\" y=\"%u\">", x, y);
		if (h->tick_seconds == 86400)
			/* a clock that hasn't been set yet shows the days around 1970 */
			text_add(out, days[(t / 86400 % 7 + 7) % 7]);
		else
			people_clock(out, t);
		text_add(out, "</text>");
	}
}

/* Where a row is; rows that don't belong into the picture are left out. */
static bool place(const struct svg_history *h, const struct ct_recent_row *row, int64_t *ret)
{
	if (row->begin < h->begin || row->begin >= h->end)
		return false;
	*ret = (row->begin - h->begin) / h->seconds;
	return true;
}

enum series {
	PEAK,
	MEAN,
	LIMIT,
};

static uint32_t value_of(const struct ct_recent_row *row, enum series series)
{
	return series == PEAK ? row->peak : series == MEAN ? row->mean : row->limit;
}

/* Steps, one a row; where rows are missing there is a gap. An area also goes down to the ground. */
struct pen {
	struct text *out;
	bool area, down;
	int64_t x;
	int y;
	unsigned flat;
};

static void pen_flush(struct pen *pen)
{
	if (pen->flat)
		text_format(pen->out, "h%u", pen->flat);
	pen->flat = 0;
}

static void pen_up(struct pen *pen)
{
	pen_flush(pen);
	if (pen->down && pen->area)
		text_format(pen->out, "V%dz", TALL);
	pen->down = false;
}

static void pen_step(struct pen *pen, int64_t x, int y)
{
	if (pen->down && x != pen->x)
		pen_up(pen);
	if (!pen->down) {
		text_format(pen->out, pen->area ? "M%" PRId64 " %dV%d" : "M%" PRId64 " %d", x, pen->area ? TALL : y, y);
		pen->down = true;
	} else if (y != pen->y) {
		pen_flush(pen);
		text_format(pen->out, "v%d", y - pen->y);
	}
	pen->flat++;
	pen->y = y;
	pen->x = x + 1;
}

static void draw_series(struct text *out, const struct svg_history *h, const struct scale *s, enum series series)
{
	static const char *const styles[] = { [PEAK] = "peak", [MEAN] = "mean", [LIMIT] = "limit" };
	struct pen pen = { .out = out, .area = series == PEAK };

	text_format(out, "<path class=\"%s\" vector-effect=\"non-scaling-stroke\" d=\"", styles[series]);
	for (uint32_t i = 0; i < h->rows; i++) {
		uint32_t v = value_of(&h->row[i], series);
		int64_t x;

		if (!place(h, &h->row[i], &x))
			continue;
		if (series == LIMIT && v == 0)
			pen_up(&pen);
		else
			pen_step(&pen, x, height_of(s, v));
	}
	pen_up(&pen);
	text_add(out, "\"/>");
}

static void draw_plot(struct text *out, const struct svg_history *h, const struct scale *s)
{
	text_format(out,
		    "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%u\" viewBox=\"0 0 %" PRId64 " %d\" "
		    "preserveAspectRatio=\"none\">",
		    ABOVE, h->height, (h->end - h->begin) / h->seconds, TALL);
	draw_series(out, h, s, PEAK);
	draw_series(out, h, s, MEAN);
	draw_series(out, h, s, LIMIT);
	text_add(out, "</svg>");
}

/* A level's line and where its name is. */
struct named {
	const struct svg_level *level;
	double line, name;
	bool beyond;
};

/* The highest first; names that would overlap move down. */
static size_t place_names(const struct svg_history *h, const struct scale *s, struct named *named)
{
	size_t n = 0;

	for (size_t i = 0; i < SVG_LEVELS; i++) {
		struct named one = { .level = &h->level[i] };
		size_t at = n;

		if (!one.level->v.known || one.level->v.v == 0)
			continue;
		one.beyond = (double)one.level->v.v > s->top;
		one.line = one.beyond ? ABOVE - 2 : plot_y(h, height_of(s, (double)one.level->v.v));
		one.name = one.line - 4;
		for (; at > 0 && named[at - 1].level->v.v < one.level->v.v; at--)
			named[at] = named[at - 1];
		named[at] = one;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		named[i].name = fmax(named[i].name, i == 0 ? NAME_FIRST : named[i - 1].name + NAME_HEIGHT);
		/* not through its own line: above it or below */
		if (!named[i].beyond && named[i].name > named[i].line - 3)
			named[i].name = fmax(named[i].name, named[i].line + NAME_HEIGHT - 2);
	}
	return n;
}

static void draw_lines(struct text *out, const struct named *named, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!named[i].beyond)
			text_format(out, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
				    named[i].level->style, named[i].line, named[i].line);
}

/* With an edge of the paper's colour. */
static void draw_names(struct text *out, const struct named *named, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		text_format(out, "<text class=\"name end\" x=\"100%%\" y=\"%.1f\">", named[i].name);
		text_add(out, named[i].level->name);
		text_add(out, " ");
		people_digits(out, named[i].level->v.v);
		text_add(out, named[i].beyond ? " \xe2\x86\x91</text>" : "</text>");
	}
}

static uint64_t lost_of(const struct ct_recent_row *row, size_t kind)
{
	return kind == 0 ? row->drops : kind == 1 ? row->early_drops : row->refused;
}

static bool has_lost(const struct svg_history *h, size_t kind)
{
	for (uint32_t i = 0; i < h->rows; i++)
		if (lost_of(&h->row[i], kind))
			return true;
	return false;
}

/* When something was lost: one lane for each kind, so that no colour has to tell them apart. */
static unsigned draw_lane(struct text *out, const struct svg_history *h, size_t kind, unsigned y)
{
	static const char *const names[] = { "dropped", "evicted early", "refused by the chain limit" };
	int64_t wide = (h->end - h->begin) / h->seconds;
	struct pen pen = { .out = out };

	text_format(out, "<text class=\"axis\" x=\"0\" y=\"%u\">", y + 10);
	text_add(out, names[kind]);
	text_format(out,
		    "</text><line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%u\" y2=\"%u\"/>"
		    "<svg x=\"0\" y=\"%u\" width=\"100%%\" height=\"10\" viewBox=\"0 0 %" PRId64 " 2\" "
		    "preserveAspectRatio=\"none\"><path class=\"lost\" vector-effect=\"non-scaling-stroke\" d=\"",
		    y + LANE - 2, y + LANE - 2, y + LANE - 12, wide);
	for (uint32_t i = 0; i < h->rows; i++) {
		int64_t x;

		if (place(h, &h->row[i], &x) && lost_of(&h->row[i], kind))
			pen_step(&pen, x, 1);
	}
	pen_up(&pen);
	text_add(out, "\"/></svg>");
	return y + LANE;
}

void svg_history(struct text *out, const struct svg_history *h)
{
	unsigned height = ABOVE + h->height + BELOW, y = height;
	struct named named[SVG_LEVELS];
	struct scale scale;
	size_t n;

	for (size_t kind = 0; kind < 3; kind++)
		if (has_lost(h, kind))
			height += LANE;
	scale_of(h, &scale);
	begin(out, &h->words, height, "chart");
	draw_times(out, h, ABOVE + h->height + 14);
	draw_plot(out, h, &scale);
	n = place_names(h, &scale, named);
	draw_lines(out, named, n);
	draw_scale(out, h, &scale);
	draw_names(out, named, h->height >= NAMES_HEIGHT ? n : 0);
	for (size_t kind = 0; kind < 3; kind++)
		if (has_lost(h, kind))
			y = draw_lane(out, h, kind, y);
	text_add(out, "</svg>");
}

/* What part of the picture of chains is where. @first .. @last: lengths; @group of them in one bar. */
struct bars {
	uint32_t first, last, group, count;
	double top;
	unsigned height;
};

#define CHAINS_HEIGHT 150
#define CHAINS_LEFT 9.0 /* percent, for numbers of the scale */

static double sum_expected(const struct svg_chains *c, uint32_t from, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = from; i < from + n && i < c->lengths; i++)
		sum += c->expected[i];
	return sum;
}

static double sum_exact(const struct svg_chains *c, uint32_t from, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = from; c->has_exact && i < from + n && i < c->lengths; i++)
		sum += (double)c->exact[i];
	return sum;
}

static bool is_seen(const struct svg_chains *c, uint32_t length)
{
	return sum_expected(c, length, 1) >= 0.5 || sum_exact(c, length, 1) > 0;
}

static void plan_bars(const struct svg_chains *c, struct bars *ret)
{
	struct bars b = { .last = c->lengths - 1, .top = 10, .height = CHAINS_HEIGHT };

	while (b.first < b.last && !is_seen(c, b.first))
		b.first++;
	while (b.last > b.first && !is_seen(c, b.last))
		b.last--;
	/* the chain limit is in it where it is near */
	if (c->refusing > b.last && c->refusing <= b.last + 6)
		b.last = c->refusing;
	b.group = (b.last - b.first) / BARS + 1;
	b.count = (b.last - b.first) / b.group + 1;
	for (uint32_t i = 0; i < b.count; i++) {
		uint32_t from = b.first + i * b.group;

		b.top = fmax(b.top, fmax(sum_expected(c, from, b.group), sum_exact(c, from, b.group)));
	}
	*ret = b;
}

/* Logarithmic, and one bucket is still something. */
static double bar_height(const struct bars *b, double buckets)
{
	return buckets < 0.5 ? 0 : b->height * (log10(buckets) + 0.4) / (log10(b->top) + 0.4);
}

static void draw_bar(struct text *out, const struct bars *b, double x, double wide, double buckets, const char *style)
{
	double tall = bar_height(b, buckets);

	if (tall > 0)
		text_format(out, "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%.1f\"/>", style,
			    x, ABOVE + b->height - tall, wide, tall);
}

static void draw_bar_scale(struct text *out, const struct bars *b)
{
	double factor = b->top > 1e5 ? 100 : 10;

	for (double v = 1; v <= b->top; v *= factor) {
		double y = ABOVE + b->height - bar_height(b, v);

		text_format(out,
			    "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
			    "<text class=\"axis\" x=\"0\" y=\"%.1f\">",
			    y, y, y - 3);
		people_short(out, v);
		text_add(out, "</text>");
	}
}

static double bar_place(const struct bars *b, double length)
{
	double share = (length - b->first) / b->group / b->count;

	return CHAINS_LEFT + (100 - CHAINS_LEFT) * fmin(fmax(share, 0), 1);
}

/* Lengths that refuse: hatched where they are in the picture, told at its edge where not. */
static void draw_refusing(struct text *out, const struct svg_chains *c, const struct bars *b)
{
	bool within = c->refusing <= b->last;
	double x = bar_place(b, c->refusing);

	if (!c->refusing)
		return;
	if (within)
		text_format(out,
			    "<rect class=\"refusing\" x=\"%.2f%%\" y=\"%d\" width=\"%.2f%%\" height=\"%u\"/>"
			    "<line class=\"refusing-edge\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%u\"/>",
			    x, ABOVE, 100 - x, b->height, x, x, ABOVE, ABOVE + b->height);
	text_format(out, "<text class=\"name end\" x=\"100%%\" y=\"10\">refused from %" PRIu32 " nodes%s</text>",
		    c->refusing, within ? "" : " \xe2\x86\x92");
}

static void draw_length(struct text *out, const struct bars *b, uint32_t i, double middle)
{
	uint32_t every = (b->count + 11) / 12, from = b->first + i * b->group;

	if (i % every)
		return;
	text_format(out, "<text class=\"axis middle\" x=\"%.2f%%\" y=\"%u\">%" PRIu32 "</text>", middle,
		    ABOVE + b->height + 14, from);
}

void svg_chains(struct text *out, const struct svg_chains *c)
{
	struct bars b;
	double slot;

	plan_bars(c, &b);
	slot = (100 - CHAINS_LEFT) / b.count;
	begin(out, &c->words, ABOVE + b.height + BELOW, "chart");
	draw_bar_scale(out, &b);
	draw_refusing(out, c, &b);
	for (uint32_t i = 0; i < b.count; i++) {
		uint32_t from = b.first + i * b.group;
		double x = CHAINS_LEFT + i * slot;

		draw_bar(out, &b, x + slot * 0.08, slot * 0.84, sum_expected(c, from, b.group), "expected");
		draw_bar(out, &b, x + slot * 0.3, slot * 0.4, sum_exact(c, from, b.group), "exact");
		draw_length(out, &b, i, x + slot / 2);
	}
	text_add(out, "</svg>");
}

void svg_bar(struct text *out, const struct svg_bar *bar)
{
	begin(out, &bar->words, 22, "bar");
	text_add(out, "<rect class=\"track\" x=\"0\" y=\"3\" width=\"100%\" height=\"16\" rx=\"3\"/>");
	for (size_t i = 0; i < bar->parts; i++) {
		const char *style = bar->part[i].style;
		double percent = 100 * fmin(fmax(bar->part[i].share, 0), 1);

		if (strncmp(style, "mark", 4) == 0)
			text_format(out, "<rect class=\"%s\" x=\"%.2f%%\" y=\"0\" width=\"3\" height=\"22\"/>", style,
				    fmin(percent, 99.5));
		else if (percent > 0)
			text_format(out, "<rect class=\"%s\" x=\"0\" y=\"3\" width=\"%.2f%%\" height=\"16\" rx=\"3\"/>",
				    style, fmax(percent, 0.4));
	}
	text_add(out, "</svg>");
}

/* Shapes differ, not only colours. */
void svg_sign(struct text *out, const char *name)
{
	static const struct {
		const char *name, *shape;
	} signs[] = {
		{ "ok", "<circle cx=\"14\" cy=\"14\" r=\"12\"/><path d=\"M8 14.5l4 4 8-9\"/>" },
		{ "warn", "<path class=\"body\" d=\"M14 2.5L26.5 25h-25z\"/><path d=\"M14 11v6M14 20.5v1\"/>" },
		{ "bad",
		  "<path class=\"body\" d=\"M9 2h10l7 7v10l-7 7H9l-7-7V9z\"/><path d=\"M9.500 9.500l9 9m0-9l-9 9\"/>" },
		{ "stale", "<circle cx=\"14\" cy=\"14\" r=\"12\"/><path d=\"M14 7v7.500l5 3\"/>" },
		{ "none", "<circle cx=\"14\" cy=\"14\" r=\"12\"/><path d=\"M8 14h12\"/>" },
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strcmp(signs[i].name, name) == 0)
			text_format(out,
				    "<svg class=\"sign\" width=\"28\" height=\"28\" viewBox=\"0 0 28 28\" "
				    "aria-hidden=\"true\">"
				    "%s</svg>",
				    signs[i].shape);
}
