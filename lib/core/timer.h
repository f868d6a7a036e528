/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * timer.h - deadlines: a heap for each P, fired by sysmon; waits that end.
 *
 *	armed ---- weft__timer_cancel -----> idle
 *	  |
 *	  +- due: firing -- take_out ------> idle
 *
 * A timer is a local variable of who waits.  take_out(t) takes the waiter out
 * of what it waits on; true if it was there, and then nobody else has it.  It
 * runs without the heap's lock, since it may need a membarrier; so a cancel
 * that comes too late waits for it, and afterwards nobody touches the timer.
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
 */
#ifndef WEFT_CORE_TIMER_H
#define WEFT_CORE_TIMER_H

#include "../arch/compiler.h"

enum timer_state { TIMER_IDLE, TIMER_ARMED, TIMER_FIRING };
enum timer_phase { TIMER_PENDING, TIMER_COMMITTED, TIMER_MISSED };

struct timers;
struct g;

struct timer {
	s64 when;		/* CLOCK_MONOTONIC */
	bool (*take_out)(struct timer *t);
	struct g *g;		/* who waits */
	void *obj;		/* on what */
	struct timers *heap;	/* which one it is in */
	u32 at;			/* its place there; under the heap's lock */
	u32 state;		/* enum timer_state; a futex */
	u32 phase;		/* enum timer_phase; moved by CAS */
	u32 fired;		/* the deadline took the G out */
};

struct timers *weft__timers_new(void);
void weft__timers_free(struct timers *h);

/* By the G, before it switches away: 0 or -ENOMEM.  m is the current M. */
struct m;
int weft__timer_arm(struct m *m, struct timer *t);
/* By the next runner; visible: the G is.  Answers as a commit function. */
bool weft__timer_commit(struct timer *t, bool visible);
/* By the G, when it runs again.  May switch.  True: the deadline came. */
bool weft__timer_done(struct timer *t);

/* sysmon: fire what is due; returns when the next one is, or INT64_MAX. */
s64 weft__timers_run(struct timers *h, s64 now, u64 *fired);
/* A hint, without the lock. */
s64 weft__timers_next(struct timers *h);

#endif /* WEFT_CORE_TIMER_H */
