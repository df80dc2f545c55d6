/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other half of conntuned-boot: hashsize= makes the limit 8 x that, and somebody must put it right. */
#ifndef CONNTUNED_BOOT_LIMIT_H
#define CONNTUNED_BOOT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

/**
 * boot_limit - is the present limit nobody's choice, because conntuned-boot has chosen the hash size?
 * @facts: as of now
 * @ret:   the limit that conntuned-boot computed with it; systemd-sysctl would set the same
 */
bool boot_limit(struct ct_fs *fs, const struct ct_facts *facts, uint64_t *ret);

#endif
