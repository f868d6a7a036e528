// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * timer.c - timers: armed, taken out, fired; see timer.h.
 *
 * The lock of a heap is held for one step in it, or for a batch of BATCH; its
 * holder may be preempted, and then a waiter spins briefly and sleeps.
 */
#include "hint.h"
#include "sched.h"
#include "timer.h"
#include "../ds/theap.h"

#include <limits.h>
#include <stdlib.h>

#define BATCH 32

struct timers {
	struct weft__lock lock;	/* guards the heap */
	u32 halted;		/* nothing is due; under the lock, as out */
	u32 out;		/* taken out, and fire() has not returned */
	struct theap heap;
	s64 next;		/* of its first; written under the lock */
	s64 ran;		/* when an M fired some; a hint for sysmon */
};

struct timers *weft__timers_new(void)
{
	struct timers *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	theap_init(&h->heap);
	h->next = INT64_MAX;
	return h;
}

/* At the end: what is armed still will never fire, and may start anew. */
void weft__timers_free(struct timers *h)
{
	struct timer *t;
	u32 slot;

	while (h && h->heap.n) {
		slot = theap_first(&h->heap);
		t = h->heap.item[slot];
		theap_remove(&h->heap, slot);
		t->heap = NULL;
		t->state = TIMER_IDLE;
	}
	if (h)
		theap_free(&h->heap);
	free(h);
}

s64 weft__timers_next(struct timers *h)
{
	return READ_ONCE(h->next);
}

s64 weft__timers_ran(struct timers *h)
{
	return READ_ONCE(h->ran);
}

/* Under the lock, after each change. */
static void note_next(struct timers *h)
{
	bool was = h->next != INT64_MAX, is = h->heap.n;

	WRITE_ONCE(h->next, theap_next(&h->heap));
	if (is && !was)
		atomic_add(&S.timed, 1);
	else if (was && !is)
		atomic_sub(&S.timed, 1);
}

/* Under the lock: 1, and it is the first now; 0; or -ENOMEM. */
static int add(struct timers *h, struct timer *t)
{
	s64 before = h->next;

	if (t->when > TIMER_LATEST)
		t->when = TIMER_LATEST;
	if (theap_add(&h->heap, t->when, t, &t->slot))
		return -ENOMEM;
	note_next(h);
	return t->when < before;
}

static void take(struct timers *h, struct timer *t)
{
	theap_remove(&h->heap, t->slot);
	note_next(h);
}

/* m may have ticks that are 61 slow pops apart; see rq.c. */
static void first_armed(struct m *m, s64 when)
{
	if (m && m->pace > 1) {
		m->pace = 1;
		weft__tick_soon(m);
	}
	weft__keeper_due(when);
}

/* ---- waits of a G ---- */

int weft__timer_arm(struct m *m, struct timer *t)
{
	struct timers *h = m->last->timers;
	int r;

	t->heap = h;
	t->g = m->cur;
	t->phase = TIMER_PENDING;
	t->fired = 0;
	t->state = TIMER_ARMED;
	weft__lock(&h->lock);
	r = add(h, t);
	weft__unlock(&h->lock);
	if (r > 0)
		first_armed(m, t->when);
	return r < 0 ? r : 0;
}

bool weft__timer_commit(struct timer *t, bool visible)
{
	bool taken;

	if (!visible) {
		smp_store_release(&t->phase, TIMER_COMMITTED);
		return false;
	}
	if (cas(&t->phase, TIMER_PENDING, TIMER_COMMITTED))
		return true;
	taken = t->take_out(t);		/* MISSED */
	if (taken)
		t->fired = 1;
	smp_store_release(&t->phase, TIMER_COMMITTED);
	return !taken;
}

static void wait_fired(struct timer *t)
{
	u32 s;

	while ((s = smp_load_acquire(&t->state)) >= TIMER_FIRING)
		if (s == TIMER_WAITED ||
		    cas(&t->state, TIMER_FIRING, TIMER_WAITED))
			weft__futex_wait(&t->state, TIMER_WAITED, INT64_MAX);
}

static void cancel(struct timer *t)
{
	weft__lock(&t->heap->lock);
	if (READ_ONCE(t->state) == TIMER_ARMED) {
		take(t->heap, t);
		WRITE_ONCE(t->state, TIMER_IDLE);
	}
	weft__unlock(&t->heap->lock);
	wait_fired(t);
}

bool weft__timer_done(struct timer *t)
{
	while (smp_load_acquire(&t->phase) != TIMER_COMMITTED) {
		g_yield();	/* its M may be preempted: let others run */
		cpu_relax();
	}
	if (smp_load_acquire(&t->state) != TIMER_IDLE)
		cancel(t);
	return t->fired;
}

/* ---- others ---- */

/*
 * The heap of the P that starts it first, for good: who stops it has to find
 * it.  Ordinary threads take turns.
 */
static struct timers *heap_of(struct timer *t)
{
	struct timers *h = smp_load_acquire(&t->heap);
	static u32 turn;
	struct m *m = this_m();

	if (h)
		return h;
	h = m ? m->last->timers :
		S.p[atomic_add(&turn, 1) % READ_ONCE(S.nprocs)]->timers;
	return cas(&t->heap, NULL, h) ? h : smp_load_acquire(&t->heap);
}

/* Its lock; when we have it, the timer is IDLE or ARMED. */
static void lock_settled(struct timers *h, struct timer *t)
{
	for (;;) {
		weft__lock(&h->lock);
		if (READ_ONCE(t->state) < TIMER_FIRING)
			return;
		weft__unlock(&h->lock);
		wait_fired(t);
	}
}

int weft__timer_start(struct timer *t, s64 when)
{
	struct timers *h = heap_of(t);
	int was, r;

	lock_settled(h, t);
	was = t->state == TIMER_ARMED;
	if (was)
		take(h, t);
	t->when = when;
	r = add(h, t);
	WRITE_ONCE(t->state, r < 0 ? TIMER_IDLE : TIMER_ARMED);
	weft__unlock(&h->lock);
	if (r > 0)
		first_armed(this_m(), when);
	return r < 0 ? r : was;
}

int weft__timer_stop(struct timer *t)
{
	struct timers *h = smp_load_acquire(&t->heap);
	int was;

	if (!h)
		return 0;	/* it was never started */
	lock_settled(h, t);
	was = t->state == TIMER_ARMED;
	if (was)
		take(h, t);
	WRITE_ONCE(t->state, TIMER_IDLE);
	weft__unlock(&h->lock);
	return was;
}

/* ---- firing ---- */

void weft__timer_wake(struct g *g)
{
	struct m *m = this_m();

	if (!m) {
		weft__ready_remote(g);
		return;
	}
	g->wait = WAIT_NONE;
	stat_inc(m->nreadied);
	if (weft__hint_critical(g))
		weft__urgent_put(m, g);
	else
		push(m, g);
}

/* From here on it may be gone; the wake goes to an address. */
static void fired(struct timer *t)
{
	if (xchg(&t->state, TIMER_IDLE) == TIMER_WAITED)
		weft__futex_wake(&t->state, INT_MAX);
}

static void expire(struct timer *t)
{
	bool committed = false;
	struct g *g = t->g;

	for (;;) {
		if (t->take_out(t)) {
			t->fired = 1;
			/* Nobody waits for this: its G is in our hands. */
			smp_store_release(&t->state, TIMER_IDLE);
			__builtin_prefetch(g->ctx);
			__builtin_prefetch((char *)g->ctx + WEFT__LINE);
			weft__timer_wake(g);
			return;
		}
		if (committed || cas(&t->phase, TIMER_PENDING, TIMER_MISSED))
			break;
		committed = true;	/* visible by now: look once more */
	}
	fired(t);
}

/*
 * It has kept its slot, so it can be put back without memory; and a keeper may
 * have gone to sleep while it was not in the heap.
 */
static void call(struct timers *h, struct timer *t, s64 now)
{
	s64 when = t->fire(t, now);
	bool again = when != INT64_MAX, first = false;
	u32 state;

	weft__lock(&h->lock);
	if (again) {
		t->when = when < TIMER_LATEST ? when : TIMER_LATEST;
		first = t->when < h->next;
		theap_link(&h->heap, t->slot, t->when);
		note_next(h);
	} else {
		theap_release(&h->heap, t->slot);
	}
	smp_store_release(&h->out, h->out - 1);	/* for halt() */
	state = xchg(&t->state, again ? TIMER_ARMED : TIMER_IDLE);
	weft__unlock(&h->lock);		/* from here on t may be gone */
	if (state == TIMER_WAITED)
		weft__futex_wake(&t->state, INT_MAX);
	if (first)
		weft__keeper_due(when);
}

/* Timers lie on cold stacks: all lines are under way before one is used. */
static u32 due(struct timers *h, s64 now, struct timer **out, u32 max)
{
	u32 slot[BATCH], i, n;

	if (weft__timers_next(h) > now)
		return 0;
	weft__lock(&h->lock);
	if (h->halted)
		max = 0;
	for (n = 0; n < max && theap_next(&h->heap) <= now; n++) {
		slot[n] = theap_first(&h->heap);
		out[n] = h->heap.item[slot[n]];
		__builtin_prefetch(out[n], 1);
		theap_unlink(&h->heap, slot[n]);
	}
	for (i = 0; i < n; i++) {
		WRITE_ONCE(out[i]->state, TIMER_FIRING);
		__builtin_prefetch(out[i]->g, 1);
		if (out[i]->g)
			theap_release(&h->heap, slot[i]);
		else
			WRITE_ONCE(h->out, h->out + 1);
	}
	note_next(h);
	weft__unlock(&h->lock);
	return n;
}

u32 weft__timers_run(struct timers *h, s64 now, u32 max)
{
	struct timer *t[BATCH];
	u32 i, n, all = 0;

	while (all < max) {
		n = due(h, now, t, max - all < BATCH ? max - all : BATCH);
		if (!n)
			break;
		if (this_m())
			WRITE_ONCE(h->ran, now);
		for (i = 0; i < n; i++)
			if (t[i]->g)
				expire(t[i]);
			else
				call(h, t[i], now);
		all += n;
	}
	return all;
}

/* ---- the end ---- */

static void halt(struct timers *h, bool on)
{
	const struct timespec brief = { .tv_nsec = 50 * NSEC_PER_USEC };

	weft__lock(&h->lock);
	h->halted = on;
	weft__unlock(&h->lock);
	while (on && smp_load_acquire(&h->out))
		nanosleep(&brief, NULL);
}

void weft__timers_halt(bool on)
{
	u32 i;

	for (i = 0; i < S.maxprocs; i++)
		halt(S.p[i]->timers, on);
	if (!on)
		weft__sysmon_kick();	/* some may be overdue */
}
