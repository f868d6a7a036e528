/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * time.h - the clock, timers and tickers: as Go's since 1.23.
 *
 * A timer calls a function in a G of its own, or sends the time into a channel,
 * once its deadline has come and never before.  A ticker does so again and
 * again.  After a stop or a reset has returned, nothing comes any more of what
 * was set before: no G is started, and no stale value is in the channel.  What
 * a stop does not do is wait for a function that runs already;
 * weft_timer_stop_sync() does.
 *
 * They may be used by Gs and ordinary threads, by several at once, but not in
 * signal handlers, and from one runtime only after the other:
 *
 *	before weft_start()	start and reset return -EPERM, stop returns 0
 *	at weft_stop()		what is armed is stopped, and will not be
 *				called; no call on a timer may run beside it.
 *				A timer keeps neither weft_run() nor weft_stop()
 *				waiting, but a function that it has started does
 *	after another start	they may be started again
 *	after fork()		-ECHILD; once the child has a runtime of its
 *				own, those that were not in use at the fork
 *				may be used, others must be made zero first
 *
 * All zero is a timer that was never started.  Its memory may be given back
 * once a stop has returned and nobody starts it any more, within its own
 * function, too; that the function was called is not enough.
 */
#ifndef WEFT_TIME_H
#define WEFT_TIME_H

#include "chan.h"
#include "g.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * weft_now() - the clock of all deadlines, in ns
 *
 * CLOCK_MONOTONIC; or virtual, if the last start said so (enum weft_clock).
 */
int64_t weft_now(void);

/** struct weft_timer - comes once; the fields are the library's */
struct weft_timer {
	uint64_t weft__words[14];
};

#define WEFT_TIMER_INIT { { 0 } }

/**
 * weft_timer_start() - call @fn when @deadline_ns has come
 * @t:		the timer; one that is pending is moved, and calls the new @fn
 * @deadline_ns: on CLOCK_MONOTONIC; one that has passed: at once;
 *		WEFT_FOREVER: not before a reset
 * @fn:		called in a G of its own; must return, not weft_exit()
 * @arg:	for @fn
 *
 * Without memory for the G it is tried again each millisecond.
 *
 * Return: 1: it was pending; 0: it was not; -EINVAL; -ENOMEM, and it is not
 * pending; -EPERM: no runtime; -ECHILD.
 */
int weft_timer_start(struct weft_timer *t, int64_t deadline_ns, weft_fn *fn,
		     void *arg);

/**
 * weft_timer_chan() - send the time into @c when @deadline_ns has come
 * @t:		the timer
 * @deadline_ns: as weft_timer_start()
 * @c:		for elements of 8 bytes, with a capacity of 1, and for @t alone:
 *		what is in it when @t is stopped or set anew is thrown away
 *
 * An int64_t is sent: what the clock was.  @c stays the caller's, and is freed
 * after a stop.  If it is closed nothing is sent.
 *
 * Return: as weft_timer_start(); also 1 if a value was thrown away.
 */
int weft_timer_chan(struct weft_timer *t, int64_t deadline_ns,
		    struct weft_chan *c);

/**
 * weft_timer_reset() - the same once more at another time
 * @t:		the timer; need not be pending
 * @deadline_ns: as weft_timer_start()
 *
 * A function that runs already may then run beside the new one.
 *
 * Return: as weft_timer_start(), 1 also if a value was thrown away; -EINVAL: it
 * was never started.
 */
int weft_timer_reset(struct weft_timer *t, int64_t deadline_ns);

/**
 * weft_timer_stop() - it is not to come
 * @t:		the timer
 *
 * May wait for a moment, for a thread that is just starting its function.
 *
 * Return: 1: it was pending, or the value that it had sent was thrown away; 0:
 * neither, and its function may be running; -ECHILD, -EINVAL for NULL.
 */
int weft_timer_stop(struct weft_timer *t);

/**
 * weft_timer_stop_sync() - weft_timer_stop(), and wait for its functions
 * @t:		the timer
 *
 * When it returns no function runs that was started before it was called.
 *
 * Return: as weft_timer_stop(); -EDEADLK: called within that function, and it
 * was stopped, but not waited for.
 */
int weft_timer_stop_sync(struct weft_timer *t);

/** struct weft_ticker - comes each period; the fields are the library's */
struct weft_ticker {
	struct weft_timer weft__timer;
};

#define WEFT_TICKER_INIT { WEFT_TIMER_INIT }

/**
 * weft_ticker_start() - call @fn each period, from one period from now on
 * @k:		the ticker
 * @period_ns:	at least 1
 * @fn:		as weft_timer_start()
 * @arg:	for @fn
 *
 * The times are those of the first one and multiples of the period: nothing
 * adds up.  A tick is dropped if the time of the next one has come, too, or if
 * the function of an earlier one has not returned.
 *
 * Return: as weft_timer_start(); -EINVAL also for a period below 1.
 */
int weft_ticker_start(struct weft_ticker *k, int64_t period_ns, weft_fn *fn,
		      void *arg);

/**
 * weft_ticker_chan() - send the time into @c each period
 * @k:		the ticker
 * @period_ns:	at least 1
 * @c:		as weft_timer_chan(); a tick is dropped while it is full
 *
 * Return: as weft_timer_chan(); -EINVAL also for a period below 1.
 */
int weft_ticker_chan(struct weft_ticker *k, int64_t period_ns,
		     struct weft_chan *c);

/** weft_ticker_reset() - another period, from now on; as weft_timer_reset() */
int weft_ticker_reset(struct weft_ticker *k, int64_t period_ns);
/** weft_ticker_stop() - as weft_timer_stop() */
int weft_ticker_stop(struct weft_ticker *k);
/** weft_ticker_stop_sync() - as weft_timer_stop_sync() */
int weft_ticker_stop_sync(struct weft_ticker *k);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_TIME_H */
