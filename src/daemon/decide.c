/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decisions of conntuned: states, their transitions, and what is proposed in each. Pure: no I/O, no clock. */
#include "config.h"
#include "decide.h"
#include "view.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECOND VIEW_SECOND

/* A state is left for a calmer one after this time without its reason: figures lag, and journals have readers. */
#define CALM_USEC (10 * SECOND)

/* The limit goes up by a quarter at least, and far enough for what comes within this time: writes are to be few. */
#define AHEAD_USEC (15 * SECOND)

/*
 * What may come before the next look is seen by nobody, so there must be room for it from the start: connections a second
 * that two cores are known to take in. Larger machines have larger limits anyway; on a small one 65536 would be gone
 * within a look.
 */
#define BURST_RATE 100000

/* One look that can't read is an accident, three are blindness. */
#define BLIND_LOOKS 3

/* Longer chains than that make each packet dear; from this load on a resize is thought about. */
#define LOAD_FACTOR 2

/*
 * When does the stall of a resize pay? Each connection waits for it once. Without it, each new connection that the
 * chain limit refuses comes back after a second (the first retransmission of TCP), and within ten minutes a table turns over about
 * five times (mean life of an entry: two minutes). So it pays if it is shorter than 5 s x P(refused).
 */
#define REFUSED_LEAST 1e-3
#define REFUSED_COST_USEC (5.0 * (double)SECOND)

/* A table with so few entries (limit / 64) is as good as empty, whatever a node costs to move. */
#define NEARLY_EMPTY 64

/* Foreign writes put back in a row, and the peace that ends the row. */
#define ENFORCE_MOST 5
#define ENFORCE_ROW_USEC (600 * SECOND)

#define BACKOFF_LEAST_USEC (SECOND / 20)
#define BACKOFF_MOST_USEC (300 * SECOND)

/* Demand must have been low for a day before what is there is lowered. */
#define LOW_USEC (24 * 3600 * SECOND)

/* Time-outs move in eighths, and back one thing at a time. */
#define SCALE_STEPS 8
#define RELIEF_USEC (10 * SECOND)

/* Who fills the table is asked once a second while it decides something, else seldom: it costs 2 ms. */
#define ASK_OFTEN_USEC SECOND
#define ASK_SELDOM_USEC (30 * SECOND)
#define ASK_NEAR_USEC (60 * SECOND)

/* Eight looks until the table would be full, so that one or two may fail. */
#define LOOKS_AHEAD 8

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a limit that goes down must leave: all that is in use and a sixteenth, for the next second's newcomers. */
static uint64_t in_use(const struct view *v)
{
	return v->entries + v->entries / 16 + 1;
}

/* One look understood, what is remembered, and the answer under way. */
struct scene {
	struct view v;
	struct decide *d;
	struct decide_verdict *ret;
};

/* ---- states ---- */

static bool is_absent(const struct scene *s)
{
	return !s->v.look->present;
}

static bool is_blind(const struct scene *s)
{
	bool tunes = s->v.config->settings.mode == CT_MODE_TUNE;

	return s->d->unread >= BLIND_LOOKS || (tunes && !s->v.config->can_set_limit);
}

/* One or two looks without numbers: nothing is known, so nothing changes. */
static bool is_unread(const struct scene *s)
{
	return !s->v.readable;
}

static bool is_held(const struct scene *s)
{
	return s->d->hold || s->v.look->hold_until_usec > s->v.now;
}

static bool limit_is_at(const struct scene *s, uint64_t top)
{
	return s->v.limit >= top - top / 64;
}

/* At its floor; or what is wanted lies beyond what it leaves, though the budget would allow it. */
static bool memory_is_low(const struct scene *s)
{
	return s->v.mem_low || (s->v.wants && s->v.room < s->v.ceiling - s->v.ceiling / 64 && limit_is_at(s, s->v.room));
}

static bool memory_isnt_back(const struct scene *s)
{
	return !s->v.mem_back || view_since(s->v.now, s->d->since_usec) < CALM_USEC;
}

/* Many unanswered entries are a flood if they are about to be too many; and so are fewer that have had their share. */
static bool is_flooded(const struct scene *s)
{
	return s->v.crowd && (s->v.wants || s->v.evicts);
}

static bool flood_isnt_over(const struct scene *s)
{
	return s->v.quiet_usec < CALM_USEC && (s->v.crowd || s->v.crowd_usec < CALM_USEC);
}

/* Nothing to be loud about while the room that there is will do. */
static bool is_at_ceiling(const struct scene *s)
{
	return limit_is_at(s, s->v.ceiling) && (s->v.fills_usec == 0 || s->v.full_usec <= VIEW_LEAD_USEC);
}

static bool is_growing(const struct scene *s)
{
	return s->v.wants;
}

static bool isnt_calm(const struct scene *s)
{
	return s->v.quiet_usec < CALM_USEC;
}

static bool always(const struct scene *s)
{
	(void)s;
	return true;
}

#define IN(state) (1U << (state))
#define ANY (IN(DECIDE_STATE__COUNT) - 1)
#define AWAKE (IN(DECIDE_REST) | IN(DECIDE_GROWTH) | IN(DECIDE_FLOOD) | IN(DECIDE_CEILING) | IN(DECIDE_MEMORY))

/* The first row that holds: from one of these states, if this is so, to that one. STAY: the state that it is in. */
#define STAY DECIDE_STATE__COUNT

static const struct transition {
	unsigned from;
	bool (*when)(const struct scene *s);
	enum decide_state to;
} transitions[] = {
	{ ANY, is_absent, DECIDE_ABSENT },
	{ ANY, is_blind, DECIDE_BLIND },
	{ ANY, is_unread, STAY },
	{ ANY, is_held, DECIDE_HELD },
	{ ANY, memory_is_low, DECIDE_MEMORY },
	{ IN(DECIDE_MEMORY), memory_isnt_back, STAY },
	{ ANY, is_flooded, DECIDE_FLOOD },
	{ IN(DECIDE_FLOOD), flood_isnt_over, STAY },
	{ ANY, is_at_ceiling, DECIDE_CEILING },
	{ IN(DECIDE_CEILING), isnt_calm, STAY },
	{ ANY, is_growing, DECIDE_GROWTH },
	{ IN(DECIDE_GROWTH), isnt_calm, STAY },
	{ ANY, always, DECIDE_REST },
};

static enum decide_state next_state(const struct scene *s)
{
	const struct transition *t = transitions;

	while (!(t->from & IN(s->d->state)) || !t->when(s))
		t++;
	return t->to == STAY ? s->d->state : t->to;
}

/* ---- words ---- */

static const char *const state_names[DECIDE_STATE__COUNT] = {
	[DECIDE_ABSENT] = "absent",   [DECIDE_BLIND] = "blind",	    [DECIDE_HELD] = "held",
	[DECIDE_REST] = "rest",	      [DECIDE_GROWTH] = "growth",   [DECIDE_FLOOD] = "flood",
	[DECIDE_CEILING] = "ceiling", [DECIDE_MEMORY] = "memory",
};

static const char *const action_names[] = {
	[DECIDE_NOTHING] = "nothing",
	[DECIDE_SET] = "set",
	[DECIDE_TIMEOUTS] = "timeouts",
	[DECIDE_PUT_BACK] = "put-back",
};

static const struct {
	const char *name, *text;
} reasons[DECIDE_REASON__COUNT] = {
	[DECIDE_NO_REASON] = { "none", "Nothing is to be done." },
	[DECIDE_START] = { "start", "Sizes by the policy; buckets early, while moving the few entries stalls nobody." },
	[DECIDE_RELOAD] = { "reload", "Connection tracking came back with values of its own; ours are set again." },
	[DECIDE_FORECAST] = { "forecast", "The table would be full soon; the limit goes ahead of it." },
	[DECIDE_DEMAND] = { "demand", "History, memory or configuration ask for more than there is." },
	[DECIDE_CHAINS] = { "chains", "Chains are so long that a resize costs less than they do." },
	[DECIDE_FOREIGN_WRITE] = { "foreign-write", "Somebody else wrote a value of ours." },
	[DECIDE_LESS_MEMORY] = { "less-memory", "The memory budget is smaller than the limit was made for." },
	[DECIDE_SHRINK] = { "shrink", "Demand has been low for long, and going back down is configured." },
	[DECIDE_PRESSURE] = { "pressure", "The table is so full that entries nobody needs must go earlier." },
	[DECIDE_RELIEF] = { "relief", "There is room again: time-outs go back." },
	[DECIDE_UNCONFIRMED] = { "unconfirmed", "The change was not confirmed in time, so it is taken back." },
};

const char *decide_state_name(enum decide_state state)
{
	return state_names[state];
}

const char *decide_action_name(enum decide_action action)
{
	return action_names[action];
}

const char *decide_reason_name(enum decide_reason reason)
{
	return reasons[reason].name;
}

const char *decide_reason_text(enum decide_reason reason)
{
	return reasons[reason].text;
}

__attribute__((format(printf, 2, 3))) static void say(struct scene *s, const char *format, ...)
{
	char *text = s->ret->evidence;
	size_t used = strlen(text);
	va_list ap;

	if (used) {
		(void)snprintf(text + used, sizeof(s->ret->evidence) - used, ", ");
		used = strlen(text);
	}
	va_start(ap, format);
	(void)vsnprintf(text + used, sizeof(s->ret->evidence) - used, format, ap);
	va_end(ap);
}

static void say_table(struct scene *s)
{
	const struct view *v = &s->v;

	if (!v->look->present || !v->readable) {
		say(s, v->look->present ? "limit or entries can't be read" : "no connection tracking");
		return;
	}
	if (v->unlimited)
		say(s, "%" PRIu64 " entries and no limit", v->entries);
	else
		say(s, "%" PRIu64 " of %" PRIu64 " entries%s%s", v->entries, v->limit,
		    v->look->where[0] ? " in the namespace of " : "", v->look->where);
	if (s->d->forecast.rate_high >= 1 && s->d->forecast.rate_high > 2 * s->d->forecast.rate)
		say(s, "up to %+.0f/s", s->d->forecast.rate_high);
	else if (fabs(s->d->forecast.rate) >= 1)
		say(s, "%+.0f/s", s->d->forecast.rate);
	if (v->full_usec <= 3600 * SECOND)
		say(s, "full in %.3g s", (double)v->full_usec / (double)SECOND);
}

static void say_state(struct scene *s)
{
	const struct view *v = &s->v;

	if (v->share_known && s->d->state != DECIDE_REST)
		say(s, "%.0f %% unanswered", 100 * v->share_unreplied);
	if (s->d->state == DECIDE_CEILING)
		say(s, "memory budget allows %" PRIu64, v->budget_limit);
	if (s->d->state == DECIDE_FLOOD)
		say(s, "a flood may have %" PRIu64, v->flood_share);
	if (s->d->state == DECIDE_MEMORY)
		say(s, "MemAvailable %" PRIu64 " MiB", v->look->mem_available.v >> 20);
	if (s->d->state == DECIDE_BLIND && v->readable)
		say(s, "the limit can't be written here");
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
	say(s, "somebody else set %s to %" PRIu64 ": %s", what, value, then);
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

/* enforce is a proposal below, as long as the row isn't too long. */
static void heed_foreign(struct scene *s)
{
	struct decide *d = s->d;

	if (view_since(s->v.now, d->enforced_at_usec) >= ENFORCE_ROW_USEC)
		d->enforced = 0;
	if (d->reapply || (!limit_is_foreign(s) && !buckets_are_foreign(s)))
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
 * Never 0, and never below what is in use. Where somebody has set less than that, it is lifted above it or, if memory has no room
 * for those who are there, stays as it is.
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
	if (limit_is_foreign(s) && may_set_limit(s))
		set_limit(s, s->d->set_limit);
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
	want = (uint64_t)(100.0 * (double)entries_ahead(s) / v->config->settings.fill_percent);
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

static void propose(struct scene *s)
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

/* ---- the loop's speed ---- */

/* A limit that can't go up any more is no more watched than one that needn't. */
static bool can_raise(const struct scene *s)
{
	return IN(s->d->state) & (IN(DECIDE_REST) | IN(DECIDE_GROWTH) | IN(DECIDE_FLOOD)) && !s->d->limit_yielded &&
	       (s->v.pending || s->v.limit + s->v.limit / 8 <= s->v.cap) && s->d->advised_limit == 0;
}

static uint64_t until(uint64_t now, uint64_t then)
{
	return then > now ? then - now : 0;
}

static uint64_t soonest(const struct scene *s)
{
	const struct decide *d = s->d;
	uint64_t now = s->v.now, next = s->v.config->settings.interval_max_usec;

	if (!(IN(d->state) & (AWAKE | IN(DECIDE_HELD))))
		return next;
	if (d->state == DECIDE_HELD)
		return d->hold ? next : min_u64(next, until(now, s->v.look->hold_until_usec));
	if (d->state == DECIDE_FLOOD)
		next /= 4;
	if (s->v.full_usec != UINT64_MAX && can_raise(s))
		next = min_u64(next, s->v.full_usec / LOOKS_AHEAD);
	if (d->confirm_by_usec > now)
		next = min_u64(next, d->confirm_by_usec - now);
	if (d->limit_backoff.until_usec > now)
		next = min_u64(next, d->limit_backoff.until_usec - now);
	return next;
}

static uint64_t next_look(const struct scene *s)
{
	const struct ct_settings *set = &s->v.config->settings;

	return min_u64(max_u64(soonest(s), set->interval_min_usec), set->interval_max_usec);
}

static bool wants_mix(const struct scene *s)
{
	bool often = s->v.wants || s->v.evicts || s->d->state == DECIDE_FLOOD;
	bool seldom = s->v.fills_usec <= ASK_NEAR_USEC;
	uint64_t age = often ? ASK_OFTEN_USEC : ASK_SELDOM_USEC;

	if (!(IN(s->d->state) & AWAKE) || !s->v.readable || (!often && !seldom))
		return false;
	if (s->v.wants && s->v.pending)
		return true;
	return s->d->asked_usec == 0 || view_since(s->v.now, s->d->asked_usec) >= age;
}

/* ---- one look ---- */

static void enter(struct scene *s, enum decide_state state)
{
	if (state == s->d->state && s->d->since_usec)
		return;
	s->ret->urgent = state != s->d->state || s->d->now_usec == 0;
	s->d->state = state;
	s->d->since_usec = s->v.now;
	s->d->cause_usec = 0;
}

/* A module that came back has its own values, time-outs too; entries and counters begin anew. */
static void heed_reload(struct scene *s)
{
	struct decide *d = s->d;
	bool back = s->v.look->present && d->state == DECIDE_ABSENT && d->now_usec;

	if (!s->v.look->reloaded && !back)
		return;
	d->scale = 1;
	d->advised_limit = d->advised_buckets = 0;
	d->counts = (struct decide_counts){ .usec = 0 };
	d->quiet_since_usec = d->unreplied_usec = 0;
	ct_forecast_init(&d->forecast);
	d->limit_backoff = d->buckets_backoff = d->timeouts_backoff = (struct decide_backoff){ .failures = 0 };
	/* the reload has put back what nobody confirmed */
	if (d->confirm_by_usec)
		d->set_limit = d->set_buckets = d->confirm_by_usec = 0;
	d->reapply = d->set_limit || d->set_buckets;
	d->started = d->started && d->reapply;
}

static void heed_people(struct scene *s)
{
	struct decide *d = s->d;

	d->confirm_usec = s->v.config->settings.confirm_usec;
	if (s->v.look->confirmed)
		d->confirm_by_usec = 0;
	if (d->mode != s->v.config->settings.mode) {
		d->mode = s->v.config->settings.mode;
		d->advised_limit = d->advised_buckets = 0;
		d->started = false;
	}
	if (!s->v.look->resumed)
		return;
	d->started = d->limit_yielded = d->buckets_yielded = d->hold = false;
	d->enforced = 0;
	d->floor_limit = 0;
	d->advised_limit = d->advised_buckets = 0;
}

/* Advice that somebody followed, or that the world went past, is no advice any more. */
static void heed_values(struct scene *s)
{
	struct decide *d = s->d;

	if (d->last_limit != s->v.limit || d->last_buckets != s->v.buckets)
		d->advised_limit = d->advised_buckets = 0;
	d->last_limit = s->v.limit;
	d->last_buckets = s->v.buckets;
}

static void tell_misfit(struct scene *s)
{
	if (s->v.sizes->misfit && !s->d->said_misfit) {
		s->ret->urgent = true;
		say(s, "the numbers of policy fixed don't fit the memory budget, which allows %" PRIu64, s->v.budget_limit);
	}
	s->d->said_misfit = s->v.sizes->misfit;
}

static void answer(struct scene *s)
{
	struct decide_verdict *r = s->ret;

	r->state = s->d->state;
	r->target_limit = s->v.sizes->target_limit;
	r->target_buckets = max_u64(s->v.sizes->target_buckets, s->v.room_buckets);
	r->ceiling = s->v.budget_limit;
	r->full_in_usec = s->v.full_usec;
	r->next_usec = next_look(s);
	r->want_mix = wants_mix(s);
	if (r->want_mix)
		s->d->asked_usec = s->v.now;
	view_cause(&s->v, s->d, &r->cause);
}

void decide_init(struct decide *d)
{
	*d = (struct decide){ .state = DECIDE_ABSENT, .scale = 1 };
}

void decide(struct decide *d, const struct decide_config *config, const struct decide_look *look,
	    struct decide_verdict *ret)
{
	struct scene s = { .d = d, .ret = ret };

	*ret = (struct decide_verdict){ .action = DECIDE_NOTHING };
	s.v.look = look;
	s.v.config = config;
	heed_reload(&s);
	view_make(&s.v, d, config, look);
	d->unread = s.v.readable || !look->present ? 0 : d->unread + 1;
	heed_people(&s);
	say_table(&s);
	if (look->present && s.v.readable) {
		heed_values(&s);
		heed_foreign(&s);
		tell_misfit(&s);
	}
	enter(&s, next_state(&s));
	say_state(&s);
	if (look->present && s.v.readable)
		propose(&s);
	answer(&s);
	d->now_usec = s.v.now;
}

/* ---- what came of it ---- */

static void back_off(struct decide_backoff *b, uint64_t now)
{
	uint64_t wait = BACKOFF_LEAST_USEC;

	for (uint32_t i = 0; i < b->failures && wait < BACKOFF_MOST_USEC; i++)
		wait *= 2;
	b->failures++;
	b->until_usec = now + min_u64(wait, BACKOFF_MOST_USEC);
}

/* Buckets are the harder part: a plan is done whole or not at all, so next time the limit goes alone. */
static void note_failure(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	if (verdict->action == DECIDE_TIMEOUTS) {
		back_off(&d->timeouts_backoff, d->now_usec);
		return;
	}
	if (verdict->buckets == 0 || verdict->action == DECIDE_PUT_BACK) {
		back_off(&d->limit_backoff, d->now_usec);
		return;
	}
	back_off(&d->buckets_backoff, d->now_usec);
	if (outcome->done == -ENOMEM || outcome->done == -ENOSPC)
		d->most_buckets = verdict->buckets / 2;
}

static void note_stall(struct decide *d, const struct decide_outcome *outcome)
{
	/* a few nodes tell more about the clock than about nodes */
	if (outcome->stall_usec == 0 || outcome->nodes < 1000)
		return;
	d->stall_usec_per_node = (double)outcome->stall_usec / (double)outcome->nodes;
}

/* The first change that waits says what to go back to, and when. What was ours before a reload needs no second consent. */
static void note_change(struct decide *d, const struct decide_verdict *verdict, uint64_t *before, uint64_t was)
{
	if (d->confirm_usec == 0 || verdict->reason == DECIDE_RELOAD)
		return;
	if (d->confirm_by_usec == 0) {
		d->confirm_by_usec = d->now_usec + d->confirm_usec;
		d->before_limit = d->before_buckets = 0;
	}
	if (*before == 0)
		*before = was;
}

static void note_limit(struct decide *d, const struct decide_verdict *verdict, uint64_t got)
{
	if (verdict->limit == 0)
		return;
	if (got != verdict->limit) {
		d->advised_limit = verdict->limit;
		return;
	}
	note_change(d, verdict, &d->before_limit, d->last_limit);
	d->set_limit = d->last_limit = got;
	d->limit_at_usec = d->now_usec;
}

/* The kernel rounds up to whole pages; buckets that are unchanged were advice. */
static void note_buckets(struct decide *d, const struct decide_verdict *verdict, uint64_t got)
{
	if (verdict->buckets == 0)
		return;
	if (got == d->last_buckets) {
		d->advised_buckets = verdict->buckets;
		return;
	}
	note_change(d, verdict, &d->before_buckets, d->last_buckets);
	d->set_buckets = d->last_buckets = got;
	d->buckets_at_usec = d->now_usec;
}

static void note_values(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	d->limit_backoff.failures = 0;
	if (verdict->buckets)
		d->buckets_backoff.failures = 0;
	note_limit(d, verdict, outcome->limit.known ? outcome->limit.v : verdict->limit);
	note_buckets(d, verdict, outcome->buckets.known ? outcome->buckets.v : verdict->buckets);
	if (verdict->reason == DECIDE_START)
		d->started = true;
	if (verdict->reason == DECIDE_FOREIGN_WRITE) {
		d->enforced++;
		d->enforced_at_usec = d->now_usec;
	}
}

/* What is in force is somebody's decision again, and stays it until `conntune resume`. */
static void note_put_back(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	if (verdict->buckets)
		d->buckets_at_usec = d->now_usec;
	d->confirm_by_usec = 0;
	d->set_limit = d->set_buckets = 0;
	d->hold = true;
	if (outcome->limit.known)
		d->last_limit = outcome->limit.v;
	if (outcome->buckets.known)
		d->last_buckets = outcome->buckets.v;
}

static void note_timeouts(struct decide *d, const struct decide_verdict *verdict)
{
	d->scale = verdict->scale;
	d->scale_at_usec = d->now_usec;
	d->timeouts_backoff.failures = 0;
}

void decide_done(struct decide *d, const struct decide_verdict *verdict, const struct decide_outcome *outcome)
{
	note_stall(d, outcome);
	if (outcome->done < 0)
		note_failure(d, verdict, outcome);
	else if (verdict->action == DECIDE_TIMEOUTS)
		note_timeouts(d, verdict);
	else if (verdict->action == DECIDE_PUT_BACK)
		note_put_back(d, verdict, outcome);
	else
		note_values(d, verdict, outcome);
}
