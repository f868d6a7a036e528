// SPDX-License-Identifier: GPL-2.0-only
/*
 * parker.c - a permit is never lost and never doubled, whoever waits and
 * whoever wakes; deadlines; signal handlers; and a parker that is gone as soon
 * as its waiter has run.
 */
#include "../core/rt.h"

#include <sys/syscall.h>

#include "kselftest_harness.h"

static struct weft_parker p, q;

static void in_g(struct __test_metadata *_metadata, weft_fn *fn, void *arg)
{
	struct weft_g *g = NULL;

	ASSERT_EQ(0, weft_spawn(&g, NULL, fn, arg));
	EXPECT_EQ(0, weft_join(g, NULL));
}

/* A body as a G, as an inline child, and on an ordinary thread. */
static void everywhere(struct __test_metadata *_metadata, weft_fn *fn)
{
	ASSERT_EQ(0, rt_start(0));
	in_g(_metadata, fn, NULL);
	fn(NULL);
	in_g(_metadata, fn, NULL);
	DONE();
}

static bool waits(struct weft_parker *w)
{
	return READ_ONCE(w->weft__word) > PARK_PERMIT;
}

/* ---- permits ---- */

static void *permits(void *arg)
{
	struct weft_parker zero, own = WEFT_PARKER_INIT;
	int i;

	memset(&zero, 0, sizeof(zero));
	CHECK(!memcmp(&zero, &own, sizeof(own)));
	for (i = 0; i < 5; i++)
		CHECK(!weft_unpark(&own));
	CHECK(!weft_park(&own));
	CHECK(weft_park_until(&own, WEFT_POLL) == -ETIMEDOUT);
	CHECK(!weft_unpark(&own));
	CHECK(!weft_park_until(&own, WEFT_POLL));
	CHECK(!weft_unpark(&own));
	CHECK(!weft_park_until(&own, 1));	/* passed, but it is there */
	CHECK(!weft_unpark(&own));
	CHECK(!weft_park_until(&own, WEFT_FOREVER));
	CHECK(weft_park_until(&own, WEFT_POLL) == -ETIMEDOUT);
	return arg;
}

TEST(any_number_of_unparks_leave_one)
{
	everywhere(_metadata, permits);
}

/* ---- deadlines ---- */

static void *deadlines(void *arg)
{
	static const s64 past[] = { WEFT_POLL, -1, INT64_MIN, 1 };
	struct weft_parker own = { 0 };
	s64 t;
	u32 i;

	for (i = 0; i < 4; i++)
		CHECK(weft_park_until(&own, past[i]) == -ETIMEDOUT);
	CHECK(weft_park_until(&own, weft__now() - 1) == -ETIMEDOUT);
	for (i = 0; i < 10; i++) {
		t = weft__now() + i * 100000;
		CHECK(weft_park_until(&own, t) == -ETIMEDOUT);
		CHECK(weft__now() >= t);
		CHECK(own.weft__word == 0);
	}
	/* a deadline leaves errno alone */
	errno = 55;
	weft_park_until(&own, weft__now() + 50000);
	CHECK(weft_errno() == 55);
	return arg;
}

TEST(deadline_not_before_its_time)
{
	everywhere(_metadata, deadlines);
}

/* ---- one waiter ---- */

static void *parks_on_p(void *arg)
{
	CHECK(!weft_park(&p));
	return arg;
}

static void *is_second(void *arg)
{
	errno = 66;
	CHECK(weft_park(&p) == -EBUSY);
	CHECK(weft_park_until(&p, weft__now() + NSEC_PER_SEC) == -EBUSY);
	CHECK(weft_errno() == 66);
	return arg;
}

TEST(a_second_waiter_is_refused)
{
	pthread_t t;
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_spawn(&g, NULL, parks_on_p, NULL));
	ASSERT_TRUE(AWAIT(waits(&p)));
	is_second(NULL);
	in_g(_metadata, is_second, NULL);
	EXPECT_EQ(0, weft_unpark(&p));
	EXPECT_EQ(0, weft_join(g, NULL));
	/* the first is a thread */
	ASSERT_EQ(0, pthread_create(&t, NULL, parks_on_p, NULL));
	ASSERT_TRUE(AWAIT(waits(&p)));
	is_second(NULL);
	in_g(_metadata, is_second, NULL);
	EXPECT_EQ(0, weft_unpark(&p));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(0, p.weft__word);
	DONE();
}

/* ---- never lost: each wake is answered ---- */

static u32 rounds, done;

static void *pings(void *arg)
{
	u32 i;

	for (i = 0; i < rounds; i++) {
		CHECK(!weft_unpark(&q));
		CHECK(!weft_park(&p));
	}
	atomic_add(&done, 1);
	return arg;
}

static void *pongs(void *arg)
{
	u32 i;

	for (i = 0; i < rounds; i++) {
		CHECK(!(i % 2 ? weft_park(&q) :
				weft_park_until(&q, weft__now() +
						    RT_PATIENCE)));
		CHECK(!weft_unpark(&p));
	}
	atomic_add(&done, 1);
	return arg;
}

static void ping_pong(struct __test_metadata *_metadata, u32 procs, bool thread,
		      bool thread_waits)
{
	weft_fn *fn;
	pthread_t t;
	int r;

	rounds = thread ? 1000 : 10000;
	ASSERT_EQ(0, rt_start(procs));
	fn = thread && !thread_waits ? pings : pongs;
	r = thread ? pthread_create(&t, NULL, fn, NULL) : weft_go(fn, NULL);
	ASSERT_EQ(0, r);
	ASSERT_EQ(0, weft_go(fn == pongs ? pings : pongs, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(done) == 2));
	if (thread)
		EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(0, p.weft__word);
	EXPECT_EQ(0, q.weft__word);
	DONE();
}

TEST(g_to_g_on_one_p)
{
	ping_pong(_metadata, 1, false, false);
}

TEST(g_to_g)
{
	ping_pong(_metadata, 0, false, false);
}

TEST(thread_to_g)
{
	ping_pong(_metadata, 0, true, false);
}

TEST(g_to_thread)
{
	ping_pong(_metadata, 1, true, true);
}

/* Many wakers of one waiter: what is true before a wake is seen after it. */
#define WAKERS 6

static u64 given[WAKERS];

static void *gives(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	u32 i;

	for (i = 0; i < rounds; i++) {
		WRITE_ONCE(given[n], given[n] + 1);
		CHECK(!weft_unpark(&p));
		if (i % 8 == n)
			weft_yield();
	}
	return NULL;
}

static void *takes(void *arg)
{
	u64 sum;
	int i;

	do {
		CHECK(!weft_park(&p));
		for (sum = 0, i = 0; i < WAKERS; i++)
			sum += READ_ONCE(given[i]);
	} while (sum < (u64)rounds * WAKERS);
	WRITE_ONCE(done, 1);
	return arg;
}

TEST(many_wakers)
{
	pthread_t t[WAKERS / 2];
	uintptr_t i;

	rounds = 3000;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_go(takes, NULL));
	for (i = 0; i < WAKERS / 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, gives, (void *)i));
	for (; i < WAKERS; i++)
		ASSERT_EQ(0, weft_go(gives, (void *)i));
	EXPECT_TRUE(AWAIT(READ_ONCE(done)));
	for (i = 0; i < WAKERS / 2; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	DONE();
}

/* ---- the deadline meets an unpark: exactly one of both wins ---- */

static u32 won[2], go_on, woke;

static void *unparks_soon(void *arg)
{
	u32 i, k;

	for (i = 1; i <= rounds; i++) {
		while (rt_get(&go_on) != i)
			arg ? (void)sched_yield() : weft_yield();
		for (k = 0; k < i * 7919 % 4000; k++)
			cpu_relax();
		CHECK(!weft_unpark(&p));
		rt_set(&woke, i);
	}
	return arg;
}

static void *waits_not_long(void *arg)
{
	u32 i;
	int r;

	for (i = 1; i <= rounds; i++) {
		rt_set(&go_on, i);
		r = weft_park_until(&p, weft__now() + 30000 + i % 8 * 10000);
		CHECK(!r || r == -ETIMEDOUT);
		won[!!r]++;
		while (rt_get(&woke) != i)
			weft_yield();
		/* what the deadline left is there, and nothing else is */
		if (r)
			CHECK(!weft_park_until(&p, WEFT_POLL));
		CHECK(weft_park_until(&p, WEFT_POLL) == -ETIMEDOUT);
	}
	WRITE_ONCE(done, 1);
	return arg;
}

static void race(struct __test_metadata *_metadata, bool thread_wakes,
		 bool thread_waits)
{
	pthread_t t;
	int r;

	rounds = 1000;
	ASSERT_EQ(0, rt_start(0));
	r = thread_wakes ? pthread_create(&t, NULL, unparks_soon, &p) :
			   weft_go(unparks_soon, NULL);
	ASSERT_EQ(0, r);
	if (!thread_waits)
		r = weft_go(waits_not_long, NULL);
	else
		waits_not_long(NULL);
	ASSERT_EQ(0, r);
	EXPECT_TRUE(AWAIT(READ_ONCE(done)));
	if (thread_wakes)
		ASSERT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(rounds, won[0] + won[1]);
	DONE();
}

TEST(a_deadline_races_with_a_g)
{
	race(_metadata, false, false);
}

TEST(a_deadline_races_with_a_thread)
{
	race(_metadata, true, false);
}

TEST(a_deadline_of_a_thread_races)
{
	race(_metadata, false, true);
}

/* ---- the parker is gone when park has returned ---- */

static struct weft_parker *volatile page;
static u32 page_no;

static void *parks_on_pages(void *arg)
{
	struct weft_parker *w;
	u32 i;
	int r;

	for (i = 1; i <= rounds; i++) {
		w = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(w != MAP_FAILED);
		page = w;
		rt_set(&page_no, i);
		do {
			r = i % 4 ? weft_park(w) :
				    weft_park_until(w, weft__now() + 20000);
		} while (r == -ETIMEDOUT);
		CHECK(!r);
		munmap(w, 4096);
	}
	WRITE_ONCE(done, 1);
	return arg;
}

static void *unparks_pages(void *arg)
{
	u32 i, k;

	for (i = 1; i <= rounds; i++) {
		while (rt_get(&page_no) != i)
			arg ? (void)sched_yield() : weft_yield();
		for (k = 0; k < i * 7919 % 500; k++)
			cpu_relax();
		/* Touching it afterwards is a SIGSEGV. */
		CHECK(!weft_unpark(page));
	}
	return arg;
}

static void gone(struct __test_metadata *_metadata, u32 procs,
		 bool thread_wakes, bool thread_waits)
{
	pthread_t t;
	int r;

	rounds = 3000;
	ASSERT_EQ(0, rt_start(procs));
	r = thread_wakes ? pthread_create(&t, NULL, unparks_pages, &p) :
			   weft_go(unparks_pages, NULL);
	ASSERT_EQ(0, r);
	if (!thread_waits)
		r = weft_go(parks_on_pages, NULL);
	else
		parks_on_pages(NULL);
	ASSERT_EQ(0, r);
	EXPECT_TRUE(AWAIT(READ_ONCE(done)));
	if (thread_wakes)
		ASSERT_EQ(0, pthread_join(t, NULL));
	DONE();
}

TEST(gone_after_park_on_one_p)
{
	gone(_metadata, 1, false, false);
}

TEST(gone_after_park)
{
	gone(_metadata, 0, false, false);
}

TEST(gone_after_park_woken_by_a_thread)
{
	gone(_metadata, 0, true, false);
}

TEST(gone_after_a_thread_parked)
{
	gone(_metadata, 0, false, true);
}

/* ---- from a signal handler ---- */

static u32 handled;

/* Ms block what belongs to the host; SIGTRAP reaches them. */
static void on_signal(int sig)
{
	int err = errno;

	atomic_add(&handled, 1);
	if (weft_unpark_signal(&p))
		abort();
	errno = err;
}

static void *raises(void *arg)
{
	CHECK(!raise(SIGTRAP));
	return arg;
}

static void *raises_then_parks(void *arg)
{
	CHECK(!raise(SIGTRAP));
	CHECK(!raise(SIGTRAP));
	CHECK(!weft_park(&p));
	return arg;
}

TEST(unpark_from_a_handler)
{
	struct weft_g *g;

	signal(SIGTRAP, on_signal);
	ASSERT_EQ(0, rt_start(0));
	/* while it is parked: on the thread, and on an M */
	ASSERT_EQ(0, weft_spawn(&g, NULL, parks_on_p, NULL));
	ASSERT_TRUE(AWAIT(waits(&p)));
	raise(SIGTRAP);
	EXPECT_EQ(0, weft_join(g, NULL));
	ASSERT_EQ(0, weft_spawn(&g, NULL, parks_on_p, NULL));
	ASSERT_TRUE(AWAIT(waits(&p)));
	in_g(_metadata, raises, NULL);
	EXPECT_EQ(0, weft_join(g, NULL));
	/* before it parks */
	in_g(_metadata, raises_then_parks, NULL);
	raises_then_parks(NULL);
	EXPECT_EQ(6, READ_ONCE(handled));
	DONE();
}

#define SIGNALS 3000

static void *counts_signals(void *arg)
{
	while (READ_ONCE(handled) < SIGNALS)
		CHECK(!weft_park(&p));
	WRITE_ONCE(done, 1);
	return arg;
}

static void *is_busy(void *arg)
{
	while (!READ_ONCE(done)) {
		weft_yield();
		CHECK(!weft_go(permits, NULL));
		weft_yield();
	}
	return arg;
}

/* They hit the Ms anywhere: in sequences, in switches, in the slow paths. */
TEST(unpark_from_handlers_anywhere)
{
	u32 i, sent = 0, n;
	s64 end;

#ifdef WEFT__TSAN
	SKIP(return, "ThreadSanitizer calls handlers late, or never");
#endif
	signal(SIGTRAP, on_signal);
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_go(counts_signals, NULL));
	ASSERT_EQ(0, weft_go(is_busy, NULL));
	ASSERT_EQ(0, weft_go(is_busy, NULL));
	end = weft__now() + RT_PATIENCE;
	for (i = 0; sent < SIGNALS && weft__now() < end; i++) {
		n = READ_ONCE(S.nm);
		if (!READ_ONCE(S.m[i % n]->tid))
			continue;
		/* one that is still pending would swallow the next */
		if (!AWAIT(READ_ONCE(handled) == sent))
			break;
		if (!syscall(SYS_tgkill, getpid(), S.m[i % n]->tid, SIGTRAP))
			sent++;
	}
	EXPECT_EQ(SIGNALS, sent);
	EXPECT_TRUE(AWAIT(READ_ONCE(done)));
	EXPECT_EQ(SIGNALS, READ_ONCE(handled));
	DONE();
}

TEST_HARNESS_MAIN
