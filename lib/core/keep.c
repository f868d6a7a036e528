// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * keep.c - who fires timers, and when.
 *
 *	an M at its tick	what its P's heap has due; it leaves its G for
 *				the idle loop, since what fires may take locks.
 *				Ticks are 61 pops or 50 us apart (rq.c)
 *	an M without work	what any heap has due
 *	the keeper		one idle M sleeps until the first deadline
 *				there is, and not a tick longer
 *	sysmon			what is overdue by GRACE; by nothing, while
 *				an M is idle and none keeps.  So a P that one
 *				G keeps busy is late by sysmon's tick at most
 *
 * The keeper and who arms a timer are Dekker's again:
 *
 *	who arms				keeper
 *
 *	heap's next = when			S.keeper = m	(LOCK)
 *	smp_mb					m->keep_until = t
 *	k = S.keeper				smp_mb
 *	when < k->keep_until: kick k		t = least next of all heaps
 *						as before? sleep until then
 *
 * keep_until is the earlier of two looks, so that who arms in between finds
 * it, or is found.  It lies in the M: a keeper that was preempted before it
 * wrote its own, and was replaced, cannot spoil its successor's.
 *
 * A kick is 2 in the M's futex, a wake is 1: after a kick the token is still
 * idle, and the M only looks at the heaps again.
 *
 * A keeper whose token is taken, by an M that came back from the kernel, keeps
 * until somebody parks: that M sees it, and replaces it.  If it is kicked
 * before, it leaves, and tells sysmon: the M that parks may have seen it as it
 * was, idle and keeping.  When it is woken for work nobody keeps while another
 * M is idle, until one parks, and then sysmon does; so who wakes prefers
 * another (idle.c).
 *
 * Rejected: one thread for all timers, as sysmon was (two wake-ups for each
 * deadline, and on one CPU two switches); each idle M keeps its own P's heap
 * (they wake one by one, where one could see to all).
 *
 * selftests/model/keep.pml explores it.
 */
#include "policy_hooks.h"
#include "sysmon.h"
#include "timer.h"

#define GRACE NSEC_PER_MSEC
#define AT_ONCE 64		/* Gs in a queue; then they run */
#define AT_LEAST 16		/* fired in a turn, where others wait, too */
#define APART (50 * NSEC_PER_USEC)
#define BURST 16

/* ---- looking ---- */

static u32 run(struct m *m, struct timers *h, s64 now, u32 max)
{
	u32 n = weft__timers_run(h, now, max);

	stat_add(m->n.timers, n);
	return n;
}

/*
 * Gs that wait in the global queue must not be overtaken for ever: while there
 * are some, no more than a quarter of the turns goes to timers.
 */
static u32 room(struct m *m)
{
	u32 n = runq_waiting(&m->last->q);

	if (n > AT_ONCE - AT_LEAST || !weft__gq_empty(&m->node->gq))
		return AT_LEAST;
	return AT_ONCE - n;
}

/* The idle loop: what its own heap has due, then all. */
void weft__timers_look(struct m *m)
{
	s64 next = weft__next_timer(), now;
	u32 i, n, max;

	if (next == INT64_MAX)
		return;
	now = weft__clock();
	if (next > now)
		return;
	max = room(m);
	n = run(m, m->last->timers, now, max);
	for (i = 0; i < S.maxprocs && n < max; i++)
		n += run(m, S.p[i]->timers, now, max - n);
}

/* ---- the keeper ---- */

static bool keeps(const struct m *k)
{
	uintptr_t t = m_token(k);

	return tok_m(t) == k && t & TOK_IDLE;
}

/* A CAS that fails may have met a keeper that left: look again. */
static bool become(struct m *m)
{
	struct m *k;

	WRITE_ONCE(m->keep_until, INT64_MAX);
	do {
		k = smp_load_acquire(&S.keeper);
		if (k && k != m && keeps(k))
			return false;
	} while (!cas(&S.keeper, k, m));
	return true;
}

/* Until when to sleep; who arms an earlier one from here on kicks us. */
static s64 announce(struct m *m)
{
	s64 until = weft__next_timer(), again;

	for (;;) {
		WRITE_ONCE(m->keep_until, until);
		smp_mb();	/* its partner is in weft__keeper_due() */
		again = weft__next_timer();
		if (again >= until)
			return until;
		until = again;
	}
}

/*
 * Where timers are dense, no wake-up for each: one in APART, or BURST of them
 * in a row.  S.keep_rate is when that many will have been allowed.
 */
static s64 apart(s64 until)
{
	s64 least = READ_ONCE(S.keep_rate) - BURST * APART;

	return until < least ? least : until;
}

static void count_wake(s64 now)
{
	s64 rate = READ_ONCE(S.keep_rate);

	WRITE_ONCE(S.keep_rate, (rate > now ? rate : now) + APART);
}

static enum keep keep(struct m *m, uintptr_t idle)
{
	s64 until, now;
	u32 w;

	while (!READ_ONCE(S.stop) && m_token(m) == idle) {
		until = apart(announce(m));
		now = weft__now();
		if (until <= now) {
			count_wake(now);
			return KEEP_DUE;
		}
		w = xchg(&m->futex.val, 0);
		if (w == M_WOKEN)
			return KEEP_WOKEN;
		if (!w)
			weft__nfutex_wait(&m->futex, 0, until);
	}
	return KEEP_NOT;
}

/* m parked, and its token is idle, that word; see enum keep. */
enum keep weft__keep(struct m *m, uintptr_t idle)
{
	enum keep r = KEEP_NOT;

	if (READ_ONCE(weft__clock_virtual)) {
		/* The last to park: all may wait, and the clock move on. */
		if (READ_ONCE(S.nidle) >= READ_ONCE(S.nprocs))
			weft__sysmon_kick();
	} else if (become(m)) {
		r = keep(m, idle);
		if (cas(&S.keeper, m, NULL) && r == KEEP_NOT)
			weft__sysmon_kick();
	}
	return r;
}

/* 2, unless a wake is there, which makes it look anyway. */
static void kick(struct m *k)
{
	if (cas(&k->futex.val, 0, M_KICKED))
		weft__nfutex_wake(&k->futex, 1);
}

/*
 * A timer is the first of its heap.  An M that arms it will come to its tick,
 * or park: so sysmon is kicked only where it would sleep for long.
 */
void weft__keeper_due(s64 when)
{
	struct m *k;
	s64 late;

	if (READ_ONCE(weft__clock_virtual)) {
		if (!this_m())
			weft__sysmon_kick();
		return;
	}
	smp_mb();	/* its partners are in announce() and sysmon's nap() */
	k = smp_load_acquire(&S.keeper);
	if (k) {
		if (when < READ_ONCE(k->keep_until))
			kick(k);
		return;
	}
	late = this_m() ? 10 * GRACE : 0;
	if (when < READ_ONCE(S.mon_until) - late)
		weft__sysmon_kick();
}

/* ---- sysmon ---- */

/* How late a timer may be before sysmon fires it; virtual time: not at all. */
static s64 grace_now(void)
{
	if (READ_ONCE(weft__clock_virtual))
		return 0;
	return READ_ONCE(S.keeper) || !READ_ONCE(S.nidle) ? GRACE : 0;
}

/*
 * A heap that an M has fired from lately is behind for its length, and not for
 * want of somebody who looks: what we fire goes to the global queue, and would
 * wait there for longer.
 */
u32 weft__timers_watch(s64 now)
{
	s64 grace = grace_now();
	struct timers *h;
	u32 i, n = 0;

	for (i = 0; i < S.maxprocs; i++) {
		h = S.p[i]->timers;
		if (now - weft__timers_ran(h) >= grace)
			n += weft__timers_run(h, now - grace, AT_ONCE);
	}
	return n;
}

/*
 * How long sysmon may sleep, if else until that.  What is overdue has been left
 * to an M, or came just now: it is looked at again at the next tick.
 */
s64 weft__timers_until(s64 now, s64 tick, s64 until)
{
	s64 next = weft__next_timer();	/* once: it may be cancelled */

	if (next == INT64_MAX || READ_ONCE(weft__clock_virtual))
		return until;
	next += grace_now();
	if (next <= now)
		next = tick;
	return next < until ? next : until;
}
