// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * busy_overhead.c - the CPU time of the runtime's own threads under load.
 *
 * 64 Gs work 20 us and yield.  /proc/self/task/TID/schedstat says how long each
 * thread of the process ran; the procs threads that ran longest are the Ms,
 * and what all others used together is the price of the monitor.  If an M is
 * replaced on the way, its part counts as well.
 *
 * The value is ns of CPU per second.  The twin runs procs threads: what it
 * shows is the floor of the measure.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define OVERHEAD_GS 64
#define OVERHEAD_TASKS 4096

static void *overhead_work(void *arg)
{
	while (!stopping()) {
		work_us(20);
		cpu_mark();
		if (arg)
			sched_yield();
		else
			weft_yield();
	}
	return NULL;
}

struct overhead_task {
	long tid;
	int64_t ns;
};

struct overhead_tasks {
	struct overhead_task task[OVERHEAD_TASKS];
	int n;
};

static struct overhead_tasks overhead_before, overhead_after;

static void overhead_read(struct overhead_tasks *all)
{
	DIR *d = opendir("/proc/self/task");
	struct overhead_task *t;
	struct dirent *e;

	all->n = 0;
	while (d && all->n < OVERHEAD_TASKS && (e = readdir(d))) {
		t = &all->task[all->n];
		t->tid = atol(e->d_name);
		t->ns = t->tid > 0 ? task_ran_ns(t->tid) : -1;
		all->n += t->ns >= 0;
	}
	if (d)
		closedir(d);
}

static int64_t overhead_ran(long tid)
{
	int i;

	for (i = 0; i < overhead_before.n; i++)
		if (overhead_before.task[i].tid == tid)
			return overhead_before.task[i].ns;
	return 0;
}

/* What all threads but the @procs busiest ran between the two readings. */
static double overhead_others_ns(unsigned int procs)
{
	static int64_t ns[OVERHEAD_TASKS];
	const struct overhead_task *t;
	double sum = 0;
	int i, n = overhead_after.n;

	for (i = 0; i < n; i++) {
		t = &overhead_after.task[i];
		ns[i] = t->ns - overhead_ran(t->tid);
	}
	qsort(ns, n, sizeof(ns[0]), compare_i64);
	for (i = 0; i < n - (int)procs; i++)
		sum += ns[i];
	return sum;
}

static void overhead_result(struct run *r)
{
	overhead_read(&overhead_after);
	if (!overhead_before.n || !overhead_after.n) {
		run_skip(r, "no /proc/self/task/TID/schedstat");
		return;
	}
	r->value = overhead_others_ns(r->procs) / (r->wall_ns / 1e9);
	run_field(r, "percent_of_cpu", r->value / 1e7);
}

static void overhead_weft(struct run *r)
{
	struct weft_g *g[OVERHEAD_GS];
	int i;

	run_begin(r);
	overhead_read(&overhead_before);
	for (i = 0; i < OVERHEAD_GS; i++)
		check(weft_spawn(&g[i], NULL, overhead_work, NULL),
		      "weft_spawn");
	for (i = 0; i < OVERHEAD_GS; i++)
		weft_join(g[i], NULL);
	run_stop_clock(r);
	overhead_result(r);
}

static void overhead_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->procs, sizeof(*t));
	long n = r->procs - 1;

	run_begin(r);
	overhead_read(&overhead_before);
	if (threads_start(t, n, overhead_work, r, 0) != n)
		check(-EAGAIN, "threads");
	overhead_work(r);
	run_stop_clock(r);
	overhead_result(r);
	threads_join(t, n);
}

static const struct bench busy_overhead = {
	.name = "busy_overhead",
	.unit = "ns",
	.doc = "CPU time per second of threads that run no Gs, under load",
	.weft = overhead_weft,
	.pthread = overhead_pthread,
	.twin = "one thread per CPU: the floor of the measure",
	.full = { .ms = 1000 },
	.quick = { .ms = 300 },
};

BENCH_ROWS(busy_overhead, &busy_overhead);
