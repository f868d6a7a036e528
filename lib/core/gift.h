/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * gift.h - a G that goes straight to an M that spins.
 *
 * Through the global queue a G takes four lines to another CPU, one after the
 * other; through this word, which the spinning M reads, it takes one
 * (kernel-bench parkwake_spin).
 *
 *	NONE --- an M begins to spin ---> WANTED --- a waker ---> the G
 *	  ^                                 |                      |
 *	  +--------- it ends to spin -------+--- any M that looks -+
 *
 * Whoever has set WANTED clears WANTED, or takes what is there, before it stops
 * spinning.  So while the word holds a G, an M with a token is awake that will
 * look at it, and a waker that could give has nobody to wake.  Another M that
 * takes it, too, only hastens: the one that spins may be preempted.  Two that
 * spin may clear WANTED for each other, and then find their Gs elsewhere.
 * selftests/model/gift.pml.
 */
#ifndef WEFT_CORE_GIFT_H
#define WEFT_CORE_GIFT_H

#include "sched.h"

#define GIFT_NONE 0ul
#define GIFT_WANTED 1ul

static inline bool gift_waits(const struct node *n)
{
	return READ_ONCE(n->gift) > GIFT_WANTED;
}

/* True: somebody has it now, and nobody needs to be woken. */
static inline bool gift_give(struct node *n, struct g *g)
{
	return READ_ONCE(weft__want.hungry) &&
	       cas(&n->gift, GIFT_WANTED, (uintptr_t)g);
}

static inline struct g *gift_take(struct node *n)
{
	uintptr_t w = READ_ONCE(n->gift);

	if (w <= GIFT_WANTED || !cas(&n->gift, w, GIFT_NONE))
		return NULL;
	return (struct g *)w;
}

static inline bool gift_want(struct node *n)
{
	return cas(&n->gift, GIFT_NONE, GIFT_WANTED);
}

/* The end of gift_want(): what came meanwhile, if nobody else has it. */
static inline struct g *gift_unwant(struct node *n)
{
	return cas(&n->gift, GIFT_WANTED, GIFT_NONE) ? NULL : gift_take(n);
}

#endif /* WEFT_CORE_GIFT_H */
