// SPDX-License-Identifier: GPL-2.0-only
/*
 * select.c - one of several cases is done, each with the same chance, and
 * nothing of the others is left; select_races.c has many at once.
 */
#include "chan.h"

#include "kselftest_harness.h"

static struct weft_chan *a, *b, *c[3];

/* ---- alone ---- */

static void *bad_use(void *arg)
{
	struct weft_case k[2] = { { 0 }, { 0 } };
	u64 v = 1;

	a = chan_of_u64(1);
	CHECK(weft_select(k, -1, WEFT_POLL) == -EINVAL);
	CHECK(weft_select(NULL, 1, WEFT_POLL) == -EINVAL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EINVAL);	/* no op */
	k[0] = to_send(a, NULL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EINVAL);
	k[0] = to_send(NULL, NULL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EAGAIN);
	k[0] = to_send(a, &v);
	CHECK(weft_select(k, 2, WEFT_POLL) == -EINVAL);
	CHECK(weft_chan_len(a) == 0);
	CHECK(!weft_chan_free(a));
	return arg;
}

TEST(bad_use_is_refused)
{
	EVERYWHERE(bad_use);
}

/* Nothing, and NULL, is never ready. */
static void *nothing(void *arg)
{
	struct weft_case k[3] = { { .op = WEFT_SEND }, { .op = WEFT_RECV },
				  { .op = WEFT_RECV } };
	s64 t;
	int i;

	CHECK(weft_select(NULL, 0, WEFT_POLL) == -EAGAIN);
	CHECK(weft_select(k, 3, WEFT_POLL) == -EAGAIN);
	for (i = 0; i < 5; i++) {
		t = weft__now() + i * 100000;
		CHECK(weft_select(k, i % 4, t) == -ETIMEDOUT);
		CHECK(weft__now() >= t);
	}
	return arg;
}

TEST(nothing_is_never_ready)
{
	EVERYWHERE(nothing);
}

/* Closed: ready for ever, with -EPIPE; an open one beside it is not hidden. */
static void *closed_and_nil(void *arg)
{
	struct weft_chan *shut = chan_of_u64(0), *open = chan_of_u64(0);
	struct weft_case k[3];
	u64 v = 7, i;

	CHECK(!weft_chan_close(shut));
	for (i = 0; i < 100; i++) {
		v = 7;
		k[0] = to_receive(NULL, &v);
		k[1] = i % 2 ? to_receive(shut, &v) : to_send(shut, &v);
		k[2] = to_receive(open, &v);
		CHECK(weft_select(k, 3, i % 3 ? WEFT_FOREVER : WEFT_POLL) == 1);
		CHECK(k[1].ret == -EPIPE && v == (i % 2 ? 0 : 7));
		k[1] = to_receive(NULL, &v);
		CHECK(weft_select(k, 3, WEFT_POLL) == -EAGAIN);
	}
	CHECK(!weft_chan_free(shut) && !weft_chan_free(open));
	return arg;
}

TEST(closed_and_nil_channels)
{
	EVERYWHERE(closed_and_nil);
}

/* The same channel in several cases, and both directions of it. */
static void *self(void *arg)
{
	struct weft_chan *w = chan_of_u64(0), *ring = chan_of_u64(2);
	struct weft_case k[4];
	u64 v = 1, x = 0, i, in = 0;
	s64 t;

	k[0] = to_send(w, &v);
	k[1] = to_receive(w, &x);
	k[2] = to_send(w, &v);
	k[3] = to_receive(w, &x);
	for (i = 0; i < 20; i++) {
		/* one does not meet oneself */
		CHECK(weft_select(k, 4, WEFT_POLL) == -EAGAIN);
		t = weft__now() + 50000;
		CHECK(weft_select(k, 4, t) == -ETIMEDOUT);
		CHECK(!chan_waiters(w) && !x);
	}
	k[0] = to_send(ring, &v);
	k[1] = to_receive(ring, &x);
	for (i = 0; i < 1000; i++) {
		v = i;
		in += weft_select(k, 2, WEFT_FOREVER) ? -1ul : 1;
		CHECK(weft_chan_len(ring) == in && in <= 2);
	}
	CHECK(!weft_chan_free(w) && !weft_chan_free(ring));
	return arg;
}

TEST(select_with_oneself)
{
	EVERYWHERE(self);
}

/* ---- each that is possible has the same chance ---- */

#define TIMES 10000

/* |r - 0.5| <= 4.891676 / (2 sqrt n): once in a million runs by accident. */
static bool fair(u64 one, u64 n)
{
	double r = (double)one / (double)n - 0.5;

	if (r * r * 4 * (double)n <= 4.891676 * 4.891676)
		return true;
	fprintf(stderr, "# %llu of %llu\n", (unsigned long long)one,
		(unsigned long long)n);
	return false;
}

static void *floods(void *arg)
{
	u64 v = 1;

	while (!weft_chan_send(arg, &v))
		;
	return NULL;
}

static void *chooses(void *arg)
{
	struct weft_chan *never = chan_of_u64(0);
	struct weft_case k[5];
	u64 v, n[5] = { 0 };
	u32 i;

	/* the possible ones behind a row of impossible ones */
	k[0] = to_receive(never, &v);
	k[1] = to_receive(NULL, &v);
	k[2] = to_receive(never, &v);
	k[3] = to_receive(a, &v);
	k[4] = to_receive(b, &v);
	for (i = 0; i < TIMES; i++)
		n[weft_select(k, 5, WEFT_FOREVER)]++;
	CHECK(!n[0] && !n[1] && !n[2] && n[3] + n[4] == TIMES);
	CHECK(fair(n[3], TIMES));
	CHECK(!weft_chan_close(a) && !weft_chan_close(b));
	CHECK(!weft_chan_free(never));
	return arg;
}

static void fairness(struct __test_metadata *_metadata, size_t cap, bool thread)
{
	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(cap);
	b = chan_of_u64(cap);
	ASSERT_TRUE(act(floods, a, false));
	ASSERT_TRUE(act(floods, b, false));
	ASSERT_TRUE(AWAIT(chan_waiters(a) && chan_waiters(b)));
	ASSERT_TRUE(act(chooses, NULL, thread));
	ASSERT_TRUE(all_ended());
	DONE();
}

/* Rings of that size never run empty: both cases are always possible. */
TEST(fair_with_capacity)
{
	fairness(_metadata, TIMES, false);
}

TEST(fair_to_a_thread)
{
	fairness(_metadata, TIMES, true);
}

/* Closed channels are always possible, too: so the count is of the choice. */
TEST(fair_among_three)
{
	struct weft_case k[3];
	u64 v, n[3] = { 0 };
	u32 i;

	for (i = 0; i < 3; i++) {
		c[i] = chan_of_u64(0);
		ASSERT_EQ(0, weft_chan_close(c[i]));
		k[i] = to_receive(c[i], &v);
	}
	for (i = 0; i < 3 * TIMES; i++)
		n[weft_select(k, 3, WEFT_FOREVER)]++;
	for (i = 0; i < 3; i++) {
		/* variance 2/9 n */
		double d = (double)n[i] - TIMES;

		EXPECT_TRUE(d * d <= 4.891676 * 4.891676 * 2 / 9 * 3 * TIMES);
	}
}

/* ---- close wakes a select, once ---- */

static void *waits_for_close(void *arg)
{
	struct weft_case k[2];
	u64 v = 5;
	int r;

	k[0] = to_receive(a, &v);
	k[1] = arg ? to_send(b, &v) : to_receive(b, &v);
	r = weft_select(k, 2, WEFT_FOREVER);
	CHECK(r == 1 && k[1].ret == -EPIPE && v == (arg ? 5 : 0));
	return NULL;
}

TEST(close_wakes_selects)
{
	u32 i, s;

	ASSERT_EQ(0, rt_start(0));
	for (s = 0; s < 2; s++) {
		a = chan_of_u64(0);
		b = chan_of_u64(0);
		for (i = 0; i < 10; i++)
			ASSERT_TRUE(act(waits_for_close, s ? &a : NULL,
					i % 3 == 0));
		ASSERT_TRUE(AWAIT(chan_waiters(a) + chan_waiters(b) == 20));
		EXPECT_EQ(-EBUSY, weft_chan_free(a));
		ASSERT_EQ(0, weft_chan_close(b));
		ASSERT_TRUE(all_ended());
		EXPECT_EQ(0, weft_chan_free(a));
		EXPECT_EQ(0, weft_chan_free(b));
	}
	DONE();
}

/* ---- cost: twice the waiters, less than three times the time ---- */

/* more than stacks are kept for: those of all others are new each time */
#define CROWD 4000

static u32 came;

static void *is_one_of_many(void *arg)
{
	struct weft_case k[2];
	u64 v;

	k[0] = to_receive(a, &v);
	k[1] = to_receive(b, &v);
	came++;
	CHECK(weft_select(k, 2, WEFT_FOREVER) >= 0);
	came--;
	return arg;
}

static s64 cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* On one P: CPU time until a crowd has come, waited in two queues, and gone. */
static s64 crowd(u32 n)
{
	s64 t = cpu_time();
	u64 i;

	for (i = 0; i < n; i++)
		CHECK(!weft_go(is_one_of_many, NULL));
	while (READ_ONCE(came) < n)
		weft_yield();
	for (i = 0; i < n; i++)
		CHECK(!weft_chan_send(i % 2 ? b : a, &i));
	while (READ_ONCE(came))
		weft_yield();
	return cpu_time() - t;
}

static void *measures(void *arg)
{
	s64 one = INT64_MAX, two = INT64_MAX, t;
	int i;

	crowd(2 * CROWD);
	for (i = 0; i < 40 && (i < 5 || two >= one * 3); i++) {
		t = crowd(CROWD);
		one = t < one ? t : one;
		t = crowd(2 * CROWD);
		two = t < two ? t : two;
	}
	fprintf(stderr, "# %d waiters: %lld us, %d: %lld us\n", CROWD,
		(long long)one / 1000, 2 * CROWD, (long long)two / 1000);
	CHECK(two < one * 3);
	return arg;
}

TEST(linear_in_waiters)
{
	ASSERT_EQ(0, rt_start(1));
	a = chan_of_u64(0);
	b = chan_of_u64(0);
	ASSERT_TRUE(act(measures, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

TEST_HARNESS_MAIN
