// SPDX-License-Identifier: GPL-2.0-only
/*
 * preempt.c - a G that opted in is stopped in its stretches and nowhere else,
 * and finds everything as it was; see lib/core/preempt.c.
 */
#include "rt.h"
#include "preempt_regs.h"

#include <weft/preempt.h>

#include "kselftest_harness.h"

static int signo = 60;	/* the default */

static const struct weft_attr may = { .sz = sizeof(may), .preemptible = 1 };

static u32 stop, turns;

static int spawn(struct weft_g **g, weft_fn *fn, void *arg)
{
	return weft_spawn(g, &may, fn, arg);
}

static int go(weft_fn *fn, void *arg)
{
	struct weft_g *g;
	int ret = spawn(&g, fn, arg);

	return ret ? ret : weft_detach(g);
}

/* Started with one P; skipped where nothing is preempted. */
#define START(procs)                                                          \
	do {                                                                  \
		int start_ret;                                                \
		ASSERT_EQ(0, rt_start(procs));                                \
		start_ret = go(nop, NULL);                                    \
		if (start_ret == -ENOTSUP) {                                  \
			EXPECT_EQ(0, weft_stop());                            \
			SKIP(return, "nothing is preempted in this build");   \
		}                                                             \
		ASSERT_EQ(0, start_ret);                                      \
	} while (0)

static void *nop(void *arg)
{
	return arg;
}

static bool blocked(void)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, signo) == 1;
}

/* Has a stretch, and computes in it until told. */
static void *computes(void *arg)
{
	CHECK(!weft_preempt_enable());
	while (!READ_ONCE(stop))
		cpu_relax();
	/* Wherever it has come to, the signal can reach it. */
	CHECK(!blocked());
	CHECK(!weft_preempt_disable());
	return arg;
}

/*
 * Uses all registers for something else, whenever it has a turn, until there
 * were n preemptions.  On a machine that is busy with something else a G may
 * miss three ticks, and is a hog from then on.
 */
static void *others(void *arg)
{
	u32 n = (u32)(uintptr_t)arg;

	while (rt_stats().preempted < n && !rt_stats().hogs) {
		CHECK(blocked());
		regs_clobber();
		WRITE_ONCE(turns, turns + 1);
		weft_yield();
	}
	WRITE_ONCE(stop, 1);
	return NULL;
}

TEST(it_lets_others_run)
{
	START(1);
	ASSERT_EQ(0, go(computes, NULL));
	ASSERT_EQ(0, weft_go(others, (void *)5));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	EXPECT_GE(READ_ONCE(turns), 1);
	DONE();
}

/* ---- registers, flags, red zone ---- */

static void *keeps_registers(void *arg)
{
	u64 seed = (uintptr_t)arg;

	CHECK(!weft_preempt_enable());
	/* It notes what differs in the end, in memory of its own. */
	seed = regs_hold(seed, &stop);
	CHECK(!weft_preempt_disable());
	CHECK(seed == 0);
	return NULL;
}

TEST(all_registers_are_kept)
{
	START(1);
	ASSERT_EQ(0, go(keeps_registers, (void *)1));
	ASSERT_EQ(0, weft_go(others, (void *)5));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	DONE();
}

TEST(many_at_once)
{
	u32 i;

	START(weft__cpus_allowed() > 1 ? 2 : 1);
	for (i = 1; i <= 12; i++)
		ASSERT_EQ(0, go(keeps_registers, (void *)(uintptr_t)i));
	ASSERT_EQ(0, weft_go(others, (void *)60));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	DONE();
}

/* A sum in floating point and in adc, as a compiler would write it. */
static double series(u64 n, u64 *carry)
{
	double sum = 0;
	u64 lo = 0, hi = 0, i;

	for (i = 1; i <= n; i++) {
		sum += 1.0 / (double)i;
		__asm__("addq %2, %0\n\tadcq $0, %1"
			: "+r"(lo), "+r"(hi)
			: "r"(i * 0x9e3779b97f4a7c15ull)
			: "cc");
	}
	*carry = hi;
	return sum;
}

static void *sums(void *arg)
{
	u64 want_carry, carry, n = 2000000;
	double want = series(n, &want_carry), got;

	(void)arg;
	do {
		CHECK(!weft_preempt_enable());
		got = series(n, &carry);
		CHECK(!weft_preempt_disable());
		if (!CHECK(got == want && carry == want_carry))
			break;
		weft_checkpoint();
	} while (!READ_ONCE(stop));
	return NULL;
}

TEST(results_are_right)
{
	int i;

	START(1);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, go(sums, NULL));
	ASSERT_EQ(0, weft_go(others, (void *)5));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	DONE();
}

/* ---- who is not preempted ---- */

static void *has_turn(void *arg)
{
	WRITE_ONCE(turns, 1);
	return arg;
}

static void *plain(void *arg)
{
	CHECK(!weft_go(has_turn, NULL));
	CHECK(weft_preempt_enable() == -EPERM);
	CHECK(weft_preempt_disable() == -EPERM);
	CHECK(blocked());
	CHECK(G_SPIN(READ_ONCE(turns)));
	CHECK(blocked());
	return arg;
}

TEST(without_opting_in_nothing_happens)
{
	START(1);
	ASSERT_EQ(0, weft_go(plain, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(0, rt_stats().preempted);
	EXPECT_TRUE(AWAIT(rt_stats().hogs));
	DONE();
}

static void *outside(void *arg)
{
	CHECK(!weft_go(has_turn, NULL));
	CHECK(!weft_preempt_enable());
	CHECK(!blocked());
	CHECK(weft_preempt_enable() == -EBUSY);
	CHECK(!weft_preempt_disable());
	CHECK(blocked());
	CHECK(weft_preempt_disable() == -EPERM);
	CHECK(G_SPIN(READ_ONCE(turns)));
	return arg;
}

TEST(outside_of_its_stretches_nothing_happens)
{
	START(1);
	ASSERT_EQ(0, go(outside, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(0, rt_stats().preempted);
	EXPECT_TRUE(AWAIT(rt_stats().hogs));
	EXPECT_EQ(-EPERM, weft_preempt_enable());
	EXPECT_EQ(-EPERM, weft_preempt_disable());
	DONE();
}

/* Too little room for the trampoline: a hog, then. */
static weft__noinline void deep(char *low)
{
	volatile char here[512];

	here[0] = 0;
	if ((char *)here - low > 8192 + 1024) {
		deep(low);
	} else {
		CHECK(!weft_preempt_enable());
		while (!READ_ONCE(turns))
			cpu_relax();
		CHECK(!weft_preempt_disable());
	}
	here[1] = 0;
}

static void *goes_deep(void *arg)
{
	CHECK(!weft_go(has_turn, NULL));
	deep(this_m()->cur->stk);
	return arg;
}

TEST(with_little_stack_left_it_is_a_hog)
{
	START(1);
	ASSERT_EQ(0, go(goes_deep, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(0, rt_stats().preempted);
	EXPECT_TRUE(AWAIT(rt_stats().hogs));
	DONE();
}

/* ---- libc in a stretch ---- */

static void *allocates(void *arg)
{
	u32 x = (u32)(uintptr_t)arg;
	void *p[16] = { 0 };
	int i;

	CHECK(!weft_preempt_enable());
	while (!READ_ONCE(stop)) {
		x = x * 1103515245 + 12345;
		free(p[x >> 28]);
		p[x >> 28] = malloc(x >> 18 & 0x3fff);
		for (i = 0; i < 500; i++)
			x = x * 1103515245 + 12345;
	}
	CHECK(!weft_preempt_disable());
	for (x = 0; x < 16; x++)
		free(p[x]);
	return NULL;
}

TEST(malloc_in_a_stretch)
{
	u32 i;

	START(1);
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(0, go(allocates, (void *)(uintptr_t)i));
	ASSERT_EQ(0, weft_go(others, (void *)10));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	DONE();
}

static pthread_spinlock_t spin;

static void *unlocks(void *arg)
{
	pthread_spin_unlock(&spin);
	return arg;
}

static void *waits_in_libc(void *arg)
{
	CHECK(!weft_go(unlocks, NULL));
	CHECK(!weft_preempt_enable());
	pthread_spin_lock(&spin);
	CHECK(!weft_preempt_disable());
	return arg;
}

TEST(inside_of_libc_it_is_a_hog)
{
	pthread_spin_init(&spin, 0);
	pthread_spin_lock(&spin);
	START(1);
	ASSERT_EQ(0, go(waits_in_libc, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(0, rt_stats().preempted);
	EXPECT_TRUE(AWAIT(rt_stats().hogs));
	DONE();
}

/* ---- a child that runs as a call of who joins it ---- */

static void *joins(void *arg)
{
	struct weft_g *c;
	void *ret = NULL;

	CHECK(!spawn(&c, computes, arg));
	CHECK(!weft_join(c, &ret));
	CHECK(ret == arg);
	return NULL;
}

TEST(a_child_in_place)
{
	START(1);
	ASSERT_EQ(0, go(joins, &stop));
	ASSERT_EQ(0, weft_go(others, (void *)3));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().preempted, 1);
	DONE();
}

/* ---- the signal ---- */

static void own(int sig)
{
	(void)sig;
}

TEST(the_signal_is_taken_and_given_back)
{
	struct sigaction now;

	START(1);
	ASSERT_EQ(0, sigaction(signo, NULL, &now));
	EXPECT_TRUE(now.sa_handler != SIG_DFL);
	DONE();
	ASSERT_EQ(0, sigaction(signo, NULL, &now));
	EXPECT_TRUE(now.sa_handler == SIG_DFL);
	/* And again. */
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(0, go(computes, NULL));
	EXPECT_EQ(0, weft_go(others, (void *)1));
	DONE();
}

TEST(the_hosts_handler_is_left_alone)
{
	struct sigaction now;
	struct weft_g *g;

	START(1);
	DONE();
	signal(signo, own);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EBUSY, spawn(&g, nop, NULL));
	DONE();
	ASSERT_EQ(0, sigaction(signo, NULL, &now));
	EXPECT_TRUE(now.sa_handler == own);
	/* Another one is free. */
	signo = 61;
	setenv("WEFT_PREEMPT_SIGNAL", "61", 1);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(0, go(computes, NULL));
	EXPECT_EQ(0, weft_go(others, (void *)1));
	DONE();
}

/* ---- the promise is broken ---- */

static void *yields(void *arg)
{
	weft_preempt_enable();
	for (;;)
		weft_yield();
	return arg;
}

static void *ends(void *arg)
{
	weft_preempt_enable();
	return arg;
}

static void breaks(void *fn)
{
	if (rt_start(1) || go((weft_fn *)(uintptr_t)fn, NULL))
		_exit(2);
	pause();
}

TEST(a_call_of_weft_in_a_stretch_is_reported)
{
	struct rt_child *c;

	START(1);
	DONE();
	c = rt_in_child(breaks, (void *)(uintptr_t)yields);
	EXPECT_TRUE(rt_said(c, "between weft_preempt_enable()"));
	EXPECT_SIGNAL(c, SIGABRT);
	c = rt_in_child(breaks, (void *)(uintptr_t)ends);
	EXPECT_TRUE(rt_said(c, "between weft_preempt_enable()"));
	EXPECT_SIGNAL(c, SIGABRT);
}

TEST_HARNESS_MAIN
