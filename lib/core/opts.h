/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * opts.h - the settings, resolved.
 *
 * One table in opts.c names every setting: its type, range, default, the
 * benchmark that set the number, and its help text.  Values come from the
 * defaults, then the program's struct weft_opts, then the environment, which
 * has the last word.  A value that makes no sense is refused, never mended.
 */
#ifndef WEFT__OPTS_H
#define WEFT__OPTS_H

#include "arch/compiler.h"

#include <stdio.h>
#include <weft/run.h>

/* on: refuse to start without the feature */
enum weft__tri {
	WEFT__AUTO,
	WEFT__ON,
	WEFT__OFF,
};

/* WEFT_BLOCK_DETECT: who notices that an M blocks */
enum weft__detect {
	WEFT__DETECT_AUTO,
	WEFT__DETECT_SENTINEL,
	WEFT__DETECT_BPF,
	WEFT__DETECT_SYSMON,
};

/* WEFT_DEBUG */
#define WEFT__DEBUG_TRACE	1u	/* dumps show the trace */
#define WEFT__DEBUG_DUMP	2u	/* weft_dump() to stderr at stop */
#define WEFT__DEBUG_STATS	4u	/* counters to stderr at stop */
#define WEFT__DEBUG_OVERSUB	8u	/* more Ps than CPUs, for tests */
#define WEFT__DEBUG_BLOCKED	16u	/* blocked calls to stderr at stop */

/**
 * struct weft__opts - what a start uses; no field means "default" any more
 * @procs:	number of Ps, lowered to @cpus unless oversubscribed
 * @max_m:	most Ms
 * @bind:	enum weft_bind
 * @fpenv:	enum weft_fpenv
 * @clock:	enum weft_clock
 * @rseq:	enum weft__tri, as the next four
 * @membarrier:	and its rseq form
 * @guard:	guard pages without VMAs
 * @numa:	libnuma
 * @hints:	in a file that tools can map
 * @block_detect: enum weft__detect
 * @fake_nodes:	0: what the machine has
 * @membarrier_us: WEFT__AUTO uses no membarrier that is dearer
 * @spin_us:	how long an idle M spins
 * @sysmon_us:	longest tick of sysmon
 * @preempt_signal: stops a preemptible G
 * @debug:	WEFT__DEBUG_*
 * @stack:	bytes of stack of a G, a power of two
 * @cpus:	the smaller of the affinity mask and the cgroup's quota
 * @on_deadlock: the program's
 * @on_deadlock_arg: its argument
 * @policy:	the program's
 * @policy_name: WEFT_POLICY, or NULL
 */
struct weft__opts {
	u32 procs;
	u32 max_m;
	u32 bind;
	u32 fpenv;
	u32 clock;
	u32 rseq;
	u32 membarrier;
	u32 guard;
	u32 numa;
	u32 hints;
	u32 block_detect;
	u32 fake_nodes;
	u32 membarrier_us;
	u32 spin_us;
	u32 sysmon_us;
	u32 preempt_signal;
	u32 debug;
	u64 stack;
	u32 cpus;
	void (*on_deadlock)(void *arg);
	void *on_deadlock_arg;
	const struct weft_sched_ops *policy;
	const char *policy_name;
};

#define WEFT__PROCS_MAX		4096
#define WEFT__STACK_DEFAULT	(64ul << 10)
#define WEFT__STACK_MAX		(1ul << 30)
/* The shortest tick of sysmon; the longest is a setting. */
#define WEFT__SYSMON_MIN_US	20

/**
 * weft__opts_resolve() - all settings
 * @o:		filled in
 * @user:	the program's, or NULL
 *
 * Return: 0; -EINVAL for a bad value or an unknown WEFT_* variable, -E2BIG if
 * @user is of a later version and uses what this one does not know.  Each is
 * named on stderr.
 */
int weft__opts_resolve(struct weft__opts *o, const struct weft_opts *user);

/**
 * weft__opts_features() - probe the features under these settings
 *
 * Return: 0; -EINVAL if one that must be "on" is not there (on stderr).
 */
int weft__opts_features(const struct weft__opts *o);

/** weft__stack_min() - the least stack that bears a signal frame */
size_t weft__stack_min(void);

/**
 * weft__stack_round() - a stack size that can be had
 * @sz:		bytes asked for
 *
 * Return: a power of two, at least weft__stack_min(); 0 if @sz is over
 * WEFT__STACK_MAX.
 */
size_t weft__stack_round(size_t sz);

/** weft__opts_help() - print the table */
void weft__opts_help(FILE *f);

#endif /* WEFT__OPTS_H */
