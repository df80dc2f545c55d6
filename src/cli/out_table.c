/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text writer: headings, aligned lines and tables through libsmartcols, paragraphs. */
#include "config.h"
#include "cli.h"
#include "out_writer.h"

#include <errno.h>
#include <libsmartcols.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 16
#define DEPTH_MAX 8
#define INDENT 2
#define GAP "  "
#define PROSE_WIDTH 80
#define WRAP_MIN 24             /* a narrower column can't be read: it goes below its row instead */

struct column {
	const char *label;
	size_t width;
	bool right;
};

struct row {
	char *cell[COLUMNS_MAX];
};

/* Collected until it is whole, because only then it is known which columns there are, and how wide. */
struct grid {
	struct column column[COLUMNS_MAX];
	struct row *row;
	size_t columns, rows;
};

/**
 * struct out_table - the writer
 * @width: of the terminal, 0 if it isn't one: then tables are never wrapped, so that grep finds whole rows
 * @title: waits until something comes below it
 * @filled: something was written: an empty line goes before the next heading
 */
struct out_table {
	struct out out;
	struct grid grid;
	enum out_kind kind[DEPTH_MAX];
	size_t depth;
	size_t width;
	const char *title;
	bool filled;
};

static struct out_table *table_of(struct out *out)
{
	return (struct out_table *)out;
}

static void grid_clear(struct grid *g)
{
	for (size_t i = 0; i < g->rows; i++)
		for (size_t j = 0; j < g->columns; j++)
			free(g->row[i].cell[j]);
	free(g->row);
	*g = (struct grid){ 0 };
}

static int grid_add_row(struct grid *g)
{
	struct row *grown = realloc(g->row, (g->rows + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[g->rows++] = (struct row){ 0 };
	g->row = grown;
	return 0;
}

/* The column with this label, made if it is new; NULL if there is no room. */
static struct column *grid_column(struct grid *g, const char *label)
{
	for (size_t i = 0; i < g->columns; i++)
		if (strcmp(g->column[i].label, label) == 0)
			return &g->column[i];
	if (g->columns == COLUMNS_MAX)
		return NULL;
	g->column[g->columns] = (struct column){ .label = label, .width = strlen(label) };
	return &g->column[g->columns++];
}

/* File names and captured files may hold any bytes; a terminal must see none that move its cursor. */
static char *clean_copy(const char *text)
{
	char *copy = strdup(text);

	for (char *p = copy; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return copy;
}

/* Into the last row. */
static int grid_set(struct grid *g, const char *label, const char *text, bool right)
{
	struct column *column = grid_column(g, label);
	char **cell;

	if (!column)
		return -EOVERFLOW;
	cell = &g->row[g->rows - 1].cell[column - g->column];
	free(*cell);
	*cell = clean_copy(text);
	if (!*cell)
		return -ENOMEM;
	column->right = right;
	if (strlen(text) > column->width)
		column->width = strlen(text);
	return 0;
}

/* Put newlines between words, so that no line is wider than @width unless one word is. */
static void wrap(char *text, size_t width)
{
	size_t column = 0;
	char *space = NULL;

	for (char *p = text; *p; p++, column++) {
		if (*p == '\n') {
			column = (size_t)-1;
			space = NULL;
			continue;
		}
		if (column >= width && space) {
			*space = '\n';
			column = (size_t)(p - space - 1);
			space = NULL;
		}
		if (*p == ' ')
			space = p;
	}
}

/* Each line of @text, without blanks at its end; the first indented by @first, others by @rest. */
static int print_lines(FILE *f, const char *text, int first, int rest)
{
	for (int indent = first; *text; indent = rest) {
		size_t length = strcspn(text, "\n"), shown = length;

		while (shown && text[shown - 1] == ' ')
			shown--;
		if (fprintf(f, "%*s%.*s\n", shown ? indent : 0, "", (int)shown, text) < 0)
			return out_io_error();
		text += length + (text[length] == '\n');
	}
	return 0;
}

/* The heading that waits, and an empty line before it. */
static int print_title(struct out_table *o)
{
	const char *title = o->title;

	o->title = NULL;
	if (!title)
		return 0;
	if (fprintf(o->out.f, "%s%s\n", o->filled ? "\n" : "", title) < 0)
		return out_io_error();
	o->filled = true;
	return 0;
}

/* Columns left of the last one that go side by side, and the width left for the last. */
static size_t last_width(const struct grid *g, size_t width)
{
	size_t used = INDENT;

	for (size_t i = 0; i + 1 < g->columns; i++)
		used += g->column[i].width + strlen(GAP);
	return width > used ? width - used : 0;
}

static void unref_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

/* The first @columns of the grid; @gap stands where a row has nothing. */
static int fill_table(const struct grid *g, size_t columns, const char *gap, struct libscols_table *table)
{
	for (size_t i = 0; i < columns; i++) {
		int flags = (g->column[i].right ? SCOLS_FL_RIGHT : 0) | (i + 1 == g->columns ? SCOLS_FL_WRAP : 0);
		struct libscols_column *column = scols_table_new_column(table, g->column[i].label, 0, flags);

		if (!column)
			return -ENOMEM;
		if (flags & SCOLS_FL_WRAP)
			(void)scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	}
	for (size_t i = 0; i < g->rows; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t j = 0; j < columns; j++)
			if (scols_line_set_data(line, j, g->row[i].cell[j] ? g->row[i].cell[j] : gap) < 0)
				return -ENOMEM;
	}
	return 0;
}

struct text {
	char *start;
	size_t length;
};

static ssize_t text_write(void *cookie, const char *bytes, size_t n)
{
	struct text *text = cookie;
	char *more = realloc(text->start, text->length + n + 1);

	if (!more)
		return 0;
	memcpy(more + text->length, bytes, n);
	text->start = more;
	text->length += n;
	more[text->length] = '\0';
	return (ssize_t)n;
}

/* A memory stream that can't grow loses text and says nothing; a stream of our own does. */
static int table_text(struct libscols_table *table, char **ret)
{
	struct text text = { 0 };
	FILE *f = fopencookie(&text, "w", (cookie_io_functions_t){ .write = text_write });
	int r;

	if (!f)
		return -ENOMEM;
	scols_table_set_stream(table, f);
	r = scols_print_table(table) < 0 || fflush(f) || ferror(f) ? -ENOMEM : 0;
	if (fclose(f) || !text.start)
		r = -ENOMEM;
	if (r < 0)
		free(text.start);
	else
		*ret = text.start;
	return r;
}

/* The grid's first @columns as text, one line a row unless the last one was wrapped. */
static int format_grid(const struct grid *g, size_t columns, bool headings, char **ret)
{
	cli_cleanup(unref_table) struct libscols_table *table = scols_new_table();
	int r;

	if (!table)
		return -ENOMEM;
	(void)scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	(void)scols_table_enable_noheadings(table, !headings);
	/* encoding would need memory, and leave a cell empty where there is none */
	(void)scols_table_enable_noencoding(table, 1);
	if (scols_table_set_column_separator(table, GAP) < 0)
		return -ENOMEM;
	r = fill_table(g, columns, headings ? "-" : "", table);
	return r < 0 ? r : table_text(table, ret);
}

/* On a narrow terminal: each row, and what stands in the last column below it. */
static int print_stacked(struct out_table *o, char *text, bool headings, size_t width)
{
	const struct grid *g = &o->grid;
	char *rest, *line = strtok_r(text, "\n", &rest);
	int r = 0;

	if (line && headings) {
		r = print_lines(o->out.f, line, INDENT, INDENT);
		line = strtok_r(NULL, "\n", &rest);
	}
	for (size_t i = 0; r == 0 && line && i < g->rows; i++, line = strtok_r(NULL, "\n", &rest)) {
		char *below = g->row[i].cell[g->columns - 1];

		r = print_lines(o->out.f, line, INDENT, INDENT);
		if (r < 0 || !below)
			continue;
		wrap(below, width > 4 * INDENT ? width - 3 * INDENT : width);
		r = print_lines(o->out.f, below, 3 * INDENT, 3 * INDENT);
	}
	return r;
}

static int print_grid(struct out_table *o, bool headings)
{
	cli_cleanup(cli_freep) char *text = NULL;
	struct grid *g = &o->grid;
	size_t width = o->width || headings ? o->width : PROSE_WIDTH;
	size_t last = g->columns - 1, room = last_width(g, width);
	bool stacked = width && last && g->column[last].width > room && room < WRAP_MIN;
	int r;

	for (size_t i = 0; i < g->rows; i++)
		if (width && !stacked && g->row[i].cell[last])
			wrap(g->row[i].cell[last], room);
	r = format_grid(g, stacked ? last : last + 1, headings, &text);
	if (r == 0)
		r = print_title(o);
	if (r < 0)
		return r;
	return stacked ? print_stacked(o, text, headings, width) : print_lines(o->out.f, text, INDENT, INDENT);
}

/* What was collected so far, if anything. */
static int flush(struct out_table *o)
{
	int r = 0;

	if (o->grid.columns)
		r = print_grid(o, o->kind[o->depth - 1] == OUT_TABLE);
	grid_clear(&o->grid);
	return r;
}

static bool in_table(const struct out_table *o)
{
	return o->depth >= 2 && o->kind[o->depth - 2] == OUT_TABLE;
}

static int table_begin(struct out *out, enum out_kind kind, const char *key, const char *title)
{
	struct out_table *o = table_of(out);
	int r;

	(void)key;
	if (o->depth == DEPTH_MAX)
		return -EOVERFLOW;
	o->kind[o->depth] = kind;
	if (o->kind[o->depth - 1] == OUT_TABLE) {
		o->depth++;
		return grid_add_row(&o->grid);
	}
	r = flush(o);
	o->depth++;
	o->title = title;
	return r;
}

static int table_end(struct out *out)
{
	struct out_table *o = table_of(out);
	bool row = in_table(o);
	int r = row ? 0 : flush(o);

	o->depth--;
	if (!row)
		o->title = NULL;
	return r;
}

/* What isn't part of a grid: an item of a list, as it is, or a paragraph, its further lines indented. */
static int print_text(struct out_table *o, const char *text, bool wrapped)
{
	size_t width = o->width && o->width < PROSE_WIDTH ? o->width : PROSE_WIDTH;
	int indent = o->depth == 1 ? 0 : INDENT;
	cli_cleanup(cli_freep) char *copy = clean_copy(text);
	int r = copy ? flush(o) : -ENOMEM;

	if (r == 0)
		r = print_title(o);
	if (r == 0 && o->depth == 1 && o->filled && fputc('\n', o->out.f) == EOF)
		r = out_io_error();
	if (r < 0)
		return r;
	o->filled = true;
	if (wrapped)
		wrap(copy, width - 2 * INDENT);
	return print_lines(o->out.f, copy, indent, 2 * indent);
}

/* What bars.c drew: not cleaned, not wrapped. */
static int table_drawn(struct out *out, const char *line)
{
	struct out_table *o = table_of(out);
	int r = flush(o);

	if (r == 0)
		r = print_title(o);
	if (r < 0)
		return r;
	o->filled = true;
	return print_lines(o->out.f, line, INDENT, INDENT);
}

static int table_field(struct out *out, const char *key, const char *label, const struct out_value *v)
{
	struct out_table *o = table_of(out);
	char buffer[64];
	const char *text = out_value_text(v, buffer, sizeof(buffer));
	int r;

	(void)key;
	if (o->kind[o->depth - 1] == OUT_LIST || o->kind[o->depth - 1] == OUT_PROSE)
		return print_text(o, text, o->kind[o->depth - 1] == OUT_PROSE);
	if (!label)
		return 0;
	if (in_table(o))
		return grid_set(&o->grid, label, text, v->type == OUT_IS_INTEGER || v->type == OUT_IS_REAL);
	r = grid_add_row(&o->grid);
	if (r == 0)
		r = grid_set(&o->grid, "label", label, false);
	return r < 0 ? r : grid_set(&o->grid, "value", text, false);
}

static int table_note(struct out *out, const char *text)
{
	struct out_table *o = table_of(out);

	return o->grid.rows ? grid_set(&o->grid, "note", text, false) : 0;
}

static int table_line(struct out *out, const char *text)
{
	return print_text(table_of(out), text, true);
}

static int table_finish(struct out *out)
{
	return flush(table_of(out));
}

static void table_free(struct out *out)
{
	grid_clear(&table_of(out)->grid);
	free(out);
}

static const struct out_ops table_ops = {
	.begin = table_begin,
	.end = table_end,
	.field = table_field,
	.note = table_note,
	.line = table_line,
	.drawn = table_drawn,
	.finish = table_finish,
	.free = table_free,
};

static size_t terminal_width(FILE *f)
{
	struct winsize size;

	return ioctl(fileno(f), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int out_table_new(struct out **ret, FILE *f)
{
	struct out_table *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->out = (struct out){ .ops = &table_ops, .f = f };
	o->kind[o->depth++] = OUT_OBJECT;
	o->width = terminal_width(f);
	*ret = &o->out;
	return 0;
}
