// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * critical.c - a G that must run soon, among 64 that compute.
 *
 * The 64 do pieces of 100 us and yield.  One G more sleeps until the next full
 * millisecond, again and again; the latency goes from when it was to wake to
 * its first instruction.  In critical_plain it says nothing of itself, so it
 * waits for its turn in the queue; in critical it has the hint WEFT_CRITICAL.
 *
 * The twin does the same with threads.  That of critical has a slice of 0.1 ms
 * for the one thread, the kernel's way to say so without a privilege.
 */
#include "bench.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CRITICAL_GS 64
#define CRITICAL_WORK_US 100
#define CRITICAL_PERIOD_NS 1000000
#define CRITICAL_MAX 100000

static struct {
	int64_t lat[CRITICAL_MAX];
	long n, missed;
	bool threads, hint;
} critical;

/* As sched_setattr(2) has it; a kernel before 6.12 does not care. */
static void short_slice(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { .size = sizeof(a), .runtime = 100000 };

	syscall(SYS_sched_setattr, 0, &a, 0);
}

static void *critical_work(void *arg)
{
	while (!stopping()) {
		work_us(CRITICAL_WORK_US);
		cpu_mark();
		if (critical.threads)
			sched_yield();
		else
			weft_yield();
	}
	return arg;
}

static void *critical_wake(void *arg)
{
	int64_t next = now_ns(), t;

	prctl(PR_SET_TIMERSLACK, 1);
	if (critical.threads && critical.hint)
		short_slice();
	while (!stopping() && critical.n < CRITICAL_MAX) {
		next += CRITICAL_PERIOD_NS;
		t = now_ns();
		if (t >= next) {	/* it would not sleep */
			critical.missed++;
			continue;
		}
		if (critical.threads)
			sleep_until(next);
		else
			weft_sleep(next - t);
		critical.lat[critical.n++] = now_ns() - next;
	}
	return arg;
}

static void critical_result(struct run *r)
{
	run_stop_clock(r);
	run_latencies(r, critical.lat, critical.n);
	run_field(r, "wakes", critical.n);
	run_field(r, "missed", critical.missed);
}

static void critical_weft(struct run *r)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_CRITICAL };
	struct weft_g *g[CRITICAL_GS + 1];
	int i;

	run_begin(r);
	for (i = 0; i < CRITICAL_GS; i++)
		check(weft_spawn(&g[i], NULL, critical_work, NULL),
		      "weft_spawn");
	check(weft_spawn(&g[i], r->arg ? &a : NULL, critical_wake, NULL),
	      "weft_spawn");
	for (i = 0; i <= CRITICAL_GS; i++)
		weft_join(g[i], NULL);
	critical_result(r);
}

static void critical_pthread(struct run *r)
{
	pthread_t t[CRITICAL_GS], waker;

	critical.threads = true;
	critical.hint = r->arg;
	run_begin(r);
	if (threads_start(t, CRITICAL_GS, critical_work, NULL, 0) !=
	    CRITICAL_GS)
		check(-EAGAIN, "threads");
	check(thread_start(&waker, critical_wake, NULL), "a thread");
	threads_join(t, CRITICAL_GS);
	pthread_join(waker, NULL);
	critical_result(r);
}

static const struct bench critical_plain = {
	.name = "critical_plain",
	.unit = "ns",
	.doc = "a G that wakes each ms among 64 with pieces of 100 us; latency",
	.weft = critical_weft,
	.pthread = critical_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
};

static const struct bench critical_row = {
	.name = "critical",
	.unit = "ns",
	.doc = "the same with the hint that it is latency-critical",
	.weft = critical_weft,
	.pthread = critical_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
	.arg = true,
};

BENCH_ROWS(critical, &critical_plain, &critical_row);
