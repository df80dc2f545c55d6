/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers of the local API that nobody wants: hostile SOCKET HOW N
 * N connections at once, each made anew when it is closed, until SIGTERM; then the number of those that were made is printed.
 * HOW is a row of the table below. Or: hostile SOCKET say TEXT: what comes back is printed, up to the first NUL.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 1000
#define MEGABYTE 1048576

static const char status[] = "{\"method\":\"org.conntune.Status\"}";
static const char half[] = "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"sec";
static const char *const wrong[] = {
	"[]", "{}", "null", "1e999999", "\"\\ud800\"", "{\"method\":1}", "{\"method\":\"\"}", "{\"method\":null}",
	"{\"method\":\"Status\"}", "{\"method\":\"org.conntune.status\"}", "{\"method\":\"org.conntune.Nothing\"}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":[]}", "{\"method\":\"org.conntune.Hold\",\"parameters\":7}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":\"1\"}}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":-1}}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":1.5}}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":99999999999999999999}}",
	"{\"method\":\"org.conntune.Hold\",\"parameters\":{\"minutes\":1}}",
	"{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"week\"}}",
	"{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\",\"since\":-1}}",
	"{\"method\":\"org.conntune.Status\",\"method\":\"org.conntune.Resume\"}",
	"{\"method\":\"org.conntune.Status\",\"more\":1}", "{\"method\":\"org.conntune.Status\",\"upgrade\":true}",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\xff\xfe", "",
};

/**
 * struct how - what a peer does
 * @text, @n: what it says, again and again; NULL: a row of wrong[], another one each time
 * @once:  only once for each connection
 * @reads: takes its answers
 * @leaves: goes as soon as it has said it
 */
static const struct how {
	const char *name, *text;
	size_t n;
	bool once, reads, leaves;
} hows[] = {
	{ .name = "silent", .text = "", .n = 0, .once = true },
	{ .name = "half", .text = half, .n = sizeof(half) - 1, .once = true },
	{ .name = "deaf", .text = status, .n = sizeof(status) },
	{ .name = "flood", .text = status, .n = sizeof(status), .reads = true },
	{ .name = "big", .n = MEGABYTE, .text = NULL },
	{ .name = "wrong", .text = NULL, .n = 0, .reads = true },
	{ .name = "leaves", .text = status, .n = sizeof(status), .once = true, .leaves = true },
};

struct peer {
	int fd;
	bool said;
	size_t sent, number;
	const char *text;
	size_t n;
};

static volatile sig_atomic_t over;
static char *megabyte;

static void on_term(int number)
{
	(void)number;
	over = 1;
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void choose(struct peer *p, const struct how *how)
{
	p->sent = 0;
	p->text = how->text;
	p->n = how->n;
	if (!p->text && p->n)
		p->text = megabyte;
	if (!p->text) {
		p->text = wrong[p->number++ % (sizeof(wrong) / sizeof(wrong[0]))];
		p->n = strlen(p->text) + 1;
	}
}

/* Returns false once the connection is over. */
static bool go_on(struct peer *p, const struct how *how)
{
	char answer[65536];
	ssize_t n;

	if (how->reads)
		while ((n = recv(p->fd, answer, sizeof(answer), 0)) != -1 || errno == EINTR)
			if (n == 0)
				return false;
	if (how->once && p->said)
		return !how->leaves && recv(p->fd, answer, 1, MSG_PEEK) != 0;
	n = p->n > p->sent ? send(p->fd, p->text + p->sent, p->n - p->sent, MSG_NOSIGNAL) : 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->sent += (size_t)n;
	if (p->sent >= p->n) {
		p->said = true;
		choose(p, how);
	}
	return true;
}

static void run(const char *path, const struct how *how, size_t count)
{
	static struct peer peers[PEERS_MAX];
	unsigned long made = 0;

	for (size_t i = 0; i < count; i++)
		peers[i] = (struct peer){ .fd = -1, .number = i };
	while (!over) {
		for (size_t i = 0; i < count && !over; i++) {
			struct peer *p = &peers[i];

			if (p->fd < 0) {
				p->fd = dial(path);
				made += p->fd >= 0;
				p->said = false;
				choose(p, how);
			}
			if (p->fd >= 0 && !go_on(p, how)) {
				(void)close(p->fd);
				p->fd = -1;
			}
		}
		/* others want to run as well */
		(void)poll(NULL, 0, 1);
	}
	printf("%s %lu\n", how->name, made);
}

static int say(const char *path, const char *text)
{
	int fd = dial(path);
	char c;

	if (fd < 0 || send(fd, text, strlen(text) + 1, MSG_NOSIGNAL) < 0)
		return EXIT_FAILURE;
	for (struct pollfd p = { .fd = fd, .events = POLLIN }; poll(&p, 1, 20000) == 1 && recv(fd, &c, 1, 0) == 1 && c;)
		(void)putchar(c);
	(void)putchar('\n');
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	size_t count;

	if (argc == 4 && strcmp(argv[2], "say") == 0)
		return say(argv[1], argv[3]);
	count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	megabyte = malloc(MEGABYTE);
	if (!megabyte || count == 0 || count > PEERS_MAX)
		return EXIT_FAILURE;
	memset(megabyte, 'x', MEGABYTE);
	megabyte[0] = '"';
	(void)signal(SIGTERM, on_term);
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (strcmp(hows[i].name, argv[2]) == 0) {
			run(argv[1], &hows[i], count);
			return EXIT_SUCCESS;
		}
	return EXIT_FAILURE;
}
