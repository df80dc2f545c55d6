/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `conntune census` beside a loop that only receives the same dump, and beside `conntrack -L | awk`, taking turns.
 * bench_census CONNTUNE CT-MAKE [ENTRIES [ROUNDS]]: as root; ENTRIES (1000000) are made in network namespaces of their
 * own, 250000 in each, because the limit holds for each of them. All namespaces together are one measurement: dumps,
 * each of which goes through the whole table, are asked for in each; `census --in-kernel` counts all in one walk.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define NAMESPACES_MAX 64
#define ENTRIES_EACH 250000
#define ROUNDS_MAX 101
#define BUFFER 65536                    /* as lib/nl.h: the size of a read is that of a datagram */
#define GOAL_BARE 1.15
#define GOAL_PEER 3.0
#define GOAL_KERNEL 5.0
#define GOAL_KIB (8 * 1024)

extern char **environ;

struct candidate {
	const char *name;
	char *argv[6];
	bool once;                      /* sees all namespaces */
	double seconds[ROUNDS_MAX], cpu[ROUNDS_MAX];
	long kib;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_census: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The floor: ask, receive, look at nothing but the end. */
static int bare(void)
{
	static char buffer[BUFFER];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	ssize_t n;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		die("netlink");
	do {
		n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	} while (n > 0 && h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR);
	(void)mnl_socket_close(nl);
	return n > 0 && h->nlmsg_type == NLMSG_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Runs it to its end, adds the CPU time, the kernel's for it included; -1 unless that is a good end. */
static int run(char *const argv[], const posix_spawn_file_actions_t *actions, double *cpu, long *kib)
{
	struct rusage used;
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
	if (errno)
		die(argv[0]);
	if (wait4(pid, &status, 0, &used) != pid)
		die("wait");
	if (used.ru_maxrss > *kib)
		*kib = used.ru_maxrss;
	*cpu += seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) < 0)
		die("setns");
}

/* A new namespace with that many entries, of three kinds. */
static int fill(char *ct_make, unsigned entries)
{
	char web[128], half[128], dns[128];
	char *argv[] = { ct_make, web, half, dns, NULL };
	double cpu = 0;
	long kib = 0;
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	(void)snprintf(web, sizeof(web), "n=%u proto=6 src=10.0.0.0 dst=192.0.2.1 dport=443 ports=50 state=3 status=6 "
		       "timeout=400000", entries / 5 * 3);
	(void)snprintf(half, sizeof(half), "n=%u proto=6 src=11.0.0.0 dst=192.0.2.1 dport=443 ports=1 state=1 timeout=8000",
		       entries / 5);
	(void)snprintf(dns, sizeof(dns), "n=%u proto=17 src=12.0.0.0 dst=192.0.2.53 dport=53 timeout=8000",
		       entries - entries / 5 * 4);
	if (run(argv, NULL, &cpu, &kib) < 0)
		die("entries can't be made");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("/proc/self/ns/net");
	return fd;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

enum { BARE, CENSUS, PEER, ADDRESSES, IN_KERNEL, CANDIDATES };

/* At file scope, because only there such literals last. */
static struct candidate all[CANDIDATES] = {
	[BARE] = { .name = "receive only", .argv = { (char[]){ "/proc/self/exe" }, (char[]){ "--bare" } } },
	[CENSUS] = { .name = "conntune census", .argv = { NULL, (char[]){ "census" }, (char[]){ "--json" } } },
	[PEER] = { .name = "conntrack -L | awk", .argv = { (char[]){ "sh" }, (char[]){ "-c" },
		(char[]){ "conntrack -L 2>/dev/null | awk '{ n[$1 == \"tcp\" ? $1 \" \" $4 : $1]++ } "
			  "END { for (k in n) print k, n[k] }'" } } },
	[ADDRESSES] = { .name = "census by address", .argv = { NULL, (char[]){ "census" }, (char[]){ "--by" },
		(char[]){ "src,dst,dport" } } },
	[IN_KERNEL] = { .name = "census --in-kernel", .argv = { NULL, (char[]){ "census" }, (char[]){ "--in-kernel" },
		(char[]){ "--all-namespaces" }, (char[]){ "--json" } }, .once = true },
};

static void measure(const int *namespaces, unsigned count, unsigned rounds)
{
	posix_spawn_file_actions_t quiet;

	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (unsigned round = 0; round < rounds; round++)
		for (struct candidate *c = all; c < all + CANDIDATES; c++) {
			double began = now();

			for (unsigned i = 0; i < (c->once ? 1 : count); i++) {
				enter(namespaces[i]);
				if (run(c->argv, &quiet, &c->cpu[round], &c->kib) < 0)
					die(c->name);
			}
			c->seconds[round] = now() - began;
		}
	(void)posix_spawn_file_actions_destroy(&quiet);
}

static const char *verdict(bool met)
{
	return met ? "met" : "missed";
}

/* Where others use the machine, the best round tells of the programs, and so does CPU time. */
static void print_ratio(const char *what, const double *seconds, const double *best, const double *cpu, int of, int to,
			double goal)
{
	double ratio = seconds[of] / seconds[to];

	printf("%s: %.2f (best %.2f, CPU %.2f), goal %.2f: ", what, ratio, best[of] / best[to], cpu[of] / cpu[to], goal);
	printf("%s\n", verdict(of == CENSUS ? ratio <= goal : ratio >= goal));
}

static void report(unsigned rounds)
{
	double s[CANDIDATES], best[CANDIDATES], cpu[CANDIDATES];

	for (size_t i = 0; i < CANDIDATES; i++) {
		s[i] = median(all[i].seconds, rounds);
		best[i] = all[i].seconds[0];
		cpu[i] = median(all[i].cpu, rounds);
		printf("%-18s  median %8.1f ms  best %8.1f ms  CPU %8.1f ms  %6ld KiB\n", all[i].name, s[i] * 1e3,
		       best[i] * 1e3, cpu[i] * 1e3, all[i].kib);
	}
	print_ratio("census / receive only", s, best, cpu, CENSUS, BARE, GOAL_BARE);
	print_ratio("conntrack -L | awk / census", s, best, cpu, PEER, CENSUS, GOAL_PEER);
	print_ratio("receive only / census --in-kernel", s, best, cpu, BARE, IN_KERNEL, GOAL_KERNEL);
	printf("memory: goal %d KiB: %s\n", GOAL_KIB, verdict(all[CENSUS].kib <= GOAL_KIB && all[ADDRESSES].kib <= GOAL_KIB));
}

int main(int argc, char *argv[])
{
	unsigned entries = argc > 3 ? (unsigned)atoi(argv[3]) : 1000000, rounds = argc > 4 ? (unsigned)atoi(argv[4]) : 7;
	unsigned count = (entries + ENTRIES_EACH - 1) / ENTRIES_EACH;
	int namespaces[NAMESPACES_MAX];

	if (argc == 2 && strcmp(argv[1], "--bare") == 0)
		return bare();
	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX || count < 1 || count > NAMESPACES_MAX) {
		fprintf(stderr, "usage: bench_census CONNTUNE CT-MAKE [ENTRIES [ROUNDS]]\n");
		return 2;
	}
	all[CENSUS].argv[0] = all[ADDRESSES].argv[0] = all[IN_KERNEL].argv[0] = argv[1];
	for (unsigned i = 0; i < count; i++)
		namespaces[i] = fill(argv[2], entries / count);
	measure(namespaces, count, rounds);
	printf("%u entries in %u network namespaces, %u rounds\n", entries / count * count, count, rounds);
	report(rounds);
	return EXIT_SUCCESS;
}
