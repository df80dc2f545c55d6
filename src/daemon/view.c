/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a look means: sizes, forecast, who fills the table. Pure; remembers in struct decide. */
#include "config.h"
#include "view.h"

#include <conntune/chain.h>
#include <conntune/memory.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* Nothing is near when fill_percent isn't passed within this time: far from VIEW_LEAD_USEC, or states would flap. */
#define QUIET_USEC (20 * VIEW_SECOND)

/* A share of unreplied entries is no news after that; asked for in vain so often, it won't come. */
#define SHARE_AGE_USEC (5 * VIEW_SECOND)
#define ASKED_IN_VAIN 3

/* Fewer unanswered than that are those whose answer is under way: growth is of connections. */
#define SHARE_OF_NOTE 0.1

/* It stays a flood until the share of the unreplied is so far below what made it one; unit: points. */
#define SHARE_HYSTERESIS 15

/* How often counters are summed up, and what MemAvailable leaves is computed anew while it matters. */
#define COUNT_USEC VIEW_SECOND
#define ROOM_USEC (VIEW_SECOND / 10)

/* Chains of a table that has the whole budget: so long at most, and so seldom refused. */
#define CEILING_LOAD 8
#define CEILING_REFUSED 1e-6

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t view_since(uint64_t now, uint64_t since)
{
	return since && now > since ? now - since : 0;
}

static bool same_request(const struct ct_size_request *a, const struct ct_size_request *b)
{
	return a->ram_bytes == b->ram_bytes && a->entry_bytes == b->entry_bytes && a->buckets_now == b->buckets_now &&
	       a->reserve_bytes == b->reserve_bytes && a->budget_bytes == b->budget_bytes &&
	       a->namespaces == b->namespaces && a->target_load == b->target_load &&
	       a->peak_entries == b->peak_entries && a->headroom == b->headroom && a->failover == b->failover &&
	       a->fixed_limit == b->fixed_limit && a->fixed_buckets == b->fixed_buckets &&
	       a->keep_limit == b->keep_limit && a->keep_buckets == b->keep_buckets;
}

/* The policy's answer; present values where it has none (demand before there is history, numbers that don't fit). */
static void size_target(struct decide_sizes *s, struct ct_size_request *request)
{
	struct ct_size size;

	s->target_limit = request->keep_limit;
	s->target_buckets = request->keep_buckets;
	if (ct_size_compute(request, s->policy, &size, NULL) < 0) {
		s->misfit = s->policy == CT_POLICY_FIXED;
		return;
	}
	request->budget_bytes = size.budget_bytes;
	s->misfit = s->policy == CT_POLICY_FIXED && size.bound_by != CT_BOUND_FORMULA;
	if (s->misfit)
		return;
	s->target_limit = size.limit;
	s->target_buckets = size.buckets;
}

/* How low it could go. History speaks for the balanced policy as well: what was there will come again. */
static void size_need(struct decide_sizes *s, const struct ct_size_request *request)
{
	struct ct_size_request r = *request;
	struct ct_size size;

	r.keep_limit = r.keep_buckets = 0;
	s->need = s->target_limit;
	if (s->misfit || ct_size_compute(&r, s->policy, &size, NULL) < 0)
		return;
	s->need = size.limit;
	if (r.peak_entries && ct_size_compute(&r, CT_POLICY_DEMAND, &size, NULL) == 0 && size.limit > s->need)
		s->need = size.limit;
}

/*
 * The load that chains may have when the whole budget is in use. Buckets for the target load there would be the thousandth
 * of a chance, paid for all the time: 256 MiB on a machine of 24 GiB, and each dump and each namespace that goes walks over
 * them. Up to CEILING_LOAD a look-up costs a few nodes more, as long as the kernel's chain limit refuses nobody.
 */
static double ceiling_load(const struct ct_size_request *r)
{
	double load = CEILING_LOAD;

	while (load > r->target_load && ct_chain_p_refused(load, &r->kernel) > CEILING_REFUSED)
		load /= 2;
	return fmax(load, r->target_load);
}

/* An endless limit, cut by what sizing cuts with. 0 and 0 where nothing fits. */
static void size_ceiling(const struct ct_size_request *request, struct ct_size *ret)
{
	struct ct_size_request r = *request;

	r.target_load = ceiling_load(request);
	r.fixed_limit = INT_MAX;
	r.fixed_buckets = 0;
	if (ct_size_compute(&r, CT_POLICY_FIXED, ret, NULL) < 0)
		*ret = (struct ct_size){ .limit = 0 };
}

static void size_all(struct decide_sizes *s, const struct ct_size_request *request, enum ct_policy policy)
{
	struct ct_size_request r = *request;
	struct ct_size ceiling;

	s->known = true;
	s->request = *request;
	s->policy = policy;
	size_target(s, &r);
	size_need(s, &r);
	size_ceiling(&r, &ceiling);
	s->budget_limit = ceiling.limit;
	s->budget_buckets = ceiling.buckets;
	s->full_bytes = ceiling.worst_case_bytes;
	s->room_usec = 0;
}

/*
 * Entries are paid for while MemAvailable is as old as it is: those that came since aren't in it yet. So the entries of
 * the moment at which it changed are taken off, not those of now.
 */
static uint64_t entries_paid(struct decide *d, const struct view *v)
{
	const struct ct_u64 *available = &v->look->mem_available;

	if (!available->known || available->v != d->mem_available) {
		d->mem_available = available->known ? available->v : 0;
		d->mem_entries = v->all_entries;
	}
	return min_u64(d->mem_entries, v->all_entries);
}

/* Mostly there is memory for all that the budget allows, and then nothing has to be searched for. */
static void size_room(struct decide *d, const struct view *v, const struct ct_size_request *request)
{
	struct decide_sizes *s = &d->sizes;
	uint64_t usable = ct_memory_usable(request->ram_bytes, request->pointer_bits), keep = ct_memory_floor(usable);
	struct ct_size_request r = *request;
	struct ct_size ceiling;

	r.entries = entries_paid(d, v);
	r.mem_available = v->look->mem_available;
	if (!r.mem_available.known || min_u64(r.mem_available.v, usable) > s->full_bytes + keep) {
		s->room = s->budget_limit;
		s->room_buckets = s->budget_buckets;
		s->room_usec = 0;
		return;
	}
	if (s->room_usec && v->now < s->room_usec + ROOM_USEC && v->now >= s->room_usec)
		return;
	size_ceiling(&r, &ceiling);
	s->room = ceiling.limit;
	s->room_buckets = ceiling.buckets;
	s->room_usec = v->now ? v->now : 1;
}

static void see_sizes(struct view *v, struct decide *d)
{
	struct decide_sizes *s = &d->sizes;
	enum ct_policy policy = v->config->settings.policy;
	struct ct_size_request r = v->config->request;

	r.mem_available.known = false;
	r.entries = 0;
	r.buckets_now = v->buckets;
	r.peak_entries = v->look->peak_entries;
	r.keep_limit = v->limit;
	r.keep_buckets = v->buckets;
	if (!s->known || s->policy != policy || !same_request(&r, &s->request))
		size_all(s, &r, policy);
	size_room(d, v, &r);
	v->sizes = s;
	v->budget_limit = v->ceiling = s->budget_limit;
	if (policy == CT_POLICY_FIXED && !s->misfit)
		v->ceiling = min_u64(s->target_limit, s->budget_limit);
	v->room = min_u64(s->room, v->ceiling);
	v->room_buckets = policy == CT_POLICY_FIXED ? s->target_buckets : s->room_buckets;
}

static void see_table(struct view *v)
{
	const struct decide_look *look = v->look;
	bool own_table = v->config->request.kernel.table_per_netns;

	v->readable = look->entries.known && look->limit.known;
	v->unlimited = look->limit.known && look->limit.v == 0;
	v->entries = look->entries.known ? look->entries.v : 0;
	v->limit = look->limit.known ? look->limit.v : 0;
	v->buckets = look->buckets.known ? look->buckets.v : 0;
	v->all_entries = v->entries;
	if (look->all_entries.known && look->all_entries.v > v->entries && !own_table)
		v->all_entries = look->all_entries.v;
}

static void see_memory(struct view *v)
{
	const struct ct_size_request *r = &v->config->request;
	uint64_t keep = ct_memory_floor(ct_memory_usable(r->ram_bytes, r->pointer_bits));
	const struct ct_u64 *available = &v->look->mem_available;

	v->mem_low = available->known && available->v < keep;
	v->mem_back = !available->known || available->v >= keep + keep / 4;
}

/* Since the sum began, and in the one before: at least the last second, at most two. */
static uint64_t counted(const struct view *v, const struct decide *d, enum ct_counter counter)
{
	const struct ct_u64 *now = &v->look->counter[counter], *begin = &d->counts.begin[counter];

	return d->counts.before[counter] + (now->known && begin->known && now->v > begin->v ? now->v - begin->v : 0);
}

static void see_counters(struct view *v, struct decide *d)
{
	struct decide_counts *c = &d->counts;

	uint64_t usec = c->before_usec + (c->usec ? v->now - c->usec : 0);

	v->evicts = counted(v, d, CT_COUNTER_EARLY_DROP) > 0;
	if (usec)
		v->turned_away = (double)(counted(v, d, CT_COUNTER_EARLY_DROP) + counted(v, d, CT_COUNTER_DROP)) /
				 (double)usec * (double)VIEW_SECOND;
	if (c->usec && v->now < c->usec + COUNT_USEC)
		return;
	for (int i = 0; i < CT_COUNTER__COUNT; i++) {
		const struct ct_u64 *now = &v->look->counter[i];

		c->before[i] = now->known && c->begin[i].known && now->v > c->begin[i].v ? now->v - c->begin[i].v : 0;
		c->begin[i] = *now;
	}
	c->before_usec = c->usec ? v->now - c->usec : 0;
	c->usec = v->now;
}

static void see_forecast(struct view *v, struct decide *d)
{
	uint64_t fill = v->limit / 100 * v->config->settings.fill_percent +
			v->limit % 100 * v->config->settings.fill_percent / 100;

	/* entries of another namespace are no growth, unless they weren't there a moment ago */
	if (v->look->moved && !v->look->sudden)
		ct_forecast_init(&d->forecast);
	ct_forecast_add(&d->forecast, v->now, v->entries);
	v->full_usec = v->fills_usec = UINT64_MAX;
	if (!v->unlimited) {
		v->full_usec = ct_forecast_usec(&d->forecast, v->limit);
		v->fills_usec = ct_forecast_usec(&d->forecast, fill);
	}
	v->wants = v->fills_usec <= VIEW_LEAD_USEC;
	if (v->fills_usec <= QUIET_USEC || v->evicts)
		d->quiet_since_usec = 0;
	else if (d->quiet_since_usec == 0)
		d->quiet_since_usec = v->now;
	v->quiet_usec = view_since(v->now, d->quiet_since_usec);
}

/*
 * Nobody tells the share: then the evictions must. Only what nobody answered for long is evicted, so that where most of the
 * newcomers find somebody to evict, the table is full of those; where eviction fails, of connections.
 */
static bool flooded_by_counters(const struct view *v, const struct decide *d)
{
	uint64_t evicted = counted(v, d, CT_COUNTER_EARLY_DROP);

	return evicted > 0 && evicted >= counted(v, d, CT_COUNTER_DROP);
}

static bool flooded_by_share(const struct decide *d, double share, uint32_t percent)
{
	double least = percent - (d->flooded ? fmin(SHARE_HYSTERESIS, percent) : 0);

	return 100 * share >= least;
}

static void see_share(struct view *v, struct decide *d)
{
	const struct decide_look *look = v->look;

	/* what was known, or couldn't be, was so in another namespace */
	if (look->moved) {
		d->unreplied_usec = d->asked_usec = d->answered = 0;
		d->unanswered = 0;
	}
	if (look->unreplied.known) {
		d->unreplied = fmin(fmax(look->unreplied.v, 0), 1);
		d->unreplied_usec = v->now;
		d->unanswered = 0;
	} else if (d->asked_usec && d->asked_usec == d->now_usec) {
		d->unanswered++;
	}
	if (look->unreplied.known)
		d->answered = v->entries - (uint64_t)fmin((double)v->entries * d->unreplied, 0x1p63);
	v->share_known = d->unreplied_usec && view_since(v->now, d->unreplied_usec) <= SHARE_AGE_USEC;
	v->share_unreplied = v->share_known ? d->unreplied : 0;
	v->answered = min_u64(d->answered, v->entries);
}

/*
 * How high the limit may go is a matter of who comes. Answered connections may use the whole budget, those that nobody
 * answers a share of it. So the limit may be that share, and on top of it what is answered, with an eighth for those still
 * to come: then it is the flood that is held and not its victims, because at a full table each newcomer evicts somebody
 * unanswered. Until it is known who comes, the share is room enough for either. Where nobody can tell, the evictions do,
 * and until there are some the connections are believed: losing them is worse than memory that was granted.
 */
static void see_crowd(struct view *v, struct decide *d)
{
	const struct ct_settings *set = &v->config->settings;
	bool untold = !v->share_known && d->unanswered >= ASKED_IN_VAIN, flooded = d->flooded;

	v->pending = !v->share_known && !untold;
	if (v->share_known)
		flooded = flooded_by_share(d, v->share_unreplied, set->unreplied_percent);
	else if (untold)
		flooded = flooded_by_counters(v, d);
	d->flooded = flooded;
	v->flood_share = (uint64_t)fmin((double)v->ceiling * set->flood_percent / 100, 0x1p63);
	v->cap = v->flood_share;
	if (v->share_known ? v->share_unreplied < SHARE_OF_NOTE : untold && !flooded)
		v->cap = UINT64_MAX;
	else if (v->share_known)
		v->cap += v->answered + v->answered / 8;
	v->cap = min_u64(v->cap, v->room);
	v->holds = v->wants && v->share_known && v->cap < v->room - v->room / 64 && v->limit >= v->cap - v->cap / 8 &&
		   (double)v->entries * v->share_unreplied >= (double)v->flood_share / 2;
	v->crowd = flooded || v->holds;
	if (v->crowd != d->crowd || d->crowd_since_usec == 0)
		d->crowd_since_usec = v->now;
	d->crowd = v->crowd;
	v->crowd_usec = view_since(v->now, d->crowd_since_usec);
}

/* Time goes on or stands still; a clock set back must not leave moments in the future that never come. */
static void see_time(struct view *v, struct decide *d)
{
	uint64_t now = v->look->now_usec ? v->look->now_usec : 1;

	if (now < d->now_usec) {
		ct_forecast_init(&d->forecast);
		d->counts.usec = d->cause_usec = 0;
		d->unreplied_usec = d->asked_usec = 0;
		d->quiet_since_usec = d->crowd_since_usec = d->low_since_usec = 0;
		d->since_usec = min_u64(d->since_usec, now);
		d->scale_at_usec = min_u64(d->scale_at_usec, now);
		d->limit_at_usec = min_u64(d->limit_at_usec, now);
		d->buckets_at_usec = min_u64(d->buckets_at_usec, now);
		d->enforced_at_usec = min_u64(d->enforced_at_usec, now);
		d->limit_backoff.until_usec = d->buckets_backoff.until_usec = d->timeouts_backoff.until_usec = 0;
		if (d->confirm_by_usec)
			d->confirm_by_usec = min_u64(d->confirm_by_usec, now + v->config->settings.confirm_usec);
	}
	v->now = now;
}

/* A load of a quarter of the lowest limit refuses one in 200,000; the arithmetic isn't worth it below. */
double view_refused(const struct view *v, double load)
{
	const struct ct_kernel *kernel = &v->config->request.kernel;

	return 4 * load < kernel->chain_limit_min ? 0 : ct_chain_p_refused(load, kernel);
}

double view_load(const struct view *v, uint64_t entries, uint64_t buckets)
{
	return ct_chain_load(v->all_entries - v->entries + entries, buckets);
}

void view_make(struct view *ret, struct decide *d, const struct decide_config *config, const struct decide_look *look)
{
	struct view *v = ret;

	*v = (struct view){ .config = config, .look = look, .full_usec = UINT64_MAX, .fills_usec = UINT64_MAX };
	see_time(v, d);
	see_table(v);
	see_sizes(v, d);
	see_memory(v);
	see_counters(v, d);
	if (!look->present || !v->readable)
		return;
	see_forecast(v, d);
	see_share(v, d);
	see_crowd(v, d);
	v->stall_usec = 2.0 * (double)v->all_entries *
			(d->stall_usec_per_node > 0 ? d->stall_usec_per_node : config->stall_usec_per_node);
}

/* Once a second is enough for people; between two looks of 2 ms nothing can be told anyway. */
void view_cause(const struct view *v, struct decide *d, struct ct_cause *ret)
{
	struct ct_symptoms s = { .entries = v->look->entries, .limit = v->look->limit, .buckets = v->look->buckets };

	if (!v->look->present || !v->readable) {
		d->cause = (struct ct_cause){ .name = "", .healthy = true, .text = "", .remedy = "" };
		d->cause_usec = 0;
	} else if (d->cause_usec == 0 || v->now >= d->cause_usec + COUNT_USEC) {
		s.all_entries = (struct ct_u64){ .known = true, .v = v->all_entries };
		s.ceiling = (struct ct_u64){ .known = v->ceiling > 0, .v = v->ceiling };
		s.p_refused = view_refused(v, view_load(v, v->entries, v->buckets));
		s.seconds = (double)d->counts.before_usec / (double)VIEW_SECOND;
		for (int i = 0; i < CT_COUNTER__COUNT; i++) {
			s.counted[i] = v->look->counter[i];
			if (d->counts.before_usec)
				s.counted[i].v = d->counts.before[i];
		}
		ct_cause_find(&s, &d->cause);
		d->cause_usec = v->now;
	}
	*ret = d->cause;
}
