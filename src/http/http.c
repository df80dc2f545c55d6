/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, the loop, the end: all that the program consists of is put together here. */
#include "config.h"
#include "auth.h"
#include "http.h"
#include "listen.h"
#include "options.h"
#include "serve.h"
#include "site.h"
#include "source.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <conntune/self.h>
#include <conntune/settings.h>

/* Certificates with a long chain, and the names of everybody in a big house, are smaller. */
#define FILE_BYTES ((size_t)256 * 1024)

/* As whom to go on where nobody else is named. */
#define USER "conntuned-http"
#define NOBODY 65534

struct http {
	struct http_options opt;
	struct ct_settings settings;
	struct ct_fs *fs;
	struct listen_set listeners;
	sd_event *event;
	struct source *source;
	struct site *site;
	struct auth *auth;
	struct serve *serve;
	struct view_self self;
};

/* Whatever is wrong with a file that the configuration names, the configuration is wrong: -EBADMSG. */
static int bad_file(struct ct_err *err, const char *what, const char *path, const char *why)
{
	err->code = -EBADMSG;
	(void)snprintf(err->msg, sizeof(err->msg), "%s '%.100s': %.130s", what, path, why);
	return -EBADMSG;
}

static void forget(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* NULL stays NULL. */
static int read_file(const char *what, const char *path, char **ret, struct ct_err *err)
{
	FILE *f;
	char *text;
	size_t n;
	int r = 0;

	if (!path)
		return 0;
	f = fopen(path, "re");
	if (!f)
		return bad_file(err, what, path, strerror(errno));
	text = calloc(1, FILE_BYTES + 1);
	n = text ? fread(text, 1, FILE_BYTES + 1, f) : 0;
	if (!text || ferror(f))
		r = bad_file(err, what, path, strerror(text ? errno : ENOMEM));
	else if (n > FILE_BYTES || strlen(text) != n)
		r = bad_file(err, what, path, n > FILE_BYTES ? "too long" : "not a text");
	(void)fclose(f);
	if (r == 0)
		*ret = text;
	else
		free(text);
	return r;
}

static int fail(struct ct_err *err, int code, const char *what)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(-code));
	return code;
}

static void on_bad_setting(const char *path, unsigned line, const char *message, void *userdata)
{
	(void)userdata;
	if (line)
		(void)fprintf(stderr, "conntuned-http: %s:%u: %s\n", path, line, message);
	else
		(void)fprintf(stderr, "conntuned-http: %s: %s\n", path, message);
}

static const char *or_setting(const char *option, const char *setting)
{
	return option || !*setting ? option : setting;
}

/* What is wrong is left out, and that might have been the password: so nothing may be wrong, in any section. */
static int add_settings(struct http *h, struct ct_err *err)
{
	struct http_options *o = &h->opt;
	const struct ct_settings *s = &h->settings;
	int r = ct_settings_load(h->fs, &h->settings, on_bad_setting, NULL, err);

	if (r < 0)
		return r;
	o->certificate = or_setting(o->certificate, s->http_certificate);
	o->key = or_setting(o->key, s->http_key);
	o->users = or_setting(o->users, s->http_users);
	o->allow_remote |= s->http_allow_remote;
	o->node_names |= s->http_node_names;
	if (r == 0 && !s->unread && !o->certificate == !o->key)
		return 0;
	err->code = -EBADMSG;
	(void)snprintf(err->msg, sizeof(err->msg), "%s",
		       r || s->unread ? "not started with settings that aren't understood, or can't be read: see above"
		       : o->key       ? "TLSKey= needs its TLSCertificate="
				      : "TLSCertificate= needs its TLSKey=");
	return -EBADMSG;
}

/* Who is let in. */
static int start_auth(struct http *h, struct ct_err *err)
{
	char *text = NULL;
	struct ct_err why = { .code = 0 };
	int r = read_file("users", h->opt.users, &text, err);

	if (r == 0 && text && auth_new(&h->auth, text, &why) < 0)
		r = bad_file(err, "users", h->opt.users, why.msg);
	forget(text);
	return r;
}

/* Others reach it: then what is said is to be encrypted, or asked for with a password, or the administrator knows. */
static int check_reach(const struct http *h, struct ct_err *err)
{
	for (size_t i = 0; i < h->listeners.n && !h->opt.allow_remote && !h->auth && !h->opt.certificate; i++) {
		const struct listen_socket *s = &h->listeners.socket[i];

		if (s->local || s->loopback)
			continue;
		err->code = -EINVAL;
		(void)snprintf(
			err->msg, sizeof(err->msg),
			"'%s' is reached by other machines: configure TLSCertificate= and TLSKey=, or Users=, or "
			"allow it by AllowRemote=yes or --allow-remote",
			s->name);
		return -EINVAL;
	}
	return 0;
}

static int start_listening(struct http *h, struct ct_err *err)
{
	char preset[8];
	int inherited = sd_listen_fds(true), r;

	r = inherited < 0 ? fail(err, inherited, "inherited descriptors") : 0;
	if (r == 0)
		r = listen_inherit(&h->listeners, SD_LISTEN_FDS_START, inherited, err);
	for (size_t i = 0; r == 0 && i < h->opt.addresses; i++)
		r = listen_add(&h->listeners, h->opt.listen[i], err);
	(void)snprintf(preset, sizeof(preset), "%d", LISTEN_PORT);
	if (r == 0 && h->listeners.n == 0)
		r = listen_add(&h->listeners, preset, err);
	return r;
}

static int on_stdin(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	char byte;

	(void)events, (void)userdata;
	return read(fd, &byte, 1) > 0 ? 0 : sd_event_exit(sd_event_source_get_event(source), 0);
}

static int start_loop(struct http *h, struct ct_err *err)
{
	sigset_t ends;
	int r = sd_event_new(&h->event);

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	/* without a handler: the loop ends, with 0 */
	if (r >= 0)
		r = sd_event_add_signal(h->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(h->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0 && h->opt.end_with_stdin)
		r = sd_event_add_io(h->event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, NULL);
	return r < 0 ? fail(err, r, "can't make an event loop") : 0;
}

static int start_serving(struct http *h, struct ct_err *err)
{
	char *certificate = NULL, *key = NULL;
	struct serve_options options = { .auth = h->auth };
	struct ct_err why = { .code = 0 };
	int r = read_file("certificate", h->opt.certificate, &certificate, err);

	if (r == 0)
		r = read_file("key", h->opt.key, &key, err);
	options.tls_certificate = certificate;
	options.tls_key = key;
	if (r == 0) {
		r = serve_new(&h->serve, h->event, &h->listeners, &options, &h->self, site_answer, h->site, &why);
		if (r == -EINVAL && certificate)
			r = bad_file(err, "certificate", h->opt.certificate, why.msg);
		else if (r < 0)
			*err = why;
	}
	free(certificate);
	forget(key);
	return r;
}

/* Root no more, once all is open that only root may open. A captured tree stays open to who has captured it. */
static int become_somebody(const struct http *h, struct ct_err *err)
{
	const char *name = h->opt.user ? h->opt.user : USER;
	const struct passwd *who;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid() != 0 || (!h->opt.user && !ct_fs_is_live(h->fs)))
		return 0;
	who = getpwnam(name);
	if (who) {
		uid = who->pw_uid;
		gid = who->pw_gid;
	} else if (h->opt.user) {
		err->code = -EINVAL;
		(void)snprintf(err->msg, sizeof(err->msg), "--user '%.100s': there is no such user", name);
		return -EINVAL;
	}
	sandbox_bound();
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return fail(err, -errno, "can't become another user than root");
	return 0;
}

static int enter_sandbox(struct http *h, struct ct_err *err)
{
	struct sandbox_options options = { .mode = h->opt.sandbox, .tree = !ct_fs_is_live(h->fs) };

	for (size_t i = 0; i < h->listeners.n; i++)
		options.remove |= h->listeners.socket[i].path[0] != '\0';
	return sandbox_enter(&options, err);
}

static double unix_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int start(struct http *h, struct ct_err *err)
{
	int r = ct_fs_new(&h->fs, h->opt.root, err);

	h->self.started_unix = unix_seconds();
	if (r == 0)
		r = add_settings(h, err);
	if (r == 0)
		r = start_auth(h, err);
	if (r == 0)
		r = start_listening(h, err);
	if (r == 0)
		r = check_reach(h, err);
	if (r == 0)
		r = start_loop(h, err);
	if (r == 0)
		r = source_new(&h->source, h->fs, err);
	if (r == 0)
		r = site_new(&h->site, h->source, &h->self, h->opt.node_names, err);
	if (r == 0)
		r = start_serving(h, err);
	return r;
}

static void say_ready(const struct http *h)
{
	for (size_t i = 0; i < h->listeners.n; i++)
		(void)fprintf(stderr, "conntuned-http: answers on %s\n", h->listeners.socket[i].name);
	(void)sd_notify(1, "READY=1");
}

/* The last thing before the loop: what follows can't open a socket, not even to the service manager. */
static int run(struct http *h, struct ct_err *err)
{
	int r;

	r = become_somebody(h, err);
	if (r < 0)
		return r;
	say_ready(h);
	r = enter_sandbox(h, err);
	if (r < 0)
		return r;
	ct_self_trim();
	r = sd_event_loop(h->event);
	return r < 0 ? fail(err, r, "the event loop") : 0;
}

static void done(struct http *h)
{
	(void)serve_free(h->serve);
	(void)site_free(h->site);
	(void)source_free(h->source);
	(void)auth_free(h->auth);
	listen_close(&h->listeners);
	(void)sd_event_unref(h->event);
	(void)ct_fs_free(h->fs);
}

int http_main(int argc, char **argv)
{
	struct http *h = calloc(1, sizeof(*h));
	struct ct_err err = { .code = 0 };
	int r = h ? http_options_parse(argc, argv, &h->opt, &err) : fail(&err, -ENOMEM, "can't start");

	if (r == 0 && h->opt.help) {
		http_options_help(stdout);
	} else if (r == 0 && h->opt.version) {
		(void)printf("conntuned-http %s\n", VERSION);
	} else if (r == 0) {
		r = start(h, &err);
		if (r == 0)
			r = run(h, &err);
		done(h);
	}
	free(h);
	if (r < 0)
		(void)fprintf(stderr, "conntuned-http: %s\n", err.msg);
	return (int)http_exit_code(r);
}
