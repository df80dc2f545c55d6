/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up, once everything is open, what is not needed any more: capabilities, new privileges, system calls. */
#ifndef CONNTUNED_SANDBOX_H
#define CONNTUNED_SANDBOX_H

#include <conntune/err.h>
#include "../confine/confine.h"

struct sandbox_options {
	enum sandbox_mode mode;
};

/**
 * sandbox_enter - no way back
 * Capabilities but CAP_NET_ADMIN are dropped for good, whoever started us; no program that is executed gains any; then
 * the filter. It allows what the loop needs, a settings reload, the local API, the journal, and the history's child; no
 * program is executed, no module loaded, no namespace entered, nobody traced, no memory both written and executed,
 * no socket but of the families unix and netlink.
 * Returns: 0, also where the kernel or the build has no filter; a negative errno.
 */
int sandbox_enter(const struct sandbox_options *options, struct ct_err *err);

#endif
