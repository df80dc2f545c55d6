/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up snapshots, one for each situation that whoever looks must be able to tell: for tests of all that is made of
 * them. */
#ifndef CONNTUNE_TEST_SITUATIONS_H
#define CONNTUNE_TEST_SITUATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/snapshot.h>

/* "healthy", "filling", ...; NULL beyond the end. */
const char *situation_name(size_t i);
const char *situation_text(size_t i);

/* Not sealed yet. @boot_usec, @unix_usec: of its look. False: there is no such situation. */
bool situation_fill(struct ct_snapshot *ret, const char *name, uint64_t boot_usec, int64_t unix_usec);

/* Hours and minutes before, as they fit this snapshot; not sealed yet. */
void situation_fill_recent(struct ct_recent *ret, const struct ct_snapshot *snapshot);

/* Text of run/conntune-observed/chains.json and census.json that fits; to be freed. NULL: no memory. */
char *situation_chains(const struct ct_snapshot *snapshot);
char *situation_census(const struct ct_snapshot *snapshot);

#endif
