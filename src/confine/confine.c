/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities by system calls of our own, the system call filter by libseccomp. */
#include "config.h"
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

/* The sanitizers trace and start threads at the end: with them there is no filter. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const char *const mode_names[] = {
	[SANDBOX_REFUSE] = "refuse",
	[SANDBOX_KILL] = "kill",
	[SANDBOX_OFF] = "off",
};

const char *sandbox_mode_name(enum sandbox_mode mode)
{
	return mode_names[mode];
}

int sandbox_mode_by_name(const char *name, enum sandbox_mode *ret)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(name, mode_names[i]) != 0)
			continue;
		*ret = (enum sandbox_mode)i;
		return 0;
	}
	return -EINVAL;
}

static int fail(struct ct_err *err, int code, const char *what)
{
	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "sandbox: %s: %s", what, strerror(-code));
	}
	return code;
}

static bool kept(uint64_t keep, unsigned long cap)
{
	return cap < 64 && (keep >> cap & 1) != 0;
}

/* Until the kernel says that there is no such capability. */
void confine_bounding_set(uint64_t keep)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!kept(keep, cap))
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int confine_capabilities(uint64_t keep, struct ct_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0 } };
	uint32_t others = 0;

	confine_bounding_set(keep);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, caps) < 0)
		return fail(err, -errno, "can't read the capabilities");
	for (size_t i = 0; i < 2; i++) {
		uint32_t bits = (uint32_t)(keep >> 32 * i), left = caps[i].permitted & bits;

		others |= (caps[i].permitted | caps[i].inheritable) & ~bits;
		caps[i] = (struct __user_cap_data_struct){ .effective = left, .permitted = left };
	}
	/* a service manager that gave us no others may have forbidden the call as well */
	if (others && syscall(SYS_capset, &header, caps) < 0)
		return fail(err, -errno, "can't drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, -errno, "can't give up new privileges");
	return 0;
}

#if defined(HAVE_SECCOMP) && !defined(SANITIZED)

/* Numbers from here down are of no call of this architecture. */
#define NO_SUCH_CALL (-10000)

/* A call that this architecture or library doesn't know isn't there to be allowed. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *cmp)
{
	int number = seccomp_syscall_resolve_name(name), r;

	/* from -1 to -9999 are calls that share one, socketcall(2): the library makes rules of them where that is so */
	if (number == __NR_SCMP_ERROR || number <= NO_SUCH_CALL)
		return 0;
	r = seccomp_rule_add_array(ctx, action, number, n, cmp);
	return r == -EEXIST ? 0 : r;
}

static int add_calls(scmp_filter_ctx ctx, const struct confine_calls *calls, enum sandbox_mode mode)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < calls->any_count; i++)
		r = add(ctx, SCMP_ACT_ALLOW, calls->any[i], 0, NULL);
	for (size_t i = 0; r == 0 && i < calls->rule_count; i++) {
		const struct confine_rule *rule = &calls->rule[i];
		struct scmp_arg_cmp cmp = { rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value };

		r = add(ctx, SCMP_ACT_ALLOW, rule->name, 1, &cmp);
	}
	/* in the other mode that is what becomes of every call, and the library takes no rule that says so again */
	for (size_t i = 0; r == 0 && mode == SANDBOX_KILL && i < calls->absent_count; i++)
		r = add(ctx, SCMP_ACT_ERRNO(ENOSYS), calls->absent[i], 0, NULL);
	return r;
}

int confine_filter(const struct confine_calls *lists, size_t n, enum sandbox_mode mode, struct ct_err *err)
{
	scmp_filter_ctx ctx;
	int r = 0;

	if (mode == SANDBOX_OFF)
		return 0;
	ctx = seccomp_init(mode == SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
	if (!ctx)
		return fail(err, -ENOMEM, "can't make a filter");
	/* a search tree: the calls of the loop and of requests aren't to pay for the length of the lists */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_calls(ctx, &lists[i], mode);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	/* a kernel without filters, or a container that has its own and keeps it */
	if (r == -EINVAL || r == -ENOSYS)
		return 0;
	return r < 0 ? fail(err, r, "can't load the filter") : 0;
}

#else

int confine_filter(const struct confine_calls *lists, size_t n, enum sandbox_mode mode, struct ct_err *err)
{
	(void)lists, (void)n, (void)mode, (void)err;
	return 0;
}
#endif
