// SPDX-License-Identifier: GPL-2.0-only
/*
 * group.c - groups: all are waited for, the limit holds, the first error wins.
 */
#include "crowd.h"

#include "kselftest_harness.h"

#include <malloc.h>

#define LIMIT 5

static struct weft_group *gr;
static u64 inside, most, ran;

static int nothing(void *arg)
{
	(void)arg;
	atomic_add(&ran, 1);
	return 0;
}

/* Counts who is in at the same time; lets others in, too. */
static int at_once(void *arg)
{
	u64 now = atomic_add(&inside, 1), was;

	for (was = READ_ONCE(most); was < now; was = READ_ONCE(most))
		if (cas(&most, was, now))
			break;
	if ((uintptr_t)arg % 4)
		weft_yield();
	else
		weft_sleep(20000);
	atomic_sub(&inside, 1);
	atomic_add(&ran, 1);
	return 0;
}

static int returns_it(void *arg)
{
	return (int)(intptr_t)arg;
}

static int until_cancelled(void *arg)
{
	struct weft_ctx *c = weft_group_ctx(gr);
	int r = weft_ctx_sleep(c, INT64_MAX);

	weft_ctx_put(c);
	CHECK(r == (int)(intptr_t)arg);
	atomic_add(&ran, 1);
	return r ? -EPIPE : 0;	/* not the first */
}

/* ---- answers ---- */

static void *asks(void *arg)
{
	struct weft_group *g = weft_group_new(NULL);
	struct weft_ctx *c;

	CHECK(weft_group_go(NULL, nothing, NULL) == -EINVAL);
	CHECK(weft_group_try_go(NULL, nothing, NULL) == -EINVAL);
	CHECK(weft_group_go(g, NULL, NULL) == -EINVAL);
	CHECK(weft_group_try_go(g, NULL, NULL) == -EINVAL);
	CHECK(weft_group_wait(NULL) == -EINVAL);
	CHECK(weft_group_limit(NULL, 1) == -EINVAL);
	CHECK(weft_group_limit(g, SIZE_MAX) == -ENOMEM);
	CHECK(!weft_group_ctx(NULL) && weft_errno() == EINVAL);
	CHECK(!weft_group_free(NULL));
	CHECK(!weft_group_wait(g) && !weft_group_wait(g));
	c = weft_group_ctx(g);
	CHECK(c && !weft_ctx_err(c));
	CHECK(!weft_group_wait(g));
	CHECK(weft_ctx_err(c) == -ECANCELED);
	CHECK(!weft_ctx_put(c));
	c = weft_group_ctx(g);
	CHECK(!weft_ctx_err(c));
	CHECK(!weft_group_free(g));
	CHECK(weft_ctx_err(c) == -ECANCELED);
	CHECK(!weft_ctx_put(c));
	return arg;
}

TEST(answers)
{
	struct weft_group *g = weft_group_new(NULL);

	asks(NULL);
	EXPECT_EQ(0, weft_group_limit(g, 1));
	EXPECT_EQ(-EPERM, weft_group_go(g, nothing, NULL));
	EXPECT_EQ(-EPERM, weft_group_try_go(g, nothing, NULL));
	EXPECT_EQ(0, weft_group_wait(g));
	ASSERT_EQ(0, rt_start(2));
	by_both(asks);
	EXPECT_EQ(0, weft_group_go(g, nothing, NULL));
	EXPECT_EQ(0, weft_group_wait(g));
	EXPECT_EQ(1, ran);
	EXPECT_EQ(0, weft_group_free(g));
	DONE();
}

/* ---- the limit ---- */

static void *starts_many(void *arg)
{
	uintptr_t i;

	for (i = 0; i < 500; i++)
		CHECK(!weft_group_go(gr, at_once, (void *)i));
	return arg;
}

TEST(the_limit_holds)
{
	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(NULL);
	ASSERT_EQ(0, weft_group_limit(gr, LIMIT));
	crowd(starts_many, 4, 2);
	EXPECT_EQ(0, weft_group_wait(gr));
	EXPECT_EQ(3000, ran);
	EXPECT_EQ(LIMIT, most);
	EXPECT_EQ(0, weft_group_limit(gr, 0));
	most = 0;
	starts_many(NULL);
	EXPECT_EQ(0, weft_group_wait(gr));
	EXPECT_EQ(3500, ran);
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

static void *tries(void *arg)
{
	struct weft_ctx *c = weft_group_ctx(gr);
	void *want = (void *)(intptr_t)-EIO;

	CHECK(!weft_group_try_go(gr, until_cancelled, want));
	CHECK(!weft_group_try_go(gr, until_cancelled, want));
	CHECK(weft_group_try_go(gr, nothing, NULL) == -EAGAIN);
	CHECK(weft_group_limit(gr, 3) == -EBUSY);
	CHECK(weft_group_free(gr) == -EBUSY);
	CHECK(!weft_ctx_cancel(c, -EIO));
	CHECK(weft_group_try_go(gr, nothing, NULL) == -ECANCELED);
	CHECK(weft_group_go(gr, nothing, NULL) == -ECANCELED);
	CHECK(weft_group_wait(gr) == -EPIPE);
	CHECK(!weft_group_try_go(gr, nothing, NULL));
	CHECK(!weft_group_wait(gr));
	weft_ctx_put(c);
	return arg;
}

TEST(try_go)
{
	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(NULL);
	ASSERT_EQ(0, weft_group_limit(gr, 2));
	by_both(tries);
	EXPECT_EQ(6, ran);
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

/* ---- errors ---- */

/* One fails, while others wait for ever, and one waits for a slot. */
static void *fails(void *arg)
{
	void *want = (void *)(intptr_t)-EIO;
	u32 i;

	for (i = 0; i < LIMIT - 1; i++)
		CHECK(!weft_group_go(gr, until_cancelled, want));
	CHECK(!weft_group_go(gr, returns_it, want));
	/* There is a slot once it has failed, and then it is cancelled. */
	CHECK(weft_group_go(gr, nothing, NULL) == -ECANCELED);
	CHECK(weft_group_wait(gr) == -EIO);
	CHECK(READ_ONCE(ran) == LIMIT - 1);
	WRITE_ONCE(ran, 0);
	return arg;
}

TEST(the_first_error_cancels_the_rest)
{
	int i;

	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(NULL);
	ASSERT_EQ(0, weft_group_limit(gr, LIMIT));
	for (i = 0; i < 200; i++)	/* and may be used again */
		by_both(fails);
	EXPECT_EQ(0, weft_group_go(gr, returns_it, (void *)7));
	EXPECT_EQ(7, weft_group_wait(gr));
	EXPECT_EQ(0, weft_group_wait(gr));
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

TEST(the_parent_cancels)
{
	struct weft_ctx *c = weft_ctx_cancelable(weft_ctx_background());
	int i;

	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(c);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, weft_group_go(gr, until_cancelled,
					   (void *)(intptr_t)-EINTR));
	EXPECT_EQ(0, weft_ctx_cancel(c, -EINTR));
	EXPECT_EQ(-EPIPE, weft_group_wait(gr));
	EXPECT_EQ(10, ran);
	EXPECT_EQ(-ECANCELED, weft_group_go(gr, nothing, NULL));
	EXPECT_EQ(0, weft_group_wait(gr));
	weft_ctx_put(c);
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

/* ---- who waits ---- */

static void *waits_alone(void *arg)
{
	int r = weft_group_wait(gr);

	CHECK(!r || r == -EBUSY);
	if (r)
		atomic_add(&most, 1);
	return arg;
}

static int until_all_but_one_were_refused(void *arg)
{
	(void)arg;
	CHECK(G_AWAIT(READ_ONCE(most) == 5));
	return 0;
}

TEST(one_waits)
{
	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(NULL);
	ASSERT_EQ(0, weft_group_go(gr, until_all_but_one_were_refused, NULL));
	crowd(waits_alone, 4, 2);
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

static int starts_more(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	atomic_add(&ran, 1);
	if (n) {
		CHECK(!weft_group_go(gr, starts_more, (void *)(n - 1)));
		CHECK(!weft_group_go(gr, starts_more, (void *)(n - 1)));
	}
	return 0;
}

TEST(functions_start_others)
{
	ASSERT_EQ(0, rt_start(2));
	gr = weft_group_new(NULL);
	EXPECT_EQ(0, weft_group_go(gr, starts_more, (void *)12));
	EXPECT_EQ(0, weft_group_wait(gr));
	EXPECT_EQ(8191, ran);
	EXPECT_EQ(0, weft_group_free(gr));
	DONE();
}

/* Free follows the last end as closely as can be; and nothing is left. */
static void *short_lives(void *arg)
{
	struct weft_group *g;
	u32 i;

	for (i = 0; i < 5000; i++) {
		g = weft_group_new(NULL);
		CHECK(!i || !(i % 2) || !weft_group_limit(g, 1 + i % 3));
		CHECK(!weft_group_go(g, nothing, NULL));
		CHECK(!weft_group_go(g, nothing, NULL));
		CHECK(!weft_group_wait(g));
		CHECK(!weft_group_free(g));
	}
	return arg;
}

TEST(no_leak)
{
	size_t before;

	ASSERT_EQ(0, rt_start(2));
	crowd(short_lives, 1, 0);
	before = mallinfo2().uordblks;
	crowd(short_lives, 3, 1);
	EXPECT_EQ(50000, ran);
	EXPECT_GE(before + 100000, mallinfo2().uordblks);
	DONE();
}

TEST_HARNESS_MAIN
