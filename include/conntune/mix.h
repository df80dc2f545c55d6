/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of entries the table holds, from a sample: a dump goes by bucket, the hash is seeded, so its beginning is random. */
#ifndef CONNTUNE_MIX_H
#define CONNTUNE_MIX_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_mix - of the first entries of a dump of this network namespace
 * @seen:      entries looked at
 * @unreplied: of those: nobody has answered
 * @assured:   of those: never evicted
 * Standard error of a share p: sqrt(p x (1 - p) / seen); 1.6 % at most with 1000 entries.
 */
struct ct_mix {
	uint32_t seen, unreplied, assured;
};

/**
 * ct_mix_sample - look at up to @most entries, then stop the dump
 * Costs about 2 us an entry, and 35 ns for each bucket on the way, so an almost empty table is dear: 10 ms for 262,144
 * buckets, 1 s for 2^25. The caller knows both numbers (ct_mix_is_cheap). Needs CAP_NET_ADMIN and nf_conntrack_netlink
 * (never loads it).
 * Returns: 0; -EOPNOTSUPP if it can't be asked here; -EPERM; -ETIMEDOUT; -EBADMSG; -ENOMEM.
 */
int ct_mix_sample(struct ct_fs *fs, uint32_t most, struct ct_mix *ret, struct ct_err *err);

/**
 * ct_mix_is_cheap - are entries so close together that up to @most of them are found within a few milliseconds?
 * The kernel walks on until it has a page full of them, about a hundred.
 */
bool ct_mix_is_cheap(uint64_t entries, uint64_t buckets, uint32_t most);

#ifdef __cplusplus
}
#endif
#endif
