/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * x86_64/seq.h - the sections of runq.h and bias.h as restartable sequences.
 *
 * The kernel restarts a sequence (sends it to the abort label) when its thread
 * is preempted, migrated or gets a signal between the labels 1 and 2, and when
 * someone calls membarrier for its CPU.  After the committing store, which is
 * the last instruction before label 2, nothing is left to restart.
 *
 * Traps, each met by somebody: "asm goto" with outputs is not volatile by
 * itself, and a result nobody uses makes the sequence vanish; nothing may be
 * pushed on the stack inside, an abort would unbalance it; the abort label
 * needs the signature that glibc registered, as an instruction that is never
 * run; the kernel reads a descriptor at any later preemption, so that memory
 * which holds one is never unmapped (-z nodelete).
 */
#ifndef WEFT_ARCH_X86_64_SEQ_H
#define WEFT_ARCH_X86_64_SEQ_H

#define WEFT__SEQ_BEGIN                                                       \
	".pushsection __rseq_cs, \"aw\"\n\t"                                  \
	".balign 32\n"                                                        \
	"3:	.long 0, 0\n\t"                                               \
	".quad 1f, 2f - 1f, 4f\n\t"                                           \
	".popsection\n"                                                       \
	"7:	leaq 3b(%%rip), %%rax\n\t"                                    \
	"movq %%rax, 8(%[vc])\n"                                              \
	"1:\n\t"

#define WEFT__SEQ_END                                                         \
	"2:\n\t"                                                              \
	".pushsection .text.weft__abort, \"ax\"\n\t"                          \
	".byte 0x0f, 0xb9, 0x3d\n\t" /* ud1, whose operand is the signature */ \
	".long 0x53053053\n"                                                  \
	"4:	jmp 7b\n\t"                                                   \
	".popsection\n\t"

/* seat == the CPU that we run on; the caller branches on the flags */
#define WEFT__SEQ_SEAT                                                        \
	"movl %c[seat](%[q]), %%eax\n\t"                                      \
	"cmpl 4(%[vc]), %%eax\n\t"

#define WEFT__SEQ_Q(vc, q)                                                    \
	[vc] "r"(vc), [q] "r"(q), [seat] "i"(offsetof(struct runq, seat)),    \
		[phead] "i"(offsetof(struct runq, phead)),                    \
		[tail] "i"(offsetof(struct runq, tail)),                      \
		[slot] "i"(offsetof(struct runq, slot)),                      \
		[b] "i"(offsetof(struct runq, b)), [size] "i"(RUNQ_SIZE),     \
		[bits] "i"(RUNQ_LEN_BITS), [lenmask] "i"(RUNQ_LEN_MASK)

#if RUNQ_SIZE != 256
#error "the sequences take a slot's number from the low byte of an index"
#endif

static __always_inline int seq_push(struct vcpu *vc, struct runq *q, void *g)
{
	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[seat_]\n\t"
		"movq %c[tail](%[q]), %%rax\n\t"
		"movq %%rax, %%rcx\n\t"
		"subq %c[phead](%[q]), %%rcx\n\t"
		"cmpq %[size], %%rcx\n\t"
		"jae %l[full]\n\t"
		"movzbl %%al, %%ecx\n\t"
		"movq %[g], %c[slot](%[q],%%rcx,8)\n\t"
		"incq %%rax\n\t"
		"movq %%rax, %c[tail](%[q])\n"
		WEFT__SEQ_END
		:
		: WEFT__SEQ_Q(vc, q), [g] "r"(g)
		: "rax", "rcx", "memory", "cc"
		: seat_, full);
	return RUNQ_OK;
seat_:
	return RUNQ_SEAT;
full:
	return RUNQ_FULL;
}

static __always_inline void *seq_pop(struct vcpu *vc, struct runq *q)
{
	void *g;

	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[none]\n\t"
		"movq %c[phead](%[q]), %%rax\n\t"
		"movq %%rax, %%rcx\n\t"
		"shlq %[bits], %%rcx\n\t"
		"cmpq %c[b](%[q]), %%rcx\n\t"
		"jb %l[none]\n\t"
		"cmpq %c[tail](%[q]), %%rax\n\t"
		"je %l[none]\n\t"
		"movzbl %%al, %%ecx\n\t"
		"movq %c[slot](%[q],%%rcx,8), %[g]\n\t"
		"incq %%rax\n\t"
		"movq %%rax, %c[phead](%[q])\n"
		WEFT__SEQ_END
		: [g] "=&r"(g)
		: WEFT__SEQ_Q(vc, q)
		: "rax", "rcx", "memory", "cc"
		: none);
	return g;
none:
	return NULL;
}

static __always_inline bool seq_take_tail(struct vcpu *vc, struct runq *q,
					  void *g)
{
	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[no]\n\t"
		"movq %c[b](%[q]), %%rcx\n\t"
		"movl %%ecx, %%edx\n\t"
		"shrq %[bits], %%rcx\n\t"
		"andl %[lenmask], %%edx\n\t"
		"addq %%rdx, %%rcx\n\t"
		"movq %c[tail](%[q]), %%rax\n\t"
		"cmpq %%rcx, %%rax\n\t"
		"je %l[no]\n\t"
		"cmpq %c[phead](%[q]), %%rax\n\t"
		"je %l[no]\n\t"
		"decq %%rax\n\t"
		"movzbl %%al, %%ecx\n\t"
		"cmpq %[g], %c[slot](%[q],%%rcx,8)\n\t"
		"jne %l[no]\n\t"
		"movq %%rax, %c[tail](%[q])\n"
		WEFT__SEQ_END
		:
		: WEFT__SEQ_Q(vc, q), [g] "r"(g)
		: "rax", "rcx", "rdx", "memory", "cc"
		: no);
	return true;
no:
	return false;
}

static inline bool seq_publish(struct vcpu *vc, struct runq *q)
{
	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[no]\n\t"
		"movq %c[phead](%[q]), %%rax\n\t"
		"movq %%rax, %%rcx\n\t"
		"shlq %[bits], %%rcx\n\t"
		"cmpq %c[b](%[q]), %%rcx\n\t"
		"jb %l[no]\n\t"
		"movq %c[tail](%[q]), %%rdx\n\t"
		"subq %%rax, %%rdx\n\t"
		"shrq %%rdx\n\t"
		"jz %l[no]\n\t"
		"orq %%rdx, %%rcx\n\t"
		"movq %%rcx, %c[b](%[q])\n"
		WEFT__SEQ_END
		:
		: WEFT__SEQ_Q(vc, q)
		: "rax", "rcx", "rdx", "memory", "cc"
		: no);
	return true;
no:
	return false;
}

static inline void seq_settle(struct vcpu *vc, struct runq *q)
{
	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[no]\n\t"
		"movq %c[b](%[q]), %%rax\n\t"
		"testl %[lenmask], %%eax\n\t"
		"jnz %l[no]\n\t"
		"shrq %[bits], %%rax\n\t"
		"cmpq %c[phead](%[q]), %%rax\n\t"
		"jbe %l[no]\n\t"
		"movq %%rax, %c[phead](%[q])\n"
		WEFT__SEQ_END
		:
		: WEFT__SEQ_Q(vc, q)
		: "rax", "memory", "cc"
		: no);
no:
	return;
}

static inline u32 seq_pop_batch(struct vcpu *vc, struct runq *q, void **out,
				u32 n)
{
	u64 k;

	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[none]\n\t"
		"movq %c[phead](%[q]), %%rdx\n\t"
		"movq %%rdx, %%rcx\n\t"
		"shlq %[bits], %%rcx\n\t"
		"cmpq %c[b](%[q]), %%rcx\n\t"
		"jb %l[none]\n\t"
		"movq %c[tail](%[q]), %%rcx\n\t"
		"subq %%rdx, %%rcx\n\t"
		"cmpq %[n], %%rcx\n\t"
		"cmovaq %[n], %%rcx\n\t"
		"xorl %k[k], %k[k]\n"
		"5:	cmpq %%rcx, %[k]\n\t"
		"jae 6f\n\t"
		"movzbl %%dl, %%eax\n\t"
		"movq %c[slot](%[q],%%rax,8), %%rax\n\t"
		"movq %%rax, (%[out],%[k],8)\n\t"
		"incq %%rdx\n\t"
		"incq %[k]\n\t"
		"jmp 5b\n"
		"6:	movq %%rdx, %c[phead](%[q])\n"
		WEFT__SEQ_END
		: [k] "=&r"(k)
		: WEFT__SEQ_Q(vc, q), [out] "r"(out), [n] "r"((u64)n)
		: "rax", "rcx", "rdx", "memory", "cc"
		: none);
	return (u32)k;
none:
	return 0;
}

static inline u32 seq_pop_tail(struct vcpu *vc, struct runq *q, void **out,
			       u32 n)
{
	u64 k;

	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[none]\n\t"
		"movq %c[b](%[q]), %%rcx\n\t"
		"movl %%ecx, %%edx\n\t"
		"shrq %[bits], %%rcx\n\t"
		"andl %[lenmask], %%edx\n\t"
		"addq %%rdx, %%rcx\n\t"
		"cmpq %c[phead](%[q]), %%rcx\n\t"
		"cmovbq %c[phead](%[q]), %%rcx\n\t"
		"movq %c[tail](%[q]), %%rdx\n\t"
		"negq %%rcx\n\t"
		"addq %%rdx, %%rcx\n\t"
		"cmpq %[n], %%rcx\n\t"
		"cmovaq %[n], %%rcx\n\t"
		"subq %%rcx, %%rdx\n\t"
		"xorl %k[k], %k[k]\n"
		"5:	cmpq %%rcx, %[k]\n\t"
		"jae 6f\n\t"
		"leaq (%%rdx,%[k]), %%rax\n\t"
		"movzbl %%al, %%eax\n\t"
		"movq %c[slot](%[q],%%rax,8), %%rax\n\t"
		"movq %%rax, (%[out],%[k],8)\n\t"
		"incq %[k]\n\t"
		"jmp 5b\n"
		"6:	movq %%rdx, %c[tail](%[q])\n"
		WEFT__SEQ_END
		: [k] "=&r"(k)
		: WEFT__SEQ_Q(vc, q), [out] "r"(out), [n] "r"((u64)n)
		: "rax", "rcx", "rdx", "memory", "cc"
		: none);
	return (u32)k;
none:
	return 0;
}

static inline u32 seq_push_batch(struct vcpu *vc, struct runq *q,
				 void *const *in, u32 n)
{
	u64 k;

	__asm__ __volatile__ goto(
		WEFT__SEQ_BEGIN
		WEFT__SEQ_SEAT
		"jne %l[none]\n\t"
		"movq %c[tail](%[q]), %%rdx\n\t"
		"movq %c[phead](%[q]), %%rcx\n\t"
		"addq %[size], %%rcx\n\t"
		"subq %%rdx, %%rcx\n\t"
		"cmpq %[n], %%rcx\n\t"
		"cmovaq %[n], %%rcx\n\t"
		"xorl %k[k], %k[k]\n"
		"5:	cmpq %%rcx, %[k]\n\t"
		"jae 6f\n\t"
		"movq (%[in],%[k],8), %%r8\n\t"
		"movzbl %%dl, %%eax\n\t"
		"movq %%r8, %c[slot](%[q],%%rax,8)\n\t"
		"incq %%rdx\n\t"
		"incq %[k]\n\t"
		"jmp 5b\n"
		"6:	movq %%rdx, %c[tail](%[q])\n"
		WEFT__SEQ_END
		: [k] "=&r"(k)
		: WEFT__SEQ_Q(vc, q), [in] "r"(in), [n] "r"((u64)n)
		: "rax", "rcx", "rdx", "r8", "memory", "cc"
		: none);
	return (u32)k;
none:
	return 0;
}

#endif /* WEFT_ARCH_X86_64_SEQ_H */
