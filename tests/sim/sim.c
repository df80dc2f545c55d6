/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine: arrivals and expiry as a fluid, what the kernel does at the limit, and what must always hold. */
#include "config.h"
#include "sim.h"

#include <conntune/chain.h>
#include <conntune/memory.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Near the limit time goes in steps as short as this: evictions change who is there. */
#define STEP 0.02

__attribute__((format(printf, 2, 3))) static void wrong(struct sim *s, const char *format, ...)
{
	va_list ap;

	if (s->wrong[0])
		return;
	va_start(ap, format);
	(void)vsnprintf(s->wrong, sizeof(s->wrong), format, ap);
	va_end(ap);
}

/* xorshift64* */
uint64_t sim_random(struct sim *s)
{
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	return s->seed * UINT64_C(2685821657736338717);
}

double sim_entries(const struct sim *s)
{
	return s->entries[SIM_ANSWERED] + s->entries[SIM_UNANSWERED];
}

static double table_bytes(const struct sim *s, uint64_t buckets)
{
	uint64_t bytes = 0;

	(void)ct_memory_table(&s->config.request.kernel, s->facts.page_bytes, buckets, &bytes, NULL);
	return (double)bytes;
}

double sim_available(const struct sim *s)
{
	double used = (sim_entries(s) + s->others) * (double)s->facts.entry_bytes + table_bytes(s, s->buckets);

	return fmax(s->available - used, 0);
}

/* ---- what the kernel does ---- */

/* Eight buckets are searched for somebody to evict; each entry stands in two of all, so few are found in a large array. */
static double eviction_succeeds(const struct sim *s)
{
	return 1 - exp(-16 * s->entries[SIM_UNANSWERED] / (double)s->buckets);
}

static double clamp(double v, double low, double high)
{
	return fmin(fmax(v, low), high);
}

/* Those beyond the limit: each evicts somebody unanswered, or is dropped. */
static void overflow(struct sim *s, double excess, double share_answered)
{
	double answered = excess * share_answered, evicting, placed;

	/* an unanswered newcomer takes an unanswered one's place, or none: all the same to the table */
	s->entries[SIM_UNANSWERED] -= excess - answered;
	s->counter[CT_COUNTER_EARLY_DROP] += (excess - answered) * eviction_succeeds(s);
	s->counter[CT_COUNTER_DROP] += (excess - answered) * (1 - eviction_succeeds(s));
	evicting = answered * eviction_succeeds(s);
	placed = fmin(evicting, s->entries[SIM_UNANSWERED]);
	s->entries[SIM_UNANSWERED] -= placed;
	s->entries[SIM_ANSWERED] -= answered - placed;
	s->counter[CT_COUNTER_EARLY_DROP] += placed;
	s->counter[CT_COUNTER_DROP] += answered - placed;
	s->tally.lost += answered - placed;
	s->tally.evicted += placed + excess - answered;
	s->entries[SIM_UNANSWERED] = fmax(s->entries[SIM_UNANSWERED], 0);
	s->entries[SIM_ANSWERED] = fmax(s->entries[SIM_ANSWERED], 0);
}

static double refused_share(const struct sim *s)
{
	double load = ct_chain_load((uint64_t)(sim_entries(s) + s->others), s->buckets);

	return load > 3 ? ct_chain_p_refused(load, &s->config.request.kernel) : 0;
}

/* Constant arrivals against exponential expiry, exactly. Returns how many came. */
static double flow(struct sim *s, enum sim_class class, double seconds, double taken)
{
	const struct sim_load *load = &s->load[class];
	double life = load->life * (class == SIM_UNANSWERED ? fmax(s->scale, 0.05) : 1);
	double rate = load->rate * taken, level = rate * life, keep = exp(-seconds / life);

	s->entries[class] = level + (s->entries[class] - level) * keep;
	return rate * seconds;
}

static void step(struct sim *s, double seconds)
{
	double refused = refused_share(s), answered, unanswered, excess;
	double offered = (s->load[SIM_ANSWERED].rate + s->load[SIM_UNANSWERED].rate) * seconds;

	answered = flow(s, SIM_ANSWERED, seconds, 1 - refused);
	unanswered = flow(s, SIM_UNANSWERED, seconds, 1 - refused);
	s->counter[CT_COUNTER_CHAIN_TOO_LONG] += offered * refused;
	s->counter[CT_COUNTER_INSERT_FAILED] += offered * refused;
	s->tally.refused += offered * refused;
	excess = s->limit ? sim_entries(s) - (double)s->limit : 0;
	if (excess > 0)
		overflow(s, clamp(excess, 0, answered + unanswered), answered / fmax(answered + unanswered, 1e-9));
	s->tally.peak = fmax(s->tally.peak, sim_entries(s));
	s->tally.unanswered_peak = fmax(s->tally.unanswered_peak, s->entries[SIM_UNANSWERED]);
}

/* Nothing special can happen within so much time: then one step is exact. */
static bool is_far(const struct sim *s, double seconds)
{
	double most = sim_entries(s) + (s->load[SIM_ANSWERED].rate + s->load[SIM_UNANSWERED].rate) * seconds;

	return (s->limit == 0 || most < (double)s->limit) && 2 * (most + s->others) < 3 * (double)s->buckets;
}

static void pass(struct sim *s, uint64_t usec)
{
	double seconds = (double)usec / (double)SIM_SECOND;

	s->now += usec;
	if (!s->present)
		return;
	if (is_far(s, seconds)) {
		step(s, seconds);
		return;
	}
	for (double left = seconds; left > 0; left -= STEP)
		step(s, fmin(left, STEP));
}

/* ---- what the daemon sees ---- */

static struct ct_u64 reading(const struct sim *s, enum sim_part part, double v)
{
	return (struct ct_u64){ .known = !s->unknown[part], .v = (uint64_t)llround(fmax(v, 0)) };
}

static double with_noise(struct sim *s, double v)
{
	if (s->noise <= 0)
		return v;
	return v * (1 + s->noise * ((double)(sim_random(s) >> 11) / 0x1p52 - 1));
}

void sim_see(struct sim *s, struct decide_look *look)
{
	double all = sim_entries(s), seen;
	bool asked = s->verdict.want_mix && !s->unknown[SIM_MIX] && s->present;

	*look = (struct decide_look){
		.now_usec = s->clock_stuck ? s->decide.now_usec : s->now,
		.present = s->present,
		.reloaded = s->reloaded,
		.hold_until_usec = s->hold_until,
		.confirmed = s->confirmed,
		.resumed = s->resumed,
		.peak_entries = s->peak_entries,
		.unreplied = { .known = asked, .v = all > 0 ? s->entries[SIM_UNANSWERED] / all : 0 },
		.mem_available = reading(s, SIM_MEMORY, floor(sim_available(s) / 1024) * 1024),
	};
	s->tally.mixes += asked;
	s->reloaded = s->confirmed = s->resumed = false;
	if (!s->present)
		return;
	seen = with_noise(s, all);
	look->entries = reading(s, SIM_ENTRIES, seen);
	look->limit = reading(s, SIM_LIMIT, (double)s->limit);
	look->buckets = reading(s, SIM_BUCKETS, (double)s->buckets);
	look->all_entries = reading(s, SIM_ENTRIES, seen + s->others);
	for (int i = 0; i <= CT_COUNTER_CHAIN_TOO_LONG; i++)
		look->counter[i] = reading(s, SIM_COUNTERS, floor(s->counter[i]));
}

/* ---- what must always hold ---- */

static const char *name_of(const struct decide_verdict *v)
{
	return decide_reason_name(v->reason);
}

static void check_limit(struct sim *s, const struct decide_look *look, const struct decide_verdict *v)
{
	bool lowers = s->limit == 0 || v->limit < s->limit;
	bool may_lower = s->settings.shrink || v->reason == DECIDE_LESS_MEMORY || v->reason == DECIDE_RELOAD ||
			 v->reason == DECIDE_FOREIGN_WRITE || v->reason == DECIDE_UNCONFIRMED;

	if (v->limit == 0)
		return;
	if (v->limit <= look->entries.v)
		wrong(s, "%s: a limit of %" PRIu64 " with %" PRIu64 " entries", name_of(v), v->limit, look->entries.v);
	if (lowers && !may_lower)
		wrong(s, "%s lowers the limit from %" PRIu64 " to %" PRIu64, name_of(v), s->limit, v->limit);
	if (lowers != v->allow_shrink && s->limit)
		wrong(s, "%s: allow_shrink doesn't say where the limit goes", name_of(v));
	if (!lowers && v->action == DECIDE_SET && v->limit > v->ceiling)
		wrong(s, "%s raises the limit to %" PRIu64 ", above the ceiling of %" PRIu64, name_of(v), v->limit,
		      v->ceiling);
	if (!lowers && v->state == DECIDE_MEMORY && v->action == DECIDE_SET)
		wrong(s, "%s raises the limit though memory is at its floor", name_of(v));
}

static void check_buckets(struct sim *s, const struct decide_look *look, const struct decide_verdict *v)
{
	bool counts = v->reason == DECIDE_CHAINS || v->reason == DECIDE_FORECAST || v->reason == DECIDE_DEMAND;

	if (v->buckets == 0)
		return;
	if (v->buckets < s->buckets && v->action == DECIDE_SET && v->reason != DECIDE_FOREIGN_WRITE)
		wrong(s, "%s lowers buckets from %" PRIu64 " to %" PRIu64, name_of(v), s->buckets, v->buckets);
	if (counts && s->bucket_write_usec && look->now_usec < s->bucket_write_usec + s->settings.cooldown_usec)
		wrong(s, "%s resizes again within the cool-down", name_of(v));
	if (!s->can_set_buckets)
		wrong(s, "%s sets buckets that can't be set", name_of(v));
}

/* The whole table full, and its buckets, within the budget: by this file's own arithmetic. */
static void check_budget(struct sim *s, const struct decide_verdict *v)
{
	const struct ct_size_request *r = &s->config.request;
	double budget = r->budget_bytes ? (double)r->budget_bytes :
					  (double)ct_memory_usable(r->ram_bytes, r->pointer_bits) / 4;
	double limit = (double)(v->limit ? v->limit : s->limit);
	double bytes = limit * (double)r->entry_bytes * r->namespaces;
	bool raises = v->limit > s->limit && s->limit;

	if (v->action == DECIDE_SET && raises && bytes > budget)
		wrong(s, "%s: %.0f bytes when full, the budget is %.0f", name_of(v), bytes, budget);
}

static void check_verdict(struct sim *s, const struct decide_look *look, const struct decide_verdict *v)
{
	bool asleep = v->state == DECIDE_ABSENT || v->state == DECIDE_BLIND || v->state == DECIDE_HELD;
	bool sets = v->action == DECIDE_SET || v->action == DECIDE_PUT_BACK;

	if (v->next_usec < s->settings.interval_min_usec || v->next_usec > s->settings.interval_max_usec)
		wrong(s, "the next look is to be in %" PRIu64 " us", v->next_usec);
	if (asleep && v->action != DECIDE_NOTHING)
		wrong(s, "%s acts in state %s", name_of(v), decide_state_name(v->state));
	if (sets != (v->limit || v->buckets))
		wrong(s, "action %s with limit %" PRIu64 " and buckets %" PRIu64, decide_action_name(v->action), v->limit,
		      v->buckets);
	if (v->action != DECIDE_NOTHING && v->reason == DECIDE_NO_REASON)
		wrong(s, "action %s without a reason", decide_action_name(v->action));
	if (v->action == DECIDE_TIMEOUTS && (v->scale < 0 || v->scale > 1))
		wrong(s, "time-outs to be scaled by %g", v->scale);
	if (v->action == DECIDE_TIMEOUTS && !s->settings.adaptive && v->scale < 1)
		wrong(s, "time-outs are scaled, which nobody asked for");
	if (!memchr(v->evidence, '\0', sizeof(v->evidence)) || !v->cause.name)
		wrong(s, "evidence without end, or no cause");
	if (sets) {
		check_limit(s, look, v);
		check_buckets(s, look, v);
		check_budget(s, v);
	}
}

/* ---- what becomes of a verdict ---- */

static int fails(struct sim *s, enum sim_part part)
{
	if (s->fail_times[part] == 0)
		return 0;
	s->fail_times[part]--;
	s->tally.failed++;
	return s->fail_code[part];
}

static int refusal(struct sim *s, const struct decide_verdict *v)
{
	int r = 0;

	if (v->action == DECIDE_TIMEOUTS)
		return fails(s, SIM_TIMEOUTS);
	if (v->buckets)
		r = fails(s, SIM_BUCKETS);
	if (r == 0 && v->limit)
		r = fails(s, SIM_LIMIT);
	return r;
}

static void write_buckets(struct sim *s, const struct decide_verdict *v, struct decide_outcome *outcome)
{
	uint64_t got = s->buckets;

	(void)ct_size_buckets(&s->config.request.kernel, v->buckets, &got, NULL);
	outcome->nodes = (uint64_t)(2 * (sim_entries(s) + s->others));
	outcome->stall_usec = (uint64_t)((double)outcome->nodes * s->true_cost);
	s->tally.stall = fmax(s->tally.stall, (double)outcome->stall_usec / (double)SIM_SECOND);
	s->tally.bucket_writes++;
	s->buckets = got;
	s->bucket_write_usec = s->decide.now_usec;
}

static void write_limit(struct sim *s, uint64_t limit)
{
	s->tally.lowered += limit < s->limit;
	s->limit = limit;
	s->tally.limit_writes++;
	s->tally.least_limit = fmin(s->tally.least_limit, (double)limit);
}

static void act(struct sim *s, const struct decide_verdict *v)
{
	struct decide_outcome outcome = { .done = refusal(s, v) };
	bool advise = s->settings.mode == CT_MODE_ADVISE;

	s->tally.advice += advise && outcome.done == 0;
	if (outcome.done == 0 && !advise) {
		if (v->action == DECIDE_TIMEOUTS) {
			s->scale = v->scale;
			s->tally.timeout_writes++;
			s->tally.least_scale = fmin(s->tally.least_scale, v->scale);
		}
		if (v->buckets)
			write_buckets(s, v, &outcome);
		if (v->limit)
			write_limit(s, v->limit);
	}
	outcome.limit = (struct ct_u64){ .known = true, .v = s->limit };
	outcome.buckets = (struct ct_u64){ .known = true, .v = s->buckets };
	decide_done(&s->decide, v, &outcome);
}

static void append(char *text, size_t n, const char *line)
{
	size_t used = strlen(text);

	(void)snprintf(text + used, n - used, "%s\n", line);
}

static void log_verdict(struct sim *s, const struct decide_verdict *v)
{
	if (!s->log)
		return;
	(void)fprintf(s->log, "%10.3f s  %-8s %-9s %-13s", (double)s->now / (double)SIM_SECOND,
		      decide_state_name(v->state), decide_action_name(v->action), name_of(v));
	if (v->limit)
		(void)fprintf(s->log, " limit %" PRIu64 " -> %" PRIu64, s->limit, v->limit);
	if (v->buckets)
		(void)fprintf(s->log, " buckets %" PRIu64 " -> %" PRIu64, s->buckets, v->buckets);
	if (v->action == DECIDE_TIMEOUTS)
		(void)fprintf(s->log, " scale %g", v->scale);
	(void)fprintf(s->log, "  [%s] %s\n", v->evidence, v->cause.healthy ? "" : v->cause.name);
}

static void tally(struct sim *s, const struct decide_verdict *v, enum decide_state before)
{
	struct sim_tally *t = &s->tally;
	char cause[40];

	t->looks++;
	t->state_changes += v->state != before;
	t->urgent += v->urgent;
	t->states |= 1U << v->state;
	t->reasons |= 1U << v->reason;
	t->shortest_interval = fmin(t->shortest_interval, (double)v->next_usec / (double)SIM_SECOND);
	(void)snprintf(cause, sizeof(cause), "%s\n", v->cause.name);
	if (!strstr(t->causes, cause))
		append(t->causes, sizeof(t->causes), v->cause.name);
	if (!v->urgent && v->action == DECIDE_NOTHING)
		return;
	append(t->texts, sizeof(t->texts), v->evidence);
	log_verdict(s, v);
}

static void look(struct sim *s)
{
	enum decide_state before = s->decide.state;
	struct decide_look look;

	sim_see(s, &look);
	decide(&s->decide, &s->config, &look, &s->verdict);
	tally(s, &s->verdict, before);
	check_verdict(s, &look, &s->verdict);
	if (s->verdict.action != DECIDE_NOTHING)
		act(s, &s->verdict);
	s->next = s->now + s->verdict.next_usec;
}

void sim_wake(struct sim *s)
{
	s->next = s->now + 1;
}

void sim_run(struct sim *s, uint64_t usec)
{
	uint64_t end = s->now + usec;

	while (s->next <= end && s->wrong[0] == '\0') {
		if (s->next > s->now)
			pass(s, s->next - s->now);
		look(s);
	}
	if (end > s->now)
		pass(s, end - s->now);
}

/* Time-outs count in jiffies, which stand still; but nobody answers a keep-alive meanwhile. Entries stay. */
void sim_suspend(struct sim *s, uint64_t usec)
{
	s->now += usec;
	s->next = s->now + 1;
}

void sim_unload(struct sim *s)
{
	s->present = false;
	s->limit = s->buckets = 0;
	s->entries[SIM_ANSWERED] = s->entries[SIM_UNANSWERED] = 0;
	sim_wake(s);
}

void sim_load_module(struct sim *s)
{
	s->present = s->reloaded = true;
	s->scale = 1;
	s->bucket_write_usec = 0;
	memset(s->counter, 0, sizeof(s->counter));
	(void)sim_kernel_sizes(s, NULL);
	sim_wake(s);
}

void sim_chapter(struct sim *s)
{
	s->tally = (struct sim_tally){ .shortest_interval = INFINITY, .least_scale = 1, .least_limit = INFINITY };
	s->tally.peak = sim_entries(s);
	s->tally.unanswered_peak = s->entries[SIM_UNANSWERED];
}

int sim_kernel_sizes(struct sim *s, struct ct_err *err)
{
	struct ct_size size;
	int r = ct_size_compute(&s->config.request, CT_POLICY_KERNEL, &size, err);

	if (r < 0)
		return r;
	s->limit = size.limit;
	s->buckets = size.buckets;
	return 0;
}

int sim_configure(struct sim *s, struct ct_err *err)
{
	struct ct_size_request *r = &s->config.request;
	const struct ct_settings *set = &s->settings;
	int rc = ct_size_request_init(r, &s->facts, err);

	if (rc < 0)
		return rc;
	r->reserve_bytes = set->reserve_bytes;
	r->target_load = set->target_load;
	r->namespaces = set->namespaces;
	r->headroom = set->headroom;
	r->failover = set->failover;
	r->fixed_limit = set->fixed_limit;
	r->fixed_buckets = set->fixed_buckets;
	r->budget_bytes = set->budget_bytes ? set->budget_bytes : s->facts.ram_bytes.v / 100 * set->budget_percent;
	s->config.settings = *set;
	s->config.can_set_limit = s->can_set_limit;
	s->config.can_set_buckets = s->can_set_buckets && r->kernel.buckets_sysctl_writable;
	s->config.stall_usec_per_node = 0.25;
	return 0;
}

static void default_settings(struct ct_settings *set)
{
	*set = (struct ct_settings){
		.mode = CT_MODE_TUNE,
		.policy = CT_POLICY_BALANCED,
		.budget_percent = 25,
		.reserve_bytes = UINT64_C(128) << 20,
		.target_load = 2,
		.namespaces = 1,
		.headroom = 2,
		.failover = 1,
		.foreign = CT_FOREIGN_YIELD,
		.fill_percent = 75,
		.cooldown_usec = 60 * SIM_SECOND,
		.stall_usec = SIM_SECOND / 50,
		.flood_percent = 50,
		.unreplied_percent = 70,
		.adaptive_start_percent = 60,
		.adaptive_end_percent = 120,
		.interval_max_usec = SIM_SECOND,
		.interval_min_usec = 2000,
	};
}

void sim_init(struct sim *s)
{
	FILE *log = s->log;

	*s = (struct sim){ .log = log, .present = true, .can_set_limit = true, .can_set_buckets = true };
	s->facts = (struct ct_facts){
		.ram_bytes = { .known = true, .v = UINT64_C(24) << 30 },
		.page_bytes = 4096,
		.pointer_bits = 64,
		.kernel = { 6, 18, 0 },
		.entry_bytes = 256,
		.presence = CT_PRESENCE_MODULE,
	};
	default_settings(&s->settings);
	s->true_cost = 0.25;
	s->scale = 1;
	s->seed = 1;
	s->now = s->next = 60 * SIM_SECOND;
	for (int i = 0; i < SIM_CLASS__COUNT; i++)
		s->load[i].life = 60;
	s->available = 0.8 * (double)s->facts.ram_bytes.v;
	decide_init(&s->decide);
	sim_chapter(s);
	(void)sim_configure(s, NULL);
	(void)sim_kernel_sizes(s, NULL);
}
