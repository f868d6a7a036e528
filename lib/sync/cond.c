// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * cond.c - the condition; see weft/sync.h, and sync.h for the fast path.
 *
 * A waiter is in the queue before it gives the mutex back, and a signal takes
 * one out.  So a signal reaches those that waited when it was sent, and nobody
 * who comes later.
 *
 * The mutex is given back with lk held, and that may take the mutex's own lk:
 * the order is cond, mutex.  Giving it back by the runner after the switch,
 * once lk is dropped, would touch a mutex whose last user may be gone.
 */
#include "object.h"

OBJECT(cond);

weft__noinline int weft__cond_wait_slow(struct cond *c, struct mutex *mx,
					s64 deadline)
{
	struct waiting w;
	int r, lost;

	if (READ_ONCE(mx->l.word) != weft__holder_me(this_m()))
		return -EPERM;
	r = weft__wait_begin(&w, &c->lk, &c->q, deadline);
	if (r)
		return r;
	lock(&c->lk);
	wq_push(&c->q, &w.n);
	mutex_unlock(mx);
	r = weft__wait(&w, WAIT_COND);
	lost = mutex_lock(mx);
	return lost ? lost : r;
}

weft__noinline int weft__cond_signal_slow(struct cond *c)
{
	struct wnode *n;
	u64 who;

	lock(&c->lk);
	n = wq_take(&c->q, NULL, &who);
	clk_unlock(&c->lk);
	if (n)
		wake_who(this_m(), who);
	return 0;
}

int weft_cond_wait(struct weft_cond *c, struct weft_mutex *mx)
{
	return cond_wait(to_cond(c), (struct mutex *)mx);
}

int weft_cond_wait_until(struct weft_cond *c, struct weft_mutex *mx,
			 int64_t deadline)
{
	return weft__cond_wait_slow(to_cond(c), (struct mutex *)mx, deadline);
}

int weft_cond_signal(struct weft_cond *c)
{
	return cond_signal(to_cond(c));
}

int weft_cond_broadcast(struct weft_cond *c)
{
	struct cond *k = to_cond(c);
	struct wnode *n;

	if (wq_looks_empty(&k->q))
		return 0;
	lock(&k->lk);
	n = wq_pop_all(&k->q);
	clk_unlock(&k->lk);
	wake_all(n);
	return 0;
}
