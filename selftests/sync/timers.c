// SPDX-License-Identifier: GPL-2.0-only
/*
 * timers.c - timers: never early, nothing stale after a stop or a reset, each
 * start either comes once or is taken back once; and what is refused.
 */
#include "chan.h"

#include <core/timer.h>

#include "kselftest_harness.h"

#define FAR (weft_now() + 1000 * NSEC_PER_SEC)

static struct weft_chan *ticks(void)
{
	return weft_chan_new(sizeof(s64), 1);
}

/* ---- many ---- */

#define MANY 2000

static struct late {
	struct weft_timer t;
	s64 when;
	u32 calls;
} lates[MANY];
static u64 came;

static void *comes(void *arg)
{
	struct late *l = arg;

	CHECK(weft_now() >= l->when);
	CHECK(atomic_add(&l->calls, 1) == 1);
	atomic_add(&came, 1);
	return NULL;
}

static void *starts_many(void *arg)
{
	s64 t = weft_now();
	u32 i, k;

	for (i = 0; i < MANY; i++) {
		k = i * 7 % MANY;	/* in no order */
		lates[k].when = t + k * (20 * NSEC_PER_USEC);
		CHECK(!weft_timer_start(&lates[k].t, lates[k].when, comes,
					&lates[k]));
	}
	return arg;
}

static void many(struct __test_metadata *_metadata, bool thread)
{
	u32 i;

	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(act(starts_many, NULL, thread));
	ASSERT_TRUE(all_ended());
	EXPECT_TRUE(AWAIT(__atomic_load_n(&came, __ATOMIC_ACQUIRE) == MANY));
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(0, weft_timer_stop(&lates[i].t));
		EXPECT_EQ(1, lates[i].calls);
	}
	DONE();
}

TEST(many_deadlines)
{
	many(_metadata, false);
}

TEST(many_deadlines_by_a_thread)
{
	many(_metadata, true);
}

/* ---- 100 timers in 11 states ---- */

enum state {
	FRESH,
	ARMED_FAR,
	ARMED_NEAR,
	DUE,
	FIRING,			/* or about to, or just over */
	FIRED,
	STOPPED,
	RESET_ARMED,
	RESET_FIRING,
	RESET_FIRED,
	STOPPED_RESET,
	STATES
};

#define ANY 2

static struct subject {
	struct weft_timer t;
	struct weft_chan *c;	/* or NULL: calls */
	u32 calls;
} subjects[100];

static void *called(void *arg)
{
	atomic_add(&((struct subject *)arg)->calls, 1);
	return NULL;
}

static int set(struct subject *s, s64 when)
{
	return s->c ? weft_timer_chan(&s->t, when, s->c) :
		      weft_timer_start(&s->t, when, called, s);
}

/* It has come: so often, or its value is there. */
static bool has_come(struct subject *s, u32 calls)
{
	return s->c ? weft_chan_len(s->c) == 1 : rt_get(&s->calls) == calls;
}

static void comes_now(struct subject *s)
{
	u32 calls = rt_get(&s->calls);

	CHECK(!set(s, weft_now()));
	CHECK(AWAIT(has_come(s, calls + 1)));
}

/* Into that state; what a stop must say then. */
static int bring(struct subject *s, enum state k)
{
	int r;

	switch (k) {
	case FRESH:
		s->t = (struct weft_timer)WEFT_TIMER_INIT;
		return 0;
	case ARMED_FAR:
		CHECK(!set(s, FAR));
		return 1;
	case ARMED_NEAR:
		CHECK(!set(s, weft_now() + 100 * NSEC_PER_USEC));
		return ANY;
	case DUE:
		CHECK(!set(s, weft_now() - 1));
		return 1;	/* timers are halted */
	case FIRING:
		CHECK(!set(s, 1));
		return ANY;
	case FIRED:
		comes_now(s);
		return s->c ? 1 : 0;
	case STOPPED:
		CHECK(!set(s, FAR));
		CHECK(weft_timer_stop(&s->t) == 1);
		return 0;
	case RESET_ARMED:
		CHECK(!set(s, FAR));
		CHECK(weft_timer_reset(&s->t, FAR) == 1);
		return 1;
	case RESET_FIRING:
		CHECK(!set(s, 1));
		r = weft_timer_reset(&s->t, FAR);
		CHECK(r == 0 || r == 1);
		return 1;
	case RESET_FIRED:
		comes_now(s);
		CHECK(weft_timer_reset(&s->t, FAR) == (s->c ? 1 : 0));
		return 1;
	default:
		CHECK(!set(s, FAR));
		CHECK(weft_timer_reset(&s->t, FAR) == 1);
		CHECK(weft_timer_stop(&s->t) == 1);
		return 0;
	}
}

static void ends_stopped(struct subject *s, int want)
{
	int r = weft_timer_stop(&s->t);

	CHECK(r == want || (want == ANY && (r == 0 || r == 1)));
	CHECK(!s->c || !weft_chan_len(s->c));
	CHECK(!weft_timer_stop_sync(&s->t));
}

/* Whatever was before, it comes once, and by its new deadline. */
static void ends_reset(struct subject *s, int want)
{
	s64 when, v;
	u32 calls;
	int r;

	r = weft_timer_stop_sync(&s->t);
	CHECK(r == want || (want == ANY && (r == 0 || r == 1)));
	calls = rt_get(&s->calls);
	r = set(s, FAR);
	CHECK(!r);
	when = weft_now() + 50 * NSEC_PER_USEC;
	CHECK(weft_timer_reset(&s->t, when) == 1);
	if (s->c)
		CHECK(!weft_chan_recv(s->c, &v) && v >= when);
	else
		CHECK(AWAIT(rt_get(&s->calls) == calls + 1));
	CHECK(!weft_timer_stop_sync(&s->t));
	CHECK(!s->c || !weft_chan_len(s->c));
	CHECK(s->c || rt_get(&s->calls) == calls + 1);
}

static void all_states(bool resets)
{
	int want[ARRAY_SIZE(subjects)];
	u32 calls[ARRAY_SIZE(subjects)];
	u32 i, n = ARRAY_SIZE(subjects);
	enum state k;

	for (k = 0; k < STATES; k++) {
		if (k == DUE)
			weft__timers_halt(true);
		for (i = 0; i < n; i++)
			want[i] = bring(&subjects[i], k);
		for (i = 0; i < n && k == DUE && resets; i++) {
			CHECK(weft_timer_stop(&subjects[i].t) == 1);
			want[i] = 0;
		}
		if (k == DUE && resets)
			weft__timers_halt(false);
		for (i = 0; i < n; i++)
			if (resets)
				ends_reset(&subjects[i], want[i]);
			else
				ends_stopped(&subjects[i], want[i]);
		for (i = 0; i < n; i++)
			calls[i] = rt_get(&subjects[i].calls);
		if (k == DUE && !resets)
			weft__timers_halt(false);
		/* One that comes after all others: none of them did. */
		comes_now(&subjects[1]);
		weft_timer_stop_sync(&subjects[1].t);
		calls[1]++;
		for (i = 0; i < n; i++) {
			CHECK(calls[i] == rt_get(&subjects[i].calls));
			CHECK(!subjects[i].c || !weft_chan_len(subjects[i].c));
		}
	}
}

static void states(struct __test_metadata *_metadata, bool resets)
{
	u32 i;

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < ARRAY_SIZE(subjects); i += 2)
		subjects[i].c = ticks();
	all_states(resets);
	for (i = 0; i < ARRAY_SIZE(subjects); i += 2)
		EXPECT_EQ(0, weft_chan_free(subjects[i].c));
	DONE();
}

TEST(eleven_states_stopped)
{
	states(_metadata, false);
}

TEST(eleven_states_reset)
{
	states(_metadata, true);
}

/* ---- stopped and reset while it fires, for sure ---- */

static struct weft_timer timer;
static struct weft_chan *chan;
static int said;

static void *stops(void *arg)
{
	said = weft_timer_stop(&timer);
	return arg;
}

static void *resets(void *arg)
{
	said = weft_timer_reset(&timer, FAR);
	return arg;
}

/* Who fires wants the channel's lock, which we have. */
static void fires_meanwhile(struct __test_metadata *_metadata, weft_fn *fn)
{
	struct timer *t = (struct timer *)&timer;
	struct clk *lk;

	ASSERT_EQ(0, rt_start(0));
	chan = ticks();
	lk = &((struct chan *)chan)->lock;
	clk_lock(weft__my_vcpu(), lk);
	ASSERT_EQ(0, weft_timer_chan(&timer, 1, chan));
	ASSERT_TRUE(AWAIT(READ_ONCE(t->state) == TIMER_FIRING));
	ASSERT_TRUE(act(fn, NULL, true));
	EXPECT_TRUE(AWAIT(READ_ONCE(t->state) == TIMER_WAITED));
	clk_unlock(lk);
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(1, said);	/* its value was thrown away */
	EXPECT_EQ(0, weft_chan_len(chan));
	EXPECT_EQ(fn == resets, weft_timer_stop(&timer));
	EXPECT_EQ(0, weft_chan_free(chan));
	DONE();
}

TEST(stopped_while_it_fires)
{
	fires_meanwhile(_metadata, stops);
}

TEST(reset_while_it_fires)
{
	fires_meanwhile(_metadata, resets);
}

/* ---- races: each start comes once, or is taken back once ---- */

#define RACED 8
#define RACES 8000

static struct subject raced[RACED];
static u64 set_n, back_n, got_n;

static void *races(void *arg)
{
	u64 seed = (uintptr_t)arg * 0x9e3779b97f4a7c15ull + 1, x, sets = 0,
	    backs = 0;
	struct subject *s;
	s64 when;
	int i, r;

	for (i = 0; i < RACES; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		x = seed >> 33;
		s = &raced[x % RACED];
		when = weft_now() + (s64)(x / 64 % 4) * 10 * NSEC_PER_USEC;
		switch (x / 8 % 4) {
		case 0:
			r = weft_timer_stop(&s->t);
			break;
		case 1:
			r = weft_timer_reset(&s->t, when);
			sets++;
			break;
		default:
			r = set(s, when);
			sets++;
		}
		if (CHECK(r == 0 || r == 1))
			backs += r;
		if (i % 16 == 0)
			pass();
	}
	__atomic_add_fetch(&set_n, sets, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&back_n, backs, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *receives(void *arg)
{
	struct subject *s = arg;
	s64 v;

	while (!weft_chan_recv(s->c, &v)) {
		CHECK(v <= weft_now());
		atomic_add(&got_n, 1);
	}
	return NULL;
}

TEST(stop_and_reset_races)
{
	uintptr_t i;
	int r;

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < RACED; i++) {
		raced[i].c = i % 2 ? ticks() : NULL;
		set_n += !set(&raced[i], FAR);
		if (raced[i].c)
			ASSERT_EQ(0, weft_go(receives, &raced[i]));
	}
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(act(races, (void *)i, i % 2));
	ASSERT_TRUE(all_ended());
	for (i = 0; i < RACED; i++) {
		r = weft_timer_stop_sync(&raced[i].t);
		EXPECT_TRUE(r == 0 || r == 1);
		back_n += r;
		got_n += rt_get(&raced[i].calls);
		if (raced[i].c)
			EXPECT_EQ(0, weft_chan_close(raced[i].c));
	}
	EXPECT_TRUE(AWAIT(weft__live() <= 0));
	EXPECT_EQ(set_n, back_n + got_n);
	EXPECT_LT(0, got_n);
	for (i = 0; i < RACED; i++)
		EXPECT_EQ(0, weft_chan_free(raced[i].c));
	DONE();
}

/* ---- the end, and what is refused ---- */

/* Of those that are armed at the end some have come; none is lost halfway. */
TEST(armed_at_the_end)
{
	static struct late l[64];
	u64 in = 0;
	u32 i, k;

	for (k = 0; k < 60; k++) {
		ASSERT_EQ(0, rt_start(2));
		for (i = 0; i < 64; i++) {
			l[i].calls = 0;
			l[i].when = weft_now() + i * (s64)(k * 100);
			ASSERT_EQ(0, weft_timer_start(&l[i].t, l[i].when,
						      comes, &l[i]));
		}
		EXPECT_TRUE(AWAIT(!weft_stop()));
		EXPECT_EQ(0, weft__live());	/* all that began has ended */
		for (i = 0; i < 64; i++)
			in += l[i].calls;
		EXPECT_EQ(in, came);
		for (i = 0; i < 64; i++)
			EXPECT_EQ(0, weft_timer_stop_sync(&l[i].t));
	}
	EXPECT_EQ(0, rt_bad);
}

static int leaves_one(void *arg)
{
	return weft_timer_start(arg, FAR, comes, NULL);
}

/* No program waits for a timer. */
TEST(run_does_not_wait)
{
	EXPECT_EQ(0, weft_run(leaves_one, &timer));
	EXPECT_EQ(0, weft_timer_stop(&timer));
	EXPECT_EQ(0, weft_run(leaves_one, &timer));
}

static void in_child(void *arg)
{
	int r = weft_timer_stop(arg) == -ECHILD &&
		weft_timer_reset(arg, 1) == -ECHILD;
	struct weft_timer fresh = WEFT_TIMER_INIT;

	r = r && !rt_start(1) && !weft_timer_start(&fresh, FAR, comes, NULL) &&
	    weft_timer_stop(&fresh) == 1 && !weft_stop();
	_exit(r ? 0 : 1);
}

TEST(refused)
{
	struct weft_chan *two = weft_chan_new(8, 2);
	struct weft_chan *small = weft_chan_new(4, 1);
	struct weft_ticker k = WEFT_TICKER_INIT;
	struct rt_child *c;

	EXPECT_EQ(-EPERM, weft_timer_start(&timer, 1, comes, NULL));
	EXPECT_EQ(-EPERM, weft_timer_reset(&timer, 1));
	EXPECT_EQ(0, weft_timer_stop(&timer));
	EXPECT_EQ(0, weft_timer_stop_sync(&timer));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EINVAL, weft_timer_reset(&timer, 1));
	EXPECT_EQ(-EINVAL, weft_timer_start(NULL, 1, comes, NULL));
	EXPECT_EQ(-EINVAL, weft_timer_start(&timer, 1, NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_timer_chan(&timer, 1, NULL));
	EXPECT_EQ(-EINVAL, weft_timer_chan(&timer, 1, two));
	EXPECT_EQ(-EINVAL, weft_timer_chan(&timer, 1, small));
	EXPECT_EQ(-EINVAL, weft_timer_stop(NULL));
	EXPECT_EQ(-EINVAL, weft_ticker_start(&k, 0, comes, NULL));
	EXPECT_EQ(-EINVAL, weft_ticker_chan(&k, -1, ticks()));
	EXPECT_EQ(-EINVAL, weft_ticker_reset(&k, 0));
	EXPECT_EQ(-EINVAL, weft_ticker_reset(&k, 1));
	EXPECT_EQ(-EINVAL, weft_ticker_stop(NULL));
	EXPECT_EQ(0, weft_timer_start(&timer, WEFT_FOREVER, comes, NULL));
	c = rt_in_child(in_child, &timer);
	EXPECT_EXIT(c, 0);
	EXPECT_EQ(1, weft_timer_stop(&timer));
	weft_chan_free(two);
	weft_chan_free(small);
	DONE();
}

TEST_HARNESS_MAIN
