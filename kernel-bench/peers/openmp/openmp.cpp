// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * openmp.cpp - our rows with OpenMP tasks: gomp by g++, omp by clang++.
 *
 * A task runs on the stack of the thread that took it and to its end (taskyield
 * does nothing in either library); so there are the rows in which tasks are
 * started and waited for.  A task has no handle to be joined: taskwait waits
 * for all that the current one has started.  The rows run in the single region
 * of a team with PROCS threads.
 *
 * Both libraries run a task at once, as a call, where the team has one thread
 * (libomp) or where many are queued (libgomp: 64 for each thread; libomp: 256):
 * that is what they do with programs of this kind, and left as it is.  There is
 * no cut-off in fib and skynet, as there is none in ours.
 */
#include "../peer.h"

#include <omp.h>

const char *peer_version(void)
{
	static char buf[96];

#ifdef __clang__
	snprintf(buf, sizeof(buf), "libomp, OpenMP %d, clang %d.%d.%d",
		 _OPENMP, __clang_major__, __clang_minor__,
		 __clang_patchlevel__);
#else
	snprintf(buf, sizeof(buf), "libgomp, OpenMP %d, g++ %s", _OPENMP,
		 __VERSION__);
#endif
	return buf;
}

/* Runs @body as the one task of a new team that starts the others. */
template <typename F> static void in_team(const struct run *r, F body)
{
	omp_set_dynamic(0);
#pragma omp parallel num_threads(r->procs)
#pragma omp single
	body();
}

static void spawn_join(struct run *r)
{
	in_team(r, [=] {
		void *ret = NULL;
		long ops = 0;

		run_begin(r);
		while (!stopping()) {
			ops++;
#pragma omp task shared(ret, ops)
			ret = &ops;
#pragma omp taskwait
			if (ret != &ops)
				run_fail(r, "a task left a wrong value");
		}
		run_end(r, ops);
	});
}

static void batch_round(long n)
{
	long i;

	for (i = 0; i < n; i++)
#pragma omp task firstprivate(i)
		if (!(i & 255))
			cpu_mark();
#pragma omp taskwait
}

static void batch(struct run *r)
{
	in_team(r, [=] { peer_batch_row(r, batch_round); });
}

static long fib_tree(long n)
{
	long a, b;

	if (n < 2)
		return n;
	if (n == 10)
		cpu_mark();
#pragma omp task shared(a) firstprivate(n)
	a = fib_tree(n - 1);
	b = fib_tree(n - 2);
#pragma omp taskwait
	return a + b;
}

static void fib(struct run *r)
{
	in_team(r, [=] { peer_fib_row(r, fib_tree); });
}

static long skynet_node(long first, long leaves)
{
	long child[10], sum = 0;
	int i;

	if (leaves == 1)
		return first;
	if (leaves == 100)
		cpu_mark();
	for (i = 0; i < 10; i++)
#pragma omp task shared(child) firstprivate(i, first, leaves)
		child[i] = skynet_node(first + i * (leaves / 10), leaves / 10);
#pragma omp taskwait
	for (i = 0; i < 10; i++)
		sum += child[i];
	return sum;
}

static long skynet_tree(long leaves)
{
	return skynet_node(0, leaves);
}

static void skynet(struct run *r)
{
	in_team(r, [=] { peer_skynet_row(r, skynet_tree); });
}

static void steal_round(long n, int us)
{
	long i;

	for (i = 0; i < n; i++)
#pragma omp task firstprivate(us)
	{
		work_us(us);
		cpu_mark();
	}
#pragma omp taskwait
}

static void steal(struct run *r)
{
	in_team(r, [=] { peer_steal_row(r, steal_round); });
}

#ifdef __clang__
#define TASKS "taskwait; tasks have no stacks; run at once if 1P or 256 queued"
#else
#define TASKS "taskwait; tasks have no stacks; run at once if 64 per P queued"
#endif
#define NO_YIELD "a task runs to its end: it cannot yield"
#define NO_PARK "a task runs to its end: it cannot be parked and woken"

const struct peer_row peer_rows[] = {
	{ "switch", NULL, 0, NULL, NO_PARK, NULL },
	{ "switch_mixed", NULL, 0, NULL, NO_PARK, NULL },
	{ "yield_g2", NULL, 0, NULL, NO_YIELD, NULL },
	{ "yield_g64", NULL, 0, NULL, NO_YIELD, NULL },
	{ "yield_g10000", NULL, 0, NULL, NO_YIELD, NULL },
	{ "spawn_join", spawn_join, 0, TASKS, NULL, NULL },
	{ "spawn_join_sw", NULL, 0, NULL, NO_YIELD, NULL },
	{ "batch", batch, 0, TASKS, NULL, NULL },
	{ "fib", fib, 0, TASKS, NULL, NULL },
	{ "skynet", skynet, 0, TASKS, NULL, "ms" },
	{ "parkwake", NULL, 0, NULL, NO_PARK, NULL },
	{ "parkwake_spin", NULL, 0, NULL, NO_PARK, NULL },
	{ "steal", steal, 10, TASKS, NULL, NULL },
	{ "steal_1us", steal, 1, TASKS, NULL, NULL },
	{ "block8", NULL, 0, NULL, NO_YIELD, NULL },
	{ "block8_sleep", NULL, 0, NULL, NO_YIELD, NULL },
	{ "block8_plain", NULL, 0, NULL, NO_YIELD, NULL },
	{ "mem", NULL, 0, NULL, NO_PARK, NULL },
	{ "idle", NULL, 0, NULL, NO_PARK, NULL },
	{}
};
