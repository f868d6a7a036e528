// SPDX-License-Identifier: GPL-2.0-only
/*
 * dear.c - where a membarrier costs too much the runtime spends none: fences
 * stand in, and no wake-up is lost.
 */
#include "rt.h"

#include "kselftest_harness.h"

#define PAIRS 50
#define TURNS 200

static struct weft_parker parkers[PAIRS][2];
static u32 ended;

static void *serves(void *arg)
{
	struct weft_parker *pair = arg;

	for (u32 i = 0; i < TURNS; i++) {
		CHECK(!weft_unpark(&pair[1]));
		CHECK(!weft_park(&pair[0]));
	}
	atomic_add(&ended, 1);
	return NULL;
}

static void *returns(void *arg)
{
	struct weft_parker *pair = arg;

	for (u32 i = 0; i < TURNS; i++) {
		CHECK(!weft_park(&pair[1]));
		CHECK(!weft_unpark(&pair[0]));
	}
	atomic_add(&ended, 1);
	return NULL;
}

/* Without this setting the same Gs do spend membarriers: idle Ms park. */
static u64 membarriers_of_a_match(struct __test_metadata *_metadata)
{
	u64 spent;
	u32 i;

	ended = 0;
	memset(parkers, 0, sizeof(parkers));	/* no seat of another mode */
	EXPECT_EQ(0, rt_start(0));
	for (i = 0; i < PAIRS; i++) {
		EXPECT_EQ(0, weft_go(returns, parkers[i]));
		EXPECT_EQ(0, weft_go(serves, parkers[i]));
		usleep(10);
	}
	EXPECT_TRUE(AWAIT(READ_ONCE(ended) == 2 * PAIRS));
	spent = rt_stats().membarriers;
	DONE();
	return spent;
}

TEST(fences_stand_in)
{
	if (!getenv("WEFT_MEMBARRIER"))
		EXPECT_LT(0, membarriers_of_a_match(_metadata));
	setenv("WEFT_MEMBARRIER_US", "0", 1);
	EXPECT_EQ(0, membarriers_of_a_match(_metadata));
	EXPECT_EQ(TWIN_FENCE, weft__twin);
}

TEST_HARNESS_MAIN
