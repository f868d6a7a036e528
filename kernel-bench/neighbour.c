// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * neighbour.c - what Gs keep of the CPUs beside a process that burns one.
 *
 * A process of its own computes for ever, bound to the last CPU.  64 Gs do
 * pieces of work, and as many threads as there are processors do the same,
 * bound to nothing; slices of both take turns (slices.h).  The value is the
 * rate of the Gs in percent of that of the threads.
 *
 *	neighbour	pieces of 1 ms and a checkpoint: compute-bound
 *	neighbour_yield	pieces of 20 us and a yield
 *
 * The threads do not yield, for they have nobody to yield to but the neighbour.
 * The twin compares threads with the same threads: what 100 % is worth here.
 */
#include "slices.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEIGHBOUR_LONG_US 1000
#define NEIGHBOUR_SHORT_US 20

static int neighbour_us;

static void *neighbour_g(void *arg)
{
	struct slice_task *t = arg;

	while (!stopping()) {
		work_us(neighbour_us);
		t->pieces++;
		cpu_mark();
		if (neighbour_us == NEIGHBOUR_SHORT_US)
			weft_yield();
		else
			weft_checkpoint();
	}
	return NULL;
}

static void *neighbour_thread(void *arg)
{
	struct slice_task *t = arg;

	while (!stopping()) {
		work_us(neighbour_us);
		t->pieces++;
		cpu_mark();
	}
	return NULL;
}

static double neighbour_gs(struct run *r)
{
	return slice_weft(r, neighbour_g);
}

static double neighbour_threads(struct run *r)
{
	return slice_threads(r, neighbour_thread);
}

static pid_t neighbour_moves_in(void)
{
	pid_t pid = fork();

	if (pid < 0)
		check(-errno, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(cpu_bind(cpu_nth(cpus_allowed() - 1)), "sched_setaffinity");
	for (;;)
		barrier();
}

static void neighbour_run(struct run *r, slice_fn *a, const char *a_name)
{
	pid_t pid = neighbour_moves_in();

	neighbour_us = r->arg;
	slices_run(r, a, a_name, neighbour_threads, "pieces_s_threads");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void neighbour_weft(struct run *r)
{
	neighbour_run(r, neighbour_gs, "pieces_s_weft");
}

static void neighbour_pthread(struct run *r)
{
	check(cpus_unconfine(), "sched_setaffinity");
	neighbour_run(r, neighbour_threads, "pieces_s_first");
}

static const struct bench neighbour = {
	.name = "neighbour",
	.unit = "percent",
	.doc = "work of computing Gs beside a process that burns a CPU",
	.weft = neighbour_weft,
	.pthread = neighbour_pthread,
	.twin = "threads against the same threads: the noise of the measure",
	.full = { .n = 8, .ms = 400 },
	.quick = { .n = 3, .ms = 200 },
	.arg = NEIGHBOUR_LONG_US,
	.higher = true,
	.outside = true,
};
static const struct bench neighbour_yield = {
	.name = "neighbour_yield",
	.unit = "percent",
	.doc = "the same of Gs that yield every 20 us",
	.weft = neighbour_weft,
	.pthread = neighbour_pthread,
	.twin = "threads against the same threads: the noise of the measure",
	.full = { .n = 8, .ms = 400 },
	.quick = { .n = 3, .ms = 200 },
	.arg = NEIGHBOUR_SHORT_US,
	.higher = true,
	.outside = true,
};

BENCH_ROWS(neighbour, &neighbour, &neighbour_yield);
