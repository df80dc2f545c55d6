/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses to listen on, sockets that are inherited, unix sockets that somebody has left. */
#include "config.h"
#include "check.h"
#include "listen.h"
#include "util.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *address, *name;
	bool loopback;
} fine[] = {
	{ "127.0.0.1:0", "127.0.0.1:", true }, { "127.9.9.9:0", "127.9.9.9:", true }, { "0", "127.0.0.1:", true },
	{ "0.0.0.0:0", "0.0.0.0:", false },    { "[::1]:0", "[::1]:", true },         { "[::]:0", "[::]:", false },
};

START_TEST(addresses_are_listened_on)
{
	struct listen_set set = { .n = 0 };
	struct ct_err err = { .code = 0 };
	int r = listen_add(&set, fine[_i].address, &err), listens = 0;
	socklen_t n = sizeof(listens);

	/* a machine without IPv6 */
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		return;
	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_int_eq(strncmp(set.socket[0].name, fine[_i].name, strlen(fine[_i].name)), 0);
	ck_assert_int_ne(set.socket[0].name[strlen(fine[_i].name)], '0');
	ck_assert_int_eq(set.socket[0].loopback, fine[_i].loopback);
	ck_assert(!set.socket[0].local);
	ck_assert_int_eq(getsockopt(set.socket[0].fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n), 0);
	ck_assert_int_eq(listens, 1);
	ck_assert_int_ne(fcntl(set.socket[0].fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(set.socket[0].fd, F_GETFD) & FD_CLOEXEC, 0);
	listen_close(&set);
	ck_assert_uint_eq(set.n, 0);
}
END_TEST

static const char *const wrong[] = {
	"",
	":",
	":80",
	"x",
	"-1",
	"65536",
	"999999",
	"080808",
	"localhost:80",
	"1.2.3:80",
	"1.2.3.4",
	"1.2.3.4:",
	"1.2.3.4:x",
	"1.2.3.4: 80",
	"1.2.3.4:80 ",
	"[::1]",
	"[::1]:",
	"[::1:80",
	"::1:80",
	"[]:80",
	"[::1]80",
	"[::1]x:80",
	"[127.0.0.1]:80",
	"]:80",
	"[:80",
	"relative",
	"./x.sock",
	"[fe80::1%lo]:80",
	/* longer than the 107 bytes that the kernel has for the name of a unix socket */
	"/run/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123",
};

START_TEST(what_is_no_address_is_refused)
{
	struct listen_set set = { .n = 0 };
	struct ct_err err = { .code = 0 };

	ck_assert_failed(listen_add(&set, wrong[_i], &err), err, -EINVAL, "can't listen on");
	ck_assert_uint_eq(set.n, 0);
}
END_TEST

START_TEST(there_is_an_end_to_addresses)
{
	struct listen_set set = { .n = 0 };
	struct ct_err err = { .code = 0 };

	for (size_t i = 0; i < LISTEN_MAX; i++)
		ck_assert_int_eq(listen_add(&set, "127.0.0.1:0", NULL), 0);
	ck_assert_failed(listen_add(&set, "127.0.0.1:0", &err), err, -E2BIG, "too many");
	ck_assert_int_eq(listen_inherit(&set, set.socket[0].fd, 1, NULL), -E2BIG);
	listen_close(&set);
}
END_TEST

/* One that answers isn't taken away from its process; one that a killed process has left is. */
START_TEST(a_unix_socket_is_replaced_when_it_is_dead)
{
	struct listen_set first = { .n = 0 }, second = { .n = 0 };
	struct ct_err err = { .code = 0 };
	struct stat st;
	char path[108];

	(void)snprintf(path, sizeof(path), "%s/x.sock", scratch_dir());
	ck_assert_int_eq(listen_add(&first, path, NULL), 0);
	ck_assert(first.socket[0].local);
	ck_assert_str_eq(first.socket[0].name, path);
	ck_assert_failed(listen_add(&second, path, &err), err, -EADDRINUSE, path);
	(void)close(first.socket[0].fd);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(listen_add(&second, path, NULL), 0);
	listen_close(&second);
	ck_assert_int_eq(stat(path, &st), -1);
}
END_TEST

START_TEST(everybody_here_may_use_a_unix_socket)
{
	struct listen_set set = { .n = 0 };
	struct stat st;
	char path[108];
	mode_t before = umask(077);

	(void)snprintf(path, sizeof(path), "%s/x.sock", scratch_dir());
	ck_assert_int_eq(listen_add(&set, path, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0666);
	ck_assert_uint_eq(umask(before), 077);
	listen_close(&set);
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays)
{
	struct listen_set set = { .n = 0 };
	struct ct_err err = { .code = 0 };
	const char *dir = scratch_dir();
	char path[108];

	put_file(dir, "x.sock", "precious");
	(void)snprintf(path, sizeof(path), "%s/x.sock", dir);
	ck_assert_failed(listen_add(&set, path, &err), err, -EADDRINUSE, path);
	ck_assert_str_eq(get_file(dir, "x.sock"), "precious");
}
END_TEST

START_TEST(sockets_are_inherited)
{
	struct listen_set given = { .n = 0 }, set = { .n = 0 };
	struct ct_err err = { .code = 0 };
	int fd = dup(STDERR_FILENO), datagram = socket(AF_UNIX, SOCK_DGRAM, 0), deaf = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(listen_add(&given, "127.0.0.1:0", NULL), 0);
	ck_assert_int_eq(fcntl(given.socket[0].fd, F_SETFL, 0), 0);
	ck_assert_int_eq(listen_inherit(&set, given.socket[0].fd, 1, NULL), 0);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_str_eq(set.socket[0].name, given.socket[0].name);
	ck_assert(set.socket[0].loopback);
	ck_assert_str_eq(set.socket[0].path, "");
	ck_assert_int_ne(fcntl(set.socket[0].fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_failed(listen_inherit(&set, fd, 1, &err), err, -EBADF, "stream socket");
	ck_assert_failed(listen_inherit(&set, datagram, 1, &err), err, -EBADF, "stream socket");
	ck_assert_failed(listen_inherit(&set, deaf, 1, &err), err, -EBADF, "stream socket");
	ck_assert_failed(listen_inherit(&set, 987, 1, &err), err, -EBADF, "'987'");
	ck_assert_int_eq(listen_inherit(&set, 987, 0, NULL), 0);
	ck_assert_uint_eq(set.n, 1);
	listen_close(&set);
	(void)close(fd), (void)close(datagram), (void)close(deaf);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("listen");
	TCase *tc = tcase_create("listen");

	tcase_add_loop_test(tc, addresses_are_listened_on, 0, ct_array_size(fine));
	tcase_add_loop_test(tc, what_is_no_address_is_refused, 0, ct_array_size(wrong));
	tcase_add_test(tc, there_is_an_end_to_addresses);
	tcase_add_test(tc, a_unix_socket_is_replaced_when_it_is_dead);
	tcase_add_test(tc, everybody_here_may_use_a_unix_socket);
	tcase_add_test(tc, a_file_that_is_no_socket_stays);
	tcase_add_test(tc, sockets_are_inherited);
	suite_add_tcase(s, tc);
	return s;
}
