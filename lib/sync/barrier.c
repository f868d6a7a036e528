// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * barrier.c - the barrier; see weft/sync.h.
 *
 * Who comes last takes all others out under the lock, and is the one that is
 * told; so a fast one that comes back waits for the next round.
 */
#include "object.h"

OBJECT(barrier);

int weft_barrier_wait(struct weft_barrier *p)
{
	struct barrier *b = to_barrier(p);
	struct wnode *first;
	struct waiting w;
	int r;

	if (!b->need)
		return -EINVAL;
	r = weft__wait_begin(&w, &b->lk, &b->q, WEFT_FOREVER);
	if (r)
		return r;
	lock(&b->lk);
	if (++b->have < b->need) {
		wq_push(&b->q, &w.n);
		return weft__wait(&w, WAIT_BARRIER);
	}
	b->have = 0;
	first = wq_pop_all(&b->q);
	clk_unlock(&b->lk);
	wake_all(first);
	return WEFT_BARRIER_SERIAL;
}
