// SPDX-License-Identifier: GPL-2.0-only
/*
 * clk.c - the biased lock: one holder at a time, whoever asks from wherever,
 * though holders move and are preempted.
 */
#include "../core/rt.h"
#include <ds/clk.h>

#include "kselftest_harness.h"

static struct clk l;
static int cpu[2];

static void on_cpu(int c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(c, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
}

static bool two_cpus(void)
{
	cpu_set_t set;
	int c, n = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (c = 0; c < CPU_SETSIZE && n < 2; c++)
		if (CPU_ISSET(c, &set))
			cpu[n++] = c;
	if (n == 1)
		cpu[1] = cpu[0];
	return n == 2;
}

static u32 seat(void)
{
	return (u32)l.b.bias;
}

static void step(struct vcpu *vc)
{
	CHECK(clk_try(vc, &l));
	CHECK(clk_held(&l));
	CHECK(!clk_try(vc, &l));
	clk_unlock(&l);
	CHECK(!clk_held(&l));
}

static bool begin(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, rt_start(1));
	if (weft__twin) {
		rt_stop();
		SKIP(return false, "no restartable sequences");
	}
	if (!two_cpus()) {
		rt_stop();
		SKIP(return false, "needs two CPUs");
	}
	return true;
}

TEST(stays_with_its_cpu)
{
	struct vcpu *vc;
	int i;
	u64 s;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	on_cpu(cpu[0]);
	step(vc);
	EXPECT_EQ(BIAS_CPU0 + (u32)cpu[0], seat());
	s = l.b.bias;
	for (i = 0; i < 1000; i++)
		step(vc);
	EXPECT_EQ(s, l.b.bias);
	DONE();
}

/* Taken here, given back there; and looked at while it is held. */
TEST(holder_moves)
{
	struct vcpu *vc;
	int i;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	for (i = 0; i < 100; i++) {
		on_cpu(cpu[i & 1]);
		clk_lock(vc, &l);
		on_cpu(cpu[~i & 1]);
		CHECK(!clk_try(vc, &l));
		clk_unlock(&l);
		step(vc);
	}
	DONE();
}

/* A look at a lock that is held does not take it from its CPU. */
TEST(a_vain_look_revokes_nothing)
{
	struct vcpu *vc;
	u64 s;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	on_cpu(cpu[0]);
	clk_lock(vc, &l);
	s = l.b.bias;
	on_cpu(cpu[1]);
	CHECK(!clk_try(vc, &l));
	EXPECT_EQ(s, l.b.bias);
	clk_unlock(&l);
	CHECK(clk_try(vc, &l));
	EXPECT_EQ(BIAS_SHARED, seat());
	clk_unlock(&l);
	DONE();
}

TEST(before_the_first_start)
{
	/* No feature was probed yet, and no membarrier registered. */
	struct vcpu *vc = weft__my_vcpu();
	int i;

	two_cpus();
	for (i = 0; i < 10; i++) {
		on_cpu(cpu[i & 1]);
		step(vc);
	}
	EXPECT_EQ(BIAS_FOREVER, seat());
	ASSERT_EQ(0, rt_start(1));
	vc = weft__my_vcpu();
	for (i = 0; i < 10; i++)
		step(vc);
	EXPECT_EQ(BIAS_FOREVER, seat());
	DONE();
}

/* ---- all at once ---- */

#define THREADS 5

static u64 each, sum[2], inside;
static bool move, no_rseq;

static void once(struct vcpu *vc, u64 i, u64 n)
{
	u64 a;

	clk_lock(vc, &l);
	CHECK(++inside == 1);
	a = READ_ONCE(sum[0]);
	CHECK(a == READ_ONCE(sum[1]));
	WRITE_ONCE(sum[0], a + 1);
	if (move && i % 512 == 0)
		on_cpu(cpu[(i / 512 + n) % 2]);
	if (i % 1024 == n)	/* preempted while it holds the lock */
		sched_yield();
	WRITE_ONCE(sum[1], a + 1);
	inside--;
	clk_unlock(&l);
}

static void *adds(void *arg)
{
	struct vcpu none = { .cpu_id = RUNQ_NOCPU }, *vc = weft__my_vcpu();
	u64 i, n = (uintptr_t)arg;

	if (no_rseq && n == THREADS - 1)
		vc = &none;
	on_cpu(cpu[move ? n % 2 : 0]);
	for (i = 0; i < each; i++) {
		if (move && i % 256 == 0)
			on_cpu(cpu[(i / 256 + n) % 2]);
		once(vc, i, n);
		if (i % 4096 > 3000)	/* and for a while not at all */
			sched_yield();
	}
	return NULL;
}

static void all_at_once(struct __test_metadata *_metadata)
{
	pthread_t t[THREADS];
	uintptr_t i;

	each = 20000;
	ASSERT_EQ(0, rt_start(1));
	two_cpus();
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, adds, (void *)i));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(THREADS * each, sum[0]);
	EXPECT_EQ(THREADS * each, sum[1]);
	EXPECT_FALSE(clk_held(&l));
	DONE();
}

TEST(one_cpu)
{
	all_at_once(_metadata);
}

TEST(threads_that_move)
{
	move = true;
	all_at_once(_metadata);
}

TEST(one_without_rseq)
{
	move = no_rseq = true;
	all_at_once(_metadata);
	EXPECT_EQ(BIAS_FOREVER, seat());
}

/* A holder of the lowest priority, and waiters that do not leave it the CPU */
static u32 holds, waits;

static void *waits_for_it(void *arg)
{
	struct vcpu *vc = weft__my_vcpu();

	(void)arg;
	on_cpu(cpu[0]);
	atomic_add(&waits, 1);
	clk_lock(vc, &l);
	clk_unlock(&l);
	return NULL;
}

static void *holds_it(void *arg)
{
	struct sched_param sp = { 0 };
	s64 end;

	(void)arg;
	on_cpu(cpu[0]);
	clk_lock(weft__my_vcpu(), &l);
	CHECK(!sched_setscheduler(0, SCHED_IDLE, &sp));
	rt_set(&holds, 1);
	while (READ_ONCE(waits) < 2)
		sched_yield();
	for (end = weft__now() + 2 * NSEC_PER_MSEC; weft__now() < end;)
		cpu_relax();
	clk_unlock(&l);
	return NULL;
}

TEST(holder_gets_a_cpu)
{
	pthread_t t[3];
	int i;

	ASSERT_EQ(0, rt_start(1));
	two_cpus();
	ASSERT_EQ(0, pthread_create(&t[0], NULL, holds_it, NULL));
	EXPECT_TRUE(AWAIT(rt_get(&holds)));
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, waits_for_it, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	DONE();
}

TEST_HARNESS_MAIN
