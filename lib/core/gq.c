// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * gq.c - the global run queues; see gq.h.
 */
#include "policy_hooks.h"
#include "../os/mem.h"
#include "run.h"

/*
 * Blocks, of the whole process: a lock and a list, type-stable.  One is needed
 * for 128 Gs, so nobody queues here for long.
 */
static struct weft__lock block_lock;
static struct gblock *block_free;

#define BLOCK_CHUNK (256ul << 10)

static void block_grow(void)
{
	struct gblock *b = weft__map(BLOCK_CHUNK, 0, -1, 0);
	size_t i;

	for (i = 0; b && i < BLOCK_CHUNK / sizeof(*b); i++) {
		b[i].free = block_free;
		block_free = &b[i];
	}
}

static struct gblock *block_get(void)
{
	struct gblock *b;

	weft__lock(&block_lock);
	if (!block_free)
		block_grow();
	b = block_free;
	if (b)
		block_free = b->free;
	weft__unlock(&block_lock);
	return b;
}

static void block_put(struct gblock *b)
{
	weft__lock(&block_lock);
	b->free = block_free;
	block_free = b;
	weft__unlock(&block_lock);
}

void weft__gq_init(struct gqueue *q)
{
	__cds_wfcq_init(&q->head, &q->tail);
	__cds_wfcq_init(&q->bhead, &q->btail);
	q->lock = (struct weft__lock)WEFT__LOCK_INIT;
	q->turn = 0;
	q->open = NULL;
	q->nopen = 0;
}

static bool is_empty(struct __cds_wfcq_head *h, struct cds_wfcq_tail *t)
{
	bool empty;

	san_hide();
	empty = cds_wfcq_empty(h, t);
	san_show();
	return empty;
}

bool weft__gq_empty(struct gqueue *q)
{
	return !READ_ONCE(q->nopen) && is_empty(&q->head, &q->tail) &&
	       is_empty(&q->bhead, &q->btail);
}

static struct node *node_of(struct m *m)
{
	return m ? m->node : &S.node[0];
}

static struct cds_wfcq_node *g_node(struct g *g)
{
	_Static_assert(sizeof(struct cds_wfcq_node) == sizeof(g->next),
		       "g->next serves as the queue's node");
	return (struct cds_wfcq_node *)&g->next;
}

/* What came before a put is seen by who gets the node out. */
static void put(struct __cds_wfcq_head *h, struct cds_wfcq_tail *t,
		struct cds_wfcq_node *n)
{
	san_release(t);
	san_hide();
	cds_wfcq_node_init(n);
	cds_wfcq_enqueue(h, t, n);
	san_show();
}

static void enqueue(struct gqueue *q, struct g *g)
{
	put(&q->head, &q->tail, g_node(g));
}

static void counted(struct m *m, u64 id, u32 n)
{
	if (!m)
		return;
	stat_add(m->n.global_put, n);
	trace(m, GLOBAL_PUT, id, n);
}

/*
 * The xchg in the enqueue is a full fence: either we see the idle M, or it
 * sees that the queue is not empty when it looks once more.
 */
static void wake_after_put(struct node *n)
{
	if (READ_ONCE(S.nidle))
		weft__wake_one(n);
}

void weft__gq_put(struct m *m, struct g *g)
{
	struct node *n = node_of(m);
	u64 id = g->id;

	if (policy_on() && weft__policy_push(m, g))
		return;
	enqueue(&n->gq, g);
	counted(m, id, 1);
	wake_after_put(n);
}

void weft__gq_put_batch(struct m *m, void **g, u32 n)
{
	struct node *node = node_of(m);
	struct gblock *b;
	u32 i, k;

	counted(m, ((struct g *)g[0])->id, n);
	for (; n; g += k, n -= k) {
		k = n < GQ_BLOCK ? n : GQ_BLOCK;
		b = k > 1 ? block_get() : NULL;
		if (!b) {	/* no memory: as single Gs */
			for (i = 0; i < k; i++)
				enqueue(&node->gq, g[i]);
			continue;
		}
		for (i = 0; i < k; i++)
			b->g[i] = g[i];
		b->n = k;
		b->at = 0;
		put(&node->gq.bhead, &node->gq.btail, &b->node);
	}
	wake_after_put(node);
}

static struct cds_wfcq_node *dequeue(struct __cds_wfcq_head *h,
				     struct cds_wfcq_tail *t)
{
	struct cds_wfcq_node *n;

	san_hide();
	n = __cds_wfcq_dequeue_nonblocking(h, t);
	san_show();
	san_acquire(t);
	return n == CDS_WFCQ_WOULDBLOCK ? NULL : n;
}

static struct g *get_single(struct gqueue *q)
{
	struct cds_wfcq_node *n = dequeue(&q->head, &q->tail);

	return n ? container_of((struct g **)n, struct g, next) : NULL;
}

static struct gblock *get_block(struct gqueue *q)
{
	struct cds_wfcq_node *n;
	struct gblock *b = q->open;

	if (b) {
		q->open = NULL;
		WRITE_ONCE(q->nopen, 0);
		return b;
	}
	n = dequeue(&q->bhead, &q->btail);
	return n ? container_of(n, struct gblock, node) : NULL;
}

/*
 * Singles and blocks take turns, so that a stream of the one does not starve
 * the other.  *bp: a block, of which the caller takes one G or all.
 */
static struct g *get_locked(struct gqueue *q, struct gblock **bp)
{
	struct g *g = NULL;

	if (q->turn++ & 1)
		g = get_single(q);
	if (!g)
		*bp = get_block(q);
	if (!g && !*bp)
		g = get_single(q);
	return g;
}

static void reopen(struct gqueue *q, struct gblock *b)
{
	q->open = b;
	WRITE_ONCE(q->nopen, b->n - b->at);
}

static struct g *get_from(struct m *m, struct node *node, bool room)
{
	struct gqueue *q = &node->gq;
	struct gblock *b = NULL;
	struct g *g;
	u32 n = 1;

	if (weft__gq_empty(q) || !weft__trylock(&q->lock))
		return NULL;
	g = get_locked(q, &b);
	if (b) {
		g = b->g[b->at++];
		if (b->at < b->n && !room) {
			reopen(q, b);
			b = NULL;
		}
	}
	weft__unlock(&q->lock);
	if (b) {
		n += b->n - b->at;
		weft__push_rest(m, b->g + b->at, b->n - b->at);
		block_put(b);
	}
	if (g) {
		stat_add(m->n.global_got, n);
		weft__loot(m, n);
		trace(m, GLOBAL_GET, g->id, n);
	}
	return g;
}

struct g *weft__gq_get(struct m *m, bool room)
{
	u32 i, n = S.nnodes, first = m->node->id;
	struct g *g = NULL;

	/* Our own first, but each fourth tick another, or it could starve. */
	if (n > 1 && !(m->nticks & 3))
		first += (u32)(m->nticks >> 2);
	for (i = 0; !g && i < n; i++)
		g = get_from(m, &S.node[(first + i) % n], room);
	return g;
}

void weft__gq_forked(void)
{
	block_lock = (struct weft__lock)WEFT__LOCK_INIT;
	block_free = NULL;
}
