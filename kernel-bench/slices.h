/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * slices.h - two ways to do the same work, in turn, in one process.
 *
 * A way is a function that works for r->ms and returns pieces of work a second.
 * r->n pairs of slices are taken; which of the two comes first changes from
 * pair to pair.  The value is the first in percent of the second, the median of
 * the pairs: what a neighbour on this machine does hits both, and differences
 * of 1 % can be seen.
 *
 * slice_weft() and slice_threads() make such functions.  All is static, as in
 * beside.h.
 */
#ifndef SLICES_H
#define SLICES_H

#include "bench.h"

#include <errno.h>

#define SLICE_PAIRS 64
#define SLICE_TASKS 64

typedef double slice_fn(struct run *r);

struct slice_task {
	long pieces;
} __attribute__((aligned(128)));

static struct slice_task slice_tasks[SLICE_TASKS];
static void *(*slice_work)(void *task);
static double slice_rate;

static void slice_end(struct run *r, int n)
{
	double s = (now_ns() - r->t0) / 1e9;
	long pieces = 0;
	int i;

	run_stop_clock(r);
	for (i = 0; i < n; i++)
		pieces += slice_tasks[i].pieces;
	slice_rate = pieces / s;
}

static void slice_inside(struct run *r)
{
	struct weft_g *g[SLICE_TASKS];
	int i;

	run_begin(r);
	for (i = 0; i < SLICE_TASKS; i++) {
		slice_tasks[i].pieces = 0;
		check(weft_spawn(&g[i], NULL, slice_work, &slice_tasks[i]),
		      "weft_spawn");
	}
	for (i = 0; i < SLICE_TASKS; i++)
		weft_join(g[i], NULL);
	slice_end(r, SLICE_TASKS);
}

/* SLICE_TASKS Gs of @work in a runtime of their own; 0 if there is none */
static double slice_weft(struct run *r, void *(*work)(void *task))
{
	slice_work = work;
	return run_weft(r, slice_inside) ? 0 : slice_rate;
}

/* As many threads as there are processors */
static double slice_threads(struct run *r, void *(*work)(void *task))
{
	int i, n = r->procs < SLICE_TASKS ? r->procs : SLICE_TASKS;
	pthread_t t[SLICE_TASKS];

	run_begin(r);
	for (i = 0; i < n; i++)
		slice_tasks[i].pieces = 0;
	if (threads_start(t, n, work, slice_tasks, sizeof(*slice_tasks)) != n)
		check(-EAGAIN, "threads");
	threads_join(t, n);
	slice_end(r, n);
	return slice_rate;
}

/* False once there is nothing to go on for. */
static bool slices_pair(struct run *r, slice_fn *first, double *v1,
			slice_fn *second, double *v2)
{
	*v1 = first(r);
	if (!*r->skip && !*r->error)
		*v2 = second(r);
	return !*r->skip && !*r->error;
}

/* Their median rates become fields of these names. */
static void slices_run(struct run *r, slice_fn *a, const char *a_name,
		       slice_fn *b, const char *b_name)
{
	double va[SLICE_PAIRS], vb[SLICE_PAIRS], ratio[SLICE_PAIRS];
	int i, n = r->n < SLICE_PAIRS ? r->n : SLICE_PAIRS;

	for (i = 0; i < n; i++) {
		bool ok = (r->round + i) & 1 ?
				  slices_pair(r, b, &vb[i], a, &va[i]) :
				  slices_pair(r, a, &va[i], b, &vb[i]);

		if (!ok)
			return;
		ratio[i] = va[i] / vb[i];
	}
	r->value = 100 * median_of(ratio, n);
	run_field(r, a_name, median_of(va, n));
	run_field(r, b_name, median_of(vb, n));
}

#endif /* SLICES_H */
