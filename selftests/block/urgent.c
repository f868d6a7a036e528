// SPDX-License-Identifier: GPL-2.0-only
/*
 * urgent.c - critical Gs run first, batch Gs last; see lib/core/urgent.c.
 */
#include "../core/rt.h"
#include <core/hint.h>
#include <weft/chan.h>
#include <weft/preempt.h>
#include <weft/sync.h>

#include "kselftest_harness.h"

#define MANY 100
#define WAKES 20000

static u32 order, first, last, normal, done, stop;
static struct weft_parker asleep, answer;

static u32 next(void)
{
	return __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST);
}

static void *counts(void *arg)
{
	next();
	__atomic_add_fetch(&normal, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* ---- critical ---- */

static void *parks_critical(void *arg)
{
	CHECK(!weft_hint_urgency(WEFT_CRITICAL));
	CHECK(!weft_park_until(&asleep, arg ? weft__now() + NSEC_PER_SEC * 60 :
					      WEFT_FOREVER));
	first = next();
	return arg;
}

static void *wakes_it(void *arg)
{
	struct weft_g *g;
	int i;

	CHECK(!weft_spawn(&g, NULL, parks_critical, arg));
	weft_yield();
	CHECK(G_AWAIT(READ_ONCE(asleep.weft__word) > PARK_PERMIT));
	for (i = 0; i < MANY; i++)
		CHECK(!weft_go(counts, NULL));
	CHECK(!weft_unpark(&asleep));
	weft_yield();
	CHECK(!weft_join(g, NULL));
	return NULL;
}

static void goes_first(struct __test_metadata *_metadata, weft_fn *fn,
		       void *arg)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, fn, arg));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(1, first);
	DONE();
	EXPECT_EQ(MANY, normal);
}

TEST(who_is_unparked_runs_first)
{
	goes_first(_metadata, wakes_it, NULL);
}

TEST(with_a_deadline_too)
{
	goes_first(_metadata, wakes_it, &first);
}

/* ---- in any queue ---- */

static struct weft_chan *ch;
static struct weft_mutex mx;
static struct weft_cond cond;
static struct weft_sem sem;
static struct weft_rwlock rw;
static struct weft_event event;
static struct weft_wg wg;

/* How a critical one waits, and who wakes it: both for a variant. */
static int in_chan(bool waits)
{
	u64 v = 1;

	return waits ? weft_chan_recv(ch, &v) : weft_chan_send(ch, &v);
}

static int in_select(bool waits)
{
	u64 v;
	struct weft_case k = { .chan = ch, .op = WEFT_RECV, .elem = &v };

	return waits ? weft_select(&k, 1, WEFT_FOREVER) : in_chan(false);
}

static int in_mutex(bool waits)
{
	if (!waits)
		return weft_mutex_unlock(&mx);
	return weft_mutex_lock(&mx) ?: weft_mutex_unlock(&mx);
}

static int in_cond(bool waits)
{
	if (!waits)
		return weft_cond_signal(&cond);
	return weft_mutex_lock(&mx) ?: weft_cond_wait(&cond, &mx) ?:
	       weft_mutex_unlock(&mx);
}

static int in_sem(bool waits)
{
	return waits ? weft_sem_acquire(&sem) : weft_sem_release(&sem, 1);
}

static int in_rwlock(bool waits)
{
	if (!waits)
		return weft_rwlock_write_unlock(&rw);
	return weft_rwlock_read(&rw) ?: weft_rwlock_read_unlock(&rw);
}

static int in_event(bool waits)
{
	return waits ? weft_event_wait(&event) : weft_event_set(&event);
}

static int in_wg(bool waits)
{
	return waits ? weft_wg_wait(&wg) : weft_wg_done(&wg);
}

typedef int in_fn(bool waits);

FIXTURE(queued) {
};

FIXTURE_VARIANT(queued) {
	in_fn *in;
	in_fn *before;		/* what the waker has to have done */
};

#define QUEUED(name, held)                                                    \
	FIXTURE_VARIANT_ADD(queued, name) { .in = in_##name, .before = held }

static int hold(bool waits)
{
	(void)waits;
	return weft_mutex_lock(&mx) ?: weft_rwlock_write(&rw) ?:
	       weft_wg_add(&wg, 1);
}

QUEUED(chan, NULL);
QUEUED(select, NULL);
QUEUED(mutex, hold);
QUEUED(cond, NULL);
QUEUED(sem, NULL);
QUEUED(rwlock, hold);
QUEUED(event, NULL);
QUEUED(wg, hold);

FIXTURE_SETUP(queued)
{
	(void)variant;
	ch = weft_chan_new(8, 0);
	ASSERT_NE(NULL, ch);
}

FIXTURE_TEARDOWN(queued)
{
	(void)variant;
	weft_chan_free(ch);
}

/* And its hints have come back with it. */
static void *waits_in_it(void *arg)
{
	in_fn *in = arg;

	CHECK(!weft_hint_urgency(WEFT_CRITICAL));
	CHECK(!in(true));
	first = next();
	CHECK(this_m()->hint_of == this_m()->cur);
	CHECK(this_m()->hinted);
	return arg;
}

static void *readies_it(void *arg)
{
	const FIXTURE_VARIANT(queued) *v = arg;
	struct weft_g *g;
	int i;

	CHECK(!v->before || !v->before(false));
	CHECK(!weft_spawn(&g, NULL, waits_in_it, v->in));
	CHECK(G_AWAIT(READ_ONCE(rt_g(g)->wait) > WAIT_NONE));
	for (i = 0; i < MANY; i++)
		CHECK(!weft_go(counts, NULL));
	CHECK(!v->in(false));
	weft_yield();
	CHECK(!weft_join(g, NULL));
	return NULL;
}

TEST_F(queued, runs_first)
{
	goes_first(_metadata, readies_it, (void *)variant);
}

static void *is_first(void *arg)
{
	first = next();
	return arg;
}

static void *starts_it(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_CRITICAL };
	struct weft_g *g;
	int i;

	for (i = 0; i < MANY; i++)
		CHECK(!weft_go(counts, NULL));
	CHECK(!weft_spawn(&g, &a, is_first, NULL));
	weft_yield();
	CHECK(!weft_join(g, NULL));
	return arg;
}

TEST(a_new_one_runs_first)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = 3 };
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, counts, NULL));
	ASSERT_EQ(0, weft_spawn(&g, NULL, starts_it, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(1, first);
	DONE();
}

/* One whose timer an M fires is not passed by who yields there. */
static u32 overtaken;

static void *yields_on(void *arg)
{
	while (!READ_ONCE(done)) {
		if (READ_ONCE(this_m()->n.timers) && !READ_ONCE(first))
			overtaken++;
		weft_yield();
	}
	return arg;
}

static void *slept(void *arg)
{
	CHECK(!weft_sleep(NSEC_PER_MSEC));
	WRITE_ONCE(first, 1);
	WRITE_ONCE(done, 1);
	return arg;
}

static void *sleeps_among_them(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_CRITICAL };
	struct weft_g *g;
	int i;

	CHECK(!weft_spawn(&g, &a, slept, NULL));
	for (i = 0; i < MANY; i++)
		CHECK(!weft_go(yields_on, NULL));
	CHECK(!weft_join(g, NULL));
	return arg;
}

TEST(who_slept_runs_first)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, sleeps_among_them, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
	EXPECT_EQ(0, overtaken);
}

static u32 started, begun;

/* However long it takes the other to begin, it wakes after that. */
static void *sleeps_critical(void *arg)
{
	WRITE_ONCE(started, 1);
	do {
		CHECK(!weft_sleep(3 * NSEC_PER_MSEC));
	} while (!READ_ONCE(begun));
	first = next();
	WRITE_ONCE(done, 1);
	return arg;
}

/* One that sleeps, and another that waits behind who computes now. */
static struct weft_g *others(void)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_CRITICAL };
	struct weft_g *g;

	CHECK(!weft_spawn(&g, &a, sleeps_critical, NULL));
	CHECK(G_AWAIT(READ_ONCE(started)));
	CHECK(!weft_hint_slice(WEFT_HINT_SLICE_MAX));
	WRITE_ONCE(begun, 1);	/* until then it lets nobody pass */
	CHECK(!weft_go(counts, NULL));
	return g;
}

/* Its slice, of 1 s, ends for the critical one alone. */
static void *computes(void *arg)
{
	struct weft_g *g = others();

	CHECK(G_SPIN((weft_checkpoint(), READ_ONCE(done))));
	CHECK(!weft_join(g, NULL));
	return arg;
}

static void first_of_two(struct __test_metadata *_metadata, weft_fn *fn,
			 struct weft_attr *its)
{
	struct weft_g *g;
	int ret;

	ASSERT_EQ(0, rt_start(1));
	ret = weft_spawn(&g, its, fn, NULL);
	if (ret == -ENOTSUP) {
		EXPECT_TRUE(rt_stop());
		SKIP(return, "no preemption in this build");
	}
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(1, first);
	DONE();
	EXPECT_EQ(1, normal);
}

TEST(a_slice_ends_early)
{
	first_of_two(_metadata, computes, NULL);
}

static void *computes_on(void *arg)
{
	struct weft_g *g = others();

	CHECK(!weft_preempt_enable());
	while (!READ_ONCE(done))
		;
	CHECK(!weft_preempt_disable());
	CHECK(!weft_join(g, NULL));
	return arg;
}

TEST(a_stretch_is_interrupted)
{
	struct weft_attr a = { .sz = sizeof(a), .preemptible = 1 };

	first_of_two(_metadata, computes_on, &a);
}

/* Each wake-up is answered before the next: one that is lost ends it. */
static void *answers(void *arg)
{
	u32 i;

	CHECK(!weft_hint_urgency(WEFT_CRITICAL));
	for (i = 0; i < WAKES; i++) {
		CHECK(!weft_park_until(&asleep, WEFT_FOREVER));
		WRITE_ONCE(done, i + 1);
		CHECK(!weft_unpark(&answer));
	}
	return arg;
}

static void *asks(void *arg)
{
	u32 i;

	for (i = 0; i < WAKES; i++) {
		CHECK(!weft_unpark(&asleep));
		CHECK(!weft_park_until(&answer, WEFT_FOREVER));
		CHECK(READ_ONCE(done) == i + 1);
	}
	WRITE_ONCE(stop, 1);
	return arg;
}

static void *yields(void *arg)
{
	while (!READ_ONCE(stop)) {
		atomic_add(&normal, 1);
		weft_yield();
	}
	return arg;
}

static void no_wake_is_lost(struct __test_metadata *_metadata, u32 procs,
			    bool busy, bool thread)
{
	u32 i;

	ASSERT_EQ(0, rt_start(procs));
	ASSERT_EQ(0, weft_go(answers, NULL));
	for (i = 0; busy && i < 2 * procs; i++)
		ASSERT_EQ(0, weft_go(yields, NULL));
	if (thread)
		asks(NULL);
	else
		ASSERT_EQ(0, weft_go(asks, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(stop)));
	DONE();
}

TEST(no_wake_is_lost_by_a_g)
{
	no_wake_is_lost(_metadata, 1, false, false);
}

TEST(no_wake_is_lost_by_a_g_on_two_ps)
{
	NEEDS_CPUS(2);
	no_wake_is_lost(_metadata, 2, false, false);
}

TEST(no_wake_is_lost_by_a_thread)
{
	no_wake_is_lost(_metadata, 1, false, true);
}

TEST(no_wake_is_lost_among_others)
{
	NEEDS_CPUS(2);
	no_wake_is_lost(_metadata, 2, true, false);
}

TEST(nor_by_a_thread_among_others)
{
	no_wake_is_lost(_metadata, 1, true, true);
}

/* ---- batch ---- */

static void *batch(void *arg)
{
	last = next();
	WRITE_ONCE(done, 1);
	return arg;
}

static void *yields_often(void *arg)
{
	int i;

	for (i = 0; i < 20; i++)
		weft_yield();
	return counts(arg);
}

static s64 took;

static void *starts_batch(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_BATCH };
	struct weft_g *g;
	s64 start;
	int i;

	do {
		WRITE_ONCE(order, 0);
		start = weft__now();
		CHECK(!weft_spawn(&g, &a, batch, NULL));
		for (i = 0; i < MANY; i++)
			CHECK(!weft_go(yields_often, NULL));
		CHECK(!weft_join(g, NULL));
		CHECK(G_AWAIT(READ_ONCE(order) == MANY + 1));
		took = weft__now() - start;
		/* It does not wait for longer. */
	} while (took > 80 * NSEC_PER_MSEC);
	return arg;
}

TEST(batch_runs_last)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, starts_batch, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(MANY + 1, last);
	DONE();
}

TEST(but_not_for_ever)
{
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_BATCH };
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_spawn(&g, &a, batch, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(done)));
	WRITE_ONCE(stop, 1);
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

static void *batch_of_batch(void *arg)
{
	CHECK(!weft_hint_urgency(WEFT_BATCH));
	while (READ_ONCE(order) < 1000) {
		next();
		weft_yield();
	}
	return arg;
}

TEST(many_that_are_alone)
{
	struct weft_g *g[MANY];
	int i;

	ASSERT_EQ(0, rt_start(1));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, weft_spawn(&g[i], NULL, batch_of_batch, NULL));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, weft_join(g[i], NULL));
	DONE();
}

/* ---- a policy decides for itself ---- */

TEST(under_a_policy)
{
	static const struct weft_sched_ops plain = { .sz = sizeof(plain),
						     .name = "plain" };
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .policy = &plain };
	struct weft_attr a = { .sz = sizeof(a), .urgency = WEFT_BATCH };
	struct weft_g *g;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, weft_spawn(&g, &a, batch, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	ASSERT_EQ(0, weft_spawn(&g, NULL, wakes_it, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_LT(1, first);
	DONE();
}

TEST_HARNESS_MAIN
