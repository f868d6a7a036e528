/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * rseq.h - the restartable-sequence area that glibc registered.
 *
 * glibc 2.35 and later registers one for each thread that it creates.  The
 * symbols are weak, so that weft links with an older one, and runs without.
 */
#ifndef WEFT__RSEQ_H
#define WEFT__RSEQ_H

#include "arch/compiler.h"

#include <linux/rseq.h>

extern const ptrdiff_t __rseq_offset __attribute__((__weak__));
extern const unsigned int __rseq_size __attribute__((__weak__));

/*
 * Where rseq is usable: byte offset of the area from the thread pointer, the
 * same for all threads.  0 where it is not.
 */
extern ptrdiff_t weft__rseq_offset;

/**
 * weft__rseq_probe() - may this thread use restartable sequences?
 *
 * Return: NULL if so, and weft__rseq_offset is set; else why not.
 */
const char *weft__rseq_probe(void);

/**
 * weft__rseq_area() - the area of the calling thread
 *
 * Not cached by the compiler over a call that may switch threads: a volatile
 * read.  Only after weft__rseq_probe() found it usable.
 */
static inline struct rseq *weft__rseq_area(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	char *tp;

	__asm__ __volatile__("movq %%fs:0, %0" : "=r"(tp));
	return (struct rseq *)(tp + weft__rseq_offset);
#else
	return (struct rseq *)((char *)__builtin_thread_pointer() +
			       weft__rseq_offset);
#endif
}

/**
 * weft__rseq_registered() - is this very thread registered?
 *
 * A thread made by a raw clone() is not, though the process can.
 */
static inline bool weft__rseq_registered(void)
{
	return (s32)READ_ONCE(weft__rseq_area()->cpu_id) >= 0;
}

#endif /* WEFT__RSEQ_H */
