// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * batch.c - many Gs started, then all waited for.
 *
 * Rounds until the time is over, but at least seven.  The first two, in which
 * memory is touched for the first time, are dropped: the pool is warm.  The
 * value is the median round's time over the number of Gs.
 */
#include "bench.h"

#define BATCH_ROUNDS 1000
#define BATCH_DROP 2
#define BATCH_MIN 7

static void *batch_nop(void *arg)
{
	if (!((uintptr_t)arg & 255))
		cpu_mark();
	return NULL;
}

static double batch_round_weft(struct weft_g **g, long n)
{
	int64_t t = now_ns();
	long i;

	for (i = 0; i < n; i++)
		check(weft_spawn(&g[i], NULL, batch_nop, (void *)i),
		      "weft_spawn");
	for (i = 0; i < n; i++)
		weft_join(g[i], NULL);
	return (double)(now_ns() - t) / n;
}

static void batch_result(struct run *r, double *ns, int rounds)
{
	run_stop_clock(r);
	r->value = median_of(ns + BATCH_DROP, rounds - BATCH_DROP);
	run_field(r, "rounds", rounds - BATCH_DROP);
}

static void batch_weft(struct run *r)
{
	struct weft_g **g = zalloc(r->n, sizeof(*g));
	static double ns[BATCH_ROUNDS];
	int k = 0;

	run_begin(r);
	while (k < BATCH_MIN || (!stopping() && k < BATCH_ROUNDS))
		ns[k++] = batch_round_weft(g, r->n);
	batch_result(r, ns, k);
}

static double batch_round_pthread(struct run *r, pthread_t *t, long n)
{
	int64_t ns = now_ns();
	long i;

	for (i = 0; i < n; i++)
		if (thread_start(&t[i], batch_nop, (void *)i))
			break;
	threads_join(t, i);
	if (i < n)
		run_note(r, "only %ld threads could be had", i);
	return i ? (double)(now_ns() - ns) / i : 0;
}

static void batch_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->n, sizeof(*t));
	static double ns[BATCH_ROUNDS];
	int k = 0;

	run_begin(r);
	while (k < BATCH_MIN || (!stopping() && k < BATCH_ROUNDS))
		ns[k++] = batch_round_pthread(r, t, r->n);
	batch_result(r, ns, k);
}

static const struct bench batch = {
	.name = "batch",
	.unit = "ns",
	.doc = "100,000 Gs started, then all waited for; per G",
	.weft = batch_weft,
	.pthread = batch_pthread,
	.twin = "2,000 threads",
	.full = { .n = 100000, .ms = 1000 },
	.quick = { .n = 100000, .ms = 100 },
	.twin_full = { .n = 2000, .ms = 1000 },
	.twin_quick = { .n = 2000, .ms = 100 },
};

BENCH_ROWS(batch, &batch);
