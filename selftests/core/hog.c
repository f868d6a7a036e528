// SPDX-License-Identifier: GPL-2.0-only
/*
 * hog.c - a G that computes on while others wait gets an M put beside its own;
 * see lib/core/hog.c.
 *
 * Each hog computes until somebody who waits behind it has run: without another
 * M that never comes, and CHECK() of G_SPIN() says so.
 */
#include "rt.h"

#include <sys/resource.h>

#include "kselftest_harness.h"

static u32 hogging, others, released;

/* Never enters weft until the others behind it have run. */
static void *hog(void *arg)
{
	__atomic_add_fetch(&hogging, 1, __ATOMIC_SEQ_CST);
	CHECK(G_SPIN(READ_ONCE(others)));
	return arg;
}

static void *other(void *arg)
{
	__atomic_add_fetch(&others, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *hog_and_other(void *arg)
{
	weft_fn *fn = (weft_fn *)(uintptr_t)arg;

	CHECK(!weft_go(fn, NULL));
	CHECK(!weft_go(other, NULL));
	return NULL;
}

static void hog_before_other(struct __test_metadata *_metadata, weft_fn *fn)
{
	struct trace_entry e = { 0 };

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(hog_and_other, (void *)(uintptr_t)fn));
	EXPECT_TRUE(AWAIT(READ_ONCE(others)));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	/* Written down after the token has moved. */
	EXPECT_TRUE(AWAIT(rt_event(&S.trace, TRACE_HOG, 0, &e)));
	EXPECT_GE(rt_stats().hogs, 1);
	EXPECT_EQ(0, e.a);
	EXPECT_EQ(0, rt_stats().handoffs);
	DONE();
}

TEST(others_go_on_beside_a_hog)
{
	hog_before_other(_metadata, hog);
}

static void *hog_in_section(void *arg)
{
	weft_block_begin();
	hog(arg);
	weft_block_end();
	return arg;
}

TEST(a_hog_in_an_announced_section)
{
	hog_before_other(_metadata, hog_in_section);
}

static void *hog_locked(void *arg)
{
	int tid = weft__gettid();

	CHECK(!weft_lock_thread());
	hog(arg);
	weft_yield();
	CHECK(weft__gettid() == tid);
	CHECK(!weft_unlock_thread());
	return arg;
}

TEST(a_hog_that_is_bound_to_its_thread)
{
	hog_before_other(_metadata, hog_locked);
}

/* What it starts while it has no token is run by others. */
static void *hog_spawns(void *arg)
{
	struct weft_g *g;
	void *ret = NULL;

	hog(arg);
	CHECK(!weft_spawn(&g, NULL, other, &g));
	CHECK(G_SPIN(READ_ONCE(others) >= 2));
	CHECK(!weft_join(g, &ret) && ret == &g);
	return arg;
}

TEST(what_a_hog_starts_runs)
{
	hog_before_other(_metadata, hog_spawns);
}

static u32 stop;

static void *wants_the_p(void *arg)
{
	while (!READ_ONCE(stop)) {
		WRITE_ONCE(others, 1);
		weft_yield();
	}
	return arg;
}

static void *returns(void *arg)
{
	hog(arg);
	weft_yield();
	WRITE_ONCE(released, 1);
	return arg;
}

TEST(a_hog_comes_back_as_from_a_blocking_call)
{
	struct m *m;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(returns, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(hogging)));
	ASSERT_EQ(0, weft_go(wants_the_p, NULL));
	/* Its G waits its turn and goes on; its M is a spare. */
	EXPECT_TRUE(AWAIT(READ_ONCE(released)));
	m = S.m[0];
	EXPECT_TRUE(AWAIT(READ_ONCE(m->state) == M_CACHE));
	EXPECT_GE(rt_stats().returns_global, 1);
	EXPECT_GE(READ_ONCE(m->n.global_put), 1);
	EXPECT_NE(m, tok_m(READ_ONCE(S.tok[0])));
	WRITE_ONCE(stop, 1);
	DONE();
}

static void *computes(void *arg)
{
	WRITE_ONCE(hogging, 1);
	CHECK(G_SPIN(READ_ONCE(released)));
	return arg;
}

/* How often this thread has gone to sleep in the kernel: a page fault, say. */
static long slept(void)
{
	struct rusage ru;

	return getrusage(RUSAGE_THREAD, &ru) ? 0 : ru.ru_nvcsw;
}

static void *alone(void *arg)
{
	u64 ticks = READ_ONCE(S.n.ticks);
	long before = slept();

	/* Its slice is over, and ticks have passed since. */
	CHECK(G_SPIN(READ_ONCE(this_m()->expired)));
	ticks = READ_ONCE(S.n.ticks);
	CHECK(G_SPIN(READ_ONCE(S.n.ticks) > ticks + 5));
	*(long *)arg = slept() - before;
	return NULL;
}

TEST(who_is_in_nobodys_way_is_no_hog)
{
	long sleeps = -1;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(alone, &sleeps));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(0, rt_stats().hogs);
	/* One that slept, on a machine short of memory, may be handed off. */
	if (!sleeps)
		EXPECT_EQ(1, rt_stats().m_created);
	DONE();
}

#define HOGS 5

static void *computes_too(void *arg)
{
	__atomic_add_fetch(&hogging, 1, __ATOMIC_SEQ_CST);
	CHECK(G_SPIN(READ_ONCE(released)));
	return arg;
}

static void *many(void *arg)
{
	int i;

	for (i = 0; i < HOGS; i++)
		CHECK(!weft_go(computes_too, NULL));
	CHECK(!weft_go(other, NULL));
	return arg;
}

/* A successor that dispatches a hog gets a successor. */
TEST(each_hog_has_an_m)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(many, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(others)));
	EXPECT_EQ(HOGS, READ_ONCE(hogging));
	EXPECT_TRUE(AWAIT(rt_stats().hogs == HOGS));
	EXPECT_GE(rt_stats().ms, HOGS + 1);
	rt_set(&released, 1);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	/* They are spares now, and serve the next ones. */
	EXPECT_TRUE(AWAIT(rt_stats().spares + rt_stats().idle ==
			  rt_stats().ms));
	DONE();
}

TEST(the_cap_on_ms_ends_it)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .max_m = 3 };
	u64 ticks;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, weft_go(many, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(hogging) == 3));
	ticks = rt_stats().monitor_ticks;
	EXPECT_TRUE(AWAIT(rt_stats().monitor_ticks > ticks + 50));
	EXPECT_EQ(3, READ_ONCE(hogging));
	EXPECT_TRUE(AWAIT(rt_stats().hogs == 2));
	EXPECT_EQ(0, READ_ONCE(others));
	/* Nothing is lost. */
	rt_set(&released, 1);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(1, READ_ONCE(others));
	DONE();
}

/* Another M was preempted all the while: it used no CPU time. */
TEST(a_preempted_m_is_no_hog)
{
	struct m *m;

	ASSERT_EQ(0, rt_start(1));
	m = S.m[0];
	ASSERT_TRUE(AWAIT(READ_ONCE(m->state) == M_PARK));
	m->mon.cpu = 0;
	weft__hog_note(m);
	m->mon.over = 1000;
	EXPECT_FALSE(weft__hog(m, 10 * NSEC_PER_MSEC));
	m->mon.cpu -= 10 * NSEC_PER_MSEC;
	EXPECT_TRUE(weft__hog(m, 10 * NSEC_PER_MSEC));
	m->mon.cpu = 0;
	m->mon.over = 0;
	DONE();
}

/* The G that computes has a P; the Gs behind it are an idle M's to take. */
TEST(an_idle_m_goes_first)
{
	NEEDS_CPUS(2);
	ASSERT_EQ(0, rt_start(2));
	ASSERT_EQ(0, weft_go(computes, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(hogging)));
	EXPECT_TRUE(AWAIT(rt_stats().idle == 1));
	ASSERT_EQ(0, weft_go(other, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(others)));
	EXPECT_EQ(0, rt_stats().hogs);
	EXPECT_EQ(2, rt_stats().m_created);
	rt_set(&released, 1);
	DONE();
}

TEST_HARNESS_MAIN
