/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One look under decision: shared by the files that decide.c is made of, and seen by nobody else. */
#ifndef CONNTUNED_SCENE_H
#define CONNTUNED_SCENE_H

#include "decide.h"
#include "view.h"

#define SECOND VIEW_SECOND

/* Sets of states. */
#define IN(state) (1U << (state))
#define ANY (IN(DECIDE_STATE__COUNT) - 1)
#define AWAKE (IN(DECIDE_REST) | IN(DECIDE_GROWTH) | IN(DECIDE_FLOOD) | IN(DECIDE_CEILING) | IN(DECIDE_MEMORY))

/* One look understood, what is remembered, and the answer under way. */
struct scene {
	struct view v;
	struct decide *d;
	struct decide_verdict *ret;
};

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* words.c: one more piece of evidence; the table's numbers; what the state adds to them */
void scene_say(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void scene_say_table(struct scene *s);
void scene_say_state(struct scene *s);

/* propose.c: what becomes of values that somebody else wrote; then the first proposal that the state allows */
void scene_heed_foreign(struct scene *s);
void scene_propose(struct scene *s);

#endif
