/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of conntuned's settings, their values from text and as text. Pure. */
#include "config.h"
#include "util.h"

#include <conntune/settings.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Whatever the member is, text becomes one whole number: of what, says the type. */
enum type {
	TYPE_NAME,                      /* place in row.names */
	TYPE_YES_NO,                    /* 1 or 0 */
	TYPE_COUNT,
	TYPE_FACTOR,                    /* millionths; the member is a double */
	TYPE_BYTES,
	TYPE_BUDGET,                    /* per cent up to PERCENT_MAX, above that bytes: two members */
	TYPE_PERCENT,
	TYPE_TIME,                      /* microseconds */
	TYPE_PATH,                      /* the exception: a text, in place */
};

#define MILLION UINT64_C(1000000)
#define PERCENT_MAX 100
#define SECOND MILLION
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (UINT64_C(1) << 20)

#define INTO(member) \
	.offset = offsetof(struct ct_settings, member), .size = sizeof(((struct ct_settings *)NULL)->member)

/**
 * struct row - a setting
 * @offset, @size: its member of struct ct_settings
 * @min, @max: both included
 * @or_zero:  0 as well, for "not given" or "never"
 * @names:    of TYPE_NAME, max + 1 of them; NULL: that one may not be chosen
 */
struct row {
	struct ct_setting show;
	enum type type;
	size_t offset, size;
	uint64_t min, max;
	bool or_zero;
	const char *const *names;
};

static const char *const modes[] = { [CT_MODE_TUNE] = "tune", [CT_MODE_ADVISE] = "advise" };
static const char *const foreigns[] = {
	[CT_FOREIGN_YIELD] = "yield", [CT_FOREIGN_FLOOR] = "floor", [CT_FOREIGN_ENFORCE] = "enforce",
};

/* What the kernel chooses by itself needs nobody who sets it. */
static const char *const policies[] = {
	[CT_POLICY_BALANCED] = "balanced", [CT_POLICY_DOCUMENTED] = "documented", [CT_POLICY_KERNEL] = NULL,
	[CT_POLICY_DEDICATED] = "dedicated", [CT_POLICY_DEMAND] = "demand", [CT_POLICY_FIXED] = "fixed",
};

#define NAMES(list) .type = TYPE_NAME, .names = (list), .max = ct_array_size(list) - 1
#define YES_NO .type = TYPE_YES_NO, .max = 1

static const struct row rows[] = {
	{
		.show = {
			.section = "Tuning", .key = "Mode", .preset = "tune",
			.values = "tune or advise",
			.help = "What to do with a decision: carry it out, or only log what would be done and write "
				"nothing.",
		},
		INTO(mode), NAMES(modes),
	},
	{
		.show = {
			.section = "Tuning", .key = "Policy", .preset = "balanced",
			.values = "balanced, documented, dedicated, demand or fixed",
			.help = "How limit and buckets are computed; the policies are those of conntune(1). What the "
				"policy says is where tuning starts; load then moves the limit within the budget.",
		},
		INTO(policy), NAMES(policies),
	},
	{
		.show = {
			.section = "Tuning", .key = "Limit", .preset = "0",
			.values = "1 .. 2147483647, or 0",
			.help = "Policy fixed: this limit (nf_conntrack_max). 0: what suits Buckets.",
		},
		INTO(fixed_limit), .type = TYPE_COUNT, .min = 1, .max = INT_MAX, .or_zero = true,
	},
	{
		.show = {
			.section = "Tuning", .key = "Buckets", .preset = "0",
			.values = "1 .. 2147483647, or 0",
			.help = "Policy fixed: this many buckets (nf_conntrack_buckets). 0: what suits Limit.",
		},
		INTO(fixed_buckets), .type = TYPE_COUNT, .min = 1, .max = INT_MAX, .or_zero = true,
	},
	{
		.show = {
			.section = "Tuning", .key = "Budget", .preset = "25%",
			.values = "SIZE from 1M, or 1 .. 100 %",
			.help = "Most memory that full tables, buckets included, may take: so many bytes, or a share "
				"of RAM. The limit is never raised beyond it.",
		},
		INTO(budget_bytes), .type = TYPE_BUDGET, .min = MIB, .max = UINT64_C(1) << 52,
	},
	{
		.show = {
			.section = "Tuning", .key = "Reserve", .preset = "128M",
			.values = "0 .. 4096T",
			.help = "Policy dedicated: memory that is kept for everything else on this machine.",
		},
		INTO(reserve_bytes), .type = TYPE_BYTES, .max = UINT64_C(1) << 52,
	},
	{
		.show = {
			.section = "Tuning", .key = "TargetLoad", .preset = "2",
			.values = "0.01 .. 1000",
			.help = "Nodes per bucket when the table is full, which is the mean length of a chain. 2 makes "
				"as many buckets as the limit.",
		},
		INTO(target_load), .type = TYPE_FACTOR, .min = MILLION / 100, .max = 1000 * MILLION,
	},
	{
		.show = {
			.section = "Tuning", .key = "Namespaces", .preset = "1",
			.values = "1 .. 65536",
			.help = "Network namespaces that may be full at the same time: the limit holds for each of "
				"them, the budget for all together.",
		},
		INTO(namespaces), .type = TYPE_COUNT, .min = 1, .max = 65536,
	},
	{
		.show = {
			.section = "Tuning", .key = "HeadRoom", .preset = "2",
			.values = "1 .. 1000",
			.help = "Policy demand: the limit is the highest number of entries of the last days, times this.",
		},
		INTO(headroom), .type = TYPE_FACTOR, .min = MILLION, .max = 1000 * MILLION,
	},
	{
		.show = {
			.section = "Tuning", .key = "FailOver", .preset = "1",
			.values = "1 .. 1000",
			.help = "Policy demand: number of machines whose load this one may have to carry, itself "
				"included.",
		},
		INTO(failover), .type = TYPE_COUNT, .min = 1, .max = 1000,
	},
	{
		.show = {
			.section = "Tuning", .key = "EntryBytes", .preset = "0",
			.values = "16 .. 65536, or 0",
			.help = "Memory that one entry takes. 0: as found on this machine.",
		},
		INTO(entry_bytes), .type = TYPE_COUNT, .min = 16, .max = 65536, .or_zero = true,
	},
	{
		.show = {
			.section = "Tuning", .key = "Foreign", .preset = "yield",
			.values = "yield, floor or enforce",
			.help = "What to do when somebody else writes a value that conntuned has set. yield: it is "
				"theirs, until `conntune resume` or a restart. floor: theirs is the least, and may "
				"still be raised. enforce: it is put back at once, a few times; then as yield.",
		},
		INTO(foreign), NAMES(foreigns),
	},
	{
		.show = {
			.section = "Tuning", .key = "Shrink", .preset = "no",
			.values = "yes or no",
			.help = "Go back down when the demand of the last days allows it. Never below what is in use.",
		},
		INTO(shrink), YES_NO,
	},
	{
		.show = {
			.section = "Tuning", .key = "GrowAt", .preset = "75%",
			.values = "1 .. 95 %",
			.help = "Share of the limit that the forecast may reach before the limit is raised.",
		},
		INTO(fill_percent), .type = TYPE_PERCENT, .min = 1, .max = 95,
	},
	{
		.show = {
			.section = "Tuning", .key = "CoolDown", .preset = "1 min",
			.values = "1 s .. 1 d",
			.help = "Least time between two changes of the buckets. A limit that must rise doesn't wait "
				"for it.",
		},
		INTO(cooldown_usec), .type = TYPE_TIME, .min = SECOND, .max = DAY,
	},
	{
		.show = {
			.section = "Tuning", .key = "MaxStall", .preset = "20 ms",
			.values = "0 .. 10 s",
			.help = "The kernel tracks nothing while it moves entries to other buckets. Buckets of a table "
				"in use are only changed when that is predicted to take no longer than this. 0: never.",
		},
		INTO(stall_usec), .type = TYPE_TIME, .max = 10 * SECOND,
	},
	{
		.show = {
			.section = "Tuning", .key = "Confirm", .preset = "0",
			.values = "1 s .. 1 d, or 0",
			.help = "Each change is put back after this time, or when conntuned stops, unless `conntune "
				"confirm` comes; after a crash it stays. 0: changes stay.",
		},
		INTO(confirm_usec), .type = TYPE_TIME, .min = SECOND, .max = DAY, .or_zero = true,
	},
	{
		.show = {
			.section = "Flood", .key = "FloodShare", .preset = "50%",
			.values = "1 .. 100 %",
			.help = "Share of the budget that entries which nobody has answered may use.",
		},
		INTO(flood_percent), .type = TYPE_PERCENT, .min = 1, .max = 100,
	},
	{
		.show = {
			.section = "Flood", .key = "UnrepliedShare", .preset = "70%",
			.values = "1 .. 100 %",
			.help = "It is called a flood while at least this share of the entries is unanswered.",
		},
		INTO(unreplied_percent), .type = TYPE_PERCENT, .min = 1, .max = 100,
	},
	{
		.show = {
			.section = "Timeouts", .key = "Adaptive", .preset = "no",
			.values = "yes or no",
			.help = "Shorten the time-outs of connections that aren't assured while the table is filling.",
		},
		INTO(adaptive), YES_NO,
	},
	{
		.show = {
			.section = "Timeouts", .key = "AdaptiveStart", .preset = "60%",
			.values = "1 .. 99 %",
			.help = "Fill, in per cent of the limit, at which time-outs begin to shrink.",
		},
		INTO(adaptive_start_percent), .type = TYPE_PERCENT, .min = 1, .max = 99,
	},
	{
		.show = {
			.section = "Timeouts", .key = "AdaptiveEnd", .preset = "120%",
			.values = "2 .. 1000 %",
			.help = "Fill at which nothing would be left of them; between AdaptiveStart and this they "
				"shrink linearly, never below their floors. Above 100 % part of each is always left.",
		},
		INTO(adaptive_end_percent), .type = TYPE_PERCENT, .min = 2, .max = 1000,
	},
	{
		.show = {
			.section = "Sampling", .key = "IntervalMax", .preset = "1 s",
			.values = "1 ms .. 1 min",
			.help = "Time between two looks at the table while nothing is near.",
		},
		INTO(interval_max_usec), .type = TYPE_TIME, .min = 1000, .max = MINUTE,
	},
	{
		.show = {
			.section = "Sampling", .key = "IntervalMin", .preset = "2 ms",
			.values = "1 ms .. 1 min",
			.help = "The same when the table would be full soon.",
		},
		INTO(interval_min_usec), .type = TYPE_TIME, .min = 1000, .max = MINUTE,
	},
	{
		.show = {
			.section = "History", .key = "History", .preset = "yes",
			.values = "yes or no",
			.help = "Keep peak, mean and percentiles per minute, hour and day on disk. Policy demand looks "
				"at them. Changes with the next start, not with a reload.",
		},
		INTO(history), YES_NO,
	},
	{
		.show = {
			.section = "History", .key = "HistorySize", .preset = "8M",
			.values = "1M .. 1G",
			.help = "Most that the history may take on disk; the oldest goes first. Changes with the next "
				"start.",
		},
		INTO(history_bytes), .type = TYPE_BYTES, .min = MIB, .max = 1024 * MIB,
	},
	{
		.show = {
			.section = "Http", .key = "CompatNodeExporter", .preset = "no",
			.values = "yes or no",
			.help = "conntuned-http tells the ten node_nf_conntrack_* metrics of node_exporter as well, so "
				"that dashboards made for them go on. Settings of this section are read when "
				"conntuned-http starts; where it listens is said by conntuned-http.socket.",
		},
		INTO(http_node_names), YES_NO,
	},
	{
		.show = {
			.section = "Http", .key = "TLSCertificate", .preset = "",
			.values = "an absolute path, or nothing",
			.help = "A file in PEM: the certificate that conntuned-http shows, those above it behind it. With "
				"it all is TLS, but for unix sockets. User conntuned-http has to be able to read it.",
		},
		INTO(http_certificate), .type = TYPE_PATH,
	},
	{
		.show = {
			.section = "Http", .key = "TLSKey", .preset = "",
			.values = "an absolute path, or nothing",
			.help = "A file in PEM: the private key of TLSCertificate.",
		},
		INTO(http_key), .type = TYPE_PATH,
	},
	{
		.show = {
			.section = "Http", .key = "Users", .preset = "",
			.values = "an absolute path, or nothing",
			.help = "Who may ask conntuned-http: a file with lines of NAME:HASH as `mkpasswd -m bcrypt` or "
				"`htpasswd -nB` print them. Nothing: everybody who reaches it. Unix sockets never ask.",
		},
		INTO(http_users), .type = TYPE_PATH,
	},
	{
		.show = {
			.section = "Http", .key = "AllowRemote", .preset = "no",
			.values = "yes or no",
			.help = "conntuned-http listens on addresses beyond loopback only with TLS or Users, unless this "
				"says yes.",
		},
		INTO(http_allow_remote), YES_NO,
	},
};

const struct ct_setting *ct_setting_at(size_t i)
{
	return i < ct_array_size(rows) ? &rows[i].show : NULL;
}

const char *ct_mode_name(enum ct_mode mode)
{
	return (unsigned)mode < ct_array_size(modes) ? modes[mode] : "unknown";
}

const char *ct_foreign_name(enum ct_foreign foreign)
{
	return (unsigned)foreign < ct_array_size(foreigns) ? foreigns[foreign] : "unknown";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(const char **text)
{
	*text += strspn(*text, " \t");
}

/* Digits, moving @text behind them. */
static int parse_digits(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;
	bool fits = true;

	for (; is_digit(*p); p++)
		fits = fits && ct_mul_u64(v, 10, &v) && ct_add_u64(v, (uint64_t)(*p - '0'), &v);
	if (p == *text)
		return -EINVAL;
	*text = p;
	*ret = v;
	return fits ? 0 : -ERANGE;
}

/* Digits, and up to six behind a point; without strtod(), because the program's locale must not matter. */
static int parse_millionths(const char **text, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, place = MILLION;
	int r = parse_digits(text, &whole);

	if (r < 0)
		return r;
	if (**text == '.') {
		(*text)++;
		if (!is_digit(**text))
			return -EINVAL;
		for (; is_digit(**text) && place > 1; (*text)++) {
			place /= 10;
			part += (uint64_t)(**text - '0') * place;
		}
		if (is_digit(**text))
			return -EINVAL;
	}
	return ct_mul_u64(whole, MILLION, &whole) && ct_add_u64(whole, part, ret) ? 0 : -ERANGE;
}

static int parse_name(const struct row *row, const char *text, uint64_t *ret)
{
	for (uint64_t i = 0; i <= row->max; i++) {
		if (row->names[i] && strcmp(row->names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_yes_no(const char *text, uint64_t *ret)
{
	static const char *const words[2][6] = {
		{ "0", "no", "n", "false", "f", "off" },
		{ "1", "yes", "y", "true", "t", "on" },
	};

	for (size_t i = 0; i < ct_array_size(words[0]); i++) {
		for (unsigned yes = 0; yes <= 1; yes++) {
			if (strcasecmp(words[yes][i], text) == 0) {
				*ret = yes;
				return 0;
			}
		}
	}
	return -EINVAL;
}

static int parse_bytes(const char **text, uint64_t *ret)
{
	static const char letters[] = "KMGT";
	const char *letter;
	uint64_t v = 0;
	int r = parse_digits(text, &v);

	if (r < 0)
		return r;
	letter = **text ? strchr(letters, **text) : NULL;
	if (letter) {
		(*text)++;
		if (!ct_mul_u64(v, UINT64_C(1) << 10 * (letter - letters + 1), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

static int parse_percent(const char **text, uint64_t *ret)
{
	int r = parse_digits(text, ret);

	skip_blanks(text);
	*text += **text == '%';
	return r;
}

/* Up to PERCENT_MAX it is per cent from here on; one above stands for both too much of them and so few bytes. */
static int parse_budget(const char **text, uint64_t *ret)
{
	const char *start = *text;
	int r = parse_percent(text, ret);
	bool percent = r == 0 && (*text)[-1] == '%';

	if (!percent) {
		*text = start;
		r = parse_bytes(text, ret);
	}
	if (percent == (*ret > PERCENT_MAX))
		*ret = PERCENT_MAX + 1;
	return r;
}

static const struct {
	const char *name;
	uint64_t usec;
} units[] = {
	/* the first of each length is the one that is written */
	{ "d", DAY }, { "day", DAY }, { "days", DAY },
	{ "h", HOUR }, { "hr", HOUR }, { "hour", HOUR }, { "hours", HOUR },
	{ "min", MINUTE }, { "m", MINUTE }, { "minute", MINUTE }, { "minutes", MINUTE },
	{ "s", SECOND }, { "sec", SECOND }, { "second", SECOND }, { "seconds", SECOND },
	{ "ms", 1000 }, { "msec", 1000 },
	{ "us", 1 }, { "usec", 1 },
};

static int parse_unit(const char **text, uint64_t *ret)
{
	size_t n = strspn(*text, "abcdefghijklmnopqrstuvwxyz");

	for (size_t i = 0; i < ct_array_size(units); i++) {
		if (strlen(units[i].name) == n && strncmp(units[i].name, *text, n) == 0) {
			*text += n;
			*ret = units[i].usec;
			return 0;
		}
	}
	return -EINVAL;
}

/* "1min 30s", "0.5 s"; a single number is seconds, as systemd has it. */
static int parse_time(const char **text, uint64_t *ret)
{
	uint64_t sum = 0, v = 0, unit = 0;
	bool first = true;
	int r;

	do {
		r = parse_millionths(text, &v);
		if (r < 0)
			return r;
		skip_blanks(text);
		if (first && **text == '\0')
			unit = SECOND;
		else if (parse_unit(text, &unit) < 0)
			return -EINVAL;
		if (!ct_mul_u64(v, unit, &v))
			return -ERANGE;
		/* less than a microsecond */
		if (v % MILLION)
			return -EINVAL;
		if (!ct_add_u64(sum, v / MILLION, &sum))
			return -ERANGE;
		skip_blanks(text);
		first = false;
	} while (**text);
	*ret = sum;
	return 0;
}

static int parse_value(const struct row *row, const char **text, uint64_t *ret)
{
	const char *all = *text;

	switch (row->type) {
	case TYPE_NAME:
		*text += strlen(all);
		return parse_name(row, all, ret);
	case TYPE_YES_NO:
		*text += strlen(all);
		return parse_yes_no(all, ret);
	case TYPE_COUNT:
		return parse_digits(text, ret);
	case TYPE_FACTOR:
		return parse_millionths(text, ret);
	case TYPE_BYTES:
		return parse_bytes(text, ret);
	case TYPE_BUDGET:
		return parse_budget(text, ret);
	case TYPE_PERCENT:
		return parse_percent(text, ret);
	case TYPE_TIME:
		return parse_time(text, ret);
	case TYPE_PATH:
		break;
	}
	return -EINVAL;
}

static bool is_in_range(const struct row *row, uint64_t v)
{
	if (row->type == TYPE_BUDGET && v <= PERCENT_MAX)
		return v > 0;
	return (v >= row->min && v <= row->max) || (v == 0 && row->or_zero);
}

static void store(const struct row *row, struct ct_settings *settings, uint64_t v)
{
	void *at = (char *)settings + row->offset;

	if (row->type == TYPE_BUDGET) {
		settings->budget_percent = v <= PERCENT_MAX ? (uint32_t)v : 0;
		settings->budget_bytes = v <= PERCENT_MAX ? 0 : v;
	} else if (row->type == TYPE_FACTOR) {
		*(double *)at = (double)v / (double)MILLION;
	} else if (row->type == TYPE_YES_NO) {
		*(bool *)at = v;
	} else if (row->size == sizeof(uint32_t)) {
		uint32_t narrow = (uint32_t)v;

		memcpy(at, &narrow, sizeof(narrow));    /* enumerations, too */
	} else {
		*(uint64_t *)at = v;
	}
}

static uint64_t value_of(const struct row *row, const struct ct_settings *settings)
{
	const void *at = (const char *)settings + row->offset;
	uint32_t narrow;

	if (row->type == TYPE_BUDGET)
		return settings->budget_percent ? settings->budget_percent : settings->budget_bytes;
	if (row->type == TYPE_FACTOR)
		return (uint64_t)(*(const double *)at * (double)MILLION + 0.5);
	if (row->type == TYPE_YES_NO)
		return *(const bool *)at;
	if (row->size == sizeof(uint64_t))
		return *(const uint64_t *)at;
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

/* Relative to what, a service couldn't say. */
static int take_path(const struct row *row, struct ct_settings *settings, const char *text)
{
	size_t n = strlen(text);

	if (n && *text != '/')
		return -EINVAL;
	if (n >= row->size)
		return -ERANGE;
	/* nothing of a longer one is left behind it */
	memset((char *)settings + row->offset, 0, row->size);
	memcpy((char *)settings + row->offset, text, n);
	return 0;
}

static int take_number(const struct row *row, struct ct_settings *settings, const char *text)
{
	const char *end = text;
	uint64_t v = 0;
	int r = parse_value(row, &end, &v);

	if (r == 0 && *end)
		r = -EINVAL;
	if (r == 0 && !is_in_range(row, v))
		r = -ERANGE;
	if (r == 0)
		store(row, settings, v);
	return r;
}

static int fail(const struct row *row, int code, const char *text, struct ct_err *err)
{
	const char *why = code == -ERANGE ? "out of range" : "not understood";

	if (*text == '\0')
		return ct_err_set(err, code, "%s has no value; it takes %s", row->show.key, row->show.values);
	if (row->names == policies && strcmp(text, ct_policy_name(CT_POLICY_KERNEL)) == 0)
		why = "what the kernel chooses by itself needs nobody to set it";
	return ct_err_set(err, code, "%s=%.60s: %s; it takes %s", row->show.key, text, why, row->show.values);
}

int ct_setting_parse(struct ct_settings *settings, size_t i, const char *text, struct ct_err *err)
{
	int r;

	if (i >= ct_array_size(rows))
		return ct_err_set(err, -ERANGE, "there is no setting number %zu", i);
	r = rows[i].type == TYPE_PATH ? take_path(&rows[i], settings, text) : take_number(&rows[i], settings, text);
	return r < 0 ? fail(&rows[i], r, text, err) : 0;
}

/* "4096T", "100K", "1000": the largest letter that divides it. */
static int print_bytes(char *text, size_t n, uint64_t v)
{
	static const char letters[] = "KMGT";
	unsigned steps = 0;

	while (v && steps < 4 && v % 1024 == 0) {
		v /= 1024;
		steps++;
	}
	return snprintf(text, n, "%" PRIu64 "%.*s", v, steps ? 1 : 0, letters + (steps ? steps - 1 : 0));
}

static int print_factor(char *text, size_t n, uint64_t v)
{
	uint64_t part = v % MILLION;
	int digits = 6;

	if (part == 0)
		return snprintf(text, n, "%" PRIu64, v / MILLION);
	for (; part % 10 == 0; part /= 10)
		digits--;
	return snprintf(text, n, "%" PRIu64 ".%0*" PRIu64, v / MILLION, digits, part);
}

static int print_time(char *text, size_t n, uint64_t v)
{
	size_t i = 0;

	if (v == 0)
		return snprintf(text, n, "0");
	while (v % units[i].usec)
		i++;
	return snprintf(text, n, "%" PRIu64 " %s", v / units[i].usec, units[i].name);
}

static int print_value(const struct row *row, uint64_t v, char *text, size_t n)
{
	switch (row->type) {
	case TYPE_NAME:
		return snprintf(text, n, "%s", v <= row->max && row->names[v] ? row->names[v] : "unknown");
	case TYPE_YES_NO:
		return snprintf(text, n, "%s", v ? "yes" : "no");
	case TYPE_COUNT:
		return snprintf(text, n, "%" PRIu64, v);
	case TYPE_FACTOR:
		return print_factor(text, n, v);
	case TYPE_BYTES:
		return print_bytes(text, n, v);
	case TYPE_BUDGET:
		return v <= PERCENT_MAX ? snprintf(text, n, "%" PRIu64 "%%", v) : print_bytes(text, n, v);
	case TYPE_PERCENT:
		return snprintf(text, n, "%" PRIu64 "%%", v);
	case TYPE_TIME:
		return print_time(text, n, v);
	case TYPE_PATH:
		break;
	}
	return -1;
}

int ct_setting_text(const struct ct_settings *settings, size_t i, char *text, size_t n)
{
	int length;

	if (i >= ct_array_size(rows))
		return -ERANGE;
	if (rows[i].type == TYPE_PATH)
		length = snprintf(text, n, "%s", (const char *)settings + rows[i].offset);
	else
		length = print_value(&rows[i], value_of(&rows[i], settings), text, n);
	return length < 0 || (size_t)length >= n ? -ENOSPC : 0;
}

/* From the texts that are documented: the two can't differ. A test sees to it that each is understood. */
void ct_settings_init(struct ct_settings *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ct_array_size(rows); i++)
		(void)ct_setting_parse(ret, i, rows[i].show.preset, NULL);
}

static size_t row_of(size_t offset)
{
	size_t i = 0;

	while (rows[i].offset != offset)
		i++;
	return i;
}

#define ROW_OF(member) row_of(offsetof(struct ct_settings, member))

static int disagree(const struct ct_settings *settings, size_t a, const char *what, size_t b, size_t row[2],
		    struct ct_err *err)
{
	char is_a[32] = "", is_b[32] = "";

	row[0] = a;
	row[1] = b;
	(void)ct_setting_text(settings, a, is_a, sizeof(is_a));
	(void)ct_setting_text(settings, b, is_b, sizeof(is_b));
	return ct_err_set(err, -EINVAL, "%s=%s %s %s=%s", rows[a].show.key, is_a, what, rows[b].show.key, is_b);
}

int ct_settings_agree(const struct ct_settings *settings, size_t row[2], struct ct_err *err)
{
	if (settings->policy == CT_POLICY_FIXED && !settings->fixed_limit && !settings->fixed_buckets)
		return disagree(settings, ROW_OF(policy), "needs Buckets, or another value than", ROW_OF(fixed_limit),
				row, err);
	if (settings->adaptive_start_percent >= settings->adaptive_end_percent)
		return disagree(settings, ROW_OF(adaptive_start_percent), "isn't below", ROW_OF(adaptive_end_percent),
				row, err);
	if (settings->interval_min_usec > settings->interval_max_usec)
		return disagree(settings, ROW_OF(interval_min_usec), "is above", ROW_OF(interval_max_usec), row, err);
	return 0;
}
