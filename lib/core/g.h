/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * g.h - a G: what it is while it waits, runs and ends.
 *
 *	         spawn                first dispatch
 *	free ------------> fresh ----------------------> running
 *	 ^                   | run as a call by who joins it  | ^
 *	 | join, detach      v                          yield | | dispatch
 *	 +----------------- ended <---------------------+     v |
 *	                       \------ exit ------------- runnable <--+
 *	                                                 park |       | ready
 *	                                                      v       |
 *	                                                    waiting --+
 *
 * One cache line holds all that spawn, dispatch, exit, join and park touch.
 * What is cold lies in an array beside the Gs of a slab (gpool.h), so that it
 * shares no page with them and costs nothing until it is used.
 *
 * A G is type-stable: a slab is never unmapped, so that a dump can walk all of
 * them, and a stale handle be told by its join word.
 */
#ifndef WEFT_CORE_G_H
#define WEFT_CORE_G_H

#include "../arch/ctx.h"

typedef void *weft__fn(void *);

/*
 * g->ctx while it does not run: the context, on its stack; or one of these,
 * which the dispatcher hands to weft__prepare().
 */
#define CTX_FRESH 1ul		/* no stack yet */
#define CTX_LOCKED 2ul		/* or-ed in: runs on its own M only */
#define CTX_HINT 4ul		/* or-ed in: has hints (hint.c) */
#define CTX_SPECIAL 7ul

/* g->join: what has become of it, and who wants to know */
#define JOIN_NONE 0ul		/* runs; nobody waits */
#define JOIN_DONE 1ul		/* ended; arg is its result */
#define JOIN_DETACHED 2ul	/* nobody will ever wait */
#define JOIN_INLINE 3ul		/* runs as a call of who joins it */
#define JOIN_FREE 4ul		/* no G: a handle that names it is stale */
#define JOIN_MAX 4ul		/* above: a G, or waiter | JOIN_THREAD */
#define JOIN_THREAD 2ul

enum wait {
	WAIT_NONE,
	WAIT_JOIN,
	WAIT_PARK,
	WAIT_SLEEP,
	WAIT_STACK,
	/* in a queue of an object, whose lock is its first member (wait.h) */
	WAIT_SEND,
	WAIT_RECV,
	WAIT_SELECT,
	WAIT_MUTEX,
	WAIT_READ,
	WAIT_WRITE,
	WAIT_COND,
	WAIT_SEM,
	WAIT_ZERO,
	WAIT_ONCE,
	WAIT_BARRIER,
	WAIT_EVENT,
	WAIT_KINDS
};

/* g->flags */
#define GF_COLD 1u		/* its cold part is in use */
#define GF_LOCKED 2u		/* bound to an M */
#define GF_TIMED 4u		/* its wait has a deadline */
#define GF_BRIEF 8u		/* runs briefly between blocked calls */
#define GF_HINT 16u		/* it gave hints */
#define GF_INSIDE 32u		/* parked inside of a G with hints (hint.c) */
#define GF_POLICY 64u		/* a policy has been told of it */
#define GF_PREEMPT 128u		/* may open stretches (preempt.c) */

struct g {
	struct ctx *ctx;	/* written by whoever runs after the switch */
	struct g *next;		/* free list or global queue */
	weft__fn *fn;
	void *arg;		/* then: the result */
	uintptr_t join;
	char *stk;		/* lowest byte; fresh: where it was spawned */
	u64 id;
	union {
		u64 bits;
		struct {
			u8 wait;	/* enum wait */
			u8 sync;	/* 0 to 3: parks after it readied? */
			u8 flags;
			u8 cls;		/* log2 of the stack's size */
			u32 since;	/* when it parked: monitor's ms */
		};
	};
} __attribute__((aligned(WEFT__LINE)));

/* Flags of a G, by who has it: itself, or who holds it while it waits. */
static __always_inline void g_flag(struct g *g, u8 flags)
{
	own_set(g->flags, (u8)(g->flags | flags));
}

static __always_inline void g_unflag(struct g *g, u8 flags)
{
	own_set(g->flags, (u8)(g->flags & ~flags));
}

/* The cold part; see gpool.h. */
struct gcold {
	void *site;		/* where it was spawned */
	const char *name;
	void **keys;		/* WEFT_KEYS_MAX values, or NULL */
	struct m *lm;		/* locked to this M */
	u32 locks;
	struct fpenv fp;	/* what weft_fesetenv() said */
	void *frame;		/* weft__call's, where it needs one */
};

_Static_assert(sizeof(struct g) == WEFT__LINE, "a G is one line");
_Static_assert(sizeof(struct gcold) <= WEFT__LINE, "and so is what is cold");

#endif /* WEFT_CORE_G_H */
