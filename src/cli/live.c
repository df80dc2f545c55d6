/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters, rates, namespaces and the cause, for one look or many. */
#include "config.h"
#include "cli.h"
#include "live.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Namespaces shown to people; JSON has them all. */
#define SHOWN_MAX 10

/* What people should see even while it is 0; the others once they were counted. */
static const enum ct_counter watched[] = {
	CT_COUNTER_DROP, CT_COUNTER_EARLY_DROP, CT_COUNTER_INSERT_FAILED, CT_COUNTER_CHAIN_TOO_LONG,
	CT_COUNTER_CLASH_RESOLVE, CT_COUNTER_INVALID,
};

static bool is_watched(enum ct_counter counter)
{
	for (size_t i = 0; i < cli_array_size(watched); i++)
		if (watched[i] == counter)
			return true;
	return false;
}

static double monotonic(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The module may go and come back while we watch: then counting begins again. */
static int update_counters(struct live *live, struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err)
{
	struct ct_sample sample;
	double at = monotonic();
	int r = 0;

	if (!live->stats)
		r = ct_stats_new(&live->stats, fs, &facts->kernel, facts->cpus, err);
	if (r == 0)
		r = ct_stats_sample(live->stats, &sample, err);
	live->has_rates = r == 0 && live->has_now && !sample.restarted;
	if (r < 0) {
		live->stats = ct_stats_free(live->stats);
		live->has_now = false;
		return r == -ENOMEM ? r : 0;
	}
	live->before = live->now;
	live->seconds = at - live->at;
	live->now = sample;
	live->at = at;
	live->has_now = true;
	return 0;
}

int live_update(struct live *live, struct ct_fs *fs, const struct ct_facts *facts, struct ct_err *err)
{
	int r;

	live->netns = ct_netns_free(live->netns);
	live->entries_before = live->symptoms.entries;
	live->tracking = facts->presence != CT_PRESENCE_ABSENT;
	if (!live->tracking) {
		live_done(live);
		return 0;
	}
	r = update_counters(live, fs, facts, err);
	if (r == 0)
		r = ct_netns_collect(fs, &live->netns, err);
	if (r == 0)
		r = ct_symptoms_init(&live->symptoms, facts, live->has_rates ? &live->before : NULL,
				     live->has_now ? &live->now : NULL, live->seconds, live->netns, err);
	if (r == 0)
		ct_cause_find(&live->symptoms, &live->cause);
	/* what was only a failure of one source isn't one of the command */
	if (r == 0)
		*err = (struct ct_err){ 0 };
	return r;
}

void live_done(struct live *live)
{
	(void)ct_stats_free(live->stats);
	(void)ct_netns_free(live->netns);
	*live = (struct live){ .tracking = false };
}

void live_show_cause(const struct live *live, struct out *out)
{
	const struct ct_cause *cause = &live->cause;

	if (!live->tracking)
		return;
	out_text(out, "cause", NULL, cause->name);
	out_text(out, "cause_text", NULL, cause->text);
	if (cause->evidence[0])
		out_text(out, "cause_evidence", NULL, cause->evidence);
	if (cause->remedy[0])
		out_text(out, "cause_remedy", NULL, cause->remedy);
	/* the verdict says the same of these */
	if (strcmp(cause->name, "healthy") == 0 || strcmp(cause->name, "unknown") == 0 ||
	    strcmp(cause->name, "no-limit") == 0)
		return;
	out_line(out, "%s", cause->text);
	out_line(out, "Evidence: %s.", cause->evidence);
	if (cause->remedy[0])
		out_line(out, "Remedy: %s", cause->remedy);
}

static struct ct_rate rate_of(const struct live *live, enum ct_counter counter)
{
	if (!live->has_rates)
		return (struct ct_rate){ .known = false };
	return ct_stats_rate(&live->before, &live->now, counter, live->seconds);
}

static struct ct_rate rate_of_entries(const struct live *live)
{
	if (!live->has_rates || !live->entries_before.known || live->seconds <= 0)
		return (struct ct_rate){ .known = false };
	return (struct ct_rate){
		.known = live->symptoms.entries.known,
		.v = ((double)live->symptoms.entries.v - (double)live->entries_before.v) / live->seconds,
	};
}

static void show_rates(const struct live *live, struct out *out)
{
	struct ct_rate rate = rate_of_entries(live);

	if (!live->has_rates)
		return;
	out_begin(out, OUT_OBJECT, "rates", NULL);
	out_real(out, "seconds", NULL, OUT_PLAIN, live->seconds);
	if (rate.known)
		out_real(out, "entries", NULL, OUT_PLAIN, rate.v);
	for (int i = 0; i < CT_COUNTER__COUNT; i++) {
		rate = rate_of(live, (enum ct_counter)i);
		if (rate.known)
			out_real(out, ct_counter_name((enum ct_counter)i), NULL, OUT_PLAIN, rate.v);
	}
	out_end(out);
}

static void show_row(const struct live *live, struct out *out, enum ct_counter counter)
{
	struct ct_u64 total = live->now.counter[counter];
	struct ct_rate rate = rate_of(live, counter);

	if (!total.known || (!total.v && !is_watched(counter)))
		return;
	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, NULL, "counter", ct_counter_name(counter));
	out_u64(out, NULL, "in all", OUT_PLAIN, total.v);
	if (rate.known)
		out_real(out, NULL, "a second", OUT_RATIO, rate.v);
	out_end(out);
}

void live_show_counters(const struct live *live, struct out *out)
{
	if (!live->has_now || live->now.source == CT_STATS_COUNT)
		return;
	out_text(out, "counters_source", NULL, ct_stats_source_name(live->now.source));
	out_begin(out, OUT_OBJECT, "counters", NULL);
	for (int i = 0; i < CT_COUNTER__COUNT; i++)
		out_known(out, ct_counter_name((enum ct_counter)i), NULL, OUT_PLAIN, live->now.counter[i]);
	out_end(out);
	show_rates(live, out);
	out_begin(out, OUT_TABLE, NULL, "Counted in this network namespace");
	for (int i = 0; i < CT_COUNTER__COUNT; i++)
		show_row(live, out, (enum ct_counter)i);
	out_end(out);
}

static void show_namespace_row(struct out *out, const struct ct_netns *netns)
{
	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, NULL, "name", netns->name[0] ? netns->name : netns->own ? "(this one)" : "");
	out_u64(out, NULL, "inode", OUT_PLAIN, netns->inode);
	out_known(out, NULL, "entries", OUT_PLAIN, netns->entries);
	out_end(out);
}

void live_show_namespaces(const struct live *live, struct out *out)
{
	const struct ct_netns *netns;
	size_t n;

	if (!live->netns)
		return;
	n = ct_netns_count(live->netns);
	out_begin(out, OUT_LIST, "namespaces", NULL);
	for (size_t i = 0; (netns = ct_netns_at(live->netns, i)); i++) {
		out_begin(out, OUT_OBJECT, NULL, NULL);
		out_text(out, "name", NULL, netns->name);
		out_u64(out, "inode", NULL, OUT_PLAIN, netns->inode);
		out_known(out, "entries", NULL, OUT_PLAIN, netns->entries);
		out_end(out);
	}
	out_end(out);
	if (n < 2)
		return;
	out_begin(out, OUT_TABLE, NULL, "Network namespaces");
	for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
		show_namespace_row(out, ct_netns_at(live->netns, i));
	if (n > SHOWN_MAX)
		out_line(out, "... and %zu with fewer entries, or whose entries only root may see.", n - SHOWN_MAX);
	out_end(out);
}

void live_line(const struct live *live, FILE *f)
{
	struct ct_rate rate = rate_of_entries(live);
	const struct ct_symptoms *s = &live->symptoms;
	time_t now = time(NULL);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(f, "%s", when);
	if (s->entries.known)
		fprintf(f, "  entries %" PRIu64, s->entries.v);
	if (rate.known)
		fprintf(f, " %+.1f/s", rate.v);
	if (s->limit.known)
		fprintf(f, "  limit %" PRIu64, s->limit.v);
	for (size_t i = 0; i < cli_array_size(watched); i++) {
		rate = rate_of(live, watched[i]);
		if (rate.known)
			fprintf(f, "  %s %.1f/s", ct_counter_name(watched[i]), rate.v);
	}
	fprintf(f, "  cause %s", live->tracking ? live->cause.name : "absent");
}
