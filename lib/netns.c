/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces: found by name and by process, each looked into by a thread that goes there. */
#include "config.h"
#include "fs.h"
#include "util.h"

#include <conntune/netns.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673           /* 3.19; linux/magic.h has it from 4.12 */
#endif

static const char count_path[] = "proc/sys/net/netfilter/nf_conntrack_count";

struct ct_netns_list {
	struct ct_netns *v;
	size_t count, room;
};

static int add(struct ct_netns_list *list, const struct ct_netns *netns, struct ct_err *err)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct ct_netns *grown = realloc(list->v, room * sizeof(*grown));

		if (!grown)
			return ct_err_set(err, -ENOMEM, "out of memory");
		list->v = grown;
		list->room = room;
	}
	list->v[list->count++] = *netns;
	return 0;
}

/* "net:[4026531840]", the text of the link in proc, and of one in run/netns of a captured tree. */
static bool read_link(struct ct_fs *fs, const char *path, uint64_t *inode)
{
	char text[64];
	int end = 0;

	return ct_fs_readlink(fs, path, text, sizeof(text), NULL) == 0 &&
	       sscanf(text, "net:[%" SCNu64 "]%n", inode, &end) == 1 && end && !text[end];
}

/* Inode number behind a descriptor; false if it isn't a namespace: a name may outlive the mount on it. */
static bool inode_of(int fd, uint64_t *inode)
{
	struct statfs sfs;
	struct stat st;

	if (fstatfs(fd, &sfs) < 0 || sfs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0)
		return false;
	*inode = st.st_ino;
	return true;
}

static int open_name(struct ct_fs *fs, const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "run/netns/%s", name);
	return ct_fs_open(fs, path, O_RDONLY | O_NONBLOCK, 0, NULL);
}

static bool find_named(struct ct_fs *fs, const char *name, uint64_t *inode)
{
	ct_cleanup(ct_closep) int fd = -1;
	char path[300];

	(void)snprintf(path, sizeof(path), "run/netns/%s", name);
	if (!ct_fs_is_live(fs))
		return read_link(fs, path, inode);
	fd = open_name(fs, name);
	return fd >= 0 && inode_of(fd, inode);
}

static int add_names(struct ct_fs *fs, struct ct_netns_list *list, struct ct_err *err)
{
	char **names;
	size_t n;
	int r = ct_fs_list(fs, "run/netns", &names, &n, NULL);

	if (r < 0)
		return r == -ENOMEM ? ct_err_set(err, r, "out of memory") : 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct ct_netns netns = { .own = false };

		(void)snprintf(netns.name, sizeof(netns.name), "%s", names[i]);
		if (find_named(fs, netns.name, &netns.inode))
			r = add(list, &netns, err);
	}
	ct_fs_list_free(names, n);
	return r;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int add_processes(struct ct_fs *fs, struct ct_netns_list *list, struct ct_err *err)
{
	ct_cleanup(close_dir) DIR *dir = NULL;
	struct dirent *e;
	char path[300];
	int r = 0, fd = ct_fs_open(fs, "proc", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, NULL);

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return ct_err_set(err, -ENOMEM, "out of memory");
	}
	while (r == 0 && (e = readdir(dir))) {
		struct ct_netns netns = { .pid = (int32_t)strtol(e->d_name, NULL, 10) };

		(void)snprintf(path, sizeof(path), "proc/%s/ns/net", e->d_name);
		if (isdigit((unsigned char)e->d_name[0]) && read_link(fs, path, &netns.inode))
			r = add(list, &netns, err);
	}
	return r;
}

static int by_inode(const void *a, const void *b)
{
	const struct ct_netns *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	/* names in their order before processes, so that the first of a namespace has the name */
	if (!x->name[0] != !y->name[0])
		return x->name[0] ? -1 : 1;
	return x->name[0] ? strcmp(x->name, y->name) : (x->pid > y->pid) - (x->pid < y->pid);
}

/* One of each, with all that the others of its number know. */
static void merge(struct ct_netns_list *list)
{
	struct ct_netns *v = list->v;
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(v, list->count, sizeof(*v), by_inode);
	for (size_t i = 1; i < list->count; i++) {
		if (v[i].inode != v[kept].inode) {
			v[++kept] = v[i];
			continue;
		}
		v[kept].own |= v[i].own;
		if (!v[kept].pid)
			v[kept].pid = v[i].pid;
	}
	list->count = kept + 1;
}

static void read_entries(struct ct_fs *fs, struct ct_netns *netns)
{
	int64_t entries;

	if (ct_fs_read_i64(fs, count_path, &entries, NULL) == 0 && entries >= 0)
		netns->entries = (struct ct_u64){ .known = true, .v = (uint64_t)entries };
}

/* A process's namespace is a link of a kind that isn't followed below a root; this is the live one. */
static int open_process(int32_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/ns/net", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

struct visit {
	struct ct_fs *fs;
	struct ct_netns_list *list;
};

/* Runs in a thread of its own, which never comes back from where it went. */
static void *visit_others(void *data)
{
	const struct visit *visit = data;

	for (size_t i = 0; i < visit->list->count; i++) {
		struct ct_netns *netns = &visit->list->v[i];
		ct_cleanup(ct_closep) int fd = -1;
		uint64_t inode;

		if (netns->own)
			continue;
		fd = netns->name[0] ? open_name(visit->fs, netns->name) : open_process(netns->pid);
		/* the process may have gone, and its number to another one */
		if (fd >= 0 && inode_of(fd, &inode) && inode == netns->inode && setns(fd, CLONE_NEWNET) == 0)
			read_entries(visit->fs, netns);
	}
	return NULL;
}

static void read_all_entries(struct ct_fs *fs, struct ct_netns_list *list)
{
	struct visit visit = { .fs = fs, .list = list };
	pthread_t thread;

	for (size_t i = 0; i < list->count; i++)
		if (list->v[i].own)
			read_entries(fs, &list->v[i]);
	if (list->count > 1 && ct_fs_is_live(fs) && pthread_create(&thread, NULL, visit_others, &visit) == 0)
		(void)pthread_join(thread, NULL);
}

static int by_entries(const void *a, const void *b)
{
	const struct ct_netns *x = a, *y = b;

	if (x->entries.known != y->entries.known)
		return x->entries.known ? -1 : 1;
	if (x->entries.known && x->entries.v != y->entries.v)
		return x->entries.v > y->entries.v ? -1 : 1;
	return by_inode(a, b);
}

static void make_printable(char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
}

static void list_done(struct ct_netns_list **list)
{
	(void)ct_netns_free(*list);
}

int ct_netns_collect(struct ct_fs *fs, struct ct_netns_list **ret, struct ct_err *err)
{
	ct_cleanup(list_done) struct ct_netns_list *list = calloc(1, sizeof(*list));
	struct ct_netns own = { .own = true };
	int r = 0;

	if (!list)
		return ct_err_set(err, -ENOMEM, "out of memory");
	if (read_link(fs, "proc/self/ns/net", &own.inode))
		r = add(list, &own, err);
	if (r == 0)
		r = add_names(fs, list, err);
	if (r == 0)
		r = add_processes(fs, list, err);
	if (r < 0)
		return r;
	merge(list);
	read_all_entries(fs, list);
	if (list->count > 0)
		qsort(list->v, list->count, sizeof(*list->v), by_entries);
	for (size_t i = 0; i < list->count; i++)
		make_printable(list->v[i].name);
	*ret = ct_take(list);
	return 0;
}

struct ct_netns_list *ct_netns_free(struct ct_netns_list *list)
{
	if (list)
		free(list->v);
	free(list);
	return NULL;
}

size_t ct_netns_count(const struct ct_netns_list *list)
{
	return list->count;
}

const struct ct_netns *ct_netns_at(const struct ct_netns_list *list, size_t i)
{
	return i < list->count ? &list->v[i] : NULL;
}

struct ct_u64 ct_netns_entries(const struct ct_netns_list *list, bool *complete)
{
	struct ct_u64 sum = { .known = false };
	bool all = true;

	for (size_t i = 0; i < list->count; i++) {
		all &= list->v[i].entries.known;
		if (list->v[i].entries.known) {
			sum.known = true;
			sum.v += list->v[i].entries.v;
		}
	}
	if (complete)
		*complete = all;
	return sum;
}

/* Namespaces that are told apart in one survey; those beyond are left out. */
#define SURVEYED_MAX 1024

/* The caller's own processes that a survey may look at, for each one that may be of others. */
#define OWN_FACTOR 8

struct survey {
	struct ct_fs *fs;
	struct ct_netns_survey *ret;
	uint64_t seen[SURVEYED_MAX], own;
	uint32_t last;
};

/* The first column of the first line after the header; the same in all of them. */
static bool first_column(struct ct_fs *fs, const char *path, uint64_t *entries)
{
	char text[512], *line;
	unsigned v;

	if (ct_fs_read_start(fs, path, text, sizeof(text), NULL, NULL) < 0)
		return false;
	line = strchr(text, '\n');
	if (strncmp(text, "entries ", strlen("entries ")) != 0 || !line || sscanf(line, "%8x", &v) != 1)
		return false;
	*entries = v;
	return true;
}

/* What the process is called in which a namespace was found. */
static void read_name(struct ct_fs *fs, struct ct_netns_top *top)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%" PRId32 "/comm", top->pid);
	if (ct_fs_read_start(fs, path, top->name, sizeof(top->name), NULL, NULL) < 0)
		top->name[0] = '\0';
	top->name[strcspn(top->name, "\n")] = '\0';
	make_printable(top->name);
}

/* Where it belongs by its entries; the least one goes if there is no room. */
static void add_top(struct ct_netns_survey *s, const struct ct_netns_top *one)
{
	uint32_t i = s->tops < CT_NETNS_TOP ? s->tops++ : CT_NETNS_TOP - 1;

	if (s->tops == CT_NETNS_TOP && i == CT_NETNS_TOP - 1 && s->top[i].inode && s->top[i].entries >= one->entries)
		return;
	for (; i > 0 && s->top[i - 1].entries < one->entries; i--)
		s->top[i] = s->top[i - 1];
	s->top[i] = *one;
}

/* The fullest but the caller's; even if that leaves only less full ones, it is among the top. */
static void find_worst(struct ct_netns_survey *s)
{
	uint32_t i = 0;

	while (i < s->tops && s->top[i].own)
		i++;
	if (i == s->tops)
		return;
	s->worst_entries = (struct ct_u64){ .known = true, .v = s->top[i].entries };
	s->worst_pid = s->top[i].pid;
	s->worst_inode = s->top[i].inode;
	(void)memcpy(s->worst_name, s->top[i].name, sizeof(s->worst_name));
}

/* Most processes are where the one before them is. */
static bool is_seen(struct survey *s, uint64_t inode)
{
	if (s->ret->namespaces > 0 && s->seen[s->last] == inode)
		return true;
	for (s->last = 0; s->last < s->ret->namespaces; s->last++)
		if (s->seen[s->last] == inode)
			return true;
	s->last = 0;
	return false;
}

/* Returns whether it is in another namespace than the caller. */
static bool survey_process(struct survey *s, const char *pid)
{
	struct ct_netns_survey *ret = s->ret;
	struct ct_fs_info info;
	uint64_t entries = 0;
	char path[300];

	(void)snprintf(path, sizeof(path), "proc/%s/net/stat/nf_conntrack", pid);
	if (ct_fs_info(s->fs, path, &info, NULL) < 0)
		return false;
	if (is_seen(s, info.inode))
		return info.inode != s->own;
	if (ret->namespaces == SURVEYED_MAX) {
		ret->complete = false;
		return true;
	}
	/* gone meanwhile: another process of its namespace may follow */
	if (!first_column(s->fs, path, &entries))
		return info.inode != s->own;
	s->seen[ret->namespaces++] = info.inode;
	ret->all_entries.known = true;
	ret->all_entries.v += entries;
	if (info.inode == s->own)
		ret->own_entries = entries;
	add_top(ret, &(struct ct_netns_top){ .inode = info.inode, .entries = entries, .own = info.inode == s->own,
					     .pid = (int32_t)strtol(pid, NULL, 10) });
	return info.inode != s->own;
}

/* In the order of their numbers: those of the host first, its threads of the kernel above all. */
static int survey_processes(struct survey *s, uint32_t most, struct ct_err *err)
{
	uint32_t others = 0;
	ct_cleanup(close_dir) DIR *dir = NULL;
	struct dirent *e;
	int fd = ct_fs_open(s->fs, "proc", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, err);

	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : 0;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return ct_err_set(err, -ENOMEM, "out of memory");
	}
	while ((e = readdir(dir))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (others == most || s->ret->processes / OWN_FACTOR >= most) {
			s->ret->complete = false;
			break;
		}
		s->ret->processes++;
		others += survey_process(s, e->d_name);
	}
	return 0;
}

int ct_netns_survey(struct ct_fs *fs, uint32_t most, struct ct_netns_survey *ret, struct ct_err *err)
{
	struct ct_netns own = { .own = true };
	struct survey s = { .fs = fs, .ret = ret };
	struct ct_fs_info info;
	int r;

	*ret = (struct ct_netns_survey){ .complete = true };
	if (ct_fs_info(fs, "proc/self/net/stat/nf_conntrack", &info, NULL) == 0)
		s.own = info.inode;
	survey_process(&s, "self");
	r = survey_processes(&s, most, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < ret->tops; i++)
		if (ret->top[i].pid)
			read_name(fs, &ret->top[i]);
	find_worst(ret);
	if (ret->namespaces > 0)
		return 0;
	read_entries(fs, &own);
	ret->namespaces = 1;
	ret->all_entries = own.entries;
	ret->own_entries = own.entries.v;
	return 0;
}

/* The number in the column of proc/PID/net/snmp that has this name: two lines for each protocol, names and numbers. */
static bool snmp_column(const char *text, const char *protocol, const char *name, uint64_t *ret)
{
	const char *names = strstr(text, protocol), *numbers = names ? strchr(names, '\n') : NULL;
	size_t n = strlen(name);

	if (!numbers++ || strncmp(numbers, protocol, strlen(protocol)) != 0)
		return false;
	for (;;) {
		names += strcspn(names, " \n");
		numbers += strcspn(numbers, " \n");
		if (*names != ' ' || *numbers != ' ')
			return false;
		names++;
		numbers++;
		if (strncmp(names, name, n) == 0 && (names[n] == ' ' || names[n] == '\n'))
			return sscanf(numbers, "%" SCNu64, ret) == 1;
	}
}

/* proc/PID/net/snmp6: a name and a number in each line. */
static uint64_t snmp6_line(const char *text, const char *name)
{
	size_t n = strlen(name);
	uint64_t v;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && sscanf(line + n, " %" SCNu64, &v) == 1)
			return v;
	}
	return 0;
}

/* proc/PID/net/dev: "  name: bytes packets ...", received first; two lines of header. */
static bool add_devices(const char *text, uint64_t *sum)
{
	const char *line = strchr(text, ':');
	bool any = false;

	for (; line; line = strchr(line + 1, ':')) {
		uint64_t packets;

		if (sscanf(line + 1, " %*u %" SCNu64, &packets) == 1) {
			*sum += packets;
			any = true;
		}
	}
	return any;
}

static bool read_net(struct ct_fs *fs, int32_t pid, const char *name, char *text, size_t n)
{
	char path[64];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "proc/%" PRId32 "/net/%s", pid, name);
	/* half a table would count too few */
	return ct_fs_read_start(fs, path, text, n, &len, NULL) == 0 && len < n - 1;
}

void ct_netns_packets(struct ct_fs *fs, int32_t pid, struct ct_netns_packets *ret)
{
	uint64_t received, sent, devices = 0;
	char text[16384];

	*ret = (struct ct_netns_packets){ .ip = { .known = false } };
	if (!read_net(fs, pid, "snmp", text, sizeof(text)) || !snmp_column(text, "Ip: ", "InReceives", &received) ||
	    !snmp_column(text, "Ip: ", "OutRequests", &sent))
		return;
	if (read_net(fs, pid, "snmp6", text, sizeof(text))) {
		received += snmp6_line(text, "Ip6InReceives ");
		sent += snmp6_line(text, "Ip6OutRequests ");
	}
	ret->ip = (struct ct_u64){ .known = true, .v = received + sent };
	ret->devices.known = read_net(fs, pid, "dev", text, sizeof(text)) && add_devices(text, &devices);
	ret->devices.v = devices + sent;
}
