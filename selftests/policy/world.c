// SPDX-License-Identifier: GPL-2.0-only
/*
 * world.c - a policy beside everything else: ordinary threads, blocking calls,
 * another number of Ps, fork, many starts.
 */
#include "pol.h"

#include "kselftest_harness.h"

#define GS 40

static u32 ran;

static void *counts(void *arg)
{
	weft_yield();
	__atomic_fetch_add(&ran, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* ---- ordinary threads spawn, join, wake ---- */

#define THREADS 4
#define TURNS 500

static struct weft_parker to_g[THREADS], to_thread[THREADS];

static void *answers(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	u32 n;

	for (n = 0; n < TURNS; n++) {
		CHECK(!weft_park(&to_g[i]));
		CHECK(!weft_unpark(&to_thread[i]));
	}
	return arg;
}

static void *asks(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	struct weft_g *g, *c;
	u32 n;

	CHECK(!weft_thread_register());
	CHECK(!weft_spawn(&g, NULL, answers, arg));
	for (n = 0; n < TURNS; n++) {
		CHECK(!weft_unpark(&to_g[i]));
		CHECK(!weft_park(&to_thread[i]));
		if (n % 50)
			continue;
		CHECK(!weft_spawn(&c, NULL, counts, NULL));
		CHECK(!weft_join(c, NULL));
	}
	CHECK(!weft_join(g, NULL));
	CHECK(!weft_thread_unregister());
	return NULL;
}

TEST(ordinary_threads)
{
	pthread_t t[THREADS];
	uintptr_t i;

	ASSERT_EQ(0, pol_start(2, &log_ops));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, asks, (void *)i));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(THREADS * TURNS / 50, ran);
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
}

static struct weft_parker by_signal;

static void *waits_for_signal(void *arg)
{
	CHECK(!weft_park(&by_signal));
	return arg;
}

TEST(unpark_signal)
{
	struct weft_g *g;

	ASSERT_EQ(0, pol_start(1, &log_ops));
	ASSERT_EQ(0, weft_spawn(&g, NULL, waits_for_signal, NULL));
	ASSERT_TRUE(AWAIT(strchr(pol_story(weft_id(g), NULL), 'q')));
	EXPECT_EQ(0, weft_unpark_signal(&by_signal));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- blocking: the P goes on, and its LOCAL DSQ with it ---- */

static int fds[2];
static bool announced;
static u32 in_read;

static void *reads(void *arg)
{
	char c;

	WRITE_ONCE(in_read, 1);
	if (announced)
		CHECK(WEFT_BLOCKING(read(fds[0], &c, 1)) == 1);
	else
		CHECK(read(fds[0], &c, 1) == 1);
	CHECK(!strcmp(weft_policy_name(), "log"));
	return arg;
}

static void *writes(void *arg)
{
	CHECK(READ_ONCE(in_read));
	CHECK(write(fds[1], "x", 1) == 1);
	return arg;
}

static void *reads_and_writes(void *arg)
{
	struct weft_g *r, *w;

	CHECK(!weft_spawn(&r, NULL, reads, NULL));
	CHECK(!weft_spawn(&w, NULL, writes, NULL));
	CHECK(!weft_join(r, NULL));
	CHECK(!weft_join(w, NULL));
	return arg;
}

static void to_p0(struct weft_g *g, u64 flags)
{
	weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | 0, 0, flags);
}

/* All on P 0, whose M sleeps in read(): the writer runs on another M's P 0. */
static void block(struct __test_metadata *_metadata, u32 procs, bool how)
{
	announced = how;
	ASSERT_EQ(0, pipe(fds));
	pol.enqueue = to_p0;
	ASSERT_EQ(0, pol_start(procs, &log_ops));
	pol_run(reads_and_writes, NULL);
	EXPECT_LE(1, rt_stats().handoffs);
	DONE();
}

TEST(blocks_announced)
{
	block(_metadata, 1, true);
}

TEST(blocks_unannounced)
{
	block(_metadata, 1, false);
}

TEST(blocks_beside_an_idle_p)
{
	NEEDS_CPUS(2);
	block(_metadata, 2, true);
}

/* ---- another number of Ps ---- */

static u32 quit;

static void to_each_p(struct weft_g *g, u64 flags)
{
	static u32 turn;
	u32 n = weft_nr_cpus(), i = READ_ONCE(turn);

	WRITE_ONCE(turn, i + 1);
	weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | i % n, 0,
			flags & ~WEFT_ENQ_WAKEUP);
}

static void *goes_on(void *arg)
{
	while (!READ_ONCE(quit)) {
		weft_yield();
		__atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void other_procs(struct __test_metadata *_metadata)
{
	struct weft_g *g[GS];
	u32 i, at;

	ASSERT_EQ(0, pol_start(2, &log_ops));
	for (i = 0; i < GS; i++)
		ASSERT_EQ(0, weft_spawn(&g[i], NULL, goes_on, NULL));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, weft_set_procs(1 + i % 2));
		at = READ_ONCE(ran);
		EXPECT_TRUE(AWAIT(READ_ONCE(ran) > at + GS));
	}
	WRITE_ONCE(quit, 1);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(0, weft_join(g[i], NULL));
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
}

TEST(set_procs_with_one_queue)
{
	NEEDS_CPUS(2);
	other_procs(_metadata);
}

TEST(set_procs_with_local_queues)
{
	NEEDS_CPUS(2);
	pol.enqueue = to_each_p;
	other_procs(_metadata);
}

/* ---- idle ---- */

static u64 ticks(void)
{
	return rt_stats().monitor_ticks;
}

TEST(idle_is_silent)
{
	u64 at;

	ASSERT_EQ(0, pol_start(2, &log_ops));
	pol_run(counts, NULL);
	ASSERT_TRUE(AWAIT(READ_ONCE(S.mon_asleep) &&
			  READ_ONCE(S.mon_until) == INT64_MAX));
	at = ticks();
	usleep(50000);
	EXPECT_EQ(at, ticks());
	EXPECT_EQ(rt_stats().idle, rt_stats().procs);
	DONE();
}

/* ---- the deadlock check looks through a policy ---- */

static u32 deadlocks;

static void deadlocked(void *arg)
{
	(void)arg;
	rt_set(&deadlocks, 1);
}

TEST(a_deadlock_is_told)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1,
			       .on_deadlock = deadlocked, .policy = &log_ops };
	struct weft_g *g;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, weft_spawn(&g, NULL, waits_for_signal, NULL));
	EXPECT_TRUE(AWAIT(rt_get(&deadlocks)));
	EXPECT_EQ(0, weft_unpark(&by_signal));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- fork ---- */

static void forked(void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	if (!CHECK(!pol_start(2, &log_ops)))
		return;
	pol_run(counts, NULL);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		CHECK(weft_go(counts, NULL) == -ECHILD);
		CHECK(weft_policy_word(1) == -ECHILD);
		CHECK(!strcmp(weft_policy_name(), "builtin"));
		CHECK(!rt_start(1));
		pol_run(counts, NULL);
		CHECK(rt_stop());
		CHECK(!pol_start(1, &log_ops));
		pol_run(counts, NULL);
		CHECK(rt_stop());
		_exit(rt_bad != 0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	CHECK(rt_stop());
	if (!rt_bad)
		fprintf(stderr, "fine\n");
}

TEST(a_forks_child_may_start_again)
{
	struct rt_child *c = rt_in_child(forked, NULL);

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(rt_said(c, "fine"));
}

TEST(many_starts)
{
	u32 i;

	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, pol_start(1 + i % 2, i % 3 ? &log_ops : NULL));
		pol_run(counts, NULL);
		ASSERT_TRUE(rt_stop());
	}
	EXPECT_EQ(20, pol.exits);
	EXPECT_EQ(30, ran);
	EXPECT_EQ(0, rt_bad);
}

/* ---- a dump ---- */

static void log_dump(int fd)
{
	dprintf(fd, "the policy itself\n");
}

static void dumps(void *arg)
{
	(void)arg;
	log_ops.dump = log_dump;
	if (!CHECK(!pol_start(1, &log_ops)))
		return;
	pol_run(counts, NULL);
	CHECK(!weft_dump(2));
	CHECK(rt_stop());
}

TEST(a_dump_asks_the_policy)
{
	struct rt_child *c = rt_in_child(dumps, NULL);

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(rt_said(c, "policy log: on"));
	EXPECT_TRUE(rt_said(c, "the policy itself"));
}

TEST_HARNESS_MAIN
