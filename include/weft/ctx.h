/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * ctx.h - contexts: cancel work, or bound it by a deadline, as Go's.
 *
 * Contexts form trees.  What cancels one, a call or its deadline, cancels all
 * that were made from it, and wakes who waits by weft_ctx_sleep() and the
 * like, or in a weft_select() for weft_ctx_done().
 *
 * They are counted: who makes one, or calls weft_ctx_get(), gives it back by
 * weft_ctx_put().  Gs and ordinary threads may use them, threads without a
 * runtime too; nobody in a signal handler.  In the child of a fork all that
 * would change one answers -ECHILD.
 *
 * A deadline is a timer of the runtime that is there when the context is made.
 * Without one, and once it was stopped, the deadline still ends the calls of
 * this file, but nobody closes weft_ctx_done() before one of them is made.
 */
#ifndef WEFT_CTX_H
#define WEFT_CTX_H

#include "chan.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_ctx;

/**
 * weft_ctx_background() - the context that is never cancelled
 *
 * The parent of all others.  It need not be given back.
 */
struct weft_ctx *weft_ctx_background(void);

/**
 * weft_ctx_cancelable() - a context, cancelled by a call, or with @parent
 * @parent:	may be given back before its child is
 *
 * If @parent is cancelled, so is the new one, with the same error.
 *
 * Return: the context; NULL, and errno is EINVAL: no @parent, ENOMEM, ECHILD.
 */
struct weft_ctx *weft_ctx_cancelable(struct weft_ctx *parent);

/**
 * weft_ctx_until() - the same, with a deadline
 * @parent:	if its deadline is earlier, that one counts
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_FOREVER: none.  One that has come
 *		makes a context that is cancelled already.
 *
 * Return: as weft_ctx_cancelable().
 */
struct weft_ctx *weft_ctx_until(struct weft_ctx *parent, int64_t deadline_ns);

/**
 * weft_ctx_get() - one more reference
 * @ctx:	the context; NULL is none
 *
 * Return: @ctx.
 */
struct weft_ctx *weft_ctx_get(struct weft_ctx *ctx);

/**
 * weft_ctx_put() - give a reference back
 * @ctx:	the context; NULL is none
 *
 * The last one does not cancel what was made from it.  It may wait for a moment
 * until who cancels the context at that time has done so; so it is not for what
 * a timer calls.  A thread without a reference that still waits for
 * weft_ctx_done() is a bug of the caller: reported, then abort.  Not from an
 * ordinary thread while another is in weft_stop().
 *
 * Return: 0; -ECHILD.
 */
int weft_ctx_put(struct weft_ctx *ctx);

/**
 * weft_ctx_cancel() - cancel a context and all that were made from it
 * @ctx:	the context
 * @err:	what weft_ctx_err() says from now on; 0: -ECANCELED
 *
 * The time it takes grows with the number of those.
 *
 * Return: 0; -EALREADY: it was cancelled before, and nothing was done; -EINVAL:
 * no context, the background, or an @err that is no negative errno; -ECHILD.
 */
int weft_ctx_cancel(struct weft_ctx *ctx, int err);

/**
 * weft_ctx_err() - is it cancelled, and why?
 * @ctx:	the context
 *
 * Return: 0: no; -ETIMEDOUT: its deadline has come; what weft_ctx_cancel() was
 * given; -EINVAL: no context.
 */
int weft_ctx_err(struct weft_ctx *ctx);

/** weft_ctx_deadline() - its deadline; WEFT_FOREVER if it, or @ctx, is none */
int64_t weft_ctx_deadline(const struct weft_ctx *ctx);

/**
 * weft_ctx_done() - a channel that is closed when the context is cancelled
 * @ctx:	the context
 *
 * Only to receive from, as a case of weft_select() or else; it stays as long
 * as the context.  What cancelled it is seen by weft_ctx_err() afterwards.
 *
 * Return: the channel; NULL for the background, which weft_select() takes for
 * one that is never ready, and if there is no context.
 */
struct weft_chan *weft_ctx_done(struct weft_ctx *ctx);

/**
 * weft_ctx_sleep() - sleep, unless the context is cancelled
 * @ctx:	the context
 * @ns:		0 or less: only asks
 *
 * Return: 0: that long; weft_ctx_err() if it is cancelled before or meanwhile;
 * -EINVAL: no context; -ENOMEM, -EPERM, -ECHILD as weft_chan_recv_until().
 */
int weft_ctx_sleep(struct weft_ctx *ctx, int64_t ns);

/**
 * weft_ctx_send() - weft_chan_send(), unless the context is cancelled
 * @ctx:	the context
 * @c:		the channel
 * @elem:	the element
 *
 * If it is cancelled before the call nothing is sent.
 *
 * Return: as weft_chan_send(), or weft_ctx_err(): it was not sent; -ENOMEM.
 */
int weft_ctx_send(struct weft_ctx *ctx, struct weft_chan *c, const void *elem);

/**
 * weft_ctx_recv() - weft_chan_recv(), unless the context is cancelled
 * @ctx:	the context
 * @c:		the channel
 * @elem:	where it is stored; NULL: nowhere
 *
 * If it is cancelled before the call nothing is received.
 *
 * Return: as weft_chan_recv(), or weft_ctx_err(): none was taken; -ENOMEM.
 */
int weft_ctx_recv(struct weft_ctx *ctx, struct weft_chan *c, void *elem);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_CTX_H */
