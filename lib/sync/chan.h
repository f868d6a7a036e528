/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * chan.h - a channel: the fast paths; see weft/chan.h for what they mean.
 *
 * Everything is under the biased lock: two words of a ring, two queues.
 *
 *	head	     head + n
 *	 v		v
 *	+---+---+---+---+---+---+
 *	| e | e | e |   |   |   |	cap elements; none if it is unbuffered
 *	+---+---+---+---+---+---+
 *
 * Who waits to receive implies n == 0, who waits to send n == cap; so at most
 * one of the queues has anybody in it, but for selects that are over and one
 * that stands in both.  A sender serves who waits first, else the ring, else
 * waits; a receiver takes from the ring first, and then moves what the first
 * sender waits with into it, so that order is kept.
 *
 * An element goes to or from the memory of who waits while the lock is held;
 * who was served is made runnable after it was dropped.
 */
#ifndef WEFT_SYNC_CHAN_H
#define WEFT_SYNC_CHAN_H

#include "wait.h"

#define CHAN_WORD 8ul		/* elements that are copied inline */

struct chan {
	struct clk lock;	/* first: what waits names it */
	struct wqueue recvq;	/* under the lock, as all that follows */
	struct wqueue sendq;
	u64 n;			/* in the ring; also read without the lock */
	u64 cap;		/* fixed, as elem and ring */
	u64 head;
	char *ring;
	u64 elem;
	u64 closed;		/* also read without the lock */
} __attribute__((aligned(WEFT__LINE)));	/* and whole lines long */

int weft__chan_send(struct chan *c, const void *v, s64 deadline, int late);
int weft__chan_recv(struct chan *c, void *v, s64 deadline, int late);
void weft__chan_copy(void *to, const void *from, size_t size);
void weft__chan_zero(void *to, size_t size);

/* size is a constant in the fast paths. */
static __always_inline void chan_copy(void *to, const void *from, size_t size)
{
	if (__builtin_constant_p(size))
		__builtin_memcpy(to, from, size);
	else
		weft__chan_copy(to, from, size);
}

/* Its head moves on: that slot. */
static __always_inline char *chan_first(struct chan *c, size_t size)
{
	u64 i = c->head;

	c->head = i + 1 == c->cap ? 0 : i + 1;
	return c->ring + i * size;
}

/* The slot behind the last element. */
static __always_inline char *chan_last(struct chan *c, size_t size)
{
	u64 i = c->head + c->n;

	return c->ring + (i >= c->cap ? i - c->cap : i) * size;
}

/* Lock held, open.  True: v is sent, to whom is to be woken (wq_take). */
static __always_inline bool chan_give(struct chan *c, const void *v,
				      size_t size, const u64 *mine, u64 *who)
{
	struct wnode *n = wq_take(&c->recvq, mine, who);

	if (n) {
		if (likely(n->data))
			chan_copy(n->data, v, size);
		return true;
	}
	*who = 0;
	if (c->n == c->cap)
		return false;
	chan_copy(chan_last(c, size), v, size);
	WRITE_ONCE(c->n, c->n + 1);
	return true;
}

/* Lock held.  True: v is received. */
static __always_inline bool chan_take(struct chan *c, void *v, size_t size,
				      const u64 *mine, u64 *who)
{
	struct wnode *n;
	char *slot;

	*who = 0;
	if (c->n) {
		slot = chan_first(c, size);
		if (likely(v))
			chan_copy(v, slot, size);
		n = wq_take(&c->sendq, mine, who);
		if (!n) {
			WRITE_ONCE(c->n, c->n - 1);
			return true;
		}
		/* The ring was full: this slot is the one behind the last. */
		chan_copy(slot, n->data, size);
		return true;
	}
	n = wq_take(&c->sendq, mine, who);
	if (n && likely(v))
		chan_copy(v, n->data, size);
	return n;
}

/* The G waits in q; the lock is dropped.  What its waker says. */
static __always_inline int chan_wait(struct m *m, struct chan *c,
				     struct wqueue *q, void *v, u8 why)
{
	struct wnode self;

	self.who = (u64)m->cur;
	self.data = v;
	self.sel = NULL;
	self.ret = 0;
	wq_push(q, &self);
	wait_park(m, &c->lock, why);
	return self.ret;
}

static __always_inline int chan_send(struct chan *c, const void *v)
{
	struct m *m = this_m();
	u64 who;

	if (unlikely(!m || !c || !v || c->elem != CHAN_WORD))
		return weft__chan_send(c, v, INT64_MAX, 0);
	clk_lock(m->vc, &c->lock);
	if (likely(!c->closed)) {
		if (chan_give(c, v, CHAN_WORD, NULL, &who)) {
			clk_unlock(&c->lock);
			if (who)
				wake_who(m, who);
			return 0;
		}
		if (likely(wait_on_own_stack(m)))
			return chan_wait(m, c, &c->sendq, (void *)v, WAIT_SEND);
	}
	clk_unlock(&c->lock);
	return weft__chan_send(c, v, INT64_MAX, 0);
}

static __always_inline int chan_recv(struct chan *c, void *v)
{
	struct m *m = this_m();
	u64 who;

	if (unlikely(!m || !c || c->elem != CHAN_WORD))
		return weft__chan_recv(c, v, INT64_MAX, 0);
	clk_lock(m->vc, &c->lock);
	if (chan_take(c, v, CHAN_WORD, NULL, &who)) {
		clk_unlock(&c->lock);
		if (who)
			wake_who(m, who);
		return 0;
	}
	if (likely(!c->closed && wait_on_own_stack(m)))
		return chan_wait(m, c, &c->recvq, v, WAIT_RECV);
	clk_unlock(&c->lock);
	return weft__chan_recv(c, v, INT64_MAX, 0);
}

#endif /* WEFT_SYNC_CHAN_H */
