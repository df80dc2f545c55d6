/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntuned says: one line for each change of state and each action, with fields for machines; never a flood. */
#ifndef CONNTUNED_JOURNAL_H
#define CONNTUNED_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>
#include <conntune/facts.h>

/* Message ids, for `journalctl MESSAGE_ID=` and catalogs; an interface. */
#define JOURNAL_ID_STATE "5c2b4f0e8d6a4b7f9a1e3c7d2f60b941"
#define JOURNAL_ID_SET "1f7d0a92c3e84c55b6d2e8a4970f3b1c"
#define JOURNAL_ID_TIMEOUTS "9e41c7b3d05f4a2e8c6b1d7f3a920e54"
#define JOURNAL_ID_ADVICE "c07a5d1e94b24f36a8e3f2c6b15d7098"
#define JOURNAL_ID_FAILED "3b86f4e2a17c4d90b5e9c0d8724fa16e"
#define JOURNAL_ID_LIFE "e2d9170c5ab84f63924b7f1e0c38d6a5"

/* Lines at once, and how long it takes until there is room for one more. */
#define JOURNAL_BURST 30
#define JOURNAL_REFILL_USEC UINT64_C(2000000)

/* Faults that come in turns, each of them said once. */
#define JOURNAL_FAILURES 8

/* How many lines may be written now. Starts all zero. */
struct journal_limit {
	bool started;
	uint32_t room;
	uint64_t filled_usec, suppressed;
};

/* May one more be written? If so, *suppressed is how many weren't since the last that was. Pure; time is data. */
bool journal_allow(struct journal_limit *limit, uint64_t now_usec, uint64_t *suppressed);

/**
 * struct journal_entry - one line
 * @id: JOURNAL_ID_*
 * @state, @action, @reason, @param, @evidence: fields CONNTUNE_STATE, ...; NULL or "": left out
 * @from, @to: CONNTUNE_OLD, CONNTUNE_NEW
 * @message: the line for people
 */
struct journal_entry {
	int priority;
	const char *id;
	const char *state, *action, *reason, *param, *evidence;
	struct ct_u64 from, to;
	char message[400];
};

/**
 * struct journal - where lines go
 * @native:  to the journal, with fields; else to standard error, the message alone
 * @now_usec: clock of the limit, set by the loop before each round
 * @failure: the last ones said, so that none of them is said again and again; the first that is empty ends them
 * @last:    of them; NULL: none since journal_fine()
 */
struct journal {
	bool native;
	uint64_t now_usec;
	struct journal_limit limit;
	struct journal_failure {
		char text[300];
		uint64_t usec, repeats;
	} failure[JOURNAL_FAILURES], *last;
};

/* Standard error is the journal's if JOURNAL_STREAM says so; @live is false for captured trees. */
void journal_init(struct journal *journal, bool live);
void journal_write(struct journal *journal, const struct journal_entry *entry);

/* A line of the daemon's own life: started, reloaded, stopped. */
void journal_say(struct journal *journal, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Something went wrong; the same again is only counted for an hour. */
void journal_fail(struct journal *journal, const char *message);

/* What went wrong last; "" if nothing did. */
const char *journal_last_failure(const struct journal *journal);

/* The fault is over: when it comes again, it is said again. */
void journal_fine(struct journal *journal);

#endif
