/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crowd.h - Gs and ordinary threads that do the same on the same objects.
 */
#ifndef SELFTESTS_SYNC_CROWD_H
#define SELFTESTS_SYNC_CROWD_H

#include "../core/rt.h"
#include <core/holder.h>

#define CROWD_MAX 256

/* fn(number) by so many Gs, then so many threads; returns when all are done. */
static inline void crowd(weft_fn *fn, u32 gs, u32 threads)
{
	static struct weft_g *g[CROWD_MAX];
	static pthread_t t[CROWD_MAX];
	uintptr_t i;

	for (i = 0; i < gs; i++)
		CHECK(!weft_spawn(&g[i], NULL, fn, (void *)i));
	for (i = 0; i < threads; i++)
		CHECK(!pthread_create(&t[i], NULL, fn, (void *)(gs + i)));
	for (i = 0; i < gs; i++)
		CHECK(!weft_join(g[i], NULL));
	for (i = 0; i < threads; i++)
		CHECK(!pthread_join(t[i], NULL));
}

/* Does so by one G, or by one thread */
static inline void by_both(weft_fn *fn)
{
	crowd(fn, 1, 0);
	crowd(fn, 0, 1);
}

static inline u64 crowd_random(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static inline s64 in_ms(s64 ms)
{
	return weft__now() + ms * NSEC_PER_MSEC;
}

static inline void busy(s64 ns)
{
	s64 end = weft__now() + ns;

	while (weft__now() < end)
		cpu_relax();
}

#endif /* SELFTESTS_SYNC_CROWD_H */
