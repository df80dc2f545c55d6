/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One snapshot of a machine: what is there, and the present value of every tunable. */
#include "config.h"
#include "facts_parts.h"
#include "fs.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RAM_MIN (UINT64_C(1) << 20)
#define RAM_MAX (UINT64_C(1) << 52)
#define ENTRY_MIN 16
#define ENTRY_MAX 65536

/* More connections than the low memory of kernels that must be counted this way can hold, 200 bytes of text each. */
#define LIST_BYTES_MAX ((size_t)512 << 20)

char *ct_facts_line(char **rest)
{
	char *line = *rest;

	if (!*line)
		return NULL;
	*rest += strcspn(line, "\n");
	if (**rest)
		*(*rest)++ = '\0';
	return line;
}

int ct_facts_text(struct ct_fs *fs, const char *path, char *buf, size_t n, struct ct_err *err)
{
	struct ct_err why;
	size_t len;
	int r = ct_fs_read_start(fs, path, buf, n, &len, &why);

	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EPERM)
		return -ENODATA;
	if (r < 0)
		return ct_err_set(err, -EBADMSG, "%s", why.msg);
	if (strlen(buf) != len)
		return ct_err_set(err, -EBADMSG, "%s below %s isn't text", path, ct_fs_root(fs));
	if (len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	return 0;
}

struct ct_u64 ct_facts_number(struct ct_fs *fs, const char *path)
{
	struct ct_u64 number = { 0 };
	int64_t v;

	if (ct_fs_read_i64(fs, path, &v, NULL) == 0 && v >= 0)
		number = (struct ct_u64){ .known = true, .v = (uint64_t)v };
	return number;
}

static bool exists(struct ct_fs *fs, const char *path)
{
	struct ct_fs_info info;

	return ct_fs_info(fs, path, &info, NULL) == 0;
}

static bool is_listed_module(struct ct_fs *fs, const char *name)
{
	ct_cleanup(ct_freep) char *text = NULL;
	char *rest, *line;
	size_t n = strlen(name);

	if (ct_fs_read(fs, "proc/modules", &text, NULL, NULL) < 0)
		return false;
	rest = text;
	while ((line = ct_facts_line(&rest)))
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			return true;
	return false;
}

/* What the reference's section 9 says: a built-in one has no initstate; before 2.6.22 proc/modules tells. */
static enum ct_presence find_one(struct ct_fs *fs, const struct ct_kver *v, const char *name, const char *const *limits)
{
	struct ct_fs_info info;
	bool present;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "sys/module/%s/initstate", name);
	r = ct_fs_info(fs, path, &info, NULL);
	if (r == 0 || (!ct_kver_at_least(v, 2, 6, 22) && is_listed_module(fs, name)))
		return CT_PRESENCE_MODULE;
	(void)snprintf(path, sizeof(path), "sys/module/%s", name);
	present = exists(fs, path);
	for (; *limits && !present; limits++)
		present = exists(fs, *limits);
	if (!present)
		return CT_PRESENCE_ABSENT;
	/* who may not look takes it for a module: at worst options are written that nobody reads */
	return r == -ENOENT || r == -ENOTDIR ? CT_PRESENCE_BUILTIN : CT_PRESENCE_MODULE;
}

/* nf_conntrack first: until 4.8 it has the old names too. */
static void find_presence(struct ct_fs *fs, const struct ct_kernel *kernel, struct ct_facts *f)
{
	static const char *const nf[] = { "proc/sys/net/netfilter/nf_conntrack_max", NULL };
	static const char *const ip[] = { "proc/sys/net/ipv4/netfilter/ip_conntrack_max",
					  "proc/sys/net/ipv4/ip_conntrack_max", NULL };

	f->ip_conntrack = false;
	f->presence = find_one(fs, &f->kernel, "nf_conntrack", nf);
	if (f->presence != CT_PRESENCE_ABSENT)
		return;
	f->presence = find_one(fs, &f->kernel, "ip_conntrack", ip);
	f->ip_conntrack = f->presence != CT_PRESENCE_ABSENT || kernel->ip_conntrack;
}

/*
 * A service may have all of proc/sys read-only but the directory that it needs. A captured tree can't hold mounts; its
 * proc/mounts names them, the later one on top.
 */
static bool is_sysctl_read_only(struct ct_fs *fs)
{
	ct_cleanup(ct_freep) char *text = NULL;
	char *rest, *line, point[16], options[8];
	struct ct_fs_info info;
	bool read_only = false;

	if ((ct_fs_info(fs, "proc/sys/net/netfilter", &info, NULL) == 0 || ct_fs_info(fs, "proc/sys", &info, NULL) == 0) &&
	    info.read_only_mount)
		return true;
	if (ct_fs_is_live(fs) || ct_fs_read(fs, "proc/mounts", &text, NULL, NULL) < 0)
		return false;
	rest = text;
	while ((line = ct_facts_line(&rest)))
		if (sscanf(line, "%*s %15s %*s %7[^, ]", point, options) == 2 &&
		    (strcmp(point, "/proc") == 0 || strcmp(point, "/proc/sys") == 0))
			read_only = strcmp(options, "ro") == 0;
	return read_only;
}

/* Module parameters of type bool read as Y and N. */
static int parse_value(const char *text, int64_t *ret)
{
	if (strcmp(text, "Y") == 0 || strcmp(text, "N") == 0) {
		*ret = *text == 'Y';
		return 0;
	}
	return strpbrk(text, " \t\nx") ? -EINVAL : ct_parse_i64(text, ret);
}

/* Returns: 0; -ENODATA if this file isn't there or can't be read; -EBADMSG. */
static int read_value(struct ct_fs *fs, const char *path, bool sysctl_read_only, struct ct_value *ret, struct ct_err *err)
{
	struct ct_fs_info info;
	char text[64];
	int r;

	r = ct_facts_text(fs, path, text, sizeof(text), err);
	if (r < 0)
		return r;
	if (parse_value(text, &ret->v) < 0)
		return ct_err_set(err, -EBADMSG, "%s below %s holds '%.40s', not a whole number", path, ct_fs_root(fs), text);
	ret->known = true;
	ret->path = path;
	ret->writable = ct_fs_info(fs, path, &info, NULL) == 0 && info.writable &&
			!(sysctl_read_only && strncmp(path, "proc/sys/", 9) == 0);
	return 0;
}

static bool is_in_use(const struct ct_param_path *p, const struct ct_kver *v)
{
	return ct_kver_cmp(&p->since, v) <= 0 && (p->until.major == 0 || ct_kver_cmp(v, &p->until) <= 0);
}

/* The paths of this kernel first; vendors backport, so then the others. */
static int find_value(struct ct_fs *fs, struct ct_facts *f, enum ct_param_id id, struct ct_err *err)
{
	const struct ct_param *p = ct_param_get(id);
	int r = -ENODATA;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; p->paths[i].path && r == -ENODATA; i++)
			if (is_in_use(&p->paths[i], &f->kernel) == (pass == 0))
				r = read_value(fs, p->paths[i].path, f->sysctl_read_only, &f->value[id], err);
	return r;
}

static int read_values(struct ct_fs *fs, struct ct_facts *f, struct ct_err *err)
{
	for (enum ct_param_id id = 0; id < CT_PARAM__COUNT; id++) {
		bool sizes_depend = id == CT_PARAM_LIMIT || id == CT_PARAM_BUCKETS;

		if (find_value(fs, f, id, sizes_depend ? err : NULL) == -EBADMSG && sizes_depend)
			return -EBADMSG;
	}
	return 0;
}

/* A list that is read in pieces: how far into its line it is, and whether that began with @mark so far. */
struct lines {
	const char *mark;
	size_t mark_len, at;
	bool same;
	uint64_t marked, others;
};

static void count_piece(struct lines *l, const char *piece, size_t n)
{
	while (n > 0) {
		const char *end = memchr(piece, '\n', n);
		size_t len = end ? (size_t)(end - piece) : n;

		for (size_t i = 0; i < len && l->at + i < l->mark_len; i++)
			l->same = l->same && piece[i] == l->mark[l->at + i];
		l->at += len;
		if (!end)
			return;
		*(l->same && l->at >= l->mark_len ? &l->marked : &l->others) += 1;
		l->same = true;
		l->at = 0;
		piece = end + 1;
		n -= len + 1;
	}
}

/* Lines of a long file: those that start with @mark and the others. Returns: 0; -EFBIG if it seems to have no end. */
static int count_lines(struct ct_fs *fs, const char *path, const char *mark, uint64_t *marked, uint64_t *others)
{
	ct_cleanup(ct_closep) int fd = ct_fs_open_regular(fs, path, O_RDONLY, NULL);
	struct lines l = { .mark = mark, .mark_len = strlen(mark), .same = true };
	size_t all = 0;
	char buf[16384];
	ssize_t got;

	if (fd < 0)
		return fd;
	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		count_piece(&l, buf, (size_t)got);
		all += (size_t)got;
		if (all > LIST_BYTES_MAX)
			return -EFBIG;
	}
	*marked = l.marked;
	*others = l.others;
	return got < 0 ? -errno : 0;
}

/* ip_conntrack before 2.6.9 counts nowhere; the list holds expectations too. */
static void count_ip_entries(struct ct_fs *fs, struct ct_facts *f)
{
	static const char path[] = "proc/net/ip_conntrack";
	uint64_t expected, entries;

	if (f->value[CT_PARAM_COUNT].known || count_lines(fs, path, "EXPECTING", &expected, &entries) < 0)
		return;
	f->value[CT_PARAM_COUNT] = (struct ct_value){ .known = true, .v = (int64_t)entries, .path = path };
	f->expect_entries = (struct ct_u64){ .known = true, .v = expected };
}

static void count_expectations(struct ct_fs *fs, struct ct_facts *f)
{
	const char *path = f->ip_conntrack ? "proc/net/ip_conntrack_expect" : "proc/net/nf_conntrack_expect";
	uint64_t none, all;

	if (count_lines(fs, path, "\n", &none, &all) == 0)
		f->expect_entries = (struct ct_u64){ .known = true, .v = all };
}

static int observe(struct ct_fs *fs, const struct ct_kernel *kernel, struct ct_facts *f, struct ct_err *err)
{
	int r;

	find_presence(fs, kernel, f);
	f->sysctl_read_only = is_sysctl_read_only(fs);
	r = read_values(fs, f, err);
	if (r < 0)
		return r;
	if (f->ip_conntrack)
		count_ip_entries(fs, f);
	count_expectations(fs, f);
	r = ct_facts_netns(fs, f);
	ct_facts_entry(fs, kernel, f);
	return r < 0 ? ct_err_set(err, r, "out of memory") : 0;
}

/* Another machine: nothing of this one's present state applies. */
static void suppose(const struct ct_kernel *kernel, struct ct_facts *f)
{
	f->mem_available_bytes.known = false;
	f->low_bytes.known = f->low_available_bytes.known = false;
	f->ip_conntrack = kernel->ip_conntrack;
	f->entry_source = CT_ENTRY_MODEL;
	f->entry_slab_bytes = (struct ct_u64){ .known = true, .v = kernel->slab_entry_bytes };
	f->entry_bytes = kernel->slab_entry_bytes;
}

static void give_entry_bytes(uint64_t bytes, struct ct_facts *f)
{
	f->entry_source = CT_ENTRY_GIVEN;
	f->entry_bytes = bytes;
	f->entry_slab_bytes.known = false;
	f->entry_extension_bytes = 0;
	f->extension_reasons = 0;
}

static int check_override(const struct ct_facts_override *o, struct ct_err *err)
{
	if (o->ram_bytes && (o->ram_bytes < RAM_MIN || o->ram_bytes > RAM_MAX))
		return ct_err_set(err, -EINVAL, "%" PRIu64 " bytes of RAM is outside %" PRIu64 " .. %" PRIu64, o->ram_bytes,
				  RAM_MIN, RAM_MAX);
	if (o->pointer_bits && o->pointer_bits != 32 && o->pointer_bits != 64)
		return ct_err_set(err, -EINVAL, "pointers of %u bits: 32 or 64 are known", o->pointer_bits);
	if (o->entry_bytes && (o->entry_bytes < ENTRY_MIN || o->entry_bytes > ENTRY_MAX))
		return ct_err_set(err, -EINVAL, "%" PRIu64 " bytes per entry is outside %d .. %d", o->entry_bytes, ENTRY_MIN,
				  ENTRY_MAX);
	return 0;
}

static int fail_unread(const struct ct_fs *fs, int code, struct ct_err *err)
{
	errno = -code;
	return ct_err_set(err, code, "cannot read all files of the kernel below %s: %m", ct_fs_root(fs));
}

int ct_facts_collect(struct ct_fs *fs, const struct ct_facts_override *over, struct ct_facts *ret, struct ct_err *err)
{
	static const struct ct_facts_override as_found;
	struct ct_facts f = { .netns_count = 1 };
	struct ct_kernel kernel;
	int r;

	if (!over)
		over = &as_found;
	(void)ct_fs_trouble(fs);
	r = check_override(over, err);
	if (r == 0)
		r = ct_facts_machine(fs, over, &f, err);
	if (r == 0)
		r = ct_kernel_describe(&f.kernel, f.page_bytes, f.pointer_bits, &kernel, err);
	if (r < 0)
		return r;
	if (over->ram_bytes || over->pointer_bits || over->kernel.major)
		suppose(&kernel, &f);
	else
		r = observe(fs, &kernel, &f, err);
	if (r < 0)
		return r;
	r = ct_fs_trouble(fs);
	if (r < 0)
		return fail_unread(fs, r, err);
	if (over->entry_bytes)
		give_entry_bytes(over->entry_bytes, &f);
	*ret = f;
	return 0;
}

/* What the log said when the module was loaded stands in where the kernel has no file for it. */
static struct ct_u64 value_or_log(const struct ct_value *value, struct ct_u64 logged)
{
	if (value->known)
		return (struct ct_u64){ .known = true, .v = value->v < 0 ? 0 : (uint64_t)value->v };
	return logged;
}

struct ct_u64 ct_facts_limit(const struct ct_facts *facts)
{
	return value_or_log(&facts->value[CT_PARAM_LIMIT], facts->log_limit);
}

struct ct_u64 ct_facts_buckets(const struct ct_facts *facts)
{
	return value_or_log(&facts->value[CT_PARAM_BUCKETS], facts->log_buckets);
}

struct ct_u64 ct_facts_entries(const struct ct_facts *facts)
{
	static const struct ct_u64 unknown;

	return value_or_log(&facts->value[CT_PARAM_COUNT], unknown);
}

const char *ct_entry_source_name(enum ct_entry_source source)
{
	switch (source) {
	case CT_ENTRY_GIVEN:
		return "given";
	case CT_ENTRY_SLAB:
		return "slab";
	case CT_ENTRY_SLABINFO:
		return "slabinfo";
	case CT_ENTRY_LOG:
		return "log";
	case CT_ENTRY_MODEL:
		return "model";
	}
	return "?";
}

const char *ct_patch_source_name(enum ct_patch_source source)
{
	switch (source) {
	case CT_PATCH_RELEASE:
		return "release";
	case CT_PATCH_BUILD:
		return "build";
	case CT_PATCH_SIGNATURE:
		return "signature";
	case CT_PATCH_ASSUMED:
		return "assumed";
	case CT_PATCH_GIVEN:
		return "given";
	}
	return "?";
}

const char *ct_presence_name(enum ct_presence presence)
{
	switch (presence) {
	case CT_PRESENCE_ABSENT:
		return "absent";
	case CT_PRESENCE_MODULE:
		return "module";
	case CT_PRESENCE_BUILTIN:
		return "built-in";
	}
	return "?";
}
