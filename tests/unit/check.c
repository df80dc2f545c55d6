/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main() of every unit test, and the directories they write in. */
#include "config.h"
#include "check.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64];
static unsigned made;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Tests fork: the directory is made before, in main(), and removed after. */
static const char *new_dir(void)
{
	static char dirs[16][128];
	char *dir = dirs[made % 16];

	(void)snprintf(dir, sizeof(dirs[0]), "%s/%d-%u", top, (int)getpid(), made++);
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	return dir;
}

const char *scratch_dir(void)
{
	return new_dir();
}

void put_file(const char *dir, const char *path, const char *text)
{
	char full[512];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	for (char *p = full + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "we");
	ck_assert_msg(f != NULL, "%s: %s", full, strerror(errno));
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

const char *get_file(const char *dir, const char *path)
{
	static char text[65536];
	char full[512];
	size_t n;
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "re");
	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

const char *sysroot_copy(const char *name)
{
	const char *dir = new_dir();
	char command[768];

	(void)snprintf(command, sizeof(command), "cp -a '%s/%s/.' '%s' && chmod -R u+w '%s'", SYSROOT, name, dir, dir);
	ck_assert_int_eq(system(command), 0);
	return dir;
}

bool own_mounts(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	put_file("/proc/self", "setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1\n", uid);
	put_file("/proc/self", "uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1\n", gid);
	put_file("/proc/self", "gid_map", map);
	return true;
}

void close_fs(struct ct_fs **fs)
{
	(void)ct_fs_free(*fs);
}

struct ct_fs *open_fs(const char *dir)
{
	struct ct_err err = { 0 };
	struct ct_fs *fs = NULL;

	ck_assert_msg(ct_fs_new(&fs, dir, &err) == 0, "%s", err.msg);
	return fs;
}

int main(void)
{
	SRunner *runner;
	int failed;

	(void)snprintf(top, sizeof(top), "%s/conntune-check.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(top)) {
		perror(top);
		return EXIT_FAILURE;
	}
	/* a machine under load may be slow for a while; a test that hangs is found all the same */
	(void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	runner = srunner_create(module_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void limit_file_size(rlim_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
