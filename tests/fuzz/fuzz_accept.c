/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept and Accept-Encoding from anybody: nothing is understood that isn't named in them. */
#include "config.h"
#include "fuzz.h"
#include "negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	if (negotiate_format(text) == METRICS_OPEN)
		fuzz_require(strcasestr(text, "application/openmetrics-text"));
	if (negotiate_gzip(text))
		fuzz_require(strcasestr(text, "gzip") || strchr(text, '*'));
	free(text);
	return 0;
}
