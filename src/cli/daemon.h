/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running conntuned, as the commands see it. */
#ifndef CONNTUNE_DAEMON_H
#define CONNTUNE_DAEMON_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <conntune/client.h>
#include "cli.h"
#include "out.h"

/* For commands that are about the daemon, and for those that only look whether there is one. */
#define DAEMON_TIMEOUT_USEC UINT64_C(5000000)
#define DAEMON_GLANCE_USEC UINT64_C(200000)

static inline void daemon_freep(struct ct_client **client)
{
	(void)ct_client_free(*client);
}

/* What ct_client_new() returns if none runs: nothing is wrong with that. */
static inline bool daemon_is_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* Object "daemon" and the screen's part of it; nothing if none runs. One that doesn't answer is told, not waited for. */
int daemon_show(struct out *out, struct ct_fs *fs, struct ct_err *err);

#endif
