/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New connections through a firewall, as fast as they go, made of frames: no sockets, no TCP of the machine's own.
 * surge tcp|udp LEFT RIGHT PER-SECOND SECONDS [OLD [LEAD]]: LEFT and RIGHT are NETNS:INTERFACE:MAC, where frames go in on both
 * sides of the firewall, and the address of its interface there. tcp: each connection is SYN, SYN-ACK and ACK, so that it
 * is answered and assured; udp: one packet that nobody answers. PER-SECOND 0: no limit. OLD: so many connections are there
 * before it begins, and each of them sends a packet of one byte (PSH) every four seconds while it lasts. LEAD: so many
 * seconds without load before it, in which packets are timed as well. Clients are
 * 10.1.0.0/16 on the left, the server is 10.2.0.1 on the right.
 *
 * Beside it two connections send a packet through the firewall every PROBE_USEC, one from each of two processors, so that
 * one of them sees what the other is held up by. The longest time that a packet took is the longest stall; that its sender
 * had to wait for its processor is told apart (late). Prints one line of NAME=VALUE.
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
#include <sys/mman.h>
#include <sys/socket.h>

#define BATCH 64                        /* OLD is a multiple of twice as many */
#define PROBE_USEC 500
#define PROBES 2
#define PROBE_PORT 7
#define PROBE_CLIENT (CLIENTS + 0xff00)
#define SERVER 0x0a020001u
#define CLIENTS 0x0a010000u
#define PORTS 60000                     /* of each client */
#define OLD_FIRST (UINT64_C(0x8000) * PORTS)
#define OLD_PER_SECOND 20000            /* while they come */
#define OLD_ROUNDS 400                  /* 10 ms each: until all have sent one */
#define GENERATORS 2
#define SECONDS_MAX 60
#define RING_FRAMES 262144              /* four a millisecond for 60 s, and some more */
#define RING_FRAME 256
#define RING_BLOCK (1 << 20)

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	union {
		struct udphdr udp;
		struct {
			struct tcphdr tcp;
			uint64_t sent_nsec;     /* probe; else zeros */
		} __attribute__((packed));
	};
} __attribute__((packed));

struct side {
	int fd;
	uint8_t own[6], firewall[6];
};

/* One thread that makes connections, @first and those behind it; each batch of them is of every GENERATORS-th. */
struct generator {
	pthread_t thread;
	struct side left, right;
	bool tcp;
	uint64_t first, end_nsec, most, made;
	double rate;
};

struct batch {
	struct frame frame[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
};

struct flow {
	uint32_t client;
	uint16_t port, server_port;
};

/* One sender of them. */
struct probe {
	pthread_t thread;
	unsigned number;
	size_t sent;
	uint64_t late_nsec;
};

/* Flags of a segment, and whether it comes from the server. */
enum { SYN = 1, ACK = 2, PSH = 4, BACK = 8 };

static struct side left, right;
static atomic_bool stop;
static uint32_t latency_usec[RING_FRAMES];
static size_t latencies;
static uint64_t old, old_sent;

static void die(const char *what)
{
	fprintf(stderr, "surge: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
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

/* Only probes are of interest. */
static void filter_probes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct frame, eth.h_proto)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct frame, ip.protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct frame, tcp.dest)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		die("SO_ATTACH_FILTER");
}

/*
 * Probes are put there by the kernel, with the time at which it got them out of the firewall: nobody has to be waked for
 * that, so what they took is the kernel's time and not that of a reader who waits for a processor.
 */
static uint8_t *open_ring(int fd)
{
	const struct tpacket_req req = {
		.tp_block_size = RING_BLOCK, .tp_block_nr = RING_FRAMES / (RING_BLOCK / RING_FRAME),
		.tp_frame_size = RING_FRAME, .tp_frame_nr = RING_FRAMES,
	};
	int version = TPACKET_V2;
	uint8_t *ring;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		die("PACKET_RX_RING");
	ring = mmap(NULL, (size_t)RING_FRAMES * RING_FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		die("mmap");
	return ring;
}

static void read_ring(const uint8_t *ring)
{
	for (size_t i = 0; i < RING_FRAMES; i++) {
		const struct tpacket2_hdr *h = (const void *)(ring + i * RING_FRAME);
		struct frame f;
		uint64_t now;

		if (!(h->tp_status & TP_STATUS_USER))
			return;
		now = (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec;
		memcpy(&f, (const uint8_t *)h + h->tp_mac, sizeof(f));
		/* the first one is a handshake's */
		if (f.tcp.psh)
			latency_usec[latencies++] = now > f.sent_nsec ? (uint32_t)((now - f.sent_nsec) / 1000) : 0;
	}
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

static struct flow flow(uint64_t n)
{
	return (struct flow){
		.client = CLIENTS + (uint32_t)(n / PORTS), .port = (uint16_t)(1024 + n % PORTS), .server_port = 80,
	};
}

static void segment(struct frame *f, const struct flow *flow, unsigned flags, const void *data, size_t bytes)
{
	const struct side *side = flags & BACK ? &right : &left;
	uint32_t from = flags & BACK ? SERVER : flow->client, to = flags & BACK ? flow->client : SERVER, sum;

	head(f, side, from, to, IPPROTO_TCP, sizeof(f->tcp) + bytes);
	f->tcp = (struct tcphdr){
		.source = htons(flags & BACK ? flow->server_port : flow->port),
		.dest = htons(flags & BACK ? flow->port : flow->server_port),
		.seq = htonl((flags & BACK ? 5000 : 1000) + !(flags & SYN)),
		.ack_seq = htonl(!(flags & ACK) ? 0 : flags & BACK ? 1001 : 5001),
		.doff = 5, .syn = flags & SYN, .ack = !!(flags & ACK), .psh = !!(flags & PSH), .window = htons(65535),
	};
	f->sent_nsec = 0;
	if (bytes)
		memcpy(&f->sent_nsec, data, bytes);
	sum = sum_words(&f->ip.saddr, 8, IPPROTO_TCP + (uint32_t)(sizeof(f->tcp) + bytes));
	f->tcp.check = fold(sum_words(&f->tcp, sizeof(f->tcp) + sizeof(f->sent_nsec), sum));
}

static void datagram(struct frame *f, uint64_t n)
{
	head(f, &left, CLIENTS + (uint32_t)(n / PORTS), SERVER, IPPROTO_UDP, sizeof(f->udp));
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
static void connect_batch(struct batch *b, const struct generator *g, uint64_t n)
{
	static const unsigned steps[] = { SYN, BACK | SYN | ACK, ACK };

	if (!g->tcp) {
		for (unsigned i = 0; i < BATCH; i++)
			datagram(&b->frame[i], n + i);
		send_batch(b, &g->left, sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr));
		return;
	}
	for (unsigned step = 0; step < 3; step++) {
		for (unsigned i = 0; i < BATCH; i++) {
			struct flow f = flow(n + i);

			segment(&b->frame[i], &f, steps[step], NULL, 0);
		}
		send_batch(b, steps[step] & BACK ? &g->right : &g->left,
			   sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr));
	}
}

static void pause_until(uint64_t nsec)
{
	const struct timespec t = { .tv_sec = (time_t)(nsec / 1000000000), .tv_nsec = (long)(nsec % 1000000000) };

	(void)clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static void send_one(const struct side *side, const struct frame *f)
{
	if (send(side->fd, f, sizeof(f->eth) + ntohs(f->ip.tot_len), 0) < 0 && errno != ENOBUFS)
		die("send");
}

static struct flow probe_flow(unsigned number)
{
	return (struct flow){ .client = PROBE_CLIENT + number, .port = PROBE_PORT, .server_port = PROBE_PORT };
}

static void connect_probe(unsigned number)
{
	static const unsigned steps[] = { SYN, BACK | SYN | ACK, ACK };
	struct flow flow = probe_flow(number);
	struct frame f;

	for (unsigned i = 0; i < 3; i++) {
		segment(&f, &flow, steps[i], NULL, 0);
		send_one(steps[i] & BACK ? &right : &left, &f);
	}
}

static void *send_probes(void *at)
{
	struct probe *p = at;
	struct flow flow = probe_flow(p->number);
	uint64_t next = now_nsec(), sent;
	struct frame f;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(p->number, &cpu);
	/* with one processor both are there */
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
	while (!stop) {
		sent = now_nsec();
		if (sent > next && sent - next > p->late_nsec)
			p->late_nsec = sent - next;
		segment(&f, &flow, ACK | PSH, &sent, sizeof(sent));
		send_one(&left, &f);
		p->sent++;
		next = (next > sent ? next : sent) + PROBE_USEC * 1000;
		pause_until(next);
	}
	return NULL;
}

/* Each of them in turn, some at a time. */
static void *send_old(void *unused)
{
	static struct batch batch;
	uint64_t next = now_nsec(), n = 0;

	(void)unused;
	while (!stop) {
		for (uint64_t end = n + old / OLD_ROUNDS; n < end; n += BATCH) {
			for (unsigned i = 0; i < BATCH; i++) {
				struct flow f = flow(OLD_FIRST + (n + i) % old);

				segment(&batch.frame[i], &f, ACK | PSH, "x", 1);
			}
			send_batch(&batch, &left, sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr) + 1);
			old_sent += BATCH;
		}
		next += 10000000;
		pause_until(next);
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Packets come from outside: they wait for no process here. Probes are ahead of the load. */
static pthread_t start(void *(*run)(void *), void *at, int priority)
{
	const struct sched_param high = { .sched_priority = priority };
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, at);
	if (errno)
		die("pthread_create");
	(void)pthread_setschedparam(thread, SCHED_FIFO, &high);
	return thread;
}

/* A thread of its own for each, with sockets of its own: together they are the load. */
static void *generate(void *at)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	struct generator *g = at;
	uint64_t began = now_nsec(), now;

	if (!batch)
		die("calloc");
	while ((now = now_nsec()) < g->end_nsec && g->made < g->most) {
		uint64_t due = g->rate > 0 ? began + (uint64_t)((double)g->made / g->rate * 1e9) : now;

		if (due > now)
			pause_until(due < g->end_nsec ? due : g->end_nsec);
		connect_batch(batch, g, g->first + g->made * GENERATORS);
		g->made += BATCH;
	}
	free(batch);
	return NULL;
}

/* @rate, @most: of all together */
static uint64_t run(char **sides, bool tcp, uint64_t first, double rate, uint64_t seconds, uint64_t most, double *took)
{
	struct generator generator[GENERATORS] = { 0 };
	uint64_t began = now_nsec(), made = 0;

	for (unsigned i = 0; i < GENERATORS; i++) {
		struct generator *g = &generator[i];

		open_side(&g->left, sides[0], 0);
		open_side(&g->right, sides[1], 0);
		g->tcp = tcp;
		g->first = first + i * BATCH;
		g->end_nsec = began + seconds * 1000000000;
		g->most = most / GENERATORS;
		g->rate = rate / GENERATORS;
		g->thread = start(generate, g, 1);
	}
	for (unsigned i = 0; i < GENERATORS; i++) {
		(void)pthread_join(generator[i].thread, NULL);
		(void)close(generator[i].left.fd);
		(void)close(generator[i].right.fd);
		made += generator[i].made;
	}
	*took = (double)(now_nsec() - began) / 1e9;
	return made;
}

static void read_arguments(int argc, char **argv, uint64_t *seconds, uint64_t *lead)
{
	if (argc < 6 || argc > 8 || (strcmp(argv[1], "tcp") != 0 && strcmp(argv[1], "udp") != 0)) {
		fprintf(stderr, "usage: surge tcp|udp NETNS:INTERFACE:MAC NETNS:INTERFACE:MAC PER-SECOND SECONDS "
			"[OLD [LEAD]]\n");
		exit(2);
	}
	*seconds = strtoull(argv[5], NULL, 10);
	*lead = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
	if (*seconds < 1 || *seconds > SECONDS_MAX || *lead > SECONDS_MAX - *seconds) {
		fprintf(stderr, "surge: '%s' isn't 1 .. %d seconds\n", argv[5], SECONDS_MAX);
		exit(2);
	}
	old = argc > 6 ? strtoull(argv[6], NULL, 10) / (GENERATORS * BATCH) * (GENERATORS * BATCH) : 0;
}

static void print(uint64_t made, double took, const struct probe probe[PROBES])
{
	uint64_t late = 0;
	size_t sent = 0;

	for (unsigned i = 0; i < PROBES; i++) {
		sent += probe[i].sent;
		late = probe[i].late_nsec > late ? probe[i].late_nsec : late;
	}
	qsort(latency_usec, latencies, sizeof(latency_usec[0]), ascending);
	printf("made=%" PRIu64 " seconds=%.2f per_second=%.0f probes=%zu probes_lost=%zu stall_usec=%u p999_usec=%u "
	       "median_usec=%u late_usec=%" PRIu64 " old_sent=%" PRIu64 "\n",
	       made, took, (double)made / took, sent, sent - latencies, latencies ? latency_usec[latencies - 1] : 0,
	       latencies ? latency_usec[latencies * 999 / 1000] : 0, latencies ? latency_usec[latencies / 2] : 0, late / 1000, old_sent);
}

int main(int argc, char **argv)
{
	struct probe probe[PROBES] = { 0 };
	pthread_t talker = 0;
	struct side reader;
	uint8_t *ring;
	uint64_t made, seconds, lead;
	double took;

	read_arguments(argc, argv, &seconds, &lead);
	open_side(&left, argv[2], 0);
	open_side(&right, argv[3], 0);
	open_side(&reader, argv[3], ETH_P_IP);
	filter_probes(reader.fd);
	ring = open_ring(reader.fd);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	for (unsigned i = 0; i < PROBES; i++)
		connect_probe(i);
	if (old)
		(void)run(argv + 2, true, OLD_FIRST, OLD_PER_SECOND, SECONDS_MAX, old, &took);
	for (unsigned i = 0; i < PROBES; i++) {
		probe[i].number = i;
		probe[i].thread = start(send_probes, &probe[i], 10);
	}
	if (old)
		talker = start(send_old, NULL, 5);
	pause_until(now_nsec() + lead * 1000000000);
	made = run(argv + 2, strcmp(argv[1], "tcp") == 0, 0, strtod(argv[4], NULL), seconds, UINT64_MAX, &took);
	stop = true;
	for (unsigned i = 0; i < PROBES; i++)
		(void)pthread_join(probe[i].thread, NULL);
	if (old)
		(void)pthread_join(talker, NULL);
	/* what is under way still comes */
	(void)usleep(100000);
	read_ring(ring);
	print(made, took, probe);
	return 0;
}
