/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups in bounded memory. Exact while they fit; from then on a quarter goes at a time, those with the fewest entries
 * (Misra-Gries with batches; the error each group started with is kept, so that early large groups stay exact).
 *
 * Bound: when a quarter goes, at least 3/4 x capacity tallies are as far above the old offset as the new offset is.
 * What all tallies are above the offset comes from counted entries and is used up by each step, so
 * 3/4 x capacity x offset <= entries counted.
 */
#include "config.h"
#include "census_internal.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

size_t ct_tallies_capacity(size_t words)
{
	/* up to 4 slots of the index each, as that is a power of two */
	return CT_TALLIES_BYTES / (sizeof(struct ct_tally) + words * sizeof(uint64_t) + 4 * sizeof(uint32_t));
}

int ct_tallies_init(struct ct_tallies *t, size_t words, size_t capacity)
{
	struct ct_tallies n = { .words = words, .capacity = capacity, .index_mask = 15 };

	n.stride = sizeof(struct ct_tally) + words * sizeof(uint64_t);
	while (n.index_mask < 2 * capacity)
		n.index_mask = n.index_mask << 1 | 1;
	n.slots = calloc(capacity, n.stride);
	n.index = calloc((size_t)n.index_mask + 1, sizeof(*n.index));
	if (!n.slots || !n.index) {
		ct_tallies_done(&n);
		return -ENOMEM;
	}
	/* so that nobody can choose addresses which all meet in one place; without it the census is right all the same */
	(void)getrandom(n.seed, sizeof(n.seed), GRND_NONBLOCK);
	*t = n;
	return 0;
}

void ct_tallies_done(struct ct_tallies *t)
{
	free(t->slots);
	free(t->index);
	t->slots = NULL;
	t->index = NULL;
}

void ct_tallies_clear(struct ct_tallies *t)
{
	memset(t->index, 0, ((size_t)t->index_mask + 1) * sizeof(*t->index));
	t->used = 0;
	t->offset = 0;
}

static inline uint32_t hash(const struct ct_tallies *t, const uint64_t *key)
{
	uint64_t h = t->seed[0];

	for (size_t i = 0; i < t->words; i++) {
		h = (h ^ key[i]) * (t->seed[1] | 1);
		h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t)h;
}

static inline bool same_key(const struct ct_tallies *t, const struct ct_tally *tally, const uint64_t *key)
{
	for (size_t i = 0; i < t->words; i++)
		if (tally->key[i] != key[i])
			return false;
	return true;
}

/* Its place in the index: taken by it, or free. */
static inline uint32_t *place(const struct ct_tallies *t, const uint64_t *key)
{
	uint32_t i = hash(t, key) & t->index_mask;

	while (t->index[i] && !same_key(t, ct_tallies_at(t, t->index[i] - 1), key))
		i = (i + 1) & t->index_mask;
	return &t->index[i];
}

/* The most entries that this group can have. */
static inline uint64_t most(const struct ct_tally *tally)
{
	return tally->entries + tally->error;
}

static size_t count_up_to(const struct ct_tallies *t, uint64_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < t->used; i++)
		n += most(ct_tallies_at(t, i)) <= limit;
	return n;
}

/* The least number up to which at least @n tallies are. Mostly just above the offset: look there first. */
static uint64_t lowest(const struct ct_tallies *t, size_t n)
{
	uint64_t below = t->offset, step = 1, limit;

	while (count_up_to(t, below + step) < n) {
		below += step;
		step *= 2;
	}
	for (limit = below + step; limit - below > 1;) {
		uint64_t middle = below + (limit - below) / 2;

		if (count_up_to(t, middle) < n)
			below = middle;
		else
			limit = middle;
	}
	return limit;
}

/* A quarter of the groups goes, at least; all of them if they are equal. */
static void make_room(struct ct_tallies *t)
{
	uint64_t limit = lowest(t, t->used / 4 + 1);
	size_t kept = 0;

	for (size_t i = 0; i < t->used; i++) {
		const struct ct_tally *tally = ct_tallies_at(t, i);

		if (most(tally) <= limit)
			continue;
		if (kept != i)
			memcpy(ct_tallies_at(t, kept), tally, t->stride);
		kept++;
	}
	ct_tallies_clear(t);
	t->used = kept;
	t->offset = limit;
	for (size_t i = 0; i < kept; i++)
		*place(t, ct_tallies_at(t, i)->key) = (uint32_t)i + 1;
}

struct ct_tally *ct_tallies_add(struct ct_tallies *t, const uint64_t *key)
{
	uint32_t *at = place(t, key);
	struct ct_tally *tally;

	if (*at) {
		tally = ct_tallies_at(t, *at - 1);
		tally->entries++;
		return tally;
	}
	if (t->used == t->capacity) {
		make_room(t);
		at = place(t, key);
	}
	tally = ct_tallies_at(t, t->used++);
	*at = (uint32_t)t->used;
	*tally = (struct ct_tally){ .entries = 1, .error = t->offset };
	memcpy(tally->key, key, t->words * sizeof(*key));
	return tally;
}
