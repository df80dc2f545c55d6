/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's counters: asked over ctnetlink or read from /proc/net/stat, widened, added up. */
#include "config.h"
#include "fs.h"
#include "stats_internal.h"
#include "util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* A socket that lost answers, a dump that was interrupted: asked again so often. */
#define TRIES 5

/* One CPU's line of a table of counters: columns and blanks, with room for columns of kernels to come. */
#define PROC_LINE_MAX 320

/* The kernel tells a CPU's number in 16 bits. */
#define CPUS_MAX 65536

static const char proc_name[] = "nf_conntrack";
static const char module_path[] = "sys/module/nf_conntrack/initstate";
static const char netlink_path[] = "sys/module/nf_conntrack_netlink";
static const char count_path[] = "proc/sys/net/netfilter/nf_conntrack_count";

/* Where a kernel tells without netlink. ip_conntrack (2.6.9 .. 2.6.21) has columns of the same names. */
struct files {
	const char *table, *count;
};

static const struct files nf_files = { "proc/net/stat/nf_conntrack", count_path };
static const struct files ip_files = { "proc/net/stat/ip_conntrack", "proc/sys/net/ipv4/netfilter/ip_conntrack_count" };

#define EXPECT 0x100                    /* marks attributes of the expectation table's answer */

/**
 * struct row - one counter
 * @attribute: CTA_STATS_*, or EXPECT | CTA_STATS_EXP_*
 * @column:    its name in the header of /proc/net/stat/nf_conntrack
 * @until:     last kernel that counts it; all zero: still does
 * Source: ct_cpu_seq_show(), nf_conntrack_standalone.c; ctnetlink_ct_stat_cpu_fill_info(), nf_conntrack_netlink.c
 */
static const struct row {
	const char *name, *column;
	uint16_t attribute;
	struct ct_kver until;
} rows[CT_COUNTER__COUNT] = {
	[CT_COUNTER_DROP] = { .name = "drop", .column = "drop", .attribute = CTA_STATS_DROP },
	[CT_COUNTER_EARLY_DROP] = { .name = "early_drop", .column = "early_drop", .attribute = CTA_STATS_EARLY_DROP },
	[CT_COUNTER_INSERT_FAILED] = { .name = "insert_failed", .column = "insert_failed",
				       .attribute = CTA_STATS_INSERT_FAILED },
	/* the column is named after a length, but counts refusals */
	[CT_COUNTER_CHAIN_TOO_LONG] = { .name = "chain_too_long", .column = "chainlength",
					.attribute = CTA_STATS_CHAIN_TOOLONG },
	[CT_COUNTER_CLASH_RESOLVE] = { .name = "clash_resolve", .column = "clashres",
				       .attribute = CTA_STATS_CLASH_RESOLVE },
	[CT_COUNTER_SEARCH_RESTART] = { .name = "search_restart", .column = "search_restart",
					.attribute = CTA_STATS_SEARCH_RESTART },
	[CT_COUNTER_INVALID] = { .name = "invalid", .column = "invalid", .attribute = CTA_STATS_INVALID },
	[CT_COUNTER_ERROR] = { .name = "error", .column = "icmp_error", .attribute = CTA_STATS_ERROR },
	[CT_COUNTER_FOUND] = { .name = "found", .column = "found", .attribute = CTA_STATS_FOUND },
	[CT_COUNTER_INSERT] = { .name = "insert", .column = "insert", .attribute = CTA_STATS_INSERT },
	[CT_COUNTER_SEARCHED] = { .name = "searched", .column = "searched", .attribute = CTA_STATS_SEARCHED,
				  .until = { 4, 8, 0 } },
	[CT_COUNTER_NEW] = { .name = "new", .column = "new", .attribute = CTA_STATS_NEW,
			     .until = { 4, 8, 0 } },
	[CT_COUNTER_IGNORE] = { .name = "ignore", .column = "ignore", .attribute = CTA_STATS_IGNORE,
				.until = { 5, 9, 0 } },
	[CT_COUNTER_DELETE] = { .name = "delete", .column = "delete", .attribute = CTA_STATS_DELETE,
				.until = { 4, 8, 0 } },
	[CT_COUNTER_DELETE_LIST] = { .name = "delete_list", .column = "delete_list",
				     .attribute = CTA_STATS_DELETE_LIST, .until = { 4, 8, 0 } },
	[CT_COUNTER_EXPECT_NEW] = { .name = "expect_new", .column = "expect_new",
				    .attribute = EXPECT | CTA_STATS_EXP_NEW },
	[CT_COUNTER_EXPECT_CREATE] = { .name = "expect_create", .column = "expect_create",
				       .attribute = EXPECT | CTA_STATS_EXP_CREATE },
	[CT_COUNTER_EXPECT_DELETE] = { .name = "expect_delete", .column = "expect_delete",
				       .attribute = EXPECT | CTA_STATS_EXP_DELETE },
};

struct ct_stats {
	struct ct_fs *fs;
	const struct files *files;
	const char *sign;               /* while this is there, a question over netlink loads nothing */
	enum ct_stats_source source;
	struct ct_nl nl;
	int dir;                        /* proc/PID/net/stat of another namespace; -1: ours */
	uint32_t alive;                 /* counters that are counted, as bits */
	uint32_t cpus_max, cpus;        /* room, and highest seen + 1 */
	struct ct_widened *cpu;         /* cpus_max of them */
	struct ct_raw *raw;             /* likewise: the sample being read */
	char *text;                     /* files->table as read */
};

const char *ct_counter_name(enum ct_counter counter)
{
	return (unsigned)counter < CT_COUNTER__COUNT ? rows[counter].name : NULL;
}

const char *ct_stats_source_name(enum ct_stats_source source)
{
	switch (source) {
	case CT_STATS_NETLINK:
		return "netlink";
	case CT_STATS_PROC:
		return "proc";
	case CT_STATS_COUNT:
		return "count";
	}
	return NULL;
}

struct ct_rate ct_stats_rate(const struct ct_sample *before, const struct ct_sample *after, enum ct_counter counter,
			     double seconds)
{
	if (!before->counter[counter].known || !after->counter[counter].known || after->restarted || seconds <= 0)
		return (struct ct_rate){ .known = false };
	return (struct ct_rate){
		.known = true,
		.v = (double)(after->counter[counter].v - before->counter[counter].v) / seconds,
	};
}

uint32_t ct_stats_alive(const struct ct_kver *v)
{
	uint32_t alive = 0;

	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (ct_kver_within(v, &(struct ct_kver){ 0 }, &rows[i].until))
			alive |= UINT32_C(1) << i;
	return alive;
}

static bool has(const struct ct_raw *raw, unsigned counter)
{
	return raw->present >> counter & 1;
}

static void set(struct ct_raw *raw, unsigned counter, uint32_t v)
{
	raw->v[counter] = v;
	raw->present |= UINT32_C(1) << counter;
}

bool ct_stats_restarted(const struct ct_widened *w, const struct ct_raw *now)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (has(now, i) && now->v[i] < w->last.v[i] && now->v[i] - w->last.v[i] > UINT32_MAX / 2)
			return true;
	return false;
}

void ct_stats_widen(struct ct_widened *w, const struct ct_raw *now, bool restarted)
{
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (has(now, i)) {
			/* modulo 2^32, so that an overflow in between is a step like any other */
			w->sum[i] += restarted ? now->v[i] : now->v[i] - w->last.v[i];
			set(&w->last, i, now->v[i]);
		}
}

/* Hands each attribute with 4 bytes in it to @found; others are skipped, as later kernels may send more. */
static int each_u32(const struct nlmsghdr *h, void (*found)(void *data, uint16_t type, uint32_t v), void *data)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg));
	const char *end = mnl_nlmsg_get_payload_tail(h);

	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	for (; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
		if (mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			found(data, mnl_attr_get_type(a), ntohl(mnl_attr_get_u32(a)));
	return 0;
}

struct cpu_answer {
	struct ct_raw *raw;
	uint16_t table;                 /* 0 or EXPECT */
};

static void cpu_attribute(void *data, uint16_t type, uint32_t v)
{
	struct cpu_answer *answer = data;

	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (rows[i].attribute == (answer->table | type))
			set(answer->raw, i, v);
}

int ct_stats_parse_cpu(const struct nlmsghdr *h, bool expect, uint32_t *cpu, struct ct_raw *raw)
{
	struct cpu_answer answer = { .raw = raw, .table = expect ? EXPECT : 0 };
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	int r = each_u32(h, cpu_attribute, &answer);

	if (r < 0)
		return r;
	*cpu = ntohs(g->res_id);
	return 0;
}

struct global_answer {
	struct ct_u64 *entries, *limit;
};

static void global_attribute(void *data, uint16_t type, uint32_t v)
{
	struct global_answer *answer = data;

	if (type == CTA_STATS_GLOBAL_ENTRIES)
		*answer->entries = (struct ct_u64){ .known = true, .v = v };
	else if (type == CTA_STATS_GLOBAL_MAX_ENTRIES)
		*answer->limit = (struct ct_u64){ .known = true, .v = v };
}

int ct_stats_parse_global(const struct nlmsghdr *h, struct ct_u64 *entries, struct ct_u64 *limit)
{
	struct global_answer answer = { .entries = entries, .limit = limit };

	return each_u32(h, global_attribute, &answer);
}

/* Columns of the header that we know, in their order; -1 for others. Longer headers are of kernels to come. */
#define COLUMNS_MAX 32

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static int parse_header(const char **text, int column[COLUMNS_MAX], size_t *count)
{
	const char *p = skip_blanks(*text);
	size_t n = 0;

	for (; *p && *p != '\n'; p = skip_blanks(p), n++) {
		size_t len = strcspn(p, " \t\n");

		if (n == COLUMNS_MAX || (n == 0 && (len != 7 || strncmp(p, "entries", len) != 0)))
			return -EBADMSG;
		column[n] = -1;
		for (int i = 0; i < CT_COUNTER__COUNT; i++)
			if (strlen(rows[i].column) == len && strncmp(rows[i].column, p, len) == 0)
				column[n] = i;
		p += len;
	}
	if (*p != '\n' || n == 0)
		return -EBADMSG;
	*text = p + 1;
	*count = n;
	return 0;
}

/* %08x of an unsigned int: 1 to 8 digits. */
static int parse_hex(const char **text, uint32_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = *text;
	uint32_t v = 0;
	size_t n = strspn(p, digits);

	if (n < 1 || n > 8)
		return -EBADMSG;
	for (; n > 0; n--)
		v = v << 4 | (uint32_t)(strchr(digits, *p++) - digits);
	*text = p;
	*ret = v;
	return 0;
}

static int parse_line(const char **text, const int column[COLUMNS_MAX], size_t count, struct ct_raw *raw,
		      uint64_t *entries)
{
	const char *p = *text;

	*raw = (struct ct_raw){ 0 };
	for (size_t n = 0; n < count; n++) {
		uint32_t v;

		p = skip_blanks(p);
		if (parse_hex(&p, &v) < 0)
			return -EBADMSG;
		if (n == 0)
			*entries = v;
		if (column[n] >= 0)
			set(raw, (unsigned)column[n], v);
	}
	p = skip_blanks(p);
	if (*p != '\n')
		return -EBADMSG;
	*text = p + 1;
	return 0;
}

int ct_stats_parse_proc(const char *text, struct ct_raw *raw, uint32_t max, uint64_t *entries)
{
	int column[COLUMNS_MAX];
	uint32_t cpus = 0;
	size_t count;

	if (parse_header(&text, column, &count) < 0)
		return -EBADMSG;
	while (*text && cpus < max)
		if (parse_line(&text, column, count, &raw[cpus++], entries) < 0)
			return -EBADMSG;
	return cpus > 0 ? (int)cpus : -EBADMSG;
}

static void add_up(struct ct_stats *s, struct ct_sample *sample)
{
	for (uint32_t c = 0; c < s->cpus; c++) {
		const struct ct_widened *w = &s->cpu[c];

		for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
			if (has(&w->last, i)) {
				sample->counter[i].known = true;
				sample->counter[i].v += w->sum[i];
			}
	}
	sample->cpus = s->cpus;
}

/* What was read becomes part of the sums, all CPUs at once: a sample that failed half-way leaves nothing behind. */
static void take_raw(struct ct_stats *s, struct ct_sample *sample)
{
	for (uint32_t c = 0; c < s->cpus; c++) {
		s->raw[c].present &= s->alive;
		sample->restarted |= ct_stats_restarted(&s->cpu[c], &s->raw[c]);
	}
	for (uint32_t c = 0; c < s->cpus; c++)
		ct_stats_widen(&s->cpu[c], &s->raw[c], sample->restarted);
	add_up(s, sample);
}

/* @message: the low half of the type that answers have; the other one is wrong for expectations (0x0103) */
struct answers {
	struct ct_stats *stats;
	uint8_t message;
	bool expect;
	struct ct_u64 *entries, *limit;
};

static bool is_answer(const struct answers *a, const struct nlmsghdr *h)
{
	return (h->nlmsg_type & 0xff) == a->message;
}

static int to_callback(int r)
{
	errno = -r;
	return r < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int on_cpu(const struct nlmsghdr *h, void *data)
{
	struct answers *a = data;
	struct ct_raw raw = { 0 };
	uint32_t cpu;
	int r;

	if (!is_answer(a, h))
		return MNL_CB_OK;
	r = ct_stats_parse_cpu(h, a->expect, &cpu, &raw);
	/* possible CPUs never get more while a kernel runs */
	if (r < 0 || cpu >= a->stats->cpus_max)
		return to_callback(r);
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (has(&raw, i))
			set(&a->stats->raw[cpu], i, raw.v[i]);
	if (cpu >= a->stats->cpus)
		a->stats->cpus = cpu + 1;
	return MNL_CB_OK;
}

static int on_global(const struct nlmsghdr *h, void *data)
{
	struct answers *a = data;

	return is_answer(a, h) ? to_callback(ct_stats_parse_global(h, a->entries, a->limit)) : MNL_CB_OK;
}

static int ask(struct answers *a, uint8_t subsystem, uint8_t message, uint16_t flags, mnl_cb_t cb, struct ct_err *err)
{
	a->message = message;
	a->expect = subsystem == NFNL_SUBSYS_CTNETLINK_EXP;
	return ct_nl_ask(&a->stats->nl, (uint16_t)(subsystem << 8 | message), flags, cb, a, err);
}

static int ask_all(struct ct_stats *s, struct ct_sample *sample, struct ct_err *err)
{
	struct answers a = { .stats = s, .entries = &sample->entries, .limit = &sample->limit };
	int r = ask(&a, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, on_cpu, err);

	if (r == 0)
		r = ask(&a, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, 0, on_global, err);
	if (r == 0)
		r = ask(&a, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_GET_STATS_CPU, NLM_F_DUMP, on_cpu, err);
	return r;
}

static bool worth_another_try(int r)
{
	return r == -ENOBUFS || r == -EBUSY || r == -EINTR;
}

static int sample_netlink(struct ct_stats *s, struct ct_sample *sample, struct ct_err *err)
{
	int r = ct_fs_info(s->fs, s->sign, &(struct ct_fs_info){ 0 }, err);

	if (r < 0)
		return r;
	for (int i = 0; i < TRIES; i++) {
		r = ask_all(s, sample, err);
		if (!worth_another_try(r))
			break;
	}
	return r;
}

static int read_proc(struct ct_stats *s, struct ct_err *err)
{
	size_t n = (s->cpus_max + 1) * (size_t)PROC_LINE_MAX;

	if (s->dir >= 0)
		return ct_fs_read_start_in(s->fs, s->dir, proc_name, s->text, n, NULL, err);
	return ct_fs_read_start(s->fs, s->files->table, s->text, n, NULL, err);
}

static int sample_proc(struct ct_stats *s, struct ct_sample *sample, struct ct_err *err)
{
	uint64_t entries = 0;
	int r = read_proc(s, err);

	if (r < 0)
		return r;
	r = ct_stats_parse_proc(s->text, s->raw, s->cpus_max, &entries);
	if (r < 0)
		return ct_err_set(err, r, "%s below %s isn't a table of counters", s->files->table, ct_fs_root(s->fs));
	s->cpus = (uint32_t)r;
	sample->entries = (struct ct_u64){ .known = true, .v = entries };
	return 0;
}

/* Without counters the number of entries is still worth having. */
static int sample_count(struct ct_stats *s, struct ct_sample *sample, struct ct_err *err)
{
	int64_t entries;
	int r = ct_fs_read_i64(s->fs, s->files->count, &entries, err);

	if (r == 0)
		sample->entries = (struct ct_u64){ .known = true, .v = (uint64_t)entries };
	return r;
}

int ct_stats_sample(struct ct_stats *s, struct ct_sample *ret, struct ct_err *err)
{
	struct ct_sample sample = { .source = s->source };
	int r = 0;

	memset(s->raw, 0, s->cpus_max * sizeof(*s->raw));
	switch (s->source) {
	case CT_STATS_NETLINK:
		r = sample_netlink(s, &sample, err);
		break;
	case CT_STATS_PROC:
		r = sample_proc(s, &sample, err);
		break;
	case CT_STATS_COUNT:
		r = sample_count(s, &sample, err);
		break;
	}
	if (r < 0)
		return r;
	take_raw(s, &sample);
	*ret = sample;
	return 0;
}

struct ct_u64 ct_stats_cpu(const struct ct_stats *s, uint32_t cpu, enum ct_counter counter)
{
	if (cpu >= s->cpus || (unsigned)counter >= CT_COUNTER__COUNT || !(s->cpu[cpu].last.present >> counter & 1))
		return (struct ct_u64){ .known = false };
	return (struct ct_u64){ .known = true, .v = s->cpu[cpu].sum[counter] };
}

struct ct_stats *ct_stats_free(struct ct_stats *s)
{
	if (s) {
		ct_nl_close(&s->nl);
		ct_closep(&s->dir);
		free(s->cpu);
		free(s->raw);
		free(s->text);
	}
	free(s);
	return NULL;
}

static void stats_done(struct ct_stats **s)
{
	(void)ct_stats_free(*s);
}

static bool exists(struct ct_fs *fs, const char *path)
{
	return ct_fs_info(fs, path, &(struct ct_fs_info){ 0 }, NULL) == 0;
}

/*
 * A question loads what isn't there: nfnetlink, nf_conntrack_netlink and with it nf_conntrack, which then can't be
 * unloaded any more. Looking must change nothing. Built-in modules without parameters leave no trace in sysfs, but
 * where nf_conntrack is built in, nothing can be unloaded anyway.
 */
static const char *sign_of_netlink(struct ct_fs *fs)
{
	return exists(fs, module_path) ? netlink_path : count_path;
}

/* nf_conntrack first: until 4.8 it has the old names too. */
static const struct files *files_of(struct ct_fs *fs)
{
	bool old = !exists(fs, nf_files.count) && (exists(fs, ip_files.table) || exists(fs, ip_files.count));

	return old ? &ip_files : &nf_files;
}

int ct_stats_new_with(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, struct ct_nl *nl,
		      uint32_t cpus, struct ct_err *err)
{
	ct_cleanup(stats_done) struct ct_stats *s = calloc(1, sizeof(*s));

	if (!s)
		return ct_err_set(err, -ENOMEM, "out of memory");
	*s = (struct ct_stats){ .fs = fs, .nl = CT_NL_CLOSED, .dir = -1, .alive = ct_stats_alive(kernel) };
	s->files = files_of(fs);
	s->sign = sign_of_netlink(fs);
	s->source = nl->fd >= 0 ? CT_STATS_NETLINK : CT_STATS_PROC;
	s->cpus_max = !cpus ? 1 : cpus > CPUS_MAX ? CPUS_MAX : cpus;
	s->cpu = calloc(s->cpus_max, sizeof(*s->cpu));
	s->raw = calloc(s->cpus_max, sizeof(*s->raw));
	s->text = malloc((s->cpus_max + 1) * (size_t)PROC_LINE_MAX);
	if (!s->cpu || !s->raw || !s->text)
		return ct_err_set(err, -ENOMEM, "out of memory");
	s->nl = *nl;
	*nl = (struct ct_nl)CT_NL_CLOSED;
	*ret = ct_take(s);
	return 0;
}

/* The best source that answers: each is tried once, because permission shows in the answer only. */
static int choose_source(struct ct_stats *s, struct ct_err *err)
{
	struct ct_sample sample;
	int r = ct_stats_sample(s, &sample, err);

	while (r < 0 && s->source != CT_STATS_COUNT) {
		s->source++;
		s->cpus = 0;
		r = ct_stats_sample(s, &sample, err);
	}
	if (s->source != CT_STATS_NETLINK)
		ct_nl_close(&s->nl);
	return r;
}

int ct_stats_new(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, uint32_t cpus,
		 struct ct_err *err)
{
	ct_cleanup(stats_done) struct ct_stats *s = NULL;
	ct_cleanup(ct_nl_close) struct ct_nl nl = CT_NL_CLOSED;
	int r;

	/* a failure here only means that the next source is tried */
	if (ct_fs_is_live(fs) && exists(fs, sign_of_netlink(fs)))
		(void)ct_nl_open(&nl, NULL);
	r = ct_stats_new_with(&s, fs, kernel, &nl, cpus, err);
	if (r == 0)
		r = choose_source(s, err);
	if (r == 0)
		*ret = ct_take(s);
	return r;
}

/* The file kept open would keep the namespace alive, for ever if it is ours alone; its directory doesn't. */
int ct_stats_new_netns(struct ct_stats **ret, struct ct_fs *fs, const struct ct_kver *kernel, uint32_t cpus, int32_t pid,
		       struct ct_err *err)
{
	ct_cleanup(stats_done) struct ct_stats *s = NULL;
	struct ct_nl none = CT_NL_CLOSED;
	struct ct_sample sample;
	char path[64];
	int r = ct_stats_new_with(&s, fs, kernel, &none, cpus, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "proc/%" PRId32 "/net/stat", pid);
	r = ct_fs_open(fs, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, err);
	if (r < 0)
		return r;
	s->dir = r;
	r = ct_stats_sample(s, &sample, err);
	if (r == 0)
		*ret = ct_take(s);
	return r;
}
