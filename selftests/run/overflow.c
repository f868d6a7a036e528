// SPDX-License-Identifier: GPL-2.0-only
/*
 * overflow.c - a G that runs into its guard page is named, and the process
 * dies of it; every other fault is the host's.
 */
#include "../core/rt.h"

#include "kselftest_harness.h"

static void (*volatile deeper)(u32 n);

void recurses(u32 n);
void recurses(u32 n)
{
	volatile char frame[512];

	frame[0] = (char)n;
	deeper(n + 1);
	frame[1] = frame[0];
}

void *has_too_little_stack(void *arg);
void *has_too_little_stack(void *arg)
{
	char *stk = rt_g(weft_self())->stk;

	fprintf(stderr, "G %llu stack %p to %p\n",
		(unsigned long long)weft_id(weft_self()), (void *)stk,
		(void *)(stk + ((size_t)1 << rt_g(weft_self())->cls)));
	deeper = recurses;
	recurses(0);
	return arg;
}

static void overflows(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .stack = (size_t)arg };
	struct weft_g *g;

	if (!rt_start(0) && !weft_spawn(&g, arg ? &a : NULL,
					has_too_little_stack, NULL))
		weft_join(g, NULL);
}

static void reported(struct __test_metadata *_metadata, size_t stack)
{
	struct rt_child *c = rt_in_child(overflows, (void *)stack);
	unsigned long long id;
	void *lo, *hi;
	char want[200];
	int n;

	EXPECT_SIGNAL(c, SIGSEGV);
	n = sscanf(c->said, "G %llu stack %p to %p", &id, &lo, &hi);
	ASSERT_EQ(3, n);
	snprintf(want, sizeof(want),
		 "weft: stack overflow: G %llu, which runs "
		 "has_too_little_stack+0x0, hit the guard page at ", id);
	EXPECT_TRUE(rt_said(c, want));
	snprintf(want, sizeof(want), " of its stack %p to %p (%zu bytes; "
				     "WEFT_STACK)", lo, hi,
		 (size_t)((char *)hi - (char *)lo));
	EXPECT_TRUE(rt_said(c, want));
	/* a backtrace */
	EXPECT_TRUE(rt_said(c, "(recurses+0x"));
}

TEST(the_default_stack)
{
	reported(_metadata, 0);
}

TEST(a_stack_of_its_own_size)
{
	reported(_metadata, 256 << 10);
}

/* An inline child stands on its joiner's stack; it is the one that runs. */
static void *joins_one_that_recurses(void *arg)
{
	struct weft_g *g;

	weft_spawn(&g, NULL, has_too_little_stack, NULL);
	weft_join(g, NULL);
	return arg;
}

static void overflows_inline(void *arg)
{
	struct weft_g *g;

	if (!rt_start(1) &&
	    !weft_spawn(&g, NULL, joins_one_that_recurses, NULL))
		weft_join(g, NULL);
}

TEST(an_inline_child)
{
	struct rt_child *c = rt_in_child(overflows_inline, NULL);

	EXPECT_SIGNAL(c, SIGSEGV);
	EXPECT_TRUE(rt_said(c, "which runs has_too_little_stack"));
}

/* ---- other faults ---- */

static int *volatile nowhere = (int *)16;

static void *faults(void *arg)
{
	*nowhere = 1;
	return arg;
}

static void faults_in_a_g(void *arg)
{
	struct weft_g *g;

	if (!rt_start(0) && !weft_spawn(&g, NULL, faults, NULL))
		weft_join(g, NULL);
}

TEST(a_fault_without_a_handler_kills)
{
	struct rt_child *c = rt_in_child(faults_in_a_g, NULL);

	EXPECT_SIGNAL(c, SIGSEGV);
	EXPECT_EQ(NULL, strstr(c->said, "overflow"));
}

static void hosts_info(int sig, siginfo_t *si, void *uc)
{
	_exit(si->si_addr == (void *)16 && uc ? 31 : 32);
}

static void hosts_plain(int sig)
{
	_exit(sig == SIGSEGV ? 33 : 34);
}

static void host_handles_info(void *arg)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO,
				.sa_sigaction = hosts_info };

	sigaction(SIGSEGV, &sa, NULL);
	faults_in_a_g(NULL);
}

static void host_handles_plain(void *arg)
{
	signal(SIGSEGV, hosts_plain);
	faults_in_a_g(NULL);
}

static void host_faults_itself(void *arg)
{
	signal(SIGSEGV, hosts_plain);
	if (!rt_start(0))
		*nowhere = 1;
}

static void host_is_sent_one(void *arg)
{
	signal(SIGSEGV, hosts_plain);
	if (!rt_start(0))
		raise(SIGSEGV);
}

static void is_sent_one(void *arg)
{
	if (!rt_start(0))
		raise(SIGSEGV);
}

TEST(other_faults_are_the_hosts)
{
	EXPECT_EXIT(rt_in_child(host_handles_info, NULL), 31);
	EXPECT_EXIT(rt_in_child(host_handles_plain, NULL), 33);
	EXPECT_EXIT(rt_in_child(host_faults_itself, NULL), 33);
	EXPECT_EXIT(rt_in_child(host_is_sent_one, NULL), 33);
	EXPECT_SIGNAL(rt_in_child(is_sent_one, NULL), SIGSEGV);
}

/* An overflow kills, whatever handler the host has: no stack is left. */
static void host_handles_overflow(void *arg)
{
	signal(SIGSEGV, hosts_plain);
	overflows(NULL);
}

TEST(an_overflow_is_ours)
{
	struct rt_child *c = rt_in_child(host_handles_overflow, NULL);

	EXPECT_SIGNAL(c, SIGSEGV);
	EXPECT_TRUE(rt_said(c, "weft: stack overflow"));
}

/* ---- given back ---- */

static void first(int sig)
{
}

static void second(int sig)
{
}

TEST(handlers_come_back)
{
	struct sigaction now;
	int i;

	for (i = 0; i < 3; i++) {
		signal(SIGSEGV, first);
		signal(SIGBUS, SIG_IGN);
		ASSERT_EQ(0, rt_start(1));
		sigaction(SIGSEGV, NULL, &now);
		EXPECT_TRUE(now.sa_handler != first);
		DONE();
		sigaction(SIGSEGV, NULL, &now);
		EXPECT_TRUE(now.sa_handler == first);
		sigaction(SIGBUS, NULL, &now);
		EXPECT_TRUE(now.sa_handler == SIG_IGN);
	}
	/* The host put its own on top meanwhile: that stays. */
	ASSERT_EQ(0, rt_start(1));
	signal(SIGSEGV, second);
	DONE();
	sigaction(SIGSEGV, NULL, &now);
	EXPECT_TRUE(now.sa_handler == second);
	/* A start that failed has taken nothing. */
	EXPECT_EQ(-EINVAL, weft_start(&(struct weft_opts){
				   .sz = sizeof(struct weft_opts),
				   .bind = 99 }));
	sigaction(SIGSEGV, NULL, &now);
	EXPECT_TRUE(now.sa_handler == second);
}

TEST_HARNESS_MAIN
