/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever comes back over netlink: the input is cut into datagrams, each behind two bytes with its length, which wait
 * on a socket pair before the question is asked. A sample comes out whole or not at all.
 */
#include "config.h"
#include "fuzz.h"
#include "stats_internal.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static void queue(int fd, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		if (send(fd, data, n, MSG_DONTWAIT) < 0)
			break;
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ct_kver kernel = { 6, 18, 0 };
	ct_cleanup(ct_closep) int peer = -1;
	struct ct_nl nl = CT_NL_CLOSED;
	struct ct_sample sample = { .cpus = 77 };
	struct ct_stats *stats = NULL;
	struct ct_err err = { 0 };
	struct ct_fs *fs = NULL;
	int fd[2], r;

	fuzz_require(ct_fs_new(&fs, CORPUS "/root", NULL) == 0);
	fuzz_require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
	peer = fd[1];
	fuzz_require(ct_nl_attach(&nl, fd[0], 0, NULL) == 0);
	/* silence is an answer at once: the fuzzer has no time to wait */
	fuzz_require(fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0);
	fuzz_require(ct_stats_new_with(&stats, fs, &kernel, &nl, 2, NULL) == 0);
	queue(peer, data, size);
	r = ct_stats_sample(stats, &sample, &err);
	fuzz_require(r < 0 ? err.msg[0] && sample.cpus == 77 : sample.cpus <= 2);
	(void)ct_stats_free(stats);
	(void)ct_fs_free(fs);
	return 0;
}
