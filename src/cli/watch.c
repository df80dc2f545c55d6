/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking again and again. */
#include "config.h"
#include "bars.h"
#include "cli.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define HOME "\033[H"
#define CLEAR "\033[2J"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

void watch_begin(struct watch *watch, uint64_t seconds, bool screen)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct bars_style style;
	struct sigaction old;

	bars_style(&style, false);
	*watch = (struct watch){ .screen = screen, .fine = style.fine, .seconds = seconds };
	(void)sigemptyset(&watch->signals);
	/* what our parent ignores (nohup, or a shell's background job) stays ignored */
	for (size_t i = 0; i < cli_array_size(ends); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaddset(&watch->signals, ends[i]);
	(void)sigprocmask(SIG_BLOCK, &watch->signals, &watch->old);
	(void)clock_gettime(CLOCK_MONOTONIC, &watch->next);
	if (screen)
		(void)fputs(HIDE_CURSOR CLEAR, stdout);
}

void watch_end(struct watch *watch)
{
	if (watch->screen) {
		(void)fputs(SHOW_CURSOR, stdout);
		(void)fflush(stdout);
	}
	(void)sigprocmask(SIG_SETMASK, &watch->old, NULL);
}

/* What is left until @t; nothing if it is over. */
static struct timespec until(const struct timespec *t)
{
	struct timespec now, left;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	left = (struct timespec){ .tv_sec = t->tv_sec - now.tv_sec, .tv_nsec = t->tv_nsec - now.tv_nsec };
	if (left.tv_nsec < 0) {
		left.tv_nsec += 1000000000;
		left.tv_sec--;
	}
	return left.tv_sec < 0 ? (struct timespec){ .tv_sec = 0 } : left;
}

bool watch_wait(struct watch *watch)
{
	struct timespec left;
	int r;

	/* on a grid, so that a slow look doesn't make all later ones late; what was missed isn't made up for */
	watch->next.tv_sec += (time_t)watch->seconds;
	left = until(&watch->next);
	if (!left.tv_sec && !left.tv_nsec)
		(void)clock_gettime(CLOCK_MONOTONIC, &watch->next);
	do {
		r = sigtimedwait(&watch->signals, NULL, &left);
		left = until(&watch->next);
	} while (r < 0 && errno == EINTR);
	watch->stopped = r > 0;
	return !watch->stopped;
}

void watch_add(struct watch *watch, uint64_t value)
{
	if (watch->count == WATCH_HISTORY)
		memmove(watch->history, watch->history + 1, --watch->count * sizeof(watch->history[0]));
	watch->history[watch->count++] = value;
}

void watch_spark(const struct watch *watch, char *text, size_t cells)
{
	static const char plain[] = "_.-:=+*#";
	size_t n = cells < watch->count ? cells : watch->count;
	const uint64_t *v = watch->history + watch->count - n;
	uint64_t highest = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i] > highest)
			highest = v[i];
	for (size_t i = 0; i < n; i++) {
		unsigned level = highest ? (unsigned)((double)v[i] / (double)highest * 7 + 0.5) : 0;

		if (!watch->fine) {
			*text++ = plain[level];
			continue;
		}
		/* U+2581 is one eighth of a block, U+2588 all of it */
		*text++ = '\xe2';
		*text++ = '\x96';
		*text++ = (char)(0x81 + level);
	}
	*text = '\0';
}

size_t watch_cut(const char *text, size_t columns)
{
	size_t n = 0, used = 0;

	for (; text[n] && text[n] != '\n'; n++) {
		bool begins = ((unsigned char)text[n] & 0xc0) != 0x80;

		if (begins && used++ == columns)
			break;
	}
	return n;
}

int watch_draw(const char *text, FILE *f, struct ct_err *err)
{
	struct winsize size;

	/* serial consoles and the like don't know their size */
	if (ioctl(fileno(f), TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	(void)fputs(HOME, f);
	/* the last row stays empty: a newline there would move all of it up */
	for (unsigned row = 1; *text && row < size.ws_row; row++) {
		size_t n = watch_cut(text, size.ws_col);

		(void)fwrite(text, 1, n, f);
		(void)fputs(CLEAR_LINE "\n", f);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	(void)fputs(CLEAR_BELOW, f);
	errno = 0;
	if (fflush(f) == 0 && !ferror(f))
		return 0;
	return cli_fail(err, errno ? -errno : -EIO, "output can't be written: %s", strerror(errno ? errno : EIO));
}
