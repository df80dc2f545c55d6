/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntuned: one loop that looks, decides, acts, and says what it did. */
#ifndef CONNTUNED_DAEMON_H
#define CONNTUNED_DAEMON_H

#include <systemd/sd-event.h>
#include <conntune/fs.h>
#include <conntune/settings.h>
#include "act.h"
#include "collect.h"
#include "control.h"
#include "decide.h"
#include "history.h"
#include "http_child.h"
#include "journal.h"
#include "options.h"
#include "publish.h"
#include "status.h"

/**
 * struct daemon - everything there is
 * @lock:       one conntuned on a machine; -1 in a dry run
 * @config:     made of settings and facts, known once @configured
 * @look, @verdict: the last ones
 * @next_usec:  the timer's
 * @cycles:     so far, those that failed too
 * @hold_usec:  until then nothing is changed, because somebody said so; 0: no; UINT64_MAX: until resume
 * @pending_usec: the same, because an `apply --confirm` of the command line waits
 * @hurry_usec: until then files of a module that is being loaded are looked for every few milliseconds
 * @confirmed, @resumed: said since the last look
 * @reloaded:   a look said so that could not be used
 * @peak:       of the history, as of @peak_usec, for policy demand
 * @actions:    the last ones, a ring; @action_count of them ever
 * @publish:    for conntuned-http and whoever else reads it
 * @http:       conntuned-http where we started it
 * @said:       status line that the service manager has
 */
struct daemon {
	struct daemon_options opt;
	struct ct_fs *fs;
	int lock, uevent, pending_watch;
	sd_event *event;
	sd_event_source *timer;
	struct journal journal;
	struct ct_settings settings;
	struct decide_config config;
	bool configured, ready;
	struct collect collect;
	struct act act;
	struct decide decide;
	struct decide_look look;
	struct decide_verdict verdict;
	uint64_t next_usec, looked_usec;
	uint32_t cycles;
	uint64_t hold_usec, pending_usec, hurry_usec;
	bool confirmed, resumed, reloaded;
	struct history *history;
	uint64_t peak, peak_usec;
	struct control *control;
	struct publish publish;
	struct http_child http;
	struct status_action actions[STATUS_ACTIONS_MAX];
	size_t action_count;
	uint64_t state_usec;
	double started;
	char timeouts_path[256], said[160];
	uint64_t said_usec;
};

/* The whole program but main(). Returns its exit code. */
int daemon_main(int argc, char **argv);

/* CLOCK_BOOTTIME in microseconds, of this round of the loop. */
uint64_t daemon_now(const struct daemon *d);

/* Look as soon as may be: something happened. */
void daemon_look_soon(struct daemon *d);

/* Settings anew. Returns 0 or a negative errno: then the old ones stay. */
int daemon_load_settings(struct daemon *d, struct ct_err *err);

/* Something went wrong with @what: what is said of files names them, but that memory is short is said of everything. */
void daemon_fail(struct daemon *d, const char *what, const struct ct_err *err);

/* Does an apply of the command line wait? */
void daemon_look_at_pending(struct daemon *d);

/* daemon_events.c: everything that wakes the loop but its timer. */
int daemon_add_events(struct daemon *d, struct ct_err *err);

/* daemon_say.c: what the journal, the service manager and the local API are told. */
void daemon_say_state(struct daemon *d, enum decide_state before);
void daemon_say_status(struct daemon *d);
void daemon_remember(struct daemon *d, const struct decide_outcome *outcome);
/* All but settings and actions; @foreign has to stay as long as *@ret is looked at. */
void daemon_fill_status(const struct daemon *d, struct status *ret, struct status_foreign foreign[2]);
extern const struct control_ops daemon_ops;

#endif
