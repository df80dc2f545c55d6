/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntuned in flying time: what the parts of the preloaded library want of each other. */
#ifndef CONNTUNE_TEST_FLY_H
#define CONNTUNE_TEST_FLY_H

#include "sim.h"

/* Monday at midnight, by the clocks that count from boot. */
#define FLY_BEGIN_USEC (60 * SIM_SECOND)

/* ---- fly_world.c: the machine that conntuned sees, and what is written down about both ---- */

void world_begin(void);

/* It is woken by something else than time. */
void world_wake(uint64_t now);

/* Time has come to @now; @looks: and conntuned is about to look. */
void world_arrive(uint64_t now, bool looks);

/* It did what it had to do, and sleeps. */
void world_settle(void);

/* The week is over. */
bool world_is_over(void);

/* Share of entries that nobody answered, as it was at the last look. */
double world_unreplied(void);

/* One that goes on as the week goes, without a look. */
void world_pass(struct sim *sim, unsigned *hour, uint64_t now);

/* ---- fly_tree.c: the captured machine on disk ---- */

/**
 * struct tree - a root directory of conntuned
 * @root: open directory; @count, @stat, @meminfo: open files, whose text we write at each look
 * @watch: inotify, for everything that isn't ours
 * @limit, @buckets, @scale: as last seen or written here
 */
struct tree {
	int root, watch, count, stat, meminfo;
	uint64_t limit, buckets;
	double scale;
	size_t bytes[3];                /* of those three files */
};

void tree_open(struct tree *tree, const char *path);

/* The kernel's numbers at a look. */
void tree_tell(struct tree *tree, const struct sim *sim, const struct decide_look *look);

/* Somebody else than conntuned writes, or the module came anew. */
void tree_write(struct tree *tree, uint64_t limit, uint64_t buckets, double scale);

/* What conntuned wrote since the last call becomes what counts; a line on @log for each. Returns how many lines. */
unsigned tree_follow(struct tree *tree, int log);

/* ---- fly_model.c: the decisions alone, of the same week, at the same moments ---- */

struct model {
	struct sim sim;
	unsigned hour;
	uint64_t next;                  /* when it would look again */
	unsigned early, late;           /* looks of conntuned that weren't when they should have been */
};

void model_begin(struct model *model);

/* One look; a line on @log for all that conntuned should say and do. Returns how many lines. */
unsigned model_look(struct model *model, uint64_t now, int log);

/* One line. Ends the process if that fails: nothing holds then. */
__attribute__((format(printf, 2, 3))) void fly_line(int fd, const char *format, ...);
_Noreturn void fly_fail(const char *what);

#endif
