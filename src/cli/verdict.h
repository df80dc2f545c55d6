/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status says in one sentence. Pure. */
#ifndef CONNTUNE_VERDICT_H
#define CONNTUNE_VERDICT_H

#include <stdbool.h>
#include <conntune/facts.h>

/**
 * struct cli_health - what the verdict looks at
 * @limit:        0 and known: no limit
 * @load_full:    mean chain length of a full table; 0: not known
 * @p_refused, @p_refused_full: by the chain limit, now and when full; 0 .. 1
 */
struct cli_health {
	enum ct_presence presence;
	struct ct_u64 entries, limit, buckets;
	double load_full;
	double p_refused, p_refused_full;
};

/**
 * struct cli_verdict - one row of the table
 * @name:    an interface: field "verdict" in JSON, documented in conntune(1)
 * @text:    the sentence
 * @healthy: `status --check` exits with 0
 */
struct cli_verdict {
	const char *name;
	const char *text;
	bool healthy;
};

/* The first row, worst first, that holds. Never NULL. */
const struct cli_verdict *cli_verdict(const struct cli_health *health);

#endif
