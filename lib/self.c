/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calling process: what it uses, and giving back what it doesn't. */
#include "config.h"
#include "util.h"

#include <conntune/self.h>
#include <dirent.h>
#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

struct ct_u64 ct_self_cpu(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return (struct ct_u64){ .known = false };
	return (struct ct_u64){ .known = true,
				.v = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
				     (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) };
}

static struct ct_u64 resident(void)
{
	struct ct_u64 bytes = { .known = false };
	uint64_t pages;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return bytes;
	if (fscanf(f, "%*u %" SCNu64, &pages) == 1)
		bytes = (struct ct_u64){ .known = true, .v = pages * (uint64_t)sysconf(_SC_PAGESIZE) };
	(void)fclose(f);
	return bytes;
}

/* Without ".", ".." and the one of the directory itself. */
static struct ct_u64 descriptors(void)
{
	struct ct_u64 n = { .known = true };
	DIR *dir = opendir("/proc/self/fd");

	if (!dir)
		return (struct ct_u64){ .known = false };
	while (readdir(dir))
		n.v++;
	(void)closedir(dir);
	n.v = n.v > 3 ? n.v - 3 : 0;
	return n;
}

void ct_self_read(struct ct_self *ret)
{
	*ret = (struct ct_self){ .cpu_usec = ct_self_cpu(),
				 .resident_bytes = resident(),
				 .descriptors = descriptors() };
}

/* Code that was changed when it was loaded, because it isn't position-independent: none of it can be read again. */
static bool is_changed(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + h->p_vaddr);

		if (h->p_type != PT_DYNAMIC)
			continue;
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
				return true;
	}
	return false;
}

/* What can't be written was never changed, so it is still in its file. */
static int drop_segments(struct dl_phdr_info *object, size_t size, void *userdata)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size, (void)userdata;
	for (int i = 0; !is_changed(object) && i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t end = object->dlpi_addr + h->p_vaddr + h->p_filesz;

		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void ct_self_trim(void)
{
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop_segments, NULL);
}
