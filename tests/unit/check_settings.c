/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings: every key with good and bad values, files in layers with all that can be wrong in them, and drift. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <conntune/conntune.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETC "etc/conntune/conntuned.conf"
#define RUN "run/conntune/conntuned.conf"
#define USR "usr/lib/conntune/conntuned.conf"
#define ETC_D ETC ".d/"
#define RUN_D RUN ".d/"
#define USR_D USR ".d/"

static const char numbers[] = "-1|+1|1x|0x10|1.5.5|1 2|nan|1e3| 1|1 |99999999999999999999999999";

/**
 * keys - each row of the table
 * @good:   texts that are taken, and as what they come back: "TEXT>BACK|TEXT|..."
 * @beyond: out of range; @bad: not understood
 */
static const struct {
	const char *key, *good, *beyond, *bad;
} keys[] = {
	{ "Mode", "tune|advise", "", "Tune|TUNE|advice|0|tune |tunes" },
	{ "Policy", "balanced|documented|dedicated|demand|fixed", "", "kernel|Balanced|balance|0|unknown|(null)" },
	{ "Limit", "1|65536|2147483647|0|007>7", "2147483648|18446744073709551616", "1K|1.5|65536 entries" },
	{ "Buckets", "1|65536|2147483647|0", "2147483648|18446744073709551616", "1K|1.5" },
	{ "Budget", "1%|25%|100%|1M|1048576>1M|1024K>1M|3G|1500000|4096T|50 %>50%",
	  "0%|101%|1023K|25|1|0|4097T|16777216T|18446744073709551616%", "1.5G|1.5%|%|5%%|1MB|M|5 M|5K%" },
	{ "Reserve", "0|1|128M|4096T|1024M>1G", "4097T|16777216T|18446744073709551616", "1.5G|128MB|10%|K" },
	{ "TargetLoad", "0.01|2|1.5|1000|0.333333|2.50>2.5|1000.000000>1000",
	  "0|0.009999|1000.000001|1001|18446744073709551616", "0.0000001|2.|.5|2,5|1K" },
	{ "Namespaces", "1|65536", "0|65537|4294967297", "1K|1.5" },
	{ "HeadRoom", "1|1.25|2|1000", "0|0.999999|1000.1", "2.|.5|2,5" },
	{ "FailOver", "1|2|1000", "0|1001|4294967297", "1.5" },
	{ "EntryBytes", "16|320|65536|0", "15|1|65537", "1K|1.5" },
	{ "Foreign", "yield|floor|enforce", "", "Yield|0|enforced" },
	{ "Shrink", "yes|no|1>yes|Y>yes|true>yes|T>yes|ON>yes|0>no|n>no|False>no|f>no|off>no", "", "2|maybe|ye|yes!" },
	{ "GrowAt", "1%|75%|75>75%|95%|50 %>50%", "0|0%|96%|4294967297%", "1.5%|%|75%%|75 percent" },
	{ "CoolDown", "1 s|60>1 min|60s>1 min|1min 30s>90 s|0.5 h>30 min|1 d|24 hours>1 d|90 sec>90 s",
	  "0|999 ms|86401|1d 1us|2 days|1000000000000000 d|18446744073709551615 s|18446744073709 s 18446744073709 s",
	  "1 w|1 S|1min 30|s|1 s,|1 s 0.0000001 s" },
	{ "MaxStall", "0|20 ms|10 s|1500us>1500 us|0.5 ms>500 us|1 ms 1 us>1001 us|5msec>5 ms|7 usec>7 us",
	  "10.000001|11 s|18446744073709551616 s",
	  "0.5 us|0.0000005 s|1 ns" },
	{ "Confirm", "1 s|5 minutes>5 min|1 hr>1 h|1 d|0", "999 ms|1us|1 d 1 s", "1 month|never" },
	{ "FloodShare", "1%|50%|100%|5>5%", "0%|101%", "1.5%|half" },
	{ "UnrepliedShare", "1%|70%|100%", "0%|101%", "1.5%|half" },
	{ "Adaptive", "yes|no|on>yes|off>no", "", "2|perhaps" },
	{ "AdaptiveStart", "1%|60%|99%", "0%|100%", "1.5%" },
	{ "AdaptiveEnd", "2%|120%|1000%", "1%|0%|1001%", "1.5%" },
	{ "IntervalMax", "1 ms|1 s|1 min|100 ms|1m>1 min|1 minute>1 min", "0|999us|61", "1 Hz" },
	{ "IntervalMin", "1 ms|2 ms|1 min", "0|999us|61", "1 Hz" },
	{ "History", "yes|no", "", "2|8M" },
	{ "HistorySize", "1M|8M|1G|1024K>1M", "1023K|1025M|8", "8MB|1.5G|10%" },
	{ "CompatNodeExporter", "yes|no", "", "2|node" },
	{ "TLSCertificate", "/|/etc/ssl/certs/host.pem", "", "host.pem|./x|nothing" },
	{ "TLSKey", "/etc/ssl/private/host.pem", "", "host.pem" },
	{ "Users", "/etc/conntune/users", "", "users|prometheus:$2b$05$x" },
	{ "AllowRemote", "yes|no", "", "2|remote" },
};

static size_t row_of(const char *key)
{
	for (size_t i = 0; ct_setting_at(i); i++)
		if (strcmp(ct_setting_at(i)->key, key) == 0)
			return i;
	ck_abort_msg("there is no %s", key);
	return 0;
}

/* The next of "A|B|C"; false at its end. */
static bool next_of(const char **list, char *text, size_t n)
{
	size_t length = strcspn(*list, "|");

	if (**list == '\0')
		return false;
	ck_assert_uint_lt(length, n);
	memcpy(text, *list, length);
	text[length] = '\0';
	*list += length + ((*list)[length] == '|');
	return true;
}

static const char *text_of(const struct ct_settings *s, size_t row)
{
	static char text[64];

	ck_assert_int_eq(ct_setting_text(s, row, text, sizeof(text)), 0);
	return text;
}

START_TEST(good_value_is_taken_and_comes_back)
{
	size_t row = row_of(keys[_i].key);
	const char *list = keys[_i].good;
	char text[64];

	while (next_of(&list, text, sizeof(text))) {
		struct ct_settings s, again;
		struct ct_err err = { 0 };
		char *back = strchr(text, '>');

		if (back)
			*back++ = '\0';
		ct_settings_init(&s);
		ck_assert_msg(ct_setting_parse(&s, row, text, &err) == 0, "%s", err.msg);
		ck_assert_str_eq(text_of(&s, row), back ? back : text);
		/* what is written is understood, and nothing else has changed */
		ct_settings_init(&again);
		ck_assert_int_eq(ct_setting_parse(&again, row, text_of(&s, row), NULL), 0);
		ck_assert_mem_eq(&s, &again, sizeof(s));
		ck_assert_int_eq(ct_setting_parse(&s, row, ct_setting_at(row)->preset, NULL), 0);
		ct_settings_init(&again);
		ck_assert_mem_eq(&s, &again, sizeof(s));
	}
}
END_TEST

static void refuse(size_t row, const char *text, int code, const char *word)
{
	const struct ct_setting *setting = ct_setting_at(row);
	struct ct_settings s, before;
	struct ct_err err = { 0 };

	ct_settings_init(&s);
	ct_settings_init(&before);
	ck_assert_msg(ct_setting_parse(&s, row, text, &err) == code, "%s=%s: %s", setting->key, text, err.msg);
	ck_assert_failed(err.code, err, code, word);
	ck_assert_ptr_nonnull(strstr(err.msg, setting->key));
	ck_assert_ptr_nonnull(strstr(err.msg, setting->values));
	ck_assert_int_eq(ct_setting_parse(&s, row, text, NULL), code);
	ck_assert_mem_eq(&s, &before, sizeof(s));
}

START_TEST(bad_value_is_refused_and_changes_nothing)
{
	size_t row = row_of(keys[_i].key);
	const char *list = keys[_i].beyond;
	char text[64];

	while (next_of(&list, text, sizeof(text)))
		refuse(row, text, -ERANGE, "out of range");
	list = keys[_i].bad;
	while (next_of(&list, text, sizeof(text)))
		refuse(row, text, -EINVAL, strcmp(text, "kernel") == 0 ? "by itself" : "not understood");
	if (*ct_setting_at(row)->preset)
		refuse(row, "", -EINVAL, "has no value");
	refuse(row, "nonsense", -EINVAL, "not understood");
	refuse(row, "\033[2J", -EINVAL, "?[2J");
}
END_TEST

/* Rows that take numbers take no other spelling of them. */
START_TEST(number_is_digits_and_its_unit)
{
	size_t row = row_of(keys[_i].key);
	const char *list = numbers;
	char text[64];

	while (next_of(&list, text, sizeof(text))) {
		struct ct_settings s;
		int r;

		ct_settings_init(&s);
		r = ct_setting_parse(&s, row, text, NULL);
		ck_assert_msg(r == -EINVAL || r == -ERANGE || strcmp(text, "1 ") == 0, "%s=%s", keys[_i].key, text);
	}
}
END_TEST

START_TEST(every_row_is_tested_here)
{
	size_t n = 0;

	while (ct_setting_at(n))
		n++;
	ck_assert_uint_eq(n, ct_array_size(keys));
	ck_assert_ptr_null(ct_setting_at(n));
	ck_assert_ptr_null(ct_setting_at(SIZE_MAX));
}
END_TEST

START_TEST(row_is_complete_and_its_default_is_what_init_sets)
{
	const struct ct_setting *setting = ct_setting_at((size_t)_i);
	struct ct_settings s;

	ct_settings_init(&s);
	ck_assert_str_eq(text_of(&s, (size_t)_i), setting->preset);
	ck_assert(strlen(setting->help) > 20 && setting->help[strlen(setting->help) - 1] == '.');
	/* one section stands together */
	for (size_t i = (size_t)_i; i > 0; i--)
		if (strcmp(ct_setting_at(i)->section, setting->section) == 0 &&
		    strcmp(ct_setting_at(i - 1)->section, setting->section) != 0)
			for (size_t k = 0; k < i; k++)
				ck_assert_str_ne(ct_setting_at(k)->section, setting->section);
	for (size_t i = 0; ct_setting_at(i); i++)
		ck_assert(i == (size_t)_i || strcmp(ct_setting_at(i)->key, setting->key) != 0);
}
END_TEST

/* "A .. B UNIT": both ends are taken; the rows above say that nothing beyond is. "A or B": each. */
START_TEST(documented_values_are_those_that_are_taken)
{
	const struct ct_setting *setting = ct_setting_at((size_t)_i);
	const char *range = strstr(setting->values, " .. "), *list = setting->values;
	char low[32], high[32], word[32];
	struct ct_settings s;
	size_t n;

	ct_settings_init(&s);
	if (range) {
		const char *start = range;

		while (start > setting->values && start[-1] != ',')
			start--;
		ck_assert_int_eq(sscanf(start, " or %31[^.]", low) == 1 || sscanf(start, " %31[^.]", low) == 1, 1);
		(void)snprintf(low, sizeof(low), "%.*s", (int)(range - start), start);
		memmove(low, low + strspn(low, " "), strlen(low + strspn(low, " ")) + 1);
		if (strncmp(low, "or ", 3) == 0)
			memmove(low, low + 3, strlen(low + 3) + 1);
		if (strcmp(setting->key, "TargetLoad") == 0)
			strcpy(low, "0.01");
		(void)snprintf(high, sizeof(high), "%.*s", (int)strcspn(range + 4, ","), range + 4);
		if (strchr(high, '%'))
			strcat(low, "%");
		ck_assert_msg(ct_setting_parse(&s, (size_t)_i, low, NULL) == 0, "%s=%s", setting->key, low);
		ck_assert_msg(ct_setting_parse(&s, (size_t)_i, high, NULL) == 0, "%s=%s", setting->key, high);
		ck_assert_int_eq(strstr(setting->values, "or 0") != NULL,
				 ct_setting_parse(&s, (size_t)_i, "0", NULL) == 0 && strcmp(low, "0") != 0);
		return;
	}
	/* not words, but what they are called */
	if (strstr(list, "path"))
		return;
	for (; *list; list += n + strspn(list + n, ", ")) {
		n = strcspn(list, ", ");
		(void)snprintf(word, sizeof(word), "%.*s", (int)n, list);
		if (strcmp(word, "or") != 0)
			ck_assert_msg(ct_setting_parse(&s, (size_t)_i, word, NULL) == 0, "%s=%s", setting->key, word);
	}
}
END_TEST

START_TEST(path_that_is_too_long_is_refused)
{
	size_t row = row_of("Users");
	char longest[CT_SETTING_PATH_MAX], longer[CT_SETTING_PATH_MAX + 1], back[CT_SETTING_PATH_MAX];
	struct ct_settings s;

	ct_settings_init(&s);
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, '/', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(ct_setting_parse(&s, row, longest, NULL), 0);
	ck_assert_int_eq(ct_setting_text(&s, row, back, sizeof(back)), 0);
	ck_assert_str_eq(back, longest);
	ck_assert_int_eq(ct_setting_text(&s, row, back, sizeof(back) - 1), -ENOSPC);
	refuse(row, longer, -ERANGE, "out of range");
}
END_TEST

START_TEST(number_beyond_the_table_is_an_error)
{
	struct ct_settings s;
	struct ct_err err = { 0 };
	char text[8];

	ct_settings_init(&s);
	ck_assert_failed(ct_setting_parse(&s, ct_array_size(keys), "1", &err), err, -ERANGE, "no setting number");
	ck_assert_int_eq(ct_setting_text(&s, ct_array_size(keys), text, sizeof(text)), -ERANGE);
	ck_assert_int_eq(ct_setting_text(&s, row_of("Policy"), text, sizeof(text)), -ENOSPC);
	ck_assert_str_eq(text, "balance");
}
END_TEST

START_TEST(names_are_those_of_the_enumerations)
{
	struct ct_settings s;

	for (int i = 0; i < CT_POLICY__COUNT; i++) {
		ct_settings_init(&s);
		s.policy = (enum ct_policy)i;
		ck_assert_str_eq(text_of(&s, row_of("Policy")),
				 i == CT_POLICY_KERNEL ? "unknown" : ct_policy_name((enum ct_policy)i));
	}
	ck_assert_str_eq(ct_mode_name(CT_MODE_TUNE), "tune");
	ck_assert_str_eq(ct_mode_name(CT_MODE_ADVISE), "advise");
	ck_assert_str_eq(ct_mode_name((enum ct_mode)2), "unknown");
	ck_assert_str_eq(ct_foreign_name(CT_FOREIGN_YIELD), "yield");
	ck_assert_str_eq(ct_foreign_name(CT_FOREIGN_FLOOR), "floor");
	ck_assert_str_eq(ct_foreign_name(CT_FOREIGN_ENFORCE), "enforce");
	ck_assert_str_eq(ct_foreign_name((enum ct_foreign)3), "unknown");
}
END_TEST

/* The header promises them. */
START_TEST(init_sets_the_defaults)
{
	struct ct_settings s;

	memset(&s, 0xff, sizeof(s));
	ct_settings_init(&s);
	ck_assert(s.mode == CT_MODE_TUNE && s.policy == CT_POLICY_BALANCED && s.foreign == CT_FOREIGN_YIELD);
	ck_assert(s.fixed_limit == 0 && s.fixed_buckets == 0 && s.entry_bytes == 0 && s.confirm_usec == 0);
	ck_assert(s.budget_bytes == 0 && s.budget_percent == 25 && s.reserve_bytes == CT_SIZE_RESERVE_DEFAULT);
	ck_assert_double_eq(s.target_load, CT_SIZE_LOAD_DEFAULT);
	ck_assert_double_eq(s.headroom, 2.0);
	ck_assert(s.namespaces == 1 && s.failover == 1 && !s.shrink && s.fill_percent == 75);
	ck_assert(s.cooldown_usec == 60000000 && s.stall_usec == 20000);
	ck_assert(s.flood_percent == 50 && s.unreplied_percent == 70);
	ck_assert(!s.adaptive && s.adaptive_start_percent == 60 && s.adaptive_end_percent == 120);
	ck_assert(s.interval_max_usec == 1000000 && s.interval_min_usec == 2000);
	ck_assert(s.history && s.history_bytes == UINT64_C(8) << 20);
}
END_TEST

static const struct {
	const char *set[4];             /* KEY, VALUE, KEY, VALUE */
	const char *one, *other;        /* that don't agree; NULL: all is well */
} pairs[] = {
	{ { "Mode", "tune" }, NULL, NULL },
	{ { "AdaptiveStart", "80%", "AdaptiveEnd", "81%" }, NULL, NULL },
	{ { "AdaptiveStart", "80%", "AdaptiveEnd", "80%" }, "AdaptiveStart=80%", "AdaptiveEnd=80%" },
	{ { "AdaptiveEnd", "60%" }, "AdaptiveStart=60%", "AdaptiveEnd=60%" },
	{ { "IntervalMin", "1 s" }, NULL, NULL },
	{ { "IntervalMin", "1001 ms" }, "IntervalMin=1001 ms", "IntervalMax=1 s" },
	{ { "IntervalMax", "1 ms" }, "IntervalMin=2 ms", "IntervalMax=1 ms" },
	{ { "Policy", "fixed" }, "Policy=fixed", "Limit=0" },
	{ { "Policy", "fixed", "Limit", "1" }, NULL, NULL },
	{ { "Policy", "fixed", "Buckets", "1" }, NULL, NULL },
	{ { "Limit", "65536" }, NULL, NULL },
};

START_TEST(values_that_contradict_each_other_are_named)
{
	struct ct_settings s;
	struct ct_err err = { 0 };
	size_t row[2] = { SIZE_MAX, SIZE_MAX };

	ct_settings_init(&s);
	for (size_t i = 0; i < 4 && pairs[_i].set[i]; i += 2)
		ck_assert_int_eq(ct_setting_parse(&s, row_of(pairs[_i].set[i]), pairs[_i].set[i + 1], NULL), 0);
	if (!pairs[_i].one) {
		ck_assert_int_eq(ct_settings_agree(&s, row, &err), 0);
		return;
	}
	ck_assert_failed(ct_settings_agree(&s, row, &err), err, -EINVAL, pairs[_i].one);
	ck_assert_ptr_nonnull(strstr(err.msg, pairs[_i].other));
	ck_assert_int_eq(strncmp(ct_setting_at(row[0])->key, pairs[_i].one, strcspn(pairs[_i].one, "=")), 0);
	ck_assert_int_eq(strncmp(ct_setting_at(row[1])->key, pairs[_i].other, strcspn(pairs[_i].other, "=")), 0);
}
END_TEST

/* --- what is made from the table */

/* Without what mdoc needs: "\-" back to "-", "\&", "\:" and "\%" away, line ends to blanks. */
static void plain(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in == '\\') {
			in++;
			if (strchr("&:%", *in))
				continue;
		}
		*out++ = (char)(*in == '\n' ? ' ' : *in);
	}
	*out = '\0';
}

START_TEST(manual_page_says_all_of_every_row)
{
	const struct ct_setting *setting = ct_setting_at((size_t)_i);
	static char page[65536];
	char item[64], *start, *end, *section;

	ck_assert_ptr_nonnull(get_file("/", SETTINGS_PAGE));
	strcpy(page, get_file("/", SETTINGS_PAGE));
	plain(page);
	(void)snprintf(item, sizeof(item), ".Sh [%s] ", setting->section);
	section = strstr(page, item);
	ck_assert_msg(section != NULL, "no section %s", item);
	(void)snprintf(item, sizeof(item), ".It Cm %s Ns = ", setting->key);
	start = strstr(page, item);
	ck_assert_msg(start != NULL && start > section, "%s is not in the page", setting->key);
	end = strstr(start + 1, ".It ");
	if (end)
		*end = '\0';
	ck_assert_ptr_nonnull(strstr(start, setting->help));
	ck_assert_ptr_nonnull(strstr(start, setting->values));
	(void)snprintf(item, sizeof(item), "Default: .Cm %s .", *setting->preset ? setting->preset : "nothing");
	ck_assert_msg(strstr(start, item) != NULL, "%s", start);
}
END_TEST

START_TEST(configuration_file_is_what_the_table_says)
{
	static char made[65536];
	FILE *f = popen(SETTINGS_MAKER " --conf", "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(made, 1, sizeof(made) - 1, f);
	made[n] = '\0';
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_ptr_nonnull(get_file("/", SETTINGS_CONF));
	ck_assert_msg(strcmp(made, get_file("/", SETTINGS_CONF)) == 0, "etc/conntuned.conf is old: make update-conf");
}
END_TEST

#ifdef HAVE_ECONF
/* --- files */

#define TOLD_MAX 256

/* What ct_settings_load() told. */
static struct {
	int count;
	char path[TOLD_MAX][128], message[TOLD_MAX][200];
	unsigned line[TOLD_MAX];
} told;

static char told_root[256];

static void hear(const char *path, unsigned line, const char *message, void *userdata)
{
	ck_assert_ptr_eq(userdata, &told);
	ck_assert_int_lt(told.count, TOLD_MAX);
	ck_assert_int_eq(strncmp(path, told_root, strlen(told_root)), 0);
	ck_assert(*message && strlen(message) < sizeof(told.message[0]));
	for (const char *p = message; *p; p++)
		ck_assert(*p >= ' ' && *p <= '~');
	for (const char *p = path; *p; p++)
		ck_assert(*p >= ' ' && *p <= '~');
	(void)snprintf(told.path[told.count], sizeof(told.path[0]), "%.127s", path + strlen(told_root) + 1);
	strcpy(told.message[told.count], message);
	told.line[told.count++] = line;
	errno = ENOMEM;                 /* nobody's business but ours */
}

static void load_fs(struct ct_fs *fs, const char *dir, struct ct_settings *ret)
{
	struct ct_err err = { 0 };
	struct ct_settings quiet;
	int r;

	told.count = 0;
	(void)snprintf(told_root, sizeof(told_root), "%s", dir);
	memset(ret, 0xff, sizeof(*ret));
	r = ct_settings_load(fs, ret, hear, &told, &err);
	ck_assert_msg(r >= 0, "%s", err.msg);
	ck_assert_int_eq(r, told.count);
	ck_assert_int_eq(ct_settings_load(fs, &quiet, NULL, NULL, NULL), r);
	ck_assert_mem_eq(&quiet, ret, sizeof(quiet));
	ck_assert_int_eq(ct_settings_agree(ret, (size_t[2]){ 0 }, NULL), 0);
}

static void load(const char *dir, struct ct_settings *ret)
{
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);

	load_fs(fs, dir, ret);
}

/* Thing number @i that was told. */
static void heard(int i, const char *path, unsigned line, const char *word)
{
	ck_assert_int_lt(i, told.count);
	ck_assert_str_eq(told.path[i], path);
	ck_assert_uint_eq(told.line[i], line);
	ck_assert_msg(strstr(told.message[i], word) != NULL, "'%s' lacks '%s'", told.message[i], word);
}

static void is_default(const struct ct_settings *s)
{
	struct ct_settings preset;

	ct_settings_init(&preset);
	ck_assert_mem_eq(s, &preset, sizeof(preset));
}

START_TEST(without_files_all_is_default)
{
	struct ct_settings s;

	load(scratch_dir(), &s);
	is_default(&s);
	ck_assert_int_eq(told.count, 0);
}
END_TEST

START_TEST(shipped_file_says_nothing_but_defaults)
{
	const char *dir = scratch_dir();
	static char text[65536];
	struct ct_settings s;
	char *out = text;

	strcpy(text, get_file("/", SETTINGS_CONF));
	put_file(dir, ETC, text);
	load(dir, &s);
	is_default(&s);
	ck_assert_int_eq(told.count, 0);
	/* nor does it when all of it is made to count: values that were not commented out but for the '#' */
	for (const char *in = text; *in; in++)
		if (!(in[0] == '#' && in[1] != ' '))
			*out++ = *in;
	*out = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\nMode=tune\n"));
	put_file(dir, ETC, text);
	load(dir, &s);
	is_default(&s);
	ck_assert_int_eq(told.count, 0);
}
END_TEST

START_TEST(each_key_is_read_from_its_section)
{
	const struct ct_setting *setting = ct_setting_at(row_of(keys[_i].key));
	const char *dir = scratch_dir(), *list = keys[_i].good;
	char value[64], text[256];
	struct ct_settings s, wanted;

	while (next_of(&list, value, sizeof(value))) {
		value[strcspn(value, ">")] = '\0';
		ct_settings_init(&wanted);
		ck_assert_int_eq(ct_setting_parse(&wanted, row_of(setting->key), value, NULL), 0);
		if (ct_settings_agree(&wanted, (size_t[2]){ 0 }, NULL) < 0)
			continue;
		(void)snprintf(text, sizeof(text), "[%s]\n%s=%s\n", setting->section, setting->key, value);
		put_file(dir, ETC, text);
		load(dir, &s);
		ck_assert_int_eq(told.count, 0);
		ck_assert_mem_eq(&s, &wanted, sizeof(s));
	}
}
END_TEST

START_TEST(each_bad_value_is_told_with_file_and_line)
{
	const struct ct_setting *setting = ct_setting_at(row_of(keys[_i].key));
	const char *dir = scratch_dir();
	char text[256];
	struct ct_settings s;

	(void)snprintf(text, sizeof(text), "# one\n[%s]\n\n%s = nonsense\n", setting->section, setting->key);
	put_file(dir, ETC, text);
	(void)snprintf(text, sizeof(text), "[%s]\n%s=", setting->section, setting->key);
	put_file(dir, ETC_D "50-a.conf", text);
	load(dir, &s);
	is_default(&s);
	/* nothing is a value where it is the default */
	ck_assert_int_eq(told.count, *setting->preset ? 2 : 1);
	heard(0, ETC, 4, "=nonsense: not understood");
	if (*setting->preset)
		heard(1, ETC_D "50-a.conf", 2, "has no value");
}
END_TEST

/* One text in one file, and what is told of it. */
static const struct {
	const char *text;
	struct {
		unsigned line;
		const char *word;
	} told[4];
	uint32_t fill_percent;          /* in the end */
} texts[] = {
	{ "", { { 0 } }, 75 },
	{ "\n\n\n", { { 0 } }, 75 },
	{ "[Tuning]\nGrowAt=50\n", { { 0 } }, 50 },
	{ "[Tuning]\nGrowAt=50", { { 0 } }, 50 },
	{ "[Tuning]\r\nGrowAt=50\r\n", { { 0 } }, 50 },
	{ "  [ Tuning ]  \n\t GrowAt \t = \t 50 % \t \n", { { 0 } }, 50 },
	{ "[Tuning]# a\nGrowAt=50# b\n", { { 0 } }, 50 },
	{ "[Tuning] ; a\nGrowAt=50 ; b\n;GrowAt=40\n#GrowAt=30\n", { { 0 } }, 50 },
	{ "[Tuning]\nGrowAt=\"50%\"\n", { { 0 } }, 50 },
	{ "# \xc3\xa4\xff\n[Tuning]\nGrowAt=50 # \xe2\x82\xac\n", { { 0 } }, 50 },
	{ "[Flood]\n[Tuning]\nGrowAt=50\n[Flood]\nFloodShare=1\n[Tuning]\nMode=tune\n", { { 0 } }, 50 },
	{ "[Tuning]\nGrowAt=\"50%\n", { { 2, "not understood" } }, 75 },
	{ "[Tuning]\nGrowAt==50\n", { { 2, "==50: not understood" } }, 75 },
	{ "[Tuning]\nGrowAt=40\nGrowAt=50\nGrowAt=60\n",
	  { { 3, "GrowAt is given twice; line 2 counts" }, { 4, "line 2 counts" } }, 40 },
	{ "[Tuning]\nGrowAt=40\n[Flood]\n[Tuning]\nGrowAt=50\n", { { 5, "given twice; line 2 counts" } }, 40 },
	{ "[Tuning]\nGrowAt=x\nGrowAt=50\n", { { 3, "given twice" }, { 2, "not understood" } }, 75 },
	{ "GrowAt=50\n[Tuning]\nGrowAt=60\n", { { 1, "GrowAt stands before the first [Section]" } }, 60 },
	{ "[Tuning]\nGrowUp=50\n", { { 2, "unknown key GrowUp in [Tuning]" } }, 75 },
	{ "[Tuning]\ngrowat=50\n", { { 2, "did you mean GrowAt?" } }, 75 },
	{ "[Flood]\nGrowAt=50\n", { { 2, "unknown key GrowAt in [Flood]; there is one in [Tuning]" } }, 75 },
	{ "[Tuning]\n=50\n", { { 2, "unknown key  in [Tuning]" } }, 75 },
	{ "[tuning]\nGrowAt=50\nnonsense\n[Tuning]\nGrowAt=60\n", { { 1, "unknown section [tuning]" } }, 60 },
	{ "[]\nGrowAt=50\n", { { 1, "unknown section []" } }, 75 },
	{ "[Tuning\nGrowAt=50\n", { { 1, "'[Tuning' isn't [Section]" } }, 75 },
	{ "[\nGrowAt=50\n", { { 1, "'[' isn't [Section]" } }, 75 },
	{ "[Tuning] x\nGrowAt=50\n", { { 1, "isn't [Section]" } }, 75 },
	{ "[Tuning]]\nGrowAt=50\n", { { 1, "isn't [Section]" } }, 75 },
	/* what libeconf would take for more of the value before it */
	{ "[Tuning]\nGrowAt=50\nnonsense\n  more nonsense\n",
	  { { 3, "'nonsense' is neither" }, { 4, "'more nonsense' is neither" } }, 50 },
	{ "[Tuning]\nGrowAt=50\n  # comment\n \t \nMode\n", { { 5, "'Mode' is neither" } }, 50 },
	{ "[Tuning]\nGrowAt\n=50\n", { { 2, "is neither" }, { 3, "unknown key  in" } }, 75 },
	{ "[Tuning]\n\001\002\377\nGrowAt=50\n", { { 2, "isn't plain text" } }, 50 },
	{ "[Tuning]\nGrowAt=5\0330\n", { { 2, "isn't plain text" } }, 75 },
	{ "\xef\xbb\xbf[Tuning]\nGrowAt=50\n", { { 1, "isn't plain text" }, { 2, "before the first" } }, 75 },
	{ "[Tuning]\nPolicy=kernel\nGrowAt=50\n", { { 2, "by itself" } }, 50 },
	{ "[Timeouts]\nAdaptiveEnd=30\n[Tuning]\nGrowAt=50\n[Timeouts]\nAdaptiveStart=40\n",
	  { { 2, "AdaptiveStart=40% isn't below AdaptiveEnd=30%; both are" } }, 50 },
	{ "[Sampling]\nIntervalMin=2\n[Tuning]\nGrowAt=50\n",
	  { { 2, "IntervalMin=2 s is above IntervalMax=1 s" } }, 50 },
	{ "[Tuning]\nPolicy=fixed\nGrowAt=50\n", { { 2, "Policy=fixed needs Buckets" } }, 50 },
};

START_TEST(bad_line_is_told_and_the_others_count)
{
	const char *dir = scratch_dir();
	struct ct_settings s;
	int n = 0;

	put_file(dir, ETC, texts[_i].text);
	load(dir, &s);
	for (; n < 4 && texts[_i].told[n].word; n++)
		heard(n, ETC, texts[_i].told[n].line, texts[_i].told[n].word);
	ck_assert_msg(told.count == n, "%s", told.message[n]);
	ck_assert_uint_eq(s.fill_percent, texts[_i].fill_percent);
}
END_TEST

static void put_bytes(const char *dir, const char *path, const char *bytes, size_t n)
{
	char full[512];
	FILE *f;

	put_file(dir, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(zero_byte_is_not_the_end_of_a_file)
{
	static const char text[] = "[Tuning]\nMode=tune\0\nShrink\0=yes\nGrowAt=50\n";
	const char *dir = scratch_dir();
	struct ct_settings s;

	put_bytes(dir, ETC, text, sizeof(text) - 1);
	load(dir, &s);
	ck_assert_int_eq(told.count, 2);
	heard(0, ETC, 2, "plain text");
	heard(1, ETC, 3, "plain text");
	ck_assert_uint_eq(s.fill_percent, 50);
}
END_TEST

START_TEST(file_of_nonsense_is_left_before_it_fills_the_journal)
{
	const char *dir = scratch_dir();
	static char text[65536];
	struct ct_settings s;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(i * i % 251 + 1);
	put_bytes(dir, ETC, text, sizeof(text));
	put_file(dir, ETC_D "a.conf", "[Tuning]\nGrowAt=50\n");
	load(dir, &s);
	ck_assert_int_eq(told.count, 101);
	ck_assert_ptr_nonnull(strstr(told.message[100], "too much is wrong"));
	ck_assert_uint_eq(s.fill_percent, 50);
}
END_TEST

START_TEST(long_line_is_told_and_a_long_comment_is_not)
{
	const char *dir = scratch_dir();
	static char text[65536];
	struct ct_settings s;
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "[Tuning]\n#");
	memset(text + n, 'x', 20000);
	n += 20000;
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\nMode=");
	memset(text + n, 'y', 20000);
	n += 20000;
	(void)snprintf(text + n, sizeof(text) - n, "\nGrowAt=50\n");
	put_file(dir, ETC, text);
	load(dir, &s);
	ck_assert_int_eq(told.count, 1);
	heard(0, ETC, 3, "too long");
	ck_assert_uint_eq(s.fill_percent, 50);
}
END_TEST

START_TEST(huge_file_is_told)
{
	const char *dir = scratch_dir();
	char path[512];
	struct ct_settings s;

	put_file(dir, ETC, "[Tuning]\nGrowAt=50\n");
	(void)snprintf(path, sizeof(path), "%s/" ETC, dir);
	ck_assert_int_eq(truncate(path, (off_t)64 << 20), 0);
	put_file(dir, USR, "[Tuning]\nGrowAt=40\n");
	load(dir, &s);
	ck_assert_int_eq(told.count, 1);
	heard(0, ETC, 0, "larger than");
	ck_assert_uint_eq(s.fill_percent, 40);
}
END_TEST

/* --- layers */

/* Files with GrowAt=N in them, and which N comes out. */
static const struct {
	const char *path[6];
	uint32_t wins;                  /* place in path, from 1; 0: the default */
} layers[] = {
	{ { USR }, 1 },
	{ { USR, RUN }, 2 },
	{ { USR, RUN, ETC }, 3 },
	{ { ETC, USR, RUN }, 1 },
	{ { ETC, USR_D "10-a.conf" }, 2 },
	{ { ETC, RUN_D "10-a.conf", USR_D "20-a.conf" }, 3 },
	{ { ETC_D "10-a.conf", USR_D "20-a.conf" }, 2 },
	{ { ETC_D "20-a.conf", USR_D "10-a.conf" }, 1 },
	{ { ETC_D "10-a.conf", RUN_D "10-a.conf", USR_D "10-a.conf" }, 1 },
	{ { USR_D "10-a.conf", RUN_D "10-a.conf" }, 2 },
	{ { USR_D "9.conf", ETC_D "10.conf" }, 1 },      /* by name, not by number */
	{ { ETC_D "a.con", ETC_D ".conf", ETC_D ".b.conf", ETC_D "c.conf~", ETC_D "d.conf.bak", ETC_D "e" }, 0 },
	{ { ETC_D "sub/a.conf", "etc/conntuned.conf", "etc/conntune/conntuned.d/a.conf" }, 0 },
};

START_TEST(files_count_in_their_order)
{
	const char *dir = scratch_dir();
	struct ct_settings s;
	char text[64];

	for (unsigned i = 0; i < 6 && layers[_i].path[i]; i++) {
		(void)snprintf(text, sizeof(text), "[Tuning]\nGrowAt=%u\n", i + 1);
		put_file(dir, layers[_i].path[i], text);
	}
	load(dir, &s);
	ck_assert_int_eq(told.count, 0);
	ck_assert_uint_eq(s.fill_percent, layers[_i].wins ? layers[_i].wins : 75);
}
END_TEST

START_TEST(layer_below_holds_where_one_is_wrong)
{
	const char *dir = scratch_dir();
	struct ct_settings s;

	put_file(dir, USR, "[Tuning]\nGrowAt=10\nMode=advise\n");
	put_file(dir, USR_D "10.conf", "[Tuning]\nGrowAt=20\nBudget=1G\n");
	put_file(dir, ETC_D "50.conf", "[Tuning]\nGrowAt=100%\nMode=\nBudget=0\nHeadRoom=3\n");
	load(dir, &s);
	ck_assert_int_eq(told.count, 3);
	heard(0, ETC_D "50.conf", 3, "Mode has no value");
	heard(1, ETC_D "50.conf", 4, "Budget=0: out of range");
	heard(2, ETC_D "50.conf", 2, "GrowAt=100%: out of range");
	ck_assert_uint_eq(s.fill_percent, 20);
	ck_assert_int_eq(s.mode, CT_MODE_ADVISE);
	ck_assert_uint_eq(s.budget_bytes, UINT64_C(1) << 30);
	ck_assert_uint_eq(s.budget_percent, 0);
	ck_assert_double_eq(s.headroom, 3.0);
}
END_TEST

START_TEST(contradiction_is_told_where_the_later_value_stands)
{
	const char *dir = scratch_dir();
	struct ct_settings s;

	put_file(dir, USR, "[Timeouts]\nAdaptive=yes\nAdaptiveStart=90\n");
	put_file(dir, ETC_D "50.conf", "# mine\n[Timeouts]\nAdaptiveEnd=85\n");
	load(dir, &s);
	ck_assert_int_eq(told.count, 1);
	heard(0, ETC_D "50.conf", 3, "AdaptiveStart=90% isn't below AdaptiveEnd=85%");
	ck_assert(s.adaptive && s.adaptive_start_percent == 60 && s.adaptive_end_percent == 120);
}
END_TEST

/* --- things that aren't regular files */

static void put_link(const char *dir, const char *path, const char *target)
{
	char full[512];

	put_file(dir, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	ck_assert_int_eq(unlink(full), 0);
	ck_assert_int_eq(symlink(target, full), 0);
}

START_TEST(link_to_dev_null_hides_what_is_below)
{
	const char *dir = scratch_dir();
	struct ct_settings s;

	put_file(dir, USR, "[Tuning]\nGrowAt=10\n");
	put_file(dir, USR_D "a.conf", "[Flood]\nFloodShare=10\n");
	put_link(dir, ETC, "/dev/null");
	put_link(dir, RUN_D "a.conf", "/dev/null");
	load(dir, &s);
	ck_assert_int_eq(told.count, 0);
	is_default(&s);
}
END_TEST

START_TEST(link_does_not_leave_the_tree)
{
	const char *dir = scratch_dir(), *outside = scratch_dir();
	char path[512];
	struct ct_settings s;

	put_file(outside, "secret.conf", "[Tuning]\nGrowAt=10\n");
	(void)snprintf(path, sizeof(path), "%s/secret.conf", outside);
	put_link(dir, ETC, path);
	put_link(dir, RUN, "../../../../../../../../../../etc/passwd");
	load(dir, &s);
	ck_assert_int_eq(told.count, 0);
	is_default(&s);
	/* inside it means what it says */
	put_file(dir, "opt/mine", "[Tuning]\nGrowAt=20\n");
	put_link(dir, ETC_D "a.conf", "/opt/mine");
	load(dir, &s);
	ck_assert_int_eq(told.count, 0);
	ck_assert_uint_eq(s.fill_percent, 20);
}
END_TEST

START_TEST(what_is_no_file_is_told_and_the_next_one_counts)
{
	const char *dir = scratch_dir();
	char path[512];
	struct ct_settings s;

	put_link(dir, ETC, "conntuned.conf");
	put_file(dir, RUN "/x", "");
	put_file(dir, USR, "[Tuning]\nGrowAt=10\n");
	put_file(dir, ETC_D "b.conf", "");
	(void)snprintf(path, sizeof(path), "%s/" ETC_D "a.conf", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	put_file(dir, USR_D "a.conf", "[Flood]\nFloodShare=10\n");
	load(dir, &s);
	ck_assert_int_eq(told.count, 3);
	heard(0, ETC, 0, "symbolic links");
	heard(1, RUN, 0, "directory");
	heard(2, ETC_D "a.conf", 0, "not a regular file");
	ck_assert_uint_eq(s.fill_percent, 10);
	ck_assert_uint_eq(s.flood_percent, 10);
	ck_assert(s.unread && s.mode == CT_MODE_ADVISE);
}
END_TEST

START_TEST(directory_of_drop_ins_that_is_a_file_is_told)
{
	const char *dir = scratch_dir();
	struct ct_settings s;

	put_file(dir, ETC ".d", "x");
	put_file(dir, USR_D "\033[2J.conf", "nonsense");
	load(dir, &s);
	ck_assert_int_eq(told.count, 2);
	heard(0, ETC ".d", 0, "cannot list");
	heard(1, USR_D "?[2J.conf", 1, "'nonsense' is neither");
	ck_assert(s.unread && s.mode == CT_MODE_ADVISE);
	s.unread = false;
	s.mode = CT_MODE_TUNE;
	is_default(&s);
}
END_TEST

START_TEST(unreadable_file_is_told_and_nothing_is_written)
{
	const char *dir = scratch_dir();
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	char path[512];
	struct ct_settings s;

	put_file(dir, USR, "[Tuning]\nGrowAt=10\n");
	put_file(dir, ETC, "[Tuning]\nGrowAt=50\n");
	put_file(dir, ETC_D "a.conf", "[Tuning]\nMode=tune\n");
	(void)snprintf(path, sizeof(path), "%s/" ETC, dir);
	ck_assert_int_eq(chmod(path, 0), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	load_fs(fs, dir, &s);
	/* back, or the leak sanitizer can't look at this process */
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(told.count, 1);
	heard(0, ETC, 0, "Permission denied; until it can be read, Mode is advise");
	ck_assert_uint_eq(s.fill_percent, 10);
	ck_assert(s.unread && s.mode == CT_MODE_ADVISE);
	ck_assert_int_eq(chmod(path, 0644), 0);
	load_fs(fs, dir, &s);
	ck_assert(!s.unread && s.mode == CT_MODE_TUNE);
}
END_TEST

/* None at all; then one for each file and the memory file, and none for libeconf to open that one again. */
START_TEST(want_of_descriptors_is_an_error_and_changes_nothing)
{
	const char *dir = scratch_dir();
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct rlimit old, limit;
	struct ct_settings s, before;
	struct ct_err err = { 0 };
	int next = dup(0), r = -1;

	put_file(dir, ETC, "[Tuning]\nGrowAt=50\n");
	ck_assert_int_ge(next, 0);
	ck_assert_int_eq(close(next), 0);
	memset(&before, 1, sizeof(before));
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	for (limit.rlim_cur = (rlim_t)next; r < 0 && limit.rlim_cur < (rlim_t)next + 4; limit.rlim_cur++) {
		s = before;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		r = ct_settings_load(fs, &s, NULL, NULL, &err);
		if (r == 0)
			break;
		ck_assert_failed(r, err, -EMFILE, "Too many open files");
		ck_assert_mem_eq(&s, &before, sizeof(s));
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_ge(limit.rlim_cur, (rlim_t)next + 2);
	ck_assert_uint_eq(s.fill_percent, 50);
}
END_TEST

static void add_file_tests(Suite *suite)
{
	TCase *tc = tcase_create("files"), *layer = tcase_create("layers");

	tcase_add_test(tc, without_files_all_is_default);
	tcase_add_test(tc, shipped_file_says_nothing_but_defaults);
	tcase_add_loop_test(tc, each_key_is_read_from_its_section, 0, ct_array_size(keys));
	tcase_add_loop_test(tc, each_bad_value_is_told_with_file_and_line, 0, ct_array_size(keys));
	tcase_add_loop_test(tc, bad_line_is_told_and_the_others_count, 0, ct_array_size(texts));
	tcase_add_test(tc, zero_byte_is_not_the_end_of_a_file);
	tcase_add_test(tc, file_of_nonsense_is_left_before_it_fills_the_journal);
	tcase_add_test(tc, long_line_is_told_and_a_long_comment_is_not);
	tcase_add_test(tc, huge_file_is_told);
	tcase_add_loop_test(layer, files_count_in_their_order, 0, ct_array_size(layers));
	tcase_add_test(layer, layer_below_holds_where_one_is_wrong);
	tcase_add_test(layer, contradiction_is_told_where_the_later_value_stands);
	tcase_add_test(layer, link_to_dev_null_hides_what_is_below);
	tcase_add_test(layer, link_does_not_leave_the_tree);
	tcase_add_test(layer, what_is_no_file_is_told_and_the_next_one_counts);
	tcase_add_test(layer, directory_of_drop_ins_that_is_a_file_is_told);
	tcase_add_test(layer, unreadable_file_is_told_and_nothing_is_written);
	tcase_add_test(layer, want_of_descriptors_is_an_error_and_changes_nothing);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, layer);
}
#else
START_TEST(without_libeconf_files_are_not_read)
{
	const char *dir = scratch_dir();
	ct_cleanup(close_fs) struct ct_fs *fs = open_fs(dir);
	struct ct_settings s;
	struct ct_err err = { 0 };

	ck_assert_failed(ct_settings_load(fs, &s, NULL, NULL, &err), err, -EOPNOTSUPP, "without libeconf");
}
END_TEST

static void add_file_tests(Suite *suite)
{
	TCase *tc = tcase_create("files");

	tcase_add_test(tc, without_libeconf_files_are_not_read);
	suite_add_tcase(suite, tc);
}
#endif

Suite *module_suite(void)
{
	Suite *s = suite_create("settings");
	TCase *table = tcase_create("table"), *made = tcase_create("made");
	int count = (int)ct_array_size(keys);

	tcase_add_loop_test(table, good_value_is_taken_and_comes_back, 0, count);
	tcase_add_loop_test(table, bad_value_is_refused_and_changes_nothing, 0, count);
	tcase_add_loop_test(table, number_is_digits_and_its_unit, 0, count);
	tcase_add_test(table, every_row_is_tested_here);
	tcase_add_loop_test(table, row_is_complete_and_its_default_is_what_init_sets, 0, count);
	tcase_add_loop_test(table, documented_values_are_those_that_are_taken, 0, count);
	tcase_add_test(table, path_that_is_too_long_is_refused);
	tcase_add_test(table, number_beyond_the_table_is_an_error);
	tcase_add_test(table, names_are_those_of_the_enumerations);
	tcase_add_test(table, init_sets_the_defaults);
	tcase_add_loop_test(table, values_that_contradict_each_other_are_named, 0, ct_array_size(pairs));
	tcase_add_loop_test(made, manual_page_says_all_of_every_row, 0, count);
	tcase_add_test(made, configuration_file_is_what_the_table_says);
	suite_add_tcase(s, table);
	suite_add_tcase(s, made);
	add_file_tests(s);
	return s;
}
