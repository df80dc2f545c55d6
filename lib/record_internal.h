/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsers of the files that record.c keeps; they see text that anybody may have damaged. */
#ifndef CONNTUNE_RECORD_INTERNAL_H
#define CONNTUNE_RECORD_INTERNAL_H

#include <stddef.h>
#include <conntune/record.h>

#define CT_RECORD_PATH "var/lib/conntune/first.json"
#define CT_PENDING_PATH "run/conntune/pending.json"

/* Larger than any file of ours. */
#define CT_RECORD_BYTES_MAX 4096

/* Returns: 0; -EBADMSG and what is wrong; -ENOMEM. */
int ct_record_parse(const char *text, size_t len, struct ct_record *ret, struct ct_err *err);
int ct_pending_parse(const char *text, size_t len, struct ct_pending *ret, struct ct_err *err);

#endif
