// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * chan.c - channels where the fast paths of chan.h are not enough: elements of
 * any size, ordinary threads, deadlines, and the end.
 *
 * In the child of a fork a thread that is not there may hold the lock; so who
 * comes here without an M asks for that first.
 */
#include "../core/sched.h"
#include "chan.h"
#include "wait_until.h"

#include <weft/chan.h>
#include <stdlib.h>
#include <string.h>

void weft__chan_copy(void *to, const void *from, size_t size)
{
	if (size)
		memcpy(to, from, size);
}

void weft__chan_zero(void *to, size_t size)
{
	if (to && size)
		memset(to, 0, size);
}

static struct chan *chan_of(struct weft_chan *c)
{
	return (struct chan *)c;
}

static int check(const struct chan *c)
{
	if (!this_m() && weft__check() == -ECHILD)
		return -ECHILD;
	return c ? 0 : -EINVAL;
}

/* ---- send and receive ---- */

enum { DONE, CLOSED, WAIT };

/* Lock held: *who is to be woken if it is DONE. */
static int send_now(struct chan *c, const void *v, u64 *who)
{
	if (c->closed)
		return CLOSED;
	return chan_give(c, v, c->elem, NULL, who) ? DONE : WAIT;
}

static int recv_now(struct chan *c, void *v, u64 *who)
{
	if (chan_take(c, v, c->elem, NULL, who))
		return DONE;
	if (!c->closed)
		return WAIT;
	weft__chan_zero(v, c->elem);
	return CLOSED;
}

/* An operation is one of these two; v is not written by a send. */
static int now(struct chan *c, void *v, u8 why, u64 *who)
{
	return why == WAIT_SEND ? send_now(c, v, who) : recv_now(c, v, who);
}

static int try_op(struct chan *c, void *v, u8 why)
{
	u64 who = 0;
	int r;

	clk_lock(weft__my_vcpu(), &c->lock);
	r = now(c, v, why, &who);
	clk_unlock(&c->lock);
	if (r == DONE && who)
		wake_who(this_m(), who);
	return r;
}

static int wait_op(struct chan *c, void *v, u8 why, s64 deadline)
{
	struct wqueue *q = why == WAIT_SEND ? &c->sendq : &c->recvq;
	struct waiting w;
	u64 who = 0;
	int r;

	r = weft__wait_begin(&w, &c->lock, q, deadline);
	if (r)
		return r;
	w.n.data = v;
	clk_lock(weft__my_vcpu(), &c->lock);
	r = now(c, v, why, &who);
	if (r == WAIT) {
		wq_push(q, &w.n);
		r = weft__wait(&w, why);
		return r ? r : w.n.ret;
	}
	clk_unlock(&c->lock);
	if (r == DONE && who)
		wake_who(this_m(), who);
	weft__wait_none(&w);
	return r == DONE ? 0 : -EPIPE;
}

/* late: what it is called if the deadline was 0. */
static int op(struct chan *c, void *v, u8 why, s64 deadline, int late)
{
	int r;

	if (deadline != INT64_MAX) {
		r = try_op(c, v, why);
		if (r != WAIT)
			return r == DONE ? 0 : -EPIPE;
		if (deadline <= 0)
			return late;
	}
	return wait_op(c, v, why, deadline);
}

weft__noinline int weft__chan_send(struct chan *c, const void *v, s64 deadline,
				   int late)
{
	int r = check(c);

	if (r)
		return r;
	if (!v && c->elem)
		return -EINVAL;
	return op(c, (void *)v, WAIT_SEND, deadline, late);
}

weft__noinline int weft__chan_recv(struct chan *c, void *v, s64 deadline,
				   int late)
{
	int r = check(c);

	return r ? r : op(c, v, WAIT_RECV, deadline, late);
}

int weft_chan_send(struct weft_chan *c, const void *v)
{
	return chan_send(chan_of(c), v);
}

int weft_chan_recv(struct weft_chan *c, void *v)
{
	return chan_recv(chan_of(c), v);
}

int weft_chan_try_send(struct weft_chan *c, const void *v)
{
	return weft__chan_send(chan_of(c), v, 0, -EAGAIN);
}

int weft_chan_try_recv(struct weft_chan *c, void *v)
{
	return weft__chan_recv(chan_of(c), v, 0, -EAGAIN);
}

int weft_chan_send_until(struct weft_chan *c, const void *v, int64_t deadline)
{
	return weft__chan_send(chan_of(c), v, deadline, -ETIMEDOUT);
}

int weft_chan_recv_until(struct weft_chan *c, void *v, int64_t deadline)
{
	return weft__chan_recv(chan_of(c), v, deadline, -ETIMEDOUT);
}

/* ---- from the first to the last ---- */

struct weft_chan *weft_chan_new(size_t elem, size_t cap)
{
	struct chan *c;
	size_t bytes;

	if (__builtin_mul_overflow(elem, cap, &bytes) || bytes > PTRDIFF_MAX ||
	    cap > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	c = aligned_alloc(WEFT__LINE, sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct chan){ .cap = cap, .elem = elem };
	c->ring = bytes ? malloc(bytes) : NULL;
	if (bytes && !c->ring) {
		free(c);
		return NULL;
	}
	return (struct weft_chan *)c;
}

int weft_chan_free(struct weft_chan *wc)
{
	struct chan *c = chan_of(wc);
	bool busy;
	int r;

	if (!c)
		return 0;
	r = check(c);
	if (r)
		return r;
	clk_lock(weft__my_vcpu(), &c->lock);
	busy = !wq_empty(&c->recvq) || !wq_empty(&c->sendq);
	clk_unlock(&c->lock);
	if (busy)
		return -EBUSY;
	free(c->ring);
	free(c);
	return 0;
}

size_t weft_chan_len(const struct weft_chan *c)
{
	return c ? READ_ONCE(((const struct chan *)c)->n) : 0;
}

size_t weft_chan_cap(const struct weft_chan *c)
{
	return c ? ((const struct chan *)c)->cap : 0;
}

/* Take all out of q, to be woken later: chained by next. */
static struct wnode **all_out(struct chan *c, struct wqueue *q,
			      struct wnode **end)
{
	struct wnode *n;
	u64 who;

	while ((n = wq_take(q, NULL, &who))) {
		n->ret = -EPIPE;
		if (q == &c->recvq)
			weft__chan_zero(n->data, c->elem);
		if (who) {
			*end = n;
			end = &n->next;
		}
	}
	return end;
}

int weft_chan_close(struct weft_chan *wc)
{
	struct chan *c = chan_of(wc);
	struct wnode *first = NULL, **end = &first, *n;
	int r = check(c);

	if (r)
		return r;
	clk_lock(weft__my_vcpu(), &c->lock);
	if (c->closed) {
		clk_unlock(&c->lock);
		return -EPIPE;
	}
	WRITE_ONCE(c->closed, 1);
	end = all_out(c, &c->recvq, end);
	end = all_out(c, &c->sendq, end);
	*end = NULL;
	clk_unlock(&c->lock);
	while (first) {
		n = first;
		first = n->next;	/* it may be gone once it is woken */
		wake_who(this_m(), n->who);
	}
	return 0;
}
