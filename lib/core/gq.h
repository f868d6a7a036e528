/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * gq.h - the global run queue, one for each node.
 *
 * Two liburcu wfcqueues: single Gs, linked through g->next, and blocks of up
 * to 128 pointers, which touch no line of a G.  Enqueueing is one xchg, from
 * anywhere.  Dequeueing is for who gets the lock at once: whoever does not
 * looks elsewhere, for the holder may be preempted.  An enqueuer that was
 * preempted in the middle hides what comes after it; then the queue is not
 * empty and yields nothing, and who looks does not go to sleep on it.
 *
 * A block that was dequeued where there is no room for all of it stays open,
 * and is emptied one G at a time.
 */
#ifndef WEFT_CORE_GQ_H
#define WEFT_CORE_GQ_H

#include "../os/futex.h"
#include "m.h"

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE
#endif
#include <urcu/wfcqueue.h>

#define GQ_BLOCK 128

struct gblock {
	struct cds_wfcq_node node;
	u32 n, at;
	struct gblock *free;
	void *g[GQ_BLOCK];
};

struct gqueue {
	struct cds_wfcq_tail tail __attribute__((aligned(WEFT__LINE)));
	struct cds_wfcq_tail btail;
	struct __cds_wfcq_head head __attribute__((aligned(WEFT__LINE)));
	struct __cds_wfcq_head bhead;
	struct weft__lock lock;	/* guards both heads, open, turn */
	u32 turn;		/* singles or blocks first: alternates */
	struct gblock *open;
	u32 nopen;		/* Gs in it; read by anyone as a hint */
};

void weft__gq_init(struct gqueue *q);
bool weft__gq_empty(struct gqueue *q);

/* m may be NULL: an ordinary thread.  Both wake an idle M. */
void weft__gq_put(struct m *m, struct g *g);
void weft__gq_put_batch(struct m *m, void **g, u32 n);

/* One G, and with room the rest of a block into m's queue; NULL: none. */
struct g *weft__gq_get(struct m *m, bool room);

#endif /* WEFT_CORE_GQ_H */
