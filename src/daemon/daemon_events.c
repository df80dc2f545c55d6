/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals, the kernel's events, writes of others, an apply that waits: all they do is to have a look taken soon. */
#include "config.h"
#include "daemon.h"
#include "uevent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include <conntune/record.h>

/* A module that was announced has its files by then, or never (kernels before 5.11 announce it before its start). */
#define HURRY_USEC UINT64_C(100000)

static int fail(struct ct_err *err, int code, const char *what)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(-code));
	return code;
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct daemon *d = userdata;

	(void)s;
	d->journal.now_usec = daemon_now(d);
	journal_say(&d->journal, LOG_INFO, "stopping: signal %" PRIu32 " from process %" PRIu32, si->ssi_signo,
		    si->ssi_pid);
	return sd_event_exit(d->event, 0);
}

static int on_reload(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct daemon *d = userdata;
	const struct ct_settings before = d->settings;
	struct ct_err err = { 0 };
	struct timespec now;

	(void)s, (void)si;
	d->journal.now_usec = daemon_now(d);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	if (daemon_load_settings(d, &err) < 0)
		daemon_fail(d, "the settings stay as they were", &err);
	else
		journal_say(&d->journal, LOG_INFO, "settings read again");
	if (d->settings.history != before.history || d->settings.history_bytes != before.history_bytes)
		journal_say(&d->journal, LOG_NOTICE, "History= and HistorySize= change with the next start");
	collect_again(&d->collect);
	daemon_look_soon(d);
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int on_uevent(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct daemon *d = userdata;
	enum uevent event;
	bool ours = false;

	(void)s, (void)revents;
	while (uevent_read(fd, &event) > 0) {
		ours |= event != UEVENT_OTHER;
		if (event == UEVENT_ADDED || event == UEVENT_LOST)
			d->hurry_usec = daemon_now(d) + HURRY_USEC;
		if (event == UEVENT_NETLINK)
			collect_again(&d->collect);
	}
	if (ours)
		daemon_look_soon(d);
	return 0;
}

static int on_written(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct daemon *d = userdata;

	(void)s, (void)fd, (void)revents;
	if (ct_gauge_drain(d->collect.gauge))
		daemon_look_soon(d);
	return 0;
}

static int on_pending(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct daemon *d = userdata;
	char events[1024];

	(void)s, (void)revents;
	while (read(fd, events, sizeof(events)) > 0)
		;
	daemon_look_at_pending(d);
	daemon_look_soon(d);
	return 0;
}

/* sd-event wants them blocked. */
static int add_signals(struct daemon *d)
{
	static const struct {
		int number;
		sd_event_signal_handler_t handler;
		const char *name;
	} signals[] = { { SIGTERM, on_stop, "stop" }, { SIGINT, on_stop, "interrupt" }, { SIGHUP, on_reload, "reload" } };
	sigset_t set;
	int r = 0;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&set, signals[i].number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && r >= 0; i++)
		r = sd_event_add_signal(d->event, NULL, signals[i].number, signals[i].handler, d);
	return r;
}

/* One that can't be had is done without: the timer sees everything too, a second later. */
static int add_io(struct daemon *d, int fd, sd_event_io_handler_t handler, const char *name)
{
	sd_event_source *s = NULL;
	int r;

	if (fd < 0)
		return 0;
	r = sd_event_add_io(d->event, &s, fd, EPOLLIN, handler, d);
	if (r >= 0)
		(void)sd_event_source_set_description(s, name);
	if (r >= 0)
		r = sd_event_source_set_floating(s, true);
	(void)sd_event_source_unref(s);
	return r;
}

int daemon_add_events(struct daemon *d, struct ct_err *err)
{
	int r = add_signals(d);

	if (ct_fs_is_live(d->fs))
		d->uevent = uevent_open(NULL);
	/* makes the directory that it watches, and a dry run leaves no trace */
	if (d->opt.dry_run || ct_pending_watch(d->fs, &d->pending_watch, NULL) < 0)
		d->pending_watch = -1;
	if (r >= 0)
		r = add_io(d, d->uevent, on_uevent, "module");
	if (r >= 0)
		r = add_io(d, ct_gauge_fd(d->collect.gauge), on_written, "written");
	if (r >= 0)
		r = add_io(d, d->pending_watch, on_pending, "pending");
	return r < 0 ? fail(err, r, "cannot wait for events") : 0;
}
