/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers made shorter, where they are asked for so. */
#ifndef CONNTUNED_HTTP_GZIP_H
#define CONNTUNED_HTTP_GZIP_H

#include <stddef.h>

/* @ret: to be freed. Returns 0; -ENOMEM. */
int gzip_pack(const char *bytes, size_t n, char **ret, size_t *packed);

#endif
