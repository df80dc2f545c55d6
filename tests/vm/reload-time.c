/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reload-time LIMIT BUCKETS: waits until connection tracking comes (again), and from there until both values are in
 * force; says how long that took. Gives up after half a minute. A shell is too slow for this in a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NETFILTER "/proc/sys/net/netfilter/nf_conntrack_"
#define GIVE_UP_MSEC 30000.0

static long value(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

static double now_msec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char *argv[])
{
	const struct timespec pause = { .tv_nsec = 200000 };
	double began = now_msec(), came = 0, now = began;
	long limit = argc == 3 ? strtol(argv[1], NULL, 10) : 0, buckets = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	long is = -1;

	for (; now - began < GIVE_UP_MSEC; now = now_msec()) {
		is = value(NETFILTER "max");
		if (is >= 0 && came == 0)
			came = now;
		if (is == limit && value(NETFILTER "buckets") == buckets)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (now - began >= GIVE_UP_MSEC) {
		printf("not in force: limit %ld\n", is);
		return EXIT_FAILURE;
	}
	printf("%.1f\n", now_msec() - came);
	return EXIT_SUCCESS;
}
