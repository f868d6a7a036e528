// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * fib.c - Fibonacci numbers by recursive spawn and join.
 *
 * fib(n - 1) is spawned, fib(n - 2) called, the first joined.  An operation is
 * one G.  The tree is computed again and again until the time is over, the
 * first time unmeasured, and each result is checked.
 */
#include "bench.h"

struct fib {
	long n, value;
};

static long fib_value(long n)
{
	return n < 2 ? n : fib_value(n - 1) + fib_value(n - 2);
}

/* One for each call with n >= 2. */
static long fib_tasks(long n)
{
	return fib_value(n + 1) - 1;
}

static void *fib_g(void *arg)
{
	struct fib *f = arg, a = { f->n - 1, 0 }, b = { f->n - 2, 0 };
	struct weft_g *g;

	if (f->n < 2) {
		f->value = f->n;
		return NULL;
	}
	if (f->n == 10)
		cpu_mark();
	check(weft_spawn(&g, NULL, fib_g, &a), "weft_spawn");
	fib_g(&b);
	weft_join(g, NULL);
	f->value = a.value + b.value;
	return NULL;
}

static void *fib_thread(void *arg)
{
	struct fib *f = arg, a = { f->n - 1, 0 }, b = { f->n - 2, 0 };
	pthread_t t;

	if (f->n < 2) {
		f->value = f->n;
		return NULL;
	}
	cpu_mark();
	check(thread_start(&t, fib_thread, &a), "a thread");
	fib_thread(&b);
	pthread_join(t, NULL);
	f->value = a.value + b.value;
	return NULL;
}

static void fib_run(struct run *r, weft_fn *fn)
{
	long want = fib_value(r->n), trees = 0;
	struct fib f = { r->n, 0 };

	fn(&f);
	run_begin(r);
	do {
		f.value = 0;
		fn(&f);
		if (f.value != want) {
			run_fail(r, "fib(%ld) was %ld, not %ld", r->n, f.value,
				 want);
			break;
		}
		trees++;
	} while (!stopping());
	run_end(r, (double)trees * fib_tasks(r->n));
}

static void fib_weft(struct run *r)
{
	fib_run(r, fib_g);
}

static void fib_pthread(struct run *r)
{
	fib_run(r, fib_thread);
}

static const struct bench fib_row = {
	.name = "fib",
	.unit = "ns",
	.doc = "fib(30) by recursive spawn and join; per G",
	.weft = fib_weft,
	.pthread = fib_pthread,
	.twin = "fib(12): 232 threads",
	.full = { .n = 30, .ms = 1000 },
	.quick = { .n = 27, .ms = 200 },
	.twin_full = { .n = 12, .ms = 1000 },
	.twin_quick = { .n = 12, .ms = 200 },
	.fills = true,
};

BENCH_ROWS(fib, &fib_row);
