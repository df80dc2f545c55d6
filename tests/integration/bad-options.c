/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bad-options N: sends N TCP packets from 127.0.0.1:1024 to 127.0.0.2:53 whose last option is broken. Where NAT of a
 * helper adjusts the sequence numbers of that connection, the kernel drops each: it can't adjust what it can't read. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct packet {
	struct tcphdr tcp;
	uint8_t options[4];
};

int main(int argc, char *argv[])
{
	const struct packet packet = {
		.tcp = { .source = htons(1024), .dest = htons(53), .seq = htonl(1000), .ack_seq = htonl(1000), .ack = 1,
			 .doff = sizeof(packet) / 4, .window = htons(1000) },
		/* two that do nothing, then a time stamp of length 1: at least 2 are needed for kind and length alone */
		.options = { TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, 1 },
	};
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, to = from;
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0, refused = 0;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	if (count <= 0 || fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0) {
		fprintf(stderr, "bad-options '%s': %s\n", argc > 1 ? argv[1] : "", strerror(errno));
		return EXIT_FAILURE;
	}
	for (long i = 0; i < count; i++)
		refused += sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EPERM;
	printf("%ld refused\n", refused);
	return EXIT_SUCCESS;
}
