/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preempt_regs.h - fill every register, hold them, and look again.
 *
 * regs_hold() fills general registers, flags, vector registers as wide as the
 * CPU has them, masks, the x87 stack, control words and its red zone with what
 * a seed gives, and waits for a word to change in a loop that touches only rcx
 * and no flag.  The result counts what differs afterwards.
 */
#ifndef SELFTESTS_CORE_PREEMPT_REGS_H
#define SELFTESTS_CORE_PREEMPT_REGS_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

struct regs {
	uint64_t gpr[14];	/*    0: rax rdx rbx rsi rdi rbp r8 to r15 */
	uint64_t flags;		/*  112 */
	uint32_t mxcsr;		/*  120 */
	uint16_t fpcw, pad;	/*  124 */
	uint64_t redzone[16];	/*  128 */
	double x87[8];		/*  256 */
	uint64_t k[8];		/*  320 */
	uint64_t vec[32][8];	/*  384 */
};

_Static_assert(offsetof(struct regs, vec) == 384, "as the assembly has it");

/* level: 0 SSE, 1 AVX, 2 AVX-512 */
void regs_asm(const struct regs *in, struct regs *out, const uint32_t *word,
	      int level);

__asm__(".pushsection .text\n"
	".type regs_asm, @function\n"
	"regs_asm:\n"
	"	pushq %rbx\n pushq %rbp\n pushq %r12\n"
	"	pushq %r13\n pushq %r14\n pushq %r15\n"
	"	subq $40, %rsp\n"
	"	stmxcsr 32(%rsp)\n	fnstcw 36(%rsp)\n"
	"	movq %rsi, (%rsp)\n	movq %rdx, 8(%rsp)\n"
	"	movl %ecx, 16(%rsp)\n"
	"	ldmxcsr 120(%rdi)\n	fninit\n	fldcw 124(%rdi)\n"
	"	.set i, 0\n	.rept 8\n"
	"	fldl 256+8*i(%rdi)\n	.set i, i+1\n	.endr\n"
	"	.set i, 0\n	.rept 16\n"
	"	movq 128+8*i(%rdi), %rax\n"
	"	movq %rax, -128+8*i(%rsp)\n	.set i, i+1\n	.endr\n"
	"	cmpl $1, %ecx\n	je 1f\n	ja 2f\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movdqu 384+64*\\n(%rdi), %xmm\\n\n	.endr\n	jmp 3f\n"
	"1:	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu 384+64*\\n(%rdi), %ymm\\n\n	.endr\n	jmp 3f\n"
	"2:	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu64 384+64*\\n(%rdi), %zmm\\n\n	.endr\n"
	"	.irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	vmovdqu64 384+64*\\n(%rdi), %zmm\\n\n	.endr\n"
	"	.irp n, 1,2,3,4,5,6,7\n"
	"	kmovw 320+8*\\n(%rdi), %k\\n\n	.endr\n"
	"3:	movq 8(%rdi), %rdx\n	movq 16(%rdi), %rbx\n"
	"	movq 24(%rdi), %rsi\n	movq 40(%rdi), %rbp\n"
	"	movq 48(%rdi), %r8\n	movq 56(%rdi), %r9\n"
	"	movq 64(%rdi), %r10\n	movq 72(%rdi), %r11\n"
	"	movq 80(%rdi), %r12\n	movq 88(%rdi), %r13\n"
	"	movq 96(%rdi), %r14\n	movq 104(%rdi), %r15\n"
	"	movq 112(%rdi), %rax\n"	/* flags: by a word below the zone */
	"	leaq -136(%rsp), %rsp\n	movq %rax, (%rsp)\n"
	"	movq (%rdi), %rax\n	movq 32(%rdi), %rdi\n"
	"	popfq\n	leaq 128(%rsp), %rsp\n"
	"4:	movq 8(%rsp), %rcx\n	movl (%rcx), %ecx\n"
	"	jrcxz 4b\n"
	"	leaq -128(%rsp), %rsp\n	pushfq\n	popq %rcx\n"
	"	leaq 128(%rsp), %rsp\n	movq %rcx, 24(%rsp)\n	cld\n"
	"	movq (%rsp), %rcx\n	movq %rax, (%rcx)\n"
	"	movq %rdx, 8(%rcx)\n	movq %rbx, 16(%rcx)\n"
	"	movq %rsi, 24(%rcx)\n	movq %rdi, 32(%rcx)\n"
	"	movq %rbp, 40(%rcx)\n	movq %r8, 48(%rcx)\n"
	"	movq %r9, 56(%rcx)\n	movq %r10, 64(%rcx)\n"
	"	movq %r11, 72(%rcx)\n	movq %r12, 80(%rcx)\n"
	"	movq %r13, 88(%rcx)\n	movq %r14, 96(%rcx)\n"
	"	movq %r15, 104(%rcx)\n"
	"	movq 24(%rsp), %rax\n	movq %rax, 112(%rcx)\n"
	"	stmxcsr 120(%rcx)\n	fnstcw 124(%rcx)\n"
	"	.set i, 0\n	.rept 16\n"
	"	movq -128+8*i(%rsp), %rax\n"
	"	movq %rax, 128+8*i(%rcx)\n	.set i, i+1\n	.endr\n"
	"	.set i, 7\n	.rept 8\n"
	"	fstpl 256+8*i(%rcx)\n	.set i, i-1\n	.endr\n"
	"	movl 16(%rsp), %eax\n"
	"	cmpl $1, %eax\n	je 1f\n	ja 2f\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movdqu %xmm\\n, 384+64*\\n(%rcx)\n	.endr\n	jmp 3f\n"
	"1:	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu %ymm\\n, 384+64*\\n(%rcx)\n	.endr\n	jmp 4f\n"
	"2:	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu64 %zmm\\n, 384+64*\\n(%rcx)\n	.endr\n"
	"	.irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	vmovdqu64 %zmm\\n, 384+64*\\n(%rcx)\n	.endr\n"
	"	.irp n, 1,2,3,4,5,6,7\n"
	"	kmovw %k\\n, 320+8*\\n(%rcx)\n	.endr\n"
	"4:	vzeroupper\n"
	"3:	ldmxcsr 32(%rsp)\n	fninit\n	fldcw 36(%rsp)\n"
	"	addq $40, %rsp\n"
	"	popq %r15\n popq %r14\n popq %r13\n"
	"	popq %r12\n popq %rbp\n popq %rbx\n"
	"	ret\n"
	".size regs_asm, . - regs_asm\n"
	".popsection\n");

static inline int regs_level(void)
{
	if (__builtin_cpu_supports("avx512f"))
		return 2;
	return __builtin_cpu_supports("avx") ? 1 : 0;
}

union regs_words {
	struct regs r;
	uint64_t w[sizeof(struct regs) / 8];
};

static inline void regs_fill(union regs_words *u, uint64_t seed)
{
	static const int bytes[] = { 16, 32, 64 };
	struct regs *r = &u->r;
	int level = regs_level(), i;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(u->w); n++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		u->w[n] = seed ^ seed >> 29;
	}
	r->flags = 0x202 | (r->flags & 0xcd5);	/* CF PF AF ZF SF DF OF */
	r->mxcsr = 0x1f80 | (r->mxcsr & 0x603f);
	r->fpcw = 0x37f | (r->fpcw & 0xc00);
	r->pad = 0;
	for (i = 0; i < 8; i++) {
		r->x87[i] = (double)(u->w[i] >> 11);
		r->k[i] = level > 1 && i ? r->k[i] & 0xffff : 0;
	}
	/* What this CPU has not got is equal in both. */
	for (i = 0; i < 32; i++)
		memset((char *)r->vec[i] +
			       (i < 16 || level > 1 ? bytes[level] : 0), 0,
		       64 - (i < 16 || level > 1 ? bytes[level] : 0));
}

/* How many words differ. */
static inline uint64_t regs_hold(uint64_t seed, const uint32_t *word)
{
	union regs_words in, out;
	uint64_t bad = 0;
	size_t n;

	regs_fill(&in, seed);
	memset(&out, 0, sizeof(out));
	regs_asm(&in.r, &out.r, word, regs_level());
	for (n = 0; n < ARRAY_SIZE(in.w); n++)
		bad += in.w[n] != out.w[n];
	return bad;
}

static inline void regs_clobber(void)
{
	static const uint32_t at_once = 1;
	static uint32_t seed;

	regs_hold(++seed + 1000000ull, &at_once);
}

#else

static inline uint64_t regs_hold(uint64_t seed, const uint32_t *word)
{
	(void)seed;
	while (!__atomic_load_n(word, __ATOMIC_RELAXED))
		;
	return 0;
}

static inline void regs_clobber(void)
{
}

#endif

#endif /* SELFTESTS_CORE_PREEMPT_REGS_H */
