/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the active profile of tuned sets: it runs on many machines, and seldom touches connection tracking. */
#include "config.h"
#include "fs.h"
#include "owners_parts.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Profiles include others; a handful in those that come with tuned. Bounds a loop, too. */
#define PROFILES_MAX 16

#define NAME_BYTES 65

struct reading {
	struct ct_fs *fs;
	const struct ct_kver *kernel;
	struct ct_tuned *found;
	int profiles;
};

static int read_profile(struct reading *r, const char *name);

/* A list of profiles, separated by blanks or commas. '-' before a name: it may be missing. */
static int read_profiles(struct reading *r, char *names)
{
	static const char between[] = " \t,";
	char *rest;
	int code = 0;

	for (char *name = strtok_r(names, between, &rest); name && code == 0; name = strtok_r(NULL, between, &rest))
		code = read_profile(r, name + (*name == '-'));
	return code;
}

/* The value of "KEY = VALUE", or NULL if it is another line. */
static char *value_of(char *line, const char *key)
{
	size_t n = strlen(key);

	line += strspn(line, " \t");
	if (strncmp(line, key, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* tuned takes '>' and '<' before a number for "at least" and "at most". */
static void set(struct reading *r, char *line)
{
	char *value = strchr(line, '=');
	struct ct_boot_line found;

	if (value) {
		value += 1 + strspn(value + 1, " \t\"'");
		if (value[-1] == '"' || value[-1] == '\'')
			value[-1] = ' ';
		if (*value == '>' || *value == '<')
			*value = ' ';
		value[strcspn(value, "\"'")] = '\0';
	}
	if (ct_parse_sysctl_line(line, r->kernel, &found) && found.works) {
		r->found->sets[found.param == CT_PARAM_BUCKETS] = true;
		r->found->line[found.param == CT_PARAM_BUCKETS] = found;
	}
}

/* [main] first: what it includes is overridden by what follows. A section's type is its name unless it says so. */
static int read_text(struct reading *r, char *text)
{
	struct ct_boot_text walk = { .next = text };
	bool sysctl = false;
	int code = 0;
	char *line, *value;

	while (code == 0 && (line = ct_boot_text_line(&walk))) {
		line += strspn(line, " \t");
		value = value_of(line, "type");
		if (*line == '[')
			sysctl = strncmp(line, "[sysctl]", 8) == 0;
		else if (value)
			sysctl = strncmp(value, "sysctl", 6) == 0;
		else if ((value = value_of(line, "include")))
			code = read_profiles(r, value);
		else if (sysctl)
			set(r, line);
	}
	return code;
}

static bool is_profile_name(const char *name)
{
	return isalnum((unsigned char)*name) && strlen(name) < NAME_BYTES && !strchr(name, '/');
}

/* Newer versions keep profiles in a directory of their own; what the administrator wrote hides what was installed. */
static int read_profile(struct reading *r, const char *name)
{
	static const char *const dirs[] = {
		"etc/tuned/profiles", "etc/tuned", "usr/lib/tuned/profiles", "usr/lib/tuned",
	};
	char path[128];

	if (!is_profile_name(name) || r->profiles++ >= PROFILES_MAX)
		return 0;
	for (size_t i = 0; i < ct_array_size(dirs); i++) {
		ct_cleanup(ct_freep) char *text = NULL;
		int code;

		(void)snprintf(path, sizeof(path), "%s/%s/tuned.conf", dirs[i], name);
		code = ct_fs_read(r->fs, path, &text, NULL, NULL);
		if (code == 0)
			return read_text(r, text);
		if (code == -ENOMEM)
			return code;
	}
	return 0;
}

int ct_tuned_read(struct ct_fs *fs, const struct ct_kver *v, struct ct_tuned *ret)
{
	struct reading r = { .fs = fs, .kernel = v, .found = ret };
	char active[256];

	*ret = (struct ct_tuned){ 0 };
	if (ct_fs_read_start(fs, "etc/tuned/active_profile", active, sizeof(active), NULL, NULL) < 0)
		return 0;
	active[strcspn(active, "\n")] = '\0';
	return read_profiles(&r, active);
}
