// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer.c - timers without a G: fired once and not early, moved, stopped, armed
 * again by what they call; who stops one that fires waits; how often an M
 * looks; and what is not due at the end does not keep anything.
 */
#include "rt.h"

#include <core/sysmon.h>
#include <core/timer.h>

#include "kselftest_harness.h"

#define FAR (weft__now() + 1000 * NSEC_PER_SEC)

struct probe {
	struct timer t;
	u32 fired, early;
	s64 again;		/* armed again by itself, so many times */
	u32 hold;		/* fire() does not return */
};

static s64 fire(struct timer *t, s64 now)
{
	struct probe *p = container_of(t, struct probe, t);

	if (now < t->when || weft__now() < t->when)
		rt_set(&p->early, 1);
	atomic_add(&p->fired, 1);
	G_SPIN(!rt_get(&p->hold));
	return p->again-- > 0 ? now + NSEC_PER_MSEC : INT64_MAX;
}

static struct probe probes[300];

static struct probe *fresh(u32 i)
{
	probes[i] = (struct probe){ .t.fire = fire };
	return &probes[i];
}

static bool idle(struct probe *p)
{
	return smp_load_acquire(&p->t.state) == TIMER_IDLE;
}

TEST(fires_once)
{
	struct probe *p = fresh(0);

	ASSERT_EQ(0, rt_start(0));
	EXPECT_EQ(0, weft__timer_stop(&p->t));
	ASSERT_EQ(0, weft__timer_start(&p->t, weft__now() + NSEC_PER_MSEC));
	EXPECT_TRUE(AWAIT(rt_get(&p->fired) && idle(p)));
	EXPECT_EQ(0, weft__timer_stop(&p->t));
	EXPECT_EQ(1, p->fired);
	EXPECT_EQ(0, p->early);
	DONE();
}

TEST(moved_and_stopped)
{
	struct probe *p = fresh(0);

	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft__timer_start(&p->t, FAR));
	EXPECT_EQ(1, weft__timer_start(&p->t, 1));	/* it is due */
	EXPECT_TRUE(AWAIT(rt_get(&p->fired)));
	weft__timer_stop(&p->t);
	ASSERT_EQ(0, weft__timer_start(&p->t, FAR));
	EXPECT_EQ(1, weft__timer_stop(&p->t));
	EXPECT_EQ(0, weft__timer_stop(&p->t));
	EXPECT_EQ(1, p->fired);
	DONE();
}

/* More than a batch, and from the last to the first. */
TEST(many)
{
	s64 t = weft__now();
	u32 i, n = ARRAY_SIZE(probes);

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, weft__timer_start(&fresh(i)->t, t + (n - i)));
	for (i = 0; i < n; i++) {
		EXPECT_TRUE(AWAIT(rt_get(&probes[i].fired)));
		weft__timer_stop(&probes[i].t);
		EXPECT_EQ(1, probes[i].fired);
		EXPECT_EQ(0, probes[i].early);
	}
	EXPECT_EQ(0, READ_ONCE(S.timed));
	DONE();
}

/* A heap that nobody else looks at: in the order of deadlines, up to now. */
TEST(in_order)
{
	struct timers *h = weft__timers_new();
	u32 i, n = ARRAY_SIZE(probes);

	ASSERT_EQ(0, rt_start(1));
	for (i = 0; i < n; i++) {
		fresh(i)->t.heap = h;
		ASSERT_EQ(0, weft__timer_start(&probes[i].t, 1 + i * 7 % n));
	}
	for (i = 1; i < n; i++) {
		EXPECT_EQ(i, weft__timers_next(h));
		/* i * 43 is inverse to i * 7 */
		EXPECT_EQ(1, weft__timers_run(h, i, 5));
		EXPECT_EQ(1, probes[(i - 1) * 43 % n].fired);
		EXPECT_EQ(0, weft__timers_run(h, i, 5));
	}
	EXPECT_EQ(1, weft__timers_run(h, FAR, 5));
	EXPECT_EQ(INT64_MAX, weft__timers_next(h));
	for (i = 0; i < n; i++)
		EXPECT_EQ(1, probes[i].fired);
	weft__timers_free(h);
	DONE();
}

TEST(armed_by_itself)
{
	struct probe *p = fresh(0);

	p->again = 20;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft__timer_start(&p->t, weft__now()));
	EXPECT_TRUE(AWAIT(rt_get(&p->fired) == 21 && idle(p)));
	EXPECT_EQ(0, p->early);
	EXPECT_EQ(0, READ_ONCE(S.timed));
	DONE();
}

/* A deadline that never comes is one in its heap like any other. */
TEST(never)
{
	u32 i;

	ASSERT_EQ(0, rt_start(1));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, weft__timer_start(&fresh(i)->t, INT64_MAX));
	EXPECT_EQ(1, READ_ONCE(S.timed));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, weft__timer_stop(&probes[i].t));
	EXPECT_EQ(0, READ_ONCE(S.timed));
	EXPECT_EQ(INT64_MAX, weft__next_timer());
	DONE();
}

/* ---- while it fires ---- */

static u32 back;

static void *stops(void *arg)
{
	struct probe *p = arg;

	CHECK(!weft__timer_stop(&p->t));
	rt_set(&back, 1);
	return NULL;
}

static void *moves(void *arg)
{
	struct probe *p = arg;

	CHECK(!weft__timer_start(&p->t, FAR));
	rt_set(&back, 1);
	return NULL;
}

static void waits_for_fire(struct __test_metadata *_metadata, weft_fn *fn)
{
	struct probe *p = fresh(0);
	pthread_t thread;

	back = 0;
	p->hold = 1;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft__timer_start(&p->t, 1));
	ASSERT_TRUE(AWAIT(rt_get(&p->fired)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, fn, p));
	EXPECT_TRUE(AWAIT(READ_ONCE(p->t.state) == TIMER_WAITED));
	EXPECT_EQ(0, rt_get(&back));
	rt_set(&p->hold, 0);
	EXPECT_TRUE(AWAIT(rt_get(&back)));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(fn == moves, weft__timer_stop(&p->t));
	EXPECT_EQ(1, p->fired);
	DONE();
}

TEST(stop_waits_for_fire)
{
	waits_for_fire(_metadata, stops);
}

TEST(start_waits_for_fire)
{
	waits_for_fire(_metadata, moves);
}

/* ---- halted ---- */

static void *halts(void *arg)
{
	weft__timers_halt(true);
	rt_set(&back, 1);
	return arg;
}

TEST(halted)
{
	struct probe *p = fresh(0), *q = fresh(1);
	pthread_t thread;

	back = 0;
	p->hold = 1;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft__timer_start(&p->t, 1));
	ASSERT_TRUE(AWAIT(rt_get(&p->fired)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, halts, NULL));
	usleep(2000);
	EXPECT_EQ(0, rt_get(&back));
	rt_set(&p->hold, 0);
	EXPECT_TRUE(AWAIT(rt_get(&back)));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, weft__timer_start(&q->t, 1));
	usleep(5000);
	EXPECT_EQ(0, rt_get(&q->fired));
	weft__timers_halt(false);
	EXPECT_TRUE(AWAIT(rt_get(&q->fired)));
	weft__timer_stop(&q->t);
	DONE();
}

/*
 * An M with a timer in its P's heap asks the clock each 50 us, if it can: after
 * each pop where these are slow, and after 61 again where they are not.
 */
static void *paced(void *arg)
{
	struct probe *p = fresh(0);
	struct m *m;
	s64 until;
	int i;

	CHECK(G_AWAIT(this_m()->pace == M_TICK));
	m = this_m();
	CHECK(!weft__timer_start(&p->t, FAR));
	CHECK(m->pace == 1 && m->tick == 1);
	for (i = 0; i < 5; i++) {
		m = this_m();
		until = weft__now() + NSEC_PER_MSEC / 5;
		CHECK(G_SPIN(weft__now() >= until));
		weft_yield();
		CHECK(m->pace == 1);
	}
	CHECK(G_AWAIT(this_m()->pace == M_TICK));
	CHECK(weft__timer_stop(&p->t) == 1);
	return arg;
}

TEST(ticks_keep_pace)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, paced, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* What is armed at the end is forgotten, and may be used again. */
TEST(over_the_end)
{
	struct probe *p = fresh(0);
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, rt_start(0));
		ASSERT_EQ(0, weft__timer_start(&p->t, FAR));
		ASSERT_EQ(0, weft_stop());
		EXPECT_EQ(TIMER_IDLE, p->t.state);
	}
	EXPECT_EQ(0, p->fired);
}

TEST_HARNESS_MAIN
