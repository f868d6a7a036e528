/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * clock.h - the clock of all deadlines: CLOCK_MONOTONIC, in nanoseconds.
 *
 * The vDSO answers without a system call where the clock source allows it.
 */
#ifndef WEFT__CLOCK_H
#define WEFT__CLOCK_H

#include "arch/compiler.h"

#include <time.h>

#define NSEC_PER_USEC	1000LL
#define NSEC_PER_MSEC	1000000LL
#define NSEC_PER_SEC	1000000000LL

static inline s64 weft__now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/*
 * The clock of deadlines: the same, or with WEFT_CLOCK=virtual a number that
 * sysmon moves on.  The first is written before a runtime starts.
 */
extern u32 weft__clock_virtual;
extern s64 weft__clock_at;

static inline s64 weft__clock(void)
{
	if (__builtin_expect(READ_ONCE(weft__clock_virtual), 0))
		return smp_load_acquire(&weft__clock_at);
	return weft__now();
}

/* A deadline by that clock, for the kernel: real time goes on from now. */
static inline s64 weft__clock_real(s64 deadline)
{
	s64 now, left;

	if (!READ_ONCE(weft__clock_virtual) || deadline == INT64_MAX ||
	    deadline <= 0)
		return deadline;
	left = deadline - smp_load_acquire(&weft__clock_at);
	now = weft__now();
	return left < INT64_MAX - now ? now + left : INT64_MAX;
}

/* What the calling thread has used of a CPU; a system call. */
static inline s64 weft__cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* The same of thread tid of this process; -1 if it is gone. */
static inline s64 weft__thread_cpu_time(int tid)
{
	struct timespec ts;

	/* As pthread_getcpuclockid() makes it: per thread, "sched". */
	if (clock_gettime(~(clockid_t)tid * 8 | 6, &ts))
		return -1;
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

#endif /* WEFT__CLOCK_H */
