/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * generic/seq_bias.h - without sequences every word is BIAS_FOREVER shared.
 */
#ifndef WEFT_ARCH_GENERIC_SEQ_BIAS_H
#define WEFT_ARCH_GENERIC_SEQ_BIAS_H

static inline int seq_bias_cas(struct vcpu *vc, struct bias *b, u64 old,
			       u64 new_)
{
	(void)vc, (void)b, (void)old, (void)new_;
	return BIAS_OTHER;
}

static inline int seq_bias_cas_shared(struct vcpu *vc, struct bias *b, u64 old,
				      u64 new_)
{
	(void)vc, (void)b, (void)old, (void)new_;
	return BIAS_OTHER;
}

#endif /* WEFT_ARCH_GENERIC_SEQ_BIAS_H */
