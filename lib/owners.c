/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else sets limit and buckets, and who has the last word at the next boot. */
#include "config.h"
#include "boot_lines.h"
#include "fs.h"
#include "owners_parts.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <conntune/owners.h>

/* A larger file isn't a boot file that a person keeps; bounds what a captured tree can cost. */
#define BOOT_TEXT_MAX ((size_t)256 << 10)

/* Processes looked at; a machine with more is slower to list than this is worth. */
#define PROCESSES_MAX 4096

/* What we know of an owner beyond what we tell. */
struct row {
	struct ct_owner owner;
	bool works;                     /* it will be read, by a kernel that has what it sets */
};

struct ct_owners {
	struct row *row;
	size_t count, room;
};

struct scan {
	struct ct_fs *fs;
	struct ct_owners *owners;
	struct ct_kver kernel;
	bool builtin;                   /* modprobe.d is never read */
	bool systemd;                   /* sysctl.conf isn't read, unless sysctl.d has a link to it */
};

/* One kind of file: how lines are cut and read, and whether this machine reads such files at all. */
struct source {
	enum ct_owner_kind kind;
	char *(*cut)(struct ct_boot_text *text);
	bool (*parse)(char *line, const struct ct_kver *v, struct ct_boot_line *ret);
	bool works;
};

/* In order of precedence: the first one that has a file of some name hides that name in the others. */
static const char *const layers[] = { "etc", "run", "usr/local/lib", "usr/lib", "lib" };

static bool is_lib_merged(struct ct_fs *fs)
{
	char target[32];

	if (ct_fs_readlink(fs, "lib", target, sizeof(target), NULL) < 0)
		return false;
	return strcmp(target + (*target == '/'), "usr/lib") == 0;
}

static int owners_room(struct ct_owners *o)
{
	size_t room = o->room ? o->room * 2 : 16;
	struct row *more;

	if (o->count < o->room)
		return 0;
	more = reallocarray(o->row, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	o->row = more;
	o->room = room;
	return 0;
}

/* A name from somebody's tree; it will be printed. */
static void set_path(struct ct_owner *owner, const char *slash, const char *path)
{
	(void)snprintf(owner->path, sizeof(owner->path), "%s%s", slash, path);
	for (char *p = owner->path; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static int owners_add(struct ct_owners *o, const struct row *row)
{
	int r = owners_room(o);

	if (r == 0)
		o->row[o->count++] = *row;
	return r;
}

static int scan_text(struct scan *scan, const struct source *source, const char *path, char *text, bool hidden)
{
	struct ct_boot_text walk = { .next = text };
	bool ours = ct_boot_text_is_ours(text);
	struct ct_boot_line found;
	char *line;
	int r = 0;

	while (r == 0 && (line = source->cut(&walk))) {
		struct row row = { .owner = { .kind = source->kind, .hidden = hidden, .ours = ours } };

		if (!source->parse(line, &scan->kernel, &found))
			continue;
		row.owner.line = walk.line;
		row.owner.param = found.param;
		row.owner.known = found.known;
		row.owner.value = found.known ? found.value : 0;
		row.works = source->works && found.works && !hidden;
		set_path(&row.owner, "/", path);
		r = owners_add(scan->owners, &row);
	}
	return r;
}

/**
 * scan_file - one file; what can't be read sets nothing
 * Returns: 0; -ENOMEM; -EISDIR if it is a directory.
 */
static int scan_file(struct scan *scan, const struct source *source, const char *path, bool hidden)
{
	ct_cleanup(ct_freep) char *text = NULL;
	size_t len;
	int r = ct_fs_read(scan->fs, path, &text, &len, NULL);

	if (r == 0 && len <= BOOT_TEXT_MAX)
		return scan_text(scan, source, path, text, hidden);
	return r == -ENOMEM || r == -EISDIR ? r : 0;
}

/* One file of a directory that exists in several layers. */
struct entry {
	char *name;
	size_t layer;
};

struct entries {
	struct entry *entry;
	size_t count;
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->entry[i].name);
	free(e->entry);
}

static bool is_conf(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static int entries_add(struct scan *scan, struct entries *e, size_t layer, const char *leaf)
{
	struct entry *more;
	size_t count;
	char **names;
	char dir[64];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/%s", layers[layer], leaf);
	r = ct_fs_list(scan->fs, dir, &names, &count, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	more = reallocarray(e->entry, e->count + count + 1, sizeof(*more));
	if (more) {
		e->entry = more;
		for (size_t i = 0; i < count; i++)
			if (is_conf(names[i]))
				e->entry[e->count++] = (struct entry){ .name = ct_take(names[i]), .layer = layer };
	}
	ct_fs_list_free(names, count);
	return more ? 0 : -ENOMEM;
}

static int by_name_and_layer(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->layer > y->layer) - (x->layer < y->layer);
}

/* Debian links sysctl.conf into sysctl.d as 99-sysctl.conf, and modules into modules-load.d as modules.conf. */
static bool is_link_to(struct ct_fs *fs, const char *path, const char *below_etc)
{
	char link[64], *target = link;

	if (ct_fs_readlink(fs, path, link, sizeof(link), NULL) < 0)
		return false;
	while (strncmp(target, "../", 3) == 0)
		target += 3;
	target += *target == '/';
	if (strncmp(target, "etc/", 4) == 0)
		target += 4;
	return strcmp(target, below_etc) == 0;
}

/**
 * scan_layers - LAYER/@leaf/NAME.conf in the order in which they are read
 * @linked: name below etc of an old file, or NULL; @is_linked is set if one of the new ones is a link to it
 */
static int scan_layers(struct scan *scan, const struct source *source, const char *leaf, const char *linked,
		       bool *is_linked)
{
	ct_cleanup(entries_done) struct entries e = { 0 };
	size_t last = ct_array_size(layers) - is_lib_merged(scan->fs);
	const char *shown = "";
	char path[384];
	int r;

	for (size_t i = 0; i < last; i++) {
		r = entries_add(scan, &e, i, leaf);
		if (r < 0)
			return r;
	}
	if (e.count)
		qsort(e.entry, e.count, sizeof(*e.entry), by_name_and_layer);
	for (size_t i = 0; i < e.count; i++) {
		bool hidden = strcmp(e.entry[i].name, shown) == 0;

		(void)snprintf(path, sizeof(path), "%s/%s/%s", layers[e.entry[i].layer], leaf, e.entry[i].name);
		r = scan_file(scan, source, path, hidden);
		if (r == -ENOMEM)
			return r;
		/* a directory hides nothing, but what can't be read does: a dangling link is how a file is masked */
		if (r == 0)
			shown = e.entry[i].name;
		if (linked && !hidden && is_link_to(scan->fs, path, linked))
			*is_linked = true;
	}
	return 0;
}

/* systemd-sysctl and `sysctl --system` agree on sysctl.d; the latter alone reads sysctl.conf, at the end. */
static int scan_sysctl(struct scan *scan)
{
	struct source source = {
		.kind = CT_OWNER_SYSCTL,
		.cut = ct_boot_text_line,
		.parse = ct_parse_sysctl_line,
		.works = true,
	};
	bool linked = false;
	int r = scan_layers(scan, &source, "sysctl.d", "sysctl.conf", &linked);

	if (r < 0 || linked)
		return r;
	source.works = !scan->systemd;
	return scan_file(scan, &source, "etc/sysctl.conf", false);
}

/* modules.conf belongs to the modutils of 2.4, modprobe.conf to the module-init-tools, which kmod replaced with 3.x. */
static int scan_modprobe(struct scan *scan)
{
	struct source source = {
		.kind = CT_OWNER_MODPROBE,
		.cut = ct_boot_text_wrapped,
		.parse = ct_parse_modprobe_line,
	};
	bool old = !ct_kver_at_least(&scan->kernel, 2, 6, 0);
	int r;

	source.works = !scan->builtin && old;
	r = scan_file(scan, &source, "etc/modules.conf", false);
	source.works = !scan->builtin && !old && !ct_kver_at_least(&scan->kernel, 3, 0, 0);
	if (r != -ENOMEM)
		r = scan_file(scan, &source, "etc/modprobe.conf", false);
	source.works = !scan->builtin && !old;
	if (r != -ENOMEM)
		r = scan_layers(scan, &source, "modprobe.d", NULL, NULL);
	return r;
}

static char *cut_nothing(struct ct_boot_text *text)
{
	char *line = text->next;

	text->next = line + strlen(line);
	return *line ? line : NULL;
}

static int scan_cmdline(struct scan *scan)
{
	static const struct source source = {
		.kind = CT_OWNER_CMDLINE,
		.cut = cut_nothing,
		.parse = ct_parse_cmdline,
		.works = true,
	};

	return scan_file(scan, &source, "proc/cmdline", false);
}

static int scan_modules_load(struct scan *scan)
{
	static const struct source source = {
		.kind = CT_OWNER_MODULES_LOAD,
		.cut = ct_boot_text_line,
		.parse = ct_parse_modules_line,
	};
	bool linked = false;
	int r = scan_layers(scan, &source, "modules-load.d", "modules", &linked);

	return r < 0 || linked ? r : scan_file(scan, &source, "etc/modules", false);
}

/*
 * Reference 7.8. kube-proxy sets both from the number of CPUs, tuned what its profile says. firewalld loads
 * the module, but sets neither.
 */
enum { CONNTUNED, KUBE_PROXY, TUNED };
static const char *const programs[] = { [CONNTUNED] = "conntuned", [KUBE_PROXY] = "kube-proxy", [TUNED] = "tuned" };

static int add_tuned(struct scan *scan)
{
	struct row row = { .owner = { .kind = CT_OWNER_PROGRAM } };
	struct ct_tuned tuned;
	int r = ct_tuned_read(scan->fs, &scan->kernel, &tuned);

	set_path(&row.owner, "", programs[TUNED]);
	for (size_t i = 0; r == 0 && i < ct_array_size(tuned.sets); i++) {
		if (!tuned.sets[i])
			continue;
		row.owner.param = tuned.line[i].param;
		row.owner.known = tuned.line[i].known;
		row.owner.value = tuned.line[i].known ? tuned.line[i].value : 0;
		r = owners_add(scan->owners, &row);
	}
	return r;
}

static int add_program(struct scan *scan, const char *name)
{
	static const enum ct_param_id params[] = { CT_PARAM_LIMIT, CT_PARAM_BUCKETS };
	struct row row = { .owner = { .kind = CT_OWNER_PROGRAM } };
	int r = 0;

	set_path(&row.owner, "", name);
	for (size_t i = 0; r == 0 && i < ct_array_size(params); i++) {
		row.owner.param = params[i];
		r = owners_add(scan->owners, &row);
	}
	return r;
}

/* Index in programs[], or -1. */
static int program_of(struct ct_fs *fs, const char *pid)
{
	char path[64], comm[32];

	(void)snprintf(path, sizeof(path), "proc/%.20s/comm", pid);
	if (ct_fs_read_start(fs, path, comm, sizeof(comm), NULL, NULL) < 0)
		return -1;
	comm[strcspn(comm, "\n")] = '\0';
	for (size_t i = 0; i < ct_array_size(programs); i++)
		if (strcmp(comm, programs[i]) == 0)
			return (int)i;
	return -1;
}

static int scan_programs(struct scan *scan)
{
	bool runs[ct_array_size(programs)] = { false };
	size_t count, seen = 0;
	char **names;
	int r = ct_fs_list(scan->fs, "proc", &names, &count, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < count && seen < PROCESSES_MAX; i++) {
		int p = isdigit((unsigned char)names[i][0]) ? program_of(scan->fs, names[i]) : -1;

		seen += isdigit((unsigned char)names[i][0]) != 0;
		if (p >= 0)
			runs[p] = true;
	}
	ct_fs_list_free(names, count);
	for (size_t i = 0; r == 0 && i < ct_array_size(programs); i++)
		if (runs[i])
			r = i == TUNED ? add_tuned(scan) : add_program(scan, programs[i]);
	return r;
}

/* The last one that works, as its lines are in the order in which they are read. */
static struct row *last_of(const struct ct_owners *o, enum ct_owner_kind kind, enum ct_param_id param)
{
	for (size_t i = o->count; i-- > 0;)
		if (o->row[i].works && o->row[i].owner.kind == kind && o->row[i].owner.param == param)
			return &o->row[i];
	return NULL;
}

/* Options are concatenated, and one that the module refuses keeps it from loading, wherever it stands. */
static struct row *first_broken_option(const struct ct_owners *o)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct ct_owner *owner = &o->row[i].owner;

		if (o->row[i].works && !owner->known &&
		    (owner->kind == CT_OWNER_MODPROBE || owner->kind == CT_OWNER_CMDLINE))
			return &o->row[i];
	}
	return NULL;
}

/* A sysctl line that the kernel refuses decides nothing, but it replaces the lines before it. */
static struct row *decide(const struct ct_owners *o, enum ct_param_id param)
{
	static const enum ct_owner_kind kinds[] = { CT_OWNER_SYSCTL, CT_OWNER_CMDLINE, CT_OWNER_MODPROBE };

	for (size_t i = 0; i < ct_array_size(kinds); i++) {
		struct row *row = last_of(o, kinds[i], param);

		if (row && row->owner.known)
			return row;
	}
	return NULL;
}

static void find_winners(const struct scan *scan)
{
	struct row *limit = decide(scan->owners, CT_PARAM_LIMIT);
	struct row *buckets = scan->builtin ? NULL : first_broken_option(scan->owners);

	if (!buckets)
		buckets = decide(scan->owners, CT_PARAM_BUCKETS);
	if (limit)
		limit->owner.wins = true;
	if (buckets)
		buckets->owner.wins = true;
}

static bool is_there(struct ct_fs *fs, const char *path)
{
	struct ct_fs_info info;

	return ct_fs_info(fs, path, &info, NULL) == 0;
}

static bool is_builtin(struct ct_fs *fs, const char *module)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "sys/module/%s", module);
	if (!is_there(fs, path))
		return false;
	(void)snprintf(path, sizeof(path), "sys/module/%s/initstate", module);
	if (is_there(fs, path))
		return false;
	(void)snprintf(path, sizeof(path), "sys/module/%s/refcnt", module);
	return !is_there(fs, path);
}

/* Where the version can't be told, the newest kernel is the likeliest. */
static void scan_machine(struct scan *scan)
{
	char release[96];

	scan->kernel = (struct ct_kver){ .major = UINT16_MAX };
	if (ct_fs_read_start(scan->fs, "proc/sys/kernel/osrelease", release, sizeof(release), NULL, NULL) == 0) {
		release[strcspn(release, "\n")] = '\0';
		(void)ct_kver_parse(release, &scan->kernel, NULL);
	}
	scan->builtin = is_builtin(scan->fs, "nf_conntrack") || is_builtin(scan->fs, "ip_conntrack");
	scan->systemd = is_there(scan->fs, "run/systemd/system") ||
			is_there(scan->fs, "usr/lib/systemd/systemd-sysctl") ||
			is_there(scan->fs, "lib/systemd/systemd-sysctl");
}

static void owners_freep(struct ct_owners **o)
{
	(void)ct_owners_free(*o);
}

int ct_owners_collect(struct ct_fs *fs, struct ct_owners **ret, struct ct_err *err)
{
	static int (*const steps[])(struct scan *) = {
		scan_sysctl, scan_modprobe, scan_cmdline, scan_modules_load, scan_programs,
	};
	ct_cleanup(owners_freep) struct ct_owners *owners = calloc(1, sizeof(*owners));
	struct scan scan = { .fs = fs, .owners = owners };

	if (!owners)
		return ct_err_set(err, -ENOMEM, "out of memory");
	scan_machine(&scan);
	/* the only failure is lack of memory: what can't be read isn't an owner */
	for (size_t i = 0; i < ct_array_size(steps); i++)
		if (steps[i](&scan) == -ENOMEM)
			return ct_err_set(err, -ENOMEM, "out of memory");
	find_winners(&scan);
	*ret = ct_take(owners);
	return 0;
}

struct ct_owners *ct_owners_free(struct ct_owners *owners)
{
	if (owners)
		free(owners->row);
	free(owners);
	return NULL;
}

size_t ct_owners_count(const struct ct_owners *owners)
{
	return owners->count;
}

const struct ct_owner *ct_owners_at(const struct ct_owners *owners, size_t i)
{
	return i < owners->count ? &owners->row[i].owner : NULL;
}

const struct ct_owner *ct_owners_winner(const struct ct_owners *owners, enum ct_param_id id)
{
	for (size_t i = 0; i < owners->count; i++)
		if (owners->row[i].owner.wins && owners->row[i].owner.param == id)
			return &owners->row[i].owner;
	return NULL;
}

const char *ct_owner_kind_name(enum ct_owner_kind kind)
{
	switch (kind) {
	case CT_OWNER_SYSCTL:
		return "sysctl";
	case CT_OWNER_MODPROBE:
		return "modprobe";
	case CT_OWNER_MODULES_LOAD:
		return "modules-load";
	case CT_OWNER_CMDLINE:
		return "cmdline";
	case CT_OWNER_PROGRAM:
		return "program";
	}
	return "";
}
