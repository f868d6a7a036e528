// SPDX-License-Identifier: GPL-2.0-only
/*
 * examples.c - the three policies of examples/ do what their names say: first
 * in first out over all Ps, shares by weight, strict priority and the earliest
 * deadline within.
 */
#include "pol.h"

#include <libgen.h>
#include <limits.h>

#include "../../examples/policy-prio.h"
#include "kselftest_harness.h"

static int start_with(u32 procs, const char *policy)
{
	char path[PATH_MAX], so[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return -ENOENT;
	path[n] = '\0';
	snprintf(so, sizeof(so), "%s/../../examples/libweft-%s.so",
		 dirname(path), policy);
	setenv("WEFT_POLICY", so, 1);
	return rt_start(procs);
}

#define GS 40

/* ---- fifo ---- */

static u32 began[GS], n_began;

static void *begins(void *arg)
{
	u32 i = __atomic_fetch_add(&n_began, 1, __ATOMIC_SEQ_CST);

	began[i] = (u32)(uintptr_t)arg;
	return NULL;
}

static void *spawns(void *arg)
{
	struct weft_g *g[GS];
	u32 i;

	for (i = 0; i < GS; i++)
		CHECK(!weft_spawn(&g[i], NULL, begins, (void *)(uintptr_t)i));
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(fifo_is_in_order_of_arrival)
{
	u32 i;

	ASSERT_EQ(0, start_with(1, "fifo"));
	pol_run(spawns, NULL);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(i, began[i]);
	DONE();
}

/* Each turn, all others had theirs: no G is two turns ahead of another. */
static u32 turns[GS], worst;

static void *takes_turns(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	u32 i, n, ahead;

	for (n = 0; n < 200; n++) {
		weft_yield();
		turns[me]++;
		for (i = 0; i < GS; i++) {
			ahead = turns[me] - turns[i];
			if ((s32)ahead > (s32)worst)
				worst = ahead;
		}
	}
	return NULL;
}

static void *spawns_turns(void *arg)
{
	struct weft_g *g[GS];
	uintptr_t i;

	for (i = 0; i < GS; i++)
		CHECK(!weft_spawn(&g[i], NULL, takes_turns, (void *)i));
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(fifo_gives_each_its_turn)
{
	ASSERT_EQ(0, start_with(1, "fifo"));
	pol_run(spawns_turns, NULL);
	EXPECT_EQ(1, worst);
	DONE();
}

/* ---- vtime ---- */

static const u64 weight[] = { 100, 200, 300, 600 };
static s64 used[4];
static u32 quit;

/* Its own time: from when it goes on to its next checkpoint. */
static void *computes(void *arg)
{
	s64 *mine = arg, at, now;

	while (!READ_ONCE(quit)) {
		at = weft__cpu_time();
		do
			now = weft__cpu_time();
		while (now - at < 100000);
		*mine += now - at;
		weft_checkpoint();
	}
	return NULL;
}

static void *competes(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *g[4];
	u32 i;

	for (i = 0; i < 4; i++) {
		a.policy_word = weight[i];
		CHECK(!weft_spawn(&g[i], &a, computes, &used[i]));
	}
	CHECK(!weft_sleep(1500 * NSEC_PER_MSEC));
	WRITE_ONCE(quit, 1);
	for (i = 0; i < 4; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(vtime_shares_by_weight)
{
	s64 all = 0, share, due;
	u32 i;

	ASSERT_EQ(0, start_with(1, "vtime"));
	pol_run(competes, NULL);
	for (i = 0; i < 4; i++)
		all += used[i];
	for (i = 0; i < 4; i++) {
		share = used[i] * 1000 / all;
		due = (s64)weight[i] * 1000 / 1200;
		/* Within a quarter: virtual time is wall time here. */
		EXPECT_LT(due * 3 / 4, share)
		TH_LOG("weight %llu: %lld", (unsigned long long)weight[i],
		       (long long)share);
		EXPECT_GT(due * 5 / 4, share)
		TH_LOG("weight %llu: %lld", (unsigned long long)weight[i],
		       (long long)share);
	}
	DONE();
}

/* Who slept does not come back with all the time that it did not use. */
static void *sleeps_long(void *arg)
{
	s64 before;

	CHECK(!weft_sleep(300 * NSEC_PER_MSEC));
	before = used[0];
	computes(&used[1]);
	CHECK(used[0] - before > 20 * NSEC_PER_MSEC);
	return arg;
}

static void *against_a_sleeper(void *arg)
{
	struct weft_g *a, *b;

	CHECK(!weft_spawn(&a, NULL, computes, &used[0]));
	CHECK(!weft_spawn(&b, NULL, sleeps_long, NULL));
	CHECK(!weft_sleep(500 * NSEC_PER_MSEC));
	WRITE_ONCE(quit, 1);
	CHECK(!weft_join(a, NULL));
	CHECK(!weft_join(b, NULL));
	return arg;
}

TEST(vtime_is_not_saved_up)
{
	ASSERT_EQ(0, start_with(1, "vtime"));
	pol_run(against_a_sleeper, NULL);
	DONE();
}

/* ---- prio ---- */

/* Level and deadline of the i-th to start, in no order. */
static u64 word(u32 i)
{
	u32 k = i * 17 % GS;

	return PRIO_WORD(k / 5, 1000 + k % 5);
}

static void *spawns_words(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *g[GS];
	u32 i;

	for (i = 0; i < GS; i++) {
		a.policy_word = word(i);
		CHECK(!weft_spawn(&g[i], &a, begins, (void *)(uintptr_t)i));
	}
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(prio_goes_by_level_then_by_deadline)
{
	u32 i;

	ASSERT_EQ(0, start_with(1, "prio"));
	pol_run(spawns_words, NULL);
	ASSERT_EQ(GS, n_began);
	for (i = 1; i < GS; i++)
		EXPECT_LT(word(began[i - 1]), word(began[i]));
	DONE();
}

static u32 low_up, low_saw, urgent_ran;

static void *low(void *arg)
{
	s64 end = weft__now() + RT_PATIENCE;

	WRITE_ONCE(low_up, 1);
	while (!READ_ONCE(urgent_ran) && weft__now() < end)
		weft_checkpoint();
	WRITE_ONCE(low_saw, READ_ONCE(urgent_ran));
	return arg;
}

static void *urgent(void *arg)
{
	WRITE_ONCE(urgent_ran, 1);
	return arg;
}

/* It is asked to make room, and does at a checkpoint. */
TEST(prio_makes_room)
{
	struct weft_attr a = { .sz = sizeof(a),
			       .policy_word = PRIO_WORD(5, 0) };
	struct weft_g *l, *u;

	ASSERT_EQ(0, start_with(1, "prio"));
	ASSERT_EQ(0, weft_spawn(&l, &a, low, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(low_up)));
	a.policy_word = PRIO_WORD(1, 0);
	ASSERT_EQ(0, weft_spawn(&u, &a, urgent, NULL));
	EXPECT_EQ(0, weft_join(u, NULL));
	EXPECT_EQ(0, weft_join(l, NULL));
	EXPECT_EQ(1, low_saw);
	DONE();
}

/* A yield gives nothing to those below. */
static void *yields_first(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		weft_yield();
	CHECK(!n_began);
	return arg;
}

static void *above_and_below(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *l, *u;

	a.policy_word = PRIO_WORD(6, 0);
	CHECK(!weft_spawn(&l, &a, begins, NULL));
	a.policy_word = PRIO_WORD(1, 0);
	CHECK(!weft_spawn(&u, &a, yields_first, NULL));
	CHECK(!weft_join(u, NULL));
	CHECK(!weft_join(l, NULL));
	return arg;
}

TEST(prio_is_strict)
{
	ASSERT_EQ(0, start_with(1, "prio"));
	pol_run(above_and_below, NULL);
	DONE();
}

TEST_HARNESS_MAIN
