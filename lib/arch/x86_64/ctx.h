/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * x86_64/ctx.h - the switch in assembly.
 *
 *	rdi	m, passed on
 *	rsi	who leaves
 *	rdx	its context
 *	rax	what is owed to it
 *	rcx	the context to resume
 *
 * It leaves by an indirect jump, not by ret: the return predictor would miss
 * each time.  Inlined, each call site is a resume point of its own.  The label
 * carries ENDBR64 for indirect branch tracking.  rbp is saved by hand since it
 * may be the frame pointer, which the compiler does not let us clobber; rbx
 * too, since clang uses it as a base pointer in a function with both a variable
 * and an over-aligned local, and then ignores a clobber of it.
 */
#ifndef WEFT_ARCH_X86_64_CTX_H
#define WEFT_ARCH_X86_64_CTX_H

struct ctx {
	void *sp;
	void *ip;
	void *bp;
	void *bx;
	struct fpenv fp;
	struct ehstate eh;
	void *arg;		/* what the one that left waits on */
	int err;
#ifdef WEFT__FIBERS
	struct san san;
#endif
} __attribute__((aligned(8)));

static __always_inline void fp_read(struct fpenv *fp)
{
	__asm__ __volatile__("stmxcsr %0\n\tfnstcw %1"
			     : "=m"(fp->mxcsr), "=m"(fp->fpcw));
}

static __always_inline void fp_load(const struct fpenv *fp)
{
	__asm__ __volatile__("ldmxcsr %0\n\tfldcw %1"
			     :
			     : "m"(fp->mxcsr), "m"(fp->fpcw));
}

_Static_assert(offsetof(struct ctx, sp) == 0 &&
	       offsetof(struct ctx, ip) == 8 &&
	       offsetof(struct ctx, bp) == 16 &&
	       offsetof(struct ctx, bx) == 24, "as in the assembly below");

#ifdef __AVX512F__
#define WEFT__CLOBBER_AVX512                                                  \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",      \
		"xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28",         \
		"xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4",      \
		"k5", "k6", "k7"
#else
#define WEFT__CLOBBER_AVX512
#endif

static __always_inline void ctx_switch(struct m **m, struct g **prev,
				       struct ctx **pc, struct ctx *to,
				       u64 *post)
{
	__asm__ __volatile__(
		"leaq 1f(%%rip), %%r8\n\t"
		"movq %%rsp, (%%rdx)\n\t"
		"movq %%r8, 8(%%rdx)\n\t"
		"movq %%rbp, 16(%%rdx)\n\t"
		"movq %%rbx, 24(%%rdx)\n\t"
		"movq 16(%%rcx), %%rbp\n\t"
		"movq 24(%%rcx), %%rbx\n\t"
		"movq (%%rcx), %%rsp\n\t"
		"jmpq *8(%%rcx)\n"
		"1:	endbr64\n\t"
		: "+D"(*m), "+S"(*prev), "+a"(*post), "+d"(*pc), "+c"(to)
		:
		: "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		  "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		  "xmm14", "xmm15" WEFT__CLOBBER_AVX512, "st", "st(1)", "st(2)",
		  "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory", "cc");
}

/* x86_64/entry.S: where a G begins. */
void weft__g_entry(void);

static inline void ctx_make(struct ctx *c, void *top)
{
	*c = (struct ctx){ .sp = top, .ip = (void *)weft__g_entry,
			   .fp = weft__fp_start };
}

static __always_inline char *here_sp(void)
{
	char *sp;

	__asm__ __volatile__("movq %%rsp, %0" : "=r"(sp));
	return sp;
}

static inline void *ctx_sp(const struct ctx *c)
{
	return c->sp;
}

/*
 * The M that we are on, never kept by the compiler over a switch: reading it
 * is volatile, and one load of %fs.  Any other thread-local variable could be
 * hoisted out of a loop that changes threads.
 */
static __always_inline struct m *this_m(void)
{
	struct m *m;

	__asm__ __volatile__("movq weft__m@gottpoff(%%rip), %0\n\t"
			     "movq %%fs:(%0), %0"
			     : "=r"(m));
	return m;
}

#endif /* WEFT_ARCH_X86_64_CTX_H */
