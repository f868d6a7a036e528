/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * preempt.h - make an interrupted thread call weft__preempted().
 *
 * What an architecture has to do, for core/preempt.c:
 *
 *	preempt_probe()		NULL, or why it cannot be done here
 *	preempt_room()		bytes of stack below the stack pointer that are
 *				written before weft__preempted() is called
 *	preempt_pc/_sp()	of what a signal interrupted
 *	preempt_redirect()	let it go on at the trampoline
 *
 * The trampoline saves every register that the interrupted code may have in
 * use, calls weft__preempted() on the same stack, restores them, unblocks
 * weft__preempt_set in between, and goes on where the code was interrupted.
 */
#ifndef WEFT_ARCH_PREEMPT_H
#define WEFT_ARCH_PREEMPT_H

#include "sanitize.h"

#include <ucontext.h>

/* The signal alone, as the kernel has it; written before the first stretch. */
extern u64 weft__preempt_set __attribute__((visibility("hidden")));
void weft__preempted(void);

#if defined(__x86_64__) && !defined(WEFT_CONTEXT_UCONTEXT) &&                 \
	!defined(WEFT__TSAN)
#include "x86_64/preempt.h"
#else
#include "generic/preempt.h"
#endif

#endif /* WEFT_ARCH_PREEMPT_H */
