/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * fast.h - the fast paths: push, pop, switch, spawn, join, yield, unpark.
 *
 * No LOCK prefix, no fence, no system call, no lock, no allocator here (law
 * L3): what needs one is a function named weft__*_slow or the like, and
 * selftests/core/callgraph.sh follows the calls in the disassembly.
 *
 * Inline, since a return after a switch misses the return predictor, and an
 * indirect jump at the call site does not.  The exported functions in api.c
 * wrap these bodies; weft/inline.h gives them to a program.
 *
 * After anything that may switch, m is stale: read this_m() again.
 */
#ifndef WEFT_CORE_FAST_H
#define WEFT_CORE_FAST_H

#include "../ds/bias.h"
#include "m.h"

/*
 * Who waits for work.  Written by Ms that spin or park, under LOCK; read on
 * each push.  The fence between a push and this load is the parker's
 * membarrier (idle.c); without it a push and a park can miss each other.
 */
struct want {
	union {
		struct {
			u32 eager;	/* idle Ms that a push may wake */
			u32 hungry;	/* spinning Ms that a publish feeds */
		};
		u64 word;
	};
	u64 pad[7];
} __attribute__((aligned(WEFT__LINE)));

extern struct want weft__want;

/* Coarse clock: ms since the start, written by sysmon at its tick. */
extern u32 weft__now_ms;

/* What the side that runs after a switch owes to the one that left. */
#define POST_NONE 0ul		/* nothing: it is gone */
#define POST_PUSH 1ul		/* it is runnable: put it in the queue */
#define POST_UNLOCK 2ul		/* clear the word of its ctx->arg, a lock */
/*
 * else: a function that makes it visible to who will wake it; false: it does
 * not wait after all, put it in the queue
 */
typedef bool weft__commit_fn(struct m *m, struct g *prev, struct ctx *pc);

void weft__push_slow(struct m *m, struct g *g);
void weft__want_slow(struct m *m);
struct g *weft__pop_slow(struct m *m);
struct g *weft__tick(struct m *m);
struct g *weft__prepare(struct m *m, struct g *g);
void weft__ready_idle(struct m *m, struct g *g);
struct g *weft__g_alloc_slow(struct m *m);
void weft__g_flush(struct m *m);
void weft__id_block(struct m *m);
void *weft__call(weft__fn *fn, void *arg);

/* least: with fewer private Gs nobody is given one; 0: the callee looks */
static __always_inline void push_if(struct m *m, struct g *g, const u32 least)
{
	if (unlikely(seq_push(m->vc, &peek(m->p)->q, g))) {
		weft__push_slow(m, g);
		return;
	}
	barrier();
	if (unlikely(READ_ONCE(weft__want.word)) &&
	    (!least || runq_private(&m->p->q) >= least))
		weft__want_slow(m);
}

static __always_inline void push(struct m *m, struct g *g)
{
	push_if(m, g, 0);
}

/*
 * The next G; NULL if there is none here; &m->g0 if this M has to leave the
 * G that it runs, because its token is gone or a G is locked to it.
 */
static __always_inline struct g *pop(struct m *m)
{
	struct g *g;

	own_add(m->tick, -1u);
	if (unlikely(m->tick == 0)) {
		g = weft__tick(m);
		if (g)
			return g;
	}
	g = (struct g *)seq_pop(m->vc, &peek(m->p)->q);
	if (likely(g))
		return g;
	return weft__pop_slow(m);
}

/* What a G said of its FP control words by weft_fesetenv(). */
void weft__fp_declared_read(const struct g *g, struct fpenv *fp);

static __always_inline void ctx_save(struct m *m, const struct g *g,
				     struct ctx *c)
{
	c->err = *m->err;
	if (unlikely(m->eh))
		c->eh = *m->eh;
	if (likely(!weft__fp_declared))
		fp_read(&c->fp);
	else if (unlikely(g->flags & GF_COLD))
		weft__fp_declared_read(g, &c->fp);
	else
		c->fp = weft__fp_start;
}

static __always_inline void ctx_restore(struct m *m, const struct ctx *c)
{
	*m->err = c->err;
	if (unlikely(m->eh))
		*m->eh = c->eh;
	fp_load(&c->fp);
}

/* prev waits from here on, and pc may be gone.  False: it does not wait. */
static __always_inline bool post_commit(struct m *m, struct g *prev,
					struct ctx *pc, u64 post)
{
	if (likely(post == POST_UNLOCK)) {
		smp_store_release(&((struct bias *)pc->arg)->word, 0);
		return true;
	}
	return ((weft__commit_fn *)post)(m, prev, pc);
}

static __always_inline void finish(struct m *m, struct g *prev,
				   struct ctx *pc, u64 post)
{
	if (likely(post == POST_PUSH)) {
		prev->ctx = pc;
		push(m, prev);
	} else if (likely(post != POST_NONE)) {
		prev->ctx = pc;
		if (!post_commit(m, prev, pc, post))
			push(m, prev);
	}
}

/*
 * Leave the current G for to.  Returns when the current G runs again, maybe
 * on another M; what the context's arg is by then.
 */
static __always_inline void *switch_to(struct m *m, struct g *to, u64 post,
				       void *arg)
{
	struct ctx self, *pc = &self;
	struct g *prev = m->cur;

	ctx_save(m, prev, &self);
	if (!__builtin_constant_p(!arg) || arg)
		self.arg = arg;
	if (unlikely((uintptr_t)to->ctx & CTX_SPECIAL))
		to = weft__prepare(m, to);
	own_set(m->cur, to);
	san_leave(pc, to->ctx);
	ctx_switch(&m, &prev, &pc, to->ctx, &post);
	san_arrive(&self, pc);
	finish(m, prev, pc, post);
	ctx_restore(m, &self);
	return !__builtin_constant_p(!arg) || arg ? self.arg : NULL;
}

static __always_inline struct g *g_alloc(struct m *m)
{
	struct g *g = m->gfree;

	if (unlikely(!g))
		return weft__g_alloc_slow(m);
	m->gfree = g->next;
	m->ngfree--;
	return g;
}

static __always_inline void g_free(struct m *m, struct g *g)
{
	g->join = JOIN_FREE;
	g->next = m->gfree;
	m->gfree = g;
	if (unlikely(++m->ngfree > M_GS))
		weft__g_flush(m);
}

static __always_inline u64 g_id(struct m *m)
{
	u64 id;

	if (unlikely(m->idseq == m->idend))
		weft__id_block(m);
	id = m->idseq;
	own_add(m->idseq, 1);
	return id;
}

/* Where the caller is, for reports. */
static __always_inline void *here(void)
{
#if defined(__x86_64__)
	void *pc;

	__asm__("leaq 0(%%rip), %0" : "=r"(pc));
	return pc;
#else
	return __builtin_return_address(0);
#endif
}

int weft__spawn_slow(struct g **gp, weft__fn *fn, void *arg, uintptr_t join,
		     void *site);
int weft__join_slow(struct g *g, void **ret);
int weft__join_taken(struct m *m, struct g *c, void **ret);
void weft__child_end(struct g *c, struct g *self);
void weft__slice_over(void);
void weft__yield_slow(void);
int weft__unpark_slow(struct bias *b);
int weft__park_slow(struct bias *b);
void weft__block_end_slow(struct m *m);

/*
 * Parent first: the child goes to the tail of the queue, where join finds it
 * again.  *gp is stored before the child can run.
 */
static __always_inline int g_spawn(struct g **gp, weft__fn *fn, void *arg,
				   uintptr_t join, void *site)
{
	struct m *m = this_m();
	struct g *g;

	if (unlikely(!m || !fn))
		return weft__spawn_slow(gp, fn, arg, join, site);
	g = g_alloc(m);
	if (unlikely(!g))
		return -12; /* ENOMEM */
	g->ctx = (struct ctx *)CTX_FRESH;
	own_set(g->fn, fn);
	g->arg = arg;
	g->join = join;
	g->stk = (char *)site;
	g->id = g_id(m);
	own_set(g->bits, 0);
	if (gp)
		*gp = g;
	/* a lone child is for who joins it: no call while an M is idle */
	push_if(m, g, 2);
	return 0;
}

static __always_inline bool stack_half_free(const struct g *self)
{
	return (uintptr_t)(here_sp() - self->stk) >> (self->cls - 1);
}

/*
 * c was taken back from the tail, and has never run: it does so as a call of
 * who joins it, no stack, no switch, no atomic.  It keeps its own identity; if
 * it parks, its context lies above our frames, which wait for it anyway.
 */
static __always_inline int run_child(struct m *m, struct g *c, void **ret)
{
	struct g *self = m->cur;
	int err = *m->err;
	void *val;

	c->join = JOIN_INLINE;
	c->stk = self->stk;
	c->cls = self->cls;
	own_set(m->cur, c);
	val = weft__call(c->fn, c->arg);
	if (ret)
		*ret = val;
	m = this_m();
	if (unlikely(!m))
		return 0;	/* the child of a fork goes on as a thread */
	if (unlikely(c->flags)) {
		weft__child_end(c, self);
		m = this_m();
	}
	own_set(m->cur, self);
	*m->err = err;
	own_add(m->ninline, 1);
	g_free(m, c);
	if (unlikely(READ_ONCE(m->expired)))
		weft__slice_over();
	return 0;
}

/*
 * A chain of such joins never pops, and the queue would starve; but only an
 * expired slice ends it (a yield each 61 joins: fib 7 to 100 ns a task, since
 * the M then goes on with the oldest task and the tree is walked in breadth).
 */
static __always_inline int join_taken(struct m *m, struct g *c, void **ret)
{
	if (unlikely(c->join != JOIN_NONE || m->eh ||
		     (uintptr_t)c->ctx != CTX_FRESH ||
		     !stack_half_free(m->cur)))
		return weft__join_taken(m, c, ret);
	return run_child(m, c, ret);
}

/* The child that was pushed last is taken back from the tail. */
static __always_inline int g_join(struct g *c, void **ret)
{
	struct m *m = this_m();

	if (unlikely(!m || !c))
		return weft__join_slow(c, ret);
	if (seq_take_tail(m->vc, &peek(m->p)->q, c))
		return join_taken(m, c, ret);
	if (likely(smp_load_acquire(&c->join) == JOIN_DONE)) {
		if (ret)
			*ret = c->arg;
		g_free(m, c);
		return 0;
	}
	return weft__join_slow(c, ret);
}

static __always_inline void g_yield(void)
{
	struct m *m = this_m();
	struct g *n;

	if (unlikely(!m)) {
		weft__yield_slow();
		return;
	}
	n = pop(m);
	if (unlikely(!n))
		return;
	switch_to(m, n, POST_PUSH, NULL);
}

/*
 * Make g, which waits and was taken out of what it waited on, runnable.  With
 * hints it may have to go first.
 */
static __always_inline void ready(struct m *m, struct g *g)
{
	g->wait = WAIT_NONE;
	m->readied = 1;
	own_add(m->nreadied, 1);
	if (unlikely(READ_ONCE(weft__want.word) || g->flags & GF_HINT))
		weft__ready_idle(m, g);
	else
		push(m, g);
}

/*
 * A parker's word: 0, a permit, a G, or a struct waiter | PARK_THREAD; or a G |
 * PARK_THREAD | PARK_URGENT, for which nobody but the slow path has to look.
 */
#define PARK_PERMIT 1ul
#define PARK_THREAD 2ul
#define PARK_URGENT 4ul		/* with PARK_THREAD: a G that goes first */
#define PARK_FLAGS 7ul

static __always_inline int parker_unpark(struct bias *b)
{
	struct m *m = this_m();
	u64 w = READ_ONCE(b->word);

	if (unlikely(!m || (w & (PARK_PERMIT | PARK_THREAD))))
		return weft__unpark_slow(b);
	if (unlikely(seq_bias_cas(m->vc, b, w, w ? 0 : PARK_PERMIT)))
		return weft__unpark_slow(b);
	if (w)
		ready(m, (struct g *)w);
	return 0;
}

static __always_inline bool parker_try(struct bias *b)
{
	struct m *m = this_m();

	return likely(m) &&
	       seq_bias_cas(m->vc, b, PARK_PERMIT, 0) == BIAS_OK;
}

bool weft__park_commit(struct m *m, struct g *prev, struct ctx *pc);

/* Remember for ready(): does a G park right after it readied another? */
static __always_inline void note_park(struct m *m, struct g *g, u8 why)
{
	g->wait = why;
	g->since = READ_ONCE(weft__now_ms);
	if (m->readied)
		g->sync += g->sync < 3;
	else
		g->sync -= g->sync > 0;
	m->readied = 0;
	own_add(m->nparked, 1);
}

static __always_inline int parker_park(struct bias *b)
{
	struct m *m;
	struct g *n;

	if (parker_try(b))
		return 0;
	m = this_m();
	if (unlikely(!m))
		return weft__park_slow(b);
	n = pop(m);
	note_park(m, m->cur, WAIT_PARK);
	return switch_to(m, n ? n : &m->g0, (u64)weft__park_commit, b) == b ?
		       0 : -16; /* EBUSY */
}

static __always_inline void block_begin(void)
{
	struct m *m = this_m();

	if (likely(m)) {
		WRITE_ONCE(m->state, M_BLOCK);
		barrier();
	}
}

static __always_inline void block_end(void)
{
	struct m *m = this_m();

	if (likely(m)) {
		barrier();
		WRITE_ONCE(m->state, M_RUN);
		barrier();
		if (unlikely(READ_ONCE(m->p) == &weft__dead_p))
			weft__block_end_slow(m);
	}
}

/*
 * What a program with these bodies in it has assumed.  The first number counts
 * changes of meaning; the rest follows the layout by itself.
 */
#define WEFT__LAYOUT                                                          \
	((u64)4 << 48 | (u64)sizeof(struct g) << 40 |                         \
	 (u64)offsetof(struct m, nreadied) << 28 |                            \
	 (u64)offsetof(struct runq, b) << 12 | sizeof(struct ctx))

#endif /* WEFT_CORE_FAST_H */
