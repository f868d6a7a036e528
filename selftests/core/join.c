// SPDX-License-Identifier: GPL-2.0-only
/*
 * join.c - join, join_until, detach, exit: who may, what comes back, and that
 * a bug of the caller is named.
 */
#include "rt.h"

#include "kselftest_harness.h"

static void *returns_arg(void *arg)
{
	return arg;
}

static void *yields_first(void *arg)
{
	weft_yield();
	return arg;
}

static struct weft_parker gate;

static void *waits_at_gate(void *arg)
{
	CHECK(!weft_park(&gate));
	return arg;
}

static void run_g(struct __test_metadata *_metadata, weft_fn *fn)
{
	struct weft_g *g = NULL;

	ASSERT_EQ(0, weft_spawn(&g, NULL, fn, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
}

/* ---- results ---- */

static void *joins_all_kinds(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .stack = 100000 };
	struct weft_g *g[4];
	void *ret = NULL;
	u64 inlined = rt_stats().inlined;
	int i;

	/* the child pushed last: a call, no stack of its own */
	for (i = 0; i < 100; i++) {
		CHECK(!weft_spawn(&g[0], NULL, returns_arg, &g[i % 4]));
		CHECK(!weft_join(g[0], &ret) && ret == &g[i % 4]);
	}
	CHECK(rt_stats().inlined == inlined + 100);
	/* one that parks inside */
	CHECK(!weft_spawn(&g[0], NULL, yields_first, &a));
	CHECK(!weft_join(g[0], &ret) && ret == &a);
	/* bound at spawn: switched to */
	CHECK(!weft_spawn(&g[0], &a, returns_arg, &a));
	CHECK(!weft_join(g[0], &ret) && ret == &a);
	/* ended long ago */
	CHECK(!weft_spawn(&g[0], NULL, returns_arg, &ret));
	G_AWAIT(READ_ONCE(rt_g(g[0])->join) == JOIN_DONE);
	CHECK(!weft_join(g[0], &ret) && ret == &ret);
	/* in any order, and without asking for the result */
	for (i = 0; i < 4; i++)
		CHECK(!weft_spawn(&g[i], NULL, yields_first, NULL));
	CHECK(!weft_join(g[2], NULL));
	CHECK(!weft_join(g[0], NULL));
	CHECK(!weft_join(g[3], NULL));
	CHECK(!weft_join(g[1], NULL));
	return arg;
}

TEST(results)
{
	struct weft_g *g;
	void *ret;

	ASSERT_EQ(0, rt_start(1));
	run_g(_metadata, joins_all_kinds);
	/* by an ordinary thread: that waits, and after the end */
	ASSERT_EQ(0, weft_spawn(&g, NULL, yields_first, &ret));
	EXPECT_EQ(0, weft_join(g, &ret));
	EXPECT_EQ(&ret, ret);
	ASSERT_EQ(0, weft_spawn(&g, NULL, returns_arg, &g));
	ASSERT_TRUE(AWAIT(READ_ONCE(rt_g(g)->join) == JOIN_DONE));
	EXPECT_EQ(0, weft_join(g, &ret));
	EXPECT_EQ(&g, ret);
	DONE();
}

/* ---- who may not ---- */

static void *joins_arg(void *arg)
{
	CHECK(!weft_join(arg, NULL));
	return NULL;
}

TEST(one_joiner_only)
{
	struct weft_g *g, *j;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, waits_at_gate, NULL));
	ASSERT_EQ(0, weft_spawn(&j, NULL, joins_arg, g));
	ASSERT_TRUE(AWAIT(READ_ONCE(rt_g(g)->join) > JOIN_MAX));
	EXPECT_EQ(-EBUSY, weft_join(g, NULL));
	EXPECT_EQ(-EBUSY, weft_join_until(g, NULL, WEFT_POLL));
	EXPECT_EQ(-EBUSY, weft_detach(g));
	EXPECT_EQ(0, weft_unpark(&gate));
	EXPECT_EQ(0, weft_join(j, NULL));
	DONE();
}

static void *detaches(void *arg)
{
	struct weft_g *g;

	CHECK(!weft_spawn(&g, NULL, waits_at_gate, NULL));
	CHECK(!weft_detach(g));
	CHECK(weft_detach(g) == -EINVAL);
	/* in the queue, at the tail, where join finds it */
	CHECK(weft_join(g, NULL) == -EINVAL);
	G_AWAIT(READ_ONCE(gate.weft__word) > PARK_PERMIT);
	/* parked */
	CHECK(weft_join(g, NULL) == -EINVAL);
	CHECK(weft_join_until(g, NULL, WEFT_POLL) == -EINVAL);
	CHECK(weft_join_until(g, NULL, weft__now() + 1000000) == -EINVAL);
	CHECK(weft_detach(g) == -EINVAL);
	CHECK(!weft_unpark(&gate));
	return arg;
}

TEST(a_detached_g_is_not_joined)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	run_g(_metadata, detaches);
	ASSERT_EQ(0, weft_spawn(&g, NULL, waits_at_gate, NULL));
	EXPECT_EQ(0, weft_detach(g));
	EXPECT_EQ(-EINVAL, weft_detach(g));
	EXPECT_EQ(-EINVAL, weft_join(g, NULL));
	EXPECT_EQ(0, weft_unpark(&gate));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	/* after its end: the handle goes, and a new G may get it */
	ASSERT_EQ(0, weft_spawn(&g, NULL, returns_arg, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(rt_g(g)->join) == JOIN_DONE));
	EXPECT_EQ(0, weft_detach(g));
	EXPECT_EQ(JOIN_FREE, READ_ONCE(rt_g(g)->join));
	DONE();
}

/* ---- twice ---- */

static struct weft_g *twice;

static int join_twice(void *arg)
{
	weft_spawn(&twice, NULL, returns_arg, NULL);
	fprintf(stderr, "G is %llu\n", (unsigned long long)weft_id(twice));
	weft_join(twice, NULL);
	weft_join(twice, NULL);
	return 0;
}

static int join_then_detach(void *arg)
{
	weft_spawn(&twice, NULL, returns_arg, NULL);
	weft_join(twice, NULL);
	weft_detach(twice);
	return 0;
}

static int join_twice_until(void *arg)
{
	weft_spawn(&twice, NULL, returns_arg, NULL);
	weft_join(twice, NULL);
	weft_join_until(twice, NULL, WEFT_POLL);
	return 0;
}

static void run_it(void *fn)
{
	weft_run((int (*)(void *))fn, NULL);
}

static void thread_joins_twice(void *arg)
{
	if (rt_start(1))
		return;
	weft_spawn(&twice, NULL, returns_arg, NULL);
	weft_join(twice, NULL);
	weft_join(twice, NULL);
}

TEST(twice_is_named_and_aborts)
{
	struct rt_child *c = rt_in_child(run_it, (void *)join_twice);
	unsigned long long id;
	char want[64];
	int n;

	EXPECT_SIGNAL(c, SIGABRT);
	n = sscanf(c->said, "G is %llu", &id);
	ASSERT_EQ(1, n);
	snprintf(want, sizeof(want), "weft: G %llu: joined or detached twice",
		 id);
	EXPECT_TRUE(rt_said(c, want));
	c = rt_in_child(run_it, (void *)join_then_detach);
	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "joined or detached twice"));
	c = rt_in_child(run_it, (void *)join_twice_until);
	EXPECT_SIGNAL(c, SIGABRT);
	c = rt_in_child(thread_joins_twice, NULL);
	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "joined or detached twice"));
}

/* ---- until ---- */

static void *until(void *arg)
{
	struct weft_g *g;
	void *ret = NULL;
	s64 t;

	CHECK(!weft_spawn(&g, NULL, waits_at_gate, &g));
	CHECK(weft_join_until(g, &ret, WEFT_POLL) == -ETIMEDOUT);
	CHECK(weft_join_until(g, &ret, -5) == -ETIMEDOUT);
	CHECK(weft_join_until(g, &ret, 1) == -ETIMEDOUT);
	t = weft__now() + 2000000;
	CHECK(weft_join_until(g, &ret, t) == -ETIMEDOUT);
	CHECK(weft__now() >= t);
	CHECK(!ret);
	/* The handle is still ours. */
	CHECK(!weft_unpark(&gate));
	CHECK(!weft_join_until(g, &ret, weft__now() + RT_PATIENCE));
	CHECK(ret == &g);
	/* Ended: not even a poll waits. */
	CHECK(!weft_spawn(&g, NULL, returns_arg, &t));
	CHECK(G_AWAIT(READ_ONCE(rt_g(g)->join) == JOIN_DONE));
	CHECK(!weft_join_until(g, &ret, WEFT_POLL) && ret == &t);
	CHECK(!weft_spawn(&g, NULL, yields_first, &t));
	CHECK(!weft_join_until(g, &ret, WEFT_FOREVER) && ret == &t);
	return arg;
}

TEST(join_until)
{
	struct weft_g *g;
	void *ret = NULL;
	s64 t;

	ASSERT_EQ(0, rt_start(1));
	run_g(_metadata, until);
	ASSERT_EQ(0, weft_spawn(&g, NULL, waits_at_gate, &g));
	EXPECT_EQ(-ETIMEDOUT, weft_join_until(g, &ret, WEFT_POLL));
	EXPECT_EQ(-ETIMEDOUT, weft_join_until(g, &ret, -5));
	EXPECT_EQ(-ETIMEDOUT, weft_join_until(g, &ret, 1));
	t = weft__now() + 2000000;
	EXPECT_EQ(-ETIMEDOUT, weft_join_until(g, &ret, t));
	EXPECT_GE(weft__now(), t);
	EXPECT_EQ(0, weft_unpark(&gate));
	EXPECT_EQ(0, weft_join_until(g, &ret, weft__now() + RT_PATIENCE));
	EXPECT_EQ(&g, ret);
	DONE();
}

/*
 * The deadline and the end meet.  The child sleeps about as long as the joiner
 * waits; each time exactly one of both wins, and the handle is released once.
 */
#define RACES 300

static u32 won[2];

static void *sleeps(void *arg)
{
	weft_sleep((intptr_t)arg);
	return arg;
}

static void race(u32 i)
{
	s64 ns = 20000 + (s64)(i * 7919 % 40) * 1000;
	struct weft_g *g;
	void *ret = NULL;
	int r;

	if (!CHECK(!weft_spawn(&g, NULL, sleeps, (void *)(intptr_t)ns)))
		return;
	r = weft_join_until(g, &ret, weft__now() + 60000);
	CHECK(!r || r == -ETIMEDOUT);
	won[!!r]++;
	if (r)
		CHECK(!weft_join(g, &ret));
	CHECK(ret == (void *)(intptr_t)ns);
}

static void *races(void *arg)
{
	u32 i;

	for (i = 0; i < RACES; i++)
		race(i);
	return arg;
}

TEST(join_until_races_with_the_end)
{
	u32 i;

	ASSERT_EQ(0, rt_start(0));
	run_g(_metadata, races);
	EXPECT_EQ(RACES, won[0] + won[1]);
	for (i = 0; i < RACES / 3; i++)
		race(i);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(rt_stats().spawned, rt_stats().ended);
	DONE();
}

/* ---- exit ---- */

static u32 cleaned, passed;

static void clean(int *p)
{
	cleaned += (u32)*p;
}

static void deep(u32 n, void *ret);
static void (*volatile go_deeper)(u32 n, void *ret) = deep;

static weft__noinline void deep(u32 n, void *ret)
{
	int one __attribute__((cleanup(clean))) = 1;

	if (n)
		go_deeper(n - 1, ret);
	else
		weft_exit(ret);
	passed += (u32)one;
}

static void *exits(void *arg)
{
	deep(10, arg);
	passed++;
	return NULL;
}

static void *exits_after_a_park(void *arg)
{
	weft_yield();
	weft_sleep(1000);
	deep(10, arg);
	return NULL;
}

static void *exits_with_an_inline_child(void *arg)
{
	u64 inlined = rt_stats().inlined;
	struct weft_g *g, *self = weft_self();
	void *ret = NULL;

	CHECK(!weft_spawn(&g, NULL, exits, &g));
	CHECK(!weft_join(g, &ret) && ret == &g);
	CHECK(rt_stats().inlined == inlined + 1);
	CHECK(weft_self() == self);
	/* ... and we can still leave ourselves. */
	deep(5, arg);
	return NULL;
}

/* The C library's longjmp(), which stands in elsewhere, runs no cleanups. */
#if defined(__x86_64__) && !defined(WEFT_CONTEXT_UCONTEXT)
#define CLEANUPS(n) (n)
#else
#define CLEANUPS(n) ((n) - (n))
#endif

static void exit_from(struct __test_metadata *_metadata, weft_fn *fn,
		      u32 cleanups)
{
	struct weft_g *g;
	void *ret = NULL;

	cleaned = 0;
	ASSERT_EQ(0, weft_spawn(&g, NULL, fn, &ret));
	EXPECT_EQ(0, weft_join(g, &ret));
	EXPECT_EQ(&ret, ret);
	EXPECT_EQ(CLEANUPS(cleanups), cleaned);
	EXPECT_EQ(0, passed);
}

TEST(exit_from_deep_inside)
{
	ASSERT_EQ(0, rt_start(1));
	exit_from(_metadata, exits, 11);
	exit_from(_metadata, exits_after_a_park, 11);
	exit_from(_metadata, exits_with_an_inline_child, 17);
	EXPECT_EQ(rt_stats().spawned, rt_stats().ended);
	DONE();
}

/* ---- a deep tree: inline while there is room, then with stacks ---- */

static void *tree(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	struct weft_g *g;
	void *ret = NULL;
	char pad[512];

	pad[0] = (char)n;
	barrier();
	if (!n)
		return (void *)1;
	CHECK(!weft_spawn(&g, NULL, tree, (void *)(n - 1)));
	CHECK(!weft_join(g, &ret));
	CHECK(READ_ONCE(pad[0]) == (char)n);
	return (void *)((uintptr_t)ret + 1);
}

TEST(a_chain_of_joins_deeper_than_a_stack)
{
	struct weft_g *g;
	void *ret = NULL;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, tree, (void *)2000));
	EXPECT_EQ(0, weft_join(g, &ret));
	EXPECT_EQ(2001, (uintptr_t)ret);
	EXPECT_GT(rt_stats().inlined, 1000);
	EXPECT_LT(rt_stats().inlined, 2000);
	DONE();
}

TEST_HARNESS_MAIN
