// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * detect.c - map the words that a BPF program writes.
 *
 * The way to them is a socket in /run/weft-bpf (slot.h).  Tried and left:
 *
 *	a pin in bpffs: to open it takes a privilege
 *	a socket without a file: belongs to a network namespace, and to whoever
 *		was first
 *	a descriptor inherited over exec: a running process never gets one, and
 *		its children get too many
 *	the loader stays, and its death is to be noticed: the link may as well
 *		live here
 *
 * While nobody offers anything this costs one access() for each start.
 */
#include "detect.h"
#include "../arch/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PATIENCE_US 200000	/* for an answer that should take 50 */

/*
 * slot is written by weft__detect_open() and distrust(), which one thread at a
 * time calls; read by anyone, acquire.  The rest is theirs alone.
 */
static struct {
	struct weft__slot *slot;	/* NULL: none, or not believed */
	struct weft__slot *mapped;
	u32 n;
	int map, link;
} own = { .map = -1, .link = -1 };

bool weft__detect_on(void)
{
	return READ_ONCE(own.slot);
}

/* ---- how they come ---- */

static int sock_connect(void)
{
	struct timeval patience = { .tv_usec = PATIENCE_US };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, ret;

	snprintf(a.sun_path, sizeof(a.sun_path), WEFT__OFFER_DIR "/%d",
		 (int)weft__syscall(SYS_getpid));
	ret = weft__syscall(SYS_faccessat, AT_FDCWD, a.sun_path, 0);
	if (ret)
		return -ENOENT;
	fd = weft__syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
			   0);
	if (fd < 0)
		return fd;
	weft__syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		      sizeof(patience));
	ret = weft__syscall(SYS_connect, fd, &a, sizeof(a));
	if (!ret)
		return fd;
	weft__syscall(SYS_close, fd);
	/* A file that was left behind */
	return ret == -ECONNREFUSED ? -ENOENT : ret;
}

/* Two descriptors; there is room for no more. */
static bool take_fds(struct msghdr *m, int fd[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n = 0;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fd, CMSG_DATA(c), n * sizeof(int));
	}
	if (n == 1)
		weft__syscall(SYS_close, fd[0]);
	return n == 2;
}

static int receive(int sock, struct weft__offer *o, int fd[2])
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} c = { .buf = { 0 } };
	struct iovec v = { o, sizeof(*o) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c.buf) };
	long n = weft__syscall(SYS_recvmsg, sock, &m, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	if (!take_fds(&m, fd))
		return n ? -EPROTO : -ECONNRESET;
	if (n == sizeof(*o) && o->magic == WEFT__OFFER_MAGIC &&
	    o->version == WEFT__SLOT_VERSION &&
	    o->slot_size == sizeof(struct weft__slot) && o->nslots &&
	    o->nslots <= WEFT__SLOTS_MAX && !(o->nslots & (o->nslots - 1)))
		return 0;
	weft__syscall(SYS_close, fd[0]);
	weft__syscall(SYS_close, fd[1]);
	return -EPROTO;
}

static void forget(void)
{
	smp_store_release(&own.slot, NULL);
	if (own.mapped)
		munmap(own.mapped, own.n * sizeof(*own.mapped));
	if (own.map >= 0)
		weft__syscall(SYS_close, own.map);
	if (own.link >= 0)
		weft__syscall(SYS_close, own.link);
	own.mapped = NULL;
	own.map = own.link = -1;
}

/* The kernel refuses what is no mappable array, or a smaller one. */
static int map_them(const struct weft__offer *o, const int fd[2])
{
	long p = weft__syscall(SYS_mmap, NULL,
			       o->nslots * sizeof(struct weft__slot),
			       PROT_READ | PROT_WRITE, MAP_SHARED, fd[0], 0);

	if (p < 0 && p > -4096) {
		weft__syscall(SYS_close, fd[0]);
		weft__syscall(SYS_close, fd[1]);
		return p;
	}
	forget();
	own.map = fd[0];
	own.link = fd[1];
	own.n = o->nslots;
	own.mapped = (struct weft__slot *)p;
	smp_store_release(&own.slot, own.mapped);
	return 0;
}

int weft__detect_open(void)
{
	struct weft__offer o = { 0 };
	int sock, fd[2], ret;

	if (weft__detect_on())
		return 0;
	sock = sock_connect();
	if (sock < 0)
		return sock;
	ret = receive(sock, &o, fd);
	weft__syscall(SYS_close, sock);
	return ret ? ret : map_them(&o, fd);
}

void weft__detect_distrust(void)
{
	WRITE_ONCE(own.slot, NULL);
}

void weft__detect_forked(void)
{
	forget();
}

/* ---- slots ---- */

struct weft__slot *weft__detect_claim(int tid)
{
	struct weft__slot *slot = smp_load_acquire(&own.slot), *s;
	u32 i;

	for (i = 0; slot && i < WEFT__SLOT_PROBES; i++) {
		s = &slot[((u32)tid + i) & (own.n - 1)];
		if (READ_ONCE(s->tid) == (u32)tid ||
		    (!READ_ONCE(s->tid) && cas(&s->tid, 0, (u32)tid)))
			return s;
	}
	return NULL;
}

/*
 * The program writes it only while this thread is being switched.  Not free
 * before the word is cleared: who claims it must not find ours.
 */
void weft__detect_drop(struct weft__slot *s)
{
	if (!s)
		return;
	WRITE_ONCE(s->tid, ~0u);
	WRITE_ONCE(s->word, 0);
	WRITE_ONCE(s->since, 0);
	smp_store_release(&s->tid, 0);
}
