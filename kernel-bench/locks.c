// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * locks.c - a mutex among 2, 8 and 64, an rwlock that is read, and two that
 * wait for each other by a condition or by semaphores.
 *
 * mutex_N	N Gs lock, count, unlock; per pair of calls.  What was counted
 *		under the mutex is compared with what each has done.  A G yields
 *		after 1024 pairs, so that all have their turn on one P.
 * rwlock_read8	8 Gs lock and unlock for reading; per pair
 * cond_pingpong, sem_pingpong	two Gs in turn; per round trip
 *
 * The twin does the same with threads and what pthreads and sem_init() offer.
 */
#include "bench.h"

#include <semaphore.h>

#define LOCKS_MAX 64
#define LOCKS_TURN 1024

struct locks_end {
	long n;
	int me;
	bool threads;
} __attribute__((aligned(128)));

static struct {
	own_line struct weft_mutex mx;
	own_line struct weft_rwlock rw;
	own_line struct weft_cond cond[2];
	own_line struct weft_sem sem[2];
	own_line pthread_mutex_t pmx;
	own_line pthread_rwlock_t prw;
	own_line pthread_cond_t pcond[2];
	own_line sem_t psem[2];
	own_line long count;
	int turn;
	bool over;
	struct locks_end end[LOCKS_MAX];
} locks;

/* LOCKS_TURN pairs are done.  True: go on. */
static bool locks_turn(struct locks_end *e)
{
	e->n += LOCKS_TURN;
	cpu_mark();
	if (!e->threads)
		weft_yield();
	return !stopping();
}

static void *locks_mutex(void *arg)
{
	struct locks_end *e = arg;
	int i;

	do {
		for (i = 0; i < LOCKS_TURN; i++) {
			weft_mutex_lock(&locks.mx);
			locks.count++;
			weft_mutex_unlock(&locks.mx);
		}
	} while (locks_turn(e));
	return NULL;
}

static void *locks_pmutex(void *arg)
{
	struct locks_end *e = arg;
	int i;

	do {
		for (i = 0; i < LOCKS_TURN; i++) {
			pthread_mutex_lock(&locks.pmx);
			locks.count++;
			pthread_mutex_unlock(&locks.pmx);
		}
	} while (locks_turn(e));
	return NULL;
}

static void *locks_read(void *arg)
{
	struct locks_end *e = arg;
	int i;

	do {
		for (i = 0; i < LOCKS_TURN; i++) {
			weft_rwlock_read(&locks.rw);
			weft_rwlock_read_unlock(&locks.rw);
		}
	} while (locks_turn(e));
	return NULL;
}

static void *locks_pread(void *arg)
{
	struct locks_end *e = arg;
	int i;

	do {
		for (i = 0; i < LOCKS_TURN; i++) {
			pthread_rwlock_rdlock(&locks.prw);
			pthread_rwlock_unlock(&locks.prw);
		}
	} while (locks_turn(e));
	return NULL;
}

/* The first ends it, in its turn; the other goes when it sees that. */
static void *locks_cond(void *arg)
{
	struct locks_end *e = arg;

	weft_mutex_lock(&locks.mx);
	while (!locks.over) {
		while (locks.turn != e->me && !locks.over)
			weft_cond_wait(&locks.cond[e->me], &locks.mx);
		e->n++;
		locks.over |= !e->me && stopping();
		locks.turn = !e->me;
		weft_cond_signal(&locks.cond[!e->me]);
	}
	weft_mutex_unlock(&locks.mx);
	return NULL;
}

static void *locks_pcond(void *arg)
{
	struct locks_end *e = arg;

	pthread_mutex_lock(&locks.pmx);
	while (!locks.over) {
		while (locks.turn != e->me && !locks.over)
			pthread_cond_wait(&locks.pcond[e->me], &locks.pmx);
		e->n++;
		locks.over |= !e->me && stopping();
		locks.turn = !e->me;
		pthread_cond_signal(&locks.pcond[!e->me]);
	}
	pthread_mutex_unlock(&locks.pmx);
	return NULL;
}

/* The first begins, and ends it; the other answers each time. */
static void *locks_sem(void *arg)
{
	struct locks_end *e = arg;
	bool last;

	if (e->me)
		weft_sem_acquire(&locks.sem[1]);
	do {
		if (!e->me)
			store_release(&locks.over, stopping());
		last = load_acquire(&locks.over);
		weft_sem_release(&locks.sem[!e->me], 1);
		if (!last || !e->me)
			weft_sem_acquire(&locks.sem[e->me]);
		e->n++;
	} while (!last);
	return NULL;
}

static void *locks_psem(void *arg)
{
	struct locks_end *e = arg;
	bool last;

	if (e->me)
		sem_wait(&locks.psem[1]);
	do {
		if (!e->me)
			store_release(&locks.over, stopping());
		last = load_acquire(&locks.over);
		sem_post(&locks.psem[!e->me]);
		if (!last || !e->me)
			sem_wait(&locks.psem[e->me]);
		e->n++;
	} while (!last);
	return NULL;
}

enum { LOCKS_MUTEX, LOCKS_READ, LOCKS_COND, LOCKS_SEM };

static void *(*const locks_fn[][2])(void *) = {
	[LOCKS_MUTEX] = { locks_mutex, locks_pmutex },
	[LOCKS_READ] = { locks_read, locks_pread },
	[LOCKS_COND] = { locks_cond, locks_pcond },
	[LOCKS_SEM] = { locks_sem, locks_psem },
};

static void locks_begin(int n, bool threads)
{
	int i;

	pthread_mutex_init(&locks.pmx, NULL);
	pthread_rwlock_init(&locks.prw, NULL);
	for (i = 0; i < 2; i++) {
		pthread_cond_init(&locks.pcond[i], NULL);
		sem_init(&locks.psem[i], 0, 0);
	}
	for (i = 0; i < n; i++) {
		locks.end[i].me = i;
		locks.end[i].threads = threads;
	}
}

/* arg: what, and how many */
static void locks_measure(struct run *r, bool threads)
{
	int what = (int)r->arg % 8, n = (int)r->arg / 8, i;
	struct weft_g *g[LOCKS_MAX];
	pthread_t t[LOCKS_MAX];
	long sum = 0;

	locks_begin(n, threads);
	run_begin(r);
	for (i = 0; i < n && !threads; i++)
		check(weft_spawn(&g[i], NULL, locks_fn[what][0],
				 &locks.end[i]), "weft_spawn");
	for (i = 0; i < n && threads; i++)
		check(thread_start(&t[i], locks_fn[what][1], &locks.end[i]),
		      "a thread");
	for (i = 0; i < n && !threads; i++)
		weft_join(g[i], NULL);
	for (i = 0; i < n && threads; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < n; i++)
		sum += locks.end[i].n;
	if (what == LOCKS_MUTEX && sum != locks.count)
		snprintf(r->error, sizeof(r->error),
			 "%ld counted under the mutex, %ld done", locks.count,
			 sum);
	run_end(r, what >= LOCKS_COND ? locks.end[0].n : sum);
}

static void locks_weft(struct run *r)
{
	locks_measure(r, false);
}

static void locks_pthread(struct run *r)
{
	locks_measure(r, true);
}

#define LOCKS_ROW(row, text, what, count, one)                                \
	static const struct bench row = {                                     \
		.name = #row,                                                 \
		.unit = "ns",                                                 \
		.doc = text,                                                  \
		.weft = locks_weft,                                           \
		.pthread = locks_pthread,                                     \
		.full = { .ms = 1000 },                                       \
		.quick = { .ms = 200 },                                       \
		.arg = 8L * (count) + (what),                                 \
		.serial = one,                                                \
	}

LOCKS_ROW(mutex_2, "a mutex among 2; per lock and unlock", LOCKS_MUTEX, 2,
	  false);
LOCKS_ROW(mutex_8, "the same among 8", LOCKS_MUTEX, 8, false);
LOCKS_ROW(mutex_64, "the same among 64", LOCKS_MUTEX, 64, false);
LOCKS_ROW(rwlock_read8, "an rwlock read by 8; per pair of calls", LOCKS_READ,
	  8, false);
LOCKS_ROW(cond_pingpong, "two in turn by a condition; per round trip",
	  LOCKS_COND, 2, true);
LOCKS_ROW(sem_pingpong, "two in turn by semaphores; per round trip", LOCKS_SEM,
	  2, true);

BENCH_ROWS(locks, &mutex_2, &mutex_8, &mutex_64, &rwlock_read8, &cond_pingpong,
	   &sem_pingpong);
