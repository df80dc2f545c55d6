/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From settings and facts to what decisions are made by. Pure. */
#ifndef CONNTUNED_SIZING_H
#define CONNTUNED_SIZING_H

#include <conntune/facts.h>
#include <conntune/settings.h>
#include "decide.h"

/**
 * sizing_make - settings merged into this machine's sizing request
 * @entry_bytes of the settings, if given, takes the place of what was found.
 * Returns: 0; -ENODATA if RAM isn't known; -EINVAL if the facts name no kernel that can be described.
 */
int sizing_make(const struct ct_settings *settings, const struct ct_facts *facts, struct decide_config *ret,
		struct ct_err *err);

#endif
