// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * theap.c - a four-ary heap of times; see theap.h.
 */
#include "theap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARITY 4
#define ROOM_MIN 64
#define LINE 64

_Static_assert(ARITY * sizeof(struct theap_ent) == LINE, "children: a line");

void theap_init(struct theap *h)
{
	memset(h, 0, sizeof(*h));
	h->free = THEAP_NONE;
}

void theap_free(struct theap *h)
{
	free(h->mem);
	theap_init(h);
}

/* One block: a line of which ent[0] is the end, ent, item, pos. */
static int grow(struct theap *h)
{
	u32 i, room = h->room ? h->room * 2 : ROOM_MIN;
	struct theap old = *h;

	if (room < h->room)
		return -ENOMEM;
	h->mem = aligned_alloc(LINE, LINE + room * (sizeof(*h->ent) +
						    sizeof(*h->item) +
						    sizeof(*h->pos)));
	if (!h->mem) {
		*h = old;
		return -ENOMEM;
	}
	h->ent = (struct theap_ent *)((char *)h->mem + LINE) - 1;
	h->item = (void **)(h->ent + 1 + room);
	h->pos = (u32 *)(h->item + room);
	if (old.mem) {
		memcpy(h->ent, old.ent, old.n * sizeof(*h->ent));
		memcpy(h->item, old.item, old.room * sizeof(*h->item));
		memcpy(h->pos, old.pos, old.room * sizeof(*h->pos));
	}
	for (i = room; i-- > old.room; h->free = i)
		h->pos[i] = h->free;
	h->room = room;
	free(old.mem);
	return 0;
}

static void place(struct theap *h, u32 i, struct theap_ent e)
{
	h->ent[i] = e;
	h->pos[e.slot] = i;
}

static void sift_up(struct theap *h, u32 i, struct theap_ent e)
{
	for (; i && h->ent[(i - 1) / ARITY].when > e.when; i = (i - 1) / ARITY)
		place(h, i, h->ent[(i - 1) / ARITY]);
	place(h, i, e);
}

static u32 least_child(const struct theap *h, u32 i)
{
	u32 c = i * ARITY + 1, end = c + ARITY, least = c;

	if (end > h->n)
		end = h->n;
	for (c++; c < end; c++)
		if (h->ent[c].when < h->ent[least].when)
			least = c;
	return least;
}

static void sift_down(struct theap *h, u32 i, struct theap_ent e)
{
	u32 c;

	while (i * ARITY + 1 < h->n) {
		c = least_child(h, i);
		if (h->ent[c].when >= e.when)
			break;
		place(h, i, h->ent[c]);
		i = c;
	}
	place(h, i, e);
}

void theap_link(struct theap *h, u32 slot, s64 when)
{
	sift_up(h, h->n++, (struct theap_ent){ .when = when, .slot = slot });
}

int theap_add(struct theap *h, s64 when, void *item, u32 *slot)
{
	if (h->free == THEAP_NONE && grow(h))
		return -ENOMEM;
	*slot = h->free;
	h->free = h->pos[*slot];
	h->item[*slot] = item;
	theap_link(h, *slot, when);
	return 0;
}

void theap_unlink(struct theap *h, u32 slot)
{
	u32 i = h->pos[slot];
	struct theap_ent last = h->ent[--h->n];

	if (last.slot == slot)
		return;
	if (i && h->ent[(i - 1) / ARITY].when > last.when)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}

void theap_release(struct theap *h, u32 slot)
{
	h->pos[slot] = h->free;
	h->free = slot;
}

void theap_remove(struct theap *h, u32 slot)
{
	theap_unlink(h, slot);
	theap_release(h, slot);
}
