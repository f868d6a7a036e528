/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * timer.h - deadlines: a heap for each P, and waits that end.
 *
 *	         start, stop (under the heap's lock)
 *	IDLE <----------------------------------------> ARMED
 *	  ^                                               | due: a batch is
 *	  |  done                                         v taken out
 *	  +-------------------------------------------- FIRING --> WAITED
 *
 * Who fires (keep.c: Ms, or sysmon) takes a batch out under the lock and calls
 * each without it, since what is called may need a membarrier.  Who wants to
 * stop a timer that is FIRING waits for that, so afterwards nobody touches it.
 *
 * A timer is of one of two kinds.
 *
 * With a G: a local variable of who waits.  take_out(t) takes the waiter out
 * of what it waits on; true if it was there, and then nobody else has it.
 *
 * A G arms its timer, switches away, and is made visible to who will wake it
 * by whoever runs next.  So the timer can be due before there is anything to
 * take out, and the G can be woken before the next runner is through:
 *
 *	phase	PENDING --- the next runner, G visible ----> COMMITTED
 *		   |                                            ^
 *		   +-- due too early --> MISSED -- next runner -+
 *
 * A next runner that finds MISSED takes the G out itself.  The G, when it runs
 * again, waits for COMMITTED before its frame goes.
 *
 * Without one: fire(t, now) is called.  It may spawn and wake, not switch, and
 * not start or stop a timer; what it returns is when the timer is due again,
 * or INT64_MAX.
 *
 * The locks that take_out() and fire() take must not be held by a G that
 * switches away or ticks; they run on an M's own stack, or on sysmon's.
 */
#ifndef WEFT_CORE_TIMER_H
#define WEFT_CORE_TIMER_H

#include "../arch/compiler.h"

/* No sum overflows, and it is never due. */
#define TIMER_LATEST (INT64_MAX / 2)

enum timer_state { TIMER_IDLE, TIMER_ARMED, TIMER_FIRING, TIMER_WAITED };
enum timer_phase { TIMER_PENDING, TIMER_COMMITTED, TIMER_MISSED };

struct timers;
struct g;
struct m;

struct timer {
	s64 when;		/* as weft__clock() counts */
	union {
		bool (*take_out)(struct timer *t);
		s64 (*fire)(struct timer *t, s64 now);
	};
	struct g *g;		/* who waits; NULL: fire */
	void *obj;		/* on what */
	struct timers *heap;	/* which one it is in */
	u32 slot;		/* its place there; under the heap's lock */
	u32 state;		/* enum timer_state; a futex */
	u32 phase;		/* enum timer_phase; moved by CAS */
	u32 fired;		/* the deadline took the G out */
};

struct timers *weft__timers_new(void);
void weft__timers_free(struct timers *h);

/* By the G, before it switches away: 0 or -ENOMEM.  m is the current M. */
int weft__timer_arm(struct m *m, struct timer *t);
/* By the next runner; visible: the G is.  Answers as a commit function. */
bool weft__timer_commit(struct timer *t, bool visible);
/* By the G, when it runs again.  May switch.  True: the deadline came. */
bool weft__timer_done(struct timer *t);

/*
 * A timer with fire() that is all zero else, from anywhere but fire(), while
 * there is a runtime.  Start also moves one that is armed.  1: it was armed; 0;
 * start: -ENOMEM, and it is not.  One that has been stopped is touched by
 * nobody; heap = NULL makes it fit for another runtime.
 */
int weft__timer_start(struct timer *t, s64 when);
int weft__timer_stop(struct timer *t);

/* By fire(): g, which was taken out of what it waited on, is runnable. */
void weft__timer_wake(struct g *g);

/*
 * By who stops the runtime: from when it returns nothing fires, and what fire()
 * has spawned can be seen; or go on.
 */
void weft__timers_halt(bool on);

/* Fire up to max of those due; how many there were. */
u32 weft__timers_run(struct timers *h, s64 now, u32 max);
/* When the first is due, or INT64_MAX.  A hint, without the lock. */
s64 weft__timers_next(struct timers *h);
s64 weft__timers_ran(struct timers *h);

/* keep.c: who looks */
void weft__timers_look(struct m *m);
enum keep {
	KEEP_NOT,		/* sleep on */
	KEEP_DUE,		/* a deadline came */
	KEEP_WOKEN,		/* and that wake is taken */
};
enum keep weft__keep(struct m *m, uintptr_t idle);
void weft__keeper_due(s64 when);
u32 weft__timers_watch(s64 now);
s64 weft__timers_until(s64 now, s64 tick, s64 until);

#endif /* WEFT_CORE_TIMER_H */
