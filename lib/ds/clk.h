/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * clk.h - a lock that is biased to a CPU (law L3).
 *
 * It guards a wait queue and the few words beside it, for a few instructions,
 * or until the runner after a switch drops it; never over a park, a system
 * call or a membarrier, and never two of them unless an order is given.
 *
 *	clk_try		word: 0 -> 1, a compare-and-swap of ds/bias.h: under
 *			the seat of this CPU a sequence with one plain store
 *	clk_unlock	word = 0: one plain store under every seat
 *
 * Why the unlock needs no sequence, whatever CPU the holder runs on by now and
 * whatever the seat became meanwhile: while the word is 1 every compare of it
 * fails, so that only the holder stores there.  The store may wait in a store
 * buffer; until it is seen the lock only looks held.  The next holder on the
 * same CPU comes after it in program order, or after a context switch; any
 * other sees it by cache coherence, and on x86-64, or by release and acquire,
 * what was written before it as well.
 *
 * A first store of 1 cannot be late for the others: those on its CPU are
 * behind it, and those elsewhere get the lock only once the seat has left this
 * CPU, which takes a membarrier for it.
 *
 * The holder may be preempted, or be a G that the runner after a switch has to
 * release; so who waits spins briefly, then gives its CPU away, then sleeps
 * for some us at a time.  Not fair, not recursive, not for signal handlers.
 *
 * selftests/model/clk.pml explores it.
 *
 * Rejected: a seat and a held word with states of their own; the same protocol
 * twice.  An exchange in place of the compare-and-swap under SHARED: no
 * cheaper, and it dirties the line of a lock that is held.
 */
#ifndef WEFT_DS_CLK_H
#define WEFT_DS_CLK_H

#include "bias.h"

/* All zero is a lock that nobody holds. */
struct clk {
	struct bias b;
};

#define CLK_FREE 0
#define CLK_HELD 1

void weft__clk_wait(struct vcpu *vc, struct clk *l);

/*
 * A look first: under SHARED a failing compare-and-swap would take the line
 * from its holder.
 */
static __always_inline bool clk_try(struct vcpu *vc, struct clk *l)
{
	int r = seq_bias_cas(vc, &l->b, CLK_FREE, CLK_HELD);

	if (unlikely(r == BIAS_OTHER)) {
		if (READ_ONCE(l->b.word) != CLK_FREE)
			return false;
		r = weft__bias_cas_slow(vc, &l->b, CLK_FREE, CLK_HELD);
	}
	return r == BIAS_OK;
}

static __always_inline void clk_lock(struct vcpu *vc, struct clk *l)
{
	if (unlikely(!clk_try(vc, l)))
		weft__clk_wait(vc, l);
}

static __always_inline void clk_unlock(struct clk *l)
{
	smp_store_release(&l->b.word, CLK_FREE);
}

/* For who trusts nobody: somebody has it. */
static __always_inline bool clk_held(const struct clk *l)
{
	return READ_ONCE(l->b.word) != CLK_FREE;
}

#endif /* WEFT_DS_CLK_H */
