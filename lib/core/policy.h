/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * policy.h - what the files of a scheduling policy share.
 *
 *	policy.c	its life: start, stop, who is inside a callback
 *	policy_find.c	which one: registered, set, by name, by path
 *	policy_push.c	a G becomes runnable
 *	policy_next.c	its turn comes, it runs and stops
 *	policy_g.c	what is kept for each G
 *	policy_dsq.c	DSQs: queues and their table
 *	policy_insert.c	a policy inserts and moves Gs
 *	policy_api.c	what else callbacks may call
 *	policy_watch.c	the watchdog; a policy is ejected
 *
 * How it gets its Gs.  While a policy is on no M has a P: m->p is
 * &weft__dead_p, always, so that every push and every pop of the fast paths
 * fails its compare and enters the slow path, as after poison.  There one word
 * is asked, weft__policy_state.  So a program without a policy pays nothing,
 * and fast.h knows of none.  The run queues of the Ps stay empty, and nobody
 * re-seats; "cpu" is the number of a P, which is that of the token: its M is
 * who serves LOCAL DSQ number m->tok, and with a handoff the DSQ goes along.
 *
 * A pop by a G always answers "leave for the idle loop".  So all callbacks of a
 * dispatch run on the stack of an M, in the order that sched_ext has, and what
 * stops and what begins to run is known in one place, resume() in m.c.  The way
 * over the M's own stack costs a second switch, which no policy with a lock
 * will notice.
 *
 * Who has a G that is runnable and does not run: gpol->where.  Each move is a
 * CAS or under the DSQ's lock:
 *
 *	NONE -- push --> HELD -- insert --> MOVING --> QUEUED -- pop --> NONE
 *	                  |                   |          |
 *	                  +---- policy is ejected: global queue, NONE
 *
 * HELD is all that a policy can lose, and every G is in the slabs that a walk
 * sees; so nothing is lost that is not found again.
 */
#ifndef WEFT_CORE_POLICY_H
#define WEFT_CORE_POLICY_H

#include "../ds/pheap.h"
#include "policy_hooks.h"

#include <stdarg.h>
#include <weft/policy.h>

enum gpol_where { POL_NONE, POL_HELD, POL_MOVING, POL_QUEUED };

/* What is kept for a G; beside its slab, type-stable as it is. */
struct gpol {
	struct weft_sched_entity e;
	struct pheap_node node;	/* under the DSQ's lock; FIFO: next */
	struct g *g;
	struct dsq *dsq;	/* that it is or was in; a hint for reports */
	u64 id;			/* of the G that init_task() was called for */
	u64 word_id;		/* of the G that e.word is for */
	s64 since;		/* when it began to wait there */
	u64 excuse;		/* the watchdog's count by then */
	u32 where;		/* enum gpol_where */
	s32 cpu;		/* by who has the G in hands */
	u32 known;		/* from init_task() to exit_task(); xchg */
	u32 on;			/* between runnable() and quiescent() */
} __attribute__((aligned(WEFT__LINE)));

/* A dispatch queue.  Never freed before the runtime stops. */
struct dsq {
	u64 id;
	struct dsq *next;	/* of its bucket; pushed by CAS */
	struct weft__lock lock;	/* guards what follows; not asked */
	u32 live;
	u32 nr;			/* read without the lock as a hint */
	bool by_vtime;		/* what is in it; decided while it is empty */
	struct gpol *first, *last;
	struct pheap heap;
	/* the watchdog's, in a LOCAL one and in weft__policy */
	u64 asked;		/* times its P wanted work; by its M */
	u64 seen;		/* that, at the last check; by sysmon */
	u64 excuse;		/* ns in which nobody asked; by sysmon */
} __attribute__((aligned(WEFT__LINE)));

#define DSQ_BUCKETS 64

struct policy {
	u32 foreign;		/* ordinary threads in callbacks; atomic */
	s64 nshared;		/* Gs that wait, but in LOCAL DSQs; atomic */
	/* constant while it is on */
	struct weft_sched_ops ops;
	char name[64];
	u32 nlocal;
	struct dsq *local;	/* [nlocal] */
	struct dsq *global;	/* [S.nnodes] */
	struct dsq *bucket[DSQ_BUCKETS];
	struct weft__lock creating;	/* guards additions to bucket[] */
	/* why it is ejected: by who broke it, then sysmon */
	enum weft_exit_kind kind;
	char msg[256];
	/* sysmon's */
	u32 rescued;
	s64 check_at;
	u64 seen, excuse;
};

extern struct policy weft__policy;

/* The callback that this thread is in. */
enum policy_op {
	OP_NONE, OP_INIT, OP_EXIT, OP_SELECT_CPU, OP_ENQUEUE, OP_DISPATCH,
	OP_RUNNABLE, OP_RUNNING, OP_STOPPING, OP_QUIESCENT, OP_INIT_TASK,
	OP_EXIT_TASK, OP_DUMP,
};

struct policy_call {
	u32 op;			/* enum policy_op */
	s32 cpu;		/* the P that dispatches, or -1 */
	struct g *g;		/* whom enqueue() and select_cpu() are about */
	bool moved;		/* dispatch() has done something */
	bool local;		/* an insertion was into a LOCAL DSQ */
	/* an insertion by select_cpu(), done when it has returned */
	bool direct, by_vtime;
	u64 dsq, slice, vtime, flags;
};

extern __thread struct policy_call weft__policy_call;

/* Callback fn, if there is one, with op as this thread's whereabouts. */
#define POLICY_CALL(op_, fn, ...)                                             \
	do {                                                                  \
		if (weft__policy.ops.fn) {                                    \
			weft__policy_call.op = (op_);                         \
			weft__policy.ops.fn(__VA_ARGS__);                     \
			weft__policy_call.op = OP_NONE;                       \
		}                                                             \
	} while (0)

/* policy.c */
bool weft__policy_enter(struct m *m);
void weft__policy_leave(struct m *m);
bool weft__policy_inside(void);
void weft__policy_exit_task(struct gpol *gp);
void weft__policy_end(void);
const char *weft__policy_op_name(u32 op);

/* policy_find.c: 0 and NULL: the built-in one */
int weft__policy_find(const struct weft__opts *o,
		      const struct weft_sched_ops **ops);
void weft__policy_find_forked(void);
int weft__policy_copy(struct weft_sched_ops *to,
		      const struct weft_sched_ops *from);

/* policy_g.c */
struct gpol *weft__gpol_get(const struct g *g);
struct gpol *weft__gpol(const struct g *g);
void weft__gpol_walk(bool (*fn)(struct gpol *gp, void *arg), void *arg);

/* policy_dsq.c */
int weft__dsqs_init(void);
void weft__dsqs_free(void);
struct dsq *weft__dsq_find(u64 id);
int weft__dsq_create(u64 id);
int weft__dsq_destroy(u64 id);
enum dsq_put { DSQ_OK, DSQ_GONE, DSQ_MIXED, DSQ_OFF };
enum dsq_put weft__dsq_put(struct dsq *d, struct gpol *gp, bool by_vtime,
			   bool head);
struct gpol *weft__dsq_pop(struct dsq *d, enum gpol_where to);
void weft__dsq_each(void (*fn)(struct dsq *d, void *arg), void *arg);

static inline bool dsq_is_local(const struct dsq *d)
{
	return d - weft__policy.local >= 0 &&
	       d - weft__policy.local < (s64)weft__policy.nlocal;
}

/* policy_api.c */
struct dsq *weft__dsq_of(u64 id, s32 cpu);
void weft__policy_preempt(u32 i);

/* policy_insert.c */
int weft__policy_insert(struct gpol *gp, u64 id, u64 flags, bool by_vtime);

/* policy_push.c */
void weft__policy_rescue(struct gpol *gp);

/* policy_watch.c */
void weft__policy_breach(enum weft_exit_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void weft__policy_vbreach(enum weft_exit_kind kind, const char *fmt,
			  va_list ap);

#endif /* WEFT_CORE_POLICY_H */
