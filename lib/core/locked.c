// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * locked.c - a G that is bound to its M.
 *
 * While such a G runs, its M's m->p is dead, so that every push and pop enters
 * the slow path: pushes go to the global queue, a pop answers "leave for the
 * idle loop".  There the M gives its token away and waits for its G.
 *
 * The order: the G is published by the idle loop, and may be popped at once,
 * while its M still has a token.  So who delivers does not touch that M's own
 * token or m->tok, but leaves a letter {handover, dtok} after its CAS; and the
 * M gives its token away before it looks for the letter.  Each letter comes
 * with one wake, and each wake is slept for.
 *
 * When the G parks, its context is marked CTX_LOCKED, so that whoever takes it
 * from a queue enters weft__prepare(); the idle loop of that M then gives its
 * own token to the M that the G is locked to, wakes it, and looks for another
 * one.  No fast path knows of any of this.
 */
#include "hint.h"
#include "gpool.h"
#include "g_end.h"

/* Somebody must run the other Gs: is there a spare, or can there be one? */
static bool another_m(struct m *m)
{
	int err = *m->err;
	struct m *s;

	if (READ_ONCE(S.nm) > READ_ONCE(S.nprocs) + READ_ONCE(S.nlocked))
		return true;
	s = weft__m_create(m->tok);
	*m->err = err;
	if (s)
		weft__enter_spare(s);
	return READ_ONCE(S.nm) > READ_ONCE(S.nlocked) + 1;
}

int weft__lock_thread(void)
{
	struct m *m = this_m();
	struct gcold *c;

	if (!m)
		return -EPERM;
	if (!m->locked) {
		if (!another_m(m))
			return -EAGAIN;
		atomic_add(&S.nlocked, 1);
	}
	c = g_cold(m->cur);
	g_flag(m->cur, GF_COLD | GF_LOCKED);
	c->locks++;
	c->lm = m;
	m->lockedg = m->cur;
	WRITE_ONCE(m->locked, 1);	/* m_p() asks */
	WRITE_ONCE(m->p, &weft__dead_p);
	return 0;
}

static void unlock(struct m *m, struct g *g)
{
	g_unflag(g, GF_LOCKED);
	g_cold(g)->lm = NULL;
	atomic_sub(&S.nlocked, 1);
	m->lockedg = NULL;
	WRITE_ONCE(m->locked, 0);	/* the next slow entry relocates */
}

int weft__unlock_thread(void)
{
	struct m *m = this_m();
	struct gcold *c;

	if (!m || !(m->cur->flags & GF_LOCKED))
		return -EPERM;
	c = g_cold(m->cur);
	if (!--c->locks)
		unlock(m, m->cur);
	return 0;
}

/* It ends, and unlocks. */
void weft__unlock_all(struct g *g)
{
	if (!(g->flags & GF_LOCKED))
		return;
	g_cold(g)->locks = 0;
	unlock(this_m(), g);
}

/*
 * m has a token and popped g, which is locked to another M: the token goes
 * there.  It is not HANDED, since we shall not want it back.
 */
void weft__deliver(struct m *m, struct g *g)
{
	struct m *lm = g_cold(g)->lm;
	uintptr_t t;

	do {
		t = m_token(m);
		if (tok_m(t) != m || t & TOK_IDLE) {
			weft__gq_put(m, g);	/* we have none to give */
			return;
		}
	} while (!cas(&S.tok[m->tok], t,
		      (uintptr_t)lm | (t & TOK_WOKEN)));
	trace(m, LOCKED, g->id, lm->id);
	lm->dtok = m->tok;
	smp_store_release(&lm->handover, g);
	WRITE_ONCE(m->p, &weft__dead_p);
	weft__wake_m(lm);
}

/* Our token to a spare, a new M, or nobody: sysmon then finds one. */
static void give_away(struct m *m)
{
	uintptr_t t = m_token(m);
	struct m *s;

	if (tok_m(t) != m || t & TOK_IDLE)
		return;
	s = weft__claim_spare(m->node, RUNQ_NOCPU);
	if (!s)
		s = weft__m_create(m->tok);
	if (s) {
		weft__handoff(m->tok, t, s);
		return;
	}
	if (cas(&S.tok[m->tok], t, 0) && t & TOK_WOKEN)
		(void)xchg(&S.waking, 0);
}

/* m's own G left; wait until somebody delivers it.  NULL: stop. */
struct g *weft__locked_wait(struct m *m)
{
	struct g *g;

	WRITE_ONCE(m->state, M_WAIT);
	give_away(m);
	do {
		weft__m_sleep(m);
		if (READ_ONCE(S.stop))
			return NULL;
		g = smp_load_acquire(&m->handover);
	} while (!g);
	WRITE_ONCE(m->tok, m->dtok);
	WRITE_ONCE(m->handover, NULL);
	weft__clear_woken(m);
	WRITE_ONCE(m->state, M_RUN);
	if ((uintptr_t)g->ctx & CTX_HINT)
		weft__hint_in(m, g);
	g->ctx = (struct ctx *)((uintptr_t)g->ctx & ~CTX_SPECIAL);
	return g;
}
