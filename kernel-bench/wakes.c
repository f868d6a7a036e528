// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * wakes.c - how long a thread's futex wake takes to another CPU.
 *
 * From just before the system call to the first instruction of the thread that
 * slept, bound to the second CPU; the waker, bound to the first, runs on.  1.2
 * to 1.8 ms lie between two, so that the second CPU has gone to rest.
 */
#include "bench.h"

#include <errno.h>

#define WAKES_GAP_NS 1200000

static struct {
	int64_t *lat;
	long n;
	uint64_t seed;
	int cpu[2];
	struct permit permit;

	/* The sleeper's */
	own_line long ready;
	own_line int64_t woken_at;
} wakes;

static void *wakes_sleeper(void *arg)
{
	long i;

	check(cpu_bind(wakes.cpu[1]), "sched_setaffinity");
	for (i = 1; i <= wakes.n; i++) {
		store_release(&wakes.ready, i);
		permit_wait(&wakes.permit);
		store_release(&wakes.woken_at, now_ns());
	}
	return arg;
}

static void *wakes_waker(void *arg)
{
	int64_t t, at;
	long i;

	check(cpu_bind(wakes.cpu[0]), "sched_setaffinity");
	for (i = 0; i < wakes.n; i++) {
		while (load_acquire(&wakes.ready) != i + 1)
			relax();
		spin_ns(WAKES_GAP_NS + rnd(&wakes.seed) % (WAKES_GAP_NS / 2));
		WRITE_ONCE(wakes.woken_at, 0);
		t = now_ns();
		permit_give(&wakes.permit);
		while (!(at = load_acquire(&wakes.woken_at)))
			relax();
		wakes.lat[i] = at - t;
	}
	return arg;
}

/* Takes @n of them, in ns; false without a second CPU. */
bool futex_wakes(int64_t *lat, long n, uint64_t seed)
{
	pthread_t t[2];

	wakes.lat = lat;
	wakes.n = n;
	wakes.seed = seed;
	wakes.ready = 0;
	wakes.cpu[0] = cpu_nth(0);
	wakes.cpu[1] = cpu_nth(1);
	if (wakes.cpu[1] < 0)
		return false;
	check(thread_start(&t[0], wakes_sleeper, NULL), "a thread");
	check(thread_start(&t[1], wakes_waker, NULL), "a thread");
	threads_join(t, 2);
	return true;
}
