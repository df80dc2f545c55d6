/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bars of text. */
#include "config.h"
#include "bars.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_OF_FILES 80
#define WIDTH_MIN 40

/* What the user's terminal takes: the first of these that is set says, as for setlocale(3). */
static bool is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

void bars_style(struct bars_style *ret, bool plain)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	*ret = (struct bars_style){ .width = WIDTH_OF_FILES };
	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		ret->width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
	if (!terminal || plain || !term || strcmp(term, "dumb") == 0)
		return;
	ret->fine = is_utf8();
	ret->color = !no_color || !*no_color;
}

/* Returns the cells that were filled; @at moves on. */
static size_t draw_fine(char **at, const char *end, size_t eighths)
{
	size_t cells = 0;

	for (; eighths && end - *at > 3; eighths -= eighths < 8 ? eighths : 8, cells++) {
		/* U+2588 is the full block, U+2589 .. U+258F seven eighths .. one */
		(*at)[0] = '\xe2';
		(*at)[1] = '\x96';
		(*at)[2] = (char)(0x88 + (eighths < 8 ? 8 - eighths : 0));
		*at += 3;
	}
	return cells;
}

static size_t draw_plain(char **at, const char *end, size_t eighths)
{
	size_t cells = 0;

	for (; cells < (eighths + 4) / 8 + (eighths > 0 && eighths < 4) && end - *at > 1; cells++)
		*(*at)++ = '#';
	return cells;
}

void bars_draw(char *text, size_t n, const struct bars_style *style, enum bars_series series, double share,
	       size_t cells, bool pad)
{
	size_t eighths = (size_t)lround(fmin(fmax(share, 0), 1) * 8 * (double)cells), filled;
	char *at = text, *end = text + n - 8;

	if (share > 0 && eighths == 0)
		eighths = 1;
	if (style->color && eighths)
		at += snprintf(at, n, "\033[%dm", series == BARS_FOUND ? 32 : 36);
	filled = style->fine ? draw_fine(&at, end, eighths) : draw_plain(&at, end, eighths);
	if (style->color && eighths)
		at = stpcpy(at, "\033[m");
	for (; pad && filled < cells && end - at > 1; filled++)
		*at++ = ' ';
	*at = '\0';
}
