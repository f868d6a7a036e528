// SPDX-License-Identifier: GPL-2.0-only
/*
 * heeded.c - what is done about a hint: each sentence of include/weft/hint.h
 * that says so.
 */
#define _GNU_SOURCE
#include "hints.h"

#include <errno.h>
#include <fcntl.h>

#include "kselftest_harness.h"

static int pipe_fd[2];

static void *yields(void *arg)
{
	while (!READ_ONCE(stop)) {
		WRITE_ONCE(others, others + 1);
		weft_yield();
	}
	return arg;
}

/* ---- expected to block for long, hand off now or never ---- */

/* With a monitor that sees nothing, and a section that does not sleep. */
static void start_blind(struct __test_metadata *_metadata)
{
	setenv("WEFT_SYSMON", "1000000", 1);
	ASSERT_EQ(0, rt_start(1));
}

static void *hands_off(void *arg)
{
	s64 ns = (s64)(intptr_t)arg;

	CHECK(!weft_go(other, NULL));
	errno = EXDEV;
	CHECK(!weft_block_begin_for(ns));
	CHECK(errno == EXDEV);
	CHECK(G_SPIN(READ_ONCE(others)));
	weft_block_end();
	CHECK(weft_errno() == EXDEV);
	WRITE_ONCE(step, 1);
	return NULL;
}

TEST(a_long_section_hands_off_at_once)
{
	start_blind(_metadata);
	ASSERT_EQ(0, weft_go(hands_off, (void *)(intptr_t)WEFT_BLOCK_LONG));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	/* counted after the deed */
	EXPECT_TRUE(AWAIT(rt_stats().handoffs_begin == 1));
	EXPECT_LE(1, rt_stats().handoffs);
	DONE();
}

static void *hands_off_now(void *arg)
{
	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NOW));
	return hands_off(arg);
}

TEST(and_one_that_says_now)
{
	start_blind(_metadata);
	ASSERT_EQ(0, weft_go(hands_off_now, (void *)WEFT_BLOCK_SHORT));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	/* counted after the deed */
	EXPECT_TRUE(AWAIT(rt_stats().handoffs_begin == 1));
	DONE();
}

static void *not_at_once(void *arg)
{
	struct m *m = this_m();
	uintptr_t t = m_token(m);

	CHECK(!weft_block_begin_for(WEFT_BLOCK_SHORT));
	CHECK(m_token(m) == t);
	weft_block_end();
	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_block_begin_for(WEFT_BLOCK_LONG));
	CHECK(m_token(m) == t);
	weft_block_end();
	return arg;
}

TEST(others_do_not)
{
	struct weft_g *g;

	start_blind(_metadata);
	ASSERT_EQ(0, weft_spawn(&g, NULL, not_at_once, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(0, rt_stats().handoffs_begin);
	DONE();
}

/* Its M comes back as any other, and its G waits its turn. */
static void *comes_back(void *arg)
{
	int i;

	for (i = 0; i < 50; i++) {
		u32 n = READ_ONCE(others);

		CHECK(!weft_block_begin_for(WEFT_BLOCK_LONG));
		CHECK(G_SPIN(READ_ONCE(others) != n));
		weft_block_end();
	}
	WRITE_ONCE(stop, 1);
	return arg;
}

TEST(its_end_is_that_of_any_section)
{
	struct weft_stats st;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(comes_back, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(stop)));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	EXPECT_EQ(50, st.handoffs_begin);
	EXPECT_LE(1, st.returns_global);
	EXPECT_GE(10, st.ms);
	DONE();
}

/* No thread can be had: it is a section like any other. */
TEST(the_cap_makes_it_a_plain_one)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .max_m = 1 };
	struct weft_g *g;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, pipe(pipe_fd));
	others = 1;
	ASSERT_EQ(0, weft_spawn(&g, NULL, hands_off,
				(void *)(intptr_t)WEFT_BLOCK_LONG));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(0, rt_stats().handoffs_begin);
	DONE();
}

/* ---- never ---- */

static s64 slept;

static void *never(void *arg)
{
	s64 start;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	do {
		WRITE_ONCE(others, 0);
		CHECK(!weft_go(other, NULL));
		start = weft__now();
		usleep(20000);
		slept = weft__now() - start;
		WRITE_ONCE(step, READ_ONCE(others));
		CHECK(G_AWAIT(READ_ONCE(others)));
		/* Somebody else had the CPU: once more. */
	} while (slept > 80 * NSEC_PER_MSEC);
	WRITE_ONCE(stop, 1);
	return arg;
}

TEST(one_that_says_never_keeps_its_p)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(never, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(stop)));
	EXPECT_EQ(0, step);
	DONE();
}

static void *writes(void *arg)
{
	slept = weft__now() - slept;
	CHECK(write(pipe_fd[1], "x", 1) == 1);
	return arg;
}

static void *never_and_sleeps(void *arg)
{
	char c;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_go(writes, NULL));
	CHECK(read(pipe_fd[0], &c, 1) == 1);
	WRITE_ONCE(step, 1);
	return arg;
}

static void *never_and_computes(void *arg)
{
	char c;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_go(writes, NULL));
	CHECK(!fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK));
	CHECK(G_SPIN(read(pipe_fd[0], &c, 1) == 1));
	WRITE_ONCE(step, 1);
	return arg;
}

static void not_for_ever(struct __test_metadata *_metadata, weft_fn *fn)
{
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, rt_start(1));
	slept = weft__now();
	ASSERT_EQ(0, weft_go(fn, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	EXPECT_LE(HINT_NEVER, slept);
	DONE();
}

TEST(never_is_100_ms_asleep)
{
	not_for_ever(_metadata, never_and_sleeps);
}

TEST(or_computing)
{
	not_for_ever(_metadata, never_and_computes);
}

/* ---- short ---- */

#define PATIENCE (900 * NSEC_PER_USEC)
#define ROUNDS 20

static s64 gone_at, least;
static u32 in;

/* Goes on when the reader has lost its P, and lets it come back. */
static void *notes(void *arg)
{
	s64 took;
	u32 i;

	for (i = 1; i <= ROUNDS; i++) {
		CHECK(G_AWAIT(READ_ONCE(in) == i));
		took = weft__now() - gone_at;
		if (took < least)
			least = took;
		CHECK(write(pipe_fd[1], "x", 1) == 1);
	}
	return arg;
}

static void *reads(void *arg)
{
	char c;
	int i;

	CHECK(!weft_hint_block((s64)(intptr_t)arg));
	CHECK(!weft_go(notes, NULL));
	for (i = 1; i <= ROUNDS; i++) {
		/*
		 * By a pop after this it has the P; then it sleeps.  One that
		 * came back may go on without a token for some pops, beside
		 * who has got it.
		 */
		do {
			gone_at = weft__now();
			weft_yield();
		} while (!has_token(this_m()));
		WRITE_ONCE(in, i);
		CHECK(read(pipe_fd[0], &c, 1) == 1);
	}
	return NULL;
}

static void patience(struct __test_metadata *_metadata, s64 ns)
{
	struct weft_g *g;

	least = INT64_MAX;
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, reads, (void *)(intptr_t)ns));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

TEST(a_short_call_keeps_the_p_for_so_long)
{
	patience(_metadata, PATIENCE);
	EXPECT_LE(PATIENCE, least);
}

/* The monitor is as patient as the sentinels. */
TEST(so_does_the_monitor)
{
	setenv("WEFT_BLOCK_DETECT", "sysmon", 1);
	setenv("WEFT_SYSMON", "20", 1);
	patience(_metadata, PATIENCE);
	EXPECT_LE(PATIENCE, least);
}

/* ---- slice ---- */

static s64 turn;

static void *computes(void *arg)
{
	s64 start, end;

	CHECK(!weft_hint_slice((s64)(intptr_t)arg));
	do {
		WRITE_ONCE(others, 0);
		CHECK(!weft_go(other, NULL));
		start = weft__now();
		end = start + 30 * NSEC_PER_MSEC;
		do {
			weft_checkpoint();
			turn = weft__now();
		} while (!READ_ONCE(others) && turn < end);
		turn -= start;
		CHECK(G_AWAIT(READ_ONCE(others)));
	} while (turn > 100 * NSEC_PER_MSEC);
	return NULL;
}

static void slice(struct __test_metadata *_metadata, s64 ns)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, computes, (void *)(intptr_t)ns));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

TEST(a_long_slice_does_not_end)
{
	slice(_metadata, 200 * NSEC_PER_MSEC);
	EXPECT_LE(30 * NSEC_PER_MSEC, turn);
}

TEST(a_short_slice_ends_early)
{
	s64 best = INT64_MAX;
	int i;

	for (i = 0; i < 20 && best > 8 * NSEC_PER_MSEC; i++) {
		slice(_metadata, NSEC_PER_MSEC);
		best = turn < best ? turn : best;
	}
	EXPECT_GE(8 * NSEC_PER_MSEC, best);
}

/* ---- near ---- */

static struct weft_parker asleep;

static void *listens(void *arg)
{
	CHECK(!weft_park_until(&asleep, WEFT_FOREVER));
	return arg;
}

#define TALKS 20

static u32 given_away;

/* With an idle M a G that runs on gives away what it readies. */
static void *talks(void *arg)
{
	struct weft_g *g;
	struct m *m;
	u64 before;

	CHECK(!weft_spawn(&g, NULL, listens, NULL));
	if (arg)
		CHECK(!weft_hint_near(g));
	weft_yield();
	CHECK(G_SPIN(READ_ONCE(asleep.weft__word) > PARK_PERMIT &&
		     READ_ONCE(weft__want.eager)));
	m = this_m();
	before = m->n.global_put;
	CHECK(!weft_unpark(&asleep));
	given_away += m->n.global_put != before;
	CHECK(!weft_join(g, NULL));
	return NULL;
}

/* The other M may stop being idle just then, and ours be moved: not often. */
static u32 talked(struct __test_metadata *_metadata, void *arg)
{
	struct weft_g *g;
	int i;

	given_away = 0;
	for (i = 0; i < TALKS; i++) {
		ASSERT_EQ(0, weft_spawn(&g, NULL, talks, arg));
		EXPECT_EQ(0, weft_join(g, NULL));
	}
	return given_away;
}

TEST(one_that_is_near_stays_here)
{
	NEEDS_CPUS(2);
	ASSERT_EQ(0, rt_start(2));
	EXPECT_LT(TALKS / 2, talked(_metadata, NULL));
	EXPECT_GT(TALKS / 2, talked(_metadata, &given_away));
	DONE();
}

TEST_HARNESS_MAIN
