/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * generic/ctx.h - the switch by swapcontext().
 *
 * A reference for new architectures, and tested as such.  swapcontext keeps
 * the signal mask with a system call on each side, which is most of its cost.
 */
#ifndef WEFT_ARCH_GENERIC_CTX_H
#define WEFT_ARCH_GENERIC_CTX_H

#include <ucontext.h>

struct ctx {
	void *sp;		/* within the stack, for reports */
	ucontext_t *uc;
	struct fpenv fp;
	struct ehstate eh;
	void *arg;
	int err;
#ifdef WEFT__FIBERS
	struct san san;
#endif
};

#if defined(__x86_64__)
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
#else
static inline void fp_read(struct fpenv *fp)
{
	*fp = (struct fpenv){ 0 };
}

static inline void fp_load(const struct fpenv *fp)
{
	(void)fp;
}
#endif

/* ctx/ucontext.c */
void weft__ctx_switch(struct m **m, struct g **prev, struct ctx **pc,
		      struct ctx *to, u64 *post);
void weft__ctx_make(struct ctx *c, void *top);
struct m *weft__this_m(void);

#define ctx_switch weft__ctx_switch
#define ctx_make weft__ctx_make
#define this_m weft__this_m

static __always_inline char *here_sp(void)
{
	return __builtin_frame_address(0);
}

static inline void *ctx_sp(const struct ctx *c)
{
	return c->sp;
}

#endif /* WEFT_ARCH_GENERIC_CTX_H */
