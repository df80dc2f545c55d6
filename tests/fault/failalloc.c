/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: allocations fail. FAIL_AT=N: the Nth; FAIL_FROM=N: all from the Nth on; FAIL_COUNT=FILE: none, but how many
 * there were. Counting starts with main(): what the loader and the constructors of libraries do is not ours to test.
 * FAIL_COUNT counts in the process that was started, not in its children.
 * FAIL_EACH=DIR: each of them in turn, alone (at) and with all after it (from), in children of this process: what takes
 * longest about a short run is the loader. Writes DIR/at.N.out, DIR/at.N.err, DIR/from.N.out, DIR/from.N.err, and
 * DIR/status, a line "at N STATUS" for each, the number of a signal and 128 for one that was killed. N = 0: without a fault.
 * HANG_UP=1: SIGHUP waits, blocked, before main() begins, so that a daemon reads its settings again at a known moment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool counting;
static unsigned long count, fail_at, fail_from;
static unsigned long *shared_count;
static pid_t counted;
static int (*program)(int argc, char **argv, char **envp);

/* libseccomp 2.5.4 makes a filter without end when an allocation of its own fails. */
static bool spares(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/libseccomp.so");
}

static bool fails(const void *caller)
{
	if (!counting)
		return false;
	count++;
	if (count != fail_at && (!fail_from || count < fail_from))
		return false;
	if (spares(caller))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

static unsigned long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

static void report(void)
{
	FILE *f;

	counting = false;
	if (getpid() != counted)
		return;
	f = fopen(getenv("FAIL_COUNT"), "w");
	if (f) {
		fprintf(f, "%lu\n", count);
		(void)fclose(f);
	}
}

static void hang_up(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)raise(SIGHUP);
}

static void share_count(void)
{
	counting = false;
	if (getpid() == counted)
		*shared_count = count;
}

static void redirect(int fd, const char *dir, const char *how, unsigned long n, const char *what)
{
	char path[4096];
	int to;

	(void)snprintf(path, sizeof(path), "%s/%s.%lu.%s", dir, how, n, what);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (to < 0 || dup2(to, fd) < 0 || close(to))
		_exit(126);
}

/* Returns in the child, which goes on to main(). */
static void fail_each(const char *dir)
{
	static const char *const how[] = { "at", "from" };
	char path[4096];
	FILE *statuses;

	shared_count = mmap(NULL, sizeof(*shared_count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)snprintf(path, sizeof(path), "%s/status", dir);
	statuses = fopen(path, "we");
	if (shared_count == MAP_FAILED || !statuses)
		_exit(126);
	for (unsigned long n = 0; n <= *shared_count; n++)
		for (int i = 0; i < 2; i++) {
			int status;
			pid_t pid;

			(void)fflush(statuses);
			pid = fork();
			if (pid < 0)
				_exit(126);
			if (!pid) {
				(void)fclose(statuses);
				(void)alarm(60);
				redirect(1, dir, how[i], n, "out");
				redirect(2, dir, how[i], n, "err");
				*(i ? &fail_from : &fail_at) = n;
				counted = getpid();
				if (!n)
					(void)atexit(share_count);
				return;
			}
			if (waitpid(pid, &status, 0) < 0)
				_exit(126);
			fprintf(statuses, "%s %lu %d\n", how[i], n,
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	_exit(fclose(statuses) ? 126 : 0);
}

static int start(int argc, char **argv, char **envp)
{
	fail_at = number("FAIL_AT");
	fail_from = number("FAIL_FROM");
	counted = getpid();
	if (getenv("FAIL_COUNT"))
		(void)atexit(report);
	if (getenv("FAIL_EACH"))
		fail_each(getenv("FAIL_EACH"));
	if (number("HANG_UP"))
		hang_up();
	counting = true;
	return program(argc, argv, envp);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*loader_fini)(void), void *stack);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*loader_fini)(void), void *stack)
{
	__typeof__(&__libc_start_main) real = (__typeof__(real))dlsym(RTLD_NEXT, "__libc_start_main");

	program = main;
	return real(start, argc, argv, init, fini, loader_fini, stack);
}
