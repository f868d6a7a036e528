// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * rq.c - push and pop when the fast path could not: spill, publish, the twin.
 */
#include "gift.h"
#include "policy_hooks.h"
#include "hint.h"
#include "preempt.h"
#include "timer.h"

#define SPILL 128		/* half a ring */

/*
 * Published Gs, from anywhere: copy, then CAS.  The copy is stale if the CAS
 * fails, and right if it succeeds (runq.h).
 */
u32 weft__rq_take(struct p *p, void **out, u32 max)
{
	u32 i, n, k;
	u64 b;

	do {
		b = smp_load_acquire(&p->q.b);
		n = runq_len(b);
		if (!n)
			return 0;
		k = n < max ? n : max;
		for (i = 0; i < k; i++)
			out[i] = READ_ONCE(
				p->q.slot[(runq_head(b) + i) & RUNQ_MASK]);
	} while (!cas(&p->q.b, b, RUNQ_B(runq_head(b) + k, n - k)));
	return k;
}

/* The owner: the oldest for itself, all others private again. */
static struct g *take_back(struct m *m, struct p *p)
{
	struct g *g;
	u64 b;

	do {
		b = smp_load_acquire(&p->q.b);
		if (!runq_len(b))
			return NULL;
		g = READ_ONCE(p->q.slot[runq_head(b) & RUNQ_MASK]);
	} while (!cas(&p->q.b, b, RUNQ_B(runq_head(b) + 1, 0)));
	stat_inc(m->n.taken_back);
	trace(m, TAKE_BACK, p->q.id, runq_len(b) - 1);
	return g;
}

/* m's queue, oldest first: what is published goes before what is private. */
struct g *weft__rq_pop_any(struct m *m, struct p *p)
{
	void *g;

	if (runq_published(&p->q)) {
		if (!READ_ONCE(weft__want.hungry))
			g = take_back(m, p);
		else if (!weft__rq_take(p, &g, 1))
			g = NULL;
		if (g)
			return g;
	}
	RQ(settle, m->vc, &p->q);
	return RQ(pop, m->vc, &p->q);
}

#define AGAIN ((struct g *)1)
#define GLOBAL ((struct g *)2)

/*
 * m's P sits elsewhere, or m->p is poisoned.  AGAIN: it may sit here now;
 * GLOBAL: the global queue is left; else the answer of the pop.
 */
static weft__noinline struct g *astray(struct m *m)
{
	struct g *g = weft__urgent_get(m);

	if (g)
		return g;
	if (unlikely(READ_ONCE(weft__policy_state)) && weft__policy_asked(m))
		return weft__policy_pop(m);
	if (weft__relocate(m))
		return AGAIN;
	if (has_token(m))
		return GLOBAL;
	if (weft__regain(m))
		return AGAIN;
	return m->cur == &m->g0 ? NULL : &m->g0;
}

struct g *weft__pop_slow(struct m *m)
{
	struct p *p;
	struct g *g;
	int i;

	if (m->locked)
		return m->cur == &m->g0 ? NULL : &m->g0;
	for (i = 0; i < 3; i++) {
		p = READ_ONCE(m->p);
		if (READ_ONCE(p->q.seat) != m_here(m)) {
			g = astray(m);
			if (g == AGAIN)
				continue;
			if (g == GLOBAL)
				break;
			return g;
		}
		g = weft__rq_pop_any(m, p);
		if (g)
			return g;
		if (!runq_waiting(&p->q))
			break;
	}
	return weft__gq_get(m, READ_ONCE(READ_ONCE(m->p)->q.seat) == m_here(m));
}

/*
 * More Gs than a ring has room for: what was pushed in the last two ticks goes
 * behind those that wait in the global queue, and a block of these comes in.
 * So a yield sends a G behind all others, and each of 10,000 has the same
 * number of turns; without, a ringful goes round among itself some hundred
 * times while the others wait (kernel-bench yield_g10000).
 */
static struct g *take_turns(struct m *m, struct p *p)
{
	u64 fresh = READ_ONCE(p->q.tail) - READ_ONCE(p->mark);
	u32 n = runq_waiting(&p->q);
	void *out[SPILL];
	struct g *g;

	if (n > SPILL && fresh <= SPILL && !weft__gq_empty(&m->node->gq)) {
		if (fresh < SPILL - M_TICK)
			return weft__gq_get(m, false);
		n = RQ(pop_tail, m->vc, &p->q, out, (u32)fresh);
		if (n)
			weft__gq_put_batch(m, out, n);
		n = runq_waiting(&p->q);
	}
	g = weft__gq_get(m, n < RUNQ_SIZE - SPILL);
	WRITE_ONCE(p->mark, READ_ONCE(p->q.tail));
	return g;
}

/*
 * Pops may be 100 us apart, and with 61 of them between ticks a timer would be
 * late by 6 ms.  So while m's heap has timers its ticks come LOOK apart, by how
 * long the pops since the last tick took; who arms the first one begins with a
 * tick at once (timer.c), and where pops are fast all is as before with the
 * second.
 */
#define LOOK (50 * NSEC_PER_USEC)

static void set_pace(struct m *m, s64 now, u32 pops)
{
	s64 each = (now - m->paced_at) / (pops ? pops : 1);

	m->paced_at = now;
	if (each < LOOK / M_TICK)
		m->pace = M_TICK;
	else
		m->pace = each < LOOK ? (u32)(LOOK / each) : 1;
	weft__tick_in(m, m->pace);
}

/* Timers are asked for after so many pops.  True: there is one to fire. */
static bool timer_due(struct m *m, u32 pops)
{
	s64 next, now;

	next = READ_ONCE(S.timed) ? weft__timers_next(m->last->timers) :
				    INT64_MAX;
	if (next == INT64_MAX) {
		m->pace = M_TICK;
		return false;
	}
	now = weft__clock();
	set_pace(m, now, pops);
	return next <= now;
}

/*
 * Every 61st pop: is the token still ours, is there something in the global
 * queue?  A G there runs though local queues never empty.
 */
struct g *weft__tick(struct m *m)
{
	u32 pops = m->tick_len - m->tick;
	struct p *p;
	struct g *g;

	no_stretch(m);
	if (m->hinted)
		return weft__hint_tick(m);
	weft__tick_in(m, m->pace);
	stat_inc(m->nticks);
	WRITE_ONCE(m->expired, 0);
	if (!has_token(m)) {
		WRITE_ONCE(m->p, &weft__dead_p);
		return NULL;
	}
	g = weft__urgent_get(m);
	if (g)
		return g;
	if (m->cur != &m->g0) {
		if (timer_due(m, pops)) {
			/* the idle loop fires, and ticks */
			m->look_due = 1;
			return &m->g0;
		}
		m->early += pops;
		if (m->early < M_TICK && m->pace < M_TICK)
			return NULL;
	}
	m->early = 0;
	p = READ_ONCE(m->p);
	if (p == &weft__dead_p)
		return NULL;
	if (READ_ONCE(weft__want.word))
		weft__want_slow(m);	/* a queue that only pops, too */
	g = take_turns(m, p);
	if (g)
		trace(m, TICK, g->id, p->q.id);
	return g;
}

/*
 * No room.  Often phead only lags behind what thieves took.  Else the older
 * half leaves for the global queue, what is published first.
 */
static void spill(struct m *m, struct p *p)
{
	void *g[SPILL];
	u32 n;

	RQ(settle, m->vc, &p->q);
	if (READ_ONCE(p->q.tail) - READ_ONCE(p->q.phead) <= RUNQ_SIZE - SPILL)
		return;
	n = weft__rq_take(p, g, SPILL);
	if (!n)
		n = RQ(pop_batch, m->vc, &p->q, g, SPILL);
	if (!n)
		return;
	stat_inc(m->n.spills);
	trace(m, SPILL, p->q.id, n);
	weft__gq_put_batch(m, g, n);
	RQ(settle, m->vc, &p->q);
}

static void look_at_want(struct m *m)
{
	if (weft__twin == TWIN_FENCE)
		smp_mb();
	else
		barrier();
	if (READ_ONCE(weft__want.word))
		weft__want_slow(m);
}

/*
 * Without a token: the P that sits here serves whoever runs here (law L1), and
 * as from any such thread an idle M is woken.  A G that only starts others
 * becomes a hog (hog.c), and would else pay for the global queue each time.
 * The G that the M itself ran comes from the idle loop, and does go there.
 */
static bool push_as_guest(struct m *m, struct g *g)
{
	u32 c = m_here(m);
	struct p *p;

	if (weft__twin || m->locked || m->cur == &m->g0 || c >= S.nseats)
		return false;
	p = smp_load_acquire(&S.seat[c]);
	if (!p || READ_ONCE(S.nidle))
		return false;
	if (RQ(push, m->vc, &p->q, g) != RUNQ_OK) {
		spill(m, p);
		if (RQ(push, m->vc, &p->q, g) != RUNQ_OK)
			return false;
	}
	smp_mb();	/* its partner: the membarrier in idle.c, park() */
	if (READ_ONCE(S.nidle))
		weft__wake_one(m->node);
	return true;
}

weft__noinline void weft__push_slow(struct m *m, struct g *g)
{
	struct p *p;
	int i, r;

	for (i = 0; i < 4; i++) {
		p = READ_ONCE(m->p);
		r = RQ(push, m->vc, &p->q, g);
		if (r == RUNQ_OK) {
			look_at_want(m);
			return;
		}
		if (r == RUNQ_FULL)
			spill(m, p);
		else if (!weft__relocate(m))
			break;
	}
	if (has_token(m) || !push_as_guest(m, g))
		weft__gq_put(m, g);
}

/* Into m's queue as many as fit, the rest to the global one. */
void weft__push_rest(struct m *m, void **g, u32 n)
{
	struct p *p = READ_ONCE(m->p);
	u32 k;

	if (!n)
		return;
	RQ(settle, m->vc, &p->q);
	k = RQ(push_batch, m->vc, &p->q, g, n);
	if (k < n)
		weft__gq_put_batch(m, g + k, n - k);
}

/*
 * A push saw a thief or an idle M.  One waiting G alone is not given away: the
 * one that runs will park in a moment, and if not, sysmon sees to it.  A spin-
 * ning thief is fed by publishing, 64 pushes apart or with half a ring
 * waiting; each push would flood it (batch on 2 Ps: 41 to 240 ns a G).
 */
weft__noinline void weft__want_slow(struct m *m)
{
	struct p *p = READ_ONCE(m->p);
	u32 n = runq_private(&p->q);

	if (n < 2)
		return;
	if (READ_ONCE(weft__want.hungry)) {
		if (n < RUNQ_SIZE / 2 && ++m->pubwait < 64)
			return;
		m->pubwait = 0;
		RQ(settle, m->vc, &p->q);
		if (RQ(publish, m->vc, &p->q)) {
			stat_inc(m->n.published);
			trace(m, PUBLISH, p->q.id, n / 2);
		}
	} else if (READ_ONCE(weft__want.eager)) {
		weft__wake_one(m->node);
	}
}

/*
 * A G that parks right after it readies another hands over its CPU.  So does
 * one of a pair that has said that the two talk to each other.
 */
static bool stays_here(struct m *m, struct g *g)
{
	return m->cur != &m->g0 &&
	       (m->cur->sync >= 2 || weft__hint_near(m->cur, g));
}

/*
 * ready() saw hints, a thief or an idle M.  One that runs on gets the other a
 * CPU at once; then the G goes where a woken M takes it without a seizure.
 */
weft__noinline void weft__ready_idle(struct m *m, struct g *g)
{
	if (weft__hint_critical(g))
		weft__urgent_put(m, g);
	else if (!READ_ONCE(weft__want.word) || stays_here(m, g))
		push(m, g);
	else if (policy_on() || !gift_give(m->node, g))
		weft__gq_put(m, g);
}

/* An ordinary thread: the P that sits on this CPU, if one does. */
bool weft__push_here(struct vcpu *vc, struct g *g)
{
	u32 c = READ_ONCE(vc->cpu_id);
	struct p *p;

	if (c >= S.nseats)
		return false;
	p = smp_load_acquire(&S.seat[c]);
	return p && seq_push(vc, &p->q, g) == RUNQ_OK;
}
