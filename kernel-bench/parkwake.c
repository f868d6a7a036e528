// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * parkwake.c - wake a G that is parked, while its P is idle.
 *
 * One G wakes the other and keeps running: it spins, reading what the other
 * writes, so the one that was woken must be run by another P.  The latency
 * goes from just before the unpark to the first instruction after the park.
 *
 * parkwake waits 1.2 to 1.8 ms before each wake, so that the idle M has gone
 * to sleep; parkwake_spin 3 to 8 us, within which it may still spin.  The
 * twin is one thread that wakes another by a futex, with the same waits.
 */
#include "bench.h"

#define PARKWAKE_MAX 200000
#define PARKWAKE_LATE_NS 50000000

static struct {
	struct weft_parker parker;
	struct permit permit;

	/* One writer each */
	own_line long ready;	/* rounds begun */
	own_line int64_t woken_at;
	bool quit;
} parkwake_w;

static void *parkwake_waiter(void *arg)
{
	bool threads = arg;
	long i;

	for (i = 1;; i++) {
		store_release(&parkwake_w.ready, i);
		if (threads)
			permit_wait(&parkwake_w.permit);
		else
			weft_park(&parkwake_w.parker);
		store_release(&parkwake_w.woken_at, now_ns());
		cpu_mark();
		if (load_acquire(&parkwake_w.quit))
			return NULL;
	}
}

static void parkwake_let_run(bool threads)
{
	if (threads)
		sched_yield();
	else
		weft_yield();
}

static void parkwake_wake(bool threads)
{
	if (threads)
		permit_give(&parkwake_w.permit);
	else
		weft_unpark(&parkwake_w.parker);
}

/* The time from here to the waiter's first instruction. */
static int64_t parkwake_once(bool threads, int64_t gap_ns, long *late)
{
	int64_t t, at;

	spin_ns(gap_ns);
	WRITE_ONCE(parkwake_w.woken_at, 0);
	t = now_ns();
	parkwake_wake(threads);
	while (!(at = load_acquire(&parkwake_w.woken_at))) {
		relax();
		if (now_ns() - t < PARKWAKE_LATE_NS)
			continue;
		++*late;
		while (!load_acquire(&parkwake_w.woken_at))
			parkwake_let_run(threads);
	}
	return at - t;
}

static void parkwake_measure(struct run *r, bool threads)
{
	int64_t *lat = zalloc(PARKWAKE_MAX, sizeof(*lat));
	long base_ns = r->arg, n = 0, late = 0;
	uint64_t seed = r->seed + r->round;

	run_begin(r);
	while (!stopping() && n < PARKWAKE_MAX) {
		while (load_acquire(&parkwake_w.ready) != n + 1)
			parkwake_let_run(threads);
		lat[n++] = parkwake_once(
			threads, base_ns + rnd(&seed) % (base_ns / 2 + 1),
			&late);
	}
	run_stop_clock(r);
	store_release(&parkwake_w.quit, true);
	parkwake_wake(threads);
	run_latencies(r, lat, n);
	run_field(r, "wakes", n);
	run_field(r, "late_50ms", late);
}

static void parkwake_weft(struct run *r)
{
	struct weft_g *g;

	check(weft_spawn(&g, NULL, parkwake_waiter, NULL), "weft_spawn");
	parkwake_measure(r, false);
	weft_join(g, NULL);
}

static void parkwake_pthread(struct run *r)
{
	pthread_t t;

	check(thread_start(&t, parkwake_waiter, &parkwake_w), "a thread");
	parkwake_measure(r, true);
	pthread_join(t, NULL);
}

static const struct bench parkwake = {
	.name = "parkwake",
	.unit = "ns",
	.doc = "wake a G onto another P whose M sleeps; latency",
	.weft = parkwake_weft,
	.pthread = parkwake_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
	.arg = 1200000,
	.min_procs = 2,
};
static const struct bench parkwake_spin = {
	.name = "parkwake_spin",
	.unit = "ns",
	.doc = "the same within 10 us, while the M may still spin",
	.weft = parkwake_weft,
	.pthread = parkwake_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = 4000,
	.min_procs = 2,
};

BENCH_ROWS(parkwake, &parkwake, &parkwake_spin);
