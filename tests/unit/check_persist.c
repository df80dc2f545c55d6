/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot files: what is in them, and that a failure leaves everything as it was. */
#include "config.h"
#include "boot_lines.h"
#include "check.h"
#include "util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <conntune/persist.h>

#define SYSCTL "etc/sysctl.d/90-conntune.conf"
#define MODULES_LOAD "etc/modules-load.d/conntune.conf"
#define MODPROBE "etc/modprobe.d/conntune.conf"

static const char *const paths[] = { SYSCTL, MODULES_LOAD, MODPROBE };

#define MODERN { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 1, 192 }, .presence = CT_PRESENCE_MODULE }

static const struct ct_facts modern = MODERN;
static const struct ct_facts modern_builtin = {
	.page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 18, 44 }, .presence = CT_PRESENCE_BUILTIN,
};

static struct ct_fs *open_root(const char *dir)
{
	struct ct_fs *fs;
	struct ct_err err = { 0 };

	ck_assert_msg(ct_fs_new(&fs, dir, &err) == 0, "%s", err.msg);
	return fs;
}

static struct ct_boot_files make(const struct ct_facts *facts, uint64_t limit, uint64_t buckets)
{
	struct ct_boot_files files;
	struct ct_err err = { 0 };

	ck_assert_msg(ct_boot_files_make(facts, limit, buckets, &files, &err) == 0, "%s", err.msg);
	return files;
}

/* The lines that aren't comments, as one text; NULL for a file that must not be there. */
static const char *settings(const struct ct_boot_file *file)
{
	static char text[1024];
	char copy[1024];
	struct ct_boot_text walk = { .next = copy };

	if (file->absent)
		return NULL;
	strcpy(copy, file->text);
	text[0] = '\0';
	for (char *line; (line = ct_boot_text_line(&walk));)
		if (*line && *line != '#')
			strcat(strcat(text, line), "\n");
	return text;
}

static const struct {
	struct ct_facts facts;
	uint64_t limit, buckets;
	const char *sysctl, *modules_load, *modprobe;
} made[] = {
	{ .facts = MODERN, .limit = 131072, .buckets = 65536,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 65536\nnet.netfilter.nf_conntrack_max = 131072\n",
	  .modules_load = "nf_conntrack\n", .modprobe = "options nf_conntrack hashsize=65536\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 5, 10, 0 }, .presence = CT_PRESENCE_ABSENT },
	  .limit = 4096, .buckets = 4096,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 4096\nnet.netfilter.nf_conntrack_max = 4096\n",
	  .modules_load = "nf_conntrack\n", .modprobe = "options nf_conntrack hashsize=4096\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 4, 8, 0 }, .presence = CT_PRESENCE_MODULE },
	  .limit = 1, .buckets = 512,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 512\nnet.netfilter.nf_conntrack_max = 1\n",
	  .modules_load = "nf_conntrack\n", .modprobe = "options nf_conntrack hashsize=512\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 4, 7, 4 }, .presence = CT_PRESENCE_MODULE },
	  .limit = 65536, .buckets = 65536,
	  .sysctl = "net.netfilter.nf_conntrack_max = 65536\n",
	  .modules_load = "nf_conntrack\n", .modprobe = "options nf_conntrack hashsize=65536\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 32, .kernel = { 2, 6, 22 }, .presence = CT_PRESENCE_MODULE },
	  .limit = INT_MAX, .buckets = INT_MAX / 4,
	  .sysctl = "net.netfilter.nf_conntrack_max = 2147483647\n",
	  .modules_load = "nf_conntrack\n", .modprobe = "options nf_conntrack hashsize=536870911\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 32, .kernel = { 2, 6, 18 }, .presence = CT_PRESENCE_MODULE,
		     .ip_conntrack = true },
	  .limit = 32768, .buckets = 4096,
	  .sysctl = "net.ipv4.netfilter.ip_conntrack_max = 32768\n",
	  .modules_load = "ip_conntrack\n", .modprobe = "options ip_conntrack hashsize=4096\n" },
	{ .facts = { .page_bytes = 65536, .pointer_bits = 64, .kernel = { 4, 8, 0 }, .presence = CT_PRESENCE_BUILTIN },
	  .limit = 262144, .buckets = 262144,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 262144\nnet.netfilter.nf_conntrack_max = 262144\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 18, 0 }, .presence = CT_PRESENCE_BUILTIN,
		     .netns_initial_known = true, .netns_initial = true },
	  .limit = 8, .buckets = 1,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 1\nnet.netfilter.nf_conntrack_max = 8\n" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 18, 0 }, .presence = CT_PRESENCE_BUILTIN,
		     .netns_initial_known = false, .netns_initial = false },
	  .limit = INT_MAX, .buckets = INT_MAX / 8,
	  .sysctl = "net.netfilter.nf_conntrack_buckets = 268435455\nnet.netfilter.nf_conntrack_max = 2147483647\n" },
};

START_TEST(make_sets_what_this_kernel_reads_at_boot)
{
	struct ct_boot_files files = make(&made[_i].facts, made[_i].limit, made[_i].buckets);
	const char *want[] = { made[_i].sysctl, made[_i].modules_load, made[_i].modprobe };

	ck_assert_uint_eq(files.count, ct_array_size(want));
	for (size_t i = 0; i < files.count; i++) {
		ck_assert_str_eq(files.file[i].path, paths[i]);
		ck_assert_pstr_eq(settings(&files.file[i]), want[i]);
	}
}
END_TEST

/* Whoever opens the file must see what it is, and a terminal of 120 columns must show it. */
START_TEST(make_says_in_each_file_what_it_is_and_how_to_undo_it)
{
	struct ct_boot_files files = make(&made[_i].facts, made[_i].limit, made[_i].buckets);

	for (size_t i = 0; i < files.count; i++) {
		char text[sizeof(files.file[i].text)];
		struct ct_boot_text walk = { .next = text };

		if (files.file[i].absent)
			continue;
		ck_assert(ct_boot_text_is_ours(files.file[i].text));
		ck_assert_ptr_nonnull(strstr(files.file[i].text, "`conntune revert`"));
		ck_assert_uint_lt(strlen(files.file[i].text), sizeof(text) - 1);
		strcpy(text, files.file[i].text);
		ck_assert_int_eq(text[strlen(text) - 1], '\n');
		for (char *line, *before = text; (line = ct_boot_text_line(&walk)); before = line) {
			ck_assert_msg(strlen(line) <= 120, "%s", line);
			/* the reason stands right above each value */
			ck_assert(*line == '#' || *line == '\0' || *before == '#');
		}
	}
}
END_TEST

START_TEST(make_gives_the_same_text_for_the_same_values)
{
	struct ct_boot_files a = make(&modern, 4096, 2048), b = make(&modern, 4096, 2048);
	struct ct_boot_files c = make(&modern, 4096, 4096);

	ck_assert_mem_eq(&a, &b, sizeof(a));
	ck_assert_mem_ne(&a, &c, sizeof(a));
}
END_TEST

/* What our own readers understand of it is what was asked for. */
START_TEST(make_writes_lines_that_the_readers_understand)
{
	struct ct_boot_files files = make(&made[_i].facts, made[_i].limit, made[_i].buckets);
	const struct ct_kver *v = &made[_i].facts.kernel;
	struct ct_boot_line line;
	size_t limits = 0, buckets = 0;
	char *cut;

	for (size_t i = 0; i < files.count; i++) {
		struct ct_boot_text walk = { .next = files.file[i].text };
		bool options = strcmp(files.file[i].path, MODPROBE) == 0;

		while ((cut = options ? ct_boot_text_wrapped(&walk) : ct_boot_text_line(&walk))) {
			if (!(options ? ct_parse_modprobe_line : ct_parse_sysctl_line)(cut, v, &line))
				continue;
			ck_assert(line.known && line.works);
			ck_assert_int_eq(line.value, line.param == CT_PARAM_LIMIT ? (int64_t)made[_i].limit :
										    (int64_t)made[_i].buckets);
			limits += line.param == CT_PARAM_LIMIT;
			buckets += line.param == CT_PARAM_BUCKETS;
		}
	}
	ck_assert_uint_eq(limits, 1);
	ck_assert_uint_ge(buckets, 1);
}
END_TEST

static const struct {
	struct ct_facts facts;
	uint64_t limit, buckets;
	int rc;
	const char *word, *word2;
} refused[] = {
	{ .facts = MODERN, .limit = 0, .buckets = 512, .rc = -ERANGE, .word = "limit 0" },
	{ .facts = MODERN, .limit = UINT64_C(1) << 31, .buckets = 512, .rc = -ERANGE, .word = "limit 2147483648" },
	{ .facts = MODERN, .limit = UINT64_MAX, .buckets = 512, .rc = -ERANGE, .word = "18446744073709551615" },
	{ .facts = MODERN, .limit = 512, .buckets = 0, .rc = -ERANGE, .word = "0 buckets" },
	{ .facts = MODERN, .limit = 512, .buckets = 268435456, .rc = -ERANGE, .word = "268435456 buckets" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 32, .kernel = { 6, 1, 0 } },
	  .limit = 512, .buckets = 536870912, .rc = -ERANGE, .word = "536870912 buckets" },
	{ .facts = { .page_bytes = 4096, .kernel = { 6, 1, 0 } }, .limit = 1, .buckets = 1, .rc = -EINVAL,
	  .word = "pointer" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 6, 1, 0 }, .netns_initial_known = true },
	  .limit = 1, .buckets = 1, .rc = -EOPNOTSUPP, .word = "namespace" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 32, .kernel = { 2, 4, 32 }, .presence = CT_PRESENCE_MODULE,
		     .ip_conntrack = true },
	  .limit = 65536, .buckets = 8192, .rc = -EOPNOTSUPP,
	  .word = "'options ip_conntrack hashsize=8192' into /etc/modules.conf and",
	  .word2 = "'net.ipv4.ip_conntrack_max = 65536' into /etc/sysctl.conf, to be read after the module is loaded" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 32, .kernel = { 2, 4, 20 }, .presence = CT_PRESENCE_BUILTIN,
		     .ip_conntrack = true },
	  .limit = 65536, .buckets = 8191, .rc = -EOPNOTSUPP, .word = "built into a 2.4 kernel",
	  .word2 = "'net.ipv4.ip_conntrack_max = 65536' into /etc/sysctl.conf" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 4, 7, 4 }, .presence = CT_PRESENCE_BUILTIN },
	  .limit = INT_MAX, .buckets = 268435455, .rc = -EOPNOTSUPP,
	  .word = "'nf_conntrack.hashsize=268435455' on the kernel command line",
	  .word2 = "'net.netfilter.nf_conntrack_max = 2147483647' into /etc/sysctl.conf" },
	{ .facts = { .page_bytes = 4096, .pointer_bits = 64, .kernel = { 2, 6, 18 }, .presence = CT_PRESENCE_BUILTIN,
		     .ip_conntrack = true },
	  .limit = INT_MAX, .buckets = 268435455, .rc = -EOPNOTSUPP, .word = "'ip_conntrack.hashsize=268435455'",
	  .word2 = "'net.ipv4.netfilter.ip_conntrack_max = 2147483647' into /etc/sysctl.conf" },
};

START_TEST(make_refuses_what_a_kernel_would_refuse_and_what_files_cannot_do)
{
	struct ct_boot_files files = { .count = 4711 };
	struct ct_err err = { 0 };
	int r = ct_boot_files_make(&refused[_i].facts, refused[_i].limit, refused[_i].buckets, &files, &err);

	ck_assert_failed(r, err, refused[_i].rc, refused[_i].word);
	if (refused[_i].word2)
		ck_assert_failed(r, err, refused[_i].rc, refused[_i].word2);
	ck_assert_uint_eq(files.count, 4711);
	r = ct_boot_files_make(&refused[_i].facts, refused[_i].limit, refused[_i].buckets, &files, NULL);
	ck_assert_int_eq(r, refused[_i].rc);
}
END_TEST

/* How a path may look before. */
enum before { NOTHING, SAME, OTHER, ADMIN, EMPTY, LINK, LONG_LINK, DIRECTORY, PIPE, HUGE_FILE };

static void prepare(const char *dir, const char *path, enum before before, const char *text)
{
	char full[512];

	put_file(dir, path, before == SAME ? text : CT_BOOT_MARK "\n# older\n");
	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	if (before == ADMIN)
		put_file(dir, path, "options nf_conntrack hashsize=12\n");
	if (before == EMPTY)
		put_file(dir, path, "");
	if (before == NOTHING || (before >= LINK && before <= PIPE))
		ck_assert_int_eq(remove(full), 0);
	if (before == LINK)
		ck_assert_int_eq(symlink("a", full), 0);
	if (before == LONG_LINK)
		ck_assert_int_eq(symlink("/dev/null/and/more", full), 0);
	if (before == DIRECTORY)
		ck_assert_int_eq(mkdir(full, 0755), 0);
	if (before == PIPE)
		ck_assert_int_eq(mkfifo(full, 0644), 0);
	if (before == HUGE_FILE)
		ck_assert_int_eq(truncate(full, 5 << 20), 0);
}

static const struct {
	enum before before;
	enum ct_boot_change wanted, unwanted;
} changes[] = {
	{ NOTHING, CT_BOOT_CREATE, CT_BOOT_SAME },
	{ SAME, CT_BOOT_SAME, CT_BOOT_REMOVE },
	{ OTHER, CT_BOOT_REPLACE, CT_BOOT_REMOVE },
	{ ADMIN, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ EMPTY, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ LINK, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ LONG_LINK, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ DIRECTORY, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ PIPE, CT_BOOT_FOREIGN, CT_BOOT_SAME },
	{ HUGE_FILE, CT_BOOT_FOREIGN, CT_BOOT_SAME },
};

START_TEST(compare_tells_ours_from_foreign)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 4096, 4096), none = make(&modern_builtin, 4096, 4096);
	struct ct_fs *fs = open_root(dir);
	enum ct_boot_change change[CT_BOOT_FILES_MAX];

	prepare(dir, MODPROBE, changes[_i].before, files.file[2].text);
	ck_assert_int_eq(ct_boot_files_compare(fs, &files, change, NULL), 0);
	ck_assert_int_eq(change[0], CT_BOOT_CREATE);
	ck_assert_int_eq(change[1], CT_BOOT_CREATE);
	ck_assert_int_eq(change[2], changes[_i].wanted);
	ck_assert_int_eq(ct_boot_files_compare(fs, &none, change, NULL), 0);
	ck_assert_int_eq(change[2], changes[_i].unwanted);
	(void)ct_fs_free(fs);
}
END_TEST

static ino_t inode_of(const char *dir, const char *path)
{
	char full[512];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	ck_assert_int_eq(lstat(full, &st), 0);
	return st.st_ino;
}

START_TEST(write_makes_files_that_all_may_read)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	mode_t mask = umask(077);
	struct stat st;
	char full[512];

	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	(void)umask(mask);
	for (size_t i = 0; i < files.count; i++) {
		ck_assert_pstr_eq(get_file(dir, paths[i]), files.file[i].text);
		(void)snprintf(full, sizeof(full), "%s/%s", dir, paths[i]);
		ck_assert_int_eq(stat(full, &st), 0);
		ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	}
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(write_leaves_files_alone_that_are_right_already)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	ino_t before[CT_BOOT_FILES_MAX];

	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	for (size_t i = 0; i < files.count; i++)
		before[i] = inode_of(dir, paths[i]);
	/* another limit is one line of one file */
	files = make(&modern, 65536, 65536);
	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	ck_assert_pstr_eq(get_file(dir, SYSCTL), files.file[0].text);
	ck_assert_uint_ne(inode_of(dir, SYSCTL), before[0]);
	ck_assert_uint_eq(inode_of(dir, MODULES_LOAD), before[1]);
	ck_assert_uint_eq(inode_of(dir, MODPROBE), before[2]);
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(write_removes_what_a_built_in_table_does_not_need)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);

	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	files = make(&modern_builtin, 131072, 65536);
	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	ck_assert_pstr_eq(get_file(dir, SYSCTL), files.file[0].text);
	ck_assert_ptr_null(get_file(dir, MODULES_LOAD));
	ck_assert_ptr_null(get_file(dir, MODPROBE));
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(write_refuses_as_a_whole_when_one_file_is_foreign)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	struct ct_err err = { 0 };

	put_file(dir, paths[_i], "# mine\n");
	ck_assert_failed(ct_boot_files_write(fs, &files, &err), err, -EEXIST, paths[_i]);
	for (size_t i = 0; i < files.count; i++)
		ck_assert_pstr_eq(get_file(dir, paths[i]), i == (size_t)_i ? "# mine\n" : NULL);
	(void)ct_fs_free(fs);
}
END_TEST

/* Name of the temporary file that ct_fs_replace() makes first. A directory of that name stops it, for root too. */
static void block(const char *dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	char full[512];

	(void)snprintf(full, sizeof(full), "%.*s/.%s.conntune-tmp/x", (int)(slash - path), path, slash + 1);
	put_file(dir, full, "");
}

/* Rows: which file fails, and whether there are older ones. */
START_TEST(write_puts_everything_back_when_a_later_file_fails)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	struct ct_err err = { 0 };
	size_t blocked = (size_t)_i % CT_BOOT_FILES_MAX;
	const char *old = _i < CT_BOOT_FILES_MAX ? NULL : CT_BOOT_MARK "\n# older\n";

	for (size_t i = 0; old && i < files.count; i++)
		put_file(dir, paths[i], old);
	block(dir, paths[blocked]);
	ck_assert_failed(ct_boot_files_write(fs, &files, &err), err, -EISDIR, paths[blocked]);
	for (size_t i = 0; i < files.count; i++)
		ck_assert_pstr_eq(get_file(dir, paths[i]), old);
	(void)ct_fs_free(fs);
}
END_TEST

/* A built-in table wants neither of the module's files. The one that is ours can't be removed completely. */
START_TEST(write_puts_back_only_what_it_changed)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern_builtin, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	struct ct_err err = { 0 };
	ino_t before;

	put_file(dir, MODULES_LOAD, "# mine\n");
	before = inode_of(dir, MODULES_LOAD);
	put_file(dir, MODPROBE, CT_BOOT_MARK "\n");
	block(dir, MODPROBE);
	ck_assert_failed(ct_boot_files_write(fs, &files, &err), err, -EISDIR, MODPROBE);
	ck_assert_ptr_null(get_file(dir, SYSCTL));
	ck_assert_uint_eq(inode_of(dir, MODULES_LOAD), before);
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(write_changes_nothing_when_a_directory_is_a_file)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	enum ct_boot_change change[CT_BOOT_FILES_MAX];
	struct ct_err err = { 0 };

	put_file(dir, "etc/modprobe.d", "");
	ck_assert_failed(ct_boot_files_compare(fs, &files, change, &err), err, -ENOTDIR, MODPROBE);
	ck_assert_failed(ct_boot_files_write(fs, &files, &err), err, -ENOTDIR, MODPROBE);
	ck_assert_ptr_null(get_file(dir, SYSCTL));
	ck_assert_ptr_null(get_file(dir, MODULES_LOAD));
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(remove_takes_ours_and_leaves_the_rest)
{
	const char *dir = scratch_dir(), *there[CT_BOOT_FILES_MAX];
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);

	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	put_file(dir, "etc/modprobe.d/other.conf", "# mine\n");
	ck_assert_uint_eq(ct_boot_files_present(fs, there), 3);
	put_file(dir, paths[_i], "# mine now\n");
	ck_assert_uint_eq(ct_boot_files_present(fs, there), 2);
	ck_assert_str_eq(there[0], paths[_i == 0]);
	ck_assert_str_eq(there[1], paths[_i == 2 ? 1 : 2]);
	ck_assert_int_eq(ct_boot_files_remove(fs, NULL), 0);
	ck_assert_uint_eq(ct_boot_files_present(fs, there), 0);
	for (size_t i = 0; i < files.count; i++)
		ck_assert_pstr_eq(get_file(dir, paths[i]), i == (size_t)_i ? "# mine now\n" : NULL);
	ck_assert_pstr_eq(get_file(dir, "etc/modprobe.d/other.conf"), "# mine\n");
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(remove_is_content_with_nothing_and_with_odd_trees)
{
	const char *dir = scratch_dir();
	struct ct_fs *fs = open_root(dir);

	ck_assert_int_eq(ct_boot_files_remove(fs, NULL), 0);
	put_file(dir, "etc/sysctl.d", "");
	block(dir, MODULES_LOAD);
	put_file(dir, "etc/modprobe.d/.conntune.conf.conntune-tmp", "left by a killed run");
	ck_assert_int_eq(ct_boot_files_remove(fs, NULL), 0);
	ck_assert_ptr_null(get_file(dir, "etc/modprobe.d/.conntune.conf.conntune-tmp"));
	(void)ct_fs_free(fs);
}
END_TEST

/* The directory in place of a leftover can't be removed; the error must not keep the others from going. */
START_TEST(remove_goes_on_after_a_failure_and_reports_the_first)
{
	const char *dir = scratch_dir();
	struct ct_boot_files files = make(&modern, 131072, 65536);
	struct ct_fs *fs = open_root(dir);
	struct ct_err err = { 0 };

	ck_assert_int_eq(ct_boot_files_write(fs, &files, NULL), 0);
	block(dir, MODULES_LOAD);
	block(dir, MODPROBE);
	ck_assert_failed(ct_boot_files_remove(fs, &err), err, -EISDIR, MODPROBE);
	for (size_t i = 0; i < files.count; i++)
		ck_assert_ptr_null(get_file(dir, paths[i]));
	(void)ct_fs_free(fs);
}
END_TEST

START_TEST(remove_reports_what_it_cannot_look_at)
{
	const char *dir = scratch_dir(), *there[CT_BOOT_FILES_MAX];
	struct ct_fs *fs = open_root(dir);
	struct ct_err err = { 0 };
	char full[512];

	put_file(dir, "etc/x", "");
	(void)snprintf(full, sizeof(full), "%s/etc/modprobe.d", dir);
	ck_assert_int_eq(symlink("modprobe.d", full), 0);
	ck_assert_failed(ct_boot_files_remove(fs, &err), err, -ELOOP, MODPROBE);
	ck_assert_uint_eq(ct_boot_files_present(fs, there), 0);
	(void)ct_fs_free(fs);
}
END_TEST

#define RUN_SYSCTL "run/sysctl.d/00-conntune-boot.conf"
#define RUN_MODPROBE "run/modprobe.d/00-conntune-boot.conf"

static struct ct_facts not_loaded(void)
{
	struct ct_facts facts = MODERN;

	facts.presence = CT_PRESENCE_ABSENT;
	return facts;
}

START_TEST(boot_of_now_gets_both_values_below_run)
{
	const struct ct_facts facts = not_loaded();
	const char *dir = scratch_dir();
	struct ct_fs *fs = open_root(dir);
	struct ct_boot_files files;
	struct ct_err err = { 0 };

	ck_assert_msg(ct_boot_run_make(&facts, 65536, 32768, &files, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(files.count, 2);
	ck_assert_int_eq(ct_boot_files_write(fs, &files, &err), 0);
	ck_assert_ptr_nonnull(strstr(get_file(dir, RUN_SYSCTL), "\nnet.netfilter.nf_conntrack_max = 65536\n"));
	ck_assert_ptr_nonnull(strstr(get_file(dir, RUN_MODPROBE), "\noptions nf_conntrack hashsize=32768\n"));
	ck_assert_ptr_null(strstr(get_file(dir, RUN_MODPROBE), "revert"));
	/* somebody else sets the limit: ours goes */
	ck_assert_int_eq(ct_boot_run_make(&facts, 0, 1024, &files, &err), 0);
	ck_assert_int_eq(ct_boot_files_write(fs, &files, &err), 0);
	ck_assert_ptr_null(get_file(dir, RUN_SYSCTL));
	ck_assert_ptr_nonnull(strstr(get_file(dir, RUN_MODPROBE), "hashsize=1024\n"));
	(void)ct_fs_free(fs);
}
END_TEST

static const struct {
	uint64_t limit, buckets;
	enum ct_presence presence;
	struct ct_kver kernel;
	bool elsewhere;
	int rc;
	const char *word;
} not_now[] = {
	{ 65536, 65536, CT_PRESENCE_MODULE, { 6, 1, 0 }, false, -EEXIST, "loaded already" },
	{ 65536, 65536, CT_PRESENCE_BUILTIN, { 6, 1, 0 }, false, -EEXIST, "built in already" },
	{ 65536, 65536, CT_PRESENCE_ABSENT, { 2, 4, 32 }, false, -EOPNOTSUPP, "modprobe.d" },
	{ 65536, 65536, CT_PRESENCE_ABSENT, { 6, 1, 0 }, true, -EOPNOTSUPP, "namespace" },
	{ 65536, 0, CT_PRESENCE_ABSENT, { 6, 1, 0 }, false, -ERANGE, "0 buckets" },
	{ 65536, UINT64_C(1) << 31, CT_PRESENCE_ABSENT, { 6, 1, 0 }, false, -ERANGE, "buckets" },
	{ UINT64_C(1) << 31, 65536, CT_PRESENCE_ABSENT, { 6, 1, 0 }, false, -ERANGE, "limit" },
};

START_TEST(boot_of_now_is_refused)
{
	struct ct_facts facts = not_loaded();
	struct ct_boot_files files;
	struct ct_err err = { 0 };

	facts.presence = not_now[_i].presence;
	facts.kernel = not_now[_i].kernel;
	facts.netns_initial_known = not_now[_i].elsewhere;
	ck_assert_failed(ct_boot_run_make(&facts, not_now[_i].limit, not_now[_i].buckets, &files, &err), err,
			 not_now[_i].rc, not_now[_i].word);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("persist");
	TCase *tc = tcase_create("text");
	TCase *files = tcase_create("files");

	tcase_add_loop_test(tc, make_sets_what_this_kernel_reads_at_boot, 0, ct_array_size(made));
	tcase_add_loop_test(tc, make_says_in_each_file_what_it_is_and_how_to_undo_it, 0, ct_array_size(made));
	tcase_add_test(tc, make_gives_the_same_text_for_the_same_values);
	tcase_add_loop_test(tc, make_writes_lines_that_the_readers_understand, 0, ct_array_size(made));
	tcase_add_loop_test(tc, make_refuses_what_a_kernel_would_refuse_and_what_files_cannot_do, 0,
			    ct_array_size(refused));
	suite_add_tcase(s, tc);
	tcase_add_loop_test(files, compare_tells_ours_from_foreign, 0, ct_array_size(changes));
	tcase_add_test(files, write_makes_files_that_all_may_read);
	tcase_add_test(files, write_leaves_files_alone_that_are_right_already);
	tcase_add_test(files, write_removes_what_a_built_in_table_does_not_need);
	tcase_add_loop_test(files, write_refuses_as_a_whole_when_one_file_is_foreign, 0, ct_array_size(paths));
	tcase_add_loop_test(files, write_puts_everything_back_when_a_later_file_fails, 0, 2 * ct_array_size(paths));
	tcase_add_test(files, write_puts_back_only_what_it_changed);
	tcase_add_test(files, write_changes_nothing_when_a_directory_is_a_file);
	tcase_add_loop_test(files, remove_takes_ours_and_leaves_the_rest, 0, ct_array_size(paths));
	tcase_add_test(files, remove_is_content_with_nothing_and_with_odd_trees);
	tcase_add_test(files, remove_goes_on_after_a_failure_and_reports_the_first);
	tcase_add_test(files, remove_reports_what_it_cannot_look_at);
	tcase_add_test(files, boot_of_now_gets_both_values_below_run);
	tcase_add_loop_test(tc, boot_of_now_is_refused, 0, ct_array_size(not_now));
	suite_add_tcase(s, files);
	return s;
}
