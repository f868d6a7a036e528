// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * yield.c - 2, 64 or 10,000 Gs that do nothing but yield.
 *
 * An operation is one turn of one G.  All Gs have started, and so have their
 * stacks, before the clock does.  The row ends after its time, or as soon as
 * one G has had its share of n turns; so a G that was passed over shows:
 * turns_min and turns_max are the fewest and the most turns that a G had.  A
 * yield that starves is no yield, however fast.
 */
#include "bench.h"

struct yield_g {
	long turns;
	long share;
} __attribute__((aligned(64)));

static long yield_ready;	/* Gs that have started */
static int yield_go;

/* Ends when the time is over, or with the first G that had its share. */
static void *yield_turns(void *arg)
{
	struct yield_g *y = arg;
	long turns = 0;

	add_relaxed(&yield_ready, 1);
	while (!load_acquire(&yield_go))
		weft_yield();
	cpu_mark();
	while (!stopping()) {
		weft_yield();
		if (!(++turns & 255))
			cpu_mark();
		if (turns == y->share)
			stop_now();
	}
	y->turns = turns;
	return NULL;
}

static void yield_result(struct run *r, struct yield_g *y, long n)
{
	long i, sum = 0, min = y[0].turns, max = min;

	for (i = 0; i < n; i++) {
		sum += y[i].turns;
		if (y[i].turns < min)
			min = y[i].turns;
		if (y[i].turns > max)
			max = y[i].turns;
	}
	run_end(r, sum);
	run_field(r, "turns_min", min);
	run_field(r, "turns_max", max);
}

static void yield_weft(struct run *r)
{
	long i, n = r->arg;
	struct weft_g **g = zalloc(n, sizeof(*g));
	struct yield_g *y = zalloc(n, sizeof(*y));

	for (i = 0; i < n; i++) {
		y[i].share = r->n / n;
		check(weft_spawn(&g[i], NULL, yield_turns, &y[i]),
		      "weft_spawn");
	}
	while (READ_ONCE(yield_ready) < n)
		weft_yield();
	run_begin(r);
	store_release(&yield_go, 1);
	for (i = 0; i < n; i++)
		weft_join(g[i], NULL);
	yield_result(r, y, n);
}

static void *yield_turns_thread(void *arg)
{
	struct yield_g *y = arg;
	long turns = 0;

	while (!load_acquire(&yield_go))
		futex_wait((uint32_t *)&yield_go, 0);
	cpu_mark();
	while (!stopping()) {
		sched_yield();
		if (!(++turns & 255))
			cpu_mark();
		if (turns == y->share)
			stop_now();
	}
	y->turns = turns;
	return NULL;
}

static void yield_pthread(struct run *r)
{
	long i, got, n = r->arg;
	pthread_t *t = zalloc(n, sizeof(*t));
	struct yield_g *y = zalloc(n, sizeof(*y));

	for (i = 0; i < n; i++)
		y[i].share = r->n / n;
	got = threads_start(t, n, yield_turns_thread, y, sizeof(*y));
	if (got < n)
		run_note(r, "only %ld threads could be had", got);
	run_begin(r);
	store_release(&yield_go, 1);
	futex_wake((uint32_t *)&yield_go, n);
	threads_join(t, got);
	yield_result(r, y, got);
	run_field(r, "threads", got);
}

static const struct bench yield_g2 = {
	.name = "yield_g2",
	.unit = "ns",
	.doc = "2 Gs yield; per turn",
	.weft = yield_weft,
	.pthread = yield_pthread,
	.full = { .n = 200000000, .ms = 2000 },
	.quick = { .n = 200000000, .ms = 200 },
	.arg = 2,
	.fills = true,
};
static const struct bench yield_g64 = {
	.name = "yield_g64",
	.unit = "ns",
	.doc = "64 Gs yield; per turn",
	.weft = yield_weft,
	.pthread = yield_pthread,
	.full = { .n = 200000000, .ms = 2000 },
	.quick = { .n = 200000000, .ms = 200 },
	.arg = 64,
	.fills = true,
};
static const struct bench yield_g10000 = {
	.name = "yield_g10000",
	.unit = "ns",
	.doc = "10,000 Gs yield; per turn",
	.weft = yield_weft,
	.pthread = yield_pthread,
	.full = { .n = 200000000, .ms = 2000 },
	.quick = { .n = 200000000, .ms = 300 },
	.arg = 10000,
	.fills = true,
};

BENCH_ROWS(yield, &yield_g2, &yield_g64, &yield_g10000);
