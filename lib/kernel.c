/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel versions, and what each does in connection tracking. Section numbers: kernel-conntrack reference. */
#include "config.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <conntune/kernel.h>

/* One part of a version. Returns 0; -EINVAL if there is no digit or the number doesn't fit. */
static int parse_part(const char **text, uint16_t *ret)
{
	const char *p = *text;
	uint32_t v = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > UINT16_MAX)
			return -EINVAL;
	}
	*ret = (uint16_t)v;
	*text = p;
	return 0;
}

static bool tail_allowed(char c)
{
	return c == '\0' || strchr("-.+_ ", c) || isalpha((unsigned char)c);
}

/* "6.1" and "6.1.x" have patch 0; a fourth part (2.6.32.27) belongs to the tail. */
static int parse_parts(const char *text, struct ct_kver *v)
{
	int r = parse_part(&text, &v->major);

	if (r < 0)
		return r;
	if (*text++ != '.')
		return -EINVAL;
	r = parse_part(&text, &v->minor);
	if (r < 0)
		return r;
	if (text[0] == '.' && isdigit((unsigned char)text[1])) {
		text++;
		r = parse_part(&text, &v->patch);
		if (r < 0)
			return r;
	}
	return tail_allowed(*text) ? 0 : -EINVAL;
}

int ct_kver_parse(const char *text, struct ct_kver *ret, struct ct_err *err)
{
	struct ct_kver v = { 0 };

	if (parse_parts(text, &v) < 0)
		return ct_err_set(err, -EINVAL, "kernel version '%.64s' is not MAJOR.MINOR[.PATCH] of 0 to 65535 each",
				  text);
	if (!ct_kver_at_least(&v, 2, 4, 0))
		return ct_err_set(err, -EINVAL, "kernel version '%.64s' is older than 2.4", text);
	*ret = v;
	return 0;
}

/* @word begins with a version of the series of @v, of which the release has told no stable update: what ends it. */
static const char *same_series(const char *word, const struct ct_kver *v, uint16_t *patch)
{
	uint16_t major, minor;

	if (v->major < 3 || v->patch != 0)
		return NULL;
	if (parse_part(&word, &major) < 0 || *word++ != '.' || parse_part(&word, &minor) < 0 || *word++ != '.' ||
	    parse_part(&word, patch) < 0)
		return NULL;
	return major == v->major && minor == v->minor ? word : NULL;
}

/* The last "#" and a number, which the kernel's build begins with: "#1 SMP ...", "#129-Ubuntu SMP ...". */
static const char *build_of(const char *text)
{
	const char *build = NULL;

	for (const char *p = text; (p = strchr(p, '#')); p++)
		if (isdigit((unsigned char)p[1]) && (p == text || p[-1] == ' '))
			build = p;
	return build;
}

/*
 * A package's version: [EPOCH:]VERSION-REVISION. Without '-' it may have been cut: the kernel keeps 64 bytes.
 * Seen: Debian 3.2.68-1+deb7u1, 6.0.7-1kali1, 1:6.1.63-1+rpt1 (Raspberry Pi), Uos 4.19.67-11eagle, PMX 6.8.12-5.
 */
bool ct_kver_from_build(struct ct_kver *v, const char *text)
{
	const char *word = build_of(text), *end;
	uint16_t patch;

	for (; word && *word; word += strcspn(word, " "), word += strspn(word, " ")) {
		size_t epoch = strspn(word, "0123456789");

		end = same_series(word + (word[epoch] == ':' ? epoch + 1 : 0), v, &patch);
		if (end && *end == '-') {
			v->patch = patch;
			return true;
		}
	}
	return false;
}

bool ct_kver_from_signature(struct ct_kver *v, const char *text)
{
	const char *space = strrchr(text, ' '), *end;
	uint16_t patch;

	end = space ? same_series(space + 1, v, &patch) : NULL;
	if (!end || *end != '\0')
		return false;
	v->patch = patch;
	return true;
}

int ct_kver_cmp(const struct ct_kver *a, const struct ct_kver *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	if (a->patch != b->patch)
		return a->patch < b->patch ? -1 : 1;
	return 0;
}

bool ct_kver_at_least(const struct ct_kver *v, unsigned major, unsigned minor, unsigned patch)
{
	if (v->major != major)
		return v->major > major;
	if (v->minor != minor)
		return v->minor > minor;
	return v->patch >= patch;
}

static bool is_unknown(const struct ct_kver *v)
{
	return v->major == 0 && v->minor == 0 && v->patch == 0;
}

bool ct_kver_within(const struct ct_kver *v, const struct ct_kver *since, const struct ct_kver *until)
{
	struct ct_kver last = *until;

	if (is_unknown(v))
		return true;
	if (ct_kver_cmp(v, since) < 0)
		return false;
	if (is_unknown(until))
		return true;
	/* From 3.0 the third part counts stable updates: "until 4.8" includes 4.8.15. */
	if (last.major >= 3 && last.patch == 0)
		last.patch = UINT16_MAX;
	return ct_kver_cmp(v, &last) <= 0;
}

/* Section 1. A backport of 5.15's sizes to a stable series was never seen. */
static enum ct_era era_of(const struct ct_kver *v)
{
	if (ct_kver_at_least(v, 5, 15, 0))
		return CT_ERA_ONE_TO_ONE;
	if (ct_kver_at_least(v, 4, 0, 0))
		return CT_ERA_STEP_4G;
	if (ct_kver_at_least(v, 2, 6, 23))
		return CT_ERA_HLIST;
	return CT_ERA_LIST_HEADS;
}

/*
 * Section 4, "Chain limit". Linux 6.3 raised it from 8..31 to 50..79 (c77737b736ce, "netfilter: conntrack: adopt safer
 * max chain length"). The announcements of 5.15.103 and 6.1.20 and the review of 6.2.7, March 2023, name it;
 * 5.16 to 6.0 had no updates any more. Where the update isn't known the lower limit is assumed: it loses connections.
 */
static bool has_safer_chains(const struct ct_kver *v)
{
	static const struct ct_kver first[] = { { 5, 15, 103 }, { 6, 1, 20 }, { 6, 2, 7 } };

	for (size_t i = 0; i < ct_array_size(first); i++)
		if (v->major == first[i].major && v->minor == first[i].minor)
			return v->patch >= first[i].patch;
	return ct_kver_at_least(v, 6, 3, 0);
}

static void chain_limit(const struct ct_kver *v, struct ct_kernel *k)
{
	if (!ct_kver_at_least(v, 5, 15, 0))
		return;
	if (has_safer_chains(v)) {
		k->chain_limit_min = 50;
		k->chain_limit_max = 79;
	} else {
		k->chain_limit_min = 8;
		k->chain_limit_max = 31;
	}
}

/* Section 3. Unit: bytes. Each number is what the slab takes, free pointer and padding included. */
static uint32_t slab_entry_bytes(const struct ct_kver *v, bool wide)
{
	/* Measured on x86_64 6.18 and 6.1: 248 -> 256. 32 bits computed: 204, whole cache lines of 64: 256. */
	if (ct_kver_at_least(v, 5, 19, 0))
		return 256;
	/* One cache for all namespaces; computed 4.9 .. 5.18: 256 + 8 -> 320. 32 bits: 204 and a little, so 256 too. */
	if (ct_kver_at_least(v, 4, 7, 0))
		return wide ? 320 : 256;
	/* 64 bits computed from 4.4: 312 with timer statistics, + 8. 32 bits: the one published figure (2009). */
	if (ct_kver_at_least(v, 2, 6, 22))
		return wide ? 320 : 304;
	/* ip_conntrack: 212 .. 456 in boot logs; "about 300" is documented for i386 2.6.5, 384 seen with alignment. */
	return wide ? 384 : 300;
}

static int check_geometry(const struct ct_kver *v, uint32_t page_bytes, unsigned pointer_bits, struct ct_err *err)
{
	if (!ct_kver_at_least(v, 2, 4, 0))
		return ct_err_set(err, -EINVAL, "kernel version %u.%u.%u is older than 2.4", v->major, v->minor,
				  v->patch);
	if (page_bytes < 4096 || page_bytes > 1U << 20 || (page_bytes & (page_bytes - 1)))
		return ct_err_set(err, -EINVAL, "page size %u is not a power of two from 4096 to 1048576 bytes",
				  page_bytes);
	if (pointer_bits != 32 && pointer_bits != 64)
		return ct_err_set(err, -EINVAL, "pointer size %u bits is neither 32 nor 64", pointer_bits);
	return 0;
}

int ct_kernel_describe(const struct ct_kver *v, uint32_t page_bytes, unsigned pointer_bits, struct ct_kernel *ret,
		       struct ct_err *err)
{
	uint32_t pointer_bytes = pointer_bits / 8;
	struct ct_kernel k = { .version = *v };
	int r = check_geometry(v, page_bytes, pointer_bits, err);

	if (r < 0)
		return r;
	k.era = era_of(v);
	/* Section 1: a list head before 2.6.23, then a pointer and whole pages of them. */
	k.bucket_bytes = k.era == CT_ERA_LIST_HEADS ? 2 * pointer_bytes : pointer_bytes;
	k.bucket_step = k.era == CT_ERA_LIST_HEADS ? 1 : page_bytes / k.bucket_bytes;
	/* Section 4: addresses and ports were summed and divided until jhash came with 2.4.21. */
	k.prime_buckets = !ct_kver_at_least(v, 2, 4, 21);
	k.hashsize_factor = 8;
	/* Sections 0 and 3. Until 2.6.27 there was one table because there were no namespaces. */
	k.table_per_netns = ct_kver_at_least(v, 2, 6, 28) && !ct_kver_at_least(v, 4, 7, 0);
	chain_limit(v, &k);
	/* Section 2: writing nf_conntrack_max; nf_conntrack_buckets 0644; hashsize 0600. Section 0: names. */
	k.zero_limit_allowed = !ct_kver_at_least(v, 6, 19, 0);
	k.buckets_sysctl_writable = ct_kver_at_least(v, 4, 8, 0);
	k.hashsize_writable = ct_kver_at_least(v, 2, 6, 15);
	k.ip_conntrack = !ct_kver_at_least(v, 2, 6, 22);
	/* Section 2: enforced from 6.13; older kernels may overflow beyond it, so it is our bound for all. */
	k.max_buckets = INT_MAX / pointer_bytes;
	k.slab_entry_bytes = slab_entry_bytes(v, pointer_bits == 64);
	*ret = k;
	return 0;
}
