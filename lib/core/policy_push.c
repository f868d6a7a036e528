// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_push.c - a G becomes runnable under a policy; see policy.h.
 *
 * No wake-up is lost here either (idle.c).  A Dekker pair of two words for each
 * of the two kinds of DSQs, since an M looks at its LOCAL one and at no other:
 *
 *	who makes a G visible			an M that parks
 *
 *	nshared++		(LOCK)		token -> IDLE	(CAS)
 *	a token IDLE? wake its M		membarrier
 *						nshared?
 *
 *	LOCAL DSQ's nr++			token -> IDLE	(CAS)
 *	unlock; full fence			membarrier
 *	the token IDLE? wake its M		its LOCAL DSQ's nr?
 *
 * The second wakes that M alone, whatever wake is in flight for others: it
 * un-idles the token itself, as the M would, and leaves S.waking alone.
 */
#include "policy.h"

/* ---- a G becomes known ---- */

static u64 parents_word(struct m *m)
{
	struct gpol *gp = m ? weft__gpol(m->cur) : NULL;

	return gp && m->cur != &m->g0 ? gp->e.word : 0;
}

static void fresh(struct m *m, struct g *g, struct gpol *gp)
{
	u64 word = gp->word_id == g->id ? gp->e.word : parents_word(m);

	gp->e = (struct weft_sched_entity){ .word = word };
	gp->word_id = gp->id = g->id;
	gp->cpu = m && m->tok < READ_ONCE(S.nprocs) ? (s32)m->tok : 0;
	gp->on = 0;
	WRITE_ONCE(gp->where, POL_NONE);
	WRITE_ONCE(gp->g, g);
	g_flag(g, GF_POLICY);
}

/* NULL: the policy does not take it. */
static struct gpol *adopt(struct m *m, struct g *g)
{
	struct gpol *gp = weft__gpol_get(g);
	int ret = 0;

	if (!gp || (READ_ONCE(gp->known) && gp->id == g->id))
		return gp;
	fresh(m, g, gp);
	if (weft__policy.ops.init_task) {
		weft__policy_call.op = OP_INIT_TASK;
		ret = weft__policy.ops.init_task((struct weft_g *)g);
		weft__policy_call.op = OP_NONE;
	}
	if (ret) {
		g_unflag(g, GF_POLICY);
		return NULL;
	}
	WRITE_ONCE(gp->known, 1);
	return gp;
}

/* By weft_attr; nobody has seen g yet. */
void weft__policy_attr(struct g *g, u64 word)
{
	struct gpol *gp = policy_on() ? weft__gpol_get(g) : NULL;

	if (!gp)
		return;
	gp->e.word = word;
	gp->word_id = g->id;
}

/* ---- it becomes runnable ---- */

static s32 select_cpu(struct policy_call *c, struct g *g, s32 prev)
{
	struct weft_g *wg = (struct weft_g *)g;
	bool idle;
	s32 cpu;

	if (!weft__policy.ops.select_cpu)
		return weft_select_cpu_dfl(wg, prev, WEFT_ENQ_WAKEUP, &idle);
	c->g = g;
	c->op = OP_SELECT_CPU;
	cpu = weft__policy.ops.select_cpu(wg, prev, WEFT_ENQ_WAKEUP);
	c->op = OP_NONE;
	if (cpu >= 0 && (u32)cpu < S.maxprocs)
		return (u32)cpu < READ_ONCE(S.nprocs) ? cpu : 0;
	weft__policy_breach(WEFT_EXIT_ERROR,
			    "select_cpu() returned %d for G %llu: there are "
			    "P 0 to %u", cpu, (unsigned long long)g->id,
			    S.maxprocs - 1);
	return prev;
}

/* The ejected policy had gp: to the global queue, unless somebody else did. */
void weft__policy_rescue(struct gpol *gp)
{
	if (!cas(&gp->where, POL_HELD, POL_NONE))
		return;
	atomic_sub(&weft__policy.nshared, 1);
	atomic_add(&weft__policy.rescued, 1);
	weft__gq_put(this_m(), gp->g);
}

static void enqueue(struct policy_call *c, struct g *g, struct gpol *gp,
		    u64 flags)
{
	if (!policy_on())
		return;		/* select_cpu() broke it, say */
	if (c->direct) {
		gp->e.slice = c->slice;
		gp->e.vtime = c->by_vtime ? c->vtime : gp->e.vtime;
		weft__policy_insert(gp, c->dsq, c->flags, c->by_vtime);
	} else if (weft__policy.ops.enqueue) {
		c->g = g;
		POLICY_CALL(OP_ENQUEUE, enqueue, (struct weft_g *)g, flags);
	} else {
		gp->e.slice = WEFT_SLICE_DFL;
		weft__policy_insert(gp, WEFT_DSQ_GLOBAL, 0, false);
	}
	c->g = NULL;
}

static void wake(struct m *m, s32 cpu)
{
	if (READ_ONCE(S.nidle) && !weft__wake_token((u32)cpu))
		weft__wake_one(m ? m->node : &S.node[0]);
}

/* From the store of HELD on g may run elsewhere, and be gone. */
static void give(struct m *m, struct g *g, struct gpol *gp)
{
	struct policy_call *c = &weft__policy_call;
	bool woken = !gp->on;
	u64 flags = woken ? WEFT_ENQ_WAKEUP : 0;
	s32 cpu = gp->cpu;

	*c = (struct policy_call){ .cpu = -1 };
	if (woken) {
		cpu = gp->cpu = select_cpu(c, g, cpu);
		gp->on = 1;
		POLICY_CALL(OP_RUNNABLE, runnable, (struct weft_g *)g, flags);
	} else if ((u32)cpu >= READ_ONCE(S.nprocs)) {
		cpu = gp->cpu = 0;
	}
	/* read by judge() at any time */
	WRITE_ONCE(gp->since, weft__now());
	WRITE_ONCE(gp->excuse, READ_ONCE(weft__policy.excuse));
	atomic_add(&weft__policy.nshared, 1);
	smp_store_release(&gp->where, POL_HELD);
	enqueue(c, g, gp, flags);
	if (!c->local)
		wake(m, cpu);
}

bool weft__policy_push(struct m *m, struct g *g)
{
	struct gpol *gp;

	if (weft__policy_call.op != OP_NONE) {
		weft__policy_breach(WEFT_EXIT_ERROR,
				    "%s started or woke G %llu",
				    weft__policy_op_name(weft__policy_call.op),
				    (unsigned long long)g->id);
		return false;
	}
	if (!weft__policy_enter(m))
		return false;
	gp = adopt(m, g);
	if (gp)
		give(m, g, gp);
	weft__policy_leave(m);
	return gp;
}

/* ---- it is given back ---- */

static bool give_back(struct m *m, struct dsq *d)
{
	struct policy_call *c = &weft__policy_call;
	struct gpol *gp;

	/* First: at no time does it seem that nothing waits. */
	atomic_add(&weft__policy.nshared, 1);
	gp = weft__dsq_pop(d, POL_MOVING);
	if (!gp) {
		atomic_sub(&weft__policy.nshared, 1);
		return false;
	}
	*c = (struct policy_call){ .cpu = -1 };
	gp->cpu = 0;
	smp_store_release(&gp->where, POL_HELD);
	enqueue(c, gp->g, gp, WEFT_ENQ_REENQ);
	if (!c->local)
		wake(m, 0);
	return true;
}

/* What waits for P i goes back to the policy. */
void weft__policy_retire(u32 i)
{
	struct m *m = this_m();

	if (!weft__policy_enter(m))
		return;
	while (policy_on() && give_back(m, &weft__policy.local[i]))
		;
	weft__policy_leave(m);
}
