// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * ctx.c - trees of contexts; see weft/ctx.h.
 *
 *	background		no lock, no children: nothing cancels it
 *	    ^
 *	  root			its lock guards the tree below it
 *	  ^  ^
 *	  a   b			each holds a reference to its parent, and stands
 *	  ^			in its list of children until its own last one
 *	  c			is given back
 *
 * Law: a cancelled context has no descendant that is not.  Who cancels marks
 * all of them under the lock, parents first, in a list that he walks with no
 * recursion; a child that comes later is born cancelled, under the same lock.
 *
 * Channels are closed after the lock was dropped, for that may need a
 * membarrier.  A context is marked once, so it is in one such list at most;
 * until its channel is closed the word "closing" keeps it: who gives back the
 * last reference takes it out of the tree, so that nobody marks it any more,
 * and then waits for that word:
 *
 *	0 -- marked --> CLOSING -- last put --> CLOSE_WAITED
 *	^	           |                        |
 *	+---- closed ------+------------------------+  and a wake
 *
 * So who cancels holds no references and frees nothing.  He may be a timer
 * (core/timer.h), which must not stop one; a last put has to.  Rejected: he
 * takes references; the last may then be his, in the middle of a timer.
 *
 * A timer is armed once, when the context is made, and stopped by the last put
 * only.  If it is IDLE by then it has fired, or its heap has ended with the
 * runtime, and the heap is not looked at.  Where there is no timer a deadline
 * is noticed by who asks; each wait of this file has it as its own, too.
 */
#include "../core/sched.h"
#include "../core/timer.h"
#include "../os/clock.h"
#include "../os/futex.h"

#include <weft/ctx.h>
#include <weft/g.h>
#include <weft/run.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define MAX_ERRNO 4095

enum { CLOSING = 1, CLOSE_WAITED };

struct weft_ctx {
	struct weft_ctx *parent;	/* these five are fixed; NULL: none */
	struct weft_ctx *root;
	struct weft_chan *done;
	s64 deadline;			/* the earliest on the way up */
	bool linked;			/* in a list of children */
	u64 refs;			/* of users, and one for each child */
	struct weft__lock lock;		/* a root's: guards the tree */
	int err;			/* under it, once; read without */
	u32 closing;			/* see above; a futex */
	struct weft_ctx *todo;		/* who marks: what is to be closed */
	struct weft_ctx *child;		/* under the lock, as next and prev */
	struct weft_ctx *next, *prev;
	struct timer t;
};

static struct weft_ctx background = { .deadline = WEFT_FOREVER };

static int forked(void)
{
	return !this_m() && weft__check() == -ECHILD ? -ECHILD : 0;
}

/* ---- cancel ---- */

static void mark(struct weft_ctx *c, int err)
{
	c->todo = NULL;
	WRITE_ONCE(c->closing, CLOSING);
	/* Who sees it sees what came before the cancel. */
	smp_store_release(&c->err, err);
}

/* Lock held: c and all below it.  A list by todo; NULL: it was before. */
static struct weft_ctx *mark_all(struct weft_ctx *c, int err)
{
	struct weft_ctx **end = &c->todo, *at, *k;

	if (c->err)
		return NULL;
	mark(c, err);
	for (at = c; at; at = at->todo) {
		for (k = at->child; k; k = k->next) {
			if (k->err)
				continue;	/* and all below it */
			mark(k, err);
			*end = k;
			end = &k->todo;
		}
	}
	return c;
}

/* From the exchange on c may be gone; the wake goes to an address. */
static void close_all(struct weft_ctx *c)
{
	struct weft_ctx *next;

	for (; c; c = next) {
		next = c->todo;
		weft_chan_close(c->done);
		if (xchg(&c->closing, 0) == CLOSE_WAITED)
			weft__futex_wake(&c->closing, INT_MAX);
	}
}

/* c is kept by a reference, or by its timer that fires: true, it is new. */
static bool cancel(struct weft_ctx *c, int err)
{
	struct weft__lock *l = &c->root->lock;
	struct weft_ctx *list;

	weft__lock(l);
	list = mark_all(c, err);
	weft__unlock(l);
	close_all(list);
	return list;
}

static s64 fire(struct timer *t, s64 now)
{
	(void)now;
	cancel(container_of(t, struct weft_ctx, t), -ETIMEDOUT);
	return INT64_MAX;
}

int weft_ctx_cancel(struct weft_ctx *c, int err)
{
	int r = forked();

	if (r)
		return r;
	if (!c || c == &background || err > 0 || err < -MAX_ERRNO)
		return -EINVAL;
	return cancel(c, err ? err : -ECANCELED) ? 0 : -EALREADY;
}

/* ---- from the first to the last ---- */

struct weft_ctx *weft_ctx_background(void)
{
	return &background;
}

struct weft_ctx *weft_ctx_get(struct weft_ctx *c)
{
	if (c && c != &background)
		atomic_add(&c->refs, 1);
	return c;
}

/* In its parent's list, unless that is cancelled: then c is, too. */
static void join_parent(struct weft_ctx *c)
{
	struct weft_ctx *p = c->parent, *list = NULL;

	if (!p)
		return;
	weft__lock(&c->root->lock);
	c->linked = !p->err;
	if (p->err) {
		list = mark_all(c, p->err);
	} else {
		c->next = p->child;
		if (p->child)
			p->child->prev = c;
		p->child = c;
	}
	weft__unlock(&c->root->lock);
	close_all(list);
}

static void leave_parent(struct weft_ctx *c)
{
	if (!c->linked)
		return;
	weft__lock(&c->root->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->parent->child = c->next;
	if (c->next)
		c->next->prev = c->prev;
	weft__unlock(&c->root->lock);
}

static void wait_closed(struct weft_ctx *c)
{
	u32 s;

	while ((s = smp_load_acquire(&c->closing)))
		if (s == CLOSE_WAITED || cas(&c->closing, CLOSING,
					     CLOSE_WAITED))
			weft__futex_wait(&c->closing, CLOSE_WAITED, INT64_MAX);
}

/* Nobody has a reference: what held one to its parent is gone. */
static struct weft_ctx *end(struct weft_ctx *c)
{
	struct weft_ctx *parent = c->parent;

	if (smp_load_acquire(&c->t.state) != TIMER_IDLE)
		weft__timer_stop(&c->t);
	leave_parent(c);
	wait_closed(c);
	if (weft_chan_free(c->done))
		weft__bug(NULL,
			  "the last weft_ctx_put of a context while somebody waits");
	free(c);
	return parent;
}

int weft_ctx_put(struct weft_ctx *c)
{
	int r = forked();

	if (r)
		return r;
	if (c == &background)
		return 0;
	while (c && !atomic_sub(&c->refs, 1))
		c = end(c);
	return 0;
}

static int arm(struct weft_ctx *c)
{
	struct m *m = this_m();

	if (!m && weft__check())
		return 0;
	c->t.fire = fire;
	c->t.heap = m ? m->last->timers : S.p[0]->timers;
	return weft__timer_start(&c->t, c->deadline);
}

static struct weft_ctx *create(struct weft_ctx *parent, s64 deadline)
{
	struct weft_ctx *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->done = weft_chan_new(0, 0);
	if (!c->done) {
		free(c);
		return NULL;
	}
	c->root = c;
	if (parent != &background) {
		c->parent = weft_ctx_get(parent);
		c->root = parent->root;
	}
	c->deadline = deadline < parent->deadline ? deadline : parent->deadline;
	c->refs = 1;
	join_parent(c);
	return c;
}

struct weft_ctx *weft_ctx_until(struct weft_ctx *parent, int64_t deadline)
{
	struct weft_ctx *c;
	int r = parent ? forked() : -EINVAL;

	if (r) {
		errno = -r;
		return NULL;
	}
	c = create(parent, deadline);
	if (!c)
		return NULL;
	if (weft_ctx_err(c) || deadline >= parent->deadline)
		return c;
	if (arm(c) < 0) {
		weft_ctx_put(c);
		errno = ENOMEM;
		return NULL;
	}
	return c;
}

struct weft_ctx *weft_ctx_cancelable(struct weft_ctx *parent)
{
	return weft_ctx_until(parent, WEFT_FOREVER);
}

/* ---- what it says ---- */

int weft_ctx_err(struct weft_ctx *c)
{
	int err;

	if (!c)
		return -EINVAL;
	err = smp_load_acquire(&c->err);
	if (err || c->deadline == WEFT_FOREVER || c->deadline > weft__clock())
		return err;
	if (forked())
		return -ETIMEDOUT;
	cancel(c, -ETIMEDOUT);
	/* By us, or by who was faster. */
	return smp_load_acquire(&c->err);
}

int64_t weft_ctx_deadline(const struct weft_ctx *c)
{
	return c ? c->deadline : WEFT_FOREVER;
}

struct weft_chan *weft_ctx_done(struct weft_ctx *c)
{
	return c ? c->done : NULL;
}

/* ---- waits ---- */

static s64 after(s64 ns)
{
	s64 now = weft__clock();

	return ns < INT64_MAX - now ? now + ns : INT64_MAX;
}

int weft_ctx_sleep(struct weft_ctx *c, int64_t ns)
{
	s64 until;
	int r = weft_ctx_err(c);

	if (r || ns <= 0)
		return r;
	if (c == &background)
		return weft_sleep(ns);
	until = after(ns);
	r = weft_chan_recv_until(c->done, NULL,
				 until < c->deadline ? until : c->deadline);
	if (r != -EPIPE && r != -ETIMEDOUT)
		return r;
	return weft_ctx_err(c);
}

static int either(struct weft_ctx *c, struct weft_chan *ch, void *elem, int op)
{
	struct weft_case k[2] = {
		{ .op = WEFT_RECV },
		{ .chan = ch, .elem = elem, .op = op },
	};
	int r = weft_ctx_err(c);

	if (!r && !ch)
		r = -EINVAL;
	if (r)
		return r;
	k[0].chan = c->done;
	r = weft_select(k, 2, c->deadline);
	if (r == 1)
		return k[1].ret;
	return r && r != -ETIMEDOUT && r != -EAGAIN ? r : weft_ctx_err(c);
}

int weft_ctx_send(struct weft_ctx *c, struct weft_chan *ch, const void *elem)
{
	return either(c, ch, (void *)elem, WEFT_SEND);
}

int weft_ctx_recv(struct weft_ctx *c, struct weft_chan *ch, void *elem)
{
	return either(c, ch, elem, WEFT_RECV);
}
