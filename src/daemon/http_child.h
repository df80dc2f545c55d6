/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntuned-http as a child, where no service manager starts it: conntuned --http ADDRESS. */
#ifndef CONNTUNED_HTTP_CHILD_H
#define CONNTUNED_HTTP_CHILD_H

#include <systemd/sd-event.h>
#include <conntune/err.h>
#include "journal.h"
#include "options.h"

/**
 * struct http_child
 * @pid:  0: none, or it has ended
 * @life: a pipe that it reads: it ends when we do, however that happens; -1: none
 * @pidfd: tells that it has ended; -1: none
 */
struct http_child {
	pid_t pid;
	int life, pidfd;
	struct journal *journal;
};

/**
 * http_child_start - start it on the addresses of the options, if there are any
 * It gives up root by itself, once it listens. Before a system call filter that forbids to start programs.
 * Returns: 0; errors of pipe2(2), fork(2), sd_event_add_io(3). That the program isn't there is seen when it ends.
 */
int http_child_start(struct http_child *child, sd_event *event, const struct daemon_options *options,
		     struct journal *journal, struct ct_err *err);

/* It sees the end of its pipe. */
void http_child_end(struct http_child *child);

#endif
