/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local API of conntuned, with nothing behind it: fake-conntuned SOCKET [waiting|mute|garbage]
 * Says its process number once it listens. waiting: a change can be confirmed, once; mute: takes no connection;
 * garbage: answers, but not as conntuned would. Ends with SIGTERM.
 */
#include "config.h"
#include "control.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fake {
	bool held, waiting;
	double hold_seconds;
};

static json_t *on_status(void *userdata)
{
	static const struct status_foreign foreign[] = { { "nf_conntrack_buckets", 65536 } };
	static const struct status_setting settings[] = { { "Tuning", "Mode", "advise" } };
	static const struct status_action actions[] = {
		{ .unix_usec = INT64_C(1795600000123456), .action = "set", .reason = "forecast",
		  .text = "the table would be full soon", .evidence = "41200 of 65536 entries",
		  .old_limit = { true, 65536 }, .new_limit = { true, 131072 }, .old_buckets = { true, 32768 },
		  .new_buckets = { true, 65536 }, .result = STATUS_DONE, .stall_seconds = { true, 0.0125 } },
		{ .unix_usec = INT64_C(1795600060000000), .action = "set", .reason = "demand",
		  .old_limit = { true, 131072 }, .new_limit = { true, 262144 }, .result = STATUS_FAILED,
		  .error = "Read-only file system" },
	};
	static struct ct_cause cause = { .name = "flood", .text = "a flood", .evidence = "90 %", .remedy = "wait" };
	const struct fake *fake = userdata;
	const struct status s = {
		.state = fake->held ? "held" : "growth", .reason = "forecast", .reason_text = "the table would be full soon",
		.state_seconds = 12.5, .mode = "advise", .entries = { true, 41200 }, .limit = { true, 131072 },
		.buckets = { true, 65536 }, .all_entries = { true, 50000 }, .unreplied = { true, 0.25 },
		.target_limit = { true, 262144 }, .target_buckets = { true, 262144 }, .ceiling = { true, 1048576 },
		.full_in_seconds = { true, 4.75 }, .timeouts_scale = { true, 0.5 }, .hold = fake->held,
		.hold_seconds = { fake->hold_seconds > 0, fake->hold_seconds }, .confirm_seconds = { fake->waiting, 30 },
		.actions = actions, .action_count = 2, .settings = settings, .setting_count = 1, .foreign = foreign,
		.foreign_count = 1, .namespaces_known = true, .namespace_count = 2, .namespace_entries = { true, 50000 },
		.worst_known = true, .worst = { "web", { true, 4026531840 }, 8800, { true, 0.13 } },
		.mem_available_bytes = { true, 1 << 30 }, .mem_floor_bytes = { true, 1 << 26 },
		.budget_bytes = { true, 1 << 28 }, .memory_bytes = { true, 1 << 24 }, .memory_full_bytes = { true, 1 << 27 },
		.cause = &cause, .kernel = "6.12.107-test", .started = 1795500000.5,
	};

	return status_json(&s);
}

static int on_hold(void *userdata, uint64_t seconds, struct ct_err *err)
{
	struct fake *fake = userdata;

	(void)err;
	fake->held = true;
	fake->hold_seconds = (double)seconds;
	return 0;
}

static int on_resume(void *userdata, struct ct_err *err)
{
	struct fake *fake = userdata;

	(void)err;
	fake->held = false;
	return 0;
}

static int on_confirm(void *userdata, struct ct_err *err)
{
	struct fake *fake = userdata;

	if (fake->waiting) {
		fake->waiting = false;
		return 0;
	}
	*err = (struct ct_err){ .code = -ESTALE, .msg = "nothing waits to be confirmed" };
	return -ESTALE;
}

/* A saw-tooth, with a gap, of more rows than one answer has; no days at all. */
static json_t *on_history(void *userdata, const char *span, int64_t since, struct ct_err *err)
{
	struct history_row rows[300];
	int64_t seconds = strcmp(span, "minute") == 0 ? 60 : 3600;
	size_t n = 0;

	(void)userdata, (void)err;
	for (int64_t i = 0; i < 300; i++)
		if (i != 290 && 1795600000 / seconds * seconds + i * seconds >= since)
			rows[n++] = (struct history_row){
				.begin = 1795600000 / seconds * seconds + i * seconds, .samples = 60,
				.peak = (uint64_t)(i % 10 + 1) * 1000, .mean = 500, .p50 = 500, .p95 = 900, .p99 = 950,
				.limit = i == 299 ? 0 : 65536, .drops = 1, .early_drops = (uint64_t)(i % 3), .refused = 0,
			};
	return status_history_json(rows, strcmp(span, "day") == 0 ? 0 : n, (uint64_t)seconds);
}

/* Whoever waits for the end of our output goes on now. */
static void say_ready(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	printf("%d\n", (int)getpid());
	(void)fflush(stdout);
	(void)dup2(null, STDOUT_FILENO);
}

static int serve(const char *path, bool waiting)
{
	static const struct control_ops ops = {
		.status = on_status, .hold = on_hold, .resume = on_resume, .confirm = on_confirm, .history = on_history,
	};
	struct fake fake = { .waiting = waiting };
	struct control *control = NULL;
	struct ct_err err = { 0 };
	sd_event *event = NULL;
	sigset_t set;
	int r = sd_event_new(&event);

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = control_new(&control, event, -1, path, (gid_t)-1, &ops, &fake, &err);
	if (r >= 0) {
		say_ready();
		r = sd_event_loop(event);
		if (r < 0)
			fprintf(stderr, "fake-conntuned: event loop: %s\n", strerror(-r));
	} else {
		fprintf(stderr, "fake-conntuned: %s\n", err.msg[0] ? err.msg : strerror(-r));
	}
	(void)control_free(control);
	(void)sd_event_unref(event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One connection after the other gets the same, whatever it asks; mute: none gets anything. */
static int misbehave(const char *path, bool mute)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char call[4096];

	if (fd < 0 || strlen(path) >= sizeof(at.sun_path))
		return EXIT_FAILURE;
	memcpy(at.sun_path, path, strlen(path));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 5) < 0)
		return EXIT_FAILURE;
	say_ready();
	while (mute)
		(void)pause();
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (recv(peer, call, sizeof(call), 0) > 0)
			(void)send(peer, garbage, sizeof(garbage), MSG_NOSIGNAL);
		(void)close(peer);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";

	if (argc < 2)
		return EXIT_FAILURE;
	/* in the background, so that a shell can wait for the line and go on */
	if (fork() != 0)
		_exit(EXIT_SUCCESS);
	if (strcmp(how, "mute") == 0 || strcmp(how, "garbage") == 0)
		return misbehave(argv[1], *how == 'm');
	return serve(argv[1], strcmp(how, "waiting") == 0);
}
