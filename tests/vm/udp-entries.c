/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp-entries N: makes N connection tracking entries, by one datagram each to another port of 127.0.0.0/8.
 * Says how often the kernel refused one (a chain too long, a full table). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int send_to(int fd, const struct sockaddr_in *to, long *refused)
{
	ssize_t n = sendto(fd, "", 0, 0, (const struct sockaddr *)to, sizeof(*to));

	*refused += n < 0 && errno == EPERM;
	return n < 0 ? -1 : 0;
}

int main(int argc, char *argv[])
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long refused = 0;

	for (long i = 0; i < count; i++) {
		struct sockaddr_in to = {
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)(1024 + i % 60000)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(1 + i / 60000)),
		};

		/* nobody listens: every second call fails with the answer to the one before */
		if (send_to(fd, &to, &refused) < 0)
			(void)send_to(fd, &to, &refused);
	}
	if (refused)
		printf("%ld refused\n", refused);
	return count > 0 && fd >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
