/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clash dns|ping N: two threads on two CPUs send to the same new target at the same moment, N times, and the kernel makes
 * an entry for each of the two packets:
 *   dns   one UDP socket, to the same new port: as a resolver does that asks for A and AAAA at once
 *   ping  echo requests of one identifier to the same new address: as monitoring with several threads does
 * All targets are in 127.0.0.0/8. Says how many packets the kernel refused.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

/* From one moment to the next, and how long before it they are awake: others may have to be pushed off the CPU. */
#define PERIOD_NSEC 400000
#define EARLY_NSEC 100000

struct sender {
	int fd;
	int cpu;
	unsigned long refused;
};

static unsigned long count;
static uint64_t began;
static bool ping;

static struct sockaddr_in target(unsigned long i)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = ping ? 0 : htons((uint16_t)(1024 + i % 60000)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(ping ? i : i / 60000)),
	};
}

/* EPERM: the entry couldn't be inserted; other errors are answers to packets before. */
static void send_one(struct sender *s, unsigned long i)
{
	struct icmphdr echo = { .type = ICMP_ECHO, .checksum = (uint16_t)~htons(ICMP_ECHO << 8) };
	struct sockaddr_in to = target(i);
	ssize_t n = sendto(s->fd, &echo, ping ? sizeof(echo) : 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));

	s->refused += n < 0 && errno == EPERM;
}

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t nsec)
{
	struct timespec t = { .tv_sec = (time_t)(nsec / 1000000000), .tv_nsec = (long)(nsec % 1000000000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/*
 * They meet by the clock, not by waiting for each other: who sleeps most of the time gets a CPU at once even on a busy
 * machine, who spins until the other one comes has used up its share by then. One that is late leaves that moment out.
 */
static void *run(void *data)
{
	struct sender *s = data;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(s->cpu, &cpus);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	for (unsigned long i = 1; i <= count; i++) {
		uint64_t moment = began + i * PERIOD_NSEC;

		if (now() > moment)
			continue;
		sleep_until(moment - EARLY_NSEC);
		while (now() < moment)
			;
		send_one(s, i);
	}
	return NULL;
}

/* Raw sockets are locked while they send, so each has its own; UDP's aren't. */
static bool open_sockets(struct sender sender[2])
{
	sender[0].fd = socket(AF_INET, (ping ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, ping ? IPPROTO_ICMP : 0);
	sender[1].fd = ping ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) : sender[0].fd;
	return sender[0].fd >= 0 && sender[1].fd >= 0;
}

/* The scheduler likes to put both on one CPU, where nothing races. */
static bool choose_cpus(struct sender sender[2])
{
	cpu_set_t cpus;
	int found = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return false;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &cpus))
			sender[found++].cpu = i;
	errno = ENODEV;
	return found == 2;
}

int main(int argc, char *argv[])
{
	struct sender sender[2] = { 0 };
	pthread_t other;

	count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	began = now();
	ping = argc > 1 && strcmp(argv[1], "ping") == 0;
	if (!count || !open_sockets(sender) || !choose_cpus(sender) ||
	    pthread_create(&other, NULL, run, &sender[1]) != 0) {
		fprintf(stderr, "usage: clash dns|ping N: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	(void)run(&sender[0]);
	if (pthread_join(other, NULL) != 0)
		return EXIT_FAILURE;
	printf("%lu refused\n", sender[0].refused + sender[1].refused);
	return EXIT_SUCCESS;
}
