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

/* Bytes of a path, its end included. */
#define CT_SETTING_PATH_MAX 256

/**
 * struct ct_settings - every key, checked; defaults in brackets
 * @unread:          a file that may count can't be read: who knows what it says, so @mode is CT_MODE_ADVISE
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
 * @cooldown_usec:   CoolDown= [1 min] least time between two changes of buckets; a limit that must rise doesn't wait
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
 * [Http], of conntuned-http; where it listens is said by its socket unit or on the command line
 * @http_node_names: CompatNodeExporter=yes|no [no]: node_exporter's ten names as well
 * @http_certificate, @http_key: TLSCertificate=, TLSKey= ["": no TLS] files in PEM
 * @http_users:      Users= ["": no passwords] a file with lines of "name:hash"
 * @http_allow_remote: AllowRemote=yes|no [no]: serve beyond loopback though there is neither TLS nor a password
 */
struct ct_settings {
	bool unread;
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
	bool http_node_names, http_allow_remote;
	char http_certificate[CT_SETTING_PATH_MAX], http_key[CT_SETTING_PATH_MAX], http_users[CT_SETTING_PATH_MAX];
};

/* All defaults. */
void ct_settings_init(struct ct_settings *ret);

/**
 * ct_settings_error_fn - something in the files isn't as it should be
 * @path:    the file, with the root before it; printable
 * @line:    in that file, from 1; 0: the file as a whole (can't be read, isn't a regular file)
 * @message: what is wrong and what holds instead; one printable line
 */
typedef void (*ct_settings_error_fn)(const char *path, unsigned line, const char *message, void *userdata);

/**
 * ct_settings_load - defaults, overridden by the files that there are
 * First conntuned.conf: that of etc/conntune, else run/conntune, else usr/lib/conntune. Then the drop-ins: files of the
 * directories conntuned.conf.d beside these three whose names end in .conf, sorted by name whatever their directory; of
 * two with the same name that of etc counts, then that of run. A link to /dev/null stands for an empty file. Of one key
 * the last value counts. Whatever isn't understood (value, key, section, line, a key given twice in a file, values that
 * contradict each other, a file that can't be read) is told to @on_error and left out: the layer below, or the default,
 * holds. But while there is a file or directory that can't be read, which may forbid to write, the mode is advise.
 * @fs:       root; links in a captured tree don't lead out of it
 * @on_error: may be NULL
 * Returns: 0; the number of things that were told; -EOPNOTSUPP if built without libeconf; -ENOMEM, -EMFILE, -ENFILE,
 * -EIO, -ENOSPC where that says nothing of the files (*ret is as it was).
 */
int ct_settings_load(struct ct_fs *fs, struct ct_settings *ret, ct_settings_error_fn on_error, void *userdata,
		     struct ct_err *err);

/**
 * ct_settings_agree - values that are fine each by itself, and not together
 * AdaptiveStart is below AdaptiveEnd, IntervalMin isn't above IntervalMax, Policy=fixed has Limit or Buckets.
 * @row: on failure numbers of the two rows that contradict each other
 * Returns: 0 or -EINVAL.
 */
int ct_settings_agree(const struct ct_settings *settings, size_t row[2], struct ct_err *err);

/**
 * struct ct_setting - a row of the table that check, documentation and manual page are made from
 * @section, @key: as in the file
 * @values:  what it takes: "tune or advise", "1 .. 95 %", "SIZE from 1M, or 1 .. 100 %", ...
 * @preset:  its default, as one would write it
 * @help:    one or two sentences
 */
struct ct_setting {
	const char *section, *key, *values, *preset, *help;
};

/* Row number @i of the table, section by section; NULL beyond the end. */
const struct ct_setting *ct_setting_at(size_t i);

/**
 * ct_setting_parse - set row @i from text
 * Counts: digits. SIZE: digits, and K, M, G or T (powers of 1024). Per cent: digits, '%' may follow. Factors: 2, 1.5.
 * Times: "1min 30s"; us, ms, s, min, h, d; without a unit seconds. Yes or no as systemd has it: 1, yes, y, true, t, on;
 * 0, no, ... Paths: absolute, or nothing.
 * Returns: 0; -EINVAL if it isn't understood, -ERANGE if out of range (or no such row); *settings is as it was then.
 */
int ct_setting_parse(struct ct_settings *settings, size_t i, const char *text, struct ct_err *err);

/* The value of row @i in @settings as one would write it. Returns: 0; -ERANGE: no such row; -ENOSPC if it was cut. */
int ct_setting_text(const struct ct_settings *settings, size_t i, char *text, size_t n);

const char *ct_mode_name(enum ct_mode mode);                    /* "tune", "advise" */
const char *ct_foreign_name(enum ct_foreign foreign);           /* "yield", "floor", "enforce" */

#ifdef __cplusplus
}
#endif
#endif
