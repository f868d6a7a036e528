// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * run.c - the clock of one measurement, and where its results go.
 *
 * A row that runs for a time asks stopping() in its loop: one load of a word
 * that a thread of its own, asleep until then, sets when the time is over.
 * So a row of 1 ns and one of 1 s per operation end alike, no loop reads the
 * clock, and a G that starves cannot keep the row from ending.  (Rejected: a
 * signal, since an M blocks those of the host; a look at the clock each few
 * turns, since a starving G would not look.)
 */
#include "bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct stop_line bench_stop;
unsigned char cpus_seen[CPUS_MAX];

static int64_t stop_at;

static void *stopper(void *arg)
{
	(void)arg;
	for (;;) {
		while (!load_acquire(&bench_stop.armed))
			futex_wait(&bench_stop.armed, 0);
		sleep_until(stop_at);
		stop_now();
		store_release(&bench_stop.armed, 0);
	}
	return NULL;
}

/* Before any runtime starts, so that it inherits nothing of an M. */
void stopper_start(void)
{
	pthread_t t;

	check(thread_start(&t, stopper, NULL), "the stopper thread");
}

static void stopper_arm(int ms)
{
	while (load_acquire(&bench_stop.armed))	/* of an earlier phase */
		sched_yield();
	bench_stop.stop = 0;
	if (!ms)
		return;
	stop_at = now_ns() + ms * 1000000ll;
	store_release(&bench_stop.armed, 1);
	futex_wake(&bench_stop.armed, 1);
}

void run_begin(struct run *r)
{
	memset(cpus_seen, 0, sizeof(cpus_seen));
	cpu_mark();
	stopper_arm(r->ms);
	r->cpu0 = process_cpu_ns();
	r->t0 = now_ns();
}

/* May be called twice: what the second call measures is added. */
void run_stop_clock(struct run *r)
{
	int i, seen = 0;

	r->wall_ns += now_ns() - r->t0;
	r->cpu_ns += process_cpu_ns() - r->cpu0;
	cpu_mark();
	for (i = 0; i < CPUS_MAX; i++)
		seen += cpus_seen[i];
	if (seen > r->cpus_used)
		r->cpus_used = seen;
}

void run_end(struct run *r, double ops)
{
	run_stop_clock(r);
	if (!(ops > 0))
		run_fail(r, "no operation was completed");
	r->value = r->wall_ns / (ops > 0 ? ops : 1);
}

void run_field(struct run *r, const char *name, double val)
{
	if (r->nfields == FIELDS_MAX) {
		fprintf(stderr, "weft-bench: too many fields\n");
		abort();
	}
	r->field[r->nfields++] = (struct field){ name, val };
}

/* Sorts @v.  The value is the median. */
void run_latencies(struct run *r, int64_t *v, long n)
{
	if (!n) {
		run_fail(r, "no operation was completed");
		return;
	}
	qsort(v, n, sizeof(*v), compare_i64);
	r->value = percentile(v, n, 0.5);
	run_field(r, "p50", r->value);
	run_field(r, "p99", percentile(v, n, 0.99));
	run_field(r, "lat_max", v[n - 1]);
}

static void say(char *buf, size_t size, const char *fmt, va_list ap)
{
	if (!*buf)
		vsnprintf(buf, size, fmt, ap);
}

void run_skip(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->skip, sizeof(r->skip), fmt, ap);
	va_end(ap);
}

void run_fail(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
}

void run_note(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->note, sizeof(r->note), fmt, ap);
	va_end(ap);
}
