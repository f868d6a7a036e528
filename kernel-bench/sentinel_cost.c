// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sentinel_cost.c - what it costs a busy P that its CPU is watched.
 *
 * 64 Gs do 20 us of work and yield; none blocks.  Slices under
 * WEFT_BLOCK_DETECT=auto and =sysmon take turns (slices.h); the value is the
 * rate of work of the first in percent of the second.
 *
 * The twin compares threads with the same threads: what 100 % is worth here.
 */
#include "slices.h"

#include <stdlib.h>

static void *cost_work(void *arg)
{
	struct slice_task *t = arg;

	while (!stopping()) {
		work_us(20);
		t->pieces++;
		cpu_mark();
		weft_yield();
	}
	return NULL;
}

/* Puts back what the run was called with. */
static double cost_under(struct run *r, const char *detect)
{
	const char *old = getenv("WEFT_BLOCK_DETECT");
	double rate;

	r->setting = "WEFT_BLOCK_DETECT";
	setenv("WEFT_BLOCK_DETECT", detect, 1);
	rate = slice_weft(r, cost_work);
	if (old)
		setenv("WEFT_BLOCK_DETECT", old, 1);
	else
		unsetenv("WEFT_BLOCK_DETECT");
	return rate;
}

static double cost_auto(struct run *r)
{
	return cost_under(r, "auto");
}

static double cost_sysmon(struct run *r)
{
	return cost_under(r, "sysmon");
}

static double cost_threads(struct run *r)
{
	return slice_threads(r, cost_work);
}

static void cost_weft(struct run *r)
{
	slices_run(r, cost_auto, "pieces_s_auto", cost_sysmon,
		   "pieces_s_sysmon");
}

static void cost_pthread(struct run *r)
{
	slices_run(r, cost_threads, "pieces_s_first", cost_threads,
		   "pieces_s_second");
}

static const struct bench sentinel_cost = {
	.name = "sentinel_cost",
	.unit = "percent",
	.doc = "work of busy Ps with the sentinel, of that without",
	.weft = cost_weft,
	.pthread = cost_pthread,
	.twin = "threads against the same threads: the noise of the measure",
	.full = { .n = 32, .ms = 120 },
	.quick = { .n = 5, .ms = 100 },
	.higher = true,
	.outside = true,
};

BENCH_ROWS(sentinel_cost, &sentinel_cost);
