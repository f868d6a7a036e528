// SPDX-License-Identifier: GPL-2.0-only
/*
 * tickers.c - tickers: no drift, no two calls at once; and who waits for the
 * function of a timer or a ticker waits until it has returned.
 */
#include "chan.h"

#include "kselftest_harness.h"

/* ---- tickers ---- */

static struct weft_ticker ticker;
static struct weft_chan *chan;

/* It may fire meanwhile: when it would have, or will again. */
static weft__racy s64 ticker_when(void)
{
	return (s64)READ_ONCE(ticker.weft__timer.weft__words[0]);
}

static void *no_drift(void *arg)
{
	const s64 period = NSEC_PER_MSEC;
	s64 first, v, last = 0;
	int i;

	CHECK(!weft_ticker_chan(&ticker, period, chan));
	/* Late or not, it is one period after a time that has passed. */
	first = ticker_when();
	first -= (first - weft_now()) / period * period;
	for (i = 0; i < 30; i++) {
		CHECK(!weft_chan_recv(chan, &v));
		CHECK(v > last && v <= weft_now());
		/* So many have come: as much time has passed at least. */
		CHECK(v >= first + (i - 1) * period);
		CHECK((ticker_when() - first) % period == 0);
		if (i == 10)
			weft_sleep(5 * period);		/* some are missed */
		last = v;
	}
	CHECK(weft_ticker_reset(&ticker, 1000 * NSEC_PER_SEC) == 1);
	CHECK(!weft_chan_len(chan));
	CHECK(weft_ticker_stop(&ticker) == 1);
	CHECK(!weft_ticker_stop_sync(&ticker));
	return arg;
}

TEST(ticker_has_no_drift)
{
	chan = weft_chan_new(sizeof(s64), 1);
	EVERYWHERE(no_drift);
	EXPECT_EQ(0, weft_chan_free(chan));
}

static u32 running, hold, ran;

static void *holds(void *arg)
{
	CHECK(atomic_add(&running, 1) == 1);
	CHECK(G_AWAIT(!rt_get(&hold)));
	atomic_sub(&running, 1);
	atomic_add(&ran, 1);
	return arg;
}

/* A tick whose predecessor runs is dropped; time goes on all the same. */
TEST(ticker_does_not_overlap)
{
	s64 when;

	hold = 1;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_ticker_start(&ticker, NSEC_PER_MSEC, holds, NULL));
	ASSERT_TRUE(AWAIT(rt_get(&running)));
	when = ticker_when();
	EXPECT_TRUE(AWAIT(ticker_when() > when + 5 * NSEC_PER_MSEC));
	EXPECT_EQ(1, rt_get(&running));
	rt_set(&hold, 0);
	EXPECT_TRUE(AWAIT(rt_get(&ran) > 3));
	EXPECT_EQ(1, weft_ticker_stop_sync(&ticker));
	EXPECT_EQ(0, rt_get(&running));
	DONE();
}

/* ---- waiting for what runs ---- */

static struct weft_timer timer;
static u32 back;

static void *stops_sync(void *arg)
{
	CHECK(!weft_timer_stop_sync(&timer));
	CHECK(!rt_get(&running));
	rt_set(&back, 1);
	return arg;
}

static void *waits_for_call(void *arg)
{
	(void)arg;
	rt_set(&hold, 1);
	rt_set(&back, 0);
	CHECK(!weft_timer_start(&timer, weft_now(), holds, NULL));
	CHECK(G_AWAIT(rt_get(&running)));
	CHECK(!weft_timer_stop(&timer));	/* does not wait */
	CHECK(!weft_go(stops_sync, NULL));
	pass();
	CHECK(!rt_get(&back));
	rt_set(&hold, 0);
	CHECK(G_AWAIT(rt_get(&back)));
	return NULL;
}

TEST(stop_sync_waits)
{
	EVERYWHERE(waits_for_call);
}

static void *stops_itself(void *arg)
{
	CHECK(weft_timer_stop_sync(arg) == -EDEADLK);
	CHECK(!weft_timer_stop(arg));
	free(arg);		/* nobody touches it any more */
	rt_set(&back, 1);
	return NULL;
}

static void *frees_itself(void *arg)
{
	struct weft_timer *t;
	int i;

	for (i = 0; i < 200; i++) {
		t = calloc(1, sizeof(*t));
		rt_set(&back, 0);
		CHECK(!weft_timer_start(t, weft_now(), stops_itself, t));
		CHECK(G_AWAIT(rt_get(&back)));
	}
	return arg;
}

TEST(freed_by_its_function)
{
	EVERYWHERE(frees_itself);
}

TEST_HARNESS_MAIN
