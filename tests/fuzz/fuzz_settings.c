/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anything as conntuned.conf and drop-ins: what comes out is in range, agrees, and can be written and read again.
 * The input is text: a line "== N" begins file N of the list, up to the next such line; what is before is file 0.
 */
#include "config.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <conntune/conntune.h>

static const char *const paths[] = {
	"etc/conntune/conntuned.conf",
	"etc/conntune/conntuned.conf.d/10-a.conf",
	"run/conntune/conntuned.conf",
	"run/conntune/conntuned.conf.d/10-a.conf",
	"run/conntune/conntuned.conf.d/20-b.conf",
	"usr/lib/conntune/conntuned.conf",
	"usr/lib/conntune/conntuned.conf.d/20-b.conf",
};

#define PATHS (sizeof(paths) / sizeof(paths[0]))

static char root[64];
static int rootfd = -1;

static void clean(void)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	(void)!system(command);
}

static void make_root(void)
{
	char part[128];

	if (rootfd >= 0)
		return;
	/* a disk makes it 20 times slower */
	(void)snprintf(root, sizeof(root), "%s/conntune-fuzz.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	fuzz_require(mkdtemp(root));
	rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(rootfd >= 0);
	(void)atexit(clean);
	for (size_t i = 0; i < PATHS; i++) {
		for (const char *slash = strchr(paths[i], '/'); slash; slash = strchr(slash + 1, '/')) {
			(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - paths[i]), paths[i]);
			(void)mkdirat(rootfd, part, 0755);
		}
	}
}

static void put(size_t i, const char *text, size_t length)
{
	int fd = openat(rootfd, paths[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	fuzz_require(fd >= 0 && write(fd, text, length) == (ssize_t)length);
	(void)close(fd);
}

static void put_files(const char *text, size_t size)
{
	const char *end = text + size;
	size_t file = 0;

	for (size_t i = 0; i < PATHS; i++)
		(void)unlinkat(rootfd, paths[i], 0);
	while (text < end) {
		const char *next = memmem(text, (size_t)(end - text), "\n== ", 4);

		put(file, text, (size_t)((next ? next + 1 : end) - text));
		if (!next || end - next < 6)
			return;
		file = (size_t)(unsigned char)next[4] % PATHS;
		text = next + 6;
	}
}

static void hear(const char *path, unsigned line, const char *message, void *userdata)
{
	int *count = userdata;

	++*count;
	fuzz_require(strncmp(path, root, strlen(root)) == 0 && line <= 1 << 20);
	fuzz_require(*message && strlen(message) < sizeof(((struct ct_err *)NULL)->msg));
	for (; *message; message++)
		fuzz_require(*message >= ' ' && *message <= '~');
}

static void check(const struct ct_settings *s)
{
	size_t row[2];
	struct ct_settings again;
	char text[64];

	fuzz_require(ct_settings_agree(s, row, NULL) == 0);
	ct_settings_init(&again);
	for (size_t i = 0; ct_setting_at(i); i++) {
		fuzz_require(ct_setting_text(s, i, text, sizeof(text)) == 0);
		fuzz_require(ct_setting_parse(&again, i, text, NULL) == 0);
	}
	fuzz_require(memcmp(s, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ct_settings s;
	struct ct_fs *fs = NULL;
	struct ct_err err = { 0 };
	int count = 0, r;

	make_root();
	put_files((const char *)data, size);
	fuzz_require(ct_fs_new(&fs, root, NULL) == 0);
	memset(&s, 0xff, sizeof(s));
	r = ct_settings_load(fs, &s, hear, &count, &err);
	(void)ct_fs_free(fs);
	fuzz_require(r == -EOPNOTSUPP || r == count);
	if (r >= 0)
		check(&s);
	return 0;
}
