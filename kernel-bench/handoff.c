// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * handoff.c - from a call that blocks to the first instruction of the next G.
 *
 * One P, two Gs.  They yield in turn for 1 to 1.5 ms, so the P is busy and one
 * waits at any time.  Then one notes the time and reads an empty pipe; the
 * other, when it next runs, takes the latency.  An ordinary thread fills the
 * pipe half a ms later; the reader yields once it has its byte, and so is back
 * under the token before the next round.
 *
 * With --impl weft-sysmon, weft-sentinel, weft-bpf: what notices it is set.
 *
 * The twin is a thread that wakes another one on another CPU by a futex
 * (wakes.c).  weft's run measures some of these, too, before its runtime
 * starts: p50_of_wake and p99_of_wake are over the median of those.
 */
#include "bench.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#define HANDOFF_MAX 20000
#define HANDOFF_WAKES 10	/* one in so many blockings */
#define HANDOFF_BUSY_NS 1000000
#define HANDOFF_BLOCK_NS 500000
#define HANDOFF_LATE_NS 50000000
#define HANDOFF_LATE_MAX 20

static struct {
	int64_t lat[HANDOFF_MAX];
	long n, seen, late;
	int fd[2];
	uint64_t seed;
	bool announced;
	sem_t fill;

	own_line bool quit;
	/* Set by the reader; who takes it back has the pipe filled. */
	own_line bool reading;
	int64_t sent_at;
} handoff;

static bool handoff_take(void)
{
	return load_acquire(&handoff.reading) &&
	       __atomic_exchange_n(&handoff.reading, false, __ATOMIC_ACQ_REL);
}

static void *handoff_next(void *arg)
{
	while (!load_acquire(&handoff.quit)) {
		if (load_acquire(&handoff.reading)) {
			int64_t t = now_ns();

			if (handoff_take()) {
				handoff.lat[handoff.seen++] =
					t - handoff.sent_at;
				cpu_mark();
				sem_post(&handoff.fill);
			}
		}
		weft_yield();
	}
	return arg;
}

static void handoff_read(void)
{
	char c;

	if (handoff.announced)
		weft_block_begin();
	handoff.sent_at = now_ns();
	store_release(&handoff.reading, true);
	if (read(handoff.fd[0], &c, 1) != 1)
		check(-EIO, "a read of a pipe");
	if (handoff.announced)
		weft_block_end();
}

static void handoff_rounds(void)
{
	int64_t end;
	long i;

	for (i = 0; i < handoff.n; i++) {
		end = now_ns() + HANDOFF_BUSY_NS +
		      rnd(&handoff.seed) % (HANDOFF_BUSY_NS / 2);
		while (now_ns() < end)
			weft_yield();
		handoff_read();
		weft_yield();
		if (READ_ONCE(handoff.late) == HANDOFF_LATE_MAX)
			break;
	}
}

/* False: nobody asked for it in that time. */
static bool handoff_asked(void)
{
	int64_t end = now_ns() + HANDOFF_LATE_NS;
	struct timespec t = { end / 1000000000, end % 1000000000 };

	return !sem_clockwait(&handoff.fill, CLOCK_MONOTONIC, &t);
}

/* Fills it in the end, too, if the other G does not run at all. */
static void *handoff_fill(void *arg)
{
	while (!load_acquire(&handoff.quit)) {
		if (handoff_asked())
			sleep_until(now_ns() + HANDOFF_BLOCK_NS);
		else if (now_ns() - handoff.sent_at > HANDOFF_LATE_NS &&
			 handoff_take())
			WRITE_ONCE(handoff.late, handoff.late + 1);
		else
			continue;
		if (load_acquire(&handoff.quit))
			break;
		if (write(handoff.fd[1], "x", 1) != 1)
			check(-EIO, "a write to a pipe");
	}
	return arg;
}

static void handoff_inside(struct run *r)
{
	struct weft_g *g;
	pthread_t t;

	check(thread_start(&t, handoff_fill, NULL), "a thread");
	check(weft_spawn(&g, NULL, handoff_next, NULL), "weft_spawn");
	run_begin(r);
	handoff_rounds();
	run_stop_clock(r);
	store_release(&handoff.quit, true);
	sem_post(&handoff.fill);
	weft_join(g, NULL);
	pthread_join(t, NULL);
	run_latencies(r, handoff.lat, handoff.seen);
	run_field(r, "late_50ms", handoff.late);
}

/* The median; 0 if there is no second CPU. */
static double handoff_wakes(struct run *r, long n)
{
	int64_t *lat = zalloc(n, sizeof(*lat));

	if (!futex_wakes(lat, n, r->seed + r->round))
		return 0;
	qsort(lat, n, sizeof(*lat), compare_i64);
	return percentile(lat, n, 0.5);
}

static void handoff_weft(struct run *r)
{
	double wake = handoff_wakes(r, r->n / HANDOFF_WAKES + 1);

	handoff.n = r->n < HANDOFF_MAX ? r->n : HANDOFF_MAX;
	handoff.seed = r->seed + r->round;
	handoff.announced = r->arg;
	if (pipe(handoff.fd) || sem_init(&handoff.fill, 0, 0))
		check(-errno, "a pipe and a semaphore");
	if (run_weft(r, handoff_inside) || !wake || !handoff.seen)
		return;
	run_field(r, "wake_p50", wake);
	run_field(r, "p50_of_wake", r->value / wake);
	run_field(r, "p99_of_wake",
		  percentile(handoff.lat, handoff.seen, 0.99) / wake);
}

static void handoff_pthread(struct run *r)
{
	int64_t *lat = zalloc(r->n, sizeof(*lat));

	if (cpus_unconfine() || !futex_wakes(lat, r->n, r->seed + r->round)) {
		run_skip(r, "needs 2 CPUs");
		return;
	}
	run_latencies(r, lat, r->n);
}

static const struct bench handoff_row = {
	.name = "handoff",
	.unit = "ns",
	.doc = "a read that blocks, not announced, to the next G's run",
	.weft = handoff_weft,
	.pthread = handoff_pthread,
	.twin = "one thread wakes another on another CPU by a futex",
	.full = { .n = 5000 },
	.quick = { .n = 300 },
	.arg = false,
	.max_procs = 1,
	.outside = true,
};
static const struct bench handoff_announced = {
	.name = "handoff_announced",
	.unit = "ns",
	.doc = "the same, announced",
	.weft = handoff_weft,
	.pthread = handoff_pthread,
	.twin = "one thread wakes another on another CPU by a futex",
	.full = { .n = 5000 },
	.quick = { .n = 300 },
	.arg = true,
	.max_procs = 1,
	.outside = true,
};

BENCH_ROWS(handoff, &handoff_row, &handoff_announced);
