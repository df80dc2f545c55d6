/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service about itself: what it uses, and giving back what it doesn't. */
#ifndef CONNTUNE_SELF_H
#define CONNTUNE_SELF_H

#include <stdint.h>
#include <conntune/facts.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_self
 * @cpu_usec:       processor time so far, of the kernel too
 * @resident_bytes, @descriptors: memory in use (VmRSS), open files; not known where /proc can't be read
 */
struct ct_self {
	struct ct_u64 cpu_usec, resident_bytes, descriptors;
};

/* The calling process. About 20 us. */
void ct_self_read(struct ct_self *ret);

/* Processor time alone, which costs one system call. Unit: us. */
struct ct_u64 ct_self_cpu(void);

/**
 * ct_self_trim - give back what start-up needed and nothing else does
 * Free heap, and pages of program and libraries that were read from files and can be read again: they come back, a few
 * microseconds each, when they are needed.
 */
void ct_self_trim(void);

#ifdef __cplusplus
}
#endif
#endif
