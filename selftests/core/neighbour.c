// SPDX-License-Identifier: GPL-2.0-only
/*
 * neighbour.c - other processes and masks take CPUs away: the kernel moves Ms,
 * and what waits in the Ps is brought along or seized.
 *
 * "All progress" means that each G has so many turns from here on; how fast is
 * for the benchmark to say.
 */
#include "rt.h"

#include <sched.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"

#define GS 40
#define TURNS 20

static u32 stop;
static u32 turns[GS];
static bool computing;

/* Yields at once, or computes for a while and yields when its slice is over. */
static void *worker(void *arg)
{
	u32 *mine = arg;
	s64 end;

	while (!READ_ONCE(stop)) {
		WRITE_ONCE(*mine, *mine + 1);
		if (!computing) {
			weft_yield();
			continue;
		}
		end = weft__cpu_time() + 200 * NSEC_PER_USEC;
		while (weft__cpu_time() < end)
			weft_checkpoint();
	}
	return NULL;
}

static bool all_progress(void)
{
	u32 from[GS], i;
	bool ok = true;

	for (i = 0; i < GS; i++)
		from[i] = READ_ONCE(turns[i]);
	for (i = 0; i < GS; i++)
		ok &= AWAIT(READ_ONCE(turns[i]) - from[i] >= TURNS);
	if (!ok)
		weft_dump(2);
	return ok;
}

static void start_workers(struct __test_metadata *_metadata, bool compute)
{
	u32 i;

	computing = compute;
	ASSERT_EQ(0, rt_start(2));
	for (i = 0; i < GS; i++)
		ASSERT_EQ(0, weft_go(worker, &turns[i]));
	EXPECT_TRUE(all_progress());
}

static void end_workers(struct __test_metadata *_metadata)
{
	WRITE_ONCE(stop, 1);
	DONE();
}

/* ---- a foreign process on one CPU ---- */

static pid_t foreign_hog(u32 cpu)
{
	cpu_set_t set;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
	for (;;)
		cpu_relax();
}

static void beside_a_hog(struct __test_metadata *_metadata, bool compute)
{
	u32 cpu = (u32)rt_first_cpu(0);
	pid_t pid = foreign_hog(cpu);

	ASSERT_GT(pid, 0);
	start_workers(_metadata, compute);
	EXPECT_TRUE(all_progress());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_TRUE(all_progress());
	end_workers(_metadata);
}

TEST(yielding_gs_beside_a_foreign_hog)
{
	NEEDS_CPUS(2);
	beside_a_hog(_metadata, false);
}

TEST(computing_gs_beside_a_foreign_hog)
{
	NEEDS_CPUS(2);
	beside_a_hog(_metadata, true);
}

/* ---- a mask that shrinks, moves and grows again ---- */

static void confine(const cpu_set_t *set, size_t sz)
{
	u32 i, n = smp_load_acquire(&S.nm);

	for (i = 0; i < n; i++)
		CHECK(!weft__thread_bind(S.m[i]->tid, set, sz));
}

static void confine_to(u32 cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	confine(&one, sizeof(one));
}

/* Nothing waits in a P that sits elsewhere; moves are counted. */
static bool nothing_left_behind(u32 cpu)
{
	u32 i;

	for (i = 0; i < S.nprocs; i++) {
		struct p *p = S.p[i];

		if (!weft__twin && READ_ONCE(p->q.seat) != cpu &&
		    runq_waiting(&p->q))
			return false;
	}
	return true;
}

static u32 nth_cpu(u32 n)
{
	u32 c;

	for (c = 0; c < S.topo.ncpu; c++)
		if (weft__topo_allowed(&S.topo, c) && !n--)
			return c;
	return 0;
}

static void mask_moves(struct __test_metadata *_metadata, bool compute)
{
	struct weft_stats st;
	u32 c;

	start_workers(_metadata, compute);
	st = rt_stats();
	for (c = 0; c < 4; c++) {
		confine_to(nth_cpu(c % 2));
		EXPECT_TRUE(all_progress());
		EXPECT_TRUE(AWAIT(nothing_left_behind(nth_cpu(c % 2))));
	}
	confine(S.topo.allowed, S.topo.setsize);
	EXPECT_TRUE(all_progress());
	/* By an M that came to a CPU without a P, or that left Gs behind. */
	if (!weft__twin)
		EXPECT_GT(rt_stats().reseats + rt_stats().seizures,
			  st.reseats + st.seizures);
	end_workers(_metadata);
}

TEST(yielding_gs_and_a_mask_that_moves)
{
	NEEDS_CPUS(2);
	mask_moves(_metadata, false);
}

TEST(computing_gs_and_a_mask_that_moves)
{
	NEEDS_CPUS(2);
	mask_moves(_metadata, true);
}

/* ---- bound to one CPU each: whoever takes a token goes to its CPU ---- */

static bool on_cpu_of(u32 tok)
{
	struct m *m = tok_m(READ_ONCE(S.tok[tok]));
	cpu_set_t set;

	return m && READ_ONCE(m->tid) &&
	       !sched_getaffinity(m->tid, sizeof(set), &set) &&
	       CPU_COUNT(&set) == 1 && CPU_ISSET(S.p[tok]->home, &set);
}

static u32 hogging;

static void *hog(void *arg)
{
	__atomic_add_fetch(&hogging, 1, __ATOMIC_SEQ_CST);
	CHECK(G_SPIN(READ_ONCE(stop)));
	return arg;
}

TEST(bound_to_cpus_a_hogs_successor_is_too)
{
	u32 i;

	NEEDS_CPUS(2);
	setenv("WEFT_BIND", "cpu", 1);
	ASSERT_EQ(0, rt_start(2));
	/* Each of the Ms after the first two sits beside a hog. */
	for (i = 1; i <= 6; i++) {
		ASSERT_EQ(0, weft_go(hog, NULL));
		EXPECT_TRUE(AWAIT(READ_ONCE(hogging) == i));
		EXPECT_TRUE(AWAIT(on_cpu_of(0) && on_cpu_of(1)));
	}
	EXPECT_TRUE(AWAIT(rt_stats().hogs >= 4));
	end_workers(_metadata);
}

TEST_HARNESS_MAIN
