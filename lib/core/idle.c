// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * idle.c - an M without work: look, spin, park; and how it is woken.
 *
 * No wake-up is lost (law L4).  Whoever makes work visible either sees an idle
 * M or is seen by it:
 *
 *	pusher				parker
 *
 *	push				nidle++, eager++	(LOCK)
 *	(*)				answer a wake (below)
 *	if (nidle or eager)		CAS the token m -> m|IDLE
 *		wake_one()		membarrier, all threads
 *					look at all queues once more
 *
 * (*) is a compiler barrier on a local push: the parker's membarrier is the
 * fence on both sides.  A pusher whose load came before nidle++ was ahead of
 * the membarrier, so its push is visible to the last look.  A push to the
 * global queue is an xchg, and needs no membarrier.  Where there is none, (*)
 * is a fence.
 *
 * At most one wake is in flight.  wake_one() claims S.waking, CASes a token
 * {m|IDLE} to {m|WOKEN}, and wakes m.  Whoever CASes WOKEN away, m or the M
 * that the token was handed to, stores waking = 0 with a full fence before its
 * own last look: so a pusher that saw waking set and left is seen by that
 * look.  The one it cannot cover, a push while waking is set and m runs on
 * with other work, is sysmon's: it wakes an M for a queue that stands.
 *
 * A lone G may be left to its own M, by a token holder that pushes to its own
 * seat; sysmon bounds how long.  Everybody else wakes.
 *
 * Where there are nodes the kernel keeps a sleeping M on its own (futex.h).
 *
 * An M that spins may be given a G without the queue in between: gift.h.
 *
 * An M that parks for its back-off is not counted in eager: it comes back by
 * itself within 1 ms.
 *
 * Rejected, since the model finds a lost wake-up in each: the M that loses its
 * token clears the flag; anybody clears it; the flag is cleared after the last
 * look; the last look before the membarrier.  selftests/model/park.pml.
 */
#include "policy_hooks.h"
#include "gift.h"
#include "timer.h"

void weft__wake_m(struct m *m)
{
	smp_store_release(&m->futex.val, M_WOKEN);
	weft__nfutex_wake(&m->futex, 1);
}

void weft__m_sleep(struct m *m)
{
	while (xchg(&m->futex.val, 0) != M_WOKEN && !READ_ONCE(S.stop))
		weft__nfutex_wait(&m->futex, 0, INT64_MAX);
}

/* Token i to {m|WOKEN}: 1 done, 0 not idle any more, -1 a wake is under way. */
static int try_wake(u32 i, uintptr_t t)
{
	struct m *m = tok_m(t);

	if (!cas(&S.waking, 0, 1))
		return -1;
	if (!cas(&S.tok[i], t, (uintptr_t)m | TOK_WOKEN)) {
		(void)xchg(&S.waking, 0);
		return 0;
	}
	weft__not_idle(t);
	weft__wake_m(m);
	return 1;
}

/* Wake an idle M, of this node if there is one, and rather not the keeper. */
weft__noinline void weft__wake_one(struct node *near)
{
	u32 i, n = READ_ONCE(S.nprocs);
	bool any = !READ_ONCE(near->nidle);
	struct m *spared = READ_ONCE(S.keeper);
	uintptr_t t;

	if (READ_ONCE(S.waking))
		return;
again:
	for (i = 0; i < n; i++) {
		t = smp_load_acquire(&S.tok[i]);
		if (!(t & TOK_IDLE) || (!any && tok_m(t)->node != near) ||
		    tok_m(t) == spared)
			continue;
		if (try_wake(i, t))
			return;
	}
	if (!any || spared) {
		any = any || !spared;
		spared = NULL;
		goto again;
	}
}

/*
 * Wake the M of token i, and it alone, if it is idle: it gets its token back as
 * though it had un-idled it itself, and no wake is in flight.
 */
bool weft__wake_token(u32 i)
{
	uintptr_t t = smp_load_acquire(&S.tok[i]);

	if (!(t & TOK_IDLE) || !cas(&S.tok[i], t, (uintptr_t)tok_m(t)))
		return false;
	weft__not_idle(t);
	weft__wake_m(tok_m(t));
	return true;
}

/* Is there work?  alone: how many private Gs count as none. */
bool weft__any_work(u32 alone)
{
	u32 i;

	for (i = 0; i < S.nnodes; i++)
		if (!weft__gq_empty(&S.node[i].gq))
			return true;
	if (weft__policy_work(alone) || READ_ONCE(S.urgent.n) ||
	    READ_ONCE(S.batch.n))
		return true;
	for (i = 0; i < S.maxprocs; i++)
		if (runq_published(&S.p[i]->q) ||
		    runq_private(&S.p[i]->q) > alone)
			return true;
	return false;
}

/* Work that this M would be alone to see. */
static bool own_work(struct m *m)
{
	struct p *p = READ_ONCE(m->p), *l = m->last;

	return runq_waiting(&p->q) || weft__policy_local(READ_ONCE(m->tok)) ||
	       (l && l != p && runq_waiting(&l->q) && !weft__manned(l, m));
}

static bool un_idle(struct m *m, uintptr_t idle)
{
	if (!cas(&S.tok[READ_ONCE(m->tok)], idle, (uintptr_t)m))
		return false;	/* woken, or taken: then we are a spare */
	weft__not_idle(idle);
	return true;
}

static void park(struct m *m)
{
	uintptr_t me = (uintptr_t)m, idle = me | TOK_IDLE;
	u32 rest_us = m->rest_us;

	m->rest_us = 0;
	/* Work that we see and cannot get: not a membarrier for each round. */
	if (!rest_us && ++m->fruitless > 4) {
		m->fruitless = 0;
		rest_us = 50;
	}
	if (!rest_us) {
		idle |= TOK_EAGER;
		m->backoff_us = 0;
	}
	WRITE_ONCE(m->state, M_PARK);
	atomic_add(&S.nidle, 1);
	atomic_add(&m->node->nidle, 1);
	if (idle & TOK_EAGER)
		atomic_add(&weft__want.eager, 1);
	weft__clear_woken(m);
	stat_inc(m->n.parked);	/* before the CAS: see silence.c */
	if (!cas(&S.tok[READ_ONCE(m->tok)], me, idle)) {
		weft__not_idle(idle);
		return;
	}
	trace(m, IDLE, READ_ONCE(m->tok), rest_us);
	if (rest_us) {
		weft__nfutex_wait(&m->futex, 0,
				  weft__now() + rest_us * NSEC_PER_USEC);
		if (un_idle(m, idle))
			return;
	} else {
		fence_all();
		if ((weft__any_work(1) || own_work(m)) && un_idle(m, idle))
			return;
	}
	/* No G is left: weft_run ends, and sysmon says so. */
	if (READ_ONCE(S.nidle) == READ_ONCE(S.nprocs) &&
	    READ_ONCE(S.running) && !weft__live())
		weft__sysmon_kick();
	switch (rest_us ? KEEP_NOT : weft__keep(m, idle)) {
	case KEEP_DUE:
		if (un_idle(m, idle))
			return;
		/* fallthrough */
	case KEEP_NOT:
		weft__m_sleep(m);
		/* fallthrough */
	case KEEP_WOKEN:
		break;
	}
	m->fruitless = 0;
	stat_inc(m->n.woken);
}

/*
 * Between two looks: until something seems to be there, at most 16 pauses,
 * which are 0.3 to 0.7 us.  Reads the words that a waker writes, those of the
 * nearest P alone, and nothing that a busy P writes at each of its operations.
 */
static void wait_fed(struct m *m)
{
	struct p *here = S.p[m->tok], *near = S.p[here->order[0]];
	int i;

	for (i = 0; i < 16; i++) {
		if (gift_waits(m->node) || runq_published(&near->q))
			return;
		cpu_relax();
	}
}

/* Look for S.opts.spin_us; a spinning M is fed by publishing. */
static struct g *spin(struct m *m)
{
	s64 now = weft__now(), end = now + S.opts.spin_us * NSEC_PER_USEC;
	struct g *g = NULL, *gift = NULL;
	bool wants;

	WRITE_ONCE(m->state, M_SPIN);
	atomic_add(&weft__want.hungry, 1);
	weft__clear_woken(m);
	wants = gift_want(m->node);
	while (now < end && !READ_ONCE(S.stop) && has_token(m)) {
		g = weft__urgent_get(m);
		if (!g)
			g = gift_take(m->node);
		if (!g)
			g = weft__steal(m);
		if (!g)
			g = weft__pop_slow(m);
		if (!g)
			g = weft__seize_stuck(m, now);
		if (g)
			break;
		wait_fed(m);
		now = weft__now();
	}
	atomic_sub(&weft__want.hungry, 1);
	if (wants)
		gift = gift_unwant(m->node);
	if (!g || !gift)
		return g ? g : gift;
	push(m, gift);
	return g;
}

static bool may_spin(struct m *m)
{
	u32 n = READ_ONCE(S.nprocs);

	if (n < 2 || !S.opts.spin_us ||
	    READ_ONCE(S.nspin) * 2 >= n - READ_ONCE(S.nidle))
		return false;
	if (!m->nospin)
		return true;
	m->nospin--;
	return false;
}

/*
 * A spin in vain makes the M let the next chance pass, the second one the next
 * three, up to 31: where Gs are woken 500 us apart, spinning costs as much as
 * half of their work (kernel-bench low_load).
 */
static void judge_spin(struct m *m, bool found)
{
	if (found)
		m->spinrest = 0;
	else if (m->spinrest < 31)
		m->spinrest = m->spinrest * 2 + 1;
	m->nospin = m->spinrest;
}

static struct g *look(struct m *m)
{
	struct g *g;

	if (READ_ONCE(m->p) == &weft__dead_p)
		weft__relocate(m);
	g = weft__urgent_get(m);
	if (g)
		return g;
	if (m->look_due) {
		m->look_due = 0;
		g = weft__tick(m);
		if (g)
			return g;
	}
	g = weft__pop_slow(m);
	if (g)
		return g;
	if (!weft__judge_loot(m)) {
		g = weft__batch_get();
		if (!g)
			m->rest_us = m->backoff_us;
		return g;
	}
	g = weft__steal(m);
	if (!g && READ_ONCE(S.nprocs) > 1)
		g = weft__seize_stuck(m, weft__now());
	if (!g)
		g = weft__batch_get();
	if (!g && may_spin(m)) {
		atomic_add(&S.nspin, 1);
		g = spin(m);
		atomic_sub(&S.nspin, 1);
		judge_spin(m, g);
	}
	return g;
}

/* The M cache: no token, and none to be had. */
static void cache(struct m *m)
{
	WRITE_ONCE(m->p, &weft__dead_p);
	WRITE_ONCE(m->state, M_CACHE);
	m->loose = NULL;
	stat_inc(m->n.returns_global);
	trace(m, CACHE, READ_ONCE(m->tok), 0);
	weft__enter_spare(m);
	weft__m_sleep(m);
	weft__leave_spare(m);
}

/* The next G for an M that has none; NULL when the runtime stops. */
struct g *weft__find_work(struct m *m)
{
	struct g *g;

	while (!READ_ONCE(S.stop)) {
		if (!weft__confirm(m) && !weft__regain(m)) {
			cache(m);
			continue;
		}
		if (READ_ONCE(S.timed))
			weft__timers_look(m);
		g = look(m);
		WRITE_ONCE(m->state, M_RUN);
		if (g) {
			m->fruitless = 0;
			weft__clear_woken(m);
			trace(m, DISPATCH, g->id, READ_ONCE(m->tok));
			return g;
		}
		if (has_token(m))
			park(m);
	}
	return NULL;
}
