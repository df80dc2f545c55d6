/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chains-slow [census|owners]: the exact histogram on one line, kinds of entries, or nodes of each network namespace;
 * by a loader built with other limits. */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

static void print_owners(const struct chains *chains)
{
	for (size_t i = 0; i < chains->owners; i++)
		printf("%" PRIu64 " %" PRIu64 "\n", chains->owner[i].inode, chains->owner[i].nodes);
	if (chains->others)
		printf("others %" PRIu64 "\n", chains->others);
}

int main(int argc, char *argv[])
{
	const bool kinds = argc > 1 && strcmp(argv[1], "census") == 0;
	struct chains *chains;
	struct ct_err err;

	if ((kinds ? census(&chains, &err) : chains_walk(&chains, argc > 1, &err)) < 0) {
		fprintf(stderr, "chains-slow: %s\n", err.msg);
		return 1;
	}
	if (kinds)
		print_kinds(chains);
	else
		print_owners(chains);
	for (uint64_t i = 0; argc == 1 && i <= chains->longest; i++)
		printf("%" PRIu64 "%s", chains->histogram[i], i < chains->longest ? "," : "\n");
	chains_free(chains);
	return 0;
}
