/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * generic/preempt.h - nothing is preempted: contexts of the C library change
 * the signal mask at each switch, and which registers there are is not known.
 * Nor under ThreadSanitizer, which calls a handler late, from somewhere else.
 */
#ifndef WEFT_ARCH_GENERIC_PREEMPT_H
#define WEFT_ARCH_GENERIC_PREEMPT_H

static inline const char *preempt_probe(void)
{
#ifdef WEFT__TSAN
	return "built for ThreadSanitizer, which delivers signals late";
#else
	return "not for this architecture, or built with CONTEXT=ucontext";
#endif
}

static inline size_t preempt_room(void)
{
	return 0;
}

static inline uintptr_t preempt_pc(const ucontext_t *uc)
{
	(void)uc;
	return 0;
}

static inline uintptr_t preempt_sp(const ucontext_t *uc)
{
	(void)uc;
	return 0;
}

static inline bool preempt_inside(uintptr_t pc)
{
	(void)pc;
	return true;
}

static inline void preempt_redirect(ucontext_t *uc)
{
	(void)uc;
}

#endif /* WEFT_ARCH_GENERIC_PREEMPT_H */
