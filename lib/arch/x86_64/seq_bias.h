/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * x86_64/seq_bias.h - compare and swap on a biased word; see ds/bias.h.
 */
#ifndef WEFT_ARCH_X86_64_SEQ_BIAS_H
#define WEFT_ARCH_X86_64_SEQ_BIAS_H

/* Under a seat that is ours: one plain store. */
static __always_inline int seq_bias_cas(struct vcpu *vc, struct bias *b,
					u64 old, u64 new_)
{
	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		"movl %c[seat](%[b]), %%eax\n\t"
		"subl %[cpu0], %%eax\n\t"
		"cmpl 4(%[vc]), %%eax\n\t"
		"jne %l[other]\n\t"
		"cmpq %[old], %c[word](%[b])\n\t"
		"jne %l[differs]\n\t"
		"movq %[new_], %c[word](%[b])\n"
		WEFT__SEQ_END
		:
		: [vc] "r"(vc), [b] "r"(b), [old] "re"(old), [new_] "re"(new_),
		  [seat] "i"(offsetof(struct bias, bias)),
		  [word] "i"(offsetof(struct bias, word)),
		  [cpu0] "i"(BIAS_CPU0)
		: "rax", "memory", "cc"
		: other, differs);
	return BIAS_OK;
other:
	return BIAS_OTHER;
differs:
	return BIAS_DIFFERS;
}

/*
 * Under BIAS_SHARED: a LOCK, still inside a sequence, so that who makes the
 * word biased again can restart us.
 */
static inline int seq_bias_cas_shared(struct vcpu *vc, struct bias *b, u64 old,
				      u64 new_)
{
	u8 same;

	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		"cmpl %[shared], %c[seat](%[b])\n\t"
		"jne %l[other]\n\t"
		"movq %[old], %%rax\n\t"
		"lock cmpxchgq %[new_], %c[word](%[b])\n"
		WEFT__SEQ_END
		"sete %[same]\n\t"
		: [same] "=&q"(same)
		: [vc] "r"(vc), [b] "r"(b), [old] "r"(old), [new_] "r"(new_),
		  [seat] "i"(offsetof(struct bias, bias)),
		  [word] "i"(offsetof(struct bias, word)),
		  [shared] "i"(BIAS_SHARED)
		: "rax", "memory", "cc"
		: other);
	return same ? BIAS_OK : BIAS_DIFFERS;
other:
	return BIAS_OTHER;
}

#endif /* WEFT_ARCH_X86_64_SEQ_BIAS_H */
