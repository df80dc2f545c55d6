/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot that others read, conntuned-http among them: written into a file of /run, whoever reads it or not. */
#ifndef CONNTUNED_PUBLISH_H
#define CONNTUNED_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/snapshot.h>
#include "decide.h"

struct daemon;

/* Not more often than this, however fast looks come; each second has its peak all the same. */
#define PUBLISH_USEC UINT64_C(250000)

/* What changes slowly and costs a few files to read: memory and descriptors of the daemon, rows of the history. */
#define PUBLISH_SLOW_USEC UINT64_C(60000000)

/**
 * struct publish
 * @snapshot: NULL: nothing is published
 * @path, @recent_path: of the two files
 * @written_usec, @slow_usec: when they were written last, CLOCK_BOOTTIME; 0: never
 * @actions:  of daemon.action_count, those that are in the snapshot
 */
struct publish {
	struct ct_snapshot *snapshot;
	int fd, recent_fd;
	char path[512], recent_path[512];
	uint64_t written_usec, slow_usec, actions;
};

/**
 * publish_open - make the files below @root; its run/conntuned has to be there
 * Whatever has these names is replaced. Returns: 0; -ENOMEM; errors of unlink(2) and open(2).
 */
int publish_open(struct publish *publish, const char *root, struct ct_err *err);

/* The files go: who reads them knows that there is no conntuned. Nothing if nothing is published. */
void publish_close(struct publish *publish);

/* Count an action and what came of it; @dry: it was only said. */
void publish_action(struct publish *publish, const struct decide_verdict *verdict, const struct decide_outcome *outcome,
		    bool dry);

/**
 * publish_look - after each look
 * @result:  0, or why it failed
 * @seconds: it took, acting included
 * Returns: 0, also where nothing is published; errors of write(2).
 */
int publish_look(struct publish *publish, const struct daemon *d, int result, double seconds, struct ct_err *err);

/* publish_fill.c: from what the daemon knows to what is published. */
void publish_fill(struct ct_snapshot *snapshot, const struct daemon *d);
void publish_fill_recent(struct ct_recent *recent, const struct daemon *d);

#endif
