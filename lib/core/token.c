// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * token.c - tokens: who may run Gs, and how a token changes hands.
 *
 *	           wake_one                       its M answers
 *	{m|IDLE} -----------> {m|WOKEN} ------------------------> {m}
 *	   ^  |                    |                                | |
 *	   |  +- an M that came    | blocked: sysmon                | |
 *	   |     back takes it:{b} v                                v |
 *	   |                  {s|HANDED|WOKEN}          {s|HANDED} <--+
 *	   +---- park ------- {m}                         |      |
 *	                                    s dispatches: {s}    +-- m takes it
 *	                                                             back: {m}
 *
 * Law L2: safety never rests on a token.  An M that lost its token without
 * noticing goes on with whatever queue its CPU has, until its next slow entry;
 * that only means one M more than there are tokens, for that long.
 *
 * The order that counts:
 *
 *	who takes a token			its M
 *
 *	CAS the token				m->p = a P
 *	m->p = dead	(poison)		full fence
 *						is the token mine?
 *						else m->p = dead
 *
 * The spare set, a bitmap, holds the Ms of the cache.  Only an M itself enters
 * it, but for one case: who takes an IDLE token enters its sleeping M there.
 * Else two tokens could name one M.  Who claims a spare clears its bit first,
 * and from then on nobody else can give it a token.
 *
 * selftests/model/token.pml explores it.
 */
#include "sched.h"
#include "blocked.h"

/* Our token, and if it was handed to us, from here on not to be taken back. */
bool weft__confirm(struct m *m)
{
	uintptr_t t;

	do {
		t = m_token(m);
		if (tok_m(t) != m || t & TOK_IDLE)
			return false;
		if (!(t & TOK_HANDED))
			return true;
	} while (!cas(&S.tok[READ_ONCE(m->tok)], t, t & ~TOK_HANDED));
	return true;
}

/*
 * We were woken: let the next wake-up start.  Who takes WOKEN away by CAS, and
 * nobody else, stores waking = 0; with a full fence, before its last look at
 * the queues (idle.c).
 */
void weft__clear_woken(struct m *m)
{
	uintptr_t t = m_token(m);

	if (tok_m(t) == m && t & TOK_WOKEN &&
	    cas(&S.tok[READ_ONCE(m->tok)], t, t & ~TOK_WOKEN))
		(void)xchg(&S.waking, 0);
}

/* The token was {m|IDLE} = t and is not any more, by our CAS. */
void weft__not_idle(uintptr_t t)
{
	if (t & TOK_EAGER)
		atomic_sub(&weft__want.eager, 1);
	atomic_sub(&tok_m(t)->node->nidle, 1);
	atomic_sub(&S.nidle, 1);
	if (READ_ONCE(S.mon_asleep))
		weft__sysmon_kick();
}

void weft__enter_spare(struct m *m)
{
	atomic_or(&S.spare[m->id / 64], 1ull << m->id % 64);
	atomic_add(&S.nspare, 1);
}

/* An M of the cache is awake: it is no spare, if nobody has claimed it. */
void weft__leave_spare(struct m *m)
{
	u64 bit = 1ull << m->id % 64;

	if (atomic_and(&S.spare[m->id / 64], ~bit) & bit)
		atomic_sub(&S.nspare, 1);
}

/* Of this node, and bound to this CPU, if that is one. */
static struct m *claim(const struct node *of, u32 cpu)
{
	u32 i, n = (READ_ONCE(S.nm) + 63) / 64;
	u64 w, bit;
	struct m *m;

	for (i = 0; i < n; i++)
		/* The M set its bit when its struct was complete. */
		for (w = smp_load_acquire(&S.spare[i]); w; w &= w - 1) {
			bit = w & -w;
			m = S.m[i * 64 + (u32)__builtin_ctzll(bit)];
			if ((of && m->node != of) ||
			    (cpu != RUNQ_NOCPU &&
			     READ_ONCE(m->bound) != cpu) ||
			    !(atomic_and(&S.spare[i], ~bit) & bit))
				continue;
			atomic_sub(&S.nspare, 1);
			return m;
		}
	return NULL;
}

/*
 * A spare: bound to this CPU, or at least of this node, if there is one; NULL:
 * none.
 */
struct m *weft__claim_spare(const struct node *near, u32 cpu)
{
	struct m *m = cpu != RUNQ_NOCPU ? claim(NULL, cpu) : NULL;

	if (!m && S.nnodes > 1)
		m = claim(near, RUNQ_NOCPU);
	return m ? m : claim(NULL, RUNQ_NOCPU);
}

static void poison(struct m *m)
{
	WRITE_ONCE(m->p, &weft__dead_p);
}

/*
 * Token i, which was t = {m[|WOKEN]}, goes to s, a claimed spare.  False: it
 * had moved, and s is a spare again.
 */
bool weft__handoff(u32 i, uintptr_t t, struct m *s)
{
	WRITE_ONCE(s->tok, i);
	if (!cas(&S.tok[i], t,
		 (uintptr_t)s | TOK_HANDED | (t & TOK_WOKEN))) {
		weft__enter_spare(s);
		return false;
	}
	if (tok_m(t))
		poison(tok_m(t));
	weft__wake_m(s);
	return true;
}

/* Our own, if who got it has not dispatched yet. */
static bool take_back(struct m *m)
{
	uintptr_t t = m_token(m);
	struct m *s = tok_m(t);

	if (!(t & TOK_HANDED) || s == m ||
	    !cas(&S.tok[READ_ONCE(m->tok)], t, (uintptr_t)m))
		return false;
	if (t & TOK_WOKEN)	/* we go on with our G: another may be woken */
		(void)xchg(&S.waking, 0);
	poison(s);	/* it will see that it has none, and enter the cache */
	stat_inc(m->n.tok_back);
	trace(m, TOKEN_BACK, READ_ONCE(m->tok), s->id);
	return true;
}

static bool take_idle(struct m *m)
{
	u32 i, n = READ_ONCE(S.nprocs);
	uintptr_t t;

	for (i = 0; i < n; i++) {
		t = smp_load_acquire(&S.tok[i]);
		if (t && !(t & TOK_IDLE))
			continue;
		if (!cas(&S.tok[i], t, (uintptr_t)m))
			continue;
		WRITE_ONCE(m->tok, i);
		if (t) {
			weft__not_idle(t);
			if (tok_m(t) != m)
				weft__enter_spare(tok_m(t));
		}
		return true;
	}
	return false;
}

/* An M without a token tries to get one. */
bool weft__regain(struct m *m)
{
	stat_inc(m->n.returns);
	weft__blocked_back(m);
	return take_back(m) || take_idle(m);
}
