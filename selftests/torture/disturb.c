// SPDX-License-Identifier: GPL-2.0-only
/*
 * disturb.c - who makes it hard.
 *
 *	mover		sets the affinity of Ms from outside, thousands of times
 *			a second: an M is migrated between any two instructions
 *	seizer		stops queues, takes what is in them to the global queue
 *	unseater	takes Ps off their CPUs, with what they hold
 *	procs		changes the number of Ps
 *	foreign		ordinary threads that spawn, join and detach
 *	hogs		two processes that take CPUs away for up to 20 ms
 */
#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

const char *const disturber_names[NDISTURB] = {
	[MOVER] = "mover", [SEIZER] = "seizer",	  [UNSEATER] = "unseater",
	[PROCS] = "procs", [FOREIGN] = "foreign", [HOGS] = "hogs",
};

static cpu_set_t allowed;
static int cpu[CPU_SETSIZE], ncpu;

static void read_cpus(void)
{
	int i;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (i = ncpu = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			cpu[ncpu++] = i;
}

static void pause_us(u64 us)
{
	struct timespec ts = { 0, (long)us * 1000 };

	nanosleep(&ts, NULL);
}

/* ---- the mover ---- */

static void move(struct m *m, const cpu_set_t *set)
{
	int tid = READ_ONCE(m->tid);

	/* 0: its thread has not begun; that would be ourselves */
	if (tid && !sched_setaffinity(tid, sizeof(*set), set))
		count(moves);
}

static void move_all(const cpu_set_t *set)
{
	u32 i, n = smp_load_acquire(&S.nm);

	for (i = 0; i < n; i++)
		move(S.m[i], set);
}

static void *mover(void *arg)
{
	u64 r = mix(run.seed ^ MOVER);
	cpu_set_t set;

	(void)arg;
	while (!READ_ONCE(run.quiet)) {
		set = allowed;
		if (rnd(&r, 2)) {
			CPU_ZERO(&set);
			CPU_SET(cpu[rnd(&r, (u64)ncpu)], &set);
		}
		if (!rnd(&r, 50))
			move_all(&set);
		else
			move(S.m[rnd(&r, smp_load_acquire(&S.nm))], &set);
		pause_us(rnd(&r, 100));
	}
	move_all(&allowed);
	return NULL;
}

/* ---- queues ---- */

static void *seizer(void *arg)
{
	u64 r = mix(run.seed ^ SEIZER);
	void *g[RUNQ_SIZE];
	u32 n;

	(void)arg;
	while (!READ_ONCE(run.quiet)) {
		n = weft__seize(S.p[rnd(&r, S.maxprocs)], g, rnd(&r, 2));
		count(seizures);
		__atomic_fetch_add(&counts.seized, n, __ATOMIC_RELAXED);
		if (n)
			weft__gq_put_batch(NULL, g, n);
		pause_us(rnd(&r, 200));
	}
	return NULL;
}

/* What it holds stays there: whoever names it next seats it again. */
static void unseat(struct p *p)
{
	u32 o = weft__rq_stop(p);

	if (o == RUNQ_STOPPED)
		return;
	if (o < S.nseats)
		smp_store_release(&S.seat[o], NULL);
	weft__rq_release(p, RUNQ_NOSEAT);
	count(unseated);
}

static void *unseater(void *arg)
{
	u64 r = mix(run.seed ^ UNSEATER);

	(void)arg;
	while (!READ_ONCE(run.quiet)) {
		unseat(S.p[rnd(&r, READ_ONCE(S.nprocs))]);
		pause_us(rnd(&r, 1000));
	}
	return NULL;
}

static void *resizer(void *arg)
{
	u64 r = mix(run.seed ^ PROCS);
	u32 most = S.nprocs;

	(void)arg;
	while (!READ_ONCE(run.quiet)) {
		if (weft_set_procs(1 + (u32)rnd(&r, most)))
			die("weft_set_procs failed");
		count(resized);
		pause_us(rnd(&r, 5000));
	}
	weft_set_procs(most);
	return NULL;
}

/* ---- ordinary threads that spawn ---- */

static void foreign_join(u64 *r)
{
	struct weft_g *g;
	struct child c;
	void *val = NULL;
	int ret;

	child_init(&c, rnd(r, ~0ull), (u32)rnd(r, 3));
	if (weft_spawn(&g, NULL, child_fn, &c))
		die("a thread's weft_spawn failed");
	ret = rnd(r, 2) ? -ETIMEDOUT :
			  weft_join_until(g, &val,
					  weft__now() + (s64)rnd(r, 50000));
	if (ret == -ETIMEDOUT)
		ret = weft_join(g, &val);
	if (ret)
		die("a thread's join: %d", ret);
	child_check(&c, val);
}

static void foreign_go(u64 *r)
{
	struct child *c = malloc(sizeof(*c));
	struct weft_g *g;
	int ret;

	if (!c)
		die("no memory");
	child_init(c, rnd(r, ~0ull), 0);
	if (rnd(r, 2)) {
		ret = weft_go(child_detached, c);
	} else {
		ret = weft_spawn(&g, NULL, child_detached, c);
		if (!ret)
			ret = weft_detach(g);
	}
	if (ret)
		die("a thread's weft_go: %d", ret);
}

static void *foreign(void *arg)
{
	u64 r = mix(run.seed ^ FOREIGN ^ (uintptr_t)arg << 32);

	if (weft_thread_register())
		die("weft_thread_register failed");
	while (!READ_ONCE(run.quiet)) {
		if (rnd(&r, 2))
			foreign_join(&r);
		else
			foreign_go(&r);
		count(foreign);
		pause_us(rnd(&r, 500));
	}
	weft_thread_unregister();
	return NULL;
}

/* ---- processes ---- */

static pid_t hog[2];

_Noreturn static void be_hog(u64 n)
{
	u64 r = mix(run.seed ^ HOGS ^ n << 32);
	cpu_set_t set;
	s64 end;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		set = allowed;
		if (rnd(&r, 3)) {
			CPU_ZERO(&set);
			CPU_SET(cpu[n % (u64)ncpu], &set);
		}
		sched_setaffinity(0, sizeof(set), &set);
		end = weft__now() + (s64)rnd(&r, 20 * NSEC_PER_MSEC);
		while (weft__now() < end)
			;
		pause_us(rnd(&r, 20000));
	}
}

/* Before there is a second thread. */
void hogs_start(void)
{
	u32 i;

	read_cpus();
	for (i = 0; i < ARRAY_SIZE(hog) && run.disturb & 1 << HOGS; i++) {
		hog[i] = fork();
		if (!hog[i])
			be_hog(i);
	}
}

void hogs_stop(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hog); i++)
		if (hog[i] > 0) {
			kill(hog[i], SIGKILL);
			waitpid(hog[i], NULL, 0);
		}
}

/* ---- all of them ---- */

static pthread_t thread[NDISTURB + 1];
static u32 nthread;

static void begin(enum disturber d, void *(*fn)(void *), void *arg)
{
	if (!(run.disturb & 1u << d))
		return;
	if (pthread_create(&thread[nthread++], NULL, fn, arg))
		die("pthread_create failed");
}

void disturbers_start(void)
{
	begin(MOVER, mover, NULL);
	begin(SEIZER, seizer, NULL);
	begin(UNSEATER, unseater, NULL);
	begin(PROCS, resizer, NULL);
	begin(FOREIGN, foreign, (void *)1);
	begin(FOREIGN, foreign, (void *)2);
}

void disturbers_stop(void)
{
	WRITE_ONCE(run.quiet, 1);
	while (nthread)
		pthread_join(thread[--nthread], NULL);
}
