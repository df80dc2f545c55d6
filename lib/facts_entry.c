/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one entry costs: its slab object, and the extension that settings and listeners add. */
#include "config.h"
#include "facts_parts.h"
#include "fs.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Smallest kmalloc object that an extension gets, NF_CT_EXT_PREALLOC; from 4.12. Before: not measured, the same assumed. */
#define EXTENSION_BYTES 128

#define ENTRY_MIN 16
#define ENTRY_MAX 65536

static bool is_sane(uint64_t bytes)
{
	return bytes >= ENTRY_MIN && bytes <= ENTRY_MAX;
}

/* One cache for all, "nf_conntrack:basic" (2.6.15 .. 2.6.22), or one per namespace, named by address or number (2.6.32.y .. 4.6). */
static bool is_entry_cache(const char *name)
{
	static const char prefix[] = "nf_conntrack";
	const char *more = name + sizeof(prefix) - 1;

	if (strcmp(name, "ip_conntrack") == 0)
		return true;
	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	if (*more == '\0' || strcmp(more, ":basic") == 0)
		return true;
	return more[0] == '_' && more[1] && strspn(more + 1, "0123456789abcdef") == strlen(more + 1);
}

static struct ct_u64 slab_size(struct ct_fs *fs, const char *name)
{
	struct ct_u64 bytes;
	char path[300];

	(void)snprintf(path, sizeof(path), "sys/kernel/slab/%s/slab_size", name);
	bytes = ct_facts_number(fs, path);
	bytes.known = bytes.known && is_sane(bytes.v);
	return bytes;
}

/* slab_size and not object_size: the allocator's own pointer behind the object takes up to 64 bytes. */
static struct ct_u64 from_slab(struct ct_fs *fs, const struct ct_facts *f)
{
	struct ct_u64 bytes = slab_size(fs, f->ip_conntrack ? "ip_conntrack" : "nf_conntrack");
	char **names;
	size_t n;

	if (bytes.known || ct_kver_at_least(&f->kernel, 4, 7, 0))
		return bytes;
	if (ct_fs_list(fs, "sys/kernel/slab", &names, &n, NULL) < 0)
		return bytes;
	for (size_t i = 0; i < n && !bytes.known; i++)
		if (is_entry_cache(names[i]))
			bytes = slab_size(fs, names[i]);
	ct_fs_list_free(names, n);
	return bytes;
}

/*
 * NAME ACTIVE NUM SIZE ...: the first four columns are the same in all versions, 1.0 (2.4) to 2.1. The allocator's debug
 * build (SLAB, not SLUB) adds ": globalstat ALLOCATIONS HIGHEST ...".
 */
static struct ct_u64 from_slabinfo(struct ct_fs *fs, struct ct_u64 *peak)
{
	ct_cleanup(ct_freep) char *text = NULL;
	struct ct_u64 bytes = { 0 };
	char *rest, *line, *stat, name[64];

	if (ct_fs_read(fs, "proc/slabinfo", &text, NULL, NULL) < 0)
		return bytes;
	rest = text;
	while (!bytes.known && (line = ct_facts_line(&rest))) {
		if (sscanf(line, "%63s %*u %*u %" SCNu64, name, &bytes.v) != 2 || !is_entry_cache(name))
			continue;
		bytes.known = is_sane(bytes.v);
		stat = strstr(line, ": globalstat");
		peak->known = stat && sscanf(stat, ": globalstat %*u %" SCNu64, &peak->v) == 1;
	}
	return bytes;
}

/* "ip_conntrack version 2.4 (8189 buckets, 65512 max) - 232 bytes per conntrack"; 2.4.16 and nf_conntrack without the size. */
static void parse_log_line(const char *line, struct ct_facts *f, struct ct_u64 *bytes)
{
	const char *p = strstr(line, "_conntrack version ");
	uint64_t buckets, limit, size;
	int n;

	if (!p)
		return;
	n = sscanf(p, "_conntrack version %*s (%" SCNu64 " buckets, %" SCNu64 " max) - %" SCNu64 " bytes per conntrack",
		   &buckets, &limit, &size);
	if (n < 2)
		return;
	f->log_buckets = (struct ct_u64){ .known = true, .v = buckets };
	f->log_limit = (struct ct_u64){ .known = true, .v = limit };
	if (n == 3 && is_sane(size))
		*bytes = (struct ct_u64){ .known = true, .v = size };
}

/* The module may have been loaded more than once: the last line is the one in force. */
static struct ct_u64 from_log(struct ct_fs *fs, struct ct_facts *f)
{
	static const char *const paths[] = { "var/log/dmesg", "var/log/boot.msg", "var/log/kern.log", "var/log/messages" };
	struct ct_u64 bytes = { 0 };

	for (size_t i = 0; i < ct_array_size(paths) && !f->log_buckets.known; i++) {
		ct_cleanup(ct_freep) char *text = NULL;
		char *rest, *line;

		if (ct_fs_read(fs, paths[i], &text, NULL, NULL) < 0)
			continue;
		rest = text;
		while ((line = ct_facts_line(&rest)))
			parse_log_line(line, f, &bytes);
	}
	return bytes;
}

/* Somebody in this namespace listens to NEW, UPDATE or DESTROY: netlink protocol 12, groups 1 to 3. */
static bool has_listener(struct ct_fs *fs)
{
	ct_cleanup(ct_freep) char *text = NULL;
	char *rest, *line;
	unsigned protocol;
	uint32_t groups;

	if (ct_fs_read(fs, "proc/net/netlink", &text, NULL, NULL) < 0)
		return false;
	rest = text;
	while ((line = ct_facts_line(&rest)))
		if (sscanf(line, "%*s %u %*d %" SCNx32, &protocol, &groups) == 2 && protocol == 12 && (groups & 7))
			return true;
	return false;
}

static bool is_set(const struct ct_facts *f, enum ct_param_id id)
{
	return f->value[id].known && f->value[id].v != 0;
}

/* Extensions came with 2.6.23. From 5.19 events = 2 means: only while somebody listens. */
static unsigned extension_reasons(struct ct_fs *fs, const struct ct_facts *f)
{
	struct ct_u64 nat_users = ct_facts_number(fs, "sys/module/nf_nat/refcnt");
	bool on_demand = ct_kver_at_least(&f->kernel, 5, 19, 0);
	unsigned reasons = 0;

	if (f->presence == CT_PRESENCE_ABSENT || !ct_kver_at_least(&f->kernel, 2, 6, 23))
		return 0;
	if (is_set(f, CT_PARAM_ACCT))
		reasons |= CT_EXTENSION_ACCT;
	if (is_set(f, CT_PARAM_TIMESTAMP))
		reasons |= CT_EXTENSION_TIMESTAMP;
	if (is_set(f, CT_PARAM_EVENTS) && (!on_demand || f->value[CT_PARAM_EVENTS].v == 1))
		reasons |= CT_EXTENSION_EVENTS;
	if (is_set(f, CT_PARAM_EVENTS) && on_demand && has_listener(fs))
		reasons |= CT_EXTENSION_LISTENER;
	if (nat_users.known && nat_users.v > 0)
		reasons |= CT_EXTENSION_NAT;
	return reasons;
}

void ct_facts_entry(struct ct_fs *fs, const struct ct_kernel *kernel, struct ct_facts *f)
{
	struct ct_u64 logged = { 0 };

	f->entry_source = CT_ENTRY_SLAB;
	f->entry_slab_bytes = from_slab(fs, f);
	if (!f->entry_slab_bytes.known) {
		f->entry_source = CT_ENTRY_SLABINFO;
		f->entry_slab_bytes = from_slabinfo(fs, &f->slab_peak_entries);
	}
	/* later kernels tell all this elsewhere, and log files are long */
	if (!ct_kver_at_least(&f->kernel, 2, 6, 22))
		logged = from_log(fs, f);
	if (!f->entry_slab_bytes.known) {
		f->entry_source = CT_ENTRY_LOG;
		f->entry_slab_bytes = logged;
	}
	if (!f->entry_slab_bytes.known) {
		f->entry_source = CT_ENTRY_MODEL;
		f->entry_slab_bytes = (struct ct_u64){ .known = true, .v = kernel->slab_entry_bytes };
	}
	f->extension_reasons = extension_reasons(fs, f);
	f->entry_extension_bytes = f->extension_reasons ? EXTENSION_BYTES : 0;
	f->entry_bytes = f->entry_slab_bytes.v + f->entry_extension_bytes;
}
