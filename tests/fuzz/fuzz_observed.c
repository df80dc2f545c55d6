/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of conntune-observe.service: whatever they hold, what is known of them afterwards is within bounds and
 * printable. */
#include "config.h"
#include "fuzz.h"
#include "observed.h"

static void require_printable(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	fuzz_require(n < room);
	for (size_t i = 0; i < n; i++)
		fuzz_require(text[i] >= ' ' && text[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct view_observed o;
	char *text = fuzz_text(data, size);

	fuzz_require(observed_chains(&o, text, size) == o.chains_known);
	if (o.chains_known)
		fuzz_require(o.lengths > 0 && o.lengths <= VIEW_CHAINS);
	fuzz_require(observed_census(&o, text, size) == o.census_known);
	fuzz_require(o.groups <= VIEW_GROUPS);
	for (uint32_t i = 0; i < o.groups; i++) {
		require_printable(o.group[i].protocol, sizeof(o.group[i].protocol));
		require_printable(o.group[i].state, sizeof(o.group[i].state));
		for (uint32_t j = 0; o.census_known && j < i; j++)
			fuzz_require(strcmp(o.group[i].protocol, o.group[j].protocol) != 0 ||
				     strcmp(o.group[i].state, o.group[j].state) != 0);
	}
	free(text);
	return 0;
}
