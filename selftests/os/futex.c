// SPDX-License-Identifier: GPL-2.0-only
/*
 * futex.c - futexes answer as they say and leave errno alone; the lock
 * excludes, and no waiter is forgotten.
 */
#include "os/clock.h"
#include "os/feature.h"
#include "os/futex.h"
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>

#include "kselftest_harness.h"

#define THREADS	8
#define ROUNDS	20000

/* By a volatile, since a compiler may know that nothing sets it */
#define ERRNO (*(volatile int *)&errno)

TEST(answers)
{
	u32 f = 1;
	s64 start = weft__now();

	ERRNO = 12345;
	ASSERT_EQ(-EAGAIN, weft__futex_wait(&f, 0, INT64_MAX));
	ASSERT_EQ(-ETIMEDOUT, weft__futex_wait(&f, 1, 0));
	ASSERT_EQ(-ETIMEDOUT, weft__futex_wait(&f, 1, -1));
	ASSERT_EQ(-ETIMEDOUT, weft__futex_wait(&f, 1, INT64_MIN));
	ASSERT_EQ(-ETIMEDOUT,
		  weft__futex_wait(&f, 1, start + 2 * NSEC_PER_MSEC));
	ASSERT_GE(weft__now(), start + 2 * NSEC_PER_MSEC);
	weft__futex_wake(&f, 1);
	weft__futex_wake(NULL, 1);
	ASSERT_EQ(12345, ERRNO);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(a_signal_interrupts)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerspec at = { .it_value.tv_nsec = 1000000,
				 .it_interval.tv_nsec = 1000000 };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR1 };
	timer_t timer;
	u32 f = 1;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &ev, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &at, NULL));
	ASSERT_EQ(-EINTR, weft__futex_wait(&f, 1, INT64_MAX));
}

struct pingpong {
	struct weft__nfutex f[2];
};

static void pass(struct pingpong *p, int from, u32 round)
{
	u32 seen;

	WRITE_ONCE(p->f[from].val, round);
	weft__nfutex_wake(&p->f[from], 1);
	/* The other may be one round ahead of us already. */
	while ((seen = READ_ONCE(p->f[!from].val)) < round)
		weft__nfutex_wait(&p->f[!from], seen, INT64_MAX);
}

static void *ping(void *arg)
{
	for (u32 i = 1; i <= ROUNDS / 4; i++)
		pass(arg, 1, i);
	return NULL;
}

static void pingpong(struct __test_metadata *_metadata, u32 node)
{
	struct pingpong p = { { { 0, node }, { 0, node } } };
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&t, NULL, ping, &p));
	for (u32 i = 1; i <= ROUNDS / 4; i++)
		pass(&p, 0, i);
	ASSERT_EQ(0, pthread_join(t, NULL));
}

TEST(wakes_arrive)
{
	pingpong(_metadata, WEFT__NO_NODE);
}

TEST(wakes_arrive_on_a_node)
{
	struct weft__nfutex f = { 1, 0 };

	weft__features_probe(0, 0);
	if (!weft__feature(WEFT__FUTEX2))
		SKIP(return, "%s", weft__feature_why(WEFT__FUTEX2));
	ASSERT_EQ(-EAGAIN, weft__nfutex_wait(&f, 0, INT64_MAX));
	ASSERT_EQ(-ETIMEDOUT, weft__nfutex_wait(&f, 1, -1));
	ASSERT_EQ(0, f.node);
	pingpong(_metadata, 0);
}

TEST(wakes_arrive_on_a_node_without_futex2)
{
	weft__features_probe(WEFT__BIT(WEFT__FUTEX2), 0);
	pingpong(_metadata, 0);
}

struct shared {
	struct weft__lock lock;
	u64 count, twice;
	u32 inside;
	bool yield;
};

static void *contend(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < ROUNDS; i++) {
		weft__lock(&s->lock);
		if (atomic_add(&s->inside, 1) != 1)
			return s;
		s->count++;
		if (s->yield && !(i % 64))
			sched_yield();
		s->twice += 2;
		atomic_sub(&s->inside, 1);
		weft__unlock(&s->lock);
	}
	return NULL;
}

/* A waiter that is forgotten makes the test time out. */
static void contention(struct __test_metadata *_metadata, bool yield)
{
	struct shared s = { .lock = WEFT__LOCK_INIT, .yield = yield };
	pthread_t t[THREADS];
	void *ret;

	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, contend, &s));
	for (int i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(t[i], &ret));
		ASSERT_EQ(NULL, ret);
	}
	ASSERT_EQ(THREADS * ROUNDS, s.count);
	ASSERT_EQ(2 * THREADS * ROUNDS, s.twice);
	ASSERT_EQ(WEFT__LOCK_FREE, s.lock.word);
}

TEST(the_lock_excludes)
{
	contention(_metadata, false);
}

TEST(the_lock_excludes_when_its_holder_is_off_its_cpu)
{
	contention(_metadata, true);
}

TEST(trylock)
{
	struct weft__lock l = WEFT__LOCK_INIT;

	ASSERT_TRUE(weft__trylock(&l));
	ASSERT_FALSE(weft__trylock(&l));
	weft__unlock(&l);
	ASSERT_TRUE(weft__trylock(&l));
}

struct held {
	struct weft__lock lock;
	u32 tid;
};

static void *lock_and_unlock(void *arg)
{
	struct held *h = arg;

	ERRNO = 12345;
	WRITE_ONCE(h->tid, weft__gettid());
	weft__lock(&h->lock);
	weft__unlock(&h->lock);
	return ERRNO == 12345 ? NULL : h;
}

TEST(a_waiter_sleeps)
{
	struct held h = { WEFT__LOCK_INIT, 0 };
	pthread_t t;
	void *ret;

	weft__lock(&h.lock);
	ASSERT_EQ(0, pthread_create(&t, NULL, lock_and_unlock, &h));
	while (READ_ONCE(h.lock.word) != WEFT__LOCK_WAITED ||
	       weft__thread_state(READ_ONCE(h.tid)) != 'S')
		sched_yield();
	weft__unlock(&h.lock);
	ASSERT_EQ(0, pthread_join(t, &ret));
	ASSERT_EQ(NULL, ret);
}

TEST_HARNESS_MAIN
