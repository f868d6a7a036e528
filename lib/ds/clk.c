// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * clk.c - wait for a biased lock; see clk.h.
 */
#include "clk.h"
#include "../os/thread.h"

#define CLK_ROUNDS 5		/* some 1,000 pauses, then others may run */
#define CLK_PAUSES 32
#define CLK_YIELDS 128		/* where weft__thread_relax() begins to */

/*
 * Look seldom: each look that succeeds moves the lock, and what it guards, to
 * this CPU, and the next one of its last holder moves all back; who lets that
 * one go on for a while pays once for a streak (kernel-bench chan4x4 on 2 Ps:
 * 70 to 260 ns a message with a look at each pause, 13 to 45 so).
 */
weft__noinline void weft__clk_wait(struct vcpu *vc, struct clk *l)
{
	u32 round, i;

	for (round = 0; !clk_try(vc, l); round++) {
		if (round >= CLK_ROUNDS)
			weft__thread_relax(CLK_YIELDS + round - CLK_ROUNDS);
		else
			for (i = 0; i < (u32)CLK_PAUSES << round; i++)
				cpu_relax();
	}
}
