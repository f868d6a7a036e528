// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy-vtime - fair shares by weight.
 *
 * A G's policy word is its weight; 0 is 100.  Its virtual time goes on as it
 * runs, the slower the heavier it is, and who has the least runs next.  So two
 * that always have work get processor time as their weights are.  A G that
 * slept does not save up: it starts a slice behind the others at most.
 */
#include <weft/policy.h>

#define QUEUE 0
#define SLICE UINT64_C(2000000)

static uint64_t vtime_now;	/* of who began to run last, and never back */

static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static uint64_t now(void)
{
	return __atomic_load_n(&vtime_now, __ATOMIC_RELAXED);
}

static int vtime_init(void)
{
	__atomic_store_n(&vtime_now, 0, __ATOMIC_RELAXED);
	return weft_create_dsq(QUEUE, -1);
}

static int vtime_init_task(struct weft_g *g)
{
	weft_entity(g)->vtime = now();
	return 0;
}

static void vtime_enqueue(struct weft_g *g, uint64_t flags)
{
	uint64_t vtime = weft_entity(g)->vtime;

	if (before(vtime, now() - SLICE))
		vtime = now() - SLICE;
	weft_dsq_insert_vtime(g, QUEUE, SLICE, vtime, flags);
}

static void vtime_dispatch(int32_t cpu, struct weft_g *prev)
{
	(void)cpu, (void)prev;
	weft_dsq_move_to_local(QUEUE);
}

static void vtime_running(struct weft_g *g)
{
	uint64_t mine = weft_entity(g)->vtime, seen = now();

	while (before(seen, mine) &&
	       !__atomic_compare_exchange_n(&vtime_now, &seen, mine, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void vtime_stopping(struct weft_g *g, bool runnable)
{
	struct weft_sched_entity *e = weft_entity(g);

	(void)runnable;
	e->vtime += (SLICE - e->slice) * 100 / (e->word ? e->word : 100);
}

const struct weft_sched_ops weft_policy = {
	.sz = sizeof(weft_policy),
	.name = "vtime",
	.init = vtime_init,
	.init_task = vtime_init_task,
	.enqueue = vtime_enqueue,
	.dispatch = vtime_dispatch,
	.running = vtime_running,
	.stopping = vtime_stopping,
};
