// SPDX-License-Identifier: GPL-2.0-only
/*
 * thread.c - a thread of the runtime leaves the host's signals alone, has its
 * name, CPUs and timer slack; and the kernel's word on its state is read right.
 */
#include "os/clock.h"
#include "os/cpu.h"
#include "os/futex.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"

struct seen {
	sigset_t blocked;
	char name[32];
	long slack;
	unsigned int cpus;
	bool on_cpu;
	unsigned int cpu;
	u32 tid;
	u32 go;
};

static void *look_around(void *arg)
{
	struct seen *s = arg;
	cpu_set_t *set;
	size_t size;

	pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
	prctl(PR_GET_NAME, s->name);
	s->slack = prctl(PR_GET_TIMERSLACK);
	s->cpus = weft__cpus_allowed();
	if (!weft__affinity(&set, &size)) {
		s->on_cpu = CPU_ISSET_S(s->cpu, size, set);
		CPU_FREE(set);
	}
	return s;
}

static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

static bool is_own(int sig)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i] == sig)
			return true;
	}
	return false;
}

TEST(as_asked)
{
	struct weft__thread_attr attr = { .name = "weft-m3" };
	struct seen s = { 0 };
	cpu_set_t *set;
	pthread_t t;
	sigset_t before, after;

	ASSERT_EQ(0, weft__affinity(&set, &attr.setsize));
	while (!CPU_ISSET_S(s.cpu, attr.setsize, set))
		s.cpu++;
	CPU_ZERO_S(attr.setsize, set);
	CPU_SET_S(s.cpu, attr.setsize, set);
	attr.cpus = set;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	ASSERT_EQ(0, weft__thread_create(&t, &attr, look_around, &s));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CPU_FREE(set);
	ASSERT_EQ(0, pthread_join(t, NULL));
	EXPECT_STREQ("weft-m3", s.name);
	EXPECT_EQ(1, s.slack);
	EXPECT_EQ(1, s.cpus);
	EXPECT_TRUE(s.on_cpu);
	for (int sig = 1; sig < 32; sig++) {
		EXPECT_EQ(sigismember(&before, sig), sigismember(&after, sig));
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		EXPECT_EQ(!is_own(sig), sigismember(&s.blocked, sig))
		TH_LOG("signal %d", sig);
	}
}

TEST(cpus_that_cannot_be_had)
{
	struct weft__thread_attr attr = { .name = "fifteen letters" };
	struct seen s = { 0 };
	cpu_set_t none;
	pthread_t t;

	CPU_ZERO(&none);
	attr.cpus = &none;
	attr.setsize = sizeof(none);
	ASSERT_EQ(0, weft__thread_create(&t, &attr, look_around, &s));
	ASSERT_EQ(0, pthread_join(t, NULL));
	EXPECT_STREQ("fifteen letters", s.name);
	EXPECT_EQ(weft__cpus_allowed(), s.cpus);
	ASSERT_EQ(-EINVAL, weft__thread_bind(0, &none, sizeof(none)));
}

TEST(creation_that_fails)
{
	struct weft__thread_attr attr = { .name = "huge",
					  .stack = 1ul << 60 };
	pthread_t t;
	int err = weft__thread_create(&t, &attr, look_around, NULL);

	ASSERT_TRUE(err == -EAGAIN || err == -ENOMEM) TH_LOG("%d", err);
}

/* The name holds what a careless parser stumbles over. */
static void *wait_for_go(void *arg)
{
	struct seen *s = arg;

	prctl(PR_SET_NAME, "x) R 1 (y) D");
	WRITE_ONCE(s->tid, weft__gettid());
	while (!READ_ONCE(s->go))
		weft__futex_wait(&s->go, 0, INT64_MAX);
	while (READ_ONCE(s->go) == 1)
		cpu_relax();
	return NULL;
}

static void wait_for_state(u32 tid, char state)
{
	while (weft__thread_state(tid) != state)
		sched_yield();
}

TEST(state_and_cpu)
{
	const struct weft__thread_attr attr = { .name = "t" };
	struct seen s = { 0 };
	volatile int *e = &errno;
	pthread_t t;
	int fd, cpu;

	ASSERT_EQ(0, weft__thread_create(&t, &attr, wait_for_go, &s));
	while (!READ_ONCE(s.tid))
		sched_yield();
	fd = weft__thread_stat_open(s.tid);
	if (fd < 0)
		SKIP(return, "no /proc");
	*e = 12345;
	wait_for_state(s.tid, 'S');
	WRITE_ONCE(s.go, 1);
	weft__futex_wake(&s.go, 1);
	wait_for_state(s.tid, 'R');
	ASSERT_EQ('R', weft__thread_stat(fd, &cpu));
	ASSERT_LE(0, cpu);
	WRITE_ONCE(s.go, 2);
	ASSERT_EQ(0, pthread_join(t, NULL));
	while (weft__thread_state(s.tid))
		sched_yield();
	ASSERT_EQ(0, weft__thread_stat(fd, &cpu));
	ASSERT_EQ(-1, cpu);
	weft__thread_stat_close(fd);
	ASSERT_EQ(12345, *e);
	ASSERT_EQ('R', weft__thread_state(weft__gettid()));
	ASSERT_EQ(0, weft__thread_state(0));
	ASSERT_EQ(0, weft__thread_state(-1));
	ASSERT_EQ(0, weft__thread_state(INT32_MAX));
	ASSERT_EQ(-ENOENT, weft__thread_stat_open(INT32_MAX));
}

TEST_HARNESS_MAIN
