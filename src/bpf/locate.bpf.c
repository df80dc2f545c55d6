/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the kernel: where the table of buckets is, from a symbol's name or from any one entry. Only reads. */
#include "chains_shared.h"
#include "views.h"

/* The first 12 bytes, which every version accepts. */
struct bpf_ct_opts___local {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_bytes,
					 struct bpf_ct_opts___local *opts, __u32 opts_bytes) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

struct chains_place place;

struct place_walk {
	__u64 at;
};

static long forward(__u64 i, struct place_walk *w)
{
	w->at = read_call(w->at);
	return w->at == 0 || w->at & 1;
}

/* at: a pprev. Either it points into the array, or to a node's next, whose own pprev is 8 bytes further. */
static long back(__u64 i, struct place_walk *w)
{
	__u64 base = w->at - 8 * place.bucket;

	if (w->at == 0)
		return 1;
	if ((base & (place.page - 1)) == 0) {
		if (place.candidates >= CHAINS_CANDIDATES)
			return 1;
		place.candidate[place.candidates & (CHAINS_CANDIDATES - 1)] = base;
		place.candidates++;
	}
	w->at = read_call(w->at + 8);
	return 0;
}

static __always_inline int search(struct nf_conn *ct)
{
	struct place_walk w = { 0 };
	__u64 pprev = 0;

	(void)bpf_probe_read_kernel(&w.at, sizeof(w.at), &ct->tuplehash[0].hnnode.next);
	(void)bpf_probe_read_kernel(&pprev, sizeof(pprev), &ct->tuplehash[0].hnnode.pprev);
	if (w.at && !(w.at & 1))
		bpf_loop(CHAINS_BACK_MAX, forward, &w, 0);
	if (!(w.at & 1))
		return -1;
	place.bucket = w.at >> 1;
	w.at = pprev;
	bpf_loop(CHAINS_BACK_MAX, back, &w, 0);
	return 0;
}

/* Runs in the network namespace of whoever asks for the test run: that is where it looks for the entry. */
SEC("xdp")
int locate(struct xdp_md *ctx)
{
	struct bpf_ct_opts___local opts = { .netns_id = -1, .l4proto = (__u8)place.protocol };
	union {
		struct bpf_sock_tuple tuple;
		__u8 bytes[36];
	} key;
	struct nf_conn *ct;

	place.candidates = 0;
	place.error = 0;
	__builtin_memcpy(key.bytes, place.tuple, sizeof(key.bytes));
	if (place.tuple_bytes == sizeof(key.tuple.ipv4))
		ct = bpf_xdp_ct_lookup(ctx, &key.tuple, sizeof(key.tuple.ipv4), &opts, sizeof(opts));
	else
		ct = bpf_xdp_ct_lookup(ctx, &key.tuple, sizeof(key.tuple.ipv6), &opts, sizeof(opts));
	if (!ct) {
		place.error = opts.error ? opts.error : -1;
		return XDP_DROP;
	}
	place.error = search(ct);
	bpf_ct_release(ct);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
