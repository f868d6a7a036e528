// SPDX-License-Identifier: GPL-2.0-only
/*
 * hard.c - situations that the torture test meets by chance, made on purpose:
 * Ms wander among more CPUs than there are Ps; Gs are left behind on a CPU
 * that no M runs on; an M gets to run a G before it ever had a P; locked Gs
 * come and go; a million Gs are parked.  timeout: 300
 */
#include <weft/weft.h>
#include <core/sched.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

/* True if cond becomes true in time; without sleeping for luck. */
#define soon(cond) within(5, cond)
#define within(seconds, cond)                                                 \
	__extension__({                                                       \
		s64 end_ = weft__now() + NSEC_PER_SEC * (seconds);            \
		bool ok_;                                                     \
		while (!(ok_ = (cond)) && weft__now() < end_)                 \
			usleep(100);                                          \
		ok_;                                                          \
	})

FIXTURE(hard)
{
	int cpu[2];
};

FIXTURE_SETUP(hard)
{
	cpu_set_t set;
	int i, n = 0;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(set), &set));
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			self->cpu[n++] = i;
	if (n < 2)
		SKIP(return, "needs two CPUs");
}

FIXTURE_TEARDOWN(hard)
{
}

static int start(u32 procs)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = procs };

	return weft_start(&o);
}

static struct weft_stats stats(void)
{
	struct weft_stats st = { 0 };

	weft_stats(&st, sizeof(st));
	return st;
}

/* All Ms there are to one CPU. */
static void move_all(int cpu)
{
	u32 i, n = smp_load_acquire(&S.nm);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	for (i = 0; i < n; i++)
		if (READ_ONCE(S.m[i]->tid))
			sched_setaffinity(S.m[i]->tid, sizeof(set), &set);
}

/* ---- one P, two CPUs ---- */

static u32 stop_;
static int where = -1;
static u64 turns;

static void *wanderer(void *arg)
{
	while (!READ_ONCE(stop_)) {
		WRITE_ONCE(where, sched_getcpu());
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		weft_yield();
	}
	return arg;
}

/* The P's seat follows its M, and all Gs go on. */
TEST_F(hard, the_seat_follows_the_ms)
{
	struct weft_g *g[10];
	u64 before, reseats;
	u32 i;

	ASSERT_EQ(0, start(1));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, weft_spawn(&g[i], NULL, wanderer, NULL));
	ASSERT_TRUE(soon(READ_ONCE(turns) > 100));
	reseats = stats().reseats;
	for (i = 0; i < 200; i++) {
		before = READ_ONCE(turns);
		move_all(self->cpu[i & 1]);
		ASSERT_TRUE(soon(READ_ONCE(where) == self->cpu[i & 1] &&
				 READ_ONCE(turns) > before + 20));
	}
	/* Without rseq a queue belongs to an M, wherever that is. */
	EXPECT_TRUE(weft__twin || reseats + 150 <= stats().reseats);
	WRITE_ONCE(stop_, 1);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, weft_join(g[i], NULL));
	ASSERT_EQ(0, weft_stop());
}

/* ---- left behind ---- */

#define LEFT 100

static u32 ran, spun, yields;

static void *short_one(void *arg)
{
	__atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
	return arg;
}

/*
 * Fills the queue of the P that sits on its CPU, and takes all Ms away from
 * there; then its M does not help, or does.
 */
static void *leaver(void *arg)
{
	const int *cpu = arg;
	u32 i;

	for (i = 0; i < LEFT; i++)
		if (weft_go(short_one, NULL))
			return "no memory";
	move_all(cpu[1]);
	smp_store_release(&spun, 1);
	while (!READ_ONCE(stop_))
		if (READ_ONCE(yields))
			weft_yield();
	return NULL;
}

static void leave_behind(struct __test_metadata *_metadata, const int *cpu)
{
	struct weft_stats a, b;
	struct weft_g *g;
	void *ret = NULL;

	ASSERT_EQ(0, start(2));
	a = stats();
	move_all(cpu[0]);
	ASSERT_EQ(0, weft_spawn(&g, NULL, leaver, (void *)cpu));
	ASSERT_TRUE(soon(READ_ONCE(spun)));
	EXPECT_TRUE(soon(READ_ONCE(ran) == LEFT));
	b = stats();
	printf("# re-seats %llu, seizures %llu of %llu Gs, steals %llu\n",
	       (unsigned long long)(b.reseats - a.reseats),
	       (unsigned long long)(b.seizures - a.seizures),
	       (unsigned long long)(b.seized - a.seized),
	       (unsigned long long)(b.steals - a.steals));
	WRITE_ONCE(stop_, 1);
	ASSERT_EQ(0, weft_join(g, &ret));
	ASSERT_EQ(NULL, ret);
	ASSERT_TRUE(soon(weft_stop() == 0));
	if (!READ_ONCE(yields)) {
		/* Its M did nothing for them: they were fetched. */
		EXPECT_LT(a.seizures + a.steals + a.global_got,
			  b.seizures + b.steals + b.global_got);
	}
}

TEST_F(hard, gs_left_behind_by_an_m_that_computes)
{
	leave_behind(_metadata, self->cpu);
}

TEST_F(hard, gs_left_behind_by_an_m_that_moved)
{
	yields = 1;
	leave_behind(_metadata, self->cpu);
}

/* ---- before it ever had a P ---- */

static u32 blocked, slept;

static void *blocker(void *arg)
{
	weft_block_begin();
	smp_store_release(&blocked, 1);
	while (!READ_ONCE(stop_))
		usleep(1000);
	weft_block_end();
	return arg;
}

static void *sleeper(void *arg)
{
	weft_sleep(1000);
	smp_store_release(&slept, 1);
	return arg;
}

/*
 * The M's token goes to a new one while the only P is stopped and sits
 * nowhere: a G from the global queue runs there, and has a deadline.
 */
TEST_F(hard, a_g_sleeps_on_an_m_that_never_had_a_p)
{
	u32 o;

	ASSERT_EQ(0, start(1));
	ASSERT_EQ(0, weft_go(blocker, NULL));
	ASSERT_TRUE(soon(smp_load_acquire(&blocked)));
	ASSERT_TRUE(soon((o = weft__rq_stop(S.p[0])) != RUNQ_STOPPED));
	if (o < S.nseats)
		smp_store_release(&S.seat[o], NULL);
	ASSERT_EQ(0, weft_go(sleeper, NULL));
	EXPECT_TRUE(soon(smp_load_acquire(&slept)));
	weft__rq_release(S.p[0], RUNQ_NOSEAT);
	WRITE_ONCE(stop_, 1);
	ASSERT_TRUE(soon(weft_stop() == 0));
}

/* ---- locked Gs ---- */

static void *locked(void *arg)
{
	while (!READ_ONCE(stop_)) {
		weft_lock_thread();
		weft_yield();
		weft_yield();
		weft_unlock_thread();
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		weft_yield();
	}
	return arg;
}

static bool all_idle(void)
{
	u32 i;

	for (i = 0; i < S.nprocs; i++)
		if (READ_ONCE(S.tok[i]) && !(READ_ONCE(S.tok[i]) & TOK_IDLE))
			return false;
	return true;
}

/* When they are gone every token falls idle: none names an M for ever. */
TEST_F(hard, no_token_is_lost_to_locked_gs)
{
	s64 end = weft__now() + 3 * NSEC_PER_SEC;
	struct weft_g *g[4];
	u32 i;

	ASSERT_EQ(0, start(2));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, weft_spawn(&g[i], NULL, locked, NULL));
	for (i = 0; weft__now() < end; i++) {
		move_all(self->cpu[i & 1]);
		usleep(50);
	}
	WRITE_ONCE(stop_, 1);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, weft_join(g[i], NULL));
	EXPECT_LT(1000, READ_ONCE(turns));
	EXPECT_TRUE(soon(all_idle()));
	ASSERT_EQ(0, weft_stop());
}

/* ---- a million ---- */

#define MANY 1000000

static u64 proc_value(const char *file, const char *name)
{
	char line[256];
	u64 val = 0;
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			val = strtoull(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return val;
}

static u32 mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	u32 n = 0;
	int c;

	while (f && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static u64 kb(void)
{
	return proc_value("/proc/self/status", "VmRSS") +
	       proc_value("/proc/self/status", "VmPTE");
}

static void *parked(void *arg)
{
	weft_park(arg);
	__atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
	return NULL;
}

TEST_F(hard, a_million_parked_gs)
{
	struct weft_parker *p;
	u64 before, bytes;
	const char *why;
	u32 i, maps;

#ifdef WEFT_CONTEXT_UCONTEXT
	SKIP(return, "a ucontext_t is larger than what is measured here");
#endif
	if (getenv("WEFT_RSEQ"))
		SKIP(return, "the same memory in each mode: once is enough");
	if (proc_value("/proc/meminfo", "MemAvailable") < 8 << 20)
		SKIP(return, "needs 8 GB of memory");
	p = calloc(MANY, sizeof(*p));
	ASSERT_NE(NULL, p);
	memset(p, 0, MANY * sizeof(*p));
	ASSERT_EQ(0, start(0));
	why = weft__feature_why(WEFT__GUARD);
	if (why)
		SKIP(return, "guard pages need mappings: %s", why);
	before = kb();
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, weft_go(parked, &p[i]));
	ASSERT_TRUE(within(100, stats().parked == MANY));
	maps = mappings();
	bytes = (kb() - before) * 1024 / MANY;
	printf("# %llu bytes a G, %u mappings\n", (unsigned long long)bytes,
	       maps);
	EXPECT_LT(bytes, 4608);
	EXPECT_LT(maps, 2000);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, weft_unpark(&p[i]));
	ASSERT_TRUE(within(100, READ_ONCE(ran) == MANY));
	ASSERT_TRUE(soon(weft_stop() == 0));
}

TEST_HARNESS_MAIN
