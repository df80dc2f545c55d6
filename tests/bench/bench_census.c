/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `conntune census` beside a loop that only receives a dump of the same table, and beside `conntrack -L | awk`, by
 * turns. bench_census CONNTUNE CT-MAKE [ENTRIES [ROUNDS]]: as root. CONNTUNE_BENCH_HOST=1: ENTRIES (1000000) in one
 * network namespace, for which the host's limit is raised, and its buckets if chains would be long; a process that
 * outlives this one puts both back. Otherwise in as many namespaces as the limit asks for: dumps, each of which goes
 * through the whole table, are then asked for in each, and all of them together are one measurement.
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
#define SPARE 4096                      /* entries below the limit */
#define LOAD_MAX 8                      /* longer chains, and kernels before 6.3 refuse entries */
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
	bool once;                      /* sees all namespaces, so it is for more than one */
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

/* ---- what belongs to the host */

static const char *const host_files[] = { "/proc/sys/net/netfilter/nf_conntrack_max",
					  "/proc/sys/net/netfilter/nf_conntrack_buckets" };
enum { LIMIT, BUCKETS, HOST_FILES };

static unsigned long host_get(int which)
{
	char text[32] = "";
	int fd = open(host_files[which], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		die(host_files[which]);
	(void)close(fd);
	return strtoul(text, NULL, 10);
}

static void host_put(int which, unsigned long value)
{
	char text[32];
	int fd = open(host_files[which], O_WRONLY | O_CLOEXEC), n = snprintf(text, sizeof(text), "%lu", value);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		die(host_files[which]);
	(void)close(fd);
}

/* Back to @before, but not where somebody else has written since. Limit first. */
static void host_restore(const unsigned long before[HOST_FILES], const unsigned long ours[HOST_FILES])
{
	for (int i = 0; i < HOST_FILES; i++)
		if (ours[i] != before[i] && host_get(i) == ours[i])
			host_put(i, before[i]);
}

struct keeper {
	pid_t pid;
	int alive;                      /* closed by our death, whatever the reason */
};

/* Signals of the terminal aren't for it. It says nothing more, so nobody waits for it on our standard output. */
static void keep(int gone, const unsigned long before[HOST_FILES], const unsigned long ours[HOST_FILES])
{
	char c;

	(void)setsid();
	while (read(gone, &c, 1) < 0 && errno == EINTR)
		;
	host_restore(before, ours);
	_exit(EXIT_SUCCESS);
}

/* What is to be put back is known to the keeper before anything is written. */
static struct keeper host_raise(unsigned entries)
{
	unsigned long before[HOST_FILES] = { host_get(LIMIT), host_get(BUCKETS) };
	unsigned long ours[HOST_FILES] = { before[LIMIT], before[BUCKETS] };
	struct keeper k;
	int ends[2];

	if (ours[LIMIT] && ours[LIMIT] < entries + SPARE)
		ours[LIMIT] = entries + SPARE;
	while (2UL * entries > LOAD_MAX * ours[BUCKETS])
		ours[BUCKETS] *= 2;
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	k.pid = fork();
	if (k.pid < 0)
		die("fork");
	if (k.pid == 0) {
		(void)close(ends[1]);
		keep(ends[0], before, ours);
	}
	(void)close(ends[0]);
	k.alive = ends[1];
	for (int i = HOST_FILES - 1; i >= 0; i--)
		if (ours[i] != before[i])
			host_put(i, ours[i]);
	printf("limit %lu (before: %lu), buckets %lu (before: %lu); both are put back\n", host_get(LIMIT), before[LIMIT],
	       host_get(BUCKETS), before[BUCKETS]);
	return k;
}

static void host_back(struct keeper k)
{
	(void)close(k.alive);
	(void)waitpid(k.pid, NULL, 0);
	printf("limit %lu, buckets %lu\n", host_get(LIMIT), host_get(BUCKETS));
}

/* ---- what is measured */

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

enum { BARE, CENSUS, DUMP, PEER, ADDRESSES, EVERYBODY, CANDIDATES };

/* At file scope, because only there such literals last. */
static struct candidate all[CANDIDATES] = {
	[BARE] = { .name = "receive only", .argv = { (char[]){ "/proc/self/exe" }, (char[]){ "--bare" } } },
	[CENSUS] = { .name = "census", .argv = { NULL, (char[]){ "census" }, (char[]){ "--json" } } },
	[DUMP] = { .name = "census --dump", .argv = { NULL, (char[]){ "census" }, (char[]){ "--json" },
		(char[]){ "--dump" } } },
	[PEER] = { .name = "conntrack -L | awk", .argv = { (char[]){ "sh" }, (char[]){ "-c" },
		(char[]){ "conntrack -L 2>/dev/null | awk '{ n[$1 == \"tcp\" ? $1 \" \" $4 : $1]++ } "
			  "END { for (k in n) print k, n[k] }'" } } },
	[ADDRESSES] = { .name = "census --by src,...", .argv = { NULL, (char[]){ "census" }, (char[]){ "--by" },
		(char[]){ "src,dst,dport" } } },
	[EVERYBODY] = { .name = "census, all at once", .argv = { NULL, (char[]){ "census" }, (char[]){ "--all-namespaces" },
		(char[]){ "--json" } }, .once = true },
};

/* Is it measured at all? */
static bool takes_part(const struct candidate *c, unsigned namespaces)
{
	return !c->once || namespaces > 1;
}

static void measure(const int *namespaces, unsigned count, unsigned rounds)
{
	posix_spawn_file_actions_t quiet;

	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (unsigned round = 0; round < rounds; round++)
		for (struct candidate *c = all; c < all + CANDIDATES; c++) {
			double began = now();

			if (!takes_part(c, count))
				continue;
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
static void print_ratio(int of, int to, const double *seconds, const double *best, const double *cpu, bool at_most,
			double goal)
{
	double ratio = seconds[of] / seconds[to];

	printf("%-18s / %-19s %6.2f (best %.2f, CPU %.2f), goal %s %.2f: %s\n", all[of].name, all[to].name, ratio,
	       best[of] / best[to], cpu[of] / cpu[to], at_most ? "at most" : "at least", goal,
	       verdict(at_most ? ratio <= goal : ratio >= goal));
}

static void report(unsigned rounds, unsigned namespaces, bool in_kernel)
{
	double s[CANDIDATES] = { 0 }, best[CANDIDATES] = { 0 }, cpu[CANDIDATES] = { 0 };
	int kernel = namespaces > 1 ? EVERYBODY : CENSUS;

	for (int i = 0; i < CANDIDATES; i++) {
		if (!takes_part(&all[i], namespaces))
			continue;
		s[i] = median(all[i].seconds, rounds);
		best[i] = all[i].seconds[0];
		cpu[i] = median(all[i].cpu, rounds);
		printf("%-19s  median %8.1f ms  best %8.1f ms  CPU %8.1f ms  %6ld KiB%s\n", all[i].name, s[i] * 1e3,
		       best[i] * 1e3, cpu[i] * 1e3, all[i].kib, i != CENSUS || in_kernel ? "" : " (by a dump)");
	}
	print_ratio(DUMP, BARE, s, best, cpu, true, GOAL_BARE);
	print_ratio(PEER, CENSUS, s, best, cpu, false, GOAL_PEER);
	if (in_kernel)
		print_ratio(BARE, kernel, s, best, cpu, false, GOAL_KERNEL);
	for (int i = 0; i < CANDIDATES; i++)
		if (i != BARE && i != PEER && takes_part(&all[i], namespaces))
			printf("%s: %ld KiB resident, goal at most %d: %s\n", all[i].name, all[i].kib, GOAL_KIB,
			       verdict(all[i].kib <= GOAL_KIB));
}

/* Does it count inside the kernel where it may choose? */
static bool counts_in_kernel(char *conntune)
{
	char *argv[] = { conntune, (char[]){ "census" }, (char[]){ "--in-kernel" }, NULL };
	posix_spawn_file_actions_t quiet;
	double cpu = 0;
	long kib = 0;
	int r;

	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	r = run(argv, &quiet, &cpu, &kib);
	(void)posix_spawn_file_actions_destroy(&quiet);
	return r == 0;
}

/* How many namespaces the entries need, below a limit that isn't ours to change. */
static unsigned spread(unsigned entries)
{
	unsigned long limit = host_get(LIMIT), each = limit > 2 * SPARE ? limit - SPARE : limit;

	if (limit == 0 || each >= entries)
		return 1;
	printf("The limit of this machine is %lu, so the entries are spread over namespaces; CONNTUNE_BENCH_HOST=1 lets\n"
	       "limit and buckets be raised for the time of the measurement.\n", limit);
	return (unsigned)((entries + each - 1) / each);
}

static void bench(char *conntune, char *ct_make, unsigned entries, unsigned rounds, unsigned count)
{
	int namespaces[NAMESPACES_MAX];

	all[CENSUS].argv[0] = all[DUMP].argv[0] = all[ADDRESSES].argv[0] = all[EVERYBODY].argv[0] = conntune;
	for (unsigned i = 0; i < count; i++)
		namespaces[i] = fill(ct_make, entries / count);
	measure(namespaces, count, rounds);
	printf("%u entries in %u network namespace%s, %lu buckets, %u rounds\n", entries / count * count, count,
	       count == 1 ? "" : "s", host_get(BUCKETS), rounds);
	report(rounds, count, counts_in_kernel(conntune));
}

int main(int argc, char *argv[])
{
	const char *host = getenv("CONNTUNE_BENCH_HOST");
	unsigned entries = argc > 3 ? (unsigned)atoi(argv[3]) : 1000000, rounds = argc > 4 ? (unsigned)atoi(argv[4]) : 7;
	struct keeper keeper = { .alive = -1 };
	unsigned count = 1;

	if (argc == 2 && strcmp(argv[1], "--bare") == 0)
		return bare();
	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX || entries < 1) {
		fprintf(stderr, "usage: bench_census CONNTUNE CT-MAKE [ENTRIES [ROUNDS]]\n");
		return 2;
	}
	if (geteuid() != 0) {
		puts("bench_census: making entries needs root");
		return EXIT_SUCCESS;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (host && strcmp(host, "1") == 0)
		keeper = host_raise(entries);
	else
		count = spread(entries);
	if (count > NAMESPACES_MAX) {
		fprintf(stderr, "bench_census: %u entries need more than %d namespaces\n", entries, NAMESPACES_MAX);
		return EXIT_FAILURE;
	}
	bench(argv[1], argv[2], entries, rounds, count);
	if (keeper.alive >= 0)
		host_back(keeper);
	return EXIT_SUCCESS;
}
