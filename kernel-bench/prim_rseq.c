// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * prim_rseq.c - a push and a pop on a ring: restartable sequences against CAS.
 *
 * The two smallest sequences that do it, as weft's run queue does: compare the
 * CPU with the ring's, then one committing store.
 *
 *	push:	if cpu_id != ring.cpu: fail
 *		ring.slot[ring.tail & MASK] = val
 *		ring.tail++			(commits)
 *	pop:	if cpu_id != ring.cpu or head == tail: fail
 *		val = ring.slot[ring.head & MASK]
 *		ring.head++			(commits)
 *
 * The other row moves head and tail by compare-and-swap.
 */
#include "prim.h"

#define RING_SIZE 256
#define RING_MASK (RING_SIZE - 1)

struct ring {
	uint32_t cpu, head, tail, pad;
	uint64_t slot[RING_SIZE];
} __attribute__((aligned(128)));

static struct ring ring;

static bool cas_push(struct ring *q, uint64_t val)
{
	uint32_t t = READ_ONCE(q->tail);

	if (t - READ_ONCE(q->head) == RING_SIZE)
		return false;
	q->slot[t & RING_MASK] = val;
	return __atomic_compare_exchange_n(&q->tail, &t, t + 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static bool cas_pop(struct ring *q, uint64_t *val)
{
	uint32_t h = READ_ONCE(q->head);

	if (h == READ_ONCE(q->tail))
		return false;
	*val = q->slot[h & RING_MASK];
	return __atomic_compare_exchange_n(&q->head, &h, h + 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void cas_ring(struct run *r)
{
	uint64_t val = 0;

	PRIM_LOOP(r, cas_push(&ring, val); cas_pop(&ring, &val));
}

#ifdef __x86_64__
#include <linux/rseq.h>
#include <sys/rseq.h>

/* The area at %fs:off is cpu_id_start, cpu_id at 4, rseq_cs at 8. */
#define RSEQ_BEGIN                                                            \
	".pushsection __rseq_cs, \"aw\"\n\t"                                  \
	".balign 32\n"                                                        \
	"3:\t.long 0, 0\n\t"                                                  \
	".quad 1f, 2f - 1f, 4f\n\t"                                           \
	".popsection\n\t"                                                     \
	".pushsection __rseq_failure, \"ax\"\n\t"                             \
	".long 0x53053053\n" /* RSEQ_SIG, as glibc registers it */            \
	"4:\tjmp %l[fail]\n\t"                                                \
	".popsection\n\t"                                                     \
	"leaq 3b(%%rip), %%rax\n\t"                                           \
	"movq %%rax, %%fs:8(%[off])\n"                                        \
	"1:\tmovl %%fs:4(%[off]), %%eax\n\t"                                  \
	"cmpl %%eax, %[cpu]\n\t"                                              \
	"jne %l[fail]\n\t"

static inline bool rseq_push(struct ring *q, uint64_t val, long off)
{
	__asm__ volatile goto(RSEQ_BEGIN
		"movl %[tail], %%ecx\n\t"
		"movzbl %%cl, %%eax\n\t"
		"movq %[val], (%[slot], %%rax, 8)\n\t"
		"incl %%ecx\n\t"
		"movl %%ecx, %[tail]\n"
		"2:\n"
		: : [off] "r"(off), [cpu] "m"(q->cpu), [tail] "m"(q->tail),
		    [slot] "r"(q->slot), [val] "r"(val)
		: "memory", "cc", "rax", "rcx" : fail);
	return true;
fail:
	return false;
}

static inline bool rseq_pop(struct ring *q, uint64_t *val, long off)
{
	__asm__ volatile goto(RSEQ_BEGIN
		"movl %[head], %%ecx\n\t"
		"cmpl %[tail], %%ecx\n\t"
		"je %l[fail]\n\t"
		"movzbl %%cl, %%eax\n\t"
		"movq (%[slot], %%rax, 8), %%rax\n\t"
		"movq %%rax, (%[val])\n\t"
		"incl %%ecx\n\t"
		"movl %%ecx, %[head]\n"
		"2:\n"
		: : [off] "r"(off), [cpu] "m"(q->cpu), [tail] "m"(q->tail),
		    [head] "m"(q->head), [slot] "r"(q->slot), [val] "r"(val)
		: "memory", "cc", "rax", "rcx" : fail);
	return true;
fail:
	return false;
}

/* Preempted or moved: the ring goes along, and the turn is lost. */
static inline int rseq_turn(long off)
{
	uint64_t val = 1;

	if (rseq_push(&ring, val, off) && rseq_pop(&ring, &val, off))
		return 0;
	ring.cpu = sched_getcpu();
	ring.head = ring.tail;
	return 1;
}

static void rseq_ring(struct run *r)
{
	long off = __rseq_offset, lost = 0;

	_Static_assert(RING_SIZE == 256, "the sequences mask with %cl");
	if (!__rseq_size) {
		run_skip(r, "glibc registered no rseq area");
		return;
	}
	ring.cpu = sched_getcpu();
	PRIM_LOOP(r, lost += rseq_turn(off));
	run_field(r, "aborted", lost);
}
#else
static void rseq_ring(struct run *r)
{
	run_skip(r, "the sequences are written for x86-64 only");
}
#endif

PRIM(prim_rseq_ring, "a push and a pop on a ring, by rseq", rseq_ring);
PRIM(prim_cas_ring, "a push and a pop on a ring, by CAS", cas_ring);

BENCH_ROWS(prim_rseq, &prim_rseq_ring, &prim_cas_ring);
