/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sets limit and buckets: which files are read, and who has the last word. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <conntune/owners.h>
#include <conntune/persist.h>

#define LIMIT CT_PARAM_LIMIT
#define BUCKETS CT_PARAM_BUCKETS

/* A file with its text; "-> x" is a link to x, "/" a directory. */
struct put {
	const char *path, *text;
};

static void put(const char *dir, const struct put *put)
{
	char full[512];

	if (strncmp(put->text, "-> ", 3) != 0 && strcmp(put->text, "/") != 0) {
		put_file(dir, put->path, put->text);
		return;
	}
	/* for the directories above it */
	put_file(dir, put->path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", dir, put->path);
	ck_assert_int_eq(remove(full), 0);
	ck_assert_int_eq(*put->text == '/' ? mkdir(full, 0755) : symlink(put->text + 3, full), 0);
}

#define PUTS 8

static struct ct_owners *collect(const char *dir, const struct put *puts, size_t n)
{
	struct ct_owners *owners;
	struct ct_fs *fs;

	for (size_t i = 0; i < n && puts[i].path; i++)
		put(dir, &puts[i]);
	ck_assert_int_eq(ct_fs_new(&fs, dir, NULL), 0);
	ck_assert_int_eq(ct_owners_collect(fs, &owners, NULL), 0);
	(void)ct_fs_free(fs);
	return owners;
}

#define MAX(n) "net.netfilter.nf_conntrack_max = " #n "\n"
#define HASH(n) "net.netfilter.nf_conntrack_buckets = " #n "\n"
#define OPT(n) "options nf_conntrack hashsize=" #n "\n"
#define KERNEL(v) { "proc/sys/kernel/osrelease", v "\n" }
#define SYSTEMD { "run/systemd/system", "/" }
#define BUILTIN { "sys/module/nf_conntrack", "/" }
#define MODULE { "sys/module/nf_conntrack/initstate", "live\n" }

/*
 * A machine, and who decides: "path:line value", or NULL for nobody. "?" for a value that isn't understood.
 * .owners: how many there are in all.
 */
static const struct {
	const char *what;
	struct put puts[PUTS];
	const char *limit, *buckets;
	size_t owners;
} machines[] = {
	{ .what = "nothing" },
	{ .what = "an empty directory",
	  .puts = { { "etc/sysctl.d", "/" } } },
	{ .what = "the last line of a file",
	  .puts = { { "etc/sysctl.d/a.conf", MAX(1) "# x\n\n" MAX(2) } },
	  .limit = "/etc/sysctl.d/a.conf:4 2", .owners = 2 },
	{ .what = "the last file by name",
	  .puts = { { "etc/sysctl.d/b.conf", MAX(1) }, { "etc/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/etc/sysctl.d/b.conf:1 1", .owners = 2 },
	{ .what = "by name across directories",
	  .puts = { { "etc/sysctl.d/10-a.conf", MAX(1) }, { "usr/lib/sysctl.d/20-b.conf", MAX(2) },
	  { "run/sysctl.d/15-c.conf", MAX(3) } },
	  .limit = "/usr/lib/sysctl.d/20-b.conf:1 2", .owners = 3 },
	{ .what = "capitals before small letters, digits before both",
	  .puts = { { "etc/sysctl.d/a.conf", MAX(1) }, { "etc/sysctl.d/Z.conf", MAX(2) },
	  { "etc/sysctl.d/99.conf", MAX(3) } },
	  .limit = "/etc/sysctl.d/a.conf:1 1", .owners = 3 },
	{ .what = "etc hides run",
	  .puts = { { "run/sysctl.d/a.conf", MAX(1) }, { "etc/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/etc/sysctl.d/a.conf:1 2", .owners = 2 },
	{ .what = "run hides usr/local/lib",
	  .puts = { { "run/sysctl.d/a.conf", MAX(1) }, { "usr/local/lib/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/run/sysctl.d/a.conf:1 1", .owners = 2 },
	{ .what = "usr/local/lib hides usr/lib",
	  .puts = { { "usr/lib/sysctl.d/a.conf", MAX(1) }, { "usr/local/lib/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/usr/local/lib/sysctl.d/a.conf:1 2", .owners = 2 },
	{ .what = "usr/lib hides lib",
	  .puts = { { "usr/lib/sysctl.d/a.conf", MAX(1) }, { "lib/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/usr/lib/sysctl.d/a.conf:1 1", .owners = 2 },
	{ .what = "lib counts once where it is usr/lib",
	  .puts = { { "usr/lib/sysctl.d/a.conf", MAX(1) }, { "lib", "-> usr/lib" } },
	  .limit = "/usr/lib/sysctl.d/a.conf:1 1", .owners = 1 },
	{ .what = "an absolute link too",
	  .puts = { { "usr/lib/sysctl.d/a.conf", MAX(1) }, { "lib", "-> /usr/lib" } },
	  .limit = "/usr/lib/sysctl.d/a.conf:1 1", .owners = 1 },
	{ .what = "lib as a link to elsewhere is read",
	  .puts = { { "system/lib/sysctl.d/a.conf", MAX(1) }, { "lib", "-> system/lib" } },
	  .limit = "/lib/sysctl.d/a.conf:1 1", .owners = 1 },
	{ .what = "an empty file masks",
	  .puts = { { "etc/sysctl.d/a.conf", "" }, { "usr/lib/sysctl.d/a.conf", MAX(1) } }, .owners = 1 },
	{ .what = "a link to nothing masks",
	  .puts = { { "etc/sysctl.d/a.conf", "-> /dev/null" }, { "usr/lib/sysctl.d/a.conf", MAX(1) } }, .owners = 1 },
	{ .what = "a directory masks nothing",
	  .puts = { { "etc/sysctl.d/a.conf", "/" }, { "usr/lib/sysctl.d/a.conf", MAX(1) } },
	  .limit = "/usr/lib/sysctl.d/a.conf:1 1", .owners = 1 },
	{ .what = "only names in .conf",
	  .puts = { { "etc/sysctl.d/README.sysctl", MAX(1) }, { "etc/sysctl.d/.conf", MAX(2) },
	  { "etc/sysctl.d/.a.conf", MAX(3) }, { "etc/sysctl.d/a.conf~", MAX(4) } } },
	{ .what = "all names of the limit are one value",
	  .puts = { { "etc/sysctl.d/a.conf", "net.nf_conntrack_max=5\n" MAX(6) },
	  { "etc/sysctl.d/b.conf", "net/nf_conntrack_max=7\n" } },
	  .limit = "/etc/sysctl.d/b.conf:1 7", .owners = 3 },
	{ .what = "a name of older kernels doesn't count",
	  .puts = { { "etc/sysctl.d/a.conf", MAX(5) },
	  { "etc/sysctl.d/b.conf", "net.ipv4.netfilter.ip_conntrack_max = 6\n" } },
	  .limit = "/etc/sysctl.d/a.conf:1 5", .owners = 2 },
	{ .what = "it does there",
	  .puts = { KERNEL("2.6.18-8.el5"), { "etc/sysctl.d/a.conf", "net.ipv4.netfilter.ip_conntrack_max=6\n" } },
	  .limit = "/etc/sysctl.d/a.conf:1 6", .owners = 1 },
	{ .what = "the last line counts also when it is refused",
	  .puts = { { "etc/sysctl.d/a.conf", MAX(5) MAX(many) } }, .owners = 2 },
	{ .what = "sysctl.conf through its link, in that place",
	  .puts = { { "etc/sysctl.conf", MAX(1) }, { "etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf" },
	  { "etc/sysctl.d/zz.conf", MAX(2) } },
	  .limit = "/etc/sysctl.d/zz.conf:1 2", .owners = 2 },
	{ .what = "an absolute link as well",
	  .puts = { { "etc/sysctl.conf", MAX(1) }, { "etc/sysctl.d/99.conf", "-> /etc/sysctl.conf" } },
	  .limit = "/etc/sysctl.d/99.conf:1 1", .owners = 1 },
	{ .what = "a hidden link to it doesn't count",
	  .puts = { { "etc/sysctl.conf", MAX(1) }, { "etc/sysctl.d/99.conf", MAX(2) },
	  { "usr/lib/sysctl.d/99.conf", "-> ../../../etc/sysctl.conf" } },
	  .limit = "/etc/sysctl.conf:1 1", .owners = 3 },
	{ .what = "sysctl.conf without a link is for procps, last",
	  .puts = { { "etc/sysctl.conf", MAX(1) }, { "etc/sysctl.d/zz.conf", MAX(2) } },
	  .limit = "/etc/sysctl.conf:1 1", .owners = 2 },
	{ .what = "systemd doesn't read it",
	  .puts = { SYSTEMD, { "etc/sysctl.conf", MAX(1) }, { "etc/sysctl.d/a.conf", MAX(2) } },
	  .limit = "/etc/sysctl.d/a.conf:1 2", .owners = 2 },
	{ .what = "not even if nothing else is there",
	  .puts = { { "usr/lib/systemd/systemd-sysctl", "" }, { "etc/sysctl.conf", MAX(1) } }, .owners = 1 },
	{ .what = "systemd below lib",
	  .puts = { { "lib/systemd/systemd-sysctl", "" }, { "etc/sysctl.conf", MAX(1) } }, .owners = 1 },

	{ .what = "options",
	  .puts = { { "etc/modprobe.d/a.conf", OPT(4096) } },
	  .buckets = "/etc/modprobe.d/a.conf:1 4096", .owners = 1 },
	{ .what = "options are concatenated, the last one counts",
	  .puts = { { "etc/modprobe.d/a.conf", OPT(1) }, { "run/modprobe.d/z.conf", OPT(2) } },
	  .buckets = "/run/modprobe.d/z.conf:1 2", .owners = 2 },
	{ .what = "a hidden options file",
	  .puts = { { "usr/lib/modprobe.d/z.conf", OPT(1) }, { "run/modprobe.d/z.conf", "#\n" } }, .owners = 1 },
	{ .what = "a continued line is numbered by its start",
	  .puts = {
	  { "etc/modprobe.d/a.conf", "# x\\\noptions nf_conntrack hashsize=1\noptions nf-conntrack \\\n  acct=1 \\\n  hashsize=2\n" } },
	  .buckets = "/etc/modprobe.d/a.conf:3 2", .owners = 1 },
	{ .what = "one bad line keeps the module from loading",
	  .puts = { { "etc/modprobe.d/a.conf", OPT(abc) }, { "etc/modprobe.d/b.conf", OPT(2) } },
	  .buckets = "/etc/modprobe.d/a.conf:1 ?", .owners = 2 },
	{ .what = "whatever sysctl.d says",
	  .puts = { { "etc/modprobe.d/a.conf", "options nf_conntrack hashsize = 5\n" },
	  { "etc/sysctl.d/a.conf", HASH(9) } },
	  .buckets = "/etc/modprobe.d/a.conf:1 ?", .owners = 2 },
	{ .what = "but not when it is hidden",
	  .puts = { { "etc/modprobe.d/a.conf", OPT(3) }, { "run/modprobe.d/a.conf", OPT(abc) } },
	  .buckets = "/etc/modprobe.d/a.conf:1 3", .owners = 2 },
	{ .what = "or for the alias",
	  .puts = { { "etc/modprobe.d/a.conf", "options ip_conntrack hashsize=abc\n" OPT(3) } },
	  .buckets = "/etc/modprobe.d/a.conf:2 3", .owners = 2 },
	{ .what = "sysctl.d comes after modprobe.d",
	  .puts = { { "etc/modprobe.d/z.conf", OPT(1) }, { "etc/sysctl.d/a.conf", HASH(2) } },
	  .buckets = "/etc/sysctl.d/a.conf:1 2", .owners = 2 },
	{ .what = "not before 4.8",
	  .puts = { KERNEL("4.7.4"), { "etc/modprobe.d/z.conf", OPT(1) }, { "etc/sysctl.d/a.conf", HASH(2) } },
	  .buckets = "/etc/modprobe.d/z.conf:1 1", .owners = 2 },
	{ .what = "nor where the kernel refuses it",
	  .puts = { { "etc/modprobe.d/z.conf", OPT(1) }, { "etc/sysctl.d/a.conf", HASH(0) } },
	  .buckets = "/etc/modprobe.d/z.conf:1 1", .owners = 2 },
	{ .what = "the command line beats modprobe.d",
	  .puts = { { "proc/cmdline", "quiet nf_conntrack.hashsize=20000\n" }, { "etc/modprobe.d/z.conf", OPT(1) } },
	  .buckets = "/proc/cmdline:0 20000", .owners = 2 },
	{ .what = "sysctl.d beats the command line",
	  .puts = { { "proc/cmdline", "nf_conntrack.hashsize=20000\n" }, { "etc/sysctl.d/a.conf", HASH(7) } },
	  .buckets = "/etc/sysctl.d/a.conf:1 7", .owners = 2 },
	{ .what = "a bad command line",
	  .puts = { { "proc/cmdline", "nf_conntrack.hashsize=x\n" }, { "etc/sysctl.d/a.conf", HASH(7) }, MODULE },
	  .buckets = "/proc/cmdline:0 ?", .owners = 2 },
	{ .what = "built in: modprobe.d is never read",
	  .puts = { BUILTIN, { "etc/modprobe.d/z.conf", OPT(1) } }, .owners = 1 },
	{ .what = "built in: the command line is",
	  .puts = { BUILTIN, { "etc/modprobe.d/z.conf", OPT(abc) },
	  { "proc/cmdline", "nf_conntrack.hashsize=20000" } },
	  .buckets = "/proc/cmdline:0 20000", .owners = 2 },
	{ .what = "built in: nothing keeps it from being there",
	  .puts = { BUILTIN, { "proc/cmdline", "nf_conntrack.hashsize=x" }, { "etc/sysctl.d/a.conf", HASH(7) } },
	  .buckets = "/etc/sysctl.d/a.conf:1 7", .owners = 2 },
	{ .what = "an old module without initstate",
	  .puts = { { "sys/module/ip_conntrack/refcnt", "0\n" }, KERNEL("2.6.9"),
	  { "etc/modprobe.conf", "options ip_conntrack hashsize=8192\n" } },
	  .buckets = "/etc/modprobe.conf:1 8192", .owners = 1 },
	{ .what = "modprobe.conf before modprobe.d",
	  .puts = { KERNEL("2.6.18"), { "etc/modprobe.conf", "options ip_conntrack hashsize=1\n" },
	  { "etc/modprobe.d/a.conf", "options ip_conntrack hashsize=2\n" } },
	  .buckets = "/etc/modprobe.d/a.conf:1 2", .owners = 2 },
	{ .what = "modprobe.conf isn't read any more",
	  .puts = { KERNEL("3.10.0"), { "etc/modprobe.conf", OPT(1) } }, .owners = 1 },
	{ .what = "modules.conf is for 2.4 alone",
	  .puts = { KERNEL("2.4.20"), { "etc/modules.conf", "options ip_conntrack hashsize=1\n" },
	  { "etc/modprobe.d/a.conf", "options ip_conntrack hashsize=2\n" },
	  { "etc/sysctl.conf", "net.ipv4.ip_conntrack_max=8\n" } },
	  .limit = "/etc/sysctl.conf:1 8", .buckets = "/etc/modules.conf:1 1", .owners = 3 },
	{ .what = "modules.conf on 2.6",
	  .puts = { KERNEL("2.6.18"), { "etc/modules.conf", "options ip_conntrack hashsize=1\n" } }, .owners = 1 },
	{ .what = "a version that can't be read is the newest",
	  .puts = { KERNEL("nonsense"), { "etc/sysctl.d/a.conf", HASH(7) } },
	  .buckets = "/etc/sysctl.d/a.conf:1 7", .owners = 1 },

	{ .what = "loading early decides nothing",
	  .puts = { { "etc/modules-load.d/a.conf", "# x\nnf_conntrack\n" } }, .owners = 1 },
	{ .what = "modules through its link",
	  .puts = { { "etc/modules", "nf_conntrack\n" }, { "etc/modules-load.d/modules.conf", "-> ../modules" } },
	  .owners = 1 },
	{ .what = "modules without it",
	  .puts = { { "etc/modules", "nf_conntrack_ipv4\n" }, { "usr/lib/modules-load.d/a.conf", "nf_nat\n" } },
	  .owners = 1 },
	{ .what = "a program",
	  .puts = { { "proc/77/comm", "kube-proxy\n" }, { "proc/78/comm", "kube-proxy\n" },
	  { "proc/1/comm", "init\n" }, { "proc/self/comm", "tuned\n" } },
	  .owners = 2 },
	{ .what = "a program beside a file",
	  .puts = { { "proc/77/comm", "kube-proxy\n" }, { "etc/sysctl.d/a.conf", MAX(5) } },
	  .limit = "/etc/sysctl.d/a.conf:1 5", .owners = 3 },
	{ .what = "tuned without a profile",
	  .puts = { { "proc/77/comm", "tuned\n" } } },
	{ .what = "tuned with a profile that sets neither",
	  .puts = { { "proc/77/comm", "tuned\n" }, { "etc/tuned/active_profile", "virtual-guest\n" },
	  { "usr/lib/tuned/virtual-guest/tuned.conf", "[main]\n[sysctl]\nvm.dirty_ratio = 30\n[vm]\n" MAX(7) } } },
	{ .what = "a profile that sets one, of a tuned that doesn't run",
	  .puts = { { "etc/tuned/active_profile", "mine\n" }, { "etc/tuned/mine/tuned.conf", "[sysctl]\n" MAX(7) } } },
	{ .what = "firewalld sets neither",
	  .puts = { { "proc/77/comm", "firewalld\n" } } },
	{ .what = "odd things in proc",
	  .puts = { { "proc/1", "/" }, { "proc/2/comm", "/" }, { "proc/3", "" }, { "proc/4/comm", "" } } },
	{ .what = "loops and odd things elsewhere",
	  .puts = { { "etc/sysctl.d", "-> sysctl.d" }, { "etc/modprobe.d", "" }, { "proc/cmdline", "/" },
	  { "etc/modules", "-> modules" }, { "lib", "-> lib" }, { "usr/lib/sysctl.d/a.conf", "-> a.conf" },
	  { "usr/lib/sysctl.d/b.conf", MAX(5) } },
	  .limit = "/usr/lib/sysctl.d/b.conf:1 5", .owners = 1 },
};

static const char *describe(const struct ct_owner *owner)
{
	static char text[256];

	if (!owner)
		return NULL;
	ck_assert(owner->wins);
	ck_assert(!owner->hidden);
	(void)snprintf(text, sizeof(text), "%s:%u ", owner->path, owner->line);
	if (owner->known)
		(void)snprintf(text + strlen(text), 24, "%lld", (long long)owner->value);
	else
		strcat(text, "?");
	return text;
}

static void check_winner(const struct ct_owners *owners, enum ct_param_id param, const char *want, const char *what)
{
	const char *got = describe(ct_owners_winner(owners, param));

	ck_assert_msg(got && want ? strcmp(got, want) == 0 : got == want, "%s: '%s' decides, not '%s'", what,
		      got ? got : "nobody", want ? want : "nobody");
}

START_TEST(the_one_who_is_read_last_decides)
{
	struct ct_owners *owners = collect(scratch_dir(), machines[_i].puts, PUTS);
	size_t wins = 0;

	check_winner(owners, LIMIT, machines[_i].limit, machines[_i].what);
	check_winner(owners, BUCKETS, machines[_i].buckets, machines[_i].what);
	ck_assert_uint_eq(ct_owners_count(owners), machines[_i].owners);
	for (size_t i = 0; i < ct_owners_count(owners); i++)
		wins += ct_owners_at(owners, i)->wins;
	ck_assert_uint_eq(wins, (machines[_i].limit != NULL) + (machines[_i].buckets != NULL));
	ck_assert_ptr_null(ct_owners_at(owners, ct_owners_count(owners)));
	ck_assert_ptr_null(ct_owners_winner(owners, CT_PARAM_ACCT));
	ck_assert_ptr_null(ct_owners_free(owners));
}
END_TEST

/* Everything there is to say about an owner, one of each kind. */
START_TEST(owners_are_told_with_kind_place_and_value)
{
	static const struct put puts[] = {
		{ "usr/lib/sysctl.d/a.conf", "\n" MAX(5) },
		{ "etc/sysctl.d/a.conf", CT_BOOT_MARK "\n" MAX(6) },
		{ "etc/modprobe.d/a.conf", OPT(x) },
		{ "proc/cmdline", "nf_conntrack.hashsize=20000\n" },
		{ "etc/modules-load.d/a.conf", CT_BOOT_MARK "\nnf_conntrack\n" },
		{ "proc/12/comm", "conntuned\n" },
	};
	static const struct ct_owner want[] = {
		{ .kind = CT_OWNER_SYSCTL, .param = LIMIT, .known = true, .value = 6, .wins = true, .ours = true,
		  .line = 2, .path = "/etc/sysctl.d/a.conf" },
		{ .kind = CT_OWNER_SYSCTL, .param = LIMIT, .known = true, .value = 5, .hidden = true, .line = 2,
		  .path = "/usr/lib/sysctl.d/a.conf" },
		{ .kind = CT_OWNER_MODPROBE, .param = BUCKETS, .wins = true, .line = 1,
		  .path = "/etc/modprobe.d/a.conf" },
		{ .kind = CT_OWNER_CMDLINE, .param = BUCKETS, .known = true, .value = 20000, .path = "/proc/cmdline" },
		{ .kind = CT_OWNER_MODULES_LOAD, .param = BUCKETS, .ours = true, .line = 2,
		  .path = "/etc/modules-load.d/a.conf" },
		{ .kind = CT_OWNER_PROGRAM, .param = LIMIT, .path = "conntuned" },
		{ .kind = CT_OWNER_PROGRAM, .param = BUCKETS, .path = "conntuned" },
	};
	struct ct_owners *owners = collect(scratch_dir(), puts, ct_array_size(puts));

	ck_assert_uint_eq(ct_owners_count(owners), ct_array_size(want));
	for (size_t i = 0; i < ct_array_size(want); i++) {
		const struct ct_owner *got = ct_owners_at(owners, i);

		ck_assert_int_eq(got->kind, want[i].kind);
		ck_assert_int_eq(got->param, want[i].param);
		ck_assert_int_eq(got->known, want[i].known);
		ck_assert_int_eq(got->value, want[i].value);
		ck_assert_int_eq(got->wins, want[i].wins);
		ck_assert_int_eq(got->hidden, want[i].hidden);
		ck_assert_int_eq(got->ours, want[i].ours);
		ck_assert_uint_eq(got->line, want[i].line);
		ck_assert_str_eq(got->path, want[i].path);
	}
	(void)ct_owners_free(owners);
}
END_TEST

#define RUNS { "proc/77/comm", "tuned\n" }
#define ACTIVE(names) { "etc/tuned/active_profile", names "\n" }

/* "limit buckets" that tuned sets, - for one it doesn't. */
static const struct {
	struct put puts[PUTS];
	const char *want;
} profiles[] = {
	{ { RUNS, ACTIVE("a"), { "etc/tuned/a/tuned.conf", "[sysctl]\n" MAX(7) HASH(8) } }, "7 8" },
	{ { RUNS, ACTIVE("a"), { "etc/tuned/profiles/a/tuned.conf", "[sysctl]\nnet.netfilter.nf_conntrack_max=7\n" },
	    { "usr/lib/tuned/a/tuned.conf", "[sysctl]\n" MAX(9) HASH(9) } }, "7 -" },
	{ { RUNS, ACTIVE("a"), { "usr/lib/tuned/a/tuned.conf", "[main]\ninclude=b, -c\n[sysctl]\n" MAX(1) },
	    { "usr/lib/tuned/profiles/b/tuned.conf", "[sysctl]\n" MAX(2) HASH(2) } }, "1 2" },
	{ { RUNS, ACTIVE("a b"), { "etc/tuned/a/tuned.conf", "[sysctl]\n" MAX(1) },
	    { "etc/tuned/b/tuned.conf", "[ours]\ntype=sysctl\n" MAX(2) "[sysctl]\ntype=script\n" MAX(3) } }, "2 -" },
	{ { RUNS, ACTIVE("a"), { "etc/tuned/a/tuned.conf", "[sysctl]\nnet.netfilter.nf_conntrack_max=>70\n"
	    "net.netfilter.nf_conntrack_buckets = \"80\"\n" } }, "70 80" },
	{ { RUNS, ACTIVE("a"), { "etc/tuned/a/tuned.conf", "[sysctl]\nnet.netfilter.nf_conntrack_max=${n}\n=\n[\n" } }, "? -" },
	/* buckets can't be written so before 4.8 */
	{ { RUNS, ACTIVE("a"), KERNEL("4.4.0"), { "etc/tuned/a/tuned.conf", "[sysctl]\n" MAX(7) HASH(8) } }, "7 -" },
	{ { RUNS, ACTIVE("a"), { "etc/tuned/a/tuned.conf", "[main]\ninclude=a a a a a a a a a\n[sysctl]\n" MAX(7) } }, "7 -" },
	{ { RUNS, ACTIVE("../a /a . a/b"), { "etc/tuned/a/tuned.conf", "[sysctl]\n" MAX(7) } }, "- -" },
	{ { RUNS, ACTIVE("a"), { "etc/tuned/a/tuned.conf", "/" } }, "- -" },
	{ { RUNS, { "etc/tuned/active_profile", "/" } }, "- -" },
};

START_TEST(tuned_is_an_owner_of_what_its_profile_sets)
{
	struct ct_owners *owners = collect(scratch_dir(), profiles[_i].puts, PUTS);
	char value[2][24] = { "-", "-" }, got[64];

	for (size_t i = 0; i < ct_owners_count(owners); i++) {
		const struct ct_owner *o = ct_owners_at(owners, i);
		char *text = value[o->param == BUCKETS];

		ck_assert_int_eq(o->kind, CT_OWNER_PROGRAM);
		ck_assert_str_eq(o->path, "tuned");
		ck_assert(!o->wins);
		(void)snprintf(text, sizeof(value[0]), o->known ? "%lld" : "?", (long long)o->value);
	}
	(void)snprintf(got, sizeof(got), "%s %s", value[0], value[1]);
	ck_assert_str_eq(got, profiles[_i].want);
	(void)ct_owners_free(owners);
}
END_TEST

START_TEST(names_of_files_are_cut_and_made_printable)
{
	struct put puts[] = { { NULL, MAX(5) }, { "etc/sysctl.d/\033[2J\n.conf", MAX(6) } };
	char path[300] = "etc/sysctl.d/";
	struct ct_owners *owners;

	memset(path + strlen(path), 'a', 240);
	strcat(path, ".conf");
	puts[0].path = path;
	owners = collect(scratch_dir(), puts, 2);
	ck_assert_uint_eq(ct_owners_count(owners), 2);
	ck_assert_str_eq(ct_owners_at(owners, 0)->path, "/etc/sysctl.d/?[2J?.conf");
	ck_assert_uint_eq(strlen(ct_owners_at(owners, 1)->path), sizeof(((struct ct_owner *)NULL)->path) - 1);
	(void)ct_owners_free(owners);
}
END_TEST

/* 256 KiB and a little: no person keeps that. Whatever isn't text ends at its first NUL. */
START_TEST(huge_binary_and_special_files_are_skipped)
{
	const char *dir = scratch_dir();
	const struct put puts[] = { { "etc/sysctl.d/binary.conf", MAX(1) }, { "etc/modprobe.d/a.conf", OPT(1) } };
	struct ct_owners *owners;
	char full[512];
	FILE *f;

	put_file(dir, "etc/sysctl.d/huge.conf", "");
	(void)snprintf(full, sizeof(full), "%s/etc/sysctl.d/huge.conf", dir);
	f = fopen(full, "we");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 10000; i++)
		(void)fputs(MAX(2), f);
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(full, sizeof(full), "%s/etc/sysctl.d/pipe.conf", dir);
	ck_assert_int_eq(mkfifo(full, 0644), 0);
	put(dir, &puts[0]);
	(void)snprintf(full, sizeof(full), "%s/etc/sysctl.d/binary.conf", dir);
	f = fopen(full, "ae");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite("\0\377\0\n" MAX(3), 1, 4 + strlen(MAX(3)), f), 4 + strlen(MAX(3)));
	ck_assert_int_eq(fclose(f), 0);

	owners = collect(dir, puts + 1, 1);
	ck_assert_pstr_eq(describe(ct_owners_winner(owners, LIMIT)), "/etc/sysctl.d/binary.conf:1 1");
	ck_assert_uint_eq(ct_owners_count(owners), 2);
	(void)ct_owners_free(owners);
}
END_TEST

START_TEST(many_lines_are_all_told)
{
	const char *dir = scratch_dir();
	struct ct_owners *owners;
	char text[40 * 100] = "";

	for (int i = 0; i < 100; i++)
		strcat(text, MAX(9));
	put_file(dir, "etc/sysctl.d/a.conf", text);
	owners = collect(dir, NULL, 0);
	ck_assert_uint_eq(ct_owners_count(owners), 100);
	ck_assert_pstr_eq(describe(ct_owners_winner(owners, LIMIT)), "/etc/sysctl.d/a.conf:100 9");
	(void)ct_owners_free(owners);
}
END_TEST

START_TEST(kinds_have_names)
{
	ck_assert_str_eq(ct_owner_kind_name(CT_OWNER_SYSCTL), "sysctl");
	ck_assert_str_eq(ct_owner_kind_name(CT_OWNER_MODPROBE), "modprobe");
	ck_assert_str_eq(ct_owner_kind_name(CT_OWNER_MODULES_LOAD), "modules-load");
	ck_assert_str_eq(ct_owner_kind_name(CT_OWNER_CMDLINE), "cmdline");
	ck_assert_str_eq(ct_owner_kind_name(CT_OWNER_PROGRAM), "program");
	ck_assert_str_eq(ct_owner_kind_name((enum ct_owner_kind)99), "");
	ck_assert_ptr_null(ct_owners_free(NULL));
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("owners");
	TCase *trees = tcase_create("trees");

	tcase_add_loop_test(trees, the_one_who_is_read_last_decides, 0, ct_array_size(machines));
	tcase_add_test(trees, owners_are_told_with_kind_place_and_value);
	tcase_add_loop_test(trees, tuned_is_an_owner_of_what_its_profile_sets, 0, ct_array_size(profiles));
	tcase_add_test(trees, names_of_files_are_cut_and_made_printable);
	tcase_add_test(trees, huge_binary_and_special_files_are_skipped);
	tcase_add_test(trees, many_lines_are_all_told);
	tcase_add_test(trees, kinds_have_names);
	suite_add_tcase(s, trees);
	return s;
}
