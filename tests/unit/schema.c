/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Varlink schema read along a value: recursive, from the text, nothing is built. */
#include "config.h"
#include "schema.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* @at: where it is being read; @v: NULL only skips the type */
struct schema {
	const char *text, *at;
	bool whole;
	char *why;
};

static bool wrong(struct schema *s, const char *path, const char *what)
{
	if (!*s->why)
		(void)snprintf(s->why, 256, "%.150s: %.90s", path, what);
	return false;
}

static void skip_blanks(struct schema *s)
{
	for (;;) {
		s->at += strspn(s->at, " \t\n");
		if (*s->at != '#')
			return;
		s->at += strcspn(s->at, "\n");
	}
}

static bool take(struct schema *s, const char *token)
{
	skip_blanks(s);
	if (strncmp(s->at, token, strlen(token)) != 0)
		return false;
	s->at += strlen(token);
	return true;
}

static bool take_name(struct schema *s, char name[64])
{
	size_t n = 0;

	skip_blanks(s);
	while (n < 63 && (isalnum((unsigned char)s->at[n]) || s->at[n] == '_'))
		n++;
	memcpy(name, s->at, n);
	name[n] = '\0';
	s->at += n;
	return n > 0;
}

/* "KEYWORD NAME" at the beginning of a line; what follows is read next. */
static bool find(struct schema *s, const char *keyword, const char *name)
{
	char word[64];

	for (const char *p = s->text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		s->at = p;
		if (strncmp(p, keyword, strlen(keyword)) == 0 && p[strlen(keyword)] == ' ') {
			s->at += strlen(keyword);
			if (take_name(s, word) && strcmp(word, name) == 0)
				return true;
		}
	}
	return false;
}

static bool fits(struct schema *s, const json_t *v, const char *path);

static bool fits_list(struct schema *s, const json_t *v, const char *path)
{
	const char *type = s->at;
	bool good = !v || json_is_array(v) || wrong(s, path, "isn't an array");
	char inner[200];

	for (size_t i = 0; good && i < json_array_size(v); i++) {
		(void)snprintf(inner, sizeof(inner), "%.170s[%zu]", path, i);
		s->at = type;
		good = fits(s, json_array_get(v, i), inner);
	}
	s->at = type;
	return fits(s, NULL, path) && good;
}

static bool fits_map(struct schema *s, const json_t *v, const char *path)
{
	const char *type = s->at;
	bool good = !v || json_is_object(v) || wrong(s, path, "isn't an object");
	/* jansson's iterators want an object that may be changed */
	json_t *copy = json_copy((json_t *)(uintptr_t)v);
	char inner[200];

	for (void *i = json_object_iter(copy); good && i; i = json_object_iter_next(copy, i)) {
		(void)snprintf(inner, sizeof(inner), "%.90s.%.90s", path, json_object_iter_key(i));
		s->at = type;
		good = fits(s, json_object_iter_value(i), inner);
	}
	json_decref(copy);
	s->at = type;
	return fits(s, NULL, path) && good;
}

static bool fits_enum(struct schema *s, const json_t *v, const char *path)
{
	char word[64];
	bool found = false;

	do {
		if (!take_name(s, word))
			return wrong(s, path, "the schema has no word here");
		found = found || (json_is_string(v) && strcmp(json_string_value(v), word) == 0);
	} while (take(s, ","));
	if (!take(s, ")"))
		return wrong(s, path, "the schema lacks ')'");
	return !v || found || wrong(s, path, "isn't one of the words");
}

static bool fits_member(struct schema *s, const char *name, const json_t *v, const char *path)
{
	const json_t *value = json_object_get(v, name);
	bool optional = take(s, "?");
	char inner[200];

	(void)snprintf(inner, sizeof(inner), "%.120s.%.64s", path, name);
	if (v && !value && (!optional || s->whole))
		return wrong(s, inner, "is missing");
	if (json_is_null(value))
		return wrong(s, inner, "is null; it should be absent");
	return fits(s, value, inner);
}

/* Behind "(": members up to ")". */
static bool fits_struct(struct schema *s, const json_t *v, const char *path)
{
	size_t known = 0;
	bool good = !v || json_is_object(v) || wrong(s, path, "isn't an object");
	char name[64];

	if (take(s, ")"))
		return good && (json_object_size(v) == 0 || wrong(s, path, "has members"));
	do {
		if (!take_name(s, name) || !take(s, ":"))
			return wrong(s, path, "the schema has no member here");
		known += json_object_get(v, name) != NULL;
		good = fits_member(s, name, v, path) && good;
	} while (take(s, ","));
	if (!take(s, ")"))
		return wrong(s, path, "the schema lacks ')'");
	return good && (json_object_size(v) == known || wrong(s, path, "has members that the schema doesn't have"));
}

static bool fits_named(struct schema *s, const char *type, const json_t *v, const char *path)
{
	const char *back = s->at;
	bool good = find(s, "type", type) ? fits(s, v, path) : wrong(s, path, "the schema lacks a type");

	s->at = back;
	return good;
}

static bool fits_simple(struct schema *s, const char *type, const json_t *v, const char *path)
{
	static const char *const names[] = { "bool", "int", "float", "string", "object" };
	const bool is[] = { json_is_boolean(v), json_is_integer(v), json_is_number(v), json_is_string(v),
			    json_is_object(v) };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(type, names[i]) == 0)
			return !v || is[i] || wrong(s, path, "is of another type");
	return fits_named(s, type, v, path);
}

static bool is_struct(const struct schema *s)
{
	struct schema ahead = *s;
	char name[64];

	return take(&ahead, ")") || (take_name(&ahead, name) && take(&ahead, ":"));
}

static bool fits(struct schema *s, const json_t *v, const char *path)
{
	char type[64];

	if (take(s, "?"))
		return fits(s, v, path);
	if (take(s, "[]"))
		return fits_list(s, v, path);
	if (take(s, "[string]"))
		return fits_map(s, v, path);
	if (take(s, "("))
		return is_struct(s) ? fits_struct(s, v, path) : fits_enum(s, v, path);
	return take_name(s, type) ? fits_simple(s, type, v, path) : wrong(s, path, "the schema has no type here");
}

bool schema_fits(const char *text, enum schema_part part, const char *name, const json_t *v, bool whole, char *why)
{
	struct schema s = { .text = text, .whole = whole, .why = why };

	*why = '\0';
	if (!find(&s, part == SCHEMA_ERROR ? "error" : "method", name))
		return wrong(&s, name, "isn't in the schema");
	if (part == SCHEMA_REPLY && (!fits(&s, NULL, name) || !take(&s, "->")))
		return wrong(&s, name, "the schema has no reply here");
	return fits(&s, v, name);
}
