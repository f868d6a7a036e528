/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * membarrier.h - make the other threads of this process order their accesses.
 *
 * The rare side of an asymmetric barrier: the frequent side pays for a
 * compiler barrier only.  The kernel interrupts each CPU that runs a thread of
 * this process; 0.5 to 60 us, and a mutex of the whole system is held.  So
 * every call is counted, and its price is known.
 *
 * Only where weft__feature() says so: WEFT__MEMBARRIER for the plain form,
 * WEFT__MEMBARRIER_RSEQ for the other two.
 */
#ifndef WEFT__MEMBARRIER_H
#define WEFT__MEMBARRIER_H

#include "arch/compiler.h"

/* Calls since the start of the process; whoever reports takes differences. */
extern u64 weft__membarriers;

/*
 * Prices in ns, medians: alone, and while another thread of this process runs
 * on another CPU and has to be interrupted (equal, where there is one CPU or no
 * thread to be had).  The first is only a lower bound: in a process of one
 * thread the kernel has nothing to do.
 */
struct weft__membarrier_price {
	u32 idle;
	u32 busy;
};

/*
 * The dearest call that is worth while, in us: beyond it fences stand in.  Set
 * before a probe; no limit until then.
 */
extern u32 weft__membarrier_limit_us;

/**
 * weft__membarrier_probe() - register with the kernel, and ask for the price
 *
 * Return: NULL, or why it is not to be used; the text lasts until the next
 * probe.
 */
const char *weft__membarrier_probe(void);
/** weft__membarrier_probe_rseq() - the same for the rseq forms, too */
const char *weft__membarrier_probe_rseq(void);

/**
 * weft__membarrier_price() - what the plain form costs here
 *
 * Measured at the first call, which takes up to a millisecond and starts a
 * thread for it; remembered.  Zero where there is no membarrier.
 */
struct weft__membarrier_price weft__membarrier_price(void);

/** weft__membarrier_all() - a full fence on every running thread of ours */
void weft__membarrier_all(void);

/**
 * weft__membarrier_rseq_cpu() - end the restartable sequence on one CPU
 * @cpu:	its number
 *
 * Afterwards no sequence that was under way there when we were called can
 * commit, and what it did before is visible.  An offline CPU is no error.
 */
void weft__membarrier_rseq_cpu(int cpu);

/** weft__membarrier_rseq_all() - the same on every CPU */
void weft__membarrier_rseq_all(void);

#endif /* WEFT__MEMBARRIER_H */
