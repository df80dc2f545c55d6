/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the BPF programs: what they see of the kernel's types, and how they read. */
#ifndef CONNTUNE_VIEWS_H
#define CONNTUNE_VIEWS_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* CO-RE views: only what is read; the kernel puts in its own offsets when it loads them. */
struct hlist_nulls_node {
	struct hlist_nulls_node *next, **pprev;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple {
	struct {
		__u8 protonum, dir;
	} dst;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple_hash {
	struct hlist_nulls_node hnnode;
	struct nf_conntrack_tuple tuple;
} __attribute__((preserve_access_index));

struct ip_ct_tcp {
	__u8 state;
} __attribute__((preserve_access_index));

enum sctp_conntrack {
	SCTP_CONNTRACK_NONE,
};

struct ip_ct_sctp {
	enum sctp_conntrack state;
} __attribute__((preserve_access_index));

/* until 6.16 */
struct nf_ct_dccp {
	__u8 state;
} __attribute__((preserve_access_index));

union nf_conntrack_proto {
	struct nf_ct_dccp dccp;
	struct ip_ct_sctp sctp;
	struct ip_ct_tcp tcp;
} __attribute__((preserve_access_index));

struct net {
	struct {
		__u32 inum;
	} ns;
} __attribute__((preserve_access_index));

struct nf_conn {
	__u32 timeout;                  /* jiffies at which it ends, once it is in the table */
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	struct {
		struct net *net;
	} ct_net;
	union nf_conntrack_proto proto;
} __attribute__((preserve_access_index));

struct nsproxy {
	struct net *net_ns;
} __attribute__((preserve_access_index));

struct task_struct {
	struct nsproxy *nsproxy;
} __attribute__((preserve_access_index));

/* 0 if the address isn't mapped. */
static __always_inline __u64 read_call(__u64 address)
{
	__u64 v = 0;

	(void)bpf_probe_read_kernel(&v, sizeof(v), (const void *)address);
	return v;
}

#endif
