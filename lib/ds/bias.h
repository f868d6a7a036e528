/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * bias.h - a word with compare-and-swap that is biased to a CPU.
 *
 * The run queue's law for a word that anyone may use: {seat, version} says who
 * may change it how.
 *
 *	NOBODY		fresh: claimed by a CAS of the seat
 *	CPU0 + c	threads on CPU c, by a sequence with one plain store
 *	SHARED		anyone, by a LOCK inside a sequence
 *	FOREVER		anyone, by a plain LOCK; never biased again
 *	STOPPED | s	on the way from s to SHARED
 *	STOPPED | ALL | s	on the way from SHARED to s
 *
 *	NOBODY --> s --> STOPPED|s --> SHARED --> STOPPED|ALL|s --> s = CPU0+c
 *	  |                              |
 *	  +----------> FOREVER <---------+
 *
 * Leaving CPU0 + c and leaving SHARED for a CPU restart the sequences that were
 * begun under the old seat: membarrier RSEQ on CPU c, and on all CPUs.  Nobody
 * waits for whoever stopped a word: who finds it stopped does the membarrier
 * itself and then the same CAS.  The version, counted up with each stop, lets
 * a helper's CAS fail that slept over a whole cycle; without it the word would
 * become shared on the strength of a membarrier from before the stop.
 *
 * FOREVER is for threads without rseq.  SHARED to FOREVER needs no membarrier:
 * both sides use LOCK.
 *
 * REBIAS operations in a row from one CPU make a shared word biased again;
 * the number doubles each time, up to 2^20.  Counting is racy and only a hint.
 *
 * selftests/model/parker.pml explores it.
 */
#ifndef WEFT_DS_BIAS_H
#define WEFT_DS_BIAS_H

#include "../arch/runq.h"

#define BIAS_NOBODY 0u		/* so that zeroed memory is a word */
#define BIAS_CPU0 16u
#define BIAS_SHARED 0x7fffffffu
#define BIAS_FOREVER 0x7ffffffeu
#define BIAS_STOPPED 0x80000000u
#define BIAS_ALL 0x40000000u
#define BIAS_CPU 0x3fffffffu
#define BIAS_REBIAS 256u

/*
 * The cpu_id for which a sequence finds the seat its own.  For a seat that is
 * no CPU's that must be nobody's: neither a CPU, nor the -1 and -2 of a thread
 * without rseq, nor RUNQ_NOCPU.  STOPPED only adds high bits to a CPU's.
 */
#define BIAS_MATCHES(seat) (-BIAS_CPU0 + (seat))
_Static_assert(BIAS_MATCHES(BIAS_NOBODY) == RUNQ_STOPPED, "no thread's");
_Static_assert(BIAS_MATCHES(BIAS_SHARED) < RUNQ_STOPPED, "no thread's");
_Static_assert(BIAS_MATCHES(BIAS_FOREVER) > BIAS_CPU, "no CPU's");

enum { BIAS_OK, BIAS_DIFFERS, BIAS_OTHER };

struct bias {
	u64 bias;		/* {u32 seat, u32 version}; moved by CAS */
	u64 word;
	u32 run;		/* {cpu:11, operations in a row:21} */
	u32 limit;
};

#if defined(__x86_64__) && !defined(WEFT__TSAN)
#include "../arch/x86_64/seq_bias.h"
#else
#include "../arch/generic/seq_bias.h"
#endif

/* BIAS_OK: word was old and is new_ now; BIAS_DIFFERS: it was not. */
int weft__bias_cas_slow(struct vcpu *vc, struct bias *b, u64 old, u64 new_);

/* True if the word was old, and is new_ now.  A full fence is not implied. */
static __always_inline bool bias_cas(struct vcpu *vc, struct bias *b, u64 old,
				     u64 new_)
{
	int r = seq_bias_cas(vc, b, old, new_);

	if (unlikely(r == BIAS_OTHER))
		r = weft__bias_cas_slow(vc, b, old, new_);
	return r == BIAS_OK;
}

#endif /* WEFT_DS_BIAS_H */
