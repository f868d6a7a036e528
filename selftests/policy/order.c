// SPDX-License-Identifier: GPL-2.0-only
/*
 * order.c - which callbacks a G's life makes, and in which order.
 */
#include "pol.h"

#include "kselftest_harness.h"

static struct weft_parker parker;
static u32 parked, ran;

static void *yields_and_parks(void *arg)
{
	weft_yield();
	WRITE_ONCE(parked, 1);
	CHECK(!weft_park(&parker));
	return arg;
}

TEST(a_life)
{
	struct weft_g *g;
	u64 id;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	EXPECT_STREQ("log", weft_policy_name());
	ASSERT_EQ(0, weft_spawn(&g, NULL, yields_and_parks, NULL));
	id = weft_id(g);
	/* The park is complete when quiescent() was called. */
	ASSERT_TRUE(AWAIT(strchr(pol_story(id, NULL), 'q')));
	EXPECT_STREQ("isre+-e+.q", pol_story(id, NULL));
	ASSERT_EQ(0, weft_unpark(&parker));
	ASSERT_EQ(0, weft_join(g, NULL));
	EXPECT_STREQ("isre+-e+.qsre+.qx", pol_story(id, NULL));
	DONE();
	/* The policy's own: first and last. */
	EXPECT_EQ('I', pol_log[0].op);
	EXPECT_EQ('X', pol_log[pol_n - 1].op);
	EXPECT_EQ(1, pol.exits);
	EXPECT_EQ(WEFT_EXIT_DONE, pol.kind);
	EXPECT_STREQ("", pol.msg);
	EXPECT_STREQ("builtin", weft_policy_name());
}

static u64 child_id;

static void *child(void *arg)
{
	weft_yield();
	return arg;
}

static void *joins(void *arg)
{
	struct weft_g *g;
	void *val = NULL;

	CHECK(!weft_spawn(&g, NULL, child, &ran));
	child_id = weft_id(g);
	CHECK(!weft_join(g, &val));
	CHECK(val == &ran);
	return arg;
}

TEST(a_join_parks_and_takes_nothing_back)
{
	u64 id;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	id = pol_run(joins, NULL);
	EXPECT_STREQ("isre+.qsre+.qx", pol_story(id, NULL));
	EXPECT_STREQ("isre+-e+.qx", pol_story(child_id, NULL));
	EXPECT_EQ(0, rt_stats().inlined);
	DONE();
}

static void *sleeps_and_times_out(void *arg)
{
	struct weft_parker p = WEFT_PARKER_INIT;

	CHECK(!weft_sleep(NSEC_PER_MSEC));
	CHECK(weft_park_until(&p, weft__now() + NSEC_PER_MSEC) == -ETIMEDOUT);
	return arg;
}

TEST(timers_make_runnable)
{
	u64 id;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	id = pol_run(sleeps_and_times_out, NULL);
	EXPECT_STREQ("isre+.qsre+.qsre+.qx", pol_story(id, NULL));
	DONE();
}

static void *locks(void *arg)
{
	CHECK(!weft_lock_thread());
	weft_yield();
	CHECK(!weft_sleep(NSEC_PER_MSEC));
	CHECK(!weft_unlock_thread());
	weft_yield();
	return arg;
}

TEST(a_locked_g_has_the_same_life)
{
	u64 id;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	id = pol_run(locks, NULL);
	EXPECT_STREQ("isre+-e+.qsre+-e+.qx", pol_story(id, NULL));
	DONE();
}

/* A permit that was there already: no stop that is not one. */
static void *parks_with_a_permit(void *arg)
{
	struct weft_parker p = WEFT_PARKER_INIT;

	CHECK(!weft_unpark(&p));
	CHECK(!weft_park(&p));
	return arg;
}

/* Without sequences each permit is seen after the switch only. */
TEST(a_permit_spares_the_policy)
{
	u64 id;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	id = pol_run(parks_with_a_permit, NULL);
	EXPECT_STREQ(weft__twin ? "isre+.qsre+.qx" : "isre+.qx",
		     pol_story(id, NULL));
	DONE();
}

static s32 select_directly(struct weft_g *g, s32 prev)
{
	CHECK(!weft_dsq_insert(g, WEFT_DSQ_LOCAL, 0, 0));
	return prev;
}

TEST(inserted_by_select_cpu_is_not_enqueued)
{
	u64 id;

	pol.select = select_directly;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	id = pol_run(child, NULL);
	EXPECT_STREQ("isr+-e+.qx", pol_story(id, NULL));
	DONE();
}

TEST(no_callback_at_all)
{
	static const struct weft_sched_ops none = { .sz = sizeof(none),
						    .name = "none" };

	ASSERT_EQ(0, pol_start(2, &none));
	pol_run(yields_and_parks, (weft_unpark(&parker), NULL));
	pol_run(joins, NULL);
	pol_run(locks, NULL);
	EXPECT_STREQ("none", weft_policy_name());
	DONE();
}

TEST(init_task_may_refuse)
{
	u64 id;

	pol.task_error = -ENOMEM;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	/* It runs all the same, and is offered again when it yields. */
	id = pol_run(child, NULL);
	EXPECT_STREQ("ii", pol_story(id, NULL));
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
	EXPECT_EQ(WEFT_EXIT_DONE, pol.kind);
}

TEST(init_may_refuse)
{
	pol.init_error = -ENOSPC;
	ASSERT_EQ(-ENOSPC, pol_start(1, &log_ops));
	EXPECT_EQ(0, pol.exits);
	pol.init_error = 0;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(child, NULL);
	DONE();
	ASSERT_EQ(0, rt_start(1));
	pol_run(joins, NULL);
	EXPECT_EQ(1, pol.exits);
	DONE();
}

/* ---- what is known of a G ---- */

static u64 words[4];

static void *tells(void *arg)
{
	struct weft_sched_entity *e = weft_entity(weft_self());

	if (CHECK(e))
		words[(uintptr_t)arg] = e->word;
	return NULL;
}

static void *sets_words(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .policy_word = 7 };
	struct weft_g *g;

	CHECK(!weft_policy_word(5));
	CHECK(!weft_spawn(&g, NULL, tells, (void *)1));
	CHECK(!weft_join(g, NULL));
	CHECK(!weft_spawn(&g, &a, tells, (void *)2));
	CHECK(!weft_join(g, NULL));
	a.sz = offsetof(struct weft_attr, policy_word);
	CHECK(!weft_spawn(&g, &a, tells, (void *)3));
	CHECK(!weft_join(g, NULL));
	return arg;
}

TEST(words_are_inherited_or_given)
{
	ASSERT_EQ(0, pol_start(1, &log_ops));
	EXPECT_EQ(-EPERM, weft_policy_word(1));
	pol_run(sets_words, NULL);
	pol_run(tells, (void *)0);
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(5, words[1]);
	EXPECT_EQ(7, words[2]);
	EXPECT_EQ(5, words[3]);
	DONE();
}

/* ---- slices ---- */

static u64 the_slice;
static u32 others, stop;

static void with_slice(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, POL_DSQ, the_slice, flags);
}

static void *knows_its_slice(void *arg)
{
	CHECK(weft_entity(weft_self())->slice == WEFT_SLICE_DFL);
	return arg;
}

TEST(a_slice_of_0_is_the_default)
{
	pol.enqueue = with_slice;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(knows_its_slice, NULL);
	DONE();
}

static void *computes(void *arg)
{
	s64 end = weft__now() + (s64)(uintptr_t)arg;

	while (weft__now() < end && !READ_ONCE(others))
		weft_checkpoint();
	WRITE_ONCE(stop, 1);
	return NULL;
}

static void *counts(void *arg)
{
	if (!READ_ONCE(stop))
		WRITE_ONCE(others, 1);
	return arg;
}

static void *starts_both(void *arg)
{
	struct weft_g *a, *b;

	CHECK(!weft_spawn(&a, NULL, computes, arg));
	CHECK(!weft_spawn(&b, NULL, counts, NULL));
	CHECK(!weft_join(a, NULL));
	CHECK(!weft_join(b, NULL));
	return NULL;
}

TEST(a_slice_ends_at_a_checkpoint)
{
	pol.enqueue = with_slice;
	the_slice = 2 * NSEC_PER_MSEC;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(starts_both, (void *)RT_PATIENCE);
	EXPECT_EQ(1, others);
	DONE();
}

TEST(an_infinite_slice_does_not)
{
	pol.enqueue = with_slice;
	the_slice = WEFT_SLICE_INF;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(starts_both, (void *)(100 * NSEC_PER_MSEC));
	EXPECT_EQ(0, others);
	DONE();
}

static void kicks(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, POL_DSQ, WEFT_SLICE_INF, flags);
	if (flags & WEFT_ENQ_WAKEUP)
		weft_kick_cpu(0, WEFT_KICK_PREEMPT);
}

static void *computes_alone(void *arg)
{
	WRITE_ONCE(ran, 1);
	return computes(arg);
}

TEST(a_kick_preempts_at_a_checkpoint)
{
	struct weft_g *a;

	pol.enqueue = kicks;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	ASSERT_EQ(0, weft_spawn(&a, NULL, computes_alone,
				(void *)RT_PATIENCE));
	ASSERT_TRUE(AWAIT(READ_ONCE(ran)));
	pol_run(counts, NULL);
	EXPECT_EQ(1, others);
	EXPECT_EQ(0, weft_join(a, NULL));
	DONE();
}

TEST_HARNESS_MAIN
