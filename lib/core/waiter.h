/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * waiter.h - an ordinary thread that waits for a G, or for a permit.
 *
 * One for each thread, thread-local.  Who takes the waiter out of what it
 * waits on, and nobody else, calls waiter_wake(); the futex wake that follows
 * may come when the thread is gone, and then wakes nobody.
 */
#ifndef WEFT_CORE_WAITER_H
#define WEFT_CORE_WAITER_H

#include "../os/clock.h"
#include "../os/futex.h"

#include <errno.h>

struct waiter {
	u32 set;
} __attribute__((aligned(8)));

static inline void waiter_init(struct waiter *w)
{
	WRITE_ONCE(w->set, 0);
}

static inline void waiter_wake(struct waiter *w)
{
	smp_store_release(&w->set, 1);
	weft__futex_wake(&w->set, 1);
}

/*
 * 0, or -ETIMEDOUT: then the caller must take itself out, or wait on.  A thread
 * waits in the kernel: where time is virtual, for as long in real time.
 */
static inline int waiter_wait(struct waiter *w, s64 deadline)
{
	deadline = weft__clock_real(deadline);
	while (!smp_load_acquire(&w->set))
		if (weft__futex_wait(&w->set, 0, deadline) == -ETIMEDOUT)
			return smp_load_acquire(&w->set) ? 0 : -ETIMEDOUT;
	return 0;
}

#endif /* WEFT_CORE_WAITER_H */
