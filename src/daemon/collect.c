/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters over netlink, values from open files, kinds of entries from a sample, all else once a minute. */
#include "config.h"
#include "collect.h"

#include <errno.h>
#include <stdio.h>
#include <conntune/mix.h>

int collect_init(struct collect *c, struct ct_fs *fs, struct ct_err *err)
{
	*c = (struct collect){ .fs = fs };
	neighbours_init(&c->neighbours, fs);
	return ct_gauge_new(&c->gauge, fs, err);
}

void collect_done(struct collect *c)
{
	c->stats = ct_stats_free(c->stats);
	c->gauge = ct_gauge_free(c->gauge);
	neighbours_done(&c->neighbours);
}

void collect_again(struct collect *c)
{
	c->stale = true;
}

/* What was counted so far stays counted. */
static void end_stats(struct collect *c)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (c->sample.counter[i].known) {
			c->base[i] += c->sample.counter[i].v;
			c->rebase |= UINT32_C(1) << i;
		}
	c->sample = (struct ct_sample){ 0 };
	c->stats = ct_stats_free(c->stats);
}

/* The module is gone, or came back: its counters begin at 0. */
static void end_counters(struct collect *c)
{
	end_stats(c);
	c->rebase = 0;
}

/* The same counters through another handle: what was counted in between is lost, and nothing is counted twice. */
static void rebase(struct collect *c)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if ((c->rebase & UINT32_C(1) << i) && c->sample.counter[i].known) {
			c->base[i] -= c->sample.counter[i].v;
			c->rebase &= ~(UINT32_C(1) << i);
		}
}

/* Without counters there is still the number of entries: no error. */
static void sample(struct collect *c)
{
	struct ct_sample now;

	if (!c->stats && ct_stats_new(&c->stats, c->fs, &c->facts.kernel, c->facts.cpus, NULL) < 0)
		return;
	if (ct_stats_sample(c->stats, &now, NULL) < 0) {
		end_stats(c);
		return;
	}
	c->sample = now;
	rebase(c);
}

static void fill_counters(const struct collect *c, struct decide_look *ret)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++) {
		ret->counter[i] = c->sample.counter[i];
		if (ret->counter[i].known)
			ret->counter[i].v += c->base[i] + neighbours_counted(&c->neighbours, i);
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
	r = ct_gauge_memory(c->gauge, &c->ram, &c->mem_available, &c->slab, err);
	if (r < 0)
		return r;
	c->memory_usec = now_usec;
	c->stale |= before.known && c->ram.known && before.v != c->ram.v;
	return 0;
}

static struct neighbours_look for_neighbours(const struct collect *c, uint64_t now_usec, const struct ct_reading *now)
{
	return (struct neighbours_look){
		.now_usec = now_usec,
		.entries = now->entries,
		.limit = now->limit,
		.slab = c->slab,
		.kernel = &c->facts.kernel,
		.cpus = c->facts.cpus,
	};
}

static int take_picture(struct collect *c, uint64_t now_usec, const struct ct_reading *now, struct ct_err *err)
{
	int r = ct_facts_collect(c->fs, NULL, &c->facts, err);
	struct neighbours_look look = for_neighbours(c, now_usec, now);

	if (r < 0)
		return r;
	c->facts_usec = now_usec;
	c->begun = c->fresh = true;
	c->stale = false;
	if (!now->present)
		return 0;
	c->loaded = c->facts;
	c->was_loaded = true;
	return neighbours_survey(&c->neighbours, &look, err);
}

/* The same module on the same machine, and values are wanted back soon: the whole picture is for the next look. */
static void reuse_picture(struct collect *c)
{
	c->facts = c->loaded;
	c->fresh = c->stale = true;
}

/* Facts that plans rest on are those of this look. */
static void keep_up(struct collect *c, struct ct_u64 limit, struct ct_u64 buckets, struct ct_u64 entries)
{
	struct ct_value *value = c->facts.value;

	if (limit.known && value[CT_PARAM_LIMIT].known)
		value[CT_PARAM_LIMIT].v = (int64_t)limit.v;
	if (buckets.known && value[CT_PARAM_BUCKETS].known)
		value[CT_PARAM_BUCKETS].v = (int64_t)buckets.v;
	if (entries.known && value[CT_PARAM_COUNT].known)
		value[CT_PARAM_COUNT].v = (int64_t)entries.v;
	if (c->mem_available.known)
		c->facts.mem_available_bytes = c->mem_available;
}

void collect_acted(struct collect *c, const struct decide_outcome *outcome)
{
	keep_up(c, outcome->limit, outcome->buckets, (struct ct_u64){ .known = false });
}

/* As many as are found without walking far; 0: none are. */
static uint32_t affordable_mix(const struct decide_look *look)
{
	if (ct_mix_is_cheap(look->entries.v, look->buckets.v, COLLECT_MIX_ENTRIES))
		return COLLECT_MIX_ENTRIES;
	return ct_mix_is_cheap(look->entries.v, look->buckets.v, COLLECT_MIX_FEW) ? COLLECT_MIX_FEW : 0;
}

/* A failure leaves it unknown; who may not look needn't try each time. */
static void sample_mix(struct collect *c, const struct decide_look *look)
{
	uint32_t most = affordable_mix(look);
	struct ct_mix mix;

	if (!look->moved && c->mix_usec && look->now_usec - c->mix_usec < COLLECT_MIX_USEC)
		return;
	c->mix_usec = look->now_usec;
	c->unreplied.known = most > 0 && ct_mix_sample(c->fs, most, &mix, NULL) == 0 && mix.seen > 0;
	if (c->unreplied.known)
		c->unreplied.v = (double)mix.unreplied / mix.seen;
}

static void look_at_mix(struct collect *c, struct decide_look *look)
{
	if (c->where == 0)
		sample_mix(c, look);
	else
		c->unreplied.known = neighbours_unreplied(&c->neighbours, &c->unreplied.v);
	look->unreplied.known = c->unreplied.known;
	look->unreplied.v = c->unreplied.v;
}

/* Whose table counts: that of the namespace with the most entries. */
static void find_fullest(struct collect *c, struct decide_look *ret)
{
	struct ct_u64 other = neighbours_entries(&c->neighbours);
	bool is_other = other.known && (!ret->entries.known || other.v > ret->entries.v);
	uint64_t where = is_other ? c->neighbours.inode : 0;

	if (is_other) {
		ret->entries = other;
		(void)snprintf(ret->where, sizeof(ret->where), "%s", c->neighbours.survey.worst_name);
	}
	ret->moved = where != c->where;
	ret->sudden = ret->moved && is_other && c->neighbours.found;
	c->where = where;
}

static void fill(struct collect *c, const struct ct_reading *now, struct decide_look *ret)
{
	ret->present = now->present;
	ret->limit = now->limit;
	ret->buckets = now->buckets;
	ret->entries = now->entries.known ? now->entries : c->sample.entries;
	ret->all_entries = neighbours_all_entries(&c->neighbours, ret->entries);
	ret->mem_available = c->mem_available;
	find_fullest(c, ret);
	fill_counters(c, ret);
}

static int look_around(struct collect *c, const struct ct_reading *now, struct decide_look *ret, struct ct_err *err)
{
	struct neighbours_look look = for_neighbours(c, ret->now_usec, now);
	int r;

	sample(c);
	if (!look.entries.known)
		look.entries = c->sample.entries;
	c->reloaded |= c->sample.restarted;
	r = neighbours_look(&c->neighbours, &look, err);
	if (r < 0)
		return r;
	fill(c, now, ret);
	keep_up(c, now->limit, now->buckets, ret->entries);
	return 0;
}

int collect_look(struct collect *c, uint64_t now_usec, bool busy, bool want_mix, struct decide_look *ret,
		 struct ct_err *err)
{
	struct decide_look look = { .now_usec = now_usec };
	struct ct_reading now;
	int r = ct_gauge_read(c->gauge, &now, err);

	if (r < 0)
		return r;
	c->reloaded |= c->begun && now.present && (now.reopened || !c->was_present);
	r = look_at_memory(c, now_usec, busy, err);
	if (r < 0)
		return r;
	if (c->reloaded || !now.present) {
		end_counters(c);
		neighbours_forget(&c->neighbours);
	}
	c->fresh = false;
	if (c->reloaded && c->was_loaded)
		reuse_picture(c);
	else if (!c->begun || c->stale || now.present != c->was_present || c->reloaded ||
		 now_usec - c->facts_usec >= COLLECT_FACTS_USEC)
		r = take_picture(c, now_usec, &now, err);
	if (r < 0)
		return r;
	c->was_present = now.present;
	if (now.present)
		r = look_around(c, &now, &look, err);
	else
		fill(c, &now, &look);
	if (r < 0)
		return r;
	if (now.present && want_mix)
		look_at_mix(c, &look);
	look.reloaded = c->reloaded && now.present;
	c->reloaded = false;
	*ret = look;
	return 0;
}
