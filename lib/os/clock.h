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
	if (clock_gettime(~(clockid_t)tid << 3 | 6, &ts))
		return -1;
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

#endif /* WEFT__CLOCK_H */
