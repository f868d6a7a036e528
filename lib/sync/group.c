// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * group.c - groups; see weft/group.h.
 *
 *	go		a slot (a send into a channel of so many), unless
 *			the context is cancelled; count; a G
 *	its end		the first error: keep it, cancel the context
 *			the slot back, then the count; the last one takes out
 *			who waits, and unparks him
 *	wait		the count is zero: take the error and the context
 *
 * The count is the last that a function's end touches, under the lock: who
 * finds zero there may free the group.  What wakes the waiter is on his stack.
 * Rejected: a wait group, whose done() may still be in it when the waiter
 * goes on.
 *
 * A context is made when it is first asked for, and belongs to one round: from
 * the end of a wait to the end of the next.
 */
#include "../core/sched.h"
#include "../os/futex.h"

#include <weft/ctx.h>
#include <weft/g.h>
#include <weft/group.h>
#include <weft/park.h>
#include <errno.h>
#include <stdlib.h>

struct weft_group {
	struct weft_ctx *parent;	/* fixed */
	struct weft_chan *slots;	/* while count is 0; NULL: no limit */
	struct weft__lock lock;		/* guards what follows */
	int err;			/* the first */
	u64 count;			/* started, or about to be */
	struct weft_ctx *ctx;		/* of this round; NULL: none yet */
	bool waiting;			/* somebody is in weft_group_wait() */
	struct weft_parker *waiter;	/* on his stack, while he sleeps */
};

struct task {
	struct weft_group *group;
	int (*fn)(void *);
	void *arg;
};

static int forked(void)
{
	return !this_m() && weft__check() == -ECHILD ? -ECHILD : 0;
}

static int check(const struct weft_group *gr)
{
	int r = forked();

	return r || gr ? r : -EINVAL;
}

/* ---- the context ---- */

/* A reference, or NULL.  No allocator under the lock: two may make one. */
struct weft_ctx *weft_group_ctx(struct weft_group *gr)
{
	struct weft_ctx *c, *spare = NULL;
	int r = check(gr);

	if (r) {
		errno = -r;
		return NULL;
	}
	for (;;) {
		weft__lock(&gr->lock);
		if (!gr->ctx && spare) {
			gr->ctx = spare;
			spare = NULL;
		}
		c = weft_ctx_get(gr->ctx);
		weft__unlock(&gr->lock);
		if (c)
			break;
		spare = weft_ctx_cancelable(gr->parent);
		if (!spare)
			return NULL;
	}
	weft_ctx_put(spare);
	return c;
}

/* ---- a function's way ---- */

static void count(struct weft_group *gr)
{
	weft__lock(&gr->lock);
	gr->count++;
	weft__unlock(&gr->lock);
}

/* From the unlock on the group may be gone, unless there is a waiter. */
static void uncount(struct weft_group *gr)
{
	struct weft_parker *p = NULL;

	weft__lock(&gr->lock);
	if (!--gr->count) {
		p = gr->waiter;
		gr->waiter = NULL;
	}
	weft__unlock(&gr->lock);
	if (p)
		weft_unpark(p);
}

static void leave(struct weft_group *gr)
{
	if (gr->slots)
		weft_chan_try_recv(gr->slots, NULL);
	uncount(gr);
}

static void note_error(struct weft_group *gr, int err)
{
	struct weft_ctx *c = NULL;

	weft__lock(&gr->lock);
	if (!gr->err) {
		gr->err = err;
		c = weft_ctx_get(gr->ctx);
	}
	weft__unlock(&gr->lock);
	if (!c)
		return;
	if (weft_ctx_cancel(c, err) == -EINVAL)
		weft_ctx_cancel(c, -ECANCELED);	/* err is no errno */
	weft_ctx_put(c);
}

static void *run(void *arg)
{
	struct task t = *(struct task *)arg;
	int err;

	free(arg);
	err = t.fn(t.arg);
	if (err)
		note_error(t.group, err);
	leave(t.group);
	return NULL;
}

static int start(struct weft_group *gr, int (*fn)(void *), void *arg)
{
	struct task *t = malloc(sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct task){ gr, fn, arg };
	r = weft_go(run, t);
	if (r)
		free(t);
	return r;
}

/*
 * It is counted, so that nobody changes the limit.  The slot of a function that
 * failed comes after the cancel, but a send may still choose it: look again.
 */
static int take_slot(struct weft_group *gr, bool wait)
{
	struct weft_ctx *c = weft_group_ctx(gr);
	int r;

	if (!c)
		return -ENOMEM;
	r = weft_ctx_err(c);
	if (!r && gr->slots)
		r = wait ? weft_ctx_send(c, gr->slots, NULL) :
			   weft_chan_try_send(gr->slots, NULL);
	if (weft_ctx_err(c)) {
		if (!r && gr->slots)
			weft_chan_try_recv(gr->slots, NULL);
		r = -ECANCELED;
	}
	weft_ctx_put(c);
	return r;
}

static int go(struct weft_group *gr, int (*fn)(void *), void *arg, bool wait)
{
	int r = check(gr);

	if (!r && !fn)
		r = -EINVAL;
	if (!r)
		r = weft__check();
	if (r)
		return r;
	count(gr);
	r = take_slot(gr, wait);
	if (r) {
		uncount(gr);
		return r;
	}
	r = start(gr, fn, arg);
	if (r)
		leave(gr);
	return r;
}

int weft_group_go(struct weft_group *gr, int (*fn)(void *), void *arg)
{
	return go(gr, fn, arg, true);
}

int weft_group_try_go(struct weft_group *gr, int (*fn)(void *), void *arg)
{
	return go(gr, fn, arg, false);
}

/* ---- wait ---- */

/* Lock held, count zero: the round ends. */
static int end_round(struct weft_group *gr, struct weft_ctx **ctx)
{
	int err = gr->err;

	gr->waiting = false;
	gr->err = 0;
	*ctx = gr->ctx;
	gr->ctx = NULL;
	return err;
}

int weft_group_wait(struct weft_group *gr)
{
	struct weft_parker p = WEFT_PARKER_INIT;
	struct weft_ctx *ctx = NULL;
	int r = check(gr);

	if (r)
		return r;
	weft__lock(&gr->lock);
	if (gr->waiting) {
		weft__unlock(&gr->lock);
		return -EBUSY;
	}
	gr->waiting = true;
	while (gr->count) {	/* others may start some when it is zero */
		gr->waiter = &p;
		weft__unlock(&gr->lock);
		weft_park(&p);
		weft__lock(&gr->lock);
	}
	r = end_round(gr, &ctx);
	weft__unlock(&gr->lock);
	if (ctx)
		weft_ctx_cancel(ctx, -ECANCELED);
	weft_ctx_put(ctx);
	return r;
}

/* ---- from the first to the last ---- */

struct weft_group *weft_group_new(struct weft_ctx *parent)
{
	struct weft_group *gr;
	int r = forked();

	if (r) {
		errno = -r;
		return NULL;
	}
	gr = calloc(1, sizeof(*gr));
	if (gr)
		gr->parent = weft_ctx_get(parent ? parent :
						   weft_ctx_background());
	return gr;
}

int weft_group_limit(struct weft_group *gr, size_t n)
{
	struct weft_chan *slots = NULL, *old;
	int r = check(gr);

	if (r)
		return r;
	if (n) {
		slots = weft_chan_new(0, n);
		if (!slots)
			return -ENOMEM;
	}
	old = slots;
	weft__lock(&gr->lock);
	if (gr->count) {
		r = -EBUSY;
	} else {
		old = gr->slots;
		gr->slots = slots;
	}
	weft__unlock(&gr->lock);
	weft_chan_free(old);
	return r;
}

int weft_group_free(struct weft_group *gr)
{
	bool busy;
	int r;

	if (!gr)
		return 0;
	r = forked();
	if (r)
		return r;
	weft__lock(&gr->lock);
	busy = gr->count || gr->waiting;
	weft__unlock(&gr->lock);
	if (busy)
		return -EBUSY;
	weft_chan_free(gr->slots);
	if (gr->ctx)
		weft_ctx_cancel(gr->ctx, -ECANCELED);
	weft_ctx_put(gr->ctx);
	weft_ctx_put(gr->parent);
	free(gr);
	return 0;
}
