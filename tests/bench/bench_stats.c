/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one sample of all counters costs in CPU time, beside a bare netlink round trip (one request, one answer) in the
 * same run, and that it allocates nothing. The two take turns. Needs CAP_NET_ADMIN.
 * bench_stats [ROUNDS]
 */
#include "config.h"
#include "nl.h"
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <conntune/facts.h>
#include <conntune/stats.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define ROUNDS_MAX 100000
#define GOAL_SECONDS 60e-6

static unsigned long allocations;

/* glibc's own, which the three below stand in front of */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}

static double cpu_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The floor: send one request of 20 bytes, receive one answer, look at nothing. */
static int round_trip(struct ct_nl *nl)
{
	char text[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg))] __attribute__((aligned(4)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(text);

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	h->nlmsg_flags = NLM_F_REQUEST;
	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	return send(nl->fd, h, h->nlmsg_len, 0) > 0 && recv(nl->fd, nl->buf, CT_NL_BUFFER, 0) > 0 ? 0 : -1;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), ascending);
	return v[n / 2];
}

int main(int argc, char *argv[])
{
	static double bare[ROUNDS_MAX], sample[ROUNDS_MAX];
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
	struct ct_nl nl = CT_NL_CLOSED;
	struct ct_stats *stats = NULL;
	struct ct_sample last = { .cpus = 0 };
	struct ct_facts facts;
	struct ct_fs *fs = NULL;
	struct ct_err err = { 0 };
	unsigned long before;
	double b, s;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_stats [ROUNDS]\n");
		return 2;
	}
	if (ct_fs_new(&fs, "/", &err) < 0 || ct_facts_collect(fs, NULL, &facts, &err) < 0 ||
	    ct_stats_new(&stats, fs, &facts.kernel, facts.cpus, &err) < 0 || ct_stats_sample(stats, &last, &err) < 0 ||
	    ct_nl_open(&nl, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILURE;
	}
	if (last.source != CT_STATS_NETLINK) {
		printf("counters come from %s here: nothing to measure\n", ct_stats_source_name(last.source));
		return EXIT_SUCCESS;
	}
	before = allocations;
	for (size_t i = 0; i < rounds; i++) {
		double t0 = cpu_now(), t1;

		if (round_trip(&nl) < 0)
			return EXIT_FAILURE;
		t1 = cpu_now();
		if (ct_stats_sample(stats, &last, &err) < 0)
			return EXIT_FAILURE;
		sample[i] = cpu_now() - t1;
		bare[i] = t1 - t0;
	}
	before = allocations - before;
	b = median(bare, rounds);
	s = median(sample, rounds);
	printf("%zu rounds, %u CPUs          median        95 %%\n", rounds, last.cpus);
	printf("bare netlink round trip  %8.1f us %8.1f us of CPU\n", b * 1e6, bare[rounds * 95 / 100] * 1e6);
	printf("sample of all counters   %8.1f us %8.1f us of CPU, %lu allocations\n", s * 1e6,
	       sample[rounds * 95 / 100] * 1e6, before);
	printf("sample / round trip: %.2f; goal below %.0f us without allocations: %s\n", s / b, GOAL_SECONDS * 1e6,
	       s < GOAL_SECONDS && !before ? "met" : "missed");
	ct_nl_close(&nl);
	(void)ct_stats_free(stats);
	(void)ct_fs_free(fs);
	return EXIT_SUCCESS;
}
