/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes an apply back unless it is confirmed in time: it must outlive the terminal, its parent and their signals. */
#include "config.h"
#include "cli.h"
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Somebody else's lock is waited for so long, in steps; then his time is over. */
#define LOCK_WAIT_MSEC 1000
#define LOCK_STEP_MSEC 20
/*
 * An undo that fails is tried again: the kernel may want memory that others are about to give back. A confirm that is
 * slow and holds the claim may still fail, so it is waited for: a minute.
 */
#define UNDO_TRIES 5
#define CLAIM_TRIES 300
#define UNDO_PAUSE_MSEC 200

/* Descriptors of the guard; below are standard files, above nothing. */
#define READY_FD 3
#define LIFE_FD 4

/* What the guard says when it has everything that it needs, or why it hasn't. */
struct ready {
	int code;
	pid_t pid;
	char msg[200];
};

#ifndef HAVE_CLOSEFROM
static void closefrom(int lowest)
{
	for (long fd = lowest, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
		(void)close((int)fd);
}
#endif

enum { WATCH, LIFE, TERM, TIMER, SOURCES };

/**
 * struct watchman - the guard at work
 * @parent:  the apply; @parent_gone once it has died or is through
 * @armed:   there is something to undo
 * @expired: time is up, or SIGTERM came
 */
struct watchman {
	struct ct_fs *fs;
	struct pollfd source[SOURCES];
	pid_t parent;
	bool parent_gone, armed, expired;
};

uint64_t guard_now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void sleep_msec(long msec)
{
	(void)nanosleep(&(struct timespec){ .tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000 }, NULL);
}

int guard_undo(struct ct_fs *fs, const struct ct_pending *pending, int fd, const struct ct_apply_options *options,
	       struct ct_err *err)
{
	int r = ct_apply_undo(fs, pending, options, err);

	if (r == 0 && pending->first)
		r = ct_record_forget(fs, err);
	if (r < 0) {
		ct_pending_release(fd);
		return r;
	}
	return ct_pending_done(fs, fd, err);
}

int guard_settle(struct ct_fs *fs, const struct ct_apply_options *options, bool *undone, struct ct_err *err)
{
	struct ct_pending pending;
	struct ct_err why;
	uint64_t now;
	int fd, r;

	r = ct_pending_claim(fs, &pending, &fd, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return cli_fail(err, r, "%s", why.msg);
	now = guard_now_usec();
	/* further away than any deadline can be: from before a reboot that /run has survived */
	if (pending.deadline_usec > now && pending.deadline_usec - now <= UINT64_C(1000000) * GUARD_SECONDS_MAX) {
		ct_pending_release(fd);
		return cli_fail(err, -EBUSY,
				"an apply waits for confirmation, %" PRIu64 " s are left: 'conntune confirm' keeps "
				"it, 'conntune revert' takes it back",
				(pending.deadline_usec - now + 999999) / 1000000);
	}
	*undone = true;
	return guard_undo(fs, &pending, fd, options, err);
}

/* Only this machine's own log: a captured tree is nobody's business. */
static void report(const struct watchman *w, int priority, const char *text)
{
	if (!ct_fs_is_live(w->fs))
		return;
	openlog("conntune", LOG_PID, LOG_DAEMON);
	syslog(priority, "%s", text);
	closelog();
}

static void on_undo(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	const struct watchman *w = userdata;
	const char *name = ct_param_get(step->param)->name;
	char text[160];

	/* killed before this step: there was nothing to undo */
	if (result == CT_STEP_DONE && got == step->value)
		return;
	if (result == CT_STEP_UNDONE)
		(void)snprintf(text, sizeof(text), "apply was not confirmed in time: %s is %" PRIu64 " again", name,
			       got);
	else if (result == CT_STEP_DONE)
		(void)snprintf(text, sizeof(text),
			       "apply was not confirmed in time: %s is %" PRIu64 " by somebody else and stays", name,
			       got);
	else
		(void)snprintf(text, sizeof(text), "apply was not confirmed in time, but %s can't be put back", name);
	report(w, result == CT_STEP_FAILED ? LOG_ERR : LOG_WARNING, text);
}

/* Does our apply still wait? A file that can't be read still does; undoing says what is wrong with it. */
static bool waits(const struct watchman *w)
{
	struct ct_pending pending;
	int r = ct_pending_load(w->fs, &pending, NULL);

	return r == 0 ? pending.guard_pid == getpid() : r != -ENOENT;
}

static int wait_for_lock(const struct watchman *w, int *lock)
{
	int r = -EBUSY;

	for (int waited = 0; r == -EBUSY && waited < LOCK_WAIT_MSEC; waited += LOCK_STEP_MSEC) {
		r = ct_lock_take(w->fs, lock, NULL);
		if (r == -EBUSY)
			sleep_msec(LOCK_STEP_MSEC);
	}
	return r;
}

/*
 * An apply that hangs (stopped, or writing to a terminal that takes nothing) must not go on after the undo. It keeps
 * its end of the pipe open, so the pid is still its own. Without the lock at last the claim has to do.
 */
static int take_lock(const struct watchman *w)
{
	int lock = -1;

	if (wait_for_lock(w, &lock) == -EBUSY && !w->parent_gone) {
		(void)kill(w->parent, SIGKILL);
		(void)wait_for_lock(w, &lock);
	}
	return lock;
}

static int undo_once(struct watchman *w, struct ct_err *err)
{
	const struct ct_apply_options options = { .on_step = on_undo, .userdata = w };
	struct ct_pending pending;
	int fd, r;

	if (!waits(w))
		return 0;
	r = ct_pending_claim(w->fs, &pending, &fd, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return guard_undo(w->fs, &pending, fd, &options, err);
}

static int undo(struct watchman *w)
{
	int lock = take_lock(w), r = -EBUSY;
	struct ct_err err = { 0 };

	for (int i = 0; r < 0 && i < (r == -EBUSY ? CLAIM_TRIES : UNDO_TRIES); i++) {
		if (i > 0)
			sleep_msec(UNDO_PAUSE_MSEC);
		r = undo_once(w, &err);
	}
	if (r < 0)
		report(w, LOG_ERR, err.msg);
	ct_lock_drop(lock);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A byte arms; the end of the pipe means that the apply is through, or dead: then the file tells what it left. */
static void hear_parent(struct watchman *w)
{
	char byte;

	if (read(w->source[LIFE].fd, &byte, 1) == 1) {
		w->armed = true;
		return;
	}
	w->source[LIFE].fd = -1;
	w->parent_gone = true;
	w->armed = w->armed || waits(w);
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

static int keep_watch(struct watchman *w)
{
	for (;;) {
		if (poll(w->source, SOURCES, -1) < 0)
			continue;
		if (w->source[WATCH].revents)
			drain(w->source[WATCH].fd);
		if (w->source[LIFE].revents)
			hear_parent(w);
		for (int i = TERM; i <= TIMER; i++) {
			if (w->source[i].revents) {
				w->expired = true;
				w->source[i].fd = -1;
			}
		}
		/* confirmed, or undone by another: nothing is left to do */
		if (w->armed ? !waits(w) : w->parent_gone)
			return EXIT_SUCCESS;
		if (w->armed && w->expired)
			return undo(w);
	}
}

static int open_term(struct ct_err *err)
{
	sigset_t term;
	int fd;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	fd = signalfd(-1, &term, SFD_CLOEXEC);
	return fd < 0 ? cli_fail(err, -errno, "cannot start the guard: signalfd: %s", strerror(errno)) : fd;
}

static int open_timer(uint64_t deadline_usec, struct ct_err *err)
{
	const struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(deadline_usec / 1000000),
			      .tv_nsec = (long)(deadline_usec % 1000000 * 1000) },
	};
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		return cli_fail(err, -errno, "cannot start the guard: timerfd: %s", strerror(errno));
	return fd;
}

static int set_up(struct watchman *w, const char *root, uint64_t deadline_usec, struct ct_err *err)
{
	int r = ct_fs_new(&w->fs, root, err);

	if (r < 0)
		return r;
	w->source[LIFE].fd = LIFE_FD;
	w->source[TERM].fd = open_term(err);
	if (w->source[TERM].fd < 0)
		return w->source[TERM].fd;
	w->source[TIMER].fd = open_timer(deadline_usec, err);
	if (w->source[TIMER].fd < 0)
		return w->source[TIMER].fd;
	r = ct_pending_watch(w->fs, &w->source[WATCH].fd, err);
	if (r < 0)
		return r;
	for (int i = 0; i < SOURCES; i++)
		w->source[i].events = POLLIN;
	return chdir("/") < 0 ? cli_fail(err, -errno, "cannot start the guard: chdir /: %s", strerror(errno)) : 0;
}

/*
 * Nothing of the parent stays: not its terminal, not its lock, not the pipes of whoever waits for its output to end.
 * The copies go above both numbers first, so that neither runs over the other.
 */
static bool keep_two(int ready, int life)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int a = fcntl(ready, F_DUPFD_CLOEXEC, LIFE_FD + 1), b = fcntl(life, F_DUPFD_CLOEXEC, LIFE_FD + 1);

	if (null < 0 || a < 0 || b < 0)
		return false;
	for (int fd = 0; fd < READY_FD; fd++)
		if (dup2(null, fd) < 0)
			return false;
	if (dup3(a, READY_FD, O_CLOEXEC) < 0 || dup3(b, LIFE_FD, O_CLOEXEC) < 0)
		return false;
	closefrom(LIFE_FD + 1);
	return true;
}

static void set_signals(void)
{
	static const int ignored[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t blocked;

	for (size_t i = 0; i < cli_array_size(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

_Noreturn static void run_guard(const char *root, uint64_t deadline_usec, pid_t parent, int ready, int life)
{
	struct watchman w = { .parent = parent };
	struct ready say = { .pid = getpid() };
	struct ct_err err = { 0 };

	if (!keep_two(ready, life))
		_exit(EXIT_FAILURE);
	set_signals();
	(void)prctl(PR_SET_NAME, "conntune-guard");
	say.code = set_up(&w, root, deadline_usec, &err);
	(void)snprintf(say.msg, sizeof(say.msg), "%.199s", err.msg);
	if (write(READY_FD, &say, sizeof(say)) != sizeof(say) || say.code < 0)
		_exit(EXIT_FAILURE);
	(void)close(READY_FD);
	_exit(keep_watch(&w));
}

/* Twice, so that the guard belongs to nobody; the session keeps the signals of the terminal away. */
static int fork_guard(const char *root, uint64_t deadline_usec, int ready, int life)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		(void)setsid();
		child = fork();
		if (child == 0)
			run_guard(root, deadline_usec, parent, ready, life);
		_exit(child < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -EAGAIN;
}

/* Signals wait until the guard is on its own: one for this process group must not hit it before. */
static int fork_quietly(const char *root, uint64_t deadline_usec, int ready, int life)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	r = fork_guard(root, deadline_usec, ready, life);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int hear_guard(int ready, pid_t *pid, struct ct_err *err)
{
	struct ready said;
	ssize_t n;

	do {
		n = read(ready, &said, sizeof(said));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(said))
		return cli_fail(err, -EIO, "the guard that would undo this died while starting");
	if (said.code < 0)
		return cli_fail(err, said.code, "%.199s", said.msg);
	*pid = said.pid;
	return 0;
}

int guard_start(const struct cli_options *opt, uint64_t deadline_usec, struct guard *ret, struct ct_err *err)
{
	int ready[2], life[2], r;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return cli_fail(err, -errno, "cannot start the guard: pipe: %s", strerror(errno));
	if (pipe2(life, O_CLOEXEC) < 0) {
		r = cli_fail(err, -errno, "cannot start the guard: pipe: %s", strerror(errno));
		(void)close(ready[0]), (void)close(ready[1]);
		return r;
	}
	r = fork_quietly(opt->root, deadline_usec, ready[1], life[0]);
	(void)close(ready[1]), (void)close(life[0]);
	if (r < 0)
		r = cli_fail(err, r, "cannot start the guard: fork: %s", strerror(-r));
	else
		r = hear_guard(ready[0], &ret->pid, err);
	(void)close(ready[0]);
	if (r < 0)
		(void)close(life[1]);
	else
		ret->life = life[1];
	return r;
}

int guard_arm(struct guard *guard, struct ct_err *err)
{
	if (write(guard->life, "", 1) == 1)
		return 0;
	return cli_fail(err, -EIO, "the guard that would undo this is gone");
}

void guard_leave(struct guard *guard)
{
	if (guard->life >= 0)
		(void)close(guard->life);
	guard->life = -1;
}
