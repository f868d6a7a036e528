// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c - who owns the queue as an M does: it pushes, pops, publishes, and
 * fetches the queue if that sits elsewhere.
 */
#include "cast.h"

#include <os/rseq.h>

static void *take_back_badly(struct runq *q)
{
	u64 b = smp_load_acquire(&q->b);
	void *g;

	if (!runq_len(b))
		return NULL;
	g = READ_ONCE(q->slot[runq_head(b) & RUNQ_MASK]);
	smp_store_release(&q->b, RUNQ_B(runq_head(b) + 1, 0));
	return g;
}

/* After a failure there may be more of them than there are. */
static void keep(struct worker *w, void *g)
{
	if (w->n < RUNQ_SIZE)
		w->t[w->n++] = g;
}

/* Its compare failed: the queue comes to where it is. */
static void relocate(struct worker *w, struct m *m, struct p *p)
{
	u64 reseats = m->n.reseats;
	u32 o;

	if (!w->a->cast.relocate || rnd(&w->rng, 32))
		return;
	if (w->a->cast.plant != PLANT_RESEAT) {
		weft__relocate(m);
		add(w->a, moved, m->n.reseats - reseats);
		return;
	}
	o = stop_unfenced(p);
	if (o != RUNQ_STOPPED)
		sit(p, o, m_here(m));
}

static void do_pop(struct worker *w, struct m *m, struct p *p)
{
	u64 back = m->n.taken_back;
	void *g = NULL;

	if (w->a->cast.plant == PLANT_TAKE_BACK)
		g = take_back_badly(&p->q);
	if (!g)
		g = weft__rq_pop_any(m, p);
	if (!g)
		return;
	add(w->a, taken_back, m->n.taken_back - back);
	inc(w->a, popped);
	if (came_out(w->a, g))
		keep(w, g);
}

static void do_push(struct worker *w, struct m *m, struct p *p, bool and_back)
{
	uintptr_t t = w->n ? (uintptr_t)w->t[--w->n] : get();
	void *g;
	int r;

	if (!t)
		return;
	g = go_in(w->a, t);
	r = RQ(push, m->vc, &p->q, g);
	if (r != RUNQ_OK) {
		(void)came_out(w->a, g);
		keep(w, g);
		add(w->a, refused, r == RUNQ_SEAT);
		add(w->a, full, r == RUNQ_FULL);
		if (r == RUNQ_FULL)
			RQ(settle, m->vc, &p->q);
		else
			relocate(w, m, p);
		return;
	}
	inc(w->a, pushed);
	if (and_back && RQ(take_tail, m->vc, &p->q, g)) {
		inc(w->a, tails);
		if (came_out(w->a, g))
			keep(w, g);
	}
}

static void push_batch(struct worker *w, struct m *m, struct p *p)
{
	u32 i, k = w->n < 16 ? w->n : 16, in;
	void *g[16];

	w->n -= k;
	for (i = 0; i < k; i++)
		g[i] = go_in(w->a, (uintptr_t)w->t[w->n + i]);
	in = k ? RQ(push_batch, m->vc, &p->q, g, k) : 0;
	add(w->a, batch_in, in);
	for (i = in; i < k; i++) {
		(void)came_out(w->a, g[i]);
		keep(w, g[i]);
	}
}

static void pop_batch(struct worker *w, struct m *m, struct p *p, bool tail)
{
	void *g[32];
	u32 i, k;

	if (tail)
		k = RQ(pop_tail, m->vc, &p->q, g, 32);
	else
		k = RQ(pop_batch, m->vc, &p->q, g, 32);
	add(w->a, batch_out, k);
	for (i = 0; i < k; i++)
		if (came_out(w->a, g[i]))
			keep(w, g[i]);
}

static void work(struct worker *w, struct m *m, struct p *p)
{
	u64 what = rnd(&w->rng, 32);

	if (w->n > RUNQ_SIZE / 2) {
		w->n -= 64;
		give(w->t + w->n, 64);
	}
	if (what < 12) {
		do_push(w, m, p, false);
	} else if (what < 16) {
		do_push(w, m, p, true);
	} else if (what < 26) {
		do_pop(w, m, p);
	} else if (what < 28) {
		push_batch(w, m, p);
	} else if (what < 29) {
		pop_batch(w, m, p, rnd(&w->rng, 2));
	} else {
		RQ(settle, m->vc, &p->q);
		add(w->a, published, RQ(publish, m->vc, &p->q));
	}
	if (READ_ONCE(w->a->sleeping))
		inc(w->a, during);
}

struct m *arena_be(struct arena *a, u32 i, int cpu)
{
	struct m *m = a->m[i];

	bind_to(cpu);
	if (!weft__twin)
		m->vc = (struct vcpu *)weft__rseq_area();
	if (a->cast.plant == PLANT_DESCRIPTOR) {
		m->fake.cpu_id = (u32)cpu;
		m->vc = &m->fake;
	}
	return m;
}

void *worker(void *arg)
{
	struct worker *w = arg;
	struct m *m = arena_be(w->a, w->i, w->cpu);

	while (!READ_ONCE(w->a->stop))
		work(w, m, w->a->p);
	return NULL;
}
