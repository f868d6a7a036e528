// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * time.c - timers and tickers; see weft/time.h.
 *
 * Below lies core/timer.h: a timer in a P's heap, whose fire() runs on an M's
 * own stack or on sysmon's.  What is here beside it:
 *
 *	lock		who starts, resets and stops, one after the other
 *	fn .. epoch	written under the lock, while the timer is neither
 *			armed nor firing; so fire() has them without
 *
 * The lock may be held while we wait for a fire() to return, which takes a
 * bucket's lock and the channel's, never this one; who holds it never switches.
 *
 * A function that was called may end after its timer's memory is gone, so what
 * is known of it is no part of the timer: a struct call, in a bucket by the
 * timer's number, from fire() until the function has returned.
 *
 *	fire()			the call's G		weft_timer_stop_sync()
 *
 *	into the bucket
 *	a G for it		fn(arg)			find it, refs++
 *				out of the bucket	wait for done
 *				done			refs--
 *				refs--
 *
 * Who drops the last reference frees it.  Rejected: the call inside of the
 * timer (a function could not free its own).
 */
#include "chan.h"
#include "object.h"

#include <weft/time.h>
#include <stdlib.h>

#define BUCKETS 64
#define RETRY NSEC_PER_MSEC

struct alarm {
	struct timer t;		/* obj: the channel, or NULL */
	weft_fn *fn;
	void *arg;
	s64 period;		/* 0: once */
	u64 id;			/* never used twice */
	struct weft__lock lock;
	u32 epoch;		/* which runtime's heap t.heap is in */
	u64 set;		/* since it was stopped: under the lock */
	u64 pad;
};

_Static_assert(sizeof(struct alarm) == sizeof(struct weft_timer), "the ABI");

struct call {
	struct call *next;	/* under the bucket's lock, as refs */
	u32 refs;
	u64 id, seq;
	weft_fn *fn;
	void *arg;
	struct weft_g *g;	/* written by itself, and read by itself */
	struct weft_event done;
};

static struct bucket {
	struct weft__lock lock;
	u64 seq;		/* under the lock, as first */
	struct call *first;
} buckets[BUCKETS];

static u64 ids;

static struct alarm *to_alarm(struct weft_timer *t)
{
	return (struct alarm *)t;
}

int64_t weft_now(void)
{
	return weft__clock();
}

/* ---- calls that run ---- */

static struct bucket *bucket(u64 id)
{
	return &buckets[id % BUCKETS];
}

/* Under the bucket's lock: one of that timer, entered before seq. */
static struct call *find(const struct bucket *b, u64 id, u64 seq)
{
	struct call *c = b->first;

	while (c && (c->id != id || c->seq >= seq))
		c = c->next;
	return c;
}

static void put(struct call *c)
{
	struct bucket *b = bucket(c->id);
	bool last;

	weft__lock(&b->lock);
	last = !--c->refs;
	weft__unlock(&b->lock);
	if (last)
		free(c);
}

static void enlist(struct call *c)
{
	struct bucket *b = bucket(c->id);

	weft__lock(&b->lock);
	c->seq = b->seq++;
	c->next = b->first;
	b->first = c;
	weft__unlock(&b->lock);
}

static void unlist(struct call *c)
{
	struct bucket *b = bucket(c->id);
	struct call **p;

	weft__lock(&b->lock);
	for (p = &b->first; *p != c; p = &(*p)->next)
		;
	*p = c->next;
	weft__unlock(&b->lock);
}

static void *timer_call(void *arg)
{
	struct call *c = arg;

	WRITE_ONCE(c->g, weft_self());
	c->fn(c->arg);
	unlist(c);
	weft_event_set(&c->done);
	put(c);
	return NULL;
}

static bool call_runs(u64 id)
{
	struct bucket *b = bucket(id);
	bool yes;

	weft__lock(&b->lock);
	yes = find(b, id, UINT64_MAX);
	weft__unlock(&b->lock);
	return yes;
}

/* Under the bucket's lock. */
static bool is_caller(const struct bucket *b, u64 id)
{
	struct weft_g *me = weft_self();
	const struct call *c = b->first;

	while (c && (c->id != id || READ_ONCE(c->g) != me))
		c = c->next;
	return me && c;
}

/* -EDEADLK: the caller is one of them. */
static int wait_calls(u64 id)
{
	struct bucket *b = bucket(id);
	struct call *c;
	int r = 0;
	u64 seq;

	weft__lock(&b->lock);
	seq = b->seq;
	if (is_caller(b, id))
		r = -EDEADLK;
	while (!r && (c = find(b, id, seq))) {
		c->refs++;
		weft__unlock(&b->lock);
		r = weft_event_wait(&c->done);
		put(c);
		weft__lock(&b->lock);
	}
	weft__unlock(&b->lock);
	return r;
}

/* ---- firing: on an M's own stack, or sysmon's ---- */

/* False: there is no memory for it. */
static bool start_call(const struct alarm *a)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return false;
	c->refs = 1;
	c->id = a->id;
	c->fn = a->fn;
	c->arg = a->arg;
	enlist(c);
	if (!weft_go(timer_call, c))
		return true;
	unlist(c);
	put(c);
	return false;
}

static void wake(u64 who)
{
	if (!(who & WHO_THREAD))
		weft__timer_wake((struct g *)who);
	else
		weft__wake_who_slow(who);
}

/* Full or closed: the tick is dropped. */
static void send(struct chan *c, s64 now)
{
	u64 who = 0;

	lock(&c->lock);
	if (!c->closed)
		chan_give(c, &now, sizeof(now), NULL, &who);
	clk_unlock(&c->lock);
	if (who)
		wake(who);
}

/* The next of when + k * period that is to come. */
static s64 next_tick(const struct alarm *a, s64 now)
{
	s64 late = now - a->t.when, by, next;

	if (__builtin_mul_overflow(1 + late / a->period, a->period, &by) ||
	    __builtin_add_overflow(a->t.when, by, &next))
		return WEFT_FOREVER - 1;
	return next;
}

static s64 fire(struct timer *t, s64 now)
{
	struct alarm *a = container_of(t, struct alarm, t);

	if (t->obj)
		send(t->obj, now);
	else if (a->period && call_runs(a->id))
		;
	else if (!start_call(a) && !a->period)
		return now + RETRY;
	return a->period ? next_tick(a, now) : INT64_MAX;
}

/* ---- start, reset, stop ---- */

/*
 * Lock held, neither armed nor firing: is a value thrown away?  After that the
 * channel is not touched any more, until it is set again.
 */
static bool drain(struct alarm *a)
{
	struct chan *c = a->t.obj;
	u64 who = 0;
	bool set = a->set, had;
	s64 v;

	a->set = 0;
	if (!set || !c)
		return false;
	lock(&c->lock);
	had = c->n && chan_take(c, &v, sizeof(v), NULL, &who);
	clk_unlock(&c->lock);
	if (who)	/* somebody else sends there: he is not left waiting */
		wake_who(this_m(), who);
	return had;
}

/*
 * Takes the lock.  What another runtime's heap was is gone with it: it left the
 * timer idle; but a fork may have caught it anywhere.
 */
static void begin(struct alarm *a)
{
	weft__lock(&a->lock);
	if (a->epoch == READ_ONCE(S.epoch))
		return;
	a->t.heap = NULL;
	a->t.state = TIMER_IDLE;
	a->epoch = READ_ONCE(S.epoch);
}

/* Lock held.  Was it pending? */
static int halt(struct alarm *a)
{
	int was = weft__timer_stop(&a->t);

	return drain(a) | was;
}

static int arm(struct alarm *a, s64 when, int was)
{
	int r = weft__timer_start(&a->t, when);

	a->set = 1;
	return r < 0 ? r : was;
}

static s64 from_now(s64 period)
{
	s64 when;

	return __builtin_add_overflow(weft__clock(), period, &when) ?
		       WEFT_FOREVER :
		       when;
}

/* What it is to do, with fn or c; and when. */
static int set(struct weft_timer *t, s64 when, s64 period, weft_fn *fn,
	       void *arg, struct weft_chan *c)
{
	struct alarm *a = to_alarm(t);
	int r = weft__check();

	if (r)
		return r;
	begin(a);
	r = halt(a);
	if (!a->id)
		a->id = atomic_add(&ids, 1);
	a->t.fire = fire;
	a->t.obj = c;
	a->fn = fn;
	a->arg = arg;
	a->period = period;
	r = arm(a, when, r);
	weft__unlock(&a->lock);
	return r;
}

static int reset(struct weft_timer *t, s64 when, s64 period)
{
	struct alarm *a = to_alarm(t);
	int r = weft__check();

	if (r)
		return r;
	begin(a);
	if (a->id) {
		r = halt(a);
		a->period = period;
		r = arm(a, when, r);
	} else {
		r = -EINVAL;
	}
	weft__unlock(&a->lock);
	return r;
}

/* Without a runtime nothing is armed, but a value may be there. */
static int stop(struct weft_timer *t)
{
	struct alarm *a = to_alarm(t);
	int r;

	if (!t)
		return -EINVAL;
	r = weft__check();
	if (r == -ECHILD)
		return r;
	begin(a);
	r = r ? drain(a) : halt(a);
	weft__unlock(&a->lock);
	return r;
}

static int stop_sync(struct weft_timer *t)
{
	int r = stop(t), w;

	if (r < 0)
		return r;
	w = wait_calls(READ_ONCE(to_alarm(t)->id));
	return w ? w : r;
}

static bool fits(const struct weft_chan *wc)
{
	const struct chan *c = (const struct chan *)wc;

	return c && c->elem == sizeof(s64) && c->cap == 1;
}

/* ---- what is called ---- */

int weft_timer_start(struct weft_timer *t, int64_t deadline, weft_fn *fn,
		     void *arg)
{
	return t && fn ? set(t, deadline, 0, fn, arg, NULL) : -EINVAL;
}

int weft_timer_chan(struct weft_timer *t, int64_t deadline,
		    struct weft_chan *c)
{
	return t && fits(c) ? set(t, deadline, 0, NULL, NULL, c) : -EINVAL;
}

int weft_timer_reset(struct weft_timer *t, int64_t deadline)
{
	return t ? reset(t, deadline, 0) : -EINVAL;
}

int weft_timer_stop(struct weft_timer *t)
{
	return stop(t);
}

int weft_timer_stop_sync(struct weft_timer *t)
{
	return stop_sync(t);
}

int weft_ticker_start(struct weft_ticker *k, int64_t period, weft_fn *fn,
		      void *arg)
{
	if (!k || !fn || period < 1)
		return -EINVAL;
	return set(&k->weft__timer, from_now(period), period, fn, arg, NULL);
}

int weft_ticker_chan(struct weft_ticker *k, int64_t period,
		     struct weft_chan *c)
{
	if (!k || !fits(c) || period < 1)
		return -EINVAL;
	return set(&k->weft__timer, from_now(period), period, NULL, NULL, c);
}

int weft_ticker_reset(struct weft_ticker *k, int64_t period)
{
	if (!k || period < 1)
		return -EINVAL;
	return reset(&k->weft__timer, from_now(period), period);
}

int weft_ticker_stop(struct weft_ticker *k)
{
	return stop(k ? &k->weft__timer : NULL);
}

int weft_ticker_stop_sync(struct weft_ticker *k)
{
	return stop_sync(k ? &k->weft__timer : NULL);
}
