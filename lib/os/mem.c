// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mem.c - address space: map, place on a node, guard, discard.
 */
#include "os/mem.h"
#include "arch/syscall.h"
#include "os/feature.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>
#include <linux/mempolicy.h>

/* Since Linux 6.13 */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

#define NODE_BITS		1024
#define LONG_BITS		(8 * sizeof(unsigned long))

/* Set once a guard was made by mprotect(), which unguard must then undo. */
static bool mprotect_used;

static void *map(size_t sz)
{
	long p = weft__syscall(SYS_mmap, NULL, sz, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

/* Preferred, not bound: a full node is no reason to fail. */
static void prefer(void *p, size_t sz, int node)
{
	unsigned long mask[NODE_BITS / LONG_BITS] = { 0 };

	if (node < 0 || node >= NODE_BITS || !weft__feature(WEFT__NUMA))
		return;
	mask[node / LONG_BITS] = 1ul << (node % LONG_BITS);
	weft__syscall(SYS_mbind, p, sz, MPOL_PREFERRED, mask, NODE_BITS, 0);
}

void *weft__map(size_t sz, size_t align, int node, unsigned int flags)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t slack = align > page ? align - page : 0;
	size_t head;
	char *p;

	if (sz + slack < sz)
		return NULL;
	p = map(sz + slack);
	if (!p)
		return NULL;
	if (slack) {
		head = -(uintptr_t)p & (align - 1);
		weft__unmap(p, head);
		weft__unmap(p + head + sz, slack - head);
		p += head;
	}
	prefer(p, sz, node);
	if (flags & WEFT__MAP_HUGE)
		weft__syscall(SYS_madvise, p, sz, MADV_HUGEPAGE);
	if (flags & WEFT__MAP_NOHUGE)
		weft__syscall(SYS_madvise, p, sz, MADV_NOHUGEPAGE);
	return p;
}

void weft__unmap(void *p, size_t sz)
{
	if (sz)
		weft__syscall(SYS_munmap, p, sz);
}

static weft__cold int protect_failed(void)
{
	static u32 told;

	if (!xchg(&told, 1))
		fprintf(stderr, "weft: no guard page: mprotect failed, most "
				"likely for vm.max_map_count (sysctl); each "
				"stack needs 2 maps without "
				"MADV_GUARD_INSTALL (Linux 6.13)\n");
	return -ENOMEM;
}

int weft__guard(void *p, size_t sz)
{
	if (weft__feature(WEFT__GUARD) &&
	    !weft__syscall(SYS_madvise, p, sz, MADV_GUARD_INSTALL))
		return 0;
	WRITE_ONCE(mprotect_used, true);
	weft__discard(p, sz);
	if (weft__syscall(SYS_mprotect, p, sz, PROT_NONE))
		return protect_failed();
	return 0;
}

int weft__unguard(void *p, size_t sz)
{
	if (weft__feature(WEFT__GUARD))
		weft__syscall(SYS_madvise, p, sz, MADV_GUARD_REMOVE);
	if (READ_ONCE(mprotect_used) &&
	    weft__syscall(SYS_mprotect, p, sz, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	return 0;
}

void weft__discard(void *p, size_t sz)
{
	weft__syscall(SYS_madvise, p, sz, MADV_DONTNEED);
}

const char *weft__guard_probe(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p = map(page);
	const char *why = NULL;

	if (!p)
		return "there was no memory to try it";
	switch (weft__syscall(SYS_madvise, p, page, MADV_GUARD_INSTALL)) {
	case 0:
		break;
	case -EINVAL:
		why = "the kernel has no MADV_GUARD_INSTALL (Linux 6.13), or "
		      "all memory is locked";
		break;
	default:
		why = "madvise is forbidden here (seccomp?)";
	}
	weft__unmap(p, page);
	return why;
}
