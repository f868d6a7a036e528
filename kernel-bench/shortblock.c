// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * shortblock.c - calls that block for 1 to 20 us.
 *
 * 64 Gs sleep 1 to 20 us in the kernel, do 5 us of work and yield, again and
 * again; timer slack is 1 ns.  The value is the time for one such turn of all
 * of them together: run time over turns.  shortblock_announced is the same with
 * the sleeps announced.
 *
 * The twin does it with 64 threads, which need not yield; ns_few is with as
 * many threads as there are processors, and call_ns how long a sleep takes a
 * thread that is alone.
 */
#include "bench.h"

#include <errno.h>
#include <sys/prctl.h>

#define SHORT_GS 64
#define SHORT_MIN_NS 1000
#define SHORT_RANGE_NS 19001
#define SHORT_WORK_US 5
#define SHORT_ALONE 500

static struct short_task {
	uint64_t seed;
	long turns;
} __attribute__((aligned(128))) short_tasks[SHORT_GS];
static bool short_announced;

static void short_block(struct short_task *t)
{
	struct timespec ts = {
		0, SHORT_MIN_NS + rnd(&t->seed) % SHORT_RANGE_NS
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void *short_g(void *arg)
{
	struct short_task *t = arg;

	while (!stopping()) {
		if (short_announced)
			weft_block_begin();
		short_block(t);
		if (short_announced)
			weft_block_end();
		work_us(SHORT_WORK_US);
		t->turns++;
		cpu_mark();
		weft_yield();
	}
	return NULL;
}

static void *short_thread(void *arg)
{
	struct short_task *t = arg;

	while (!stopping()) {
		short_block(t);
		work_us(SHORT_WORK_US);
		t->turns++;
		cpu_mark();
	}
	return NULL;
}

static void short_reset(struct run *r)
{
	int i;

	for (i = 0; i < SHORT_GS; i++)
		short_tasks[i] = (struct short_task){
			.seed = r->seed + r->round * SHORT_GS + i,
		};
}

static long short_turns(void)
{
	long n = 0;
	int i;

	for (i = 0; i < SHORT_GS; i++)
		n += short_tasks[i].turns;
	return n;
}

static void short_weft(struct run *r)
{
	struct weft_g *g[SHORT_GS];
	int i;

	short_announced = r->arg;
	short_reset(r);
	prctl(PR_SET_TIMERSLACK, 1);
	run_begin(r);
	for (i = 0; i < SHORT_GS; i++)
		check(weft_spawn(&g[i], NULL, short_g, &short_tasks[i]),
		      "weft_spawn");
	for (i = 0; i < SHORT_GS; i++)
		weft_join(g[i], NULL);
	run_end(r, short_turns());
}

static double short_alone(struct run *r)
{
	struct short_task t = { .seed = r->seed };
	int64_t start = now_ns();
	int i;

	for (i = 0; i < SHORT_ALONE; i++)
		short_block(&t);
	return (double)(now_ns() - start) / SHORT_ALONE;
}

/* ns for a turn */
static double short_phase(struct run *r, int n)
{
	pthread_t t[SHORT_GS];
	int64_t ns;

	short_reset(r);
	run_begin(r);
	if (threads_start(t, n, short_thread, short_tasks,
			  sizeof(*short_tasks)) != n)
		check(-EAGAIN, "threads");
	threads_join(t, n);
	ns = now_ns() - r->t0;
	run_stop_clock(r);
	return (double)ns / (short_turns() ?: 1);
}

static void short_pthread(struct run *r)
{
	int few = r->procs < SHORT_GS ? r->procs : SHORT_GS;

	prctl(PR_SET_TIMERSLACK, 1);
	run_field(r, "call_ns", short_alone(r));
	run_field(r, "ns_few", short_phase(r, few));
	r->value = short_phase(r, SHORT_GS);
}

static const struct bench shortblock = {
	.name = "shortblock",
	.unit = "ns",
	.doc = "a call that blocks 1 to 20 us, 5 us of work, a yield; 64 Gs",
	.weft = short_weft,
	.pthread = short_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = false,
};
static const struct bench shortblock_announced = {
	.name = "shortblock_announced",
	.unit = "ns",
	.doc = "the same, announced",
	.weft = short_weft,
	.pthread = short_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = true,
};

BENCH_ROWS(shortblock, &shortblock, &shortblock_announced);
