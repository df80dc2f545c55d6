/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading the connection tracking module with its number of buckets. */
#include "config.h"
#include "module.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_KMOD
#include <stdarg.h>
#include <libkmod.h>

static void context_done(struct kmod_ctx **ctx)
{
	(void)kmod_unref(*ctx);
}

static void module_done(struct kmod_module **mod)
{
	(void)kmod_module_unref(*mod);
}

/* The library says why through our error; libkmod would write to stderr. */
static void no_log(void *data, int priority, const char *file, int line, const char *fn, const char *format,
		   va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

int ct_module_probe(const char *dir, const char *name, uint64_t hashsize, struct ct_err *err)
{
	ct_cleanup(module_done) struct kmod_module *mod = NULL;
	ct_cleanup(context_done) struct kmod_ctx *ctx = NULL;
	char options[40];
	int r;

	ctx = kmod_new(dir, NULL);
	if (!ctx)
		return ct_err_set(err, -ENOMEM, "cannot load %s: libkmod can't start", name);
	kmod_set_log_fn(ctx, no_log, NULL);
	r = kmod_module_new_from_name(ctx, name, &mod);
	if (r < 0)
		return ct_err_set(err, r, "cannot load %s: libkmod says %s", name, strerror(-r));
	(void)snprintf(options, sizeof(options), "hashsize=%" PRIu64, hashsize);
	r = kmod_module_probe_insert_module(mod, 0, options, NULL, NULL, NULL);
	return r < 0 ? ct_err_set(err, r, "cannot load module %s with %s: %s", name, options, strerror(-r)) : 0;
}
#else
int ct_module_probe(const char *dir, const char *name, uint64_t hashsize, struct ct_err *err)
{
	(void)dir;
	return ct_err_set(err, -EOPNOTSUPP,
			  "cannot load %s: this conntune was built without libkmod; run 'modprobe %s hashsize=%" PRIu64
			  "'",
			  name, name, hashsize);
}
#endif

int ct_module_load(struct ct_fs *fs, uint64_t hashsize, struct ct_err *err)
{
	if (!ct_fs_is_live(fs))
		return ct_err_set(err, -EOPNOTSUPP, "cannot load a module below %s: it isn't this machine",
				  ct_fs_root(fs));
	return ct_module_probe(NULL, "nf_conntrack", hashsize, err);
}
