/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot files: what must be in them (pure), and putting them there or taking them away. */
#include "config.h"
#include "boot_lines.h"
#include "fs.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <conntune/persist.h>

/*
 * Written from first to last and removed from last to first: whenever that is interrupted, no hashsize= is
 * there without the line that puts right the limit of 8 x hashsize.
 */
enum { SYSCTL, MODULES_LOAD, MODPROBE };
static const char *const paths[CT_BOOT_FILES_MAX] = {
	[SYSCTL] = "etc/sysctl.d/90-conntune.conf",
	[MODULES_LOAD] = "etc/modules-load.d/conntune.conf",
	[MODPROBE] = "etc/modprobe.d/conntune.conf",
};

/*
 * Of this boot alone. The names sort before those of others, and before ours of above: whoever else says something has
 * the last word.
 */
enum { RUN_SYSCTL, RUN_MODPROBE, RUN_FILES };
static const char *const run_paths[RUN_FILES] = {
	[RUN_SYSCTL] = "run/sysctl.d/00-conntune-boot.conf",
	[RUN_MODPROBE] = "run/modprobe.d/00-conntune-boot.conf",
};

static const char undo[] =
	"# `conntune revert` removes this file and brings back the values found before. conntune replaces it\n"
	"# as a whole: lines of your own belong into a file of another name.\n";
static const char passing[] =
	"# By conntuned-boot.service, for this boot: computed anew at the next one. Any other file that sets\n"
	"# the same has the last word.\n";

/* The names of one kernel. */
struct names {
	const char *module;
	const char *limit;
};

static void add(struct ct_boot_file *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct ct_boot_file *file, const char *format, ...)
{
	size_t n = strlen(file->text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(file->text + n, sizeof(file->text) - n, format, args);
	va_end(args);
}

static struct ct_boot_file *start(struct ct_boot_files *files, int i, const char *what, const char *about)
{
	struct ct_boot_file *file = &files->file[i];

	file->absent = false;
	add(file, CT_BOOT_MARK "\n# %s\n%s\n", what, about);
	return file;
}

static void make_sysctl(const struct ct_facts *facts, const struct names *names, uint64_t limit, uint64_t buckets,
			struct ct_boot_files *files)
{
	struct ct_boot_file *file =
		start(files, SYSCTL, "Size of the connection tracking table, see sysctl.d(5).", undo);
	bool module = facts->presence != CT_PRESENCE_BUILTIN;

	if (ct_kver_at_least(&facts->kernel, 4, 8, 0))
		add(file,
		    "# Buckets of the hash table. %s\n"
		    "net.netfilter.nf_conntrack_buckets = %" PRIu64 "\n",
		    module ? "Here as well, because an initramfs or insmod loads the module without its options."
			   : "It is built into this kernel, so that no module option reaches it.",
		    buckets);
	add(file,
	    "# Most connections in each network namespace. %s\n"
	    "%s = %" PRIu64 "\n",
	    module ? "Loading the module with hashsize= makes it 8 x hashsize."
		   : "It doesn't follow the number of buckets.",
	    names->limit, limit);
}

static void make_module(const struct names *names, uint64_t buckets, struct ct_boot_files *files)
{
	struct ct_boot_file *file;

	file = start(files, MODULES_LOAD, "Loads connection tracking early, see modules-load.d(5).", undo);
	add(file,
	    "# Before sysctl.d is read: loaded by the first rule that needs it, it would keep the limit 8 x hashsize.\n"
	    "%s\n",
	    names->module);
	file = start(files, MODPROBE, "Size of the connection tracking table's hash, see modprobe.d(5).", undo);
	add(file,
	    "# Buckets of the hash table. This alone makes the limit 8 x %" PRIu64 ": /%s puts it right.\n"
	    "options %s hashsize=%" PRIu64 "\n",
	    buckets, paths[SYSCTL], names->module, buckets);
}

/* A bad options line keeps connection tracking from loading at all, so nothing goes in that a kernel refuses. */
static int check_values(const struct ct_facts *facts, uint64_t limit, uint64_t buckets, struct ct_err *err)
{
	struct ct_kernel kernel;
	int r = ct_kernel_describe(&facts->kernel, facts->page_bytes, facts->pointer_bits, &kernel, err);

	if (r < 0)
		return r;
	if (limit < 1 || limit > INT_MAX)
		return ct_err_set(err, -ERANGE, "boot files: limit %" PRIu64 " is outside 1 .. %d", limit, INT_MAX);
	if (buckets < 1 || buckets > kernel.max_buckets)
		return ct_err_set(err, -ERANGE, "boot files: %" PRIu64 " buckets is outside 1 .. %" PRIu64, buckets,
				  kernel.max_buckets);
	return 0;
}

/* Where files can't do it: what the administrator can do instead. */
static int check_means(const struct ct_facts *facts, const struct names *names, uint64_t limit, uint64_t buckets,
		       struct ct_err *err)
{
	bool builtin = facts->presence == CT_PRESENCE_BUILTIN;

	if (facts->netns_initial_known && !facts->netns_initial)
		return ct_err_set(err, -EOPNOTSUPP,
				  "boot files belong to the host, but this is another network namespace");
	if (!ct_kver_at_least(&facts->kernel, 2, 6, 0) && builtin)
		return ct_err_set(err, -EOPNOTSUPP,
				  "no boot file sets the buckets that are built into a 2.4 kernel; for the limit put "
				  "'%s = %" PRIu64 "' into /etc/sysctl.conf",
				  names->limit, limit);
	if (!ct_kver_at_least(&facts->kernel, 2, 6, 0))
		return ct_err_set(err, -EOPNOTSUPP,
				  "2.4 has no modprobe.d: put 'options %s hashsize=%" PRIu64 "' into /etc/modules.conf "
				  "and '%s = %" PRIu64 "' into /etc/sysctl.conf, to be read after the module is loaded",
				  names->module, buckets, names->limit, limit);
	if (!ct_kver_at_least(&facts->kernel, 4, 8, 0) && builtin)
		return ct_err_set(err, -EOPNOTSUPP,
				  "connection tracking is built into this kernel: put '%s.hashsize=%" PRIu64 "' on the "
				  "kernel command line, and '%s = %" PRIu64 "' into /etc/sysctl.conf",
				  names->module, buckets, names->limit, limit);
	return 0;
}

static struct names names_of(const struct ct_facts *facts)
{
	if (!ct_kver_at_least(&facts->kernel, 2, 6, 0))
		return (struct names){ "ip_conntrack", "net.ipv4.ip_conntrack_max" };
	if (facts->ip_conntrack)
		return (struct names){ "ip_conntrack", "net.ipv4.netfilter.ip_conntrack_max" };
	return (struct names){ "nf_conntrack", "net.netfilter.nf_conntrack_max" };
}

int ct_boot_files_make(const struct ct_facts *facts, uint64_t limit, uint64_t buckets, struct ct_boot_files *ret,
		       struct ct_err *err)
{
	struct ct_boot_files files = { .count = CT_BOOT_FILES_MAX };
	struct names names = names_of(facts);
	int r = check_values(facts, limit, buckets, err);

	if (r == 0)
		r = check_means(facts, &names, limit, buckets, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < files.count; i++) {
		(void)snprintf(files.file[i].path, sizeof(files.file[i].path), "%s", paths[i]);
		files.file[i].absent = true;
	}
	make_sysctl(facts, &names, limit, buckets, &files);
	if (facts->presence != CT_PRESENCE_BUILTIN)
		make_module(&names, buckets, &files);
	*ret = files;
	return 0;
}

int ct_boot_run_make(const struct ct_facts *facts, uint64_t limit, uint64_t buckets, struct ct_boot_files *ret,
		     struct ct_err *err)
{
	struct ct_boot_files files = { .count = RUN_FILES };
	struct names names = names_of(facts);
	struct ct_boot_file *file;
	int r = check_values(facts, limit ? limit : 1, buckets, err);

	if (r < 0)
		return r;
	if (facts->presence != CT_PRESENCE_ABSENT)
		return ct_err_set(err, -EEXIST, "connection tracking is %s already: its hash size is chosen",
				  facts->presence == CT_PRESENCE_BUILTIN ? "built in" : "loaded");
	if (!ct_kver_at_least(&facts->kernel, 2, 6, 0) || (facts->netns_initial_known && !facts->netns_initial))
		return ct_err_set(err, -EOPNOTSUPP, "no modprobe.d for this kernel, or not in this network namespace");
	for (size_t i = 0; i < files.count; i++) {
		(void)snprintf(files.file[i].path, sizeof(files.file[i].path), "%s", run_paths[i]);
		files.file[i].absent = true;
	}
	if (limit) {
		file = start(&files, RUN_SYSCTL, "Size of the connection tracking table, see sysctl.d(5).", passing);
		add(file, "%s = %" PRIu64 "\n", names.limit, limit);
	}
	file = start(&files, RUN_MODPROBE, "Size of the connection tracking table's hash, see modprobe.d(5).", passing);
	add(file, "options %s hashsize=%" PRIu64 "\n", names.module, buckets);
	*ret = files;
	return 0;
}

/* What is at one of our paths. */
enum found {
	FOUND_NOTHING,
	FOUND_OURS,
	FOUND_FOREIGN,
};

/* A link is somebody's decision (one to /dev/null masks the file), and so is whatever has no text. */
static int look(struct ct_fs *fs, const char *path, enum found *ret, char **text, struct ct_err *err)
{
	char link[8];
	struct ct_err why;
	int r = ct_fs_readlink(fs, path, link, sizeof(link), NULL);

	*ret = FOUND_FOREIGN;
	if (r == 0 || r == -ENAMETOOLONG)
		return 0;
	r = ct_fs_read(fs, path, text, NULL, &why);
	if (r == -EISDIR || r == -EBADMSG || r == -EFBIG)
		return 0;
	if (r == -ENOENT)
		*ret = FOUND_NOTHING;
	else if (r < 0)
		return ct_err_set(err, r, "%s", why.msg);
	else if (ct_boot_text_is_ours(*text))
		*ret = FOUND_OURS;
	return 0;
}

static enum ct_boot_change change_for(const struct ct_boot_file *file, enum found found, const char *text)
{
	switch (found) {
	case FOUND_NOTHING:
		return file->absent ? CT_BOOT_SAME : CT_BOOT_CREATE;
	case FOUND_FOREIGN:
		/* where we want none, somebody else's is not in the way */
		return file->absent ? CT_BOOT_SAME : CT_BOOT_FOREIGN;
	case FOUND_OURS:
		break;
	}
	if (file->absent)
		return CT_BOOT_REMOVE;
	return strcmp(text, file->text) == 0 ? CT_BOOT_SAME : CT_BOOT_REPLACE;
}

/* What each file held before and what is to happen with it. */
struct work {
	char *old[CT_BOOT_FILES_MAX];
	enum ct_boot_change change[CT_BOOT_FILES_MAX];
};

static void work_done(struct work *w)
{
	for (size_t i = 0; i < CT_BOOT_FILES_MAX; i++)
		free(w->old[i]);
}

static int work_find(struct ct_fs *fs, const struct ct_boot_files *files, struct work *w, struct ct_err *err)
{
	enum found found;
	int r;

	for (size_t i = 0; i < files->count; i++) {
		r = look(fs, files->file[i].path, &found, &w->old[i], err);
		if (r < 0)
			return r;
		w->change[i] = change_for(&files->file[i], found, w->old[i]);
	}
	return 0;
}

int ct_boot_files_compare(struct ct_fs *fs, const struct ct_boot_files *files,
			  enum ct_boot_change change[CT_BOOT_FILES_MAX], struct ct_err *err)
{
	ct_cleanup(work_done) struct work w = { 0 };
	int r = work_find(fs, files, &w, err);

	if (r == 0)
		memcpy(change, w.change, sizeof(w.change));
	return r;
}

static int put(struct ct_fs *fs, const char *path, const char *text, struct ct_err *err)
{
	return text ? ct_fs_replace(fs, path, text, 0644, err) : ct_fs_remove(fs, path, err);
}

int ct_boot_files_write(struct ct_fs *fs, const struct ct_boot_files *files, struct ct_err *err)
{
	ct_cleanup(work_done) struct work w = { 0 };
	const struct ct_boot_file *file = files->file;
	int r = work_find(fs, files, &w, err);

	for (size_t i = 0; r == 0 && i < files->count; i++)
		if (w.change[i] == CT_BOOT_FOREIGN)
			r = ct_err_set(err, -EEXIST,
				       "/%s is there, but not written by conntune: no boot file was changed",
				       file[i].path);
	for (size_t i = 0; r == 0 && i < files->count; i++) {
		if (w.change[i] == CT_BOOT_SAME)
			continue;
		r = put(fs, file[i].path, file[i].absent ? NULL : file[i].text, err);
		/* the failed one as well: it may be in place, but not safe on disk */
		for (size_t j = i + 1; r < 0 && j-- > 0;)
			if (w.change[j] != CT_BOOT_SAME)
				(void)put(fs, file[j].path, w.old[j], NULL);
	}
	return r;
}

/* -ENOTDIR: a file where the directory would be, so nothing of ours can be in it. */
static int remove_one(struct ct_fs *fs, const char *path, struct ct_err *err)
{
	ct_cleanup(ct_freep) char *text = NULL;
	enum found found;
	int r = look(fs, path, &found, &text, err);

	if (r == -ENOTDIR)
		return 0;
	if (r < 0 || found == FOUND_FOREIGN)
		return r;
	if (found == FOUND_OURS)
		return ct_fs_remove(fs, path, err);
	/* at most the leftover of a killed run, which nobody reads: no reason to fail, on a read-only disk say */
	(void)ct_fs_remove(fs, path, NULL);
	return 0;
}

int ct_boot_files_remove(struct ct_fs *fs, struct ct_err *err)
{
	struct ct_err why = { 0 };
	int r, result = 0;

	for (size_t i = CT_BOOT_FILES_MAX; i-- > 0;) {
		r = remove_one(fs, paths[i], &why);
		if (r < 0 && result == 0)
			result = ct_err_set(err, r, "%s", why.msg);
	}
	return result;
}

/* Its first line is enough, and needs no memory: a list that may lack something is worse than none. */
static bool is_ours(struct ct_fs *fs, const char *path)
{
	char link[8], start[sizeof(CT_BOOT_MARK) + 1];

	return ct_fs_readlink(fs, path, link, sizeof(link), NULL) == -EINVAL &&
	       ct_fs_read_start(fs, path, start, sizeof(start), NULL, NULL) == 0 && ct_boot_text_is_ours(start);
}

size_t ct_boot_files_present(struct ct_fs *fs, const char *path[CT_BOOT_FILES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < CT_BOOT_FILES_MAX; i++)
		if (is_ours(fs, paths[i]))
			path[n++] = paths[i];
	return n;
}
