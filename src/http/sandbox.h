/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up everything but answering: all capabilities, new privileges, every system call that isn't needed. */
#ifndef CONNTUNED_HTTP_SANDBOX_H
#define CONNTUNED_HTTP_SANDBOX_H

#include <stdbool.h>
#include <conntune/err.h>
#include "../confine/confine.h"

/**
 * struct sandbox_options
 * @tree:   files are read below a captured tree, by openat2(2), whose flags no filter sees
 * @remove: a unix socket that we made is removed in the end
 */
struct sandbox_options {
	enum sandbox_mode mode;
	bool tree, remove;
};

/**
 * sandbox_enter - no way back
 * All capabilities are dropped for good, whoever started us; then the filter. It allows what is done with connections
 * that are there, to accept more, and to read files. There are no new sockets, no program is executed, no process
 * started, no file written or made, no memory executed that wasn't before.
 * Returns: 0, also where the kernel or the build has no filter; a negative errno.
 */
int sandbox_enter(const struct sandbox_options *options, struct ct_err *err);

/* The bounding set alone, before another user is become: who may not empty it has no capability to begin with. */
void sandbox_bound(void);

#endif
