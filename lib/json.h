/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON from text, with a lack of memory told apart from text that is wrong. */
#ifndef CONNTUNE_JSON_H
#define CONNTUNE_JSON_H

#include <stddef.h>
#include <jansson.h>

/**
 * ct_json_load - parse @n bytes; a key that comes twice is wrong
 * @ret: a new reference, set on success only
 * @e:   what is wrong and where, at -EBADMSG
 * Returns: 0; -ENOMEM; -EBADMSG.
 */
int ct_json_load(const char *text, size_t n, json_t **ret, json_error_t *e) __attribute__((nonnull, warn_unused_result));

#endif
