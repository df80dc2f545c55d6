/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp-entries N [tftp]: makes N connection tracking entries, by one datagram each to another port of 127.0.0.0/8; tftp:
 * by one request each to the TFTP port of another address. Says how often the kernel refused one (a chain too long, a
 * full table, a port that NAT doesn't have, an expectation too many). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TFTP_PORT 69

static const char read_request[] = "\0\1file\0octet";

static struct sockaddr_in target(long i, bool tftp)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(tftp ? TFTP_PORT : (uint16_t)(1024 + i % 60000)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(1 + (tftp ? i : i / 60000))),
	};
}

static int send_to(int fd, const struct sockaddr_in *to, bool tftp, long *refused)
{
	ssize_t n = sendto(fd, read_request, tftp ? sizeof(read_request) : 0, 0, (const struct sockaddr *)to, sizeof(*to));

	*refused += n < 0 && errno == EPERM;
	return n < 0 ? -1 : 0;
}

int main(int argc, char *argv[])
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	bool tftp = argc > 2 && strcmp(argv[2], "tftp") == 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long refused = 0;

	for (long i = 0; i < count; i++) {
		struct sockaddr_in to = target(i, tftp);

		/* nobody listens: every second call fails with the answer to the one before, and sends nothing */
		if (send_to(fd, &to, tftp, &refused) < 0 && errno == ECONNREFUSED)
			(void)send_to(fd, &to, tftp, &refused);
	}
	if (refused)
		printf("%ld refused\n", refused);
	return count > 0 && fd >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
