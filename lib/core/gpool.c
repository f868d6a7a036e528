// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * gpool.c - slabs of Gs and the depot of a node; see gpool.h.
 */
#include "gpool.h"
#include "run.h"
#include "../os/futex.h"
#include "../os/mem.h"

#include <stdlib.h>

struct gpool {
	struct weft__lock lock;	/* guards what follows */
	int node;
	u32 nfree;
	struct g *free;
	struct gslab *slab;	/* the one that is carved */
};

/*
 * All slabs of all pools.  Pushed by CAS, never taken off; a walker needs an
 * acquire and nothing else.
 */
static struct gslab *slabs;

struct gpool *weft__gpool_new(int node)
{
	struct gpool *p = calloc(1, sizeof(*p));

	if (p)
		p->node = node;
	return p;
}

/*
 * The Gs of a pool that goes stay where they are, with the next pool of the
 * process: the memory is type-stable.
 */
static struct gpool left;

void weft__gpool_free(struct gpool *p)
{
	struct g *last;

	if (!p)
		return;
	weft__lock(&left.lock);
	if (p->free) {
		for (last = p->free; last->next; last = last->next)
			;
		last->next = left.free;
		left.free = p->free;
		left.nfree += p->nfree;
	}
	weft__unlock(&left.lock);
	free(p);
}

static struct g *take(struct gpool *p, u32 n, u32 *got)
{
	struct g *first = p->free, *last = first;
	u32 k = 1;

	if (!first)
		return NULL;
	for (; k < n && last->next; k++)
		last = last->next;
	p->free = last->next;
	last->next = NULL;
	p->nfree -= k;
	*got = k;
	return first;
}

static bool grow(struct gpool *p)
{
	struct gslab *s = weft__map(GSLAB_SIZE, GSLAB_SIZE, p->node, 0);

	if (!s)
		return false;
	do {
		s->next = READ_ONCE(slabs);
	} while (!cas(&slabs, s->next, s));
	p->slab = s;
	return true;
}

static struct g *carve(struct gpool *p, u32 n, u32 *got)
{
	struct g *first = NULL, *g;
	struct gslab *s;
	u32 i;

	if ((!p->slab || p->slab->used == GSLAB_N) && !grow(p))
		return NULL;
	s = p->slab;
	for (i = 0; i < n && s->used + i < GSLAB_N; i++) {
		g = (struct g *)((char *)s + GSLAB_HEADER) + s->used + i;
		g->join = JOIN_FREE;
		g->next = first;
		first = g;
	}
	*got = i;
	smp_store_release(&s->used, s->used + i);
	return first;
}

struct g *weft__gpool_get(struct gpool *p, u32 n, u32 *got)
{
	struct g *g;

	weft__lock(&p->lock);
	g = take(p, n, got);
	if (!g && READ_ONCE(left.nfree)) {
		weft__lock(&left.lock);
		g = take(&left, n, got);
		weft__unlock(&left.lock);
	}
	if (!g)
		g = carve(p, n, got);
	weft__unlock(&p->lock);
	return g;
}

void weft__gpool_put(struct gpool *p, struct g *first, struct g *last, u32 n)
{
	weft__lock(&p->lock);
	last->next = p->free;
	p->free = first;
	p->nfree += n;
	weft__unlock(&p->lock);
}

void weft__g_walk(bool (*fn)(struct g *g, void *arg), void *arg)
{
	struct gslab *s = smp_load_acquire(&slabs);
	u32 i, n;

	for (; s; s = s->next) {
		n = smp_load_acquire(&s->used);
		for (i = 0; i < n; i++)
			if (!fn((struct g *)((char *)s + GSLAB_HEADER) + i,
				arg))
				return;
	}
}

bool weft__is_g(const void *p)
{
	struct gslab *s = smp_load_acquire(&slabs);

	for (; s; s = s->next)
		if (g_slab(p) == s)
			return !((uintptr_t)p % WEFT__LINE);
	return false;
}

/* After a fork: the slabs stay mapped, and are forgotten. */
void weft__gpool_forked(void)
{
	left = (struct gpool){ 0 };
	slabs = NULL;
}
