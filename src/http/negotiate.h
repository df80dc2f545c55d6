/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which form of an answer is wanted: headers Accept and Accept-Encoding (RFC 9110, section 12.5). Pure. */
#ifndef CONNTUNED_HTTP_NEGOTIATE_H
#define CONNTUNED_HTTP_NEGOTIATE_H

#include <stdbool.h>
#include "view.h"

/**
 * negotiate_format - OpenMetrics for who names it and wants it no less than text/plain; text 0.0.4 for all others
 * "*" alone never means OpenMetrics: who looks with curl gets what every tool can read. A version other than 1.0.0
 * isn't ours. @accept: "": there is none. A header that isn't one is none.
 */
enum metrics_format negotiate_format(const char *accept);

/* Is gzip wanted, and no less than the answer as it is? */
bool negotiate_gzip(const char *accept_encoding);

#endif
