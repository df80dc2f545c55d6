/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instead of chains.c where configure found no libbpf, clang or bpftool. */
#include "config.h"
#include "chains.h"

#include <errno.h>
#include <stdio.h>

static int fail(struct ct_err *err)
{
	if (err) {
		err->code = -EOPNOTSUPP;
		(void)snprintf(err->msg, sizeof(err->msg), "this conntune was built without BPF programs (%s)", BPF_MISSING);
	}
	return -EOPNOTSUPP;
}

int chains_walk(struct chains **ret, bool by_owner, struct ct_err *err)
{
	(void)ret;
	(void)by_owner;
	return fail(err);
}

int chains_census(struct chains **ret, const struct chains_census *census, struct ct_err *err)
{
	(void)ret;
	(void)census;
	return fail(err);
}

void chains_free(struct chains *chains)
{
	(void)chains;
}
