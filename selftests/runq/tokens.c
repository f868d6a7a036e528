// SPDX-License-Identifier: GPL-2.0-only
/*
 * tokens.c - what the queue carries, and who finds that one is lost or twice
 * there; see arena.h.
 */
#include "cast.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static u32 inside[TOKENS + 1];
static struct {
	struct weft__lock lock;
	u32 n;
	uintptr_t t[TOKENS];
} pool;

void found(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&a->failures, 1, __ATOMIC_RELAXED))
		return;
	va_start(ap, fmt);
	vsnprintf(a->first, sizeof(a->first), fmt, ap);
	va_end(ap);
}

void *go_in(struct arena *a, uintptr_t t)
{
	if (xchg(&inside[t], 1))
		found(a, "token %lu put in twice", (unsigned long)t);
	return (void *)t;
}

uintptr_t came_out(struct arena *a, void *g)
{
	uintptr_t t = (uintptr_t)g;

	if (!t || t > TOKENS) {
		found(a, "%#lx came out, no token", (unsigned long)t);
		return 0;
	}
	if (!xchg(&inside[t], 0))
		found(a, "token %lu came out twice", (unsigned long)t);
	return t;
}

void give(void **g, u32 n)
{
	weft__lock(&pool.lock);
	for (; n && pool.n < TOKENS; n--)
		pool.t[pool.n++] = (uintptr_t)*g++;
	weft__unlock(&pool.lock);
}

uintptr_t get(void)
{
	uintptr_t t;

	weft__lock(&pool.lock);
	t = pool.n ? pool.t[--pool.n] : 0;
	weft__unlock(&pool.lock);
	return t;
}

/* They came out of the queue. */
void give_out(struct arena *a, void **g, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!came_out(a, g[i]))
			return;
	give(g, n);
}

void tokens_reset(void)
{
	u32 i;

	memset(inside, 0, sizeof(inside));
	for (i = 0; i < TOKENS; i++)
		pool.t[i] = i + 1;
	pool.n = TOKENS;
}

/* Everyone has left; so many are in their hands. */
void tokens_count(struct arena *a, u32 held)
{
	u32 i;

	if (pool.n + held != TOKENS)
		found(a, "%u tokens of %u are left", pool.n + held, TOKENS);
	for (i = 1; i <= TOKENS; i++)
		if (inside[i])
			found(a, "token %u never came out", i);
}
