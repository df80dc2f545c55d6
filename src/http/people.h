/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people read them, each with the exact one in an attribute: a program that reads the page sees what the API
 * says. */
#ifndef CONNTUNED_HTTP_PEOPLE_H
#define CONNTUNED_HTTP_PEOPLE_H

#include <stdint.h>
#include <conntune/facts.h>
#include "text.h"

/*
 * Plain words, for texts within a picture. Groups of digits, "65 536"; at most five characters, "65.5k"; "3 min 20 s";
 * "118 MiB"; "06:55", "26 Nov 06:55".
 */
void people_digits(struct text *out, uint64_t v);
void people_short(struct text *out, double v);
void people_span(struct text *out, double seconds);
void people_size(struct text *out, uint64_t bytes);
void people_clock(struct text *out, int64_t unix_seconds);
void people_date(struct text *out, int64_t unix_seconds);

/* "one in 2 400", "fewer than one in a million million": a small probability. */
void people_odds(struct text *out, double p);

/*
 * The same as elements. @api: where the same number is in the answer of /api/v1/status, "memory.bytes"; NULL: nowhere,
 * and then it has no such mark.
 */
void people_u64(struct text *out, const char *api, uint64_t v);
void people_id(struct text *out, const char *api, uint64_t v);         /* no groups: it is a name */
void people_known(struct text *out, const char *api, struct ct_u64 v); /* or the words "not known" */
void people_bytes(struct text *out, const char *api, uint64_t bytes);
void people_seconds(struct text *out, const char *api, double seconds);
void people_share(struct text *out, const char *api, double share);
void people_real(struct text *out, const char *api, double v);            /* three digits that count */
void people_rate(struct text *out, const char *api, double v);            /* "+12.5" */
void people_time(struct text *out, const char *api, double unix_seconds); /* "26 Nov 06:55:01 UTC" */
void people_text(struct text *out, const char *api, const char *words);   /* foreign words, escaped */

#endif
