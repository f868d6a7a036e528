/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * runq.h - the run queue: one ring, two words, first in first out.
 *
 *	 line 0			lines 1 to 32		last line
 *	+-----------------+	+---------------+	+----------+
 *	| seat phead tail |	| slot[0..255]  |	| B        |
 *	+-----------------+	+---------------+	+----------+
 *
 *	B = {head, len}
 *	[head, head + len)			the published part
 *	[max(phead, head + len), tail)		the private part
 *
 * Indices are 64 bits and count for ever; slot i lives at i % RUNQ_SIZE.
 *
 * Who may store what:
 *
 *	tail	a section under the seat: push, push_batch, take_tail, pop_tail
 *	phead	a section under the seat, and only while B is empty
 *	B	empty -> {phead, k}: a section under the seat (publish);
 *		{h, n} -> {h + k, n - k}: CAS, anyone (thieves);
 *		{h, n} -> {h + 1, 0}: CAS, the owner, who takes the oldest and
 *		has all others back
 *	seat	whoever moved it to RUNQ_STOPPED by CAS, and nobody else
 *	all	whoever has stopped the queue (B still by CAS: thieves go on)
 *
 * A section is a restartable sequence that compares seat with the CPU that it
 * runs on, and ends in one plain store; or its twin without rseq (twin.h).
 *
 * Why it holds:
 *
 * - A section that was begun under an old seat cannot commit: to move the seat
 *   one stops the queue, then restarts every sequence on the old CPU.
 * - While B is not empty, phead <= head, because publish made them equal and
 *   phead did not move since.  So phead is a lower bound of everything in use,
 *   and "tail - phead < RUNQ_SIZE" is all that a push must ask; it never reads
 *   the line that thieves write.  When thieves have taken the published part
 *   phead lags, and the ring looks fuller than it is, until settle.
 * - The same makes one comparison out of two: as a number, B = head << 10 |
 *   len, and phead << 10 >= B says at once that nothing is published and that
 *   phead does not lag.
 * - A stale CAS of a thief fails: a value of head is non-empty at most once,
 *   for whatever empties or shortens B moves head.  Taking back as {h, 0}
 *   would break that: publish {h, n} again with other Gs in the slots, and a
 *   thief that slept wins with stale copies.
 * - A G is in exactly one part at any instant, though the M be preempted
 *   anywhere, because each change is one store.
 *
 * Rejected: 32-bit indices, {head, split} in B.  They wrap within seconds, so
 * that B and phead must be brought up to date at each tick and a thief must
 * copy inside a section; with 64 bits these rules have no work to do.  The cost
 * is a shift in pop and take_tail.
 *
 * The sections, each once (x86_64/seq.h and twin.h do what stands here):
 *
 *	push(g)		if (seat != here)		return RUNQ_SEAT;
 *			if (tail - phead >= SIZE)	return RUNQ_FULL;
 *			slot[tail] = g;
 *			tail = tail + 1;			// commit
 *
 *	pop()		if (seat != here || phead << 10 < B || phead == tail)
 *				return NULL;
 *			g = slot[phead];
 *			phead = phead + 1;			// commit
 *
 *	take_tail(g)	if (seat != here || tail == phead ||
 *			    tail == head + len || slot[tail - 1] != g)
 *				return false;
 *			tail = tail - 1;			// commit
 *
 *	publish()	if (seat != here || phead << 10 < B || tail - phead < 2)
 *				return false;
 *			B = {phead, (tail - phead) / 2};	// commit
 *
 *	settle()	if (seat == here && len == 0 && phead < head)
 *				phead = head;			// commit
 *
 *	pop_batch(n)	if (seat != here || phead << 10 < B)	return 0;
 *			k = min(n, tail - phead);
 *			out[0..k) = slot[phead..];	// slots may be written
 *			phead = phead + k;		// commit  again after
 *
 *	pop_tail(n)	if (seat != here)			return 0;
 *			k = min(n, tail - max(phead, head + len));
 *			out[0..k) = slot[tail - k..];
 *			tail = tail - k;		// commit
 *
 *	push_batch(n)	if (seat != here)			return 0;
 *			k = min(n, SIZE - (tail - phead));
 *			slot[tail..] = in[0..k);
 *			tail = tail + k;			// commit
 *
 * selftests/model/runq.pml explores them with a preemption at every step.
 */
#ifndef WEFT_ARCH_RUNQ_H
#define WEFT_ARCH_RUNQ_H

#include "sanitize.h"

#define RUNQ_SIZE 256
#define RUNQ_MASK (RUNQ_SIZE - 1)
#define RUNQ_LEN_BITS 10
#define RUNQ_LEN_MASK ((1u << RUNQ_LEN_BITS) - 1)

/* Values of seat that are no CPU.  -1 and -2 are rseq's own for "no CPU". */
#define RUNQ_STOPPED 0xfffffff0u	/* being worked on from elsewhere */
#define RUNQ_NOSEAT 0xfffffff1u		/* sits nowhere */
#define RUNQ_NOCPU 0xfffffff2u		/* cpu_id of a vcpu without rseq */

enum { RUNQ_OK, RUNQ_SEAT, RUNQ_FULL };

struct runq {
	u32 seat;
	u32 id;			/* number of the P; constant */
	u64 phead;
	u64 tail;
	u64 pad[5];
	void *slot[RUNQ_SIZE];
	u64 b;			/* {head:54, len:10} */
	u64 pad2[7];
} __attribute__((aligned(64)));

/*
 * Where a thread is: the head of its rseq area, or of an area that looks like
 * one.  There cpu_id matches no seat, so that every sequence fails its compare
 * and ends in the slow path; number says what stands for the CPU, and busy is
 * the twin's word.
 */
struct vcpu {
	u32 number;		/* rseq: cpu_id_start */
	u32 cpu_id;
	u64 rseq_cs;
	u32 busy;		/* rseq: flags, which we leave alone */
} __attribute__((aligned(32)));

#define RUNQ_B(head, len) ((u64)(head) << RUNQ_LEN_BITS | (len))

static __always_inline u64 runq_head(u64 b)
{
	return b >> RUNQ_LEN_BITS;
}

static __always_inline u32 runq_len(u64 b)
{
	return (u32)b & RUNQ_LEN_MASK;
}

/* The first index of the private part. */
static __always_inline u64 runq_private_head(const struct runq *q, u64 b)
{
	u64 p = READ_ONCE(q->phead), s = runq_head(b) + runq_len(b);

	return p > s ? p : s;
}

/* Hints: what they say may be over when they return. */
static __always_inline u32 runq_published(const struct runq *q)
{
	return runq_len(READ_ONCE(q->b));
}

static __always_inline u32 runq_private(const struct runq *q)
{
	s64 n = (s64)(READ_ONCE(q->tail) -
		      runq_private_head(q, READ_ONCE(q->b)));

	return n > 0 ? (u32)n : 0;
}

static __always_inline u32 runq_waiting(const struct runq *q)
{
	return runq_published(q) + runq_private(q);
}

#include "twin.h"
#if defined(__x86_64__) && !defined(WEFT__TSAN)
#include "x86_64/seq.h"
#else
#include "generic/seq.h"
#endif

#endif /* WEFT_ARCH_RUNQ_H */
