/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a verdict to deeds: plan, lock, record, apply, read back, say so. The only part of the daemon that changes anything. */
#ifndef CONNTUNED_ACT_H
#define CONNTUNED_ACT_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/facts.h>
#include <conntune/fs.h>
#include <conntune/timeouts.h>
#include "decide.h"
#include "journal.h"

struct act_values {
	struct ct_u64 limit, buckets;
};

/**
 * struct act - what acting needs and remembers
 * @timeouts_path: below the root: originals of time-outs that were shortened; NULL: there are none, and none will be
 * @dry:       write nothing, say what would be done; but what is short goes back
 * @timeouts:  as they are now
 * @scale:     of them as written, 1.0: originals
 * @owed:      they should be back, and that went wrong: decisions count on it, so nobody else asks for it again
 * @first:     found at the first look with connection tracking, to go back to at the stop
 * @set:       as read back after we wrote them; not known: never written. What differs was set by somebody else
 * @recovered: no time-outs are short from an earlier life
 * @wait_until_usec: CLOCK_MONOTONIC: so long the lock is waited for, because nobody will try again; 0: it is not
 * @recorded:  the record of first values was made by this process
 * @settled_usec: deadline of an apply that was taken back; its file may still be there
 */
struct act {
	struct ct_fs *fs;
	struct journal *journal;
	const char *timeouts_path;
	bool dry;
	struct ct_timeouts timeouts;
	double scale;
	bool owed;
	struct act_values first, set;
	bool recovered, recorded;
	uint64_t wait_until_usec;
	uint64_t settled_usec;
};

/* @timeouts_path: NULL: a dry run, which leaves no trace: what a crash left short is not its business. */
void act_init(struct act *act, struct ct_fs *fs, struct journal *journal, const char *timeouts_path);

/* Values as they are now are those to go back to. */
void act_found(struct act *act, const struct ct_facts *facts);

/*
 * After a crash: time-outs come back, in advice too, or they would stay short as long as it lasts. Called before anything else is done, and again now and then until it went well;
 * none are shortened before that. So do those of our own that are owed.
 */
void act_recover(struct act *act);

/* From now on nothing is written, or all is. Time-outs that are short come back first. */
void act_set_dry(struct act *act, bool dry);

/* An apply of the command line that nobody confirmed, and whose guard is dead, is taken back. */
void act_settle(struct act *act);

/* The module came back with its own time-outs: there is nothing to put back any more. */
void act_reloaded(struct act *act);

/**
 * act - do what @verdict says
 * @facts: as fresh as the look that the verdict rests on
 * @ret:   what came of it, values as read back; when nothing may be written (@dry) done is 0 and they are as they were
 */
void act(struct act *act, const struct ct_facts *facts, const struct decide_verdict *verdict,
	 struct decide_outcome *ret);

/*
 * Clean stop: time-outs come back whatever is configured; with @values limit and buckets as found do, too, as far as they
 * are still those that we set. A conntune that is at work is waited for, 10 s at most.
 */
void act_stop(struct act *act, const struct ct_facts *facts, bool values);

#endif
