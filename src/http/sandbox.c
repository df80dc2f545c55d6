/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answering needs: no capability at all, and these system calls. */
#include "config.h"
#include "sandbox.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

/* With any arguments. What a library version calls differs, so each job has all the calls that do it. */
static const char *const allowed[] = {
	/* the loop; its descriptors are there already */
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"poll",
	"ppoll",
	"ppoll_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"restart_syscall",
	"rt_sigreturn",
	"sigreturn",
	"rt_sigprocmask",
	"signalfd4", /* the loop takes its signals back in the end */
	"futex",
	"futex_time64",
	"getrandom",
	/* memory; see below for what may be executed */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	/* files; see below for how they are opened */
	"close",
	"read",
	"readv",
	"pread64",
	"lseek",
	"_llseek",
	"fstat",
	"fstat64",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"fstatfs",
	"fstatfs64",
	"readlink",
	"readlinkat",
	"getdents64",
	"write",
	"writev",
	/* connections */
	"accept4",
	"recv",
	"recvfrom",
	"recvmsg",
	"send",
	"sendto",
	"sendmsg",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"shutdown",
	/* about ourselves */
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getuid32",
	"geteuid32",
	"getrusage",
	"getrlimit",
	"ugetrlimit",
	"sysinfo",
	"uname",
	"tgkill",
	"exit",
	"exit_group",
};

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static const struct confine_rule rules[] = {
	{ "open", 1, WRITES, O_RDONLY },       { "openat", 2, WRITES, O_RDONLY },
	{ "mmap", 2, PROT_EXEC, 0 },           { "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },       { "fcntl", 1, UINT32_MAX, F_GETFL },
	{ "fcntl", 1, UINT32_MAX, F_SETFL },   { "fcntl", 1, UINT32_MAX, F_GETFD },
	{ "fcntl", 1, UINT32_MAX, F_SETFD },   { "fcntl64", 1, UINT32_MAX, F_GETFL },
	{ "fcntl64", 1, UINT32_MAX, F_SETFL }, { "fcntl64", 1, UINT32_MAX, F_GETFD },
	{ "fcntl64", 1, UINT32_MAX, F_SETFD }, { "prlimit64", 2, UINT64_MAX, 0 },
};

static const char *const below_tree[] = { "openat2" };
static const char *const removal[] = { "unlink", "unlinkat" };

static const struct confine_calls always = {
	.any = allowed,
	.any_count = sizeof(allowed) / sizeof(allowed[0]),
	.rule = rules,
	.rule_count = sizeof(rules) / sizeof(rules[0]),
};

static const struct confine_calls for_tree = {
	.any = below_tree,
	.any_count = sizeof(below_tree) / sizeof(below_tree[0]),
};

static const struct confine_calls for_removal = {
	.any = removal,
	.any_count = sizeof(removal) / sizeof(removal[0]),
};

void sandbox_bound(void)
{
	confine_bounding_set(0);
}

int sandbox_enter(const struct sandbox_options *options, struct ct_err *err)
{
	struct confine_calls lists[3] = { always };
	size_t n = 1;
	int r = confine_capabilities(0, err);

	if (r < 0)
		return r;
	if (options->tree)
		lists[n++] = for_tree;
	if (options->remove)
		lists[n++] = for_removal;
	return confine_filter(lists, n, options->mode, err);
}
