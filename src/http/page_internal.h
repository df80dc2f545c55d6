/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the page share. */
#ifndef CONNTUNED_HTTP_PAGE_INTERNAL_H
#define CONNTUNED_HTTP_PAGE_INTERNAL_H

#include "model.h"
#include "people.h"
#include "view.h"

/* @s is view->snapshot, and is there; without one the page is its verdict only. */
struct page {
	struct text *out;
	const struct view *view;
	const struct ct_snapshot *s;
	struct model_chains chains;
};

/* A part of the page with a heading of its own; @style: "wide", "half", "third". */
void page_begin(const struct page *p, const char *id, const char *style, const char *heading);
void page_end(const struct page *p);

/* A row of a list of terms: "<dt>words</dt><dd>", and its end. */
void page_term(const struct page *p, const char *words);
void page_term_end(const struct page *p);

/* page_verdict.c: is it healthy, and why */
void page_headline(const struct page *p); /* in a few words, for the title */
void page_verdict(const struct page *p);
void page_figures(const struct page *p);

/* page_table.c: what the table is like */
void page_history(const struct page *p);
void page_chains(const struct page *p);
void page_counters(const struct page *p);
void page_memory(const struct page *p);
void page_namespaces(const struct page *p);
void page_census(const struct page *p);

/* page_tuning.c: what conntuned does about it */
void page_plan(const struct page *p);
void page_actions(const struct page *p);
void page_timeouts(const struct page *p);
void page_programs(const struct page *p);

#endif
