/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel versions from text, and what is said of whatever version came out. */
#include "config.h"
#include "fuzz.h"
#include "util.h"

#include <errno.h>
#include <conntune/kernel.h>

static void describe(const struct ct_kver *v)
{
	for (uint32_t page = 4096; page <= 1 << 20; page *= 2) {
		struct ct_kernel k;

		fuzz_require(ct_kernel_describe(v, page, page & 0xaaaaa ? 32 : 64, &k, NULL) == 0);
		fuzz_require(k.era < CT_ERA__COUNT && k.bucket_bytes >= 4 && k.bucket_step >= 1);
		fuzz_require(k.chain_limit_min <= k.chain_limit_max && k.slab_entry_bytes > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_kver v = { 0 }, again;
	struct ct_err err = { 0 };
	char printed[32];
	int r = ct_kver_parse(text, &v, &err);

	if (r < 0) {
		fuzz_require(r == -EINVAL && err.code == r && err.msg[0] && !strchr(err.msg, '\n'));
		return 0;
	}
	(void)snprintf(printed, sizeof(printed), "%u.%u.%u", v.major, v.minor, v.patch);
	fuzz_require(ct_kver_parse(printed, &again, NULL) == 0 && ct_kver_cmp(&v, &again) == 0);
	fuzz_require(ct_kver_at_least(&v, 2, 4, 0));
	describe(&v);
	for (int i = 0; i < 2; i++) {
		bool told = i ? ct_kver_from_signature(&again, text) : ct_kver_from_build(&again, text);

		fuzz_require(!told || (v.patch == 0 && again.major == v.major && again.minor == v.minor));
		again = v;
	}
	return 0;
}
