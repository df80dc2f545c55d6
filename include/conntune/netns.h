/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces and how many entries each has: they share the buckets, and each may fill up alone. */
#ifndef CONNTUNE_NETNS_H
#define CONNTUNE_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/facts.h>
#include <conntune/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_netns - one network namespace
 * @name:    below run/netns, unprintable bytes replaced; "" if only processes are in it
 * @inode:   its number
 * @pid:     a process in it; 0: none was seen
 * @own:     the one of the calling process
 * @entries: not known if we may not look, if it went away meanwhile, or if nothing is tracked on this machine
 */
struct ct_netns {
	char name[256];
	uint64_t inode;
	int32_t pid;
	bool own;
	struct ct_u64 entries;
};

struct ct_netns_list;

/**
 * ct_netns_collect - find them all: the caller's, those named in run/netns, those that processes are in
 * To read entries of others a thread of its own goes there with setns(2), which needs CAP_SYS_ADMIN; the
 * caller's threads stay where they are. In a captured tree only the entries of its own namespace are known.
 * A namespace that only a thread, a socket or a mount elsewhere keeps alive isn't found.
 * Sorted by entries, most first; those that aren't known last.
 * Returns: 0; -ENOMEM.
 */
int ct_netns_collect(struct ct_fs *fs, struct ct_netns_list **ret, struct ct_err *err);
struct ct_netns_list *ct_netns_free(struct ct_netns_list *list);
size_t ct_netns_count(const struct ct_netns_list *list);
const struct ct_netns *ct_netns_at(const struct ct_netns_list *list, size_t i);         /* NULL beyond the end */

/**
 * ct_netns_entries - of all namespaces together: what the buckets hold
 * @complete: set to whether the entries of every one found are known; may be NULL
 * Unknown if none are.
 */
struct ct_u64 ct_netns_entries(const struct ct_netns_list *list, bool *complete);

/* How many of the fullest namespaces are told one by one. */
#define CT_NETNS_TOP 8

/* One of them; @pid, @name: a process in it, as in struct ct_netns_survey. */
struct ct_netns_top {
	uint64_t inode, entries;
	int32_t pid;
	bool own;
	char name[32];
};

/**
 * struct ct_netns_survey - how entries are spread, as far as it shows without going anywhere
 * @namespaces:    that processes are in, the caller's included
 * @all_entries:   of them together; unknown if none could be read
 * @own_entries:   of those, the caller's
 * @worst_entries: of the fullest one but the caller's; unknown: there is no other
 * @worst_inode:   of its proc/PID/net/stat/nf_conntrack: the same as long as it lives
 * @worst_pid, @worst_name: a process in it, and what it is called, unprintable bytes replaced
 * @tops, @top:    the fullest ones, fullest first; the caller's may be one of them
 * @processes:     so many were looked at, those of the caller's namespace too
 * @complete:      that were all
 */
struct ct_netns_survey {
	uint32_t namespaces;
	struct ct_u64 all_entries, worst_entries;
	uint64_t own_entries, worst_inode;
	int32_t worst_pid;
	char worst_name[32];
	uint32_t tops;
	struct ct_netns_top top[CT_NETNS_TOP];
	uint32_t processes;
	bool complete;
};

/**
 * ct_netns_survey - the same for those who may not go there, and cheap enough to be repeated
 * Everybody may read proc/PID/net/stat/nf_conntrack; its inode number is the same for all processes of one network
 * namespace and for no other, and each of its lines begins with the entries of that namespace. Needs
 * CONFIG_NF_CONNTRACK_PROCFS, else only the caller's own entries are known. A namespace without a process isn't seen.
 * @most: processes of other namespaces that are looked at, at most; of the caller's, threads of the kernel among them, there
 *        may be eight times as many. About 6 us each
 * Returns: 0; -ENOMEM, -EMFILE, -ENFILE.
 */
int ct_netns_survey(struct ct_fs *fs, uint32_t most, struct ct_netns_survey *ret, struct ct_err *err);

/**
 * struct ct_netns_packets - packets that connection tracking of a network namespace can have seen, counted in two ways
 * @ip:      that IP received and sent by itself; bridged ones aren't in it
 * @devices: that interfaces received, and IP sent; in it twice are those of stacked interfaces; some drivers tell late
 * Unknown where a file can't be read.
 */
struct ct_netns_packets {
	struct ct_u64 ip, devices;
};

/* Of the namespace that a process is in, from proc/PID/net, which everybody may read; about 30 us. */
void ct_netns_packets(struct ct_fs *fs, int32_t pid, struct ct_netns_packets *ret);

#ifdef __cplusplus
}
#endif
#endif
