/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the time-outs that takes bytes: for tests and fuzzers. */
#ifndef CONNTUNE_TIMEOUTS_INTERNAL_H
#define CONNTUNE_TIMEOUTS_INTERNAL_H

#include <conntune/timeouts.h>

/* More than the file ever has. */
#define CT_TIMEOUTS_BYTES_MAX 8192

/*
 * What a file says. Names that aren't in the table are skipped, they may be a newer conntune's.
 * Returns: 0; -EBADMSG; -ENOMEM.
 */
int ct_timeouts_parse(const char *text, size_t len, struct ct_timeouts *ret, struct ct_err *err);

#endif
