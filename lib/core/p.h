/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * p.h - a P: a run queue with a movable seat, and its timers.
 */
#ifndef WEFT_CORE_P_H
#define WEFT_CORE_P_H

#include "../arch/runq.h"

struct timers;
struct node;
struct sentinel;

struct p {
	struct runq q;		/* first: m->p is also its queue */
	struct node *node;	/* where its memory is */
	u32 home;		/* CPU it was laid out for: steal order only */
	u16 *order;		/* the other Ps, from near to far */
	u8 *ring;		/* equals have the same number */
	struct timers *timers;
	struct sentinel *sentinel;	/* made by sysmon, or NULL */
	u64 mark;		/* tail at a tick; by who ticks, a hint */
	struct {		/* sysmon's notes */
		u64 moved;
		u32 still;	/* ticks it stood, not empty */
		uintptr_t handed;	/* the token of its number, at a tick */
	} mon;
	struct {		/* thieves' notes: racy, a hint */
		u64 moved;
		s64 since;	/* it has not moved from there */
	} stuck;
} __attribute__((aligned(128)));

/* Changes whenever the queue does; never comes back to what it was. */
static inline u64 p_moved(const struct p *p)
{
	return READ_ONCE(p->q.phead) + READ_ONCE(p->q.tail) +
	       runq_head(READ_ONCE(p->q.b));
}

/* Its seat matches nowhere: "come into the slow path". */
extern struct p weft__dead_p;

#endif /* WEFT_CORE_P_H */
