/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune confirm: what conntuned or apply --confirm set stays; with the latter, its boot files are written. */
#include "config.h"
#include "change.h"
#include "cli.h"
#include "daemon.h"
#include "guard.h"

#include <errno.h>
#include <inttypes.h>

/* @limit, @buckets: what is kept */
struct confirm {
	struct change c;
	struct ct_pending pending;
	struct ct_facts facts;
	uint64_t limit, buckets;
	struct ct_boot_files files;
	enum ct_boot_change file_change[CT_BOOT_FILES_MAX];
};

/* A value that was set and isn't there any more was changed by somebody else: that isn't ours to persist. */
static int check_value(const char *what, struct ct_u64 set, struct ct_u64 now, uint64_t *kept, struct ct_err *err)
{
	*kept = now.v;
	if (!set.known || (now.known && now.v == set.v))
		return 0;
	return cli_fail(err, -ESTALE,
			"%s %" PRIu64 " was set, but %" PRIu64 " is in force: somebody else changed it; see "
			"'conntune status', then apply again or 'conntune revert'",
			what, set.v, now.v);
}

static int look(struct confirm *k, struct ct_err *err)
{
	int r = ct_facts_collect(k->c.fs, NULL, &k->facts, err);

	if (r == 0)
		r = check_value("a limit of", k->pending.new_limit, ct_facts_limit(&k->facts), &k->limit, err);
	if (r == 0)
		r = check_value("a number of buckets of", k->pending.new_buckets, ct_facts_buckets(&k->facts),
				&k->buckets, err);
	return r;
}

static int write_files(struct confirm *k, struct ct_err *err)
{
	int r = ct_boot_files_make(&k->facts, k->limit, k->buckets, &k->files, err);

	if (r == 0)
		r = ct_boot_files_compare(k->c.fs, &k->files, k->file_change, err);
	return r < 0 ? r : ct_boot_files_write(k->c.fs, &k->files, err);
}

/* The files first: if we are killed between, it still waits, and the next confirm (or the guard) goes on. */
static int keep(struct confirm *k, int fd, struct ct_err *err)
{
	sigset_t before;
	int r;

	change_block(&before);
	r = k->pending.persist ? write_files(k, err) : 0;
	if (r < 0)
		ct_pending_release(fd);
	else
		r = ct_pending_done(k->c.fs, fd, err);
	change_unblock(&before);
	return r;
}

static int show(struct confirm *k, struct ct_err *err)
{
	struct out *out = k->c.out;

	out_line(out, "Kept: limit %" PRIu64 ", %" PRIu64 " buckets%s.", k->limit, k->buckets,
		 k->pending.persist ? ", now and at the next boot" : ", until the next boot");
	out_u64(out, "limit", NULL, OUT_PLAIN, k->limit);
	out_u64(out, "buckets", NULL, OUT_PLAIN, k->buckets);
	if (!k->pending.persist)
		return 0;
	change_show_files(&k->c, &k->files, k->file_change);
	return change_warn(&k->c, k->limit, k->buckets, err);
}

/* Too late is too late, also if the guard died: nobody may believe a confirmation that came after its time. */
static int confirm(struct confirm *k, struct ct_err *err)
{
	bool undone = false;
	int fd, r;

	r = guard_settle(k->c.fs, &(struct ct_apply_options){ .dry_run = false }, &undone, err);
	if (undone && r == 0)
		return cli_fail(err, -ESTALE, "too late: the apply was overdue and has been undone now");
	if (r == 0)
		return cli_fail(err, -ESTALE, "nothing waits to be confirmed");
	if (r != -EBUSY)
		return r;
	*err = (struct ct_err){ .code = 0 };
	r = ct_pending_claim(k->c.fs, &k->pending, &fd, err);
	if (r < 0)
		return r;
	r = look(k, err);
	if (r < 0) {
		ct_pending_release(fd);
		return r;
	}
	r = keep(k, fd, err);
	return r < 0 ? r : show(k, err);
}

static int confirm_apply(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	struct confirm k = { .limit = 0 };
	int r = change_open(&k.c, opt, out, err);

	if (r == 0)
		r = confirm(&k, err);
	change_close(&k.c);
	return r;
}

/* Returns: 0 if it kept something; -ESTALE if there was nothing, or no daemon; what it failed with. */
static int confirm_daemon(struct ct_fs *fs, struct out *out, struct ct_err *err)
{
	cli_cleanup(daemon_freep) struct ct_client *client = NULL;
	int r = ct_client_new(&client, fs, DAEMON_TIMEOUT_USEC, err);

	if (daemon_is_absent(r))
		return -ESTALE;
	if (r == 0)
		r = ct_client_confirm(client, err);
	if (r < 0)
		return r;
	out_line(out, "Kept: what conntuned had changed.");
	out_bool(out, "daemon_confirmed", NULL, true);
	return 0;
}

static bool apply_waits(struct ct_fs *fs)
{
	struct ct_pending pending;

	return ct_pending_load(fs, &pending, NULL) != -ENOENT;
}

/*
 * Whoever types this wants to stay what is there: the daemon's change, and an apply that waits too. A daemon that doesn't
 * answer is no reason to let an apply be undone.
 */
int cmd_confirm(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	struct ct_err daemon_err = { 0 };
	int r = cli_open_root(&fs, opt, err), of_daemon;

	if (r < 0)
		return r;
	of_daemon = confirm_daemon(fs, out, &daemon_err);
	if (of_daemon == -ENOMEM)
		return cli_fail(err, of_daemon, "%s", daemon_err.msg);
	if (of_daemon < 0 && of_daemon != -ESTALE && apply_waits(fs)) {
		out_line(out, "%s.", daemon_err.msg);
		out_text(out, "daemon_error", NULL, daemon_err.msg);
	}
	if (of_daemon == -ESTALE || apply_waits(fs))
		return confirm_apply(opt, out, err);
	return of_daemon < 0 ? cli_fail(err, of_daemon, "%s", daemon_err.msg) : 0;
}
