// SPDX-License-Identifier: GPL-2.0-only
/*
 * locked.c - weft_lock_thread(): the G stays on its thread, and has it alone.
 */
#include "rt.h"

#include <sys/syscall.h>

#include "kselftest_harness.h"

#define LOCKED 4
#define OTHERS 8

static pid_t locked_tid[LOCKED];
static u32 nlocked, locked_done, others_ran;

static pid_t tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void check_alone(void)
{
	pid_t me = tid();
	int i;

	for (i = 0; i < LOCKED; i++)
		CHECK(READ_ONCE(locked_tid[i]) != me);
}

static void *roams(void *arg)
{
	while (READ_ONCE(locked_done) < READ_ONCE(nlocked)) {
		check_alone();
		weft_yield();
		check_alone();
		atomic_add(&others_ran, 1);
	}
	return arg;
}

static void *returns(void *arg)
{
	return arg;
}

static void every_kind_of_wait(pid_t me)
{
	struct weft_parker p = WEFT_PARKER_INIT;
	struct weft_g *g;

	weft_yield();
	CHECK(tid() == me);
	CHECK(!weft_sleep(100000));
	CHECK(tid() == me);
	CHECK(weft_park_until(&p, weft__now() + 100000) == -ETIMEDOUT);
	CHECK(tid() == me);
	CHECK(!weft_spawn(&g, NULL, returns, NULL));
	CHECK(!weft_join(g, NULL));
	CHECK(tid() == me);
	weft_checkpoint();
	WEFT_BLOCKING(usleep(2000));
	CHECK(tid() == me);
}

static void *locks(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	pid_t me;
	int r;

	CHECK(!weft_lock_thread());
	me = tid();
	WRITE_ONCE(locked_tid[i], me);
	for (r = 0; r < 20; r++)
		every_kind_of_wait(me);
	WRITE_ONCE(locked_tid[i], 0);
	CHECK(!weft_unlock_thread());
	CHECK(weft_unlock_thread() == -EPERM);
	atomic_add(&locked_done, 1);
	return NULL;
}

static void locked_among_others(struct __test_metadata *_metadata, u32 procs,
				u32 locked)
{
	uintptr_t i;

	ASSERT_EQ(0, rt_start(procs));
	nlocked = locked;
	for (i = 0; i < locked; i++)
		ASSERT_EQ(0, weft_go(locks, (void *)i));
	for (i = 0; i < OTHERS; i++)
		ASSERT_EQ(0, weft_go(roams, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(locked_done) == locked));
	EXPECT_GT(READ_ONCE(others_ran), 0);
	DONE();
}

TEST(one_on_one_p)
{
	locked_among_others(_metadata, 1, 1);
}

TEST(more_than_ps)
{
	locked_among_others(_metadata, 1, LOCKED);
}

TEST(on_all_ps)
{
	locked_among_others(_metadata, 0, LOCKED);
}

static void *nests(void *arg)
{
	pid_t me;

	CHECK(weft_unlock_thread() == -EPERM);
	CHECK(!weft_lock_thread());
	CHECK(!weft_lock_thread());
	me = tid();
	CHECK(!weft_unlock_thread());
	CHECK(rt_g(weft_self())->flags & GF_LOCKED);
	every_kind_of_wait(me);
	CHECK(!weft_unlock_thread());
	CHECK(!(rt_g(weft_self())->flags & GF_LOCKED));
	CHECK(weft_unlock_thread() == -EPERM);
	weft_yield();
	return arg;
}

static void in_g(struct __test_metadata *_metadata, weft_fn *fn)
{
	struct weft_g *g = NULL;

	ASSERT_EQ(0, weft_spawn(&g, NULL, fn, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
}

TEST(nested)
{
	ASSERT_EQ(0, rt_start(1));
	in_g(_metadata, nests);
	DONE();
}

static void *ends_locked(void *arg)
{
	CHECK(!weft_lock_thread());
	CHECK(!weft_lock_thread());
	if (arg)
		weft_exit(NULL);
	return NULL;
}

static void *has_locked_children(void *arg)
{
	struct weft_g *g;
	int i;

	for (i = 0; i < 10; i++) {
		/* inline: it locks our M, and gives it back at its end */
		CHECK(!weft_spawn(&g, NULL, ends_locked, i % 2 ? &g : NULL));
		CHECK(!weft_join(g, NULL));
		weft_yield();
	}
	return arg;
}

TEST(the_end_unlocks)
{
	u32 i, ms;

	ASSERT_EQ(0, rt_start(1));
	for (i = 0; i < 20; i++)
		in_g(_metadata, ends_locked);
	in_g(_metadata, has_locked_children);
	ms = READ_ONCE(S.nm);
	for (i = 0; i < 20; i++)
		in_g(_metadata, ends_locked);
	/* No M was used up. */
	EXPECT_LE(READ_ONCE(S.nm), ms + 2);
	for (i = 0; i < READ_ONCE(S.nm); i++)
		EXPECT_EQ(0, READ_ONCE(S.m[i]->locked));
	DONE();
}

TEST_HARNESS_MAIN
