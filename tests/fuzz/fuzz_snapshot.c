/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot with any bytes changed and its seal made right again: if it passes for one, metrics of it are lines that
 * can be read. */
#include "config.h"
#include "fuzz.h"
#include "situations.h"
#include "view.h"

static void require_lines(const struct text *text)
{
	size_t series = 0;

	fuzz_require(!text->failed && text->n > 0 && text->bytes[text->n - 1] == '\n');
	for (size_t i = 0; i < text->n; i++) {
		char c = text->bytes[i];

		fuzz_require((c >= ' ' && c <= '~') || c == '\n');
		if (c == '\n' && text->bytes[i + 1] != '#')
			series++;
	}
	fuzz_require(series <= 401);
}

#define FIELD(member)                                                                                                  \
	{                                                                                                              \
		offsetof(struct ct_snapshot, member), sizeof(((struct ct_snapshot *)0)->member)                        \
	}

/* Not those that have a bool in them: the daemon writes no other than 0 and 1, and nobody else writes. */
static const struct {
	size_t at, bytes;
} fields[] = {
	FIELD(version),         FIELD(kernel),          FIELD(mode),
	FIELD(state),           FIELD(states),          FIELD(state_name),
	FIELD(cause.name),      FIELD(entries.v),       FIELD(all_entries.v),
	FIELD(buckets.v),       FIELD(limit.v),         FIELD(second_peak),
	FIELD(unreplied.v),     FIELD(rate.v),          FIELD(full_in_seconds.v),
	FIELD(chain_limit_min), FIELD(chain_limit_max), FIELD(tops),
	FIELD(top[0].name),     FIELD(top[1].name),     FIELD(top[0].inode),
	FIELD(namespaces),      FIELD(reasons),         FIELD(reason_count),
	FIELD(foreigns),        FIELD(foreign),         FIELD(look_seconds),
	FIELD(stall_seconds),   FIELD(cpu_usec),        FIELD(started_unix_usec),
	FIELD(peak_second),
};

/* Input: which of them, where in it (two bytes), and what stands there from then on; and so on. */
static void change(struct ct_snapshot *s, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		size_t field = data[i] % (sizeof(fields) / sizeof(fields[0]));
		size_t at = ((size_t)data[i + 1] | (size_t)data[i + 2] << 8) % fields[field].bytes;

		((unsigned char *)s)[fields[field].at + at] = data[i + 3];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ct_snapshot snapshot;
	static const struct view_self self;
	struct view view = { .snapshot = &snapshot, .self = &self, .node_names = true };

	(void)situation_fill(&snapshot, "full", 90000000000, 1700000000000000);
	change(&snapshot, data, size);
	ct_snapshot_seal(&snapshot);
	if (ct_snapshot_check(&snapshot, sizeof(snapshot), NULL) < 0)
		return 0;
	for (int format = METRICS_TEXT; format <= METRICS_OPEN; format++) {
		struct text text = { 0 };

		metrics_write(&text, &view, (enum metrics_format)format);
		require_lines(&text);
		text_free(&text);
	}
	return 0;
}
