/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of boot files, read as systemd-sysctl, libkmod and the kernel read them. */
#include "config.h"
#include "boot_lines.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <conntune/persist.h>

bool ct_boot_text_is_ours(const char *text)
{
	size_t n = strlen(CT_BOOT_MARK);

	return strncmp(text, CT_BOOT_MARK, n) == 0 && (text[n] == '\0' || text[n] == '\n');
}

char *ct_boot_text_line(struct ct_boot_text *t)
{
	char *line = t->next;

	if (*line == '\0')
		return NULL;
	t->next += strcspn(line, "\n");
	if (*t->next)
		*t->next++ = '\0';
	t->line++;
	return line;
}

/* A backslash swallows a line break, in comments too, and vanishes before anything else. */
char *ct_boot_text_wrapped(struct ct_boot_text *t)
{
	char *line = t->next, *in = line, *out = line;

	if (*line == '\0')
		return NULL;
	t->line += t->more + 1;
	t->more = 0;
	while (*in && *in != '\n') {
		if (in[0] == '\\' && in[1] == '\n') {
			in += 2;
			t->more++;
			continue;
		}
		in += in[0] == '\\' && in[1];
		*out++ = *in++;
	}
	t->next = in + (*in != '\0');
	*out = '\0';
	return line;
}

/* As the kernel does it: decimal, 0x.. or, behind a zero, octal; no plus sign. */
static bool parse_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits = text + (*text == '-');
	int base = *digits != '0' ? 10 : tolower((unsigned char)digits[1]) == 'x' ? 16 : 8;
	char *end;
	long long v;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	v = strtoll(text, &end, base);
	if (*end || errno || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

static char *strip(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	n = strlen(text);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

/* The first separator decides which one it is; the other one is then part of a name (eth0.100). */
static char *normalize_key(char *key)
{
	if (key[strcspn(key, "/.")] == '.') {
		for (char *p = key; (p = strpbrk(p, "/.")); p++)
			*p = *p == '.' ? '/' : '.';
	}
	return key + (*key == '/');
}

/* The table of tunables says which sysctl is which, and in which kernels it can be written. */
static bool find_sysctl(const char *key, enum ct_param_id id, const struct ct_kver *v, bool *works)
{
	const char prefix[] = "proc/sys/";
	const struct ct_param_path *p;
	bool found = false;

	for (p = ct_param_get(id)->paths; p->path; p++) {
		if (strncmp(p->path, prefix, strlen(prefix)) != 0 || strcmp(p->path + strlen(prefix), key) != 0)
			continue;
		found = true;
		*works = *works || (p->writable && ct_kver_within(v, &p->since, &p->until));
	}
	return found;
}

bool ct_parse_sysctl_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret)
{
	struct ct_boot_line l = { .param = CT_PARAM_LIMIT };
	char *value, *key = strip(line);

	if (*key == '#' || *key == ';')
		return false;
	value = strchr(key, '=');
	if (!value)
		return false;
	*value++ = '\0';
	key += *key == '-';
	key = normalize_key(strip(key));
	if (!find_sysctl(key, CT_PARAM_LIMIT, v, &l.works)) {
		l.param = CT_PARAM_BUCKETS;
		if (!find_sysctl(key, CT_PARAM_BUCKETS, v, &l.works))
			return false;
	}
	/* the kernel reads the number up to a blank and ignores the rest: "5 # five" is 5 */
	value = strip(value);
	value[strcspn(value, " \t")] = '\0';
	/* a negative limit is taken by some kernels, as none at all */
	l.known = parse_number(value, l.param == CT_PARAM_LIMIT ? INT_MIN : 1, INT_MAX, &l.value);
	*ret = l;
	return true;
}

static char *underscores(char *name)
{
	for (char *p = name; (p = strchr(p, '-')); p++)
		*p = '_';
	return name;
}

/* From 2.6.15 to 2.6.21 there were both. Today ip_conntrack is an alias, whose options reach nobody. */
static bool is_module(char *name, const struct ct_kver *v, bool *works)
{
	(void)underscores(name);
	if (strcmp(name, "nf_conntrack") == 0)
		*works = ct_kver_at_least(v, 2, 6, 15);
	else if (strcmp(name, "ip_conntrack") == 0)
		*works = !ct_kver_at_least(v, 2, 6, 22);
	else
		return false;
	return true;
}

/* Without the quotes around it, if there are any. */
static char *unquote(char *text, char *end)
{
	if (*text != '"')
		return text;
	if (end[-1] == '"')
		end[-1] = '\0';
	return text + 1;
}

/**
 * next_argument - the next NAME or NAME=VALUE, cut as the kernel's parse_args() does
 * Blanks separate, but not between double quotes. @value: NULL if there is no '='.
 */
static char *next_argument(char **text, char **value)
{
	bool quoted = false;
	char *name, *p = *text;

	while (isspace((unsigned char)*p))
		p++;
	if (*p == '\0')
		return NULL;
	*value = NULL;
	for (name = p; *p && (quoted || !isspace((unsigned char)*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '=' && !*value)
			*value = p + 1;
	}
	*text = p + (*p != '\0');
	*p = '\0';
	name = unquote(name, p);
	if (*value) {
		(*value)[-1] = '\0';
		*value = unquote(*value, p);
	}
	return name;
}

/* One bad hashsize= is enough for the module not to load; among good ones the last counts. */
static void take_hashsize(const char *value, struct ct_boot_line *l)
{
	bool first = l->param != CT_PARAM_BUCKETS;
	bool good = value && parse_number(value, 0, UINT_MAX, &l->value);

	l->known = good && (first || l->known);
	l->param = CT_PARAM_BUCKETS;
}

/* "" at the end of the text. */
static char *next_word(char **text)
{
	char *word = *text + strspn(*text, " \t");

	*text = word + strcspn(word, " \t");
	if (**text)
		*(*text)++ = '\0';
	return word;
}

bool ct_parse_modprobe_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret)
{
	struct ct_boot_line l = { .param = CT_PARAM__COUNT };
	char *name, *value;

	if (strcmp(next_word(&line), "options") != 0 || !is_module(next_word(&line), v, &l.works))
		return false;
	while ((name = next_argument(&line, &value)))
		if (strcmp(name, "hashsize") == 0)
			take_hashsize(value, &l);
	if (l.param != CT_PARAM_BUCKETS)
		return false;
	*ret = l;
	return true;
}

bool ct_parse_cmdline(char *line, const struct ct_kver *v, struct ct_boot_line *ret)
{
	struct ct_boot_line l = { .param = CT_PARAM__COUNT };
	char *name, *value, *dot;

	while ((name = next_argument(&line, &value))) {
		dot = strchr(name, '.');
		/* neither libkmod nor the kernel takes it without a value */
		if (!dot || !value || strcmp(dot, ".hashsize") != 0)
			continue;
		*dot = '\0';
		if (is_module(name, v, &l.works) && l.works)
			take_hashsize(value, &l);
	}
	if (l.param != CT_PARAM_BUCKETS)
		return false;
	l.works = true;
	*ret = l;
	return true;
}

bool ct_parse_modules_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret)
{
	static const char *const names[] = { "nf_conntrack", "ip_conntrack" };
	const char *name = underscores(strip(line));

	(void)v;
	for (size_t i = 0; i < ct_array_size(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(name, names[i], n) != 0 || !strchr("_ \t", name[n]))
			continue;
		*ret = (struct ct_boot_line){ .param = CT_PARAM_BUCKETS, .works = true };
		return true;
	}
	return false;
}
