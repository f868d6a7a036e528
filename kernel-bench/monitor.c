// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * monitor.c - the CPU time of the monitor while every P is busy.
 *
 * 64 Gs yield.  /proc/self/task/TID/schedstat of the thread named weft-sysmon
 * says how long that ran: the value is percent of one CPU.  (busy_overhead
 * counts all threads that run no Gs, idle the whole process at rest.)
 *
 * The twin is a thread that does nothing but sleep for 1 ms, the monitor's
 * tick, beside busy threads: what the kernel takes for that alone.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MONITOR_GS 64
#define MONITOR_START_NS 100000000
#define MONITOR_TICK_NS 1000000
#define MONITOR_NAME "weft-sysmon\n"

static bool monitor_named(long tid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strcmp(name, MONITOR_NAME);
}

/* Its thread's number; 0 if there is none, or no /proc. */
static long monitor_tid(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	long tid = 0;

	while (d && !tid && (e = readdir(d)))
		if (monitor_named(atol(e->d_name)))
			tid = atol(e->d_name);
	if (d)
		closedir(d);
	return tid;
}

/* It may not have run yet, and then has no name. */
static long monitor_find(void)
{
	int64_t end = now_ns() + MONITOR_START_NS;
	long tid = monitor_tid();

	while (!tid && now_ns() < end) {
		weft_yield();
		tid = monitor_tid();
	}
	return tid;
}

static void *monitor_busy(void *arg)
{
	long n = 0;

	while (!stopping()) {
		if (!(++n & 255))
			cpu_mark();
		if (arg)
			sched_yield();
		else
			weft_yield();
	}
	return NULL;
}

static void monitor_weft(struct run *r)
{
	struct weft_g *g[MONITOR_GS];
	long tid = monitor_find();
	int64_t ns = task_ran_ns(tid);
	int i;

	if (!tid || ns < 0) {
		run_skip(r, "no /proc/self/task/TID/schedstat");
		return;
	}
	run_begin(r);
	ns = task_ran_ns(tid);
	for (i = 0; i < MONITOR_GS; i++)
		check(weft_spawn(&g[i], NULL, monitor_busy, NULL),
		      "weft_spawn");
	for (i = 0; i < MONITOR_GS; i++)
		weft_join(g[i], NULL);
	ns = task_ran_ns(tid) - ns;
	run_stop_clock(r);
	r->value = 100.0 * ns / r->wall_ns;
}

static void *monitor_sleeper(void *arg)
{
	int64_t *ns = arg;

	while (!stopping())
		sleep_until(now_ns() + MONITOR_TICK_NS);
	*ns = task_ran_ns(gettid());
	return NULL;
}

static void monitor_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->procs, sizeof(*t)), sleeper;
	int64_t ns = 0;

	run_begin(r);
	check(thread_start(&sleeper, monitor_sleeper, &ns), "a thread");
	if (threads_start(t, r->procs, monitor_busy, r, 0) != r->procs)
		check(-EAGAIN, "threads");
	threads_join(t, r->procs);
	pthread_join(sleeper, NULL);
	run_stop_clock(r);
	r->value = 100.0 * ns / r->wall_ns;
}

static const struct bench monitor_row = {
	.name = "monitor",
	.unit = "percent",
	.doc = "CPU time of the monitor, of one CPU, while Gs yield",
	.weft = monitor_weft,
	.pthread = monitor_pthread,
	.twin = "a thread that only sleeps for 1 ms, again and again",
	.full = { .ms = 1000 },
	.quick = { .ms = 300 },
};

BENCH_ROWS(monitor, &monitor_row);
