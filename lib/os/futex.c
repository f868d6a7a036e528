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

#include <errno.h>
#include <linux/futex.h>

/*
 * Long enough for a critical section of some hundred ns; on one CPU the
 * holder cannot run meanwhile, but finding that out is dearer than this.
 */
#define LOCK_SPINS 100

int weft__futex_wait(u32 *f, u32 val, s64 deadline_ns)
{
	struct timespec ts = { 0, 0 };

	if (deadline_ns > 0) {
		ts.tv_sec = deadline_ns / NSEC_PER_SEC;
		ts.tv_nsec = deadline_ns % NSEC_PER_SEC;
	}
	return weft__syscall(SYS_futex, f,
			     FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, val,
			     deadline_ns == INT64_MAX ? NULL : &ts, NULL,
			     FUTEX_BITSET_MATCH_ANY);
}

void weft__futex_wake(u32 *f, int n)
{
	weft__syscall(SYS_futex, f, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
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
