/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * gpool.h - where Gs come from: slabs, a depot for each node, caches of Ms.
 *
 *	slab, 1 MiB, aligned to its size:
 *	+--------+----------------------+-------------------------+
 *	| header | struct g, 64 B each  | struct gcold, 64 B each |
 *	+--------+----------------------+-------------------------+
 *
 * Slabs are never unmapped.  A G that never ran and has no attributes touches
 * 64 bytes.
 */
#ifndef WEFT_CORE_GPOOL_H
#define WEFT_CORE_GPOOL_H

#include "g.h"

#define GSLAB_SIZE (1ul << 20)
#define GSLAB_HEADER 4096ul
#define GSLAB_N ((GSLAB_SIZE - GSLAB_HEADER) / (2 * WEFT__LINE))

struct gslab {
	/* All slabs; written before this is the head: walking needs no lock. */
	struct gslab *next;
	u32 used;		/* carved so far; grows only */
	void *side;		/* policy_g.c: by CAS, once */
	struct hints *hints;	/* hint.c: the same */
};

struct gpool;

struct gpool *weft__gpool_new(int node);
void weft__gpool_free(struct gpool *p);
/* Chains through next; n is how many at most (alloc) or exactly (free). */
struct g *weft__gpool_get(struct gpool *p, u32 n, u32 *got);
void weft__gpool_put(struct gpool *p, struct g *first, struct g *last, u32 n);

/* Every G there ever was, in no order; false from fn ends the walk. */
void weft__g_walk(bool (*fn)(struct g *g, void *arg), void *arg);

/* Does p point to a G?  For reports, which follow what they find. */
bool weft__is_g(const void *p);

static inline struct gslab *g_slab(const struct g *g)
{
	return (struct gslab *)((uintptr_t)g & ~(GSLAB_SIZE - 1));
}

static inline struct gcold *g_cold(const struct g *g)
{
	char *slab = (char *)g_slab(g);
	size_t i = ((size_t)((const char *)g - slab) - GSLAB_HEADER) /
		   WEFT__LINE;

	return (struct gcold *)(slab + GSLAB_HEADER +
				(GSLAB_N + i) * WEFT__LINE);
}

#endif /* WEFT_CORE_GPOOL_H */
