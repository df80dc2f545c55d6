/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting conntuned-http, and noticing its end: that costs metrics and nothing else. */
#include "config.h"
#include "http_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Options besides addresses, and the NULL that ends them. */
#define OTHERS 5

static int fail(struct ct_err *err, int code, const char *what)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "conntuned-http: %s: %s", what, strerror(-code));
	return code;
}

/* In the child. Only what may be called between fork() and exec(). */
static void run(int life, const struct daemon_options *o)
{
	const char *argv[2 * DAEMON_HTTP_MAX + OTHERS];
	sigset_t none;
	int n = 0;

	argv[n++] = "conntuned-http";
	argv[n++] = "--end-with-stdin";
	argv[n++] = "--root";
	argv[n++] = o->root;
	for (unsigned i = 0; i < o->http_addresses; i++) {
		argv[n++] = "--listen";
		argv[n++] = o->http_address[i];
	}
	argv[n] = NULL;
	/* ready is what conntuned is */
	(void)unsetenv("NOTIFY_SOCKET");
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(life, STDIN_FILENO) >= 0)
		(void)execv(o->http_program, (char *const *)(uintptr_t)argv);
	_exit(DAEMON_EXIT_NOT_SUPPORTED);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct http_child *child = userdata;
	int status = 0;

	(void)fd, (void)events;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return 0;
	child->pid = 0;
	if (WIFSIGNALED(status))
		journal_say(child->journal, LOG_WARNING,
			    "conntuned-http ended by signal %d: no metrics until conntuned is "
			    "started again",
			    WTERMSIG(status));
	else
		journal_say(child->journal, LOG_WARNING,
			    "conntuned-http ended with exit code %d: no metrics until conntuned is "
			    "started again",
			    WEXITSTATUS(status));
	return 0;
}

/* Before Linux 5.3 its end isn't noticed; that is all. */
static int watch(struct http_child *child, sd_event *event)
{
	sd_event_source *source = NULL;
	int r;

	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->pidfd < 0)
		return 0;
	r = sd_event_add_io(event, &source, child->pidfd, EPOLLIN, on_end, child);
	if (r >= 0)
		(void)sd_event_source_set_description(source, "conntuned-http");
	if (r >= 0)
		r = sd_event_source_set_floating(source, true);
	(void)sd_event_source_unref(source);
	return r;
}

int http_child_start(struct http_child *child, sd_event *event, const struct daemon_options *o, struct journal *journal,
		     struct ct_err *err)
{
	int ends[2], r;

	*child = (struct http_child){ .life = -1, .pidfd = -1, .journal = journal };
	if (o->http_addresses == 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(err, -errno, "no pipe can be made");
	child->life = ends[1];
	child->pid = fork();
	if (child->pid == 0)
		run(ends[0], o);
	r = child->pid < 0 ? -errno : 0;
	(void)close(ends[0]);
	if (r < 0) {
		child->pid = 0;
		return fail(err, r, "can't be started");
	}
	r = watch(child, event);
	return r < 0 ? fail(err, r, "can't be watched") : 0;
}

void http_child_end(struct http_child *child)
{
	if (child->life >= 0)
		(void)close(child->life);
	if (child->pidfd >= 0)
		(void)close(child->pidfd);
	*child = (struct http_child){ .life = -1, .pidfd = -1 };
}
