/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that collect facts share. */
#ifndef CONNTUNE_FACTS_PARTS_H
#define CONNTUNE_FACTS_PARTS_H

#include <conntune/facts.h>

/* The text up to the next newline, which is cut off; NULL at the end. @rest moves on. */
char *ct_facts_line(char **rest) __attribute__((nonnull));

/**
 * ct_facts_text - the first @n - 1 bytes of a file that sizes depend on
 * @buf: text, without the last newline
 * Returns: 0; -ENODATA if the file is missing or forbidden, then the fact isn't known; -EBADMSG if it is anything
 *          else than a file with text in it.
 */
int ct_facts_text(struct ct_fs *fs, const char *path, char *buf, size_t n, struct ct_err *err)
	__attribute__((nonnull(1, 2, 3), warn_unused_result));

/*
 * As struct ct_facts has them. @available: before 3.14 what is free or easily made free. @unreclaimable: SUnreclaim (2.6.19),
 * where connections are among others
 */
struct ct_facts_memory {
	struct ct_u64 total, available, unreclaimable;
	struct ct_u64 low, low_available;
};

/**
 * ct_facts_meminfo - what proc/meminfo tells
 * @text: of the file; is cut into lines
 * Returns: NULL; the line of MemTotal if it is malformed or says 0: then *@ret isn't written.
 */
const char *ct_facts_meminfo(char *text, struct ct_facts_memory *ret)
	__attribute__((nonnull, warn_unused_result));

/* A whole number that isn't negative, from a file whose fact may stay unknown, whatever is wrong with it. */
struct ct_u64 ct_facts_number(struct ct_fs *fs, const char *path) __attribute__((nonnull));

/**
 * ct_facts_machine - kernel version, memory, geometry, CPUs; overrides stand in for files, which then aren't read
 * Returns: 0; -EBADMSG, -ENODATA as ct_facts_collect() says.
 */
int ct_facts_machine(struct ct_fs *fs, const struct ct_facts_override *over, struct ct_facts *f, struct ct_err *err)
	__attribute__((nonnull(1, 2, 3), warn_unused_result));

/* Which network namespace this is, and how many there are. Needs kernel and presence. Returns 0 or -ENOMEM. */
int ct_facts_netns(struct ct_fs *fs, struct ct_facts *f) __attribute__((nonnull));

/* What one entry costs, and what else the slab and the kernel log tell. Needs kernel, presence and values. */
void ct_facts_entry(struct ct_fs *fs, const struct ct_kernel *kernel, struct ct_facts *f) __attribute__((nonnull));

#endif
