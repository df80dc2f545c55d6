/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot that conntuned publishes: sealed, checked, read. All but the two reads is pure. */
#include "config.h"
#include "fs.h"
#include "util.h"

#include <conntune/snapshot.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A write takes some microseconds, and there is one in a second. */
#define READS 16

/* The kernel keeps it in a byte. */
#define CHAIN_LIMIT_MAX 255

/* The last byte of each text has to be its end, whatever wrote it. */
#define ENDS(text) ((text)[sizeof(text) - 1] == '\0')

static const char snapshot_magic[8] = "ctsnap\n", recent_magic[8] = "ctpast\n";

/* FNV-1a, eight bytes at a time: it has to tell a torn copy, and nobody who means harm can write the file. */
static uint64_t check_of(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325), word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		(void)memcpy(&word, p, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
		hash ^= hash >> 32;
	}
	for (; n > 0; p++, n--)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t check_behind(const struct ct_snapshot_seal *seal, size_t bytes)
{
	return check_of(seal + 1, bytes - sizeof(*seal));
}

static void seal(struct ct_snapshot_seal *seal, const char magic[8], size_t bytes)
{
	(void)memcpy(seal->magic, magic, sizeof(seal->magic));
	seal->version = CT_SNAPSHOT_VERSION;
	seal->bytes = (uint32_t)bytes;
	seal->check = check_behind(seal, bytes);
}

void ct_snapshot_seal(struct ct_snapshot *snapshot)
{
	seal(&snapshot->seal, snapshot_magic, sizeof(*snapshot));
}

void ct_recent_seal(struct ct_recent *recent)
{
	seal(&recent->seal, recent_magic, sizeof(*recent));
}

static int check_seal(const void *bytes, size_t n, const char magic[8], size_t wanted, struct ct_err *err)
{
	struct ct_snapshot_seal seal;

	if (n < sizeof(seal))
		return ct_err_set(err, -EBADMSG, "snapshot: %zu bytes, which isn't even its head", n);
	(void)memcpy(&seal, bytes, sizeof(seal));
	if (memcmp(seal.magic, magic, sizeof(seal.magic)) != 0)
		return ct_err_set(err, -EINVAL, "snapshot: this is something else");
	if (seal.version != CT_SNAPSHOT_VERSION || seal.bytes != wanted)
		return ct_err_set(err, -EPROTO,
				  "snapshot: version %" PRIu32 " of %" PRIu32 " bytes, not version %d of %zu",
				  seal.version, seal.bytes, CT_SNAPSHOT_VERSION, wanted);
	if (n != wanted)
		return ct_err_set(err, -EBADMSG, "snapshot: %zu bytes of %zu", n, wanted);
	if (check_behind(bytes, n) != seal.check)
		return ct_err_set(err, -EBADMSG, "snapshot: damaged, or being written");
	return 0;
}

static bool texts_end(const struct ct_snapshot *s)
{
	bool ends = ENDS(s->version) && ENDS(s->kernel) && ENDS(s->mode) && ENDS(s->reason) && ENDS(s->reason_text) &&
		    ENDS(s->evidence) && ENDS(s->source) && ENDS(s->cause.name) && ENDS(s->cause.text) &&
		    ENDS(s->cause.evidence) && ENDS(s->cause.remedy);

	for (size_t i = 0; i < CT_SNAPSHOT_STATES; i++)
		ends = ends && ENDS(s->state_name[i]);
	for (size_t i = 0; i < CT_SNAPSHOT_REASONS; i++)
		ends = ends && ENDS(s->reason_count[i].name);
	for (size_t i = 0; i < CT_SNAPSHOT_FOREIGN; i++)
		ends = ends && ENDS(s->foreign[i].name);
	for (size_t i = 0; i < CT_NETNS_TOP; i++)
		ends = ends && ENDS(s->top[i].name);
	for (size_t i = 0; i < CT_SNAPSHOT_ACTIONS; i++) {
		const struct ct_snapshot_action *a = &s->action[i];

		ends = ends && ENDS(a->action) && ENDS(a->reason) && ENDS(a->text) && ENDS(a->evidence) &&
		       ENDS(a->error) && ENDS(a->result);
	}
	return ends;
}

static bool within_bounds(const struct ct_snapshot *s)
{
	return s->states <= CT_SNAPSHOT_STATES && s->state < s->states && s->foreigns <= CT_SNAPSHOT_FOREIGN &&
	       s->tops <= CT_NETNS_TOP && s->actions <= CT_SNAPSHOT_ACTIONS && s->reasons <= CT_SNAPSHOT_REASONS &&
	       s->peak_second < INT64_MAX && s->chain_limit_min <= CHAIN_LIMIT_MAX && s->chain_limit_max <= CHAIN_LIMIT_MAX &&
	       s->look_seconds.n <= CT_SNAPSHOT_BOUNDS && s->stall_seconds.n <= CT_SNAPSHOT_BOUNDS;
}

int ct_snapshot_check(const void *bytes, size_t n, struct ct_err *err)
{
	int r = check_seal(bytes, n, snapshot_magic, sizeof(struct ct_snapshot), err);

	if (r == 0 && (!texts_end(bytes) || !within_bounds(bytes)))
		r = ct_err_set(err, -EBADMSG, "snapshot: a text without an end, or a number out of bounds");
	return r;
}

int ct_recent_check(const void *bytes, size_t n, struct ct_err *err)
{
	const struct ct_recent *recent = bytes;
	int r = check_seal(bytes, n, recent_magic, sizeof(*recent), err);

	if (r == 0 && (recent->minutes > CT_RECENT_MINUTES || recent->hours > CT_RECENT_HOURS))
		r = ct_err_set(err, -EBADMSG, "snapshot: more rows than there is room for");
	return r;
}

/* @bytes: room for one more, so that a file that is too long shows */
static int read_sealed(struct ct_fs *fs, const char *path, char *bytes, size_t n,
		       int (*check)(const void *, size_t, struct ct_err *), struct ct_err *err)
{
	int r = -EBADMSG;

	for (int i = 0; i < READS && r == -EBADMSG; i++) {
		size_t got = 0;

		r = ct_fs_read_start(fs, path, bytes, n + 2, &got, err);
		if (r == 0)
			r = check(bytes, got, err);
	}
	return r;
}

int ct_snapshot_read(struct ct_fs *fs, struct ct_snapshot *ret, struct ct_err *err)
{
	ct_cleanup(ct_freep) char *bytes = malloc(sizeof(*ret) + 2);
	int r = bytes ? read_sealed(fs, CT_SNAPSHOT_PATH, bytes, sizeof(*ret), ct_snapshot_check, err)
		      : ct_err_set(err, -ENOMEM, "out of memory");

	if (r == 0)
		(void)memcpy(ret, bytes, sizeof(*ret));
	return r;
}

int ct_recent_read(struct ct_fs *fs, struct ct_recent *ret, struct ct_err *err)
{
	ct_cleanup(ct_freep) char *bytes = malloc(sizeof(*ret) + 2);
	int r = bytes ? read_sealed(fs, CT_RECENT_PATH, bytes, sizeof(*ret), ct_recent_check, err)
		      : ct_err_set(err, -ENOMEM, "out of memory");

	if (r == 0)
		(void)memcpy(ret, bytes, sizeof(*ret));
	return r;
}

double ct_snapshot_age(const struct ct_snapshot *s, uint64_t boot_usec)
{
	return boot_usec > s->boot_usec ? (double)(boot_usec - s->boot_usec) / 1e6 : 0;
}

bool ct_snapshot_is_old(const struct ct_snapshot *s, uint64_t boot_usec)
{
	return boot_usec > s->boot_usec && boot_usec - s->boot_usec > s->fresh_usec;
}

struct ct_u64 ct_snapshot_peak_since(const struct ct_snapshot *s, uint64_t since)
{
	struct ct_u64 peak = { .known = false };
	uint64_t first = s->peak_second >= CT_SNAPSHOT_PEAKS ? s->peak_second - CT_SNAPSHOT_PEAKS + 1 : 0;

	if (since >= s->peak_second)
		return peak;
	if (since >= first)
		first = since + 1;
	for (uint64_t second = first; second <= s->peak_second; second++) {
		uint32_t v = s->second_peak[second % CT_SNAPSHOT_PEAKS];

		if (v == UINT32_MAX)
			continue;
		if (!peak.known || v > peak.v)
			peak = (struct ct_u64){ .known = true, .v = v };
	}
	return peak;
}

void ct_snapshot_count(struct ct_snapshot_histogram *h, double seconds)
{
	uint32_t i = 0;

	while (i < h->n && seconds > h->bound[i])
		i++;
	h->count[i]++;
	h->sum += seconds;
}
