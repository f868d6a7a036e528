// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * once.c - what is done once; see weft/sync.h.
 *
 *	NEVER --- who comes first, under the lock --> RUNNING --> DONE
 */
#include "object.h"

OBJECT(once);

enum { NEVER, RUNNING, DONE };

static void run(struct once *o, void (*fn)(void *), void *arg)
{
	struct wnode *first;

	fn(arg);
	lock(&o->lk);
	WRITE_ONCE(o->holder, 0);
	/* Who sees DONE without the lock sees what fn did, too. */
	smp_store_release(&o->state, DONE);
	first = wq_pop_all(&o->q);
	clk_unlock(&o->lk);
	wake_all(first);
}

int weft_once_do(struct weft_once *p, void (*fn)(void *), void *arg)
{
	u64 me = weft__holder_me(this_m());
	struct once *o = to_once(p);
	struct waiting w;
	int r;

	if (likely(smp_load_acquire(&o->state) == DONE))
		return 0;
	if (READ_ONCE(o->holder) == me)
		return -EDEADLK;
	r = weft__wait_begin(&w, &o->lk, &o->q, WEFT_FOREVER);
	if (r)
		return r;
	lock(&o->lk);
	if (o->state == RUNNING) {
		wq_push(&o->q, &w.n);
		return weft__wait(&w, WAIT_ONCE);
	}
	r = o->state == NEVER;
	if (r) {
		WRITE_ONCE(o->state, RUNNING);
		WRITE_ONCE(o->holder, me);
	}
	clk_unlock(&o->lk);
	if (r)
		run(o, fn, arg);
	return 0;
}
