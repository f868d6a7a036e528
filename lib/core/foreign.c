// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * foreign.c - ordinary threads: they spawn, make ready, register.
 *
 * Such a thread has no M and no caches.  By law L1 it may use the queue of the
 * P that sits on its CPU, like anybody who runs there; else the global queue.
 * It always wakes an M, since no M of its own will come to look.
 */
#include "policy_hooks.h"
#include "g_end.h"
#include "gpool.h"
#include "hint.h"
#include "preempt.h"
#include "vclock.h"
#include "../os/rseq.h"

#include <weft/block.h>
#include <weft/g.h>
#include <sched.h>
#include <string.h>

static __thread struct vcpu no_cpu = { .cpu_id = RUNQ_NOCPU };
static __thread u32 registered;	/* in which epoch */

/*
 * Where this thread is.  One that is not registered, by a raw clone() say, has
 * a cpu_id of -1 or -2 in its area, which no seat matches either (bias.h).
 */
struct vcpu *weft__my_vcpu(void)
{
	struct m *m = this_m();

	if (m)
		return m->vc;
	return weft__twin ? &no_cpu : (struct vcpu *)weft__rseq_area();
}

/*
 * With an idle M, the global queue: from the private part of a P it would have
 * to seize.  A push onto a P's queue is a plain store: the fence is here, its
 * partner the parker's membarrier or fence (idle.c).
 */
static void push_foreign(struct g *g)
{
	if (READ_ONCE(S.nidle) || !weft__push_here(weft__my_vcpu(), g)) {
		weft__gq_put(NULL, g);
		return;
	}
	smp_mb();
	if (READ_ONCE(S.nidle))
		weft__wake_one(&S.node[0]);
}

void weft__ready_remote(struct g *g)
{
	bool entered = vclock_enter();

	g->wait = WAIT_NONE;
	if (weft__hint_critical(g))
		weft__urgent_put(this_m(), g);
	else
		push_foreign(g);
	vclock_leave(entered);
}

static struct g *fresh(weft__fn *fn, void *arg, uintptr_t join, void *site)
{
	u32 n;
	struct g *g = weft__gpool_get(S.node[0].gpool, 1, &n);

	if (!g)
		return NULL;
	g->ctx = (struct ctx *)CTX_FRESH;
	WRITE_ONCE(g->fn, fn);
	g->arg = arg;
	g->join = join;
	g->stk = site;
	WRITE_ONCE(g->bits, 0);
	g->id = __atomic_fetch_add(&S.idnext, 1, __ATOMIC_RELAXED);
	return g;
}

static int apply(struct m *m, struct g *g, const struct weft_attr *attr,
		 size_t size)
{
	int ret = attr->preemptible ? weft__preempt_permit(g) : 0;

	if (!ret && size)
		ret = weft__g_bind(m, g, size);
	if (!ret)
		ret = weft__hint_attr(g, attr);
	if (ret)
		return ret;
	if (g->flags & GF_HINT)
		g->ctx = (struct ctx *)((uintptr_t)g->ctx | CTX_HINT);
	if (attr->name) {
		g_flag(g, GF_COLD);
		g_cold(g)->name = attr->name;
	}
	return 0;
}

static void push_new(struct m *m, struct g *g)
{
	bool entered = !m && vclock_enter();

	atomic_add(&S.fspawned, 1);
	if (weft__hint_critical(g))
		weft__urgent_put(m, g);
	else if (m)
		push(m, g);
	else
		push_foreign(g);
	vclock_leave(entered);
}

/* What a spawn that is not in a hurry does; size 0: the default stack. */
static int spawn(struct g **gp, const struct weft_attr *attr, weft__fn *fn,
		 void *arg, uintptr_t join, void *site, size_t size)
{
	struct m *m = this_m();
	struct g *g = fresh(fn, arg, join, site);
	int ret;

	if (!g)
		return -ENOMEM;
	ret = apply(m, g, attr, size);
	if (ret) {
		g->join = JOIN_FREE;
		weft__gpool_put(S.node[0].gpool, g, g, 1);
		return ret;
	}
	if (attr && attr->policy_word)
		weft__policy_attr(g, attr->policy_word);
	if (gp)
		*gp = g;
	push_new(m, g);
	return 0;
}

/* As much of the attributes as the caller knows; the rest is zero. */
static bool read_attr(struct weft_attr *to, const struct weft_attr *from)
{
	size_t n = from->sz < sizeof(*to) ? from->sz : sizeof(*to);

	if (n < offsetof(struct weft_attr, stack) + sizeof(from->stack))
		return false;
	*to = (struct weft_attr){ 0 };
	memcpy(to, from, n);
	return true;
}

int weft__spawn_slow(struct g **gp, weft__fn *fn, void *arg, uintptr_t join,
		     void *site)
{
	static const struct weft_attr none;
	int ret = weft__check();

	if (ret)
		return ret;
	if (!fn)
		return -EINVAL;
	return spawn(gp, &none, fn, arg, join, site, 0);
}

int weft__spawn_attr(struct g **gp, const struct weft_attr *attr, weft__fn *fn,
		     void *arg, void *site)
{
	int ret = weft__check();
	struct weft_attr a;
	size_t size = 0;

	if (ret)
		return ret;
	if (!fn || !gp || !read_attr(&a, attr))
		return -EINVAL;
	ret = weft__hint_check(&a);
	if (ret)
		return ret;
	if (a.stack) {
		size = weft__stack_round(a.stack);
		if (!size)
			return -EINVAL;
	}
	return spawn(gp, &a, fn, arg, JOIN_NONE, site, size);
}

void weft__yield_slow(void)
{
	sched_yield();
}

int weft_thread_register(void)
{
	int ret = weft__check();

	if (ret)
		return ret;
	if (this_m())
		return -EPERM;
	if (registered == S.epoch)
		return -EBUSY;
	registered = S.epoch;
	weft__vclock_register(1);
	return 0;
}

int weft_thread_unregister(void)
{
	int ret = weft__check();

	if (ret)
		return ret;
	if (registered != S.epoch)
		return -EINVAL;
	registered = 0;
	weft__vclock_register(-1);
	if (READ_ONCE(S.mon_asleep))
		weft__sysmon_kick();
	return 0;
}
