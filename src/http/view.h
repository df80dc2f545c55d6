/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that an answer is made of, as plain data: metrics, page and API are pure functions of it. */
#ifndef CONNTUNED_HTTP_VIEW_H
#define CONNTUNED_HTTP_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/snapshot.h>
#include "text.h"

/* Paths that are told apart when requests are counted, by the order of the table in site.c; the last one is all others. */
#define VIEW_PATHS 8

/**
 * struct view_self - conntuned-http about itself; counters since its start
 * @accepted, @refused, @evicted, @late: connections; refused: no place was left, evicted: gave its place to another,
 *               late: closed at its deadline
 * @open:        now
 * @requests:    by path, and by class of the status code: answered 2xx, 4xx, 5xx
 * @scrape_seconds: how long making an answer for /metrics took, from the request to its hand-over
 */
struct view_self {
	double started_unix;
	double cpu_seconds;
	struct ct_u64 resident_bytes, descriptors;
	uint32_t open;
	uint64_t accepted, refused, evicted, late;
	struct {
		const char *path;
		uint64_t ok, client, server;
	} requests[VIEW_PATHS];
	uint64_t auth_failures;
	struct ct_snapshot_histogram scrape_seconds;
};

/* Most chain lengths that are told by number of buckets, and most groups of a census. */
#define VIEW_CHAINS 64
#define VIEW_GROUPS 32

/**
 * struct view_observed - what conntune-observe.service has left, where it is used
 * @chains_known:  @lengths lengths; buckets_of[i] buckets of exactly i nodes, the last of that and more
 * @census_known:  entries by protocol and state, the most first
 * @chains_unix, @census_unix: when; seconds since 1970
 */
struct view_observed {
	bool chains_known, census_known;
	double chains_unix, census_unix;
	uint32_t lengths;
	uint64_t buckets_of[VIEW_CHAINS];
	uint64_t chains_nodes;
	uint32_t groups;
	struct {
		char protocol[16], state[24];
		uint64_t entries;
	} group[VIEW_GROUPS];
};

/**
 * struct view
 * @snapshot: the last good one, however old; NULL: there never was one
 * @old:      it doesn't tell what is now; also true while there is none
 * @age_seconds: since its look
 * @trouble:  why there is none, or no newer one; "": nothing is wrong
 * @recent:   NULL: none
 * @unix_seconds: now
 * @scrape_peak: highest entries since this scraper's last scrape; for metrics only
 * @node_names: node_exporter's ten names as well
 */
struct view {
	const struct ct_snapshot *snapshot;
	bool old;
	double age_seconds;
	char trouble[256];
	const struct ct_recent *recent;
	const struct view_observed *observed;
	const struct view_self *self;
	double unix_seconds;
	struct ct_u64 scrape_peak;
	bool node_names;
};

enum metrics_format {
	METRICS_TEXT,                   /* Prometheus text format 0.0.4 */
	METRICS_OPEN,                   /* OpenMetrics 1.0 */
};

/* metrics.c: everything for a scraper. Table metrics only if the snapshot isn't old. */
void metrics_write(struct text *out, const struct view *view, enum metrics_format format);

/* The Content-Type of a format. */
const char *metrics_type(enum metrics_format format);

/* page.c: the whole HTML page. */
void page_write(struct text *out, const struct view *view);

/* api.c: the answer of /api/v1/status, as status.schema.json describes it. */
void api_write(struct text *out, const struct view *view);

#endif
