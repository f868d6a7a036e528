// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * clk.c - wait for a biased lock; see clk.h.
 */
#include "clk.h"
#include "../os/thread.h"

weft__noinline void weft__clk_wait(struct vcpu *vc, struct clk *l)
{
	u32 round = 0;

	while (!clk_try(vc, l))
		weft__thread_relax(round++);
}
