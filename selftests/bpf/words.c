// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c - what stands in a slot is a hint: garbage there harms nothing.
 *
 * The words are an array of the test, so that no privilege is needed.
 */
#include "loader.h"

#include "kselftest_harness.h"

#define BLOCKERS 4
#define ROUNDS 30

static struct weft__slot slots[64];
static u32 stop, turns, done;

/* All Ms, again and again: what BPF says is none of its business. */
static void *writes(void *arg)
{
	u32 i, x = 1;

	while (!rt_get(&stop)) {
		for (i = 0; i < READ_ONCE(S.nm) && i < ARRAY_SIZE(slots); i++) {
			x = x * 1664525 + 1013904223;
			WRITE_ONCE(slots[i].word, (u64)x << 32 | x >> 8);
			WRITE_ONCE(slots[i].nr, (int)x);
			WRITE_ONCE(slots[i].since, (u64)x << 31);
			WRITE_ONCE(S.m[i]->slot, &slots[i]);
		}
		usleep(20);
	}
	for (i = 0; i < READ_ONCE(S.nm); i++)
		WRITE_ONCE(S.m[i]->slot, NULL);
	return arg;
}

static void *blocks(void *arg)
{
	struct timespec ts = { .tv_nsec = 500000 };
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i % 2)
			nanosleep(&ts, NULL);
		else
			WEFT_BLOCKING(nanosleep(&ts, NULL));
		weft_yield();
	}
	atomic_add(&done, 1);
	return arg;
}

static void *yields(void *arg)
{
	while (rt_get(&done) < BLOCKERS) {
		atomic_add(&turns, 1);
		weft_yield();
	}
	return arg;
}

TEST(garbage_harms_nothing)
{
	pthread_t t;
	int i;

	ASSERT_EQ(0, rt_start(2));
	ASSERT_EQ(0, pthread_create(&t, NULL, writes, NULL));
	for (i = 0; i < BLOCKERS; i++) {
		ASSERT_EQ(0, weft_go(blocks, NULL));
		ASSERT_EQ(0, weft_go(yields, NULL));
	}
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(BLOCKERS, rt_get(&done));
	rt_set(&stop, 1);
	pthread_join(t, NULL);
	DONE();
}

/* The first M has started, and looks for a slot of its own no more. */
static void *runs(void *arg)
{
	rt_set(arg, 1);
	return arg;
}

static bool tell(u32 seen)
{
	u32 up = 0;

	if (weft_go(runs, &up) || !AWAIT(rt_get(&up)))
		return false;
	WRITE_ONCE(slots[0].word, seen);
	WRITE_ONCE(S.m[0]->slot, &slots[0]);
	return true;
}

/* A word that lies for ever: the M sleeps, and is said to run. */
static void *sleeps(void *arg)
{
	int *fd = arg;
	char c;

	rt_set(&turns, 1);
	CHECK(read(fd[0], &c, 1) == 1);
	rt_set(&done, 1);
	return arg;
}

static void *wakes(void *arg)
{
	int *fd = arg;

	CHECK(rt_get(&turns));
	CHECK(write(fd[1], "x", 1) == 1);
	return arg;
}

static void *both(void *arg)
{
	CHECK(!weft_go(sleeps, arg));
	CHECK(!weft_go(wakes, arg));
	return arg;
}

TEST(a_lie_costs_a_slice_at_most)
{
	int fd[2];

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, pipe(fd));
	ASSERT_TRUE(tell(WEFT__SEEN_RUNNING));
	ASSERT_EQ(0, weft_go(both, fd));
	/* The other G runs on another M: somebody has asked /proc. */
	EXPECT_TRUE(AWAIT(rt_get(&done)));
	EXPECT_TRUE(AWAIT(rt_stats().handoffs >= 1));
	WRITE_ONCE(S.m[0]->slot, NULL);
	DONE();
}

/* What is said to sleep loses its token for it, and gets on. */
TEST(one_who_runs_may_be_said_to_sleep)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_TRUE(tell(WEFT__SEEN_BLOCKED));
	ASSERT_EQ(0, weft_go(blocks, NULL));
	ASSERT_EQ(0, weft_go(blocks, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(2, rt_get(&done));
	WRITE_ONCE(S.m[0]->slot, NULL);
	DONE();
}

TEST_HARNESS_MAIN
