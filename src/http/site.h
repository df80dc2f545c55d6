/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is where: one row per path; answers are made once for each second and given to all who ask in it. */
#ifndef CONNTUNED_HTTP_SITE_H
#define CONNTUNED_HTTP_SITE_H

#include "serve.h"
#include "source.h"

struct site;

int site_new(struct site **ret, struct source *source, struct view_self *self, bool node_names, struct ct_err *err);
struct site *site_free(struct site *site);

/**
 * site_answer_at - the answer to a request
 * @boot_usec: CLOCK_BOOTTIME
 * Returns: the site's, until the next call; NULL: there is no memory for it.
 */
struct serve_response *site_answer_at(struct site *site, const struct serve_request *request, uint64_t boot_usec);

/* The same, now. A serve_handler; @userdata is the site. */
struct serve_response *site_answer(const struct serve_request *request, void *userdata);

#endif
