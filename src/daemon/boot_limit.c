/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the limit is what the kernel made of the hash size that conntuned-boot has chosen. */
#include "config.h"
#include "boot_limit.h"

#include <string.h>
#include <conntune/owners.h>
#include <conntune/size.h>

static bool is_trap(const struct ct_facts *facts)
{
	struct ct_u64 limit = ct_facts_limit(facts), buckets = ct_facts_buckets(facts);
	struct ct_kernel kernel;

	if (facts->presence != CT_PRESENCE_MODULE || !limit.known || !buckets.known)
		return false;
	return ct_kernel_describe(&facts->kernel, facts->page_bytes, facts->pointer_bits, &kernel, NULL) == 0 &&
	       limit.v == ct_size_hashsize_trap(&facts->kernel, &kernel, buckets.v);
}

/* Of this boot's files, and nobody else has the last word. */
static const struct ct_owner *ours(const struct ct_owners *owners, enum ct_param_id id)
{
	const struct ct_owner *o = ct_owners_winner(owners, id);

	return o && o->ours && o->known && strncmp(o->path, "/run/", strlen("/run/")) == 0 ? o : NULL;
}

bool boot_limit(struct ct_fs *fs, const struct ct_facts *facts, uint64_t *ret)
{
	struct ct_owners *owners = NULL;
	const struct ct_owner *limit;
	bool found = false;

	if (!is_trap(facts) || ct_owners_collect(fs, &owners, NULL) < 0)
		return false;
	limit = ours(owners, CT_PARAM_LIMIT);
	if (limit && ours(owners, CT_PARAM_BUCKETS)) {
		*ret = (uint64_t)limit->value;
		found = true;
	}
	(void)ct_owners_free(owners);
	return found;
}
