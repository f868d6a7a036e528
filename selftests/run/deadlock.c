// SPDX-License-Identifier: GPL-2.0-only
/*
 * deadlock.c - every G waits and nothing can wake one: weft_run says so, lists
 * them and exits with status 2; under weft_start a callback is called.  Not
 * while a timer, a registered thread or an M in the kernel could wake one.
 *
 * Functions that reports must name are not static.
 */
#include "../core/rt.h"

#include "kselftest_harness.h"

static struct weft_parker p, q;
static struct weft_g *circle[2];
static u32 calls, done;

/* ---- under weft_run ---- */

void *parks_for_ever(void *arg);
void *parks_for_ever(void *arg)
{
	CHECK(!weft_park(&p));
	return arg;
}

void *joins_the_other(void *arg);
void *joins_the_other(void *arg)
{
	weft_yield();	/* until both are there */
	while (!READ_ONCE(circle[!arg]))	/* it may not be there yet */
		weft_yield();
	weft_join(circle[!arg], NULL);
	return arg;
}

int starts_them(void *arg);
int starts_them(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .name = "left" };

	weft_go(parks_for_ever, NULL);
	weft_spawn(&circle[0], &a, joins_the_other, NULL);
	weft_spawn(&circle[1], NULL, joins_the_other, circle);
	fprintf(stderr, "ids %llu %llu parker %p\n",
		(unsigned long long)weft_id(circle[0]),
		(unsigned long long)weft_id(circle[1]), (void *)&p);
	weft_park(&q);
	return 0;
}

static void runs(void *fn)
{
	_exit(40 + weft_run((int (*)(void *))fn, NULL));
}

static bool names_joiner(const struct rt_child *c, unsigned long long g,
			 unsigned long long other, const char *name)
{
	char want[200];

	snprintf(want, sizeof(want),
		 "G %llu%s: waits for a G to end (G %llu), for 0.", g, name,
		 other);
	return rt_said(c, want);
}

TEST(run_reports_all_and_exits_2)
{
	struct rt_child *c = rt_in_child(runs, (void *)starts_them);
	unsigned long long a, b;
	char want[100];
	void *parker;

	EXPECT_EXIT(c, 2);
	ASSERT_EQ(3, sscanf(c->said, "ids %llu %llu parker %p", &a, &b,
			    &parker));
	EXPECT_TRUE(rt_said(c, "weft: deadlock: all 4 Gs wait"));
	/* state, what it waits on, since when, what it runs, where from */
	snprintf(want, sizeof(want), "waits for a permit (parker %p), for 0.",
		 parker);
	EXPECT_TRUE(rt_said(c, want));
	EXPECT_TRUE(rt_said(c, "; runs parks_for_ever+0x0, started at "
			       "starts_them+0x"));
	EXPECT_TRUE(names_joiner(c, a, b, " \"left\""));
	EXPECT_TRUE(names_joiner(c, b, a, ""));
	EXPECT_TRUE(rt_said(c, "; runs joins_the_other+0x0, started at "
			       "starts_them+0x"));
}

static int only_parks(void *arg)
{
	return weft_park(&p);
}

TEST(run_reports_a_lone_g)
{
	struct rt_child *c = rt_in_child(runs, (void *)only_parks);

	EXPECT_EXIT(c, 2);
	EXPECT_TRUE(rt_said(c, "weft: deadlock: all 1 Gs wait"));
}

/* ---- no deadlock ---- */

static int sleeps(void *arg)
{
	return weft_sleep(50000000);
}

static int parks_until(void *arg)
{
	return -weft_park_until(&p, weft__now() + 50000000) - ETIMEDOUT;
}

static int fd[2];

static void *writes_late(void *arg)
{
	usleep(50000);
	CHECK(write(fd[1], "x", 1) == 1);
	return arg;
}

static int reads(void *arg)
{
	pthread_t t;
	char c;

	CHECK(!pipe(fd));
	CHECK(!pthread_create(&t, NULL, writes_late, NULL));
	CHECK(read(fd[0], &c, 1) == 1);
	return pthread_join(t, NULL);
}

static int reads_announced(void *arg)
{
	pthread_t t;
	char c;

	CHECK(!pipe(fd));
	CHECK(!pthread_create(&t, NULL, writes_late, NULL));
	CHECK(WEFT_BLOCKING(read(fd[0], &c, 1)) == 1);
	return pthread_join(t, NULL);
}

static void *unparks_late(void *arg)
{
	CHECK(!weft_thread_register());
	WRITE_ONCE(done, 1);
	usleep(50000);
	CHECK(!weft_unpark(&p));
	CHECK(!weft_thread_unregister());
	return arg;
}

static int parks_for_a_thread(void *arg)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, unparks_late, NULL));
	CHECK(G_AWAIT(READ_ONCE(done)));
	CHECK(!weft_park(&p));
	return pthread_join(t, NULL);
}

static void *reads_and_unparks(void *arg)
{
	reads(NULL);
	CHECK(!weft_unpark(&p));
	return arg;
}

/* A G parks; the one that will wake it sits in read(). */
static int parks_for_a_reader(void *arg)
{
	CHECK(!weft_go(reads_and_unparks, NULL));
	return weft_park(&p);
}

static void *locked_reads(void *arg)
{
	CHECK(!weft_lock_thread());
	reads(NULL);
	CHECK(!weft_unpark(&p));
	return arg;
}

static int parks_for_a_locked_reader(void *arg)
{
	CHECK(!weft_go(locked_reads, NULL));
	return weft_park(&p);
}

TEST(not_while_something_can_wake_one)
{
	static int (*const fn[])(void *) = {
		sleeps, parks_until, reads, reads_announced,
		parks_for_a_thread, parks_for_a_reader,
		parks_for_a_locked_reader,
	};
	struct rt_child *c;
	u32 i;

	for (i = 0; i < sizeof(fn) / sizeof(fn[0]); i++) {
		c = rt_in_child(runs, (void *)fn[i]);
		EXPECT_EXIT(c, 40);
		EXPECT_STREQ("", c->said);
	}
}

static bool waits_on_p(void)
{
	return READ_ONCE(p.weft__word) > PARK_PERMIT;
}

static int parks_once_it_has_registered(void *arg)
{
	CHECK(G_AWAIT(READ_ONCE(done)));
	return weft_park(&p);
}

static void *registers_and_leaves(void *arg)
{
	while (weft_thread_register())
		usleep(100);
	WRITE_ONCE(done, 1);
	while (!waits_on_p())
		usleep(100);
	fprintf(stderr, "it waits\n");
	usleep(20000);
	fprintf(stderr, "let go\n");
	weft_thread_unregister();
	return arg;
}

static void run_with_a_thread(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, registers_and_leaves, NULL);
	runs((void *)parks_once_it_has_registered);
}

/* The report comes when the last registered thread goes, not before. */
TEST(when_the_last_registered_thread_goes)
{
	struct rt_child *c = rt_in_child(run_with_a_thread, NULL);
	const char *go, *report;

	EXPECT_EXIT(c, 2);
	go = strstr(c->said, "let go");
	report = strstr(c->said, "weft: deadlock");
	ASSERT_NE(NULL, go);
	ASSERT_NE(NULL, report);
	EXPECT_LT(go, report);
}

/* ---- under weft_start ---- */

static void on_deadlock(void *arg)
{
	CHECK(arg == &calls);
	CHECK(!weft_self());
	atomic_add(&calls, 1);
}

static void *parks_twice(void *arg)
{
	CHECK(!weft_park(&p));
	CHECK(!weft_park(&p));
	return arg;
}

static bool asleep(void)
{
	return READ_ONCE(S.mon_asleep) && READ_ONCE(S.mon_until) == INT64_MAX;
}

TEST(callback_once_per_episode)
{
	struct weft_opts o = { .sz = sizeof(o), .on_deadlock = on_deadlock,
			       .on_deadlock_arg = &calls };
	u64 ticks;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_TRUE(AWAIT(asleep()));
	EXPECT_EQ(0, READ_ONCE(calls));	/* no G: no deadlock */
	ASSERT_EQ(0, weft_go(parks_twice, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(calls) == 1));
	/* the monitor looks again, and says nothing */
	ASSERT_TRUE(AWAIT(asleep()));
	ticks = rt_stats().monitor_ticks;
	weft__sysmon_kick();
	EXPECT_TRUE(AWAIT(rt_stats().monitor_ticks > ticks && asleep()));
	EXPECT_EQ(1, READ_ONCE(calls));
	/* it ran: what comes now is another one */
	EXPECT_EQ(0, weft_unpark(&p));
	EXPECT_TRUE(AWAIT(READ_ONCE(calls) == 2));
	EXPECT_EQ(0, weft_unpark(&p));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	ASSERT_TRUE(AWAIT(asleep()));
	EXPECT_EQ(2, READ_ONCE(calls));
	DONE();
}

static void starts_without_a_callback(void *arg)
{
	CHECK(!rt_start(0));
	CHECK(!weft_go(parks_for_ever, NULL));
	CHECK(AWAIT(READ_ONCE(S.deadlocked)));
	/* an ordinary thread may come any time: nothing is said */
	usleep(1000);
	CHECK(!weft_unpark(&p));
	CHECK(rt_stop());
	_exit(rt_bad ? 1 : 7);
}

TEST(no_callback_no_report)
{
	struct rt_child *c = rt_in_child(starts_without_a_callback, NULL);

	EXPECT_EXIT(c, 7);
	EXPECT_EQ(NULL, strstr(c->said, "weft: deadlock"));
}

TEST_HARNESS_MAIN
