// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * membarrier.c - make the other threads of this process order their accesses.
 *
 * A failing call would leave its caller without the barrier that its proof
 * rests on, so it aborts.  After a successful registration the kernel has no
 * reason left to fail.
 */
#include "os/membarrier.h"
#include "arch/syscall.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/membarrier.h>

/* Since Linux 5.10; Debian 11's headers lack them. */
#define CMD_RSEQ		(1 << 7)
#define CMD_REGISTER_RSEQ	(1 << 8)
#define FLAG_CPU		(1 << 0)

#define SAMPLES			9

u64 weft__membarriers;

static int membarrier(int cmd, unsigned int flags, int cpu)
{
	return weft__syscall(SYS_membarrier, cmd, flags, cpu);
}

static const char *probe(int cmd, int registration, const char *missing)
{
	int known = membarrier(MEMBARRIER_CMD_QUERY, 0, 0);

	if (known == -ENOSYS)
		return "the kernel has no membarrier";
	if (known < 0)
		return "membarrier is forbidden here (seccomp?)";
	if (!(known & cmd))
		return missing;
	if (membarrier(registration, 0, 0))
		return "the kernel refused to register the process";
	return NULL;
}

const char *weft__membarrier_probe(void)
{
	return probe(MEMBARRIER_CMD_PRIVATE_EXPEDITED,
		     MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
		     "the kernel has no private expedited membarrier");
}

const char *weft__membarrier_probe_rseq(void)
{
	const char *why = probe(CMD_RSEQ, CMD_REGISTER_RSEQ,
				"the kernel has no rseq membarrier");

	if (!why && membarrier(CMD_RSEQ, FLAG_CPU, 0))
		why = "the rseq membarrier does not take a CPU";
	return why;
}

static weft__cold void failed(int cmd, int cpu, int err)
{
	fprintf(stderr, "weft: membarrier(%d, cpu %d) failed: error %d\n", cmd,
		cpu, -err);
	abort();
}

static void count_and_do(int cmd, unsigned int flags, int cpu)
{
	int err;

	atomic_add(&weft__membarriers, 1);
	err = membarrier(cmd, flags, cpu);
	if (unlikely(err))
		failed(cmd, cpu, err);
}

void weft__membarrier_all(void)
{
	count_and_do(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

void weft__membarrier_rseq_cpu(int cpu)
{
	count_and_do(CMD_RSEQ, FLAG_CPU, cpu);
}

void weft__membarrier_rseq_all(void)
{
	count_and_do(CMD_RSEQ, 0, 0);
}

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static u32 median_ns(void)
{
	u32 ns[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		s64 start = weft__now();

		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		ns[i] = weft__now() - start;
	}
	qsort(ns, SAMPLES, sizeof(ns[0]), by_value);
	return ns[SAMPLES / 2];
}

/* The other thread: says that it runs (1), runs until told to stop (2). */
static void *run_until_told(void *arg)
{
	u32 *word = arg;

	WRITE_ONCE(*word, 1);
	while (READ_ONCE(*word) != 2)
		cpu_relax();
	return NULL;
}

/* It may not come up while the machine is busy: then we do not wait for it. */
static u32 busy_ns(u32 idle_ns)
{
	const struct weft__thread_attr attr = { .name = "weft-probe" };
	s64 late = weft__now() + 2 * NSEC_PER_MSEC;
	pthread_t other;
	u32 word = 0, ns = idle_ns;

	if (weft__thread_create(&other, &attr, run_until_told, &word))
		return idle_ns;
	while (!READ_ONCE(word) && weft__now() < late)
		cpu_relax();
	if (READ_ONCE(word) == 1)
		ns = median_ns();
	while (!cas(&word, 1, 2))
		sched_yield();
	pthread_join(other, NULL);
	return ns;
}

struct weft__membarrier_price weft__membarrier_price(void)
{
	static struct weft__membarrier_price price;

	if (!price.idle && !weft__membarrier_probe()) {
		price.idle = median_ns();
		price.busy = price.idle;
		if (weft__cpus_allowed() > 1)
			price.busy = busy_ns(price.idle);
	}
	return price;
}
