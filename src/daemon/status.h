/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the local API from plain structs. Pure; org.conntune.varlink says what each member means. */
#ifndef CONNTUNED_STATUS_H
#define CONNTUNED_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <conntune/cause.h>
#include <conntune/facts.h>
#include <conntune/settings.h>
#include "history.h"

/* A number that may be unknown; times in seconds, shares. */
struct status_real {
	bool known;
	double v;
};

enum status_result {
	STATUS_DONE,
	STATUS_ADVISED,
	STATUS_FAILED,
};

/* How many actions are told; a whole status, each text at its longest, has to fit into a message. */
#define STATUS_ACTIONS_MAX 16
#define STATUS_FOREIGN_MAX 4
#define STATUS_SETTINGS_MAX 64

/**
 * struct status_action - one action, as it is remembered: no pointer into anything that goes away
 * @unix_usec: CLOCK_REALTIME
 * @action, @reason, @text: from the tables of decide.c; @text may be NULL
 * @evidence, @error: "": none
 */
struct status_action {
	int64_t unix_usec;
	const char *action, *reason, *text;
	char evidence[200], error[256];
	struct ct_u64 old_limit, new_limit, old_buckets, new_buckets;
	struct status_real scale, stall_seconds;
	enum status_result result;
};

struct status_foreign {
	const char *name;
	uint64_t value;
};

struct status_setting {
	const char *section, *key;
	char value[CT_SETTING_PATH_MAX];
};

/**
 * struct status - what Status tells
 * @hold, @hold_seconds:  held; unknown: until resume
 * @confirm_seconds:      known: a change waits
 * @actions:              the oldest first; of more than STATUS_ACTIONS_MAX the last
 * @worst:                known if worst_known; its name "": none
 * @cause:                name NULL or "": nothing to tell
 * Pointers are only looked at during the call.
 */
struct status {
	const char *state, *reason, *reason_text;
	double state_seconds;
	const char *mode;               /* ct_mode_name() */
	struct ct_u64 entries, limit, buckets, all_entries;
	struct status_real unreplied;
	struct ct_u64 target_limit, target_buckets, ceiling;
	struct status_real full_in_seconds, timeouts_scale;
	bool hold;
	struct status_real hold_seconds, confirm_seconds;
	const struct status_action *actions;
	size_t action_count;
	const struct status_setting *settings;
	size_t setting_count;
	const struct status_foreign *foreign;
	size_t foreign_count;
	bool namespaces_known, worst_known;
	uint64_t namespace_count;
	struct ct_u64 namespace_entries;
	struct {
		const char *name;
		struct ct_u64 inode;
		uint64_t entries;
		struct status_real fill;
	} worst;
	struct ct_u64 mem_available_bytes, mem_floor_bytes, budget_bytes, memory_bytes, memory_full_bytes;
	const struct ct_cause *cause;
	const char *kernel;
	double started;                 /* seconds since 1970 */
};

/* "done", "advised", "failed" */
const char *status_result_name(enum status_result result);

/* A new object; NULL: out of memory. Text that isn't UTF-8 is left out. */
json_t *status_json(const struct status *status);

/* A new array for History; NULL: out of memory. @seconds: of the span. */
json_t *status_history_json(const struct history_row *rows, size_t n, uint64_t seconds);

#endif
