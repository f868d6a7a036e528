// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * wg.c - the wait group; see weft/sync.h.
 *
 * Who brings the count to zero takes all waiters out under the lock; so it can
 * be used again at once, and who waits for the next round is not woken by the
 * last one.
 */
#include "object.h"

OBJECT(wg);

int weft_wg_add(struct weft_wg *p, int64_t n)
{
	struct wnode *first = NULL;
	struct wg *wg = to_wg(p);
	int r = 0;
	s64 sum;

	lock(&wg->lk);
	if (__builtin_add_overflow(wg->count, n, &sum))
		r = -EOVERFLOW;
	else if (sum < 0)
		r = -EINVAL;
	else
		WRITE_ONCE(wg->count, sum);
	if (!r && !sum)
		first = wq_pop_all(&wg->q);
	clk_unlock(&wg->lk);
	wake_all(first);
	return r;
}

int weft_wg_done(struct weft_wg *wg)
{
	return weft_wg_add(wg, -1);
}

int weft_wg_wait(struct weft_wg *p)
{
	return weft_wg_wait_until(p, WEFT_FOREVER);
}

int weft_wg_wait_until(struct weft_wg *p, int64_t deadline)
{
	struct wg *wg = to_wg(p);
	struct waiting w;
	bool zero;
	int r;

	lock(&wg->lk);		/* with what came before the last done */
	zero = !wg->count;
	clk_unlock(&wg->lk);
	if (zero)
		return 0;
	r = weft__wait_begin(&w, &wg->lk, &wg->q, deadline);
	if (r)
		return r;
	lock(&wg->lk);
	if (wg->count) {
		wq_push(&wg->q, &w.n);
		return weft__wait(&w, WAIT_ZERO);
	}
	clk_unlock(&wg->lk);
	weft__wait_none(&w);
	return 0;
}
