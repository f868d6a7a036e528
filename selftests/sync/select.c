// SPDX-License-Identifier: GPL-2.0-only
/*
 * select.c - one of several cases is done, each with the same chance, and
 * nothing of the others is left.
 */
#include "chan.h"

#include "kselftest_harness.h"

static struct weft_chan *a, *b, *c[4];
static u32 rounds, step;

static struct weft_case sends(struct weft_chan *ch, u64 *v)
{
	return (struct weft_case){ .chan = ch, .op = WEFT_SEND, .elem = v };
}

static struct weft_case receives(struct weft_chan *ch, u64 *v)
{
	return (struct weft_case){ .chan = ch, .op = WEFT_RECV, .elem = v };
}

static s64 soon(void)
{
	return weft__now() + RT_PATIENCE;
}

/* ---- alone ---- */

static void *bad_use(void *arg)
{
	struct weft_case k[2] = { { 0 }, { 0 } };
	u64 v = 1;

	a = chan_of_u64(1);
	CHECK(weft_select(k, -1, WEFT_POLL) == -EINVAL);
	CHECK(weft_select(NULL, 1, WEFT_POLL) == -EINVAL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EINVAL);	/* no op */
	k[0] = sends(a, NULL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EINVAL);
	k[0] = sends(NULL, NULL);
	CHECK(weft_select(k, 1, WEFT_POLL) == -EAGAIN);
	k[0] = sends(a, &v);
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
		k[0] = receives(NULL, &v);
		k[1] = i % 2 ? receives(shut, &v) : sends(shut, &v);
		k[2] = receives(open, &v);
		CHECK(weft_select(k, 3, i % 3 ? WEFT_FOREVER : WEFT_POLL) == 1);
		CHECK(k[1].ret == -EPIPE && v == (i % 2 ? 0 : 7));
		k[1] = receives(NULL, &v);
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

	k[0] = sends(w, &v);
	k[1] = receives(w, &x);
	k[2] = sends(w, &v);
	k[3] = receives(w, &x);
	for (i = 0; i < 20; i++) {
		/* one does not meet oneself */
		CHECK(weft_select(k, 4, WEFT_POLL) == -EAGAIN);
		t = weft__now() + 50000;
		CHECK(weft_select(k, 4, t) == -ETIMEDOUT);
		CHECK(!chan_waiters(w) && !x);
	}
	k[0] = sends(ring, &v);
	k[1] = receives(ring, &x);
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
	k[0] = receives(never, &v);
	k[1] = receives(NULL, &v);
	k[2] = receives(never, &v);
	k[3] = receives(a, &v);
	k[4] = receives(b, &v);
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
		k[i] = receives(c[i], &v);
	}
	for (i = 0; i < 3 * TIMES; i++)
		n[weft_select(k, 3, WEFT_FOREVER)]++;
	for (i = 0; i < 3; i++) {
		/* variance 2/9 n */
		double d = (double)n[i] - TIMES;

		EXPECT_TRUE(d * d <= 4.891676 * 4.891676 * 2 / 9 * 3 * TIMES);
	}
}

/* ---- of two with values at all times, one is ready at all times ---- */

static void *polls_two(void *arg)
{
	struct weft_case k[2];
	u64 i, v;
	int r;

	for (i = 1; i <= rounds; i++) {
		while (rt_get(&step) != i * 2)
			pass();
		k[0] = receives(a, &v);
		k[1] = receives(b, &v);
		r = weft_select(k, 2, WEFT_POLL);
		CHECK(r == 0 || r == 1);
		rt_set(&step, (u32)i * 2 + 1);
	}
	return arg;
}

/* There is a value in a, then in b as well, then in b alone. */
static void *moves_it(void *arg)
{
	u64 i, k, v = 1;

	for (i = 1; i <= rounds; i++) {
		CHECK(!weft_chan_try_send(a, &v));
		rt_set(&step, (u32)i * 2);
		for (k = 0; k < i * 7919 % 200; k++)
			cpu_relax();
		CHECK(!weft_chan_try_send(b, &v));
		weft_chan_try_recv(a, &v);
		while (rt_get(&step) != i * 2 + 1)
			pass();
		weft_chan_try_recv(a, &v);
		weft_chan_try_recv(b, &v);
		CHECK(!weft_chan_len(a) && !weft_chan_len(b));
	}
	return arg;
}

static void poll_race(struct __test_metadata *_metadata, u32 n, bool one,
		      bool other)
{
	rounds = n;
	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(1);
	b = chan_of_u64(1);
	ASSERT_TRUE(act(moves_it, NULL, one));
	ASSERT_TRUE(act(polls_two, NULL, other));
	ASSERT_TRUE(all_ended());
	DONE();
}

TEST(one_is_always_ready)
{
	poll_race(_metadata, 400, false, false);
}

TEST(one_is_always_ready_for_threads)
{
	poll_race(_metadata, 400, true, false);
}

/* The same, the poll a G of its own each time, wherever that runs. */
static struct weft_chan *told;

static void *polls_once(void *arg)
{
	struct weft_case k[2];
	u64 v;

	k[0] = receives(a, &v);
	k[1] = receives(b, &v);
	v = (u64)weft_select(k, 2, WEFT_POLL);
	CHECK(v < 2);
	CHECK(!weft_chan_send(told, &v));
	return arg;
}

static void *starts_polls(void *arg)
{
	u64 i, v = 1;

	for (i = 0; i < 100000; i++) {
		CHECK(!weft_chan_send(a, &v));
		CHECK(!weft_go(polls_once, NULL));
		CHECK(!weft_chan_send(b, &v));
		weft_chan_try_recv(a, &v);
		CHECK(!weft_chan_recv(told, &v));
		weft_chan_try_recv(a, &v);
		weft_chan_try_recv(b, &v);
	}
	return arg;
}

TEST(one_is_always_ready_for_new_gs)
{
	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(1);
	b = chan_of_u64(1);
	told = chan_of_u64(1);
	ASSERT_TRUE(act(starts_polls, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

/* ---- two selects that could serve one another do ---- */

static u64 met[2];

static void *meets(void *arg)
{
	struct weft_chan *x = arg ? a : b, *y = arg ? b : a;
	struct weft_case k[4];
	u64 i, v, w = 0;
	int r;

	/* both send to and receive from both, in another order */
	for (i = 0; i < rounds; i++) {
		v = i;
		k[0] = sends(x, &v);
		k[1] = receives(x, &w);
		k[2] = sends(y, &v);
		k[3] = receives(y, &w);
		r = weft_select(k, 4, i % 3 ? WEFT_FOREVER : soon());
		if (!CHECK(r >= 0 && !k[r].ret))
			break;
		met[r % 2]++;
		if (r % 2)
			CHECK(w == i);
	}
	return NULL;
}

static void rendezvous(struct __test_metadata *_metadata, u32 n, bool one,
		       bool other)
{
	rounds = n;
	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(0);
	b = chan_of_u64(0);
	ASSERT_TRUE(act(meets, NULL, one));
	ASSERT_TRUE(act(meets, &a, other));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(0, weft_chan_free(a));
	EXPECT_EQ(0, weft_chan_free(b));
	DONE();
}

TEST(selects_meet)
{
	rendezvous(_metadata, 20000, false, false);
}

TEST(selects_of_threads_meet)
{
	rendezvous(_metadata, 3000, true, false);
}

TEST(selects_of_two_threads_meet)
{
	rendezvous(_metadata, 1000, true, true);
}

/* ---- four channels, ten Gs: by call or by select ---- */

static void *sends_plain(void *arg)
{
	u64 i;

	for (i = 0; i < rounds; i++)
		CHECK(!weft_chan_send(arg, &i));
	return NULL;
}

static void *receives_plain(void *arg)
{
	u64 i, v;

	for (i = 0; i < rounds; i++)
		CHECK(!weft_chan_recv(arg, &v) && v == i);
	return NULL;
}

/* Each channel "rounds" times, in the order that comes. */
static void *selects_all(void *arg)
{
	u64 v[4], at[4] = { 0 }, i;
	struct weft_case k[4];
	int r;

	for (i = 0; i < 4; i++)
		k[i] = arg ? sends(c[i], &v[i]) : receives(c[i], &v[i]);
	for (i = 0; i < 4 * rounds; i++) {
		if (arg)
			memcpy(v, at, sizeof(v));
		r = weft_select(k, 4, i % 5 ? WEFT_FOREVER : soon());
		if (!CHECK(r >= 0 && !k[r].ret))
			break;
		if (!arg)
			CHECK(v[r] == at[r]);
		if (++at[r] == rounds)
			k[r].chan = NULL;
	}
	return NULL;
}

/*
 * The values of two senders mix, so the order is not looked at where two send:
 * the selects have channels of their own round with the plain ones.
 */
static void stress(struct __test_metadata *_metadata, u32 n, bool threads)
{
	int i;

	rounds = n;
	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < 4; i++)
		c[i] = chan_of_u64(i < 2 ? 0 : (size_t)i);
	/* select sends, four receive */
	ASSERT_TRUE(act(selects_all, &a, threads));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(act(receives_plain, c[i], threads && i % 2));
	ASSERT_TRUE(all_ended());
	/* four send, select receives */
	ASSERT_TRUE(act(selects_all, NULL, threads));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(act(sends_plain, c[i], threads && i % 2));
	ASSERT_TRUE(all_ended());
	/* select to select */
	ASSERT_TRUE(act(selects_all, NULL, threads));
	ASSERT_TRUE(act(selects_all, &a, false));
	ASSERT_TRUE(all_ended());
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, chan_waiters(c[i]));
		EXPECT_EQ(0, weft_chan_free(c[i]));
	}
	DONE();
}

TEST(stress_of_four_channels)
{
	stress(_metadata, 10000, false);
}

TEST(stress_with_threads)
{
	stress(_metadata, 1000, true);
}

/* All ten at once: sums, since senders mix. */
static u64 sum_in, sum_out;

static void *adds_in(void *arg)
{
	u64 i;

	for (i = 0; i < rounds; i++) {
		CHECK(!weft_chan_send(arg, &i));
		atomic_add(&sum_in, i);
	}
	return NULL;
}

static void *adds_out(void *arg)
{
	u64 i, v;

	for (i = 0; i < rounds; i++) {
		CHECK(!weft_chan_recv(arg, &v));
		atomic_add(&sum_out, v);
	}
	return NULL;
}

static void *selects_sums(void *arg)
{
	u64 v[4], at[4] = { 0 }, i;
	struct weft_case k[4];
	int r;

	for (i = 0; i < 4; i++)
		k[i] = arg ? sends(c[i], &v[i]) : receives(c[i], &v[i]);
	for (i = 0; i < 4 * rounds; i++) {
		if (arg)
			memcpy(v, at, sizeof(v));
		r = weft_select(k, 4, WEFT_FOREVER);
		if (!CHECK(r >= 0))
			break;
		atomic_add(arg ? &sum_in : &sum_out, v[r]);
		if (++at[r] == rounds)
			k[r].chan = NULL;
	}
	return NULL;
}

TEST(ten_at_once)
{
	int i;

	rounds = 10000;
	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < 4; i++) {
		c[i] = chan_of_u64(i < 2 ? 0 : (size_t)i);
		ASSERT_TRUE(act(adds_in, c[i], false));
		ASSERT_TRUE(act(adds_out, c[i], false));
	}
	ASSERT_TRUE(act(selects_sums, NULL, false));
	ASSERT_TRUE(act(selects_sums, &a, false));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(sum_in, sum_out);
	EXPECT_EQ(8ull * rounds * (rounds - 1) / 2, sum_in);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, chan_waiters(c[i]));
	DONE();
}

/* ---- no value twice, though two channels feed two selects ---- */

#define VALUES 100000

static u8 seen[VALUES];

static void *sends_on_either(void *arg)
{
	struct weft_case k[2];
	u64 v;

	for (v = 0; v < VALUES; v++) {
		k[0] = sends(a, &v);
		k[1] = sends(b, &v);
		CHECK(weft_select(k, 2, WEFT_FOREVER) >= 0);
	}
	CHECK(!weft_chan_close(a) && !weft_chan_close(b));
	return arg;
}

static void *notes(void *arg)
{
	struct weft_case k[2];
	u64 v;
	int r;

	for (;;) {
		k[0] = receives(arg ? a : b, &v);
		k[1] = receives(arg ? b : a, &v);
		r = weft_select(k, 2, WEFT_FOREVER);
		if (!CHECK(r >= 0) || k[r].ret)
			break;
		CHECK(v < VALUES && !__atomic_fetch_add(&seen[v], 1,
							__ATOMIC_SEQ_CST));
	}
	return NULL;
}

TEST(no_value_twice)
{
	u32 i, n = 0;

	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(0);
	b = chan_of_u64(0);
	ASSERT_TRUE(act(sends_on_either, NULL, false));
	ASSERT_TRUE(act(notes, NULL, false));
	ASSERT_TRUE(act(notes, &a, false));
	ASSERT_TRUE(all_ended());
	for (i = 0; i < VALUES; i++)
		n += seen[i];
	EXPECT_EQ(VALUES, n);
	DONE();
}

/* ---- deadlines against partners: the books balance ---- */

static u64 put, got;

static void *puts_some(void *arg)
{
	struct weft_case k[2];
	u64 v = 1, i;
	int r;

	for (i = 0; i < rounds; i++) {
		k[0] = sends(a, &v);
		k[1] = sends(b, &v);
		r = weft_select(k, 2, i % 8 ? weft__now() + 20000 : WEFT_POLL);
		CHECK(r >= 0 || r == (i % 8 ? -ETIMEDOUT : -EAGAIN));
		atomic_add(&put, r >= 0);
	}
	rt_set(&step, 1);
	return arg;
}

static void *gets_some(void *arg)
{
	struct weft_case k[3];
	u64 v, i = 0;
	u32 n;
	int r;

	do {
		k[0] = receives(b, &v);
		k[1] = receives(NULL, &v);
		k[2] = receives(a, &v);
		r = weft_select(k, 3, weft__now() + 30000);
		CHECK(r >= 0 || r == -ETIMEDOUT);
		atomic_add(&got, r >= 0);
		for (n = 0; n < i * 7919 % 3000; n++)
			cpu_relax();
		i++;
	} while (r >= 0 || !rt_get(&step));
	return arg;
}

static void books(struct __test_metadata *_metadata, bool one, bool other)
{
	rounds = 3000;
	ASSERT_EQ(0, rt_start(0));
	a = chan_of_u64(0);
	b = chan_of_u64(0);
	ASSERT_TRUE(act(puts_some, NULL, one));
	ASSERT_TRUE(act(gets_some, NULL, other));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(put, got);
	EXPECT_EQ(0, weft_chan_free(a));
	EXPECT_EQ(0, weft_chan_free(b));
	DONE();
}

TEST(deadlines_of_gs_race)
{
	books(_metadata, false, false);
}

TEST(deadlines_of_a_thread_race)
{
	books(_metadata, true, false);
}

TEST(deadlines_with_a_thread_race)
{
	books(_metadata, false, true);
}

/* ---- close wakes a select, once ---- */

static void *waits_for_close(void *arg)
{
	struct weft_case k[2];
	u64 v = 5;
	int r;

	k[0] = receives(a, &v);
	k[1] = arg ? sends(b, &v) : receives(b, &v);
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

	k[0] = receives(a, &v);
	k[1] = receives(b, &v);
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
