/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * wait_until.h - wait.h for everybody: Gs and threads, with a deadline or not.
 *
 *	r = weft__wait_begin(&w, &o->lock, &o->queue, deadline);
 *	if (r)
 *		return r;
 *	clk_lock(weft__my_vcpu(), &o->lock);
 *	if (what it wants is there) {
 *		take it;
 *		clk_unlock(&o->lock);
 *		weft__wait_none(&w);
 *		return 0;
 *	}
 *	wq_push(&o->queue, &w.n);
 *	return weft__wait(&w, WAIT_MUTEX);
 *
 * The timer is armed first, without a lock, for it takes one and may need
 * memory; by then there is nothing that it could take out.
 */
#ifndef WEFT_SYNC_WAIT_UNTIL_H
#define WEFT_SYNC_WAIT_UNTIL_H

#include "wait.h"
#include "../core/timer.h"

struct waiting {
	struct wnode n;
	struct clk *lock;	/* of the object, its first member */
	struct wqueue *q;	/* where n goes, and nowhere else */
	struct timer t;
	s64 deadline;		/* INT64_MAX: none */
	u64 sel;		/* of a select: what its nodes point to */
};

/*
 * No lock held.  deadline: on CLOCK_MONOTONIC, INT64_MAX: none.  0; or
 * -ETIMEDOUT: it has come, -ENOMEM, -ECHILD: after a fork, -EPERM: in a signal
 * handler, as far as that can be seen.
 */
int weft__wait_begin(struct waiting *w, struct clk *lock, struct wqueue *q,
		     s64 deadline);
/* After it, no lock held: there is nothing to wait for. */
void weft__wait_none(struct waiting *w);
/*
 * w->n is in the queue, the lock is held: it will be dropped.  0: somebody took
 * the node out, and w->n.ret is what he left there; or -ETIMEDOUT.
 */
int weft__wait(struct waiting *w, u8 why);

/*
 * By anybody, no lock held, while w is sure to be there: if it waits, end that,
 * with w->n.ret = ret.  False: it does not.
 */
bool weft__wait_end(struct waiting *w, int ret);

/*
 * The same for a select: begin, with lock and queue NULL; put nodes out whose
 * sel is &w->sel and whose who is w->n.who; then, no lock held, wait.  0: the
 * word names the node that was taken.
 */
int weft__wait_select(struct waiting *w);

#endif /* WEFT_SYNC_WAIT_UNTIL_H */
