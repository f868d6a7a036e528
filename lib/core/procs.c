// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * procs.c - Ps and tokens: laid out at start, changed while Gs run.
 *
 * All that the affinity mask allows are laid out at start; S.nprocs of them
 * are in use.  To shrink: lower S.nprocs, then take the tokens beyond it, then
 * retire their Ps (Gs go to the global queue).  Who had read the old number
 * may still seat such a P or take such a token; sysmon takes them out of use
 * again at its tick, and meanwhile nothing is lost: whoever uses a P sees to
 * its Gs, and thieves look at all Ps.
 */
#include "policy_hooks.h"
#include "run.h"
#include "timer.h"
#include "../os/mem.h"

#include <stdlib.h>
#include <string.h>
#include <weft/run.h>

/* Token i is gone, whoever has it. */
void weft__revoke(u32 i)
{
	uintptr_t t;
	struct m *m;

	do {
		t = smp_load_acquire(&S.tok[i]);
	} while (t && !cas(&S.tok[i], t, 0));
	m = tok_m(t);
	if (!m)
		return;
	if (t & TOK_IDLE) {
		weft__not_idle(t);
		weft__enter_spare(m);
	} else {
		WRITE_ONCE(m->p, &weft__dead_p);
	}
	if (t & TOK_WOKEN)
		(void)xchg(&S.waking, 0);
}

static void shrink(u32 n, u32 old)
{
	u32 i;

	WRITE_ONCE(S.nprocs, n);
	smp_mb();
	for (i = n; i < old; i++)
		weft__revoke(i);
	for (i = n; i < old; i++)
		weft__retire(S.p[i]);
	for (i = n; i < old; i++)
		weft__policy_retire(i);
}

static void grow(u32 n, u32 old)
{
	struct m *s;
	u32 i;

	WRITE_ONCE(S.nprocs, n);
	for (i = old; i < n; i++) {
		s = weft__claim_spare(S.p[i]->node, RUNQ_NOCPU);
		if (!s)
			s = weft__m_create(i);
		if (s)
			weft__handoff(i, 0, s);
	}
}

int weft_set_procs(unsigned int n)
{
	int ret = weft__check();
	u32 old;

	if (ret)
		return ret == -EPERM ? -EINVAL : ret;
	if (!n || n > S.maxprocs)
		return -EINVAL;
	weft__lock(&S.lock);
	old = S.nprocs;
	if (n < old)
		shrink(n, old);
	else
		grow(n, old);
	weft__unlock(&S.lock);
	return 0;
}

unsigned int weft_procs(void)
{
	return READ_ONCE(S.state) == RT_RUN ? READ_ONCE(S.nprocs) : 0;
}

/* ---- laying out ---- */

static u32 nth_cpu(u32 n)
{
	u32 c;

	n %= S.topo.nallowed;
	for (c = 0; c < S.topo.ncpu; c++)
		if (weft__topo_allowed(&S.topo, c) && !n--)
			return c;
	return 0;
}

static struct p *p_new(u32 id)
{
	size_t sz = (sizeof(struct p) + 4095) & ~4095ul;
	u32 home = nth_cpu(id);
	struct node *node = &S.node[S.topo.node_of[home]];
	struct p *p = weft__map(sz, 0, node->os, 0);

	if (!p)
		return NULL;
	p->q.id = id;
	p->q.seat = RUNQ_NOSEAT;
	p->node = node;
	p->home = home;
	p->timers = weft__timers_new();
	p->order = calloc(S.maxprocs, sizeof(*p->order));
	p->ring = calloc(S.maxprocs, sizeof(*p->ring));
	return p;
}

/* Steal order: the other Ps by where their home CPUs are. */
static int order(struct p *p)
{
	u32 n = 0, i, j, max = S.maxprocs;
	u16 *cpus = calloc(2 * max, sizeof(*cpus)), *out = cpus + max;
	u8 *used = calloc(max, 1);

	if (!cpus || !used || !p->order || !p->ring || !p->timers) {
		free(cpus);
		free(used);
		return -ENOMEM;
	}
	for (i = 0; i < max; i++)
		if (S.p[i] != p)
			cpus[n++] = (u16)S.p[i]->home;
	weft__topo_order(&S.topo, p->home, cpus, n, out, p->ring);
	used[p->q.id] = 1;
	for (i = 0; i < n; i++) {
		for (j = 0; used[j] || S.p[j]->home != out[i]; j++)
			;
		used[j] = 1;
		p->order[i] = (u16)j;
	}
	free(cpus);
	free(used);
	return 0;
}

/* S.maxprocs Ps and tokens, none in use.  0 or -ENOMEM. */
int weft__procs_init(void)
{
	int ret = 0;
	u32 i;

	S.p = calloc(S.maxprocs, sizeof(*S.p));
	S.tok = calloc(S.maxprocs, sizeof(*S.tok));
	S.seat = calloc(S.nseats, sizeof(*S.seat));
	if (!S.p || !S.tok || !S.seat)
		return -ENOMEM;
	for (i = 0; i < S.maxprocs; i++) {
		S.p[i] = p_new(i);
		if (!S.p[i])
			return -ENOMEM;
	}
	for (i = 0; i < S.maxprocs && !ret; i++)
		ret = order(S.p[i]);
	return ret;
}

void weft__procs_free(void)
{
	u32 i;

	for (i = 0; S.p && i < S.maxprocs; i++) {
		if (!S.p[i])
			continue;
		weft__timers_free(S.p[i]->timers);
		free(S.p[i]->order);
		free(S.p[i]->ring);
		weft__unmap(S.p[i], (sizeof(struct p) + 4095) & ~4095ul);
	}
	free(S.p);
	free(S.tok);
	free(S.seat);
	S.p = NULL;
	S.tok = NULL;
	S.seat = NULL;
}
