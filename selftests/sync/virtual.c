// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtual.c - WEFT_CLOCK=virtual: time stands while anything runs, and moves
 * on to the next deadline, exactly, when all wait.
 */
#include "../core/rt.h"

#include "kselftest_harness.h"

#define BEGINS (946684800 * NSEC_PER_SEC)
#define HOUR (3600 * NSEC_PER_SEC)
#define AT(t) CHECK(weft_now() == (t))

static int start(u32 procs)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = procs,
			       .clock = WEFT_CLOCK_VIRTUAL };

	return weft_start(&o);
}

/* fn in a G, on one P and on all. */
#define IN_G(fn)                                                              \
	do {                                                                  \
		s64 real = weft__now();                                       \
		ASSERT_EQ(0, start(1));                                       \
		ASSERT_EQ(0, weft_go(fn, NULL));                              \
		DONE();                                                       \
		ASSERT_EQ(0, start(0));                                       \
		ASSERT_EQ(0, weft_go(fn, NULL));                              \
		DONE();                                                       \
		EXPECT_LT(weft__now() - real, RT_PATIENCE);                   \
	} while (0)

/* ---- sleeping ---- */

static int hour_long(void *arg)
{
	(void)arg;
	AT(BEGINS);
	CHECK(!weft_sleep(HOUR));
	AT(BEGINS + HOUR);
	return rt_bad ? 1 : 7;
}

static void runs(void *fn)
{
	setenv("WEFT_CLOCK", "virtual", 1);
	_exit(weft_run((int (*)(void *))fn, NULL));
}

TEST(an_hour_takes_no_time)
{
	s64 real = weft__now();
	struct rt_child *c = rt_in_child(runs, (void *)hour_long);

	EXPECT_EXIT(c, 7);
	EXPECT_STREQ("", c->said);
	EXPECT_LT(weft__now() - real, RT_PATIENCE / 2);
}

static u32 awake;

static void *sleeps_hours(void *arg)
{
	u32 hours = (u32)(uintptr_t)arg;

	CHECK(!weft_sleep(hours * HOUR));
	AT(BEGINS + hours * HOUR);
	CHECK(atomic_add(&awake, 1) == hours);
	return NULL;
}

TEST(in_order_at_their_instants)
{
	uintptr_t i;

	ASSERT_EQ(0, start(0));
	ASSERT_EQ(0, weft_thread_register());
	for (i = 20; i; i--)
		ASSERT_EQ(0, weft_go(sleeps_hours, (void *)i));
	ASSERT_EQ(0, weft_thread_unregister());
	DONE();
	EXPECT_EQ(20, awake);
	EXPECT_EQ(BEGINS + 20 * HOUR, weft_now());	/* stays */
}

#define EQUAL 300

static void *sleeps_to(void *arg)
{
	s64 late = (s64)(uintptr_t)arg;

	CHECK(!weft_sleep(HOUR + late));
	AT(BEGINS + HOUR + late);
	if (late)
		CHECK(rt_get(&awake) == EQUAL);
	else
		atomic_add(&awake, 1);
	return NULL;
}

static void *starts_equal(void *arg)
{
	int i;

	awake = 0;
	CHECK(!weft_go(sleeps_to, (void *)1));
	for (i = 0; i < EQUAL; i++)
		CHECK(!weft_go(sleeps_to, NULL));
	return arg;
}

/* All that is due at an instant runs, and waits again, before the next one. */
TEST(equal_deadlines_at_one_instant)
{
	IN_G(starts_equal);
}

TEST(each_runtime_begins_anew)
{
	struct weft_opts o = { .sz = sizeof(o) };
	s64 before;

	ASSERT_EQ(0, start(0));
	EXPECT_EQ(BEGINS, weft_now());
	DONE();
	before = weft__now();
	ASSERT_EQ(0, weft_start(&o));
	EXPECT_LE(before, weft_now());
	EXPECT_LE(weft_now(), weft__now());
	DONE();
}

/* ---- what holds time ---- */

static void *sleeps_short(void *arg)
{
	CHECK(!weft_sleep(1));
	rt_set(&awake, 1);
	return arg;
}

static void *computes(void *arg)
{
	s64 t = weft_now(), end = weft__now() + 30 * NSEC_PER_MSEC;

	rt_set(&awake, 0);
	CHECK(!weft_go(sleeps_short, NULL));
	weft_yield();
	while (weft__now() < end)
		AT(t);
	CHECK(!rt_get(&awake));
	CHECK(!weft_sleep(1));
	AT(t + 1);
	return arg;
}

TEST(a_busy_g_holds_time)
{
	IN_G(computes);
}

static int fd[2];

static void *writes_late(void *arg)
{
	usleep(50000);	/* the reader's token is taken meanwhile */
	AT(*(s64 *)arg);
	CHECK(write(fd[1], "x", 1) == 1);
	return NULL;
}

static void blocks(bool announced)
{
	s64 t = weft_now();
	pthread_t thread;
	char c;

	rt_set(&awake, 0);
	CHECK(!pipe(fd));
	CHECK(!weft_go(sleeps_short, NULL));
	CHECK(!pthread_create(&thread, NULL, writes_late, &t));
	if (announced)
		CHECK(WEFT_BLOCKING(read(fd[0], &c, 1)) == 1);
	else
		CHECK(read(fd[0], &c, 1) == 1);
	AT(t);
	CHECK(!pthread_join(thread, NULL));
	CHECK(!rt_get(&awake));
	close(fd[0]);
	close(fd[1]);
	CHECK(!weft_sleep(HOUR));
	AT(t + HOUR);
	CHECK(rt_get(&awake));
}

static void *reads(void *arg)
{
	blocks(false);
	return arg;
}

static void *reads_announced(void *arg)
{
	blocks(true);
	return arg;
}

TEST(a_read_holds_time)
{
	IN_G(reads);
}

TEST(an_announced_section_holds_time)
{
	IN_G(reads_announced);
}

TEST(a_registered_thread_holds_time)
{
	ASSERT_EQ(0, start(0));
	ASSERT_EQ(0, weft_thread_register());
	awake = 0;
	ASSERT_EQ(0, weft_go(sleeps_short, NULL));
	usleep(30000);
	EXPECT_EQ(BEGINS, weft_now());
	EXPECT_EQ(0, rt_get(&awake));
	ASSERT_EQ(0, weft_thread_unregister());
	EXPECT_TRUE(AWAIT(rt_get(&awake)));
	EXPECT_EQ(BEGINS + 1, weft_now());
	DONE();
}

static struct weft_parker parker;

static int parks(void *arg)
{
	(void)arg;
	CHECK(!weft_sleep(HOUR));
	return weft_park(&parker);
}

TEST(without_a_deadline_it_is_a_deadlock)
{
	struct rt_child *c = rt_in_child(runs, (void *)parks);

	EXPECT_EXIT(c, 2);
	EXPECT_TRUE(rt_said(c, "weft: deadlock: all 1 Gs wait"));
}

/* ---- each wait with a deadline ---- */

#define TIMES_OUT(call)                                                       \
	do {                                                                  \
		s64 until = weft_now() + HOUR;                                \
		CHECK((call) == -ETIMEDOUT);                                  \
		AT(until);                                                    \
		until = weft_now();                                           \
		CHECK((call) == -ETIMEDOUT);	/* it has come */             \
		AT(until);                                                    \
	} while (0)

static void *sleeps_day(void *arg)
{
	weft_sleep(24 * HOUR);
	return arg;
}

static void objects(void)
{
	struct weft_cond cond = { 0 };
	struct weft_mutex mutex = { 0 };
	struct weft_sem sem = { 0 };
	struct weft_event event = { 0 };
	struct weft_wg wg = { 0 };

	CHECK(!weft_mutex_lock(&mutex));
	TIMES_OUT(weft_cond_wait_until(&cond, &mutex, until));
	CHECK(!weft_mutex_unlock(&mutex));
	TIMES_OUT(weft_sem_until(&sem, until));
	TIMES_OUT(weft_event_until(&event, until));
	CHECK(!weft_wg_add(&wg, 1));
	TIMES_OUT(weft_wg_wait_until(&wg, until));
	TIMES_OUT(weft_park_until(&parker, until));
}

static void *each_wait(void *arg)
{
	struct weft_chan *c = weft_chan_new(sizeof(int), 0);
	struct weft_case k = { .chan = c, .op = WEFT_RECV };
	struct weft_g *g;
	int v = 0;

	objects();
	k.elem = &v;
	TIMES_OUT(weft_chan_send_until(c, &v, until));
	TIMES_OUT(weft_chan_recv_until(c, &v, until));
	TIMES_OUT(weft_select(&k, 1, until));
	CHECK(!weft_spawn(&g, NULL, sleeps_day, NULL));
	TIMES_OUT(weft_join_until(g, NULL, until));
	CHECK(!weft_join(g, NULL));
	CHECK(!weft_chan_free(c));
	return arg;
}

TEST(each_wait_ends_at_its_deadline)
{
	IN_G(each_wait);
}

static void *waits_in_ctx(void *arg)
{
	s64 t = weft_now();
	struct weft_ctx *c = weft_ctx_until(weft_ctx_background(), t + HOUR);

	CHECK(!weft_ctx_sleep(c, HOUR / 2));
	AT(t + HOUR / 2);
	CHECK(!weft_ctx_err(c));
	CHECK(weft_chan_recv(weft_ctx_done(c), NULL) == -EPIPE);
	AT(t + HOUR);
	CHECK(weft_ctx_err(c) == -ETIMEDOUT);
	weft_ctx_put(c);
	return arg;
}

TEST(a_context_ends_at_its_deadline)
{
	IN_G(waits_in_ctx);
}

static int sleeps_in_group(void *arg)
{
	return weft_sleep((s64)(uintptr_t)arg * HOUR);
}

static void *waits_for_group(void *arg)
{
	struct weft_group *group = weft_group_new(NULL);
	s64 t = weft_now();
	uintptr_t i;

	for (i = 1; i <= 5; i++)
		CHECK(!weft_group_go(group, sleeps_in_group, (void *)i));
	CHECK(!weft_group_wait(group));
	AT(t + 5 * HOUR);
	weft_group_free(group);
	return arg;
}

TEST(a_group_ends_with_its_last)
{
	IN_G(waits_for_group);
}

/* ---- timers and tickers ---- */

static void *counts(void *arg)
{
	CHECK((weft_now() - BEGINS) % HOUR == 0);
	atomic_add(&awake, 1);
	return arg;
}

static void *ticks(void *arg)
{
	struct weft_chan *c = weft_chan_new(sizeof(s64), 1);
	static struct weft_ticker in_chan, calls;
	s64 t = weft_now(), v;
	int i;

	awake = 0;
	CHECK(!weft_ticker_chan(&in_chan, HOUR, c));
	CHECK(!weft_ticker_start(&calls, HOUR, counts, NULL));
	for (i = 1; i <= 100; i++) {
		CHECK(!weft_chan_recv(c, &v));
		CHECK(v == t + i * HOUR);
		AT(v);
	}
	CHECK(!weft_sleep(1));
	CHECK(rt_get(&awake) == 100);
	CHECK(weft_ticker_stop(&in_chan) == 1);
	CHECK(weft_ticker_stop(&calls) == 1);
	CHECK(!weft_chan_free(c));
	return arg;
}

TEST(a_ticker_misses_nothing)
{
	IN_G(ticks);
}

/* One that never comes is nothing to move to; one without a G is. */
TEST(timers_of_a_thread)
{
	static struct weft_timer never, once;

	ASSERT_EQ(0, start(0));
	ASSERT_EQ(0, weft_timer_start(&never, WEFT_FOREVER, counts, NULL));
	awake = 0;
	ASSERT_EQ(0, weft_timer_start(&once, BEGINS + HOUR, counts, NULL));
	EXPECT_TRUE(AWAIT(rt_get(&awake) == 1));
	usleep(20000);
	EXPECT_EQ(1, rt_get(&awake));
	EXPECT_EQ(BEGINS + HOUR, weft_now());
	EXPECT_EQ(1, weft_timer_stop(&never));
	DONE();
}

/* ---- in between ---- */

#define TIMES 2000

static struct weft_chan *chan;

static void *passes_time(void *arg)
{
	while (!rt_get(&awake))
		CHECK(!weft_sleep(1000));
	return arg;
}

static void *receives(void *arg)
{
	s64 t;
	int i, v;

	for (i = 0; i < TIMES; i++) {
		CHECK(!weft_chan_recv(chan, &v));
		t = weft_now();
		CHECK(!weft_sleep(10));
		AT(t + 10);
	}
	rt_set(&awake, 1);
	return arg;
}

/* A thread wakes a G just before time moves on, and that has a deadline. */
TEST(woken_between_the_look_and_the_move)
{
	int i;

	chan = weft_chan_new(sizeof(i), 0);
	ASSERT_EQ(0, start(0));
	awake = 0;
	ASSERT_EQ(0, weft_go(passes_time, NULL));
	ASSERT_EQ(0, weft_go(receives, NULL));
	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(0, weft_chan_send(chan, &i));
	DONE();
	EXPECT_EQ(0, weft_chan_free(chan));
}

static void *changes_procs(void *arg)
{
	unsigned int i, all = weft__cpus_allowed();
	s64 t = weft_now();

	awake = 0;
	CHECK(!weft_go(passes_time, NULL));
	for (i = 0; i < 100; i++) {
		CHECK(!weft_set_procs(1 + i % all));
		CHECK(!weft_sleep(500));
		AT(t + (i + 1) * 500);
	}
	rt_set(&awake, 1);
	return arg;
}

TEST(while_the_procs_change)
{
	ASSERT_EQ(0, start(0));
	ASSERT_EQ(0, weft_go(changes_procs, NULL));
	DONE();
}

/* Threads wait in real time; a deadline is not before its time. */
TEST(threads_wait_in_real_time)
{
	s64 real = weft__now();

	ASSERT_EQ(0, start(0));
	EXPECT_EQ(-ETIMEDOUT, weft_park_until(&parker,
					      weft_now() + NSEC_PER_MSEC));
	EXPECT_LE(real + NSEC_PER_MSEC, weft__now());
	EXPECT_EQ(-ETIMEDOUT, weft_park_until(&parker, INT64_MIN));
	EXPECT_EQ(BEGINS, weft_now());
	DONE();
}

TEST_HARNESS_MAIN
