/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other namespaces: which one is read at each look, when a new one is looked for, and what shows of it from outside. */
#include "config.h"
#include "check.h"
#include "collect.h"
#include "neighbours.h"
#include "util.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)
#define MIB (UINT64_C(1) << 20)

static const char *root;
static struct ct_fs *fs;
static struct neighbours neighbours;
static struct neighbours_look look;
static struct ct_err err;

static const struct ct_kver kernel = { 6, 1, 0 };

static struct ct_u64 known(uint64_t v)
{
	return (struct ct_u64){ .known = true, .v = v };
}

/* Counters of the namespace that a process is in: entries, drop, early_drop. */
static void put_stat(const char *pid, unsigned entries, unsigned drop, unsigned early)
{
	char path[64], text[300];

	(void)snprintf(path, sizeof(path), "proc/%s/net/stat/nf_conntrack", pid);
	(void)snprintf(text, sizeof(text), "entries  clashres drop early_drop\n%08x  00000000 %08x %08x\n%08x  00000000 00000001 "
		       "00000000\n", entries, drop, early, entries);
	put_file(root, path, text);
}

/* Packets that its IP received, and that its interfaces did. */
static void put_packets(const char *pid, unsigned ip, unsigned device)
{
	char path[64], text[400];

	(void)snprintf(path, sizeof(path), "proc/%s/net/snmp", pid);
	(void)snprintf(text, sizeof(text), "Ip: Forwarding InReceives InHdrErrors OutRequests\nIp: 1 %u 0 7\nIcmp: InMsgs\nIcmp: 5\n",
		       ip);
	put_file(root, path, text);
	(void)snprintf(path, sizeof(path), "proc/%s/net/snmp6", pid);
	put_file(root, path, "Ip6InReceives                   \t100\nIp6OutRequests                  \t10\n");
	(void)snprintf(path, sizeof(path), "proc/%s/net/dev", pid);
	(void)snprintf(text, sizeof(text),
		       "Inter-|   Receive                                                |  Transmit\n"
		       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
		       "    lo:     840      10    0    0    0     0          0         0      840      10    0\n"
		       "  eth0: 9999999 %u    0    0    0     0          0         0  1234567    8901    0\n", device);
	put_file(root, path, text);
}

static void setup(void)
{
	root = scratch_dir();
	fs = open_fs(root);
	put_stat("self", 100, 0, 0);
	put_file(root, "proc/500/comm", "router\n");
	neighbours_init(&neighbours, fs);
	look = (struct neighbours_look){ .now_usec = 100 * SECOND, .entries = known(100), .limit = known(65536),
					 .slab = known(100 * MIB), .kernel = &kernel, .cpus = 2 };
}

static void teardown(void)
{
	neighbours_done(&neighbours);
	fs = ct_fs_free(fs);
}

static void survey(void)
{
	ck_assert_int_eq(neighbours_survey(&neighbours, &look, &err), 0);
}

static void take(uint64_t later)
{
	look.now_usec += later;
	ck_assert_int_eq(neighbours_look(&neighbours, &look, &err), 0);
}

static const struct { uint64_t slab, entries; bool smoke; } smoke_rows[] = {
	{ .slab = 100 * MIB, .entries = 0 },
	{ .slab = 103 * MIB, .entries = 0 },                            /* too little for 16384 entries */
	{ .slab = 105 * MIB, .entries = 0, .smoke = true },
	{ .slab = 105 * MIB, .entries = 10000 },                        /* ours explain it */
	{ .slab = 105 * MIB, .entries = 0 },                            /* they are gone, memory stays a while */
	{ .slab = 109 * MIB, .entries = 5000, .smoke = true },
	{ .slab = 90 * MIB, .entries = 5000 },
	{ .slab = 94 * MIB, .entries = 5000 },
	{ .slab = 95 * MIB, .entries = 5000, .smoke = true },           /* above the lowest point, not the first */
};

START_TEST(memory_that_entries_do_not_explain_is_smoke)
{
	struct neighbours_smoke smoke = { .known = false };

	for (size_t i = 0; i < ct_array_size(smoke_rows); i++)
		ck_assert_msg(neighbours_smoke(&smoke, smoke_rows[i].slab, smoke_rows[i].entries, 16384) == smoke_rows[i].smoke,
			      "row %zu", i);
}
END_TEST

/* Steps of a tenth of a second. */
static const struct { unsigned entries, evicted, ip, devices; double unreplied; } crowd_rows[] = {
	{ 1000, 0, 5000, 9000, 0 },
	{ 11000, 0, 15000, 9000, 1 },                   /* a packet each: nobody can have been answered */
	{ 21000, 0, 27000, 9000, 1 },                   /* two tenths may have been, but a moment ago it was clear */
	{ 21000, 10000, 38000, 9000, 1 },
	{ 31000, 10000, 68000, 9000, 1 },               /* answered, as far as anybody can tell: in a second that holds */
};

static struct ct_netns_packets packets(unsigned ip, unsigned devices)
{
	return (struct ct_netns_packets){ .ip = known(ip), .devices = known(devices) };
}

START_TEST(newcomers_with_hardly_a_packet_each_are_not_answered)
{
	struct neighbours_crowd crowd = { .usec = 0 };
	struct ct_netns_packets p;
	uint64_t now = SECOND;

	for (size_t i = 0; i < ct_array_size(crowd_rows); i++, now += SECOND / 10) {
		p = packets(crowd_rows[i].ip, crowd_rows[i].devices);
		neighbours_crowd(&crowd, now, crowd_rows[i].entries, crowd_rows[i].evicted, &p);
		ck_assert_msg((crowd.said_usec != 0) == (crowd_rows[i].unreplied > 0), "row %zu", i);
		ck_assert_msg(crowd.said_usec == 0 || crowd.unreplied == crowd_rows[i].unreplied, "row %zu: %g", i, crowd.unreplied);
	}
	p = packets(168000, 9000);
	neighbours_crowd(&crowd, now + 2 * SECOND, 41000, 10000, &p);
	ck_assert_uint_eq(crowd.said_usec, 0);
}
END_TEST

/* Each says nothing: what could be connections is never called a flood. */
static const struct { const char *what; unsigned entries, ip, devices; } quiet_rows[] = {
	{ "answered: two packets each", 50000, 105000, 50000 },
	{ "bridged: interfaces have seen them", 50000, 50000, 105000 },
	{ "few newcomers", 1500, 5900, 9000 },
	{ "counted late: fewer packets than newcomers", 50000, 5500, 9100 },
	{ "counters that went back", 50000, 10, 10 },
};

START_TEST(connections_are_not_called_a_flood)
{
	struct neighbours_crowd crowd = { .usec = 0 };
	struct ct_netns_packets p = packets(5000, 9000);

	neighbours_crowd(&crowd, SECOND, 1000, 0, &p);
	p = packets(quiet_rows[_i].ip, quiet_rows[_i].devices);
	neighbours_crowd(&crowd, SECOND + SECOND / 10, quiet_rows[_i].entries, 0, &p);
	ck_assert_msg(crowd.said_usec == 0, "%s: %g", quiet_rows[_i].what, crowd.unreplied);
}
END_TEST

START_TEST(packets_are_counted_in_both_ways)
{
	struct ct_netns_packets p;

	ct_netns_packets(fs, 500, &p);
	ck_assert(!p.ip.known && !p.devices.known);
	put_packets("500", 1000, 4000);
	ct_netns_packets(fs, 500, &p);
	ck_assert(p.ip.known && p.devices.known);
	ck_assert_uint_eq(p.ip.v, 1000 + 7 + 100 + 10);
	ck_assert_uint_eq(p.devices.v, 10 + 4000 + 7 + 10);
	put_file(root, "proc/500/net/snmp", "Ip: Forwarding\nIp: 1\n");
	ct_netns_packets(fs, 500, &p);
	ck_assert(!p.ip.known);
	put_file(root, "proc/500/net/snmp", "Ip: InReceives OutRequests\n");
	ct_netns_packets(fs, 500, &p);
	ck_assert(!p.ip.known);
}
END_TEST

START_TEST(fullest_one_is_read_at_each_look)
{
	put_stat("500", 20000, 3, 5);
	survey();
	take(0);
	ck_assert_uint_eq(neighbours_entries(&neighbours).v, 20000);
	ck_assert_uint_eq(neighbours_all_entries(&neighbours, look.entries).v, 20100);
	put_stat("500", 30000, 3, 25);
	take(SECOND);
	ck_assert_uint_eq(neighbours_entries(&neighbours).v, 30000);
	ck_assert_uint_eq(neighbours_all_entries(&neighbours, look.entries).v, 30100);
	ck_assert_uint_eq(neighbours.survey.worst_entries.v, 30000);
	/* what was counted before is nobody's news */
	ck_assert_uint_eq(neighbours_counted(&neighbours, CT_COUNTER_DROP), 0);
	ck_assert_uint_eq(neighbours_counted(&neighbours, CT_COUNTER_EARLY_DROP), 20);
}
END_TEST

START_TEST(small_ones_are_left_alone)
{
	put_stat("500", 1000, 0, 0);
	survey();
	take(0);
	ck_assert(!neighbours_entries(&neighbours).known);
	ck_assert_uint_eq(neighbours_all_entries(&neighbours, look.entries).v, 1100);
}
END_TEST

START_TEST(one_that_is_gone_is_let_go_and_looked_for)
{
	char path[512];

	put_stat("500", 20000, 0, 0);
	survey();
	put_stat("500", 20000, 9, 0);
	take(SECOND);
	(void)snprintf(path, sizeof(path), "%s/proc/500/net/stat/nf_conntrack", root);
	ck_assert_int_eq(unlink(path), 0);
	put_stat("600", 15000, 0, 0);
	take(SECOND);
	ck_assert(neighbours.survey.worst_pid == 600);
	ck_assert_uint_eq(neighbours_entries(&neighbours).v, 15000);
	ck_assert_uint_eq(neighbours_counted(&neighbours, CT_COUNTER_DROP), 9);
}
END_TEST

START_TEST(one_that_empties_is_let_go)
{
	put_stat("500", 20000, 0, 0);
	survey();
	put_stat("500", 50, 0, 0);
	take(SECOND);
	ck_assert(!neighbours_entries(&neighbours).known);
}
END_TEST

START_TEST(new_one_is_found_by_its_smoke)
{
	survey();
	take(SECOND);
	put_stat("500", 40000, 0, 0);
	take(SECOND);
	ck_assert_msg(!neighbours_entries(&neighbours).known, "found without a reason to look");
	look.slab.v += 11 * MIB;
	take(SECOND);
	ck_assert_uint_eq(neighbours_entries(&neighbours).v, 40000);
	ck_assert(neighbours.found);
	ck_assert_str_eq(neighbours.survey.worst_name, "router");
	take(SECOND);
	ck_assert(!neighbours.found);
}
END_TEST

/* Some other part of the kernel that grows all the time must not cost a walk through /proc each second. */
START_TEST(smoke_without_fire_costs_little)
{
	unsigned surveys = 0, processes = 0;
	uint64_t before;
	char pid[16];

	for (int i = 0; i < 200; i++) {
		(void)snprintf(pid, sizeof(pid), "%d", 1000 + i);
		put_stat(pid, 1, 0, 0);
	}
	survey();
	before = neighbours.survey_usec;
	for (int i = 0; i < 600; i++) {
		look.slab.v += 20 * MIB;
		take(SECOND);
		surveys += neighbours.survey_usec != before;
		processes += neighbours.survey_usec != before ? neighbours.survey.processes : 0;
		before = neighbours.survey_usec;
	}
	ck_assert_uint_ge(surveys, 10);
	ck_assert_uint_le(processes * NEIGHBOURS_PROCESS_USEC,
			  NEIGHBOURS_CREDIT_USEC + 600 * SECOND / NEIGHBOURS_CREDIT_SHARE + 200 * NEIGHBOURS_PROCESS_USEC);
}
END_TEST

/* A look as the daemon takes it: entries and who comes are of the fullest. */
START_TEST(entries_of_a_look_are_those_of_the_fullest)
{
	const char *machine = sysroot_copy("6.1-module");
	ct_cleanup(close_fs) struct ct_fs *tree = open_fs(machine);
	struct collect collect;
	struct decide_look l;

	root = machine;
	put_stat("self", 100, 0, 0);
	put_file(machine, "proc/sys/net/netfilter/nf_conntrack_max", "65536\n");
	put_file(machine, "proc/sys/net/netfilter/nf_conntrack_count", "100\n");
	put_file(machine, "proc/500/comm", "router\n");
	ck_assert_int_eq(collect_init(&collect, tree, &err), 0);
	ck_assert_int_eq(collect_look(&collect, SECOND, false, true, &l, &err), 0);
	ck_assert(!l.moved && l.where[0] == '\0' && l.entries.v == 100);
	put_stat("500", 20000, 0, 0);
	put_packets("500", 10000, 10000);
	collect_again(&collect);
	ck_assert_int_eq(collect_look(&collect, 2 * SECOND, false, true, &l, &err), 0);
	ck_assert(l.moved && !l.sudden && l.entries.v == 20000);
	ck_assert_str_eq(l.where, "router");
	ck_assert(!l.unreplied.known);
	ck_assert_uint_eq(ct_facts_entries(&collect.facts).v, 20000);
	put_stat("500", 40000, 0, 0);
	put_packets("500", 31000, 31000);
	ck_assert_int_eq(collect_look(&collect, 3 * SECOND, false, true, &l, &err), 0);
	ck_assert(!l.moved && l.entries.v == 40000 && l.unreplied.known && l.unreplied.v > 0.9);
	put_file(machine, "proc/sys/net/netfilter/nf_conntrack_count", "50000\n");
	ck_assert_int_eq(collect_look(&collect, 4 * SECOND, false, true, &l, &err), 0);
	ck_assert(l.moved && l.where[0] == '\0' && l.entries.v == 50000);
	collect_done(&collect);
}
END_TEST

/* A child in a namespace of its own; -1 where that is forbidden. */
static pid_t in_namespace(void)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		byte = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
		if (write(ready[1], &byte, 1) == 1)
			(void)pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	if (byte)
		return pid;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -1;
}

/* A namespace that we look at ends like any other. */
START_TEST(looking_keeps_no_namespace_alive)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	ct_cleanup(close_fs) struct ct_fs *live = open_fs("/");
	struct ct_stats *stats = NULL;
	struct ct_sample sample;
	pid_t pid = in_namespace();
	int r = 0;

	if (pid < 0)
		return;
	r = ct_stats_new_netns(&stats, live, &kernel, 64, pid, &err);
	/* a kernel without the file */
	if (r < 0)
		ck_assert_int_eq(r, -ENOENT);
	else
		ck_assert_int_eq(ct_stats_sample(stats, &sample, &err), 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; r == 0 && i < 3000; i++) {
		r = ct_stats_sample(stats, &sample, NULL);
		(void)nanosleep(&pause, NULL);
	}
	ck_assert(r == -ENOENT || r == -ENXIO);
	(void)ct_stats_free(stats);
}
END_TEST

Suite *module_suite(void)
{
	Suite *s = suite_create("neighbours");
	TCase *t = tcase_create("neighbours");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, memory_that_entries_do_not_explain_is_smoke);
	tcase_add_test(t, newcomers_with_hardly_a_packet_each_are_not_answered);
	tcase_add_loop_test(t, connections_are_not_called_a_flood, 0, ct_array_size(quiet_rows));
	tcase_add_test(t, packets_are_counted_in_both_ways);
	tcase_add_test(t, fullest_one_is_read_at_each_look);
	tcase_add_test(t, small_ones_are_left_alone);
	tcase_add_test(t, one_that_is_gone_is_let_go_and_looked_for);
	tcase_add_test(t, one_that_empties_is_let_go);
	tcase_add_test(t, new_one_is_found_by_its_smoke);
	tcase_add_test(t, smoke_without_fire_costs_little);
	tcase_add_test(t, entries_of_a_look_are_those_of_the_fullest);
	tcase_add_test(t, looking_keeps_no_namespace_alive);
	suite_add_tcase(s, t);
	return s;
}
