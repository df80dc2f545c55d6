/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages and numbers from text. */
#include "config.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ct_err_set(struct ct_err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args);
	va_end(args);
	for (char *p = err->msg; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return code;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies the digits of @text, without blanks around them, to @digits; strtoull() would take too much. */
static int number_only(const char *text, bool sign_allowed, char digits[32])
{
	size_t n;
	const char *d;

	while (is_blank(*text))
		text++;
	n = strlen(text);
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	if (n == 0)
		return -EINVAL;
	d = text + (sign_allowed && *text == '-');
	if (!isdigit((unsigned char)*d))
		return -EINVAL;
	if (n >= 32)
		return -ERANGE;
	memcpy(digits, text, n);
	digits[n] = '\0';
	return 0;
}

static int magnitude(const char *digits, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(digits, &end, strchr(digits, 'x') ? 16 : 10);
	if (*end != '\0')
		return -EINVAL;
	if (errno)
		return -errno;
	*ret = v;
	return 0;
}

int ct_parse_u64(const char *text, uint64_t *ret)
{
	char digits[32];
	int r = number_only(text, false, digits);

	return r < 0 ? r : magnitude(digits, ret);
}

int ct_parse_i64(const char *text, int64_t *ret)
{
	char digits[32];
	uint64_t v = 0;
	bool negative;
	int r = number_only(text, true, digits);

	if (r < 0)
		return r;
	negative = *digits == '-';
	r = magnitude(digits + negative, &v);
	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	/* the smallest number has no positive twin */
	*ret = negative && v ? -(int64_t)(v - 1) - 1 : (int64_t)v;
	return 0;
}
