/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * stack.h - stacks: slabs of one size, a depot for each node.
 *
 *	lo                                                     lo + size
 *	+-------+------------------------------+---------+--------+
 *	| guard |        grows down <---       | initial | colour |
 *	| page  |                              | context |        |
 *	+-------+------------------------------+---------+--------+
 *
 * A size is a power of two; its log2 is the class.  Memory is reserved in
 * slabs, NORESERVE, without huge pages (one touched byte must not cost 2 MB),
 * and backed page by page as it is touched.  Without colours the tops of all
 * stacks would fall into one set of the first-level cache.
 *
 * A stack that is given back keeps its pages, up to a number per depot; beyond
 * it they are discarded.
 */
#ifndef WEFT_CTX_STACK_H
#define WEFT_CTX_STACK_H

#include "../arch/compiler.h"

#define STACK_CLASSES 31
#define STACK_COLOURS 24

struct stackpool;

struct stackpool *weft__stackpool_new(int node);
/* Unmaps every stack; nobody may be on one. */
void weft__stackpool_free(struct stackpool *p);

/* The lowest byte of a stack of 1 << cls bytes; NULL: no memory. */
char *weft__stackpool_get(struct stackpool *p, u8 cls);
void weft__stackpool_put(struct stackpool *p, char *const *stk, u32 n, u8 cls);

static inline size_t stack_size(u8 cls)
{
	return (size_t)1 << cls;
}

/* The first byte above what a context may use; 64-byte aligned. */
static inline char *stack_top(char *lo, u8 cls)
{
	return lo + stack_size(cls) -
	       ((uintptr_t)lo >> cls) % STACK_COLOURS * WEFT__LINE;
}

/* Is addr in the guard page of this stack? */
bool weft__stack_guarded(const char *lo, const void *addr);
size_t weft__stack_guard(void);

#endif /* WEFT_CTX_STACK_H */
