/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the BPF programs into the kernel and runs them, by system calls alone: nothing of libbpf is linked. */
#include "config.h"
#include "load.h"
#include "find.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <chains.skel.h>
#include <locate.skel.h>

struct programs {
	struct chains_bpf *chains;
	struct locate_bpf *locate;
};

static int load_chains(struct programs *p, bool census, bool by_owner, bool cast)
{
	int r;

	chains_bpf__destroy(p->chains);
	p->chains = chains_bpf__open();
	if (!p->chains)
		return -ENOMEM;
	p->chains->rodata->census = census;
	p->chains->rodata->by_owner = by_owner;
	p->chains->rodata->use_cast = cast;
	r = chains_bpf__load(p->chains);
	return r > 0 ? -EIO : r;
}

static int explain(int r, struct ct_err *err)
{
	if (r == -ENOMEM)
		return find_fail(err, r, "out of memory");
	if (r == -EPERM)
		return find_fail(err, r, "the kernel doesn't let us load BPF programs: walking the table needs "
				 "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	return find_fail(err, -EOPNOTSUPP, "the kernel (5.17 or later is needed) refuses the BPF programs: %s",
			 strerror(-r));
}

int programs_load(struct programs **ret, struct shared *shared, bool census, bool by_owner, bool may_cast,
		  struct ct_err *err)
{
	struct programs *p = calloc(1, sizeof(*p));
	int r = p ? load_chains(p, census, by_owner, may_cast) : -ENOMEM;

	/* before 6.2 there is no bpf_rdonly_cast() */
	if (r < 0 && r != -ENOMEM && r != -EPERM && may_cast)
		r = load_chains(p, census, by_owner, false);
	if (r < 0) {
		programs_free(p);
		return explain(r, err);
	}
	*shared = (struct shared){
		.ask = &p->chains->bss->ask,
		.told = &p->chains->bss->told,
		.at_least = (uint64_t *)p->chains->bss->at_least,
		.counts = p->chains->bss->counts,
		.timeouts = p->chains->bss->timeouts,
		.owners = p->chains->bss->owners,
	};
	*ret = p;
	return 0;
}

int programs_load_locate(struct programs *programs, struct shared *shared, struct ct_err *err)
{
	int r;

	programs->locate = locate_bpf__open();
	r = programs->locate ? locate_bpf__load(programs->locate) : -ENOMEM;
	if (r == -ENOMEM)
		return explain(r, err);
	if (r != 0)
		return find_fail(err, -EOPNOTSUPP, "this kernel shows no way to the table: neither symbols "
				 "nf_conntrack_hash and _generation (/proc/kallsyms) nor bpf_xdp_ct_lookup() (5.18)");
	shared->place = &programs->locate->bss->place;
	return 0;
}

static int descriptor(const struct programs *p, enum program which)
{
	switch (which) {
	case PROGRAM_WALK:
		return p->chains->progs.walk.prog_fd;
	case PROGRAM_WALK_LONG:
		return p->chains->progs.walk_long.prog_fd;
	case PROGRAM_PEEK:
		return p->chains->progs.peek.prog_fd;
	case PROGRAM_SYMBOLS:
		return p->chains->progs.symbols.prog_fd;
	case PROGRAM_LOCATE:
		return p->locate->progs.locate.prog_fd;
	}
	return -1;
}

int programs_run(const struct programs *programs, enum program which, struct ct_err *err)
{
	uint8_t packet[64] = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)descriptor(programs, which);
	if (which == PROGRAM_LOCATE) {
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		attr.test.data_out = (uintptr_t)packet;
		attr.test.data_size_out = sizeof(packet);
	}
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		return find_fail(err, -errno, "BPF program %d can't be run: %s", (int)which, strerror(errno));
	return 0;
}

void programs_free(struct programs *programs)
{
	if (programs) {
		locate_bpf__destroy(programs->locate);
		chains_bpf__destroy(programs->chains);
	}
	free(programs);
}
