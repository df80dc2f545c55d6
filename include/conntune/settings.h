/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the administrator wants of conntuned: one table of keys, read from layers of INI files (libeconf). */
#ifndef CONNTUNE_SETTINGS_H
#define CONNTUNE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/size.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ct_mode {
	CT_MODE_TUNE,                   /* decide and write */
	CT_MODE_ADVISE,                 /* decide, log what would be done, write nothing */
};

/* What to do when somebody else writes a value that conntuned has set. */
enum ct_foreign {
	CT_FOREIGN_YIELD,               /* it is theirs from now on, until `conntune resume` or a restart */
	CT_FOREIGN_FLOOR,               /* theirs is the least; conntuned may still raise it */
	CT_FOREIGN_ENFORCE,             /* put back at once, a bounded number of times, then yield */
};

/**
 * struct ct_settings - every key, checked; defaults in brackets
 * [Tuning]
 * @mode:            Mode=tune|advise [tune]
 * @policy:          Policy= a name of enum ct_policy but kernel [balanced]
 * @fixed_limit, @fixed_buckets: Limit=, Buckets= for policy fixed; 0: not given
 * @budget_bytes, @budget_percent: Budget=SIZE or N% [25%]; one of them is 0. Most that full tables may take
 * @reserve_bytes:   Reserve=SIZE [128M], policy dedicated
 * @target_load:     TargetLoad= [2] nodes per bucket when full
 * @namespaces:      Namespaces= [1] network namespaces that may be full together
 * @headroom, @failover: HeadRoom= [2], FailOver= [1], policy demand
 * @entry_bytes:     EntryBytes= [0: as found]
 * @foreign:         Foreign=yield|floor|enforce [yield]
 * @shrink:          Shrink=yes|no [no]: go back down when the demand of the last days allows it
 * @fill_percent:    GrowAt= [75] % of the limit that the forecast may reach before the limit is raised
 * @cooldown_usec:   CoolDown= [60 s] least time between two changes of buckets; a limit that must rise doesn't wait
 * @stall_usec:      MaxStall= [20 ms] longest predicted stall for which buckets are resized while the table is in use
 * @confirm_usec:    Confirm= [0: no] each change is put back after that time unless `conntune confirm` comes
 * [Flood]
 * @flood_percent:   FloodShare= [50] % of the budget that entries nobody has answered may use
 * @unreplied_percent: UnrepliedShare= [70] % of the entries that are unanswered while it is called a flood
 * [Timeouts]
 * @adaptive:        Adaptive=yes|no [no]
 * @adaptive_start_percent, @adaptive_end_percent: AdaptiveStart= [60], AdaptiveEnd= [120] % of the limit: between
 *                   them all unassured time-outs shrink linearly from whole to nothing (floors hold)
 * [Sampling]
 * @interval_max_usec, @interval_min_usec: IntervalMax= [1 s], IntervalMin= [2 ms]
 * [History]
 * @history:         History=yes|no [yes]
 * @history_bytes:   HistorySize= [8M]
 */
struct ct_settings {
	enum ct_mode mode;
	enum ct_policy policy;
	uint64_t fixed_limit, fixed_buckets;
	uint64_t budget_bytes;
	uint32_t budget_percent;
	uint64_t reserve_bytes;
	double target_load;
	uint32_t namespaces;
	double headroom;
	uint32_t failover;
	uint64_t entry_bytes;
	enum ct_foreign foreign;
	bool shrink;
	uint32_t fill_percent;
	uint64_t cooldown_usec, stall_usec, confirm_usec;
	uint32_t flood_percent, unreplied_percent;
	bool adaptive;
	uint32_t adaptive_start_percent, adaptive_end_percent;
	uint64_t interval_max_usec, interval_min_usec;
	bool history;
	uint64_t history_bytes;
};

/* All defaults. */
void ct_settings_init(struct ct_settings *ret);

/**
 * ct_settings_load - defaults, overridden by the files that there are
 * usr/lib/conntune/conntuned.conf, etc/conntune/conntuned.conf (the first of etc, run, usr that exists counts), then
 * the drop-ins (conntuned.conf.d, names ending in .conf) of the three by name. A value that isn't understood or is out of range is told to
 * @on_error with file and line, and the default, or the layer below, holds.
 * @on_error: may be NULL; called once for each bad line, unknown key and unknown section
 * Returns: 0, or the number of bad lines; -EOPNOTSUPP if built without libeconf; -ENOMEM, -EACCES, -EIO ...
 */
typedef void (*ct_settings_error_fn)(const char *path, unsigned line, const char *message, void *userdata);
int ct_settings_load(struct ct_fs *fs, struct ct_settings *ret, ct_settings_error_fn on_error, void *userdata,
		     struct ct_err *err);

/**
 * struct ct_setting - a row of the table that check, documentation and manual page are made from
 * @section, @key: as in the file
 * @values:  what it takes: "tune or advise", "1 .. 95 %", "SIZE or N%", ...
 * @preset:  its default, as one would write it
 * @help:    one or two sentences
 */
struct ct_setting {
	const char *section, *key, *values, *preset, *help;
};

/* Row number @i of the table; NULL beyond the end. */
const struct ct_setting *ct_setting_at(size_t i);

/* The value of row @i in @settings as one would write it. Returns: 0; -ERANGE; -ENOSPC if it was cut. */
int ct_setting_text(const struct ct_settings *settings, size_t i, char *text, size_t n);

const char *ct_mode_name(enum ct_mode mode);                    /* "tune", "advise" */
const char *ct_foreign_name(enum ct_foreign foreign);           /* "yield", "floor", "enforce" */

#ifdef __cplusplus
}
#endif
#endif
