/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept and Accept-Encoding: lists of words, each with parameters and a weight, read once from left to right. */
#include "config.h"
#include "negotiate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Of weights, which have three decimals at most. */
#define WHOLE 1000

/* A piece of a header: not a copy. */
struct word {
	const char *start;
	size_t n;
};

/**
 * struct element - one of the list
 * @name:    "text/plain", "gzip"; @version: of its parameter, n 0: none
 * @weight:  0 .. WHOLE
 */
struct element {
	struct word name, version;
	int weight;
};

static bool word_is(struct word word, const char *what)
{
	return word.n == strlen(what) && strncasecmp(word.start, what, word.n) == 0;
}

static const char *skip_blank(const char *p)
{
	return p + strspn(p, " \t");
}

/* A token of RFC 9110, and '/', which stands in names of media types. */
static const char *take_word(const char *p, struct word *ret)
{
	ret->start = p;
	ret->n = strspn(p, "!#$%&'*+-.^_`|~/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	return ret->n ? p + ret->n : NULL;
}

/* What stands between double quotes; backslashes stay, because nothing that is looked for has any. */
static const char *take_quoted(const char *p, struct word *ret)
{
	ret->start = ++p;
	for (; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
	}
	ret->n = (size_t)(p - ret->start);
	return p + 1;
}

/* 0, 0.5, 1.000 */
static bool take_weight(struct word word, int *ret)
{
	int weight = 0, unit = WHOLE;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.start[i];

		if (i == 1 ? c != '.' : c < '0' || c > '9' || i > 4)
			return false;
		if (i == 1)
			continue;
		weight += (c - '0') * unit;
		unit /= 10;
	}
	*ret = weight;
	return word.n > 0 && weight <= WHOLE;
}

/* ";name=value"; blanks around '=' aren't allowed. NULL: that isn't one */
static const char *take_parameter(const char *p, struct element *e)
{
	struct word name, value = { 0 };

	p = skip_blank(p);
	if (*p == ';' || *p == ',' || *p == '\0')
		return p;
	p = take_word(p, &name);
	if (!p || *p != '=')
		return NULL;
	p++;
	p = *p == '"' ? take_quoted(p, &value) : take_word(p, &value);
	if (!p)
		return NULL;
	if (word_is(name, "version"))
		e->version = value;
	else if (word_is(name, "q") && !take_weight(value, &e->weight))
		return NULL;
	return p;
}

/* From @p to the comma behind the element, or to the end. NULL: the header is none. */
static const char *take_element(const char *p, struct element *e)
{
	*e = (struct element){ .weight = WHOLE };
	p = take_word(p, &e->name);
	while (p && *(p = skip_blank(p)) == ';')
		p = take_parameter(p + 1, e);
	return p && (*p == ',' || *p == '\0') ? p : NULL;
}

/* Every element to @look. False: the header is none. */
static bool each_element(const char *p, void (*look)(const struct element *e, void *userdata), void *userdata)
{
	struct element e;

	for (;;) {
		p += strspn(p, " \t,");
		if (*p == '\0')
			return true;
		p = take_element(p, &e);
		if (!p)
			return false;
		look(&e, userdata);
	}
}

/* -1: not named */
struct formats {
	int open, text, text_any, any;
};

static void keep_highest(int *weight, int new)
{
	if (new > *weight)
		*weight = new;
}

static void look_at_format(const struct element *e, void *userdata)
{
	struct formats *f = userdata;

	if (word_is(e->name, "application/openmetrics-text") && (e->version.n == 0 || word_is(e->version, "1.0.0")))
		keep_highest(&f->open, e->weight);
	else if (word_is(e->name, "text/plain") && (e->version.n == 0 || word_is(e->version, "0.0.4")))
		keep_highest(&f->text, e->weight);
	else if (word_is(e->name, "text/*"))
		keep_highest(&f->text_any, e->weight);
	else if (word_is(e->name, "*/*"))
		keep_highest(&f->any, e->weight);
}

enum metrics_format negotiate_format(const char *accept)
{
	struct formats f = { -1, -1, -1, -1 };
	int text;

	if (!each_element(accept, look_at_format, &f))
		return METRICS_TEXT;
	text = f.text >= 0 ? f.text : f.text_any >= 0 ? f.text_any : f.any;
	return f.open > 0 && f.open >= text ? METRICS_OPEN : METRICS_TEXT;
}

struct encodings {
	int gzip, identity, any;
};

static void look_at_encoding(const struct element *e, void *userdata)
{
	struct encodings *f = userdata;

	if (word_is(e->name, "gzip") || word_is(e->name, "x-gzip"))
		keep_highest(&f->gzip, e->weight);
	else if (word_is(e->name, "identity"))
		keep_highest(&f->identity, e->weight);
	else if (word_is(e->name, "*"))
		keep_highest(&f->any, e->weight);
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct encodings f = { -1, -1, -1 };
	int gzip;

	if (!each_element(accept_encoding, look_at_encoding, &f))
		return false;
	gzip = f.gzip >= 0 ? f.gzip : f.any;
	return gzip > 0 && gzip >= f.identity;
}
