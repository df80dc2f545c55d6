/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the output that several commands have in common. */
#ifndef CONNTUNE_SHOW_H
#define CONNTUNE_SHOW_H

#include <conntune/facts.h>
#include <conntune/fs.h>
#include "out.h"

/* Table "owners": who else sets limit and buckets at boot, or while running. */
int show_owners(struct out *out, struct ct_fs *fs, struct ct_err *err);

/* "slab 256 B + extension 128 B (event listener)": where the bytes of one entry come from. */
void show_entry_note(struct out *out, const struct ct_facts *facts);

#endif
