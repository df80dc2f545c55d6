/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answered, unanswered, assured: the first entries of a dump, which is then left unfinished. */
#include "config.h"
#include "census_internal.h"
#include "fs.h"
#include "nl.h"
#include "mix_internal.h"
#include "util.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* 5 ms at 35 ns each. */
#define WALK_MAX 150000

/* What fits into one answer of the kernel, and is waited for before it sends any. */
#define ANSWER_ENTRIES 128

struct counting {
	struct ct_mix mix;
	uint32_t most;
};

static int on_entry(const struct nlmsghdr *h, void *data)
{
	struct counting *c = data;
	struct ct_entry entry;
	enum ct_assured kind;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return MNL_CB_OK;
	if (ct_entry_parse(h, 0, &entry) < 0) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	kind = ct_entry_assured(&entry);
	c->mix.seen++;
	c->mix.unreplied += kind == CT_UNREPLIED;
	c->mix.assured += kind == CT_ASSURED;
	return c->mix.seen < c->most ? MNL_CB_OK : MNL_CB_STOP;
}

int ct_mix_sample_with(struct ct_nl *nl, uint32_t most, struct ct_mix *ret, struct ct_err *err)
{
	struct counting c = { .most = most };
	int r = ct_nl_ask(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, on_entry, &c, err);

	if (r == 0)
		*ret = c.mix;
	return r;
}

/* As lib/stats.c: a question loads what isn't there, and looking must change nothing. */
static bool may_ask(struct ct_fs *fs)
{
	const char *sign = "sys/module/nf_conntrack_netlink";

	if (!ct_fs_is_live(fs))
		return false;
	if (ct_fs_info(fs, "sys/module/nf_conntrack/initstate", &(struct ct_fs_info){ 0 }, NULL) < 0)
		sign = "proc/sys/net/netfilter/nf_conntrack_count";
	return ct_fs_info(fs, sign, &(struct ct_fs_info){ 0 }, NULL) == 0;
}

/* Closing the socket is what ends the dump: the kernel goes on only as far as somebody reads. */
int ct_mix_sample(struct ct_fs *fs, uint32_t most, struct ct_mix *ret, struct ct_err *err)
{
	ct_cleanup(ct_nl_close) struct ct_nl nl = CT_NL_CLOSED;
	int r;

	if (!may_ask(fs))
		return ct_err_set(err, -EOPNOTSUPP, "entries below %s can't be looked at: no nf_conntrack_netlink",
				  ct_fs_root(fs));
	r = ct_nl_open(&nl, err);
	return r < 0 ? r : ct_mix_sample_with(&nl, most, ret, err);
}

bool ct_mix_is_cheap(uint64_t entries, uint64_t buckets, uint32_t most)
{
	uint64_t wanted = most > ANSWER_ENTRIES ? most : ANSWER_ENTRIES;

	return buckets <= WALK_MAX || (entries > 0 && (double)buckets / (double)entries * (double)wanted <= WALK_MAX);
}
