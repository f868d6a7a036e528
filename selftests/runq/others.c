// SPDX-License-Identifier: GPL-2.0-only
/*
 * others.c - who comes to the queue from elsewhere: thief, seizer, mover and
 * ordinary thread.
 */
#include "cast.h"

#include <sched.h>
#include <unistd.h>

void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void sit(struct p *p, u32 o, u32 to)
{
	if (o < S.nseats)
		smp_store_release(&S.seat[o], NULL);
	if (to < S.nseats)
		smp_store_release(&S.seat[to], p);
	weft__rq_release(p, to);
}

/* Stop without asking whether anyone is in the middle. */
static u32 stop_badly(struct p *p)
{
	u32 o = READ_ONCE(p->q.seat);

	if (o == RUNQ_STOPPED || !cas(&p->q.seat, o, RUNQ_STOPPED))
		return RUNQ_STOPPED;
	return o;
}

/* ... without the membarrier, the busy word is asked all the same. */
u32 stop_unfenced(struct p *p)
{
	u32 o = stop_badly(p);

	if (weft__twin && o < RUNQ_STOPPED &&
	    smp_load_acquire(&S.m[o]->vc->busy)) {
		weft__rq_release(p, o);
		return RUNQ_STOPPED;
	}
	return o;
}

static u32 stop_queue(struct arena *a, struct p *p)
{
	if (a->cast.plant == PLANT_SEIZE)
		return stop_unfenced(p);
	if (a->cast.plant == PLANT_BUSY)
		return stop_badly(p);
	return weft__rq_stop(p);
}

/* As weft__seize(), with a stop and a sleep of our own. */
static u32 seize(struct arena *a, struct p *p, void **out)
{
	u32 o = stop_queue(a, p), n, i, k;
	u64 head;

	if (o == RUNQ_STOPPED)
		return 0;
	if (a->cast.seizer_sleeps_us) {
		WRITE_ONCE(a->sleeping, 1);
		usleep(a->cast.seizer_sleeps_us);
		WRITE_ONCE(a->sleeping, 0);
	}
	n = weft__rq_take(p, out, RUNQ_SIZE);
	head = runq_private_head(&p->q, READ_ONCE(p->q.b));
	k = (u32)(READ_ONCE(p->q.tail) - head);
	for (i = 0; i < k && n < RUNQ_SIZE; i++)
		out[n++] = READ_ONCE(p->q.slot[(head + i) & RUNQ_MASK]);
	smp_store_release(&p->q.phead, head + k);
	weft__rq_release(p, o);
	return n;
}

/* A thief that may be preempted between its copy and its CAS. */
static u32 steal(struct arena *a, struct runq *q, void **out, u64 *r)
{
	u64 b = smp_load_acquire(&q->b);
	u32 n = runq_len(b), k = n - n / 2, i;
	bool late = a->cast.plant == PLANT_LATE_COPY;

	if (!n)
		return 0;
	for (i = 0; i < k && !late; i++)
		out[i] = READ_ONCE(q->slot[(runq_head(b) + i) & RUNQ_MASK]);
	if (!rnd(r, 4))
		usleep(1);
	if (!cas(&q->b, b, RUNQ_B(runq_head(b) + k, n - k)))
		return 0;
	if (late)
		usleep(1);
	for (i = 0; i < k && late; i++)
		out[i] = READ_ONCE(q->slot[(runq_head(b) + i) & RUNQ_MASK]);
	return k;
}

void *thief(void *arg)
{
	struct arena *a = arg;
	u64 r = 4711;
	void *g[RUNQ_SIZE];
	u32 n;

	while (!READ_ONCE(a->stop)) {
		if (rnd(&r, 2))
			n = weft__rq_take(a->p, g, 1 + (u32)rnd(&r, 64));
		else
			n = steal(a, &a->p->q, g, &r);
		add(a, stolen, n);
		give_out(a, g, n);
		if (!n)
			cpu_relax();
	}
	return NULL;
}

void *seizer(void *arg)
{
	struct arena *a = arg;
	u64 r = 815;
	void *g[RUNQ_SIZE];
	u32 n;

	if (a->cast.plant)
		bind_to(a->cpu[1]);
	while (!READ_ONCE(a->stop)) {
		if (a->cast.plant || a->cast.seizer_sleeps_us)
			n = seize(a, a->p, g);
		else
			n = weft__seize(a->p, g, rnd(&r, 2));
		inc(a, seizures);
		add(a, seized, n);
		add(a, missed, !n);
		give_out(a, g, n);
		if (a->cast.plant)
			continue;
		usleep((u32)rnd(&r, 100));
	}
	return NULL;
}

/* The seat goes from one CPU to the other, and for a moment nowhere. */
void *mover(void *arg)
{
	struct arena *a = arg;
	u64 r = 99;
	u32 o, to;

	while (!READ_ONCE(a->stop)) {
		o = weft__rq_stop(a->p);
		if (o == RUNQ_STOPPED)
			continue;
		to = (u32)rnd(&r, 2);
		if (!weft__twin)
			to = (u32)a->cpu[to];
		if (!rnd(&r, 32))
			to = RUNQ_NOSEAT;
		sit(a->p, o, to);
		inc(a, moved);
		usleep((u32)rnd(&r, 100));
	}
	return NULL;
}

/* An ordinary thread: it uses the queue of whoever sits on its CPU. */
void *foreign(void *arg)
{
	struct arena *a = arg;
	void *g;

	bind_to(a->cpu[0]);
	while (!READ_ONCE(a->stop)) {
		uintptr_t t = get();

		if (!t)
			continue;
		g = go_in(a, t);
		if (weft__push_here(weft__my_vcpu(), g)) {
			inc(a, foreign);
			continue;
		}
		(void)came_out(a, g);
		give(&g, 1);
	}
	return NULL;
}
