/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * theap.h - a four-ary heap of times, each with an item.
 *
 *	ent:	{when, slot} in heap order; the four children of one entry lie
 *		in one cache line
 *	pos:	for a slot its place in ent; of a free slot the next free one
 *	item:	for a slot what the caller gave
 *
 * An item is known by its slot, which stays while its entry moves: so moving
 * it writes no memory of the item, which for a G that sleeps is a line of a
 * cold stack.  (With the place in the item and the key read from there, as a
 * heap of pointers has it, 100,000 sleepers cost twice as much.)
 *
 * No lock: the caller has one.
 */
#ifndef WEFT_DS_THEAP_H
#define WEFT_DS_THEAP_H

#include "../arch/compiler.h"

struct theap_ent {
	s64 when;
	u32 slot;
};

struct theap {
	u32 n, room;
	u32 free;		/* first free slot, THEAP_NONE */
	struct theap_ent *ent;
	u32 *pos;
	void **item;
	void *mem;		/* of all three */
};

#define THEAP_NONE (~0u)

/** theap_init() - empty; no memory yet */
void theap_init(struct theap *h);
void theap_free(struct theap *h);

/** theap_add() - 0 and its slot, or -ENOMEM */
int theap_add(struct theap *h, s64 when, void *item, u32 *slot);

/** theap_remove() - the slot is free again */
void theap_remove(struct theap *h, u32 slot);

/* The same in two steps; what has its slot still can be put back for sure. */
void theap_unlink(struct theap *h, u32 slot);
void theap_link(struct theap *h, u32 slot, s64 when);
void theap_release(struct theap *h, u32 slot);

/** theap_next() - when the first one is; INT64_MAX: there is none */
static inline s64 theap_next(const struct theap *h)
{
	return h->n ? h->ent[0].when : INT64_MAX;
}

/** theap_first() - the slot of the least time; not of an empty heap */
static inline u32 theap_first(const struct theap *h)
{
	return h->ent[0].slot;
}

#endif /* WEFT_DS_THEAP_H */
