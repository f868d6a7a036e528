/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * mem.h - address space: map, place on a node, guard, discard.
 *
 * Sizes and addresses are multiples of the page size.  Nothing here changes
 * errno.
 *
 * A guard page faults on any access.  MADV_GUARD_INSTALL (Linux 6.13) marks
 * the page-table entry, so that a million of them need no VMA of their own;
 * mprotect(), which stands in, splits the mapping, and vm.max_map_count (65530)
 * ends that at some 32,000 guards.  The kernel refuses guard markers in locked
 * memory (mlockall): there mprotect() is used page by page.
 */
#ifndef WEFT__MEM_H
#define WEFT__MEM_H

#include "arch/compiler.h"

#define WEFT__MAP_HUGE		1u	/* advise huge pages */
#define WEFT__MAP_NOHUGE	2u	/* advise against them */

/**
 * weft__map() - fresh zero memory, not backed until it is touched
 * @sz:		bytes
 * @align:	a power of two; 0 or less than a page: a page
 * @node:	the kernel's number of the preferred node; -1: none
 * @flags:	WEFT__MAP_*
 *
 * Return: NULL if there is no address space.
 */
void *weft__map(size_t sz, size_t align, int node, unsigned int flags);

/** weft__unmap() - give it back, guards and all */
void weft__unmap(void *p, size_t sz);

/**
 * weft__guard() - make every access to [@p, @p + @sz) fault
 *
 * What was there is lost.
 *
 * Return: 0, -ENOMEM (and the first time a line on stderr that names
 * vm.max_map_count).
 */
int weft__guard(void *p, size_t sz);

/** weft__unguard() - undo it; the memory reads as zero.  0, -ENOMEM */
int weft__unguard(void *p, size_t sz);

/** weft__discard() - free the pages; they read as zero.  Guards stay. */
void weft__discard(void *p, size_t sz);

/** weft__guard_probe() - does MADV_GUARD_INSTALL work?  NULL, or why not */
const char *weft__guard_probe(void);

#endif /* WEFT__MEM_H */
