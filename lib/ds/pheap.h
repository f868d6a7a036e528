/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * pheap.h - an intrusive pairing heap: the least key first.
 *
 * Allocates nothing, so that an insertion cannot fail.  Keys may wrap around,
 * as long as those in a heap lie within half of their range; of equal ones the
 * first inserted comes first.  Push is O(1), pop O(log n) amortised.  Its user
 * locks.
 */
#ifndef WEFT_DS_PHEAP_H
#define WEFT_DS_PHEAP_H

#include "../arch/compiler.h"

struct pheap_node {
	struct pheap_node *child;	/* the first; the others by next */
	struct pheap_node *next;
	u64 key;
	u64 seq;
};

struct pheap {
	struct pheap_node *root;
	u64 seq;
};

void weft__pheap_push(struct pheap *h, struct pheap_node *n, u64 key);
struct pheap_node *weft__pheap_pop(struct pheap *h);

#endif /* WEFT_DS_PHEAP_H */
