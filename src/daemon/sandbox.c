/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities by system calls of our own, the system call filter by libseccomp. */
#include "config.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#define NET_ADMIN (1U << CAP_NET_ADMIN)

/* The sanitizers trace and start threads at the end: with them there is no filter. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const char *const mode_names[] = {
	[SANDBOX_REFUSE] = "refuse",
	[SANDBOX_KILL] = "kill",
	[SANDBOX_OFF] = "off",
};

const char *sandbox_mode_name(enum sandbox_mode mode)
{
	return mode_names[mode];
}

int sandbox_mode_by_name(const char *name, enum sandbox_mode *ret)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(name, mode_names[i]) != 0)
			continue;
		*ret = (enum sandbox_mode)i;
		return 0;
	}
	return -EINVAL;
}

static int fail(struct ct_err *err, int code, const char *what)
{
	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "sandbox: %s: %s", what, strerror(-code));
	}
	return code;
}

/* Until the kernel says that there is no such capability; who may not drop them has none. */
static void drop_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != CAP_NET_ADMIN)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int drop_capabilities(struct ct_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0 } };

	drop_bounding_set();
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, caps) < 0)
		return fail(err, -errno, "can't read the capabilities");
	/* a service manager that gave us no others may have forbidden the call as well */
	if (caps[0].permitted & ~NET_ADMIN || caps[1].permitted) {
		caps[0] = (struct __user_cap_data_struct){ .effective = caps[0].permitted & NET_ADMIN,
							   .permitted = caps[0].permitted & NET_ADMIN };
		caps[1] = (struct __user_cap_data_struct){ 0 };
		if (syscall(SYS_capset, &header, caps) < 0)
			return fail(err, -errno, "can't drop capabilities");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, -errno, "can't give up new privileges");
	return 0;
}

#if defined(HAVE_SECCOMP) && !defined(SANITIZED)

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
	/* processes: the history's child */
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

/* Two words alone: what it may be. */
struct rule {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
};

#define CLONE_NAMESPACES                                                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |   \
	 0x80 /* CLONE_NEWTIME */)

/* Any row of a call allows it. */
static const struct rule rules[] = {
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
	{ "fork", 0, 0, 0 },
	/* is it a terminal? how much is there to read? */
	{ "ioctl", 1, UINT32_MAX, TCGETS },
	{ "ioctl", 1, UINT32_MAX, TIOCGWINSZ },
	{ "ioctl", 1, UINT32_MAX, FIONREAD },
};

/* Numbers from here down are of no call of this architecture. */
#define NO_SUCH_CALL (-10000)

/* A call that this architecture or library doesn't know isn't there to be allowed. */
static int allow(scmp_filter_ctx ctx, const char *name, unsigned n, const struct scmp_arg_cmp *cmp)
{
	int number = seccomp_syscall_resolve_name(name), r;

	/* from -1 to -9999 are calls that share one, socketcall(2): the library makes rules of them where that is so */
	if (number == __NR_SCMP_ERROR || number <= NO_SUCH_CALL)
		return 0;
	r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, n, cmp);
	return r == -EEXIST ? 0 : r;
}

static int add_rules(scmp_filter_ctx ctx, enum sandbox_mode mode)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		r = allow(ctx, allowed[i], 0, NULL);
	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		struct scmp_arg_cmp cmp = { rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value };

		r = allow(ctx, rule->name, rule->mask ? 1 : 0, &cmp);
	}
	/* its flags are in memory, where no filter sees them; the C library takes clone() then */
	if (r == 0 && mode == SANDBOX_KILL)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int filter(enum sandbox_mode mode, struct ct_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(mode == SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!ctx)
		return fail(err, -ENOMEM, "can't make a filter");
	/* a search tree: the loop's calls aren't to pay for the length of the list */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = add_rules(ctx, mode);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	/* a kernel without filters, or a container that has its own and keeps it */
	if (r == -EINVAL || r == -ENOSYS)
		return 0;
	return r < 0 ? fail(err, r, "can't load the filter") : 0;
}

#else

static int filter(enum sandbox_mode mode, struct ct_err *err)
{
	(void)mode, (void)err;
	return 0;
}
#endif

int sandbox_enter(const struct sandbox_options *options, struct ct_err *err)
{
	int r = drop_capabilities(err);

	if (r == 0 && options->mode != SANDBOX_OFF)
		r = filter(options->mode, err);
	return r;
}
