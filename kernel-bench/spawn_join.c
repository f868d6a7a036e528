// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * spawn_join.c - start one G that does nothing, and join it.
 *
 * spawn_join joins at once: a child that never ran may run as a call on the
 * stack of its joiner.  In spawn_join_sw the parent yields first, so that the
 * child must really be switched to.
 */
#include "bench.h"

static void *spawn_join_nop(void *arg)
{
	return arg;
}

static void spawn_join_weft(struct run *r)
{
	struct weft_g *g;
	long ops = 0;
	void *ret;

	run_begin(r);
	while (!stopping()) {
		ops++;
		check(weft_spawn(&g, NULL, spawn_join_nop, &ops),
		      "weft_spawn");
		if (r->arg)
			weft_yield();
		weft_join(g, &ret);
		if (ret != &ops)
			run_fail(r, "a child returned a wrong value");
	}
	run_end(r, ops);
}

static void spawn_join_pthread(struct run *r)
{
	pthread_t t;
	long ops = 0;
	void *ret;

	run_begin(r);
	while (!stopping()) {
		ops++;
		check(thread_start(&t, spawn_join_nop, &ops), "a thread");
		if (r->arg)
			sched_yield();
		pthread_join(t, &ret);
		if (ret != &ops)
			run_fail(r, "a child returned a wrong value");
	}
	run_end(r, ops);
}

static const struct bench spawn_join = {
	.name = "spawn_join",
	.unit = "ns",
	.doc = "start an empty G and join it; per pair",
	.weft = spawn_join_weft,
	.pthread = spawn_join_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = 0,
	.serial = true,
};
static const struct bench spawn_join_sw = {
	.name = "spawn_join_sw",
	.unit = "ns",
	.doc = "the same with a yield between, so that the child switches",
	.weft = spawn_join_weft,
	.pthread = spawn_join_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = 1,
	.serial = true,
};

BENCH_ROWS(spawn_join, &spawn_join, &spawn_join_sw);
