/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history on disk: a mirror of the rings in memory, read once at start and brought up to date once a minute.
 * All that is done with SQLite is done by a short-lived child: the daemon never waits for a disk, a damaged file can't
 * hurt it, and the 1.2 MB that the library takes once it was used are gone a few milliseconds later.
 */
#include "config.h"
#include "history_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* at start the machine may be busy; then the history isn't worth waiting for any longer */
#define LOAD_WAIT_MSEC 10000

static int fail(struct ct_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct ct_err *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
	va_end(ap);
	err->code = code;
	return code;
}

#ifndef HAVE_SQLITE

int history_file_load(struct history *h, struct ct_err *err)
{
	(void)h;
	return fail(err, -EOPNOTSUPP, "this conntuned was built without SQLite");
}

int history_file_write(struct history *h, struct ct_err *err)
{
	(void)h, (void)err;
	return 0;
}

int history_file_done(struct history *h, int wait_msec, struct ct_err *err)
{
	(void)h, (void)wait_msec, (void)err;
	return 0;
}

void history_file_close(struct history *h)
{
	(void)h;
}

#else
#include <dlfcn.h>
#include <sqlite3.h>

#define SQLITE_LIBRARY "libsqlite3.so.0"
#define APPLICATION_ID 0x636e7468 /* "cnth" */
#define SCHEMA_VERSION 1
#define PAGE_BYTES 4096
#define FREE_PAGES_MAX 8
/* somebody may look at it with another program */
#define BUSY_MSEC 2000

/* What we need of the library, which isn't linked: see above. */
#define SQL_FUNCTIONS(X)                                                                                               \
	X(open_v2)                                                                                                     \
	X(close_v2) X(busy_timeout) X(exec) X(prepare_v2) X(step) X(reset) X(finalize) X(errmsg) X(bind_int64)         \
		X(bind_blob) X(column_int64) X(column_blob) X(column_bytes) X(column_text) X(extended_errcode)
#define SQL_MEMBER(name) __typeof__(&sqlite3_##name) name;

struct sql {
	SQL_FUNCTIONS(SQL_MEMBER)
	sqlite3 *db;
	const char *path;
	struct history_report *report;
};

/**
 * struct loaded - what a child has read, in memory shared with it
 * @run_seq: row that was running, with its sketch; 0: none
 * @slot:    rows of all spans, each with room for its ring's capacity
 */
struct loaded {
	struct history_report report;
	uint32_t n[HISTORY_SPAN__COUNT], run_seq[HISTORY_SPAN__COUNT];
	struct sketch sketch[HISTORY_SPAN__COUNT];
	struct history_slot slot[];
};

static const char columns[] =
	"seq, begin, samples, peak, mean, p50, p95, p99, entries_limit, drops, early_drops, refused";

static int say(struct history_report *report, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int say(struct history_report *report, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(report->msg, sizeof(report->msg), format, ap);
	va_end(ap);
	report->code = code;
	return code;
}

static int code_of(int result)
{
	/* a part of the file that the disk can't read is damage, for SQLite and for us */
	if (result == SQLITE_IOERR_CORRUPTFS)
		return -EBADMSG;
	switch (result & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	/* it doesn't understand us: those aren't our tables */
	case SQLITE_ERROR:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* What SQLite says of its last failure. */
static int say_sql(const struct sql *s, const char *what)
{
	int code = code_of(s->extended_errcode(s->db));

	return say(s->report, code, "%s: can't %s: %s", s->path, what, s->errmsg(s->db));
}

static int find_functions(struct sql *s, struct history_report *report)
{
	static const char *const names[] = {
#define SQL_NAME(name) "sqlite3_" #name,
		SQL_FUNCTIONS(SQL_NAME)
	};
	void *found[sizeof(names) / sizeof(names[0])], *library = dlopen(SQLITE_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return say(report, -EOPNOTSUPP, "history: %s", dlerror());
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		found[i] = dlsym(library, names[i]);
		if (!found[i])
			return say(report, -EOPNOTSUPP, "history: %s has no %s", SQLITE_LIBRARY, names[i]);
	}
	memcpy(s, found, sizeof(found));
	return 0;
}

static int exec(const struct sql *s, const char *what, const char *text)
{
	return s->exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : say_sql(s, what);
}

static int prepare(const struct sql *s, const char *text, sqlite3_stmt **ret)
{
	return s->prepare_v2(s->db, text, -1, ret, NULL) == SQLITE_OK ? 0 : say_sql(s, "use it");
}

/* The one number that a query answers. */
static int ask(const struct sql *s, const char *text, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int r = prepare(s, text, &stmt);

	if (r == 0 && s->step(stmt) == SQLITE_ROW)
		*ret = s->column_int64(stmt, 0);
	else if (r == 0)
		r = say_sql(s, "read it");
	(void)s->finalize(stmt);
	return r;
}

/* What hinders the check is told in words as well; little memory isn't damage. */
static int say_damage(const struct sql *s, const char *text)
{
	const char *code = strstr(text, "error code=");

	return say(s->report, code ? code_of(atoi(code + strlen("error code="))) : -EBADMSG, "%s: damaged: %s", s->path,
		   text);
}

/* Damage in the middle of a file shows only where it is read; so all of it is, once. */
static int check_whole(const struct sql *s)
{
	sqlite3_stmt *stmt = NULL;
	int r = prepare(s, "PRAGMA quick_check(1)", &stmt);

	if (r == 0 && s->step(stmt) != SQLITE_ROW)
		r = say_sql(s, "check it");
	else if (r == 0 && strcmp((const char *)s->column_text(stmt, 0), "ok") != 0)
		r = say_damage(s, (const char *)s->column_text(stmt, 0));
	(void)s->finalize(stmt);
	return r;
}

/* All or nothing: a file without tables is as good as none. */
static int create(const struct sql *s)
{
	char text[1024];
	int n = 0, r;

	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++)
		n += snprintf(
			text + n, sizeof(text) - (size_t)n,
			"CREATE TABLE %s(seq INTEGER PRIMARY KEY, begin INTEGER, samples INTEGER, peak INTEGER, "
			"mean INTEGER, p50 INTEGER, p95 INTEGER, p99 INTEGER, entries_limit INTEGER, drops INTEGER, "
			"early_drops INTEGER, refused INTEGER);",
			history_span_name(span));
	(void)snprintf(text + n, sizeof(text) - (size_t)n,
		       "CREATE TABLE running(span INTEGER PRIMARY KEY, seq INTEGER, sketch BLOB);"
		       "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		       APPLICATION_ID, SCHEMA_VERSION);
	r = exec(s, "make it", "PRAGMA auto_vacuum=INCREMENTAL; BEGIN IMMEDIATE");
	if (r == 0)
		r = exec(s, "make it", text);
	if (r == 0)
		r = exec(s, "make it", "COMMIT");
	return r;
}

/* Returns: 1 made just now; 0 it was there and is ours; -EBADMSG damaged; another negative errno. */
static int use_schema(const struct sql *s)
{
	int64_t id = 0, version = 0, tables = 0;
	int r = ask(s, "PRAGMA application_id", &id);

	if (r == 0)
		r = ask(s, "PRAGMA user_version", &version);
	if (r == 0)
		r = ask(s, "SELECT count(*) FROM sqlite_master", &tables);
	if (r < 0)
		return r;
	if (id == 0 && version == 0 && tables == 0) {
		r = create(s);
		return r < 0 ? r : 1;
	}
	if (id != APPLICATION_ID)
		return say(s->report, -EEXIST, "%s: another program's database", s->path);
	if (version != SCHEMA_VERSION)
		return say(s->report, -EPROTO, "%s: format %lld, while this conntuned has format %d", s->path,
			   (long long)version, SCHEMA_VERSION);
	return 0;
}

static void make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];

	(void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (slash)
		(void)mkdir(dir, 0755);
}

static int open_file(struct sql *s)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	char text[160];
	struct stat st;
	int r;

	if (lstat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		return say(s->report, -EEXIST, "%s: not a file", s->path);
	make_directory(s->path);
	r = s->open_v2(s->path, &s->db, flags, NULL);
	if (r != SQLITE_OK)
		return s->db ? say_sql(s, "open it") : say(s->report, -ENOMEM, "out of memory");
	(void)s->busy_timeout(s->db, BUSY_MSEC);
	/* one file at rest; power may fail at any moment; nothing is written anywhere else */
	(void)snprintf(text, sizeof(text),
		       "PRAGMA page_size=%d; PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; "
		       "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
		       PAGE_BYTES);
	return exec(s, "open it", text);
}

/* A journal that stays would be played back into the next file of that name. */
static void move_aside(struct sql *s)
{
	char text[4200];

	(void)s->close_v2(s->db);
	s->db = NULL;
	(void)snprintf(text, sizeof(text), "%s-journal", s->path);
	(void)unlink(text);
	(void)snprintf(text, sizeof(text), "%s.corrupt", s->path);
	s->report->moved_aside = rename(s->path, text) == 0;
}

static uint32_t number(const struct sql *s, sqlite3_stmt *stmt, int column, int64_t max, bool *good)
{
	int64_t v = s->column_int64(stmt, column);

	*good &= v >= 0 && v <= max;
	return (uint32_t)v;
}

/* Returns: false if no conntuned can have written that */
static bool read_row(const struct sql *s, sqlite3_stmt *stmt, enum history_span span, struct history_slot *ret)
{
	int64_t begin = s->column_int64(stmt, 1), length = history_span_seconds(span);
	bool good = begin >= 0 && begin % length == 0 && begin / length <= UINT32_MAX;
	uint32_t *const small[] = {
		&ret->samples, &ret->peak, &ret->mean, &ret->p50, &ret->p95, &ret->p99, &ret->limit
	};
	uint64_t *const large[] = { &ret->drops, &ret->early_drops, &ret->refused };

	memset(ret, 0, sizeof(*ret));
	ret->seq = number(s, stmt, 0, INT32_MAX, &good);
	ret->begin = (uint32_t)(begin / length);
	for (int i = 0; i < 7; i++)
		*small[i] = number(s, stmt, 2 + i, INT32_MAX, &good);
	for (int i = 0; i < 3; i++) {
		int64_t v = s->column_int64(stmt, 9 + i);

		good &= v >= 0;
		*large[i] = (uint64_t)v;
	}
	return good && ret->seq > 0;
}

static int load_span(const struct sql *s, enum history_span span, uint32_t capacity, struct history_slot *slot,
		     struct loaded *to)
{
	const char *name = history_span_name(span);
	sqlite3_stmt *stmt = NULL;
	char text[320];
	int r, step;

	(void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE seq > (SELECT max(seq) FROM %s) - %u ORDER BY seq",
		       columns, name, name, capacity);
	r = prepare(s, text, &stmt);
	while (r == 0 && (step = s->step(stmt)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = say_sql(s, "read it");
		else if (to->n[span] < capacity && read_row(s, stmt, span, &slot[to->n[span]]))
			to->n[span]++;
	}
	(void)s->finalize(stmt);
	return r;
}

static int load_running(const struct sql *s, struct loaded *to)
{
	sqlite3_stmt *stmt = NULL;
	int r = prepare(s, "SELECT span, seq, sketch FROM running", &stmt);
	int step;

	while (r == 0 && (step = s->step(stmt)) != SQLITE_DONE) {
		int64_t span = step == SQLITE_ROW ? s->column_int64(stmt, 0) : -1;
		int64_t seq = step == SQLITE_ROW ? s->column_int64(stmt, 1) : 0;

		if (step != SQLITE_ROW)
			r = say_sql(s, "read it");
		else if (span >= 0 && span < HISTORY_SPAN__COUNT && seq > 0 && seq <= INT32_MAX &&
			 sketch_unpack(s->column_blob(stmt, 2), (size_t)s->column_bytes(stmt, 2), &to->sketch[span]))
			to->run_seq[span] = (uint32_t)seq;
	}
	(void)s->finalize(stmt);
	return r;
}

/* The same value again: can it be written at all? */
static int try_to_write(const struct sql *s)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "BEGIN IMMEDIATE; PRAGMA user_version=%d; COMMIT", SCHEMA_VERSION);
	return exec(s, "write to it", text);
}

/* All is read then. A disk that is full or a file in use passes: writing is tried each minute, and says it. */
static int can_be_written(struct sql *s)
{
	int r = try_to_write(s);

	return r == -EBUSY || r == -ENOSPC ? 0 : r;
}

static void load_in_child(const struct history *h, struct sql *s, struct loaded *to)
{
	struct history_slot *slot = to->slot;
	int r = open_file(s);

	if (r == 0)
		r = use_schema(s);
	if (r == 0)
		r = check_whole(s);
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT && r == 0; span++) {
		r = load_span(s, span, h->ring[span].capacity, slot, to);
		slot += h->ring[span].capacity;
	}
	if (r == 0)
		r = load_running(s, to);
	if (r == 0)
		r = can_be_written(s);
	if (r == -EBADMSG) {
		memset(to->n, 0, sizeof(to->n));
		move_aside(s);
	}
	if (r >= 0)
		to->report.code = 0;
}

static int bind_row(const struct sql *s, sqlite3_stmt *stmt, enum history_span span, const struct history_slot *slot)
{
	const int64_t v[] = {
		slot->seq,
		(int64_t)slot->begin * history_span_seconds(span),
		slot->samples,
		slot->peak,
		slot->mean,
		slot->p50,
		slot->p95,
		slot->p99,
		slot->limit,
		(int64_t)slot->drops,
		(int64_t)slot->early_drops,
		(int64_t)slot->refused,
	};

	for (int i = 0; i < 12; i++)
		if (s->bind_int64(stmt, i + 1, v[i]) != SQLITE_OK)
			return say_sql(s, "write a row");
	return 0;
}

static int step_once(const struct sql *s, sqlite3_stmt *stmt)
{
	int r = s->step(stmt) == SQLITE_DONE ? 0 : say_sql(s, "write to it");

	(void)s->reset(stmt);
	return r;
}

static int write_span(const struct sql *s, const struct history *h, enum history_span span, bool all)
{
	const struct history_ring *ring = &h->ring[span];
	sqlite3_stmt *stmt = NULL;
	char text[320];
	int r;

	(void)snprintf(text, sizeof(text), "INSERT OR REPLACE INTO %s(%s) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
		       history_span_name(span), columns);
	r = prepare(s, text, &stmt);
	for (uint32_t i = 0; i < ring->n && r == 0; i++) {
		const struct history_slot *slot = history_slot_at(ring, i);

		if (!all && slot->changed <= h->saved)
			continue;
		r = bind_row(s, stmt, span, slot);
		if (r == 0)
			r = step_once(s, stmt);
	}
	(void)s->finalize(stmt);
	if (r < 0 || ring->n == 0)
		return r;
	(void)snprintf(text, sizeof(text), "DELETE FROM %s WHERE seq < %u", history_span_name(span),
		       history_slot_at(ring, 0)->seq);
	return exec(s, "write to it", text);
}

/* What a row can't tell of a span that isn't over: with it, a restart loses nothing of the hour and the day. */
static int write_running(const struct sql *s, const struct history *h)
{
	sqlite3_stmt *stmt = NULL;
	uint8_t bytes[SKETCH_PACKED_MAX];
	int r = prepare(s, "INSERT OR REPLACE INTO running VALUES(?,?,?)", &stmt);

	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT && r == 0; span++) {
		const struct history_run *run = &h->run[span];
		int n = (int)sketch_pack(&run->sketch, bytes);

		if (s->bind_int64(stmt, 1, span) != SQLITE_OK || s->bind_int64(stmt, 2, run->slot->seq) != SQLITE_OK ||
		    s->bind_blob(stmt, 3, bytes, n, SQLITE_STATIC) != SQLITE_OK)
			r = say_sql(s, "write a row");
		else
			r = step_once(s, stmt);
	}
	(void)s->finalize(stmt);
	return r;
}

/* Rows that went are followed by others, so little is free but after the limit was made smaller. */
static int give_back(const struct sql *s)
{
	int64_t pages = 0;
	int r = ask(s, "PRAGMA freelist_count", &pages);

	return r == 0 && pages > FREE_PAGES_MAX ? exec(s, "write to it", "PRAGMA incremental_vacuum") : r;
}

static void write_in_child(const struct history *h, struct sql *s)
{
	char text[128];
	int made, r = open_file(s);

	/* the number of rows sees to it that this is never reached */
	(void)snprintf(text, sizeof(text), "PRAGMA max_page_count=%llu; BEGIN IMMEDIATE",
		       (unsigned long long)(h->max_bytes / PAGE_BYTES));
	made = r == 0 ? use_schema(s) : r;
	r = made < 0 ? made : exec(s, "write to it", text);
	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT && r == 0; span++)
		r = write_span(s, h, span, made == 1 || h->rewrite);
	if (r == 0)
		r = write_running(s, h);
	if (r == 0)
		r = give_back(s);
	if (r == 0)
		r = exec(s, "write to it", "COMMIT");
	if (r == -EBADMSG)
		move_aside(s);
	if (r == 0)
		s->report->code = 0;
}

/* Nothing of the daemon's is held by the child: it must not keep a lock or a connection alive. */
static void close_others(void)
{
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
	for (long fd = 3, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
		(void)close((int)fd);
}

static void child(const struct history *h, struct history_report *report, struct loaded *to)
{
	struct sql s = { .db = NULL };

	close_others();
	(void)prctl(PR_SET_NAME, "conntuned-disk");
	if (find_functions(&s, report) == 0) {
		s.path = h->path;
		s.report = report;
		if (to)
			load_in_child(h, &s, to);
		else
			write_in_child(h, &s);
		(void)s.close_v2(s.db);
	}
	_exit(0);
}

static int start(struct history *h, struct history_report *report, struct loaded *to, struct ct_err *err)
{
	/* what it says if it says nothing */
	*report = (struct history_report){ .code = -EIO };
	(void)snprintf(report->msg, sizeof(report->msg), "%.200s: the process that uses it died", h->path);
	h->writer = fork();
	if (h->writer == 0)
		child(h, report, to);
	if (h->writer > 0)
		return 0;
	h->writer = 0;
	return fail(err, -errno, "history: can't start a process: %s", strerror(errno));
}

/* Returns: 0 it has ended; -EBUSY it hasn't */
static int wait_for_child(struct history *h, int wait_msec)
{
	struct pollfd end = { .fd = -1, .events = POLLIN };
	int flags = WNOHANG, r;
	pid_t pid;

	if (wait_msec > 0) {
		end.fd = (int)syscall(SYS_pidfd_open, h->writer, 0U);
		do
			r = end.fd < 0 ? 0 : poll(&end, 1, wait_msec);
		while (r < 0 && errno == EINTR);
		/* before Linux 5.3 there is no way to wait but for good */
		if (end.fd < 0)
			flags = 0;
		else
			(void)close(end.fd);
	}
	do
		pid = waitpid(h->writer, NULL, flags);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return -EBUSY;
	h->writer = 0;
	return 0;
}

static void take_rows(struct history *h, const struct loaded *from)
{
	const struct history_slot *slot = from->slot;

	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++) {
		struct history_ring *ring = &h->ring[span];

		for (uint32_t i = 0; i < from->n[span] && i < ring->capacity; i++) {
			ring->slot[i] = slot[i];
			ring->n = i + 1;
			if (slot[i].seq == from->run_seq[span])
				history_run_resume(&h->run[span], &ring->slot[i], &from->sketch[span]);
		}
		if (ring->n)
			ring->next_seq = ring->slot[ring->n - 1].seq + 1;
		slot += ring->capacity;
	}
}

/* Memory that a child writes and we read. */
static void *share(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int load(struct history *h, struct loaded *to, struct ct_err *err)
{
	int r = start(h, &to->report, to, err);

	if (r < 0)
		return r;
	if (wait_for_child(h, LOAD_WAIT_MSEC) < 0) {
		(void)kill(h->writer, SIGKILL);
		return fail(err, -ETIMEDOUT, "%.200s: not read within %d s", h->path, LOAD_WAIT_MSEC / 1000);
	}
	take_rows(h, to);
	if (to->report.code == 0)
		return 0;
	if (to->report.moved_aside)
		return fail(err, -EBADMSG, "%.200s; moved aside and begun anew", to->report.msg);
	r = to->report.code;
	return fail(err, r == -EBADMSG ? -EIO : r, "%s", to->report.msg);
}

int history_file_load(struct history *h, struct ct_err *err)
{
	size_t bytes = sizeof(struct loaded);
	struct loaded *to;
	int r;

	for (enum history_span span = 0; span < HISTORY_SPAN__COUNT; span++)
		bytes += h->ring[span].capacity * sizeof(struct history_slot);
	h->report = share(sizeof(*h->report));
	to = share(bytes);
	r = h->report && to ? load(h, to, err) : fail(err, -ENOMEM, "out of memory");
	if (to)
		(void)munmap(to, bytes);
	return r;
}

int history_file_write(struct history *h, struct ct_err *err)
{
	int r;

	if (!h->path || h->writer)
		return 0;
	r = start(h, h->report, NULL, err);
	if (r == 0)
		h->writing = h->generation++;
	return r;
}

int history_file_done(struct history *h, int wait_msec, struct ct_err *err)
{
	int code, before = h->last_code;

	if (!h->writer || wait_for_child(h, wait_msec) < 0 || !h->path)
		return 0;
	code = h->report->code;
	h->last_code = code;
	if (code == 0)
		h->saved = h->writing;
	h->rewrite = code == -EBADMSG || (h->rewrite && code < 0);
	/* said once; it is tried again every minute */
	if (code == 0 || code == before)
		return 0;
	return fail(err, code, "%.200s%s", h->report->msg, h->report->moved_aside ? "; moved aside" : "");
}

void history_file_close(struct history *h)
{
	if (h->report)
		(void)munmap(h->report, sizeof(*h->report));
}
#endif
