// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sentinel.c - a SCHED_IDLE thread for each P, which sees that an M blocked.
 *
 * The kernel runs such a thread when a CPU has nothing better to do.  Bound to
 * the CPU on which P sits, and made runnable while Gs wait in P, it gets the
 * CPU in the moment in which P's M goes to sleep in it, whatever the call was:
 * nobody announced it, nobody needs a privilege.  It moves the token of the
 * sleeper to a spare M and wakes that, here.
 *
 *	M		sentinel (SCHED_IDLE)		spare
 *
 *	read()
 *	  sleeps ----->	an M with a token that sleeps?
 *			spare: affinity = this CPU
 *			CAS token {m} -> {spare|HANDED}
 *			poison m->p, wake ------------>	 dispatches
 *	  returns; its next slow entry sees that the token is gone
 *
 * That it runs is a hint, not a proof: SCHED_IDLE has a weight of 3 beside
 * 1,024, so it gets a little of a busy CPU too, and 17 % beside a thread of
 * nice 19.  So it looks, at most LOOKS times, then rests for a millisecond
 * (kernel-bench block8_yield; after one look a sketch kept 52 to 85 %, after a
 * hundred 94 to 99).  Looks
 * that cost more than 1 % of the time and find nothing retire it for a while,
 * and the monitor does the work at its tick.
 *
 * It may be preempted for seconds, anywhere.  So it takes no lock, allocates
 * nothing, never seizes or reads under RCU, and polls no line that others
 * write but those of its own P.  It creates no M (SCHED_IDLE cannot be left,
 * and threads inherit it): sysmon keeps spares, and is asked for one.
 * Preempted between its CAS and the wake-up it leaves a token HANDED to a
 * sleeping M: sysmon gives that to another at its second tick, and an M that
 * comes back takes its token back.  Preempted with a spare in its hand it
 * withholds that one, no more.
 *
 * Whom it asks: the M that names P and those whose rseq area names this CPU;
 * now and then all the others, since an area is written on the way back to user
 * mode only, and a thread may sleep on another CPU than its own says.
 *
 * A G may have said that its calls are short, or that it does not want to lose
 * its P: then it is let sleep.  Such looks are not in vain.
 *
 * While it looks, its CPU seems busy to the load balancer: so it calls the
 * spare here by affinity (core/m.c).
 *
 * Where P's seat moves it goes after it.  Who arms it: sysmon, at a tick at
 * which Gs wait in P, so that a push stays free of it; and itself after a rest,
 * if they still do.
 */
#include "sentinel.h"
#include "../core/blocked.h"
#include "../core/hint.h"
#include "../core/seen.h"
#include "../os/rseq.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOKS 100
#define FAR 8			/* all Ms at each such look */
#define REST NSEC_PER_MSEC
#define AWAY (20 * NSEC_PER_USEC) /* its CPU had something to do */
#define WINDOW (100 * NSEC_PER_MSEC)
#define SPURIOUS 100		/* one part in so many */
#define PENALTY_MIN NSEC_PER_SEC
#define PENALTY_MAX (64 * NSEC_PER_SEC)

/* ---- the sentinel ---- */

/* In which call, /proc tells. */
static bool asleep_in(const struct m *m, struct weft__thread_call *c)
{
	int fd = READ_ONCE(m->callfd), ret;

	if (fd >= 0)
		return weft__thread_call(fd, c) > 0;
	fd = weft__thread_call_open(READ_ONCE(m->tid));
	ret = fd < 0 ? fd : weft__thread_call(fd, c);
	weft__thread_call_close(fd);
	return ret > 0;
}

/* BPF knows, if it is there; which call it is, only the profile asks. */
static bool asleep(struct m *m)
{
	u32 seen = weft__blocked_wanted ? WEFT__SEEN_NEVER : m_seen(m);
	struct weft__thread_call c;

	if (seen != WEFT__SEEN_NEVER)
		return seen == WEFT__SEEN_BLOCKED;
	if (!asleep_in(m, &c))
		return false;
	weft__blocked_note(m, c.nr, 0);
	return true;
}

/*
 * Its G has said that it sleeps briefly: so long, from when it is first seen
 * to.  If it was not seen for a while it ran in between, and sleeps anew; if
 * another sentinel notes the same M at the same time, it is let sleep a little
 * longer.
 */
static bool let_sleep(struct sentinel *s, struct m *m)
{
	s64 ns = hint_patience(m), now, seen;
	u64 pops;

	if (likely(!ns))
		return false;
	s->patient = true;
	if (ns == HINT_NEVER)
		return true;	/* sysmon ends that */
	now = weft__now();
	pops = m_pops(m);
	seen = READ_ONCE(m->patient.seen);
	WRITE_ONCE(m->patient.seen, now);
	if (READ_ONCE(m->patient.pops) != pops || now - seen > AWAY) {
		WRITE_ONCE(m->patient.pops, pops);
		WRITE_ONCE(m->patient.until, now + ns);
	}
	return now < READ_ONCE(m->patient.until);
}

/* It has a token and should run. */
static bool suspect(uintptr_t t)
{
	u32 state;

	if (!t || t & (TOK_IDLE | TOK_HANDED | TOK_WOKEN))
		return false;
	state = READ_ONCE(tok_m(t)->state);
	return state == M_RUN || state == M_BLOCK;
}

/* Token i from who sleeps to a spare, which comes to this CPU. */
static bool take(struct sentinel *s, u32 i, uintptr_t t)
{
	struct m *m = tok_m(t);
	struct m *spare = weft__claim_spare(m->node, s->cpu);

	if (!spare)
		return false;
	if (spare->node == s->p->node)
		weft__call_to(spare, s->cpu, s->set);
	WRITE_ONCE(m->brief, m_pops(m) != READ_ONCE(m->mon.pops));
	if (!weft__handoff(i, t, spare))
		return false;
	stat_inc(s->n.handoffs);
	weft__trace_add(&S.trace, TRACE_HANDOFF, m->id, spare->id);
	return true;
}

static bool look(struct sentinel *s, u32 here, bool far)
{
	u32 i, n = READ_ONCE(S.nprocs);
	bool near;

	stat_inc(s->n.looks);
	for (i = 0; i < n; i++) {
		uintptr_t t = smp_load_acquire(&S.tok[i]);
		struct m *m = tok_m(t);

		if (!suspect(t))
			continue;
		near = m_p(m) == s->p ||
		       READ_ONCE(READ_ONCE(m->vc)->cpu_id) == here;
		if ((near || far) && (hint_now(m) || asleep(m)) &&
		    !let_sleep(s, m) && take(s, i, t))
			return true;
	}
	return false;
}

/* Too much time in vain?  Then sysmon does it for a while. */
static void account(struct sentinel *s, s64 now, s64 cpu, bool found)
{
	s64 until = 0;

	if (found)
		s->penalty = 0;
	else if (!s->patient)
		s->spent += cpu;
	if (now - s->window >= WINDOW) {
		if (s->spent * SPURIOUS > now - s->window) {
			s->penalty = s->penalty ? s->penalty * 2 : PENALTY_MIN;
			if (s->penalty > PENALTY_MAX)
				s->penalty = PENALTY_MAX;
			until = now + s->penalty;
			stat_inc(s->n.retired);
		}
		s->spent = 0;
		s->window = now;
	}
	WRITE_ONCE(s->retired_until, until);
	WRITE_ONCE(s->not_before, now + REST);
}

static bool go_to(struct sentinel *s, u32 cpu)
{
	if (cpu >= S.nseats)
		return false;
	CPU_ZERO_S(S.topo.setsize, s->set);
	CPU_SET_S(cpu, S.topo.setsize, s->set);
	s->cpu = cpu;
	return !weft__thread_bind(0, s->set, S.topo.setsize);
}

/* Gs wait, and this CPU has time for us. */
static bool try(struct sentinel *s, bool far)
{
	if (READ_ONCE(S.nspare))
		return look(s, s->cpu, far);
	stat_inc(s->n.no_spare);
	if (xchg(&S.spare_wanted, SPARE_NOW) != SPARE_NOW)
		weft__sysmon_kick();
	return false;
}

/*
 * Until LOOKS in a row have found nothing, or the seat is where we cannot be:
 * the cpuset has shrunk.
 */
static bool watch(struct sentinel *s)
{
	bool found = false;
	u32 looks, seat;

	s->patient = false;
	for (looks = 0; looks < LOOKS && !READ_ONCE(S.sentinels_stop);
	     looks++) {
		seat = READ_ONCE(s->p->q.seat);
		if (seat == RUNQ_STOPPED || !runq_waiting(&s->p->q)) {
			sched_yield();
			continue;
		}
		if (READ_ONCE(s->vc->cpu_id) != seat && !go_to(s, seat))
			break;
		if (try(s, looks % FAR == 0)) {
			found = true;
			looks = 0;
		}
		sched_yield();
	}
	return found;
}

static void *sentinel_main(void *arg)
{
	struct sentinel *s = arg;
	s64 cpu, until;
	bool found;

	s->vc = (struct vcpu *)weft__rseq_area();
	if (weft__thread_idle_class()) {
		WRITE_ONCE(s->state, SENTINEL_OFF);
		return NULL;
	}
	s->window = weft__now();
	while (!READ_ONCE(S.sentinels_stop)) {
		cpu = weft__cpu_time();
		found = watch(s);
		account(s, weft__now(), weft__cpu_time() - cpu, found);
		WRITE_ONCE(s->armed, 0);
		smp_mb();	/* its partner: weft__sentinels_stop() */
		if (READ_ONCE(S.sentinels_stop))
			break;
		until = INT64_MAX;
		if (runq_waiting(&s->p->q) && !s->retired_until &&
		    READ_ONCE(S.nspare))
			until = s->not_before;
		weft__futex_wait(&s->armed, 0, until);
		WRITE_ONCE(s->armed, 1);
	}
	return NULL;
}

/* ---- sysmon, and the end ---- */

static void start(struct sentinel *s, u32 seat, s64 now)
{
	struct weft__thread_attr attr = { .cpus = s->set,
					  .setsize = S.topo.setsize };

	CPU_ZERO_S(S.topo.setsize, s->set);
	CPU_SET_S(seat, S.topo.setsize, s->set);
	s->cpu = seat;
	snprintf(attr.name, sizeof(attr.name), "weft-s%u",
		 s->p->q.id % 100000000);
	s->armed = 1;
	s->state = SENTINEL_ON;
	if (!weft__thread_create(&s->thread, &attr, sentinel_main, s))
		return;
	s->state = SENTINEL_NEW;
	s->armed = 0;
	s->not_before = now + NSEC_PER_SEC;
}

static struct sentinel *sentinel_new(struct p *p)
{
	struct sentinel *s = aligned_alloc(128, sizeof(*s));
	cpu_set_t *set = malloc(S.topo.setsize);

	if (!s || !set) {
		free(s);
		free(set);
		return NULL;
	}
	*s = (struct sentinel){ .p = p, .cpu = RUNQ_NOCPU, .set = set };
	return s;
}

/* sysmon, at a tick: Gs wait in P. */
void weft__sentinel_arm(struct p *p, s64 now)
{
	u32 seat = READ_ONCE(p->q.seat);
	struct sentinel *s = p->sentinel;

	if (!weft__feature(WEFT__SENTINEL) || seat >= S.nseats ||
	    (!READ_ONCE(S.nspare) && !weft__may_create_m()))
		return;
	if (!s)
		s = sentinel_new(p);
	WRITE_ONCE(p->sentinel, s);
	if (!s || smp_load_acquire(&s->armed) ||
	    READ_ONCE(s->state) == SENTINEL_OFF ||
	    now < READ_ONCE(s->retired_until) ||
	    now < READ_ONCE(s->not_before))
		return;
	if (s->state == SENTINEL_NEW) {
		start(s, seat, now);
		return;
	}
	WRITE_ONCE(s->armed, 1);
	weft__futex_wake(&s->armed, 1);
}

/* Is it this P's sentinel that notices, or sysmon? */
bool weft__sentinel_in_charge(const struct p *p, s64 now)
{
	const struct sentinel *s = p->sentinel;

	return s && READ_ONCE(s->state) == SENTINEL_ON &&
	       now >= READ_ONCE(s->retired_until);
}

/* After sysmon has ended, so that none is started; before the Ms. */
void weft__sentinels_stop(void)
{
	struct sentinel *s;
	u32 i;

	WRITE_ONCE(S.sentinels_stop, 1);
	smp_mb();	/* it sees this, or we store 1 after its 0 */
	for (i = 0; S.p && i < S.maxprocs; i++) {
		s = S.p[i] ? S.p[i]->sentinel : NULL;
		if (!s)
			continue;
		if (s->state != SENTINEL_NEW) {
			WRITE_ONCE(s->armed, 1);
			weft__futex_wake(&s->armed, 1);
			pthread_join(s->thread, NULL);
		}
		free(s->set);
		free(s);
		S.p[i]->sentinel = NULL;
	}
}
