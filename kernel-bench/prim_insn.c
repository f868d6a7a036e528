// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * prim_insn.c - single instructions, and a system call that does nothing.
 *
 * Times of a loop with one of them; the loop itself is well under 1 ns.
 */
#include "prim.h"

#include <sys/syscall.h>
#include <unistd.h>

static void fence(struct run *r)
{
	long word = 0;

	PRIM_LOOP(r, __atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST));
}

static void store_fp(struct run *r)
{
#ifdef __x86_64__
	uint32_t mxcsr;

	PRIM_LOOP(r, __asm__ volatile("stmxcsr %0" : "=m"(mxcsr)));
#else
	run_skip(r, "no MXCSR on this machine");
#endif
}

static void null_syscall(struct run *r)
{
	PRIM_LOOP(r, syscall(SYS_getppid));
}

static void read_clock(struct run *r)
{
	PRIM_LOOP(r, now_ns());
}

PRIM(prim_lock, "an atomic add to a word that nobody shares (LOCK)", fence);
PRIM(prim_stmxcsr, "storing the FP control word", store_fp);
PRIM(prim_clock, "clock_gettime(CLOCK_MONOTONIC)", read_clock);
PRIM(prim_syscall, "getppid()", null_syscall);

BENCH_ROWS(prim_insn, &prim_lock, &prim_stmxcsr, &prim_clock, &prim_syscall);
