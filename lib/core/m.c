// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * m.c - creating Ms, and the loop that an M runs on its own stack.
 *
 * G switches to G directly; the M's own stack, whose identity is m->g0, is for
 * idling and for what does not belong on the stack of a G.
 */
#include "policy_hooks.h"
#include "g_end.h"
#include "gpool.h"
#include "hint.h"
#include "seen.h"
#include "../os/mem.h"
#include "../os/rseq.h"
#include "../ctx/overflow.h"
#include "../ctx/stack.h"

#include <stdio.h>
#include <stdlib.h>

__thread struct m *weft__m __attribute__((tls_model("initial-exec")));

/* So many Ms keep a descriptor for who asks what they do; others are opened. */
#define M_CALLFDS 256

/* The C++ runtime's, if it is loaded. */
extern struct ehstate *__cxa_get_globals(void) __attribute__((weak));

/*
 * Resume g; returns when a G comes back to the M's own stack.  policy is a
 * constant: without one this costs nothing for it.
 */
static __always_inline void resume(struct m *m, struct g *g, const bool policy)
{
	struct ctx self, *pc = &self;
	struct g *prev = &m->g0;
	u64 post = POST_NONE;

	if ((uintptr_t)g->ctx & CTX_SPECIAL)
		g = weft__prepare(m, g);
	if (g == &m->g0)
		return;
	if (policy)
		weft__policy_running(m, g);
	ctx_save(m, &m->g0, &self);
	fp_read(&self.fp);
	m->g0.ctx = &self;
	own_set(m->cur, g);
	san_leave(pc, g->ctx);
	ctx_switch(&m, &prev, &pc, g->ctx, &post);
	san_arrive(&self, pc);
	ctx_restore(m, &self);
	if (policy)
		weft__policy_left(m, prev, post == POST_PUSH);
	if (m->locked && prev == m->lockedg)
		pc = (struct ctx *)((uintptr_t)pc | CTX_LOCKED);
	if (unlikely(m->hinted) && weft__hint_out(m, prev)) {
		pc = (struct ctx *)((uintptr_t)pc | CTX_HINT);
		post = weft__hint_post(prev, post);
	}
	if (post == POST_PUSH) {
		prev->ctx = pc;
		push(m, prev);
	} else if (post != POST_NONE) {
		struct ctx *c = (struct ctx *)((uintptr_t)pc & ~CTX_SPECIAL);

		prev->ctx = pc;
		if (!post_commit(m, prev, c, post))
			push(m, prev);
	}
}

static void run(struct m *m, struct g *g)
{
	resume(m, g, false);
}

static weft__noinline void run_policy(struct m *m, struct g *g)
{
	resume(m, g, true);
}

/* Until the runtime stops, or the policy has been ejected. */
static __always_inline void loop(struct m *m, const bool policy)
{
	struct g *g;

	while (!policy || READ_ONCE(weft__policy_state)) {
		if (m->locked)
			g = weft__locked_wait(m);
		else
			g = weft__find_work(m);
		if (!g)
			return;
		if (policy)
			run_policy(m, g);
		else
			run(m, g);
		g = READ_ONCE(m->handover);
		if (g && !m->locked) {
			WRITE_ONCE(m->handover, NULL);
			weft__deliver(m, g);
		}
	}
}

void weft__m_loop(struct m *m)
{
	own_set(m->cur, &m->g0);
	if (READ_ONCE(weft__policy_state))
		loop(m, true);
	if (!READ_ONCE(S.stop))
		loop(m, false);
}

static void caches_back(struct m *m)
{
	struct g *g;

	if (m->nstk)
		weft__stackpool_put(m->node->stacks, m->stk, m->nstk,
				    (u8)__builtin_ctzll(S.opts.stack));
	m->nstk = 0;
	for (g = m->gfree; g; g = m->gfree) {
		m->gfree = g->next;
		weft__gpool_put(m->node->gpool, g, g, 1);
	}
	m->ngfree = 0;
}

static void *m_main(void *arg)
{
	struct m *m = arg;

	weft__m = m;
	WRITE_ONCE(m->tid, weft__gettid());
	WRITE_ONCE(m->hint->tid, m->tid);
	m->err = &errno;
	m->eh = __cxa_get_globals ? __cxa_get_globals() : NULL;
	WRITE_ONCE(m->vc, weft__twin ? &m->fake :
				       (struct vcpu *)weft__rseq_area());
	m->altstack = weft__altstack_new();
	if (m->id < M_CALLFDS && weft__feature(WEFT__SENTINEL))
		WRITE_ONCE(m->callfd, weft__thread_call_open(m->tid));
	weft__seen_claim(m, m->tid);
	weft__m_sleep(m);	/* until it is given a token, or told to look */
	weft__m_loop(m);
	caches_back(m);
	WRITE_ONCE(m->hint->tid, 0);
	WRITE_ONCE(m->state, M_GONE);
	weft__thread_call_close(m->callfd);	/* no sentinel reads it now */
	m->callfd = -1;
	weft__detect_drop(READ_ONCE(m->slot));
	weft__altstack_free(m->altstack);
	weft__m = NULL;
	return NULL;
}

static void m_init(struct m *m, u32 id, u32 tok)
{
	m->id = id;
	m->tid = 0;
	m->slot = NULL;
	m->blocked.open = 0;
	__builtin_memset(&m->patient, 0, sizeof(m->patient));
	weft__hint_m(m);
	m->tok = tok;
	m->p = &weft__dead_p;
	m->last = S.p[tok];
	m->tick = m->tick_len = 1;
	m->pace = M_TICK;
	m->rng = id * 2654435761u + 1;
	m->state = M_CACHE;
	m->fake = (struct vcpu){ .number = id, .cpu_id = RUNQ_NOCPU };
	m->vc = &m->fake;
	m->g0.stk = NULL;
	m->g0.join = JOIN_DETACHED;
	m->locked = m->expired = m->readied = 0;
	m->handover = m->lockedg = NULL;
	m->backoff_us = m->rest_us = m->loot_n = 0;
	m->pubwait = m->fruitless = 0;
	m->bound = RUNQ_NOCPU;
	m->nospin = m->spinrest = 0;
	m->brief = 0;
	m->callfd = -1;
	__builtin_memset(&m->stretch, 0, sizeof(m->stretch));
	m->loose = NULL;
	m->policy_g = NULL;
	m->slice = 0;
	m->in_policy = 0;
	m->cur = &m->g0;
	m->idseq = m->idend = 0;
	m->nended = m->ninline = m->nticks = m->nparked = m->nreadied = 0;
	__builtin_memset(&m->n, 0, sizeof(m->n));
	__builtin_memset(&m->mon, 0, sizeof(m->mon));
	__builtin_memset(&m->trace, 0, sizeof(m->trace));
}

/*
 * A claimed spare is to run on this CPU, which an M that blocked left idle: the
 * kernel's wake-up may else put it beside a busy one, and balance that
 * milliseconds later.
 *
 * It stays bound until sysmon's next tick, so that neither this call nor its
 * undoing stands between the block and the next G where spares come and go.
 * Who has claimed it binds it, and then sets its bit; sysmon clears the bit,
 * and then unbinds it.  So an M that stays bound has its bit set, whoever is
 * preempted where; one whose bit is set may be free already.
 */
void weft__call_to(struct m *spare, u32 cpu, const cpu_set_t *set)
{
	if (READ_ONCE(spare->bound) == cpu)
		return;
	/* By its handle: it may not have started yet, and have no tid. */
	pthread_setaffinity_np(spare->thread, S.topo.setsize, set);
	WRITE_ONCE(spare->bound, cpu);
	atomic_or(&S.bound[spare->id / 64], 1ull << spare->id % 64);
}

static const cpu_set_t *its_cpus(const struct m *m)
{
	return S.opts.bind == WEFT_BIND_NONE ? S.topo.allowed : m->node->cpus;
}

/* sysmon: the Ms that run may go where they like; spares stay bound. */
void weft__unbind(void)
{
	u32 i, n = (READ_ONCE(S.nm) + 63) / 64;
	u64 w, bit;
	struct m *m;

	for (i = 0; S.opts.bind != WEFT_BIND_CPU && i < n; i++)
		for (w = READ_ONCE(S.bound[i]); w; w &= w - 1) {
			bit = w & -w;
			m = S.m[i * 64 + (u32)__builtin_ctzll(bit)];
			if (READ_ONCE(m->state) == M_CACHE)
				continue;
			atomic_and(&S.bound[i], ~bit);
			WRITE_ONCE(m->bound, RUNQ_NOCPU);
			weft__thread_bind(m->tid, its_cpus(m),
					  S.topo.setsize);
		}
}

static const cpu_set_t *cpus_of(struct m *m, cpu_set_t *one)
{
	switch (S.opts.bind) {
	case WEFT_BIND_CPU:
		CPU_ZERO_S(S.topo.setsize, one);
		CPU_SET_S(S.p[m->tok % S.maxprocs]->home, S.topo.setsize, one);
		return one;
	default:
		return its_cpus(m);
	}
}

/* A struct of an M that ended in an earlier run is used again. */
static struct m *m_alloc(u32 id, int node)
{
	size_t sz = (sizeof(struct m) + 4095) & ~4095ul;

	return S.m[id] ? S.m[id] : weft__map(sz, 0, node, 0);
}

/*
 * A new M, which sleeps until it is woken with a token; tok says of which node
 * it is to be.  Not in the spare set.  NULL: the cap, or no memory or thread;
 * then work goes on with the Ms there are.
 */
struct m *weft__m_create(u32 tok)
{
	struct weft__thread_attr attr = { .setsize = S.topo.setsize };
	cpu_set_t *one = malloc(S.topo.setsize);
	struct node *node = S.p[tok]->node;
	struct m *m = NULL;
	u32 id;

	weft__lock(&S.mlock);
	id = S.nm;
	if (!one || id >= S.opts.max_m || READ_ONCE(S.stop))
		goto out;
	m = m_alloc(id, node->os);
	if (!m)
		goto out;
	m_init(m, id, tok);
	m->node = node;
	m->futex = (struct weft__nfutex){
		0, S.nnodes > 1 ? (u32)node->os : WEFT__NO_NODE
	};
	snprintf(attr.name, sizeof(attr.name), "weft-m%u", id % 100000000);
	attr.cpus = cpus_of(m, one);
	S.m[id] = m;
	if (weft__thread_create(&m->thread, &attr, m_main, m)) {
		m = NULL;
		goto out;
	}
	smp_store_release(&S.nm, id + 1);
	stat_inc(S.n.m_created);
out:
	weft__unlock(&S.mlock);
	free(one);
	if (m)
		weft__trace_add(&m->trace, TRACE_M_NEW, m->id, tok);
	return m;
}
