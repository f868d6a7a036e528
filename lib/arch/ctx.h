/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * ctx.h - a context, and the switch from one to another.
 *
 * A context is a local variable of whoever switches away: it lives on the
 * stack that it describes, and no line of a G is touched for it.  What the
 * other side needs (the M, who left and with which context, what is owed to
 * it) travels over the switch in registers:
 *
 *	ctx_switch(&m, &prev, &pc, to, &post);
 *
 * Before it: m is the M, prev the G that leaves, pc its context (a local), to
 * the context to resume.  After it, possibly much later and on another M: m is
 * the M we are on, prev the G that just left it, pc that one's context, post
 * what prev asked for.
 *
 * Callee-saved registers are saved by the compiler, which is told that the
 * switch destroys all of them: it saves those that live.  FP control words,
 * errno and the C++ runtime's exception state go into the context through
 * ctx_save() and come back through ctx_restore().
 *
 * Two implementations: x86_64/ctx.h, and ctx_ucontext.h for every other
 * machine and for a build with CONTEXT=ucontext.
 */
#ifndef WEFT_ARCH_CTX_H
#define WEFT_ARCH_CTX_H

#include "compiler.h"
#include "sanitize.h"

struct m;
struct g;

/* Set at start; see enum weft_fpenv. */
extern u32 weft__fp_declared;

/*
 * The FP control words that a G starts with: those of the thread that started
 * the runtime.
 */
struct fpenv {
	u32 mxcsr;
	u16 fpcw;
	u16 pad;
};
extern struct fpenv weft__fp_start;

/* Two words of the C++ runtime: caught exceptions, count of uncaught ones. */
struct ehstate {
	void *caught;
	u64 uncaught;
};

#if defined(__x86_64__) && !defined(WEFT_CONTEXT_UCONTEXT)
#include "x86_64/ctx.h"
#else
#include "generic/ctx.h"
#endif

#endif /* WEFT_ARCH_CTX_H */
