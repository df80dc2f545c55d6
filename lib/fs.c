/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files below a root directory: "/" or a captured machine, which no link in it can leave. */
#include "config.h"
#include "beneath.h"
#include "fs.h"
#include "util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

/* A directory with more names than this isn't one of those we know. */
#define LIST_MAX 4096

/* A pipe or a terminal in a captured tree must neither hold us up nor become ours. */
#define QUIET (O_NONBLOCK | O_NOCTTY)

struct ct_fs {
	int fd;
	bool live;                      /* "/" */
	bool walk;                      /* openat2(2) isn't to be had */
	int trouble;                    /* see ct_fs_trouble() */
	char root[];
};

/* A file to be made or removed: its directory, open, and the names in it. */
struct place {
	int dirfd;
	char name[NAME_MAX + 1];
	char temporary[NAME_MAX + 32];
};

#define PLACE_NONE { .dirfd = -1 }

static void place_done(struct place *p)
{
	ct_closep(&p->dirfd);
}

static int fail(struct ct_fs *fs, struct ct_err *err, int code, const char *verb, const char *path)
{
	size_t n = strlen(fs->root);

	if (!fs->trouble && (code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -EIO))
		fs->trouble = code;
	errno = -code;
	return ct_err_set(err, code, "cannot %s %s%s%s: %m", verb, fs->root, fs->root[n - 1] == '/' ? "" : "/", path);
}

int ct_fs_trouble(struct ct_fs *fs)
{
	int code = fs->trouble;

	fs->trouble = 0;
	return code;
}

/* Plain openat() on "/": it works on every kernel and below every syscall filter, and there is nothing to leave. */
static int open_below(const struct ct_fs *fs, const char *path, int flags, mode_t mode)
{
	int fd;

	if (fs->walk)
		return ct_beneath_walk(fs->fd, path, flags, mode);
	if (!fs->live)
		return ct_beneath_open(fs->fd, path, flags, mode);
	fd = openat(fs->fd, path, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int ct_fs_new(struct ct_fs **ret, const char *root, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ct_cleanup(ct_closep) int probe = -1;
	size_t n = strlen(root) + 1;
	struct stat here, top;
	struct ct_fs *fs;

	if (fd < 0 || fstat(fd, &here) < 0 || stat("/", &top) < 0)
		return ct_err_set(err, -errno, "cannot open the root directory '%s': %m", root);
	fs = calloc(1, sizeof(*fs) + n);
	if (!fs)
		return ct_err_set(err, -ENOMEM, "out of memory");
	memcpy(fs->root, root, n);
	fs->live = is_same(&here, &top);
	if (!fs->live) {
		probe = ct_beneath_open(fd, ".", O_PATH, 0);
		fs->walk = probe < 0;
	}
	fs->fd = fd;
	fd = -1;
	*ret = fs;
	return 0;
}

struct ct_fs *ct_fs_free(struct ct_fs *fs)
{
	if (fs)
		(void)close(fs->fd);
	free(fs);
	return NULL;
}

const char *ct_fs_root(const struct ct_fs *fs)
{
	return fs->root;
}

bool ct_fs_is_live(const struct ct_fs *fs)
{
	return fs->live;
}

int ct_fs_open(struct ct_fs *fs, const char *path, int flags, mode_t mode, struct ct_err *err)
{
	int fd = open_below(fs, path, flags, mode);

	return fd < 0 ? fail(fs, err, fd, "open", path) : fd;
}

/* What can be read or written like a file of /proc; anything else might block or have side effects. */
static int open_regular(struct ct_fs *fs, const char *path, int flags, struct stat *st, struct ct_err *err)
{
	const char *verb = (flags & O_ACCMODE) == O_RDONLY ? "read" : "write";
	ct_cleanup(ct_closep) int fd = open_below(fs, path, flags | QUIET, 0);
	int r = fd;

	if (fd < 0)
		return fail(fs, err, fd, verb, path);
	if (fstat(fd, st) < 0)
		return fail(fs, err, -errno, verb, path);
	if (S_ISDIR(st->st_mode))
		return fail(fs, err, -EISDIR, verb, path);
	if (!S_ISREG(st->st_mode))
		return ct_err_set(err, -EBADMSG, "cannot %s %s below %s: not a regular file", verb, path, fs->root);
	fd = -1;
	return r;
}

int ct_fs_open_regular(struct ct_fs *fs, const char *path, int flags, struct ct_err *err)
{
	struct stat st;

	return open_regular(fs, path, flags, &st, err);
}

/* Up to @n bytes; fewer only at the end of the file. */
static ssize_t read_up_to(int fd, char *buf, size_t n)
{
	size_t got = 0;
	ssize_t r = 1;

	while (got < n && r != 0) {
		r = read(fd, buf + got, n - got);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			got += (size_t)r;
	}
	return (ssize_t)got;
}

static int read_start(struct ct_fs *fs, int fd, const char *path, char *buf, size_t n, size_t *len, struct ct_err *err)
{
	ssize_t got = read_up_to(fd, buf, n - 1);

	if (got < 0)
		return fail(fs, err, (int)got, "read", path);
	buf[got] = '\0';
	if (len)
		*len = (size_t)got;
	return 0;
}

int ct_fs_read_start(struct ct_fs *fs, const char *path, char *buf, size_t n, size_t *len, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = -1;
	struct stat st;

	fd = open_regular(fs, path, O_RDONLY, &st, err);
	return fd < 0 ? fd : read_start(fs, fd, path, buf, n, len, err);
}

int ct_fs_read_start_in(struct ct_fs *fs, int dir, const char *name, char *buf, size_t n, size_t *len,
			struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | QUIET);

	return fd < 0 ? fail(fs, err, -errno, "read", name) : read_start(fs, fd, name, buf, n, len, err);
}

int ct_fs_read(struct ct_fs *fs, const char *path, char **ret, size_t *len, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = -1;
	ct_cleanup(ct_freep) char *text = NULL;
	size_t room = 4096, have = 0;
	struct stat st;
	ssize_t got;

	fd = open_regular(fs, path, O_RDONLY, &st, err);
	if (fd < 0)
		return fd;
	/* files of /proc say 0 */
	if (st.st_size > 0 && (uintmax_t)st.st_size < CT_FS_READ_MAX)
		room = (size_t)st.st_size + 2;
	for (;; room = room * 2 < CT_FS_READ_MAX + 2 ? room * 2 : CT_FS_READ_MAX + 2) {
		char *more = realloc(text, room);

		if (!more)
			return fail(fs, err, -ENOMEM, "read", path);
		text = more;
		got = read_up_to(fd, text + have, room - 1 - have);
		if (got < 0)
			return fail(fs, err, (int)got, "read", path);
		have += (size_t)got;
		if (have > CT_FS_READ_MAX)
			return ct_err_set(err, -EFBIG, "cannot read %s below %s: larger than %zu bytes", path, fs->root,
					  CT_FS_READ_MAX);
		if (have < room - 1)
			break;
	}
	text[have] = '\0';
	if (len)
		*len = have;
	*ret = ct_take(text);
	return 0;
}

int ct_fs_read_i64(struct ct_fs *fs, const char *path, int64_t *ret, struct ct_err *err)
{
	char text[64];
	size_t len;
	int r;

	r = ct_fs_read_start(fs, path, text, sizeof(text), &len, err);
	if (r < 0)
		return r;
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len == sizeof(text) - 1 || strlen(text) != len || strpbrk(text, " \t\r\nx") || ct_parse_i64(text, ret) < 0)
		return ct_err_set(err, -EBADMSG, "%s below %s holds '%.40s', not a whole number", path, fs->root, text);
	return 0;
}

static bool is_kernel_file(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && (st.f_type == PROC_SUPER_MAGIC || st.f_type == SYSFS_MAGIC);
}

/*
 * One write(2): the kernel looks at each by itself. A captured file is replaced instead, because nobody else sees to it
 * that it is never seen empty, or with the end of a longer number.
 */
int ct_fs_write_u64(struct ct_fs *fs, const char *path, uint64_t value, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = -1;
	char verb[48], text[24];
	struct stat st;
	size_t len;
	ssize_t done;
	int r;

	fd = open_regular(fs, path, O_WRONLY, &st, err);
	if (fd < 0)
		return fd;
	(void)snprintf(verb, sizeof(verb), "write %" PRIu64 " to", value);
	len = (size_t)snprintf(text, sizeof(text), "%" PRIu64 "\n", value);
	if (is_kernel_file(fd)) {
		done = write(fd, text, len);
		r = done < 0 ? -errno : (size_t)done != len ? -EIO : 0;
	} else {
		r = ct_fs_replace(fs, path, text, st.st_mode & 07777, NULL);
	}
	return r < 0 ? fail(fs, err, r, verb, path) : 0;
}

int ct_fs_info(struct ct_fs *fs, const char *path, struct ct_fs_info *ret, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = open_below(fs, path, O_PATH, 0);
	struct statvfs mount = { 0 };
	struct stat st;

	if (fd < 0)
		return fail(fs, err, fd, "look at", path);
	if (fstat(fd, &st) < 0)
		return fail(fs, err, -errno, "look at", path);
	/* before 3.12 it doesn't take O_PATH descriptors: then the mode bits decide alone */
	(void)fstatvfs(fd, &mount);
	ret->mode = st.st_mode;
	ret->inode = st.st_ino;
	ret->read_only_mount = mount.f_flag & ST_RDONLY;
	ret->writable = (st.st_mode & 0222) && !ret->read_only_mount;
	return 0;
}

int ct_fs_readlink(struct ct_fs *fs, const char *path, char *ret, size_t n, struct ct_err *err)
{
	ct_cleanup(ct_closep) int fd = -1;
	ssize_t len;

	if (fs->live) {
		len = readlinkat(fs->fd, path, ret, n);
	} else {
		fd = open_below(fs, path, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return fail(fs, err, fd, "read link", path);
		len = readlinkat(fd, "", ret, n);
		/* what path names isn't a link: say it as readlink(2) on a path does */
		if (len < 0 && errno == ENOENT)
			errno = EINVAL;
	}
	if (len < 0)
		return fail(fs, err, -errno, "read link", path);
	if ((size_t)len == n)
		return fail(fs, err, -ENAMETOOLONG, "read link", path);
	ret[len] = '\0';
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

struct list {
	char **names;
	size_t count, room;
};

static void list_done(struct list *list)
{
	ct_fs_list_free(list->names, list->count);
}

static int list_add(struct list *list, const char *name)
{
	if (list->count == LIST_MAX)
		return -EFBIG;
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 32;
		char **more = reallocarray(list->names, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->names = more;
		list->room = room;
	}
	list->names[list->count] = strdup(name);
	if (!list->names[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

int ct_fs_list(struct ct_fs *fs, const char *path, char ***ret, size_t *count, struct ct_err *err)
{
	ct_cleanup(list_done) struct list list = { 0 };
	ct_cleanup(close_dir) DIR *dir = NULL;
	struct dirent *e;
	int r, fd = open_below(fs, path, O_RDONLY | O_DIRECTORY | QUIET, 0);

	if (fd < 0)
		return fail(fs, err, fd, "list", path);
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return fail(fs, err, -ENOMEM, "list", path);
	}
	while (errno = 0, e = readdir(dir)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = list_add(&list, e->d_name);
		if (r < 0)
			return fail(fs, err, r, "list", path);
	}
	if (errno)
		return fail(fs, err, -errno, "list", path);
	if (list.count)
		qsort(list.names, list.count, sizeof(*list.names), by_name);
	*count = list.count;
	*ret = ct_take(list.names);
	list.count = 0;
	return 0;
}

void ct_fs_list_free(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

/* EINVAL: this file system (hostfs, some FUSE ones) has nothing to sync in a directory. */
static int sync_dir(int dirfd)
{
	return fsync(dirfd) < 0 && errno != EINVAL ? -errno : 0;
}

static int open_dir(const struct ct_fs *fs, const char *path)
{
	return open_below(fs, *path ? path : ".", O_RDONLY | O_DIRECTORY | QUIET, 0);
}

/* The mode is set by itself: a strict umask must not hide boot files from the programs that read them. */
static int make_dir(const struct ct_fs *fs, const char *parent, const char *name, const char *path)
{
	ct_cleanup(ct_closep) int above = open_dir(fs, parent);
	ct_cleanup(ct_closep) int fd = -1;

	if (above < 0)
		return above;
	if (mkdirat(above, name, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open_dir(fs, path);
	if (fd < 0)
		return fd;
	if (fchmod(fd, 0755) < 0)
		return -errno;
	return sync_dir(above);
}

/* Make what is missing of the directories above @path's last part; open the last of them. */
static int make_dirs(const struct ct_fs *fs, const char *dir)
{
	char path[PATH_MAX], parent[PATH_MAX] = "";
	size_t n = 0;
	int r, fd;

	fd = open_dir(fs, dir);
	if (fd != -ENOENT)
		return fd;
	while (dir[n]) {
		size_t start = n + (dir[n] == '/');

		n = start + strcspn(dir + start, "/");
		(void)snprintf(path, sizeof(path), "%.*s", (int)n, dir);
		fd = open_dir(fs, path);
		if (fd == -ENOENT) {
			r = make_dir(fs, parent, path + start, path);
			if (r < 0)
				return r;
		} else if (fd < 0) {
			return fd;
		} else {
			(void)close(fd);
		}
		memcpy(parent, path, n + 1);
	}
	return open_dir(fs, dir);
}

/* The part of @path before its last slash, at most @n bytes of it. Returns: its length; -ENAMETOOLONG. */
static ssize_t dir_of(const char *path, size_t n, char dir[PATH_MAX])
{
	const char *slash = memrchr(path, '/', n);
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, path, length);
	dir[length] = '\0';
	return (ssize_t)length;
}

size_t ct_fs_there(struct ct_fs *fs, const char *path)
{
	char dir[PATH_MAX];
	ssize_t n = dir_of(path, strlen(path), dir);

	for (ssize_t at = n; at > 0; at = dir_of(path, (size_t)at, dir)) {
		ct_cleanup(ct_closep) int fd = open_dir(fs, dir);

		if (fd >= 0)
			return (size_t)at;
		if (fd != -ENOENT)
			return strlen(path);
	}
	return n < 0 ? strlen(path) : 0;
}

/* One that isn't there was never made, and one that isn't empty stays, with all above it. */
void ct_fs_prune(struct ct_fs *fs, const char *path, size_t there)
{
	char dir[PATH_MAX], above[PATH_MAX];
	ssize_t n = dir_of(path, strlen(path), dir), up;

	for (; n > 0 && (size_t)n > there; n = up) {
		ct_cleanup(ct_closep) int fd = -1;

		dir[n] = '\0';
		up = dir_of(dir, (size_t)n, above);
		fd = open_dir(fs, above);
		if (fd >= 0)
			(void)unlinkat(fd, dir + up + (up > 0), AT_REMOVEDIR);
	}
}

static int place_open(struct ct_fs *fs, const char *path, bool make, struct place *p)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char dir[PATH_MAX];

	if (dir_of(path, strlen(path), dir) < 0 || strlen(name) >= sizeof(p->name))
		return -ENAMETOOLONG;
	if (*name == '\0')
		return -EISDIR;
	strcpy(p->name, name);
	(void)snprintf(p->temporary, sizeof(p->temporary), ".%s.conntune-tmp", name);
	p->dirfd = make ? make_dirs(fs, dir) : open_dir(fs, dir);
	return p->dirfd < 0 ? p->dirfd : 0;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

/* The text, its mode and both on disk before anybody can see it. */
static int write_temporary(const struct place *p, const char *text, mode_t mode)
{
	int fd, r;

	if (unlinkat(p->dirfd, p->temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(p->dirfd, p->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int ct_fs_replace(struct ct_fs *fs, const char *path, const char *text, mode_t mode, struct ct_err *err)
{
	ct_cleanup(place_done) struct place p = PLACE_NONE;
	size_t there = ct_fs_there(fs, path);
	int r;

	r = place_open(fs, path, true, &p);
	if (r == 0)
		r = write_temporary(&p, text, mode);
	if (r == 0 && renameat(p.dirfd, p.temporary, p.dirfd, p.name) < 0)
		r = -errno;
	if (r < 0) {
		if (p.dirfd >= 0)
			(void)unlinkat(p.dirfd, p.temporary, 0);
		ct_fs_prune(fs, path, there);
		return fail(fs, err, r, "write", path);
	}
	r = sync_dir(p.dirfd);
	return r < 0 ? fail(fs, err, r, "bring to disk", path) : 0;
}

int ct_fs_remove(struct ct_fs *fs, const char *path, struct ct_err *err)
{
	ct_cleanup(place_done) struct place p = PLACE_NONE;
	int r;

	r = place_open(fs, path, false, &p);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && unlinkat(p.dirfd, p.name, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && unlinkat(p.dirfd, p.temporary, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = sync_dir(p.dirfd);
	return r < 0 ? fail(fs, err, r, "remove", path) : 0;
}

int ct_fs_make_parents(struct ct_fs *fs, const char *path, struct ct_err *err)
{
	ct_cleanup(place_done) struct place p = PLACE_NONE;
	size_t there = ct_fs_there(fs, path);
	int r = place_open(fs, path, true, &p);

	if (r < 0)
		ct_fs_prune(fs, path, there);
	return r < 0 ? fail(fs, err, r, "make the directories of", path) : 0;
}
