/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the daemon knows to the plain struct that is published. */
#include "config.h"
#include "daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A snapshot is old when two looks that were due didn't come, and something more for a machine that is busy. */
#define GRACE_USEC UINT64_C(5000000)

static struct ct_real real(struct status_real v)
{
	return (struct ct_real){ .known = v.known, .v = v.v };
}

/* Whole, from a text that may be NULL; what was there before is gone to the last byte, because it is published too. */
static void put_text(char *to, size_t n, const char *text)
{
	(void)memset(to, 0, n);
	(void)snprintf(to, n, "%s", text ? text : "");
}

#define PUT(to, text) put_text((to), sizeof(to), (text))

static void fill_head(struct ct_snapshot *s, const struct daemon *d)
{
	uint64_t unix_usec = 0;

	(void)sd_event_now(d->event, CLOCK_REALTIME, &unix_usec);
	PUT(s->version, PACKAGE_VERSION);
	PUT(s->kernel, d->collect.facts.release);
	s->boot_usec = d->looked_usec;
	s->unix_usec = (int64_t)unix_usec;
	s->fresh_usec = 2 * d->settings.interval_max_usec + GRACE_USEC;
	s->started_unix_usec = (int64_t)(d->started * 1e6);
	s->pid = (int32_t)getpid();
}

_Static_assert(DECIDE_STATE__COUNT <= CT_SNAPSHOT_STATES, "each state has its name");
_Static_assert(DECIDE_REASON__COUNT <= CT_SNAPSHOT_REASONS, "each reason has its counters");

static void fill_state(struct ct_snapshot *s, const struct status *from, const struct daemon *d)
{
	PUT(s->mode, from->mode);
	s->state = (uint32_t)d->verdict.state;
	s->states = DECIDE_STATE__COUNT;
	for (uint32_t i = 0; i < s->states; i++)
		PUT(s->state_name[i], decide_state_name((enum decide_state)i));
	s->state_seconds = from->state_seconds;
	PUT(s->reason, from->reason);
	PUT(s->reason_text, from->reason_text);
	PUT(s->evidence, d->verdict.evidence);
	s->hold = from->hold;
	s->hold_seconds = real(from->hold_seconds);
	s->confirm_seconds = real(from->confirm_seconds);
}

static struct ct_u64 own_entries(const struct daemon *d)
{
	const struct ct_value *count = &d->collect.facts.value[CT_PARAM_COUNT];

	if (d->collect.sample.entries.known)
		return d->collect.sample.entries;
	return (struct ct_u64){ .known = count->known && count->v >= 0, .v = count->known ? (uint64_t)count->v : 0 };
}

static void fill_table(struct ct_snapshot *s, const struct status *from, const struct daemon *d)
{
	s->present = d->look.present;
	s->entries = from->entries;
	s->own_entries = d->look.present ? own_entries(d) : (struct ct_u64){ .known = false };
	s->all_entries = from->all_entries;
	s->limit = from->limit;
	s->buckets = from->buckets;
	s->unreplied = real(from->unreplied);
	s->rate = (struct ct_real){ .known = d->decide.forecast.samples > 1, .v = d->decide.forecast.rate };
	s->full_in_seconds = real(from->full_in_seconds);
	s->target_limit = from->target_limit;
	s->target_buckets = from->target_buckets;
	s->ceiling = from->ceiling;
	s->chain_limit_min = d->config.request.kernel.chain_limit_min;
	s->chain_limit_max = d->config.request.kernel.chain_limit_max;
	s->expect_entries = d->collect.facts.expect_entries;
	s->timeouts_scale = real(from->timeouts_scale);
}

static void fill_memory(struct ct_snapshot *s, const struct status *from, const struct daemon *d)
{
	s->ram_bytes = d->collect.facts.ram_bytes;
	s->available_bytes = from->mem_available_bytes;
	s->floor_bytes = from->mem_floor_bytes;
	s->budget_bytes = from->budget_bytes;
	s->table_bytes = from->memory_bytes;
	s->full_bytes = from->memory_full_bytes;
	s->entry_bytes = (struct ct_u64){ .known = d->configured && d->config.request.entry_bytes > 0,
					  .v = d->config.request.entry_bytes };
}

static void fill_counters(struct ct_snapshot *s, const struct daemon *d)
{
	const struct collect *c = &d->collect;

	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++) {
		bool known = d->look.present && c->sample.counter[i].known;

		s->own_counter[i] =
			(struct ct_u64){ .known = known, .v = known ? c->sample.counter[i].v + c->base[i] : 0 };
		s->watched_counter[i] =
			(struct ct_u64){ .known = known,
					 .v = known ? neighbours_counted(&c->neighbours, (enum ct_counter)i) : 0 };
	}
	PUT(s->source, c->stats ? ct_stats_source_name(c->sample.source) : "");
	for (unsigned i = 0; i < CT_PARAM__COUNT; i++) {
		s->value[i].known = d->look.present && c->facts.value[i].known;
		s->value[i].v = s->value[i].known ? c->facts.value[i].v : 0;
	}
}

static void fill_others(struct ct_snapshot *s, const struct status *from, const struct daemon *d)
{
	const struct ct_netns_survey *survey = &d->collect.neighbours.survey;

	s->foreigns = (uint32_t)from->foreign_count;
	for (uint32_t i = 0; i < s->foreigns; i++) {
		PUT(s->foreign[i].name, from->foreign[i].name);
		s->foreign[i].value = from->foreign[i].value;
	}
	s->limit_foreign_writes = d->decide.limit_writes;
	s->buckets_foreign_writes = d->decide.buckets_writes;
	s->namespaces = survey->namespaces;
	s->tops = survey->tops;
	(void)memcpy(s->top, survey->top, sizeof(s->top));
}

static void fill_cause(struct ct_snapshot *s, const struct ct_cause *cause)
{
	s->cause.healthy = cause->healthy;
	PUT(s->cause.name, cause->name);
	PUT(s->cause.text, cause->text);
	PUT(s->cause.evidence, cause->evidence);
	PUT(s->cause.remedy, cause->remedy);
}

static void fill_action(struct ct_snapshot_action *to, const struct status_action *a)
{
	(void)memset(to, 0, sizeof(*to));
	to->unix_usec = a->unix_usec;
	PUT(to->action, a->action);
	PUT(to->reason, a->reason);
	PUT(to->text, a->text);
	PUT(to->evidence, a->evidence);
	PUT(to->error, a->error);
	PUT(to->result, status_result_name(a->result));
	to->old_limit = a->old_limit;
	to->new_limit = a->new_limit;
	to->old_buckets = a->old_buckets;
	to->new_buckets = a->new_buckets;
	to->scale = real(a->scale);
	to->stall_seconds = real(a->stall_seconds);
}

/* They are most of the snapshot, and change least. */
static void fill_actions(struct ct_snapshot *s, const struct daemon *d)
{
	size_t n = d->action_count < CT_SNAPSHOT_ACTIONS ? d->action_count : CT_SNAPSHOT_ACTIONS;

	if (d->publish.actions == d->action_count)
		return;
	s->actions = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		fill_action(&s->action[i], &d->actions[(d->action_count - n + i) % STATUS_ACTIONS_MAX]);
}

void publish_fill(struct ct_snapshot *s, const struct daemon *d)
{
	struct status_foreign foreign[2];
	struct status from;

	daemon_fill_status(d, &from, foreign);
	fill_head(s, d);
	fill_state(s, &from, d);
	fill_table(s, &from, d);
	fill_memory(s, &from, d);
	fill_counters(s, d);
	fill_others(s, &from, d);
	fill_cause(s, &d->verdict.cause);
	fill_actions(s, d);
}

static uint32_t small(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static uint32_t fill_rows(struct ct_recent_row *to, uint32_t most, const struct daemon *d, enum history_span span,
			  int64_t since)
{
	struct history_row *rows = calloc(most, sizeof(*rows));
	struct ct_err err;
	int n = rows && d->history ? history_rows(d->history, span, since, rows, most, &err) : 0;

	for (int i = 0; i < n; i++) {
		const struct history_row *row = &rows[i];

		to[i] = (struct ct_recent_row){
			.begin = row->begin,
			.peak = small(row->peak),
			.mean = small(row->mean),
			.p95 = small(row->p95),
			.limit = small(row->limit),
			.drops = row->drops,
			.early_drops = row->early_drops,
			.refused = row->refused,
		};
	}
	free(rows);
	return n > 0 ? (uint32_t)n : 0;
}

void publish_fill_recent(struct ct_recent *recent, const struct daemon *d)
{
	uint64_t now = 0;

	(void)sd_event_now(d->event, CLOCK_REALTIME, &now);
	recent->unix_usec = (int64_t)now;
	recent->minutes = fill_rows(recent->minute, CT_RECENT_MINUTES, d, HISTORY_MINUTE,
				    recent->unix_usec / 1000000 - (CT_RECENT_MINUTES - 1) * 60);
	recent->hours = fill_rows(recent->hour, CT_RECENT_HOURS, d, HISTORY_HOUR,
				  recent->unix_usec / 1000000 - (CT_RECENT_HOURS - 1) * 3600);
}
