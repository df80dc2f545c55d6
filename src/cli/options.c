/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options, and strict parsing of what stands behind them. */
#include "config.h"
#include "cli.h"
#include "guard.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <conntune/memory.h>

enum type {
	TYPE_FLAG,                      /* bool */
	TYPE_TEXT,                      /* const char *, not empty */
	TYPE_COUNT,                     /* uint64_t, digits only */
	TYPE_BYTES,                     /* uint64_t, digits and K, M, G or T */
	TYPE_BUDGET,                    /* bytes, or 1 % .. 100 % */
	TYPE_FACTOR,                    /* double, digits and a decimal point */
	TYPE_KERNEL,                    /* struct ct_kver */
	TYPE_POLICY,                    /* enum ct_policy */
};

#define FOR(command) (1U << (command))
#define SIZING (FOR(CLI_ADVISE) | FOR(CLI_APPLY) | FOR(CLI_EXPLAIN))
#define OTHER_MACHINE (FOR(CLI_ADVISE) | FOR(CLI_EXPLAIN))
#define ALL (FOR(CLI_COMMAND__COUNT) - 1)
#define GLOBAL (ALL | FOR(CLI_COMMAND__COUNT))
#define WITH(policy) (1U << (policy))
#define INTO(member) .offset = offsetof(struct cli_options, member)

/**
 * struct row - one option
 * @commands: bits of the commands that take it; bit CLI_COMMAND__COUNT: also without a command
 * @policies: bits of the policies that look at it; 0: all, or it has nothing to do with policies
 * @min,@max: both included; bytes, entries, ... whatever the number counts
 */
struct row {
	const char *name, *metavar, *help;
	unsigned commands, policies;
	enum type type;
	size_t offset;
	double min, max;
};

static const struct row rows[CLI_OPT__COUNT] = {
	[CLI_OPT_POLICY] = {
		.name = "policy", .metavar = "POLICY", .type = TYPE_POLICY, INTO(policy), .commands = SIZING,
		.help = "balanced, documented, kernel, dedicated, demand or fixed",
	},
	[CLI_OPT_LIMIT] = {
		.name = "limit", .metavar = "N", .type = TYPE_COUNT, INTO(limit), .commands = SIZING,
		.policies = WITH(CT_POLICY_FIXED), .min = 1, .max = INT_MAX,
		.help = "fixed: this limit (nf_conntrack_max)",
	},
	[CLI_OPT_BUCKETS] = {
		.name = "buckets", .metavar = "N", .type = TYPE_COUNT, INTO(buckets), .commands = SIZING,
		.policies = WITH(CT_POLICY_FIXED), .min = 1, .max = INT_MAX,
		.help = "fixed: this many buckets (hashsize)",
	},
	[CLI_OPT_PEAK] = {
		.name = "peak", .metavar = "N", .type = TYPE_COUNT, INTO(peak), .commands = SIZING,
		.policies = WITH(CT_POLICY_DEMAND), .min = 1, .max = INT_MAX,
		.help = "demand: most entries ever seen",
	},
	[CLI_OPT_HEADROOM] = {
		.name = "headroom", .metavar = "FACTOR", .type = TYPE_FACTOR, INTO(headroom), .commands = SIZING,
		.policies = WITH(CT_POLICY_DEMAND), .min = 1, .max = 1000,
		.help = "demand: times the peak (default 2)",
	},
	[CLI_OPT_FAILOVER] = {
		.name = "failover", .metavar = "N", .type = TYPE_COUNT, INTO(failover), .commands = SIZING,
		.policies = WITH(CT_POLICY_DEMAND), .min = 1, .max = 1000,
		.help = "demand: machines whose load this one may have to carry",
	},
	[CLI_OPT_RESERVE] = {
		.name = "reserve", .metavar = "SIZE", .type = TYPE_BYTES, INTO(reserve_bytes), .commands = SIZING,
		.policies = WITH(CT_POLICY_DEDICATED), .min = 0, .max = 0x1p52,
		.help = "dedicated: memory kept for the rest (default 128M)",
	},
	[CLI_OPT_LOAD] = {
		.name = "load", .metavar = "TARGET", .type = TYPE_FACTOR, INTO(load), .commands = SIZING,
		.policies = WITH(CT_POLICY_BALANCED) | WITH(CT_POLICY_DEMAND) | WITH(CT_POLICY_FIXED),
		.min = 0.01, .max = 1000,
		.help = "mean chain of a full table to aim at (default 2)",
	},
	[CLI_OPT_BUDGET] = {
		.name = "budget", .metavar = "SIZE|N%", .type = TYPE_BUDGET, .commands = SIZING,
		.min = 1, .max = 0x1p52,
		.help = "most memory for a full table (default 25% of RAM)",
	},
	[CLI_OPT_NAMESPACES] = {
		.name = "namespaces", .metavar = "N", .type = TYPE_COUNT, INTO(namespaces), .commands = SIZING,
		.min = 1, .max = 65536,
		.help = "network namespaces that may be full at once (default 1)",
	},
	[CLI_OPT_ENTRY_BYTES] = {
		.name = "entry-bytes", .metavar = "N", .type = TYPE_COUNT, INTO(entry_bytes), .commands = SIZING,
		.min = 16, .max = 65536,
		.help = "memory that one entry takes (default: as found)",
	},
	[CLI_OPT_RAM] = {
		.name = "ram", .metavar = "SIZE", .type = TYPE_BYTES, INTO(ram_bytes), .commands = OTHER_MACHINE,
		.min = 0x1p20, .max = 0x1p52,
		.help = "for another machine: its memory (MemTotal)",
	},
	[CLI_OPT_POINTER_BITS] = {
		.name = "pointer-bits", .metavar = "32|64", .type = TYPE_COUNT, INTO(pointer_bits),
		.commands = OTHER_MACHINE, .min = 32, .max = 64,
		.help = "for another machine: pointer size of its kernel",
	},
	[CLI_OPT_KERNEL] = {
		.name = "kernel", .metavar = "VERSION", .type = TYPE_KERNEL, INTO(kernel), .commands = OTHER_MACHINE,
		.help = "for another machine: its kernel, as uname -r says",
	},
	[CLI_OPT_CHECK] = {
		.name = "check", .type = TYPE_FLAG, INTO(check), .commands = FOR(CLI_ADVISE) | FOR(CLI_STATUS),
		.help = "exit with 1 if the machine differs or isn't healthy",
	},
	[CLI_OPT_DRY_RUN] = {
		.name = "dry-run", .type = TYPE_FLAG, INTO(dry_run), .commands = FOR(CLI_APPLY) | FOR(CLI_REVERT),
		.help = "show the plan, change nothing",
	},
	[CLI_OPT_ALLOW_SHRINK] = {
		.name = "allow-shrink", .type = TYPE_FLAG, INTO(allow_shrink),
		.commands = FOR(CLI_APPLY) | FOR(CLI_REVERT),
		.help = "the limit may go below the entries in use",
	},
	[CLI_OPT_PERSIST] = {
		.name = "persist", .type = TYPE_FLAG, INTO(persist), .commands = FOR(CLI_APPLY),
		.help = "write boot files too, so that it holds after a reboot",
	},
	[CLI_OPT_CONFIRM] = {
		.name = "confirm", .metavar = "SECONDS", .type = TYPE_COUNT, INTO(confirm_seconds),
		.commands = FOR(CLI_APPLY), .min = 1, .max = GUARD_SECONDS_MAX,
		.help = "undo it unless `conntune confirm` comes in time",
	},
	[CLI_OPT_EXACT] = {
		.name = "exact", .type = TYPE_FLAG, INTO(exact), .commands = FOR(CLI_CHAINS),
		.help = "fail unless the real chains can be counted",
	},
	[CLI_OPT_BY] = {
		.name = "by", .metavar = "KEYS", .type = TYPE_TEXT, INTO(by), .commands = FOR(CLI_CENSUS),
		.help = "groups: src, dport, ... (default proto,state)",
	},
	[CLI_OPT_TOP] = {
		.name = "top", .metavar = "N", .type = TYPE_COUNT, INTO(top), .commands = FOR(CLI_CENSUS),
		.min = 1, .max = 100000,
		.help = "groups to show, largest first (default 20)",
	},
	[CLI_OPT_PREFIX] = {
		.name = "prefix", .metavar = "LEN[/LEN6]", .type = TYPE_TEXT, INTO(prefix),
		.commands = FOR(CLI_CENSUS),
		.help = "networks of this length instead of addresses",
	},
	[CLI_OPT_FILTER] = {
		.name = "filter", .metavar = "EXPR", .type = TYPE_TEXT, INTO(filter), .commands = FOR(CLI_CENSUS),
		.help = "only these, as 'proto=tcp src=10.0.0.0/8 dport!=443'",
	},
	[CLI_OPT_MAX_CPU] = {
		.name = "max-cpu", .metavar = "PERCENT", .type = TYPE_COUNT, INTO(max_cpu),
		.commands = FOR(CLI_CENSUS), .min = 1, .max = 100,
		.help = "of one CPU, by pauses (default 100)",
	},
	[CLI_OPT_IN_KERNEL] = {
		.name = "in-kernel", .type = TYPE_FLAG, INTO(in_kernel), .commands = FOR(CLI_CENSUS),
		.help = "count by BPF, without a dump: proto, state, assured only",
	},
	[CLI_OPT_ALL_NAMESPACES] = {
		.name = "all-namespaces", .type = TYPE_FLAG, INTO(all_namespaces), .commands = FOR(CLI_CENSUS),
		.help = "with --in-kernel: of all network namespaces",
	},
	[CLI_OPT_SPAN] = {
		.name = "span", .metavar = "SPAN", .type = TYPE_TEXT, INTO(span), .commands = FOR(CLI_HISTORY),
		.help = "minute (default), hour or day",
	},
	[CLI_OPT_NO_COLOR] = {
		.name = "no-color", .type = TYPE_FLAG, INTO(no_color),
		.commands = FOR(CLI_CENSUS) | FOR(CLI_CHAINS) | FOR(CLI_HISTORY),
		.help = "plain text also on a terminal",
	},
	[CLI_OPT_SETTINGS] = {
		.name = "settings", .type = TYPE_FLAG, INTO(settings), .commands = FOR(CLI_PARAMS),
		.help = "those of conntuned, as its configuration files say",
	},
	[CLI_OPT_WATCH] = {
		.name = "watch", .metavar = "SECONDS", .type = TYPE_COUNT, INTO(watch_seconds),
		.commands = FOR(CLI_STATUS), .min = 1, .max = 86400,
		.help = "look again after each SECONDS, with rates",
	},
	[CLI_OPT_COUNT] = {
		.name = "count", .metavar = "N", .type = TYPE_COUNT, INTO(count),
		.commands = FOR(CLI_STATUS), .min = 1, .max = INT_MAX,
		.help = "with --watch: end after N times",
	},
	[CLI_OPT_JSON] = {
		.name = "json", .type = TYPE_FLAG, INTO(json), .commands = ALL,
		.help = "JSON instead of text: sizes in bytes, times in seconds",
	},
	[CLI_OPT_ROOT] = {
		.name = "root", .metavar = "DIR", .type = TYPE_TEXT, INTO(root), .commands = ALL,
		.help = "a captured machine below DIR instead of this one",
	},
	[CLI_OPT_HELP] = {
		.name = "help", .type = TYPE_FLAG, INTO(help), .commands = GLOBAL,
		.help = "this text; after a command, its options",
	},
	[CLI_OPT_VERSION] = {
		.name = "version", .type = TYPE_FLAG, INTO(version), .commands = GLOBAL,
		.help = "the version",
	},
};

/* getopt_long() hands back FIRST + row; below are characters of short options and '?', ':'. */
#define FIRST 256

/* One line for a number that is fine in form but not in range. */
static int fail_range(const struct row *row, const char *text, struct ct_err *err)
{
	if (row->offset == offsetof(struct cli_options, pointer_bits))
		return cli_usage(err, "--%s '%s': must be 32 or 64", row->name, text);
	if (row->type == TYPE_BYTES || row->type == TYPE_BUDGET)
		return cli_usage(err, "--%s '%s': out of range, %.0f to %.0f bytes", row->name, text, row->min,
				 row->max);
	return cli_usage(err, "--%s '%s': out of range, %g to %.10g", row->name, text, row->min, row->max);
}

/* Digits at the start of @text, up to @end. Returns 0, -EINVAL without a digit, -ERANGE beyond 64 bits. */
static int parse_digits(const char *text, const char **end, uint64_t *ret)
{
	uint64_t v = 0;
	bool fits = true;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		fits = fits && !__builtin_mul_overflow(v, 10, &v) &&
		       !__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	if (p == text)
		return -EINVAL;
	*end = p;
	*ret = v;
	return fits ? 0 : -ERANGE;
}

/* Skip one letter of K, M, G, T, in either case; returns how many bits it shifts by. */
static unsigned parse_suffix(const char **text)
{
	static const char letters[] = "KMGTkmgt";
	const char *found = **text ? strchr(letters, **text) : NULL;

	if (!found)
		return 0;
	(*text)++;
	return 10 * ((unsigned)(found - letters) % 4 + 1);
}

static int set_number(const struct row *row, const char *text, uint64_t *ret, struct ct_err *err)
{
	const char *end = text;
	uint64_t v = 0;
	unsigned shift = 0;
	int r = parse_digits(text, &end, &v);

	if (r != -EINVAL && row->type != TYPE_COUNT)
		shift = parse_suffix(&end);
	if (r == -EINVAL || *end)
		return cli_usage(err, "--%s '%s': not a whole number%s", row->name, text,
				 row->type == TYPE_COUNT ? "" : ", or one with K, M, G or T behind it");
	if (r == -ERANGE || v > UINT64_MAX >> shift)
		return fail_range(row, text, err);
	v <<= shift;
	if ((double)v < row->min || (double)v > row->max)
		return fail_range(row, text, err);
	*ret = v;
	return 0;
}

static int set_pointer_bits(const struct row *row, const char *text, uint64_t *ret, struct ct_err *err)
{
	uint64_t v;
	int r = set_number(row, text, &v, err);

	if (r < 0)
		return r;
	if (v != 32 && v != 64)
		return fail_range(row, text, err);
	*ret = v;
	return 0;
}

static int set_budget(const struct row *row, const char *text, struct cli_options *opt, struct ct_err *err)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(text, &end, &v);

	if (r == -EINVAL || strcmp(end, "%") != 0)
		return set_number(row, text, &opt->budget_bytes, err);
	if (r < 0 || v < 1 || v > 100)
		return cli_usage(err, "--%s '%s': out of range, 1%% to 100%%", row->name, text);
	opt->budget_percent = v;
	return 0;
}

static int set_factor(const struct row *row, const char *text, double *ret, struct ct_err *err)
{
	static const char digits[] = "0123456789";
	size_t whole = strspn(text, digits), n = whole;
	double v;

	if (whole && text[n] == '.') {
		size_t part = strspn(text + n + 1, digits);

		n += part ? part + 1 : 0;
	}
	if (!whole || text[n])
		return cli_usage(err, "--%s '%s': not a number such as 2 or 1.5", row->name, text);
	v = strtod(text, NULL);
	if (v < row->min || v > row->max)
		return fail_range(row, text, err);
	*ret = v;
	return 0;
}

static int set_policy(const char *text, enum ct_policy *ret, struct ct_err *err)
{
	const char *names[CT_POLICY__COUNT], *near;

	if (ct_policy_by_name(text, ret, err) == 0)
		return 0;
	for (int i = 0; i < CT_POLICY__COUNT; i++)
		names[i] = ct_policy_name((enum ct_policy)i);
	near = cli_nearest(text, names, CT_POLICY__COUNT);
	if (near)
		return cli_usage(err, "--policy '%s': no such policy, did you mean '%s'?", text, near);
	return cli_usage(err, "--policy '%s': no such policy, there are %s", text, rows[CLI_OPT_POLICY].help);
}

static int set_kernel(const char *text, struct ct_kver *ret, struct ct_err *err)
{
	if (ct_kver_parse(text, ret, err) < 0)
		return cli_usage(err, "--kernel '%s': not a kernel version such as 6.1 or 2.6.18-8.el5, 2.4 or later",
				 text);
	return 0;
}

static int set_text(const struct row *row, const char *text, const char **ret, struct ct_err *err)
{
	if (*text == '\0')
		return cli_usage(err, "--%s '': must not be empty", row->name);
	*ret = text;
	return 0;
}

static int set_option(enum cli_option id, const char *text, struct cli_options *opt, struct ct_err *err)
{
	const struct row *row = &rows[id];
	void *into = (char *)opt + row->offset;

	/* two flags say the same as one, two numbers contradict each other */
	if (cli_given(opt, id) && row->type != TYPE_FLAG)
		return cli_usage(err, "--%s is given twice", row->name);
	opt->given |= UINT64_C(1) << id;
	switch (row->type) {
	case TYPE_FLAG:
		*(bool *)into = true;
		return 0;
	case TYPE_TEXT:
		return set_text(row, text, into, err);
	case TYPE_COUNT:
		return id == CLI_OPT_POINTER_BITS ? set_pointer_bits(row, text, into, err)
						  : set_number(row, text, into, err);
	case TYPE_BYTES:
		return set_number(row, text, into, err);
	case TYPE_BUDGET:
		return set_budget(row, text, opt, err);
	case TYPE_FACTOR:
		return set_factor(row, text, into, err);
	case TYPE_KERNEL:
		return set_kernel(text, into, err);
	case TYPE_POLICY:
		return set_policy(text, into, err);
	}
	return 0;
}

/* What getopt_long() couldn't make sense of; @word is the argument as it stands there. */
static int fail_unknown(int c, const char *word, struct ct_err *err)
{
	const char *names[CLI_OPT__COUNT], *near;

	if (c == ':')
		return cli_usage(err, "%s needs a value", word);
	if (optopt >= FIRST)
		return cli_usage(err, "--%s takes no value: '%s'", rows[optopt - FIRST].name, word);
	if (optopt)
		return cli_usage(err, "unknown option '-%c'", optopt);
	for (int i = 0; i < CLI_OPT__COUNT; i++)
		names[i] = rows[i].name;
	near = cli_nearest(word + strspn(word, "-"), names, CLI_OPT__COUNT);
	if (near)
		return cli_usage(err, "unknown option '%s', did you mean '--%s'?", word, near);
	return cli_usage(err, "unknown option '%s'", word);
}

static int parse_options(int argc, char **argv, struct cli_options *opt, struct ct_err *err)
{
	struct option table[CLI_OPT__COUNT + 1] = { 0 };
	int c, r;

	for (int i = 0; i < CLI_OPT__COUNT; i++)
		table[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].type == TYPE_FLAG ? no_argument : required_argument,
			.val = FIRST + i,
		};
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hV", table, NULL)) != -1) {
		if (c == 'h')
			c = FIRST + CLI_OPT_HELP;
		else if (c == 'V')
			c = FIRST + CLI_OPT_VERSION;
		if (c < FIRST)
			return fail_unknown(c, argv[optind - 1], err);
		r = set_option((enum cli_option)(c - FIRST), optarg, opt, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_command(const char *word, const struct cli_command_row *commands, struct cli_options *opt,
			 struct ct_err *err)
{
	const char *names[CLI_COMMAND__COUNT], *near;
	size_t count = 0;

	for (int i = 0; i < CLI_COMMAND__COUNT; i++) {
		if (!commands[i].run)
			continue;
		if (strcmp(commands[i].name, word) == 0) {
			opt->command = (enum cli_command)i;
			opt->has_command = true;
			return 0;
		}
		names[count++] = commands[i].name;
	}
	near = cli_nearest(word, names, count);
	if (near)
		return cli_usage(err, "unknown command '%s', did you mean '%s'?", word, near);
	return cli_usage(err, "unknown command '%s', see conntune --help", word);
}

static int check_policy_options(const struct cli_options *opt, struct ct_err *err)
{
	/* without --policy advice shows them all, each with its own options */
	if (opt->command == CLI_ADVISE && !cli_given(opt, CLI_OPT_POLICY))
		return 0;
	/* named or the default: an option that it ignores would look as if it had worked */
	for (int i = 0; i < CLI_OPT__COUNT; i++) {
		unsigned policies = rows[i].policies;
		enum ct_policy first = CT_POLICY_BALANCED;

		if (!policies || !cli_given(opt, (enum cli_option)i) || policies & WITH(opt->policy))
			continue;
		while (!(policies & WITH(first)))
			first++;
		return cli_usage(err, "--%s goes with --policy %s, not %s", rows[i].name, ct_policy_name(first),
				 ct_policy_name(opt->policy));
	}
	if (opt->policy == CT_POLICY_FIXED && !opt->limit && !opt->buckets)
		return cli_usage(err, "--policy fixed needs --limit or --buckets");
	return 0;
}

static int check_contradictions(const struct cli_options *opt, struct ct_err *err)
{
	static const enum cli_option other[] = { CLI_OPT_RAM, CLI_OPT_POINTER_BITS, CLI_OPT_KERNEL };

	for (size_t i = 0; i < cli_array_size(other); i++)
		if (opt->check && cli_given(opt, other[i]))
			return cli_usage(err, "--check compares with this machine, --%s describes another one",
					 rows[other[i]].name);
	if (opt->all_namespaces && !opt->in_kernel)
		return cli_usage(err, "--all-namespaces needs --in-kernel: a dump shows one network namespace");
	if (opt->in_kernel && cli_given(opt, CLI_OPT_ROOT))
		return cli_usage(err, "--in-kernel counts in the table of this machine, --root describes another one");
	if (opt->in_kernel && cli_given(opt, CLI_OPT_PREFIX))
		return cli_usage(err, "--in-kernel knows no addresses, so there is nothing to --prefix");
	if (opt->in_kernel && cli_given(opt, CLI_OPT_MAX_CPU))
		return cli_usage(err, "--in-kernel never keeps a CPU for more than 250 us, --max-cpu is for dumps");
	if (opt->settings && opt->name)
		return cli_usage(err, "--settings shows all settings of conntuned, '%s' is one tunable of the kernel",
				 opt->name);
	if (opt->dry_run && cli_given(opt, CLI_OPT_CONFIRM))
		return cli_usage(err, "--dry-run changes nothing, so there is nothing to --confirm");
	if (opt->count && !opt->watch_seconds)
		return cli_usage(err, "--count says how often, it needs --watch");
	return check_policy_options(opt, err);
}

static int check_command(const struct cli_command_row *row, const struct cli_options *opt, struct ct_err *err)
{
	for (int i = 0; i < CLI_OPT__COUNT; i++)
		if (cli_given(opt, (enum cli_option)i) && !(rows[i].commands & FOR(opt->command)))
			return cli_usage(err, "%s takes no --%s", row->name, rows[i].name);
	return 0;
}

int cli_options_parse(int argc, char **argv, const struct cli_command_row *commands, struct cli_options *ret,
		      struct ct_err *err)
{
	struct cli_options opt = { .root = "/" };
	const struct cli_command_row *row;
	int r = parse_options(argc, argv, &opt, err);

	if (r < 0)
		return r;
	if (optind < argc) {
		r = parse_command(argv[optind++], commands, &opt, err);
		if (r < 0)
			return r;
	}
	if (opt.help || opt.version || !opt.has_command) {
		*ret = opt;
		return 0;
	}
	row = &commands[opt.command];
	if (row->argument && optind < argc)
		opt.name = argv[optind++];
	if (optind < argc)
		return cli_usage(err, "%s: unexpected argument '%s'", row->name, argv[optind]);
	r = check_command(row, &opt, err);
	if (r == 0)
		r = check_contradictions(&opt, err);
	if (r == 0)
		*ret = opt;
	return r;
}

void cli_options_help(FILE *f, enum cli_command command)
{
	for (int i = 0; i < CLI_OPT__COUNT; i++) {
		char left[40];

		if (!(rows[i].commands & FOR(command)))
			continue;
		(void)snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].metavar ? " " : "",
			       rows[i].metavar ? rows[i].metavar : "");
		fprintf(f, "  %-20s  %s\n", left, rows[i].help);
	}
}
