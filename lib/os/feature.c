// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * feature.c - which optional features of the system are used, and why not.
 */
#include <generated/config.h>

#include "os/feature.h"
#include "arch/syscall.h"
#include "os/cgroup.h"
#include "os/membarrier.h"
#include "os/hintmem.h"
#include "os/mem.h"
#include "os/rseq.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#ifdef CONFIG_LIBNUMA
#include <numa.h>
#endif

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#endif
#define FUTEX2_U32_NUMA_PRIVATE (2 | 4 | 128)

u32 weft__features;

static const char *probe_futex2(void)
{
	struct {
		u32 val;
		u32 node;
	} __attribute__((__aligned__(8))) f = { 0, ~0u };

	switch (weft__syscall(SYS_futex_wake, &f, ~0u, 1,
			      FUTEX2_U32_NUMA_PRIVATE)) {
	case 0:
		return NULL;
	case -ENOSYS:
		return "the kernel has no futex_wake call (Linux 6.7)";
	case -EINVAL:
		return "the kernel's futexes know no nodes (Linux 6.16)";
	default:
		return "futex_wake is forbidden here (seccomp?)";
	}
}

static const char *probe_numa(void)
{
#ifdef CONFIG_LIBNUMA
	if (numa_available() < 0)
		return "the kernel answers no NUMA calls";
	return NULL;
#else
	return "built without libnuma";
#endif
}

static const char *probe_proc(void)
{
	if (!weft__thread_state(weft__gettid()))
		return "/proc/self/task is not readable";
	return NULL;
}

static const char *probe_sentinel(void)
{
	int fd = weft__thread_call_open(weft__gettid());
	struct weft__thread_call c;
	int ret = fd < 0 ? fd : weft__thread_call(fd, &c);

	weft__thread_call_close(fd);
	return ret < 0 ? "/proc/self/task/TID/syscall is not readable" : NULL;
}

static const char *probe_cgroup(void)
{
	if (weft__cgroup_cpus_at("") < 0)
		return "no control group with a CPU controller is readable";
	return NULL;
}

/* One row for each feature: how it is found out, and what it is good for. */
static const struct {
	const char *name;
	const char *(*probe)(void);
	const char *off;
	const char *use;
} table[WEFT__NFEATURES] = {
	[WEFT__RSEQ] = {
		"rseq", weft__rseq_probe,
		"turned off by WEFT_RSEQ=off",
		"a P sits on a CPU, no atomics; else on an M" },
	[WEFT__MEMBARRIER] = {
		"membarrier", weft__membarrier_probe,
		"turned off by WEFT_MEMBARRIER=off",
		"no fences on fast paths; else fences" },
	[WEFT__MEMBARRIER_RSEQ] = {
		"membarrier_rseq", weft__membarrier_probe_rseq,
		"turned off by WEFT_MEMBARRIER=off",
		"stops a queue from another CPU; rseq is no use without" },
	[WEFT__GUARD] = {
		"guard", weft__guard_probe,
		"turned off by WEFT_GUARD=off",
		"guard pages without VMAs; else mprotect" },
	[WEFT__FUTEX2] = {
		"futex2", probe_futex2,
		"turned off",
		"futexes hashed on their node; else anywhere" },
	[WEFT__NUMA] = {
		"numa", probe_numa,
		"turned off by WEFT_NUMA=off",
		"nodes and distances; else one node" },
	[WEFT__PROC] = {
		"proc", probe_proc,
		"turned off",
		"tells blocked Ms from running ones; else by time" },
	[WEFT__SENTINEL] = {
		"sentinel", probe_sentinel,
		"turned off by WEFT_BLOCK_DETECT=sysmon",
		"notices a blocked M in microseconds; else the monitor's tick" },
	[WEFT__CGROUP] = {
		"cgroup", probe_cgroup,
		"turned off",
		"as many Ps as the CPU quota; else as CPUs" },
	[WEFT__HINTS] = {
		"hints", weft__hintmem_probe,
		"turned off by WEFT_HINTS=off",
		"tools see what Gs say of themselves; else nobody outside" },
};

static const char *why_off[WEFT__NFEATURES];

/* Why f is of no use with those that are on, which come before it. */
static const char *lacks(int f, u32 on)
{
	const u32 seats = WEFT__BIT(WEFT__RSEQ) |
			  WEFT__BIT(WEFT__MEMBARRIER_RSEQ);

	if (f == WEFT__SENTINEL && (on & seats) != seats)
		return "a P sits on no CPU without rseq and membarrier";
	return NULL;
}

int weft__features_probe(u32 off, u32 need)
{
	u32 on = 0;

	for (int f = 0; f < WEFT__NFEATURES; f++) {
		if (off & WEFT__BIT(f))
			why_off[f] = table[f].off;
		else
			why_off[f] = lacks(f, on);
		if (!why_off[f])
			why_off[f] = table[f].probe();
		if (!why_off[f])
			on |= WEFT__BIT(f);
	}
	WRITE_ONCE(weft__features, on);
	for (int f = 0; f < WEFT__NFEATURES; f++) {
		if (need & ~on & WEFT__BIT(f)) {
			fprintf(stderr, "weft: %s must be on, but %s\n",
				table[f].name, why_off[f]);
			return -EINVAL;
		}
	}
	return 0;
}

const char *weft__feature_name(enum weft__feature f)
{
	return table[f].name;
}

const char *weft__feature_why(enum weft__feature f)
{
	return why_off[f];
}

const char *weft__feature_use(enum weft__feature f)
{
	return table[f].use;
}
