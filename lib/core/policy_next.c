// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_next.c - a G's turn comes under a policy; it runs, stops and ends.
 *
 * All of this but the end runs on the stack of an M (m.c).
 */
#include "policy.h"

/* ---- its turn comes ---- */

static struct g *take(struct dsq *d)
{
	struct gpol *gp = weft__dsq_pop(d, POL_NONE);

	if (!gp)
		return NULL;
	if (!dsq_is_local(d))
		atomic_sub(&weft__policy.nshared, 1);
	return gp->g;
}

static struct g *take_global(const struct m *m)
{
	struct g *g = NULL;
	u32 i;

	for (i = 0; !g && i < S.nnodes; i++)
		g = take(&weft__policy.global[(m->node->id + i) % S.nnodes]);
	return g;
}

#define DISPATCH_LOOPS 32	/* while it does something, if not for us */

static struct g *dispatch(struct m *m, struct dsq *local)
{
	struct policy_call *c = &weft__policy_call;
	struct g *g = take_global(m);
	int i;

	if (!weft__policy.ops.dispatch)
		return g;
	for (i = 0; !g && i < DISPATCH_LOOPS; i++) {
		*c = (struct policy_call){ .cpu = (s32)m->tok };
		POLICY_CALL(OP_DISPATCH, dispatch, c->cpu, NULL);
		g = take(local);
		if (!g)
			g = take_global(m);
		if (!c->moved || !policy_on())
			break;
	}
	return g;
}

/*
 * As in sched_ext: the LOCAL DSQ, the GLOBAL ones, then dispatch().  What the
 * policy did not take is in the global queue, looked at each 61st time first.
 */
static struct g *next(struct m *m)
{
	struct dsq *local = &weft__policy.local[m->tok];
	u64 asked = READ_ONCE(local->asked) + 1;
	struct g *g = NULL;

	/* An M that has lost this token and not noticed may count, too. */
	WRITE_ONCE(local->asked, asked);
	if (!(asked % M_TICK))
		g = weft__gq_get(m, false);
	if (!g && weft__policy_enter(m)) {
		g = take(local);
		if (!g && READ_ONCE(weft__policy.nshared))
			g = dispatch(m, local);
		weft__policy_leave(m);
	}
	return g ? g : weft__gq_get(m, false);
}

bool weft__policy_asked(const struct m *m)
{
	/* It would leave the scheduler in its middle: nothing could go on. */
	if (unlikely(weft__policy_call.op))
		weft__bug(m->cur == &m->g0 ? NULL : m->cur,
			  "policy \"%s\": %s called what may switch",
			  weft__policy.name,
			  weft__policy_op_name(weft__policy_call.op));
	return policy_on();
}

struct g *weft__policy_pop(struct m *m)
{
	return m->cur == &m->g0 ? next(m) : &m->g0;
}

/* ---- it runs, and stops ---- */

void weft__policy_running(struct m *m, struct g *g)
{
	struct gpol *gp = weft__gpol(g);

	m->policy_g = NULL;
	WRITE_ONCE(m->slice, 0);
	if (!gp || !weft__policy_enter(m))
		return;
	m->policy_g = g;
	gp->cpu = (s32)m->tok;
	m->ran_at = weft__now();
	WRITE_ONCE(m->slice, gp->e.slice);
	WRITE_ONCE(m->expired, 0);
	POLICY_CALL(OP_RUNNING, running, (struct weft_g *)g);
	weft__policy_leave(m);
}

static void charge(struct m *m, struct gpol *gp)
{
	u64 used = (u64)(weft__now() - m->ran_at);

	if (gp->e.slice == WEFT_SLICE_INF)
		return;
	gp->e.slice -= used < gp->e.slice ? used : gp->e.slice;
}

/* g is off its M, and nobody else can see it yet. */
void weft__policy_left(struct m *m, struct g *g, bool runnable)
{
	struct gpol *gp = weft__gpol(g);

	if (m->policy_g != g)
		return;
	m->policy_g = NULL;
	if (!gp || !weft__policy_enter(m))
		return;
	charge(m, gp);
	POLICY_CALL(OP_STOPPING, stopping, (struct weft_g *)g, runnable);
	if (!runnable) {
		gp->on = 0;
		POLICY_CALL(OP_QUIESCENT, quiescent, (struct weft_g *)g, 0);
	}
	weft__policy_leave(m);
}

/* It runs no more code of the program's. */
void weft__policy_ended(struct g *g)
{
	struct gpol *gp = weft__gpol(g);
	struct m *m = this_m();

	if (!gp)
		return;
	weft__policy_left(m, g, false);
	if (weft__policy_enter(m)) {
		weft__policy_exit_task(gp);
		weft__policy_leave(m);
	}
}

/* ---- what idle Ms and sysmon ask ---- */

bool weft__policy_work(bool alone)
{
	u32 i, state = smp_load_acquire(&weft__policy_state);

	if (state == POLICY_OFF)
		return false;
	/* nshared first: else a G on its way to a LOCAL DSQ is in neither. */
	if (READ_ONCE(weft__policy.nshared))
		return true;
	if (state > POLICY_ON)
		return !alone;	/* sysmon has something to do */
	for (i = 0; !alone && i < weft__policy.nlocal; i++)
		if (READ_ONCE(weft__policy.local[i].nr))
			return true;
	return false;
}

u32 weft__policy_local(u32 i)
{
	return policy_on() ? READ_ONCE(weft__policy.local[i].nr) : 0;
}
