/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files below a root: what is read, what is refused, and that nothing is ever half written. */
#include "config.h"
#include "beneath.h"
#include "check.h"
#include "fs.h"
#include "util.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *top;
static struct ct_fs *fs;
static struct ct_err err;

static struct ct_fs *open_root(const char *root)
{
	struct ct_fs *got = NULL;

	ck_assert_msg(ct_fs_new(&got, root, &err) == 0, "%s", err.msg);
	return got;
}

static void setup(void)
{
	top = scratch_dir();
	fs = open_root(top);
}

static void teardown(void)
{
	fs = ct_fs_free(fs);
	ck_assert_ptr_null(fs);
}

static const char *below(const char *path)
{
	static char full[8][PATH_MAX];
	static unsigned i;
	char *p = full[i++ % 8];

	(void)snprintf(p, sizeof(full[0]), "%s/%s", top, path);
	return p;
}

static void put_bytes(const char *path, const char *bytes, size_t n)
{
	FILE *f = fopen(below(path), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

/* The one from before still sees the old mounts. */
static void reopen_root(void)
{
	(void)ct_fs_free(fs);
	fs = open_root(top);
}

static const struct {
	const char *root;
	bool live;
	int rc;
} roots[] = {
	{ .root = "/", .live = true },
	{ .root = "//", .live = true },
	{ .root = "/proc/..", .live = true },
	{ .root = "/proc" },
	{ .root = "", .rc = -ENOENT },
	{ .root = "/proc/no/such", .rc = -ENOENT },
	{ .root = "/proc/version", .rc = -ENOTDIR },
};

START_TEST(new_opens_a_directory_and_knows_this_machine)
{
	struct ct_fs *got = NULL;
	int r = ct_fs_new(&got, roots[_i].root, &err);

	if (roots[_i].rc) {
		ck_assert_failed(r, err, roots[_i].rc, roots[_i].root);
		ck_assert_ptr_null(got);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(ct_fs_is_live(got), roots[_i].live);
	ck_assert_str_eq(ct_fs_root(got), roots[_i].root);
	(void)ct_fs_free(got);
}
END_TEST

START_TEST(free_takes_null)
{
	ck_assert_ptr_null(ct_fs_free(NULL));
}
END_TEST

/* link, what reading it gives: either text or an error */
static const struct {
	const char *link, *text;
	int rc;
} links[] = {
	{ .link = "/in/file", .text = "inside" },               /* absolute: from the top of the tree */
	{ .link = "in/file", .text = "inside" },
	{ .link = "../../../../../in/file", .text = "inside" }, /* .. stops at the top */
	{ .link = "/etc/passwd", .rc = -ENOENT },
	{ .link = "../../../../../etc/passwd", .rc = -ENOENT },
	{ .link = "link", .rc = -ELOOP },
	{ .link = "nowhere", .rc = -ENOENT },
	{ .link = "in", .rc = -EISDIR },
	{ .link = "in/file/more", .rc = -ENOTDIR },
};

/* As before 5.6, for the rest of this test's process. */
static void take_openat2_away(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ct_array_size(filter), .filter = filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void try_link(int i)
{
	char *text = NULL;
	int r;

	put_file(top, "in/file", "inside");
	ck_assert_int_eq(symlink(links[i].link, below("link")), 0);
	r = ct_fs_read(fs, "link", &text, NULL, &err);
	if (links[i].rc)
		ck_assert_failed(r, err, links[i].rc, "link");
	else
		ck_assert_str_eq(text, links[i].text);
	free(text);
}

START_TEST(no_link_leaves_the_tree)
{
	try_link(_i);
}
END_TEST

START_TEST(no_link_leaves_the_tree_on_kernels_without_openat2)
{
	take_openat2_away();
	reopen_root();
	try_link(_i);
}
END_TEST

/* Both ways of opening must come to the same file or the same refusal. */
static void ck_assert_same_way(const char *path, int flags)
{
	ct_cleanup(ct_closep) int root = open(top, O_PATH | O_CLOEXEC);
	ct_cleanup(ct_closep) int a = ct_beneath_open(root, path, flags, 0);
	ct_cleanup(ct_closep) int b = ct_beneath_walk(root, path, flags, 0);
	struct stat of_a, of_b;

	ck_assert_int_ge(root, 0);
	if (a == -ENOSYS)
		return;         /* nothing to compare with */
	if (a < 0 || b < 0) {
		ck_assert_msg(a == b, "'%s': %s and %s", path, a < 0 ? strerror(-a) : "opened",
			      b < 0 ? strerror(-b) : "opened");
		return;
	}
	ck_assert_int_eq(fstat(a, &of_a), 0);
	ck_assert_int_eq(fstat(b, &of_b), 0);
	ck_assert_msg(of_a.st_ino == of_b.st_ino, "'%s': two different files", path);
	ck_assert_int_eq(fcntl(b, F_GETFD), FD_CLOEXEC);
}

/* Links that go up, down, round and out; the names are the alphabet of the random paths below. */
static void make_maze(void)
{
	static const struct {
		const char *name, *text;
	} maze[] = {
		{ "abs", "/d/e" }, { "up", "../../d" }, { "d/back", ".." }, { "d/e/top", "/" }, { "d/loop", "loop" },
		{ "d/out", "../../../../etc" }, { "chain", "abs/../back/chain2" }, { "chain2", "d/e/" }, { "tofile", "d/f" },
		{ "slash", "d/f/" }, { "none", "nowhere" }, { "dot", "./." },
	};

	put_file(top, "d/e/f", "1");
	put_file(top, "d/f", "2");
	for (size_t i = 0; i < ct_array_size(maze); i++)
		ck_assert_int_eq(symlink(maze[i].text, below(maze[i].name)), 0);
}

static const char *const ways[] = {
	"", "/", ".", "..", "./", "../..", "d", "d/", "/d", "d//e", "d/f", "d/f/", "d/f/x", "d/f/..", "d/../d/f", "d/e/../f", "abs", "abs/f", "abs/",
	"up", "up/f", "d/back", "d/back/d", "d/e/top", "d/e/top/d/f", "d/loop", "d/loop/x", "d/out", "d/out/passwd", "chain",
	"chain/f", "tofile", "tofile/", "slash", "none", "none/x", "dot", "dot/d", "missing", "missing/", "missing/x",
	"../../../../../../../../etc/passwd", "d/e/top/..", "abs/..", "abs/../f",
};

static const int ways_flags[] = { O_RDONLY, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_DIRECTORY };

START_TEST(walking_part_by_part_opens_what_the_kernel_would)
{
	make_maze();
	for (size_t i = 0; i < ct_array_size(ways_flags); i++)
		ck_assert_same_way(ways[_i], ways_flags[i]);
}
END_TEST

START_TEST(walking_opens_what_the_kernel_would_on_random_paths)
{
	static const char *const parts[] = {
		"d", "e", "..", ".", "/", "abs", "up", "back", "top", "out", "chain", "chain2", "tofile", "none", "dot", "etc",
	};
	unsigned seed = (unsigned)getpid();
	char path[256];

	make_maze();
	fprintf(stderr, "random paths: seed %u\n", seed);
	for (int i = 0; i < 5000; i++) {
		size_t n = 0;

		for (int k = rand_r(&seed) % 8; k >= 0; k--)
			n += (size_t)snprintf(path + n, sizeof(path) - n, "%s%s", n ? "/" : "",
					      parts[(size_t)rand_r(&seed) % ct_array_size(parts)]);
		ck_assert_same_way(path, ways_flags[(size_t)rand_r(&seed) % ct_array_size(ways_flags)]);
	}
}
END_TEST

START_TEST(walking_ends)
{
	ct_cleanup(ct_closep) int root = open(top, O_PATH | O_CLOEXEC);
	char path[PATH_MAX + 64], name[64] = "l0";
	int fd;

	/* 40 links are followed, 41 are not */
	put_file(top, "l0", "end");
	for (int i = 1; i <= 41; i++) {
		char text[64];

		strcpy(text, name);
		(void)snprintf(name, sizeof(name), "l%d", i);
		ck_assert_int_eq(symlink(text, below(name)), 0);
	}
	fd = ct_beneath_walk(root, "l40", O_RDONLY, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(ct_beneath_walk(root, "l41", O_RDONLY, 0), -ELOOP);
	/* a path, a part, and a link's text that are too long */
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(ct_beneath_walk(root, path, O_RDONLY, 0), -ENAMETOOLONG);
	path[300] = '\0';
	ck_assert_int_eq(ct_beneath_walk(root, path, O_RDONLY, 0), -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[3000] = '\0';
	ck_assert_int_eq(symlink(path, below("long")), 0);
	(void)snprintf(path, sizeof(path), "long%2000s", "x");
	for (char *p = path + 4; *p == ' '; p++)
		*p = '/';
	ck_assert_int_eq(ct_beneath_walk(root, path, O_RDONLY, 0), -ENAMETOOLONG);
}
END_TEST

START_TEST(walking_goes_64_directories_deep)
{
	char path[PATH_MAX] = "";
	int fd, root = open(top, O_RDONLY | O_CLOEXEC), dir = dup(root);

	for (int i = 0; i < 63; i++) {
		ck_assert_int_eq(mkdirat(dir, "d", 0755), 0);
		fd = openat(dir, "d", O_RDONLY | O_CLOEXEC);
		ck_assert_int_eq(close(dir), 0);
		dir = fd;
		strcat(path, "d/");
	}
	fd = ct_beneath_walk(root, path, O_RDONLY, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mkdirat(dir, "d", 0755), 0);
	strcat(path, "d/d");
	ck_assert_int_eq(ct_beneath_walk(root, path, O_RDONLY, 0), -ENAMETOOLONG);
	ck_assert_int_eq(close(fd) | close(dir) | close(root), 0);
}
END_TEST

START_TEST(open_gives_a_descriptor_that_children_do_not_inherit)
{
	int fd = ct_fs_open(fs, "new", O_WRONLY | O_CREAT, 0640, &err);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777 & ~0640U, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_failed(ct_fs_open(fs, "missing/one", O_RDONLY, 0, &err), err, -ENOENT, "missing/one");
}
END_TEST

static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 8191, 70000, CT_FS_READ_MAX - 1, CT_FS_READ_MAX };

START_TEST(read_gives_the_whole_file_and_a_nul)
{
	ct_cleanup(ct_freep) char *bytes = malloc(CT_FS_READ_MAX), *text = NULL;
	size_t len = 4711;

	memset(bytes, 'x', CT_FS_READ_MAX);
	put_bytes("file", bytes, sizes[_i]);
	ck_assert_int_eq(ct_fs_read(fs, "file", &text, &len, &err), 0);
	ck_assert_uint_eq(len, sizes[_i]);
	ck_assert_uint_eq(strlen(text), len);
}
END_TEST

START_TEST(read_follows_a_file_of_proc_that_tells_no_size)
{
	struct ct_fs *live = open_root("/");
	ct_cleanup(ct_freep) char *text = NULL;

	/* well above the first 4096 bytes */
	ck_assert_int_eq(ct_fs_read(live, "proc/self/smaps", &text, NULL, &err), 0);
	ck_assert_uint_gt(strlen(text), 4096);
	ck_assert_ptr_nonnull(strstr(text, "[stack]"));
	(void)ct_fs_free(live);
}
END_TEST

static const off_t too_large[] = { CT_FS_READ_MAX + 1, (off_t)1 << 40 };

START_TEST(read_refuses_a_huge_file)
{
	char *text = NULL;

	put_bytes("huge", "", 0);
	ck_assert_int_eq(truncate(below("huge"), too_large[_i]), 0);
	ck_assert_failed(ct_fs_read(fs, "huge", &text, NULL, &err), err, -EFBIG, "larger than 4194304 bytes");
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(read_refuses_a_pipe_at_once)
{
	char *text = NULL;
	int64_t v = 4711;

	ck_assert_int_eq(mkfifo(below("pipe"), 0600), 0);
	ck_assert_failed(ct_fs_read(fs, "pipe", &text, NULL, &err), err, -EBADMSG, "cannot read pipe");
	ck_assert_failed(ct_fs_read_i64(fs, "pipe", &v, &err), err, -EBADMSG, "not a regular file");
	ck_assert_failed(ct_fs_write_u64(fs, "pipe", 1, &err), err, -ENXIO, "pipe");
	ck_assert_int_eq(v, 4711);
}
END_TEST

START_TEST(read_passes_on_what_the_kernel_says)
{
	struct ct_fs *live = open_root("/");
	char buf[16], *text = NULL;

	/* address 0 of this process isn't mapped */
	ck_assert_failed(ct_fs_read(live, "proc/self/mem", &text, NULL, &err), err, -EIO, "cannot read /proc/self/mem");
	ck_assert_failed(ct_fs_read_start(live, "proc/self/mem", buf, sizeof(buf), NULL, &err), err, -EIO,
			 "proc/self/mem");
	ck_assert_failed(ct_fs_read(live, "dev/null", &text, NULL, &err), err, -EBADMSG, "not a regular file");
	(void)ct_fs_free(live);
}
END_TEST

START_TEST(read_refuses_what_the_mode_forbids)
{
	char *text = NULL;

	if (geteuid() == 0)
		return;         /* root may read everything */
	put_file(top, "secret", "1");
	ck_assert_int_eq(chmod(below("secret"), 0), 0);
	ck_assert_failed(ct_fs_read(fs, "secret", &text, NULL, &err), err, -EACCES, "secret");
}
END_TEST

START_TEST(read_start_stops_at_its_buffer)
{
	char buf[5];
	size_t len;

	put_file(top, "long", "abcdefgh");
	ck_assert_int_eq(ct_fs_read_start(fs, "long", buf, sizeof(buf), &len, &err), 0);
	ck_assert_str_eq(buf, "abcd");
	ck_assert_uint_eq(len, 4);
	ck_assert_failed(ct_fs_read_start(fs, "short", buf, sizeof(buf), &len, &err), err, -ENOENT, "short");
}
END_TEST

#define BYTES(s) .text = (s), .n = sizeof(s) - 1

static const struct {
	const char *text;
	size_t n;
	int rc;
	int64_t got;
} numbers[] = {
	{ BYTES("65536\n"), .got = 65536 },
	{ BYTES("65536"), .got = 65536 },
	{ BYTES("-1\n"), .got = -1 },
	{ BYTES("9223372036854775807\n"), .got = INT64_MAX },
	{ BYTES("9223372036854775808\n"), .rc = -EBADMSG },
	{ BYTES(""), .rc = -EBADMSG },
	{ BYTES("\n"), .rc = -EBADMSG },
	{ BYTES("1\n\n"), .rc = -EBADMSG },
	{ BYTES(" 1\n"), .rc = -EBADMSG },
	{ BYTES("1 2\n"), .rc = -EBADMSG },
	{ BYTES("0x10\n"), .rc = -EBADMSG },
	{ BYTES("ten\n"), .rc = -EBADMSG },
	{ BYTES("10\0\n"), .rc = -EBADMSG },
	{ BYTES("\0\0\0\0"), .rc = -EBADMSG },
	{ BYTES("\177ELF\2\1\1"), .rc = -EBADMSG },
	{ BYTES("0000000000000000000000000000000000000000000000000000000000000000001\n"), .rc = -EBADMSG },
};

START_TEST(read_i64_takes_one_number_and_nothing_else)
{
	int64_t got = 4711;
	int r;

	put_bytes("number", numbers[_i].text, numbers[_i].n);
	r = ct_fs_read_i64(fs, "number", &got, &err);
	if (numbers[_i].rc) {
		ck_assert_failed(r, err, numbers[_i].rc, "number");
		ck_assert_int_eq(got, 4711);
	} else {
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(got, numbers[_i].got);
	}
}
END_TEST

START_TEST(write_leaves_nothing_of_a_longer_number)
{
	put_file(top, "proc/sys/net/x", "4294967296\n");
	ck_assert_int_eq(ct_fs_write_u64(fs, "proc/sys/net/x", 16, &err), 0);
	ck_assert_str_eq(get_file(top, "proc/sys/net/x"), "16\n");
	ck_assert_int_eq(ct_fs_write_u64(fs, "proc/sys/net/x", UINT64_MAX, &err), 0);
	ck_assert_str_eq(get_file(top, "proc/sys/net/x"), "18446744073709551615\n");
}
END_TEST

START_TEST(write_never_makes_a_file)
{
	ck_assert_failed(ct_fs_write_u64(fs, "missing", 1, &err), err, -ENOENT, "cannot write");
	ck_assert_ptr_null(get_file(top, "missing"));
	ck_assert_failed(ct_fs_write_u64(fs, ".", 1, &err), err, -EISDIR, "cannot write");
}
END_TEST

START_TEST(write_passes_on_what_the_kernel_says)
{
	struct ct_fs *live = open_root("/");
	int64_t got;

	/* a value of this test's own process */
	ck_assert_int_eq(ct_fs_write_u64(live, "proc/self/oom_score_adj", 1000, &err), 0);
	ck_assert_int_eq(ct_fs_read_i64(live, "proc/self/oom_score_adj", &got, &err), 0);
	ck_assert_int_eq(got, 1000);
	ck_assert_failed(ct_fs_write_u64(live, "proc/self/oom_score_adj", 1001, &err), err, -EINVAL,
			 "cannot write 1001 to /proc/self/oom_score_adj");
	(void)ct_fs_free(live);
}
END_TEST

START_TEST(write_to_a_full_disk_leaves_the_old_number)
{
	put_file(top, "x", "65536\n");
	limit_file_size(2);
	ck_assert_failed(ct_fs_write_u64(fs, "x", 1234, &err), err, -EFBIG, "cannot write 1234 to");
	limit_file_size(RLIM_INFINITY);
	ck_assert_str_eq(get_file(top, "x"), "65536\n");
}
END_TEST

static const struct {
	mode_t mode;
	bool writable;
} modes[] = {
	{ 0644, true }, { 0444, false }, { 0400, false }, { 0200, true }, { 0600, true }, { 0020, true },
};

START_TEST(info_tells_the_mode_and_whether_anybody_could_write)
{
	struct ct_fs_info info;

	put_file(top, "a/file", "1");
	ck_assert_int_eq(chmod(below("a/file"), modes[_i].mode), 0);
	ck_assert_int_eq(symlink("a/file", below("link")), 0);
	ck_assert_int_eq(ct_fs_info(fs, "link", &info, &err), 0);
	ck_assert_int_eq(info.mode & 07777, modes[_i].mode);
	ck_assert_int_eq(info.writable, modes[_i].writable);
	ck_assert_failed(ct_fs_info(fs, "a/none", &info, &err), err, -ENOENT, "a/none");
}
END_TEST

START_TEST(info_sees_a_read_only_mount)
{
	struct ct_fs_info info;

	put_file(top, "sub/file", "1");
	if (!own_mounts())
		return;
	ck_assert_int_eq(mount(below("sub"), below("sub"), "", MS_BIND, NULL), 0);
	ck_assert_int_eq(mount("", below("sub"), "", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	reopen_root();
	ck_assert_int_eq(ct_fs_info(fs, "sub/file", &info, &err), 0);
	ck_assert_int_ne(info.mode & 0200, 0);
	ck_assert(!info.writable);
	ck_assert_failed(ct_fs_replace(fs, "sub/new", "", 0644, &err), err, -EROFS, "sub/new");
	ck_assert_failed(ct_fs_replace(fs, "sub/dir/new", "", 0644, &err), err, -EROFS, "sub/dir/new");
}
END_TEST

START_TEST(readlink_gives_the_text_of_a_link)
{
	struct ct_fs *live = open_root("/");
	char text[32];

	ck_assert_int_eq(symlink("net:[4026531840]", below("net")), 0);
	put_file(top, "file", "");
	ck_assert_int_eq(ct_fs_readlink(fs, "net", text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "net:[4026531840]");
	ck_assert_failed(ct_fs_readlink(fs, "net", text, 16, &err), err, -ENAMETOOLONG, "net");
	ck_assert_failed(ct_fs_readlink(fs, "file", text, sizeof(text), &err), err, -EINVAL, "file");
	ck_assert_failed(ct_fs_readlink(fs, "none", text, sizeof(text), &err), err, -ENOENT, "none");
	ck_assert_int_eq(ct_fs_readlink(live, "proc/self/ns/net", text, sizeof(text), &err), 0);
	ck_assert_int_eq(strncmp(text, "net:[", 5), 0);
	ck_assert_failed(ct_fs_readlink(live, "proc/version", text, sizeof(text), &err), err, -EINVAL, "/proc/version");
	(void)ct_fs_free(live);
}
END_TEST

START_TEST(list_is_sorted_by_byte_value)
{
	static const char *const want[] = { ".hidden", "10.conf", "9.conf", "A", "a", "\303\244" };
	char **names = NULL;
	size_t n = 0;

	for (size_t i = ct_array_size(want); i-- > 0;) {
		char path[64];

		(void)snprintf(path, sizeof(path), "d/%s", want[i]);
		put_file(top, path, "");
	}
	ck_assert_int_eq(ct_fs_list(fs, "d", &names, &n, &err), 0);
	ck_assert_uint_eq(n, ct_array_size(want));
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(names[i], want[i]);
	ct_fs_list_free(names, n);
}
END_TEST

START_TEST(list_of_many_is_complete_and_of_too_many_refused)
{
	char **names = NULL;
	char path[64];
	size_t n = 0;

	ck_assert_int_eq(mkdir(below("d"), 0755), 0);
	/* in memory, because a busy disk takes seconds for so many names */
	if (own_mounts()) {
		ck_assert_int_eq(mount("none", below("d"), "tmpfs", 0, NULL), 0);
		reopen_root();
	}
	for (unsigned i = 0; i < 4096; i++) {
		(void)snprintf(path, sizeof(path), "d/%05u", i);
		ck_assert_int_eq(symlink("x", below(path)), 0);
	}
	ck_assert_int_eq(ct_fs_list(fs, "d", &names, &n, &err), 0);
	ck_assert_uint_eq(n, 4096);
	ck_assert_str_eq(names[4095], "04095");
	ct_fs_list_free(names, n);
	ck_assert_int_eq(symlink("x", below("d/more")), 0);
	ck_assert_failed(ct_fs_list(fs, "d", &names, &n, &err), err, -EFBIG, "cannot list");
}
END_TEST

START_TEST(list_of_nothing)
{
	char **names = NULL;
	size_t n = 4711;

	put_file(top, "file", "");
	ck_assert_int_eq(mkdir(below("empty"), 0755), 0);
	ck_assert_int_eq(ct_fs_list(fs, "empty", &names, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ct_fs_list_free(names, n);
	ck_assert_failed(ct_fs_list(fs, "file", &names, &n, &err), err, -ENOTDIR, "file");
	ck_assert_failed(ct_fs_list(fs, "none", &names, &n, &err), err, -ENOENT, "none");
}
END_TEST

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(below(path), &st), 0);
	return st.st_mode & 07777;
}

START_TEST(replace_makes_directories_that_everybody_can_read)
{
	(void)umask(077);
	ck_assert_int_eq(ct_fs_replace(fs, "etc/a/b/x.conf", "one\n", 0644, &err), 0);
	ck_assert_str_eq(get_file(top, "etc/a/b/x.conf"), "one\n");
	ck_assert_int_eq(mode_of("etc/a/b/x.conf"), 0644);
	ck_assert_int_eq(mode_of("etc"), 0755);
	ck_assert_int_eq(mode_of("etc/a/b"), 0755);
	ck_assert_ptr_null(get_file(top, "etc/a/b/.x.conf.conntune-tmp"));
}
END_TEST

START_TEST(parents_of_a_file_are_made_without_the_file)
{
	put_file(top, "file", "");
	ck_assert_int_eq(ct_fs_make_parents(fs, "run/conntune/lock", &err), 0);
	ck_assert_int_eq(mode_of("run/conntune"), 0755);
	ck_assert_int_eq(access(below("run/conntune/lock"), F_OK), -1);
	ck_assert_int_eq(ct_fs_make_parents(fs, "run/conntune/lock", &err), 0);
	ck_assert_failed(ct_fs_make_parents(fs, "file/lock", &err), err, -ENOTDIR, "file/lock");
}
END_TEST

START_TEST(replace_exchanges_a_file_and_its_mode)
{
	put_file(top, "x", "old and longer\n");
	ck_assert_int_eq(ct_fs_replace(fs, "x", "new\n", 0600, &err), 0);
	ck_assert_str_eq(get_file(top, "x"), "new\n");
	ck_assert_int_eq(mode_of("x"), 0600);
	ck_assert_int_eq(ct_fs_replace(fs, "x", "", 0644, &err), 0);
	ck_assert_str_eq(get_file(top, "x"), "");
}
END_TEST

START_TEST(replace_puts_a_file_where_a_link_was)
{
	put_file(top, "other", "stays\n");
	ck_assert_int_eq(symlink("other", below("x")), 0);
	ck_assert_int_eq(symlink("other", below(".x.conntune-tmp")), 0);
	ck_assert_int_eq(ct_fs_replace(fs, "x", "new\n", 0644, &err), 0);
	ck_assert_str_eq(get_file(top, "other"), "stays\n");
	ck_assert_str_eq(get_file(top, "x"), "new\n");
}
END_TEST

START_TEST(replace_overwrites_a_leftover)
{
	put_file(top, "d/.x.conntune-tmp", "half a li");
	ck_assert_int_eq(ct_fs_replace(fs, "d/x", "whole\n", 0644, &err), 0);
	ck_assert_str_eq(get_file(top, "d/x"), "whole\n");
	ck_assert_ptr_null(get_file(top, "d/.x.conntune-tmp"));
}
END_TEST

START_TEST(replace_keeps_the_old_file_when_the_disk_is_full)
{
	put_file(top, "d/x", "old\n");
	limit_file_size(2);
	ck_assert_failed(ct_fs_replace(fs, "d/x", "new text\n", 0644, &err), err, -EFBIG, "d/x");
	ck_assert_str_eq(get_file(top, "d/x"), "old\n");
	ck_assert_int_eq(access(below("d/.x.conntune-tmp"), F_OK), -1);
	limit_file_size(RLIM_INFINITY);
}
END_TEST

static bool is_there(const char *path)
{
	return access(below(path), F_OK) == 0;
}

START_TEST(failed_replace_takes_its_directories_back)
{
	put_file(top, "d/x", "old\n");
	limit_file_size(2);
	ck_assert_failed(ct_fs_replace(fs, "new/a/b/x", "new text\n", 0644, &err), err, -EFBIG, "new/a/b/x");
	ck_assert(!is_there("new"));
	ck_assert_failed(ct_fs_replace(fs, "d/a/b/x", "new text\n", 0644, &err), err, -EFBIG, "d/a/b/x");
	ck_assert(is_there("d/x") && !is_there("d/a"));
	limit_file_size(RLIM_INFINITY);
}
END_TEST

START_TEST(prune_removes_what_is_empty_and_was_not_there)
{
	size_t there;

	put_file(top, "d/x", "");
	ck_assert_uint_eq(ct_fs_there(fs, "x"), 0);
	ck_assert_uint_eq(ct_fs_there(fs, "a/b/x"), 0);
	ck_assert_uint_eq(ct_fs_there(fs, "d/a/b/x"), 1);
	ck_assert_uint_eq(ct_fs_there(fs, "d/y"), 1);
	ck_assert_uint_eq(ct_fs_there(fs, "d/x/y"), 5);         /* a file: nothing can be made below it */
	there = ct_fs_there(fs, "d/a/b/x");
	ck_assert_int_eq(ct_fs_make_parents(fs, "d/a/b/x", &err), 0);
	put_file(top, "d/a/y", "");
	ct_fs_prune(fs, "d/a/b/x", there);
	ck_assert(!is_there("d/a/b") && is_there("d/a/y"));
	ck_assert_int_eq(unlink(below("d/a/y")), 0);
	ct_fs_prune(fs, "d/a/b/x", there);
	ck_assert(!is_there("d/a") && is_there("d/x"));
}
END_TEST

#define NAME_64 "1234567890123456789012345678901234567890123456789012345678901234"

static const struct {
	const char *path;
	int rc;
} bad_places[] = {
	{ "file/x", -ENOTDIR },
	{ "file/d/x", -ENOTDIR },
	{ "dir", -EISDIR },
	{ "dir/", -EISDIR },
	{ "", -EISDIR },
	{ "loop/x", -ELOOP },
	{ "loop/d/x", -ELOOP },
	{ "blocked", -EISDIR },                                 /* a directory sits where the temporary goes */
	{ NAME_64 NAME_64 NAME_64 NAME_64, -ENAMETOOLONG },     /* the name */
	{ NAME_64 NAME_64 NAME_64 "12345678901234567890123456789012345678901234567890", -ENAMETOOLONG },
	{ NAME_64 NAME_64 NAME_64 NAME_64 "/x", -ENAMETOOLONG },
};

static void make_bad_places(void)
{
	put_file(top, "file", "old\n");
	put_file(top, "dir/x", "x\n");
	put_file(top, ".blocked.conntune-tmp/x", "x\n");
	ck_assert_int_eq(symlink("loop", below("loop")), 0);
}

START_TEST(failed_parents_are_taken_back)
{
	static const char deep[] = "m/n/" NAME_64 NAME_64 NAME_64 NAME_64 "/x";

	ck_assert_failed(ct_fs_make_parents(fs, deep, &err), err, -ENAMETOOLONG, "m/n/");
	ck_assert(!is_there("m"));
}
END_TEST

START_TEST(replace_fails_without_a_trace)
{
	char **names = NULL;
	size_t n = 0;

	make_bad_places();
	ck_assert_failed(ct_fs_replace(fs, bad_places[_i].path, "new\n", 0644, &err), err, bad_places[_i].rc,
			 "cannot write");
	ck_assert_int_eq(ct_fs_list(fs, ".", &names, &n, &err), 0);
	ck_assert_uint_eq(n, 4);
	ct_fs_list_free(names, n);
	ck_assert_str_eq(get_file(top, "file"), "old\n");
}
END_TEST

START_TEST(replace_refuses_a_path_that_is_too_long)
{
	char path[PATH_MAX + 64];

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'd';
	path[sizeof(path) - 1] = '\0';
	path[sizeof(path) - 2] = 'x';
	ck_assert_failed(ct_fs_replace(fs, path, "", 0644, &err), err, -ENAMETOOLONG, "cannot write");
	ck_assert_failed(ct_fs_remove(fs, path, &err), err, -ENAMETOOLONG, "cannot remove");
}
END_TEST

START_TEST(remove_takes_the_leftover_too)
{
	put_file(top, "d/x", "x\n");
	put_file(top, "d/.x.conntune-tmp", "half");
	put_file(top, "d/y", "y\n");
	ck_assert_int_eq(ct_fs_remove(fs, "d/x", &err), 0);
	ck_assert_ptr_null(get_file(top, "d/x"));
	ck_assert_ptr_null(get_file(top, "d/.x.conntune-tmp"));
	ck_assert_str_eq(get_file(top, "d/y"), "y\n");
	ck_assert_int_eq(ct_fs_remove(fs, "d/x", &err), 0);
	ck_assert_int_eq(ct_fs_remove(fs, "no/such/dir", &err), 0);
}
END_TEST

START_TEST(remove_refuses_directories)
{
	make_bad_places();
	ck_assert_failed(ct_fs_remove(fs, "dir", &err), err, -EISDIR, "cannot remove");
	ck_assert_failed(ct_fs_remove(fs, "blocked", &err), err, -EISDIR, "cannot remove");
	ck_assert_failed(ct_fs_remove(fs, "file/x", &err), err, -ENOTDIR, "cannot remove");
}
END_TEST

static TCase *reading(void)
{
	TCase *tc = tcase_create("reading");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);      /* a disk may be slow */
	tcase_add_loop_test(tc, new_opens_a_directory_and_knows_this_machine, 0, ct_array_size(roots));
	tcase_add_test(tc, free_takes_null);
	tcase_add_loop_test(tc, no_link_leaves_the_tree, 0, ct_array_size(links));
	tcase_add_loop_test(tc, no_link_leaves_the_tree_on_kernels_without_openat2, 0, ct_array_size(links));
	tcase_add_loop_test(tc, walking_part_by_part_opens_what_the_kernel_would, 0, ct_array_size(ways));
	tcase_add_test(tc, walking_opens_what_the_kernel_would_on_random_paths);
	tcase_add_test(tc, walking_ends);
	tcase_add_test(tc, walking_goes_64_directories_deep);
	tcase_add_test(tc, open_gives_a_descriptor_that_children_do_not_inherit);
	tcase_add_loop_test(tc, read_gives_the_whole_file_and_a_nul, 0, ct_array_size(sizes));
	tcase_add_test(tc, read_follows_a_file_of_proc_that_tells_no_size);
	tcase_add_loop_test(tc, read_refuses_a_huge_file, 0, ct_array_size(too_large));
	tcase_add_test(tc, read_refuses_a_pipe_at_once);
	tcase_add_test(tc, read_passes_on_what_the_kernel_says);
	tcase_add_test(tc, read_refuses_what_the_mode_forbids);
	tcase_add_test(tc, read_start_stops_at_its_buffer);
	tcase_add_loop_test(tc, read_i64_takes_one_number_and_nothing_else, 0, ct_array_size(numbers));
	tcase_add_loop_test(tc, info_tells_the_mode_and_whether_anybody_could_write, 0, ct_array_size(modes));
	tcase_add_test(tc, info_sees_a_read_only_mount);
	tcase_add_test(tc, readlink_gives_the_text_of_a_link);
	tcase_add_test(tc, list_is_sorted_by_byte_value);
	tcase_add_test(tc, list_of_many_is_complete_and_of_too_many_refused);
	tcase_add_test(tc, list_of_nothing);
	return tc;
}

static TCase *writing(void)
{
	TCase *tc = tcase_create("writing");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);      /* a disk may be slow */
	tcase_add_test(tc, write_leaves_nothing_of_a_longer_number);
	tcase_add_test(tc, write_never_makes_a_file);
	tcase_add_test(tc, write_passes_on_what_the_kernel_says);
	tcase_add_test(tc, write_to_a_full_disk_leaves_the_old_number);
	tcase_add_test(tc, replace_makes_directories_that_everybody_can_read);
	tcase_add_test(tc, parents_of_a_file_are_made_without_the_file);
	tcase_add_test(tc, replace_exchanges_a_file_and_its_mode);
	tcase_add_test(tc, replace_puts_a_file_where_a_link_was);
	tcase_add_test(tc, replace_overwrites_a_leftover);
	tcase_add_test(tc, replace_keeps_the_old_file_when_the_disk_is_full);
	tcase_add_test(tc, failed_replace_takes_its_directories_back);
	tcase_add_test(tc, prune_removes_what_is_empty_and_was_not_there);
	tcase_add_test(tc, failed_parents_are_taken_back);
	tcase_add_loop_test(tc, replace_fails_without_a_trace, 0, ct_array_size(bad_places));
	tcase_add_test(tc, replace_refuses_a_path_that_is_too_long);
	tcase_add_test(tc, remove_takes_the_leftover_too);
	tcase_add_test(tc, remove_refuses_directories);
	return tc;
}

Suite *module_suite(void)
{
	Suite *s = suite_create("fs");

	suite_add_tcase(s, reading());
	suite_add_tcase(s, writing());
	return s;
}
