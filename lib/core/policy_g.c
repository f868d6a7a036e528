// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_g.c - what is kept for each G under a policy.
 *
 * An array beside each slab of Gs, made when a policy first meets a G of that
 * slab, and as type-stable: a policy may hold a pointer to an entity for too
 * long and will read another G's, never fault.  A G without, for want of
 * memory, is left to the built-in queue.
 */
#include "policy.h"
#include "gpool.h"
#include "../os/mem.h"

static struct gpol *side_of(struct gslab *s)
{
	size_t sz = GSLAB_N * sizeof(struct gpol);
	struct gpol *p = smp_load_acquire(&s->side);

	if (p)
		return p;
	p = weft__map(sz, 0, -1, WEFT__MAP_NOHUGE);
	if (p && !cas(&s->side, NULL, p)) {
		weft__unmap(p, sz);
		p = smp_load_acquire(&s->side);
	}
	return p;
}

static size_t index_of(const struct g *g)
{
	return ((uintptr_t)g - (uintptr_t)g_slab(g) - GSLAB_HEADER) /
	       WEFT__LINE;
}

/* Made if need be; NULL: no memory. */
struct gpol *weft__gpol_get(const struct g *g)
{
	struct gpol *p = side_of(g_slab(g));

	return p ? p + index_of(g) : NULL;
}

/* Whom exit_task() is about may have ended long ago. */
static bool exits(const struct g *g)
{
	return weft__policy_call.op == OP_EXIT_TASK && weft__policy_call.g == g;
}

/* NULL: the policy does not have g. */
struct gpol *weft__gpol(const struct g *g)
{
	struct gpol *p;

	if (!g || (!(READ_ONCE(g->flags) & GF_POLICY) && !exits(g)))
		return NULL;
	p = smp_load_acquire(&g_slab(g)->side);
	return p ? p + index_of(g) : NULL;
}

struct walk {
	bool (*fn)(struct gpol *gp, void *arg);
	void *arg;
};

static bool each(struct g *g, void *arg)
{
	struct gpol *p = smp_load_acquire(&g_slab(g)->side);
	struct walk *w = arg;

	p = p ? p + index_of(g) : NULL;
	return p && READ_ONCE(p->g) ? w->fn(p, w->arg) : true;
}

/* Each that was ever in use; fn judges by its fields. */
void weft__gpol_walk(bool (*fn)(struct gpol *gp, void *arg), void *arg)
{
	struct walk w = { fn, arg };

	weft__g_walk(each, &w);
}
