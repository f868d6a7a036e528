/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * wait.h - waiting in a queue: the base of channels, locks and the like.
 *
 * An object has a CPU-biased lock (ds/clk.h), as its first member, and queues,
 * doubly linked, first in first out, which the lock guards.  A node of a queue
 * lives on the stack of who waits: a G, or an ordinary thread on a futex.
 *
 *	who waits				who wakes
 *
 *	lock; what it wants is not there	lock
 *	node at the tail			take a node out, fill it in
 *	switch away, lock held			unlock
 *	the next runner: unlock			make its G runnable
 *
 * The lock goes from the G that leaves to whoever runs after the switch, so
 * that nobody finds a node whose G's context is not saved.  Who takes a node
 * out of its queue wakes it, and nobody else does; until then the waiter's
 * frame stands, and afterwards nobody touches it.  A deadline takes nodes out
 * as well (core/timer.h), under the same lock.
 *
 * While the lock is held nothing is done that may take long: wait_pop() takes
 * what is in the queue of this M's P, else the M goes to its own stack, where
 * it may steal and seize with nothing in its hands; and what each 61st pop
 * looks at, it looks at when the G is back.
 *
 * A select has a node in many queues, and a word that all of them share:
 *
 *	SETUP ------------ who takes a node: CAS -----------> that node
 *	  |   ^                                                  ^
 *	  |   +-- begin again -- SEL_MINE <- CAS -- SETUP        |
 *	  |                                                      |
 *	  +-- CAS, next runner -> PARKED -- who takes a node ----+
 *	                            |
 *	                            +-- the deadline --> LATE
 *
 * A node counts only for who moves its word; who fails drops the node, which
 * is a trace of a select that is over.  Who wins in SETUP wakes nobody, and
 * touches nothing of the select once the object's lock is dropped: the select
 * is running, and takes that lock before it leaves.  See select.c.
 */
#ifndef WEFT_SYNC_WAIT_H
#define WEFT_SYNC_WAIT_H

#include "../core/fast.h"
#include "../ds/clk.h"

/* The word of a select: one of these, or the node that won. */
#define SEL_SETUP 0ul		/* it runs, some of its nodes are out */
#define SEL_PARKED 1ul		/* all are out, and it has left */
#define SEL_LATE 2ul		/* its deadline came first */
#define SEL_MINE 3ul		/* it decides for itself */

/* wnode.who: a G, or a struct waiter with this bit */
#define WHO_THREAD 1ul

struct wnode {
	struct wnode *next, *prev;	/* under the object's lock, while in */
	u64 who;		/* by the waiter, before it is in a queue */
	void *data;		/* the object's: what is handed over, where */
	u64 *sel;		/* the word of a select, or NULL */
	/*
	 * In a queue; under the object's lock, and the last that who drops a
	 * loser's node writes there.
	 */
	u32 in;
	int ret;		/* by who takes it out, for the waiter */
};

/*
 * All zero is an empty one.  Whom to wake stands here and not only in the node:
 * the node's address comes from the stack of who waits, so that a waker that
 * had to go there would begin only when that is known; in a ping-pong of two Gs
 * these loads are what the time goes to.
 */
struct wqueue {
	struct wnode *head;	/* its prev is the tail */
	u64 who;		/* head's, unless that is of a select; or 0 */
};

static __always_inline bool wq_empty(const struct wqueue *q)
{
	return !q->head;
}

/* A word that somebody holds the lock for, read without. */
static __always_inline bool wq_looks_empty(const struct wqueue *q)
{
	return !READ_ONCE(q->head);
}

static __always_inline void wq_head(struct wqueue *q, struct wnode *n)
{
	q->who = n->sel ? 0 : n->who;
	WRITE_ONCE(q->head, n);
}

static __always_inline void wq_push(struct wqueue *q, struct wnode *n)
{
	struct wnode *head = q->head;

	n->next = NULL;
	n->in = 1;
	if (unlikely(head)) {
		n->prev = head->prev;
		n->prev->next = n;
		head->prev = n;
	} else {
		n->prev = n;
		wq_head(q, n);
	}
}

/* The place of who waits longest. */
static inline void wq_push_front(struct wqueue *q, struct wnode *n)
{
	struct wnode *head = q->head;

	n->next = head;
	n->prev = n;
	n->in = 1;
	if (head) {
		n->prev = head->prev;
		head->prev = n;
	}
	wq_head(q, n);
}

/* The first node; NULL if there is none.  For queues without selects. */
static __always_inline struct wnode *wq_pop(struct wqueue *q)
{
	struct wnode *n = q->head, *next;

	if (!n)
		return NULL;
	next = n->next;
	if (unlikely(next)) {
		next->prev = n->prev;
		wq_head(q, next);
	} else {
		q->who = 0;
		WRITE_ONCE(q->head, NULL);
	}
	smp_store_release(&n->in, 0);
	return n;
}

/* All nodes, as a list by next; they stand until their owners are woken. */
static inline struct wnode *wq_pop_all(struct wqueue *q)
{
	struct wnode *first = q->head, *n;

	for (n = first; n; n = n->next)
		n->in = 0;
	q->who = 0;
	WRITE_ONCE(q->head, NULL);
	return first;
}

/* n, which is in q. */
static inline void wq_del(struct wqueue *q, struct wnode *n)
{
	struct wnode *next = n->next;

	if (q->head == n) {
		wq_pop(q);
		return;
	}
	n->prev->next = next;
	if (!next)
		next = q->head;	/* which knows the tail */
	next->prev = n->prev;
	smp_store_release(&n->in, 0);
}

/* In two registers; through a pointer "who" would have to live in memory. */
struct wtaken {
	struct wnode *n;
	u64 who;
};

struct wtaken weft__wq_take_slow(struct wqueue *q, const u64 *mine);

/*
 * Take out the first node that can be had; those of selects that are over go,
 * those of the select "mine" stay.  *who: whom to wake once the lock is
 * dropped; 0: nobody, and the node is not to be touched by then.
 */
static __always_inline struct wnode *wq_take(struct wqueue *q, const u64 *mine,
					     u64 *who)
{
	struct wtaken t;

	*who = q->who;
	if (likely(*who))
		return wq_pop(q);
	if (likely(!q->head))
		return NULL;
	t = weft__wq_take_slow(q, mine);
	*who = t.who;
	return t.n;
}

void weft__wake_who_slow(u64 who);

/* Whose node was taken out; no lock held. */
static __always_inline void wake_who(struct m *m, u64 who)
{
	if (likely(m && who && !(who & WHO_THREAD)))
		ready(m, (struct g *)who);
	else
		weft__wake_who_slow(who);
}

bool weft__wait_allowed(struct m *m);

/* Is that plain to see?  Else ask weft__wait_allowed(). */
static __always_inline bool wait_on_own_stack(const struct m *m)
{
	return !((uintptr_t)(here_sp() - m->cur->stk) >> m->cur->cls);
}

struct g *weft__wait_pop_slow(struct m *m);
void weft__wait_tick(void);

/* Who runs next, with a lock held: nothing that may take long. */
static __always_inline struct g *wait_pop(struct m *m)
{
	struct g *g;

	if (likely(m->tick > 1)) {
		own_add(m->tick, -1u);
		g = (struct g *)seq_pop(m->vc, &peek(m->p)->q);
		if (likely(g))
			return g;
	}
	return weft__wait_pop_slow(m);
}

/* The G is back, with nothing in its hands: do what wait_pop() left out. */
static __always_inline void wait_back(void)
{
	if (unlikely(this_m()->tick <= 1))
		weft__wait_tick();
}

/*
 * By a G, its node in a queue of the object that l is the lock of: wait until
 * somebody takes it out.  Drops the lock.
 */
static __always_inline void wait_park(struct m *m, struct clk *l, u8 why)
{
	struct g *n = wait_pop(m);

	note_park(m, m->cur, why);
	switch_to(m, n, POST_UNLOCK, &l->b);
	wait_back();
}

#endif /* WEFT_SYNC_WAIT_H */
