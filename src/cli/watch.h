/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking again and again: when, until when, and how a screen is redrawn without flicker. */
#ifndef CONNTUNE_WATCH_H
#define CONNTUNE_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <conntune/err.h>

/* Values of a sparkline: as many as a wide terminal has columns. */
#define WATCH_HISTORY 256

/**
 * struct watch - a repetition
 * @screen:  redraw; else text goes out line after line
 * @fine:    eighths of a block (UTF-8), else ASCII
 * @stopped: a signal said so
 */
struct watch {
	bool screen, fine, stopped;
	uint64_t seconds;
	struct timespec next;
	sigset_t signals, old;
	uint64_t history[WATCH_HISTORY];
	size_t count;
};

/* SIGINT, SIGTERM and SIGHUP, unless ignored, wait until watch_wait() looks at them; watch_end() puts all back. */
void watch_begin(struct watch *watch, uint64_t seconds, bool screen);
void watch_end(struct watch *watch);

/* Until the next time. False: it is over. */
bool watch_wait(struct watch *watch);

/* One more value for the sparkline. */
void watch_add(struct watch *watch, uint64_t value);

/* The last @cells values, from nothing to the highest of them; @text: 3 bytes a cell and one more. */
void watch_spark(const struct watch *watch, char *text, size_t cells);

/* Bytes of the first line of @text, without its end, that fit into @columns; UTF-8, without escape sequences. */
size_t watch_cut(const char *text, size_t columns);

/* Put @text on the screen, over what was there. Returns 0 or a negative errno. */
int watch_draw(const char *text, FILE *f, struct ct_err *err);

#endif
