/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the table is as it is: one cause in words, what speaks for it, and the one thing to do. Pure. */
#ifndef CONNTUNE_CAUSE_H
#define CONNTUNE_CAUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/netns.h>
#include <conntune/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_symptoms - what the causes are told by
 * @entries, @limit: of this namespace; a known limit of 0 means there is none
 * @buckets:      of the table
 * @all_entries:  of all namespaces that could be looked into; shared buckets hold them all
 * @other_entries, @other_name, @other_inode: the fullest namespace but this one
 * @expect_entries, @expect_limit: of the expectation table
 * @ceiling:      the highest limit that memory allows here
 * @p_refused:    by the chain limit, for a new connection now; 0 .. 1
 * @seconds:      in which @counted was counted; 0: since the counters began, which may be long ago
 * @counted:      by counter; unknown: this kernel or this caller can't tell
 */
struct ct_symptoms {
	struct ct_u64 entries, limit, buckets;
	struct ct_u64 all_entries;
	struct ct_u64 other_entries;
	char other_name[64];
	uint64_t other_inode;
	struct ct_u64 expect_entries, expect_limit;
	struct ct_u64 ceiling;
	double p_refused;
	double seconds;
	struct ct_u64 counted[CT_COUNTER__COUNT];
};

/**
 * ct_symptoms_init - from what was observed
 * @before:  the sample before; NULL: totals since the counters began are all there is
 * @after:   the last sample; NULL: no counters
 * @seconds: between the two
 * @netns:   may be NULL
 * Returns: 0; -EINVAL if the facts name no kernel that can be described.
 */
int ct_symptoms_init(struct ct_symptoms *ret, const struct ct_facts *facts, const struct ct_sample *before,
		     const struct ct_sample *after, double seconds, const struct ct_netns_list *netns,
		     struct ct_err *err);

/**
 * struct ct_cause - the answer
 * @name:     an interface: "healthy", "assured", "flood", "chain-limit", "nat-ports", "clashes", "namespace-hog",
 *            "expectations", "ceiling", "filling", "dropping", "no-limit", "unknown"
 * @healthy:  nothing is lost and nothing is about to be
 * @text:     in a sentence
 * @evidence: the numbers that say so
 * @remedy:   one thing to do; "" if there is nothing to do
 */
struct ct_cause {
	const char *name;
	bool healthy;
	const char *text;
	char evidence[200];
	const char *remedy;
};

/*
 * ct_cause_find - the first of the table of causes that holds; the worst stand first
 * Totals alone prove nothing about today, so without rates only what the table shows right now counts, and totals
 * say no more than which kind it is.
 */
void ct_cause_find(const struct ct_symptoms *symptoms, struct ct_cause *ret);

#ifdef __cplusplus
}
#endif
#endif
