// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * wait.c - waiting in a queue, where the fast path is not enough; see wait.h
 * and wait_until.h.
 */
#include "../core/sched.h"
#include "../core/waiter.h"
#include "../ctx/overflow.h"
#include "wait_until.h"

/* ---- who wakes ---- */

/*
 * One CAS decides for whom a select's node counts.  Acquire and release: what
 * the select wrote into its nodes is seen here; what we are about to write
 * there it sees by the object's lock, or by its wake.  One look a round: in
 * between two the next runner may move SETUP to PARKED, and neither would fit.
 */
static bool win(struct wnode *n, u64 *who)
{
	u64 v;

	do {
		v = smp_load_acquire(n->sel);
		if (v > SEL_PARKED)
			return false;
	} while (!cas(n->sel, v, (u64)n));
	*who = v == SEL_PARKED ? n->who : 0;
	return true;
}

weft__noinline struct wtaken weft__wq_take_slow(struct wqueue *q,
						const u64 *mine)
{
	struct wnode *n, *next;
	u64 who;
	bool won;

	for (n = q->head; n; n = next) {
		next = n->next;
		who = n->who;
		if (n->sel == mine && mine)
			continue;
		won = !n->sel || win(n, &who);
		wq_del(q, n);	/* a loser may be gone from here on */
		if (won)
			return (struct wtaken){ n, who };
	}
	return (struct wtaken){ NULL, 0 };
}

weft__noinline void weft__wake_who_slow(u64 who)
{
	struct m *m = this_m();

	if (!who)
		return;
	if (who & WHO_THREAD)
		waiter_wake((struct waiter *)(who & ~WHO_THREAD));
	else if (m)
		ready(m, (struct g *)who);
	else
		weft__ready_remote((struct g *)who);
}

/* ---- a G leaves ---- */

/*
 * Steals and seizes nothing, and does not move the P.  A G with hints leaves by
 * the idle loop (hint.c), which does next to nothing before it drops the lock.
 */
weft__noinline struct g *weft__wait_pop_slow(struct m *m)
{
	struct p *p = READ_ONCE(m->p);
	struct g *g = NULL;

	if (!m->locked && !m->hinted && READ_ONCE(p->q.seat) == m_here(m))
		g = weft__rq_pop_any(m, p);
	return g ? g : &m->g0;
}

weft__noinline void weft__wait_tick(void)
{
	if (!this_m()->hinted)	/* else it has left by the idle loop */
		g_yield();
}

/* ---- deadlines ---- */

static bool end(struct waiting *w, int ret)
{
	bool in;

	clk_lock(weft__my_vcpu(), w->lock);
	in = w->n.in;
	if (in) {
		wq_del(w->q, &w->n);
		w->n.ret = ret;
	}
	clk_unlock(w->lock);
	return in;
}

bool weft__wait_end(struct waiting *w, int ret)
{
	u64 who = w->n.who;

	if (!end(w, ret))
		return false;
	weft__wake_who_slow(who);
	return true;
}

static bool take_out(struct timer *t)
{
	return end(container_of(t, struct waiting, t), -ETIMEDOUT);
}

static bool take_out_select(struct timer *t)
{
	return cas((u64 *)t->obj, SEL_PARKED, SEL_LATE);
}

static bool commit_timed(struct m *m, struct g *prev, struct ctx *pc)
{
	struct waiting *w = pc->arg;

	(void)m, (void)prev;
	clk_unlock(w->lock);
	return weft__timer_commit(&w->t, true);
}

static bool commit_select(struct m *m, struct g *prev, struct ctx *pc)
{
	(void)m, (void)prev;
	return cas((u64 *)pc->arg, SEL_SETUP, SEL_PARKED);
}

static bool commit_select_timed(struct m *m, struct g *prev, struct ctx *pc)
{
	struct waiting *w = pc->arg;

	(void)m, (void)prev;
	return weft__timer_commit(&w->t, cas(&w->sel, SEL_SETUP, SEL_PARKED));
}

/* ---- one interface ---- */

static __thread struct waiter thread_waiter;

static weft__noinline int thread_begin(struct waiting *w)
{
	int ret = weft__check();

	if (ret == -ECHILD)
		return ret;	/* its lock may be held for ever */
	waiter_init(&thread_waiter);
	w->n.who = (u64)&thread_waiter | WHO_THREAD;
	return 0;
}

/*
 * A G may wait; not a handler on the M's alternate stack, which has interrupted
 * its G somewhere, nor what runs on the M's own stack, as a policy does.
 */
weft__noinline bool weft__wait_allowed(struct m *m)
{
	return m->cur != &m->g0 && !weft__altstack_on(m->altstack);
}

int weft__wait_begin(struct waiting *w, struct clk *lock, struct wqueue *q,
		     s64 deadline)
{
	struct m *m = this_m();

	w->lock = lock;
	w->q = q;
	w->deadline = deadline;
	w->sel = SEL_SETUP;
	w->n.sel = NULL;
	w->n.in = 0;
	w->n.ret = 0;
	if (deadline != INT64_MAX && deadline <= weft__clock())
		return -ETIMEDOUT;
	if (!m)
		return thread_begin(w);
	if (!weft__wait_allowed(m))
		return -EPERM;
	w->n.who = (u64)m->cur;
	if (deadline == INT64_MAX)
		return 0;
	w->t = (struct timer){
		.when = deadline,
		.take_out = lock ? take_out : take_out_select,
		.obj = lock ? NULL : &w->sel,
	};
	return weft__timer_arm(m, &w->t);
}

/* The timer may be about to ask for the node, and finds it in no queue. */
void weft__wait_none(struct waiting *w)
{
	if (w->deadline == INT64_MAX || (w->n.who & WHO_THREAD))
		return;
	weft__timer_commit(&w->t, false);
	weft__timer_done(&w->t);
}

static int wait_thread(struct waiting *w)
{
	struct waiter *wt = (struct waiter *)(w->n.who & ~WHO_THREAD);

	if (!waiter_wait(wt, w->deadline))
		return 0;
	if (w->lock ? end(w, -ETIMEDOUT) :
		      cas(&w->sel, SEL_PARKED, SEL_LATE))
		return -ETIMEDOUT;
	return waiter_wait(wt, INT64_MAX);
}

static int leave(struct m *m, struct waiting *w, u8 why,
		 weft__commit_fn *commit)
{
	struct g *n = wait_pop(m);
	bool late;

	note_park(m, m->cur, why);
	g_flag(m->cur, GF_TIMED);
	switch_to(m, n, (u64)commit, w);
	late = weft__timer_done(&w->t);
	m = this_m();
	m->cur->wait = WAIT_NONE;
	g_unflag(m->cur, GF_TIMED);
	wait_back();
	return late ? -ETIMEDOUT : 0;
}

int weft__wait(struct waiting *w, u8 why)
{
	struct m *m = this_m();

	if (!m) {
		clk_unlock(w->lock);
		return wait_thread(w);
	}
	if (w->deadline != INT64_MAX)
		return leave(m, w, why, commit_timed);
	wait_park(m, w->lock, why);
	return 0;
}

int weft__wait_select(struct waiting *w)
{
	struct m *m = this_m();
	struct g *n;

	if (!m)
		return cas(&w->sel, SEL_SETUP, SEL_PARKED) ? wait_thread(w) : 0;
	if (w->deadline != INT64_MAX)
		return leave(m, w, WAIT_SELECT, commit_select_timed);
	n = pop(m);
	note_park(m, m->cur, WAIT_SELECT);
	switch_to(m, n ? n : &m->g0, (u64)commit_select, &w->sel);
	this_m()->cur->wait = WAIT_NONE;
	return 0;
}
