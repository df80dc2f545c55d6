/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a mix that a test's peer can answer. */
#ifndef CONNTUNE_MIX_INTERNAL_H
#define CONNTUNE_MIX_INTERNAL_H

#include <conntune/mix.h>
#include "nl.h"

/* ct_mix_sample() over a socket that is there. */
int ct_mix_sample_with(struct ct_nl *nl, uint32_t most, struct ct_mix *ret, struct ct_err *err);

#endif
