// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_insert.c - a policy puts a G into a DSQ, or moves it.
 *
 * What it does wrong with a G or a DSQ is a breach, since the G would be lost:
 * it is ejected.  What is merely not possible where it was called is answered
 * with an error.
 */
#include "policy.h"

#define breach(...) weft__policy_breach(WEFT_EXIT_ERROR, __VA_ARGS__)

static const char *op_here(void)
{
	return weft__policy_op_name(weft__policy_call.op);
}

/* A P other than the one that dispatches has got work. */
static void tell_local(struct dsq *d, u64 flags)
{
	u32 i = (u32)(d - weft__policy.local);

	/* The put's unlock precedes; partner: the membarrier of its parker. */
	smp_mb();
	if (weft__policy_call.cpu != (s32)i)
		weft__wake_token(i);
	if (flags & WEFT_ENQ_PREEMPT)
		weft__policy_preempt(i);
}

/* Why gp could not be put into d; it is ours again. */
static int not_put(struct gpol *gp, u64 id, enum dsq_put why)
{
	unsigned long long dsq = id, g = gp->g->id;

	if (why == DSQ_MIXED)
		breach("%s: G %llu: DSQ %#llx holds Gs in order of %s", op_here(),
		       g, dsq, "the other kind");
	else if (why == DSQ_GONE)
		breach("%s: G %llu: there is no DSQ %#llx", op_here(), g, dsq);
	smp_store_release(&gp->where, POL_HELD);
	weft__policy_rescue(gp);
	return -ECANCELED;
}

/* Queue gp, which is MOVING. */
static int put(struct gpol *gp, struct dsq *d, u64 flags, bool by_vtime)
{
	bool local = dsq_is_local(d);
	enum dsq_put r;

	if (local) {
		/* read by judge() at any time */
		WRITE_ONCE(gp->since, weft__now());
		WRITE_ONCE(gp->excuse, READ_ONCE(d->excuse));
	}
	r = weft__dsq_put(d, gp, by_vtime, flags & WEFT_ENQ_HEAD);
	if (r != DSQ_OK)
		return not_put(gp, d->id, r);
	weft__policy_call.moved = true;
	if (local) {
		weft__policy_call.local = true;
		atomic_sub(&weft__policy.nshared, 1);
		tell_local(d, flags);
	}
	return 0;
}

/* gp is HELD, if the policy is right. */
int weft__policy_insert(struct gpol *gp, u64 id, u64 flags, bool by_vtime)
{
	s32 cpu = weft__policy_call.cpu >= 0 ? weft__policy_call.cpu : gp->cpu;
	unsigned long long g = gp->g->id;
	struct dsq *d = weft__dsq_of(id, cpu);

	if (!d && id & WEFT_DSQ_LOCAL_ON & ~WEFT_DSQ_BUILTIN)
		breach("inserted G %llu on P %u: there are P 0 to %u", g,
		       (u32)id, S.maxprocs - 1);
	else if (!d)
		breach("inserted G %llu into DSQ %#llx: there is none", g,
		       (unsigned long long)id);
	else if (by_vtime && id & WEFT_DSQ_BUILTIN)
		breach("inserted G %llu into a built-in DSQ by vtime", g);
	else if (!cas(&gp->where, POL_HELD, POL_MOVING))
		breach("inserted G %llu, which it does not have", g);
	else
		return put(gp, d, flags, by_vtime);
	return -ECANCELED;
}

/* Which calls may insert which Gs. */
static int may_insert(struct g *g)
{
	struct policy_call *c = &weft__policy_call;

	switch (c->op) {
	case OP_NONE:
		return -EPERM;
	case OP_DISPATCH:
		if (weft__gpol(g))
			return 0;
		breach("dispatch() inserted what is no G of its own");
		break;
	case OP_SELECT_CPU:
	case OP_ENQUEUE:
		if (g == c->g)
			return 0;
		breach("%s inserted another G than its own", op_here());
		break;
	default:
		breach("%s inserted a G", op_here());
	}
	return -ECANCELED;
}

static int insert(struct g *g, u64 id, u64 slice, u64 vtime, u64 flags,
		  bool by_vtime)
{
	struct policy_call *c = &weft__policy_call;
	struct gpol *gp;
	int ret = may_insert(g);

	if (ret)
		return ret;
	if (!slice)
		slice = WEFT_SLICE_DFL;
	if (c->op == OP_SELECT_CPU) {
		c->direct = true;
		c->by_vtime = by_vtime;
		c->dsq = id;
		c->slice = slice;
		c->vtime = vtime;
		c->flags = flags;
		return 0;
	}
	gp = weft__gpol(g);
	if (READ_ONCE(gp->where) == POL_HELD) {
		gp->e.slice = slice;
		if (by_vtime)
			WRITE_ONCE(gp->e.vtime, vtime);
	}
	return weft__policy_insert(gp, id, flags, by_vtime);
}

int weft_dsq_insert(struct weft_g *g, uint64_t id, uint64_t slice,
		    uint64_t flags)
{
	return insert((struct g *)g, id, slice, 0, flags, false);
}

int weft_dsq_insert_vtime(struct weft_g *g, uint64_t id, uint64_t slice,
			  uint64_t vtime, uint64_t flags)
{
	return insert((struct g *)g, id, slice, vtime, flags, true);
}

bool weft_dsq_move_to_local(uint64_t id)
{
	struct policy_call *c = &weft__policy_call;
	struct dsq *d;
	struct gpol *gp;

	if (c->op != OP_DISPATCH)
		return false;
	d = weft__dsq_of(id, c->cpu);
	if (!d) {
		breach("dispatch() moved from DSQ %#llx: there is none",
		       (unsigned long long)id);
		return false;
	}
	if (dsq_is_local(d))
		return false;
	gp = weft__dsq_pop(d, POL_MOVING);
	return gp && !put(gp, &weft__policy.local[c->cpu], 0, false);
}
