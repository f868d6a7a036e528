// SPDX-License-Identifier: GPL-2.0-only
/*
 * idle.c - a runtime in which nothing happens uses no CPU: no thread of it
 * wakes up, the monitor included.
 */
#include "../core/rt.h"

#include <sys/resource.h>

#include "kselftest_harness.h"

static struct weft_parker p;

static void *parks(void *arg)
{
	CHECK(!weft_park(&p));
	return arg;
}

static void *works(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		weft_yield();
	return arg;
}

static bool asleep(void)
{
	return READ_ONCE(S.mon_asleep) && READ_ONCE(S.mon_until) == INT64_MAX &&
	       READ_ONCE(S.nidle) == S.nprocs;
}

static s64 cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000l +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* All threads of the process sleep for so long, this one in a read. */
static void silence(int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
			      .tv_usec = ms % 1000 * 1000 };

	select(0, NULL, NULL, NULL, &tv);
}

static void is_silent(struct __test_metadata *_metadata)
{
	struct weft_stats a, b;
	s64 us;

	ASSERT_TRUE(AWAIT(asleep()));
	/* An M that spun last may still be on its way to sleep. */
	silence(50);
	a = rt_stats();
	us = cpu_us();
	silence(500);
	b = rt_stats();
	EXPECT_LE(b.monitor_ticks, a.monitor_ticks + 1);
	EXPECT_LE(b.m_woken, a.m_woken);
	EXPECT_LE(b.m_parked, a.m_parked);
	silence(500);
	EXPECT_LT(cpu_us() - us, 20000);
}

TEST(without_gs)
{
	ASSERT_EQ(0, rt_start(0));
	is_silent(_metadata);
	DONE();
}

TEST(with_gs_that_wait)
{
	u32 i;

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, weft_go(works, NULL));
	ASSERT_EQ(0, weft_go(parks, NULL));
	ASSERT_TRUE(AWAIT(rt_stats().gs == 1));
	is_silent(_metadata);
	EXPECT_EQ(0, weft_unpark(&p));
	DONE();
}

static int fd[2];

static void *reads(void *arg)
{
	char c;

	if (arg)
		CHECK(WEFT_BLOCKING(read(fd[0], &c, 1)) == 1);
	else
		CHECK(read(fd[0], &c, 1) == 1);
	return arg;
}

/* An M that sits in the kernel keeps nobody awake, after a slice. */
static void with_reader(struct __test_metadata *_metadata, void *announced)
{
	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_go(reads, announced));
	is_silent(_metadata);
	ASSERT_EQ(1, write(fd[1], "x", 1));
	DONE();
}

TEST(with_a_g_in_read)
{
	with_reader(_metadata, NULL);
}

TEST(with_a_g_in_an_announced_read)
{
	with_reader(_metadata, fd);
}

TEST_HARNESS_MAIN
