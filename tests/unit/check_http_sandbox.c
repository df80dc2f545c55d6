/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox of conntuned-http: reading files and talking on sockets that are there works, all else is refused. */
#include "config.h"
#include "check.h"
#include "sandbox.h"
#include "util.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* Made before the sandbox is entered. */
static int pair[2];

static int read_file(void)
{
	char bytes[64];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, bytes, sizeof(bytes)) <= 0 || close(fd) < 0 ? -1 : 0;
}

static int talk(void)
{
	char byte;

	if (send(pair[0], "x", 1, MSG_NOSIGNAL) != 1 || recv(pair[1], &byte, 1, 0) != 1)
		return -1;
	return shutdown(pair[0], SHUT_RDWR);
}

static int more_memory(void)
{
	void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || madvise(p, 1 << 20, MADV_DONTNEED) < 0 ? -1 : munmap(p, 1 << 20);
}

static int (*const needed[])(void) = { read_file, talk, more_memory };

static int write_file(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int make_file(void)
{
	return open("/tmp/conntune-check-sandbox", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int beneath(void)
{
	return (int)syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0);
}

static int remove_file(void)
{
	return unlink("/tmp/conntune-check-sandbox");
}

static int local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int inet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int call_out(void)
{
	const struct sockaddr address = { .sa_family = AF_UNIX };

	return connect(pair[0], &address, sizeof(address));
}

static int listen_anew(void)
{
	return listen(pair[0], 1);
}

static int child_process(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static int execute(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int kill_other(void)
{
	return kill(getppid(), 0);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int set_limit(void)
{
	return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, "0123456789abcdef", NULL);
}

static int mode(void)
{
	return (int)syscall(SYS_fchmodat, AT_FDCWD, "/tmp/conntune-check-sandbox", 0600);
}

static const struct {
	const char *name;
	int (*call)(void);
} refused[] = {
	{ "open to write", write_file },
	{ "open to make", make_file },
	{ "openat2", beneath },
	{ "unlink", remove_file },
	{ "socket unix", local_socket },
	{ "socket inet", inet_socket },
	{ "connect", call_out },
	{ "listen", listen_anew },
	{ "clone", child_process },
	{ "execve", execute },
	{ "kill", kill_other },
	{ "ptrace", trace },
	{ "memory that is executed", code },
	{ "prlimit that sets", set_limit },
	{ "fchmodat", mode },
};

/* In a process of its own: 0, an errno, or 256 + the signal it ended by. */
static int in_sandbox(enum sandbox_mode how, int (*call)(void))
{
	const struct sandbox_options options = { .mode = how };
	int status;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		if (sandbox_enter(&options, NULL) < 0)
			_exit(255);
		errno = 0;
		_exit(call() >= 0 ? 0 : errno);
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

	if (syscall(SYS_capget, &header, caps) < 0 || caps[0].permitted || caps[0].inheritable || caps[1].permitted)
		return -1;
	if (geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_NET_ADMIN) != 0)
		return -1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

START_TEST(no_capability_is_left)
{
	ck_assert_int_eq(in_sandbox(SANDBOX_OFF, remaining), 0);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("http_sandbox");
	TCase *tc = tcase_create("http_sandbox");

	tcase_add_loop_test(tc, what_is_needed_works, 0, ct_array_size(needed));
	tcase_add_loop_test(tc, what_is_not_is_refused, 0, ct_array_size(refused));
	tcase_add_test(tc, no_capability_is_left);
	suite_add_tcase(s, tc);
	return s;
}
