/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people read them. Pure. */
#include "config.h"
#include "people.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Between groups of digits: narrow, and no line ends there. */
#define THIN "\xe2\x80\xaf"

static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

void people_digits(struct text *out, uint64_t v)
{
	unsigned groups = 0;
	uint64_t unit = 1;

	for (; v / unit >= 1000; groups++)
		unit *= 1000;
	text_format(out, "%" PRIu64, v / unit);
	for (; groups; groups--) {
		v %= unit;
		unit /= 1000;
		text_format(out, THIN "%03" PRIu64, v / unit);
	}
}

void people_short(struct text *out, double v)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t i = 0;

	while (v >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		i++;
	}
	text_format(out, "%.3g%s", v, units[i]);
}

/* Two units that follow each other: more is noise. */
void people_span(struct text *out, double seconds)
{
	static const struct {
		double seconds, part;
		const char *name, *part_name;
	} units[] = {
		{ 86400, 3600, "d", "h" },
		{ 3600, 60, "h", "min" },
		{ 60, 1, "min", "s" },
	};

	if (!(seconds >= 0) || seconds > 1e12)
		seconds = seconds > 0 ? 1e12 : 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double whole = floor(seconds / units[i].seconds), part;

		if (whole < 1)
			continue;
		part = floor((seconds - whole * units[i].seconds) / units[i].part);
		text_format(out, part > 0 ? "%.0f %s %.0f %s" : "%.0f %s", whole, units[i].name, part,
			    units[i].part_name);
		return;
	}
	if (seconds >= 1 || seconds == 0)
		text_format(out, "%.3g s", seconds);
	else if (seconds >= 1e-3)
		text_format(out, "%.3g ms", seconds * 1e3);
	else
		text_format(out, "%.3g \xc2\xb5s", seconds * 1e6);
}

void people_size(struct text *out, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1024;
		i++;
	}
	text_format(out, "%.3g %s", v, units[i]);
}

/* Years of four digits: what is beyond can't be meant. */
static struct tm utc(int64_t unix_seconds)
{
	time_t t = unix_seconds < 0                       ? 0
		   : unix_seconds > INT64_C(253402300799) ? (time_t)INT64_C(253402300799)
							  : (time_t)unix_seconds;
	struct tm tm = { .tm_mday = 1 };

	(void)gmtime_r(&t, &tm);
	return tm;
}

void people_clock(struct text *out, int64_t unix_seconds)
{
	struct tm tm = utc(unix_seconds);

	text_format(out, "%02d:%02d", tm.tm_hour, tm.tm_min);
}

void people_date(struct text *out, int64_t unix_seconds)
{
	struct tm tm = utc(unix_seconds);

	text_format(out, "%d %s %02d:%02d", tm.tm_mday, months[tm.tm_mon], tm.tm_hour, tm.tm_min);
}

void people_odds(struct text *out, double p)
{
	if (!(p >= 1e-12)) {
		text_add(out, "fewer than one in a million million");
	} else if (p >= 0.1) {
		text_format(out, "%.0f of 100", 100 * p);
	} else {
		double n = 1 / p, unit = pow(10, floor(log10(n)) - 1);

		text_add(out, "one in ");
		people_digits(out, (uint64_t)(round(n / unit) * unit));
	}
}

static void mark(struct text *out, const char *api)
{
	if (api) {
		text_add(out, " data-api=\"");
		text_html(out, api);
		text_add(out, "\"");
	}
}

static void begin(struct text *out, const char *api, double v)
{
	text_format(out, "<data value=\"%.12g\"", v);
	mark(out, api);
	text_add(out, ">");
}

/* Numbers of JSON end there, and so they do here: both say the same. */
static uint64_t cut(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : v;
}

void people_u64(struct text *out, const char *api, uint64_t v)
{
	v = cut(v);
	text_format(out, "<data value=\"%" PRIu64 "\"", v);
	mark(out, api);
	text_add(out, ">");
	people_digits(out, v);
	text_add(out, "</data>");
}

void people_id(struct text *out, const char *api, uint64_t v)
{
	text_format(out, "<data value=\"%" PRIu64 "\"", cut(v));
	mark(out, api);
	text_format(out, ">%" PRIu64 "</data>", cut(v));
}

void people_known(struct text *out, const char *api, struct ct_u64 v)
{
	if (v.known)
		people_u64(out, api, v.v);
	else
		text_add(out, "<span class=\"unknown\">not known</span>");
}

void people_bytes(struct text *out, const char *api, uint64_t bytes)
{
	bytes = cut(bytes);
	text_format(out, "<data value=\"%" PRIu64 "\"", bytes);
	mark(out, api);
	text_add(out, ">");
	people_size(out, bytes);
	text_add(out, "</data>");
}

void people_seconds(struct text *out, const char *api, double seconds)
{
	begin(out, api, seconds);
	people_span(out, seconds);
	text_add(out, "</data>");
}

void people_share(struct text *out, const char *api, double share)
{
	begin(out, api, share);
	text_format(out, share > 0 && share < 0.0995 ? "%.2g %%" : "%.0f %%", 100 * share);
	text_add(out, "</data>");
}

void people_real(struct text *out, const char *api, double v)
{
	begin(out, api, v);
	text_format(out, "%.3g", v);
	text_add(out, "</data>");
}

void people_rate(struct text *out, const char *api, double v)
{
	begin(out, api, v);
	if (fabs(v) >= 100) {
		text_add(out, v < 0 ? "\xe2\x88\x92" : "+");
		people_digits(out, (uint64_t)fmin(fabs(round(v)), 1e18));
	} else {
		text_format(out, fabs(v) < 0.05 ? "0" : v < 0 ? "\xe2\x88\x92%.1f" : "+%.1f", fabs(v));
	}
	text_add(out, "</data>");
}

void people_time(struct text *out, const char *api, double unix_seconds)
{
	struct tm tm = utc((int64_t)fmin(fmax(unix_seconds, 0), 1e12));

	text_format(out, "<time datetime=\"%04d-%02d-%02dT%02d:%02d:%02dZ\" data-value=\"%.16g\"", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, unix_seconds);
	mark(out, api);
	text_format(out, ">%d %s %02d:%02d:%02d UTC</time>", tm.tm_mday, months[tm.tm_mon], tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
}

void people_text(struct text *out, const char *api, const char *words)
{
	text_add(out, "<span");
	mark(out, api);
	text_add(out, ">");
	text_html(out, words);
	text_add(out, "</span>");
}
