/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * syscall.h - system calls that leave errno alone.
 *
 * The errno of a kernel thread belongs to the G that runs on it, and is read
 * and written through an address that the compiler may keep.  What the
 * scheduler does on its own account must therefore not touch it.  So: the
 * result is the kernel's, a negative errno on failure.
 *
 * Not for calls that may not return or that a debugger or libc must see
 * (clone, exit, sigreturn).
 */
#ifndef WEFT__SYSCALL_H
#define WEFT__SYSCALL_H

#include "arch/compiler.h"

#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long weft__syscall6(long nr, long a, long b, long c, long d,
				  long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ __volatile__("syscall"
			     : "=a"(ret)
			     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10),
			       "r"(r8), "r"(r9)
			     : "rcx", "r11", "memory", "cc");
	return ret;
}

#else

#include <errno.h>
#include <unistd.h>

static inline long weft__syscall6(long nr, long a, long b, long c, long d,
				  long e, long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}

#endif

/* weft__syscall(SYS_madvise, p, sz, advice): up to six arguments */
#define weft__syscall(...) weft__syscall_pad(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define weft__syscall_pad(nr, a, b, c, d, e, f, ...)                          \
	weft__syscall6((long)(nr), (long)(a), (long)(b), (long)(c), (long)(d), \
		       (long)(e), (long)(f))

#endif /* WEFT__SYSCALL_H */
