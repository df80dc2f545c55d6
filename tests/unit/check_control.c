/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local API with a real event loop and real sockets, and a daemon that only notes what it was asked. Answers are
 * compared with the schema. Peers of other users are made where the test runs as root.
 */
#include "config.h"
#include "check.h"
#include "control_internal.h"
#include "schema.h"
#include "status.h"
#include "util.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Longest that anything here may take, on a machine that is busy with other things. */
#define PATIENCE_SECONDS 50

/**
 * struct fake - the daemon behind it
 * @fail: what the next change returns
 */
static struct fake {
	uint64_t held, changed;
	unsigned holds, resumes, confirms, statuses;
	char span[16];
	int64_t since;
	size_t rows;
	int fail;
	bool whole;
} fake;

static sd_event *event;
static struct control *control;
static char address[108];
static struct ct_err err;
static char schema[65536];
static time_t patience;

static struct ct_u64 known(uint64_t v)
{
	return (struct ct_u64){ .known = true, .v = v };
}

static struct status_real real(double v)
{
	return (struct status_real){ .known = true, .v = v };
}

/* --- the daemon */

/* Everything known, each text as long as it may be. */
static json_t *whole_status(void)
{
	static struct status_action actions[2 * STATUS_ACTIONS_MAX];
	static struct status_setting settings[STATUS_SETTINGS_MAX];
	static char key[STATUS_SETTINGS_MAX][32];
	static const struct status_foreign foreign[] = { { "nf_conntrack_max", 65536 }, { "nf_conntrack_buckets", 1 } };
	static struct ct_cause cause = { .name = "flood", .text = "text", .evidence = "evidence", .remedy = "remedy" };
	struct status s = {
		.state = "flood", .reason = "forecast", .reason_text = "text", .state_seconds = 1.5, .mode = "tune",
		.entries = known(UINT64_MAX), .limit = known(1), .buckets = known(1), .all_entries = known(1),
		.unreplied = real(0.5), .target_limit = known(1), .target_buckets = known(1), .ceiling = known(1),
		.full_in_seconds = real(4.7), .timeouts_scale = real(0.25), .hold = true, .hold_seconds = real(90),
		.confirm_seconds = real(1), .actions = actions, .action_count = ct_array_size(actions),
		.settings = settings, .setting_count = ct_array_size(settings), .foreign = foreign,
		.foreign_count = ct_array_size(foreign), .namespaces_known = true, .worst_known = true,
		.namespace_count = 3, .namespace_entries = known(7),
		.worst = { .name = "evil\033[2J\xff", .inode = known(4026531840), .entries = 5, .fill = real(0.1) },
		.mem_available_bytes = known(1), .mem_floor_bytes = known(1), .budget_bytes = known(1),
		.memory_bytes = known(1), .memory_full_bytes = known(1), .cause = &cause, .kernel = "6.12.0",
		.started = 1.5e9,
	};

	for (size_t i = 0; i < ct_array_size(actions); i++) {
		actions[i] = (struct status_action){
			.unix_usec = (int64_t)i * 1000000, .action = "set", .reason = "foreign-write", .text = "text",
			.old_limit = known(UINT64_MAX), .new_limit = known(2), .old_buckets = known(1),
			.new_buckets = known(2), .scale = real(0.5), .stall_seconds = real(1e-300),
			.result = (enum status_result)(i % 3),
		};
		memset(actions[i].evidence, '"', sizeof(actions[i].evidence) - 1);
		memset(actions[i].error, '\\', sizeof(actions[i].error) - 1);
	}
	for (size_t i = 0; i < ct_array_size(settings); i++) {
		(void)snprintf(key[i], sizeof(key[i]), "KeyOfASetting%zu", i);
		settings[i] = (struct status_setting){ .section = "Tuning", .key = key[i] };
		memset(settings[i].value, '\\', sizeof(settings[i].value) - 1);
	}
	return status_json(&s);
}

static json_t *on_status(void *userdata)
{
	struct status least = { .state = "absent", .reason = "", .mode = "advise", .kernel = "6.12.0", .started = 1 };

	ck_assert_ptr_eq(userdata, &fake);
	fake.statuses++;
	return fake.whole ? whole_status() : status_json(&least);
}

static int on_hold(void *userdata, uint64_t seconds, struct ct_err *e)
{
	(void)userdata;
	fake.holds++;
	fake.held = seconds;
	return fake.fail ? ct_err_set(e, fake.fail, "no hold today") : 0;
}

static int on_resume(void *userdata, struct ct_err *e)
{
	(void)userdata;
	fake.resumes++;
	return fake.fail ? ct_err_set(e, fake.fail, "no resume today") : 0;
}

static int on_confirm(void *userdata, struct ct_err *e)
{
	(void)userdata;
	fake.confirms++;
	return fake.fail ? ct_err_set(e, fake.fail, "nothing waits to be confirmed") : 0;
}

static json_t *on_history(void *userdata, const char *span, int64_t since, struct ct_err *e)
{
	struct history_row *rows;
	json_t *list;

	(void)userdata;
	(void)snprintf(fake.span, sizeof(fake.span), "%s", span);
	fake.since = since;
	if (fake.fail) {
		ct_err_set(e, fake.fail, "no history is kept");
		return NULL;
	}
	rows = calloc(fake.rows ? fake.rows : 1, sizeof(*rows));
	for (size_t i = 0; i < fake.rows; i++)
		rows[i] = (struct history_row){
			.begin = 60 * (int64_t)i, .samples = UINT64_MAX, .peak = UINT64_MAX, .mean = UINT64_MAX,
			.p50 = UINT64_MAX, .p95 = UINT64_MAX, .p99 = UINT64_MAX, .limit = i % 2 ? UINT64_MAX : 0,
			.drops = UINT64_MAX, .early_drops = UINT64_MAX, .refused = UINT64_MAX,
		};
	list = status_history_json(rows, fake.rows, 60);
	free(rows);
	return list;
}

static void on_changed(void *userdata)
{
	(void)userdata;
	fake.changed++;
}

static const struct control_ops ops = {
	.status = on_status, .hold = on_hold, .resume = on_resume, .confirm = on_confirm, .history = on_history,
	.changed = on_changed,
};

static void setup(void)
{
	(void)snprintf(address, sizeof(address), "%s/org.conntune", scratch_dir());
	memset(&fake, 0, sizeof(fake));
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(control_new(&control, event, -1, address, (gid_t)-1, &ops, &fake, &err), 0);
	(void)snprintf(schema, sizeof(schema), "%s", get_file(SCHEMA_DIR, "org.conntune.varlink"));
	patience = time(NULL) + PATIENCE_SECONDS;
}

static void teardown(void)
{
	control = control_free(control);
	event = sd_event_unref(event);
}

/* --- peers. The test and the loop take turns in one process, so nothing here may block. */

static void turn(void)
{
	ck_assert_int_ge(sd_event_run(event, 1000), 0);
	ck_assert_msg(time(NULL) < patience, "nothing came of it");
}

/* All that can be done now. */
static void settle(void)
{
	while (sd_event_run(event, 0) > 0)
		ck_assert_msg(time(NULL) < patience, "it never rests");
}

static int connect_only(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, address, sizeof(to.sun_path));
	ck_assert_int_ge(fd, 0);
	ck_assert_msg(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "%s: %s", address, strerror(errno));
	return fd;
}

static int connect_peer(void)
{
	int fd = connect_only();

	settle();
	return fd;
}

/* Returns how many bytes went; fewer than @n: the peer's buffer is full, or it is gone. */
static size_t put(int fd, const char *bytes, size_t n)
{
	ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL);

	return r < 0 ? 0 : (size_t)r;
}

static void say(int fd, const char *text)
{
	ck_assert_uint_eq(put(fd, text, strlen(text) + 1), strlen(text) + 1);
}

static bool is_closed(int fd)
{
	char c;
	ssize_t r = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return r == 0 || (r < 0 && errno != EAGAIN);
}

static void wait_closed(int fd)
{
	char bytes[4096];

	while (!is_closed(fd)) {
		(void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		turn();
	}
}

/* The next message that comes; to be freed by json_decref(). One byte at a time, so nothing of the next is taken. */
static json_t *hear(int fd)
{
	static char text[CT_VARLINK_MESSAGE_MAX + 1];
	size_t n = 0;

	for (;;) {
		ssize_t r = recv(fd, text + n, 1, MSG_DONTWAIT);

		ck_assert_msg(r != 0, "closed");
		if (r < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			turn();
		} else if (text[n++] == '\0') {
			json_t *message = json_loads(text, 0, NULL);

			ck_assert_msg(json_is_object(message), "%s", text);
			return message;
		}
		ck_assert_uint_le(n, CT_VARLINK_MESSAGE_MAX);
	}
}

static json_t *ask(int fd, const char *text)
{
	say(fd, text);
	return hear(fd);
}

/* The answer to @text is @wanted, compact. */
static void expect(int fd, const char *text, const char *wanted)
{
	json_t *message = ask(fd, text);
	char *got = json_dumps(message, JSON_COMPACT);

	ck_assert_str_eq(got, wanted);
	free(got);
	json_decref(message);
}

static void expect_status(int fd)
{
	json_t *message = ask(fd, "{\"method\":\"org.conntune.Status\"}");

	ck_assert_ptr_nonnull(json_object_get(json_object_get(message, "parameters"), "state"));
	json_decref(message);
}

static size_t peers(void)
{
	size_t n = 0;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		n += control->peers[i] != NULL;
	return n;
}

/* --- what is asked and answered */

START_TEST(status_is_what_the_schema_says)
{
	int fd = connect_peer();
	char why[256];

	for (int whole = 0; whole < 2; whole++) {
		fake.whole = whole;
		json_t *message = ask(fd, "{\"method\":\"org.conntune.Status\"}"), *v;

		v = json_object_get(message, "parameters");
		ck_assert_msg(schema_fits(schema, SCHEMA_REPLY, "Status", v, whole, why), "%s", why);
		ck_assert_uint_eq(json_array_size(json_object_get(v, "actions")), whole ? STATUS_ACTIONS_MAX : 0);
		json_decref(message);
	}
	(void)close(fd);
}
END_TEST

START_TEST(status_tells_the_last_actions_and_no_escape_sequences)
{
	json_t *v = whole_status(), *last = json_array_get(json_object_get(v, "actions"), STATUS_ACTIONS_MAX - 1);
	json_t *worst = json_object_get(json_object_get(v, "namespaces"), "worst");

	ck_assert_double_eq(json_real_value(json_object_get(last, "time")), 2 * STATUS_ACTIONS_MAX - 1);
	ck_assert_str_eq(json_string_value(json_object_get(worst, "name")), "evil?[2J?");
	ck_assert_int_eq(json_integer_value(json_object_get(v, "entries")), INT64_MAX);
	ck_assert_str_eq(json_string_value(json_object_get(v, "version")), PACKAGE_VERSION);
	json_decref(v);
}
END_TEST

START_TEST(schema_is_told_as_it_is)
{
	int fd = connect_peer();
	json_t *message = ask(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				  "\"parameters\":{\"interface\":\"org.conntune\"}}");

	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(message, "parameters"), "description")), schema);
	json_decref(message);
	(void)close(fd);
}
END_TEST

START_TEST(service_answers_what_every_varlink_service_does)
{
	int fd = connect_peer();
	json_t *info = ask(fd, "{\"method\":\"org.varlink.service.GetInfo\"}"), *service, *v;
	const char *text;
	char why[256];

	service = ask(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			  "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	text = json_string_value(json_object_get(json_object_get(service, "parameters"), "description"));
	ck_assert_ptr_nonnull(text);
	v = json_object_get(info, "parameters");
	ck_assert_msg(schema_fits(text, SCHEMA_REPLY, "GetInfo", v, true, why), "%s", why);
	ck_assert_str_eq(json_string_value(json_object_get(v, "version")), PACKAGE_VERSION);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(v, "interfaces"), 1)), "org.conntune");
	json_decref(service);
	json_decref(info);
	(void)close(fd);
}
END_TEST

static const struct {
	const char *call, *answer;
} answers[] = {
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":90}}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{}}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":null}}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.Hold\",\"more\":true}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.Resume\"}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.Confirm\"}", "{\"parameters\":{}}" },
	{ "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\"}}", "{\"parameters\":{\"rows\":[]}}" },
#define WRONG(what) "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" what "\"}}"
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":0}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":-1}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":31536001}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":9223372036854775807}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":90.5}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":\"90\"}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":[90]}}", WRONG("seconds") },
	{ "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"minutes\":5}}", WRONG("minutes") },
	{ "{\"method\":\"org.conntune.Resume\",\"parameters\":{\"now\":true}}", WRONG("now") },
	{ "{\"method\":\"org.conntune.Status\",\"parameters\":{\"\":{}}}", WRONG("") },
	{ "{\"method\":\"org.conntune.History\"}", WRONG("span") },
	{ "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"week\"}}", WRONG("span") },
	{ "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":1}}", WRONG("span") },
	{ "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\",\"since\":-1}}", WRONG("since") },
	{ "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\",\"since\":\"\"}}", WRONG("since") },
	{ "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}", WRONG("interface") },
	{ "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org.conntune.x\"}}",
	  "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"org.conntune.x\"}}" },
	{ "{\"method\":\"org.conntune.Flush\"}",
	  "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"org.conntune.Flush\"}}" },
	{ "{\"method\":\"org.varlink.service.Flush\"}",
	  "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"org.varlink.service.Flush\"}}" },
	{ "{\"method\":\"org.example.Status\"}",
	  "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"org.example\"}}" },
	{ "{\"method\":\"org.conntune.Status\",\"upgrade\":true}",
	  "{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":{\"method\":\"org.conntune.Status\"}}" },
};

START_TEST(each_call_has_its_answer)
{
	int fd = connect_peer();

	expect(fd, answers[_i].call, answers[_i].answer);
	/* whatever it was, the connection goes on */
	expect_status(fd);
	(void)close(fd);
}
END_TEST

/* The other way round: nothing is in the schema that isn't there. */
START_TEST(each_method_of_the_schema_is_there)
{
	int fd = connect_peer();
	unsigned count = 0;

	for (const char *p = schema; (p = strstr(p, "\nmethod ")); count++) {
		char name[32], call[100];
		json_t *message;
		const char *error;

		p += strlen("\nmethod ");
		ck_assert_int_eq(sscanf(p, "%31[A-Za-z]", name), 1);
		(void)snprintf(call, sizeof(call), "{\"method\":\"org.conntune.%s\"}", name);
		message = ask(fd, call);
		error = json_string_value(json_object_get(message, "error"));
		ck_assert_msg(!error || strcmp(error, "org.varlink.service.InvalidParameter") == 0, "%s: %s", name, error);
		json_decref(message);
	}
	ck_assert_uint_eq(count, 5);
	(void)close(fd);
}
END_TEST

START_TEST(daemon_is_told_what_was_asked)
{
	int fd = connect_peer();

	expect(fd, "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":90}}", "{\"parameters\":{}}");
	ck_assert_uint_eq(fake.held, 90);
	ck_assert_uint_eq(fake.changed, 1);
	expect(fd, "{\"method\":\"org.conntune.Hold\"}", "{\"parameters\":{}}");
	ck_assert_uint_eq(fake.held, 0);
	expect(fd, "{\"method\":\"org.conntune.Resume\"}", "{\"parameters\":{}}");
	expect(fd, "{\"method\":\"org.conntune.Confirm\"}", "{\"parameters\":{}}");
	ck_assert_uint_eq(fake.resumes, 1);
	ck_assert_uint_eq(fake.confirms, 1);
	ck_assert_uint_eq(fake.changed, 4);
	json_decref(ask(fd, "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"hour\",\"since\":7}}"));
	ck_assert_str_eq(fake.span, "hour");
	ck_assert_int_eq(fake.since, 7);
	expect_status(fd);
	ck_assert_uint_eq(fake.changed, 4);
	(void)close(fd);
}
END_TEST

START_TEST(what_failed_is_told_and_fits_the_schema)
{
	static const char *const changes[] = { "Hold", "Resume", "Confirm" };
	int fd = connect_peer();
	char call[100], why[256];

	fake.fail = -EBUSY;
	for (size_t i = 0; i < ct_array_size(changes); i++) {
		(void)snprintf(call, sizeof(call), "{\"method\":\"org.conntune.%s\"}", changes[i]);
		json_t *message = ask(fd, call), *v = json_object_get(message, "parameters");

		ck_assert_str_eq(json_string_value(json_object_get(message, "error")), "org.conntune.Failed");
		ck_assert_int_eq(json_integer_value(json_object_get(v, "code")), EBUSY);
		ck_assert_msg(schema_fits(schema, SCHEMA_ERROR, "Failed", v, true, why), "%s", why);
		json_decref(message);
	}
	ck_assert_uint_eq(fake.changed, 0);
	expect(fd, "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\"}}",
	       "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":16,\"message\":\"no history is kept\"}}");
	fake.fail = -ESTALE;
	expect(fd, "{\"method\":\"org.conntune.Confirm\"}",
	       "{\"error\":\"org.conntune.NothingWaits\",\"parameters\":{\"message\":\"nothing waits to be confirmed\"}}");
	(void)close(fd);
}
END_TEST

START_TEST(oneway_is_done_and_not_answered)
{
	int fd = connect_peer();

	say(fd, "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":5},\"oneway\":true}");
	say(fd, "{\"method\":\"org.conntune.Flush\",\"oneway\":true}");
	say(fd, "{\"method\":\"org.conntune.Status\",\"oneway\":true}");
	expect(fd, "{\"method\":\"org.conntune.Resume\"}", "{\"parameters\":{}}");
	ck_assert_uint_eq(fake.held, 5);
	ck_assert_uint_eq(fake.resumes, 1);
	(void)close(fd);
}
END_TEST

START_TEST(who_asks_and_goes_is_heard)
{
	int fd = connect_peer();

	say(fd, "{\"method\":\"org.conntune.Resume\",\"oneway\":true}");
	say(fd, "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":7}}");
	(void)close(fd);
	while (peers() > 0)
		turn();
	ck_assert_uint_eq(fake.resumes, 1);
	ck_assert_uint_eq(fake.held, 7);
}
END_TEST

START_TEST(who_says_no_more_gets_all_answers)
{
	int fd = connect_peer();

	say(fd, "{\"method\":\"org.conntune.Resume\"}");
	say(fd, "{\"method\":\"org.conntune.Resume\"}");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	json_decref(hear(fd));
	json_decref(hear(fd));
	wait_closed(fd);
	ck_assert_uint_eq(fake.resumes, 2);
	(void)close(fd);
}
END_TEST

START_TEST(pipelined_calls_are_answered_in_order)
{
	int fd = connect_peer();
	char text[100];

	for (int i = 1; i <= 60; i++) {
		(void)snprintf(text, sizeof(text), "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"x%d\":1}}", i);
		say(fd, text);
	}
	for (int i = 1; i <= 60; i++) {
		json_t *message = hear(fd);

		(void)snprintf(text, sizeof(text), "x%d", i);
		ck_assert_str_eq(json_string_value(json_object_get(json_object_get(message, "parameters"), "parameter")), text);
		json_decref(message);
	}
	(void)close(fd);
}
END_TEST

START_TEST(call_in_single_bytes_is_the_same)
{
	static const char call[] = "{\"method\":\"org.conntune.Resume\"}";
	int fd = connect_peer();

	for (size_t i = 0; i < sizeof(call); i++) {
		ck_assert_uint_eq(put(fd, call + i, 1), 1);
		settle();
	}
	json_decref(hear(fd));
	ck_assert_uint_eq(fake.resumes, 1);
	(void)close(fd);
}
END_TEST

/* --- history in pieces */

START_TEST(long_history_comes_in_pieces_that_fit)
{
	int fd = connect_peer();
	size_t rows = 0, pieces = 0;
	bool more = true;
	char why[256];

	fake.rows = 1440;
	say(fd, "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"minute\"},\"more\":true}");
	while (more) {
		json_t *message = hear(fd), *v = json_object_get(message, "parameters"), *list = json_object_get(v, "rows");

		ck_assert_msg(schema_fits(schema, SCHEMA_REPLY, "History", v, false, why), "%s", why);
		ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 0), "begin")), 60 * (int)rows);
		rows += json_array_size(list);
		more = json_is_true(json_object_get(message, "continues"));
		pieces++;
		json_decref(message);
	}
	ck_assert_uint_eq(rows, 1440);
	ck_assert_uint_eq(pieces, 12);
	expect_status(fd);
	(void)close(fd);
}
END_TEST

START_TEST(history_without_more_is_one_answer_with_the_newest)
{
	int fd = connect_peer();
	json_t *message, *list;

	fake.rows = 1440;
	message = ask(fd, "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"minute\"}}");
	list = json_object_get(json_object_get(message, "parameters"), "rows");
	ck_assert_ptr_null(json_object_get(message, "continues"));
	ck_assert_uint_eq(json_array_size(list), 128);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 127), "begin")), 60 * 1439);
	json_decref(message);
	expect_status(fd);
	(void)close(fd);
}
END_TEST

/* --- who may change what */

/* Only root can be somebody else. */
static bool can_be_others(void)
{
	return geteuid() == 0 && seteuid(12345) == 0 && seteuid(0) == 0;
}

static int connect_as(uid_t uid, gid_t gid, gid_t supplementary)
{
	char top[sizeof(address)];
	int fd;

	/* mkdtemp(3) keeps others out */
	memcpy(top, address, sizeof(top));
	for (int i = 0; i < 2; i++)
		*strrchr(top, '/') = '\0';
	ck_assert_int_eq(chmod(top, 0711), 0);
	ck_assert_int_eq(setgroups(supplementary != (gid_t)-1, &supplementary), 0);
	ck_assert_int_eq(setegid(gid), 0);
	ck_assert_int_eq(seteuid(uid), 0);
	fd = connect_only();
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(0), 0);
	settle();
	return fd;
}

#define DENIED                                                                                       \
	"{\"error\":\"org.conntune.PermissionDenied\",\"parameters\":{\"message\":\"only root, the user of " \
	"conntuned and members of its group may change anything\"}}"

static const struct {
	uid_t uid;
	gid_t gid, supplementary, group;
	bool may;
} users[] = {
	{ 0, 0, (gid_t)-1, (gid_t)-1, true },
	{ 12345, 12345, (gid_t)-1, (gid_t)-1, false },
	{ 12345, 0, (gid_t)-1, (gid_t)-1, false },
	{ 12345, 777, (gid_t)-1, 777, true },
	{ 12345, 12345, 777, 777, true },
	{ 12345, 12345, 778, 777, false },
	{ 12345, 12345, 777, (gid_t)-1, false },
};

START_TEST(credentials_decide_who_may_change)
{
	static const char *const changes[] = { "Hold", "Resume", "Confirm" };
	char call[100];
	int fd;

	if (!can_be_others())
		return;
	control->group = users[_i].group;
	fd = connect_as(users[_i].uid, users[_i].gid, users[_i].supplementary);
	for (size_t i = 0; i < ct_array_size(changes); i++) {
		(void)snprintf(call, sizeof(call), "{\"method\":\"org.conntune.%s\"}", changes[i]);
		expect(fd, call, users[_i].may ? "{\"parameters\":{}}" : DENIED);
	}
	ck_assert_uint_eq(fake.holds + fake.resumes + fake.confirms, users[_i].may ? 3 : 0);
	expect_status(fd);
	json_decref(ask(fd, "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"day\"}}"));
	(void)close(fd);
}
END_TEST

START_TEST(oneway_asks_for_permission_too)
{
	int fd;

	if (!can_be_others())
		return;
	fd = connect_as(12345, 12345, (gid_t)-1);
	say(fd, "{\"method\":\"org.conntune.Hold\",\"oneway\":true}");
	expect_status(fd);
	ck_assert_uint_eq(fake.holds, 0);
	(void)close(fd);
}
END_TEST

/* The same without root: what the kernel would say of others is put in. */
START_TEST(own_user_and_group_may_change_and_others_not)
{
	struct peer peer = { .fd = -1, .who = { .uid = geteuid(), .gid = 12345 } };

	ck_assert(control_may_change(control, &peer));
	peer.who.uid = geteuid() + 1;
	ck_assert(!control_may_change(control, &peer));
	control->group = 12345;
	ck_assert(control_may_change(control, &peer));
	control->group = 12346;
	ck_assert(!control_may_change(control, &peer));
	peer.who.uid = 0;
	ck_assert(control_may_change(control, &peer));
}
END_TEST

/* --- hostile peers */

START_TEST(one_user_has_four_connections)
{
	int fd[8];

	for (int i = 0; i < 8; i++)
		fd[i] = connect_peer();
	for (int i = 4; i < 8; i++)
		wait_closed(fd[i]);
	for (int i = 0; i < 4; i++)
		expect_status(fd[i]);
	(void)close(fd[1]);
	settle();
	(void)close(fd[7]);
	fd[7] = connect_peer();
	expect_status(fd[7]);
	ck_assert_uint_eq(peers(), 4);
}
END_TEST

START_TEST(strangers_take_all_places_and_root_and_others_are_served)
{
	int fd[16], root, other;

	if (!can_be_others())
		return;
	for (int i = 0; i < 16; i++)
		fd[i] = connect_as(20000 + (uid_t)i / 4, 20000, (gid_t)-1);
	ck_assert_uint_eq(peers(), 16);
	root = connect_as(0, 0, (gid_t)-1);
	expect_status(root);
	other = connect_as(30000, 30000, (gid_t)-1);
	expect_status(other);
	ck_assert_uint_eq(peers(), 16);
	expect_status(root);
	/* whoever has been waited for longest went */
	wait_closed(fd[0]);
	expect_status(fd[15]);
}
END_TEST

START_TEST(places_taken_by_root_are_not_taken_away)
{
	int root[4], last;

	if (!can_be_others())
		return;
	for (int i = 0; i < 4; i++)
		root[i] = connect_as(0, 0, (gid_t)-1);
	for (int i = 0; i < 12; i++)
		(void)connect_as(20000 + (uid_t)i, 20000, (gid_t)-1);
	/* everybody has one, so nobody has to go */
	last = connect_as(30000, 30000, (gid_t)-1);
	wait_closed(last);
	for (int i = 0; i < 4; i++)
		expect_status(root[i]);
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
} garbage[] = {
	{ "\0", 1 },
	{ "GET / HTTP/1.1\r\n\r\n\0", 19 },
	{ "[]\0", 3 },
	{ "{\0", 2 },
	{ "{}\0", 3 },
	{ "{\"method\":5}\0", 13 },
	{ "{\"method\":\"Status\"}\0", 20 },
	{ "{\"method\":\"org.conntune.Status\",\"parameters\":[]}\0", 50 },
	{ "{\"method\":\"org.conntune.Status\",\"more\":\"x\"}\0", 45 },
	{ "{\"method\":\"org.conntune.Status\",\"parameters\":{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}}\0", 88 },
	{ "\xff\xfe\xfd\0", 4 },
};

START_TEST(garbage_ends_its_connection_and_no_other)
{
	int good = connect_peer(), bad = connect_peer();

	ck_assert_uint_eq(put(bad, garbage[_i].bytes, garbage[_i].n), garbage[_i].n);
	wait_closed(bad);
	expect_status(good);
	ck_assert_uint_eq(peers(), 1);
}
END_TEST

START_TEST(endless_message_is_cut_off)
{
	int good = connect_peer(), bad = connect_peer();
	static char megabyte[1 << 20];
	size_t sent = 0;

	memset(megabyte, 'x', sizeof(megabyte));
	megabyte[0] = '{';
	while (!is_closed(bad)) {
		sent += put(bad, megabyte + sent % sizeof(megabyte), 4096);
		turn();
	}
	/* what the reader holds, and what stood in the socket's own buffer */
	ck_assert_uint_lt(sent, sizeof(megabyte));
	expect_status(good);
	ck_assert_uint_eq(peers(), 1);
}
END_TEST

START_TEST(message_that_is_never_finished_is_waited_for_so_long_and_no_longer)
{
	int good, bad;

	control->message_usec = 300000;
	good = connect_peer();
	bad = connect_peer();
	/* each byte comes in time; the message doesn't. The other one, with all its messages complete, stays. */
	while (!is_closed(bad)) {
		(void)put(bad, " ", 1);
		expect_status(good);
		(void)usleep(10000);
	}
	expect_status(good);
	ck_assert_uint_eq(peers(), 1);
}
END_TEST

START_TEST(silent_peer_is_not_waited_for_for_ever)
{
	int fd;

	control->idle_usec = 100000;
	fd = connect_peer();
	wait_closed(fd);
	ck_assert_uint_eq(peers(), 0);
}
END_TEST

START_TEST(peer_that_never_reads_costs_one_answer_and_is_closed)
{
	static const char call[] = "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"minute\"},\"more\":true}";
	int good, bad;
	size_t most = 0;
	time_t now = time(NULL);

	fake.rows = 1440;
	control->message_usec = 1000000;
	good = connect_peer();
	bad = connect_peer();
	/* goes on asking, too */
	while (peers() == 2) {
		(void)put(bad, call, sizeof(call));
		turn();
		for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
			if (control->peers[i] && control->peers[i]->out_bytes > most)
				most = control->peers[i]->out_bytes;
		if (time(NULL) != now) {
			expect_status(good);
			now = time(NULL);
		}
	}
	ck_assert_uint_gt(most, 0);
	ck_assert_uint_le(most, CONTROL_OUT_MAX);
	expect_status(good);
	ck_assert_uint_eq(peers(), 1);
}
END_TEST

START_TEST(peer_that_reads_slowly_has_one_answer_at_a_time)
{
	static const char call[] = "{\"method\":\"org.conntune.History\",\"parameters\":{\"span\":\"minute\"},\"more\":true}";
	static char bytes[65536];
	int fd = connect_peer();
	size_t one, heard = 0;

	fake.rows = 1440;
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(put(fd, call, sizeof(call)), sizeof(call));
	settle();
	one = control->peers[0]->out_bytes;
	ck_assert_uint_gt(one, 0);
	while (heard < 4 * one) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		heard += n > 0 ? (size_t)n : 0;
		turn();
		ck_assert_uint_le(control->peers[0]->out_bytes, one);
	}
	(void)close(fd);
}
END_TEST

START_TEST(flood_of_calls_has_its_share_and_others_theirs)
{
	static const char call[] = "{\"method\":\"org.conntune.Status\"}";
	int good = connect_peer(), bad = connect_peer();
	time_t begin = time(NULL);
	unsigned rounds = 0, before;
	char bytes[4096];

	expect_status(good);
	before = fake.statuses;
	while (time(NULL) < begin + 2) {
		while (put(bad, call, sizeof(call)) == sizeof(call))
			;
		(void)recv(bad, bytes, sizeof(bytes), MSG_DONTWAIT);
		turn();
		if (rounds++ % 500 == 0) {
			expect_status(good);
			before++;
		}
	}
	/* 100 a second of each of two sources, and the seconds needn't begin when ours do */
	ck_assert_uint_le(fake.statuses - before, 200 * (unsigned)(time(NULL) - begin + 2));
	ck_assert_uint_ge(fake.statuses - before, 10);
	expect_status(good);
}
END_TEST

START_TEST(connections_that_come_and_go_leave_nothing)
{
	for (int i = 0; i < 200; i++) {
		int fd = connect_peer();

		if (i % 3 == 1)
			(void)put(fd, "{\"meth", 6);
		if (i % 3 == 2)
			(void)put(fd, "{\"method\":\"org.conntune.Status\"}\0{", 34);
		(void)close(fd);
	}
	while (peers() > 0)
		turn();
	expect_status(connect_peer());
}
END_TEST

START_TEST(no_descriptor_left_is_no_reason_to_die_or_to_spin)
{
	int waste[2000], n = 0, fd = connect_peer(), late;
	unsigned turns = 0;
	time_t begin;

	late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (n < 2000 && (waste[n] = dup(fd)) >= 0)
		n++;
	if (n == 2000)
		return;
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path, address, sizeof(to.sun_path));
	ck_assert_int_eq(connect(late, (struct sockaddr *)&to, sizeof(to)), 0);
	begin = time(NULL);
	for (; time(NULL) < begin + 2; turns++)
		turn();
	ck_assert_uint_le(turns, 1500 * (unsigned)(time(NULL) - begin + 2));
	expect_status(fd);
	while (n > 0)
		(void)close(waste[--n]);
	expect_status(late);
}
END_TEST

/* --- the socket */

START_TEST(anybody_may_connect_whatever_the_umask)
{
	struct stat st;

	control = control_free(control);
	(void)umask(077);
	ck_assert_int_eq(control_new(&control, event, -1, address, (gid_t)-1, &ops, &fake, &err), 0);
	ck_assert_int_eq(stat(address, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0666);
	ck_assert(S_ISSOCK(st.st_mode));
}
END_TEST

START_TEST(socket_is_gone_with_the_daemon)
{
	control = control_free(control);
	ck_assert_int_lt(access(address, F_OK), 0);
}
END_TEST

START_TEST(socket_of_a_daemon_that_was_killed_is_replaced)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	control = control_free(control);
	memcpy(at.sun_path, address, sizeof(at.sun_path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
	ck_assert_int_eq(control_new(&control, event, -1, address, (gid_t)-1, &ops, &fake, &err), 0);
	expect_status(connect_peer());
}
END_TEST

START_TEST(socket_of_a_living_daemon_is_left_alone)
{
	struct control *second = NULL;

	ck_assert_failed(control_new(&second, event, -1, address, (gid_t)-1, &ops, &fake, &err), err, -EADDRINUSE,
			 "another conntuned");
	ck_assert_ptr_null(second);
	settle();
	expect_status(connect_peer());
}
END_TEST

START_TEST(file_that_is_no_socket_is_left_alone)
{
	control = control_free(control);
	put_file("", address, "precious");
	ck_assert_failed(control_new(&control, event, -1, address, (gid_t)-1, &ops, &fake, &err), err, -EEXIST,
			 "isn't a socket");
	ck_assert_str_eq(get_file("", address), "precious");
}
END_TEST

START_TEST(successor_keeps_its_socket)
{
	struct control *second = NULL;

	ck_assert_int_eq(unlink(address), 0);
	ck_assert_int_eq(control_new(&second, event, -1, address, (gid_t)-1, &ops, &fake, &err), 0);
	control = control_free(control);
	control = second;
	expect_status(connect_peer());
}
END_TEST

START_TEST(place_that_is_not_there_is_an_error)
{
	struct control *second = NULL;
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/nowhere/org.conntune", scratch_dir());
	if (strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
		ck_assert_failed(control_new(&second, event, -1, path, (gid_t)-1, &ops, &fake, &err), err, -ENOENT, "nowhere");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_failed(control_new(&second, event, -1, path, (gid_t)-1, &ops, &fake, &err), err, -ENAMETOOLONG, "xxx");
}
END_TEST

START_TEST(socket_of_the_service_manager_is_taken_and_stays)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	control = control_free(control);
	memcpy(at.sun_path, address, sizeof(at.sun_path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(control_new(&control, event, fd, NULL, (gid_t)-1, &ops, &fake, &err), 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	expect_status(connect_peer());
	control = control_free(control);
	ck_assert_int_eq(access(address, F_OK), 0);
}
END_TEST

START_TEST(descriptor_that_is_no_such_socket_is_refused)
{
	struct control *second = NULL;
	int pair[2], file = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_failed(control_new(&second, event, file, NULL, (gid_t)-1, &ops, &fake, &err), err, -EBADF, "listens");
	ck_assert_failed(control_new(&second, event, pair[0], NULL, (gid_t)-1, &ops, &fake, &err), err, -EBADF, "listens");
	/* and is still the caller's */
	ck_assert_int_eq(close(file), 0);
	ck_assert_int_eq(close(pair[0]), 0);
}
END_TEST

/* --- the checker itself: a schema that fits anything would let everything pass */

static const char little[] = "# x\ninterface a.b\ntype T (a: int, b: ?[]string)\ntype E (one, two)\n"
			     "method M(e: E) -> (t: T, m: [string]bool, f: ?(x: float))\nerror Bad (why: string)\n";

static const struct {
	const char *text, *why;
} little_replies[] = {
	{ "{\"t\":{\"a\":1},\"m\":{}}", "" },
	{ "{\"t\":{\"a\":1,\"b\":[\"x\",\"y\"]},\"m\":{\"k\":true},\"f\":{\"x\":1.5}}", "" },
	{ "{}", "M.t: is missing" },
	{ "{\"t\":{\"a\":1}}", "M.m: is missing" },
	{ "{\"t\":{\"a\":1.0},\"m\":{}}", "M.t.a: is of another type" },
	{ "{\"t\":{\"a\":1,\"b\":[1]},\"m\":{}}", "M.t.b[0]: is of another type" },
	{ "{\"t\":{\"a\":1,\"c\":1},\"m\":{}}", "M.t: has members" },
	{ "{\"t\":{\"a\":1},\"m\":{\"k\":1}}", "M.m.k: is of another type" },
	{ "{\"t\":{\"a\":1},\"m\":[]}", "M.m: isn't an object" },
	{ "{\"t\":{\"a\":1},\"m\":{},\"f\":null}", "M.f: is null" },
	{ "{\"t\":{\"a\":1},\"m\":{},\"f\":{}}", "M.f.x: is missing" },
	{ "{\"t\":{\"a\":1},\"m\":{},\"g\":1}", "M: has members" },
	{ "[]", "M: isn't an object" },
};

START_TEST(checker_sees_what_does_not_fit)
{
	json_t *v = json_loads(little_replies[_i].text, 0, NULL);
	char why[256];
	bool fits = schema_fits(little, SCHEMA_REPLY, "M", v, false, why);

	ck_assert_int_eq(fits, *little_replies[_i].why == '\0');
	ck_assert_msg(strncmp(why, little_replies[_i].why, strlen(little_replies[_i].why)) == 0, "%s", why);
	json_decref(v);
}
END_TEST

START_TEST(checker_knows_words_parameters_and_what_may_be_left_out)
{
	json_t *one = json_pack("{s:s}", "e", "one"), *six = json_pack("{s:s}", "e", "six");
	json_t *least = json_pack("{s:{s:i},s:{}}", "t", "a", 1, "m");
	char why[256];

	ck_assert(schema_fits(little, SCHEMA_PARAMETERS, "M", one, true, why));
	ck_assert(!schema_fits(little, SCHEMA_PARAMETERS, "M", six, true, why));
	ck_assert(!schema_fits(little, SCHEMA_PARAMETERS, "N", one, true, why));
	ck_assert(!schema_fits(little, SCHEMA_ERROR, "Bad", one, true, why));
	ck_assert(!schema_fits(little, SCHEMA_REPLY, "M", least, true, why));
	json_decref(one);
	json_decref(six);
	json_decref(least);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(suite, tc);
	return tc;
}

static void add_hostile(TCase *tc)
{
	tcase_add_test(tc, one_user_has_four_connections);
	tcase_add_test(tc, strangers_take_all_places_and_root_and_others_are_served);
	tcase_add_test(tc, places_taken_by_root_are_not_taken_away);
	tcase_add_loop_test(tc, garbage_ends_its_connection_and_no_other, 0, (int)ct_array_size(garbage));
	tcase_add_test(tc, endless_message_is_cut_off);
	tcase_add_test(tc, message_that_is_never_finished_is_waited_for_so_long_and_no_longer);
	tcase_add_test(tc, silent_peer_is_not_waited_for_for_ever);
	tcase_add_test(tc, peer_that_never_reads_costs_one_answer_and_is_closed);
	tcase_add_test(tc, peer_that_reads_slowly_has_one_answer_at_a_time);
	tcase_add_test(tc, flood_of_calls_has_its_share_and_others_theirs);
	tcase_add_test(tc, connections_that_come_and_go_leave_nothing);
	tcase_add_test(tc, no_descriptor_left_is_no_reason_to_die_or_to_spin);
}

static void add_socket(TCase *tc)
{
	tcase_add_test(tc, anybody_may_connect_whatever_the_umask);
	tcase_add_test(tc, socket_is_gone_with_the_daemon);
	tcase_add_test(tc, socket_of_a_daemon_that_was_killed_is_replaced);
	tcase_add_test(tc, socket_of_a_living_daemon_is_left_alone);
	tcase_add_test(tc, file_that_is_no_socket_is_left_alone);
	tcase_add_test(tc, successor_keeps_its_socket);
	tcase_add_test(tc, place_that_is_not_there_is_an_error);
	tcase_add_test(tc, socket_of_the_service_manager_is_taken_and_stays);
	tcase_add_test(tc, descriptor_that_is_no_such_socket_is_refused);
}

Suite *module_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = add_case(suite, "answers");

	tcase_add_test(tc, status_is_what_the_schema_says);
	tcase_add_test(tc, status_tells_the_last_actions_and_no_escape_sequences);
	tcase_add_test(tc, schema_is_told_as_it_is);
	tcase_add_test(tc, service_answers_what_every_varlink_service_does);
	tcase_add_loop_test(tc, each_call_has_its_answer, 0, (int)ct_array_size(answers));
	tcase_add_test(tc, each_method_of_the_schema_is_there);
	tcase_add_test(tc, daemon_is_told_what_was_asked);
	tcase_add_test(tc, what_failed_is_told_and_fits_the_schema);
	tcase_add_test(tc, oneway_is_done_and_not_answered);
	tcase_add_test(tc, who_asks_and_goes_is_heard);
	tcase_add_test(tc, who_says_no_more_gets_all_answers);
	tcase_add_test(tc, pipelined_calls_are_answered_in_order);
	tcase_add_test(tc, call_in_single_bytes_is_the_same);
	tcase_add_test(tc, long_history_comes_in_pieces_that_fit);
	tcase_add_test(tc, history_without_more_is_one_answer_with_the_newest);
	tc = add_case(suite, "credentials");
	tcase_add_loop_test(tc, credentials_decide_who_may_change, 0, (int)ct_array_size(users));
	tcase_add_test(tc, oneway_asks_for_permission_too);
	tcase_add_test(tc, own_user_and_group_may_change_and_others_not);
	add_hostile(add_case(suite, "hostile"));
	add_socket(add_case(suite, "socket"));
	tc = add_case(suite, "checker");
	tcase_add_loop_test(tc, checker_sees_what_does_not_fit, 0, (int)ct_array_size(little_replies));
	tcase_add_test(tc, checker_knows_words_parameters_and_what_may_be_left_out);
	return suite;
}
