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
#define BEAT_NS			(2 * NSEC_PER_USEC)

u64 weft__membarriers;
u32 weft__membarrier_limit_us = UINT32_MAX;

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

static const char *probe_plain(void)
{
	return probe(MEMBARRIER_CMD_PRIVATE_EXPEDITED,
		     MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
		     "the kernel has no private expedited membarrier");
}

static bool dear(u32 ns)
{
	return ns > weft__membarrier_limit_us * (u64)NSEC_PER_USEC;
}

const char *weft__membarrier_probe(void)
{
	static char too_dear[80];
	const char *why = probe_plain();
	u32 ns;

	if (why)
		return why;
	ns = weft__membarrier_price().busy;
	if (!dear(ns))
		return NULL;
	snprintf(too_dear, sizeof(too_dear),
		 "membarrier is dear: %u us, and WEFT_MEMBARRIER_US=%u",
		 (u32)(ns / NSEC_PER_USEC), weft__membarrier_limit_us);
	return too_dear;
}

const char *weft__membarrier_probe_rseq(void)
{
	const char *why = weft__membarrier_probe();

	if (!why)
		why = probe(CMD_RSEQ, CMD_REGISTER_RSEQ,
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

/* The other thread: counts, so that one sees whether it runs just now. */
struct other {
	u32 beats;
	u32 stop;
};

static void *count_until_told(void *arg)
{
	struct other *o = arg;

	while (!READ_ONCE(o->stop)) {
		stat_inc(o->beats);
		cpu_relax();
	}
	return NULL;
}

/*
 * Does it run at this moment?  A beat that took long to come may have come
 * while it had our CPU.
 */
static bool beats(const struct other *o, s64 late)
{
	s64 start, now = weft__now();

	do {
		u32 before = READ_ONCE(o->beats);

		start = now;
		while (READ_ONCE(o->beats) == before && now <= late) {
			cpu_relax();
			now = weft__now();
		}
		now = weft__now();
		if (now > late)
			return false;
	} while (now - start > BEAT_NS);
	return true;
}

/* Median, with another thread running if there is one; 0 if it never ran */
static u32 median_ns(const struct other *o)
{
	s64 late = weft__now() + 2 * NSEC_PER_MSEC;
	u32 ns[SAMPLES], n = 0;

	while (n < SAMPLES && (!o || beats(o, late))) {
		s64 start = weft__now();

		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		ns[n++] = weft__now() - start;
	}
	qsort(ns, n, sizeof(ns[0]), by_value);
	return n ? ns[n / 2] : 0;
}

/* On another CPU than ours, or it may wait for ours; 0 if there is none. */
static u32 busy_ns_elsewhere(cpu_set_t *cpus, size_t setsize)
{
	const struct weft__thread_attr attr = { .name = "weft-probe",
						.cpus = cpus,
						.setsize = setsize };
	struct other o = { 0, 0 };
	pthread_t thread;
	int cpu = sched_getcpu();
	u32 ns;

	if (cpu >= 0)
		CPU_CLR_S(cpu, setsize, cpus);
	if (!CPU_COUNT_S(setsize, cpus) ||
	    weft__thread_create(&thread, &attr, count_until_told, &o))
		return 0;
	ns = median_ns(&o);
	WRITE_ONCE(o.stop, 1);
	pthread_join(thread, NULL);
	return ns;
}

static u32 busy_ns(void)
{
	cpu_set_t *cpus;
	size_t setsize;
	u32 ns;

	if (weft__affinity(&cpus, &setsize))
		return 0;
	ns = busy_ns_elsewhere(cpus, setsize);
	CPU_FREE(cpus);
	return ns;
}

/*
 * Not by one look: its only samples may have met a CPU that a hypervisor had
 * taken away.
 */
static u32 least_busy_ns(void)
{
	u32 least = 0, ns;

	for (int i = 0; i < 3 && (!least || dear(least)); i++) {
		ns = busy_ns();
		if (ns && (!least || ns < least))
			least = ns;
	}
	return least;
}

struct weft__membarrier_price weft__membarrier_price(void)
{
	static struct weft__membarrier_price price;

	if (!price.idle && !probe_plain()) {
		price.idle = median_ns(NULL);
		price.busy = least_busy_ns();
		if (price.busy < price.idle)
			price.busy = price.idle;
	}
	return price;
}
