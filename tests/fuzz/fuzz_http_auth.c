/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input: a file of users, a zero byte, a header of Authorization. Nothing that isn't well formed lets anybody in. */
#include "config.h"
#include "auth.h"
#include "fuzz.h"

#include <errno.h>
#include <strings.h>

/* Whoever chooses the file chooses how long a try takes. */
static int is_quick(const char *file)
{
	return !strstr(file, "rounds=") && !strstr(file, "$2") && !strstr(file, "$y$");
}

static void check(struct auth *auth, const char *header)
{
	enum auth_verdict first = auth_check(auth, header, 1, 1000000), again = auth_check(auth, header, 1, 1000000);

	/* one that was right is remembered */
	fuzz_require(first == again);
	fuzz_require(first != AUTH_LATER);
	fuzz_require(first != AUTH_FINE || strncasecmp(header, "Basic ", 6) == 0);
	fuzz_require(auth_check(auth, NULL, 1, 1000000) == AUTH_WRONG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t file = strlen(text);
	struct auth *auth = NULL;
	struct ct_err err = { .code = 0 };
	int r = auth_new(&auth, text, &err);

	fuzz_require(r == 0 || (r == -EINVAL && err.code == r && strncmp(err.msg, "line ", 5) == 0));
	fuzz_require((r == 0) == (auth != NULL));
	if (r == 0 && is_quick(text))
		check(auth, file < size ? text + file + 1 : "");
	(void)auth_free(auth);
	free(text);
	return 0;
}
