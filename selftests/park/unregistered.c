// SPDX-License-Identifier: GPL-2.0-only
/*
 * unregistered.c - a thread that has no rseq, in a process that has: it
 * spawns, unparks and waits like others, and harms nobody's queue or permit.
 *
 * A thread made by a raw clone() comes into the world like that.  Here an
 * ordinary one ends its registration: then the kernel writes -1 to cpu_id.
 * -2 is what the C library writes where a registration failed.
 */
#include "../core/rt.h"
#include "os/rseq.h"

#include <sys/rseq.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#define GS 64
#define ROUNDS 3000

static u32 ran;

static bool leave_rseq(s32 cpu_id)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() +
					    __rseq_offset);

	if (syscall(SYS_rseq, area, sizeof(*area), RSEQ_FLAG_UNREGISTER,
		    RSEQ_SIG) &&
	    syscall(SYS_rseq, area, __rseq_size, RSEQ_FLAG_UNREGISTER,
		    RSEQ_SIG))
		return false;
	if ((s32)READ_ONCE(area->cpu_id) != -1)
		return false;
	WRITE_ONCE(area->cpu_id, (u32)cpu_id);
	return true;
}

#define NEEDS_RSEQ()                                                          \
	do {                                                                  \
		if (!__rseq_size)                                             \
			SKIP(return, "the C library has registered no rseq"); \
	} while (0)

static void *adds(void *arg)
{
	atomic_add((u32 *)arg, 1);
	return NULL;
}

/* Busy Ps, so that a push onto a queue meets its owner */
static u32 over;

static void *spawns_and_yields(void *arg)
{
	while (!READ_ONCE(over)) {
		CHECK(!weft_go(adds, arg));
		weft_yield();
		weft_yield();
	}
	return NULL;
}

/* ---- spawn ---- */

struct job {
	s32 cpu_id;
	void (*fn)(void);
};

static void *without_rseq(void *arg)
{
	struct job *j = arg;

	if (CHECK(leave_rseq(j->cpu_id)))
		j->fn();
	return NULL;
}

/* In a thread without rseq, once for each way to have none */
static void in_such_a_thread(struct __test_metadata *_metadata,
			     void (*fn)(void))
{
	struct job jobs[] = { { -1, fn }, { -2, fn } };
	pthread_t t;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		ASSERT_EQ(0, pthread_create(&t, NULL, without_rseq, &jobs[i]));
		ASSERT_EQ(0, pthread_join(t, NULL));
	}
}

static void spawns_many(void)
{
	u32 i, before = READ_ONCE(ran);

	for (i = 0; i < ROUNDS; i++)
		CHECK(!weft_go(adds, &ran));
	CHECK(AWAIT(READ_ONCE(ran) == before + ROUNDS));
}

TEST(spawns)
{
	static u32 others;
	u32 i;

	NEEDS_RSEQ();
	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, weft_go(spawns_and_yields, &others));
	in_such_a_thread(_metadata, spawns_many);
	WRITE_ONCE(over, 1);
	EXPECT_EQ(2 * ROUNDS, READ_ONCE(ran));
	DONE();
}

/* ---- unpark ---- */

static struct weft_parker parkers[GS];
static u32 woken[GS];

static void *parks(void *arg)
{
	u32 i = (uintptr_t)arg, n;

	for (n = 0; n < 2 * ROUNDS / GS; n++) {
		CHECK(!weft_park(&parkers[i]));
		rt_set(&woken[i], n + 1);
	}
	return NULL;
}

/* One permit each, and the next only when that was taken: none may be lost. */
static void unparks_each(void)
{
	u32 i, n, from = rt_get(&woken[0]);

	for (n = from; n < from + ROUNDS / GS; n++) {
		for (i = 0; i < GS; i++)
			CHECK(!weft_unpark(&parkers[i]));
		for (i = 0; i < GS; i++)
			CHECK(AWAIT(rt_get(&woken[i]) > n));
	}
}

TEST(unparks)
{
	uintptr_t i;

	NEEDS_RSEQ();
	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < GS; i++)
		ASSERT_EQ(0, weft_go(parks, (void *)i));
	in_such_a_thread(_metadata, unparks_each);
	for (i = 0; i < GS; i++)
		while (READ_ONCE(woken[i]) < 2 * ROUNDS / GS && rt_bad < 10)
			if (CHECK(!weft_unpark(&parkers[i])))
				sched_yield();
	DONE();
}

/* ---- park ---- */

static struct weft_parker there, back;

static void *echoes(void *arg)
{
	u32 i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		CHECK(!weft_park(&there));
		CHECK(!weft_unpark(&back));
	}
	return NULL;
}

static void calls_and_waits(void)
{
	u32 i;

	CHECK(!weft_go(echoes, NULL));
	for (i = 0; i < ROUNDS; i++) {
		CHECK(!weft_unpark(&there));
		CHECK(!weft_park(&back));
	}
}

TEST(waits)
{
	NEEDS_RSEQ();
	ASSERT_EQ(0, rt_start(0));
	in_such_a_thread(_metadata, calls_and_waits);
	EXPECT_EQ(0, there.weft__word);
	EXPECT_EQ(0, back.weft__word);
	DONE();
}

/* ---- an M ---- */

static void *leaves(void *arg)
{
	u32 i;

	(void)arg;
	CHECK(leave_rseq(-1));
	for (i = 0; i < ROUNDS; i++) {
		CHECK(!weft_go(adds, &ran));
		weft_yield();
	}
	return NULL;
}

TEST(an_m_that_lost_it)
{
	NEEDS_RSEQ();
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_go(leaves, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == ROUNDS));
	EXPECT_TRUE(AWAIT(weft__live() <= 0));
	ASSERT_EQ(0, weft_go(adds, &ran));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == ROUNDS + 1));
	DONE();
}

TEST_HARNESS_MAIN
