/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From options and facts to sizes. */
#include "config.h"
#include "cli.h"
#include "sizing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int collect(const struct cli_options *opt, struct ct_fs *fs, struct cli_sizing *s, struct ct_err *err)
{
	const struct ct_facts_override over = {
		.ram_bytes = opt->ram_bytes,
		.pointer_bits = (unsigned)opt->pointer_bits,
		.kernel = opt->kernel,
		.entry_bytes = opt->entry_bytes,
	};

	s->other_machine = cli_given(opt, CLI_OPT_RAM) || cli_given(opt, CLI_OPT_POINTER_BITS) ||
			   cli_given(opt, CLI_OPT_KERNEL);
	return ct_facts_collect(fs, &over, &s->facts, err);
}

/* Numbers from the command line take the place of the defaults. */
static int fill_request(const struct cli_options *opt, struct cli_sizing *s, struct ct_err *err)
{
	struct ct_size_request *req = &s->request;
	int r = ct_size_request_init(req, &s->facts, err);

	if (r < 0)
		return r;
	if (cli_given(opt, CLI_OPT_RESERVE))
		req->reserve_bytes = opt->reserve_bytes;
	if (cli_given(opt, CLI_OPT_LOAD))
		req->target_load = opt->load;
	if (cli_given(opt, CLI_OPT_HEADROOM))
		req->headroom = opt->headroom;
	if (cli_given(opt, CLI_OPT_FAILOVER))
		req->failover = (uint32_t)opt->failover;
	if (cli_given(opt, CLI_OPT_NAMESPACES))
		req->namespaces = (uint32_t)opt->namespaces;
	req->budget_bytes = opt->budget_percent ? req->ram_bytes * opt->budget_percent / 100 : opt->budget_bytes;
	req->fixed_limit = opt->limit;
	req->fixed_buckets = opt->buckets;
	req->peak_entries = opt->peak;
	if (!opt->peak && s->facts.slab_peak_entries.known)
		req->peak_entries = s->facts.slab_peak_entries.v;
	if (!cli_given(opt, CLI_OPT_POLICY) && !opt->allow_shrink && !s->other_machine) {
		req->keep_limit = ct_facts_limit(&s->facts).v;
		req->keep_buckets = ct_facts_buckets(&s->facts).v;
	}
	return 0;
}

/* Options that are fine by themselves, but not on this machine. */
static int check_request(const struct cli_options *opt, const struct ct_size_request *req, struct ct_err *err)
{
	if (opt->policy == CT_POLICY_DEDICATED && req->reserve_bytes >= req->ram_bytes)
		return cli_usage(err, "--reserve: %" PRIu64 " bytes kept of %" PRIu64 " leave nothing for the table",
				 req->reserve_bytes, req->ram_bytes);
	if (opt->policy == CT_POLICY_DEMAND && !req->peak_entries)
		return cli_usage(err, "--policy demand needs --peak: this kernel doesn't tell the most entries "
				      "it has seen");
	return 0;
}

/* What to give a policy, for those who ask why it isn't there. */
static const char *option_for(enum ct_policy policy, int code)
{
	if (code != -ENODATA)
		return "";
	return policy == CT_POLICY_DEMAND ? " (--peak)" : policy == CT_POLICY_FIXED ? " (--limit, --buckets)" : "";
}

/* The library's messages begin with the policy, which stands before them anyway. */
static void leave_out(struct cli_sizing *s, enum ct_policy policy, const struct ct_err *why)
{
	struct cli_left_out *l = &s->left_out[s->left_out_count++];
	const char *msg = why->msg;
	char begin[48];

	(void)snprintf(begin, sizeof(begin), "policy %s: ", ct_policy_name(policy));
	if (strncmp(msg, begin, strlen(begin)) == 0)
		msg += strlen(begin);
	l->policy = policy;
	(void)snprintf(l->why, sizeof(l->why), "%.200s%s", msg, option_for(policy, why->code));
}

static void compute_others(const struct cli_options *opt, struct cli_sizing *s)
{
	for (int i = 0; i < CT_POLICY__COUNT; i++) {
		enum ct_policy policy = (enum ct_policy)i;
		struct ct_err why;

		if (policy == opt->policy)
			continue;
		if (ct_size_compute(&s->request, policy, &s->size[s->count], &why) == 0)
			s->count++;
		else
			leave_out(s, policy, &why);
	}
}

static int compute(const struct cli_options *opt, struct cli_sizing *s, struct ct_err *err)
{
	int r = ct_size_compute(&s->request, opt->policy, &s->size[0], err);

	/* no disk is full: what was asked for is too little, or this machine is too small; a change is refused then */
	if (r == -ENOSPC && opt->command == CLI_APPLY)
		return -EBUSY;
	if (r == -ENOSPC)
		return cli_given(opt, CLI_OPT_BUDGET) || cli_given(opt, CLI_OPT_NAMESPACES) ? -EINVAL : -EOPNOTSUPP;
	if (r < 0)
		return r;
	s->count = 1;
	compute_others(opt, s);
	return 0;
}

int cli_sizing_make(const struct cli_options *opt, struct ct_fs *fs, struct cli_sizing *ret, struct ct_err *err)
{
	struct cli_sizing s = { .count = 0 };
	int r = collect(opt, fs, &s, err);

	if (r == 0)
		r = fill_request(opt, &s, err);
	if (r == 0)
		r = check_request(opt, &s.request, err);
	if (r == 0)
		r = compute(opt, &s, err);
	if (r == 0)
		*ret = s;
	return r;
}

struct ct_wanted cli_sizing_wanted(const struct cli_options *opt, const struct cli_sizing *sizing)
{
	return (struct ct_wanted){
		.limit = sizing->size[0].limit,
		.buckets = sizing->size[0].buckets,
		.allow_shrink = opt->allow_shrink,
	};
}
