/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot files: modprobe.d, sysctl.d, modules-load.d. */
#ifndef CONNTUNE_PERSIST_H
#define CONNTUNE_PERSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CT_BOOT_FILES_MAX 3

/* First line of every file of ours; a file without it is not ours and never touched. */
#define CT_BOOT_MARK "# Written by conntune"

/* One file: path below the root, and its whole text; absent: must not be there. */
struct ct_boot_file {
	char path[64];
	char text[1024];
	bool absent;
};

struct ct_boot_files {
	struct ct_boot_file file[CT_BOOT_FILES_MAX];
	size_t count;
};

/**
 * ct_boot_files_make - the files that make the next boot come up with these values. Pure.
 * A module: modprobe.d (hashsize) + modules-load.d + sysctl.d (buckets from 4.8, then limit, because hashsize
 * alone makes it 8 x). Built in: sysctl.d alone from 4.8. Each says in its header what it is and how to undo it.
 * Every line is validated as the kernel does, since a bad options line keeps connection tracking from loading at all.
 * All CT_BOOT_FILES_MAX files are named, some as absent.
 * Returns: 0; -EOPNOTSUPP where files can't do it (2.4; built in before 4.8): the message says what to do instead, or
 *          in a network namespace other than the first; -ERANGE; -EINVAL from ct_kernel_describe().
 */
int ct_boot_files_make(const struct ct_facts *facts, uint64_t limit, uint64_t buckets,
		       struct ct_boot_files *ret, struct ct_err *err);

/**
 * ct_boot_run_make - files below /run that make this boot's module come up with these values. Pure.
 * For a module that isn't loaded yet: modprobe.d (hashsize) and, unless @limit is 0 because somebody else sets it, sysctl.d
 * (since hashsize alone makes it 8 x). They go first by name, so every other file has the last word.
 * Returns: 0; -EEXIST if it is there already; -EOPNOTSUPP where nobody reads them; -ERANGE; -EINVAL as above.
 */
int ct_boot_run_make(const struct ct_facts *facts, uint64_t limit, uint64_t buckets, struct ct_boot_files *ret,
		     struct ct_err *err);

/* What ct_boot_files_write() would do with each file. */
enum ct_boot_change {
	CT_BOOT_SAME,
	CT_BOOT_CREATE,
	CT_BOOT_REPLACE,
	CT_BOOT_REMOVE,
	CT_BOOT_FOREIGN,                /* there, but not ours (nor is any link): refused, but CT_BOOT_SAME if absent */
};
int ct_boot_files_compare(struct ct_fs *fs, const struct ct_boot_files *files,
			  enum ct_boot_change change[CT_BOOT_FILES_MAX], struct ct_err *err);

/**
 * ct_boot_files_write - put them there, each atomically
 * All are checked before the first is written, and those already written are put back if a later one fails.
 * Returns: 0; -EEXIST if one is there that isn't ours; -ENOSPC, -EROFS, -EACCES ...
 */
int ct_boot_files_write(struct ct_fs *fs, const struct ct_boot_files *files, struct ct_err *err);

/* Remove every file of ours (also leftovers of a killed run). Returns 0 also if there is none. */
int ct_boot_files_remove(struct ct_fs *fs, struct ct_err *err);

/* Paths below the root of the files of ours that are there now: at most CT_BOOT_FILES_MAX. */
size_t ct_boot_files_present(struct ct_fs *fs, const char *path[CT_BOOT_FILES_MAX]);

#ifdef __cplusplus
}
#endif
#endif
