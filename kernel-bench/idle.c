// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * idle.c - the CPU time of a runtime in which every G is parked.
 *
 * 100 Gs park, and so does the first G.  An ordinary thread, registered so
 * that this is no deadlock, lets things settle, then takes the process's CPU
 * time (getrusage) before and after a second of sleep, and wakes them.
 *
 * The value is ns of CPU per second; cpu_ms_per_s is the same in ms.
 */
#include "bench.h"

#include <sys/resource.h>

#define IDLE_GS 100
#define IDLE_SETTLE_NS 100000000ll

static struct {
	struct weft_parker first, parker[IDLE_GS];
	struct permit permit[IDLE_GS];
	struct run *run;
	bool threads;
	bool registered;
} idle;

static double idle_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static void idle_measure(struct run *r)
{
	double cpu;

	sleep_until(now_ns() + IDLE_SETTLE_NS);
	run_begin(r);
	cpu = idle_cpu_ns();
	sleep_until(now_ns() + r->n * 1000000ll);
	cpu = idle_cpu_ns() - cpu;
	run_stop_clock(r);
	r->value = cpu / (r->n / 1e3);
	run_field(r, "cpu_ms_per_s", r->value / 1e6);
}

static void *idle_watch(void *arg)
{
	int err = weft_thread_register();

	if (err)
		run_fail(idle.run, "weft_thread_register: %d", err);
	__atomic_store_n(&idle.registered, true, __ATOMIC_RELEASE);
	idle_measure(idle.run);
	weft_unpark(&idle.first);
	if (!err)
		weft_thread_unregister();
	return arg;
}

static void *idle_wait(void *arg)
{
	long i = (long)arg;

	if (idle.threads)
		permit_wait(&idle.permit[i]);
	else
		weft_park(&idle.parker[i]);
	return NULL;
}

static void idle_weft(struct run *r)
{
	struct weft_g *g[IDLE_GS];
	pthread_t t;
	long i;

	idle.run = r;
	for (i = 0; i < IDLE_GS; i++)
		check(weft_spawn(&g[i], NULL, idle_wait, (void *)i),
		      "weft_spawn");
	check(thread_start(&t, idle_watch, NULL), "a thread");
	/* Before we park: else all wait, and nobody says that he may come. */
	while (!__atomic_load_n(&idle.registered, __ATOMIC_ACQUIRE))
		weft_yield();
	weft_park(&idle.first);
	for (i = 0; i < IDLE_GS; i++)
		weft_unpark(&idle.parker[i]);
	for (i = 0; i < IDLE_GS; i++)
		weft_join(g[i], NULL);
	pthread_join(t, NULL);
}

static void idle_pthread(struct run *r)
{
	pthread_t t[IDLE_GS];
	long i;

	idle.threads = true;
	for (i = 0; i < IDLE_GS; i++)
		check(thread_start(&t[i], idle_wait, (void *)i), "a thread");
	idle_measure(r);
	for (i = 0; i < IDLE_GS; i++)
		permit_give(&idle.permit[i]);
	threads_join(t, IDLE_GS);
}

static const struct bench idle_row = {
	.name = "idle",
	.unit = "ns",
	.doc = "CPU time per second while all Gs are parked",
	.weft = idle_weft,
	.pthread = idle_pthread,
	.full = { .n = 1000 },
	.quick = { .n = 300 },
	.serial = true,
};

BENCH_ROWS(idle, &idle_row);
