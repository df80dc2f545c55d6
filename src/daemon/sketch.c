/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Percentiles of very many values in fixed memory, by counting in bins that are narrow where values are small. */
#include "config.h"
#include "sketch.h"

#include <string.h>

/* Of each bin above SKETCH_EXACT, the value's highest bit and the five below it. */
static size_t bin_of(uint64_t value)
{
	unsigned top;

	if (value > SKETCH_VALUE_MAX)
		value = SKETCH_VALUE_MAX;
	if (value < SKETCH_EXACT)
		return (size_t)value;
	top = 63 - (unsigned)__builtin_clzll(value);
	return SKETCH_EXACT + (size_t)(top - 6) * SKETCH_PER_OCTAVE + (size_t)(value >> (top - 5)) - SKETCH_PER_OCTAVE;
}

static uint64_t middle_of(size_t bin)
{
	unsigned octave;
	uint64_t width;

	if (bin < SKETCH_EXACT)
		return bin;
	octave = (unsigned)(bin - SKETCH_EXACT) / SKETCH_PER_OCTAVE;
	width = UINT64_C(2) << octave;
	return (SKETCH_PER_OCTAVE + (bin - SKETCH_EXACT) % SKETCH_PER_OCTAVE) * width + width / 2;
}

void sketch_add(struct sketch *s, uint64_t value, uint32_t weight)
{
	uint32_t *bin = &s->weight[bin_of(value)];

	if (__builtin_add_overflow(*bin, weight, bin))
		*bin = UINT32_MAX;
}

uint64_t sketch_weight(const struct sketch *s)
{
	uint64_t all = 0;

	for (size_t i = 0; i < SKETCH_BINS; i++)
		all += s->weight[i];
	return all;
}

uint64_t sketch_quantile(const struct sketch *s, unsigned percent)
{
	uint64_t all = sketch_weight(s), below = 0;

	if (all == 0)
		return 0;
	for (size_t i = 0; i < SKETCH_BINS; i++) {
		below += s->weight[i];
		if (below * 100 >= all * percent)
			return middle_of(i);
	}
	return middle_of(SKETCH_BINS - 1);
}

size_t sketch_pack(const struct sketch *s, uint8_t *ret)
{
	uint8_t *p = ret;

	for (uint32_t i = 0; i < SKETCH_BINS; i++) {
		if (!s->weight[i])
			continue;
		*p++ = (uint8_t)i;
		*p++ = (uint8_t)(i >> 8);
		for (unsigned shift = 0; shift < 32; shift += 8)
			*p++ = (uint8_t)(s->weight[i] >> shift);
	}
	return (size_t)(p - ret);
}

bool sketch_unpack(const uint8_t *bytes, size_t n, struct sketch *ret)
{
	long last = -1;

	memset(ret, 0, sizeof(*ret));
	for (const uint8_t *p = bytes; n % 6 == 0 && p < bytes + n; p += 6) {
		long bin = p[0] | p[1] << 8;

		if (bin <= last || bin >= SKETCH_BINS) {
			memset(ret, 0, sizeof(*ret));
			return false;
		}
		for (unsigned i = 0; i < 4; i++)
			ret->weight[bin] |= (uint32_t)p[2 + i] << (8 * i);
		last = bin;
	}
	return n % 6 == 0;
}
