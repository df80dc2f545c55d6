/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process about itself. */
#include "config.h"
#include "check.h"

#include <conntune/self.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY ((size_t)32 << 20)

START_TEST(more_memory_and_files_show)
{
	struct ct_self before, after;
	char *memory;
	int fd;

	ct_self_read(&before);
	ck_assert(before.resident_bytes.known && before.descriptors.known && before.cpu_usec.known);
	memory = malloc(MANY);
	for (size_t i = 0; i < MANY; i += 4096)
		((volatile char *)memory)[i] = 1;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ct_self_read(&after);
	ck_assert_uint_ge(after.resident_bytes.v, before.resident_bytes.v + MANY / 2);
	ck_assert_uint_eq(after.descriptors.v, before.descriptors.v + 1);
	ck_assert_uint_ge(ct_self_cpu().v, before.cpu_usec.v);
	(void)close(fd);
	free(memory);
}
END_TEST

/* Code, constants and data are all there afterwards, and less is in memory. */
START_TEST(what_is_given_back_comes_back)
{
	struct ct_self before, after;

	ct_self_read(&before);
	ct_self_trim();
	ct_self_read(&after);
	ck_assert_uint_lt(after.resident_bytes.v, before.resident_bytes.v);
	ck_assert_str_eq(strerror(EBADMSG), "Bad message");
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("self");
	TCase *tc = tcase_create("self");

	tcase_add_test(tc, more_memory_and_files_show);
	tcase_add_test(tc, what_is_given_back_comes_back);
	suite_add_tcase(s, tc);
	return s;
}
