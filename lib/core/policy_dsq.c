// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_dsq.c - dispatch queues, and the table of those a policy makes.
 *
 * A queue has its own lock, held for some dozen instructions; no two are held
 * at a time, and none over a callback.  The table is a hash of lists onto which
 * DSQs are pushed by CAS and never taken off before the runtime stops, so that
 * a look-up takes no lock: one that is destroyed is no longer live, and its
 * number finds it again.
 *
 * An ejection empties each queue under its lock after the state has changed.
 * So who puts a G in asks the state under that lock: either the ejection sees
 * the G, or we see the state.
 */
#include "policy.h"

#include <stdlib.h>

static struct dsq **bucket_of(u64 id)
{
	return &weft__policy.bucket[(id * 0x9e3779b97f4a7c15u) >> 58];
}

_Static_assert(DSQ_BUCKETS == 1 << (64 - 58), "a bucket is six bits");

static struct dsq *several(u32 n)
{
	struct dsq *d = aligned_alloc(WEFT__LINE, n * sizeof(*d));

	if (d)
		__builtin_memset(d, 0, n * sizeof(*d));
	return d;
}

int weft__dsqs_init(void)
{
	struct policy *pol = &weft__policy;
	u32 i;

	pol->local = several(S.maxprocs);
	pol->global = several(S.nnodes);
	if (!pol->local || !pol->global) {
		weft__dsqs_free();
		return -ENOMEM;
	}
	pol->nlocal = S.maxprocs;
	for (i = 0; i < S.maxprocs; i++) {
		pol->local[i].id = WEFT_DSQ_LOCAL_ON | i;
		pol->local[i].live = 1;
	}
	for (i = 0; i < S.nnodes; i++) {
		pol->global[i].id = WEFT_DSQ_GLOBAL;
		pol->global[i].live = 1;
	}
	return 0;
}

void weft__dsqs_free(void)
{
	struct policy *pol = &weft__policy;
	struct dsq *d;
	u32 i;

	for (i = 0; i < DSQ_BUCKETS; i++)
		while ((d = pol->bucket[i])) {
			pol->bucket[i] = d->next;
			free(d);
		}
	free(pol->local);
	free(pol->global);
	pol->local = pol->global = NULL;
	pol->nlocal = 0;
}

static struct dsq *find(u64 id)
{
	struct dsq *d = smp_load_acquire(bucket_of(id));

	while (d && d->id != id)
		d = d->next;
	return d;
}

/* One that the policy made; NULL: there is none. */
struct dsq *weft__dsq_find(u64 id)
{
	struct dsq *d = find(id);

	return d && READ_ONCE(d->live) ? d : NULL;
}

static int revive(struct dsq *d)
{
	int ret = -EEXIST;

	weft__lock(&d->lock);
	if (!d->live) {
		WRITE_ONCE(d->live, 1);
		ret = 0;
	}
	weft__unlock(&d->lock);
	return ret;
}

int weft__dsq_create(u64 id)
{
	struct weft__lock *creating = &weft__policy.creating;
	struct dsq *d, **b = bucket_of(id);
	int ret = 0;

	weft__lock(creating);
	d = find(id);
	if (d) {
		ret = revive(d);
	} else {
		d = several(1);
		if (d) {
			d->id = id;
			d->live = 1;
			d->next = *b;
			smp_store_release(b, d);
		} else {
			ret = -ENOMEM;
		}
	}
	weft__unlock(creating);
	return ret;
}

int weft__dsq_destroy(u64 id)
{
	struct dsq *d = weft__dsq_find(id);
	int ret = -EBUSY;

	if (!d)
		return -ENOENT;
	weft__lock(&d->lock);
	if (!d->nr) {
		WRITE_ONCE(d->live, 0);
		ret = 0;
	}
	weft__unlock(&d->lock);
	return ret;
}

static void link_fifo(struct dsq *d, struct gpol *gp, bool head)
{
	if (head) {
		gp->node.next = d->first ? &d->first->node : NULL;
		d->first = gp;
		if (!d->last)
			d->last = gp;
		return;
	}
	gp->node.next = NULL;
	if (d->last)
		d->last->node.next = &gp->node;
	else
		d->first = gp;
	d->last = gp;
}

static struct gpol *of_node(struct pheap_node *n)
{
	return n ? container_of(n, struct gpol, node) : NULL;
}

/* gp, which is MOVING and ours, becomes QUEUED; not: it is still ours. */
enum dsq_put weft__dsq_put(struct dsq *d, struct gpol *gp, bool by_vtime,
			   bool head)
{
	enum dsq_put ret = DSQ_OK;

	weft__lock(&d->lock);
	if (!policy_on())
		ret = DSQ_OFF;
	else if (!d->live)
		ret = DSQ_GONE;
	else if (d->nr && d->by_vtime != by_vtime)
		ret = DSQ_MIXED;
	if (ret != DSQ_OK)
		goto out;
	d->by_vtime = by_vtime;
	if (by_vtime)
		weft__pheap_push(&d->heap, &gp->node, gp->e.vtime);
	else
		link_fifo(d, gp, head);
	WRITE_ONCE(gp->dsq, d);
	smp_store_release(&gp->where, POL_QUEUED);
	WRITE_ONCE(d->nr, d->nr + 1);
out:
	weft__unlock(&d->lock);
	return ret;
}

/* The first, which is then in our hands; NULL: empty. */
struct gpol *weft__dsq_pop(struct dsq *d, enum gpol_where to)
{
	struct gpol *gp;

	if (!READ_ONCE(d->nr))
		return NULL;
	weft__lock(&d->lock);
	if (d->by_vtime) {
		gp = of_node(weft__pheap_pop(&d->heap));
	} else {
		gp = d->first;
		d->first = gp ? of_node(gp->node.next) : NULL;
		if (!d->first)
			d->last = NULL;
	}
	if (gp) {
		WRITE_ONCE(d->nr, d->nr - 1);
		WRITE_ONCE(gp->where, to);
	}
	weft__unlock(&d->lock);
	return gp;
}

void weft__dsq_each(void (*fn)(struct dsq *d, void *arg), void *arg)
{
	struct policy *pol = &weft__policy;
	struct dsq *d;
	u32 i;

	for (i = 0; i < pol->nlocal; i++)
		fn(&pol->local[i], arg);
	for (i = 0; pol->global && i < S.nnodes; i++)
		fn(&pol->global[i], arg);
	for (i = 0; i < DSQ_BUCKETS; i++)
		for (d = smp_load_acquire(&pol->bucket[i]); d; d = d->next)
			fn(d, arg);
}
