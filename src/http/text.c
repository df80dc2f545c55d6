/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows. What was there when memory ran out stays, so that nobody who goes on adding can do harm. */
#include "config.h"
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM ((size_t)1024)

/* Have room for @more bytes and the NUL behind them. */
static bool grow(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : FIRST_ROOM;
	char *bytes;

	if (text->failed)
		return false;
	if (more < text->room - text->n)
		return true;
	while (more >= room - text->n && room <= SIZE_MAX / 2)
		room *= 2;
	bytes = more < room - text->n ? realloc(text->bytes, room) : NULL;
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t n)
{
	if (!grow(text, n))
		return;
	if (n)
		(void)memcpy(text->bytes + text->n, bytes, n);
	text->n += n;
	text->bytes[text->n] = '\0';
}

void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, words, strlen(words));
}

void text_format(struct text *text, const char *format, ...)
{
	va_list ap, again;
	int n;

	if (!grow(text, 0))
		return;
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(text->bytes + text->n, text->room - text->n, format, ap);
	if (n >= 0 && (size_t)n >= text->room - text->n && grow(text, (size_t)n))
		n = vsnprintf(text->bytes + text->n, text->room - text->n, format, again);
	va_end(again);
	va_end(ap);
	if (n < 0)
		text->failed = true;
	if (text->failed)
		text->bytes[text->n] = '\0';
	else
		text->n += (size_t)n;
}

/* What stands for a character of HTML; NULL: itself */
static const char *html_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return c < ' ' || c > '~' ? "?" : NULL;
}

void text_html(struct text *text, const char *words)
{
	size_t plain = 0;

	for (; words[plain]; plain++) {
		const char *instead = html_of(words[plain]);

		if (!instead)
			continue;
		text_add_bytes(text, words, plain);
		text_add(text, instead);
		words += plain + 1;
		plain = (size_t)-1;
	}
	text_add_bytes(text, words, plain);
}

void text_expect(struct text *text, size_t n)
{
	char *bytes;

	if (text->failed || n < text->room || n == SIZE_MAX)
		return;
	bytes = realloc(text->bytes, n + 1);
	if (!bytes)
		return;
	text->bytes = bytes;
	text->room = n + 1;
	bytes[text->n] = '\0';
}

void text_cut(struct text *text, size_t n)
{
	if (n >= text->n)
		return;
	text->n = n;
	text->bytes[n] = '\0';
}

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}
