/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every fuzz_INPUT.c has: one function that takes anything. */
#ifndef CONNTUNE_TEST_FUZZ_H
#define CONNTUNE_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input: the fuzzer keeps the one for which it doesn't. */
#define fuzz_require(condition)                                                            \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* The input as a string in memory of its own, so that a step beyond its end is seen; to be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_require(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
