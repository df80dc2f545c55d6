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
#include <dlfcn.h>
#include <stdarg.h>
#include <libkmod.h>

/*
 * Opened only when a module is to be loaded: with the cryptography that it brings along for signatures it would be a
 * third of the memory of a daemon that never loads one.
 */
#define LIBRARY "libkmod.so.2"

#define FUNCTIONS(of)                          \
	of(kmod_new);                          \
	of(kmod_unref);                        \
	of(kmod_set_log_fn);                   \
	of(kmod_module_new_from_name);         \
	of(kmod_module_probe_insert_module);   \
	of(kmod_module_unref)

#define POINTER(name) __typeof__(&name) name

struct library {
	void *handle;
	FUNCTIONS(POINTER);
	struct kmod_ctx *ctx;
	struct kmod_module *mod;
};

static void library_done(struct library *l)
{
	if (l->mod)
		(void)l->kmod_module_unref(l->mod);
	if (l->ctx)
		(void)l->kmod_unref(l->ctx);
	if (l->handle)
		(void)dlclose(l->handle);
}

static int library_open(struct library *l, const char *name, struct ct_err *err)
{
	bool complete = true;

	l->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return ct_err_set(err, -EOPNOTSUPP, "cannot load %s: %.120s", name, dlerror());
#define FIND(function) complete &= (*(void **)&l->function = dlsym(l->handle, #function)) != NULL
	FUNCTIONS(FIND);
#undef FIND
	return complete ? 0 : ct_err_set(err, -EOPNOTSUPP, "cannot load %s: %s lacks a function", name, LIBRARY);
}

/* The library says why through our error; libkmod would write to stderr. */
static void no_log(void *data, int priority, const char *file, int line, const char *fn, const char *format,
		   va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

int ct_module_probe(const char *dir, const char *name, uint64_t hashsize, struct ct_err *err)
{
	ct_cleanup(library_done) struct library l = { .handle = NULL };
	char options[40];
	int r = library_open(&l, name, err);

	if (r < 0)
		return r;
	l.ctx = l.kmod_new(dir, NULL);
	if (!l.ctx)
		return ct_err_set(err, -ENOMEM, "cannot load %s: libkmod can't start", name);
	l.kmod_set_log_fn(l.ctx, no_log, NULL);
	r = l.kmod_module_new_from_name(l.ctx, name, &l.mod);
	if (r < 0)
		return ct_err_set(err, r, "cannot load %s: libkmod says %s", name, strerror(-r));
	(void)snprintf(options, sizeof(options), "hashsize=%" PRIu64, hashsize);
	r = l.kmod_module_probe_insert_module(l.mod, 0, options, NULL, NULL, NULL);
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
