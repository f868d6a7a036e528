/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * generic/seq.h - an architecture without sequences of its own.
 *
 * Each fails its compare, as one does on x86-64 where rseq is off: the slow
 * path then takes the twin.
 */
#ifndef WEFT_ARCH_GENERIC_SEQ_H
#define WEFT_ARCH_GENERIC_SEQ_H

#define WEFT__NO_SEQ 1

static inline int seq_push(struct vcpu *vc, struct runq *q, void *g)
{
	(void)vc, (void)q, (void)g;
	return RUNQ_SEAT;
}

static inline void *seq_pop(struct vcpu *vc, struct runq *q)
{
	(void)vc, (void)q;
	return NULL;
}

static inline bool seq_take_tail(struct vcpu *vc, struct runq *q, void *g)
{
	(void)vc, (void)q, (void)g;
	return false;
}

static inline bool seq_publish(struct vcpu *vc, struct runq *q)
{
	(void)vc, (void)q;
	return false;
}

static inline void seq_settle(struct vcpu *vc, struct runq *q)
{
	(void)vc, (void)q;
}

static inline u32 seq_pop_batch(struct vcpu *vc, struct runq *q, void **out,
				u32 n)
{
	(void)vc, (void)q, (void)out, (void)n;
	return 0;
}

static inline u32 seq_pop_tail(struct vcpu *vc, struct runq *q, void **out,
			       u32 n)
{
	(void)vc, (void)q, (void)out, (void)n;
	return 0;
}

static inline u32 seq_push_batch(struct vcpu *vc, struct runq *q,
				 void *const *in, u32 n)
{
	(void)vc, (void)q, (void)in, (void)n;
	return 0;
}

#endif /* WEFT_ARCH_GENERIC_SEQ_H */
