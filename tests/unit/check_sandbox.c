/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox: what must still work in it does, everything else is refused or ends the process. */
#include "config.h"
#include "check.h"
#include "history.h"
#include "sandbox.h"
#include "util.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FILTER false
#elif defined(HAVE_SECCOMP)
#define FILTER true
#else
#define FILTER false
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef FILTER
#define FILTER false
#endif
#endif

static int opened(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? -1 : 0;
}

static int timer(void)
{
	return opened(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC));
}

static int watch(void)
{
	int fd = inotify_init1(IN_CLOEXEC);

	return inotify_add_watch(fd, "/", IN_CREATE) < 0 ? -1 : opened(fd);
}

static int netlink(void)
{
	return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12));
}

static int unix_socket(void)
{
	return opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int file(void)
{
	return opened(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
}

static int child_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int print(void)
{
	FILE *f = fopen("/dev/null", "we");

	return !f || fprintf(f, "%d\n", isatty(fileno(f))) < 0 || fclose(f) != 0 ? -1 : 0;
}

static int library(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 4096);
}

static int (*const needed[])(void) = { timer, watch, netlink, unix_socket, file, child_process, print, library };

static int inet(void)
{
	return opened(socket(AF_INET, SOCK_STREAM, 0));
}

static int inet6(void)
{
	return opened(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int packet(void)
{
	return opened(socket(AF_PACKET, SOCK_RAW, 0));
}

static int execute(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int execute_at(void)
{
	return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int other_memory(void)
{
	return (int)syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}

static int new_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int enter_namespace(void)
{
	return setns(0, CLONE_NEWNET);
}

static int clone_namespace(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int load_module(void)
{
	return (int)syscall(SYS_finit_module, 0, "", 0);
}

static int bpf_program(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int mount_something(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int new_root(void)
{
	return chroot("/");
}

static int become(void)
{
	return (int)syscall(SYS_setuid, 1);
}

static int become_group(void)
{
	return (int)syscall(SYS_setresgid, 1, 1, 1);
}

static int take_capabilities(void)
{
	return (int)syscall(SYS_capset, NULL, NULL);
}

static int set_clock(void)
{
	return (int)syscall(SYS_clock_settime, CLOCK_REALTIME, NULL);
}

static int new_key(void)
{
	return (int)syscall(SYS_add_key, NULL, NULL, NULL, 0, 0);
}

static int write_and_execute(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static int make_executable(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int terminal(void)
{
	return (int)syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static int ring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int user_faults(void)
{
	return (int)syscall(SYS_userfaultfd, 0);
}

static int reboot_it(void)
{
	return (int)syscall(SYS_reboot, 0, 0, 0, NULL);
}

static const struct {
	const char *name;
	int (*call)(void);
} refused[] = {
	{ "inet", inet },
	{ "inet6", inet6 },
	{ "packet", packet },
	{ "execve", execute },
	{ "execveat", execute_at },
	{ "ptrace", trace },
	{ "process_vm_readv", other_memory },
	{ "unshare", new_namespace },
	{ "setns", enter_namespace },
	{ "clone with a namespace", clone_namespace },
	{ "finit_module", load_module },
	{ "bpf", bpf_program },
	{ "mount", mount_something },
	{ "chroot", new_root },
	{ "setuid", become },
	{ "setresgid", become_group },
	{ "capset", take_capabilities },
	{ "clock_settime", set_clock },
	{ "add_key", new_key },
	{ "memory written and executed", write_and_execute },
	{ "mprotect to executable", make_executable },
	{ "TIOCSTI", terminal },
	{ "io_uring_setup", ring },
	{ "userfaultfd", user_faults },
	{ "reboot", reboot_it },
};

/* In a process of its own: 0, an errno, or 256 + the signal it ended by. */
static int in_sandbox(enum sandbox_mode mode, int (*call)(void))
{
	const struct sandbox_options options = { .mode = mode };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(&options, NULL) < 0)
			_exit(255);
		errno = 0;
		_exit(call() == 0 ? 0 : errno);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

START_TEST(what_is_needed_works)
{
	ck_assert_int_eq(in_sandbox(SANDBOX_KILL, needed[_i]), 0);
	ck_assert_int_eq(in_sandbox(SANDBOX_REFUSE, needed[_i]), 0);
}
END_TEST

START_TEST(what_is_not_is_refused)
{
	int r;

	if (!FILTER)
		return;
	r = in_sandbox(SANDBOX_REFUSE, refused[_i].call);
	ck_assert_msg(r == ENOSYS, "%s: refused with %d", refused[_i].name, r);
	r = in_sandbox(SANDBOX_KILL, refused[_i].call);
	ck_assert_msg(r == 256 + SIGSYS, "%s: ended with %d", refused[_i].name, r);
}
END_TEST

static int remaining(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	const uint32_t net_admin = 1U << CAP_NET_ADMIN;

	if (syscall(SYS_capget, &header, caps) < 0)
		return -1;
	if ((caps[0].permitted & ~net_admin) || caps[0].inheritable || caps[1].permitted)
		return -1;
	if (geteuid() == 0 && (caps[0].effective != net_admin || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 0))
		return -1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

/* capget() is on nobody's list but this test's. */
START_TEST(one_capability_is_left)
{
	ck_assert_int_eq(in_sandbox(SANDBOX_OFF, remaining), 0);
}
END_TEST

#ifdef HAVE_SQLITE
static const char *history_path;

/* A child, a library, a file: all that the history does. */
static int write_history(void)
{
	struct history_sample sample = { .entries = 5 };
	struct history *h;
	char note[300];

	if (history_open(&h, history_path, 1 << 20, note, sizeof(note), NULL) < 0 || note[0])
		return -1;
	for (int64_t s = 0; s < 180; s++) {
		sample.unix_usec = s * 1000000;
		if (history_add(h, &sample, NULL) < 0)
			return -1;
	}
	(void)history_close(h);
	return 0;
}
#endif

START_TEST(history_is_written)
{
#ifdef HAVE_SQLITE
	char path[300];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/history.db", scratch_dir());
	history_path = path;
	ck_assert_int_eq(in_sandbox(SANDBOX_KILL, write_history), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_gt(st.st_size, 4096);
	history_path = NULL;
#endif
}
END_TEST

START_TEST(modes_have_names)
{
	enum sandbox_mode mode;

	for (enum sandbox_mode m = SANDBOX_REFUSE; m <= SANDBOX_OFF; m++) {
		ck_assert_int_eq(sandbox_mode_by_name(sandbox_mode_name(m), &mode), 0);
		ck_assert_int_eq(mode, m);
	}
	ck_assert_int_eq(sandbox_mode_by_name("maybe", &mode), -EINVAL);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");

	tcase_add_loop_test(tc, what_is_needed_works, 0, ct_array_size(needed));
	tcase_add_loop_test(tc, what_is_not_is_refused, 0, ct_array_size(refused));
	tcase_add_test(tc, one_capability_is_left);
	tcase_add_test(tc, history_is_written);
	tcase_add_test(tc, modes_have_names);
	suite_add_tcase(s, tc);
	return s;
}
