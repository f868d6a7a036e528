// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * join.c - join and detach when the fast path could not.
 *
 *	joiner					the G that ends
 *
 *	load join: DONE? take the result	arg = result
 *	switch away; the next runner then:	xchg join, DONE
 *	CAS join NONE -> joiner			  it was a joiner: ready it
 *	  failed: DONE, go on at once
 *
 * The joiner becomes visible only after its context is saved; so the CAS is
 * done by whoever runs after the switch.
 */
#include "hint.h"
#include "g_end.h"
#include "gpool.h"
#include "timer.h"
#include "waiter.h"

static _Noreturn void stale(const struct g *c)
{
	weft__bug(c, "joined or detached twice: its handle was released");
}

static int finished(struct m *m, struct g *c, void **ret)
{
	if (ret)
		*ret = c->arg;
	g_free(m, c);
	return 0;
}

static bool commit(struct m *m, struct g *prev, struct ctx *pc)
{
	struct g *c = pc->arg;

	(void)m;
	return cas(&c->join, JOIN_NONE, (uintptr_t)prev);
}

/* Wait for c, of which nothing is known; to runs meanwhile. */
static int wait_for(struct m *m, struct g *c, struct g *to, void **ret)
{
	note_park(m, m->cur, WAIT_JOIN);
	switch_to(m, to, (u64)commit, c);
	m = this_m();
	m->cur->wait = WAIT_NONE;
	if (smp_load_acquire(&c->join) != JOIN_DONE)
		return -EBUSY;
	return finished(m, c, ret);
}

/* The child had keys, a lock, declared FP words, or hints around it. */
weft__noinline void weft__child_end(struct g *c, struct g *self)
{
	struct fpenv fp;

	weft__g_end(c);
	weft__hint_child_ended(c, self);
	if (!weft__fp_declared)
		return;
	weft__fp_declared_read(self, &fp);
	fp_load(&fp);
}

/* The joiner may be inside a catch: the child starts outside of any. */
static int run_child_eh(struct m *m, struct g *c, void **ret)
{
	struct ehstate eh = *m->eh;

	*m->eh = (struct ehstate){ NULL, 0 };
	run_child(m, c, ret);
	m = this_m();
	if (m && m->eh)
		*m->eh = eh;
	return 0;
}

/* What join_taken() could not do in place. */
weft__noinline int weft__join_taken(struct m *m, struct g *c, void **ret)
{
	struct g *to = c;
	int err;

	if (c->join != JOIN_NONE) {
		err = c->join == JOIN_DETACHED ? -EINVAL : -EBUSY;
		push(m, c);	/* from here on it may be gone */
		return err;
	}
	if ((uintptr_t)c->ctx != CTX_FRESH || !stack_half_free(m->cur)) {
		if (m->hinted) {	/* leaves by the idle loop only */
			push(m, c);
			to = pop(m);
		}
		return wait_for(m, c, to, ret);
	}
	return m->eh ? run_child_eh(m, c, ret) : run_child(m, c, ret);
}

weft__noinline void weft__slice_over(void)
{
	struct m *m = this_m();

	WRITE_ONCE(m->expired, 0);
	/* And look around: 61 slices are too long for that. */
	weft__tick_soon(m);
	g_yield();
}

/* 1: wait; else the answer */
static int state_of(const struct g *c, const struct g *self)
{
	uintptr_t j = smp_load_acquire(&c->join);

	if (j == JOIN_FREE)
		stale(c);
	if (c == self)
		return -EDEADLK;
	if (j == JOIN_DETACHED)
		return -EINVAL;
	if (j == JOIN_DONE)
		return 0;
	return j == JOIN_NONE ? 1 : -EBUSY;
}

static int check_handle(const struct g *c)
{
	int ret = weft__check();

	return ret ? ret : c ? 0 : -EINVAL;
}

/* ---- ordinary threads ---- */

static __thread struct waiter thread_waiter;

void weft__join_wake(uintptr_t w)
{
	waiter_wake((struct waiter *)(w & ~JOIN_THREAD));
}

/* A G that nobody's M can cache. */
static void free_foreign(struct g *c)
{
	c->join = JOIN_FREE;
	weft__gpool_put(S.node[0].gpool, c, c, 1);
}

static int join_thread(struct g *c, void **ret, s64 deadline)
{
	struct waiter *w = &thread_waiter;
	int r = state_of(c, NULL);

	if (r < 0)
		return r;
	waiter_init(w);
	if (r && deadline == 0)
		return -ETIMEDOUT;
	if (r && cas(&c->join, JOIN_NONE, (uintptr_t)w | JOIN_THREAD) &&
	    waiter_wait(w, deadline)) {
		if (cas(&c->join, (uintptr_t)w | JOIN_THREAD, JOIN_NONE))
			return -ETIMEDOUT;
		waiter_wait(w, INT64_MAX);
	}
	if (smp_load_acquire(&c->join) != JOIN_DONE)
		return -EBUSY;
	if (ret)
		*ret = c->arg;
	free_foreign(c);
	return 0;
}

/* ---- Gs ---- */

weft__noinline int weft__join_slow(struct g *c, void **ret)
{
	struct m *m = this_m();
	int r = check_handle(c);
	struct g *n;

	if (r)
		return r;
	if (!m)
		return join_thread(c, ret, INT64_MAX);
	r = state_of(c, m->cur);
	if (r < 0)
		return r;
	if (!r)
		return finished(m, c, ret);
	if (weft__twin && twin_take_tail(m->vc, &READ_ONCE(m->p)->q, c))
		return join_taken(m, c, ret);
	n = pop(m);
	return wait_for(m, c, n ? n : &m->g0, ret);
}

static bool take_out(struct timer *t)
{
	struct g *c = t->obj;

	return cas(&c->join, (uintptr_t)t->g, JOIN_NONE);
}

static bool commit_timed(struct m *m, struct g *prev, struct ctx *pc)
{
	struct timer *t = pc->arg;
	struct g *c = t->obj;

	(void)m;
	return weft__timer_commit(t, cas(&c->join, JOIN_NONE,
					 (uintptr_t)prev));
}

static int wait_until(struct m *m, struct g *c, void **ret, s64 deadline)
{
	struct timer t = { .when = deadline, .take_out = take_out, .obj = c };
	bool late;
	struct g *n;

	if (deadline <= weft__clock())
		return -ETIMEDOUT;
	if (weft__timer_arm(m, &t))
		return -ENOMEM;
	n = pop(m);
	note_park(m, m->cur, WAIT_JOIN);
	g_flag(m->cur, GF_TIMED);
	switch_to(m, n ? n : &m->g0, (u64)commit_timed, &t);
	late = weft__timer_done(&t);
	m = this_m();
	m->cur->wait = WAIT_NONE;
	g_unflag(m->cur, GF_TIMED);
	if (late)
		return -ETIMEDOUT;
	if (smp_load_acquire(&c->join) != JOIN_DONE)
		return -EBUSY;
	return finished(m, c, ret);
}

int weft__join_until(struct g *c, void **ret, s64 deadline)
{
	struct m *m = this_m();
	int r = check_handle(c);

	if (r)
		return r;
	if (!m)
		return join_thread(c, ret, deadline);
	if (deadline == INT64_MAX)
		return g_join(c, ret);
	r = state_of(c, m->cur);
	if (r < 0)
		return r;
	return r ? wait_until(m, c, ret, deadline) : finished(m, c, ret);
}

int weft__detach(struct g *c)
{
	int r = check_handle(c);

	if (r)
		return r;
	r = state_of(c, NULL);
	if (r < 0)
		return r;
	if (r && cas(&c->join, JOIN_NONE, JOIN_DETACHED))
		return 0;
	if (smp_load_acquire(&c->join) != JOIN_DONE)
		return -EBUSY;
	if (this_m())
		g_free(this_m(), c);
	else
		free_foreign(c);
	return 0;
}
