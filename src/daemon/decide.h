/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What should be done now: a state machine over observations. Pure: no I/O, no clock; time is data. */
#ifndef CONNTUNED_DECIDE_H
#define CONNTUNED_DECIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/cause.h>
#include <conntune/facts.h>
#include <conntune/forecast.h>
#include <conntune/kernel.h>
#include <conntune/settings.h>
#include <conntune/size.h>

/* One at a time; the table of transitions is in decide.c. */
enum decide_state {
	DECIDE_ABSENT,                  /* no connection tracking: nothing to do */
	DECIDE_BLIND,                   /* values can't be read, or not be written (read-only /proc/sys, other namespace) */
	DECIDE_HELD,                    /* somebody said `conntune hold` */
	DECIDE_REST,                    /* nothing is near */
	DECIDE_GROWTH,                  /* answered connections grow: the limit goes ahead of them */
	DECIDE_FLOOD,                   /* unanswered ones grow: they get their share and no more */
	DECIDE_CEILING,                 /* the budget is used up: the limit can't rise any more */
	DECIDE_MEMORY,                  /* MemAvailable is at its floor: nothing may grow, whatever the budget says */
	DECIDE_STATE__COUNT
};

enum decide_action {
	DECIDE_NOTHING,
	DECIDE_SET,                     /* limit and buckets as given; 0: leave that one */
	DECIDE_TIMEOUTS,                /* scale unassured time-outs */
	DECIDE_PUT_BACK,                /* not confirmed in time: values before the change */
};

/* Why; each is a row with its sentence in words.c. Names are an interface (journal, API, metrics). */
enum decide_reason {
	DECIDE_NO_REASON,
	DECIDE_START,                   /* first good look: buckets early, while the table is small */
	DECIDE_RELOAD,                  /* the module came back with its own values */
	DECIDE_FORECAST,                /* the table would be full soon */
	DECIDE_DEMAND,                  /* sizing says more is needed: history, memory or configuration changed */
	DECIDE_CHAINS,                  /* chains so long that refusals are near; the stall pays */
	DECIDE_FOREIGN_WRITE,           /* enforce: put back */
	DECIDE_LESS_MEMORY,             /* budget shrank (hot-unplug, configuration): limit goes down to it, not below use */
	DECIDE_SHRINK,                  /* configured, and demand has been low for long */
	DECIDE_PRESSURE,                /* time-outs shorter: fill is between start and end */
	DECIDE_RELIEF,                  /* time-outs back */
	DECIDE_UNCONFIRMED,
	DECIDE_REASON__COUNT
};

/**
 * struct decide_config - what doesn't change from one look to the next; made anew on reload and when facts change
 * @settings:  as loaded
 * @request:   sizing with this machine's facts (ct_size_request_init), settings merged in
 * @can_set_limit, @can_set_buckets: files are there and writable
 * @stall_usec_per_node: measured or assumed cost of moving one node in a resize; 0.25 unless known better
 */
struct decide_config {
	struct ct_settings settings;
	struct ct_size_request request;
	bool can_set_limit, can_set_buckets;
	double stall_usec_per_node;
};

/**
 * struct decide_look - one observation
 * @now_usec:    CLOCK_BOOTTIME: goes on while the machine sleeps
 * @present:     connection tracking is there
 * @reloaded:    it came back, or counters began anew, since the look before
 * @entries:     of the fullest network namespace that is seen: the limit is compared with each one's by itself
 * @where:       what a process in it is called; "": it is ours
 * @moved:       the look before told entries of another one
 * @sudden:      and this one had few entries then: more or less all are new
 * @limit, @buckets: limit 0: none
 * @all_entries: of all namespaces, as far as known
 * @mem_available: MemAvailable, at most some seconds old
 * @unreplied:   share of those entries, or of newcomers, that nobody has answered, 0 .. 1; unknown unless asked for (decide_verdict.want_mix)
 * @counter:     totals as ct_stats_sample() gives them, ours and those of the fullest other namespace together
 * @peak_entries: highest of the history that policy demand looks at; 0: none
 * @hold_until_usec: HELD until then; 0: not held; UINT64_MAX: until resume
 * @waits:       an apply of the command line isn't confirmed yet: whose its values are will be seen
 * @confirmed:   `conntune confirm` came since the look before
 * @resumed:     `conntune resume` came since the look before: values that were yielded are ours again
 */
struct decide_look {
	uint64_t now_usec;
	bool present, reloaded;
	struct ct_u64 entries, limit, buckets, all_entries, mem_available;
	char where[32];
	bool moved, sudden;
	struct { bool known; double v; } unreplied;
	struct ct_u64 counter[CT_COUNTER__COUNT];
	uint64_t peak_entries;
	uint64_t hold_until_usec;
	bool waits;
	bool confirmed, resumed;
};

/**
 * struct decide_verdict - what to do, and why
 * @limit, @buckets: DECIDE_SET and DECIDE_PUT_BACK: to be in force afterwards; 0: leave
 * @allow_shrink:    the limit goes down
 * @scale:           DECIDE_TIMEOUTS: 1.0 originals, 0.25 a quarter, ... ; floors are act's and the parameter table's
 * @next_usec:       look again after so long
 * @want_mix:        the next look should know decide_look.unreplied
 * @urgent:          worth a log line of its own now (a state was entered)
 * @evidence:        numbers behind it, for people: "41200 of 65536 entries, +5100/s, full in 4.7 s"
 * @target_limit, @target_buckets: what sizing says would be right with the budget as it is (for status and advice)
 * @ceiling:         the highest limit that the budget allows
 * @full_in_usec:    by the forecast and the limit before the action; UINT64_MAX: not in sight
 * @cause:           from the counters; name "" if nothing can be said
 */
struct decide_verdict {
	enum decide_state state;
	enum decide_action action;
	enum decide_reason reason;
	uint64_t limit, buckets;
	bool allow_shrink;
	double scale;
	uint64_t next_usec;
	bool want_mix, urgent;
	char evidence[200];
	uint64_t target_limit, target_buckets, ceiling;
	uint64_t full_in_usec;
	struct ct_cause cause;
};

/**
 * struct decide_outcome - what came of the last action; told before the next look
 * @done: 0, or the negative errno of the apply
 * @limit, @buckets: read back
 * @stall_usec: what the write of buckets took at most, with so many @nodes in the table; 0: none
 */
struct decide_outcome {
	int done;
	struct ct_u64 limit, buckets;
	uint64_t stall_usec, nodes;
};

/* What sizing said, and what was put into it: most looks find the same machine as the one before. */
struct decide_sizes {
	bool known;
	struct ct_size_request request;
	enum ct_policy policy;
	bool misfit;                    /* the administrator's numbers don't fit */
	uint64_t target_limit, target_buckets;  /* by the policy, nothing lowered */
	uint64_t need;                  /* the same, as if nothing were there */
	uint64_t budget_limit, budget_buckets;  /* the highest limit that the budget allows, and buckets for it */
	uint64_t full_bytes;            /* that limit full, with its buckets */
	uint64_t room, room_buckets;    /* as budget_limit, with MemAvailable as it was at room_usec */
	uint64_t room_usec;
};

/* Failures in a row, and when to try again. */
struct decide_backoff {
	uint32_t failures;
	uint64_t until_usec;
};

/* Counters over about a second: the sum that began at @usec, and what the one before came to in @before_usec. */
struct decide_counts {
	uint64_t usec, before_usec;
	struct ct_u64 begin[CT_COUNTER__COUNT];
	uint64_t before[CT_COUNTER__COUNT];
};

/* Everything remembered; plain, so that a simulation can copy it. Members are the business of decide.c and its parts. */
struct decide {
	enum decide_state state;
	uint64_t now_usec;              /* of the last look; 0: none yet, so a clock at 0 counts as 1 */
	uint64_t since_usec;            /* in this state */
	struct ct_forecast forecast;
	struct decide_sizes sizes;
	struct decide_counts counts;
	struct ct_cause cause;
	uint64_t cause_usec;
	uint32_t unread;                /* looks in a row without limit or entries */
	uint64_t quiet_since_usec;      /* nothing near, nothing lost; 0: not quiet */
	bool flooded;                   /* by their share, with hysteresis */
	bool crowd;                     /* that, or those who come have had their share */
	uint64_t crowd_since_usec;      /* it is so, or isn't, since then */
	double unreplied;               /* last known share */
	uint64_t answered;              /* entries that it left, of those that there were then */
	uint64_t unreplied_usec;        /* when; 0: never */
	uint64_t asked_usec;            /* for it, last time; 0: never */
	uint32_t unanswered;            /* times in a row that it was asked for in vain */
	uint64_t mem_available, mem_entries;    /* as it was last seen to change, and the entries of that moment */

	enum ct_mode mode;
	bool started;                   /* DECIDE_START was done */
	bool reapply;                   /* the module came back: set what is ours again */
	bool hold;                      /* put back: nothing more until resume */
	bool fitted;                    /* the limit was within the budget while we watched */
	bool said_misfit;
	uint64_t set_limit, set_buckets;        /* ours, as read back; 0: not ours */
	uint64_t floor_limit;           /* foreign writer, policy floor: theirs is the least */
	bool limit_yielded, buckets_yielded;
	uint64_t foreign_limit, foreign_buckets;        /* the write that was counted last; 0: none since ours holds */
	uint64_t limit_writes, buckets_writes;  /* by others, of values that were ours; ever */
	uint32_t enforced;              /* times in a row */
	uint64_t enforced_at_usec;
	uint64_t before_limit, before_buckets;  /* of the change that waits to be confirmed; 0: that one didn't change */
	uint64_t confirm_by_usec;       /* 0: nothing waits */
	uint64_t confirm_usec;          /* as configured */
	uint64_t buckets_at_usec, limit_at_usec;        /* last change; 0: never */
	uint64_t most_buckets;          /* memory had no room for more; 0: no such bound */
	uint64_t last_limit, last_buckets;      /* in force at the last look, or read back since */
	uint64_t advised_limit, advised_buckets;        /* said, and not followed; 0: nothing */
	double scale;                   /* of time-outs, in force */
	uint64_t scale_at_usec;
	double stall_usec_per_node;     /* 0: as configured */
	uint64_t low_since_usec;        /* demand below what allows shrinking; 0: it isn't */
	struct decide_backoff limit_backoff, buckets_backoff, timeouts_backoff;
};

/*
 * decide() at each look; decide_done() after each verdict with an action, before the next look. In advise mode and in a
 * dry run it is told done = 0 with the values unchanged: the same advice isn't given again then.
 */
void decide_init(struct decide *d);
void decide(struct decide *d, const struct decide_config *config, const struct decide_look *look,
	    struct decide_verdict *ret);
void decide_done(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome);

/* Nobody can confirm any more: what is to be put back now? decide_done() as above. Returns false: nothing. */
bool decide_put_back(const struct decide *d, struct decide_verdict *ret);

const char *decide_state_name(enum decide_state state);         /* "absent", "blind", "held", "rest", ... */
const char *decide_action_name(enum decide_action action);      /* "nothing", "set", "timeouts", "put-back" */
const char *decide_reason_name(enum decide_reason reason);      /* "start", "reload", "forecast", ... */
const char *decide_reason_text(enum decide_reason reason);      /* a sentence */

#endif
