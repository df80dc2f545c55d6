/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of verdicts, worst first. Pure. */
#include "config.h"
#include "cli.h"
#include "verdict.h"

/* From here on early_drop and the garbage collector begin to matter; at 95 % the kernel reaps on its own. */
#define FILLING 0.8

/* One new connection in a thousand is what users begin to notice. */
#define REFUSED 1e-3

/* Longer mean chains cost a look-up more than the entry itself; kernels' own defaults go up to 8 from 2.6.23 on. */
#define LOAD_MAX 8

static bool is_absent(const struct cli_health *h)
{
	return h->presence == CT_PRESENCE_ABSENT && !h->limit.known;
}

static bool is_unknown(const struct cli_health *h)
{
	return !h->limit.known || !h->entries.known;
}

static bool is_unlimited(const struct cli_health *h)
{
	return h->limit.v == 0;
}

static bool is_full(const struct cli_health *h)
{
	return h->entries.v >= h->limit.v;
}

static bool refuses(const struct cli_health *h)
{
	return h->p_refused >= REFUSED;
}

static bool is_filling(const struct cli_health *h)
{
	return (double)h->entries.v >= FILLING * (double)h->limit.v;
}

static bool would_refuse(const struct cli_health *h)
{
	return h->p_refused_full >= REFUSED;
}

static bool has_few_buckets(const struct cli_health *h)
{
	return h->load_full > LOAD_MAX;
}

static bool always(const struct cli_health *h)
{
	(void)h;
	return true;
}

static const struct {
	bool (*holds)(const struct cli_health *h);
	struct cli_verdict verdict;
} table[] = {
	{ .holds = is_absent, .verdict = { .name = "absent", .healthy = true,
		.text = "No connection tracking here: the module isn't loaded." } },
	{ .holds = is_unknown, .verdict = { .name = "unknown",
		.text = "Limit or number of entries can't be read, so nothing can be said." } },
	{ .holds = is_unlimited, .verdict = { .name = "no-limit",
		.text = "No limit is set: the table may grow until memory is used up." } },
	{ .holds = is_full, .verdict = { .name = "full",
		.text = "Full: new connections are dropped, or push out others that were not answered yet." } },
	{ .holds = refuses, .verdict = { .name = "refusing",
		.text = "Chains are so long that the kernel refuses new connections before the table is full." } },
	{ .holds = is_filling, .verdict = { .name = "filling",
		.text = "Filling up: more than 80 % of the limit is in use." } },
	{ .holds = would_refuse, .verdict = { .name = "chain-limit",
		.text = "Fine now, but the kernel's chain limit will refuse new connections before the table is "
			"full." } },
	{ .holds = has_few_buckets, .verdict = { .name = "few-buckets",
		.text = "Fine now, but there are few buckets for this limit: look-ups will be slow when the "
			"table fills." } },
	{ .holds = always, .verdict = { .name = "healthy", .healthy = true,
		.text = "Healthy: there is room, and chains stay short even when the table is full." } },
};

const struct cli_verdict *cli_verdict(const struct cli_health *health)
{
	size_t i = 0;

	while (!table[i].holds(health))
		i++;
	return &table[i].verdict;
}
