// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * timer_churn.c - a timer that is started and stopped, and never comes: as
 * each request of a server has a time limit.
 *
 * Each G has a timer of its own, and sets it to some seconds from now, at
 * random, while 1,000 others are pending; per start and stop.
 *
 * pthreads have no timers of this kind.  The twin does what a program would
 * write: a binary heap under a mutex, into which the same is put, and out of
 * which it is taken; nobody looks at it.  So it is the bookkeeping alone, and
 * has neither the clock nor a thread that would be woken.
 */
#include "bench.h"

#include <stdlib.h>

#define CHURN_PENDING 1000
#define CHURN_TURN 256
#define CHURN_MAX 64
#define CHURN_FAR_NS 1000000000ll

/* ---- the twin's heap ---- */

struct churn_entry {
	int64_t when;
	int at;
};

static struct {
	own_line pthread_mutex_t mutex;
	struct churn_entry *heap[CHURN_PENDING + CHURN_MAX];
	int n;
} churn = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void churn_place(struct churn_entry *e, int i)
{
	churn.heap[i] = e;
	e->at = i;
}

static int churn_up(int i, int64_t when)
{
	for (; i && churn.heap[(i - 1) / 2]->when > when; i = (i - 1) / 2)
		churn_place(churn.heap[(i - 1) / 2], i);
	return i;
}

static int churn_down(int i, int64_t when)
{
	int c;

	while ((c = 2 * i + 1) < churn.n) {
		if (c + 1 < churn.n &&
		    churn.heap[c + 1]->when < churn.heap[c]->when)
			c++;
		if (churn.heap[c]->when >= when)
			break;
		churn_place(churn.heap[c], i);
		i = c;
	}
	return i;
}

static void churn_add(struct churn_entry *e, int64_t when)
{
	pthread_mutex_lock(&churn.mutex);
	e->when = when;
	churn_place(e, churn_up(churn.n++, when));
	pthread_mutex_unlock(&churn.mutex);
}

static void churn_remove(struct churn_entry *e)
{
	struct churn_entry *last;

	pthread_mutex_lock(&churn.mutex);
	last = churn.heap[--churn.n];
	if (last != e)
		churn_place(last, churn_down(churn_up(e->at, last->when),
					     last->when));
	pthread_mutex_unlock(&churn.mutex);
}

/* ---- what is measured ---- */

struct churn_end {
	uint64_t seed;
	long n;
	struct weft_timer t;
	struct churn_entry e;
	bool came;
} __attribute__((aligned(128)));

static struct churn_end churn_end[CHURN_MAX];

static int64_t churn_when(uint64_t *seed)
{
	return now_ns() + CHURN_FAR_NS * (10 + rnd(seed) % 60);
}

static void *churn_comes(void *arg)
{
	*(bool *)arg = true;
	return NULL;
}

static void *churn_g(void *arg)
{
	struct churn_end *e = arg;

	while (!stopping()) {
		weft_timer_start(&e->t, churn_when(&e->seed), churn_comes,
				 &e->came);
		weft_timer_stop(&e->t);
		if (++e->n % CHURN_TURN)
			continue;
		cpu_mark();
		weft_yield();
	}
	return NULL;
}

static void *churn_thread(void *arg)
{
	struct churn_end *e = arg;

	while (!stopping()) {
		churn_add(&e->e, churn_when(&e->seed));
		churn_remove(&e->e);
		if (++e->n % CHURN_TURN == 0)
			cpu_mark();
	}
	return NULL;
}

static void churn_result(struct run *r, int n)
{
	long sum = 0;
	int i;

	for (i = 0; i < n; i++) {
		sum += churn_end[i].n;
		if (churn_end[i].came)
			run_fail(r, "a timer came that was stopped");
	}
	run_end(r, sum);
}

static int churn_ends(struct run *r)
{
	int i, n = r->procs < CHURN_MAX ? (int)r->procs : CHURN_MAX;

	for (i = 0; i < n; i++)
		churn_end[i].seed = r->seed + r->round * CHURN_MAX + i;
	return n;
}

static void churn_weft(struct run *r)
{
	struct weft_timer *t = zalloc(CHURN_PENDING, sizeof(*t));
	struct weft_g *g[CHURN_MAX];
	int i, n = churn_ends(r);
	uint64_t seed = r->seed;
	bool came = false;

	for (i = 0; i < CHURN_PENDING; i++)
		if (weft_timer_start(&t[i], churn_when(&seed), churn_comes,
				     &came))
			run_fail(r, "a timer cannot be started");
	run_begin(r);
	for (i = 0; i < n; i++)
		check(weft_spawn(&g[i], NULL, churn_g, &churn_end[i]),
		      "weft_spawn");
	for (i = 0; i < n; i++)
		weft_join(g[i], NULL);
	churn_result(r, n);
	for (i = 0; i < CHURN_PENDING; i++)
		weft_timer_stop(&t[i]);
	free(t);
}

static void churn_pthread(struct run *r)
{
	struct churn_entry *e = zalloc(CHURN_PENDING, sizeof(*e));
	pthread_t t[CHURN_MAX];
	int i, n = churn_ends(r);
	uint64_t seed = r->seed;

	for (i = 0; i < CHURN_PENDING; i++)
		churn_add(&e[i], churn_when(&seed));
	run_begin(r);
	for (i = 0; i < n; i++)
		check(thread_start(&t[i], churn_thread, &churn_end[i]),
		      "a thread");
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	churn_result(r, n);
	free(e);
}

static const struct bench timer_churn = {
	.name = "timer_churn",
	.unit = "ns",
	.doc = "start and stop a timer that does not come, beside 1,000",
	.weft = churn_weft,
	.pthread = churn_pthread,
	.twin = "a binary heap under a mutex, which nobody looks at",
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.fills = true,
};

BENCH_ROWS(churn, &timer_churn);
