/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small things every file of the library uses: cleanup, checked arithmetic, numbers from text. */
#ifndef CONNTUNE_UTIL_H
#define CONNTUNE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <conntune/err.h>

#define ct_array_size(a) (sizeof(a) / sizeof((a)[0]))

/* The variable is handed to fn(&variable) when it goes out of scope. */
#define ct_cleanup(fn) __attribute__((cleanup(fn)))

/* Hand a pointer over and leave NULL behind. */
#define ct_take(p)                       \
	__extension__({                  \
		__typeof__(p) taken = (p); \
		(p) = NULL;              \
		taken;                   \
	})

static inline void ct_freep(void *p)
{
	free(*(void **)p);
}

static inline void ct_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/**
 * ct_err_set - fill @err (may be NULL) and hand @code back
 * @code: negative errno
 * Bytes of the message that aren't printable ASCII become '?', so that no file name or value can disturb a terminal.
 */
int ct_err_set(struct ct_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4), nonnull(3)));

/**
 * ct_parse_i64 - a whole number from text, all of it
 * Decimal or 0x...; blanks around it allowed, nothing else: no '+', no empty text.
 * Returns: 0; -EINVAL; -ERANGE if it doesn't fit.
 */
int ct_parse_i64(const char *text, int64_t *ret) __attribute__((nonnull, warn_unused_result));
int ct_parse_u64(const char *text, uint64_t *ret) __attribute__((nonnull, warn_unused_result));

static inline bool ct_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

static inline bool ct_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

#endif
