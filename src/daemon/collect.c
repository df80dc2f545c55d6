/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters over netlink, values from open files, kinds of entries from a sample, all else once a minute. */
#include "config.h"
#include "collect.h"

#include <errno.h>
#include <conntune/mix.h>

int collect_init(struct collect *c, struct ct_fs *fs, struct ct_err *err)
{
	*c = (struct collect){ .fs = fs };
	return ct_gauge_new(&c->gauge, fs, err);
}

void collect_done(struct collect *c)
{
	c->stats = ct_stats_free(c->stats);
	c->gauge = ct_gauge_free(c->gauge);
}

void collect_again(struct collect *c)
{
	c->stale = true;
}

/* What was counted so far stays counted. */
static void end_stats(struct collect *c)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (c->sample.counter[i].known)
			c->base[i] += c->sample.counter[i].v;
	c->sample = (struct ct_sample){ 0 };
	c->stats = ct_stats_free(c->stats);
}

/* Without counters there is still the number of entries: no error. */
static void sample(struct collect *c)
{
	struct ct_sample now;

	if (!c->stats && ct_stats_new(&c->stats, c->fs, &c->facts.kernel, c->facts.cpus, NULL) < 0)
		return;
	if (ct_stats_sample(c->stats, &now, NULL) < 0)
		end_stats(c);
	else
		c->sample = now;
}

static void fill_counters(const struct collect *c, struct decide_look *ret)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++) {
		ret->counter[i] = c->sample.counter[i];
		if (ret->counter[i].known)
			ret->counter[i].v += c->base[i];
	}
}

/* A memory that grows or shrinks changes everything that was computed from it. */
static int look_at_memory(struct collect *c, uint64_t now_usec, bool busy, struct ct_err *err)
{
	uint64_t after = busy ? COLLECT_MEMORY_BUSY_USEC : COLLECT_MEMORY_USEC;
	struct ct_u64 before = c->ram;
	int r;

	if (c->memory_usec && now_usec - c->memory_usec < after)
		return 0;
	r = ct_gauge_memory(c->gauge, &c->ram, &c->mem_available, err);
	if (r < 0)
		return r;
	c->memory_usec = now_usec;
	c->stale |= before.known && c->ram.known && before.v != c->ram.v;
	return 0;
}

/* After a reload all namespaces begin with nothing, and values are wanted back soon: no survey then. */
static int take_picture(struct collect *c, uint64_t now_usec, bool survey, struct ct_err *err)
{
	int r = ct_facts_collect(c->fs, NULL, &c->facts, err);

	if (r < 0)
		return r;
	c->facts_usec = now_usec;
	c->begun = c->fresh = true;
	c->stale = false;
	c->netns = (struct ct_netns_survey){ 0 };
	return survey ? ct_netns_survey(c->fs, COLLECT_PROCESSES, &c->netns, err) : 0;
}

/* Facts that plans rest on are those of this look. */
static void keep_up(struct collect *c, const struct ct_reading *now)
{
	struct ct_value *value = c->facts.value;

	if (!now->present)
		return;
	if (now->limit.known && value[CT_PARAM_LIMIT].known)
		value[CT_PARAM_LIMIT].v = (int64_t)now->limit.v;
	if (now->buckets.known && value[CT_PARAM_BUCKETS].known)
		value[CT_PARAM_BUCKETS].v = (int64_t)now->buckets.v;
	if (now->entries.known && value[CT_PARAM_COUNT].known)
		value[CT_PARAM_COUNT].v = (int64_t)now->entries.v;
	if (c->mem_available.known)
		c->facts.mem_available_bytes = c->mem_available;
}

/* Entries of the others as of the last survey, our own as of now. */
static struct ct_u64 all_entries(const struct collect *c, struct ct_u64 own)
{
	const struct ct_netns_survey *s = &c->netns;

	if (!own.known || !s->all_entries.known || s->all_entries.v < s->own_entries)
		return own;
	return (struct ct_u64){ .known = true, .v = own.v + s->all_entries.v - s->own_entries };
}

/* As many as are found without walking far; 0: none are. */
static uint32_t affordable_mix(const struct ct_reading *now)
{
	if (ct_mix_is_cheap(now->entries.v, now->buckets.v, COLLECT_MIX_ENTRIES))
		return COLLECT_MIX_ENTRIES;
	return ct_mix_is_cheap(now->entries.v, now->buckets.v, COLLECT_MIX_FEW) ? COLLECT_MIX_FEW : 0;
}

/* A failure leaves it unknown; who may not look needn't try each time. */
static void look_at_mix(struct collect *c, const struct ct_reading *now, uint64_t now_usec)
{
	uint32_t most = affordable_mix(now);
	struct ct_mix mix;

	if (c->mix_usec && now_usec - c->mix_usec < COLLECT_MIX_USEC)
		return;
	c->mix_usec = now_usec;
	c->unreplied.known = most > 0 && ct_mix_sample(c->fs, most, &mix, NULL) == 0 && mix.seen > 0;
	if (c->unreplied.known)
		c->unreplied.v = (double)mix.unreplied / mix.seen;
}

static void fill(struct collect *c, const struct ct_reading *now, struct decide_look *ret)
{
	ret->present = now->present;
	ret->limit = now->limit;
	ret->buckets = now->buckets;
	ret->entries = now->entries.known ? now->entries : c->sample.entries;
	ret->all_entries = all_entries(c, ret->entries);
	ret->mem_available = c->mem_available;
	fill_counters(c, ret);
}

int collect_look(struct collect *c, uint64_t now_usec, bool busy, bool want_mix, struct decide_look *ret,
		 struct ct_err *err)
{
	struct decide_look look = { .now_usec = now_usec };
	struct ct_reading now;
	int r = ct_gauge_read(c->gauge, &now, err);

	if (r == 0)
		r = look_at_memory(c, now_usec, busy, err);
	if (r < 0)
		return r;
	look.reloaded = c->begun && now.present && (now.reopened || !c->was_present);
	if (look.reloaded || !now.present)
		end_stats(c);
	c->fresh = false;
	if (!c->begun || c->stale || now.present != c->was_present || look.reloaded ||
	    now_usec - c->facts_usec >= COLLECT_FACTS_USEC)
		r = take_picture(c, now_usec, now.present && !look.reloaded, err);
	if (r < 0)
		return r;
	c->was_present = now.present;
	if (now.present) {
		sample(c);
		look.reloaded |= c->sample.restarted;
		keep_up(c, &now);
		if (want_mix)
			look_at_mix(c, &now, now_usec);
	}
	fill(c, &now, &look);
	if (want_mix && now.present) {
		look.unreplied.known = c->unreplied.known;
		look.unreplied.v = c->unreplied.v;
	}
	*ret = look;
	return 0;
}
