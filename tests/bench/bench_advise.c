/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one `conntune advise` costs, beside `conntrack -S` and a program that does nothing, in the same run.
 * bench_advise CONNTUNE [ROUNDS]: the three take turns, so that whatever else the machine does meets all of them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 5000
#define GOAL_SECONDS 0.010
#define GOAL_KIB (6 * 1024)

extern char **environ;

struct candidate {
	const char *name;
	char *argv[4];
	double seconds[ROUNDS_MAX];
	double kib[ROUNDS_MAX];
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns 0, or -1 if the program can't be run or fails. */
static int run(struct candidate *c, int round, const posix_spawn_file_actions_t *quiet)
{
	double began = now();
	struct rusage used;
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, c->argv[0], quiet, NULL, c->argv, environ);
	if (errno) {
		perror(c->argv[0]);
		return -1;
	}
	if (wait4(pid, &status, 0, &used) != pid)
		return -1;
	c->seconds[round] = now() - began;
	c->kib[round] = (double)used.ru_maxrss;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "%s fails here\n", c->name);
	return -1;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void report(struct candidate *c, int n, double *seconds, double *kib)
{
	*seconds = median(c->seconds, n);
	*kib = median(c->kib, n);
	printf("%-18s %8.2f ms %8.2f ms %10.0f KiB\n", c->name, *seconds * 1e3, c->seconds[n * 95 / 100] * 1e3, *kib);
}

int main(int argc, char *argv[])
{
	struct candidate nothing = { .name = "true", .argv = { (char[]){ "true" } } };
	struct candidate peer = { .name = "conntrack -S", .argv = { (char[]){ "conntrack" }, (char[]){ "-S" } } };
	struct candidate ours = { .name = "conntune advise", .argv = { NULL, (char[]){ "advise" } } };
	struct candidate *const all[] = { &nothing, &peer, &ours };
	int rounds = argc > 2 ? atoi(argv[2]) : 200;
	posix_spawn_file_actions_t quiet;
	double s[3], kib[3];

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_advise CONNTUNE [ROUNDS]\n");
		return 2;
	}
	ours.argv[0] = argv[1];
	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < 3; i++)
			if (run(all[i], round, &quiet) < 0)
				return EXIT_FAILURE;
	printf("%d rounds           median         95 %%     memory\n", rounds);
	for (size_t i = 0; i < 3; i++)
		report(all[i], rounds, &s[i], &kib[i]);
	printf("conntune advise / conntrack -S: time %.2f, memory %.2f; goal below %.0f ms and %d KiB: %s\n", s[2] / s[1],
	       kib[2] / kib[1], GOAL_SECONDS * 1e3, GOAL_KIB, s[2] < GOAL_SECONDS && kib[2] < GOAL_KIB ? "met" : "missed");
	return EXIT_SUCCESS;
}
