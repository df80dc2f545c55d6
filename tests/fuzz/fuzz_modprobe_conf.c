/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a file of modprobe.d, and as a kernel command line. */
#include "config.h"
#include "boot_lines.h"
#include "fuzz.h"
#include "util.h"

#include <limits.h>

static const struct ct_kver kernels[] = { { 2, 4, 20 }, { 2, 6, 18 }, { UINT16_MAX, 0, 0 } };

static void judge(const struct ct_boot_line *found)
{
	fuzz_require(found->param == CT_PARAM_BUCKETS);
	fuzz_require(!found->known || (found->value >= 0 && found->value <= UINT_MAX));
}

static void read_lines(const uint8_t *data, size_t size, const struct ct_kver *v)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_boot_text walk = { .next = text };
	struct ct_boot_line found;
	unsigned last = 0;

	for (char *line; (line = ct_boot_text_wrapped(&walk)); last = walk.line) {
		fuzz_require(walk.line > last && !strchr(line, '\n'));
		if (ct_parse_modprobe_line(line, v, &found))
			judge(&found);
	}
}

static void read_cmdline(const uint8_t *data, size_t size, const struct ct_kver *v)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_boot_line found;

	if (ct_parse_cmdline(text, v, &found))
		judge(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ct_array_size(kernels); i++) {
		read_lines(data, size, &kernels[i]);
		read_cmdline(data, size, &kernels[i]);
	}
	return 0;
}
