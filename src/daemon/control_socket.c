/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket of the local API: given by the service manager, or made, without taking it from anybody who lives. */
#include "config.h"
#include "control_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

static int fail(struct ct_err *err, int code, const char *what, const char *path)
{
	err->code = code;
	(void)snprintf(err->msg, sizeof(err->msg), "%.150s: %s: %s", path, what, strerror(-code));
	return code;
}

static int take_given(struct control_socket *ret, int fd, struct ct_err *err)
{
	int flags;

	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
		return fail(err, -EBADF, "not a unix stream socket that listens", "socket of the service manager");
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return fail(err, -errno, "can't be made non-blocking", "socket of the service manager");
	*ret = (struct control_socket){ .fd = fd };
	return 0;
}

/* Is somebody there? A socket whose listener is gone refuses; one whose queue is full (EAGAIN) is alive. */
static int check_stale(const struct sockaddr_un *address, struct ct_err *err)
{
	struct stat st;
	int fd, r;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : fail(err, -errno, "can't be looked at", address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return fail(err, -EEXIST, "is there and isn't a socket", address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, -errno, "no socket can be made", address->sun_path);
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	(void)close(fd);
	if (r == -ENOENT)
		return 0;
	if (r == 0 || r == -EAGAIN)
		return fail(err, -EADDRINUSE, "another conntuned listens", address->sun_path);
	if (r != -ECONNREFUSED)
		return fail(err, r, "can't be tried", address->sun_path);
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return fail(err, -errno, "what another one left can't be removed", address->sun_path);
	return 0;
}

/* Mode 0666 whatever the umask is: connect(2) needs write permission, and everybody may ask. */
static int bind_it(int fd, const struct sockaddr_un *address, struct stat *st, struct ct_err *err)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return fail(err, -errno, "can't be made", address->sun_path);
	if (chmod(address->sun_path, 0666) < 0 || stat(address->sun_path, st) < 0 || listen(fd, SOMAXCONN) < 0) {
		int r = fail(err, -errno, "can't be listened on", address->sun_path);

		(void)unlink(address->sun_path);
		return r;
	}
	return 0;
}

static int make(struct control_socket *ret, const char *path, struct ct_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	char *copy;
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(err, -ENAMETOOLONG, "too long for the name of a socket", path);
	(void)memcpy(address.sun_path, path, strlen(path));
	r = check_stale(&address, err);
	if (r < 0)
		return r;
	copy = strdup(path);
	fd = copy ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (fd < 0)
		r = fail(err, copy ? -errno : -ENOMEM, "no socket can be made", path);
	else
		r = bind_it(fd, &address, &st, err);
	if (r == 0) {
		*ret = (struct control_socket){ .fd = fd, .path = copy, .dev = st.st_dev, .ino = st.st_ino };
		return 0;
	}
	if (fd >= 0)
		(void)close(fd);
	free(copy);
	return r;
}

int control_socket_open(struct control_socket *ret, int fd, const char *path, struct ct_err *err)
{
	return fd >= 0 ? take_given(ret, fd, err) : make(ret, path, err);
}

void control_socket_close(struct control_socket *socket)
{
	struct stat st;

	/* not the one that a successor has put there */
	if (socket->path && lstat(socket->path, &st) == 0 && st.st_dev == socket->dev && st.st_ino == socket->ino)
		(void)unlink(socket->path);
	free(socket->path);
	if (socket->fd >= 0)
		(void)close(socket->fd);
	*socket = (struct control_socket){ .fd = -1 };
}
