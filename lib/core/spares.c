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

/*
 * What the spread rests on; a chance to be equal falsely costs one slow wake.
 * A handoff by a sentinel, or an M that becomes a spare, changes nspare.
 */
static u64 spread_key(void)
{
	u64 key = READ_ONCE(S.nspare);
	u32 i, n = READ_ONCE(S.nprocs);

	for (i = 0; i < n; i++)
		key = (key * 31 + READ_ONCE(S.p[i]->q.seat)) * 2 +
		      !!S.p[i]->sentinel;
	return key;
}

/*
 * Where a sentinel watches, a spare is bound beforehand.  At each tick while
 * Ms block; else only when seats, sentinels or spares are others: it would be
 * a quarter of a tick's work (kernel-bench monitor).
 */
static void spread_spares(struct monitor *mon)
{
	u32 i, seat, n = READ_ONCE(S.nprocs);
	u64 key = spread_key();
	struct m *s;

	if (mon->tick_us > S.opts.sysmon_us && key == mon->spread)
		return;
	mon->spread = key;
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
	spread_spares(mon);
}
