// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * low_load.c - what it costs to wake up, when there is little to do.
 *
 * A thread of its own wakes one of 64 parked Gs every 500 us, in turn; each
 * does 50 us of work and parks again.  So a tenth of a CPU has work, and
 * between two wake-ups everything goes to sleep: whoever spins, ticks or wakes
 * one thread too many pays here.  The twin is a pool of as many threads as
 * there are processors, at a queue with a mutex and a condition variable.
 *
 * The value is the CPU time of the process for one wake-up, work and waker
 * included; above_work_ns is what is left of it without the work, as that was
 * calibrated.  Latencies go from before the wake to the start of the work.
 */
#include "bench.h"

#include <errno.h>
#include <sys/prctl.h>

#define LOW_GS 64
#define LOW_PERIOD_NS 500000
#define LOW_WORK_US 50
#define LOW_SETTLE_NS 50000000
#define LOW_MAX 100000

/* One writer at a time: the waker while !busy, then who was woken. */
struct low_slot {
	struct weft_parker parker;
	int64_t sent_at;
	bool busy;
} __attribute__((aligned(128)));

static struct {
	struct low_slot slot[LOW_GS];
	struct run *run;
	int64_t lat[LOW_MAX];
	long done;
	bool threads, quit, registered;

	/* The twin's queue; no more than one entry for each slot */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct low_slot *ring[LOW_GS];
	unsigned int head, tail;
} low = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static void low_work(struct low_slot *s)
{
	int64_t lat = now_ns() - s->sent_at;

	low.lat[add_relaxed(&low.done, 1)] = lat;
	work_us(LOW_WORK_US);
	cpu_mark();
	store_release(&s->busy, false);
}

static void *low_g(void *arg)
{
	struct low_slot *s = arg;

	for (;;) {
		weft_park(&s->parker);
		if (load_acquire(&low.quit))
			return NULL;
		low_work(s);
	}
}

/* NULL when it is over. */
static struct low_slot *low_take(void)
{
	struct low_slot *s = NULL;

	pthread_mutex_lock(&low.lock);
	while (low.head == low.tail && !low.quit)
		pthread_cond_wait(&low.cond, &low.lock);
	if (low.head != low.tail)
		s = low.ring[low.head++ % LOW_GS];
	pthread_mutex_unlock(&low.lock);
	return s;
}

static void *low_thread(void *arg)
{
	struct low_slot *s;

	while ((s = low_take()))
		low_work(s);
	return arg;
}

static void low_wake(struct low_slot *s)
{
	s->busy = true;
	s->sent_at = now_ns();
	if (!low.threads) {
		weft_unpark(&s->parker);
		return;
	}
	pthread_mutex_lock(&low.lock);
	low.ring[low.tail++ % LOW_GS] = s;
	pthread_mutex_unlock(&low.lock);
	pthread_cond_signal(&low.cond);
}

static void low_quit(void)
{
	int i;

	pthread_mutex_lock(&low.lock);
	store_release(&low.quit, true);
	pthread_mutex_unlock(&low.lock);
	pthread_cond_broadcast(&low.cond);
	for (i = 0; i < LOW_GS && !low.threads; i++)
		weft_unpark(&low.slot[i].parker);
}

/* The waker's loop: how many it woke, and found at work still, in @missed. */
static long low_wake_all(long *missed)
{
	int64_t next = now_ns();
	long n = 0, i;

	for (i = 0; !stopping() && n < LOW_MAX; i++) {
		struct low_slot *s = &low.slot[i % LOW_GS];

		next += LOW_PERIOD_NS;
		sleep_until(next);
		if (load_acquire(&s->busy)) {
			++*missed;
			continue;
		}
		low_wake(s);
		n++;
	}
	return n;
}

static void low_measure(struct run *r)
{
	long missed = 0, n;
	double s;

	/* As exact for both: a thread that an M creates inherits its slack. */
	prctl(PR_SET_TIMERSLACK, 1);
	sleep_until(now_ns() + LOW_SETTLE_NS);
	run_begin(r);
	n = low_wake_all(&missed);
	while (load_acquire(&low.done) < n)
		sleep_until(now_ns() + LOW_PERIOD_NS);
	run_stop_clock(r);
	s = r->wall_ns / 1e9;
	run_latencies(r, low.lat, n);
	if (!n)
		return;
	r->value = (double)r->cpu_ns / n;
	run_field(r, "above_work_ns", r->value - 1e3 * LOW_WORK_US);
	run_field(r, "cpu_s_per_s", r->cpu_ns / 1e9 / s);
	run_field(r, "wakes", n);
	run_field(r, "missed", missed);
}

static void *low_waker(void *arg)
{
	int err = weft_thread_register();

	if (err)
		run_fail(low.run, "weft_thread_register: %d", err);
	store_release(&low.registered, true);
	low_measure(low.run);
	low_quit();
	if (!err)
		weft_thread_unregister();
	return arg;
}

static void low_weft(struct run *r)
{
	struct weft_g *g[LOW_GS];
	pthread_t t;
	int i;

	low.run = r;
	for (i = 0; i < LOW_GS; i++)
		check(weft_spawn(&g[i], NULL, low_g, &low.slot[i]),
		      "weft_spawn");
	check(thread_start(&t, low_waker, NULL), "a thread");
	/* Before all of us wait: else nobody says that he may come. */
	while (!load_acquire(&low.registered))
		weft_yield();
	for (i = 0; i < LOW_GS; i++)
		weft_join(g[i], NULL);
	pthread_join(t, NULL);
}

static void low_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->procs, sizeof(*t));

	low.threads = true;
	if (threads_start(t, r->procs, low_thread, NULL, 0) != r->procs)
		check(-EAGAIN, "threads");
	low_measure(r);
	low_quit();
	threads_join(t, r->procs);
}

static const struct bench low_load = {
	.name = "low_load",
	.unit = "ns",
	.doc = "CPU time for one of 2000 wake-ups a second of 50 us each",
	.weft = low_weft,
	.pthread = low_pthread,
	.twin = "a pool of one thread per CPU at a queue",
	.full = { .ms = 2000 },
	.quick = { .ms = 400 },
	.serial = true,
};

BENCH_ROWS(low_load, &low_load);
