/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New connections through a firewall, as fast as they go, made of frames: no sockets, no TCP of the machine's own.
 * surge tcp|udp LEFT RIGHT PER-SECOND SECONDS [FIRST]: LEFT and RIGHT are NETNS:INTERFACE:MAC, where frames go in on both
 * sides of the firewall, and the address of its interface there. tcp: each connection is SYN, SYN-ACK and ACK, so that it
 * is answered and assured; udp: one packet that nobody answers. PER-SECOND 0: no limit. FIRST: number of the first one, so
 * that a second run makes others. Clients are 10.1.0.0/16 on the left, the server is 10.2.0.1 on the right.
 *
 * Beside it a flow of its own crosses the firewall every PROBE_USEC; the longest time that one of its packets took is the
 * longest stall. Prints one line of NAME=VALUE.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#define BATCH 64
#define PROBE_USEC 500
#define PROBE_PORT 7
#define SERVER 0x0a020001u
#define CLIENTS 0x0a010000u
#define PORTS 60000                     /* of each client */
#define SECONDS_MAX 600
#define LATENCIES (SECONDS_MAX * (1000000 / PROBE_USEC))

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct {
			struct udphdr udp;
			uint64_t sent_nsec;     /* probe */
		} __attribute__((packed));
	};
} __attribute__((packed));

struct side {
	int fd;
	uint8_t own[6], firewall[6];
};

struct batch {
	struct frame frame[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
};

static struct side left, right;
static atomic_bool stop;
static uint32_t latency_usec[LATENCIES];
static size_t latencies, lost;

static void die(const char *what)
{
	fprintf(stderr, "surge: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A packet socket in another network namespace stays there when we go back. */
static int open_in(const char *netns, const char *interface, uint16_t protocol, uint8_t own[6])
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(netns, O_RDONLY | O_CLOEXEC), fd;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	socklen_t n = sizeof(address);
	int on = 1;

	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		die(netns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		die(interface);
	memcpy(own, address.sll_addr, 6);
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (setns(here, CLONE_NEWNET) < 0)
		die("setns");
	(void)close(here);
	(void)close(there);
	return fd;
}

/* Only probes wake the one who waits for them. */
static void filter_probes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct frame, eth.h_proto)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct frame, ip.protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct frame, udp.dest)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		die("SO_ATTACH_FILTER");
}

/* NETNS:INTERFACE:MAC; receives nothing unless @protocol isn't 0 */
static void open_side(struct side *side, const char *text, uint16_t protocol)
{
	char netns[128], interface[IF_NAMESIZE];
	uint8_t *m = side->firewall;

	if (sscanf(text, "%127[^:]:%15[^:]:%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", netns, interface, &m[0], &m[1], &m[2], &m[3],
		   &m[4], &m[5]) != 8) {
		fprintf(stderr, "surge: '%s' isn't NETNS:INTERFACE:MAC\n", text);
		exit(2);
	}
	side->fd = open_in(netns, interface, protocol, side->own);
}

static uint32_t sum_words(const void *at, size_t bytes, uint32_t sum)
{
	const uint8_t *p = at;

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* @payload: bytes behind the header of IP */
static void head(struct frame *f, const struct side *side, uint32_t from, uint32_t to, uint8_t protocol, size_t payload)
{
	memcpy(f->eth.h_dest, side->firewall, 6);
	memcpy(f->eth.h_source, side->own, 6);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol,
		.tot_len = htons((uint16_t)(sizeof(f->ip) + payload)),
		.saddr = htonl(from), .daddr = htonl(to),
	};
	f->ip.check = fold(sum_words(&f->ip, sizeof(f->ip), 0));
}

static void segment(struct frame *f, const struct side *side, uint64_t n, bool back, bool syn, bool ack)
{
	uint32_t client = CLIENTS + (uint32_t)(n / PORTS), sum;
	uint16_t port = (uint16_t)(1024 + n % PORTS);

	head(f, side, back ? SERVER : client, back ? client : SERVER, IPPROTO_TCP, sizeof(f->tcp));
	f->tcp = (struct tcphdr){
		.source = htons(back ? 80 : port), .dest = htons(back ? port : 80),
		.seq = htonl(back ? 5000 : 1000 + !syn), .ack_seq = htonl(!ack ? 0 : back ? 1001 : 5001),
		.doff = 5, .syn = syn, .ack = ack, .window = htons(65535),
	};
	sum = sum_words(&f->ip.saddr, 8, IPPROTO_TCP + sizeof(f->tcp));
	f->tcp.check = fold(sum_words(&f->tcp, sizeof(f->tcp), sum));
}

static void datagram(struct frame *f, const struct side *side, uint64_t n)
{
	head(f, side, CLIENTS + (uint32_t)(n / PORTS), SERVER, IPPROTO_UDP, sizeof(f->udp));
	f->udp = (struct udphdr){
		.source = htons((uint16_t)(1024 + n % PORTS)), .dest = htons(53), .len = htons(sizeof(f->udp)),
	};
}

static void send_batch(struct batch *b, const struct side *side, size_t bytes)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ .iov_base = &b->frame[i], .iov_len = bytes };
		b->msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &b->iov[i], .msg_iovlen = 1 } };
	}
	for (unsigned done = 0; done < BATCH;) {
		int r = sendmmsg(side->fd, b->msg + done, BATCH - done, 0);

		if (r < 0 && errno != ENOBUFS && errno != EINTR)
			die("sendmmsg");
		done += r > 0 ? (unsigned)r : 0;
	}
}

/* BATCH connections from number @n on */
static void connect_batch(struct batch *b, bool tcp, uint64_t n)
{
	const size_t tcp_bytes = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr);
	const size_t udp_bytes = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr);

	if (!tcp) {
		for (unsigned i = 0; i < BATCH; i++)
			datagram(&b->frame[i], &left, n + i);
		send_batch(b, &left, udp_bytes);
		return;
	}
	for (unsigned step = 0; step < 3; step++) {
		for (unsigned i = 0; i < BATCH; i++)
			segment(&b->frame[i], step == 1 ? &right : &left, n + i, step == 1, step < 2, step > 0);
		send_batch(b, step == 1 ? &right : &left, tcp_bytes);
	}
}

static void pause_until(uint64_t nsec)
{
	const struct timespec t = { .tv_sec = (time_t)(nsec / 1000000000), .tv_nsec = (long)(nsec % 1000000000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *send_probes(void *unused)
{
	const size_t payload = sizeof(struct udphdr) + sizeof(uint64_t);
	uint64_t next = now_nsec();
	struct frame f;

	(void)unused;
	head(&f, &left, CLIENTS + 0xff00, SERVER, IPPROTO_UDP, payload);
	f.udp = (struct udphdr){
		.source = htons(PROBE_PORT), .dest = htons(PROBE_PORT), .len = htons((uint16_t)payload),
	};
	while (!stop) {
		f.sent_nsec = now_nsec();
		if (send(left.fd, &f, sizeof(struct ethhdr) + sizeof(struct iphdr) + payload, 0) < 0)
			lost++;
		next += PROBE_USEC * 1000;
		pause_until(next);
	}
	return NULL;
}

static void *receive_probes(void *at)
{
	const int *fd = at;
	struct frame f;

	while (!stop) {
		if (recv(*fd, &f, sizeof(f), 0) <= 0 || f.udp.dest != htons(PROBE_PORT) || latencies == LATENCIES)
			continue;
		latency_usec[latencies++] = (uint32_t)((now_nsec() - f.sent_nsec) / 1000);
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Ahead of the load, so that what they see is the kernel and not a queue for the processor. */
static pthread_t start(void *(*run)(void *), void *at)
{
	const struct sched_param high = { .sched_priority = 10 };
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, at);
	if (errno)
		die("pthread_create");
	(void)pthread_setschedparam(thread, SCHED_FIFO, &high);
	return thread;
}

static uint64_t run(bool tcp, uint64_t first, double rate, uint64_t seconds, double *took)
{
	static struct batch batch;
	uint64_t began = now_nsec(), end = began + seconds * 1000000000, made = 0, now;

	while ((now = now_nsec()) < end) {
		uint64_t due = rate > 0 ? began + (uint64_t)((double)made / rate * 1e9) : now;

		if (due > now)
			pause_until(due < end ? due : end);
		connect_batch(&batch, tcp, first + made);
		made += BATCH;
	}
	*took = (double)(now_nsec() - began) / 1e9;
	return made;
}

int main(int argc, char **argv)
{
	struct timeval patience = { .tv_usec = 100000 };
	struct side reader;
	pthread_t sender, receiver;
	uint64_t made, seconds;
	double took;

	if (argc < 6 || argc > 7 || (strcmp(argv[1], "tcp") != 0 && strcmp(argv[1], "udp") != 0)) {
		fprintf(stderr, "usage: surge tcp|udp NETNS:INTERFACE:MAC NETNS:INTERFACE:MAC PER-SECOND SECONDS [FIRST]\n");
		return 2;
	}
	seconds = strtoull(argv[5], NULL, 10);
	if (seconds < 1 || seconds > SECONDS_MAX) {
		fprintf(stderr, "surge: '%s' isn't 1 .. %d seconds\n", argv[5], SECONDS_MAX);
		return 2;
	}
	open_side(&left, argv[2], 0);
	open_side(&right, argv[3], 0);
	open_side(&reader, argv[3], ETH_P_IP);
	filter_probes(reader.fd);
	(void)setsockopt(reader.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	receiver = start(receive_probes, &reader.fd);
	sender = start(send_probes, NULL);
	made = run(strcmp(argv[1], "tcp") == 0, argc > 6 ? strtoull(argv[6], NULL, 10) : 0, strtod(argv[4], NULL), seconds,
		   &took);
	stop = true;
	(void)pthread_join(sender, NULL);
	(void)pthread_join(receiver, NULL);
	qsort(latency_usec, latencies, sizeof(latency_usec[0]), ascending);
	printf("made=%" PRIu64 " seconds=%.2f per_second=%.0f probes=%zu unsent=%zu stall_usec=%u p999_usec=%u median_usec=%u\n", made,
	       took, (double)made / took, latencies, lost, latencies ? latency_usec[latencies - 1] : 0,
	       latencies ? latency_usec[latencies * 999 / 1000] : 0, latencies ? latency_usec[latencies / 2] : 0);
	return 0;
}
