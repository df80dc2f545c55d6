/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What entries and buckets cost, and what must stay free; pure. */
#include "config.h"
#include <conntune/memory.h>

#include <errno.h>
#include <inttypes.h>

#include "util.h"

/* Pages are rounded here, buckets by the kernel; a step is a page of buckets, so both agree from 2.6.23 on. */
int ct_memory_table(const struct ct_kernel *kernel, uint32_t page_bytes, uint64_t buckets, uint64_t *ret,
		    struct ct_err *err)
{
	uint64_t bytes;

	if (!ct_mul_u64(buckets, kernel->bucket_bytes, &bytes) || !ct_add_u64(bytes, page_bytes - 1, &bytes))
		return ct_err_set(err, -EOVERFLOW, "the bytes of %" PRIu64 " buckets don't fit into 64 bits", buckets);
	*ret = bytes - bytes % page_bytes;
	return 0;
}

int ct_memory_full(const struct ct_kernel *kernel, uint32_t page_bytes, uint64_t entry_bytes, uint64_t entries,
		   uint64_t buckets, uint64_t *ret, struct ct_err *err)
{
	uint64_t bytes, table;
	int r = ct_memory_table(kernel, page_bytes, buckets, &table, err);

	if (r < 0)
		return r;
	if (!ct_mul_u64(entries, entry_bytes, &bytes) || !ct_add_u64(bytes, table, &bytes))
		return ct_err_set(err, -EOVERFLOW, "%" PRIu64 " entries of %" PRIu64 " bytes don't fit into 64 bits",
				  entries, entry_bytes);
	*ret = bytes;
	return 0;
}

uint64_t ct_memory_usable(uint64_t ram_bytes, unsigned pointer_bits)
{
	return pointer_bits == 32 && ram_bytes > CT_LOW_MEMORY_BYTES ? CT_LOW_MEMORY_BYTES : ram_bytes;
}

uint64_t ct_memory_usable_here(uint64_t ram_bytes, unsigned pointer_bits, uint64_t low_bytes)
{
	if (pointer_bits != 32 || low_bytes == 0)
		return ct_memory_usable(ram_bytes, pointer_bits);
	return low_bytes < ram_bytes ? low_bytes : ram_bytes;
}

uint64_t ct_memory_floor(uint64_t ram_bytes)
{
	uint64_t share = ram_bytes / 100 * CT_AVAILABLE_FLOOR_PERCENT;

	if (share < CT_AVAILABLE_FLOOR_BYTES)
		share = CT_AVAILABLE_FLOOR_BYTES;
	return share < ram_bytes / 4 ? share : ram_bytes / 4;
}
