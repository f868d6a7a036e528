// SPDX-License-Identifier: GPL-2.0-only
/*
 * offer.c - give the process what it needs: a socket, two descriptors.
 *
 * The socket is in a folder that only root can write, in the file system that
 * the process sees (through /proc/PID/root), under the number by which it knows
 * itself.  A name without a file would be bound to a network namespace, and
 * anybody could have taken it.  bpffs would need a privilege to open.
 *
 * A thread that does not ask gets nothing: the kernel says who connects.
 */
#include "weft-bpf.h"

#include "os/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The folder; still there when the process, and the path, have gone. */
static int dir = -1;
static char name[16];

static int open_dir(const struct target *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root" WEFT__OFFER_DIR, t->pid);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : 0;
}

/* It gets its name when it listens, so that who finds it is not refused. */
static int bind_in_dir(int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char other[32];

	snprintf(other, sizeof(other), ".%s.new", name);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir,
		 other);
	unlinkat(dir, other, 0);
	if (bind(fd, (void *)&a, sizeof(a)) || chmod(a.sun_path, 0666) ||
	    listen(fd, 4) || renameat(dir, other, dir, name))
		return -errno;
	return 0;
}

int offer_open(const struct target *t)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : open_dir(t);

	snprintf(name, sizeof(name), "%d", t->own);
	if (!err)
		err = bind_in_dir(fd);
	if (!err)
		return fd;
	complain(WEFT__OFFER_DIR "/%s, as process %d sees it: %s", name, t->pid,
		 strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

void offer_close(int fd)
{
	unlinkat(dir, name, 0);
	close(fd);
}

static int send_it(int fd, const struct attached *a)
{
	struct weft__offer o = { WEFT__OFFER_MAGIC, WEFT__SLOT_VERSION,
				 sizeof(struct weft__slot), a->nslots };
	struct iovec v = { &o, sizeof(o) };
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN(2 * sizeof(int)),
		       .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c.buf) };

	memcpy(CMSG_DATA(&c.h), (int[]){ a->map, a->link }, 2 * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One who asks: is it the process?  1: it has it; 0: not yet. */
static int answer(int fd, const struct target *t, const struct attached *a)
{
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC), err = -EAGAIN;
	socklen_t n = sizeof(struct ucred);
	struct ucred who = { 0 };

	if (conn < 0)
		return 0;
	if (!getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &who, &n) &&
	    who.pid == t->pid)
		err = send_it(conn, a);
	close(conn);
	return !err;
}

/* Until it has what it needs (0), or has ended (-ESRCH). */
int offer_serve(int fd, const struct target *t, const struct attached *a)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = t->pidfd, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents & POLLIN && answer(fd, t, a))
			return 0;
		if (p[1].revents & POLLIN)
			return -ESRCH;
	}
}
