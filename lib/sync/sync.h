/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sync.h - the objects of weft/sync.h, and the bodies that a program may have
 * inline.
 *
 * All but the mutex are of one kind: a biased lock, a queue, and a word or two
 * that the lock guards.  Locked, a call sees whether it may go on; if not it
 * enters the queue, and the runner after the switch drops the lock.  Who lets
 * others go on takes them out of the queue, gives them what they wait for, and
 * makes them runnable once the lock is dropped.  So what was given cannot be
 * taken by somebody who comes in between, and nobody wakes for nothing.
 *
 * The lock is a sequence with one plain store where it is used from one CPU, so
 * that a semaphore's acquire costs what a special protocol would.
 */
#ifndef WEFT_SYNC_SYNC_H
#define WEFT_SYNC_SYNC_H

#include "../core/holder.h"
#include "wait.h"

/* See mutex.c. */
struct mutex {
	struct clk lk;		/* guards what is below l */
	struct bias l;		/* word: the holder, or 0 */
	u32 sig;		/* SIG_*: unlock looks at it without lk */
	u16 announced;		/* waiters between their word and their look */
	u8 woken;		/* one was taken out and has not tried yet */
	u8 starving;		/* unlock hands over */
	struct wqueue q;
};

#define SIG_WAITER 1u		/* somebody wants to be woken */
#define SIG_FENCE 2u		/* no membarrier: an unlock needs a fence */

struct cond {
	struct clk lk;
	struct wqueue q;
};

struct sem {
	struct clk lk;
	u64 count;		/* 0 if somebody waits */
	struct wqueue q;
};

/* See rwlock.c. */
struct rwlock {
	struct clk lk;
	u64 readers;
	u64 writer;
	struct wqueue q;	/* readers and writers in one line */
};

_Static_assert(sizeof(struct mutex) == 72, "the ABI");
_Static_assert(sizeof(struct cond) == 40, "the ABI");
_Static_assert(sizeof(struct sem) == 48, "the ABI");
_Static_assert(sizeof(struct rwlock) == 56, "the ABI");
_Static_assert(offsetof(struct rwlock, writer) == HOLDER_AT, "for reports");
_Static_assert(offsetof(struct mutex, l.word) == HOLDER_AT, "for reports");

int weft__mutex_lock_slow(struct mutex *mx, s64 deadline);
int weft__mutex_unlock_slow(struct mutex *mx);
void weft__mutex_wake(struct mutex *mx);
int weft__cond_wait_slow(struct cond *c, struct mutex *mx, s64 deadline);
int weft__cond_signal_slow(struct cond *c);
int weft__sem_acquire_slow(struct sem *s, s64 deadline);
int weft__sem_release_slow(struct sem *s, u64 n);
int weft__rwlock_read_slow(struct rwlock *rw);
int weft__rwlock_read_unlock_slow(struct rwlock *rw);
int weft__rwlock_write_slow(struct rwlock *rw);
int weft__rwlock_write_unlock_slow(struct rwlock *rw);

/* A G waits in q; lk is dropped.  What its waker left it. */
static __always_inline int wait_in(struct m *m, struct clk *lk,
				   struct wqueue *q, u8 why)
{
	struct wnode self;

	self.who = (u64)m->cur;
	self.sel = NULL;
	self.ret = 0;
	wq_push(q, &self);
	wait_park(m, lk, why);
	return self.ret;
}

/* ---- mutex ---- */

static __always_inline int mutex_lock(struct mutex *mx)
{
	struct m *m = this_m();

	if (likely(m) && likely(seq_bias_cas(m->vc, &mx->l, 0,
					     (u64)m->cur) == BIAS_OK))
		return 0;
	return weft__mutex_lock_slow(mx, INT64_MAX);
}

/*
 * The barrier's partner is the fence of who announces itself (mutex.c): either
 * it sees 0 in the word, or we see SIG_WAITER.  Without it both could have
 * looked too early, and the waiter would sleep for ever.
 */
static __always_inline int mutex_unlock(struct mutex *mx)
{
	struct m *m = this_m();

	if (unlikely(!m || READ_ONCE(mx->sig) ||
		     READ_ONCE(mx->l.word) != (u64)m->cur))
		return weft__mutex_unlock_slow(mx);
	smp_store_release(&mx->l.word, 0);
	barrier();
	if (unlikely(READ_ONCE(mx->sig)))
		weft__mutex_wake(mx);
	return 0;
}

/* ---- condition ---- */

/*
 * In the queue before the mutex is free, so that no signal that follows from
 * it is missed; and not taken out before the switch, for lk is held until then.
 */
static __always_inline int cond_wait(struct cond *c, struct mutex *mx)
{
	struct m *m = this_m();
	struct wnode self;

	if (unlikely(!m || READ_ONCE(mx->l.word) != (u64)m->cur ||
		     !wait_on_own_stack(m)))
		return weft__cond_wait_slow(c, mx, INT64_MAX);
	self.who = (u64)m->cur;
	self.sel = NULL;
	self.ret = 0;
	clk_lock(m->vc, &c->lk);
	wq_push(&c->q, &self);
	mutex_unlock(mx);
	wait_park(m, &c->lk, WAIT_COND);
	return mutex_lock(mx);
}

/*
 * A look without the lock: who waits for what the mutex guards was in the
 * queue before the mutex was free for who signals.
 */
static __always_inline int cond_signal(struct cond *c)
{
	struct m *m = this_m();
	struct wnode *n;
	u64 who;

	if (wq_looks_empty(&c->q))
		return 0;
	if (unlikely(!m))
		return weft__cond_signal_slow(c);
	clk_lock(m->vc, &c->lk);
	n = wq_take(&c->q, NULL, &who);
	clk_unlock(&c->lk);
	if (n)
		wake_who(m, who);
	return 0;
}

/* ---- semaphore ---- */

static __always_inline int sem_acquire(struct sem *s)
{
	struct m *m = this_m();

	if (unlikely(!m))
		return weft__sem_acquire_slow(s, INT64_MAX);
	clk_lock(m->vc, &s->lk);
	if (s->count) {
		WRITE_ONCE(s->count, s->count - 1);
		clk_unlock(&s->lk);
		return 0;
	}
	if (likely(wait_on_own_stack(m)))
		return wait_in(m, &s->lk, &s->q, WAIT_SEM);
	clk_unlock(&s->lk);
	return weft__sem_acquire_slow(s, INT64_MAX);
}

static __always_inline int sem_release(struct sem *s, u64 n)
{
	struct m *m = this_m();
	u64 who;

	if (unlikely(!m || n != 1))
		return weft__sem_release_slow(s, n);
	clk_lock(m->vc, &s->lk);
	if (wq_take(&s->q, NULL, &who)) {
		clk_unlock(&s->lk);
		wake_who(m, who);
		return 0;
	}
	if (unlikely(s->count >= INT64_MAX)) {
		clk_unlock(&s->lk);
		return -75; /* EOVERFLOW */
	}
	WRITE_ONCE(s->count, s->count + 1);
	clk_unlock(&s->lk);
	return 0;
}

/* ---- rwlock: nobody in line ---- */

static __always_inline int rwlock_read(struct rwlock *rw)
{
	struct m *m = this_m();
	bool got;

	if (unlikely(!m))
		return weft__rwlock_read_slow(rw);
	clk_lock(m->vc, &rw->lk);
	got = !rw->writer && wq_empty(&rw->q);
	if (likely(got))
		rw->readers++;
	clk_unlock(&rw->lk);
	return likely(got) ? 0 : weft__rwlock_read_slow(rw);
}

static __always_inline int rwlock_read_unlock(struct rwlock *rw)
{
	struct m *m = this_m();
	bool last;

	if (unlikely(!m))
		return weft__rwlock_read_unlock_slow(rw);
	clk_lock(m->vc, &rw->lk);
	last = !rw->readers || !wq_empty(&rw->q);
	if (likely(!last))
		rw->readers--;
	clk_unlock(&rw->lk);
	return likely(!last) ? 0 : weft__rwlock_read_unlock_slow(rw);
}

static __always_inline int rwlock_write(struct rwlock *rw)
{
	struct m *m = this_m();
	bool got;

	if (unlikely(!m))
		return weft__rwlock_write_slow(rw);
	clk_lock(m->vc, &rw->lk);
	got = !rw->writer && !rw->readers && wq_empty(&rw->q);
	if (likely(got))
		WRITE_ONCE(rw->writer, (u64)m->cur);
	clk_unlock(&rw->lk);
	return likely(got) ? 0 : weft__rwlock_write_slow(rw);
}

static __always_inline int rwlock_write_unlock(struct rwlock *rw)
{
	struct m *m = this_m();
	bool alone;

	if (unlikely(!m || READ_ONCE(rw->writer) != (u64)m->cur))
		return weft__rwlock_write_unlock_slow(rw);
	clk_lock(m->vc, &rw->lk);
	alone = wq_empty(&rw->q);
	if (likely(alone))
		WRITE_ONCE(rw->writer, 0);
	clk_unlock(&rw->lk);
	return likely(alone) ? 0 : weft__rwlock_write_unlock_slow(rw);
}

#endif /* WEFT_SYNC_SYNC_H */
