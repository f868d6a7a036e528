// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8_fault.c - block in a page fault, as on a slow file.
 *
 * Each blocker drops a page of its own and touches it.  The fault goes to an
 * ordinary thread by userfaultfd, which fills the page in 10 ms later.  Faults
 * from user mode are enough, and need no privilege.
 */
#include "block8.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static struct {
	char *page[BLOCK8_BLOCKERS];
	long size;
	int fd;
	pthread_t filler;
	bool filled;

	/* The filler's, oldest first: each page faults once at a time */
	struct {
		uint64_t at;
		int64_t due;
	} wait[BLOCK8_BLOCKERS];
	unsigned int head, tail;
} faults;

static bool faults_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	faults.fd = syscall(SYS_userfaultfd,
			    O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	return faults.fd >= 0 && !ioctl(faults.fd, UFFDIO_API, &api);
}

static bool faults_register(char *all, size_t size)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)all, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return !ioctl(faults.fd, UFFDIO_REGISTER, &reg);
}

static bool faults_ready(struct run *r)
{
	size_t size = sysconf(_SC_PAGESIZE) * BLOCK8_BLOCKERS;
	char *all = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (all == MAP_FAILED)
		check(-errno, "mmap");
	faults.size = size / BLOCK8_BLOCKERS;
	for (i = 0; i < BLOCK8_BLOCKERS; i++)
		faults.page[i] = all + i * faults.size;
	if (faults_open() && faults_register(all, size))
		return true;
	run_skip(r, "userfaultfd: %s", strerror(errno));
	return false;
}

static void faults_fill(uint64_t at)
{
	struct uffdio_zeropage zero = {
		.range = { .start = at, .len = faults.size },
	};

	if (ioctl(faults.fd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST)
		check(-errno, "UFFDIO_ZEROPAGE");
}

static void faults_take(void)
{
	struct uffd_msg msg;
	unsigned int i;

	while (read(faults.fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		i = faults.tail++ % BLOCK8_BLOCKERS;
		faults.wait[i].at =
			msg.arg.pagefault.address & -(uint64_t)faults.size;
		faults.wait[i].due = now_ns() + BLOCK8_NS;
	}
}

/* Fills what is due; returns how long the next has, 10 ms if there is none. */
static int64_t faults_give(void)
{
	unsigned int i;
	int64_t left;

	for (; faults.head != faults.tail; faults.head++) {
		i = faults.head % BLOCK8_BLOCKERS;
		left = faults.wait[i].due - now_ns();
		if (left > 0)
			return left;
		faults_fill(faults.wait[i].at);
	}
	return BLOCK8_NS;
}

static void *faults_handle(void *arg)
{
	struct pollfd p = { .fd = faults.fd, .events = POLLIN };
	struct timespec t = { 0, 0 };

	while (load_acquire(&faults.filled)) {
		faults_take();
		t.tv_nsec = faults_give();
		ppoll(&p, 1, &t, NULL);
	}
	return arg;
}

static void faults_start(void)
{
	faults.filled = true;
	check(thread_start(&faults.filler, faults_handle, NULL), "a thread");
}

static void faults_stop(void)
{
	store_release(&faults.filled, false);
	pthread_join(faults.filler, NULL);
}

static void faults_block(int i)
{
	if (madvise(faults.page[i], faults.size, MADV_DONTNEED))
		check(-errno, "MADV_DONTNEED");
	(void)READ_ONCE(*faults.page[i]);
}

const struct block8_way way_fault = {
	.ready = faults_ready,
	.start = faults_start,
	.block = faults_block,
	.stop = faults_stop,
};
