/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines to the journal with fields, or to standard error; limited in number, with a count of what was left out. */
#include "config.h"
#include "journal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <systemd/sd-journal.h>

#define FAILURE_AGAIN_USEC (UINT64_C(3600) * 1000000)
#define FIELDS_MAX 12
#define FIELD_BYTES 512

bool journal_allow(struct journal_limit *l, uint64_t now_usec, uint64_t *suppressed)
{
	uint64_t more;

	if (!l->started)
		*l = (struct journal_limit){ .started = true, .room = JOURNAL_BURST, .filled_usec = now_usec };
	more = now_usec > l->filled_usec ? (now_usec - l->filled_usec) / JOURNAL_REFILL_USEC : 0;
	l->filled_usec += more * JOURNAL_REFILL_USEC;
	l->room = more >= JOURNAL_BURST - l->room ? JOURNAL_BURST : l->room + (uint32_t)more;
	if (l->room == 0) {
		l->suppressed++;
		return false;
	}
	l->room--;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}

/* "8:12345", device and inode of the stream that the service manager gave us. */
static bool is_journal_stream(const char *stream)
{
	uint64_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void journal_init(struct journal *j, bool live)
{
	*j = (struct journal){ .native = live && is_journal_stream(getenv("JOURNAL_STREAM")) };
}

struct fields {
	struct iovec v[FIELDS_MAX];
	char text[FIELDS_MAX][FIELD_BYTES];
	int count;
};

__attribute__((format(printf, 2, 3)))
static void put(struct fields *f, const char *format, ...)
{
	char *text = f->text[f->count];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, FIELD_BYTES, format, args);
	va_end(args);
	f->v[f->count++] = (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static void put_word(struct fields *f, const char *name, const char *word)
{
	if (word && *word)
		put(f, "%s=%s", name, word);
}

static void put_number(struct fields *f, const char *name, struct ct_u64 v)
{
	if (v.known)
		put(f, "%s=%" PRIu64, name, v.v);
}

static void send_fields(const struct journal_entry *e, const char *message, uint64_t suppressed)
{
	struct fields f = { .count = 0 };

	put(&f, "MESSAGE=%s", message);
	put(&f, "PRIORITY=%d", e->priority);
	put_word(&f, "MESSAGE_ID", e->id);
	put_word(&f, "CONNTUNE_STATE", e->state);
	put_word(&f, "CONNTUNE_ACTION", e->action);
	put_word(&f, "CONNTUNE_REASON", e->reason);
	put_word(&f, "CONNTUNE_PARAM", e->param);
	put_number(&f, "CONNTUNE_OLD", e->from);
	put_number(&f, "CONNTUNE_NEW", e->to);
	put_word(&f, "CONNTUNE_EVIDENCE", e->evidence);
	put_number(&f, "CONNTUNE_SUPPRESSED", (struct ct_u64){ .known = suppressed > 0, .v = suppressed });
	(void)sd_journal_sendv(f.v, f.count);
}

/* A terminal that was stopped, or a reader that sleeps, must not stop the tuning: a pipe that is ready takes a whole line. */
static bool takes_a_line(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

void journal_write(struct journal *j, const struct journal_entry *e)
{
	char message[sizeof(e->message) + 64];
	uint64_t suppressed;

	if (!journal_allow(&j->limit, j->now_usec, &suppressed))
		return;
	(void)snprintf(message, sizeof(message), "%s", e->message);
	if (suppressed)
		(void)snprintf(message, sizeof(message), "%s (%" PRIu64 " lines before this one were suppressed)",
			       e->message, suppressed);
	/* one write, so that lines of others don't get in between; the state may come from untrusted names */
	for (char *p = message; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (j->native)
		send_fields(e, message, suppressed);
	else if (takes_a_line(STDERR_FILENO))
		(void)dprintf(STDERR_FILENO, "conntuned: %s\n", message);
	else
		j->limit.suppressed += suppressed + 1;
}

void journal_say(struct journal *j, int priority, const char *format, ...)
{
	struct journal_entry e = { .priority = priority, .id = JOURNAL_ID_LIFE };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(e.message, sizeof(e.message), format, args);
	va_end(args);
	journal_write(j, &e);
}

/* The same one as before, or the place of the one that was said longest ago. */
static struct journal_failure *find_failure(struct journal *j, const char *message)
{
	struct journal_failure *oldest = &j->failure[0];

	for (size_t i = 0; i < JOURNAL_FAILURES; i++) {
		struct journal_failure *f = &j->failure[i];

		if (f->text[0] && strncmp(f->text, message, sizeof(f->text) - 1) == 0)
			return f;
		if (!f->text[0] || f->usec < oldest->usec)
			oldest = f;
		if (!f->text[0])
			break;
	}
	oldest->text[0] = '\0';
	return oldest;
}

void journal_fail(struct journal *j, const char *message)
{
	struct journal_entry e = { .priority = LOG_WARNING, .id = JOURNAL_ID_FAILED };
	struct journal_failure *f = find_failure(j, message);
	bool again = f->text[0];

	j->last = f;
	if (again && j->now_usec - f->usec < FAILURE_AGAIN_USEC) {
		f->repeats++;
		return;
	}
	if (again && f->repeats)
		(void)snprintf(e.message, sizeof(e.message), "%.300s (%" PRIu64 " times more in the last hour)", message,
			       f->repeats);
	else
		(void)snprintf(e.message, sizeof(e.message), "%s", message);
	(void)snprintf(f->text, sizeof(f->text), "%s", message);
	f->usec = j->now_usec;
	f->repeats = 0;
	journal_write(j, &e);
}

const char *journal_last_failure(const struct journal *j)
{
	return j->last ? j->last->text : "";
}

void journal_fine(struct journal *j)
{
	memset(j->failure, 0, sizeof(j->failure));
	j->last = NULL;
}
