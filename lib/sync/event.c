// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * event.c - the event; see weft/sync.h.
 */
#include "object.h"

OBJECT(event);

bool weft_event_is_set(const struct weft_event *e)
{
	return smp_load_acquire(&to_event(e)->set);
}

int weft_event_set(struct weft_event *p)
{
	struct event *e = to_event(p);
	struct wnode *first;

	lock(&e->lk);
	/* Who sees it without the lock sees what came before, too. */
	smp_store_release(&e->set, 1);
	first = wq_pop_all(&e->q);
	clk_unlock(&e->lk);
	wake_all(first);
	return 0;
}

int weft_event_wait(struct weft_event *e)
{
	return weft_event_until(e, WEFT_FOREVER);
}

int weft_event_until(struct weft_event *p, int64_t deadline)
{
	struct event *e = to_event(p);
	struct waiting w;
	int r;

	if (weft_event_is_set(p))
		return 0;
	r = weft__wait_begin(&w, &e->lk, &e->q, deadline);
	if (r)
		return r;
	lock(&e->lk);
	if (!e->set) {
		wq_push(&e->q, &w.n);
		return weft__wait(&w, WAIT_EVENT);
	}
	clk_unlock(&e->lk);
	weft__wait_none(&w);
	return 0;
}
