/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows: one failure is remembered, and looked at once in the end. */
#ifndef CONNTUNED_HTTP_TEXT_H
#define CONNTUNED_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Starts all zero. @bytes is NUL-terminated once anything was added, and to be freed. */
struct text {
	char *bytes;
	size_t n, room;
	bool failed;
};

void text_add(struct text *text, const char *words);
void text_add_bytes(struct text *text, const char *bytes, size_t n);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* With & < > " ' as character references: for HTML and SVG, in attributes too. What isn't printable ASCII becomes '?'.
 */
void text_html(struct text *text, const char *words);

/* Make room for @n bytes in all, so that growing doesn't leave pieces behind. A wish: it may fail without a word. */
void text_expect(struct text *text, size_t n);

/* Back to @n bytes, of those that are there. */
void text_cut(struct text *text, size_t n);

void text_free(struct text *text);

#endif
