// SPDX-License-Identifier: GPL-2.0-only
/*
 * objects.c - semaphore, wait group, once, barrier, event.
 */
#include "crowd.h"
#include <sync/object.h>

#include "kselftest_harness.h"

/* ---- semaphore ---- */

static struct weft_sem sem = WEFT_SEM_INIT(3);
static u64 inside, each;
static u32 order[64], norder;

static u32 in_queue(struct wqueue *q, struct clk *lk)
{
	struct wnode *n;
	u32 i = 0;

	clk_lock(weft__my_vcpu(), lk);
	for (n = q->head; n; n = n->next)
		i++;
	clk_unlock(lk);
	return i;
}

static u32 sem_queue(void)
{
	struct sem *s = (struct sem *)&sem;

	return in_queue(&s->q, &s->lk);
}

static void *three_at_once(void *arg)
{
	u64 i, n = (uintptr_t)arg;

	for (i = 0; i < each; i++) {
		CHECK(!weft_sem_acquire(&sem));
		CHECK(atomic_add(&inside, 1) <= 3);
		if (i % 8 == n % 8)
			weft_yield();
		atomic_sub(&inside, 1);
		CHECK(!weft_sem_release(&sem, 1));
	}
	return arg;
}

TEST(sem_limits)
{
	each = 3000;
	ASSERT_EQ(0, rt_start(2));
	crowd(three_at_once, 10, 3);
	EXPECT_EQ(3, weft_sem_value(&sem));
	EXPECT_EQ(0, sem_queue());
	DONE();
}

static void *acquires(void *arg)
{
	CHECK(!weft_sem_acquire(&sem));
	order[norder++] = (u32)(uintptr_t)arg;
	return arg;
}

static void *releases_many(void *arg)
{
	struct weft_g *g[10];
	uintptr_t i;

	while (!weft_sem_try(&sem))
		;
	for (i = 0; i < 10; i++) {
		CHECK(!weft_spawn(&g[i], NULL, acquires, (void *)i));
		CHECK(G_AWAIT(sem_queue() == i + 1));
	}
	CHECK(!weft_sem_release(&sem, 0));
	CHECK(sem_queue() == 10);
	CHECK(!weft_sem_release(&sem, 4));
	CHECK(sem_queue() == 6);
	CHECK(weft_sem_try(&sem) == -EAGAIN);	/* they are given already */
	CHECK(G_AWAIT(READ_ONCE(norder) == 4));
	CHECK(!weft_sem_release(&sem, 8));
	for (i = 0; i < 10; i++)
		CHECK(!weft_join(g[i], NULL));
	CHECK(weft_sem_value(&sem) == 2);
	return arg;
}

TEST(sem_serves_in_order)
{
	u32 i;

	ASSERT_EQ(0, rt_start(1));
	crowd(releases_many, 1, 0);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(i, order[i]);
	DONE();
}

static void *asks_sem(void *arg)
{
	s64 end = in_ms(2);

	CHECK(!weft_sem_try(&sem));
	CHECK(!weft_sem_until(&sem, WEFT_POLL));
	CHECK(!weft_sem_acquire(&sem));
	CHECK(weft_sem_try(&sem) == -EAGAIN);
	CHECK(weft_sem_until(&sem, WEFT_POLL) == -ETIMEDOUT);
	CHECK(weft_sem_until(&sem, end) == -ETIMEDOUT);
	CHECK(weft__now() >= end);
	CHECK(!weft_sem_value(&sem));
	CHECK(!weft_sem_release(&sem, WEFT_SEM_MAX));
	CHECK(weft_sem_release(&sem, 1) == -EOVERFLOW);
	CHECK(weft_sem_release(&sem, UINT64_MAX) == -EOVERFLOW);
	CHECK(weft_sem_value(&sem) == WEFT_SEM_MAX);
	sem = (struct weft_sem)WEFT_SEM_INIT(3);
	return arg;
}

TEST(sem_answers)
{
	ASSERT_EQ(0, rt_start(1));
	by_both(asks_sem);
	DONE();
}

/* Deadlines and releases cross, and no permit is lost or doubled. */
static u64 got;

static void *takes_in_time(void *arg)
{
	u64 rnd = (uintptr_t)arg + 3, i;

	for (i = 0; i < each; i++) {
		if (!weft_sem_until(&sem, weft__now() +
				    (s64)(crowd_random(&rnd) % 40000)))
			atomic_add(&got, 1);
		if (i % 2)
			CHECK(!weft_sem_release(&sem, 1));
	}
	return arg;
}

TEST(sem_deadlines)
{
	each = 1000;
	ASSERT_EQ(0, rt_start(2));
	crowd(takes_in_time, 6, 2);
	EXPECT_EQ(3 + 8 * each / 2 - got, weft_sem_value(&sem));
	EXPECT_EQ(0, sem_queue());
	DONE();
}

/* ---- wait group ---- */

static struct weft_wg wg[1];
static u64 done_before;

static u32 wg_round;

static void *works(void *arg)
{
	u32 r;

	for (r = 1; r <= 300; r++) {
		if (arg) {
			CHECK(G_AWAIT(rt_get(&wg_round) >= r));
			atomic_add(&done_before, 1);
			CHECK(!weft_wg_done(&wg[0]));
			continue;
		}
		CHECK(!weft_wg_add(&wg[0], 7));
		rt_set(&wg_round, r);
		CHECK(!weft_wg_wait(&wg[0]));
		CHECK(READ_ONCE(done_before) == 7ull * r);
	}
	return arg;
}

TEST(wg_is_used_again)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(works, 6, 2);
	EXPECT_EQ(2100, done_before);
	DONE();
}

static u32 went_on;

static void *waits_for_zero(void *arg)
{
	if ((uintptr_t)arg == 9) {
		struct wg *k = (struct wg *)&wg[0];

		CHECK(G_AWAIT(in_queue(&k->q, &k->lk) == 9));
		CHECK(!went_on);
		CHECK(!weft_wg_done(&wg[0]));
		return arg;
	}
	CHECK(!weft_wg_wait(&wg[0]));
	atomic_add(&went_on, 1);
	return arg;
}

static void *asks_wg(void *arg)
{
	CHECK(!weft_wg_wait(&wg[0]));
	CHECK(!weft_wg_wait_until(&wg[0], WEFT_POLL));
	CHECK(weft_wg_done(&wg[0]) == -EINVAL);
	CHECK(!weft_wg_add(&wg[0], INT64_MAX));
	CHECK(weft_wg_add(&wg[0], 1) == -EOVERFLOW);
	CHECK(weft_wg_wait_until(&wg[0], WEFT_POLL) == -ETIMEDOUT);
	CHECK(weft_wg_wait_until(&wg[0], in_ms(1)) == -ETIMEDOUT);
	CHECK(!weft_wg_add(&wg[0], -INT64_MAX));
	CHECK(!weft_wg_wait(&wg[0]));
	return arg;
}

TEST(wg_answers)
{
	ASSERT_EQ(0, rt_start(1));
	by_both(asks_wg);
	EXPECT_EQ(0, weft_wg_add(&wg[0], 1));
	crowd(waits_for_zero, 10, 0);
	EXPECT_EQ(9, went_on);
	went_on = 0;
	EXPECT_EQ(0, weft_wg_add(&wg[0], 1));
	crowd(waits_for_zero, 5, 5);
	EXPECT_EQ(9, went_on);
	DONE();
}

/* ---- once ---- */

static struct weft_once once;
static u32 calls, result;

static void only_once(void *arg)
{
	CHECK(arg == &once);
	calls++;
	CHECK(weft_once_do(&once, only_once, arg) == -EDEADLK);
	weft_yield();
	weft_sleep(NSEC_PER_MSEC);
	result = 7;
}

static void *does_it(void *arg)
{
	CHECK(!weft_once_do(&once, only_once, &once));
	CHECK(result == 7);
	CHECK(!weft_once_do(&once, only_once, &once));
	return arg;
}

TEST(once_by_one)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(does_it, 10, 4);
	EXPECT_EQ(1, calls);
	DONE();
}

/* ---- barrier ---- */

static struct weft_barrier bar = WEFT_BARRIER_INIT(12);
static u32 phase[12], serials;

static void *in_phases(void *arg)
{
	u32 me = (u32)(uintptr_t)arg, r, i;
	int s;

	for (r = 1; r <= 300; r++) {
		WRITE_ONCE(phase[me], r);
		s = weft_barrier_wait(&bar);
		CHECK(s == 0 || s == WEFT_BARRIER_SERIAL);
		atomic_add(&serials, s);
		for (i = 0; i < 12; i++)
			CHECK(READ_ONCE(phase[i]) >= r &&
			      READ_ONCE(phase[i]) <= r + 1);
	}
	return arg;
}

TEST(barrier_rounds)
{
	struct weft_barrier none = { 0 }, one = WEFT_BARRIER_INIT(1);

	ASSERT_EQ(0, rt_start(2));
	crowd(in_phases, 9, 3);
	EXPECT_EQ(300, serials);
	EXPECT_EQ(-EINVAL, weft_barrier_wait(&none));
	EXPECT_EQ(WEFT_BARRIER_SERIAL, weft_barrier_wait(&one));
	DONE();
}

/* ---- event ---- */

static struct weft_event ev;
static u64 before;

static void *awaits_event(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	if (n == 11) {
		struct event *k = (struct event *)&ev;

		CHECK(AWAIT(in_queue(&k->q, &k->lk) == 9));
		WRITE_ONCE(before, 1);
		CHECK(!weft_event_set(&ev));
		CHECK(!weft_event_set(&ev));
		return arg;
	}
	if (n < 2) {
		CHECK(weft_event_until(&ev, WEFT_POLL) == -ETIMEDOUT);
		CHECK(weft_event_until(&ev, in_ms(1)) == -ETIMEDOUT);
		return arg;
	}
	CHECK(!(n % 2 ? weft_event_wait(&ev) :
			weft_event_until(&ev, in_ms(60000))));
	CHECK(weft_event_is_set(&ev));
	CHECK(READ_ONCE(before));
	return arg;
}

TEST(event_for_all)
{
	ASSERT_EQ(0, rt_start(2));
	EXPECT_FALSE(weft_event_is_set(&ev));
	crowd(awaits_event, 8, 4);
	EXPECT_EQ(0, weft_event_wait(&ev));
	EXPECT_EQ(0, weft_event_until(&ev, WEFT_POLL));
	DONE();
}

/* ---- all zero, and what a report says ---- */

static struct weft_sem zero_sem;
static struct weft_wg busy_wg;
static struct weft_barrier two = WEFT_BARRIER_INIT(2);
static struct weft_event never;
static struct weft_rwlock rw;
static struct weft_cond cond;
static struct weft_mutex mx;
static struct weft_once endless;

static void parks(void *arg)
{
	static struct weft_parker p;

	(void)arg;
	weft_park(&p);
}

static void *stuck(void *arg)
{
	switch ((uintptr_t)arg) {
	case 0:
		weft_sem_acquire(&zero_sem);
		break;
	case 1:
		weft_wg_add(&busy_wg, 1);
		weft_wg_wait(&busy_wg);
		break;
	case 2:
		weft_barrier_wait(&two);
		break;
	case 3:
		weft_event_wait(&never);
		break;
	case 4:
		weft_rwlock_write(&rw);
		weft_mutex_lock(&mx);
		weft_cond_wait(&cond, &mx);
		break;
	case 5:
		weft_rwlock_read(&rw);
		break;
	case 6:
		weft_rwlock_write(&rw);
		break;
	default:
		weft_once_do(&endless, parks, NULL);
		break;
	}
	return arg;
}

static int all_stuck(void *arg)
{
	uintptr_t i;

	(void)arg;
	for (i = 0; i < 9; i++)
		weft_go(stuck, (void *)i);
	return 0;
}

static void runs(void *arg)
{
	setenv("WEFT_PROCS", "1", 1);
	_exit(40 + weft_run(all_stuck, arg));
}

TEST(the_report_names_each)
{
	static const struct {
		const char *say;
		const void *at;
		bool held;
	} want[] = {
		{ "waits for a semaphore (sem", &zero_sem, false },
		{ "waits for a wait group (wait group", &busy_wg, false },
		{ "waits at a barrier (barrier", &two, false },
		{ "waits for an event (event", &never, false },
		{ "waits for a condition (cond", &cond, false },
		{ "waits to read (rwlock", &rw, true },
		{ "waits to write (rwlock", &rw, true },
		{ "waits for who runs it once (once", &endless, true },
	};
	struct rt_child *c = rt_in_child(runs, NULL);
	char line[160];
	u32 i;

	EXPECT_EXIT(c, 2);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		snprintf(line, sizeof(line), "%s %p%s", want[i].say, want[i].at,
			 want[i].held ? ", held by G " : "), for ");
		EXPECT_TRUE(rt_said(c, line));
	}
	free(c);
}

TEST_HARNESS_MAIN
