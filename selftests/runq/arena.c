// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena.c - one run queue and the threads that work on it; see arena.h.
 *
 * Preemption between any two steps is forced: the workers share a CPU, and a
 * thread that wakes up there thousands of times a second sends them signals.
 */
#include "cast.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_t threads[16];
static u32 nthreads;

/* Wakes up on the workers' CPU, which preempts one, and signals the others. */
static void *kicker(void *arg)
{
	struct arena *a = arg;
	u64 r = 31;

	bind_to(a->cpu[0]);
	while (!READ_ONCE(a->stop)) {
		pthread_kill(threads[rnd(&r, a->cast.workers)], SIGUSR1);
		inc(a, kicks);
		usleep((u32)rnd(&r, 60));
	}
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

static const char *two_cpus(struct arena *a)
{
	cpu_set_t set;
	int i, n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return "no affinity";
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			a->cpu[n++] = i;
	return n == 2 ? NULL : "needs two CPUs";
}

static const char *kind(u32 twin)
{
	struct weft__opts o;

	if (weft__opts_resolve(&o, NULL) || weft__opts_features(&o))
		return "bad settings";
	weft__twin = twin;
#ifdef WEFT__NO_SEQ
	if (twin == TWIN_OFF)
		return "no sequences for this architecture";
#endif
	if (twin == TWIN_OFF && !(weft__feature(WEFT__RSEQ) &&
				  weft__feature(WEFT__MEMBARRIER_RSEQ)))
		return "no rseq, or no membarrier for it";
	if (twin == TWIN_MEMBARRIER && !weft__feature(WEFT__MEMBARRIER))
		return "no membarrier";
	return NULL;
}

static void *zeroed(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * Enough for weft__relocate(): each worker has a token, but none that
 * weft__manned() looks at, so that any of them may have the one P.
 */
static void tokens(struct arena *a)
{
	u32 i;

	S.nprocs = 1;
	S.p = &a->p;
	S.tok = calloc(WORKERS + 2, sizeof(*S.tok));
	for (i = 0; i <= WORKERS; i++) {
		a->m[i]->tok = i + 1;
		a->m[i]->last = a->p;
		S.tok[i + 1] = (uintptr_t)a->m[i];
	}
}

const char *arena_make(struct arena *a, u32 twin)
{
	struct sigaction sa = { .sa_handler = nothing,
				.sa_flags = SA_RESTART };
	const char *why = two_cpus(a);
	u32 i;

	if (!why)
		why = kind(twin);
	if (why)
		return why;
	sigaction(SIGUSR1, &sa, NULL);
	a->p = zeroed(sizeof(*a->p));
	S.m = calloc(WORKERS + 1, sizeof(*S.m));
	S.seat = calloc(CPU_SETSIZE, sizeof(*S.seat));
	S.nseats = CPU_SETSIZE;
	for (i = 0; i <= WORKERS; i++) {
		S.m[i] = a->m[i] = zeroed(sizeof(struct m));
		a->m[i]->id = i;
		a->m[i]->fake = (struct vcpu){ .number = i,
					       .cpu_id = RUNQ_NOCPU };
		a->m[i]->vc = &a->m[i]->fake;
	}
	tokens(a);
	arena_reset(a, 0);
	return NULL;
}

void arena_reset(struct arena *a, u64 base)
{
	memset(a->p, 0, sizeof(*a->p));
	memset(&a->n, 0, sizeof(a->n));
	a->p->q.phead = a->p->q.tail = base;
	a->p->q.b = RUNQ_B(base, 0);
	a->p->q.seat = weft__twin ? 0 : (u32)a->cpu[0];
	memset(S.seat, 0, S.nseats * sizeof(*S.seat));
	S.seat[a->p->q.seat] = a->p;
	tokens_reset();
	a->failures = a->stop = 0;
	a->first[0] = 0;
}

static void start(void *(*fn)(void *), void *arg)
{
	if (pthread_create(&threads[nthreads++], NULL, fn, arg))
		abort();
}

static void start_all(struct arena *a, struct worker *w)
{
	u32 i;

	for (i = 0; i < a->cast.workers; i++) {
		w[i] = (struct worker){ .a = a, .i = i, .rng = 1 + i,
					.cpu = a->cpu[a->cast.split && i & 1] };
		start(worker, &w[i]);
	}
	if (a->cast.kicker)
		start(kicker, a);
	if (a->cast.seizer)
		start(seizer, a);
	if (a->cast.thieves)
		start(thief, a);
	if (a->cast.mover)
		start(mover, a);
	if (a->cast.foreign)
		start(foreign, a);
}

static void count_all(struct arena *a, const struct worker *w)
{
	void *g[RUNQ_SIZE];
	u32 i, n, held = 0;

	if (a->failures)
		return;		/* the queue may be in any state */
	n = weft__seize(a->p, g, true);
	give_out(a, g, n);
	for (i = 0; i < a->cast.workers; i++)
		held += w[i].n;
	tokens_count(a, held);
}

u32 arena_run(struct arena *a, const struct cast *cast, u32 ms)
{
	struct worker *w = calloc(WORKERS, sizeof(*w));
	s64 end = weft__now() + (s64)ms * NSEC_PER_MSEC;

	a->cast = *cast;
	nthreads = 0;
	start_all(a, w);
	while (weft__now() < end && !READ_ONCE(a->failures))
		usleep(1000);
	WRITE_ONCE(a->stop, 1);
	while (nthreads)
		pthread_join(threads[--nthreads], NULL);
	count_all(a, w);
	free(w);
	return a->failures;
}

void arena_print(const struct arena *a)
{
	const struct arena_counts *n = &a->n;

#define x(f) (unsigned long long)n->f
	printf("# pushed %llu popped %llu (%llu taken back) tails %llu "
	       "published %llu batches in %llu out %llu\n",
	       x(pushed), x(popped), x(taken_back), x(tails), x(published),
	       x(batch_in), x(batch_out));
	printf("# refused %llu full %llu stolen %llu seized %llu in %llu "
	       "seizures (%llu of nothing) moved %llu foreign %llu kicks "
	       "%llu\n", x(refused), x(full), x(stolen), x(seized),
	       x(seizures), x(missed), x(moved), x(foreign), x(kicks));
#undef x
	if (a->failures)
		printf("# %u failures, the first: %s\n", a->failures, a->first);
	fflush(stdout);
}
