/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * m.h - an M: a kernel thread that runs Gs.
 *
 * It owns nothing of a P (law L2).  What it owns: the G it runs, caches of Gs
 * and stacks, random state, counters.
 *
 * m->p names the P it used last, and is the one thing of an M that others
 * write: who takes its token poisons it with &weft__dead_p afterwards.  A dead
 * P's seat matches nowhere, so that the next push or pop enters the slow path,
 * which asks the token itself.  Poison only hastens; it may come late, and
 * then sends an M that has a token again once through the slow path.
 */
#ifndef WEFT_CORE_M_H
#define WEFT_CORE_M_H

#include "../arch/runq.h"
#include "../os/futex.h"
#include "g.h"
#include "p.h"
#include "trace.h"

#include <pthread.h>

struct weft__slot;
struct weft_hint_words;

/* m->state; written by the M, read by sysmon */
enum m_state {
	M_RUN,
	M_BLOCK,		/* in an announced section */
	M_SPIN,			/* looks for work, with a token */
	M_PARK,			/* idle, with an IDLE token */
	M_CACHE,		/* no token; in the spare set or about to be */
	M_WAIT,			/* waits for the G that is locked to it */
	M_GONE,
};

#define M_WOKEN 1u		/* its token is not idle any more, or S.stop */
#define M_KICKED 2u		/* the keeper is to look at the heaps again */
#define M_TICK 61		/* as Go's: prime, so that it meets no rhythm */
#define M_STACKS 64		/* in its cache; half go at a time */
#define M_GS 512

struct m {
	/* line 0: every fast path */
	struct p *p;
	struct vcpu *vc;
	struct g *cur;
	struct g *gfree;	/* LIFO through g->next */
	u32 tick;		/* pops until the next look around */
	u32 state;
	int *err;		/* this thread's errno */
	struct ehstate *eh;	/* this thread's exceptions; NULL without C++ */
	u64 idseq;		/* next G's id; the block ends at idend */

	/* line 1: nearly every fast path */
	u64 idend;
	u64 nended;		/* Gs that ended here */
	u64 ninline;
	u32 ngfree;
	u32 nstk;
	u8 readied;		/* a G was readied since one parked or ended */
	u8 expired;		/* sysmon: cur has had its slice */
	u8 locked;		/* a G is bound to this M */
	u8 hinted;		/* its page is in use, and it ticks early */
	u32 tok;		/* the token it has or had last */
	u64 nticks;
	u64 nparked;
	u64 nreadied;

	/* what slow paths use */
	struct p *last;		/* what m->p was or is about to be; sched.h */
	struct node *node;
	u32 id;
	u32 rng;
	int tid;
	struct weft_hint_words *hint; /* its page; hint.c */
	const struct g *hint_of; /* whose hints are there */
	u32 tick_len;		/* what tick was set to: see weft__tick_in() */
	u32 pace;		/* pops from tick to tick: M_TICK, or rq.c */
	s64 paced_at;		/* the last tick that asked the clock */
	u32 early;		/* pops since it looked around, if less */
	u32 look_due;		/* it is to look around */
	struct {		/* sentinel.c: whom a hint lets sleep */
		u64 pops;
		s64 seen, until;
	} patient;
	struct weft__slot *slot; /* seen.c: what BPF tells of it, or NULL */
	struct weft__nfutex futex; /* M_WOKEN, M_KICKED; cleared by it */
	u32 pubwait;		/* pushes since the last publish */
	u32 backoff_us;
	s64 loot_t;
	u32 loot_n;
	struct g *handover;	/* a locked G: to be delivered, or delivered */
	u32 dtok;		/* the token that came with it */
	u32 rest_us;		/* the next park is a back-off */
	u32 fruitless;		/* looks in a row that found nothing */
	u32 nospin;		/* chances to spin that it lets pass */
	u32 spinrest;		/* so many after the last spin in vain */
	s64 keep_until;		/* keep.c: the keeper sleeps no longer */
	u32 bound;		/* to this CPU for the moment; see m.c */
	u32 brief;		/* popped just before its token was taken */
	int callfd;		/* its own /proc/.../syscall, or -1 */
	struct {		/* a call it was seen to sleep in */
		u32 open;	/* by anyone: blocked.h */
		s64 since;
	} blocked;
	struct g *loose;	/* block.c: went on without a token */
	s64 loose_cpu;		/* CPU time by then */
	struct g *policy_g;	/* policy_next.c: what its policy thinks runs */
	s64 ran_at;		/* since when */
	u64 slice;		/* cur's, ns; 0: the default; sysmon reads it */
	u32 in_policy;		/* in a callback; who ejects reads it */
	struct g *lockedg;
	/* Written by the M, its handler too; sysmon reads open, sets sent. */
	struct {
		uintptr_t lo, hi;	/* code that may be interrupted */
		u32 open;		/* cur is in a stretch */
		u32 sent;		/* a signal is on its way */
	} stretch;
	struct g g0;		/* the M's own stack: idle loop, exits */
	struct g dead;		/* who leaves when a G ends */
	struct ctx deadctx;
	struct vcpu fake;	/* where rseq is off */
	pthread_t thread;
	void *altstack;
	struct {		/* sysmon's notes on this M */
		u64 pops;
		s64 since;	/* when it popped last, as far as seen */
		u32 still;	/* ticks without a pop */
		s64 used;	/* CPU time at the last one, without /proc */
		u32 over;	/* of these, with the slice over */
		s64 cpu;	/* hog.c: CPU time near the start; 0: none */
		u32 token;
	} mon;
	struct {		/* counters: written here, read anywhere */
		u64 global_put, global_got, spills;
		u64 published, taken_back, stolen, steals;
		u64 seizures, seized, reseats, capped;
		u64 tok_back, returns, returns_global, loose;
		u64 parked, woken, idblocks, popped, preempted;
		u64 handoffs, urgent;
		u64 timers;
	} n;
	struct trace trace;
	char *stk[M_STACKS];
} __attribute__((aligned(128)));

_Static_assert(offsetof(struct m, idend) == WEFT__LINE, "line 0 is full");

/* Changes with each pop. */
static inline u64 m_pops(const struct m *m)
{
	return (READ_ONCE(m->nticks) << 8) - READ_ONCE(m->tick);
}

/* The M of this thread; NULL on an ordinary thread.  Read by this_m() only. */
extern __thread struct m *weft__m;

#endif /* WEFT_CORE_M_H */
