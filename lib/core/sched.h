/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sched.h - Sched: what is global, and what the files of core/ share.
 */
#ifndef WEFT_CORE_SCHED_H
#define WEFT_CORE_SCHED_H

#include "../os/clock.h"
#include "../os/cpu.h"
#include "../os/feature.h"
#include "../os/futex.h"
#include "../os/membarrier.h"
#include "../os/thread.h"
#include "fast.h"
#include "gq.h"
#include "opts.h"

#include <errno.h>
#include <signal.h>

/*
 * A token: permission to run Gs.  One word, moved by CAS only, so that their
 * number cannot drift.  0 is vacant: no M could be created for it.
 *
 *	m		m has it and runs
 *	m|IDLE		m sleeps or is about to; anyone may wake it or take it
 *	m|WOKEN		m was woken and has not answered (see idle.c)
 *	m|HANDED	given to m, which has not dispatched yet; the M it was
 *			taken from may take it back
 */
#define TOK_IDLE 1ul
#define TOK_HANDED 2ul
#define TOK_WOKEN 4ul
#define TOK_EAGER 8ul		/* idle and counted in weft__want.eager */
#define TOK_FLAGS 127ul

static inline struct m *tok_m(uintptr_t t)
{
	return (struct m *)(t & ~TOK_FLAGS);
}

/* Memory and idle Ms by node. */
struct node {
	u32 id;
	int os;			/* the kernel's number, or -1 */
	cpu_set_t *cpus;
	u32 nidle;		/* hint: idle tokens whose M is of this node */
	struct gqueue gq;
	struct gpool *gpool;
	struct stackpool *stacks;
	/* gift.h: a G, or GIFT_*; moved by CAS */
	uintptr_t gift __attribute__((aligned(WEFT__LINE)));
	u64 pad[7];
};

/* Gs in order of arrival, through g->next; urgent.c. */
struct glist {
	struct weft__lock lock;	/* guards what follows */
	u32 n;			/* read without the lock */
	struct g *first, *last;
};

enum { SPARE_NEVER, SPARE_ONCE, SPARE_NOW };	/* wanted */
enum { RT_NONE, RT_RUN, RT_STOPPING, RT_FORKED };

struct sched {
	/* read by everyone, written at start or by set_procs under lock */
	u32 state;		/* RT_*; release when it becomes RT_RUN */
	u32 nprocs;		/* Ps and tokens in use */
	u32 maxprocs;		/* array sizes */
	u32 nnodes;
	u32 nseats;
	u32 running;		/* under weft_run */
	u32 epoch;		/* starts, counted from 1 */
	struct node *node;
	struct p **p;		/* [maxprocs] */
	struct p **seat;	/* [nseats] who sits there; see seat.c */
	uintptr_t *tok;		/* [maxprocs] */
	struct weft__opts opts;
	struct weft__topo topo;

	struct m **m;		/* [opts.max_m]; type-stable, grows only */
	u32 nm;			/* release after m[nm - 1] is whole */
	u64 *spare;		/* bitmap of Ms in the cache; see token.c */
	u64 *bound;		/* of Ms bound to a CPU; see m.c */
	u32 nspare;		/* hint */

	/* idle.c */
	u32 nidle __attribute__((aligned(WEFT__LINE)));
	u32 nspin;
	u32 waking;		/* a wake is in flight */
	u32 stop;

	/* keep.c */
	u32 timed __attribute__((aligned(WEFT__LINE)));	/* heaps not empty */
	struct m *keeper;
	s64 keep_rate;		/* written by the keeper */

	/* sysmon.c */
	u32 mon_futex __attribute__((aligned(WEFT__LINE)));
	u32 mon_asleep;		/* announced; who un-idles a token wakes it */
	u32 mon_stop;
	u32 spare_wanted;	/* SPARE_*: a sentinel found none; sysmon */
	u32 sentinels_stop;
	s64 mon_until;		/* when it wakes by itself */
	s64 start_ns;
	pthread_t mon_thread;
	cpu_set_t *one_cpu;	/* its scratch */
	struct weft_parker *signals;	/* weft_unpark_signal's list */

	struct glist urgent, batch;

	/* starved Gs: no memory for a stack */
	struct weft__lock starved_lock;
	struct g *starved;	/* first in, first out */
	struct g *starved_last;

	/* ordinary threads */
	u64 fspawned;		/* atomic */
	u64 nforeign;		/* registered */
	u32 nlocked;		/* Ms that a G is locked to */
	struct {
		struct weft__lock lock;	/* guards the rest; vclock.c */
		u64 arriving, arrived;
	} vclock;
	sigset_t host_mask;	/* of the thread that started the runtime */
	u64 idnext;		/* blocks of ids */

	/* set_procs, start, stop, creating an M */
	struct weft__lock lock;
	struct weft__lock mlock;

	/* who waits for the end: weft_run */
	u32 done;
	u32 deadlocked;		/* told: 1, under weft_run 2 */
	u64 deadlock_parks;	/* and when: parks by then */
	s64 mb_next;		/* seat.c: when a membarrier may be spent */
	s64 stuck_ns;		/* steal.c: how long a victim must stand */
	struct {
		u64 handoffs, ticks, timers, seizures, seized, m_created;
		u64 hogs;
	} n;			/* sysmon's counters; m_created under mlock */
	u64 mb_base;
	struct trace trace;	/* sysmon's, and under a lock everybody's */
};

struct weft_attr;

extern struct sched weft__sched;
#define S weft__sched

/* Sections by mode: sequences, or their twins. */
#define RQ(op, ...)                                                           \
	(weft__twin ? twin_##op(__VA_ARGS__) : seq_##op(__VA_ARGS__))

/* What stands for the CPU that this M runs on. */
static inline u32 m_here(const struct m *m)
{
	return weft__twin ? m->vc->number : READ_ONCE(m->vc->cpu_id);
}

static inline uintptr_t m_token(const struct m *m)
{
	return smp_load_acquire(&S.tok[READ_ONCE(m->tok)]);
}

/* It may run Gs: the token names it and is not idle. */
static inline bool has_token(const struct m *m)
{
	uintptr_t t = m_token(m);

	return tok_m(t) == m && !(t & TOK_IDLE);
}

/*
 * The P that m, which has a token, works on, though its m->p be poisoned;
 * &weft__dead_p: none, a G is locked to it.  For everybody.
 */
static inline struct p *m_p(const struct m *m)
{
	struct p *p = READ_ONCE(m->p);

	if (p == &weft__dead_p && !READ_ONCE(m->locked))
		p = READ_ONCE(m->last);
	return p;
}

/* A full fence on all threads of the process. */
static inline void fence_all(void)
{
	if (weft__twin == TWIN_FENCE)
		smp_mb();
	else
		weft__membarrier_all();
}

static inline u32 m_random(struct m *m)
{
	u32 x = m->rng;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return m->rng = x;
}

/* The n-th pop from here looks around. */
static inline void weft__tick_in(struct m *m, u32 n)
{
	stat_add(m->n.popped, m->tick_len - m->tick);
	m->tick_len = n;
	WRITE_ONCE(m->tick, n);
}

static inline void weft__tick_soon(struct m *m)
{
	weft__tick_in(m, 1);
}

#define trace(m, ev, a, b)                                                    \
	weft__trace_add(&(m)->trace, TRACE_##ev, (u64)(a), (u64)(b))

/* seat.c */
u32 weft__rq_stop(struct p *p);
void weft__rq_release(struct p *p, u32 seat);
u32 weft__seize(struct p *p, void **out, bool all);
bool weft__manned(struct p *p, const struct m *me);
bool weft__relocate(struct m *m);
void weft__retire(struct p *p);

/* rq.c */
u32 weft__rq_take(struct p *p, void **out, u32 max);
struct g *weft__rq_pop_any(struct m *m, struct p *p);
void weft__push_rest(struct m *m, void **g, u32 n);
bool weft__push_here(struct vcpu *vc, struct g *g);

/* steal.c */
struct g *weft__steal(struct m *m);
struct g *weft__seize_stuck(struct m *m, s64 now);
void weft__loot(struct m *m, u32 n);
bool weft__judge_loot(struct m *m);

/* token.c */
bool weft__regain(struct m *m);
bool weft__confirm(struct m *m);
void weft__clear_woken(struct m *m);
void weft__not_idle(uintptr_t t);
bool weft__handoff(u32 tok, uintptr_t t, struct m *s);
struct m *weft__claim_spare(const struct node *near, u32 cpu);
void weft__enter_spare(struct m *m);
void weft__leave_spare(struct m *m);

/* idle.c */
void weft__wake_one(struct node *near);
void weft__wake_m(struct m *m);
bool weft__wake_token(u32 i);
struct g *weft__find_work(struct m *m);
void weft__m_sleep(struct m *m);
bool weft__any_work(u32 alone);

/* urgent.c */
void weft__urgent_put(struct m *m, struct g *g);
struct g *weft__urgent_get(struct m *m);
void weft__batch_put(struct g *g);
struct g *weft__batch_get(void);
void weft__urgent_watch(void);

/* m.c */
struct m *weft__m_create(u32 tok);
void weft__m_loop(struct m *m);
void weft__call_to(struct m *spare, u32 cpu, const cpu_set_t *set);
void weft__unbind(void);

/* Below the cap; the system may still refuse. */
static inline bool weft__may_create_m(void)
{
	return READ_ONCE(S.nm) < S.opts.max_m;
}

/* g_exit.c, locked.c */
_Noreturn void weft__exit(void *ret);
int weft__lock_thread(void);
int weft__unlock_thread(void);
struct g *weft__locked_wait(struct m *m);
void weft__deliver(struct m *m, struct g *g);

/* sysmon.c */
int weft__sysmon_start(void);
void weft__sysmon_kick(void);

/* hog.c */
void weft__hog_note(struct m *m);
bool weft__hog(struct m *m, s64 slice);

/* foreign.c: from an ordinary thread, sysmon, or anywhere */
struct vcpu *weft__my_vcpu(void);
void weft__ready_remote(struct g *g);

/* join.c */
int weft__join_until(struct g *c, void **ret, s64 deadline);
int weft__detach(struct g *c);
int weft__spawn_attr(struct g **gp, const struct weft_attr *attr, weft__fn *fn,
		     void *arg, void *site);

/* procs.c */
void weft__revoke(u32 i);

/* block/sentinel.c; sysmon's, and for the end */
void weft__sentinel_arm(struct p *p, s64 now);
bool weft__sentinel_in_charge(const struct p *p, s64 now);
void weft__sentinels_stop(void);

/* run.c */
s64 weft__live(void);
int weft__check(void);

/* g_main.c */
void weft__starve(struct g *g);
void weft__starved_retry(void);

/* bug.c */
_Noreturn void weft__bug(const struct g *g, const char *rule, ...)
	__attribute__((format(printf, 2, 3)));
void weft__say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* WEFT_CORE_SCHED_H */
