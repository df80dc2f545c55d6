/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening, reading and writing files below the root: nothing else of the library opens files by name. */
#ifndef CONNTUNE_FS_INTERNAL_H
#define CONNTUNE_FS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <conntune/fs.h>

/* Largest file that is read; a kernel file or a configuration file is far below it. */
#define CT_FS_READ_MAX ((size_t)4 << 20)

/* All paths are relative to the root, without a leading slash. All return 0 or a negative errno with a message. */

/* open(2) below the root. Returns the descriptor (O_CLOEXEC always set) or a negative errno. */
int ct_fs_open(struct ct_fs *fs, const char *path, int flags, mode_t mode, struct ct_err *err);

/* The same for what is read or written like a file of /proc: -EISDIR for a directory, -EBADMSG for a pipe or a device. */
int ct_fs_open_regular(struct ct_fs *fs, const char *path, int flags, struct ct_err *err);

/**
 * ct_fs_read - the whole file, with a NUL behind it
 * @ret: to be freed; @len may be NULL
 * Returns: 0; -EFBIG beyond CT_FS_READ_MAX; -EBADMSG for a pipe or a device; -EISDIR, -ENOENT, -EACCES, -ELOOP ...
 */
int ct_fs_read(struct ct_fs *fs, const char *path, char **ret, size_t *len, struct ct_err *err);

/* The first @n - 1 bytes at most, and a NUL behind them: for files that may be long, or whose start is enough. */
int ct_fs_read_start(struct ct_fs *fs, const char *path, char *buf, size_t n, size_t *len, struct ct_err *err);

/* The same of a file in a directory that was opened before; no slash in its name. */
int ct_fs_read_start_in(struct ct_fs *fs, int dir, const char *name, char *buf, size_t n, size_t *len,
			struct ct_err *err);

/* One whole number and at most a final newline. Returns also -EBADMSG if it is anything else. */
int ct_fs_read_i64(struct ct_fs *fs, const char *path, int64_t *ret, struct ct_err *err);

/* Write a number with one write(2) to a file that exists, as /proc wants it. Short writes are -EIO. */
int ct_fs_write_u64(struct ct_fs *fs, const char *path, uint64_t value, struct ct_err *err);

/* Is the file there, and could it be written (mode bits and mount, not who asks)? */
struct ct_fs_info {
	mode_t mode;
	uint64_t inode;
	bool read_only_mount;
	bool writable;
};
int ct_fs_info(struct ct_fs *fs, const char *path, struct ct_fs_info *ret, struct ct_err *err);

/**
 * ct_fs_trouble - the first failure since the last call that says nothing of the file: -ENOMEM, -EMFILE, -ENFILE, -EIO; or 0
 * For readers that do without what they can't read: a file that is there mustn't be taken for one that isn't.
 */
int ct_fs_trouble(struct ct_fs *fs);

/* The text of a symbolic link, NUL-terminated. */
int ct_fs_readlink(struct ct_fs *fs, const char *path, char *ret, size_t n, struct ct_err *err);

/**
 * ct_fs_list - names in a directory, sorted by byte value, "." and ".." left out
 * @ret: array of @count strings, to be freed with ct_fs_list_free()
 * Returns: 0; -EFBIG beyond 4096 names; -ENOENT, -ENOTDIR ...
 */
int ct_fs_list(struct ct_fs *fs, const char *path, char ***ret, size_t *count, struct ct_err *err);
void ct_fs_list_free(char **list, size_t count);

/**
 * ct_fs_replace - put a file there as a whole: old or new, never half
 * Writes ".NAME.conntune-tmp" beside it, fsync, rename, fsync of the directory. Missing directories are made, 0755.
 * A leftover of a killed run is overwritten. On failure the temporary file and the directories made are removed.
 */
int ct_fs_replace(struct ct_fs *fs, const char *path, const char *text, mode_t mode, struct ct_err *err);

/* Remove a file (and a leftover temporary beside it), then fsync the directory. 0 also if neither was there. */
int ct_fs_remove(struct ct_fs *fs, const char *path, struct ct_err *err);

/* How far the directories above a file are there, as a length within @path; all of them if that can't be told. */
size_t ct_fs_there(struct ct_fs *fs, const char *path) __attribute__((nonnull));

/* Remove the directories above a file that are longer than @there and empty: whoever made them gives up. */
void ct_fs_prune(struct ct_fs *fs, const char *path, size_t there) __attribute__((nonnull));

/* Make the directories above a file that aren't there yet, 0755. */
int ct_fs_make_parents(struct ct_fs *fs, const char *path, struct ct_err *err);

#endif
