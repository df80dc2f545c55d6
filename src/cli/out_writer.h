/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a writer has to do; only out*.c see this. */
#ifndef CONNTUNE_OUT_WRITER_H
#define CONNTUNE_OUT_WRITER_H

#include <errno.h>
#include "out.h"

/* A value; in text it goes through out_human(). */
struct out_value {
	enum { OUT_IS_INTEGER, OUT_IS_REAL, OUT_IS_TEXT, OUT_IS_BOOL } type;
	enum out_unit unit;
	int64_t i;
	double r;
	const char *s;
};

/* All return 0 or a negative errno. */
struct out_ops {
	int (*begin)(struct out *out, enum out_kind kind, const char *key, const char *title);
	int (*end)(struct out *out);
	int (*field)(struct out *out, const char *key, const char *label, const struct out_value *v);
	int (*note)(struct out *out, const char *text);
	int (*line)(struct out *out, const char *text);
	int (*drawn)(struct out *out, const char *line);
	int (*finish)(struct out *out);
	void (*free)(struct out *out);
};

/* Common head of both writers. @error: the first one; nothing is written after it. */
struct out {
	const struct out_ops *ops;
	FILE *f;
	int error;
	bool cancelled;
};

int out_table_new(struct out **ret, FILE *f);
int out_json_new(struct out **ret, FILE *f);

/* The text form of a value; @buffer holds it unless it is a text already. */
const char *out_value_text(const struct out_value *v, char *buffer, size_t n);

/* After a call of stdio failed: what it said, and an error in any case. */
static inline int out_io_error(void)
{
	return errno ? -errno : -EIO;
}

#endif
