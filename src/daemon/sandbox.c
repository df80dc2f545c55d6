/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntuned still needs once everything is open: one capability, and these system calls. */
#include "config.h"
#include "sandbox.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* With any arguments. What a library version calls differs, so each job has all the calls that do it. */
static const char *const allowed[] = {
	/* the loop */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"signalfd4",
	"eventfd2",
	"poll",
	"ppoll",
	"ppoll_time64",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"getrandom",
	"restart_syscall",
	"rt_sigreturn",
	"sigreturn",
	"rt_sigprocmask",
	"rt_sigaction",
	"sigaltstack",
	"futex",
	"futex_time64",
	"sched_yield",
	"sched_getaffinity",
	"membarrier",
	"rseq",
	"set_robust_list",
	"set_tid_address",
	/* memory; see below for what may be executed */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"memfd_create",
	/* files */
	"open",
	"openat",
	"openat2",
	"close",
	"close_range",
	"read",
	"readv",
	"pread64",
	"preadv",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
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
	"statfs",
	"statfs64",
	"fstatfs",
	"fstatfs64",
	"readlink",
	"readlinkat",
	"getdents64",
	"access",
	"faccessat",
	"faccessat2",
	"fcntl",
	"fcntl64",
	"dup",
	"dup2",
	"dup3",
	"ftruncate",
	"ftruncate64",
	"fsync",
	"fdatasync",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"flock",
	"umask",
	"getcwd",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	/* sockets; see below for which */
	"bind",
	"listen",
	"accept",
	"accept4",
	"connect",
	"send",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"shutdown",
	/* processes: the history's child; see below for how it is made */
	"fork",
	"wait4",
	"waitid",
	"pidfd_open",
	"kill",
	"tgkill",
	"exit",
	"exit_group",
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getrusage",
	"prlimit64",
	"getrlimit",
	"ugetrlimit",
	"sysinfo",
	"uname",
	"prctl",
};

#define CLONE_NAMESPACES                                                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |   \
	 0x80 /* CLONE_NEWTIME */)

static const struct confine_rule rules[] = {
	{ "socket", 0, UINT64_MAX, AF_UNIX },
	{ "socket", 0, UINT64_MAX, AF_NETLINK },
	{ "socketpair", 0, UINT64_MAX, AF_UNIX },
	/* SQLite comes as a library: mapped executable, never writable as well, and nothing becomes so later */
	{ "mmap", 2, PROT_WRITE, 0 },
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_WRITE, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "clone", 0, CLONE_NAMESPACES, 0 },
	/* is it a terminal? how much is there to read? */
	{ "ioctl", 1, UINT32_MAX, TCGETS },
	{ "ioctl", 1, UINT32_MAX, TIOCGWINSZ },
	{ "ioctl", 1, UINT32_MAX, FIONREAD },
};

/* Its flags are in memory, where no filter sees them; the C library takes clone() then. */
static const char *const absent[] = { "clone3" };

static const struct confine_calls calls = {
	.any = allowed,
	.any_count = sizeof(allowed) / sizeof(allowed[0]),
	.rule = rules,
	.rule_count = sizeof(rules) / sizeof(rules[0]),
	.absent = absent,
	.absent_count = sizeof(absent) / sizeof(absent[0]),
};

int sandbox_enter(const struct sandbox_options *options, struct ct_err *err)
{
	int r = confine_capabilities(UINT64_C(1) << CAP_NET_ADMIN, err);

	return r < 0 ? r : confine_filter(&calls, 1, options->mode, err);
}
