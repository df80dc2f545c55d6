/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other network namespaces. The limit is one number for all, compared with the entries of each by itself, so the namespace
 * that counts is the fullest one: in a container host or a router in a namespace that isn't ours.
 */
#ifndef CONNTUNED_NEIGHBOURS_H
#define CONNTUNED_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/facts.h>
#include <conntune/netns.h>
#include <conntune/stats.h>

/* Processes in which they are looked for, at most, and what one of them costs to look at. */
#define NEIGHBOURS_PROCESSES 512
#define NEIGHBOURS_PROCESS_USEC 6

/*
 * What surveys that smoke asks for may cost: 1/10000 of a core, and as a stock for bad times what a busy machine needs for
 * a dozen of them. One a second is enough while the fullest one is watched.
 */
#define NEIGHBOURS_CREDIT_SHARE 10000
#define NEIGHBOURS_CREDIT_USEC 20000
#define NEIGHBOURS_PAUSE_USEC UINT64_C(900000)

/**
 * struct neighbours_smoke - is there more memory in use than the connections that we see explain?
 * Seconds count when a new namespace fills, and walking through /proc each second would cost more than all the rest. The
 * kernel's own memory grows with each connection, whosever it is, and is told beside MemAvailable.
 * @slab, @entries: at the lowest point since the last survey
 * @most:           of the entries since then
 */
struct neighbours_smoke {
	bool known;
	uint64_t slab, entries, most;
};

/**
 * neighbours_smoke - pure
 * @slab:    SUnreclaim; unit: bytes
 * @entries: of all namespaces, as far as seen
 * @of_note: so many entries unseen are worth a survey
 * Returns: whether there may be so many. To be set to { 0 } by each survey.
 */
bool neighbours_smoke(struct neighbours_smoke *smoke, uint64_t slab, uint64_t entries, uint64_t of_note);

/**
 * struct neighbours_crowd - who comes there, as far as it shows from outside
 * Entries of another namespace are seen by those who go there, and we may not. But each newcomer takes a packet, and one that
 * is answered takes another. So with P packets for N newcomers at least 2 - P / N of them are without an answer: most of
 * a flood, which is hardly more packets than entries; nothing is known where connections have much to say.
 * @usec, @entries, @evicted, @packets: as of the last step
 * @unreplied: share of the newcomers, at least: the best that was found within a second
 * @said_usec: when that was; 0: nothing is known
 */
struct neighbours_crowd {
	uint64_t usec, entries, evicted;
	struct ct_netns_packets packets;
	double unreplied;
	uint64_t said_usec;
};

/* Packets are counted so often, at most; fewer newcomers than that say nothing; a smaller share is none. */
#define NEIGHBOURS_CROWD_USEC UINT64_C(100000)
#define NEIGHBOURS_NEWCOMERS 1000
#define NEIGHBOURS_SHARE 0.5
#define NEIGHBOURS_SAID_USEC UINT64_C(1000000)

/**
 * neighbours_crowd - one step; pure
 * @evicted: counter of evictions: newcomers took their places
 * @packets: counted after the entries, so that those of each are in it
 */
void neighbours_crowd(struct neighbours_crowd *crowd, uint64_t now_usec, uint64_t entries, uint64_t evicted,
		      const struct ct_netns_packets *packets);

/**
 * struct neighbours - what is known of them
 * @survey:   the last one; the fullest one's entries are kept up to date while it is watched
 * @due:      take one as soon as there is credit
 * @credit_usec: that surveys between the regular ones may cost; negative: overdrawn
 * @watched:  the fullest but ours, if it has many entries; NULL: none
 * @inode:    of the watched one
 * @sample:   its last one; no source known is told by @entries.known
 * @first:    counted before we looked: nobody's news
 * @counted:  by those that were watched before, so that totals only grow
 * @crowd:    who its entries are of
 * @at_survey: entries of the watched one that are part of survey.all_entries
 * @found:    the last look found it by a survey that smoke had asked for
 */
struct neighbours {
	struct ct_fs *fs;
	struct ct_netns_survey survey;
	uint64_t survey_usec, credit_at_usec;
	int64_t credit_usec;
	bool due, found;
	struct neighbours_smoke smoke;
	struct ct_stats *watched;
	uint64_t inode, at_survey;
	struct ct_sample sample;
	struct neighbours_crowd crowd;
	uint64_t first[CT_COUNTER__COUNT], counted[CT_COUNTER__COUNT];
};

/* What a look knows already. @slab: SUnreclaim, as of about now. */
struct neighbours_look {
	uint64_t now_usec;
	struct ct_u64 entries, limit, slab;
	const struct ct_kver *kernel;
	uint32_t cpus;
};

void neighbours_init(struct neighbours *n, struct ct_fs *fs);
void neighbours_done(struct neighbours *n);

/* The regular survey, with the whole picture. Returns as ct_netns_survey(). */
int neighbours_survey(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err);

/* Each look: read the watched one, and go and see if there is smoke. Returns as ct_netns_survey(). */
int neighbours_look(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err);

/* Entries of the watched one; unknown: none is watched. */
struct ct_u64 neighbours_entries(const struct neighbours *n);

/* Share of those who come there that nobody answers, at least; false: not known, there may be many or none. */
bool neighbours_unreplied(const struct neighbours *n, double *share);

/* Entries of all namespaces: ours and the watched one's as of now, the others' as of the survey. */
struct ct_u64 neighbours_all_entries(const struct neighbours *n, struct ct_u64 own);

/* What was counted there while it was watched, by all that ever were. */
uint64_t neighbours_counted(const struct neighbours *n, enum ct_counter counter);

/* Nothing of what was known holds any more: the module is gone, or came back. */
void neighbours_forget(struct neighbours *n);

#endif
