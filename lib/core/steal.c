// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * steal.c - taking Gs from another P.
 *
 * From near to far: SMT sibling, same last-level cache, same node, then nodes
 * by distance; among equals from a random one on.  Half of what a victim has
 * published is taken by one CAS.  A victim that stands still while a thief
 * looks (its M runs one long G, or is gone) is seized: a membarrier, so only
 * after a delay that grows with its price, a backstop and never a normal path.
 *
 * Loot that did not last 1 us a G was not worth its way; the thief then stays
 * away for 50 us, doubling to 1 ms (idle.c).
 */
#include "sched.h"

#define NSEC_WORTH 1000

void weft__loot(struct m *m, u32 n)
{
	if (READ_ONCE(S.nprocs) < 2 || n < 2)
		return;
	m->loot_n = n;
	m->loot_t = weft__now();
}

static struct g *steal_from(struct m *m, struct p *v)
{
	u32 n = runq_published(&v->q);
	void *g[RUNQ_SIZE / 2 + 1];

	if (!n)
		return NULL;
	n = weft__rq_take(v, g, n - n / 2);
	if (!n)
		return NULL;
	stat_inc(m->n.steals);
	stat_add(m->n.stolen, n);
	trace(m, STEAL, v->q.id, n);
	weft__loot(m, n);
	weft__push_rest(m, g + 1, n - 1);
	return g[0];
}

static struct g *seize_from(struct m *m, struct p *v)
{
	void *g[RUNQ_SIZE];
	u32 n = weft__seize(v, g, false);

	stat_inc(m->n.seizures);
	stat_add(m->n.seized, n);
	trace(m, SEIZE, v->q.id, n);
	if (!n)
		return NULL;
	weft__loot(m, n);
	weft__push_rest(m, g + 1, n - 1);
	return g[0];
}

/* Each other P once, as try says; NULL if none gave anything. */
static struct g *each(struct m *m, struct g *(*try)(struct m *m, struct p *v,
						    s64 now), s64 now)
{
	struct p *here = READ_ONCE(m->p);
	u32 i, j, k, l, max = S.maxprocs - 1;
	struct g *g;

	if (here == &weft__dead_p)
		here = S.p[m->tok];
	for (i = 0; i < max; i = j) {
		for (j = i + 1; j < max && here->ring[j] == here->ring[i]; j++)
			;
		k = j - i > 1 ? m_random(m) % (j - i) : 0;
		for (l = 0; l < j - i; l++) {
			g = try(m, S.p[here->order[i + (l + k) % (j - i)]],
				now);
			if (g)
				return g;
		}
	}
	return NULL;
}

static struct g *try_steal(struct m *m, struct p *v, s64 now)
{
	(void)now;
	return steal_from(m, v);
}

struct g *weft__steal(struct m *m)
{
	return each(m, try_steal, 0);
}

static struct g *try_seize(struct m *m, struct p *v, s64 now)
{
	u64 moved = p_moved(v);

	if (moved != READ_ONCE(v->stuck.moved)) {
		WRITE_ONCE(v->stuck.since, now);
		WRITE_ONCE(v->stuck.moved, moved);
		return NULL;
	}
	if (now - READ_ONCE(v->stuck.since) < S.stuck_ns ||
	    !runq_waiting(&v->q))
		return NULL;
	WRITE_ONCE(v->stuck.since, now);
	return seize_from(m, v);
}

/* Half of a queue that has stood still for S.stuck_ns. */
struct g *weft__seize_stuck(struct m *m, s64 now)
{
	return each(m, try_seize, now);
}

/*
 * Out of work: was the last loot worth it?  If not, rest before the next one,
 * each time for longer.
 */
bool weft__judge_loot(struct m *m)
{
	bool worth;

	if (!m->loot_n || READ_ONCE(S.nprocs) < 2)
		return true;
	worth = weft__now() - m->loot_t >= (s64)m->loot_n * NSEC_WORTH;
	m->loot_n = 0;
	if (worth)
		m->backoff_us = 0;
	else
		m->backoff_us = m->backoff_us ? m->backoff_us * 2 : 50;
	if (m->backoff_us > 1000)
		m->backoff_us = 1000;
	return worth;
}
