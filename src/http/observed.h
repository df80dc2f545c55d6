/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntune-observe.service has left, from the text of its files. Pure. */
#ifndef CONNTUNED_HTTP_OBSERVED_H
#define CONNTUNED_HTTP_OBSERVED_H

#include <stddef.h>
#include "view.h"

/* Of "conntune chains --exact --json", "conntune census --json". False, and nothing known: that is something else. */
bool observed_chains(struct view_observed *ret, const char *text, size_t n);
bool observed_census(struct view_observed *ret, const char *text, size_t n);

#endif
