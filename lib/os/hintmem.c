// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * hintmem.c - the memory in which hints stand; see weft/hint_page.h.
 *
 * A memory file, since it has a name that a tool finds and needs no directory
 * to lie in; nothing is left of it when the process is gone.  One that a
 * resource limit forbids is not tried: the kernel would send SIGXFSZ to the
 * host program.
 *
 * The descriptor stays open for those who look into /proc/PID/fd.  The host may
 * close all it finds and open others: before it is closed it is compared.
 */
#include "os/hintmem.h"
#include "arch/syscall.h"
#include "os/feature.h"
#include "os/mem.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* Written by a start or a stop, under their lock; read while it runs. */
static struct {
	char *base;
	size_t sz;
	int fd;			/* -1: private */
	dev_t dev;
	ino_t ino;
} own = { .fd = -1 };

static long file_new(void)
{
	long fd = weft__syscall(SYS_memfd_create, WEFT_HINT_FILE,
				MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd == -EINVAL)	/* before Linux 6.3 */
		fd = weft__syscall(SYS_memfd_create, WEFT_HINT_FILE,
				   MFD_CLOEXEC);
	return fd;
}

const char *weft__hintmem_probe(void)
{
	long fd = file_new();

	if (fd == -ENOSYS || fd == -EPERM)
		return "memfd_create is forbidden here (seccomp?)";
	if (fd < 0)
		return "no memory file can be made";
	weft__syscall(SYS_close, fd);
	return NULL;
}

static bool fits(size_t sz)
{
	struct {
		u64 cur, max;
	} limit;

	return !weft__syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) &&
	       sz <= limit.cur;
}

/* Shared; false: it cannot be done after all. */
static bool map_file(void)
{
	struct stat st;
	long fd, p = -1;

	if (!weft__feature(WEFT__HINTS) || !fits(own.sz))
		return false;
	fd = file_new();
	if (fd < 0)
		return false;
	if (!weft__syscall(SYS_ftruncate, fd, own.sz) && !fstat((int)fd, &st))
		p = weft__syscall(SYS_mmap, NULL, own.sz,
				  PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p < 0 && p > -4096) {
		weft__syscall(SYS_close, fd);
		return false;
	}
	own.base = (char *)p;
	own.fd = (int)fd;
	own.dev = st.st_dev;
	own.ino = st.st_ino;
	return true;
}

int weft__hintmem_open(u32 n)
{
	struct weft_hint_head *h;

	own.sz = ((size_t)n + 1) * WEFT__HINT_PAGE;
	own.fd = -1;
	own.base = NULL;
	if (!map_file())
		own.base = weft__map(own.sz, 0, -1, 0);
	if (!own.base)
		return -ENOMEM;
	h = (struct weft_hint_head *)own.base;
	h->version = WEFT_HINT_VERSION;
	h->page_size = WEFT__HINT_PAGE;
	h->npages = n + 1;
	h->pid = (int)weft__syscall(SYS_getpid);
	h->words_size = sizeof(struct weft_hint_words);
	/* Last: who finds it finds the rest. */
	smp_store_release(&h->magic, WEFT_HINT_MAGIC);
	return 0;
}

struct weft_hint_words *weft__hint_words(u32 id)
{
	return (struct weft_hint_words *)(own.base +
					  (id + 1ul) * WEFT__HINT_PAGE);
}

void weft__hintmem_close(void)
{
	struct stat st;

	if (own.fd >= 0 && !fstat(own.fd, &st) && st.st_dev == own.dev &&
	    st.st_ino == own.ino)
		weft__syscall(SYS_close, own.fd);
	if (own.base)
		munmap(own.base, own.sz);
	own.base = NULL;
	own.fd = -1;
}
