/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chains-slow [census]: the exact histogram on one line, or kinds of entries, by a loader built with other limits. */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include "../../src/bpf/chains.h"

static void print_kinds(const struct chains *chains)
{
	for (size_t i = 0; i < chains->kinds; i++) {
		const struct ct_census_count *c = &chains->counts[i];

		printf("%u %u %s %" PRIu64 " idle", c->proto, c->state,
		       c->assured ? "assured" : c->replied ? "replied" : "unreplied", c->entries);
		for (unsigned n = 0; n < CT_CENSUS_IDLE__COUNT; n++)
			printf(" %" PRIu64, c->idle[n]);
		printf(" unknown %" PRIu64 "\n", c->idle_unknown);
	}
}

static int census(struct chains **ret, struct ct_err *err)
{
	struct ct_facts facts;
	const struct chains_census wanted = { .facts = &facts };
	struct ct_fs *fs;
	int r = ct_fs_new(&fs, "/", err);

	if (r < 0)
		return r;
	r = ct_facts_collect(fs, NULL, &facts, err);
	if (r == 0)
		r = chains_census(ret, &wanted, err);
	(void)ct_fs_free(fs);
	return r;
}

int main(int argc, char *argv[])
{
	struct chains *chains;
	struct ct_err err;

	(void)argv;
	if ((argc > 1 ? census(&chains, &err) : chains_walk(&chains, &err)) < 0) {
		fprintf(stderr, "chains-slow: %s\n", err.msg);
		return 1;
	}
	if (argc > 1)
		print_kinds(chains);
	for (uint64_t i = 0; argc == 1 && i <= chains->longest; i++)
		printf("%" PRIu64 "%s", chains->histogram[i], i < chains->longest ? "," : "\n");
	chains_free(chains);
	return 0;
}
