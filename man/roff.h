/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text of a table as roff, for the programs that make manual pages. */
#ifndef CONNTUNE_MAN_ROFF_H
#define CONNTUNE_MAN_ROFF_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 78

/* A word as roff: no ligatures, no smart quotes, and names are never hyphenated. */
static inline void put_word(const char *word, size_t n)
{
	if (strcspn(word, "_/=") < n)
		(void)fputs("\\%", stdout);
	for (; n > 0; word++, n--) {
		if (*word == '-')
			(void)fputs("\\-", stdout);
		else if (*word == '"')
			(void)fputs("\\(dq", stdout);
		else
			(void)putchar(*word);
	}
}

/* Text of the table, wrapped, so that no line of the source is long; none begins like a roff request. */
static inline void put(const char *text)
{
	size_t column = 0, n = 0;

	for (; *text; text += n + (text[n] == ' ')) {
		/* a new one begins on a new line: roff wants it, for the blank before it; ".." ends none */
		bool sentence = n > 1 && text[-2] == '.' && text[-3] != '.';

		n = strcspn(text, " ");
		if (column > 0 && (column + n >= COLUMNS || sentence)) {
			(void)putchar('\n');
			column = 0;
		} else if (column > 0) {
			(void)putchar(' ');
		}
		if (column == 0 && (*text == '.' || *text == '\''))
			(void)fputs("\\&", stdout);
		put_word(text, n);
		column += n + 1;
	}
}

#endif
