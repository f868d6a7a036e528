// SPDX-License-Identifier: GPL-2.0-only
/*
 * strands.c - announced blocking strands nothing: whatever was on its way when
 * an M begins a section and sleeps in it goes on.
 *
 * In each test one G makes something due and then blocks in a section, on one
 * P; what was due has to run before anybody ends the section.
 */
#include "../core/rt.h"

#include "kselftest_harness.h"

#define MANY 3000

static int pipe_fd[2];
static u32 due, ran, went_on;
static int64_t expected;	/* of the section; -1: nothing is said */
static struct weft_parker parked;

/* The last of those that are due lets the section end. */
static void *runs(void *arg)
{
	if (__atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST) == due)
		CHECK(write(pipe_fd[1], "x", 1) == 1);
	return arg;
}

static void blocks(void)
{
	char c;

	if (expected < 0)
		weft_block_begin();
	else
		CHECK(!weft_block_begin_for(expected));
	CHECK(read(pipe_fd[0], &c, 1) == 1);
	CHECK(READ_ONCE(ran) == due);
	weft_block_end();
	WRITE_ONCE(went_on, 1);
}

static void *parks(void *arg)
{
	CHECK(!weft_park_until(&parked, WEFT_FOREVER));
	return runs(arg);
}

static void *readies(void *arg)
{
	CHECK(!weft_go(parks, NULL));
	weft_yield();		/* it parks */
	CHECK(!weft_unpark(&parked));
	blocks();
	return arg;
}

static void *only_blocks(void *arg)
{
	CHECK(!weft_go(parks, NULL));
	weft_yield();
	WRITE_ONCE(went_on, 2);
	blocks();
	return arg;
}

static void *sleeps(void *arg)
{
	CHECK(!weft_sleep(5 * NSEC_PER_MSEC));
	return runs(arg);
}

static void *times(void *arg)
{
	CHECK(!weft_go(sleeps, NULL));
	weft_yield();
	blocks();
	return arg;
}

/* Some are published, some private. */
static void *publishes(void *arg)
{
	struct m *m = this_m();
	u32 i;

	for (i = 0; i < due; i++)
		CHECK(!weft_go(runs, NULL));
	if (READ_ONCE(m->p) != &weft__dead_p)
		RQ(publish, m->vc, &m->p->q);
	blocks();
	return arg;
}

/* More than a queue has room for: the older ones are in the global queue. */
static void *spills(void *arg)
{
	u32 i;

	for (i = 0; i < due; i++)
		CHECK(!weft_go(runs, NULL));
	blocks();
	return arg;
}

static void *inner(void *arg)
{
	blocks();
	return arg;
}

/* The section is in a child that runs on its joiner's stack. */
static void *in_a_child(void *arg)
{
	struct weft_g *g;
	u32 i;

	for (i = 0; i < due; i++)
		CHECK(!weft_go(runs, NULL));
	CHECK(!weft_spawn(&g, NULL, inner, NULL));
	CHECK(!weft_join(g, NULL));
	return arg;
}

static void *locked(void *arg)
{
	u32 i;

	CHECK(!weft_lock_thread());
	for (i = 0; i < due; i++)
		CHECK(!weft_go(runs, NULL));
	blocks();
	CHECK(!weft_unlock_thread());
	return arg;
}

FIXTURE(section)
{
	int unused;
};

FIXTURE_VARIANT(section)
{
	int64_t expected;
};

FIXTURE_VARIANT_ADD(section, plain)
{
	.expected = -1,
};

FIXTURE_VARIANT_ADD(section, short)
{
	.expected = WEFT_BLOCK_SHORT,
};

FIXTURE_VARIANT_ADD(section, long)
{
	.expected = WEFT_BLOCK_LONG,
};

FIXTURE_SETUP(section)
{
	self->unused = 0;
	expected = variant->expected;
	due = 1;
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, rt_start(1));
}

FIXTURE_TEARDOWN(section)
{
	EXPECT_TRUE(AWAIT(READ_ONCE(went_on) == 1));
	EXPECT_EQ(due, READ_ONCE(ran));
	DONE();
}

TEST_F(section, a_g_that_was_readied)
{
	ASSERT_EQ(0, weft_go(readies, NULL));
}

TEST_F(section, a_g_that_is_readied_meanwhile)
{
	ASSERT_EQ(0, weft_go(only_blocks, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(went_on) == 2));
	ASSERT_EQ(0, weft_unpark(&parked));
}

TEST_F(section, a_timer)
{
	ASSERT_EQ(0, weft_go(times, NULL));
}

TEST_F(section, published_gs)
{
	due = 100;
	ASSERT_EQ(0, weft_go(publishes, NULL));
}

TEST_F(section, gs_that_had_no_room)
{
	due = MANY;
	ASSERT_EQ(0, weft_go(spills, NULL));
}

TEST_F(section, the_others_around_a_child)
{
	due = 10;
	ASSERT_EQ(0, weft_go(in_a_child, NULL));
}

TEST_F(section, gs_of_one_that_is_locked)
{
	due = 10;
	ASSERT_EQ(0, weft_go(locked, NULL));
}

TEST_HARNESS_MAIN
