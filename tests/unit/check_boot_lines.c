/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of boot files, with everything that people write there. */
#include "config.h"
#include "boot_lines.h"
#include "check.h"
#include "util.h"

#include <string.h>
#include <conntune/persist.h>

static const struct ct_kver today = { 6, 18, 44 };

#define LIMIT CT_PARAM_LIMIT
#define BUCKETS CT_PARAM_BUCKETS
#define NO_PARAM CT_PARAM__COUNT

/* One line: which value, and whether it is understood. NO_PARAM: it doesn't concern us. */
struct line_row {
	const char *line;
	enum ct_param_id param;
	bool known;
	int64_t value;
};

#define SETS(text, id, number) { .line = (text), .param = (id), .known = true, .value = (number) }
#define BROKEN(text, id) { .line = (text), .param = (id) }
#define OTHER(text) { .line = (text), .param = NO_PARAM }

static void check_line(bool (*parse)(char *, const struct ct_kver *, struct ct_boot_line *), const struct line_row *row)
{
	struct ct_boot_line got = { .param = NO_PARAM };
	char line[512];

	strcpy(line, row->line);
	ck_assert_int_eq(parse(line, &today, &got), row->param != NO_PARAM);
	ck_assert_int_eq(got.param, row->param);
	if (row->param == NO_PARAM)
		return;
	ck_assert_int_eq(got.works, true);
	ck_assert_int_eq(got.known, row->known);
	if (row->known)
		ck_assert_int_eq(got.value, row->value);
}

static const struct line_row sysctl_lines[] = {
	SETS("net.netfilter.nf_conntrack_max = 65536", LIMIT, 65536),
	SETS("net.netfilter.nf_conntrack_max=65536", LIMIT, 65536),
	SETS("net.nf_conntrack_max=1", LIMIT, 1),
	SETS("net/netfilter/nf_conntrack_max = 7", LIMIT, 7),
	SETS("/net/netfilter/nf_conntrack_max = 7", LIMIT, 7),
	SETS("\t -net.netfilter.nf_conntrack_max\t=\t7\r", LIMIT, 7),
	SETS("- net.netfilter.nf_conntrack_max = 7", LIMIT, 7),
	SETS("net.netfilter.nf_conntrack_buckets = 4096", BUCKETS, 4096),
	SETS("net.netfilter.nf_conntrack_max = 0x10", LIMIT, 16),
	SETS("net.netfilter.nf_conntrack_max = 0X10", LIMIT, 16),
	SETS("net.netfilter.nf_conntrack_max = 010", LIMIT, 8),
	SETS("net.netfilter.nf_conntrack_max = 0", LIMIT, 0),
	SETS("net.netfilter.nf_conntrack_max = -1", LIMIT, -1),
	SETS("net.netfilter.nf_conntrack_max = 5 # five", LIMIT, 5),
	SETS("net.netfilter.nf_conntrack_max = 5\t6", LIMIT, 5),
	SETS("net.netfilter.nf_conntrack_max = 2147483647", LIMIT, 2147483647),
	BROKEN("net.netfilter.nf_conntrack_max = 2147483648", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = 99999999999999999999", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = 64k", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = 08", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = 0x", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = 0b1", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = +5", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max = = 5", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_max =", LIMIT),
	BROKEN("net.netfilter.nf_conntrack_buckets = 0", BUCKETS),
	BROKEN("net.netfilter.nf_conntrack_buckets = -1", BUCKETS),
	OTHER("net.netfilter.nf_conntrack_max"),
	OTHER("-net.netfilter.nf_conntrack_max"),
	OTHER("# net.netfilter.nf_conntrack_max = 1"),
	OTHER(" ;net.netfilter.nf_conntrack_max = 1"),
	OTHER("net.netfilter.* = 1"),
	OTHER("net.netfilter.nf_conntrack_m?x = 1"),
	OTHER("net.netfilter/nf_conntrack_max = 1"),
	OTHER("net.netfilter.nf_conntrack_max2 = 1"),
	OTHER("net.netfilter.nf_conntrack_acct = 1"),
	OTHER("sys.module.nf_conntrack.parameters.hashsize = 1"),
	OTHER("nf_conntrack_max = 1"),
	OTHER("= 1"),
	OTHER(""),
};

START_TEST(sysctl_line_is_read_as_systemd_and_the_kernel_read_it)
{
	check_line(ct_parse_sysctl_line, &sysctl_lines[_i]);
}
END_TEST

static const struct line_row modprobe_lines[] = {
	SETS("options nf_conntrack hashsize=4096", BUCKETS, 4096),
	SETS(" \toptions\tnf_conntrack\thashsize=4096 \r", BUCKETS, 4096),
	SETS("options nf-conntrack hashsize=4096", BUCKETS, 4096),
	SETS("options nf_conntrack acct=1 hashsize=1 expect_hashsize=2", BUCKETS, 1),
	SETS("options nf_conntrack hashsize=1 hashsize=2", BUCKETS, 2),
	SETS("options nf_conntrack hashsize=0x1000", BUCKETS, 4096),
	SETS("options nf_conntrack hashsize=0", BUCKETS, 0),
	SETS("options nf_conntrack hashsize=4294967295", BUCKETS, 4294967295),
	SETS("options nf_conntrack hashsize=\"4096\"", BUCKETS, 4096),
	SETS("options nf_conntrack \"hashsize=4096\"", BUCKETS, 4096),
	BROKEN("options nf_conntrack hashsize=4294967296", BUCKETS),
	BROKEN("options nf_conntrack hashsize=abc", BUCKETS),
	BROKEN("options nf_conntrack hashsize=-5", BUCKETS),
	BROKEN("options nf_conntrack hashsize=", BUCKETS),
	BROKEN("options nf_conntrack hashsize=\"", BUCKETS),
	BROKEN("options nf_conntrack hashsize=\" 5\"", BUCKETS),
	BROKEN("options nf_conntrack hashsize=5,6", BUCKETS),
	BROKEN("options nf_conntrack hashsize = 5", BUCKETS),
	BROKEN("options nf_conntrack hashsize", BUCKETS),
	BROKEN("options nf_conntrack hashsize=abc hashsize=5", BUCKETS),
	BROKEN("options nf_conntrack hashsize=5 hashsize=abc", BUCKETS),
	OTHER("options nf_conntrack acct=1"),
	OTHER("options nf_conntrack expect_hashsize=5"),
	OTHER("options nf_conntrack acct=\"1 hashsize=5\""),
	OTHER("options nf_conntrack \""),
	OTHER("options nf_conntrack =hashsize=5"),
	OTHER("options nf_conntrack"),
	OTHER("options nf_conntrack_ftp hashsize=5"),
	OTHER("options"),
	OTHER("option nf_conntrack hashsize=5"),
	OTHER("#options nf_conntrack hashsize=5"),
	OTHER("# options nf_conntrack hashsize=5"),
	OTHER("alias hashsize=5 nf_conntrack"),
	OTHER("install nf_conntrack /sbin/modprobe --ignore-install nf_conntrack hashsize=5"),
	OTHER(""),
};

START_TEST(modprobe_line_is_read_as_libkmod_and_the_kernel_read_it)
{
	check_line(ct_parse_modprobe_line, &modprobe_lines[_i]);
}
END_TEST

static const struct line_row cmdlines[] = {
	SETS("nf_conntrack.hashsize=20000", BUCKETS, 20000),
	SETS("quiet nf-conntrack.hashsize=20000 root=/dev/vda\n", BUCKETS, 20000),
	SETS("nf_conntrack.hashsize=\"20000\"", BUCKETS, 20000),
	SETS("nf_conntrack.hashsize=1 nf_conntrack.hashsize=2", BUCKETS, 2),
	BROKEN("nf_conntrack.hashsize=abc nf_conntrack.hashsize=2", BUCKETS),
	BROKEN("nf_conntrack.hashsize=", BUCKETS),
	OTHER("nf_conntrack.hashsize"),
	OTHER("ip_conntrack.hashsize=5"),
	OTHER("nf_conntrack.hashsize2=5"),
	OTHER("hashsize=5"),
	OTHER("append=\"nf_conntrack.hashsize=5 quiet\""),
	OTHER("\"append nf_conntrack.hashsize=5 quiet\""),
	OTHER("root=/dev/disk/by-label/a.b quiet"),
	OTHER(""),
};

START_TEST(cmdline_gives_the_last_hashsize)
{
	check_line(ct_parse_cmdline, &cmdlines[_i]);
}
END_TEST

static const struct line_row modules_lines[] = {
	BROKEN("nf_conntrack", BUCKETS),
	BROKEN(" nf-conntrack\r", BUCKETS),
	BROKEN("nf_conntrack_ipv4", BUCKETS),
	BROKEN("ip_conntrack_ftp", BUCKETS),
	BROKEN("nf_conntrack hashsize=5", BUCKETS),
	OTHER("#nf_conntrack"),
	OTHER(";nf_conntrack"),
	OTHER("nf_conntrackd"),
	OTHER("nf_nat"),
	OTHER(""),
};

START_TEST(modules_line_names_a_conntrack_module)
{
	check_line(ct_parse_modules_line, &modules_lines[_i]);
}
END_TEST

/* The same line in one kernel and in the next one. */
static const struct {
	bool (*parse)(char *, const struct ct_kver *, struct ct_boot_line *);
	const char *line;
	struct ct_kver v;
	bool works;
} eras[] = {
	{ ct_parse_sysctl_line, "net.ipv4.netfilter.ip_conntrack_max=1", { 2, 6, 18 }, true },
	{ ct_parse_sysctl_line, "net.ipv4.netfilter.ip_conntrack_max=1", { 4, 8, 15 }, true },
	{ ct_parse_sysctl_line, "net.ipv4.netfilter.ip_conntrack_max=1", { 4, 9, 0 }, false },
	{ ct_parse_sysctl_line, "net.ipv4.ip_conntrack_max=1", { 2, 4, 20 }, true },
	{ ct_parse_sysctl_line, "net.ipv4.ip_conntrack_max=1", { 2, 6, 22 }, false },
	{ ct_parse_sysctl_line, "net.netfilter.nf_conntrack_max=1", { 2, 4, 32 }, false },
	{ ct_parse_sysctl_line, "net.netfilter.nf_conntrack_max=1", { 2, 6, 22 }, true },
	{ ct_parse_sysctl_line, "net.netfilter.nf_conntrack_buckets=1", { 4, 7, 4 }, false },
	{ ct_parse_sysctl_line, "net.netfilter.nf_conntrack_buckets=1", { 4, 8, 0 }, true },
	{ ct_parse_sysctl_line, "net.ipv4.netfilter.ip_conntrack_buckets=1", { 2, 6, 18 }, false },
	{ ct_parse_modprobe_line, "options ip_conntrack hashsize=1", { 2, 4, 20 }, true },
	{ ct_parse_modprobe_line, "options ip_conntrack hashsize=1", { 2, 6, 21 }, true },
	{ ct_parse_modprobe_line, "options ip-conntrack hashsize=1", { 2, 6, 22 }, false },
	{ ct_parse_modprobe_line, "options nf_conntrack hashsize=1", { 2, 6, 14 }, false },
	{ ct_parse_modprobe_line, "options nf_conntrack hashsize=1", { 2, 6, 15 }, true },
};

START_TEST(a_line_works_in_kernels_that_have_what_it_sets)
{
	struct ct_boot_line got;
	char line[128];

	strcpy(line, eras[_i].line);
	ck_assert(eras[_i].parse(line, &eras[_i].v, &got));
	ck_assert_int_eq(got.works, eras[_i].works);
}
END_TEST

static const struct {
	const char *text;
	const char *line[4];
	unsigned number[4];
} wrapped[] = {
	{ .text = "" },
	{ .text = "\n", .line = { "" }, .number = { 1 } },
	{ .text = "a", .line = { "a" }, .number = { 1 } },
	{ .text = "a\nb\n", .line = { "a", "b" }, .number = { 1, 2 } },
	{ .text = "a\\\nb\nc\n", .line = { "ab", "c" }, .number = { 1, 3 } },
	{ .text = "a\\\n\\\nb\nc", .line = { "ab", "c" }, .number = { 1, 4 } },
	{ .text = "a\\\n\nb", .line = { "a", "b" }, .number = { 1, 3 } },
	{ .text = "#a\\\nb\n\nc", .line = { "#ab", "", "c" }, .number = { 1, 3, 4 } },
	{ .text = "a\\bc\n", .line = { "abc" }, .number = { 1 } },
	{ .text = "a\\\\\nb", .line = { "a\\", "b" }, .number = { 1, 2 } },
	{ .text = "a\\\\b", .line = { "a\\b" }, .number = { 1 } },
	{ .text = "a\\", .line = { "a\\" }, .number = { 1 } },
	{ .text = "a\\\n", .line = { "a" }, .number = { 1 } },
	{ .text = "\\\n", .line = { "" }, .number = { 1 } },
};

START_TEST(wrapped_lines_are_joined_and_numbered_by_their_start)
{
	char text[64];
	struct ct_boot_text walk = { .next = text };
	size_t n = 0;

	strcpy(text, wrapped[_i].text);
	for (char *line; (line = ct_boot_text_wrapped(&walk)); n++) {
		ck_assert_pstr_eq(line, wrapped[_i].line[n]);
		ck_assert_uint_eq(walk.line, wrapped[_i].number[n]);
	}
	ck_assert_ptr_null(wrapped[_i].line[n]);
}
END_TEST

static const struct {
	const char *text;
	bool ours;
} marks[] = {
	{ CT_BOOT_MARK, true },
	{ CT_BOOT_MARK "\n", true },
	{ CT_BOOT_MARK "\noptions nf_conntrack hashsize=1\n", true },
	{ CT_BOOT_MARK "d at boot\n", false },
	{ CT_BOOT_MARK ", then by me\n", false },
	{ "\n" CT_BOOT_MARK "\n", false },
	{ " " CT_BOOT_MARK "\n", false },
	{ "# Written by", false },
	{ "", false },
};

START_TEST(a_file_is_ours_by_its_first_line_alone)
{
	ck_assert_int_eq(ct_boot_text_is_ours(marks[_i].text), marks[_i].ours);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("boot_lines");
	TCase *tc = tcase_create("boot_lines");

	tcase_add_loop_test(tc, sysctl_line_is_read_as_systemd_and_the_kernel_read_it, 0, ct_array_size(sysctl_lines));
	tcase_add_loop_test(tc, modprobe_line_is_read_as_libkmod_and_the_kernel_read_it, 0,
			    ct_array_size(modprobe_lines));
	tcase_add_loop_test(tc, cmdline_gives_the_last_hashsize, 0, ct_array_size(cmdlines));
	tcase_add_loop_test(tc, modules_line_names_a_conntrack_module, 0, ct_array_size(modules_lines));
	tcase_add_loop_test(tc, a_line_works_in_kernels_that_have_what_it_sets, 0, ct_array_size(eras));
	tcase_add_loop_test(tc, wrapped_lines_are_joined_and_numbered_by_their_start, 0, ct_array_size(wrapped));
	tcase_add_loop_test(tc, a_file_is_ours_by_its_first_line_alone, 0, ct_array_size(marks));
	suite_add_tcase(s, tc);
	return s;
}
