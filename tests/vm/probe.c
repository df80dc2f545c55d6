/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run as a service with the settings of conntuned.service: one line for each thing that it must be able to do, and for
 * each that it must not: "ok WHAT" or "FAILED WHAT: errno".
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NETFILTER "/proc/sys/net/netfilter/"

/* What a row tries; the path is its argument. 0, or -1 with errno. */
typedef int (*try_fn)(const char *path);

static int done(int fd)
{
	int code = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = code;
	return fd < 0 ? -1 : 0;
}

static int reads(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[64];

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		return done(-1);
	return done(fd);
}

/* What is there, once more. */
static int writes(const char *path)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	(void)done(fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (n < 0 || fd < 0 || write(fd, text, (size_t)n) != n) {
		(void)done(fd);
		return -1;
	}
	return done(fd);
}

static int opens_to_write(const char *path)
{
	return done(open(path, O_WRONLY | O_CLOEXEC));
}

static int creates(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0)
		(void)unlink(path);
	return done(fd);
}

static int lists(const char *path)
{
	return done(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int asks_conntrack(const char *path)
{
	(void)path;
	return done(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12));
}

static int hears_modules(const char *path)
{
	(void)path;
	return done(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 15));
}

static int listens(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return done(-1);
	(void)unlink(path);
	return done(fd);
}

static int inet(const char *path)
{
	(void)path;
	return done(socket(AF_INET, SOCK_STREAM, 0));
}

static int inet6(const char *path)
{
	(void)path;
	return done(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int packet(const char *path)
{
	(void)path;
	return done(socket(AF_PACKET, SOCK_RAW, 0));
}

static int loads_a_module(const char *path)
{
	return (int)syscall(SYS_finit_module, open(path, O_RDONLY | O_CLOEXEC), "", 0);
}

static int traces(const char *path)
{
	(void)path;
	return (int)ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static int reads_memory(const char *path)
{
	char text[8];
	struct iovec here = { text, sizeof(text) }, there = { text, sizeof(text) };

	(void)path;
	return process_vm_readv(1, &here, 1, &there, 1, 0) < 0 ? -1 : 0;
}

static int kills(const char *path)
{
	(void)path;
	return kill(1, SIGCONT);
}

static int becomes_root(const char *path)
{
	(void)path;
	return (int)syscall(SYS_setuid, 0);
}

static int becomes_root_group(const char *path)
{
	(void)path;
	return (int)syscall(SYS_setgid, 0);
}

static int new_user_namespace(const char *path)
{
	(void)path;
	return unshare(CLONE_NEWUSER);
}

static int new_net_namespace(const char *path)
{
	(void)path;
	return unshare(CLONE_NEWNET);
}

static int enters_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return setns(fd, 0);
}

static int mounts(const char *path)
{
	return mount("none", path, "tmpfs", 0, NULL);
}

static int remounts(const char *path)
{
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
}

static int unmounts(const char *path)
{
	return umount2(path, MNT_DETACH);
}

static int new_root(const char *path)
{
	return chroot(path);
}

static int sets_clock(const char *path)
{
	const struct timespec now = { .tv_sec = time(NULL) };

	(void)path;
	return (int)syscall(SYS_clock_settime, CLOCK_REALTIME, &now);
}

static int sets_name(const char *path)
{
	return sethostname(path, strlen(path));
}

static int reads_kernel_log(const char *path)
{
	char text[16];

	(void)path;
	return (int)syscall(SYS_syslog, 3, text, sizeof(text));
}

static int makes_device(const char *path)
{
	return mknod(path, S_IFCHR | 0600, 1 << 8 | 1);
}

static int sets_suid(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), r;

	r = fd < 0 ? -1 : fchmod(fd, 04755);
	(void)done(fd);
	return r;
}

static int gives_away(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), r;

	r = fd < 0 ? -1 : fchown(fd, 0, 0);
	(void)done(fd);
	return r;
}

static int bpf_program(const char *path)
{
	(void)path;
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int reboots(const char *path)
{
	(void)path;
	return reboot(RB_ENABLE_CAD);
}

static int realtime(const char *path)
{
	const struct sched_param param = { .sched_priority = 1 };

	(void)path;
	return sched_setscheduler(0, SCHED_FIFO, &param);
}

static int runs_from_state(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10)
		(void)done(fd);
	/* the last row: if it can, there is nothing to come back to */
	return execl(path, path, (char *)NULL);
}

static const struct row {
	bool must;
	const char *what;
	try_fn try;
	const char *path;
} rows[] = {
	{ true, "read entries", reads, NETFILTER "nf_conntrack_count" },
	{ true, "write limit", writes, NETFILTER "nf_conntrack_max" },
	{ true, "write buckets", writes, NETFILTER "nf_conntrack_buckets" },
	{ true, "write a time-out", writes, NETFILTER "nf_conntrack_udp_timeout" },
	{ true, "write another time-out", writes, NETFILTER "nf_conntrack_tcp_timeout_syn_sent" },
	{ true, "read meminfo", reads, "/proc/meminfo" },
	{ true, "read counters", reads, "/proc/net/stat/nf_conntrack" },
	{ true, "ask conntrack", asks_conntrack, NULL },
	{ true, "hear of modules", hears_modules, NULL },
	{ true, "listen", listens, "/run/conntuned/probe" },
	{ true, "keep state", creates, "/var/lib/conntune/probe" },
	{ true, "take the lock of conntune", opens_to_write, "/run/conntune/lock" },
	{ true, "read the configuration", lists, "/etc" },
	{ true, "read its own program", reads, "/usr/bin/probe" },
	{ false, "write below /etc", creates, "/etc/probe" },
	{ false, "write below /etc/conntune", creates, "/etc/conntune/probe" },
	{ false, "write below /etc/modprobe.d", creates, "/etc/modprobe.d/probe.conf" },
	{ false, "write below /run/modprobe.d", creates, "/run/modprobe.d/probe.conf" },
	{ false, "write below /run", creates, "/run/probe" },
	{ false, "write below /usr", creates, "/usr/probe" },
	{ false, "write below /var/lib", creates, "/var/lib/probe" },
	{ false, "write beside the lock", creates, "/run/conntune/probe" },
	{ false, "read /root", reads, "/root/secret" },
	{ false, "list /root", lists, "/root" },
	{ false, "list /home", lists, "/home" },
	{ false, "list /srv", lists, "/srv" },
	{ false, "write net.ipv4.ip_forward", writes, "/proc/sys/net/ipv4/ip_forward" },
	{ false, "write net.core.somaxconn", writes, "/proc/sys/net/core/somaxconn" },
	{ false, "write kernel.panic", writes, "/proc/sys/kernel/panic" },
	{ false, "write kernel.core_pattern", writes, "/proc/sys/kernel/core_pattern" },
	{ false, "write kernel.modprobe", writes, "/proc/sys/kernel/modprobe" },
	{ false, "write vm.overcommit_memory", writes, "/proc/sys/vm/overcommit_memory" },
	{ false, "write hashsize in sysfs", opens_to_write, "/sys/module/nf_conntrack/parameters/hashsize" },
	{ false, "write sysrq-trigger", opens_to_write, "/proc/sysrq-trigger" },
	{ false, "read the environment of process 1", reads, "/proc/1/environ" },
	{ false, "read memory", reads, "/dev/mem" },
	{ false, "open the console", opens_to_write, "/dev/console" },
	{ false, "write to the kernel log", opens_to_write, "/dev/kmsg" },
	{ false, "write control groups", opens_to_write, "/sys/fs/cgroup/cgroup.procs" },
	{ false, "internet socket", inet, NULL },
	{ false, "IPv6 socket", inet6, NULL },
	{ false, "packet socket", packet, NULL },
	{ false, "load a module", loads_a_module, "/usr/bin/probe" },
	{ false, "trace process 1", traces, NULL },
	{ false, "read the memory of process 1", reads_memory, NULL },
	{ false, "signal process 1", kills, NULL },
	{ false, "become root", becomes_root, NULL },
	{ false, "become group root", becomes_root_group, NULL },
	{ false, "user namespace", new_user_namespace, NULL },
	{ false, "network namespace", new_net_namespace, NULL },
	{ false, "enter a namespace", enters_namespace, "/proc/self/ns/net" },
	{ false, "mount", mounts, "/tmp" },
	{ false, "remount", remounts, "/proc/sys" },
	{ false, "unmount", unmounts, "/proc/sys" },
	{ false, "chroot", new_root, "/" },
	{ false, "set the clock", sets_clock, NULL },
	{ false, "set the host's name", sets_name, "probe" },
	{ false, "read the kernel log", reads_kernel_log, NULL },
	{ false, "make a device", makes_device, "/var/lib/conntune/null" },
	{ false, "set-user-id", sets_suid, "/var/lib/conntune/suid" },
	{ false, "give a file to root", gives_away, "/var/lib/conntune/given" },
	{ false, "BPF", bpf_program, NULL },
	{ false, "reboot", reboots, NULL },
	{ false, "realtime", realtime, NULL },
	{ false, "run a program of its own making", runs_from_state, "/var/lib/conntune/program" },
};

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const char *why;
		bool could;

		(void)fflush(stdout);
		could = row->try(row->path) == 0;
		why = could ? "it can" : strerror(errno);

		if (could == row->must)
			printf("ok %s: %s\n", row->what, why);
		else
			printf("FAILED %s: %s\n", row->what, why);
		failed |= could != row->must;
	}
	return failed;
}
