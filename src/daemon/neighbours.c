/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fullest of the other namespaces, read at each look; and when to look for another one. */
#include "config.h"
#include "neighbours.h"

#include <math.h>

/*
 * An entry takes 256 bytes of slab, with its extensions 384 (kernels from 5.19; older ones more). Entries that we see are
 * taken for dear and those that we don't for cheap: an alarm too many costs a survey.
 */
#define SEEN_BYTES 384
#define UNSEEN_BYTES 256

/* The kernel adds up its counters of memory now and then only, so that less than that is chance. */
#define OF_NOTE_LEAST 8192

/* Share of the limit that is worth being watched, and to be looked for. */
#define WATCH_SHARE 8
#define SMOKE_SHARE 16

bool neighbours_smoke(struct neighbours_smoke *s, uint64_t slab, uint64_t entries, uint64_t of_note)
{
	if (!s->known || slab < s->slab) {
		*s = (struct neighbours_smoke){ .known = true, .slab = slab, .entries = entries, .most = entries };
		return false;
	}
	if (entries > s->most)
		s->most = entries;
	return slab - s->slab > (s->most - s->entries) * SEEN_BYTES + of_note * UNSEEN_BYTES;
}

static uint64_t more(struct ct_u64 before, struct ct_u64 now)
{
	return before.known && now.known && now.v > before.v ? now.v - before.v : 0;
}

static uint64_t newcomers_since(const struct neighbours_crowd *c, uint64_t entries, uint64_t evicted)
{
	uint64_t n = 0;

	if (c->usec && entries > c->entries)
		n += entries - c->entries;
	if (c->usec && evicted > c->evicted)
		n += evicted - c->evicted;
	return n;
}

/*
 * Fewer packets than newcomers can't be: then they are counted late, or somewhere else. Each way of counting may miss some,
 * so the higher number is believed.
 */
void neighbours_crowd(struct neighbours_crowd *c, uint64_t now_usec, uint64_t entries, uint64_t evicted,
		      const struct ct_netns_packets *packets)
{
	uint64_t ip = more(c->packets.ip, packets->ip), devices = more(c->packets.devices, packets->devices);
	double came = (double)(ip > devices ? ip : devices), newcomers, unreplied;

	newcomers = (double)newcomers_since(c, entries, evicted);
	unreplied = newcomers >= NEIGHBOURS_NEWCOMERS && came >= 0.9 * newcomers ? fmin(2 - came / newcomers, 1) : 0;
	if (c->said_usec && (now_usec < c->said_usec || now_usec - c->said_usec >= NEIGHBOURS_SAID_USEC))
		c->said_usec = 0;
	if (unreplied >= NEIGHBOURS_SHARE && (c->said_usec == 0 || unreplied >= c->unreplied)) {
		c->unreplied = unreplied;
		c->said_usec = now_usec;
	}
	c->usec = now_usec;
	c->entries = entries;
	c->evicted = evicted;
	c->packets = *packets;
}

void neighbours_init(struct neighbours *n, struct ct_fs *fs)
{
	*n = (struct neighbours){ .fs = fs, .credit_usec = NEIGHBOURS_CREDIT_USEC };
}

/* What it counted stays counted. */
static void let_go(struct neighbours *n)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		n->counted[i] = neighbours_counted(n, i);
	n->watched = ct_stats_free(n->watched);
	n->sample = (struct ct_sample){ .entries = { .known = false } };
	n->crowd = (struct neighbours_crowd){ .usec = 0 };
	n->inode = n->at_survey = 0;
}

void neighbours_done(struct neighbours *n)
{
	let_go(n);
}

void neighbours_forget(struct neighbours *n)
{
	let_go(n);
	n->survey = (struct ct_netns_survey){ .namespaces = 0 };
	n->smoke = (struct neighbours_smoke){ .known = false };
	n->due = n->found = false;
}

struct ct_u64 neighbours_entries(const struct neighbours *n)
{
	return n->sample.entries;
}

bool neighbours_unreplied(const struct neighbours *n, double *share)
{
	*share = n->crowd.unreplied;
	return n->crowd.said_usec != 0;
}

struct ct_u64 neighbours_all_entries(const struct neighbours *n, struct ct_u64 own)
{
	const struct ct_netns_survey *s = &n->survey;
	uint64_t known = s->own_entries + n->at_survey;

	if (!own.known)
		return own;
	own.v += n->sample.entries.v;
	if (s->all_entries.known && s->all_entries.v > known)
		own.v += s->all_entries.v - known;
	return own;
}

uint64_t neighbours_counted(const struct neighbours *n, enum ct_counter counter)
{
	const struct ct_u64 *now = &n->sample.counter[counter];

	return n->counted[counter] + (now->known ? now->v - n->first[counter] : 0);
}

/* Returns 0; a negative errno if it is gone, or can't be read. */
static int take_sample(struct neighbours *n)
{
	int r = ct_stats_sample(n->watched, &n->sample, NULL);

	if (r == 0)
		n->survey.worst_entries = n->sample.entries;
	return r;
}

/* Its entries go with it, if not at once. */
static void mourn(struct neighbours *n)
{
	n->survey.worst_entries.known = false;
	if (n->survey.all_entries.v >= n->at_survey)
		n->survey.all_entries.v -= n->at_survey;
	let_go(n);
	n->due = true;
}

/* Packets after entries, so that each entry's are in it. */
static void count_crowd(struct neighbours *n, uint64_t now)
{
	uint64_t entries = n->sample.entries.v, evicted = n->sample.counter[CT_COUNTER_EARLY_DROP].v;
	struct ct_netns_packets packets = { .ip = { .known = false } };

	if (n->crowd.usec && now >= n->crowd.usec && now - n->crowd.usec < NEIGHBOURS_CROWD_USEC)
		return;
	/* while few come it doesn't matter who */
	if (n->crowd.usec == 0 || newcomers_since(&n->crowd, entries, evicted) >= NEIGHBOURS_NEWCOMERS)
		ct_netns_packets(n->fs, n->survey.worst_pid, &packets);
	neighbours_crowd(&n->crowd, now, entries, evicted, &packets);
}

static void watch(struct neighbours *n, const struct neighbours_look *look)
{
	let_go(n);
	if (ct_stats_new_netns(&n->watched, n->fs, look->kernel, look->cpus, n->survey.worst_pid, NULL) < 0)
		return;
	n->inode = n->survey.worst_inode;
	n->at_survey = n->survey.worst_entries.v;
	if (take_sample(n) < 0) {
		let_go(n);
		return;
	}
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		n->first[i] = n->sample.counter[i].v;
	count_crowd(n, look->now_usec);
}

/* Many for the limit, or more than we have and not just a few. */
static bool is_of_note(const struct neighbours_look *look, uint64_t entries, uint64_t share)
{
	uint64_t least = look->limit.known && look->limit.v ? look->limit.v / share : OF_NOTE_LEAST;

	return entries > least || (look->entries.known && entries > look->entries.v && entries > least / 8);
}

static int survey(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err)
{
	int r = ct_netns_survey(n->fs, NEIGHBOURS_PROCESSES, &n->survey, err);

	n->survey_usec = look->now_usec;
	n->due = false;
	n->smoke = (struct neighbours_smoke){ .known = false };
	if (r < 0)
		return r;
	if (n->watched && n->inode == n->survey.worst_inode)
		n->at_survey = n->survey.worst_entries.v;
	else if (n->survey.worst_entries.known && is_of_note(look, n->survey.worst_entries.v, WATCH_SHARE))
		watch(n, look);
	else
		let_go(n);
	return 0;
}

int neighbours_survey(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err)
{
	return survey(n, look, err);
}

static void earn(struct neighbours *n, uint64_t now)
{
	uint64_t usec = now > n->credit_at_usec ? now - n->credit_at_usec : 0;

	/* what is worth less than a microsecond is earned the next time */
	if (usec < NEIGHBOURS_CREDIT_SHARE && now > n->credit_at_usec)
		return;
	n->credit_at_usec = now;
	usec /= NEIGHBOURS_CREDIT_SHARE;
	n->credit_usec = usec > NEIGHBOURS_CREDIT_USEC ? NEIGHBOURS_CREDIT_USEC : n->credit_usec + (int64_t)usec;
	if (n->credit_usec > NEIGHBOURS_CREDIT_USEC)
		n->credit_usec = NEIGHBOURS_CREDIT_USEC;
}

static bool smells(struct neighbours *n, const struct neighbours_look *look)
{
	struct ct_u64 all = neighbours_all_entries(n, look->entries);
	uint64_t of_note = look->limit.known ? look->limit.v / SMOKE_SHARE : 0;

	if (!look->slab.known || !all.known)
		return false;
	return neighbours_smoke(&n->smoke, look->slab.v, all.v, of_note > OF_NOTE_LEAST ? of_note : OF_NOTE_LEAST);
}

static int go_and_see(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err)
{
	uint64_t inode = n->inode;
	int r;

	if (n->credit_usec <= 0 || look->now_usec < n->survey_usec + NEIGHBOURS_PAUSE_USEC)
		return 0;
	r = survey(n, look, err);
	n->credit_usec -= (int64_t)n->survey.processes * NEIGHBOURS_PROCESS_USEC;
	n->found = n->watched && n->inode != inode;
	return r;
}

int neighbours_look(struct neighbours *n, const struct neighbours_look *look, struct ct_err *err)
{
	n->found = false;
	earn(n, look->now_usec);
	if (n->watched && take_sample(n) < 0)
		mourn(n);
	else if (n->watched)
		count_crowd(n, look->now_usec);
	/* half of what made it worth watching, so that it doesn't come and go */
	if (n->watched && !is_of_note(look, n->sample.entries.v, 2 * WATCH_SHARE))
		let_go(n);
	if (!smells(n, look) && !n->due)
		return 0;
	return go_and_see(n, look, err);
}
