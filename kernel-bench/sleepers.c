// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sleepers.c - very many that sleep, and how late they wake.
 *
 * Each of n Gs sleeps ten times, for 1 to 100 ms at random.  Lateness is what
 * a sleep took longer than it was to, from before the call to the first
 * instruction behind it.  The value is its median; p99 and lat_max stand
 * beside it, and sleep_cpu_s, the CPU time of the process for all of them.
 *
 * What it costs to start so many is measured by mem.  So all start, sleep until
 * the clock begins and for up to 100 ms more, and then come their ten, which so
 * are spread from the first on.
 */
#include "bench.h"

#include <stdlib.h>

#define SLEEPERS_TURNS 10
#define SLEEPERS_MIN_NS 1000000ull
#define SLEEPERS_SPAN_NS 99000001ull
#define SLEEPERS_SETTLE_NS 100000000
#define SLEEPERS_START_NS 20000

static struct {
	int64_t *lat;		/* SLEEPERS_TURNS for each */
	uint64_t seed;
	int64_t begin;

	own_line long ended;
} sleepers;

static void sleepers_sleep(bool threads, int64_t ns)
{
	if (threads)
		sleep_until(now_ns() + ns);
	else
		weft_sleep(ns);
}

static void sleepers_turns(long i, bool threads)
{
	uint64_t seed = sleepers.seed + i * 0x9e3779b97f4a7c15ull;
	int64_t *lat = sleepers.lat + i * SLEEPERS_TURNS, t, ns;
	int k;

	t = sleepers.begin + rnd(&seed) % SLEEPERS_SPAN_NS;
	sleepers_sleep(threads, t - now_ns());
	for (k = 0; k < SLEEPERS_TURNS; k++) {
		ns = SLEEPERS_MIN_NS + rnd(&seed) % SLEEPERS_SPAN_NS;
		t = now_ns();
		sleepers_sleep(threads, ns);
		lat[k] = now_ns() - t - ns;
	}
	cpu_mark();
	add_relaxed(&sleepers.ended, 1);
}

static void *sleepers_g(void *arg)
{
	sleepers_turns((long)arg, false);
	return NULL;
}

static void *sleepers_thread(void *arg)
{
	sleepers_turns(*(long *)arg, true);
	return NULL;
}

static void sleepers_result(struct run *r, long n)
{
	run_stop_clock(r);
	run_latencies(r, sleepers.lat, n * SLEEPERS_TURNS);
	run_field(r, "sleep_cpu_s", r->cpu_ns / 1e9);
	free(sleepers.lat);
}

static void sleepers_prepare(struct run *r)
{
	sleepers.lat = zalloc(r->n * SLEEPERS_TURNS, sizeof(*sleepers.lat));
	sleepers.seed = r->seed + r->round;
	sleepers.ended = 0;
	sleepers.begin = now_ns() + SLEEPERS_SETTLE_NS +
			 r->n * SLEEPERS_START_NS;
}

/* All are asleep. */
static void sleepers_begin(struct run *r, bool threads)
{
	int64_t early = sleepers.begin - now_ns();

	if (early < 0)
		run_note(r, "began %.0f ms before all were there",
			 early / -1e6);
	else
		sleepers_sleep(threads, early);
	run_begin(r);
}

static void sleepers_weft(struct run *r)
{
	long i;

	sleepers_prepare(r);
	for (i = 0; i < r->n; i++)
		check(weft_go(sleepers_g, (void *)i), "weft_go");
	sleepers_begin(r, false);
	while (load_acquire(&sleepers.ended) < r->n)
		weft_sleep(SLEEPERS_MIN_NS);
	sleepers_result(r, r->n);
}

static void sleepers_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->n, sizeof(*t));
	long *args = zalloc(r->n, sizeof(*args)), i, n;

	for (i = 0; i < r->n; i++)
		args[i] = i;
	sleepers_prepare(r);
	n = threads_start(t, r->n, sleepers_thread, args, sizeof(*args));
	if (n < r->n)
		run_note(r, "only %ld threads could be had", n);
	sleepers_begin(r, true);
	threads_join(t, n);
	sleepers_result(r, n);
	free(args);
	free(t);
}

static const struct bench sleepers_10000 = {
	.name = "sleepers_10000",
	.unit = "ns",
	.doc = "10,000 sleep 1 to 100 ms ten times; lateness",
	.weft = sleepers_weft,
	.pthread = sleepers_pthread,
	.twin = "10,000 threads, or as many as can be had",
	.full = { .n = 10000 },
	.quick = { .n = 1000 },
};
static const struct bench sleepers_100000 = {
	.name = "sleepers_100000",
	.unit = "ns",
	.doc = "100,000 sleep 1 to 100 ms ten times; lateness",
	.weft = sleepers_weft,
	.pthread = sleepers_pthread,
	.twin = "20,000 threads, or as many as can be had",
	.full = { .n = 100000 },
	.quick = { .n = 10000 },
	.twin_full = { .n = 20000 },
	.twin_quick = { .n = 2000 },
};

BENCH_ROWS(sleepers, &sleepers_10000, &sleepers_100000);
