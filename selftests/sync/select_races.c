// SPDX-License-Identifier: GPL-2.0-only
/*
 * select_races.c - selects beside one another, and beside who polls, meets,
 * closes and comes late: nothing is lost, nothing is done twice.
 */
#include "chan.h"

#include "kselftest_harness.h"

static struct weft_chan *a, *b, *c[4];
static u32 rounds, step;

static s64 soon(void)
{
	return weft__now() + RT_PATIENCE;
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
		k[0] = to_receive(a, &v);
		k[1] = to_receive(b, &v);
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

	k[0] = to_receive(a, &v);
	k[1] = to_receive(b, &v);
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
		k[0] = to_send(x, &v);
		k[1] = to_receive(x, &w);
		k[2] = to_send(y, &v);
		k[3] = to_receive(y, &w);
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
		k[i] = arg ? to_send(c[i], &v[i]) : to_receive(c[i], &v[i]);
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
		k[i] = arg ? to_send(c[i], &v[i]) : to_receive(c[i], &v[i]);
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
		k[0] = to_send(a, &v);
		k[1] = to_send(b, &v);
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
		k[0] = to_receive(arg ? a : b, &v);
		k[1] = to_receive(arg ? b : a, &v);
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
		k[0] = to_send(a, &v);
		k[1] = to_send(b, &v);
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
		k[0] = to_receive(b, &v);
		k[1] = to_receive(NULL, &v);
		k[2] = to_receive(a, &v);
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

TEST_HARNESS_MAIN
