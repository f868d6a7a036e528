// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * skynet.c - a tree of Gs, ten children each, down to a million leaves.
 *
 * Each leaf returns its number, each inner node the sum of its children; the
 * sum is checked.  The value is the median time of a tree in ms, the first
 * tree unmeasured.  The twin has fewer leaves, and its time is scaled up.
 */
#include "bench.h"

#define SKYNET_LEAVES 1000000
#define SKYNET_TREES 1000

struct skynet {
	long first, leaves, sum;
};

static void skynet_child(struct skynet *child, const struct skynet *s, int i)
{
	child->leaves = s->leaves / 10;
	child->first = s->first + i * child->leaves;
	child->sum = 0;
}

static void *skynet_g(void *arg)
{
	struct skynet *s = arg, child[10];
	struct weft_g *g[10];
	int i;

	if (s->leaves == 1) {
		s->sum = s->first;
		return NULL;
	}
	if (s->leaves == 100)
		cpu_mark();
	for (i = 0; i < 10; i++) {
		skynet_child(&child[i], s, i);
		check(weft_spawn(&g[i], NULL, skynet_g, &child[i]),
		      "weft_spawn");
	}
	for (i = 9; i >= 0; i--) {
		weft_join(g[i], NULL);
		s->sum += child[i].sum;
	}
	return NULL;
}

/* What gets no thread is called. */
static void *skynet_thread(void *arg)
{
	struct skynet *s = arg, child[10];
	bool called[10] = { false };
	pthread_t t[10];
	int i;

	if (s->leaves == 1) {
		s->sum = s->first;
		return NULL;
	}
	cpu_mark();
	for (i = 0; i < 10; i++) {
		skynet_child(&child[i], s, i);
		if (thread_start(&t[i], skynet_thread, &child[i])) {
			called[i] = true;
			skynet_thread(&child[i]);
		}
	}
	for (i = 9; i >= 0; i--) {
		if (!called[i])
			pthread_join(t[i], NULL);
		s->sum += child[i].sum;
	}
	return NULL;
}

static void skynet_run(struct run *r, weft_fn *fn)
{
	struct skynet s = { 0, r->n, 0 };
	static double ms[SKYNET_TREES];
	int k = 0;

	fn(&s);
	run_begin(r);
	do {
		int64_t t = now_ns();

		s.sum = 0;
		fn(&s);
		ms[k++] = (now_ns() - t) / 1e6 * (SKYNET_LEAVES / r->n);
		if (s.sum != r->n * (r->n - 1) / 2)
			run_fail(r, "the sum was %ld", s.sum);
	} while (!stopping() && k < SKYNET_TREES);
	run_stop_clock(r);
	r->value = median_of(ms, k);
	run_field(r, "trees", k);
}

static void skynet_weft(struct run *r)
{
	skynet_run(r, skynet_g);
}

static void skynet_pthread(struct run *r)
{
	skynet_run(r, skynet_thread);
}

static const struct bench skynet_row = {
	.name = "skynet",
	.unit = "ms",
	.doc = "a ten-way tree of Gs with 1,000,000 leaves; per tree",
	.weft = skynet_weft,
	.pthread = skynet_pthread,
	.twin = "10,000 leaves, times 100 (1,000 leaves with --quick)",
	.full = { .n = SKYNET_LEAVES, .ms = 1000 },
	.quick = { .n = SKYNET_LEAVES, .ms = 100 },
	.twin_full = { .n = 10000, .ms = 1000 },
	.twin_quick = { .n = 1000, .ms = 100 },
	.fills = true,
};

BENCH_ROWS(skynet, &skynet_row);
