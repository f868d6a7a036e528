// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mem.c - what a G costs in memory, queued and parked.
 *
 * A million Gs are started on one P without giving any of them a turn: the
 * growth of RSS and page tables by then is what a queued G costs.  Then each
 * runs once and parks on a parker on its own stack: the growth by then is what
 * a parked G costs.  At last all are woken and must end.
 *
 * The value is the time to start one; bytes_queued, bytes_parked, and of the
 * latter bytes_pte (page tables), further times and the number of mappings are
 * fields.
 */
#include "bench.h"

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

/* Started but not run: true while the starter never gives way, on one P. */
static void mem_start(struct run *r, struct mem_slot *s, struct mem_use base)
{
	long i;

	run_begin(r);
	for (i = 0; i < r->n; i++)
		check(weft_go(mem_park, &s[i]), "weft_go");
	run_end(r, r->n);
	if (READ_ONCE(mem_running))
		run_note(r, "%ld ran before all were started",
			 READ_ONCE(mem_running));
	run_field(r, "bytes_queued", mem_since(base, mem_use(r)) / r->n);
}

static void mem_weft(struct run *r)
{
	struct mem_slot *s = zalloc(r->n, sizeof(*s));
	struct mem_use base = mem_use(r), full;
	int64_t t;
	long i;

	mem_start(r, s, base);
	t = now_ns();
	while (READ_ONCE(mem_running) < r->n)
		weft_yield();
	run_field(r, "ns_first_run", (double)(now_ns() - t) / r->n);
	full = mem_use(r);
	mem_result(r, base, full, r->n);
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
BENCH(mem);
