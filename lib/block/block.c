// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block.c - the end of an announced section whose token went to another M.
 *
 * Begin and end are in core/fast.h: two plain stores and a load.  sysmon sees
 * the state word, and takes the token of an M that sleeps in its section; the
 * load at the end is of m->p, which it poisoned.
 *
 * The M came back.  It goes on with its token, if the successor has not
 * dispatched; else with an idle one; else its G waits in the global queue, and
 * the M sleeps in the cache.
 *
 * But a G that only blocks, does a little and blocks again (a copy, a log, a
 * connection served by plain calls) would cost two wake-ups, a place in the
 * global queue and another handoff each time, for some us of work.  Once it has
 * been seen to do so, its M goes on "loose": without a token, up to its next
 * entry into the scheduler, as an M does whose blocked call nobody announced.
 * The kernel shares the CPU out meanwhile.  CPU time tells at each end whether
 * the G still is brief; one that is not goes the long way, and has to show it
 * again.  (kernel-bench block8: 76 to 97 %.)
 */
#include "../core/sched.h"

#define BRIEF (200 * NSEC_PER_USEC)

/* The first time it only leaves its mark on the G. */
static bool seen_brief(struct m *m)
{
	struct g *g = m->cur;
	bool before = g->flags & GF_BRIEF;

	if (!READ_ONCE(m->brief))
		return false;
	g->flags |= GF_BRIEF;
	return before;
}

static bool go_on_loose(struct m *m)
{
	bool before = m->loose == m->cur;
	s64 now;

	if (!before && !seen_brief(m))
		return false;
	now = weft__cpu_time();
	if (before && now - m->loose_cpu > BRIEF) {
		m->cur->flags &= ~GF_BRIEF;
		return false;
	}
	m->loose = m->cur;
	m->loose_cpu = now;
	stat_inc(m->n.loose);
	return true;
}

weft__noinline void weft__block_end_slow(struct m *m)
{
	int err = *m->err;
	bool has = has_token(m);

	if (!has) {
		trace(m, RETURN, m->cur->id, m->tok);
		has = weft__regain(m);
	}
	if (has)
		m->loose = NULL;
	else
		has = go_on_loose(m);
	*m->err = err;
	if (!has)
		switch_to(m, &m->g0, POST_PUSH, NULL);
}
