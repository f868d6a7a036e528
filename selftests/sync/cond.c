// SPDX-License-Identifier: GPL-2.0-only
/*
 * cond.c - the condition: a signal wakes who waits longest, and nobody else.
 */
#include "crowd.h"
#include <sync/sync.h>

#include "kselftest_harness.h"

static struct weft_mutex mx;
static struct weft_cond c;
static u32 waiting, woken, order[CROWD_MAX], gone;

static u32 in_queue(struct weft_cond *p)
{
	struct cond *k = (struct cond *)p;
	struct wnode *n;
	u32 i = 0;

	clk_lock(weft__my_vcpu(), &k->lk);
	for (n = k->q.head; n; n = n->next)
		i++;
	clk_unlock(&k->lk);
	return i;
}

static void *waits(void *arg)
{
	CHECK(!weft_mutex_lock(&mx));
	order[waiting++] = (u32)(uintptr_t)arg;
	CHECK(!weft_cond_wait(&c, &mx));
	CHECK(order[woken] == (u32)(uintptr_t)arg);
	WRITE_ONCE(woken, woken + 1);
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static void *signals_one_by_one(void *arg)
{
	u32 i;

	CHECK(AWAIT(in_queue(&c) == CROWD_MAX / 2 - 1));
	for (i = 0; i < CROWD_MAX / 2 - 1; i++) {
		CHECK(READ_ONCE(woken) == i);
		CHECK(!weft_cond_signal(&c));
		CHECK(AWAIT(READ_ONCE(woken) == i + 1));
	}
	return arg;
}

static void *one_of_many(void *arg)
{
	if ((uintptr_t)arg == CROWD_MAX / 2 - 1)
		return signals_one_by_one(arg);
	return waits(arg);
}

/* Each signal wakes one: who waits longest. */
TEST(in_the_order_of_the_queue)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(one_of_many, CROWD_MAX / 2 - 17, 17);
	DONE();
}

/* 200 waiters in generations: each is woken by the signal of its own time. */
static u64 generation;

static void *of_a_generation(void *arg)
{
	u64 mine;

	CHECK(!weft_mutex_lock(&mx));
	mine = generation++;
	CHECK(!weft_cond_wait(&c, &mx));
	CHECK(mine == woken);
	woken++;
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static void *makes_generations(void *arg)
{
	struct weft_g *g[200];
	u32 i;

	for (i = 0; i < 200; i++) {
		CHECK(!weft_spawn(&g[i], NULL, of_a_generation, arg));
		/* So that g[i] is the one of generation i. */
		CHECK(G_AWAIT(READ_ONCE(generation) == i + 1));
		if (i >= 10) {
			CHECK(!weft_mutex_lock(&mx));
			CHECK(!weft_cond_signal(&c));
			CHECK(!weft_mutex_unlock(&mx));
			CHECK(!weft_join(g[i - 10], NULL));
		}
	}
	for (i = 190; i < 200; i++) {
		CHECK(!weft_cond_signal(&c));
		CHECK(!weft_join(g[i], NULL));
	}
	return arg;
}

TEST(generations)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(makes_generations, 1, 0);
	EXPECT_EQ(200, woken);
	DONE();
}

/* ---- broadcast ---- */

static u32 round_, there, finished;

static void *of_all(void *arg)
{
	u32 r;

	for (r = 0; r < 50; r++) {
		CHECK(!weft_mutex_lock(&mx));
		WRITE_ONCE(there, there + 1);
		while (round_ == r)
			CHECK(!weft_cond_wait(&c, &mx));
		CHECK(!weft_mutex_unlock(&mx));
	}
	atomic_add(&finished, 1);
	return arg;
}

static void broadcasts(u32 all)
{
	u32 r;

	for (r = 0; r < 50; r++) {
		CHECK(AWAIT(READ_ONCE(there) == all * (r + 1)));
		CHECK(!weft_mutex_lock(&mx));
		round_++;
		CHECK(!weft_cond_broadcast(&c));
		CHECK(!weft_mutex_unlock(&mx));
	}
}

static void *all_or_who_wakes_them(void *arg)
{
	if ((uintptr_t)arg == 20)
		broadcasts(20);
	else
		of_all(arg);
	return arg;
}

TEST(broadcast)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(all_or_who_wakes_them, 17, 4);
	EXPECT_EQ(20, finished);
	EXPECT_EQ(0, in_queue(&c));
	DONE();
}

/* ---- a signal is not stolen by who comes after it ---- */

static u32 first_waits, first_woken;

static void *first(void *arg)
{
	CHECK(!weft_mutex_lock(&mx));
	rt_set(&first_waits, 1);
	CHECK(!weft_cond_wait(&c, &mx));
	rt_set(&first_woken, 1);
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static void *second(void *arg)
{
	CHECK(!weft_mutex_lock(&mx));
	while (!READ_ONCE(gone))
		CHECK(!weft_cond_wait(&c, &mx));
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static void *steals(void *arg)
{
	struct weft_g *a, *b;
	u32 i;

	for (i = 0; i < 1000; i++) {
		first_waits = first_woken = 0;
		WRITE_ONCE(gone, 0);
		CHECK(!weft_spawn(&a, NULL, first, NULL));
		CHECK(G_AWAIT(rt_get(&first_waits)));
		CHECK(!weft_mutex_lock(&mx));	/* so it is in the queue */
		CHECK(!weft_mutex_unlock(&mx));
		CHECK(!weft_spawn(&b, NULL, second, NULL));
		CHECK(!weft_cond_signal(&c));
		CHECK(G_AWAIT(rt_get(&first_woken)));
		CHECK(!weft_mutex_lock(&mx));
		WRITE_ONCE(gone, 1);
		CHECK(!weft_cond_broadcast(&c));
		CHECK(!weft_mutex_unlock(&mx));
		CHECK(!weft_join(a, NULL));
		CHECK(!weft_join(b, NULL));
	}
	return arg;
}

TEST(signal_stealing)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(steals, 1, 0);
	DONE();
}

/* ---- answers, deadlines ---- */

static void *asks(void *arg)
{
	s64 end;

	CHECK(!weft_cond_signal(&c));		/* kept for nobody */
	CHECK(!weft_cond_broadcast(&c));
	CHECK(weft_cond_wait(&c, &mx) == -EPERM);
	CHECK(weft_cond_wait_until(&c, &mx, in_ms(1)) == -EPERM);
	CHECK(!weft_mutex_lock(&mx));
	end = in_ms(2);
	CHECK(weft_cond_wait_until(&c, &mx, end) == -ETIMEDOUT);
	CHECK(weft__now() >= end);
	CHECK(weft_cond_wait_until(&c, &mx, WEFT_POLL) == -ETIMEDOUT);
	CHECK(!weft_mutex_unlock(&mx));		/* so it is held */
	return arg;
}

TEST(answers)
{
	ASSERT_EQ(0, rt_start(1));
	by_both(asks);
	EXPECT_EQ(0, in_queue(&c));
	DONE();
}

/* Two in turn, by a word that the mutex guards; each has a deadline as well. */
static u32 turn, late;

static void *in_turn(void *arg)
{
	u32 me = (u32)(uintptr_t)arg, i;
	u64 rnd = me + 7;
	int r;

	for (i = 0; i < 2000; i++) {
		CHECK(!weft_mutex_lock(&mx));
		while (turn != me) {
			r = weft_cond_wait_until(&c, &mx, weft__now() +
					(s64)(crowd_random(&rnd) % 30000));
			CHECK(!r || r == -ETIMEDOUT);
			late += r != 0;
		}
		turn = !me;
		CHECK(!weft_cond_broadcast(&c));
		CHECK(!weft_mutex_unlock(&mx));
	}
	return arg;
}

TEST(deadlines_and_signals)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(in_turn, 1, 1);
	turn = 0;
	crowd(in_turn, 2, 0);
	EXPECT_EQ(0, in_queue(&c));
	DONE();
}

TEST_HARNESS_MAIN
