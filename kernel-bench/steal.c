// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * steal.c - one G spawns 10,000 Gs; the other Ps must take their part.
 *
 * Each works for 10 us (steal) or 1 us (steal_1us).  The value is the time
 * from the first spawn to the last join over the number of Gs, the median of
 * the rounds; percent_ideal compares it with work / procs.  The twin is a pool
 * of as many threads, with a list under a mutex.
 */
#include "bench.h"

#include <errno.h>

#define STEAL_ROUNDS 1000

static void *steal_g(void *arg)
{
	work_us((long)arg);
	cpu_mark();
	return NULL;
}

static void steal_result(struct run *r, double *ns, int rounds)
{
	double ideal = r->arg * 1000.0 / r->procs;

	run_stop_clock(r);
	r->value = median_of(ns, rounds);
	run_field(r, "percent_ideal", 100 * ideal / r->value);
}

static void steal_weft(struct run *r)
{
	struct weft_g **g = zalloc(r->n, sizeof(*g));
	static double ns[STEAL_ROUNDS];
	int k = 0;
	long i;

	run_begin(r);
	do {
		int64_t t = now_ns();

		for (i = 0; i < r->n; i++)
			check(weft_spawn(&g[i], NULL, steal_g, (void *)r->arg),
			      "weft_spawn");
		for (i = 0; i < r->n; i++)
			weft_join(g[i], NULL);
		ns[k++] = (double)(now_ns() - t) / r->n;
	} while (!stopping() && k < STEAL_ROUNDS);
	steal_result(r, ns, k);
}

/* Pieces put in, taken out, and done. */
static struct steal_pool {
	pthread_mutex_t lock;
	pthread_cond_t more, all_done;
	long put, taken, done;
	long us;
	bool quit;
} steal_pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.all_done = PTHREAD_COND_INITIALIZER,
};

/* Called and left with the lock held. */
static void steal_pool_take(struct steal_pool *p)
{
	p->taken++;
	pthread_mutex_unlock(&p->lock);
	work_us(p->us);
	cpu_mark();
	pthread_mutex_lock(&p->lock);
	if (++p->done == p->put)
		pthread_cond_signal(&p->all_done);
}

static void *steal_pool_worker(void *arg)
{
	struct steal_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->quit) {
		if (p->taken < p->put)
			steal_pool_take(p);
		else
			pthread_cond_wait(&p->more, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void steal_pool_round(struct steal_pool *p, long n)
{
	long i;

	for (i = 0; i < n; i++) {
		pthread_mutex_lock(&p->lock);
		p->put++;
		pthread_cond_signal(&p->more);
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_lock(&p->lock);
	while (p->taken < p->put)
		steal_pool_take(p);
	while (p->done < p->put)
		pthread_cond_wait(&p->all_done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

static void steal_pool_quit(struct steal_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
}

/* The producer is one of the workers. */
static void steal_pthread(struct run *r)
{
	pthread_t *t = zalloc(r->procs, sizeof(*t));
	static double ns[STEAL_ROUNDS];
	long n = r->procs - 1;
	int k = 0;

	steal_pool.us = r->arg;
	if (threads_start(t, n, steal_pool_worker, &steal_pool, 0) != n)
		check(-EAGAIN, "threads");
	run_begin(r);
	do {
		int64_t start = now_ns();

		steal_pool_round(&steal_pool, r->n);
		ns[k++] = (double)(now_ns() - start) / r->n;
	} while (!stopping() && k < STEAL_ROUNDS);
	steal_result(r, ns, k);
	steal_pool_quit(&steal_pool);
	threads_join(t, n);
}

static const struct bench steal = {
	.name = "steal",
	.unit = "ns",
	.doc = "10,000 Gs of 10 us spawned on one P; per G",
	.weft = steal_weft,
	.pthread = steal_pthread,
	.twin = "a thread pool with a mutex",
	.full = { .n = 10000, .ms = 1000 },
	.quick = { .n = 10000, .ms = 100 },
	.arg = 10,
	.min_procs = 2,
	.fills = true,
};
static const struct bench steal_1us = {
	.name = "steal_1us",
	.unit = "ns",
	.doc = "10,000 Gs of 1 us spawned on one P; per G",
	.weft = steal_weft,
	.pthread = steal_pthread,
	.twin = "a thread pool with a mutex",
	.full = { .n = 10000, .ms = 500 },
	.quick = { .n = 10000, .ms = 100 },
	.arg = 1,
	.min_procs = 2,
	.fills = true,
};

BENCH_ROWS(steal, &steal, &steal_1us);
