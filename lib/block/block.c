// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block.c - announced sections whose token goes to another M.
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
 *
 * A section that is said to take long gives its token away before it begins, if
 * there is a thread for it, whether Gs wait or not: who has it then finds those
 * that come, or parks.  Its end is that of any other.
 */
#include "../core/hint.h"

#define BRIEF (200 * NSEC_PER_USEC)

/* The first time it only leaves its mark on the G. */
static bool seen_brief(struct m *m)
{
	struct g *g = m->cur;
	bool before = g->flags & GF_BRIEF;

	if (!READ_ONCE(m->brief))
		return false;
	g_flag(g, GF_BRIEF);
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
		g_unflag(m->cur, GF_BRIEF);
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

/* ---- a section of which it is known that it blocks ---- */

/* Another M, if one can be had, goes on with our token. */
static void give_token(struct m *m)
{
	uintptr_t t = m_token(m);
	struct m *s;

	if (tok_m(t) != m || t & (TOK_IDLE | TOK_HANDED))
		return;
	s = weft__claim_spare(m->node, RUNQ_NOCPU);
	if (!s && weft__may_create_m())
		s = weft__m_create(m->tok);
	WRITE_ONCE(m->brief, 0);
	if (s && weft__handoff(m->tok, t, s)) {
		stat_inc(m->n.handoffs);
		trace(m, HANDOFF, m->id, s->id);
	}
	/* The next one is not to wait for a thread. */
	if (!READ_ONCE(S.nspare) &&
	    xchg(&S.spare_wanted, SPARE_NOW) != SPARE_NOW)
		weft__sysmon_kick();
}

static bool at_once(const struct m *m)
{
	const struct weft_hint_words *w = m->hint;

	return w->handoff == WEFT_HANDOFF_NOW ||
	       (w->block_ns >= HINT_LONG && w->handoff != WEFT_HANDOFF_NEVER);
}

int weft_block_begin_for(int64_t ns)
{
	struct m *m = this_m();
	int err, ret;

	if (ns < 0)
		return -EINVAL;
	if (!m)
		return 0;
	err = *m->err;
	ret = weft_hint_block(ns);
	if (ret)
		return ret;
	WRITE_ONCE(m->state, M_BLOCK);
	barrier();
	if (at_once(m))
		give_token(m);
	*m->err = err;
	return 0;
}
