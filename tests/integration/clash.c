/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clash N: two threads send from one socket to the same new port of 127.0.0.0/8 at the same moment, N times, as a resolver
 * does that asks for A and AAAA at once. */
#include "config.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static atomic_ulong ready;
static unsigned long count;
static int fd;

static void send_one(unsigned long i)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(1024 + i % 60000)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(1 + i / 60000)),
	};

	(void)sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

/* Both arrive, then both go. */
static void *run(void *data)
{
	(void)data;
	for (unsigned long i = 0; i < count; i++) {
		atomic_fetch_add(&ready, 1);
		while (atomic_load(&ready) < 2 * (i + 1))
			;
		send_one(i);
	}
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_t other;

	count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!count || fd < 0 || pthread_create(&other, NULL, run, NULL) != 0) {
		fprintf(stderr, "usage: clash N\n");
		return EXIT_FAILURE;
	}
	(void)run(NULL);
	return pthread_join(other, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
