/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a daemon gives up rights, whatever it is that it still needs: capabilities, new privileges, system calls. */
#ifndef CONNTUNE_CONFINE_H
#define CONNTUNE_CONFINE_H

#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>

/* What becomes of a system call that isn't on a list: the option --sandbox of both daemons. */
enum sandbox_mode {
	SANDBOX_REFUSE, /* it fails with ENOSYS, so that libraries take another way if they have one */
	SANDBOX_KILL,   /* the process ends with SIGSYS: for tests, which shall see it */
	SANDBOX_OFF,    /* no filter */
};

/* "refuse", "kill", "off"; by name: 0 or -EINVAL. */
const char *sandbox_mode_name(enum sandbox_mode mode);
int sandbox_mode_by_name(const char *name, enum sandbox_mode *ret);

/* A call, if that argument (the first is 0) under @mask is @value. Any rule of a call allows it. */
struct confine_rule {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
};

/**
 * struct confine_calls - system calls by name; one that this architecture or library doesn't know is passed over
 * @any:    allowed with any arguments
 * @rule:   allowed with some
 * @absent: ENOSYS in every mode: the C library asks for these first, and has another way
 */
struct confine_calls {
	const char *const *any;
	size_t any_count;
	const struct confine_rule *rule;
	size_t rule_count;
	const char *const *absent;
	size_t absent_count;
};

/* The bounding set alone, but for capabilities in @keep (bits): who may not empty it has no capability to begin with.
 */
void confine_bounding_set(uint64_t keep);

/**
 * confine_capabilities - no way back
 * Capabilities but those in @keep (bits) are dropped for good, whoever started us, and none of them is passed on; no
 * program that is executed gains any.
 * Returns: 0; a negative errno.
 */
int confine_capabilities(uint64_t keep, struct ct_err *err);

/**
 * confine_filter - no way back: from here on, only calls of these @n lists
 * Returns: 0, also where the kernel or the build has no filter, or @mode is SANDBOX_OFF; a negative errno.
 */
int confine_filter(const struct confine_calls *lists, size_t n, enum sandbox_mode mode, struct ct_err *err);

#endif
