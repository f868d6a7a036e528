// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * api.c - the exported forms of the fast paths.
 *
 * Each is the body from fast.h with a return behind it.  After a switch that
 * return goes where another G came from, and is predicted badly; a program
 * that minds defines WEFT_INLINE.
 */
#include "sched.h"
#include "gpool.h"
#include "timer.h"

#include <weft/weft.h>

#define caller() __builtin_return_address(0)

static struct g *to_g(struct weft_g *g)
{
	return (struct g *)g;
}

int weft_go(weft_fn *fn, void *arg)
{
	return g_spawn(NULL, fn, arg, JOIN_DETACHED, caller());
}

int weft_spawn(struct weft_g **gp, const struct weft_attr *attr, weft_fn *fn,
	       void *arg)
{
	if (unlikely(!gp))
		return -EINVAL;
	if (unlikely(attr))
		return weft__spawn_attr((struct g **)gp, attr, fn, arg,
					caller());
	return g_spawn((struct g **)gp, fn, arg, JOIN_NONE, caller());
}

int weft_join(struct weft_g *g, void **ret)
{
	return g_join(to_g(g), ret);
}

int weft_join_until(struct weft_g *g, void **ret, int64_t deadline)
{
	return weft__join_until(to_g(g), ret, deadline);
}

int weft_detach(struct weft_g *g)
{
	return weft__detach(to_g(g));
}

struct weft_g *weft_self(void)
{
	struct m *m = this_m();

	return m ? (struct weft_g *)m->cur : NULL;
}

uint64_t weft_id(const struct weft_g *g)
{
	return g ? ((const struct g *)g)->id : 0;
}

void weft_exit(void *ret)
{
	weft__exit(ret);
}

void weft_yield(void)
{
	g_yield();
}

void weft_checkpoint(void)
{
	struct m *m = this_m();

	if (m && unlikely(READ_ONCE(m->expired)))
		weft__slice_over();
}

/* Due is due: there is nothing to take a sleeper out of. */
static bool take_out(struct timer *t)
{
	return smp_load_acquire(&t->phase) != TIMER_PENDING;
}

static bool commit_sleep(struct m *m, struct g *prev, struct ctx *pc)
{
	(void)m, (void)prev;
	return weft__timer_commit(pc->arg, true);
}

static int sleep_thread(int64_t ns)
{
	struct timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	while (nanosleep(&ts, &ts))
		;
	return 0;
}

int weft_sleep(int64_t ns)
{
	struct timer t = { .take_out = take_out };
	struct m *m = this_m();
	struct g *n;

	if (ns <= 0) {
		weft_yield();
		return 0;
	}
	if (!m)
		return sleep_thread(ns);
	t.when = weft__clock();
	t.when = ns < INT64_MAX - t.when ? t.when + ns : INT64_MAX;
	if (weft__timer_arm(m, &t))
		return -ENOMEM;
	n = pop(m);
	note_park(m, m->cur, WAIT_SLEEP);
	g_flag(m->cur, GF_TIMED);
	switch_to(m, n ? n : &m->g0, (u64)commit_sleep, &t);
	weft__timer_done(&t);
	m = this_m();
	m->cur->wait = WAIT_NONE;
	g_unflag(m->cur, GF_TIMED);
	return 0;
}

/* Read where it is called, not where a compiler remembers it. */
weft__noinline int weft_errno(void)
{
	struct m *m = this_m();

	return m ? *m->err : errno;
}

int weft_lock_thread(void)
{
	return weft__lock_thread();
}

int weft_unlock_thread(void)
{
	return weft__unlock_thread();
}

int weft_park(struct weft_parker *p)
{
	return parker_park((struct bias *)p);
}

int weft_unpark(struct weft_parker *p)
{
	return parker_unpark((struct bias *)p);
}

void weft_block_begin(void)
{
	block_begin();
}

void weft_block_end(void)
{
	block_end();
}

void weft__fp_declared_read(const struct g *g, struct fpenv *fp)
{
	*fp = g->flags & GF_COLD && g_cold(g)->fp.mxcsr ? g_cold(g)->fp :
							  weft__fp_start;
}

int weft_fesetenv(uint32_t mxcsr, uint16_t fpcw)
{
#if defined(__x86_64__)
	struct fpenv fp = { .mxcsr = mxcsr, .fpcw = fpcw };
	struct m *m = this_m();

	if (!m)
		return -EPERM;
	g_flag(m->cur, GF_COLD);
	g_cold(m->cur)->fp = fp;
	fp_load(&fp);
	return 0;
#else
	(void)mxcsr, (void)fpcw;
	return -ENOTSUP;
#endif
}
