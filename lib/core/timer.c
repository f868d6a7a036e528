// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * timer.c - a four-ary heap of deadlines; see timer.h.
 */
#include "sched.h"
#include "timer.h"

#include <stdlib.h>

#define ARITY 4

struct timers {
	struct weft__lock lock;	/* guards what follows */
	u32 n, room;
	struct timer **heap;
	s64 next;		/* heap[0]->when; read without the lock */
};

struct timers *weft__timers_new(void)
{
	struct timers *h = calloc(1, sizeof(*h));

	if (h)
		h->next = INT64_MAX;
	return h;
}

void weft__timers_free(struct timers *h)
{
	if (h)
		free(h->heap);
	free(h);
}

static void place(struct timers *h, u32 i, struct timer *t)
{
	h->heap[i] = t;
	t->at = i;
}

static void sift_up(struct timers *h, u32 i, struct timer *t)
{
	for (; i && h->heap[(i - 1) / ARITY]->when > t->when;
	     i = (i - 1) / ARITY)
		place(h, i, h->heap[(i - 1) / ARITY]);
	place(h, i, t);
}

static u32 least_child(struct timers *h, u32 i)
{
	u32 c = i * ARITY + 1, end = c + ARITY, least = c;

	for (c++; c < end && c < h->n; c++)
		if (h->heap[c]->when < h->heap[least]->when)
			least = c;
	return least;
}

static void sift_down(struct timers *h, u32 i, struct timer *t)
{
	u32 c;

	while (i * ARITY + 1 < h->n) {
		c = least_child(h, i);
		if (h->heap[c]->when >= t->when)
			break;
		place(h, i, h->heap[c]);
		i = c;
	}
	place(h, i, t);
}

static void take_out(struct timers *h, struct timer *t)
{
	struct timer *last = h->heap[--h->n];
	u32 i = t->at;

	if (last != t) {
		if (i && h->heap[(i - 1) / ARITY]->when > last->when)
			sift_up(h, i, last);
		else
			sift_down(h, i, last);
	}
	WRITE_ONCE(h->next, h->n ? h->heap[0]->when : INT64_MAX);
}

static bool make_room(struct timers *h)
{
	u32 room = h->room ? h->room * 2 : 64;
	struct timer **heap;

	if (h->n < h->room)
		return true;
	heap = realloc(h->heap, room * sizeof(*heap));
	if (!heap)
		return false;
	h->heap = heap;
	h->room = room;
	return true;
}

static int insert(struct timers *h, struct timer *t)
{
	int ret = -ENOMEM;
	bool first = false;

	weft__lock(&h->lock);
	if (make_room(h)) {
		WRITE_ONCE(t->state, TIMER_ARMED);
		sift_up(h, h->n++, t);
		first = h->heap[0] == t;
		WRITE_ONCE(h->next, h->heap[0]->when);
		ret = 0;
	}
	weft__unlock(&h->lock);
	if (first)
		weft__sysmon_due(t->when);
	return ret;
}

int weft__timer_arm(struct m *m, struct timer *t)
{
	t->heap = m->last->timers;
	t->g = m->cur;
	t->phase = TIMER_PENDING;
	t->fired = 0;
	return insert(t->heap, t);
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

static void cancel(struct timer *t)
{
	weft__lock(&t->heap->lock);
	if (t->state == TIMER_ARMED) {
		take_out(t->heap, t);
		WRITE_ONCE(t->state, TIMER_IDLE);
	}
	weft__unlock(&t->heap->lock);
	while (smp_load_acquire(&t->state) == TIMER_FIRING)
		weft__futex_wait(&t->state, TIMER_FIRING, INT64_MAX);
}

bool weft__timer_done(struct timer *t)
{
	while (smp_load_acquire(&t->phase) != TIMER_COMMITTED) {
		g_yield();	/* its M may be preempted: let others run */
		cpu_relax();
	}
	cancel(t);
	return t->fired;
}

static void expire(struct timer *t)
{
	bool committed = false;

	for (;;) {
		if (t->take_out(t)) {
			t->fired = 1;
			weft__ready_remote(t->g);
			return;
		}
		if (committed || cas(&t->phase, TIMER_PENDING, TIMER_MISSED))
			return;
		committed = true;	/* visible by now: look once more */
	}
}

s64 weft__timers_next(struct timers *h)
{
	return READ_ONCE(h->next);
}

static struct timer *due(struct timers *h, s64 now)
{
	struct timer *t = NULL;

	weft__lock(&h->lock);
	if (h->n && h->heap[0]->when <= now) {
		t = h->heap[0];
		take_out(h, t);
		WRITE_ONCE(t->state, TIMER_FIRING);
	}
	weft__unlock(&h->lock);
	return t;
}

s64 weft__timers_run(struct timers *h, s64 now, u64 *fired)
{
	struct timer *t;

	while (weft__timers_next(h) <= now && (t = due(h, now))) {
		expire(t);
		/* From here on it may be gone; the wake goes to an address. */
		smp_store_release(&t->state, TIMER_IDLE);
		weft__futex_wake(&t->state, 1);
		++*fired;
	}
	return weft__timers_next(h);
}
