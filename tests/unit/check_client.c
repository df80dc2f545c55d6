/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of the local API against servers that do as they should, and against those that don't. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>
#include <conntune/client.h>

/* Enough for a machine that is busy; a test that waits for the end of it uses SHORT. */
#define PATIENCE UINT64_C(50000000)
#define SHORT UINT64_C(200000)

static char dir[128];
static struct ct_fs *fs;
static struct ct_client *client;
static struct ct_err err;
static int listener = -1;
static pid_t server;

static void listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	put_file(dir, "run/conntuned/x", "");
	ck_assert_int_lt(snprintf(at.sun_path, sizeof(at.sun_path), "%.80s/%s", dir, path), (int)sizeof(at.sun_path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
}

static void setup(void)
{
	(void)snprintf(dir, sizeof(dir), "%s", scratch_dir());
	fs = open_fs(dir);
}

static void teardown(void)
{
	client = ct_client_free(client);
	if (listener >= 0)
		(void)close(listener);
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	close_fs(&fs);
}

/* Reads up to the NUL. False: the client went away. */
static bool read_call(int fd, char *text, size_t n)
{
	for (size_t i = 0; i < n && read(fd, text + i, 1) == 1; i++)
		if (text[i] == '\0')
			return true;
	return false;
}

static void write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL);

		if (r <= 0)
			return;
		bytes += r;
		n -= (size_t)r;
	}
}

/* A process that does @serve with each connection, one after the other; the call that came is in @text. */
static void start(void (*serve)(int fd, const char *text))
{
	listen_at(CT_CLIENT_SOCKET);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server > 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		static char text[70000];
		int fd = accept(listener, NULL, NULL);

		while (fd >= 0 && read_call(fd, text, sizeof(text)))
			serve(fd, text);
		(void)close(fd);
	}
}

static void dial(uint64_t timeout)
{
	int r = ct_client_new(&client, fs, timeout, &err);

	ck_assert_msg(r == 0, "%s", err.msg);
}

/* --- servers */

static const char *canned;
static size_t canned_bytes;

static void serve_canned(int fd, const char *text)
{
	(void)text;
	write_all(fd, canned, canned_bytes ? canned_bytes : strlen(canned) + 1);
}

/* What was asked comes back as the answer. */
static void serve_echo(int fd, const char *text)
{
	char answer[70000];
	int n = snprintf(answer, sizeof(answer), "{\"parameters\":%s}", text);

	write_all(fd, answer, (size_t)n + 1);
}

/* The same as an error, for calls that hand no answer over. */
static void serve_echo_failing(int fd, const char *text)
{
	json_t *o = json_pack("{s:s,s:{s:i,s:s}}", "error", "org.conntune.Failed", "parameters", "code", EIO, "message", text);
	char *answer = json_dumps(o, JSON_COMPACT);

	write_all(fd, answer, strlen(answer) + 1);
	free(answer);
	json_decref(o);
}

static void serve_nothing(int fd, const char *text)
{
	(void)fd, (void)text;
}

static void serve_the_end(int fd, const char *text)
{
	(void)text;
	(void)shutdown(fd, SHUT_RDWR);
}

static void serve_echo_once(int fd, const char *text)
{
	serve_echo(fd, text);
	(void)shutdown(fd, SHUT_RDWR);
}

static void serve_half_for_ever(int fd, const char *text)
{
	(void)text;
	write_all(fd, "{\"parameters\":{\"a\":\"", 20);
	for (;;) {
		write_all(fd, "x", 1);
		(void)usleep(20000);
	}
}

static void serve_flood(int fd, const char *text)
{
	static char zeros[65536];

	(void)text;
	memset(zeros, '{', sizeof(zeros));
	for (int i = 0; i < 64; i++)
		write_all(fd, zeros, sizeof(zeros));
}

static void serve_rows_for_ever(int fd, const char *text)
{
	static const char piece[] = "{\"parameters\":{\"rows\":[1,2,3,4,5,6,7,8,9,0]},\"continues\":true}";

	(void)text;
	for (int i = 0; i < 100000; i++)
		write_all(fd, piece, sizeof(piece));
}

static void serve_rows(int fd, const char *text)
{
	static const char pieces[] = "{\"parameters\":{\"rows\":[1,2]},\"continues\":true}\0"
				     "{\"parameters\":{\"rows\":[]},\"continues\":true}\0{\"parameters\":{\"rows\":[3]}}";

	if (strstr(text, "\"more\":true"))
		write_all(fd, pieces, sizeof(pieces));
	else
		serve_echo(fd, text);
}

/* --- nobody there */

START_TEST(no_daemon_is_told_as_such)
{
	ck_assert_failed(ct_client_new(&client, fs, PATIENCE, &err), err, -ENOENT, "conntuned isn't running");
	ck_assert_ptr_null(client);
}
END_TEST

START_TEST(socket_that_a_daemon_left_is_told_as_such)
{
	listen_at(CT_CLIENT_SOCKET);
	(void)close(listener);
	listener = -1;
	ck_assert_failed(ct_client_new(&client, fs, PATIENCE, &err), err, -ECONNREFUSED, "nobody listens");
}
END_TEST

START_TEST(file_that_is_no_socket_is_no_daemon)
{
	put_file(dir, CT_CLIENT_SOCKET, "");
	ck_assert_failed(ct_client_new(&client, fs, PATIENCE, &err), err, -ECONNREFUSED, "nobody listens");
}
END_TEST

START_TEST(directory_that_is_closed_is_told_as_such)
{
	char path[256];

	if (geteuid() == 0)
		return;
	listen_at(CT_CLIENT_SOCKET);
	(void)snprintf(path, sizeof(path), "%s/run/conntuned", dir);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_failed(ct_client_new(&client, fs, PATIENCE, &err), err, -EACCES, "can't be asked");
	(void)chmod(path, 0755);
}
END_TEST

/* A captured machine may have links to "/run": this machine's daemon must not answer for it. */
START_TEST(links_of_a_captured_machine_stay_in_it)
{
	char path[256], target[256];

	start(serve_echo);
	(void)snprintf(path, sizeof(path), "%s/other/run", dir);
	put_file(dir, "other/x", "");
	(void)snprintf(target, sizeof(target), "%s/run", dir);
	ck_assert_int_eq(symlink(target, path), 0);
	close_fs(&fs);
	(void)snprintf(path, sizeof(path), "%s/other", dir);
	fs = open_fs(path);
	ck_assert_failed(ct_client_new(&client, fs, PATIENCE, &err), err, -ENOENT, "isn't running");
}
END_TEST

START_TEST(root_of_any_length_is_fine)
{
	char path[512] = "", deep[400];

	listen_at("short");
	memset(deep, 'd', sizeof(deep));
	deep[200] = '/';
	deep[399] = '\0';
	put_file(dir, deep, "");
	deep[200] = '\0';
	(void)snprintf(path, sizeof(path), "%.120s/%.300s/run/conntuned/x", dir, deep);
	put_file("", path, "");
	*strrchr(path, 'x') = '\0';
	(void)strcat(path, "org.conntune");
	(void)snprintf(deep, sizeof(deep), "%s/short", dir);
	ck_assert_int_eq(rename(deep, path), 0);
	*strstr(path, "/run/conntuned") = '\0';
	close_fs(&fs);
	fs = open_fs(path);
	dial(PATIENCE);
}
END_TEST

/* --- as it should be */

START_TEST(answer_is_handed_over)
{
	json_t *parameters = json_pack("{s:i}", "a", 1), *answer = NULL;

	start(serve_echo);
	dial(PATIENCE);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ct_client_call(client, "org.example.Echo", parameters, &answer, &err), 0);
		ck_assert(json_equal(json_object_get(answer, "parameters"), parameters));
		ck_assert_str_eq(json_string_value(json_object_get(answer, "method")), "org.example.Echo");
		json_decref(answer);
	}
	json_decref(parameters);
}
END_TEST

START_TEST(answer_without_parameters_is_an_empty_object)
{
	json_t *answer = NULL;

	canned = "{}";
	start(serve_canned);
	dial(PATIENCE);
	ck_assert_int_eq(ct_client_status(client, &answer, &err), 0);
	ck_assert(json_is_object(answer));
	ck_assert_uint_eq(json_object_size(answer), 0);
	json_decref(answer);
	ck_assert_int_eq(ct_client_resume(client, &err), 0);
}
END_TEST

/* Until the server has closed the client's connection: the only other socket here. */
static void wait_hangup(void)
{
	for (int fd = 3; fd < 64; fd++) {
		struct pollfd p = { .fd = fd, .events = POLLRDHUP };
		socklen_t n = sizeof(int);
		int type;

		if (fd != listener && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM)
			ck_assert_int_eq(poll(&p, 1, 50000), 1);
	}
}

START_TEST(connection_that_the_daemon_closed_is_made_anew)
{
	json_t *answer = NULL;

	start(serve_echo_once);
	dial(PATIENCE);
	for (int i = 0; i < 5; i++) {
		int r = ct_client_status(client, &answer, &err);

		ck_assert_msg(r == 0, "%s", err.msg);
		json_decref(answer);
		wait_hangup();
	}
}
END_TEST

START_TEST(calls_are_what_the_schema_says)
{
	json_t *rows = NULL;

	start(serve_echo_failing);
	dial(PATIENCE);
	ck_assert_failed(ct_client_hold(client, 90, &err), err, -EIO,
			 "{\"method\":\"org.conntune.Hold\",\"parameters\":{\"seconds\":90}}");
	ck_assert_failed(ct_client_hold(client, 0, &err), err, -EIO, "{\"method\":\"org.conntune.Hold\",\"parameters\":{}}");
	ck_assert_failed(ct_client_hold(client, UINT64_MAX, &err), err, -EIO, "\"seconds\":9223372036854775807}");
	ck_assert_failed(ct_client_resume(client, &err), err, -EIO, "{\"method\":\"org.conntune.Resume\"}");
	ck_assert_failed(ct_client_confirm(client, &err), err, -EIO, "{\"method\":\"org.conntune.Confirm\"}");
	ck_assert_failed(ct_client_history(client, "hour", 7, &rows, &err), err, -EIO,
			 "\"parameters\":{\"span\":\"hour\",\"since\":7},\"more\":true}");
}
END_TEST

START_TEST(history_is_put_together)
{
	json_t *rows = NULL;

	start(serve_rows);
	dial(PATIENCE);
	ck_assert_int_eq(ct_client_history(client, "minute", 0, &rows, &err), 0);
	ck_assert_uint_eq(json_array_size(rows), 3);
	ck_assert_int_eq(json_integer_value(json_array_get(rows, 2)), 3);
	json_decref(rows);
	ck_assert_int_eq(ct_client_resume(client, &err), 0);
}
END_TEST

static int stop_at_once(struct json_t *parameters, void *userdata)
{
	(void)parameters;
	++*(int *)userdata;
	return 7;
}

START_TEST(caller_may_stop_and_ask_something_else)
{
	int calls = 0;

	start(serve_rows);
	dial(PATIENCE);
	ck_assert_int_eq(ct_client_call_more(client, "org.conntune.History", NULL, stop_at_once, &calls, &err), 7);
	ck_assert_int_eq(calls, 1);
	/* not the rows that are still on their way */
	json_t *answer = NULL;

	ck_assert_int_eq(ct_client_status(client, &answer, &err), 0);
	ck_assert_ptr_null(json_object_get(answer, "rows"));
	json_decref(answer);
}
END_TEST

/* --- errors of the daemon */

static const struct {
	const char *answer, *word;
	int code;
} errors[] = {
	{ "{\"error\":\"org.conntune.PermissionDenied\",\"parameters\":{\"message\":\"only root\"}}", "only root", -EPERM },
	{ "{\"error\":\"org.conntune.NothingWaits\",\"parameters\":{\"message\":\"nothing\"}}", "nothing", -ESTALE },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":16,\"message\":\"in a fight\"}}", "in a fight", -EBUSY },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":0,\"message\":\"odd\"}}", "odd", -EREMOTEIO },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":-5}}", "conntuned", -EREMOTEIO },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":9223372036854775807}}", "conntuned", -EREMOTEIO },
	{ "{\"error\":\"org.conntune.Failed\"}", "conntuned", -EREMOTEIO },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":5,\"message\":\"\\u001b[2J\\n\"}}", "?[2J?", -EIO },
	{ "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"seconds\"}}", "seconds", -EINVAL },
	{ "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"a.b.C\"}}", "a.b.C", -EOPNOTSUPP },
	{ "{\"error\":\"org.example.Surprise\"}", "org.example.Surprise", -EREMOTEIO },
	{ "{\"error\":\"org.conntune.Failed\",\"parameters\":{\"code\":16},\"continues\":true}", "conntuned", -EBUSY },
};

START_TEST(errors_of_the_daemon_are_handed_on)
{
	json_t *answer = NULL;

	canned = errors[_i].answer;
	start(serve_canned);
	dial(PATIENCE);
	ck_assert_failed(ct_client_status(client, &answer, &err), err, errors[_i].code, errors[_i].word);
	ck_assert_ptr_null(answer);
	ck_assert_failed(ct_client_hold(client, 5, &err), err, errors[_i].code, errors[_i].word);
	/* the caller needn't want to know why */
	ck_assert_int_eq(ct_client_hold(client, 5, NULL), errors[_i].code);
}
END_TEST

/* --- servers that are none */

static const struct {
	const char *bytes;
	size_t n;
	int code;
} garbage[] = {
	{ "\0", 1, -EBADMSG },
	{ "HTTP/1.1 400 Bad Request\r\n\0", 27, -EBADMSG },
	{ "[]\0", 3, -EBADMSG },
	{ "{\"parameters\":[]}\0", 18, -EBADMSG },
	{ "{\"error\":1}\0", 12, -EBADMSG },
	{ "{\"continues\":true}\0", 19, -EBADMSG },
	{ "{\"parameters\":{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}\0", 60, -EBADMSG },
};

START_TEST(garbage_is_not_an_answer)
{
	json_t *answer = NULL;

	canned = garbage[_i].bytes;
	canned_bytes = garbage[_i].n;
	start(serve_canned);
	dial(PATIENCE);
	ck_assert_failed(ct_client_status(client, &answer, &err), err, garbage[_i].code, "isn't conntuned");
	ck_assert_ptr_null(answer);
}
END_TEST

static const struct {
	void (*serve)(int fd, const char *text);
	uint64_t timeout;
	int code;
} hostile[] = {
	{ serve_nothing, SHORT, -ETIMEDOUT },
	{ serve_half_for_ever, SHORT, -ETIMEDOUT },
	{ serve_the_end, PATIENCE, -ECONNRESET },
	{ serve_flood, PATIENCE, -EMSGSIZE },
};

START_TEST(hostile_server_costs_no_more_than_the_time_said)
{
	json_t *answer = NULL;
	time_t begin = time(NULL);

	start(hostile[_i].serve);
	dial(hostile[_i].timeout);
	ck_assert_failed(ct_client_status(client, &answer, &err), err, hostile[_i].code, "conntuned");
	ck_assert_int_le(time(NULL) - begin, 30);
}
END_TEST

START_TEST(endless_history_ends)
{
	json_t *rows = NULL;

	start(serve_rows_for_ever);
	dial(PATIENCE);
	ck_assert_failed(ct_client_history(client, "minute", 0, &rows, &err), err, -EMSGSIZE, "too long");
	ck_assert_ptr_null(rows);
}
END_TEST

START_TEST(history_without_rows_is_an_error)
{
	json_t *rows = NULL;

	canned = "{\"parameters\":{\"rows\":{}}}";
	start(serve_canned);
	dial(PATIENCE);
	ck_assert_failed(ct_client_history(client, "minute", 0, &rows, &err), err, -EBADMSG, "list of rows");
}
END_TEST

/* Its queue is full: connect(2) itself waits, and poll(2) can't be asked for how long. */
START_TEST(daemon_that_takes_no_connection_is_not_waited_for)
{
	struct ct_client *waiting[64] = { NULL };
	int r = 0, n = 0;

	listen_at(CT_CLIENT_SOCKET);
	while (n < 64 && r == 0)
		r = ct_client_new(&waiting[n++], fs, SHORT, &err);
	ck_assert_failed(r, err, -ETIMEDOUT, "didn't answer within 0.2 s");
	while (n > 0)
		(void)ct_client_free(waiting[--n]);
}
END_TEST

START_TEST(late_answer_is_not_taken_for_the_next)
{
	json_t *answer = NULL;

	start(serve_nothing);
	dial(SHORT);
	ck_assert_failed(ct_client_status(client, &answer, &err), err, -ETIMEDOUT, "0.2 s");
	/* this server is busy with the connection before, which must be closed for it to come to this one */
	ck_assert_failed(ct_client_status(client, &answer, &err), err, -ETIMEDOUT, "0.2 s");
}
END_TEST

START_TEST(question_that_is_too_long_is_not_sent)
{
	static char text[70000];
	json_t *parameters, *answer = NULL;

	memset(text, 'x', sizeof(text) - 1);
	parameters = json_pack("{s:s}", "a", text);
	start(serve_echo);
	dial(PATIENCE);
	ck_assert_failed(ct_client_call(client, "a.b.C", parameters, &answer, &err), err, -EMSGSIZE, "65536");
	ck_assert_failed(ct_client_call(client, "nonsense", NULL, &answer, &err), err, -EINVAL, "nonsense");
	ck_assert_int_eq(ct_client_call(client, "a.b.C", NULL, &answer, &err), 0);
	json_decref(answer);
	json_decref(parameters);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_daemon_is_told_as_such);
	tcase_add_test(tc, socket_that_a_daemon_left_is_told_as_such);
	tcase_add_test(tc, file_that_is_no_socket_is_no_daemon);
	tcase_add_test(tc, directory_that_is_closed_is_told_as_such);
	tcase_add_test(tc, links_of_a_captured_machine_stay_in_it);
	tcase_add_test(tc, root_of_any_length_is_fine);
	tcase_add_test(tc, answer_is_handed_over);
	tcase_add_test(tc, answer_without_parameters_is_an_empty_object);
	tcase_add_test(tc, connection_that_the_daemon_closed_is_made_anew);
	tcase_add_test(tc, calls_are_what_the_schema_says);
	tcase_add_test(tc, history_is_put_together);
	tcase_add_test(tc, caller_may_stop_and_ask_something_else);
	tcase_add_loop_test(tc, errors_of_the_daemon_are_handed_on, 0, (int)ct_array_size(errors));
	tcase_add_loop_test(tc, garbage_is_not_an_answer, 0, (int)ct_array_size(garbage));
	tcase_add_loop_test(tc, hostile_server_costs_no_more_than_the_time_said, 0, (int)ct_array_size(hostile));
	tcase_add_test(tc, endless_history_ends);
	tcase_add_test(tc, history_without_rows_is_an_error);
	tcase_add_test(tc, daemon_that_takes_no_connection_is_not_waited_for);
	tcase_add_test(tc, late_answer_is_not_taken_for_the_next);
	tcase_add_test(tc, question_that_is_too_long_is_not_sent);
	suite_add_tcase(suite, tc);
	return suite;
}
