/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Percentiles of very many values in fixed memory: weights in bins whose width grows with the value. Pure. */
#ifndef CONNTUNED_SKETCH_H
#define CONNTUNED_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * 0 .. 63 have a bin each, above that each power of two has 32 up to 2^31: whatever falls into a bin is within 1/64 of
 * its middle. So a quantile is off by 1/64 (1.6 %) of the true one at most, and exact below 64.
 */
#define SKETCH_EXACT 64
#define SKETCH_PER_OCTAVE 32
#define SKETCH_BINS (SKETCH_EXACT + 25 * SKETCH_PER_OCTAVE)
#define SKETCH_VALUE_MAX INT32_MAX

struct sketch {
	uint32_t weight[SKETCH_BINS];
};

/* A bin's number and its weight, six bytes. */
#define SKETCH_PACKED_MAX ((size_t)SKETCH_BINS * 6)

/* Values above SKETCH_VALUE_MAX count as that; a bin that is full stays full. */
void sketch_add(struct sketch *s, uint64_t value, uint32_t weight);

/* All weight that is in it. */
uint64_t sketch_weight(const struct sketch *s);

/* The value that @percent % of the weight doesn't exceed; 0 if there is none. @percent: 1 .. 100. */
uint64_t sketch_quantile(const struct sketch *s, unsigned percent);

/* To bytes, at most SKETCH_PACKED_MAX, and back. Unpacking checks all of it: false, and *@ret is empty, if anything is
 * wrong. */
size_t sketch_pack(const struct sketch *s, uint8_t *ret);
bool sketch_unpack(const uint8_t *bytes, size_t n, struct sketch *ret);

#endif
