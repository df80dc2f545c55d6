/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both writers share: remembering the first error, and numbers for people. */
#include "config.h"
#include "cli.h"
#include "out.h"
#include "out_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

int out_new(struct out **ret, bool json, FILE *f, struct ct_err *err)
{
	int r = json ? out_json_new(ret, f) : out_table_new(ret, f);

	return r < 0 ? cli_fail(err, r, "no output: %s", strerror(-r)) : 0;
}

int out_finish(struct out *out, struct ct_err *err)
{
	if (!out->error && !out->cancelled)
		out->error = out->ops->finish(out);
	return out->error ? cli_fail(err, out->error, "output can't be written: %s", strerror(-out->error)) : 0;
}

void out_cancel(struct out *out)
{
	out->cancelled = true;
}

void out_freep(struct out **out)
{
	if (*out)
		(*out)->ops->free(*out);
}

void out_begin(struct out *out, enum out_kind kind, const char *key, const char *title)
{
	if (!out->error)
		out->error = out->ops->begin(out, kind, key, title);
}

void out_end(struct out *out)
{
	if (!out->error)
		out->error = out->ops->end(out);
}

static void field(struct out *out, const char *key, const char *label, const struct out_value *v)
{
	if (!out->error)
		out->error = out->ops->field(out, key, label, v);
}

void out_i64(struct out *out, const char *key, const char *label, enum out_unit unit, int64_t v)
{
	field(out, key, label, &(struct out_value){ .type = OUT_IS_INTEGER, .unit = unit, .i = v });
}

void out_u64(struct out *out, const char *key, const char *label, enum out_unit unit, uint64_t v)
{
	/* JSON readers have 63 bits and a sign; no size or count on a machine comes near */
	out_i64(out, key, label, unit, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void out_real(struct out *out, const char *key, const char *label, enum out_unit unit, double v)
{
	field(out, key, label, &(struct out_value){ .type = OUT_IS_REAL, .unit = unit, .r = v });
}

void out_text(struct out *out, const char *key, const char *label, const char *v)
{
	field(out, key, label, &(struct out_value){ .type = OUT_IS_TEXT, .s = v });
}

void out_bool(struct out *out, const char *key, const char *label, bool v)
{
	field(out, key, label, &(struct out_value){ .type = OUT_IS_BOOL, .i = v });
}

void out_known(struct out *out, const char *key, const char *label, enum out_unit unit, struct ct_u64 v)
{
	if (v.known)
		out_u64(out, key, label, unit, v.v);
}

__attribute__((format(printf, 3, 0)))
static void formatted(struct out *out, int (*write)(struct out *out, const char *text), const char *format,
		      va_list ap)
{
	cli_cleanup(cli_freep) char *text = NULL;

	if (out->error)
		return;
	if (vasprintf(&text, format, ap) < 0) {
		text = NULL;
		out->error = -ENOMEM;
	} else {
		out->error = write(out, text);
	}
}

void out_note(struct out *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	formatted(out, out->ops->note, format, ap);
	va_end(ap);
}

void out_line(struct out *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	formatted(out, out->ops->line, format, ap);
	va_end(ap);
}

void out_drawn(struct out *out, const char *line)
{
	if (!out->error)
		out->error = out->ops->drawn(out, line);
}

static void human_bytes(char *text, size_t n, double v)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t i = 0;

	for (; v >= 1024 && i < cli_array_size(names) - 1; i++)
		v /= 1024;
	/* three digits: 2.0 GiB, 23.5 GiB, 512 MiB */
	(void)snprintf(text, n, "%.*f %s", i == 0 || v >= 100 ? 0 : 1, v, names[i]);
}

static void human_seconds(char *text, size_t n, double v)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "days", 86400 }, { "hours", 3600 }, { "min", 60 } };

	for (size_t i = 0; i < cli_array_size(units); i++)
		if (v >= 2 * units[i].seconds && fmod(v, units[i].seconds) == 0) {
			(void)snprintf(text, n, "%.0f s = %.0f %s", v, v / units[i].seconds, units[i].name);
			return;
		}
	(void)snprintf(text, n, "%.0f s", v);
}

static void human_share(char *text, size_t n, double v)
{
	if (v <= 0)
		(void)snprintf(text, n, "0 %%");
	else if (v < 1e-12)
		(void)snprintf(text, n, "< 1e-12");
	else if (v < 1e-6)
		(void)snprintf(text, n, "%.0e", v);
	else if (v < 0.001)
		(void)snprintf(text, n, "%.*f %%", v < 1e-5 ? 4 : v < 1e-4 ? 3 : 2, 100 * v);
	else
		(void)snprintf(text, n, "%.*f %%", v < 0.1 ? 1 : 0, 100 * v);
}

void out_human(char *text, size_t n, enum out_unit unit, double v)
{
	switch (unit) {
	case OUT_PLAIN:
		(void)snprintf(text, n, "%.0f", v);
		break;
	case OUT_BYTES:
		human_bytes(text, n, v);
		break;
	case OUT_SECONDS:
		human_seconds(text, n, v);
		break;
	case OUT_RATIO:
		(void)snprintf(text, n, v > 0 && v < 0.05 ? "< 0.1" : "%.1f", v);
		break;
	case OUT_SHARE:
		human_share(text, n, v);
		break;
	}
}

const char *out_value_text(const struct out_value *v, char *buffer, size_t n)
{
	switch (v->type) {
	case OUT_IS_TEXT:
		return v->s;
	case OUT_IS_BOOL:
		return v->i ? "yes" : "no";
	case OUT_IS_REAL:
		out_human(buffer, n, v->unit, v->r);
		break;
	case OUT_IS_INTEGER:
		if (v->unit == OUT_PLAIN)
			(void)snprintf(buffer, n, "%" PRId64, v->i);
		else
			out_human(buffer, n, v->unit, (double)v->i);
		break;
	}
	return buffer;
}
