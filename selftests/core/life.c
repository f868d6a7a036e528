// SPDX-License-Identifier: GPL-2.0-only
/*
 * life.c - the runtime as a whole: stop and start again, more and fewer Ps,
 * no more threads, no more memory; stacks of a size; sleep.
 */
#include "rt.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

static u32 ran, gate_open, arrived;

static void *counts(void *arg)
{
	atomic_add(&ran, 1);
	return arg;
}

static void *waits_for_gate(void *arg)
{
	atomic_add(&arrived, 1);
	while (!READ_ONCE(gate_open))
		weft_yield();
	atomic_add(&ran, 1);
	return arg;
}

/* ---- stop ---- */

TEST(stop_while_gs_are_alive)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(waits_for_gate, NULL));
	EXPECT_EQ(-EBUSY, weft_stop());
	ASSERT_TRUE(AWAIT(READ_ONCE(arrived)));
	EXPECT_EQ(-EBUSY, weft_stop());
	EXPECT_EQ(-EBUSY, rt_start(1));
	WRITE_ONCE(gate_open, 1);
	DONE();
	EXPECT_EQ(-EINVAL, weft_stop());
}

static u32 entries(const char *dir)
{
	DIR *d = opendir(dir);
	u32 n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static u32 maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	u32 n = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void *works(void *arg)
{
	struct weft_g *g[8];
	int i;

	for (i = 0; i < 8; i++)
		CHECK(!weft_spawn(&g[i], NULL, counts, NULL));
	weft_yield();
	weft_sleep(1000);
	for (i = 0; i < 8; i++)
		CHECK(!weft_join(g[i], NULL));
	WEFT_BLOCKING(usleep(100));
	return arg;
}

TEST(start_and_stop_fifty_times)
{
	u32 i, j, fds = 0, lines = 0;

	/* Else malloc makes some for the threads that meet in it. */
	mallopt(M_ARENA_MAX, 1);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, rt_start(0));
		for (j = 0; j < 10; j++)
			ASSERT_EQ(0, weft_go(works, NULL));
		ASSERT_TRUE(rt_stop());
		/* ., .. and this thread */
		ASSERT_TRUE(AWAIT(entries("/proc/self/task") == 3));
		if (i == 9) {
			fds = entries("/proc/self/fd");
			lines = maps();
		}
	}
	EXPECT_EQ(50 * 80, ran);
	EXPECT_EQ(fds, entries("/proc/self/fd"));
	/* The C library keeps some stacks of threads: not one each start. */
	EXPECT_LE(maps(), lines + 15);
	EXPECT_EQ(0, rt_bad);
}

/* ---- number of Ps ---- */

static void *yields_a_lot(void *arg)
{
	u32 i;

	for (i = 0; i < 100 || !READ_ONCE(gate_open); i++)
		weft_yield();
	atomic_add(&ran, 1);
	return arg;
}

static bool beyond_is_vacant(u32 n)
{
	u32 i;

	for (i = n; i < S.maxprocs; i++)
		if (READ_ONCE(S.tok[i]) || runq_waiting(&S.p[i]->q))
			return false;
	return true;
}

TEST(set_procs_while_a_thousand_run)
{
	u32 i, n;

	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, rt_start(4));
	EXPECT_EQ(4, weft_procs());
	EXPECT_EQ(-EINVAL, weft_set_procs(0));
	EXPECT_EQ(-EINVAL, weft_set_procs(S.maxprocs + 1));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, weft_go(yields_a_lot, NULL));
	for (i = 0; i < 60; i++) {
		n = (i * 7 + 1) % 4 + 1;
		ASSERT_EQ(0, weft_set_procs(n));
		EXPECT_EQ(n, weft_procs());
		EXPECT_EQ(n, rt_stats().procs);
		if (i % 10 == 0)
			EXPECT_TRUE(AWAIT(beyond_is_vacant(n)));
	}
	ASSERT_EQ(0, weft_set_procs(1));
	EXPECT_TRUE(AWAIT(beyond_is_vacant(1)));
	WRITE_ONCE(gate_open, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 1000));
	EXPECT_EQ(1000, rt_stats().ended);
	DONE();
}

/* ---- no more threads ---- */

static int pipes[3][2];

static void *reads(void *arg)
{
	int *p = arg;
	char c;

	atomic_add(&arrived, 1);
	CHECK(WEFT_BLOCKING(read(p[0], &c, 1)) == 1);
	atomic_add(&ran, 1);
	return NULL;
}

static bool both_sleep(void)
{
	return READ_ONCE(arrived) == 2 &&
	       weft__thread_state(S.m[0]->tid) == 'S' &&
	       weft__thread_state(S.m[1]->tid) == 'S';
}

/* Two Ms; both blocked, the third G has to wait for one of them. */
static void two_ms(void *arg)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .max_m = 2 };
	u64 ticks;
	int i;

	for (i = 0; i < 3; i++)
		if (pipe(pipes[i]))
			_exit(2);
	CHECK(!weft_start(&o));
	for (i = 0; i < 3; i++)
		CHECK(!weft_go(reads, pipes[i]));
	CHECK(!weft_go(counts, NULL));
	/* until the monitor has tried in vain */
	CHECK(AWAIT(both_sleep()));
	ticks = rt_stats().monitor_ticks;
	CHECK(AWAIT(rt_stats().monitor_ticks > ticks + 50));
	CHECK(READ_ONCE(arrived) == 2 && READ_ONCE(ran) == 0);
	CHECK(rt_stats().ms == 2);
	for (i = 0; i < 3; i++)
		CHECK(write(pipes[i][1], "x", 1) == 1);
	CHECK(AWAIT(READ_ONCE(ran) == 4));
	CHECK(rt_stop());
	_exit(rt_bad ? 1 : 7);
}

TEST(no_more_threads)
{
	struct rt_child *c = rt_in_child(two_ms, NULL);

	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "no kernel thread in place of one that blocked"));
	EXPECT_TRUE(rt_said(c, "WEFT_MAX_M=2"));
}

TEST(fewer_threads_than_ps)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 4, .max_m = 2 };
	u32 i;

	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, weft_start(&o));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, weft_go(i % 2 ? works : counts, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 100 + 800));
	EXPECT_LE(rt_stats().ms, 2);
	DONE();
}

/* ---- no more memory ---- */

static u64 address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (u64)pages * 4096;
}

#define MANY 300	/* more than a slab has stacks of 1 MiB */

TEST(no_memory_for_a_stack)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1,
			       .stack = 1 << 20 };
	struct weft_attr a = { .sz = sizeof(a), .stack = 2 << 20 };
	struct rlimit lim, old;
	struct weft_g *g = (void *)64;
	u32 i;

#ifdef WEFT__FIBERS
	SKIP(return, "a sanitizer needs address space, too");
#endif
	ASSERT_EQ(0, weft_start(&o));
	/* a slab of Gs and one of stacks are there */
	ASSERT_EQ(0, weft_go(counts, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(ran) == 1));
	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &old));
	lim = old;
	lim.rlim_cur = address_space();
	ASSERT_GT(lim.rlim_cur, 4096);
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &lim));

	EXPECT_EQ(-ENOMEM, weft_spawn(&g, &a, counts, NULL));
	EXPECT_EQ((void *)64, g);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, weft_go(waits_for_gate, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(S.starved)));
	EXPECT_TRUE(AWAIT(READ_ONCE(arrived) > 200));
	EXPECT_LT(READ_ONCE(arrived), MANY);
	EXPECT_EQ(MANY, rt_stats().gs);
	WRITE_ONCE(gate_open, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 1 + MANY));
	EXPECT_EQ(NULL, READ_ONCE(S.starved));
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &old));
	EXPECT_EQ(0, weft_spawn(&g, &a, counts, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- attributes ---- */

static weft__noinline u32 use(size_t bytes)
{
	volatile char *p = __builtin_alloca(bytes);
	size_t i;
	u32 sum = 0;

	for (i = bytes; i > 0; i--)
		p[i - 1] = (char)i;
	weft_yield();
	for (i = 0; i < bytes; i += 64)
		sum += p[i] != (char)(i + 1);
	return sum;
}

static void *uses_most(void *arg)
{
	CHECK(!use((size_t)(uintptr_t)arg / 10 * 8));
	return NULL;
}

TEST(a_stack_of_its_own_size)
{
	static const size_t sizes[] = { 64 << 10, 256 << 10, 1 << 20, 8 << 20,
					300000 };
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *g;
	u32 i, j;

	ASSERT_EQ(0, rt_start(1));
	for (j = 0; j < 3; j++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			a.stack = sizes[i];
			ASSERT_EQ(0, weft_spawn(&g, &a, uses_most,
						(void *)sizes[i]));
			EXPECT_EQ(0, weft_join(g, NULL));
		}
	}
	/* the least there is */
	a.stack = 1;
	ASSERT_EQ(0, weft_spawn(&g, &a, uses_most, (void *)4096));
	EXPECT_EQ(0, weft_join(g, NULL));
	a.stack = ((size_t)1 << 30) + 1;
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, counts, NULL));
	a.stack = SIZE_MAX;
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, counts, NULL));
	DONE();
}

TEST(the_default_stack_is_the_options)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1,
			       .stack = 900000 };
	struct weft_g *g;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, weft_spawn(&g, NULL, uses_most, (void *)(1 << 20)));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

static char dump_text[32768];

static void dump(void)
{
	int fd = memfd_create("dump", 0);
	ssize_t n;

	CHECK(!weft_dump(fd));
	n = pread(fd, dump_text, sizeof(dump_text) - 1, 0);
	dump_text[n > 0 ? n : 0] = '\0';
	close(fd);
}

TEST(attributes_of_another_version)
{
	struct {
		struct weft_attr a;
		u64 later;
	} a = { .a = { .stack = 0, .name = "Ariadne" } };
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a.a, counts, NULL));
	a.a.sz = sizeof(size_t);
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a.a, counts, NULL));
	/* one that has no names yet */
	a.a.sz = offsetof(struct weft_attr, name);
	a.a.name = (void *)1;
	ASSERT_EQ(0, weft_spawn(&g, &a.a, waits_for_gate, NULL));
	dump();
	EXPECT_EQ(NULL, strstr(dump_text, "Ariadne"));
	a.a.name = "Ariadne";
	a.a.sz = sizeof(a);
	WRITE_ONCE(gate_open, 1);
	EXPECT_EQ(0, weft_join(g, NULL));
	WRITE_ONCE(gate_open, 0);
	ASSERT_EQ(0, weft_spawn(&g, &a.a, waits_for_gate, NULL));
	dump();
	EXPECT_NE(NULL, strstr(dump_text, "\"Ariadne\""));
	WRITE_ONCE(gate_open, 1);
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- sleep ---- */

static void *sleeps_long_enough(void *arg)
{
	s64 ns = (s64)(intptr_t)arg, t = weft__now();

	CHECK(!weft_sleep(ns));
	CHECK(weft__now() - t >= ns);
	atomic_add(&ran, 1);
	return NULL;
}

TEST(sleep_not_less)
{
	u64 timers;
	intptr_t i;

	ASSERT_EQ(0, rt_start(0));
	timers = rt_stats().timers;
	for (i = 1; i <= 200; i++)
		ASSERT_EQ(0, weft_go(sleeps_long_enough,
				     (void *)(i * 7919 % 200 * 100000 + 1)));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 200));
	EXPECT_TRUE(AWAIT(rt_stats().timers == timers + 200));
	for (i = -2; i <= 0; i++)
		ASSERT_EQ(0, weft_go(sleeps_long_enough, (void *)i));
	DONE();
}

/* ---- checkpoint ---- */

static void *computes(void *arg)
{
	/* Alone on its P until the other has run: the slice ends. */
	while (!READ_ONCE(ran))
		weft_checkpoint();
	atomic_add(&ran, 1);
	return arg;
}

static void *computes_before_another(void *arg)
{
	CHECK(!weft_go(computes, NULL));
	CHECK(!weft_go(counts, NULL));
	return arg;
}

TEST(checkpoint_yields_when_the_slice_is_over)
{
	struct trace_entry e;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(computes_before_another, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 2));
	EXPECT_TRUE(rt_event(&S.trace, TRACE_EXPIRED, 0, &e));
	DONE();
}

TEST_HARNESS_MAIN
