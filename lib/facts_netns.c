/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which network namespace this is, and how many there are. */
#include "config.h"
#include "facts_parts.h"
#include "fs.h"
#include "util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Looking further would cost more than the answer is worth: it is a floor for the memory estimate. */
#define PROCESSES_MAX 4096
#define NAMES_MAX 4096

struct netns_set {
	uint64_t inode[PROCESSES_MAX + NAMES_MAX + 1];
	size_t count;
	uint32_t nameless;              /* there, but nobody can tell whether it is one of the others */
};

static struct ct_u64 netns_link(struct ct_fs *fs, const char *path)
{
	struct ct_u64 inode = { 0 };
	char text[64];
	int end = 0;

	if (ct_fs_readlink(fs, path, text, sizeof(text), NULL) == 0)
		inode.known = sscanf(text, "net:[%" SCNu64 "]%n", &inode.v, &end) == 1 && end && !text[end];
	return inode;
}

static void add(struct netns_set *set, struct ct_u64 inode)
{
	if (inode.known)
		set->inode[set->count++] = inode.v;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* In the order of the directory, so that the first thousands are cheap however many there are. */
static int add_processes(struct ct_fs *fs, struct netns_set *set)
{
	ct_cleanup(close_dir) DIR *dir = NULL;
	char path[300];
	struct dirent *e;
	int seen = 0;
	int fd = ct_fs_open(fs, "proc", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, NULL);

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (seen < PROCESSES_MAX && (e = readdir(dir))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		seen++;
		(void)snprintf(path, sizeof(path), "proc/%s/ns/net", e->d_name);
		add(set, netns_link(fs, path));
	}
	return 0;
}

/* "ip netns add": a mount whose inode number is the namespace's; in a captured tree a link with the same text as in proc. */
static void add_names(struct ct_fs *fs, struct netns_set *set)
{
	struct ct_fs_info info;
	char **names, path[300];
	size_t n;

	if (ct_fs_list(fs, "run/netns", &names, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n && i < NAMES_MAX; i++) {
		struct ct_u64 inode;

		(void)snprintf(path, sizeof(path), "run/netns/%s", names[i]);
		inode = netns_link(fs, path);
		if (!inode.known && ct_fs_is_live(fs) && ct_fs_info(fs, path, &info, NULL) == 0)
			inode = (struct ct_u64){ .known = true, .v = info.inode };
		add(set, inode);
		set->nameless += !inode.known;
	}
	ct_fs_list_free(names, n);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t count_distinct(struct netns_set *set)
{
	uint32_t count = set->nameless;

	qsort(set->inode, set->count, sizeof(set->inode[0]), by_value);
	for (size_t i = 0; i < set->count; i++)
		count += i == 0 || set->inode[i] != set->inode[i - 1];
	return count ? count : 1;
}

/*
 * net/nf_conntrack_max is registered in the first namespace only. Before 2.6.28 conntrack knew no namespaces. Where
 * limit and link are both missing (not loaded, or hidden from a user namespace, 3.8 .. 4.20) nothing tells.
 */
static void find_initial(struct ct_fs *fs, struct ct_facts *f)
{
	struct ct_fs_info info;

	if (!ct_kver_at_least(&f->kernel, 2, 6, 28)) {
		f->netns_initial_known = f->netns_initial = true;
		return;
	}
	f->netns_initial = ct_fs_info(fs, "proc/sys/net/nf_conntrack_max", &info, NULL) == 0;
	f->netns_initial_known = f->netns_initial || f->value[CT_PARAM_LIMIT].known;
}

int ct_facts_netns(struct ct_fs *fs, struct ct_facts *f)
{
	struct netns_set set;
	int r;

	set.count = 0;
	set.nameless = 0;
	f->netns_inode = netns_link(fs, "proc/self/ns/net");
	add(&set, f->netns_inode);
	r = add_processes(fs, &set);
	add_names(fs, &set);
	f->netns_count = count_distinct(&set);
	find_initial(fs, f);
	return r;
}
