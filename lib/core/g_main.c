// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * g_main.c - the life of a G: it gets a stack, runs, ends, and makes room.
 *
 * A stack is bound at the first dispatch, not at spawn, and the one freed last
 * is taken first.  A G that ends looks for its successor before it leaves: a
 * fresh one inherits the stack, without a switch.
 */
#include "hint.h"
#include "gpool.h"
#include "g_end.h"
#include "run.h"
#include "../ctx/stack.h"

#include <stdlib.h>
#include <string.h>

#define G_BATCH 64

/* ---- Gs ---- */

weft__noinline struct g *weft__g_alloc_slow(struct m *m)
{
	u32 n = 0;
	struct g *g = weft__gpool_get(m->node->gpool, G_BATCH, &n);

	if (!g)
		return NULL;
	m->gfree = g->next;
	m->ngfree += n - 1;
	return g;
}

/* Half of the cache goes to the depot: who joins need not be who spawns. */
weft__noinline void weft__g_flush(struct m *m)
{
	struct g *first = m->gfree, *last = first;
	u32 n = 1;

	for (; n < M_GS / 2; n++)
		last = last->next;
	m->gfree = last->next;
	m->ngfree -= n;
	weft__gpool_put(m->node->gpool, first, last, n);
}

weft__noinline void weft__id_block(struct m *m)
{
	u64 id = __atomic_fetch_add(&S.idnext, WEFT__ID_BLOCK,
				    __ATOMIC_RELAXED);

	/* In the order in which weft__spawned() never reads too little. */
	stat_inc(m->n.idblocks);
	smp_store_release(&m->idseq, id);
	smp_store_release(&m->idend, id + WEFT__ID_BLOCK);
}

/* ---- stacks ---- */

static u8 default_class(void)
{
	return (u8)__builtin_ctzll(S.opts.stack);
}

static char *get_stack(struct m *m, u8 cls)
{
	if (cls == default_class() && m->nstk)
		return m->stk[--m->nstk];
	return weft__stackpool_get(m->node->stacks, cls);
}

/*
 * May be the stack we stand on: nothing may give it to another M before we
 * have left.  So a full cache is flushed before, and of the other ones.
 */
static void put_stack(struct m *m, char *stk, u8 cls)
{
	if (m->nstk == M_STACKS) {
		m->nstk -= M_STACKS / 2;
		weft__stackpool_put(m->node->stacks, m->stk + m->nstk,
				    M_STACKS / 2, default_class());
	}
	m->stk[m->nstk++] = stk;
	(void)cls;
}

static void bind(struct g *g, char *stk, u8 cls)
{
	char *top = stack_top(stk, cls) - WEFT__LINE;
	struct ctx *c = (struct ctx *)(top - 2 * WEFT__LINE);

	_Static_assert(sizeof(*c) <= 2 * WEFT__LINE, "room for a context");
	*(void **)top = g->stk;		/* where it was spawned */
	g->stk = stk;
	g->cls = cls;
	ctx_make(c, c);
	san_bind(c, stk + weft__stack_guard(),
		 stack_size(cls) - weft__stack_guard());
	g->ctx = c;
}

/* Where g was spawned, for reports. */
weft__racy void *weft__g_site(const struct g *g)
{
	if (g->join == JOIN_INLINE)
		return NULL;	/* its joiner's stack does not tell */
	if (((uintptr_t)g->ctx & ~CTX_HINT) == CTX_FRESH || !g->stk || !g->cls)
		return g->stk;
	return *(void **)(stack_top(g->stk, g->cls) - WEFT__LINE);
}

/* With a size of its own: bound at spawn, so that the caller sees -ENOMEM. */
int weft__g_bind(struct m *m, struct g *g, size_t size)
{
	u8 cls = (u8)__builtin_ctzll(size);
	struct node *node = m ? m->node : &S.node[0];
	char *stk = weft__stackpool_get(node->stacks, cls);

	if (!stk)
		return -ENOMEM;
	bind(g, stk, cls);
	return 0;
}

/* ---- no memory for a stack: wait until one is freed ---- */

static void starve(struct g *g)
{
	g->wait = WAIT_STACK;
	g->next = NULL;
	weft__lock(&S.starved_lock);
	if (S.starved)
		S.starved_last->next = g;
	else
		WRITE_ONCE(S.starved, g);
	S.starved_last = g;
	weft__unlock(&S.starved_lock);
}

static struct g *starved_first(void)
{
	struct g *g;

	weft__lock(&S.starved_lock);
	g = S.starved;
	if (g)
		WRITE_ONCE(S.starved, g->next);
	weft__unlock(&S.starved_lock);
	return g;
}

/* sysmon: let some try again, the oldest first. */
void weft__starved_retry(void)
{
	struct g *g;
	int i;

	for (i = 0; i < 64 && READ_ONCE(S.starved); i++) {
		g = starved_first();
		if (!g)
			return;
		g->wait = WAIT_NONE;
		weft__gq_put(NULL, g);
	}
}

/*
 * A G that cannot just be resumed: fresh, locked to an M, or with hints.
 * Returns what to run instead.
 */
weft__noinline struct g *weft__prepare(struct m *m, struct g *g)
{
	uintptr_t c = (uintptr_t)g->ctx;
	char *stk;

	if (c & CTX_HINT && !weft__hint_turn(g))
		return &m->g0;
	if (c & CTX_LOCKED) {
		m->handover = g;	/* the idle loop delivers it */
		return &m->g0;
	}
	if ((c & ~CTX_HINT) == CTX_FRESH) {
		stk = get_stack(m, default_class());
		if (!stk) {
			starve(g);
			return &m->g0;
		}
		bind(g, stk, default_class());
	}
	if (c & CTX_HINT) {
		g->ctx = (struct ctx *)((uintptr_t)g->ctx & ~CTX_HINT);
		weft__hint_in(m, g);
	}
	return g;
}

/* ---- the end ---- */

/*
 * Its result is stored; who waits?  Returns the waiter if it is for us to make
 * runnable.  After the xchg the handle may be freed by who joins it.
 */
static struct g *announce(struct m *m, struct g *g, void *ret)
{
	uintptr_t w = peek(g->join);

	if (w != JOIN_DETACHED) {
		g->arg = ret;
		w = xchg(&g->join, JOIN_DONE);
	}
	if (w == JOIN_DETACHED)
		g_free(m, g);
	else if (w > JOIN_MAX && w & JOIN_THREAD)
		weft__join_wake(w);
	else if (w > JOIN_MAX)
		return (struct g *)w;
	return NULL;
}

/* g ended; what this M runs next. */
static struct g *successor(struct m *m, struct g *g, void *ret)
{
	struct g *joiner, *n;

	/* What g did is seen by who then counts no live Gs: weft__live(). */
	smp_store_release(&m->nended, m->nended + 1);
	m->readied = 0;
	joiner = announce(m, g, ret);
	n = pop(m);
	if (!joiner)
		return n ? n : &m->g0;
	joiner->wait = WAIT_NONE;
	if (!n)
		return joiner;
	push(m, joiner);
	return n;
}

/* A fiber of its own for each G, where ThreadSanitizer counts them. */
static bool inherits(const struct g *n, u8 cls)
{
#ifdef WEFT__TSAN
	return false;
#endif
	return (uintptr_t)n->ctx == CTX_FRESH && cls == default_class();
}

/* Off this stack for good, to n. */
static _Noreturn void leave(struct m *m, struct g *n, char *stk, u8 cls)
{
	struct g *dead = &m->dead;
	struct ctx *dc = &m->deadctx;
	u64 post = POST_NONE;

	if ((uintptr_t)n->ctx & CTX_SPECIAL)
		n = weft__prepare(m, n);
	own_set(m->cur, n);
	if (cls == default_class()) {
		put_stack(m, stk, cls);
	} else {
		post = (u64)weft__odd_stack;
		dc->arg = stk;
		dc->err = cls;
	}
	san_clean(stk + weft__stack_guard(),
		  stack_size(cls) - weft__stack_guard());
	san_end(dc, n->ctx);
	ctx_switch(&m, &dead, &dc, n->ctx, &post);
	__builtin_unreachable();
}

/* A stack of another size went: not cached, and not before we have left it. */
bool weft__odd_stack(struct m *m, struct g *dead, struct ctx *dc)
{
	char *stk = dc->arg;

	(void)dead;
	weft__stackpool_put(m->node->stacks, &stk, 1, (u8)dc->err);
	return true;
}

static void clean_state(struct m *m)
{
	*m->err = 0;
	if (m->eh)
		*m->eh = (struct ehstate){ NULL, 0 };
	fp_load(&weft__fp_start);
}

/* The first function on a G's stack (entry.S, or makecontext). */
__attribute__((used)) void weft__g_main(struct m *m, struct g *prev,
					struct ctx *pc, u64 post)
{
	struct g *g, *n;
	char *stk;
	void *ret;
	u8 cls;

	san_enter(pc);
	finish(m, prev, pc, post);
	for (;;) {
		m = this_m();
		g = m->cur;
		clean_state(m);
		ret = weft__call(g->fn, g->arg);
		m = this_m();
		if (unlikely(!m))
			exit(0);	/* a fork's child: its last return */
		g = m->cur;
		if (unlikely(g->flags)) {
			weft__g_end(g);
			m = this_m();
		}
		stk = g->stk;
		cls = g->cls;
		san_clean(stk + weft__stack_guard(),
			  stack_size(cls) - weft__stack_guard());
		n = successor(m, g, ret);
		if (!inherits(n, cls))
			leave(m, n, stk, cls);
		bind(n, stk, cls);
		own_set(m->cur, n);
	}
}
