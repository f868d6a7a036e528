// SPDX-License-Identifier: GPL-2.0-only
/*
 * eject.c - each way to break the contract: the policy is ejected with a report
 * that says what it did, every G goes on and ends, exit() is called once.
 *
 * Each runs in a child process whose stderr is read.
 */
#include "pol.h"

#include "kselftest_harness.h"

#define GS 60
#define ROUNDS 20
#define AFTER 150	/* callbacks that are right, before one is not */

static u32 calls, ended;
static struct weft_parker ring[GS];

/* Yields, wakes its neighbour, waits for the other one, sleeps. */
static void *works(void *arg)
{
	u32 i, me = (u32)(uintptr_t)arg;

	for (i = 0; i < ROUNDS; i++) {
		weft_yield();
		CHECK(!weft_unpark(&ring[(me + 1) % GS]));
		/* It may have been woken twice at a time: so not for ever. */
		weft_park_until(&ring[me], weft__now() + 200000);
		if (i % 8 == me % 8)
			CHECK(!weft_sleep(100000));
	}
	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool this_time(void)
{
	return __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST) == AFTER;
}

/* In the child: all of it; it says "fine" if all is well. */
static void work(enum weft_exit_kind kind)
{
	struct weft_g *g[GS];
	u32 i;

	log_ops.timeout_ms = 60;
	if (!CHECK(!pol_start(2, &log_ops)))
		return;
	for (i = 0; i < GS; i++)
		CHECK(!weft_spawn(&g[i], NULL, works, (void *)(uintptr_t)i));
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	CHECK(ended == GS);
	CHECK(AWAIT(READ_ONCE(pol.exits)));
	CHECK(!strcmp(weft_policy_name(), "builtin"));
	/* And the built-in one is all there. */
	pol_run(works, NULL);
	CHECK(rt_stop());
	CHECK(pol.exits == 1);
	CHECK(pol.kind == kind);
	if (!rt_bad)
		fprintf(stderr, "fine: %s\n", pol.msg);
}

static void error(void *fn)
{
	(void)fn;
	work(WEFT_EXIT_ERROR);
}

static void stall(void *fn)
{
	(void)fn;
	work(WEFT_EXIT_STALL);
}

#define EJECTED(how, what)                                                    \
	do {                                                                  \
		struct rt_child *c_ = rt_in_child(how, NULL);                 \
		EXPECT_EXIT(c_, 0);                                           \
		EXPECT_TRUE(rt_said(c_, "weft: policy \"log\" is ejected: "));\
		EXPECT_TRUE(rt_said(c_, what));                               \
		EXPECT_TRUE(rt_said(c_, "fine: "));                           \
	} while (0)

/* ---- it waits for ever ---- */

static void loses_one(struct weft_g *g, u64 flags)
{
	if (!this_time())
		weft_dsq_insert(g, POL_DSQ, 0, flags);
}

TEST(loses_a_g)
{
	pol.enqueue = loses_one;
	EJECTED(stall, "ms, kept by the policy; the built-in");
}

static void loses_all(struct weft_g *g, u64 flags)
{
	(void)g, (void)flags;
}

TEST(loses_every_g)
{
	pol.enqueue = loses_all;
	EJECTED(stall, "kept by the policy");
}

static void does_nothing(s32 cpu)
{
	(void)cpu;
}

TEST(never_dispatches)
{
	pol.dispatch = does_nothing;
	EJECTED(stall, "ms, in DSQ 0x1;");
}

/* It stops dispatching in the middle. */
static void gives_up(s32 cpu)
{
	(void)cpu;
	if (__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST) < AFTER)
		weft_dsq_move_to_local(POL_DSQ);
}

TEST(dispatches_no_more)
{
	pol.dispatch = gives_up;
	EJECTED(stall, "ms, in DSQ 0x1;");
}

/* The newest first: the oldest starve behind those that yield. */
static u32 busy;

static void *yields_for_ever(void *arg)
{
	s64 end = weft__now() + RT_PATIENCE;

	while (!READ_ONCE(pol.exits) && weft__now() < end)
		weft_yield();
	WRITE_ONCE(busy, 0);
	return arg;
}

static void newest_first(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, POL_DSQ, 0, flags | WEFT_ENQ_HEAD);
}

static void starve(void *arg)
{
	(void)arg;
	log_ops.timeout_ms = 60;
	pol.enqueue = newest_first;
	if (!CHECK(!pol_start(1, &log_ops)))
		return;
	CHECK(!weft_go(yields_for_ever, NULL));
	CHECK(!weft_go(yields_for_ever, NULL));
	CHECK(AWAIT(READ_ONCE(pol.exits)));
	CHECK(rt_stop());
	CHECK(pol.kind == WEFT_EXIT_STALL);
	if (!rt_bad)
		fprintf(stderr, "fine: %s\n", pol.msg);
}

TEST(starves_a_g)
{
	EJECTED(starve, "could have run, and waited for ");
}

/* ---- a P that does not exist ---- */

static s32 bad_cpu;

static s32 picks_badly(struct weft_g *g, s32 prev)
{
	(void)g;
	return this_time() ? bad_cpu : prev;
}

TEST(selects_a_negative_p)
{
	pol.select = picks_badly;
	bad_cpu = -1;
	EJECTED(error, "select_cpu() returned -1 for G ");
}

TEST(selects_a_p_too_high)
{
	pol.select = picks_badly;
	bad_cpu = 5000;
	EJECTED(error, "select_cpu() returned 5000 for G ");
}

static void on_bad_p(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, this_time() ? WEFT_DSQ_LOCAL_ON | 5000 : POL_DSQ, 0,
			flags);
}

TEST(inserts_on_a_p_too_high)
{
	pol.enqueue = on_bad_p;
	EJECTED(error, "on P 5000: there are P 0 to ");
}

/* ---- insertions that cannot be ---- */

static void unknown_dsq(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, this_time() ? 77 : POL_DSQ, 0, flags);
}

TEST(inserts_into_no_dsq)
{
	pol.enqueue = unknown_dsq;
	EJECTED(error, "into DSQ 0x4d: there is none");
}

static void moves_from_nowhere(s32 cpu)
{
	(void)cpu;
	weft_dsq_move_to_local(this_time() ? 77 : POL_DSQ);
}

TEST(moves_from_no_dsq)
{
	pol.dispatch = moves_from_nowhere;
	EJECTED(error, "dispatch() moved from DSQ 0x4d: there is none");
}

static void twice(struct weft_g *g, u64 flags)
{
	bool now = this_time();

	weft_dsq_insert(g, POL_DSQ, 0, flags);
	if (now)
		CHECK(weft_dsq_insert(g, POL_DSQ, 0, flags) == -ECANCELED);
}

TEST(inserts_twice)
{
	pol.enqueue = twice;
	/* On one P: else it may be taken, and kept again, in between. */
	setenv("WEFT_PROCS", "1", 1);
	EJECTED(error, ", which it does not have");
}

static void vtime_global(struct weft_g *g, u64 flags)
{
	if (this_time())
		weft_dsq_insert_vtime(g, WEFT_DSQ_GLOBAL, 0, 1, flags);
	else
		weft_dsq_insert(g, POL_DSQ, 0, flags);
}

TEST(inserts_into_global_by_vtime)
{
	pol.enqueue = vtime_global;
	EJECTED(error, "into a built-in DSQ by vtime");
}

static void mixes(struct weft_g *g, u64 flags)
{
	if (__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST) & 1)
		weft_dsq_insert_vtime(g, POL_DSQ, 0, 1, flags);
	else
		weft_dsq_insert(g, POL_DSQ, 0, flags);
}

TEST(mixes_orders)
{
	pol.enqueue = mixes;
	EJECTED(error, "DSQ 0x1 holds Gs in order of the other kind");
}

static void inserts_itself(struct weft_g *g)
{
	if (this_time())
		CHECK(weft_dsq_insert(g, POL_DSQ, 0, 0) == -ECANCELED);
}

TEST(inserts_where_it_may_not)
{
	pol.running = inserts_itself;
	EJECTED(error, "running() inserted a G");
}

static struct weft_g *another;

static void inserts_another(struct weft_g *g, u64 flags)
{
	struct weft_g *first = NULL;

	__atomic_compare_exchange_n(&another, &first, g, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	first = READ_ONCE(another);
	if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) < AFTER ||
	    first == g)
		weft_dsq_insert(g, POL_DSQ, 0, flags);
	else
		weft_dsq_insert(first, POL_DSQ, 0, flags);
}

TEST(inserts_another_g)
{
	pol.enqueue = inserts_another;
	EJECTED(error, "enqueue() inserted another G than its own");
}

/* ---- what no callback may do ---- */

static void *nothing(void *arg)
{
	return arg;
}

static void starts_a_g(s32 cpu)
{
	(void)cpu;
	if (this_time())
		CHECK(!weft_go(nothing, NULL));
	weft_dsq_move_to_local(POL_DSQ);
}

TEST(starts_a_g_in_a_callback)
{
	pol.dispatch = starts_a_g;
	EJECTED(error, "dispatch() started or woke G ");
}

static void says_so(s32 cpu)
{
	(void)cpu;
	if (this_time())
		weft_policy_error("out of %s", "ideas");
	weft_dsq_move_to_local(POL_DSQ);
}

TEST(says_that_it_gives_up)
{
	pol.dispatch = says_so;
	EJECTED(error, "out of ideas; the built-in policy takes over");
}

static void parks(s32 cpu)
{
	(void)cpu;
	if (this_time())
		weft_yield();
	weft_dsq_move_to_local(POL_DSQ);
}

/* It left the scheduler in its middle: nothing can go on. */
TEST(yields_in_a_callback)
{
	struct rt_child *c;

	pol.dispatch = parks;
	c = rt_in_child(error, NULL);
	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "dispatch() called what may switch"));
}

static int errs_in_init(void)
{
	weft_policy_error("no room for %d", 7);
	return 0;
}

static void bad_init(void *arg)
{
	(void)arg;
	log_ops.init = errs_in_init;
	CHECK(pol_start(1, &log_ops) == -EINVAL);
	CHECK(!rt_start(1));
	pol_run(nothing, NULL);
	CHECK(rt_stop());
	if (!rt_bad)
		fprintf(stderr, "fine\n");
}

TEST(says_so_in_init)
{
	struct rt_child *c = rt_in_child(bad_init, NULL);

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(rt_said(c, "no room for 7"));
	EXPECT_TRUE(rt_said(c, "fine"));
}

/* ---- what is no breach ---- */

/* A G that computes for long is not the policy's fault. */
static void *hogs(void *arg)
{
	s64 end = weft__now() + 400 * NSEC_PER_MSEC;

	while (weft__now() < end)
		cpu_relax();
	return arg;
}

static void *starts_hog(void *arg)
{
	struct weft_g *g[20], *h;
	u32 i;

	CHECK(!weft_spawn(&h, NULL, hogs, NULL));
	for (i = 0; i < 20; i++)
		CHECK(!weft_spawn(&g[i], NULL, nothing, NULL));
	CHECK(!weft_join(h, NULL));
	for (i = 0; i < 20; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

static void behind_a_hog(struct __test_metadata *_metadata)
{
	log_ops.timeout_ms = 60;
	setenv("WEFT_MAX_M", "1", 1);	/* no other M goes on with its P */
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(starts_hog, NULL);
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
	EXPECT_EQ(WEFT_EXIT_DONE, pol.kind);
}

TEST(waits_behind_a_hog)
{
	behind_a_hog(_metadata);
}

static void to_local(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, WEFT_DSQ_LOCAL, 0, flags);
}

TEST(waits_behind_a_hog_in_local)
{
	pol.enqueue = to_local;
	behind_a_hog(_metadata);
}

TEST_HARNESS_MAIN
