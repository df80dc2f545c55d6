/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a look means: sizes, forecast, who fills the table. For decide.c and its parts. */
#ifndef CONNTUNED_VIEW_H
#define CONNTUNED_VIEW_H

#include "decide.h"

#define VIEW_SECOND UINT64_C(1000000)

/* More is needed when the forecast passes fill_percent within this time. It is many looks and one write of a number. */
#define VIEW_LEAD_USEC (5 * VIEW_SECOND)

/**
 * struct view - one look, understood; numbers are 0 where they aren't known
 * @now:           never before the last look's
 * @readable:      entries and limit are known
 * @unlimited:     a limit of 0 is in force
 * @all_entries:   that share our buckets
 * @budget_limit:  the highest limit that the budget allows
 * @ceiling:       the highest that we may set: that, or the administrator's fixed number
 * @room:          the highest that budget and MemAvailable allow now
 * @room_buckets:  buckets for it
 * @cap:           the highest limit that this kind of traffic may have
 * @answered:      entries that somebody answered, when it was last known
 * @share_unreplied, @share_known: last known share of the others, not older than some seconds
 * @flood_share:   entries that nobody answered may take so many
 * @full_usec:     until the table is full; UINT64_MAX: not in sight
 * @fills_usec:    until it is filled up to fill_percent
 * @wants:         more is needed soon
 * @holds:         more is wanted, memory has room, but those who come have had their share
 * @pending:       who comes isn't known, but may be yet
 * @evicts:        counted within the last second or two
 * @turned_away:   evicted and dropped, a second: what a full table doesn't show as growth
 * @quiet_usec:    nothing near and nothing lost for so long
 * @crowd:         many unanswered ones, by their share or because they have had it
 * @crowd_usec:    that is so, or isn't, for so long
 * @mem_low, @mem_back: MemAvailable is at its floor; is well above it
 * @stall_usec:    predicted, of a resize now
 */
struct view {
	const struct decide_config *config;
	const struct decide_look *look;
	uint64_t now;
	bool readable, unlimited;
	uint64_t entries, limit, buckets, all_entries;
	const struct decide_sizes *sizes;
	uint64_t budget_limit, ceiling, room, room_buckets, cap;
	uint64_t answered, flood_share;
	bool share_known;
	double share_unreplied;
	uint64_t full_usec, fills_usec;
	bool wants, holds, pending, evicts;
	double turned_away;
	uint64_t quiet_usec, crowd_usec;
	bool crowd;
	bool mem_low, mem_back;
	double stall_usec;
};

/* Looks, and remembers in @d what the next look needs. */
void view_make(struct view *ret, struct decide *d, const struct decide_config *config, const struct decide_look *look);

/* Time between two moments; 0 if @since is 0 (never) or not before @now. */
uint64_t view_since(uint64_t now, uint64_t since);

/* Mean chain length with so many entries of ours; those of others stay as they are. */
double view_load(const struct view *v, uint64_t entries, uint64_t buckets);

/* P(a new connection is refused because of a chain's length) at so much load; 0 .. 1 */
double view_refused(const struct view *v, double load);

/* The cause as the counters of the last seconds tell it. */
void view_cause(const struct view *v, struct decide *d, struct ct_cause *ret);

#endif
