// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mem.c - what a G costs in memory, queued and parked.
 *
 * First 10,000 Gs are started in one go and get no turn before the growth of
 * RSS and page tables was read: what a queued G costs.  (Not more of them, so
 * that this ends well before the monitor takes the starter for a hog.)  They
 * end.  Then a million are started, and after each thousand those get a turn,
 * in which each parks on a parker on its own stack; the growth since the very
 * beginning is what a parked G costs.  At last all are woken and must end.
 *
 * The value is the time to start one of the million, their turns not counted.
 */
#include "bench.h"

#define MEM_QUEUED 10000
#define MEM_CHUNK 1000

static long mem_running, mem_ended;
static struct permit mem_go;

struct mem_use {
	double rss, pte;
};

/* Where each parked G can be woken. */
struct mem_slot {
	struct weft_parker *parker;
};

static void *mem_park(void *arg)
{
	struct weft_parker p = WEFT_PARKER_INIT;
	struct mem_slot *s = arg;

	s->parker = &p;
	add_relaxed(&mem_running, 1);
	weft_park(&p);
	add_relaxed(&mem_ended, 1);
	return NULL;
}

static struct mem_use mem_use(struct run *r)
{
	long rss = status_kb("VmRSS:"), pte = status_kb("VmPTE:");

	if (rss < 0 || pte < 0)
		run_skip(r, "no VmRSS and VmPTE in /proc/self/status");
	return (struct mem_use){ rss * 1024.0, pte * 1024.0 };
}

static double mem_since(struct mem_use a, struct mem_use b)
{
	return b.rss - a.rss + b.pte - a.pte;
}

static long mem_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	long n = 0;
	int c;

	if (!f)
		return -1;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void mem_result(struct run *r, struct mem_use base, struct mem_use full,
		       long n)
{
	run_field(r, "bytes_parked", mem_since(base, full) / n);
	run_field(r, "bytes_pte", (full.pte - base.pte) / n);
	run_field(r, "mappings", mem_mappings());
}

static void *mem_end(void *arg)
{
	add_relaxed(&mem_ended, 1);
	return arg;
}

static void mem_queued(struct run *r, struct mem_use base)
{
	long i, early;

	for (i = 0; i < MEM_QUEUED; i++)
		check(weft_go(mem_end, NULL), "weft_go");
	run_field(r, "bytes_queued", mem_since(base, mem_use(r)) / MEM_QUEUED);
	early = READ_ONCE(mem_ended);
	if (early)
		run_note(r, "%ld ran before all were queued", early);
	while (READ_ONCE(mem_ended) < MEM_QUEUED)
		weft_yield();
	WRITE_ONCE(mem_ended, 0);
}

/* The time that starting them took, and all the rest. */
static void mem_start(struct run *r, struct mem_slot *s)
{
	int64_t t, start_ns = 0;
	long i = 0, end;

	run_begin(r);
	while (i < r->n) {
		t = now_ns();
		for (end = i + MEM_CHUNK; i < end && i < r->n; i++)
			check(weft_go(mem_park, &s[i]), "weft_go");
		start_ns += now_ns() - t;
		while (READ_ONCE(mem_running) < i)
			weft_yield();
	}
	run_stop_clock(r);
	r->value = (double)start_ns / r->n;
	run_field(r, "ns_first_run", (double)(r->wall_ns - start_ns) / r->n);
}

static void mem_weft(struct run *r)
{
	struct mem_slot *s = zalloc(r->n, sizeof(*s));
	struct mem_use base = mem_use(r);
	int64_t t;
	long i;

	mem_queued(r, base);
	mem_start(r, s);
	mem_result(r, base, mem_use(r), r->n);
	t = now_ns();
	for (i = 0; i < r->n; i++)
		weft_unpark(s[i].parker);
	while (READ_ONCE(mem_ended) < r->n)
		weft_yield();
	run_field(r, "ns_wake_and_end", (double)(now_ns() - t) / r->n);
}

static void *mem_thread(void *arg)
{
	add_relaxed(&mem_running, 1);
	while (!load_acquire(&mem_go.word))
		futex_wait(&mem_go.word, 0);
	return arg;
}

static void mem_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->n, sizeof(*t));
	struct mem_use base = mem_use(r), full;
	long n;

	run_begin(r);
	n = threads_start(t, r->n, mem_thread, NULL, 0);
	run_end(r, n);
	if (n < r->n)
		run_note(r, "only %ld threads could be had", n);
	while (READ_ONCE(mem_running) < n)
		sched_yield();
	full = mem_use(r);
	mem_result(r, base, full, n);
	store_release(&mem_go.word, 1);
	futex_wake(&mem_go.word, n);
	threads_join(t, n);
}

static const struct bench mem = {
	.name = "mem",
	.unit = "ns",
	.doc = "1,000,000 parked Gs: time to start one; bytes in fields",
	.weft = mem_weft,
	.pthread = mem_pthread,
	.twin = "10,000 threads; kernel memory is not counted",
	.full = { .n = 1000000 },
	.quick = { .n = 100000 },
	.twin_full = { .n = 10000 },
	.twin_quick = { .n = 2000 },
	.max_procs = 1,
};

BENCH_ROWS(mem, &mem);
