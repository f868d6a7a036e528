// SPDX-License-Identifier: GPL-2.0-only
/*
 * api.c - what each call answers where there is nothing to do for it: without
 * a runtime, on an ordinary thread, for NULL and for nonsense.
 */
#include "rt.h"

#include "kselftest_harness.h"

static void *nothing(void *arg)
{
	return arg;
}

static int zero(void *arg)
{
	(void)arg;
	return 0;
}

/* ---- without a runtime ---- */

TEST(without_a_runtime)
{
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *g = (void *)64;
	struct weft_parker p = WEFT_PARKER_INIT;
	struct weft_stats st;
	void *ret;

	EXPECT_EQ(-EPERM, weft_go(nothing, NULL));
	EXPECT_EQ(-EPERM, weft_spawn(&g, NULL, nothing, NULL));
	EXPECT_EQ(-EPERM, weft_spawn(&g, &a, nothing, NULL));
	EXPECT_EQ((void *)64, g);
	EXPECT_EQ(-EPERM, weft_join(g, &ret));
	EXPECT_EQ(-EPERM, weft_join_until(g, &ret, WEFT_POLL));
	EXPECT_EQ(-EPERM, weft_detach(g));
	EXPECT_EQ(-EINVAL, weft_stop());
	EXPECT_EQ(-EINVAL, weft_set_procs(1));
	EXPECT_EQ(0, weft_procs());
	EXPECT_EQ(-EPERM, weft_stats(&st, sizeof(st)));
	EXPECT_EQ(-EPERM, weft_dump(2));
	EXPECT_EQ(-EPERM, weft_thread_register());
	EXPECT_EQ(-EPERM, weft_unpark_signal(&p));
	EXPECT_EQ(NULL, weft_self());
	EXPECT_STREQ("0.1.0", weft_version());
}

TEST(a_parker_serves_threads_without_a_runtime)
{
	struct weft_parker p = WEFT_PARKER_INIT;

	EXPECT_EQ(-ETIMEDOUT, weft_park_until(&p, WEFT_POLL));
	EXPECT_EQ(0, weft_unpark(&p));
	EXPECT_EQ(0, weft_park(&p));
	EXPECT_EQ(-ETIMEDOUT, weft_park_until(&p, weft__now() + 1000));
}

/* ---- on an ordinary thread ---- */

TEST(on_an_ordinary_thread)
{
	s64 t;

	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(NULL, weft_self());
	EXPECT_EQ(0, weft_id(NULL));
	EXPECT_EQ(-EPERM, weft_lock_thread());
	EXPECT_EQ(-EPERM, weft_unlock_thread());
	EXPECT_EQ(-EPERM, weft_fesetenv(0x1f80, 0x37f));
	weft_yield();
	weft_checkpoint();
	weft_block_begin();
	weft_block_end();
	EXPECT_EQ(7, WEFT_BLOCKING(3 + 4));
	errno = 42;
	EXPECT_EQ(42, weft_errno());
	t = weft__now();
	EXPECT_EQ(0, weft_sleep(1000000));
	EXPECT_GE(weft__now() - t, 1000000);
	EXPECT_EQ(0, weft_sleep(-1));
	EXPECT_EQ(0, weft_sleep(0));
	EXPECT_EQ(1, weft_procs());
	DONE();
}

static void exit_outside(void *arg)
{
	weft_exit(arg);
}

static void exit_outside_running(void *arg)
{
	if (!rt_start(1))
		weft_exit(arg);
}

TEST(exit_outside_a_g_aborts)
{
	struct rt_child *c = rt_in_child(exit_outside, NULL);

	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "weft_exit() outside a G"));
	c = rt_in_child(exit_outside_running, NULL);
	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "weft_exit() outside a G"));
}

/* ---- nonsense ---- */

static void *nonsense_in_a_g(void *arg)
{
	struct weft_g *g = NULL;
	struct weft_attr a = { .sz = sizeof(a) };

	CHECK(weft_go(NULL, NULL) == -EINVAL);
	CHECK(weft_spawn(&g, NULL, NULL, NULL) == -EINVAL);
	CHECK(weft_spawn(&g, &a, NULL, NULL) == -EINVAL);
	CHECK(weft_spawn(NULL, NULL, nothing, NULL) == -EINVAL);
	CHECK(weft_spawn(NULL, &a, nothing, NULL) == -EINVAL);
	CHECK(!g);
	CHECK(weft_join(NULL, NULL) == -EINVAL);
	CHECK(weft_join_until(NULL, NULL, WEFT_POLL) == -EINVAL);
	CHECK(weft_detach(NULL) == -EINVAL);
	CHECK(weft_join(weft_self(), NULL) == -EDEADLK);
	CHECK(weft_join_until(weft_self(), NULL, WEFT_FOREVER) == -EDEADLK);
	CHECK(weft_join_until(weft_self(), NULL, weft__now() + NSEC_PER_SEC) ==
	      -EDEADLK);
	CHECK(weft_thread_register() == -EPERM);
	CHECK(weft_thread_unregister() == -EINVAL);
	CHECK(weft_unlock_thread() == -EPERM);
	CHECK(weft_start(NULL) == -EBUSY);
	CHECK(weft_run(zero, NULL) == -EBUSY);
	CHECK(weft_stop() == -EBUSY);
	CHECK(weft_set_procs(0) == -EINVAL);
	CHECK(weft_set_procs(1 << 20) == -EINVAL);
	CHECK(weft_stats(NULL, sizeof(struct weft_stats)) == -EINVAL);
	CHECK(weft_dump(-1) == -EBADF);
	return arg;
}

TEST(nonsense)
{
	struct weft_g *g = NULL;
	struct weft_attr a = { .sz = sizeof(a) };

	EXPECT_EQ(-EINVAL, weft_run(NULL, NULL));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EINVAL, weft_go(NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_spawn(NULL, NULL, nothing, NULL));
	EXPECT_EQ(-EINVAL, weft_spawn(&g, NULL, NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_join(NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_detach(NULL));
	EXPECT_EQ(-EBUSY, weft_start(NULL));
	EXPECT_EQ(-EBUSY, weft_run(zero, NULL));
	EXPECT_EQ(-EINVAL, weft_thread_unregister());
	EXPECT_EQ(0, weft_thread_register());
	EXPECT_EQ(-EBUSY, weft_thread_register());
	EXPECT_EQ(0, weft_thread_unregister());
	EXPECT_EQ(-EINVAL, weft_thread_unregister());
	ASSERT_EQ(0, weft_spawn(&g, NULL, nonsense_in_a_g, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- stats.h ---- */

TEST(stats_of_another_version)
{
	char room[sizeof(struct weft_stats) + 64];
	struct weft_stats *st = (void *)room;

	ASSERT_EQ(0, rt_start(1));
	/* A caller who knows less gets less. */
	memset(room, 0x55, sizeof(room));
	EXPECT_EQ(0, weft_stats(st, 2 * sizeof(u64)));
	EXPECT_EQ(0, st->gs);
	EXPECT_EQ(1, st->ms);
	EXPECT_EQ(0x5555555555555555ull, st->spares);
	/* Who knows more gets zeros there, or is refused. */
	memset(room, 0x55, sizeof(room));
	if (!weft_stats(st, sizeof(room))) {
		EXPECT_EQ(1, st->procs);
		EXPECT_EQ(0, room[sizeof(*st)]);
	}
	EXPECT_EQ(-EINVAL, weft_stats(NULL, sizeof(*st)));
	EXPECT_EQ(-EBADF, weft_dump(-1));
	DONE();
}

/* ---- run.h: options ---- */

static void bad_variable(void *arg)
{
	setenv("WEFT_BIND", "socket", 1);
	_exit(weft_start(NULL) == -EINVAL && weft_run(zero, NULL) == -EINVAL ?
		      7 : 8);
}

static void no_such_variable(void *arg)
{
	setenv("WEFT_PROCESSORS", "2", 1);
	_exit(weft_start(NULL) == -EINVAL ? 7 : 8);
}

static void bad_option(void *arg)
{
	struct weft_opts o = { .sz = sizeof(o), .bind = 77 };

	_exit(weft_start(&o) == -EINVAL ? 7 : 8);
}

TEST(a_bad_setting_is_refused_with_its_line)
{
	struct rt_child *c = rt_in_child(bad_variable, NULL);

	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "WEFT_BIND=\"socket\""));
	EXPECT_TRUE(rt_said(c, "one of node, cpu, none"));
	EXPECT_TRUE(rt_said(c, "default node"));
	c = rt_in_child(no_such_variable, NULL);
	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "WEFT_PROCESSORS"));
	EXPECT_TRUE(rt_said(c, "WEFT_PROCS"));
	c = rt_in_child(bad_option, NULL);
	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "WEFT_BIND"));
}

TEST(a_refused_start_leaves_nothing)
{
	struct weft_opts o = { .sz = sizeof(o), .bind = 77 };

	EXPECT_EQ(-EINVAL, weft_start(&o));
	EXPECT_EQ(-EINVAL, weft_stop());
	o.bind = 0;
	ASSERT_EQ(0, weft_start(&o));
	EXPECT_EQ(0, weft_go(nothing, NULL));
	DONE();
}

TEST(options_of_another_version)
{
	struct {
		struct weft_opts o;
		u64 later;
	} o = { .o = { .sz = sizeof(o), .procs = 1 } };

	ASSERT_EQ(0, weft_start(&o.o));
	EXPECT_EQ(1, weft_procs());
	DONE();
	o.later = 1;
	EXPECT_EQ(-E2BIG, weft_start(&o.o));
	o.o.sz = sizeof(size_t);	/* knows no option */
	ASSERT_EQ(0, weft_start(&o.o));
	DONE();
	o.o.sz = 0;
	EXPECT_EQ(-EINVAL, weft_start(&o.o));
}

/* What the constructor of a WEFT_INLINE program says */
void weft__layout_seen(u64 layout);

TEST(another_layout_is_refused)
{
	weft__layout_seen(WEFT__LAYOUT);
	ASSERT_EQ(0, rt_start(1));
	DONE();
	weft__layout_seen(WEFT__LAYOUT + 1);
	EXPECT_EQ(-EPROTO, rt_start(1));
	EXPECT_EQ(-EPROTO, weft_run(zero, NULL));
	/* One odd object is enough, whoever comes after it. */
	weft__layout_seen(WEFT__LAYOUT);
	EXPECT_EQ(-EPROTO, rt_start(1));
}

/* ---- weft_run ---- */

static u32 ended;

static void *ends_late(void *arg)
{
	weft_sleep(2000000);
	WRITE_ONCE(ended, 1);
	return arg;
}

static int returns_17(void *arg)
{
	CHECK(arg == &ended);
	CHECK(weft_self());
	CHECK(!weft_go(ends_late, NULL));
	return 17;
}

TEST(run_returns_what_its_function_did_when_all_have_ended)
{
	int i;

	EXPECT_EQ(17, weft_run(returns_17, &ended));
	EXPECT_EQ(1, READ_ONCE(ended));
	EXPECT_EQ(0, weft_procs());
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, weft_run(zero, NULL));
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST_HARNESS_MAIN
