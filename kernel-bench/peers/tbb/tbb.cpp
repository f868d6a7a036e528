// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * tbb.cpp - our rows with tasks of oneTBB.
 *
 * A task runs on the stack of the thread that took it and to its end: it can
 * neither yield nor wait for another but by running others meanwhile.  So there
 * are the rows in which tasks are started and waited for.  A task has no handle
 * to be joined: a task_group waits for all of its own; each place that joins
 * has a group.  PROCS is that of global_control and of the arena.
 */
#include "../peer.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

using namespace oneapi;

const char *peer_version(void)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), "oneTBB %s, g++ %s", TBB_runtime_version(),
		 __VERSION__);
	return buf;
}

/* Runs @body in an arena of as many threads as the run has processors. */
template <typename F> static void in_arena(const struct run *r, F body)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
				  r->procs);
	tbb::task_arena arena((int)r->procs);

	arena.execute(body);
}

static void spawn_join(struct run *r)
{
	in_arena(r, [=] {
		tbb::task_group g;
		void *ret = NULL;
		long ops = 0;

		run_begin(r);
		while (!stopping()) {
			ops++;
			g.run([&] { ret = &ops; });
			g.wait();
			if (ret != &ops)
				run_fail(r, "a task left a wrong value");
		}
		run_end(r, ops);
	});
}

static void batch_round(long n)
{
	tbb::task_group g;
	long i;

	for (i = 0; i < n; i++)
		g.run([i] {
			if (!(i & 255))
				cpu_mark();
		});
	g.wait();
}

static void batch(struct run *r)
{
	in_arena(r, [=] { peer_batch_row(r, batch_round); });
}

static long fib_tree(long n)
{
	tbb::task_group g;
	long a, b;

	if (n < 2)
		return n;
	if (n == 10)
		cpu_mark();
	g.run([&a, n] { a = fib_tree(n - 1); });
	b = fib_tree(n - 2);
	g.wait();
	return a + b;
}

static void fib(struct run *r)
{
	in_arena(r, [=] { peer_fib_row(r, fib_tree); });
}

static long skynet_node(long first, long leaves)
{
	tbb::task_group g;
	long child[10], sum = 0;
	int i;

	if (leaves == 1)
		return first;
	if (leaves == 100)
		cpu_mark();
	for (i = 0; i < 10; i++)
		g.run([&child, first, leaves, i] {
			child[i] = skynet_node(first + i * (leaves / 10),
					       leaves / 10);
		});
	g.wait();
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
	in_arena(r, [=] { peer_skynet_row(r, skynet_tree); });
}

static void steal_round(long n, int us)
{
	tbb::task_group g;
	long i;

	for (i = 0; i < n; i++)
		g.run([us] {
			work_us(us);
			cpu_mark();
		});
	g.wait();
}

static void steal(struct run *r)
{
	in_arena(r, [=] { peer_steal_row(r, steal_round); });
}

#define GROUP "a task_group waits for its tasks; they have no stacks"
#define NO_YIELD "a task runs to its end: it cannot yield"
#define NO_PARK "a task runs to its end: it cannot be parked and woken"

const struct peer_row peer_rows[] = {
	{ "switch", NULL, 0, NULL, NO_PARK, NULL },
	{ "switch_mixed", NULL, 0, NULL, NO_PARK, NULL },
	{ "yield_g2", NULL, 0, NULL, NO_YIELD, NULL },
	{ "yield_g64", NULL, 0, NULL, NO_YIELD, NULL },
	{ "yield_g10000", NULL, 0, NULL, NO_YIELD, NULL },
	{ "spawn_join", spawn_join, 0, GROUP, NULL, NULL },
	{ "spawn_join_sw", NULL, 0, NULL, NO_YIELD, NULL },
	{ "batch", batch, 0, GROUP, NULL, NULL },
	{ "fib", fib, 0, GROUP, NULL, NULL },
	{ "skynet", skynet, 0, GROUP, NULL, "ms" },
	{ "parkwake", NULL, 0, NULL, NO_PARK, NULL },
	{ "parkwake_spin", NULL, 0, NULL, NO_PARK, NULL },
	{ "steal", steal, 10, GROUP, NULL, NULL },
	{ "steal_1us", steal, 1, GROUP, NULL, NULL },
	{ "block8", NULL, 0, NULL, NO_YIELD, NULL },
	{ "block8_sleep", NULL, 0, NULL, NO_YIELD, NULL },
	{ "block8_plain", NULL, 0, NULL, NO_YIELD, NULL },
	{ "mem", NULL, 0, NULL, NO_PARK, NULL },
	{ "idle", NULL, 0, NULL, NO_PARK, NULL },
	{}
};
