/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * futex.h - sleep until a word changes, and the lock of the slow paths.
 *
 * All futexes are private to the process.  Nothing here changes errno.
 */
#ifndef WEFT__FUTEX_H
#define WEFT__FUTEX_H

#include "../arch/compiler.h"

/**
 * weft__futex_wait() - sleep while *@f is @val
 * @f:		the word
 * @val:	what the caller saw there
 * @deadline_ns: on CLOCK_MONOTONIC; INT64_MAX never comes
 *
 * A return of 0 means that somebody called wake, not that the word changed:
 * look again.
 *
 * Return: 0, -EAGAIN if *@f is not @val, -EINTR, -ETIMEDOUT.
 */
int weft__futex_wait(u32 *f, u32 val, s64 deadline_ns);

/**
 * weft__futex_wake() - wake up to @n threads that sleep on @f
 *
 * @f may be gone already (its owner was free to free it once the word had
 * changed): then at worst a stranger wakes for nothing.
 */
void weft__futex_wake(u32 *f, int n);

/**
 * struct weft__nfutex - a futex that the kernel keeps on a node
 * @val:	the word
 * @node:	the kernel's number of the node, or WEFT__NO_NODE; fixed while
 *		anybody may wait
 *
 * The kernel's own book-keeping of a sleeper then is memory of that node.
 * Without WEFT__FUTEX2 an ordinary futex.
 */
struct weft__nfutex {
	u32 val;
	u32 node;
} __attribute__((__aligned__(8)));

#define WEFT__NO_NODE ((u32)-1)

/** weft__nfutex_wait() - as weft__futex_wait() */
int weft__nfutex_wait(struct weft__nfutex *f, u32 val, s64 deadline_ns);

/** weft__nfutex_wake() - as weft__futex_wake() */
void weft__nfutex_wake(struct weft__nfutex *f, int n);

/*
 * The lock of the slow paths.  Its holder may be preempted, so a waiter spins
 * briefly and then sleeps.  Three states: nobody holds it; held; held, and
 * somebody may sleep.  Not recursive, not fair.
 */
struct weft__lock {
	u32 word;
};

#define WEFT__LOCK_FREE		0
#define WEFT__LOCK_HELD		1
#define WEFT__LOCK_WAITED	2

#define WEFT__LOCK_INIT		{ WEFT__LOCK_FREE }

void weft__lock_slow(struct weft__lock *l);

static inline bool weft__trylock(struct weft__lock *l)
{
	return cmpxchg_acquire(&l->word, WEFT__LOCK_FREE, WEFT__LOCK_HELD) ==
	       WEFT__LOCK_FREE;
}

static inline void weft__lock(struct weft__lock *l)
{
	if (unlikely(!weft__trylock(l)))
		weft__lock_slow(l);
}

static inline void weft__unlock(struct weft__lock *l)
{
	if (unlikely(xchg_release(&l->word, WEFT__LOCK_FREE) ==
		     WEFT__LOCK_WAITED))
		weft__futex_wake(&l->word, 1);
}

#endif /* WEFT__FUTEX_H */
