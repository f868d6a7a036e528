// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork.c - fork: in the child every call says so until a fresh runtime is
 * built there; exec, _exit and posix_spawn work from anywhere.
 */
#include "rt.h"

#include <spawn.h>

#include "kselftest_harness.h"

extern char **environ;

static struct weft_g *parents_g;
static struct weft_parker parents_parker;
static u32 ran;

static void *counts(void *arg)
{
	atomic_add(&ran, 1);
	return arg;
}

static void *parks(void *arg)
{
	CHECK(!weft_park(&parents_parker));
	return arg;
}

static void every_call_refuses(void)
{
	struct weft_attr a = { .sz = sizeof(a), .stack = 65536 };
	struct weft_g *g;
	struct weft_stats st;

	CHECK(weft_go(counts, NULL) == -ECHILD);
	CHECK(weft_spawn(&g, NULL, counts, NULL) == -ECHILD);
	CHECK(weft_spawn(&g, &a, counts, NULL) == -ECHILD);
	CHECK(weft_join(parents_g, NULL) == -ECHILD);
	CHECK(weft_join_until(parents_g, NULL, WEFT_POLL) == -ECHILD);
	CHECK(weft_detach(parents_g) == -ECHILD);
	CHECK(weft_stop() == -ECHILD);
	CHECK(weft_set_procs(1) == -ECHILD);
	CHECK(weft_procs() == 0);
	CHECK(weft_stats(&st, sizeof(st)) == -ECHILD);
	CHECK(weft_dump(2) == -ECHILD);
	CHECK(weft_thread_register() == -ECHILD);
	CHECK(weft_thread_unregister() == -ECHILD);
	CHECK(weft_unpark(&parents_parker) == -ECHILD);
	CHECK(weft_unpark_signal(&parents_parker) < 0);
	CHECK(weft_self() == NULL);
	CHECK(weft_lock_thread() == -EPERM);
	weft_yield();
	weft_checkpoint();
	weft_block_begin();
	weft_block_end();
}

static void a_fresh_one(u32 procs)
{
	struct weft_g *g;
	void *ret;
	int i;

	CHECK(!rt_start(procs));
	ran = 0;
	for (i = 0; i < 100; i++)
		CHECK(!weft_go(counts, NULL));
	CHECK(AWAIT(READ_ONCE(ran) == 100));
	CHECK(!weft_spawn(&g, NULL, counts, &g));
	CHECK(!weft_join(g, &ret) && ret == &g);
	CHECK(!weft_thread_register());
	CHECK(!weft_thread_unregister());
	CHECK(rt_stats().spawned == 101);
	CHECK(rt_stop());
}

/* Runs fn in a forked child; its status. */
static int in_fork(void (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		rt_bad = 0;
		alarm(20);
		fn();
		_exit(rt_bad ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void child(void)
{
	every_call_refuses();
	a_fresh_one(1);
	/* afterwards it is a process like any other */
	CHECK(weft_go(counts, NULL) == -EPERM);
	a_fresh_one(0);
}

static void grandchild(void)
{
	CHECK(!rt_start(1));
	CHECK(!weft_go(counts, NULL));
	CHECK(!in_fork(child));
	CHECK(rt_stop());
}

static void start_all(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, rt_start(0));
	ASSERT_EQ(0, weft_spawn(&parents_g, NULL, parks, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(parents_parker.weft__word) > PARK_PERMIT));
}

static void stop_all(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, weft_unpark(&parents_parker));
	EXPECT_EQ(0, weft_join(parents_g, NULL));
	DONE();
}

TEST(the_child_of_a_thread)
{
	int i;

	start_all(_metadata);
	EXPECT_EQ(0, weft_thread_register());
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, in_fork(child));
	EXPECT_EQ(0, in_fork(grandchild));
	EXPECT_EQ(0, weft_thread_unregister());
	stop_all(_metadata);
}

static void *forks(void *arg)
{
	int status = in_fork(child);

	CHECK(!status);
	CHECK(!weft_sleep(1000));
	CHECK(weft_self());
	atomic_add(&ran, 1);
	return arg;
}

TEST(the_child_of_a_g)
{
	int i;

	start_all(_metadata);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, weft_go(forks, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 4));
	stop_all(_metadata);
}

/* The child returns from the G's function, and that is its end. */
static void *forks_and_returns(void *arg)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		return arg;
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	atomic_add(&ran, 1);
	return arg;
}

static void *has_a_forking_child(void *arg)
{
	struct weft_g *g;

	/* inline: two Gs are on this stack */
	CHECK(!weft_spawn(&g, NULL, forks_and_returns, NULL));
	CHECK(!weft_join(g, NULL));
	return arg;
}

TEST(the_child_returns_from_its_g)
{
	start_all(_metadata);
	fflush(NULL);
	ASSERT_EQ(0, weft_go(forks_and_returns, NULL));
	ASSERT_EQ(0, weft_go(has_a_forking_child, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 2));
	stop_all(_metadata);
}

/* ---- exec ---- */

static char *const say_ok[] = { "sh", "-c", "exit 5", NULL };

static void exec_it(void)
{
	execv("/bin/sh", say_ok);
}

static void *execs(void *arg)
{
	int status = in_fork(exec_it);
	pid_t pid;

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	CHECK(!posix_spawn(&pid, "/bin/sh", NULL, NULL, say_ok, environ));
	CHECK(WEFT_BLOCKING(waitpid(pid, &status, 0)) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	atomic_add(&ran, 1);
	return arg;
}

static void *execs_itself(void *arg)
{
	exec_it();
	return arg;
}

static void runs_and_execs(void *arg)
{
	if (!rt_start(0) && !weft_go(execs_itself, NULL))
		AWAIT(false);
}

static void *exits_process(void *arg)
{
	_exit(6);
}

static void runs_and_exits(void *arg)
{
	if (!rt_start(0) && !weft_go(exits_process, NULL))
		AWAIT(false);
}

TEST(exec_and_exit)
{
	struct rt_child *c;

	start_all(_metadata);
	ASSERT_EQ(0, weft_go(execs, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 1));
	stop_all(_metadata);
	c = rt_in_child(runs_and_execs, NULL);
	EXPECT_EXIT(c, 5);
	c = rt_in_child(runs_and_exits, NULL);
	EXPECT_EXIT(c, 6);
}

/* ---- the host's SIGSEGV handler, over a fork and a start in the child ---- */

static void on_segv(int sig)
{
	_exit(9);
}

static volatile int *volatile bad_place = (int *)8;

static void faults_in_the_child(void)
{
	CHECK(!rt_start(1));
	*bad_place = 1;
}

TEST(a_fault_in_the_child_goes_to_its_handler)
{
	int status;

	signal(SIGSEGV, on_segv);
	start_all(_metadata);
	status = in_fork(faults_in_the_child);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(9, WEXITSTATUS(status));
	stop_all(_metadata);
}

TEST_HARNESS_MAIN
