/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of the machine itself: kernel version, memory, page and pointer size, CPUs. */
#include "config.h"
#include "facts_parts.h"
#include "fs.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define PAGE_DEFAULT 4096
#define PAGE_MAX (1U << 20)

/* The kernel has no more than NR_CPUS; the largest configuration known is 8192. */
#define CPUS_MAX 65536

static int bad(const struct ct_fs *fs, const char *path, const char *text, struct ct_err *err)
{
	return ct_err_set(err, -EBADMSG, "%s below %s is malformed: '%.60s'", path, ct_fs_root(fs), text);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static int set_release(struct ct_fs *fs, const char *path, const char *text, struct ct_facts *f, struct ct_err *err)
{
	if (strlen(text) >= sizeof(f->release) || !is_printable(text) || ct_kver_parse(text, &f->kernel, NULL) < 0)
		return bad(fs, path, text, err);
	strcpy(f->release, text);
	return 0;
}

static int read_kernel(struct ct_fs *fs, struct ct_facts *f, struct ct_err *err)
{
	static const char osrelease[] = "proc/sys/kernel/osrelease", version[] = "proc/version";
	static const char before[] = "Linux version ";
	char text[1024];
	int r;

	r = ct_facts_text(fs, osrelease, text, sizeof(text), err);
	if (r == 0)
		return set_release(fs, osrelease, text, f, err);
	if (r != -ENODATA)
		return r;
	r = ct_facts_text(fs, version, text, sizeof(text), err);
	if (r == -ENODATA)
		return ct_err_set(err, r, "cannot tell the kernel version below %s: no %s, no %s", ct_fs_root(fs), osrelease,
				  version);
	if (r < 0)
		return r;
	if (strncmp(text, before, sizeof(before) - 1) != 0)
		return bad(fs, version, text, err);
	text[strcspn(text + sizeof(before) - 1, " ") + sizeof(before) - 1] = '\0';
	return set_release(fs, version, text + sizeof(before) - 1, f, err);
}

static bool tells(struct ct_fs *fs, const char *path, bool (*read)(struct ct_kver *v, const char *text),
		  struct ct_kver *v)
{
	char text[1024];

	return ct_facts_text(fs, path, text, sizeof(text), NULL) == 0 && read(v, text);
}

/*
 * Vendors that keep "6.1.0" in the release through all updates of 6.1.y: Debian and Ubuntu tell elsewhere which one it
 * is, Red Hat's and Oracle's kernels don't. A bare "6.1.0" is that, and a release candidate has had no updates.
 */
static enum ct_patch_source find_patch(struct ct_fs *fs, struct ct_facts *f)
{
	const char *more = f->release + strspn(f->release, "0123456789.");

	if (f->kernel.patch != 0 || !ct_kver_at_least(&f->kernel, 3, 0, 0))
		return CT_PATCH_RELEASE;
	if (tells(fs, "proc/version_signature", ct_kver_from_signature, &f->kernel))
		return CT_PATCH_SIGNATURE;
	if (tells(fs, "proc/sys/kernel/version", ct_kver_from_build, &f->kernel) ||
	    tells(fs, "proc/version", ct_kver_from_build, &f->kernel))
		return CT_PATCH_BUILD;
	return *more && strncmp(more, "-rc", 3) != 0 ? CT_PATCH_ASSUMED : CT_PATCH_RELEASE;
}

/* "MemTotal:  12345 kB" to bytes. Returns: 0; -ENOENT if the line is another one; -EBADMSG. */
static int meminfo_line(const char *line, const char *name, uint64_t *ret)
{
	size_t n = strlen(name);
	char number[32], unit[4], more;
	uint64_t kib;

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return -ENOENT;
	if (sscanf(line + n + 1, " %31[0-9] %3s %c", number, unit, &more) != 2 || strcmp(unit, "kB") != 0)
		return -EBADMSG;
	return ct_parse_u64(number, &kib) == 0 && ct_mul_u64(kib, 1024, ret) ? 0 : -EBADMSG;
}

/* MemAvailable came with 3.14; before, what is free or easily made free. */
static struct ct_u64 mem_available(uint64_t available, bool has_available, const uint64_t parts[3], unsigned found)
{
	struct ct_u64 sum = { 0 };

	if (has_available)
		return (struct ct_u64){ .known = true, .v = available };
	sum.known = found == 3 && ct_add_u64(parts[0], parts[1], &sum.v) && ct_add_u64(sum.v, parts[2], &sum.v);
	return sum;
}

/* Kernels before 2.6.19 don't tell SReclaimable. A sum of four numbers of KiB in bytes that each fit may still not. */
static struct ct_u64 low_available(bool known, uint64_t free, uint64_t buffers, uint64_t reclaimable)
{
	struct ct_u64 sum = { 0 };

	sum.known = known && ct_add_u64(free, buffers, &sum.v) && ct_add_u64(sum.v, reclaimable, &sum.v);
	return sum;
}

const char *ct_facts_meminfo(char *text, struct ct_facts_memory *ret)
{
	static const char *const parts[] = { "MemFree", "Buffers", "Cached" };
	uint64_t part[3] = { 0 }, available = 0, low_free = 0, reclaimable = 0;
	struct ct_facts_memory m = { .total = { .known = false } };
	bool has_available = false;
	unsigned found = 0;
	char *line;
	int r;

	while ((line = ct_facts_line(&text))) {
		r = meminfo_line(line, "MemTotal", &m.total.v);
		if (r == -EBADMSG || (r == 0 && m.total.v == 0))
			return line;
		m.total.known |= r == 0;
		has_available |= meminfo_line(line, "MemAvailable", &available) == 0;
		m.unreclaimable.known |= meminfo_line(line, "SUnreclaim", &m.unreclaimable.v) == 0;
		m.low.known |= meminfo_line(line, "LowTotal", &m.low.v) == 0 && m.low.v > 0;
		(void)meminfo_line(line, "LowFree", &low_free);
		(void)meminfo_line(line, "SReclaimable", &reclaimable);
		for (size_t i = 0; i < ct_array_size(parts); i++)
			found += meminfo_line(line, parts[i], &part[i]) == 0;
	}
	m.available = mem_available(available, has_available, part, found);
	m.low_available = low_available(m.low.known, low_free, part[1], reclaimable);
	*ret = m;
	return NULL;
}

static int read_memory(struct ct_fs *fs, struct ct_facts *f, struct ct_err *err)
{
	static const char path[] = "proc/meminfo";
	struct ct_facts_memory memory;
	const char *malformed;
	char text[8192];
	int r;

	r = ct_facts_text(fs, path, text, sizeof(text), err);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	malformed = ct_facts_meminfo(text, &memory);
	if (malformed)
		return bad(fs, path, malformed, err);
	f->ram_bytes = memory.total;
	f->mem_available_bytes = memory.available;
	f->low_bytes = memory.low;
	f->low_available_bytes = memory.low_available;
	return 0;
}

/* The kernel writes addresses as wide as its pointers, zeros to those who may not see them. */
static unsigned symbol_bits(struct ct_fs *fs)
{
	static const char *const paths[] = { "proc/kallsyms", "proc/ksyms" /* 2.4 */ };
	char text[32];

	for (size_t i = 0; i < ct_array_size(paths); i++) {
		size_t n;

		/* the start only: the file is megabytes long */
		if (ct_fs_read_start(fs, paths[i], text, sizeof(text), NULL, NULL) < 0)
			continue;
		n = strspn(text, "0123456789abcdef");
		if (text[n] == ' ' && (n == 8 || n == 16))
			return (unsigned)n * 4;
	}
	return 0;
}

static unsigned machine_bits(const char *machine)
{
	if (!*machine)
		return 0;
	return strstr(machine, "64") || strcmp(machine, "s390x") == 0 || strcmp(machine, "alpha") == 0 ? 64 : 32;
}

/* "KEY=VALUE" lines of the file that capture.sh adds for what no file of the kernel tells; "" if there is none. */
static void captured(struct ct_fs *fs, const char *key, char *ret, size_t n)
{
	char text[1024], *rest = text, *line;
	size_t k = strlen(key);

	*ret = '\0';
	if (ct_fs_is_live(fs) || ct_facts_text(fs, "capture", text, sizeof(text), NULL) < 0)
		return;
	while ((line = ct_facts_line(&rest)))
		if (strncmp(line, key, k) == 0 && line[k] == '=' && is_printable(line) && strlen(line + k + 1) < n)
			strcpy(ret, line + k + 1);
}

static uint64_t captured_number(struct ct_fs *fs, const char *key)
{
	char text[32];
	uint64_t v;

	captured(fs, key, text, sizeof(text));
	return ct_parse_u64(text, &v) == 0 ? v : 0;
}

/* proc/sys/kernel/arch (6.1) first: uname(2) says what the personality of this process makes of it. */
static void read_machine(struct ct_fs *fs, struct ct_facts *f)
{
	struct utsname name;
	char text[sizeof(f->machine)];

	if (ct_facts_text(fs, "proc/sys/kernel/arch", text, sizeof(text), NULL) == 0 && is_printable(text))
		strcpy(f->machine, text);
	else if (ct_fs_is_live(fs) && uname(&name) == 0)
		(void)snprintf(f->machine, sizeof(f->machine), "%.*s", (int)sizeof(f->machine) - 1, name.machine);
	else
		captured(fs, "machine", f->machine, sizeof(f->machine));
}

static unsigned read_pointer_bits(struct ct_fs *fs, const struct ct_facts *f)
{
	unsigned bits = symbol_bits(fs);
	uint64_t v = captured_number(fs, "pointer_bits");

	if (!bits && (v == 32 || v == 64))
		bits = (unsigned)v;
	if (!bits)
		bits = machine_bits(f->machine);
	if (!bits)
		bits = ct_kver_at_least(&f->kernel, 2, 6, 0) ? 64 : 32;
	return bits;
}

static uint32_t read_page_bytes(struct ct_fs *fs)
{
	uint64_t v = ct_fs_is_live(fs) ? (uint64_t)sysconf(_SC_PAGESIZE) : captured_number(fs, "page_bytes");

	return v >= PAGE_DEFAULT && v <= PAGE_MAX && (v & (v - 1)) == 0 ? (uint32_t)v : PAGE_DEFAULT;
}

/* "0-3,8" is 5; 0 if it isn't a list of CPUs. */
static uint32_t cpu_list_count(const char *list)
{
	unsigned long first, last;
	uint64_t count = 0;
	char *end;

	for (;; list = end + 1) {
		if (!isdigit((unsigned char)*list))
			return 0;
		first = last = strtoul(list, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last >= CPUS_MAX)
			return 0;
		count += last - first + 1;
		if (*end == '\0')
			return count <= CPUS_MAX ? (uint32_t)count : 0;
		if (*end != ',')
			return 0;
	}
}

static uint32_t read_cpus(struct ct_fs *fs)
{
	ct_cleanup(ct_freep) char *text = NULL;
	char list[512], *rest, *line;
	uint32_t count = 0;

	if (ct_facts_text(fs, "sys/devices/system/cpu/possible", list, sizeof(list), NULL) == 0)
		count = cpu_list_count(list);
	if (count || ct_fs_read(fs, "proc/cpuinfo", &text, NULL, NULL) < 0)
		return count;
	rest = text;
	while ((line = ct_facts_line(&rest)))
		count += strncmp(line, "processor", 9) == 0 && (isspace((unsigned char)line[9]) || line[9] == ':');
	return count;
}

int ct_facts_machine(struct ct_fs *fs, const struct ct_facts_override *over, struct ct_facts *f, struct ct_err *err)
{
	int r = 0;

	if (over->kernel.major) {
		f->kernel = over->kernel;
		f->patch_source = CT_PATCH_GIVEN;
		(void)snprintf(f->release, sizeof(f->release), "%u.%u.%u", f->kernel.major, f->kernel.minor, f->kernel.patch);
	} else {
		r = read_kernel(fs, f, err);
		if (r == 0)
			f->patch_source = find_patch(fs, f);
	}
	if (r == 0 && over->ram_bytes)
		f->ram_bytes = (struct ct_u64){ .known = true, .v = over->ram_bytes };
	else if (r == 0)
		r = read_memory(fs, f, err);
	if (r < 0)
		return r;
	read_machine(fs, f);
	f->pointer_bits = read_pointer_bits(fs, f);
	if (f->pointer_bits != 32)
		f->low_bytes.known = f->low_available_bytes.known = false;
	f->page_bytes = read_page_bytes(fs);
	f->cpus = read_cpus(fs);
	if (over->pointer_bits && over->pointer_bits != f->pointer_bits) {
		f->pointer_bits = over->pointer_bits;
		f->page_bytes = PAGE_DEFAULT;
		f->machine[0] = '\0';
	}
	return 0;
}
