/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test needs: its suite, and a directory of its own to write in. */
#ifndef CONNTUNE_TEST_CHECK_H
#define CONNTUNE_TEST_CHECK_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <conntune/err.h>
#include <conntune/fs.h>

/* Each check_MODULE.c defines this one; main() runs it. */
Suite *module_suite(void);

/* A new empty directory below the build tree, removed at the end of the program. */
const char *scratch_dir(void);

/* Write a file below scratch_dir() or any other directory, making directories on the way. */
void put_file(const char *dir, const char *path, const char *text);

/* Writes of this process beyond @bytes fail. */
void limit_file_size(rlim_t bytes);

/* The text of a file, in a buffer that lives until the next call; NULL if it isn't there. */
const char *get_file(const char *dir, const char *path);

/* A root that opens, or the test fails; close_fs() is for ct_cleanup(). */
struct ct_fs *open_fs(const char *dir);
void close_fs(struct ct_fs **fs);

/* A copy of tests/sysroot/NAME in a new scratch directory. */
const char *sysroot_copy(const char *name);

/**
 * own_mounts - from here on this test's process mounts what it likes, and nobody else sees it
 * Roots that are open still see the old mounts. Returns false where user namespaces are forbidden.
 */
bool own_mounts(void);

/* The call failed with @want, and left one line that contains @word. */
#define ck_assert_failed(r, err, want, word)                                                       \
	do {                                                                                       \
		ck_assert_int_eq((r), (want));                                                     \
		ck_assert_int_eq((err).code, (want));                                              \
		ck_assert_ptr_null(strchr((err).msg, '\n'));                                       \
		ck_assert_msg(strstr((err).msg, (word)), "message '%s' lacks '%s'", (err).msg, (word)); \
	} while (0)

#endif
