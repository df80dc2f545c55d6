/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of first values and the pending apply, from files that anybody may have damaged. */
#include "config.h"
#include "fuzz.h"
#include "record_internal.h"
#include "util.h"

#include <errno.h>
#include <limits.h>

static void require_number(struct ct_u64 v, uint64_t min)
{
	fuzz_require(!v.known || (v.v >= min && v.v <= INT_MAX));
}

static void require_refused(int r, const struct ct_err *err)
{
	fuzz_require(r == -EBADMSG && err->code == r && err->msg[0] && !strchr(err->msg, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ct_err record_err = { 0 }, pending_err = { 0 };
	/* the length counts, not a NUL behind it */
	ct_cleanup(ct_freep) char *text = malloc(size ? size : 1);
	struct ct_pending p;
	struct ct_record rec;
	int a, b;

	fuzz_require(text);
	if (size > 0)
		memcpy(text, data, size);
	a = ct_record_parse(text, size, &rec, &record_err);
	b = ct_pending_parse(text, size, &p, &pending_err);
	fuzz_require(a < 0 || b < 0);
	if (a < 0)
		require_refused(a, &record_err);
	if (b < 0)
		require_refused(b, &pending_err);
	if (a == 0) {
		require_number(rec.limit, 0);
		require_number(rec.buckets, 1);
	}
	if (b == 0) {
		require_number(p.old_limit, 0);
		require_number(p.new_limit, 0);
		require_number(p.old_buckets, 1);
		require_number(p.new_buckets, 1);
		fuzz_require(p.deadline_usec > 0 && p.guard_pid >= 0);
	}
	return 0;
}
