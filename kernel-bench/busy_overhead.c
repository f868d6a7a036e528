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

static int64_t overhead_task_ns(const char *tid)
{
	char path[64];
	long long ns = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat", tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%lld", &ns) != 1)
		ns = -1;
	fclose(f);
	return ns;
}

/* What all threads but the @procs longest have run; -1 if nobody says. */
static double overhead_others_ns(unsigned int procs)
{
	static int64_t ns[OVERHEAD_TASKS];
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	double sum = 0;
	long i, n = 0;

	if (!d)
		return -1;
	while (n < OVERHEAD_TASKS && (e = readdir(d))) {
		ns[n] = e->d_name[0] == '.' ? -1 : overhead_task_ns(e->d_name);
		n += ns[n] >= 0;
	}
	closedir(d);
	qsort(ns, n, sizeof(ns[0]), compare_i64);
	for (i = 0; i < n - (long)procs; i++)
		sum += ns[i];
	return n ? sum : -1;
}

static void overhead_result(struct run *r, double before, double after)
{
	if (before < 0 || after < 0) {
		run_skip(r, "no /proc/self/task/TID/schedstat");
		return;
	}
	r->value = (after - before) / (r->wall_ns / 1e9);
	run_field(r, "percent_of_cpu", r->value / 1e7);
}

static void overhead_weft(struct run *r)
{
	struct weft_g *g[OVERHEAD_GS];
	double before;
	int i;

	run_begin(r);
	for (i = 0; i < OVERHEAD_GS; i++)
		check(weft_spawn(&g[i], NULL, overhead_work, NULL),
		      "weft_spawn");
	before = overhead_others_ns(r->procs);
	for (i = 0; i < OVERHEAD_GS; i++)
		weft_join(g[i], NULL);
	run_stop_clock(r);
	overhead_result(r, before, overhead_others_ns(r->procs));
}

static void overhead_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->procs, sizeof(*t));
	long n = r->procs - 1;
	double before;

	run_begin(r);
	if (threads_start(t, n, overhead_work, r, 0) != n)
		check(-EAGAIN, "threads");
	before = overhead_others_ns(r->procs);
	overhead_work(r);
	run_stop_clock(r);
	overhead_result(r, before, overhead_others_ns(r->procs));
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
BENCH(busy_overhead);
