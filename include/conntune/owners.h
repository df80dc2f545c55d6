/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else sets limit and buckets: boot files, kernel command line, programs. */
#ifndef CONNTUNE_OWNERS_H
#define CONNTUNE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/param.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ct_owner_kind {
	CT_OWNER_SYSCTL,                /* sysctl.d, sysctl.conf */
	CT_OWNER_MODPROBE,              /* an options line below modprobe.d, or modules.conf */
	CT_OWNER_MODULES_LOAD,          /* modules-load.d, /etc/modules: loads the module early; no value */
	CT_OWNER_CMDLINE,               /* nf_conntrack.hashsize= on the kernel command line */
	CT_OWNER_PROGRAM,               /* a running program known to write these values */
};

/**
 * struct ct_owner - one line in one place that sets one value
 * @param:  CT_PARAM_LIMIT or CT_PARAM_BUCKETS (for CT_OWNER_MODULES_LOAD: CT_PARAM_BUCKETS, no value)
 * @value:  what it sets; known is false if the line can't be understood (then the kernel may refuse it too), and for
 *          programs, but tuned, which is listed for what its active profile sets
 * @path:   file with a leading slash, or the program's name
 * @line:   from 1; 0 if it has none
 * @wins:   at the next boot this line decides @param; if known is false, by keeping the module from loading.
 *          Never a program: it writes later, and nobody knows what
 * @hidden: a file of the same name in a directory that goes first hides this one
 * @ours:   written by conntune
 */
struct ct_owner {
	enum ct_owner_kind kind;
	enum ct_param_id param;
	bool known, wins, hidden, ours;
	int64_t value;
	char path[160];
	unsigned line;
};

struct ct_owners;

/**
 * ct_owners_collect - find them all
 * Precedence is that of systemd-sysctl, libkmod and the kernel, see section 7 of the reference: files by name
 * across /etc, /run, /usr/local/lib, /usr/lib, /lib; the last line wins; the kernel command line beats modprobe.d;
 * sysctl.d comes after both, so where it sets buckets (4.8) it decides.
 * Returns: 0 (also when nothing was found or a file can't be read); -ENOMEM.
 */
int ct_owners_collect(struct ct_fs *fs, struct ct_owners **ret, struct ct_err *err);
struct ct_owners *ct_owners_free(struct ct_owners *owners);
size_t ct_owners_count(const struct ct_owners *owners);
const struct ct_owner *ct_owners_at(const struct ct_owners *owners, size_t i);  /* NULL beyond the end */

/* The one that decides @id at the next boot, or NULL. */
const struct ct_owner *ct_owners_winner(const struct ct_owners *owners, enum ct_param_id id);

/* "sysctl", "modprobe", "modules-load", "cmdline", "program". */
const char *ct_owner_kind_name(enum ct_owner_kind kind);

#ifdef __cplusplus
}
#endif
#endif
