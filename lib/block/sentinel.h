/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sentinel.h - one P's sentinel; sentinel.c tells the story.
 */
#ifndef WEFT_BLOCK_SENTINEL_H
#define WEFT_BLOCK_SENTINEL_H

#include "../core/sched.h"

enum sentinel_state {
	SENTINEL_NEW,		/* no thread yet, or none could be had */
	SENTINEL_ON,
	SENTINEL_OFF,		/* SCHED_IDLE was refused */
};

struct sentinel {
	/* futex: 1 by sysmon or for the end, 0 by the sentinel */
	u32 armed;
	u32 state;		/* by the sentinel; sysmon: NEW only */
	s64 not_before;		/* by the sentinel before armed = 0 */
	s64 retired_until;	/* the same */
	struct p *p;
	pthread_t thread;

	/* the sentinel's own, once it has started */
	u32 cpu;		/* bound to this one */
	cpu_set_t *set;		/* cpu alone */
	struct vcpu *vc;
	s64 spent, window;	/* CPU time in vain, since when */
	s64 penalty;		/* how long the next retirement is */
	bool patient;		/* it let one sleep */
	struct {		/* counters: read by anyone */
		u64 handoffs, looks, retired, no_spare;
	} n;
} __attribute__((aligned(128)));

#endif /* WEFT_BLOCK_SENTINEL_H */
