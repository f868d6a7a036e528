// SPDX-License-Identifier: GPL-2.0-only
/*
 * loose.c - an M that comes back for a moment only goes on without a token.
 *
 * One P, and a G that always wants it: so whoever blocks loses the token, and
 * comes back without one.
 */
#include "rt.h"
#include "kselftest_harness.h"

#define BURN (1 * NSEC_PER_MSEC)	/* not brief; see block.c */

static u32 stop;

struct napper {
	u32 rounds;
	s64 burn;		/* CPU time between two naps */
	u32 same;		/* rounds in a row on the same kernel thread */
	u32 done;
};

static void *wants_the_p(void *arg)
{
	while (!READ_ONCE(stop))
		weft_yield();
	return arg;
}

static void burn(s64 ns)
{
	s64 end = weft__cpu_time() + ns;

	while (ns && weft__cpu_time() < end)
		cpu_relax();
}

static void *naps(void *arg)
{
	struct timespec ts = { .tv_nsec = 2 * NSEC_PER_MSEC };
	struct napper *n = arg;
	int tid, last = 0;
	u32 r;

	for (r = 0; r < READ_ONCE(n->rounds) && !READ_ONCE(stop); r++) {
		WEFT_BLOCKING(nanosleep(&ts, NULL));
		tid = weft__gettid();
		WRITE_ONCE(n->same, tid == last ? n->same + 1 : 0);
		last = tid;
		burn(n->burn);
	}
	WRITE_ONCE(n->done, 1);
	return NULL;
}

TEST(brief_g_keeps_its_m)
{
	struct napper n = { .rounds = ~0u };

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(naps, &n));
	ASSERT_EQ(0, weft_go(wants_the_p, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(n.same) >= 20));
	EXPECT_GE(rt_stats().returns_loose, 20);
	/* The token is another's all the while. */
	EXPECT_GE(rt_stats().dispatched, 1000);
	WRITE_ONCE(stop, 1);
	DONE();
}

TEST(loose_m_gives_way_at_its_next_entry)
{
	struct napper n = { .rounds = ~0u };
	u64 before;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(naps, &n));
	ASSERT_EQ(0, weft_go(wants_the_p, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(n.same) >= 20));
	before = rt_stats().returns_global;
	WRITE_ONCE(n.rounds, 0);	/* and then the G ends: an entry */
	EXPECT_TRUE(AWAIT(READ_ONCE(n.done)));
	EXPECT_TRUE(AWAIT(rt_stats().returns_global > before));
	WRITE_ONCE(stop, 1);
	DONE();
}

TEST(busy_g_goes_the_long_way)
{
	struct napper n = { .rounds = 40, .burn = BURN };
	struct weft_stats st;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(naps, &n));
	ASSERT_EQ(0, weft_go(wants_the_p, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(n.done)));
	st = rt_stats();
	/* A mark, another chance, found out: one return in three at most. */
	EXPECT_LE(3 * st.returns_loose, st.returns + 2);
	EXPECT_GE(st.returns, 3);
	WRITE_ONCE(stop, 1);
	DONE();
}

TEST_HARNESS_MAIN
