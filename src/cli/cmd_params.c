/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntune params: the table of tunables, or everything about one; or the settings of conntuned. */
#include "config.h"
#include "cli.h"
#include "options.h"
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <conntune/facts.h>
#include <conntune/param.h>
#include <conntune/settings.h>

/* One tunable on this machine. */
struct shown {
	const struct ct_param *param;
	const struct ct_value *value;
	bool has_default;
	int64_t standard;
	bool exists;
};

static struct shown shown_of(const struct ct_facts *facts, enum ct_param_id id)
{
	struct shown s = { .param = ct_param_get(id), .value = &facts->value[id] };

	s.has_default = ct_param_default(s.param, &facts->kernel, &s.standard) == 0;
	/* one that came with a stable update is the default here, although the version alone doesn't say so */
	if (s.value->known && ct_param_is_default(s.param, &facts->kernel, s.value->v))
		s.standard = s.value->v;
	s.exists = ct_param_exists(s.param, &facts->kernel);
	return s;
}

/* Without the prefix that all have in common: 80 columns are few. */
static const char *short_name(const struct ct_param *p)
{
	static const char prefix[] = "nf_conntrack_";

	return strncmp(p->name, prefix, sizeof(prefix) - 1) == 0 ? p->name + sizeof(prefix) - 1 : p->name;
}

static const char *access_text(enum ct_access access)
{
	switch (access) {
	case CT_ACCESS_READ:
		return "read";
	case CT_ACCESS_WRITE:
		return "write";
	case CT_ACCESS_LOAD:
		return "load";
	}
	return "";
}

static void version_text(char *text, size_t n, const struct ct_kver *v)
{
	(void)snprintf(text, n, v->patch ? "%u.%u.%u" : "%u.%u", v->major, v->minor, v->patch);
}

static bool is_set(const struct ct_kver *v)
{
	return v->major || v->minor || v->patch;
}

static void show_kernels(struct out *out, const struct shown *s, bool detail)
{
	char since[24], until[24];
	const struct ct_param *p = s->param;

	if (is_set(&p->since)) {
		version_text(since, sizeof(since), &p->since);
		out_text(out, "since", detail ? "since kernel" : NULL, since);
	}
	if (is_set(&p->until)) {
		version_text(until, sizeof(until), &p->until);
		out_text(out, "until", detail ? "until kernel" : NULL, until);
	}
	out_bool(out, "exists", detail ? "in this kernel" : NULL, s->exists);
}

/* For people the number and, where that helps, the same in other words. */
static void show_number(struct out *out, const struct ct_param *p, const char *key, const char *label, bool detail,
			int64_t v)
{
	static const enum out_unit units[] = { [CT_UNIT_SECONDS] = OUT_SECONDS, [CT_UNIT_BYTES] = OUT_BYTES };
	enum out_unit unit = p->unit < cli_array_size(units) ? units[p->unit] : OUT_PLAIN;

	out_i64(out, key, label, detail && v >= 0 ? unit : OUT_PLAIN, v);
}

static void show_values(struct out *out, const struct shown *s, bool detail)
{
	const struct ct_param *p = s->param;
	bool changed = s->value->known && s->has_default && s->value->v != s->standard;
	char range[64];

	if (s->value->known)
		show_number(out, p, "value", "value", detail, s->value->v);
	if (!detail)
		out_text(out, NULL, "", changed ? "*" : " ");
	if (s->has_default)
		show_number(out, p, "default", "default", detail, s->standard);
	else if (!detail && p->access != CT_ACCESS_READ)
		out_text(out, NULL, "default", "computed");
	if (p->default_text)
		out_text(out, "default_text", detail ? "default is" : NULL, p->default_text);
	if (p->access == CT_ACCESS_READ) {
		out_text(out, NULL, "range", "read only");
		return;
	}
	(void)snprintf(range, sizeof(range), "%" PRId64 "..%" PRId64, p->min, p->max);
	out_text(out, NULL, "range", range);
	out_i64(out, "min", NULL, OUT_PLAIN, p->min);
	out_i64(out, "max", NULL, OUT_PLAIN, p->max);
}

static void show_param(struct out *out, const struct shown *s, bool detail)
{
	const struct ct_param *p = s->param;

	out_begin(out, OUT_OBJECT, NULL, detail ? p->name : NULL);
	out_text(out, "name", NULL, p->name);
	if (!detail)
		out_text(out, NULL, "name", short_name(p));
	out_text(out, "help", detail ? "what it is" : NULL, p->help);
	if (p->alias)
		out_text(out, "alias", detail ? "also known as" : NULL, p->alias);
	show_values(out, s, detail);
	if (*ct_unit_name(p->unit))
		out_text(out, "unit", "unit", ct_unit_name(p->unit));
	if (p->up)
		out_text(out, "up", detail ? "raising" : "raising it", p->up);
	if (p->down)
		out_text(out, "down", detail ? "lowering" : NULL, p->down);
	if (p->takes_effect)
		out_text(out, "takes_effect", detail ? "takes effect" : NULL, p->takes_effect);
	out_text(out, "scope", detail ? "one value for" : NULL,
		 p->scope == CT_SCOPE_HOST ? "host" : detail ? "each network namespace" : "netns");
	out_text(out, "access", detail ? "access" : NULL, access_text(p->access));
	if (s->value->known)
		out_bool(out, "writable", NULL, s->value->writable);
	if (s->value->path)
		out_text(out, "path", detail ? "file" : NULL, s->value->path);
	show_kernels(out, s, detail);
	if (p->source)
		out_text(out, "source", detail ? "decided in" : NULL, p->source);
	out_end(out);
}

static int find(const char *name, enum ct_param_id *ret, struct ct_err *err)
{
	int r = ct_param_by_name(name, ret, err);

	return r == -ENOENT ? -EINVAL : r;
}

static void show_table(struct out *out, const struct ct_facts *facts)
{
	out_begin(out, OUT_TABLE, "params", "Tunables; * differs from the default");
	for (int i = 0; i < CT_PARAM__COUNT; i++) {
		struct shown s = shown_of(facts, (enum ct_param_id)i);

		if (s.exists || s.value->known)
			show_param(out, &s, false);
	}
	out_end(out);
	out_line(out, "Everything about one: conntune params NAME. Names may have \"nf_conntrack_\" before them.");
}

/* What is wrong in the files; kept, because the table comes first. */
struct wrong {
	char (*line)[512];
	size_t count;
	bool lost;                      /* for want of memory */
};

static void free_wrong(struct wrong *w)
{
	free(w->line);
}

static void on_wrong(const char *path, unsigned line, const char *message, void *userdata)
{
	struct wrong *w = userdata;
	void *more = reallocarray(w->line, w->count + 1, sizeof(*w->line));

	w->lost |= !more;
	if (!more)
		return;
	w->line = more;
	if (line)
		(void)snprintf(w->line[w->count++], sizeof(*w->line), "%s:%u: %s", path, line, message);
	else
		(void)snprintf(w->line[w->count++], sizeof(*w->line), "%s: %s", path, message);
}

static void show_setting(struct out *out, const struct ct_settings *settings, size_t i)
{
	const struct ct_setting *s = ct_setting_at(i);
	char value[CT_SETTING_PATH_MAX] = "";

	(void)ct_setting_text(settings, i, value, sizeof(value));
	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, "section", "section", s->section);
	out_text(out, "key", "key", s->key);
	out_text(out, "value", "value", value);
	out_text(out, NULL, "", strcmp(value, s->preset) != 0 ? "*" : " ");
	out_text(out, "default", "default", s->preset);
	out_text(out, "values", "takes", s->values);
	out_text(out, "help", NULL, s->help);
	out_end(out);
}

static int show_settings(struct out *out, struct ct_fs *fs, struct ct_err *err)
{
	cli_cleanup(free_wrong) struct wrong wrong = { .count = 0 };
	struct ct_settings settings;
	int r = ct_settings_load(fs, &settings, on_wrong, &wrong, err);

	if (r >= 0 && wrong.lost)
		return cli_fail(err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	out_begin(out, OUT_TABLE, "settings", "Settings of conntuned; * differs from the default");
	for (size_t i = 0; ct_setting_at(i); i++)
		show_setting(out, &settings, i);
	out_end(out);
	out_begin(out, OUT_LIST, "problems", "Wrong in its files, and left out");
	for (size_t i = 0; i < wrong.count; i++)
		out_text(out, NULL, NULL, wrong.line[i]);
	out_end(out);
	out_line(out, "What each is for: conntuned.conf(5).");
	return 0;
}

int cmd_params(const struct cli_options *opt, struct out *out, struct ct_err *err)
{
	cli_cleanup(cli_fs_freep) struct ct_fs *fs = NULL;
	struct ct_facts facts;
	enum ct_param_id id = CT_PARAM_LIMIT;
	int r = opt->name ? find(opt->name, &id, err) : 0;

	if (r == 0)
		r = cli_open_root(&fs, opt, err);
	if (r == 0 && opt->settings)
		return show_settings(out, fs, err);
	if (r == 0)
		r = ct_facts_collect(fs, NULL, &facts, err);
	if (r < 0)
		return r;
	if (!opt->name) {
		show_table(out, &facts);
	} else {
		struct shown s = shown_of(&facts, id);

		out_begin(out, OUT_LIST, "params", NULL);
		show_param(out, &s, true);
		out_end(out);
	}
	return 0;
}
