/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message of a dump: read and counted by every key, or refused; nothing beyond its end is touched. */
#include "config.h"
#include "census_internal.h"
#include "fuzz.h"
#include "util.h"

#include <errno.h>

static void check_counted(const struct nlmsghdr *h, const struct ct_entry *e)
{
	static const struct ct_census_options options = {
		.by = "proto,state,assured,src,dst,dport,zone,mark,prefix,age,timeout",
		.prefix = "23/61",
	};
	static const struct ct_idle_table idle = { .tcp = { 0, 120, 60, 432000 }, .udp = { 30, 120 }, .generic = 600 };
	struct ct_census *census = NULL;
	uint32_t seconds;

	fuzz_require(ct_census_new(&census, &options, NULL) == 0);
	fuzz_require(ct_census_count(census, h) == 0 && ct_census_count(census, h) == 0);
	fuzz_require(ct_census_result(census)->total == 2);
	if (ct_entry_idle(&idle, e, &seconds))
		fuzz_require(seconds <= 432000);
	(void)ct_census_free(census);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ct_cleanup(ct_freep) struct nlmsghdr *h = NULL;
	struct ct_entry e;
	int r;

	/* what comes before this is made by the receive buffer's owner, lib/nl.c */
	if (size < sizeof(*h) || size > CT_NL_BUFFER)
		return 0;
	h = malloc(size);
	fuzz_require(h);
	memcpy(h, data, size);
	h->nlmsg_len = (uint32_t)size;
	r = ct_entry_parse(h, ~0U, &e);
	fuzz_require(r == 0 || r == -EBADMSG);
	fuzz_require(ct_entry_parse(h, 0, &e) == 0 || r < 0);
	if (r == 0 && ct_entry_parse(h, ~0U, &e) == 0)
		check_counted(h, &e);
	return 0;
}
