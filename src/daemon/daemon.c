/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, the cycle, the end. */
#include "config.h"
#include "boot_limit.h"
#include "daemon.h"
#include "sandbox.h"
#include "sizing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <conntune/apply.h>
#include <conntune/record.h>
#include <conntune/self.h>

/* While the files of a module that is being loaded are awaited. */
#define HURRY_USEC UINT64_C(2000)

/* The timer may be late by an eighth of what it waits, so that wake-ups of the machine fall together. */
#define ACCURACY 8

/* An apply that nobody confirmed is its guard's to undo; a dead guard's is ours so much later. */
#define GUARD_GRACE_USEC UINT64_C(10000000)

/* What policy demand looks back on, and how often. */
#define PEAK_SECONDS (7 * 86400)
#define PEAK_USEC UINT64_C(60000000)

uint64_t daemon_now(const struct daemon *d)
{
	uint64_t now = 0;

	(void)sd_event_now(d->event, CLOCK_BOOTTIME, &now);
	return now;
}

static int64_t unix_usec(const struct daemon *d)
{
	uint64_t now = 0;

	(void)sd_event_now(d->event, CLOCK_REALTIME, &now);
	return (int64_t)now;
}

static int fail(struct ct_err *err, int code, const char *what)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(-code));
	return code;
}

static void on_bad_setting(const char *path, unsigned line, const char *message, void *userdata)
{
	struct daemon *d = userdata;

	if (line)
		journal_say(&d->journal, LOG_WARNING, "%s:%u: %s", path, line, message);
	else
		journal_say(&d->journal, LOG_WARNING, "%s: %s", path, message);
}

/* What waits for a `conntune confirm` that can't come any more. */
static void put_back_unconfirmed(struct daemon *d)
{
	struct decide_verdict v;
	struct decide_outcome outcome;

	if (d->act.dry || !decide_put_back(&d->decide, &v))
		return;
	act(&d->act, &d->collect.facts, &v, &outcome);
	collect_acted(&d->collect, &outcome);
	decide_done(&d->decide, &v, &outcome);
	publish_action(&d->publish, &v, &outcome, d->act.dry);
}

int daemon_load_settings(struct daemon *d, struct ct_err *err)
{
	int r = ct_settings_load(d->fs, &d->settings, on_bad_setting, d, err);

	if (r < 0)
		return r;
	if (d->opt.dry_run)
		d->settings.mode = CT_MODE_ADVISE;
	if (d->settings.mode != CT_MODE_TUNE)
		put_back_unconfirmed(d);
	act_set_dry(&d->act, d->settings.mode != CT_MODE_TUNE);
	d->configured = false;
	return 0;
}

/* Each minute: what couldn't be read may be there now. Once said is enough. */
static void read_unread(struct daemon *d)
{
	struct ct_settings now;
	struct ct_err err = { 0 };

	if (!d->settings.unread || ct_settings_load(d->fs, &now, NULL, NULL, NULL) < 0 || now.unread)
		return;
	if (daemon_load_settings(d, &err) < 0)
		daemon_fail(d, "the settings stay as they were", &err);
	else
		journal_say(&d->journal, LOG_NOTICE, "all settings can be read now: mode %s", ct_mode_name(d->settings.mode));
}

/* Facts that came anew, or settings, make sizing anew. */
static int configure(struct daemon *d, struct ct_err *err)
{
	int r;

	if (d->configured && !d->collect.fresh)
		return 0;
	r = sizing_make(&d->settings, &d->collect.facts, &d->config, err);
	d->configured = r == 0;
	return r;
}

static uint64_t peak(struct daemon *d, uint64_t now)
{
	if (d->settings.policy != CT_POLICY_DEMAND || !d->history)
		return 0;
	if (!d->peak_usec || now - d->peak_usec >= PEAK_USEC) {
		d->peak = history_peak(d->history, unix_usec(d) / 1000000, PEAK_SECONDS);
		d->peak_usec = now;
	}
	return d->peak;
}

static uint64_t held_until(const struct daemon *d)
{
	return d->hold_usec > d->pending_usec ? d->hold_usec : d->pending_usec;
}

static bool is_busy(const struct daemon *d)
{
	return d->verdict.next_usec < d->settings.interval_max_usec;
}

/*
 * Connection tracking came with the hash size of conntuned-boot. Decisions take a limit that they find for somebody's
 * choice; this one is nobody's, and far too high.
 */
static void heed_boot(struct daemon *d, struct decide_look *look)
{
	struct decide_verdict v = { .state = DECIDE_REST, .action = DECIDE_SET, .reason = DECIDE_START, .allow_shrink = true };
	struct decide_outcome outcome;

	/* one that is ours is set again anyway */
	if (!look->present || (d->look.present && !look->reloaded) || d->decide.set_limit ||
	    look->hold_until_usec > look->now_usec || !boot_limit(d->fs, &d->collect.facts, &v.limit))
		return;
	(void)snprintf(v.evidence, sizeof(v.evidence), "hashsize= made it 8 x %" PRIu64, look->buckets.v);
	act(&d->act, &d->collect.facts, &v, &outcome);
	collect_acted(&d->collect, &outcome);
	decide_done(&d->decide, &v, &outcome);
	publish_action(&d->publish, &v, &outcome, d->act.dry);
	look->limit = outcome.limit.known ? outcome.limit : look->limit;
}

static int look(struct daemon *d, uint64_t now, struct ct_err *err)
{
	struct decide_look look;
	int r;

	/* one that fails counts: whatever wakes us must not have it repeated in haste */
	d->looked_usec = now;
	r = collect_look(&d->collect, now, is_busy(d), d->verdict.want_mix, &look, err);

	if (r < 0)
		return r;
	d->reloaded |= look.reloaded;
	if (d->collect.fresh)
		read_unread(d);
	r = configure(d, err);
	if (r < 0)
		return r;
	look.reloaded = d->reloaded;
	d->reloaded = false;
	look.waits = d->pending_usec > now;
	look.peak_entries = peak(d, now);
	look.hold_until_usec = held_until(d);
	look.confirmed = d->confirmed;
	look.resumed = d->resumed;
	d->confirmed = d->resumed = false;
	if (look.reloaded)
		act_reloaded(&d->act);
	if (d->collect.fresh)
		act_recover(&d->act);
	act_found(&d->act, &d->collect.facts);
	heed_boot(d, &look);
	d->look = look;
	return 0;
}

void daemon_fail(struct daemon *d, const char *what, const struct ct_err *err)
{
	char text[sizeof(err->msg) + 32];

	(void)snprintf(text, sizeof(text), "%s: %s", what, err->msg);
	journal_fail(&d->journal, text);
}

static uint64_t or_zero(struct ct_u64 v)
{
	return v.known ? v.v : 0;
}

static void record(struct daemon *d)
{
	const struct decide_look *l = &d->look;
	const struct history_sample sample = {
		.unix_usec = unix_usec(d),
		.entries = l->entries.v,
		.limit = or_zero(l->limit),
		.drops = or_zero(l->counter[CT_COUNTER_DROP]),
		.early_drops = or_zero(l->counter[CT_COUNTER_EARLY_DROP]),
		.refused = or_zero(l->counter[CT_COUNTER_CHAIN_TOO_LONG]),
	};
	struct ct_err err = { 0 };

	if (d->history && l->entries.known && history_add(d->history, &sample, &err) < 0)
		daemon_fail(d, "history", &err);
}

/* As at SIGTERM, once there were as many as --cycles asks for. */
static void count_cycle(struct daemon *d)
{
	if (++d->cycles == d->opt.cycles)
		(void)sd_event_exit(d->event, 0);
}

static int look_and_act(struct daemon *d, struct ct_err *err)
{
	enum decide_state before = d->verdict.state;
	struct decide_outcome outcome;
	int r = look(d, daemon_now(d), err);

	if (r < 0)
		return r;
	decide(&d->decide, &d->config, &d->look, &d->verdict);
	daemon_say_state(d, before);
	if (d->verdict.action != DECIDE_NOTHING) {
		act(&d->act, &d->collect.facts, &d->verdict, &outcome);
		collect_acted(&d->collect, &outcome);
		decide_done(&d->decide, &d->verdict, &outcome);
		daemon_remember(d, &outcome);
		publish_action(&d->publish, &d->verdict, &outcome, d->act.dry);
	}
	record(d);
	daemon_say_status(d);
	return 0;
}

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int cycle(struct daemon *d, struct ct_err *err)
{
	double begin = seconds_now();
	struct ct_err trouble = { 0 };
	int r = look_and_act(d, err);

	count_cycle(d);
	if (publish_look(&d->publish, d, r, seconds_now() - begin, &trouble) < 0)
		daemon_fail(d, "metrics", &trouble);
	/* what start-up needed, or the whole picture once a minute, and nothing in between does */
	if (d->collect.fresh)
		ct_self_trim();
	return r;
}

/* How long until the next look; the timer is set even if everything else failed. */
static uint64_t time_to_next(const struct daemon *d, int result, uint64_t now)
{
	if (result == 0 && !d->look.present && now < d->hurry_usec)
		return HURRY_USEC;
	/* one that failed isn't repeated in haste */
	return result < 0 ? d->settings.interval_max_usec : d->verdict.next_usec;
}

static int arm(struct daemon *d, uint64_t usec)
{
	uint64_t now = 0, accuracy = usec / ACCURACY;
	int r;

	(void)sd_event_now(d->event, CLOCK_BOOTTIME, &now);
	r = sd_event_source_set_time_accuracy(d->timer, accuracy ? accuracy : 1);
	if (r >= 0)
		r = sd_event_source_set_time(d->timer, now + usec);
	d->next_usec = now + usec;
	return r;
}

void daemon_look_soon(struct daemon *d)
{
	uint64_t now = daemon_now(d), earliest = d->looked_usec + d->settings.interval_min_usec;

	(void)arm(d, earliest > now ? earliest - now : 0);
}

static void settle_pending(struct daemon *d, uint64_t now)
{
	if (!d->pending_usec || now < d->pending_usec || d->act.dry)
		return;
	act_settle(&d->act);
	daemon_look_at_pending(d);
	/* still there: somebody else is at it, or it went wrong; until the next try nothing is changed */
	if (d->pending_usec && d->pending_usec <= now)
		d->pending_usec = now + GUARD_GRACE_USEC;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct daemon *d = userdata;
	struct ct_err err = { 0 };
	uint64_t now = daemon_now(d);
	int r;

	(void)s, (void)usec;
	d->journal.now_usec = now;
	settle_pending(d, now);
	r = cycle(d, &err);
	if (r < 0)
		journal_fail(&d->journal, err.msg);
	return arm(d, time_to_next(d, r, now));
}

void daemon_look_at_pending(struct daemon *d)
{
	struct ct_pending pending;
	struct ct_err err = { 0 };
	int r = ct_pending_load(d->fs, &pending, &err);

	if (r == -ENOENT || (r == 0 && pending.deadline_usec == d->act.settled_usec)) {
		d->pending_usec = 0;
		return;
	}
	if (r == 0) {
		d->pending_usec = pending.deadline_usec + GUARD_GRACE_USEC;
		return;
	}
	/* one that is damaged waits until somebody has looked at it; whatever else it is may be over then */
	daemon_fail(d, "an apply that may wait", &err);
	d->pending_usec = r == -EBADMSG ? UINT64_MAX : daemon_now(d) + GUARD_GRACE_USEC;
}

static void start_history(struct daemon *d)
{
	char path[512], note[256];
	struct ct_err err = { 0 };

	if (!d->settings.history)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s/history.db", ct_fs_is_live(d->fs) ? "" : d->opt.root, d->opt.state);
	/* a dry run leaves no trace */
	if (history_open(&d->history, d->opt.dry_run ? NULL : path, d->settings.history_bytes, note, sizeof(note), &err) < 0)
		daemon_fail(d, "history", &err);
	else if (note[0])
		journal_fail(&d->journal, note);
}

/* Without the API the daemon tunes all the same. */
static void start_control(struct daemon *d)
{
	bool given = sd_listen_fds(true) == 1;
	unsigned group = geteuid() == 0 ? (unsigned)-1 : getegid();
	struct ct_err err = { 0 };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", ct_fs_is_live(d->fs) ? "" : d->opt.root, d->opt.socket);
	if (control_new(&d->control, d->event, given ? SD_LISTEN_FDS_START : -1, path, group, &daemon_ops, d, &err) < 0)
		journal_fail(&d->journal, err.msg);
}

/* Likewise. */
static void start_publishing(struct daemon *d)
{
	struct ct_err err = { 0 };

	if (publish_open(&d->publish, ct_fs_is_live(d->fs) ? "" : d->opt.root, &err) < 0)
		daemon_fail(d, "metrics", &err);
	if (http_child_start(&d->http, d->event, &d->opt, &d->journal, &err) < 0)
		daemon_fail(d, "metrics", &err);
}

static int start_loop(struct daemon *d, struct ct_err *err)
{
	int r = sd_event_new(&d->event);

	if (r >= 0)
		r = sd_event_add_time(d->event, &d->timer, CLOCK_BOOTTIME, 0, 0, on_timer, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_description(d->timer, "look");
	if (r >= 0)
		r = sd_event_set_watchdog(d->event, true);
	if (r < 0)
		return fail(err, r, "cannot make an event loop");
	d->journal.now_usec = daemon_now(d);
	return daemon_add_events(d, err);
}

/* A dry run disturbs nobody, so it may run beside another one. */
static int take_lock(struct daemon *d, struct ct_err *err)
{
	return d->opt.dry_run ? 0 : ct_lock_daemon(d->fs, &d->lock, err);
}

static int start(struct daemon *d, struct ct_err *err)
{
	int r = take_lock(d, err);

	(void)snprintf(d->timeouts_path, sizeof(d->timeouts_path), "%s/timeouts.json", d->opt.state);
	act_init(&d->act, d->fs, &d->journal, d->opt.dry_run ? NULL : d->timeouts_path);
	decide_init(&d->decide);
	d->verdict.state = DECIDE_STATE__COUNT;
	if (r == 0)
		r = collect_init(&d->collect, d->fs, err);
	if (r == 0)
		r = start_loop(d, err);
	if (r == 0)
		r = daemon_load_settings(d, err);
	if (r < 0)
		return r;
	d->started = (double)unix_usec(d) / 1e6;
	act_recover(&d->act);
	daemon_look_at_pending(d);
	/* before the first look: what is about to go back is nothing to decide on */
	settle_pending(d, d->journal.now_usec);
	start_history(d);
	if (!d->opt.dry_run) {
		start_control(d);
		start_publishing(d);
	}
	r = sandbox_enter(&d->opt.sandbox, err);
	if (r < 0)
		return r;
	/* the first cycle decides whether there is anything to do here at all */
	r = cycle(d, err);
	if (r < 0)
		return r;
	r = arm(d, time_to_next(d, 0, daemon_now(d)));
	return r < 0 ? fail(err, r, "cannot start the timer") : 0;
}

static void done(struct daemon *d)
{
	d->control = control_free(d->control);
	publish_close(&d->publish);
	http_child_end(&d->http);
	d->history = history_close(d->history);
	collect_done(&d->collect);
	d->timer = sd_event_source_unref(d->timer);
	d->event = sd_event_unref(d->event);
	if (d->uevent >= 0)
		(void)close(d->uevent);
	if (d->pending_watch >= 0)
		(void)close(d->pending_watch);
	ct_lock_drop(d->lock);
	d->fs = ct_fs_free(d->fs);
}

/* Values as they are now, whatever the last look said. */
static void stop(struct daemon *d)
{
	struct decide_look last;

	d->journal.now_usec = daemon_now(d);
	(void)sd_notify(0, "STOPPING=1");
	(void)collect_look(&d->collect, d->journal.now_usec, true, false, &last, NULL);
	put_back_unconfirmed(d);
	act_stop(&d->act, &d->collect.facts, d->opt.restore);
	journal_say(&d->journal, LOG_INFO, "stopped");
}

static int run(struct daemon *d, struct ct_err *err)
{
	int r = start(d, err);

	if (r < 0)
		return r;
	r = sd_event_loop(d->event);
	stop(d);
	return r < 0 ? fail(err, r, "the event loop failed") : 0;
}

static void print_bad_setting(const char *path, unsigned line, const char *message, void *userdata)
{
	(void)userdata;
	if (line)
		(void)fprintf(stderr, "%s:%u: %s\n", path, line, message);
	else
		(void)fprintf(stderr, "%s: %s\n", path, message);
}

static void print_settings(const struct ct_settings *settings)
{
	const struct ct_setting *row;
	const char *section = "";
	char value[CT_SETTING_PATH_MAX];

	for (size_t i = 0; (row = ct_setting_at(i)); i++) {
		if (strcmp(row->section, section) != 0)
			printf("%s[%s]\n", *section ? "\n" : "", row->section);
		section = row->section;
		if (ct_setting_text(settings, i, value, sizeof(value)) == 0)
			printf("%s=%s\n", row->key, value);
	}
}

static int check_config(struct daemon *d, struct ct_err *err)
{
	int bad = ct_settings_load(d->fs, &d->settings, print_bad_setting, NULL, err);

	if (bad < 0)
		return bad;
	if (d->opt.print_config)
		print_settings(&d->settings);
	return bad && d->opt.check_config ? DAEMON_EXIT_CHECK : DAEMON_EXIT_OK;
}

static int with_root(struct daemon *d, struct ct_err *err)
{
	int r = ct_fs_new(&d->fs, d->opt.root, err);

	if (r == -ENOENT || r == -ENOTDIR)
		return -EINVAL;
	if (r < 0)
		return r;
	journal_init(&d->journal, ct_fs_is_live(d->fs));
	if (d->opt.check_config || d->opt.print_config)
		return check_config(d, err);
	return run(d, err);
}

static int dispatch(struct daemon *d, struct ct_err *err)
{
	if (d->opt.help) {
		daemon_options_help(stdout);
		return 0;
	}
	if (d->opt.version) {
		printf("conntuned %s\n", PACKAGE_VERSION);
		return 0;
	}
	return with_root(d, err);
}

/* Programs may be started with 0, 1 or 2 closed; the next file opened would get that number and our lines. */
static int open_standard_files(struct ct_err *err)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return fail(err, -errno, "cannot open /dev/null");
	(void)close(fd);
	return 0;
}

int daemon_main(int argc, char **argv)
{
	struct daemon d = { .lock = -1, .uevent = -1, .pending_watch = -1, .http = { .life = -1, .pidfd = -1 } };
	struct ct_err err = { 0 };
	int r = open_standard_files(&err);

	/* an error of a write, and seen there */
	(void)signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = daemon_options_parse(argc, argv, &d.opt, &err);
	if (r == 0)
		r = dispatch(&d, &err);
	if (r < 0)
		(void)fprintf(stderr, "conntuned: %s\n", err.msg);
	done(&d);
	if (fflush(stdout) != 0 && r >= 0)
		r = -EIO;
	return r < 0 ? (int)daemon_exit_code(r) : r;
}
