// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * spares.c - Ms that sleep until one blocks: who makes them, where they wait.
 *
 * A sentinel may not create an M, and an M costs 20 to 100 us to create: so the
 * monitor keeps some asleep.  None before the first is missed; then two for
 * each P, since all may block at once and their successors right after, and
 * those that return need a CPU first to become spares again.
 *
 * Where a sentinel watches, a spare is bound to its CPU beforehand: while the
 * sentinel looks its CPU seems busy to the load balancer, which would wake the
 * spare elsewhere.  weft__unbind() frees it when it has run.
 */
#include "sched.h"
#include "sysmon.h"

#include <stdio.h>
#include <stdlib.h>

#define SPARES_MIN 4
#define SPARES_MAX 16

/* Asking in vain may cost half a short tick. */
static struct m *new_m(struct monitor *mon, u32 tok)
{
	struct m *m;

	if (mon->now < mon->refused_until)
		return NULL;
	m = weft__m_create(tok);
	if (!m)
		mon->refused_until = mon->now + MON_SLICE;
	return m;
}

static void warn_once(struct monitor *mon)
{
	char why[32] = "the system refuses more";

	if (mon->warned)
		return;
	mon->warned = true;
	if (S.nm >= S.opts.max_m)
		snprintf(why, sizeof(why), "WEFT_MAX_M=%u", S.opts.max_m);
	weft__say("weft: no kernel thread in place of one that blocked "
		  "(%u there; %s)", S.nm, why);
}

/*
 * Who takes token tok, which is t; NULL: nobody, or it has changed.  An M that
 * parked after we had read its state is asleep, too; but before it sleeps its
 * token is IDLE.
 */
struct m *weft__spare_or_new(struct monitor *mon, u32 tok, uintptr_t t)
{
	struct m *s;

	if (READ_ONCE(S.tok[tok]) != t)
		return NULL;
	s = weft__claim_spare(S.p[tok]->node, RUNQ_NOCPU);
	if (!s)
		s = new_m(mon, tok);
	if (!s)
		warn_once(mon);
	return s;
}

/* A claimed spare is to run there. */
void weft__spare_to(struct m *s, u32 cpu)
{
	if (weft__twin || !weft__topo_allowed(&S.topo, cpu))
		return;
	CPU_ZERO_S(S.topo.setsize, S.one_cpu);
	CPU_SET_S(cpu, S.topo.setsize, S.one_cpu);
	weft__call_to(s, cpu, S.one_cpu);
}

/* Where a sentinel watches, a spare is bound beforehand. */
static void spread_spares(void)
{
	u32 i, seat, n = READ_ONCE(S.nprocs);
	struct m *s;

	for (i = 0; i < n; i++) {
		seat = READ_ONCE(S.p[i]->q.seat);
		if (!S.p[i]->sentinel || seat >= S.nseats)
			continue;
		s = weft__claim_spare(S.p[i]->node, seat);
		if (!s)
			return;
		if (s->node == S.p[i]->node)
			weft__spare_to(s, seat);
		weft__enter_spare(s);
	}
}

/* At each tick. */
void weft__keep_spares(struct monitor *mon)
{
	u32 want = 2 * READ_ONCE(S.nprocs);
	struct m *m;

	if (!S.n.handoffs && READ_ONCE(S.spare_wanted) == SPARE_NEVER)
		return;
	WRITE_ONCE(S.spare_wanted, SPARE_ONCE);
	if (want < SPARES_MIN)
		want = SPARES_MIN;
	if (want > SPARES_MAX)
		want = SPARES_MAX;
	while (READ_ONCE(S.nspare) < want) {
		m = new_m(mon, mon->last_tok);
		if (!m)
			return;
		weft__enter_spare(m);	/* asleep, as a spare is */
	}
	spread_spares();
}
