/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What could be done, one function each, and the table that says in which states and in which order. Pure. */
#include "config.h"
#include "scene.h"

#include <inttypes.h>
#include <math.h>

/* The limit goes up by a quarter at least, and far enough for what comes within this time: writes are to be few. */
#define AHEAD_USEC (15 * SECOND)

/*
 * What may come before the next look is seen by nobody, so there must be room for it from the start: connections a second
 * that two cores are known to take in. Larger machines have larger limits anyway; on a small one 65536 would be gone
 * within a look.
 */
#define BURST_RATE 100000

/* Longer chains than that make each packet dear; from this load on a resize is thought about. */
#define LOAD_FACTOR 2

/*
 * When does the stall of a resize pay? Each connection waits for it once. Without it, each new connection that the
 * chain limit refuses comes back after a second (the first retransmission of TCP), and within ten minutes a table turns
 * over about five times (mean life of an entry: two minutes). So it pays if it is shorter than 5 s x P(refused).
 */
#define REFUSED_LEAST 1e-3
#define REFUSED_COST_USEC (5.0 * (double)SECOND)

/* A table with so few entries (limit / 64) is as good as empty, whatever a node costs to move. */
#define NEARLY_EMPTY 64

/* Foreign writes put back in a row, and the peace that ends the row. */
#define ENFORCE_MOST 5
#define ENFORCE_ROW_USEC (600 * SECOND)

/* Demand must have been low for a day before what is there is lowered. */
#define LOW_USEC (24 * 3600 * SECOND)

/* Time-outs move in eighths, and back one thing at a time. */
#define SCALE_STEPS 8
#define RELIEF_USEC (10 * SECOND)

/* What a limit that goes down must leave: all that is in use and a sixteenth, for the next second's newcomers. */
static uint64_t in_use(const struct view *v)
{
	return v->entries + v->entries / 16 + 1;
}

/* ---- what is ours ---- */

static bool may_set_limit(const struct scene *s)
{
	return !s->d->limit_yielded && s->v.now >= s->d->limit_backoff.until_usec && !s->v.unlimited;
}

static bool may_set_buckets(const struct scene *s)
{
	return s->v.config->can_set_buckets && !s->d->buckets_yielded && s->v.buckets &&
	       s->v.now >= s->d->buckets_backoff.until_usec;
}

static bool buckets_are_cool(const struct scene *s)
{
	return s->d->buckets_at_usec == 0 ||
	       view_since(s->v.now, s->d->buckets_at_usec) >= s->v.config->settings.cooldown_usec;
}

static bool stall_is_short(const struct scene *s)
{
	bool nearly_empty = s->v.limit / NEARLY_EMPTY > s->v.all_entries;

	return nearly_empty || s->v.stall_usec <= (double)s->v.config->settings.stall_usec;
}

static bool limit_is_foreign(const struct scene *s)
{
	return s->d->set_limit && s->v.limit != s->d->set_limit;
}

static bool buckets_are_foreign(const struct scene *s)
{
	return s->d->set_buckets && s->v.buckets && s->v.buckets != s->d->set_buckets;
}

static void tell_foreign(struct scene *s, const char *what, uint64_t value, const char *then)
{
	s->ret->urgent = true;
	s->ret->reason = DECIDE_FOREIGN_WRITE;
	scene_say(s, "somebody else set %s to %" PRIu64 ": %s", what, value, then);
}

static void yield_limit(struct scene *s, const char *why)
{
	tell_foreign(s, "the limit", s->v.limit, why);
	s->d->limit_yielded = true;
	s->d->set_limit = 0;
}

static void yield_buckets(struct scene *s, const char *why)
{
	tell_foreign(s, "buckets", s->v.buckets, why);
	s->d->buckets_yielded = true;
	s->d->set_buckets = 0;
}

/* Theirs is the least from now on, and where we stand; what we'll set on top of it is ours again. */
static void adopt(struct scene *s)
{
	if (limit_is_foreign(s)) {
		tell_foreign(s, "the limit", s->v.limit, "it is the least from now on");
		s->d->floor_limit = s->v.limit;
		s->d->set_limit = 0;
	}
	if (buckets_are_foreign(s)) {
		tell_foreign(s, "buckets", s->v.buckets, "they are the least from now on");
		s->d->set_buckets = 0;
	}
}

static void yield(struct scene *s, const char *why)
{
	if (limit_is_foreign(s))
		yield_limit(s, why);
	if (buckets_are_foreign(s))
		yield_buckets(s, why);
}

/* One write is seen by several looks where it can't be put back at once. */
static void count_foreign(bool foreign, uint64_t value, uint64_t *counted, uint64_t *writes)
{
	*writes += foreign && value != *counted;
	*counted = foreign ? value : 0;
}

/* enforce is a proposal below, as long as the row isn't too long. */
void scene_heed_foreign(struct scene *s)
{
	struct decide *d = s->d;

	if (view_since(s->v.now, d->enforced_at_usec) >= ENFORCE_ROW_USEC)
		d->enforced = 0;
	if (d->reapply || s->v.look->waits)
		return;
	count_foreign(limit_is_foreign(s), s->v.limit, &d->foreign_limit, &d->limit_writes);
	count_foreign(buckets_are_foreign(s), s->v.buckets, &d->foreign_buckets, &d->buckets_writes);
	if (!limit_is_foreign(s) && !buckets_are_foreign(s))
		return;
	switch (s->v.config->settings.foreign) {
	case CT_FOREIGN_YIELD:
		yield(s, "theirs until `conntune resume`");
		break;
	case CT_FOREIGN_FLOOR:
		adopt(s);
		break;
	case CT_FOREIGN_ENFORCE:
		if (d->enforced >= ENFORCE_MOST)
			yield(s, "put back often enough, theirs until `conntune resume`");
		else if (buckets_are_foreign(s) && !stall_is_short(s))
			yield_buckets(s, "putting them back would stall too long");
		break;
	}
}

/* ---- proposals ---- */

/*
 * Never 0, and never below what is in use. Where somebody has set less than that, it is lifted above it or, if memory has
 * no room for those who are there, stays as it is.
 */
static void set_limit(struct scene *s, uint64_t limit)
{
	uint64_t now = s->v.unlimited ? UINT64_MAX : s->v.limit, least = in_use(&s->v);
	bool lowers = limit < now;

	if (limit < least && !lowers && least > s->v.room)
		return;
	limit = max_u64(limit, least);
	if (limit == now || (limit < now) != lowers)
		return;
	s->ret->limit = limit;
	s->ret->allow_shrink = lowers;
}

static void set_buckets(struct scene *s, uint64_t buckets)
{
	if (buckets != s->v.buckets)
		s->ret->buckets = buckets;
}

static bool sets_something(const struct scene *s)
{
	return s->ret->limit || s->ret->buckets;
}

/*
 * At a full table the kernel searches eight buckets for somebody to evict. In an array of more than four buckets for each
 * entry that a flood may have, it often finds nobody, and drops who shouldn't be: P = exp(-16 x share / buckets).
 */
static uint64_t evictable_buckets(const struct scene *s)
{
	uint64_t most = 4 * s->v.flood_share;

	return most ? UINT64_C(1) << (63 - __builtin_clzll(most)) : 0;
}

/* Up only; as many as memory had room for when it was tried. */
static void raise_buckets(struct scene *s)
{
	uint64_t want = s->v.room_buckets;

	if (s->d->most_buckets)
		want = min_u64(want, s->d->most_buckets);
	if (s->v.sizes->policy != CT_POLICY_FIXED)
		want = min_u64(want, evictable_buckets(s));
	/* a plan is done whole or not at all: what failed before must not keep the limit from its turn */
	if (s->ret->limit && s->d->buckets_backoff.failures)
		return;
	if (want > s->v.buckets)
		set_buckets(s, want);
}

static bool put_back(struct scene *s)
{
	struct decide *d = s->d;

	if (d->confirm_by_usec == 0 || s->v.now < d->confirm_by_usec || s->v.now < d->limit_backoff.until_usec)
		return false;
	if (d->before_limit && s->v.limit == d->set_limit)
		set_limit(s, d->before_limit);
	if (d->before_buckets && s->v.buckets == d->set_buckets)
		set_buckets(s, d->before_buckets);
	if (!sets_something(s))
		d->confirm_by_usec = 0;
	return sets_something(s);
}

/* The table is empty, so buckets cost nothing. Where the module has more of them by itself, that is fine as well. */
static bool reapply(struct scene *s)
{
	struct decide *d = s->d;

	if (!d->reapply)
		return false;
	if (may_set_limit(s) && d->set_limit)
		set_limit(s, min_u64(d->set_limit, max_u64(s->v.room, s->v.limit)));
	if (may_set_buckets(s) && d->set_buckets > s->v.buckets && stall_is_short(s))
		set_buckets(s, d->set_buckets);
	if (sets_something(s))
		return true;
	if (s->v.now >= d->limit_backoff.until_usec && s->v.now >= d->buckets_backoff.until_usec) {
		d->reapply = false;
		if (d->set_limit)
			d->set_limit = s->v.limit;
		if (d->set_buckets && s->v.buckets)
			d->set_buckets = s->v.buckets;
	}
	return false;
}

static bool enforce(struct scene *s)
{
	if (s->v.config->settings.foreign != CT_FOREIGN_ENFORCE || s->d->reapply)
		return false;
	/* may_set_limit() would leave a limit of 0 alone, which is just what somebody else must not choose here */
	if (limit_is_foreign(s) && s->v.now >= s->d->limit_backoff.until_usec)
		set_limit(s, min_u64(s->d->set_limit, max_u64(s->v.room, s->v.limit)));
	if (buckets_are_foreign(s) && may_set_buckets(s))
		set_buckets(s, s->d->set_buckets);
	return sets_something(s);
}

/* Where there isn't room for what may come unseen until the next look: for two looks, as far as a flood may have it. */
static uint64_t unseen_limit(const struct scene *s)
{
	uint64_t burst = s->v.config->settings.interval_max_usec / 1000 * BURST_RATE / 1000;

	if (s->v.limit >= s->v.entries + burst || s->v.sizes->policy == CT_POLICY_FIXED)
		return 0;
	return min_u64(s->v.entries + 2 * burst, min_u64(s->v.flood_share, s->v.room));
}

static bool start(struct scene *s)
{
	uint64_t limit = max_u64(min_u64(s->v.sizes->target_limit, s->v.room), s->v.limit);

	if (s->d->started)
		return false;
	if (may_set_limit(s))
		set_limit(s, max_u64(limit, unseen_limit(s)));
	if (may_set_buckets(s) && stall_is_short(s))
		raise_buckets(s);
	if (sets_something(s))
		return true;
	s->d->started = s->v.now >= s->d->limit_backoff.until_usec;
	return false;
}

/* Only what fitted once and doesn't any more; or anything, when memory is at its floor. Step by step as entries go. */
static bool obey_memory(struct scene *s)
{
	uint64_t limit = s->v.budget_limit, want = max_u64(max_u64(limit, in_use(&s->v)), s->d->floor_limit);
	bool too_high = s->v.unlimited || s->v.limit > limit + limit / 64;
	bool recent = s->d->limit_at_usec &&
		      view_since(s->v.now, s->d->limit_at_usec) < s->v.config->settings.cooldown_usec;

	if (!too_high && !s->v.unlimited)
		s->d->fitted = true;
	if (!too_high || limit == 0 || recent || (!s->d->fitted && s->d->state != DECIDE_MEMORY))
		return false;
	if (s->d->limit_yielded || s->v.now < s->d->limit_backoff.until_usec)
		return false;
	if (s->v.unlimited || want < s->v.limit - s->v.limit / 64)
		set_limit(s, want);
	return sets_something(s);
}

/* Entries that there would be in a while. A full table doesn't grow, so those turned away stand for growth then. */
static uint64_t entries_ahead(const struct scene *s)
{
	uint64_t ahead = ct_forecast_entries(&s->d->forecast, AHEAD_USEC);
	double hidden = s->v.turned_away * (double)(AHEAD_USEC / SECOND);

	return max_u64(ahead, s->v.entries) + (s->v.full_usec == 0 ? (uint64_t)fmin(hidden, 0x1p40) : 0);
}

/* Does the resize cost less than what the chains cost with so many entries? */
static bool resize_pays(const struct scene *s, uint64_t entries)
{
	const struct ct_settings *set = &s->v.config->settings;
	double load = view_load(&s->v, entries, s->v.buckets);
	double refused = view_refused(&s->v, load);

	if (refused >= REFUSED_LEAST && s->v.stall_usec <= REFUSED_COST_USEC * refused)
		return true;
	return load > LOAD_FACTOR * set->target_load &&
	       s->v.stall_usec <= (double)set->stall_usec * load / set->target_load;
}

static void follow_with_buckets(struct scene *s)
{
	uint64_t entries = min_u64(entries_ahead(s), max_u64(s->ret->limit, s->v.limit));

	if (may_set_buckets(s) && buckets_are_cool(s) && resize_pays(s, entries))
		raise_buckets(s);
}

/* A full table says nothing about how many more there are: twice as many, then. */
static uint64_t least_step(const struct view *v)
{
	return v->limit + (v->full_usec == 0 ? v->limit : v->limit / 4);
}

/* A step that is cut short by what may be is worth a write only if it is an eighth, or the last one there is. */
static bool grow(struct scene *s)
{
	const struct view *v = &s->v;
	uint64_t want;

	if (!v->wants || !may_set_limit(s))
		return false;
	want = (uint64_t)fmin(100.0 * (double)entries_ahead(s) / v->config->settings.fill_percent, 0x1p53);
	want = max_u64(want, least_step(v));
	want = min_u64((want + 1023) / 1024 * 1024, v->cap);
	if (want < v->limit + v->limit / 8 && (want != v->ceiling || want <= v->limit))
		return false;
	set_limit(s, want);
	follow_with_buckets(s);
	return sets_something(s);
}

static bool shorten_chains(struct scene *s)
{
	follow_with_buckets(s);
	return sets_something(s);
}

static bool follow_demand(struct scene *s)
{
	uint64_t want = min_u64(s->v.sizes->target_limit, s->v.room);

	if (!may_set_limit(s) || s->d->floor_limit || want <= s->v.limit + s->v.limit / 16)
		return false;
	set_limit(s, want);
	follow_with_buckets(s);
	return sets_something(s);
}

/* What start had to leave because the table was in use, or memory came: when the night has emptied it. */
static bool catch_up_with_buckets(struct scene *s)
{
	if (may_set_buckets(s) && buckets_are_cool(s) && stall_is_short(s))
		raise_buckets(s);
	return sets_something(s);
}

/* 1 below start, 0 above end, linear between, in steps. @percent: fill of the limit */
static double scale_for(const struct ct_settings *set, double percent)
{
	double start = set->adaptive_start_percent, end = set->adaptive_end_percent;
	double scale = fmin(fmax((end - percent) / (end - start), 0), 1);

	return ceil(scale * SCALE_STEPS) / SCALE_STEPS;
}

/*
 * Longer time-outs fill the table again, by as much at most as they become longer. They go back only so far that they
 * wouldn't have to be shortened at once: else both would follow each other for ever.
 */
static double scale_back(const struct ct_settings *set, double percent, double now)
{
	for (int step = SCALE_STEPS; step > (int)lround(now * SCALE_STEPS); step--) {
		double scale = (double)step / SCALE_STEPS;

		if (scale_for(set, percent * scale / fmax(now, 0.5 / SCALE_STEPS)) >= scale)
			return scale;
	}
	return now;
}

static bool adapt_timeouts(struct scene *s)
{
	const struct ct_settings *set = &s->v.config->settings;
	double fill = s->v.unlimited ? 0 : 100.0 * (double)s->v.entries / (double)s->v.limit, now = s->d->scale;
	bool recent = s->d->scale_at_usec && view_since(s->v.now, s->d->scale_at_usec) < RELIEF_USEC;

	if (s->v.now < s->d->timeouts_backoff.until_usec)
		return false;
	s->ret->action = DECIDE_TIMEOUTS;
	s->ret->reason = DECIDE_RELIEF;
	s->ret->scale = 1;
	if (!set->adaptive)
		return now < 1;
	s->ret->scale = scale_for(set, fill);
	if (s->ret->scale < now) {
		s->ret->reason = DECIDE_PRESSURE;
		return true;
	}
	s->ret->scale = scale_back(set, fill, now);
	return s->ret->scale > now && !recent;
}

/* Fixed numbers are meant as they are; what a policy says must have been enough for a day. */
static bool shrink(struct scene *s)
{
	struct decide *d = s->d;
	uint64_t need = max_u64(s->v.sizes->need, max_u64(in_use(&s->v), d->floor_limit));
	bool fixed = s->v.sizes->policy == CT_POLICY_FIXED;
	bool low = s->v.config->settings.shrink && s->v.limit > (fixed ? need : need + need / 2);

	if (!low || d->low_since_usec == 0)
		d->low_since_usec = low ? s->v.now : 0;
	if (!low || !may_set_limit(s) || (!fixed && view_since(s->v.now, d->low_since_usec) < LOW_USEC))
		return false;
	set_limit(s, need);
	return sets_something(s);
}

/* The first that proposes something; one action at a time. adapt_timeouts says its reason itself. */
static const struct proposal {
	unsigned states;
	bool (*propose)(struct scene *s);
	enum decide_action action;
	enum decide_reason reason;
} proposals[] = {
	{ AWAKE, put_back, DECIDE_PUT_BACK, DECIDE_UNCONFIRMED },
	{ AWAKE & ~IN(DECIDE_MEMORY), reapply, DECIDE_SET, DECIDE_RELOAD },
	{ AWAKE & ~IN(DECIDE_MEMORY), enforce, DECIDE_SET, DECIDE_FOREIGN_WRITE },
	{ AWAKE & ~IN(DECIDE_MEMORY), start, DECIDE_SET, DECIDE_START },
	{ AWAKE, obey_memory, DECIDE_SET, DECIDE_LESS_MEMORY },
	{ IN(DECIDE_GROWTH) | IN(DECIDE_FLOOD), grow, DECIDE_SET, DECIDE_FORECAST },
	{ AWAKE & ~IN(DECIDE_MEMORY), shorten_chains, DECIDE_SET, DECIDE_CHAINS },
	{ IN(DECIDE_REST) | IN(DECIDE_GROWTH), follow_demand, DECIDE_SET, DECIDE_DEMAND },
	{ IN(DECIDE_REST), catch_up_with_buckets, DECIDE_SET, DECIDE_START },
	{ IN(DECIDE_REST), shrink, DECIDE_SET, DECIDE_SHRINK },
	{ AWAKE, adapt_timeouts, DECIDE_TIMEOUTS, DECIDE_NO_REASON },
};

/* Advice not followed covers all that doesn't go a quarter further. */
static bool limit_was_advised(const struct scene *s)
{
	uint64_t said = s->d->advised_limit, limit = s->ret->limit;

	if (limit == 0)
		return true;
	if (said == 0 || (said > s->v.limit) != (limit > s->v.limit))
		return false;
	return limit > s->v.limit ? limit <= said + said / 4 : limit >= said - said / 4;
}

static bool was_advised(const struct scene *s)
{
	return limit_was_advised(s) && (s->ret->buckets == 0 || s->ret->buckets == s->d->advised_buckets);
}

static void forget_proposal(struct scene *s, enum decide_reason told)
{
	s->ret->action = DECIDE_NOTHING;
	s->ret->reason = told;
	s->ret->limit = s->ret->buckets = 0;
	s->ret->allow_shrink = false;
	s->ret->scale = 0;
}

void scene_propose(struct scene *s)
{
	enum decide_reason told = s->ret->reason;

	for (size_t i = 0; i < sizeof(proposals) / sizeof(proposals[0]); i++) {
		const struct proposal *p = &proposals[i];

		if (!(p->states & IN(s->d->state)))
			continue;
		if (p->propose(s) && (p->action == DECIDE_TIMEOUTS || !was_advised(s))) {
			s->ret->action = p->action;
			if (p->reason != DECIDE_NO_REASON)
				s->ret->reason = p->reason;
			return;
		}
		forget_proposal(s, told);
	}
}
