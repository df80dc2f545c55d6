/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order, paths, reasons and commands of steps on kernels of all eras, and each way to refuse. */
#include "config.h"
#include "check.h"
#include "util.h"
#include <conntune/memory.h>
#include <conntune/plan.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_SYSCTL "proc/sys/net/netfilter/nf_conntrack_max"
#define BUCKETS_SYSCTL "proc/sys/net/netfilter/nf_conntrack_buckets"
#define HASHSIZE "sys/module/nf_conntrack/parameters/hashsize"
#define OLD_LIMIT "proc/sys/net/ipv4/ip_conntrack_max"
#define OLD_NETFILTER_LIMIT "proc/sys/net/ipv4/netfilter/ip_conntrack_max"
#define OLD_BUCKETS "proc/sys/net/ipv4/netfilter/ip_conntrack_buckets"
#define OLD_HASHSIZE "sys/module/ip_conntrack/parameters/hashsize"

#define MIB ((uint64_t)1 << 20)

static void set(struct ct_facts *f, enum ct_param_id id, int64_t v, const char *path)
{
	f->value[id] = (struct ct_value){ .known = v != INT64_MIN, .writable = true, .v = v, .path = path };
}

/* A machine with 4 GiB; INT64_MIN: that value isn't known. */
static struct ct_facts machine(const char *release, int64_t limit, int64_t buckets, int64_t entries)
{
	struct ct_facts f = {
		.ram_bytes = { true, 4096 * MIB },
		.mem_available_bytes = { true, 2048 * MIB },
		.page_bytes = 4096,
		.pointer_bits = 64,
		.netns_initial_known = true,
		.netns_initial = true,
		.netns_count = 1,
		.presence = CT_PRESENCE_MODULE,
		.entry_bytes = 256,
	};

	(void)snprintf(f.release, sizeof(f.release), "%s", release);
	ck_assert_int_eq(ct_kver_parse(release, &f.kernel, NULL), 0);
	f.ip_conntrack = !ct_kver_at_least(&f.kernel, 2, 6, 22);
	if (!f.ip_conntrack) {
		set(&f, CT_PARAM_LIMIT, limit, LIMIT_SYSCTL);
		set(&f, CT_PARAM_BUCKETS, buckets, BUCKETS_SYSCTL);
	} else if (ct_kver_at_least(&f.kernel, 2, 4, 24)) {
		set(&f, CT_PARAM_LIMIT, limit, OLD_NETFILTER_LIMIT);
		set(&f, CT_PARAM_BUCKETS, buckets, OLD_BUCKETS);
	} else {
		set(&f, CT_PARAM_LIMIT, limit, OLD_LIMIT);
		set(&f, CT_PARAM_BUCKETS, INT64_MIN, NULL);
		f.log_buckets = (struct ct_u64){ true, (uint64_t)buckets };
	}
	set(&f, CT_PARAM_COUNT, entries, NULL);
	return f;
}

static struct ct_facts without_module(const char *release)
{
	struct ct_facts f = machine(release, INT64_MIN, INT64_MIN, INT64_MIN);

	f.presence = CT_PRESENCE_ABSENT;
	f.ip_conntrack = false;
	f.value[CT_PARAM_LIMIT] = f.value[CT_PARAM_BUCKETS] = (struct ct_value){ .known = false };
	return f;
}

static void make(const struct ct_facts *f, const struct ct_wanted *wanted, struct ct_plan *plan)
{
	struct ct_err err = { 0 };

	ck_assert_msg(ct_plan_make(f, wanted, plan, &err) == 0, "%s", err.msg);
}

/* "set-buckets 65536>131072 set-limit 65536>131072" */
static const char *steps_of(const struct ct_plan *plan)
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct ct_step *s = &plan->step[i];
		char old[24] = "?";

		if (s->old.known)
			(void)snprintf(old, sizeof(old), "%" PRIu64, s->old.v);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s>%" PRIu64, i ? " " : "",
				      ct_step_kind_name(s->kind), old, s->value);
	}
	return text;
}

static const struct {
	int64_t limit, buckets, entries;
	struct ct_wanted wanted;
	const char *steps;
} orders[] = {
	/* nothing to do */
	{ 65536, 65536, 0, { 0 }, "" },
	{ 65536, 65536, 0, { .limit = 65536 }, "" },
	{ 65536, 65536, 0, { .limit = 65536, .buckets = 65536 }, "" },
	{ 65536, 65536, 0, { .buckets = 65500 }, "" },
	/* growing: buckets first */
	{ 65536, 65536, 0, { .limit = 262144, .buckets = 262144 }, "set-buckets 65536>262144 set-limit 65536>262144" },
	{ 65536, 65536, 0, { .limit = 262144 }, "set-limit 65536>262144" },
	{ 65536, 65536, 0, { .buckets = 262144 }, "set-buckets 65536>262144" },
	{ 65536, 65536, 0, { .limit = 65536, .buckets = 262144 }, "set-buckets 65536>262144" },
	{ 65536, 65536, 0, { .limit = 262144, .buckets = 65536 }, "set-limit 65536>262144" },
	/* shrinking: limit first */
	{ 262144, 262144, 100, { .limit = 65536, .buckets = 65536 },
	  "set-limit 262144>65536 set-buckets 262144>65536" },
	{ 262144, 262144, 100, { .limit = 65536 }, "set-limit 262144>65536" },
	{ 262144, 262144, 100, { .buckets = 65536 }, "set-buckets 262144>65536" },
	/* one up, one down */
	{ 262144, 32768, 100, { .limit = 131072, .buckets = 131072 },
	  "set-limit 262144>131072 set-buckets 32768>131072" },
	{ 32768, 262144, 100, { .limit = 131072, .buckets = 131072 },
	  "set-buckets 262144>131072 set-limit 32768>131072" },
	/* no limit is above every limit */
	{ 0, 65536, 100, { .limit = 131072, .buckets = 131072 }, "set-limit 0>131072 set-buckets 65536>131072" },
	{ -1, 65536, 100, { .limit = 131072 }, "set-limit 0>131072" },
	{ 65536, 65536, 100, { .no_limit = true, .buckets = 131072 }, "set-buckets 65536>131072 set-limit 65536>0" },
	{ 0, 65536, 100, { .no_limit = true }, "" },
	/* whole pages */
	{ 65536, 65536, 0, { .buckets = 70000 }, "set-buckets 65536>70144" },
	/* entries in use */
	{ 262144, 65536, 65536, { .limit = 65536 }, "set-limit 262144>65536" },
	{ 262144, 65536, 70000, { .limit = 65536, .allow_shrink = true }, "set-limit 262144>65536" },
	{ 262144, 65536, INT64_MIN, { .limit = 65536, .allow_shrink = true }, "set-limit 262144>65536" },
	{ 65536, 65536, 70000, { .limit = 66000 }, "set-limit 65536>66000" },
	{ 65536, 65536, INT64_MIN, { .limit = 66000 }, "set-limit 65536>66000" },
};

START_TEST(what_grows_gets_buckets_first_what_shrinks_the_limit)
{
	struct ct_facts f = machine("6.1.0-13-amd64", orders[_i].limit, orders[_i].buckets, orders[_i].entries);
	struct ct_plan plan;

	make(&f, &orders[_i].wanted, &plan);
	ck_assert_str_eq(steps_of(&plan), orders[_i].steps);
	for (size_t i = 0; i < plan.step_count; i++) {
		ck_assert_int_eq(plan.step[i].param,
				 plan.step[i].kind == CT_STEP_SET_LIMIT ? CT_PARAM_LIMIT : CT_PARAM_BUCKETS);
		ck_assert_uint_gt(strlen(plan.step[i].reason), 20);
		ck_assert_uint_lt(strlen(plan.step[i].reason), sizeof(plan.step[i].reason) - 1);
	}
}
END_TEST

/* Which file on which kernel; a file of another era is never written. */
static const struct {
	const char *release;
	const char *limit_path, *buckets_path;
	const char *limit_command, *buckets_command;
} eras[] = {
	{ "6.18.44", LIMIT_SYSCTL, BUCKETS_SYSCTL,
	  "sysctl -w net.netfilter.nf_conntrack_max=131072", "sysctl -w net.netfilter.nf_conntrack_buckets=131072" },
	{ "4.8.0", LIMIT_SYSCTL, BUCKETS_SYSCTL,
	  "sysctl -w net.netfilter.nf_conntrack_max=131072", "sysctl -w net.netfilter.nf_conntrack_buckets=131072" },
	{ "4.7.10", LIMIT_SYSCTL, HASHSIZE, "sysctl -w net.netfilter.nf_conntrack_max=131072",
	  "echo 131072 > /sys/module/nf_conntrack/parameters/hashsize" },
	{ "2.6.32-754.el6", LIMIT_SYSCTL, HASHSIZE, "sysctl -w net.netfilter.nf_conntrack_max=131072",
	  "echo 131072 > /sys/module/nf_conntrack/parameters/hashsize" },
	{ "2.6.18-8.el5", OLD_NETFILTER_LIMIT, OLD_HASHSIZE, "sysctl -w net.ipv4.netfilter.ip_conntrack_max=131072",
	  "echo 131072 > /sys/module/ip_conntrack/parameters/hashsize" },
	{ "2.6.5", OLD_NETFILTER_LIMIT, NULL, "sysctl -w net.ipv4.netfilter.ip_conntrack_max=131072", NULL },
	{ "2.4.20", OLD_LIMIT, NULL, "sysctl -w net.ipv4.ip_conntrack_max=131072", NULL },
};

START_TEST(each_kernel_has_its_files)
{
	struct ct_facts f = machine(eras[_i].release, 65536, 8192, 0);
	const struct ct_wanted limit = { .limit = 131072 }, buckets = { .buckets = 131072 };
	struct ct_err err = { 0 };
	struct ct_plan plan;

	make(&f, &limit, &plan);
	ck_assert_str_eq(plan.step[0].path, eras[_i].limit_path);
	ck_assert_str_eq(plan.step[0].command, eras[_i].limit_command);
	if (!eras[_i].buckets_path) {
		ck_assert_failed(ct_plan_make(&f, &buckets, &plan, &err), err, -EOPNOTSUPP,
				"ip_conntrack hashsize=13107");
		return;
	}
	make(&f, &buckets, &plan);
	ck_assert_str_eq(plan.step[0].path, eras[_i].buckets_path);
	ck_assert_str_eq(plan.step[0].command, eras[_i].buckets_command);
}
END_TEST

START_TEST(a_read_only_buckets_sysctl_leaves_the_module_parameter)
{
	struct ct_facts f = machine("6.1.0", 65536, 65536, 0);
	const struct ct_wanted wanted = { .buckets = 131072 };
	struct ct_plan plan;

	f.value[CT_PARAM_BUCKETS].writable = false;
	make(&f, &wanted, &plan);
	ck_assert_str_eq(plan.step[0].path, HASHSIZE);
}
END_TEST

START_TEST(a_limit_known_from_the_log_is_written_where_the_kernel_has_it)
{
	struct ct_facts f = machine("2.4.20", INT64_MIN, 8192, 0);
	const struct ct_wanted wanted = { .limit = 131072 };
	struct ct_plan plan;

	f.value[CT_PARAM_LIMIT].path = NULL;
	f.log_limit = (struct ct_u64){ true, 65536 };
	make(&f, &wanted, &plan);
	ck_assert_str_eq(steps_of(&plan), "set-limit 65536>131072");
	ck_assert_ptr_nonnull(strstr(plan.step[0].path, "ip_conntrack_max"));
}
END_TEST

/* Reasons are read by people: whole sentences, here by heart. */
static const struct {
	int64_t limit, buckets, entries;
	struct ct_wanted wanted;
	const char *reason[2];
} reasons[] = {
	{ 65536, 16384, 0, { .limit = 262144, .buckets = 262144 },
	  { "buckets first when growing: with 262144 connections the average chain has 2.0 entries, not 32.0",
	    "room for 262144 connections instead of 65536, now that buckets are there; "
	    "when full they take 48.0 MiB more" } },
	{ 65536, 16384, 0, { .buckets = 65536 },
	  { "more buckets, shorter chains: with 65536 connections the average chain has 2.0 entries, not 8.0" } },
	{ 262144, 262144, 0, { .limit = 65536, .buckets = 65536 },
	  { "limit first when shrinking: at most 65536 connections instead of 262144",
	    "buckets last when shrinking: with 65536 connections the average chain has 2.0 entries, not 0.5" } },
	{ 65536, 262144, 0, { .buckets = 65536 },
	  { "fewer buckets, less memory: with 65536 connections the average chain has 2.0 entries, not 0.5" } },
	{ 0, 65536, 0, { .limit = 65536 }, { "at most 65536 connections instead of no limit" } },
	{ 0, 65536, 0, { .buckets = 131072 }, { "more buckets, shorter chains: 131072 instead of 65536" } },
	{ 65536, 65536, 0, { .limit = 131072 },
	  { "room for 131072 connections instead of 65536; when full they take 16.0 MiB more" } },
	{ 65536, 65536, 0, { .no_limit = true }, { "no limit, as it was found before conntune set one" } },
};

START_TEST(reasons_say_why_and_why_here)
{
	struct ct_facts f = machine("6.1.0", reasons[_i].limit, reasons[_i].buckets, reasons[_i].entries);
	struct ct_plan plan;

	make(&f, &reasons[_i].wanted, &plan);
	for (size_t i = 0; i < plan.step_count; i++)
		ck_assert_str_eq(plan.step[i].reason, reasons[_i].reason[i]);
}
END_TEST

START_TEST(a_reason_without_a_price_is_better_than_a_wrong_price)
{
	struct ct_facts f = machine("6.1.0", 65536, 65536, 0);
	const struct ct_wanted wanted = { .limit = 131072 };
	struct ct_plan plan;

	f.entry_bytes = UINT64_MAX / 2;
	make(&f, &wanted, &plan);
	ck_assert_str_eq(plan.step[0].reason, "room for 131072 connections instead of 65536");
}
END_TEST

static const struct {
	const char *release;
	int64_t limit, buckets, entries;
	struct ct_wanted wanted;
	const char *note[4];
} notes[] = {
	{ "6.1.0", 65536, 65536, 19999, { .limit = 65536, .buckets = 131072 },
	  { "the limit stays at 65536, as wanted" } },
	{ "6.1.0", 65536, 65536, 20000, { .limit = 131072, .buckets = 65536 }, { "buckets stay at 65536, as wanted" } },
	{ "6.1.0", 65536, 65536, 20000, { .buckets = 131072 },
	  { "moving 20000 entries to new buckets stops all tracking for about 10 ms" } },
	{ "6.1.0", 1048576, 65536, 1000000, { .buckets = 70000 },
	  { "buckets 70000 become 70144: the kernel allocates whole pages",
	    "moving 1000000 entries to new buckets stops all tracking for about 500 ms" } },
	{ "6.1.0", 262144, 65536, 70000, { .limit = 65536, .allow_shrink = true },
	  { "70000 connections are in use: no new one gets in until 4465 of them have gone" } },
	{ "4.6.2", 65536, 65536, 0, { .buckets = 131072 },
	  { "kernel 4.6.2 resizes the first network namespace only: others keep the buckets they began with" } },
	{ "4.7.0", 65536, 65536, 0, { .buckets = 131072 }, { NULL } },
	{ "2.6.28", 65536, 65536, 0, { .buckets = 131072 }, { "kernel 2.6.28 resizes the first" } },
	{ "2.6.27", 65536, 65536, 0, { .buckets = 131072 }, { NULL } },
	{ "6.1.0", 65536, 65536, 0, { .limit = 65536, .buckets = 65500 },
	  { "buckets 65500 become 65536: the kernel", "the limit stays at 65536", "buckets stay at 65536" } },
};

START_TEST(notes_say_what_else_to_know)
{
	struct ct_facts f = machine(notes[_i].release, notes[_i].limit, notes[_i].buckets, notes[_i].entries);
	struct ct_plan plan;
	size_t n = 0;

	make(&f, &notes[_i].wanted, &plan);
	for (; n < 4 && notes[_i].note[n]; n++)
		ck_assert_msg(n < plan.note_count && strncmp(plan.note[n], notes[_i].note[n],
				strlen(notes[_i].note[n])) == 0,
			      "note %zu of %zu is '%s'", n, plan.note_count, plan.note[n]);
	ck_assert_uint_eq(plan.note_count, n);
}
END_TEST

START_TEST(a_module_is_loaded_with_its_buckets_and_gets_its_limit_at_once)
{
	struct ct_facts f = without_module("6.1.0");
	const struct ct_wanted wanted = { .limit = 65536, .buckets = 65000 };
	struct ct_plan plan;

	make(&f, &wanted, &plan);
	ck_assert_str_eq(steps_of(&plan), "load-module ?>65024 set-limit ?>65536");
	ck_assert_ptr_null(plan.step[0].path);
	ck_assert_str_eq(plan.step[0].command, "modprobe nf_conntrack hashsize=65024");
	ck_assert_str_eq(plan.step[0].reason,
			 "connection tracking isn't loaded: with hashsize it has its buckets from the start, "
			 "no resize later");
	ck_assert_str_eq(plan.step[1].path, LIMIT_SYSCTL);
	ck_assert_str_eq(plan.step[1].reason,
			"a given hashsize makes the kernel set the limit to 8 x buckets = 520192");
	ck_assert_uint_eq(plan.note_count, 1);
}
END_TEST

START_TEST(a_module_loaded_without_a_wish_for_the_limit_is_told_what_comes)
{
	struct ct_facts f = without_module("6.1.0");
	const struct ct_wanted wanted = { .buckets = 65536 };
	struct ct_plan plan;

	make(&f, &wanted, &plan);
	ck_assert_str_eq(steps_of(&plan), "load-module ?>65536");
	ck_assert_str_eq(plan.note[0], "the kernel will set the limit to 524288, its 8 x buckets for a given hashsize");
}
END_TEST

START_TEST(before_2_6_22_the_module_is_ip_conntrack)
{
	struct ct_facts f = without_module("2.4.20");
	const struct ct_wanted wanted = { .limit = 32768, .buckets = 4096 };
	struct ct_plan plan;

	make(&f, &wanted, &plan);
	ck_assert_str_eq(plan.step[0].command, "modprobe ip_conntrack hashsize=4093");
	ck_assert_str_eq(plan.step[1].path, OLD_LIMIT);
	ck_assert_str_eq(plan.note[0], "buckets 4096 become 4093: before 2.4.21 their number should be prime");
}
END_TEST

START_TEST(without_a_wish_no_module_is_loaded)
{
	struct ct_facts f = without_module("6.1.0");
	const struct ct_wanted nothing = { .allow_shrink = true }, no_limit = { .no_limit = true };
	struct ct_plan plan;

	make(&f, &nothing, &plan);
	ck_assert_uint_eq(plan.step_count, 0);
	make(&f, &no_limit, &plan);
	ck_assert_uint_eq(plan.step_count, 0);
}
END_TEST

/* Changes to a 6.1 machine of 4 GiB with 65536 and 65536 that make a plan impossible. */
enum change {
	SAME, CHILD_NETNS, READ_ONLY, ABSENT, ABSENT_IN_CHILD, NO_LIMIT_KNOWN, NO_BUCKETS_KNOWN, BUCKETS_ZERO,
			LITTLE_MEMORY,
	LESS_THAN_FLOOR, ABSENT_LITTLE_MEMORY, BUILTIN_2_6, BUILTIN_2_4, OLD_2_6, KERNEL_6_19, LIMIT_FILE_READ_ONLY,
			ODD_PAGES
};

static struct ct_facts changed(enum change change)
{
	struct ct_facts f = machine("6.1.0", 65536, 65536, 1000);

	if (change == ABSENT || change == ABSENT_IN_CHILD || change == ABSENT_LITTLE_MEMORY)
		f = without_module("6.1.0");
	if (change == BUILTIN_2_6 || change == OLD_2_6)
		f = machine("2.6.9-5.EL", 65536, 8192, 1000);
	if (change == BUILTIN_2_4)
		f = machine("2.4.31", 65536, 8192, 1000);
	if (change == KERNEL_6_19)
		f = machine("6.19.9", 65536, 65536, 1000);
	if (change == BUILTIN_2_4 || change == BUILTIN_2_6)
		f.presence = CT_PRESENCE_BUILTIN;
	f.netns_initial = change != CHILD_NETNS && change != ABSENT_IN_CHILD;
	f.sysctl_read_only = change == READ_ONLY;
	f.value[CT_PARAM_LIMIT].known &= change != NO_LIMIT_KNOWN;
	f.value[CT_PARAM_LIMIT].writable &= change != LIMIT_FILE_READ_ONLY;
	f.value[CT_PARAM_BUCKETS].known &= change != NO_BUCKETS_KNOWN;
	if (change == BUCKETS_ZERO)
		f.value[CT_PARAM_BUCKETS].v = 0;
	/* 5 % of 4 GiB must stay free: 204.8 MiB */
	if (change == LITTLE_MEMORY || change == ABSENT_LITTLE_MEMORY)
		f.mem_available_bytes.v = 206 * MIB;
	if (change == LESS_THAN_FLOOR)
		f.mem_available_bytes.v = 10 * MIB;
	if (change == ODD_PAGES)
		f.page_bytes = 5000;
	return f;
}

static const struct {
	enum change change;
	struct ct_wanted wanted;
	int rc;
	const char *word;
} refusals[] = {
	{ SAME, { .limit = 999 }, -EBUSY, "limit 999 is below the 1000 connections in use" },
	{ SAME, { .limit = 2147483648 }, -ERANGE, "2147483648" },
	{ SAME, { .limit = UINT64_MAX }, -ERANGE, "18446744073709551615" },
	{ SAME, { .buckets = 268435456 }, -ERANGE, "268435456" },
	{ SAME, { .buckets = UINT64_MAX }, -ERANGE, "18446744073709551615" },
	{ SAME, { .limit = 1, .no_limit = true }, -EINVAL, "no limit" },
	{ KERNEL_6_19, { .no_limit = true }, -ERANGE, "6.19.9" },
	{ CHILD_NETNS, { .limit = 131072 }, -EOPNOTSUPP, "namespace" },
	{ CHILD_NETNS, { .buckets = 131072 }, -EOPNOTSUPP, "namespace" },
	{ ABSENT_IN_CHILD, { .limit = 131072, .buckets = 131072 }, -EOPNOTSUPP, "namespace" },
	{ READ_ONLY, { .limit = 131072 }, -EROFS, "/proc/sys is mounted read-only" },
	{ LIMIT_FILE_READ_ONLY, { .limit = 131072 }, -EROFS, "its file is read-only" },
	{ ABSENT, { .limit = 131072 }, -ENODATA, "isn't loaded" },
	{ NO_LIMIT_KNOWN, { .limit = 131072 }, -ENODATA, "present limit is unknown" },
	{ NO_LIMIT_KNOWN, { .no_limit = true }, -ENODATA, "present limit is unknown" },
	{ NO_BUCKETS_KNOWN, { .buckets = 131072 }, -ENODATA, "present number of buckets is unknown" },
	{ BUCKETS_ZERO, { .buckets = 131072 }, -ENODATA, "present number of buckets is unknown" },
	{ LITTLE_MEMORY, { .buckets = 262144 }, -ENOSPC, "262144 buckets need 2048 KiB more" },
	{ LESS_THAN_FLOOR, { .buckets = 512 }, -ENOSPC, "but only 0 of the 10240 KiB available" },
	{ ABSENT_LITTLE_MEMORY, { .buckets = 262144 }, -ENOSPC, "262144 buckets need" },
	{ OLD_2_6, { .buckets = 65536 }, -EOPNOTSUPP, "unload the module and 'modprobe ip_conntrack hashsize=65536'" },
	{ OLD_2_6, { .limit = 131072, .buckets = 65536 }, -EOPNOTSUPP,
	  "; to set the limit alone, ask for the present 8192 buckets" },
	{ BUILTIN_2_6, { .buckets = 65536 }, -EOPNOTSUPP, "boot with ip_conntrack.hashsize=65536" },
	{ BUILTIN_2_4, { .buckets = 65536 }, -EOPNOTSUPP, "only a rebuild" },
	{ ODD_PAGES, { .buckets = 65536 }, -EINVAL, "5000" },
};

START_TEST(a_plan_that_can_not_work_is_refused)
{
	struct ct_facts f = changed(refusals[_i].change);
	struct ct_plan plan = { .step_count = 77 };
	struct ct_err err = { 0 };

	ck_assert_failed(ct_plan_make(&f, &refusals[_i].wanted, &plan, &err), err, refusals[_i].rc, refusals[_i].word);
	ck_assert_uint_eq(plan.step_count, 77);
	ck_assert_uint_lt(strlen(err.msg), sizeof(err.msg) - 1);
	ck_assert_int_eq(ct_plan_make(&f, &refusals[_i].wanted, &plan, NULL), refusals[_i].rc);
}
END_TEST

START_TEST(what_is_equal_needs_no_right_to_write)
{
	static const enum change changes[] = { CHILD_NETNS, READ_ONLY, LIMIT_FILE_READ_ONLY, LITTLE_MEMORY };
	struct ct_facts f = changed(changes[_i]);
	const struct ct_wanted wanted = { .limit = 65536, .buckets = 65536 };
	struct ct_plan plan;

	make(&f, &wanted, &plan);
	ck_assert_uint_eq(plan.step_count, 0);
}
END_TEST

START_TEST(present_buckets_are_held_also_if_they_are_not_prime)
{
	struct ct_facts f = machine("2.4.20", 32208, 4026, 57);
	const struct ct_wanted wanted = { .limit = 40000, .buckets = 4026 };
	struct ct_plan plan;

	make(&f, &wanted, &plan);
	ck_assert_str_eq(steps_of(&plan), "set-limit 32208>40000");
}
END_TEST

START_TEST(lowering_with_unknown_entries_needs_a_word)
{
	struct ct_facts f = machine("2.4.31", 65536, 8192, INT64_MIN);
	const struct ct_wanted wanted = { .limit = 32768 };
	struct ct_err err = { 0 };
	struct ct_plan plan;

	ck_assert_failed(ct_plan_make(&f, &wanted, &plan, &err), err, -ENODATA, "--allow-shrink");
}
END_TEST

/* The new array has to fit above the floor; the old one is paid for in MemAvailable. */
START_TEST(memory_decides_to_the_byte)
{
	struct ct_facts f = machine("6.1.0", 65536, 65536, 0);
	const struct ct_wanted wanted = { .buckets = 262144 };
	struct ct_err err = { 0 };
	struct ct_plan plan;

	f.mem_available_bytes.v = ct_memory_floor(f.ram_bytes.v) + 2 * MIB;
	make(&f, &wanted, &plan);
	f.mem_available_bytes.v--;
	ck_assert_int_eq(ct_plan_make(&f, &wanted, &plan, &err), -ENOSPC);
	f.pointer_bits = 32;            /* buckets of half the size */
	f.low_bytes = f.low_available_bytes = (struct ct_u64){ true, 512 * MIB };
	f.mem_available_bytes.v = f.ram_bytes.v;
	f.low_available_bytes.v = ct_memory_floor(512 * MIB) + 1 * MIB;
	make(&f, &wanted, &plan);
	f.low_available_bytes.v--;
	ck_assert_int_eq(ct_plan_make(&f, &wanted, &plan, &err), -ENOSPC);
	f.low_available_bytes.v++;
	f.ram_bytes.known = false;
	make(&f, &wanted, &plan);
	f.mem_available_bytes.known = false;
	make(&f, &wanted, &plan);
}
END_TEST

START_TEST(kinds_have_names)
{
	ck_assert_str_eq(ct_step_kind_name(CT_STEP_LOAD_MODULE), "load-module");
	ck_assert_str_eq(ct_step_kind_name(CT_STEP_SET_BUCKETS), "set-buckets");
	ck_assert_str_eq(ct_step_kind_name(CT_STEP_SET_LIMIT), "set-limit");
	ck_assert_str_eq(ct_step_kind_name((enum ct_step_kind)99), "unknown");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("steps");

	tcase_add_loop_test(t, what_grows_gets_buckets_first_what_shrinks_the_limit, 0, (int)ct_array_size(orders));
	tcase_add_loop_test(t, each_kernel_has_its_files, 0, (int)ct_array_size(eras));
	tcase_add_test(t, a_read_only_buckets_sysctl_leaves_the_module_parameter);
	tcase_add_test(t, a_limit_known_from_the_log_is_written_where_the_kernel_has_it);
	tcase_add_loop_test(t, reasons_say_why_and_why_here, 0, (int)ct_array_size(reasons));
	tcase_add_test(t, a_reason_without_a_price_is_better_than_a_wrong_price);
	tcase_add_loop_test(t, notes_say_what_else_to_know, 0, (int)ct_array_size(notes));
	tcase_add_test(t, kinds_have_names);
	suite_add_tcase(s, t);

	t = tcase_create("module");
	tcase_add_test(t, a_module_is_loaded_with_its_buckets_and_gets_its_limit_at_once);
	tcase_add_test(t, a_module_loaded_without_a_wish_for_the_limit_is_told_what_comes);
	tcase_add_test(t, before_2_6_22_the_module_is_ip_conntrack);
	tcase_add_test(t, without_a_wish_no_module_is_loaded);
	suite_add_tcase(s, t);

	t = tcase_create("refusals");
	tcase_add_loop_test(t, a_plan_that_can_not_work_is_refused, 0, (int)ct_array_size(refusals));
	tcase_add_loop_test(t, what_is_equal_needs_no_right_to_write, 0, 4);
	tcase_add_test(t, present_buckets_are_held_also_if_they_are_not_prime);
	tcase_add_test(t, lowering_with_unknown_entries_needs_a_word);
	tcase_add_test(t, memory_decides_to_the_byte);
	suite_add_tcase(s, t);
	return s;
}
