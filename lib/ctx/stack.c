// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * stack.c - slabs and depots of stacks; see stack.h.
 */
#include "stack.h"
#include "../os/futex.h"
#include "../os/mem.h"

#include <stdlib.h>
#include <unistd.h>

#define SLAB (256ul << 20)	/* address space at a time */
#define WARM 1024		/* stacks of a class that keep their pages */

struct slab {
	struct slab *next;
	char *mem;
	size_t size;
};

struct depot {
	char **stk;		/* LIFO: the last WARM may have pages */
	u32 n, room;
	u32 cold;		/* stk[0..cold) have been discarded */
	char *carve, *end;	/* of the newest slab */
};

struct stackpool {
	struct weft__lock lock;	/* guards all of it */
	int node;
	struct slab *slabs;
	struct depot d[STACK_CLASSES];
};

size_t weft__stack_guard(void)
{
	static size_t page;

	if (!READ_ONCE(page))
		WRITE_ONCE(page, (size_t)sysconf(_SC_PAGESIZE));
	return READ_ONCE(page);
}

bool weft__stack_guarded(const char *lo, const void *addr)
{
	return (const char *)addr >= lo &&
	       (const char *)addr < lo + weft__stack_guard();
}

struct stackpool *weft__stackpool_new(int node)
{
	struct stackpool *p = calloc(1, sizeof(*p));

	if (p)
		p->node = node;
	return p;
}

void weft__stackpool_free(struct stackpool *p)
{
	struct slab *s, *next;
	u32 i;

	if (!p)
		return;
	for (s = p->slabs; s; s = next) {
		next = s->next;
		weft__unmap(s->mem, s->size);
		free(s);
	}
	for (i = 0; i < STACK_CLASSES; i++)
		free(p->d[i].stk);
	free(p);
}

/* A new slab; under a limit on address space a smaller one, down to a stack. */
static bool grow(struct stackpool *p, u8 cls)
{
	size_t one = stack_size(cls), size = one < SLAB ? SLAB : one;
	struct slab *s = malloc(sizeof(*s));

	if (!s)
		return false;
	do {
		s->mem = weft__map(size, one, p->node, WEFT__MAP_NOHUGE);
		if (s->mem)
			break;
		size /= 2;
	} while (size >= one);
	if (!s->mem) {
		free(s);
		return false;
	}
	s->size = size;
	s->next = p->slabs;
	p->slabs = s;
	p->d[cls].carve = s->mem;
	p->d[cls].end = s->mem + size;
	return true;
}

static char *carve(struct stackpool *p, u8 cls)
{
	struct depot *d = &p->d[cls];
	char *stk;

	if (d->carve == d->end && !grow(p, cls))
		return NULL;
	stk = d->carve;
	if (weft__guard(stk, weft__stack_guard()))
		return NULL;
	d->carve += stack_size(cls);
	return stk;
}

/*
 * Room for one more in the depot.
 */
static bool make_room(struct depot *d)
{
	u32 room = d->room ? d->room * 2 : 64;
	char **stk;

	if (d->n + 1 < d->room)
		return true;
	stk = realloc(d->stk, room * sizeof(*stk));
	if (!stk)
		return false;
	d->stk = stk;
	d->room = room;
	return true;
}

static char *get(struct stackpool *p, u8 cls)
{
	struct depot *d = &p->d[cls];

	if (d->n) {
		d->n--;
		if (d->cold > d->n)
			d->cold = d->n;
		return d->stk[d->n];
	}
	return carve(p, cls);
}

char *weft__stackpool_get(struct stackpool *p, u8 cls)
{
	char *stk;

	weft__lock(&p->lock);
	stk = get(p, cls);
	weft__unlock(&p->lock);
	return stk;
}

/* Of a crowd that went, only the last WARM keep their pages. */
static void chill(struct depot *d, u8 cls)
{
	char *stk;

	while (d->n - d->cold > WARM) {
		stk = d->stk[d->cold++];
		weft__discard(stk + weft__stack_guard(),
			      stack_size(cls) - weft__stack_guard());
	}
}

void weft__stackpool_put(struct stackpool *p, char *const *stk, u32 n, u8 cls)
{
	struct depot *d = &p->d[cls];

	weft__lock(&p->lock);
	for (; n; n--, stk++) {
		if (make_room(d))
			d->stk[d->n++] = *stk;
		else	/* lost until the pool goes; its pages are not */
			weft__discard(*stk + weft__stack_guard(),
				      stack_size(cls) - weft__stack_guard());
	}
	chill(d, cls);
	weft__unlock(&p->lock);
}
