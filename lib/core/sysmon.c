// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sysmon.c - the monitor: blocked Ms, stuck queues, timers, the end.
 *
 * One thread that has no M and runs no G.  At each tick:
 *
 *	- parkers that signal handlers listed; timers that no M saw to (keep.c)
 *	- an M with a token that has not popped since the last tick, and sleeps
 *	  in the kernel: while Gs wait its token goes to another M (an announced
 *	  section, or a call nobody announced); without Gs that wait, after
 *	  10 ms, so that a process whose Gs all block can fall silent
 *	- one that has run the same G for 10 ms: its slice is over (m->expired);
 *	  while Gs wait it is preempted (preempt.c), or if it goes on for a tick
 *	  more, another M goes on with them (hog.c)
 *	- a queue that stands still and that no M mans: its Gs go to the global
 *	  queue.  One that stands while an M is idle: wake that
 *	- tokens and Ps beyond the number in use are taken out of it again
 *
 * The tick is 1 ms; half of that while Gs wait that no sentinel watches over,
 * so that they wait for 1 ms; while an M was found blocked lately, 50 us and
 * doubling; and 10 ms once for 50 ticks nothing has stood, no M was in an
 * announced section and no G waited unwatched; for on a virtual machine a
 * wake-up by a timer alone may cost 20 us of CPU, 2 % at 1 ms (kernel-bench
 * monitor).
 *
 * It sleeps for good when nothing is left to watch (silence.c); who goes on in
 * place of an M that blocked is in spares.c.
 */
#include "policy_hooks.h"
#include "blocked.h"
#include "hint.h"
#include "preempt.h"
#include "seen.h"
#include "sysmon.h"
#include "timer.h"

#define SHORT_US 50		/* the short tick: kernel-bench block8 */
#define PREEMPT_TICKS 3
#define QUIET_TICKS 50		/* in a row: then QUIET times as long */
#define QUIET 10
#define SHORT_FOR (20 * NSEC_PER_MSEC)	/* short ticks after a handoff */

void weft__sysmon_kick(void)
{
	if (!xchg(&S.mon_futex, 1))
		weft__futex_wake(&S.mon_futex, 1);
}

/* ---- Ms that stand ---- */

/*
 * Does it sleep in the kernel?  BPF knows, if it is there; but that an M runs
 * is not believed for ever.  stat is read, not syscall, which can wait on a
 * thread that was preempted with its state set.  Without /proc one that has
 * used no CPU since the last tick counts as asleep.
 */
static bool sleeps(struct m *m, s64 stood)
{
	u32 seen = m_seen(m);
	s64 used = m->mon.used;
	char c;

	if (seen == WEFT__SEEN_BLOCKED)
		return true;
	if (seen != WEFT__SEEN_NEVER && stood < MON_SLICE)
		return false;
	c = weft__thread_state(m->tid);
	if (!c) {
		m->mon.used = weft__thread_cpu_time(m->tid);
		return m->mon.still > 1 && m->mon.used == used;
	}
	return c == 'S' || c == 'D' || c == 'T' || c == 't';
}

/* Short ticks, unless a sentinel looks. */
static void stay_short(struct monitor *mon, struct m *m)
{
	if (!weft__sentinel_in_charge(m_p(m), mon->now))
		mon->short_until = mon->now + SHORT_FOR;
}

static void hand_off(struct monitor *mon, u32 tok, uintptr_t t)
{
	struct m *s = weft__spare_or_new(mon, tok, t), *m = tok_m(t);

	if (!s)
		return;
	if (m && s->node == m->node)
		weft__spare_to(s, READ_ONCE(READ_ONCE(m->vc)->cpu_id));
	if (m)
		WRITE_ONCE(m->brief, m->mon.still == 1);
	if (!weft__handoff(tok, t, s))
		return;
	stat_inc(S.n.handoffs);
	mon->last_tok = tok;
	weft__trace_add(&S.trace, TRACE_HANDOFF, m ? m->id : ~0u, s->id);
	if (m && READ_ONCE(m->state) == M_BLOCK)
		stay_short(mon, m);
}

/* It computes: another M goes on with the Gs that wait. */
static void put_beside(struct monitor *mon, u32 tok, uintptr_t t)
{
	struct m *s = weft__spare_or_new(mon, tok, t), *m = tok_m(t);

	if (!s)
		return;
	if (S.opts.bind == WEFT_BIND_CPU)
		weft__spare_to(s, S.p[tok]->home);
	WRITE_ONCE(m->brief, 0);
	if (!weft__handoff(tok, t, s))
		return;
	stat_inc(S.n.hogs);
	weft__trace_add(&S.trace, TRACE_HOG, m->id, s->id);
}

static s64 slice_of(const struct m *m)
{
	u64 slice = READ_ONCE(m->slice);

	return slice && policy_on() ? (s64)(slice & INT64_MAX) :
				      hint_slice(m, MON_SLICE);
}

/* A stretch is given some ticks to be preempted in, everybody one to yield. */
static void slice_over(struct monitor *mon, u32 tok, uintptr_t t)
{
	struct m *m = tok_m(t);
	u32 grace = weft__preempt_send(m) ? PREEMPT_TICKS : 1;

	if (m->mon.over > grace && weft__hog(m, slice_of(m)))
		put_beside(mon, tok, t);
}

static bool gs_wait(struct m *m)
{
	if (runq_waiting(&m_p(m)->q) ||
	    weft__policy_local(READ_ONCE(m->tok)))
		return true;
	return !READ_ONCE(S.nidle) && weft__any_work(0);
}

/*
 * Preempted before we saw it asleep, we may have looked at a G that asked for
 * no patience, and see the sleep of another.
 */
static bool fresh_patience(const struct m *m, s64 since)
{
	s64 ns = hint_patience(m);

	return ns && (since < ns || m_pops(m) != m->mon.pops);
}

static void stands(struct monitor *mon, u32 tok, uintptr_t t, struct m *m)
{
	u32 state = READ_ONCE(m->state);
	s64 since = mon->now - m->mon.since;
	bool wait, due;

	mon->quiet = 0;
	m->mon.still++;
	m->mon.over += since >= slice_of(m);
	if (since >= slice_of(m) && !READ_ONCE(m->expired)) {
		WRITE_ONCE(m->expired, 1);
		weft__trace_add(&S.trace, TRACE_EXPIRED, m->id, 0);
	}
	if (state != M_BLOCK && state != M_RUN)
		return;
	if (since >= MON_SLICE / 10)
		weft__hog_note(m);
	wait = gs_wait(m);
	if (wait && state == M_BLOCK)
		stay_short(mon, m);
	due = (wait || since >= MON_SLICE) && since >= hint_patience(m);
	if ((due || weft__blocked_wanted) &&
	    ((due && hint_now(m)) || sleeps(m, since))) {
		weft__blocked_asleep(m, m->mon.since);
		if (due && !fresh_patience(m, since))
			hand_off(mon, tok, t);
	} else if (wait && m->mon.over && since >= hint_keeps(m)) {
		slice_over(mon, tok, t);
	}
}

/*
 * For two ticks nobody has answered to a token that was handed on: whoever gave
 * it may be preempted before the wake-up.  If its M sleeps, another gets it.
 * Not woken by us: when the giver wakes it after all, it would run with what it
 * has by then, leave a token idle behind that names it, and take another one;
 * two tokens would name one M (token.pml, BUG_REWAKE).
 */
static void hand_again(struct monitor *mon, u32 tok, uintptr_t t)
{
	struct m *s;

	if (weft__thread_state(READ_ONCE(tok_m(t)->tid)) != 'S')
		return;		/* it is only slow */
	s = weft__spare_or_new(mon, tok, t);
	if (s && weft__handoff(tok, t, s))
		weft__trace_add(&S.trace, TRACE_HANDOFF, tok_m(t)->id, s->id);
}

static void watch_token(struct monitor *mon, u32 i)
{
	uintptr_t t = smp_load_acquire(&S.tok[i]);
	struct m *m = tok_m(t);

	if (!m) {
		mon->quiet = 0;
		if (weft__any_work(0))
			hand_off(mon, i, t);	/* vacant */
		return;
	}
	if (t & TOK_HANDED && t == S.p[i]->mon.handed)
		hand_again(mon, i, t);
	S.p[i]->mon.handed = t & TOK_HANDED ? t : 0;
	if (t & (TOK_IDLE | TOK_HANDED))
		return;
	if (READ_ONCE(m->state) == M_BLOCK)
		mon->quiet = 0;
	if (m_pops(m) != m->mon.pops || m->mon.token != i) {
		m->mon.pops = m_pops(m);
		m->mon.token = i;
		m->mon.since = weft__now();	/* mon->now may be old */
		m->mon.still = m->mon.over = 0;
		weft__blocked_back(m);
		m->mon.cpu = 0;
		if (mon->tick_us > S.opts.sysmon_us)
			weft__hog_note(m);
		return;
	}
	stands(mon, i, t, m);
}

/* A set_procs met someone who had looked before: take it out of use again. */
static void watch_retired(u32 i)
{
	if (READ_ONCE(S.tok[i]))
		weft__revoke(i);
	if (weft__policy_local(i))
		weft__policy_retire(i);
	if (runq_waiting(&S.p[i]->q) || READ_ONCE(S.p[i]->q.seat) !=
					RUNQ_NOSEAT)
		weft__retire(S.p[i]);
}

/* ---- Ps that stand ---- */

static void watch_p(struct monitor *mon, struct p *p)
{
	void *g[RUNQ_SIZE];
	u32 n;

	if (runq_waiting(&p->q)) {
		weft__sentinel_arm(p, mon->now);
		if (!weft__sentinel_in_charge(p, mon->now)) {
			mon->quiet = 0;
			mon->unwatched = true;
		}
	}
	if (!runq_waiting(&p->q) || p_moved(p) != p->mon.moved) {
		p->mon.moved = p_moved(p);
		p->mon.still = 0;
		return;
	}
	mon->quiet = 0;
	if (++p->mon.still < 2)
		return;
	if (!weft__manned(p, NULL)) {
		n = weft__seize(p, g, true);
		stat_inc(S.n.seizures);
		stat_add(S.n.seized, n);
		if (n)
			weft__gq_put_batch(NULL, g, n);
		p->mon.still = 0;
	} else if (READ_ONCE(S.nidle)) {
		weft__wake_one(p->node);
	}
}

static void watch_all(struct monitor *mon)
{
	u32 i, n = READ_ONCE(S.nprocs);

	mon->unwatched = false;
	for (i = 0; i < S.maxprocs; i++) {
		if (i >= n) {
			watch_retired(i);
			continue;
		}
		watch_token(mon, i);
		watch_p(mon, S.p[i]);
	}
	for (i = 0; i < S.nnodes; i++)
		if (!weft__gq_empty(&S.node[i].gq) && READ_ONCE(S.nidle))
			weft__wake_one(&S.node[i]);
	weft__urgent_watch();
	weft__starved_retry();
	weft__unbind();
	weft__keep_spares(mon);
}

static void nap(struct monitor *mon)
{
	s64 tick = mon->now + mon->tick_us * NSEC_PER_USEC, until = tick;

	if (weft__may_sleep(mon))
		until = weft__silence(tick);
	WRITE_ONCE(S.mon_until, until);
	smp_mb();	/* a new timer's owner sees until, or we see it */
	until = weft__timers_until(mon->now, tick, until);
	if (until && !READ_ONCE(S.mon_stop))
		weft__seen_nap(&S.mon_futex, until);
	(void)xchg(&S.mon_futex, 0);
	WRITE_ONCE(S.mon_asleep, 0);
}

/*
 * An M that blocked is found at the second tick after it: so half a tick where
 * Gs wait and no sentinel looks.
 */
static void adapt(struct monitor *mon)
{
	u32 most = S.opts.sysmon_us / (mon->unwatched ? 2 : 1);

	if (mon->now < mon->short_until)
		mon->tick_us = SHORT_US;
	else if (mon->tick_us < most)
		mon->tick_us *= 2;
	if (mon->tick_us > most)
		mon->tick_us = most;
	if (mon->quiet++ > QUIET_TICKS)
		mon->tick_us = QUIET * S.opts.sysmon_us;
}

static void *sysmon(void *arg)
{
	struct monitor mon = { .tick_us = S.opts.sysmon_us };

	(void)arg;
	weft__thread_short_slice();
	while (!READ_ONCE(S.mon_stop)) {
		mon.now = weft__now();
		WRITE_ONCE(weft__now_ms, (u32)((mon.now - S.start_ns) /
					   NSEC_PER_MSEC));
		stat_inc(S.n.ticks);
		weft__signals_run();
		stat_add(S.n.timers, weft__timers_watch(weft__clock()));
		watch_all(&mon);
		weft__policy_watch(mon.now);
		weft__blocked_look(mon.now);
		adapt(&mon);
		nap(&mon);
	}
	weft__seen_end();
	return NULL;
}

int weft__sysmon_start(void)
{
	struct weft__thread_attr attr = { .name = "weft-sysmon",
					  .cpus = S.topo.allowed,
					  .setsize = S.topo.setsize };

	return weft__thread_create(&S.mon_thread, &attr, sysmon, NULL);
}
