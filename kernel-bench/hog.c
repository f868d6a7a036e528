// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * hog.c - what 100 Gs lose by one that never enters the scheduler.
 *
 * 100 do 20 us of work and yield (beside.h); the hog computes to the end of its
 * phase.  weft, too, is confined to as many CPUs as it has processors: else the
 * kernel would give the hog a CPU that the P never had.
 *
 * Threads need nobody who looks after a hog: the twin's would get one part of
 * 101, if sched_yield() did not leave it more.
 */
#include "beside.h"

#define HOG_WORKERS 100

static void *hog_other(void *arg)
{
	struct beside_other *o = arg;

	while (!stopping())
		o->done++;
	return NULL;
}

static void hog_run(struct run *r, bool threads)
{
	const struct beside b = {
		.workers = HOG_WORKERS,
		.others = 1,
		.other = hog_other,
	};
	struct beside_sum with;

	beside_run(r, &b, threads, &with);
}

static void hog_weft(struct run *r)
{
	hog_run(r, false);
}

static void hog_pthread(struct run *r)
{
	hog_run(r, true);
}

static const struct bench hog = {
	.name = "hog",
	.unit = "percent",
	.doc = "work of 100 Gs while another one never yields",
	.weft = hog_weft,
	.pthread = hog_pthread,
	.twin = "101 threads; sched_yield() leaves the hog more than its part",
	.full = { .n = 4, .ms = 500 },
	.quick = { .n = 1, .ms = 300 },
	.higher = true,
	.confined = true,
};

BENCH_ROWS(hog, &hog);
