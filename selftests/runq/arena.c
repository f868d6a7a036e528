// SPDX-License-Identifier: GPL-2.0-only
/*
 * arena.c - the threads that work on one queue; see arena.h.
 *
 * Preemption between any two steps is forced: the workers share a CPU, and a
 * thread that wakes up there thousands of times a second sends them signals.
 */
#include "arena.h"

#include <os/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define add(a, field, k)                                                      \
	__atomic_fetch_add(&(a)->n.field, (u64)(k), __ATOMIC_RELAXED)
#define inc(a, field) add(a, field, 1)

/* ---- tokens ---- */

static u32 inside[TOKENS + 1];
static struct {
	struct weft__lock lock;
	u32 n;
	uintptr_t t[TOKENS];
} pool;

__attribute__((format(printf, 2, 3))) static void
found(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&a->failures, 1, __ATOMIC_RELAXED))
		return;
	va_start(ap, fmt);
	vsnprintf(a->first, sizeof(a->first), fmt, ap);
	va_end(ap);
}

static void *go_in(struct arena *a, uintptr_t t)
{
	if (xchg(&inside[t], 1))
		found(a, "token %lu put in twice", (unsigned long)t);
	return (void *)t;
}

static uintptr_t came_out(struct arena *a, void *g)
{
	uintptr_t t = (uintptr_t)g;

	if (!t || t > TOKENS) {
		found(a, "%#lx came out, no token", (unsigned long)t);
		return 0;
	}
	if (!xchg(&inside[t], 0))
		found(a, "token %lu came out twice", (unsigned long)t);
	return t;
}

static void give(void **g, u32 n)
{
	weft__lock(&pool.lock);
	for (; n && pool.n < TOKENS; n--)
		pool.t[pool.n++] = (uintptr_t)*g++;
	weft__unlock(&pool.lock);
}

static uintptr_t get(void)
{
	uintptr_t t;

	weft__lock(&pool.lock);
	t = pool.n ? pool.t[--pool.n] : 0;
	weft__unlock(&pool.lock);
	return t;
}

/* They came out of the queue. */
static void give_out(struct arena *a, void **g, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!came_out(a, g[i]))
			return;
	give(g, n);
}

/* ---- the queue, as each kind of thread sees it ---- */

static u64 rnd(u64 *s, u64 n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s % n;
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
static u32 stop_unfenced(struct p *p)
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

/* ---- a worker ---- */

struct worker {
	struct arena *a;
	u32 i;
	int cpu;
	u64 rng;
	u32 n;			/* tokens in hand */
	void *t[RUNQ_SIZE];
};

/* After a failure there may be more of them than there are. */
static void keep(struct worker *w, void *g)
{
	if (w->n < RUNQ_SIZE)
		w->t[w->n++] = g;
}

/* Nobody else has stopped the queue: it sits where S.seat says. */
static void sit(struct p *p, u32 o, u32 to)
{
	if (o < S.nseats)
		smp_store_release(&S.seat[o], NULL);
	if (to < S.nseats)
		smp_store_release(&S.seat[to], p);
	weft__rq_release(p, to);
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

static void pop_batch(struct worker *w, struct m *m, struct p *p)
{
	void *g[32];
	u32 i, k = RQ(pop_batch, m->vc, &p->q, g, 32);

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
		pop_batch(w, m, p);
	} else {
		RQ(settle, m->vc, &p->q);
		add(w->a, published, RQ(publish, m->vc, &p->q));
	}
	if (READ_ONCE(w->a->sleeping))
		inc(w->a, during);
}

static void bind(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct m *arena_be(struct arena *a, u32 i, int cpu)
{
	struct m *m = a->m[i];

	bind(cpu);
	m->vc = weft__twin ? &m->fake : (struct vcpu *)weft__rseq_area();
	if (a->cast.plant == PLANT_DESCRIPTOR) {
		m->fake.cpu_id = (u32)cpu;
		m->vc = &m->fake;
	}
	return m;
}

static void *worker(void *arg)
{
	struct worker *w = arg;
	struct m *m = arena_be(w->a, w->i, w->cpu);

	while (!READ_ONCE(w->a->stop))
		work(w, m, w->a->p);
	return NULL;
}

/* ---- the others ---- */

static void *thief(void *arg)
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

static void *seizer(void *arg)
{
	struct arena *a = arg;
	u64 r = 815;
	void *g[RUNQ_SIZE];
	u32 n;

	if (a->cast.plant)
		bind(a->cpu[1]);
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
static void *mover(void *arg)
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
static void *foreign(void *arg)
{
	struct arena *a = arg;
	void *g;

	bind(a->cpu[0]);
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

static pthread_t threads[16];
static u32 nthreads;

/* Wakes up on the workers' CPU, which preempts one, and signals the others. */
static void *kicker(void *arg)
{
	struct arena *a = arg;
	u64 r = 31;

	bind(a->cpu[0]);
	while (!READ_ONCE(a->stop)) {
		pthread_kill(threads[rnd(&r, a->cast.workers)], SIGUSR1);
		inc(a, kicks);
		usleep((u32)rnd(&r, 60));
	}
	return NULL;
}

/* ---- all of it ---- */

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
	u32 i;

	memset(a->p, 0, sizeof(*a->p));
	memset(inside, 0, sizeof(inside));
	memset(&a->n, 0, sizeof(a->n));
	a->p->q.phead = a->p->q.tail = base;
	a->p->q.b = RUNQ_B(base, 0);
	a->p->q.seat = weft__twin ? 0 : (u32)a->cpu[0];
	memset(S.seat, 0, S.nseats * sizeof(*S.seat));
	S.seat[a->p->q.seat] = a->p;
	for (i = 0; i < TOKENS; i++)
		pool.t[i] = i + 1;
	pool.n = TOKENS;
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

/* Everyone has left: count what is where. */
static void count_all(struct arena *a, const struct worker *w)
{
	void *g[RUNQ_SIZE];
	u32 i, n, sum;

	if (a->failures)
		return;		/* the queue may be in any state */
	n = weft__seize(a->p, g, true);
	give_out(a, g, n);
	sum = pool.n;
	for (i = 0; i < a->cast.workers; i++)
		sum += w[i].n;
	if (sum != TOKENS)
		found(a, "%u tokens of %u are left", sum, TOKENS);
	for (i = 1; i <= TOKENS; i++)
		if (inside[i])
			found(a, "token %u never came out", i);
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
