/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened, per minute, hour and day: counted in memory as it comes, and handed to the file once a minute. */
#include "config.h"
#include "history_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define USEC_PER_SEC INT64_C(1000000)
/* the last second of the year 9999; its minute fits into 32 bits */
#define SECONDS_MAX INT64_C(253402300799)
/* a look speaks for the time since the one before; not for more than that: the machine slept, or the clock was set */
#define WEIGHT_MAX_MSEC 10000
/* of the first one */
#define WEIGHT_FIRST_MSEC 1000
/* a disk that takes longer must not keep the daemon from ending */
#define CLOSE_WAIT_MSEC 10000

/* @least: kept however small the file has to be */
static const struct {
	const char *name;
	uint32_t seconds, rows, least;
} spans[] = {
	[HISTORY_MINUTE] = { .name = "minute", .seconds = 60, .rows = 24 * 60, .least = 60 },
	[HISTORY_HOUR] = { .name = "hour", .seconds = 3600, .rows = 35 * 24, .least = 48 },
	[HISTORY_DAY] = { .name = "day", .seconds = 86400, .rows = 5 * 366, .least = 62 },
};

const char *history_span_name(enum history_span span)
{
	return spans[span].name;
}

uint32_t history_span_seconds(enum history_span span)
{
	return spans[span].seconds;
}

static int out_of_memory(struct ct_err *err)
{
	if (err)
		*err = (struct ct_err){ .code = -ENOMEM, .msg = "out of memory" };
	return -ENOMEM;
}

/* How many rows of each span @max_bytes on disk can hold: what is missing is taken from the minutes, then the hours. */
static void size_rings(struct history *h)
{
	uint64_t room = (h->max_bytes - HISTORY_FIXED_BYTES) / HISTORY_ROW_BYTES;
	uint64_t finer = spans[HISTORY_MINUTE].least + spans[HISTORY_HOUR].least;

	for (int span = HISTORY_DAY; span >= HISTORY_MINUTE; span--) {
		uint64_t rows = room > finer ? room - finer : 0;

		if (rows > spans[span].rows)
			rows = spans[span].rows;
		if (rows < spans[span].least)
			rows = spans[span].least;
		room = room > rows ? room - rows : 0;
		if (span > HISTORY_MINUTE)
			finer -= spans[span - 1].least;
		h->ring[span].capacity = (uint32_t)rows;
		h->ring[span].next_seq = 1;
	}
}

static size_t slots_bytes(const struct history *h)
{
	size_t n = 0;

	for (int span = 0; span < HISTORY_SPAN__COUNT; span++)
		n += h->ring[span].capacity;
	return n * sizeof(struct history_slot);
}

/* Not from the heap, which might touch it: so pages that no row has reached yet take no memory. */
static int make_rings(struct history *h, struct ct_err *err)
{
	struct history_slot *slot;

	size_rings(h);
	slot = mmap(NULL, slots_bytes(h), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slot == MAP_FAILED)
		return out_of_memory(err);
	for (int span = 0; span < HISTORY_SPAN__COUNT; span++) {
		h->ring[span].slot = slot;
		slot += h->ring[span].capacity;
	}
	return 0;
}

struct history_slot *history_slot_new(struct history_ring *ring)
{
	struct history_slot *slot;

	if (ring->n == ring->capacity)
		ring->oldest = (ring->oldest + 1) % ring->capacity;
	else
		ring->n++;
	slot = history_slot_at(ring, ring->n - 1);
	*slot = (struct history_slot){ .seq = ring->next_seq++ };
	return slot;
}

/* Returns: 0 even if the file can't be used; -ENOMEM */
static int use_file(struct history *h, const char *path, char *note, size_t note_bytes, struct ct_err *err)
{
	struct ct_err why = { 0 };
	int r;

	h->path = strdup(path);
	if (!h->path)
		return out_of_memory(err);
	r = history_file_load(h, &why);
	if (r == -ENOMEM)
		return out_of_memory(err);
	if (r == 0)
		return 0;
	if (r != -EBADMSG) {
		free(h->path);
		h->path = NULL;
	}
	if (note)
		(void)snprintf(note, note_bytes, "%s%s", why.msg,
			       h->path ? "" : "; the history is kept in memory only");
	return 0;
}

int history_open(struct history **ret, const char *path, uint64_t max_bytes, char *note, size_t note_bytes,
		 struct ct_err *err)
{
	struct history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return out_of_memory(err);
	if (note && note_bytes)
		note[0] = '\0';
	h->generation = 1;
	h->max_bytes = max_bytes > HISTORY_LEAST_BYTES ? max_bytes : HISTORY_LEAST_BYTES;
	h->asked.minute = -1;
	r = make_rings(h, err);
	if (r == 0 && path)
		r = use_file(h, path, note, note_bytes, err);
	if (r < 0) {
		(void)history_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* The row of a span that runs, as it is up to now. */
static void refresh(struct history *h, enum history_span span)
{
	const struct history_run *run = &h->run[span];
	struct history_slot *slot = run->slot;
	uint32_t *const quantile[] = { &slot->p50, &slot->p95, &slot->p99 };
	static const unsigned percent[] = { 50, 95, 99 };

	slot->changed = h->generation;
	slot->mean = run->weight ? (uint32_t)((run->sum + run->weight / 2) / run->weight) : 0;
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		uint64_t v = sketch_quantile(&run->sketch, percent[i]);

		/* the middle of the highest bin may be above all that was seen */
		*quantile[i] = v < slot->peak ? (uint32_t)v : slot->peak;
	}
}

static void refresh_all(struct history *h)
{
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++)
		if (h->any)
			refresh(h, span);
}

struct history *history_close(struct history *h)
{
	if (!h)
		return NULL;
	if (h->path && h->any) {
		refresh_all(h);
		(void)history_file_done(h, CLOSE_WAIT_MSEC, NULL);
		if (history_file_write(h, NULL) == 0)
			(void)history_file_done(h, CLOSE_WAIT_MSEC, NULL);
	}
	history_file_close(h);
	if (h->ring[0].slot)
		(void)munmap(h->ring[0].slot, slots_bytes(h));
	free(h->path);
	free(h);
	return NULL;
}

/* From a row alone, whose sketch is gone: never less than it was, and near it at the points that are known. */
static void sketch_from_slot(struct sketch *s, const struct history_slot *slot, uint64_t weight)
{
	memset(s, 0, sizeof(*s));
	sketch_add(s, slot->p50, (uint32_t)(weight * 50 / 100));
	sketch_add(s, slot->p95, (uint32_t)(weight * 45 / 100));
	sketch_add(s, slot->p99, (uint32_t)(weight * 4 / 100));
	sketch_add(s, slot->peak, (uint32_t)(weight / 100));
}

void history_run_resume(struct history_run *run, struct history_slot *slot, const struct sketch *sketch)
{
	run->slot = slot;
	/* how long it was watched isn't in the row: once a second, most likely */
	if (sketch)
		run->sketch = *sketch;
	else
		sketch_from_slot(&run->sketch, slot, (uint64_t)slot->samples * 1000);
	run->weight = sketch_weight(&run->sketch);
	run->sum = run->weight * slot->mean;
}

/* The clock has come into another span: a new one, or, when it was set back, one that there is already. */
static void enter(struct history *h, enum history_span span, uint32_t begin)
{
	struct history_ring *ring = &h->ring[span];
	struct history_run *run = &h->run[span];

	for (uint32_t i = ring->n; i-- > 0;) {
		if (history_slot_at(ring, i)->begin != begin)
			continue;
		history_run_resume(run, history_slot_at(ring, i), NULL);
		return;
	}
	memset(run, 0, sizeof(*run));
	run->slot = history_slot_new(ring);
	run->slot->begin = begin;
}

/* What was counted since the look before. Not known is 0; and less than before is a counter that began anew. */
static uint64_t counted(uint64_t now, uint64_t *last)
{
	uint64_t n = now >= *last ? now - *last : now;

	if (now > 0)
		*last = now;
	return now > 0 ? n : 0;
}

static uint32_t clamp32(uint64_t v)
{
	return v < SKETCH_VALUE_MAX ? (uint32_t)v : SKETCH_VALUE_MAX;
}

static void count(struct history_run *run, const struct history_sample *sample, uint32_t msec)
{
	struct history_slot *slot = run->slot;
	uint32_t entries = clamp32(sample->entries);

	sketch_add(&run->sketch, entries, msec);
	run->weight += msec;
	run->sum += (uint64_t)entries * msec;
	slot->samples++;
	slot->limit = clamp32(sample->limit);
	if (slot->peak < entries)
		slot->peak = entries;
	slot->drops += sample->drops;
	slot->early_drops += sample->early_drops;
	slot->refused += sample->refused;
}

/* The time that a look speaks for; where the clock can't tell, as much as the one before. */
static uint32_t weight_msec(const struct history *h, const struct history_sample *sample)
{
	int64_t msec = sample->unix_usec / 1000 - h->last.unix_usec / 1000;

	if (!h->any)
		return WEIGHT_FIRST_MSEC;
	return msec > 0 && msec <= WEIGHT_MAX_MSEC ? (uint32_t)msec : h->msec;
}

int history_add(struct history *h, const struct history_sample *sample, struct ct_err *err)
{
	struct history_sample now = *sample;
	int64_t seconds;
	int r;

	if (now.unix_usec < 0)
		now.unix_usec = 0;
	if (now.unix_usec > SECONDS_MAX * USEC_PER_SEC)
		now.unix_usec = SECONDS_MAX * USEC_PER_SEC;
	seconds = now.unix_usec / USEC_PER_SEC;
	h->msec = weight_msec(h, &now);
	if (!h->any)
		h->last = now;
	h->last.unix_usec = now.unix_usec;
	now.drops = counted(sample->drops, &h->last.drops);
	now.early_drops = counted(sample->early_drops, &h->last.early_drops);
	now.refused = counted(sample->refused, &h->last.refused);
	r = history_file_done(h, 0, err);
	if (h->any && h->run[HISTORY_MINUTE].slot->begin != seconds / 60) {
		refresh_all(h);
		if (r == 0)
			r = history_file_write(h, err);
	}
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++) {
		uint32_t begin = (uint32_t)(seconds / spans[span].seconds);

		if (!h->run[span].slot || h->run[span].slot->begin != begin)
			enter(h, span, begin);
		count(&h->run[span], &now, h->msec);
	}
	h->any = true;
	return r;
}

/*
 * A row counts if all of it is in the time asked for; or a part of it, where no finer rows can tell. One that seems to
 * be from the future is from before the clock was set, so it counts, but a day of that kind would count for years.
 */
static bool in_time(const struct history *h, enum history_span span, const struct history_slot *slot, int64_t now,
		    uint64_t seconds)
{
	int64_t begin = (int64_t)slot->begin * spans[span].seconds, from = now - (int64_t)seconds;
	bool finest =
		span == HISTORY_MINUTE || seconds > (uint64_t)h->ring[span - 1].capacity * spans[span - 1].seconds;

	if (span == HISTORY_DAY && begin > now)
		return false;
	return finest ? begin + spans[span].seconds > from : begin >= from;
}

static uint64_t look_for_peak(const struct history *h, int64_t now, uint64_t seconds)
{
	uint64_t peak = 0;

	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++) {
		for (uint32_t i = 0; i < h->ring[span].n; i++) {
			const struct history_slot *slot = history_slot_at(&h->ring[span], i);

			if (slot->peak > peak && in_time(h, span, slot, now, seconds))
				peak = slot->peak;
		}
	}
	return peak;
}

uint64_t history_peak(struct history *h, int64_t now, uint64_t seconds)
{
	const struct history_slot *running = h->run[HISTORY_MINUTE].slot;

	if (seconds > (uint64_t)SECONDS_MAX)
		seconds = SECONDS_MAX;
	/* asked for at every look, and only a new minute takes anything away */
	if (h->asked.minute != now / 60 || h->asked.seconds != seconds) {
		h->asked.minute = now / 60;
		h->asked.seconds = seconds;
		h->asked.peak = look_for_peak(h, now, seconds);
	}
	if (h->any && running->peak > h->asked.peak)
		h->asked.peak = running->peak;
	return h->asked.peak;
}

static struct history_row row_of(enum history_span span, const struct history_slot *slot)
{
	return (struct history_row){
		.begin = (int64_t)slot->begin * spans[span].seconds,
		.samples = slot->samples,
		.peak = slot->peak,
		.mean = slot->mean,
		.p50 = slot->p50,
		.p95 = slot->p95,
		.p99 = slot->p99,
		.limit = slot->limit,
		.drops = slot->drops,
		.early_drops = slot->early_drops,
		.refused = slot->refused,
	};
}

int history_rows(struct history *h, enum history_span span, int64_t since, struct history_row *ret, size_t n,
		 struct ct_err *err)
{
	const struct history_ring *ring;
	size_t found = 0, at;

	if ((unsigned)span >= HISTORY_SPAN__COUNT) {
		if (err)
			*err = (struct ct_err){ .code = -EINVAL, .msg = "no such span of time" };
		return -EINVAL;
	}
	ring = &h->ring[span];
	refresh_all(h);
	for (uint32_t i = 0; i < ring->n; i++) {
		struct history_row row = row_of(span, history_slot_at(ring, i));

		if (row.begin < since)
			continue;
		/* as they were made they are in order, but for a clock that was set */
		for (at = found; at > 0 && ret[at - 1].begin > row.begin; at--)
			if (at < n)
				ret[at] = ret[at - 1];
		if (at < n)
			ret[at] = row;
		found += found < n;
	}
	return (int)found;
}
