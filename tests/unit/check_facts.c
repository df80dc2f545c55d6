/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each tree of tests/sysroot says, and what damaged ones do. */
#include "config.h"
#include "check.h"
#include "fs.h"
#include "util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <conntune/facts.h>
#include <conntune/size.h>

static struct ct_err err;

static int collect(const char *root, const struct ct_facts_override *over, struct ct_facts *f)
{
	struct ct_fs *fs;
	int r;

	ck_assert_msg(ct_fs_new(&fs, root, &err) == 0, "%s", err.msg);
	memset(&err, 0, sizeof(err));
	r = ct_facts_collect(fs, over, f, &err);
	(void)ct_fs_free(fs);
	return r;
}

static struct ct_facts facts_of(const char *root)
{
	struct ct_facts f;

	ck_assert_msg(collect(root, NULL, &f) == 0, "%s", err.msg);
	ck_assert_msg(err.msg[0] == '\0', "a success left '%s'", err.msg);
	return f;
}

/* -1: not known */
static int64_t known(struct ct_u64 n)
{
	return n.known ? (int64_t)n.v : -1;
}

#define V(a, b, c) { .major = a, .minor = b, .patch = c }
#define X86_64 .machine = "x86_64", .bits = 64, .page = 4096
#define I686 .machine = "i686", .bits = 32, .page = 4096
#define ABSENT .presence = CT_PRESENCE_ABSENT
#define MODULE .presence = CT_PRESENCE_MODULE
#define BUILTIN .presence = CT_PRESENCE_BUILTIN

enum initial { UNKNOWN, FIRST, CHILD };

static const struct tree {
	const char *name;
	struct ct_kver kernel;
	enum ct_patch_source patch;
	const char *machine;
	unsigned bits;
	uint32_t page, cpus;
	int64_t ram_kib, available_kib;
	enum ct_presence presence;
	bool ip;
	enum initial initial;
	uint32_t netns;
	int64_t limit, buckets, entries, expected, slab;
	enum ct_entry_source source;
	unsigned reasons;
	int64_t log_buckets;
	bool read_only;
} trees[] = {
	{ .name = "2.4.20-i686", .kernel = V(2, 4, 20), I686, .cpus = 1, .ram_kib = 515396, .available_kib = 438972, MODULE,
	  .ip = true, .initial = FIRST, .netns = 1, .limit = 32208, .buckets = 4026, .entries = 57, .expected = 0,
	  .slab = 292, .source = CT_ENTRY_LOG, .log_buckets = 4026 },
	{ .name = "2.4.32-i686", .kernel = V(2, 4, 32), I686, .cpus = 2, .ram_kib = 255328, .available_kib = 234092, MODULE,
	  .ip = true, .initial = FIRST, .netns = 1, .limit = 15952, .buckets = 1994, .entries = 23, .expected = 2,
	  .slab = 384, .source = CT_ENTRY_SLABINFO, .log_buckets = 1994 },
	{ .name = "2.6.5-i686", .kernel = V(2, 6, 5), I686, .cpus = 1, .ram_kib = 515532, .available_kib = 465488, MODULE,
	  .ip = true, .initial = FIRST, .netns = 1, .limit = 32216, .buckets = 4027, .entries = 12, .expected = 0,
	  .slab = 300, .source = CT_ENTRY_LOG, .log_buckets = 4027 },
	{ .name = "2.6.18-i686", .kernel = V(2, 6, 18), I686, .cpus = 2, .ram_kib = 1035108, .available_kib = 952948, MODULE,
	  .ip = true, .initial = FIRST, .netns = 1, .limit = 64688, .buckets = 8086, .entries = 1234, .expected = 1,
	  .slab = 228, .source = CT_ENTRY_LOG, .log_buckets = 8086 },
	{ .name = "2.6.18-x86_64", .kernel = V(2, 6, 18), X86_64, .cpus = 2, .ram_kib = 2059288, .available_kib = 1803872,
	  MODULE, .ip = true, .initial = FIRST, .netns = 1, .limit = 65536, .buckets = 8192, .entries = 1234, .expected = 1,
	  .slab = 304, .source = CT_ENTRY_SLABINFO, .log_buckets = 8192 },
	{ .name = "2.6.20-nf-i686", .kernel = V(2, 6, 20), I686, .cpus = 1, .ram_kib = 254388, .available_kib = 203020, MODULE,
	  .initial = FIRST, .netns = 1, .limit = 15896, .buckets = 1987, .entries = 300, .expected = 0,
	  .slab = 232, .source = CT_ENTRY_SLABINFO, .log_buckets = -1 },
	{ .name = "2.6.32-x86_64", .kernel = V(2, 6, 32), X86_64, .cpus = 2, .ram_kib = 1020696, .available_kib = 850644,
	  MODULE, .initial = FIRST, .netns = 1, .limit = 31896, .buckets = 8192, .entries = 421, .expected = 0,
	  .slab = 304, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS, .log_buckets = -1 },
	{ .name = "3.10-x86_64", .kernel = V(3, 10, 0), X86_64, .cpus = 4, .ram_kib = 3880480, .available_kib = 2880480,
	  MODULE, .initial = FIRST, .netns = 1, .limit = 65536, .buckets = 16384, .entries = 2345, .expected = 0,
	  .slab = 320, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS | CT_EXTENSION_NAT, .log_buckets = -1,
	  .patch = CT_PATCH_ASSUMED },
	{ .name = "4.18-arm64-64k", .kernel = V(4, 18, 0), .machine = "aarch64", .bits = 64, .page = 65536, .cpus = 4,
	  .ram_kib = 498304, .available_kib = 310080, MODULE, .initial = FIRST, .netns = 1, .limit = 32768, .buckets = 8192,
	  .entries = 88, .expected = 0, .slab = 320, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS,
	  .log_buckets = -1,
	  .patch = CT_PATCH_ASSUMED },
	{ .name = "4.19-x86_64", .kernel = V(4, 19, 316), X86_64, .cpus = 8, .ram_kib = 8167548, .available_kib = 7101200,
	  MODULE, .initial = FIRST, .netns = 1, .limit = 262144, .buckets = 65536, .entries = 10240, .expected = 0,
	  .slab = 320, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS, .log_buckets = -1,
	  .patch = CT_PATCH_BUILD },
	{ .name = "5.10-x86_64", .kernel = V(5, 10, 223), X86_64, .cpus = 2, .ram_kib = 2030500, .available_kib = 1701200,
	  MODULE, .initial = FIRST, .netns = 1, .limit = 65536, .buckets = 16384, .entries = 777, .expected = 0,
	  .slab = 320, .source = CT_ENTRY_SLAB, .log_buckets = -1,
	  .patch = CT_PATCH_BUILD },
	{ .name = "5.10-armv7", .kernel = V(5, 10, 223), .machine = "armv7l", .bits = 32, .page = 4096, .cpus = 4,
	  .ram_kib = 508052, .available_kib = 401200, MODULE, .initial = FIRST, .netns = 1, .limit = 32768, .buckets = 8192,
	  .entries = 777, .expected = 0, .slab = 0, .source = CT_ENTRY_MODEL, .reasons = CT_EXTENSION_EVENTS,
	  .log_buckets = -1,
	  .patch = CT_PATCH_BUILD },
	{ .name = "5.10-no-memtotal", .kernel = V(5, 10, 223), X86_64, .cpus = 2, .ram_kib = -1, .available_kib = 1643364,
	  MODULE, .initial = FIRST, .netns = 1, .limit = 65536, .buckets = 16384, .entries = 777, .expected = 0,
	  .slab = 320, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS, .log_buckets = -1,
	  .patch = CT_PATCH_BUILD },
	{ .name = "5.15-x86_64", .kernel = V(5, 15, 160), X86_64, .cpus = 2, .ram_kib = 4025632, .available_kib = 3201200,
	  MODULE, .initial = FIRST, .netns = 4, .limit = 65536, .buckets = 65536, .entries = 4097, .expected = 0,
	  .slab = 320, .source = CT_ENTRY_SLAB, .reasons = CT_EXTENSION_EVENTS | CT_EXTENSION_ACCT, .log_buckets = -1,
	  .patch = CT_PATCH_SIGNATURE },
	{ .name = "6.1-debian", .kernel = V(6, 1, 159), X86_64, .cpus = 2, .ram_kib = 2030500,
	  .available_kib = 1701200, MODULE, .initial = FIRST, .netns = 1, .limit = 65536, .buckets = 65536,
	  .entries = 300, .expected = 0, .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1,
	  .patch = CT_PATCH_BUILD },
	{ .name = "6.1-no-module", .kernel = V(6, 1, 176), X86_64, .cpus = 1, .ram_kib = 113396, .available_kib = -2, ABSENT,
	  .initial = UNKNOWN, .netns = 1, .limit = -1, .buckets = -1, .entries = -1, .expected = -1,
	  .slab = 256, .source = CT_ENTRY_MODEL, .log_buckets = -1 },
	{ .name = "6.1-module", .kernel = V(6, 1, 176), X86_64, .cpus = 1, .ram_kib = 113396, .available_kib = -2, MODULE,
	  .initial = FIRST, .netns = 1, .limit = 1024, .buckets = 1024, .entries = 300, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.1-child-netns", .kernel = V(6, 1, 176), X86_64, .cpus = 1, .ram_kib = 113396, .available_kib = -2, MODULE,
	  .initial = CHILD, .netns = 2, .limit = 1024, .buckets = 1024, .entries = 0, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.1-limit-0", .kernel = V(6, 1, 176), X86_64, .cpus = 1, .ram_kib = 113396, .available_kib = -2, MODULE,
	  .initial = FIRST, .netns = 1, .limit = 0, .buckets = 1024, .entries = 300, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.1-hashsize", .kernel = V(6, 1, 176), X86_64, .cpus = 1, .ram_kib = 113396, .available_kib = -2, MODULE,
	  .initial = FIRST, .netns = 1, .limit = 163840, .buckets = 20480, .entries = 0, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.18-builtin", .kernel = V(6, 18, 44), X86_64, .cpus = 2, .ram_kib = 24684092, .available_kib = -2, BUILTIN,
	  .initial = FIRST, .netns = 1, .limit = 262144, .buckets = 262144, .entries = 0, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.18-child-netns", .kernel = V(6, 18, 44), X86_64, .cpus = 2, .ram_kib = 24684092, .available_kib = -2,
	  BUILTIN, .initial = CHILD, .netns = 2, .limit = 262144, .buckets = 262144, .entries = 0, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1 },
	{ .name = "6.18-container", .kernel = V(6, 18, 44), X86_64, .cpus = 2, .ram_kib = 24684092, .available_kib = -2,
	  BUILTIN, .initial = CHILD, .netns = 2, .limit = 262144, .buckets = 262144, .entries = 0, .expected = 0,
	  .slab = 256, .source = CT_ENTRY_SLAB, .log_buckets = -1, .read_only = true },
};

static struct ct_facts facts_of_tree(const struct tree *t)
{
	char root[PATH_MAX];

	(void)snprintf(root, sizeof(root), "%s/%s", SYSROOT, t->name);
	return facts_of(root);
}

START_TEST(each_tree_tells_its_machine)
{
	const struct tree *t = &trees[_i];
	struct ct_facts f = facts_of_tree(t);

	ck_assert_int_eq(ct_kver_cmp(&f.kernel, &t->kernel), 0);
	ck_assert_str_eq(ct_patch_source_name(f.patch_source), ct_patch_source_name(t->patch));
	ck_assert_str_eq(f.machine, t->machine);
	ck_assert_uint_eq(f.pointer_bits, t->bits);
	ck_assert_uint_eq(f.page_bytes, t->page);
	ck_assert_uint_eq(f.cpus, t->cpus);
	ck_assert_int_eq(known(f.ram_bytes), t->ram_kib < 0 ? -1 : t->ram_kib * 1024);
	if (t->available_kib == -2)             /* captured, and another one each time */
		ck_assert(f.mem_available_bytes.known && f.mem_available_bytes.v < f.ram_bytes.v);
	else
		ck_assert_int_eq(known(f.mem_available_bytes), t->available_kib * 1024);
}
END_TEST

START_TEST(each_tree_tells_where_connection_tracking_stands)
{
	const struct tree *t = &trees[_i];
	struct ct_facts f = facts_of_tree(t);

	ck_assert_str_eq(ct_presence_name(f.presence), ct_presence_name(t->presence));
	ck_assert_int_eq(f.ip_conntrack, t->ip);
	ck_assert_int_eq(f.netns_initial_known, t->initial != UNKNOWN);
	ck_assert_int_eq(f.netns_initial, t->initial == FIRST);
	ck_assert_uint_eq(f.netns_count, t->netns);
	ck_assert_int_eq(known(ct_facts_limit(&f)), t->limit);
	ck_assert_int_eq(known(ct_facts_buckets(&f)), t->buckets);
	ck_assert_int_eq(known(ct_facts_entries(&f)), t->entries);
	ck_assert_int_eq(known(f.expect_entries), t->expected);
	ck_assert_int_eq(known(f.log_buckets), t->log_buckets ? t->log_buckets : -1);
	ck_assert_int_eq(f.sysctl_read_only, t->read_only);
}
END_TEST

START_TEST(each_tree_tells_what_an_entry_costs)
{
	const struct tree *t = &trees[_i];
	struct ct_facts f = facts_of_tree(t);

	ck_assert_str_eq(ct_entry_source_name(f.entry_source), ct_entry_source_name(t->source));
	ck_assert(f.entry_slab_bytes.known);
	if (t->slab)
		ck_assert_uint_eq(f.entry_slab_bytes.v, t->slab);
	ck_assert_uint_eq(f.extension_reasons, t->reasons);
	ck_assert_uint_eq(f.entry_extension_bytes, t->reasons ? 128 : 0);
	ck_assert_uint_eq(f.entry_bytes, f.entry_slab_bytes.v + f.entry_extension_bytes);
}
END_TEST

/* But for those where somebody set them, without RAM or without conntrack. */
START_TEST(each_tree_has_what_its_kernel_chooses)
{
	const struct tree *t = &trees[_i];
	struct ct_facts f = facts_of_tree(t);
	struct ct_size_request req;
	struct ct_size size;

	if (t->ram_kib < 0 || t->limit <= 0 || strcmp(t->name, "6.1-hashsize") == 0)
		return;
	ck_assert_int_eq(ct_size_request_init(&req, &f, &err), 0);
	ck_assert_int_eq(ct_size_compute(&req, CT_POLICY_KERNEL, &size, &err), 0);
	ck_assert_int_eq(size.limit, t->limit);
	ck_assert_int_eq(size.buckets, t->buckets);
}
END_TEST

/* Every file of the tree that is a tunable must be found by the table. */
START_TEST(each_tunable_of_a_tree_is_read)
{
	static const char *const names[] = { "2.4.32-i686", "2.6.18-x86_64", "3.10-x86_64", "5.15-x86_64", "6.18-builtin" };
	static const char *const dirs[] = { "proc/sys/net/netfilter", "proc/sys/net/ipv4/netfilter" };
	char root[PATH_MAX], path[PATH_MAX];
	struct ct_facts f;
	struct ct_fs *fs;

	(void)snprintf(root, sizeof(root), "%s/%s", SYSROOT, names[_i]);
	f = facts_of(root);
	ck_assert_int_eq(ct_fs_new(&fs, root, &err), 0);
	for (size_t d = 0; d < ct_array_size(dirs); d++) {
		char **list = NULL;
		size_t n = 0;

		/* the old names are twins of the new ones where both are there */
		if (d == 0 || f.ip_conntrack)
			(void)ct_fs_list(fs, dirs[d], &list, &n, &err);
		for (size_t i = 0; i < n; i++) {
			bool found = false;

			(void)snprintf(path, sizeof(path), "%s/%s", dirs[d], list[i]);
			for (enum ct_param_id id = 0; id < CT_PARAM__COUNT; id++)
				found |= f.value[id].known && strcmp(f.value[id].path, path) == 0;
			ck_assert_msg(found, "%s of %s isn't read", path, names[_i]);
		}
		ct_fs_list_free(list, n);
	}
	(void)ct_fs_free(fs);
}
END_TEST

enum kind { TEXT, DIRECTORY, PIPE, LOOP, HUGE, GONE };

#define BYTES(s) .text = (s), .n = sizeof(s) - 1

static const struct damage {
	const char *path;
	enum kind kind;
	const char *text;
	size_t n;
	int rc;
	const char *word;
} damages[] = {
	{ "proc/meminfo", BYTES("MemTotal:       lots kB\n"), .rc = -EBADMSG, .word = "MemTotal:       lots kB" },
	{ "proc/meminfo", BYTES("MemTotal:       0 kB\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("MemTotal:       -1 kB\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("MemTotal:       1024\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("MemTotal:       1024 kB 5\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("MemTotal:       18446744073709551615 kB\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("MemTotal:       99999999999999999999999999999 kB\n"), .rc = -EBADMSG, .word = "MemTotal" },
	{ "proc/meminfo", BYTES("\177ELF\0\0\0MemTotal: 1 kB\n"), .rc = -EBADMSG, .word = "isn't text" },
	{ "proc/meminfo", DIRECTORY, .rc = -EBADMSG, .word = "Is a directory" },
	{ "proc/meminfo", PIPE, .rc = -EBADMSG, .word = "not a regular file" },
	{ "proc/meminfo", LOOP, .rc = -EBADMSG, .word = "symbolic links" },
	{ "proc/meminfo", HUGE, .rc = -EBADMSG, .word = "isn't text" },
	{ "proc/sys/kernel/osrelease", BYTES("five\n"), .rc = -EBADMSG, .word = "'five'" },
	{ "proc/sys/kernel/osrelease", BYTES("\n"), .rc = -EBADMSG, .word = "osrelease" },
	{ "proc/sys/kernel/osrelease", BYTES("5.10.\033[2J\n"), .rc = -EBADMSG, .word = "osrelease" },
	{ "proc/sys/kernel/osrelease", BYTES("1.2.13\n"), .rc = -EBADMSG, .word = "1.2.13" },
	{ "proc/sys/kernel/osrelease", BYTES("5.10-0123456789012345678901234567890123456789012345678901234567890123456789"
					     "01234567890123456789012345\n"), .rc = -EBADMSG, .word = "osrelease" },
	{ "proc/sys/kernel/osrelease", BYTES("5.10\0\n"), .rc = -EBADMSG, .word = "isn't text" },
	{ "proc/sys/kernel/osrelease", LOOP, .rc = -EBADMSG, .word = "symbolic links" },
	{ "proc/sys/kernel/osrelease", HUGE, .rc = -EBADMSG, .word = "isn't text" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", BYTES("many\n"), .rc = -EBADMSG, .word = "holds 'many'" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", BYTES(""), .rc = -EBADMSG, .word = "not a whole number" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", BYTES("65536 1\n"), .rc = -EBADMSG, .word = "65536 1" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", BYTES("65536\n1\n"), .rc = -EBADMSG, .word = "nf_conntrack_max" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", BYTES("99999999999999999999\n"), .rc = -EBADMSG, .word = "9999" },
	{ "proc/sys/net/netfilter/nf_conntrack_max", LOOP, .rc = -EBADMSG, .word = "symbolic links" },
	{ "proc/sys/net/netfilter/nf_conntrack_buckets", BYTES("0x400\n"), .rc = -EBADMSG, .word = "0x400" },
	{ "proc/sys/net/netfilter/nf_conntrack_buckets", BYTES("16384\0\n"), .rc = -EBADMSG, .word = "isn't text" },
	{ "proc/sys/net/netfilter/nf_conntrack_buckets", PIPE, .rc = -EBADMSG, .word = "not a regular file" },
	{ "proc/sys/net/netfilter/nf_conntrack_buckets", HUGE, .rc = -EBADMSG, .word = "isn't text" },
	/* from here on a fact is lost, no more */
	{ "proc/meminfo", BYTES(""), .word = "ram" },
	{ "proc/meminfo", BYTES("\n\nMemTotal\nMemTotalX: 5 kB\n"), .word = "ram" },
	{ "proc/meminfo", GONE, .word = "ram" },
	{ "proc/meminfo", BYTES("MemTotal: 1024 kB\nMemAvailable: x kB\nMemFree: 1 kB\n"), .word = "available" },
	{ "proc/sys/net/netfilter/nf_conntrack_count", BYTES("seven\n"), .word = "entries" },
	{ "proc/sys/net/netfilter/nf_conntrack_count", PIPE, .word = "entries" },
	{ "proc/sys/net/netfilter/nf_conntrack_count", GONE, .word = "entries" },
	{ "proc/net/nf_conntrack_expect", GONE, .word = "expect" },
	{ "proc/net/nf_conntrack_expect", DIRECTORY, .word = "expect" },
	{ "proc/net/nf_conntrack_expect", PIPE, .word = "expect" },
	{ "proc/net/nf_conntrack_expect", HUGE, .word = "expect" },
	{ "sys/devices/system/cpu/possible", GONE, .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("0-\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("3-1\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("-1\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("0,x\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("0-1;2\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("0-99999999999999999999\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", BYTES("0-65535,0-65535\n"), .word = "cpus" },
	{ "sys/devices/system/cpu/possible", HUGE, .word = "cpus" },
	{ "sys/kernel/slab/nf_conntrack/slab_size", BYTES("0\n"), .word = "slab" },
	{ "sys/kernel/slab/nf_conntrack/slab_size", BYTES("-320\n"), .word = "slab" },
	{ "sys/kernel/slab/nf_conntrack/slab_size", BYTES("99999999\n"), .word = "slab" },
	{ "sys/kernel/slab/nf_conntrack/slab_size", LOOP, .word = "slab" },
	{ "sys/kernel/slab", GONE, .word = "slab" },
};

static void damage(const char *root, const struct damage *d)
{
	char path[PATH_MAX], command[PATH_MAX + 16];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", root, d->path);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", path);
	ck_assert_int_eq(system(command), 0);
	switch (d->kind) {
	case TEXT:
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(write(fd, d->text, d->n), d->n);
		ck_assert_int_eq(close(fd), 0);
		break;
	case DIRECTORY:
		ck_assert_int_eq(mkdir(path, 0755), 0);
		break;
	case PIPE:
		ck_assert_int_eq(mkfifo(path, 0644), 0);
		break;
	case LOOP:
		ck_assert_int_eq(symlink(strrchr(path, '/') + 1, path), 0);
		break;
	case HUGE:
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
		ck_assert_int_eq(close(fd), 0);
		break;
	case GONE:
		break;
	}
}

static bool is_lost(const struct ct_facts *f, const char *word)
{
	if (strcmp(word, "ram") == 0)
		return !f->ram_bytes.known && !f->mem_available_bytes.known;
	if (strcmp(word, "available") == 0)
		return f->ram_bytes.v == 1 << 20 && !f->mem_available_bytes.known;
	if (strcmp(word, "entries") == 0)
		return !ct_facts_entries(f).known && !f->value[CT_PARAM_COUNT].path;
	if (strcmp(word, "expect") == 0)
		return !f->expect_entries.known;
	if (strcmp(word, "cpus") == 0)
		return f->cpus == 0;
	ck_assert_str_eq(word, "slab");
	return f->entry_source == CT_ENTRY_MODEL;
}

START_TEST(a_damaged_file_is_named_or_its_fact_is_unknown)
{
	const struct damage *d = &damages[_i];
	const char *root = sysroot_copy("5.10-x86_64");
	struct ct_facts f = { .netns_count = 4711 };
	int r;

	damage(root, d);
	r = collect(root, NULL, &f);
	if (d->rc) {
		ck_assert_failed(r, err, d->rc, d->word);
		ck_assert_ptr_nonnull(strstr(err.msg, d->path));
		ck_assert_uint_eq(f.netns_count, 4711);
		return;
	}
	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert_int_eq(err.code, 0);
	ck_assert_msg(is_lost(&f, d->word), "%s is still known", d->word);
	ck_assert_int_eq(known(ct_facts_limit(&f)), 65536);
	ck_assert_int_eq(known(ct_facts_buckets(&f)), 16384);
}
END_TEST

#define MEMINFO "MemTotal: 4144000 kB\nMemFree: 3000000 kB\nMemAvailable: 3500000 kB\nBuffers: 20000 kB\nCached: 400000 kB\n"

/* -1: not known; unit: KiB */
static const struct {
	const char *machine, *text;
	int64_t low, available;
} lows[] = {
	{ "i686", MEMINFO "HighTotal: 3275000 kB\nHighFree: 2600000 kB\nLowTotal: 869000 kB\nLowFree: 400000 kB\n"
	  "SReclaimable: 30000 kB\n", 869000, 450000 },
	{ "i686", MEMINFO "LowTotal: 869000 kB\n", 869000, 20000 },
	{ "i686", MEMINFO, -1, -1 },
	{ "i686", MEMINFO "LowTotal: 0 kB\nLowFree: 0 kB\n", -1, -1 },
	{ "i686", MEMINFO "LowTotal: much kB\nLowFree: 5 kB\n", -1, -1 },
	{ "i686", MEMINFO "LowTotal: 869000 kB\nLowFree: 18014398509481983 kB\n", 869000, -1 },
	{ "x86_64", MEMINFO "LowTotal: 869000 kB\nLowFree: 400000 kB\n", -1, -1 },
};

static int64_t known_kib(struct ct_u64 bytes)
{
	return bytes.known ? (int64_t)(bytes.v / 1024) : -1;
}

START_TEST(low_memory_is_known_where_a_32_bit_kernel_tells_it)
{
	struct ct_facts_override over = { .kernel = V(4, 9, 0) };
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", "4.9.88\n");
	put_file(root, "proc/sys/kernel/arch", lows[_i].machine);
	put_file(root, "proc/meminfo", lows[_i].text);
	f = facts_of(root);
	ck_assert_int_eq(known(f.ram_bytes), INT64_C(4144000) * 1024);
	ck_assert_int_eq(known_kib(f.low_bytes), lows[_i].low);
	ck_assert_int_eq(known_kib(f.low_available_bytes), lows[_i].available);
	ck_assert_int_eq(collect(root, &over, &f), 0);
	ck_assert(!f.low_bytes.known && !f.low_available_bytes.known);
}
END_TEST

START_TEST(a_machine_without_a_kernel_version_is_refused)
{
	struct ct_facts f;

	ck_assert_failed(collect(scratch_dir(), NULL, &f), err, -ENODATA, "kernel version");
}
END_TEST

static const struct {
	const char *text, *release;
	int rc;
} versions[] = {
	{ .text = "Linux version 2.4.20-8 (x@y) (gcc version 3.2.2) #1 SMP\n", .release = "2.4.20-8" },
	{ .text = "Linux version 6.1.176", .release = "6.1.176" },
	{ "Linux version ", .rc = -EBADMSG },
	{ "FreeBSD 14.0\n", .rc = -EBADMSG },
	{ "", .rc = -EBADMSG },
};

START_TEST(proc_version_stands_in_for_osrelease)
{
	const char *root = scratch_dir();
	struct ct_facts f;
	int r;

	put_file(root, "proc/version", versions[_i].text);
	r = collect(root, NULL, &f);
	if (versions[_i].rc) {
		ck_assert_failed(r, err, versions[_i].rc, "proc/version");
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_str_eq(f.release, versions[_i].release);
}
END_TEST

/* Lines as these vendors' kernels have them. */
static const struct {
	const char *release, *path, *text;
	unsigned patch;
	enum ct_patch_source source;
} patches[] = {
	{ "6.1.0-42-amd64", "proc/version", "Linux version 6.1.0-42-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian "
	  "12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 "
	  "(2025-12-30)\n", 159, CT_PATCH_BUILD },
	{ "6.1.0-42-amd64", "proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2025-12-30)\n", 159,
	  CT_PATCH_BUILD },
	{ "6.8.0-31-generic", "proc/version_signature", "Ubuntu 6.8.0-31.31-generic 6.8.1\n", 1, CT_PATCH_SIGNATURE },
	/* of another kernel, or damaged */
	{ "6.1.0-42-amd64", "proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.74-2 (2026-03-08)\n", 0,
	  CT_PATCH_ASSUMED },
	{ "6.1.0-42-amd64", "proc/version", "\177ELF", 0, CT_PATCH_ASSUMED },
	{ "6.8.0-31-generic", "proc/version_signature", "Ubuntu 5.15.0-119.129-generic 5.15.160\n", 0, CT_PATCH_ASSUMED },
	/* no word of it */
	{ "5.14.0-427.13.1.el9_4.x86_64", "proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Wed Apr 10 10:29:16 EDT 2024\n",
	  0, CT_PATCH_ASSUMED },
	{ "6.19.0-rc3", "proc/sys/kernel/version", "#1 SMP\n", 0, CT_PATCH_RELEASE },
	{ "6.18.0", "proc/sys/kernel/version", "#1 SMP\n", 0, CT_PATCH_RELEASE },
	/* the release knows better, and 2.6.32's third part is no stable update */
	{ "6.12.74+deb13+1-amd64", "proc/sys/kernel/version", "#1 SMP Debian 6.12.75-2 (2026-03-08)\n", 74, CT_PATCH_RELEASE },
	{ "2.6.32-26-generic", "proc/version_signature", "Ubuntu 2.6.32-26.47-generic 2.6.32.24+drm33.11\n", 32,
	  CT_PATCH_RELEASE },
};

START_TEST(stable_update_is_told_where_the_release_hides_it)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", patches[_i].release);
	put_file(root, patches[_i].path, patches[_i].text);
	f = facts_of(root);
	ck_assert_uint_eq(f.kernel.patch, patches[_i].patch);
	ck_assert_str_eq(ct_patch_source_name(f.patch_source), ct_patch_source_name(patches[_i].source));
	ck_assert_str_eq(f.release, patches[_i].release);
}
END_TEST

START_TEST(a_given_version_is_taken_as_it_is)
{
	const char *root = sysroot_copy("6.1-debian");
	struct ct_facts_override over = { .kernel = V(6, 1, 0) };
	struct ct_facts f;

	ck_assert_int_eq(collect(root, &over, &f), 0);
	ck_assert_uint_eq(f.kernel.patch, 0);
	ck_assert_int_eq(f.patch_source, CT_PATCH_GIVEN);
}
END_TEST

START_TEST(a_bare_kernel_version_is_enough)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", "6.12.107+deb13-cloud-amd64\n");
	f = facts_of(root);
	ck_assert_str_eq(f.release, "6.12.107+deb13-cloud-amd64");
	ck_assert(!f.ram_bytes.known && !f.mem_available_bytes.known && !f.netns_inode.known && !f.netns_initial_known);
	ck_assert_str_eq(f.machine, "");
	ck_assert_uint_eq(f.pointer_bits, 64);
	ck_assert_uint_eq(f.page_bytes, 4096);
	ck_assert_uint_eq(f.cpus, 0);
	ck_assert_uint_eq(f.netns_count, 1);
	ck_assert_int_eq(f.presence, CT_PRESENCE_ABSENT);
	ck_assert_int_eq(f.entry_source, CT_ENTRY_MODEL);
	for (enum ct_param_id id = 0; id < CT_PARAM__COUNT; id++)
		ck_assert(!f.value[id].known && !f.value[id].writable && !f.value[id].path);
}
END_TEST

/* file, its text, what follows */
static const struct {
	const char *release, *path, *text;
	unsigned bits;
	uint32_t page;
	const char *machine;
} geometries[] = {
	{ "6.1.0", "proc/kallsyms", "0000000000000000 T _text\n", 64, 4096, "" },
	{ "6.1.0", "proc/kallsyms", "00000000 T _text\n", 32, 4096, "" },
	{ "2.4.32", "proc/ksyms", "c0105000 _stext\n", 32, 4096, "" },
	{ "6.1.0", "proc/kallsyms", "c01 T x\n", 64, 4096, "" },
	{ "6.1.0", "proc/kallsyms", "", 64, 4096, "" },
	{ "2.4.32", "proc/other", "", 32, 4096, "" },
	{ "6.1.0", "proc/sys/kernel/arch", "armv7l\n", 32, 4096, "armv7l" },
	{ "6.1.0", "proc/sys/kernel/arch", "s390x\n", 64, 4096, "s390x" },
	{ "6.1.0", "proc/sys/kernel/arch", "a\033b\n", 64, 4096, "" },
	{ "6.1.0", "capture", "machine=ppc64le\npage_bytes=65536\n", 64, 65536, "ppc64le" },
	{ "6.1.0", "capture", "machine=mips\n", 32, 4096, "mips" },
	{ "6.1.0", "capture", "machine=mips\npointer_bits=64\n", 64, 4096, "mips" },
	{ "6.1.0", "capture", "pointer_bits=16\npage_bytes=1000\n", 64, 4096, "" },
	{ "6.1.0", "capture", "page_bytes=2097152\nmachines=x\nmachine=0123456789012345678901234567890123456789\n", 64, 4096, "" },
	{ "6.1.0", "capture", "page_bytes=16384", 64, 16384, "" },
};

START_TEST(page_and_pointer_size_come_from_the_kernel_or_the_capture)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", geometries[_i].release);
	put_file(root, geometries[_i].path, geometries[_i].text);
	f = facts_of(root);
	ck_assert_uint_eq(f.pointer_bits, geometries[_i].bits);
	ck_assert_uint_eq(f.page_bytes, geometries[_i].page);
	ck_assert_str_eq(f.machine, geometries[_i].machine);
}
END_TEST

static const struct {
	const char *possible, *cpuinfo;
	uint32_t count;
} cpus[] = {
	{ .possible = "0", .count = 1 }, { .possible = "0-3\n", .count = 4 }, { .possible = "0-3,8-11,63\n", .count = 9 },
	{ .cpuinfo = "processor\t: 0\nmodel name : processor\nprocessor\t: 1\n", .count = 2 },
	{ .cpuinfo = "# processors    : 1\nprocessor 0: version = FF\n", .count = 1 },
	{ .possible = "nonsense", .cpuinfo = "processor: 0\n", .count = 1 },
	{ .cpuinfo = "", .count = 0 },
};

START_TEST(possible_cpus_are_counted)
{
	const char *root = scratch_dir();

	put_file(root, "proc/sys/kernel/osrelease", "5.4");
	if (cpus[_i].possible)
		put_file(root, "sys/devices/system/cpu/possible", cpus[_i].possible);
	if (cpus[_i].cpuinfo)
		put_file(root, "proc/cpuinfo", cpus[_i].cpuinfo);
	ck_assert_uint_eq(facts_of(root).cpus, cpus[_i].count);
}
END_TEST

static const struct {
	const char *release, *path, *text;
	enum ct_presence presence;
	bool ip;
} presences[] = {
	{ "6.1", "sys/module/nf_conntrack/initstate", "live\n", CT_PRESENCE_MODULE, false },
	{ "6.1", "sys/module/nf_conntrack/parameters/hashsize", "1024\n", CT_PRESENCE_BUILTIN, false },
	{ "6.1", "proc/sys/net/netfilter/nf_conntrack_max", "1024\n", CT_PRESENCE_BUILTIN, false },
	/* of nf_defrag_ipv6, which may be there without conntrack */
	{ "6.1", "proc/sys/net/netfilter/nf_conntrack_frag6_timeout", "60\n", CT_PRESENCE_ABSENT, false },
	{ "2.6.18", "proc/modules", "ip_conntrack_ftp 1 0\nip_conntrack 9 0\n", CT_PRESENCE_MODULE, true },
	{ "2.6.18", "proc/modules", "ip_conntrack_ftp 1 0\n", CT_PRESENCE_ABSENT, true },
	{ "2.6.18", "proc/modules", "nf_conntrack 1 0\n", CT_PRESENCE_MODULE, false },
	{ "2.4.20", "proc/sys/net/ipv4/ip_conntrack_max", "128\n", CT_PRESENCE_BUILTIN, true },
	{ "2.6.18", "proc/sys/net/ipv4/netfilter/ip_conntrack_max", "128\n", CT_PRESENCE_BUILTIN, true },
	{ "2.6.18", "proc/none", "", CT_PRESENCE_ABSENT, true },
	{ "2.6.22", "proc/none", "", CT_PRESENCE_ABSENT, false },
};

START_TEST(presence_is_told_by_what_only_conntrack_leaves)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", presences[_i].release);
	put_file(root, presences[_i].path, presences[_i].text);
	f = facts_of(root);
	ck_assert_str_eq(ct_presence_name(f.presence), ct_presence_name(presences[_i].presence));
	ck_assert_int_eq(f.ip_conntrack, presences[_i].ip);
}
END_TEST

START_TEST(values_are_read_from_another_eras_path_if_need_be)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	/* 4.9 dropped these names; a vendor kernel may have kept them */
	put_file(root, "proc/sys/kernel/osrelease", "4.14.0");
	put_file(root, "proc/sys/net/ipv4/netfilter/ip_conntrack_max", "-1\n");
	f = facts_of(root);
	ck_assert(f.value[CT_PARAM_LIMIT].known);
	ck_assert_int_eq(f.value[CT_PARAM_LIMIT].v, -1);
	ck_assert_str_eq(f.value[CT_PARAM_LIMIT].path, "proc/sys/net/ipv4/netfilter/ip_conntrack_max");
	ck_assert_int_eq(known(ct_facts_limit(&f)), 0);         /* no limit */
	ck_assert_int_eq(known(ct_facts_buckets(&f)), -1);
}
END_TEST

START_TEST(boolean_module_parameters_are_letters)
{
	const char *root = sysroot_copy("5.10-x86_64");
	struct ct_facts f;

	put_file(root, "sys/module/nf_conntrack/parameters/acct", "Y\n");
	put_file(root, "sys/module/nf_conntrack/parameters/tstamp", "N\n");
	f = facts_of(root);
	ck_assert(f.value[CT_PARAM_MODULE_ACCT].known && f.value[CT_PARAM_MODULE_ACCT].v == 1);
	ck_assert(f.value[CT_PARAM_MODULE_TSTAMP].known && f.value[CT_PARAM_MODULE_TSTAMP].v == 0);
}
END_TEST

static void forbid_writing(const char *root, const char *path)
{
	char full[PATH_MAX];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	ck_assert_int_eq(chmod(full, 0444), 0);
}

START_TEST(write_bits_decide_what_is_writable)
{
	const char *root = sysroot_copy("6.18-child-netns");
	struct ct_facts f;

	/* a copy has all write bits; a child namespace has none on these */
	ck_assert(facts_of(root).value[CT_PARAM_LIMIT].writable);
	forbid_writing(root, "proc/sys/net/netfilter/nf_conntrack_max");
	forbid_writing(root, "proc/sys/net/netfilter/nf_conntrack_buckets");
	f = facts_of(root);
	ck_assert(!f.value[CT_PARAM_LIMIT].writable && !f.value[CT_PARAM_BUCKETS].writable);
	ck_assert(f.value[CT_PARAM_ACCT].writable);
	ck_assert(!f.sysctl_read_only);
}
END_TEST

START_TEST(a_read_only_mount_makes_every_sysctl_read_only)
{
	struct ct_facts f = facts_of(sysroot_copy("6.18-container"));

	ck_assert(f.sysctl_read_only);
	for (enum ct_param_id id = 0; id < CT_PARAM__COUNT; id++)
		ck_assert(!f.value[id].writable || strncmp(f.value[id].path, "proc/sys/", 9) != 0);
}
END_TEST

static const struct {
	const char *mounts;
	bool read_only;
} mounts[] = {
	{ "proc /proc proc rw,nosuid 0 0\nproc /proc/sys proc ro,nosuid 0 0\n", true },
	{ "proc /proc proc ro 0 0\n", true },
	{ "proc /proc proc rw,errors=ro 0 0\n", false },
	{ "proc /proc/sys proc ro 0 0\nproc /proc/sys proc rw 0 0\n", false },
	{ "tmpfs /proc/sysrq-trigger tmpfs ro 0 0\nx /proc/systematically-other x ro 0 0\n", false },
	{ "\n\nproc\n", false },
};

START_TEST(a_captured_tree_names_its_mounts)
{
	const char *root = scratch_dir();

	put_file(root, "proc/sys/kernel/osrelease", "6.8");
	put_file(root, "proc/mounts", mounts[_i].mounts);
	ck_assert_int_eq(facts_of(root).sysctl_read_only, mounts[_i].read_only);
}
END_TEST

START_TEST(network_namespaces_are_counted_once_each)
{
	const char *root = scratch_dir();
	char path[PATH_MAX];
	static const struct {
		const char *path, *text;
	} links[] = {
		{ "proc/self/ns/net", "net:[4026531840]" }, { "proc/1/ns/net", "net:[4026531840]" },
		{ "proc/20/ns/net", "net:[4026532200]" },   { "proc/21/ns/net", "net:[4026532200]" },
		{ "proc/22/ns/net", "mnt:[4026532201]" },   { "proc/23/ns/net", "net:[4026532202]x" },
		{ "proc/x24/ns/net", "net:[4026532203]" },  { "run/netns/blue", "net:[4026532200]" },
		{ "run/netns/red", "net:[4026532300]" },
	};

	put_file(root, "proc/sys/kernel/osrelease", "6.8");
	put_file(root, "run/netns/plain", "");          /* one that nothing tells apart */
	for (size_t i = 0; i < ct_array_size(links); i++) {
		/* put_file() makes the directories */
		(void)snprintf(path, sizeof(path), "%.*s/x", (int)(strrchr(links[i].path, '/') - links[i].path), links[i].path);
		put_file(root, path, "");
		(void)snprintf(path, sizeof(path), "%s/%s", root, links[i].path);
		ck_assert_int_eq(symlink(links[i].text, path), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/run/netns/x", root);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(known(facts_of(root).netns_inode), 4026531840);
	ck_assert_uint_eq(facts_of(root).netns_count, 4);
}
END_TEST

static const struct {
	const char *release, *slabinfo;
	int64_t bytes, peak;
} slabinfos[] = {
	{ "2.4.32", "slabinfo - version: 1.1\nip_conntrack 5 22 352 2 2 1\n", 352, -1 },
	{ "2.6.20", "nf_conntrack:help 0 0 344 11 1\nnf_conntrack:basic 1 2 304 3 1\n", 304, -1 },
	{ "2.6.33", "nf_conntrack_expect 0 0 240 1 1\nnf_conntrack_ffff880037a1c000 1 2 312 3 1\n", 312, -1 },
	{ "4.6", "nf_conntrack_1 1 2 320 3 1\nnf_conntrack_2 1 2 328 3 1\n", 320, -1 },
	{ "5.4", "nf_conntrack 7 9 384 1 1 : tunables 0 0 0 : slabdata 1 1 0 : globalstat  100 4321 5 6 7\n", 384, 4321 },
	{ "5.4", "nf_conntrack 7 9 384 1 1 : tunables 0 0 0 : slabdata 1 1 0 : globalstat x\n", 384, -1 },
	{ "6.1", "nf_conntrack 7 9 3 1 1\nnf_conntrack\nnf_conntrackx 1 1 512 1\nnf_conntrack_ 1 1 512 1\n", -1, -1 },
	{ "6.1", "ip_fib_trie 1 1 56 1 1\n", -1, -1 },
};

START_TEST(slabinfo_tells_the_size_of_an_entry)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", slabinfos[_i].release);
	put_file(root, "proc/slabinfo", slabinfos[_i].slabinfo);
	f = facts_of(root);
	ck_assert_int_eq(f.entry_source, slabinfos[_i].bytes < 0 ? CT_ENTRY_MODEL : CT_ENTRY_SLABINFO);
	if (slabinfos[_i].bytes > 0)
		ck_assert_int_eq(known(f.entry_slab_bytes), slabinfos[_i].bytes);
	ck_assert_int_eq(known(f.slab_peak_entries), slabinfos[_i].peak);
}
END_TEST

START_TEST(one_cache_for_each_namespace_is_found)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", "4.6.0");
	put_file(root, "sys/kernel/slab/nf_conntrack_expect/slab_size", "232\n");
	put_file(root, "sys/kernel/slab/nf_conntrack_1/slab_size", "damaged\n");
	put_file(root, "sys/kernel/slab/nf_conntrack_2/slab_size", "288\n");
	f = facts_of(root);
	ck_assert_int_eq(f.entry_source, CT_ENTRY_SLAB);
	ck_assert_uint_eq(f.entry_slab_bytes.v, 288);
}
END_TEST

#define LINE "ip_conntrack version 2.4 (8189 buckets, 65512 max)"

static const struct {
	const char *release, *path, *log;
	int64_t bytes, buckets, limit;
} logs[] = {
	{ "2.4.22", "var/log/dmesg", LINE " - 232 bytes per conntrack\n", 232, 8189, 65512 },
	{ "2.4.22", "var/log/messages", "Jan  1 00:00:00 h kernel: [ 1.0] " LINE " - 232 bytes per conntrack\n", 232, 8189, 65512 },
	{ "2.6.9", "var/log/kern.log", "x\n" LINE " - 232 bytes per conntrack\ny\n"
	  "ip_conntrack version 2.4 (1024 buckets, 8192 max) - 356 bytes per conntrack", 356, 1024, 8192 },
	{ "2.4.16", "var/log/boot.msg", LINE "\n", -1, 8189, 65512 },
	{ "2.6.18", "var/log/dmesg", "nf_conntrack version 0.5.0 (1024 buckets, 8192 max)\n", -1, 1024, 8192 },
	{ "2.4.22", "var/log/dmesg", LINE " - 9 bytes per conntrack\n", -1, 8189, 65512 },
	{ "2.4.22", "var/log/dmesg", "ip_conntrack version 2.4 (many buckets, 65512 max)\n", -1, -1, -1 },
	{ "2.4.22", "var/log/dmesg", "ip_conntrack version\n\n", -1, -1, -1 },
	/* later kernels tell it elsewhere: not looked at */
	{ "2.6.22", "var/log/dmesg", LINE " - 232 bytes per conntrack\n", -1, -1, -1 },
};

START_TEST(the_kernel_log_tells_what_nothing_else_does)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", logs[_i].release);
	put_file(root, logs[_i].path, logs[_i].log);
	f = facts_of(root);
	ck_assert_int_eq(f.entry_source, logs[_i].bytes < 0 ? CT_ENTRY_MODEL : CT_ENTRY_LOG);
	if (logs[_i].bytes > 0)
		ck_assert_int_eq(known(f.entry_slab_bytes), logs[_i].bytes);
	ck_assert_int_eq(known(ct_facts_buckets(&f)), logs[_i].buckets);
	ck_assert_int_eq(known(ct_facts_limit(&f)), logs[_i].limit);
}
END_TEST

#define SYSCTL "proc/sys/net/netfilter/nf_conntrack_"
#define NETLINK "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"

static const struct {
	const char *release, *path, *text;
	unsigned reasons;
} extensions[] = {
	{ "6.1", SYSCTL "events", "2\n", 0 },
	{ "6.1", SYSCTL "events", "1\n", CT_EXTENSION_EVENTS },
	{ "6.1", SYSCTL "events", "0\n", 0 },
	{ "5.18", SYSCTL "events", "2\n", CT_EXTENSION_EVENTS },
	{ "5.18", SYSCTL "events", "0\n", 0 },
	{ "6.1", SYSCTL "acct", "1\n", CT_EXTENSION_ACCT },
	{ "6.1", SYSCTL "timestamp", "1\n", CT_EXTENSION_TIMESTAMP },
	{ "6.1", "sys/module/nf_nat/refcnt", "1\n", CT_EXTENSION_NAT },
	{ "6.1", "sys/module/nf_nat/refcnt", "0\n", 0 },
	{ "6.1", "proc/net/netlink", NETLINK "0 12  -4128 00000001 0 0 0 2 0 1\n", CT_EXTENSION_LISTENER },
	{ "6.1", "proc/net/netlink", NETLINK "0 15  0 00000007 0 0 0 2 0 1\n0 12  77 00000004 0 0 0 2 0 1\n", CT_EXTENSION_LISTENER },
	{ "6.1", "proc/net/netlink", NETLINK "0 12  77 00000038 0 0 0 2 0 1\n", 0 },
	{ "6.1", "proc/net/netlink", NETLINK "0 12  77 00000000 0 0 0 2 0 1\n0 11  77 00000001\n12\n\n", 0 },
	{ "5.18", "proc/net/netlink", NETLINK "0 12  77 00000001 0 0 0 2 0 1\n", 0 },
	{ "2.6.22", SYSCTL "acct", "1\n", 0 },
};

START_TEST(an_entry_is_larger_for_a_reason)
{
	const char *root = scratch_dir();
	struct ct_facts f;

	put_file(root, "proc/sys/kernel/osrelease", extensions[_i].release);
	put_file(root, SYSCTL "max", "65536\n");
	put_file(root, SYSCTL "events", strncmp(extensions[_i].release, "6", 1) == 0 ? "2\n" : "0\n");
	put_file(root, extensions[_i].path, extensions[_i].text);
	f = facts_of(root);
	ck_assert_uint_eq(f.extension_reasons, extensions[_i].reasons);
	ck_assert_uint_eq(f.entry_bytes, f.entry_slab_bytes.v + (extensions[_i].reasons ? 128 : 0));
}
END_TEST

START_TEST(a_list_of_any_length_is_counted)
{
	const char *root = sysroot_copy("2.4.20-i686");
	static char text[200000 * 6 + 1];
	struct ct_facts f;

	for (size_t i = 0; i < 200000; i++)
		memcpy(text + i * 6, i % 1000 ? "entry\n" : "EXPEC\n", 6);
	put_file(root, "proc/net/ip_conntrack", text);
	f = facts_of(root);
	ck_assert_int_eq(f.value[CT_PARAM_COUNT].v, 200000);
	ck_assert_str_eq(f.value[CT_PARAM_COUNT].path, "proc/net/ip_conntrack");
	ck_assert_int_eq(known(f.expect_entries), 0);
	put_file(root, "proc/net/ip_conntrack", "EXPECTING: 1\nEXPECTING\nEXPECTIN\n\nlast, without an end");
	f = facts_of(root);
	ck_assert_int_eq(f.value[CT_PARAM_COUNT].v, 2);
	ck_assert_int_eq(known(f.expect_entries), 2);
}
END_TEST

static const struct {
	struct ct_facts_override over;
	int rc;
	const char *word;
} overrides[] = {
	{ .over = { .ram_bytes = UINT64_C(512) << 20 } },
	{ .over = { .ram_bytes = 1 << 20 } },
	{ .over = { .ram_bytes = UINT64_C(1) << 52 } },
	{ .over = { .ram_bytes = (1 << 20) - 1 }, .rc = -EINVAL, .word = "1048575 bytes of RAM" },
	{ .over = { .ram_bytes = (UINT64_C(1) << 52) + 1 }, .rc = -EINVAL, .word = "bytes of RAM" },
	{ .over = { .pointer_bits = 32 } },
	{ .over = { .pointer_bits = 64 } },
	{ .over = { .pointer_bits = 16 }, .rc = -EINVAL, .word = "16 bits" },
	{ .over = { .kernel = V(2, 6, 5) } },
	{ .over = { .kernel = V(2, 2, 0) }, .rc = -EINVAL, .word = "2.2" },
	{ .over = { .entry_bytes = 16 } },
	{ .over = { .entry_bytes = 65536 } },
	{ .over = { .entry_bytes = 15 }, .rc = -EINVAL, .word = "15 bytes per entry" },
	{ .over = { .entry_bytes = 65537 }, .rc = -EINVAL, .word = "65537 bytes per entry" },
	{ .over = { .ram_bytes = UINT64_C(512) << 20, .pointer_bits = 32, .kernel = V(2, 6, 5), .entry_bytes = 300 } },
};

START_TEST(overrides_replace_what_was_found)
{
	const struct ct_facts_override *o = &overrides[_i].over;
	bool another = o->ram_bytes || o->pointer_bits || o->kernel.major;
	struct ct_facts f = { .netns_count = 4711 };
	int r = collect(sysroot_copy("4.18-arm64-64k"), o, &f);

	if (overrides[_i].rc) {
		ck_assert_failed(r, err, overrides[_i].rc, overrides[_i].word);
		ck_assert_uint_eq(f.netns_count, 4711);
		return;
	}
	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert_uint_eq(f.ram_bytes.v, o->ram_bytes ? o->ram_bytes : UINT64_C(498304) * 1024);
	ck_assert_uint_eq(f.pointer_bits, o->pointer_bits ? o->pointer_bits : 64);
	ck_assert_uint_eq(f.page_bytes, o->pointer_bits == 32 ? 4096 : 65536);
	ck_assert_str_eq(f.machine, o->pointer_bits == 32 ? "" : "aarch64");
	ck_assert_str_eq(f.release, o->kernel.major ? "2.6.5" : "4.18.0-553.el8_10.aarch64");
	ck_assert_int_eq(f.ip_conntrack, o->kernel.major != 0);
	ck_assert_int_eq(f.mem_available_bytes.known, !another);
	ck_assert_int_eq(ct_facts_limit(&f).known, !another);
	ck_assert_int_eq(ct_facts_buckets(&f).known, !another);
	ck_assert_int_eq(ct_facts_entries(&f).known, !another);
	ck_assert_int_eq(f.presence, another ? CT_PRESENCE_ABSENT : CT_PRESENCE_MODULE);
	if (o->entry_bytes) {
		ck_assert_int_eq(f.entry_source, CT_ENTRY_GIVEN);
		ck_assert_uint_eq(f.entry_bytes, o->entry_bytes);
		ck_assert_uint_eq(f.entry_extension_bytes, 0);
	} else {
		ck_assert_int_eq(f.entry_source, CT_ENTRY_MODEL);
		ck_assert_uint_eq(f.entry_bytes, f.entry_slab_bytes.v);
	}
}
END_TEST

START_TEST(another_machine_needs_nothing_of_this_one)
{
	struct ct_facts_override over = { .ram_bytes = UINT64_C(512) << 20, .pointer_bits = 32, .kernel = V(2, 6, 5) };
	const char *root = scratch_dir();
	struct ct_facts f;

	ck_assert_int_eq(collect(root, &over, &f), 0);
	put_file(root, "proc/meminfo", "MemTotal: damaged\n");
	put_file(root, "proc/sys/kernel/osrelease", "damaged\n");
	put_file(root, "proc/sys/net/netfilter/nf_conntrack_max", "damaged\n");
	ck_assert_int_eq(collect(root, &over, &f), 0);
	ck_assert_uint_eq(f.ram_bytes.v, UINT64_C(512) << 20);
	ck_assert_uint_eq(f.entry_bytes, 300);
}
END_TEST

START_TEST(this_machine_tells_what_uname_tells)
{
	struct ct_facts f = facts_of("/");
	struct utsname name;

	ck_assert_int_eq(uname(&name), 0);
	ck_assert_str_eq(f.release, name.release);
	ck_assert_uint_eq(f.page_bytes, sysconf(_SC_PAGESIZE));
	ck_assert_uint_ge(f.pointer_bits, sizeof(void *) * 8);
	ck_assert(f.ram_bytes.known && f.mem_available_bytes.known);
	ck_assert_str_ne(f.machine, "");
	ck_assert_uint_ge(f.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	ck_assert_uint_ge(f.netns_count, 1);
	ck_assert_uint_ge(f.entry_bytes, 100);
}
END_TEST

/*
 * "ip netns add" mounts a namespace on a file of run/netns: here our own one, which is counted already, and a file.
 * Whoever works on this machine may make and end namespaces meanwhile: then once more.
 */
START_TEST(named_namespaces_of_this_machine_are_told_apart_by_inode)
{
	uint32_t none, two, one = 0, after = 0;
	int tries = 0;

	if (!own_mounts())
		return;
	ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, NULL), 0);
	do {
		none = facts_of("/").netns_count;
		put_file("/run", "netns/ours", "");
		put_file("/run", "netns/other", "");
		two = facts_of("/").netns_count;
		if (mount("/proc/self/ns/net", "/run/netns/ours", "", MS_BIND, NULL) == 0) {
			one = facts_of("/").netns_count;
			ck_assert_int_eq(umount("/run/netns/ours"), 0);
		} else {
			one = two - 1;
		}
		ck_assert_int_eq(unlink("/run/netns/ours") + unlink("/run/netns/other"), 0);
		after = facts_of("/").netns_count;
	} while (none != after && ++tries < 100);
	ck_assert_uint_eq(two, none + 2);
	ck_assert_uint_eq(one, none + 1);
}
END_TEST

START_TEST(names_of_sources_and_presence)
{
	static const char *const sources[] = { "given", "slab", "slabinfo", "log", "model" };
	static const char *const presence[] = { "absent", "module", "built-in" };
	static const char *const patch[] = { "release", "build", "signature", "assumed", "given" };

	for (size_t i = 0; i < ct_array_size(sources); i++)
		ck_assert_str_eq(ct_entry_source_name((enum ct_entry_source)i), sources[i]);
	for (size_t i = 0; i < ct_array_size(presence); i++)
		ck_assert_str_eq(ct_presence_name((enum ct_presence)i), presence[i]);
	for (size_t i = 0; i < ct_array_size(patch); i++)
		ck_assert_str_eq(ct_patch_source_name((enum ct_patch_source)i), patch[i]);
	ck_assert_str_eq(ct_patch_source_name((enum ct_patch_source)99), "?");
	ck_assert_str_eq(ct_entry_source_name((enum ct_entry_source)99), "?");
	ck_assert_str_eq(ct_presence_name((enum ct_presence)99), "?");
}
END_TEST

static TCase *whole_trees(void)
{
	TCase *tc = tcase_create("trees");

	tcase_set_timeout(tc, 60);      /* a disk may be slow */
	tcase_add_loop_test(tc, each_tree_tells_its_machine, 0, ct_array_size(trees));
	tcase_add_loop_test(tc, each_tree_tells_where_connection_tracking_stands, 0, ct_array_size(trees));
	tcase_add_loop_test(tc, each_tree_tells_what_an_entry_costs, 0, ct_array_size(trees));
	tcase_add_loop_test(tc, each_tree_has_what_its_kernel_chooses, 0, ct_array_size(trees));
	tcase_add_loop_test(tc, each_tunable_of_a_tree_is_read, 0, 5);
	tcase_add_loop_test(tc, a_damaged_file_is_named_or_its_fact_is_unknown, 0, ct_array_size(damages));
	tcase_add_loop_test(tc, overrides_replace_what_was_found, 0, ct_array_size(overrides));
	tcase_add_test(tc, another_machine_needs_nothing_of_this_one);
	tcase_add_test(tc, named_namespaces_of_this_machine_are_told_apart_by_inode);
	tcase_add_test(tc, this_machine_tells_what_uname_tells);
	return tc;
}

static TCase *single_facts(void)
{
	TCase *tc = tcase_create("facts");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, low_memory_is_known_where_a_32_bit_kernel_tells_it, 0, ct_array_size(lows));
	tcase_add_test(tc, a_machine_without_a_kernel_version_is_refused);
	tcase_add_loop_test(tc, proc_version_stands_in_for_osrelease, 0, ct_array_size(versions));
	tcase_add_loop_test(tc, stable_update_is_told_where_the_release_hides_it, 0, ct_array_size(patches));
	tcase_add_test(tc, a_given_version_is_taken_as_it_is);
	tcase_add_test(tc, a_bare_kernel_version_is_enough);
	tcase_add_loop_test(tc, page_and_pointer_size_come_from_the_kernel_or_the_capture, 0, ct_array_size(geometries));
	tcase_add_loop_test(tc, possible_cpus_are_counted, 0, ct_array_size(cpus));
	tcase_add_loop_test(tc, presence_is_told_by_what_only_conntrack_leaves, 0, ct_array_size(presences));
	tcase_add_test(tc, values_are_read_from_another_eras_path_if_need_be);
	tcase_add_test(tc, boolean_module_parameters_are_letters);
	tcase_add_test(tc, write_bits_decide_what_is_writable);
	tcase_add_test(tc, a_read_only_mount_makes_every_sysctl_read_only);
	tcase_add_loop_test(tc, a_captured_tree_names_its_mounts, 0, ct_array_size(mounts));
	tcase_add_test(tc, network_namespaces_are_counted_once_each);
	tcase_add_loop_test(tc, slabinfo_tells_the_size_of_an_entry, 0, ct_array_size(slabinfos));
	tcase_add_test(tc, one_cache_for_each_namespace_is_found);
	tcase_add_loop_test(tc, the_kernel_log_tells_what_nothing_else_does, 0, ct_array_size(logs));
	tcase_add_loop_test(tc, an_entry_is_larger_for_a_reason, 0, ct_array_size(extensions));
	tcase_add_test(tc, a_list_of_any_length_is_counted);
	tcase_add_test(tc, names_of_sources_and_presence);
	return tc;
}

Suite *module_suite(void)
{
	Suite *s = suite_create("facts");

	suite_add_tcase(s, whole_trees());
	suite_add_tcase(s, single_facts());
	return s;
}
