/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole machine: kernel files with anything in them, then all that `conntune advise` does with it.
 * The input is text: a line "== PATH" begins a file, up to the next such line; paths that aren't in the list are left out.
 */
#include "config.h"
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <conntune/conntune.h>

static const char *const paths[] = {
	"capture",
	"etc/modprobe.d/a.conf",
	"etc/modules-load.d/conntune.conf",
	"etc/sysctl.d/a.conf",
	"proc/cmdline",
	"proc/kallsyms",
	"proc/meminfo",
	"proc/modules",
	"proc/mounts",
	"proc/net/ip_conntrack",
	"proc/net/netlink",
	"proc/net/nf_conntrack_expect",
	"proc/slabinfo",
	"proc/sys/kernel/osrelease",
	"proc/sys/kernel/version",
	"proc/sys/net/ipv4/ip_conntrack_max",
	"proc/sys/net/netfilter/nf_conntrack_acct",
	"proc/sys/net/netfilter/nf_conntrack_buckets",
	"proc/sys/net/netfilter/nf_conntrack_count",
	"proc/sys/net/netfilter/nf_conntrack_events",
	"proc/sys/net/netfilter/nf_conntrack_max",
	"proc/version",
	"proc/version_signature",
	"sys/devices/system/cpu/possible",
	"sys/kernel/slab/nf_conntrack/slab_size",
	"sys/module/nf_conntrack/initstate",
	"sys/module/nf_conntrack/parameters/hashsize",
	"var/log/dmesg",
};

static char root[64];
static int rootfd = -1;

static void make_directories(const char *path)
{
	char part[128];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		(void)mkdirat(rootfd, part, 0755);
	}
}

static void clean(void)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	(void)!system(command);
}

static void make_root(void)
{
	if (rootfd >= 0)
		return;
	/* a disk makes it 20 times slower */
	(void)snprintf(root, sizeof(root), "%s/conntune-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	fuzz_require(mkdtemp(root));
	rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(rootfd >= 0);
	(void)atexit(clean);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		make_directories(paths[i]);
}

static void put(const char *path, const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd;

		if (strcmp(path, paths[i]) != 0)
			continue;
		fd = openat(rootfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		fuzz_require(fd >= 0 && write(fd, text, length) == (ssize_t)length);
		(void)close(fd);
	}
}

/* A section may hold zero bytes, so its end is looked for by length. */
static void put_machine(const char *text, size_t size)
{
	const char *end = text + size, *at = text;
	char path[128];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		(void)unlinkat(rootfd, paths[i], 0);
	while (at < end && strncmp(at, "== ", 3) == 0) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *next;

		if (!newline)
			return;
		(void)snprintf(path, sizeof(path), "%.*s", (int)(newline - at - 3), at + 3);
		next = memmem(newline, (size_t)(end - newline), "\n== ", 4);
		next = next ? next + 1 : end;
		put(path, newline + 1, next > newline + 1 ? (size_t)(next - newline - 1) : 0);
		at = next;
	}
}

static void require_error(int r, const struct ct_err *err)
{
	fuzz_require(r < 0 && err->code == r && err->msg[0] && !strpbrk(err->msg, "\n\r\033"));
}

static void plan(const struct ct_facts *facts, const struct ct_size *size)
{
	struct ct_wanted wanted = { .limit = size->limit, .buckets = size->buckets };
	struct ct_err err = { 0 };
	struct ct_plan p;
	int r = ct_plan_make(facts, &wanted, &p, &err);

	if (r < 0) {
		require_error(r, &err);
		return;
	}
	fuzz_require(p.step_count <= CT_PLAN_STEPS_MAX);
	for (size_t i = 0; i < p.step_count; i++)
		fuzz_require(p.step[i].value > 0 && p.step[i].value <= INT_MAX && p.step[i].reason[0]);
}

static void advise(const struct ct_facts *facts)
{
	struct ct_size_request req;
	struct ct_err err = { 0 };
	int r = ct_size_request_init(&req, facts, &err);

	if (r < 0) {
		require_error(r, &err);
		return;
	}
	for (int policy = 0; policy < CT_POLICY__COUNT; policy++) {
		struct ct_size size;

		r = ct_size_compute(&req, (enum ct_policy)policy, &size, &err);
		if (r < 0) {
			require_error(r, &err);
			continue;
		}
		fuzz_require(size.limit > 0 && size.limit <= INT_MAX && size.buckets > 0);
		fuzz_require(size.p_refused >= 0 && size.p_refused <= 1 && size.load >= 0);
		plan(facts, &size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct ct_owners *owners = NULL;
	struct ct_err err = { 0 };
	struct ct_fs *fs = NULL;
	struct ct_facts facts;
	int r;

	make_root();
	put_machine(text, size);
	fuzz_require(ct_fs_new(&fs, root, &err) == 0);
	r = ct_facts_collect(fs, NULL, &facts, &err);
	if (r < 0)
		require_error(r, &err);
	else
		advise(&facts);
	fuzz_require(ct_owners_collect(fs, &owners, &err) == 0);
	(void)ct_owners_winner(owners, CT_PARAM_LIMIT);
	(void)ct_owners_free(owners);
	(void)ct_fs_free(fs);
	free(text);
	return 0;
}
