// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * monitor.c - the CPU time of the runtime's own threads while every P is busy.
 *
 * 64 Gs yield.  /proc/self/task/TID/schedstat of each thread whose name begins
 * with weft-, but for the Ms (weft-m and a number), says how long it ran: the
 * value is percent of one CPU for the monitor and the sentinels together.
 * sysmon_percent is the monitor's part.
 *
 * The twin is a thread that does nothing but sleep for 1 ms, the monitor's
 * tick, beside busy threads: what the kernel takes for that alone.
 */
#include "bench.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MONITOR_GS 64
#define MONITOR_START_NS 100000000
#define MONITOR_TICK_NS 1000000
#define MONITOR_SYSMON "weft-sysmon\n"

/* ns */
struct monitor_ran {
	int64_t sysmon, all;
};

/* Of a runtime, and not an M */
static bool monitor_own(const char *name)
{
	static const char prefix[] = "weft-", m[] = "weft-m";

	if (strncmp(name, prefix, strlen(prefix)))
		return false;
	return strncmp(name, m, strlen(m)) || !isdigit(name[strlen(m)]);
}

static void monitor_name(long tid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", tid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(name, size, f))
		*name = '\0';
	fclose(f);
}

static void monitor_add(struct monitor_ran *ran, long tid)
{
	char name[32];
	int64_t ns;

	monitor_name(tid, name, sizeof(name));
	ns = monitor_own(name) ? task_ran_ns(tid) : 0;
	if (ns <= 0)
		return;
	ran->all += ns;
	if (!strcmp(name, MONITOR_SYSMON))
		ran->sysmon += ns;
}

/* All 0 if there is no /proc, or it tells nothing. */
static struct monitor_ran monitor_read(void)
{
	struct monitor_ran ran = { 0, 0 };
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			monitor_add(&ran, atol(e->d_name));
	if (d)
		closedir(d);
	return ran;
}

/* The monitor may not have run yet, and then has no name. */
static bool monitor_there(void)
{
	int64_t end = now_ns() + MONITOR_START_NS;

	while (!monitor_read().sysmon) {
		if (now_ns() > end)
			return false;
		weft_yield();
	}
	return true;
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
	struct monitor_ran before, after;
	int i;

	if (!monitor_there()) {
		run_skip(r, "no /proc/self/task/TID/schedstat");
		return;
	}
	run_begin(r);
	before = monitor_read();
	for (i = 0; i < MONITOR_GS; i++)
		check(weft_spawn(&g[i], NULL, monitor_busy, NULL),
		      "weft_spawn");
	for (i = 0; i < MONITOR_GS; i++)
		weft_join(g[i], NULL);
	after = monitor_read();
	run_stop_clock(r);
	r->value = 100.0 * (after.all - before.all) / r->wall_ns;
	run_field(r, "sysmon_percent",
		  100.0 * (after.sysmon - before.sysmon) / r->wall_ns);
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
	.doc = "CPU time of threads that run no Gs, of one, while Gs yield",
	.weft = monitor_weft,
	.pthread = monitor_pthread,
	.twin = "a thread that only sleeps for 1 ms, again and again",
	.full = { .ms = 1000 },
	.quick = { .ms = 300 },
};

BENCH_ROWS(monitor, &monitor_row);
