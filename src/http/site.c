/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is where. An answer is made once for all who ask for the same in one second, so that a flood of scrapes costs
 * no more than handing it out; what was made in other seconds is dropped before anything new is made.
 */
#include "config.h"
#include "gzip.h"
#include "negotiate.h"
#include "site.h"
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <conntune/self.h>

/* Scrapers whose last scrape is remembered. */
#define PEERS 16

/* Scrape peaks that are told apart in one second; the others' answer has none. The first place is for that one. */
#define PEAKS 4

#define FORMATS 2
#define ENCODINGS 2

/* An answer that was made, for those who ask in the same second; NULL: none. */
struct kept {
	struct serve_response *response;
	uint64_t second, number;
	struct ct_u64 peak;
};

/**
 * struct peer - who scraped, and what it has seen
 * @second: of its last scrape; 0: a free place
 * @seen:   peak_second of the snapshot that it was given then
 * @since:  the same of its last scrape in an earlier second: peaks after that one are new to it
 */
struct peer {
	uint64_t address, second, seen, since;
	bool since_known;
};

/**
 * struct site
 * @second, @number: of the request that is being answered, and of the data for it
 * @measured: in this second we looked at ourselves
 */
struct site {
	struct source *source;
	struct view_self *self;
	struct view view;
	uint64_t second, number, measured;
	struct peer peer[PEERS];
	struct kept kept[VIEW_PATHS][FORMATS][ENCODINGS][PEAKS];
};

/**
 * struct place - a row of the site
 * @write:   NULL: @text is all of it
 * @type:    Content-Type; of /metrics by format
 * @headers: besides Content-Type, Content-Encoding and Vary
 * @scrape:  for scrapers: two formats, and a peak for each of them
 * @recent:  needs the history
 */
struct place {
	const char *path;
	void (*write)(struct text *out, const struct view *view);
	unsigned (*status)(const struct view *view);
	const char *type;
	const struct serve_header *headers;
	bool scrape, recent, packs;
};

static void write_health(struct text *out, const struct view *view)
{
	(void)view;
	text_add(out, "ok\n");
}

static unsigned readiness(const struct view *view)
{
	return view->old ? 503 : 200;
}

static void write_readiness(struct text *out, const struct view *view)
{
	text_format(out, "%s\n", view->old ? view->trouble : "ok");
}

static void write_nothing(struct text *out, const struct view *view)
{
	(void)view;
	text_add(out, "There is nothing here. Try / or /metrics.\n");
}

static void write_style(struct text *out, const struct view *view)
{
	(void)view;
	text_add(out, web_style_css);
}

static void write_script(struct text *out, const struct view *view)
{
	(void)view;
	text_add(out, web_page_js);
}

static unsigned not_found(const struct view *view)
{
	(void)view;
	return 404;
}

static const char plain_text[] = "text/plain; charset=utf-8";

static const struct serve_header page_headers[] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
	  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "Referrer-Policy", "no-referrer" },
	{ NULL, NULL },
};

/* The last row is for all other paths. */
static const struct place places[] = {
	{ .path = "/metrics", .scrape = true, .packs = true },
	{ .path = "/",
	  .write = page_write,
	  .type = "text/html; charset=utf-8",
	  .headers = page_headers,
	  .recent = true,
	  .packs = true },
	{ .path = "/api/v1/status", .write = api_write, .type = "application/json", .packs = true },
	{ .path = "/style.css", .write = write_style, .type = "text/css; charset=utf-8", .packs = true },
	{ .path = "/page.js", .write = write_script, .type = "text/javascript; charset=utf-8", .packs = true },
	{ .path = "/healthz", .write = write_health, .type = plain_text },
	{ .path = "/readyz", .write = write_readiness, .status = readiness, .type = plain_text },
	{ .path = NULL, .write = write_nothing, .status = not_found, .type = plain_text },
};

#define PLACES (sizeof(places) / sizeof(places[0]))
_Static_assert(PLACES == VIEW_PATHS, "the last row isn't the one that serve.c counts its refusals in");

int site_new(struct site **ret, struct source *source, struct view_self *self, bool node_names, struct ct_err *err)
{
	static const double bounds[] = { 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.1 };
	struct site *site = calloc(1, sizeof(*site));

	if (!site) {
		*err = (struct ct_err){ .code = -ENOMEM, .msg = "out of memory" };
		return -ENOMEM;
	}
	site->source = source;
	site->self = self;
	site->view.self = self;
	site->view.node_names = node_names;
	for (size_t i = 0; i < PLACES; i++)
		self->requests[i].path = places[i].path ? places[i].path : "other";
	self->scrape_seconds.n = sizeof(bounds) / sizeof(bounds[0]);
	(void)memcpy(self->scrape_seconds.bound, bounds, sizeof(bounds));
	*ret = site;
	return 0;
}

/* Every answer that is kept, in a row. */
static struct kept *kept_at(struct site *site, size_t i)
{
	return &site->kept[0][0][0][0] + i;
}

#define KEPT ((size_t)VIEW_PATHS * FORMATS * ENCODINGS * PEAKS)

struct site *site_free(struct site *site)
{
	if (!site)
		return NULL;
	for (size_t i = 0; i < KEPT; i++)
		serve_response_free(kept_at(site, i)->response);
	free(site);
	return NULL;
}

static bool is_current(const struct site *site, const struct kept *k)
{
	return k->response && k->second == site->second && k->number == site->number;
}

static void drop_others(struct site *site)
{
	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = kept_at(site, i);

		if (k->response && !is_current(site, k))
			k->response = serve_response_free(k->response);
	}
}

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- who asks */

/* Who came but once goes first, or else whoever asks from many addresses would have real scrapers forgotten. */
static bool goes_before(const struct site *site, const struct peer *a, const struct peer *b)
{
	bool a_stays = a->since_known && site->second - a->second < CT_SNAPSHOT_PEAKS;
	bool b_stays = b->since_known && site->second - b->second < CT_SNAPSHOT_PEAKS;

	return a_stays == b_stays ? a->second < b->second : b_stays;
}

static struct peer *find_peer(struct site *site, uint64_t address)
{
	struct peer *goes = &site->peer[0];

	for (size_t i = 0; i < PEERS; i++) {
		struct peer *p = &site->peer[i];

		if (p->second && p->address == address)
			return p;
		if (goes_before(site, p, goes))
			goes = p;
	}
	*goes = (struct peer){ .address = address };
	return goes;
}

/* All that one asks in a second is one scrape. Nothing is known of somebody who never came before. */
static struct ct_u64 scrape_peak(struct site *site, uint64_t address)
{
	const struct ct_snapshot *s = site->view.snapshot;
	struct peer *p;

	if (site->view.old)
		return (struct ct_u64){ .known = false };
	p = find_peer(site, address);
	if (p->second != site->second) {
		p->since_known = p->second != 0;
		p->since = p->seen;
		p->second = site->second;
	}
	p->seen = s->peak_second;
	if (!p->since_known)
		return (struct ct_u64){ .known = false };
	/* If nothing was looked at since, its last look is the best there is. */
	return ct_snapshot_peak_since(s, p->since < s->peak_second ? p->since : s->peak_second - 1);
}

/* ---- making an answer */

/* Once a second at most: it takes some 20 us, and reads /proc. */
static void measure_self(struct site *site)
{
	struct view_self *self = site->self;
	struct ct_self now;

	if (site->measured == site->second)
		return;
	site->measured = site->second;
	ct_self_read(&now);
	self->cpu_seconds = now.cpu_usec.known ? (double)now.cpu_usec.v / 1e6 : self->cpu_seconds;
	self->resident_bytes = now.resident_bytes;
	self->descriptors = now.descriptors;
}

static int respond(struct serve_response **ret, const struct place *place, struct text *text, const char *type,
		   bool packed, unsigned status)
{
	struct serve_header headers[8];
	size_t n = 0;

	headers[n++] = (struct serve_header){ "Content-Type", type };
	if (packed)
		headers[n++] = (struct serve_header){ "Content-Encoding", "gzip" };
	if (place->scrape)
		headers[n++] = (struct serve_header){ "Vary", "Accept, Accept-Encoding" };
	else if (place->packs)
		headers[n++] = (struct serve_header){ "Vary", "Accept-Encoding" };
	for (const struct serve_header *h = place->headers; h && h->name; h++)
		headers[n++] = *h;
	headers[n] = (struct serve_header){ NULL, NULL };
	return serve_response_new(ret, status, text->bytes, text->n, headers);
}

static int pack(struct text *text)
{
	char *packed;
	size_t n;
	int r = gzip_pack(text->bytes, text->n, &packed, &n);

	if (r < 0)
		return r;
	text_free(text);
	*text = (struct text){ .bytes = packed, .n = n, .room = n };
	return 0;
}

static int make(struct site *site, struct serve_response **ret, const struct place *place, enum metrics_format format,
		bool packed)
{
	struct text text = { 0 };

	measure_self(site);
	if (place->scrape)
		metrics_write(&text, &site->view, format);
	else
		place->write(&text, &site->view);
	if (text.failed || !text.bytes || (packed && pack(&text) < 0)) {
		text_free(&text);
		return -ENOMEM;
	}
	return respond(ret, place, &text, place->scrape ? metrics_type(format) : place->type, packed,
		       place->status ? place->status(&site->view) : 200);
}

/* Its place among those that differ by the peak only: one that fits, else a free one, else the first, without a peak.
 */
static struct kept *find_kept(struct site *site, struct kept *of, struct ct_u64 *peak)
{
	if (!peak->known)
		return &of[0];
	for (size_t i = 1; i < PEAKS; i++)
		if (is_current(site, &of[i]) && of[i].peak.v == peak->v)
			return &of[i];
	for (size_t i = 1; i < PEAKS; i++)
		if (!is_current(site, &of[i]))
			return &of[i];
	peak->known = false;
	return &of[0];
}

static struct serve_response *answer(struct site *site, size_t at, const struct serve_request *request)
{
	const struct place *place = &places[at];
	enum metrics_format format = place->scrape ? negotiate_format(request->accept) : METRICS_TEXT;
	bool packed = place->packs && negotiate_gzip(request->accept_encoding);
	struct ct_u64 peak = { .known = false };
	struct kept *k;

	if (place->scrape)
		peak = scrape_peak(site, request->peer);
	k = find_kept(site, site->kept[at][format][packed], &peak);
	if (is_current(site, k))
		return k->response;
	drop_others(site);
	k->response = serve_response_free(k->response);
	site->view.scrape_peak = peak;
	if (make(site, &k->response, place, format, packed) < 0)
		return NULL;
	k->second = site->second;
	k->number = site->number;
	k->peak = peak;
	return k->response;
}

static size_t find_place(const char *path)
{
	size_t i = 0;

	while (places[i].path && strcmp(places[i].path, path) != 0)
		i++;
	return i;
}

static void count(struct view_self *self, size_t at, const struct serve_response *response)
{
	unsigned status = response ? serve_response_status(response) : 503;

	if (status < 400)
		self->requests[at].ok++;
	else if (status < 500)
		self->requests[at].client++;
	else
		self->requests[at].server++;
}

struct serve_response *site_answer_at(struct site *site, const struct serve_request *request, uint64_t boot_usec)
{
	uint64_t begin = clock_usec(CLOCK_MONOTONIC);
	size_t at = find_place(request->path);
	struct serve_response *response;

	site->view.unix_seconds = (double)clock_usec(CLOCK_REALTIME) / 1e6;
	site->number = source_look(site->source, boot_usec, places[at].recent, &site->view);
	site->second = boot_usec / 1000000;
	response = answer(site, at, request);
	count(site->self, at, response);
	if (places[at].scrape)
		ct_snapshot_count(&site->self->scrape_seconds, (double)(clock_usec(CLOCK_MONOTONIC) - begin) / 1e6);
	return response;
}

struct serve_response *site_answer(const struct serve_request *request, void *userdata)
{
	return site_answer_at(userdata, request, clock_usec(CLOCK_BOOTTIME));
}
