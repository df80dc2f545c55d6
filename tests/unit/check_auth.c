/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is let in: hashes, headers, and that guessing is bounded. */
#include "config.h"
#include "auth.h"
#include "check.h"
#include "util.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789012345678901234567890123456789abc"

#define SECOND UINT64_C(1000000)

/* "secret", as cheap as each kind allows. */
static const char *const settings[] = { "$2b$04$abcdefghijklmnopqrstuu", "$2y$04$abcdefghijklmnopqrstuu",
					"$y$j75$abcdefgh$", "$6$rounds=1000$abcdefgh$", "$5$rounds=1000$abcdefgh$" };

static const char *hash_of(const char *setting, const char *password)
{
	static char hashes[2][CRYPT_OUTPUT_SIZE];
	static unsigned calls;
	char *hash = hashes[calls++ % 2];
	const char *made = crypt(password, setting);

	ck_assert_ptr_nonnull(made);
	ck_assert_int_ne(made[0], '*');
	(void)snprintf(hash, sizeof(hashes[0]), "%s", made);
	return hash;
}

static struct auth *new_auth(const char *setting, const char *name, const char *password)
{
	struct auth *auth = NULL;
	struct ct_err err = { .code = 0 };
	char text[CRYPT_OUTPUT_SIZE + 200];

	(void)snprintf(text, sizeof(text), "# users\r\n\n%s:%s\r\nother:%s", name, hash_of(setting, password),
		       hash_of(settings[4], "x"));
	ck_assert_msg(auth_new(&auth, text, &err) == 0, "%s", err.msg);
	return auth;
}

static const char *basic(const char *name, const char *password)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static char header[1024];
	char plain[600];
	size_t n = (size_t)snprintf(plain, sizeof(plain), "%s:%s", name, password), to = 6;

	memcpy(header, "Basic ", 7);
	for (size_t i = 0; i < n; i += 3) {
		unsigned a = (unsigned char)plain[i], b = i + 1 < n ? (unsigned char)plain[i + 1] : 0,
			 c = i + 2 < n ? (unsigned char)plain[i + 2] : 0;

		header[to++] = digits[a >> 2];
		header[to++] = digits[(a & 3) << 4 | b >> 4];
		header[to++] = i + 1 < n ? digits[(b & 15) << 2 | c >> 6] : '=';
		header[to++] = i + 2 < n ? digits[c & 63] : '=';
	}
	header[to] = '\0';
	return header;
}

START_TEST(every_kind_of_hash_lets_in)
{
	struct auth *auth = new_auth(settings[_i], "ada", "secret");

	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 1, SECOND), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 1, SECOND), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, basic("ada", "Secret"), 1, SECOND), AUTH_WRONG);
	ck_assert_int_eq(auth_check(auth, basic("bob", "secret"), 1, SECOND), AUTH_WRONG);
	ck_assert_int_eq(auth_check(auth, basic("other", "x"), 2, SECOND), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, basic("other", "secret"), 2, SECOND), AUTH_WRONG);
	(void)auth_free(auth);
}
END_TEST

static const char *const headers[] = {
	NULL,
	"",
	"Basic",
	"Basic ",
	"Basic  ",
	"Basic =",
	"Basic ====",
	"Basic YWRhOnNlY3JldA",
	"Basic YWRhOnNlY3JldA=",
	"Basic YWRhOnNlY3JldA===",
	"Basic YWRhOnNlY3JldA== ",
	"Basic YWRh OnNlY3JldA==",
	"Basic YWRhOnNlY3JldA==YQ==",
	"Basic YWRh",
	"Basic YWRhOg==",
	"Basic OnNlY3JldA==",
	"Basic YWRhOnNlY3JldAAA",
	"Basic *WRhOnNlY3JldA==",
	"Bearer YWRhOnNlY3JldA==",
	"YWRhOnNlY3JldA==",
	"Digest username=\"ada\"",
	"BasicYWRhOnNlY3JldA==",
};

START_TEST(other_headers_do_not)
{
	struct auth *auth = new_auth(settings[4], "ada", "secret");
	enum auth_verdict verdict = auth_check(auth, headers[_i], 1, SECOND);

	ck_assert_msg(verdict == AUTH_WRONG, "'%s'", headers[_i]);
	ck_assert_int_eq(auth_check(auth, "basic  YWRhOnNlY3JldA==", 1, SECOND), AUTH_FINE);
	(void)auth_free(auth);
}
END_TEST

START_TEST(long_ones_are_wrong)
{
	char name[64], password[200];
	struct auth *auth;

	memset(name, 'n', 63);
	memset(password, 'p', 199);
	name[63] = password[199] = '\0';
	auth = new_auth(settings[4], name, "secret");
	ck_assert_int_eq(auth_check(auth, basic(name, "secret"), 1, SECOND), AUTH_FINE);
	for (size_t n = 60; n < 199; n++)
		ck_assert_int_eq(auth_check(auth, basic(name, password + n), 1, n * 60 * SECOND), AUTH_WRONG);
	ck_assert_int_eq(auth_check(auth, basic(password, "secret"), 1, SECOND), AUTH_WRONG);
	(void)auth_free(auth);
}
END_TEST

/* So many at once, then one in a while; whoever knows the password and was here before never waits. */
START_TEST(guessing_is_bounded)
{
	struct auth *auth = new_auth(settings[4], "ada", "secret");
	uint64_t now = 100 * SECOND;
	unsigned wrong = 0, later = 0;

	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 1, now), AUTH_FINE);
	for (unsigned i = 0; i < 100; i++) {
		enum auth_verdict verdict =
			auth_check(auth, basic(i % 2 ? "ada" : "bob", "guess"), 1, now + i * SECOND / 100);

		wrong += verdict == AUTH_WRONG;
		later += verdict == AUTH_LATER;
	}
	ck_assert_uint_eq(wrong, 5);
	ck_assert_uint_eq(later, 95);
	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 1, now), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, basic("other", "x"), 1, now + SECOND), AUTH_LATER);
	ck_assert_int_eq(auth_check(auth, basic("other", "x"), 2, now + SECOND), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, basic("ada", "guess"), 1, now + 60 * SECOND), AUTH_WRONG);
	(void)auth_free(auth);
}
END_TEST

START_TEST(guessing_from_everywhere_is_bounded)
{
	struct auth *auth = new_auth(settings[4], "ada", "secret");
	unsigned wrong = 0;

	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 0, SECOND), AUTH_FINE);
	for (unsigned i = 0; i < 1000; i++)
		wrong += auth_check(auth, basic("ada", "guess"), i, SECOND + i * SECOND / 100) == AUTH_WRONG;
	/* 10 at once and two a second for 10 seconds */
	ck_assert_uint_ge(wrong, 25);
	ck_assert_uint_le(wrong, 31);
	ck_assert_int_eq(auth_check(auth, basic("ada", "secret"), 0, SECOND), AUTH_FINE);
	(void)auth_free(auth);
}
END_TEST

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* However slow the hash is, there is time for others. */
START_TEST(guessing_leaves_most_of_the_time)
{
	struct auth *auth = new_auth("$5$rounds=400000$abcdefgh$", "ada", "secret");
	double all = 0, longest = 0;

	for (unsigned i = 0; i < 600; i++) {
		double begin = seconds(), took;

		(void)auth_check(auth, basic("ada", "guess"), i, SECOND + i * SECOND / 100);
		took = seconds() - begin;
		all += took;
		longest = took > longest ? took : longest;
	}
	/* of 6 seconds, 4.5 that may be owed, and one more */
	ck_assert_msg(all <= (6 + 4.5) / AUTH_SHARE + longest + 0.1, "%.2f s, each %.2f s", all, longest);
	(void)auth_free(auth);
}
END_TEST

#define DIGITS86 DIGITS DIGITS
#define BCRYPT "abcdefghijklmnopqrstuu0123456789012345678901234567890"

static const struct {
	const char *hash;
	bool fine;
} costs[] = {
	{ "$y$j9T$abcdefgh$" DIGITS, true },
	{ "$y$j75$abcdefgh$" DIGITS, true },
	{ "$y$jAT$abcdefgh$" DIGITS, false },
	{ "$y$jFT$abcdefgh$" DIGITS, false },
	{ "$y$j9U$abcdefgh$" DIGITS, false },
	{ "$y$j9zz$abcdefgh$" DIGITS, false },
	{ "$y$j9T/.$abcdefgh$" DIGITS, false },
	{ "$2b$04$" BCRYPT, true },
	{ "$2b$12$" BCRYPT, true },
	{ "$2b$13$" BCRYPT, false },
	{ "$2y$31$" BCRYPT, false },
	{ "$5$rounds=500000$abcdefgh$" DIGITS, true },
	{ "$5$rounds=500001$abcdefgh$" DIGITS, false },
	{ "$6$rounds=999999999$abcdefgh$" DIGITS86, false },
	{ "$6$abcdefgh$" DIGITS86, true },
};

START_TEST(hashes_that_take_too_much_are_refused)
{
	struct auth *auth = NULL;
	struct ct_err err = { .code = 0 };
	char text[CRYPT_OUTPUT_SIZE];

	(void)snprintf(text, sizeof(text), "# users\nada:%s\n", costs[_i].hash);
	if (costs[_i].fine)
		ck_assert_msg(auth_new(&auth, text, &err) == 0, "%s: %s", text, err.msg);
	else
		ck_assert_failed(auth_new(&auth, text, &err), err, -EINVAL, "line 2: the hash takes too much");
	(void)auth_free(auth);
}
END_TEST

static const struct {
	const char *text, *word;
} files[] = {
	{ "", "line 1: there is no user" },
	{ "# only this\n", "line 2: there is no user" },
	{ "ada", "line 1: not NAME:HASH" },
	{ "\nada\n", "line 2: not NAME:HASH" },
	{ ":$5$abc$" DIGITS "\n", "line 1: not NAME:HASH" },
	{ "0123456789012345678901234567890123456789012345678901234567890123:$5$a$b", "1 to 63" },
	{ "ada:\n", "the hash is none of" },
	{ "ada:secret\n", "the hash is none of" },
	{ "ada:$1$abcdefgh$irWbblnpmw.5z7wgBnprh0\n", "the hash is none of" },
	{ "ada:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n", "the hash is none of" },
	{ "ada:$2b$04$abcdefghijklmnopqrstuu\n", "the hash is none of" },
	{ "ada:$5$abcdefgh$x\n", "the hash is none of" },
	{ "ada:$2b$\n", "the hash is none of" },
	{ "ada:$5$rounds=1000$abcdefgh$" DIGITS "\nada:$5$rounds=1000$abcdefgh$" DIGITS "\n",
	  "line 2: the name is there already" },
};

START_TEST(files_that_are_wrong_are_refused)
{
	struct auth *auth = NULL;
	struct ct_err err = { .code = 0 };

	ck_assert_failed(auth_new(&auth, files[_i].text, &err), err, -EINVAL, files[_i].word);
	ck_assert_ptr_null(auth);
}
END_TEST

START_TEST(there_is_an_end_to_users)
{
	struct auth *auth = NULL;
	struct ct_err err = { .code = 0 };
	char text[65 * 80];
	size_t n = 0;

	for (unsigned i = 0; i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "user%u:$5$rounds=1000$abc$" DIGITS "\n", i);
	ck_assert_int_eq(auth_new(&auth, text, NULL), 0);
	(void)auth_free(auth);
	(void)snprintf(text + n, sizeof(text) - n, "more:$5$rounds=1000$abc$" DIGITS "\n");
	ck_assert_failed(auth_new(&auth, text, &err), err, -EINVAL, "line 65: there are too many");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("auth");
	TCase *tc = tcase_create("auth");

	tcase_add_loop_test(tc, every_kind_of_hash_lets_in, 0, ct_array_size(settings));
	tcase_add_loop_test(tc, other_headers_do_not, 0, ct_array_size(headers));
	tcase_add_test(tc, long_ones_are_wrong);
	tcase_add_test(tc, guessing_is_bounded);
	tcase_add_test(tc, guessing_from_everywhere_is_bounded);
	tcase_add_test(tc, guessing_leaves_most_of_the_time);
	tcase_add_loop_test(tc, hashes_that_take_too_much_are_refused, 0, ct_array_size(costs));
	tcase_add_loop_test(tc, files_that_are_wrong_are_refused, 0, ct_array_size(files));
	tcase_add_test(tc, there_is_an_end_to_users);
	suite_add_tcase(s, tc);
	return s;
}
