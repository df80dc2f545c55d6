/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer: a tree of jansson values, written when it is whole. */
#include "config.h"
#include "cli.h"
#include "out_writer.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 8

/* @stack: what is open, outermost first; the tree owns all of it through stack[0]. */
struct out_json {
	struct out out;
	json_t *stack[DEPTH_MAX];
	size_t depth;
};

static struct out_json *json_of(struct out *out)
{
	return (struct out_json *)out;
}

/* Put @v, which is taken over, into what is open. */
static int add(struct out_json *o, const char *key, json_t *v)
{
	json_t *into = o->stack[o->depth - 1];

	if (!v)
		return -ENOMEM;
	if (json_is_array(into))
		return json_array_append_new(into, v) < 0 ? -ENOMEM : 0;
	return json_object_set_new(into, key, v) < 0 ? -ENOMEM : 0;
}

static int json_begin(struct out *out, enum out_kind kind, const char *key, const char *title)
{
	struct out_json *o = json_of(out);
	json_t *into = o->stack[o->depth - 1], *v;
	int r;

	(void)title;
	if (o->depth == DEPTH_MAX)
		return -EOVERFLOW;
	/* a heading without a key is for people: its fields belong to what is around it */
	if (!key && json_is_object(into)) {
		o->stack[o->depth++] = into;
		return 0;
	}
	v = kind == OUT_OBJECT ? json_object() : json_array();
	r = add(o, key, v);
	if (r == 0)
		o->stack[o->depth++] = v;
	return r;
}

static int json_end(struct out *out)
{
	json_of(out)->depth--;
	return 0;
}

/* File names and captured files may hold any bytes, JSON may not. */
static json_t *text_value(const char *s)
{
	json_t *v = json_string(s);
	cli_cleanup(cli_freep) char *clean = NULL;

	if (v)
		return v;
	clean = strdup(s);
	if (!clean)
		return NULL;
	for (char *p = clean; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(clean);
}

static int json_field(struct out *out, const char *key, const char *label, const struct out_value *v)
{
	struct out_json *o = json_of(out);

	(void)label;
	if (!key && !json_is_array(o->stack[o->depth - 1]))
		return 0;
	switch (v->type) {
	case OUT_IS_INTEGER:
		return add(o, key, json_integer(v->i));
	case OUT_IS_REAL:
		return add(o, key, json_real(v->r));
	case OUT_IS_TEXT:
		return add(o, key, text_value(v->s));
	case OUT_IS_BOOL:
		return add(o, key, json_boolean(v->i));
	}
	return 0;
}

static int json_text_only(struct out *out, const char *text)
{
	(void)out;
	(void)text;
	return 0;
}

static int json_finish(struct out *out)
{
	/* six digits are more than any of our models is good for */
	if (json_dumpf(json_of(out)->stack[0], out->f, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
		return ferror(out->f) ? out_io_error() : -ENOMEM;
	return fputc('\n', out->f) == EOF ? out_io_error() : 0;
}

static void json_free(struct out *out)
{
	json_decref(json_of(out)->stack[0]);
	free(out);
}

static const struct out_ops json_ops = {
	.begin = json_begin,
	.end = json_end,
	.field = json_field,
	.note = json_text_only,
	.line = json_text_only,
	.drawn = json_text_only,
	.finish = json_finish,
	.free = json_free,
};

int out_json_new(struct out **ret, FILE *f)
{
	struct out_json *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->out = (struct out){ .ops = &json_ops, .f = f };
	o->stack[0] = json_object();
	if (!o->stack[0]) {
		free(o);
		return -ENOMEM;
	}
	o->depth = 1;
	*ret = &o->out;
	return 0;
}
