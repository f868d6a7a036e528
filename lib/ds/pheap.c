// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pheap.c - an intrusive pairing heap; see pheap.h.
 */
#include "pheap.h"

static bool before(const struct pheap_node *a, const struct pheap_node *b)
{
	s64 d = (s64)(a->key - b->key);

	return d ? d < 0 : (s64)(a->seq - b->seq) < 0;
}

/* Two trees become one: who comes later is a child of who comes first. */
static struct pheap_node *meld(struct pheap_node *a, struct pheap_node *b)
{
	struct pheap_node *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	a->child = b;
	return a;
}

void weft__pheap_push(struct pheap *h, struct pheap_node *n, u64 key)
{
	n->child = n->next = NULL;
	n->key = key;
	n->seq = h->seq++;
	h->root = meld(h->root, n);
}

/* Siblings meld in pairs, from the first on; then the pairs, from the last. */
static struct pheap_node *meld_all(struct pheap_node *n)
{
	struct pheap_node *pairs = NULL, *a, *b, *root = NULL;

	while (n) {
		a = n;
		b = a->next;
		n = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

struct pheap_node *weft__pheap_pop(struct pheap *h)
{
	struct pheap_node *n = h->root;

	if (n)
		h->root = meld_all(n->child);
	return n;
}
