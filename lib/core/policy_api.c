// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_api.c - what callbacks call, and how they are told that they may not.
 *
 * What a policy does wrong with a G or a DSQ is a breach, since the G would be
 * lost: it is ejected.  What is merely not possible where it was called is
 * answered with an error.
 */
#include "policy.h"
#include "gpool.h"

static const char *op_here(void)
{
	return weft__policy_op_name(weft__policy_call.op);
}

#define breach(...) weft__policy_breach(WEFT_EXIT_ERROR, __VA_ARGS__)

/* ---- DSQs ---- */

int weft_create_dsq(uint64_t id, int32_t node)
{
	(void)node;
	if (!weft__policy_call.op)
		return -EPERM;
	return id & WEFT_DSQ_BUILTIN ? -EINVAL : weft__dsq_create(id);
}

int weft_destroy_dsq(uint64_t id)
{
	if (!weft__policy_call.op)
		return -EPERM;
	return id & WEFT_DSQ_BUILTIN ? -EINVAL : weft__dsq_destroy(id);
}

/* P n's, or GLOBAL if it takes no part now; NULL: there can be no such P. */
static struct dsq *local_of(u32 n)
{
	struct policy *pol = &weft__policy;

	if (n >= pol->nlocal)
		return NULL;
	return n < READ_ONCE(S.nprocs) ? &pol->local[n] :
					 &pol->global[S.p[n]->node->id];
}

/* cpu: whose LOCAL and GLOBAL are meant */
static struct dsq *dsq_of(u64 id, s32 cpu)
{
	struct dsq *d;

	if (!(id & WEFT_DSQ_BUILTIN))
		return weft__dsq_find(id);
	if (id == WEFT_DSQ_LOCAL)
		return local_of((u32)cpu);
	if (id == WEFT_DSQ_GLOBAL)
		return &weft__policy.global[S.p[cpu]->node->id];
	d = NULL;
	if ((id & ~(u64)UINT32_MAX) == WEFT_DSQ_LOCAL_ON)
		d = local_of((u32)id);
	return d;
}

int32_t weft_dsq_nr_queued(uint64_t id)
{
	struct policy_call *c = &weft__policy_call;
	struct dsq *d;
	u32 i, n = 0;

	if (!c->op)
		return -EPERM;
	if (id == WEFT_DSQ_GLOBAL) {
		for (i = 0; i < S.nnodes; i++)
			n += READ_ONCE(weft__policy.global[i].nr);
		return (int32_t)n;
	}
	d = id == WEFT_DSQ_LOCAL && c->cpu < 0 ? NULL : dsq_of(id, c->cpu);
	return d ? (int32_t)READ_ONCE(d->nr) : -ENOENT;
}

/* ---- insertion ---- */

static void preempt(u32 i)
{
	struct m *m = tok_m(smp_load_acquire(&S.tok[i]));

	if (m)
		WRITE_ONCE(m->expired, 1);
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
		preempt(i);
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
		gp->since = weft__now();
		gp->excuse = READ_ONCE(d->excuse);
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
	struct dsq *d = dsq_of(id, cpu);

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

	if (c->op == OP_NONE)
		return -EPERM;
	if (c->op == OP_DISPATCH) {
		if (weft__gpol(g))
			return 0;
		breach("dispatch() inserted what is no G of its own");
	} else if (c->op != OP_SELECT_CPU && c->op != OP_ENQUEUE) {
		breach("%s inserted a G", op_here());
	} else if (g == c->g) {
		return 0;
	} else {
		breach("%s inserted another G than its own", op_here());
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
			gp->e.vtime = vtime;
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
	d = dsq_of(id, c->cpu);
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

/* ---- the rest ---- */

struct weft_sched_entity *weft_entity(const struct weft_g *g)
{
	struct gpol *gp = weft__gpol((const struct g *)g);

	return gp ? &gp->e : NULL;
}

int32_t weft_g_cpu(const struct weft_g *g)
{
	struct gpol *gp = weft__gpol((const struct g *)g);

	return gp ? READ_ONCE(gp->cpu) : -EINVAL;
}

uint32_t weft_nr_cpus(void)
{
	return READ_ONCE(weft__policy.nlocal);
}

static bool idle(u32 i)
{
	return smp_load_acquire(&S.tok[i]) & TOK_IDLE;
}

int32_t weft_select_cpu_dfl(struct weft_g *g, int32_t prev, uint64_t flags,
			    bool *is_idle)
{
	u32 i, n = READ_ONCE(S.nprocs);

	(void)g, (void)flags;
	if (prev < 0 || (u32)prev >= n)
		prev = 0;
	*is_idle = READ_ONCE(S.nidle) && idle((u32)prev);
	if (*is_idle || !READ_ONCE(S.nidle))
		return prev;
	for (i = 0; i < n; i++)
		if (idle(i)) {
			*is_idle = true;
			return (int32_t)i;
		}
	return prev;
}

void weft_kick_cpu(int32_t cpu, uint64_t flags)
{
	if (!weft__policy_call.op || cpu < 0 || (u32)cpu >= READ_ONCE(S.nprocs))
		return;
	weft__wake_token((u32)cpu);
	if (flags & WEFT_KICK_PREEMPT)
		preempt((u32)cpu);
}

void weft_policy_error(const char *fmt, ...)
{
	va_list ap;

	if (!weft__policy_call.op)
		return;
	va_start(ap, fmt);
	weft__policy_vbreach(WEFT_EXIT_ERROR, fmt, ap);
	va_end(ap);
}

/* In a G, so not in a callback on its behalf. */
int weft_policy_word(uint64_t word)
{
	struct m *m = this_m();
	struct gpol *gp;

	if (!m)
		return weft__check() ? weft__check() : -EPERM;
	gp = weft__gpol(m->cur);
	if (gp)
		gp->e.word = word;
	return 0;
}
