/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * twin.h - the sections of runq.h where there is no rseq.
 *
 * What stands for a CPU is the M itself: a queue's seat is the number of the M
 * that may use it, and each M has a word that says whether it is inside a
 * section.  The rest of the library sees no difference.
 *
 *	owner					who stops the queue
 *
 *	busy = 1;				CAS seat me -> STOPPED
 *	(*)					membarrier, all threads
 *	if (seat != me) { busy = 0; fail; }	if (the old owner's busy)
 *	... work ...					seat = me; give up
 *	busy = 0		(release)	... the queue is ours ...
 *
 * Dekker's argument: either the owner sees STOPPED, or the other sees busy.
 * With membarrier, (*) is a compiler barrier, and membarrier is the fence on
 * both sides; without it, (*) is a full fence (weft__twin == TWIN_FENCE: one
 * LOCK for each section) and the CAS is the other.  Without a fence the store
 * to busy could still be in the owner's store buffer when both have looked.
 *
 * An owner that was preempted in the middle keeps busy set: who stops then
 * gives up, and tries again later.  Unlike a sequence a section is not
 * restarted; so nobody takes a queue from an M that is inside.
 */
#ifndef WEFT_ARCH_TWIN_H
#define WEFT_ARCH_TWIN_H

enum { TWIN_OFF, TWIN_MEMBARRIER, TWIN_FENCE };

/* Written once at start, before there is a second thread. */
extern u32 weft__twin;

static inline bool twin_enter(struct vcpu *vc, const struct runq *q)
{
	if (weft__twin == TWIN_FENCE) {
		(void)xchg(&vc->busy, 1);
	} else {
		WRITE_ONCE(vc->busy, 1);
		barrier();
	}
	if (likely(smp_load_acquire(&q->seat) == vc->number))
		return true;
	smp_store_release(&vc->busy, 0);
	return false;
}

static inline void twin_leave(struct vcpu *vc)
{
	smp_store_release(&vc->busy, 0);
}

/* phead << 10 >= B: nothing is published, and phead does not lag. */
static inline bool twin_settled(const struct runq *q)
{
	return q->phead << RUNQ_LEN_BITS >= smp_load_acquire(&q->b);
}

static inline int twin_push(struct vcpu *vc, struct runq *q, void *g)
{
	int ret = RUNQ_FULL;

	if (!twin_enter(vc, q))
		return RUNQ_SEAT;
	if (q->tail - q->phead < RUNQ_SIZE) {
		WRITE_ONCE(q->slot[q->tail & RUNQ_MASK], g);
		smp_store_release(&q->tail, q->tail + 1);
		ret = RUNQ_OK;
	}
	twin_leave(vc);
	return ret;
}

static inline void *twin_pop(struct vcpu *vc, struct runq *q)
{
	void *g = NULL;

	if (!twin_enter(vc, q))
		return NULL;
	if (twin_settled(q) && q->phead != q->tail) {
		g = READ_ONCE(q->slot[q->phead & RUNQ_MASK]);
		smp_store_release(&q->phead, q->phead + 1);
	}
	twin_leave(vc);
	return g;
}

static inline bool twin_take_tail(struct vcpu *vc, struct runq *q, void *g)
{
	bool took = false;

	if (!twin_enter(vc, q))
		return false;
	if (q->tail > runq_private_head(q, smp_load_acquire(&q->b)) &&
	    READ_ONCE(q->slot[(q->tail - 1) & RUNQ_MASK]) == g) {
		smp_store_release(&q->tail, q->tail - 1);
		took = true;
	}
	twin_leave(vc);
	return took;
}

static inline bool twin_publish(struct vcpu *vc, struct runq *q)
{
	bool done = false;
	u64 n;

	if (!twin_enter(vc, q))
		return false;
	n = (q->tail - q->phead) / 2;
	if (twin_settled(q) && n) {
		smp_store_release(&q->b, RUNQ_B(q->phead, n));
		done = true;
	}
	twin_leave(vc);
	return done;
}

static inline void twin_settle(struct vcpu *vc, struct runq *q)
{
	u64 b;

	if (!twin_enter(vc, q))
		return;
	b = smp_load_acquire(&q->b);
	if (!runq_len(b) && q->phead < runq_head(b))
		smp_store_release(&q->phead, runq_head(b));
	twin_leave(vc);
}

static inline u32 twin_pop_batch(struct vcpu *vc, struct runq *q, void **out,
				 u32 n)
{
	u32 k = 0;

	if (!twin_enter(vc, q))
		return 0;
	if (twin_settled(q)) {
		for (; k < n && q->phead + k != q->tail; k++)
			out[k] = READ_ONCE(q->slot[(q->phead + k) & RUNQ_MASK]);
		smp_store_release(&q->phead, q->phead + k);
	}
	twin_leave(vc);
	return k;
}

static inline u32 twin_pop_tail(struct vcpu *vc, struct runq *q, void **out,
				u32 n)
{
	u64 lowest;
	u32 i, k;

	if (!twin_enter(vc, q))
		return 0;
	lowest = runq_private_head(q, smp_load_acquire(&q->b));
	k = q->tail - lowest < n ? (u32)(q->tail - lowest) : n;
	for (i = 0; i < k; i++)
		out[i] = READ_ONCE(q->slot[(q->tail - k + i) & RUNQ_MASK]);
	smp_store_release(&q->tail, q->tail - k);
	twin_leave(vc);
	return k;
}

static inline u32 twin_push_batch(struct vcpu *vc, struct runq *q,
				  void *const *in, u32 n)
{
	u32 k = 0;

	if (!twin_enter(vc, q))
		return 0;
	for (; k < n && q->tail + k - q->phead < RUNQ_SIZE; k++)
		WRITE_ONCE(q->slot[(q->tail + k) & RUNQ_MASK], in[k]);
	smp_store_release(&q->tail, q->tail + k);
	twin_leave(vc);
	return k;
}

#endif /* WEFT_ARCH_TWIN_H */
