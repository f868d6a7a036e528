// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * parker.c - the permit, when the fast path could not; see weft/park.h.
 *
 *	word: 0 -- unpark --> PERMIT -- park --> 0
 *	      0 -- park ----> a G, or a thread -- unpark --> 0, and it runs
 *
 * The word is biased to a CPU (ds/bias.h).  A G is stored there by whoever
 * runs after it switched away, so that it is not woken before its context is
 * saved.  Whoever takes the waiter out, an unpark or its deadline, and nobody
 * else, makes it runnable, and does not touch the parker afterwards.
 */
#include "../core/hint.h"
#include "../core/sysmon.h"
#include "../core/timer.h"
#include "../core/waiter.h"

#include <weft/park.h>
#include <string.h>

_Static_assert(sizeof(struct bias) <= offsetof(struct weft_parker, weft__next),
	       "a parker begins with its biased word");

static struct bias *bias_of(struct weft_parker *p)
{
	return (struct bias *)p;
}

/* ---- unpark ---- */

/* What stands in the word for a G that parks. */
static u64 park_word(const struct g *g)
{
	return (u64)g | (weft__hint_critical(g) ? PARK_THREAD | PARK_URGENT :
						  0);
}

static void wake(u64 w)
{
	struct m *m = this_m();

	if (w & PARK_URGENT)
		weft__ready_remote((struct g *)(w & ~PARK_FLAGS));
	else if (w & PARK_THREAD)
		waiter_wake((struct waiter *)(w & ~PARK_THREAD));
	else if (m)
		ready(m, (struct g *)w);
	else
		weft__ready_remote((struct g *)w);
}

/*
 * A permit that is there already is stored once more, not just seen: while the
 * word is shared, only the LOCK orders what the caller made true before what
 * the G that spends the permit sees.  Merely seen, it can be spent by a G that
 * does not see our datum yet and then sleeps for ever.
 */
weft__noinline int weft__unpark_slow(struct bias *b)
{
	struct vcpu *vc = weft__my_vcpu();
	u64 w;

	for (;;) {
		w = smp_load_acquire(&b->word);
		if (w > PARK_PERMIT && (w & PARK_FLAGS) != PARK_THREAD &&
		    weft__check())
			return weft__check();
		if (bias_cas(vc, b, w, w > PARK_PERMIT ? 0 : PARK_PERMIT))
			break;
	}
	if (w > PARK_PERMIT)
		wake(w);
	return 0;
}

/* ---- park ---- */

/* Store who waits; or take the permit; or -EBUSY: another waits. */
static int enlist(struct vcpu *vc, struct bias *b, u64 who)
{
	for (;;) {
		if (bias_cas(vc, b, 0, who))
			return 1;
		if (bias_cas(vc, b, PARK_PERMIT, 0))
			return 0;
		if (READ_ONCE(b->word) > PARK_PERMIT)
			return -EBUSY;
	}
}

static inline bool commit(struct m *m, struct g *prev, struct ctx *pc, u64 w)
{
	struct bias *b = pc->arg;
	int r = enlist(m->vc, b, w);

	if (r > 0)
		return true;
	prev->wait = WAIT_NONE;
	if (r)
		pc->arg = NULL;
	return false;
}

bool weft__park_commit(struct m *m, struct g *prev, struct ctx *pc)
{
	return commit(m, prev, pc, (u64)prev);
}

bool weft__park_commit_urgent(struct m *m, struct g *prev, struct ctx *pc)
{
	return commit(m, prev, pc, park_word(prev));
}

static __thread struct waiter thread_waiter;

static int park_thread(struct bias *b, s64 deadline)
{
	struct vcpu *vc = weft__my_vcpu();
	struct waiter *w = &thread_waiter;
	int r;

	if (bias_cas(vc, b, PARK_PERMIT, 0))
		return 0;
	if (!deadline)
		return -ETIMEDOUT;
	waiter_init(w);
	r = enlist(vc, b, (u64)w | PARK_THREAD);
	if (r <= 0)
		return r;
	if (!waiter_wait(w, deadline))
		return 0;
	if (bias_cas(vc, b, (u64)w | PARK_THREAD, 0))
		return -ETIMEDOUT;
	return waiter_wait(w, INT64_MAX);
}

weft__noinline int weft__park_slow(struct bias *b)
{
	return park_thread(b, INT64_MAX);
}

static bool take_out(struct timer *t)
{
	return bias_cas(weft__my_vcpu(), t->obj, park_word(t->g), 0);
}

static bool commit_timed(struct m *m, struct g *prev, struct ctx *pc)
{
	struct timer *t = pc->arg;
	int r = enlist(m->vc, t->obj, park_word(prev));

	if (r <= 0) {
		prev->wait = WAIT_NONE;
		pc->err = r;
	}
	return weft__timer_commit(t, r > 0);
}

static int park_timed(struct m *m, struct bias *b, s64 deadline)
{
	struct timer t = { .when = deadline, .take_out = take_out, .obj = b };
	struct g *n;
	int err = *m->err, r;

	if (weft__timer_arm(m, &t))
		return -ENOMEM;
	*m->err = 0;
	n = pop(m);
	note_park(m, m->cur, WAIT_PARK);
	g_flag(m->cur, GF_TIMED);
	switch_to(m, n ? n : &m->g0, (u64)commit_timed, &t);
	r = *this_m()->err;	/* commit_timed's: errno travels with us */
	if (weft__timer_done(&t))
		r = -ETIMEDOUT;
	m = this_m();
	m->cur->wait = WAIT_NONE;
	g_unflag(m->cur, GF_TIMED);
	*m->err = err;
	return r;
}

int weft_park_until(struct weft_parker *p, int64_t deadline)
{
	struct bias *b = bias_of(p);
	struct m *m = this_m();

	if (!m)
		return park_thread(b, deadline);
	if (deadline == WEFT_FOREVER)
		return parker_park(b);
	if (bias_cas(m->vc, b, PARK_PERMIT, 0))
		return 0;
	if (deadline <= 0 || deadline <= weft__clock())
		return -ETIMEDOUT;
	return park_timed(m, b, deadline);
}

/* ---- from a signal handler ---- */

/*
 * A push onto a list, and a futex wake: it may have interrupted an M anywhere.
 * sysmon does the rest.  A parker that is on the list already is left there;
 * its permit comes when the list is emptied, after this call.
 */
int weft_unpark_signal(struct weft_parker *p)
{
	struct weft_parker *head;
	int ret = weft__check();

	if (ret)
		return ret;
	if (!cas(&p->weft__next, NULL, p))
		return 0;
	do {
		head = READ_ONCE(S.signals);
		WRITE_ONCE(p->weft__next, head ? head : p);
	} while (!cas(&S.signals, head, p));
	weft__sysmon_kick();
	return 0;
}

static struct weft_parker *take_first(struct weft_parker *p)
{
	struct weft_parker *next = READ_ONCE(p->weft__next);

	(void)xchg(&p->weft__next, NULL);
	return next == p ? NULL : next;
}

/* sysmon: the list's end is marked by a parker that names itself. */
void weft__signals_run(void)
{
	struct weft_parker *p = xchg(&S.signals, NULL), *next;

	for (; p; p = next) {
		next = take_first(p);
		weft_unpark(p);
	}
}

/* Else no later call would list these parkers again. */
void weft__signals_forget(void)
{
	struct weft_parker *p = S.signals;

	while (p)
		p = take_first(p);
}
