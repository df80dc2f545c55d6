/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between act.c, which sets limit and buckets, and act_timeouts.c. */
#ifndef CONNTUNED_ACT_INTERNAL_H
#define CONNTUNED_ACT_INTERNAL_H

#include "act.h"

/* What is said of files names them; that memory is short is said of everything. */
void act_fail(struct act *act, const char *what, const struct ct_err *err);

/* As ct_lock_take(); at the stop somebody who has it is waited for. */
int act_lock(struct act *act, int *lock, struct ct_err *err);

/*
 * Time-outs at @scale of what was found. @verdict: NULL at a stop and where mere advice begins.
 * Returns: 0; 1: shorter, but for some that failed, which was said; a negative errno.
 */
int act_timeouts_scale(struct act *act, const struct decide_verdict *verdict, double scale, struct ct_err *err);

#endif
