/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings, merged into the sizing request of this machine, and what may be written here at all. */
#include "config.h"
#include "sizing.h"

/* Cost of one node in a resize until one was measured: 0.5 s for a million entries, which are two million nodes. */
#define STALL_USEC_PER_NODE 0.25

/* The first network namespace, as far as anybody can tell, and not a container's /proc/sys. */
static bool may_write(const struct ct_facts *f)
{
	return f->presence != CT_PRESENCE_ABSENT && !f->sysctl_read_only &&
	       (!f->netns_initial_known || f->netns_initial);
}

/* Until 4.7 buckets are set by the module parameter, behind a sysctl that shows them read-only. */
static bool can_set_buckets(const struct ct_facts *f, const struct ct_kernel *k)
{
	return f->value[CT_PARAM_BUCKETS].known &&
	       (f->value[CT_PARAM_BUCKETS].writable || (!k->buckets_sysctl_writable && k->hashsize_writable));
}

/* A share is of RAM; no budget given is the library's default. */
static uint64_t budget(const struct ct_settings *s, uint64_t ram_bytes)
{
	if (s->budget_percent)
		return ram_bytes / 100 * s->budget_percent;
	return s->budget_bytes < ram_bytes ? s->budget_bytes : ram_bytes;
}

int sizing_make(const struct ct_settings *s, const struct ct_facts *f, struct decide_config *ret, struct ct_err *err)
{
	struct decide_config config = { .settings = *s, .stall_usec_per_node = STALL_USEC_PER_NODE };
	struct ct_size_request *req = &config.request;
	int r = ct_size_request_init(req, f, err);

	if (r < 0)
		return r;
	req->budget_bytes = budget(s, req->ram_bytes);
	req->reserve_bytes = s->reserve_bytes;
	req->target_load = s->target_load;
	req->namespaces = s->namespaces;
	req->headroom = s->headroom;
	req->failover = s->failover;
	req->fixed_limit = s->fixed_limit;
	req->fixed_buckets = s->fixed_buckets;
	if (s->entry_bytes)
		req->entry_bytes = s->entry_bytes;
	config.can_set_limit = may_write(f) && f->value[CT_PARAM_LIMIT].known && f->value[CT_PARAM_LIMIT].writable;
	config.can_set_buckets = may_write(f) && can_set_buckets(f, &req->kernel);
	*ret = config;
	return 0;
}
