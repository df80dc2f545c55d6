/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page for people: its frame, and the order of its parts. Pure. */
#include "config.h"
#include "page_internal.h"

#include <stdio.h>

void page_begin(const struct page *p, const char *id, const char *style, const char *heading)
{
	text_format(p->out, "<section class=\"card %s\" aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>\n", style, id, id,
		    heading);
}

void page_end(const struct page *p)
{
	text_add(p->out, "</section>\n");
}

void page_term(const struct page *p, const char *words)
{
	text_format(p->out, "<div><dt>%s</dt><dd>", words);
}

void page_term_end(const struct page *p)
{
	text_add(p->out, "</dd></div>\n");
}

static void write_head(const struct page *p)
{
	text_add(p->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
			 "<meta name=\"color-scheme\" content=\"light dark\">\n"
			 "<title>");
	page_headline(p);
	text_add(p->out, " - connection tracking</title>\n<link rel=\"icon\" href=\"data:,\">"
			 "<link rel=\"stylesheet\" href=\"/style.css\">\n"
			 "<script src=\"/page.js\" defer></script>\n</head>\n<body>\n"
			 "<a class=\"skip\" href=\"#main\">To the verdict</a>\n"
			 "<header><h1>Connection tracking</h1>"
			 "<p id=\"live\" role=\"status\"></p><a class=\"refresh\" href=\"/\">Refresh</a></header>\n"
			 "<main id=\"main\" tabindex=\"-1\">\n");
}

static void write_foot(struct text *out)
{
	text_add(out,
		 "</main>\n<footer><nav aria-label=\"The same for programs\">For programs: "
		 "<a href=\"/metrics\">metrics</a>, <a href=\"/api/v1/status\">status as JSON</a>, "
		 "<a href=\"/readyz\">ready?</a></nav>"
		 "<p>Times are UTC. Entries are connections, and limits are for each network namespace by itself.</p>"
		 "</footer>\n</body>\n</html>\n");
}

/* What is looked at first stands first, and on a narrow page above all else. */
static void write_parts(const struct page *p)
{
	page_history(p);
	text_add(p->out, "<div class=\"column\">\n");
	page_counters(p);
	page_chains(p);
	page_namespaces(p);
	text_add(p->out, "</div><div class=\"column\">\n");
	page_plan(p);
	page_actions(p);
	page_memory(p);
	page_census(p);
	text_add(p->out, "</div>\n");
	page_timeouts(p);
	page_programs(p);
}

void page_write(struct text *out, const struct view *view)
{
	struct page p = { .out = out, .view = view, .s = view->snapshot };

	if (p.s)
		model_chains(&p.chains, p.s);
	write_head(&p);
	page_verdict(&p);
	if (p.s) {
		page_figures(&p);
		write_parts(&p);
	}
	write_foot(out);
}
