/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One snapshot of a machine: memory, kernel, and connection tracking as it is now. Judges nothing. */
#ifndef CONNTUNE_FACTS_H
#define CONNTUNE_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <conntune/err.h>
#include <conntune/fs.h>
#include <conntune/kernel.h>
#include <conntune/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A number that may not be known; v means nothing while known is false. */
struct ct_u64 {
	bool known;
	uint64_t v;
};

/**
 * struct ct_value - present value of one tunable
 * @known:    it was read
 * @writable: its file has a write bit and isn't on a read-only mount; says nothing about who asks
 * @v:        unit of the tunable; negative where the kernel let somebody write that
 * @path:     the file it was read from, below the root; one of ct_param.paths, or proc/net/ip_conntrack, whose lines
 *            were counted; NULL if not known
 */
struct ct_value {
	bool known;
	bool writable;
	int64_t v;
	const char *path;
};

/* Where connection tracking stands. */
enum ct_presence {
	CT_PRESENCE_ABSENT,             /* no sign of it: neither loaded nor built in */
	CT_PRESENCE_MODULE,             /* loaded as a module */
	CT_PRESENCE_BUILTIN,
};

/* Where the bytes of one entry come from, best first. */
enum ct_entry_source {
	CT_ENTRY_GIVEN,                 /* the caller said so */
	CT_ENTRY_SLAB,                  /* sys/kernel/slab/.../slab_size */
	CT_ENTRY_SLABINFO,              /* proc/slabinfo, column objsize */
	CT_ENTRY_LOG,                   /* "N bytes per conntrack" in the kernel log */
	CT_ENTRY_MODEL,                 /* by kernel version, ct_kernel.slab_entry_bytes */
};

/* Where the third part of the kernel's version comes from: which stable updates are in it. */
enum ct_patch_source {
	CT_PATCH_RELEASE,               /* the release itself */
	CT_PATCH_BUILD,                 /* proc/sys/kernel/version or proc/version, ct_kver_from_build() */
	CT_PATCH_SIGNATURE,             /* proc/version_signature, ct_kver_from_signature() */
	CT_PATCH_ASSUMED,               /* nothing tells, and the release is a vendor's: taken for 0 */
	CT_PATCH_GIVEN,                 /* the caller said so */
};

/* Why an entry carries the 128-byte extension; bits. */
enum ct_extension_reason {
	CT_EXTENSION_ACCT = 1,
	CT_EXTENSION_TIMESTAMP = 2,
	CT_EXTENSION_EVENTS = 4,        /* nf_conntrack_events = 1 (always), any value but 0 before 5.19 */
	CT_EXTENSION_LISTENER = 8,      /* somebody listens to conntrack events (proc/net/netlink) */
	CT_EXTENSION_NAT = 16,          /* nf_nat is loaded and in use */
};

/**
 * struct ct_facts - what is known of one machine
 * @ram_bytes:           MemTotal
 * @mem_available_bytes: MemAvailable (3.14), else MemFree + Buffers + Cached
 * @low_bytes:           LowTotal, on 32 bits with high memory: all that entries and buckets may be in
 * @low_available_bytes: LowFree + Buffers + SReclaimable: free there, or given back when asked for
 * @page_bytes, @pointer_bits: of the kernel, not of this program; if nothing tells, 4096 and 64 (32 before 2.6)
 * @kernel:              version, with the stable update where that can be told
 * @release:             as uname -r says, or the version given; "6.1.0-42-amd64" is 6.1.159, say
 * @patch_source:        where kernel.patch comes from
 * @machine:             as uname -m says, "" if not known
 * @cpus:                possible CPUs; 0 if not known
 * @netns_inode:         network namespace that the values belong to
 * @netns_initial:       is it the first one? netns_initial_known says whether that could be told
 * @netns_count:         network namespaces found (proc/PID/ns/net, run/netns), at least 1
 * @presence:            connection tracking absent, module, built in
 * @ip_conntrack:        it is ip_conntrack, the names before 2.6.22
 * @sysctl_read_only:    proc/sys is mounted read-only, as in most containers
 * @value:               present value of every tunable; limit, buckets and entries among them
 * @expect_entries:      entries of the expectation table now
 * @entry_slab_bytes:    one entry in its slab
 * @entry_extension_bytes: expected on top: 0 or 128; extension_reasons says why
 * @entry_bytes:         both together: what one more connection costs
 * @entry_source:        where entry_slab_bytes comes from
 * @log_buckets, @log_limit: from the kernel log, where nothing else tells (2.4)
 * @slab_peak_entries:   nothing but what the slab has seen at most, if the kernel tells; else not known
 */
struct ct_facts {
	struct ct_u64 ram_bytes;
	struct ct_u64 mem_available_bytes;
	struct ct_u64 low_bytes, low_available_bytes;
	uint32_t page_bytes;
	unsigned pointer_bits;
	struct ct_kver kernel;
	char release[96];
	enum ct_patch_source patch_source;
	char machine[32];
	uint32_t cpus;
	struct ct_u64 netns_inode;
	bool netns_initial_known, netns_initial;
	uint32_t netns_count;
	enum ct_presence presence;
	bool ip_conntrack;
	bool sysctl_read_only;
	struct ct_value value[CT_PARAM__COUNT];
	struct ct_u64 expect_entries;
	struct ct_u64 entry_slab_bytes;
	uint32_t entry_extension_bytes;
	unsigned extension_reasons;
	uint64_t entry_bytes;
	enum ct_entry_source entry_source;
	struct ct_u64 log_buckets, log_limit;
	struct ct_u64 slab_peak_entries;
};

/**
 * struct ct_facts_override - facts that the caller knows better; advice for another machine
 * @ram_bytes:    0 or 1 MiB .. 2^52
 * @pointer_bits: 0, 32 or 64
 * @kernel:       all zero or a version
 * @entry_bytes:  0 or 16 .. 65536: slab and extension together
 *
 * Zero means "as found". With any of the first three the machine is another one: present values,
 * MemAvailable, log values and slab sizes of this machine are dropped; other pointers bring pages of 4096 bytes.
 */
struct ct_facts_override {
	uint64_t ram_bytes;
	unsigned pointer_bits;
	struct ct_kver kernel;
	uint64_t entry_bytes;
};

/**
 * ct_facts_collect - read everything once
 * @over: may be NULL
 * Reads files only; never asks over netlink, because that would load the module. A file that is
 * missing, unreadable or says nonsense leaves its fact unknown. Takes a millisecond or so.
 * Returns: 0; -EINVAL if @over is out of range; -ENODATA if the kernel version can't be told;
 *          -EBADMSG if a file that sizes depend on (meminfo, osrelease, limit, buckets) is malformed;
 *          -ENOMEM, -EMFILE, -ENFILE, -EIO: those leave no fact unknown.
 */
int ct_facts_collect(struct ct_fs *fs, const struct ct_facts_override *over, struct ct_facts *ret,
		     struct ct_err *err);

/* Present limit, buckets, entries: value[] with the log's numbers standing in for missing ones. */
struct ct_u64 ct_facts_limit(const struct ct_facts *facts);    /* 0: no limit (0 or negative was written) */
struct ct_u64 ct_facts_buckets(const struct ct_facts *facts);
struct ct_u64 ct_facts_entries(const struct ct_facts *facts);

/* "slab", "slabinfo", ...: the words used in JSON. */
const char *ct_entry_source_name(enum ct_entry_source source);
const char *ct_presence_name(enum ct_presence presence);        /* "absent", "module", "built-in" */
const char *ct_patch_source_name(enum ct_patch_source source);  /* "release", "build", "signature", ... */

#ifdef __cplusplus
}
#endif
#endif
