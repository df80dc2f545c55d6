/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decisions of conntuned: states, their transitions, the loop's speed, and one look. Pure: no I/O, no clock. */
#include "config.h"
#include "scene.h"

#include <inttypes.h>

/* A state is left for a calmer one after this time without its reason: figures lag, and journals have readers. */
#define CALM_USEC (10 * SECOND)

/* One look that can't read is an accident, three are blindness. */
#define BLIND_LOOKS 3

/* Who fills the table is asked once a second while it decides something, else seldom: it costs 2 ms. */
#define ASK_OFTEN_USEC SECOND
#define ASK_SELDOM_USEC (30 * SECOND)
#define ASK_NEAR_USEC (60 * SECOND)

/* Eight looks until the table would be full, so that one or two may fail. */
#define LOOKS_AHEAD 8

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
	bool short_of_it = s->v.room < s->v.ceiling - s->v.ceiling / 64;

	return s->v.mem_low || (s->v.wants && short_of_it && limit_is_at(s, s->v.room));
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
		/* they come back when it is advice from now on, and were never short while it was */
		d->scale = 1;
	}
	if (!s->v.look->resumed)
		return;
	d->started = d->limit_yielded = d->buckets_yielded = d->hold = false;
	d->enforced = 0;
	d->floor_limit = 0;
	d->advised_limit = d->advised_buckets = 0;
}

/* Advice that somebody followed, or that the world went past, is no advice any more; a limit of theirs need not fit. */
static void heed_values(struct scene *s)
{
	struct decide *d = s->d;

	if (d->last_limit != s->v.limit || d->last_buckets != s->v.buckets)
		d->advised_limit = d->advised_buckets = 0;
	if (d->last_limit != s->v.limit)
		d->fitted = false;
	d->last_limit = s->v.limit;
	d->last_buckets = s->v.buckets;
}

static void tell_misfit(struct scene *s)
{
	if (s->v.sizes->misfit && !s->d->said_misfit) {
		s->ret->urgent = true;
		scene_say(s, "the numbers of policy fixed don't fit the memory budget, which allows %" PRIu64,
			  s->v.budget_limit);
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
	scene_say_table(&s);
	if (look->present && s.v.readable) {
		heed_values(&s);
		scene_heed_foreign(&s);
		tell_misfit(&s);
	}
	enter(&s, next_state(&s));
	scene_say_state(&s);
	if (look->present && s.v.readable)
		scene_propose(&s);
	answer(&s);
	d->now_usec = s.v.now;
}
