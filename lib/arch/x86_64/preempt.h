/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * x86_64/preempt.h - the handler's side of preempt.S.
 */
#ifndef WEFT_ARCH_X86_64_PREEMPT_H
#define WEFT_ARCH_X86_64_PREEMPT_H

#include <cpuid.h>

/* What a leaf function may keep below its stack pointer. */
#define PREEMPT_REDZONE 128

/* preempt.S: the state components to save, and bytes for them. */
extern u64 weft__xsave_mask __attribute__((visibility("hidden")));
extern u32 weft__xsave_size __attribute__((visibility("hidden")));

extern const char weft__preempt_entry[] __attribute__((visibility("hidden")));
extern const char weft__preempt_end[] __attribute__((visibility("hidden")));

#define XSTATE_PKRU (1ull << 9)

/*
 * All that the kernel has switched on, vector masks and tiles included, but
 * for the protection keys, which belong to the thread: no switch of a G takes
 * them along.
 */
static inline const char *preempt_probe(void)
{
	u32 a, b, c, d, lo, hi;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return "this CPU has no XSAVE";
	__asm__ __volatile__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d) || b < 576)
		return "this CPU does not tell how much XSAVE stores";
	weft__xsave_mask = ((u64)hi << 32 | lo) & ~XSTATE_PKRU;
	weft__xsave_size = b;
	return NULL;
}

/* The return address, flags and registers, and the alignment, too. */
static inline size_t preempt_room(void)
{
	return PREEMPT_REDZONE + 17 * 8 + 64 + weft__xsave_size;
}

static inline uintptr_t preempt_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

static inline uintptr_t preempt_sp(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

/* In the trampoline itself, on its way back? */
static inline bool preempt_inside(uintptr_t pc)
{
	return pc >= (uintptr_t)weft__preempt_entry &&
	       pc < (uintptr_t)weft__preempt_end;
}

/* As if it had called the trampoline, its red zone left alone. */
static inline void preempt_redirect(ucontext_t *uc)
{
	u64 *sp = (u64 *)(preempt_sp(uc) - PREEMPT_REDZONE - 8);

	*sp = preempt_pc(uc);
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)sp;
	uc->uc_mcontext.gregs[REG_RIP] =
		(greg_t)(uintptr_t)weft__preempt_entry;
}

#endif /* WEFT_ARCH_X86_64_PREEMPT_H */
