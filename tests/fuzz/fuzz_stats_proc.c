/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of proc/net/stat/nf_conntrack: what is taken has a CPU for each line, and nothing is written beyond the room. */
#include "config.h"
#include "fuzz.h"
#include "stats_internal.h"
#include "util.h"

#include <errno.h>

#define ROOM 3
#define CANARY 0xc0ffee

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_raw raw[ROOM + 1] = { 0 };
	uint64_t entries = UINT64_MAX;
	int r;

	raw[ROOM].present = CANARY;
	r = ct_stats_parse_proc(text, raw, ROOM, &entries);
	fuzz_require(raw[ROOM].present == CANARY);
	fuzz_require(r == -EBADMSG || (r >= 1 && r <= ROOM));
	if (r > 0)
		fuzz_require(entries <= UINT32_MAX && strncmp(text + strspn(text, " \t"), "entries", 7) == 0);
	for (int i = 0; i < r; i++)
		fuzz_require(raw[i].present >> CT_COUNTER__COUNT == 0);
	return 0;
}
