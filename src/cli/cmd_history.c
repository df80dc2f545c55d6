/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune history: how many entries there were, as a running conntuned has noted it. */
#include "config.h"
#include "bars.h"
#include "cli.h"
#include "daemon.h"
#include "options.h"
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <jansson.h>

/* What isn't bar: time, peak, share, lost, and blanks. */
#define LEFT 47

/**
 * struct span - how long, and how many are drawn; JSON has all
 * @days: dates, which are UTC's; else local time
 */
struct span {
	const char *name, *title;
	int64_t seconds;
	unsigned drawn;
	bool days;
};

static const struct span spans[] = {
	{ .name = "minute", .title = "Most entries of each minute", .seconds = 60, .drawn = 60 },
	{ .name = "hour", .title = "Most entries of each hour", .seconds = 3600, .drawn = 48 },
	{ .name = "day", .title = "Most entries of each day (UTC)", .seconds = 86400, .drawn = 31, .days = true },
};

static void json_done(json_t **o)
{
	json_decref(*o);
}

static int find_span(const char *name, const struct span **ret, struct ct_err *err)
{
	*ret = &spans[0];
	if (!name)
		return 0;
	for (size_t i = 0; i < cli_array_size(spans); i++)
		if (strcmp(spans[i].name, name) == 0) {
			*ret = &spans[i];
			return 0;
		}
	return cli_usage(err, "--span '%s': must be minute, hour or day", name);
}

static struct ct_u64 number_of(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return (struct ct_u64){ .known = json_is_integer(v) && json_integer_value(v) >= 0,
				.v = (uint64_t)json_integer_value(v) };
}

static void show_row(struct out *out, const json_t *row)
{
	static const char *const keys[] = { "begin", "seconds", "samples", "peak",  "mean",	   "p50",
					    "p95",   "p99",	"limit",   "drops", "early_drops", "refused" };

	out_begin(out, OUT_OBJECT, NULL, NULL);
	for (size_t i = 0; i < cli_array_size(keys); i++)
		out_known(out, keys[i], NULL, OUT_PLAIN, number_of(row, keys[i]));
	out_end(out);
}

static void show_rows(struct out *out, const struct span *span, const json_t *rows)
{
	size_t i;
	json_t *row;

	out_text(out, "span", NULL, span->name);
	out_begin(out, OUT_TABLE, "history", NULL);
	json_array_foreach(rows, i, row)
		show_row(out, row);
	out_end(out);
}

/* --- the picture */

struct picture {
	const struct span *span;
	struct bars_style style;
	double scale;
	size_t cells;
};

static uint64_t lost_of(const json_t *row)
{
	return number_of(row, "drops").v + number_of(row, "early_drops").v + number_of(row, "refused").v;
}

static void write_left(const struct picture *p, const json_t *row, char *text, size_t n)
{
	struct ct_u64 limit = number_of(row, "limit"), peak = number_of(row, "peak");
	time_t begin = (time_t)number_of(row, "begin").v;
	char when[32] = "", share[32] = "-";
	struct tm tm;

	if (p->span->days && gmtime_r(&begin, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	else if (!p->span->days && localtime_r(&begin, &tm))
		(void)strftime(when, sizeof(when), "%m-%d %H:%M", &tm);
	if (limit.known && limit.v)
		(void)snprintf(share, sizeof(share), "%.0f %%", fmin(100.0 * (double)peak.v / (double)limit.v, 9999));
	(void)snprintf(text, n, "%12s %10" PRIu64 " %8s %10" PRIu64, when, peak.v, share, lost_of(row));
}

static int draw_row(struct out *out, const struct picture *p, const json_t *row, struct ct_err *err)
{
	size_t bytes = 3 * p->cells + 16;
	cli_cleanup(cli_freep) char *bar = malloc(bytes), *line = NULL;
	char left[160];

	if (!bar)
		return cli_fail(err, -ENOMEM, "out of memory");
	write_left(p, row, left, sizeof(left));
	bars_draw(bar, bytes, &p->style, BARS_FOUND, p->scale > 0 ? (double)number_of(row, "peak").v / p->scale : 0, p->cells,
		  false);
	if (asprintf(&line, "%s  %s", left, bar) < 0) {
		line = NULL;
		return cli_fail(err, -ENOMEM, "out of memory");
	}
	out_drawn(out, line);
	return 0;
}

/* A line of dots where nothing was noted: a machine that slept, a daemon that didn't run. */
static int draw_rows(struct out *out, const struct picture *p, const json_t *rows, size_t first, struct ct_err *err)
{
	int r = 0;

	for (size_t i = first; r == 0 && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *before = i > first ? json_array_get(rows, i - 1) : NULL;

		if (before && number_of(row, "begin").v > number_of(before, "begin").v + (uint64_t)p->span->seconds)
			out_drawn(out, "         ...");
		r = draw_row(out, p, row, err);
	}
	return r;
}

static int draw(struct out *out, const struct cli_options *opt, const struct span *span, const json_t *rows,
		struct ct_err *err)
{
	struct picture p = { .span = span };
	size_t n = json_array_size(rows), first = n > span->drawn ? n - span->drawn : 0;
	char heading[80];
	int r;

	if (n == 0) {
		out_line(out, "Nothing has been noted yet.");
		return 0;
	}
	bars_style(&p.style, opt->no_color);
	p.cells = p.style.width > LEFT + 8 ? p.style.width - LEFT : 8;
	for (size_t i = first; i < n; i++)
		p.scale = fmax(p.scale, (double)number_of(json_array_get(rows, i), "peak").v);
	out_begin(out, OUT_LIST, NULL, span->title);
	(void)snprintf(heading, sizeof(heading), "%12s %10s %8s %10s", "", "peak", "of limit", "lost");
	out_drawn(out, heading);
	r = draw_rows(out, &p, rows, first, err);
	out_end(out);
	return r;
}

int cmd_history(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	cli_cleanup(daemon_freep) struct ct_client *client = NULL;
	cli_cleanup(json_done) json_t *rows = NULL;
	const struct span *span = NULL;
	int r = find_span(opt->span, &span, err);

	if (r == 0)
		r = cli_open_root(&fs, opt, err);
	if (r == 0)
		r = ct_client_new(&client, fs, DAEMON_TIMEOUT_USEC, err);
	if (r == 0)
		r = ct_client_history(client, span->name, 0, &rows, err);
	if (r < 0)
		return r;
	show_rows(out, span, rows);
	return draw(out, opt, span, rows, err);
}
