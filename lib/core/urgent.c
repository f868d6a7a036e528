// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * urgent.c - Gs that go before all others, and Gs that go after them.
 *
 * A critical G that is woken goes to the urgent list: by weft_unpark(), by its
 * deadline or its sleep, or as a new one.  All Ms look there first: when they
 * look for work, when they find m->p poisoned, and at each tick.  An idle M is
 * woken for it.  If there is none those that run are brought into their slow
 * path: the slice is over, and m->p is poisoned, so that the next pop or push
 * does not pass by.
 *
 *	who wakes it			an M that runs
 *
 *	list, nurgent++			m->p = P		(seat.c, name())
 *	full fence			full fence
 *	m->p = dead	(poison)	nurgent? tick at the next pop
 *
 * Either the poison comes after that store of m->p, or the M sees the list.
 * Poison only hastens: the 61st pop looks all the same, and sysmon poisons
 * again at its tick while the list is not empty.
 *
 * For who parks it is a queue like the global one (idle.c): announce,
 * membarrier, look.
 *
 * A batch G waits in the queue of its P as any other, for a wake-up must not
 * cost more than theirs.  When its turn comes it steps aside, to the batch
 * list, where an M looks that has found nothing else.  The M that puts it there
 * goes on to look, and before it parks sees the list; so nobody need be woken.
 * After 100 ms sysmon lets the oldest go like any other G.
 *
 * With a policy both lists stay empty: who runs next is the policy's.
 */
#include "hint.h"
#include "policy_hooks.h"
#include "preempt.h"

#define HURRY 4			/* so many Ms at most, for one G */
#define BATCH_MS 100

static void put(struct glist *l, struct g *g)
{
	g->next = NULL;
	weft__lock(&l->lock);
	if (l->first)
		l->last->next = g;
	else
		l->first = g;
	l->last = g;
	WRITE_ONCE(l->n, l->n + 1);
	weft__unlock(&l->lock);
}

static struct g *get(struct glist *l)
{
	struct g *g;

	if (likely(!READ_ONCE(l->n)))
		return NULL;
	weft__lock(&l->lock);
	g = l->first;
	if (g) {
		l->first = g->next;
		WRITE_ONCE(l->n, l->n - 1);
	}
	weft__unlock(&l->lock);
	return g;
}

/* ---- urgent ---- */

/* m runs something that may wait. */
static bool interrupt(struct m *m)
{
	u32 state = READ_ONCE(m->state);

	if ((state != M_RUN && state != M_BLOCK) ||
	    hint_urgency(m) == WEFT_CRITICAL || READ_ONCE(m->locked))
		return false;
	WRITE_ONCE(m->expired, 1);
	WRITE_ONCE(m->p, &weft__dead_p);
	weft__preempt_send(m);
	return true;
}

/* Some Ms that run are to look. */
static void hurry(void)
{
	u32 i, n = READ_ONCE(S.nprocs), left = HURRY;
	uintptr_t t;

	for (i = 0; i < n && left; i++) {
		t = smp_load_acquire(&S.tok[i]);
		if (t && !(t & (TOK_IDLE | TOK_HANDED)))
			left -= interrupt(tok_m(t));
	}
}

void weft__urgent_put(struct m *m, struct g *g)
{
	put(&S.urgent, g);
	smp_mb();	/* its partners: park()'s membarrier, name()'s fence */
	if (READ_ONCE(S.nidle))
		weft__wake_one(m ? m->node : &S.node[0]);
	else
		hurry();
}

struct g *weft__urgent_get(struct m *m)
{
	struct g *g;

	if (likely(!READ_ONCE(S.urgent.n)) || !has_token(m))
		return NULL;
	g = get(&S.urgent);
	if (g)
		stat_inc(m->n.urgent);
	return g;
}

/* ---- batch ---- */

void weft__batch_put(struct g *g)
{
	g->since = READ_ONCE(weft__now_ms);
	put(&S.batch, g);
}

/* It has waited for the others: now it runs. */
struct g *weft__batch_get(void)
{
	struct g *g = get(&S.batch);

	if (g)
		weft__hint_due(g);
	return g;
}

/* ---- sysmon ---- */

/* The oldest has waited for so long. */
static bool waited(u32 ms)
{
	bool ret = false;

	weft__lock(&S.batch.lock);
	if (S.batch.first)
		ret = READ_ONCE(weft__now_ms) - S.batch.first->since >= ms;
	weft__unlock(&S.batch.lock);
	return ret;
}

void weft__urgent_watch(void)
{
	struct g *g;

	if (READ_ONCE(S.urgent.n)) {
		if (READ_ONCE(S.nidle))
			weft__wake_one(&S.node[0]);
		else
			hurry();
	}
	if (!READ_ONCE(S.batch.n))
		return;
	if (READ_ONCE(S.nidle))
		weft__wake_one(&S.node[0]);
	while (READ_ONCE(S.batch.n) && waited(BATCH_MS)) {
		g = weft__batch_get();
		if (g)
			weft__gq_put(NULL, g);
	}
}
