/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output: a command walks its data once; text and JSON differ only in the writer behind this. */
#ifndef CONNTUNE_OUT_H
#define CONNTUNE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <conntune/err.h>
#include <conntune/facts.h>

struct out;

/* What a number counts: JSON writes it as it is, text makes it readable. */
enum out_unit {
	OUT_PLAIN,                      /* 65536 */
	OUT_BYTES,                      /* 23.5 GiB */
	OUT_SECONDS,                    /* 432000 s (5 days) */
	OUT_RATIO,                      /* 1.5 */
	OUT_SHARE,                      /* 0 .. 1, shown as 5.8 % or 1e-13 */
};

/*
 * What begins and ends. @title is the heading in text, NULL for none; @key the name in JSON.
 *   OBJECT in a TABLE: one row, a column per label; without key
 *   OBJECT elsewhere:  a line per field, "label  value  note"; without key its fields join the object around it in JSON
 *   LIST:              strings or numbers, a line each, never wrapped: they may be commands to be copied
 *   PROSE:             strings, each a paragraph; an array in JSON like LIST
 * A heading with nothing below it isn't shown.
 */
enum out_kind {
	OUT_OBJECT,
	OUT_TABLE,
	OUT_LIST,
	OUT_PROSE,
};

/**
 * out_new - a writer to @f, which must stay open until out_finish()
 * The outermost object is there from the beginning: fields may come at once.
 * Errors while writing are kept and returned by out_finish(), so that commands needn't check each call.
 */
int out_new(struct out **ret, bool json, FILE *f, struct ct_err *err);
int out_finish(struct out *out, struct ct_err *err);
void out_freep(struct out **out);

/* Nothing of it will be shown: the command has written by other means. */
void out_cancel(struct out *out);

void out_begin(struct out *out, enum out_kind kind, const char *key, const char *title);
void out_end(struct out *out);

/* Fields. Without @key: text only. Without @label: JSON only. Inside a LIST or PROSE both are ignored. */
void out_u64(struct out *out, const char *key, const char *label, enum out_unit unit, uint64_t v);
void out_i64(struct out *out, const char *key, const char *label, enum out_unit unit, int64_t v);
void out_real(struct out *out, const char *key, const char *label, enum out_unit unit, double v);
void out_text(struct out *out, const char *key, const char *label, const char *v);
void out_bool(struct out *out, const char *key, const char *label, bool v);     /* text: yes, no */

/* Nothing if it isn't known: absent in JSON, no line in text. */
void out_known(struct out *out, const char *key, const char *label, enum out_unit unit, struct ct_u64 v);

/* Text only. A remark behind the last field; a paragraph, wrapped. */
void out_note(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_line(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text only. A line of a picture, escape sequences included; nothing in it may come from outside. */
void out_drawn(struct out *out, const char *line);

/* "23.5 GiB", "5 days", "5.8 %": for sentences. @n of 32 is enough for each. */
void out_human(char *text, size_t n, enum out_unit unit, double v);

#endif
