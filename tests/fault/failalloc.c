/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: allocations fail. FAIL_AT=N: the Nth; FAIL_FROM=N: all from the Nth on; FAIL_COUNT=FILE: none, but how many
 * there were. Counting starts with main(): what the loader and the constructors of libraries do is not ours to test.
 * FAIL_COUNT counts in the process that was started, not in its children.
 * HANG_UP=1: SIGHUP waits, blocked, before main() begins, so that a daemon reads its settings again at a known moment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool counting;
static unsigned long count, fail_at, fail_from;
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

static int start(int argc, char **argv, char **envp)
{
	fail_at = number("FAIL_AT");
	fail_from = number("FAIL_FROM");
	counted = getpid();
	if (getenv("FAIL_COUNT"))
		(void)atexit(report);
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
