// SPDX-License-Identifier: GPL-2.0-only
/*
 * refused.c - the system refuses a thread: work goes on with the Ms there are,
 * a start that cannot do without says so and leaves nothing behind, and who
 * was refused asks again.
 *
 * without: tsan
 * (its pthread_create() does not survive a refusal)
 */
#include "rt.h"

#include <dlfcn.h>
#include <dirent.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

/* ---- the C library's, with refusals ---- */

#define ALL (~0ull)

static u64 refuse;		/* bit n: creation n; the last: all later */
static u32 asked, refused;

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *),
		      void *);

/* That of the program goes before that of the C library. */
int pthread_create(pthread_t *t, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	create_fn *real = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	u32 n = atomic_add(&asked, 1) - 1;

	if (READ_ONCE(refuse) >> (n < 63 ? n : 63) & 1) {
		atomic_add(&refused, 1);
		return EAGAIN;
	}
	return real(t, attr, fn, arg);
}

static void refuse_these(u64 mask)
{
	WRITE_ONCE(asked, 0);
	WRITE_ONCE(refuse, mask);
}

/* ---- start ---- */

struct held {
	u32 threads, fds;
	size_t heap, mapped;
};

static u32 entries(const char *path)
{
	DIR *d = opendir(path);
	u32 n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static struct held held(void)
{
	struct held h = { 0 };
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f && fscanf(f, "%zu", &h.mapped) == 1);
	if (f)
		fclose(f);
	h.threads = entries("/proc/self/task");
	h.fds = entries("/proc/self/fd");
	h.heap = mallinfo2().uordblks;
	return h;
}

static void *adds(void *arg)
{
	atomic_add((u32 *)arg, 1);
	return NULL;
}

/* It works, and ends. */
static void runs(struct __test_metadata *_metadata, u32 procs)
{
	u32 ran = 0, i;

	ASSERT_EQ(0, rt_start(procs));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, weft_go(adds, &ran));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 100));
	DONE();
}

#define WARM 20			/* until malloc() has its caches */
#define ROUNDS 100

static void fails_and_leaves_nothing(struct __test_metadata *_metadata,
				     u64 mask)
{
	struct held before, after;
	struct sigaction segv;
	int i;

	weft__membarrier_price();	/* has a thread of its own, once */
	runs(_metadata, 1);
	for (i = 0; i < WARM + ROUNDS; i++) {
		refuse_these(mask);
		ASSERT_EQ(-EAGAIN, rt_start(1));
		ASSERT_EQ(-EPERM, weft_go(adds, &asked));
		ASSERT_EQ(-EINVAL, weft_stop());
		after = held();
		if (i == WARM)
			before = after;
	}
	EXPECT_EQ(before.threads, after.threads);
	EXPECT_EQ(before.fds, after.fds);
	/* less than the smallest block for each */
	EXPECT_LT(after.heap, before.heap + ROUNDS * 16);
#ifndef WEFT__ASAN	/* which maps some for each thread that was refused */
	EXPECT_EQ(before.mapped, after.mapped);
#endif
	EXPECT_EQ(0, sigaction(SIGSEGV, NULL, &segv));
	EXPECT_TRUE(segv.sa_handler == SIG_DFL);
	refuse_these(0);
	runs(_metadata, 1);
}

TEST(no_first_m)
{
	fails_and_leaves_nothing(_metadata, ALL);
}

TEST(no_sysmon)
{
	fails_and_leaves_nothing(_metadata, ALL << 1);
}

static int never_runs(void *arg)
{
	(void)arg;
	return 1;
}

static int runs_under_run(void *arg)
{
	atomic_add((u32 *)arg, 1);
	return 7;
}

TEST(run_says_so_too)
{
	u32 ran = 0;

	weft__membarrier_price();
	refuse_these(ALL);
	EXPECT_EQ(-EAGAIN, weft_run(never_runs, NULL));
	refuse_these(0);
	EXPECT_EQ(7, weft_run(runs_under_run, &ran));
	EXPECT_EQ(1, ran);
}

/* The second M is refused, sysmon is not: one M has to do. */
TEST(a_start_with_fewer_ms)
{
	weft__membarrier_price();
	setenv("WEFT_DEBUG", "oversubscribe", 1);
	refuse_these(ALL ^ 1 ^ 4);
	ASSERT_EQ(0, rt_start(3));
	EXPECT_EQ(1, rt_stats().ms);
	rt_stop();
	refuse_these(2);
	runs(_metadata, 3);
}

/* ---- while it runs ---- */

static u32 counted;

struct pipe_g {
	int fd[2];
	u32 in;
};

static void *blocks(void *arg)
{
	struct pipe_g *p = arg;
	char c;

	rt_set(&p->in, 1);
	CHECK(WEFT_BLOCKING(read(p->fd[0], &c, 1)) == 1);
	return NULL;
}

static bool sleeps_in(struct pipe_g *p, u32 m)
{
	return rt_get(&p->in) && weft__thread_state(S.m[m]->tid) == 'S';
}

/* Until sysmon has asked for an M, in vain */
static void await_refusal(u32 more)
{
	u32 before = READ_ONCE(refused);

	CHECK(AWAIT(READ_ONCE(refused) >= before + more));
}

/* One M, which blocks: others wait for it, then for a thread. */
static void one_blocks(void *arg)
{
	struct pipe_g p[2] = { 0 };
	u32 ran = 0;

	(void)arg;
	weft__membarrier_price();
	if (pipe(p[0].fd) || pipe(p[1].fd))
		_exit(2);
	CHECK(!rt_start(1));
	refuse_these(ALL);
	CHECK(!weft_go(blocks, &p[0]));
	CHECK(AWAIT(sleeps_in(&p[0], 0)));
	CHECK(!weft_go(adds, &ran));
	await_refusal(3);
	CHECK(!READ_ONCE(ran) && rt_stats().ms == 1);
	/* it comes back, and goes on with what waited */
	CHECK(write(p[0].fd[1], "x", 1) == 1);
	CHECK(AWAIT(READ_ONCE(ran) == 1));
	/* once more; now there is a thread again */
	CHECK(!weft_go(blocks, &p[1]));
	CHECK(AWAIT(sleeps_in(&p[1], 0)));
	CHECK(!weft_go(adds, &ran));
	await_refusal(1);
	refuse_these(0);
	CHECK(AWAIT(READ_ONCE(ran) == 2));
	CHECK(rt_stats().ms > 1 && rt_stats().handoffs > 0);
	CHECK(write(p[1].fd[1], "x", 1) == 1);
	CHECK(rt_stop());
	_exit(rt_bad ? 1 : 7);
}

TEST(no_m_for_one_that_blocks)
{
	struct rt_child *c = rt_in_child(one_blocks, NULL);
	const char *first;

	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "no kernel thread in place of one that blocked "
			       "(1 there; the system refuses more)"));
	first = strstr(c->said, "no kernel thread");
	EXPECT_TRUE(first && !strstr(first + 1, "no kernel thread"));
}

/* Of two Ms one blocks: the other does the work of both. */
TEST(the_other_m_goes_on)
{
	struct pipe_g p = { 0 };
	u32 i;

	setenv("WEFT_DEBUG", "oversubscribe", 1);
	weft__membarrier_price();
	ASSERT_EQ(0, pipe(p.fd));
	ASSERT_EQ(0, rt_start(2));
	refuse_these(ALL);
	ASSERT_EQ(0, weft_go(blocks, &p));
	EXPECT_TRUE(AWAIT(sleeps_in(&p, 0) || sleeps_in(&p, 1)));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, weft_go(adds, &counted));
	EXPECT_TRUE(AWAIT(READ_ONCE(counted) == 1000));
	EXPECT_EQ(2, rt_stats().ms);
	ASSERT_EQ(1, write(p.fd[1], "x", 1));
	DONE();
}

/* sysmon keeps a spare; refused, it asks again, but not at each tick. */
TEST(the_next_spare)
{
	struct pipe_g p[2] = { 0 };
	u64 ticks;
	u32 ran = 0, before;
	s64 start;

	weft__membarrier_price();
	ASSERT_EQ(0, pipe(p[0].fd));
	ASSERT_EQ(0, pipe(p[1].fd));
	/* a sentinel is a thread, too, and may be the first that is asked */
	setenv("WEFT_BLOCK_DETECT", "sysmon", 1);
	ASSERT_EQ(0, rt_start(1));
	refuse_these(ALL ^ 1);	/* one successor, and no spare besides */
	ASSERT_EQ(0, weft_go(blocks, &p[0]));
	EXPECT_TRUE(AWAIT(sleeps_in(&p[0], 0)));
	ASSERT_EQ(0, weft_go(adds, &ran));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 1));
	/* what blocks without others that wait is handed on all the same */
	ASSERT_EQ(0, weft_go(blocks, &p[1]));
	await_refusal(1);
	start = weft__now();
	before = READ_ONCE(refused);
	ticks = rt_stats().monitor_ticks;
	EXPECT_TRUE(AWAIT(rt_stats().monitor_ticks > ticks + 100));
	EXPECT_LE(READ_ONCE(refused) - before,
		  1 + (weft__now() - start) / (10 * NSEC_PER_MSEC));
	EXPECT_EQ(2, rt_stats().ms);
	refuse_these(0);
	EXPECT_TRUE(AWAIT(rt_stats().ms > 2));
	ASSERT_EQ(1, write(p[0].fd[1], "x", 1));
	ASSERT_EQ(1, write(p[1].fd[1], "x", 1));
	DONE();
}

/* No sentinel: sysmon hands off, and asks for one again. */
TEST(the_sentinel)
{
	struct pipe_g p = { 0 };
	u32 ran = 0;

	weft__membarrier_price();
	ASSERT_EQ(0, pipe(p.fd));
	ASSERT_EQ(0, rt_start(1));
	refuse_these(1);
	ASSERT_EQ(0, weft_go(blocks, &p));
	EXPECT_TRUE(AWAIT(sleeps_in(&p, 0)));
	ASSERT_EQ(0, weft_go(adds, &ran));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 1));
	ASSERT_EQ(1, write(p.fd[1], "x", 1));
	DONE();
}

static void *locks(void *arg)
{
	*(int *)arg = weft_lock_thread();
	return NULL;
}

TEST(no_m_beside_a_locked_one)
{
	int first = 1, second = 1;

	weft__membarrier_price();
	ASSERT_EQ(0, rt_start(1));
	refuse_these(ALL);
	ASSERT_EQ(0, weft_go(locks, &first));
	EXPECT_TRUE(AWAIT(weft__live() <= 0));
	EXPECT_EQ(-EAGAIN, first);
	refuse_these(0);
	ASSERT_EQ(0, weft_go(locks, &second));
	EXPECT_TRUE(AWAIT(weft__live() <= 0));
	EXPECT_EQ(0, second);
	DONE();
}

/* More Ps than Ms for a while */
TEST(set_procs_without_an_m)
{
	u32 i;

	NEEDS_CPUS(2);
	weft__membarrier_price();
	ASSERT_EQ(0, rt_start(1));
	refuse_these(ALL);
	ASSERT_EQ(0, weft_set_procs(2));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, weft_go(adds, &counted));
	EXPECT_TRUE(AWAIT(READ_ONCE(counted) == 1000));
	EXPECT_EQ(1, rt_stats().ms);
	refuse_these(0);
	/* the token is filled once there is work for it */
	for (i = 0; !READ_ONCE(S.tok[1]) && i < 1000000; i++)
		ASSERT_EQ(0, weft_go(adds, &counted));
	EXPECT_NE(0, READ_ONCE(S.tok[1]));
	DONE();
}

/* ---- the kernel itself refuses ---- */

#define NOBODYS_UID 54321

static void limited(void *arg)
{
	struct rlimit old, none;

	(void)arg;
	weft__membarrier_price();
	if (!geteuid() && (setresgid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID) ||
			   setresuid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID)))
		_exit(4);
	prctl(PR_SET_DUMPABLE, 1);	/* or /proc/self is another's */
	CHECK(!getrlimit(RLIMIT_NPROC, &old));
	none = (struct rlimit){ 1, old.rlim_max };
	CHECK(!setrlimit(RLIMIT_NPROC, &none));
	CHECK(rt_start(1) == -EAGAIN);
	CHECK(entries("/proc/self/task") == 2 + 1);
	CHECK(!setrlimit(RLIMIT_NPROC, &old));
	CHECK(!rt_start(1));
	CHECK(!weft_go(adds, &counted));
	CHECK(AWAIT(READ_ONCE(counted) == 1));
	CHECK(rt_stop());
	_exit(rt_bad ? 1 : 7);
}

TEST(rlimit_nproc)
{
	struct rt_child *c = rt_in_child(limited, NULL);

	if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 4)
		SKIP(return, "root that may not become another user");
	if (WEXITSTATUS(c->status) != 7)
		TH_LOG("said: %s", c->said);
	EXPECT_EXIT(c, 7);
}

TEST_HARNESS_MAIN
