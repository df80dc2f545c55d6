/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up snapshots: a healthy one, and what each other situation changes in it. */
#include "config.h"
#include "situations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <conntune/chain.h>

#define LENGTHS 256

#define KNOWN(number) ((struct ct_u64){ .known = true, .v = (number) })
#define REAL(number) ((struct ct_real){ .known = true, .v = (number) })
#define PUT(text, words) ((void)snprintf(text, sizeof(text), "%s", words))

enum { ABSENT, BLIND, HELD, REST, GROWTH, FLOOD, CEILING, MEMORY, STATES };
static const char *const states[STATES] = {
	"absent", "blind", "held", "rest", "growth", "flood", "ceiling", "memory",
};

static const char *const reasons[] = {
	"start",       "reload", "forecast", "demand", "chains",      "foreign-write",
	"less-memory", "shrink", "pressure", "relief", "unconfirmed",
};

static void set_histogram(struct ct_snapshot_histogram *h, const double *bounds, size_t n)
{
	h->n = (uint32_t)n;
	(void)memcpy(h->bound, bounds, n * sizeof(*bounds));
}

static void put_daemon(struct ct_snapshot *s)
{
	static const double looks[] = { 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 100e-3, 1 };
	static const double stalls[] = { 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3, 200e-3, 500e-3, 1, 2, 5 };

	PUT(s->version, "1.0");
	PUT(s->kernel, "6.1.0-42-amd64");
	PUT(s->mode, "tune");
	PUT(s->source, "netlink");
	s->fresh_usec = 10000000;
	s->started_unix_usec = s->unix_usec - INT64_C(86400000000);
	s->pid = 812;
	s->states = STATES;
	s->state = REST;
	for (size_t i = 0; i < STATES; i++)
		PUT(s->state_name[i], states[i]);
	s->state_seconds = 3600;
	for (; s->reasons < sizeof(reasons) / sizeof(reasons[0]); s->reasons++)
		PUT(s->reason_count[s->reasons].name, reasons[s->reasons]);
	PUT(s->reason, "none");
	PUT(s->reason_text, "Nothing is to be done.");
	set_histogram(&s->look_seconds, looks, sizeof(looks) / sizeof(looks[0]));
	set_histogram(&s->stall_seconds, stalls, sizeof(stalls) / sizeof(stalls[0]));
	for (int i = 0; i < 1000; i++)
		ct_snapshot_count(&s->look_seconds, 120e-6 + i * 0.7e-6);
	ct_snapshot_count(&s->stall_seconds, 0.0028);
	s->looks = 86400;
	s->failed_looks = 2;
	s->cpu_usec = 22300000;
	s->resident_bytes = KNOWN(2475 << 10);
	s->descriptors = KNOWN(24);
}

static void put_peaks(struct ct_snapshot *s)
{
	uint64_t entries = s->entries.v, wave;

	for (size_t i = 0; i < CT_SNAPSHOT_PEAKS; i++)
		s->second_peak[i] = UINT32_MAX;
	s->peak_second = s->boot_usec / 1000000;
	for (uint64_t i = 0; i < CT_SNAPSHOT_PEAKS && i <= s->peak_second; i++) {
		wave = i % 60 < 30 ? i % 60 : 60 - i % 60;
		s->second_peak[(s->peak_second - i) % CT_SNAPSHOT_PEAKS] = (uint32_t)(entries + entries * wave / 300);
	}
	s->peak = KNOWN(entries + entries / 4);
}

static void put_sizes(struct ct_snapshot *s, uint64_t entries, uint64_t all, uint64_t limit, uint64_t buckets)
{
	s->present = true;
	s->entries = s->own_entries = KNOWN(entries);
	s->all_entries = KNOWN(all);
	s->limit = KNOWN(limit);
	s->buckets = KNOWN(buckets);
	s->table_bytes = KNOWN(buckets * 8 + all * 384);
	s->full_bytes = KNOWN(buckets * 8 + limit * 384);
	put_peaks(s);
}

static void put_counters(struct ct_snapshot *s)
{
	static const struct {
		enum ct_counter counter;
		uint64_t v;
	} own[] = {
		{ CT_COUNTER_DROP, 0 },           { CT_COUNTER_EARLY_DROP, 0 },    { CT_COUNTER_INSERT_FAILED, 17 },
		{ CT_COUNTER_CHAIN_TOO_LONG, 0 }, { CT_COUNTER_CLASH_RESOLVE, 3 }, { CT_COUNTER_SEARCH_RESTART, 4411 },
		{ CT_COUNTER_INVALID, 90210 },    { CT_COUNTER_ERROR, 12 },        { CT_COUNTER_FOUND, 5 },
		{ CT_COUNTER_INSERT, 0 },         { CT_COUNTER_EXPECT_NEW, 2 },    { CT_COUNTER_EXPECT_CREATE, 2 },
		{ CT_COUNTER_EXPECT_DELETE, 1 },
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		s->own_counter[own[i].counter] = KNOWN(own[i].v);
}

static void put_values(struct ct_snapshot *s)
{
	static const struct ct_kver kernel = { 6, 1, 159 };

	for (unsigned i = 0; i < CT_PARAM__COUNT; i++) {
		const struct ct_param *p = ct_param_get(i);

		if (ct_param_exists(p, &kernel) && ct_param_default(p, &kernel, &s->value[i].v) == 0)
			s->value[i].known = true;
	}
	s->value[CT_PARAM_LIMIT].known = s->value[CT_PARAM_BUCKETS].known = s->value[CT_PARAM_COUNT].known = true;
	s->value[CT_PARAM_LIMIT].v = (int64_t)s->limit.v;
	s->value[CT_PARAM_BUCKETS].v = (int64_t)s->buckets.v;
	s->value[CT_PARAM_COUNT].v = (int64_t)s->own_entries.v;
	s->value[CT_PARAM_EXPECT_MAX].known = true;
	s->value[CT_PARAM_EXPECT_MAX].v = 1024;
}

static void put_namespace(struct ct_snapshot *s, uint64_t inode, uint64_t entries, int32_t pid, bool own,
			  const char *name)
{
	struct ct_netns_top *top = &s->top[s->tops++];

	*top = (struct ct_netns_top){ .inode = inode, .entries = entries, .pid = pid, .own = own };
	PUT(top->name, name);
}

static void put_cause(struct ct_snapshot *s, bool healthy, const char *name, const char *text, const char *evidence,
		      const char *remedy)
{
	s->cause.healthy = healthy;
	PUT(s->cause.name, name);
	PUT(s->cause.text, text);
	PUT(s->cause.evidence, evidence);
	PUT(s->cause.remedy, remedy);
}

static struct ct_snapshot_action *put_action(struct ct_snapshot *s, int64_t seconds_ago, const char *action,
					     const char *reason, const char *text, const char *result)
{
	struct ct_snapshot_action *a = &s->action[s->actions++];

	a->unix_usec = s->unix_usec - seconds_ago * 1000000;
	PUT(a->action, action);
	PUT(a->reason, reason);
	PUT(a->text, text);
	PUT(a->result, result);
	return a;
}

/* All of them are there from the start. */
static struct ct_snapshot_reason *find_reason(struct ct_snapshot *s, const char *name)
{
	uint32_t i = 0;

	while (strcmp(s->reason_count[i].name, name) != 0)
		i++;
	return &s->reason_count[i];
}

static void put_start(struct ct_snapshot *s)
{
	struct ct_snapshot_action *a =
		put_action(s, 86399, "set", "start",
			   "Sizes by the policy; buckets early, while moving the few entries stalls nobody.", "done");

	a->old_limit = KNOWN(262144);
	a->new_limit = s->limit;
	a->old_buckets = KNOWN(262144);
	a->new_buckets = s->buckets;
	a->stall_seconds = REAL(0.0028);
	PUT(a->evidence, "1204 of 262144 entries");
	find_reason(s, "start")->done = 1;
}

static void fill_healthy(struct ct_snapshot *s)
{
	put_sizes(s, 24000, 30500, 1048576, 1048576);
	s->expect_entries = KNOWN(1);
	s->unreplied = REAL(0.04);
	s->rate = REAL(1.5);
	s->target_limit = KNOWN(1048576);
	s->target_buckets = KNOWN(1048576);
	s->ceiling = KNOWN(4194304);
	s->chain_limit_min = 50;
	s->chain_limit_max = 79;
	s->ram_bytes = KNOWN(UINT64_C(16) << 30);
	s->available_bytes = KNOWN(UINT64_C(11) << 30);
	s->floor_bytes = KNOWN(UINT64_C(1) << 30);
	s->budget_bytes = KNOWN(UINT64_C(1717986918));
	s->entry_bytes = KNOWN(384);
	put_counters(s);
	put_values(s);
	s->namespaces = 2;
	put_namespace(s, 4026531840, 24000, 1, true, "systemd");
	put_namespace(s, 4026532281, 6500, 4711, false, "dnsmasq");
	for (size_t i = 0; i < CT_COUNTER__COUNT; i++)
		s->watched_counter[i].known = false;
	put_cause(s, true, "healthy", "Nothing is lost, and there is room.", "24000 of 1048576 entries (2 %)", "");
	put_start(s);
}

static void fill_filling(struct ct_snapshot *s)
{
	struct ct_snapshot_action *a;

	put_sizes(s, 900000, 906500, 1048576, 1048576);
	put_values(s);
	s->state = GROWTH;
	s->state_seconds = 40;
	s->rate = REAL(3700);
	s->full_in_seconds = REAL(40.2);
	s->target_limit = KNOWN(2097152);
	s->target_buckets = KNOWN(2097152);
	s->top[0].entries = 900000;
	PUT(s->reason, "forecast");
	PUT(s->reason_text, "The table would be full soon; the limit goes ahead of it.");
	PUT(s->evidence, "900000 of 1048576 entries, +3700/s, full in 40.2 s");
	put_cause(s, false, "filling", "The table is about to be full; nothing is lost yet.",
		  "900000 of 1048576 entries (86 %), grows by 3700/s", "Raise the limit: `conntune apply`.");
	a = put_action(s, 12, "set", "forecast", "The table would be full soon; the limit goes ahead of it.", "done");
	a->old_limit = KNOWN(786432);
	a->new_limit = KNOWN(1048576);
	find_reason(s, "forecast")->done = 3;
}

static void fill_full(struct ct_snapshot *s)
{
	put_sizes(s, 4194304, 4200804, 4194304, 4194304);
	put_values(s);
	s->state = CEILING;
	s->state_seconds = 600;
	s->rate = REAL(0);
	s->full_in_seconds = REAL(0);
	s->unreplied = REAL(0.81);
	s->target_limit = KNOWN(4194304);
	s->target_buckets = KNOWN(4194304);
	s->available_bytes = KNOWN(UINT64_C(2) << 30);
	s->timeouts_scale = REAL(0.25);
	s->top[0].entries = 4194304;
	s->own_counter[CT_COUNTER_DROP] = KNOWN(713094);
	s->own_counter[CT_COUNTER_EARLY_DROP] = KNOWN(337475);
	PUT(s->reason, "pressure");
	PUT(s->reason_text, "The table is so full that entries nobody needs must go earlier.");
	PUT(s->evidence, "4194304 of 4194304 entries, 81 % unanswered, memory budget allows 4194304");
	put_cause(s, false, "ceiling",
		  "Ceiling reached: the table is full, and its limit is what this machine's memory allows.",
		  "4194304 of 4194304 entries (100 %), drop 1220.4/s, memory allows 4194304",
		  "Let idle connections go earlier: lower net.netfilter.nf_conntrack_tcp_timeout_established.");
	put_action(s, 580, "timeouts", "pressure", "The table is so full that entries nobody needs must go earlier.",
		   "done")
		->scale = REAL(0.25);
	find_reason(s, "pressure")->done = 1;
}

static void fill_chain_limit(struct ct_snapshot *s)
{
	put_sizes(s, 500000, 506500, 1048576, 65536);
	put_values(s);
	s->chain_limit_min = 8;
	s->chain_limit_max = 31;
	PUT(s->kernel, "5.15.0-60-generic");
	s->top[0].entries = 500000;
	s->target_buckets = KNOWN(1048576);
	s->own_counter[CT_COUNTER_CHAIN_TOO_LONG] = KNOWN(88123);
	s->own_counter[CT_COUNTER_INSERT_FAILED] = KNOWN(88140);
	s->foreigns = 1;
	PUT(s->foreign[0].name, "nf_conntrack_buckets");
	s->foreign[0].value = 65536;
	s->buckets_foreign_writes = 2;
	put_cause(s, false, "chain-limit",
		  "Chain limit: the kernel refuses new connections because chains are too long, not because the table "
		  "is full.",
		  "mean chain 15.5 in 65536 buckets, chaintoolong 61.0/s",
		  "More buckets; a higher limit would make it worse: `conntune apply`.");
	find_reason(s, "foreign-write")->failed = 1;
	PUT(put_action(s, 300, "set", "foreign-write", "Somebody else wrote a value of ours.", "failed")->error,
	    "nf_conntrack_buckets: somebody else keeps writing it");
}

static void fill_stale(struct ct_snapshot *s)
{
	uint64_t age = 125000000;

	s->boot_usec = s->boot_usec > age ? s->boot_usec - age : 0;
	s->unix_usec -= (int64_t)age;
	put_peaks(s);
}

static void fill_advise(struct ct_snapshot *s)
{
	PUT(s->mode, "advise");
	s->limit = KNOWN(262144);
	s->buckets = KNOWN(262144);
	s->action[0].new_buckets = s->action[0].new_limit = KNOWN(1048576);
	PUT(s->action[0].result, "advised");
	*find_reason(s, "start") = (struct ct_snapshot_reason){ .name = "start", .advised = 1 };
	put_values(s);
}

static void fill_hostile(struct ct_snapshot *s)
{
	static const char *const names[] = {
		"a\"b",        "back\\slash",          "new\nline",          "\xff\xfe\x80",
		"\033[31mred", "</script><img src=x>", "caf\xc3\xa9 & 'co'", "{}=,#\t\\n\\",
	};

	s->tops = 0;
	s->namespaces = 4000000000;
	for (size_t i = 0; i < CT_NETNS_TOP; i++)
		put_namespace(s, UINT64_MAX - i, UINT64_MAX / 4 - i, -5, i == 1, names[i]);
	PUT(s->kernel, "6.1\"}\n# EOF\nevil 1\n\033]0;x\007\\");
	PUT(s->version, "1.0\n\"\\");
	PUT(s->cause.name, "<b>\"\n");
	PUT(s->cause.text, "<script>alert('1')</script>\n\033[2J\xff & \"more\"");
	PUT(s->cause.evidence, "<svg onload=x>\\u0000");
	s->cause.healthy = false;
	PUT(s->action[0].text, "<!-- \" ' & -->\x01");
	PUT(s->reason_count[0].name, "x\"\n\\");
	s->foreigns = 1;
	PUT(s->foreign[0].name, "nf_conntrack_\"\n<i>");
	s->entries = s->own_entries = s->all_entries = KNOWN(UINT64_MAX);
	s->buckets = KNOWN(1);
	s->limit = KNOWN(UINT64_MAX);
	s->rate = REAL(-1e308 * 10);
	s->unreplied = REAL(-0.0 / 0.0);
	s->own_counter[CT_COUNTER_DROP] = KNOWN(UINT64_MAX);
}

/* Nothing of the table is known; conntuned waits for it. */
static void fill_empty(struct ct_snapshot *s)
{
	struct ct_snapshot bare = { .boot_usec = s->boot_usec, .unix_usec = s->unix_usec };

	*s = bare;
	put_daemon(s);
	s->state = ABSENT;
	PUT(s->source, "");
	for (size_t i = 0; i < CT_SNAPSHOT_PEAKS; i++)
		s->second_peak[i] = UINT32_MAX;
	s->peak_second = s->boot_usec / 1000000;
	s->ram_bytes = KNOWN(UINT64_C(16) << 30);
	s->available_bytes = KNOWN(UINT64_C(14) << 30);
	s->namespaces = 1;
}

static const struct {
	const char *name, *text;
	void (*fill)(struct ct_snapshot *s);
} situations[] = {
	{ "healthy", "24,000 of 1,048,576 entries, two namespaces", NULL },
	{ "filling", "86 % full, full in 40 s, conntuned raises the limit", fill_filling },
	{ "full", "full at the ceiling, packets are dropped, time-outs are shortened", fill_full },
	{ "chain-limit", "half full, but the kernel refuses because chains are long; buckets are left to others",
	  fill_chain_limit },
	{ "stale", "healthy, but two minutes old", fill_stale },
	{ "advise", "healthy, mode advise: a start that was only advised", fill_advise },
	{ "hostile", "names and numbers that mean harm", fill_hostile },
	{ "empty", "no connection tracking on this machine", fill_empty },
};

#define SITUATIONS (sizeof(situations) / sizeof(situations[0]))

const char *situation_name(size_t i)
{
	return i < SITUATIONS ? situations[i].name : NULL;
}

const char *situation_text(size_t i)
{
	return i < SITUATIONS ? situations[i].text : NULL;
}

bool situation_fill(struct ct_snapshot *s, const char *name, uint64_t boot_usec, int64_t unix_usec)
{
	size_t i = 0;

	while (i < SITUATIONS && strcmp(situations[i].name, name) != 0)
		i++;
	if (i == SITUATIONS)
		return false;
	(void)memset(s, 0, sizeof(*s));
	s->boot_usec = boot_usec;
	s->unix_usec = unix_usec;
	put_daemon(s);
	fill_healthy(s);
	if (situations[i].fill)
		situations[i].fill(s);
	return true;
}

/* From half of the present entries up to them, by the time of day; drops of the last half hour where there are any now.
 */
static void put_row(struct ct_recent_row *row, const struct ct_snapshot *s, int64_t begin, uint32_t i, uint32_t n,
		    bool late)
{
	uint64_t entries = s->entries.known && s->entries.v < UINT32_MAX ? s->entries.v : 0;
	uint64_t peak = entries / 2 + entries / 2 * (i + 1) / n;

	row->begin = begin;
	row->peak = (uint32_t)peak;
	row->mean = (uint32_t)(peak - peak / 8);
	row->p95 = (uint32_t)(peak - peak / 50);
	row->limit = s->limit.known && s->limit.v < UINT32_MAX ? (uint32_t)s->limit.v : 0;
	row->drops = late ? s->own_counter[CT_COUNTER_DROP].v / 30 : 0;
	row->early_drops = late ? s->own_counter[CT_COUNTER_EARLY_DROP].v / 30 : 0;
	row->refused = late ? s->own_counter[CT_COUNTER_CHAIN_TOO_LONG].v / 30 : 0;
}

void situation_fill_recent(struct ct_recent *recent, const struct ct_snapshot *s)
{
	int64_t now = s->unix_usec / 1000000, minute = now - now % 60, hour = now - now % 3600;

	(void)memset(recent, 0, sizeof(*recent));
	recent->unix_usec = s->unix_usec;
	if (!s->present)
		return;
	recent->minutes = CT_RECENT_MINUTES;
	recent->hours = CT_RECENT_HOURS;
	for (uint32_t i = 0; i < recent->minutes; i++)
		put_row(&recent->minute[i], s, minute - 60 * (int64_t)(recent->minutes - 1 - i), i, recent->minutes,
			i + 30 >= recent->minutes);
	for (uint32_t i = 0; i < recent->hours; i++)
		put_row(&recent->hour[i], s, hour - 3600 * (int64_t)(recent->hours - 1 - i), i, recent->hours,
			i + 1 == recent->hours);
}

/* As the kernel's hash would spread them, and one chain that is longer: somebody chose addresses. */
char *situation_chains(const struct ct_snapshot *s)
{
	double expected[LENGTHS];
	uint64_t nodes = 2 * s->all_entries.v, buckets = s->buckets.v;
	unsigned longest = LENGTHS - 1;
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	if (!f)
		return NULL;
	ct_chain_histogram(ct_chain_load(s->all_entries.v, buckets), buckets, expected, LENGTHS);
	while (longest > 1 && expected[longest] < 0.5)
		longest--;
	(void)fprintf(f,
		      "{\"buckets\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"nodes\":%" PRIu64
		      ",\"nodes_source\":\"exact\",\"exact\":{\"mean\":%.6g,\"longest\":%u,\"histogram\":[",
		      buckets, s->own_entries.v, nodes, (double)nodes / (double)(buckets ? buckets : 1), longest + 3);
	for (unsigned i = 0; i <= longest; i++)
		(void)fprintf(f, "%s%.0f", i ? "," : "", expected[i]);
	(void)fprintf(f, ",0,0,1]}}\n");
	return fclose(f) == 0 ? text : NULL;
}

char *situation_census(const struct ct_snapshot *s)
{
	static const struct {
		const char *protocol, *state;
		unsigned percent;
	} groups[] = {
		{ "tcp", "ESTABLISHED", 52 }, { "udp", NULL, 21 },      { "tcp", "TIME_WAIT", 15 },
		{ "tcp", "SYN_SENT", 7 },     { "tcp", "FIN_WAIT", 3 }, { "icmp", NULL, 2 },
	};
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	if (!f)
		return NULL;
	(void)fprintf(f, "{\"source\":\"kernel\",\"total\":%" PRIu64 ",\"by\":[\"protocol\",\"state\"],\"groups\":[",
		      s->own_entries.v);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		(void)fprintf(f, "%s{\"key\":{\"protocol\":\"%s\"", i ? "," : "", groups[i].protocol);
		if (groups[i].state)
			(void)fprintf(f, ",\"state\":\"%s\"", groups[i].state);
		(void)fprintf(f, "},\"entries\":%" PRIu64 ",\"error\":0}", s->own_entries.v / 100 * groups[i].percent);
	}
	(void)fprintf(f, "]}\n");
	return fclose(f) == 0 ? text : NULL;
}
