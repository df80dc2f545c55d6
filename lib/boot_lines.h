/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot files as text: which line of sysctl.d, modprobe.d, modules-load.d or the kernel command line sets what. Pure. */
#ifndef CONNTUNE_BOOT_LINES_H
#define CONNTUNE_BOOT_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/kernel.h>
#include <conntune/param.h>

/* Does the text begin with CT_BOOT_MARK as a line of its own? */
bool ct_boot_text_is_ours(const char *text);

/**
 * struct ct_boot_text - walks a text, which it changes: the lines are cut out in place
 * @next: what is left; set by the caller
 * @line: number of the line handed out last, from 1; of its first part if it was continued. Set to 0 by the caller
 * @more: line breaks inside that line
 */
struct ct_boot_text {
	char *next;
	unsigned line, more;
};

/* The next line without its end, or NULL. The second one joins lines that end in a backslash, as modprobe does. */
char *ct_boot_text_line(struct ct_boot_text *t);
char *ct_boot_text_wrapped(struct ct_boot_text *t);

/**
 * struct ct_boot_line - what one line sets
 * @param: CT_PARAM_LIMIT or CT_PARAM_BUCKETS
 * @known: there is one number and the kernel understands it; else what is there is an error
 * @works: this kernel has that sysctl, writable, or that module under that name
 * @value: unit of the tunable
 */
struct ct_boot_line {
	enum ct_param_id param;
	bool known, works;
	int64_t value;
};

/*
 * Each returns true and fills @ret if the line concerns limit or buckets. @line is changed. @v: kernel that will
 * read it. Globs (net.netfilter.*) never match.
 */
bool ct_parse_sysctl_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret);
bool ct_parse_modprobe_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret);

/* The whole kernel command line: the last hashsize= for the module that this kernel has. */
bool ct_parse_cmdline(char *line, const struct ct_kver *v, struct ct_boot_line *ret);

/* modules-load.d: a connection tracking module, or one that needs it. Never has a value. */
bool ct_parse_modules_line(char *line, const struct ct_kver *v, struct ct_boot_line *ret);

#endif
