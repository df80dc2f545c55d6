/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conntuned-boot: before the module is loaded, write the hash size with which it shall come up, and the limit, for this
 * boot alone. A bad or doubtful line would keep connection tracking, and so the firewall, from coming up: on any doubt
 * nothing is written. What is computed is what conntuned would decide if it looked now and found the kernel's own
 * values.
 */
#include "config.h"
#include "decide.h"
#include "sizing.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <conntune/owners.h>
#include <conntune/persist.h>

/* All that is found out. The exit code is 0 whatever it is: nothing that comes after may be held up. */
struct boot {
	struct ct_fs *fs;
	struct ct_facts facts;
	struct ct_settings settings;
	uint64_t limit, buckets;
};

/* No time, no name: whoever reads standard error adds them. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)fprintf(stderr, "%s\n", text);
}

static int fail(struct ct_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct ct_err *err, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
	va_end(ap);
	err->code = code;
	return code;
}

static void on_bad_setting(const char *path, unsigned line, const char *message, void *userdata)
{
	(void)userdata;
	if (line)
		say("%s:%u: %s", path, line, message);
	else
		say("%s: %s", path, message);
}

static int load_settings(struct boot *b, struct ct_err *err)
{
	int r = ct_settings_load(b->fs, &b->settings, on_bad_setting, NULL, err);

	if (r > 0)
		return fail(err, -EINVAL, "the configuration is wrong in %d %s", r, r == 1 ? "place" : "places");
	if (r == 0 && b->settings.mode != CT_MODE_TUNE)
		return fail(err, -ECANCELED, "Mode=%s", ct_mode_name(b->settings.mode));
	return r;
}

/* What this very program wrote at an earlier start is no other's. */
static bool is_of_this_boot(const struct ct_owner *owner)
{
	return owner->ours && strncmp(owner->path, "/run/", strlen("/run/")) == 0;
}

/* Whoever else sets the hash size has the last word; where somebody sets the limit, it is his, too. */
static int heed_owners(struct boot *b, struct ct_err *err)
{
	struct ct_owners *owners = NULL;
	const struct ct_owner *o;
	int r = ct_owners_collect(b->fs, &owners, err);

	for (size_t i = 0; r == 0 && (o = ct_owners_at(owners, i)); i++) {
		if (o->hidden || o->kind == CT_OWNER_MODULES_LOAD || o->kind == CT_OWNER_PROGRAM || is_of_this_boot(o))
			continue;
		if (o->param == CT_PARAM_LIMIT)
			b->limit = 0;
		else
			r = fail(err, -EEXIST, "%s:%u sets the hash size", o->path, o->line);
	}
	(void)ct_owners_free(owners);
	return r;
}

/* As if it were loaded already, empty, with what this kernel chooses. */
static int size(struct boot *b, struct ct_err *err)
{
	struct decide_config config;
	struct decide_look look = { .now_usec = 1, .present = true };
	struct decide_verdict verdict;
	struct decide d;
	struct ct_size kernel;
	int r = sizing_make(&b->settings, &b->facts, &config, err);

	if (r == 0)
		r = ct_size_compute(&config.request, CT_POLICY_KERNEL, &kernel, err);
	if (r < 0)
		return r;
	config.can_set_limit = config.can_set_buckets = true;
	look.entries = look.all_entries = (struct ct_u64){ .known = true };
	look.limit = (struct ct_u64){ .known = true, .v = kernel.limit };
	look.buckets = (struct ct_u64){ .known = true, .v = kernel.buckets };
	look.mem_available = b->facts.mem_available_bytes;
	decide_init(&d);
	decide(&d, &config, &look, &verdict);
	b->limit = verdict.limit ? verdict.limit : kernel.limit;
	b->buckets = verdict.buckets ? verdict.buckets : kernel.buckets;
	return 0;
}

static int prepare(struct boot *b, struct ct_err *err)
{
	struct ct_boot_files files;
	int r = ct_facts_collect(b->fs, NULL, &b->facts, err);

	if (r == 0 && b->facts.presence != CT_PRESENCE_ABSENT)
		return fail(err, -EEXIST, "connection tracking is there already (%s)",
			    ct_presence_name(b->facts.presence));
	if (r == 0)
		r = load_settings(b, err);
	if (r == 0)
		r = size(b, err);
	if (r == 0)
		r = heed_owners(b, err);
	if (r == 0)
		r = ct_boot_run_make(&b->facts, b->limit, b->buckets, &files, err);
	if (r == 0)
		r = ct_boot_files_write(b->fs, &files, err);
	return r;
}

static int run(const char *root)
{
	struct boot b = { .fs = NULL };
	struct ct_err err = { 0 };
	int r = ct_fs_new(&b.fs, root, &err);

	if (r == 0)
		r = prepare(&b, &err);
	if (r < 0)
		say("nothing prepared: %s", err.msg);
	else if (b.limit)
		say("when connection tracking is loaded: %" PRIu64 " buckets, limit %" PRIu64, b.buckets, b.limit);
	else
		say("when connection tracking is loaded: %" PRIu64 " buckets; the limit is set by others", b.buckets);
	b.fs = ct_fs_free(b.fs);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option known[] = { { "root", required_argument, NULL, 'r' },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	const char *root = "/";
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			root = optarg;
		else if (c == 'h')
			return puts("Usage: conntuned-boot [--root DIR]\nWrites the hash size of this boot's "
				    "connection tracking "
				    "table to /run/modprobe.d; see conntuned(8).") < 0;
		else
			return 2;
	}
	return optind < argc ? 2 : run(root);
}
