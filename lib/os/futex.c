// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * futex.c - sleep until a word changes, and the lock of the slow paths.
 *
 * The lock's word says whether an unlocker has somebody to wake.  A waiter
 * that has slept cannot know whether others still do, so it takes the lock as
 * WAITED: one needless wake at the end of a queue, and never one too few.
 */
#include "os/futex.h"
#include "arch/syscall.h"
#include "os/clock.h"
#include "os/feature.h"

#include <linux/futex.h>

/* Since Linux 6.7, FUTEX2_NUMA since 6.16; no header of Debian 12 has them. */
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#endif
#define NUMA_FLAGS (2 | 4 | FUTEX_PRIVATE_FLAG)	/* u32, NUMA, private */

/*
 * Long enough for a critical section of some hundred ns; on one CPU the
 * holder cannot run meanwhile, but finding that out is dearer than this.
 */
#define LOCK_SPINS 100

/* NULL for ever; what lies before the epoch has passed just as well as it. */
static struct timespec *to_timespec(s64 deadline_ns, struct timespec *ts)
{
	if (deadline_ns == INT64_MAX)
		return NULL;
	if (deadline_ns < 0)
		deadline_ns = 0;
	ts->tv_sec = deadline_ns / NSEC_PER_SEC;
	ts->tv_nsec = deadline_ns % NSEC_PER_SEC;
	return ts;
}

int weft__futex_wait(u32 *f, u32 val, s64 deadline_ns)
{
	struct timespec ts;

	return weft__syscall(SYS_futex, f,
			     FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, val,
			     to_timespec(deadline_ns, &ts), NULL,
			     FUTEX_BITSET_MATCH_ANY);
}

void weft__futex_wake(u32 *f, int n)
{
	weft__syscall(SYS_futex, f, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}

static bool on_node(const struct weft__nfutex *f)
{
	return f->node != WEFT__NO_NODE && weft__feature(WEFT__FUTEX2);
}

int weft__nfutex_wait(struct weft__nfutex *f, u32 val, s64 deadline_ns)
{
	struct timespec ts;

	if (!on_node(f))
		return weft__futex_wait(&f->val, val, deadline_ns);
	return weft__syscall(SYS_futex_wait, f, val, FUTEX_BITSET_MATCH_ANY,
			     NUMA_FLAGS, to_timespec(deadline_ns, &ts),
			     CLOCK_MONOTONIC);
}

void weft__nfutex_wake(struct weft__nfutex *f, int n)
{
	if (!on_node(f))
		weft__futex_wake(&f->val, n);
	else
		weft__syscall(SYS_futex_wake, f, FUTEX_BITSET_MATCH_ANY, n,
			      NUMA_FLAGS);
}

void weft__lock_slow(struct weft__lock *l)
{
	for (int i = 0; i < LOCK_SPINS; i++) {
		if (READ_ONCE(l->word) == WEFT__LOCK_FREE && weft__trylock(l))
			return;
		cpu_relax();
	}
	while (xchg(&l->word, WEFT__LOCK_WAITED) != WEFT__LOCK_FREE)
		weft__futex_wait(&l->word, WEFT__LOCK_WAITED, INT64_MAX);
}
