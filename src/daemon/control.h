/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local API: Varlink on a unix socket, one row per method; peer credentials decide who may change what. */
#ifndef CONNTUNED_CONTROL_H
#define CONNTUNED_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <systemd/sd-event.h>
#include <conntune/err.h>

/**
 * struct control_ops - what the daemon does when asked; control.c knows nothing else of it
 * @status:  a new object as org.conntune.varlink describes it (see status.h); NULL: out of memory
 * @hold:    change nothing for so many seconds; 0: until resume
 * @confirm: -ESTALE if nothing waits
 * @history: a new array of rows (see status.h) of a span ("minute", "hour", "day") since a time; NULL with *err set
 * @changed: something was asked for: look again now; may be NULL
 * All return 0 or a negative errno with a message where an int comes back.
 */
struct control_ops {
	json_t *(*status)(void *userdata);
	int (*hold)(void *userdata, uint64_t seconds, struct ct_err *err);
	int (*resume)(void *userdata, struct ct_err *err);
	int (*confirm)(void *userdata, struct ct_err *err);
	json_t *(*history)(void *userdata, const char *span, int64_t since, struct ct_err *err);
	void (*changed)(void *userdata);
};

struct control;

/**
 * control_new - listen
 * @fd:    a listening AF_UNIX stream socket (socket activation), or -1: @path is made, replacing a stale one. Belongs to
 *         the control once 0 is returned.
 * @path:  its directory must be there; anybody may connect (0666), credentials decide
 * @group: may change besides root and the daemon's own user; (gid_t)-1: nobody else. Everybody may ask for status.
 * @ops:   must stay
 * Bounds: 16 connections, 4 of one user; 64 KiB a message; 10 s for a message to be complete and for answers to be
 * taken, both by an absolute deadline; a minute between questions; 100 events a second and connection. While answers
 * wait to be taken no other question is read, so there are at most those of one question, and never more than 1 MiB.
 * All sources have priority CONTROL_PRIORITY: what the daemon is for comes first, whatever peers do.
 * Returns: 0; -EADDRINUSE if somebody listens there; -EEXIST if something else is there; -ENOENT, -EACCES, ...;
 * -EBADF if @fd isn't such a socket.
 */
int control_new(struct control **ret, sd_event *event, int fd, const char *path, unsigned group,
		const struct control_ops *ops, void *userdata, struct ct_err *err);
struct control *control_free(struct control *control);

#define CONTROL_PRIORITY 50

#endif
