/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status says in a sentence. */
#include "config.h"
#include "check.h"
#include "util.h"
#include "../../src/cli/verdict.h"

#define KNOWN(n) { .known = true, .v = (n) }

static const struct {
	const char *name;
	bool healthy;
	struct cli_health health;
} verdicts[] = {
	{ .name = "absent", .healthy = true, .health = { .presence = CT_PRESENCE_ABSENT } },
	{ .name = "unknown", .health = { .presence = CT_PRESENCE_MODULE } },
	{ .name = "unknown", .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(1) } },
	{ .name = "unknown", .health = { .presence = CT_PRESENCE_MODULE, .limit = KNOWN(1) } },
	{ .name = "no-limit",
	  .health = { .presence = CT_PRESENCE_BUILTIN, .entries = KNOWN(5), .limit = KNOWN(0) } },
	{ .name = "full",
	  .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(100), .limit = KNOWN(100), .load_full = 40 } },
	{ .name = "full", .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(101), .limit = KNOWN(100) } },
	{ .name = "refusing",
	  .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(99), .limit = KNOWN(100), .p_refused = 1e-3,
		      .p_refused_full = 0.5 } },
	{ .name = "filling", .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(80), .limit = KNOWN(100) } },
	{ .name = "chain-limit",
	  .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(79), .limit = KNOWN(100), .p_refused = 9e-4,
		      .p_refused_full = 1e-3, .load_full = 16 } },
	{ .name = "few-buckets",
	  .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(1), .limit = KNOWN(100), .load_full = 8.1 } },
	{ .name = "healthy", .healthy = true,
	  .health = { .presence = CT_PRESENCE_MODULE, .entries = KNOWN(1), .limit = KNOWN(100), .load_full = 8 } },
	{ .name = "healthy", .healthy = true,
	  .health = { .presence = CT_PRESENCE_ABSENT, .entries = KNOWN(0), .limit = KNOWN(100) } },
};

START_TEST(worst_verdict_that_holds_is_given)
{
	const struct cli_verdict *got = cli_verdict(&verdicts[_i].health);

	ck_assert_str_eq(got->name, verdicts[_i].name);
	ck_assert_int_eq(got->healthy, verdicts[_i].healthy);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc = tcase_create("verdict");

	tcase_add_loop_test(tc, worst_verdict_that_holds_is_given, 0, ct_array_size(verdicts));
	suite_add_tcase(s, tc);
	return s;
}
