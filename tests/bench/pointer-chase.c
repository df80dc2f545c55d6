/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pointer-chase ENTRIES BYTES: seconds for 2 x ENTRIES loads, each of which needs the one before; two in each BYTES. */
#include "config.h"
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>

#define HUGE_PAGE (2UL << 20)

/* Where both nodes are in the kernel's struct nf_conn: two cache lines. */
static void *slot(char *memory, size_t bytes, size_t i)
{
	return memory + i / 2 * bytes + (i % 2 ? 80 : 24);
}

static uint64_t random_below(uint64_t n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* One cycle through all slots in random order (Sattolo). */
static void **link_all(char *memory, size_t bytes, size_t slots)
{
	size_t *order = malloc(slots * sizeof(*order));

	if (!order)
		return NULL;
	for (size_t i = 0; i < slots; i++)
		order[i] = i;
	for (size_t i = slots - 1; i > 0; i--) {
		size_t j = random_below(i), swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	for (size_t i = 0; i < slots; i++)
		*(void **)slot(memory, bytes, order[i]) = slot(memory, bytes, order[(i + 1) % slots]);
	free(order);
	return slot(memory, bytes, 0);
}

static double chase(void **p, size_t loads)
{
	struct timespec from, to;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < loads; i++) {
		p = *p;
		__asm__ volatile("" : "+r"(p));
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	return p ? (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9 : 0;
}

int main(int argc, char **argv)
{
	size_t entries = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, bytes = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	size_t total = (entries * bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	char *memory = entries && bytes >= 128 ? aligned_alloc(HUGE_PAGE, total) : NULL;
	void **first;

	if (!memory)
		return 1;
	/* the kernel maps its memory with large pages too */
	(void)madvise(memory, total, MADV_HUGEPAGE);
	first = link_all(memory, bytes, 2 * entries);
	if (!first)
		return 1;
	printf("%.6f\n", chase(first, 2 * entries));
	free(memory);
	return 0;
}
