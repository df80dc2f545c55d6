/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything of libconntune: observe, decide, plan, apply, read back, record. */
#ifndef CONNTUNE_H
#define CONNTUNE_H

#include <conntune/apply.h>
#include <conntune/cause.h>
#include <conntune/census.h>
#include <conntune/chain.h>
#include <conntune/client.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/forecast.h>
#include <conntune/fs.h>
#include <conntune/gauge.h>
#include <conntune/kernel.h>
#include <conntune/memory.h>
#include <conntune/mix.h>
#include <conntune/netns.h>
#include <conntune/owners.h>
#include <conntune/param.h>
#include <conntune/persist.h>
#include <conntune/plan.h>
#include <conntune/record.h>
#include <conntune/self.h>
#include <conntune/settings.h>
#include <conntune/size.h>
#include <conntune/snapshot.h>
#include <conntune/stats.h>
#include <conntune/timeouts.h>
#include <conntune/varlink.h>

#endif
