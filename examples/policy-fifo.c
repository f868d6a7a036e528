// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy-fifo - the least policy: one queue for all processors, first in first
 * out.
 *
 *	WEFT_POLICY=examples/libweft-fifo.so PROGRAM
 *
 * A program that is linked to libweft.a must be linked with -rdynamic, too, so
 * that the policy finds weft in it.
 */
#include <weft/policy.h>

#define QUEUE 0

static int fifo_init(void)
{
	return weft_create_dsq(QUEUE, -1);
}

static void fifo_enqueue(struct weft_g *g, uint64_t flags)
{
	weft_dsq_insert(g, QUEUE, 0, flags);
}

static void fifo_dispatch(int32_t cpu, struct weft_g *prev)
{
	(void)cpu, (void)prev;
	weft_dsq_move_to_local(QUEUE);
}

const struct weft_sched_ops weft_policy = {
	.sz = sizeof(weft_policy),
	.name = "fifo",
	.init = fifo_init,
	.enqueue = fifo_enqueue,
	.dispatch = fifo_dispatch,
};
