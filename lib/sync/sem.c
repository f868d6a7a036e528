// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sem.c - the semaphore; see weft/sync.h, and sync.h for the fast path.
 *
 * A permit goes to who waits first, and never through the count then: nobody
 * who comes in between can take it.
 */
#include "object.h"

OBJECT(sem);

weft__noinline int weft__sem_acquire_slow(struct sem *s, s64 deadline)
{
	struct waiting w;
	int r;

	r = weft_sem_try((struct weft_sem *)s);
	if (!r)
		return 0;
	r = weft__wait_begin(&w, &s->lk, &s->q, deadline);
	if (r)
		return r;
	lock(&s->lk);
	if (!s->count) {
		wq_push(&s->q, &w.n);
		return weft__wait(&w, WAIT_SEM);
	}
	WRITE_ONCE(s->count, s->count - 1);
	clk_unlock(&s->lk);
	weft__wait_none(&w);
	return 0;
}

/* The first n that wait; *left permits are over. */
static struct wnode *take_some(struct wqueue *q, u64 n, u64 *left)
{
	struct wnode *first = NULL, **end = &first, *w;

	for (; n && (w = wq_pop(q)); n--) {
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	*left = n;
	return first;
}

weft__noinline int weft__sem_release_slow(struct sem *s, u64 n)
{
	struct wnode *first;
	u64 left;

	lock(&s->lk);
	if (n > WEFT_SEM_MAX - s->count) {
		clk_unlock(&s->lk);
		return -EOVERFLOW;
	}
	first = take_some(&s->q, n, &left);
	WRITE_ONCE(s->count, s->count + left);
	clk_unlock(&s->lk);
	wake_all(first);
	return 0;
}

int weft_sem_acquire(struct weft_sem *s)
{
	return sem_acquire(to_sem(s));
}

int weft_sem_try(struct weft_sem *p)
{
	struct sem *s = to_sem(p);
	bool got;

	if (!READ_ONCE(s->count))
		return -EAGAIN;
	lock(&s->lk);
	got = s->count;
	if (got)
		WRITE_ONCE(s->count, s->count - 1);
	clk_unlock(&s->lk);
	return got ? 0 : -EAGAIN;
}

int weft_sem_until(struct weft_sem *s, int64_t deadline)
{
	return weft__sem_acquire_slow(to_sem(s), deadline);
}

int weft_sem_release(struct weft_sem *s, uint64_t n)
{
	return sem_release(to_sem(s), n);
}

uint64_t weft_sem_value(const struct weft_sem *s)
{
	return READ_ONCE(to_sem(s)->count);
}
