// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * rwlock.c - readers or a writer; see weft/sync.h, and sync.h for the paths
 * with nobody in line.
 *
 * One line for both.  Who may go on is let in by who makes that possible, in
 * the order of the line: a writer alone, readers up to the next writer.  So
 * neither kind starves, and a reader joins others only while nobody waits.
 * A writer that leaves the line at its deadline may have stood before readers.
 */
#include "object.h"

OBJECT(rwlock);

/* wnode.data: who is to write; NULL: a reader */

static bool may(const struct rwlock *rw, u64 writer)
{
	return !rw->writer && (!writer || !rw->readers);
}

static void enter(struct rwlock *rw, u64 writer)
{
	if (writer)
		WRITE_ONCE(rw->writer, writer);
	else
		rw->readers++;
}

/* Those who may go on now; the lock is held. */
static struct wnode *let_in(struct rwlock *rw)
{
	struct wnode *first = NULL, **end = &first, *n;

	while ((n = rw->q.head) && may(rw, (u64)n->data)) {
		enter(rw, (u64)n->data);
		wq_pop(&rw->q);
		n->next = NULL;
		*end = n;
		end = &n->next;
	}
	return first;
}

static bool try(struct rwlock *rw, u64 writer)
{
	bool got;

	lock(&rw->lk);
	got = wq_empty(&rw->q) && may(rw, writer);
	if (got)
		enter(rw, writer);
	clk_unlock(&rw->lk);
	return got;
}

static int late(struct rwlock *rw)
{
	struct wnode *first;

	lock(&rw->lk);
	first = let_in(rw);
	clk_unlock(&rw->lk);
	wake_all(first);
	return -ETIMEDOUT;
}

static int wait_for(struct rwlock *rw, u64 writer, s64 deadline)
{
	struct waiting w;
	int r;

	r = weft__wait_begin(&w, &rw->lk, &rw->q, deadline);
	if (r)
		return r;
	lock(&rw->lk);
	if (wq_empty(&rw->q) && may(rw, writer)) {
		enter(rw, writer);
		clk_unlock(&rw->lk);
		weft__wait_none(&w);
		return 0;
	}
	w.n.data = (void *)writer;
	wq_push(&rw->q, &w.n);
	r = weft__wait(&w, writer ? WAIT_WRITE : WAIT_READ);
	return r == -ETIMEDOUT ? late(rw) : r;
}

static int acquire(struct rwlock *rw, u64 writer, s64 deadline)
{
	if (try(rw, writer))
		return 0;
	if (READ_ONCE(rw->writer) == weft__holder_me(this_m()))
		return -EDEADLK;
	return wait_for(rw, writer, deadline);
}

weft__noinline int weft__rwlock_read_slow(struct rwlock *rw)
{
	return acquire(rw, 0, WEFT_FOREVER);
}

int weft_rwlock_read(struct weft_rwlock *rw)
{
	return rwlock_read(to_rwlock(rw));
}

int weft_rwlock_read_try(struct weft_rwlock *rw)
{
	return try(to_rwlock(rw), 0) ? 0 : -EBUSY;
}

int weft_rwlock_read_until(struct weft_rwlock *rw, int64_t deadline)
{
	return acquire(to_rwlock(rw), 0, deadline);
}

weft__noinline int weft__rwlock_read_unlock_slow(struct rwlock *rw)
{
	struct wnode *first = NULL;
	int r = -EPERM;

	lock(&rw->lk);
	if (rw->readers) {
		r = 0;
		if (!--rw->readers)
			first = let_in(rw);
	}
	clk_unlock(&rw->lk);
	wake_all(first);
	return r;
}

int weft_rwlock_read_unlock(struct weft_rwlock *rw)
{
	return rwlock_read_unlock(to_rwlock(rw));
}

weft__noinline int weft__rwlock_write_slow(struct rwlock *rw)
{
	return acquire(rw, weft__holder_me(this_m()), WEFT_FOREVER);
}

int weft_rwlock_write(struct weft_rwlock *rw)
{
	return rwlock_write(to_rwlock(rw));
}

int weft_rwlock_write_try(struct weft_rwlock *rw)
{
	return try(to_rwlock(rw), weft__holder_me(this_m())) ? 0 : -EBUSY;
}

int weft_rwlock_write_until(struct weft_rwlock *rw, int64_t deadline)
{
	return acquire(to_rwlock(rw), weft__holder_me(this_m()), deadline);
}

weft__noinline int weft__rwlock_write_unlock_slow(struct rwlock *rw)
{
	struct wnode *first;

	if (READ_ONCE(rw->writer) != weft__holder_me(this_m()))
		return -EPERM;
	lock(&rw->lk);
	WRITE_ONCE(rw->writer, 0);
	first = let_in(rw);
	clk_unlock(&rw->lk);
	wake_all(first);
	return 0;
}

int weft_rwlock_write_unlock(struct weft_rwlock *rw)
{
	return rwlock_write_unlock(to_rwlock(rw));
}
