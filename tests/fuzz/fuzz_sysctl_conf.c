/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a file of sysctl.d or modules-load.d. */
#include "config.h"
#include "boot_lines.h"
#include "fuzz.h"
#include "util.h"

#include <limits.h>

/* Old and new: other names work, the same lines are found. */
static const struct ct_kver kernels[] = { { 2, 4, 20 }, { 2, 6, 18 }, { 4, 8, 0 }, { UINT16_MAX, 0, 0 } };

static unsigned read_lines(const uint8_t *data, size_t size, const struct ct_kver *v,
			   bool (*parse)(char *, const struct ct_kver *, struct ct_boot_line *))
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_boot_text walk = { .next = text };
	struct ct_boot_line found;
	unsigned last = 0, count = 0;

	(void)ct_boot_text_is_ours(text);
	for (char *line; (line = ct_boot_text_line(&walk)); last = walk.line) {
		fuzz_require(walk.line == last + 1 && !strchr(line, '\n'));
		if (!parse(line, v, &found))
			continue;
		fuzz_require(found.param == CT_PARAM_LIMIT || found.param == CT_PARAM_BUCKETS);
		fuzz_require(!found.known || (found.value >= INT_MIN && found.value <= INT_MAX));
		count++;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count = read_lines(data, size, &kernels[0], ct_parse_sysctl_line);

	for (size_t i = 1; i < ct_array_size(kernels); i++)
		fuzz_require(read_lines(data, size, &kernels[i], ct_parse_sysctl_line) == count);
	(void)read_lines(data, size, &kernels[0], ct_parse_modules_line);
	return 0;
}
