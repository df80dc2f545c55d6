/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers from text: what is taken reads back the same, and both readers agree. */
#include "config.h"
#include "fuzz.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	uint64_t u = 0, again;
	int64_t i = 0;
	char printed[32];
	int ru = ct_parse_u64(text, &u), ri = ct_parse_i64(text, &i);

	fuzz_require(ru == 0 || ru == -EINVAL || ru == -ERANGE);
	fuzz_require(ri == 0 || ri == -EINVAL || ri == -ERANGE);
	if (ru == 0 && u <= INT64_MAX)
		fuzz_require(ri == 0 && i == (int64_t)u);
	if (ri == 0 && !strchr(text, '-'))
		fuzz_require(ru == 0 && u == (uint64_t)i);
	(void)snprintf(printed, sizeof(printed), "%" PRIu64, u);
	fuzz_require(ct_parse_u64(printed, &again) == 0 && again == u);
	return 0;
}
