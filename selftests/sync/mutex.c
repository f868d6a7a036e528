// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutex.c - the mutex: one holder, none left asleep, none starved, whether Gs
 * or ordinary threads; and what it answers to bad use.
 */
#include "crowd.h"
#include <sync/sync.h>

#include "kselftest_harness.h"

static struct weft_mutex mx = WEFT_MUTEX_INIT;
static u64 sum, inside, each;
static u32 stop;

static struct mutex *in(struct weft_mutex *p)
{
	return (struct mutex *)p;
}

/* Nobody is there, and nobody is waited for. */
static bool at_rest(struct weft_mutex *p)
{
	struct mutex *k = in(p);

	return !k->l.word && !(k->sig & SIG_WAITER) && !k->announced &&
	       !k->woken && !k->starving && wq_empty(&k->q) &&
	       !clk_held(&k->lk);
}

/* ---- many ---- */

static void hold(u64 i, u64 n)
{
	CHECK(++inside == 1);
	sum++;
	if (i % 64 == n % 64)
		weft_yield();
	if (i % 1024 == n)
		weft_sleep(20000);
	inside--;
}

static void *adds(void *arg)
{
	u64 i, n = (uintptr_t)arg;

	for (i = 0; i < each; i++) {
		CHECK(!weft_mutex_lock(&mx));
		hold(i, n);
		CHECK(!weft_mutex_unlock(&mx));
		if (i % 100 == n % 100)
			weft_yield();
	}
	return NULL;
}

static void many(struct __test_metadata *_metadata, u32 procs, u32 gs,
		 u32 threads)
{
	each = 4000;
	ASSERT_EQ(0, rt_start(procs));
	crowd(adds, gs, threads);
	EXPECT_EQ(each * (gs + threads), sum);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

TEST(gs_on_one_p)
{
	many(_metadata, 1, 8, 0);
}

TEST(gs_on_two)
{
	many(_metadata, 2, 16, 0);
}

TEST(threads)
{
	many(_metadata, 1, 0, 4);
}

TEST(gs_and_threads)
{
	many(_metadata, 2, 8, 3);
}

/* With deadlines that come before, while and after it is to be had */
static u64 late;

static void *adds_or_not(void *arg)
{
	u64 n = (uintptr_t)arg, rnd = n * 2654435761u + 1, i;
	int r;

	for (i = 0; i < each; i++) {
		r = weft_mutex_until(&mx, weft__now() +
					  (s64)(crowd_random(&rnd) % 100000));
		if (r) {
			CHECK(r == -ETIMEDOUT);
			atomic_add(&late, 1);
			continue;
		}
		CHECK(++inside == 1);
		sum++;
		if (i % 4 == 0)
			busy((s64)(crowd_random(&rnd) % 50000));
		if (i % 32 == 0)
			weft_yield();
		inside--;
		CHECK(!weft_mutex_unlock(&mx));
	}
	return NULL;
}

TEST(deadlines)
{
	each = 1000;
	ASSERT_EQ(0, rt_start(2));
	crowd(adds_or_not, 8, 2);
	EXPECT_EQ(each * 10, sum + late);
	EXPECT_GT(sum, 0);
	EXPECT_GT(late, 0);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

TEST(without_a_runtime)
{
	pthread_t t[3];
	uintptr_t i;

	each = 20000;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, adds, (void *)i));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(3 * each, sum);
	EXPECT_TRUE(at_rest(&mx));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(0, weft_mutex_lock(&mx));
	EXPECT_EQ(0, weft_mutex_unlock(&mx));
	DONE();
}

/* ---- answers ---- */

static void *asks(void *arg)
{
	s64 end = in_ms(2);

	CHECK(weft_mutex_unlock(&mx) == -EPERM);
	CHECK(!weft_mutex_lock(&mx));
	CHECK(weft_mutex_lock(&mx) == -EDEADLK);
	CHECK(weft_mutex_until(&mx, WEFT_FOREVER) == -EDEADLK);
	CHECK(weft_mutex_try(&mx) == -EBUSY);
	CHECK(!weft_mutex_unlock(&mx));
	CHECK(weft_mutex_unlock(&mx) == -EPERM);
	CHECK(!weft_mutex_try(&mx));
	CHECK(!weft_mutex_unlock(&mx));
	CHECK(!weft_mutex_until(&mx, WEFT_POLL));
	CHECK(!weft_mutex_unlock(&mx));
	CHECK(!weft_mutex_until(&mx, end));
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static void *answers_while_it_is_held(void *arg)
{
	s64 end = in_ms(2);

	CHECK(weft_mutex_try(&mx) == -EBUSY);
	CHECK(weft_mutex_unlock(&mx) == -EPERM);
	CHECK(weft_mutex_until(&mx, WEFT_POLL) == -ETIMEDOUT);
	CHECK(weft_mutex_until(&mx, end) == -ETIMEDOUT);
	CHECK(weft__now() >= end);
	return arg;
}

TEST(answers)
{
	ASSERT_EQ(0, rt_start(1));
	by_both(asks);
	EXPECT_TRUE(at_rest(&mx));
	EXPECT_EQ(0, weft_mutex_lock(&mx));
	by_both(answers_while_it_is_held);
	EXPECT_EQ(0, weft_mutex_unlock(&mx));
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

/* ---- who waited for more than 1 ms is next ---- */

static void *hogs_and_sleeps(void *arg)
{
	while (!rt_get(&stop)) {
		CHECK(!weft_mutex_lock(&mx));
		weft_sleep(100 * NSEC_PER_USEC);
		CHECK(!weft_mutex_unlock(&mx));
	}
	return arg;
}

static void *hogs_and_computes(void *arg)
{
	while (!rt_get(&stop)) {
		CHECK(!weft_mutex_lock(&mx));
		busy(100 * NSEC_PER_USEC);
		CHECK(!weft_mutex_unlock(&mx));
	}
	return arg;
}

static s64 took;

static void *wants_it_ten_times(void *arg)
{
	s64 start = weft__now();
	int i;

	for (i = 0; i < 10; i++) {
		weft_sleep(100 * NSEC_PER_USEC);
		CHECK(!weft_mutex_lock(&mx));
		CHECK(!weft_mutex_unlock(&mx));
	}
	took = weft__now() - start;
	rt_set(&stop, 1);
	return arg;
}

static weft_fn *hog;
static u32 hogs;

static void *one_of_them(void *arg)
{
	return (uintptr_t)arg < hogs ? hog(arg) : wants_it_ten_times(arg);
}

TEST(fair_to_a_g)
{
	ASSERT_EQ(0, rt_start(2));
	hog = hogs_and_sleeps;
	hogs = 1;
	crowd(one_of_them, 2, 0);
	EXPECT_LT(took, 10 * NSEC_PER_SEC);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

TEST(fair_to_a_thread)
{
	ASSERT_EQ(0, rt_start(2));
	hog = hogs_and_sleeps;
	hogs = 2;
	crowd(one_of_them, 2, 1);
	EXPECT_LT(took, 10 * NSEC_PER_SEC);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

TEST(fair_beside_one_that_computes)
{
	ASSERT_EQ(0, rt_start(2));
	hog = hogs_and_computes;
	hogs = 1;
	crowd(one_of_them, 1, 1);
	EXPECT_LT(took, 10 * NSEC_PER_SEC);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

/* The G that had it takes it again at once: the other must be handed it. */
static u32 got, asked;

static void *waits_for_long(void *arg)
{
	rt_set(&asked, 1);
	CHECK(!weft_mutex_lock(&mx));
	rt_set(&got, 1);
	CHECK(!weft_mutex_unlock(&mx));
	return arg;
}

static u64 rounds_until_got;

static void *takes_it_again_at_once(void *arg)
{
	struct weft_g *w;

	CHECK(!weft_mutex_lock(&mx));
	CHECK(!weft_spawn(&w, NULL, waits_for_long, arg));
	CHECK(G_AWAIT(!wq_looks_empty(&in(&mx)->q)));
	do {
		busy(2 * NSEC_PER_MSEC);
		CHECK(!weft_mutex_unlock(&mx));
		CHECK(!weft_mutex_lock(&mx));
		weft_yield();	/* the other looks, in vain */
		rounds_until_got++;
	} while (!rt_get(&got) && rounds_until_got < 100);
	CHECK(!weft_mutex_unlock(&mx));
	CHECK(!weft_join(w, NULL));
	return arg;
}

TEST(handed_over_to_who_starves)
{
	ASSERT_EQ(0, rt_start(1));
	crowd(takes_it_again_at_once, 1, 0);
	/* woken, too late, head of the queue: handed over by the next unlock */
	EXPECT_LE(rounds_until_got, 3);
	EXPECT_TRUE(at_rest(&mx));
	DONE();
}

/* ---- the report ---- */

static void *holds_for_ever(void *arg)
{
	static struct weft_parker p;

	CHECK(!weft_mutex_lock(&mx));
	fprintf(stderr, "mutex %p holder %llu\n", (void *)&mx,
		(unsigned long long)weft_id(weft_self()));
	weft_park(&p);
	return arg;
}

static void *waits_for_ever(void *arg)
{
	weft_yield();
	fprintf(stderr, "waiter %llu\n",
		(unsigned long long)weft_id(weft_self()));
	CHECK(!weft_mutex_lock(&mx));
	return arg;
}

static int both(void *arg)
{
	weft_go(holds_for_ever, arg);
	weft_go(waits_for_ever, arg);
	return 0;
}

static void runs(void *arg)
{
	_exit(40 + weft_run(both, arg));
}

TEST(deadlock_names_holder_and_waiter)
{
	struct rt_child *c = rt_in_child(runs, NULL);
	unsigned long long holder, waiter;
	const char *at;
	char want[160];
	void *obj;

	EXPECT_EXIT(c, 2);
	ASSERT_EQ(2, sscanf(c->said, "mutex %p holder %llu", &obj, &holder));
	at = strstr(c->said, "waiter ");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(1, sscanf(at, "waiter %llu", &waiter));
	EXPECT_TRUE(rt_said(c, "weft: deadlock: all 2 Gs wait"));
	snprintf(want, sizeof(want),
		 "G %llu: waits for a mutex (mutex %p, held by G %llu), for ",
		 waiter, obj, holder);
	EXPECT_TRUE(rt_said(c, want));
	free(c);
}

static void *thread_holds(void *arg)
{
	CHECK(!weft_mutex_lock(&mx));
	fprintf(stderr, "thread %d\n", weft__gettid());
	return arg;	/* and ends: nobody can give it back */
}

static int a_thread(void *arg)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, thread_holds, arg));
	CHECK(!pthread_join(t, NULL));
	CHECK(!weft_mutex_lock(&mx));
	return 0;
}

static void runs_thread(void *arg)
{
	_exit(40 + weft_run(a_thread, arg));
}

TEST(deadlock_names_a_thread)
{
	struct rt_child *c = rt_in_child(runs_thread, NULL);
	char want[80];
	int tid;

	EXPECT_EXIT(c, 2);
	ASSERT_EQ(1, sscanf(c->said, "thread %d", &tid));
	snprintf(want, sizeof(want), "held by thread %d)", tid);
	EXPECT_TRUE(rt_said(c, want));
	free(c);
}

TEST_HARNESS_MAIN
