/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chains-slow: the exact histogram on one line, by a loader that was built with other limits. */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include "../../src/bpf/chains.h"

int main(void)
{
	struct chains *chains;
	struct ct_err err;

	if (chains_walk(&chains, &err) < 0) {
		fprintf(stderr, "chains-slow: %s\n", err.msg);
		return 1;
	}
	for (uint64_t i = 0; i <= chains->longest; i++)
		printf("%" PRIu64 "%s", chains->histogram[i], i < chains->longest ? "," : "\n");
	chains_free(chains);
	return 0;
}
