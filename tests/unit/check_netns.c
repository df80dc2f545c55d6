/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces: in captured trees all kinds of them, and on this machine one that the test makes, where it may. */
#include "config.h"
#include "check.h"
#include "util.h"

#include <conntune/netns.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *root;
static struct ct_fs *fs;
static struct ct_netns_list *list;
static struct ct_err err;

static void setup(void)
{
	root = scratch_dir();
	put_file(root, "proc/sys/net/netfilter/nf_conntrack_count", "42\n");
	ck_assert_int_eq(ct_fs_new(&fs, root, &err), 0);
}

static void teardown(void)
{
	list = ct_netns_free(list);
	ck_assert_ptr_null(list);
	fs = ct_fs_free(fs);
}

static void put_link(const char *path, const char *text)
{
	char full[512];

	put_file(root, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	ck_assert_int_eq(unlink(full), 0);
	ck_assert_int_eq(symlink(text, full), 0);
}

static void collect(void)
{
	ck_assert_msg(ct_netns_collect(fs, &list, &err) == 0, "%s", err.msg);
}

static const struct ct_netns *with_inode(uint64_t inode)
{
	const struct ct_netns *netns = NULL;

	for (size_t i = 0; (netns = ct_netns_at(list, i)); i++)
		if (netns->inode == inode)
			break;
	return netns;
}

START_TEST(each_namespace_is_there_once)
{
	put_link("proc/self/ns/net", "net:[100]");
	put_link("proc/1/ns/net", "net:[100]");
	put_link("proc/7/ns/net", "net:[200]");
	put_link("proc/9/ns/net", "net:[200]");
	put_link("proc/11/ns/net", "net:[300]");
	put_link("run/netns/blue", "net:[200]");
	put_link("run/netns/red", "net:[200]");
	put_link("run/netns/lonely", "net:[400]");
	collect();
	ck_assert_uint_eq(ct_netns_count(list), 4);
	ck_assert_ptr_null(ct_netns_at(list, 4));
	ck_assert(ct_netns_at(list, 0)->own);
	ck_assert_uint_eq(ct_netns_at(list, 0)->inode, 100);
	ck_assert_str_eq(ct_netns_at(list, 0)->name, "");
	ck_assert_int_eq(ct_netns_at(list, 0)->pid, 1);
	ck_assert_str_eq(with_inode(200)->name, "blue");
	ck_assert_int_eq(with_inode(200)->pid, 7);
	ck_assert_str_eq(with_inode(300)->name, "");
	ck_assert_str_eq(with_inode(400)->name, "lonely");
	ck_assert_int_eq(with_inode(400)->pid, 0);
}
END_TEST

START_TEST(only_own_entries_of_a_captured_machine_are_known)
{
	bool complete = true;

	put_link("proc/self/ns/net", "net:[100]");
	put_link("proc/7/ns/net", "net:[200]");
	collect();
	ck_assert_uint_eq(with_inode(100)->entries.v, 42);
	ck_assert(!with_inode(200)->entries.known);
	ck_assert_uint_eq(ct_netns_entries(list, &complete).v, 42);
	ck_assert(!complete);
	ck_assert(ct_netns_entries(list, NULL).known);
}
END_TEST

static const char *const no_links[] = {
	"", "net:", "net:[", "net:[]", "net:[12", "net:[12]x", "mnt:[12]", "net:[x]", "/proc/1/ns/net",
};

START_TEST(link_that_names_no_namespace_is_left_out)
{
	if (no_links[_i][0]) {
		put_link("proc/self/ns/net", no_links[_i]);
		put_link("run/netns/a", no_links[_i]);
	}
	put_file(root, "run/netns/left-over", "");
	put_file(root, "proc/7/ns/net", "");
	put_link("proc/x/ns/net", "net:[5]");
	collect();
	ck_assert_uint_eq(ct_netns_count(list), 0);
	ck_assert(!ct_netns_entries(list, NULL).known);
}
END_TEST

START_TEST(empty_tree_has_none)
{
	fs = ct_fs_free(fs);
	ck_assert_int_eq(ct_fs_new(&fs, scratch_dir(), &err), 0);
	collect();
	ck_assert_uint_eq(ct_netns_count(list), 0);
}
END_TEST

START_TEST(name_that_would_disturb_a_terminal_is_made_printable)
{
	put_link("run/netns/a\033[2J\303\251", "net:[5]");
	collect();
	ck_assert_str_eq(ct_netns_at(list, 0)->name, "a?[2J??");
}
END_TEST

START_TEST(many_are_found_in_order)
{
	char path[64], text[64];

	for (unsigned i = 1; i <= 200; i++) {
		(void)snprintf(path, sizeof(path), "proc/%u/ns/net", i);
		(void)snprintf(text, sizeof(text), "net:[%u]", 1000 - i);
		put_link(path, text);
	}
	collect();
	ck_assert_uint_eq(ct_netns_count(list), 200);
	for (size_t i = 1; i < 200; i++)
		ck_assert_uint_lt(ct_netns_at(list, i - 1)->inode, ct_netns_at(list, i)->inode);
}
END_TEST

static uint64_t here(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* What a child of its own finds: none of its asserts may end the test program, so it answers with its exit status. */
#define CANNOT 77
#define require(condition)               \
	do {                             \
		if (!(condition))        \
			return __LINE__ % 64; \
	} while (0)

static bool in_new_namespace(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0;
}

static bool name_it(const char *name, int pid)
{
	char path[64], of[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/run/netns/%s", name);
	(void)snprintf(of, sizeof(of), "/proc/%d/ns/net", pid);
	(void)mkdir("/run/netns", 0755);
	f = fopen(path, "we");
	return f && fclose(f) == 0 && mount(of, path, "", MS_BIND, "") == 0;
}

/* Two more namespaces: one with a process, which gets a name too, and a name that leads nowhere. */
static int look_around(int pid)
{
	struct ct_fs *live;
	const struct ct_netns *other;
	uint64_t own = here("/proc/self/ns/net"), inode;
	char path[64];
	bool named;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	inode = here(path);
	require(inode && own && inode != own);
	require(ct_fs_new(&live, "/", NULL) == 0);
	for (int round = 0; round < 2; round++) {
		require(ct_netns_collect(live, &list, NULL) == 0);
		other = with_inode(inode);
		require(other && other->pid == pid && !other->own);
		require(other->entries.known == (access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) == 0));
		require(with_inode(own)->own && here("/proc/thread-self/ns/net") == own);
		require(strcmp(other->name, round ? "test" : "") == 0);
		list = ct_netns_free(list);
		named = round == 0 && mount("none", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
			mount("none", "/run", "tmpfs", 0, "") == 0 && name_it("test", pid);
		if (!named)
			break;
		require(fclose(fopen("/run/netns/left-over", "we")) == 0);
	}
	(void)ct_fs_free(live);
	return 0;
}

static int child(void)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	if (!in_new_namespace() || pipe(ready) < 0)
		return CANNOT;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	(void)close(ready[1]);
	status = pid > 0 && read(ready[0], &byte, 1) == 1 ? look_around(pid) : CANNOT;
	(void)close(ready[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	return status;
}

START_TEST(entries_of_another_namespace_are_read_without_going_there)
{
	int status;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		exit(child());          /* not _exit(): coverage is written on the way out */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CANNOT, "line %d modulo 64",
		      WEXITSTATUS(status));
}
END_TEST

START_TEST(own_namespace_is_found_on_this_machine)
{
	fs = ct_fs_free(fs);
	ck_assert_int_eq(ct_fs_new(&fs, "/", &err), 0);
	collect();
	ck_assert(with_inode(here("/proc/self/ns/net"))->own);
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("netns");
	TCase *tc = tcase_create("trees");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_namespace_is_there_once);
	tcase_add_test(tc, only_own_entries_of_a_captured_machine_are_known);
	tcase_add_loop_test(tc, link_that_names_no_namespace_is_left_out, 0, (int)ct_array_size(no_links));
	tcase_add_test(tc, empty_tree_has_none);
	tcase_add_test(tc, name_that_would_disturb_a_terminal_is_made_printable);
	tcase_add_test(tc, many_are_found_in_order);
	suite_add_tcase(suite, tc);
	tc = tcase_create("this machine");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, entries_of_another_namespace_are_read_without_going_there);
	tcase_add_test(tc, own_namespace_is_found_on_this_machine);
	suite_add_tcase(suite, tc);
	return suite;
}
